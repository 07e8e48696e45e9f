//go:build linux

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSystemd(t *testing.T) {
	m := Boot(t, "systemd252")
	if r := m.Run("systemctl", "is-system-running"); r.Stdout != "running\n" {
		t.Fatalf("%v\n%s", r, m.MustRun("systemctl", "--failed"))
	}
	// Fails with an I/O error if a process in the cgroups comes from outside.
	if r := m.Run("systemctl", "status"); r.Code != 0 || r.Stderr != "" || !strings.Contains(r.Stdout, "dbus-daemon") {
		t.Errorf("systemctl status: %v", r)
	}
	if s := m.MustRun("cat", "/proc/self/cgroup"); !strings.Contains(s, "0::/init.scope\n") {
		t.Errorf("commands run in the cgroup %s", s)
	}
	before := m.Snapshot()
	if len(before) < 1000 || before["/usr/lib/systemd/systemd"] == "" {
		t.Fatalf("snapshot of all has only %d files", len(before))
	}

	// DynamicUser, to see that sandboxing takes effect.
	m.WriteFile("/etc/systemd/system/tiny.service", `[Service]
DynamicUser=yes
NoNewPrivileges=yes
StateDirectory=tiny
ExecStart=/bin/sh -c 'id -un >/var/lib/tiny/user; exec sleep infinity'
`, 0o644)
	m.MustRun("systemctl", "daemon-reload")
	m.MustRun("systemctl", "start", "tiny")
	m.WaitFor("the unit to write its file", func() bool {
		return m.Run("cat", "/var/lib/tiny/user").Stdout == "tiny\n"
	})
	pid := strings.TrimSpace(m.MustRun("systemctl", "show", "-P", "MainPID", "tiny"))
	if s := m.MustRun("cat", "/proc/"+pid+"/status"); !strings.Contains(s, "\nNoNewPrivs:\t1\n") {
		t.Errorf("NoNewPrivileges= has no effect:\n%s", s)
	}
	// A manager that shares its cgroups would see other processes as well.
	if s := m.MustRun("cat", "/sys/fs/cgroup/system.slice/tiny.service/cgroup.procs"); s != pid+"\n" {
		t.Errorf("processes of the unit: %q, want only %s", s, pid)
	}
	want := []string{
		"+ /etc/systemd/system/tiny.service: file 0644 0 0 ",
		"+ /var/lib/private/tiny: directory 0755 ",
		"+ /var/lib/private/tiny/user: file 0644 ",
		"+ /var/lib/tiny: symlink 0777 0 0 private/tiny",
	}
	got := slices.DeleteFunc(Diff(before, m.Snapshot()), func(line string) bool {
		return strings.HasPrefix(line, "+ /var/lib/private: ") // in newer versions
	})
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("diff is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	m.MustRun("systemctl", "stop", "tiny")
	m.MustRun("systemctl", "clean", "--what=state", "tiny")
	m.MustRun("rm", "/etc/systemd/system/tiny.service")
	m.MustRun("systemctl", "daemon-reload")
	wantSame(t, before, m.Snapshot())
}

func wantSame(t *testing.T, before, after map[string]string) {
	t.Helper()
	if d := Diff(before, after); len(d) > 0 {
		t.Errorf("changed:\n%s", strings.Join(d, "\n"))
	}
}

func TestDaemonsAreThereAndDoNotRun(t *testing.T) {
	m := Boot(t, "systemd252")
	for _, unit := range []string{"nginx", "redis-server"} {
		if r := m.Run("systemctl", "is-enabled", unit); r.Stdout != "disabled\n" {
			t.Errorf("%s: %v", unit, r)
		}
		if r := m.Run("systemctl", "is-active", unit); r.Stdout != "inactive\n" {
			t.Errorf("%s: %v", unit, r)
		}
		m.MustRun("systemctl", "start", unit)
	}
	m.MustRun("python3", "-c", "print()")
}

func TestVersions(t *testing.T) {
	for _, version := range []string{"247", "257", "262"} {
		t.Run(version, func(t *testing.T) {
			m := Boot(t, "systemd"+version)
			if r := m.Run("systemctl", "is-system-running"); r.Stdout != "running\n" {
				t.Errorf("%v\n%s", r, m.MustRun("systemctl", "--failed"))
			}
			// sid moves on.
			if s := m.MustRun("systemctl", "--version"); version != "262" && !strings.HasPrefix(s, "systemd "+version+" ") {
				t.Errorf("systemctl --version: %s", s)
			}
			before := m.Snapshot()
			m.MustRun("systemd-run", "--wait", "--property=ProtectSystem=strict", "true")
			wantSame(t, before, m.Snapshot())
		})
	}
}

func TestSysVinit(t *testing.T) {
	m := Boot(t, "sysvinit")
	if s := m.MustRun("runlevel"); s != "N 2\n" {
		t.Errorf("runlevel says %q", s)
	}
	if s := m.MustRun("cat", "/proc/1/comm"); s != "init\n" {
		t.Errorf("PID 1 is %q", s)
	}
	before := m.Snapshot()
	// LSB: 3 is "not running".
	if r := m.Run("/etc/init.d/cron", "status"); r.Code != 3 || r.Err != nil {
		t.Errorf("cron status before start: %v", r)
	}
	m.MustRun("/etc/init.d/cron", "start")
	if s := m.MustRun("/etc/init.d/cron", "status"); !strings.Contains(s, "cron is running") {
		t.Errorf("cron status: %q", s)
	}
	m.MustRun("/etc/init.d/cron", "stop")
	wantSame(t, before, m.Snapshot())
	for _, tool := range []string{"supervisord", "insserv", "logrotate"} {
		m.MustRun("which", tool)
	}
}

func TestOpenRC(t *testing.T) {
	m := Boot(t, "openrc")
	if s := m.MustRun("rc-status", "--runlevel"); s != "default\n" {
		t.Errorf("runlevel is %q", s)
	}
	if s := m.MustRun("cat", "/proc/1/comm"); s != "init\n" {
		t.Errorf("PID 1 is %q", s)
	}
	if s := m.MustRun("rc-status", "--all"); strings.Contains(s, "crashed") {
		t.Errorf("services crashed:\n%s", s)
	}
	before := m.Snapshot()
	m.WriteFile("/etc/init.d/tiny", `#!/sbin/openrc-run
supervisor=supervise-daemon
command=/bin/sleep
command_args=infinity
`, 0o755)
	m.MustRun("rc-update", "add", "tiny", "default")
	m.MustRun("rc-service", "tiny", "start")
	if s := m.MustRun("rc-service", "tiny", "status"); !strings.Contains(s, "started") {
		t.Errorf("status: %q", s)
	}
	m.MustRun("rc-service", "tiny", "stop")
	if r := m.Run("rc-service", "tiny", "status"); r.Code != 3 { // "stopped", in openrc-run(8)
		t.Errorf("status after stop: %v", r)
	}
	m.MustRun("rc-update", "delete", "tiny", "default")
	m.MustRun("rm", "/etc/init.d/tiny")
	wantSame(t, before, m.Snapshot())
	for _, tool := range []string{"cron", "logrotate", "python3"} {
		m.MustRun("which", tool)
	}
}

// TestScanners has each of the supervisors that scan a directory start what is
// in one, tell its PID and stop it.
func TestScanners(t *testing.T) {
	m := Boot(t, "sysvinit")
	for _, tool := range []string{"chpst", "svlogd", "s6-log", "execlineb", "multilog", "setuidgid", "python3"} {
		m.MustRun("which", tool)
	}
	for _, s := range []struct {
		scan, status, stop []string
		up, down           string
	}{
		{[]string{"runsvdir", "-P"}, []string{"sv", "status"}, []string{"sv", "down"}, "run: ", "down: "},
		{[]string{"s6-svscan"}, []string{"s6-svstat"}, []string{"s6-svc", "-wD", "-d"}, "up (pid ", "down ("},
		{[]string{"svscan"}, []string{"svstat"}, []string{"svc", "-d"}, "up (pid ", "down "},
	} {
		t.Run(s.scan[0], func(t *testing.T) {
			dir := "/srv/" + s.scan[0]
			service := dir + "/tiny"
			m.WriteFile(service+"/run", "#!/bin/sh\necho $$ >"+dir+"/pid\nexec sleep infinity\n", 0o755)
			m.MustRun(append([]string{"sh", "-c", `setsid "$@" </dev/null >/dev/null 2>&1 &`, "sh"}, append(s.scan, dir)...)...)
			m.WaitFor("the service to be up", func() bool {
				pid := strings.TrimSpace(m.Run("cat", dir+"/pid").Stdout)
				r := m.Run(append(s.status, service)...)
				return pid != "" && strings.Contains(r.Stdout, s.up) && strings.Contains(r.Stdout, "pid "+pid+")")
			})
			m.MustRun(append(s.stop, service)...)
			m.WaitFor("the service to be down", func() bool {
				return strings.Contains(m.Run(append(s.status, service)...).Stdout, s.down)
			})
		})
	}
}

// TestReboot boots every kind of machine twice.
func TestReboot(t *testing.T) {
	for name, enable := range map[string][]string{
		"systemd247": {"systemctl", "enable", "tiny"},
		"systemd252": {"systemctl", "enable", "tiny"},
		"systemd257": {"systemctl", "enable", "tiny"},
		"systemd262": {"systemctl", "enable", "tiny"},
		"sysvinit":   {"update-rc.d", "tiny", "defaults"},
		"openrc":     {"rc-update", "add", "tiny", "default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Boot(t, name, Bind("/usr/bin/true", "/srv/bound"))
			m.WriteFile("/etc/systemd/system/tiny.service", "[Service]\nExecStart=/bin/touch /run/tiny\n[Install]\nWantedBy=multi-user.target\n", 0o644)
			m.WriteFile("/etc/init.d/tiny", `#!/bin/sh
### BEGIN INIT INFO
# Provides: tiny
# Required-Start:
# Required-Stop:
# Default-Start: 2
# Default-Stop:
### END INIT INFO
touch /run/tiny
`, 0o755)
			m.MustRun(enable...)
			m.MustRun("touch", "/run/gone")
			before := m.Snapshot()
			boot := m.MustRun("cat", "/proc/sys/kernel/random/boot_id")
			for range 2 {
				m.Reboot()
				m.MustRun("test", "-e", "/run/tiny")
				m.MustRun("test", "!", "-e", "/run/gone")
				m.MustRun("test", "-e", "/srv/bound")
				if m.systemd {
					m.MustRun("systemctl", "status")
				}
				wantSame(t, before, m.Snapshot())
				if now := m.MustRun("cat", "/proc/sys/kernel/random/boot_id"); now == boot {
					t.Error("it has not booted again")
				} else {
					boot = now
				}
			}
		})
	}
}

