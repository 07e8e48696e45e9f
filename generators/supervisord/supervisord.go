package supervisord

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/logrotate"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// New returns the backend. It is a [generators.Controller] too.
func New() generators.Generator { return backend{} }

type backend struct{}

func (backend) Info() generators.Info {
	return generators.Info{
		Name: "supervisord", Title: "supervisord", Platforms: []string{"linux"}, Docs: "http://supervisord.org/configuration.html",
		Default: 4*generators.Major + 2, Oldest: 4 * generators.Major, Newest: 4*generators.Major + 4,
	}
}

func (backend) Support() *generators.Table { return &table }

// Path returns where the configuration of a daemon belongs: into the
// directory that the distribution's [include] names.
func Path(name string, family generators.Family) string {
	if family == generators.RedHat {
		return "/etc/supervisord.d/" + name + ".ini"
	}
	return "/etc/supervisor/conf.d/" + name + ".conf"
}

const supervisorctl = "/usr/bin/supervisorctl"

// forever is the largest number of seconds written: 31 years, which every
// arithmetic of supervisord can add to the time.
const forever = 1_000_000_000

// Generate implements [generators.Generator].
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	r := &renderer{raw: d, t: t}
	if t.Scope == generators.User {
		r.refuse("name", "supervisord has no services of users", "render for the system scope, or run a supervisord of your own and install the file there by hand")
	}
	if d.Type == "forking" {
		r.refuse("type", "supervisord supervises the process that it starts and takes a program that puts itself into the background for one that ended", "run the program in the foreground and use type: simple")
	}
	r.daemon()
	return r.bundle, r.diags
}

// renderer renders one daemon.
type renderer struct {
	raw      *spec.Daemon // with references
	t        generators.Target
	bundle   generators.Bundle
	diags    diag.List
	sections []section
	cron     []crond.Job
	logs     []string // files that supervisord does not open itself
}

func (r *renderer) refuse(path, why, fix string) {
	r.diags = append(r.diags, generators.Refuse(r.raw, r.t, path, why, fix))
}

func (r *renderer) lose(id field.ID, path string, level generators.Level, why string) {
	// Instances have the same losses.
	if !slices.ContainsFunc(r.diags, func(g diag.Diagnostic) bool { return g.Path == path && g.Detail == why }) {
		r.diags = append(r.diags, generators.Lose(r.raw, r.t, id, path, level, why))
	}
}

func (r *renderer) daemon() {
	d := r.raw
	if len(d.Instances) == 0 {
		r.copy("")
	} else {
		var names []string
		for _, instance := range d.Instances {
			r.copy(instance)
			names = append(names, d.Name+"-"+instance)
		}
		r.sections = append(r.sections, section{"group:" + d.Name, []key{{"programs", strings.Join(names, ",")}}})
	}
	r.overrides()
	r.values()
	r.diags = append(r.diags, chain.Problems(d, r.t)...)
	r.diags = append(r.diags, crond.Render(d, r.t, &r.bundle, r.cron)...)
	if d.Logging.Rotate.Size > 0 && len(r.logs) > 0 {
		snippet, err := logrotate.Snippet(r.logs, d.Logging.Rotate)
		if err != nil {
			r.refuse("logging.rotate.size", err.Error(), "use a plain file name")
		} else {
			r.bundle.Add(logrotate.Path(d.Name), 0o644, snippet)
		}
	}
	var b strings.Builder
	b.WriteString("; Written by daemonize; changes are lost at the next install.\n")
	if d.Description != "" {
		b.WriteString("; " + spec.Display(d.Description) + "\n")
	}
	for _, uri := range d.Documentation {
		b.WriteString("; " + spec.Display(uri) + "\n")
	}
	for i := range r.sections {
		r.sections[i].append(&b)
	}
	r.bundle.Add(Path(d.Name, r.t.Family), 0o644, []byte(b.String()))
}

