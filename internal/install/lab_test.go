//go:build linux

package install_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/daemonize/daemonize/internal/lab"
)

// built is the program under test, which TestMain removes.
var built struct {
	dir  string
	once sync.Once
	err  error
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == victimArg {
		os.Exit(victim(os.Args[2:]))
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// binary builds the program as it is released, static, once for all tests.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "daemonize"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", built.dir, "../../cmd/daemonize")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, text)
		}
	})
	if built.err != nil {
		t.Fatalf("cannot build: %v", built.err)
	}
	return filepath.Join(built.dir, "daemonize")
}

func boot(t testing.TB) *lab.Machine {
	t.Helper()
	lab.Root(t, "systemd252") // may skip, before anything is built
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	return lab.Boot(t, "systemd252", lab.Bind(binary(t), "/usr/bin/daemonize"), lab.Bind(examples, "/usr/share/examples"))
}

func property(m *lab.Machine, unit, name string) string {
	return strings.TrimSpace(m.MustRun("systemctl", "show", "--value", "--property="+name, unit))
}

// result is what --output json says, as far as it is looked at.
type result struct {
	Daemons []struct{ Daemon, Target, Change string }
	Steps   []struct{ Verb, Path, Change string }
	Jobs    []struct {
		Job, State string
		PID        int
		Enabled    bool
	}
	Failure *struct {
		Message    string
		Log        []string
		RolledBack bool `json:"rolled_back"`
	}
}

func decode(t *testing.T, r lab.Result) result {
	t.Helper()
	var out result
	if err := json.Unmarshal([]byte(r.Stdout), &out); err != nil {
		t.Fatalf("cannot read the result: %v\n%v", err, r)
	}
	return out
}

// gone checks that nothing is left, neither files nor units.
func gone(t *testing.T, m *lab.Machine, before map[string]string, units ...string) {
	t.Helper()
	left := slices.DeleteFunc(lab.Diff(before, m.Snapshot()), func(line string) bool {
		return strings.HasPrefix(line, "~ /var/lib/redis/") || strings.HasPrefix(line, "~ /var/log/redis/") // data
	})
	if len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
	for _, u := range units {
		if state := property(m, u, "ActiveState"); state != "inactive" {
			t.Errorf("%s is %s", u, state)
		}
	}
	if out := m.MustRun("systemctl", "list-units", "--failed", "--plain", "--no-legend"); strings.TrimSpace(out) != "" {
		t.Errorf("failed units: %s", out)
	}
}

