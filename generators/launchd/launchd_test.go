package launchd

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/schedule"
	"howett.net/plist"
)

var system = generators.Target{Backend: "launchd", Version: 13 * generators.Major}

func decode(t testing.TB, more string) *spec.Daemon {
	t.Helper()
	doc := "version: 1\nname: web\n" + more
	if !strings.Contains("\n"+more, "\ncommand:") && !strings.Contains("\n"+more, "\nshell:") {
		doc += "\ncommand: [/usr/bin/web, --listen, ':8080']\n"
	}
	daemons, diags := spec.Decode("web.yaml", []byte(doc))
	if diags.HasErrors() || len(daemons) != 1 {
		t.Fatalf("cannot decode: %v\n%s", diags, doc)
	}
	return daemons[0]
}

// render renders a spec and checks all plists against the schema.
func render(t testing.TB, more string) (generators.Bundle, diag.List) {
	t.Helper()
	b, diags := New().Generate(decode(t, more), system)
	if diags.HasErrors() {
		t.Fatalf("refused: %v", diags)
	}
	for _, a := range b.Artifacts {
		if strings.HasSuffix(a.Path, ".plist") {
			for _, p := range check(a.Path, a.Content) {
				t.Errorf("%s\n%s", p, a.Content)
			}
		}
	}
	return b, diags
}

// job returns the keys of a job's plist.
func job(t testing.TB, b generators.Bundle, label string) map[string]any {
	t.Helper()
	p := plan{bundle: b}
	a, keys := p.plist(label)
	if a == nil {
		t.Fatalf("no plist of %s", label)
	}
	return keys
}

func keysOf(t testing.TB, more string) map[string]any {
	t.Helper()
	b, _ := render(t, more)
	return job(t, b, "io.github.daemonize.web")
}

func script(t testing.TB, b generators.Bundle, name string) string {
	t.Helper()
	for _, a := range b.Artifacts {
		if strings.HasSuffix(a.Path, "/"+name) {
			if a.Mode != 0o755 {
				t.Errorf("%s has mode %o", a.Path, a.Mode)
			}
			return string(a.Content)
		}
	}
	t.Fatalf("no script %s", name)
	return ""
}

type m = map[string]any

