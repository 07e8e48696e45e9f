//go:build linux

package install_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daemonize/daemonize/internal/lab"
)

// victimProgram builds a daemonize that kills itself before or after the nth change
// that it makes.
func victimProgram(t *testing.T) string {
	t.Helper()
	victim := filepath.Join(t.TempDir(), "victim")
	build := exec.Command("go", "build", "-o", victim, "./testdata/victim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return victim
}

// killing is what is killed on a manager.
type killing struct {
	// spec is for daemons web, which makes the account web, job and listener.
	listener string
	// managed describes what the manager makes of the daemons.
	managed func(m *lab.Machine) map[string]string
	// step is how many changes lie between two kills. Killing after one change is
	// killing before the next, so with 2 there is a kill between any two changes;
	// with more it is a sample.
	step int
	// least is how many kills there must be of each operation.
	least int
}

func killings() map[string]killing {
	return map[string]killing{
		"systemd": {
			listener: "sockets: [{name: main, listen: 'unix:///run/listener.sock'}]\n", step: 2, least: 10,
			managed: func(m *lab.Machine) map[string]string {
				units := []string{"web.service", "job.service", "job.timer", "listener.socket"}
				show := m.MustRun(append([]string{"systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload,ExecStart"}, units...)...)
				all := map[string]string{}
				for i, block := range strings.Split(strings.TrimSpace(show), "\n\n") {
					var lines []string
					for line := range strings.Lines(block) {
						// Pids and times differ each time.
						if before, _, found := strings.Cut(line, " ; ignore_errors"); found {
							line = before
						}
						lines = append(lines, strings.TrimSpace(line))
					}
					all[units[i]] = strings.Join(lines, " ")
				}
				return all
			},
		},
		"sysvinit": {
			step: 6, least: 3,
			managed: func(m *lab.Machine) map[string]string {
				all := map[string]string{}
				for _, name := range []string{"web", "listener"} {
					if m.Run("test", "-e", "/etc/init.d/"+name).Code == 0 {
						all[name] = strconv.Itoa(m.Run("/etc/init.d/"+name, "status").Code)
					}
				}
				return all
			},
		},
		"supervisord": {
			step: 9, least: 2, // each of its commands is a Python program
			managed: func(m *lab.Machine) map[string]string {
				all := map[string]string{}
				for line := range strings.Lines(m.Run("supervisorctl", "status").Stdout) {
					// web    RUNNING   pid 12, uptime 0:00:01
					if f := strings.Fields(line); len(f) > 1 {
						all[f[0]] = f[1]
					}
				}
				return all
			},
		},
	}
}

// TestLabKilled is TestKilled with real managers: the process is killed between
// any two of its changes, or on the slower ones some of them, `daemonize recover`
// follows, and files, jobs and processes are in the old or the new state.
func TestLabKilled(t *testing.T) {
	lab.Long(t)
	lab.Root(t, "systemd252")
	opts := []lab.Option{lab.Bind(binary(t), "/usr/bin/daemonize"), lab.Bind(victimProgram(t), "/usr/bin/victim")}
	for _, manager := range lab.Managers() {
		k, ok := killings()[manager.Backend]
		if !ok || manager.Backend == "systemd" && manager.Name != "systemd252" {
			continue // the steps on the other versions are the same
		}
		t.Run(manager.Name, func(t *testing.T) {
			t.Parallel()
			k.kill(t, manager.Boot(t, opts...), manager)
		})
	}
}

func (k *killing) kill(t *testing.T, m *lab.Machine, manager lab.Manager) {
	spec := func(seconds string) string {
		return "version: 1\nname: web\ncommand: [/usr/bin/sleep, '" + seconds + "']\nuser: web\ncreate_user: true\n---\n" +
			"version: 1\nname: job\ntype: oneshot\ncommand: [/bin/true, '" + seconds + "']\ntimers: [{name: main, calendar: daily}]\n---\n" +
			"version: 1\nname: listener\ncommand: [/usr/bin/sleep, '" + seconds + "']\n" + k.listener
	}
	m.WriteFile("/tmp/old.yaml", spec("1000"), 0o644)
	m.WriteFile("/tmp/new.yaml", spec("2000"), 0o644)
	// state is what is on disk, what the manager makes of it, and what runs.
	state := func() map[string]string {
		all := m.Snapshot("/etc", "/var/lib/daemonize", "/usr/lib")
		maps.DeleteFunc(all, func(name, _ string) bool {
			// The account is compared below; insserv writes its own in any order.
			return strings.HasPrefix(name, "/etc/init.d/.depend.") || slices.Contains([]string{"/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-", "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"}, name)
		})
		all["account"] = m.Run("getent", "passwd", "web").Stdout
		maps.Copy(all, k.managed(m))
		for _, seconds := range []string{"1000", "2000"} {
			all["sleep "+seconds] = strconv.Itoa(strings.Count(m.Run("pgrep", "-x", "-f", "/usr/bin/sleep "+seconds).Stdout, "\n")) + " processes"
		}
		return all
	}
	total := 0
	for _, op := range []struct {
		name string
		args []string
	}{
		{"install", []string{"install", "/tmp/new.yaml"}},
		{"upgrade", []string{"install", "/tmp/new.yaml"}},
		{"uninstall", []string{"uninstall", "web", "job", "listener"}},
	} {
		// reset leads to the state before the operation, from either.
		reset := func() {
			if op.name == "install" {
				m.Run("daemonize", "uninstall", "--purge", "web", "job", "listener")
			} else {
				if m.Run("test", "-e", "/var/lib/daemonize/web.json").Code != 0 {
					m.Run("userdel", "web") // which was kept
				}
				m.MustRun("daemonize", "install", "--backend", manager.Backend, "/tmp/old.yaml")
			}
		}
		// settled waits for a state: a process may be about to become its program.
		settled := func(wants ...map[string]string) (now map[string]string, which int) {
			for range 100 {
				now = state()
				if which = slices.IndexFunc(wants, func(want map[string]string) bool { return maps.Equal(want, now) }); which >= 0 {
					return now, which
				}
				time.Sleep(20 * time.Millisecond)
			}
			return now, -1
		}
		steady := func() map[string]string {
			now := state()
			for range 100 {
				next, which := settled(now)
				if which == 0 {
					break
				}
				now = next
			}
			return now
		}
		reset()
		before := steady()
		done := append([]string{"daemonize"}, op.args...)
		if op.args[0] == "install" {
			done = append(done, "--backend", manager.Backend)
		}
		m.MustRun(done...)
		after := steady()
		kills, old := 0, 0
		for _, when := range []string{"before", "after"} {
			for n := 1; ; n += k.step {
				reset()
				if got, which := settled(before); which < 0 {
					t.Fatalf("cannot get back to the state before %s:\n%s", op.name, strings.Join(lab.Diff(before, got), "\n"))
				}
				r := m.Run(append([]string{"victim", manager.Backend, when, strconv.Itoa(n)}, op.args...)...)
				if r.Code == 0 {
					break
				}
				if r.Code > 0 && r.Code != 128+9 {
					t.Fatalf("%s: %v", op.name, r)
				}
				what := fmt.Sprintf("%s killed %s change %d", op.name, when, n)
				if r := m.Run("daemonize", "recover"); r.Code != 0 {
					t.Fatalf("%s: %v", what, r)
				}
				now, which := settled(before, after)
				if which < 0 {
					t.Fatalf("%s: not the old state:\n%s\nnor the new:\n%s", what,
						strings.Join(lab.Diff(before, now), "\n"), strings.Join(lab.Diff(after, now), "\n"))
				}
				old += 1 - which
				kills++
			}
		}
		if kills < k.least {
			t.Errorf("%s: killed only %d times", op.name, kills)
		}
		t.Logf("%s: %d of %d kills recovered: %d to the old state, %d to the new", op.name, kills, kills, old, kills-old)
		total += kills
	}
	t.Logf("%s: %d of %d kills recovered in all", manager.Name, total, total)
}