// copy renders the daemon, or one instance of it.
func (r *renderer) copy(instance string) {
	d := r.raw.Resolve(func(ref spec.Ref) string { return reference(r.raw, ref, instance) })
	job, full := d.Name, d.Name
	if instance != "" {
		job = d.Name + "-" + instance
		full = d.Name + ":" + job // supervisorctl's name of a member of a group
	}
	timed := len(d.Timers) > 0
	s := section{name: "program:" + job}
	o := chain.Options{Job: job, Umask: true, Dir: true, Environment: true, Output: true}
	o.KeepRuntimeDir = instance != "" && !strings.Contains(r.raw.Directories.Runtime.Name, spec.RefInstance.Mark())
	o.User = nativeUser(d, o)

	logs := r.logging(d, &o)
	restart := r.restart(d, &o, timed)
	r.command(d, &s, o, instance)
	s.yes("autostart", d.Install.Enable && !timed)
	s.keys = append(s.keys, restart...)
	r.stop(d, &s)
	s.keys = append(s.keys, logs...)
	r.sections = append(r.sections, s)
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: full, Enable: d.Install.Enable && !timed, Start: d.Install.Start && !timed})
	if timed {
		r.cron = append(r.cron, crond.Job{Name: job, Argv: []string{supervisorctl, "start", full}})
	}
	r.account(d)
	r.reload(d, o, instance, full)
	r.health(d, o, instance, full)
}

// reference returns what a reference stands for.
func reference(d *spec.Daemon, ref spec.Ref, instance string) string {
	dirs := &d.Directories
	name := func(n string) string {
		if n == "" {
			n = d.Name
		}
		return strings.NewReplacer(spec.RefInstance.Mark(), instance, spec.RefName.Mark(), d.Name).Replace(n)
	}
	switch ref {
	case spec.RefInstance:
		return instance
	case spec.RefName:
		return d.Name
	case spec.RefRuntimeDir:
		return "/run/" + name(dirs.Runtime.Name)
	case spec.RefStateDir:
		return "/var/lib/" + name(dirs.State.Name)
	case spec.RefCacheDir:
		return "/var/cache/" + name(dirs.Cache.Name)
	case spec.RefLogsDir:
		return "/var/log/" + name(dirs.Logs.Name)
	case spec.RefConfigDir:
		return "/etc/" + name(dirs.Config.Name)
	}
	return ""
}

// nativeUser reports whether supervisord's user= does all that user asks for.
// It does not when root has something to prepare, and not without $HOME, which
// supervisord leaves as its own (docs/subprocess.rst) and only the user
// database knows. (supervisord refuses to start at all when a user= does not
// exist, the script refuses only this program.)
func nativeUser(d *spec.Daemon, o chain.Options) bool {
	o.User = true
	return d.User != "" && d.Group == "" && len(d.SupplementaryGroups) == 0 && hasVar(d.Environment, "HOME") &&
		!chain.NeedsScript(d, o) && len(chain.Prefix(d, o)) == 0
}

func hasVar(env spec.Environment, name string) bool {
	return slices.ContainsFunc(env, func(v spec.Var) bool { return v.Name == name })
}

