package spec_test

import (
	"math/rand/v2"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/spectest"
)

const head = "version: 1\nname: web\ncommand: [/usr/bin/web]\n"

// one decodes a document that must be free of errors.
func one(t testing.TB, src string) *spec.Daemon {
	t.Helper()
	daemons, diags := spec.Decode("web.yaml", []byte(src))
	if diags.HasErrors() || len(daemons) != 1 {
		t.Fatalf("%d daemons, %v\n%s", len(daemons), diags.Err(), src)
	}
	return daemons[0]
}

// values strips what Decode remembers about the document.
func values(d *spec.Daemon) spec.Daemon {
	return *d.Resolve(spec.Ref.Mark)
}

// TestUnknownKey puts a key that does not exist into every mapping.
func TestUnknownKey(t *testing.T) {
	mappings := append([]field.Mapping{{}}, field.Mappings()...)
	for _, m := range mappings {
		t.Run(m.Name, func(t *testing.T) {
			doc := "zzzzzz_zzzzzz: 1"
			if m.Repeated {
				doc = "[{" + doc + "}]"
			} else if m.Name != "" {
				doc = "{" + doc + "}"
			}
			keys := strings.Split(m.Name, ".")
			if m.Name != "" {
				for i := range keys {
					doc = keys[len(keys)-1-i] + ": " + doc
					if i < len(keys)-1 {
						doc = "{" + doc + "}"
					}
				}
			}
			src := head + doc + "\n"
			_, diags := spec.Decode("web.yaml", []byte(src))
			if len(diags) != 1 || diags[0].Code != diag.UnknownKey {
				t.Fatalf("want one D004, got %v\n%s", diags, src)
			}
			if got, want := diags[0].Span.Start, (diag.Pos{Line: 4, Column: strings.Index(doc, "zzz") + 1}); got != want {
				t.Errorf("at %v, want %v", got, want)
			}
			if diags[0].Fix == "" {
				t.Error("no fix")
			}
		})
	}
}

// TestWrongValues gives every field what it cannot take. Each must be one
// error at the field; some fields take more than others.
func TestWrongValues(t *testing.T) {
	takes := func(id field.ID, value string) bool {
		switch value {
		case "null": // the word, for streams
			return id == field.Stdin || id == field.LoggingStdout || id == field.LoggingStderr
		case "{x: {y: z}}":
			return id == field.Overrides
		}
		return false
	}
	for _, value := range []string{"null", "", "{x: {y: z}}", "[[[x]]]", "[{x: y}]", `""`, `" "`, `"a\tb\nc"`, "!!str", "[null]"} {
		for _, id := range field.All() {
			kind := id.Info().Kind
			if takes(id, value) {
				continue
			}
			text := value == `""` || value == `" "` || strings.Contains(value, `\t`)
			if text && (kind == "script" || id == field.Environment) && strings.Contains(value, `\t`) {
				continue // scripts may span lines
			}
			src := spectest.DocumentWith(id, value)
			if id == field.Version {
				src = strings.Replace(src, "version: 1", "version: "+value, 1)
			}
			_, diags := spec.Decode("web.yaml", []byte(src))
			var errs diag.List
			for _, g := range diags {
				if g.Severity == diag.Error {
					errs = append(errs, g)
				}
			}
			if len(errs) != 1 {
				t.Errorf("%s: %s: %d errors: %v", id, value, len(errs), errs)
			}
		}
	}
}

