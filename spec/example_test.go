package spec_test

import (
	"fmt"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

func ExampleDecode() {
	src := `
version: 1
name: web
command: /usr/bin/web --listen ':8080'
restart: on-failure
`
	daemons, diags := spec.Decode("web.daemon.yaml", []byte(src))
	if err := diags.Err(); err != nil {
		fmt.Println(err)
		return
	}
	d := daemons[0]
	fmt.Printf("%s %q\n", d.Name, d.Command)
	fmt.Println(d.Restart.Policy, d.IsSet(field.RestartPolicy), d.IsSet(field.RestartDelay))
	// Output:
	// web ["/usr/bin/web" "--listen" ":8080"]
	// on-failure true false
}

func ExampleDecode_mistakes() {
	src := "version: 1\nname: web\ncommand: web --listen :8080\nrestart: allways\n"
	_, diags := spec.Decode("web.daemon.yaml", []byte(src))
	for _, d := range diags {
		fmt.Println(d.String())
	}
	// Output:
	// web.daemon.yaml:3:10: error: command: the program "web" is not an absolute path [D033]
	// web.daemon.yaml:4:10: error: restart: unknown word "allways" [D026]
}

func ExampleDaemon_Resolve() {
	src := "version: 1\nname: web\ncommand: [/usr/bin/web, --data, '${state_dir}']\ndirectories: {state: web}\n"
	daemons, _ := spec.Decode("web.daemon.yaml", []byte(src))
	d := daemons[0].Resolve(func(r spec.Ref) string {
		if r == spec.RefStateDir {
			return "/var/lib/" + daemons[0].Directories.State.Name
		}
		return ""
	})
	fmt.Println(d.Command[2])
	// Output: /var/lib/web
}
