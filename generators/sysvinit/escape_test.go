package sysvinit

import (
	"fmt"
	"strings"
	"testing"
)

// TestStopAll ends processes that left the session of their service, in each of
// the ways in which they are known: by a variable, where no control group can
// be made, as in the container as it is, and by control groups of both versions.
func TestStopAll(t *testing.T) {
	for _, tt := range []struct{ name, mount, kin string }{
		{"environ", "true", "environ\n"},
		{"cgroup2", "mount -t cgroup2 none /sys/fs/cgroup", "/sys/fs/cgroup/daemonize-escapes\n"},
		{"cgroup1", "mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/freezer && mount -t cgroup -o freezer none /sys/fs/cgroup/freezer", "/sys/fs/cgroup/freezer/daemonize-escapes\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			test := func(t *testing.T, m machine) {
				t.Helper()
				m.MustRun("sh", "-c", tt.mount)
				stopAll(t, m, tt.kin)
				// Nothing of it is left, on the host neither: the hierarchy of
				// version 1 is the host's.
				if r := m.Run("sh", "-c", "find /sys/fs/cgroup -name 'daemonize-*'; ls /run/daemonize/escapes"); r.Stdout != "lock\n" {
					t.Errorf("left: %v", r)
				}
				m.Run("rmdir", "/sys/fs/cgroup/freezer/daemonize")
			}
			if tt.kin == "environ\n" { // it asks more of the shell
				shells(t, test)
				return
			}
			test(t, boot(t))
		})
	}
}

