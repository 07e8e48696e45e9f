package launchd

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// unit is one service or one instance of it: the job and its helpers.
type unit struct {
	*renderer
	at        places
	d         *spec.Daemon // resolved
	id, label string       // NAME or NAME.INSTANCE, and the job's label
	keys      dict
	before    section // wrapper: when to run at all
	prepare   section // wrapper: the environment and the hooks
	setup     section // the setup job's script
	awaited   []string
}

// section is a piece of a script, with the field that made it necessary.
type section struct {
	strings.Builder
	field string
}

// add writes lines of sh on behalf of a field.
func (s *section) add(field string, lines ...string) {
	if s.field == "" {
		s.field = field
	}
	for _, l := range lines {
		s.WriteString(l)
		s.WriteByte('\n')
	}
}

// service renders one instance.
func (r *renderer) service(instance string) {
	u := unit{renderer: r, at: r.places(), keys: dict{}}
	u.d = r.resolve(u.at, instance)
	u.id = r.raw.Name
	if instance != "" {
		u.id += "." + instance
	}
	u.label = r.label(u.d, u.id, instance)
	u.keys["Label"] = u.label
	u.process()
	u.account()
	u.limits()
	u.supervision()
	u.conditions()
	u.directories()
	u.watch()
	u.sockets()
	u.logging()
	u.environment()
	u.hooks()
	u.arguments()
	u.setupJob()
	r.override(u.keys, u.d)
	r.job(u.at, u.label, u.keys, u.comment())
	u.rotateJob()
}

func (u *unit) system() bool { return u.target.Scope == generators.System }

// comment is what a person who opens the plist needs to know.
func (u *unit) comment() string {
	var b strings.Builder
	b.WriteString("\tWritten by daemonize; changes will be overwritten.\n")
	if d := u.text(u.d.Description, "description"); d != "" {
		b.WriteString("\t" + d + "\n")
	}
	for _, uri := range u.texts(u.d.Documentation, "documentation") {
		b.WriteString("\t" + uri + "\n")
	}
	return b.String()
}

func (u *unit) process() {
	d, k := u.d, u.keys
	switch {
	case d.WorkingDir != "":
		k["WorkingDirectory"] = u.text(d.WorkingDir, "working_dir")
	case !u.system():
		k["WorkingDirectory"] = u.target.HomeDir() // launchd would take /
	}
	if path, ok := strings.CutPrefix(d.Stdin, "file:"); ok {
		k["StandardInPath"] = u.text(path, "stdin")
	}
	if u.d.IsSet(field.Umask) {
		k["Umask"] = int64(d.Umask) // a number, which launchd does not read as octal
	}
	if d.IsSet(field.SchedulingNice) {
		k["Nice"] = int64(d.Scheduling.Nice)
	}
	switch d.Scheduling.IOClass {
	case "idle":
		k["LowPriorityIO"] = true
	case "none", "best-effort":
		k["LowPriorityIO"] = false
	}
	if root := d.Sandboxing.RootDirectory; root != "" && u.system() {
		k["RootDirectory"] = u.text(root, "sandboxing.root_directory")
	}
}

// account names the user. launchd looks accounts up by name (getpwnam), so
// that a number would be taken for the name of a user.
func (u *unit) account() {
	d := u.d
	if !u.system() {
		return
	}
	byName := func(name, path string) bool {
		if name != "" && name[0] >= '0' && name[0] <= '9' {
			u.refuse(path, "launchd looks accounts up by name, never by number", "write the name of the account")
			return false
		}
		return name != ""
	}
	if byName(d.User, "user") {
		u.keys["UserName"] = d.User
		// Without it the process would keep the groups of root.
		u.keys["InitGroups"] = true
	}
	if byName(d.Group, "group") {
		u.keys["GroupName"] = d.Group
	}
	if !d.CreateUser || d.User == "" {
		return
	}
	a := generators.Account{User: d.User, Group: d.Group, Home: "/var/empty"}
	if a.Group == "" {
		a.Group = d.User
	}
	if !slices.ContainsFunc(u.bundle.Accounts, func(b generators.Account) bool { return b.User == a.User }) {
		u.bundle.Accounts = append(u.bundle.Accounts, a)
	}
	u.setup.add("create_user", accountFunction+"account "+shell.Quote(a.User)+" "+shell.Quote(a.Group)+" || exit 1")
}