// What specs become: the keys given must have these values, nil means absent.
func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		want      m
	}{
		{"plain", "", m{"KeepAlive": nil, "RunAtLoad": true, "ExitTimeOut": uint64(90), "Umask": nil, "UserName": nil, "Disabled": nil,
			"StandardOutPath": "/var/log/web.log", "StandardErrorPath": "/var/log/web.log"}},
		// KeepAlive.
		{"restart no", "restart: no", m{"KeepAlive": nil}},
		{"restart always", "restart: always", m{"KeepAlive": true, "RunAtLoad": true}},
		{"restart unless-stopped", "restart: unless-stopped", m{"KeepAlive": true}},
		{"restart on-failure", "restart: on-failure", m{"KeepAlive": m{"SuccessfulExit": false}}},
		{"restart on-success", "restart: on-success", m{"KeepAlive": m{"SuccessfulExit": true}}},
		{"restart on-abnormal", "restart: on-abnormal", m{"KeepAlive": m{"Crashed": true}}},
		{"restart on-watchdog", "restart: on-watchdog", m{"KeepAlive": nil}},
		// KeepAlive starts the job whatever RunAtLoad says: it must not be loaded.
		{"not enabled", "restart: always\ninstall: {enable: false}", m{"KeepAlive": true, "RunAtLoad": false, "Disabled": true}},
		// delay and timeouts.
		{"delay", "restart: {policy: always, delay: 2500ms}", m{"ThrottleInterval": uint64(3), "TimeOut": nil}},
		{"stop timeout", "stop: {timeout: 30s}", m{"ExitTimeOut": uint64(30), "TimeOut": nil}},
		{"stop for ever", "stop: {timeout: infinity}", m{"ExitTimeOut": uint64(0)}},
		{"stop without kill", "stop: {timeout: 30s, send_sigkill: false}", m{"ExitTimeOut": uint64(0)}},
		{"kill_mode process", "stop: {kill_mode: process}", m{"AbandonProcessGroup": true}},
		// the mask is decimal.
		{"umask", "umask: '0027'", m{"Umask": uint64(0o27)}},
		{"account", "user: web\ngroup: www", m{"UserName": "web", "GroupName": "www", "InitGroups": true}},
		{"limits", "limits: {nofile: {soft: 1024, hard: infinity}, core: 0}", m{
			"SoftResourceLimits": m{"NumberOfFiles": uint64(1024), "Core": uint64(0)},
			"HardResourceLimits": m{"NumberOfFiles": uint64(1<<63 - 1), "Core": uint64(0)}}},
		{"nice", "scheduling: {nice: -5, io_class: idle}", m{"Nice": int64(-5), "LowPriorityIO": true}},
		{"root", "sandboxing: {root_directory: /srv/jail}", m{"RootDirectory": "/srv/jail"}},
		{"shell", "shell: 'exec web --n \"$(nproc)\"'", m{"ProgramArguments": []any{"/bin/sh", "-c", `exec web --n "$(nproc)"`}}},
		{"streams", "stdin: file:/in\nlogging: {stdout: 'append:/var/log/o', stderr: 'null'}", m{"StandardInPath": "/in", "StandardOutPath": "/var/log/o", "StandardErrorPath": nil}},
		{"no output", "logging: {stdout: 'null'}", m{"StandardOutPath": nil, "StandardErrorPath": nil}},
		// what is left of the group must survive the parent.
		{"forking", "type: forking", m{"AbandonProcessGroup": true, "KeepAlive": nil}},
		// and never KeepAlive beside a timer.
		{"every", "timers: [{every: 15m}]\nrestart: on-failure", m{"StartInterval": uint64(900), "KeepAlive": nil, "RunAtLoad": false}},
		{"every minute", "timers: [{cron: '* * * * *'}]", m{"StartInterval": uint64(60), "StartCalendarInterval": nil}},
		{"daily", "timers: [{cron: '30 4 * * *'}]", m{"StartCalendarInterval": []any{m{"Hour": uint64(4), "Minute": uint64(30)}}, "StartInterval": nil}},
		{"sunday", "timers: [{cron: '0 0 * * 7'}]", m{"StartCalendarInterval": []any{m{"Hour": uint64(0), "Minute": uint64(0), "Weekday": uint64(0)}}}},
		{"from the end", "timers: [{every: 5s, anchor: finish}]", m{"KeepAlive": true, "StartInterval": nil, "ThrottleInterval": uint64(5)}},
		{"on boot", "timers: [{on_boot: 2m}]", m{"RunAtLoad": true, "KeepAlive": nil}},
		{"watch", "paths: [{modified: /a}, {directory_not_empty: /q}, {changed: /b}]", m{"WatchPaths": []any{"/a", "/b"}, "QueueDirectories": []any{"/q"}, "RunAtLoad": false}},
		{"sockets", "sockets: [{name: http, listen: ['tcp://127.0.0.1:80', 'tcp://[::]:80', 'udp://:53']}, {name: ctl, listen: 'unix:///var/run/ctl', mode: '0660'}]", m{
			"RunAtLoad": false, "inetdCompatibility": nil,
			"Sockets": m{
				"http": []any{
					m{"SockNodeName": "127.0.0.1", "SockServiceName": "80", "SockType": "stream", "SockProtocol": "TCP", "SockFamily": "IPv4"},
					m{"SockServiceName": "80", "SockType": "stream", "SockProtocol": "TCP", "SockFamily": "IPv4v6"},
					m{"SockServiceName": "53", "SockType": "dgram", "SockProtocol": "UDP", "SockFamily": "IPv4v6"}},
				"ctl": m{"SockPathName": "/var/run/ctl", "SockPathMode": uint64(0o660), "SockType": "stream", "SockFamily": "Unix"}}}},
		{"accept", "sockets: [{listen: 'tcp://:7', accept: true, max_connections: 9}]", m{"inetdCompatibility": m{"Wait": false, "Instances": uint64(9)}, "StandardOutPath": nil, "StandardErrorPath": "/var/log/web.log"}},
		{"references", "environment: {D: '${state_dir}/${name}', E: '$$HOME $X'}\ndirectories: {state: data}", m{"EnvironmentVariables": m{"D": "/var/db/data/web", "E": "$HOME $X"}}},
		// The escape hatch, typed as in YAML, written last.
		{"overrides", "overrides: {launchd: {ProcessType: Background, Nice: 3, LowPriorityIO: true, RunAtLoad: null, LimitLoadToSessionType: '10', KeepAlive: {Crashed: true}}}", m{
			"ProcessType": "Background", "Nice": uint64(3), "LowPriorityIO": true, "RunAtLoad": nil, "LimitLoadToSessionType": "10", "KeepAlive": m{"Crashed": true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys := keysOf(t, tt.doc)
			for k, want := range tt.want {
				if got := keys[k]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s\n got %#v\nwant %#v", k, got, want)
				}
			}
		})
	}
}