func TestSugar(t *testing.T) {
	for _, tt := range []struct{ short, long string }{
		{"restart: always", "restart: {policy: always}"},
		{"depends_on: postgresql", "depends_on: {requires: [postgresql]}"},
		{"depends_on: [a, b]", "depends_on: {requires: [a, b]}"},
		{"env_file: /etc/web/env", "env_file: [{path: /etc/web/env}]"},
		{"env_file: [/a, /b]", "env_file: [{path: /a}, {path: /b, required: true}]"},
		{"env_file: {path: /a}", "env_file: [{path: /a}]"},
		{"environment: [A=1, 'B=x=y', C=]", "environment: {A: '1', B: x=y, C: ''}"},
		{"environment: {A: 1, B: true, C: 1.50}", "environment: {A: '1', B: 'true', C: '1.50'}"},
		{"documentation: man:web(8)", "documentation: ['man:web(8)']"},
		{"reload: {command: /bin/web 'a b'}", "reload: {command: [/bin/web, a b]}"},
		{"hooks: {pre_start: [[/bin/a, b]]}", "hooks: {pre_start: [{command: [/bin/a, b]}]}"},
		{"hooks: {pre_start: ['/bin/a b', /bin/c]}", "hooks: {pre_start: [{command: [/bin/a, b]}, {command: [/bin/c]}]}"},
		{"hooks: {pre_start: /bin/a b}", "hooks: {pre_start: [{command: [/bin/a, b]}]}"},
		{"sockets: 'tcp://:8080'", "sockets: [{listen: ['tcp://:8080']}]"},
		{"sockets: ['tcp://*:8080', 'unix:///run/web.sock']", "sockets: [{listen: 'tcp://:8080'}, {listen: 'unix:///run/web.sock'}]"},
		{"sockets: {listen: 'tcp://:8080'}", "sockets: [{listen: 'tcp://:8080'}]"},
		{"type: oneshot\ntimers: {calendar: daily}", "type: oneshot\ntimers: [{calendar: daily}]"},
		{"limits: {nofile: 1024}", "limits: {nofile: {soft: 1024, hard: 1024}}"},
		{"limits: {core: infinity}", "limits: {core: {soft: infinity, hard: infinity}}"},
		{"directories: {state: web}", "directories: {state: {name: web, mode: '0755'}}"},
		{"sandboxing: {system_calls: '@system-service'}", "sandboxing: {system_calls: {filter: ['@system-service']}}"},
		{"sandboxing: {capabilities: {bounding: none}}", "sandboxing: {capabilities: {bounding: []}}"},
		{"sandboxing: {capabilities: {bounding: [net_admin]}}", "sandboxing: {capabilities: {bounding: [CAP_NET_ADMIN]}}"},
		{"sandboxing: {protect_home: true}", "sandboxing: {protect_home: 'yes'}"},
		{"sandboxing: {private_users: false}", "sandboxing: {private_users: no}"},
		{"sandboxing: {restrict_namespaces: true}", "sandboxing: {restrict_namespaces: 'yes'}"},
		{"user: root\nstop: {signal: TERM}", "user: root\nstop: {signal: 15}"},
		{"stop: {signal: int}", "stop: {signal: SIGINT}"},
		{"stop: {timeout: 90s}", "stop: {timeout: 1m30s}"},
		{"stop: {timeout: 1min 30sec}", "stop: {timeout: 90000ms}"},
		{"umask: '027'", "umask: '0027'"},
		{"umask: 0027", "umask: '0027'"},
		{"create_user: yes\nuser: web", "create_user: true\nuser: web"},
		{"install: {runlevels: [2, 3]}", "install: {runlevels: ['2', '3']}"},
		{"restart: {policy: on-failure, prevent_exit: [TERM, 3]}", "restart: {policy: on-failure, prevent_exit: [SIGTERM, '3']}"},
		{"accept_loss: {launchd: sandboxing}", "accept_loss: {launchd: [sandboxing]}"},
		{"user: &u web\ngroup: *u", "user: web\ngroup: web"},
		{"limits: {<<: {nofile: 5}, core: 0}", "limits: {nofile: 5, core: 0}"},
	} {
		short, long := one(t, head+tt.short+"\n"), one(t, head+tt.long+"\n")
		got, want := values(short), values(long)
		a, b := reflect.ValueOf(got), reflect.ValueOf(want)
		for i := range a.NumField() {
			if name := a.Type().Field(i).Name; name != "state" && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
				t.Errorf("%s: %s is %v, long form gives %v", tt.short, name, a.Field(i).Interface(), b.Field(i).Interface())
			}
		}
		for _, id := range slices.Collect(short.Fields()) {
			if places := short.Places(id); len(places) == 0 || places[0].Span.Start.IsZero() {
				t.Errorf("%s: %s has no place", tt.short, id)
			}
		}
	}
}

