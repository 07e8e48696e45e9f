package supervisord

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

var target = generators.Target{Backend: "supervisord", Version: 4*generators.Major + 2}

func decode(t testing.TB, doc string) *spec.Daemon {
	t.Helper()
	ds, diags := spec.Decode("test.yaml", []byte("version: 1\nname: web\n"+doc))
	if diags.HasErrors() || len(ds) != 1 {
		t.Fatalf("%v\n%s", diags, doc)
	}
	return ds[0]
}

func render(t testing.TB, doc string) (generators.Bundle, diag.List) {
	t.Helper()
	return generators.Render(New(), decode(t, doc), target, generators.Policy{})
}

// TestMeaning reads settings back with the real parser.
func TestMeaning(t *testing.T) {
	signal := map[string]int{"TERM": 15, "INT": 2, "WINCH": 28}
	cases := []struct {
		doc  string
		want func(p program) bool
	}{
		{"restart: no", func(p program) bool { return p.Autorestart == false && p.Startsecs == 0 }},
		{"restart: on-failure", func(p program) bool {
			return p.Autorestart == "RestartWhenExitUnexpected" && slices.Equal(p.Exitcodes, []int{0}) && p.Startsecs == 1 && p.Startretries == 4
		}},
		{"restart: always", func(p program) bool { return p.Autorestart == "RestartUnconditionally" }},
		{"restart: unless-stopped", func(p program) bool { return p.Autorestart == "RestartUnconditionally" }},
		{"restart: on-success", func(p program) bool {
			return p.Autorestart == "RestartWhenExitUnexpected" && !slices.Contains(p.Exitcodes, 0) && len(p.Exitcodes) == 255
		}},
		{"restart: on-abnormal", func(p program) bool {
			return p.Autorestart == "RestartWhenExitUnexpected" && len(p.Exitcodes) == 256
		}},
		{"restart: {policy: on-failure, success_exit: [3], prevent_exit: [78], force_exit: [0]}", func(p program) bool { return slices.Equal(p.Exitcodes, []int{3, 78}) }},
		{"restart: {policy: on-failure, force_exit: [0]}", func(p program) bool { return p.Autorestart == "RestartUnconditionally" }},
		{"restart: {policy: always, prevent_exit: [78]}", func(p program) bool {
			return p.Autorestart == "RestartWhenExitUnexpected" && slices.Equal(p.Exitcodes, []int{78})
		}},
		{"restart: {force_exit: [75]}", func(p program) bool {
			return p.Autorestart == "RestartWhenExitUnexpected" && len(p.Exitcodes) == 255 && p.Startsecs == 0
		}},
		{"restart: {policy: always, max_attempts: infinity}", func(p program) bool { return p.Startretries == forever }},
		{"restart: {policy: always, max_attempts: 1}", func(p program) bool { return p.Startretries == 0 }},
		{"type: oneshot", func(p program) bool { return p.Autorestart == false && p.Startsecs == 0 }},
		{"stop: {signal: SIGINT, timeout: 1500ms}", func(p program) bool { return p.Stopsignal == signal["INT"] && p.Stopwaitsecs == 2 }},
		{"stop: {signal: SIGWINCH, timeout: infinity}", func(p program) bool { return p.Stopsignal == signal["WINCH"] && p.Stopwaitsecs == forever }},
		{"stop: {send_sigkill: false}", func(p program) bool { return p.Stopwaitsecs == forever }},
		{"stop: {kill_mode: control-group}", func(p program) bool { return p.Stopasgroup && p.Killasgroup }},
		{"stop: {kill_mode: mixed}", func(p program) bool { return !p.Stopasgroup && p.Killasgroup }},
		{"stop: {kill_mode: process}", func(p program) bool { return !p.Stopasgroup && !p.Killasgroup }},
		{"umask: '0077'", func(p program) bool { return p.Umask != nil && *p.Umask == 0o077 }},
		{"working_dir: '/srv/50% a'", func(p program) bool { return p.Directory == "/srv/50% a" }},
		{"install: {enable: false}", func(p program) bool { return !p.Autostart }},
		{"timers: [{cron: '0 3 * * *'}]", func(p program) bool { return !p.Autostart && p.Startsecs == 0 }},
		{"logging: {stdout: 'append:/var/log/web.log', rotate: {size: 10M, keep: 7}}", func(p program) bool {
			return p.Stdout == "/var/log/web.log" && p.Maxbytes == 10<<20 && p.Backups == 7 && p.RedirectStderr
		}},
		{"logging: {stdout: 'append:/var/log/web.log', stderr: 'append:/var/log/web.err'}", func(p program) bool {
			return p.Stdout == "/var/log/web.log" && p.Stderr == "/var/log/web.err" && p.Maxbytes == 0 && !p.RedirectStderr
		}},
		{"logging: {stdout: 'null'}", func(p program) bool { return p.Stdout == "None" && p.RedirectStderr }},
		{"logging: {stdout: syslog}", func(p program) bool { return p.StdoutSyslog && p.Stdout == "None" }},
		{"logging: {stdout: inherit}", func(p program) bool { return p.Stdout == "/dev/stdout" && p.Maxbytes == 0 }},
		// T51: a directory that may not exist would keep all of supervisord from starting.
		{"logging: {stdout: 'append:/nonexistent/web.log'}", func(p program) bool { return p.Argv[0] == "/usr/lib/daemonize/web/run" }},
		{"logging: {stdout: 'append:/var/log/50%.log'}", func(p program) bool { return p.Argv[0] == "/usr/lib/daemonize/web/run" }},
		{"user: nobody\nenvironment: {HOME: /x}", func(p program) bool {
			return p.UID != nil && *p.UID == 65534 && p.Env["USER"] == "nobody" && p.Env["LOGNAME"] == "nobody" && p.Env["HOME"] == "/x" && p.Argv[0] == "/usr/bin/web"
		}},
		{"user: no-such-user", func(p program) bool { return p.UID == nil && p.Argv[0] == "/usr/lib/daemonize/web/run" }},
		{"limits: {nofile: 1024}", func(p program) bool {
			return slices.Equal(p.Argv, []string{"/usr/bin/prlimit", "--nofile=1024:1024", "/usr/bin/web"})
		}},
		{"overrides: {supervisord: {program: {priority: 5, stopsignal: null, startsecs: 9}}}", func(p program) bool { return p.Startsecs == 9 && p.Stopsignal == 15 }},
	}
	var bundles []generators.Bundle
	for _, c := range cases {
		b, diags := render(t, "command: [/usr/bin/web]\n"+c.doc)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		bundles = append(bundles, b)
	}
	for i, programs := range readReal(t, bundles) {
		if len(programs) != 1 || !cases[i].want(programs[0]) {
			t.Errorf("%s: %+v\n%s", cases[i].doc, programs, text(bundles[i]))
		}
	}
}

