//go:build linux

package operate_test

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
	"time"

	"github.com/daemonize/daemonize/internal/lab"
)

// built holds the programs under test, which TestMain removes.
var built struct {
	dir  string
	once sync.Once
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// programs builds daemonize and the daemon of the tests, static, once.
func programs(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "operate"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", built.dir, "../../cmd/daemonize", "./testdata/labd")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, text)
		}
	})
	if built.err != nil {
		t.Fatalf("cannot build: %v", built.err)
	}
	return built.dir
}

// specs are the daemons that go through the life cycle; @ARG@ is what changes
// with an upgrade.
const specs = `version: 1
name: plain
command: [/usr/bin/labd, plain, "@ARG@"]
restart: {policy: always, delay: 100ms, max_attempts: 50}
reload: {signal: SIGHUP}
directories: {logs: plain}
logging: {stdout: "append:${logs_dir}/plain.log"}
---
version: 1
name: ready
type: notify
command: [/usr/bin/labd, ready, "it's 100% $HOME"]
reload: {signal: SIGHUP}
---
version: 1
name: hooked
command: [/usr/bin/labd, hooked]
hooks:
  pre_start: [[/bin/true]]
  post_stop: [[/bin/true]]
reload: {command: [/usr/bin/touch, /tmp/hooked-reload]}
environment: {GREETING: "hello world"}
---
version: 1
name: pool
command: [/usr/bin/labd, pool, "${instance}"]
instances: [a, b]
restart: on-failure
---
version: 1
name: nightly
type: oneshot
command: [/usr/bin/labd, nightly]
timers: [{calendar: "*-*-* 03:00:00"}]
---
version: 1
name: dozing
command: [/usr/bin/labd, dozing]
install: {enable: false}
stop: {signal: SIGINT, timeout: 5s}
`

const owned = `---
version: 1
name: owned
command: [/usr/bin/labd, owned]
user: labuser
create_user: true
directories: {state: owned}
`

type jobState struct {
	Job, State, Detail, Reason string
	PID, Restarts              int
	Enabled                    bool
	Since                      time.Time
	Exit                       struct {
		Code          int
		Signal, Words string
	}
}

type report struct {
	Daemon, Target, State string
	Installed, Waits      bool
	Jobs                  []jobState
	Drift                 []struct{ Path, What string }
	Log                   []struct{ Message string }
}

// machine is one manager of one machine, in one scope.
type machine struct {
	*lab.Machine
	t       *testing.T
	as      []string // runs a command as the user
	backend string
	scope   []string
}

func (m *machine) daemonize(args ...string) lab.Result {
	began := time.Now()
	defer func() {
		if d := time.Since(began); d > 2*time.Second {
			m.t.Logf("daemonize %q took %s", args, d)
		}
	}()
	return m.Run(slices.Concat(m.as, []string{"daemonize"}, args, m.scope)...)
}

func (m *machine) must(args ...string) string {
	m.t.Helper()
	r := m.daemonize(args...)
	if r.Code != 0 || r.Err != nil {
		m.t.Fatalf("daemonize %q: %v\n%s", args, r, m.Log())
	}
	return r.Stdout
}

func (m *machine) reports(args ...string) ([]report, lab.Result) {
	m.t.Helper()
	r := m.daemonize(append(args, "-o", "json")...)
	var out struct{ Daemons []report }
	if err := json.Unmarshal([]byte(r.Stdout), &out); err != nil {
		m.t.Fatalf("daemonize %q: %v: %v", args, err, r)
	}
	return out.Daemons, r
}

func (m *machine) status(name string) report {
	m.t.Helper()
	all, r := m.reports("status", name)
	if len(all) != 1 {
		m.t.Fatalf("status of %s: %v", name, r)
	}
	return all[0]
}

// native is the status of a job that only supervisord knows, which is not what
// runs the machine.
func (m *machine) native(name string) report {
	m.t.Helper()
	all, r := m.reports("status", "--backend", m.backend, name)
	if len(all) != 1 {
		m.t.Fatalf("status of %s: %v", name, r)
	}
	return all[0]
}

// pid is the process of a daemon with one job.
func (m *machine) pid(name string) int {
	m.t.Helper()
	return m.status(name).Jobs[0].PID
}

