package spec

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
)

// signalNames are the signals of signal(7) on Linux, by number on x86 and arm.
const signalNames = " SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE" +
	" SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM" +
	" SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS "

// capabilityNames are those of capabilities(7) up to Linux 6.18, by number.
const capabilityNames = " CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID" +
	" CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK" +
	" CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT" +
	" CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL" +
	" CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON" +
	" CAP_BPF CAP_CHECKPOINT_RESTORE "

// familyNames are those of address_families(7).
const familyNames = " AF_UNIX AF_LOCAL AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_X25 AF_INET6 AF_DECnet AF_KEY AF_NETLINK AF_PACKET" +
	" AF_RDS AF_PPPOX AF_LLC AF_IB AF_MPLS AF_CAN AF_TIPC AF_BLUETOOTH AF_ALG AF_VSOCK AF_KCM AF_XDP AF_RXRPC AF_NFC" +
	" AF_ISDN AF_IUCV AF_CAIF AF_PHONET AF_IEEE802154 AF_SMC AF_QIPCRTR AF_NETROM AF_BRIDGE AF_ATMPVC AF_ROSE AF_NETBEUI" +
	" AF_SECURITY AF_ASH AF_ECONET AF_ATMSVC AF_SNA AF_IRDA AF_WANPIPE AF_MCTP "

// archNames are the architectures of SystemCallArchitectures=
// (src/shared/seccomp-util.c, seccomp_arch_to_string).
const archNames = " native x86 x86-64 x32 arm arm64 loongarch64 mips mips64 mips64-n32 mips-le mips64-le mips64-le-n32 parisc" +
	" parisc64 ppc ppc64 ppc64-le riscv64 s390 s390x "

// namespaceNames are the types of RestrictNamespaces= in namespaces(7).
const namespaceNames = " cgroup ipc net mnt pid user uts time "

// secureBitNames are the flags of SecureBits= in systemd.exec(5).
const secureBitNames = " keep-caps keep-caps-locked no-setuid-fixup no-setuid-fixup-locked noroot noroot-locked "

// hasWord reports whether the space-separated words, with a space at both
// ends, include w.
func hasWord(words, w string) bool {
	for i := 0; w != "" && !strings.ContainsAny(w, " \x00"); {
		j := strings.Index(words[i:], w)
		if j < 0 {
			return false
		}
		i += j
		if words[i-1] == ' ' && words[i+len(w)] == ' ' {
			return true
		}
		i++
	}
	return false
}

func (d *decoder) unknownWord(n *ynode.Node, what, s, words string) {
	fix := ""
	if near := Nearest(s, strings.Fields(words)); near != "" {
		fix = "did you mean " + near + "?"
	} else if i := strings.Index(words, strings.ToUpper(s)); i >= 0 && len(s) > 2 {
		// Part of a word: NET_BIND for CAP_NET_BIND_SERVICE.
		start := strings.LastIndexByte(words[:i+1], ' ') + 1
		end := start + strings.IndexByte(words[start:], ' ')
		fix = "did you mean " + words[start:end] + "?"
	} else if list := strings.Fields(words); len(list) < 40 {
		fix = "one of " + strings.Join(list, ", ")
	}
	d.bad(n, diag.UnknownWord, "unknown "+what+" "+strconv.Quote(s), fix)
}

// signalValue accepts SIGTERM, TERM, 15 and SIGRTMIN+3.
func (d *decoder) signalValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.scalar(n)
	if !ok {
		return ""
	}
	name := strings.ToUpper(s)
	if i, err := strconv.Atoi(s); err == nil {
		if list := strings.Fields(signalNames); i >= 1 && i <= len(list) {
			return list[i-1]
		}
	}
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if hasWord(signalNames, name) {
		return name
	}
	for _, rt := range []string{"SIGRTMIN", "SIGRTMAX"} {
		if rest, ok := strings.CutPrefix(name, rt); ok {
			off, err := strconv.Atoi(rest)
			if rest == "" || err == nil && (rt == "SIGRTMIN" && rest[0] == '+' || rt == "SIGRTMAX" && rest[0] == '-') && off >= -30 && off <= 30 {
				return name
			}
		}
	}
	d.unknownWord(n, "signal", s, signalNames)
	return ""
}

