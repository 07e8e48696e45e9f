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

func ExampleText() {
	w := report.Text(os.Stdout, report.Options{FailOn: hardening.SeverityMedium})
	job := hardening.Result{
		Unit: "org.example.web", Path: "org.example.web.plist", Backend: "launchd",
		Findings: []hardening.Finding{{
			ID: "H041", Severity: hardening.SeverityHigh, Message: "--password is an argument that everybody can see",
			File: "org.example.web.plist", Line: 9, Column: 11, Fix: "hand over a file of mode 0600",
		}},
	}
	if err := w.Unit(&job); err != nil {
		fmt.Println(err)
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	//   n/a                                 org.example.web
	//       org.example.web.plist, launchd
	//       no score: the score of systemd does not apply to launchd
	//    findings
	//       high      H041  --password is an argument that everybody can see
	//                 org.example.web.plist:9:11
	//                 fix: hand over a file of mode 0600
	//
	// 1 unit: 1 without a score
	// 1 finding: 1 high
	// failed: 1 finding is medium or worse
}
