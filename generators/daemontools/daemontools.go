package daemontools

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/initscript"
	"github.com/daemonize/daemonize/internal/logrotate"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

type backend struct{}

// New returns the backend. It is also a [generators.Operator].
func New() generators.Generator { return backend{} }

// Info describes daemontools 0.76 (2001), the last version.
func (backend) Info() generators.Info {
	const v = 0*generators.Major + 76
	return generators.Info{Name: "daemontools", Title: "daemontools", Platforms: []string{"linux"}, Docs: "https://cr.yp.to/daemontools.html", Default: v, Oldest: v, Newest: v}
}

// Support returns the capability table.
func (backend) Support() *generators.Table { return &table }

// Dir returns the service directory of a job.
func Dir(job string) string { return "/etc/daemontools/" + job }

// logDir returns where multilog keeps the output of a job.
func logDir(job string) string { return "/var/log/daemontools/" + job }

// services returns the directory that svscan(8) watches.
func services(f generators.Family) string {
	if f == generators.Debian {
		return "/etc/service"
	}
	return "/service"
}

const (
	svc    = "/usr/bin/svc"
	svstat = "/usr/bin/svstat"
)

// isUp succeeds if the service in $1 is up, which svstat(8) says in words only.
const isUp = `case $(` + svstat + ` "$1") in *": up "*) ;; *) exit 1 ;; esac`

// system says what package initscript's files are called here.
func system(f generators.Family) *initscript.System {
	return &initscript.System{
		Script: func(job string) string { return Dir(job) + "/run" },
		EnvDir: func(job string) string { return Dir(job) + "/env" },
		Reader: "/usr/bin/envdir",
		Output: true,
		Ended:  func(job string) []string { return []string{svc, "-d", Dir(job)} },
		Other:  serviceOf,
		File:   func(name string) string { return services(f) + "/" + name },
		Verb: func(name, verb string) []string {
			dir := services(f) + "/" + name
			switch verb {
			case "start":
				return []string{svc, "-u", dir}
			case "stop":
				return []string{svc, "-d", dir}
			}
			return []string{"/bin/sh", "-c", isUp, "sh", dir}
		},
	}
}

// badName are characters that no service directory has.
const badName = ":\\@/\n\t "

// serviceOf returns the service directory that a unit is, or nothing.
func serviceOf(unit string) string {
	name := strings.TrimSuffix(unit, ".service")
	if strings.ContainsAny(name, badName) || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		return ""
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		switch name[i+1:] {
		case "target", "socket", "mount", "automount", "swap", "timer", "path", "device", "slice", "scope":
			return ""
		}
	}
	return name
}

// Generate renders d.
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	b := generators.Bundle{Daemon: d.Name, Target: t}
	if t.Scope == generators.User {
		g := d.Diagnostic(diag.ValueRefused, diag.Error, "", "daemontools has no services of users")
		g.Backend, g.Fix = t.String(), "install it in the system scope and set user"
		return b, diag.List{g}
	}
	r := &renderer{d: d, t: t, b: &b, list: append(initscript.Problems(d, t), chain.Problems(d, t)...)}
	r.values()
	instances := d.Instances
	if len(instances) == 0 {
		instances = []string{""}
	}
	var timers []crond.Job
	var logs []string
	for _, instance := range instances {
		name := r.job(instance)
		timers = append(timers, crond.Job{Name: name, Argv: []string{svc, "-u", Dir(name)}})
		resolved := chain.Resolve(d, instance)
		logs = append(logs, supervise.LogFiles(resolved)...)
		supervise.AddAccount(&b, resolved)
	}
	// A file in cron.d is what is enabled about a timer.
	if d.Install.Enable {
		r.list = append(r.list, crond.Render(chain.Resolve(d, ""), t, &b, timers)...)
	}
	if len(logs) > 0 && d.Logging.Rotate.Size > 0 {
		slices.Sort(logs)
		snippet, err := logrotate.Snippet(slices.Compact(logs), d.Logging.Rotate)
		if err != nil {
			r.refuse("logging.rotate", err.Error(), "rename the log file, or remove rotate")
		}
		b.Add(logrotate.Path(d.Name), 0o644, snippet)
	}
	return b, r.list
}

