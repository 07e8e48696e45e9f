package trace

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// arg returns an argument, empty where there is none.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// failed reports whether the call had no effect. A connection that is under
// way, a call that was interrupted or would have had to wait did happen.
func (c *call) failed() bool {
	switch c.err {
	case "", "EINPROGRESS", "EAGAIN", "EWOULDBLOCK", "EINTR", "EALREADY", "EISCONN", "ECONNREFUSED", "ETIMEDOUT",
		"ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ERESTART_RESTARTBLOCK":
		return c.err == "" && strings.HasPrefix(c.ret, "-1")
	}
	return true
}

// denied reports whether the caller was told that the call is not for it.
func (c *call) denied() bool {
	switch c.err {
	case "EPERM", "EACCES", "ENOSYS":
		return true
	}
	return false
}

// has reports whether one of the flags is in the argument.
func (c *call) has(i int, flags ...string) bool {
	for word := range strings.FieldsFuncSeq(c.arg(i), func(r rune) bool {
		return r == '|' || r == ' ' || r == '{' || r == '=' || r == ',' || r == '}' || r == '(' || r == ')'
	}) {
		if slices.Contains(flags, word) {
			return true
		}
	}
	return false
}

// needs are calls that ask for a capability whatever their arguments are, as
// capabilities(7) and the man page of each say.
var needs = [...]struct{ call, capability string }{
	{"acct", "CAP_SYS_PACCT"},
	{"bpf", "CAP_BPF"},
	{"chroot", "CAP_SYS_CHROOT"},
	{"clock_settime", "CAP_SYS_TIME"},
	{"delete_module", "CAP_SYS_MODULE"},
	{"fanotify_init", "CAP_SYS_ADMIN"},
	{"finit_module", "CAP_SYS_MODULE"},
	{"fsconfig", "CAP_SYS_ADMIN"},
	{"fsmount", "CAP_SYS_ADMIN"},
	{"fsopen", "CAP_SYS_ADMIN"},
	{"init_module", "CAP_SYS_MODULE"},
	{"ioperm", "CAP_SYS_RAWIO"},
	{"iopl", "CAP_SYS_RAWIO"},
	{"kexec_file_load", "CAP_SYS_BOOT"},
	{"kexec_load", "CAP_SYS_BOOT"},
	{"mlock", "CAP_IPC_LOCK"},
	{"mlock2", "CAP_IPC_LOCK"},
	{"mlockall", "CAP_IPC_LOCK"},
	{"mount", "CAP_SYS_ADMIN"},
	{"mount_setattr", "CAP_SYS_ADMIN"},
	{"move_mount", "CAP_SYS_ADMIN"},
	{"open_by_handle_at", "CAP_DAC_READ_SEARCH"},
	{"perf_event_open", "CAP_PERFMON"},
	{"pivot_root", "CAP_SYS_ADMIN"},
	{"process_vm_readv", "CAP_SYS_PTRACE"},
	{"process_vm_writev", "CAP_SYS_PTRACE"},
	{"quotactl", "CAP_SYS_ADMIN"},
	{"quotactl_fd", "CAP_SYS_ADMIN"},
	{"reboot", "CAP_SYS_BOOT"},
	{"setdomainname", "CAP_SYS_ADMIN"},
	{"setfsgid", "CAP_SETGID"},
	{"setfsuid", "CAP_SETUID"},
	{"setgid", "CAP_SETGID"},
	{"setgroups", "CAP_SETGID"},
	{"sethostname", "CAP_SYS_ADMIN"},
	{"setns", "CAP_SYS_ADMIN"},
	{"settimeofday", "CAP_SYS_TIME"},
	{"setuid", "CAP_SETUID"},
	{"swapoff", "CAP_SYS_ADMIN"},
	{"swapon", "CAP_SYS_ADMIN"},
	{"syslog", "CAP_SYSLOG"},
	{"umount", "CAP_SYS_ADMIN"},
	{"umount2", "CAP_SYS_ADMIN"},
	{"vhangup", "CAP_SYS_TTY_CONFIG"},
}

