//go:build linux

package operate_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/internal/lab"
)

// example is a file of examples/ that goes through its life, unchanged but for
// one value, on every manager. The programs are those of Debian where it has
// them; where it has none, a small one stands in its place and behaves alike.
type example struct {
	file    string
	daemons []string
	// prepare is a script that makes what the spec expects of a machine.
	prepare string
	// from and to are what an upgrade changes; shows is what then tells of it,
	// on the command line of a process or in its limits.
	from, to, shows string
	// serves is a script that succeeds when the daemon does its work.
	serves string
	// reloads says that the spec declares how.
	reloads bool
	// timed says that it only runs from time to time.
	timed bool
	// data are the prefixes of paths that the program itself writes to.
	data []string
	// userLoss is what has to be given up to run it as the user alice, by whom
	// userPrepare lets its files be used. Empty: it cannot.
	userLoss, userPrepare string
	// not names the managers that it cannot run on, and why.
	not map[string]string
}

const get = `python3 -c 'import sys, urllib.request; sys.exit(sys.argv[2] not in urllib.request.urlopen(sys.argv[1]).read().decode())' `

var examples = [...]example{
	{
		file: "nginx", daemons: []string{"nginx"}, reloads: true,
		from: "nofile: 65536", to: "nofile: 16384", shows: "Max open files            16384",
		serves:      get + "http://127.0.0.1/ nginx",
		data:        []string{"/var/log/nginx/", "/var/lib/nginx/"},
		userLoss:    "sandboxing",
		userPrepare: "chown -R alice /var/log/nginx /var/lib/nginx; sed -i 's!/run/nginx.pid!/var/lib/nginx/nginx.pid!; /^user/d' /etc/nginx/nginx.conf",
	},
	{
		file: "redis", daemons: []string{"redis-server"},
		from: "nofile: 65535", to: "nofile: 16000", shows: "Max open files            16000",
		// Not for a user: its strict profile hides /run/user, where a user's manager
		// listens for the message that it is ready (systemd.exec(5), ProtectHome=).
		serves: "[ \"$(redis-cli ping)\" = PONG ]",
		data:   []string{"/var/log/redis/", "/var/lib/redis/"},
	},
	{
		file: "ssh", daemons: []string{"ssh"}, reloads: true,
		not: map[string]string{
			"runit":       "the package of sshd brings /etc/sv/ssh, whose links daemonize does not put back",
			"daemontools": "the package of sshd brings /etc/service/ssh, in the place of the link to ours",
		},
		// The lab asks more often than newer servers think proper.
		prepare: "mkdir -p /run/sshd; if sshd -T | grep -qi persourcepenalties; then echo 'PerSourcePenalties no' >/etc/ssh/sshd_config.d/lab.conf; fi; rmdir /run/sshd",
		from:    "command: [/usr/sbin/sshd, -D]", to: "command: [/usr/sbin/sshd, -D, -o, UseDNS=no]", shows: "UseDNS=no",
		serves:      `python3 -c 'import socket, sys; sys.exit(socket.create_connection(("127.0.0.1", 22), 5).recv(4) != b"SSH-")'`,
		userLoss:    "sandboxing",
		userPrepare: "chown alice /etc/ssh/ssh_host_*_key; sed -i 's!^#*PidFile.*!PidFile none!; s!^#*UsePAM.*!UsePAM no!' /etc/ssh/sshd_config",
	},
	{
		file: "node-exporter", daemons: []string{"prometheus-node-exporter"},
		from: "listen-address=:9100", to: "listen-address=:9101", shows: ":9101",
		serves:   get + "http://127.0.0.1:9100/metrics node_cpu || " + get + "http://127.0.0.1:9101/metrics node_cpu",
		userLoss: "sandboxing,user",
	},
	{
		file: "backup", daemons: []string{"backup", "backup-prune"}, timed: true,
		// Its sandbox lets it write to its cache only: the repository is elsewhere,
		// or here in there.
		prepare: "mkdir -p /etc/restic /var/cache/restic/repository && echo /var/cache/restic/repository >/etc/restic/repository && echo secret >/etc/restic/password && : >/etc/restic/exclude &&" +
			" restic init -q -r /var/cache/restic/repository --password-file /etc/restic/password",
		from: "  - --exclude-caches\n", to: "  - --exclude-caches\n  - --tag=upgraded\n", shows: "--tag=upgraded",
		// Not for a user: it backs up what only root may read.
		serves: "restic snapshots --repository-file /etc/restic/repository --password-file /etc/restic/password --no-cache --no-lock | grep '^[0-9a-f]\\{8\\} '",
		data:   []string{"/var/cache/restic/", "/root/.cache"},
	},
	{
		file: "web-socket", daemons: []string{"guestbook"}, reloads: true,
		prepare: `mkdir -p /srv/guestbook/guestbook && cat >/srv/guestbook/guestbook/wsgi.py <<'EOF'
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"guests: Ada\n"]
EOF
`,
		from: "--workers=2", to: "--workers=1", shows: "--workers=1",
		// Not for a user: as with redis, it could not say that it is ready.
		serves: get + "http://127.0.0.1:8000/ Ada",
		data:   []string{"/var/lib/guestbook", "/srv/guestbook/guestbook/__pycache__"},
	},
	{
		file: "celery", daemons: []string{"shop-celery"},
		// A worker that takes the arguments, the environment and the signal that
		// Celery takes.
		prepare: `mkdir -p /opt/shop/venv/bin /etc/shop && echo CELERY_BROKER_URL=redis://:secret@localhost >/etc/shop/celery.env && chmod 600 /etc/shop/celery.env
cat >/opt/shop/venv/bin/celery <<'EOF'
#!/usr/bin/python3
import os, signal, sys
print("worker", *sys.argv[1:], "broker", os.environ["CELERY_BROKER_URL"].split("@")[1], flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True: signal.pause()
EOF
chmod 755 /opt/shop/venv/bin/celery`,
		from: "--concurrency=4", to: "--concurrency=2", shows: "--concurrency=2",
		serves:      "[ $(pgrep -c -f '^/usr/bin/python3 /opt/shop/venv/bin/celery .*--hostname=[a-z]*@%h') = 3 ]",
		userLoss:    "sandboxing,user",
		userPrepare: "chown -R alice /etc/shop",
	},
}

