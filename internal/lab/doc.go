// Package lab runs real service managers for tests: systemd 247, 252, 257 and
// 262, SysVinit with cron, supervisord, runit, s6 and daemontools, and OpenRC,
// each in a container that is booted in about half a second and thrown away. It
// is imported by tests only, and does its work on Linux only.
//
// # Preparing
//
// It needs root, systemd-nspawn, a mounted cgroup v2 hierarchy and the root
// file systems, which are built once, in under a minute each, on Debian 12 or
// later, by
//
//	.ci/lab-roots          # systemd252
//	.ci/lab-roots all      # it and the others
//
// They are kept in /var/cache/daemonize-lab, or in $DAEMONIZE_LAB. Where
// anything is missing the test is skipped and says what. With
// DAEMONIZE_LAB_BUILD=1 a missing or outdated root is built by the test that
// wants it, and the test fails if that cannot be done.
//
// # Using
//
//	func TestRealUnit(t *testing.T) {
//		m := lab.Boot(t, "systemd252", lab.Bind(binary, "/usr/bin/daemonize"))
//		before := m.Snapshot()
//		m.WriteFile("/etc/web.yaml", spec, 0o644)
//		m.MustRun("daemonize", "install", "/etc/web.yaml")
//		m.WaitFor("web is active", func() bool {
//			return m.Run("systemctl", "is-active", "web").Code == 0
//		})
//		m.MustRun("daemonize", "remove", "web")
//		m.MustRun("rm", "/etc/web.yaml")
//		if d := lab.Diff(before, m.Snapshot()); len(d) > 0 {
//			t.Errorf("left behind:\n%s", strings.Join(d, "\n"))
//		}
//	}
//
// [Chroot] gives the same Machine with no service manager in it, for tools of
// another version:
//
//	m := lab.Chroot(t, "systemd257", lab.Bind(dir, "/units"))
//	r := m.Run("systemd-analyze", "verify", "/units/web.service")
//
// systemd-analyze verify exits 0 for unknown keys: require r.Stderr == "".
//
// Beyond the base system every root has logrotate, python3 and the programs of
// the examples (nginx, redis-server, sshd and others), and sysvinit and openrc
// have cron. No daemon that was installed is enabled. The supervisors in sysvinit are not started:
//
//	m.MustRun("sh", "-c", "setsid runsvdir -P /etc/service </dev/null >/dev/null 2>&1 &")
//
// # What holds
//
// Machines may run side by side, also of one root: each has its own cgroup,
// network (loopback only), host name and machine-id, and its changes live in
// an overlay in memory. A unit's sandbox (seccomp, capabilities, DynamicUser,
// ProtectSystem and so on) takes effect and can be observed. Resource limits by
// cgroup take effect only where the host delegates the controllers; elsewhere
// they can be checked as properties only (systemctl show -p MemoryMax).
//
// [Machine.Reboot] boots a machine again, with what was changed in it.
//
// [Probe] builds the program that tells how it was started; package
// internal/probe/report reads what it tells.
//
// # Load
//
// Tests of the lab run many at a time (`make lab` and CI have -p 4 -parallel 8,
// and conformance boots ten machines at once), for they wait for most of their
// time. So one may not count on how long anything takes: wait for conditions
// ([Machine.WaitFor]), take what the manager says, and compare times with lower
// bounds only. Tests that take minutes begin with [Long].
//
// A machine ends with its test. It ends as well, within a moment, if the test
// process is killed, for instance by go test's own time limit.
package lab
