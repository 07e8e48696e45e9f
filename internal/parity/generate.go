package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
)

// testCase is one generated unit: its own file, and for cases with drop-ins,
// aliases or templates the files beside it.
type testCase struct {
	name  string            // the file that is analysed
	files map[string]string // by path; a value "-> TARGET" is a link
	alone bool              // needs a directory of its own
}

// generator makes hostile units. Equal seeds make equal units, on which the
// golden table relies.
type generator struct {
	r *rand.Rand
	n int
}

func newGenerator(seed uint64) *generator {
	return &generator{r: rand.New(rand.NewPCG(seed, 0x64616d6f))}
}

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

var booleans = []string{
	"yes", "no", "true", "false", "1", "0", "on", "off", "YES", "No", "t", "F", "y", "n", "True", "oN",
	"", "maybe", "2", "yes please", "ja", "-1", "01", "\"yes\"", "yes;", "yes # comment", "enabled", "tru", "٠",
}

var capabilityWords = []string{
	"CAP_SYS_ADMIN", "cap_net_admin", "Cap_Kill", "CAP_SYS_TIME", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_CHOWN", "CAP_FOWNER",
	"CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_SYS_PTRACE", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_MKNOD", "CAP_AUDIT_READ",
	"CAP_BPF", "CAP_PERFMON", "CAP_LEASE", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_MAC_ADMIN", "CAP_SYS_BOOT",
	"CAP_IPC_LOCK", "CAP_SYS_CHROOT", "CAP_SYS_NICE", "CAP_DAC_OVERRIDE", "CAP_LINUX_IMMUTABLE", "CAP_SYS_TTY_CONFIG", "CAP_SYS_PACCT",
	"SYS_ADMIN", "CAP_BOGUS", "21", "0x15", "025", "63", "62", "64", "40", "41", "-1", "+5", "all", "CAP_SYS_*", "\"CAP_KILL\"", "'CAP_CHOWN CAP_KILL'", "\"CAP_KILL", "CAP_\\KILL", "~CAP_KILL", "1e1",
}

var familyWords = []string{
	"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "af_inet", "AF_LOCAL", "AF_FILE", "AF_ROUTE", "AF_VSOCK", "AF_BLUETOOTH", "AF_CAN",
	"AF_UNSPEC", "AF_BOGUS", "none", "INET", "AF_DECnet", "AF_DECNET", "2", "\"AF_UNIX\"", "AF_KEY", "AF_ALG", "AF_XDP", "\"AF_INET", "Af_UniX", "~AF_INET", "AF_MCTP",
}

var callWords = []string{
	"@system-service", "@privileged", "@resources", "@mount", "@clock", "@debug", "@module", "@raw-io", "@reboot", "@swap", "@obsolete",
	"@cpu-emulation", "@default", "@basic-io", "@file-system", "@known", "@setuid", "@chown", "@pkey", "@sandbox", "@bogus", "@", "@Mount",
	"mount", "umount2", "chown", "setuid", "swapon", "swapoff", "reboot", "kexec_load", "kexec_file_load", "ptrace", "perf_event_open", "pidfd_getfd", "lookup_dcookie",
	"init_module", "finit_module", "delete_module", "iopl", "ioperm", "modify_ldt", "clock_settime", "adjtimex", "settimeofday", "clock_adjtime", "bogus_call",
	"read", "write", "nice", "setpriority", "quotactl_fd", "open_tree_attr", "open_tree", "mount_setattr", "vm86", "rtas", "stime", "uselib", "ustat", "mbind", "set_mempolicy_home_node",
	"mount:EPERM", "mount:0", "mount:4095", "mount:4096", "mount:-1", "mount:kill", "mount:EBOGUS", "mount:", ":EPERM", "@mount:EACCES", "chown:1", "@clock:kill", "mount:0x10", "mount:eperm",
	"\"mount\"", "mo\\unt", "mount\\", "@privileged:EPERM", "@obsolete:EWOULDBLOCK", "@debug:ENOSYS", "@swap:EHWPOISON", "fork", "ftime", "futex_waitv", "fchmodat2", "io_uring_setup",
}

