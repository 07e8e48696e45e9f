package s6

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/logrotate"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// New returns the backend. It is a [generators.Operator] too.
func New() generators.Generator { return backend{} }

type backend struct{}

func (backend) Info() generators.Info {
	return generators.Info{
		Name: "s6", Title: "s6", Platforms: []string{"linux"}, Docs: "https://skarnet.org/software/s6/servicedir.html",
		Default: 2*generators.Major + 11, Oldest: 2*generators.Major + 11, Newest: 2*generators.Major + 11,
	}
}

func (backend) Support() *generators.Table { return &table }

// The places, see the package's comment.
const (
	definitions = "/etc/s6/sv/"
	scan        = "/etc/s6/service"
	source      = "/etc/s6-rc/source/"
	rcLive      = "/run/s6-rc"
	logs        = "/var/log/s6/"
	bin         = "/usr/bin/"
)

// Dir returns the directory in which a job is defined.
func Dir(job string, family generators.Family) string {
	if family == generators.S6RC {
		return source + job
	}
	return definitions + job
}

// live returns the directory in which a job is supervised.
func live(job string, family generators.Family) string {
	if family == generators.S6RC {
		return rcLive + "/servicedirs/" + job
	}
	return scan + "/" + job
}

// Generate implements [generators.Generator].
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	r := &renderer{raw: d, notify: notifies(d), t: t, rc: t.Family == generators.S6RC}
	r.bundle = generators.Bundle{Daemon: d.Name, Target: t}
	if t.Scope == generators.User {
		r.refuse("name", "a scan directory of a user has no agreed place", "render for the system scope, or run an s6-svscan of your own and put the directory there by hand")
	}
	if d.Type == "forking" {
		r.refuse("type", "s6-supervise watches the process that it starts; s6-fghack only keeps a process of its own in its place, which can neither pass a signal on nor tell when the daemon ends", "run the program in the foreground and use type: simple")
	}
	r.daemon()
	return r.bundle, r.diags
}

// renderer renders one daemon.
type renderer struct {
	raw    *spec.Daemon // with references
	notify string       // see notifies
	t      generators.Target
	rc     bool // for s6-rc
	bundle generators.Bundle
	diags  diag.List
	dirs   []directory
	cron   []crond.Job
	logs   []string // files that something else must rotate
}

// directory is a service directory.
type directory struct {
	job   string
	copy  bool // of the daemon, not a helper of it
	files []generators.Artifact
}

// add adds a file. Its path is relative to the directory.
func (dir *directory) add(path string, mode fs.FileMode, content []byte) {
	dir.remove(path)
	dir.files = append(dir.files, generators.Artifact{Path: path, Mode: mode, Content: content})
}

func (dir *directory) remove(path string) {
	dir.files = slices.DeleteFunc(dir.files, func(a generators.Artifact) bool { return a.Path == path })
}

// value adds a file that holds one value.
func (dir *directory) value(path, value string) { dir.add(path, 0o644, []byte(value+"\n")) }

func (dir *directory) number(path string, n int64) { dir.value(path, strconv.FormatInt(n, 10)) }

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
		if r.rc {
			r.bundleOf(d.Name, names)
		}
	}
	r.overrides()
	r.values()
	r.diags = append(r.diags, chain.Problems(d, r.t)...)
	if d.Install.Enable { // a file in cron.d is what is enabled about a timer
		r.diags = append(r.diags, crond.Render(chain.Resolve(d, ""), r.t, &r.bundle, r.cron)...)
	}
	if d.Logging.Rotate.Size > 0 && len(r.logs) > 0 {
		snippet, err := logrotate.Snippet(r.logs, d.Logging.Rotate)
		if err != nil {
			r.refuse("logging.rotate.size", err.Error(), "use a plain file name")
		} else {
			r.bundle.Add(logrotate.Path(d.Name), 0o644, snippet)
		}
	}
	for _, dir := range r.dirs {
		for _, a := range dir.files {
			a.Path = Dir(dir.job, r.t.Family) + "/" + a.Path
			r.bundle.Artifacts = append(r.bundle.Artifacts, a)
		}
	}
}

// bundleOf adds a bundle of s6-rc.
func (r *renderer) bundleOf(name string, members []string) {
	dir := directory{job: name}
	dir.value("type", "bundle")
	for _, m := range members {
		dir.add("contents.d/"+m, 0o644, nil)
	}
	r.dirs = append(r.dirs, dir)
}

// copyOf is one copy of a daemon: the daemon itself or an instance.
type copyOf struct {
	*renderer
	d        *spec.Daemon // resolved
	job      string
	instance string
	shared   bool // its runtime directory is that of other instances too
	o        chain.Options
	dir      directory
	log      logger
}

