package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
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

// wait returns when the job of s is up, and stays up as long as is required.
func (r *runner) wait(ctx context.Context, s *Step) error {
	c := r.ctl(s.target.Backend)
	began := r.clock.Now()
	var up time.Time // since when it is up without interruption
	var last generators.Status
	restarts := -1
	for poll := firstPoll; ; poll = min(poll*2, longestPoll) {
		st, err := c.Status(ctx, r.h, s.target, s.Job)
		if err != nil {
			return fmt.Errorf("cannot ask about %s: %w", s.Job, err)
		}
		now := r.clock.Now()
		if restarts < 0 || st.Restarts < restarts {
			restarts = st.Restarts
		}
		switch st.State {
		case generators.Active:
			if up.IsZero() || st.PID != last.PID || st.Restarts != last.Restarts {
				up = now
			}
			if now.Sub(up) >= s.item.Settle {
				return nil
			}
		case generators.Failed:
			return fmt.Errorf("cannot start %s: it has failed", s.Job)
		case generators.Inactive:
			if s.item.MayEnd {
				return nil
			}
			return fmt.Errorf("cannot start %s: it ended by itself (a program that puts itself into the background needs type: forking, one that does its work and ends type: oneshot)", s.Job)
		default:
			up = time.Time{}
		}
		if st.Restarts-restarts >= maxCrashes {
			return fmt.Errorf("cannot start %s: it keeps ending and being restarted", s.Job)
		}
		if limit := s.item.Timeout + s.item.Settle; s.item.Timeout > 0 && now.Sub(began) >= limit {
			return fmt.Errorf("cannot start %s: it is not up after %s, but %s", s.Job, s.item.Timeout, stateWords(st))
		}
		last = st
		if err := r.clock.Sleep(ctx, poll); err != nil {
			return fmt.Errorf("cannot wait for %s: %w", s.Job, err)
		}
	}
}

func stateWords(st generators.Status) string {
	if st.Detail != "" && st.Detail != string(st.State) {
		return string(st.State) + " (" + st.Detail + ")"
	}
	return string(st.State)
}

// recorder is a controller that can show what a job has logged.
type recorder interface {
	// Logs returns the command that prints the last n lines of a job.
	Logs(t generators.Target, job string, n int) []string
}

const logLines = 10

// explain adds to a failure what the manager knows about the job.
func (r *runner) explain(ctx context.Context, s *Step, f *Failure) {
	c := r.ctl(s.target.Backend)
	if st, err := c.Status(ctx, r.h, s.target, s.Job); err == nil {
		f.Reason = st.Reason
	}
	if rec, ok := c.(recorder); ok {
		out, err := r.h.Run(ctx, rec.Logs(s.target, s.Job, logLines))
		if err == nil && out.Code == 0 {
			for line := range strings.Lines(out.Stdout) {
				f.Log = append(f.Log, strings.TrimRight(line, "\r\n"))
			}
		}
	}
	if errors.Is(f.Err, context.Canceled) {
		f.Reason = ""
	}
}
