package conformance

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/internal/probe/report"
)

// may is what a process may do with a path, see access in internal/probe.
func may(path string) func(*report.Report) string {
	return func(r *report.Report) string { return r.Paths[path] }
}

// call is what a system call gives.
func call(name string) func(*report.Report) string {
	return func(r *report.Report) string { return r.Calls[name] }
}

// namespace compares with the manager's. It closes over the daemon's host, so
// it is a test and no part of the report.
func namespace(kind, file string) func(d *daemon) error {
	return func(d *daemon) error {
		r, err := d.look()
		if err != nil {
			return err
		}
		got := r.NS[kind]
		if got == "" || got == d.ns[kind] {
			return fmt.Errorf("the namespace %s is the manager's", got)
		}
		if file != "" {
			return says("echo $(stat -L -c %i "+file+")", strings.TrimSuffix(strings.TrimPrefix(got, kind+":["), "]"))(d)
		}
		return nil
	}
}

// sandboxGroups has a daemon for every setting of the sandbox.
func sandboxGroups() []*group {
	// Tried: neither sendto, bind nor open is refused in the container.
	const noBPF = "the container enforces no BPF programs of cgroups"
	const noImages = "the container has no loop devices for images"
	sandbox := func(key, value string, c check, more ...string) *group {
		c.field = "sandboxing." + key
		g := &group{name: "sb-" + strings.NewReplacer(".", "", "_", "").Replace(key), do: "look wait",
			env: ", PROBE_PATHS: '/tmp/marker /dev/marker /home/marker /var/marker /srv/secret/marker /srv/rw /srv/ro /data/marker /data2 /data2/marker /srv/noexec/prog /srv/noexec/yes/prog /usr/lib/modules/marker /usr/share/ext-marker /sys/fs/bpf /srv/full'"}
		k := key
		var wrap string
		if a, b, ok := strings.Cut(key, "."); ok {
			k, value, wrap = a, "{"+b+": "+value+"}", ""
		}
		entries := []string{k + ": " + value}
		for _, m := range more {
			if rest, ok := strings.CutPrefix(m, "+"); ok {
				wrap += rest + "\n"
			} else if inner, ok := strings.CutPrefix(m, "&"); ok { // into the nested mapping
				entries[0] = strings.TrimSuffix(entries[0], "}") + ", " + inner + "}"
			} else {
				entries = append(entries, m)
			}
		}
		g.doc = wrap + "sandboxing: {" + strings.Join(entries, ", ") + "}\n"
		g.checks = []check{c}
		return g
	}
	// told is for settings that are only read back: the daemon is not started.
	told := func(key, value, property, hidden string, more ...string) *group {
		g := sandbox(key, value, check{what: "what the manager took", property: property, hidden: hidden}, more...)
		g.only, g.run = "systemd", nothing
		return g
	}
	filter := func(key, value, name, want string, more ...string) *group {
		return sandbox(key, value, check{what: "what " + name + " gives", see: call(name), want: want}, more...)
	}
	return []*group{
		sandbox("no_new_privileges", "true", check{what: "no_new_privs", see: status("NoNewPrivs"), want: "1"}),
		sandbox("dynamic_user", "true", check{what: "a user of systemd's range for dynamic ones", want: "true", see: func(r *report.Report) string { return strconv.FormatBool(r.UID >= 61184 && r.UID <= 65519) }}),
		sandbox("protect_system", "strict", check{what: "whether /etc, /usr and /srv can be written", want: "r-x EROFS, r-x EROFS, r-x EROFS", see: func(r *report.Report) string {
			return r.Paths["/etc"] + ", " + r.Paths["/usr"] + ", " + r.Paths["/srv"]
		}}),
		sandbox("protect_home", "'yes'", check{what: "a file in /home", see: may("/home/marker"), want: "ENOENT"}),
		sandbox("protect_proc", "invisible", check{what: "/proc/1", see: may("/proc/1"), want: "ENOENT"}, "+user: web"),
		sandbox("proc_subset", "pid", check{what: "/proc/uptime", see: may("/proc/uptime"), want: "ENOENT"}),
		filter("protect_hostname", "'yes'", "sethostname", "EPERM"),
		sandbox("protect_clock", "true", check{what: "what clock_settime gives", see: call("clock_settime"), want: "EPERM", property: "ProtectClock=yes"}),
		sandbox("protect_kernel_tunables", "true", check{what: "whether /sys can be written", see: may("/sys"), want: "r-x EROFS", property: "ProtectKernelTunables=yes"}),
		sandbox("protect_kernel_modules", "true", check{what: "a file in /usr/lib/modules", see: may("/usr/lib/modules/marker"), want: "ENOENT"}),
		sandbox("protect_kernel_logs", "true", check{what: "what syslog(2) gives", see: call("syslog"), want: "EPERM", property: "ProtectKernelLogs=yes"}),
		sandbox("protect_control_groups", "'yes'", check{what: "whether /sys/fs/cgroup can be written", see: may("/sys/fs/cgroup"), want: "r-x EROFS"}),
		sandbox("private_tmp", "'yes'", check{what: "a file of others in /tmp", see: may("/tmp/marker"), want: "ENOENT"}),
		sandbox("private_devices", "true", check{what: "a file in the manager's /dev", see: may("/dev/marker"), want: "ENOENT"}),
		sandbox("private_network", "true", check{what: "network namespace", test: namespace("net", "")}),
		sandbox("private_ipc", "true", check{what: "IPC namespace", test: namespace("ipc", "")}),
		sandbox("private_mounts", "true", check{what: "mount namespace", test: namespace("mnt", "")}),
		sandbox("private_users", "'yes'", check{what: "user namespace", test: namespace("user", "")}),
		sandbox("private_pids", "true", check{what: "process namespace, and processes of others", test: func(d *daemon) error {
			r, err := d.look()
			if err == nil && (r.PID != 1 || r.Processes != 0) {
				err = fmt.Errorf("process %d sees %d others", r.PID, r.Processes)
			}
			return err
		}}),
		sandbox("private_bpf", "true", check{what: "what the manager took", property: "PrivateBPF=yes", hidden: "the container has no bpf file system"}),
		sandbox("network_namespace_path", "/run/netns/web", check{what: "network namespace", test: namespace("net", "/run/netns/web")}),
		sandbox("ipc_namespace_path", "/run/ipcns/web", check{what: "IPC namespace", test: namespace("ipc", "/run/ipcns/web")}),
		told("user_namespace_path", "/run/userns/web", "UserNamespacePath=/run/userns/web", "no user namespace can be pinned in the container"),
		filter("lock_personality", "true", "personality", "EPERM"),
		sandbox("memory_deny_write_execute", "true", check{what: "whether writable and executable memory is refused", want: "true", see: func(r *report.Report) string {
			// By a filter, and since 256 by PR_SET_MDWE.
			return strconv.FormatBool(r.Calls["mmap-wx"] == "EPERM" || r.Calls["mmap-wx"] == "EACCES")
		}}),
		sandbox("restrict_realtime", "true", check{what: "what sched_setscheduler gives for SCHED_FIFO", see: call("sched_fifo"), want: "EPERM", property: "RestrictRealtime=yes"}),
		filter("restrict_suid_sgid", "true", "chmod-suid", "EPERM"),
		{name: "sb-remove-ipc", doc: "user: webipc\nsandboxing: {remove_ipc: true}\n", do: "shm=4711 note=made wait", run: func(d *daemon) error {
			if err := d.start(); err != nil {
				return err
			}
			if err := d.noted("made", 1); err != nil {
				return err
			}
			const there = "grep -qE '^ +4711 ' /proc/sysvipc/shm && echo there || echo gone"
			if err := says(there, "there")(d); err != nil {
				return err
			}
			if err := d.stop(); err != nil {
				return err
			}
			return says(there, "gone")(d)
		}, checks: []check{{field: "sandboxing.remove_ipc", what: "a shared memory segment of the user after a stop", test: done}}},
		filter("restrict_namespaces", "['~net']", "unshare-net", "EPERM"),
		told("delegate_namespaces", "[mnt, net]", "DelegateNamespaces=1073872896", "it needs a user namespace that the manager maps", "private_users: 'yes'"),
		{name: "sb-restrictfilesystems", only: "systemd", run: nothing, doc: "sandboxing: {restrict_file_systems: [ext4, tmpfs]}\n", checks: []check{
			{field: "sandboxing.restrict_file_systems", what: "the unit", file: ".service:RestrictFileSystems=ext4 tmpfs", hidden: "the kernel has no BPF LSM"},
		}},
		told("restrict_network_interfaces", "[eth0]", "RestrictNetworkInterfaces=eth0", noBPF),
		filter("address_families", "[AF_INET, AF_UNIX]", "socket-packet", "EAFNOSUPPORT"),
		filter("system_calls.filter", "['~mount:EACCES']", "mount", "EACCES"),
		filter("system_calls.error", "ENOANO", "mount", "ENOANO", "&filter: ['~mount']"),
		sandbox("system_calls.architectures", "[native]", check{what: "what the manager took", property: "SystemCallArchitectures=native", hidden: "the probe has calls of one architecture"}),
		sandbox("system_calls.log", "['@debug']", check{what: "what the manager took", property: "SystemCallLog=ptrace", hidden: "the audit log of the kernel is not the container's"}),
		sandbox("capabilities.bounding", "[CAP_NET_BIND_SERVICE]", check{what: "bounding set", see: status("CapBnd"), want: "0000000000000400"}),
		sandbox("capabilities.ambient", "[CAP_NET_BIND_SERVICE]", check{what: "ambient and effective set of a user", want: "0000000000000400 0000000000000400", see: func(r *report.Report) string { return r.Status["CapAmb"] + " " + r.Status["CapEff"] }}, "+user: web"),
		sandbox("secure_bits", "[noroot, noroot-locked]", check{what: "securebits", want: "3", see: func(r *report.Report) string { return strconv.Itoa(r.SecureBits) }}),
		sandbox("read_write_paths", "[/srv/rw]", check{what: "/srv/rw and /srv below protect_system: strict", want: "rwx empty, r-x EROFS", see: func(r *report.Report) string { return r.Paths["/srv/rw"] + ", " + r.Paths["/srv"] }}, "protect_system: strict"),
		sandbox("read_only_paths", "[/srv/ro]", check{what: "whether /srv/ro can be written", see: may("/srv/ro"), want: "r-x EROFS empty"}),
		sandbox("inaccessible_paths", "[/srv/secret]", check{what: "a file in /srv/secret", see: may("/srv/secret/marker"), want: "ENOENT"}),
		sandbox("exec_paths", "[/srv/noexec/yes]", check{what: "a program in exec_paths below no_exec_paths, and one beside it", want: "rwx, rw-", see: func(r *report.Report) string {
			return r.Paths["/srv/noexec/yes/prog"] + ", " + r.Paths["/srv/noexec/prog"]
		}}, "no_exec_paths: [/srv/noexec]"),
		sandbox("no_exec_paths", "[/srv/noexec]", check{what: "whether a program in /srv/noexec can be run", see: may("/srv/noexec/prog"), want: "rw-"}),
		sandbox("temporary_file_system", "['/srv/full:ro']", check{what: "/srv/full, which has a file", see: may("/srv/full"), want: "r-x EROFS empty"}),
		sandbox("bind_paths", "['/srv/web:/data']", check{what: "a file of /srv/web in /data", see: may("/data/marker"), want: "rw-"}),
		sandbox("bind_read_only_paths", "['/srv/web:/data2']", check{what: "a file of /srv/web in /data2", see: may("/data2/marker"), want: "r-- EROFS"}),
		sandbox("mount_api_vfs", "true", check{what: "/proc and /sys in a root directory without them", test: func(d *daemon) error {
			r, err := d.look()
			if err == nil && (r.Paths["/proc/uptime"] == "ENOENT" || strings.HasSuffix(r.Paths["/sys"], "empty")) {
				err = fmt.Errorf("/proc/uptime is %s, /sys is %s", r.Paths["/proc/uptime"], r.Paths["/sys"])
			}
			return err
		}}, "root_directory: /srv/jail2"),
		sandbox("bind_log_sockets", "true", check{what: "the journal's socket in a root directory of its own", test: func(d *daemon) error {
			r, err := d.look()
			if err == nil && r.Paths["/run/systemd/journal/socket"] == "ENOENT" {
				err = fmt.Errorf("it is not there")
			}
			return err
		}}, "root_directory: /srv/jail2", "mount_api_vfs: true"),
		sandbox("mount_flags", "private", check{what: "what the manager took", property: "MountFlags=private", hidden: "the probe mounts nothing"}),
		sandbox("root_directory", "/srv/jail", check{what: "/usr/bin and /srv", want: "ENOENT", see: may("/srv")}),
		told("root_image", "/srv/web.raw", "RootImage=/srv/web.raw", noImages),
		told("root_hash", "/srv/web.roothash", "RootHashPath=/srv/web.roothash", noImages, "root_image: /srv/web.raw"),
		told("root_verity", "/srv/web.verity", "RootVerity=/srv/web.verity", noImages, "root_image: /srv/web.raw"),
		told("root_ephemeral", "true", "RootEphemeral=yes", "the copy needs a file system with snapshots", "root_directory: /srv/jail"),
		told("mount_images", "['/srv/data.raw:/data']", "MountImages=/srv/data.raw:/data", noImages),
		told("extension_images", "[/srv/ext.raw]", "ExtensionImages=/srv/ext.raw", noImages),
		sandbox("extension_directories", "[/srv/ext]", check{what: "a file of the extension in /usr", see: may("/usr/share/ext-marker"), want: "r-- EROFS"}, "+command: [/srv/probe, --do, 'look wait']"),
		told("ip_address_allow", "[localhost, 10.0.0.0/8]", "IPAddressAllow=10.0.0.0/8", noBPF, "ip_address_deny: [any]"),
		told("ip_address_deny", "[any]", "IPAddressDeny=0.0.0.0/0", noBPF),
		told("ip_ingress_filter_path", "[/sys/fs/bpf/in]", "IPIngressFilterPath=/sys/fs/bpf/in", noBPF),
		told("ip_egress_filter_path", "[/sys/fs/bpf/out]", "IPEgressFilterPath=/sys/fs/bpf/out", noBPF),
		told("socket_bind_allow", "['tcp:8080']", "SocketBindAllow=8080", noBPF, "socket_bind_deny: [any]"),
		told("socket_bind_deny", "[any]", "SocketBindDeny=any", noBPF),
		told("device_policy", "closed", "DevicePolicy=closed", noBPF),
		told("device_allow", "['/dev/null rw']", "DeviceAllow=/dev/null rw", noBPF),
		told("selinux_context", "'system_u:system_r:web_t:s0'", "SELinuxContext=system_u:system_r:web_t:s0", "the kernel has no SELinux"),
		told("apparmor_profile", "web", "AppArmorProfile=web", "the kernel has no AppArmor"),
		told("smack_process_label", "web", "SmackProcessLabel=web", "the kernel has no SMACK"),
		told("keyring_mode", "private", "KeyringMode=private", "the manager in the container may not use keyrings"),
		sandbox("personality", "x86", check{what: "the machine of uname", want: "i686", see: func(r *report.Report) string { return r.Machine }}),
		sandbox("pam_name", "conformance", check{what: "a variable that a module of the PAM session sets", see: environ("CONF_PAM"), want: "session"}, "+user: web"),
		sandbox("profile", "strict", check{what: "no_new_privs and bounding set", want: "1 0000000000000000", see: func(r *report.Report) string { return r.Status["NoNewPrivs"] + " " + r.Status["CapBnd"] }}, "+user: web", "+accept_loss: {'*': [sandboxing]}"),
		// The labels that setpriv sets elsewhere.
		{name: "sb-labels", only: "!systemd", run: nothing, doc: "sandboxing: {selinux_context: 'system_u:system_r:web_t:s0', apparmor_profile: web}\n", checks: []check{
			{field: "sandboxing.selinux_context", what: "the script that starts the program", on: "!systemd", file: "/run:system_u:system_r:web_t:s0", hidden: "the kernel has no SELinux"},
			{field: "sandboxing.apparmor_profile", what: "the script that starts the program", on: "!systemd", file: "/run:web", hidden: "the kernel has no AppArmor"},
		}},
	}
}
