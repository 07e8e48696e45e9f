package systemd

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec/field"
)

// sandbox writes the settings of systemd.exec(5) and, at the end, those of
// systemd.resource-control(5) that limit what the service can do.
//
// In the user scope those that need root are left out, as the capability table
// says; those that need a mount namespace are written (see namespaced).
func (r *renderer) sandbox() {
	s := &r.d.Sandboxing
	system := !r.user
	r.flagIf(serviceNoNewPrivileges, field.SandboxingNoNewPrivileges, s.NoNewPrivileges)
	if system {
		r.flagIf(serviceDynamicUser, field.SandboxingDynamicUser, s.DynamicUser)
	}
	if r.namespaced() {
		r.namespaces()
	}
	if s.PrivateUsers != "" {
		r.later(servicePrivateUsers, field.SandboxingPrivateUsers, s.PrivateUsers)
	} else if r.user && !r.at(254) && r.at(247) && r.wantsNamespace() {
		// From 254 on implied by the settings above (NEWS 254), ignored without it before.
		r.flag(servicePrivateUsers, true)
	}
	if len(s.DelegateNamespaces) > 0 {
		r.signed(serviceDelegateNamespaces, at(field.SandboxingDelegateNamespaces), s.DelegateNamespaces, false)
	}

	r.flagIf(serviceLockPersonality, field.SandboxingLockPersonality, s.LockPersonality)
	r.flagIf(serviceMemoryDenyWriteExecute, field.SandboxingMemoryDenyWriteExecute, s.MemoryDenyWriteExecute)
	r.flagIf(serviceRestrictRealtime, field.SandboxingRestrictRealtime, s.RestrictRealtime)
	r.flagIf(serviceRestrictSUIDSGID, field.SandboxingRestrictSUIDSGID, s.RestrictSUIDSGID)
	r.signed(serviceRestrictNamespaces, at(field.SandboxingRestrictNamespaces), s.RestrictNamespaces, false)
	r.families(s.AddressFamilies)
	r.systemCalls()
	if s.KeyringMode != "" {
		r.plain(serviceKeyringMode, s.KeyringMode)
	}
	if s.Personality != "" {
		r.plain(servicePersonality, s.Personality)
	}
	if !system {
		return
	}
	r.flagIf(serviceRemoveIPC, field.SandboxingRemoveIPC, s.RemoveIPC)
	r.signed(serviceCapabilityBoundingSet, at(field.SandboxingCapabilitiesBounding), s.Capabilities.Bounding, r.set(field.SandboxingCapabilitiesBounding))
	r.signed(serviceAmbientCapabilities, at(field.SandboxingCapabilitiesAmbient), s.Capabilities.Ambient, r.set(field.SandboxingCapabilitiesAmbient))
	r.words(serviceSecureBits, at(field.SandboxingSecureBits), s.SecureBits)
	r.signed(serviceRestrictFileSystems, at(field.SandboxingRestrictFileSystems), s.RestrictFileSystems, false)
	r.signed(serviceRestrictNetworkInterfaces, at(field.SandboxingRestrictNetworkInterfaces), s.RestrictNetworkInterfaces, false)
	r.textIf(serviceSELinuxContext, field.SandboxingSELinuxContext, s.SELinuxContext)
	r.textIf(serviceAppArmorProfile, field.SandboxingAppArmorProfile, s.AppArmorProfile)
	r.textIf(serviceSmackProcessLabel, field.SandboxingSmackProcessLabel, s.SmackProcessLabel)
	r.textIf(servicePAMName, field.SandboxingPAMName, s.PAMName)

	if s.DevicePolicy != "" {
		r.plain(serviceDevicePolicy, s.DevicePolicy)
	}
	for i, v := range s.DeviceAllow {
		r.device(item("sandboxing.device_allow", i, ""), v)
	}
	r.words(serviceIPAddressAllow, at(field.SandboxingIPAddressAllow), s.IPAddressAllow)
	r.words(serviceIPAddressDeny, at(field.SandboxingIPAddressDeny), s.IPAddressDeny)
	// These take one value per line (src/core/load-fragment.c).
	r.lineEach(serviceIPIngressFilterPath, field.SandboxingIPIngressFilterPath, s.IPIngressFilterPath)
	r.lineEach(serviceIPEgressFilterPath, field.SandboxingIPEgressFilterPath, s.IPEgressFilterPath)
	r.lineEach(serviceSocketBindAllow, field.SandboxingSocketBindAllow, s.SocketBindAllow)
	r.lineEach(serviceSocketBindDeny, field.SandboxingSocketBindDeny, s.SocketBindDeny)
}

