package chain

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
)

// HasConditions reports whether d has conditions that the script tests.
func HasConditions(d *spec.Daemon) bool {
	for range conditions(d) {
		return true
	}
	return d.Conditions.ACPower
}

// Conditions returns shell source that leaves the script when a condition
// does not hold: with status o.Skip, or with 1 when the conditions are
// assertions. It is empty without conditions.
func Conditions(d *spec.Daemon, o Options) []byte {
	if !HasConditions(d) {
		return nil
	}
	w := &writer{d: d, o: &o, job: o.job(d)}
	status, delay := o.Skip, o.SkipDelay
	if d.Conditions.Assert {
		status, delay = 1, 0
	}
	w.line("daemonize_skip() {", "\tprintf '%s: not started: %s\\n' "+shell.Quote(w.job)+` "$1" >&2`)
	if delay > 0 {
		w.line("\t/bin/sleep " + strconv.Itoa(delay))
	}
	w.line("\texit "+strconv.Itoa(status), "}")
	for what, test := range conditions(d) {
		negated := false
		if strings.HasPrefix(what.value, "!") {
			negated = true
		}
		message := shell.Quote("condition " + what.key + " " + what.value)
		if negated {
			w.line("if " + test + "; then daemonize_skip " + message + "; fi")
		} else {
			w.line("if ! " + test + "; then daemonize_skip " + message + "; fi")
		}
	}
	if d.Conditions.ACPower {
		// On mains when an adapter is online, or when there is no adapter
		// (systemd, src/shared/sleep-util.c on_ac_power).
		w.line("daemonize_mains=",
			"for daemonize_supply in /sys/class/power_supply/*; do",
			"\t[ \"$(/bin/cat \"$daemonize_supply/type\" 2>/dev/null)\" = Mains ] || continue",
			"\t[ \"$(/bin/cat \"$daemonize_supply/online\" 2>/dev/null)\" = 1 ] && daemonize_mains=on && break",
			"\tdaemonize_mains=off",
			"done",
			"if [ \"$daemonize_mains\" = off ]; then daemonize_skip 'condition ac_power'; fi")
	}
	return w.b.Bytes()
}

type condition struct{ key, value string }

// conditions yields each condition with a command that succeeds when it holds
// (without regard to a leading !).
func conditions(d *spec.Daemon) func(yield func(condition, string) bool) {
	return func(yield func(condition, string) bool) {
		c := &d.Conditions
		for _, list := range [...]struct {
			key    string
			values []string
			test   func(string) string
		}{
			{"path_exists", c.PathExists, func(p string) string { return "[ -e " + p + " ]" }},
			{"path_exists_glob", c.PathExistsGlob, nil},
			{"path_is_directory", c.PathIsDirectory, func(p string) string { return "[ -d " + p + " ]" }},
			{"path_is_symbolic_link", c.PathIsSymbolicLink, func(p string) string { return "[ -L " + p + " ]" }},
			{"path_is_mount_point", c.PathIsMountPoint, func(p string) string { return "/usr/bin/mountpoint -q " + p }},
			{"path_is_read_write", c.PathIsReadWrite, func(p string) string { return "[ -w " + p + " ]" }},
			{"directory_not_empty", c.DirectoryNotEmpty, func(p string) string {
				return "{ [ -d " + p + " ] && [ -n \"$(/bin/ls -A " + p + ")\" ]; }"
			}},
			{"file_not_empty", c.FileNotEmpty, func(p string) string { return "{ [ -f " + p + " ] && [ -s " + p + " ]; }" }},
			{"file_is_executable", c.FileIsExecutable, func(p string) string { return "{ [ -f " + p + " ] && [ -x " + p + " ]; }" }},
			{"host", c.Host, nil},
			{"kernel_command_line", c.KernelCommandLine, nil},
			{"capability", c.Capability, nil},
			{"architecture", c.Architecture, nil},
			{"memory", c.Memory, nil},
			{"cpus", c.CPUs, nil},
		} {
			for _, v := range list.values {
				plain := strings.TrimPrefix(v, "!")
				var test string
				switch list.key {
				case "path_exists_glob":
					// The loop runs once with the pattern itself if nothing matches.
					test = "(for daemonize_path in " + glob(plain) + "; do [ -e \"$daemonize_path\" ] && exit 0; done; exit 1)"
				case "host":
					// Patterns are matched without regard to case
					// (systemd.unit(5), ConditionHost=); a machine ID is compared.
					test = "(daemonize_id=; [ -r /etc/machine-id ] && read -r daemonize_id </etc/machine-id; " +
						"for daemonize_host in \"$daemonize_id\" \"$(/bin/uname -n | /usr/bin/tr '[:upper:]' '[:lower:]')\"; do " +
						"case $daemonize_host in " + glob(strings.ToLower(plain)) + ") exit 0 ;; esac; done; exit 1)"
				case "kernel_command_line":
					pattern := shell.Quote(plain)
					if !strings.Contains(plain, "=") {
						pattern += "|" + shell.Quote(plain+"=") + "*"
					}
					test = "(set -f; read -r daemonize_line </proc/cmdline; for daemonize_word in $daemonize_line; do " +
						"case $daemonize_word in " + pattern + ") exit 0 ;; esac; done; exit 1)"
				case "capability":
					// CapBnd of the script is the manager's.
					test = "(while read -r daemonize_key daemonize_value; do [ \"$daemonize_key\" = CapBnd: ] || continue; " +
						"[ $((0x$daemonize_value >> " + strconv.Itoa(capabilityNumber(plain)) + " & 1)) -eq 1 ]; exit; done </proc/self/status; exit 1)"
				case "architecture":
					test = "(case $(/bin/uname -m) in " + machine(plain) + ") exit 0 ;; esac; exit 1)"
				case "memory":
					op, n, _ := comparison(plain)
					test = "(while read -r daemonize_key daemonize_value _; do [ \"$daemonize_key\" = MemTotal: ] || continue; " +
						"[ $((daemonize_value * 1024)) " + op + " " + strconv.FormatInt(n, 10) + " ]; exit; done </proc/meminfo; exit 1)"
				case "cpus":
					op, n, _ := comparison(plain)
					test = "[ \"$(/usr/bin/nproc)\" " + op + " " + strconv.FormatInt(n, 10) + " ]"
				default:
					test = list.test(shell.Quote(plain))
				}
				if !yield(condition{list.key, v}, test) {
					return
				}
			}
		}
	}
}

