//go:build linux

// Command victim installs, upgrades and uninstalls as daemonize does, and
// kills itself with SIGKILL before or after change number N:
//
//	victim BACKEND WHEN N install FILE... | uninstall NAME...
//
// The exit status is 0 if there was no change number N.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
)

// doomed is this machine, until change number at.
type doomed struct {
	*host.Tree
	when        string
	at, changes int
}

func (d *doomed) change(f func() error) error {
	d.changes++
	die := func(when string) {
		if d.changes == d.at && d.when == when {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	die("before")
	err := f()
	die("after")
	return err
}

func (d *doomed) Write(name string, f host.File) error {
	return d.change(func() error { return d.Tree.Write(name, f) })
}

func (d *doomed) Mkdir(name string, mode fs.FileMode) error {
	return d.change(func() error { return d.Tree.Mkdir(name, mode) })
}

func (d *doomed) Remove(name string) error {
	return d.change(func() error { return d.Tree.Remove(name) })
}

func (d *doomed) RemoveAll(name string) error {
	return d.change(func() error { return d.Tree.RemoveAll(name) })
}

func (d *doomed) Run(ctx context.Context, argv []string) (r generators.Result, err error) {
	// What only asks.
	if argv[0] == "find" || slices.ContainsFunc([]string{"show", "--version", "version", "status", "pid", "avail"}, func(word string) bool { return slices.Contains(argv, word) }) {
		return d.Tree.Run(ctx, argv)
	}
	err = d.change(func() (err error) { r, err = d.Tree.Run(ctx, argv); return err })
	return r, err
}

func controller(backend string) generators.Controller {
	g, _ := daemonize.Backend(backend)
	return g.(generators.Controller)
}

func run(backend string, args []string) error {
	at, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	tree, err := host.This(host.Programs{})
	if err != nil {
		return err
	}
	h := &doomed{Tree: tree, when: args[0], at: at}
	ctx := context.Background()
	t, ok := controller(backend).Detect(ctx, h, generators.System)
	if !ok {
		return fmt.Errorf("no %s", backend)
	}
	unlock, err := h.Lock(generators.System)
	if err != nil {
		return err
	}
	defer unlock()
	var plan *install.Plan
	if args[2] == "uninstall" {
		plan, err = install.Uninstall(ctx, h, controller, t, args[3:], install.Options{})
	} else {
		var items []install.Item
		for _, file := range args[3:] {
			src, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			daemons, diags, err := daemonize.Load(bytes.NewReader(src), file)
			if err != nil || diags.HasErrors() {
				return fmt.Errorf("%v %v", diags, err)
			}
			for _, d := range daemons {
				b, diags, err := daemonize.Render(d, t, generators.Policy{})
				if err != nil || diags.HasErrors() {
					return fmt.Errorf("%v %v", diags, err)
				}
				items = append(items, install.ItemOf(d, b))
			}
		}
		plan, err = install.Install(ctx, h, controller, items, install.Options{})
	}
	if err != nil {
		return err
	}
	_, err = plan.Apply(ctx, install.SystemClock{}, nil)
	return err
}

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		os.Exit(1)
	}
}