// live takes an example from its installation to its removal, and expects the
// machine as it was before.
func (m *machine) live(e *example, spec string, flags ...string) {
	t := m.t
	file := "/tmp/" + e.file + ".daemon.yaml"
	m.write(file, spec)
	if e.prepare != "" {
		m.MustRun("sh", "-c", e.prepare)
	}
	before := m.Snapshot()
	install := append([]string{"install", "--backend", m.backend, file}, flags...)
	m.must(install...)
	serves := func() {
		t.Helper()
		m.WaitFor(e.file+" to serve", func() bool { return m.Run("sh", "-c", e.serves).Code == 0 })
	}
	run := func() {
		t.Helper()
		if name := e.daemons[0]; m.backend == "systemd" {
			m.MustRun("systemctl", "start", name+".service") // start waits for the timer
		} else {
			m.must("start", name)
		}
	}
	if e.timed {
		if m.backend == "systemd" { // the spec says that install must not start anything
			m.must(append([]string{"start"}, e.daemons...)...)
		}
		run()
	}
	serves()

	// Status: all that is started is up, installed by us and as it was installed.
	pids := func() (pids []int) {
		t.Helper()
		for _, name := range e.daemons {
			s := m.status(name)
			if s.State != "active" && !(e.timed && s.Waits) || !s.Installed || len(s.Drift) > 0 {
				t.Errorf("%s: %+v", name, s)
			}
			for _, j := range s.Jobs {
				if j.PID > 0 {
					pids = append(pids, j.PID)
				}
			}
		}
		if len(pids) == 0 && !e.timed {
			t.Fatalf("no process of %s is known:\n%s", e.daemons, m.must("status", e.daemons[0]))
		}
		return pids
	}
	first := pids()
	all, _ := m.reports("list")
	for _, name := range e.daemons {
		if !slices.ContainsFunc(all, func(r report) bool { return r.Daemon == name }) {
			t.Errorf("%s is not listed: %+v", name, all)
		}
	}

	// Reload and restart.
	switch r := m.daemonize(append([]string{"reload"}, e.daemons...)...); {
	case e.reloads && r.Code != 0:
		t.Errorf("reload: %v", r)
	case e.reloads:
		serves()
		if now := pids(); !slices.Equal(now, first) {
			t.Errorf("reload: processes %v, were %v", now, first)
		}
	case r.Code != 1 || !strings.Contains(r.Stderr, "cannot "):
		t.Errorf("a reload that is not declared: %v", r)
	}
	if !e.timed { // a restart would be a run
		m.must(append([]string{"restart"}, e.daemons...)...)
		serves()
		second := pids()
		if slices.ContainsFunc(second, func(pid int) bool { return slices.Contains(first, pid) }) {
			t.Errorf("restart: processes %v, were %v", second, first)
		}
		first = second
	}

	// Upgrade: one value.
	upgraded := strings.Replace(spec, e.from, e.to, 1)
	if upgraded == spec {
		t.Fatalf("%s does not hold %q", e.file, e.from)
	}
	m.write(file, upgraded)
	m.must(install...)
	if e.timed {
		run()
		tagged := strings.Replace(e.serves, " | grep", " --tag upgraded | grep", 1)
		m.WaitFor("the upgraded "+e.file, func() bool { return strings.Count(m.Run("sh", "-c", tagged).Stdout, "\n") == 1 })
	} else {
		serves()
		now := pids()
		if slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(first, pid) }) {
			t.Errorf("upgrade: processes %v, were %v", now, first)
		}
		for _, pid := range now {
			if out := m.MustRun("sh", "-c", fmt.Sprintf("tr '\\0' ' ' </proc/%d/cmdline; cat /proc/%d/limits", pid, pid)); !strings.Contains(out, e.shows) {
				t.Errorf("after the upgrade process %d has no %q:\n%s", pid, e.shows, out)
			}
		}
	}

	// Logs can be read; what is in them is the program's.
	if r := m.daemonize("logs", "-n", "5", e.daemons[0]); r.Code != 0 || strings.Count(r.Stdout, "\n") > 5 {
		t.Errorf("logs: %v", r)
	}

	// Drift is seen, and refused.
	drifted := m.ours(e.daemons[0])
	was := m.MustRun("cat", drifted)
	m.MustRun("sh", "-c", "echo '# mine' >>"+drifted)
	if r := m.daemonize("status", e.daemons[0]); r.Code != 6 || !strings.Contains(r.Stdout, "changed since it was installed: "+drifted) {
		t.Errorf("status of what was edited: %v", r)
	}
	if r := m.daemonize("uninstall", e.daemons[0]); r.Code != 6 {
		t.Errorf("uninstalling what was edited: %v", r)
	}
	if r := m.RunContext(t.Context(), strings.NewReader(was), "sh", "-c", "cat >"+drifted); r.Code != 0 {
		t.Fatal(r)
	}

	m.must("uninstall", file)
	left := slices.DeleteFunc(unlogged(lab.Diff(before, m.Snapshot())), func(line string) bool {
		name, _, _ := strings.Cut(line[2:], ":")
		// insserv's .depend files know of links one run later, and in any order.
		return slices.Contains(accountFiles(), name) || strings.HasPrefix(name, "/etc/init.d/.depend.") || slices.ContainsFunc(e.data, func(dir string) bool { return strings.HasPrefix(name+"/", dir) })
	})
	if len(left) > 0 {
		t.Errorf("%s left behind:\n%s", e.file, strings.Join(left, "\n"))
	}
	if r := m.Run("sh", "-c", e.serves); !e.timed && r.Code == 0 {
		t.Errorf("%s still serves after its removal", e.file)
	}
}

