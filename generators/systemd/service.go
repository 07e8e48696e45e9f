package systemd

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// service writes the unit that runs the daemon. The order of directives is
// fixed: what it is, what it needs, when it runs; then how it starts, stops
// and restarts, who it is, its environment, output, limits and sandbox.
func (r *renderer) service() {
	r.open()
	d := r.d
	if r.accept && len(d.Instances) > 0 {
		r.refuse(at(field.Instances), "a socket with accept makes the service a template of connections, which cannot have instances of its own", "remove instances or accept")
	}
	if r.set(field.Description) {
		r.text(unitDescription, at(field.Description), d.Description)
	} else {
		r.plain(unitDescription, d.Name)
	}
	r.words(unitDocumentation, at(field.Documentation), d.Documentation)
	r.dependencies()
	r.conditions()
	r.startLimit()

	r.kindOfService()
	r.commands()
	r.stop()
	r.restart()
	r.identity()
	r.environment()
	r.directories()
	r.output()
	r.limits()
	r.scheduling()
	r.sandbox()
	r.install()
	r.overrides(inUnit, inService, inInstall)
	r.close(r.fileName("", ".service", r.template()))
}

// unitNames returns names with a suffix: a bare name is a service.
func (r *renderer) unitNames(names []string, suffix string) []string {
	if len(names) == 0 {
		return nil
	}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = unitName(n, suffix)
	}
	return out
}

func unitName(n, suffix string) string {
	if i := strings.LastIndexByte(n, '.'); i > 0 {
		switch n[i:] {
		case ".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope":
			return n
		}
	}
	return n + suffix
}

// dependencies writes the relations to other units. What must be there before
// this service is also ordered before it: systemd keeps need and order apart
// (systemd.unit(5), Requires=).
func (r *renderer) dependencies() {
	o := &r.d.DependsOn
	const service = ".service"
	requires := r.unitNames(o.Requires, service)
	requisite := r.unitNames(o.Requisite, service)
	wants := r.unitNames(o.Wants, service)
	binds := r.unitNames(o.BindsTo, service)
	after := r.unitNames(o.After, service)
	for _, need := range [...][]string{requires, requisite, binds} {
		for _, n := range need {
			if !slices.Contains(after, n) {
				after = append(after, n)
			}
		}
	}
	if o.NetworkOnline && !r.user {
		// The target does nothing unless something wants it (systemd.special(7)).
		wants = append(wants, "network-online.target")
		after = append(after, "network-online.target")
	}
	if r.hasHealth() {
		wants = append(wants, r.reference("health", ".timer"))
	}
	r.words(unitRequires, at(field.DependsOnRequires), requires)
	r.words(unitRequisite, at(field.DependsOnRequisite), requisite)
	r.words(unitWants, at(field.DependsOnWants), wants)
	r.words(unitBindsTo, at(field.DependsOnBindsTo), binds)
	r.words(unitPartOf, at(field.DependsOnPartOf), r.unitNames(o.PartOf, service))
	r.words(unitUpholds, at(field.DependsOnUpholds), r.unitNames(o.Upholds, service))
	r.words(unitConflicts, at(field.DependsOnConflicts), r.unitNames(o.Conflicts, service))
	r.words(unitBefore, at(field.DependsOnBefore), r.unitNames(o.Before, service))
	r.words(unitAfter, at(field.DependsOnAfter), after)
	r.words(unitOnFailure, at(field.DependsOnOnFailure), r.unitNames(o.OnFailure, service))
	r.words(unitOnSuccess, at(field.DependsOnOnSuccess), r.unitNames(o.OnSuccess, service))
	r.words(unitRequiresMountsFor, at(field.DependsOnMounts), o.Mounts)
}