func (m *machine) write(file, text string) { m.WriteFile(file, text, 0o644) }

// lifeCycle takes daemons through all verbs and expects the machine as it was.
func (m *machine) lifeCycle(text string, names int) {
	t := m.t
	fresh := func(arg string) { m.write("/tmp/specs.yaml", strings.ReplaceAll(text, "@ARG@", arg)) }
	fresh("one")
	before := m.Snapshot()
	install := []string{"install", "--backend", m.backend, "/tmp/specs.yaml"}
	m.must(install...)
	installed := m.Snapshot()

	// All are listed, with the state that their spec wants.
	all, r := m.reports("list")
	if len(all) != names {
		t.Fatalf("%d daemons are listed: %v", len(all), r)
	}
	for _, d := range all {
		one := m.status(d.Daemon)
		for _, j := range one.Jobs {
			timed := d.Daemon == "nightly"
			if !timed && (j.State != "active" || j.PID == 0 || j.Since.IsZero() || time.Since(j.Since) > time.Hour || time.Until(j.Since) > time.Minute) {
				t.Errorf("%s: %+v", d.Daemon, j)
			}
			if want := d.Daemon != "dozing" && (!timed || strings.HasSuffix(j.Job, ".timer")); j.Enabled != want {
				t.Errorf("%s: enabled %t: %+v", d.Daemon, j.Enabled, j)
			}
		}
		wantState := "active"
		if d.Daemon == "nightly" && m.backend != "systemd" {
			wantState = "inactive" // cron starts it
		}
		if one.State != wantState || !one.Installed || len(one.Drift) > 0 {
			t.Errorf("%+v", one)
		}
	}
	if out := m.must("status", "plain", "nightly"); !strings.Contains(out, "installed by daemonize") || !strings.Contains(out, "labd started: plain one") {
		t.Errorf("status:\n%s", out)
	}

	// Reload: the same process says so.
	pid := m.pid("plain")
	m.must("reload", "plain", "hooked")
	m.WaitFor("the reload", func() bool { return strings.Contains(m.must("logs", "plain"), "labd reloaded") })
	if now := m.pid("plain"); now != pid {
		t.Errorf("reload: pid %d, was %d", now, pid)
	}
	m.MustRun("test", "-e", "/tmp/hooked-reload")
	if r := m.daemonize("reload", "dozing"); r.Code != 1 || !strings.Contains(r.Stderr, "daemonize: cannot ") {
		t.Errorf("a reload that is not declared: %v", r)
	}

	// Restart: another process. Starting what runs: the same.
	m.must("restart", "plain", "ready")
	next := m.pid("plain")
	if next == pid || next == 0 {
		t.Errorf("restart: pid %d, was %d", next, pid)
	}
	m.must("start", "plain")
	if now := m.pid("plain"); now != next {
		t.Errorf("starting again: pid %d, was %d", now, next)
	}

	// A death is seen, and the restart counted.
	m.MustRun("kill", "-KILL", fmt.Sprint(next))
	var j jobState
	m.WaitFor("plain to be restarted", func() bool {
		j = m.status("plain").Jobs[0]
		return j.State == "active" && j.PID != 0 && j.PID != next
	})
	if j.Restarts != 1 {
		t.Errorf("after a death: %+v", j)
	}
	if m.backend != "systemd" && j.Exit.Signal != "SIGKILL" { // systemd forgets it at the next start
		t.Errorf("after a death: %+v", j)
	}

	// Upgrade: only what changed is restarted.
	plain, ready := m.pid("plain"), m.pid("ready")
	fresh("two")
	m.must(install...)
	if now := m.pid("plain"); now == plain {
		t.Errorf("an upgrade left process %d", now)
	}
	if now := m.pid("ready"); now != ready {
		t.Errorf("an upgrade of another restarted ready: %d, was %d", now, ready)
	}

	// Logs.
	m.WaitFor("the new version", func() bool { return strings.Contains(m.must("logs", "plain"), "started: plain two") })
	if out := m.must("logs", "-n", "1", "plain"); strings.Count(out, "\n") != 1 {
		t.Errorf("one line of log:\n%s", out)
	}
	if out := m.must("logs", "--since", "1h", "plain"); !strings.Contains(out, "plain one") || !strings.Contains(out, "plain two") {
		t.Errorf("log of an hour:\n%s", out)
	}
	m.MustRun("sh", "-c", strings.Join(slices.Concat(m.as, []string{"daemonize", "logs", "-f", "-n", "1", "plain"}, m.scope), " ")+" >/tmp/followed 2>&1 & echo $! >/tmp/follower")
	m.WaitFor("the last message", func() bool { return m.MustRun("cat", "/tmp/followed") != "" })
	m.must("reload", "plain")
	m.WaitFor("the next message", func() bool { return strings.Contains(m.MustRun("cat", "/tmp/followed"), "labd reloaded") })
	m.MustRun("sh", "-c", "kill -INT $(cat /tmp/follower)")

	// Stop and start.
	m.must("stop", "plain", "pool", "nightly")
	for _, name := range []string{"plain", "pool", "nightly"} {
		for _, j := range m.status(name).Jobs {
			if j.State != "inactive" || j.PID != 0 {
				t.Errorf("stopped: %+v", j)
			}
		}
	}
	if r := m.daemonize("status", "plain"); r.Code != 1 || !strings.Contains(r.Stdout, "plain ("+m.status("plain").Target+"): inactive") {
		t.Errorf("status of what is stopped: %v", r)
	}
	m.must("stop", "plain") // again
	m.must("start", "plain", "pool")
	if m.backend == "systemd" {
		m.must("start", "nightly") // elsewhere that would run it
	}
	for _, name := range []string{"plain", "pool"} {
		if s := m.status(name); s.State != "active" {
			t.Errorf("started: %+v", s)
		}
	}

	// Enable and disable, there and back.
	m.must("disable", "plain")
	m.must("enable", "dozing")
	if m.status("plain").Jobs[0].Enabled || !m.status("dozing").Jobs[0].Enabled {
		t.Error("enable and disable have no effect")
	}
	if s := m.status("plain"); s.State != "active" || len(s.Drift) > 0 {
		t.Errorf("disabled: %+v", s)
	}
	// Installing again is no order to enable, and changes nothing.
	plain = m.pid("plain")
	if out := m.must(install...); m.status("plain").Jobs[0].Enabled || m.pid("plain") != plain || !strings.Contains(out, "plain is disabled and was left so") {
		t.Errorf("installing again what is disabled:\n%s", out)
	}
	m.must("enable", "plain")
	m.must("disable", "dozing")
	fresh("one")
	m.must(install...)
	if d := slices.DeleteFunc(unlogged(lab.Diff(installed, m.Snapshot())), func(line string) bool {
		return strings.HasPrefix(line, "~ /etc/init.d/.depend.") || // insserv's own, in the order of its last run
			strings.Contains(line, "/supervise/") // of s6-supervise, and of supervise(8), which have no other place
	}); len(d) > 0 {
		t.Errorf("after all that the files differ:\n%s", strings.Join(d, "\n"))
	}

	// Drift.
	file := m.file("plain")
	was := m.MustRun("cat", file)
	mode := strings.TrimSpace(m.MustRun("stat", "-c", "%a", file))
	m.MustRun("sh", "-c", "echo '# mine' >>"+file)
	s := m.status("plain")
	if len(s.Drift) != 1 || s.Drift[0].Path != file || s.Drift[0].What != "content changed" {
		t.Errorf("drift: %+v", s.Drift)
	}
	if r := m.daemonize("status", "plain"); r.Code != 6 || !strings.Contains(r.Stdout, "changed since it was installed: "+file) {
		t.Errorf("status of what was edited: %v", r)
	}
	if r := m.daemonize("uninstall", "plain"); r.Code != 6 {
		t.Errorf("uninstalling what was edited: %v", r)
	}
	r = m.RunContext(t.Context(), strings.NewReader(was), "sh", "-c", "cat >"+file+" && chmod "+mode+" "+file)
	if r.Code != 0 {
		t.Fatal(r)
	}
	m.MustRun("chmod", "600", file)
	if s := m.status("plain"); len(s.Drift) != 1 || !strings.HasPrefix(s.Drift[0].What, "mode changed") {
		t.Errorf("drift: %+v", s.Drift)
	}
	m.MustRun("chmod", mode, file)

	if out := m.must("doctor"); !strings.Contains(out, fmt.Sprintf("%d of %d daemons are as they were installed", names, names)) {
		t.Errorf("doctor:\n%s", out)
	}

	m.must("uninstall", "/tmp/specs.yaml")
	left := slices.DeleteFunc(unlogged(lab.Diff(before, m.Snapshot())), func(line string) bool {
		name, _, _ := strings.Cut(line[2:], ":")
		return slices.Contains([]string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-",
			"/var/lib/owned"}, name) // accounts and data stay
	})
	if len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
	if out := m.must("list"); !strings.Contains(out, "no daemons") {
		t.Errorf("list:\n%s", out)
	}
	if r := m.daemonize("status", "plain"); r.Code != 1 || !strings.Contains(r.Stderr, "neither installed by daemonize nor known") {
		t.Errorf("status of what is gone: %v", r)
	}
	m.MustRun("sh", "-c", "! pgrep -x labd")
}

