package install

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
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
	if f.Reason != "" && !strings.Contains(s, f.Reason) {
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
//
// The plan is written to the journal before anything is changed. A journal that
// is there already must have been dealt with by [Recover].
func (p *Plan) Apply(ctx context.Context, clock Clock, observe func(Step)) (*Result, error) {
	r := &runner{Plan: p, clock: clock, result: &Result{}, last: map[string]generators.Status{}}
	if !p.Changes() {
		r.statuses(ctx)
		return r.result, nil
	}
	if err := p.begin(clock.Now()); err != nil {
		return nil, &Failure{Daemon: p.Outcomes[0].Daemon, Err: err}
	}
	var purging []Step
	for i := 0; i < len(p.Steps); {
		group := r.together(p.Steps[i:])
		i += len(group)
		if group[0].phase == purge {
			purging = append(purging, group...)
			continue
		}
		if observe != nil {
			for _, s := range group {
				observe(s)
			}
		}
		err := ctx.Err()
		failed := &group[0]
		if err == nil {
			failed, err = r.group(ctx, group)
		}
		if err == nil {
			continue
		}
		if failed.Optional && ctx.Err() == nil {
			// That there was nothing to clean up is no news.
			if failed.Verb != generators.Clean && failed.Verb != generators.Stop {
				r.result.Notes = append(r.result.Notes, err.Error())
			}
			continue
		}
		return nil, r.fail(ctx, &Failure{Daemon: failed.Daemon, Step: failed.Step, Err: err}, failed, p.Steps[:i])
	}
	r.statuses(ctx)
	if len(purging) > 0 {
		if err := p.commit(); err != nil {
			return nil, r.fail(ctx, &Failure{Daemon: purging[0].Daemon, Err: err}, nil, p.Steps)
		}
		if err := r.purge(context.WithoutCancel(ctx), purging); err != nil {
			return nil, &Failure{Daemon: purging[0].Daemon, Err: err, Undo: errors.New("what has been removed cannot be put back: daemonize recover removes the rest")}
		}
	}
	if err := p.end(p.around(false)); err != nil && len(purging) == 0 {
		return nil, r.fail(ctx, &Failure{Daemon: p.Outcomes[0].Daemon, Err: err}, nil, p.Steps)
	} else if err != nil {
		return nil, &Failure{Daemon: purging[0].Daemon, Err: err, Undo: errors.New("everything is done, but daemonize recover has to remove the journal")}
	}
	return r.result, nil
}

// fail undoes the attempted steps and says so in f.
func (r *runner) fail(ctx context.Context, f *Failure, s *Step, attempted []Step) *Failure {
	later, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	if s != nil && (s.phase == start || s.phase == verify) {
		r.explain(later, s, f)
	}
	f.Undo = r.undo(later, attempted)
	if f.Undo == nil {
		f.Undo = r.end(r.around(true))
	}
	return f
}

// runner carries out steps.
type runner struct {
	*Plan
	clock  Clock
	result *Result
	last   map[string]generators.Status // what jobs were seen to do at last

	// Of a recovery:
	recovering bool
	force      bool
	touched    bool // a file was put back
	restored   []string
	ran        [][]string
}

func (r *runner) do(ctx context.Context, s *Step) error {
	switch s.Verb {
	case generators.WriteFile:
		uid, gid, err := ids(r.h, s.target.Scope, s.file)
		if s.owner != nil {
			uid, gid = s.owner.UID, s.owner.GID
		}
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
	default:
		ctx, cancel := r.within(ctx, s)
		defer cancel()
		return r.run(ctx, s.Step)
	}
	return nil
}

// within limits how long a step that starts jobs may take. The manager has its
// own limit, which is the better one to meet: it knows the reason.
func (r *runner) within(ctx context.Context, s *Step) (context.Context, context.CancelFunc) {
	if s.Verb != generators.Start && s.Verb != generators.Restart || s.item.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.item.Timeout+15*time.Second)
}

// run runs the program of a step.
func (r *runner) run(ctx context.Context, s generators.Step) error {
	if err := r.try(ctx, s); err != nil {
		return fmt.Errorf("cannot %s: %w", deed(s), err)
	}
	return nil
}

