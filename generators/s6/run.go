package s6

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// recordScript remembers the session of the service, which s6-supervise makes
// for run (its process is the parent of the shell), so that finish finds what
// the program leaves behind. See package supervise for the format.
const recordScript = `mkdir -p "$1" && printf '%s 0 %s\n' "$PPID" "$PPID" >"$1/main"`

// run writes run: what execline and s6 can do themselves, or a script of
// package chain for what they cannot.
func (c *copyOf) run() {
	d := c.d
	s := execline("-P", "Starts "+c.job)
	if len(d.Timers) > 0 {
		s.comment(timedMark)
	} else if d.Type == "oneshot" && !d.RemainAfterExit {
		s.comment(onceMark)
	}
	s.comment(d.Description)
	for _, uri := range d.Documentation {
		s.comment(uri)
	}
	s.block([]string{"foreground"}, "/bin/sh", "-c", recordScript, "sh", supervise.Dir(c.job))
	if !c.rc {
		c.startOthers(s)
	}
	if d.DependsOn.NetworkOnline {
		w := &supervise.Writer{}
		w.Line("#!/bin/sh", "# Waits until the network is up. Written by daemonize; changes are lost at the next install.")
		w.Line(supervise.NetworkOnline()...)
		s.block([]string{"foreground"}, c.script("network", w.Bytes()))
	}
	if len(d.Hooks.PostStart) > 0 {
		s.block([]string{"background", "-d"}, c.afterStart())
	}
	if t := d.Start.Timeout; c.notify != "" && t > 0 && t != spec.Infinity {
		s.open("background", "-d")
		s.open("ifelse")
		s.line(bin+"s6-svwait", "-U", "-t", strconv.FormatInt(milliseconds(t), 10), c.live())
		s.then()
		s.line("exit", "0")
		s.end()
		s.line(bin+"s6-svc", "-k", c.live())
		s.end()
	}
	c.log.connect(s)
	c.command(s)
	c.dir.add("run", 0o755, s.bytes())
}

// command writes what the program starts with, and the program.
func (c *copyOf) command(s *script) {
	d, o := c.d, c.o
	env := slices.Clone(d.Environment)
	script := !c.nativeUser() || chain.NeedsScript(d, c.native())
	if script {
		o.Output = !c.log.files // it opens files, as it makes their directories
		o.Umask, o.Dir = false, false
		// What the loader reads must not reach root's tools.
		o.Environment = !slices.ContainsFunc(env, func(v spec.Var) bool { return chain.Loader(v.Name) })
		path := chain.ScriptPath(d.Name, c.instance)
		c.bundle.Add(path, 0o755, chain.Script(d, o))
		if d.RemainAfterExit {
			s.open("if")
		}
		s.line("export", "PATH", chain.Path) // see below
		c.environment(s, env, o.Environment)
		s.line(path)
		c.remain(s)
		return
	}
	s.line("redirfd", "-r", "0", "/dev/null")
	c.log.open(s)
	s.line("execline-umask", d.Umask.String())
	if d.User != "" {
		if !hasVar(env, "HOME") {
			s.block([]string{"backtick", "-i", "HOME"}, "homeof", d.User)
		}
		for _, name := range [...]string{"USER", "LOGNAME"} {
			if !hasVar(env, name) {
				s.line("export", name, d.User)
			}
		}
	}
	path := chain.Path
	if i := slices.IndexFunc(env, func(v spec.Var) bool { return v.Name == "PATH" }); i >= 0 {
		path = env[i].Value
		env = slices.Delete(env, i, i+1)
	}
	c.environment(s, env, true)
	dir := d.WorkingDir
	if dir == "" {
		dir = "/"
	}
	s.line("execline-cd", dir)
	argv := chain.Prefix(d, c.native())
	if d.User != "" {
		argv = append(argv, bin+"s6-setuidgid", d.User)
	}
	if d.RemainAfterExit {
		s.open("if")
	}
	// The last of execline's programs: execlineb has put them into PATH, which
	// the service must not see.
	s.line("export", "PATH", path)
	s.line(append(argv, chain.Argv(d)...)...)
	c.remain(s)
}

// remainFD is the descriptor on which run itself tells that the program has
// ended well.
const remainFD = "4"

// remain ends the block of a program after which the service stays up.
func (c *copyOf) remain(s *script) {
	if !c.d.RemainAfterExit {
		return
	}
	s.end()
	if c.notify == "" {
		c.dir.value("notification-fd", remainFD)
		c.dir.add(remainsFile, 0o644, nil) // for Status
		s.open("foreground")
		s.line("fdmove", "1", remainFD, "/bin/echo")
		s.end()
		s.line("fdclose", remainFD)
	}
	s.line("/bin/sleep", "infinity")
}

// native are the options of a run without a script.
func (c *copyOf) native() chain.Options {
	o := c.o
	o.User = c.nativeUser()
	o.Output = c.log.opens
	return o
}

// nativeUser reports whether s6-setuidgid does all that user asks for, in the
// place where it can be: after what needs root, and before what only setpriv
// can do at the same time.
func (c *copyOf) nativeUser() bool {
	d := c.d
	if d.User == "" {
		return d.Group == "" && len(d.SupplementaryGroups) == 0
	}
	o := c.o
	o.User = true
	return d.Group == "" && len(d.SupplementaryGroups) == 0 && !isNumber(d.User) && d.Sandboxing.RootDirectory == "" &&
		!slices.ContainsFunc(d.Environment, func(v spec.Var) bool { return chain.Loader(v.Name) }) &&
		!slices.Contains(chain.Prefix(d, o), "/usr/bin/setpriv")
}

func isNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func hasVar(env spec.Environment, name string) bool {
	return slices.ContainsFunc(env, func(v spec.Var) bool { return v.Name == name })
}

// environment writes the files of the variables and reads them.
func (c *copyOf) environment(s *script, env spec.Environment, files bool) {
	if !files || len(env) == 0 {
		return
	}
	for _, v := range env {
		c.dir.add("env/"+v.Name, 0o640, envFile(v.Value))
	}
	s.line(bin+"s6-envdir", "-nL", "env") // relative: s6-rc copies it
}

// upScript succeeds if a service is up.
const upScript = `[ "$(` + bin + `s6-svstat -o up "$1" 2>/dev/null)" = true ]`

// wantedScript succeeds if a service is to be up: those that are to be down are
// not waited for.
const wantedScript = `[ "$(` + bin + `s6-svstat -o wantedup "$1" 2>/dev/null)" = true ]`

// startOthers starts and waits for services that this one depends on. s6-rc
// does that by itself.
func (c *copyOf) startOthers(s *script) {
	dep := &c.d.DependsOn
	timeout := "0" // none
	if t := c.d.Start.Timeout; t != spec.Infinity && t > 0 {
		timeout = strconv.FormatInt(milliseconds(t), 10)
	}
	each := func(id field.ID, units []string, one func(dir string)) {
		for i, unit := range units {
			if name := c.service(id, i, unit); name != "" {
				one(scan + "/" + name)
			}
		}
	}
	require := func(dir string) { s.block([]string{"if"}, bin+"s6-svc", "-wU", "-T", timeout, "-u", dir) }
	each(field.DependsOnRequires, dep.Requires, require)
	each(field.DependsOnBindsTo, dep.BindsTo, func(dir string) {
		require(dir)
		s.open("background", "-d")
		s.block([]string{"if"}, bin+"s6-svwait", "-d", dir)
		s.line(bin+"s6-svc", "-d", c.live())
		s.end()
	})
	each(field.DependsOnRequisite, dep.Requisite, func(dir string) {
		s.block([]string{"if"}, "/bin/sh", "-c", upScript, "sh", dir)
	})
	each(field.DependsOnWants, dep.Wants, func(dir string) { s.block([]string{"foreground"}, bin+"s6-svc", "-u", dir) })
	each(field.DependsOnAfter, dep.After, func(dir string) {
		s.open("foreground")
		s.block([]string{"if"}, "/bin/sh", "-c", wantedScript, "sh", dir)
		s.line(bin+"s6-svc", "-wU", "-T", timeout, dir)
		s.end()
	})
}

// otherUnits are the suffixes of what is no service (systemd.unit(5)).
var otherUnits = [...]string{".target", ".socket", ".mount", ".automount", ".timer", ".path", ".slice", ".scope", ".device", ".swap"}

// service returns the name of a service of s6, or reports that there is none.
func (c *copyOf) service(id field.ID, i int, unit string) string {
	name := strings.TrimSuffix(unit, ".service")
	if other := slices.ContainsFunc(otherUnits[:], func(suffix string) bool { return strings.HasSuffix(name, suffix) }); other || strings.Contains(name, "/") || name == "" || name == c.job {
		c.lose(id, id.String()+"["+strconv.Itoa(i)+"]", generators.Unsupported, unit+" is no service that s6 could supervise")
		return ""
	}
	return name
}

// before are the names that the process of a service has before its program.
var before = [...]string{"run", "execlineb", "foreground", "background", "if", "fdswap", "fdmove", "fdclose", "redirfd", "execline-umask", "execline-cd", "backtick", "export",
	"s6-envdir", "s6-setuidgid"}

// afterStart writes the script of the post_start hooks.
func (c *copyOf) afterStart() string {
	d := c.d
	w := &supervise.Writer{}
	w.Line("#!/bin/sh", "# What follows the start of "+c.job+". Written by daemonize; changes are lost at the next install.", "",
		"PATH="+chain.Path, "export PATH")
	w.Assign("dir", supervise.Dir(c.job))
	if c.notify == "" {
		w.Assign("kill_mode", d.Stop.KillMode)
		w.Assign("stop_signal", supervise.SignalWord(d.Stop.Signal))
		w.Assign("final_signal", "KILL")
		w.Assign("stop_timeout", "")
		w.Assign("start_timeout", "") // see run
		w.Assign("settle", "1")
		w.WriteString(supervise.Shared)
		w.WriteString(supervise.Watch(supervise.Prelude(d, append([]string{chain.ScriptPath(d.Name, c.instance)}, before[:]...)...), false))
	}
	w.Line("hooks() {")
	for i, h := range d.Hooks.PostStart {
		w.Line("\t" + c.hook("post-start", i, h) + supervise.OnFailure(h))
	}
	w.Line("}")
	if c.notify == "" {
		w.Line("read -r main _ <\"$dir/main\" && stat_of \"$main\" || exit 1", "birth=$born", "come_up")
	} else {
		w.Line(bin + "s6-svc -wU " + c.live() + " || exit 1")
	}
	w.Line("if ! hooks; then", "\techo 'a post_start hook of "+c.job+" failed' >&2", "\texec "+bin+"s6-svc -k "+c.live(), "fi")
	return c.script("started", w.Bytes())
}

// hook writes the script of a hook and returns its path.
func (c *copyOf) hook(kind string, i int, h spec.Hook) string {
	o := chain.Options{Job: c.job, Output: true, KeepRuntimeDir: true}
	name := kind + "-" + strconv.Itoa(i+1)
	return c.script(name, supervise.Hook(c.d, o, h, name))
}
