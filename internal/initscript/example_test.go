package initscript_test

import (
	"fmt"
	"strings"

	"github.com/daemonize/daemonize/internal/initscript"
	"github.com/daemonize/daemonize/spec"
)

func Example() {
	daemons, _ := spec.Decode("web.yaml", []byte("version: 1\nname: web\ncommand: /usr/bin/web\n"))
	system := &initscript.System{
		Script:      func(job string) string { return "/etc/init.d/" + job },
		Environment: func(job string) string { return "/etc/default/" + job },
		Other:       func(unit string) string { return strings.TrimSuffix(unit, ".service") },
	}
	control, others := initscript.New(daemons[0], "", system).Scripts("#!/bin/sh\n")
	fmt.Println(strings.Contains(string(control), "\nreload)\n"))
	for _, a := range others {
		fmt.Println(a.Path)
	}
	// Output:
	// true
	// /usr/lib/daemonize/web/run
	// /usr/lib/daemonize/web/supervise
}
