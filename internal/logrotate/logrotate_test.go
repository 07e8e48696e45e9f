package logrotate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/spec"
)

// TestRotate has logrotate rotate a file with each name that is not refused.
func TestRotate(t *testing.T) {
	if _, err := exec.LookPath("logrotate"); err != nil {
		t.Skip(err)
	}
	rotated, refused := 0, 0
	for i, h := range append(gentest.Hostile(), "plain.log", "two words.log", "50%.log", "$x.log") {
		if strings.ContainsAny(h, "/\x00") || h == "" || len(h) > 200 {
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "x"+h)
		snippet, err := Snippet([]string{path}, spec.Rotate{Size: 100, Keep: 2})
		if err != nil {
			refused++
			continue
		}
		conf := filepath.Join(t.TempDir(), "conf")
		state := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, make([]byte, 200), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(conf, snippet, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("logrotate", "--state", state, conf).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%q: %v %s\n%s", h, err, out, snippet)
			continue
		}
		entries, _ := os.ReadDir(dir)
		if info, err := os.Stat(path); err != nil || info.Size() != 0 || len(entries) != 2 {
			t.Errorf("%d %q: not rotated: %v %v", i, h, entries, err)
		}
		rotated++
	}
	t.Logf("%d rotated, %d refused", rotated, refused)
	if rotated < 40 {
		t.Errorf("only %d rotated", rotated)
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []string{"/var/log/*.log", "/var/log/a\"b", "/x/[a]", "/x/{a}", `/x/a\b`, "/x/it's"} {
		if Check(bad) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func ExampleSnippet() {
	snippet, _ := Snippet([]string{"/var/log/web/web.log"}, spec.Rotate{Size: 10 << 20, Keep: 7})
	fmt.Print(string(snippet))
	// Output:
	// # Written by daemonize; changes are lost at the next install.
	// "/var/log/web/web.log" {
	// 	size 10485760
	// 	rotate 7
	// 	missingok
	// 	notifempty
	// 	copytruncate
	// }
}
