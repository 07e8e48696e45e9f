package upstart

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
)

var target = generators.Target{Backend: "upstart", Version: 1*generators.Major + 12}

func render(t *testing.T, doc string) generators.Bundle {
	t.Helper()
	daemons, diags := spec.Decode("test.yaml", []byte("version: 1\nname: web\n"+doc))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	b, diags := generators.Render(New(), daemons[0], target, generators.Policy{Allow: []string{"sandboxing"}})
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	return b
}

func conf1(t *testing.T, doc string) string {
	t.Helper()
	b := render(t, doc)
	for _, a := range b.Artifacts {
		if a.Path == "/etc/init/web.conf" {
			if _, err := parse(string(a.Content)); err != nil {
				t.Fatalf("%v\n%s", err, a.Content)
			}
			return string(a.Content)
		}
	}
	t.Fatal("no job")
	return ""
}

// TestNative holds what is written for daemons that need no script.
func TestNative(t *testing.T) {
	for _, c := range []struct {
		doc  string
		want []string
	}{
		{"command: [/usr/bin/web, -p, '80']", []string{"exec /usr/bin/web -p 80", "console log"}},
		{"command: [/usr/bin/web, 'two words', '$HOME']", []string{"script\n    exec /usr/bin/web 'two words' '$HOME'\nend script"}},
		{"command: /usr/bin/web\nuser: web\nenvironment: {HOME: /srv/web}", []string{"setuid web", "env HOME=/srv/web", "env USER=web", "exec /usr/bin/web"}},
		{"command: /usr/bin/web\nuser: web\ngroup: www\nenvironment: {HOME: /srv/web}", []string{"setuid web", "setgid www"}},
		{"command: /usr/bin/web\nlimits: {nofile: 1024, core: 0}\nscheduling: {nice: 5, oom_score_adjust: -100}", []string{"limit core 0 0", "limit nofile 1024 1024", "nice 5", "oom score -100"}},
		{"command: /usr/bin/web\nenvironment: {A: 'say \"hi\" \\ there'}", []string{`env A="say "'"'"hi"'"'" \\ there"`}},
		{"command: /usr/bin/web\nrestart: always", []string{"respawn", "respawn limit 4 10"}},
		{"command: /usr/bin/web\nrestart: {policy: on-failure, max_attempts: infinity}", []string{"respawn limit unlimited", "normal exit 0 HUP INT TERM PIPE"}},
		{"command: /usr/bin/web\nrestart: {policy: on-failure, success_exit: [3, SIGUSR1], force_exit: [0]}", []string{"normal exit 3 HUP INT TERM PIPE USR1"}},
		{"command: /usr/bin/web\nstop: {signal: SIGINT, timeout: 1500ms}", []string{"kill signal INT", "kill timeout 2"}},
		{"command: /usr/bin/web\nstop: {timeout: infinity}", []string{"kill timeout 1000000000"}},
		{"command: /usr/bin/web\ntype: oneshot", []string{"task"}},
		{"command: /usr/bin/web\ntype: oneshot\nremain_after_exit: true", []string{"pre-start exec /usr/bin/web"}},
		{"command: /usr/bin/web\ntype: forking\npid_file: /run/web.pid", []string{"expect daemon"}},
		{"command: /usr/bin/web\ntype: forking\npid_file: /run/web.pid\noverrides: {upstart: {expect: fork}}", []string{"expect fork"}},
		{"command: /usr/bin/web\ndepends_on: {requires: [db], network_online: true, conflicts: [apache2]}", []string{
			"start on runlevel [2345] and started db and static-network-up", "stop on runlevel [!2345] or stopping db or starting apache2"}},
		{"command: /usr/bin/web\npaths: [{changed: /etc/web.yaml}]", []string{"start on runlevel [2345] or file FILE=/etc/web.yaml EVENT=modify"}},
		{"command: /usr/bin/web\npass_environment: [TZ]", []string{"env TZ"}},
		{"command: /usr/bin/web\nlogging: {stdout: 'null'}", []string{"console none"}},
	} {
		got := conf1(t, c.doc)
		for _, want := range c.want {
			if !strings.Contains(got, "\n"+want+"\n") {
				t.Errorf("%s\nlacks %q:\n%s", c.doc, want, got)
			}
		}
	}
}

// TestDisabled: what does not start at boot has no start on, so that Upstart
// counts it as manual.
func TestDisabled(t *testing.T) {
	if got := conf1(t, "command: /usr/bin/web\ninstall: {enable: false}"); strings.Contains(got, "start on") {
		t.Error(got)
	}
}

