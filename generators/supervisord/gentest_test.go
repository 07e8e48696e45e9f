package supervisord

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
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
			{Backend: "supervisord", Version: 4*generators.Major + 2},
			{Backend: "supervisord", Version: 4*generators.Major + 4, Family: generators.RedHat},
		},
		Structure: structure,
		ReadBack:  readBack,
		Confirm:   confirm,
	}.Run(t)
}

// structure lists sections and keys. environment and the log files are left
// out: the script takes over what supervisord cannot carry.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		switch {
		case strings.HasPrefix(a.Path, "/etc/supervisor/"):
			lines, err := parseINI(string(a.Content))
			if err != nil {
				return nil, err
			}
			for _, l := range lines {
				if l.key != "environment" && !strings.Contains(l.key, "_logfile") && l.key != "redirect_stderr" {
					out = append(out, l.section+" "+l.key)
				}
			}
		case strings.HasPrefix(a.Path, "/etc/cron.d/"):
			for line := range strings.Lines(string(a.Content)) {
				if !strings.HasPrefix(line, "#") {
					out = append(out, a.Path+" "+strings.Join(strings.Fields(line)[:1], " "))
				}
			}
		}
	}
	return out, nil
}

// program is what readback.py prints.
type program struct {
	Group, Name    string
	Argv           []string
	Env            map[string]string
	UID            *int
	Directory      string
	Umask          *int
	Autostart      bool
	Autorestart    any
	Startsecs      int
	Startretries   int
	Exitcodes      []int
	Stopsignal     int
	Stopwaitsecs   int
	Stopasgroup    bool
	Killasgroup    bool
	RedirectStderr bool `json:"redirect_stderr"`
	Stdout, Stderr string
	StdoutSyslog   bool `json:"stdout_syslog"`
	Maxbytes       int
	Backups        int
}

// python finds a Python that has supervisor: that of the distribution.
func python(t testing.TB) string {
	t.Helper()
	const p = "/usr/bin/python3"
	if out, err := exec.Command(p, "-c", "import supervisor.options").CombinedOutput(); err != nil {
		t.Skipf("supervisor is not installed (apt-get install supervisor): %v %s", err, out)
	}
	return p
}

// readReal reads the configurations with the real parser, through an
// [include] as on a host.
func readReal(t testing.TB, bundles []generators.Bundle) [][]program {
	t.Helper()
	py := python(t)
	dir := t.TempDir()
	var names strings.Builder
	for i, b := range bundles {
		for _, a := range b.Artifacts {
			if !strings.HasPrefix(a.Path, "/etc/supervisor") {
				continue
			}
			sub := filepath.Join(dir, strconv.Itoa(i))
			write(t, filepath.Join(sub, "conf.d", filepath.Base(a.Path)), a.Content, 0o644)
			main := filepath.Join(sub, "supervisord.conf")
			write(t, main, []byte("[supervisord]\nlogfile="+sub+"/log\npidfile="+sub+"/pid\nchildlogdir="+sub+"\n[include]\nfiles=conf.d/*\n"), 0o644)
			names.WriteString(main + "\n")
		}
	}
	cmd := exec.Command(py, "testdata/readback.py")
	cmd.Stdin = strings.NewReader(names.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("readback.py: %v", err)
	}
	var all [][]program
	for line := range strings.Lines(string(out)) {
		var answer struct {
			Programs []program
			Warnings []string
			Error    string
		}
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Error != "" || len(answer.Warnings) > 0 {
			t.Errorf("supervisord refuses the file: %s %q\n%s", answer.Error, answer.Warnings, text(bundles[len(all)]))
		}
		all = append(all, answer.Programs)
	}
	if len(all) != len(bundles) {
		t.Fatalf("read back %d of %d files", len(all), len(bundles))
	}
	return all
}

func write(t testing.TB, path string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
}

