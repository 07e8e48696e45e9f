package hardening

import (
	"cmp"
	"slices"
	"strconv"
)

// Risk says in a few words what a process of the service can do because the
// check is not passed: "can load kernel modules". It is empty for a check that
// is passed or does not apply, and says what is wrong where that is not an
// ability.
func (r *Row) Risk() string {
	if !r.Applies || r.Badness == 0 {
		return ""
	}
	switch r.JSONField {
	case "UserOrDynamicUser":
		if r.Badness == 9 {
			return "runs as nobody, together with whatever else does"
		}
		return "runs as root"
	case "SupplementaryGroups":
		return "has the rights of more groups"
	case "PrivateDevices":
		return "sees the devices of the machine"
	case "PrivateMounts":
		return "can leave mounts to other processes"
	case "PrivateNetwork":
		return "can use the network of the machine"
	case "PrivateTmp":
		return "shares /tmp with other programs"
	case "PrivateUsers":
		return "sees the users of the machine as they are"
	case "ProtectControlGroups":
		return "can change control groups"
	case "ProtectKernelModules":
		return "can load and read kernel modules"
	case "ProtectKernelTunables":
		return "can change kernel settings in /proc and /sys"
	case "ProtectKernelLogs":
		return "can read and write the kernel log"
	case "ProtectClock":
		return "can set the clock"
	case "ProtectHome":
		switch r.Badness {
		case 1:
			return "sees home directories, empty ones"
		case 5:
			return "can read home directories"
		}
		return "can read and write home directories"
	case "ProtectHostname":
		return "can change the host name"
	case "ProtectSystem":
		switch r.Badness {
		case 3:
			return "can write outside of /usr, /boot and /etc"
		case 5:
			return "can write to /etc and all but /usr and /boot"
		}
		return "can write to the whole system, /usr and /boot included"
	case "RootDirectoryOrRootImage":
		return "sees the file system of the machine"
	case "LockPersonality":
		return "can change the ABI that the kernel shows it"
	case "MemoryDenyWriteExecute":
		return "can make memory writable and executable"
	case "NoNewPrivileges":
		return "can gain privileges by setuid programs"
	case "CapabilityBoundingSet_CAP_SYS_ADMIN":
		return "may administer the system (CAP_SYS_ADMIN)"
	case "CapabilityBoundingSet_CAP_SET_UID_GID_PCAP":
		return "may become any user"
	case "CapabilityBoundingSet_CAP_SYS_PTRACE":
		return "may look into and change other processes"
	case "CapabilityBoundingSet_CAP_SYS_TIME":
		return "may set the clock"
	case "CapabilityBoundingSet_CAP_NET_ADMIN":
		return "may configure the network"
	case "CapabilityBoundingSet_CAP_SYS_RAWIO":
		return "may access hardware directly"
	case "CapabilityBoundingSet_CAP_SYS_MODULE":
		return "may load kernel modules"
	case "CapabilityBoundingSet_CAP_AUDIT":
		return "may change the audit subsystem"
	case "CapabilityBoundingSet_CAP_SYSLOG":
		return "may read and clear the kernel log"
	case "CapabilityBoundingSet_CAP_SYS_NICE_RESOURCE":
		return "may exceed priorities and resource limits"
	case "CapabilityBoundingSet_CAP_MKNOD":
		return "may make device nodes"
	case "CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP":
		return "may give away files and set file capabilities"
	case "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER":
		return "may read and write files whatever their mode"
	case "CapabilityBoundingSet_CAP_KILL":
		return "may send signals to any process"
	case "CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)":
		return "may use low ports and raw sockets"
	case "CapabilityBoundingSet_CAP_SYS_BOOT":
		return "may reboot the machine"
	case "CapabilityBoundingSet_CAP_MAC":
		return "may change mandatory access control"
	case "CapabilityBoundingSet_CAP_LINUX_IMMUTABLE":
		return "may change the immutable flag of files"
	case "CapabilityBoundingSet_CAP_IPC_LOCK":
		return "may lock memory"
	case "CapabilityBoundingSet_CAP_SYS_CHROOT":
		return "may change its root directory"
	case "CapabilityBoundingSet_CAP_BLOCK_SUSPEND":
		return "may keep the machine from sleeping"
	case "CapabilityBoundingSet_CAP_WAKE_ALARM":
		return "may wake the machine"
	case "CapabilityBoundingSet_CAP_LEASE":
		return "may take leases on files"
	case "CapabilityBoundingSet_CAP_SYS_TTY_CONFIG":
		return "may configure and hang up terminals"
	case "CapabilityBoundingSet_CAP_SYS_PACCT":
		return "may switch process accounting"
	case "CapabilityBoundingSet_CAP_BPF":
		return "may load BPF programs"
	case "UMask":
		switch r.Badness {
		case 10:
			return "makes files that everybody can write"
		case 5:
			return "makes files that everybody can read"
		case 2:
			return "makes files that its group can write"
		}
		return "makes files that its group can read"
	case "KeyringMode":
		return "shares its kernel keyring"
	case "ProtectProc":
		if r.Badness == 1 {
			return "sees that other processes exist"
		}
		return "sees all processes of the machine"
	case "ProcSubset":
		return "sees all of /proc, not only processes"
	case "NotifyAccess":
		return "any of its processes can report its state"
	case "RemoveIPC":
		return "leaves shared memory and queues behind"
	case "Delegate":
		return "manages control groups of its own"
	case "RestrictRealtime":
		return "can take a CPU for itself by real-time scheduling"
	case "RestrictSUIDSGID":
		return "can make setuid programs"
	case "RestrictNamespaces_user":
		return "can make user namespaces, a way to kernel bugs"
	case "RestrictNamespaces_mnt":
		return "can make mount namespaces"
	case "RestrictNamespaces_ipc":
		return "can make IPC namespaces"
	case "RestrictNamespaces_pid":
		return "can make process namespaces"
	case "RestrictNamespaces_cgroup":
		return "can make control group namespaces"
	case "RestrictNamespaces_net":
		return "can make network namespaces"
	case "RestrictNamespaces_uts":
		return "can make host name namespaces"
	case "RestrictAddressFamilies_AF_INET_INET6":
		return "can open internet sockets"
	case "RestrictAddressFamilies_AF_UNIX":
		return "can open local sockets"
	case "RestrictAddressFamilies_AF_NETLINK":
		return "can open netlink sockets"
	case "RestrictAddressFamilies_AF_PACKET":
		return "can open packet sockets"
	case "RestrictAddressFamilies_OTHER":
		return "can open sockets of rare families"
	case "SystemCallArchitectures":
		return "can make system calls of other architectures"
	case "SystemCallFilter_swap":
		return "can call swapon and swapoff"
	case "SystemCallFilter_obsolete":
		return "can make obsolete system calls"
	case "SystemCallFilter_clock":
		return "can make the system calls that set the clock"
	case "SystemCallFilter_cpu_emulation":
		return "can call vm86 and the like"
	case "SystemCallFilter_debug":
		return "can call ptrace and perf_event_open"
	case "SystemCallFilter_mount":
		return "can call mount and umount"
	case "SystemCallFilter_module":
		return "can make the system calls that load modules"
	case "SystemCallFilter_raw_io":
		return "can make the system calls for raw I/O"
	case "SystemCallFilter_reboot":
		return "can call reboot and kexec"
	case "SystemCallFilter_privileged":
		return "can make privileged system calls"
	case "SystemCallFilter_resources":
		return "can change its resource limits and priorities"
	case "IPAddressDeny":
		switch r.Badness {
		case 2:
			return "may talk to this machine only"
		case 5:
			return "may talk to the addresses on its list"
		}
		return "may talk to every address"
	case "DeviceAllow":
		if r.Badness == 5 {
			return "may open the devices on its list"
		}
		return "may open every device"
	case "AmbientCapabilities":
		return "starts with capabilities"
	}
	return "does not pass " + r.Name
}

