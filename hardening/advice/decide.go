package advice

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
)

// unlessImported proposes a switch, unless a program imports a function that
// would no longer work.
func (s *subject) unlessImported(fact string, functions ...string) verdict {
	if why, ok := s.imports(functions...); ok && s.known == nil {
		return breaking(why, "yes")
	}
	return harmless(fact, "yes")
}

func (s *subject) runtimeIs(names ...string) bool {
	return slices.ContainsFunc(s.programs, func(p Program) bool { return slices.Contains(names, p.Runtime) })
}

// foreign returns a program of another architecture.
func (s *subject) foreign() string {
	for i := range s.programs {
		if s.programs[i].Foreign || s.programs[i].Runtime == "wine" {
			return s.programs[i].Path
		}
	}
	return ""
}

// opaque names a program that can do anything because nobody knows it.
func (s *subject) opaque() string {
	for i := range s.programs {
		switch p := &s.programs[i]; {
		case p.Format == "":
			return "nothing is known of " + p.Path
		case p.Runtime == "shell":
			return p.Path + " is a shell script"
		}
	}
	return ""
}

func noNewPrivileges(s *subject) verdict {
	if s.helper != "" {
		return breaking(s.helper+", which gains no privileges any more", "yes")
	}
	if s.known != nil {
		return harmless(s.name()+" is not known to run set-user-ID programs", "yes")
	}
	if why, ok := s.starts(); ok {
		return unsure(why+": does it use sudo, ping, sendmail or another set-user-ID program?", "yes")
	}
	return harmless("no program of it can start another one", "yes")
}

// writable lists where the service writes, and says how complete that is.
func (s *subject) writable() (paths []string, fact string, complete bool) {
	if s.known != nil && s.known.writes != nil {
		paths = append(paths, s.known.writes...)
		fact, complete = s.name()+" writes to its own directories, which stay writable", true
	}
	if s.trace != nil {
		for _, d := range writtenDirectories(s.trace) {
			paths = append(paths, "-"+d)
		}
		fact, complete = "the trace shows where it writes", true
	}
	if !complete && len(s.declared) > 0 {
		return nil, "it declares its directories (" + strings.Join(s.declared, ", ") + "): does it write anywhere else?", false
	}
	return paths, fact, complete
}

// covered reports whether a path lies in a directory that stays writable
// anyway: it is declared, or an API file system, or private.
func (s *subject) covered(p string) bool {
	p = strings.TrimLeft(p, "-+")
	for _, d := range append([]string{"/dev", "/proc", "/sys", "/tmp", "/var/tmp"}, s.declared...) {
		if p == d || strings.HasPrefix(p, d+"/") {
			return true
		}
	}
	return false
}

var systemLevels = [...]string{"no", "yes", "full", "strict"}

func protectSystem(s *subject) verdict {
	now := slices.Index(systemLevels[:], s.unit.Settings.ProtectSystem.Value)
	level, risk, fact := "full", None, "it has no right to write to /usr and /etc anyway"
	if s.root {
		fact = s.name() + " is not known to write to /usr or /etc"
		if s.known == nil {
			risk, fact = Knowledge, "it runs as root: does it write to /etc (certificates, resolv.conf), or update itself below /usr or /opt?"
			if s.analyzable() {
				risk = None
				fact = "machine code that is installed by a package seldom writes to /usr or /etc"
			}
		}
	}
	var keep []string
	if paths, why, complete := s.writable(); s.profile >= Standard && s.version >= 232 && (complete || len(s.declared) > 0 || s.profile == Strict) {
		level, risk = "strict", Knowledge
		switch {
		case complete:
			risk, fact = None, why
		case why != "":
			fact = why
		default:
			fact = "which paths does it write to? They must be listed in ReadWritePaths="
		}
		for _, p := range paths {
			if !s.covered(p) && !slices.Contains(keep, p) {
				keep = append(keep, p)
			}
		}
		for _, p := range s.paths {
			// What the command line names below /var and /srv is often data.
			if !complete && hasAny(p.path, "/var/", "/srv/", "/data/") && !s.covered(p.path) && path.Ext(p.path) == "" {
				keep = append(keep, "-"+p.path)
			}
		}
	}
	if now >= slices.Index(systemLevels[:], level) {
		return nothing()
	}
	v := verdict{risk: risk, fact: fact, set: []Assign{{Field: "sandboxing.protect_system", Directive: "ProtectSystem", Items: []string{level}}}}
	if level == "strict" && len(keep) > 0 {
		v.set = append(v.set, Assign{Field: "sandboxing.read_write_paths", Directive: "ReadWritePaths", Items: keep, List: true, Append: true})
	}
	return v
}

