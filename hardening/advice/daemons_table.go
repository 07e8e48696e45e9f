package advice

import "slices"

// daemon is what is known of a program that many systems run.
type daemon struct {
	// names are base names of programs, units the beginnings of the names of
	// units that run it through a wrapper.
	names, units []string
	kind         Kind
	// caps are the capabilities that it needs when it is started as root.
	caps []string
	// common adds rootDaemon to caps.
	common bool
	// families are address families besides AF_INET, AF_INET6 and AF_UNIX.
	families []string
	// writes are the paths that the distributions' packages let it write to.
	writes []string
	// calls are system calls beyond @system-service.
	calls []string
	// drops is set if it changes to another user by itself.
	drops bool
	// sessions is set if it starts what people or other programs want, which
	// inherits the sandbox.
	sessions string
	// breaks lists the settings that it does not work with, and why.
	breaks []breakage
	ref    string
}

// breakage is a setting that a program does not work with.
type breakage struct{ directive, why string }

const (
	loginSessions = "logins inherit the sandbox, and people do anything there: become root, install packages, write to their homes"
	jobSessions   = "jobs inherit the sandbox, and they can be any program"
	startsOthers  = "containers and machines are made of what the sandbox forbids"
)

// rootDaemon are capabilities that a daemon which drops root uses: it takes its
// directories and files, binds its ports, signals its workers and changes user
// (capabilities(7)).
var rootDaemon = [...]string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"}

