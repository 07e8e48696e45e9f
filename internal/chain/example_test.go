package chain_test

import (
	"fmt"
	"strings"

	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/spec"
)

func ExamplePrefix() {
	daemons, _ := spec.Decode("web.daemon.yaml", []byte(`
version: 1
name: web
command: [/usr/bin/web]
limits: {nofile: {soft: 1024, hard: 65536}}
scheduling: {nice: 5}
sandboxing: {no_new_privileges: true}
`))
	fmt.Println(strings.Join(chain.Prefix(daemons[0], chain.Options{Output: true}), " "))
	// Output:
	// /usr/bin/nice -n 5 /usr/bin/prlimit --nofile=1024:65536 /usr/bin/setpriv --no-new-privs --
}

func ExampleScript() {
	daemons, _ := spec.Decode("web.daemon.yaml", []byte(`
version: 1
name: web
command: [/usr/bin/web, "it's"]
umask: '0027'
environment: {GREETING: "hello $USER"}
`))
	fmt.Print(string(chain.Script(daemons[0], chain.Options{Output: true})))
	// Output:
	// #!/bin/sh
	// # Starts web. Written by daemonize; changes are lost at the next install.
	// daemonize_fail() {
	// 	printf '%s: %s\n' web "$1" >&2
	// 	exit "${2-1}"
	// }
	// umask 022
	// exec </dev/null
	// export GREETING='hello $USER'
	// umask 0027
	// cd / || exit 1
	// exec /usr/bin/web 'it'\''s'
}
