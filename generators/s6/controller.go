package s6

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

// Detect implements [generators.Controller]: s6 runs where an s6-svscan listens
// on our scan directory, or on that of the live state of s6-rc. s6-svscanctl
// without a command exits with 0 then, and with 100 elsewhere. That s6 is
// installed says nothing, and an s6-svscan on another directory is not for us.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "s6", Scope: scope, Version: backend{}.Info().Default} // it does not tell
	if scope != generators.System {
		return t, false
	}
	listens := func(dir string) bool {
		if !h.Exists(dir + "/.s6-svscan/control") {
			return false
		}
		r, err := h.Run(ctx, []string{bin + "s6-svscanctl", dir})
		return err == nil && r.Code == 0
	}
	if h.Exists(rcLive+"/compiled") && listens(rcLive+"/scandir") {
		t.Family = generators.S6RC
		return t, true
	}
	return t, listens(scan)
}

// The scripts of steps. Their arguments are the scan directory, jobs,
// directories and times; nothing is put into them.
const (
	// syncScript links service directories that are there into the scan
	// directory, down until they are enabled or started, and ends those that
	// are gone. (s6-svlink would keep the logger down as well, and s6-svunlink
	// wants the logger to run.) s6-svscan looks
	// for a logger only when a service is new, so one that has got a logger, or
	// lost it, becomes new. (supervise cannot be a link into /run: s6-supervise
	// 2.11 ends where what it links to is there already.)
	syncScript = `scan=$1
shift
unlink() {
	rm -f "$scan/$job" && ` + bin + `s6-svscanctl -an "$scan" || return 1
	waited=0
	while ` + bin + `s6-svok "$dir" 2>/dev/null || ` + bin + `s6-svok "$dir/log" 2>/dev/null; do
		waited=$((waited + 1))
		if [ "$waited" -ge 1800 ]; then
			echo "the s6-supervise of $dir does not end" >&2
			return 1
		fi
		sleep 0.1
	done
	sleep 0.2 # s6-svscan forgets it
}
for dir; do
	job=${dir##*/}
	if [ ! -x "$dir/run" ]; then
		[ ! -L "$scan/$job" ] || unlink || exit 1
		continue
	fi
	up=false enabled=
	if [ ! -L "$scan/$job" ]; then
		: >"$dir/down" || exit 1
	elif ` + bin + `s6-svok "$dir"; then
		logs=$([ ! -x "$dir/log/run" ] || echo true)
		logged=$([ ! -p "$dir/log/supervise/control" ] || echo true)
		if [ "$logs" = "$logged" ]; then
			[ -z "$logs" ] || ` + bin + `s6-svc -r "$dir/log"
			continue
		fi
		up=$(` + bin + `s6-svstat -o wantedup "$dir")
		unlink || exit 1
		[ -n "$logs" ] || rm -rf "$dir/log"
		if [ "$up" = false ] && [ ! -e "$dir/down" ]; then
			enabled=true
			: >"$dir/down" || exit 1
		fi
	fi
	[ -L "$scan/$job" ] || ln -s "$dir" "$scan/$job" || exit 1
	` + bin + `s6-svscanctl -a "$scan" || exit 1
	tries=0
	until ` + bin + `s6-svok "$dir" && { [ ! -d "$dir/log" ] || ` + bin + `s6-svok "$dir/log"; }; do
		tries=$((tries + 1))
		case $tries in
		30 | 80) # it had not forgotten
			unlink && ln -s "$dir" "$scan/$job" && ` + bin + `s6-svscanctl -a "$scan" || exit 1
			;;
		200)
			echo "s6-svscan does not supervise $dir" >&2
			exit 1
			;;
		esac
		sleep 0.1
	done
	[ -z "$enabled" ] || rm -f "$dir/down"
	[ "$up" = false ] || ` + bin + `s6-svc -u "$dir"
done`

	// cleanScript removes what s6-supervise and our scripts leave of a service
	// that is gone.
	cleanScript = `[ ! -e "$1/run" ] || exit 0
rm -rf "$1/supervise" "$1/event" "$1/down" "$1/log/supervise" "$1/log/event" "$2"
for dir in "$1/log" "$1/env" "$1/data" "$1" "${1%/*}"; do
	[ ! -d "$dir" ] || rmdir --ignore-fail-on-non-empty "$dir"
done`

	// stopScript waits until finish has ended too.
	stopScript = bin + `s6-svok "$1" || exit 0
exec ` + bin + `s6-svc -wD -T "$2" -d "$1"`

	// startScript forgets former failures.
	startScript = bin + `s6-svdt-clear "$1"
exec ` + bin + `s6-svc "$3" -T "$2" -u "$1"`

	// onceScript waits until the service has ended, and tells how.
	onceScript = bin + `s6-svdt-clear "$1"
` + bin + `s6-svc -wu -T 60000 -u "$1" && ` + bin + `s6-svwait -D -t "$2" "$1" || exit 1
code=$(` + bin + `s6-svstat -o exitcode "$1")
case $code in
0 | 253) exit 0 ;;
esac
! grep -qx "$code" "$1/` + successFile + `" 2>/dev/null || exit 0
echo "exited with code $code" >&2
exit 1`

	// compileScript compiles the definitions of s6-rc, has the live state
	// follow, and removes what it was before.
	compileScript = `new=/etc/s6-rc/compiled-$(date +%s)-$$
` + bin + `s6-rc-compile "$new" ` + sourceDir + ` && ` + bin + `s6-rc-update "$new" || { rm -rf "$new"; exit 1; }
old=$(readlink /etc/s6-rc/compiled)
ln -sn "${new##*/}" /etc/s6-rc/compiled.new && mv -T /etc/s6-rc/compiled.new /etc/s6-rc/compiled || exit 1
case $old in
compiled-* | /etc/s6-rc/compiled-*) rm -rf "/etc/s6-rc/${old##*/}" ;;
esac`

	sourceDir     = "/etc/s6-rc/source"
	enableScript  = `mkdir -p ` + sourceDir + `/default/contents.d && { [ -e ` + sourceDir + `/default/type ] || echo bundle >` + sourceDir + `/default/type; } && : >"` + sourceDir + `/default/contents.d/$1" || exit 1` + "\n" + compileScript
	disableScript = `rm -f "` + sourceDir + `/default/contents.d/$1" || exit 1` + "\n" + compileScript
)

