package winsvc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemonize/daemonize/generators"
)

// scm is a service control manager in memory. Services start and stop slowly:
// what was asked for is there at the third look.
type scm struct {
	services map[string]*Installed
	looks    map[string]int
	broken   map[string]uint32 // services that end with this code when started
	hangs    map[string]bool   // services that do not stop
	log      []string
	failAt   int // the change that fails, 0 for none
	changes  int
}

func newSCM(services ...Service) *scm {
	m := &scm{services: map[string]*Installed{}, looks: map[string]int{}, broken: map[string]uint32{}, hangs: map[string]bool{}}
	for _, s := range services {
		m.services[s.Name] = &Installed{Service: s, State: State{State: generators.Inactive, Never: true}}
	}
	return m
}

func (m *scm) change(format string, args ...any) error {
	m.changes++
	m.log = append(m.log, fmt.Sprintf(format, args...))
	if m.changes == m.failAt {
		return errors.New("it was made to fail")
	}
	return nil
}

func (m *scm) Query(name string) (Installed, error) {
	s := m.services[name]
	if s == nil {
		return Installed{}, ErrNotInstalled
	}
	if m.looks[name]++; m.looks[name] >= 3 {
		switch {
		case s.State.State == generators.Starting && m.broken[name] != 0:
			s.State = State{State: generators.Failed, Exit: m.broken[name]}
		case s.State.State == generators.Starting:
			s.State = State{State: generators.Active, PID: 7}
		case s.State.State == generators.Stopping && !m.hangs[name]:
			s.State = State{State: generators.Inactive}
		}
	}
	return *s, nil
}

func (m *scm) Create(s Service) error {
	if err := m.change("create %s", s.Name); err != nil {
		return err
	}
	m.services[s.Name] = &Installed{Service: s, Record: &s, State: State{State: generators.Inactive, Never: true}}
	return nil
}

func (m *scm) Change(s, record Service) error {
	if err := m.change("change %s", s.Name); err != nil {
		return err
	}
	m.services[s.Name].Service, m.services[s.Name].Record = s, &record
	return nil
}

func (m *scm) Delete(s Service) error {
	if err := m.change("delete %s", s.Name); err != nil {
		return err
	}
	if st := m.services[s.Name].State.State; st != generators.Inactive && st != generators.Failed {
		return fmt.Errorf("%s is %s", s.Name, st)
	}
	delete(m.services, s.Name)
	return nil
}

func (m *scm) Start(name string) error {
	if err := m.change("start %s", name); err != nil {
		return err
	}
	m.services[name].State, m.looks[name] = State{State: generators.Starting}, 0
	return nil
}

func (m *scm) Stop(name string) error {
	if err := m.change("stop %s", name); err != nil {
		return err
	}
	m.services[name].State.State, m.looks[name] = generators.Stopping, 0
	return nil
}

func (m *scm) Names() ([]string, error)       { return slices.Sorted(maps.Keys(m.services)), nil }
func (m *scm) ProgramExists(path string) bool { return !strings.Contains(path, "missing") }

