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

var _ generators.Operator = backend{}

// Native implements [generators.Operator].
func (backend) Native(_ generators.Target, name string) string { return name }

// Operate implements [generators.Operator].
func (backend) Operate(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	run := func(job string, args ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: append([]string{supervisorctl}, args...), Live: true})
	}
	switch verb {
	case generators.Start, generators.Restart:
		for _, j := range b.Startable() {
			run(j.Name, string(verb), j.Name)
		}
	case generators.Stop:
		for _, j := range slices.Backward(b.Jobs) {
			run(j.Name, "stop", j.Name)
		}
	case generators.Refresh:
		// supervisord has no such verb; the bundle has scripts for it.
		for _, a := range b.Artifacts {
			name, ok := strings.CutPrefix(a.Path, chain.Dir(b.Daemon)+"/reload")
			if ok && (name == "" || name[0] == '-') {
				steps = append(steps, generators.Step{Verb: verb, Job: b.Daemon + name, Argv: []string{a.Path}, Live: true})
			}
		}
		if len(steps) == 0 {
			return nil, fmt.Errorf("cannot have %s read its configuration again: supervisord has no such operation and the daemon declares neither reload.signal nor reload.command (restart does it, or supervisorctl signal)", b.Daemon)
		}
	case generators.Enable, generators.Disable:
		return setAutostart(b, verb)
	default:
		return nil, fmt.Errorf("cannot %s with supervisord", verb)
	}
	return steps, nil
}

// setAutostart writes autostart into the daemon's own file: there is no other
// place that outlives supervisord. It is not told, since its update would restart
// the program because of the change; what counts is its next start.
func setAutostart(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	changed := withAutostart(b, verb == generators.Enable)
	for i, a := range b.Artifacts {
		if own(b, a.Path) {
			steps = append(steps, generators.Step{Verb: generators.WriteFile, Job: b.Daemon, Path: a.Path, Artifact: &changed.Artifacts[i]})
		}
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("cannot %s %s: supervisord keeps this in autostart= of the program's section, in a file that daemonize did not write", verb, b.Daemon)
	}
	return steps, nil
}

// WithEnabled returns the bundle as it is after enable or disable, so that to
// install a daemon again finds its file as it should be.
func (backend) WithEnabled(b generators.Bundle, on bool) generators.Bundle {
	return withAutostart(b, on)
}

func withAutostart(b generators.Bundle, on bool) generators.Bundle {
	from, to := "\nautostart=false\n", "\nautostart=true\n"
	if !on {
		from, to = to, from
	}
	b.Artifacts = slices.Clone(b.Artifacts)
	for i := range b.Artifacts {
		if a := &b.Artifacts[i]; own(b, a.Path) {
			a.Content = []byte(strings.ReplaceAll(string(a.Content), from, to))
		}
	}
	return b
}

// own reports whether a path is that of the daemon's file for supervisord.
func own(b generators.Bundle, path string) bool {
	return path == Path(b.Daemon, generators.Debian) || path == Path(b.Daemon, generators.RedHat)
}

// history is how much of supervisord's own log is read, in bytes.
const history = 64 << 10

// Inspect implements [generators.Operator]. supervisorctl tells neither how a
// process ended nor how often it was started; supervisord's own log does.
func (c backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, err := c.Status(ctx, h, t, job)
	if err != nil {
		return s, err
	}
	s.Missing = s.Detail == "no such process" || s.Detail == "no such group"
	if s.Missing {
		return s, nil
	}
	r, err := h.Run(ctx, []string{supervisorctl, "maintail", "-" + strconv.Itoa(history)})
	if err == nil && r.Code == 0 { // without a log there is less to say
		parseHistory(&s, r.Stdout)
	}
	if s.PID > 0 {
		s.Since, _ = generators.Process(h, s.PID)
	}
	return s, nil
}