// owner is the account that owns the service's files, empty if it is whoever
// runs the setup job.
func (u *unit) owner() string {
	if !u.system() {
		return ""
	}
	return u.d.User
}

// rlimInfinity is RLIM_INFINITY of macOS (sys/resource.h), which launchd
// passes to setrlimit(2) as it is.
const rlimInfinity = math.MaxInt64

func (u *unit) limits() {
	l := &u.d.Limits
	soft, hard := dict{}, dict{}
	for _, x := range [...]struct {
		id    field.ID
		key   string
		value spec.Rlimit
	}{
		{field.LimitsCPU, "CPU", l.CPU}, {field.LimitsFsize, "FileSize", l.Fsize}, {field.LimitsData, "Data", l.Data},
		{field.LimitsStack, "Stack", l.Stack}, {field.LimitsCore, "Core", l.Core}, {field.LimitsRSS, "ResidentSetSize", l.RSS},
		{field.LimitsNofile, "NumberOfFiles", l.Nofile}, {field.LimitsNproc, "NumberOfProcesses", l.Nproc},
		{field.LimitsMemlock, "MemoryLock", l.Memlock},
	} {
		if u.d.IsSet(x.id) {
			soft[x.key] = int64(min(x.value.Soft, rlimInfinity))
			hard[x.key] = int64(min(x.value.Hard, rlimInfinity))
		}
	}
	if len(soft) > 0 {
		u.keys["SoftResourceLimits"], u.keys["HardResourceLimits"] = soft, hard
	}
}

// triggered reports whether something else than booting starts the service.
func (u *unit) triggered() bool { return len(u.d.Timers)+len(u.d.Sockets)+len(u.d.Paths) > 0 }

// supervision writes KeepAlive, RunAtLoad, the timers and how a stop goes.
func (u *unit) supervision() {
	d, k := u.d, u.keys
	// KeepAlive starts a job when it is loaded, whatever RunAtLoad says
	// (launchd.plist(5): SuccessfulExit "implies that RunAtLoad is set"), so
	// a job that is not enabled must be kept from loading as well.
	k["RunAtLoad"] = d.Install.Enable && !u.triggered()
	if !d.Install.Enable {
		k["Disabled"] = true // only until the first launchctl enable or disable
	}
	keepAlive := u.keepAlive()
	switch {
	case keepAlive == nil:
	case u.triggered():
		u.lose(field.RestartPolicy, "restart.policy", generators.Unsupported,
			"launchd would start the job when it is loaded, without waiting for its timer, socket or path")
		keepAlive = nil
	default:
		k["KeepAlive"] = keepAlive
		if !d.IsSet(field.RestartMaxAttempts) {
			u.lose(field.RestartMaxAttempts, "restart.max_attempts", generators.Unsupported, table[field.RestartMaxAttempts].Why)
		}
	}
	if d.IsSet(field.RestartDelay) {
		if d.Restart.Delay == spec.Infinity {
			u.refuse("restart.delay", "launchd waits for a number of seconds", "write a finite delay, or restart: no")
		} else {
			k["ThrottleInterval"] = d.Restart.Delay.Seconds()
		}
	}
	u.timers()
	switch {
	case !d.Stop.SendSigkill, d.Stop.Timeout == spec.Infinity, d.Stop.Timeout == 0:
		k["ExitTimeOut"] = int64(0) // for ever
	default:
		k["ExitTimeOut"] = d.Stop.Timeout.Seconds()
	}
	switch d.Stop.KillMode {
	case "process", "none":
		k["AbandonProcessGroup"] = true
		if d.Stop.KillMode == "none" {
			u.lose(field.StopKillMode, "stop.kill_mode", generators.Approximate, "launchd always sends SIGTERM to the main process")
		}
	case "mixed":
		k["AbandonProcessGroup"] = false
	}
	u.kind(keepAlive != nil)
}

