package daemontools

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

// stop takes the service in $1 down and waits a minute for it.
const stop = `svc -d "$1" || exit 1
tries=0
while case $(svstat "$1") in *': up '*) ;; *) false ;; esac; do
	tries=$((tries + 1))
	if [ "$tries" -gt 600 ]; then
		echo "$1 does not end" >&2
		exit 1
	fi
	sleep 0.1
done`

// Operate implements [generators.Operator]. svc does for jobs of others what ctl
// does for ours.
func (backend) Operate(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	run := func(job string, argv ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Live: true})
	}
	order := func(job string) {
		ctl, dir := lib(b, "ctl", job), services(b.Target.Family)+"/"+job
		switch {
		case slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == ctl }):
			run(job, ctl, string(verb))
		case verb == generators.Start:
			run(job, svc, "-u", dir)
		case verb == generators.Restart:
			run(job, svc, "-t", dir)
		default:
			run(job, script(stop, dir)...)
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
			if len(b.Artifacts) == 0 {
				run(j.Name, svc, "-h", services(b.Target.Family)+"/"+j.Name)
			} else {
				run(j.Name, lib(b, "control", j.Name), "reload")
			}
		}
	case generators.Enable, generators.Disable:
		for _, j := range b.Jobs {
			if timed(b) {
				return nil, fmt.Errorf("cannot %s %s: it is not started at boot, but by its timers in /etc/cron.d (stop does not end them; uninstall does)", verb, j.Name)
			}
			s := down(verb, j.Name)
			if len(b.Artifacts) == 0 { // of others, wherever it is linked to
				s.Argv[len(s.Argv)-1] = services(b.Target.Family) + "/" + j.Name + "/down"
			}
			steps = append(steps, s)
		}
	default:
		return nil, fmt.Errorf("cannot %s with daemontools", verb)
	}
	return steps, nil
}

// timed reports whether timers start the jobs of a bundle.
func timed(b generators.Bundle) bool {
	return slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return strings.Contains(string(a.Content), "\n"+timedMark+"\n") })
}

// Inspect implements [generators.Operator].
func (c backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, err := c.Status(ctx, h, t, job)
	if err == nil && !s.Missing {
		supervise.Inspect(h, &s)
	}
	return s, err
}

// Sources implements [generators.Operator]: files where the program's script
// redirects to them, and what the log service writes.
func (backend) Sources(_ context.Context, h generators.Host, t generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
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
	dir := services(t.Family) + "/" + job
	if content, err := h.ReadFile(dir + "/log/run"); err == nil {
		sources = append(sources, logged(job, dir, string(content))...)
	}
	return sources, nil
}

// logged reads from a script log/run where it sends the output.
func logged(job, dir, script string) []generators.Source {
	for line := range strings.Lines(script) {
		f := strings.Fields(line)
		if len(f) > 0 && f[0] == "exec" && slices.Contains(f, "multilog") {
			to := strings.Trim(f[len(f)-1], `"'`)
			switch {
			case to == "$logs":
				to = logDir(job)
			case !strings.HasPrefix(to, "/"):
				to = dir + "/log/" + strings.TrimPrefix(to, "./")
			}
			return []generators.Source{{Path: strings.TrimSuffix(to, "/") + "/current"}}
		}
		if _, rest, ok := strings.Cut(line, "logger -t "); ok {
			tag, _, _ := strings.Cut(rest, " -p ")
			return []generators.Source{{Tag: chain.Unquote(strings.TrimSpace(tag))}}
		}
	}
	return nil
}
