package sysvinit_test

import (
	"fmt"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/sysvinit"
	"github.com/daemonize/daemonize/spec"
)

func Example() {
	daemons, diags := spec.Decode("web.daemon.yaml", []byte(`
version: 1
name: web
command: [/usr/bin/web, --listen, ":8080"]
restart: on-failure
`))
	if diags.HasErrors() {
		fmt.Println(diags)
		return
	}
	g := sysvinit.New()
	target := generators.Target{Backend: "sysvinit", Version: g.Info().Default}
	bundle, _ := generators.Render(g, daemons[0], target, generators.Policy{})
	for _, a := range bundle.Artifacts {
		fmt.Printf("%04o %s\n", a.Mode, a.Path)
	}
	// Output:
	// 0755 /etc/init.d/web
	// 0755 /usr/lib/daemonize/web/run
	// 0755 /usr/lib/daemonize/web/supervise
}