// Reason is a part of a score: the checks of one setting that are not passed.
type Reason struct {
	Setting string
	Text    string // what it means: "runs as root"
	Share   Exposure
	Rows    []int // the checks: indices of [Result.Rows]
}

// Reasons returns what a score is made of, the largest part first. The shares
// are rounded up, so they may add up to more than the total. A unit without a
// score has none.
func (r *Result) Reasons() []Reason {
	type part struct {
		Reason

		bad    uint64
		checks int
	}
	var parts []part
	var weights uint64
	for i := range r.Rows {
		row := &r.Rows[i]
		if !row.Applies {
			continue
		}
		weights += row.Weight
		at := slices.IndexFunc(parts, func(p part) bool { return p.Setting == row.Setting })
		if at < 0 {
			at = len(parts)
			parts = append(parts, part{Reason: Reason{Setting: row.Setting}})
		}
		p := &parts[at]
		p.checks++
		if row.Badness > 0 {
			p.bad += divUp(row.Badness*row.Weight, row.Range)
			p.Rows = append(p.Rows, i)
		}
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return p.bad == 0 })
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.bad, a.bad) })
	reasons := make([]Reason, len(parts))
	for i := range parts {
		p := &parts[i]
		p.Share = Exposure(divUp(p.bad*100, weights))
		p.Text = r.because(p.Setting, p.Rows, p.checks)
		reasons[i] = p.Reason
	}
	return reasons
}

// because joins the risks of the rows, the heaviest first.
func (r *Result) because(setting string, rows []int, checks int) string {
	if len(rows) == checks {
		switch setting {
		case "CapabilityBoundingSet":
			return "keeps every capability of root"
		case "SystemCallFilter":
			return "can make every system call"
		case "RestrictNamespaces":
			return "can make namespaces of every kind"
		case "RestrictAddressFamilies":
			return "can open sockets of every family"
		}
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(r.Rows[b].Weight, r.Rows[a].Weight) })
	text := ""
	for n, i := range rows {
		if n == 2 && len(rows) > 3 {
			return text + ", and " + strconv.Itoa(len(rows)-n) + " more"
		}
		if n > 0 {
			text += ", "
		}
		text += r.Rows[i].Risk()
	}
	return text
}