// command writes the command and what it starts with: natively, or by a
// script when that is not enough.
func (r *renderer) command(d *spec.Daemon, s *section, o chain.Options, instance string) {
	env := slices.Clone(d.Environment)
	if o.User {
		for _, name := range [...]string{"USER", "LOGNAME"} {
			if !hasVar(env, name) {
				env = append(env, spec.Var{Name: name, Value: d.User})
			}
		}
	}
	native, rest := encodeEnvironment(env)
	dir := d.WorkingDir
	if dir == "" || d.Sandboxing.RootDirectory != "" {
		dir = "/" // systemd's default; supervisord's is its own
	}
	directory, ok := encodePath(dir)
	if !ok {
		o.Dir, directory = false, "/"
	}
	var line string
	script := chain.NeedsScript(d, o)
	if !script {
		// env comes first: setpriv's labels are for the program itself.
		var argv []string
		if len(rest) > 0 {
			argv = append(argv, "/usr/bin/env")
			for _, v := range rest {
				argv = append(argv, v.Name+"="+v.Value)
			}
		}
		argv = append(argv, chain.Prefix(d, o)...)
		argv = append(argv, chain.Argv(d)...)
		line, ok = encodeCommand(argv)
		script = !ok
	}
	if script {
		path := chain.ScriptPath(d.Name, instance)
		o.User = false
		o.Environment = len(rest) == 0 && !slices.ContainsFunc(env, func(v spec.Var) bool { return chain.Loader(v.Name) })
		if !o.Environment {
			native = ""
		}
		r.bundle.Add(path, 0o755, chain.Script(d, o))
		line, _ = encodeCommand([]string{path})
	}
	s.set("command", line)
	s.set("directory", directory)
	s.set("umask", d.Umask.String()[1:])
	if d.Umask > 0o777 {
		s.set("umask", d.Umask.String())
	}
	if o.User {
		s.set("user", d.User)
	}
	if native != "" {
		s.set("environment", native)
	}
}

// logging returns the keys of standard output and error, and leaves to the
// script what supervisord cannot open.
func (r *renderer) logging(d *spec.Daemon, o *chain.Options) []key {
	l := &d.Logging
	out, err := l.Stdout, l.Stderr
	if err == "" {
		err = out
	}
	o.Output = opens(out) && opens(err)
	var s section
	one := func(stream, to string) {
		if o.Output {
			if path, file := cutFile(to); file {
				value, _ := encodePath(path)
				s.set(stream+"_logfile", value)
				// Without a limit of ours there is none, instead of 50MB.
				s.number(stream+"_logfile_maxbytes", int64(l.Rotate.Size))
				if l.Rotate.Size > 0 {
					s.number(stream+"_logfile_backups", int64(l.Rotate.Keep))
				}
				if strings.HasPrefix(to, "file:") {
					id := field.LoggingStdout
					if stream == "stderr" && l.Stderr != "" {
						id = field.LoggingStderr
					}
					r.lose(id, id.String(), generators.Approximate, "supervisord appends to the file instead of writing over it from its start")
				}
				return
			}
		}
		switch to {
		case "null":
			if o.Output {
				s.set(stream+"_logfile", "NONE")
			}
		case "syslog":
			s.set(stream+"_logfile", "NONE")
			s.yes(stream+"_syslog", true)
		case "inherit":
			s.set(stream+"_logfile", "/dev/"+stream)
			s.number(stream+"_logfile_maxbytes", 0) // it cannot seek
		case "journal":
			if l.Rotate.Size > 0 {
				s.number(stream+"_logfile_maxbytes", int64(l.Rotate.Size))
				s.number(stream+"_logfile_backups", int64(l.Rotate.Keep))
			}
		}
	}
	one("stdout", out)
	if out == err {
		s.yes("redirect_stderr", true)
	} else {
		one("stderr", err)
	}
	if !o.Output {
		for _, to := range [...]string{out, err} {
			if path, file := cutFile(to); file && !slices.Contains(r.logs, path) {
				r.logs = append(r.logs, path)
			}
		}
	}
	return s.keys
}

func cutFile(stream string) (string, bool) {
	if path, ok := strings.CutPrefix(stream, "append:"); ok {
		return path, true
	}
	return strings.CutPrefix(stream, "file:")
}

// opens reports whether supervisord may open a stream itself. A log file in a
// directory that does not exist keeps the whole supervisord from starting, so
// it opens files only where there always is one; and in a file name it
// expands percent signs twice up to 4.3 (options.py, _processes_from_section).
func opens(stream string) bool {
	path, file := cutFile(stream)
	if !file {
		return true
	}
	dir := path[:strings.LastIndexByte(path, '/')]
	return (dir == "/var/log" || dir == "/var/log/supervisor" || dir == "/tmp" || dir == "/var/tmp") && uncut(path) && !strings.Contains(path, "%")
}

