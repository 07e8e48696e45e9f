package install_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
)

// manager is a service manager that reads a unit from /etc/fake/JOB when it is
// told to reload. The unit's content decides what becomes of it: a service
// that says "crash" is restarted by the manager again and again, "fail" fails,
// "refuse" makes the start command fail, "end" ends well, "slow" never is
// ready; all others run.
type manager struct {
	mu     sync.Mutex
	after  func() // each command
	dir    string
	loaded map[string]string // job -> content
	state  map[string]*fakeState
	on     map[string]bool // enabled by command
	calls  []string        // of commands that change something
	pids   int
}

type fakeState struct {
	state    generators.State
	pid      int
	restarts int
	ran      string // the content that it runs with
}

func newManager(dir string) *manager {
	return &manager{dir: dir, loaded: map[string]string{}, state: map[string]*fakeState{}, on: map[string]bool{}}
}

// Run implements [host.Runner].
func (m *manager) Run(ctx context.Context, argv []string) (generators.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.run(ctx, argv)
	if m.after != nil {
		m.after()
	}
	return r, err
}

func (m *manager) run(_ context.Context, argv []string) (generators.Result, error) {
	if argv[0] != "mgr" {
		return generators.Result{}, fmt.Errorf("cannot run %s: not there", argv[0])
	}
	if argv[1] == "show" {
		return generators.Result{Stdout: m.show(argv[2])}, nil
	}
	if argv[1] == "log" {
		return generators.Result{Stdout: "first words of " + argv[2] + "\nlast words of " + argv[2] + "\n"}, nil
	}
	m.calls = append(m.calls, strings.Join(argv[1:], " "))
	switch argv[1] {
	case "reload":
		m.loaded = map[string]string{}
		entries, _ := os.ReadDir(filepath.Join(m.dir, "etc/fake"))
		for _, e := range entries {
			content, err := os.ReadFile(filepath.Join(m.dir, "etc/fake", e.Name()))
			if err == nil {
				m.loaded[e.Name()] = string(content)
			}
		}
	case "start", "restart":
		for len(argv) > 3 { // all at once
			last := len(argv) - 1
			if r, err := m.run(context.Background(), []string{"mgr", argv[1], argv[last]}); err != nil || r.Code != 0 {
				return r, err
			}
			m.calls = m.calls[:len(m.calls)-1]
			argv = argv[:last]
		}
		if st := m.state[argv[2]]; st != nil && argv[1] == "start" && st.state == generators.Active {
			return generators.Result{}, nil
		}
		content, ok := m.loaded[argv[2]]
		if !ok {
			return generators.Result{Code: 5, Stderr: "no unit " + argv[2]}, nil
		}
		m.pids++
		st := &fakeState{state: generators.Active, pid: m.pids, ran: content}
		m.state[argv[2]] = st
		switch {
		case strings.Contains(content, "refuse"):
			st.state = generators.Failed
			return generators.Result{Code: 1, Stderr: "start of " + argv[2] + " failed"}, nil
		case strings.Contains(content, "fail"):
			st.state = generators.Failed
		case strings.Contains(content, "end"):
			st.state = generators.Inactive
		case strings.Contains(content, "crash"), strings.Contains(content, "slow"):
			st.state = generators.Starting
		}
	case "stop":
		delete(m.state, argv[2])
	case "enable":
		m.on[argv[2]] = true
	case "disable": // as update-rc.d does
		if _, err := os.Lstat(filepath.Join(m.dir, "etc/fake", argv[2])); err == nil {
			return generators.Result{Code: 1, Stderr: argv[2] + " is still there"}, nil
		}
		delete(m.on, argv[2])
	case "reset":
		if st := m.state[argv[2]]; st != nil && st.state == generators.Failed {
			delete(m.state, argv[2])
		}
	}
	return generators.Result{}, nil
}

func (m *manager) show(job string) string {
	st := m.state[job]
	if st == nil {
		return fmt.Sprintf("%s 0 0 %v", generators.Inactive, m.on[job])
	}
	if strings.Contains(st.ran, "crash") {
		st.restarts++
	}
	return fmt.Sprintf("%s %d %d %v", st.state, st.pid, st.restarts, m.on[job])
}

// running lists what runs, with which content.
func (m *manager) running() map[string]string {
	r := map[string]string{}
	for job, st := range m.state {
		r[job] = string(st.state) + " " + st.ran
	}
	for job := range m.on {
		r[job] += " enabled"
	}
	return r
}

