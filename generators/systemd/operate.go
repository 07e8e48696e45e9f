package systemd

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
)

var _ generators.Operator = Generator{}

// Native implements [generators.Operator]: what has no suffix is a service, as
// for systemctl(1).
func (Generator) Native(_ generators.Target, name string) string {
	switch path.Ext(name) {
	case ".service", ".socket", ".timer", ".path", ".target", ".mount", ".automount", ".swap", ".slice", ".scope":
		return name
	}
	return name + ".service"
}

// Operate implements [generators.Operator].
func (Generator) Operate(b generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	var steps []generators.Step
	run := func(job, command string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: systemctl(b.Target, command, job), Live: true})
	}
	jobs := triggers(b.Startable())
	switch verb {
	case generators.Start:
		for _, j := range jobs {
			run(j.Name, "start")
		}
	case generators.Stop:
		for _, j := range b.Jobs { // what would start the service again comes first
			run(j.Name, "stop")
		}
		if unit, ok := connections(b); ok {
			run(unit, "stop")
		}
	case generators.Restart:
		for _, j := range jobs {
			// A socket cannot be started while its service runs, and gains
			// nothing from a restart.
			if path.Ext(j.Name) == ".socket" {
				run(j.Name, "start")
			} else {
				run(j.Name, "restart")
			}
		}
		for _, j := range b.Jobs {
			if !contains(jobs, j.Name) {
				run(j.Name, "try-restart")
			}
		}
	case generators.Refresh:
		for _, j := range b.Jobs {
			if path.Ext(j.Name) == ".service" || len(b.Jobs) == 1 {
				run(j.Name, "reload")
			}
		}
	case generators.Enable:
		for _, j := range jobs {
			run(j.Name, "enable")
		}
	case generators.Disable:
		for _, j := range b.Jobs {
			run(j.Name, "disable")
		}
	default:
		return nil, fmt.Errorf("cannot %s with systemd", verb)
	}
	return steps, nil
}

// triggers leaves a service to what starts it.
func triggers(jobs []generators.Job) []generators.Job {
	var t []generators.Job
	for _, j := range jobs {
		if path.Ext(j.Name) != ".service" {
			t = append(t, j)
		}
	}
	if len(t) == 0 {
		return jobs
	}
	return t
}

func contains(jobs []generators.Job, name string) bool {
	for _, j := range jobs {
		if j.Name == name {
			return true
		}
	}
	return false
}

// inspected are the properties that Inspect asks for beside those of Status.
const inspected = properties + ",ExecMainCode,ExecMainExitTimestampMonotonic,StateChangeTimestamp,StateChangeTimestampMonotonic"

// Inspect implements [generators.Operator].
func (Generator) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	argv := systemctl(t, "show", "--property="+inspected)
	if t.Version >= 248*generators.Major {
		argv = append(argv, "--timestamp=utc") // systemctl(1); the text is in the local time zone without
	}
	out, err := h.Run(ctx, append(argv, job))
	if err != nil {
		return generators.Status{}, fmt.Errorf("cannot ask systemd about %s: %w", job, err)
	}
	if out.Code != 0 {
		return generators.Status{}, fmt.Errorf("cannot ask systemd about %s: %s", job, strings.TrimSpace(out.Stderr))
	}
	s := parseStatus(job, out.Stdout)
	values := map[string]string{}
	for l := range strings.Lines(out.Stdout) {
		key, value, _ := strings.Cut(strings.TrimRight(l, "\n"), "=")
		values[key] = value
	}
	s.Missing = values["LoadState"] == "not-found"
	// The codes are those of waitid(2): CLD_EXITED, CLD_KILLED, CLD_DUMPED.
	status, _ := strconv.Atoi(values["ExecMainStatus"])
	switch values["ExecMainCode"] {
	case "1":
		s.Exit = generators.Exited(status)
		if why := exitReason(status); why != "" {
			s.Exit.Words += ": " + why
		}
	case "2", "3":
		s.Exit = generators.Killed(status)
	}
	if at, err := time.Parse("Mon 2006-01-02 15:04:05 UTC", values["StateChangeTimestamp"]); err == nil {
		s.Since = at
	} else if micro, err := strconv.ParseInt(values["StateChangeTimestampMonotonic"], 10, 64); err == nil && micro > 0 {
		if boot := generators.Booted(h); !boot.IsZero() {
			s.Since = boot.Add(time.Duration(micro) * time.Microsecond).Truncate(time.Second)
		}
	}
	return s, nil
}

// Sources implements [generators.Operator]: the journal, which has systemd's own
// messages as well, and the files that output is sent to.
func (Generator) Sources(ctx context.Context, h generators.Host, t generators.Target, job string, q generators.Query) ([]generators.Source, error) {
	argv := []string{"journalctl", "--quiet", "--no-pager", "--output=json"}
	if q.Lines > 0 {
		argv = append(argv, "--lines="+strconv.Itoa(q.Lines))
	} else {
		argv = append(argv, "--no-tail")
	}
	if !q.Since.IsZero() {
		argv = append(argv, "--since=@"+strconv.FormatInt(q.Since.Unix(), 10))
	}
	if q.Follow {
		argv = append(argv, "--follow")
	}
	if t.Scope == generators.User {
		argv = append(argv, "--user", "--user-unit="+job)
	} else {
		argv = append(argv, "--unit="+job)
	}
	sources := []generators.Source{{Argv: argv, Journal: true}}
	// The property StandardOutput of older versions lacks the path.
	out, err := h.Run(ctx, systemctl(t, "cat", job))
	if err != nil {
		return nil, fmt.Errorf("cannot ask systemd about %s: %w", job, err)
	}
	streams := [...]string{"StandardOutput=", "StandardError="}
	var files [len(streams)]string
	for l := range strings.Lines(out.Stdout) {
		for i, key := range streams { // the last one counts, that of a drop-in
			if value, ok := strings.CutPrefix(strings.TrimSpace(l), key); ok {
				files[i] = outputFile(value, job)
			}
		}
	}
	for i, file := range files {
		if file != "" && (i == 0 || file != files[0]) {
			sources = append(sources, generators.Source{Path: file})
		}
	}
	return sources, nil
}

// outputFile returns the file of a value of StandardOutput=, empty if it names
// none that can be read again.
func outputFile(value, job string) string {
	kind, file, ok := strings.Cut(value, ":")
	if !ok || kind != "file" && kind != "append" && kind != "truncate" {
		return ""
	}
	_, instance, _ := strings.Cut(strings.TrimSuffix(job, path.Ext(job)), "@")
	file = strings.NewReplacer("%%", "\x00", "%i", instance, "%I", instance).Replace(file)
	if strings.Contains(file, "%") {
		return ""
	}
	return strings.ReplaceAll(file, "\x00", "%")
}
