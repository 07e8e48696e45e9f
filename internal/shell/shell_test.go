package shell_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/shell"
)

// fields reads a line as a shell would, with an independent implementation.
func fields(t testing.TB, line string) []string {
	t.Helper()
	f, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader("x "+line+"\n"), "")
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if len(f.Stmts) != 1 {
		t.Fatalf("%q is %d commands", line, len(f.Stmts))
	}
	words, err := expand.Fields(&expand.Config{Env: expand.ListEnviron("HOME=/expanded")}, f.Stmts[0].Cmd.(*syntax.CallExpr).Args...)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return words[1:]
}

func TestJoin(t *testing.T) {
	words := gentest.Hostile()
	if got := fields(t, shell.Join(words)); !slices.Equal(got, words) {
		t.Errorf("got %q", got)
	}
	for _, sh := range []string{"dash", "bash", "busybox"} {
		path, err := exec.LookPath(sh)
		if err != nil {
			t.Logf("not read by %s: %v", sh, err)
			continue
		}
		argv := []string{path, "-c", `printf '%s\0' ` + shell.Join(words)}
		if sh == "busybox" {
			argv = slices.Insert(argv, 1, "sh")
		}
		out, err := exec.Command(argv[0], argv[1:]...).Output()
		if err != nil {
			t.Errorf("%s: %v", sh, err)
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, words) {
			t.Errorf("%s got %q", sh, got)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range gentest.Hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// No argument holds NUL, and the reader used here drops carriage
		// returns and takes UTF-8 only, as specs are.
		if strings.ContainsAny(s, "\x00\r") || !utf8.ValidString(s) {
			t.Skip("not an argument that both can hold")
		}
		if got := fields(t, shell.Quote(s)); !slices.Equal(got, []string{s}) {
			t.Errorf("%q was read back as %q", s, got)
		}
	})
}

func ExampleJoin() {
	fmt.Println(shell.Join([]string{"echo", "it's", "$HOME", "plain"}))
	// Output: echo 'it'\''s' '$HOME' plain
}
