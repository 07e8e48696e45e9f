//go:build linux

package install_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
)

// victimArg makes the test program a victim: it works on a machine in a
// directory and kills itself.
const victimArg = "victim-of-the-kill-tests"

// stored is a manager between processes.
type stored struct {
	Loaded map[string]string
	Jobs   map[string]storedJob
	On     map[string]bool
	PIDs   int
}

type storedJob struct {
	State         generators.State
	PID, Restarts int
	Ran           string
}

// save keeps the manager beside its directory, as it goes on when those that
// spoke to it die.
func (m *manager) save() {
	s := stored{Loaded: m.loaded, Jobs: map[string]storedJob{}, On: m.on, PIDs: m.pids}
	for name, st := range m.state {
		s.Jobs[name] = storedJob{st.state, st.pid, st.restarts, st.ran}
	}
	content, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(m.dir+".manager", content, 0o600)
	}
	if err != nil {
		panic(err)
	}
}

// storedManager is a manager that save has kept.
func storedManager(dir string) *manager {
	m := newManager(dir)
	content, err := os.ReadFile(dir + ".manager")
	if err != nil {
		return m
	}
	var s stored
	if err := json.Unmarshal(content, &s); err != nil {
		panic(err)
	}
	m.loaded, m.on, m.pids = s.Loaded, s.On, s.PIDs
	for name, j := range s.Jobs {
		m.state[name] = &fakeState{j.State, j.PID, j.Restarts, j.Ran}
	}
	return m
}

// storedMachine opens a machine that outlives the process.
func storedMachine(dir string) (*machine, error) {
	m := storedManager(dir)
	m.after = m.save
	h, err := host.Open(dir, m)
	return &machine{Host: h, m: m}, err
}

// operations by name, on both kinds of managers.
func operation(name, backend string, h host.Host) error {
	old := on(backend, item("web", "v1", "web.timer"), item("db", "v1"))
	switch name {
	case "install":
		return try(h, old...)
	case "upgrade":
		return try(h, on(backend, item("web", "v2"), item("db", "v2", "db.timer"))...)
	case "uninstall":
		return uninstall(h, install.Options{}, "web", "db")
	case "purge":
		return uninstall(h, install.Options{Purge: true}, "web", "db")
	case "recover":
		_, err := install.Recover(context.Background(), h, operate, generators.Target{}, &clock{}, install.RecoverOptions{})
		return err
	}
	return fmt.Errorf("unknown operation %s", name)
}

// victim is the main program of a victim: DIR OPERATION BACKEND WHEN NUMBER.
func victim(args []string) int {
	h, err := storedMachine(args[0])
	if err == nil {
		h.killIn = args[3]
		h.killAt, err = strconv.Atoi(args[4])
	}
	if err == nil {
		err = operation(args[1], args[2], h)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// kill runs an operation that kills itself; false means that it came to its end.
func kill(t *testing.T, dir, op, backend, when string, n int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], victimArg, dir, op, backend, when, strconv.Itoa(n))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Fatalf("%s was not killed %s change %d: %v\n%s", op, when, n, err, out)
	}
	return true
}