// namespaced reports whether the target can set up a mount namespace for the
// service. A user manager needs a user namespace for it, which it uses for
// other namespaces only since 247.
func (r *renderer) namespaced() bool {
	if !r.user || r.at(247) {
		return true
	}
	for _, id := range namespaceFields {
		if r.set(id) && !r.doc.Neutral(id) {
			path := id
			if r.doc.FromProfile(id) {
				path = field.SandboxingProfile
			}
			r.lose(id, path.String(), generators.Unsupported, "the user manager sandboxes through user namespaces only since systemd 247")
		}
	}
	return false
}

// wantsNamespace reports whether one of the settings that need one is in effect.
func (r *renderer) wantsNamespace() bool {
	return slices.ContainsFunc(namespaceFields[:], func(id field.ID) bool {
		return r.set(id) && !r.doc.Neutral(id) && table.At(id, r.t).Level != generators.Unsupported
	})
}

// namespaceFields are the settings that a user manager can only honour inside
// a user namespace.
var namespaceFields = [...]field.ID{
	field.SandboxingProtectSystem, field.SandboxingProtectHome, field.SandboxingProtectProc, field.SandboxingProcSubset,
	field.SandboxingProtectHostname, field.SandboxingProtectClock, field.SandboxingProtectKernelTunables,
	field.SandboxingProtectKernelModules, field.SandboxingProtectKernelLogs, field.SandboxingProtectControlGroups,
	field.SandboxingPrivateTmp, field.SandboxingPrivateDevices, field.SandboxingPrivateNetwork, field.SandboxingPrivateIPC,
	field.SandboxingPrivateMounts, field.SandboxingPrivatePIDs, field.SandboxingPrivateBPF, field.SandboxingMountFlags,
	field.SandboxingReadWritePaths, field.SandboxingReadOnlyPaths, field.SandboxingInaccessiblePaths, field.SandboxingExecPaths,
	field.SandboxingNoExecPaths, field.SandboxingTemporaryFileSystem, field.SandboxingBindPaths, field.SandboxingBindReadOnlyPaths,
	field.SandboxingMountAPIVFS, field.SandboxingBindLogSockets, field.SandboxingRootDirectory, field.SandboxingNetworkNamespacePath,
	field.SandboxingIPCNamespacePath, field.SandboxingUserNamespacePath, field.SandboxingExtensionDirectories, field.SandboxingRootEphemeral,
}

