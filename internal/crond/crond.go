// Package crond writes the timers of a daemon for cron, for the backends
// whose manager has none: a file for /etc/cron.d and, for timers that need
// more than a line can say (a condition on the date, a delay, an uneven
// interval), a script that cron runs before the command.
//
// The rules of the file are those of Debian's cron and of cronie, crontab(5)
// and cron(8): a name without dots, root's and writable by root only, a
// newline at the end, and no line that any of them would not read, because
// one bad line makes cron ignore the file.
package crond

import (
	"strconv"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/schedule"
)

// Job is what the timers start: one copy of the daemon.
type Job struct {
	Name string // NAME or NAME-INSTANCE
	// Argv starts the job, as root. While it runs, no timer starts it again.
	// It must not hold newlines.
	Argv []string
}

// Path returns where the file of a daemon belongs.
func Path(name string) string { return "/etc/cron.d/" + name }

// Render adds the timers of d to the bundle. It returns the timers that cron
// cannot run at all as losses.
func Render(d *spec.Daemon, t generators.Target, b *generators.Bundle, jobs []Job) diag.List {
	if len(d.Timers) == 0 {
		return nil
	}
	var out strings.Builder
	// Debian's default PATH lacks /usr/sbin; MAILTO="" because the output of
	// the job itself goes to its manager.
	out.WriteString("# Timers of " + d.Name + ". Written by daemonize; changes are lost at the next install.\n" +
		"SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nMAILTO=\"\"\n")
	var losses diag.List
	for i := range d.Timers {
		timer := &d.Timers[i]
		path := "timers[" + strconv.Itoa(i) + "]"
		lines, key, err := times(timer)
		if err != "" {
			losses = append(losses, generators.Lose(d, t, key, path+"."+key.Key(), generators.Unsupported, err))
			continue
		}
		out.WriteString("# " + timer.Name + "\n")
		for n, line := range lines {
			script := ""
			if source := timerScript(d, timer, line.Guard); source != nil {
				script = chain.Dir(d.Name) + "/timer-" + timer.Name
				if n > 0 {
					script += "." + strconv.Itoa(n+1)
				}
				b.Add(script, 0o755, source)
			}
			for _, job := range jobs {
				out.WriteString(line.time + " root " + command(job, script) + "\n")
			}
		}
	}
	b.Add(Path(d.Name), 0o644, []byte(out.String()))
	return losses
}

// line is when one line of the file fires.
type line struct {
	time  string
	Guard schedule.Guard
}

// times returns the lines of a timer, or the field and the reason why there
// can be none.
func times(t *spec.Timer) ([]line, field.ID, string) {
	switch {
	case t.OnBoot > 0 || t.Every == 0 && len(t.Schedule) == 0:
		return []line{{time: "@reboot"}}, 0, ""
	case t.Every > 0:
		if t.Every%spec.Minute != 0 {
			return nil, field.TimersEvery, "cron looks at the clock once a minute"
		}
		if l, ok := schedule.CronEvery(time.Duration(t.Every)); ok {
			return []line{{time: l.Fields()}}, 0, ""
		}
		return []line{{time: "* * * * *"}}, 0, "" // the script measures the interval
	}
	id := field.TimersCalendar
	if t.Cron != "" {
		id = field.TimersCron
	}
	lines, err := schedule.CronLines(t.Schedule)
	if err != nil {
		return nil, id, err.Error()
	}
	out := make([]line, len(lines))
	for i, l := range lines {
		out[i] = line{l.Fields(), l.Guard}
	}
	return out, 0, ""
}

// uneven reports whether the script has to measure the interval.
func uneven(t *spec.Timer) bool {
	if t.Every == 0 {
		return false
	}
	_, ok := schedule.CronEvery(time.Duration(t.Every))
	return !ok
}

// timerScript returns the script that decides whether and when the job runs,
// or nil. Its arguments are the name of the job and the command.
func timerScript(d *spec.Daemon, t *spec.Timer, guard schedule.Guard) []byte {
	if guard.Empty() && t.Jitter == 0 && !uneven(t) && t.OnBoot == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Timer " + t.Name + " of " + d.Name + ". Written by daemonize; changes are lost at the next install.\n" +
		"# Arguments: the name of the job, the command.\n")
	if uneven(t) || t.FixedJitter {
		b.WriteString("job=$1\n")
	}
	b.WriteString("shift\n" + guard.Shell())
	if uneven(t) {
		every := strconv.FormatInt(int64(t.Every/spec.Second), 10)
		// The stamp is the end of the last whole interval, so a job that cron
		// starts a second late does not shift all later runs.
		b.WriteString("stamp=/run/daemonize-\"$job\"." + t.Name + ".stamp\n" +
			"now=$(date +%s)\nlast=\n" +
			"[ -r \"$stamp\" ] && read -r last <\"$stamp\"\n" +
			"if [ -z \"$last\" ] || [ \"$last\" -gt \"$now\" ]; then\n" +
			"\techo $((now - now % 60)) >\"$stamp\" # first due one interval from now\n\texit 0\nfi\n" +
			"[ $((now - last)) -ge " + every + " ] || exit 0\n" +
			"echo $((now - (now - last) % " + every + ")) >\"$stamp\"\n")
	}
	if t.OnBoot > 0 {
		b.WriteString("sleep " + strconv.FormatInt(t.OnBoot.Seconds(), 10) + "\n")
	}
	if t.Jitter > 0 {
		modulus := strconv.FormatInt(t.Jitter.Seconds()+1, 10)
		if t.FixedJitter {
			b.WriteString("random=$({ cat /etc/machine-id 2>/dev/null || uname -n; echo \"$job " + t.Name + "\"; } | cksum)\nrandom=${random%% *}\n")
		} else {
			b.WriteString("random=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')\n")
		}
		b.WriteString("sleep $((random % " + modulus + "))\n")
	}
	b.WriteString("exec \"$@\"\n")
	return []byte(b.String())
}

// command writes the command of a line. The lock is in /run, where only root
// can make files: in a directory that others can write to they could hold it.
func command(job Job, script string) string {
	argv := append([]string{"/usr/bin/flock", "--nonblock", "/run/daemonize-" + job.Name + ".lock"}, job.Argv...)
	if script != "" {
		argv = append([]string{script, job.Name}, argv...)
	}
	return escape(shell.Join(argv))
}

// escape protects percent signs, which cron turns into newlines, even between
// quotes. Cron removes the backslash before the shell sees it (crontab(5)).
func escape(command string) string { return strings.ReplaceAll(command, "%", `\%`) }