// keepAlive translates restart.policy; nil means no restart.
func (u *unit) keepAlive() any {
	crashed := func() any {
		u.lose(field.RestartPolicy, "restart.policy", generators.Approximate,
			"launchd restarts the job only after the signals of a crash, such as SIGSEGV")
		return dict{"Crashed": true}
	}
	switch u.d.Restart.Policy {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		return dict{"SuccessfulExit": false}
	case "on-success":
		return dict{"SuccessfulExit": true}
	case "on-abnormal", "on-abort":
		return crashed()
	case "on-watchdog":
		u.lose(field.RestartPolicy, "restart.policy", generators.Unsupported, "launchd has no watchdog")
	}
	return nil
}

// kind reports the types that launchd cannot honour.
func (u *unit) kind(restarts bool) {
	approximate := func(why string) { u.lose(field.Type, "type", generators.Approximate, why) }
	switch u.d.Type {
	case "notify", "notify-reload":
		approximate("launchd takes no readiness messages; the job counts as up once it is spawned")
	case "dbus":
		approximate("macOS has no D-Bus; the job counts as up once it is spawned")
	case "idle":
		approximate("launchd starts the job without waiting for others")
	case "forking":
		if restarts {
			u.refuse("type", "launchd follows the process that it starts: when that one exits after forking, it would start another, over and over (launchd.plist(5): a job must not daemonize)",
				"run the program in the foreground with type: simple")
			return
		}
		u.keys["AbandonProcessGroup"] = true // launchd kills what is left of the group otherwise
		approximate("launchd loses track of a process that forks: it can neither supervise nor stop it")
	}
}

func (u *unit) logging() {
	d, k := u.d, u.keys
	out := u.output(d.Logging.Stdout, field.LoggingStdout, "logging.stdout")
	errs := out
	if d.IsSet(field.LoggingStderr) && d.Logging.Stderr != "inherit" {
		errs = u.output(d.Logging.Stderr, field.LoggingStderr, "logging.stderr")
	}
	if _, inetd := k["inetdCompatibility"]; inetd {
		out = "" // standard output is the connection
	}
	if out != "" {
		k["StandardOutPath"] = out
	}
	if errs != "" {
		k["StandardErrorPath"] = errs
	}
	for _, path := range slices.Compact([]string{out, errs}) {
		if path != "" {
			u.logFile(path)
		}
	}
}

// output returns the file for a stream, empty for none: launchd's own default
// is /dev/null.
func (u *unit) output(stream string, id field.ID, path string) string {
	name := u.at.logs + "/" + u.id + ".log"
	switch stream {
	case "null", "inherit": // what there is to inherit is /dev/null
		return ""
	case "journal":
		if u.d.IsSet(id) {
			u.lose(id, path, generators.Approximate, "launchd has no log of its own; the output goes to "+name)
		}
		return name
	case "syslog":
		u.lose(id, path, generators.Approximate, "launchd cannot write to the system log; the output goes to "+name)
		return name
	}
	if file, ok := strings.CutPrefix(stream, "append:"); ok {
		return u.text(file, path)
	}
	u.lose(id, path, generators.Approximate, "launchd appends to the file instead of writing from its beginning")
	return u.text(strings.TrimPrefix(stream, "file:"), path)
}

