package gentest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
)

// Scripts has every different shell script of the bundles parsed by three
// shells and read by two linters. Tools that are missing are named in the log.
func Scripts(t *testing.T, bundles []generators.Bundle) {
	t.Helper()
	dir := t.TempDir()
	seen := map[string]bool{}
	var files []string
	for _, b := range bundles {
		for _, a := range b.Artifacts {
			if !strings.HasPrefix(string(a.Content), "#!/bin/sh\n") || seen[string(a.Content)] {
				continue
			}
			seen[string(a.Content)] = true
			name := filepath.Join(dir, fmt.Sprintf("%03d-%s", len(files), filepath.Base(a.Path)))
			if err := os.WriteFile(name, a.Content, 0o755); err != nil {
				t.Fatal(err)
			}
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return
	}
	for _, sh := range [][]string{{"dash", "-n"}, {"busybox", "sh", "-n"}, {"bash", "--posix", "-n"}} {
		if !installed(t, sh[0]) {
			continue
		}
		for _, f := range files {
			if out, err := exec.Command(sh[0], append(slices.Clone(sh[1:]), f)...).CombinedOutput(); err != nil || len(out) > 0 {
				content, _ := os.ReadFile(f)
				t.Errorf("%v: %v\n%s\n%s", sh, err, out, content)
			}
		}
	}
	for _, lint := range [][]string{
		// Left out are doubts about values: a $ or \ in single quotes, a command's name.
		{"shellcheck", "-s", "sh", "-f", "gcc", "-e", "SC2016,SC1003,SC2209"}, {"checkbashisms", "-p"},
	} {
		if !installed(t, lint[0]) {
			continue
		}
		some := files
		if lint[0] == "checkbashisms" { // a second for each three scripts
			some = files[:min(len(files), 12)]
		}
		for chunk := range slices.Chunk(some, 100) {
			if out, err := exec.Command(lint[0], append(slices.Clone(lint[1:]), chunk...)...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%.6000s", lint, err, out)
			}
		}
	}
	t.Logf("%d different scripts", len(files))
}

func installed(t testing.TB, name string) bool {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Logf("not checked: %v", err)
		return false
	}
	return true
}