// TestGroups: instances are programs of one group.
func TestGroups(t *testing.T) {
	b, diags := render(t, "command: [/usr/bin/web, '${instance}']\ninstances: [a, b.c]\nhealthcheck: {test: [/bin/true]}\nreload: {signal: SIGHUP}")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var names []string
	for _, p := range readReal(t, []generators.Bundle{b})[0] {
		names = append(names, p.Group+":"+p.Name)
	}
	slices.Sort(names)
	if want := []string{"web-a-health:web-a-health", "web-b.c-health:web-b.c-health", "web:web-a", "web:web-b.c"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	var jobs []string
	for _, j := range b.Jobs {
		jobs = append(jobs, j.Name)
	}
	if want := []string{"web:web-a", "web-a-health", "web:web-b.c", "web-b.c-health"}; !slices.Equal(jobs, want) {
		t.Errorf("%q", jobs)
	}
}

// TestValues are values that supervisord cannot honour.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		doc, path string
		code      diag.Code
	}{
		{"type: notify", "type", diag.Approximate},
		{"type: dbus\nbus_name: org.example.Web", "type", diag.Approximate},
		{"type: forking", "type", diag.ValueRefused},
		{"stop: {signal: SIGRTMIN+3}", "stop.signal", diag.Loss},
		{"stop: {kill_mode: none}", "stop.kill_mode", diag.Loss},
		{"reload: {signal: SIGRTMIN+1}", "reload.signal", diag.Loss},
		{"restart: on-watchdog", "restart.policy", diag.Loss},
		{"restart: on-success", "restart.policy", diag.Approximate},
		{"restart: on-abort", "restart.policy", diag.Approximate},
		{"logging: {stdout: 'file:/var/log/web.log'}", "logging.stdout", diag.Approximate},
		{"logging: {stdout: 'append:/srv/*.log', rotate: {size: 1M}}", "logging.rotate.size", diag.ValueRefused},
		{"timers: [{every: 90s}]", "timers[0].every", diag.Loss},
		{"timers: [{cron: '0 3 * * *'}]\ninstall: {enable: false}", "install.enable", diag.Loss},
		{"overrides: {supervisord: {program: {\"a=b\": x}}}", "overrides.supervisord.program.a=b", diag.ValueRefused},
		{"overrides: {supervisord: {program: {a: \"x\\ncommand=/bin/evil\"}}}", "overrides.supervisord.program.a", diag.ValueRefused},
		{"overrides: {supervisord: {program: x}}", "overrides.supervisord.program", diag.ValueRefused},
		{"sandboxing: {secure_bits: [keep-caps]}", "sandboxing.secure_bits[0]", diag.ValueRefused},
	} {
		_, diags := render(t, "command: [/usr/bin/web]\n"+c.doc)
		if !slices.ContainsFunc(diags, func(g diag.Diagnostic) bool { return g.Path == c.path && g.Code == c.code }) {
			t.Errorf("%s: no %s at %s: %v", c.doc, c.code, c.path, diags)
		}
	}
	d := decode(t, "command: [/usr/bin/web]")
	user := target
	user.Scope = generators.User
	if _, diags := generators.Render(New(), d, user, generators.Policy{}); !diags.HasErrors() {
		t.Error("renders for a user")
	}
}