// conditions writes Condition...= or Assert...=; a leading ! means the same
// to systemd.
func (r *renderer) conditions() {
	c := &r.d.Conditions
	each := func(condition, assert directive, id field.ID, values []string) {
		if c.Assert {
			condition = assert
		}
		for i, v := range values {
			r.text(condition, item(id.String(), i, ""), v)
		}
	}
	each(unitConditionPathExists, unitAssertPathExists, field.ConditionsPathExists, c.PathExists)
	each(unitConditionPathExistsGlob, unitAssertPathExistsGlob, field.ConditionsPathExistsGlob, c.PathExistsGlob)
	each(unitConditionPathIsDirectory, unitAssertPathIsDirectory, field.ConditionsPathIsDirectory, c.PathIsDirectory)
	each(unitConditionPathIsSymbolicLink, unitAssertPathIsSymbolicLink, field.ConditionsPathIsSymbolicLink, c.PathIsSymbolicLink)
	each(unitConditionPathIsMountPoint, unitAssertPathIsMountPoint, field.ConditionsPathIsMountPoint, c.PathIsMountPoint)
	each(unitConditionPathIsReadWrite, unitAssertPathIsReadWrite, field.ConditionsPathIsReadWrite, c.PathIsReadWrite)
	each(unitConditionDirectoryNotEmpty, unitAssertDirectoryNotEmpty, field.ConditionsDirectoryNotEmpty, c.DirectoryNotEmpty)
	each(unitConditionFileNotEmpty, unitAssertFileNotEmpty, field.ConditionsFileNotEmpty, c.FileNotEmpty)
	each(unitConditionFileIsExecutable, unitAssertFileIsExecutable, field.ConditionsFileIsExecutable, c.FileIsExecutable)
	each(unitConditionArchitecture, unitAssertArchitecture, field.ConditionsArchitecture, c.Architecture)
	each(unitConditionVirtualization, unitAssertVirtualization, field.ConditionsVirtualization, c.Virtualization)
	each(unitConditionHost, unitAssertHost, field.ConditionsHost, c.Host)
	each(unitConditionKernelCommandLine, unitAssertKernelCommandLine, field.ConditionsKernelCommandLine, c.KernelCommandLine)
	each(unitConditionKernelVersion, unitAssertKernelVersion, field.ConditionsKernelVersion, c.KernelVersion)
	each(unitConditionSecurity, unitAssertSecurity, field.ConditionsSecurity, c.Security)
	each(unitConditionCapability, unitAssertCapability, field.ConditionsCapability, c.Capability)
	each(unitConditionEnvironment, unitAssertEnvironment, field.ConditionsEnvironment, c.Environment)
	memory := slices.Clone(c.Memory)
	for i, v := range memory {
		// systemd 247 takes no unit.
		digits := strings.TrimLeft(v, "!<>= ")
		if size, ok := spec.ParseSize(digits); ok {
			memory[i] = v[:len(v)-len(digits)] + strconv.FormatInt(int64(size), 10)
		}
	}
	each(unitConditionMemory, unitAssertMemory, field.ConditionsMemory, memory)
	each(unitConditionCPUs, unitAssertCPUs, field.ConditionsCPUs, c.CPUs)
	if c.ACPower {
		each(unitConditionACPower, unitAssertACPower, field.ConditionsACPower, []string{"true"})
	}
	if c.FirstBoot {
		each(unitConditionFirstBoot, unitAssertFirstBoot, field.ConditionsFirstBoot, []string{"yes"})
	}
}

// startLimit writes how often the service may be started. Until 229 these
// settings belonged to [Service] and the interval had another name (NEWS 230).
func (r *renderer) startLimit() {
	interval, burst := unitStartLimitIntervalSec, unitStartLimitBurst
	if !r.at(230) {
		interval, burst = serviceStartLimitInterval, serviceStartLimitBurst
	}
	attempts := r.d.Restart.MaxAttempts
	switch {
	case r.set(field.RestartMaxAttempts) && attempts == spec.Unlimited:
		r.plain(interval, "0") // 0 turns the limit off (systemd.unit(5))
		return
	case r.set(field.RestartWindow):
		r.duration(interval, r.d.Restart.Window)
	}
	if r.set(field.RestartMaxAttempts) {
		// A burst of 0 would turn the limit off as well; the first start is one.
		r.number(burst, max(attempts, 1))
	}
}

