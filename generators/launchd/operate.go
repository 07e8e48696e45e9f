package launchd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"howett.net/plist"
)

var _ generators.Operator = backend{}

// Native implements [generators.Operator]: labels are what people use too.
func (backend) Native(_ generators.Target, name string) string { return name }

// Operate implements [generators.Operator]. To stop a job is to unload it, for
// launchd would start again what was only ended; to start it is to load it.
func (backend) Operate(bundle generators.Bundle, verb generators.Verb) ([]generators.Step, error) {
	p := plan{agents: bundle.Target.Scope == generators.User, bundle: bundle}
	switch verb {
	case generators.Start, generators.Restart:
		for _, job := range bundle.Startable() {
			if a, _ := p.plist(job.Name); a == nil {
				return nil, fmt.Errorf("cannot %s %s: there is no property list of that name in the place for the scope", verb, job.Name)
			}
			p.start(verb, job)
		}
	case generators.Stop:
		for _, job := range slices.Backward(bundle.Jobs) {
			p.out(verb, job.Name)
		}
	case generators.Enable, generators.Disable:
		for _, job := range bundle.Jobs {
			p.run(verb, job.Name, false, string(verb))
		}
	case generators.Refresh:
		return nil, fmt.Errorf("cannot have %s read its configuration again: launchd has no such operation (restart does it, or launchctl kill SIGNAL %s/%s)", bundle.Daemon, where(bundle.Target.Scope), bundle.Jobs[0].Name)
	default:
		return nil, fmt.Errorf("cannot %s with launchd", verb)
	}
	return p.steps, nil
}

// where is the domain of a scope, for people.
func where(scope generators.Scope) string {
	if scope == generators.User {
		return "gui/UID"
	}
	return "system"
}

// Inspect implements [generators.Operator].
func (b backend) Inspect(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, printed, err := b.look(ctx, h, t, job)
	if err != nil {
		return s, err
	}
	if s.Detail == "not loaded" {
		s.Missing = !h.Exists(plistPath(t, job))
		return s, nil
	}
	for line := range strings.Lines(printed) {
		line, _ = strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		key, value, _ := strings.Cut(line, " = ")
		switch key {
		case "last exit code":
			number, _, _ := strings.Cut(value, ":")
			if n, err := strconv.Atoi(number); err == nil {
				s.Exit = generators.Exited(n)
			}
		case "last terminating signal":
			_, number, _ := strings.Cut(value, ": ")
			if n, err := strconv.Atoi(number); err == nil {
				s.Exit = generators.Exit{Signal: value, Words: "ended by signal " + strconv.Itoa(n) + " (" + value + ")"}
			}
		}
	}
	return s, nil
}

// File returns the property list of a job, without which it cannot be loaded.
func (backend) File(t generators.Target, job string) string { return plistPath(t, job) }

// Sources implements [generators.Operator]: the files that the property list
// names.
func (backend) Sources(_ context.Context, h generators.Host, t generators.Target, job string, _ generators.Query) ([]generators.Source, error) {
	content, err := h.ReadFile(plistPath(t, job))
	if err != nil {
		return nil, fmt.Errorf("cannot find where %s logs to: %w", job, err)
	}
	var keys struct{ StandardOutPath, StandardErrorPath string }
	if _, err := plist.Unmarshal(content, &keys); err != nil {
		return nil, fmt.Errorf("cannot find where %s logs to: cannot read %s: %w", job, plistPath(t, job), err)
	}
	var sources []generators.Source
	for _, path := range [...]string{keys.StandardOutPath, keys.StandardErrorPath} {
		if path != "" && path != "/dev/null" && (len(sources) == 0 || sources[0].Path != path) {
			sources = append(sources, generators.Source{Path: path})
		}
	}
	return sources, nil
}
