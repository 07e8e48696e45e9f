package sysvinit

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
)

// TestGoldenRun installs every golden case on a real SysVinit, with stand-ins
// for the programs, and has it enabled by update-rc.d, started, looked at,
// stopped and looked at again, with the exit codes of the LSB.
func TestGoldenRun(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("../../testdata/golden/*/daemon.yaml")
	if err != nil || len(cases) < 14 {
		t.Fatalf("found %d cases: %v", len(cases), err)
	}
	m := boot(t)
	info := New().Info()
	ran := 0
	for _, c := range cases {
		src, err := os.ReadFile(c)
		if err != nil {
			t.Fatal(err)
		}
		daemons, diags := spec.Decode(c, src)
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		for _, d := range daemons {
			t.Run(filepath.Base(filepath.Dir(c))+"/"+d.Name, func(t *testing.T) {
				m := m.on(t)
				b, losses := generators.Render(New(), d, generators.Target{Backend: info.Name, Version: info.Default}, generators.Policy{})
				if losses.HasErrors() {
					t.Skip("this case is refused on SysVinit: that is what it is for")
				}
				if d.Sandboxing.SELinuxContext != "" || d.Sandboxing.RootDirectory != "" || d.Scheduling.Priority != 0 {
					t.Skip("the container has no SELinux, no prepared root directory and no right to realtime scheduling")
				}
				m.stage(d)
				m.write(b)
				ran += m.session(d, b)
			})
		}
	}
	if r := m.Run("insserv", "-n", "-v"); r.Code != 0 || strings.Contains(r.Stderr+r.Stdout, "broken") {
		t.Errorf("insserv: %v", r)
	}
	t.Logf("%d init scripts were started and stopped", ran)
}

// session enables, starts and stops the init scripts of a bundle, and returns
// their number.
func (m machine) session(d *spec.Daemon, b generators.Bundle) int {
	m.t.Helper()
	running, stopped := 0, 3
	if d.Type == "oneshot" || d.Name == "careful" { // done at once, or skipped by its condition
		running = 3
	}
	scripts := 0
	for _, a := range b.Artifacts {
		if path.Dir(a.Path) != "/etc/init.d" {
			continue
		}
		name := path.Base(a.Path)
		if r := m.Run("update-rc.d", name, "defaults"); r.Code != 0 || strings.Contains(r.Stderr, "broken") || strings.Contains(r.Stderr, "warning") {
			m.t.Errorf("update-rc.d: %v", r)
		}
		m.call(name, "status", stopped)
		m.call(name, "start", 0)
		m.call(name, "status", running)
		m.call(name, "start", 0)
		m.call(name, "stop", 0)
		m.call(name, "status", stopped)
		m.call(name, "stop", 0)
		scripts++
	}
	return scripts
}

// stage makes what a case expects to find on its host.
func (m machine) stage(d *spec.Daemon) {
	m.t.Helper()
	program := func(c spec.Command, script string) {
		if len(c) > 0 && m.Run("test", "-x", c[0]).Code != 0 {
			m.MustRun("mkdir", "-p", path.Dir(c[0]))
			m.WriteFile(c[0], "#!/bin/sh\n"+script+"\n", 0o755)
		}
	}
	switch d.Type {
	case "oneshot":
		program(d.Command, "exit 0")
	case "forking":
		// In a session of its own, as daemon(3) does it, and with the signals
		// that a job in the background ignores (POSIX, XCU 2.12) restored.
		pid := strings.ReplaceAll(d.PidFile, spec.RefRuntimeDir.Mark(), "/run/"+d.Directories.Runtime.Name)
		program(d.Command, "setsid env --default-signal=INT,QUIT sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >"+pid)
	default:
		program(d.Command, "case $1 in -t | -s) exit ;; esac\nexec sleep 1000")
	}
	if d.Shell != "" {
		end := "exec sleep 1000"
		if d.Type == "oneshot" {
			end = "exit 0"
		}
		m.WriteFile("/usr/bin/"+d.Name, "#!/bin/sh\n"+end+"\n", 0o755)
	}
	for _, hooks := range [][]spec.Hook{d.Hooks.PreStart, d.Hooks.PostStart, d.Hooks.PreStop, d.Hooks.PostStop} {
		for _, h := range hooks {
			program(h.Command, "exit 0")
		}
	}
	program(d.Stop.Command, "exit 0")
	program(d.Reload.Command, "exit 0")
	program(d.Healthcheck.Test, "exit 0")
	for _, group := range append([]string{d.Group}, d.SupplementaryGroups...) {
		if group != "" && strings.Trim(group, "0123456789") != "" {
			m.MustRun("groupadd", "-f", "-r", group)
		}
	}
	if d.User != "" && strings.Trim(d.User, "0123456789") != "" && m.Run("id", d.User).Code != 0 {
		group := []string{"-U"}
		if d.Group != "" {
			group = []string{"-g", d.Group}
		}
		m.MustRun(append(append([]string{"useradd", "-r", "-M", "-s", "/usr/sbin/nologin"}, group...), d.User)...)
	}
	if dir := d.WorkingDir; strings.HasPrefix(dir, "/") {
		m.MustRun("mkdir", "-p", dir)
	}
	for _, f := range d.EnvFile {
		m.MustRun("mkdir", "-p", path.Dir(f.Path))
		m.WriteFile(f.Path, "FROM_FILE=\"1\"\n", 0o600)
	}
	for _, c := range d.Credentials {
		m.MustRun("mkdir", "-p", path.Dir(c.Path))
		m.WriteFile(c.Path, "secret", 0o600)
	}
	for _, names := range [][]string{d.DependsOn.Requires, d.DependsOn.BindsTo, d.DependsOn.Requisite} {
		for _, n := range names {
			script := "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: " + n + "\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: " + n + "\n### END INIT INFO\nexit 0\n"
			m.WriteFile("/etc/init.d/"+n, script, 0o755)
			m.MustRun("update-rc.d", n, "defaults")
		}
	}
}