var archWords = []string{"native", "x86-64", "x86", "x32", "arm", "arm64", "riscv64", "s390x", "ppc64-le", "mips64-n32", "loongarch64", "bogus", "Native", "amd64", "\"native\"", "parisc", "na\\tive", "m68k", "arc"}

var addressWords = []string{
	"any", "localhost", "link-local", "multicast", "0.0.0.0/0", "::/0", "127.0.0.1", "127.0.0.1/8", "::1", "::1/128", "127.0.0.1/4", "10.0.0.0/8", "1.2.3.4/0", "fe80::/10",
	"1.2.3.4/33", "bogus", "Any", "127.0.0.1/32", "::1/0", "::1/127", "0/0", "10/8", "1.2.3", "::ffff:127.0.0.1", "::/129", "192.168.1.1/", "127.1", "0.0.0.0", "::", "\"any\"", "fe80::1%eth0", "01.2.3.4", "1.2.3.4/+8", "1.2.3.4/08",
}

var namespaceWords = []string{"user", "mnt", "ipc", "pid", "cgroup", "net", "uts", "time", "User", "bogus", "\"user\"", "us\\er", "newuser"}

var users = []string{
	"root", "0", "nobody", "daemon", "www-data", "", "00", "65535", "65534", "4294967295", "4294967296", "1000", "a b", "a:b", "a/b", "x.y", ".", "..", "-1", "-x", "ü", "foo@bar",
	"%i", "%p", "%n", "%%", "%u", "%U", "%Q", "%", "100%", "% x", "%j", "%N", "user name with spaces", "root ", "\"root\"", "0x0", "+0", "٣", "a\tb", "%H", "%P", "%J",
}

var paths = []string{
	"/", "//", "/.", "/./", "/srv", "/srv/", "/srv//x/./y", "/srv/../x", "/..", "srv", "", "/%i", "/%p", "%t/x", "%S", "/a b", "\"/quoted\"", "/ü", "-/srv", "~", "%h", "/...", "/.../x", "%Q", "/x%Q", "/x%", "%%", "/%%", "./x", "/dev/null", "/proc/1", "/sys/fs",
}

var commands = []string{
	"/bin/true", "/bin/true --flag 'a b'", "true", "-/bin/true", "@/bin/true argv0", "+/bin/true", "!/bin/true", "!!/bin/true", ":/bin/true $X", "-@/bin/true", "@/bin/true", "-+:@/bin/true x",
	"bin/true", "./true", "/bin/", "/bin/.", "/bin/..", "/", "", "-", "@", "--/bin/true", "++/bin/true", "+!/bin/true", "!!!/bin/true", "!-!/bin/true", "-bin/true", "\"/bin/true\"", "\"/bin/tr ue\"", "\"/bin/true", "/bin/true \"unbal", "-/bin/true \"unbal",
	"/bin/true ; /bin/false", "/bin/true ;", "; /bin/true", ";", "/bin/true \\; x", "/bin/true ; bin/false", "/bin/true;/bin/false", "/bin/true %i", "/bin/true %Q", "-/bin/true %Q", "%p", "/bin/%p", "/bin/%Q", "%i", "/%i", "/bin/true %",
	"/bin/true \\x41", "/bin/tr\\x75e", "/bin/true \\q", "/bin/\\q", "/bin/true\\", "/bin/tr'u'e", "/bin/true \\x00", "/bin/true \\400", "/bin/'true", "|/bin/true", "|", "|echo hi", "-|", "@|", "@|x", "@|x y", "|-/bin/true", "/bin/true*", "/bin/[true", "tru?e", "~/x", "$X", "${X} y", "/bin/$X",
	"/bin/true ;; /bin/x", "/bin/true ; ; /bin/x", "/bin/true ;\t/bin/x", "'' x", "/bin/tr\\ue", "/bin/true \\u00e9", "/bin/\\u00e9", "/bin/tr\\tue", "/bin/true \\t", "|+/bin/true", "|\"unbal", "| ", "|;", "!|x", "||x",
}