// the file has the name of the label, which is unique for each instance.
func TestLabels(t *testing.T) {
	for _, tt := range []struct {
		doc  string
		want []string
	}{
		{"", []string{"io.github.daemonize.web"}},
		{"overrides: {launchd: {Label: org.example.web}}", []string{"org.example.web"}},
		{"instances: [a, b.c]", []string{"io.github.daemonize.web.a", "io.github.daemonize.web.b.c"}},
		{"instances: [a, b]\noverrides: {launchd: {Label: org.example.web}}", []string{"org.example.web.a", "org.example.web.b"}},
		{"instances: [a, b]\noverrides: {launchd: {Label: '${instance}.web.org'}}", []string{"a.web.org", "b.web.org"}},
		{"directories: {state: web}", []string{"io.github.daemonize-setup.web", "io.github.daemonize.web"}},
	} {
		b, _ := render(t, tt.doc)
		var jobs, files []string
		for _, j := range b.Jobs {
			jobs = append(jobs, j.Name)
			files = append(files, "/Library/LaunchDaemons/"+j.Name+".plist")
		}
		if !slices.Equal(jobs, tt.want) {
			t.Errorf("%q: jobs %q, want %q", tt.doc, jobs, tt.want)
		}
		for _, f := range files {
			if !slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == f && a.Mode == 0o644 }) {
				t.Errorf("%q: no %s", tt.doc, f)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ doc, path string }{
		{"type: forking\nrestart: always", "type"},
		{"user: '1000'", "user"},
		{"overrides: {launchd: {Label: ../../etc/x}}", "overrides.launchd.Label"},
		{"overrides: {launchd: {Nice: 0x1f}}", "overrides.launchd.Nice"},
		{"sockets: [{listen: 'fifo:///var/run/f'}]", "sockets[0].listen[0]"},
		{"sockets: [{listen: 'unix://@abstract'}]", "sockets[0].listen[0]"},
		{"sockets: [{name: a, listen: 'tcp://:1'}, {name: b, listen: 'tcp://:2', accept: true}]", "sockets[1].accept"},
		{"timers: [{calendar: '*-*-* 00:00:30'}]", "timers[0].calendar"},
		{"timers: [{every: 1h}, {cron: '*/7 */2 1-20 1-6 *'}]", "timers[1].cron"}, // 9*12*20*6 dictionaries
		{"timers: [{cron: '0 0 29 2 *'}, {every: 1h}]", "timers[0].calendar"},
		{"conditions: {path_exists: [/x]}\nsandboxing: {root_directory: /srv/jail}", "sandboxing.root_directory"},
		{"conditions: {path_exists_glob: ['/x/{a,b}']}", "conditions.path_exists_glob[0]"},
		{"env_file: /etc/web.env\nenvironment: {SHLVL: '7'}", "environment.SHLVL"},
		{"unset_environment: [PWD]", "unset_environment[0]"},
	} {
		_, diags := New().Generate(decode(t, tt.doc), system)
		if !slices.ContainsFunc(diags, func(g diag.Diagnostic) bool {
			return g.Code == diag.ValueRefused && g.Severity == diag.Error && g.Path == tt.path && !g.Span.Start.IsZero()
		}) {
			t.Errorf("%q: %s is not refused: %v", tt.doc, tt.path, diags)
		}
	}
}

