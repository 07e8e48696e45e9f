package initscript

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// Skipped is the status of the conditions when one does not hold.
const Skipped = 9

// Problems reports the values that the scripts cannot honour, or not wholly.
func Problems(d *spec.Daemon, t generators.Target) diag.List {
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
	return list
}

// System is what differs between those that call the scripts.
type System struct {
	// Script is the path of the script of a job that the others call: the
	// control script itself, or one that calls it.
	Script func(job string) string
	// Environment is the path of the file with the environment of a job.
	Environment func(job string) string
	// EnvDir, in its place, is a directory with a file for each variable, and
	// Reader the program that reads it (supervise.EnvFile).
	EnvDir func(job string) string
	Reader string
	// Output says that the output of the service and of its scripts goes where
	// that of the caller of start goes, instead of nowhere.
	Output bool
	// Ended is a command that is told that a job has ended by itself and is
	// not started again, nil where nobody wants to know.
	Ended func(job string) []string
	// Other returns the name under /etc/init.d of the script of another unit,
	// nothing if there can be none.
	Other func(unit string) string
	// Verb is a command that has another script start, stop or tell by its exit
	// status whether its service runs (status); File is a file that is there if
	// there is such a service. Without them they are the script itself.
	Verb func(name, verb string) []string
	File func(name string) string
}

func (s *System) verb(name, verb string) string {
	if s.Verb != nil {
		return shell.Join(s.Verb(name, verb))
	}
	return shell.Quote("/etc/init.d/"+name) + " " + verb
}

func (s *System) exists(name string) string {
	if s.File != nil {
		return "[ -e " + shell.Quote(s.File(name)) + " ]"
	}
	return "[ -x " + shell.Quote("/etc/init.d/"+name) + " ]"
}

// quiet is the redirection of what nobody reads.
func (s *System) quiet() string {
	if s.Output {
		return ""
	}
	return " >/dev/null 2>&1"
}

// Job is one copy of a daemon.
type Job struct {
	Daemon  *spec.Daemon // resolved
	Name    string       // NAME or NAME-INSTANCE
	system  *System
	suffix  string // of the scripts: empty or -INSTANCE
	scripts []generators.Artifact
}

// New returns the job of a daemon, or of one instance of it.
func New(d *spec.Daemon, instance string, s *System) *Job {
	w := &Job{Daemon: chain.Resolve(d, instance), Name: d.Name, system: s}
	if instance != "" {
		w.suffix = "-" + instance
		w.Name += w.suffix
	}
	return w
}

// dir is where the scripts keep their state.
func (w *Job) dir() string { return supervise.Dir(w.Name) }

// pidFile is our process ID file. It must not be the one that the spec names.
func (w *Job) pidFile() string {
	if path := "/run/" + w.Name + ".pid"; path != w.Daemon.PidFile {
		return path
	}
	return w.dir() + "/pid"
}

// Lib returns the path of one of the job's scripts.
func (w *Job) Lib(script string) string { return chain.Dir(w.Daemon.Name) + "/" + script + w.suffix }

// Scripts returns the control script and all other files, in any order. The
// control script has the verbs of an init script: start, stop, restart, reload,
// status and so on, with the exit codes of LSB 3.1, 20.2; head is what it begins
// with, the line of the interpreter first.
func (w *Job) Scripts(head string) (control []byte, others []generators.Artifact) {
	w.scripts = nil
	control = w.control(head)
	o := w.options()
	o.Enter = shell.Quote(w.Lib("supervise")) + ` enter "$$" || export DAEMONIZE_JOB=` + shell.Quote(w.Name+"/")
	w.add("run", chain.Script(w.process(), o))
	w.add("supervise", w.supervise())
	if w.system.EnvDir != nil {
		for _, v := range w.native() {
			w.scripts = append(w.scripts, generators.Artifact{Path: w.system.EnvDir(w.Name) + "/" + v.Name, Mode: 0o640, Content: supervise.EnvFile(v.Value)})
		}
	} else if len(w.Daemon.Environment) > 0 {
		w.scripts = append(w.scripts, generators.Artifact{Path: w.system.Environment(w.Name), Mode: 0o640, Content: environmentFile(w.Name, w.Daemon.Environment)})
	}
	return control, w.scripts
}

// add adds a script of the job.
func (w *Job) add(name string, content []byte) {
	w.scripts = append(w.scripts, generators.Artifact{Path: w.Lib(name), Mode: 0o755, Content: content})
}

func (w *Job) options() chain.Options {
	return chain.Options{Job: w.Name, Environment: w.system.EnvDir == nil, KeepRuntimeDir: true, Syslog: true, Skip: Skipped}
}

// beside are the options of the scripts that run beside the program.
func (w *Job) beside() chain.Options {
	o := w.options()
	if len(w.native()) > 0 {
		o.Clean, o.EnvDir = true, w.reader()
	}
	return o
}

// native returns the variables that are files.
func (w *Job) native() spec.Environment {
	if w.system.EnvDir == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(w.Daemon.Environment), func(v spec.Var) bool { return !supervise.FitsEnvDir(v) })
}

