package s6

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
)

// machine answers from tables.
type machine struct {
	files map[string]string
	runs  map[string]generators.Result
}

func (m machine) ReadFile(path string) ([]byte, error) {
	if c, ok := m.files[path]; ok {
		return []byte(c), nil
	}
	return nil, fs.ErrNotExist
}

func (m machine) Exists(path string) bool { _, ok := m.files[path]; return ok }

func (m machine) Run(_ context.Context, argv []string) (generators.Result, error) {
	if r, ok := m.runs[strings.Join(argv, " ")]; ok {
		return r, nil
	}
	return generators.Result{Code: 111, Stderr: "not expected: " + strings.Join(argv, " ")}, nil
}

// TestStatus has what s6-svstat 2.11.3 printed in each state.
func TestStatus(t *testing.T) {
	const dir, end, notify, down = scan + "/web", "/run/daemonize/web/end", scan + "/web/notification-fd", scan + "/web/down"
	for _, c := range []struct {
		name, out string
		files     map[string]string
		code      int
		want      generators.Status
	}{
		{"up", "true true false 12 -1 -1\n", nil, 0, generators.Status{State: generators.Active, Detail: "up", PID: 12, Enabled: true}},
		{"not at boot", "true true false 12 -1 -1\n", map[string]string{down: ""}, 0, generators.Status{State: generators.Active, Detail: "up", PID: 12}},
		{"unready", "true true false 12 -1 -1\n", map[string]string{notify: "3\n"}, 0, generators.Status{State: generators.Starting, Detail: "unready", PID: 12, Enabled: true}},
		{"ready", "true true true 12 -1 -1\n", map[string]string{notify: "3\n"}, 0, generators.Status{State: generators.Active, Detail: "up", PID: 12, Enabled: true}},
		{"once", "true false false 12 -1 -1\n", nil, 0, generators.Status{State: generators.Active, Detail: "up, wanted down", PID: 12, Enabled: true}},
		{"stopped", "false false false -1 0 0\n", map[string]string{end: "false 256 15\n"}, 0, generators.Status{State: generators.Inactive, Detail: "down", Enabled: true}},
		{"never started", "false false false -1 0 0\n", nil, 0, generators.Status{State: generators.Inactive, Detail: "down", Enabled: true}},
		{"failed", "false false false -1 3 -1\n", map[string]string{end: "true 3 0\n"}, 0,
			generators.Status{State: generators.Failed, Detail: "down", Enabled: true, Reason: "exited with code 3", Exit: generators.Exited(3)}},
		{"finish runs", "false false false -1 3 -1\n", map[string]string{end: "true 256 15\n"}, 0,
			generators.Status{State: generators.Starting, Detail: "down, finish runs", Enabled: true, Exit: generators.Exited(3)}},
		{"killed", "false false false -1 -1 9\n", map[string]string{end: "true 256 9\n"}, 0,
			generators.Status{State: generators.Failed, Detail: "down", Enabled: true, Reason: "ended by signal 9 (SIGKILL)", Exit: generators.Killed(9)}},
		{"success", "false false false -1 3 -1\n", map[string]string{end: "true 3 0\n", dir + "/data/success": "3\nSIGUSR1\n"}, 0,
			generators.Status{State: generators.Inactive, Detail: "down", Enabled: true, Exit: generators.Exited(3)}},
		{"condition", "false false false -1 253 -1\n", map[string]string{end: "true 253 0\n"}, 0,
			generators.Status{State: generators.Inactive, Detail: "down", Enabled: true, Reason: "a condition did not hold", Exit: generators.Exit{Code: 253, Words: "a condition did not hold"}}},
		{"waiting", "false true false -1 1 -1\n", map[string]string{end: "true 1 0\n"}, 0,
			generators.Status{State: generators.Starting, Detail: "down, wanted up", Enabled: true, Reason: "exited with code 1", Exit: generators.Exited(1)}},
		{"no supervisor", "", nil, 1, generators.Status{State: generators.Inactive, Detail: "s6-supervise does not run", Enabled: true}},
	} {
		m := machine{files: map[string]string{dir: ""}, runs: map[string]generators.Result{
			"/usr/bin/s6-svstat -o up,wantedup,ready,pid,exitcode,signum " + dir: {Code: c.code, Stdout: c.out}}}
		maps.Copy(m.files, c.files)
		c.want.Job = "web"
		got, err := backend{}.Status(t.Context(), m, generators.Target{}, "web")
		if err != nil || got != c.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.name, got, err, c.want)
		}
	}
	if got, err := (backend{}).Status(t.Context(), machine{}, generators.Target{}, "web"); err != nil || !got.Missing {
		t.Errorf("%+v %v", got, err)
	}
}

