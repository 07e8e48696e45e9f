package upstart_test

import (
	"fmt"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/upstart"
	"github.com/daemonize/daemonize/spec"
)

func Example() {
	daemons, _ := spec.Decode("web.yaml", []byte(`
version: 1
name: web
command: [/usr/bin/web, --listen, ":8080"]
restart: on-failure
`))
	g := upstart.New()
	b, _ := generators.Render(g, daemons[0], generators.Target{Backend: "upstart", Version: g.Info().Default}, generators.Policy{})
	fmt.Printf("%s:\n%s", b.Artifacts[0].Path, b.Artifacts[0].Content)
	// Output:
	// /etc/init/web.conf:
	// # Written by daemonize; changes are lost at the next install.
	// # What is in web.override comes on top.
	//
	// start on runlevel [2345]
	// stop on runlevel [!2345]
	//
	// respawn
	// respawn limit 4 10
	// normal exit 0 HUP INT TERM PIPE
	// kill timeout 90
	//
	// console log
	// umask 0022
	//
	// exec /usr/bin/web --listen :8080
}