func TestLabExamples(t *testing.T) {
	m := boot(t)
	// What the programs write by themselves is not ours.
	m.MustRun("sh", "-c", "systemctl start nginx redis-server && systemctl stop nginx redis-server")
	before := m.Snapshot()
	specs := []string{"/usr/share/examples/nginx.daemon.yaml", "/usr/share/examples/redis.daemon.yaml"}

	// Both have packaged units.
	r := m.Run(append([]string{"daemonize", "install"}, specs...)...)
	if r.Code != 1 || !strings.Contains(r.Stderr, "nginx.service was not installed by daemonize") || !strings.Contains(r.Stderr, "nothing was changed") {
		t.Errorf("shadowing packaged units: %v", r)
	}
	gone(t, m, before)

	args := append([]string{"daemonize", "install", "--shadow", "--output", "json"}, specs...)
	r = m.Run(args...)
	if r.Code != 0 {
		t.Fatalf("%v\n%s", r, m.Log())
	}
	got := decode(t, r)
	if len(got.Daemons) != 2 || got.Daemons[0].Change != "create" || got.Daemons[0].Target != "systemd@252" {
		t.Errorf("daemons = %+v", got.Daemons)
	}
	if len(got.Jobs) != 2 || got.Jobs[0].State != "active" || got.Jobs[0].PID == 0 || !got.Jobs[1].Enabled {
		t.Errorf("jobs = %+v", got.Jobs)
	}
	for _, unit := range []string{"nginx.service", "redis-server.service"} {
		for name, want := range map[string]string{"ActiveState": "active", "UnitFileState": "enabled", "FragmentPath": "/etc/systemd/system/" + unit, "NeedDaemonReload": "no"} {
			if v := property(m, unit, name); v != want {
				t.Errorf("%s of %s = %q, want %q", name, unit, v, want)
			}
		}
	}
	if out := strings.TrimSpace(m.MustRun("redis-cli", "ping")); out != "PONG" {
		t.Errorf("redis says %q", out)
	}

	// systemctl takes the links for its own: disabling and enabling again
	// changes nothing.
	installed := m.Snapshot()
	m.MustRun("systemctl", "reenable", "nginx.service", "redis-server.service")
	if d := lab.Diff(installed, m.Snapshot()); len(d) > 0 {
		t.Errorf("systemctl reenable changes:\n%s", strings.Join(d, "\n"))
	}

	// Again: nothing happens.
	pid := property(m, "nginx.service", "MainPID")
	got = decode(t, m.Run(args...))
	for _, d := range got.Daemons {
		if d.Change != "unchanged" {
			t.Errorf("installing again: %s: %s", d.Daemon, d.Change)
		}
	}
	if now := property(m, "nginx.service", "MainPID"); now != pid {
		t.Errorf("installing again restarted nginx: %s, was %s", now, pid)
	}
	if d := lab.Diff(installed, m.Snapshot()); len(d) > 0 {
		t.Errorf("installing again changes:\n%s", strings.Join(d, "\n"))
	}

	// A hand edit is respected.
	unit := m.MustRun("cat", "/etc/systemd/system/nginx.service")
	m.WriteFile("/etc/systemd/system/nginx.service", unit+"# mine\n", 0o644)
	if r := m.Run("daemonize", "uninstall", "nginx", "redis-server"); r.Code != 6 || !strings.Contains(r.Stderr, "/etc/systemd/system/nginx.service") {
		t.Errorf("uninstalling an edited unit: %v", r)
	}
	m.WriteFile("/etc/systemd/system/nginx.service", unit, 0o644)

	if r := m.Run("daemonize", "uninstall", "nginx", specs[1]); r.Code != 0 {
		t.Fatal(r)
	}
	gone(t, m, before, "nginx.service", "redis-server.service")
}

const sleeper = `version: 1
name: sleeper
command: [/usr/bin/sleep, "%s"]
restart: on-failure
`

func TestLabUpgrade(t *testing.T) {
	m := boot(t)
	before := m.Snapshot()
	spec := func(seconds string) { m.WriteFile("/tmp/s.yaml", strings.ReplaceAll(sleeper, "%s", seconds), 0o644) }
	spec("1000")
	r := m.Run("daemonize", "install", "/tmp/s.yaml")
	if r.Code != 0 {
		t.Fatalf("%v\n%s", r, m.Log())
	}
	for _, want := range []string{"sleeper (systemd@252) installed", "+ /etc/systemd/system/sleeper.service (0644)", "+ /var/lib/daemonize/sleeper.json",
		"run systemctl daemon-reload", "sleeper.service: active", "daemonize uninstall sleeper"} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("the report lacks %q:\n%s", want, r.Stdout)
		}
	}
	running := func() string {
		return strings.ReplaceAll(m.MustRun("cat", "/proc/"+property(m, "sleeper.service", "MainPID")+"/cmdline"), "\x00", " ")
	}

	spec("2000")
	if out := m.MustRun("daemonize", "install", "--dry-run", "/tmp/s.yaml"); !strings.Contains(out, "run systemctl try-restart sleeper.service") || !strings.Contains(out, "dry run: nothing was changed") {
		t.Errorf("dry run:\n%s", out)
	}
	if got := running(); !strings.Contains(got, "1000") {
		t.Errorf("after the dry run %q runs", got)
	}
	m.MustRun("daemonize", "install", "/tmp/s.yaml")
	if got := running(); !strings.Contains(got, "2000") {
		t.Errorf("after the upgrade %q runs", got)
	}

	// An upgrade that fails brings the old version back.
	installed := m.Snapshot()
	m.WriteFile("/tmp/bad.yaml", strings.ReplaceAll(strings.ReplaceAll(sleeper, "%s", "1"), "/usr/bin/sleep", "/usr/bin/nonexistent"), 0o644)
	r = m.Run("daemonize", "install", "--skip-checks", "P001", "/tmp/bad.yaml")
	if r.Code != 1 || !strings.Contains(r.Stderr, "everything was put back") {
		t.Errorf("a failing upgrade: %v", r)
	}
	if d := lab.Diff(installed, m.Snapshot()); len(d) > 0 {
		t.Errorf("a failed upgrade changes:\n%s", strings.Join(d, "\n"))
	}
	if got := running(); !strings.Contains(got, "2000") {
		t.Errorf("after the failed upgrade %q runs", got)
	}

	// A stopped service stays so.
	m.MustRun("systemctl", "stop", "sleeper")
	spec("3000")
	if out := m.MustRun("daemonize", "install", "/tmp/s.yaml"); !strings.Contains(out, "is stopped and was left so") {
		t.Errorf("upgrading a stopped service:\n%s", out)
	}
	if state := property(m, "sleeper.service", "ActiveState"); state != "inactive" {
		t.Errorf("sleeper is %s", state)
	}
	m.MustRun("daemonize", "uninstall", "/tmp/s.yaml")
	gone(t, m, before, "sleeper.service")
}

