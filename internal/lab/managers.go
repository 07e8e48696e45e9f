package lab

import "testing"

// A Manager is a service manager that runs in one of the roots.
type Manager struct {
	Name    string // unique, of subtests
	Root    string
	Backend string // of daemonize
	// Start starts the manager where it is not what boots the machine.
	Start func(m *Machine)
}

// Managers returns those that install and the verbs are proven on.
func Managers() []Manager {
	return []Manager{
		{"systemd247", "systemd247", "systemd", nil},
		{"systemd252", "systemd252", "systemd", nil},
		{"systemd257", "systemd257", "systemd", nil},
		{"systemd262", "systemd262", "systemd", nil},
		{"sysvinit", "sysvinit", "sysvinit", nil},
		{"openrc", "openrc", "openrc", nil},
		{"supervisord", "sysvinit", "supervisord", func(m *Machine) {
			m.MustRun("service", "supervisor", "start")
			m.WaitFor("supervisord", func() bool { return m.Run("supervisorctl", "version").Code == 0 })
		}},
		{"runit", "sysvinit", "runit", background("runsvdir", "runsvdir", "-P", "/etc/service")},
		{"daemontools", "sysvinit", "daemontools", background("svscan", "svscan", "/etc/service")},
		{"s6", "sysvinit", "s6", func(m *Machine) {
			m.MustRun("mkdir", "-p", "/etc/s6/service")
			m.MustRun("sh", "-c", "setsid s6-svscan /etc/s6/service </dev/null >/dev/null 2>&1 &")
			m.WaitFor("s6-svscan", func() bool { return m.Run("s6-svscanctl", "/etc/s6/service").Code == 0 })
		}},
	}
}

// background returns what starts a supervisor that stays in the foreground, and
// waits for its process.
func background(comm string, argv ...string) func(m *Machine) {
	return func(m *Machine) {
		m.MustRun("mkdir", "-p", "/etc/service")
		m.MustRun(append([]string{"sh", "-c", `setsid "$@" </dev/null >/dev/null 2>&1 &`, "sh"}, argv...)...)
		m.WaitFor(comm, func() bool { return m.Run("pgrep", "-x", comm).Code == 0 })
	}
}

// Boot is [Boot] with the manager started.
func (manager *Manager) Boot(t *testing.T, opts ...Option) *Machine {
	t.Helper()
	m := Boot(t, manager.Root, opts...)
	if manager.Start != nil {
		manager.Start(m)
	}
	return m
}

// OnManagers runs f on each of Managers in a machine of its own, at the same time
// as far as tests are run in parallel.
func OnManagers(t *testing.T, opts []Option, f func(t *testing.T, m *Machine, manager Manager)) {
	for _, manager := range Managers() {
		t.Run(manager.Name, func(t *testing.T) {
			t.Parallel()
			f(t, manager.Boot(t, opts...), manager)
		})
	}
}
