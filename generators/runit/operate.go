package runit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/supervise"
)

var _ generators.Operator = backend{}

// Native implements [generators.Operator].
func (backend) Native(_ generators.Target, name string) string { return name }

// Operate implements [generators.Operator]. sv does for jobs of others what ctl
// does for ours.
func (backend) Operate(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	run := func(job string, argv ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Live: true})
	}
	has := func(path string) bool {
		return slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == path })
	}
	order := func(job string) {
		switch ctl := ctlOf(b, job); {
		case has(ctl):
			run(job, ctl, string(verb))
		case verb == generators.Stop:
			run(job, sv, "-w", "60", "force-stop", Dir(job))
		default:
			run(job, sv, "-w", "60", string(verb), Dir(job))
		}
	}
	switch verb {
	case generators.Start, generators.Restart:
		for _, j := range b.Startable() {
			order(j.Name)
		}
	case generators.Stop:
		for _, j := range slices.Backward(b.Jobs) {
			order(j.Name)
		}
	case generators.Refresh:
		for _, j := range b.Jobs {
			script := chain.Dir(b.Daemon) + "/reload" + strings.TrimPrefix(j.Name, b.Daemon)
			switch {
			case has(script):
				run(j.Name, script)
			case len(b.Artifacts) == 0:
				run(j.Name, sv, "hup", Dir(j.Name))
			default:
				return nil, fmt.Errorf("cannot have %s read its configuration again: it declares neither reload.signal nor reload.command (restart does it, or sv hup)", b.Daemon)
			}
		}
	case generators.Enable, generators.Disable:
		for _, j := range b.Jobs {
			if timed(b) {
				return nil, fmt.Errorf("cannot %s %s: it is not started at boot, but by its timers in /etc/cron.d (stop does not end them; uninstall does)", verb, j.Name)
			}
			steps = append(steps, down(verb, j.Name))
		}
	default:
		return nil, fmt.Errorf("cannot %s with runit", verb)
	}
	return steps, nil
}

// timedMark is in the script run of a job that timers start.
const timedMark = "# Timers start it."

// timed reports whether timers start the jobs of a bundle.
func timed(b generators.Bundle) bool {
	return slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return strings.Contains(string(a.Content), "\n"+timedMark+"\n") })
}

// Inspect implements [generators.Operator].
func (c backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, err := c.Status(ctx, h, t, job)
	if err != nil || s.Missing {
		return s, err
	}
	supervise.Inspect(h, &s)
	return s, nil
}

// Sources implements [generators.Operator]: files where the program's script
// redirects to them, and what the log service writes.
func (backend) Sources(_ context.Context, h generators.Host, _ generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
	var sources []generators.Source
	for _, script := range supervise.RunScripts(job) {
		content, err := h.ReadFile(script)
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
		break
	}
	if content, err := h.ReadFile(Dir(job) + "/log/run"); err == nil {
		sources = append(sources, logged(job, string(content))...)
	}
	return sources, nil
}

// logged reads from a script log/run where it sends the output.
func logged(job, script string) []generators.Source {
	for line := range strings.Lines(script) {
		f := strings.Fields(line)
		if i := slices.Index(f, "svlogd"); i >= 0 {
			dir := strings.Trim(f[len(f)-1], `"'`)
			switch {
			case dir == "$logs":
				dir = logDir(job)
			case dir == "." || strings.HasPrefix(dir, "./"):
				dir = Dir(job) + "/log/" + strings.TrimPrefix(strings.TrimPrefix(dir, "."), "/")
			case !strings.HasPrefix(dir, "/"):
				dir = Dir(job) + "/log/" + dir
			}
			return []generators.Source{{Path: strings.TrimSuffix(dir, "/") + "/current"}}
		}
		if _, rest, ok := strings.Cut(line, "logger -t "); ok {
			tag, _, _ := strings.Cut(rest, " -p ")
			return []generators.Source{{Tag: chain.Unquote(strings.TrimSpace(tag))}}
		}
	}
	return nil
}
