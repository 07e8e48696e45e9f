package chain

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// Options says what the manager does itself, which the chain then leaves out,
// and how the script behaves.
type Options struct {
	// Job is the name of the copy of the daemon, NAME or NAME-INSTANCE. It
	// names the script's files below /run and begins its messages. Default:
	// the daemon's name.
	Job string

	User        bool // the manager switches to user (which sets neither group nor supplementary_groups, nor $HOME)
	Umask       bool // the manager sets umask; a script sets it again
	Dir         bool // the manager changes to working_dir
	Environment bool // the manager sets environment
	Output      bool // the manager opens standard output and error
	// Native are the fields of limits and scheduling, nice and
	// oom_score_adjust, that the manager sets.
	Native []field.ID

	// Clean gives the program an environment that holds only what the spec
	// says and $PATH, instead of the manager's or the caller's.
	Clean bool
	// EnvDir, with Clean, is a program with its arguments that reads variables
	// from a directory and executes what follows: chpst, envdir and the like.
	EnvDir []string
	// KeepRuntimeDir makes the script not empty the runtime directory,
	// because the backend removes it at stop or instances share it.
	KeepRuntimeDir bool
	// Syslog sends the streams journal and syslog to syslog through logger.
	Syslog bool
	// Enter is sh that is run once the output is open, before all that belongs
	// to the service: what it is in from then on, the loggers are not.
	Enter string
	// Skip is the exit status of the script when a condition does not hold,
	// after SkipDelay seconds.
	Skip      int
	SkipDelay int

	beside bool // the script runs beside the daemon, see Command
}

func (o *Options) job(d *spec.Daemon) string {
	if o.Job != "" {
		return o.Job
	}
	return d.Name
}

// sets reports whether d sets a field that the manager does not.
func (o *Options) sets(d *spec.Daemon, id field.ID) bool {
	return d.IsSet(id) && !slices.Contains(o.Native, id)
}

// Dir returns the directory of a daemon's scripts.
func Dir(name string) string { return "/usr/lib/daemonize/" + name }

// ScriptPath returns where the script of a job belongs: run, or run-INSTANCE
// for the copies of a template.
func ScriptPath(name, instance string) string {
	if instance != "" {
		return Dir(name) + "/run-" + instance
	}
	return Dir(name) + "/run"
}

// Argv returns the program and its arguments: the command, or the shell
// script as one argument of sh. $0 of the script is the daemon's name.
func Argv(d *spec.Daemon) []string {
	if d.Shell != "" {
		return []string{"/bin/sh", "-c", d.Shell, d.Name}
	}
	return d.Command
}

// word is one argument of the prefix. Those with code are known only when the
// script runs: code is shell source that is one argument.
type word struct{ text, code string }

// Prefix returns the exec prefix of d: the argument vector to put before
// [Argv]. It is complete only if [NeedsScript] is false.
func Prefix(d *spec.Daemon, o Options) []string {
	words := prefix(d, &o, true)
	argv := make([]string, len(words))
	for i, w := range words {
		argv[i] = w.text
	}
	return argv
}

