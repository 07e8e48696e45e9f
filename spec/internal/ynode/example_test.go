package ynode_test

import (
	"fmt"

	"github.com/daemonize/daemonize/spec/internal/ynode"
)

func Example() {
	roots, diags := ynode.Parse("web.daemon.yaml", []byte(`name: web
user: www
timers:
  - cron: "0 3 * * *"
user: root
`))
	for i := range diags {
		fmt.Println(diags[i].String())
	}
	n, span := roots[0].Find("timers[0].cron")
	fmt.Printf("%q at line %d, column %d\n", n.Value, span.Start.Line, span.Start.Column)
	// Output:
	// web.daemon.yaml:5:1: error: key "user" is given twice [D003]
	// "0 3 * * *" at line 4, column 11
}
