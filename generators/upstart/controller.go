package upstart

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
)

var _ generators.Operator = backend{}

// override is the file that keeps a job from starting by itself, init(5).
func override(job string) string { return "/etc/init/" + job + ".override" }

// Detect implements [generators.Controller]: the init daemon that runs says
// what it is.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "upstart", Scope: scope}
	if scope != generators.System || !h.Exists(initctl) {
		return t, false
	}
	r, err := h.Run(ctx, []string{initctl, "version"}) // init (upstart 1.12.1)
	if err != nil || r.Code != 0 {
		return t, false
	}
	_, version, ok := strings.Cut(r.Stdout, "(upstart ")
	if !ok {
		return t, false
	}
	version, _, _ = strings.Cut(version, ")")
	t.Version, ok = generators.ParseVersion(strings.TrimSpace(version))
	return t, ok
}

// Steps implements [generators.Controller]. init watches /etc/init, but tells
// nobody when it has read it, so it is asked to. restart keeps the
// configuration that the job was started with (initctl(8)), so a change is
// stop and start.
func (backend) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	var steps []generators.Step
	run := func(verb generators.Verb, job string, optional bool, args ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: append([]string{initctl}, args...), Optional: optional, Live: true})
	}
	if op == generators.Uninstall {
		for _, j := range slices.Backward(b.Jobs) {
			run(generators.Stop, j.Name, true, "stop", j.Name)
		}
		for i := range b.Artifacts {
			steps = append(steps, generators.Step{Verb: generators.RemoveFile, Path: b.Artifacts[i].Path})
		}
		for _, j := range b.Jobs {
			steps = append(steps, generators.Step{Verb: generators.Clean, Job: j.Name, Argv: []string{"/bin/rm", "-f", override(j.Name)}, Live: true})
		}
		run(generators.Reload, "", false, "reload-configuration")
		return steps
	}
	for _, a := range b.Accounts {
		steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: chain.MakeAccount(a)})
	}
	for i := range b.Artifacts {
		steps = append(steps, generators.Step{Verb: generators.WriteFile, Path: b.Artifacts[i].Path, Artifact: &b.Artifacts[i]})
	}
	run(generators.Reload, "", false, "reload-configuration")
	for _, j := range b.Jobs {
		if op == generators.Upgrade {
			run(generators.Stop, j.Name, true, "stop", j.Name) // fails if it does not run
			run(generators.Restart, j.Name, false, "start", j.Name)
		} else if j.Start {
			run(generators.Start, j.Name, false, "start", j.Name)
		}
		if j.Start {
			run(generators.Verify, j.Name, false, "status", j.Name)
		}
	}
	return steps
}

// Status implements [generators.Controller].
func (backend) Status(ctx context.Context, h generators.Host, _ generators.Target, job string) (generators.Status, error) {
	s := generators.Status{Job: job, State: generators.Unknown}
	r, err := h.Run(ctx, []string{initctl, "status", job})
	if err != nil {
		return s, fmt.Errorf("cannot ask Upstart about %s: %w", job, err)
	}
	switch {
	case r.Code == 0 && parseStatus(&s, r.Stdout): // 0 whether it runs or not
	case strings.Contains(r.Stderr, "Unknown job") || strings.Contains(r.Stderr, "Unknown instance"):
		s.State, s.Missing, s.Detail = generators.Inactive, true, "unknown job"
		return s, nil
	default:
		return s, fmt.Errorf("cannot ask Upstart about %s: initctl status exited with %d: %s", job, r.Code, strings.TrimSpace(r.Stdout+r.Stderr))
	}
	conf, err := h.ReadFile(Path(job))
	over, _ := h.ReadFile(override(job)) // none: nothing is overridden
	s.Enabled = err == nil && strings.Contains("\n"+string(conf), "\nstart on ") && !strings.Contains("\n"+string(over)+"\n", "\nmanual\n")
	return s, nil
}

