package upstart

import (
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

// New returns the backend. It is a [generators.Operator], too.
func New() generators.Generator { return backend{} }

type backend struct{}

// Info describes Upstart 1.5 (2012, Ubuntu 12.04), the first with setuid and
// log files in a long-term release, to 1.13 (2014), the last.
func (backend) Info() generators.Info {
	return generators.Info{
		Name: "upstart", Title: "Upstart", Platforms: []string{"linux"}, Docs: "https://upstart.ubuntu.com/cookbook/",
		Default: 1*generators.Major + 12, Oldest: 1*generators.Major + 5, Newest: 1*generators.Major + 13,
	}
}

// Support returns the capability table.
func (backend) Support() *generators.Table { return &table }

const initctl = "/sbin/initctl"

// Path returns where the configuration of a job belongs.
func Path(job string) string { return "/etc/init/" + job + ".conf" }

// forever is the longest kill timeout written: 31 years, which fits every
// long (strtol(3) reads it) and every arithmetic on the time.
const forever = 1_000_000_000

// Generate implements [generators.Generator].
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	r := &renderer{raw: d, t: t}
	if t.Scope == generators.User {
		r.refuse("name", "services of users need a session of Upstart, which only the desktops of Ubuntu 13.10 to 14.10 had", "render for the system scope and set user")
	}
	r.values()
	instances := d.Instances
	if len(instances) == 0 {
		instances = []string{""}
	}
	for _, instance := range instances {
		r.job(instance)
	}
	r.diags = append(r.diags, chain.Problems(d, t)...)
	if d.Install.Enable { // a file in cron.d is what is enabled about a timer
		r.diags = append(r.diags, crond.Render(chain.Resolve(d, ""), t, &r.bundle, r.cron)...)
	}
	if d.Logging.Rotate.Size > 0 && len(r.logs) > 0 {
		snippet, err := logrotate.Snippet(r.logs, d.Logging.Rotate)
		if err != nil {
			r.refuse("logging.rotate.size", err.Error(), "use a plain file name")
		} else {
			r.bundle.Add(logrotate.Path(d.Name), 0o644, snippet)
		}
	}
	return r.bundle, r.diags
}

// renderer renders one daemon.
type renderer struct {
	raw    *spec.Daemon // with references
	t      generators.Target
	bundle generators.Bundle
	diags  diag.List
	cron   []crond.Job
	logs   []string // files that the scripts open
}

func (r *renderer) refuse(path, why, fix string) {
	g := generators.Refuse(r.raw, r.t, path, why, fix)
	if !slices.ContainsFunc(r.diags, func(o diag.Diagnostic) bool { return o.Path == g.Path && o.Detail == g.Detail }) {
		r.diags = append(r.diags, g)
	}
}

func (r *renderer) lose(id field.ID, path string, level generators.Level, why string) {
	// Instances have the same losses.
	if !slices.ContainsFunc(r.diags, func(g diag.Diagnostic) bool { return g.Path == path && g.Detail == why }) {
		r.diags = append(r.diags, generators.Lose(r.raw, r.t, id, path, level, why))
	}
}

// values reports values that the table cannot know of.
func (r *renderer) values() {
	d := r.raw
	switch d.Type {
	case "notify", "notify-reload", "dbus":
		r.lose(field.Type, "type", generators.Approximate, "nobody receives the message: the job counts as started when its program has been executed")
	case "idle":
		r.lose(field.Type, "type", generators.Approximate, "the job starts at its event, not when the boot is done")
	case "forking":
		r.lose(field.Type, "type", generators.Approximate, "Upstart counts two forks, as daemon(7) has it; after another number it waits for ever or follows the wrong process (overrides: {upstart: {expect: fork}} counts one)")
	}
	if d.Directories.Runtime.Preserve == "restart" {
		r.lose(field.DirectoriesRuntimePreserve, "directories.runtime.preserve", generators.Approximate, "the directory is kept when Upstart starts the job again by itself, not at an order to restart, which is stop and start")
	}
	if d.CreateUser && d.User != "" && d.User[0] >= '0' && d.User[0] <= '9' {
		r.refuse("create_user", "useradd makes users by name, not by number", "give the user a name")
	}
	if w := d.Restart.Window; d.Restart.MaxAttempts != spec.Unlimited && w != spec.Infinity && !w.Whole() {
		r.lose(field.RestartWindow, "restart.window", generators.Approximate, "Upstart counts whole seconds: it is rounded up")
	}
	if t := d.Stop.Timeout; t != spec.Infinity && !t.Whole() {
		r.lose(field.StopTimeout, "stop.timeout", generators.Approximate, "Upstart counts whole seconds: it is rounded up")
	}
}

