package rule

import (
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/argv"
)

// isOneOf reports whether w is one of the words, which blanks separate.
func isOneOf(words, w string) bool {
	if w == "" {
		return false
	}
	for at := 0; ; {
		i := strings.Index(words[at:], w)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(w)
		if (start == 0 || words[start-1] <= ' ') && (end == len(words) || words[end] <= ' ') && strings.IndexByte(w, ' ') < 0 {
			return true
		}
		at = start + 1
	}
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// within reports whether a path is dir or lies below it.
func within(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/')
}

// applicationDirs hold what somebody brought along, not the distribution.
var applicationDirs = [...]string{"/opt", "/srv", "/home", "/var/www", "/usr/local"}

func inApplicationDir(path string) bool {
	return slices.ContainsFunc(applicationDirs[:], func(dir string) bool { return within(path, dir) })
}

// interpreter returns the interpreter that a program is, without its version:
// /usr/bin/python3.11 is python.
func interpreter(program string) string {
	name := strings.TrimRight(base(program), "0123456789.")
	if isOneOf("python pypy node nodejs ruby perl php java deno bun lua luajit erl beam dotnet mono", name) {
		return name
	}
	return ""
}

// appServers run application code and are of no use for anything else.
const appServers = "gunicorn uvicorn hypercorn daphne puma unicorn sidekiq celery rackup thin waitress-serve uwsgi php-fpm pm2"

// unwrapped drops programs that run another one: env, nice and their like.
func unwrapped(args []string) []string {
	for len(args) > 1 && isOneOf("env nice ionice chrt taskset stdbuf nohup setsid timeout exec", base(args[0])) {
		rest := args[1:]
		for len(rest) > 0 && (strings.HasPrefix(rest[0], "-") || strings.Contains(rest[0], "=") || strings.Trim(rest[0], "0123456789.smhd") == "") {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return args
		}
		args = rest
	}
	return args
}

// application returns what shows that a command runs application code rather
// than a service of the distribution; "" when nothing does.
func application(args []string) string {
	args = unwrapped(args)
	if inApplicationDir(args[0]) {
		return args[0]
	}
	if isOneOf(appServers, base(args[0])) {
		return base(args[0])
	}
	if interpreter(args[0]) == "" {
		return ""
	}
	for _, a := range args[1:] {
		if inApplicationDir(a) {
			return a
		}
	}
	return ""
}

// lowPort returns the argument that names a port below 1024.
func lowPort(args []string) string {
	for i, a := range args[min(1, len(args)):] {
		value := a
		if _, v, ok := strings.Cut(a, "="); ok {
			value = v
		} else if i == 0 || !strings.HasPrefix(args[i], "-") { // args[i] is the argument before a
			if !strings.Contains(a, ":") {
				continue
			}
		}
		port := value[strings.LastIndexByte(value, ':')+1:]
		if len(port) > 0 && len(port) <= 3 && strings.Trim(port, "0123456789") == "" && port[0] != '0' {
			return a
		}
	}
	return ""
}

// rootApplication: nothing in the description needs root. A service that asks
// for capabilities or devices, opens a low port or loads into the system is
// left alone.
func rootApplication(c *check) {
	main := c.Facts.Main()
	if main == nil || !c.Facts.Root || c.Facts.Oneshot {
		return
	}
	app := application(main.Args)
	if app == "" || lowPort(main.Args) != "" {
		return
	}
	// Programs that manage the machine, wherever they are installed.
	if isOneOf("nginx httpd apache2 haproxy sshd dockerd containerd puppet chef-client salt-minion salt-master fail2ban-server node_exporter", base(app)) {
		return
	}
	if u := c.Unit; u != nil {
		s := &u.Settings
		if len(s.CapabilityBoundingSet.From) > 0 || s.AmbientCapabilities.Value != 0 || len(s.DeviceAllow.Value) > 0 || s.Delegate.Value || s.PAMName.Value != "" {
			return
		}
	}
	at, key := main.At, main.Key
	if c.Facts.User.Value != "" {
		at, key = c.Facts.User.At, c.Facts.User.Key
	}
	c.hit(at, key, "the application "+app+" runs as root, and nothing in its description needs root")
}

// rootCapabilities are those for which a program is started as root.
const rootCapabilities = unit.CapChown | unit.CapDacOverride | unit.CapDacReadSearch | unit.CapFowner | unit.CapFsetid | unit.CapKill |
	unit.CapSetgid | unit.CapSetuid | unit.CapSetpcap | unit.CapNetBindService | unit.CapNetAdmin | unit.CapNetRaw | unit.CapSysModule |
	unit.CapSysRawio | unit.CapSysChroot | unit.CapSysPtrace | unit.CapSysAdmin | unit.CapSysBoot | unit.CapSysNice | unit.CapSysResource |
	unit.CapSysTime | unit.CapSysTtyConfig | unit.CapMknod | unit.CapAuditWrite | unit.CapAuditControl | unit.CapSetfcap |
	unit.CapMacOverride | unit.CapMacAdmin | unit.CapSyslog | unit.CapBpf | unit.CapPerfmon | unit.CapIpcLock | unit.CapWakeAlarm

func powerlessRoot(c *check) {
	if c.Unit == nil || !c.Facts.Root || len(c.Facts.Commands) == 0 {
		return
	}
	set := &c.Unit.Settings.CapabilityBoundingSet
	if len(set.From) > 0 && set.Value&rootCapabilities == 0 {
		c.hit(last(set.From), "CapabilityBoundingSet", "root without capabilities still owns the files of root, and nothing else is left that needs root")
	}
}

// confined reports whether a unit has an account or a sandbox to escape from.
func confined(u *unit.Unit) bool {
	s := &u.Settings
	return !isRoot(s.User.Value) || s.DynamicUser.Value || s.ProtectSystem.Value != "no" || s.ProtectHome.Value != "no" ||
		s.PrivateTmp.Value != "no" || s.PrivateDevices.Value || s.NoNewPrivileges.Value || s.SystemCallFilter.Value.Set ||
		len(s.CapabilityBoundingSet.From) > 0 || s.RootDirectory.Value != "" || s.PrivateNetwork.Value
}

func outsideSandbox(c *check) {
	if c.Unit == nil || !confined(c.Unit) {
		return
	}
	for i := range c.Unit.Commands {
		// Sending a signal to the main process is what root is for in a reload.
		if cmd := &c.Unit.Commands[i]; strings.Contains(cmd.Prefix, "+") && base(cmd.Path) != "kill" {
			c.hit(cmd.Origin, cmd.Key, cmd.Key+"=+"+base(cmd.Path)+" runs as root and outside the sandbox, which the score does not show")
		}
	}
}

func withoutUser(c *check) {
	if c.Unit == nil || isRoot(c.Unit.Settings.User.Value) && !c.Unit.Settings.DynamicUser.Value {
		return
	}
	for i := range c.Unit.Commands {
		// !! is the same only where the kernel has no ambient capabilities, that is
		// nowhere since Linux 4.3.
		if cmd := &c.Unit.Commands[i]; strings.Contains(cmd.Prefix, "!") && !strings.Contains(cmd.Prefix, "!!") {
			c.hit(cmd.Origin, cmd.Key, cmd.Key+"=!"+base(cmd.Path)+" does not drop to the account of the service")
		}
	}
}

// rootEquivalent capabilities give root to who has them (capabilities(7)).
const rootEquivalent = unit.CapSysAdmin | unit.CapSysPtrace | unit.CapSysModule | unit.CapSysRawio | unit.CapDacOverride | unit.CapDacReadSearch |
	unit.CapSetuid | unit.CapSetfcap | unit.CapChown | unit.CapFowner | unit.CapMknod | unit.CapBpf

func ambientRoot(c *check) {
	if c.Unit == nil || c.Facts.Root {
		return
	}
	s := &c.Unit.Settings
	if given := s.AmbientCapabilities.Value & rootEquivalent & s.CapabilityBoundingSet.Value; given != 0 && s.PrivateUsers.Value == "no" {
		c.hit(last(s.AmbientCapabilities.From), "AmbientCapabilities", strings.Join(given.Names(), ", ")+" makes the account of the service as good as root")
	}
}

func sharedAccount(c *check) {
	if u := c.Facts.User; isOneOf("nobody daemon bin", u.Value) || u.Value == "65534" {
		c.hit(u.At, u.Key, "the account "+u.Value+" is shared with other services, which can read and kill this one")
	}
}

func powerfulGroup(c *check) {
	if c.Facts.Root {
		return
	}
	const groups = "root docker lxd libvirt disk kmem sudo wheel admin shadow"
	look := func(group string, at unit.Origin, key string) {
		if isOneOf(groups, group) && group != c.Facts.User.Value {
			c.hit(at, key, "members of the group "+group+" can make themselves root")
		}
	}
	look(c.Facts.Group.Value, c.Facts.Group.At, c.Facts.Group.Key)
	if c.Unit != nil {
		s := &c.Unit.Settings.SupplementaryGroups
		for _, g := range s.Value {
			look(g, last(s.From), "SupplementaryGroups")
		}
	}
}

const containerSockets = "/var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock /run/crio/crio.sock"

func containerSocket(c *check) {
	if c.Unit != nil {
		for _, key := range [...]string{"BindPaths", "BindReadOnlyPaths"} {
			for _, a := range c.Unit.Get(section(c.Unit), key) {
				for _, word := range unit.SplitWords(a.Value) {
					if path, _, _ := strings.Cut(strings.TrimLeft(word, "-+"), ":"); isOneOf(containerSockets, path) {
						c.hit(a.Origin, key, path+" is put into the service's file system")
					}
				}
			}
		}
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		for j, a := range cmd.Args[1:] {
			v := strings.TrimPrefix(strings.TrimPrefix(a, "--volume="), "-v=")
			if path, _, mounted := strings.Cut(v, ":"); mounted && isOneOf(containerSockets, path) && (v != a || isOneOf("-v --volume", cmd.Args[j])) {
				c.hit(cmd.At, cmd.Key, path+" is put into a container")
			}
		}
	}
}

// script returns what a shell is given to run; "" for other commands.
func script(args []string) string {
	args = unwrapped(args)
	if !isOneOf("sh bash dash ash zsh ksh mksh busybox", base(args[0])) {
		return ""
	}
	for i := 1; i+1 < len(args); i++ {
		if strings.HasPrefix(args[i], "-") && !strings.HasPrefix(args[i], "--") && strings.Contains(args[i], "c") {
			return args[i+1]
		}
	}
	return ""
}

// programs calls yield with each program that a command evidently runs, and
// what follows it: its own, or the first word of each part of a script.
func programs(args []string, yield func(words []string)) {
	text := script(args)
	if text == "" {
		yield(unwrapped(args))
		return
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(";|&\n()`{}", r) }) {
		words := strings.Fields(part)
		for len(words) > 0 && (isOneOf("exec if then else do while until ! time command", words[0]) || strings.Contains(words[0], "=")) {
			words = words[1:]
		}
		if len(words) > 0 {
			yield(unwrapped(words))
		}
	}
}