func TestChroot(t *testing.T) {
	for _, name := range []string{"systemd247", "systemd252", "systemd257", "systemd262"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, content string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("good.service", "[Service]\nExecStart=/bin/true\n")
			write("bad.service", "[Service]\nExecStart=/bin/true\nNoSuchKey=1\n")
			m := Chroot(t, name, Bind(dir, "/units"))
			if r := m.Run("systemd-analyze", "verify", "/units/good.service"); r.Code != 0 || r.Stderr != "" {
				t.Errorf("good: %v", r)
			}
			if r := m.Run("systemd-analyze", "verify", "/units/bad.service"); !strings.Contains(r.Stderr, "NoSuchKey") {
				t.Errorf("bad: %v", r)
			}
			if s := m.MustRun("cat", "/proc/1/cmdline"); strings.Contains(s, "systemd") {
				t.Errorf("PID 1 is a manager: %q", s)
			}
		})
	}
}

func TestSideBySide(t *testing.T) {
	a, b := Boot(t, "systemd252"), Boot(t, "systemd252")
	for _, m := range []*Machine{a, b} {
		m.WriteFile("/etc/name", m.name, 0o600)
		m.MustRun("systemd-run", "--unit=same", "--collect", "sleep", "infinity")
	}
	for _, m := range []*Machine{a, b} {
		if s := m.MustRun("cat", "/etc/name"); s != m.name {
			t.Errorf("%s has the file of %s", m.name, s)
		}
	}
	if x, y := a.MustRun("cat", "/etc/machine-id"), b.MustRun("cat", "/etc/machine-id"); x == y {
		t.Errorf("both have machine-id %s", x)
	}
	pid := b.MustRun("systemctl", "show", "-P", "MainPID", "same")
	a.MustRun("systemctl", "kill", "--kill-whom=all", "--signal=KILL", "same")
	a.WaitFor("the unit to end", func() bool { return a.Run("systemctl", "is-active", "same").Code != 0 })
	b.MustRun("systemctl", "is-active", "same")
	if now := b.MustRun("systemctl", "show", "-P", "MainPID", "same"); now != pid {
		t.Errorf("PID in the other machine was %s, is %s", pid, now)
	}
}

