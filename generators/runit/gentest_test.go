package runit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
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
		case inService:
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
	m := lab.Boot(t, "sysvinit", lab.Bind(dir, "/bundles"), lab.Bind(lab.Probe(t), "/usr/bin/sample"))
	m.MustRun("sh", "-c", all)
	out := make([]gentest.Process, len(bundles))
	for i := range bundles {
		text := m.MustRun("cat", fmt.Sprint("/run/out/", i))
		r, err := report.Parse([]byte(text))
		if err != nil {
			t.Fatalf("bundle %d: %v\n%s%s%q", i, err, text, m.MustRun("cat", fmt.Sprint("/run/out/", i, ".err")), bundles[i].Artifacts)
		}
		out[i] = gentest.Process{Argv: r.Argv, Env: r.Env}
	}
	return out
}

// confirm has every script parsed by three shells and linted.
func confirm(t *testing.T, bundles []generators.Bundle) {
	for _, b := range bundles {
		for _, a := range b.Artifacts {
			if script := strings.HasPrefix(string(a.Content), "#!/bin/sh\n"); script != (a.Mode == 0o755) {
				t.Errorf("%s has mode %o", a.Path, a.Mode)
			}
		}
	}
	gentest.Scripts(t, bundles)
}