// call draws the facts from one call.
func (f *Facts) call(p *process, c *call, at Place) {
	c.name = strings.TrimSuffix(c.name, "32")
	if !c.denied() {
		if _, known := f.calls[c.name]; !known && len(f.calls) < 4096 {
			if f.calls == nil {
				f.calls = map[string]Place{}
			}
			f.calls[strings.Clone(c.name)] = at
		}
	}
	if c.failed() {
		return
	}
	for i := range needs {
		if needs[i].call == c.name {
			f.capability(needs[i].capability, at)
		}
	}
	if !f.pathCall(p, c, at) && !f.socketCall(c, at) {
		f.processCall(p, c, at)
	}
}

// resolve makes a path argument absolute; dir is the argument with the
// directory's descriptor, or -1 for the working directory.
func (p *process) resolve(c *call, dir, arg int) string {
	name, ok := unquote(c.arg(arg))
	if !ok || name == "" {
		return ""
	}
	if name[0] == '/' {
		return name
	}
	base := p.cwd
	if dir >= 0 {
		if d := decoded(c.arg(dir)); d != "" {
			base = d
		} else if !strings.HasPrefix(c.arg(dir), "AT_FDCWD") {
			return ""
		}
	}
	if base == "" {
		return ""
	}
	return path.Join(base, name)
}

// decoded returns the path that -y shows with a descriptor.
func decoded(arg string) string {
	open := strings.IndexByte(arg, '<')
	if open < 0 || !strings.HasSuffix(arg, ">") {
		return ""
	}
	if d := arg[open+1 : len(arg)-1]; strings.HasPrefix(d, "/") {
		d, _ = unquote(`"` + d + `"`)
		return strings.TrimSuffix(d, " (deleted)")
	}
	return ""
}

// pathCall handles calls about files, and reports whether c is one.
func (f *Facts) pathCall(p *process, c *call, at Place) bool {
	write := func(dir, arg int) { f.file(p.resolve(c, dir, arg), Write, at) }
	switch c.name {
	case "open":
		f.file(p.resolve(c, -1, 0), openMode(c, 1), at)
	case "openat", "openat2":
		f.file(p.resolve(c, 0, 1), openMode(c, 2), at)
	case "creat", "truncate", "truncate64", "unlink", "rmdir", "mkdir", "utime", "utimes", "setxattr", "lsetxattr", "removexattr":
		write(-1, 0)
		if strings.HasSuffix(c.name, "setxattr") {
			f.xattr(c, at)
		}
	case "ftruncate", "fallocate", "fsetxattr":
		f.file(decoded(c.arg(0)), Write, at)
		if c.name == "fsetxattr" {
			f.xattr(c, at)
		}
	case "mkdirat", "unlinkat", "utimensat", "futimesat":
		write(0, 1)
	case "rename", "link":
		write(-1, 0)
		write(-1, 1)
	case "symlink":
		write(-1, 1)
	case "symlinkat":
		write(1, 2)
	case "renameat", "renameat2", "linkat":
		write(0, 1)
		write(2, 3)
	case "mknod", "mknodat":
		dir, arg, mode := -1, 0, 1
		if c.name == "mknodat" {
			dir, arg, mode = 0, 1, 2
		}
		write(dir, arg)
		if c.has(mode, "S_IFCHR", "S_IFBLK") {
			f.capability("CAP_MKNOD", at)
		}
	case "chmod":
		write(-1, 0)
		f.chmod(c.arg(1), at)
	case "fchmodat", "fchmodat2":
		write(0, 1)
		f.chmod(c.arg(2), at)
	case "fchmod":
		f.file(decoded(c.arg(0)), Write, at)
		f.chmod(c.arg(1), at)
	case "chown", "lchown":
		write(-1, 0)
		f.chown(c.arg(1), c.arg(2), at)
	case "fchownat":
		write(0, 1)
		f.chown(c.arg(2), c.arg(3), at)
	case "fchown":
		f.file(decoded(c.arg(0)), Write, at)
		f.chown(c.arg(1), c.arg(2), at)
	case "execve":
		f.file(p.resolve(c, -1, 0), Exec, at)
	case "execveat":
		f.file(p.resolve(c, 0, 1), Exec, at)
	case "chdir":
		if dir := p.resolve(c, -1, 0); dir != "" {
			p.cwd = path.Clean(dir)
		} else {
			p.cwd = ""
		}
	case "fchdir":
		p.cwd = decoded(c.arg(0))
	case "getcwd":
		if dir, ok := unquote(c.arg(0)); ok {
			p.cwd = dir
		}
	default:
		return false
	}
	return true
}