// accountFiles keep accounts, which stay.
func accountFiles() []string {
	return []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"}
}

// ours is a file of a daemon, by its manifest.
func (m *machine) ours(daemon string) string {
	m.t.Helper()
	dir := "/var/lib/daemonize/"
	if len(m.as) > 0 {
		dir = "/home/alice/.local/state/daemonize/"
	}
	var manifest struct{ Files []struct{ Path, Link string } }
	if err := json.Unmarshal([]byte(m.MustRun("cat", dir+daemon+".json")), &manifest); err != nil {
		m.t.Fatal(err)
	}
	for _, f := range manifest.Files {
		if f.Link == "" {
			return f.Path
		}
	}
	m.t.Fatalf("%s has no file", daemon)
	return ""
}

func specOf(t *testing.T, e *example) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../examples", e.file+".daemon.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// possible lowers limits that nobody may have in this machine, itself a container,
// where the manager does not do so, as systemd does (setrlimit_closest).
func (m *machine) possible(spec string) string {
	m.t.Helper()
	if m.backend == "systemd" || m.Run("prlimit", "--nofile=65536", "true").Code == 0 {
		return spec
	}
	return strings.NewReplacer("nofile: 65536", "nofile: 10000", "nofile: 65535", "nofile: 10000").Replace(spec)
}

