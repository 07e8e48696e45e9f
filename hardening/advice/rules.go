package advice

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/trace"
	"github.com/daemonize/daemonize/hardening/unit"
)

// rule is one setting that can be proposed.
type rule struct {
	// directive names it; with =VALUE where several rules are about one.
	directive string
	field     string
	list      bool
	boolean   bool
	// since is the version of systemd that has the directive.
	since   int
	profile Profile
	// system is set if a user manager ignores it.
	system bool
	// inherited is what sessions and jobs that inherit it make of it.
	inherited Risk
	// now returns the value that is in effect, in the words of the directive.
	now func(*unit.Settings) string
	// enough lists the values that make the proposal superfluous besides itself.
	enough []string
	decide func(*subject) verdict
	check  string
	ref    string
}

// verdict is what a rule says about a service.
type verdict struct {
	set     []Assign // empty: nothing to propose
	items   []string // the value, if set is nil; nil: nothing to propose
	risk    Risk
	fact    string
	against *trace.Place // the line of the trace that contradicts
}

func harmless(fact string, items ...string) verdict { return verdict{items: items, fact: fact} }

func unsure(fact string, items ...string) verdict {
	return verdict{items: items, risk: Knowledge, fact: fact}
}

func breaking(fact string, items ...string) verdict {
	return verdict{items: items, risk: Likely, fact: fact}
}

// nothing is the verdict of a rule that has nothing to propose.
func nothing() verdict { return verdict{} }

// verdict asks the rule, and puts before its answer what holds for all rules.
func (r *rule) verdict(s *subject) verdict {
	v := r.decide(s)
	if v.set == nil && v.items != nil {
		v.set = []Assign{{Field: r.field, Directive: r.directive, Items: v.items, List: r.list, Bool: r.boolean}}
	}
	if len(v.set) == 0 {
		return v
	}
	for i := range v.set {
		// The second half of the name tells rules apart, not directives.
		v.set[i].Directive, _, _ = strings.Cut(v.set[i].Directive, "=")
	}
	if why, ok := s.breaks(r.directive); ok {
		v.risk, v.fact = Likely, why
	} else if s.sessions != "" && r.inherited > v.risk {
		v.risk, v.fact = r.inherited, s.name()+": "+s.sessions
	}
	if s.trace != nil {
		if use, ok := contradiction(s, r.directive, v.set); ok {
			v.against = &use.Place
			v.fact = use.Name
		} else if v.risk == Knowledge && visible(r.directive) {
			v.risk = None
			v.fact = fmt.Sprintf("the trace of %d calls shows no use of what is taken away", s.trace.Calls)
		}
	}
	return v
}