// values maps a setting to hostile values for it.
func (g *generator) value(key string) string {
	list := func(words []string, max int, invert bool) string {
		n := g.r.IntN(max + 1)
		var out []string
		for range n {
			out = append(out, pick(g, words))
		}
		s := strings.Join(out, pick(g, []string{" ", " ", " ", "  ", "\t"}))
		if invert && g.chance(35) {
			s = pick(g, []string{"~", "~", "~", "~ ", "~~"}) + s
		}
		return s
	}
	switch key {
	case "User", "Group":
		return pick(g, users)
	case "SupplementaryGroups":
		return list(users, 3, false)
	case "CapabilityBoundingSet", "AmbientCapabilities":
		return list(capabilityWords, 6, true)
	case "RestrictAddressFamilies":
		return list(familyWords, 5, true)
	case "SystemCallFilter":
		return list(callWords, 6, true)
	case "SystemCallArchitectures":
		return list(archWords, 3, false)
	case "IPAddressAllow", "IPAddressDeny":
		return list(addressWords, 3, false)
	case "RestrictNamespaces":
		if g.chance(40) {
			return pick(g, booleans)
		}
		return list(namespaceWords, 4, true)
	case "RootDirectory", "RootImage", "WorkingDirectory", "PIDFile", "IPIngressFilterPath", "IPEgressFilterPath", "RootMStack", "RootVerity":
		return pick(g, paths)
	case "ProtectHome":
		return pick(g, append([]string{"read-only", "tmpfs", "Read-Only", "strict", "readonly", "full"}, booleans...))
	case "ProtectSystem":
		return pick(g, append([]string{"strict", "full", "Strict", "FULL", "read-only"}, booleans...))
	case "PrivateTmp":
		return pick(g, append([]string{"connected", "disconnected", "Connected"}, booleans...))
	case "PrivateUsers":
		return pick(g, append([]string{"self", "identity", "full", "managed", "Self"}, booleans...))
	case "ProtectControlGroups":
		return pick(g, append([]string{"private", "strict"}, booleans...))
	case "ProtectHostname":
		return pick(g, append([]string{"private", "private:host", "yes:host", "no:host", "yes:bad_host", "yes:-x", "private:", "yes:%H", "private:a..b", "yes:a.b.c", "true:x", "private:ho st", "yes:%Q", ":x", "private:x.", "yes:" + strings.Repeat("a", 64), "yes:" + strings.Repeat("a", 65)}, booleans...))
	case "ProtectProc":
		return pick(g, []string{"default", "noaccess", "invisible", "ptraceable", "", "yes", "Invisible", "no"})
	case "ProcSubset":
		return pick(g, []string{"all", "pid", "", "PID", "yes", "none"})
	case "KeyringMode":
		return pick(g, []string{"private", "inherit", "shared", "", "yes", "Shared"})
	case "NotifyAccess":
		return pick(g, []string{"none", "main", "exec", "all", "", "ALL", "yes"})
	case "DevicePolicy":
		return pick(g, []string{"auto", "closed", "strict", "", "Closed", "yes"})
	case "DeviceAllow":
		return pick(g, []string{"/dev/null rw", "/dev/null", "char-tty", "block-loop rwm", "/tmp/x", "", "/dev/null xyz", "\"/dev/sda\" r", "dev/null", "/dev/../etc", "char-", "/dev", "/dev/", "/dev/%i r", "/dev/null r w", "/dev/null rw m", "char-tty rwmx", "*", "/run/systemd/inaccessible/chr", "%Q", "\"/dev/x", "/dev/null rrr"})
	case "UMask":
		return pick(g, []string{"0022", "0077", "077", "0", "0007", "0002", "0004", "0020", "0040", "07777", "10000", "", "0x12", "rwx", "0o22", "+022", "022 ", "8", "-022", "0000000077"})
	case "Delegate":
		return pick(g, append([]string{"cpu memory", "pids bogus", "bogus"}, booleans...))
	case "MountImages":
		return pick(g, []string{"/a.raw:/mnt", "-/a.raw:/mnt", "a:b", "/a.raw", "", "/a.raw:/mnt:opt", "/a:/b /c:/d", "\"/a b:/c\"", "/a:/../b", "/a:b", ":/b", "/a:"})
	case "LoadCredentialEncrypted", "LoadCredential":
		return pick(g, []string{"x:/etc/x", "x", "x:y", "", "x:../y", ":/x", "a/b:/x", "x:/a/../b", "x:/a/./b", "%i:/x", "%p:/x", "x:%Q", "y:/etc/y", ".", "x:", "\"x\":/y", "x y:/z"})
	case "SetCredentialEncrypted":
		return pick(g, []string{"x:aGk=", "x:!!", "x", "", "x:", "y:aGVsbG8=", "x:aG k=", "x:a", ":aGk=", "x:aGk", "x:aGk=x"})
	case "SetCredential":
		return pick(g, []string{"x:hi", "x", "", "x:", "y:a b"})
	case "ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition":
		return pick(g, commands)
	case "Type":
		return pick(g, []string{"simple", "exec", "forking", "oneshot", "oneshot", "dbus", "notify", "notify-reload", "idle", "", "Simple", "bogus"})
	case "Restart":
		return pick(g, []string{"no", "always", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "", "yes", "Always"})
	case "ExitType":
		return pick(g, []string{"main", "cgroup", "", "bogus"})
	case "KillMode":
		return pick(g, []string{"control-group", "mixed", "process", "none", "", "bogus"})
	case "PAMName":
		return pick(g, []string{"login", "", "%p", "%Q", "a b"})
	case "BusName":
		return pick(g, []string{fmt.Sprintf("com.example.g%d", g.n), "", "bogus", fmt.Sprintf("com.example.g%d.%%p", g.n), "1.2", fmt.Sprintf(":1.%d", g.n), fmt.Sprintf("com.exa-mple.g%d", g.n), "com..x", "%Q"})
	case "RestartForceExitStatus":
		return pick(g, []string{"1", "", "SIGKILL", "KILL", "256", "bogus", "RTMIN+3", "CHDIR", "0x1", "-1", "\"2\"", "1 2 bogus", "CAP", "sigkill", "RTMAX+1", "RTMIN"})
	case "SuccessAction":
		return pick(g, []string{"none", "reboot", "exit", "exit-force", "poweroff", "halt", "soft-reboot", "kexec-force", "", "bogus", "reboot-immediate"})
	case "RootImagePolicy", "MountImagePolicy", "ExtensionImagePolicy":
		return pick(g, []string{"*", "-", "~", "", "root=verity", "root=verity+signed", "root=bogus", "bogus=verity", "root=verity:usr=unused", "root", "=ignore", "root=verity:root=signed", "root=", "root = verity", ":", "root=verity:", "swap=encryptedwithintegrity", "tmp=open", "root=read-only-on+verity"})
	case "AppArmorProfile", "SELinuxContext", "SmackProcessLabel":
		return pick(g, []string{"foo", "-foo", "%Q", "-%Q", "%i", "", "-"})
	}
	return pick(g, booleans)
}

