package advice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/systemd"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/trace"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/golden"
	"github.com/daemonize/daemonize/spec/field"
)

// input makes an input for a unit.
func input(text string, version int, tree fs.FS) *Input {
	const name = "etc/systemd/system/web.service"
	return &Input{
		Loader: unit.NewLoader(Files{name: text}, unit.Options{Version: version}),
		Load:   func(l *unit.Loader) (*unit.Unit, error) { return l.LoadFile(name) },
		Tree:   tree, Systemd: version, Profile: Strict, Risk: Likely,
	}
}

func advise(t *testing.T, in *Input) *Plan {
	t.Helper()
	p, err := Advise(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Plan) find(directive string) *Change {
	for _, list := range [][]Change{p.Changes, p.Withheld, p.Dropped} {
		for i := range list {
			if list[i].Directive == directive {
				return &list[i]
			}
		}
	}
	return nil
}

const root = "[Service]\nExecStart=/usr/bin/quiet\n"

// TestDecisions is what is decided about synthetic services: a directive with
// its risk and a part of the fact. "-" as risk means that nothing is proposed.
func TestDecisions(t *testing.T) {
	web := func(rest string) string { return "[Service]\nUser=web\n" + rest }
	for _, c := range []struct{ unit, directive, risk, value, fact string }{
		// Programs that gain privileges.
		{root, "NoNewPrivileges", "none", "yes", "no program of it can start another one"},
		{"[Service]\nExecStart=/usr/bin/python3 /srv/a.py\n", "NoNewPrivileges", "knowledge", "yes", "may start other programs"},
		{"[Service]\nExecStart=/usr/bin/wrapper\n", "NoNewPrivileges", "likely", "yes", "runs sudo"},
		{"[Service]\nExecStart=/usr/bin/harmless\n", "NoNewPrivileges", "knowledge", "yes", "shell script"},
		{"[Service]\nExecStart=/bin/sh -c 'cd /; sudo reboot'\n", "NoNewPrivileges", "likely", "yes", "runs sudo"},
		{"[Service]\nExecStart=/usr/bin/quiet\nExecStartPost=/usr/bin/ping -c1 a\n", "NoNewPrivileges", "likely", "yes", "runs ping"},
		{"[Service]\nExecStart=/usr/bin/quiet\nExecStartPost=+/usr/bin/ping -c1 a\n", "NoNewPrivileges", "none", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/setid\n", "NoNewPrivileges", "likely", "yes", "set-user-ID"},
		{"[Service]\nExecStart=/usr/lib/postfix/sbin/master -w\n", "NoNewPrivileges", "likely", "yes", "set-group-ID"},
		{"[Service]\nExecStart=/usr/sbin/nginx\nNoNewPrivileges=yes\n", "NoNewPrivileges", "-", "", ""},
		// Runtimes.
		{"[Service]\nExecStart=/usr/bin/node a.js\n", "MemoryDenyWriteExecute", "likely", "yes", "V8"},
		{"[Service]\nExecStart=/usr/bin/node --jitless a.js\n", "MemoryDenyWriteExecute", "knowledge", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/java -Xint -jar a.jar\n", "MemoryDenyWriteExecute", "likely", "yes", "JVM"},
		{"[Service]\nExecStart=/usr/bin/embeds\n", "MemoryDenyWriteExecute", "likely", "yes", "LuaJIT"},
		{"[Service]\nExecStart=/usr/bin/python3 a.py\n", "MemoryDenyWriteExecute", "knowledge", "yes", "extension modules"},
		{"[Service]\nExecStart=/usr/bin/ruby a.rb\n", "MemoryDenyWriteExecute", "knowledge", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/ruby --yjit a.rb\n", "MemoryDenyWriteExecute", "likely", "yes", "YJIT"},
		{"[Service]\nExecStart=/usr/bin/ruby a.rb\nEnvironment=RUBY_YJIT_ENABLE=1\n", "MemoryDenyWriteExecute", "likely", "yes", "YJIT"},
		{"[Service]\nExecStart=/usr/bin/php -d opcache.jit=tracing a.php\n", "MemoryDenyWriteExecute", "likely", "yes", "opcache"},
		{"[Service]\nExecStart=/usr/bin/golang\n", "MemoryDenyWriteExecute", "none", "yes", "Go"},
		{"[Service]\nExecStart=/usr/bin/quiet\n", "MemoryDenyWriteExecute", "knowledge", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/pg_ctlcluster 15-main start\n", "MemoryDenyWriteExecute", "likely", "yes", "jit = on"},
		{"[Service]\nExecStart=/usr/bin/node a.js\n", "SystemCallFilter", "none", "@system-service @pkey", "node was run"},
		{"[Service]\nExecStart=/usr/bin/python3 a.py\n", "SystemCallFilter", "none", "@system-service", "python was run"},
		{"[Service]\nExecStart=/usr/bin/embeds\n", "SystemCallFilter", "knowledge", "@system-service", "luajit"},
		{"[Service]\nExecStart=/usr/bin/drops\n", "SystemCallFilter", "knowledge", "@system-service chroot", "imports chroot"},
		// Users and capabilities.
		{root, "CapabilityBoundingSet", "knowledge", "CAP_DAC_OVERRIDE CAP_FOWNER CAP_NET_BIND_SERVICE", "import"},
		{"[Service]\nExecStart=/usr/bin/drops\n", "CapabilityBoundingSet", "knowledge", "CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID CAP_SYS_CHROOT CAP_SYS_RESOURCE", ""},
		{"[Service]\nExecStart=/usr/sbin/nginx\n", "CapabilityBoundingSet", "none", "CAP_CHOWN CAP_DAC_OVERRIDE CAP_KILL CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID", "nginx as root"},
		{"[Service]\nExecStart=/usr/bin/python3 a.py\n", "CapabilityBoundingSet", "knowledge", "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID", "it runs as root"},
		{web("ExecStart=/usr/bin/quiet\n"), "CapabilityBoundingSet", "none", "", "web"},
		{web("ExecStart=/usr/bin/quiet --port 80\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"), "CapabilityBoundingSet", "none", "CAP_NET_BIND_SERVICE", "port 80"},
		{web("ExecStart=/usr/bin/wrapper\n"), "CapabilityBoundingSet", "likely", "", "sudo"},
		{web("ExecStart=/usr/bin/quiet\nCapabilityBoundingSet=\n"), "CapabilityBoundingSet", "-", "", ""},
		{"[Service]\nExecStart=/usr/sbin/nginx\nCapabilityBoundingSet=CAP_KILL CAP_SYS_ADMIN\n", "CapabilityBoundingSet", "knowledge", "CAP_KILL", "on purpose"},
		{"[Service]\nExecStart=/usr/bin/quiet\nDynamicUser=yes\n", "CapabilityBoundingSet", "none", "", ""},
		{root, "DynamicUser", "knowledge", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/drops\n", "DynamicUser", "likely", "yes", "imports set"},
		{"[Service]\nExecStart=/usr/bin/quiet --listen=:443\n", "DynamicUser", "likely", "yes", "port 443"},
		{web("ExecStart=/usr/bin/quiet\n"), "DynamicUser", "-", "", ""},
		{root, "PrivateUsers", "likely", "yes", "root"},
		{web("ExecStart=/usr/bin/quiet\n"), "PrivateUsers", "knowledge", "yes", ""},
		{web("ExecStart=/usr/bin/quiet\nEnvironment=PORT=443\n"), "PrivateUsers", "likely", "yes", "port 443"},
		{web("ExecStart=/usr/bin/quiet\nAmbientCapabilities=CAP_NET_RAW\n"), "PrivateUsers", "likely", "yes", "Ambient"},
		{"[Service]\nExecStart=/usr/sbin/nginx\n", "SystemCallFilter=~@privileged", "likely", "~@privileged", "changes to another user"},
		{"[Service]\nExecStart=/usr/bin/drops\n", "SystemCallFilter=~@privileged", "likely", "~@privileged", "imports setuid"},
		{web("ExecStart=/usr/bin/quiet\n"), "SystemCallFilter=~@privileged", "none", "~@privileged", ""},
		{"[Service]\nExecStart=/usr/bin/drops\n", "SystemCallFilter=~@resources", "knowledge", "~@resources", "setrlimit"},
		{root, "SystemCallFilter=~@resources", "none", "~@resources", "imports"},
		{"[Service]\nExecStart=/usr/bin/memcached\n", "SystemCallFilter=~@resources", "likely", "~@resources", "open files"},
		{root, "RemoveIPC", "-", "", ""},
		{web("ExecStart=/usr/bin/quiet\n"), "RemoveIPC", "none", "yes", ""},
		// Files.
		{root, "ProtectSystem", "knowledge", "strict", "which paths"},
		{root + "StateDirectory=web\n", "ProtectSystem", "knowledge", "strict", "/var/lib/web"},
		{"[Service]\nExecStart=/usr/sbin/nginx\n", "ProtectSystem", "none", "strict", "own directories"},
		{"[Service]\nExecStart=/usr/sbin/nginx\nProtectSystem=strict\n", "ProtectSystem", "-", "", ""},
		{root, "ProtectHome", "none", "yes", ""},
		{"[Service]\nExecStart=/home/kim/bin/app\n", "ProtectHome", "knowledge", "read-only", "ExecStart"},
		{"[Service]\nExecStart=/home/kim/bin/app\nProtectHome=read-only\n", "ProtectHome", "-", "", ""},
		{"[Service]\nExecStart=/usr/bin/quiet\nWorkingDirectory=/root/data\n", "ProtectHome", "likely", "yes", "/root/data"},
		{"[Service]\nExecStart=/usr/bin/quiet\nUser=kim\n", "ProtectHome", "likely", "yes", "/home/kim"},
		{web("ExecStart=/usr/bin/quiet\n"), "ProtectHome", "none", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/quiet --lock /tmp/lock\n", "PrivateTmp", "knowledge", "yes", "/tmp/lock"},
		{root, "PrivateDevices", "none", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/quiet --tty /dev/ttyS0\n", "PrivateDevices", "likely", "yes", "/dev/ttyS0"},
		{"[Service]\nExecStart=/usr/bin/quiet --log /dev/null\n", "PrivateDevices", "none", "yes", ""},
		{"[Service]\nExecStart=/usr/bin/camera\n", "PrivateDevices", "likely", "yes", "libudev"},
		{"[Service]\nExecStart=/usr/bin/quiet\nDeviceAllow=/dev/fuse rw\n", "PrivateDevices", "likely", "yes", "/dev/fuse"},
		{root, "UMask", "knowledge", "0077", ""},
		{root + "UMask=0077\n", "UMask", "-", "", ""},
		{root + "UMask=0007\n", "UMask", "knowledge", "0077", ""},
		// The network.
		{root, "RestrictAddressFamilies", "none", "AF_INET AF_INET6 AF_UNIX", ""},
		{"[Service]\nExecStart=/usr/bin/drops\n", "RestrictAddressFamilies", "none", "AF_INET AF_INET6 AF_UNIX AF_NETLINK", "getifaddrs"},
		{"[Service]\nExecStart=/usr/bin/golang\n", "RestrictAddressFamilies", "none", "AF_INET AF_INET6 AF_UNIX AF_NETLINK", "net.Interfaces"},
		{"[Service]\nExecStart=/usr/bin/node a.js\n", "RestrictAddressFamilies", "knowledge", "AF_INET AF_INET6 AF_UNIX", "interfaces"},
		{"[Service]\nExecStart=/usr/sbin/dnsmasq\n", "RestrictAddressFamilies", "none", "AF_INET AF_INET6 AF_UNIX AF_NETLINK", "dnsmasq"},
		{root + "RestrictAddressFamilies=AF_UNIX\n", "RestrictAddressFamilies", "-", "", ""},
		{"[Service]\nExecStart=/usr/bin/quiet --listen 127.0.0.1:8080\n", "IPAddressDeny", "knowledge", "localhost", "8080"},
		{"[Service]\nExecStart=/usr/bin/quiet --listen 0.0.0.0:8080\n", "IPAddressDeny", "-", "", ""},
		{"[Service]\nExecStart=/usr/bin/quiet --db 10.0.0.1:5432\n", "SocketBindDeny", "knowledge", "any", ""},
		{"[Service]\nExecStart=/usr/bin/quiet --port 8080\n", "SocketBindDeny", "knowledge", "8080", ""},
		{"[Service]\nType=oneshot\nExecStart=/usr/bin/quiet\n", "PrivateNetwork", "knowledge", "yes", ""},
		{root, "PrivateNetwork", "-", "", ""},
		// Devices of the machine, clocks, architectures, containers.
		{"[Service]\nExecStart=/usr/sbin/chronyd\n", "ProtectClock", "likely", "yes", "setting the clock"},
		{"[Service]\nExecStart=/usr/bin/i386\n", "SystemCallArchitectures", "likely", "native", "32 bits"},
		{"[Service]\nExecStart=/usr/bin/i386\n", "LockPersonality", "likely", "yes", ""},
		{root + "Delegate=yes\n", "ProtectControlGroups", "likely", "yes", "Delegate"},
		{"[Service]\nExecStart=/usr/bin/bwrap --unshare-all x\n", "RestrictNamespaces", "likely", "yes", "bwrap"},
		{"[Service]\nExecStart=/usr/bin/dockerd\n", "RestrictNamespaces", "likely", "yes", "containers"},
		{"[Service]\nExecStart=/usr/sbin/sshd -D\n", "ProtectKernelModules", "likely", "yes", "logins inherit"},
		{"[Service]\nExecStart=/usr/sbin/sshd -D\n", "LockPersonality", "knowledge", "yes", "logins inherit"},
		{"[Service]\nExecStart=/usr/bin/node_exporter\n", "ProtectProc", "likely", "invisible", "processes of others"},
		{root + "CPUSchedulingPolicy=fifo\n", "RestrictRealtime", "knowledge", "yes", ""},
		{root + "NotifyAccess=all\n", "NotifyAccess", "knowledge", "exec", ""},
		{root, "NotifyAccess", "-", "", ""},
		{root + "KeyringMode=shared\n", "KeyringMode", "knowledge", "private", ""},
		{root, "KeyringMode", "-", "", ""},
	} {
		p := advise(t, input(c.unit, 257, system()))
		got := p.find(c.directive)
		if got == nil {
			if c.risk != "-" {
				t.Errorf("%q: nothing is said about %s", c.unit, c.directive)
			}
			continue
		}
		if got.Risk.String() != c.risk || got.Set[0].Value() != c.value || !strings.Contains(got.Fact, c.fact) {
			t.Errorf("%q: %s=%s with risk %s because %q, want %s with %s because %q",
				c.unit, c.directive, got.Set[0].Value(), got.Risk, got.Fact, c.value, c.risk, c.fact)
		}
	}
}

// TestKinds: what a service does, guessed and said.
func TestKinds(t *testing.T) {
	for _, c := range []struct{ unit, want string }{
		{root, "worker"},
		{"[Service]\nExecStart=/usr/bin/quiet --port=80\n", "web"},
		{"[Service]\nType=oneshot\nExecStart=/usr/bin/quiet\n", "timer-job"},
		{"[Service]\nExecStart=/usr/bin/node --port 1 a.js\n", "web jit-runtime"},
		{"[Service]\nExecStart=/usr/bin/chronyd\n", "network-client"},
	} {
		p := advise(t, input(c.unit, 257, system()))
		if got := strings.Trim(fmt.Sprint(p.Kinds), "[]"); got != c.want {
			t.Errorf("%q is %s, want %s", c.unit, got, c.want)
		}
	}
	in := input(root, 257, system())
	in.Kinds = []Kind{JITRuntime}
	if c := advise(t, in).find("MemoryDenyWriteExecute"); c.Risk != Likely {
		t.Errorf("the kind jit-runtime does not count: %+v", c)
	}
}

// TestProfiles: each profile has what the one before it has, risks are
// withheld, and exposure never rises.
func TestProfiles(t *testing.T) {
	for _, text := range []string{root, "[Service]\nUser=web\nExecStart=/usr/bin/python3 a.py\n", "[Service]\nExecStart=/usr/bin/dockerd\n"} {
		before := []string{}
		var exposure hardening.Exposure = 101
		for profile := Baseline; profile <= Strict; profile++ {
			in := input(text, 257, system())
			in.Profile = profile
			p := advise(t, in)
			var names []string
			for _, c := range p.Changes {
				names = append(names, c.Directive)
				if c.Profile > profile {
					t.Errorf("%s is in %s", c.Directive, profile)
				}
			}
			for _, b := range before {
				if !slices.Contains(names, b) {
					t.Errorf("%s has no %s", profile, b)
				}
			}
			if p.After > exposure {
				t.Errorf("%s is worse than the profile before it: %s", profile, p.After)
			}
			before, exposure = names, p.After
		}
		for risk := None; risk <= Likely; risk++ {
			in := input(text, 257, system())
			in.Risk = risk
			p := advise(t, in)
			for _, c := range p.Changes {
				if c.Risk > risk {
					t.Errorf("%s with risk %s is among the changes", c.Directive, c.Risk)
				}
			}
			for _, c := range p.Withheld {
				if c.Risk <= risk {
					t.Errorf("%s with risk %s is withheld", c.Directive, c.Risk)
				}
			}
			if p.After > p.Before {
				t.Errorf("the exposure rises from %s to %s", p.Before, p.After)
			}
		}
	}
}

// TestTargets: nothing that is newer than the target is proposed, which the
// tables of the generator confirm, and every field is a field.
func TestTargets(t *testing.T) {
	for version := 219; version <= 262; version++ {
		in := input("[Service]\nExecStart=/usr/bin/quiet --listen 127.0.0.1:80\nNotifyAccess=all\nKeyringMode=shared\n", version, system())
		p := advise(t, in)
		target := generators.Target{Backend: "systemd", Version: generators.Version(version) * generators.Major}
		for _, c := range slices.Concat(p.Changes, p.Withheld) {
			for _, a := range c.Set {
				id, ok := field.Lookup(a.Field)
				if !ok {
					t.Errorf("%s is no field of a spec", a.Field)
					continue
				}
				s := systemd.New().Support().At(id, target)
				if s.Level == generators.Unsupported {
					t.Errorf("systemd %d has no %s: %s", version, a.Directive, s.Why)
				}
				if version >= unit.Oldest {
					if known, effective := unit.Known("Service", a.Directive, version); !known || !effective {
						t.Errorf("systemd %d has no %s", version, a.Directive)
					}
				}
			}
		}
	}
	for i := range rules {
		r := &rules[i]
		if r.check == "" || r.ref == "" || r.since == 0 {
			t.Errorf("%s is incomplete", r.directive)
		}
		// The first version in the table of the generator is that of the rule,
		// except where it has a value that came later.
		id, ok := field.Lookup(r.field)
		if !ok {
			t.Errorf("%s: %s is no field", r.directive, r.field)
			continue
		}
		if r.since > 219 && !strings.HasPrefix(r.directive, "SystemCallFilter") && r.directive != "DynamicUser" {
			older := generators.Target{Backend: "systemd", Version: generators.Version(r.since-1) * generators.Major}
			if s := systemd.New().Support().At(id, older); s.Level != generators.Unsupported {
				t.Errorf("%s: systemd %d has it already", r.directive, r.since-1)
			}
		}
	}
}

// TestEffect: every change really has the effect of its directive, and what is
// said about its gain is what scoring says.
func TestEffect(t *testing.T) {
	for _, text := range []string{root, "[Service]\nUser=web\nExecStart=/usr/bin/quiet\n"} {
		in := input(text, 257, system())
		p := advise(t, in)
		if p.Before < 90 || p.After > 30 {
			t.Errorf("from %s to %s", p.Before, p.After)
		}
		u, err := in.Load(in.Loader.With(DropIn, DropInText(p.Changes)))
		if err != nil {
			t.Fatal(err)
		}
		if len(u.Skips) > 0 {
			t.Errorf("systemd would skip %+v", u.Skips)
		}
		if a := hardening.Assess(u, hardening.Options{}); a.Exposure != p.After {
			t.Errorf("promised %s, it is %s", p.After, a.Exposure)
		}
		again := advise(t, input(text+strings.Replace(DropInText(p.Changes), "[Service]\n", "", 1), 257, system()))
		// Without root (DynamicUser) there is more to take away.
		if len(again.Changes) > 0 && text != root {
			t.Errorf("changes are proposed again: %s", DropInText(again.Changes))
		}
	}
}

const traced = `1 execve("/usr/bin/quiet", ["quiet"], 0x7ffd /* 5 vars */) = 0
1 socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = 3
1 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4
1 bind(4, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16) = 0
1 openat(AT_FDCWD, "/var/lib/web/data", O_RDWR|O_CREAT, 0600) = 5
1 openat(AT_FDCWD, "/home/kim/.webrc", O_RDONLY) = 6
1 openat(AT_FDCWD, "/dev/fuse", O_RDWR) = 7
1 mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f
1 execve("/usr/bin/sudo", ["sudo", "-n"], 0x7ffd) = 0
1 adjtimex({modes=0}) = 0 (TIME_OK)
1 mkdir("/var/lib/web/shared", 0700) = 0
1 chmod("/var/lib/web/shared", 02770) = 0
1 sched_setscheduler(0, SCHED_RR, [1]) = 0
1 unshare(CLONE_NEWUSER) = 0
1 setuid(33) = 0
1 openat(AT_FDCWD, "/proc/meminfo", O_RDONLY) = 8
1 chroot("/var/lib/web") = 0
`

// TestTrace: a trace changes values, and contradicts what the service needs.
func TestTrace(t *testing.T) {
	var f trace.Facts
	if err := f.Read("web.trace", strings.NewReader(traced)); err != nil {
		t.Fatal(err)
	}
	in := input(root, 257, system())
	in.Trace = &f
	p := advise(t, in)
	lines := map[string]int{
		"ProtectHome": 6, "PrivateDevices": 7, "MemoryDenyWriteExecute": 8, "NoNewPrivileges": 9, "ProtectClock": 10, "RestrictSUIDSGID": 12,
		"RestrictRealtime": 13, "ProcSubset": 16, "SystemCallFilter=~@privileged": 10, "SystemCallFilter=~@resources": 13, "DynamicUser": 15, "PrivateUsers": 4,
	}
	for _, d := range p.Dropped {
		want, ok := lines[d.Directive]
		if !ok {
			t.Errorf("%s is dropped: %s", d.Directive, d.Fact)
			continue
		}
		delete(lines, d.Directive)
		if d.Contradicted.File != "web.trace" || d.Contradicted.Line != want {
			t.Errorf("%s is dropped because of %s", d.Directive, d.Contradicted)
		}
	}
	for d := range lines {
		t.Errorf("%s is not dropped", d)
	}
	for directive, want := range map[string]string{
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK",
		"RestrictNamespaces":      "user",
		"CapabilityBoundingSet":   "CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_NET_BIND_SERVICE CAP_SETUID CAP_SYS_CHROOT CAP_SYS_NICE",
		"DevicePolicy":            "closed",
		"ProtectSystem":           "strict",
	} {
		if c := p.find(directive); c == nil || c.Contradicted != nil || c.Set[0].Value() != want {
			t.Errorf("%s is %+v, want %s", directive, c, want)
		}
	}
	if c := p.find("SystemCallFilter"); c == nil || !slices.Contains(c.Set[0].Items, "chroot") || !slices.Contains(c.Set[0].Items, "adjtimex") {
		t.Errorf("the filter is %+v", c)
	}
	if c := p.find("ProtectSystem"); len(c.Set) != 2 || c.Set[1].Value() != "-/var/lib/web" {
		t.Errorf("written paths are %+v", c.Set)
	}
	// A quiet trace answers questions.
	var quiet trace.Facts
	if err := quiet.Read("web.trace", strings.NewReader("1 execve(\"/usr/bin/python3\", [], 0x1) = 0\n")); err != nil {
		t.Fatal(err)
	}
	in = input("[Service]\nExecStart=/usr/bin/python3 a.py\n", 257, system())
	in.Trace = &quiet
	if c := advise(t, in).find("NoNewPrivileges"); c.Risk != None || !strings.Contains(c.Fact, "trace of 1 calls") {
		t.Errorf("%+v", c)
	}
}

// TestDoubts: what is in place and does not fit is said.
func TestDoubts(t *testing.T) {
	p := advise(t, input("[Service]\nExecStart=/usr/bin/node a.js\nMemoryDenyWriteExecute=yes\n", 257, system()))
	if len(p.Doubts) != 1 || p.Doubts[0].Directive != "MemoryDenyWriteExecute" || p.Doubts[0].Origin.Line != 3 {
		t.Errorf("%+v", p.Doubts)
	}
}

func TestAdviseErrors(t *testing.T) {
	for _, text := range []string{"", "[Service]\n", "[Service]\nExecStart=relative/path\n"} {
		if _, err := Advise(input(text, 257, nil)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
	if _, err := Advise(input(root, 257, nil)); err != nil {
		t.Errorf("without a tree: %v", err)
	}
}

func TestUserScope(t *testing.T) {
	in := input(root, 257, system())
	in.Loader = unit.NewLoader(Files{"etc/systemd/system/web.service": root}, unit.Options{Version: 257, Scope: unit.User})
	p := advise(t, in)
	for _, directive := range []string{"CapabilityBoundingSet", "DynamicUser", "IPAddressDeny", "ProtectProc", "SocketBindDeny"} {
		if p.find(directive) != nil {
			t.Errorf("%s has no effect for users", directive)
		}
	}
	if c := p.find("ProtectHome"); c.Risk != Likely {
		t.Errorf("%+v", c)
	}
}

// TestGolden shows whole plans.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name, unit string
		version    int
		profile    Profile
	}{
		{"native-root", root, 257, Standard},
		{"node-user", "[Service]\nUser=web\nExecStart=/usr/bin/node /srv/app.js --port 8080\nStateDirectory=web\n", 252, Strict},
		{"nginx", "[Service]\nType=forking\nPIDFile=/run/nginx.pid\nExecStart=/usr/sbin/nginx\n", 252, Strict},
		{"old-target", "[Service]\nExecStart=/usr/bin/python3 /srv/a.py\n", 219, Strict},
		{"sshd", "[Service]\nExecStart=/usr/sbin/sshd -D\n", 257, Standard},
	} {
		in := input(c.unit, c.version, system())
		in.Profile, in.Risk = c.profile, Knowledge
		p := advise(t, in)
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(p); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, "testdata/golden/"+c.name+".json", b.Bytes())
	}
}