// skipped is the exit status of a start whose conditions do not hold where 0
// would lead to a restart.
const skipped = 253

// restart returns the keys of the restart policy.
func (r *renderer) restart(d *spec.Daemon, o *chain.Options, timed bool) []key {
	p := &d.Restart
	var expected [256]bool // exit codes after which supervisord does not restart
	all := func(except ...string) {
		for i := range expected {
			expected[i] = true
		}
		for _, c := range except {
			if n, err := strconv.Atoi(c); err == nil {
				expected[n] = false
			}
		}
	}
	add := func(codes ...string) {
		for _, c := range codes {
			if n, err := strconv.Atoi(c); err == nil {
				expected[n] = true
			}
		}
	}
	mode := "unexpected"
	why := func(text string) {
		r.lose(field.RestartPolicy, "restart.policy", generators.Approximate, text)
	}
	const early = ", and a start that ends within a second is tried again whatever the status"
	switch p.Policy {
	case "on-failure":
		add("0")
		add(p.SuccessExit...)
	case "always", "unless-stopped":
	case "on-success":
		all(append([]string{"0"}, p.SuccessExit...)...)
		why("supervisord counts a death by any signal as unexpected and restarts after it" + early)
	case "on-abnormal", "on-abort":
		all()
		why("supervisord restarts after a death by any signal, also those that end a service well" + early)
	default:
		if p.Policy == "on-watchdog" {
			r.lose(field.RestartPolicy, "restart.policy", generators.Unsupported, "supervisord has no watchdog")
		}
		all()
		if !slices.ContainsFunc(p.ForceExit, isCode) {
			mode = "false"
		}
	}
	add(p.PreventExit...)
	for _, c := range p.ForceExit {
		if n, err := strconv.Atoi(c); err == nil {
			expected[n] = false
		}
	}
	startsecs := int64(1)
	if p.Policy == "no" || p.Policy == "on-watchdog" || timed || d.Type == "oneshot" {
		// A program that ends within startsecs was not started successfully
		// for supervisord, which tries it again, whatever autorestart says.
		startsecs = 0
	}
	if chain.HasConditions(d) {
		o.SkipDelay = int(2 * startsecs)
		if mode != "false" && !expected[0] {
			o.Skip = skipped
			expected[skipped] = true
		}
	}
	codes := codeList(expected[:])
	if mode == "unexpected" && codes == "" {
		mode = "true"
	}
	keys := []key{{"autorestart", mode}}
	switch {
	case mode == "unexpected":
		keys = append(keys, key{"exitcodes", codes})
	case len(p.SuccessExit) > 0:
		var success [256]bool
		expected = success
		add("0")
		add(p.SuccessExit...)
		keys = append(keys, key{"exitcodes", codeList(expected[:])})
	}
	keys = append(keys, key{"startsecs", strconv.FormatInt(startsecs, 10)})
	if startsecs > 0 {
		retries := int64(p.MaxAttempts) - 1 // the first start is an attempt
		if p.MaxAttempts == spec.Unlimited {
			retries = forever
		}
		keys = append(keys, key{"startretries", strconv.FormatInt(max(retries, 0), 10)})
	}
	return keys
}

