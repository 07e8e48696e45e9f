package sysvinit

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/logrotate"
	"github.com/daemonize/daemonize/internal/shell"
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
		logs = append(logs, logFiles(w.d)...)
		if d.CreateUser && w.d.User != "" {
			a := generators.Account{User: w.d.User, Group: w.d.Group, Groups: w.d.SupplementaryGroups, Home: "/nonexistent"}
			if w.d.Directories.State.Name != "" {
				a.Home = "/var/lib/" + w.d.Directories.State.Name
			}
			if !slices.ContainsFunc(b.Accounts, func(o generators.Account) bool { return o.User == a.User }) {
				b.Accounts = append(b.Accounts, a)
			}
		}
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
	if d.Restart.Steps > maxSteps {
		list = append(list, generators.Refuse(d, t, "restart.steps", "the delays are a list in the script", "use at most "+strconv.Itoa(maxSteps)+" steps"))
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

// logFiles returns the files that output goes to.
func logFiles(d *spec.Daemon) []string {
	var files []string
	for _, stream := range []string{d.Logging.Stdout, d.Logging.Stderr} {
		for _, kind := range []string{"file:", "append:"} {
			if path, ok := strings.CutPrefix(stream, kind); ok && !slices.Contains(files, path) {
				files = append(files, path)
			}
		}
	}
	return files
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
func (w *job) dir() string { return "/run/daemonize/" + w.name }

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

// writer collects lines of a script.
type writer struct{ strings.Builder }

func (w *writer) line(lines ...string) {
	for _, l := range lines {
		w.WriteString(l)
		w.WriteByte('\n')
	}
}

// assign writes a variable.
func (w *writer) assign(name, value string) {
	if value == "" {
		w.line(name + "=")
		return
	}
	w.line(name + "=" + shell.Quote(value))
}

// fill writes text with some marks, in the order of the text, replaced.
func (w *writer) fill(text string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		before, after, _ := strings.Cut(text, pairs[i])
		w.WriteString(before)
		w.WriteString(pairs[i+1])
		text = after
	}
	w.WriteString(text)
}

// function writes a function. An empty one succeeds.
func (w *writer) function(name string, body []string) {
	if len(body) == 0 {
		body = []string{":"}
	}
	w.line("", name+"() {")
	for _, l := range body {
		w.line("\t" + l)
	}
	w.line("}")
}

// common writes what both scripts begin with.
func (w *job) common(b *writer) {
	d := w.d
	b.line("", "PATH="+chain.Path, "export PATH", "umask 022", "cd / || exit 1")
	b.assign("name", w.name)
	b.assign("dir", w.dir())
	b.assign("pidfile", w.pidFile())
	b.assign("stop_signal", signalWord(d.Stop.Signal))
	stop := centiseconds(d.Stop.Timeout)
	if !d.Stop.SendSigkill {
		stop = ""
	}
	b.assign("stop_timeout", stop)
	b.assign("final_signal", signalWord(d.Stop.FinalSignal))
	b.assign("kill_mode", d.Stop.KillMode)
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
	var b writer
	b.Grow(12 << 10)
	b.line("#!/bin/sh")
	if w.t.Family == generators.RedHat {
		w.chkconfig(&b)
	}
	h.write(&b.Builder)
	b.line("# Written by daemonize; changes are lost at the next install.",
		"# The environment is in "+w.defaults()+".")
	for _, uri := range d.Documentation {
		b.line("# See " + uri)
	}
	w.common(&b)
	argv := chain.Argv(d)
	root := d.Sandboxing.RootDirectory
	if root == "/" {
		root = ""
	}
	b.assign("program", root+argv[0])
	timeout := centiseconds(d.Start.Timeout)
	if d.Type == "oneshot" && !d.IsSet(field.StartTimeout) {
		timeout = "" // systemd.service(5), TimeoutStartSec=
	}
	b.assign("start_timeout", timeout)
	send := ""
	if d.Stop.SendSighup {
		send = "yes"
	}
	b.assign("send_sighup", send)
	b.WriteString(shared)

	w.afterStop(&b)
	var onStop []string
	run := `env -i "PATH=$PATH" ${MAINPID+"MAINPID=$MAINPID"} ` + w.passed()
	for i, hook := range d.Hooks.PreStop {
		onStop = append(onStop, run+w.hook("pre-stop", i, hook)+" </dev/null >/dev/null 2>&1 9>&-"+onFailure(hook))
	}
	if len(d.Stop.Command) > 0 {
		w.add("stop", w.command(d.Stop.Command))
		onStop = append(onStop, run+shell.Quote(w.lib("stop"))+" </dev/null >/dev/null 2>&1 9>&-")
	}
	b.function("on_stop", onStop)
	b.function("check", w.check())

	var keep []string
	if d.Directories.Runtime.Preserve == "restart" {
		keep = []string{`: >"$dir/keep"`}
	}
	keep = append(keep, "stop && start", "set -- $?", `rm -f "$dir/keep"`, `return "$1"`)
	if len(keep) == 4 {
		keep = []string{"stop && start"}
	}
	b.function("restart", keep)

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
			reload = append(reload[:len(reload)-1:len(reload)-1], "kill -s "+signalWord(signal)+` "$pid" || return 1`, reload[len(reload)-1])
		}
		force = []string{"reload"}
	case signal != "":
		reload = append(slices.Clone(running), "kill -s "+signalWord(signal)+` "$pid"`)
		force = []string{"reload"}
	}
	b.function("reload", reload)
	b.function("force_reload", force)

	b.fill(initBody, "@PASS@", w.passed(), `"$lib/supervise"`, shell.Quote(w.lib("supervise")))
	return []byte(b.String())
}

