package launchd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"howett.net/plist"
)

// host is a machine that answers what it was told to.
type host struct {
	files   map[string]string
	answers map[string]generators.Result
}

func (h host) ReadFile(path string) ([]byte, error) {
	if s, ok := h.files[path]; ok {
		return []byte(s), nil
	}
	return nil, fs.ErrNotExist
}

func (h host) Exists(path string) bool { _, ok := h.files[path]; return ok }

func (h host) Run(_ context.Context, argv []string) (generators.Result, error) {
	if r, ok := h.answers[strings.Join(argv, " ")]; ok {
		return r, nil
	}
	return generators.Result{}, errors.New("no such program: " + strings.Join(argv, " "))
}

func controller() generators.Controller { return New().(generators.Controller) }

func TestDetect(t *testing.T) {
	mac := map[string]string{"/System/Library/LaunchDaemons": ""}
	versions := func(s string, code int) map[string]generators.Result {
		return map[string]generators.Result{"/usr/bin/sw_vers -productVersion": {Stdout: s, Code: code}}
	}
	for _, tt := range []struct {
		name string
		h    host
		want generators.Version
	}{
		{"ventura", host{mac, versions("13.6.1\n", 0)}, 13*generators.Major + 6},
		{"yosemite", host{mac, versions("10.10.5\n", 0)}, 10*generators.Major + 10},
		{"tahoe", host{mac, versions("26.0\n", 0)}, 26 * generators.Major},
		{"linux", host{nil, versions("13.6.1\n", 0)}, 0},
		{"no version", host{mac, versions("", 1)}, 0},
		{"no sw_vers", host{mac, nil}, 0},
	} {
		target, ok := controller().Detect(t.Context(), tt.h, generators.User)
		if ok != (tt.want != 0) || ok && (target.Version != tt.want || target.Backend != "launchd" || target.Scope != generators.User) {
			t.Errorf("%s: %v %t", tt.name, target, ok)
		}
	}
}

