package upstart

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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
			{Backend: "upstart", Version: 1*generators.Major + 12},
			{Backend: "upstart", Version: 1*generators.Major + 5},
		},
		Structure: structure,
		ReadBack:  readBack,
		Confirm:   confirm,
	}.Run(t)
}

func isConf(a *generators.Artifact) bool { return strings.HasPrefix(a.Path, "/etc/init/") }

// structure lists the stanzas of each job. Left out are those that the scripts
// take over when a value cannot be written: processes, environment, directory.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for i := range b.Artifacts {
		a := &b.Artifacts[i]
		if !isConf(a) {
			continue
		}
		p, err := parse(string(a.Content))
		if err != nil {
			return nil, err
		}
		for key, uses := range p.words {
			switch key {
			case "exec", "script", "env", "chdir", "limit", "console":
			default:
				out = append(out, a.Path+" "+key+" "+strconv.Itoa(len(uses)))
			}
		}
		if len(p.exec)+len(p.script) == 0 {
			out = append(out, a.Path+" without a process")
		}
	}
	slices.Sort(out)
	return out, nil
}

// shellChars sends a command through the shell (job_process.c, SHELL_CHARS).
const shellChars = "~`!$^&*()=|\\{}[];\"'<>?"

// argv is what init executes for a process.
func (p *parsed) argv(process string) []string {
	if s := p.script[process]; s != "" {
		return []string{"/bin/dash", "-e", "-c", strings.TrimRight(s, "\n"), "/bin/sh"}
	}
	command := p.exec[process]
	if strings.ContainsAny(command, shellChars) {
		return []string{"/bin/dash", "-e", "-c", "exec " + command, "/bin/sh"}
	}
	return strings.Fields(command)
}

// readBack executes what the parser read, as init would, with the probe in the
// place of the program.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	if _, err := exec.LookPath("dash"); err != nil {
		t.Skipf("the shell of Upstart's systems is missing: %v", err)
	}
	probe := lab.Probe(t)
	dir := t.TempDir()
	var out []gentest.Process
	for i, b := range bundles {
		var p *parsed
		scripts := map[string][]byte{}
		for k := range b.Artifacts {
			a := &b.Artifacts[k]
			if isConf(a) {
				var err error
				if p, err = parse(string(a.Content)); err != nil {
					t.Fatalf("%v\n%s", err, a.Content)
				}
			} else {
				scripts[a.Path] = a.Content
			}
		}
		argv := p.argv("main")
		for j, arg := range argv {
			switch {
			case arg == "/usr/bin/sample":
				argv[j] = probe
			case strings.HasPrefix(arg, "exec /usr/bin/sample"):
				argv[j] = "exec " + probe + strings.TrimPrefix(arg, "exec /usr/bin/sample")
			case scripts[arg] != nil:
				if n := strings.Count(string(scripts[arg]), "exec /usr/bin/sample"); n != 1 {
					t.Fatalf("the script starts the program %d times\n%s", n, scripts[arg])
				}
				argv[j] = filepath.Join(dir, strconv.Itoa(i))
				if err := os.WriteFile(argv[j], []byte(strings.Replace(string(scripts[arg]), "exec /usr/bin/sample", "exec "+probe, 1)), 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = []string{"PATH=/usr/bin:/bin", "TERM=linux", "UPSTART_JOB=sample", "UPSTART_INSTANCE="}
		for _, env := range p.words["env"] {
			if strings.Contains(env[0], "=") {
				cmd.Env = append(cmd.Env, env[0])
			}
		}
		cmd.Stderr = os.Stderr
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v", argv, err)
		}
		r, err := report.Parse(text)
		if err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, text)
		}
		if len(r.Argv) > 0 {
			r.Argv[0] = "/usr/bin/sample"
		}
		out = append(out, gentest.Process{Argv: r.Argv, Env: r.Env})
	}
	return out
}

// confirm reads every configuration strictly, and shows the shell parts of
// all files to shells and linters.
func confirm(t *testing.T, bundles []generators.Bundle) {
	for i := range bundles {
		b := &bundles[i]
		for k := range b.Artifacts {
			a := &b.Artifacts[k]
			if !isConf(a) {
				continue
			}
			p, err := parse(string(a.Content))
			if err != nil {
				t.Errorf("%s: %v\n%s", a.Path, err, a.Content)
				continue
			}
			for process, s := range p.script {
				b.Artifacts = append(b.Artifacts, generators.Artifact{Path: a.Path + "." + process, Content: []byte("#!/bin/sh\n" + s)})
			}
			for process := range p.exec {
				argv := p.argv(process)
				if strings.HasPrefix(argv[0], "/usr/lib/daemonize/") && !slices.ContainsFunc(b.Artifacts, func(o generators.Artifact) bool { return o.Path == argv[0] && o.Mode == 0o755 }) {
					t.Errorf("%s: %s is not in the bundle", a.Path, argv[0])
				}
			}
		}
	}
	gentest.Scripts(t, bundles)
}