// prepared makes a machine on disk in the state that an operation starts from.
func prepared(t *testing.T, op, backend string) *machine {
	t.Helper()
	base := t.TempDir()
	// Syncing thousands of files to a disk takes a minute, and proves nothing
	// to a process that is only killed.
	if memory, err := os.MkdirTemp("/dev/shm", "daemonize"); err == nil {
		t.Cleanup(func() { os.RemoveAll(memory) })
		base = memory
	}
	dir := filepath.Join(base, "root")
	for _, d := range []string{"etc", "var/lib", "usr/lib/fake"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h, err := storedMachine(dir)
	if err != nil {
		t.Fatal(err)
	}
	if op != "install" {
		if err := operation("install", backend, h); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// equal compares states of a host and its manager without failing.
func equal(t *testing.T, h *machine, files, running map[string]string) bool {
	return maps.Equal(h.snapshot(t), files) && maps.Equal(h.m.running(), running)
}

// TestKilled kills the program, with SIGKILL, before, in the middle of and
// after every change that it makes to the host and to the manager, recovers,
// and finds the old state or the new one.
func TestKilled(t *testing.T) {
	total := 0
	for _, backend := range []string{"fake", "plain"} {
		for _, op := range []string{"install", "upgrade", "uninstall"} {
			t.Run(op+"/"+backend, func(t *testing.T) {
				done := prepared(t, op, backend)
				files, running := done.snapshot(t), done.m.running()
				if err := operation(op, backend, done); err != nil {
					t.Fatal(err)
				}
				newFiles, newRunning := done.snapshot(t), done.m.running()
				kills, old := 0, 0
				for _, when := range []string{"before", "middle", "after"} {
					for n, misses := 1, 0; misses < 8; n++ {
						h := prepared(t, op, backend)
						if !kill(t, h.m.dir, op, backend, when, n) {
							misses++ // the middle of what has none, or the end
							continue
						}
						misses = 0
						what := fmt.Sprintf("%s killed %s change %d", op, when, n)
						recovered(t, h.m.dir, what)
						h, err := storedMachine(h.m.dir)
						if err != nil {
							t.Fatal(err)
						}
						switch {
						case equal(t, h, files, running):
							old++
						case equal(t, h, newFiles, newRunning):
						default:
							same(t, what+", files", files, h.snapshot(t))
							same(t, what+", manager", running, h.m.running())
							t.Fatalf("%s: neither the old nor the new state", what)
						}
						kills++
					}
				}
				if kills < 30 {
					t.Errorf("killed only %d times", kills)
				}
				t.Logf("%d of %d kills recovered: %d to the old state, %d to the new", kills, kills, old, kills-old)
				total += kills
			})
		}
	}
	t.Logf("%d of %d kills recovered in all", total, total)
}

// recovered recovers a host, and does so again in vain.
func recovered(t *testing.T, dir, what string) {
	t.Helper()
	h, err := storedMachine(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := operation("recover", "", h); err != nil {
		t.Fatalf("%s: cannot recover: %v", what, err)
	}
	h.m.calls = nil
	if err := operation("recover", "", h); err != nil || len(h.m.calls) > 0 {
		t.Fatalf("%s: recovering again: %v, %q", what, err, h.m.calls)
	}
}

// TestKilledWhileRecovering kills an upgrade and an uninstallation late, and
// then the recovery before and after each of its changes.
func TestKilledWhileRecovering(t *testing.T) {
	for _, op := range []string{"upgrade", "uninstall"} {
		h := prepared(t, op, "fake")
		files, running := h.snapshot(t), h.m.running()
		last := 1
		for kill(t, prepared(t, op, "fake").m.dir, op, "fake", "before", last+1) {
			last++
		}
		kills := 0
		for _, first := range []int{last / 3, last * 2 / 3} {
			for _, when := range []string{"before", "middle", "after"} {
				for n, misses := 1, 0; misses < 8; n++ {
					dir := prepared(t, op, "fake").m.dir
					if !kill(t, dir, op, "fake", "before", first) {
						t.Fatal("not killed")
					}
					if !kill(t, dir, "recover", "fake", when, n) {
						misses++
						continue
					}
					misses = 0
					what := fmt.Sprintf("%s killed before change %d, recovery %s %d", op, first, when, n)
					recovered(t, dir, what)
					h, err := storedMachine(dir)
					if err != nil {
						t.Fatal(err)
					}
					same(t, what, files, h.snapshot(t))
					same(t, what, running, h.m.running())
					kills++
				}
			}
		}
		t.Logf("%s: %d of %d kills of the recovery recovered", op, kills, kills)
	}
}

// TestKilledPurge kills a removal of data: what has begun to be removed goes
// completely, and without a beginning all comes back.
func TestKilledPurge(t *testing.T) {
	prepare := func() *machine {
		h := prepared(t, "install", "fake")
		it := item("web", "v1")
		it.Data = []string{"/var/lib/web"}
		mustInstall(t, h, install.Options{}, it, item("db", "v1"))
		if err := os.MkdirAll(h.path("var/lib/web/deep"), 0o755); err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := prepare()
	files := h.snapshot(t)
	if err := operation("purge", "fake", h); err != nil {
		t.Fatal(err)
	}
	gone := h.snapshot(t)
	if slices.ContainsFunc(slices.Collect(maps.Keys(gone)), func(name string) bool { return strings.HasPrefix(name, "/var/lib/web") }) {
		t.Fatalf("not purged: %v", gone)
	}
	kept, removed := 0, 0
	for _, when := range []string{"before", "after"} {
		for n := 1; ; n++ {
			h := prepare()
			if !kill(t, h.m.dir, "purge", "fake", when, n) {
				break
			}
			what := fmt.Sprintf("purge killed %s change %d", when, n)
			recovered(t, h.m.dir, what)
			if now := h.snapshot(t); maps.Equal(now, gone) {
				removed++
			} else {
				same(t, what, files, now)
				kept++
			}
		}
	}
	if removed == 0 || kept == 0 {
		t.Errorf("%d undone, %d completed", kept, removed)
	}
	t.Logf("%d of %d kills recovered: %d undone, %d completed", kept+removed, kept+removed, kept, removed)
}