// copy renders the daemon, or one instance of it.
func (r *renderer) copy(instance string) {
	c := &copyOf{renderer: r, d: chain.Resolve(r.raw, instance), job: r.raw.Name, instance: instance}
	if instance != "" {
		c.job += "-" + instance
		c.shared = !strings.Contains(r.raw.Directories.Runtime.Name, spec.RefInstance.Mark())
	}
	d := c.d
	c.dir = directory{job: c.job, copy: true}
	c.o = chain.Options{Job: c.job, Umask: true, Dir: true, Environment: true, KeepRuntimeDir: true, Skip: skipped}
	timed := len(d.Timers) > 0
	if d.Type == "oneshot" && d.IsSet(field.StartTimeout) && d.Start.Timeout != spec.Infinity && (d.MaxRuntime == 0 || d.Start.Timeout < d.MaxRuntime) {
		// Its end is what a oneshot starts with.
		limited := *d
		limited.MaxRuntime = d.Start.Timeout
		c.d = &limited
		d = c.d
	}
	job := generators.Job{Name: c.job, Enable: d.Install.Enable && !timed, Start: d.Install.Start && !timed}
	c.log = c.logging()
	if r.rc && d.Type == "oneshot" && !timed && len(d.Healthcheck.Test) == 0 && d.Healthcheck.HTTP == "" && d.Healthcheck.TCP == "" {
		c.oneshot()
	} else {
		if r.rc {
			c.dir.value("type", "longrun")
		}
		c.run()
		c.finish()
		c.control()
		c.logService()
	}
	if r.rc {
		c.dependencies()
	}
	r.dirs = append(r.dirs, c.dir)
	r.bundle.Jobs = append(r.bundle.Jobs, job)
	if timed {
		r.cron = append(r.cron, crond.Job{Name: c.job, Argv: []string{bin + "s6-svc", "-u", c.live()}})
	}
	supervise.AddAccount(&r.bundle, d)
	c.reload()
	c.health(job)
}

// live is where the job is supervised.
func (c *copyOf) live() string { return live(c.job, c.t.Family) }

// lib returns the path of one of the scripts of the copy.
func (c *copyOf) lib(what string) string {
	if c.instance != "" {
		what += "-" + c.instance
	}
	return chain.Dir(c.d.Name) + "/" + what
}

// script adds a script and returns its path.
func (c *copyOf) script(what string, content []byte) string {
	path := c.lib(what)
	c.bundle.Add(path, 0o755, content)
	return path
}

// skipped is the exit status of a start whose conditions do not hold.
const skipped = 253

// control writes the files that s6-supervise and s6-rc read.
func (c *copyOf) control() {
	d := c.d
	switch n := supervise.SignalNumber(d.Stop.Signal); {
	case n > 31:
		c.dir.number("down-signal", int64(n)) // s6 has no names for realtime signals
	case d.Stop.Signal != "SIGTERM":
		c.dir.value("down-signal", d.Stop.Signal)
	}
	if d.Stop.SendSigkill && d.Stop.Timeout != spec.Infinity && d.Stop.KillMode != "none" {
		c.dir.number("timeout-kill", max(milliseconds(d.Stop.Timeout), 1))
	}
	if n := d.Restart.MaxAttempts; n > defaultTally {
		c.dir.number("max-death-tally", int64(min(n, largestTally)))
	}
	if len(d.Restart.SuccessExit) > 0 {
		c.dir.value(successFile, strings.Join(d.Restart.SuccessExit, "\n")) // for Status
	}
	c.timeouts()
}

// successFile lists the exit codes and signals that count as success besides
// the usual ones.
const successFile = "data/success"

// remainsFile says that the service is up without a process of the program.
const remainsFile = "data/remains"

// timeouts limits how long those wait who start or stop the service.
func (c *copyOf) timeouts() {
	d := c.d
	if d.IsSet(field.StartTimeout) && d.Start.Timeout != spec.Infinity {
		c.dir.number("timeout-up", max(milliseconds(d.Start.Timeout), 1))
	}
}

// milliseconds rounds up.
func milliseconds(d spec.Duration) int64 {
	return int64((d + spec.Millisecond - 1) / spec.Millisecond)
}

// reload writes the script that makes the program read its configuration.
func (c *copyOf) reload() {
	d := c.d
	signal := d.Reload.Signal
	if signal == "" && d.Type == "notify-reload" {
		signal = "SIGHUP" // systemd.service(5), ReloadSignal=
	}
	w := &supervise.Writer{}
	w.Line("#!/bin/sh", "# Tells "+c.job+" to read its configuration. Written by daemonize; changes are lost at the next install.")
	letter := ""
	switch signal { // those that s6-svc sends
	case "SIGHUP":
		letter = "-h"
	case "SIGUSR1":
		letter = "-1"
	case "SIGUSR2":
		letter = "-2"
	case "SIGALRM":
		letter = "-a"
	case "SIGWINCH":
		letter = "-y"
	case "SIGINT":
		letter = "-i"
	case "SIGQUIT":
		letter = "-q"
	case "SIGTERM":
		letter = "-t"
	}
	switch {
	case len(d.Reload.Command) > 0:
		command := chain.Command(d, chain.Options{Job: c.job}, d.Reload.Command)
		if signal == "" {
			c.script("reload", command)
			return
		}
		w.Line(c.send(letter, signal)+" || exit 1", "exec "+c.script("reload-command", command))
	case signal != "":
		w.Line("exec " + c.send(letter, signal))
	default:
		return
	}
	c.script("reload", w.Bytes())
}