// job is one copy of the daemon.
type job struct {
	d      *spec.Daemon // resolved
	name   string       // NAME or NAME-INSTANCE
	suffix string       // of the scripts: empty or -INSTANCE
}

func (j *job) lib(script string) string { return chain.Dir(j.d.Name) + "/" + script + j.suffix }

// atBoot reports whether events start the job.
func (j *job) atBoot() bool { return j.d.Install.Enable && len(j.d.Timers) == 0 }

func (r *renderer) job(instance string) {
	j := &job{d: chain.Resolve(r.raw, instance), name: r.raw.Name}
	if instance != "" {
		j.suffix = "-" + instance
		j.name += j.suffix
	}
	d := j.d
	c := &conf{comments: []string{"Written by daemonize; changes are lost at the next install.", "What is in " + j.name + ".override comes on top."}}
	for _, uri := range d.Documentation {
		c.comments = append(c.comments, "See "+spec.Display(uri))
	}
	if d.Description != "" {
		text, ok := quote(d.Description)
		if !ok {
			r.refuse("description", "a stanza cannot hold a newline", "write the description on one line")
		}
		c.add("description", text)
	}
	r.events(c, j)
	r.life(c, j)
	o := r.process(c, j)
	r.overrides(c, j)
	r.bundle.Add(Path(j.name), 0o644, c.bytes())
	start := d.Install.Start && len(d.Timers) == 0
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: j.name, Enable: j.atBoot(), Start: start})
	if len(d.Timers) > 0 {
		r.cron = append(r.cron, crond.Job{Name: j.name, Argv: []string{initctl, "--quiet", "start", j.name}})
	}
	r.health(j, o)
	r.consequences(j, "on-failure", "failed", field.DependsOnOnFailure, d.DependsOn.OnFailure)
	r.consequences(j, "on-success", "ok", field.DependsOnOnSuccess, d.DependsOn.OnSuccess)
	r.account(d)
}

// account asks for the user that create_user wants.
func (r *renderer) account(d *spec.Daemon) {
	if !d.CreateUser || d.User == "" {
		return
	}
	a := generators.Account{User: d.User, Group: d.Group, Groups: d.SupplementaryGroups, Home: "/nonexistent"}
	if d.Directories.State.Name != "" {
		a.Home = "/var/lib/" + d.Directories.State.Name
	}
	if !slices.ContainsFunc(r.bundle.Accounts, func(b generators.Account) bool { return b.User == a.User }) {
		r.bundle.Accounts = append(r.bundle.Accounts, a)
	}
}

// life writes the stanzas of type, restart and stop.
func (r *renderer) life(c *conf, j *job) {
	d := j.d
	switch {
	case d.Type == "forking":
		c.add("expect", "daemon")
	case d.Type == "oneshot" && !d.RemainAfterExit:
		c.add("task", "")
	}
	r.restart(c, d)
	if s := signal(d.Stop.Signal); s != "TERM" {
		c.add("kill signal", r.known(s, field.StopSignal, "stop.signal", "TERM"))
	}
	// The default of init(5) is 5 seconds; ours is always written.
	timeout := int64(forever)
	if d.Stop.SendSigkill && d.Stop.Timeout != spec.Infinity {
		timeout = min(roundUp(d.Stop.Timeout), forever)
	}
	c.number("kill timeout", timeout)
	if s := signal(d.Reload.Signal); s != "" && r.t.Version >= 1*generators.Major+10 {
		c.add("reload signal", r.known(s, field.ReloadSignal, "reload.signal", "HUP"))
	}
}

func roundUp(d spec.Duration) int64 { return int64((d + spec.Second - 1) / spec.Second) }

func signal(name string) string { return strings.TrimPrefix(name, "SIG") }

// known returns a signal that libnih knows by name (nih/signal.c): all but
// the realtime signals and STKFLT.
func (r *renderer) known(s string, id field.ID, path, instead string) string {
	if strings.HasPrefix(s, "RT") || s == "STKFLT" {
		r.lose(id, path, generators.Unsupported, "Upstart cannot send SIG"+s+"; it sends SIG"+instead)
		return instead
	}
	return s
}

// signals are those that can end a process, in the order of signal(7); the
// first five end a service well (systemd.service(5), Restart=).
var signals = [...]string{"HUP", "INT", "TERM", "PIPE", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "ALRM",
	"XCPU", "XFSZ", "VTALRM", "PROF", "IO", "PWR", "SYS"}

const clean = 4 // how many of signals end a service well

