package runit

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/supervise"
)

// running prints the arguments of every runsvdir that runs, one a line.
const running = `for p in /proc/[0-9]*; do
	read -r name <"$p/comm" && [ "$name" = runsvdir ] && tr '\0' '\n' <"$p/cmdline"
done 2>/dev/null
:`

// Detect implements [generators.Controller]: runit runs where a runsvdir looks
// after the directory of a distribution. That runit is installed says nothing,
// and a runsvdir of a user's own is not for us.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "runit", Scope: scope, Version: backend{}.Info().Default} // it does not tell
	if scope != generators.System || !h.Exists(sv) {
		return t, false
	}
	r, err := h.Run(ctx, []string{"/bin/sh", "-c", running})
	if err != nil {
		return t, false
	}
	for arg := range strings.Lines(r.Stdout) {
		switch strings.TrimSuffix(arg, "\n") {
		case "/etc/service", "/etc/runit/runsvdir/current": // the latter is what the former was in Debian 8
			return t, true
		case "/var/service", "/run/runit/runsvdir/current":
			t.Family = generators.Void
			return t, true
		}
	}
	return t, false
}

// sync makes the link of each service directory that is there, and takes away
// that of one that is gone (its first argument is the directory of links). It
// returns when runsv runs, or has ended. A new service is down until it is
// enabled or started. runsv learns of a log service only when it starts. What it
// keeps of a service belongs into /run, as distributions have it: runsv makes the
// directory that supervise links to, but not one above it.
const sync = `links=$1
shift
fail() {
	echo "$1" >&2
	exit 1
}
up() {
	said=$(sv status "$dir" 2>/dev/null)
	case $said in
	run:* | down:* | finish:*) return 0 ;;
	*) return 1 ;;
	esac
}
logged() {
	case $said in
	*'; run: log:'* | *'; down: log:'* | *'; finish: log:'*) return 0 ;;
	*) return 1 ;;
	esac
}
end() {
	[ "$(readlink "$link")" != "$dir" ] || rm -f "$link" || exit 1
	! up || sv exit "$dir"
	tries=0
	while up; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "the runsv of $dir does not end"
		sleep 0.1
	done
}
for dir; do
	link=$links/${dir##*/}
	if [ ! -x "$dir/run" ]; then
		end
		continue
	fi
	if up && logged && [ ! -x "$dir/log/run" ]; then
		rm -rf "$dir/log/supervise" "/run/daemonize-${dir##*/}.log" && rmdir "$dir/log" || exit 1
		end
	elif up && ! logged && [ -x "$dir/log/run" ]; then
		end
	fi
	[ -e "$dir/supervise" ] || ln -sfn "/run/daemonize-${dir##*/}.supervise" "$dir/supervise" || exit 1
	[ ! -d "$dir/log" ] || [ -e "$dir/log/supervise" ] || ln -sfn "/run/daemonize-${dir##*/}.log" "$dir/log/supervise" || exit 1
	if [ ! -L "$link" ]; then
		: >"$dir/down" && ln -s "$dir" "$link" || exit 1
	elif up && logged; then
		sv term "$dir/log"
	fi
	tries=0
	until up; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "runsvdir does not run $dir"
		sleep 0.1
	done
done`

// clean removes what runsv and the scripts have left of a service that is gone:
// its directory, and the scripts' own.
const clean = `[ ! -e "$1/run" ] || exit 0
rm -rf "$1/supervise" "$1/log/supervise" "$1/down" "$2" "/run/daemonize-${1##*/}.supervise" "/run/daemonize-${1##*/}.log"
for dir in "$1/log" "$1/env" "$1/control" "$1"; do
	[ ! -d "$dir" ] || rmdir --ignore-fail-on-non-empty "$dir"
done`

func script(text string, args ...string) []string {
	return append([]string{"/bin/sh", "-c", text, "sh"}, args...)
}

// reload returns what has runsvdir know the jobs of a bundle.
func reload(b generators.Bundle) []string {
	argv := script(sync, services(b.Target.Family))
	for _, j := range b.Jobs {
		argv = append(argv, Dir(j.Name))
	}
	return argv
}

// ctlOf returns the path of the script ctl of a job of a bundle.
func ctlOf(b generators.Bundle, job string) string {
	return chain.Dir(b.Daemon) + "/ctl" + strings.TrimPrefix(job, b.Daemon)
}

func down(verb generators.Verb, job string) generators.Step {
	s := generators.Step{Verb: verb, Job: job, Argv: []string{"/bin/rm", "-f", Dir(job) + "/down"}, Live: true}
	if verb == generators.Disable {
		s.Argv = []string{"/usr/bin/touch", Dir(job) + "/down"}
	}
	return s
}

