package report_test

import (
	"fmt"
	"os"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
)

func ExampleNew() {
	w, err := report.New("json", os.Stdout, report.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	masked := hardening.Failed("web.service", "web.service", 257, fmt.Errorf("web.service is masked"))
	if err := w.Unit(&masked); err != nil {
		fmt.Println(err)
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: {"version":1,"units":[{"unit":"web.service","path":"web.service","backend":"systemd","systemd":257,"exposure":null,"rating":null,"error":"web.service is masked","rows":[],"findings":[]}]}
}
