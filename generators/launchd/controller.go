package launchd

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"howett.net/plist"
)

const launchctl = "/bin/launchctl"

// Detect implements [generators.Controller]: launchd is what macOS has, and
// its version is that of macOS.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	if !h.Exists("/System/Library/LaunchDaemons") {
		return generators.Target{}, false
	}
	r, err := h.Run(ctx, []string{"/usr/bin/sw_vers", "-productVersion"})
	if err != nil || r.Code != 0 {
		return generators.Target{}, false
	}
	v, ok := generators.ParseVersion(strings.TrimSpace(r.Stdout))
	return generators.Target{Backend: "launchd", Version: v, Scope: scope}, ok
}

// domain returns what launchctl calls the place of a job. gui/UID exists only
// while the user is logged in at the screen (launchctl(1)).
func (b backend) domain(scope generators.Scope) string {
	if scope == generators.System {
		return "system"
	}
	return "gui/" + strconv.Itoa(b.uid)
}

// waitScript waits until launchd has forgotten a job. bootout returns before
// the process has ended, and a bootstrap in the meantime fails with error 5 or
// 37 and leaves the job unloaded. The values are parameters, never part of the
// script.
const waitScript = `n=0
while "$1" print "$2" >/dev/null 2>&1; do
	n=$((n + 1))
	[ "$n" -lt "$3" ] || exit 1
	sleep 1
done`

// loadScript loads a job. launchd refuses while it still takes the one before
// apart, which it can do after it has forgotten its name: error 5 (EIO), or 37
// (EALREADY, "operation already in progress"). Error 5 stands for much else, so
// it is tried a few times only and then explained. The values are parameters,
// never part of the script.
const loadScript = `n=0
while :; do
	"$1" bootstrap "$2" "$3" && exit 0
	code=$?
	n=$((n + 1))
	case $code in
	5 | 37) [ "$n" -lt 5 ] || break ;;
	*) break ;;
	esac
	sleep 1
done
if [ "$code" -eq 5 ]; then
	echo "launchd does not load $3: it must belong to the user that the job is of and be writable by nobody else, be a valid property list (plutil -lint), not be quarantined (xattr), and its program must exist" >&2
fi
exit "$code"`

// Steps implements [generators.Controller]. Starting a job always takes it out
// first: launchd keeps a loaded job as it was, even one that does not run, and
// a second bootstrap fails.
func (b backend) Steps(bundle generators.Bundle, op generators.Op) []generators.Step {
	p := plan{domain: b.domain(bundle.Target.Scope), bundle: bundle}
	switch op {
	case generators.Install:
		for i := range bundle.Artifacts {
			if a := &bundle.Artifacts[i]; path.Base(a.Path) == "setup" {
				// Before the service starts: launchd would start both at once.
				p.steps = append(p.steps, generators.Step{Verb: generators.MakeUser, Argv: []string{a.Path}, Live: true})
			}
		}
		for _, job := range bundle.Jobs {
			target := p.target(job.Name)
			if job.Enable {
				p.run(generators.Enable, job.Name, false, "enable", target)
			} else {
				// launchd loads every plist that it finds when it boots, unless told otherwise here.
				p.run(generators.Reload, job.Name, false, "disable", target)
			}
		}
		for _, job := range bundle.Jobs {
			if job.Start {
				p.start(generators.Start, job)
				p.run(generators.Verify, job.Name, false, "print", p.target(job.Name))
			}
		}
	case generators.Upgrade:
		for _, job := range bundle.Jobs {
			p.start(generators.Restart, job)
			p.run(generators.Verify, job.Name, false, "print", p.target(job.Name))
		}
	case generators.Uninstall:
		for _, job := range slices.Backward(bundle.Jobs) { // the helpers last
			p.out(generators.Stop, job.Name)
			p.run(generators.Disable, job.Name, true, "disable", p.target(job.Name))
			// The override database outlives the plist: a job that is
			// installed again must not be found disabled.
			p.run(generators.Clean, job.Name, true, "enable", p.target(job.Name))
		}
	}
	return p.steps
}

type plan struct {
	domain string
	bundle generators.Bundle
	steps  []generators.Step
}

func (p *plan) target(job string) string { return p.domain + "/" + job }

func (p *plan) run(verb generators.Verb, job string, optional bool, args ...string) {
	p.steps = append(p.steps, generators.Step{Verb: verb, Job: job, Argv: append([]string{launchctl}, args...), Optional: optional, Live: true})
}

// out unloads a job, if it is loaded, and waits until it is gone.
func (p *plan) out(verb generators.Verb, job string) {
	p.run(verb, job, true, "bootout", p.target(job))
	seconds := p.exitTimeout(job) + 5
	p.steps = append(p.steps, generators.Step{
		Verb: verb, Job: job, Live: true,
		Argv: []string{"/bin/sh", "-c", waitScript, "sh", launchctl, p.target(job), strconv.FormatInt(seconds, 10)},
	})
}

// start loads a job and has it run, unless it waits for a timer, a socket or
// a path.
func (p *plan) start(verb generators.Verb, job generators.Job) {
	artifact, keys := p.plist(job.Name)
	if artifact == nil {
		return
	}
	target := p.target(job.Name)
	p.out(verb, job.Name)
	// A disabled job cannot be bootstrapped; to disable it again keeps it
	// from being loaded at boot, not from running on.
	p.run(verb, job.Name, false, "enable", target)
	p.steps = append(p.steps, generators.Step{
		Verb: verb, Job: job.Name, Live: true,
		Argv: []string{"/bin/sh", "-c", loadScript, "sh", launchctl, p.domain, artifact.Path},
	})
	if !onDemand(keys) {
		p.run(verb, job.Name, false, "kickstart", target) // without -k: a job that runs is left alone
	}
	if !job.Enable {
		p.run(verb, job.Name, false, "disable", target)
	}
}

