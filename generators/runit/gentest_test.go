package runit

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
)

func TestConformance(t *testing.T) {
	gentest.Suite{
		Generator: New(),
		Targets: []generators.Target{
			{Backend: "runit", Version: 2*generators.Major + 1},
			{Backend: "runit", Version: 2*generators.Major + 2, Family: generators.Void},
		},
		Structure: structure,
		ReadBack:  readBack,
		Confirm:   confirm,
	}.Run(t)
}

// structure reads the files as sh, svlogd and chpst do: the skeleton of a script
// is what is left of it without quoted words, comments and plain arguments.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		text := string(a.Content)
		service, inService := strings.CutPrefix(a.Path, "/etc/sv/")
		_, file, _ := strings.Cut(service, "/")
		switch {
		case inService && strings.HasPrefix(file, "env/"):
			// Which variables are files depends on their values.
			if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || strings.Contains(file[4:], "/") {
				return nil, fmt.Errorf("%s is not one line: %q", a.Path, text)
			}
		case inService && file == "log/config":
			for line := range strings.Lines(text) {
				out = append(out, "svlogd "+line[:1])
			}
		case inService && file != "down":
			// The conditions are package chain's, and tested there: what a
			// pattern becomes depends on the value. And whether the program is
			// started by a script may depend on a value.
			before, after, found := strings.Cut(text, "\ndaemonize_skip() {")
			if found {
				_, after, _ = strings.Cut(after, "\nesac\n")
				text = before + "\n" + after
			}
			var lines strings.Builder
			for line := range strings.Lines(text) {
				if file != "run" || !strings.HasPrefix(strings.TrimSpace(line), "exec /usr/bin/chpst -e") && !strings.HasPrefix(line, "umask ") && !strings.HasPrefix(line, "cd ") {
					lines.WriteString(line)
				}
			}
			words, err := gentest.Skeleton(lines.String())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.Path, err)
			}
			for _, w := range words {
				if w != "" && w != "exec" {
					out = append(out, file+" "+w)
				}
			}
		case strings.HasPrefix(a.Path, "/etc/cron.d/"):
			out = append(out, fmt.Sprint("cron ", strings.Count(text, "\n")))
		}
	}
	return out, nil
}

// unpack writes the files of bundles below dir/NUMBER.
func unpack(t *testing.T, dir string, bundles []generators.Bundle) {
	t.Helper()
	for i, b := range bundles {
		for _, a := range b.Artifacts {
			path := filepath.Join(dir, fmt.Sprint(i), a.Path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, a.Content, a.Mode); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// readBack runs every script run in a root with the real chpst and dash, with
// the probe as /usr/bin/sample, and reads what the process saw of itself.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	lab.Root(t, "sysvinit") // skips
	dir := t.TempDir()
	unpack(t, dir, bundles)
	const all = `cd /bundles && mkdir -p /run/out && for b in *; do
	cp -a --no-preserve=ownership "$b"/. / && cd /etc/sv/sample && ./run >"/run/out/$b" 2>"/run/out/$b.err"
	cd /bundles && rm -rf /etc/sv /usr/lib/daemonize
done`
	m := lab.Boot(t, "sysvinit", lab.Bind(dir, "/bundles"), lab.Bind(gentest.Probe(t), "/usr/bin/sample"))
	m.MustRun("sh", "-c", all)
	out := make([]gentest.Process, len(bundles))
	for i := range bundles {
		text, err := m.ReadFile(fmt.Sprint("/run/out/", i))
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Argv []string
			Env  map[string]string
		}
		if err := json.Unmarshal(text, &r); err != nil {
			said, _ := m.ReadFile(fmt.Sprint("/run/out/", i, ".err"))
			t.Fatalf("bundle %d: %v\n%s%s%q", i, err, text, said, bundles[i].Artifacts)
		}
		out[i] = gentest.Process{Argv: r.Argv, Env: r.Env}
	}
	return out
}

// confirm has every script parsed by three shells and linted.
func confirm(t *testing.T, bundles []generators.Bundle) {
	dir := t.TempDir()
	seen := map[string]bool{}
	var files []string
	for _, b := range bundles {
		for _, a := range b.Artifacts {
			script := strings.HasPrefix(string(a.Content), "#!/bin/sh\n")
			if script != (a.Mode == 0o755) {
				t.Errorf("%s has mode %o", a.Path, a.Mode)
			}
			if !script || seen[string(a.Content)] {
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
		scripts := files
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