func shellScript(text string, args ...string) []string {
	return append([]string{"/bin/sh", "-c", text, "sh"}, args...)
}

// controls are the ways in which a job of a bundle is told something.
type controls struct {
	b    generators.Bundle
	job  string
	rc   bool
	once bool // a oneshot of s6-rc
}

func controlsOf(b generators.Bundle, job string) controls {
	c := controls{b: b, job: job, rc: b.Target.Family == generators.S6RC}
	c.once = c.rc && c.file("up") != ""
	return c
}

// file returns a file of the job's directory.
func (c *controls) file(name string) string {
	path := Dir(c.job, c.b.Target.Family) + "/" + name
	for _, a := range c.b.Artifacts {
		if a.Path == path {
			return string(a.Content)
		}
	}
	return ""
}

// number returns a number of the job's directory, or -1.
func (c *controls) number(name string) int {
	n, err := strconv.Atoi(strings.TrimSpace(c.file(name)))
	if err != nil {
		return -1
	}
	return n
}

// patience is how long one waits for s6 where the service sets no limit.
const patience = 90000

func (c *controls) start() []string {
	timeout, wait := patience, "-wu"
	if c.file("notification-fd") != "" {
		wait = "-wU"
	}
	if n := c.number("timeout-up"); n > 0 {
		timeout = n
	}
	if c.rc {
		return []string{bin + "s6-rc", "-t", strconv.Itoa(timeout), "-u", "change", c.job}
	}
	dir := live(c.job, c.b.Target.Family)
	if strings.Contains(c.file("run"), "\n# "+onceMark+"\n") {
		return shellScript(onceScript, dir, "0") // it has its own limit
	}
	return shellScript(startScript, dir, strconv.Itoa(timeout), wait)
}

// stopTime is how long stopping may take in milliseconds, zero for ever.
func (c *controls) stopTime() string {
	kill, finish := c.number("timeout-kill"), c.number("timeout-finish")
	if len(c.b.Artifacts) > 0 && !c.once && (kill <= 0 || finish == 0) {
		return "0"
	}
	return strconv.Itoa(max(kill, 0) + max(finish, 0) + patience)
}

func (c *controls) stop() []string {
	if c.rc {
		return []string{bin + "s6-rc", "-t", c.stopTime(), "-d", "change", c.job}
	}
	return shellScript(stopScript, live(c.job, c.b.Target.Family), c.stopTime())
}

// restart returns the two commands of a restart. s6-svc -r would leave it to
// finish whether the service starts again.
func (c *controls) restart() [2][]string {
	if c.rc && !c.once { // s6-rc would stop what depends on it as well
		dir := live(c.job, c.b.Target.Family)
		return [2][]string{shellScript(stopScript, dir, c.stopTime()), shellScript(startScript, dir, strconv.Itoa(patience), "-wu")}
	}
	return [2][]string{c.stop(), c.start()}
}

// reload returns what has s6 know the jobs of a bundle.
func reload(b generators.Bundle) []string {
	if b.Target.Family == generators.S6RC {
		return shellScript(compileScript)
	}
	argv := shellScript(syncScript, scan)
	for _, j := range b.Jobs {
		argv = append(argv, Dir(j.Name, b.Target.Family))
	}
	return argv
}