// chkconfig writes the lines of Red Hat's chkconfig(8). A backslash at the end
// of the description would join the next line to it.
func (w *job) chkconfig(b *writer) {
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
	b.line("# chkconfig: "+levels+" 80 20", "# description: "+text, "#", "# processname: "+w.name, "")
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
		// A default route, of IPv4 or IPv6 (proc(5), /proc/net/route).
		body = append(body, "for tries in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do",
			`	[ "$tries" -eq 0 ] || sleep 1`,
			"	{",
			"		while read -r device destination gateway _; do",
			`			[ "$destination" = 00000000 ] && [ "$gateway" != 00000000 ] && break 2`,
			"		done </proc/net/route",
			"		while read -r destination length _ _ _ _ _ _ _ device; do",
			`			[ "$destination$length" = 0000000000000000000000000000000000 ] && [ "$device" != lo ] && break 2`,
			"		done </proc/net/ipv6_route",
			"	} 2>/dev/null",
			"done")
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
func (w *job) afterStop(b *writer) {
	var hooks []string
	for i, hook := range w.d.Hooks.PostStop {
		hooks = append(hooks, w.hook("post-stop", i, hook)+" </dev/null >/dev/null 2>&1"+onFailure(hook))
	}
	b.function("post_stop", hooks)
	body := []string{"post_stop"}
	if r := &w.d.Directories.Runtime; r.Name != "" && r.Preserve != "yes" && r.Preserve != "restart" {
		body = append(body, "rm -rf "+shell.Quote("/run/"+r.Name))
	}
	b.function("after_stop", body)
}

// onFailure is what follows the command of a hook: the failure of one keeps
// those after it from running (systemd.service(5), ExecStartPre=).
func onFailure(h spec.Hook) string {
	if h.IgnoreFailure {
		return " || :"
	}
	return " || return 1"
}

// hook returns the word of a hook's script, and makes the script.
func (w *job) hook(kind string, i int, h spec.Hook) string {
	name := kind + "-" + strconv.Itoa(i+1)
	if !slices.ContainsFunc(w.scripts, func(a generators.Artifact) bool { return a.Path == w.lib(name) }) {
		if h.Privileged {
			// As root with all its rights, but with the environment.
			w.add(name, w.commandOf(&spec.Daemon{Name: w.d.Name, Umask: w.d.Umask, WorkingDir: w.d.WorkingDir,
				Environment: w.d.Environment, EnvFile: w.process().EnvFile, Logging: w.d.Logging, Stdin: "null"}, h.Command, name))
		} else {
			w.add(name, w.commandOf(w.process(), h.Command, name))
		}
	}
	return shell.Quote(w.lib(name))
}

// command returns a script that runs a command of the service for the caller.
func (w *job) command(c spec.Command) []byte { return chain.Command(w.process(), w.options(), c) }

// commandOf is command with the output of the daemon. Its log files are
// appended to, whatever the daemon does.
func (w *job) commandOf(d *spec.Daemon, c spec.Command, name string) []byte {
	h := *d
	h.Command, h.Shell = c, ""
	h.Hooks = spec.Hooks{}
	h.Directories.Runtime.Name, h.Directories.State.Name, h.Directories.Cache.Name = "", "", ""
	h.Directories.Logs.Name, h.Directories.Config.Name = "", ""
	h.Credentials = nil
	appended := func(stream string) string {
		if path, ok := strings.CutPrefix(stream, "file:"); ok {
			return "append:" + path
		}
		return stream
	}
	h.Logging.Stdout, h.Logging.Stderr = appended(h.Logging.Stdout), appended(h.Logging.Stderr)
	o := w.options()
	o.Job += "." + name
	return chain.Script(&h, o)
}

func (w *job) supervise() []byte {
	d := w.d
	forking, oneshot := d.Type == "forking", d.Type == "oneshot"
	var b writer
	b.Grow(14 << 10)
	b.line("#!/bin/sh", "# Runs "+w.name+" for "+w.script()+". Written by daemonize; changes are lost at the next install.")
	w.common(&b)
	restart := &d.Restart
	burst := restart.MaxAttempts
	window := centiseconds(restart.Window)
	if burst == spec.Unlimited || window == "" {
		burst, window = 0, "0"
	}
	b.assign("burst", strconv.Itoa(burst))
	b.assign("window", window)
	runtime := centiseconds(d.MaxRuntime)
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
		b.assign("start_timeout", centiseconds(d.Start.Timeout))
	}
	b.WriteString(shared)
	b.WriteString(superviseHead)
	if guarded || watched {
		b.line("")
		if guarded {
			hc := &d.Healthcheck
			b.assign("max_runtime", runtime)
			b.assign("check", health)
			b.assign("interval", centiseconds(hc.Interval))
			b.assign("check_timeout", healthSeconds(hc.Timeout))
			b.assign("retries", strconv.Itoa(hc.Retries))
			b.assign("start_period", centiseconds(hc.StartPeriod))
		}
		text := watchBody
		if !guarded {
			text = text[:strings.Index(text, guardMark)]
		}
		if watched {
			settle := "5"
			if d.Type == "exec" { // that it was executed is all that is asked
				settle = "2"
			}
			b.assign("settle", settle)
		} else {
			from := strings.Index(text, comeUpMark)
			text = text[:from] + text[strings.Index(text, guardMark):]
		}
		if watched {
			b.fill(text, "@PRELUDE@", prelude(d, w.suffix))
		} else {
			b.WriteString(text)
		}
	}

	var up []string
	for i, hook := range d.Hooks.PostStart {
		up = append(up, w.hook("post-start", i, hook)+" </dev/null >/dev/null 2>&1"+onFailure(hook))
	}
	b.function("started", up)

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
		b.function("watch", watch)
	}

	b.function("one_run", w.oneRun(guarded))
	b.function("judge", w.judge())
	b.function("again", again(restart))
	b.function("next_delay", delays(restart))
	w.afterStop(&b)
	b.function("forget", w.forget())
	b.function("consequences", consequences(d))

	start := ""
	if watched || oneshot && guarded {
		start = `setsid setsid "$0" watch "$$" "$born" </dev/null >/dev/null 2>&1`
	}
	ended := `finish ended "$ended"`
	if d.RemainAfterExit {
		ended = "finish exited"
	}
	b.fill(superviseBody, "\t@WATCH@\n", indent(start), `"$lib/run"`, shell.Quote(w.lib("run")), "@WATCHER@", watcher, `finish ended "$ended"`, ended)
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
	return centiseconds(d.Start.Timeout)
}

