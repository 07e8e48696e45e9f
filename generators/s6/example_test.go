package s6_test

import (
	"fmt"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/s6"
	"github.com/daemonize/daemonize/spec"
)

func Example() {
	daemons, _ := spec.Decode("web.daemon.yaml", []byte(`
version: 1
name: web
command: [/usr/bin/web, --greeting, "it's 100% \"real\" {\\}"]
user: www-data
working_dir: /srv/web
environment: {LANG: C.UTF-8}
restart: on-failure
limits: {nofile: 65536}
`))
	g := s6.New()
	b, _ := generators.Render(g, daemons[0], generators.Target{Backend: "s6", Version: g.Info().Default}, generators.Policy{})
	for _, a := range b.Artifacts {
		if strings.HasSuffix(a.Path, "/web/run") {
			fmt.Printf("%s\n%s", a.Path, a.Content)
		}
	}
	// Output:
	// /etc/s6/sv/web/run
	// #!/usr/bin/execlineb -P
	// # Starts web. Written by daemonize; changes are lost at the next install.
	// foreground { /bin/sh -c "mkdir -p \"$1\" && printf '%s 0 %s\\n' \"$PPID\" \"$PPID\" >\"$1/main\"" sh /run/daemonize/web }
	// fdmove -c 2 1
	// redirfd -r 0 /dev/null
	// execline-umask 0022
	// backtick -i HOME { homeof www-data }
	// export USER www-data
	// export LOGNAME www-data
	// /usr/bin/s6-envdir -nL env
	// execline-cd /srv/web
	// export PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	// /usr/bin/prlimit --nofile=65536:65536 /usr/bin/s6-setuidgid www-data /usr/bin/web --greeting "it's 100% \"real\" {\\}"
}