func openMode(c *call, i int) Mode {
	switch {
	case c.has(i, "O_PATH"):
		return 0
	case c.has(i, "O_RDWR"):
		return Read | Write
	case c.has(i, "O_WRONLY", "O_CREAT", "O_TRUNC"):
		return Write
	}
	return Read
}

func (f *Facts) xattr(c *call, at Place) {
	switch name, _ := unquote(c.arg(1)); {
	case name == "security.capability":
		f.capability("CAP_SETFCAP", at)
	case strings.HasPrefix(name, "trusted."), strings.HasPrefix(name, "security."):
		f.capability("CAP_SYS_ADMIN", at)
	}
}

func (f *Facts) chmod(mode string, at Place) {
	n, err := strconv.ParseUint(strings.TrimPrefix(mode, "0"), 8, 32)
	if err == nil && n&0o6000 != 0 || strings.Contains(mode, "S_ISUID") || strings.Contains(mode, "S_ISGID") {
		note(&f.SetID, "a set-user-ID or set-group-ID bit", at)
		f.capability("CAP_FSETID", at)
	}
}

func (f *Facts) chown(user, group string, at Place) {
	if user != "-1" || group != "-1" {
		f.capability("CAP_CHOWN", at)
	}
}

// socketCall handles calls about sockets, and reports whether c is one.
func (f *Facts) socketCall(c *call, at Place) bool {
	switch c.name {
	case "socket", "socketpair":
		family := c.arg(0)
		switch family {
		case "AF_LOCAL", "AF_FILE", "PF_LOCAL", "PF_UNIX":
			family = "AF_UNIX"
		case "AF_ROUTE":
			family = "AF_NETLINK"
		}
		family = strings.Replace(family, "PF_", "AF_", 1)
		if !strings.HasPrefix(family, "AF_") || len(f.Families) > 64 {
			return true
		}
		if c.name == "socket" { // the filter looks at socket(2) only
			f.Families = add(f.Families, family, at)
		}
		if c.has(1, "SOCK_RAW") && (family == "AF_INET" || family == "AF_INET6") || family == "AF_PACKET" {
			f.capability("CAP_NET_RAW", at)
		}
		if c.has(2, "NETLINK_AUDIT") {
			f.capability("CAP_AUDIT_WRITE", at)
		}
	case "bind":
		f.bind(c.arg(1), at)
	case "connect", "sendto", "sendmsg":
		i := 1
		if c.name == "sendto" {
			i = 4
		}
		f.file(unixPath(c.arg(i)), Connect, at)
		f.netlink(c, at)
	case "setsockopt":
		switch {
		case c.has(2, "SO_BINDTODEVICE"):
			f.capability("CAP_NET_RAW", at)
		case c.has(2, "SO_MARK", "SO_SNDBUFFORCE", "SO_RCVBUFFORCE", "SO_DEBUG", "IP_TRANSPARENT", "IPV6_TRANSPARENT"):
			f.capability("CAP_NET_ADMIN", at)
		}
	default:
		return false
	}
	return true
}

// netlink looks for changes of the network (rtnetlink(7)).
func (f *Facts) netlink(c *call, at Place) {
	for _, a := range c.args {
		if strings.Contains(a, "RTM_NEW") || strings.Contains(a, "RTM_DEL") || strings.Contains(a, "RTM_SET") {
			f.capability("CAP_NET_ADMIN", at)
		}
	}
}

// between returns what stands between two texts.
func between(s, before, after string) (string, bool) {
	_, s, ok := strings.Cut(s, before)
	if !ok {
		return "", false
	}
	s, _, ok = strings.Cut(s, after)
	return s, ok
}

