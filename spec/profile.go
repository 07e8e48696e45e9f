package spec

import "github.com/daemonize/daemonize/spec/field"

// Profiles of sandboxing, each including the one before it. They hold what
// can be chosen without knowing the program: baseline breaks nothing that a
// well-behaved daemon does, standard fits services that keep to their own
// directories and talk over IP or Unix sockets, strict additionally assumes
// that the program needs no capability, no writable and executable memory and
// no way to learn about the rest of the system.
//
// Explicit keys always win. The scores of `systemd-analyze security` for an
// otherwise empty service with a user of its own are in docs/reference.md.
func (d *decoder) applyProfile() {
	s := &d.Sandboxing
	level := 0
	switch s.Profile {
	case "baseline":
		level = 1
	case "standard":
		level = 2
	case "strict":
		level = 3
	default:
		return
	}
	fill := func(at int, id field.ID, apply func()) {
		if level >= at && !d.IsSet(id) {
			apply()
			d.present.add(id)
			d.profile.add(id)
		}
	}
	flag := func(at int, id field.ID, v *bool) { fill(at, id, func() { *v = true }) }
	word := func(at int, id field.ID, v *string, w string) { fill(at, id, func() { *v = w }) }
	list := func(at int, id field.ID, v *[]string, w ...string) { fill(at, id, func() { *v = w }) }

	if level == 1 {
		word(1, field.SandboxingProtectSystem, &s.ProtectSystem, "full")
	}
	flag(1, field.SandboxingNoNewPrivileges, &s.NoNewPrivileges)
	word(1, field.SandboxingPrivateTmp, &s.PrivateTmp, "yes")
	word(1, field.SandboxingProtectControlGroups, &s.ProtectControlGroups, "yes")
	flag(1, field.SandboxingProtectKernelTunables, &s.ProtectKernelTunables)
	flag(1, field.SandboxingProtectKernelModules, &s.ProtectKernelModules)
	flag(1, field.SandboxingProtectKernelLogs, &s.ProtectKernelLogs)
	flag(1, field.SandboxingProtectClock, &s.ProtectClock)
	word(1, field.SandboxingProtectHostname, &s.ProtectHostname, "yes")
	flag(1, field.SandboxingRestrictRealtime, &s.RestrictRealtime)
	flag(1, field.SandboxingRestrictSUIDSGID, &s.RestrictSUIDSGID)
	flag(1, field.SandboxingLockPersonality, &s.LockPersonality)

	word(2, field.SandboxingProtectSystem, &s.ProtectSystem, "strict")
	word(2, field.SandboxingProtectHome, &s.ProtectHome, "yes")
	flag(2, field.SandboxingPrivateDevices, &s.PrivateDevices)
	list(2, field.SandboxingRestrictNamespaces, &s.RestrictNamespaces, "yes")
	list(2, field.SandboxingAddressFamilies, &s.AddressFamilies, "AF_INET", "AF_INET6", "AF_UNIX")
	list(2, field.SandboxingSystemCallsArchitectures, &s.SystemCalls.Architectures, "native")
	list(2, field.SandboxingSystemCallsFilter, &s.SystemCalls.Filter, "@system-service")
	word(2, field.SandboxingSystemCallsError, &s.SystemCalls.Error, "EPERM")
	word(2, field.SandboxingProtectProc, &s.ProtectProc, "invisible")
	flag(2, field.SandboxingRemoveIPC, &s.RemoveIPC)

	// Only what the profile itself chose is narrowed, never the author's list.
	if level == 3 && d.FromProfile(field.SandboxingSystemCallsFilter) {
		s.SystemCalls.Filter = []string{"@system-service", "~@privileged", "~@resources"}
	}
	list(3, field.SandboxingCapabilitiesBounding, &s.Capabilities.Bounding, s.Capabilities.Ambient...)
	flag(3, field.SandboxingMemoryDenyWriteExecute, &s.MemoryDenyWriteExecute)
	// A user namespace has no power over the host, so what was granted would be worth nothing in it.
	if len(s.Capabilities.Ambient) == 0 {
		word(3, field.SandboxingPrivateUsers, &s.PrivateUsers, "yes")
	}
	word(3, field.SandboxingProcSubset, &s.ProcSubset, "pid")
	fill(3, field.Umask, func() { d.Umask = 0o077 })
}