// show writes steps as lines.
func show(steps []generators.Step) string {
	var b strings.Builder
	for _, s := range steps {
		argv := strings.ReplaceAll(strings.Join(s.Argv, " "), "/bin/sh -c "+waitScript+" sh", "WAIT")
		argv = strings.ReplaceAll(argv, "/bin/sh -c "+agentLoadScript+" sh /bin/launchctl", "LOADAGENT")
		argv = strings.ReplaceAll(argv, "/bin/sh -c "+loadScript+" sh /bin/launchctl", "LOAD")
		b.WriteString(string(s.Verb) + ": " + argv)
		if s.Optional {
			b.WriteString(" ?")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestSteps(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		op        generators.Op
		want      string
	}{
		// out, gone, in, running; enabled before it is bootstrapped.
		{"service", "stop: {timeout: 30s}", generators.Install, `
enable: /bin/launchctl enable system/L.web
start: /bin/launchctl bootout system/L.web ?
start: WAIT /bin/launchctl system/L.web 35
start: /bin/launchctl enable system/L.web
start: LOAD system /Library/LaunchDaemons/L.web.plist
start: /bin/launchctl kickstart system/L.web
verify: /bin/launchctl print system/L.web
`},
		{"timer", "timers: [{every: 1h}]", generators.Install, `
enable: /bin/launchctl enable system/L.web
start: /bin/launchctl bootout system/L.web ?
start: WAIT /bin/launchctl system/L.web 95
start: /bin/launchctl enable system/L.web
start: LOAD system /Library/LaunchDaemons/L.web.plist
verify: /bin/launchctl print system/L.web
`},
		// not enabled is the override database, not a key.
		{"not enabled", "restart: always\ninstall: {enable: false}\nstop: {timeout: infinity}", generators.Install, `
reload: /bin/launchctl disable system/L.web
start: /bin/launchctl bootout system/L.web ?
start: WAIT /bin/launchctl system/L.web 95
start: /bin/launchctl enable system/L.web
start: LOAD system /Library/LaunchDaemons/L.web.plist
start: /bin/launchctl kickstart system/L.web
start: /bin/launchctl disable system/L.web
verify: /bin/launchctl print system/L.web
`},
		{"not started", "install: {start: false}", generators.Install, "\nenable: /bin/launchctl enable system/L.web\n"},
		{"neither", "install: {start: false, enable: false}", generators.Install, "\nreload: /bin/launchctl disable system/L.web\n"},
		{"upgrade", "", generators.Upgrade, `
restart: /bin/launchctl bootout system/L.web ?
restart: WAIT /bin/launchctl system/L.web 95
restart: /bin/launchctl enable system/L.web
restart: LOAD system /Library/LaunchDaemons/L.web.plist
restart: /bin/launchctl kickstart system/L.web
verify: /bin/launchctl print system/L.web
`},
		// what enable and disable wrote outlives the plist.
		{"uninstall", "directories: {state: web}", generators.Uninstall, `
stop: /bin/launchctl bootout system/L.web ?
stop: WAIT /bin/launchctl system/L.web 95
disable: /bin/launchctl disable system/L.web ?
clean: /bin/launchctl enable system/L.web ?
stop: /bin/launchctl bootout system/io.github.daemonize-setup.web ?
stop: WAIT /bin/launchctl system/io.github.daemonize-setup.web 25
disable: /bin/launchctl disable system/io.github.daemonize-setup.web ?
clean: /bin/launchctl enable system/io.github.daemonize-setup.web ?
`},
	} {
		b, _ := render(t, tt.doc+"\noverrides: {launchd: {Label: L.web}}")
		if got := "\n" + show(controller().Steps(b, tt.op)); got != tt.want {
			t.Errorf("%s: got%s", tt.name, got)
		}
	}
	// The setup runs before anything that needs it, and by itself.
	b, _ := render(t, "directories: {state: web}")
	if first := controller().Steps(b, generators.Install)[0]; first.Verb != generators.MakeUser || !slices.Equal(first.Argv, []string{"/usr/local/libexec/daemonize/web/setup"}) {
		t.Errorf("first step %v", first)
	}
	// agents are in the domain of the user's session.
	target := generators.Target{Backend: "launchd", Version: 13 * generators.Major, Scope: generators.User, Home: "/Users/jo"}
	b, _ = New().Generate(decode(t, ""), target)
	b.Target = target
	if steps := show(controller().Steps(b, generators.Install)); !strings.Contains(steps, "LOADAGENT /Users/jo/Library/LaunchAgents/io.github.daemonize.web.plist\n") || strings.Contains(steps, "system") {
		t.Errorf("user: %s", steps)
	}
	// all steps need launchd, none can run with --root.
	for _, s := range controller().Steps(b, generators.Install) {
		if !s.Live || len(s.Argv) == 0 {
			t.Errorf("%v", s)
		}
	}
}

// The script ends when the job is gone, or gives up; its values are data.
func TestWaitScript(t *testing.T) {
	dir := t.TempDir()
	count := filepath.Join(dir, "it's $count")
	fake := filepath.Join(dir, "a 'fake' launchctl")
	// Knows the job three times.
	body := "#!/bin/sh\n[ \"$*\" = \"print system/$(id) x\" ] && exit 0\necho x >>\"" + strings.ReplaceAll(count, "$", `\$`) + "\"\n[ \"$(wc -l <\"" + strings.ReplaceAll(count, "$", `\$`) + "\")\" -lt 3 ]\n"
	if err := os.WriteFile(fake, []byte(body), 0o700); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, sh []string) {
		text := strings.ReplaceAll(waitScript, "sleep 1", ":")
		os.Remove(count)
		wait := func(most string) error {
			return exec.Command(sh[0], append(slices.Clone(sh[1:]), "-c", text, "sh", fake, "system/$(exit 9)'; exit 9", most)...).Run()
		}
		if err := wait("30"); err != nil {
			t.Errorf("gone after three questions: %v", err)
		}
		if got, _ := os.ReadFile(count); len(got) != 6 {
			t.Errorf("asked %d times", len(got)/2)
		}
		os.Remove(count)
		if err := wait("2"); err == nil {
			t.Error("never gives up")
		}
	})
}

