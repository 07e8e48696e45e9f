package sysvinit

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
)

// What runs is what was declared: identity, limits, directories, sandbox.
func TestProcess(t *testing.T) {
	t.Parallel()
	m := boot(t)
	m.MustRun("groupadd", "extra")
	m.MustRun("useradd", "--system", "--user-group", "--groups", "extra,audio", "web")
	m.WriteFile("/etc/web.key", "secret\n", 0o600)
	m.install(`name: web
command: [/usr/bin/probe]
user: web
supplementary_groups: [video]
umask: '0027'
working_dir: /srv
environment: {PROBE_WAIT: '1', A: one}
env_file: [/etc/web.env]
credentials: {key: /etc/web.key}
limits: {sigpending: {soft: 100, hard: 200}, core: 0}
scheduling: {nice: 5, oom_score_adjust: 300}
directories: {runtime: {name: web, mode: '0750'}, state: web}
logging: {stdout: 'append:/var/log/web.log', stderr: 'null', rotate: {size: 1M}}
sandboxing:
  no_new_privileges: true
  capabilities: {bounding: [CAP_NET_BIND_SERVICE], ambient: [CAP_NET_BIND_SERVICE]}
stop: {signal: SIGINT}
`)
	m.WriteFile("/etc/web.env", "A=\"two words\"\n", 0o644)
	m.call("web", "start", 0)
	m.WaitFor("the report", func() bool { return strings.HasSuffix(m.Run("cat", "/var/log/web.log").Stdout, "}\n") })
	r := m.report("/var/log/web.log")
	uid := strings.TrimSpace(m.MustRun("id", "-u", "web"))
	groups := strings.Fields(m.MustRun("sh", "-c", "id -G web; getent group video | cut -d: -f3"))
	slices.Sort(groups)
	var have []string
	for _, g := range r.Groups {
		have = append(have, itoa(g))
	}
	slices.Sort(have)
	for _, c := range []struct{ what, got, want string }{
		{"user", itoa(r.UID), uid},
		{"groups", strings.Join(slices.Compact(have), " "), strings.Join(slices.Compact(groups), " ")},
		{"umask", r.Umask, "0027"},
		{"directory", r.Cwd, "/srv"},
		{"A", r.Env["A"], "two words"},
		{"HOME", r.Env["HOME"], "/home/web"},
		{"pending signals", r.Rlimits["Max pending signals"], "100:200"},
		{"nice", itoa(r.Nice), "5"},
		{"oom", itoa(r.OOM), "300"},
		{"no new privileges", r.Status["NoNewPrivs"], "1"},
		{"bounding set", r.Status["CapBnd"], "0000000000000400"},
		{"effective set", r.Status["CapEff"], "0000000000000400"},
		{"output", r.Streams[1], "/var/log/web.log"},
		{"error output", r.Streams[2], "/dev/null"},
		{"credential", r.Files["key"], "-r-------- secret\n"},
		{"process", itoa(r.PID), itoa(m.pid("web"))},
		{"runtime directory", m.MustRun("stat", "-c", "%U %a", "/run/web"), "web 750\n"},
		{"state directory", m.MustRun("stat", "-c", "%U %a", "/var/lib/web"), "web 755\n"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	// SIGINT must not be ignored, as it is in what "&" starts.
	if s := m.MustRun("sh", "-c", "grep SigIgn /proc/$(cat /run/web.pid)/status"); !strings.HasSuffix(s, "\t0000000000000000\n") {
		t.Errorf("ignored signals: %q", s)
	}
	m.MustRun("logrotate", "--debug", "/etc/logrotate.d/web")
	m.call("web", "stop", 0)
	if left := m.Run("ls", "-d", "/run/web", "/run/daemonize-web.credentials"); left.Stdout != "" {
		t.Errorf("left behind: %q", left.Stdout)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// The boot order is what insserv makes of the header.
func TestBootOrder(t *testing.T) {
	t.Parallel()
	m := boot(t)
	m.install("name: database\ncommand: [/bin/sleep, '1']\n")
	m.install("name: web\ncommand: [/bin/sleep, '1']\ndescription: \"A service: with # marks, it's \\\"quoted\\\" and $$PATH, in a description that is long enough to be written in more than one line of the header\"\ndepends_on: {requires: [database.service], wants: [absent], after: [cron], before: [backup]}\ninstall: {runlevels: [2, 3]}\n")
	m.install("name: backup\ncommand: [/bin/sleep, '1']\n")
	m.install("name: nightly\ncommand: [/bin/sleep, '1']\ntype: oneshot\ntimers: [{cron: '0 3 * * *'}]\n")
	for _, name := range []string{"database", "web", "backup", "nightly"} {
		if r := m.Run("update-rc.d", name, "defaults"); r.Code != 0 || strings.Contains(r.Stderr, "warning") || strings.Contains(r.Stderr, "broken") {
			t.Errorf("update-rc.d %s: %v", name, r)
		}
	}
	if r := m.Run("insserv", "-n", "-v"); r.Code != 0 || strings.Contains(r.Stderr+r.Stdout, "broken") {
		t.Errorf("insserv: %v", r)
	}
	order := strings.Fields(m.MustRun("sh", "-c", "cd /etc/rc2.d && ls -d S*database S*web S*backup"))
	if len(order) != 3 || !strings.HasSuffix(order[0], "database") || !strings.HasSuffix(order[1], "web") || !strings.HasSuffix(order[2], "backup") {
		t.Errorf("the order is %q", order)
	}
	if s := m.MustRun("sh", "-c", "ls -d /etc/rc[2345].d/S*web | wc -l"); strings.TrimSpace(s) != "2" {
		t.Errorf("web is started in %s levels, want 2", s)
	}
	if r := m.Run("sh", "-c", "ls -d /etc/rc[2345S].d/S*nightly"); r.Code == 0 {
		t.Errorf("a service with timers starts at boot: %v", r)
	}
}

func TestController(t *testing.T) {
	t.Parallel()
	m := boot(t)
	h := host{m}
	c := backend{}
	target, ok := c.Detect(t.Context(), h, generators.System)
	if !ok || target.Version.String() != "3.6" || target.Family != generators.Debian {
		t.Fatalf("detected %v %t", target, ok)
	}
	if _, ok := c.Detect(t.Context(), h, generators.User); ok {
		t.Error("services of users were found")
	}
	before := m.Snapshot()
	b := render(t, "name: web\ncommand: [/usr/bin/probe]\nenvironment: {PROBE_WAIT: '1'}\nuser: web\ncreate_user: true\n")
	status := func(want generators.State, enabled bool) {
		t.Helper()
		s, err := c.Status(t.Context(), h, target, "web")
		if err != nil || s.State != want || s.Enabled != enabled || want == generators.Active && s.PID != m.pid("web") {
			t.Errorf("status %+v %v, want %s, enabled %t", s, err, want, enabled)
		}
	}
	status(generators.Inactive, false)
	m.apply(c.Steps(b, generators.Install))
	status(generators.Active, true)
	first := m.pid("web")
	m.apply(c.Steps(b, generators.Upgrade))
	if m.pid("web") == first {
		t.Error("the upgrade did not restart the service")
	}
	m.MustRun("kill", "-KILL", itoa(m.pid("web")))
	m.WaitFor("the failure", func() bool { s, _ := c.Status(t.Context(), h, target, "web"); return s.State == generators.Failed })
	s, _ := c.Status(t.Context(), h, target, "web")
	if s.Reason != "it was ended by signal 9" {
		t.Errorf("the reason is %q", s.Reason)
	}
	m.apply(c.Steps(b, generators.Uninstall))
	status(generators.Inactive, false)
	m.MustRun("userdel", "web")
	for _, d := range lab.Diff(before, m.Snapshot()) {
		// insserv keeps its order, shadow its backups, and directories stay.
		if !slices.ContainsFunc([]string{"/etc/init.d/.depend", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/usr/lib/daemonize"}, func(s string) bool { return strings.Contains(d, s) }) {
			t.Errorf("left behind: %s", d)
		}
	}
}

func (m machine) apply(steps []generators.Step) {
	m.t.Helper()
	for _, s := range steps {
		switch {
		case s.Artifact != nil:
			m.WriteFile(s.Path, string(s.Artifact.Content), s.Artifact.Mode)
		case s.Verb == generators.RemoveFile:
			m.MustRun("rm", "-f", s.Path)
		case s.Optional:
			m.Run(s.Argv...)
		default:
			m.MustRun(s.Argv...)
		}
	}
}