func TestLabFailures(t *testing.T) {
	m := boot(t)
	before := m.Snapshot()
	for name, c := range map[string]struct{ spec, want string }{
		"dies at once":      {"command: [/bin/sh, -c, 'echo no such config >&2; exit 3']\n", "exited with code 3"},
		"dies of its work":  {"command: [/bin/sh, -c, 'i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; exit 3']\n", "exited with code 3"},
		"dies of a timeout": {"command: [/bin/sh, -c, 'sleep 0.2; exit 3']\n", "exited with code 3"},
		"ends at once":      {"command: [/bin/true]\n", "it ended by itself"},
		"restarts for ever": {"restart: {policy: always, delay: 100ms, max_attempts: infinity}\ncommand: [/bin/false]\n", "it keeps ending and being restarted"},
		"started too often": {"restart: always\ncommand: [/bin/false]\n", "cannot start bad.service"},
	} {
		t.Run(name, func(t *testing.T) {
			m.WriteFile("/tmp/bad.yaml", "version: 1\nname: bad\n"+c.spec, 0o644)
			r := m.Run("daemonize", "install", "--output", "json", "/tmp/bad.yaml")
			if r.Code != 1 {
				t.Fatalf("%v", r)
			}
			f := decode(t, r).Failure
			if f == nil || !f.RolledBack || !strings.Contains(f.Message, c.want) || !strings.Contains(r.Stderr, c.want) {
				t.Errorf("failure = %+v\n%s", f, r.Stderr)
			}
			if name == "dies at once" && !strings.Contains(strings.Join(f.Log, "\n"), "no such config") {
				t.Errorf("log = %q", f.Log)
			}
			gone(t, m, before, "bad.service")
		})
	}
}