// The script tries again what is said to be in progress, and only that.
func TestLoadScript(t *testing.T) {
	dir := t.TempDir()
	count, fake := filepath.Join(dir, "count"), filepath.Join(dir, "launchctl")
	each(t, func(t *testing.T, sh []string) {
		text := strings.ReplaceAll(loadScript, "sleep 1", ":")
		for _, tt := range []struct {
			codes string // of one call after the other, the last for all further ones
			code  int
			calls int
		}{{"0", 0, 1}, {"5 37 0", 0, 3}, {"5", 5, 5}, {"37", 37, 5}, {"5 125", 125, 2}, {"3", 3, 1}} {
			body := "#!/bin/sh\n[ \"$*\" = \"bootstrap gui/501 /a b's.plist\" ] || exit 99\necho x >>'" + count + "'\nn=$(wc -l <'" + count + "')\nset -- " + tt.codes +
				"\nwhile [ $n -gt 1 ] && [ $# -gt 1 ]; do shift; n=$((n - 1)); done\nexit $1\n"
			if err := os.WriteFile(fake, []byte(body), 0o700); err != nil {
				t.Fatal(err)
			}
			os.Remove(count)
			cmd := exec.Command(sh[0], append(slices.Clone(sh[1:]), "-c", text, "sh", fake, "gui/501", "/a b's.plist")...)
			out, _ := cmd.CombinedOutput()
			calls, _ := os.ReadFile(count)
			if code := cmd.ProcessState.ExitCode(); code != tt.code || len(calls)/2 != tt.calls || (code == 5) != strings.Contains(string(out), "plutil") {
				t.Errorf("%s: code %d after %d calls: %s", tt.codes, code, len(calls)/2, out)
			}
		}
	})
}