// parseStatus reads goal, state and process, such as
//
//	web start/running, process 123
//	web stop/waiting
func parseStatus(s *generators.Status, out string) bool {
	line, _, _ := strings.Cut(out, "\n")
	name, rest, _ := strings.Cut(line, " ")
	if name != s.Job {
		return false
	}
	condition, process, _ := strings.Cut(rest, ", process ")
	s.Detail = condition
	goal, state, ok := strings.Cut(condition, "/")
	if !ok {
		return false
	}
	s.PID, _ = strconv.Atoi(process) // none while there is no main process
	switch {
	case state == "running":
		s.State = generators.Active
	case state == "waiting":
		s.State = generators.Inactive
	case goal == "start":
		s.State = generators.Starting
	default:
		s.State = generators.Stopping
	}
	return true
}

// Native implements [generators.Operator].
func (backend) Native(_ generators.Target, name string) string { return name }

// Operate implements [generators.Operator].
func (backend) Operate(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	run := func(job string, optional bool, args ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: append([]string{initctl}, args...), Optional: optional, Live: true})
	}
	switch verb {
	case generators.Start:
		for _, j := range b.Startable() {
			run(j.Name, false, "start", j.Name)
		}
	case generators.Stop:
		for _, j := range slices.Backward(b.Startable()) {
			run(j.Name, false, "stop", j.Name)
		}
	case generators.Restart:
		for _, j := range b.Startable() {
			run(j.Name, true, "stop", j.Name) // fails if it does not run
			run(j.Name, false, "start", j.Name)
		}
	case generators.Refresh:
		for _, j := range b.Startable() {
			script := chain.Dir(b.Daemon) + "/reload" + strings.TrimPrefix(j.Name, b.Daemon)
			if slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == script }) {
				steps = append(steps, generators.Step{Verb: verb, Job: j.Name, Argv: []string{script}, Live: true})
			} else {
				run(j.Name, false, "reload", j.Name)
			}
		}
	case generators.Enable, generators.Disable:
		for _, j := range b.Startable() {
			if verb == generators.Enable {
				steps = append(steps, generators.Step{Verb: verb, Job: j.Name, Argv: []string{"/bin/rm", "-f", override(j.Name)}})
			} else {
				steps = append(steps, generators.Step{Verb: verb, Job: j.Name, Argv: []string{"/bin/sh", "-c", `echo manual >"$1"`, "disable", override(j.Name)}})
			}
		}
	default:
		return nil, fmt.Errorf("cannot %s with Upstart", verb)
	}
	return steps, nil
}

// Inspect implements [generators.Operator]. Upstart tells neither how a process
// ended nor how often it was started.
func (c backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, err := c.Status(ctx, h, t, job)
	if err == nil && s.PID > 0 {
		s.Since, _ = generators.Process(h, s.PID)
	}
	return s, err
}

// Sources implements [generators.Operator]: files where the job's script
// redirects to them, else Upstart's own log of the job (init(5), console log).
func (backend) Sources(_ context.Context, h generators.Host, _ generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
	conf, err := h.ReadFile(Path(job))
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration of %s: %w", job, err)
	}
	var sources []generators.Source
	for line := range strings.Lines(string(conf)) {
		script, ok := strings.CutPrefix(strings.TrimSpace(line), "exec "+chain.Dir(""))
		if !ok {
			continue
		}
		content, err := h.ReadFile(chain.Dir("") + script)
		if err != nil {
			continue
		}
		files, tag := chain.Streams(content)
		for _, f := range files {
			sources = append(sources, generators.Source{Path: f})
		}
		if tag != "" {
			sources = append(sources, generators.Source{Tag: tag})
		}
	}
	if strings.Contains(string(conf), "\nconsole log\n") {
		sources = append(sources, generators.Source{Path: "/var/log/upstart/" + job + ".log"})
	}
	return sources, nil
}
