package openrc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
)

func TestConformance(t *testing.T) {
	gentest.Suite{
		Generator: New(),
		Structure: structure,
		ReadBack:  readBack,
		Confirm:   confirm,
	}.Run(t)
}

// structure reads the files as sh does. The scripts of package initscript and
// chain are tested there.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		switch {
		case strings.HasSuffix(a.Path, ".env"): // its words are the variables themselves
			words, err := gentest.Skeleton(string(a.Content))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.Path, err)
			}
			out = append(out, fmt.Sprint("environment ", len(words)))
		case strings.HasPrefix(a.Path, "/etc/init.d/"), strings.HasPrefix(a.Path, "/etc/conf.d/"), strings.Contains(a.Path, "/supervise"):
			words, err := gentest.Skeleton(string(a.Content))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.Path, err)
			}
			out = append(out, words...)
		case strings.HasPrefix(a.Path, "/etc/cron.d/"):
			out = append(out, fmt.Sprint("cron ", strings.Count(string(a.Content), "\n")))
		}
	}
	return out, nil
}

// readBack starts every bundle by rc-service on a real OpenRC, with the probe
// as /usr/bin/sample, and reads what the process saw of itself.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	lab.Root(t, "openrc") // skips
	dir := t.TempDir()
	for i, b := range bundles {
		for _, a := range b.Artifacts {
			path := filepath.Join(dir, fmt.Sprint(i), a.Path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			// Whether the program stays is not in question here.
			content := bytes.Replace(a.Content, []byte("\nsettle=5\n"), []byte("\nsettle=1\n"), 1)
			content = bytes.Replace(content, []byte("sleep 0.1 2>"), []byte("sleep 0.02 2>"), 1)
			if err := os.WriteFile(path, content, a.Mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The output goes to logger: it is told to keep it.
	logger := filepath.Join(dir, "logger")
	if err := os.WriteFile(logger, []byte("#!/bin/sh\nexec cat >>/tmp/log\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	out := make([]gentest.Process, len(bundles))
	// Most of a start is waiting whether the program stays, so several machines
	// do it at the same time.
	const machines = 4
	var wait sync.WaitGroup
	for n := range machines {
		m := lab.Boot(t, "openrc", lab.Bind(dir, "/bundles"), lab.Bind(lab.Probe(t), "/usr/bin/sample"), lab.Bind(logger, "/usr/bin/logger"))
		wait.Go(func() {
			for i := n; i < len(bundles); i += machines {
				var err error
				if out[i], err = process(m, i); err != nil {
					t.Errorf("bundle %d: %v\n%s", i, err, bundles[i].Artifacts[0].Content)
				}
			}
		})
	}
	wait.Wait()
	return out
}

// process starts a bundle, stops it again and returns what the probe said.
func process(m *lab.Machine, bundle int) (p gentest.Process, err error) {
	for _, argv := range [][]string{
		{"sh", "-c", "cp -a --no-preserve=ownership /bundles/$1/. / && rm -f /tmp/log && mkdir -p /tmp && : >/tmp/log", "sh", strconv.Itoa(bundle)},
		{"rc-service", "sample", "start"},
		// The last line of the probe's report is long on its way.
		{"timeout", "60", "sh", "-c", "until grep -q '}$' /tmp/log; do sleep 0.05; done"},
		{"cat", "/tmp/log"},
		{"rm", "-f", "/etc/conf.d/sample.env"},
		{"rc-service", "sample", "stop"},
	} {
		r := m.Run(argv...)
		if r.Code != 0 || r.Err != nil {
			return p, fmt.Errorf("%q: %v", argv, r)
		}
		if argv[0] == "cat" {
			said, err := report.Parse([]byte(r.Stdout))
			if err != nil {
				return p, err
			}
			p = gentest.Process{Argv: said.Argv, Env: said.Env}
		}
	}
	return p, nil
}

// confirm shows the scripts to shells and linters, and the services to the
// real openrc-run, which reads depend() and describes them.
func confirm(t *testing.T, bundles []generators.Bundle) {
	for i := range bundles {
		b := &bundles[i]
		for _, a := range b.Artifacts {
			if rest, ok := strings.CutPrefix(string(a.Content), "#!/sbin/openrc-run\n"); ok {
				// The linters do not know the variables and functions of openrc-run.
				b.Artifacts = append(b.Artifacts, generators.Artifact{Path: a.Path + ".sh", Content: []byte("#!/bin/sh\n# shellcheck disable=SC2034,SC2317,SC2329\n" + rest)})
			}
		}
	}
	gentest.Scripts(t, bundles)
	lab.Root(t, "openrc") // skips
	m := lab.Boot(t, "openrc")
	for _, b := range bundles {
		for _, j := range b.Jobs {
			for _, a := range b.Artifacts {
				if a.Path == script(j.Name) {
					m.WriteFile(a.Path, string(a.Content), 0o755)
				}
			}
			r := m.Run("rc-service", "--nocolor", j.Name, "describe")
			// The functions of its own that openrc-run lists have no description.
			complaints := strings.NewReplacer(" * healthcheck: no description\n", "", " * unhealthy: no description\n", "").Replace(r.Stderr)
			if r.Code != 0 || complaints != "" || !strings.Contains(r.Stdout, " * ") {
				t.Errorf("describe %s: %v", j.Name, r)
			}
		}
	}
	if r := m.Run("rc-update", "--update"); r.Code != 0 || strings.Contains(r.Stderr, "error") {
		t.Errorf("the dependencies: %v", r)
	}
	tree := m.MustRun("cat", "/run/openrc/deptree")
	for _, b := range bundles {
		for _, j := range b.Jobs {
			if !strings.Contains(tree, "service='"+j.Name+"'") {
				t.Errorf("OpenRC does not know %s", j.Name)
			}
		}
	}
}