// Agents are operated in the domain of the screen if there is one, else in that
// of the user (over SSH), and unloaded from both.
func TestAgents(t *testing.T) {
	dir := t.TempDir()
	calls, fake := filepath.Join(dir, "calls"), filepath.Join(dir, "launchctl")
	body := "#!/bin/sh\necho \"$*\" >>'" + calls + "'\n" + `case "$1 $2" in
"print gui/"*/*) [ -n "$SCREEN" ] && [ -n "$LOADED" ] ;;
"print gui/"*) [ -n "$SCREEN" ] ;;
"print "*) false ;;
*) true ;;
esac
`
	if err := os.WriteFile(fake, []byte(body), 0o700); err != nil {
		t.Fatal(err)
	}
	uid := strconv.Itoa(os.Getuid())
	each(t, func(t *testing.T, sh []string) {
		for _, tt := range []struct {
			name, script string
			args         []string
			screen       string
			want         string
		}{
			{"screen", agentScript, []string{"enable", "L"}, "1", "print gui/UID, enable gui/UID/L"},
			{"ssh", agentScript, []string{"enable", "L"}, "", "print gui/UID, enable user/UID/L"},
			{"load on screen", agentLoadScript, []string{"/a b/L.plist"}, "1", "print gui/UID, bootstrap gui/UID /a b/L.plist"},
			{"load over ssh", agentLoadScript, []string{"/a b/L.plist"}, "", "print gui/UID, bootstrap user/UID /a b/L.plist"},
			{"unload", outScript, []string{"L"}, "1", "print gui/UID, bootout gui/UID/L, bootout user/UID/L"},
			{"gone", agentWaitScript, []string{"L", "3"}, "1", "print gui/UID, print gui/UID/L, print user/UID/L"},
		} {
			os.Remove(calls)
			cmd := exec.Command(sh[0], append(slices.Clone(sh[1:]), append([]string{"-c", tt.script, "sh", fake}, tt.args...)...)...)
			cmd.Env = append(os.Environ(), "SCREEN="+tt.screen)
			out, err := cmd.CombinedOutput()
			made, _ := os.ReadFile(calls)
			got := strings.ReplaceAll(strings.Join(strings.Split(strings.TrimSpace(string(made)), "\n"), ", "), uid, "UID")
			if err != nil || got != tt.want {
				t.Errorf("%s: %v %s\n got %s\nwant %s", tt.name, err, out, got, tt.want)
			}
		}
		// An agent that does not go is waited for, and then given up.
		cmd := exec.Command(sh[0], append(slices.Clone(sh[1:]), "-c", strings.ReplaceAll(agentWaitScript, "sleep 1", ":"), "sh", fake, "L", "3")...)
		cmd.Env = append(os.Environ(), "SCREEN=1", "LOADED=1")
		if err := cmd.Run(); err == nil {
			t.Error("never gives up")
		}
	})
	// Where an agent was loaded is found again.
	user := generators.Target{Backend: "launchd", Version: 13 * generators.Major, Scope: generators.User, Home: "/Users/jo"}
	running := generators.Result{Stdout: "x = {\n\tstate = running\n\tpid = 7\n}\n"}
	for name, tt := range map[string]struct {
		answers map[string]generators.Result
		want    int
	}{
		"screen":        {map[string]generators.Result{"print gui/501": {}, "print gui/501/L": running, "print-disabled gui/501": {}}, 7},
		"ssh":           {map[string]generators.Result{"print gui/501": {Code: 112}, "print user/501/L": running, "print-disabled user/501": {}}, 7},
		"ssh, then gui": {map[string]generators.Result{"print gui/501": {}, "print gui/501/L": {Code: 113}, "print user/501/L": running, "print-disabled gui/501": {}}, 7},
		"not loaded":    {map[string]generators.Result{"print gui/501": {}, "print gui/501/L": {Code: 113}, "print user/501/L": {Code: 113}, "print-disabled gui/501": {}}, 0},
	} {
		answers := map[string]generators.Result{"/usr/bin/id -u": {Stdout: "501\n"}}
		for argv, r := range tt.answers {
			answers[launchctl+" "+argv] = r
		}
		s, err := New().(generators.Controller).Status(t.Context(), host{nil, answers}, user, "L")
		if err != nil || s.PID != tt.want {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
}

// What the verbs do, and what launchd has nothing for.
func TestOperate(t *testing.T) {
	b, _ := render(t, "overrides: {launchd: {Label: L.web}}")
	ctl := New().(generators.Operator)
	for verb, want := range map[generators.Verb]string{
		generators.Start: `
start: /bin/launchctl bootout system/L.web ?
start: WAIT /bin/launchctl system/L.web 95
start: /bin/launchctl enable system/L.web
start: LOAD system /Library/LaunchDaemons/L.web.plist
start: /bin/launchctl kickstart system/L.web
`,
		generators.Stop: `
stop: /bin/launchctl bootout system/L.web ?
stop: WAIT /bin/launchctl system/L.web 95
`,
		generators.Enable:  "\nenable: /bin/launchctl enable system/L.web\n",
		generators.Disable: "\ndisable: /bin/launchctl disable system/L.web\n",
	} {
		steps, err := ctl.Operate(b, verb)
		if got := "\n" + show(steps); err != nil || got != want {
			t.Errorf("%s: %v%s", verb, err, got)
		}
	}
	if _, err := ctl.Operate(b, generators.Refresh); err == nil || !strings.Contains(err.Error(), "launchctl kill SIGNAL system/L.web") {
		t.Errorf("reload: %v", err)
	}
	alien := generators.Bundle{Daemon: "com.example.x", Target: b.Target, Jobs: []generators.Job{{Name: "com.example.x"}}}
	if _, err := ctl.Operate(alien, generators.Start); err == nil {
		t.Error("starts a job without a property list")
	}
}

func TestInspect(t *testing.T) {
	const label = "com.example.x"
	plistFile := "/Library/LaunchDaemons/" + label + ".plist"
	content := "<plist version=\"1.0\"><dict><key>Label</key><string>" + label + "</string><key>StandardOutPath</key><string>/var/log/x.log</string><key>StandardErrorPath</key><string>/var/log/x.err</string></dict></plist>"
	answers := map[string]generators.Result{
		"/bin/launchctl print system/" + label: {Stdout: "system/x = {\n\tstate = running\n\tpid = 7\n\truns = 3\n\tlast exit code = 3\n}\n"},
		"/bin/launchctl print-disabled system": {},
	}
	ctl := New().(generators.Operator)
	h := host{map[string]string{plistFile: content}, answers}
	s, err := ctl.Inspect(t.Context(), h, system, label)
	// Up, although it once ended badly.
	if err != nil || s.State != generators.Active || s.PID != 7 || s.Restarts != 2 || s.Exit != generators.Exited(3) || s.Missing {
		t.Errorf("%+v %v", s, err)
	}
	sources, err := ctl.Sources(t.Context(), h, system, label, generators.Query{})
	if err != nil || len(sources) != 2 || sources[0].Path != "/var/log/x.log" || sources[1].Path != "/var/log/x.err" {
		t.Errorf("%+v %v", sources, err)
	}
	answers["/bin/launchctl print system/"+label] = generators.Result{Code: 113}
	if s, err := ctl.Inspect(t.Context(), host{nil, answers}, system, label); err != nil || !s.Missing {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := ctl.Inspect(t.Context(), h, system, label); err != nil || s.Missing || s.State != generators.Inactive {
		t.Errorf("%+v %v", s, err)
	}
}

func TestStatus(t *testing.T) {
	const label = "io.github.daemonize.web"
	printed := func(lines ...string) string {
		return "system/" + label + " = {\n\tactive count = 1\n\tpath = /Library/LaunchDaemons/" + label + ".plist\n\ttype = LaunchDaemon\n" +
			strings.Join(lines, "\n") + "\n\tsockets = {\n\t\tstate = active\n\t\tpid = 1\n\t\tlast exit code = 3\n\t}\n}\n"
	}
	service := dict{"Label": label, "RunAtLoad": true}
	timer := dict{"Label": label, "StartInterval": int64(60), "RunAtLoad": false}
	for _, tt := range []struct {
		name string
		keys dict
		out  generators.Result
		want generators.Status
	}{
		{"running", service, generators.Result{Stdout: printed("\tstate = running", "\tpid = 4242", "\truns = 3", "\tlast exit code = 1")},
			generators.Status{State: generators.Active, Detail: "running", PID: 4242, Restarts: 2, Enabled: true}},
		{"running for the first time", service, generators.Result{Stdout: printed("\tstate = running", "\tpid = 7", "\truns = 1", "\tlast exit code = (never exited)")},
			generators.Status{State: generators.Active, Detail: "running", PID: 7, Enabled: true}},
		{"not yet spawned", service, generators.Result{Stdout: printed("\tstate = not running", "\truns = 0", "\tlast exit code = (never exited)")},
			generators.Status{State: generators.Starting, Detail: "not running", Enabled: true}},
		{"throttled", service, generators.Result{Stdout: printed("\tstate = spawn scheduled", "\truns = 9", "\tlast exit code = 1")},
			generators.Status{State: generators.Starting, Detail: "spawn scheduled", Restarts: 8, Enabled: true}},
		{"ended well", service, generators.Result{Stdout: printed("\tstate = not running", "\truns = 1", "\tlast exit code = 0")},
			generators.Status{State: generators.Inactive, Detail: "not running", Enabled: true}},
		{"failed", service, generators.Result{Stdout: printed("\tstate = not running", "\truns = 1", "\tlast exit code = 7")},
			generators.Status{State: generators.Failed, Detail: "not running", Reason: "exit code 7", Enabled: true}},
		{"EX_CONFIG", service, generators.Result{Stdout: printed("\tstate = not running", "\truns = 1", "\tlast exit code = 78: EX_CONFIG")},
			generators.Status{State: generators.Failed, Detail: "not running", Enabled: true,
				Reason: "exit code 78: launchd could not set the job up; the program, a directory or a log file is missing or not accessible to the job's user"}},
		{"killed", service, generators.Result{Stdout: printed("\tstate = not running", "\truns = 1", "\tlast terminating signal = Killed: 9")},
			generators.Status{State: generators.Failed, Detail: "not running", Reason: "ended by signal Killed: 9", Enabled: true}},
		{"waiting for its time", timer, generators.Result{Stdout: printed("\tstate = not running", "\truns = 5", "\tlast exit code = 0")},
			generators.Status{State: generators.Active, Detail: "not running", Enabled: true}},
		{"new timer", timer, generators.Result{Stdout: printed("\tstate = not running", "\truns = 0", "\tlast exit code = (never exited)")},
			generators.Status{State: generators.Active, Detail: "not running", Enabled: true}},
		{"setup is done", dict{"Label": setupPrefix + "web", "RunAtLoad": true}, generators.Result{Stdout: printed("\tstate = not running", "\truns = 1", "\tlast exit code = 0")},
			generators.Status{State: generators.Active, Detail: "not running", Enabled: true}},
		{"not loaded", service, generators.Result{Code: 113, Stderr: "Could not find service"},
			generators.Status{State: generators.Inactive, Detail: "not loaded", Enabled: true}},
		{"nonsense", service, generators.Result{Stdout: "hello\n\tworld\n"}, generators.Status{State: generators.Unknown, Enabled: true}},
	} {
		content, err := plist.Marshal(map[string]any(tt.keys), plist.XMLFormat)
		if err != nil {
			t.Fatal(err)
		}
		h := host{map[string]string{"/Library/LaunchDaemons/" + label + ".plist": string(content)}, map[string]generators.Result{
			"/bin/launchctl print system/" + label: tt.out,
			"/bin/launchctl print-disabled system": {Stdout: "\tdisabled services = {\n\t\t\"com.example.x\" => disabled\n\t}\n"},
		}}
		tt.want.Job = label
		got, err := controller().Status(t.Context(), h, system, label)
		if err != nil || got != tt.want {
			t.Errorf("%s: %v\n got %+v\nwant %+v", tt.name, err, got, tt.want)
		}
	}
	// Enabled says what the database says, in either of its forms.
	for out, want := range map[string]bool{
		"\t\"" + label + "\" => disabled\n": false, "\t\"" + label + "\" => true\n": false, "\t\"" + label + "\" => enabled\n": true,
		"\t\"" + label + "\" => false\n": true, "\t\"" + label + ".x\" => disabled\n": true, "": true,
	} {
		h := host{map[string]string{"/Library/LaunchDaemons/" + label + ".plist": ""}, map[string]generators.Result{
			"/bin/launchctl print system/" + label: {Code: 113}, "/bin/launchctl print-disabled system": {Stdout: out},
		}}
		if got, err := controller().Status(t.Context(), h, system, label); err != nil || got.Enabled != want {
			t.Errorf("%q: enabled %t, %v", out, got.Enabled, err)
		}
	}
	// A manager that does not answer is an error, not a state.
	for name, h := range map[string]host{
		"no launchctl": {},
		"strange code": {nil, map[string]generators.Result{"/bin/launchctl print system/" + label: {Code: 5, Stderr: "Input/output error"}}},
		"no database":  {nil, map[string]generators.Result{"/bin/launchctl print system/" + label: {Code: 113}, "/bin/launchctl print-disabled system": {Code: 1}}},
	} {
		if _, err := controller().Status(t.Context(), h, system, label); err == nil || !strings.HasPrefix(err.Error(), "cannot ask launchd") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