// tame are values that load.
var tame = map[string][]string{
	"User":                {"root", "0", "nobody", "www-data", "1000", "%p", "%U", "foo@bar", "", "a b", "65534"},
	"Group":               {"root", "daemon", "", "1000"},
	"SupplementaryGroups": {"a", "a b", "", "1000 audio", "%p"},
	"RootDirectory":       {"/", "//", "/srv", "", "%h", "/srv//x/./y", "/a b"},
	"RootImage":           {"/", "/x.raw", "", "/./"},
	"DynamicUser":         {"yes", "no", "on", "FALSE", "1", "T"},
}

var sandboxKeys = []string{
	"User", "User", "Group", "SupplementaryGroups", "DynamicUser", "PrivateDevices", "PrivateDevices", "PrivateMounts", "PrivateNetwork", "PrivateTmp", "PrivateUsers",
	"ProtectControlGroups", "ProtectKernelModules", "ProtectKernelTunables", "ProtectKernelLogs", "ProtectClock", "ProtectClock", "ProtectHome", "ProtectHostname", "ProtectSystem",
	"RootDirectory", "RootImage", "LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges", "CapabilityBoundingSet", "CapabilityBoundingSet", "CapabilityBoundingSet", "CapabilityBoundingSet",
	"AmbientCapabilities", "UMask", "KeyringMode", "ProtectProc", "ProcSubset", "NotifyAccess", "RemoveIPC", "Delegate", "RestrictRealtime", "RestrictSUIDSGID",
	"RestrictNamespaces", "RestrictNamespaces", "RestrictAddressFamilies", "RestrictAddressFamilies", "RestrictAddressFamilies", "SystemCallFilter", "SystemCallFilter", "SystemCallFilter", "SystemCallFilter",
	"SystemCallArchitectures", "IPAddressAllow", "IPAddressDeny", "IPAddressDeny", "IPIngressFilterPath", "DevicePolicy", "DeviceAllow", "MountImages",
	"LoadCredentialEncrypted", "LoadCredential", "SetCredentialEncrypted", "SetCredential", "BogusKey", "privatetmp", "X-Private", "PrivatePIDs", "PrivateIPC",
}