// namespaces writes what needs a mount namespace or another.
func (r *renderer) namespaces() {
	s := &r.d.Sandboxing
	r.textIf(serviceRootDirectory, field.SandboxingRootDirectory, s.RootDirectory)
	if !r.user {
		r.textIf(serviceRootImage, field.SandboxingRootImage, s.RootImage)
		r.textIf(serviceRootHash, field.SandboxingRootHash, s.RootHash)
		r.textIf(serviceRootVerity, field.SandboxingRootVerity, s.RootVerity)
	}
	r.flagIf(serviceRootEphemeral, field.SandboxingRootEphemeral, s.RootEphemeral)
	r.flagIf(serviceMountAPIVFS, field.SandboxingMountAPIVFS, s.MountAPIVFS)
	r.flagIf(serviceBindLogSockets, field.SandboxingBindLogSockets, s.BindLogSockets)

	r.later(serviceProtectSystem, field.SandboxingProtectSystem, s.ProtectSystem)
	r.later(serviceProtectHome, field.SandboxingProtectHome, s.ProtectHome)
	r.later(serviceProtectProc, field.SandboxingProtectProc, s.ProtectProc)
	r.later(serviceProcSubset, field.SandboxingProcSubset, s.ProcSubset)
	r.later(serviceProtectHostname, field.SandboxingProtectHostname, s.ProtectHostname)
	r.flagIf(serviceProtectClock, field.SandboxingProtectClock, s.ProtectClock)
	r.flagIf(serviceProtectKernelTunables, field.SandboxingProtectKernelTunables, s.ProtectKernelTunables)
	r.flagIf(serviceProtectKernelModules, field.SandboxingProtectKernelModules, s.ProtectKernelModules)
	r.flagIf(serviceProtectKernelLogs, field.SandboxingProtectKernelLogs, s.ProtectKernelLogs)
	r.later(serviceProtectControlGroups, field.SandboxingProtectControlGroups, s.ProtectControlGroups)

	r.later(servicePrivateTmp, field.SandboxingPrivateTmp, s.PrivateTmp)
	r.flagIf(servicePrivateDevices, field.SandboxingPrivateDevices, s.PrivateDevices)
	r.flagIf(servicePrivateNetwork, field.SandboxingPrivateNetwork, s.PrivateNetwork)
	// Alone, IPCNamespacePath= has no effect in systemd 252: what it needs at
	// run time is only prepared for PrivateIPC=, which it otherwise overrides.
	if s.IPCNamespacePath != "" && r.at(248) {
		r.flag(servicePrivateIPC, true)
	} else {
		r.flagIf(servicePrivateIPC, field.SandboxingPrivateIPC, s.PrivateIPC)
	}
	r.flagIf(servicePrivatePIDs, field.SandboxingPrivatePIDs, s.PrivatePIDs)
	r.flagIf(servicePrivateBPF, field.SandboxingPrivateBPF, s.PrivateBPF)
	r.flagIf(servicePrivateMounts, field.SandboxingPrivateMounts, s.PrivateMounts)
	r.textIf(serviceNetworkNamespacePath, field.SandboxingNetworkNamespacePath, s.NetworkNamespacePath)
	r.textIf(serviceIPCNamespacePath, field.SandboxingIPCNamespacePath, s.IPCNamespacePath)
	r.textIf(serviceUserNamespacePath, field.SandboxingUserNamespacePath, s.UserNamespacePath)
	if s.MountFlags != "" {
		r.plain(serviceMountFlags, s.MountFlags)
	}

	rw, ro, no := serviceReadWritePaths, serviceReadOnlyPaths, serviceInaccessiblePaths
	if !r.at(231) {
		rw, ro, no = serviceReadWriteDirectories, serviceReadOnlyDirectories, serviceInaccessibleDirectories
	}
	r.words(rw, at(field.SandboxingReadWritePaths), s.ReadWritePaths)
	r.words(ro, at(field.SandboxingReadOnlyPaths), s.ReadOnlyPaths)
	r.words(no, at(field.SandboxingInaccessiblePaths), s.InaccessiblePaths)
	r.words(serviceExecPaths, at(field.SandboxingExecPaths), s.ExecPaths)
	r.words(serviceNoExecPaths, at(field.SandboxingNoExecPaths), s.NoExecPaths)
	r.tuples(serviceTemporaryFileSystem, field.SandboxingTemporaryFileSystem, s.TemporaryFileSystem, `\`)
	for i, v := range s.BindPaths {
		r.bind(serviceBindPaths, item("sandboxing.bind_paths", i, ""), v)
	}
	for i, v := range s.BindReadOnlyPaths {
		r.bind(serviceBindReadOnlyPaths, item("sandboxing.bind_read_only_paths", i, ""), v)
	}
	if !r.user {
		r.tuples(serviceMountImages, field.SandboxingMountImages, s.MountImages, `\"'`)
		r.tuples(serviceExtensionImages, field.SandboxingExtensionImages, s.ExtensionImages, `\"'`)
	}
	r.words(serviceExtensionDirectories, at(field.SandboxingExtensionDirectories), s.ExtensionDirectories)
}