func hasAny(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

func protectHome(s *subject) verdict {
	if v := s.unit.Settings.ProtectHome.Value; v == "yes" || v == "tmpfs" {
		return nothing()
	}
	use, ok := s.below("/home", "/root", "/run/user")
	if !ok && s.home != "" && hasAny(s.home, "/home/", "/root/") {
		use, ok = pathUse{s.home, "User"}, true
	}
	switch {
	case s.unit.Scope == unit.User:
		return breaking("a service of a user lives in the user's home directory", "yes")
	case ok && strings.HasPrefix(use.why, "Exec"):
		if s.unit.Settings.ProtectHome.Value == "read-only" {
			return nothing()
		}
		return unsure(use.why+"= names "+use.path+", so home directories can only be made read-only: does it write there?", "read-only")
	case ok && use.why == "User":
		return breaking("the home directory of "+s.user+" is "+use.path, "yes")
	case ok:
		return breaking(use.why+"= names "+use.path, "yes")
	case s.unit.Settings.ProtectHome.Value == "read-only":
		return unsure("the unit asks for read-only: does it read home directories?", "yes")
	case s.known != nil, s.analyzable():
		return harmless("nothing in the unit is about home directories", "yes")
	}
	if why := s.opaque(); why != "" {
		return unsure(why+": does it use home directories?", "yes")
	}
	return harmless("nothing in the unit is about home directories", "yes")
}

func (s *subject) device() (string, bool) {
	if use, ok := s.below("/dev"); ok && !hasAny(use.path+"/", "/dev/null/", "/dev/stdout/", "/dev/stderr/", "/dev/stdin/", "/dev/log/", "/dev/shm/", "/dev/urandom/", "/dev/random/", "/dev/zero/", "/dev/full/", "/dev/fd/", "/dev/tty/", "/dev/ptmx/", "/dev/pts/") {
		return use.why + "= names " + use.path, true
	}
	if list := s.unit.Get("Service", "DeviceAllow"); len(list) > 0 {
		return "DeviceAllow= gives it " + list[0].Value, true
	}
	for i := range s.programs {
		if runtimeNamed(s.programs[i].Runtime) != nil {
			continue // their libraries are there for every program
		}
		for _, d := range deviceLibraries {
			if lib, ok := s.programs[i].usesLibrary(d.library); ok {
				return s.programs[i].Path + " is linked with " + lib + ", which talks to " + d.device, true
			}
		}
	}
	return "", false
}

func privateDevices(s *subject) verdict {
	if why, ok := s.device(); ok {
		return breaking(why, "yes")
	}
	if s.known != nil || !s.root {
		return harmless("nothing in the unit is about devices", "yes")
	}
	if why := s.opaque(); why != "" {
		return unsure(why+", as root: does it use devices?", "yes")
	}
	return harmless("nothing in the unit is about devices", "yes")
}

// devicePolicy is for services that need some device.
func devicePolicy(s *subject) verdict {
	st := &s.unit.Settings
	if st.PrivateDevices.Value || st.DevicePolicy.Value != "auto" || s.trace == nil {
		return nothing()
	}
	devices := usedDevices(s.trace)
	if len(devices) == 0 {
		return nothing()
	}
	set := []Assign{{Field: "sandboxing.device_policy", Directive: "DevicePolicy", Items: []string{"closed"}}}
	allow := Assign{Field: "sandboxing.device_allow", Directive: "DeviceAllow", List: true, Append: true}
	for _, d := range devices {
		allow.Items = append(allow.Items, d.Path+" rw")
	}
	return verdict{set: append(set, allow), fact: "the trace shows which devices it uses"}
}

func dynamicUser(s *subject) verdict {
	if !s.root {
		return nothing()
	}
	if why, ok := s.drops(); ok {
		return breaking(why+", which only root can", "yes")
	}
	if p, ok := s.lowPort(); ok {
		return breaking(p.why+", and only root can bind ports below 1024", "yes")
	}
	if s.known != nil {
		return breaking(s.name()+" has directories that belong to root or to another user", "yes")
	}
	return unsure("can it do without root, with the files it finds and makes?", "yes")
}

// roots are capabilities of root with the functions that need them.
var roots = [...]struct {
	capability string
	functions  []string
}{
	{"CAP_CHOWN", []string{"chown", "fchown", "lchown", "fchownat"}},
	{"CAP_NET_BIND_SERVICE", []string{"bind"}},
	{"CAP_SETGID", []string{"setgid", "setegid", "setregid", "setresgid", "setgroups", "initgroups"}},
	{"CAP_SETUID", []string{"setuid", "seteuid", "setreuid", "setresuid"}},
	{"CAP_SYS_CHROOT", []string{"chroot"}},
	{"CAP_SYS_RESOURCE", []string{"setrlimit", "setrlimit64", "prlimit", "prlimit64"}},
	{"CAP_SYS_NICE", []string{"setpriority", "nice", "sched_setscheduler", "sched_setparam"}},
	{"CAP_IPC_LOCK", []string{"mlock", "mlockall", "mlock2"}},
	{"CAP_MKNOD", []string{"mknod", "mknodat"}},
	{"CAP_SETPCAP", []string{"capset", "cap_set_proc", "capng_apply"}},
	{"CAP_SYS_TIME", []string{"settimeofday", "clock_settime", "adjtimex", "ntp_adjtime"}},
	{"CAP_SYS_ADMIN", []string{"mount", "umount", "umount2", "unshare", "setns", "sethostname", "swapon", "swapoff", "pivot_root", "quotactl"}},
	{"CAP_SYS_PTRACE", []string{"ptrace", "process_vm_readv"}},
	{"CAP_SYS_BOOT", []string{"reboot"}},
	{"CAP_SYS_MODULE", []string{"init_module", "finit_module", "delete_module"}},
	{"CAP_SYSLOG", []string{"klogctl"}},
	{"CAP_SYS_RAWIO", []string{"iopl", "ioperm"}},
}

// needed lists the capabilities that the service needs, sorted.
func (s *subject) needed() (caps []string, risk Risk, fact string) {
	ambient := s.unit.Settings.AmbientCapabilities.Value.Names()
	caps = append(caps, ambient...)
	if s.trace != nil {
		for _, u := range s.trace.Capabilities {
			caps = append(caps, u.Name)
		}
	}
	switch {
	case !s.root:
		risk, fact = None, "it runs as "+s.user+" and has no capabilities to lose"
		switch p, low := s.lowPort(); {
		case s.helper != "":
			risk, fact = Likely, s.helper+", whose privileges would be worth nothing"
		case low:
			caps = append(caps, "CAP_NET_BIND_SERVICE")
			fact = p.why + "; no other capability is of use to " + s.user
		case len(ambient) > 0:
			fact = "AmbientCapabilities= says what it needs"
		}
	case s.trace != nil:
		// What access to files of others takes cannot be seen in a trace.
		caps = append(caps, "CAP_DAC_OVERRIDE", "CAP_FOWNER")
		risk, fact = None, "the trace shows what it needs as root, besides access to files of other users, which cannot be seen"
	case s.known != nil:
		caps = append(caps, s.known.caps...)
		if s.known.common || s.known.caps == nil {
			caps = append(caps, rootDaemon[:]...)
		}
		fact = s.name() + " as root is known to need these"
	case s.analyzable():
		caps = append(caps, "CAP_DAC_OVERRIDE", "CAP_FOWNER")
		for _, r := range roots {
			if _, ok := s.imports(r.functions...); ok {
				caps = append(caps, r.capability)
			}
		}
		if slices.Contains(caps, "CAP_SETUID") {
			caps = append(caps, "CAP_KILL")
		}
		risk, fact = Knowledge, "the functions that its programs import need no other ones; its libraries may"
	default:
		caps = append(caps, rootDaemon[:]...)
		risk, fact = Knowledge, "it runs as root: these are enough for files, ports below 1024, signals and changing user; does it need more?"
	}
	slices.Sort(caps)
	return slices.Compact(caps), risk, fact
}

func boundingSet(s *subject) verdict {
	caps, risk, fact := s.needed()
	now := s.unit.Settings.CapabilityBoundingSet.Value
	if now != unit.AllCapabilities {
		// Never give back what the unit takes away.
		have := now.Names()
		kept := slices.DeleteFunc(slices.Clone(caps), func(c string) bool { return !slices.Contains(have, c) })
		if len(kept) >= len(have) {
			return nothing()
		}
		if from := s.unit.Settings.CapabilityBoundingSet.From; len(from) > 0 {
			risk = max(risk, Knowledge)
			fact = "the unit keeps " + strconv.Itoa(len(have)) + " capabilities on purpose: are these enough?"
		}
		caps = kept
	}
	if caps == nil {
		caps = []string{}
	}
	return verdict{items: caps, risk: risk, fact: fact}
}

func addressFamilies(s *subject) verdict {
	if s.unit.Settings.RestrictAddressFamilies.Value.Active() {
		return nothing()
	}
	families := []string{"AF_INET", "AF_INET6", "AF_UNIX"}
	risk, fact := None, "services talk over IP and Unix sockets"
	netlink, strange := "", ""
	if s.known != nil {
		families = append(families, s.known.families...)
		fact = s.name() + " is known to use these"
	} else if why, ok := s.imports("getifaddrs", "if_nameindex", "rtnl_open", "nl_socket_alloc", "mnl_socket_open"); ok {
		netlink = why + ", which lists network interfaces"
	} else {
		for i := range s.programs {
			p := &s.programs[i]
			switch {
			case p.netList:
				netlink = p.Path + " calls net.Interfaces"
			case !p.Analyzable() && p.Runtime != "go" && s.profile < Strict:
				netlink = "code in " + p.Runtime + " may list network interfaces"
				if p.Runtime == "" {
					netlink = p.Path + " may list network interfaces"
				}
			case !p.Analyzable() && p.Runtime != "go":
				risk, strange = Knowledge, "does it list network interfaces? That takes AF_NETLINK, which gains little (0.04)"
			}
		}
	}
	if netlink != "" {
		families = append(families, "AF_NETLINK")
		fact = netlink
	} else if strange != "" {
		fact = strange
	}
	for i := range s.programs {
		for _, lib := range [...]string{"libbluetooth", "libpcap", "libcan"} {
			if l, ok := s.programs[i].usesLibrary(lib); ok {
				risk, fact = Likely, s.programs[i].Path+" is linked with "+l+", which uses another family"
			}
		}
	}
	if s.trace != nil {
		added := ""
		for _, u := range s.trace.Families {
			if !slices.Contains(families, u.Name) {
				families = append(families, u.Name)
				added = " (" + u.Name + " at " + u.Place.String() + ")"
			}
		}
		risk, fact = None, "the trace shows these families"+added
	}
	return verdict{items: families, risk: risk, fact: fact}
}

func namespaces(s *subject) verdict {
	if s.unit.Settings.RestrictNamespaces.Value&unit.NoRestriction == 0 {
		return nothing()
	}
	if s.trace != nil && len(s.trace.Namespaces) > 0 {
		var types []string
		for _, u := range s.trace.Namespaces {
			types = append(types, u.Name)
		}
		slices.Sort(types)
		return harmless("the trace makes these at "+s.trace.Namespaces[0].Place.String(), types...)
	}
	if s.runtimeIs("browser", "wine") {
		return breaking("browsers put their pages into namespaces", "yes")
	}
	if why, ok := s.imports("unshare", "setns"); ok && s.known == nil {
		return breaking(why, "yes")
	}
	for _, p := range s.programs {
		if slices.Contains([]string{"bwrap", "unshare", "nsenter", "ip", "firejail", "flatpak", "runc", "systemd-nspawn"}, path.Base(p.Path)) {
			return breaking(p.Path+" makes or enters namespaces", "yes")
		}
	}
	if why := s.opaque(); why != "" && s.known == nil {
		return unsure(why+": does it start containers or sandboxed helpers?", "yes")
	}
	return harmless("only containers and sandboxes make namespaces", "yes")
}

func systemCalls(s *subject) verdict {
	if s.unit.Settings.SystemCallFilter.Value.Set {
		return nothing()
	}
	items := []string{"@system-service"}
	add := func(calls ...string) {
		for _, c := range calls {
			if !slices.Contains(items, c) {
				items = append(items, c)
			}
		}
	}
	risk, fact := None, ""
	for i := range s.programs {
		p := &s.programs[i]
		r := runtimeNamed(p.Runtime)
		switch {
		case r != nil:
			add(r.calls...)
			if fact == "" {
				fact = p.Runtime + " was run with this filter and worked; what its code calls beyond is unknown, and fails with an error instead of a signal"
			}
			if !r.measured {
				risk, fact = Knowledge, "nobody has tried "+p.Runtime+" with this filter"
			}
		case p.Runtime == "go":
			if fact == "" {
				fact = "Go was run with this filter and worked"
			}
		case s.known != nil:
		default:
			risk, fact = Knowledge, "what does "+p.Path+" do that few services do?"
		}
	}
	if s.known != nil {
		add(s.known.calls...)
		risk, fact = None, s.name()+" is known to work with this filter"
	}
	if why, ok := s.imports("chroot"); ok && s.root && s.known == nil {
		add("chroot")
		fact = why + "; what else does it do that few services do?"
	}
	if s.trace != nil {
		extra := 0
		place := ""
		allowed := permitted(items, s.unit.Version)
		for _, u := range s.trace.Syscalls() {
			if _, ok := slices.BinarySearch(allowed, u.Name); !ok && knownCall(u.Name, s.unit.Version) {
				add(u.Name)
				extra++
				place = " (" + u.Name + " at " + u.Place.String() + ")"
			}
		}
		risk, fact = None, "all calls of the trace are among these"
		if extra > 0 {
			fact = fmt.Sprintf("all calls of the trace are among these, of which %d are not usual%s", extra, place)
		}
	}
	set := []Assign{{Field: "sandboxing.system_calls.filter", Directive: "SystemCallFilter", Items: items, List: true}}
	if len(s.unit.Get("Service", "SystemCallErrorNumber")) == 0 {
		set = append(set, Assign{Field: "sandboxing.system_calls.error", Directive: "SystemCallErrorNumber", Items: []string{"EPERM"}})
	}
	return verdict{set: set, risk: risk, fact: fact}
}

// withoutGroup takes a group of calls out of the filter.
func withoutGroup(s *subject, group string) verdict {
	if !s.unit.Settings.SystemCallFilter.Value.PermitsAny(group) {
		return nothing()
	}
	v := verdict{set: []Assign{{Field: "sandboxing.system_calls.filter", Directive: "SystemCallFilter", Items: []string{"~" + group}, List: true, Append: true}}}
	if group == "@privileged" {
		if why, ok := s.drops(); ok {
			v.risk, v.fact = Likely, why+", which needs calls of this group"
			return v
		}
		if why, ok := s.imports("chroot", "capset", "mount", "umount2", "bpf", "chown", "fchown", "fchownat", "lchown", "setgroups", "setuid", "initgroups"); ok {
			v.risk, v.fact = Knowledge, why+", of this group"
			return v
		}
		if s.root {
			v.risk, v.fact = Knowledge, "it runs as root: does it change owners of files, or users?"
			return v
		}
		v.fact = "without root these calls do not succeed"
		if !s.analyzable() && s.known == nil {
			v.risk, v.fact = Knowledge, "without root these calls do not succeed, but does the program mind the error (chown)?"
		}
		return v
	}
	if why, ok := s.imports("setrlimit", "setrlimit64", "prlimit", "prlimit64", "setpriority", "nice", "sched_setaffinity", "sched_setscheduler", "mbind", "set_mempolicy", "ioprio_set", "pthread_setaffinity_np", "numa_run_on_node"); ok {
		v.risk, v.fact = Knowledge, why+", of this group: does it end when that fails?"
		return v
	}
	if s.analyzable() {
		v.fact = "no program of it imports functions of this group"
		return v
	}
	v.risk, v.fact = Knowledge, "does it set limits, priorities or the processors it runs on (thread pools, NUMA)?"
	return v
}

func umask(s *subject) verdict {
	now := s.unit.Settings.UMask.Value
	want, text := uint32(0o027), "0027"
	if s.profile == Strict {
		want, text = 0o077, "0077"
	}
	if now&want == want {
		return nothing()
	}
	if s.profile < Strict && now&0o007 == 0o007 {
		return nothing() // others have nothing already; what the group has was chosen
	}
	fact := "do others read files that it makes, or use its sockets?"
	if s.profile < Strict && (s.known != nil || s.is(NetworkClient) || s.is(Worker) || s.is(TimerJob)) {
		return harmless("the group keeps its access, only others lose it", text)
	}
	return unsure(fact, text)
}

func denyWriteExecute(s *subject) verdict {
	if s.jit != "" {
		return breaking(s.jit, "yes")
	}
	if s.is(JITRuntime) {
		return breaking("services of the kind "+JITRuntime.String()+" make machine code while they run", "yes")
	}
	for i := range s.programs {
		if lib, ok := s.programs[i].usesLibrary("libffi"); ok && s.programs[i].Runtime != "python" && s.programs[i].Runtime != "ruby" {
			return unsure(s.programs[i].Path+" is linked with "+lib+", which makes code on some systems", "yes")
		}
		for _, lib := range [...]string{"libLLVM", "libgccjit", "libtcc", "liborc"} {
			if l, ok := s.programs[i].usesLibrary(lib); ok {
				return breaking(s.programs[i].Path+" is linked with "+l+", which makes machine code", "yes")
			}
		}
	}
	switch {
	case s.known != nil:
		return harmless(s.name()+" makes no machine code", "yes")
	case s.runtimeIs("go"):
		return harmless("Go makes no machine code at run time", "yes")
	case s.runtimeIs("python", "ruby", "php"):
		return unsure("the interpreter works; do extension modules make machine code?", "yes")
	case s.runtimeIs("perl"):
		return harmless("the interpreter works", "yes")
	}
	return unsure("does it make machine code, or load plug-ins that do?", "yes")
}

func privateUsers(s *subject) verdict {
	switch {
	case s.unit.Scope == unit.User:
		return unsure("other users show as nobody, and the kernel must allow user namespaces", "yes")
	case s.root:
		if why, ok := s.drops(); ok {
			return breaking(why+", who is not there in a user namespace", "yes")
		}
		return breaking("it runs as root, who has no power over the machine in a user namespace", "yes")
	case s.unit.Settings.AmbientCapabilities.Value != 0:
		return breaking("AmbientCapabilities= is worth nothing in a user namespace", "yes")
	}
	if p, low := s.lowPort(); low {
		return breaking(p.why+", which is not to be had in a user namespace", "yes")
	}
	return unsure("does it care who owns files of other users? They show as nobody", "yes")
}

func socketBind(s *subject) verdict {
	if len(s.unit.Get("Service", "SocketBindDeny")) > 0 {
		return nothing()
	}
	set := []Assign{{Field: "sandboxing.socket_bind_deny", Directive: "SocketBindDeny", Items: []string{"any"}, List: true}}
	if s.is(Web) || len(s.ports) > 0 {
		if len(s.ports) == 0 || s.known != nil && s.trace == nil {
			return nothing() // its configuration says which ports
		}
		allow := Assign{Field: "sandboxing.socket_bind_allow", Directive: "SocketBindAllow", List: true}
		for _, p := range s.ports {
			if n := strconv.Itoa(p.number); !slices.Contains(allow.Items, n) {
				allow.Items = append(allow.Items, n)
			}
		}
		return verdict{set: append([]Assign{allow}, set...), risk: Knowledge, fact: s.ports[0].why + ": does it bind others?"}
	}
	return verdict{set: set, risk: Knowledge, fact: "does it bind ports?"}
}

func addresses(s *subject) verdict {
	if len(s.unit.Get("Service", "IPAddressDeny")) > 0 || s.is(NetworkClient) || len(s.ports) == 0 {
		return nothing()
	}
	for _, p := range s.ports {
		if !p.local {
			return nothing()
		}
	}
	return verdict{
		set: []Assign{
			{Field: "sandboxing.ip_address_allow", Directive: "IPAddressAllow", Items: []string{"localhost"}, List: true},
			{Field: "sandboxing.ip_address_deny", Directive: "IPAddressDeny", Items: []string{"any"}, List: true},
		},
		risk: Knowledge, fact: s.ports[0].why + " of the loopback address: does it reach other machines (databases, DNS, mail)?",
	}
}