// renderer renders one daemon.
type renderer struct {
	d    *spec.Daemon // with references
	t    generators.Target
	b    *generators.Bundle
	list diag.List
}

func (r *renderer) refuse(path, why, fix string) {
	if !slices.ContainsFunc(r.list, func(g diag.Diagnostic) bool { return g.Path == path && g.Detail == why }) {
		r.list = append(r.list, generators.Refuse(r.d, r.t, path, why, fix))
	}
}

func (r *renderer) lose(id field.ID, path string, level generators.Level, why string) {
	r.list = append(r.list, generators.Lose(r.d, r.t, id, path, level, why))
}

// The smallest and largest sizes that multilog(8) takes.
const minLog, maxLog = 4096, 16777215

// values reports the values that the table cannot know of.
func (r *renderer) values() {
	d := r.d
	out, err := streams(d)
	if out == "inherit" && piped(d, err) {
		r.lose(field.LoggingStdout, "logging.stdout", generators.Approximate, "there is one pipe for the log service, which standard output goes to as well")
	}
	if s := d.Logging.Rotate.Size; s > 0 && (s < minLog || s > maxLog) && (piped(d, out) || piped(d, err)) {
		r.refuse("logging.rotate.size", "multilog rotates files of 4096 to 16777215 bytes", "give a size between")
	}
	dep := &d.DependsOn
	for _, u := range []struct {
		id    field.ID
		units []string
	}{{field.DependsOnRequisite, dep.Requisite}, {field.DependsOnConflicts, dep.Conflicts}, {field.DependsOnOnFailure, dep.OnFailure}, {field.DependsOnOnSuccess, dep.OnSuccess}} {
		for i, unit := range u.units {
			path := u.id.String() + "[" + strconv.Itoa(i) + "]"
			switch {
			case serviceOf(unit) != "":
			case strings.ContainsAny(unit, badName):
				r.refuse(path, "the name of a service directory is a file name, and has no instance", "name the service directory, such as web-a for web@a")
			default:
				r.lose(u.id, path, generators.Unsupported, "daemontools has services only, and none for "+strconv.Quote(unit))
			}
		}
	}
	for i := range d.Overrides {
		if o := &d.Overrides[i]; o.Backend == r.t.Backend {
			r.refuse("overrides."+o.Backend+"."+strings.Join(o.Keys, "."), "daemontools has no keys: it has scripts", "remove it")
		}
	}
}

// streams returns where standard output and error go.
func streams(d *spec.Daemon) (out, err string) {
	out, err = d.Logging.Stdout, d.Logging.Stderr
	if err == "" {
		err = out
	}
	return out, err
}

// piped reports whether a stream goes to the log service: the manager's own log,
// or syslog, if all goes there.
func piped(d *spec.Daemon, stream string) bool {
	out, err := streams(d)
	return stream == "journal" || stream == "syslog" && out == err
}

// timedMark is in the script run of a job that timers start.
const timedMark = "# Timers start it."