// Losses that depend on values.
func TestLosses(t *testing.T) {
	for _, tt := range []struct {
		doc, path string
		code      diag.Code
	}{
		{"restart: always", "restart.max_attempts", diag.Loss}, // crash loops never end
		{"restart: on-abort", "restart.policy", diag.Approximate},
		{"restart: on-failure\ntimers: [{every: 1h}]", "restart.policy", diag.Loss},
		{"restart: always\nconditions: {path_exists: [/x]}", "restart.policy", diag.Approximate},
		{"type: forking", "type", diag.Approximate},
		{"type: notify", "type", diag.Approximate},
		{"timers: [{name: a, every: 1h}, {name: b, every: 2h}]", "timers[1].every", diag.Loss},
		{"timers: [{every: 1500ms}]", "timers[0].every", diag.Approximate},
		{"timers: [{name: a, calendar: daily, jitter: 5m}, {name: b, calendar: weekly}]", "timers[0].jitter", diag.Approximate},
		{"logging: {stdout: syslog}", "logging.stdout", diag.Approximate},
		{"logging: {stdout: journal}", "logging.stdout", diag.Approximate},
		{"directories: {runtime: web}", "directories.runtime.preserve", diag.Approximate},
		{"stop: {kill_mode: none}", "stop.kill_mode", diag.Approximate},
	} {
		_, diags := render(t, tt.doc)
		if !slices.ContainsFunc(diags, func(g diag.Diagnostic) bool { return g.Code == tt.code && g.Path == tt.path }) {
			t.Errorf("%q: no %s at %s: %v", tt.doc, tt.code, tt.path, diags)
		}
	}
	for _, doc := range []string{"", "restart: no", "directories: {runtime: {name: web, preserve: yes}}", "type: oneshot", "logging: {stdout: 'append:/var/log/x'}"} {
		if _, diags := render(t, doc); len(diags) > 0 {
			t.Errorf("%q: %v", doc, diags)
		}
	}
}

// the 13th or a Friday takes two dictionaries, Friday the 13th a guard;
// what is written is what package schedule says.
func TestCalendar(t *testing.T) {
	for _, tt := range []struct {
		timer string
		guard bool
	}{
		{"cron: '0 0 13 * 5'", false}, {"calendar: 'Fri *-*-13 00:00'", true}, {"cron: '*/5 8-18 * * 1-5'", false},
		{"cron: '0 0 31 * *'", false}, {"cron: '0 12 29 2 *'", true}, {"cron: '0 9 * 1 1'", true},
		{"calendar: daily, timezone: Asia/Tokyo", true}, {"calendar: '*-*~01 12:00'", true},
	} {
		d := decode(t, "timers: [{"+tt.timer+"}]")
		intervals, guard, err := schedule.LaunchdIntervals(d.Timers[0].Schedule)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := render(t, "timers: [{"+tt.timer+"}]")
		var want []any
		for _, i := range intervals {
			entry := m{}
			for k, v := range map[string]int{"Month": i.Month, "Day": i.Day, "Weekday": i.Weekday, "Hour": i.Hour, "Minute": i.Minute} {
				if v >= 0 {
					entry[k] = uint64(v)
				}
			}
			want = append(want, entry)
		}
		keys := job(t, b, "io.github.daemonize.web")
		if got := keys["StartCalendarInterval"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %v\nwant %v", tt.timer, got, want)
		}
		if guard.Empty() == tt.guard {
			t.Errorf("%s: guard %q", tt.timer, guard.Shell())
		}
		if tt.guard && !strings.Contains(script(t, b, "web/run"), guard.Shell()) {
			t.Errorf("%s: the wrapper has no guard", tt.timer)
		}
		if !tt.guard && slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return strings.HasSuffix(a.Path, "/run") }) {
			t.Errorf("%s: a wrapper without need", tt.timer)
		}
	}
}