// send is the command that sends a signal to the program.
func (c *copyOf) send(letter, signal string) string {
	if letter != "" {
		return bin + "s6-svc " + letter + " " + c.live()
	}
	return "/bin/kill -s " + supervise.SignalWord(signal) + " \"$(" + bin + "s6-svstat -o pid " + c.live() + ")\""
}

// restartScript restarts the job in its argument, whatever its finish says of
// an end that was not ordered.
const restartScript = bin + `s6-svc -wD -d "$1" && exec ` + bin + `s6-svc -u "$1"`

// health adds the service that tests this one and restarts it.
func (c *copyOf) health(of generators.Job) {
	h := &c.d.Healthcheck
	test := chain.HealthTest(h)
	if test == nil {
		return
	}
	check := c.script("check", chain.Command(c.d, chain.Options{Job: c.job}, test))
	loop := c.script("health", chain.HealthLoop(c.job, h, check,
		[]string{"/bin/sh", "-c", upScript, "sh", c.live()}, []string{"/bin/sh", "-c", restartScript, "sh", c.live()}))
	dir := directory{job: c.job + "-health"}
	s := execline("-P", "Tests "+c.job)
	s.line("fdmove", "-c", "2", "1")
	s.line(loop)
	dir.add("run", 0o755, s.bytes())
	if c.rc {
		dir.value("type", "longrun")
		dir.add("dependencies.d/"+c.job, 0o644, nil)
	}
	c.dirs = append(c.dirs, dir)
	c.bundle.Jobs = append(c.bundle.Jobs, generators.Job{Name: dir.job, Enable: of.Enable, Start: of.Start})
}

// notifies returns the descriptor on which the program tells that it is ready.
func notifies(d *spec.Daemon) string {
	for _, o := range d.Overrides {
		if o.Backend == "s6" && len(o.Keys) == 1 && o.Keys[0] == "notification-fd" && len(o.Values) == 1 {
			return o.Values[0]
		}
	}
	return ""
}

// values reports values that s6 does not honour.
func (r *renderer) values() {
	d := r.raw
	switch d.Type {
	case "notify", "notify-reload":
		if r.notify == "" {
			r.lose(field.Type, "type", generators.Approximate, "s6 2.11 reads no messages of NOTIFY_SOCKET: the service counts as started at once (a program that can write a newline to a descriptor is ready when it does, with overrides: {s6: {notification-fd: 3}})")
		}
	case "dbus":
		r.lose(field.Type, "type", generators.Approximate, "s6 does not watch the bus: the service counts as started at once")
	case "idle":
		r.lose(field.Type, "type", generators.Approximate, "s6-supervise starts it at once")
	}
	if len(d.EnvFile) > 0 && r.notify == "3" {
		r.refuse("overrides.s6.notification-fd", "the script that starts the program reads env_file from descriptor 3", "write another number, such as 4")
	}
	if d.Stop.KillMode == "none" {
		r.lose(field.StopKillMode, "stop.kill_mode", generators.Unsupported, "s6-supervise always signals the process that it stops")
	}
	if w := d.Restart.Window; w != spec.Infinity && !w.Whole() {
		r.lose(field.RestartWindow, "restart.window", generators.Approximate, "s6-permafailon counts whole seconds: it is rounded up")
	}
	if d.IsSet(field.RestartDelay) && d.Restart.Delay < spec.Second && d.Restart.Policy != "no" {
		r.lose(field.RestartDelay, "restart.delay", generators.Approximate, "s6-supervise never starts a service twice within a second")
	}
	if d.Restart.MaxAttempts > largestTally {
		r.lose(field.RestartMaxAttempts, "restart.max_attempts", generators.Approximate, "s6-supervise remembers "+strconv.Itoa(largestTally)+" ends at most")
	}
	if d.Restart.Policy == "on-watchdog" {
		r.lose(field.RestartPolicy, "restart.policy", generators.Unsupported, "s6-supervise has no watchdog")
	}
	if d.Restart.Steps > supervise.MaxSteps {
		r.refuse("restart.steps", "the delays are a list in a script", "use at most "+strconv.Itoa(supervise.MaxSteps)+" steps")
	}
	if d.CreateUser && d.User != "" && d.User[0] >= '0' && d.User[0] <= '9' {
		r.refuse("create_user", "useradd makes users by name, not by number", "give the user a name")
	}
	if s := d.Logging.Rotate.Size; s > 0 && (s < smallestLog || s > largestLog) {
		r.lose(field.LoggingRotateSize, "logging.rotate.size", generators.Approximate, "s6-log rotates at sizes from 4 KiB to 256 MiB")
	}
	if len(d.Instances) > 0 && d.Directories.Runtime.Name != "" && d.Directories.Runtime.Preserve != "yes" && !strings.Contains(d.Directories.Runtime.Name, spec.RefInstance.Mark()) {
		r.lose(field.DirectoriesRuntimeName, "directories.runtime.name", generators.Approximate, "the instances share the directory, so it stays until the next boot")
	}
}
