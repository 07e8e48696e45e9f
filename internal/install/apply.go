package install

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// Result is what has become of a plan.
type Result struct {
	// Jobs as the manager sees them afterwards; none below another root.
	Jobs []generators.Status
	// Notes tell of optional steps that failed.
	Notes []string
}

// Failure is why a plan was not carried out. What had been done of it was
// undone, as far as Undo is nil.
type Failure struct {
	Daemon string
	Step   generators.Step
	Err    error
	Reason string   // why the job is not up, in words
	Log    []string // the job's last lines
	Undo   error    // what could not be undone
}

// Error says what failed, not what came of it.
func (f *Failure) Error() string {
	s := f.Err.Error()
	if f.Reason != "" {
		s += ": " + f.Reason
	}
	return s
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// undoLimit bounds what is done after a failure or an interruption, beside the
// start timeouts of the jobs.
const undoLimit = time.Minute

// Apply carries the plan out. If a step fails everything is put back and the
// error is a *Failure. observe, if not nil, is called before each step.
func (p *Plan) Apply(ctx context.Context, clock Clock, observe func(Step)) (*Result, error) {
	r := &runner{Plan: p, clock: clock, result: &Result{}}
	if !p.Changes() {
		r.statuses(ctx)
		return r.result, nil
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Change == Unchanged {
			continue
		}
		if observe != nil {
			observe(*s)
		}
		err := ctx.Err()
		if err == nil {
			err = r.do(ctx, s)
		}
		if err == nil {
			continue
		}
		if s.Optional && ctx.Err() == nil {
			// That there was nothing to clean up is no news.
			if s.Verb != generators.Clean && s.Verb != generators.Stop {
				r.result.Notes = append(r.result.Notes, err.Error())
			}
			continue
		}
		f := &Failure{Daemon: s.Daemon, Step: s.Step, Err: err}
		later, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
		defer cancel()
		if s.phase == start || s.phase == verify {
			r.explain(later, s, f)
		}
		f.Undo = r.undo(later, p.Steps[:i+1])
		return nil, f
	}
	r.statuses(ctx)
	return r.result, nil
}

// runner carries out steps.
type runner struct {
	*Plan
	clock  Clock
	result *Result
}

func (r *runner) do(ctx context.Context, s *Step) error {
	switch s.Verb {
	case generators.WriteFile:
		uid, gid, err := ids(r.h, s.target.Scope, s.file)
		if err == nil {
			err = r.h.Write(s.Path, host.File{Mode: s.file.Mode, UID: uid, GID: gid, Content: s.file.Content})
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", s.Path, err)
		}
	case makeDir:
		if err := r.h.Mkdir(s.Path, s.file.Mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("cannot make directory %s: %w", s.Path, err)
		}
	case generators.RemoveFile:
		if err := r.h.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove %s: %w", s.Path, err)
		}
	case removeDir:
		// Somebody may have put something there since the plan was made.
		if names, err := r.h.Names(s.Path); err == nil && len(names) == 0 {
			if err := r.h.Remove(s.Path); err != nil {
				return fmt.Errorf("cannot remove directory %s: %w", s.Path, err)
			}
		}
	case generators.Verify:
		return r.wait(ctx, s)
	default:
		if s.Verb == generators.Start || s.Verb == generators.Restart {
			// The manager has its own limit, which is the better one to
			// meet: it knows the reason.
			var cancel context.CancelFunc
			if ctx, cancel = within(ctx, s.item.Timeout, 15*time.Second); cancel != nil {
				defer cancel()
			}
		}
		return r.run(ctx, s.Step)
	}
	return nil
}

// within limits ctx to a timeout and some grace; no timeout is no limit.
func within(ctx context.Context, timeout, grace time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return ctx, nil
	}
	return context.WithTimeout(ctx, timeout+grace)
}

