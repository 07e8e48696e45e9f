package host_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/internal/host"
)

func TestReadFS(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a/b/one": "1", "a/two": "2", "three": "3"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := host.OpenRead(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := fstest.TestFS(r, "a/b/one", "a/two", "three"); err != nil {
		t.Error(err)
	}
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"a/b/up": "../two", "a/out": "../../../../../../../../etc/passwd", "a/b/abs": outside} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := fs.ReadFile(r, "a/b/up"); err != nil || string(b) != "2" {
		t.Errorf("a link inside: %q, %v", b, err)
	}
	for _, name := range []string{"a/out", "a/b/abs", "../x", "a/../../x"} {
		if b, err := fs.ReadFile(r, name); err == nil {
			t.Errorf("%s leads outside: %q", name, b)
		}
	}
	if _, err := r.Open("gone/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if to, err := r.ReadLink("a/b/up"); err != nil || to != "../two" {
		t.Errorf("%q, %v", to, err)
	}
}