var serviceKeys = []string{
	"ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition", "Type", "Restart", "ExitType", "KillMode", "PAMName", "BusName", "RestartForceExitStatus",
	"RemainAfterExit", "WorkingDirectory", "PIDFile", "RootMStack", "RootVerity", "RootImagePolicy", "AppArmorProfile", "SELinuxContext", "SmackProcessLabel", "ExtensionImagePolicy",
}

// line formats an assignment, often with traps for the lexer.
func (g *generator) line(key, value string) string {
	switch {
	case g.chance(75):
		return key + "=" + value + "\n"
	case g.chance(15):
		return "  " + key + " =  " + value + " \t\n"
	case g.chance(15):
		return key + "=" + value + "\r\n"
	case g.chance(15):
		return key + "=\\\n" + value + "\n"
	case g.chance(15):
		return key + "=" + value + " \\\n# comment \\\n  ; another\n\n\n"
	case g.chance(15):
		return key + "=" + value + "\\\n \n"
	case g.chance(10):
		return key + "=" + value + "\\\\\n"
	case g.chance(10):
		return "#" + key + "=" + value + "\\\n" + key + "=" + g.value(key) + "\n"
	case g.chance(15):
		return key + "=" + strings.ReplaceAll(value, " ", " \\\n   ") + "\n"
	case g.chance(10):
		return key + "\n" + key + ":" + value + "\n"
	case g.chance(10):
		return key + "=" + value + "\r" + key + "=" + g.value(key) + "\n"
	case g.chance(10):
		return key + "=" + value + "\n\r" + key + "=" + g.value(key) + "\r\n\r\n"
	case g.chance(10):
		return "\ufeff" + key + "=" + value + "\n"
	case g.chance(5):
		return key + "=" + value + "\x00" + key + "=" + g.value(key) + "\n"
	case g.chance(4):
		return key + "=" + value + "\xff\n"
	case g.chance(4):
		return key + "=" + value + "\ufffe\n"
	case g.chance(10):
		return "\n\n;" + key + "=" + value + "\n" + key + "= =" + value + "\n"
	}
	return key + "=" + value
}

// section returns a section header, sometimes a wrong one.
func (g *generator) section(name string) string {
	switch {
	case g.chance(90):
		return "[" + name + "]\n"
	case g.chance(30):
		return " [" + name + "] \n"
	case g.chance(20):
		return "[" + strings.ToLower(name) + "]\nUser=root\n[" + name + "]\n"
	case g.chance(20):
		return "[X-Foo]\nPrivateTmp=yes\n[" + name + "]\r\n"
	case g.chance(20):
		return "\ufeff[" + name + "]\n"
	case g.chance(8):
		return "[" + name + "\n"
	case g.chance(8):
		return "[" + name + "\"]\n[" + name + "]\n"
	case g.chance(20):
		return "[]\nPrivateTmp=yes\n[Foo]\nPrivateUsers=yes\n[" + name + "]\n"
	case g.chance(20):
		return "PrivateTmp=yes\n[" + name + "]\n[Socket]\nUser=x\n[" + name + "]\n"
	case g.chance(20):
		return "[" + name + "] # comment\n[" + name + "]\n"
	case g.chance(20):
		return "[" + name + " ]\nUser=x\n[" + name + "]\n"
	}
	return "[" + name + "]\n"
}

