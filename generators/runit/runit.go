package runit

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/logrotate"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// backend renders for runit and, as controller, operates it.
type backend struct{}

// New returns the backend. It is also a [generators.Operator].
func New() generators.Generator { return backend{} }

// Info describes runit 2.0 (2008) to 2.2 (2024).
func (backend) Info() generators.Info {
	return generators.Info{
		Name: "runit", Title: "runit", Platforms: []string{"linux"}, Docs: "http://smarden.org/runit/",
		Default: 2*generators.Major + 1, Oldest: 2 * generators.Major, Newest: 2*generators.Major + 2,
	}
}

// Support returns the capability table.
func (backend) Support() *generators.Table { return &table }

// Dir returns the service directory of a job.
func Dir(job string) string { return "/etc/sv/" + job }

// logDir returns where svlogd keeps the output of a job.
func logDir(job string) string { return "/var/log/runit/" + job }

// services returns the directory that runsvdir(8) watches.
func services(f generators.Family) string {
	if f == generators.Void {
		return "/var/service"
	}
	return "/etc/service"
}

const (
	sv      = "/usr/bin/sv"
	chpst   = "/usr/bin/chpst"
	skipped = 9 // the status of the conditions when one does not hold
)

// Generate renders d.
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	b := generators.Bundle{Daemon: d.Name, Target: t}
	if t.Scope == generators.User {
		g := d.Diagnostic(diag.ValueRefused, diag.Error, "", "runit has no services of users")
		g.Backend, g.Fix = t.String(), "install it in the system scope and set user"
		return b, diag.List{g}
	}
	r := &renderer{raw: d, t: t, b: &b}
	r.values()
	r.list = append(r.list, chain.Problems(d, t)...)
	instances := d.Instances
	if len(instances) == 0 {
		instances = []string{""}
	}
	var timers []crond.Job
	var logs []string
	for _, instance := range instances {
		w := newJob(r, instance)
		w.render()
		timers = append(timers, crond.Job{Name: w.name, Argv: []string{sv, "up", Dir(w.name)}})
		logs = append(logs, supervise.LogFiles(w.d)...)
		supervise.AddAccount(&b, w.d)
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
	raw  *spec.Daemon // with references
	t    generators.Target
	b    *generators.Bundle
	list diag.List
}

func (r *renderer) refuse(path, why, fix string) {
	r.list = append(r.list, generators.Refuse(r.raw, r.t, path, why, fix))
}

func (r *renderer) lose(id field.ID, path string, level generators.Level, why string) {
	// Instances have the same losses.
	if !slices.ContainsFunc(r.list, func(g diag.Diagnostic) bool { return g.Path == path && g.Detail == why }) {
		r.list = append(r.list, generators.Lose(r.raw, r.t, id, path, level, why))
	}
}

