package sysvinit

import (
	"fmt"
	"strings"
	"testing"
)

// script makes an executable in the machine.
func (m machine) script(path, body string) {
	m.t.Helper()
	m.WriteFile(path, "#!/bin/sh\n"+body, 0o755)
}

func (m machine) lines(path string) int {
	return strings.Count(m.Run("cat", path).Stdout, "\n")
}

func TestStartReportsFailure(t *testing.T) {
	shells(t, func(t *testing.T, m machine) {
		t.Run("not installed", func(t *testing.T) {
			m := m.on(t)
			m.install("name: absent\ncommand: [/usr/bin/absent]\n")
			m.call("absent", "start", 5)
			m.call("absent", "status", 3)
		})
		t.Run("cannot be executed", func(t *testing.T) {
			m := m.on(t)
			m.WriteFile("/usr/bin/badexec", "#!/no/such/interpreter\n", 0o755)
			m.install("name: badexec\ncommand: [/usr/bin/badexec]\ntype: exec\n")
			if out := m.call("badexec", "start", 1); !strings.Contains(out, "could not be run") {
				t.Errorf("start says %q", out)
			}
			m.call("badexec", "status", 1)
			m.call("badexec", "stop", 0)
			m.call("badexec", "status", 3)
		})
		t.Run("dies at once", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/dies", "exit 7\n")
			m.install("name: dies\ncommand: [/usr/bin/dies]\n")
			if out := m.call("dies", "start", 1); !strings.Contains(out, "ended with status 7") {
				t.Errorf("start says %q", out)
			}
			if out := m.call("dies", "status", 1); !strings.Contains(out, "ended with status 7") {
				t.Errorf("status says %q", out)
			}
		})
		t.Run("log file cannot be opened", func(t *testing.T) {
			m := m.on(t)
			m.install("name: nolog\ncommand: [/usr/bin/probe]\nlogging: {stdout: 'append:/no/such/dir/log'}\n")
			m.call("nolog", "start", 1)
			m.call("nolog", "status", 1)
		})
		t.Run("user is missing", func(t *testing.T) {
			m := m.on(t)
			m.install("name: nouser\ncommand: [/usr/bin/probe]\nuser: nosuchuser\n")
			m.call("nouser", "start", 1)
		})
		t.Run("crash later", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/later", "sleep 1000\n")
			m.install("name: later\ncommand: [/usr/bin/later]\n")
			m.call("later", "start", 0)
			m.MustRun("kill", "-KILL", fmt.Sprint(m.pid("later")))
			m.WaitFor("the supervisor to notice", func() bool { return m.Run("/etc/init.d/later", "status").Code == 1 })
			if out := m.call("later", "status", 1); !strings.Contains(out, "ended by signal 9") {
				t.Errorf("status says %q", out)
			}
			if r := m.Run("pgrep", "-fx", "sleep 1000"); r.Code == 0 {
				t.Error("what the process left behind still runs")
			}
			m.call("later", "start", 0)
			m.call("later", "stop", 0)
		})
		t.Run("not root", func(t *testing.T) {
			m := m.on(t)
			m.install("name: plain\ncommand: [/usr/bin/probe]\n")
			if r := m.Run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/etc/init.d/plain", "start"); r.Code != 4 {
				t.Errorf("want 4: %v", r)
			}
			if r := m.Run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/etc/init.d/plain", "status"); r.Code != 3 {
				t.Errorf("want 3: %v", r)
			}
		})
	})
}