// TestParserRefuses: the parser that the other tests rely on is strict.
func TestParserRefuses(t *testing.T) {
	for _, bad := range []string{
		"revive\n", "exec\n", "kill timeout soon\n", "limit nofile 1024\n", "limit files 1 1\n", "umask 999\n", "umask 01777\n",
		"description \"a\n", "description a b\n", "script\nexec x\n", "start on\n", "start on (runlevel\n", "start on a and\n", "stop a\n",
		"console tty\n", "expect two\n", "normal exit 256\n", "normal exit RTMIN\n", "exec a\nexec b\n", "env A=\"x\ny\"\n", "exec a\\", "nice 20\n",
		"env A=\"\\\"\"\n", "task now\n", "kill signal SIGNAL\n", "oom score 2000\n", "start on a B=1 c\n", "start on a ) b\n",
	} {
		if _, err := parse(bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}

// fake is a machine whose initctl knows one job.
type fake struct {
	status, version string
	files           map[string]string
}

func (f fake) ReadFile(path string) ([]byte, error) {
	if s, ok := f.files[path]; ok {
		return []byte(s), nil
	}
	return nil, fs.ErrNotExist
}

func (f fake) Exists(path string) bool { _, ok := f.files[path]; return ok }

func (f fake) Run(_ context.Context, argv []string) (generators.Result, error) {
	switch argv[1] {
	case "version":
		return generators.Result{Stdout: f.version}, nil
	case "status":
		if f.status == "" {
			return generators.Result{Code: 1, Stderr: "initctl: Unknown job: " + argv[2] + "\n"}, nil
		}
		return generators.Result{Stdout: f.status + "\n"}, nil
	}
	return generators.Result{}, fmt.Errorf("unexpected %q", argv)
}

func TestDetect(t *testing.T) {
	for version, want := range map[string]generators.Version{"init (upstart 1.12.1)\n": 1*generators.Major + 12, "init (sysvinit 2.88)\n": 0, "": 0} {
		got, ok := backend{}.Detect(t.Context(), fake{version: version, files: map[string]string{initctl: ""}}, generators.System)
		if ok != (want != 0) || ok && got.Version != want {
			t.Errorf("%q: %v %t", version, got, ok)
		}
	}
	if _, ok := (backend{}).Detect(t.Context(), fake{version: "init (upstart 1.12.1)\n"}, generators.System); ok {
		t.Error("detected without initctl")
	}
}

func TestStatus(t *testing.T) {
	conf := map[string]string{"/etc/init/web.conf": "start on runlevel [2345]\n"}
	for status, want := range map[string]generators.Status{
		"web start/running, process 12":  {Job: "web", State: generators.Active, Detail: "start/running", PID: 12, Enabled: true},
		"web start/pre-start, process 9": {Job: "web", State: generators.Starting, Detail: "start/pre-start", PID: 9, Enabled: true},
		"web stop/killed, process 12":    {Job: "web", State: generators.Stopping, Detail: "stop/killed", PID: 12, Enabled: true},
		"web stop/waiting":               {Job: "web", State: generators.Inactive, Detail: "stop/waiting", Enabled: true},
		"":                               {Job: "web", State: generators.Inactive, Detail: "unknown job", Missing: true},
	} {
		got, err := backend{}.Status(t.Context(), fake{status: status, files: conf}, target, "web")
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", status, got, err)
		}
	}
	conf["/etc/init/web.override"] = "manual\n"
	if got, _ := (backend{}).Status(t.Context(), fake{status: "web stop/waiting", files: conf}, target, "web"); got.Enabled {
		t.Error("enabled although overridden")
	}
	if _, err := (backend{}).Status(t.Context(), fake{status: "other stop/waiting"}, target, "web"); err == nil {
		t.Error("took the status of another job")
	}
}

func TestSteps(t *testing.T) {
	b := render(t, "command: /usr/bin/web\nuser: web\ncreate_user: true\n")
	words := func(op generators.Op) []string {
		var out []string
		for _, s := range (backend{}).Steps(b, op) {
			out = append(out, strings.TrimSpace(string(s.Verb)+" "+s.Path+strings.Join(s.Argv, " ")))
		}
		return out
	}
	install := words(generators.Install)
	if want := []string{"reload /sbin/initctl reload-configuration", "start /sbin/initctl start web", "verify /sbin/initctl status web"}; !slices.Equal(install[len(install)-3:], want) {
		t.Errorf("install: %q", install)
	}
	// restart would keep the configuration that the job was started with.
	if up := words(generators.Upgrade); !slices.Contains(up, "stop /sbin/initctl stop web") || !slices.Contains(up, "restart /sbin/initctl start web") {
		t.Errorf("upgrade: %q", up)
	}
	out := words(generators.Uninstall)
	if out[0] != "stop /sbin/initctl stop web" || out[len(out)-1] != "reload /sbin/initctl reload-configuration" || !slices.Contains(out, "clean /bin/rm -f /etc/init/web.override") {
		t.Errorf("uninstall: %q", out)
	}
}

func TestOperate(t *testing.T) {
	b := render(t, "command: /usr/bin/web\nreload: {command: [/usr/bin/web, --reload]}\n")
	for verb, want := range map[generators.Verb]string{
		generators.Start: "/sbin/initctl start web", generators.Stop: "/sbin/initctl stop web", generators.Refresh: "/usr/lib/daemonize/web/reload",
		generators.Enable: "/bin/rm -f /etc/init/web.override", generators.Disable: "/bin/sh -c echo manual >\"$1\" disable /etc/init/web.override",
	} {
		steps, err := backend{}.Operate(b, verb)
		if err != nil || len(steps) != 1 || strings.Join(steps[0].Argv, " ") != want {
			t.Errorf("%s: %+v, %v", verb, steps, err)
		}
	}
	if _, err := (backend{}).Operate(b, generators.Clean); err == nil {
		t.Error("clean is no verb of Upstart")
	}
}
