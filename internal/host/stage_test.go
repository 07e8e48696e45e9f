package host_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

func artifact(path, content string, mode os.FileMode) generators.Artifact {
	return generators.Artifact{Path: path, Mode: mode, Content: []byte(content)}
}

func TestStage(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "new", "out")
	s, err := host.OpenStage(out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, content := range []string{"first", "second"} { // the second replaces
		if err := s.Write("systemd", []generators.Artifact{artifact("/etc/systemd/system/a.service", content, 0o644), artifact("/usr/lib/x/run", content, 0o755)}); err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]os.FileMode{"systemd/etc/systemd/system/a.service": 0o644, "systemd/usr/lib/x/run": 0o755} {
			got, err := os.ReadFile(filepath.Join(out, path))
			if err != nil || string(got) != content {
				t.Errorf("%s: %q, %v", path, got, err)
			}
			if info, err := os.Stat(filepath.Join(out, path)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(out, "systemd/etc/systemd/system/.daemonize*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

// TestStageStaysInside plants links that lead out of the directory.
func TestStageStaysInside(t *testing.T) {
	dir := t.TempDir()
	out, outside := filepath.Join(dir, "out"), filepath.Join(dir, "outside")
	for _, d := range []string{out + "/systemd", outside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(out, "systemd/etc")); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("safe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(out, "systemd/file")); err != nil {
		t.Fatal(err)
	}
	s, err := host.OpenStage(out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Write("systemd", []generators.Artifact{artifact("/etc/a.service", "x", 0o644)}); err == nil {
		t.Error("wrote through a directory that leads outside")
	}
	if err := s.Write("systemd", []generators.Artifact{artifact("/file", "x", 0o644)}); err != nil {
		t.Errorf("a link in the place of the file should be replaced: %v", err)
	}
	if err := s.Write("systemd", []generators.Artifact{artifact("/../../outside/victim", "x", 0o644)}); err == nil {
		t.Error("wrote through ..")
	}
	if got, _ := os.ReadFile(victim); string(got) != "safe" {
		t.Error("a file outside was changed")
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside holds %v, %v", entries, err)
	}
}

// TestStageSwapped puts things in the way in directories that were made in the
// same run.
func TestStageSwapped(t *testing.T) {
	dir := t.TempDir()
	out, outside := filepath.Join(dir, "out"), filepath.Join(dir, "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("safe"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := host.OpenStage(out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func(path string) error { return s.Write("b", []generators.Artifact{artifact(path, "x", 0o644)}) }
	if err := write("/etc/first"); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"etc/second": victim, "etc/dir": outside, "lib": outside} {
		if err := os.Symlink(target, filepath.Join(out, "b", link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := write("/etc/second"); err != nil {
		t.Errorf("a link in the place of the file should be replaced: %v", err)
	}
	for _, path := range []string{"/etc/dir/file", "/lib/file", "/lib/deep/file"} {
		if err := write(path); err == nil {
			t.Errorf("%s: wrote through a directory that leads outside", path)
		}
	}
	// A directory that is there is used, and what is in it replaced.
	if err := os.MkdirAll(filepath.Join(out, "b/etc/there"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "b/etc/there/file"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write("/etc/there/file"); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(filepath.Join(out, "b/etc/there/file")); string(got) != "x" {
		t.Errorf("%q %v", got, err)
	}
	if got, _ := os.ReadFile(victim); string(got) != "safe" {
		t.Error("a file outside was changed")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside holds %v, %v", entries, err)
	}
}

// TestStageManyDirectories writes to more directories than are kept open, from
// several goroutines.
func TestStageManyDirectories(t *testing.T) {
	out := t.TempDir()
	s, err := host.OpenStage(out)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				a := artifact(fmt.Sprintf("/lib/d%d/f%d", i, w), "x", 0o644)
				if err := s.Write("b", []generators.Artifact{a}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(out + "/b/lib/*/*")
	if err != nil || len(files) != 800 {
		t.Errorf("%d files, %v", len(files), err)
	}
}