// TestLabBadVersions upgrades a service that runs to versions that do not come
// up: each manager gives its reason, and the old version runs again. The first
// two would be stopped by the checks of the machine.
func TestLabBadVersions(t *testing.T) {
	lab.Long(t)
	bin := binary(t)
	const good = "version: 1\nname: shop\ncommand: [/usr/bin/sleep, '1000']\n"
	cases := []struct {
		name, spec string
		skip       string            // checks that would stop it
		checked    string            // what they say
		want       map[string]string // by backend; nothing where it does not apply
	}{
		{"bad executable", "command: [/opt/text, '2000']\n", "P003", "/opt/text is neither a binary nor a script",
			map[string]string{"systemd": "the program cannot be executed", "sysvinit": "it could not be run", "supervisord": "exited with code 127", "s6": "cannot be executed"}},
		{"no executable", "command: [/opt/nonexistent, '2000']\n", "P001", "/opt/nonexistent does not exist on this machine",
			map[string]string{"systemd": "the program cannot be executed", "sysvinit": "/opt/nonexistent is not installed", "supervisord": "no such file", "s6": "exited with code 127"}},
		{"no such user", "user: nobody-here\ncommand: [/usr/bin/sleep, '2000']\n", "P005", "user nobody-here does not exist on this machine",
			map[string]string{"systemd": "the user cannot be taken on", "sysvinit": "its user does not exist", "supervisord": "exited with code 217", "s6": "exited with code 111"}},
		{"dies at once", "command: [/bin/sh, -c, 'echo no such config >&2; exit 3']\ndirectories: {logs: shop}\nlogging: {stdout: 'append:${logs_dir}/log'}\n", "", "",
			map[string]string{"systemd": "exited with code 3", "sysvinit": "it ended with status 3", "supervisord": "exited with code 3", "s6": "exited with code 3"}},
		{"never ready", "type: notify\nstart: {timeout: 2s}\ncommand: [/usr/bin/sleep, '2000']\n", "", "",
			map[string]string{"systemd": "took longer than its time limit"}},
		{"no pid file", "type: forking\npid_file: /run/shop.pid\nstart: {timeout: 2s}\ncommand: [/bin/sh, -c, 'sleep 2000 & exit 0']\n", "", "",
			map[string]string{"systemd": "took longer than its time limit", "sysvinit": "did not start"}},
	}
	lab.OnManagers(t, []lab.Option{lab.Bind(bin, "/usr/bin/daemonize")}, func(t *testing.T, m *lab.Machine, manager lab.Manager) {
		install := func(args ...string) lab.Result {
			return m.Run(append([]string{"daemonize", "install", "--backend", manager.Backend, "--output", "json"}, args...)...)
		}
		m.WriteFile("/opt/text", "not a program\n", 0o755)
		m.WriteFile("/tmp/good.yaml", good, 0o644)
		before := m.Snapshot()
		if r := install("/tmp/good.yaml"); r.Code != 0 {
			t.Fatalf("%v\n%s", r, m.Log())
		}
		installed := m.Snapshot()
		// Of a service without readiness the process may still be about to become its program.
		running := func() (pid string) {
			m.WaitFor("the old version to run", func() bool {
				pid = m.Run("pgrep", "-x", "-f", "/usr/bin/sleep 1000").Stdout
				return strings.Count(pid, "\n") == 1
			})
			return pid
		}
		written := func(before map[string]string) []string {
			return slices.DeleteFunc(lab.Diff(before, m.Snapshot()), func(line string) bool {
				return strings.HasPrefix(line[2:], "/var/log/") || strings.Contains(line, "/supervise/") // s6-supervise's own
			})
		}
		for _, c := range cases {
			want, applies := c.want[manager.Backend]
			if !applies {
				continue
			}
			m.WriteFile("/tmp/bad.yaml", "version: 1\nname: shop\n"+c.spec, 0o644)
			pid := running()
			if c.skip != "" {
				r := m.Run("daemonize", "install", "--backend", manager.Backend, "/tmp/bad.yaml")
				if r.Code != 1 || !strings.Contains(r.Stderr, c.checked) || !strings.Contains(r.Stderr, "nothing was changed") || running() != pid {
					t.Errorf("%s: checked: %v", c.name, r)
				}
			}
			r := install("--skip-checks", "all", "/tmp/bad.yaml")
			if r.Code != 1 {
				t.Errorf("%s: %v", c.name, r)
				continue
			}
			f := decode(t, r).Failure
			if f == nil || !f.RolledBack || !strings.Contains(f.Message, want) {
				t.Errorf("%s: failure = %+v\n%s", c.name, f, r.Stderr)
			}
			if c.name == "dies at once" && (f == nil || !strings.Contains(strings.Join(f.Log, "\n"), "no such config")) {
				t.Errorf("%s: the log is not shown: %+v", c.name, f)
			}
			running()
			if d := written(installed); len(d) > 0 {
				t.Errorf("%s: after the rollback files differ:\n%s", c.name, strings.Join(d, "\n"))
			}
		}
		m.MustRun("daemonize", "uninstall", "shop")
		if d := written(before); len(d) > 0 {
			t.Errorf("left behind:\n%s", strings.Join(d, "\n"))
		}
	})
}