// values reports the values that the table cannot know of.
func (r *renderer) values() {
	d := r.raw
	lose := func(id field.ID, level generators.Level, why string) { r.lose(id, id.String(), level, why) }
	switch d.Type {
	case "notify", "notify-reload", "dbus":
		lose(field.Type, generators.Approximate, "nobody receives the message: the service counts as started when it has run for half a second")
	case "idle":
		lose(field.Type, generators.Approximate, "runsvdir starts all services at once")
	case "forking":
		if d.PidFile == "" {
			r.refuse("type", "without pid_file the process of a forking service cannot be found", "set pid_file, or better: run the program in the foreground with type exec")
		}
		switch d.Restart.Policy {
		case "no", "always", "unless-stopped":
		default:
			lose(field.RestartPolicy, generators.Unsupported, "how a process ended that left its parent is told to init only; always works")
		}
	}
	if d.IsSet(field.RestartDelay) && d.Restart.Delay < spec.Second {
		lose(field.RestartDelay, generators.Approximate, "runsv starts what has run for less than a second only a second after its start")
	}
	if d.Restart.Steps > supervise.MaxSteps {
		r.refuse("restart.steps", "the delays are a list in the script", "use at most "+strconv.Itoa(supervise.MaxSteps)+" steps")
	}
	if d.Stop.KillMode == "none" {
		lose(field.StopKillMode, generators.Unsupported, "runsv cannot let go of a process: it is signalled as with process")
	}
	if d.CreateUser && d.User != "" && d.User[0] >= '0' && d.User[0] <= '9' {
		r.refuse("create_user", "useradd makes users by name, not by number", "give the user a name")
	}
	out, err := streams(d)
	if out == "inherit" && piped(d, err) {
		lose(field.LoggingStdout, generators.Approximate, "runsv has one pipe for the log service, which standard output goes to as well")
	}
	if d.Logging.Rotate.Size > 0 && d.Logging.Rotate.Size < minLog && (piped(d, out) || piped(d, err)) {
		r.refuse("logging.rotate.size", "svlogd rotates files of at least 2048 bytes", "give a larger size")
	}
	dep := &d.DependsOn
	for _, u := range []struct {
		id    field.ID
		units []string
	}{
		{field.DependsOnRequires, dep.Requires}, {field.DependsOnRequisite, dep.Requisite}, {field.DependsOnBindsTo, dep.BindsTo},
		{field.DependsOnWants, dep.Wants}, {field.DependsOnAfter, dep.After}, {field.DependsOnConflicts, dep.Conflicts},
		{field.DependsOnOnFailure, dep.OnFailure}, {field.DependsOnOnSuccess, dep.OnSuccess},
	} {
		for i, unit := range u.units {
			path := u.id.String() + "[" + strconv.Itoa(i) + "]"
			switch {
			case serviceOf(unit) != "" || given(unit):
			case strings.ContainsAny(unit, badName):
				r.refuse(path, "the name of a service directory is a file name, and has no instance", "name the service directory, such as web-a for web@a")
			default:
				r.lose(u.id, path, generators.Unsupported, "runit has services only, and none for "+strconv.Quote(unit))
			}
		}
	}
	r.overrides()
}

// minLog is the smallest size that svlogd is told: it must be larger than its
// buffer of 1024 bytes.
const minLog = 2048

// badName are characters that no service directory has.
const badName = ":\\@/\n\t "

// serviceOf returns the service directory that a unit is on runit, or nothing.
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

// given reports whether a unit is something that is there before runit starts
// services: stage 1 is done (runit(8)).
func given(unit string) bool {
	switch unit {
	case "sysinit.target", "basic.target", "local-fs.target", "remote-fs.target", "network.target", "network-pre.target", "network-online.target",
		"time-sync.target", "syslog.target", "syslog.socket":
		return true
	}
	return false
}

// overrides are lines of svlogd's configuration: its letters (svlogd(8)).
func (r *renderer) overrides() {
	for i := range r.raw.Overrides {
		o := &r.raw.Overrides[i]
		if o.Backend != r.t.Backend {
			continue
		}
		path := "overrides." + o.Backend + "." + strings.Join(o.Keys, ".")
		switch {
		case len(o.Keys) != 2 || o.Keys[0] != "log" || len(o.Keys[1]) != 1 || !strings.Contains("snNt!uUpeE+-", o.Keys[1]):
			r.refuse(path, "the only native keys of runit are the letters of svlogd's config", "write overrides: {runit: {log: {N: '3'}}}")
		case strings.Contains(strings.Join(o.Values, ""), "\n"):
			r.refuse(path, "a line cannot hold a newline", "write it on one line")
		}
	}
}

// job renders one copy of a daemon.
type job struct {
	*renderer
	d      *spec.Daemon // resolved
	name   string       // NAME or NAME-INSTANCE
	suffix string       // of the scripts: empty or -INSTANCE
	native spec.Environment
	rest   spec.Environment // variables that are not for the directory
}

func newJob(r *renderer, instance string) *job {
	w := &job{renderer: r, d: chain.Resolve(r.raw, instance), name: r.raw.Name}
	if instance != "" {
		w.suffix = "-" + instance
		w.name += w.suffix
	}
	for _, v := range w.d.Environment {
		if supervise.FitsEnvDir(v) {
			w.native = append(w.native, v)
		} else {
			w.rest = append(w.rest, v)
		}
	}
	return w
}

func (w *job) envDir() string { return Dir(w.name) + "/env" }

// lib returns the path of one of the job's scripts.
func (w *job) lib(script string) string { return chain.Dir(w.raw.Name) + "/" + script + w.suffix }