// reader is what executes a command with the variables that are files.
func (w *Job) reader() []string { return []string{w.system.Reader, w.system.EnvDir(w.Name)} }

// program returns the words that become the program.
func (w *Job) program() string {
	if len(w.native()) > 0 {
		return shell.Join(append(w.reader(), w.Lib("run")))
	}
	return shell.Quote(w.Lib("run"))
}

// process returns the daemon as package chain is to see it: conditions and
// max_runtime are ours, and the environment is in a file.
func (w *Job) process() *spec.Daemon {
	c := *w.Daemon
	c.Conditions = spec.Conditions{}
	c.MaxRuntime = 0
	if w.system.EnvDir != nil {
		c.Environment = slices.DeleteFunc(slices.Clone(c.Environment), supervise.FitsEnvDir)
		return &c
	}
	c.EnvFile = append([]spec.EnvFile{{Path: w.system.Environment(w.Name)}}, c.EnvFile...)
	if len(c.Environment) > 0 {
		c.EnvFile[0].Required = true
	}
	return &c
}

// environmentFile writes variables in the dialect that POSIX sh and systemd's
// EnvironmentFile= read alike.
func environmentFile(job string, env spec.Environment) []byte {
	var b strings.Builder
	b.WriteString("# Environment of " + job + ", read by sh at each start: NAME=\"value\", with a backslash before \\ \" $ and `.\n")
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`)
	for _, v := range env {
		b.WriteString(v.Name + `="` + quote.Replace(v.Value) + "\"\n")
	}
	return []byte(b.String())
}