func TestLabUnits(t *testing.T) {
	m := boot(t)
	before := m.Snapshot()
	m.WriteFile("/tmp/many.yaml", `version: 1
name: clock
command: [/bin/true]
type: oneshot
timers: [{name: main, calendar: "*-*-* 03:00:00", persistent: true}]
---
version: 1
name: listener
command: [/usr/bin/sleep, '1000']
sockets: [{name: main, listen: "unix:///run/listener.sock"}]
---
version: 1
name: worker
command: [/usr/bin/sleep, '${instance}']
instances: ["100", "200"]
---
version: 1
name: own
command: [/usr/bin/sleep, '1000']
user: own-user
create_user: true
directories: {state: own}
`, 0o644)
	r := m.Run("daemonize", "install", "--output", "json", "/tmp/many.yaml")
	if r.Code != 0 {
		t.Fatalf("%v\n%s", r, m.Log())
	}
	jobs := decode(t, r).Jobs
	active := 0
	for _, j := range jobs {
		if j.State == "active" {
			active++
		}
	}
	if active != 5 { // the timer, the socket, two workers and own
		t.Errorf("%d jobs are active: %+v", active, jobs)
	}
	if who := strings.TrimSpace(m.MustRun("stat", "-c", "%U", "/proc/"+property(m, "own.service", "MainPID"))); who != "own-user" {
		t.Errorf("own runs as %s", who)
	}
	installed := m.Snapshot()
	enabled := []string{"systemctl", "reenable"}
	for _, j := range jobs {
		if j.Enabled {
			enabled = append(enabled, j.Job)
		}
	}
	if len(enabled) != 2+5 {
		t.Errorf("enabled: %q", enabled[2:])
	}
	m.MustRun(enabled...)
	if d := lab.Diff(installed, m.Snapshot()); len(d) > 0 {
		t.Errorf("systemctl reenable changes:\n%s", strings.Join(d, "\n"))
	}
	// The socket starts its service, and both end.
	m.MustRun("python3", "-c", "import socket; socket.socket(socket.AF_UNIX).connect('/run/listener.sock')")
	m.WaitFor("listener.service", func() bool { return property(m, "listener.service", "ActiveState") == "active" })

	r = m.Run("daemonize", "uninstall", "/tmp/many.yaml")
	if r.Code != 0 || !strings.Contains(r.Stdout, "user own-user was made for it and is kept") {
		t.Fatal(r)
	}
	// Accounts and data stay, and nothing else.
	var left []string
	for _, d := range lab.Diff(before, m.Snapshot()) {
		name, _, _ := strings.Cut(d[2:], ":")
		switch name {
		case "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/var/lib/own":
		default:
			left = append(left, d)
		}
	}
	if len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
	for _, u := range []string{"listener.service", "listener.socket", "clock.timer", "worker@100.service", "own.service"} {
		if state := property(m, u, "ActiveState"); state != "inactive" {
			t.Errorf("%s is %s", u, state)
		}
	}
}

func TestLabUser(t *testing.T) {
	m := boot(t)
	m.MustRun("useradd", "--create-home", "--uid", "4711", "alice")
	m.MustRun("loginctl", "enable-linger", "alice")
	m.WaitFor("the manager of alice", func() bool {
		return m.Run("systemctl", "is-active", "--quiet", "user@4711.service").Code == 0
	})
	alice := func(args ...string) []string {
		return append([]string{"runuser", "-u", "alice", "--", "env", "HOME=/home/alice", "XDG_RUNTIME_DIR=/run/user/4711"}, args...)
	}
	before := m.Snapshot()
	m.WriteFile("/tmp/s.yaml", strings.ReplaceAll(sleeper, "%s", "1000"), 0o644)
	if r := m.Run(alice("daemonize", "install", "/tmp/s.yaml")...); r.Code != 1 || !strings.Contains(r.Stderr, "that needs root") {
		t.Errorf("a user installs for the system: %v", r)
	}
	if r := m.Run("runuser", "-u", "alice", "--", "env", "-u", "XDG_RUNTIME_DIR", "HOME=/home/alice", "daemonize", "install", "--scope", "user", "/tmp/s.yaml"); r.Code != 1 || !strings.Contains(r.Stderr, "XDG_RUNTIME_DIR") {
		t.Errorf("without a manager: %v", r)
	}
	r := m.Run(alice("daemonize", "install", "--scope", "user", "/tmp/s.yaml")...)
	if r.Code != 0 || !strings.Contains(r.Stdout, "sleeper.service: active") || !strings.Contains(r.Stdout, "daemonize uninstall sleeper --scope user") {
		t.Fatalf("%v\n%s", r, m.Log())
	}
	for name, want := range map[string]string{"ActiveState": "active", "UnitFileState": "enabled", "FragmentPath": "/home/alice/.config/systemd/user/sleeper.service"} {
		if v := strings.TrimSpace(m.MustRun(alice("systemctl", "--user", "show", "--value", "--property="+name, "sleeper.service")...)); v != want {
			t.Errorf("%s = %q, want %q", name, v, want)
		}
	}
	for name, about := range m.Snapshot("/home/alice") {
		if !strings.Contains(about, " 4711 4711") {
			t.Errorf("%s is not alice's: %s", name, about)
		}
	}
	m.WriteFile("/tmp/bad.yaml", "version: 1\nname: bad\ncommand: [/usr/bin/nonexistent]\n", 0o644)
	if r := m.Run(alice("daemonize", "install", "--scope", "user", "--skip-checks", "p001", "/tmp/bad.yaml")...); r.Code != 1 || !strings.Contains(r.Stderr, "the program cannot be executed") || !strings.Contains(r.Stderr, "everything was put back") {
		t.Errorf("a program that does not exist: %v", r)
	}
	if r := m.Run(alice("daemonize", "uninstall", "--scope", "user", "sleeper")...); r.Code != 0 {
		t.Fatal(r)
	}
	gone(t, m, before)
}

