//go:build linux

package systemd

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
)

// machine lets the controller ask a machine of the lab.
type machine struct{ m *lab.Machine }

func (h machine) ReadFile(name string) ([]byte, error) {
	return []byte(h.m.MustRun("cat", name)), nil
}
func (h machine) Exists(name string) bool { return h.m.Run("test", "-e", name).Code == 0 }
func (h machine) Run(_ context.Context, argv []string) (generators.Result, error) {
	r := h.m.Run(argv...)
	return generators.Result{Code: r.Code, Stdout: r.Stdout, Stderr: r.Stderr}, nil
}

// do carries steps out.
func do(t *testing.T, m *lab.Machine, steps []generators.Step) {
	t.Helper()
	for _, s := range steps {
		switch s.Verb {
		case generators.WriteFile:
			m.MustRun("mkdir", "-p", path.Dir(s.Path))
			m.WriteFile(s.Path, string(s.Artifact.Content), s.Artifact.Mode)
		case generators.RemoveFile:
			m.MustRun("rm", s.Path)
		default:
			if r := m.Run(s.Argv...); r.Code != 0 && !s.Optional {
				t.Fatalf("%q: %s", s.Argv, r)
			}
		}
	}
}

// TestInstall installs a daemon with everything beside it in each version of
// the lab, sees it at work and removes it without a trace.
func TestInstall(t *testing.T) {
	const doc = `
version: 1
name: web
type: exec
shell: 'exec sleep infinity'
user: web
create_user: true
restart: on-failure
healthcheck: {test: [/usr/bin/test, -e, /run/well], interval: 1s, retries: 2}
directories: {state: web}
environment: {DIR: '${state_dir}', ODD: "100% \"it's\" $$HOME"}
sandboxing: {profile: standard}
instances: [a, b]
`
	for _, root := range roots {
		t.Run(root.name, func(t *testing.T) {
			if root.name != "systemd252" {
				lab.Long(t)
			}
			m := lab.Boot(t, root.name)
			m.MustRun("mkdir", "-p", "/usr/lib/daemonize/web", "/etc/sysusers.d")
			before := m.Snapshot("/etc/systemd", "/usr/lib/daemonize", "/etc/sysusers.d")
			h := machine{m}
			g := Generator{}
			target, ok := g.Detect(t.Context(), h, generators.System)
			if !ok || target.Version != root.version*generators.Major {
				t.Fatalf("detected %v %t", target, ok)
			}
			b, diags := generators.Render(g, decode(t, doc), target, generators.Policy{})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			do(t, m, g.Steps(b, generators.Install))
			status := func(job string) generators.Status {
				t.Helper()
				s, err := g.Status(t.Context(), h, target, job)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			first := status("web@a.service")
			if first.State != generators.Active || !first.Enabled || first.PID == 0 {
				t.Errorf("status %+v", first)
			}
			m.WaitFor("its environment", func() bool { // the health check may just be restarting it
				env := m.Run("cat", fmt.Sprintf("/proc/%d/environ", status("web@a.service").PID)).Stdout
				return strings.Contains(env, "DIR=/var/lib/web\x00") && strings.Contains(env, "ODD=100% \"it's\" $HOME\x00")
			})
			m.WaitFor("the unhealthy instance is restarted", func() bool {
				s := status("web@a.service")
				return s.State == generators.Active && s.PID != first.PID && s.PID != 0
			})
			m.WriteFile("/run/well", "", 0o644)
			m.WaitFor("the check passes", func() bool {
				return m.Run("sh", "-c", "systemctl show -p Result,InactiveExitTimestampMonotonic web-health@a.service | grep -q Result=success && test ! -e /run/daemonize/web@a.service.failures").Code == 0
			})
			do(t, m, g.Steps(b, generators.Uninstall))
			if d := lab.Diff(before, m.Snapshot("/etc/systemd", "/usr/lib/daemonize", "/etc/sysusers.d")); len(d) > 0 {
				t.Errorf("left behind:\n%s", strings.Join(d, "\n"))
			}
			if s := status("web@a.service"); s.State != generators.Inactive || s.Detail != "not-found" {
				t.Errorf("status after removal %+v", s)
			}
			if failed := m.MustRun("systemctl", "list-units", "--all", "--no-legend", "web*"); strings.TrimSpace(failed) != "" {
				t.Errorf("still known:\n%s", failed)
			}
		})
	}
}

// TestActivation has sockets and timers start services for real.
func TestActivation(t *testing.T) {
	m := lab.Boot(t, "systemd252")
	g := Generator{}
	h := machine{m}
	target, ok := g.Detect(t.Context(), h, generators.System)
	if !ok {
		t.Fatal("no systemd")
	}
	install := func(doc string) generators.Bundle {
		t.Helper()
		b, diags := generators.Render(g, decode(t, doc), target, generators.Policy{})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		do(t, m, g.Steps(b, generators.Install))
		return b
	}
	active := func(unit string) func() bool {
		return func() bool { return m.Run("systemctl", "is-active", unit).Code == 0 }
	}
	install("version: 1\nname: sock\ntype: exec\ncommand: [/bin/sleep, infinity]\nsockets: [{listen: 'tcp://127.0.0.1:7001', name: one}, {listen: 'unix:///run/sock.sock', name: two}]\n")
	if active("sock.service")() {
		t.Error("sock runs before anybody connects")
	}
	m.Run("bash", "-c", "echo >/dev/tcp/127.0.0.1/7001")
	m.WaitFor("sock is started by its socket", active("sock.service"))
	pid := strings.TrimSpace(m.MustRun("sh", "-c", "systemctl show -p MainPID sock.service | tr -dc 0-9"))
	if env := m.MustRun("cat", "/proc/"+pid+"/environ"); !strings.Contains(env, "LISTEN_FDS=2\x00") || !strings.Contains(env, "LISTEN_FDNAMES=one:two\x00") && !strings.Contains(env, "LISTEN_FDNAMES=two:one\x00") {
		t.Errorf("environment %q", env)
	}
	install("version: 1\nname: conn\nshell: 'exec >/run/conn; exec sleep infinity'\nsockets: [{listen: 'tcp://127.0.0.1:7002', accept: true}]\n")
	m.Run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7002; sleep 1")
	m.WaitFor("a connection starts an instance", func() bool { return h.Exists("/run/conn") })

	tick := install("version: 1\nname: tick\ntype: oneshot\nshell: 'echo >>/run/tick'\ntimers: [{every: 1s}]\n")
	m.WaitFor("the timer fires again and again", func() bool {
		return m.Run("sh", "-c", "test $(wc -l </run/tick) -ge 3").Code == 0
	})
	do(t, m, g.Steps(tick, generators.Uninstall))
	if left := m.MustRun("systemctl", "list-units", "--all", "--no-legend", "tick*"); strings.TrimSpace(left) != "" {
		t.Errorf("still known:\n%s", left)
	}
	install("version: 1\nname: watch\ntype: oneshot\nremain_after_exit: true\nshell: 'true'\npaths: [{exists: '/run/go 100%'}]\n")
	m.WriteFile("/run/go 100%", "", 0o644)
	m.WaitFor("the path starts the service", active("watch.service"))
}

// TestProcess starts a process with values in every kind of setting that
// systemd splits, unquotes or takes raw, and compares what it sees of itself.
func TestProcess(t *testing.T) {
	const doc = `
version: 1
name: web
command: ['/opt/my app$${x}$$$$%/bin', '$$HOME', 'a\b', "it's"]
user: daemon
umask: '0027'
working_dir: "/srv/a b%\"c'\\d"
environment: {PROBE_OUT: '/srv/out/%n "x"'}
env_file: [{path: '/srv/e f%[x]*\'}, {path: /srv/absent, required: false}]
credentials: {key: "/srv/c'd%"}
logging: {stdout: 'append:/srv/l o%.g'}
limits: {stack: {soft: 4M, hard: 8M}, cpu: 3600}
scheduling: {nice: 5, oom_score_adjust: 100, timer_slack: 1ms}
sandboxing: {no_new_privileges: true, read_only_paths: ["/srv/r o'\"\\%"], capabilities: {bounding: []}, bind_paths: ['/srv/b i%\n:/mnt']}
`
	probe := lab.Probe(t)
	for _, root := range roots {
		t.Run(root.name, func(t *testing.T) {
			m := lab.Boot(t, root.name, lab.Bind(probe, "/probe"))
			const dir, prog = `/srv/a b%"c'\d`, "/opt/my app${x}$$%/bin"
			m.MustRun("mkdir", "-p", dir, `/srv/r o'"\%`, `/srv/b i%\n`, "/srv/out", path.Dir(prog))
			m.MustRun("cp", "/probe", prog)
			m.MustRun("chown", "daemon", "/srv/out")
			m.WriteFile("/srv/e f%[x]*\\", "FROM_FILE=\"%h $x\"\n", 0o644)
			m.WriteFile("/srv/c'd%", "secret", 0o600)
			d := decode(t, doc)
			target := generators.Target{Backend: "systemd", Version: root.version * generators.Major}
			b, diags := generators.Render(New(), d, target, generators.Policy{})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			do(t, m, Generator{}.Steps(b, generators.Install)[:len(b.Artifacts)])
			m.MustRun("systemctl", "daemon-reload")
			if r := m.Run("systemctl", "start", "web"); r.Code != 0 {
				t.Fatalf("%s\n%s\n%s", r, b.Artifacts[0].Content, m.MustRun("journalctl", "-u", "web", "--no-pager", "-o", "cat"))
			}
			const out = `/srv/out/%n "x"`
			m.WaitFor("the process has reported", func() bool {
				return m.Run("sh", "-c", `test "$(systemctl show -p ActiveState web)" != ActiveState=active`).Code == 0
			})
			r := m.Run("cat", out)
			if r.Code != 0 {
				t.Fatalf("no report: %s\n%s\n%s", r, b.Artifacts[0].Content, m.Log())
			}
			got, err := report.Parse([]byte(r.Stdout))
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{prog, "$HOME", `a\b`, "it's"}; !slices.Equal(got.Argv, want) {
				t.Errorf("argv %q, want %q", got.Argv, want)
			}
			want := map[string]string{
				"cwd " + got.Cwd: "cwd " + dir, "env " + got.Env["FROM_FILE"]: "env %h $x", "key " + got.Files["key"][strings.LastIndexByte(got.Files["key"], ' ')+1:]: "key secret",
				"stdout " + got.Streams[1]: "stdout /srv/l o%.g", "umask " + strings.TrimLeft(got.Umask, "0"): "umask 27",
				"nnp " + got.Status["NoNewPrivs"]: "nnp 1", "caps " + strings.Trim(got.Status["CapBnd"], "0"): "caps ",
			}
			for g, w := range want {
				if g != w {
					t.Errorf("%s, want %s", g, w)
				}
			}
			if got.Nice != 5 || got.OOM != 100 || got.Slack != 1000000 {
				t.Errorf("nice %d, oom %d, slack %d", got.Nice, got.OOM, got.Slack)
			}
			if !strings.Contains(fmt.Sprint(got.Rlimits), "4194304:8388608") || !strings.Contains(fmt.Sprint(got.Rlimits), "3600:3600") {
				t.Errorf("limits %v", got.Rlimits)
			}
			for _, p := range [][2]string{{"ReadOnlyPaths", `/srv/r o'"\%`}, {"BindPaths", `/srv/b i%\n`}} {
				value := m.MustRun("busctl", "--json=short", "get-property", "org.freedesktop.systemd1", "/org/freedesktop/systemd1/unit/web_2eservice", "org.freedesktop.systemd1.Service", p[0])
				quoted, _ := json.Marshal(p[1])
				if !strings.Contains(value, string(quoted)) {
					t.Errorf("%s is %s, want %s", p[0], value, quoted)
				}
			}
		})
	}
}