// Steps implements [generators.Controller].
func (backend) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	var steps []generators.Step
	run := func(verb generators.Verb, job string, argv ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Live: true})
	}
	if op == generators.Uninstall {
		for _, j := range slices.Backward(b.Jobs) {
			run(generators.Stop, j.Name, ctlOf(b, j.Name), "stop")
			// Else runsvdir starts it again when its runsv has ended.
			s := down(generators.Disable, j.Name)
			s.Optional = true
			steps = append(steps, s)
		}
		for i := range b.Artifacts {
			steps = append(steps, generators.Step{Verb: generators.RemoveFile, Path: b.Artifacts[i].Path})
		}
		run(generators.Reload, "", reload(b)...)
		for _, j := range b.Jobs {
			run(generators.Clean, j.Name, script(clean, Dir(j.Name), supervise.Dir(j.Name))...)
		}
		return steps
	}
	for _, a := range b.Accounts {
		steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: chain.MakeAccount(a)})
	}
	for i := range b.Artifacts {
		steps = append(steps, generators.Step{Verb: generators.WriteFile, Path: b.Artifacts[i].Path, Artifact: &b.Artifacts[i]})
	}
	run(generators.Reload, "", reload(b)...)
	for _, j := range b.Jobs {
		if j.Enable {
			steps = append(steps, down(generators.Enable, j.Name))
		} else {
			steps = append(steps, down(generators.Disable, j.Name))
		}
	}
	for _, j := range b.Jobs {
		switch {
		case op == generators.Upgrade:
			run(generators.Restart, j.Name, ctlOf(b, j.Name), "restart")
		case j.Start:
			run(generators.Start, j.Name, ctlOf(b, j.Name), "start")
		}
		// There is no step to verify: ctl returns when the service is up.
	}
	return steps
}

// StagedLinks returns the links that have runsvdir know the jobs of b, and the
// files that keep them down, for a system that does not run.
func (backend) StagedLinks(b generators.Bundle) []generators.Artifact {
	var links []generators.Artifact
	for _, j := range b.Jobs {
		links = append(links, generators.Artifact{Path: services(b.Target.Family) + "/" + j.Name, Mode: fs.ModeSymlink | 0o777, Content: []byte(Dir(j.Name))})
		links = append(links, supervised(j.Name, b)...)
		if !j.Enable {
			links = append(links, generators.Artifact{Path: Dir(j.Name) + "/down", Mode: 0o644})
		}
	}
	return links
}

// supervised returns the links of runsv's own directories.
func supervised(job string, b generators.Bundle) []generators.Artifact {
	links := []generators.Artifact{{Path: Dir(job) + "/supervise", Mode: fs.ModeSymlink | 0o777, Content: []byte("/run/daemonize-" + job + ".supervise")}}
	if slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool { return a.Path == Dir(job)+"/log/run" }) {
		links = append(links, generators.Artifact{Path: Dir(job) + "/log/supervise", Mode: fs.ModeSymlink | 0o777, Content: []byte("/run/daemonize-" + job + ".log")})
	}
	return links
}

// Status implements [generators.Controller].
func (backend) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s := generators.Status{Job: job, State: generators.Inactive}
	dir := Dir(job)
	if !h.Exists(dir + "/run") {
		s.Missing = true
		return s, nil
	}
	s.Enabled = h.Exists(services(t.Family)+"/"+job) && !h.Exists(dir+"/down")
	r, err := h.Run(ctx, []string{sv, "status", dir})
	if err != nil {
		return s, fmt.Errorf("cannot ask about %s: %w", job, err)
	}
	parseStatus(&s, r)
	own := supervise.Dir(job)
	// What the scripts know, where it is one of ours.
	read := func(name string) string {
		text, _ := h.ReadFile(own + "/" + name)
		return strings.TrimSpace(string(text))
	}
	state, why, _ := strings.Cut(read("state"), " ")
	switch main := strings.Fields(read("main")); {
	case s.State == generators.Active && len(main) > 1:
		if read("ready") != main[0]+" "+main[1] {
			s.State = generators.Starting
		}
		// run may be the program's parent, and the program may have ended well.
		pid, _ := strconv.Atoi(main[0])
		if _, alive := generators.Process(h, pid); !alive {
			pid = 0
		}
		s.PID = pid
	case s.State == generators.Inactive && state == "failed":
		s.State, s.Reason = generators.Failed, why
	case s.State == generators.Inactive && state == "ended":
		s.Detail += ": " + why
	}
	if s.Detail == "finish" {
		s.PID, s.State = 0, generators.Stopping
		if state == "waiting" { // to be started again
			s.State, s.Reason = generators.Starting, why
		}
	}
	return s, nil
}

// parseStatus reads what sv status prints about a service, and its log service
// after a semicolon (sv.c, svstatus_print), such as
//
//	run: /etc/sv/web: (pid 7) 12s, normally down, want down, got TERM; run: log: (pid 8) 12s
//	down: /etc/sv/web: 3s, normally up; run: log: (pid 8) 20s
//	finish: /etc/sv/web: (pid 9) 1s
//	fail: /etc/sv/web: runsv not running
func parseStatus(s *generators.Status, r generators.Result) {
	text, _, _ := strings.Cut(strings.TrimSpace(r.Stdout+r.Stderr), "\n")
	text, _, _ = strings.Cut(text, "; ")
	word, rest, _ := strings.Cut(text, ":")
	s.Detail = word
	if _, after, ok := strings.Cut(rest, "(pid "); ok {
		digits, _, _ := strings.Cut(after, ")")
		s.PID, _ = strconv.Atoi(digits)
	}
	switch word {
	case "run":
		s.State = generators.Active
		if strings.Contains(rest, "want down") || strings.Contains(rest, "want exit") {
			s.State, s.Detail = generators.Stopping, "want down"
		}
	case "finish":
		s.State = generators.Stopping
	case "down":
		s.State = generators.Inactive
		if strings.Contains(rest, "want up") {
			s.State, s.Detail = generators.Starting, "want up"
		}
	default: // there is no runsv
		s.State, s.Detail = generators.Inactive, "runsv does not run"
	}
}