// kindOfService writes Type= and what goes with it.
func (r *renderer) kindOfService() {
	d := r.d
	typ := d.Type
	switch {
	case typ == "exec" && !r.at(240):
		r.lose(field.Type, "type", generators.Approximate, "before 240 the service counts as started before its program runs (Type=simple)")
		typ = "simple"
	case typ == "notify-reload" && !r.at(253):
		r.lose(field.Type, "type", generators.Approximate, "before 253 a reload is a signal whose end nobody waits for (Type=notify with ExecReload=)")
		typ = "notify"
	}
	if r.set(field.Type) {
		r.plain(serviceType, typ)
	}
	if d.BusName != "" {
		r.text(serviceBusName, at(field.BusName), d.BusName)
	}
	if r.set(field.RemainAfterExit) {
		r.flag(serviceRemainAfterExit, d.RemainAfterExit)
	}
	if d.NotifyAccess != "" {
		r.plain(serviceNotifyAccess, d.NotifyAccess)
	}
	if d.PidFile != "" {
		r.text(servicePIDFile, at(field.PidFile), d.PidFile)
	}
	if names := r.socketUnits(); len(names) > 1 && !r.accept {
		r.words(serviceSockets, at(field.SocketsListen), names)
	}
}

// commands writes the program and what runs around it.
func (r *renderer) commands() {
	d := r.d
	h := &d.Hooks
	lists := [...]struct {
		d     directive
		id    field.ID
		path  string
		hooks []spec.Hook
	}{
		{serviceExecStartPre, field.HooksPreStartPrivileged, "hooks.pre_start", h.PreStart},
		{serviceExecStartPost, field.HooksPostStartPrivileged, "hooks.post_start", h.PostStart},
		{serviceExecStop, field.HooksPreStopPrivileged, "hooks.pre_stop", h.PreStop},
		{serviceExecStopPost, field.HooksPostStopPrivileged, "hooks.post_stop", h.PostStop},
	}
	// The prefix + is of 231. Before, PermissionsStartOnly= did the same for
	// all commands but the program itself, or for none.
	all, some := len(d.Stop.Command) == 0 && len(d.Reload.Command) == 0, false
	for _, l := range lists {
		for _, hook := range l.hooks {
			all, some = all && hook.Privileged, some || hook.Privileged
		}
	}
	if some && !r.user && !r.at(231) && all {
		r.flag(servicePermissionsStartOnly, true)
	}
	hooks := func(n int) {
		l := &lists[n]
		for i := range l.hooks {
			hook := &l.hooks[i]
			prefix := ""
			if hook.IgnoreFailure {
				prefix = "-"
			}
			if hook.Privileged && !r.user {
				switch {
				case r.at(231):
					prefix += "+"
				case !all:
					r.lose(l.id, item(l.path, i, ".privileged").String(), generators.Unsupported, "before 231 either all hooks and commands are privileged or none")
				}
			}
			r.exec(l.d, item(l.path, i, ".command"), prefix, hook.Command)
		}
	}
	hooks(0)
	if d.Shell != "" {
		r.exec(serviceExecStart, at(field.Shell), "", []string{"/bin/sh", "-c", shellScript(d.Shell)})
	} else {
		r.exec(serviceExecStart, at(field.Command), "", d.Command)
	}
	hooks(1)
	r.reload()
	hooks(2)
	if len(d.Stop.Command) > 0 {
		r.exec(serviceExecStop, at(field.StopCommand), "", d.Stop.Command)
	}
	hooks(3)
}

// shellScript drops the newline that ends a block scalar.
func shellScript(s string) string { return strings.TrimSuffix(s, "\n") }

// reload writes how the service is told to read its configuration again.
func (r *renderer) reload() {
	d := r.d
	signal := d.Reload.Signal
	if d.Type == "notify-reload" {
		if r.at(253) {
			if signal != "" {
				r.plain(serviceReloadSignal, signal)
			}
			signal = ""
		} else if signal == "" && len(d.Reload.Command) == 0 {
			signal = "SIGHUP"
		}
	}
	if signal != "" {
		// systemd.service(5), ExecReload=; the variable is set by systemd.
		r.native(serviceExecReload, "/bin/kill -s "+strings.TrimPrefix(signal, "SIG")+" $MAINPID")
	}
	if len(d.Reload.Command) > 0 {
		r.exec(serviceExecReload, at(field.ReloadCommand), "", d.Reload.Command)
	}
}

