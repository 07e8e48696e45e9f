package daemontools

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
			{Backend: "daemontools", Version: 76},
			{Backend: "daemontools", Version: 76, Family: generators.RedHat},
		},
		Structure: structure,
		ReadBack:  readBack,
		Confirm:   confirm,
	}.Run(t)
}

// structure reads the files as sh and envdir do: the skeleton of a script
// is what is left of it without quoted words, comments and plain arguments.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		text := string(a.Content)
		service, inService := strings.CutPrefix(a.Path, "/etc/daemontools/")
		_, file, _ := strings.Cut(service, "/")
		switch {
		case inService && strings.HasPrefix(file, "env/"):
			// Which variables are files depends on their values.
			if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || strings.Contains(file[4:], "/") {
				return nil, fmt.Errorf("%s is not one line: %q", a.Path, text)
			}
		case inService, strings.HasSuffix(a.Path, "/control"), strings.HasSuffix(a.Path, "/supervise"):
			// The conditions are package chain's, and tested there: what a
			// pattern becomes depends on the value. And whether the program is
			// started by a script may depend on a value.
			if before, after, found := strings.Cut(text, "\ncheck() {\n"); found {
				_, after, _ = strings.Cut(after, "\n}\n")
				text = before + "\n" + after
			}
			text = strings.ReplaceAll(text, "exec /usr/bin/envdir /etc/daemontools/sample/env ", "exec ")
			words, err := gentest.Skeleton(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.Path, err)
			}
			for _, w := range words {
				out = append(out, a.Path+" "+w)
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

// readBack runs the last stage of every supervisor in a root with the real envdir
// and dash, with the probe as /usr/bin/sample, and reads what the process saw of
// itself.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	lab.Root(t, "sysvinit") // skips
	dir := t.TempDir()
	unpack(t, dir, bundles)
	const all = `cd /bundles && mkdir -p /run/out && for b in *; do
	cp -a --no-preserve=ownership "$b"/. / && mkdir -p /run/daemonize/sample && setsid -w /usr/lib/daemonize/sample/supervise exec </dev/null >"/run/out/$b" 2>"/run/out/$b.err"
	cd /bundles && rm -rf /etc/daemontools /usr/lib/daemonize
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