// done reports whether the unit has the setting, or more than it, already.
func (r *rule) done(s *subject, v verdict) bool {
	if r.now == nil {
		return false // decide looked
	}
	now := r.now(&s.unit.Settings)
	return now == v.set[0].Value() || slices.Contains(r.enough, now)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// restarted is the check that fits most settings.
const restarted = "restart it and let it work: its log does not say \"Operation not permitted\""

// The rules are in the order in which settings are best tried: what seldom
// breaks anything first. References are to systemd.exec(5) unless said
// otherwise.
var rules = [...]rule{
	{
		directive: "NoNewPrivileges", field: "sandboxing.no_new_privileges", boolean: true, since: 187, profile: Baseline, inherited: Likely,
		now:    func(u *unit.Settings) string { return yesNo(u.NoNewPrivileges.Value) },
		check:  "grep NoNewPrivs /proc/PID/status says 1; let the service send mail and run whatever helpers it has",
		ref:    "man:systemd.exec(5)#NoNewPrivileges=",
		decide: noNewPrivileges,
	},
	{
		directive: "PrivateTmp", field: "sandboxing.private_tmp", boolean: true, since: 183, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string {
			if v := u.PrivateTmp.Value; v != "connected" {
				return v
			}
			return "yes"
		},
		enough: []string{"disconnected"},
		check:  "no other program finds files or sockets of the service in /tmp (ss -xl | grep /tmp; jstack and the like need nsenter)",
		ref:    "man:systemd.exec(5)#PrivateTmp=",
		decide: func(s *subject) verdict {
			if use, ok := s.below("/tmp", "/var/tmp"); ok {
				return unsure(use.why+"= mentions "+use.path+", which other programs no longer see", "yes")
			}
			return harmless("nothing in the unit is about /tmp or /var/tmp", "yes")
		},
	},
	{
		directive: "ProtectKernelLogs", field: "sandboxing.protect_kernel_logs", boolean: true, since: 244, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.ProtectKernelLogs.Value) }, check: restarted, ref: "man:systemd.exec(5)#ProtectKernelLogs=",
		decide: func(s *subject) verdict {
			return s.unlessImported("hardly any service reads the kernel's log", "klogctl")
		},
	},
	{
		directive: "ProtectKernelModules", field: "sandboxing.protect_kernel_modules", boolean: true, since: 232, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.ProtectKernelModules.Value) }, check: "journalctl -k shows no module that the service asked for in vain", ref: "man:systemd.exec(5)#ProtectKernelModules=",
		decide: func(s *subject) verdict {
			return s.unlessImported("modules are loaded by the kernel when they are needed, which this leaves alone", "init_module", "finit_module", "delete_module")
		},
	},
	{
		directive: "ProtectKernelTunables", field: "sandboxing.protect_kernel_tunables", boolean: true, since: 232, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.ProtectKernelTunables.Value) }, check: "the service sets no sysctl when it starts: its log does not complain about /proc/sys or /sys", ref: "man:systemd.exec(5)#ProtectKernelTunables=",
		decide: func(s *subject) verdict {
			if use, ok := s.below("/proc/sys", "/sys"); ok {
				return breaking(use.why+"= mentions "+use.path, "yes")
			}
			if s.root && s.known == nil {
				if p := s.opaque(); p != "" {
					return unsure(p+", as root: does it set sysctls?", "yes")
				}
			}
			return harmless("it is not known to set sysctls", "yes")
		},
	},
	{
		directive: "ProtectControlGroups", field: "sandboxing.protect_control_groups", boolean: true, since: 232, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return u.ProtectControlGroups.Value }, enough: []string{"private", "strict"},
		check: restarted, ref: "man:systemd.exec(5)#ProtectControlGroups=",
		decide: func(s *subject) verdict {
			if s.unit.Settings.Delegate.Value {
				return breaking("Delegate= gives the service control groups of its own to manage", "yes")
			}
			return harmless("only managers of containers and sessions write there", "yes")
		},
	},
	{
		directive: "ProtectClock", field: "sandboxing.protect_clock", boolean: true, since: 245, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.ProtectClock.Value) }, check: restarted, ref: "man:systemd.exec(5)#ProtectClock=",
		decide: func(s *subject) verdict {
			return s.unlessImported("hardly any service sets the clock", "adjtimex", "ntp_adjtime", "clock_adjtime", "clock_settime", "settimeofday", "stime")
		},
	},
	{
		directive: "ProtectHostname", field: "sandboxing.protect_hostname", boolean: true, since: 242, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return u.ProtectHostname.Value }, enough: []string{"private"},
		check: "after hostnamectl set-hostname the service still sees the old name until it is restarted", ref: "man:systemd.exec(5)#ProtectHostname=",
		decide: func(s *subject) verdict {
			return s.unlessImported("hardly any service sets the host name", "sethostname", "setdomainname")
		},
	},
	{
		directive: "LockPersonality", field: "sandboxing.lock_personality", boolean: true, since: 235, profile: Baseline, inherited: Knowledge,
		now: func(u *unit.Settings) string { return yesNo(u.LockPersonality.Value) }, check: restarted, ref: "man:systemd.exec(5)#LockPersonality=",
		decide: func(s *subject) verdict {
			if s.runtimeIs("wine") || s.foreign() != "" {
				return breaking("programs of another architecture change the execution domain", "yes")
			}
			return s.unlessImported("only emulators change the execution domain", "personality")
		},
	},
	{
		directive: "RestrictRealtime", field: "sandboxing.restrict_realtime", boolean: true, since: 231, profile: Baseline, inherited: Knowledge,
		now: func(u *unit.Settings) string { return yesNo(u.RestrictRealtime.Value) }, check: restarted, ref: "man:systemd.exec(5)#RestrictRealtime=",
		decide: func(s *subject) verdict {
			if list := s.unit.Get("Service", "CPUSchedulingPolicy"); len(list) > 0 {
				return unsure("CPUSchedulingPolicy= is set: does the program choose a policy too?", "yes")
			}
			if why, ok := s.imports("sched_setscheduler", "pthread_setschedparam", "sched_setattr", "pthread_attr_setschedpolicy"); ok && s.known == nil {
				return unsure(why+", which can ask for realtime scheduling", "yes")
			}
			return harmless("it is not known to ask for realtime scheduling", "yes")
		},
	},
	{
		directive: "RestrictSUIDSGID", field: "sandboxing.restrict_suid_sgid", boolean: true, since: 242, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.RestrictSUIDSGID.Value) }, check: "the service makes no set-group-ID directory: find its data -perm /6000", ref: "man:systemd.exec(5)#RestrictSUIDSGID=",
		decide: func(s *subject) verdict {
			for _, word := range []string{"git", "dpkg", "apt-get", "rpm", "dnf", "install", "tar", "rsync", "unzip"} {
				if slices.ContainsFunc(s.programs, func(p Program) bool { return path.Base(p.Path) == word }) {
					return unsure(word+" restores set-group-ID bits of files", "yes")
				}
			}
			return harmless("only tools for packages, mail and shared repositories set these bits", "yes")
		},
	},
	{
		directive: "SystemCallArchitectures", field: "sandboxing.system_calls.architectures", list: true, since: 209, profile: Baseline, inherited: Knowledge,
		now: func(u *unit.Settings) string { return strings.Join(u.SystemCallArchitectures.Value, " ") }, check: restarted, ref: "man:systemd.exec(5)#SystemCallArchitectures=",
		decide: func(s *subject) verdict {
			if why := s.foreign(); why != "" {
				return breaking(why+" is a program of 32 bits", "native")
			}
			return harmless("no program of the unit is of another architecture", "native")
		},
	},
	{
		directive: "PrivateMounts", field: "sandboxing.private_mounts", boolean: true, since: 239, profile: Baseline, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.PrivateMounts.Value == unit.Yes) }, check: "mounts that the service makes are not for other programs: findmnt", ref: "man:systemd.exec(5)#PrivateMounts=",
		decide: func(s *subject) verdict {
			return s.unlessImported("settings above give it a mount namespace anyway", "mount", "umount", "umount2")
		},
	},
	{
		directive: "KeyringMode", field: "sandboxing.keyring_mode", since: 235, profile: Baseline, inherited: Knowledge,
		now: func(u *unit.Settings) string { return u.KeyringMode.Value }, check: "keyctl show in the service; Kerberos and CIFS may share keys of the user", ref: "man:systemd.exec(5)#KeyringMode=",
		decide: func(s *subject) verdict {
			if s.unit.Scope == unit.User {
				return unsure("services of a user share the user's keys: does it use them?", "private")
			}
			return unsure("the unit asks for shared keys: does it use them?", "private")
		},
	},
	{
		directive: "NotifyAccess", field: "notify_access", since: 183, profile: Standard, inherited: None,
		now: func(u *unit.Settings) string { return u.NotifyAccess.Value }, enough: []string{"none", "main", ""}, check: "systemctl status says active, not activating", ref: "man:systemd.service(5)#NotifyAccess=",
		decide: func(s *subject) verdict {
			if s.unit.Settings.NotifyAccess.Value != "all" {
				return nothing()
			}
			return unsure("a wrapper may need children to notify in its place", "exec")
		},
	},
	{
		directive: "ProtectSystem", field: "sandboxing.protect_system", since: 214, profile: Baseline, inherited: Likely,
		check: "the log does not say \"Read-only file system\"; data and log files get newer", ref: "man:systemd.exec(5)#ProtectSystem=",
		decide: protectSystem,
	},
	{
		directive: "ProtectHome", field: "sandboxing.protect_home", since: 214, profile: Standard, inherited: Likely,
		check: "the service starts (203/EXEC: its program is in a home directory) and finds its files", ref: "man:systemd.exec(5)#ProtectHome=",
		decide: protectHome,
	},
	{
		directive: "PrivateDevices", field: "sandboxing.private_devices", boolean: true, since: 209, profile: Standard, inherited: Likely,
		now:   func(u *unit.Settings) string { return yesNo(u.PrivateDevices.Value) },
		check: "the service finds its devices; those of disks, graphics, sound and tunnels are gone", ref: "man:systemd.exec(5)#PrivateDevices=",
		decide: privateDevices,
	},
	{
		directive: "DevicePolicy", field: "sandboxing.device_policy", since: 208, profile: Standard, system: true, inherited: Likely,
		check: "the service finds its devices", ref: "man:systemd.resource-control(5)#DevicePolicy=",
		decide: devicePolicy,
	},
	{
		directive: "DynamicUser", field: "sandboxing.dynamic_user", boolean: true, since: 235, profile: Strict, system: true, inherited: Likely,
		now:    func(u *unit.Settings) string { return yesNo(u.DynamicUser.Value) },
		check:  "the service reads its files and writes below its StateDirectory= only; 238/STATE_DIRECTORY: the directory is in the way",
		ref:    "man:systemd.exec(5)#DynamicUser=",
		decide: dynamicUser,
	},
	{
		directive: "CapabilityBoundingSet", field: "sandboxing.capabilities.bounding", list: true, since: 183, profile: Standard, system: true, inherited: Likely,
		check:  "grep CapBnd /proc/PID/status; the log does not say \"Operation not permitted\" or \"Permission denied\"",
		ref:    "man:capabilities(7)",
		decide: boundingSet,
	},
	{
		directive: "RestrictAddressFamilies", field: "sandboxing.address_families", list: true, since: 211, profile: Standard, inherited: Likely,
		check:  "the log does not say \"Address family not supported\"; names are resolved, mail and logs arrive",
		ref:    "man:systemd.exec(5)#RestrictAddressFamilies=",
		decide: addressFamilies,
	},
	{
		directive: "RestrictNamespaces", field: "sandboxing.restrict_namespaces", list: true, since: 233, profile: Standard, inherited: Likely,
		check:  restarted + "; no helper of it needs unshare(1), bwrap(1) or a browser's sandbox",
		ref:    "man:systemd.exec(5)#RestrictNamespaces=",
		decide: namespaces,
	},
	{
		directive: "SystemCallFilter", field: "sandboxing.system_calls.filter", list: true, since: 239, profile: Standard, inherited: Likely,
		check:  "run it through all it does; with EPERM the log says \"Operation not permitted\" and names what failed (strace -f -e status=failed shows the calls)",
		ref:    "man:systemd.exec(5)#SystemCallFilter=",
		decide: systemCalls,
	},
	{
		directive: "ProtectProc", field: "sandboxing.protect_proc", since: 247, profile: Standard, system: true, inherited: Likely,
		now: func(u *unit.Settings) string { return u.ProtectProc.Value }, enough: []string{"ptraceable"},
		check: "the service does not look for processes of other users (pgrep, pidof, monitoring)", ref: "man:systemd.exec(5)#ProtectProc=",
		decide: func(s *subject) verdict {
			if why, ok := s.starts(); ok && s.known == nil && s.programs[0].Runtime == "shell" {
				return unsure(why+": does it look for processes of others?", "invisible")
			}
			return harmless("only programs that watch others read their entries in /proc", "invisible")
		},
	},
	{
		directive: "RemoveIPC", field: "sandboxing.remove_ipc", boolean: true, since: 232, profile: Standard, system: true, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.RemoveIPC.Value) }, check: "no other service of the same user keeps shared memory: ipcs", ref: "man:systemd.exec(5)#RemoveIPC=",
		decide: func(s *subject) verdict {
			if s.root {
				return nothing() // has no effect
			}
			if _, ok := s.imports("shmget", "semget", "msgget"); ok {
				return unsure(s.name()+" uses System V IPC: do other services of "+s.user+" share it?", "yes")
			}
			return harmless("objects of "+s.user+" are removed when its last process ends", "yes")
		},
	},
	{
		directive: "UMask", field: "umask", since: 183, profile: Standard, inherited: Likely,
		check:  "other programs read what they must: web content, log files, sockets (ls -l)",
		ref:    "man:systemd.exec(5)#UMask=",
		decide: umask,
	},
	{
		directive: "MemoryDenyWriteExecute", field: "sandboxing.memory_deny_write_execute", boolean: true, since: 231, profile: Strict, inherited: Likely,
		now:    func(u *unit.Settings) string { return yesNo(u.MemoryDenyWriteExecute.Value) },
		check:  "the service starts (signals TRAP, SEGV or ABRT at start: it needs the memory) and plug-ins load",
		ref:    "man:systemd.exec(5)#MemoryDenyWriteExecute=",
		decide: denyWriteExecute,
	},
	{
		directive: "SystemCallFilter=~@privileged", field: "sandboxing.system_calls.filter", list: true, since: 239, profile: Strict, inherited: Likely,
		check: restarted, ref: "man:systemd.exec(5)#SystemCallFilter=",
		decide: func(s *subject) verdict { return withoutGroup(s, "@privileged") },
	},
	{
		directive: "SystemCallFilter=~@resources", field: "sandboxing.system_calls.filter", list: true, since: 239, profile: Strict, inherited: Likely,
		check: restarted, ref: "man:systemd.exec(5)#SystemCallFilter=",
		decide: func(s *subject) verdict { return withoutGroup(s, "@resources") },
	},
	{
		directive: "PrivateUsers", field: "sandboxing.private_users", since: 232, profile: Strict, inherited: Likely,
		now: func(u *unit.Settings) string {
			if v := u.PrivateUsers.Value; v != "self" {
				return v
			}
			return "yes"
		},
		enough: []string{"identity", "full", "managed"},
		check:  "the service starts (217/USER or 226/NAMESPACE: user namespaces are off) and finds its files; those of other users show as nobody",
		ref:    "man:systemd.exec(5)#PrivateUsers=",
		decide: privateUsers,
	},
	{
		directive: "ProcSubset", field: "sandboxing.proc_subset", since: 247, profile: Strict, system: true, inherited: Likely,
		now: func(u *unit.Settings) string { return u.ProcSubset.Value }, check: "nothing it reports is suddenly zero: /proc/meminfo, stat, cpuinfo, sys and net/dev are gone", ref: "man:systemd.exec(5)#ProcSubset=",
		decide: func(s *subject) verdict {
			if use, ok := s.below("/proc"); ok {
				return breaking(use.why+"= mentions "+use.path, "pid")
			}
			return unsure("runtimes and metrics read /proc/meminfo, /proc/stat or /proc/sys, and it gains next to nothing", "pid")
		},
	},
	{
		directive: "PrivateIPC", field: "sandboxing.private_ipc", boolean: true, since: 248, profile: Strict, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.PrivateIPC.Value) }, check: "no other service shares System V or POSIX message objects with it: ipcs", ref: "man:systemd.exec(5)#PrivateIPC=",
		decide: func(s *subject) verdict {
			if why, ok := s.imports("shmget", "semget", "msgget", "mq_open"); ok {
				return unsure(why+": does another program share it?", "yes")
			}
			if s.analyzable() {
				return harmless("no program of it imports System V IPC", "yes")
			}
			return unsure("does it share System V or POSIX message objects with others?", "yes")
		},
	},
	{
		directive: "SocketBindDeny", field: "sandboxing.socket_bind_deny", list: true, since: 249, profile: Strict, system: true, inherited: Likely,
		check: "the service listens where it should: ss -ltnp", ref: "man:systemd.resource-control(5)#SocketBindAllow=bind-rule",
		decide: socketBind,
	},
	{
		directive: "IPAddressDeny", field: "sandboxing.ip_address_deny", list: true, since: 235, profile: Strict, system: true, inherited: Likely,
		check: "the service answers and reaches all it must; other addresses time out or are refused", ref: "man:systemd.resource-control(5)#IPAddressAllow=ADDRESS[/PREFIXLENGTH]…",
		decide: addresses,
	},
	{
		directive: "PrivateNetwork", field: "sandboxing.private_network", boolean: true, since: 183, profile: Strict, inherited: Likely,
		now: func(u *unit.Settings) string { return yesNo(u.PrivateNetwork.Value) }, check: "the job ends well without a network", ref: "man:systemd.exec(5)#PrivateNetwork=",
		decide: func(s *subject) verdict {
			if !s.is(TimerJob) || len(s.ports) > 0 {
				return nothing()
			}
			return unsure("does the job reach anything over the network, or over abstract Unix sockets?", "yes")
		},
	},
}
