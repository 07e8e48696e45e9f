package winsvc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/install"
)

// Manager is the service control manager.
type Manager interface {
	// Query describes a service; without one it returns [ErrNotInstalled].
	Query(name string) (Installed, error)
	// Create makes a service and its record. Nothing of it is left after an error.
	Create(s Service) error
	// Change makes a service what s says, and its record what record says.
	Change(s, record Service) error
	// Delete removes a stopped service.
	Delete(s Service) error
	// Start returns once the start was begun, Stop once it was asked for.
	Start(name string) error
	Stop(name string) error
	// Names lists the services that have a record.
	Names() ([]string, error)
	// ProgramExists reports whether a program is there.
	ProgramExists(path string) bool
}

// ErrNotInstalled says that there is no such service.
var ErrNotInstalled = errors.New("there is no such service")

// Installed is a service as it is.
type Installed struct {
	Service
	// Record is the service as daemonize left it, which is kept beside it; nil
	// for a service of others.
	Record *Service
	State  State
}

// State is what a service does.
type State struct {
	State generators.State
	PID   int
	// Exit is how it last ended: an error code of Windows, or one of its own.
	Exit     uint32
	Specific bool
	Never    bool // it has not been started since the boot
}

// Reason puts the way in which a service ended into words.
func (s State) Reason() string {
	switch {
	case s.Never:
		return "it was not started since the boot"
	case s.Specific:
		return fmt.Sprintf("it ended with an error code of its own, %d", s.Exit)
	}
	// System Error Codes, Win32 docs.
	switch s.Exit {
	case 0:
		return "it has stopped"
	case 2, 3:
		return fmt.Sprintf("error %d: the program does not exist", s.Exit)
	case 5:
		return "error 5: access denied; the account of the service cannot run the program"
	case 193, 216:
		return fmt.Sprintf("error %d: the program is not one for this machine", s.Exit)
	case 1053:
		return "error 1053: the program did not report to the service control manager in time; it has to be a Windows service"
	case 1067:
		return "error 1067: the process ended without having stopped as a service does"
	case 1069:
		return "error 1069: the account of the service could not log on"
	case 1075:
		return "error 1075: a service that it depends on does not exist"
	}
	return fmt.Sprintf("error %d", s.Exit)
}

// NotUndone begins the part of an error that says what is not as before.
const NotUndone = "cannot put everything back"

// Change is what becomes of a service.
type Change string

// The changes, in the words of the other managers.
const (
	Created   = Change(install.Create)
	Updated   = Change(install.Update)
	Unchanged = Change(install.Unchanged)
)

// Planned is the change of one service.
type Planned struct {
	Wanted         // with the start type that it is to have
	Record Service // as the spec has it
	Change Change
	Before Installed
	Start  bool // it is to run afterwards, although it does not or is another now
}

// Refused says that a service is not touched, and why.
type Refused struct {
	Name, Why string
	Drift     bool // it is ours, but was changed by others
}

// Error implements error.
func (r *Refused) Error() string { return "cannot change service " + r.Name + ": " + r.Why }

// owned refuses services of others, and with force false those that others have
// changed.
func owned(s *Installed, force bool) error {
	switch {
	case s.Record == nil:
		return &Refused{Name: s.Name, Why: "daemonize did not install it"}
	case !force && len(s.Drift()) > 0:
		return &Refused{Name: s.Name, Drift: true, Why: "it was changed since it was installed: " + strings.Join(s.Drift(), ", ") + " (--force overwrites that)"}
	}
	return nil
}

