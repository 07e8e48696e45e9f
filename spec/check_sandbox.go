package spec

import (
	"slices"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// identity checks as whom the service runs.
func (c *checker) identity() {
	fixed := func(user string) bool { return user == "root" || user != "" && user[0] >= '0' && user[0] <= '9' }
	if c.Sandboxing.DynamicUser {
		dynamic := c.by(field.SandboxingDynamicUser)
		switch {
		case c.CreateUser:
			c.fail(diag.DynamicUser, "create_user", "create_user and dynamic_user exclude each other",
				"a dynamic user exists only while the service runs", "keep one of them", dynamic)
		case fixed(c.User):
			// systemd.exec(5), DynamicUser=: the name must be free to be allocated.
			c.fail(diag.DynamicUser, "user", "dynamic_user cannot be "+Display(c.User), "the user is allocated when the service starts",
				"remove user, or give a name that no account has", dynamic)
		}
	}
	switch {
	case !c.CreateUser || c.Sandboxing.DynamicUser:
	case c.User == "":
		c.fail(diag.CreateUser, "create_user", "create_user without user", "the account must have a name", "add user")
	case fixed(c.User):
		c.fail(diag.CreateUser, "create_user", "create_user cannot create "+Display(c.User), "", "give user a name", also{"user", "the user is given here"})
	}
	if c.User == "nobody" || c.User == "65534" {
		c.warn(diag.NobodyUser, "user", "the service runs as "+c.User, "the account is shared with NFS, user namespaces and other services",
			"use an account of the service's own (create_user: true), or sandboxing.dynamic_user")
	}
	if c.IsSet(field.Umask) && c.Umask&0o002 == 0 {
		c.warn(diag.WorldWritable, "umask", "everybody may write the files that the service makes", "umask "+c.Umask.String()+" keeps the write bit for others",
			"use 0022 or 0027")
	}
	for _, dir := range [...]struct {
		id   field.ID
		mode Mode
	}{
		{field.DirectoriesRuntimeMode, c.Directories.Runtime.Mode}, {field.DirectoriesStateMode, c.Directories.State.Mode},
		{field.DirectoriesCacheMode, c.Directories.Cache.Mode}, {field.DirectoriesLogsMode, c.Directories.Logs.Mode},
		{field.DirectoriesConfigMode, c.Directories.Config.Mode},
	} {
		if dir.mode&0o1002 == 0o002 { // with the sticky bit it is meant, as for /tmp
			c.warn(diag.WorldWritable, dir.id.String(), "everybody may write to the directory", "mode "+dir.mode.String()+" lets others add and remove files", "use 0755 or 0750")
		}
	}
}

// capabilities checks the ambient set against what bounds it.
func (c *checker) capabilities() {
	s := &c.Sandboxing
	if len(s.Capabilities.Ambient) == 0 || strings.HasPrefix(s.Capabilities.Ambient[0], "~") {
		return
	}
	at := func(i int) string { return item("sandboxing.capabilities.ambient", i) }
	if c.IsSet(field.SandboxingCapabilitiesBounding) {
		for i, name := range s.Capabilities.Ambient {
			if !inSet(s.Capabilities.Bounding, name) {
				// systemd then fails to start the service with 218/CAPABILITIES.
				c.fail(diag.AmbientBounding, at(i), name+" is ambient but not in the bounding set", "the service could not be started",
					"add it to bounding", also{"sandboxing.capabilities.bounding", "the bounding set is given here"})
			}
		}
	}
	switch {
	case c.isRoot() && !slices.Contains(s.SecureBits, "noroot"):
		c.warn(diag.AmbientUseless, at(0), "ambient capabilities have no effect for root", "root has its capabilities anyway",
			"add user, or use bounding to limit root", also{"user", "the user is given here"})
	case s.PrivateUsers != "" && s.PrivateUsers != "no":
		c.warn(diag.AmbientUseless, at(0), "the ambient capabilities have no power over the host", "private_users puts the service into a user namespace",
			"set sandboxing.private_users: no", c.by(field.SandboxingPrivateUsers))
	}
}

// mountFree reports whether the service sees the host's file system: inside
// another root the paths of the spec mean something else.
func (c *checker) mountFree() bool {
	s := &c.Sandboxing
	return s.RootDirectory == "" && s.RootImage == ""
}

// files checks paths that the service needs against what the sandbox makes of them.
func (c *checker) files() {
	c.eachCommand(func(path string, cmd Command, privileged bool) {
		if privileged || !c.mountFree() {
			return
		}
		c.visible(arg(path, 0), cmd[0], "the program", diag.Error)
		c.executable(arg(path, 0), cmd[0])
		if path != "command" {
			return
		}
		for i := 1; i < len(cmd); i++ {
			a := cmd[i]
			flag, value, joined := strings.Cut(a, "=")
			if !joined {
				value = a
			}
			if !strings.HasPrefix(value, "/") {
				continue
			}
			if c.visible(arg(path, i), value, "the path", diag.Warning) || c.device(arg(path, i), value) {
				continue
			}
			if !joined && i > 0 {
				flag = cmd[i-1]
			}
			if name := strings.TrimLeft(flag, "-"); len(name) < len(flag) && oneOfWords(writeFlags, name) {
				c.writable(arg(path, i), value, diag.Warning)
			}
		}
	})
	if c.WorkingDir != "" && c.mountFree() {
		c.visible("working_dir", c.WorkingDir, "the working directory", diag.Error)
	}
	if c.PidFile != "" && c.Type == "forking" && c.mountFree() {
		if !c.visible("pid_file", c.PidFile, "the PID file", diag.Error) && !c.writable("pid_file", c.PidFile, diag.Error) {
			c.ownPidFile()
		}
	}
}

// writeFlags are options of which the value is a file or directory that the
// program writes.
const writeFlags = "data-dir datadir data-path data-directory log-file logfile log-dir logdir log-path pid-file pidfile " +
	"cache-dir state-dir spool-dir upload-dir storage-path storage.path storage.tsdb.path"

// visible reports a path that the sandbox hides, and whether it did.
func (c *checker) visible(path, p, what string, sev diag.Severity) bool {
	s := &c.Sandboxing
	hidden := func(detail, fix string, by also) bool {
		c.report(diag.HiddenPath, sev, path, what+" "+Display(p)+" is hidden from the service", detail, fix, by)
		return true
	}
	bound := func() bool { return c.bound(p) }
	home := func(p string) bool { return within(p, "/home") || within(p, "/root") || within(p, "/run/user") }
	switch {
	// systemd.exec(5), ProtectHome=: with yes nothing can be nested inside, with tmpfs bind mounts can.
	case home(p) && s.ProtectHome == "yes":
		return hidden("protect_home makes /home, /root and /run/user inaccessible", "move it, or "+c.lift(field.SandboxingProtectHome, "read-only"), c.by(field.SandboxingProtectHome))
	case home(p) && s.ProtectHome == "tmpfs" && !bound():
		return hidden("protect_home: tmpfs leaves /home, /root and /run/user empty", "add it to sandboxing.bind_paths or bind_read_only_paths", c.by(field.SandboxingProtectHome))
	// Temporary files of the service itself are fine: only what must be there before is looked at.
	case what != "the path" && (within(p, "/tmp") || within(p, "/var/tmp")) && p != "/tmp" && p != "/var/tmp" && s.PrivateTmp != "" && s.PrivateTmp != "no" && !bound():
		return hidden("private_tmp gives the service a /tmp and /var/tmp of its own", "use a directory such as /run/"+c.Name+" (directories.runtime), or "+c.lift(field.SandboxingPrivateTmp, "no"), c.by(field.SandboxingPrivateTmp))
	}
	for i, dir := range s.InaccessiblePaths {
		if within(p, strip(dir)) {
			return hidden("inaccessible_paths covers it", "remove the entry", also{item("sandboxing.inaccessible_paths", i), "hidden here"})
		}
	}
	for i, fs := range s.TemporaryFileSystem {
		dir, _, _ := strings.Cut(fs, ":")
		if p != dir && within(p, dir) && !bound() && what != "the PID file" && !c.declared(p) {
			return hidden("temporary_file_system puts an empty file system over it", "add it to sandboxing.bind_paths or bind_read_only_paths",
				also{item("sandboxing.temporary_file_system", i), "hidden here"})
		}
	}
	return false
}

// bound reports whether a bind mount provides the path.
func (c *checker) bound(p string) bool {
	for _, list := range [...][]string{c.Sandboxing.BindPaths, c.Sandboxing.BindReadOnlyPaths, c.Sandboxing.MountImages} {
		for _, b := range list {
			parts := strings.SplitN(strip(b), ":", 3)
			if within(p, parts[min(1, len(parts)-1)]) {
				return true
			}
		}
	}
	return false
}

// declared reports whether the path is in a directory that is made for the service.
func (c *checker) declared(p string) bool {
	if p[0] == RefMark {
		return p[1] != byte(RefConfigDir)
	}
	for _, dir := range [...]struct{ base, name string }{
		{"/run/", c.Directories.Runtime.Name}, {"/var/run/", c.Directories.Runtime.Name}, {"/var/lib/", c.Directories.State.Name},
		{"/var/cache/", c.Directories.Cache.Name}, {"/var/log/", c.Directories.Logs.Name}, {"/etc/", c.Directories.Config.Name},
	} {
		if dir.name != "" && within(p, dir.base+dir.name) {
			return true
		}
	}
	return false
}

// writable reports a path that the sandbox makes read-only, and whether it did.
func (c *checker) writable(path, p string, sev diag.Severity) bool {
	s := &c.Sandboxing
	readOnly := func(detail, fix string, by also) bool {
		c.report(diag.ReadOnlyPath, sev, path, Display(p)+" is read-only for the service", detail, fix, by)
		return true
	}
	if c.declared(p) {
		return false
	}
	for _, dir := range s.ReadWritePaths {
		if within(p, strip(dir)) {
			return false
		}
	}
	for _, b := range s.BindPaths {
		parts := strings.SplitN(strip(b), ":", 3)
		if within(p, parts[min(1, len(parts)-1)]) {
			return false
		}
	}
	for i, dir := range s.ReadOnlyPaths {
		if within(p, strip(dir)) {
			return readOnly("read_only_paths covers it", "add it to sandboxing.read_write_paths", also{item("sandboxing.read_only_paths", i), "made read-only here"})
		}
	}
	for _, fs := range s.TemporaryFileSystem {
		if dir, options, _ := strings.Cut(fs, ":"); within(p, dir) && !strings.HasPrefix(options, "ro") {
			return false
		}
	}
	// systemd.exec(5), ProtectSystem=: strict spares /dev, /proc and /sys; dynamic_user implies it and private_tmp.
	for _, dir := range []string{"/dev", "/proc", "/sys"} {
		if within(p, dir) {
			return false
		}
	}
	if (within(p, "/tmp") || within(p, "/var/tmp")) && (s.DynamicUser || s.PrivateTmp != "" && s.PrivateTmp != "no") {
		return false
	}
	const fix = "declare the directory (directories), or add it to sandboxing.read_write_paths"
	switch {
	case s.ProtectSystem == "strict":
		return readOnly("protect_system: strict leaves only declared directories writable", fix, c.by(field.SandboxingProtectSystem))
	case s.DynamicUser:
		return readOnly("dynamic_user implies protect_system: strict, which leaves only declared directories writable", fix, c.by(field.SandboxingDynamicUser))
	}
	return false
}

// ownPidFile reports a PID file where only root can write.
func (c *checker) ownPidFile() {
	dir := c.PidFile[:strings.LastIndexByte(c.PidFile, '/')]
	if !c.isRoot() && (dir == "/run" || dir == "/var/run") {
		c.warn(diag.UserCannotWrite, "pid_file", Display(c.User)+" cannot write to "+dir, "the directory belongs to root",
			"use a directory of the service's own: `directories: {runtime: "+c.Name+"}` and pid_file: ${runtime_dir}/"+baseName(c.PidFile),
			also{"user", "the user is given here"})
	}
}

// executable reports a program that exec_paths and no_exec_paths refuse; of
// nested entries the longer one holds (systemd.exec(5), ExecPaths=).
func (c *checker) executable(path, prog string) {
	no, at := -1, -1
	for i, dir := range c.Sandboxing.NoExecPaths {
		if dir = strip(dir); within(prog, dir) && len(dir) > no {
			no, at = len(dir), i
		}
	}
	if at < 0 || slices.ContainsFunc(c.Sandboxing.ExecPaths, func(dir string) bool { return within(prog, strip(dir)) && len(strip(dir)) >= no }) {
		return
	}
	c.fail(diag.NotExecutable, path, Display(prog)+" may not be executed", "no_exec_paths covers it, and exec_paths does not",
		"add it to sandboxing.exec_paths", also{item("sandboxing.no_exec_paths", at), "refused here"})
}

// pseudoDevices exist in the /dev of private_devices (systemd.exec(5)).
const pseudoDevices = "null zero full random urandom tty ptmx pts shm mqueue hugepages log fd stdin stdout stderr core initctl"

// device reports a device that is not in the service's /dev, and whether it did.
func (c *checker) device(path, p string) bool {
	rest, ok := strings.CutPrefix(p, "/dev/")
	name, _, _ := strings.Cut(rest, "/")
	if !ok || !c.Sandboxing.PrivateDevices || oneOfWords(pseudoDevices, name) || c.bound(p) {
		return false
	}
	c.warn(diag.HiddenDevice, path, "the device "+Display(p)+" is hidden from the service", "private_devices leaves only pseudo devices",
		c.lift(field.SandboxingPrivateDevices, "false")+" and use device_policy: closed with device_allow", c.by(field.SandboxingPrivateDevices))
	return true
}

// sandbox checks the remaining settings against the program and each other.
func (c *checker) sandbox() {
	s := &c.Sandboxing
	for i, dev := range s.DeviceAllow {
		dev, _, _ = strings.Cut(dev, " ")
		if strings.HasPrefix(dev, "/") {
			c.device(item("sandboxing.device_allow", i), dev)
		}
	}
	c.jit()
	c.syscalls()

	if list := s.AddressFamilies; len(list) > 1 && slices.Contains(list, "none") {
		c.fail(diag.BadValue, "sandboxing.address_families", "none beside other address families", "", "write [none] alone, or remove none")
	}
	if !c.family("AF_UNIX") && !c.family("AF_LOCAL") && (c.notifies() || c.Type == "dbus" || c.Watchdog > 0 && c.Watchdog != Infinity) {
		what := "type " + c.Type
		path := "type"
		if !c.notifies() && c.Type != "dbus" {
			what, path = "a watchdog", "watchdog"
		}
		c.fail(diag.FamilyNeeded, "sandboxing.address_families", "address_families lacks AF_UNIX", what+" needs it: messages to the manager go through a Unix socket",
			"add AF_UNIX", also{path, what + " is given here"})
	}
	if s.PrivatePIDs && c.Type == "forking" {
		c.fail(diag.ForkingNamespace, "sandboxing.private_pids", "private_pids with type forking", "the manager cannot follow a fork into another process namespace",
			"run the program in the foreground with type simple", also{"type", "type forking is given here"})
	}
	if s.ProtectClock && len(c.Command) > 0 && oneOfWords("chronyd ntpd openntpd systemd-timesyncd ptp4l phc2sys ntpdate timemaster gpsd", baseName(c.Command[0])) {
		c.warn(diag.ClockProtected, arg("command", 0), baseName(c.Command[0])+" may not set the clock", "protect_clock refuses it", c.lift(field.SandboxingProtectClock, "false"),
			c.by(field.SandboxingProtectClock))
	}

	if s.RootDirectory != "" && s.RootImage != "" {
		c.fail(diag.Exclusive, "sandboxing.root_image", "root_image and root_directory exclude each other", "", "keep one of them",
			also{"sandboxing.root_directory", "root_directory is given here"})
	}
	unused := func(id field.ID, needed bool, needs string) {
		if c.IsSet(id) && !needed {
			c.warn(diag.SandboxUnused, id.String(), id.String()+" has no effect", "it refines "+needs+", which is not given", "add "+needs+", or remove it")
		}
	}
	unused(field.SandboxingRootHash, s.RootImage != "", "sandboxing.root_image")
	unused(field.SandboxingRootVerity, s.RootImage != "", "sandboxing.root_image")
	unused(field.SandboxingRootEphemeral, !c.mountFree(), "sandboxing.root_directory or root_image")
	if !c.FromProfile(field.SandboxingSystemCallsError) {
		unused(field.SandboxingSystemCallsError, len(s.SystemCalls.Filter) > 0, "sandboxing.system_calls.filter")
	}
}

// jit reports runtimes that compile at run time under
// memory_deny_write_execute. Those of the first list were seen to die.
func (c *checker) jit() {
	if !c.Sandboxing.MemoryDenyWriteExecute {
		return
	}
	c.eachCommand(func(path string, cmd Command, privileged bool) {
		if privileged {
			return
		}
		base := baseName(cmd[0])
		at := arg(path, 0)
		if base == "env" && len(cmd) > 1 {
			base, at = baseName(cmd[1]), arg(path, 1)
		}
		base = strings.TrimRight(base, "0123456789.-")
		var sev diag.Severity
		switch {
		case oneOfWords("node nodejs", base):
			if !slices.Contains(cmd, "--jitless") {
				sev = diag.Error
			}
		case base == "luajit":
			if !slices.Contains(cmd, "-joff") {
				sev = diag.Error
			}
		case oneOfWords("java dotnet", base):
			sev = diag.Error
		case base == "ruby" && slices.ContainsFunc(cmd, func(a string) bool { return strings.HasPrefix(a, "--yjit") || a == "--jit" }):
			sev = diag.Error
		case base == "php" && slices.ContainsFunc(cmd, func(a string) bool {
			return strings.Contains(a, "opcache.jit") && !strings.HasSuffix(a, "=off") && !strings.HasSuffix(a, "=0")
		}),
			oneOfWords("deno bun pypy mono erl beam.smp wasmtime wasmer qemu-system-x86_64 qemu-system-aarch64 Xvfb chromium chrome firefox", base):
			sev = diag.Warning
		}
		if sev != 0 {
			c.report(diag.JITMemory, sev, at, base+" needs memory that is writable and executable", "its just-in-time compiler dies at start under memory_deny_write_execute",
				c.lift(field.SandboxingMemoryDenyWriteExecute, "false"), c.by(field.SandboxingMemoryDenyWriteExecute))
		}
	})
}

// syscalls reports filters that the program cannot live with.
func (c *checker) syscalls() {
	list := c.Sandboxing.SystemCalls.Filter
	if len(list) == 0 {
		return
	}
	for i, s := range list {
		// A call without which no program starts; execve is needed by the manager itself.
		call, _, _ := strings.Cut(s, ":")
		if call == "~execve" || call == "~@default" || call == "~exit_group" || call == "~rt_sigreturn" {
			c.fail(diag.SyscallsNeeded, item("sandboxing.system_calls.filter", i), s+" keeps every program from starting", "no program can do without", "remove the entry")
			return
		}
	}
	if len(c.Command) == 0 {
		return
	}
	base := strings.TrimRight(baseName(c.Command[0]), "0123456789.-")
	allow := !strings.HasPrefix(list[0], "~")
	errno := c.Sandboxing.SystemCalls.Error
	// V8 calls pkey_alloc(2), which @system-service does not include.
	if allow && (errno == "" || errno == "kill") && oneOfWords("node nodejs deno", base) && !slices.Contains(list, "@pkey") && !slices.Contains(list, "pkey_alloc") {
		c.warn(diag.SyscallsNeeded, arg("command", 0), base+" is killed by the system call filter", "its V8 engine calls pkey_alloc",
			"add '@pkey' to the filter, or set sandboxing.system_calls.error: EPERM", c.by(field.SandboxingSystemCallsFilter))
	}
	// These start as root and then give their rights up themselves.
	if i := slices.IndexFunc(list, func(s string) bool { return s == "~@privileged" || s == "~@setuid" }); i >= 0 && c.isRoot() &&
		oneOfWords("nginx apache2 httpd dovecot haproxy squid php-fpm sshd postfix exim cron crond", base) {
		c.warn(diag.SyscallsNeeded, arg("command", 0), base+" cannot change to its own user", list[i]+" refuses the calls for it",
			"run it as its user (user), or list system_calls.filter without "+list[i], c.by(field.SandboxingSystemCallsFilter))
	}
}