// parseHistory reads the messages about a process (supervisor/process.py, spawn
// and finish, and supervisorctl's orders), such as
//
//	2026-11-22 03:49:04,123 INFO spawned: 'web' with pid 7
//	2026-11-22 03:49:05,123 WARN exited: web (exit status 3; not expected)
//	2026-11-22 03:49:06,123 WARN exited: web (terminated by SIGKILL; not expected)
//	2026-11-22 03:49:07,123 WARN stopped: web (terminated by SIGTERM)
//
// exited is by itself and stopped by order. A spawn that follows an end by itself
// is a restart, unless the job had given up.
func parseHistory(s *generators.Status, log string) {
	_, process, member := strings.Cut(s.Job, ":")
	if !member {
		process = s.Job
	}
	ended := false
	for line := range strings.Lines(log) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(f) < 4 {
			continue
		}
		kind, rest, _ := strings.Cut(f[3], ": ")
		name, rest, _ := strings.Cut(rest, " ")
		if strings.Trim(name, "'") != process {
			continue
		}
		switch kind {
		case "spawned":
			if ended {
				s.Restarts++
			} else {
				s.Restarts = 0
			}
			ended = false
		case "exited", "stopped":
			ended = kind == "exited"
			s.Exit = exit(strings.Trim(rest, "()"))
		case "gave up":
			ended = false
		}
	}
	if s.State == generators.Inactive && s.Detail == "EXITED" && s.Exit.Words != "" && (s.Exit.Code != 0 || s.Exit.Signal != "") && strings.Contains(lastEnd(log, process), "not expected") {
		// It was not meant to end, and is not started again.
		s.State, s.Reason = generators.Failed, s.Exit.Words
	}
}

// lastEnd returns the last message that the process ended by itself.
func lastEnd(log, process string) string {
	i := strings.LastIndex(log, "exited: "+process+" (")
	if i < 0 {
		return ""
	}
	line, _, _ := strings.Cut(log[i:], "\n")
	return line
}

// exit reads "exit status 3; not expected" or "terminated by SIGKILL".
func exit(words string) generators.Exit {
	words, _, _ = strings.Cut(words, ";")
	if n, ok := strings.CutPrefix(words, "exit status "); ok {
		if code, err := strconv.Atoi(n); err == nil {
			return generators.Exited(code)
		}
	}
	if name, ok := strings.CutPrefix(words, "terminated by "); ok {
		name, _, _ = strings.Cut(name, " ")
		return generators.Exit{Signal: name, Words: "ended by signal " + name}
	}
	return generators.Exit{}
}

// Sources implements [generators.Operator]: files where the program's script
// redirects to them, else what supervisord keeps.
func (backend) Sources(_ context.Context, h generators.Host, t generators.Target, job string, q generators.Query) ([]generators.Source, error) {
	daemon, process, member := strings.Cut(job, ":")
	if !member {
		process = daemon
	}
	script := chain.ScriptPath(daemon, strings.TrimPrefix(strings.TrimPrefix(process, daemon), "-"))
	if content, err := h.ReadFile(script); err == nil {
		if files, _ := chain.Streams(content); len(files) > 0 {
			var sources []generators.Source
			for _, f := range files {
				sources = append(sources, generators.Source{Path: f})
			}
			return sources, nil
		}
	}
	content, _ := h.ReadFile(Path(daemon, t.Family)) // none: of somebody else
	_, section, _ := strings.Cut("\n"+string(content), "\n[program:"+process+"]\n")
	section, _, _ = strings.Cut(section, "\n[")
	var sources []generators.Source
	streams := []string{"stdout", "stderr"}
	if strings.Contains("\n"+section+"\n", "\nredirect_stderr=true\n") || len(content) == 0 {
		streams = streams[:1]
	}
	for _, stream := range streams {
		if _, after, ok := strings.Cut("\n"+section, "\n"+stream+"_logfile="); ok {
			file, _, _ := strings.Cut(after, "\n")
			if file = strings.ReplaceAll(file, "%%", "%"); strings.HasPrefix(file, "/") && !strings.HasPrefix(file, "/dev/") {
				sources = append(sources, generators.Source{Path: file})
			}
			if file != "AUTO" {
				continue
			}
		}
		// tail counts bytes, and a line is rarely longer than this.
		amount := "-" + strconv.Itoa(max(q.Lines, 50)*200)
		if q.Follow {
			amount = "-f"
		}
		sources = append(sources, generators.Source{Argv: []string{supervisorctl, "tail", amount, job, stream}})
	}
	return sources, nil
}
