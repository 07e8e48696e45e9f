package s6

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
)

// How many ends s6-supervise remembers (servicedir.html, max-death-tally).
const (
	defaultTally = 100
	largestTally = 4096
)

// signals is one more than the highest number of a signal.
const signals = 65

// final are the ends after which a service is not started again.
type final struct {
	codes   [256]bool
	signals [signals]bool
}

// decide returns what the restart policy says, as systemd does.
func decide(d *spec.Daemon) *final {
	p := &d.Restart
	var clean final
	clean.codes[0] = true
	if d.Type != "oneshot" {
		for _, name := range [...]string{"SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"} {
			clean.signals[supervise.SignalNumber(name)] = true
		}
	}
	clean.set(p.SuccessExit, true)
	f := &final{}
	for i := range f.codes {
		switch p.Policy {
		case "always", "unless-stopped":
		case "on-success":
			f.codes[i] = !clean.codes[i]
		case "on-failure":
			f.codes[i] = clean.codes[i]
		default:
			f.codes[i] = true
		}
	}
	for i := range f.signals {
		switch p.Policy {
		case "always", "unless-stopped":
		case "on-success":
			f.signals[i] = !clean.signals[i]
		case "on-failure", "on-abnormal", "on-abort":
			f.signals[i] = clean.signals[i]
		default:
			f.signals[i] = true
		}
	}
	f.set(p.ForceExit, false)
	f.set(p.PreventExit, true) // has the last word (systemd.service(5))
	if chain.HasConditions(d) {
		f.codes[skipped] = true
	}
	return f
}

func (f *final) set(statuses []string, to bool) {
	for _, s := range statuses {
		if n, err := strconv.Atoi(s); err == nil {
			f.codes[n&255] = to
		} else if n := supervise.SignalNumber(s); n > 0 && n < signals {
			f.signals[n] = to
		}
	}
}

// finish writes finish, which cleans up, and decides whether the service is
// started again: exit status 125 is the end (servicedir.html).
func (c *copyOf) finish() {
	d := c.d
	f := decide(d)
	s := execline("-S2", "What follows the end of "+c.job+", whose exit code (or 256) and signal are the arguments")
	s.block([]string{"foreground"}, c.ended(), "$1", "$2")
	all := !slices.Contains(f.codes[:], false) && !slices.Contains(f.signals[1:], false)
	none := !slices.Contains(f.codes[:], true) && !slices.Contains(f.signals[1:], true)
	delay := ""
	if !all {
		delay = c.delay()
	}
	switch {
	case all:
		s.line("exit", "125")
	default:
		if !none {
			s.open("ifelse")
			s.open("case", "$1")
			s.open("^256$")
			answer(s, "$2", f.signals[:], 1)
			s.end()
			codes, verdict, otherwise := alternatives(f.codes[:], 0)
			if codes != "" {
				s.block([]string{codes}, "exit", verdict)
			}
			s.end()
			s.line("exit", otherwise)
			s.then()
			s.line("exit", "125")
			s.end()
		}
		if n := d.Restart.MaxAttempts; n > 0 && d.Restart.Window > 0 {
			seconds := int64(1<<31 - 1)
			if w := d.Restart.Window; w != spec.Infinity {
				seconds = min(int64((w+spec.Second-1)/spec.Second), seconds)
			}
			s.line(bin+"s6-permafailon", strconv.FormatInt(seconds, 10), strconv.Itoa(min(n, largestTally)), everyEnd())
		}
		if delay != "" {
			s.line(delay)
		} else {
			s.line("exit", "0")
		}
	}
	c.dir.add("finish", 0o755, s.bytes())
	if d.Stop.Timeout == spec.Infinity || d.Restart.Delay == spec.Infinity || len(d.Hooks.PostStop) > 0 {
		c.dir.number("timeout-finish", 0)
		return
	}
	longest := max(d.Restart.Delay, d.Restart.MaxDelay)
	if longest == spec.Infinity {
		c.dir.number("timeout-finish", 0)
		return
	}
	c.dir.number("timeout-finish", milliseconds(d.Stop.Timeout)+milliseconds(longest)+5000)
}

// answer writes a case over the numbers that are set, which exits 0 for them
// and 1 for others.
func answer(s *script, value string, set []bool, from int) {
	numbers, verdict, otherwise := alternatives(set, from)
	if numbers != "" {
		s.open("case", value)
		s.block([]string{numbers}, "exit", verdict)
		s.end()
	}
	s.line("exit", otherwise)
}