// glob writes a pattern for the shell: everything but the characters of
// patterns is made literal. A backslash quotes the next character, as in
// glob(7).
func glob(pattern string) string {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return shell.Quote(pattern) // also keeps reserved words out of case
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\':
			if i++; i == len(pattern) {
				b.WriteString(`\\`)
				break
			}
			b.WriteByte('\\')
			b.WriteByte(pattern[i])
		case isPlain(c), c >= 0x80, strings.IndexByte("*?[]/.-_", c) >= 0:
			b.WriteByte(c)
		case (c == '!' || c == '^') && i > 0 && pattern[i-1] == '[':
			b.WriteByte('!')
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// comparison reads an operator and a size, such as >=1G. Without operator it
// is >= (systemd.unit(5), ConditionMemory=).
func comparison(s string) (op string, n int64, ok bool) {
	for _, o := range [...]struct{ text, op string }{
		{"<=", "-le"}, {">=", "-ge"}, {"!=", "-ne"}, {"<", "-lt"}, {">", "-gt"}, {"=", "-eq"}, {"", "-ge"},
	} {
		if rest, found := strings.CutPrefix(s, o.text); found {
			size, ok := spec.ParseSize(strings.TrimSpace(rest))
			return o.op, int64(size), ok
		}
	}
	return "", 0, false
}

// capabilityNames are those of linux/capability.h by number.
var capabilityNames = [...]string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
	"net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
	"sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
	"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
	"perfmon", "bpf", "checkpoint_restore",
}

// capabilityNumber returns -1 for an unknown name.
func capabilityNumber(name string) int {
	return slices.Index(capabilityNames[:], strings.TrimPrefix(strings.ToLower(name), "cap_"))
}

// machine returns the pattern of `uname -m` for an architecture as systemd
// names it (systemd.unit(5), ConditionArchitecture=), or "" if unknown.
func machine(arch string) string {
	switch arch {
	case "native":
		return "*"
	case "x86-64":
		return "x86_64"
	case "x86":
		return "i[3456]86"
	case "arm64":
		return "aarch64"
	case "arm64-be":
		return "aarch64_be"
	case "arm":
		return "armv*l"
	case "arm-be":
		return "armv*b"
	case "ppc-le":
		return "ppcle"
	case "ppc64-le":
		return "ppc64le"
	case "ppc", "ppc64", "s390", "s390x", "riscv32", "riscv64", "loongarch64", "ia64", "alpha", "mips", "mips64", "parisc", "parisc64", "sparc", "sparc64", "m68k":
		return arch
	}
	return ""
}