var daemons = [...]daemon{
	{
		names: []string{"nginx", "openresty", "angie"}, kind: Web, drops: true,
		caps:   []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"},
		writes: []string{"-/var/log/nginx", "-/var/lib/nginx", "-/var/cache/nginx", "/run"},
		ref:    "https://nginx.org/en/docs/control.html",
	},
	{
		names: []string{"apache2", "httpd", "apache2ctl", "apachectl"}, kind: Web, drops: true, common: true,
		writes: []string{"-/var/log/apache2", "-/var/log/httpd", "-/var/cache/apache2", "-/var/cache/httpd", "-/var/lib/apache2", "-/var/lock/apache2", "/run"},
		breaks: []breakage{{"MemoryDenyWriteExecute", "modules such as PHP with its compiler, or Lua, may need it"}},
		ref:    "https://httpd.apache.org/docs/2.4/misc/security_tips.html",
	},
	{
		names: []string{"lighttpd"}, kind: Web, drops: true, common: true,
		writes: []string{"-/var/log/lighttpd", "-/var/cache/lighttpd", "/run"},
		ref:    "https://redmine.lighttpd.net/projects/lighttpd/wiki/Docs",
	},
	{
		names: []string{"haproxy"}, kind: Web, drops: true, calls: []string{"chroot"},
		common: true, caps: []string{"CAP_SYS_CHROOT", "CAP_SYS_RESOURCE"},
		writes: []string{"-/var/lib/haproxy", "/run"},
		breaks: []breakage{{"SystemCallFilter=~@resources", "it raises its limit of open files at start"}},
		ref:    "https://docs.haproxy.org/2.8/management.html",
	},
	{
		names: []string{"caddy", "traefik"}, kind: Web, caps: []string{"CAP_NET_BIND_SERVICE"}, families: []string{"AF_NETLINK"},
		writes: []string{"-/var/lib/caddy", "-/etc/caddy"}, ref: "https://caddyserver.com/docs/running",
	},
	{
		names: []string{"varnishd"}, kind: Web, drops: true, common: true, writes: []string{"/var/lib/varnish"},
		breaks: []breakage{
			{"MemoryDenyWriteExecute", "it compiles its configuration to machine code and loads it"},
			{"PrivateTmp", "varnishlog and varnishadm find it through shared files"},
		},
		ref: "https://varnish-cache.org/docs/",
	},
	{
		names: []string{"squid"}, kind: Web, drops: true, families: []string{"AF_NETLINK"}, common: true, caps: []string{"CAP_SYS_RESOURCE"},
		writes: []string{"-/var/log/squid", "-/var/spool/squid", "-/dev/shm", "/run"}, ref: "https://wiki.squid-cache.org/",
	},
	{
		names: []string{"php-fpm", "php-fpm8.2", "php-fpm8.4"}, kind: Web, drops: true, common: true,
		writes: []string{"-/var/lib/php", "/var/log", "/run"},
		breaks: []breakage{{"MemoryDenyWriteExecute", "PHP with opcache.jit compiles to machine code, and pcre.jit too"}},
		ref:    "https://www.php.net/manual/en/install.fpm.configuration.php",
	},
	{
		names: []string{"redis-server", "valkey-server", "redis-sentinel", "keydb-server"}, kind: Web,
		writes: []string{"-/var/lib/redis", "-/var/lib/valkey", "-/var/log/redis", "-/var/log/valkey", "-/run/redis", "-/run/valkey", "-/etc/redis", "-/etc/valkey"},
		ref:    "https://redis.io/docs/latest/operate/oss_and_stack/management/admin/",
	},
	{
		names: []string{"postgres", "postmaster", "pg_ctlcluster", "pg_ctl"}, units: []string{"postgresql@"}, kind: Web, drops: true, families: []string{"AF_NETLINK"},
		caps:   []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"},
		writes: []string{"-/var/lib/postgresql", "-/var/lib/pgsql", "-/var/log/postgresql", "-/etc/postgresql", "/run"},
		breaks: []breakage{
			{"MemoryDenyWriteExecute", "long queries are compiled to machine code (jit = on, the default, where the LLVM module is installed)"},
			{"RemoveIPC", "its shared memory is removed when another service of the same user stops"},
			{"PrivateUsers", "the control program starts as root and changes to the user postgres"},
		},
		ref: "https://www.postgresql.org/docs/current/kernel-resources.html",
	},
	{
		names: []string{"mariadbd", "mysqld", "mariadbd-safe", "mysqld_safe"}, kind: Web, drops: true,
		caps:   []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_IPC_LOCK", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_NICE"},
		writes: []string{"-/var/lib/mysql", "-/var/log/mysql", "-/run/mysqld"},
		breaks: []breakage{
			{"SystemCallFilter=~@resources", "it sets priorities and NUMA policies"},
			{"NoNewPrivileges", "the PAM plugin runs a set-user-ID program"},
		},
		ref: "https://mariadb.com/kb/en/systemd/",
	},
	{
		names: []string{"memcached"}, units: []string{"memcached"}, kind: Web, drops: true,
		caps: []string{"CAP_SETGID", "CAP_SETUID", "CAP_SYS_RESOURCE"}, writes: []string{"-/run/memcached"},
		breaks: []breakage{{"SystemCallFilter=~@resources", "it raises its limit of open files at start, and ends if it cannot"}},
		ref:    "https://github.com/memcached/memcached/wiki/ConfiguringServer",
	},
	{
		names: []string{"sshd", "dropbear"}, kind: Web, drops: true, sessions: loginSessions, ref: "man:sshd(8)",
	},
	{
		names: []string{"cron", "crond", "atd", "anacron", "fcron"}, kind: Worker, drops: true, sessions: jobSessions, ref: "man:cron(8)",
	},
	{
		names: []string{"login", "agetty", "gdm", "gdm3", "lightdm", "sddm", "cockpit-ws", "telnetd", "screen", "tmux", "code-server", "ttyd"}, kind: Worker, drops: true, sessions: loginSessions, ref: "man:login(1)",
	},
	{
		names: []string{"dockerd", "containerd", "podman", "crio", "kubelet", "lxc-start", "lxcfs", "incusd", "lxd", "snapd", "flatpak-system-helper", "systemd-nspawn", "libvirtd", "virtqemud", "runc", "buildkitd", "gitlab-runner", "jenkins"},
		kind:  Worker, sessions: startsOthers, ref: "https://docs.docker.com/engine/security/",
	},
	{
		names: []string{"unbound"}, kind: Web, drops: true, families: []string{"AF_NETLINK"}, calls: []string{"chroot"},
		caps:   []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_SYS_RESOURCE"},
		writes: []string{"-/var/lib/unbound", "/run"},
		breaks: []breakage{{"SystemCallFilter=~@resources", "it raises its limit of open files at start"}},
		ref:    "https://github.com/NLnetLabs/unbound/issues/350",
	},
	{
		names: []string{"dnsmasq"}, units: []string{"dnsmasq"}, kind: Web, drops: true, families: []string{"AF_NETLINK"},
		caps: []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"},
		// Debian's helper tells resolvconf about the server.
		writes: []string{"-/var/lib/misc", "-/var/lib/dnsmasq", "/run", "-/etc/resolv.conf"},
		breaks: []breakage{{"PrivateUsers", "ports below 1024 are not to be had in a user namespace"}},
		ref:    "https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html",
	},
	{
		names: []string{"named"}, kind: Web, drops: true, families: []string{"AF_NETLINK"}, calls: []string{"chroot"},
		caps:   []string{"CAP_DAC_READ_SEARCH", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_SYS_RESOURCE"},
		writes: []string{"-/var/cache/bind", "-/var/lib/bind", "-/var/named", "-/var/log/named", "/run"},
		ref:    "https://bind9.readthedocs.io/",
	},
	{
		names: []string{"chronyd", "ntpd", "ntpsec", "openntpd", "ptp4l", "phc2sys", "systemd-timesyncd"}, kind: NetworkClient, drops: true,
		caps:   []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME"},
		calls:  []string{"@clock"},
		writes: []string{"-/var/lib/chrony", "-/var/log/chrony", "-/var/lib/ntp", "-/var/lib/ntpsec", "/run"},
		breaks: []breakage{
			{"ProtectClock", "setting the clock is its work, and reading its state needs the same call"},
			{"PrivateDevices", "clocks are devices (/dev/rtc, /dev/ptp0, /dev/pps0)"},
			{"RestrictRealtime", "it can be told to run at realtime priority"},
		},
		ref: "https://chrony-project.org/documentation.html",
	},
	{
		names: []string{"master", "postfix", "exim4", "exim", "sendmail", "opensmtpd", "smtpd"}, kind: Web, drops: true, common: true,
		writes: []string{"-/var/spool/postfix", "-/var/lib/postfix", "-/var/spool/exim4", "-/var/log/exim4", "-/var/mail", "-/var/spool/mail", "/run"},
		calls:  []string{"chroot"},
		breaks: []breakage{
			{"NoNewPrivileges", "mail is delivered and submitted by set-group-ID programs (postdrop, maildrop)"},
			{"RestrictSUIDSGID", "mail spools are set-group-ID directories"},
			{"ProtectHome", "mail is delivered to home directories"},
		},
		ref: "https://www.postfix.org/OVERVIEW.html",
	},
	{
		names: []string{"dovecot"}, kind: Web, drops: true, calls: []string{"chroot"},
		common: true, caps: []string{"CAP_SYS_CHROOT", "CAP_SYS_RESOURCE", "CAP_DAC_READ_SEARCH"},
		writes: []string{"-/var/mail", "-/var/spool/mail", "-/var/lib/dovecot", "/run"},
		breaks: []breakage{{"ProtectHome", "mail can be in home directories"}, {"SystemCallFilter=~@resources", "it limits its processes"}},
		ref:    "https://doc.dovecot.org/",
	},
	{
		names: []string{"smbd", "nmbd", "winbindd", "samba", "nfsd", "rpc.mountd", "vsftpd", "proftpd", "rsync", "sftpgo"}, kind: Web, drops: true,
		sessions: "it acts for every user on files anywhere", ref: "https://wiki.samba.org/",
	},
	{
		names: []string{"openvpn", "tailscaled", "wg-quick", "wireguard-go", "zerotier-one", "vpnc", "charon", "charon-systemd", "starter", "pppd", "xl2tpd", "nebula"},
		kind:  NetworkClient, drops: true, families: []string{"AF_NETLINK", "AF_PACKET"},
		caps:   []string{"CAP_DAC_OVERRIDE", "CAP_IPC_LOCK", "CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_SYS_NICE"},
		writes: []string{"/run", "-/var/lib/tailscale", "-/var/lib/zerotier-one", "-/etc/resolv.conf", "-/var/log/openvpn"},
		breaks: []breakage{
			{"PrivateDevices", "a tunnel is made through /dev/net/tun"},
			{"ProtectKernelTunables", "forwarding and other sysctls are set when a tunnel comes up"},
			{"ProtectKernelModules", "modules for tunnels and ciphers are loaded"},
		},
		ref: "https://docs.kernel.org/networking/tuntap.html",
	},
	{
		names: []string{"NetworkManager", "dhclient", "dhcpcd", "wpa_supplicant", "hostapd", "keepalived", "kea-dhcp4", "dhcpd", "connmand", "iwd", "radvd", "bird", "frr", "zebra", "avahi-daemon", "avahi-autoipd"},
		kind:  NetworkClient, families: []string{"AF_NETLINK", "AF_PACKET"}, sessions: "setting up the network is its work: it needs devices, sysctls, modules and helper programs",
		ref: "man:NetworkManager(8)",
	},
	{
		names: []string{"tor"}, kind: NetworkClient, drops: true, caps: []string{"CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"},
		writes: []string{"-/var/lib/tor", "-/var/log/tor", "/run"}, ref: "https://2019.www.torproject.org/docs/tor-manual.html.en",
	},
	{
		names: []string{"slapd"}, kind: Web, drops: true, common: true, writes: []string{"-/var/lib/ldap", "-/etc/ldap/slapd.d", "/run"}, ref: "man:slapd(8)",
	},
	{
		names: []string{"rsyslogd", "syslog-ng", "vector", "fluent-bit"}, kind: Worker, common: true, caps: []string{"CAP_SYSLOG"},
		writes: []string{"/var/log", "/var/spool", "/run", "/dev"},
		breaks: []breakage{{"ProtectKernelLogs", "it reads the kernel's log"}, {"PrivateDevices", "it may provide /dev/log"}},
		ref:    "man:rsyslogd(8)",
	},
	{
		names:    []string{"prometheus-node-exporter", "node_exporter", "telegraf", "netdata", "zabbix_agentd", "zabbix_agent2", "collectd", "snmpd", "atop", "btop", "sar", "sysstat", "datadog-agent", "check_mk_agent"},
		families: []string{"AF_NETLINK"}, kind: Web, caps: []string{"CAP_DAC_READ_SEARCH", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_PTRACE", "CAP_SYSLOG", "CAP_SETGID", "CAP_SETUID"},
		writes: []string{"-/var/lib/prometheus", "-/var/log", "/run", "-/var/lib/snmp", "-/var/lib/netdata", "-/var/cache/netdata"},
		breaks: []breakage{
			{"ProtectProc", "it reports on the processes of others"},
			{"ProcSubset", "it reads /proc/meminfo, /proc/stat and others"},
			{"ProtectClock", "it reads the state of the clock (adjtimex)"},
			{"PrivateDevices", "it reads the state of disks and sensors"},
			{"ProtectHome", "it reports how full the file systems are"},
			{"PrivateNetwork", "it reports on the network interfaces"},
		},
		ref: "https://github.com/prometheus/node_exporter",
	},
	{
		names: []string{"smartd", "mdadm", "thermald", "fwupd", "bluetoothd", "upowerd", "udisksd", "cupsd", "pcscd", "gpsd", "jellyfin", "plexmediaserver", "photoprism", "frigate", "hass", "nut-driver", "upsd", "zed"},
		kind:  Worker, common: true, caps: []string{"CAP_SYS_RAWIO", "CAP_SYS_ADMIN"}, families: []string{"AF_NETLINK"},
		breaks: []breakage{
			{"PrivateDevices", "devices are its work"},
			{"ProcSubset", "it reads what /proc says about the machine"},
			{"CapabilityBoundingSet", "what it needs depends on the devices"},
		},
		ref: "man:smartd(8)",
	},
	{
		names: []string{"git-daemon", "gitea", "forgejo", "gitlab", "gitolite", "gerrit"}, kind: Web,
		breaks: []breakage{{"RestrictSUIDSGID", "shared repositories are set-group-ID directories"}},
		ref:    "https://docs.gitea.com/",
	},
	{
		names: []string{"fail2ban-server", "crowdsec", "crowdsec-firewall-bouncer"}, kind: Worker, caps: []string{"CAP_DAC_READ_SEARCH", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_AUDIT_READ"}, families: []string{"AF_NETLINK"},
		writes: []string{"-/var/lib/fail2ban", "-/var/log", "/run", "-/var/spool/postfix/maildrop"},
		breaks: []breakage{{"ProtectKernelModules", "modules of the packet filter are loaded"}, {"NoNewPrivileges", "its actions send mail"}},
		ref:    "https://github.com/fail2ban/fail2ban",
	},
	{
		names: []string{"restic", "borg", "borgmatic", "rdiff-backup", "bacula-fd", "duplicity", "rsnapshot", "rclone"}, kind: TimerJob, caps: []string{"CAP_DAC_READ_SEARCH"},
		breaks: []breakage{
			{"ProtectHome", "home directories are what is saved"},
			{"ProcSubset", "memory and mounts are looked up there"},
			{"CapabilityBoundingSet", "files of everybody are read, and written when they are restored"},
		},
		ref: "https://restic.readthedocs.io/",
	},
	{
		names: []string{"polkitd", "dbus-daemon", "dbus-broker-launch", "accounts-daemon", "udevd", "systemd-udevd", "systemd-logind"}, kind: Worker, sessions: "it acts for the whole system",
		ref: "man:dbus-daemon(1)",
	},
}

// lookupDaemon finds what is known of a program, or of a unit that runs one
// through a wrapper.
func lookupDaemon(program, unit string) *daemon {
	for i := range daemons {
		if slices.Contains(daemons[i].names, program) {
			return &daemons[i]
		}
	}
	for i := range daemons {
		for _, n := range daemons[i].units {
			if unit != "" && (unit == n || len(unit) > len(n) && unit[:len(n)] == n && (n[len(n)-1] == '@' || unit[len(n)] == '.' || unit[len(n)] == '@')) {
				return &daemons[i]
			}
		}
	}
	return nil
}