func (r *renderer) flagIf(d directive, id field.ID, v bool) {
	// Of a list it is known only that some item has the field; all those
	// default to no.
	if r.set(id) && (v || !id.Info().Repeated) {
		r.flag(d, v)
	}
}

func (r *renderer) textIf(d directive, id field.ID, s string) {
	if s != "" {
		r.text(d, at(id), s)
	}
}

func (r *renderer) lineEach(d directive, id field.ID, values []string) {
	for i, v := range values {
		r.text(d, item(id.String(), i, ""), v)
	}
}

// tuples writes one line for each item of colon-separated parts. The parsers
// split the word a second time by rules of their own, so the characters that
// these rules treat specially are refused.
func (r *renderer) tuples(d directive, id field.ID, values []string, special string) {
	for i, v := range values {
		if strings.ContainsAny(v, special) {
			r.refuse(item(id.String(), i, ""), "systemd splits this setting twice and leaves no way to write quotes and backslashes", "rename the file")
			continue
		}
		r.words(d, item(id.String(), i, ""), []string{v})
	}
}

// bind writes source:target:options, each quoted by itself
// (config_parse_bind_paths, src/core/load-fragment.c).
func (r *renderer) bind(d directive, p place, v string) {
	start, ok := r.begin(d)
	if !ok {
		return
	}
	if hasControl(v) {
		r.refuse(p, "systemd has no way to write control characters in this setting", "write it without them")
		return
	}
	if strings.ContainsAny(v, `"'`) {
		// Seen with 257: systemd-executor, which came with 255, cannot read
		// back what the manager passes on.
		r.refuse(p, "systemd 255 to 257 do not start a service with quotes in the paths of a bind mount", "rename the directory")
		return
	}
	for i, part := range strings.SplitN(v, ":", 3) {
		if i > 0 {
			r.buf = append(r.buf, ':')
		}
		if i == 2 && !isPlain(part) {
			r.refuse(p, "the options of a mount are plain words", "remove the quotes and blanks")
			r.buf = r.buf[:start]
			return
		}
		r.buf = r.word(r.buf, part)
	}
	r.end(d, start, p)
}

// device writes a device and its rights.
func (r *renderer) device(p place, v string) {
	start, ok := r.begin(serviceDeviceAllow)
	if !ok {
		return
	}
	if hasControl(v) {
		r.refuse(p, "systemd has no way to write control characters in this setting", "write it without them")
		return
	}
	dev, rights, _ := strings.Cut(v, " ")
	r.buf = r.word(r.buf, dev)
	if rights != "" {
		r.buf = append(r.buf, ' ')
		r.buf = append(r.buf, rights...)
	}
	r.end(serviceDeviceAllow, start, p)
}

// families writes RestrictAddressFamilies=; the word none is of 249.
func (r *renderer) families(list []string) {
	const id = field.SandboxingAddressFamilies
	if slices.Contains(list, "none") && !r.at(249) {
		r.lose(id, id.String(), generators.Unsupported, "before 249 systemd cannot refuse every address family")
		return
	}
	r.signed(serviceRestrictAddressFamilies, at(id), list, false)
}