// restart writes respawn, its limit, and what is a normal end. Upstart starts
// a job again after every end that is not normal (job_process.c,
// job_process_terminated), so each policy is a list of ends.
func (r *renderer) restart(c *conf, d *spec.Daemon) {
	p := &d.Restart
	var codes [256]bool // normal: not started again
	var sigs [len(signals)]bool
	all := func(codes []bool, to bool) {
		for i := range codes {
			codes[i] = to
		}
	}
	set := func(list []string, to bool) {
		for _, s := range list {
			if n, err := strconv.Atoi(s); err == nil {
				codes[n] = to
			} else if i := slices.Index(signals[:], signal(s)); i >= 0 {
				sigs[i] = to
			}
		}
	}
	respawn := true
	success := append([]string{"0"}, p.SuccessExit...)
	for _, s := range signals[:clean] {
		success = append(success, "SIG"+s)
	}
	switch p.Policy {
	case "always", "unless-stopped":
	case "on-failure":
		set(success, true)
	case "on-success":
		all(codes[:], true)
		all(sigs[:], true)
		set(success, false)
	case "on-abnormal", "on-abort":
		all(codes[:], true)
		set(success, true)
	default:
		if p.Policy == "on-watchdog" {
			r.lose(field.RestartPolicy, "restart.policy", generators.Unsupported, "Upstart has no watchdog")
		}
		all(codes[:], true)
		all(sigs[:], true)
		respawn = len(p.ForceExit) > 0
	}
	set(p.PreventExit, true)
	set(p.ForceExit, false)
	if !respawn || p.MaxAttempts == 1 {
		// Not started again, an end is still normal or a failure.
		codes, sigs = [256]bool{}, [len(signals)]bool{}
		if len(p.SuccessExit) > 0 {
			set(success, true)
		}
	} else {
		if d.Type == "oneshot" && !d.RemainAfterExit && !codes[0] {
			r.lose(field.RestartPolicy, "restart.policy", generators.Approximate, "a task that exits with 0 is done and not started again")
		}
		c.add("respawn", "")
		switch window := p.Window; {
		case p.MaxAttempts == spec.Unlimited || window == 0:
			c.add("respawn limit", "unlimited")
		default:
			// The first start is an attempt, but no respawn.
			seconds := int64(forever)
			if window != spec.Infinity {
				seconds = min(roundUp(window), forever)
			}
			c.add("respawn limit", strconv.Itoa(p.MaxAttempts-1)+" "+strconv.FormatInt(seconds, 10))
		}
	}
	var normal []string
	for n, is := range codes {
		if is {
			normal = append(normal, strconv.Itoa(n))
		}
	}
	for i, is := range sigs {
		if is {
			normal = append(normal, signals[i])
		}
	}
	if len(normal) > 0 {
		c.add("normal exit", strings.Join(normal, " "))
	}
}

// native are the limits that init(5) has.
var native = [...]struct {
	id   field.ID
	name string
}{
	{field.LimitsAS, "as"}, {field.LimitsCore, "core"}, {field.LimitsCPU, "cpu"}, {field.LimitsData, "data"}, {field.LimitsFsize, "fsize"},
	{field.LimitsMemlock, "memlock"}, {field.LimitsMsgqueue, "msgqueue"}, {field.LimitsNice, "nice"}, {field.LimitsNofile, "nofile"},
	{field.LimitsNproc, "nproc"}, {field.LimitsRSS, "rss"}, {field.LimitsRtprio, "rtprio"}, {field.LimitsSigpending, "sigpending"},
	{field.LimitsStack, "stack"},
}

func limitOf(l *spec.Limits, id field.ID) spec.Rlimit {
	switch id {
	case field.LimitsAS:
		return l.AS
	case field.LimitsCore:
		return l.Core
	case field.LimitsCPU:
		return l.CPU
	case field.LimitsData:
		return l.Data
	case field.LimitsFsize:
		return l.Fsize
	case field.LimitsMemlock:
		return l.Memlock
	case field.LimitsMsgqueue:
		return l.Msgqueue
	case field.LimitsNice:
		return l.Nice
	case field.LimitsNofile:
		return l.Nofile
	case field.LimitsNproc:
		return l.Nproc
	case field.LimitsRSS:
		return l.RSS
	case field.LimitsRtprio:
		return l.Rtprio
	case field.LimitsSigpending:
		return l.Sigpending
	}
	return l.Stack
}

func bound(v uint64) string {
	if v == spec.RlimInfinity {
		return "unlimited"
	}
	return strconv.FormatUint(v, 10)
}

