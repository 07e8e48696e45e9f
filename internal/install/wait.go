package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// Clock is the time, to be replaced in tests.
type Clock interface {
	Now() time.Time
	// Sleep returns early, with the reason, when ctx is done.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the real time.
type SystemClock struct{}

// Now implements [Clock].
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep implements [Clock].
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

const (
	firstPoll   = 10 * time.Millisecond
	longestPoll = 200 * time.Millisecond
	// maxCrashes is how often a job may be restarted by its manager before
	// it is believed that it will never come up.
	maxCrashes = 3
)

// waiter is what is known about a job that is waited for.
type waiter struct {
	*Step
	up       time.Time // since when it is up without interruption
	last     generators.Status
	restarts int
	done     bool

	// What its processes have done, and since when nothing more:
	work  uint64
	quiet time.Time
}

// wait returns when all jobs of steps are up, and have stayed up as long as is
// required; all are watched at the same time. Otherwise it returns the step
// that is to blame.
func (r *runner) wait(ctx context.Context, steps []Step) (*Step, error) {
	if len(steps) == 0 || !r.h.Live() {
		return nil, nil
	}
	began := r.clock.Now()
	var all []*waiter
	for i := range steps {
		all = append(all, &waiter{Step: &steps[i], restarts: -1})
	}
	for poll := firstPoll; ; poll = min(poll*2, longestPoll) {
		left := 0
		for len(all) > left { // by manager
			n := left + 1
			for n < len(all) && all[n].target == all[left].target {
				n++
			}
			if s, err := r.look(ctx, all[left:n], began); err != nil {
				return s, err
			}
			left = n
		}
		all = slices.DeleteFunc(all, func(w *waiter) bool { return w.done })
		if len(all) == 0 {
			return nil, nil
		}
		pause := poll
		if !slices.ContainsFunc(all, func(w *waiter) bool { return w.quiet.IsZero() }) {
			pause = rest // they seem to be up: ask once more
		}
		if err := r.clock.Sleep(ctx, pause); err != nil {
			return all[0].Step, fmt.Errorf("cannot wait for %s: %w", all[0].Job, err)
		}
	}
}

// look asks about jobs of the same manager.
func (r *runner) look(ctx context.Context, all []*waiter, began time.Time) (*Step, error) {
	var names []string
	for _, w := range all {
		names = append(names, w.Job)
	}
	// Before the manager is asked, for what is at rest and runs afterwards
	// has been at rest all the while.
	now := r.clock.Now()
	for _, w := range all {
		if w.last.PID > 0 && w.item.Settle > 0 {
			w.watch(r.h, now)
		}
	}
	found, err := statuses(ctx, r.h, r.ctl(all[0].target.Backend), all[0].target, names)
	if err != nil {
		return all[0].Step, err
	}
	for i, w := range all {
		if found[i].State == generators.Inactive {
			// Some managers tell how it ended only when they are looked at closely.
			if o, ok := r.ctl(w.target.Backend).(generators.Operator); ok {
				if st, err := o.Inspect(ctx, r.h, w.target, w.Job); err == nil {
					found[i] = st
				}
			}
		}
		if err := w.judge(found[i], now, began); err != nil {
			return w.Step, err
		}
		if !w.done && w.up.Equal(now) && w.item.Settle > 0 {
			w.watch(r.h, now)
		}
		if w.done {
			r.last[w.target.Backend+" "+w.Job] = found[i]
		}
	}
	return nil, nil
}

// judge says what becomes of waiting, by the manager's word.
func (w *waiter) judge(st generators.Status, now, began time.Time) error {
	if w.restarts < 0 || st.Restarts < w.restarts {
		w.restarts = st.Restarts
	}
	switch st.State {
	case generators.Active:
		if w.up.IsZero() || st.PID != w.last.PID || st.Restarts != w.last.Restarts {
			w.up, w.work, w.quiet = now, 0, time.Time{}
		}
		if now.Sub(w.up) >= w.item.Settle || !w.quiet.IsZero() && now.Sub(w.quiet) >= rest {
			w.done = true
			return nil
		}
	case generators.Failed:
		return fmt.Errorf("cannot start %s: it has failed", w.Job)
	case generators.Inactive:
		if w.item.MayEnd {
			w.done = true
			return nil
		}
		if st.Exit.Code != 0 || st.Exit.Signal != "" {
			return fmt.Errorf("cannot start %s: it %s", w.Job, st.Exit.Words)
		}
		return fmt.Errorf("cannot start %s: it ended by itself (a program that puts itself into the background needs type: forking, one that does its work and ends type: oneshot)", w.Job)
	default:
		w.up = time.Time{}
	}
	if st.Restarts-w.restarts >= maxCrashes {
		return fmt.Errorf("cannot start %s: it keeps ending and being restarted", w.Job)
	}
	if limit := w.item.Timeout + w.item.Settle; w.item.Timeout > 0 && now.Sub(began) >= limit {
		return fmt.Errorf("cannot start %s: it is not up after %s, but %s", w.Job, w.item.Timeout, stateWords(st))
	}
	w.last = st
	return nil
}

// rest is how long all processes of a job have to be asleep, without having
// been on a processor in between, before it is believed that what they do at
// their start is done: they then wait for something to serve.
const rest = 30 * time.Millisecond

// watch notes whether the processes of a job have done anything.
func (w *waiter) watch(h host.Host, now time.Time) {
	work, asleep := activity(h, w.last.PID, 0)
	if !asleep || work != w.work {
		w.work, w.quiet = work, time.Time{}
	}
	if asleep && w.quiet.IsZero() {
		w.quiet = now
	}
}

// maxDepth bounds the descendants of a process that are looked at.
const maxDepth = 8

// activity counts how often the threads of a process and its descendants have
// been put on a processor (the third number of /proc/PID/task/TID/schedstat,
// Documentation/scheduler/sched-stats.rst in Linux), and reports whether all
// of them sleep until something happens (state S in proc_pid_stat(5)). Where
// that cannot be found out they do not.
func activity(h host.Host, pid, depth int) (work uint64, asleep bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := h.Names(dir)
	if err != nil || len(threads) == 0 || depth > maxDepth {
		return 0, false
	}
	for _, tid := range threads {
		stat, err := h.ReadFile(path.Join(dir, tid, "stat"))
		// The name, in parentheses, may hold anything.
		at := bytes.LastIndexByte(stat, ')')
		if err != nil || at < 0 || !bytes.HasPrefix(stat[at:], []byte(") S ")) {
			return 0, false
		}
		sched, err := h.ReadFile(path.Join(dir, tid, "schedstat"))
		f := bytes.Fields(sched)
		if err != nil || len(f) < 3 {
			return 0, false
		}
		n, err := strconv.ParseUint(string(f[2]), 10, 64)
		if err != nil || n == 0 { // it has run: the kernel does not count
			return 0, false
		}
		if naps(h, path.Join(dir, tid)) {
			return 0, false
		}
		work += n
		children, err := h.ReadFile(path.Join(dir, tid, "children"))
		if err != nil {
			return 0, false
		}
		for _, child := range bytes.Fields(children) {
			id, err := strconv.Atoi(string(child))
			if err != nil {
				return 0, false
			}
			n, ok := activity(h, id, depth+1)
			if !ok {
				return 0, false
			}
			// A child that has come instead of another is work as well.
			work += n + uint64(id)<<20
		}
	}
	return work, true
}

func stateWords(st generators.Status) string {
	if st.Detail != "" && st.Detail != string(st.State) {
		return string(st.State) + " (" + st.Detail + ")"
	}
	return string(st.State)
}

const logLines = 10

// explain adds to a failure what the manager knows about the job.
func (r *runner) explain(ctx context.Context, s *Step, f *Failure) {
	c := r.ctl(s.target.Backend)
	st, err := c.Status(ctx, r.h, s.target, s.Job)
	if o, ok := c.(generators.Operator); ok && err == nil && st.Reason == "" {
		st, err = o.Inspect(ctx, r.h, s.target, s.Job)
	}
	if err == nil && !errors.Is(f.Err, context.Canceled) {
		f.Reason = st.Reason
	}
	// What a job said last may still be on its way to the log.
	for try := 0; r.Messages != nil && try < 5 && len(f.Log) == 0; try++ {
		if try > 0 && r.clock.Sleep(ctx, longestPoll/2) != nil {
			break
		}
		f.Log = r.Messages(ctx, s.target, s.Job, logLines)
	}
}
