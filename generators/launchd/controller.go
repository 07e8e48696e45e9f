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

// agentDomain sets domain to where the agents of a user belong: gui/UID, which
// exists only while the user is logged in at the screen, or else user/UID, over
// SSH for example (launchctl(1), "gui/<uid>/[service-name]"). Who the user is and
// which there is are seen on the machine, when the step is carried out.
const agentDomain = `uid=$(/usr/bin/id -u) || exit 1
domain=gui/$uid
"$1" print "$domain" >/dev/null 2>&1 || domain=user/$uid
`

// agentScript calls launchctl ($1) with a verb ($2) for a label ($3).
const agentScript = agentDomain + `exec "$1" "$2" "$domain/$3"`

// outScript unloads an agent from both domains: it may have been loaded when the
// other one was the right one.
const outScript = agentDomain + `"$1" bootout "gui/$uid/$2"
code=$?
"$1" bootout "user/$uid/$2" && exit 0
exit "$code"`

// agentWaitScript is waitScript for both domains.
const agentWaitScript = agentDomain + `label=$2 most=$3
set -- "$1" "gui/$uid/$label" "$most"
` + waitScript + `
set -- "$1" "user/$uid/$label" "$most"
` + waitScript

// agentLoadScript loads the agent whose property list is $2.
const agentLoadScript = agentDomain + `set -- "$1" "$domain" "$2"
` + loadScript

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
func (backend) Steps(bundle generators.Bundle, op generators.Op) []generators.Step {
	p := plan{agents: bundle.Target.Scope == generators.User, bundle: bundle}
	switch op {
	case generators.Install:
		for i := range bundle.Artifacts {
			if a := &bundle.Artifacts[i]; path.Base(a.Path) == "setup" {
				// Before the service starts: launchd would start both at once.
				p.steps = append(p.steps, generators.Step{Verb: generators.MakeUser, Argv: []string{a.Path}, Live: true})
			}
		}
		for _, job := range bundle.Jobs {
			if job.Enable {
				p.run(generators.Enable, job.Name, false, "enable")
			} else {
				// launchd loads every plist that it finds when it boots, unless told otherwise here.
				p.run(generators.Reload, job.Name, false, "disable")
			}
		}
		for _, job := range bundle.Jobs {
			if job.Start {
				p.start(generators.Start, job)
				p.run(generators.Verify, job.Name, false, "print")
			}
		}
	case generators.Upgrade:
		for _, job := range bundle.Jobs {
			p.start(generators.Restart, job)
			p.run(generators.Verify, job.Name, false, "print")
		}
	case generators.Uninstall:
		for _, job := range slices.Backward(bundle.Jobs) { // the helpers last
			p.out(generators.Stop, job.Name)
			p.run(generators.Disable, job.Name, true, "disable")
			// The override database outlives the plist: a job that is
			// installed again must not be found disabled.
			p.run(generators.Clean, job.Name, true, "enable")
		}
	}
	return p.steps
}

type plan struct {
	agents bool // of a user
	bundle generators.Bundle
	steps  []generators.Step
}

func (p *plan) add(verb generators.Verb, job string, optional bool, argv ...string) {
	p.steps = append(p.steps, generators.Step{Verb: verb, Job: job, Argv: argv, Optional: optional, Live: true})
}

// run calls launchctl with a verb of its own.
func (p *plan) run(verb generators.Verb, job string, optional bool, word string) {
	if p.agents {
		p.add(verb, job, optional, "/bin/sh", "-c", agentScript, "sh", launchctl, word, job)
		return
	}
	p.add(verb, job, optional, launchctl, word, "system/"+job)
}

// out unloads a job, if it is loaded, and waits until it is gone.
func (p *plan) out(verb generators.Verb, job string) {
	seconds := strconv.FormatInt(p.exitTimeout(job)+5, 10)
	if p.agents {
		p.add(verb, job, true, "/bin/sh", "-c", outScript, "sh", launchctl, job)
		p.add(verb, job, false, "/bin/sh", "-c", agentWaitScript, "sh", launchctl, job, seconds)
		return
	}
	p.run(verb, job, true, "bootout")
	p.add(verb, job, false, "/bin/sh", "-c", waitScript, "sh", launchctl, "system/"+job, seconds)
}