// what XML cannot hold is refused wherever a text can stand, not changed.
// Specs from YAML have no control characters; specs built in Go may.
func TestUnrepresentable(t *testing.T) {
	for _, bad := range []string{"\x01", "\x0b", "\x1b[0m", "\x00z", "\xff", "a\xc3", "\ufffe", "\uffff", "\xed\xa0\x80"} {
		for path, d := range map[string]*spec.Daemon{
			"command[1]":    {Name: "web", Command: spec.Command{"/bin/x", bad}},
			"shell":         {Name: "web", Shell: bad},
			"description":   {Name: "web", Description: bad, Command: spec.Command{"/bin/x"}},
			"working_dir":   {Name: "web", WorkingDir: "/" + bad, Command: spec.Command{"/bin/x"}},
			"environment.A": {Name: "web", Environment: spec.Environment{{Name: "A", Value: bad}}, Command: spec.Command{"/bin/x"}},
		} {
			_, diags := New().Generate(d, system)
			if !slices.ContainsFunc(diags, func(g diag.Diagnostic) bool { return g.Code == diag.ValueRefused && g.Path == path }) {
				t.Errorf("%s %q: %v", path, bad, diags)
			}
		}
	}
	for _, good := range []string{"\t\n\r", "\r\n", "é☃𝄞", "\u0085", "\ufffd", "\ue000", "\U0010ffff", "\u2028"} {
		if !representable(good) {
			t.Errorf("%q is refused", good)
		}
	}
}

// Beyond what the suite does: carriage returns and C1 characters, which only
// specs built in Go can have.
func TestRoundTripInGo(t *testing.T) {
	values := append(gentest.Hostile(), "a\rb", "a\r\nb", "\r", "\u0085", "\u2028", "\ufffd", "\U0010ffff", " \t ", "&#13;", "&#x1;", "<![CDATA[x]]>", "--", "-->", "%00")
	d := &spec.Daemon{Name: "web", Command: append(spec.Command{"/bin/x"}, values...)}
	b, diags := New().Generate(d, system)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for name, read := range map[string]func(*testing.T, [][]byte) parsed{"howett": howett, "plistlib": python, "libplist": libplist} {
		t.Run(name, func(t *testing.T) {
			if got := texts(read(t, plists(b))[0]["ProgramArguments"]); !slices.Equal(got, d.Command) {
				for i := range min(len(got), len(d.Command)) {
					if got[i] != d.Command[i] {
						t.Errorf("argument %d: got %q, want %q", i, got[i], d.Command[i])
					}
				}
				t.Errorf("%d arguments, want %d", len(got), len(d.Command))
			}
		})
	}
	t.Logf("%d values", len(values))
}

func FuzzPlist(f *testing.F) {
	for _, s := range gentest.Hostile() {
		f.Add(s, s)
	}
	f.Add("a\rb\x01", "\xff\ufffe")
	f.Fuzz(func(t *testing.T, s, comment string) {
		if strings.ContainsRune(s+comment, 0) {
			t.Skip("a NUL is a reference mark")
		}
		d := &spec.Daemon{Name: "web", Description: comment, Command: spec.Command{"/bin/x", s}, Environment: spec.Environment{{Name: "A", Value: s}}}
		b, diags := New().Generate(d, system)
		if diags.HasErrors() {
			if representable(s) && representable(comment) {
				t.Fatalf("refused %q %q: %v", s, comment, diags)
			}
			return
		}
		var keys map[string]any
		if _, err := plist.Unmarshal(b.Artifacts[0].Content, &keys); err != nil {
			t.Fatalf("%v\n%s", err, b.Artifacts[0].Content)
		}
		if got := texts(keys["ProgramArguments"]); len(got) != 2 || got[1] != s {
			t.Fatalf("argument\n got %q\nwant %q", got, s)
		}
		if env := keys["EnvironmentVariables"].(map[string]any); len(env) != 1 || env["A"] != s {
			t.Fatalf("environment\n got %q\nwant %q", env, s)
		}
	})
}