// timeout writes a time limit; before 229 only 0 meant none (NEWS 229).
func (r *renderer) timeout(dir directive, v spec.Duration) {
	if v == spec.Infinity && !r.at(229) {
		v = 0
	}
	r.duration(dir, v)
}

// stop writes time limits and how the service is ended.
func (r *renderer) stop() {
	d := r.d
	if r.set(field.StartTimeout) {
		r.timeout(serviceTimeoutStartSec, d.Start.Timeout)
	}
	if r.set(field.StopTimeout) {
		r.timeout(serviceTimeoutStopSec, d.Stop.Timeout)
	}
	if r.set(field.StopKillMode) {
		r.plain(serviceKillMode, d.Stop.KillMode)
	}
	if r.set(field.StopSignal) {
		r.plain(serviceKillSignal, d.Stop.Signal)
	}
	if r.set(field.StopFinalSignal) {
		r.plain(serviceFinalKillSignal, d.Stop.FinalSignal)
	}
	if r.set(field.StopSendSighup) {
		r.flag(serviceSendSIGHUP, d.Stop.SendSighup)
	}
	if r.set(field.StopSendSigkill) {
		r.flag(serviceSendSIGKILL, d.Stop.SendSigkill)
	}
	if r.set(field.Watchdog) {
		r.duration(serviceWatchdogSec, d.Watchdog)
	}
	if r.set(field.MaxRuntime) {
		r.duration(serviceRuntimeMaxSec, d.MaxRuntime)
	}
}

// restart writes when the service is started again.
func (r *renderer) restart() {
	s := &r.d.Restart
	policy := s.Policy
	if policy == "unless-stopped" {
		policy = "always" // a manual stop never restarts, and disabling is remembered
	}
	if r.d.Type == "oneshot" && policy != "no" {
		// service_verify, src/core/service.c: a unit that breaks these rules is not loaded.
		switch {
		case !r.at(244):
			r.lose(field.RestartPolicy, "restart.policy", generators.Unsupported, "before 244 systemd refuses to restart a oneshot")
			policy = "no"
		case policy == "always" || policy == "on-success":
			r.lose(field.RestartPolicy, "restart.policy", generators.Approximate, "systemd restarts a oneshot only after a failure")
			policy = "on-failure"
		}
	}
	if r.set(field.RestartPolicy) {
		r.plain(serviceRestart, policy)
	}
	if r.set(field.RestartDelay) {
		r.duration(serviceRestartSec, s.Delay)
	}
	if r.set(field.RestartSteps) {
		r.number(serviceRestartSteps, max(s.Steps, 0))
	}
	if r.set(field.RestartMaxDelay) {
		r.duration(serviceRestartMaxDelaySec, s.MaxDelay)
	}
	r.words(serviceSuccessExitStatus, at(field.RestartSuccessExit), s.SuccessExit)
	r.words(serviceRestartPreventExitStatus, at(field.RestartPreventExit), s.PreventExit)
	r.words(serviceRestartForceExitStatus, at(field.RestartForceExit), s.ForceExit)
}

// identity writes who the process is. A user manager has one user only.
func (r *renderer) identity() {
	d := r.d
	if !r.user {
		if d.User != "" {
			r.text(serviceUser, at(field.User), d.User)
		}
		if d.Group != "" {
			r.text(serviceGroup, at(field.Group), d.Group)
		}
		r.words(serviceSupplementaryGroups, at(field.SupplementaryGroups), d.SupplementaryGroups)
	}
	if d.WorkingDir != "" {
		r.text(serviceWorkingDirectory, at(field.WorkingDir), d.WorkingDir)
	}
	if r.set(field.Umask) {
		r.mode(serviceUMask, d.Umask)
	}
}

