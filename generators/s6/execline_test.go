package s6

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators/gentest"
)

const execlineb = "/usr/bin/execlineb"

func needExecline(t testing.TB) {
	t.Helper()
	for _, tool := range []string{execlineb, "/usr/bin/s6-envdir"} {
		if _, err := os.Stat(tool); err != nil {
			t.Skip(err)
		}
	}
}

// run has the real execlineb run a script and returns its output.
func runScript(t testing.TB, s *script, env ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, s.bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(execlineb, "-P", file)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%v %s\n%s", err, errs.Bytes(), s.bytes())
	}
	return out
}

// checkWords has printf print words that execlineb has read, at the top and in a block.
func checkWords(t testing.TB, words []string) {
	t.Helper()
	s := execline("-P", "Test")
	s.open("foreground")
	s.line(append([]string{"/usr/bin/printf", "%s\\0"}, words...)...)
	s.end()
	s.line(append([]string{"/usr/bin/printf", "%s\\0"}, words...)...)
	want := strings.Join(words, "\x00") + "\x00"
	if got := string(runScript(t, s)); got != want+want {
		t.Errorf("got %q\nwant %q twice\n%s", got, want, s.bytes())
	}
}

func TestWords(t *testing.T) {
	needExecline(t)
	words := slices.DeleteFunc(gentest.Hostile(), func(s string) bool { return s == "" }) // printf prints nothing of none
	checkWords(t, append(words, "", "{", "}", "${x}", "x\x01\x1b\x7f", "\xff\xfe", "\v\f\r\a\b"))
	for _, w := range words {
		checkWords(t, []string{w, "", w})
	}
}

func FuzzWord(f *testing.F) {
	needExecline(f)
	for _, h := range gentest.Hostile() {
		f.Add(h)
	}
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, word string) {
		if strings.IndexByte(word, 0) >= 0 || len(word) > 1<<16 {
			t.Skip("no argument")
		}
		checkWords(t, []string{word, word + "x", ""})
	})
}

func FuzzEnvFile(f *testing.F) {
	needExecline(f)
	for _, h := range gentest.Hostile() {
		f.Add(h)
	}
	f.Add(strings.Repeat("long\n", 2000))
	f.Fuzz(func(t *testing.T, value string) {
		if strings.IndexByte(value, 0) >= 0 || len(value) > 1<<16 {
			t.Skip("no variable")
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "V"), envFile(value), 0o644); err != nil {
			t.Fatal(err)
		}
		s := execline("-P", "Test")
		s.line("/usr/bin/s6-envdir", "-nL", dir, "/usr/bin/env", "-u", "PATH", "-0")
		if got := string(runScript(t, s)); got != "V="+value+"\x00" {
			t.Errorf("got %q\nwant %q", got, value)
		}
	})
}
