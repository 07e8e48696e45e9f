package supervisord_test

import (
	"fmt"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/supervisord"
	"github.com/daemonize/daemonize/spec"
)

func Example() {
	daemons, _ := spec.Decode("web.daemon.yaml", []byte(`
version: 1
name: web
command: [/usr/bin/web, --greeting, "it's 100% ; really"]
working_dir: /srv/web
environment: {LANG: C.UTF-8}
restart: on-failure
limits: {nofile: 65536}
`))
	g := supervisord.New()
	b, _ := generators.Render(g, daemons[0], generators.Target{Backend: "supervisord", Version: g.Info().Default}, generators.Policy{})
	for _, a := range b.Artifacts {
		fmt.Printf("%s\n%s", a.Path, a.Content)
	}
	// Output:
	// /etc/supervisor/conf.d/web.conf
	// ; Written by daemonize; changes are lost at the next install.
	//
	// [program:web]
	// command=/usr/bin/prlimit --nofile=65536:65536 /usr/bin/web --greeting 'it'"'"'s 100%% ''; really'
	// directory=/srv/web
	// umask=022
	// environment=LANG='C.UTF-8'
	// autostart=true
	// autorestart=unexpected
	// exitcodes=0
	// startsecs=1
	// startretries=4
	// stopsignal=TERM
	// stopwaitsecs=90
	// stopasgroup=true
	// killasgroup=true
	// redirect_stderr=true
}
