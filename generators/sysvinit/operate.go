package sysvinit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/initscript"
	"github.com/daemonize/daemonize/internal/supervise"
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
	supervise.Inspect(h, &s)
	if s.Missing || h.Exists("/usr/lib/daemonize/"+job) || h.Exists(supervise.Dir(job)) {
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

// Sources implements [generators.Operator].
func (backend) Sources(_ context.Context, h generators.Host, _ generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
	return initscript.Sources(h, job), nil
}