// TestLabExamples installs the examples on every manager.
func TestLabExamples(t *testing.T) {
	lab.Long(t)
	lab.Root(t, "systemd252") // may skip, before anything is built
	dir := programs(t)
	lab.OnManagers(t, []lab.Option{lab.Bind(filepath.Join(dir, "daemonize"), "/usr/bin/daemonize")}, func(t *testing.T, lm *lab.Machine, manager lab.Manager) {
		m := &machine{t: t, backend: manager.Backend, Machine: lm}
		// Where no manager knows it, the network is up when there is a way out of it.
		if manager.Backend != "systemd" {
			m.MustRun("sh", "-c", "ip link add lab0 type veth peer name lab1 && ip link set lab0 up && ip link set lab1 up && ip address add 192.0.2.2/24 dev lab0 && ip route add default via 192.0.2.1")
		}
		lived := 0
		for i := range examples {
			e := &examples[i]
			if why, ok := e.not[manager.Name]; ok {
				t.Logf("%s does not run here: %s", e.file, why)
				continue
			}
			// Debian's packages bring units and init scripts of the same names.
			spec, of := specOf(t, e), *e
			if lower := m.possible(spec); lower != spec {
				t.Logf("%s gets limits.nofile of 10000: this machine may not have more", e.file)
				spec, of.from = lower, m.possible(e.from)
			}
			m.live(&of, spec, "--shadow", "--adopt")
			lived++
		}
		t.Logf("%d of %d examples lived on %s", lived, len(examples), manager.Name)
	})
}

// TestLabExamplesUser installs the examples for a user. Accounts and most of the
// sandbox are what a user's manager has not; the user consents.
func TestLabExamplesUser(t *testing.T) {
	lab.Long(t)
	m := boot(t, "systemd252", "systemd")
	m.MustRun("useradd", "--create-home", "--uid", "4711", "alice")
	m.MustRun("loginctl", "enable-linger", "alice")
	m.WaitFor("the manager of alice", func() bool {
		return m.Run("systemctl", "is-active", "--quiet", "user@4711.service").Code == 0
	})
	m.MustRun("umount", "/proc/kmsg") // which systemd-nspawn hides from root as well
	// In this machine ports below 1024 are for alice, too.
	m.MustRun("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start")
	m.as = []string{"runuser", "-u", "alice", "--", "env", "HOME=/home/alice", "XDG_RUNTIME_DIR=/run/user/4711"}
	m.scope = []string{"--scope", "user"}
	lived := 0
	for i := range examples {
		e := &examples[i]
		if e.userLoss == "" {
			continue
		}
		if e.prepare != "" {
			m.MustRun("sh", "-c", e.prepare)
		}
		if e.userPrepare != "" {
			m.MustRun("sh", "-c", e.userPrepare)
		}
		of := *e
		of.prepare = ""
		m.live(&of, specOf(t, e), "--allow-loss", e.userLoss)
		lived++
	}
	t.Logf("%d of %d examples lived as a user's", lived, len(examples))
}