// controller operates a manager.
type controller struct{}

func (controller) Detect(context.Context, generators.Host, generators.Scope) (generators.Target, bool) {
	return generators.Target{Backend: "fake", Version: generators.Major}, true
}

func (controller) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	do := func(verb generators.Verb, word, job string) generators.Step {
		argv := []string{"mgr", word}
		if job != "" {
			argv = append(argv, job)
		}
		return generators.Step{Verb: verb, Job: job, Argv: argv, Live: true}
	}
	var steps []generators.Step
	switch op {
	case generators.Install:
		for range b.Accounts {
			steps = append(steps, do(generators.MakeUser, "users", ""))
		}
		steps = append(steps, do(generators.Reload, "reload", ""))
		for _, j := range b.Jobs {
			steps = append(steps, do(generators.Start, "start", j.Name))
		}
	case generators.Upgrade:
		for _, j := range b.Jobs {
			steps = append(steps, do(generators.Restart, "restart", j.Name))
		}
	case generators.Uninstall:
		for _, j := range b.Jobs {
			steps = append(steps, do(generators.Stop, "stop", j.Name))
		}
		steps = append(steps, do(generators.Reload, "reload", ""))
		for _, j := range b.Jobs {
			steps = append(steps, do(generators.Clean, "reset", j.Name))
		}
	}
	return steps
}

func (controller) Status(ctx context.Context, h generators.Host, _ generators.Target, job string) (generators.Status, error) {
	r, err := h.Run(ctx, []string{"mgr", "show", job})
	if err != nil {
		return generators.Status{}, err
	}
	f := strings.Fields(r.Stdout)
	st := generators.Status{Job: job, State: generators.State(f[0])}
	st.PID, _ = strconv.Atoi(f[1])
	st.Restarts, _ = strconv.Atoi(f[2])
	st.Enabled = f[3] == "true"
	if st.State == generators.Failed {
		st.Reason = "the program could not be executed"
	}
	return st, nil
}

func (controller) Together(v generators.Verb) bool { return v == generators.Start }

func (controller) Links(b generators.Bundle) []generators.Artifact {
	var links []generators.Artifact
	for _, j := range b.Jobs {
		if j.Enable {
			links = append(links, generators.Artifact{Path: "/etc/fake/boot.wants/" + j.Name, Mode: fs.ModeSymlink | 0o777, Content: []byte("/etc/fake/" + j.Name)})
		}
	}
	return links
}

func (controller) Shadows(b generators.Bundle) []string { return []string{"/usr/lib/fake/" + b.Daemon} }

// plain is a controller with nothing optional: jobs are enabled by command and
// disabled after their files are gone, and there is no restart.
type plain struct{ c controller }

func (p plain) Detect(ctx context.Context, h generators.Host, s generators.Scope) (generators.Target, bool) {
	return p.c.Detect(ctx, h, s)
}

func (p plain) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	return p.c.Status(ctx, h, t, job)
}

func (p plain) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	if op == generators.Upgrade {
		return nil
	}
	var steps []generators.Step
	for _, s := range p.c.Steps(b, op) {
		if s.Verb == generators.Reload && op == generators.Uninstall {
			steps = append(steps, generators.Step{Verb: generators.RemoveFile})
			for _, j := range b.Jobs {
				steps = append(steps, generators.Step{Verb: generators.Disable, Job: j.Name, Argv: []string{"mgr", "disable", j.Name}, Live: true})
			}
		}
		steps = append(steps, s)
		if s.Verb == generators.Reload && op == generators.Install {
			for _, j := range b.Jobs {
				if j.Enable {
					steps = append(steps, generators.Step{Verb: generators.Enable, Job: j.Name, Argv: []string{"mgr", "enable", j.Name}, Live: true})
				}
			}
		}
	}
	return steps
}

func operate(backend string) generators.Controller {
	if backend == "plain" {
		return plain{}
	}
	return controller{}
}

// on moves items to another backend.
func on(backend string, items ...install.Item) []install.Item {
	for i := range items {
		items[i].Bundle.Target.Backend = backend
	}
	return items
}

var errInjected = errors.New("injected: no space left on device")

