package openrc

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/initscript"
	"github.com/daemonize/daemonize/internal/supervise"
)

var _ generators.Operator = backend{}

// runlevel is where services are enabled.
const runlevel = "default"

// Detect implements [generators.Controller]: OpenRC has booted the system if it
// has written which runlevel it is in (openrc-run.sh, verify_boot). Its programs
// say nothing: Debian's SysVinit can be installed beside them.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "openrc", Scope: scope, Version: backend{}.Info().Oldest}
	if scope != generators.System || !h.Exists("/run/openrc/softlevel") || h.Exists("/run/systemd/system") {
		return t, false
	}
	// "openrc (OpenRC) 0.45.2", with a word for the kind of container inside.
	if r, err := h.Run(ctx, []string{"openrc", "--version"}); err == nil && r.Code == 0 {
		if f := strings.Fields(r.Stdout); len(f) > 0 {
			if v, ok := generators.ParseVersion(f[len(f)-1]); ok {
				t.Version = v
			}
		}
	}
	return t, true
}

// Links returns the links by which the jobs of b start at boot: what
// rc-update(8) add makes.
func (backend) Links(b generators.Bundle) []generators.Artifact {
	var links []generators.Artifact
	for _, j := range b.Jobs {
		if j.Enable {
			links = append(links, generators.Artifact{Path: "/etc/runlevels/" + runlevel + "/" + j.Name, Mode: fs.ModeSymlink | 0o777, Content: []byte(script(j.Name))})
		}
	}
	return links
}

func enable(job string) []string { return []string{"rc-update", "--quiet", "add", job, runlevel} }

// disable returns what removes the links of all runlevels. rc-update del --all
// fails if one of them has none.
func disable(job string) []string {
	return []string{"find", "-H", "/etc/runlevels", "-name", job, "-type", "l", "-delete"}
}

// Steps implements [generators.Controller]. OpenRC reads the scripts when it
// needs them and keeps its cache of dependencies by their times.
func (backend) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	var steps []generators.Step
	run := func(verb generators.Verb, job string, argv ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Live: true})
	}
	if op == generators.Uninstall {
		for _, j := range slices.Backward(b.Jobs) {
			run(generators.Disable, j.Name, disable(j.Name)...)
			run(generators.Stop, j.Name, "rc-service", j.Name, "stop")
			// Nothing happens if OpenRC holds it for stopped, after a zap by hand.
			control := chain.Dir(b.Daemon) + "/control" + strings.TrimPrefix(j.Name, b.Daemon)
			if slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == control }) {
				run(generators.Stop, j.Name, control, "stop")
			}
		}
		for i := range b.Artifacts {
			steps = append(steps, generators.Step{Verb: generators.RemoveFile, Path: b.Artifacts[i].Path})
		}
		for _, j := range b.Jobs {
			run(generators.Clean, j.Name, "rm", "-rf", supervise.Dir(j.Name))
		}
		return steps
	}
	for _, a := range b.Accounts {
		steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: chain.MakeAccount(a)})
	}
	for i := range b.Artifacts {
		steps = append(steps, generators.Step{Verb: generators.WriteFile, Path: b.Artifacts[i].Path, Artifact: &b.Artifacts[i]})
	}
	for _, j := range b.Jobs {
		if j.Enable {
			run(generators.Enable, j.Name, enable(j.Name)...)
		} else {
			run(generators.Disable, j.Name, disable(j.Name)...)
		}
	}
	for _, j := range b.Jobs {
		switch {
		case op == generators.Upgrade:
			run(generators.Restart, j.Name, "rc-service", j.Name, "restart")
		case j.Start:
			run(generators.Start, j.Name, "rc-service", j.Name, "start")
		}
		// There is no step to verify: start returns when the service is up.
	}
	return steps
}

// Status implements [generators.Controller] by asking the script.
func (backend) Status(ctx context.Context, h generators.Host, _ generators.Target, job string) (generators.Status, error) {
	s := generators.Status{Job: job, State: generators.Unknown}
	if !h.Exists(script(job)) {
		s.State, s.Missing = generators.Inactive, true
		return s, nil
	}
	r, err := h.Run(ctx, []string{"rc-service", "--nocolor", job, "status"})
	if err != nil {
		return s, fmt.Errorf("cannot ask OpenRC about %s: %w", job, err)
	}
	if ours := strings.HasPrefix(strings.TrimSpace(r.Stdout), job+": "); ours {
		initscript.ParseStatus(&s, r)
	} else {
		parseStatus(&s, r)
	}
	// A link in any runlevel starts it there.
	links, err := h.Run(ctx, []string{"find", "-H", "/etc/runlevels", "-name", job})
	if err != nil {
		return s, fmt.Errorf("cannot look for the links of %s: %w", job, err)
	}
	s.Enabled = strings.TrimSpace(links.Stdout) != ""
	return s, nil
}

// parseStatus reads the exit code of a script that leaves the verb to
// openrc-run (openrc-run.sh, _status).
func parseStatus(s *generators.Status, r generators.Result) {
	text := strings.TrimSpace(r.Stdout + r.Stderr)
	if _, word, ok := strings.Cut(text, "status: "); ok {
		s.Detail, _, _ = strings.Cut(word, "\n")
	}
	switch r.Code {
	case 0:
		s.State = generators.Active
	case 3, 16:
		s.State = generators.Inactive
	case 4:
		s.State = generators.Stopping
	case 8:
		s.State = generators.Starting
	case 32:
		s.State, s.Reason = generators.Failed, "crashed"
	}
}

// Native implements [generators.Operator].
func (backend) Native(_ generators.Target, name string) string { return name }

// Operate implements [generators.Operator].
func (backend) Operate(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	run := func(job string, argv ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Live: true})
	}
	switch verb {
	case generators.Start, generators.Restart:
		for _, j := range b.Startable() {
			run(j.Name, "rc-service", j.Name, string(verb))
		}
	case generators.Stop:
		for _, j := range slices.Backward(b.Jobs) {
			run(j.Name, "rc-service", j.Name, "stop")
		}
	case generators.Refresh:
		for _, j := range b.Startable() {
			run(j.Name, "rc-service", j.Name, "reload")
		}
	case generators.Enable:
		if slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == crond.Path(b.Daemon) }) {
			return nil, fmt.Errorf("cannot enable %s: its timers start it, and cron has them at boot", b.Daemon)
		}
		for _, j := range b.Jobs {
			run(j.Name, enable(j.Name)...)
		}
	case generators.Disable:
		for _, j := range b.Jobs {
			run(j.Name, disable(j.Name)...)
		}
	default:
		return nil, fmt.Errorf("cannot %s with OpenRC", verb)
	}
	return steps, nil
}

// Inspect implements [generators.Operator].
func (c backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, err := c.Status(ctx, h, t, job)
	if err == nil && !s.Missing {
		supervise.Inspect(h, &s)
	}
	return s, err
}

// Sources implements [generators.Operator].
func (backend) Sources(_ context.Context, h generators.Host, _ generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
	return initscript.Sources(h, job), nil
}