// alternatives returns a regular expression of the numbers that are set, or
// not, whichever are fewer, the status to exit with for them, and the one for
// all others.
func alternatives(set []bool, from int) (pattern, verdict, otherwise string) {
	var in, out []string
	for n := from; n < len(set); n++ {
		if set[n] {
			in = append(in, strconv.Itoa(n))
		} else {
			out = append(out, strconv.Itoa(n))
		}
	}
	verdict, otherwise = "0", "1"
	if len(out) < len(in) {
		in, verdict, otherwise = out, "1", "0"
	}
	if len(in) > 0 {
		pattern = "^(" + strings.Join(in, "|") + ")$"
	}
	return pattern, verdict, otherwise
}

// everyEnd lists all exit codes and signals for s6-permafailon: what does not
// count has been sorted out before.
func everyEnd() string {
	var b strings.Builder
	b.WriteString("0-255")
	for n := 1; n < signals; n++ {
		if n != 32 && n != 33 { // the C library's own
			b.WriteString(",SIG" + strconv.Itoa(n))
		}
	}
	return b.String()
}

// ended writes the script that ends what the program left behind, runs the
// post_stop hooks, removes what only lives as long as the service and notes
// how it ended.
func (c *copyOf) ended() string {
	d := c.d
	w := &supervise.Writer{}
	w.Line("#!/bin/sh", "# Cleans up after "+c.job+". Written by daemonize; changes are lost at the next install.", "",
		"PATH="+chain.Path, "export PATH", "umask 022")
	w.Assign("dir", supervise.Dir(c.job))
	if d.Stop.KillMode == "control-group" || d.Stop.KillMode == "mixed" {
		w.Assign("kill_mode", d.Stop.KillMode)
		w.Assign("stop_signal", supervise.SignalWord(d.Stop.Signal))
		w.Assign("final_signal", "KILL")
		timeout := supervise.Centiseconds(d.Stop.Timeout)
		if !d.Stop.SendSigkill {
			timeout = "" // finish is ended after timeout-finish, and they are left
		}
		w.Assign("stop_timeout", timeout)
		w.Assign("stopping", "") // s6-supervise told the program only
		w.WriteString(supervise.Shared)
		w.WriteString(supervise.Leftovers)
		w.Line("leftovers")
	}
	if len(d.Hooks.PostStop) > 0 {
		w.Line("hooks() {")
		for i, h := range d.Hooks.PostStop {
			w.Line("\t" + c.hook("post-stop", i, h) + " </dev/null" + supervise.OnFailure(h))
		}
		w.Line("}", "hooks")
	}
	// What finish does while the service is stopped leads to no restart.
	w.Line("wanted=$("+bin+"s6-svstat -o wantedup .)",
		"/bin/mkdir -p \"$dir\" && printf '%s %s %s\\n' \"$wanted\" \"$1\" \"$2\" >\"$dir/end\"")
	if dir := &d.Directories.Runtime; dir.Name != "" && dir.Preserve != "yes" && !c.shared {
		remove := chain.RemoveRuntimeDir(dir.Name)
		if dir.Preserve == "restart" {
			w.Line(`if [ "$wanted" != true ]; then`)
		}
		w.Line(remove...)
		if dir.Preserve == "restart" {
			w.Line("fi")
		}
	}
	if len(d.Credentials) > 0 {
		w.Line("/bin/rm -rf " + shell.Quote("/run/daemonize-"+c.job+".credentials"))
	}
	w.Line("rm -f \"$dir/main\"",
		"# Attempts are counted from the last time it was told to stop.",
		`[ "$wanted" = true ] || `+bin+"s6-svdt-clear .")
	return c.script("ended", w.Bytes())
}

// delay writes the script that waits before a restart, if s6-supervise's own
// second is not enough, and returns its path.
func (c *copyOf) delay() string {
	p := &c.d.Restart
	if p.Delay <= spec.Second && (p.Steps == 0 || p.MaxDelay <= spec.Second) {
		return ""
	}
	w := &supervise.Writer{}
	w.Line("#!/bin/sh", "# Waits before "+c.job+" starts again, unless it is to stay down. Written by daemonize; changes are lost at the next install.")
	if p.Steps > 0 {
		w.Line("restarts=$(" + bin + "s6-svdt . | wc -l)")
	}
	w.Line(supervise.Delays(p)...)
	w.Line(`while [ "$delay" -gt 0 ] && [ "$(`+bin+`s6-svstat -o wantedup .)" = true ]; do`, "\tsleep 0.2", "\tdelay=$((delay - 20))", "done")
	return c.script("delay", w.Bytes())
}