func stopAll(t *testing.T, m machine, kin string) {
	// running lists the processes that the daemons here are made of.
	running := func() string {
		return strings.TrimSpace(m.Run("pgrep", "-f", "-a", "^sleep 20[0-9][0-9]$").Stdout)
	}
	count := func() int { return len(strings.Fields(running())) / 3 }
	gone := func(t *testing.T) {
		t.Helper()
		if s := running(); s != "" {
			t.Errorf("left:\n%s", s)
			m.Run("pkill", "-KILL", "-f", "^sleep 20[0-9][0-9]$")
		}
	}
	// Sessions within sessions, twice forked, as daemon(3) and worse.
	const escape = "setsid setsid sleep 2001 &\n(setsid sh -c 'setsid sleep 2002 & (setsid sleep 2003 &)' &)\n"
	m.script("/usr/bin/escapes", escape+"exec sleep 2004\n")
	t.Run("stop", func(t *testing.T) {
		m := m.on(t)
		m.install("name: escapes\ncommand: [/usr/bin/escapes]\n")
		m.call("escapes", "start", 0)
		if s := m.MustRun("cat", "/run/daemonize/escapes/kin"); s != kin {
			t.Fatalf("its processes are known by %q", s)
		}
		m.WaitFor("all processes", func() bool { return count() == 4 })
		m.call("escapes", "stop", 0)
		gone(t)
	})
	t.Run("new environment", func(t *testing.T) {
		m := m.on(t)
		if kin == "environ\n" {
			t.Skip("only a control group knows a process with another session and another environment")
		}
		m.script("/usr/bin/cleans", "env -i setsid setsid sleep 2001 &\nexec sleep 2004\n")
		m.install("name: escapes\ncommand: [/usr/bin/cleans]\n")
		m.call("escapes", "start", 0)
		m.WaitFor("both processes", func() bool { return count() == 2 })
		m.call("escapes", "stop", 0)
		gone(t)
	})
	t.Run("end and restart", func(t *testing.T) {
		m := m.on(t)
		m.install("name: escapes\ncommand: [/usr/bin/escapes]\nrestart: {policy: always, delay: 0}\n")
		m.call("escapes", "start", 0)
		first := m.pid("escapes")
		m.WaitFor("all processes", func() bool { return count() == 4 })
		m.MustRun("kill", "-KILL", fmt.Sprint(first))
		m.WaitFor("the restart", func() bool {
			return m.pid("escapes") != first && m.Run("/etc/init.d/escapes", "status").Code == 0 && count() == 4
		})
		m.call("escapes", "stop", 0)
		gone(t)
	})
	t.Run("mixed", func(t *testing.T) {
		m := m.on(t)
		m.install("name: escapes\ncommand: [/usr/bin/escapes]\nstop: {kill_mode: mixed}\n")
		m.call("escapes", "start", 0)
		m.WaitFor("all processes", func() bool { return count() == 4 })
		m.call("escapes", "stop", 0)
		gone(t)
	})
	t.Run("process", func(t *testing.T) {
		m := m.on(t)
		m.install("name: escapes\ncommand: [/usr/bin/escapes]\nstop: {kill_mode: process}\n")
		m.call("escapes", "start", 0)
		m.WaitFor("all processes", func() bool { return count() == 4 })
		m.call("escapes", "stop", 0)
		if s := running(); count() != 3 || strings.Contains(s, "2004") {
			t.Errorf("left: %s", s)
		}
		m.MustRun("pkill", "-KILL", "-f", "^sleep 20[0-9][0-9]$")
	})
	t.Run("without its supervisor", func(t *testing.T) {
		m := m.on(t)
		m.install("name: escapes\ncommand: [/usr/bin/escapes]\n")
		m.call("escapes", "start", 0)
		m.WaitFor("all processes", func() bool { return count() == 4 })
		m.MustRun("sh", "-c", "read -r pid _ </run/daemonize/escapes/loop; kill -KILL $pid")
		m.call("escapes", "stop", 0)
		gone(t)
		// Also when the process is gone as well, and only its children are left.
		m.call("escapes", "start", 0)
		m.WaitFor("all processes", func() bool { return count() == 4 })
		m.MustRun("sh", "-c", "read -r pid _ </run/daemonize/escapes/loop; kill -KILL $pid; kill -KILL $(cat /run/escapes.pid)")
		m.call("escapes", "stop", 0)
		gone(t)
	})
	// The parent of a forking service is taken for the service until it has
	// forked; told to stop, it forks first. The child is asked to end as well.
	t.Run("stop while it starts again", func(t *testing.T) {
		m := m.on(t)
		m.script("/usr/bin/child", "trap 'echo asked >>/tmp/child; exit 0' TERM\necho $$ >/tmp/escapes.pid\nwhile :; do sleep 0.1; done\n")
		m.script("/usr/bin/slow", "trap 'echo told >>/tmp/parent' TERM\n[ -f /tmp/again ] && : >/tmp/trapped && sleep 1\nsetsid /usr/bin/child &\n")
		m.install("name: escapes\ncommand: [/usr/bin/slow]\ntype: forking\npid_file: /tmp/escapes.pid\nrestart: {policy: always, delay: 0}\nstop: {timeout: 20s}\n")
		m.call("escapes", "start", 0)
		m.MustRun("sh", "-c", "rm -f /tmp/child; : >/tmp/again; kill -KILL $(cat /run/escapes.pid); rm -f /tmp/escapes.pid")
		m.WaitFor("the parent", func() bool { return m.Run("test", "-e", "/tmp/trapped").Code == 0 })
		m.call("escapes", "stop", 0)
		if r := m.Run("pgrep", "-f", "/bin/sh /usr/bin/(slow|child)"); r.Code == 0 {
			t.Errorf("left: %v", m.Run("ps", "axfo", "pid,ppid,sid,args"))
		}
		if told, asked := m.lines("/tmp/parent"), m.lines("/tmp/child"); told != 1 || asked > 1 {
			t.Errorf("the parent was told %d times, the child %d times", told, asked)
		}
		m.MustRun("rm", "-f", "/tmp/again", "/tmp/trapped", "/tmp/parent", "/tmp/child")
	})
	// What a service starts by its own init script is another service.
	t.Run("other services", func(t *testing.T) {
		m := m.on(t)
		m.script("/usr/bin/other", "exec sleep 2005\n")
		m.script("/usr/bin/starts", "/etc/init.d/other start\nexec sleep 2006\n")
		m.install("name: other\ncommand: [/usr/bin/other]\nrestart: always\n")
		m.install("name: escapes\ncommand: [/usr/bin/starts]\n")
		m.call("escapes", "start", 0)
		m.WaitFor("both", func() bool { return count() == 2 })
		m.call("escapes", "stop", 0)
		m.call("other", "status", 0)
		m.MustRun("sh", "-c", "read -r pid _ </run/daemonize/other/loop; kill -0 $pid")
		m.call("other", "stop", 0)
		gone(t)
	})
}