// Plan finds out what has to be done to have the services. The error joins a
// [Refused] for each service that cannot be had.
func Plan(m Manager, services []Wanted, force bool) ([]Planned, error) {
	var plan []Planned
	var all error
	for _, w := range services {
		p := Planned{Wanted: w, Record: w.Service, Change: Created, Start: w.Start}
		before, err := m.Query(w.Name)
		switch {
		case errors.Is(err, ErrNotInstalled):
		case err != nil:
			all = errors.Join(all, err)
			continue
		case before.Record == nil && before.equal(&w.Service):
			// We were killed after its creation: to record it completes that.
			p.Change, p.Before = Updated, before
		default:
			if err := owned(&before, force); err != nil {
				all = errors.Join(all, err)
				continue
			}
			p.Change, p.Before = Updated, before
			// What runs goes on to run; what was stopped by somebody stays so.
			p.Start = up(before.State.State)
			if before.Record.Boot == w.Boot {
				// What was decided since about starting at boot stays until
				// the spec changes its mind, as on all managers.
				p.Boot, p.Delayed = before.Boot, before.Boot && w.Delayed
			}
			if before.equal(&p.Service) && before.Record.equal(&p.Record) {
				p.Change, p.Start = Unchanged, false
			}
		}
		if !m.ProgramExists(w.Program) {
			all = errors.Join(all, &Refused{Name: w.Name, Why: "its program " + w.Program + " does not exist"})
		}
		plan = append(plan, p)
	}
	return plan, all
}

func up(s generators.State) bool { return s == generators.Active || s == generators.Starting }