// settings returns n assignments.
func (g *generator) settings(n int) string {
	var b strings.Builder
	for range n {
		key := pick(g, sandboxKeys)
		if g.chance(5) {
			key = pick(g, serviceKeys)
		}
		switch key {
		case "User", "Group", "SupplementaryGroups", "RootDirectory", "RootImage", "DynamicUser":
			// These refuse the unit on most hostile values, which hides the rest.
			if g.chance(70) {
				b.WriteString(key + "=" + pick(g, tame[key]) + "\n")
				continue
			}
		}
		b.WriteString(g.line(key, g.value(key)))
		if g.chance(20) {
			// Merging and resetting is where loading goes wrong.
			for range 1 + g.r.IntN(2) {
				b.WriteString(g.line(key, g.value(key)))
			}
		}
	}
	return b.String()
}

func (g *generator) unitFile() string {
	var b strings.Builder
	if g.chance(20) {
		b.WriteString(g.section("Unit"))
		b.WriteString(pick(g, []string{"", "Description=x\n", "DefaultDependencies=no\n", "DefaultDependencies=" + pick(g, booleans) + "\n", "SuccessAction=" + g.value("SuccessAction") + "\n"}))
	}
	b.WriteString(g.section("Service"))
	if g.chance(92) {
		b.WriteString("ExecStart=/bin/true\n")
	} else if g.chance(60) {
		b.WriteString(pick(g, []string{"ExecStop=/bin/true\nRemainAfterExit=yes\n", "Type=oneshot\nRemainAfterExit=yes\n", "Type=oneshot\nExecStart=/bin/true\nExecStart=/bin/false\n", "ExecStart=/bin/true\nExecStart=\n", "ExecStop=/bin/true\n"}))
	}
	b.WriteString(g.settings(g.r.IntN(14)))
	if g.chance(5) {
		b.WriteString("[Install]\nWantedBy=multi-user.target\nUser=x\n[Service]\n" + g.settings(2))
	}
	return b.String()
}

// otherUnit makes a socket, mount or swap.
func (g *generator) otherUnit(base, name string) string {
	switch {
	case strings.HasSuffix(name, ".socket"):
		var s strings.Builder
		s.WriteString("[Socket]\n")
		for range 1 + g.r.IntN(2) {
			s.WriteString(pick(g, []string{"ListenStream=", "ListenStream=", "ListenDatagram=", "ListenFIFO=", "ListenSequentialPacket="}) +
				pick(g, []string{"80", "/run/x", "@x", "127.0.0.1:80", "[::1]:80", "vsock:2:80", "", "bogus", "0", "65536", "1.2.3.4", "%t/%p", "[::1]"}) + "\n")
		}
		return s.String() + pick(g, []string{"", "", "Accept=yes\n", "Accept=yes\nService=x.service\n", "Service=x.service\n"}) + g.settings(g.r.IntN(6))
	case strings.HasSuffix(name, ".mount"):
		return "[Mount]\n" + pick(g, []string{"What=/dev/x\n", "What=/dev/x\n", "What=tmpfs\n", ""}) +
			pick(g, []string{"Where=/" + base + "\n", "Where=//" + base + "/\n", "Where=/other\n", "Where=" + base + "\n", "Where=/%p\n", ""}) + g.settings(g.r.IntN(6))
	}
	return "[Swap]\n" + pick(g, []string{"What=/" + base + "\n", "What=/" + base + "/.\n", "What=/other\n", "", "What=/%p\n"}) + g.settings(g.r.IntN(6))
}

// many makes n cases.
func (g *generator) many(n int) []testCase {
	out := make([]testCase, n)
	for i := range out {
		out[i] = g.next()
	}
	return out
}