// plist returns a job's artifact and what is in it.
func (p *plan) plist(job string) (*generators.Artifact, map[string]any) {
	for i := range p.bundle.Artifacts {
		a := &p.bundle.Artifacts[i]
		if path.Base(a.Path) != job+".plist" {
			continue
		}
		var keys map[string]any
		if _, err := plist.Unmarshal(a.Content, &keys); err != nil {
			return a, nil
		}
		return a, keys
	}
	return nil, nil
}

// exitTimeout returns how long a stop can take; a job that may take for ever
// is waited for as long as systemd would by default.
func (p *plan) exitTimeout(job string) int64 {
	_, keys := p.plist(job)
	if n, ok := keys["ExitTimeOut"].(uint64); ok && n > 0 {
		return int64(min(n, 3600))
	}
	if _, ok := keys["ExitTimeOut"]; ok {
		return 90
	}
	return 20
}

// onDemand reports whether something starts the job that is not the loading.
func onDemand(keys map[string]any) bool {
	for _, k := range [...]string{"StartInterval", "StartCalendarInterval", "WatchPaths", "QueueDirectories", "Sockets"} {
		if _, ok := keys[k]; ok {
			return true
		}
	}
	return false
}

// notFound is the exit code of launchctl for a job that is not loaded.
const notFound = 113

// Status implements [generators.Controller]. The output of launchctl print is
// declared not to be an interface, but there is no other.
func (b backend) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	domain := b.domain(t.Scope)
	s := generators.Status{Job: job, State: generators.Unknown}
	r, err := h.Run(ctx, []string{launchctl, "print", domain + "/" + job})
	if err != nil {
		return s, fmt.Errorf("cannot ask launchd about %s: %w", job, err)
	}
	switch {
	case r.Code == notFound:
		s.State, s.Detail = generators.Inactive, "not loaded"
	case r.Code != 0:
		return s, fmt.Errorf("cannot ask launchd about %s: launchctl print exited with %d: %s", job, r.Code, strings.TrimSpace(r.Stderr))
	default:
		var keys map[string]any
		if content, err := h.ReadFile(plistPath(t, job)); err == nil {
			_, _ = plist.Unmarshal(content, &keys) // a plist that somebody broke says nothing about the job
		}
		parsePrint(&s, r.Stdout, keys)
	}
	r, err = h.Run(ctx, []string{launchctl, "print-disabled", domain})
	if err != nil {
		return s, fmt.Errorf("cannot ask launchd whether %s is disabled: %w", job, err)
	}
	if r.Code != 0 {
		return s, fmt.Errorf("cannot ask launchd whether %s is disabled: launchctl print-disabled exited with %d", job, r.Code)
	}
	// A job without an entry is enabled.
	s.Enabled = h.Exists(plistPath(t, job)) && !disabled(r.Stdout, job)
	return s, nil
}

func plistPath(t generators.Target, job string) string {
	r := renderer{target: t}
	return r.places().plists + "/" + job + ".plist"
}

// parsePrint reads the lines of the job itself, which have one tab before
// them; those of its sockets and its domain have more. keys are those of the
// job's plist, nil if it cannot be read.
func parsePrint(s *generators.Status, out string, keys map[string]any) {
	var exit, signal string
	runs := 0
	for line := range strings.Lines(out) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		if !ok {
			continue
		}
		key, value, ok := strings.Cut(line, " = ")
		if !ok {
			continue
		}
		switch key {
		case "state":
			s.Detail = value
		case "pid":
			s.PID, _ = strconv.Atoi(value)
		case "runs":
			runs, _ = strconv.Atoi(value)
		case "last exit code":
			exit = value
		case "last terminating signal":
			signal = value
		}
	}
	s.Restarts = max(runs-1, 0)
	never := exit == "(never exited)" || exit == "" && signal == ""
	failed := !never && (signal != "" || exit != "0")
	atLoad, _ := keys["RunAtLoad"].(bool)
	label, _ := keys["Label"].(string)
	switch {
	case s.Detail == "":
		s.State = generators.Unknown
	case s.Detail == "running":
		s.State = generators.Active
	case strings.Contains(s.Detail, "failed"):
		s.State, s.Reason = generators.Failed, "launchd could not start the program"
	case strings.HasPrefix(s.Detail, "spawn"), never && runs == 0 && atLoad: // such as "spawn scheduled"
		s.State = generators.Starting
	case failed:
		s.State, s.Reason = generators.Failed, reason(exit, signal)
	case onDemand(keys): // it waits for its timer, socket or path
		s.State, s.Restarts = generators.Active, 0
	case strings.HasPrefix(label, setupPrefix): // it has done what it is for
		s.State = generators.Active
	default:
		s.State = generators.Inactive
	}
}

// reason explains how a job ended, in particular the codes with which launchd
// itself and the shell of a wrapper fail.
func reason(exit, signal string) string {
	if signal != "" {
		return "ended by signal " + signal
	}
	number, _, _ := strings.Cut(exit, ":")
	switch number {
	case "78":
		return "exit code 78: launchd could not set the job up; the program, a directory or a log file is missing or not accessible to the job's user"
	case "126", "127":
		return "exit code " + number + ": the program does not exist or cannot be executed"
	}
	return "exit code " + exit
}

// disabled reads the override database: "label" => disabled, before macOS 12
// "label" => true.
func disabled(out, job string) bool {
	for line := range strings.Lines(out) {
		label, state, ok := strings.Cut(strings.TrimSpace(line), " => ")
		if ok && label == `"`+job+`"` {
			return state == "disabled" || state == "true"
		}
	}
	return false
}