// prelude is the pattern of the names that the process has (proc(5), comm)
// before the program is executed in it. A program of the same name is taken
// for itself.
func prelude(d *spec.Daemon, suffix string) string {
	comm := func(path string) string {
		path = path[strings.LastIndexByte(path, '/')+1:]
		return path[:min(len(path), 15)]
	}
	program := comm(chain.Argv(d)[0])
	var words []string
	for _, tool := range []string{"supervise" + suffix, "run" + suffix, "sh", "nsenter", "unshare", "nice", "ionice", "chrt", "taskset", "choom", "prlimit", "env", "chroot", "setpriv"} {
		if c := comm(tool); c != program && !slices.Contains(words, c) {
			words = append(words, shell.Quote(c))
		}
	}
	return strings.Join(words, " | ")
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

// judge returns the body that sets outcome. What is clean is what
// systemd.service(5) says under SuccessExitStatus=.
func (w *job) judge() []string {
	clean := []int{0}
	if w.d.Type != "oneshot" {
		clean = append(clean, 129, 130, 141, 143) // SIGHUP, SIGINT, SIGPIPE, SIGTERM
	}
	return []string{
		"outcome=code",
		"case $verdict in",
		"'') ;;",
		"post_start*)",
		"\tended=$verdict",
		"\treturn",
		"\t;;",
		"*)",
		"\tended=\"it was ended: $verdict\"",
		"\toutcome=timeout",
		"\treturn",
		"\t;;",
		"esac",
		"case $status in",
		statusPattern(w.d.Restart.SuccessExit, clean...) + ") outcome=clean ;;",
		"*)",
		"\tif [ \"$status\" -gt 128 ] && [ \"$status\" -le 192 ]; then",
		"\t\toutcome=signal",
		"\tfi",
		"\t;;",
		"esac",
	}
}

// again returns the body that decides on a restart, in the order of systemd's
// service_shall_restart().
func again(r *spec.Restart) []string {
	body := []string{`[ "$verdict" != unhealthy ] || return 0`}
	if p := statusPattern(r.PreventExit); p != "" {
		body = append(body, "case $status in", p+") return 1 ;;", "esac")
	}
	if p := statusPattern(r.ForceExit); p != "" {
		body = append(body, "case $status in", p+") return 0 ;;", "esac")
	}
	switch r.Policy {
	case "always", "unless-stopped":
		return append(body, "return 0")
	case "on-success":
		return append(body, `[ "$outcome" = clean ]`)
	case "on-failure":
		return append(body, `[ "$outcome" != clean ]`)
	case "on-abnormal":
		return append(body, `[ "$outcome" = signal ] || [ "$outcome" = timeout ]`)
	case "on-abort":
		return append(body, `[ "$outcome" = signal ]`)
	}
	return append(body, "return 1") // no, and on-watchdog, as there is none
}

// maxSteps bounds the list of delays.
const maxSteps = 1000

// delays returns the body that sets delay for the restart of number restarts.
// It grows as in systemd's service_restart_usec_next(): geometrically from
// delay to max_delay.
func delays(r *spec.Restart) []string {
	if r.Steps <= 0 || r.Steps > maxSteps || r.MaxDelay == 0 || r.MaxDelay == spec.Infinity || r.MaxDelay <= r.Delay {
		first := centiseconds(r.Delay)
		if first == "" {
			first = centiseconds(365 * 24 * 60 * spec.Minute) // infinity: it stays down until told otherwise
		}
		return []string{"delay=" + first}
	}
	body := []string{"case $restarts in"}
	low := max(r.Delay, spec.Microsecond)
	for n := range r.Steps {
		v := float64(low) * math.Pow(float64(r.MaxDelay)/float64(low), float64(n)/float64(r.Steps))
		body = append(body, strconv.Itoa(n+1)+") delay="+centiseconds(spec.Duration(math.Round(v)))+" ;;")
	}
	return append(body, "*) delay="+centiseconds(r.MaxDelay)+" ;;", "esac")
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

// The commands of a healthcheck without test. The URL or host is an argument.
const (
	checkHTTP = `if command -v curl >/dev/null; then exec curl -fsS -o /dev/null -- "$1"; fi; exec wget -q -O /dev/null -- "$1"`
	checkTCP  = `if command -v nc >/dev/null; then exec nc -z "$1" "$2"; fi; exec bash -c '>"/dev/tcp/$1/$2"' tcp "$1" "$2"`
)

// health makes the script of the healthcheck and returns its path, or nothing.
func (w *job) health() string {
	h := &w.d.Healthcheck
	command := h.Test
	switch {
	case len(command) > 0:
	case h.HTTP != "":
		command = spec.Command{"/bin/sh", "-c", checkHTTP, "health", h.HTTP}
	case h.TCP != "":
		i := strings.LastIndexByte(h.TCP, ':')
		host := strings.Trim(h.TCP[:i], "[]")
		command = spec.Command{"/bin/sh", "-c", checkTCP, "health", host, h.TCP[i+1:]}
	default:
		return ""
	}
	w.add("health", w.command(command))
	return w.lib("health")
}

// healthSeconds writes a duration for timeout(1), where 0 is no limit.
func healthSeconds(d spec.Duration) string {
	if d == spec.Infinity {
		return "0"
	}
	return strconv.FormatInt(d.Seconds(), 10)
}
