// Package golden compares what a test produced with files kept beside it. It
// owns the flag -update, which rewrites those files instead:
//
//	go test ./spec -update
//
// Only tests import it.
package golden

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
)

var update = flag.Bool("update", false, "rewrite the golden files instead of comparing with them")

// Updating reports whether the test run rewrites golden files. Only tests that
// keep several results in one file need to ask.
func Updating() bool { return *update }

// Compare fails the test, showing the difference, if got is not what the file
// holds. With -update it writes the file instead.
func Compare(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		write(t, path, got)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("cannot read golden file (make it with -update): %v", err)
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (accept with -update):\n%s", path, diff.Diff("want", want, "got", got))
	}
}

// Tree compares files, by slash-separated path below dir, with all files that
// are there: a file that is missing, differs or is left over fails the test.
// With -update the directory is made to hold exactly these files.
func Tree(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for _, orphan := range orphans(t, dir, files) {
		if !*update {
			t.Errorf("%s is left over (remove it with -update)", orphan)
			continue
		}
		if err := os.Remove(orphan); err != nil {
			t.Fatal(err)
		}
		// Directories go with their last file.
		for d := filepath.Dir(orphan); d != filepath.Clean(dir) && os.Remove(d) == nil; d = filepath.Dir(d) {
		}
	}
	paths := make([]string, 0, len(files))
	for path := range files {
		if !fs.ValidPath(path) {
			t.Fatalf("%q is not a path below the golden directory", path)
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		Compare(t, filepath.Join(dir, filepath.FromSlash(path)), files[path])
	}
}

// orphans lists the files below dir that are not wanted.
func orphans(t testing.TB, dir string, files map[string][]byte) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if _, ok := files[filepath.ToSlash(rel)]; !ok {
			found = append(found, path)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return // keep the time stamp, and a read-only checkout usable
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Log("wrote " + strings.ReplaceAll(path, "\\", "/"))
}
