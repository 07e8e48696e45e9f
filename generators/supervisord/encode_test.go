package supervisord

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/spec"
)

// readCommand reads the command back through the model of the file.
func readCommand(t *testing.T, value string) []string {
	t.Helper()
	lines, err := parseINI("[program:x]\ncommand=" + value + "\n")
	if err != nil || len(lines) != 1 {
		t.Fatalf("command %q makes %d lines: %v", value, len(lines), err)
	}
	expanded, err := expandPercent(lines[0].value)
	if err != nil {
		t.Fatalf("command %q: %v", value, err)
	}
	argv, err := splitPOSIX(expanded)
	if err != nil {
		t.Fatalf("command %q: %v", value, err)
	}
	return argv
}

func FuzzCommand(f *testing.F) {
	for _, h := range gentest.Hostile() {
		f.Add(h, "x")
		f.Add("x ", h)
	}
	f.Add("%(here)s", "%%(here)s ;#")
	f.Add("\u00a0;", "a\u3000# '\" \\")
	f.Add("\u0085", "\u2028")
	f.Fuzz(func(t *testing.T, a, b string) {
		argv := []string{"/bin/x", a, b}
		value, ok := encodeCommand(argv)
		if !ok {
			for _, s := range argv {
				if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r <= 0x9f || r == 0x2028 || r == 0x2029 }) || !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
					return
				}
			}
			t.Fatalf("refused %q", argv)
		}
		if got := readCommand(t, value); !slices.Equal(got, argv) {
			t.Errorf("%q\n read %q\n want %q", value, got, argv)
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	for _, h := range gentest.Hostile() {
		f.Add(h, "x")
		f.Add("it's", h)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		env := spec.Environment{{Name: "A", Value: a}, {Name: "B", Value: b}}
		value, rest := encodeEnvironment(env)
		want := map[string]string{}
		for _, v := range env {
			if !slices.Contains(rest, v) {
				want[v.Name] = v.Value
			}
		}
		if len(want) == 0 {
			if value != "" {
				t.Fatalf("%q for nothing", value)
			}
			return
		}
		lines, err := parseINI("[program:x]\nenvironment=" + value + "\n")
		if err != nil || len(lines) != 1 {
			t.Fatalf("environment %q makes %d lines: %v", value, len(lines), err)
		}
		expanded, err := expandPercent(lines[0].value)
		if err != nil {
			t.Fatalf("environment %q: %v", value, err)
		}
		for _, posix := range []bool{false, true} { // up to 4.3, from 4.4 on
			got, err := splitEnvironment(expanded, posix)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("posix %t: %q\n read %q (%v)\n want %q", posix, value, got, err, want)
			}
		}
	})
}

// TestRealParser shows supervisord's own parser strings made of everything
// that means something to one of its layers.
func TestRealParser(t *testing.T) {
	tokens := []string{"a", "é", "\u00a0", "\u3000", " ", "  ", "\t", ";", "#", "'", "\"", "\\", "%", "%%", "%(here)s", "%(ENV_HOME)s", "(here)s", "=", ",", ":", "[x]", "$", "@", "&", "~"}
	random := rand.New(rand.NewPCG(1, 2))
	str := func() string {
		var b strings.Builder
		for range random.IntN(7) {
			b.WriteString(tokens[random.IntN(len(tokens))])
		}
		return b.String()
	}
	var file strings.Builder
	var argvs [][]string
	var envs []map[string]string
	for i := range 400 {
		argv := []string{"/bin/x", str(), str()}
		env := spec.Environment{{Name: "A", Value: str()}, {Name: "B", Value: str()}}
		command, ok := encodeCommand(argv)
		if !ok {
			t.Fatalf("refused %q", argv)
		}
		environment, rest := encodeEnvironment(env)
		want := map[string]string{}
		for _, v := range env {
			if !slices.Contains(rest, v) {
				want[v.Name] = v.Value
			}
		}
		argvs, envs = append(argvs, argv), append(envs, want)
		s := section{name: fmt.Sprintf("program:p%03d", i)}
		s.set("command", command)
		if environment != "" {
			s.set("environment", environment)
		}
		s.append(&file)
	}
	programs := readReal(t, []generators.Bundle{{Artifacts: []generators.Artifact{{Path: "/etc/supervisor/conf.d/x.conf", Content: []byte(file.String())}}}})[0]
	if len(programs) != len(argvs) {
		t.Fatalf("%d programs", len(programs))
	}
	for _, p := range programs {
		var i int
		if _, err := fmt.Sscanf(p.Name, "p%d", &i); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Argv, argvs[i]) {
			t.Errorf("read %q, want %q", p.Argv, argvs[i])
		}
		if !maps.Equal(p.Env, envs[i]) {
			t.Errorf("read %q, want %q", p.Env, envs[i])
		}
	}
}

// TestTraps pins what is known to go wrong.
func TestTraps(t *testing.T) {
	for _, c := range []struct {
		name string
		argv []string
		want string
	}{
		{"T45 percent", []string{"/bin/x", "100%", "%(ENV_HOME)s"}, `/bin/x 100%% '%%(ENV_HOME)s'`},
		{"T46 comment", []string{"/bin/x", "a ; b"}, `/bin/x 'a ''; b'`},
		{"T46 hash", []string{"/bin/x", "a #b"}, `/bin/x 'a ''#b'`},
		{"T49 quotes", []string{"/bin/x", `it's "q"`, ""}, `/bin/x 'it'"'"'s "q"' ''`},
		{"here", []string{"/bin/x", "%(here)s"}, `/bin/x '%%''(here)s'`},
	} {
		got, ok := encodeCommand(c.argv)
		if !ok || got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name, value, want string
	}{
		{"T47 plain", "v", "A='v'"},
		{"T47 single", "it's", `A="it's"`},
		{"T47 double", `say "hi" now`, `A='say "hi" now'`},
		{"T47 at the end", `"q"`, ""},
		{"T47 both", `it's "q" x`, ""},
		{"T47 backslash", `it's \x`, ""},
		{"T47 backslash alone", `C:\x\`, `A='C:\x\'`},
		{"T46 comment", "a ;b", ""},
		{"T45 percent", "50%", "A='50%%'"},
		{"T48 at", "x@y&b", "A='x@y&b'"},
		{"newline", "a\nb", ""},
		{"here", "%(here)s", ""},
		{"empty", "", "A=''"},
	} {
		got, rest := encodeEnvironment(spec.Environment{{Name: "A", Value: c.value}})
		if got != c.want || (len(rest) == 1) != (c.want == "") {
			t.Errorf("%s: %q and %d left, want %q", c.name, got, len(rest), c.want)
		}
	}
}