// start loads a job and has it run, unless it waits for a timer, a socket or
// a path.
func (p *plan) start(verb generators.Verb, job generators.Job) {
	artifact, keys := p.plist(job.Name)
	if artifact == nil {
		return
	}
	p.out(verb, job.Name)
	// A disabled job cannot be bootstrapped; to disable it again keeps it
	// from being loaded at boot, not from running on.
	p.run(verb, job.Name, false, "enable")
	if p.agents {
		p.add(verb, job.Name, false, "/bin/sh", "-c", agentLoadScript, "sh", launchctl, artifact.Path)
	} else {
		p.add(verb, job.Name, false, "/bin/sh", "-c", loadScript, "sh", launchctl, "system", artifact.Path)
	}
	if !onDemand(keys) {
		p.run(verb, job.Name, false, "kickstart") // without -k: a job that runs is left alone
	}
	if !job.Enable {
		p.run(verb, job.Name, false, "disable")
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

// domains returns those in which a job can be, the more likely one first: see
// agentDomain.
func domains(ctx context.Context, h generators.Host, scope generators.Scope) ([]string, error) {
	if scope == generators.System {
		return []string{"system"}, nil
	}
	r, err := h.Run(ctx, []string{"/usr/bin/id", "-u"})
	if err != nil {
		return nil, fmt.Errorf("cannot find out the user: %w", err)
	}
	uid := strings.TrimSpace(r.Stdout)
	r, err = h.Run(ctx, []string{launchctl, "print", "gui/" + uid})
	if err != nil {
		return nil, fmt.Errorf("cannot ask launchd: %w", err)
	}
	if r.Code != 0 {
		return []string{"user/" + uid}, nil
	}
	return []string{"gui/" + uid, "user/" + uid}, nil
}

// Status implements [generators.Controller].
func (b backend) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s, _, err := b.look(ctx, h, t, job)
	return s, err
}

// look returns the status and what launchctl print says, which is declared not to
// be an interface; but there is no other.
func (b backend) look(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, string, error) {
	s := generators.Status{Job: job, State: generators.Unknown}
	in, err := domains(ctx, h, t.Scope)
	if err != nil {
		return s, "", err
	}
	var r generators.Result
	for _, domain := range in {
		if r, err = h.Run(ctx, []string{launchctl, "print", domain + "/" + job}); err != nil {
			return s, "", fmt.Errorf("cannot ask launchd about %s: %w", job, err)
		}
		if r.Code == 0 {
			break
		}
	}
	switch {
	case r.Code == notFound:
		s.State, s.Detail = generators.Inactive, "not loaded"
	case r.Code != 0:
		return s, "", fmt.Errorf("cannot ask launchd about %s: launchctl print exited with %d: %s", job, r.Code, strings.TrimSpace(r.Stderr))
	default:
		var keys map[string]any
		if content, err := h.ReadFile(plistPath(t, job)); err == nil {
			_, _ = plist.Unmarshal(content, &keys) // a plist that somebody broke says nothing about the job
		}
		parsePrint(&s, r.Stdout, keys)
	}
	d, err := h.Run(ctx, []string{launchctl, "print-disabled", in[0]})
	if err != nil {
		return s, "", fmt.Errorf("cannot ask launchd whether %s is disabled: %w", job, err)
	}
	if d.Code != 0 {
		return s, "", fmt.Errorf("cannot ask launchd whether %s is disabled: launchctl print-disabled exited with %d", job, d.Code)
	}
	// A job without an entry is enabled.
	s.Enabled = h.Exists(plistPath(t, job)) && !disabled(d.Stdout, job)
	return s, r.Stdout, nil
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