// TestLabLinger has a user's services outlive its sessions: asked for, told of when
// not, and taken back by the last daemon unless it was so before.
func TestLabLinger(t *testing.T) {
	m := boot(t)
	m.MustRun("useradd", "--create-home", "--uid", "4711", "alice")
	m.MustRun("systemctl", "start", "user@4711.service") // as a login would
	alice := func(args ...string) lab.Result {
		return m.Run(append([]string{"runuser", "-u", "alice", "--", "env", "HOME=/home/alice", "XDG_RUNTIME_DIR=/run/user/4711", "daemonize"}, append(args, "--scope", "user")...)...)
	}
	must := func(args ...string) string {
		t.Helper()
		r := alice(args...)
		if r.Code != 0 {
			t.Fatalf("daemonize %q: %v\n%s", args, r, m.Log())
		}
		return r.Stdout
	}
	lingers := func() bool { return m.Run("test", "-e", "/var/lib/systemd/linger/alice").Code == 0 }
	ask := func() string {
		return strings.TrimSpace(m.MustRun("loginctl", "show-user", "alice", "--property=Linger", "--value"))
	}
	for _, name := range []string{"one", "two"} {
		m.WriteFile("/tmp/"+name+".yaml", "version: 1\nname: "+name+"\ncommand: [/usr/bin/sleep, infinity]\n", 0o644)
	}
	before := m.Snapshot("/home/alice", "/var/lib/systemd/linger")

	// Not asked for, it is said what that means.
	if out := must("install", "/tmp/one.yaml"); !strings.Contains(out, "note: alice does not linger, so this ends with the last session of alice and does not start at boot; install it with --linger") {
		t.Errorf("without lingering:\n%s", out)
	}
	if lingers() {
		t.Error("alice lingers although nobody asked for it")
	}
	// Asked for, it is planned, done and told.
	if out := must("install", "--linger", "--dry-run", "/tmp/one.yaml"); !strings.Contains(out, "run loginctl enable-linger alice") || lingers() {
		t.Errorf("dry run (lingers: %t):\n%s", lingers(), out)
	}
	if out := must("install", "--linger", "/tmp/one.yaml"); !strings.Contains(out, "run loginctl enable-linger alice") || strings.Contains(out, "does not linger") || !lingers() || ask() != "yes" {
		t.Errorf("lingers: %t\n%s", lingers(), out)
	}
	if out := must("install", "--linger", "/tmp/one.yaml"); !strings.Contains(out, "is up to date") {
		t.Errorf("again:\n%s", out)
	}
	// The second profits from it, so it lasts until both are gone.
	if out := must("install", "/tmp/two.yaml"); strings.Contains(out, "linger") {
		t.Errorf("a second daemon:\n%s", out)
	}
	if out := must("uninstall", "one"); strings.Contains(out, "linger") || !lingers() {
		t.Errorf("lingers: %t\n%s", lingers(), out)
	}
	// With it goes the manager, for there is no session.
	if out := must("uninstall", "two"); !strings.Contains(out, "run loginctl disable-linger alice") || lingers() {
		t.Errorf("lingers: %t\n%s", lingers(), out)
	}
	m.WaitFor("the manager of alice to end", func() bool { return property(m, "user@4711.service", "ActiveState") == "inactive" })
	if d := lab.Diff(before, m.Snapshot("/home/alice", "/var/lib/systemd/linger")); len(d) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(d, "\n"))
	}

	// A failed installation takes it back.
	m.MustRun("systemctl", "start", "user@4711.service")
	m.WriteFile("/tmp/bad.yaml", "version: 1\nname: bad\ncommand: [/bin/false]\nrestart: 'no'\n", 0o644)
	if r := alice("install", "--linger", "/tmp/bad.yaml"); r.Code != 1 || !strings.Contains(r.Stderr, "everything was put back") || lingers() {
		t.Errorf("lingers: %t\n%v", lingers(), r)
	}

	// What an administrator turned on stays on.
	m.MustRun("loginctl", "enable-linger", "alice")
	m.WaitFor("the manager of alice", func() bool { return property(m, "user@4711.service", "ActiveState") == "active" })
	if out := must("install", "--linger", "/tmp/one.yaml"); strings.Contains(out, "linger alice") {
		t.Errorf("it was on:\n%s", out)
	}
	must("uninstall", "one")
	if !lingers() {
		t.Error("what was on before is off")
	}
	m.MustRun("loginctl", "disable-linger", "alice")
	m.WaitFor("the manager of alice to end", func() bool { return property(m, "user@4711.service", "ActiveState") == "inactive" })

	// Where that is forbidden nothing is installed.
	m.WriteFile("/etc/polkit-1/rules.d/10-no.rules", "polkit.addRule(function(action) { if (action.id == 'org.freedesktop.login1.set-self-linger') return polkit.Result.NO; });\n", 0o644)
	m.Run("systemctl", "try-restart", "polkit.service")
	m.MustRun("systemctl", "start", "user@4711.service")
	r := alice("install", "--linger", "/tmp/one.yaml")
	if r.Code != 1 || !strings.Contains(r.Stderr, "cannot have services of alice outlive its sessions (as root: loginctl enable-linger alice)") || !strings.Contains(r.Stderr, "everything was put back") {
		t.Errorf("forbidden: %v", r)
	}
}

