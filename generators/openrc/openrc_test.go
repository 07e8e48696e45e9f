package openrc

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

var target = generators.Target{Backend: "openrc", Version: 45}

func render(t *testing.T, doc string) (generators.Bundle, diag.List) {
	t.Helper()
	daemons, diags := spec.Decode("test.yaml", []byte("version: 1\nname: web\n"+doc))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	return generators.Render(New(), daemons[0], target, generators.Policy{})
}

func file(b generators.Bundle, path string) string {
	for _, a := range b.Artifacts {
		if a.Path == path {
			return string(a.Content)
		}
	}
	return ""
}

func TestDepend(t *testing.T) {
	b, diags := render(t, `command: /usr/bin/web
depends_on:
  requires: [postgresql]
  binds_to: [vault.service]
  wants: [redis]
  after: [nss-lookup.target, local-fs.target]
  before: [nginx]
  network_online: true
`)
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	got := file(b, "/etc/init.d/web")
	for _, want := range []string{"need postgresql vault", "want redis", "after bootmisc dns localmount logger net netmount", "before nginx"} {
		if !strings.Contains(got, "\n\t"+want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	_, diags = render(t, "command: /usr/bin/web\ndepends_on: {requires: [getty@tty1], after: [dev-sda1.device]}\n")
	var codes []string
	for _, g := range diags {
		codes = append(codes, string(g.Code)+" "+g.Path)
	}
	if want := []string{"L004 depends_on.requires[0]", "L002 depends_on.after[0]"}; !slices.Equal(codes, want) {
		t.Errorf("have %q, want %q", codes, want)
	}
}

func TestControlGroup(t *testing.T) {
	b, _ := render(t, "command: /usr/bin/web\nlimits: {memory: 512M, memory_high: infinity, cpus: 1.5, pids: infinity, cpu_weight: 50}\noverrides: {openrc: {rc_cgroup_cleanup: 'yes', rc_env_allow: [A, B]}}\n")
	want := `# Variables of /etc/init.d/web. Written by daemonize; changes are lost at the next install.
rc_cgroup_settings="
memory.max 536870912
memory.high max
cpu.max 150000 100000
cpu.weight 50
pids.max max
"
rc_cgroup_cleanup=yes
rc_env_allow='A B'
`
	if got := file(b, "/etc/conf.d/web"); got != want {
		t.Errorf("have\n%s\nwant\n%s", got, want)
	}
	if b, _ := render(t, "command: /usr/bin/web\n"); file(b, "/etc/conf.d/web") != "" {
		t.Error("a file for nothing")
	}
	for _, bad := range []string{"{a b: 1}", "{rc: {x: 1}}", "{'1a': 1}"} {
		if _, diags := render(t, "command: /usr/bin/web\noverrides: {openrc: "+bad+"}\n"); !diags.HasErrors() {
			t.Errorf("%s is no variable", bad)
		}
	}
}

// fake is a machine on which rc-service answers.
type fake struct {
	files   map[string]string
	answers map[string]generators.Result
}

func (f fake) ReadFile(path string) ([]byte, error) {
	if s, ok := f.files[path]; ok {
		return []byte(s), nil
	}
	return nil, fs.ErrNotExist
}

func (f fake) Exists(path string) bool { _, ok := f.files[path]; return ok }

func (f fake) Run(_ context.Context, argv []string) (generators.Result, error) {
	r, ok := f.answers[argv[0]]
	if !ok {
		return r, fmt.Errorf("unexpected %q", argv)
	}
	return r, nil
}

func TestDetect(t *testing.T) {
	version := map[string]generators.Result{"openrc": {Stdout: "openrc (OpenRC [DOCKER]) 0.52.1\n"}}
	for _, c := range []struct {
		files []string
		want  bool
	}{
		{[]string{"/run/openrc/softlevel"}, true},
		{[]string{"/sbin/openrc", "/sbin/rc-service"}, false},
		{[]string{"/run/openrc/softlevel", "/run/systemd/system"}, false},
	} {
		h := fake{map[string]string{}, version}
		for _, f := range c.files {
			h.files[f] = ""
		}
		got, ok := backend{}.Detect(t.Context(), h, generators.System)
		if ok != c.want || ok && got.Version != 52 {
			t.Errorf("%q: %v %v", c.files, got, ok)
		}
	}
}

// TestStatusOfOthers: services that leave the verb to openrc-run.
func TestStatusOfOthers(t *testing.T) {
	for _, c := range []struct {
		code  int
		text  string
		state generators.State
	}{
		{0, " * status: started", generators.Active}, {3, " * status: stopped", generators.Inactive}, {4, " * status: stopping", generators.Stopping},
		{8, " * status: starting", generators.Starting}, {16, " * status: inactive", generators.Inactive}, {32, " * status: crashed", generators.Failed},
	} {
		h := fake{map[string]string{"/etc/init.d/sshd": ""}, map[string]generators.Result{
			"rc-service": {Code: c.code, Stdout: c.text + "\n"}, "find": {Stdout: "/etc/runlevels/default/sshd\n"}}}
		s, err := backend{}.Status(t.Context(), h, target, "sshd")
		if _, word, _ := strings.Cut(c.text, "status: "); err != nil || s.State != c.state || s.Detail != word || !s.Enabled {
			t.Errorf("%d: %+v, %v", c.code, s, err)
		}
	}
	if s, err := (backend{}).Status(t.Context(), fake{}, target, "none"); err != nil || !s.Missing {
		t.Errorf("missing: %+v, %v", s, err)
	}
}

func TestSteps(t *testing.T) {
	b, _ := render(t, "command: /usr/bin/web\n")
	words := func(op generators.Op) string {
		var out []string
		for _, s := range (backend{}).Steps(b, op) {
			if s.Path == "" {
				out = append(out, string(s.Verb)+": "+strings.Join(s.Argv, " "))
			}
		}
		return strings.Join(out, ", ")
	}
	for op, want := range map[generators.Op]string{
		generators.Install:   "enable: rc-update --quiet add web default, start: rc-service web start",
		generators.Upgrade:   "enable: rc-update --quiet add web default, restart: rc-service web restart",
		generators.Uninstall: "disable: find -H /etc/runlevels -name web -type l -delete, stop: rc-service web stop, stop: /usr/lib/daemonize/web/control stop, clean: rm -rf /run/daemonize/web",
	} {
		if got := words(op); got != want {
			t.Errorf("%d: %s", op, got)
		}
	}
	if links := (backend{}).Links(b); len(links) != 1 || links[0].Path != "/etc/runlevels/default/web" || string(links[0].Content) != "/etc/init.d/web" {
		t.Errorf("links: %+v", links)
	}
	timed, _ := render(t, "command: /usr/bin/web\ntimers: [{calendar: daily}]\n")
	if links := (backend{}).Links(timed); len(links) != 0 {
		t.Errorf("a timed service is enabled: %+v", links)
	}
	if _, err := (backend{}).Operate(timed, generators.Enable); err == nil {
		t.Error("enabled a timed service")
	}
}

// TestLife runs services under a real OpenRC and compares what it says of them
// with what they do.
func TestLife(t *testing.T) {
	lab.Root(t, "openrc") // skips
	m := lab.Boot(t, "openrc")
	install := func(doc string) {
		b, diags := render(t, doc)
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		for _, a := range b.Artifacts {
			m.WriteFile(a.Path, string(a.Content), a.Mode)
		}
	}
	rc := func(verb string, want int) string {
		t.Helper()
		r := m.Run("rc-service", "--nocolor", "web", verb)
		if r.Code != want {
			t.Fatalf("%s: %v", verb, r)
		}
		return r.Stdout
	}
	believes := func(state string) {
		t.Helper()
		m.WaitFor("OpenRC to hold web for "+state, func() bool {
			return strings.Contains(m.Run("sh", "-c", "ls -d /run/openrc/*/web 2>/dev/null || echo stopped").Stdout, state)
		})
	}
	pid := func() string { return strings.TrimSpace(m.MustRun("cat", "/run/web.pid")) }

	install("command: [/bin/sleep, '1000']\nrestart: {policy: on-failure, delay: 100ms}\nreload: {signal: SIGCONT}\n")
	rc("status", 3)
	rc("start", 0)
	believes("started")
	first := pid()
	rc("reload", 0)
	m.MustRun("kill", "-KILL", first)
	m.WaitFor("a new process", func() bool {
		r := m.Run("cat", "/run/web.pid")
		return r.Code == 0 && strings.TrimSpace(r.Stdout) != first && m.Run("rc-service", "web", "status").Code == 0
	})
	believes("started")
	second := pid()
	rc("restart", 0)
	if pid() == second {
		t.Error("restart kept the process")
	}
	// A clean end is not started again, and OpenRC learns of it.
	m.MustRun("kill", "-TERM", pid())
	believes("stopped")
	rc("status", 3)
	rc("start", 0)
	rc("stop", 0)
	believes("stopped")

	install("command: [/bin/false]\n")
	rc("start", 1)
	believes("stopped")
	if out := rc("status", 1); !strings.Contains(out, "ended with status 1") {
		t.Errorf("status says %q", out)
	}
	rc("stop", 0)

	install("command: [/bin/sleep, '1000']\nconditions: {path_exists: [/etc/wanted]}\n")
	rc("start", 0)
	believes("stopped")
	m.MustRun("touch", "/etc/wanted")
	rc("start", 0)
	believes("started")
	rc("stop", 0)

	install("command: [/bin/touch, /run/done]\ntype: oneshot\n")
	for range 2 {
		rc("start", 0)
		m.MustRun("rm", "/run/done")
		believes("stopped")
	}
}
