package supervisord

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
)

// Detect implements [generators.Controller]: supervisord runs where its
// socket is and it answers.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "supervisord", Scope: scope}
	socket := false
	// Debian's place, its older spelling, and EPEL's.
	for _, path := range [...]string{"/run/supervisor.sock", "/var/run/supervisor.sock", "/run/supervisor/supervisor.sock"} {
		socket = socket || h.Exists(path)
	}
	if scope != generators.System || !socket {
		return t, false
	}
	r, err := h.Run(ctx, []string{supervisorctl, "version"})
	if err != nil || r.Code != 0 {
		return t, false
	}
	if t.Version, socket = generators.ParseVersion(strings.TrimSpace(r.Stdout)); !socket {
		return t, false
	}
	if !h.Exists("/etc/supervisor/conf.d") && h.Exists("/etc/supervisord.d") {
		t.Family = generators.RedHat
	}
	return t, true
}

// Steps implements [generators.Controller]. A running supervisord learns of
// files by update, which also starts what is new with autostart, restarts
// what has changed and ends what is gone, of the groups named only. (restart
// does not read the file again.)
func (backend) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	var steps []generators.Step
	run := func(verb generators.Verb, job string, optional bool, args ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: append([]string{supervisorctl}, args...), Optional: optional, Live: true})
	}
	groups := []string{"update"}
	for _, j := range b.Jobs {
		group, _, _ := strings.Cut(j.Name, ":")
		if !slices.Contains(groups[1:], group) {
			groups = append(groups, group)
		}
	}
	if op == generators.Uninstall {
		for _, j := range slices.Backward(b.Jobs) {
			run(generators.Stop, j.Name, true, "stop", j.Name)
		}
		for i := range b.Artifacts {
			steps = append(steps, generators.Step{Verb: generators.RemoveFile, Path: b.Artifacts[i].Path})
		}
		run(generators.Reload, "", true, groups...) // fails when somebody else's update came first
		return steps
	}
	for _, a := range b.Accounts {
		steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: chain.MakeAccount(a)})
	}
	for i := range b.Artifacts {
		steps = append(steps, generators.Step{Verb: generators.WriteFile, Path: b.Artifacts[i].Path, Artifact: &b.Artifacts[i]})
	}
	run(generators.Reload, "", false, groups...)
	for _, j := range b.Jobs {
		switch {
		case op == generators.Upgrade:
			run(generators.Restart, j.Name, false, "restart", j.Name)
		case j.Start:
			run(generators.Start, j.Name, false, "start", j.Name) // succeeds if update has done it
		case j.Enable:
			run(generators.Stop, j.Name, true, "stop", j.Name) // update has started it
		}
		if j.Start {
			run(generators.Verify, j.Name, false, "status", j.Name)
		}
	}
	return steps
}

// Status implements [generators.Controller].
func (backend) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s := generators.Status{Job: job, State: generators.Unknown}
	r, err := h.Run(ctx, []string{supervisorctl, "status", job})
	if err != nil {
		return s, fmt.Errorf("cannot ask supervisord about %s: %w", job, err)
	}
	// The exit status is 3 for a program that does not run and 4 for one that
	// is not known, but also for a supervisord that does not answer.
	if !parseStatus(&s, r.Stdout) {
		return s, fmt.Errorf("cannot ask supervisord about %s: supervisorctl status exited with %d: %s", job, r.Code, strings.TrimSpace(r.Stdout+r.Stderr))
	}
	s.Enabled = enabled(h, t, job)
	return s, nil
}

// parseStatus reads the line that supervisorctl status prints (supervisorctl.py,
// _show_statuses): name, state and description in columns.
func parseStatus(s *generators.Status, out string) bool {
	for line := range strings.Lines(out) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.TrimSuffix(name, ":") != s.Job && !strings.HasPrefix(name, s.Job+":") {
			continue
		}
		state, description, _ := strings.Cut(strings.TrimSpace(rest), " ")
		description = strings.TrimSpace(description)
		s.Detail = state
		switch state {
		case "RUNNING":
			s.State = generators.Active
			if pid, _, ok := strings.Cut(strings.TrimPrefix(description, "pid "), ","); ok {
				s.PID, _ = strconv.Atoi(pid)
			}
		case "STARTING":
			s.State = generators.Starting
		case "BACKOFF": // ended within startsecs and will be tried again
			s.State, s.Reason = generators.Starting, description
		case "STOPPING":
			s.State = generators.Stopping
		case "STOPPED":
			s.State = generators.Inactive
		case "EXITED":
			// Whether that was expected is not said.
			s.State = generators.Inactive
		case "FATAL":
			s.State, s.Reason = generators.Failed, description
		case "ERROR": // (no such process), (no such group)
			s.State, s.Detail = generators.Inactive, strings.Trim(description, "()")
		}
		return true
	}
	return false
}

// enabled reports whether the file that the job is in starts it.
func enabled(h generators.Host, t generators.Target, job string) bool {
	daemon, program, member := strings.Cut(job, ":")
	if !member {
		program = daemon
	}
	for {
		if content, err := h.ReadFile(Path(daemon, t.Family)); err == nil {
			return autostart(string(content), program)
		}
		// The program of a health check is in the file of its daemon.
		i := strings.LastIndexByte(daemon, '-')
		if i < 0 {
			return false
		}
		daemon = daemon[:i]
	}
}

// autostart reads the key from a file that Generate wrote.
func autostart(content, program string) bool {
	_, after, found := strings.Cut(content, "\n[program:"+program+"]\n")
	if !found {
		return false
	}
	own, _, _ := strings.Cut(after, "\n[")
	return strings.Contains("\n"+own, "\nautostart=true\n")
}