// state tells everything that a test compares.
func (m *scm) state() string {
	var out []string
	for _, s := range m.services {
		out = append(out, fmt.Sprintf("%s %s %s ours=%t", s.Name, s.CommandLine, s.State.State, s.Record != nil && s.Record.equal(&s.Service)))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// clock does not wait.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

func wanted(name, args string) Wanted {
	return Wanted{Service: Service{Name: name, CommandLine: `"C:\x.exe" ` + args, Account: "LocalSystem", Boot: true},
		Program: `C:\x.exe`, Start: true, StartIn: 10 * time.Second, StopIn: 10 * time.Second}
}

func setup(t *testing.T, m *scm, force bool, services ...Wanted) ([]Planned, error) {
	t.Helper()
	plan, err := Plan(m, services, force)
	if err != nil {
		return plan, err
	}
	return plan, Apply(t.Context(), m, &clock{}, plan)
}

func TestInstall(t *testing.T) {
	m := newSCM()
	steps := func(want string) {
		t.Helper()
		if got := strings.Join(m.log, ", "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		m.log = nil
	}
	if _, err := setup(t, m, false, wanted("a", "1"), wanted("b", "1")); err != nil {
		t.Fatal(err)
	}
	steps("create a, create b, start a, start b")
	plan, err := setup(t, m, false, wanted("a", "1"), wanted("b", "1"))
	if err != nil || plan[0].Change != Unchanged {
		t.Errorf("%v %v", plan, err)
	}
	steps("")
	// Only what changed is restarted, and what was stopped stays so.
	if _, err := setup(t, m, false, wanted("a", "2"), wanted("b", "1")); err != nil {
		t.Fatal(err)
	}
	steps("stop a, change a, start a")
	if err := Stop(t.Context(), m, &clock{}, "a", time.Second); err != nil {
		t.Fatal(err)
	}
	m.log = nil
	if _, err := setup(t, m, false, wanted("a", "3")); err != nil {
		t.Fatal(err)
	}
	steps("change a")
	if err := Uninstall(t.Context(), m, &clock{}, []string{"a", "b"}, time.Second, false); err != nil {
		t.Fatal(err)
	}
	steps("delete a, stop b, delete b")
	if got := m.state(); got != "" {
		t.Errorf("left: %s", got)
	}
}

// Services of others and those that others changed are not touched.
func TestOwnership(t *testing.T) {
	m := newSCM(wanted("foreign", "x").Service)
	for _, force := range []bool{false, true} {
		_, err := setup(t, m, force, wanted("foreign", "1"))
		if r, ok := errors.AsType[*Refused](err); !ok || r.Drift {
			t.Errorf("force %t: %v", force, err)
		}
	}
	if err := Uninstall(t.Context(), m, &clock{}, []string{"foreign"}, time.Second, true); err == nil {
		t.Error("a service of others was removed")
	}
	if err := Uninstall(t.Context(), m, &clock{}, []string{"none"}, time.Second, true); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("%v", err)
	}
	if _, err := setup(t, m, false, wanted("a", "1")); err != nil {
		t.Fatal(err)
	}
	m.services["a"].Account = "somebody"
	_, err := setup(t, m, false, wanted("a", "2"))
	if r, ok := errors.AsType[*Refused](err); !ok || !r.Drift || !strings.Contains(r.Why, ": account (") {
		t.Errorf("%v", err)
	}
	if err := Uninstall(t.Context(), m, &clock{}, []string{"a"}, time.Second, false); err == nil {
		t.Error("a changed service was removed")
	}
	if _, err := setup(t, m, true, wanted("a", "2")); err != nil {
		t.Error(err)
	}
	if _, err := Plan(m, []Wanted{{Service: Service{Name: "m"}, Program: `C:\missing.exe`}}, false); err == nil {
		t.Error("a service without a program")
	}
	// What an interrupted run created is completed by the next.
	w := wanted("foreign", "x")
	if _, err := setup(t, m, false, w); err != nil || m.services["foreign"].Record == nil {
		t.Errorf("%v", err)
	}
}

// What was disabled since stays so until the spec changes its mind.
func TestDisabled(t *testing.T) {
	m := newSCM()
	off := wanted("a", "1")
	off.Boot = false
	must := func(w Wanted) []Planned {
		t.Helper()
		plan, err := setup(t, m, false, w)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	must(wanted("a", "1"))
	if err := Enable(m, "a", false); err != nil {
		t.Fatal(err)
	}
	if plan := must(wanted("a", "1")); plan[0].Change != Unchanged || m.services["a"].Boot {
		t.Errorf("%+v", plan)
	}
	if must(wanted("a", "2")); m.services["a"].Boot {
		t.Error("an update enabled it")
	}
	must(off)
	if must(wanted("a", "1")); !m.services["a"].Boot {
		t.Error("the spec was not obeyed")
	}
}

// Whatever fails, everything is as before.
func TestRollback(t *testing.T) {
	for _, op := range []string{"install", "uninstall", "start"} {
		for at := 1; ; at++ {
			m := newSCM(wanted("foreign", "x").Service)
			if _, err := setup(t, m, false, wanted("a", "1"), wanted("b", "1")); err != nil {
				t.Fatal(err)
			}
			before := m.state()
			m.failAt, m.changes = at, 0
			var err error
			switch op {
			case "install":
				_, err = setup(t, m, false, wanted("a", "2"), wanted("c", "1"), wanted("b", "2"))
			case "uninstall":
				err = Uninstall(t.Context(), m, &clock{}, []string{"a", "b"}, time.Second, false)
			case "start":
				m.failAt, m.broken["c"] = 0, 1053
				if _, err = setup(t, m, false, wanted("a", "2"), wanted("c", "1")); err == nil || !strings.Contains(err.Error(), "error 1053: the program did not report") {
					t.Errorf("%v", err)
				}
			}
			if err == nil {
				t.Logf("%s: %d of %d failures put back", op, at-1, at-1)
				break
			}
			m.failAt = 0
			for range 5 { // what is on its way arrives
				for name := range m.services {
					_, _ = m.Query(name)
				}
			}
			if got := m.state(); got != before {
				t.Errorf("%s, failure %d (%v)\n%s\nleft\n%s\nwant\n%s", op, at, err, strings.Join(m.log, ", "), got, before)
			}
			if op == "start" {
				break
			}
		}
	}
}

// A service that does not stop is given up, and said so.
func TestHang(t *testing.T) {
	m := newSCM()
	if _, err := setup(t, m, false, wanted("a", "1")); err != nil {
		t.Fatal(err)
	}
	m.hangs["a"] = true
	err := Stop(t.Context(), m, &clock{}, "a", 5*time.Second)
	if err == nil || err.Error() != "cannot stop a: it is still stopping after 5s" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Stop(ctx, m, &clock{}, "a", 5*time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