func text(b generators.Bundle) string {
	var out strings.Builder
	for _, a := range b.Artifacts {
		out.WriteString("== " + a.Path + "\n" + string(a.Content) + "\n")
	}
	return out.String()
}

// readBack executes what the real parser read, with the probe in the place of
// the program.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	probe := lab.Probe(t)
	dir := t.TempDir()
	var out []gentest.Process
	for i, programs := range readReal(t, bundles) {
		if len(programs) != 1 {
			t.Errorf("%d programs\n%s", len(programs), text(bundles[i]))
			out = append(out, gentest.Process{})
			continue
		}
		p := programs[0]
		argv := append([]string(nil), p.Argv...)
		for j, arg := range argv {
			if arg == "/usr/bin/sample" {
				argv[j] = probe
				break
			}
		}
		for _, a := range bundles[i].Artifacts {
			if a.Path != argv[0] {
				continue
			}
			if n := strings.Count(string(a.Content), "exec /usr/bin/sample"); n != 1 {
				t.Fatalf("the script starts the program %d times\n%s", n, a.Content)
			}
			argv[0] = filepath.Join(dir, strconv.Itoa(i))
			write(t, argv[0], []byte(strings.Replace(string(a.Content), "exec /usr/bin/sample", "exec "+probe, 1)), 0o755)
		}
		env := []string{"PATH=/usr/bin:/bin"}
		for k, v := range p.Env {
			env = append(env, k+"="+v)
		}
		r := runProbe(t, argv, env)
		if len(r.Argv) > 0 {
			r.Argv[0] = "/usr/bin/sample"
		}
		out = append(out, gentest.Process{Argv: r.Argv, Env: r.Env})
	}
	return out
}

func runProbe(t testing.TB, argv, env []string) *report.Report {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", argv, err)
	}
	r, err := report.Parse(out)
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return r
}

// confirm shows the configuration to supervisord and the scripts to three
// shells' worth of checks.
func confirm(t *testing.T, bundles []generators.Bundle) {
	readReal(t, bundles)
	dir := t.TempDir()
	var scripts []string
	for i, b := range bundles {
		for j, a := range b.Artifacts {
			path := filepath.Join(dir, strconv.Itoa(i)+"-"+strconv.Itoa(j))
			if strings.HasPrefix(string(a.Content), "#!/bin/sh\n") {
				write(t, path, a.Content, 0o755)
				scripts = append(scripts, path)
			}
			if strings.HasPrefix(a.Path, "/etc/logrotate.d/") && tool(t, "logrotate") {
				write(t, path, a.Content, 0o644)
				if out, err := exec.Command("logrotate", "-d", path).CombinedOutput(); err != nil || strings.Contains(string(out), "error:") {
					t.Errorf("logrotate: %v\n%s\n%s", err, out, a.Content)
				}
			}
		}
	}
	for _, check := range [][]string{{"dash", "-n"}, {"busybox", "sh", "-n"}} {
		if !tool(t, check[0]) {
			continue
		}
		for _, s := range scripts {
			if out, err := exec.Command(check[0], append(check[1:], s)...).CombinedOutput(); err != nil || len(out) > 0 {
				content, _ := os.ReadFile(s)
				t.Errorf("%q: %v %s\n%s", check, err, out, content)
			}
		}
	}
	if tool(t, "shellcheck") {
		// Values are meant to be literal: $ and \' in single quotes are no mistakes.
		if out, err := exec.Command("shellcheck", append([]string{"-s", "sh", "--exclude=SC2016,SC1003"}, scripts...)...).CombinedOutput(); err != nil {
			t.Errorf("shellcheck: %v\n%s", err, out)
		}
	}
	t.Logf("%d files, %d scripts", len(bundles), len(scripts))
}

func tool(t testing.TB, name string) bool {
	if _, err := exec.LookPath(name); err != nil {
		t.Logf("not checked: %v", err)
		return false
	}
	return true
}
