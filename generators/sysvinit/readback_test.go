package sysvinit

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
)

// structure reads the files as sh does: the skeleton of a script is what is
// left of it without quoted words, comments and plain arguments. Of the LSB
// header it is the keys.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		text := string(a.Content)
		switch {
		case strings.HasPrefix(a.Path, "/etc/init.d/"):
			block, rest, ok := strings.Cut(text, "### END INIT INFO\n")
			_, block, begun := strings.Cut(block, "### BEGIN INIT INFO\n")
			if !ok || !begun {
				return nil, fmt.Errorf("%s has no LSB header", a.Path)
			}
			for line := range strings.Lines(block) {
				if key, _, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(key, "#  ") {
					out = append(out, "header "+key)
				}
			}
			// The conditions are package chain's, and tested there: what a
			// pattern becomes depends on the value.
			before, after, _ := strings.Cut(rest, "\ncheck() {\n")
			_, after, _ = strings.Cut(after, "\n}\n")
			text = before + "\n" + after
			fallthrough
		case strings.HasPrefix(text, "#!/bin/sh"):
			if !strings.HasPrefix(a.Path, "/etc/init.d/") && !strings.Contains(a.Path, "/supervise") {
				continue // package chain's own
			}
			words, err := gentest.Skeleton(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.Path, err)
			}
			out = append(out, words...)
		case strings.HasPrefix(a.Path, "/etc/default/"):
			words, err := gentest.Skeleton(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.Path, err)
			}
			out = append(out, fmt.Sprint("default ", len(words)))
		case strings.HasPrefix(a.Path, "/etc/cron.d/"):
			out = append(out, fmt.Sprint("cron ", strings.Count(text, "\n")))
		}
	}
	return out, nil
}

// readBack starts every bundle by its init script in a SysVinit machine, with
// the probe as /usr/bin/sample, and reads what the process saw of itself.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	lab.Root(t, "sysvinit") // skips
	dir := t.TempDir()
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
	// The output goes to logger: it is told to keep it.
	logger := "#!/bin/sh\nexec cat >>/tmp/log\n"
	if err := os.WriteFile(filepath.Join(dir, "logger"), []byte(logger), 0o755); err != nil {
		t.Fatal(err)
	}
	// All have the same name, and each start is waited for.
	const machines = 4
	probe := lab.Probe(t)
	out := make([]gentest.Process, len(bundles))
	var wg sync.WaitGroup
	for first := range machines {
		wg.Go(func() {
			t.Run(fmt.Sprint("machine ", first), func(t *testing.T) {
				m := machine{lab.Boot(t, "sysvinit", lab.Bind(dir, "/bundles"), lab.Bind(probe, "/usr/bin/sample"), lab.Bind(filepath.Join(dir, "logger"), "/usr/bin/logger")), t}
				for i := first; i < len(bundles); i += machines {
					out[i] = m.sees(i, bundles[i])
				}
			})
		})
	}
	wg.Wait()
	return out
}

// sees starts and stops a bundle, and returns what its process saw.
func (m machine) sees(i int, b generators.Bundle) gentest.Process {
	m.t.Helper()
	m.MustRun("sh", "-c", "cp -a --no-preserve=ownership /bundles/$1/. / && rm -f /tmp/log && mkdir -p /tmp && : >/tmp/log", "sh", fmt.Sprint(i))
	m.call("sample", "start", 0)
	m.WaitFor(fmt.Sprintf("the report of bundle %d %q", i, b.Artifacts[0].Content), func() bool { return strings.HasSuffix(m.MustRun("cat", "/tmp/log"), "}\n") })
	r := m.report("/tmp/log")
	m.MustRun("rm", "-f", "/etc/default/sample")
	m.call("sample", "stop", 0)
	return gentest.Process{Argv: r.Argv, Env: r.Env}
}

// What the environment holds besides the spec is PATH, the mark by which stop
// finds the processes of the service, and what bash adds.
func TestEnvironmentIsClean(t *testing.T) {
	m := boot(t)
	m.install("name: clean\ncommand: [/usr/bin/probe]\nenvironment: {PROBE_OUT: /tmp/clean, PROBE_WAIT: '1'}\npass_environment: [PASSED, UNKNOWN]\n")
	m.MustRun("env", "PASSED=it's $x", "LEAKED=1", "IFS=/", "/etc/init.d/clean", "start")
	env := m.report("/tmp/clean").Env
	if env["PASSED"] != "it's $x" {
		t.Errorf("PASSED is %q", env["PASSED"])
	}
	for name := range env {
		if !regexp.MustCompile("^(PROBE_OUT|PROBE_WAIT|PASSED|PATH|PWD|OLDPWD|DAEMONIZE_JOB)$").MatchString(name) {
			t.Errorf("%s=%q leaked into the process", name, env[name])
		}
	}
	m.call("clean", "stop", 0)
}
