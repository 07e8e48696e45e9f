package spec

// Sandboxing limits what the service can do to the rest of the system. The
// keys are the directives of systemd.exec(5) and systemd.resource-control(5)
// in snake case. Losing any of them on a backend is an error.
type Sandboxing struct {
	// Profile fills in a set of settings: none, baseline, standard or strict. Explicit keys win over it.
	Profile string `yaml:"profile" kind:"word" enum:"none baseline standard strict" default:"none" sample:"standard"`
	// NoNewPrivileges makes set-user-ID programs and file capabilities powerless.
	NoNewPrivileges bool `yaml:"no_new_privileges" sample:"true"`
	// DynamicUser runs the service as a user that exists only while it runs.
	DynamicUser bool `yaml:"dynamic_user" sample:"true"`
	// ProtectSystem mounts /usr and /boot (yes), also /etc (full), or everything (strict) read-only.
	ProtectSystem string `yaml:"protect_system" kind:"boolword" enum:"no yes full strict" sample:"strict"`
	// ProtectHome hides /home, /root and /run/user (yes), or makes them read-only or empty (tmpfs).
	ProtectHome string `yaml:"protect_home" kind:"boolword" enum:"no yes read-only tmpfs" sample:"'yes'"`
	// ProtectProc hides the processes of others in /proc.
	ProtectProc string `yaml:"protect_proc" kind:"word" enum:"default noaccess invisible ptraceable" neutral:"default" sample:"invisible"`
	// ProcSubset leaves only process directories in /proc (pid).
	ProcSubset string `yaml:"proc_subset" kind:"word" enum:"all pid" neutral:"all" sample:"pid"`
	// ProtectHostname keeps the host name from being changed.
	ProtectHostname string `yaml:"protect_hostname" kind:"boolword" enum:"no yes private" sample:"'yes'"`
	// ProtectClock keeps the clock from being changed.
	ProtectClock bool `yaml:"protect_clock" sample:"true"`
	// ProtectKernelTunables makes /proc/sys, /sys and the like read-only.
	ProtectKernelTunables bool `yaml:"protect_kernel_tunables" sample:"true"`
	// ProtectKernelModules keeps modules from being loaded.
	ProtectKernelModules bool `yaml:"protect_kernel_modules" sample:"true"`
	// ProtectKernelLogs keeps the kernel log out of reach.
	ProtectKernelLogs bool `yaml:"protect_kernel_logs" sample:"true"`
	// ProtectControlGroups makes the cgroup tree read-only.
	ProtectControlGroups string `yaml:"protect_control_groups" kind:"boolword" enum:"no yes private strict" sample:"'yes'"`
	// PrivateTmp gives the service its own /tmp and /var/tmp.
	PrivateTmp string `yaml:"private_tmp" kind:"boolword" enum:"no yes disconnected" sample:"'yes'"`
	// PrivateDevices gives the service a /dev without real devices.
	PrivateDevices bool `yaml:"private_devices" sample:"true"`
	// PrivateNetwork gives the service only a loopback device of its own.
	PrivateNetwork bool `yaml:"private_network" sample:"true"`
	// PrivateIPC gives the service its own System V and POSIX message space.
	PrivateIPC bool `yaml:"private_ipc" sample:"true"`
	// PrivateMounts gives the service its own mount namespace.
	PrivateMounts bool `yaml:"private_mounts" sample:"true"`
	// PrivateUsers gives the service its own user namespace.
	PrivateUsers string `yaml:"private_users" kind:"boolword" enum:"no yes self identity full managed" sample:"'yes'"`
	// PrivatePIDs gives the service its own process namespace.
	PrivatePIDs bool `yaml:"private_pids" sample:"true"`
	// PrivateBPF gives the service its own bpf file system.
	PrivateBPF bool `yaml:"private_bpf" sample:"true"`
	// NetworkNamespacePath joins an existing network namespace.
	NetworkNamespacePath string `yaml:"network_namespace_path" kind:"path" sample:"/run/netns/web"`
	// IPCNamespacePath joins an existing IPC namespace.
	IPCNamespacePath string `yaml:"ipc_namespace_path" kind:"path" sample:"/run/ipcns/web"`
	// UserNamespacePath joins an existing user namespace.
	UserNamespacePath string `yaml:"user_namespace_path" kind:"path" sample:"/run/userns/web"`
	// LockPersonality keeps the execution domain from being changed.
	LockPersonality bool `yaml:"lock_personality" sample:"true"`
	// MemoryDenyWriteExecute refuses memory that is writable and executable; breaks just-in-time compilers.
	MemoryDenyWriteExecute bool `yaml:"memory_deny_write_execute" sample:"true"`
	// RestrictRealtime refuses realtime scheduling.
	RestrictRealtime bool `yaml:"restrict_realtime" sample:"true"`
	// RestrictSUIDSGID refuses setting the set-user-ID and set-group-ID bits.
	RestrictSUIDSGID bool `yaml:"restrict_suid_sgid" sample:"true"`
	// RemoveIPC removes System V and POSIX objects of the user at stop.
	RemoveIPC bool `yaml:"remove_ipc" sample:"true" with:"user: web"`
	// RestrictNamespaces refuses namespaces: true for all, or the list of types that stay allowed (with ~ first: that are refused).
	RestrictNamespaces []string `yaml:"restrict_namespaces" kind:"namespaces" sample:"[user, '~net']"`
	// DelegateNamespaces lists the namespace types that the service may set up and own inside its user namespace.
	DelegateNamespaces []string `yaml:"delegate_namespaces" kind:"namespaces" sample:"[mnt, net]"`
	// RestrictFileSystems lists the file system types that may be opened (with ~ first: may not).
	RestrictFileSystems []string `yaml:"restrict_file_systems" kind:"words" sample:"[ext4, tmpfs]"`
	// RestrictNetworkInterfaces lists the interfaces that may be used (with ~ first: may not).
	RestrictNetworkInterfaces []string `yaml:"restrict_network_interfaces" kind:"words" sample:"[eth0]"`
	// AddressFamilies lists the socket families that may be used: [none], names, or names with ~ for refused ones.
	AddressFamilies []string     `yaml:"address_families" kind:"families" sample:"[AF_INET, AF_INET6, AF_UNIX]"`
	SystemCalls     SystemCalls  `yaml:"system_calls" sugar:"filter"`
	Capabilities    Capabilities `yaml:"capabilities"`
	// SecureBits are the flags of capabilities(7).
	SecureBits []string `yaml:"secure_bits" kind:"securebits" sample:"[noroot, noroot-locked]"`
	// ReadWritePaths stay writable under protect_system. A leading - ignores a missing path.
	ReadWritePaths []string `yaml:"read_write_paths" kind:"mountpaths" sample:"[/srv/web/data]"`
	// ReadOnlyPaths are made read-only.
	ReadOnlyPaths []string `yaml:"read_only_paths" kind:"mountpaths" sample:"[/srv/web]"`
	// InaccessiblePaths are hidden.
	InaccessiblePaths []string `yaml:"inaccessible_paths" kind:"mountpaths" sample:"[/srv/secret]"`
	// ExecPaths may hold programs although no_exec_paths covers them.
	ExecPaths []string `yaml:"exec_paths" kind:"mountpaths" sample:"[/usr/bin]"`
	// NoExecPaths may not hold programs.
	NoExecPaths []string `yaml:"no_exec_paths" kind:"mountpaths" sample:"[/srv]"`
	// TemporaryFileSystem mounts empty file systems: path, or path:options.
	TemporaryFileSystem []string `yaml:"temporary_file_system" kind:"tmpfs" sample:"['/var:ro']"`
	// BindPaths makes paths visible elsewhere: source, source:target or source:target:options.
	BindPaths []string `yaml:"bind_paths" kind:"binds" sample:"['/srv/web:/data']"`
	// BindReadOnlyPaths is bind_paths, read-only.
	BindReadOnlyPaths []string `yaml:"bind_read_only_paths" kind:"binds" sample:"['/srv/web:/data']"`
	// MountAPIVFS mounts /proc, /sys and /dev in a root directory of the service's own.
	MountAPIVFS bool `yaml:"mount_api_vfs" sample:"true"`
	// BindLogSockets makes the log sockets visible in a root directory of the service's own.
	BindLogSockets bool `yaml:"bind_log_sockets" sample:"true"`
	// MountFlags is the propagation of mounts.
	MountFlags string `yaml:"mount_flags" kind:"word" enum:"shared slave private" sample:"private"`
	// RootDirectory is the directory that becomes / for the service.
	RootDirectory string `yaml:"root_directory" kind:"path" sample:"/srv/jail"`
	// RootImage is a disk image that becomes / for the service.
	RootImage string `yaml:"root_image" kind:"path" sample:"/srv/web.raw"`
	// RootHash is the verity root hash of the image, or a file holding it.
	RootHash string `yaml:"root_hash" kind:"text" sample:"/srv/web.roothash" with:"sandboxing: {root_image: /srv/web.raw, @}"`
	// RootVerity is the file with the image's verity data.
	RootVerity string `yaml:"root_verity" kind:"path" sample:"/srv/web.verity" with:"sandboxing: {root_image: /srv/web.raw, @}"`
	// RootEphemeral gives each run a fresh copy of the root.
	RootEphemeral bool `yaml:"root_ephemeral" sample:"true" with:"sandboxing: {root_directory: /srv/jail, @}"`
	// MountImages mounts disk images: image:path.
	MountImages []string `yaml:"mount_images" kind:"binds" sample:"['/srv/data.raw:/data']"`
	// ExtensionImages overlays system extension images.
	ExtensionImages []string `yaml:"extension_images" kind:"binds" sample:"[/srv/ext.raw]"`
	// ExtensionDirectories overlays system extension directories.
	ExtensionDirectories []string `yaml:"extension_directories" kind:"mountpaths" sample:"[/srv/ext]"`
	// IPAddressAllow lists addresses and networks the service may talk to.
	IPAddressAllow []string `yaml:"ip_address_allow" kind:"networks" sample:"[localhost, 10.0.0.0/8]"`
	// IPAddressDeny lists addresses and networks the service may not talk to.
	IPAddressDeny []string `yaml:"ip_address_deny" kind:"networks" sample:"[any]"`
	// IPIngressFilterPath lists pinned BPF programs for incoming packets.
	IPIngressFilterPath []string `yaml:"ip_ingress_filter_path" kind:"paths" sample:"[/sys/fs/bpf/in]"`
	// IPEgressFilterPath lists pinned BPF programs for outgoing packets.
	IPEgressFilterPath []string `yaml:"ip_egress_filter_path" kind:"paths" sample:"[/sys/fs/bpf/out]"`
	// SocketBindAllow lists what bind(2) may take: [family:][protocol:]port, or any.
	SocketBindAllow []string `yaml:"socket_bind_allow" kind:"words" sample:"['tcp:8080']"`
	// SocketBindDeny lists what bind(2) may not take.
	SocketBindDeny []string `yaml:"socket_bind_deny" kind:"words" sample:"[any]"`
	// DevicePolicy says which devices stay usable: auto (all, unless device_allow is given), closed (the standard ones), strict (none).
	DevicePolicy string `yaml:"device_policy" kind:"word" enum:"auto closed strict" neutral:"auto" sample:"closed"`
	// DeviceAllow lists devices with r, w, m: /dev/null rw.
	DeviceAllow []string `yaml:"device_allow" kind:"devices" sample:"['/dev/null rw']"`
	// SELinuxContext is the label of the process. A leading - ignores failure.
	SELinuxContext string `yaml:"selinux_context" kind:"text" sample:"'system_u:system_r:web_t:s0'"`
	// AppArmorProfile confines the process. A leading - ignores a missing profile.
	AppArmorProfile string `yaml:"apparmor_profile" kind:"text" sample:"web"`
	// SmackProcessLabel is the SMACK label of the process.
	SmackProcessLabel string `yaml:"smack_process_label" kind:"text" sample:"web"`
	// KeyringMode says which kernel keyring the process gets.
	KeyringMode string `yaml:"keyring_mode" kind:"word" enum:"inherit private shared" sample:"private"`
	// Personality is the architecture that uname reports.
	Personality string `yaml:"personality" kind:"word" enum:"x86 x86-64 arm64 arm ppc ppc-le ppc64 ppc64-le s390 s390x" sample:"x86-64"`
	// PAMName sets up a PAM session.
	PAMName string `yaml:"pam_name" kind:"text" sample:"web" with:"user: web"`
}

// SystemCalls filters system calls.
type SystemCalls struct {
	// Filter lists calls and @groups that are allowed; with ~ first, refused. A refused entry may name its error: ~mount:EPERM.
	Filter []string `yaml:"filter" kind:"syscalls" sample:"['@system-service', '~@privileged']"`
	// Error is what a refused call returns; without it the process is killed.
	Error string `yaml:"error" kind:"errno" sample:"EPERM" with:"sandboxing: {system_calls: {filter: ['@system-service'], @}}"`
	// Architectures lists the instruction sets whose calls are allowed.
	Architectures []string `yaml:"architectures" kind:"archs" sample:"[native]"`
	// Log lists calls that are logged.
	Log []string `yaml:"log" kind:"syscalls" sample:"['@debug']"`
}

// Capabilities are the pieces of root's power the process keeps.
type Capabilities struct {
	// Bounding lists the most the process can ever have; an empty list means none, ~ first means all but these.
	Bounding []string `yaml:"bounding" kind:"capabilities" sample:"[CAP_NET_BIND_SERVICE]"`
	// Ambient lists what a process that is not root starts with.
	Ambient []string `yaml:"ambient" kind:"capabilities" sample:"[CAP_NET_BIND_SERVICE]" with:"user: web"`
}
