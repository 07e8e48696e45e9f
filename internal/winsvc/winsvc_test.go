package winsvc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

func TestConformance(t *testing.T) {
	gentest.Suite{
		Generator: backend{"C:", &[]Wanted{}},
		Structure: func(b generators.Bundle) ([]string, error) {
			var out []string
			for _, a := range b.Artifacts {
				var w Wanted
				if err := json.Unmarshal(a.Content, &w); err != nil {
					return nil, err
				}
				out = append(out, a.Path)
			}
			return out, nil
		},
		ReadBack: func(t *testing.T, bundles []generators.Bundle) []gentest.Process {
			t.Helper()
			var all []gentest.Process
			for _, b := range bundles {
				var w Wanted
				if err := json.Unmarshal(b.Artifacts[0].Content, &w); err != nil {
					t.Fatal(err)
				}
				p := gentest.Process{Argv: split(w.CommandLine), Env: map[string]string{}}
				p.Argv[0] = strings.ReplaceAll(strings.TrimPrefix(p.Argv[0], "C:"), `\`, "/")
				for _, v := range w.Environment {
					k, value, _ := strings.Cut(v, "=")
					p.Env[k] = value
				}
				all = append(all, p)
			}
			return all
		},
	}.Run(t)
}

// split takes a command line apart as CommandLineToArgvW does, after its
// documentation: a model, as nothing here can run the real one.
func split(line string) []string {
	var argv []string
	// The program: up to the next quote if it begins with one, without escapes.
	if rest, ok := strings.CutPrefix(line, `"`); ok {
		program, after, _ := strings.Cut(rest, `"`)
		argv, line = append(argv, program), after
	} else {
		i := strings.IndexAny(line, " \t")
		argv, line = append(argv, line[:i]), line[i:]
	}
	var arg strings.Builder
	quoted, inside := false, false
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == '\\':
			n := len(line[i:]) - len(strings.TrimLeft(line[i:], `\`))
			i += n
			inside = true
			if i == len(line) || line[i] != '"' {
				arg.WriteString(strings.Repeat(`\`, n))
				continue
			}
			arg.WriteString(strings.Repeat(`\`, n/2))
			if n%2 == 1 {
				arg.WriteByte('"')
				i++
			}
			continue
		case c == '"':
			quoted, inside = !quoted, true
		case (c == ' ' || c == '\t') && !quoted:
			if inside {
				argv = append(argv, arg.String())
			}
			arg.Reset()
			inside = false
		default:
			arg.WriteByte(c)
			inside = true
		}
		i++
	}
	if inside {
		argv = append(argv, arg.String())
	}
	return argv
}

// The examples of "Parsing C++ command-line arguments" (Microsoft C++ docs) keep
// the model of the parser honest.
func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		`x "abc" d e`:                   {"x", "abc", "d", "e"},
		`x a\\b d"e f"g h`:              {"x", `a\\b`, "de fg", "h"},
		`x a\\\"b c d`:                  {"x", `a\"b`, "c", "d"},
		`x a\\\\"b c" d e`:              {"x", `a\\b c`, "d", "e"},
		`"C:\Program Files\x.exe" "" \`: {`C:\Program Files\x.exe`, "", `\`},
	} {
		if got := split(line); !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", line, got, want)
		}
	}
}

func FuzzCommandLine(f *testing.F) {
	for _, s := range gentest.Hostile() {
		f.Add(s, `\`+s+`\`)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		argv := []string{`C:\Program Files\x\`, a, b}
		if got := split(commandLine(argv)); !slices.Equal(got, argv) {
			t.Errorf("got %q, want %q", got, argv)
		}
	})
}

func TestProgramPath(t *testing.T) {
	for path, want := range map[string]string{
		"/c/Program Files/Web/web.exe": `C:\Program Files\Web\web.exe`,
		"/D/web.exe":                   `D:\web.exe`,
		"/opt/web/bin/web":             `E:\opt\web\bin\web`,
		"/c":                           `E:\c`,
		"/opt/a:b":                     "", // a stream of the file a
		"/opt/a\\b":                    "",
		`/opt/"x`:                      "",
		"/opt/a./b":                    "",
		"/opt/web ":                    "",
		"/opt/nul":                     "",
		"/opt/Com1.exe":                "",
		"/opt/com10.exe":               `E:\opt\com10.exe`,
	} {
		got, why := programPath(path, "E:")
		if got != want || (why == "") != (want != "") {
			t.Errorf("%s: %q %s", path, got, why)
		}
	}
}

func services(t *testing.T, doc string) ([]Wanted, diag.List) {
	t.Helper()
	daemons, diags := spec.Decode("test.yaml", []byte("version: 1\nname: web\n"+doc))
	if diags.HasErrors() || len(daemons) != 1 {
		t.Fatalf("%v", diags)
	}
	return Services(daemons[0], "C:", generators.Policy{})
}

const minimal = "command: [/c/web/web.exe]\n"

func TestServices(t *testing.T) {
	type check func(w *Wanted) any
	recovery := func(w *Wanted) any { return fmt.Sprint(w.Restarts, w.Forever, w.Stopped, w.Reset) }
	for doc, tt := range map[string]struct {
		get  check
		want any
	}{
		"":                     {recovery, "[] false false 0s"},
		"restart: no":          {recovery, "[] false false 0s"},
		"restart: on-failure":  {recovery, "[100ms 100ms 100ms 100ms] false true 10s"},
		"restart: on-abnormal": {recovery, "[100ms 100ms 100ms 100ms] false false 10s"},
		"restart: always":      {recovery, "[100ms 100ms 100ms 100ms] false true 10s"},
		"restart: {policy: always, delay: 5s, max_attempts: 1}":                                                 {recovery, "[] false false 0s"},
		"restart: {policy: on-failure, delay: 5s, max_attempts: infinity}":                                      {recovery, "[5s] true true 10s"},
		"restart: {policy: on-failure, delay: 1s, max_delay: 8s, steps: 3, max_attempts: infinity, window: 1h}": {recovery, "[1s 2s 4s 8s] true true 1h0m0s"},
		"restart: {policy: on-failure, delay: 1s, max_delay: 8s, steps: 3, max_attempts: 3, window: infinity}":  {recovery, "[1s 2s] false true 1193046h28m15s"},
		"user: root":                {func(w *Wanted) any { return w.Account }, "LocalSystem"},
		"user: web":                 {func(w *Wanted) any { return w.Account }, `NT SERVICE\web`},
		"user: web\ninstances: [a]": {func(w *Wanted) any { return w.Account }, `NT SERVICE\web-a`},
		"user: NetworkService":      {func(w *Wanted) any { return w.Account }, `NT AUTHORITY\NetworkService`},
		"overrides: {windows: {account: 'D\\w$', display_name: 'The Web', delayed_start: true}}": {func(w *Wanted) any { return w.Account + w.DisplayName + fmt.Sprint(w.Delayed) }, `D\w$The Webtrue`},
		"depends_on: {requires: [Tcpip, other.service], binds_to: [Tcpip]}":                      {func(w *Wanted) any { return fmt.Sprint(w.Dependencies) }, "[Tcpip other]"},
		"install: {enable: false, start: false}":                                                 {func(w *Wanted) any { return fmt.Sprint(w.Boot, w.Start) }, "false false"},
		"start: {timeout: infinity}\nstop: {timeout: 1500ms}":                                    {func(w *Wanted) any { return fmt.Sprint(w.StartIn, w.StopIn) }, "24h0m0s 2s"},
	} {
		got, diags := services(t, minimal+doc)
		if len(got) != 1 || diags.HasErrors() {
			t.Errorf("%s: %v", doc, diags)
			continue
		}
		if v := tt.get(&got[0]); v != tt.want {
			t.Errorf("%s: %v, want %v", doc, v, tt.want)
		}
	}
}

// What Windows cannot carry is refused; what protects is not lost in silence.
func TestRefused(t *testing.T) {
	for doc, want := range map[string]diag.Code{
		"command: [/c/web.exe, '%PATH%']":                                  diag.ValueRefused,
		"command: [/c/web.exe, '100%', '5%']":                              diag.ValueRefused,
		"command: [/c/nul]":                                                diag.ValueRefused,
		"command: [/c/web.exe, " + strings.Repeat("x", 32767) + "]":        diag.ValueRefused,
		"command: [/c/web.exe, '${state_dir}']\ndirectories: {state: web}": diag.ValueRefused,
		"shell: exec web":                                                  diag.ValueRefused,
		minimal + "environment: {Path: a, PATH: b}":                        diag.ValueRefused,
		minimal + "user: joe":                                              diag.ValueRefused,
		minimal + "overrides: {windows: {account: joe}}":                   diag.ValueRefused,
		minimal + "overrides: {windows: {password: x}}":                    diag.ValueRefused,
		minimal + "user: web\ngroup: web":                                  diag.SecurityLoss,
		minimal + "sandboxing: {protect_system: strict}":                   diag.SecurityLoss,
		minimal + "sandboxing: {profile: strict}":                          diag.SecurityLoss,
		minimal + "credentials: {key: /c/key}":                             diag.SecurityLoss,
		minimal + "umask: '0077'":                                          diag.SecurityLoss,
	} {
		got, diags := services(t, doc)
		if got != nil || !slices.ContainsFunc(diags, func(g diag.Diagnostic) bool { return g.Code == want && g.Severity == diag.Error }) {
			t.Errorf("%.80s: %v", doc, diags)
		}
	}
	for doc, want := range map[string]diag.Code{
		minimal + "working_dir: /c/web":                             diag.Loss,
		minimal + "type: forking\npid_file: /c/pid":                 diag.Loss,
		minimal + "depends_on: {requires: [network.target]}":        diag.Loss,
		minimal + "restart: always":                                 diag.Approximate,
		minimal + "restart: {policy: on-failure, max_attempts: 99}": diag.Approximate,
	} {
		got, diags := services(t, doc)
		if len(got) != 1 || !slices.ContainsFunc(diags, func(g diag.Diagnostic) bool { return g.Code == want }) {
			t.Errorf("%.80s: %v", doc, diags)
		}
	}
}

func TestReset(t *testing.T) {
	if s := uint64(never / time.Second); s != 0xffffffff {
		t.Errorf("%x", s)
	}
}

func ExampleServices() {
	daemons, _ := spec.Decode("web.daemon.yaml", []byte(`
version: 1
name: web
command: [/c/Program Files/Web/web.exe, --greeting, say "hi"]
user: web
restart: {policy: on-failure, delay: 5s}
`))
	services, _ := Services(daemons[0], "C:", generators.Policy{})
	for _, s := range services {
		fmt.Println(s.Name, s.CommandLine, s.Account, s.Restarts)
	}
	// Output:
	// web "C:\Program Files\Web\web.exe" --greeting "say \"hi\"" NT SERVICE\web [5s 5s 5s 5s]
}