// source writes the prefix as shell words, with a trailing space.
func source(words []word) string {
	var b strings.Builder
	for _, w := range words {
		if w.code != "" {
			b.WriteString(w.code)
		} else {
			b.WriteString(shell.Quote(w.text))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// rlimits are the options of prlimit(1) by field.
func rlimits(l *spec.Limits) [16]struct {
	id     field.ID
	option string
	limit  spec.Rlimit
} {
	return [...]struct {
		id     field.ID
		option string
		limit  spec.Rlimit
	}{
		{field.LimitsCPU, "cpu", l.CPU}, {field.LimitsFsize, "fsize", l.Fsize}, {field.LimitsData, "data", l.Data},
		{field.LimitsStack, "stack", l.Stack}, {field.LimitsCore, "core", l.Core}, {field.LimitsRSS, "rss", l.RSS},
		{field.LimitsNofile, "nofile", l.Nofile}, {field.LimitsAS, "as", l.AS}, {field.LimitsNproc, "nproc", l.Nproc},
		{field.LimitsMemlock, "memlock", l.Memlock}, {field.LimitsLocks, "locks", l.Locks},
		{field.LimitsSigpending, "sigpending", l.Sigpending}, {field.LimitsMsgqueue, "msgqueue", l.Msgqueue},
		{field.LimitsNice, "nice", l.Nice}, {field.LimitsRtprio, "rtprio", l.Rtprio}, {field.LimitsRttime, "rttime", l.Rttime},
	}
}

// prefix returns the words for the program or, without main, for a hook.
func prefix(d *spec.Daemon, o *Options, main bool) []word {
	var words []word
	add := func(args ...string) {
		for _, a := range args {
			words = append(words, word{text: a})
		}
	}
	s, sb := &d.Scheduling, &d.Sandboxing

	var enter []string
	if sb.NetworkNamespacePath != "" {
		enter = append(enter, "--net="+sb.NetworkNamespacePath)
	}
	if sb.IPCNamespacePath != "" {
		enter = append(enter, "--ipc="+sb.IPCNamespacePath)
	}
	if len(enter) > 0 {
		add("/usr/bin/nsenter")
		add(enter...)
		add("--")
	}
	var unshare []string
	if sb.PrivateIPC {
		unshare = append(unshare, "--ipc")
	}
	if sb.PrivateMounts {
		// PrivateMounts= receives mounts of the host but does not send its
		// own (systemd.exec(5)); unshare's default would cut both ways.
		unshare = append(unshare, "--mount", "--propagation=slave")
	}
	if len(unshare) > 0 {
		add("/usr/bin/unshare")
		add(unshare...)
		add("--")
	}

	if o.sets(d, field.SchedulingNice) {
		add("/usr/bin/nice", "-n", strconv.Itoa(s.Nice))
	}
	if d.IsSet(field.SchedulingIOClass) || d.IsSet(field.SchedulingIOPriority) {
		class := s.IOClass
		if class == "" {
			class = "best-effort" // IOSchedulingPriority= alone, as systemd does
		}
		add("/usr/bin/ionice", "--class", class)
		if class == "best-effort" || class == "realtime" { // the others have no priority and ionice says so on stderr
			add("--classdata", strconv.Itoa(s.IOPriority))
		}
	}
	if s.Policy != "" || s.ResetOnFork {
		policy := s.Policy
		if policy == "" {
			policy = "other"
		}
		add("/usr/bin/chrt", "--"+policy)
		if s.ResetOnFork {
			add("--reset-on-fork")
		}
		// Only fifo and rr have priorities; sched_setscheduler(2) wants 0 of the rest.
		prio := 0
		if policy == "fifo" || policy == "rr" {
			prio = max(s.Priority, 1)
		}
		add(strconv.Itoa(prio))
	}
	if len(s.CPUAffinity) > 0 {
		cpus := make([]string, len(s.CPUAffinity))
		for i, c := range s.CPUAffinity {
			cpus[i] = strconv.Itoa(c)
		}
		add("/usr/bin/taskset", "--cpu-list", strings.Join(cpus, ","))
	}
	if o.sets(d, field.SchedulingOOMScoreAdjust) {
		add("/usr/bin/choom", "--adjust="+strconv.Itoa(s.OOMScoreAdjust), "--")
	}
	if main && d.MaxRuntime > 0 && d.MaxRuntime != spec.Infinity {
		add("/usr/bin/timeout", "--signal="+timeoutSignal(d.Stop.Signal))
		if d.Stop.SendSigkill && d.Stop.Timeout != spec.Infinity {
			add("--kill-after=" + seconds(d.Stop.Timeout))
		}
		add(seconds(d.MaxRuntime))
	}
	// As late as privileges allow: a low limit of memory or time should bind
	// the program, not the tools before it.
	at := len(words)
	for _, l := range rlimits(&d.Limits) {
		if o.sets(d, l.id) {
			add("--" + l.option + "=" + rlimit(l.limit))
		}
	}
	if len(words) > at {
		words = append(words[:at], append([]word{{text: "/usr/bin/prlimit"}}, words[at:]...)...)
	}
	if len(d.UnsetEnvironment) > 0 {
		add("/usr/bin/env")
		for _, v := range d.UnsetEnvironment {
			add("--unset=" + v)
		}
	}
	if sb.RootDirectory != "" {
		add("/usr/sbin/chroot", sb.RootDirectory)
		if d.WorkingDir != "" {
			add("/usr/bin/env", "--chdir="+d.WorkingDir) // chroot(1) goes to the new /
		}
	}
	if p := privileges(d, o); len(p) > 0 {
		add("/usr/bin/setpriv")
		words = append(words, p...)
		add("--")
	}
	if late := lateVariables(d, o); len(late) > 0 {
		add("/usr/bin/env")
		words = append(words, late...)
	}
	return words
}

// Loader reports whether a variable makes the dynamic loader or libc read
// files: it must not reach the tools that root runs before it gives up
// privileges, as the files may belong to the service. (A subset of glibc's
// unsecvars.h; the others cannot run code.)
func Loader(name string) bool {
	return strings.HasPrefix(name, "LD_") || name == "GCONV_PATH" || name == "LOCPATH"
}

// loaders are those that may come from an environment file.
var loaders = [...]string{"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GCONV_PATH", "LOCPATH"}

// lateVariables are arguments of env(1) after setpriv: the variables that the
// script has kept away from root's tools.
func lateVariables(d *spec.Daemon, o *Options) []word {
	if d.User == "" || !switchesUser(d, o) {
		return nil
	}
	var words []word
	for _, v := range d.Environment {
		if Loader(v.Name) && !slices.Contains(d.UnsetEnvironment, v.Name) && (len(d.EnvFile) == 0 || !slices.Contains(loaders[:], v.Name)) {
			words = append(words, word{text: v.Name + "=" + v.Value})
		}
	}
	if len(d.EnvFile) > 0 {
		for _, name := range loaders {
			if !slices.Contains(d.UnsetEnvironment, name) {
				words = append(words, word{code: `${daemonize_` + name + `+"` + name + `=$daemonize_` + name + `"}`})
			}
		}
	}
	return words
}

// rlimit writes soft:hard. prlimit(1) knows infinity as unlimited.
func rlimit(l spec.Rlimit) string {
	one := func(v uint64) string {
		if v == spec.RlimInfinity {
			return "unlimited"
		}
		return strconv.FormatUint(v, 10)
	}
	return one(l.Soft) + ":" + one(l.Hard)
}

// seconds writes a duration for timeout(1) and sleep(1), which take fractions.
func seconds(d spec.Duration) string {
	if d.Whole() {
		return strconv.FormatInt(int64(d/spec.Second), 10)
	}
	return strconv.FormatFloat(float64(d)/float64(spec.Second), 'f', -1, 64)
}

// timeoutSignal writes a signal for timeout(1), which takes RTMIN+3 but not SIGRTMIN+3 everywhere.
func timeoutSignal(s string) string { return strings.TrimPrefix(s, "SIG") }

// privileges are the options of setpriv.
func privileges(d *spec.Daemon, o *Options) []word {
	var words []word
	add := func(option string) { words = append(words, word{text: option}) }
	sb, caps := &d.Sandboxing, &d.Sandboxing.Capabilities
	if sb.NoNewPrivileges {
		add("--no-new-privs")
	}
	words = append(words, identity(d, o)...)
	bounding := d.IsSet(field.SandboxingCapabilitiesBounding)
	ambient := len(caps.Ambient) > 0
	if bounding {
		add("--bounding-set=" + capabilitySet(caps.Bounding))
	}
	if bounding || ambient {
		// What is inheritable would survive the exec of a program that root
		// runs, whatever the bounding set says (capabilities(7)); ambient
		// capabilities must be inheritable.
		add("--inh-caps=" + capabilitySet(caps.Ambient))
	}
	if ambient {
		add("--ambient-caps=" + capabilitySet(caps.Ambient))
	}
	if len(sb.SecureBits) > 0 {
		bits := make([]string, len(sb.SecureBits))
		for i, b := range sb.SecureBits {
			bits[i] = "+" + strings.ReplaceAll(b, "-", "_")
		}
		add("--securebits=" + strings.Join(bits, ","))
	}
	if sb.SELinuxContext != "" {
		add("--selinux-label=" + sb.SELinuxContext)
	}
	if sb.AppArmorProfile != "" {
		add("--apparmor-profile=" + sb.AppArmorProfile)
	}
	return words
}

// identity are the options of setpriv that switch to user and groups, by the
// numbers that the script has looked up: setpriv takes names, but neither
// finds the primary group of a user nor adds to its groups, and inside a root
// directory it would look names up there.
func identity(d *spec.Daemon, o *Options) []word {
	if !switchesUser(d, o) {
		return nil
	}
	words := []word{{code: `--regid="$daemonize_gid"`}, {code: `--groups="$daemonize_groups"`}}
	if d.User != "" {
		words = append(words, word{code: `--reuid="$daemonize_uid"`})
	}
	return words
}

// switchesUser reports whether setpriv changes IDs.
func switchesUser(d *spec.Daemon, o *Options) bool {
	return !o.User && (d.User != "" || d.Group != "" || len(d.SupplementaryGroups) > 0)
}

// capabilitySet writes a list for setpriv: lower case without cap_, from
// nothing up, or, when the first is refused by ~, from everything down.
func capabilitySet(caps []string) string {
	var b strings.Builder
	if len(caps) == 0 || caps[0][0] != '~' {
		b.WriteString("-all")
	}
	for _, c := range caps {
		name, refused := strings.CutPrefix(c, "~")
		sign := "+"
		if refused {
			sign = "-"
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(sign + strings.ToLower(strings.TrimPrefix(name, "CAP_")))
	}
	return b.String()
}