// environment writes the variables and credentials.
func (r *renderer) environment() {
	d := r.d
	for _, v := range d.Environment {
		r.environ(serviceEnvironment, place{"environment.", -1, v.Name}, v.Name, v.Value)
	}
	for i, f := range d.EnvFile {
		prefix := ""
		if !f.Required {
			prefix = "-"
		}
		r.prefixed(serviceEnvironmentFile, item("env_file", i, ".path"), prefix, globEscape(f.Path))
	}
	r.words(servicePassEnvironment, at(field.PassEnvironment), d.PassEnvironment)
	r.words(serviceUnsetEnvironment, at(field.UnsetEnvironment), d.UnsetEnvironment)
	for _, c := range d.Credentials {
		p := place{"credentials.", -1, c.Name}
		if strings.ContainsAny(c.Name, `"'\`) || hasControl(c.Name) {
			r.refuse(p, "the name of a credential cannot hold quotes or backslashes", "rename it")
			continue
		}
		if strings.ContainsAny(c.Path, ` \`) {
			// Seen with 257 and 262: systemd-executor, which came with 255,
			// cannot read back what the manager passes on.
			r.refuse(p, "since 255 systemd does not start a service with a blank or backslash in the path of a credential", "rename the file")
			continue
		}
		r.prefixed(serviceLoadCredential, p, c.Name+":", c.Path)
	}
}

// globEscape returns a pattern that matches only the path s: EnvironmentFile=
// takes wildcards (systemd.exec(5)).
func globEscape(s string) string {
	if !strings.ContainsAny(s, `*?[\`) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`*?[\`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// directories writes the directories that systemd makes for the service. What
// the target cannot make itself, systemd-tmpfiles does (see tmpfiles).
func (r *renderer) directories() {
	dirs := &r.d.Directories
	one := func(name, mode directive, id, modeID field.ID, dir string, m spec.Mode) {
		if dir == "" || r.tmpfilesOwn(id, dir) {
			return
		}
		if !directives[name].known(r.version) || strings.Contains(dir, "/") && !r.at(235) {
			r.lose(id, id.String(), generators.Unsupported, "before 235 systemd makes no such directory for a user's service")
			return
		}
		r.words(name, at(id), []string{dir})
		if r.set(modeID) {
			r.mode(mode, m)
		}
	}
	one(serviceRuntimeDirectory, serviceRuntimeDirectoryMode, field.DirectoriesRuntimeName, field.DirectoriesRuntimeMode, dirs.Runtime.Name, dirs.Runtime.Mode)
	if dirs.Runtime.Preserve != "" {
		r.plain(serviceRuntimeDirectoryPreserve, dirs.Runtime.Preserve)
	}
	one(serviceStateDirectory, serviceStateDirectoryMode, field.DirectoriesStateName, field.DirectoriesStateMode, dirs.State.Name, dirs.State.Mode)
	one(serviceCacheDirectory, serviceCacheDirectoryMode, field.DirectoriesCacheName, field.DirectoriesCacheMode, dirs.Cache.Name, dirs.Cache.Mode)
	one(serviceLogsDirectory, serviceLogsDirectoryMode, field.DirectoriesLogsName, field.DirectoriesLogsMode, dirs.Logs.Name, dirs.Logs.Mode)
	one(serviceConfigurationDirectory, serviceConfigurationDirectoryMode, field.DirectoriesConfigName, field.DirectoriesConfigMode, dirs.Config.Name, dirs.Config.Mode)
}

// output writes where input comes from and output goes.
func (r *renderer) output() {
	d := r.d
	if r.set(field.Stdin) {
		if path, ok := strings.CutPrefix(d.Stdin, "file:"); !ok {
			r.plain(serviceStandardInput, d.Stdin)
		} else if r.at(236) {
			r.prefixed(serviceStandardInput, at(field.Stdin), "file:", path)
		} else {
			r.lose(field.Stdin, "stdin", generators.Unsupported, "input from a file needs systemd 236 or later")
		}
	}
	l := &d.Logging
	r.stream(serviceStandardOutput, field.LoggingStdout, l.Stdout)
	r.stream(serviceStandardError, field.LoggingStderr, l.Stderr)
	if l.Identifier != "" {
		r.text(serviceSyslogIdentifier, at(field.LoggingIdentifier), l.Identifier)
	}
	if l.Facility != "" {
		r.plain(serviceSyslogFacility, l.Facility)
	}
	if l.Level != "" {
		r.plain(serviceSyslogLevel, l.Level)
	}
	if l.MaxLevel != "" {
		r.plain(serviceLogLevelMax, l.MaxLevel)
	}
	if r.set(field.LoggingRateInterval) {
		r.duration(serviceLogRateLimitIntervalSec, l.RateInterval)
	}
	if r.set(field.LoggingRateBurst) {
		switch l.RateBurst {
		case spec.Unlimited:
			r.number(serviceLogRateLimitBurst, 0) // 0 turns the limit off
		case 0:
			r.refuse(at(field.LoggingRateBurst), "0 turns the limit off in systemd instead of dropping every line", "write infinity for no limit, or logging.stdout: null to drop the output")
		default:
			r.number(serviceLogRateLimitBurst, l.RateBurst)
		}
	}
	if l.Namespace != "" && !r.user {
		r.text(serviceLogNamespace, at(field.LoggingNamespace), l.Namespace)
	}
}

// stream writes one output. Files are always appended to: file: would write
// over what is there from the beginning without truncating it
// (systemd.exec(5), StandardOutput=).
func (r *renderer) stream(dir directive, id field.ID, value string) {
	if !r.set(id) {
		return
	}
	_, path, isFile := strings.Cut(value, ":")
	switch {
	case isFile && r.user && r.at(235) && (strings.HasPrefix(path, spec.RefLogsDir.Mark()) || strings.HasPrefix(path, spec.RefStateDir.Mark()) || strings.HasPrefix(path, spec.RefCacheDir.Mark())):
		r.refuse(at(id), "systemd opens the file before it makes the directory, so the service would not start", "log to the journal, or to a file in a directory that exists")
	case isFile && r.at(240):
		r.prefixed(dir, at(id), "append:", path)
	case isFile && r.at(236):
		r.lose(id, id.String(), generators.Approximate, "before 240 each start writes over the file from its beginning")
		r.prefixed(dir, at(id), "file:", path)
	case isFile:
		r.lose(id, id.String(), generators.Unsupported, "output to a file needs systemd 236 or later; the output goes to the journal")
	case value == "syslog" && r.at(246):
		r.plain(dir, "journal") // syslog became another name for it, with a warning (NEWS 246)
	default:
		r.plain(dir, value)
	}
}

// triggered reports whether something other than boot starts the service.
func (r *renderer) triggered() bool {
	return len(r.d.Timers) > 0 || len(r.d.Sockets) > 0 || len(r.d.Paths) > 0
}

// installed reports whether the service itself has an [Install] section. One
// that a timer, socket or path starts has none, unless the spec asks for it by
// name.
func (r *renderer) installed() bool {
	return !r.triggered() || r.set(field.InstallWantedBy) || r.set(field.InstallRequiredBy) || r.set(field.InstallAlias)
}

func (r *renderer) install() {
	if !r.installed() {
		return
	}
	i := &r.d.Install
	wanted := i.WantedBy
	if len(wanted) == 0 {
		wanted = []string{"multi-user"}
	}
	wanted = r.unitNames(wanted, ".target")
	if r.user {
		for n, w := range wanted {
			// The user manager has neither of the boot targets (systemd.special(7)).
			switch w {
			case "multi-user.target":
				wanted[n] = "default.target"
			case "graphical.target":
				wanted[n] = "graphical-session.target"
			}
		}
	}
	r.words(installWantedBy, at(field.InstallWantedBy), wanted)
	r.words(installRequiredBy, at(field.InstallRequiredBy), r.unitNames(i.RequiredBy, ".service"))
	alias := r.unitNames(i.Alias, ".service")
	for n, a := range alias {
		if base, ok := strings.CutSuffix(a, ".service"); ok && r.template() && !strings.Contains(a, "@") {
			alias[n] = base + "@.service" // the alias of a template is one
		}
	}
	r.words(installAlias, at(field.InstallAlias), alias)
}
