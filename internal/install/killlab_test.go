//go:build linux

package install_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/internal/lab"
)

// TestLabKilled is TestKilled with the real systemd: the process is killed
// before and after each of its changes, `daemonize recover` follows, and files
// and units are in the old or the new state.
func TestLabKilled(t *testing.T) {
	lab.Long(t)
	lab.Root(t, "systemd252")
	victim := filepath.Join(t.TempDir(), "victim")
	build := exec.Command("go", "build", "-o", victim, "./testdata/victim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m := lab.Boot(t, "systemd252", lab.Bind(binary(t), "/usr/bin/daemonize"), lab.Bind(victim, "/usr/bin/victim"))
	units := []string{"web.service", "job.service", "job.timer", "listener.socket"}
	spec := func(seconds string) string {
		return "version: 1\nname: web\ncommand: [/usr/bin/sleep, '" + seconds + "']\nuser: web\ncreate_user: true\n---\n" +
			"version: 1\nname: job\ntype: oneshot\ncommand: [/bin/true, '" + seconds + "']\ntimers: [{name: main, calendar: daily}]\n---\n" +
			"version: 1\nname: listener\ncommand: [/usr/bin/sleep, '" + seconds + "']\nsockets: [{name: main, listen: 'unix:///run/listener.sock'}]\n"
	}
	m.WriteFile("/tmp/old.yaml", spec("1000"), 0o644)
	m.WriteFile("/tmp/new.yaml", spec("2000"), 0o644)
	// state is what is on disk and what the manager makes of it.
	state := func() map[string]string {
		all := m.Snapshot("/etc/systemd", "/etc/sysusers.d", "/var/lib/daemonize", "/usr/lib/systemd/system")
		all["account"] = m.Run("getent", "passwd", "web").Stdout
		show := m.MustRun(append([]string{"systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload,ExecStart"}, units...)...)
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
				m.MustRun("daemonize", "install", "/tmp/old.yaml")
			}
		}
		reset()
		before := state()
		m.MustRun(append([]string{"daemonize"}, op.args...)...)
		after := state()
		kills, old := 0, 0
		for _, when := range []string{"before", "after"} {
			for n := 1; ; n++ {
				reset()
				if got := lab.Diff(before, state()); len(got) > 0 {
					t.Fatalf("cannot get back to the state before %s:\n%s", op.name, strings.Join(got, "\n"))
				}
				r := m.Run(append([]string{"victim", when, strconv.Itoa(n)}, op.args...)...)
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
				now := state()
				switch {
				case maps.Equal(now, before):
					old++
				case !maps.Equal(now, after):
					t.Fatalf("%s: not the old state:\n%s\nnor the new:\n%s", what,
						strings.Join(lab.Diff(before, now), "\n"), strings.Join(lab.Diff(after, now), "\n"))
				}
				kills++
			}
		}
		if kills < 20 {
			t.Errorf("%s: killed only %d times", op.name, kills)
		}
		t.Logf("%s: %d of %d kills recovered: %d to the old state, %d to the new", op.name, kills, kills, old, kills-old)
		total += kills
	}
	t.Logf("%d of %d kills recovered in all", total, total)
}
