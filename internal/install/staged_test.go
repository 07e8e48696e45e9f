//go:build linux

package install_test

import (
	"strings"
	"testing"

	"github.com/daemonize/daemonize/internal/lab"
)

// TestLabStaged prepares a SysVinit system as if it did not run, then has its
// own tools start what a boot starts.
func TestLabStaged(t *testing.T) {
	lab.Root(t, "sysvinit") // may skip, before anything is built
	m := lab.Boot(t, "sysvinit", lab.Bind(binary(t), "/usr/bin/daemonize"))
	before := m.Snapshot()
	m.WriteFile("/tmp/w.yaml", `version: 1
name: web
command: [/bin/sleep, '4242']
user: web
create_user: true
supplementary_groups: [audio]
---
version: 1
name: off
command: [/bin/sleep, '4343']
install: {enable: false}
`, 0o644)
	m.MustRun("daemonize", "install", "--root", "/", "--backend", "sysvinit", "/tmp/w.yaml")
	if r := m.Run("daemonize", "diff", "--root", "/", "--backend", "sysvinit", "/tmp/w.yaml"); r.Code != 0 {
		t.Errorf("diff: %v", r)
	}
	if id := strings.TrimSpace(m.MustRun("id", "-Gn", "web")); id != "web audio" {
		t.Errorf("groups of web: %q", id)
	}
	m.MustRun("sh", "-c", "pwck --read-only --quiet && grpck --read-only --quiet || [ $? -eq 2 ]")
	// What init does when it enters its runlevel after the boot.
	m.Run("env", "runlevel=2", "previous=N", "/etc/init.d/rc", "2")
	runs := func(seconds string) string {
		out := m.Run("ps", "-eo", "user=,args=").Stdout
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) == 3 && f[2] == seconds {
				return f[0]
			}
		}
		return ""
	}
	m.WaitFor("web to run", func() bool { return runs("4242") != "" })
	if user := runs("4242"); user != "web" {
		t.Errorf("web runs as %q", user)
	}
	if runs("4343") != "" {
		t.Error("what is not enabled runs")
	}
	// The tools of the running system take over where this left off.
	m.MustRun("/etc/init.d/web", "stop")
	m.MustRun("daemonize", "uninstall", "--root", "/", "web", "off")
	left := lab.Diff(before, m.Snapshot())
	for _, d := range left {
		name, _, _ := strings.Cut(d[2:], ":")
		switch name {
		case "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/var/log/boot", "/var/log/dmesg", "/var/log/dmesg.0", "/var/log/web.log":
		default:
			t.Errorf("left behind: %s", d)
		}
	}
}
