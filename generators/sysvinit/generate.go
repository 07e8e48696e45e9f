package sysvinit

import (
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/initscript"
	"github.com/daemonize/daemonize/internal/logrotate"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// backend renders for SysVinit and, as controller, operates it.
type backend struct{}

// New returns the backend. It is also a [generators.Controller].
func New() generators.Generator { return backend{} }

// Info describes SysVinit 2.88 (2010, Debian 7 and Red Hat 6) to 3.14.
func (backend) Info() generators.Info {
	return generators.Info{
		Name:      "sysvinit",
		Title:     "SysVinit",
		Platforms: []string{"linux"},
		Docs:      "https://refspecs.linuxfoundation.org/LSB_3.1.0/LSB-Core-generic/LSB-Core-generic/tocsysinit.html",
		Default:   3*generators.Major + 6,
		Oldest:    2*generators.Major + 88,
		Newest:    3*generators.Major + 14,
	}
}

// Support returns the capability table.
func (backend) Support() *generators.Table { return &table }

func script(job string) string { return "/etc/init.d/" + job }

func system(t generators.Target) *initscript.System {
	defaults := "/etc/default/"
	if t.Family == generators.RedHat {
		defaults = "/etc/sysconfig/"
	}
	return &initscript.System{Script: script, Environment: func(job string) string { return defaults + job }, Other: scriptOf}
}

// Generate renders d.
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	b := generators.Bundle{Daemon: d.Name, Target: t}
	if t.Scope == generators.User {
		g := d.Diagnostic(diag.ValueRefused, diag.Error, "", "SysVinit has no services of users")
		g.Backend, g.Fix = t.String(), "install it in the system scope and set user"
		return b, diag.List{g}
	}
	list := initscript.Problems(d, t)
	list = append(list, noScripts(d, t)...)
	list = append(list, chain.Problems(d, t)...)
	instances := d.Instances
	if len(instances) == 0 {
		instances = []string{""}
	}
	var timers []crond.Job
	var logs []string
	for _, instance := range instances {
		w := initscript.New(d, instance, system(t))
		list = append(list, renderJob(&b, w, t)...)
		timers = append(timers, crond.Job{Name: w.Name, Argv: []string{script(w.Name), "start"}})
		logs = append(logs, supervise.LogFiles(w.Daemon)...)
		supervise.AddAccount(&b, w.Daemon)
	}
	// A file in cron.d is what is enabled about a timer.
	if d.Install.Enable {
		list = append(list, crond.Render(chain.Resolve(d, ""), t, &b, timers)...)
	}
	if len(logs) > 0 && d.Logging.Rotate.Size > 0 {
		slices.Sort(logs)
		snippet, err := logrotate.Snippet(slices.Compact(logs), d.Logging.Rotate)
		if err != nil {
			list = append(list, generators.Refuse(d, t, "logging.rotate", err.Error(), "rename the log file, or remove rotate"))
		}
		b.Add(logrotate.Path(d.Name), 0o644, snippet)
	}
	return b, list
}

// noScripts reports the units that are no scripts where one is needed.
func noScripts(d *spec.Daemon, t generators.Target) diag.List {
	var list diag.List
	for _, u := range []struct {
		id    field.ID
		units []string
	}{{field.DependsOnConflicts, d.DependsOn.Conflicts}, {field.DependsOnOnFailure, d.DependsOn.OnFailure}, {field.DependsOnOnSuccess, d.DependsOn.OnSuccess}} {
		for i, unit := range u.units {
			if scriptOf(unit) == "" {
				list = append(list, noScript(d, t, u.id, i, unit))
			}
		}
	}
	return list
}

// renderJob adds the files and the job of one copy.
func renderJob(b *generators.Bundle, w *initscript.Job, t generators.Target) diag.List {
	d := w.Daemon
	h, list := lsbHeader(d, t, w.Name)
	var head strings.Builder
	head.WriteString("#!/bin/sh\n")
	if t.Family == generators.RedHat {
		chkconfig(&head, w)
	}
	h.write(&head)
	init, others := w.Scripts(head.String())
	b.Add(script(w.Name), 0o755, init)
	b.Artifacts = append(b.Artifacts, others...)
	atBoot := len(d.Timers) == 0
	b.Jobs = append(b.Jobs, generators.Job{Name: w.Name, Enable: d.Install.Enable && atBoot, Start: d.Install.Start && atBoot})
	return list
}

// chkconfig writes the lines of Red Hat's chkconfig(8). A backslash at the end
// of the description would join the next line to it.
func chkconfig(b *strings.Builder, w *initscript.Job) {
	levels := ""
	for _, l := range w.Daemon.Install.Runlevels {
		if l != "S" {
			levels += l
		}
	}
	if !w.Daemon.Install.Enable || len(w.Daemon.Timers) > 0 || levels == "" {
		levels = "-"
	}
	text := w.Daemon.Description
	if text == "" {
		text = w.Name
	}
	b.WriteString("# chkconfig: " + levels + " 80 20\n# description: " + text + "\n#\n# processname: " + w.Name + "\n\n")
}
