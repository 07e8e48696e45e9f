package sysvinit

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

// confirm has every script parsed by two shells and linted.
func confirm(t *testing.T, bundles []generators.Bundle) {
	dir := t.TempDir()
	seen := map[string]bool{}
	var files []string
	for _, b := range bundles {
		for _, a := range b.Artifacts {
			if !strings.HasPrefix(string(a.Content), "#!/bin/sh\n") && !strings.HasPrefix(a.Path, "/etc/default/") || seen[string(a.Content)] {
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
	for _, sh := range [][]string{{"dash", "-n"}, {"busybox", "sh", "-n"}, {"bash", "--posix", "-n"}} {
		if _, err := exec.LookPath(sh[0]); err != nil {
			t.Errorf("%s is missing", sh[0])
			continue
		}
		for _, f := range files {
			if out, err := exec.Command(sh[0], append(slices.Clone(sh[1:]), f)...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v: %v\n%s", sh, err, out)
			}
		}
	}
	for _, lint := range [][]string{
		// Left out are doubts about values: a $ or \ in single quotes, a command's name.
		{"shellcheck", "-s", "sh", "-f", "gcc", "-e", "SC2016,SC1003,SC2209"}, {"checkbashisms", "-p"},
	} {
		if _, err := exec.LookPath(lint[0]); err != nil {
			t.Logf("not linted: %s is missing", lint[0])
			continue
		}
		scripts := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !strings.HasPrefix(head(f), "#!") })
		if lint[0] == "checkbashisms" { // a second for each three scripts
			scripts = scripts[:min(len(scripts), 12)]
		}
		for chunk := range slices.Chunk(scripts, 100) {
			if out, err := exec.Command(lint[0], append(slices.Clone(lint[1:]), chunk...)...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%.6000s", lint, err, out)
			}
		}
	}
	t.Logf("%d different scripts", len(files))
}

func head(file string) string {
	b, _ := os.ReadFile(file)
	return string(b[:min(len(b), 20)])
}