func TestPaths(t *testing.T) {
	for family, want := range map[generators.Family]string{generators.Debian: "/etc/supervisor/conf.d/web.conf", generators.RedHat: "/etc/supervisord.d/web.ini"} {
		u := target
		u.Family = family
		b, _ := generators.Render(New(), decode(t, "command: [/usr/bin/web]"), u, generators.Policy{})
		if len(b.Artifacts) != 1 || b.Artifacts[0].Path != want {
			t.Errorf("%+v", b.Artifacts)
		}
	}
}

func TestSteps(t *testing.T) {
	list := func(doc string, op generators.Op) []string {
		b, diags := render(t, doc)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		var out []string
		for _, s := range New().(generators.Controller).Steps(b, op) {
			switch {
			case s.Verb == generators.MakeUser:
				out = append(out, "account "+strings.Join(s.Argv[4:], " "))
			case s.Path != "":
				out = append(out, string(s.Verb)+" "+s.Path)
			default:
				if !s.Live {
					t.Errorf("%v needs the manager", s)
				}
				out = append(out, string(s.Verb)+" "+strings.TrimPrefix(strings.Join(s.Argv, " "), "/usr/bin/"))
			}
		}
		return out
	}
	const conf = "/etc/supervisor/conf.d/web.conf"
	for _, c := range []struct {
		doc  string
		op   generators.Op
		want []string
	}{
		{"command: [/usr/bin/web]", generators.Install, []string{"write " + conf, "reload supervisorctl update web", "start supervisorctl start web", "verify supervisorctl status web"}},
		{"command: [/usr/bin/web]", generators.Upgrade, []string{"write " + conf, "reload supervisorctl update web", "restart supervisorctl restart web", "verify supervisorctl status web"}},
		{"command: [/usr/bin/web]\ninstall: {start: false}", generators.Install, []string{"write " + conf, "reload supervisorctl update web", "stop supervisorctl stop web"}},
		{"command: [/usr/bin/web]\ninstall: {start: false, enable: false}", generators.Install, []string{"write " + conf, "reload supervisorctl update web"}},
		{"command: [/usr/bin/web]", generators.Uninstall, []string{"stop supervisorctl stop web", "remove " + conf, "reload supervisorctl update web"}},
		{"command: [/usr/bin/web]\ninstances: [a, b]", generators.Uninstall, []string{"stop supervisorctl stop web:web-b", "stop supervisorctl stop web:web-a", "remove " + conf, "reload supervisorctl update web"}},
		{"command: [/usr/bin/web]\nuser: web\ncreate_user: true\nsupplementary_groups: [mail]\nenvironment: {HOME: /x}", generators.Install, []string{"account web web /nonexistent mail",
			"write " + conf, "write /usr/lib/daemonize/web/run", "reload supervisorctl update web", "start supervisorctl start web", "verify supervisorctl status web"}},
		{"command: [/usr/bin/web]\ntimers: [{cron: '0 3 * * *'}]", generators.Install, []string{"write /etc/cron.d/web", "write " + conf, "reload supervisorctl update web"}},
	} {
		if got := list(c.doc, c.op); !slices.Equal(got, c.want) {
			t.Errorf("%s\n got %q\nwant %q", c.doc, got, c.want)
		}
	}
}

// fake answers with what supervisorctl 4.2.5 printed.
type fake struct {
	out   string
	code  int
	err   error
	files map[string]string
	paths []string
}

func (f fake) ReadFile(path string) ([]byte, error) {
	if s, ok := f.files[path]; ok {
		return []byte(s), nil
	}
	return nil, fs.ErrNotExist
}
func (f fake) Exists(path string) bool { return slices.Contains(f.paths, path) }
func (f fake) Run(context.Context, []string) (generators.Result, error) {
	return generators.Result{Code: f.code, Stdout: f.out}, f.err
}