// Apply carries a plan out: services are created and changed first, then
// started, so that they can depend on each other. After a failure everything is
// as before, unless the error says what is not.
func Apply(ctx context.Context, m Manager, c install.Clock, plan []Planned) error {
	done := 0 // services that may have been touched
	do := func() error {
		for i := range plan {
			p := &plan[i]
			done = i + 1
			if p.Change == Updated && up(p.Before.State.State) {
				if err := Stop(ctx, m, c, p.Name, p.StopIn); err != nil {
					return err
				}
			}
			if err := p.store(m); err != nil {
				return err
			}
		}
		for i := range plan {
			if p := &plan[i]; p.Start {
				if err := Start(ctx, m, c, p.Name, p.StartIn); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := do()
	if err == nil {
		return nil
	}
	// What is put back is put back also after Ctrl-C.
	ctx = context.WithoutCancel(ctx)
	for i := range slices.Backward(plan[:done]) {
		if undo := plan[i].undo(ctx, m, c); undo != nil {
			err = errors.Join(err, fmt.Errorf("%s: service %s: %w", NotUndone, plan[i].Name, undo))
		}
	}
	return err
}

func (p *Planned) store(m Manager) error {
	switch p.Change {
	case Created:
		return m.Create(p.Service)
	case Updated:
		return m.Change(p.Service, p.Record)
	case Unchanged:
	}
	return nil
}

// undo is for a change that was made, or begun.
func (p *Planned) undo(ctx context.Context, m Manager, c install.Clock) error {
	now, err := m.Query(p.Name)
	if errors.Is(err, ErrNotInstalled) && p.Change == Created {
		return nil
	}
	if err != nil || p.Change == Unchanged {
		return err
	}
	// One that could not be stopped to be changed is left running.
	if up(now.State.State) && !(p.Change == Updated && now.equal(&p.Before.Service)) {
		if err := Stop(ctx, m, c, p.Name, p.StopIn); err != nil {
			return err
		}
	}
	if p.Change == Created {
		return m.Delete(p.Service)
	}
	record := p.Before.Record
	if record == nil {
		record = &p.Before.Service // it is what we wanted: see Plan
	}
	if err := m.Change(p.Before.Service, *record); err != nil {
		return err
	}
	if up(p.Before.State.State) {
		return Start(ctx, m, c, p.Name, p.StartIn)
	}
	return nil
}

// Uninstall stops and deletes services. stopIn is how long each may take to
// stop. If one cannot be deleted, those before it are created again.
func Uninstall(ctx context.Context, m Manager, c install.Clock, names []string, stopIn time.Duration, force bool) error {
	var found []Installed
	var all error
	for _, name := range names {
		s, err := m.Query(name)
		if err == nil {
			err = owned(&s, force)
		} else {
			err = fmt.Errorf("cannot uninstall %s: %w", name, err)
		}
		all = errors.Join(all, err)
		found = append(found, s)
	}
	if all != nil {
		return all
	}
	for i := range found {
		s := &found[i]
		err := Stop(ctx, m, c, s.Name, stopIn)
		if err == nil {
			err = m.Delete(s.Service)
		}
		if err == nil {
			continue
		}
		ctx := context.WithoutCancel(ctx)
		for j := range slices.Backward(found[:i+1]) {
			if undo := again(ctx, m, c, &found[j], stopIn); undo != nil {
				err = errors.Join(err, fmt.Errorf("%s: service %s: %w", NotUndone, found[j].Name, undo))
			}
		}
		return err
	}
	return nil
}

// again undoes the removal of a service.
func again(ctx context.Context, m Manager, c install.Clock, s *Installed, startIn time.Duration) error {
	_, err := m.Query(s.Name)
	if errors.Is(err, ErrNotInstalled) {
		err = m.Create(s.Service)
	}
	if err == nil && up(s.State.State) {
		err = Start(ctx, m, c, s.Name, startIn)
	}
	return err
}

// poll is how often a service is looked at while it starts or stops.
const poll = 250 * time.Millisecond

// Start starts a service and waits until it reports that it runs.
func Start(ctx context.Context, m Manager, c install.Clock, name string, within time.Duration) error {
	s, err := m.Query(name)
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", name, err)
	}
	if !up(s.State.State) {
		if err := m.Start(name); err != nil {
			return fmt.Errorf("cannot start %s: %w", name, err)
		}
	}
	s, err = await(ctx, m, c, name, within, func(s generators.State) bool { return s != generators.Starting })
	switch {
	case err != nil:
		return fmt.Errorf("cannot start %s: %w", name, err)
	case s.State.State != generators.Active:
		return fmt.Errorf("cannot start %s: %s", name, s.State.Reason())
	}
	return nil
}

// Stop stops a service and waits until it has.
func Stop(ctx context.Context, m Manager, c install.Clock, name string, within time.Duration) error {
	s, err := m.Query(name)
	if err != nil {
		return fmt.Errorf("cannot stop %s: %w", name, err)
	}
	down := func(s generators.State) bool { return s == generators.Inactive || s == generators.Failed }
	if down(s.State.State) {
		return nil
	}
	if s.State.State != generators.Stopping {
		if err := m.Stop(name); err != nil {
			return fmt.Errorf("cannot stop %s: %w", name, err)
		}
	}
	if _, err := await(ctx, m, c, name, within, down); err != nil {
		return fmt.Errorf("cannot stop %s: %w", name, err)
	}
	return nil
}

// Enable makes a service of daemonize start at boot, or not, as the services
// console does: that is no drift.
func Enable(m Manager, name string, boot bool) error {
	s, err := m.Query(name)
	if err == nil {
		err = owned(&s, false)
	}
	if err != nil {
		return fmt.Errorf("cannot change when %s starts: %w", name, err)
	}
	if s.Boot == boot {
		return nil
	}
	s.Boot = boot
	s.Delayed = boot && s.Record.Delayed
	return m.Change(s.Service, *s.Record)
}

// Drift names what of a service was changed since it was installed.
func (i *Installed) Drift() []string {
	if i.Record == nil {
		return nil
	}
	return i.Record.differences(&i.Service)
}

// await looks at a service until its state is wanted.
func await(ctx context.Context, m Manager, c install.Clock, name string, within time.Duration, wanted func(generators.State) bool) (Installed, error) {
	end := c.Now().Add(within)
	for {
		s, err := m.Query(name)
		switch {
		case err != nil:
			return s, err
		case wanted(s.State.State):
			return s, nil
		case !c.Now().Before(end):
			return s, fmt.Errorf("it is still %s after %s", s.State.State, within)
		}
		if err := c.Sleep(ctx, poll); err != nil {
			return s, err
		}
	}
}