// TestLabInterrupted kills an installation half way: what only looks tells of it,
// what changes something finishes it first.
func TestLabInterrupted(t *testing.T) {
	lab.Root(t, "systemd252")
	m := lab.Boot(t, "systemd252", lab.Bind(binary(t), "/usr/bin/daemonize"), lab.Bind(victimProgram(t), "/usr/bin/victim"))
	m.WriteFile("/tmp/one.yaml", strings.ReplaceAll(sleeper, "%s", "1000"), 0o644)
	m.WriteFile("/tmp/two.yaml", strings.ReplaceAll(strings.ReplaceAll(sleeper, "%s", "2000"), "name: sleeper", "name: other"), 0o644)
	m.MustRun("daemonize", "install", "/tmp/one.yaml")
	installed := m.Snapshot()
	for _, verb := range []string{"start", "stop", "restart", "enable", "disable"} {
		if r := m.Run("victim", "systemd", "after", "6", "install", "/tmp/two.yaml"); r.Code == 0 || !strings.HasSuffix(m.MustRun("ls", "/var/lib/daemonize/journal/transaction.json"), ".json\n") {
			t.Fatalf("not killed: %v", r)
		}
		for _, look := range [][]string{{"status", "sleeper"}, {"list"}} {
			r := m.Run(append([]string{"daemonize"}, look...)...)
			if !strings.Contains(r.Stderr, "install of other was interrupted: what is shown may be neither the old nor the new state until daemonize recover has finished it") {
				t.Errorf("%s: %v", look, r)
			}
			if r := m.Run(append([]string{"daemonize", "-o", "json"}, look...)...); !strings.Contains(r.Stdout, `"operation": "install"`) {
				t.Errorf("%s: %v", look, r)
			}
		}
		if r := m.Run("runuser", "-u", "nobody", "--", "daemonize", "status", "sleeper"); !strings.Contains(r.Stderr, "something is being installed or removed, or that was interrupted") {
			t.Errorf("nobody: %v", r)
		}
		if r := m.Run("daemonize", verb, "--dry-run", "sleeper"); r.Code != 1 || !strings.Contains(r.Stderr, "run daemonize recover first") {
			t.Errorf("%s --dry-run: %v", verb, r)
		}
		if r := m.Run("daemonize", verb, "sleeper"); r.Code != 0 || !strings.Contains(r.Stderr, "install of other was interrupted; it was undone first") {
			t.Errorf("%s: %v", verb, r)
		}
		if r := m.Run("daemonize", "status", "sleeper"); strings.Contains(r.Stderr, "interrupted") {
			t.Errorf("after %s: %v", verb, r)
		}
		m.MustRun("daemonize", "enable", "sleeper")
		if d := lab.Diff(installed, m.Snapshot()); len(d) > 0 {
			t.Errorf("%s does not take the installation back:\n%s", verb, strings.Join(d, "\n"))
		}
	}
}