func unixPath(addr string) string {
	if !strings.Contains(addr, "AF_UNIX") && !strings.Contains(addr, "AF_LOCAL") {
		return ""
	}
	_, rest, ok := strings.Cut(addr, "sun_path=")
	if !ok || !strings.HasPrefix(rest, `"`) { // @"abstract"
		return ""
	}
	end := skipString(rest, 0)
	if end >= len(rest) {
		return ""
	}
	name, _ := unquote(rest[:end+1])
	return name
}

func (f *Facts) bind(addr string, at Place) {
	f.file(unixPath(addr), Listen|Write, at)
	for _, form := range [...][2]string{{"AF_INET", "sin_port=htons("}, {"AF_INET6", "sin6_port=htons("}} {
		text, ok := between(addr, form[1], ")")
		if !ok {
			continue
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 || len(f.Ports) >= 1024 {
			continue
		}
		known := false
		for _, p := range f.Ports {
			known = known || p.Family == form[0] && p.Port == int(port)
		}
		if !known {
			f.Ports = append(f.Ports, Port{form[0], int(port), at})
		}
		if port < 1024 { // ip_unprivileged_port_start, ip(7)
			f.capability("CAP_NET_BIND_SERVICE", at)
		}
	}
}

// cloneFlags are the namespaces of clone(2).
var cloneFlags = [...]struct{ flag, name string }{
	{"CLONE_NEWCGROUP", "cgroup"}, {"CLONE_NEWIPC", "ipc"}, {"CLONE_NEWNET", "net"}, {"CLONE_NEWNS", "mnt"},
	{"CLONE_NEWPID", "pid"}, {"CLONE_NEWUSER", "user"}, {"CLONE_NEWUTS", "uts"}, {"CLONE_NEWTIME", "time"},
}

// processCall handles the other calls.
func (f *Facts) processCall(p *process, c *call, at Place) {
	switch c.name {
	case "clone", "clone3", "unshare", "fork", "vfork", "setns":
		f.namespaces(c, at)
		if c.name != "unshare" && c.name != "setns" {
			if pid := digitsOf(c.ret); pid != "" && pid != "0" {
				f.process(pid).cwd = p.cwd
			}
		}
	case "mmap", "mmap2":
		if c.has(2, "PROT_EXEC") && c.has(2, "PROT_WRITE") {
			note(&f.WriteExec, "memory that is writable and executable", at)
		}
		if c.has(3, "MAP_LOCKED") {
			f.capability("CAP_IPC_LOCK", at)
		}
	case "mprotect", "pkey_mprotect":
		if c.has(2, "PROT_EXEC") {
			note(&f.WriteExec, "memory that is made executable", at)
		}
	case "shmat":
		if c.has(2, "SHM_EXEC") {
			note(&f.WriteExec, "shared memory that is executable", at)
		}
	case "memfd_create":
		note(&f.Memfd, "an anonymous file in memory", at)
	case "personality":
		// 0xffffffff asks without changing anything (personality(2)).
		if a := c.arg(0); !strings.HasPrefix(a, "0xffffffff") && a != "PER_LINUX" && a != "0" {
			note(&f.Personality, "another execution domain", at)
		}
	case "ptrace":
		if !c.has(0, "PTRACE_TRACEME") {
			f.capability("CAP_SYS_PTRACE", at)
		}
	case "sched_setscheduler", "sched_setattr":
		if c.has(1, "SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE") {
			note(&f.Realtime, "a realtime scheduling policy", at)
			f.capability("CAP_SYS_NICE", at)
		}
	case "setpriority":
		if strings.HasPrefix(c.arg(2), "-") {
			f.capability("CAP_SYS_NICE", at)
		}
	case "nice":
		if strings.HasPrefix(c.arg(0), "-") {
			f.capability("CAP_SYS_NICE", at)
		}
	case "setuid", "setgid", "setgroups", "setfsuid", "setfsgid":
		note(&f.SetUser, "a change of user or group", at)
	case "setresuid", "setreuid", "setresgid", "setregid":
		changed := false
		for _, id := range c.args {
			changed = changed || id != "-1"
		}
		if changed {
			note(&f.SetUser, "a change of user or group", at)
			if strings.HasSuffix(c.name, "uid") {
				f.capability("CAP_SETUID", at)
			} else {
				f.capability("CAP_SETGID", at)
			}
		}
	case "kill", "tgkill", "tkill", "pidfd_send_signal":
		if c.name == "kill" && c.arg(0) != "0" && c.arg(1) != "0" || c.name == "pidfd_send_signal" {
			note(&f.kill, "a signal to another process", at)
		}
	case "getrlimit", "setrlimit", "prlimit64":
		f.limits(c, at)
	case "adjtimex", "clock_adjtime":
		for _, a := range c.args {
			if m, ok := between(a, "modes=", ","); ok && m != "0" {
				f.capability("CAP_SYS_TIME", at)
			}
		}
	case "timerfd_create", "timer_create":
		if c.has(0, "CLOCK_REALTIME_ALARM", "CLOCK_BOOTTIME_ALARM") {
			f.capability("CAP_WAKE_ALARM", at)
		}
	case "fcntl", "fcntl64":
		if c.has(1, "F_SETLEASE") {
			f.capability("CAP_LEASE", at)
		}
	case "ioctl":
		switch request := c.arg(1); {
		case strings.HasPrefix(request, "SIOCS"), strings.HasPrefix(request, "TUNSETIFF"):
			f.capability("CAP_NET_ADMIN", at)
		case request == "FS_IOC_SETFLAGS":
			f.capability("CAP_LINUX_IMMUTABLE", at)
		}
	case "prctl":
		switch option := c.arg(0); {
		case option == "PR_CAPBSET_DROP", option == "PR_SET_SECUREBITS":
			f.capability("CAP_SETPCAP", at)
		case option == "PR_SET_MM":
			f.capability("CAP_SYS_RESOURCE", at)
		}
	}
}

func (f *Facts) namespaces(c *call, at Place) {
	var user, other bool
	for _, n := range cloneFlags {
		for i := range c.args {
			// clone(child_stack=..., flags=A|B), clone3({flags=A|B, ...}), setns(fd, A)
			if c.has(i, n.flag) {
				f.Namespaces = add(f.Namespaces, n.name, at)
				user = user || n.name == "user"
				other = other || n.name != "user"
			}
		}
	}
	// Inside a user namespace of its own the process has the capability.
	if other && !user {
		f.capability("CAP_SYS_ADMIN", at)
	}
}

// limits notices a hard limit that is raised above what was known.
func (f *Facts) limits(c *call, at Place) {
	resource, now, old := c.arg(0), c.arg(1), ""
	if c.name == "prlimit64" {
		resource, now, old = c.arg(1), c.arg(2), c.arg(3)
	}
	if !strings.HasPrefix(resource, "RLIMIT_") || len(f.limit) > 64 {
		return
	}
	if c.name == "getrlimit" {
		now, old = "", now
	}
	if v, ok := hardLimit(old); ok {
		f.known(resource, v)
	}
	if v, ok := hardLimit(now); ok {
		if before, known := f.limit[resource]; known && v > before {
			f.capability("CAP_SYS_RESOURCE", at)
		}
		f.known(resource, v)
	}
}

func (f *Facts) known(resource string, v uint64) {
	if f.limit == nil {
		f.limit = map[string]uint64{}
	}
	f.limit[strings.Clone(resource)] = max(v, f.limit[resource])
}

// hardLimit reads rlim_max of {rlim_cur=1024, rlim_max=8192*1024}.
func hardLimit(arg string) (uint64, bool) {
	text, ok := between(arg, "rlim_max=", "}")
	if !ok {
		return 0, false
	}
	if strings.HasSuffix(text, "_INFINITY") {
		return 1<<64 - 1, true
	}
	product := uint64(1)
	for part := range strings.SplitSeq(text, "*") {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return 0, false
		}
		product *= n
	}
	return product, true
}