// TestDetect wants something that listens, not something that is installed.
func TestDetect(t *testing.T) {
	probe := func(dir string, code int) machine {
		return machine{files: map[string]string{dir + "/.s6-svscan/control": ""}, runs: map[string]generators.Result{"/usr/bin/s6-svscanctl " + dir: {Code: code}}}
	}
	if _, ok := (backend{}).Detect(t.Context(), machine{files: map[string]string{"/usr/bin/s6-svscan": ""}}, generators.System); ok {
		t.Error("a program is no manager")
	}
	if _, ok := (backend{}).Detect(t.Context(), probe(scan, 100), generators.System); ok {
		t.Error("nobody listens")
	}
	if _, ok := (backend{}).Detect(t.Context(), probe(scan, 0), generators.User); ok {
		t.Error("not in the user scope")
	}
	if target, ok := (backend{}).Detect(t.Context(), probe(scan, 0), generators.System); !ok || target.Family != generators.Debian {
		t.Error(target, ok)
	}
	m := probe(rcLive+"/scandir", 0)
	m.files[rcLive+"/compiled"] = ""
	if target, ok := (backend{}).Detect(t.Context(), m, generators.System); !ok || target.Family != generators.S6RC {
		t.Error(target, ok)
	}
}

func TestOneshotStatusRC(t *testing.T) {
	m := machine{files: map[string]string{source + "setup": "", sourceDir + "/default/contents": "other\nsetup\n"},
		runs: map[string]generators.Result{"/usr/bin/s6-rc -a list": {Stdout: "other\nsetup\n"}}}
	s, err := backend{}.Status(t.Context(), m, rcTarget, "setup")
	if err != nil || s.State != generators.Active || !s.Enabled {
		t.Errorf("%+v %v", s, err)
	}
}

func bundle(t *testing.T, doc string, target generators.Target) generators.Bundle {
	t.Helper()
	ds, diags := spec.Decode("test.yaml", []byte("version: 1\n"+doc))
	if diags.HasErrors() || len(ds) != 1 {
		t.Fatalf("%v\n%s", diags, doc)
	}
	b, diags := generators.Render(New(), ds[0], target, generators.Policy{})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, doc)
	}
	return b
}