// listOf reads a list of words that may each be negated by ~; norm returns
// the canonical word, or "" if there is none.
func (d *decoder) listOf(n *ynode.Node, what, words string, norm func(string) string) []string {
	return each(d, n, 0, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.scalar(n)
		if !ok {
			return ""
		}
		word, negated := strings.CutPrefix(s, "~")
		c := norm(word)
		if c == "" {
			d.unknownWord(n, what, word, words)
			return ""
		}
		if negated {
			return "~" + c
		}
		return c
	})
}

func among(words string) func(string) string {
	return func(s string) string {
		if hasWord(words, s) {
			return s
		}
		return ""
	}
}

func (d *decoder) capabilitiesValue(n *ynode.Node, _ field.ID) []string {
	if n.Kind == ynode.Scalar && n.Value == "none" {
		return []string{}
	}
	return d.listOf(n, "capability", capabilityNames, func(s string) string {
		s = strings.ToUpper(s)
		if !strings.HasPrefix(s, "CAP_") {
			s = "CAP_" + s
		}
		return among(capabilityNames)(s)
	})
}

func (d *decoder) familiesValue(n *ynode.Node, _ field.ID) []string {
	return d.listOf(n, "address family", familyNames, func(s string) string {
		if s == "none" {
			return s
		}
		return among(familyNames)(s)
	})
}

// namespacesValue reads true, false or a list of types.
func (d *decoder) namespacesValue(n *ynode.Node, _ field.ID) []string {
	if n.Kind == ynode.Scalar {
		switch n.Value {
		case "true", "yes":
			return []string{"yes"}
		case "false", "no":
			return []string{"no"}
		}
	}
	return d.listOf(n, "namespace type", namespaceNames, among(namespaceNames))
}

func (d *decoder) archsValue(n *ynode.Node, _ field.ID) []string {
	return d.listOf(n, "architecture", archNames, among(archNames))
}

func (d *decoder) securebitsValue(n *ynode.Node, _ field.ID) []string {
	return d.listOf(n, "secure bit", secureBitNames, among(secureBitNames))
}

func (d *decoder) syscallsValue(n *ynode.Node, _ field.ID) []string {
	return d.listOf(n, "system call", syscallGroups+syscallNames, func(s string) string {
		call, action, hasAction := strings.Cut(s, ":")
		if hasAction && !hasWord(errnoNames, action) && action != "kill" {
			return ""
		}
		if !hasWord(syscallNames, call) && !hasWord(syscallGroups, call) {
			return ""
		}
		return s
	})
}

func (d *decoder) errnoValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.scalar(n)
	if ok && s != "kill" && !hasWord(errnoNames, s) {
		d.unknownWord(n, "error", s, errnoNames)
		return ""
	}
	return s
}

// wordsValue reads a list of plain words, each of which may be negated by ~.
func (d *decoder) wordsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.filled(n)
		if ok && strings.ContainsAny(s, " \"'\\") {
			d.bad(n, diag.BadValue, strconv.Quote(Display(s))+" is more than a word", "write one word per item")
			return ""
		}
		return s
	})
}

func (d *decoder) fdnameValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.scalar(n)
	if !ok {
		return ""
	}
	valid := s != "" && len(s) <= 255
	for i := range len(s) {
		valid = valid && (isAlnum(s[i]) || strings.IndexByte("-_.", s[i]) >= 0)
	}
	if !valid {
		d.bad(n, diag.BadName, strconv.Quote(s)+" cannot be the name of a socket", "use letters, digits, `-`, `_` and `.`")
		return ""
	}
	return s
}

// urisValue reads what Documentation= takes (systemd.unit(5)).
func (d *decoder) urisValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.filled(n)
		if !ok {
			return ""
		}
		for _, scheme := range []string{"http://", "https://", "file:/", "info:", "man:"} {
			if rest, ok := strings.CutPrefix(s, scheme); ok && rest != "" && !strings.ContainsAny(s, " \"'\\") {
				return s
			}
		}
		d.bad(n, diag.BadValue, strconv.Quote(Display(s))+" is not a documentation URI", "begin with http://, https://, file:/, info: or man:, and write spaces as %20")
		return ""
	})
}
