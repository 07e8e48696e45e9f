package install

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// together is a controller whose commands take several jobs at once, which the
// manager starts in parallel and in the order of their dependencies.
type together interface {
	// Together reports whether the command of a verb, which ends with its
	// job, may be given further jobs.
	Together(v generators.Verb) bool
}

// surveyor is a controller that asks about several jobs at once.
type surveyor interface {
	// Statuses is Status of each job, in order.
	Statuses(ctx context.Context, h generators.Host, t generators.Target, jobs []string) ([]generators.Status, error)
}

// maxJobs bounds the jobs on one command line.
const maxJobs = 500

// statuses asks about jobs, at once where the manager can be.
func statuses(ctx context.Context, h host.Host, c generators.Controller, t generators.Target, jobs []string) ([]generators.Status, error) {
	var all []generators.Status
	if s, ok := c.(surveyor); ok {
		for some := range slices.Chunk(jobs, maxJobs) {
			found, err := s.Statuses(ctx, h, t, some)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
	for _, job := range jobs {
		st, err := c.Status(ctx, h, t, job)
		if err != nil {
			return nil, fmt.Errorf("cannot ask about %s: %w", job, err)
		}
		all = append(all, st)
	}
	return all, nil
}

// together returns the first steps that are done at the same time: one, or all
// that start jobs of the same level, or all that wait.
func (r *runner) together(steps []Step) []Step {
	n := 1
	if ph := steps[0].phase; ph == start || ph == verify || ph == retire && r.takesSeveral(&steps[0]) {
		for n < len(steps) && steps[n].phase == ph && steps[n].level == steps[0].level &&
			(ph != retire || r.takesSeveral(&steps[n]) && steps[n].Verb == steps[0].Verb) {
			n++
		}
	}
	return steps[:n]
}

// takesSeveral reports whether a step may share its command with others.
func (r *runner) takesSeveral(s *Step) bool {
	t, ok := r.ctl(s.target.Backend).(together)
	return ok && s.Job != "" && !s.Optional && t.Together(s.Verb) && len(s.Argv) > 1 && s.Argv[len(s.Argv)-1] == s.Job
}

// group does steps that together has put together. It returns the one that
// failed.
func (r *runner) group(ctx context.Context, steps []Step) (*Step, error) {
	switch {
	case steps[0].phase == verify:
		return r.wait(ctx, steps)
	case len(steps) == 1:
		if steps[0].Change == Unchanged {
			return nil, nil
		}
		return &steps[0], r.do(ctx, &steps[0])
	}
	// The steps of one daemon that cannot share a command are done in order,
	// those of several daemons at the same time.
	var shared, own [][]*Step
	for i := range steps {
		s := &steps[i]
		list, same := &own, func(l []*Step) bool { return l[0].Daemon == s.Daemon }
		if r.takesSeveral(s) {
			list, same = &shared, func(l []*Step) bool {
				return len(l) < maxJobs && slices.Equal(l[0].Argv[:len(l[0].Argv)-1], s.Argv[:len(s.Argv)-1])
			}
		}
		if at := slices.IndexFunc(*list, same); at >= 0 {
			(*list)[at] = append((*list)[at], s)
		} else {
			*list = append(*list, []*Step{s})
		}
	}
	for _, l := range shared {
		if s, err := r.share(ctx, l); err != nil {
			return s, err
		}
	}
	failed, errs := make([]*Step, len(own)), make([]error, len(own))
	var wg sync.WaitGroup
	for i, l := range own {
		wg.Go(func() {
			for _, s := range l {
				if err := r.do(ctx, s); err != nil && !s.Optional {
					failed[i], errs[i] = s, err
					return
				}
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return failed[i], err
		}
	}
	return nil, nil
}

// share does steps with one command.
func (r *runner) share(ctx context.Context, steps []*Step) (*Step, error) {
	all := *steps[0]
	var limit time.Duration
	for i, s := range steps {
		if i > 0 {
			all.Argv = append(slices.Clip(all.Argv), s.Job)
		}
		if s.item.Timeout <= 0 {
			limit = -1
		}
		if limit >= 0 {
			limit = max(limit, s.item.Timeout)
		}
	}
	all.item = &Item{Timeout: limit}
	if len(steps) == 1 {
		return steps[0], r.do(ctx, steps[0])
	}
	ctx, cancel := r.within(ctx, &all)
	defer cancel()
	err := r.try(ctx, all.Step)
	if err == nil {
		return nil, nil
	}
	// Who was it? The one that has failed, or that the manager speaks of.
	var names []string
	for _, s := range steps {
		names = append(names, s.Job)
	}
	said := err.Error()
	if _, after, ok := strings.Cut(said, " ended with "); ok {
		said = after // before it stand all
	}
	at := slices.IndexFunc(names, func(n string) bool { return strings.Contains(said, n) })
	if sts, askErr := statuses(ctx, r.h, r.ctl(all.target.Backend), all.target, names); askErr == nil {
		if i := slices.IndexFunc(sts, func(st generators.Status) bool { return st.State == generators.Failed }); i >= 0 {
			at = i
		}
	}
	s := steps[max(at, 0)]
	return s, fmt.Errorf("cannot %s: %w", deed(s.Step), err)
}