func TestStatus(t *testing.T) {
	b, _ := render(t, "command: [/usr/bin/web]\nhealthcheck: {test: [/bin/true]}")
	off, _ := render(t, "command: [/usr/bin/web]\ninstall: {enable: false}")
	files := map[string]string{}
	for _, a := range b.Artifacts {
		files[a.Path] = string(a.Content)
	}
	for _, c := range []struct {
		job, out string
		code     int
		want     generators.Status
	}{
		{"web", "web                              RUNNING   pid 4711, uptime 1 day, 0:00:05\n", 0, generators.Status{State: generators.Active, Detail: "RUNNING", PID: 4711, Enabled: true}},
		{"web", "web                              STARTING  \n", 0, generators.Status{State: generators.Starting, Detail: "STARTING", Enabled: true}},
		{"web", "web                              BACKOFF   Exited too quickly (process log may have details)\n", 0, generators.Status{State: generators.Starting, Detail: "BACKOFF", Reason: "Exited too quickly (process log may have details)", Enabled: true}},
		{"web", "web                              STOPPING  \n", 0, generators.Status{State: generators.Stopping, Detail: "STOPPING", Enabled: true}},
		{"web", "web                              STOPPED   Nov 22 03:00 AM\n", 3, generators.Status{State: generators.Inactive, Detail: "STOPPED", Enabled: true}},
		{"web", "web                              EXITED    Nov 22 03:00 AM\n", 3, generators.Status{State: generators.Inactive, Detail: "EXITED", Enabled: true}},
		{"web", "web                              FATAL     can't find command '/usr/bin/web'\n", 3, generators.Status{State: generators.Failed, Detail: "FATAL", Reason: "can't find command '/usr/bin/web'", Enabled: true}},
		{"web", "web: ERROR (no such process)\n", 4, generators.Status{State: generators.Inactive, Detail: "no such process", Enabled: true}},
		{"web-health", "web-health                       RUNNING   pid 4712, uptime 0:00:05\n", 0, generators.Status{State: generators.Active, Detail: "RUNNING", PID: 4712, Enabled: true}},
		{"web:web-a", "web:web-a                        UNKNOWN   \n", 0, generators.Status{State: generators.Unknown, Detail: "UNKNOWN"}},
		{"a-long-name-of-a-daemon-here-31", "a-long-name-of-a-daemon-here-31:x   STOPPED   Not started\n", 3, generators.Status{State: generators.Inactive, Detail: "STOPPED"}},
	} {
		c.want.Job = c.job
		got, err := New().(generators.Controller).Status(t.Context(), fake{out: c.out, code: c.code, files: files}, target, c.job)
		if err != nil || got != c.want {
			t.Errorf("%q\n got %+v %v\nwant %+v", c.out, got, err, c.want)
		}
	}
	_, err := New().(generators.Controller).Status(t.Context(), fake{out: "unix:///var/run/supervisor.sock no such file\n", code: 4}, target, "web")
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
	if _, err := New().(generators.Controller).Status(t.Context(), fake{err: errors.New("no program")}, target, "web"); err == nil {
		t.Error("no error")
	}
	if autostart(string(off.Artifacts[0].Content), "web") {
		t.Error("a disabled program counts as enabled")
	}
}

func TestDetect(t *testing.T) {
	c := New().(generators.Controller)
	for _, test := range []struct {
		host   fake
		scope  generators.Scope
		ok     bool
		family generators.Family
	}{
		{fake{out: "4.2.5\n", paths: []string{"/run/supervisor.sock", "/etc/supervisor/conf.d"}}, generators.System, true, generators.Debian},
		{fake{out: "4.2.5\n", paths: []string{"/run/supervisor/supervisor.sock", "/etc/supervisord.d"}}, generators.System, true, generators.RedHat},
		{fake{out: "4.2.5\n", paths: []string{"/run/supervisor.sock"}}, generators.User, false, generators.Debian},
		{fake{out: "4.2.5\n"}, generators.System, false, generators.Debian},
		{fake{out: "unix:///run/supervisor.sock refused connection\n", code: 4, paths: []string{"/run/supervisor.sock"}}, generators.System, false, generators.Debian},
	} {
		got, ok := c.Detect(t.Context(), test.host, test.scope)
		if ok != test.ok || ok && (got.Version != 4*generators.Major+2 || got.Family != test.family) {
			t.Errorf("%+v: %+v %t", test.host, got, ok)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	d := decode(b, "command: [/usr/bin/web, --listen, ':8080']\nuser: web\nrestart: on-failure\nenvironment: {LANG: C.UTF-8, A: \"it's\"}\nlimits: {nofile: 65536}\ndirectories: {state: web}\nsandboxing: {no_new_privileges: true}\nlogging: {stdout: 'append:/var/log/web.log'}")
	b.ReportAllocs()
	for b.Loop() {
		New().Generate(d, target)
	}
}