// next makes the next case.
func (g *generator) next() testCase {
	g.n++
	base := fmt.Sprintf("g%05dx", g.n)
	c := testCase{name: base + ".service", files: map[string]string{}}
	dropIn := func() string {
		s := g.section("Service") + g.settings(1+g.r.IntN(4))
		if g.chance(10) {
			s = g.section("Unit") + "DefaultDependencies=no\n" + s
		}
		return s
	}
	switch {
	case g.chance(6):
		c.name = base + pick(g, []string{".socket", ".socket", ".mount", ".swap"})
		c.files[c.name] = g.otherUnit(base, c.name)
	case g.chance(75):
		c.files[c.name] = g.unitFile()
	case g.chance(20):
		c.name = base + "@.service"
		c.files[c.name] = g.unitFile() + "User=%i\n"
		if g.chance(50) {
			c.alone = true
			c.files[base+"@.service.d/10-a.conf"] = dropIn()
		}
		if g.chance(30) {
			c.alone = true
			c.files[base+"@i.service.d/20-a.conf"] = dropIn()
			c.files[base+"@test_instance.service.d/20-a.conf"] = dropIn()
		}
	case g.chance(15):
		c.name = base + "@" + pick(g, []string{"root", "0", "a-b", "a\\x2fb", "\\xzz", "-", "x@y", "a.b", "%i"}) + ".service"
		c.alone = true
		c.files[base+"@.service"] = g.unitFile() + pick(g, []string{"User=%i\n", "User=%I\n", "RootDirectory=%f\n", "User=%j\n", ""})
		c.files[c.name] = "-> " + base + "@.service"
		c.files[base+"@.service.d/10.conf"] = dropIn()
	case g.chance(15):
		c.alone = true
		real := base + "-real.service"
		c.files[real] = g.unitFile()
		c.files[c.name] = "-> " + pick(g, []string{real, "./" + real, "../../dev/null", "/dev/null", "missing.service", base + "-real@.service", base + "-real.socket", c.name})
		c.files[c.name+".d/a.conf"] = dropIn()
		c.files[real+".d/b.conf"] = dropIn()
	case g.chance(5):
		c.alone = true
		c.files[c.name] = pick(g, []string{"", "\n", "#\n"})
	default:
		c.alone = true
		c.name = base + pick(g, []string{"-foo-bar.service", "-foo-.service", "--foo.service", "-a@.service", "-a-b@c-d.service", ".service"})
		c.files[c.name] = g.unitFile()
		stem := strings.TrimSuffix(c.name, ".service")
		for _, dir := range []string{c.name + ".d", base + "-.service.d", base + "-foo-.service.d", "service.d", base + "-@.service.d", base + "-a-@.service.d", base + "-a-b@.service.d", base + "-a-@c-d.service.d", stem + ".d", "socket.d"} {
			if !g.chance(45) {
				continue
			}
			for range 1 + g.r.IntN(2) {
				name := dir + "/" + pick(g, []string{"10-a.conf", "20-b.conf", "10-a.conf", "a.conf", "Z.conf", "0.conf", "x.txt", ".hidden.conf", "a b.conf", "a.conf~"})
				switch {
				case g.chance(80):
					c.files[name] = dropIn()
				case g.chance(40):
					c.files[name] = ""
				case g.chance(50):
					c.files[name] = "-> /dev/null"
				default:
					c.files[name] = "-> ../" + c.name
				}
			}
		}
	}
	return c
}

var sweepValues = []string{
	"", "x", "../..", "/a/../b", "rel/path", "%Q", "~", "-x", "\"unbal", "/", "yes", "maybe", "1", "-1", "99999999999999999999", "a b", "%i", "/x\\q", "@",
	"none", "/" + strings.Repeat("a", 300), "a:b:c:d", "é", "*", "[::1", "%o", "%I", "always", "/proc/x", "foo.service", "home", "self", "private", "disconnected",
	"strict", "notify", "forking", "dbus", "root", "infinity", "/%", "%", "%f", "%h/x", "%y", "%c", "%d/x", "%D", "%g", "%s",
}

// sweep makes one unit for each setting and each of the values above.
func sweep() []testCase {
	var out []testCase
	for _, section := range []string{"Service", "Unit", "Install"} {
		seen := map[string]bool{}
		for version := unit.Oldest; version <= unit.Newest; version++ {
			for _, key := range unit.Directives(section, version) {
				// Offline, 262 fails on every valid name of OOM rules, because it asks
				// the running system.
				if seen[key] || key == "OOMRules" {
					continue
				}
				seen[key] = true
				for _, v := range sweepValues {
					c := testCase{name: fmt.Sprintf("w%05dx.service", len(out))}
					c.files = map[string]string{c.name: "[Service]\nExecStart=/bin/true\n[" + section + "]\n" + key + "=" + v + "\n"}
					out = append(out, c)
				}
			}
		}
	}
	return out
}