// maxWords is how much of a command is shown.
const maxWords = 12

// try is run without saying what could not be done.
func (r *runner) try(ctx context.Context, s generators.Step) error {
	if len(s.Argv) == 0 || s.Live && !r.h.Live() {
		return nil
	}
	out, err := r.h.Run(ctx, s.Argv)
	if err != nil || out.Code == 0 {
		return err
	}
	said := strings.TrimSpace(out.Stderr)
	if said == "" {
		said = strings.TrimSpace(out.Stdout)
	}
	if said != "" {
		said = ": " + said
	}
	argv := s.Argv
	if len(argv) > maxWords {
		argv = append(slices.Clone(argv[:maxWords]), "...")
	}
	return fmt.Errorf("%s ended with exit code %d%s", strings.Join(argv, " "), out.Code, said)
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
	case purgeUser:
		return "remove user " + s.Job
	case lingerOn:
		return "have services of " + s.Job + " outlive its sessions (as root: loginctl enable-linger " + s.Job + ")"
	case lingerOff:
		return "have services of " + s.Job + " end with its sessions again"
	}
	if s.Job == "" {
		return string(s.Verb)
	}
	return string(s.Verb) + " " + s.Job
}

// managerErrors are those of commands while undoing; all files are back.
type managerErrors []error

func (m managerErrors) Error() string { return errors.Join(m...).Error() }

// undo puts back what the attempted steps did, the last first, in an order in
// which the manager can follow: jobs end, files return, the manager reads
// them, and what ran before runs again. It goes on after errors. A recovery
// does not know which steps were attempted, and undoes all.
func (r *runner) undo(ctx context.Context, attempted []Step) error {
	var errs, manager []error
	var later []Step
	for _, s := range slices.Backward(attempted) {
		for _, u := range s.undo {
			step := Step{Step: u.Step, Daemon: s.Daemon, item: s.item, target: s.target, phase: u.phase}
			if u.phase != retire {
				later = append(later, step)
			} else if err := r.runBack(ctx, step); err != nil {
				manager = append(manager, err)
			}
		}
	}
	for _, s := range slices.Backward(attempted) {
		if err := r.restore(&s); err != nil {
			errs = append(errs, err)
		}
	}
	slices.SortStableFunc(later, func(a, b Step) int { return cmp.Compare(a.phase, b.phase) })
	var reloaded [][]string
	var waiting []Step
	for _, s := range later {
		switch {
		case s.Verb == generators.Reload && slices.ContainsFunc(reloaded, func(argv []string) bool { return slices.Equal(argv, s.Argv) }):
			continue
		case s.Verb == generators.Reload:
			reloaded = append(reloaded, s.Argv)
		case s.phase == start && s.Verb != generators.Start && r.recovering && !r.touched:
			continue // it was killed before it came to changing a file
		}
		if err := r.runBack(ctx, s); err != nil {
			manager = append(manager, err)
		} else if s.Verb == generators.Start {
			waiting = append(waiting, s)
		}
	}
	if len(waiting) > 0 {
		if _, err := r.wait(ctx, waiting); err != nil {
			manager = append(manager, err)
		}
	}
	if len(errs) > 0 {
		return errors.Join(append(errs, manager...)...)
	}
	if len(manager) > 0 {
		return managerErrors(manager)
	}
	return nil
}

// runBack runs a command that undoes another. If it fails because there is
// nothing to undo, as the other was never run, that is no error.
func (r *runner) runBack(ctx context.Context, s Step) error {
	if s.Verb == purgeUser {
		if _, err := r.h.UserID(s.Job); errors.Is(err, host.ErrUnknownAccount) {
			return nil
		}
	}
	if s.lingers(r.h) {
		return nil
	}
	if len(s.Argv) > 0 && (!s.Live || r.h.Live()) {
		r.ran = append(r.ran, s.Argv)
	}
	err := r.run(ctx, s.Step)
	if err == nil || s.Optional {
		return nil
	}
	if !r.h.Live() || s.Verb != generators.Stop && s.Verb != generators.Disable {
		return err
	}
	st, asked := r.ctl(s.target.Backend).Status(ctx, r.h, s.target, s.Job)
	switch {
	case asked != nil:
	case s.Verb == generators.Stop && (st.State == generators.Inactive || st.State == generators.Failed),
		s.Verb == generators.Disable && !st.Enabled:
		return nil
	}
	return err
}

