package daemontools_test

import (
	"fmt"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/daemontools"
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
	g := daemontools.New()
	target := generators.Target{Backend: "daemontools", Version: g.Info().Default}
	bundle, _ := generators.Render(g, daemons[0], target, generators.Policy{})
	for _, a := range bundle.Artifacts {
		fmt.Printf("%04o %s\n", a.Mode, a.Path)
	}
	// Output:
	// 0755 /etc/daemontools/web/log/run
	// 0755 /etc/daemontools/web/run
	// 0755 /usr/lib/daemonize/web/control
	// 0755 /usr/lib/daemonize/web/ctl
	// 0755 /usr/lib/daemonize/web/run
	// 0755 /usr/lib/daemonize/web/supervise
}