func TestStop(t *testing.T) {
	shells(t, func(t *testing.T, m machine) {
		t.Run("ignores TERM", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/stubborn", "trap '' TERM\nwhile :; do sleep 1; done\n")
			m.install("name: stubborn\ncommand: [/usr/bin/stubborn]\nstop: {timeout: 1s}\nrestart: always\n")
			m.call("stubborn", "start", 0)
			pid := m.pid("stubborn")
			m.call("stubborn", "stop", 0)
			if m.alive(pid) {
				t.Error("still there")
			}
			m.call("stubborn", "status", 3)
		})
		t.Run("signal and whole session", func(t *testing.T) {
			m := m.on(t)
			// A job in another process group, and one that ignores the signal.
			m.script("/usr/bin/family", "trap 'echo int >>/tmp/family; exit 0' INT\nsleep 1001 &\n(trap '' INT; exec sleep 1002) &\nwhile :; do sleep 0.1; done\n")
			m.install("name: family\ncommand: [/usr/bin/family]\nstop: {signal: SIGINT, timeout: 2s}\n")
			m.call("family", "start", 0)
			m.call("family", "stop", 0)
			if s := m.MustRun("cat", "/tmp/family"); s != "int\n" {
				t.Errorf("the process got %q", s)
			}
			if r := m.Run("pgrep", "-f", "sleep 100[12]"); r.Code == 0 {
				t.Errorf("left: %v", r)
			}
		})
		t.Run("process only", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/parent", "sleep 1003 &\nexec sleep 1004\n")
			m.install("name: parent\ncommand: [/usr/bin/parent]\nstop: {kill_mode: process}\n")
			m.call("parent", "start", 0)
			m.call("parent", "stop", 0)
			m.MustRun("pkill", "-fx", "sleep 1003")
			if r := m.Run("pgrep", "-fx", "sleep 1004"); r.Code == 0 {
				t.Error("the main process is left")
			}
		})
		t.Run("command and hooks", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/quit", "echo stop $MAINPID >>/tmp/hooks; kill -USR1 $MAINPID; while kill -0 $MAINPID 2>/dev/null; do sleep 0.1; done\n")
			m.script("/usr/bin/hook", "echo $1 >>/tmp/hooks; echo out of $1\n")
			m.script("/usr/bin/hooked", "trap 'echo usr1 >>/tmp/hooks; exit 0' USR1\nwhile :; do sleep 0.1; done\n")
			m.install(`name: hooked
command: [/usr/bin/hooked]
user: nobody
stop: {command: [/usr/bin/quit]}
logging: {stdout: 'append:/tmp/hooked.log'}
hooks:
  pre_start: [[/usr/bin/hook, pre-start]]
  post_start: [[/usr/bin/hook, "post start"]]
  pre_stop: [[/usr/bin/hook, pre-stop]]
  post_stop: [[/usr/bin/hook, post-stop], {command: [/usr/bin/id, -u], privileged: true}]
`)
			m.MustRun("install", "-m", "0666", "/dev/null", "/tmp/hooks")
			m.call("hooked", "start", 0)
			pid := m.pid("hooked")
			m.call("hooked", "stop", 0)
			want := fmt.Sprintf("pre-start\npost start\npre-stop\nstop %d\nusr1\npost-stop\n", pid)
			if got := m.MustRun("cat", "/tmp/hooks"); got != want {
				t.Errorf("hooks ran as\n%s\nwant\n%s", got, want)
			}
			want = "out of pre-start\nout of post start\nout of pre-stop\nout of post-stop\n0\n"
			if got := m.MustRun("cat", "/tmp/hooked.log"); got != want {
				t.Errorf("logged %q, want %q", got, want)
			}
		})
		t.Run("stranger", func(t *testing.T) {
			m := m.on(t)
			m.install("name: known\ncommand: [/bin/sleep, '1005']\n")
			m.MustRun("sh", "-c", "setsid setsid sleep 1006 </dev/null >/dev/null 2>&1")
			m.WaitFor("the stranger", func() bool { return m.Run("pgrep", "-fx", "sleep 1006").Code == 0 })
			stranger := strings.TrimSpace(m.MustRun("pgrep", "-fx", "sleep 1006"))
			// As after a crash of the supervisor, with the number used again.
			m.WriteFile("/run/daemonize/known/main", stranger+" 1 "+stranger+"\n", 0o644)
			m.WriteFile("/run/daemonize/known/loop", stranger+" 2 "+stranger+"\n", 0o644)
			m.WriteFile("/run/known.pid", stranger+"\n", 0o644)
			m.call("known", "status", 1)
			m.call("known", "stop", 0)
			m.MustRun("pgrep", "-fx", "sleep 1006")
			m.WriteFile("/run/known.pid", stranger+"\n", 0o644)
			m.call("known", "start", 0)
			m.call("known", "stop", 0)
			m.MustRun("pkill", "-fx", "sleep 1006")
		})
		t.Run("without its supervisor", func(t *testing.T) {
			m := m.on(t)
			m.install("name: orphan\ncommand: [/bin/sleep, '1007']\nrestart: always\n")
			m.call("orphan", "start", 0)
			pid := m.pid("orphan")
			m.MustRun("sh", "-c", "read -r p _ </run/daemonize/orphan/loop; kill -KILL $p; while kill -0 $p 2>/dev/null; do sleep 0.1; done")
			if out := m.call("orphan", "status", 0); !strings.Contains(out, "without its supervisor") {
				t.Errorf("status says %q", out)
			}
			m.call("orphan", "stop", 0)
			if m.alive(pid) {
				t.Error("still there")
			}
		})
	})
}