// The scope of a user has its own places, and no accounts.
func TestUserScope(t *testing.T) {
	target := generators.Target{Backend: "launchd", Version: 13 * generators.Major, Scope: generators.User, Home: "/Users/jo"}
	d := decode(t, "user: web\ndirectories: {state: web}\naccept_loss: {launchd: [user]}\nlimits: {nofile: 10}")
	b, diags := generators.Render(New(), d, target, generators.Policy{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var paths []string
	for _, a := range b.Artifacts {
		paths = append(paths, a.Path)
	}
	want := []string{
		"/Users/jo/Library/Application Support/daemonize/web/run",
		"/Users/jo/Library/Application Support/daemonize/web/setup",
		"/Users/jo/Library/LaunchAgents/io.github.daemonize-setup.web.plist",
		"/Users/jo/Library/LaunchAgents/io.github.daemonize.web.plist",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("paths\n got %q\nwant %q", paths, want)
	}
	keys := job(t, b, "io.github.daemonize.web")
	if keys["UserName"] != nil || keys["WorkingDirectory"] != "/Users/jo" || keys["StandardOutPath"] != "/Users/jo/Library/Logs/web.log" {
		t.Errorf("%v", keys)
	}
	if s := script(t, b, "web/setup"); strings.Contains(s, "chown") {
		t.Errorf("a user cannot give files away:\n%s", s)
	}
	if _, diags := generators.Render(New(), decode(t, "user: web"), target, generators.Policy{}); !diags.HasErrors() {
		t.Error("the user of an agent is lost without an error")
	}
}

// Nothing that confines the daemon may get lost silently.
func TestSandboxingIsAnError(t *testing.T) {
	for _, id := range field.All() {
		s := table.At(id, system)
		if id.Within("sandboxing") && id != field.SandboxingRootDirectory && s.Level != generators.Unsupported {
			t.Errorf("%s is %s", id, s.Level)
		}
	}
	_, diags := generators.Render(New(), decode(t, "sandboxing: {profile: strict}"), system, generators.Policy{})
	if !diags.HasErrors() {
		t.Error("a profile is lost without an error")
	}
}

func bench(b *testing.B, doc string) {
	d := decode(b, doc)
	g := New()
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := g.Generate(d, system); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

const kitchenSink = `
description: Example web service
documentation: [https://example.org/docs]
user: web
group: www
create_user: true
umask: '0027'
environment: {LANG: C.UTF-8, MODE: production}
env_file: [/etc/web/env, {path: /etc/web/local, required: false}]
unset_environment: [LD_PRELOAD]
credentials: {db_password: /etc/web/db.key}
restart: {policy: on-failure, delay: 5s}
stop: {timeout: 30s, kill_mode: mixed}
hooks: {pre_start: [[/usr/bin/web, --migrate], {command: [/usr/bin/web, --warm], ignore_failure: true}]}
depends_on: {network_online: true, mounts: [/Volumes/data]}
conditions: {path_exists: [/etc/web/web.yaml, '!/etc/web/off'], path_exists_glob: ['/etc/web/*.yaml'], directory_not_empty: [/srv/web], path_is_mount_point: [/srv], file_is_executable: [/usr/bin/web], path_is_directory: [/a], path_is_symbolic_link: [/b], file_not_empty: ["/it's"], path_is_read_write: [/c]}
limits: {nofile: 65536, core: 0}
scheduling: {nice: 5}
directories: {runtime: web, state: web, cache: {name: web, mode: '0500'}, logs: web, config: web}
logging: {stdout: 'append:/var/log/web.log', stderr: 'append:/var/log/web/err.log', rotate: {size: 10M, keep: 3}}
`

func BenchmarkGenerate(b *testing.B) {
	for _, bb := range []struct{ name, doc string }{
		{"plain", "restart: on-failure\nuser: web\nenvironment: {LANG: C.UTF-8}\nlimits: {nofile: 65536}"},
		{"timer", "timers: [{cron: '*/5 8-18 * * 1-5'}]"},
		{"everything", kitchenSink},
	} {
		b.Run(bb.name, func(b *testing.B) { bench(b, bb.doc) })
	}
}

func Example() {
	daemons, diags := spec.Decode("web.yaml", []byte(`
version: 1
name: web
description: Example web service
command: [/usr/local/bin/web, --greeting, "a & b"]
user: _www
umask: "0027"
restart: {policy: on-failure, max_attempts: infinity}
`))
	if diags.HasErrors() {
		fmt.Println(diags)
		return
	}
	g := New()
	bundle, losses := generators.Render(g, daemons[0], generators.Target{Backend: "launchd", Version: g.Info().Default}, generators.Policy{})
	for _, a := range bundle.Artifacts {
		fmt.Printf("%s %o\n%s", a.Path, a.Mode, a.Content)
	}
	for _, l := range losses {
		fmt.Println(l.Summary)
	}
	// Output:
	// /Library/LaunchDaemons/io.github.daemonize-setup.web.plist 644
	// <?xml version="1.0" encoding="UTF-8"?>
	// <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
	// <!--
	// 	Written by daemonize; changes will be overwritten.
	// 	Prepares io.github.daemonize.web.
	// -->
	// <plist version="1.0">
	// 	<dict>
	// 		<key>Label</key>
	// 		<string>io.github.daemonize-setup.web</string>
	// 		<key>ProgramArguments</key>
	// 		<array>
	// 			<string>/usr/local/libexec/daemonize/web/setup</string>
	// 		</array>
	// 		<key>RunAtLoad</key>
	// 		<true/>
	// 		<key>StandardErrorPath</key>
	// 		<string>/var/log/web.setup.log</string>
	// 	</dict>
	// </plist>
	// /Library/LaunchDaemons/io.github.daemonize.web.plist 644
	// <?xml version="1.0" encoding="UTF-8"?>
	// <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
	// <!--
	// 	Written by daemonize; changes will be overwritten.
	// 	Example web service
	// -->
	// <plist version="1.0">
	// 	<dict>
	// 		<key>ExitTimeOut</key>
	// 		<integer>90</integer>
	// 		<key>InitGroups</key>
	// 		<true/>
	// 		<key>KeepAlive</key>
	// 		<dict>
	// 			<key>SuccessfulExit</key>
	// 			<false/>
	// 		</dict>
	// 		<key>Label</key>
	// 		<string>io.github.daemonize.web</string>
	// 		<key>ProgramArguments</key>
	// 		<array>
	// 			<string>/usr/local/bin/web</string>
	// 			<string>--greeting</string>
	// 			<string>a &amp; b</string>
	// 		</array>
	// 		<key>RunAtLoad</key>
	// 		<true/>
	// 		<key>StandardErrorPath</key>
	// 		<string>/var/log/web.log</string>
	// 		<key>StandardOutPath</key>
	// 		<string>/var/log/web.log</string>
	// 		<key>Umask</key>
	// 		<integer>23</integer>
	// 		<key>UserName</key>
	// 		<string>_www</string>
	// 	</dict>
	// </plist>
	// /usr/local/libexec/daemonize/web/setup 755
	// #!/bin/sh
	// # Written by daemonize; changes will be overwritten.
	// # Prepares web: accounts, directories and files.
	// # shellcheck disable=SC1090,SC1091
	//
	// umask 022
	// [ -e /var/log/web.log ] || : >>/var/log/web.log || exit 1
	// /usr/sbin/chown -h _www:"$(/usr/bin/id -gn _www)" /var/log/web.log || exit 1
	// restart.max_attempts has no effect on launchd@13
}