// process writes the processes of the job and what they start with, natively
// or by scripts.
func (r *renderer) process(c *conf, j *job) chain.Options {
	d := j.d
	o := chain.Options{Job: j.name, Umask: true, Dir: true, Environment: true, Output: true, KeepRuntimeDir: true}
	r.console(c, j, &o)
	own := *d // as package chain sees it: conditions are pre-start's
	own.Conditions = spec.Conditions{}
	before := r.before(j)
	after := r.after(j)
	stopping := len(d.Hooks.PreStop) > 0 || len(d.Stop.Command) > 0

	umask := d.Umask.String()
	if d.Umask > 0o777 {
		r.refuse("umask", "init(5) takes the permission bits only", "remove the first digit")
	} else {
		c.add("umask", umask)
	}
	env, plainEnv := environment(d)
	// HOME is the user database's, which a stanza cannot ask.
	userless := before == nil && after == nil && !stopping && len(d.Hooks.PostStart) == 0
	o.User = userless && d.User != "" && plain(d.User) && (d.Group == "" || plain(d.Group)) && len(d.SupplementaryGroups) == 0 &&
		slices.ContainsFunc(d.Environment, func(v spec.Var) bool { return v.Name == "HOME" })
	group := own.Group
	if o.User {
		own.Group = ""
	}
	limits := r.limits(d)
	o.Native = limits
	if !plainEnv || d.WorkingDir != "" && !plain(d.WorkingDir) || chain.NeedsScript(&own, o) || o.User && len(chain.Prefix(&own, o)) > 0 {
		o.User, o.Native, own.Group = false, nil, group
		if !plainEnv || slices.ContainsFunc(d.Environment, func(v spec.Var) bool { return chain.Loader(v.Name) }) {
			o.Environment, env = false, nil
		}
		if d.WorkingDir != "" && !plain(d.WorkingDir) {
			o.Dir = false
		}
	}
	if o.Dir && d.WorkingDir != "" && d.Sandboxing.RootDirectory == "" {
		c.add("chdir", d.WorkingDir)
	}
	if o.User {
		c.add("setuid", d.User)
		if group != "" {
			c.add("setgid", group)
		}
		for _, name := range [...]string{"USER", "LOGNAME"} {
			if !slices.ContainsFunc(d.Environment, func(v spec.Var) bool { return v.Name == name }) {
				env = append(env, name+"="+d.User)
			}
		}
	}
	for _, v := range env {
		c.add("env", v)
	}
	for _, name := range d.PassEnvironment {
		c.add("env", name) // without a value it is init's own
	}
	for _, l := range native {
		if slices.Contains(o.Native, l.id) {
			limit := limitOf(&d.Limits, l.id)
			c.add("limit", l.name+" "+bound(limit.Soft)+" "+bound(limit.Hard))
		}
	}
	if slices.Contains(o.Native, field.SchedulingNice) {
		c.number("nice", int64(d.Scheduling.Nice))
	}
	if slices.Contains(o.Native, field.SchedulingOOMScoreAdjust) {
		c.number("oom score", int64(d.Scheduling.OOMScoreAdjust))
	}

	if before != nil {
		r.bundle.Add(j.lib("pre-start"), 0o755, before)
		c.add("pre-start exec", j.lib("pre-start"))
	}
	r.main(c, j, &own, o)
	if len(d.Hooks.PostStart) > 0 {
		r.bundle.Add(j.lib("post-start"), 0o755, r.postStart(j, &own, o))
		c.add("post-start exec", j.lib("post-start"))
	}
	if stopping {
		r.bundle.Add(j.lib("pre-stop"), 0o755, r.preStop(j, &own, o))
		c.add("pre-stop exec", j.lib("pre-stop"))
	}
	for i, h := range d.Hooks.PostStop {
		r.hook(j, &own, o, "post-stop", i, h)
	}
	if after != nil {
		r.bundle.Add(j.lib("post-stop"), 0o755, after)
		c.add("post-stop exec", j.lib("post-stop"))
	}
	if len(d.Reload.Command) > 0 {
		script := chain.Command(&own, beside(o), d.Reload.Command)
		if d.Reload.Signal != "" {
			r.bundle.Add(j.lib("reload-command"), 0o755, script)
			script = []byte(head("Tells "+j.name+" to read its configuration.") + initctl + " reload " + j.name + " || exit 1\nexec " + j.lib("reload-command") + "\n")
		}
		r.bundle.Add(j.lib("reload"), 0o755, script)
	}
	return o
}

