// Package operate starts, stops and looks at daemons after they are installed.
//
// It is the same for every service manager: a [generators.Operator] says as data
// what the manager needs for a verb, and this package does it, waits until the
// jobs are up, and reports what it sees rather than what an exit status claims.
// A daemon is one that daemonize installed, known from its manifest, or else any
// job of the manager.
package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
)

// Daemon is what a verb is applied to.
type Daemon struct {
	Name   string
	Target generators.Target
	Bundle generators.Bundle
	// Manifest is nil for a job of others.
	Manifest *install.Manifest

	h   host.Host
	ctl generators.Operator
}

// ErrUnknown is the error for a name that is neither installed by daemonize nor
// known to the manager.
var ErrUnknown = errors.New("neither installed by daemonize nor known to the service manager")

// Installed returns the daemon of a manifest. t is the manager that runs, with
// the manifest's scope and home.
func Installed(h host.Host, ctl generators.Operator, t generators.Target, m *install.Manifest) *Daemon {
	d := &Daemon{Name: m.Daemon, Target: t, Manifest: m, h: h, ctl: ctl}
	d.Bundle = generators.Bundle{Daemon: m.Daemon, Target: t}
	for _, f := range m.Files {
		if f.Link != "" {
			continue
		}
		a := generators.Artifact{Path: f.Path}
		if now, err := h.Stat(f.Path); err == nil && now.Mode.IsRegular() {
			a.Content, a.Mode = now.Content, now.Mode.Perm()
		}
		d.Bundle.Artifacts = append(d.Bundle.Artifacts, a)
	}
	for _, j := range m.Jobs {
		d.Bundle.Jobs = append(d.Bundle.Jobs, generators.Job{Name: j.Name, Enable: j.Enable, Start: j.Start})
	}
	return d
}

// Native returns a job of others. The error wraps [ErrUnknown] if the manager
// does not know it.
func Native(ctx context.Context, h host.Host, ctl generators.Operator, t generators.Target, name string) (*Daemon, error) {
	job := ctl.Native(t, name)
	d := &Daemon{Name: name, Target: t, h: h, ctl: ctl}
	d.Bundle = generators.Bundle{Daemon: name, Target: t, Jobs: []generators.Job{{Name: job}}}
	s, err := ctl.Inspect(ctx, h, t, job)
	if err != nil {
		return nil, err
	}
	if s.Missing {
		return nil, fmt.Errorf("cannot find %s: %w (%s)", name, ErrUnknown, t)
	}
	if f, ok := ctl.(fileFinder); ok {
		p := f.File(t, job)
		if content, err := h.ReadFile(p); err == nil {
			d.Bundle.Artifacts = []generators.Artifact{{Path: p, Content: content}}
		}
	}
	return d, nil
}

// Messages returns a function that gives the last n lines that a job of ctl's
// managers has logged, as [install.Plan] wants it.
func Messages(h host.Host, st Streamer, ctl install.Manager) func(ctx context.Context, t generators.Target, job string, n int) []string {
	return func(ctx context.Context, t generators.Target, job string, n int) []string {
		c, ok := ctl(t.Backend).(generators.Operator)
		if !ok {
			return nil
		}
		d := &Daemon{Name: job, Target: t, Bundle: generators.Bundle{Daemon: job, Target: t, Jobs: []generators.Job{{Name: job}}}, h: h, ctl: c}
		lines, _, err := d.Log(ctx, st, generators.Query{Lines: n})
		if err != nil { // the log is an extra
			return nil
		}
		var texts []string
		for _, l := range lines {
			if l.Message != "" {
				texts = append(texts, l.Message)
			}
		}
		return texts
	}
}

// fileFinder is an operator that needs the file of a job to operate it.
type fileFinder interface {
	// File returns where the file of a job of others is.
	File(t generators.Target, job string) string
}

// Outcome is what came of a verb.
type Outcome struct {
	Daemon string              `json:"daemon"`
	Target string              `json:"target"`
	Steps  []generators.Step   `json:"steps"`
	Jobs   []generators.Status `json:"jobs"`
	Error  string              `json:"error,omitempty"`
	Log    []string            `json:"log,omitempty"` // the last messages, after an error
}

// Plan returns what a verb will do.
func (d *Daemon) Plan(verb generators.Verb) ([]generators.Step, error) {
	return d.ctl.Operate(d.Bundle, verb)
}

// Do carries a verb out. For Start and Restart it returns when the jobs are up,
// within timeout. The outcome tells the state of the jobs in any case.
func (d *Daemon) Do(ctx context.Context, clock install.Clock, verb generators.Verb, timeout time.Duration) (Outcome, error) {
	out := Outcome{Daemon: d.Name, Target: d.Target.String(), Steps: []generators.Step{}, Jobs: []generators.Status{}}
	steps, err := d.ctl.Operate(d.Bundle, verb)
	if err != nil {
		return out, err
	}
	out.Steps = steps
	running := map[string]bool{}
	if verb == generators.Start {
		// Not every manager leaves alone what runs: launchd's start is a load.
		for _, j := range d.Bundle.Startable() {
			s, err := d.ctl.Inspect(ctx, d.h, d.Target, j.Name)
			running[j.Name] = err == nil && s.State == generators.Active
		}
		out.Steps = slices.DeleteFunc(slices.Clone(steps), func(s generators.Step) bool { return running[s.Job] })
	}
	for _, s := range out.Steps {
		if err = d.do(ctx, s); err != nil {
			break
		}
	}
	if err == nil && (verb == generators.Start || verb == generators.Restart) {
		for _, j := range d.Bundle.Startable() {
			if running[j.Name] {
				continue
			}
			if err = d.wait(ctx, clock, verb, j.Name, timeout); err != nil {
				break
			}
		}
	}
	for _, j := range d.Bundle.Jobs {
		if s, err := d.ctl.Inspect(ctx, d.h, d.Target, j.Name); err == nil {
			out.Jobs = append(out.Jobs, s)
		}
	}
	if err != nil && (verb == generators.Start || verb == generators.Restart) {
		for _, s := range out.Jobs {
			if s.Reason != "" && s.State != generators.Active && !strings.Contains(err.Error(), s.Reason) {
				err = fmt.Errorf("%w: %s", err, s.Reason)
				break
			}
		}
	}
	return out, err
}