func TestRun(t *testing.T) {
	m := Chroot(t, "systemd252")

	r := m.Run("sh", "-c", "echo out; echo err >&2; exit 7")
	if r.Stdout != "out\n" || r.Stderr != "err\n" || r.Code != 7 || r.Err != nil {
		t.Errorf("exit: %v", r)
	}
	if r := m.Run("/no/such/program"); r.Code != 127 {
		t.Errorf("no such program: %v", r)
	}
	if r := m.Run("sh", "-c", "kill -KILL $$"); r.Code == 0 {
		t.Errorf("killed: %v", r)
	}
	if r := m.Run(); r.Err == nil {
		t.Errorf("no command: %v", r)
	}
	hostile := []string{"", " ", `"'\`, "$HOME `id` %n", "-n", "a\nb", "--", "ü\x80"}
	if s := m.MustRun(append([]string{"printf", "[%s]"}, hostile...)...); s != "["+strings.Join(hostile, "][")+"]" {
		t.Errorf("arguments arrived as %q", s)
	}

	got := strings.Split(strings.TrimSuffix(m.MustRun("env", "-0"), "\x00"), "\x00")
	got = slices.DeleteFunc(got, func(v string) bool { return v == "PWD=/" }) // the shell's
	if want := environment[:]; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("environment is %q, want %q", got, want)
	}
	if s := m.MustRun("pwd"); s != "/\n" {
		t.Errorf("directory: %q", s)
	}
	if s := m.MustRun("hostname"); s != m.name+"\n" {
		t.Errorf("host name: %q", s)
	}
	if s := m.MustRun("ls", "/sys/class/net"); s != "lo\n" {
		t.Errorf("network: %q", s)
	}
	if s := m.MustRun("ls", "-l", "/proc/self/fd"); strings.Contains(s, " 4 -> ") {
		t.Errorf("descriptors leak into the machine: %s", s) // 3 is that directory
	}
	r = m.RunContext(t.Context(), strings.NewReader("a\x00b"), "cat")
	if r.Stdout != "a\x00b" {
		t.Errorf("input: %v", r)
	}

	// A daemon that keeps its output open must not hold up its starter.
	m.MustRun("sh", "-c", "sleep 9999 & echo $! >/run/left")
	m.MustRun("sh", "-c", "kill -0 $(cat /run/left)")
}

func TestRunContextEnds(t *testing.T) {
	m := Chroot(t, "systemd252")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan Result)
	go func() {
		result <- m.RunContext(ctx, nil, "sh", "-c", "echo before; : >/run/started; sleep 9999; echo after")
	}()
	m.WaitFor("the command to start", func() bool { return m.Run("test", "-e", "/run/started").Code == 0 })
	cancel()
	r := <-result
	if r.Code != -1 || !errors.Is(r.Err, context.Canceled) || r.Stdout != "before\n" {
		t.Errorf("%v", r)
	}
	m.WaitFor("the command to be gone", func() bool {
		return !strings.Contains(m.MustRun("ps", "-e", "-o", "args"), "sleep 9999")
	})
}

func TestWriteFile(t *testing.T) {
	m := Chroot(t, "systemd252")
	content := "a\x00\xff$HOME'\"\\\n"
	m.MustRun("ln", "-s", "/etc/passwd", "/srv/link")
	m.MustRun("mkdir", "/srv/real")
	m.MustRun("ln", "-s", "/srv/real", "/srv/absolute")
	passwd := m.MustRun("cat", "/etc/passwd")
	for _, name := range []string{"/srv/new dir/-n '$x'\n", "/srv/link", "/srv/absolute/file", "/srv/set"} {
		m.WriteFile(name, content, 0o640|fs.ModeSetgid)
		if s := m.MustRun("cat", name); s != content {
			t.Errorf("%q has %q", name, s)
		}
		if s := m.MustRun("stat", "-c", "%F %a %u %g", name); s != "regular file 2640 0 0\n" {
			t.Errorf("%q is a %s", name, s)
		}
	}
	m.MustRun("test", "-f", "/srv/real/file")
	if s := m.MustRun("cat", "/etc/passwd"); s != passwd {
		t.Error("wrote through a link")
	}
}

func TestBind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `a:b\ c`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := Chroot(t, "systemd252", Bind(dir, "/srv/read:only"), ReadWriteBind(dir, "/srv/read write"))
	if s := m.MustRun("cat", "/srv/read:only/file"); s != "content" {
		t.Errorf("read %q", s)
	}
	if r := m.Run("touch", "/srv/read:only/new"); r.Code == 0 {
		t.Error("could write to a read-only bind")
	}
	m.MustRun("touch", "/srv/read write/new")
	if _, err := os.Stat(filepath.Join(dir, "new")); err != nil {
		t.Error(err)
	}
}

func TestSnapshot(t *testing.T) {
	m := Chroot(t, "systemd252")
	m.MustRun("sh", "-ec", `cd /srv
mkdir dir; mkfifo pipe; mknod null c 1 3; ln -s target link
echo same >same; echo 1 >content; echo x >mode; echo x >owner; echo x >gone; echo x >type
printf x >"$(printf 'odd\377\n name')"`)
	before := m.Snapshot("/srv", "/no/such/dir")
	const x = "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac" // of "x\n"
	for name, want := range map[string]string{
		"/srv":      "directory 0755 0 0",
		"/srv/dir":  "directory 0755 0 0",
		"/srv/pipe": "pipe 0644 0 0",
		"/srv/link": "symlink 0777 0 0 target",
		"/srv/mode": "file 0644 0 0 " + x,
	} {
		if before[name] != want {
			t.Errorf("%s: %q, want %q", name, before[name], want)
		}
	}
	if !strings.HasPrefix(before["/srv/null"], "device 0644 0 0 ") {
		t.Errorf("device: %q", before["/srv/null"])
	}
	if before["/srv/odd\xff\n name"] == "" {
		t.Error("no file with an odd name")
	}
	if len(before) != 12 {
		t.Errorf("%d files: %q", len(before), before)
	}

	m.MustRun("sh", "-ec", `cd /srv
touch same; chmod 4755 mode; chown 7:8 owner; echo 2 >content; ln -sfn other link
rm gone type; mkdir type; : >new`)
	var got []string
	for _, line := range Diff(before, m.Snapshot("/srv")) {
		got = append(got, strings.ReplaceAll(line, x, "X"))
	}
	sum := func(s string) string { return before["/srv/content"][len("file 0644 0 0 "):] }
	want := []string{
		"~ /srv/content: file 0644 0 0 " + sum("1") + " => file 0644 0 0 53c234e5e8472b6ac51c1ae1cab3fe06fad053beb8ebfd8977b010655bfdd3c3",
		"- /srv/gone: file 0644 0 0 X",
		"~ /srv/link: symlink 0777 0 0 target => symlink 0777 0 0 other",
		"~ /srv/mode: file 0644 0 0 X => file 4755 0 0 X",
		"+ /srv/new: file 0644 0 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"~ /srv/owner: file 0644 0 0 X => file 0644 7 8 X",
		"~ /srv/type: file 0644 0 0 X => directory 0755 0 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("diff is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// What is left out is there when asked for.
	m.MustRun("sh", "-c", "mkdir /run/x; echo >/run/x/y; echo >/var/tmp/z")
	all := m.Snapshot()
	if all["/run/x/y"] != "" || all["/var/tmp/z"] != "" || all["/run"] != "" {
		t.Error("volatile files are in a snapshot of all")
	}
	if m.Snapshot("/run/x")["/run/x/y"] == "" || m.Snapshot("/run")["/run/x/y"] == "" {
		t.Error("volatile files are not in a snapshot of their directory")
	}
}

// TestKilled proves that a machine does not outlive a test process that has no
// chance to clean up.
func TestKilled(t *testing.T) {
	const helper = "LAB_TEST_HELPER"
	if os.Getenv(helper) != "" {
		m := Boot(t, "systemd252")
		fmt.Printf("\nmachine %s\n", m.name)
		select {}
	}
	Root(t, "systemd252") // skips
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), helper+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var name string
	lines := bufio.NewScanner(out)
	for name == "" && lines.Scan() {
		name, _ = strings.CutPrefix(lines.Text(), "machine ")
		if name == lines.Text() {
			name = ""
		}
	}
	cgroup := filepath.Join(unifiedCgroup(cgroupMounts(t)), name)
	_, statErr := os.Stat(filepath.Join(cgroup, "payload"))
	cmd.Process.Kill()
	cmd.Wait()
	if name == "" || statErr != nil {
		t.Fatalf("helper did not boot: %q, %v", name, statErr)
	}
	deadline := time.Now().Add(runLimit)
	for {
		if _, err := os.Stat(cgroup); errors.Is(err, fs.ErrNotExist) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", cgroup)
		}
		time.Sleep(pollEvery)
	}
}

// skipped records how a function ends the test it is given.
type skipped struct {
	testing.TB
	reason string
}

func (s *skipped) Skip(args ...any) { s.end(fmt.Sprint(args...)) }

func (s *skipped) Skipf(format string, args ...any) { s.end(fmt.Sprintf(format, args...)) }

func (s *skipped) end(reason string) {
	s.reason = reason
	runtime.Goexit()
}

func TestRootAbsent(t *testing.T) {
	Root(t, "systemd252") // skips
	t.Setenv("DAEMONIZE_LAB", t.TempDir())
	t.Setenv("DAEMONIZE_LAB_BUILD", "")
	t.Setenv("DAEMONIZE_LAB_ALL", "")
	s := &skipped{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Root(s, "systemd257")
	}()
	<-done
	if !strings.Contains(s.reason, "run .ci/lab-roots systemd257") {
		t.Errorf("skipped because %q", s.reason)
	}
}