// unlogged leaves out logs and what their directory is in.
func unlogged(diff []string) []string {
	return slices.DeleteFunc(diff, func(line string) bool {
		name, _, _ := strings.Cut(line[2:], ":")
		for _, dir := range []string{"/var/log", "/home/alice/.local/state/log", "/home/alice/.cache", "/var/lib/systemd/linger"} {
			if name == dir || strings.HasPrefix(name, dir+"/") {
				return true
			}
		}
		return false
	})
}

// file is a native file of a daemon.
func (m *machine) file(name string) string {
	switch m.backend {
	case "sysvinit":
		return "/usr/lib/daemonize/" + name + "/run"
	case "daemontools":
		return "/etc/daemontools/" + name + "/run"
	case "runit":
		return "/etc/sv/" + name + "/finish"
	case "supervisord":
		return "/etc/supervisor/conf.d/" + name + ".conf"
	case "s6":
		return "/etc/s6/sv/" + name + "/finish"
	}
	if len(m.as) > 0 {
		return "/home/alice/.config/systemd/user/" + name + ".service"
	}
	return "/etc/systemd/system/" + name + ".service"
}

func boot(t *testing.T, root, backend string) *machine {
	t.Helper()
	lab.Root(t, root) // may skip, before anything is built
	dir := programs(t)
	return &machine{t: t, backend: backend, Machine: lab.Boot(t, root,
		lab.Bind(filepath.Join(dir, "daemonize"), "/usr/bin/daemonize"), lab.Bind(filepath.Join(dir, "labd"), "/usr/bin/labd"))}
}

