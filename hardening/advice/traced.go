package advice

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening/trace"
	"github.com/daemonize/daemonize/hardening/unit"
)

// visible reports whether a trace shows the use of what a setting takes away.
func visible(directive string) bool {
	switch directive {
	case "DynamicUser", "PrivateUsers", "UMask", "RemoveIPC", "PrivateIPC", "KeyringMode", "NotifyAccess", "IPAddressDeny", "PrivateMounts":
		return false
	}
	return true
}

// contradiction finds the line of the trace that shows that the service needs
// what a setting takes away. The name of the use says what it needs.
func contradiction(s *subject, directive string, set []Assign) (trace.Use, bool) {
	t := s.trace
	use := func(u trace.Use, ok bool, what string) (trace.Use, bool) {
		u.Name = what
		return u, ok && u.Place.Line > 0
	}
	has := func(u trace.Use, what string) (trace.Use, bool) { return use(u, u.Name != "", what) }
	capability := func(name, what string) (trace.Use, bool) {
		u, ok := t.Capability(name)
		return use(u, ok, what)
	}
	switch directive {
	case "NoNewPrivileges":
		for _, a := range t.Files() {
			if a.Mode&trace.Exec != 0 && slices.Contains(setIDPrograms[:], path.Base(a.Path)) {
				return use(trace.Use{Place: a.Place(trace.Exec)}, true, "it runs "+a.Path+", which has privileges of its own")
			}
		}
	case "PrivateTmp":
		for _, a := range t.Files() {
			if a.Mode&(trace.Listen|trace.Connect) != 0 && hasAny(a.Path, "/tmp/", "/var/tmp/") {
				m := trace.Listen
				if a.Mode&m == 0 {
					m = trace.Connect
				}
				return use(trace.Use{Place: a.Place(m)}, true, "it shares the socket "+a.Path+" with other programs")
			}
		}
	case "ProtectKernelLogs":
		if u, ok := capability("CAP_SYSLOG", "it reads the kernel's log"); ok {
			return u, true
		}
		return touched(t, trace.Read|trace.Write, "it uses the kernel's log", "/dev/kmsg", "/proc/kmsg")
	case "ProtectKernelModules":
		if u, ok := capability("CAP_SYS_MODULE", "it loads kernel modules"); ok {
			return u, true
		}
		// The directory of the modules is hidden.
		return touched(t, trace.Read, "it reads the kernel modules", "/usr/lib/modules", "/lib/modules")
	case "ProtectKernelTunables":
		return touched(t, trace.Write, "it changes settings of the kernel", "/proc/sys", "/sys", "/proc/sysrq-trigger", "/proc/irq")
	case "ProtectControlGroups":
		return touched(t, trace.Write, "it changes control groups", "/sys/fs/cgroup")
	case "ProtectClock":
		u, ok := t.Call("adjtimex", "clock_adjtime", "clock_settime", "settimeofday", "stime")
		if ok {
			return use(u, true, "it calls "+u.Name)
		}
		return touched(t, trace.Read|trace.Write, "it uses the hardware clock", "/dev/rtc", "/dev/rtc0")
	case "ProtectHostname":
		u, ok := t.Call("sethostname", "setdomainname")
		return use(u, ok, "it sets the host name")
	case "LockPersonality":
		return has(t.Personality, "it changes its execution domain")
	case "RestrictRealtime":
		return has(t.Realtime, "it asks for realtime scheduling")
	case "RestrictSUIDSGID":
		return has(t.SetID, "it sets a set-user-ID or set-group-ID bit")
	case "SystemCallArchitectures":
		return has(t.Foreign, "it runs programs of another architecture")
	case "PrivateMounts":
		u, ok := t.Call("mount", "move_mount")
		return use(u, ok, "it mounts file systems")
	case "MemoryDenyWriteExecute":
		return has(t.WriteExec, "it makes memory executable")
	case "ProtectHome":
		if set[0].Value() == "read-only" {
			return touched(t, trace.Write, "it writes to a home directory", "/home", "/root", "/run/user")
		}
		return touched(t, trace.Read|trace.Write|trace.Exec|trace.Connect, "it uses a home directory", "/home", "/root", "/run/user")
	case "ProtectSystem":
		return protectedWrite(s, set)
	case "PrivateDevices":
		if d := usedDevices(t); len(d) > 0 {
			return use(trace.Use{Place: d[0].Place(firstMode(d[0].Mode))}, true, "it uses "+d[0].Path)
		}
		if u, ok := capability("CAP_MKNOD", "it makes devices"); ok {
			return u, true
		}
		return capability("CAP_SYS_RAWIO", "it talks to the hardware")
	case "CapabilityBoundingSet":
		for _, u := range t.Capabilities {
			if !slices.Contains(set[0].Items, u.Name) {
				return use(u, true, "it needs "+u.Name)
			}
		}
	case "PrivateUsers":
		if len(t.Capabilities) > 0 {
			return use(t.Capabilities[0], true, "it needs "+t.Capabilities[0].Name+", which is worth nothing in a user namespace")
		}
	case "DynamicUser":
		return has(t.SetUser, "it changes user")
	case "RestrictAddressFamilies":
		for _, u := range t.Families {
			if !slices.Contains(set[0].Items, u.Name) {
				return use(u, true, "it makes a socket of "+u.Name)
			}
		}
	case "RestrictNamespaces":
		for _, u := range t.Namespaces {
			if !slices.Contains(set[0].Items, u.Name) {
				return use(u, true, "it makes a namespace ("+u.Name+")")
			}
		}
	case "SystemCallFilter=~@privileged", "SystemCallFilter=~@resources":
		_, group, _ := strings.Cut(directive, "~")
		for _, u := range t.Syscalls() {
			if slices.Contains(unit.SyscallGroup(group, s.unit.Version, false), u.Name) {
				return use(u, true, "it calls "+u.Name+", of "+group)
			}
		}
	case "ProtectProc":
		for _, a := range t.Files() {
			if pid := strings.TrimPrefix(a.Path, "/proc/"); a.Mode&trace.Read != 0 && pid != a.Path && pid[0] >= '0' && pid[0] <= '9' && strings.HasSuffix(pid, "/stat") {
				return use(trace.Use{Place: a.Place(trace.Read)}, true, "it reads "+a.Path)
			}
		}
	case "ProcSubset":
		for _, a := range t.Files() {
			if name := strings.TrimPrefix(a.Path, "/proc/"); a.Mode&(trace.Read|trace.Write) != 0 && name != a.Path && (name[0] < '0' || name[0] > '9') && !hasAny(name+"/", "self/", "thread-self/") {
				return use(trace.Use{Place: a.Place(firstMode(a.Mode))}, true, "it reads "+a.Path)
			}
		}
	case "PrivateNetwork", "IPAddressDeny":
		for _, f := range [...]string{"AF_INET", "AF_INET6"} {
			if u, ok := t.Family(f); ok && directive == "PrivateNetwork" {
				return use(u, true, "it makes a socket of "+f)
			}
		}
	case "SocketBindDeny":
		for _, p := range t.Ports {
			if !slices.ContainsFunc(set[0].Items, func(i string) bool { return i == strconv.Itoa(p.Port) }) {
				return use(trace.Use{Place: p.Place}, true, "it binds port "+strconv.Itoa(p.Port))
			}
		}
	case "RemoveIPC":
		u, ok := t.Call("shmget", "semget", "msgget")
		return use(u, ok, "it uses System V IPC, which another service of its user may share")
	case "KeyringMode":
		u, ok := t.Call("add_key", "request_key", "keyctl")
		return use(u, ok, "it uses kernel keys")
	}
	return trace.Use{}, false
}

