package openrc_test

import (
	"fmt"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/openrc"
	"github.com/daemonize/daemonize/spec"
)

func Example() {
	daemons, _ := spec.Decode("web.yaml", []byte(`
version: 1
name: web
description: Example web service
command: [/usr/bin/web, --listen, ":8080"]
reload: {signal: SIGHUP}
depends_on: {requires: [postgresql], after: [redis]}
`))
	g := openrc.New()
	b, _ := generators.Render(g, daemons[0], generators.Target{Backend: "openrc", Version: g.Info().Default}, generators.Policy{})
	fmt.Printf("%s:\n%s", b.Artifacts[0].Path, b.Artifacts[0].Content)
	// Output:
	// /etc/init.d/web:
	// #!/sbin/openrc-run
	// # Written by daemonize; changes are lost at the next install.
	//
	// description='Example web service'
	// extra_started_commands=reload
	// description_reload='Reads its configuration again'
	//
	// depend() {
	// 	need postgresql
	// 	after bootmisc logger net netmount redis
	// }
	//
	// start() {
	// 	/usr/lib/daemonize/web/control start || return
	// 	if ! /usr/lib/daemonize/web/control status >/dev/null; then
	// 		setsid sh -c 'n=0; until [ -e "$1" ] || [ $((n += 1)) -gt 600 ]; do sleep 0.1; done; exec rc-service --quiet "$2" zap' sh "$RC_SVCDIR/started/$RC_SVCNAME" "$RC_SVCNAME" </dev/null >/dev/null 2>&1 &
	// 	fi
	// }
	//
	// stop() {
	// 	/usr/lib/daemonize/web/control stop
	// }
	//
	// status() {
	// 	/usr/lib/daemonize/web/control status
	// }
	//
	// reload() {
	// 	/usr/lib/daemonize/web/control reload
	// }
}
