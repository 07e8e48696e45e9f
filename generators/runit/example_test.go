package runit_test

import (
	"fmt"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/runit"
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
	g := runit.New()
	target := generators.Target{Backend: "runit", Version: g.Info().Default}
	bundle, _ := generators.Render(g, daemons[0], target, generators.Policy{})
	for _, a := range bundle.Artifacts {
		fmt.Printf("%04o %s\n", a.Mode, a.Path)
	}
	// Output:
	// 0755 /etc/sv/web/check
	// 0755 /etc/sv/web/control/t
	// 0755 /etc/sv/web/finish
	// 0644 /etc/sv/web/log/config
	// 0755 /etc/sv/web/log/run
	// 0755 /etc/sv/web/run
	// 0755 /usr/lib/daemonize/web/ctl
	// 0755 /usr/lib/daemonize/web/stop
	// 0755 /usr/lib/daemonize/web/watch
}