func isCode(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func codeList(codes []bool) string {
	var b []byte
	for n, in := range codes {
		if !in {
			continue
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

// stop writes the keys of stopping.
func (r *renderer) stop(d *spec.Daemon, s *section) {
	s.set("stopsignal", r.signal(d.Stop.Signal, field.StopSignal))
	wait := int64(forever)
	if d.Stop.SendSigkill && d.Stop.Timeout != spec.Infinity {
		wait = min(d.Stop.Timeout.Seconds(), forever)
	}
	s.number("stopwaitsecs", wait)
	// Each program is the leader of a process group (process.py, spawn).
	switch d.Stop.KillMode {
	case "control-group":
		s.yes("stopasgroup", true)
		s.yes("killasgroup", true)
	case "mixed":
		s.yes("stopasgroup", false)
		s.yes("killasgroup", true)
	default:
		s.yes("stopasgroup", false)
		s.yes("killasgroup", false)
	}
}

// signal writes a signal without SIG. supervisord takes the names that
// Python's signal module has (datatypes.py, signal_number); realtime signals
// are not among them, except the first and the last.
func (r *renderer) signal(name string, id field.ID) string {
	if strings.HasPrefix(name, "SIGRT") || name == "SIGSTKFLT" {
		r.lose(id, id.String(), generators.Unsupported, "supervisord cannot send "+name+"; it sends SIGTERM")
		return "TERM"
	}
	return strings.TrimPrefix(name, "SIG")
}

// account asks for the user that create_user wants.
func (r *renderer) account(d *spec.Daemon) {
	if !d.CreateUser || d.User == "" || isCode(d.User) {
		return
	}
	a := generators.Account{User: d.User, Group: d.Group, Groups: d.SupplementaryGroups, Home: "/nonexistent"}
	if a.Group == "" {
		a.Group = d.User
	}
	if d.Directories.State.Name != "" {
		a.Home = "/var/lib/" + d.Directories.State.Name
	}
	if !slices.ContainsFunc(r.bundle.Accounts, func(b generators.Account) bool { return b.User == a.User }) {
		r.bundle.Accounts = append(r.bundle.Accounts, a)
	}
}

// helper returns the path of one more script of a job.
func helper(name, what, instance string) string {
	if instance != "" {
		what += "-" + instance
	}
	return chain.Dir(name) + "/" + what
}

// reload writes the script that does what supervisord has no verb for.
func (r *renderer) reload(d *spec.Daemon, o chain.Options, instance, full string) {
	path := helper(d.Name, "reload", instance)
	switch {
	case len(d.Reload.Command) > 0:
		r.bundle.Add(path, 0o755, r.asDaemon(d, o, d.Reload.Command))
	case d.Reload.Signal != "":
		if strings.HasPrefix(d.Reload.Signal, "SIGRT") || d.Reload.Signal == "SIGSTKFLT" {
			r.lose(field.ReloadSignal, "reload.signal", generators.Unsupported, "supervisord cannot send "+d.Reload.Signal)
			return
		}
		r.bundle.Add(path, 0o755, []byte("#!/bin/sh\n# Tells "+full+" to read its configuration. Written by daemonize; changes are lost at the next install.\nexec "+
			supervisorctl+" signal "+strings.TrimPrefix(d.Reload.Signal, "SIG")+" "+full+"\n"))
	}
}

// asDaemon returns a script for a command beside the program: it is not
// started by supervisord with the program's settings, so it has them all.
func (r *renderer) asDaemon(d *spec.Daemon, o chain.Options, command spec.Command) []byte {
	return chain.Command(d, chain.Options{Job: o.Job}, command)
}

// values reports values that supervisord does not honour.
func (r *renderer) values() {
	d := r.raw
	switch d.Type {
	case "notify", "notify-reload":
		r.lose(field.Type, "type", generators.Approximate, "supervisord knows no readiness messages: the service counts as started once it has run for a second")
	case "dbus":
		r.lose(field.Type, "type", generators.Approximate, "supervisord does not watch the bus: the service counts as started once it has run for a second")
	case "idle":
		r.lose(field.Type, "type", generators.Approximate, "supervisord starts it at once")
	}
	if d.Stop.KillMode == "none" {
		r.lose(field.StopKillMode, "stop.kill_mode", generators.Unsupported, "supervisord always signals the program that it stops")
	}
	if d.Directories.Runtime.Preserve == "restart" {
		r.lose(field.DirectoriesRuntimePreserve, "directories.runtime.preserve", generators.Approximate, "supervisord does not tell a restart from a start: the directory is kept always")
	}
	if len(d.Timers) > 0 && !d.Install.Enable {
		r.lose(field.InstallEnable, "install.enable", generators.Unsupported, "the lines of cron are active as soon as they are installed")
	}
}