// common writes what both scripts begin with.
func (w *Job) common(b *supervise.Writer) {
	d := w.Daemon
	b.Line("", "PATH="+chain.Path, "export PATH", "umask 022", "cd / || exit 1")
	b.Assign("name", w.Name)
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
func (w *Job) passed() string {
	var b strings.Builder
	for _, v := range w.Daemon.PassEnvironment {
		b.WriteString(`${` + v + `+"` + v + `=$` + v + `"} `)
	}
	return b.String()
}

func (w *Job) control(head string) []byte {
	d := w.Daemon
	var b supervise.Writer
	b.Grow(13 << 10)
	b.WriteString(head)
	env := w.system.Environment
	if env == nil {
		env = w.system.EnvDir
	}
	b.Line("# Written by daemonize; changes are lost at the next install.",
		"# The environment is in "+env(w.Name)+".")
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
	b.WriteString(supervise.Clock + supervise.Processes + supervise.Kin + supervise.Ask)
	b.WriteString(supervise.Disband)
	b.WriteString("\n" + strings.TrimSuffix(supervise.Sweep, "\n"))

	w.afterStop(&b)
	var onStop []string
	run := `env -i "PATH=$PATH" ${MAINPID+"MAINPID=$MAINPID"} ` + w.passed()
	for i, hook := range d.Hooks.PreStop {
		onStop = append(onStop, run+w.hook("pre-stop", i, hook)+" </dev/null"+w.system.quiet()+" 9>&-"+supervise.OnFailure(hook))
	}
	if len(d.Stop.Command) > 0 {
		w.add("stop", w.command(d.Stop.Command))
		onStop = append(onStop, run+shell.Quote(w.Lib("stop"))+" </dev/null"+w.system.quiet()+" 9>&-")
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
		reload = append(slices.Clone(running), `env -i "PATH=$PATH" "MAINPID=$pid" `+w.passed()+shell.Quote(w.Lib("reload"))+" </dev/null")
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

	body := initBody
	if w.system.Output {
		body = strings.Replace(body, "</dev/null >/dev/null 2>&1 9>&-", "</dev/null 9>&-", 1)
	}
	b.Fill(body, "@PASS@", w.passed(), `"$lib/supervise"`, shell.Quote(w.Lib("supervise")))
	return b.Bytes()
}

// check returns what a start depends on.
func (w *Job) check() []string {
	d := w.Daemon
	var body []string
	if conditions := chain.Conditions(d, w.options()); len(conditions) > 0 {
		body = append(body, "(")
		for l := range strings.Lines(string(conditions)) {
			body = append(body, strings.TrimSuffix(l, "\n"))
		}
		body = append(body, ")", "case $? in", "0) ;;", strconv.Itoa(Skipped)+") return "+strconv.Itoa(Skipped)+" ;;", "*) return 6 ;;", "esac")
	}
	for _, unit := range d.DependsOn.Requisite {
		if name := w.system.Other(unit); name != "" {
			body = append(body, "if ! "+w.system.verb(name, "status")+" >/dev/null 2>&1; then", "\tfail "+shell.Quote(name+" is not running"), "\treturn 1", "fi")
		}
	}
	if d.DependsOn.NetworkOnline {
		body = append(body, supervise.NetworkOnline()...)
	}
	for _, unit := range d.DependsOn.Conflicts {
		if name := w.system.Other(unit); name != "" {
			body = append(body, "if "+w.system.exists(name)+" && ! "+w.system.verb(name, "stop")+"; then", "\treturn 1", "fi")
		}
	}
	if len(body) > 0 {
		body = append(body, "return 0")
	}
	return body
}

// afterStop writes what follows each end of the process.
func (w *Job) afterStop(b *supervise.Writer) {
	var hooks []string
	for i, hook := range w.Daemon.Hooks.PostStop {
		hooks = append(hooks, w.hook("post-stop", i, hook)+" </dev/null"+w.system.quiet()+supervise.OnFailure(hook))
	}
	b.Function("post_stop", hooks)
	body := []string{"post_stop"}
	if r := &w.Daemon.Directories.Runtime; r.Name != "" && r.Preserve != "yes" && r.Preserve != "restart" {
		body = append(body, "rm -rf "+shell.Quote("/run/"+r.Name))
	}
	b.Function("after_stop", body)
}

// hook returns the word of a hook's script, and makes the script.
func (w *Job) hook(kind string, i int, h spec.Hook) string {
	name := kind + "-" + strconv.Itoa(i+1)
	if !slices.ContainsFunc(w.scripts, func(a generators.Artifact) bool { return a.Path == w.Lib(name) }) {
		w.add(name, supervise.Hook(w.process(), w.beside(), h, name))
	}
	return shell.Quote(w.Lib(name))
}

// command returns a script that runs a command of the service for the caller.
func (w *Job) command(c spec.Command) []byte { return chain.Command(w.process(), w.beside(), c) }

func (w *Job) supervise() []byte {
	d := w.Daemon
	forking, oneshot := d.Type == "forking", d.Type == "oneshot"
	var b supervise.Writer
	b.Grow(14 << 10)
	b.Line("#!/bin/sh", "# Runs "+w.Name+" for "+w.system.Script(w.Name)+". Written by daemonize; changes are lost at the next install.")
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
	b.WriteString(supervise.Clock + supervise.Processes + supervise.Kin + supervise.Ask)
	b.Fill(supervise.Enter, "@ROOTS@", supervise.Roots, "@ROOTS@", supervise.Roots)
	head := superviseHead
	if w.system.Output {
		head = strings.Replace(head, sayLog, sayOut, 1)
	}
	b.WriteString(head)
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
		up = append(up, w.hook("post-start", i, hook)+" </dev/null"+w.system.quiet()+supervise.OnFailure(hook))
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
	b.Function("consequences", w.consequences())

	start := ""
	if watched || oneshot && guarded {
		start = `setsid setsid "$0" watch "$$" "$born" </dev/null` + w.system.quiet()
	}
	ended := `finish ended "$ended"`
	if d.RemainAfterExit {
		ended = "finish exited"
	}
	b.Fill(superviseBody, "\t@WATCH@\n", indent(start), `"$lib/run"`, w.program(), "@WATCHER@", watcher, `finish ended "$ended"`, ended)
	return b.Bytes()
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
func (w *Job) oneRun(guarded bool) []string {
	d := w.Daemon
	body := []string{`setsid "$0" exec </dev/null` + w.system.quiet(), "status=$?", `describe "$status"`}
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
			body = append(body, `setsid setsid "$0" watch "$main" "$birth" </dev/null`+w.system.quiet())
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
func (w *Job) forget() []string {
	var body []string
	if r := &w.Daemon.Directories.Runtime; r.Name != "" && r.Preserve == "restart" {
		body = append(body, `[ -f "$dir/keep" ] || rm -rf `+shell.Quote("/run/"+r.Name))
	}
	if len(w.Daemon.Credentials) > 0 {
		body = append(body, "rm -rf "+shell.Quote("/run/daemonize-"+w.Name+".credentials"))
	}
	return body
}

func (w *Job) consequences() []string {
	d := w.Daemon
	start := func(units []string) []string {
		var lines []string
		for _, u := range units {
			if name := w.system.Other(u); name != "" {
				lines = append(lines, "setsid setsid "+w.system.verb(name, "start")+" </dev/null >/dev/null 2>&1")
			}
		}
		return lines
	}
	var body []string
	if w.system.Ended != nil {
		body = append(body, "case $1 in", "failed | ended)", "\tsetsid "+shell.Join(w.system.Ended(w.Name))+" </dev/null >/dev/null 2>&1", "\t;;", "esac")
	}
	var cases []string
	for _, c := range []struct {
		pattern string
		lines   []string
	}{{"failed", start(d.DependsOn.OnFailure)}, {"ended | exited", start(d.DependsOn.OnSuccess)}} {
		if len(c.lines) == 0 {
			continue
		}
		cases = append(cases, c.pattern+")")
		for _, l := range c.lines {
			cases = append(cases, "\t"+l)
		}
		cases = append(cases, "\t;;")
	}
	if cases != nil {
		body = append(body, "case $1 in")
		body = append(append(body, cases...), "esac")
	}
	return body
}

// health makes the script of the healthcheck and returns its path, or nothing.
func (w *Job) health() string {
	command := chain.HealthTest(&w.Daemon.Healthcheck)
	if command == nil {
		return ""
	}
	w.add("health", w.command(command))
	return w.Lib("health")
}