// file adds a file of the service directory.
func (w *job) file(name string, mode fs.FileMode, content []byte) {
	w.b.Artifacts = append(w.b.Artifacts, generators.Artifact{Path: Dir(w.name) + "/" + name, Mode: mode, Content: content})
}

// add adds a script.
func (w *job) add(name string, content []byte) { w.b.Add(w.lib(name), 0o755, content) }

func (w *job) render() {
	d := w.d
	w.file("run", 0o755, w.run())
	w.file("finish", 0o755, w.finish())
	w.file("check", 0o755, w.check())
	w.file("control/t", 0o755, w.control())
	w.add("ctl", w.ctl())
	w.add("stop", w.stop())
	for _, v := range w.native {
		w.file("env/"+v.Name, 0o640, supervise.EnvFile(v.Value))
	}
	w.log()
	w.reload()
	atBoot := len(d.Timers) == 0
	w.b.Jobs = append(w.b.Jobs, generators.Job{Name: w.name, Enable: d.Install.Enable && atBoot, Start: d.Install.Start && atBoot})
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

// logger reports whether the log service is logger(1): what goes to syslog, and
// what has properties that only syslog has.
func logger(d *spec.Daemon) bool {
	out, err := streams(d)
	return out == "syslog" && err == "syslog" || d.Logging.Facility != "" || d.Logging.Level != ""
}

// process returns the daemon as package chain is to see it: what is done
// elsewhere is left out.
func (w *job) process() *spec.Daemon {
	c := *w.d
	c.Conditions = spec.Conditions{}
	c.MaxRuntime = 0
	c.Environment = w.rest
	out, err := streams(&c)
	if piped(w.d, out) {
		out = "inherit"
	}
	if piped(w.d, err) {
		err = "inherit"
	}
	c.Logging.Stdout, c.Logging.Stderr = out, err
	return &c
}

// options are those of the script that becomes the program.
func (w *job) options() chain.Options {
	return chain.Options{Job: w.name, KeepRuntimeDir: true, Syslog: true, Skip: skipped}
}

// beside are those of the scripts that run beside it, for a caller with any
// environment.
func (w *job) beside() chain.Options {
	o := w.options()
	o.Clean = true
	if len(w.native) > 0 {
		o.EnvDir = []string{chpst, "-e", w.envDir()}
	}
	return o
}

// command returns a script that runs a command of the service for the caller.
func (w *job) command(c spec.Command) []byte { return chain.Command(w.process(), w.beside(), c) }

// hook returns the words that run a hook, and makes its script.
func (w *job) hook(kind string, i int, h spec.Hook) string {
	name := kind + "-" + strconv.Itoa(i+1)
	if !slices.ContainsFunc(w.b.Artifacts, func(a generators.Artifact) bool { return a.Path == w.lib(name) }) {
		w.add(name, supervise.Hook(w.process(), w.beside(), h, name))
	}
	return shell.Quote(w.lib(name)) + supervise.OnFailure(h)
}

// program returns the line that becomes the program: through a script if there
// is more to prepare than prefixes can.
func (w *job) program() []string {
	c, o := w.process(), w.options()
	line := "exec "
	if len(w.native) > 0 {
		line += chpst + " -e " + shell.Quote(w.envDir()) + " "
	}
	o.Umask, o.Dir = true, true // by run
	if chain.NeedsScript(c, o) {
		w.add("run", chain.Script(c, w.options()))
		for _, v := range w.d.Environment {
			switch v.Name {
			case "BASHOPTS", "BASH_VERSINFO", "EUID", "OPTIND", "PPID", "SHELLOPTS", "UID":
				w.refuse("environment."+v.Name, "the variable belongs to the shell that starts the program, which cannot change it", "set it in the program's own configuration")
			}
		}
		return []string{line + shell.Quote(w.lib("run"))}
	}
	lines := []string{"umask " + c.Umask.String()}
	if c.WorkingDir != "" && c.Sandboxing.RootDirectory == "" {
		lines = append(lines, "cd "+shell.Quote(c.WorkingDir)+" || exit 1")
	} else {
		lines = append(lines, "cd / || exit 1")
	}
	if prefix := chain.Prefix(c, o); len(prefix) > 0 {
		line += shell.Join(prefix) + " "
	}
	return append(lines, line+shell.Join(chain.Argv(c)))
}

// parent reports whether run stays, and waits for the program as its child.
func (w *job) parent() bool {
	d := w.d
	return d.Type == "forking" || d.Type == "oneshot" && (d.RemainAfterExit || len(d.Hooks.PostStart) > 0)
}

// passed writes the arguments of env(1) that hand on variables of the manager.
func (w *job) passed() string {
	var b strings.Builder
	for _, v := range w.d.PassEnvironment {
		b.WriteString(`${` + v + `+"` + v + `=$` + v + `"} `)
	}
	return b.String()
}

// head begins a script.
func (w *job) head(b *supervise.Writer, does string) {
	b.Line("#!/bin/sh", "# "+does+" Written by daemonize; changes are lost at the next install.")
}

// names writes what all scripts know.
func (w *job) names(b *supervise.Writer) {
	b.Line("", "PATH="+chain.Path, "export PATH", "umask 022")
	b.Assign("name", w.name)
	b.Assign("dir", supervise.Dir(w.name))
}

// stopping writes what the scripts know that end processes.
func (w *job) stopping(b *supervise.Writer) {
	d := w.d
	b.Assign("stop_signal", supervise.SignalWord(d.Stop.Signal))
	timeout := supervise.Centiseconds(d.Stop.Timeout)
	if !d.Stop.SendSigkill {
		timeout = ""
	}
	b.Assign("stop_timeout", timeout)
	b.Assign("final_signal", supervise.SignalWord(d.Stop.FinalSignal))
	mode := d.Stop.KillMode
	if mode == "none" {
		mode = "process"
	}
	b.Assign("kill_mode", mode)
}

// run returns the script run.
func (w *job) run() []byte {
	d := w.d
	var b supervise.Writer
	w.head(&b, "Runs "+w.name+".")
	if d.Description != "" {
		b.Line("# " + spec.Display(d.Description))
	}
	for _, uri := range d.Documentation {
		b.Line("# See " + spec.Display(uri))
	}
	if len(d.Timers) > 0 {
		b.Line(timedMark)
	}
	b.Line("PATH="+chain.Path, "export PATH")
	or := ""
	if w.parent() {
		or = ` && [ "${1-}" != program ]`
	}
	b.Fill(runBegin, "@OR@", or, "@PASS@", w.passed())
	b.Line("exec </dev/null")
	if _, err := streams(d); piped(d, err) {
		b.Line("exec 2>&1")
	}
	b.Line("umask 022")
	b.Assign("name", w.name)
	b.Assign("dir", supervise.Dir(w.name))
	b.WriteString(runHead)
	watcher := w.watcher()
	if w.parent() {
		b.Line("", `if [ "${1-}" = program ]; then`, "\tnote main")
		if watcher && d.Type == "oneshot" {
			b.Line("\t" + w.watching("$$", "$born"))
		}
		for _, l := range w.program() {
			b.Line("\t" + l)
		}
		b.Line("fi")
	}
	b.WriteString(runStart)
	if !w.parent() {
		b.Line("note main")
	}
	for _, l := range w.before() {
		b.Line(l)
	}
	if !w.parent() {
		if watcher {
			b.Line(w.watching("$$", "$born"))
		}
		for _, l := range w.program() {
			b.Line(l)
		}
		return b.Bytes()
	}
	w.wait(&b)
	return b.Bytes()
}

// watching starts the script watch in a session of its own. The second setsid
// leads a process group already and so forks, which "&" must not do: a process
// started by it ignores SIGINT and SIGQUIT for ever (POSIX, XCU 2.12).
func (w *job) watching(pid, born string) string {
	return "setsid setsid " + shell.Quote(w.lib("watch")) + ` "` + pid + `" "` + born + `" </dev/null`
}

// wait writes the rest of a script run that waits for the program.
func (w *job) wait(b *supervise.Writer) {
	d := w.d
	var up []string
	for i, hook := range d.Hooks.PostStart {
		up = append(up, w.hook("post-start", i, hook))
	}
	b.Function("started", up)
	b.Line("", chpst+" -P ./run program", "status=$?", `[ "$status" -eq 0 ] || exit "$status"`)
	failed := []string{"if ! started; then", "\techo 'post_start failed' >\"$dir/verdict\"", "\texit 1", "fi"}
	if d.Type == "oneshot" {
		b.Line(failed...)
		if d.RemainAfterExit {
			b.Line(`read -r main birth _ <"$dir/main"`, `printf '%s %s\n' "$main" "$birth" >"$dir/ready"`, "exec /bin/sleep 2147483647")
		}
		return
	}
	b.Assign("start_timeout", supervise.Centiseconds(d.Start.Timeout))
	b.WriteString(supervise.Clock + supervise.Processes)
	b.Line("",
		// The parent may have ended before the file is written.
		"clock",
		"limit=$((now + ${start_timeout:-1000}))",
		"while :; do",
		"\tmain=",
		"\t{ read -r main <"+shell.Quote(d.PidFile)+"; } 2>/dev/null",
		"\tcase $main in",
		"\t*[!0-9]*) ;;",
		"\t*) stat_of \"$main\" && break ;;",
		"\tesac",
		"\tclock",
		"\t[ \"$now\" -le \"$limit\" ] || quit failed 'no process is named in '"+shell.Quote(d.PidFile),
		"\tnap",
		"done",
		"birth=$born",
		"group=$session",
		`printf '%s %s %s\n' "$main" "$birth" "$group" >"$dir/main"`)
	b.Line("if ! started; then", "\techo 'post_start failed' >\"$dir/verdict\"", "\tkill -s "+supervise.SignalWord(d.Stop.Signal)+" \"$main\"", "\texit 1", "fi")
	b.Line(`printf '%s %s\n' "$main" "$birth" >"$dir/ready"`)
	if w.watcher() {
		b.Line(w.watching("$main", "$birth"))
	}
	b.Line(
		"while stat_of \"$main\" && [ \"$born\" = \"$birth\" ]; do",
		// It may have named itself before it began a session of its own.
		"\tif [ \"$session\" != \"$group\" ]; then",
		"\t\tgroup=$session",
		"\t\tprintf '%s %s %s\\n' \"$main\" \"$birth\" \"$group\" >\"$dir/main\"",
		"\tfi",
		"\tsleep 1",
		"done",
		"exit 0")
}

// before returns what a start waits for.
func (w *job) before() []string {
	d := w.d
	var body []string
	if conditions := chain.Conditions(d, w.options()); len(conditions) > 0 {
		body = append(body, "(")
		for l := range strings.Lines(string(conditions)) {
			body = append(body, strings.TrimSuffix(l, "\n"))
		}
		body = append(body, ")", "case $? in", "0) ;;", strconv.Itoa(skipped)+") quit skipped 'a condition does not hold' ;;", "*) quit failed 'a condition does not hold' ;;", "esac")
	}
	dep := &d.DependsOn
	online := dep.NetworkOnline
	var lines []string
	each := func(units []string, format func(name string)) {
		for _, u := range units {
			if u == "network-online.target" {
				online = true
			}
			if name := serviceOf(u); name != "" {
				format(shell.Quote(name))
			}
		}
	}
	each(dep.Conflicts, func(n string) {
		lines = append(lines, `[ ! -e "$services/"`+n+` ] || `+sv+` -w 90 stop "$services/"`+n+` >/dev/null || quit failed `+n+`' does not stop'`)
	})
	each(dep.Requisite, func(n string) {
		lines = append(lines, "case $("+sv+` status "$services/"`+n+") in", "run:*) ;;", "*) quit failed "+n+"' is not running' ;;", "esac")
	})
	each(slices.Concat(dep.Requires, dep.BindsTo), func(n string) { lines = append(lines, "need "+n) })
	each(dep.Wants, func(n string) { lines = append(lines, sv+` up "$services/"`+n+` || :`, "settled "+n) })
	each(dep.After, func(n string) {
		if !slices.Contains(lines, "need "+n) && !slices.Contains(lines, "settled "+n) {
			lines = append(lines, "settled "+n)
		}
	})
	if len(lines) > 0 {
		body = append(body, "services="+services(w.t.Family))
		for l := range strings.Lines(waiting[1:]) {
			body = append(body, strings.TrimSuffix(l, "\n"))
		}
		body = append(body, lines...)
	}
	if online {
		body = append(body, supervise.NetworkOnline()...)
	}
	return body
}

// runtime returns how long the process may run, and whether the watcher stays
// for that or for health checks.
func (w *job) runtime() (limit string, guarded bool) {
	d := w.d
	if d.MaxRuntime != 0 {
		limit = supervise.Centiseconds(d.MaxRuntime)
	}
	if d.Type == "oneshot" { // RuntimeMaxSec= does nothing for it, a start timeout does
		limit = ""
		if d.IsSet(field.StartTimeout) {
			limit = supervise.Centiseconds(d.Start.Timeout)
		}
	}
	return limit, limit != "" || chain.HealthTest(&d.Healthcheck) != nil
}

// watcher makes the script that watches the process from beside it, and reports
// whether there is one.
func (w *job) watcher() bool {
	d := w.d
	runtime, guarded := w.runtime()
	comes := d.Type != "forking" && d.Type != "oneshot" // has to come up
	if !guarded && !comes {
		return false
	}
	var b supervise.Writer
	w.head(&b, "Watches over "+w.name+", process $1 born at $2.")
	w.names(&b)
	w.stopping(&b)
	if comes {
		b.Assign("start_timeout", supervise.Centiseconds(d.Start.Timeout))
	}
	b.WriteString(supervise.Shared)
	b.WriteString(say)
	b.Line("")
	if guarded {
		check := ""
		hc := &d.Healthcheck
		if test := chain.HealthTest(hc); test != nil {
			w.add("health", w.command(test))
			check = w.lib("health")
		}
		b.Assign("max_runtime", runtime)
		b.Assign("check", check)
		b.Assign("interval", supervise.Centiseconds(hc.Interval))
		b.Assign("check_timeout", supervise.Seconds(hc.Timeout))
		b.Assign("retries", strconv.Itoa(hc.Retries))
		b.Assign("start_period", supervise.Centiseconds(hc.StartPeriod))
	}
	prelude := ""
	if comes {
		settle := "5"
		if d.Type == "exec" { // that it was executed is all that is asked
			settle = "2"
		}
		b.Assign("settle", settle)
		prelude = supervise.Prelude(d, "run", "run"+w.suffix, "chpst")
	}
	b.WriteString(supervise.Watch(prelude, guarded))
	b.Line("", "main=$1", "birth=$2")
	if comes {
		b.Line("come_up")
		if len(d.Hooks.PostStart) > 0 {
			var up []string
			for i, hook := range d.Hooks.PostStart {
				up = append(up, w.hook("post-start", i, hook))
			}
			b.Function("started", up)
			b.Line("", "if ! started; then", "\tundo 'post_start failed'", "\texit", "fi")
		}
		b.Line("announce")
	}
	if guarded {
		b.Line("guard")
	}
	w.add("watch", b.Bytes())
	return true
}

// unused is for scripts that do not use all that stat_of sets.
const unused = "# shellcheck disable=SC2034"

// finish returns the script finish.
func (w *job) finish() []byte {
	d := w.d
	restart := &d.Restart
	var b supervise.Writer
	w.head(&b, "Follows each end of "+w.name+".")
	b.Line(unused, "exec </dev/null 2>&1")
	w.names(&b)
	w.stopping(&b)
	burst, window := restart.MaxAttempts, supervise.Centiseconds(restart.Window)
	if burst == spec.Unlimited || window == "" {
		burst, window = 0, "0"
	}
	b.Assign("burst", strconv.Itoa(burst))
	b.Assign("window", window)
	b.WriteString(supervise.Clock + supervise.Processes + supervise.Members)
	b.WriteString(say)
	b.WriteString(supervise.Leftovers)
	b.Function("judge", supervise.Judge(d))
	b.Function("again", supervise.Again(restart))
	b.Function("next_delay", supervise.Delays(restart))
	var hooks []string
	for i, hook := range d.Hooks.PostStop {
		hooks = append(hooks, w.hook("post-stop", i, hook))
	}
	b.Function("post_stop", hooks)
	after := []string{"post_stop"}
	var forget []string
	if r := &d.Directories.Runtime; r.Name != "" {
		switch remove := "rm -rf " + shell.Quote("/run/"+r.Name); r.Preserve {
		case "yes":
		case "restart":
			forget = append(forget, remove)
		default:
			after = append(after, remove)
		}
	}
	if len(d.Credentials) > 0 {
		forget = append(forget, "rm -rf "+shell.Quote("/run/daemonize-"+w.name+".credentials"))
	}
	b.Function("after_stop", after)
	b.Function("forget", forget)
	b.Function("consequences", w.consequences())
	b.WriteString(finishBody)
	return b.Bytes()
}

// consequences returns what is started when the service is done.
func (w *job) consequences() []string {
	var body []string
	for _, c := range [...]struct {
		pattern string
		units   []string
	}{{"failed", w.d.DependsOn.OnFailure}, {"ended", w.d.DependsOn.OnSuccess}} {
		var lines []string
		for _, u := range c.units {
			if name := serviceOf(u); name != "" {
				lines = append(lines, "\t"+sv+" up "+shell.Quote(services(w.t.Family)+"/"+name))
			}
		}
		if len(lines) == 0 {
			continue
		}
		if body == nil {
			body = []string{"case $1 in"}
		}
		body = append(append(append(body, c.pattern+")"), lines...), "\t;;")
	}
	if body != nil {
		body = append(body, "esac")
	}
	return body
}

// check returns the script check.
func (w *job) check() []byte {
	var b supervise.Writer
	w.head(&b, "Succeeds when "+w.name+" is up.")
	b.Assign("dir", supervise.Dir(w.name))
	b.Line(`{ read -r main born _ <"$dir/main" && read -r ready <"$dir/ready"; } 2>/dev/null && [ "$ready" = "$main $born" ]`)
	return b.Bytes()
}

// control returns control/t, which runsv waits for.
func (w *job) control() []byte {
	var b supervise.Writer
	w.head(&b, "Stops "+w.name+" instead of the SIGTERM of runsv, which waits for this script.")
	b.Line("mkdir -p "+shell.Quote(supervise.Dir(w.name))+" && : >"+shell.Quote(supervise.Dir(w.name)+"/asked"),
		"setsid setsid "+shell.Quote(w.lib("stop"))+" </dev/null", "exit 0")
	return b.Bytes()
}

// stop returns what control/t starts.
func (w *job) stop() []byte {
	d := w.d
	var b supervise.Writer
	w.head(&b, "Ends "+w.name+".")
	b.Line("cd "+shell.Quote(Dir(w.name))+" || exit 1", "exec 2>&1")
	b.Line("", "PATH="+chain.Path, "export PATH", "umask 022")
	b.Assign("dir", supervise.Dir(w.name))
	w.stopping(&b)
	send := ""
	if d.Stop.SendSighup {
		send = "yes"
	}
	b.Assign("send_sighup", send)
	b.WriteString(supervise.Shared)
	var onStop []string
	for i, hook := range d.Hooks.PreStop {
		onStop = append(onStop, w.hook("pre-stop", i, hook))
	}
	if len(d.Stop.Command) > 0 {
		w.add("stop-command", w.command(d.Stop.Command))
		onStop = append(onStop, shell.Quote(w.lib("stop-command")))
	}
	b.Function("on_stop", onStop)
	b.WriteString(stopBody)
	return b.Bytes()
}

// ctl returns the script that starts, restarts and stops the service and waits.
func (w *job) ctl() []byte {
	var b supervise.Writer
	w.head(&b, "Starts, restarts or stops "+w.name+", and waits until it has.")
	b.Line("cd " + shell.Quote(Dir(w.name)) + " || exit 1")
	w.names(&b)
	start, stop := w.d.Start.Timeout, w.d.Stop.Timeout
	if w.d.Type == "oneshot" && !w.d.IsSet(field.StartTimeout) {
		start = spec.Infinity
	}
	if !w.d.Stop.SendSigkill {
		stop = spec.Infinity
	}
	// The scripts that see to it need a moment themselves.
	more := func(d spec.Duration) spec.Duration {
		if d == spec.Infinity {
			return d
		}
		return d + 10*spec.Second
	}
	restart := more(start)
	if restart != spec.Infinity && stop != spec.Infinity {
		restart += stop
	} else {
		restart = spec.Infinity
	}
	b.Line("# What a start, a restart and a stop may take.", "case ${1-} in", "restart) start_timeout="+supervise.Centiseconds(restart)+" ;;",
		"*) start_timeout="+supervise.Centiseconds(more(start))+" ;;", "esac", "stop_timeout="+supervise.Centiseconds(more(stop)))
	b.WriteString(supervise.Clock)
	b.WriteString(say)
	b.WriteString(ctlBody)
	return b.Bytes()
}

// reload makes the script that has the service read its configuration again.
func (w *job) reload() {
	d := w.d
	signal := d.Reload.Signal
	if signal == "" && d.Type == "notify-reload" {
		signal = "SIGHUP" // systemd.service(5), ReloadSignal=
	}
	if signal == "" && len(d.Reload.Command) == 0 {
		return
	}
	var b supervise.Writer
	w.head(&b, "Has "+w.name+" read its configuration again.")
	b.Line(unused)
	w.names(&b)
	b.WriteString(supervise.Processes)
	b.Line("", "pid=", `{ read -r pid since _ <"$dir/main"; } 2>/dev/null`,
		`if ! stat_of "$pid" || [ "$born" != "$since" ]; then`, "\techo \"$name: is not running\" >&2", "\texit 7", "fi")
	if signal != "" {
		b.Line("kill -s " + supervise.SignalWord(signal) + ` "$pid" || exit 1`)
	}
	if len(d.Reload.Command) > 0 {
		w.add("reload-command", w.command(d.Reload.Command))
		b.Line(`MAINPID=$pid exec ` + shell.Quote(w.lib("reload-command")) + " </dev/null")
	}
	w.add("reload", b.Bytes())
}

// log makes the log service.
func (w *job) log() {
	d := w.d
	out, err := streams(d)
	if !piped(d, out) && !piped(d, err) {
		return
	}
	l := &d.Logging
	var b supervise.Writer
	w.head(&b, "Keeps the output of "+w.name+".")
	if logger(d) {
		tag, facility, level := l.Identifier, l.Facility, l.Level
		if tag == "" {
			tag = w.name
		}
		if facility == "" {
			facility = "daemon"
		}
		if level == "" {
			level = "info"
		}
		b.Line("exec /usr/bin/logger -t " + shell.Quote(tag) + " -p " + facility + "." + level)
		w.file("log/run", 0o755, b.Bytes())
		return
	}
	b.Line("PATH="+chain.Path, "export PATH", "umask 027")
	b.Assign("logs", logDir(w.name))
	b.WriteString(logBody)
	w.file("log/run", 0o755, b.Bytes())
	w.file("log/config", 0o644, w.logConfig())
}

// logConfig writes svlogd's configuration: a letter and its value on each line.
// It has no quoting.
func (w *job) logConfig() []byte {
	l := &w.d.Logging
	type line struct{ letter, value string }
	lines := []line{{"s", "1000000"}, {"n", "10"}}
	if l.Rotate.Size > 0 {
		lines[0].value, lines[1].value = strconv.FormatInt(int64(l.Rotate.Size), 10), strconv.Itoa(l.Rotate.Keep)
	}
	if l.Identifier != "" {
		if strings.ContainsAny(l.Identifier, "\n") {
			w.refuse("logging.identifier", "a line of svlogd's config cannot hold a newline", "write it on one line")
		}
		lines = append(lines, line{"p", l.Identifier + ": "})
	}
	for i := range w.raw.Overrides {
		o := &w.raw.Overrides[i]
		if o.Backend != w.t.Backend || len(o.Keys) != 2 {
			continue
		}
		lines = slices.DeleteFunc(lines, func(l line) bool { return l.letter == o.Keys[1] })
		for _, v := range o.Values {
			if o.Type != "null" {
				lines = append(lines, line{o.Keys[1], v})
			}
		}
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.letter + l.value + "\n")
	}
	return []byte(b.String())
}