func firstMode(m trace.Mode) trace.Mode { return m & -m }

// touched finds a path below one of the directories that was used in one of
// the modes.
func touched(t *trace.Facts, modes trace.Mode, what string, dirs ...string) (trace.Use, bool) {
	for _, a := range t.Files() {
		for _, d := range dirs {
			if m := a.Mode & modes; m != 0 && (a.Path == d || strings.HasPrefix(a.Path, d+"/")) {
				return trace.Use{Name: what + ": " + a.Path, Place: a.Place(firstMode(m))}, true
			}
		}
	}
	return trace.Use{}, false
}

// protectedWrite finds a write that ProtectSystem= would refuse.
func protectedWrite(s *subject, set []Assign) (trace.Use, bool) {
	strict := set[0].Value() == "strict"
	var keep []string
	if len(set) > 1 {
		keep = set[1].Items
	}
	for _, a := range s.trace.Files() {
		if a.Mode&trace.Write == 0 || s.covered(a.Path) || under(a.Path, keep) {
			continue
		}
		if strict || under(a.Path, []string{"/usr", "/boot", "/efi", "/etc", "/bin", "/sbin", "/lib", "/lib64"}) && !s.declares(a.Path) {
			return trace.Use{Name: "it writes to " + a.Path, Place: a.Place(trace.Write)}, true
		}
	}
	return trace.Use{}, false
}

func (s *subject) declares(p string) bool { return under(p, s.declared) }

func under(p string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool {
		d = strings.TrimLeft(d, "-+")
		return p == d || strings.HasPrefix(p, d+"/")
	})
}

// writtenDirectories lists the directories in which the trace writes, without
// those that lie in another one of the list.
func writtenDirectories(t *trace.Facts) []string {
	var dirs []string
	for _, a := range t.Files() {
		if a.Mode&trace.Write == 0 || under(a.Path, []string{"/dev", "/proc", "/sys", "/tmp", "/var/tmp"}) {
			continue
		}
		d := path.Dir(a.Path)
		if len(strings.Split(d, "/")) < 3 || d == "/var/lib" || d == "/var/log" || d == "/var/cache" || d == "/usr/lib" {
			// Not all of /var or /etc for one file. A file that is replaced by
			// renaming, or does not exist yet, needs its directory, though.
			if d != "/run" {
				d = a.Path
			}
		}
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	var out []string
	for _, d := range dirs {
		if !under(d, out) {
			out = append(out, d)
		}
	}
	return out
}

// usedDevices lists the devices that PrivateDevices= takes away.
func usedDevices(t *trace.Facts) []*trace.Access {
	var out []*trace.Access
	for _, a := range t.Files() {
		if !strings.HasPrefix(a.Path, "/dev/") || a.Mode&(trace.Read|trace.Write) == 0 {
			continue
		}
		switch name, _, _ := strings.Cut(a.Path[len("/dev/"):], "/"); name {
		// What is there with PrivateDevices= (systemd.exec(5), namespace.c).
		case "null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "mqueue", "hugepages",
			"log", "stdin", "stdout", "stderr", "fd", "core", "char", "block":
		default:
			out = append(out, a)
		}
	}
	return out
}

// permitted lists the calls of an allow list, sorted. @default is always there.
func permitted(items []string, version int) []string {
	var calls []string
	for _, item := range append([]string{"@default"}, items...) {
		if strings.HasPrefix(item, "@") {
			calls = append(calls, unit.SyscallGroup(item, version, false)...)
		} else {
			calls = append(calls, item)
		}
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// knownCall reports whether a filter can name the call.
func knownCall(name string, version int) bool {
	return slices.Contains(unit.SyscallGroup("@known", version, false), name)
}