// restore puts back what was at the path of a step.
func (r *runner) restore(s *Step) error {
	if s.Change == "" || s.Change == Unchanged || s.phase == purge {
		return nil
	}
	if s.Verb == generators.WriteFile {
		if tmp := host.Temporary(s.Path); r.h.Exists(tmp) {
			if err := r.h.Remove(tmp); err != nil {
				return fmt.Errorf("cannot remove %s: %w", tmp, err)
			}
		}
	}
	now, statErr := r.h.Stat(s.Path)
	gone := errors.Is(statErr, fs.ErrNotExist)
	if statErr != nil && !gone {
		return fmt.Errorf("cannot put back %s: %w", s.Path, statErr)
	}
	var err error
	switch {
	case s.before == nil && gone,
		s.before != nil && !gone && now.Mode == s.before.Mode && now.UID == s.before.UID && now.GID == s.before.GID && bytes.Equal(now.Content, s.before.Content):
		return nil // it was not changed, perhaps because it cannot be
	case s.before == nil && s.Verb == makeDir:
		// Somebody else may have come to use it, or it holds the journal.
		if names, err := r.h.Names(s.Path); err != nil || len(names) > 0 {
			return err
		}
		err = r.h.Remove(s.Path)
	case !r.force && s.Verb == generators.WriteFile && (gone || s.after != nil && !s.after.matches(now)),
		!r.force && s.Change == Delete && !gone:
		return fmt.Errorf("cannot put back %s: somebody else has changed it since", s.Path)
	case s.before == nil:
		err = r.h.Remove(s.Path)
	case s.before.Mode.IsDir():
		err = r.h.Mkdir(s.Path, s.before.Mode&^fs.ModeDir)
	default:
		err = r.h.Write(s.Path, *s.before)
		// A manager that looks for a directory may have lost it with its last file.
		if dir := path.Dir(s.Path); errors.Is(err, fs.ErrNotExist) && r.h.Mkdir(dir, 0o755) == nil {
			err = r.h.Write(s.Path, *s.before)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot put back %s: %w", s.Path, err)
	}
	r.touched, r.restored = true, append(r.restored, s.Path)
	return nil
}

// purge removes what cannot be put back. It goes on after errors.
func (r *runner) purge(ctx context.Context, steps []Step) error {
	var errs []error
	for i := range steps {
		s := &steps[i]
		if s.phase != purge {
			continue
		}
		if s.Verb == purgePath {
			if !r.h.Exists(s.Path) {
				continue
			}
			r.restored = append(r.restored, s.Path)
			if err := r.h.RemoveAll(s.Path); err != nil {
				errs = append(errs, fmt.Errorf("cannot remove %s: %w", s.Path, err))
			}
			continue
		}
		if _, err := r.h.UserID(s.Job); errors.Is(err, host.ErrUnknownAccount) {
			continue
		}
		r.ran = append(r.ran, s.Argv)
		if err := r.run(ctx, s.Step); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// statuses asks about all jobs.
func (r *runner) statuses(ctx context.Context) {
	if !r.h.Live() || r.Op != generators.Install {
		return
	}
	for _, o := range r.Outcomes {
		c := r.ctl(o.Target.Backend)
		var names []string
		for _, j := range o.Jobs {
			if _, known := r.last[o.Target.Backend+" "+j.Name]; !known {
				names = append(names, j.Name)
			}
		}
		if len(names) > 0 {
			all, err := statuses(ctx, r.h, c, o.Target, names)
			if err != nil {
				continue
			}
			for i, st := range all {
				r.last[o.Target.Backend+" "+names[i]] = st
			}
		}
		for _, j := range o.Jobs {
			r.result.Jobs = append(r.result.Jobs, r.last[o.Target.Backend+" "+j.Name])
		}
	}
}