// TestLabTwoAtOnce has two runs install different versions of the same daemon
// at the same time: one after the other is done, and the result is one of them.
func TestLabTwoAtOnce(t *testing.T) {
	m := boot(t)
	before := m.Snapshot()
	for _, n := range []string{"1001", "1002"} {
		m.WriteFile("/tmp/"+n+".yaml", strings.ReplaceAll(sleeper, "%s", n), 0o644)
	}
	m.MustRun("sh", "-c", "daemonize install /tmp/1001.yaml & a=$!; daemonize install /tmp/1002.yaml & b=$!; wait $a && wait $b")
	runs := property(m, "sleeper.service", "ExecStart")
	unit := m.MustRun("cat", "/etc/systemd/system/sleeper.service")
	for _, n := range []string{"1001", "1002"} {
		if strings.Contains(unit, n) != strings.Contains(runs, n) {
			t.Errorf("runs %s\nunit:\n%s", runs, unit)
		}
	}
	m.MustRun("daemonize", "install", "/tmp/1001.yaml") // a no-op or an upgrade
	m.MustRun("daemonize", "uninstall", "sleeper")
	gone(t, m, before, "sleeper.service")
}

func TestLabBadDisks(t *testing.T) {
	m := boot(t)
	m.WriteFile("/tmp/s.yaml", strings.ReplaceAll(sleeper, "%s", "1000"), 0o644)
	m.WriteFile("/var/lib/daemonize/README", "for a mount\n", 0o644) // an empty one would be tidied up
	for name, mount := range map[string]string{
		"read-only":             "mount --bind /etc/systemd/system /etc/systemd/system && mount -o remount,bind,ro /etc/systemd/system",
		"read-only manifests":   "mount -t tmpfs -o ro tmpfs /var/lib/daemonize",
		"full":                  "mount -t tmpfs -o size=4k tmpfs /etc/systemd/system && head -c 4096 /dev/zero >/etc/systemd/system/filler",
		"full for the manifest": "mount -t tmpfs -o size=4k tmpfs /var/lib/daemonize && head -c 4096 /dev/zero >/var/lib/daemonize/filler",
		"no more files":         "mount -t tmpfs -o nr_inodes=2 tmpfs /etc/systemd/system && touch /etc/systemd/system/filler",
	} {
		t.Run(name, func(t *testing.T) {
			m.MustRun("sh", "-c", mount)
			at := mount[strings.LastIndex(mount[:strings.Index(mount+" &&", " &&")], " ")+1:]
			at, _, _ = strings.Cut(at, " ")
			defer m.MustRun("umount", at)
			before := m.Snapshot()
			r := m.Run("daemonize", "install", "/tmp/s.yaml")
			if r.Code != 1 || !strings.Contains(r.Stderr, "cannot write") || !strings.Contains(r.Stderr, "everything was put back") {
				t.Errorf("%v", r)
			}
			gone(t, m, before, "sleeper.service")
		})
	}

	// A link of another user on the way is not followed, one of root's is.
	m.MustRun("sh", "-c", "mv /etc/systemd/system /srv/units && ln -s /srv/units /etc/systemd/system && chown -h nobody /etc/systemd/system")
	if r := m.Run("daemonize", "install", "/tmp/s.yaml"); r.Code != 1 || !strings.Contains(r.Stderr, "/etc/systemd/system is a symbolic link of user 65534, which is not followed") {
		t.Errorf("a link of nobody: %v", r)
	}
	m.MustRun("chown", "-h", "root", "/etc/systemd/system")
	m.MustRun("daemonize", "install", "/tmp/s.yaml")
	m.MustRun("test", "-f", "/srv/units/sleeper.service")
}
