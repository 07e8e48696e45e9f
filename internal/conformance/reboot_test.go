package conformance

import (
	"errors"
	"fmt"
	"testing"

	"github.com/daemonize/daemonize/generators"
)

// rebootGroups are daemons that are installed, started and then found again, or
// not, in a machine that was booted again.
func rebootGroups() []*group {
	daemon := func(name, doc string) *group {
		return &group{name: name, do: "on=SIGINT:0 note=up wait", doc: doc + "stop: {signal: SIGINT, timeout: 10s}\n", run: nothing}
	}
	return []*group{
		daemon("boot-no", "restart: {policy: 'no'}\ninstall: {enable: true, start: true}\n"),
		daemon("boot-always", "restart: {policy: always, max_attempts: infinity}\ninstall: {enable: true, start: true}\n"),
		daemon("boot-unless", "restart: {policy: unless-stopped, max_attempts: infinity}\ninstall: {enable: true, start: true}\n"),
		daemon("boot-stopped", "restart: {policy: always, max_attempts: infinity}\ninstall: {enable: true, start: true}\n"),
		daemon("boot-disabled", "restart: {policy: always, max_attempts: infinity}\ninstall: {enable: true, start: true}\n"),
		daemon("boot-manual", "restart: {policy: always, max_attempts: infinity}\ninstall: {enable: false, start: true}\n"),
		daemon("boot-later", "install: {enable: true, start: false}\n"),
	}
}

// reboot installs and starts daemons, shuts the machine down and boots it again,
// and returns lines of the table of behaviour.
func (h *host) reboot(t *testing.T) []cell {
	t.Helper()
	groups := rebootGroups()
	h.install(t, groups)
	run := func(what string, do func(d *daemon) error, names ...string) {
		t.Helper()
		for _, name := range names {
			d := h.daemons["boot-"+name]
			if err := do(d); err != nil {
				t.Fatalf("%s: %s: %v\n%s", what, name, err, d.story())
			}
		}
	}
	install := func(d *daemon) error {
		return d.steps(generators.Reload, generators.Enable, generators.Disable, generators.Start, generators.Stop)
	}
	run("install", install, "no", "always", "unless", "stopped", "disabled", "manual", "later")
	run("before", func(d *daemon) error { return d.up(1) }, "no", "always", "unless", "stopped", "disabled", "manual")
	run("before", func(d *daemon) error { return first(d.stop, func() error { return d.ends(1) }) }, "stopped")
	run("before", func(d *daemon) error {
		if r := d.do(generators.Disable); r.Code != 0 || r.Err != nil {
			return fmt.Errorf("disable: %v", r)
		}
		return d.becomes(generators.Active)
	}, "disabled")

	h.m.Reboot()
	if err := h.up(); err != nil {
		t.Fatal(err)
	}
	const noted = "reboot: what is enabled gets its stop.signal before"
	if h.manager.abrupt == "" {
		run(noted, func(d *daemon) error { return d.noted("SIGINT", 1) }, "no", "always", "unless")
	}
	const again = "reboot: what is enabled is started, whatever its restart policy"
	run(again, func(d *daemon) error { return d.up(2) }, "no", "always", "unless")
	const stopped = "reboot: what is enabled is started, even if it was stopped before"
	run(stopped, func(d *daemon) error { return d.up(2) }, "stopped")
	const later = "reboot: what is enabled is started, even if it never was before"
	run(later, func(d *daemon) error { return d.up(1) }, "later")
	// All the others are up, so these will not come any more.
	const not = "reboot: what was disabled, or installed with enable: false, is not started"
	run(not, func(d *daemon) error {
		if s := d.status(); s.State != generators.Inactive || s.Enabled {
			return fmt.Errorf("it is %+v", s)
		}
		if d.count("up") != 1 {
			return errors.New("it was started")
		}
		return nil
	}, "disabled", "manual")
	run("stop", (*daemon).stop, "no", "always", "unless", "stopped", "later")

	var lines []cell
	for _, what := range []string{noted, again, stopped, later, not} {
		lines = append(lines, cell{what, "observed"})
	}
	if h.manager.abrupt != "" {
		lines[0].result = "not so: " + h.manager.abrupt
	}
	return lines
}
