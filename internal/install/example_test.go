package install_test

import (
	"context"
	"fmt"
	"os"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/systemd"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/spec"
)

// A daemon is installed into a system that does not run.
func Example() {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	h, err := host.Open(dir, host.Programs{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()

	daemons, _ := spec.Decode("web.yaml", []byte("version: 1\nname: web\ncommand: [/usr/bin/web]\n"))
	target := generators.Target{Backend: "systemd", Version: 252 * generators.Major}
	bundle, _ := generators.Render(systemd.New(), daemons[0], target, generators.Policy{})
	manager := func(string) generators.Controller { return systemd.Generator{} }

	ctx := context.Background()
	plan, err := install.Install(ctx, h, manager, []install.Item{install.ItemOf(daemons[0], bundle)}, install.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range plan.Steps {
		fmt.Println(s.Verb, s.Path)
	}
	if _, err := plan.Apply(ctx, install.SystemClock{}, nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// mkdir /var
	// mkdir /var/lib
	// mkdir /var/lib/daemonize
	// mkdir /etc
	// mkdir /etc/systemd
	// mkdir /etc/systemd/system
	// write /etc/systemd/system/web.service
	// mkdir /etc/systemd/system/multi-user.target.wants
	// write /etc/systemd/system/multi-user.target.wants/web.service
	// write /var/lib/daemonize/web.json
}
