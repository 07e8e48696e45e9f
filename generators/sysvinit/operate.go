package sysvinit

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
	redhat := b.Target.Family == generators.RedHat
	var steps []generators.Step
	run := func(job string, optional bool, argv ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Optional: optional, Live: true})
	}
	switch verb {
	case generators.Start, generators.Restart:
		for _, j := range b.Startable() {
			run(j.Name, false, "service", j.Name, string(verb))
		}
	case generators.Stop:
		for _, j := range slices.Backward(b.Jobs) {
			run(j.Name, false, "service", j.Name, "stop")
		}
	case generators.Refresh:
		for _, j := range b.Jobs {
			run(j.Name, false, "service", j.Name, "reload")
		}
	case generators.Enable:
		for _, j := range b.Jobs {
			if !atBoot(b, j.Name) {
				return nil, fmt.Errorf("cannot enable %s: its timers start it, and cron has them at boot", j.Name)
			}
			if redhat {
				run(j.Name, false, "chkconfig", "--add", j.Name)
				run(j.Name, false, "chkconfig", j.Name, "on")
				continue
			}
			// enable changes links that are there, defaults only makes them.
			run(j.Name, false, "update-rc.d", j.Name, "defaults")
			run(j.Name, false, "update-rc.d", j.Name, "enable")
		}
	case generators.Disable:
		for _, j := range b.Jobs {
			switch {
			case !atBoot(b, j.Name):
				return nil, fmt.Errorf("cannot disable %s: it is not started at boot, but by its timers in /etc/cron.d (stop does not end them; uninstall does)", j.Name)
			case redhat:
				run(j.Name, false, "chkconfig", j.Name, "off")
			default:
				run(j.Name, false, "update-rc.d", j.Name, "disable")
			}
		}
	default:
		return nil, fmt.Errorf("cannot %s with SysVinit", verb)
	}
	return steps, nil
}

// Inspect implements [generators.Operator]. What a script of others says is
// compared with its process ID file: many report success whatever happens, or
// do not know the verb.
func (c backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, err := c.Status(ctx, h, t, job)
	if err != nil {
		return s, err
	}
	s.Missing = !h.Exists("/etc/init.d/" + job)
	dir := "/run/daemonize/" + job + "/"
	if last, err := h.ReadFile(dir + "last"); err == nil {
		count, text, _ := strings.Cut(strings.TrimSpace(string(last)), " ")
		s.Restarts, _ = strconv.Atoi(count)
		s.Exit = ended(text)
	}
	if state, err := h.ReadFile(dir + "state"); err == nil {
		if _, text, ok := strings.Cut(strings.TrimSpace(string(state)), " "); ok {
			if e := ended(text); e.Words != "" {
				s.Exit = e
			}
		}
	}
	if s.PID > 0 {
		s.Since, _ = generators.Process(h, s.PID)
	}
	if s.Missing || h.Exists("/usr/lib/daemonize/"+job) || h.Exists(dir) {
		return s, nil
	}
	compare(&s, h)
	return s, nil
}

// compare corrects what the script of somebody else says by its process ID file.
func compare(s *generators.Status, h generators.Host) {
	for _, path := range [...]string{"/run/" + s.Job + ".pid", "/run/" + s.Job + "/" + s.Job + ".pid", "/var/run/" + s.Job + ".pid"} {
		content, err := h.ReadFile(path)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
		if err != nil || pid <= 0 {
			continue
		}
		since, alive := generators.Process(h, pid)
		switch {
		case alive:
			s.State, s.PID, s.Since, s.Reason = generators.Active, pid, since, ""
		case s.State == generators.Active:
			s.State, s.PID = generators.Failed, 0
			s.Reason = "its script says that it runs, but process " + strconv.Itoa(pid) + " of " + path + " does not exist"
		}
		return
	}
	if strings.HasPrefix(strings.ToLower(s.Detail), "usage") {
		s.State, s.Detail = generators.Unknown, "its script has no status"
	}
}

// ended reads the words of the supervisor (describe in superviseHead).
func ended(text string) generators.Exit {
	number := func(after string) (int, bool) {
		_, rest, ok := strings.Cut(text, after)
		digits := strings.IndexFunc(rest+" ", func(r rune) bool { return r < '0' || r > '9' })
		n, err := strconv.Atoi(rest[:digits])
		return n, ok && err == nil
	}
	if n, ok := number("ended by signal "); ok {
		return generators.Killed(n)
	}
	if n, ok := number("ended with status "); ok {
		return generators.Exited(n)
	}
	if n, ok := number("could not be run (status "); ok {
		e := generators.Exited(n)
		e.Words += ": the program does not exist or cannot be executed"
		return e
	}
	return generators.Exit{}
}

// Sources implements [generators.Operator].
func (backend) Sources(_ context.Context, h generators.Host, _ generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
	var sources []generators.Source
	tags := []string{job}
	for _, script := range runScripts(job) {
		content, err := h.ReadFile(script)
		if err != nil {
			continue
		}
		files, tag := chain.Streams(content)
		for _, f := range files {
			sources = append(sources, generators.Source{Path: f})
		}
		if tag != "" && tag != job {
			tags = append(tags, tag)
		}
		break
	}
	if len(sources) == 0 && !h.Exists("/run/daemonize/"+job) {
		for _, f := range [...]string{"/var/log/" + job + ".log", "/var/log/" + job + "/" + job + ".log"} {
			if h.Exists(f) {
				sources = append(sources, generators.Source{Path: f})
			}
		}
	}
	for _, tag := range tags { // the supervisor's messages are marked with the job
		sources = append(sources, generators.Source{Tag: tag})
	}
	return sources, nil
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