func TestSupervision(t *testing.T) {
	shells(t, func(t *testing.T, m machine) {
		t.Run("on-failure", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/flaky", "echo run >>/tmp/flaky\n[ -e /tmp/good ] && exit 0\nsleep 4\nexit 3\n")
			m.install("name: flaky\ncommand: [/usr/bin/flaky]\nrestart: {policy: on-failure, delay: 200ms, max_attempts: infinity}\n")
			m.call("flaky", "start", 0)
			m.WaitFor("two runs", func() bool { return m.lines("/tmp/flaky") >= 2 })
			m.MustRun("touch", "/tmp/good")
			m.WaitFor("the good end", func() bool {
				r := m.Run("/etc/init.d/flaky", "status")
				return r.Code == 3 && strings.Contains(r.Stdout, "not running")
			})
			m.WaitFor("the end of the supervisor", func() bool { return m.Run("pgrep", "-x", "supervise").Code == 1 })
		})
		t.Run("limit", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/loop", "echo run >>/tmp/loop\nexit 3\n")
			m.install("name: loop\ncommand: [/usr/bin/loop]\nrestart: {policy: always, delay: 10ms, max_attempts: 3, window: 1m}\n")
			m.call("loop", "start", 1)
			m.WaitFor("giving up", func() bool { return m.Run("/etc/init.d/loop", "status").Code == 1 })
			if n := m.lines("/tmp/loop"); n != 3 {
				t.Errorf("%d runs, want 3", n)
			}
		})
		t.Run("killed", func(t *testing.T) {
			m := m.on(t)
			m.install("name: killed\ncommand: [/bin/sleep, '1008']\nrestart: {policy: on-abnormal, delay: 0}\n")
			m.call("killed", "start", 0)
			first := m.pid("killed")
			m.MustRun("kill", "-KILL", fmt.Sprint(first))
			m.WaitFor("another process", func() bool {
				return m.Run("/etc/init.d/killed", "status").Code == 0 && m.pid("killed") != first
			})
			// SIGTERM is a clean end.
			m.MustRun("kill", "-TERM", fmt.Sprint(m.pid("killed")))
			m.WaitFor("the end", func() bool { return m.Run("/etc/init.d/killed", "status").Code == 3 })
		})
		t.Run("statuses", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/codes", "echo run >>/tmp/codes\nread -r code </tmp/code\n[ \"$code\" = 0 ] && exec sleep 1009\nsleep 4\nexit $code\n")
			m.install("name: codes\ncommand: [/usr/bin/codes]\nrestart: {policy: on-failure, delay: 0, prevent_exit: [5], force_exit: [6], success_exit: [6, 8]}\n")
			for _, c := range []struct {
				code, runs, status int
			}{{5, 1, 1}, {8, 1, 3}} {
				m.MustRun("sh", "-c", "rm -f /tmp/codes; echo "+fmt.Sprint(c.code)+" >/tmp/code")
				m.call("codes", "start", 0)
				m.WaitFor("the end", func() bool { return m.Run("/etc/init.d/codes", "status").Code == c.status })
				if n := m.lines("/tmp/codes"); n != c.runs {
					t.Errorf("%d: %d runs, want %d", c.code, n, c.runs)
				}
			}
			m.MustRun("sh", "-c", "rm -f /tmp/codes; echo 6 >/tmp/code")
			m.call("codes", "start", 0)
			m.WaitFor("a forced restart", func() bool { return m.lines("/tmp/codes") >= 2 })
			m.call("codes", "stop", 0)
		})
		t.Run("stop while waiting", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/waits", "exit 1\n")
			m.install("name: waits\ncommand: [/usr/bin/waits]\nrestart: {policy: always, delay: 1h}\n")
			m.call("waits", "start", 1)
			if out := m.call("waits", "status", 3); !strings.Contains(out, "waiting") {
				t.Errorf("status says %q", out)
			}
			m.call("waits", "start", 0)
			m.call("waits", "stop", 0)
			if r := m.Run("pgrep", "-x", "supervise|sleep"); r.Code == 0 {
				t.Errorf("left: %v", r)
			}
		})
		t.Run("max_runtime and healthcheck", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/sick", "[ ! -e /tmp/sick ]\n")
			m.install("name: long\ncommand: [/bin/sleep, '1010']\nmax_runtime: 1s\n")
			m.install("name: ill\ncommand: [/bin/sleep, '1011']\nhealthcheck: {test: [/usr/bin/sick], interval: 1s, retries: 2}\n")
			m.call("long", "start", 0)
			m.call("ill", "start", 0)
			first := m.pid("ill")
			m.WaitFor("the end", func() bool { return m.Run("/etc/init.d/long", "status").Code == 1 })
			if m.pid("ill") != first {
				t.Error("restarted although it was well")
			}
			m.MustRun("touch", "/tmp/sick")
			m.WaitFor("a restart", func() bool {
				r := m.Run("cat", "/run/ill.pid")
				return r.Code == 0 && strings.TrimSpace(r.Stdout) != fmt.Sprint(first)
			})
			m.call("ill", "stop", 0)
		})
	})
}