// job adds one copy of the daemon and returns its name.
func (r *renderer) job(instance string) string {
	d := *r.d
	out, err := streams(&d)
	if piped(r.d, out) {
		d.Logging.Stdout = "inherit"
	}
	if piped(r.d, err) {
		d.Logging.Stderr = "inherit"
	} else {
		d.Logging.Stderr = err
	}
	w := initscript.New(&d, instance, system(r.t.Family))
	control, others := w.Scripts("#!/bin/sh\n# Starts, stops and looks after " + w.Name + ", for " + Dir(w.Name) + "/run.\n")
	r.b.Add(w.Lib("control"), 0o755, control)
	r.b.Artifacts = append(r.b.Artifacts, others...)
	r.b.Add(w.Lib("ctl"), 0o755, r.ctl(w))
	r.b.Add(Dir(w.Name)+"/run", 0o755, r.run(w, piped(r.d, err)))
	if piped(r.d, out) || piped(r.d, err) {
		r.b.Add(Dir(w.Name)+"/log/run", 0o755, r.log(w))
	}
	atBoot := len(d.Timers) == 0
	r.b.Jobs = append(r.b.Jobs, generators.Job{Name: w.Name, Enable: d.Install.Enable && atBoot, Start: d.Install.Start && atBoot})
	return w.Name
}

// run returns the script run.
func (r *renderer) run(w *initscript.Job, both bool) []byte {
	d := w.Daemon
	var b supervise.Writer
	b.Line("#!/bin/sh", "# Runs "+w.Name+". Written by daemonize; changes are lost at the next install.")
	if d.Description != "" {
		b.Line("# " + spec.Display(d.Description))
	}
	for _, uri := range d.Documentation {
		b.Line("# See " + spec.Display(uri))
	}
	if len(d.Timers) > 0 {
		b.Line(timedMark)
	}
	b.Line("PATH="+chain.Path, "export PATH", "exec </dev/null")
	if both {
		b.Line("exec 2>&1")
	}
	b.Assign("dir", supervise.Dir(w.Name))
	b.Assign("control", w.Lib("control"))
	b.WriteString(supervise.Processes)
	b.WriteString(runBody)
	return b.Bytes()
}

// ctl returns the script that starts, restarts and stops the service and waits.
func (r *renderer) ctl(w *initscript.Job) []byte {
	var b supervise.Writer
	b.Line("#!/bin/sh", "# Starts, restarts or stops "+w.Name+", and waits until it has. Written by daemonize; changes are lost at the next install.",
		"PATH="+chain.Path, "export PATH")
	b.Assign("name", w.Name)
	b.Assign("dir", supervise.Dir(w.Name))
	b.Assign("service", Dir(w.Name))
	b.Assign("control", w.Lib("control"))
	b.WriteString(ctlBody)
	return b.Bytes()
}

// log returns the script log/run.
func (r *renderer) log(w *initscript.Job) []byte {
	l := &r.d.Logging
	var b supervise.Writer
	b.Line("#!/bin/sh", "# Keeps the output of "+w.Name+". Written by daemonize; changes are lost at the next install.", "PATH="+chain.Path, "export PATH")
	out, err := streams(r.d)
	if out == "syslog" && err == "syslog" || l.Facility != "" || l.Level != "" || l.Identifier != "" {
		tag, facility, level := w.Daemon.Logging.Identifier, l.Facility, l.Level
		if tag == "" {
			tag = w.Name
		}
		if facility == "" {
			facility = "daemon"
		}
		if level == "" {
			level = "info"
		}
		b.Line("exec /usr/bin/logger -t " + shell.Quote(tag) + " -p " + facility + "." + level)
		return b.Bytes()
	}
	size, keep := int64(1000000), 10
	if l.Rotate.Size > 0 {
		// n counts current as well.
		size, keep = int64(l.Rotate.Size), l.Rotate.Keep+1
	}
	b.Line("umask 022")
	b.Assign("logs", logDir(w.Name))
	b.Line(`mkdir -p "$logs" && chmod 0750 "$logs" || exit 1`,
		"if getent passwd multilog >/dev/null; then",
		`	chown -h multilog:adm "$logs" || exit 1`,
		"	exec setuidgid multilog multilog t s"+strconv.FormatInt(size, 10)+" n"+strconv.Itoa(keep)+` "$logs"`,
		"fi",
		"exec multilog t s"+strconv.FormatInt(size, 10)+" n"+strconv.Itoa(keep)+` "$logs"`)
	return b.Bytes()
}
