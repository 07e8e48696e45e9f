package sysvinit

import (
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

// skipped is the status of the init script's conditions when one does not hold.
const skipped = 9

// Generate renders d.
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	b := generators.Bundle{Daemon: d.Name, Target: t}
	if t.Scope == generators.User {
		g := d.Diagnostic(diag.ValueRefused, diag.Error, "", "SysVinit has no services of users")
		g.Backend, g.Fix = t.String(), "install it in the system scope and set user"
		return b, diag.List{g}
	}
	list := valueLosses(d, t)
	list = append(list, chain.Problems(d, t)...)
	instances := d.Instances
	if len(instances) == 0 {
		instances = []string{""}
	}
	var timers []crond.Job
	var logs []string
	for _, instance := range instances {
		w := newJob(d, t, instance)
		list = append(list, w.render(&b)...)
		timers = append(timers, crond.Job{Name: w.name, Argv: []string{w.script(), "start"}})
		logs = append(logs, supervise.LogFiles(w.d)...)
		supervise.AddAccount(&b, w.d)
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

// valueLosses reports the values that the table cannot know of.
func valueLosses(d *spec.Daemon, t generators.Target) diag.List {
	var list diag.List
	lose := func(id field.ID, level generators.Level, why string) {
		list = append(list, generators.Lose(d, t, id, id.String(), level, why))
	}
	switch d.Type {
	case "notify", "notify-reload", "dbus":
		lose(field.Type, generators.Approximate, "nobody receives the message: the service counts as started when it has run for half a second")
	case "idle":
		lose(field.Type, generators.Approximate, "the service starts in its turn, not when the boot is done")
	case "forking":
		if d.PidFile == "" {
			list = append(list, generators.Refuse(d, t, "type", "without pid_file the process of a forking service cannot be found", "set pid_file, or better: run the program in the foreground with type exec"))
		}
		switch d.Restart.Policy {
		case "no", "always", "unless-stopped":
		default:
			lose(field.RestartPolicy, generators.Unsupported, "how a process ended that left its parent is told to init only; always works")
		}
	}
	if d.Restart.Steps > supervise.MaxSteps {
		list = append(list, generators.Refuse(d, t, "restart.steps", "the delays are a list in the script", "use at most "+strconv.Itoa(supervise.MaxSteps)+" steps"))
	}
	for _, v := range d.Environment {
		switch v.Name {
		case "BASHOPTS", "BASH_VERSINFO", "EUID", "OPTIND", "PPID", "SHELLOPTS", "UID":
			list = append(list, generators.Refuse(d, t, "environment."+v.Name, "the variable belongs to the shell that reads the environment, which cannot change it", "set it in the program's own configuration"))
		}
	}
	if d.CreateUser && d.User != "" && d.User[0] >= '0' && d.User[0] <= '9' {
		list = append(list, generators.Refuse(d, t, "create_user", "useradd makes users by name, not by number", "give the user a name"))
	}
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

// job renders one copy of a daemon.
type job struct {
	d       *spec.Daemon // resolved
	t       generators.Target
	name    string // NAME or NAME-INSTANCE
	suffix  string // of the scripts: empty or -INSTANCE
	scripts []generators.Artifact
}

func newJob(d *spec.Daemon, t generators.Target, instance string) *job {
	w := &job{d: chain.Resolve(d, instance), t: t, name: d.Name}
	if instance != "" {
		w.suffix = "-" + instance
		w.name += w.suffix
	}
	return w
}

func (w *job) script() string { return "/etc/init.d/" + w.name }

// dir is where the scripts keep their state.
func (w *job) dir() string { return supervise.Dir(w.name) }

// pidFile is our process ID file. It must not be the one that the spec names.
func (w *job) pidFile() string {
	if path := "/run/" + w.name + ".pid"; path != w.d.PidFile {
		return path
	}
	return w.dir() + "/pid"
}

// lib returns the path of one of the job's scripts.
func (w *job) lib(script string) string { return chain.Dir(w.d.Name) + "/" + script + w.suffix }

// defaults returns the file of the environment.
func (w *job) defaults() string {
	if w.t.Family == generators.RedHat {
		return "/etc/sysconfig/" + w.name
	}
	return "/etc/default/" + w.name
}

func (w *job) render(b *generators.Bundle) diag.List {
	d := w.d
	h, list := lsbHeader(d, w.t, w.name)
	w.add("run", chain.Script(w.process(), w.options()))
	init, supervise := w.init(h), w.supervise()
	w.add("supervise", supervise)
	b.Add(w.script(), 0o755, init)
	if len(d.Environment) > 0 {
		b.Add(w.defaults(), 0o640, defaultsFile(w.name, d.Environment))
	}
	b.Artifacts = append(b.Artifacts, w.scripts...)
	atBoot := len(d.Timers) == 0
	b.Jobs = append(b.Jobs, generators.Job{Name: w.name, Enable: d.Install.Enable && atBoot, Start: d.Install.Start && atBoot})
	return list
}

// add adds a script of the job.
func (w *job) add(name string, content []byte) {
	w.scripts = append(w.scripts, generators.Artifact{Path: w.lib(name), Mode: 0o755, Content: content})
}

func (w *job) options() chain.Options {
	return chain.Options{Job: w.name, Environment: true, KeepRuntimeDir: true, Syslog: true, Skip: skipped}
}

// process returns the daemon as package chain is to see it: conditions and
// max_runtime are ours, and the environment is in a file.
func (w *job) process() *spec.Daemon {
	c := *w.d
	c.Conditions = spec.Conditions{}
	c.MaxRuntime = 0
	c.EnvFile = append([]spec.EnvFile{{Path: w.defaults()}}, c.EnvFile...)
	if len(c.Environment) > 0 {
		c.EnvFile[0].Required = true
	}
	return &c
}

// defaultsFile writes variables in the dialect that POSIX sh and systemd's
// EnvironmentFile= read alike.
func defaultsFile(job string, env spec.Environment) []byte {
	var b strings.Builder
	b.WriteString("# Environment of " + job + ", read by sh at each start: NAME=\"value\", with a backslash before \\ \" $ and `.\n")
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`)
	for _, v := range env {
		b.WriteString(v.Name + `="` + quote.Replace(v.Value) + "\"\n")
	}
	return []byte(b.String())
}

// common writes what both scripts begin with.
func (w *job) common(b *supervise.Writer) {
	d := w.d
	b.Line("", "PATH="+chain.Path, "export PATH", "umask 022", "cd / || exit 1")
	b.Assign("name", w.name)
	b.Assign("dir", w.dir())
	b.Assign("pidfile", w.pidFile())
	b.Assign("stop_signal", supervise.SignalWord(d.Stop.Signal))
	stop := supervise.Centiseconds(d.Stop.Timeout)
	if !d.Stop.SendSigkill {
		stop = ""
	}
	b.Assign("stop_timeout", stop)
	b.Assign("final_signal", supervise.SignalWord(d.Stop.FinalSignal))
	b.Assign("kill_mode", d.Stop.KillMode)
}

// passed writes the arguments of env(1) that hand on variables of the caller.
func (w *job) passed() string {
	var b strings.Builder
	for _, v := range w.d.PassEnvironment {
		b.WriteString(`${` + v + `+"` + v + `=$` + v + `"} `)
	}
	return b.String()
}

func (w *job) init(h header) []byte {
	d := w.d
	var b supervise.Writer
	b.Grow(12 << 10)
	b.Line("#!/bin/sh")
	if w.t.Family == generators.RedHat {
		w.chkconfig(&b)
	}
	h.write(&b.Builder)
	b.Line("# Written by daemonize; changes are lost at the next install.",
		"# The environment is in "+w.defaults()+".")
	for _, uri := range d.Documentation {
		b.Line("# See " + uri)
	}
	w.common(&b)
	argv := chain.Argv(d)
	root := d.Sandboxing.RootDirectory
	if root == "/" {
		root = ""
	}
	b.Assign("program", root+argv[0])
	timeout := supervise.Centiseconds(d.Start.Timeout)
	if d.Type == "oneshot" && !d.IsSet(field.StartTimeout) {
		timeout = "" // systemd.service(5), TimeoutStartSec=
	}
	b.Assign("start_timeout", timeout)
	send := ""
	if d.Stop.SendSighup {
		send = "yes"
	}
	b.Assign("send_sighup", send)
	b.WriteString(supervise.Shared)

	w.afterStop(&b)
	var onStop []string
	run := `env -i "PATH=$PATH" ${MAINPID+"MAINPID=$MAINPID"} ` + w.passed()
	for i, hook := range d.Hooks.PreStop {
		onStop = append(onStop, run+w.hook("pre-stop", i, hook)+" </dev/null >/dev/null 2>&1 9>&-"+supervise.OnFailure(hook))
	}
	if len(d.Stop.Command) > 0 {
		w.add("stop", w.command(d.Stop.Command))
		onStop = append(onStop, run+shell.Quote(w.lib("stop"))+" </dev/null >/dev/null 2>&1 9>&-")
	}
	b.Function("on_stop", onStop)
	b.Function("check", w.check())

	var keep []string
	if d.Directories.Runtime.Preserve == "restart" {
		keep = []string{`: >"$dir/keep"`}
	}
	keep = append(keep, "stop && start", "set -- $?", `rm -f "$dir/keep"`, `return "$1"`)
	if len(keep) == 4 {
		keep = []string{"stop && start"}
	}
	b.Function("restart", keep)

	running := []string{`if ! alive "$dir/main"; then`, "\tfail 'is not running'", "\treturn 7", "fi"}
	reload, force := []string{"fail 'cannot load its configuration again without a restart'", "return 3"}, []string{
		"if status >/dev/null; then", "\tlock", "\trestart", "fi"}
	signal := d.Reload.Signal
	if signal == "" && d.Type == "notify-reload" {
		signal = "SIGHUP" // systemd.service(5), ReloadSignal=
	}
	switch {
	case len(d.Reload.Command) > 0:
		w.add("reload", w.command(d.Reload.Command))
		reload = append(slices.Clone(running), `env -i "PATH=$PATH" "MAINPID=$pid" `+w.passed()+shell.Quote(w.lib("reload"))+" </dev/null")
		if signal != "" {
			reload = append(reload[:len(reload)-1:len(reload)-1], "kill -s "+supervise.SignalWord(signal)+` "$pid" || return 1`, reload[len(reload)-1])
		}
		force = []string{"reload"}
	case signal != "":
		reload = append(slices.Clone(running), "kill -s "+supervise.SignalWord(signal)+` "$pid"`)
		force = []string{"reload"}
	}
	b.Function("reload", reload)
	b.Function("force_reload", force)

	b.Fill(initBody, "@PASS@", w.passed(), `"$lib/supervise"`, shell.Quote(w.lib("supervise")))
	return []byte(b.String())
}

// chkconfig writes the lines of Red Hat's chkconfig(8). A backslash at the end
// of the description would join the next line to it.
func (w *job) chkconfig(b *supervise.Writer) {
	levels := ""
	for _, l := range w.d.Install.Runlevels {
		if l != "S" {
			levels += l
		}
	}
	if !w.d.Install.Enable || len(w.d.Timers) > 0 || levels == "" {
		levels = "-"
	}
	text := w.d.Description
	if text == "" {
		text = w.name
	}
	b.Line("# chkconfig: "+levels+" 80 20", "# description: "+text, "#", "# processname: "+w.name, "")
}

// check returns what a start depends on.
func (w *job) check() []string {
	d := w.d
	var body []string
	if conditions := chain.Conditions(d, w.options()); len(conditions) > 0 {
		body = append(body, "(")
		for l := range strings.Lines(string(conditions)) {
			body = append(body, strings.TrimSuffix(l, "\n"))
		}
		body = append(body, ")", "case $? in", "0) ;;", strconv.Itoa(skipped)+") return "+strconv.Itoa(skipped)+" ;;", "*) return 6 ;;", "esac")
	}
	for _, unit := range d.DependsOn.Requisite {
		if name := scriptOf(unit); name != "" {
			script := shell.Quote("/etc/init.d/" + name)
			body = append(body, "if ! "+script+" status >/dev/null 2>&1; then", "\tfail "+shell.Quote(name+" is not running"), "\treturn 1", "fi")
		}
	}
	if d.DependsOn.NetworkOnline {
		body = append(body, supervise.NetworkOnline()...)
	}
	for _, unit := range d.DependsOn.Conflicts {
		if name := scriptOf(unit); name != "" {
			script := shell.Quote("/etc/init.d/" + name)
			body = append(body, "if [ -x "+script+" ] && ! "+script+" stop; then", "\treturn 1", "fi")
		}
	}
	if len(body) > 0 {
		body = append(body, "return 0")
	}
	return body
}

// afterStop writes what follows each end of the process.
func (w *job) afterStop(b *supervise.Writer) {
	var hooks []string
	for i, hook := range w.d.Hooks.PostStop {
		hooks = append(hooks, w.hook("post-stop", i, hook)+" </dev/null >/dev/null 2>&1"+supervise.OnFailure(hook))
	}
	b.Function("post_stop", hooks)
	body := []string{"post_stop"}
	if r := &w.d.Directories.Runtime; r.Name != "" && r.Preserve != "yes" && r.Preserve != "restart" {
		body = append(body, "rm -rf "+shell.Quote("/run/"+r.Name))
	}
	b.Function("after_stop", body)
}

// hook returns the word of a hook's script, and makes the script.
func (w *job) hook(kind string, i int, h spec.Hook) string {
	name := kind + "-" + strconv.Itoa(i+1)
	if !slices.ContainsFunc(w.scripts, func(a generators.Artifact) bool { return a.Path == w.lib(name) }) {
		w.add(name, supervise.Hook(w.process(), w.options(), h, name))
	}
	return shell.Quote(w.lib(name))
}

// command returns a script that runs a command of the service for the caller.
func (w *job) command(c spec.Command) []byte { return chain.Command(w.process(), w.options(), c) }

func (w *job) supervise() []byte {
	d := w.d
	forking, oneshot := d.Type == "forking", d.Type == "oneshot"
	var b supervise.Writer
	b.Grow(14 << 10)
	b.Line("#!/bin/sh", "# Runs "+w.name+" for "+w.script()+". Written by daemonize; changes are lost at the next install.")
	w.common(&b)
	restart := &d.Restart
	burst := restart.MaxAttempts
	window := supervise.Centiseconds(restart.Window)
	if burst == spec.Unlimited || window == "" {
		burst, window = 0, "0"
	}
	b.Assign("burst", strconv.Itoa(burst))
	b.Assign("window", window)
	runtime := supervise.Centiseconds(d.MaxRuntime)
	if d.MaxRuntime == 0 || oneshot { // RuntimeMaxSec= does nothing for oneshot
		runtime = ""
	}
	if oneshot {
		runtime = startTimeout(d)
	}
	health := w.health()
	guarded := runtime != "" || health != ""
	watched := !forking && !oneshot

	if !oneshot {
		b.Assign("start_timeout", supervise.Centiseconds(d.Start.Timeout))
	}
	b.WriteString(supervise.Shared)
	b.WriteString(superviseHead)
	b.WriteString(strings.TrimPrefix(supervise.Leftovers, "\n"))
	b.WriteString(superviseFinish)
	if guarded || watched {
		b.Line("")
		if guarded {
			hc := &d.Healthcheck
			b.Assign("max_runtime", runtime)
			b.Assign("check", health)
			b.Assign("interval", supervise.Centiseconds(hc.Interval))
			b.Assign("check_timeout", supervise.Seconds(hc.Timeout))
			b.Assign("retries", strconv.Itoa(hc.Retries))
			b.Assign("start_period", supervise.Centiseconds(hc.StartPeriod))
		}
		prelude := ""
		if watched {
			settle := "5"
			if d.Type == "exec" { // that it was executed is all that is asked
				settle = "2"
			}
			b.Assign("settle", settle)
			prelude = supervise.Prelude(d, "supervise"+w.suffix, "run"+w.suffix)
		}
		b.WriteString(supervise.Watch(prelude, guarded))
	}

	var up []string
	for i, hook := range d.Hooks.PostStart {
		up = append(up, w.hook("post-start", i, hook)+" </dev/null >/dev/null 2>&1"+supervise.OnFailure(hook))
	}
	b.Function("started", up)

	// The watcher of a process, which ends with it.
	watcher := ""
	if guarded || watched {
		watcher = "watch)\n\twatch \"$2\" \"$3\"\n\texit\n\t;;\n"
		watch := []string{"main=$1", "birth=$2"}
		if watched {
			watch = append(watch, "come_up", "if ! started; then", "\tundo 'post_start failed'", "\treturn", "fi", "announce")
		}
		if guarded {
			watch = append(watch, "guard")
		}
		b.Function("watch", watch)
	}

	b.Function("one_run", w.oneRun(guarded))
	b.Function("judge", supervise.Judge(d))
	b.Function("again", supervise.Again(restart))
	b.Function("next_delay", supervise.Delays(restart))
	w.afterStop(&b)
	b.Function("forget", w.forget())
	b.Function("consequences", consequences(d))

	start := ""
	if watched || oneshot && guarded {
		start = `setsid setsid "$0" watch "$$" "$born" </dev/null >/dev/null 2>&1`
	}
	ended := `finish ended "$ended"`
	if d.RemainAfterExit {
		ended = "finish exited"
	}
	b.Fill(superviseBody, "\t@WATCH@\n", indent(start), `"$lib/run"`, shell.Quote(w.lib("run")), "@WATCHER@", watcher, `finish ended "$ended"`, ended)
	return []byte(b.String())
}

func indent(line string) string {
	if line == "" {
		return ""
	}
	return "\t" + line + "\n"
}

func startTimeout(d *spec.Daemon) string {
	if !d.IsSet(field.StartTimeout) {
		return ""
	}
	return supervise.Centiseconds(d.Start.Timeout)
}

// oneRun returns the body of one_run, which sets status and ended.
func (w *job) oneRun(guarded bool) []string {
	d := w.d
	body := []string{`setsid "$0" exec </dev/null >/dev/null 2>&1`, "status=$?", `describe "$status"`}
	up := []string{"if [ \"$status\" -eq 0 ] && ! started; then", "\tstatus=1", "\tended='post_start failed'", "fi"}
	switch d.Type {
	case "oneshot":
		if len(d.Hooks.PostStart) > 0 {
			body = append(body, up...)
		}
	case "forking":
		body = append(body,
			`[ "$status" -eq 0 ] || return`,
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
			"\tif [ -n \"$stopping\" ] || [ \"$now\" -gt \"$limit\" ]; then",
			"\t\tstatus=1",
			"\t\tended='no process is named in '"+shell.Quote(d.PidFile),
			"\t\tunasked=1", // it was not known whom to ask to stop
			"\t\treturn",
			"\tfi",
			"\tnap",
			"done",
			"birth=$born",
			"group=$session",
			`printf '%s %s %s\n' "$main" "$birth" "$group" >"$dir/main"`,
			`printf '%s\n' "$main" >"$pidfile"`)
		body = append(body, up...)
		body = append(body, `printf '%s %s\n' "$main" "$birth" >"$dir/ready"`)
		if guarded {
			body = append(body, `setsid setsid "$0" watch "$main" "$birth" </dev/null >/dev/null 2>&1`)
		}
		body = append(body,
			"while stat_of \"$main\" && [ \"$born\" = \"$birth\" ]; do",
			// It may have named itself before it began a session of its own.
			"\tif [ \"$session\" != \"$group\" ]; then",
			"\t\tgroup=$session",
			"\t\tprintf '%s %s %s\\n' \"$main\" \"$birth\" \"$group\" >\"$dir/main\"",
			"\tfi",
			"\tif [ -n \"$stopping\" ]; then",
			"\t\tnap",
			"\telse",
			"\t\tpause 100",
			"\tfi",
			"done",
			`[ "$status" -ne 0 ] || ended='it ended'`)
	}
	return body
}

// forget returns what is removed when supervision ends.
func (w *job) forget() []string {
	var body []string
	if r := &w.d.Directories.Runtime; r.Name != "" && r.Preserve == "restart" {
		body = append(body, `[ -f "$dir/keep" ] || rm -rf `+shell.Quote("/run/"+r.Name))
	}
	if len(w.d.Credentials) > 0 {
		body = append(body, "rm -rf "+shell.Quote("/run/daemonize-"+w.name+".credentials"))
	}
	return body
}

func consequences(d *spec.Daemon) []string {
	start := func(units []string) []string {
		var lines []string
		for _, u := range units {
			if name := scriptOf(u); name != "" {
				lines = append(lines, "setsid setsid "+shell.Quote("/etc/init.d/"+name)+" start </dev/null >/dev/null 2>&1")
			}
		}
		return lines
	}
	var body []string
	for _, c := range []struct {
		pattern string
		lines   []string
	}{{"failed", start(d.DependsOn.OnFailure)}, {"ended | exited", start(d.DependsOn.OnSuccess)}} {
		if len(c.lines) == 0 {
			continue
		}
		if body == nil {
			body = []string{"case $1 in"}
		}
		body = append(body, c.pattern+")")
		for _, l := range c.lines {
			body = append(body, "\t"+l)
		}
		body = append(body, "\t;;")
	}
	if body != nil {
		body = append(body, "esac")
	}
	return body
}

// health makes the script of the healthcheck and returns its path, or nothing.
func (w *job) health() string {
	command := chain.HealthTest(&w.d.Healthcheck)
	if command == nil {
		return ""
	}
	w.add("health", w.command(command))
	return w.lib("health")
}
