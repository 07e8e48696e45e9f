package hardening

import "github.com/daemonize/daemonize/hardening/unit"

// check is one row of the score: what systemd-analyze calls an assessor. The
// names, keys, weights and ranges are those of analyze-security.c, equal in
// all supported versions.
type check struct {
	name, key string
	weight    uint64
	rng       uint64 // the worst badness
	judge     judge
	setting   string   // the setting it looks at
	args      []string // namespace, address families, call group
	caps      unit.CapabilitySet
	since     int // first version, 0 for all
	// needsDefaults: not applicable with DefaultDependencies=no.
	needsDefaults bool
}

// judge selects how a check computes its badness.
type judge uint8

const (
	judgeUser judge = iota
	judgeGroups
	judgeBool
	judgeWord
	judgePrivateMounts
	judgeRoot
	judgeCapability
	judgeUMask
	judgeRemoveIPC
	judgeNamespace
	judgeFamily
	judgeArchitectures
	judgeSyscalls
	judgeAddresses
	judgeDevices
	judgeAmbient
)

// checks is in the order of the real program's table.
var checks = [...]check{
	{"User=/DynamicUser=", "UserOrDynamicUser", 2000, 10, judgeUser, "User", nil, 0, 0, false},
	{"SupplementaryGroups=", "SupplementaryGroups", 200, 1, judgeGroups, "SupplementaryGroups", nil, 0, 0, false},
	{"PrivateDevices=", "PrivateDevices", 1000, 1, judgeBool, "PrivateDevices", nil, 0, 0, false},
	{"PrivateMounts=", "PrivateMounts", 1000, 1, judgePrivateMounts, "PrivateMounts", nil, 0, 0, false},
	{"PrivateNetwork=", "PrivateNetwork", 2500, 1, judgeBool, "PrivateNetwork", nil, 0, 0, false},
	{"PrivateTmp=", "PrivateTmp", 1000, 1, judgeWord, "PrivateTmp", nil, 0, 0, true},
	{"PrivateUsers=", "PrivateUsers", 1000, 1, judgeWord, "PrivateUsers", nil, 0, 0, false},
	{"ProtectControlGroups=", "ProtectControlGroups", 1000, 1, judgeWord, "ProtectControlGroups", nil, 0, 0, false},
	{"ProtectKernelModules=", "ProtectKernelModules", 1000, 1, judgeBool, "ProtectKernelModules", nil, 0, 0, false},
	{"ProtectKernelTunables=", "ProtectKernelTunables", 1000, 1, judgeBool, "ProtectKernelTunables", nil, 0, 0, false},
	{"ProtectKernelLogs=", "ProtectKernelLogs", 1000, 1, judgeBool, "ProtectKernelLogs", nil, 0, 0, false},
	{"ProtectClock=", "ProtectClock", 1000, 1, judgeBool, "ProtectClock", nil, 0, 0, false},
	{"ProtectHome=", "ProtectHome", 1000, 10, judgeWord, "ProtectHome", nil, 0, 0, true},
	{"ProtectHostname=", "ProtectHostname", 50, 1, judgeWord, "ProtectHostname", nil, 0, 0, false},
	{"ProtectSystem=", "ProtectSystem", 1000, 10, judgeWord, "ProtectSystem", nil, 0, 0, true},
	{"RootDirectory=/RootImage=", "RootDirectoryOrRootImage", 200, 1, judgeRoot, "RootDirectory", nil, 0, 0, true},
	{"LockPersonality=", "LockPersonality", 100, 1, judgeBool, "LockPersonality", nil, 0, 0, false},
	{"MemoryDenyWriteExecute=", "MemoryDenyWriteExecute", 100, 1, judgeBool, "MemoryDenyWriteExecute", nil, 0, 0, false},
	{"NoNewPrivileges=", "NoNewPrivileges", 1000, 1, judgeBool, "NoNewPrivileges", nil, 0, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_ADMIN", "CapabilityBoundingSet_CAP_SYS_ADMIN", 1500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysAdmin, 0, false},
	{"CapabilityBoundingSet=~CAP_SET(UID|GID|PCAP)", "CapabilityBoundingSet_CAP_SET_UID_GID_PCAP", 1500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSetuid | unit.CapSetgid | unit.CapSetpcap, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_PTRACE", "CapabilityBoundingSet_CAP_SYS_PTRACE", 1500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysPtrace, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_TIME", "CapabilityBoundingSet_CAP_SYS_TIME", 1000, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysTime, 0, false},
	{"CapabilityBoundingSet=~CAP_NET_ADMIN", "CapabilityBoundingSet_CAP_NET_ADMIN", 1000, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapNetAdmin, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_RAWIO", "CapabilityBoundingSet_CAP_SYS_RAWIO", 1000, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysRawio, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_MODULE", "CapabilityBoundingSet_CAP_SYS_MODULE", 1000, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysModule, 0, false},
	{"CapabilityBoundingSet=~CAP_AUDIT_*", "CapabilityBoundingSet_CAP_AUDIT", 500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapAuditControl | unit.CapAuditRead | unit.CapAuditWrite, 0, false},
	{"CapabilityBoundingSet=~CAP_SYSLOG", "CapabilityBoundingSet_CAP_SYSLOG", 500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSyslog, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_(NICE|RESOURCE)", "CapabilityBoundingSet_CAP_SYS_NICE_RESOURCE", 500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysNice | unit.CapSysResource, 0, false},
	{"CapabilityBoundingSet=~CAP_MKNOD", "CapabilityBoundingSet_CAP_MKNOD", 500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapMknod, 0, false},
	{"CapabilityBoundingSet=~CAP_(CHOWN|FSETID|SETFCAP)", "CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP", 1000, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapChown | unit.CapFsetid | unit.CapSetfcap, 0, false},
	{"CapabilityBoundingSet=~CAP_(DAC_*|FOWNER|IPC_OWNER)", "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER", 1000, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapDacOverride | unit.CapDacReadSearch | unit.CapFowner | unit.CapIpcOwner, 0, false},
	{"CapabilityBoundingSet=~CAP_KILL", "CapabilityBoundingSet_CAP_KILL", 500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapKill, 0, false},
	{"CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)", "CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)", 500, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapNetBindService | unit.CapNetBroadcast | unit.CapNetRaw, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_BOOT", "CapabilityBoundingSet_CAP_SYS_BOOT", 100, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysBoot, 0, false},
	{"CapabilityBoundingSet=~CAP_MAC_*", "CapabilityBoundingSet_CAP_MAC", 100, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapMacAdmin | unit.CapMacOverride, 0, false},
	{"CapabilityBoundingSet=~CAP_LINUX_IMMUTABLE", "CapabilityBoundingSet_CAP_LINUX_IMMUTABLE", 75, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapLinuxImmutable, 0, false},
	{"CapabilityBoundingSet=~CAP_IPC_LOCK", "CapabilityBoundingSet_CAP_IPC_LOCK", 50, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapIpcLock, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_CHROOT", "CapabilityBoundingSet_CAP_SYS_CHROOT", 50, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysChroot, 0, false},
	{"CapabilityBoundingSet=~CAP_BLOCK_SUSPEND", "CapabilityBoundingSet_CAP_BLOCK_SUSPEND", 25, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapBlockSuspend, 0, false},
	{"CapabilityBoundingSet=~CAP_WAKE_ALARM", "CapabilityBoundingSet_CAP_WAKE_ALARM", 25, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapWakeAlarm, 0, false},
	{"CapabilityBoundingSet=~CAP_LEASE", "CapabilityBoundingSet_CAP_LEASE", 25, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapLease, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_TTY_CONFIG", "CapabilityBoundingSet_CAP_SYS_TTY_CONFIG", 25, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysTtyConfig, 0, false},
	{"CapabilityBoundingSet=~CAP_SYS_PACCT", "CapabilityBoundingSet_CAP_SYS_PACCT", 25, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapSysPacct, 0, false},
	{"CapabilityBoundingSet=~CAP_BPF", "CapabilityBoundingSet_CAP_BPF", 25, 1, judgeCapability, "CapabilityBoundingSet", nil, unit.CapBpf, 252, false},
	{"UMask=", "UMask", 100, 10, judgeUMask, "UMask", nil, 0, 0, false},
	{"KeyringMode=", "KeyringMode", 1000, 1, judgeWord, "KeyringMode", nil, 0, 0, false},
	{"ProtectProc=", "ProtectProc", 1000, 3, judgeWord, "ProtectProc", nil, 0, 0, false},
	{"ProcSubset=", "ProcSubset", 10, 1, judgeWord, "ProcSubset", nil, 0, 0, false},
	{"NotifyAccess=", "NotifyAccess", 1000, 1, judgeWord, "NotifyAccess", nil, 0, 0, false},
	{"RemoveIPC=", "RemoveIPC", 100, 1, judgeRemoveIPC, "RemoveIPC", nil, 0, 0, false},
	{"Delegate=", "Delegate", 100, 1, judgeBool, "Delegate", nil, 0, 0, false},
	{"RestrictRealtime=", "RestrictRealtime", 500, 1, judgeBool, "RestrictRealtime", nil, 0, 0, false},
	{"RestrictSUIDSGID=", "RestrictSUIDSGID", 1000, 1, judgeBool, "RestrictSUIDSGID", nil, 0, 0, false},
	{"RestrictNamespaces=~user", "RestrictNamespaces_user", 1500, 1, judgeNamespace, "RestrictNamespaces", []string{"user"}, 0, 0, false},
	{"RestrictNamespaces=~mnt", "RestrictNamespaces_mnt", 500, 1, judgeNamespace, "RestrictNamespaces", []string{"mnt"}, 0, 0, false},
	{"RestrictNamespaces=~ipc", "RestrictNamespaces_ipc", 500, 1, judgeNamespace, "RestrictNamespaces", []string{"ipc"}, 0, 0, false},
	{"RestrictNamespaces=~pid", "RestrictNamespaces_pid", 500, 1, judgeNamespace, "RestrictNamespaces", []string{"pid"}, 0, 0, false},
	{"RestrictNamespaces=~cgroup", "RestrictNamespaces_cgroup", 500, 1, judgeNamespace, "RestrictNamespaces", []string{"cgroup"}, 0, 0, false},
	{"RestrictNamespaces=~net", "RestrictNamespaces_net", 500, 1, judgeNamespace, "RestrictNamespaces", []string{"net"}, 0, 0, false},
	{"RestrictNamespaces=~uts", "RestrictNamespaces_uts", 100, 1, judgeNamespace, "RestrictNamespaces", []string{"uts"}, 0, 0, false},
	{"RestrictAddressFamilies=~AF_(INET|INET6)", "RestrictAddressFamilies_AF_INET_INET6", 1500, 1, judgeFamily, "RestrictAddressFamilies", []string{"AF_INET", "AF_INET6"}, 0, 0, false},
	{"RestrictAddressFamilies=~AF_UNIX", "RestrictAddressFamilies_AF_UNIX", 25, 1, judgeFamily, "RestrictAddressFamilies", []string{"AF_UNIX"}, 0, 0, false},
	{"RestrictAddressFamilies=~AF_NETLINK", "RestrictAddressFamilies_AF_NETLINK", 200, 1, judgeFamily, "RestrictAddressFamilies", []string{"AF_NETLINK"}, 0, 0, false},
	{"RestrictAddressFamilies=~AF_PACKET", "RestrictAddressFamilies_AF_PACKET", 1000, 1, judgeFamily, "RestrictAddressFamilies", []string{"AF_PACKET"}, 0, 0, false},
	{"RestrictAddressFamilies=~…", "RestrictAddressFamilies_OTHER", 1250, 1, judgeFamily, "RestrictAddressFamilies", nil, 0, 0, false},
	{"SystemCallArchitectures=", "SystemCallArchitectures", 1000, 10, judgeArchitectures, "SystemCallArchitectures", nil, 0, 0, false},
	{"SystemCallFilter=~@swap", "SystemCallFilter_swap", 1000, 10, judgeSyscalls, "SystemCallFilter", []string{"@swap"}, 0, 0, false},
	{"SystemCallFilter=~@obsolete", "SystemCallFilter_obsolete", 250, 10, judgeSyscalls, "SystemCallFilter", []string{"@obsolete"}, 0, 0, false},
	{"SystemCallFilter=~@clock", "SystemCallFilter_clock", 1000, 10, judgeSyscalls, "SystemCallFilter", []string{"@clock"}, 0, 0, false},
	{"SystemCallFilter=~@cpu-emulation", "SystemCallFilter_cpu_emulation", 250, 10, judgeSyscalls, "SystemCallFilter", []string{"@cpu-emulation"}, 0, 0, false},
	{"SystemCallFilter=~@debug", "SystemCallFilter_debug", 1000, 10, judgeSyscalls, "SystemCallFilter", []string{"@debug"}, 0, 0, false},
	{"SystemCallFilter=~@mount", "SystemCallFilter_mount", 1000, 10, judgeSyscalls, "SystemCallFilter", []string{"@mount"}, 0, 0, false},
	{"SystemCallFilter=~@module", "SystemCallFilter_module", 1000, 10, judgeSyscalls, "SystemCallFilter", []string{"@module"}, 0, 0, false},
	{"SystemCallFilter=~@raw-io", "SystemCallFilter_raw_io", 1000, 10, judgeSyscalls, "SystemCallFilter", []string{"@raw-io"}, 0, 0, false},
	{"SystemCallFilter=~@reboot", "SystemCallFilter_reboot", 1000, 10, judgeSyscalls, "SystemCallFilter", []string{"@reboot"}, 0, 0, false},
	{"SystemCallFilter=~@privileged", "SystemCallFilter_privileged", 700, 10, judgeSyscalls, "SystemCallFilter", []string{"@privileged"}, 0, 0, false},
	{"SystemCallFilter=~@resources", "SystemCallFilter_resources", 700, 10, judgeSyscalls, "SystemCallFilter", []string{"@resources"}, 0, 0, false},
	{"IPAddressDeny=", "IPAddressDeny", 1000, 10, judgeAddresses, "IPAddressAllow", nil, 0, 0, false},
	{"DeviceAllow=", "DeviceAllow", 1000, 10, judgeDevices, "DevicePolicy", nil, 0, 0, false},
	{"AmbientCapabilities=", "AmbientCapabilities", 500, 1, judgeAmbient, "AmbientCapabilities", nil, 0, 0, false},
}
