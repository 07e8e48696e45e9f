package daemontools

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/initscript"
	"github.com/daemonize/daemonize/internal/supervise"
)

// running prints the arguments and the directory of every svscan that runs.
const running = `for p in /proc/[0-9]*; do
	read -r name <"$p/comm" && [ "$name" = svscan ] && tr '\0' '\n' <"$p/cmdline" && readlink "$p/cwd"
done 2>/dev/null
:`

// Detect implements [generators.Controller]: daemontools runs where an svscan
// looks after the directory of a distribution, or of its author.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "daemontools", Scope: scope, Version: backend{}.Info().Default}
	if scope != generators.System || !h.Exists(svc) {
		return t, false
	}
	r, err := h.Run(ctx, []string{"/bin/sh", "-c", running})
	if err != nil {
		return t, false
	}
	for arg := range strings.Lines(r.Stdout) {
		switch strings.TrimSuffix(arg, "\n") {
		case "/etc/service":
			return t, true
		case "/service":
			t.Family = generators.RedHat
			return t, true
		}
	}
	return t, false
}

// sync makes the link of each service directory that is there, and takes away
// that of one that is gone (its first argument is the directory of links). It
// returns when supervise runs, or has ended. A new service is down until it is
// enabled or started. svscan gives a service a pipe for its log service only when
// it first sees the link, and remembers a link that has gone by device and inode,
// so a log service that comes or goes needs another directory: the old one is
// copied.
const sync = `links=$1
shift
fail() {
	echo "$1" >&2
	exit 1
}
end() {
	[ "$(readlink "$link")" != "$dir" ] || rm -f "$link" || exit 1
	tries=0
	svc -dx "$dir" 2>/dev/null
	while svok "$dir" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "the supervise of $dir does not end"
		sleep 0.1
	done
	# It reads to the end of the pipe.
	svc -dx "$dir/log" 2>/dev/null
	while svok "$dir/log" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "the supervise of $dir/log does not end"
		sleep 0.1
	done
}
for dir; do
	link=$links/${dir##*/}
	if [ ! -x "$dir/run" ]; then
		end
		continue
	fi
	logged=
	wanted=
	! svok "$dir/log" 2>/dev/null || logged=1
	[ ! -x "$dir/log/run" ] || wanted=1
	if [ -L "$link" ] && [ "$logged" != "$wanted" ]; then
		end
		if [ ! -x "$dir/log/run" ]; then
			rm -rf "$dir/log/supervise" && rmdir "$dir/log" || exit 1
		fi
		cp -a "$dir" "$dir.new" && rm -rf "$dir" && mv "$dir.new" "$dir" || exit 1
	fi
	if [ ! -L "$link" ]; then
		: >"$dir/down" && ln -s "$dir" "$link" || exit 1
	elif [ -n "$logged" ]; then
		svc -t "$dir/log"
	fi
	tries=0
	until svok "$dir"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "svscan does not run $dir"
		sleep 0.1
	done
done`

// clean removes what supervise and the scripts have left of a service that is gone.
const clean = `[ ! -e "$1/run" ] || exit 0
rm -rf "$1/supervise" "$1/log/supervise" "$1/down" "$2"
for dir in "$1/log" "$1/env" "$1" "${1%/*}"; do
	[ ! -d "$dir" ] || rmdir --ignore-fail-on-non-empty "$dir"
done`

func script(text string, args ...string) []string {
	return append([]string{"/bin/sh", "-c", text, "sh"}, args...)
}

// reload returns what has svscan know the jobs of a bundle.
func reload(b generators.Bundle) []string {
	argv := script(sync, services(b.Target.Family))
	for _, j := range b.Jobs {
		argv = append(argv, Dir(j.Name))
	}
	return argv
}

// lib returns the path of a script of a job of a bundle.
func lib(b generators.Bundle, name, job string) string {
	return chain.Dir(b.Daemon) + "/" + name + strings.TrimPrefix(job, b.Daemon)
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
			run(generators.Stop, j.Name, lib(b, "ctl", j.Name), "stop")
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
			run(generators.Restart, j.Name, lib(b, "ctl", j.Name), "restart")
		case j.Start:
			run(generators.Start, j.Name, lib(b, "ctl", j.Name), "start")
		}
		// There is no step to verify: ctl returns when the service is up.
	}
	return steps
}

// StagedLinks returns the links that have svscan know the jobs of b, and the
// files that keep them down, for a system that does not run.
func (backend) StagedLinks(b generators.Bundle) []generators.Artifact {
	var links []generators.Artifact
	for _, j := range b.Jobs {
		links = append(links, generators.Artifact{Path: services(b.Target.Family) + "/" + j.Name, Mode: fs.ModeSymlink | 0o777, Content: []byte(Dir(j.Name))})
		if !j.Enable {
			links = append(links, generators.Artifact{Path: Dir(j.Name) + "/down", Mode: 0o644})
		}
	}
	return links
}

// control returns the script control of a job of ours, or nothing.
func control(h generators.Host, job string) string {
	for _, path := range supervise.RunScripts(job) {
		dir, base, _ := strings.Cut(path, "/run")
		if path = dir + "/control" + base; h.Exists(path) {
			return path
		}
	}
	return ""
}

// Status implements [generators.Controller]: svstat tells of the script run, and
// control of the program, if it is one of ours.
func (backend) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s := generators.Status{Job: job, State: generators.Inactive}
	if !h.Exists(Dir(job)+"/run") && !h.Exists(services(t.Family)+"/"+job+"/run") {
		s.Missing = true
		return s, nil
	}
	dir := services(t.Family) + "/" + job
	s.Enabled = h.Exists(dir) && !h.Exists(dir+"/down")
	r, err := h.Run(ctx, []string{svstat, dir})
	if err != nil {
		return s, fmt.Errorf("cannot ask about %s: %w", job, err)
	}
	parseStatus(&s, r.Stdout)
	ctl := control(h, job)
	if ctl == "" {
		return s, nil
	}
	up := s.PID > 0
	if r, err = h.Run(ctx, []string{ctl, "status"}); err != nil {
		return s, fmt.Errorf("cannot ask about %s: %w", job, err)
	}
	s.PID = 0
	initscript.ParseStatus(&s, r)
	switch {
	case up && s.State == generators.Inactive && h.Exists(supervise.Dir(job)+"/starting"):
		s.State = generators.Starting
	case up && s.State == generators.Inactive:
		s.State = generators.Stopping
	case s.State == generators.Active && h.Exists(supervise.Dir(job)+"/starting"):
		s.State = generators.Starting
	}
	return s, nil
}

// parseStatus reads what svstat prints (svstat.c), such as
//
//	/etc/service/web: up (pid 7) 12 seconds, normally down, want down
//	/etc/service/web: down 3 seconds, normally up, want up
//	/etc/service/web: supervise not running
func parseStatus(s *generators.Status, out string) {
	_, rest, _ := strings.Cut(strings.TrimSpace(out), ": ")
	word, _, _ := strings.Cut(rest, " ")
	s.Detail = word
	switch word {
	case "up":
		s.State = generators.Active
		if strings.Contains(rest, "want down") {
			s.State = generators.Stopping
		}
		if _, after, ok := strings.Cut(rest, "(pid "); ok {
			digits, _, _ := strings.Cut(after, ")")
			s.PID, _ = strconv.Atoi(digits)
		}
	case "down":
		s.State = generators.Inactive
		if strings.Contains(rest, "want up") {
			s.State = generators.Starting
		}
	default:
		s.State, s.Detail = generators.Inactive, rest
	}
}