func TestSteps(t *testing.T) {
	plainTarget := generators.Target{Backend: "s6", Version: New().Info().Default}
	words := func(steps []generators.Step) []string {
		var out []string
		for _, s := range steps {
			if s.Verb == generators.WriteFile || s.Verb == generators.RemoveFile {
				continue
			}
			argv := slices.Clone(s.Argv)
			if len(argv) > 3 && argv[1] == "-c" {
				argv = append([]string{"sh"}, argv[4:]...)
			}
			out = append(out, string(s.Verb)+" "+s.Job+": "+strings.Join(argv, " "))
		}
		return out
	}
	check := func(name string, got, want []string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
	b := bundle(t, "name: web\ncommand: [/usr/bin/web]\nstop: {timeout: 5s}\nstart: {timeout: 7s}\noverrides: {s6: {notification-fd: 3}}\ninstall: {enable: false}\n", plainTarget)
	check("install", words(backend{}.Steps(b, generators.Install)), []string{
		"reload : sh /etc/s6/service /etc/s6/sv/web", "disable web: /usr/bin/touch /etc/s6/sv/web/down", "start web: sh /etc/s6/service/web 7000 -wU"})
	check("upgrade", words(backend{}.Steps(b, generators.Upgrade))[2:], []string{"restart web: sh /etc/s6/service/web 105100", "restart web: sh /etc/s6/service/web 7000 -wU"})
	check("uninstall", words(backend{}.Steps(b, generators.Uninstall)), []string{
		"stop web: sh /etc/s6/service/web 105100", "reload : sh /etc/s6/service /etc/s6/sv/web", "clean web: sh /etc/s6/sv/web /run/daemonize/web"})
	b = bundle(t, "name: web\ncommand: [/usr/bin/web]\nstop: {send_sigkill: false}\n", plainTarget)
	check("for ever", words(backend{}.Steps(b, generators.Uninstall))[:1], []string{"stop web: sh /etc/s6/service/web 0"})
	b = bundle(t, "name: web\ncommand: [/usr/bin/web]\nstart: {timeout: 7s}\n", rcTarget)
	check("s6-rc", words(backend{}.Steps(b, generators.Install)), []string{"reload : sh", "enable web: sh web", "start web: /usr/bin/s6-rc -t 7000 -u change web"})
	check("s6-rc uninstall", words(backend{}.Steps(b, generators.Uninstall))[:3], []string{
		"stop web: /usr/bin/s6-rc -t 275100 -d change web", "stop web: /usr/bin/s6-rc -t 0 -d change web-log", "disable web: sh web"})
}

func TestOperateErrors(t *testing.T) {
	target := generators.Target{Backend: "s6", Version: New().Info().Default}
	if _, err := (backend{}).Operate(bundle(t, "name: web\ncommand: [/usr/bin/web]\n", target), generators.Refresh); err == nil || !strings.Contains(err.Error(), "reload.signal") {
		t.Error(err)
	}
	timed := bundle(t, "name: web\ntype: oneshot\ncommand: [/usr/bin/web]\ntimers: [{calendar: daily}]\n", target)
	if _, err := (backend{}).Operate(timed, generators.Enable); err == nil || !strings.Contains(err.Error(), "cron.d") {
		t.Error(err)
	}
	if _, err := (backend{}).Operate(timed, generators.Clean); err == nil {
		t.Error("clean is no verb of people")
	}
	steps, err := backend{}.Operate(generators.Bundle{Daemon: "x", Jobs: []generators.Job{{Name: "x"}}}, generators.Refresh)
	if err != nil || len(steps) != 1 || !slices.Equal(steps[0].Argv, []string{"/usr/bin/s6-svc", "-h", "/etc/s6/service/x"}) {
		t.Error(steps, err)
	}
}

func TestSources(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{"", "/var/log/s6/web/current"},
		{"logging: {stdout: 'append:/var/log/my \"web\".log'}\n", `/var/log/my "web".log`},
		{"logging: {stdout: 'file:/var/log/web.log', stderr: journal}\n", "/var/log/web.log /var/log/s6/web/current"},
		{"logging: {stdout: syslog, identifier: 'a \"b'}\n", `tag a "b`},
		{"logging: {stdout: journal, identifier: x}\n", "/var/log/s6/web/current"},
		{"logging: {stdout: null}\n", ""},
	} {
		for _, target := range []generators.Target{{Backend: "s6", Version: New().Info().Default}, rcTarget} {
			m := machine{files: map[string]string{}}
			for _, a := range bundle(t, "name: web\ncommand: [/usr/bin/web]\n"+strings.Replace(c.doc, "null", "'null'", 1), target).Artifacts {
				m.files[strings.Replace(a.Path, definitions, scan+"/", 1)] = string(a.Content)
				m.files[a.Path] = string(a.Content)
			}
			sources, err := backend{}.Sources(t.Context(), m, target, "web", generators.Query{})
			var got []string
			for _, s := range sources {
				if s.Tag != "" {
					got = append(got, "tag "+s.Tag)
				} else {
					got = append(got, s.Path)
				}
			}
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("%s%v: %q %v, want %q", c.doc, target.Family, got, err, c.want)
			}
		}
	}
}

func TestStagedLinks(t *testing.T) {
	b := bundle(t, "name: web\ncommand: [/usr/bin/web]\ninstall: {enable: false}\n", generators.Target{Backend: "s6", Version: New().Info().Default})
	var got []string
	for _, a := range (backend{}).StagedLinks(b) {
		got = append(got, a.Path+" "+string(a.Content))
	}
	if want := []string{"/etc/s6/service/web /etc/s6/sv/web", "/etc/s6/sv/web/down "}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