// run runs the program of a step.
func (r *runner) run(ctx context.Context, s generators.Step) error {
	if len(s.Argv) == 0 || s.Live && !r.h.Live() {
		return nil
	}
	out, err := r.h.Run(ctx, s.Argv)
	if err != nil {
		return fmt.Errorf("cannot %s: %w", deed(s), err)
	}
	if out.Code == 0 {
		return nil
	}
	said := strings.TrimSpace(out.Stderr)
	if said == "" {
		said = strings.TrimSpace(out.Stdout)
	}
	if said != "" {
		said = ": " + said
	}
	return fmt.Errorf("cannot %s: %s ended with exit code %d%s", deed(s), strings.Join(s.Argv, " "), out.Code, said)
}

// deed says what a step does.
func deed(s generators.Step) string {
	switch s.Verb {
	case generators.MakeUser:
		return "make accounts"
	case generators.Reload:
		return "have the manager read its files"
	case generators.Clean:
		return "clean up after " + s.Job
	}
	if s.Job == "" {
		return string(s.Verb)
	}
	return string(s.Verb) + " " + s.Job
}

// undo puts back what the attempted steps did, the last first, in an order in
// which the manager can follow: jobs end, files return, the manager reads
// them, and what ran before runs again. It goes on after errors.
func (r *runner) undo(ctx context.Context, attempted []Step) error {
	var errs []error
	var later []Step
	for _, s := range slices.Backward(attempted) {
		for _, u := range s.undo {
			if u.phase == retire {
				if err := r.run(ctx, u.Step); err != nil && !u.Optional {
					errs = append(errs, err)
				}
				continue
			}
			later = append(later, Step{Step: u.Step, Daemon: s.Daemon, item: s.item, target: s.target, phase: u.phase})
		}
	}
	for _, s := range slices.Backward(attempted) {
		errs = append(errs, r.restore(&s))
	}
	slices.SortStableFunc(later, func(a, b Step) int { return cmp.Compare(a.phase, b.phase) })
	reloaded := false
	for _, s := range later {
		if s.Verb == generators.Reload {
			if reloaded {
				continue
			}
			reloaded = true
		}
		if err := r.run(ctx, s.Step); err != nil && !s.Optional {
			errs = append(errs, err)
		}
	}
	for _, s := range later {
		if s.Verb == generators.Start {
			errs = append(errs, r.wait(ctx, &s))
		}
	}
	return errors.Join(errs...)
}

// restore puts back what was at the path of a step.
func (r *runner) restore(s *Step) error {
	if s.Change == "" || s.Change == Unchanged {
		return nil
	}
	var err error
	now, statErr := r.h.Stat(s.Path)
	switch {
	case s.before == nil && errors.Is(statErr, fs.ErrNotExist),
		s.before != nil && statErr == nil && now.Mode == s.before.Mode && now.UID == s.before.UID && now.GID == s.before.GID && bytes.Equal(now.Content, s.before.Content):
		return nil // it was not changed, perhaps because it cannot be
	case s.before == nil:
		err = r.h.Remove(s.Path)
		if names, readErr := r.h.Names(s.Path); s.Verb == makeDir && readErr == nil && len(names) > 0 {
			err = nil // somebody else has come to use it
		}
	case s.before.Mode.IsDir():
		err = r.h.Mkdir(s.Path, s.before.Mode&^fs.ModeDir)
	default:
		err = r.h.Write(s.Path, *s.before)
	}
	if err == nil || s.before == nil && errors.Is(err, fs.ErrNotExist) || s.before != nil && errors.Is(err, fs.ErrExist) {
		return nil
	}
	return fmt.Errorf("cannot put back %s: %w", s.Path, err)
}

// statuses asks about all jobs.
func (r *runner) statuses(ctx context.Context) {
	if !r.h.Live() || r.Op != generators.Install {
		return
	}
	for _, o := range r.Outcomes {
		c := r.ctl(o.Target.Backend)
		for _, j := range o.Jobs {
			if st, err := c.Status(ctx, r.h, o.Target, j.Name); err == nil {
				r.result.Jobs = append(r.result.Jobs, st)
			}
		}
	}
}