// limits returns the fields that stanzas can set. Those of the user's choice
// that init(5) has not are left to prlimit.
func (r *renderer) limits(d *spec.Daemon) []field.ID {
	var ids []field.ID
	for _, l := range native {
		if d.IsSet(l.id) {
			ids = append(ids, l.id)
		}
	}
	for _, id := range [...]field.ID{field.SchedulingNice, field.SchedulingOOMScoreAdjust} {
		if d.IsSet(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// beside returns the options for commands that Upstart does not start.
func beside(o chain.Options) chain.Options { return chain.Options{Job: o.Job} }

// environment returns the arguments of env, or that a value cannot be one.
// Values with $ are left to the script, too: some stanzas expand variables.
func environment(d *spec.Daemon) (args []string, ok bool) {
	for _, v := range d.Environment {
		if strings.ContainsAny(v.Value, "$\n\r") {
			return nil, false
		}
		value, ok := quote(v.Value)
		if !ok {
			return nil, false
		}
		if v.Value == "" {
			value = ""
		}
		args = append(args, v.Name+"="+value)
	}
	return args, true
}

// main writes the main process.
func (r *renderer) main(c *conf, j *job, own *spec.Daemon, o chain.Options) {
	d := j.d
	key := "exec"
	once := d.Type == "oneshot" && d.RemainAfterExit
	if once {
		key = "pre-start exec" // a job without a main process stays up
		if slices.ContainsFunc(c.stanzas, func(s stanza) bool { return s.key == key }) {
			// One process cannot be two: the checks come first.
			c.remove(key)
			r.bundle.Add(j.lib("main"), 0o755, chain.Script(own, script(o)))
			r.bundle.Add(j.lib("once"), 0o755, []byte(head("Checks what "+j.name+" depends on, and runs it.")+j.lib("pre-start")+" || exit 1\n"+
				"case $("+initctl+" status "+j.name+") in\n*\" stop/\"*) exit 0 ;;\nesac\nexec "+j.lib("main")+"\n"))
			c.add(key, j.lib("once"))
			return
		}
	}
	if !chain.NeedsScript(own, o) {
		argv := append(chain.Prefix(own, o), chain.Argv(own)...)
		if !slices.ContainsFunc(argv, func(s string) bool { return !plain(s) }) {
			c.add(key, strings.Join(argv, " "))
			return
		}
		line := "exec " + shell.Join(argv)
		// The shell of a script is told where it ends by a line; what is on one
		// line is given to it as it is (nih_config_parse_block).
		if !once && !strings.ContainsAny(line, "\n\r") {
			c.stanzas = append(c.stanzas, stanza{key: "script", value: line, block: true})
			return
		}
	}
	if d.Type == "forking" {
		// Every fork of the script would be counted as one of the daemon's.
		r.refuse("type", "what has to be prepared for the daemon needs a script, whose own forks Upstart counts as the daemon's", "run the program in the foreground and use type: exec")
	}
	path := chain.ScriptPath(d.Name, strings.TrimPrefix(j.suffix, "-"))
	r.bundle.Add(path, 0o755, chain.Script(own, script(o)))
	c.add(key, path)
}

// script returns the options of the script that starts the program.
func script(o chain.Options) chain.Options {
	o.User = false
	return o
}

// console writes where output goes, and leaves to the script what Upstart
// cannot open.
func (r *renderer) console(c *conf, j *job, o *chain.Options) {
	d := j.d
	l := &d.Logging
	out, err := l.Stdout, l.Stderr
	if err == "" {
		err = out
	}
	// What goes to syslog has a name, a facility and a level; the log files
	// of Upstart have not.
	o.Syslog = out == "syslog" || err == "syslog" || l.Identifier != "" || l.Facility != "" || l.Level != ""
	o.Output = out == err && (out == "null" || out == "inherit" || out == "journal" && !o.Syslog)
	to := "none"
	for _, stream := range [...]string{out, err} {
		switch {
		case stream == "journal" && !o.Syslog:
			to = "log"
		case stream == "inherit" && to == "none":
			to = "output"
		}
		if path, ok := cutFile(stream); ok && !slices.Contains(r.logs, path) {
			r.logs = append(r.logs, path)
		}
	}
	if l.Rotate.Size > 0 && to == "log" {
		r.lose(field.LoggingRotateSize, "logging.rotate.size", generators.Approximate, "the log files of Upstart are rotated by /etc/logrotate.d/upstart; name a file to have it rotated by size")
	}
	c.add("console", to)
}

func cutFile(stream string) (string, bool) {
	if path, ok := strings.CutPrefix(stream, "append:"); ok {
		return path, true
	}
	return strings.CutPrefix(stream, "file:")
}
