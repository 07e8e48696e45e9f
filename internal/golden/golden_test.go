package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that only notes its failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()    {}
func (r *recorder) Log(...any) {}
func (r *recorder) Errorf(format string, a ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, a...))
}

func TestTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "golden")
	old := *update
	t.Cleanup(func() { *update = old })
	run := func(updating bool, files map[string][]byte) []string {
		*update = updating
		r := &recorder{TB: t}
		Tree(r, dir, files)
		return r.failures
	}
	first := map[string][]byte{"etc/a/web.conf": []byte("a\n"), "etc/b.conf": []byte("b\n")}
	if got := run(false, first); len(got) != 2 {
		t.Errorf("without golden files: %q, want two failures", got)
	}
	if got := run(true, first); len(got) != 0 {
		t.Errorf("update: %q", got)
	}
	if got := run(false, first); len(got) != 0 {
		t.Errorf("after the update: %q", got)
	}

	second := map[string][]byte{"etc/b.conf": []byte("changed\n")}
	got := run(false, second)
	if len(got) != 2 || !strings.Contains(got[0], "web.conf is left over") || !strings.Contains(got[1], "+changed") {
		t.Errorf("other files: %q, want an orphan and a difference", got)
	}
	if got := run(true, second); len(got) != 0 {
		t.Errorf("update: %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "etc/a")); !os.IsNotExist(err) {
		t.Errorf("the directory of the orphan is still there: %v", err)
	}
	if got := run(false, second); len(got) != 0 {
		t.Errorf("after the second update: %q", got)
	}
}