// enable returns what has a job start at boot, or not.
func enable(b generators.Bundle, job string, yes bool) []string {
	dir := Dir(job, b.Target.Family)
	switch {
	case b.Target.Family == generators.S6RC && yes:
		return shellScript(enableScript, job)
	case b.Target.Family == generators.S6RC:
		return shellScript(disableScript, job)
	case yes:
		return []string{"/bin/rm", "-f", dir + "/down"}
	}
	return []string{"/usr/bin/touch", dir + "/down"}
}

// Steps implements [generators.Controller].
func (backend) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	var steps []generators.Step
	run := func(verb generators.Verb, job string, argv []string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Live: true})
	}
	if op == generators.Uninstall {
		for _, j := range slices.Backward(b.Jobs) {
			c := controlsOf(b, j.Name)
			run(generators.Stop, j.Name, c.stop())
			if c.rc {
				if c.file("producer-for") != "" {
					log := controls{b: b, job: j.Name + "-log", rc: true}
					run(generators.Stop, j.Name, log.stop())
				}
				run(generators.Disable, j.Name, enable(b, j.Name, false))
			}
		}
		for i := range b.Artifacts {
			steps = append(steps, generators.Step{Verb: generators.RemoveFile, Path: b.Artifacts[i].Path})
		}
		run(generators.Reload, "", reload(b))
		for _, j := range b.Jobs {
			run(generators.Clean, j.Name, shellScript(cleanScript, Dir(j.Name, b.Target.Family), supervise.Dir(j.Name)))
		}
		return steps
	}
	for _, a := range b.Accounts {
		steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: chain.MakeAccount(a)})
	}
	for i := range b.Artifacts {
		steps = append(steps, generators.Step{Verb: generators.WriteFile, Path: b.Artifacts[i].Path, Artifact: &b.Artifacts[i]})
	}
	run(generators.Reload, "", reload(b))
	for _, j := range b.Jobs {
		verb := generators.Enable
		if !j.Enable {
			verb = generators.Disable
		}
		run(verb, j.Name, enable(b, j.Name, j.Enable))
	}
	for _, j := range b.Jobs {
		c := controlsOf(b, j.Name)
		switch {
		case op == generators.Upgrade:
			for _, argv := range c.restart() {
				run(generators.Restart, j.Name, argv)
			}
		case j.Start:
			run(generators.Start, j.Name, c.start())
		}
	}
	return steps
}

// StagedLinks returns the links that have s6-svscan know the jobs of b, and the
// files that keep them down, for a system that does not run. The definitions of
// s6-rc have to be compiled there.
func (backend) StagedLinks(b generators.Bundle) []generators.Artifact {
	var links []generators.Artifact
	for _, j := range b.Jobs {
		dir := Dir(j.Name, b.Target.Family)
		if b.Target.Family == generators.S6RC {
			if j.Enable {
				links = append(links, generators.Artifact{Path: sourceDir + "/default/contents.d/" + j.Name, Mode: 0o644})
			}
			continue
		}
		links = append(links, generators.Artifact{Path: scan + "/" + j.Name, Mode: fs.ModeSymlink | 0o777, Content: []byte(dir)})
		if !j.Enable {
			links = append(links, generators.Artifact{Path: dir + "/down", Mode: 0o644})
		}
	}
	return links
}

// Status implements [generators.Controller].
func (backend) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	s := generators.Status{Job: job, State: generators.Inactive}
	dir := live(job, t.Family)
	if !h.Exists(dir) && !h.Exists(Dir(job, t.Family)) {
		s.Missing = true
		return s, nil
	}
	if t.Family == generators.S6RC {
		s.Enabled = enabledRC(h, job)
		if !h.Exists(dir) {
			return s, oneshotStatus(ctx, h, &s)
		}
	} else {
		s.Enabled = h.Exists(dir) && !h.Exists(dir+"/down")
	}
	r, err := h.Run(ctx, []string{bin + "s6-svstat", "-o", "up,wantedup,ready,pid,exitcode,signum", dir})
	if err != nil {
		return s, fmt.Errorf("cannot ask about %s: %w", job, err)
	}
	if r.Code != 0 {
		s.Detail = "s6-supervise does not run"
		return s, nil
	}
	if !parseStatus(&s, r.Stdout, h.Exists(dir+"/notification-fd")) {
		return s, fmt.Errorf("cannot read what s6-svstat says about %s: %q", job, r.Stdout)
	}
	if h.Exists(dir + "/" + remainsFile) {
		s.PID = 0
	}
	if s.State == generators.Active || s.Detail == "unready" {
		s.Exit = generators.Exit{} // of what runs
		return s, nil
	}
	end, _ := h.ReadFile(supervise.Dir(job) + "/end")
	success, _ := h.ReadFile(dir + "/" + successFile)
	if s.State == generators.Inactive && stale(s.Exit, string(end)) {
		s.State, s.Detail = generators.Starting, "down, finish runs"
		return s, nil
	}
	judge(&s, string(end), string(success))
	return s, nil
}