func TestLimitParts(t *testing.T) {
	for _, value := range []string{"{soft: 5, hard: 0}", "{soft: 5, hard: x}", "{soft: null, hard: 5}", "{soft: 5}", "{soft: 5, hard: 6, mid: 5}", "x", "-1"} {
		if _, diags := spec.Decode("web.yaml", []byte(head+"limits: {nofile: "+value+"}\n")); len(diags) != 1 {
			t.Errorf("%s: %d diagnostics: %v", value, len(diags), diags)
		}
	}
	if got := one(t, head+"limits: {nofile: {soft: 1024, hard: infinity}}\n").Limits.Nofile; got != (spec.Rlimit{Soft: 1024, Hard: spec.RlimInfinity}) {
		t.Errorf("got %v", got)
	}
}

func TestReferences(t *testing.T) {
	d := one(t, head+`
working_dir: ${state_dir}/work
environment: {A: "${name}-${instance}", B: "$$HOME $HOME $${x} $", C: "100%"}
stop: {command: "/bin/stop '${runtime_dir}/a b' $$x"}
directories: {state: web, runtime: 'web-${instance}'}
instances: [a, b]
`)
	if !d.HasRef(spec.RefInstance) || !d.HasRef(spec.RefStateDir) || d.HasRef(spec.RefLogsDir) {
		t.Error("HasRef is wrong")
	}
	r := d.Resolve(func(ref spec.Ref) string { return "<" + strings.Trim(ref.String(), "${}") + ">" })
	for _, tt := range []struct{ got, want string }{
		{r.WorkingDir, "<state_dir>/work"},
		{r.Environment[0].Value, "<name>-<instance>"},
		{r.Environment[1].Value, "$HOME $HOME ${x} $"},
		{r.Environment[2].Value, "100%"},
		{strings.Join(r.Stop.Command, "|"), "/bin/stop|<runtime_dir>/a b|$x"},
		{r.Directories.Runtime.Name, "web-<instance>"},
		{spec.Display(d.WorkingDir), "${state_dir}/work"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	script := one(t, "version: 1\nname: web\nshell: 'exec \"${HOME}/x\" $$ ${instance}'\n")
	if script.Shell != `exec "${HOME}/x" $$ ${instance}` {
		t.Errorf("the script was changed: %q", script.Shell)
	}
}

func TestDocuments(t *testing.T) {
	src := head + "---\n" + strings.Replace(head, "web", "api", 1) + "user: 1\nuser: 2\n---\nnonsense\n"
	daemons, diags := spec.Decode("all.yaml", []byte(src))
	if len(daemons) != 3 || daemons[0].Name != "web" || daemons[1].Name != "api" {
		t.Errorf("daemons: %v", daemons)
	}
	if len(diags) != 2 || diags[0].Code != diag.DuplicateKey || diags[1].Code != diag.WrongType {
		t.Errorf("diagnostics: %v", diags)
	}
}

func TestCheckScope(t *testing.T) {
	d := one(t, head+`
user: web
create_user: false
sandboxing: {capabilities: {ambient: [NET_BIND_SERVICE]}}
install: {wanted_by: [multi-user.target, default]}
depends_on: {network_online: true}
sockets: [{listen: 'unix:///run/web.sock', group: web}, 'tcp://:80']
`)
	if l := spec.CheckScope(d, false); len(l) != 0 {
		t.Errorf("system scope: %v", l)
	}
	var got []string
	for _, g := range spec.CheckScope(d, true) {
		checkDiagnostic(t, &g)
		got = append(got, string(g.Code)+" "+g.Path)
	}
	want := []string{
		"R093 user", "R093 sandboxing.capabilities.ambient[0]", "R094 install.wanted_by[0]", "R094 depends_on.network_online",
		"R093 sockets[0].group", "R054 sockets[1].listen",
	}
	want[1] = "R093 sandboxing.capabilities.ambient"
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if l := spec.CheckScope(one(t, head+"sockets: ['tcp://:8080']\n"), true); len(l) != 0 {
		t.Errorf("harmless spec: %v", l)
	}
}

// TestSplitCommandLikeShell feeds the same quoting to a real POSIX shell.
func TestSplitCommandLikeShell(t *testing.T) {
	sh, err := exec.LookPath("dash")
	if err != nil {
		t.Skip("no dash here to compare with")
	}
	lines := []string{
		``, `a`, ` a  b `, `'a b' c`, `"a b"c`, `a\ b`, `a"b"'c'\d`, `"\a\$\"\\"`, `'\a'`, `""`, `'' ""`, "a\\\nb", "\"a\\\nb\"", "'a\nb'",
		"a\nb\tc", `"it's"`, `'say "hi"'`, `\'`, `\"`, `a\\b`, `"a\b"`, `ä\ö "ü x"`,
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const alphabet = `ab '"\ ` + "\t\n" + `ä`
	for range 400 {
		var b strings.Builder
		for range rng.IntN(12) {
			runes := []rune(alphabet)
			b.WriteRune(runes[rng.IntN(len(runes))])
		}
		if _, err := spec.SplitCommand(b.String()); err == nil {
			lines = append(lines, b.String())
		}
	}
	// A newline ends a command for the shell and separates arguments here, so
	// only quoted newlines can be compared.
	var script strings.Builder
	var want []string
	for _, line := range lines {
		args, err := spec.SplitCommand(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if bareNewline(line) {
			continue
		}
		script.WriteString("printf '%s\\0' x " + line + "\nprintf '\\1'\n")
		want = append(want, strings.Join(append([]string{"x"}, args...), "\x00")+"\x00")
	}
	out, err := exec.Command(sh, "-c", script.String()).Output()
	if err != nil {
		t.Fatalf("cannot run dash: %v", err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x01"), "\x01")
	if len(got) != len(want) {
		t.Fatalf("%d results, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("dash reads %q, SplitCommand %q", got[i], want[i])
		}
	}
}

// bareNewline reports a newline outside quotes and not after a backslash.
func bareNewline(s string) bool {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote == '\'':
			if c == '\'' {
				quote = 0
			}
		case c == '\\':
			i++
		case quote == '"':
			if c == '"' {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '\n':
			return true
		}
	}
	return false
}

func FuzzDecode(f *testing.F) {
	for _, id := range field.All() {
		_, with := spectest.Document(id)
		f.Add([]byte(with))
	}
	f.Add([]byte("version: 1\nname: web\ncommand: /bin/web 'x\nenvironment: [A=${instance}]\nsockets: {listen: ''}\n"))
	f.Add([]byte("a: &a [*a, *a]\n<<: *a\n---\n- \xff\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		daemons, diags := spec.Decode("fuzz.yaml", src)
		again, diagsAgain := spec.Decode("fuzz.yaml", src)
		if !reflect.DeepEqual(diags, diagsAgain) || !reflect.DeepEqual(daemons, again) {
			t.Error("two runs differ")
		}
		if len(diags) == 0 && len(daemons) == 0 {
			t.Error("neither a daemon nor a diagnostic")
		}
		lines := strings.Split(string(src), "\n")
		inside := func(p diag.Pos) bool {
			return p.Line >= 1 && p.Line <= len(lines) && p.Column >= 1 && p.Column <= utf8.RuneCountInString(lines[p.Line-1])+1
		}
		for _, g := range diags {
			checkDiagnostic(t, &g)
			for _, s := range append([]diag.Related{{Span: g.Span}}, g.Related...) {
				if !inside(s.Span.Start) || s.Span.End != (diag.Pos{}) && !inside(s.Span.End) {
					t.Errorf("outside the file: %v in %s", s.Span, g.String())
				}
			}
		}
		for _, d := range daemons {
			for id := range d.Fields() {
				d.Places(id)
			}
			d.Resolve(func(spec.Ref) string { return "x" })
			for _, g := range spec.CheckScope(d, true) {
				checkDiagnostic(t, &g)
			}
		}
	})
}

const realistic = `version: 1
name: web
description: Serves the site
documentation: [https://example.org/docs, "man:web(8)"]
command: [/usr/bin/web, --listen, ":8080", --config, /etc/web/web.yaml]
type: notify
user: web
group: web
supplementary_groups: [ssl-cert]
working_dir: /srv/web
umask: "0027"
environment:
  LANG: C.UTF-8
  GREETING: "it's \"quoted\" $HOME"
  CACHE: ${cache_dir}
env_file: [{path: /etc/web/env, required: false}]
credentials: {db_password: /etc/web/db.key}
restart: {policy: on-failure, delay: 2s, max_attempts: 5, window: 5m}
start: {timeout: 30s}
stop: {signal: SIGTERM, timeout: 30s, kill_mode: mixed}
reload: {signal: SIGHUP}
hooks:
  pre_start: [[/usr/bin/web, --check-config]]
watchdog: 30s
depends_on: {requires: [postgresql], after: [postgresql, network.target], network_online: true}
sockets:
  - {name: http, listen: "tcp://0.0.0.0:80", backlog: 128}
timers: []
limits: {nofile: 65536, memory: 512M, pids: 256}
scheduling: {nice: 5, oom_score_adjust: -500}
directories: {runtime: web, state: web, cache: web}
logging: {stdout: journal, identifier: web}
sandboxing:
  profile: strict
  capabilities: {ambient: [NET_BIND_SERVICE]}
  system_calls: {filter: ["@system-service", "~@privileged"], error: EPERM}
  address_families: [AF_INET, AF_INET6, AF_UNIX]
  read_write_paths: [/srv/web/data]
install: {wanted_by: [multi-user], runlevels: [2, 3, 4, 5]}
accept_loss: {launchd: [sandboxing, limits.memory]}
`

func BenchmarkDecode(b *testing.B) {
	src := []byte(realistic)
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if daemons, diags := spec.Decode("web.yaml", src); len(daemons) != 1 || len(diags) != 0 {
			b.Fatal(diags)
		}
	}
}

// FuzzSplitCommand proves that what is quoted for a shell is read back, and
// that splitting loses nothing but quoting and blanks.
func FuzzSplitCommand(f *testing.F) {
	f.Add(`/bin/a 'b c' "d\"" e\ f`, "x y")
	f.Add("'", "\\")
	f.Add("a\\\n b", "\n'\"$`")
	f.Fuzz(func(t *testing.T, line, arg string) {
		if args, err := spec.SplitCommand(line); err == nil {
			n := 0
			for _, a := range args {
				n += len(a)
			}
			if n > len(line) {
				t.Errorf("%q became longer: %q", line, args)
			}
			again, err := spec.SplitCommand(shell.Join(args))
			if err != nil || !slices.Equal(again, args) {
				t.Errorf("%q: %q is read back as %q, %v", line, args, again, err)
			}
		}
		if strings.ContainsRune(arg, 0) {
			return
		}
		if got, err := spec.SplitCommand("/bin/x " + shell.Quote(arg) + " y"); err != nil || len(got) != 3 || got[1] != arg {
			t.Errorf("%q is read back as %q, %v", arg, got, err)
		}
	})
}

// TestIgnores: rules are named by ID, and the reason is not optional.
func TestIgnores(t *testing.T) {
	d := one(t, head+"audit: {ignore: {H080: bounded by its slice, H001: ' setup '}}\n")
	if got := d.Audit.Ignore; len(got) != 2 || got[0] != (spec.Ignore{Rule: "H080", Reason: "bounded by its slice"}) || got[1].Reason != "setup" {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"{H80: x}", "{R001: x}", "{h080: x}", "{H080: ''}", "{H080: [x]}", "[H080]", "{H080: }"} {
		if _, diags := spec.Decode("x", []byte(head+"audit: {ignore: "+bad+"}\n")); !diags.HasErrors() {
			t.Errorf("%s is accepted", bad)
		}
	}
}