func switchesUser(c *check) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		found := ""
		programs(cmd.Args, func(words []string) {
			// sudo -l and its like ask; everything else runs something.
			if name := base(words[0]); found == "" && isOneOf("sudo su doas runuser", name) && len(words) > 1 {
				found = name
			}
		})
		// setpriv(1) and chpst(8) drop privileges before they run the program,
		// without a session of their own: they are not meant here.
		if found != "" && c.Backend != "sysvinit" {
			c.hit(cmd.At, cmd.Key, cmd.Key+" runs "+found+", which the service manager cannot confine or supervise")
		}
	}
}

func setuidWithoutPrivileges(c *check) {
	if c.Unit == nil || !c.Unit.Settings.NoNewPrivileges.Value || c.Facts.Root {
		return
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		if cmd.Elevated {
			continue
		}
		programs(cmd.Args, func(words []string) {
			if name := base(words[0]); argv.NeedsSetuid(name) {
				c.hit(cmd.At, cmd.Key, name+" has no power with NoNewPrivileges=yes, so the command fails")
			}
		})
	}
}

// instanceInScript: specifiers are replaced before the shell reads the script.
func instanceInScript(c *check) {
	if c.Unit == nil {
		return
	}
	var instances map[unit.Origin]string // lines that name the instance
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		if !strings.HasPrefix(a.Key, "Exec") || strings.IndexByte(a.Value, '%') < 0 {
			continue
		}
		for _, spec := range [...]string{"%i", "%I", "%f"} {
			if strings.Contains(strings.ReplaceAll(a.Value, "%%", ""), spec) {
				if instances == nil {
					instances = map[unit.Origin]string{}
				}
				instances[a.Origin] = spec
				break
			}
		}
	}
	if instances == nil {
		return
	}
	for i := range c.Unit.Commands {
		cmd := &c.Unit.Commands[i]
		if spec := instances[cmd.Origin]; spec != "" && script(cmd.Args) != "" {
			c.hit(cmd.Origin, cmd.Key, "the shell reads "+spec+" as a part of its script, so the name of the instance is run as code")
		}
	}
}

func downloadsCode(c *check) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		text := script(cmd.Args)
		if text == "" {
			continue
		}
		fetched := false
		for part := range strings.SplitSeq(text, "|") {
			words := strings.Fields(part)
			if len(words) == 0 {
				fetched = false
				continue
			}
			if fetched && (isOneOf("sh bash dash zsh ksh python python3 perl ruby node sudo", base(words[0]))) {
				c.hit(cmd.At, cmd.Key, "code from the network is given to "+base(words[0])+" at each start")
				break
			}
			fetched = slices.ContainsFunc(words, func(w string) bool { return isOneOf("curl wget", base(w)) })
		}
	}
}