func (d *Daemon) do(ctx context.Context, s generators.Step) error {
	if s.Verb == generators.WriteFile {
		return d.write(s)
	}
	r, err := d.h.Run(ctx, s.Argv)
	if err != nil {
		if s.Optional {
			return nil
		}
		return fmt.Errorf("cannot %s %s: %w", word(s.Verb), s.Job, err)
	}
	if r.Code == 0 || s.Optional {
		return nil
	}
	said := strings.TrimSpace(r.Stderr)
	if said == "" {
		said = strings.TrimSpace(r.Stdout)
	}
	if said != "" {
		said = ": " + said
	}
	return fmt.Errorf("cannot %s %s: %s ended with exit code %d%s", word(s.Verb), s.Job, strings.Join(s.Argv, " "), r.Code, said)
}

// word is what people call a verb.
func word(v generators.Verb) string {
	if v == generators.Refresh {
		return "reload"
	}
	return string(v)
}

// DriftError is the error for a file that was changed since it was installed
// and so is not written.
type DriftError struct{ Path string }

// Error implements error.
func (e *DriftError) Error() string {
	return "cannot change " + e.Path + ": it was changed since it was installed (install the daemon again, with --force if the change can be lost)"
}

// write replaces a file of ours, and what the manifest says of it.
func (d *Daemon) write(s generators.Step) error {
	if d.Manifest == nil {
		return fmt.Errorf("cannot change %s: it was not installed by daemonize", s.Path)
	}
	i := slices.IndexFunc(d.Manifest.Files, func(f install.File) bool { return f.Path == s.Path })
	if i < 0 {
		return fmt.Errorf("cannot change %s: it was not installed by daemonize", s.Path)
	}
	now, err := d.h.Stat(s.Path)
	if err != nil {
		return fmt.Errorf("cannot change %s: %w", s.Path, err)
	}
	if !now.Mode.IsRegular() || sum(now.Content) != d.Manifest.Files[i].SHA256 {
		return &DriftError{s.Path}
	}
	if string(now.Content) == string(s.Artifact.Content) {
		return nil
	}
	old := now.Content
	now.Content = s.Artifact.Content
	if err := d.h.Write(s.Path, now); err != nil {
		return fmt.Errorf("cannot write %s: %w", s.Path, err)
	}
	m := *d.Manifest
	m.Files = slices.Clone(m.Files)
	m.Files[i].SHA256 = sum(now.Content)
	if err := d.manifest(&m); err != nil {
		now.Content = old // else the file would look edited
		return errors.Join(err, d.h.Write(s.Path, now))
	}
	return nil
}

func (d *Daemon) manifest(m *install.Manifest) error {
	name := path.Join(install.StateDir(d.Target), d.Name+".json")
	f, err := d.h.Stat(name)
	if err != nil {
		return fmt.Errorf("cannot change manifest: %w", err)
	}
	if f.Content, err = json.MarshalIndent(m, "", "  "); err != nil {
		return fmt.Errorf("cannot change manifest: %w", err)
	}
	f.Content = append(f.Content, '\n')
	if err := d.h.Write(name, f); err != nil {
		return fmt.Errorf("cannot change manifest: %w", err)
	}
	return nil
}

const (
	firstPoll   = 20 * time.Millisecond
	longestPoll = 250 * time.Millisecond
	// settle is how long a job must stay up to be believed: most that die of
	// their configuration do it sooner.
	settle = 500 * time.Millisecond
	// maxCrashes is how often a job may be restarted meanwhile.
	maxCrashes = 3
)

// wait returns when a job is up.
func (d *Daemon) wait(ctx context.Context, clock install.Clock, verb generators.Verb, job string, timeout time.Duration) error {
	began := clock.Now()
	var up time.Time
	var last generators.Status
	restarts := -1
	for poll := firstPoll; ; poll = min(2*poll, longestPoll) {
		s, err := d.ctl.Inspect(ctx, d.h, d.Target, job)
		if err != nil {
			return err
		}
		now := clock.Now()
		if restarts < 0 || s.Restarts < restarts {
			restarts = s.Restarts
		}
		switch s.State {
		case generators.Active:
			if up.IsZero() || s.PID != last.PID {
				up = now
			}
			// What has no process, such as a timer, does not die.
			if s.PID == 0 || now.Sub(up) >= settle {
				return nil
			}
		case generators.Failed:
			return fmt.Errorf("cannot %s %s: it has failed", verb, job)
		case generators.Inactive:
			if s.Exit.Code == 0 && s.Exit.Signal == "" {
				return nil // its work is done
			}
			return fmt.Errorf("cannot %s %s: it %s", verb, job, s.Exit.Words)
		default:
			up = time.Time{}
		}
		if s.Restarts-restarts >= maxCrashes {
			return fmt.Errorf("cannot %s %s: it keeps ending and being restarted", verb, job)
		}
		if now.Sub(began) >= timeout {
			return fmt.Errorf("cannot %s %s: it is not up after %s, but %s", verb, job, timeout, Words(s))
		}
		last = s
		if err := clock.Sleep(ctx, poll); err != nil {
			return fmt.Errorf("cannot wait for %s: %w", job, err)
		}
	}
}
