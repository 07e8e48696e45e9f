package s6

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

// Operate implements [generators.Operator].
func (backend) Operate(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	run := func(job string, argv []string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Live: true})
	}
	switch verb {
	case generators.Start:
		for _, j := range b.Startable() {
			c := controlsOf(b, j.Name)
			run(j.Name, c.start())
		}
	case generators.Restart:
		for _, j := range b.Startable() {
			c := controlsOf(b, j.Name)
			for _, argv := range c.restart() {
				run(j.Name, argv)
			}
		}
	case generators.Stop:
		for _, j := range slices.Backward(b.Jobs) {
			c := controlsOf(b, j.Name)
			run(j.Name, c.stop())
		}
	case generators.Refresh:
		return refresh(b)
	case generators.Enable, generators.Disable:
		for _, j := range b.Jobs {
			if timed(b) {
				return nil, fmt.Errorf("cannot %s %s: it is not started at boot, but by its timers in /etc/cron.d (stop does not end them; uninstall does)", verb, j.Name)
			}
			run(j.Name, enable(b, j.Name, verb == generators.Enable))
		}
	default:
		return nil, fmt.Errorf("cannot %s with s6", verb)
	}
	return steps, nil
}

// refresh calls the scripts that the daemon has for it. To a job of others it
// sends SIGHUP, as s6 has no other word for it.
func refresh(b generators.Bundle) ([]generators.Step, error) {
	var steps []generators.Step
	for _, j := range b.Jobs {
		path := chain.Dir(b.Daemon) + "/reload" + strings.TrimPrefix(j.Name, b.Daemon)
		argv := []string{path}
		if len(b.Artifacts) == 0 {
			argv = []string{bin + "s6-svc", "-h", live(j.Name, b.Target.Family)}
		} else if !slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == path }) {
			continue // a health check, for one
		}
		steps = append(steps, generators.Step{Verb: generators.Refresh, Job: j.Name, Argv: argv, Live: true})
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("cannot have %s read its configuration again: it declares neither reload.signal nor reload.command (restart does it, or s6-svc -h)", b.Daemon)
	}
	return steps, nil
}

// timedMark is in the run of a job that timers start.
const timedMark = "Timers start it."

// onceMark is in the run of a job that starts by ending.
const onceMark = "It is up when it has ended."

// timed reports whether timers start the jobs of a bundle.
func timed(b generators.Bundle) bool {
	return slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool {
		return strings.HasSuffix(a.Path, "/run") && strings.Contains(string(a.Content), "\n# "+timedMark+"\n")
	})
}

// Inspect implements [generators.Operator].
func (c backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, err := c.Status(ctx, h, t, job)
	if err != nil || s.Missing {
		return s, err
	}
	if s.PID > 0 {
		s.Since, _ = generators.Process(h, s.PID)
	}
	if s.State != generators.Active && s.State != generators.Starting {
		return s, nil
	}
	if s.Exit.Words == "" {
		if end, err := h.ReadFile(supervise.Dir(job) + "/end"); err == nil {
			last := s
			judge(&last, string(end), "")
			s.Exit = last.Exit
		}
	}
	// The tally is cleared by a stop and a start by order.
	if r, err := h.Run(ctx, []string{bin + "s6-svdt", live(job, t.Family)}); err == nil && r.Code == 0 {
		s.Restarts = strings.Count(r.Stdout, "\n")
	}
	return s, nil
}

// Sources implements [generators.Operator]: files that run or the program's
// script open, and what the logger writes.
func (backend) Sources(_ context.Context, h generators.Host, t generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
	var sources []generators.Source
	add := func(files []string) {
		for _, f := range files {
			sources = append(sources, generators.Source{Path: f})
		}
	}
	if run, err := h.ReadFile(Dir(job, t.Family) + "/run"); err == nil {
		add(opened(string(run)))
	}
	for _, path := range runScripts(job) {
		if content, err := h.ReadFile(path); err == nil {
			files, _ := chain.Streams(content)
			add(files)
			break
		}
	}
	log := live(job, t.Family) + "/log/run"
	if t.Family == generators.S6RC {
		log = Dir(job+"-log", t.Family) + "/run"
	}
	if content, err := h.ReadFile(log); err == nil {
		sources = append(sources, logged(string(content))...)
	}
	return sources, nil
}

// opened returns the files that a run of ours appends output to.
func opened(run string) []string {
	var files []string
	for line := range strings.Lines(run) {
		if rest, ok := strings.CutPrefix(line, "redirfd -a "); ok {
			_, word, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
			files = append(files, unquote(word))
		}
	}
	return files
}

// logged reads from a logger's run where the lines go: into the directory that
// is the last argument of s6-log, or to syslog.
func logged(run string) []generators.Source {
	tag := ""
	for line := range strings.Lines(run) {
		f := strings.Fields(line)
		if i := slices.IndexFunc(f, func(w string) bool { return w == "s6-log" || strings.HasSuffix(w, "/s6-log") }); i >= 0 && f[0][0] != '#' {
			if dir := f[len(f)-1]; strings.HasPrefix(dir, "/") {
				return []generators.Source{{Path: strings.TrimSuffix(dir, "/") + "/current"}}
			}
		}
		if _, rest, ok := strings.Cut(line, " sh -t "); ok {
			word, _, _ := strings.Cut(rest, " -p ")
			tag = unquote(word)
		}
	}
	if tag != "" {
		return []generators.Source{{Tag: tag}}
	}
	return nil
}

// unquote reads a word that appendWord wrote.
func unquote(word string) string {
	if len(word) < 2 || word[0] != '"' {
		return word
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\t`, "\t", `\r`, "\r").Replace(word[1 : len(word)-1])
}

// runScripts are where the script that starts a job can be: that of NAME-INSTANCE
// is among those of NAME, and a name may hold hyphens.
func runScripts(job string) []string {
	paths := []string{chain.Dir(job) + "/run"}
	for i := len(job) - 1; i > 0; i-- {
		if job[i] == '-' {
			paths = append(paths, chain.Dir(job[:i])+"/run-"+job[i+1:])
		}
	}
	return paths
}