// machine is a live host in a directory that can be made to fail.
type machine struct {
	host.Host
	m *manager
	// The change number failAt, counted from 1, fails; if late, only after
	// it has taken effect.
	failAt, changes int
	late            bool
	mu              sync.Mutex
	// Changes of files from number deadFrom on fail with errno.
	deadFrom, writes int
	errno            syscall.Errno
	// The process dies at change number killAt: before, in the middle of or
	// after it.
	killAt int
	killIn string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"etc", "var/lib", "usr/lib/fake"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m := newManager(dir)
	h, err := host.Open(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return &machine{Host: h, m: m}
}

func (h *machine) Live() bool       { return true }
func (h *machine) Privileged() bool { return false }

// dieNow ends this process by SIGKILL.
func dieNow() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

func (h *machine) change(f func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes++
	die := func(when string) {
		if h.changes == h.killAt && h.killIn == when {
			dieNow()
		}
	}
	if h.changes != h.failAt {
		die("before")
		err := f()
		die("after")
		return err
	}
	if h.late {
		if err := f(); err != nil {
			return err
		}
	}
	return errInjected
}

// write is a change of a file.
func (h *machine) write(name string, f func() error) error {
	return h.change(func() error {
		h.writes++
		if h.deadFrom > 0 && h.writes >= h.deadFrom {
			return &fs.PathError{Op: "write", Path: name, Err: h.errno}
		}
		return f()
	})
}

// Stat makes all files root's, also where the test is not run by root.
func (h *machine) Stat(name string) (host.File, error) {
	f, err := h.Host.Stat(name)
	f.UID, f.GID = 0, 0
	return f, err
}

func (h *machine) Write(name string, f host.File) error {
	return h.write(name, func() error {
		if h.changes == h.killAt && h.killIn == "middle" {
			tmp := host.Temporary(name)
			os.WriteFile(h.path(tmp), f.Content[:len(f.Content)/2], 0o600)
			dieNow()
		}
		return h.Host.Write(name, f)
	})
}

func (h *machine) Mkdir(name string, mode fs.FileMode) error {
	return h.write(name, func() error { return h.Host.Mkdir(name, mode) })
}

func (h *machine) Remove(name string) error {
	return h.write(name, func() error { return h.Host.Remove(name) })
}

func (h *machine) RemoveAll(name string) error {
	return h.write(name, func() error { return h.Host.RemoveAll(name) })
}

func (h *machine) Run(ctx context.Context, argv []string) (r generators.Result, err error) {
	if argv[1] == "show" || argv[1] == "log" {
		return h.m.Run(ctx, argv)
	}
	err = h.change(func() (err error) { r, err = h.m.Run(ctx, argv); return err })
	return r, err
}

// snapshot describes all files.
func (h *machine) snapshot(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(h.m.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s := info.Mode().String()
		switch info.Mode().Type() {
		case 0:
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			s += fmt.Sprintf(" %x", sha256.Sum256(content))
		case fs.ModeSymlink:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			s += " " + target
		}
		files[strings.TrimPrefix(name, h.m.dir)] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (h *machine) path(name string) string { return filepath.Join(h.m.dir, name) }

// clock is a time that passes by sleeping.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

// item makes a daemon with jobs NAME.service and further ones, each of which
// has a unit with the content.
func item(name, content string, more ...string) install.Item {
	b := generators.Bundle{Daemon: name, Target: generators.Target{Backend: "fake", Version: generators.Major}}
	for _, job := range append([]string{name + ".service"}, more...) {
		b.Add("/etc/fake/"+job, 0o644, []byte(content))
		b.Jobs = append(b.Jobs, generators.Job{Name: job, Enable: true, Start: true})
	}
	b.Add("/etc/fake.d/"+name+"/env", 0o600, []byte("A="+name))
	slices.SortFunc(b.Artifacts, func(a, b generators.Artifact) int { return strings.Compare(a.Path, b.Path) })
	return install.Item{Bundle: b, Timeout: time.Minute, Settle: time.Second}
}

func plan(h host.Host, o install.Options, items ...install.Item) (*install.Plan, error) {
	return install.Install(context.Background(), h, operate, items, o)
}

// mustInstall installs and returns the plan.
func mustInstall(t *testing.T, h host.Host, o install.Options, items ...install.Item) *install.Plan {
	t.Helper()
	p, err := plan(h, o, items...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(context.Background(), &clock{}, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func uninstall(h host.Host, o install.Options, names ...string) error {
	p, err := install.Uninstall(context.Background(), h, operate, generators.Target{}, names, o)
	if err == nil {
		_, err = p.Apply(context.Background(), &clock{}, nil)
	}
	return err
}