// laterWords are the words of settings that came after the setting itself
// (the string tables of src/core/execute.c and src/core/namespace.c), and what
// is written before.
var laterWords = [...]struct {
	id    field.ID
	word  string
	since int
	older string
	level generators.Level
	why   string
}{
	{field.SandboxingProtectSystem, "strict", 232, "full", generators.Unsupported, "before 232 only /usr, /boot and /etc can be made read-only"},
	{field.SandboxingProtectHome, "tmpfs", 239, "yes", generators.Approximate, "before 239 home directories are inaccessible instead of empty"},
	{field.SandboxingProtectHostname, "private", 258, "yes", generators.Approximate, "before 258 the host name cannot be changed at all"},
	{field.SandboxingProtectControlGroups, "private", 257, "yes", generators.Approximate, "before 257 the control groups of the host are visible, read-only"},
	{field.SandboxingProtectControlGroups, "strict", 257, "yes", generators.Approximate, "before 257 the control groups of the host are visible, read-only"},
	{field.SandboxingPrivateTmp, "disconnected", 257, "yes", generators.Approximate, "before 257 the directories are kept below /tmp and /var/tmp of the host"},
	{field.SandboxingPrivateUsers, "self", 257, "yes", generators.Native, ""}, // another name for it
	{field.SandboxingPrivateUsers, "identity", 257, "yes", generators.Approximate, "before 257 all users but root and the service's own are mapped to nobody"},
	{field.SandboxingPrivateUsers, "full", 258, "yes", generators.Approximate, "before 258 all users but root and the service's own are mapped to nobody"},
	{field.SandboxingPrivateUsers, "managed", 260, "yes", generators.Approximate, "before 260 the user namespace has no range of users of its own"},
}

// later writes a word, or its older equivalent on an older target.
func (r *renderer) later(d directive, id field.ID, word string) {
	if word == "" {
		return
	}
	if !directives[d].known(r.version) {
		return // the capability table reports it
	}
	for i := range laterWords {
		if w := &laterWords[i]; w.id == id && w.word == word && !r.at(w.since) {
			if w.level != generators.Native {
				r.lose(id, id.String(), w.level, w.why)
			}
			word = w.older
		}
	}
	r.plain(d, word)
}

// firstGroups are the groups of system calls that came with 231 (NEWS 231).
const firstGroups = " @clock @cpu-emulation @debug @io-event @ipc @keyring @module @mount @network-io @obsolete @privileged @process @raw-io "

// callSince returns the first version that knows an entry of a filter. An
// unknown entry is ignored with a warning, which leaves a filter other than
// the one asked for. The groups between 231 and 239 are not told apart: they
// count as of 239.
func callSince(call string) int {
	name, _, hasError := strings.Cut(strings.TrimPrefix(call, "~"), ":")
	switch {
	case name == "@sandbox":
		return 254
	case name == "@known":
		return 248
	case hasError, name[0] == '@' && !strings.Contains(firstGroups, " "+name+" "):
		return 239
	case name[0] == '@':
		return 231
	}
	return 0
}

// systemCalls writes the filters.
func (r *renderer) systemCalls() {
	s := &r.d.Sandboxing.SystemCalls
	r.calls(serviceSystemCallFilter, field.SandboxingSystemCallsFilter, s.Filter)
	if s.Error != "" {
		if s.Error == "kill" && !r.at(247) {
			return // what happens anyway; the word is of 247
		}
		r.plain(serviceSystemCallErrorNumber, s.Error)
	}
	r.words(serviceSystemCallArchitectures, at(field.SandboxingSystemCallsArchitectures), s.Architectures)
	r.calls(serviceSystemCallLog, field.SandboxingSystemCallsLog, s.Log)
}

func (r *renderer) calls(d directive, id field.ID, list []string) {
	known := list
	for i, call := range list {
		since := callSince(call)
		if r.at(since) || !directives[d].known(r.version) {
			continue
		}
		path := item(id.String(), i, "")
		if r.doc.FromProfile(id) {
			path = at(field.SandboxingProfile)
		}
		r.lose(id, path.String(), generators.Unsupported, strings.TrimPrefix(call, "~")+" needs systemd "+strconv.Itoa(since)+" or later")
		known = slices.DeleteFunc(slices.Clone(list), func(c string) bool { return !r.at(callSince(c)) })
	}
	r.signed(d, at(id), known, false)
}