func TestTypes(t *testing.T) {
	shells(t, func(t *testing.T, m machine) {
		t.Run("oneshot", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/once", "sleep 1\necho once >>/tmp/once\n")
			m.install("name: once\ncommand: [/usr/bin/once]\ntype: oneshot\n")
			m.call("once", "start", 0)
			if n := m.lines("/tmp/once"); n != 1 {
				t.Errorf("start returned after %d runs", n)
			}
			m.call("once", "status", 3)
			m.call("once", "start", 0)
			if n := m.lines("/tmp/once"); n != 2 {
				t.Errorf("%d runs, want 2", n)
			}
			m.script("/usr/bin/bad", "exit 4\n")
			m.install("name: bad\ncommand: [/usr/bin/bad]\ntype: oneshot\n")
			m.call("bad", "start", 1)
			m.call("bad", "status", 1)
		})
		t.Run("remain", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/setup", "echo $1 >>/tmp/setup\n")
			m.install("name: setup\ncommand: [/usr/bin/setup, up]\ntype: oneshot\nremain_after_exit: true\nstop: {command: [/usr/bin/setup, down]}\n")
			m.call("setup", "start", 0)
			m.call("setup", "status", 0)
			m.call("setup", "start", 0)
			m.call("setup", "stop", 0)
			m.call("setup", "status", 3)
			if s := m.MustRun("cat", "/tmp/setup"); s != "up\ndown\n" {
				t.Errorf("ran %q", s)
			}
		})
		t.Run("forking", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/forks", "setsid sh -c 'echo $$ >/tmp/forks.pid; exec sleep 1012' &\n")
			m.install("name: forks\ncommand: [/usr/bin/forks]\ntype: forking\npid_file: /tmp/forks.pid\nrestart: {policy: always, delay: 0}\n")
			m.call("forks", "start", 0)
			first := m.pid("forks")
			if s := m.MustRun("cat", fmt.Sprintf("/proc/%d/comm", first)); s != "sleep\n" {
				t.Errorf("the process is %q", s)
			}
			m.MustRun("kill", fmt.Sprint(first))
			m.WaitFor("another process", func() bool {
				if m.Run("/etc/init.d/forks", "status").Code != 0 {
					return false
				}
				// Until it has forked, the process is the parent, which is a shell here.
				pid := m.pid("forks")
				return pid != first && m.Run("cat", fmt.Sprintf("/proc/%d/comm", pid)).Stdout == "sleep\n"
			})
			m.call("forks", "stop", 0)
			if r := m.Run("pgrep", "-fx", "sleep 1012"); r.Code == 0 {
				t.Error("still there")
			}
		})
		t.Run("conditions", func(t *testing.T) {
			m := m.on(t)
			m.install("name: skips\ncommand: [/bin/sleep, '1013']\nconditions: {path_exists: [/tmp/nothing]}\n")
			m.call("skips", "start", 0)
			m.call("skips", "status", 3)
			m.install("name: asserts\ncommand: [/bin/sleep, '1014']\nconditions: {path_exists: [/tmp/nothing], assert: true}\n")
			m.call("asserts", "start", 6)
			m.MustRun("touch", "/tmp/nothing")
			m.call("skips", "start", 0)
			m.call("skips", "status", 0)
			m.call("skips", "stop", 0)
		})
		t.Run("instances", func(t *testing.T) {
			m := m.on(t)
			m.install("name: many\ncommand: [/usr/bin/probe, '${instance}']\ninstances: [a, b.c]\nenvironment: {PROBE_OUT: '/tmp/many-${instance}', PROBE_WAIT: '1'}\n")
			m.call("many-a", "start", 0)
			m.call("many-b.c", "status", 3)
			m.call("many-b.c", "start", 0)
			if r := m.report("/tmp/many-b.c"); r.Argv[1] != "b.c" {
				t.Errorf("argv %q", r.Argv)
			}
			m.call("many-a", "stop", 0)
			m.call("many-b.c", "status", 0)
			m.call("many-b.c", "stop", 0)
		})
		t.Run("reload", func(t *testing.T) {
			m := m.on(t)
			m.script("/usr/bin/loads", "trap 'echo hup >>/tmp/loads' HUP\nwhile :; do sleep 0.1; done\n")
			m.install("name: loads\ncommand: [/usr/bin/loads]\nreload: {signal: SIGHUP}\n")
			m.call("loads", "start", 0)
			pid := m.pid("loads")
			m.call("loads", "reload", 0)
			m.call("loads", "force-reload", 0)
			m.WaitFor("the signals", func() bool { return m.lines("/tmp/loads") >= 1 })
			if m.pid("loads") != pid {
				t.Error("reload made another process")
			}
			m.call("loads", "stop", 0)
			m.install("name: cannot\ncommand: [/usr/bin/loads]\n")
			m.call("cannot", "start", 0)
			m.call("cannot", "reload", 3)
			pid = m.pid("cannot")
			m.call("cannot", "force-reload", 0)
			if m.pid("cannot") == pid {
				t.Error("force-reload did not restart")
			}
			m.call("cannot", "stop", 0)
		})
	})
}