// enabledRC reports whether a job is in the bundle default, which lists its
// services in a directory or in a file.
func enabledRC(h generators.Host, job string) bool {
	if h.Exists(sourceDir + "/default/contents.d/" + job) {
		return true
	}
	contents, _ := h.ReadFile(sourceDir + "/default/contents")
	for line := range strings.Lines(string(contents)) {
		if strings.TrimSpace(line) == job {
			return true
		}
	}
	return false
}

// oneshotStatus asks s6-rc about a oneshot, which it alone knows.
func oneshotStatus(ctx context.Context, h generators.Host, s *generators.Status) error {
	r, err := h.Run(ctx, []string{bin + "s6-rc", "-a", "list"})
	if err != nil {
		return fmt.Errorf("cannot ask about %s: %w", s.Job, err)
	}
	for line := range strings.Lines(r.Stdout) {
		if strings.TrimSpace(line) == s.Job {
			s.State = generators.Active
		}
	}
	return nil
}

// parseStatus reads what s6-svstat -o up,wantedup,ready,pid,exitcode,signum
// prints, such as
//
//	true true false 1234 -1 -1
//	false true false -1 1 -1
//	false false false -1 -1 9
//
// ready is only told by services with a notification-fd. A service that was told
// to run once, or to end, is up and not wanted up.
func parseStatus(s *generators.Status, out string, notifies bool) bool {
	f := strings.Fields(out)
	if len(f) != 6 {
		return false
	}
	up, wanted, ready := f[0] == "true", f[1] == "true", f[2] == "true"
	switch {
	case up && notifies && !ready && wanted:
		s.State, s.Detail = generators.Starting, "unready"
	case up:
		s.State, s.Detail = generators.Active, "up"
		if !wanted {
			s.Detail = "up, wanted down"
		}
	case wanted:
		s.State, s.Detail = generators.Starting, "down, wanted up"
	default:
		s.State, s.Detail = generators.Inactive, "down"
	}
	if up {
		s.PID, _ = strconv.Atoi(f[3])
		return true
	}
	code, _ := strconv.Atoi(f[4])
	signal, _ := strconv.Atoi(f[5])
	switch {
	case signal > 0:
		s.Exit = generators.Killed(signal)
	case code > 0:
		s.Exit = exited(code)
	}
	return true
}

// exited knows what execline and the scripts exit with.
func exited(code int) generators.Exit {
	e := generators.Exited(code)
	switch code {
	case 126, 127:
		e.Words += ": the program does not exist or cannot be executed"
	case 111:
		e.Words += ": execline or s6 could not prepare the program"
	case 216:
		e.Words = "its group does not exist"
	case 217:
		e.Words = "its user does not exist"
	case skipped:
		e.Words = "a condition did not hold"
	}
	return e
}

// stale reports whether finish has yet to write how the process ended, which
// s6-supervise knows: what is there is about the one before.
func stale(exit generators.Exit, end string) bool {
	f := strings.Fields(end)
	if len(f) != 3 || exit.Code == 0 && exit.Signal == "" {
		return false
	}
	if exit.Signal != "" {
		signal, _ := strconv.Atoi(f[2])
		return f[1] != "256" || generators.Killed(signal).Signal != exit.Signal
	}
	return f[1] != strconv.Itoa(exit.Code)
}

// judge tells a service that has failed from one that was stopped. end is how it
// ended, as the script that finish calls has noted: whether it was to be up, the
// exit code (256 for a signal) and the signal.
func judge(s *generators.Status, end, success string) {
	f := strings.Fields(end)
	if len(f) != 3 || f[0] != "true" {
		s.Exit, s.Reason = generators.Exit{}, ""
		return
	}
	code, _ := strconv.Atoi(f[1])
	signal, _ := strconv.Atoi(f[2])
	if code < 256 {
		s.Exit = exited(code)
	} else {
		s.Exit = generators.Killed(signal)
	}
	if s.State == generators.Starting { // to be started again
		s.Reason = s.Exit.Words
		return
	}
	if code == skipped {
		s.Reason = s.Exit.Words
		return
	}
	clean := code == 0 || code == 256 && slices.Contains([]int{1, 2, 13, 15}, signal)
	for line := range strings.Lines(success) {
		word := strings.TrimSpace(line)
		if n, err := strconv.Atoi(word); err == nil {
			clean = clean || n == code
		} else if word != "" {
			clean = clean || code == 256 && supervise.SignalNumber(word) == signal
		}
	}
	if !clean {
		s.State, s.Reason = generators.Failed, s.Exit.Words
	}
}