// shellNames are the variables that a POSIX shell, in particular bash as
// macOS has it for /bin/sh, sets or refuses to change while the wrapper runs.
const shellNames = " _ BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_LINENO" +
	" BASH_SOURCE BASH_SUBSHELL BASH_VERSINFO BASH_VERSION COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME" +
	" GROUPS HISTCMD HOSTNAME HOSTTYPE IFS LINENO MACHTYPE OLDPWD OPTARG OPTERR OPTIND OSTYPE PIPESTATUS POSIXLY_CORRECT PPID" +
	" PS1 PS2 PS4 PWD RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID "

func (u *unit) environment() {
	d := u.d
	if len(d.Environment) > 0 {
		env := make(map[string]string, len(d.Environment))
		for _, v := range d.Environment {
			env[v.Name] = v.Value
			if !representable(v.Value) {
				u.refuse("environment."+v.Name, unrepresentable, "remove the character")
			}
		}
		u.keys["EnvironmentVariables"] = env
	}
	for i, f := range d.EnvFile {
		path := u.text(f.Path, "env_file["+strconv.Itoa(i)+"].path")
		file := shell.Quote(path)
		read := []string{"set -a", ". " + file, "set +a"}
		if f.Required {
			fail := "[ -r " + file + " ] || { printf 'cannot read %s\\n' " + file + " >&2; exit 1; }"
			u.prepare.add("env_file", append([]string{fail}, read...)...)
			continue
		}
		u.prepare.add("env_file", "if [ -r "+file+" ]; then", "\tset -a", "\t. "+file, "\tset +a", "fi")
	}
	for i, name := range d.UnsetEnvironment {
		if strings.Contains(shellNames, " "+name+" ") {
			u.refuse("unset_environment["+strconv.Itoa(i)+"]", "the shell of the wrapper sets "+name+" itself", "let the program ignore the variable")
			continue
		}
		u.prepare.add("unset_environment", "unset "+name)
	}
}

// hooks runs commands before the program. A failure ends the start with the
// status of the hook.
func (u *unit) hooks() {
	for i, h := range u.d.Hooks.PreStart {
		command := shell.Join(u.texts(h.Command, "hooks.pre_start["+strconv.Itoa(i)+"].command"))
		if h.IgnoreFailure {
			u.prepare.add("hooks.pre_start", command+" || :")
		} else {
			u.prepare.add("hooks.pre_start", command+" || exit $?")
		}
	}
}

// arguments writes ProgramArguments: the command itself, or the wrapper that
// becomes it.
func (u *unit) arguments() {
	d := u.d
	argv := []string(d.Command)
	if d.Shell != "" {
		argv = []string{"/bin/sh", "-c", u.text(d.Shell, "shell")}
	} else {
		argv = u.texts(argv, "command")
	}
	u.await()
	reason := u.before.field
	if reason == "" {
		reason = u.prepare.field
	}
	if reason == "" {
		u.keys["ProgramArguments"] = argv
		return
	}
	if u.keys["RootDirectory"] != nil {
		u.refuse("sandboxing.root_directory", reason+" needs a wrapper script, which does not exist below the other root directory",
			"remove "+reason+", or let the program change its root directory")
	}
	for _, v := range d.Environment {
		if strings.Contains(shellNames, " "+v.Name+" ") {
			u.refuse("environment."+v.Name, "the shell of the wrapper that "+reason+" needs sets "+v.Name+" itself", "rename the variable, or remove "+reason)
		}
	}
	path := u.at.scripts + "/" + u.id + "/run"
	u.script(path, "Starts "+u.id+"; becomes the program.", u.before.String()+u.prepare.String()+"exec "+shell.Join(argv)+"\n")
	u.keys["ProgramArguments"] = []string{path}
}

// script adds a script. Its directory holds nothing else, so that removing
// the files of a bundle removes everything.
func (u *unit) script(path, what, body string) {
	u.bundle.Add(path, 0o755, []byte("#!/bin/sh\n# Written by daemonize; changes will be overwritten.\n# "+what+"\n"+
		"# shellcheck disable=SC1090,SC1091\n\n"+body))
}