func TestLabSystemd(t *testing.T) {
	lab.Long(t)
	for _, root := range []string{"systemd247", "systemd252", "systemd257", "systemd262"} {
		t.Run(root, func(t *testing.T) {
			m := boot(t, root, "systemd")
			m.lifeCycle(specs+owned, 7)
			// Over D-Bus, without a process.
			m.WriteFile("/usr/local/bin/systemctl", "#!/bin/sh\necho \"$@\" >>/tmp/systemctl\nexec /usr/bin/systemctl \"$@\"\n", 0o755)
			m.must("restart", "systemd-journald")
			m.must("status", "systemd-journald")
			m.MustRun("sh", "-c", "! grep -v -e --version -e ^cat /tmp/systemctl")
			m.MustRun("rm", "/usr/local/bin/systemctl")
			// Jobs of others.
			if s := m.status("systemd-journald"); s.Installed || s.State != "active" || s.Jobs[0].Job != "systemd-journald.service" {
				t.Errorf("%+v", s)
			}
			if out := m.must("status", "systemd-tmpfiles-clean.timer"); !strings.Contains(out, "not installed by daemonize") {
				t.Errorf("a timer:\n%s", out)
			}
			// A unit that fails, without its process.
			m.write("/etc/systemd/system/bad.service", "[Service]\nExecStart=/bin/sh -c 'echo no such config; exit 3'\nType=exec\n")
			m.MustRun("systemctl", "daemon-reload")
			r := m.daemonize("start", "bad")
			if r.Code != 1 || !strings.Contains(r.Stderr, "cannot start bad.service: ") || !strings.Contains(r.Stderr, ": exited with code 3") || !strings.Contains(r.Stderr, "no such config") {
				t.Errorf("a start that fails: %v", r)
			}
			s := m.status("bad")
			if s.State != "failed" || s.Jobs[0].Exit.Code != 3 || s.Jobs[0].Exit.Words != "exited with code 3" {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestLabUser(t *testing.T) {
	lab.Long(t)
	m := boot(t, "systemd252", "systemd")
	m.MustRun("useradd", "--create-home", "--uid", "4711", "alice")
	m.MustRun("loginctl", "enable-linger", "alice")
	m.WaitFor("the manager of alice", func() bool {
		return m.Run("systemctl", "is-active", "--quiet", "user@4711.service").Code == 0
	})
	m.as = []string{"runuser", "-u", "alice", "--", "env", "HOME=/home/alice", "XDG_RUNTIME_DIR=/run/user/4711"}
	m.scope = []string{"--scope", "user"}
	// systemd does not make the directory of a log file of a user.
	m.lifeCycle(strings.NewReplacer("logging: {stdout: \"append:${logs_dir}/plain.log\"}\n", "", "directories: {logs: plain}\n", "").Replace(specs), 6)
	if out := m.must("doctor"); !strings.Contains(out, "linger: services of alice run from boot") {
		t.Errorf("doctor:\n%s", out)
	}
	m.MustRun("loginctl", "disable-linger", "alice")
	// The manager may end at once: there is no session.
	if r := m.daemonize("doctor"); !strings.Contains(r.Stdout, "loginctl enable-linger alice") {
		t.Errorf("doctor: %v", r)
	}
}

func TestLabSysvinit(t *testing.T) {
	lab.Long(t)
	m := boot(t, "sysvinit", "sysvinit")
	m.lifeCycle(specs+owned, 7)

	// A script of others that always says that all is well.
	m.WriteFile("/etc/init.d/liar", "#!/bin/sh\n[ \"$1\" = status ] && echo 'liar is running'\nexit 0\n", 0o755)
	m.write("/run/liar.pid", "999999\n")
	s := m.status("liar")
	if s.State != "failed" || !strings.Contains(s.Jobs[0].Reason, "process 999999 of /run/liar.pid does not exist") {
		t.Errorf("%+v", s)
	}
	m.write("/run/liar.pid", "1\n")
	if s := m.status("liar"); s.State != "active" || s.Jobs[0].PID != 1 || s.Jobs[0].Since.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestLabSupervisord(t *testing.T) {
	lab.Long(t)
	m := boot(t, "sysvinit", "supervisord")
	m.MustRun("service", "supervisor", "start")
	m.WaitFor("supervisord", func() bool { return m.Run("supervisorctl", "version").Code == 0 })
	m.lifeCycle(specs+owned, 7)

	// supervisorctl exits with 3 for both of these.
	m.write("/etc/supervisor/conf.d/others.conf", "[program:done]\ncommand=/bin/sh -c 'sleep 0.1; exit 0'\nstartsecs=0\nautorestart=unexpected\n[program:dead]\ncommand=/bin/sh -c 'echo no such config; exit 3'\nstartsecs=0\nautorestart=false\n")
	m.MustRun("supervisorctl", "update")
	for name, want := range map[string]string{"done": "inactive", "dead": "failed"} {
		m.WaitFor(name+" to end", func() bool { return m.native(name).Jobs[0].Detail == "EXITED" })
		if s := m.native(name); s.State != want || s.Installed || s.Jobs[0].Exit.Words == "" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if out := m.Run("daemonize", "logs", "-b", "supervisord", "dead"); !strings.Contains(out.Stdout, "no such config") {
		t.Errorf("%v", out)
	}
}

func TestLabS6(t *testing.T) {
	lab.Long(t)
	m := boot(t, "sysvinit", "s6")
	m.MustRun("mkdir", "-p", "/etc/s6/service")
	m.MustRun("sh", "-c", "setsid s6-svscan /etc/s6/service </dev/null >/dev/null 2>&1 &")
	m.WaitFor("s6-svscan", func() bool { return m.Run("s6-svscanctl", "/etc/s6/service").Code == 0 })
	m.lifeCycle(specs+owned, 7)
	m.others("/srv/other", "exec s6-log T /var/log/other", "s6-svlink", "/etc/s6/service", "/srv/other")
}

func TestLabRunit(t *testing.T) {
	lab.Long(t)
	m := boot(t, "sysvinit", "runit")
	m.MustRun("sh", "-c", "setsid runsvdir -P /etc/service </dev/null >/dev/null 2>&1 &")
	m.WaitFor("runsvdir", func() bool { return m.Run("pgrep", "-x", "runsvdir").Code == 0 })
	m.lifeCycle(specs+owned, 7)
	m.others("/etc/sv/other", "exec svlogd -tt /var/log/other", "ln", "-s", "/etc/sv/other", "/etc/service/other")
}

func TestLabDaemontools(t *testing.T) {
	lab.Long(t)
	m := boot(t, "sysvinit", "daemontools")
	m.MustRun("sh", "-c", "setsid svscan /etc/service </dev/null >/dev/null 2>&1 &")
	m.WaitFor("svscan", func() bool { return m.Run("pgrep", "-x", "svscan").Code == 0 })
	m.lifeCycle(specs+owned, 7)
	m.others("/srv/other", "exec multilog t /var/log/other", "ln", "-s", "/srv/other", "/etc/service/other")
}

// others looks at a service directory of others, with a logger.
func (m *machine) others(dir, logger string, link ...string) {
	t := m.t
	m.MustRun("mkdir", "-p", dir+"/log", "/var/log/other")
	m.WriteFile(dir+"/run", "#!/bin/sh\nexec 2>&1\necho hello\nexec sleep 1000\n", 0o755)
	m.WriteFile(dir+"/log/run", "#!/bin/sh\n"+logger+"\n", 0o755)
	m.MustRun(link...)
	m.WaitFor("the other service", func() bool { return m.native("other").State == "active" })
	if s := m.native("other"); s.Installed || s.Jobs[0].PID == 0 || !s.Jobs[0].Enabled || s.Jobs[0].Since.IsZero() {
		t.Errorf("%+v", s)
	}
	m.WaitFor("its log", func() bool {
		return strings.Contains(m.Run("daemonize", "logs", "-b", m.backend, "other").Stdout, "hello")
	})
	m.must("stop", "-b", m.backend, "other")
	if s := m.native("other"); s.State != "inactive" {
		t.Errorf("%+v", s)
	}
}

// fakeLaunchctl is as much of launchd as the verbs need: what is loaded is known
// until a moment after bootout, and meanwhile cannot be loaded (traps of
// launchctl's asynchronous bootout). Every call is written down.
const fakeLaunchctl = `#!/bin/sh
echo "$*" >>/tmp/calls
verb=$1
label=${2##*/}
state=/tmp/launchd
mkdir -p "$state"
case $verb in
bootstrap)
	label=$(basename "$3" .plist)
	[ "$2" = system ] || exit 125
	[ -e "$state/$label.disabled" ] && exit 5
	[ -e "$state/$label.loaded" ] && exit 37
	if [ -e "$state/$label.ending" ]; then # its name is forgotten, its rest is not
		rm "$state/$label.ending"
		exit 5
	fi
	[ -f "$3" ] || exit 5
	echo 1 >"$state/$label.loaded"
	n=$(cat "$state/$label.pid" 2>/dev/null || echo 100)
	echo $((n + 1)) >"$state/$label.pid"
	;;
bootout)
	[ -e "$state/$label.loaded" ] || exit 3
	echo 3 >"$state/$label.leaving"
	;;
print)
	[ -e "$state/$label.loaded" ] || exit 113
	if [ -e "$state/$label.leaving" ]; then
		left=$(($(cat "$state/$label.leaving") - 1))
		if [ "$left" -le 0 ]; then
			rm "$state/$label.leaving" "$state/$label.loaded"
			: >"$state/$label.ending"
			exit 113
		fi
		echo "$left" >"$state/$label.leaving"
	fi
	printf 'system/%s = {\n\tstate = running\n\tpid = %s\n\truns = 1\n\tlast exit code = 1\n}\n' "$label" "$(cat "$state/$label.pid")"
	;;
print-disabled)
	for f in "$state"/*.disabled; do
		[ -e "$f" ] && printf '\t"%s" => disabled\n' "$(basename "$f" .disabled)"
	done
	exit 0
	;;
enable) rm -f "$state/$label.disabled" ;;
disable) : >"$state/$label.disabled" ;;
kickstart) [ -e "$state/$label.loaded" ] || exit 113 ;;
*) exit 64 ;;
esac
`

// TestLabLaunchd records what is asked of launchd. It was not run on macOS.
func TestLabLaunchd(t *testing.T) {
	lab.Root(t, "systemd252") // may skip, before anything is built
	dir := programs(t)
	m := &machine{t: t, backend: "launchd", Machine: lab.Chroot(t, "systemd252",
		lab.Bind(filepath.Join(dir, "daemonize"), "/usr/bin/daemonize"), lab.Bind(filepath.Join(dir, "labd"), "/usr/bin/labd"))}
	m.MustRun("mkdir", "-p", "/System/Library/LaunchDaemons", "/Library/LaunchDaemons", "/usr/local/libexec", "/run")
	m.WriteFile("/bin/launchctl", fakeLaunchctl, 0o755)
	m.WriteFile("/usr/bin/sw_vers", "#!/bin/sh\necho 13.6.1\n", 0o755)
	m.write("/tmp/s.yaml", "version: 1\nname: web\ncommand: [/usr/bin/labd, web]\nrestart: always\nstop: {timeout: 5s}\n")
	const label, plist = "io.github.daemonize.web", "/Library/LaunchDaemons/io.github.daemonize.web.plist"
	calls := func(args ...string) string {
		t.Helper()
		m.MustRun("rm", "-f", "/tmp/calls")
		m.must(args...)
		var doing []string // what asks only is left out
		for line := range strings.Lines(m.MustRun("cat", "/tmp/calls")) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "print") {
				doing = append(doing, strings.NewReplacer(label, "L", plist, "PLIST", "/Library/LaunchDaemons/L.plist", "PLIST").Replace(line))
			}
		}
		return strings.Join(doing, ", ")
	}
	m.must("install", "/tmp/s.yaml")
	s := m.status("web")
	// The last exit code of a job that runs says nothing about it.
	if s.State != "active" || s.Jobs[0].PID != 101 || !s.Jobs[0].Enabled || s.Jobs[0].Exit.Code != 1 {
		t.Errorf("%+v", s)
	}
	for _, tt := range []struct{ verb, want string }{
		{"start", ""}, // it runs
		// bootout returns at once; bootstrap is refused once more and tried again.
		{"restart", "bootout system/L, enable system/L, bootstrap system PLIST, bootstrap system PLIST, kickstart system/L"},
		{"stop", "bootout system/L"},
		{"start", "bootout system/L, enable system/L, bootstrap system PLIST, bootstrap system PLIST, kickstart system/L"},
		{"disable", "disable system/L"},
		{"enable", "enable system/L"},
	} {
		if got := calls(tt.verb, "web"); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.verb, got, tt.want)
		}
	}
	if s := m.status("web"); s.State != "active" || s.Jobs[0].PID != 103 {
		t.Errorf("%+v", s)
	}
	if r := m.daemonize("reload", "web"); r.Code != 1 || !strings.Contains(r.Stderr, "launchctl kill SIGNAL system/io.github.daemonize.web") {
		t.Errorf("reload: %v", r)
	}
	m.MustRun("sh", "-c", "mkdir -p /var/log && printf 'one\\ntwo\\n' >/var/log/web.log")
	if out := m.must("logs", "-n", "1", "web"); out != "two\n" {
		t.Errorf("logs: %q", out)
	}
	m.must("uninstall", "web")
	if r := m.daemonize("status", label); r.Code != 1 || !strings.Contains(r.Stderr, "neither installed by daemonize nor known") {
		t.Errorf("after uninstall: %v", r)
	}
}
