package crond_test

import (
	"fmt"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/spec"
)

func ExampleRender() {
	daemons, _ := spec.Decode("web.daemon.yaml", []byte(`
version: 1
name: web
command: [/usr/bin/web]
timers: [{cron: "0 3 * * *", name: nightly}]
`))
	var b generators.Bundle
	crond.Render(daemons[0], generators.Target{Backend: "supervisord"}, &b, []crond.Job{{Name: "web", Argv: []string{"/usr/bin/supervisorctl", "start", "web"}}})
	fmt.Print(b.Artifacts[0].Path, "\n", string(b.Artifacts[0].Content))
	// Output:
	// /etc/cron.d/web
	// # Timers of web. Written by daemonize; changes are lost at the next install.
	// SHELL=/bin/sh
	// PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	// MAILTO=""
	// # nightly
	// 0 3 * * * root /usr/bin/flock --nonblock /run/daemonize-web.lock /usr/bin/supervisorctl start web
}
