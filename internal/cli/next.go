package cli

import (
	"bytes"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

func (a *app) nextCmd() *cobra.Command {
	var f renderFlags
	var n int
	var from, zone string
	cmd := &cobra.Command{
		Use:   "next FILE...",
		Short: "Show the coming runs of timers",
		Long: `Show the coming runs of every timer. All backends run a timer at the same
times, since what a manager cannot express is guarded by a wrapper; the
differences that remain (catching up, accuracy, jitter) are listed per backend.`,
		Example: `  daemonize next backup.daemon.yaml
  daemonize next backup.daemon.yaml --from 2027-02-26T00:00:00Z -n 10 --timezone UTC`,
		Args: atLeastOneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			if n < 1 || n > 1000 {
				return usagef("-n must be between 1 and 1000")
			}
			targets, err := f.targets()
			if err != nil {
				return err
			}
			loc := time.Local
			if zone != "" {
				if loc, err = time.LoadLocation(zone); err != nil {
					return usagef("unknown --timezone %q", zone)
				}
			}
			start := time.Now()
			if from != "" {
				if start, err = time.ParseInLocation(time.RFC3339, from, loc); err != nil {
					return usagef("cannot read --from %q: write 2027-02-26T00:00:00Z", from)
				}
			}
			return a.next(args, targets, start.In(loc), n)
		},
	}
	f.addTarget(cmd.Flags(), "backends, each as NAME or NAME@VERSION, or all")
	cmd.Flags().IntVarP(&n, "count", "n", 5, "how many runs")
	cmd.Flags().StringVar(&from, "from", "", "show runs after this time (RFC 3339) instead of now")
	cmd.Flags().StringVar(&zone, "timezone", "", "time zone of the host (default: this machine's)")
	return cmd
}

type nextTimer struct {
	Daemon   string         `json:"daemon"`
	Timer    string         `json:"timer"`
	Trigger  string         `json:"trigger"`
	Runs     []time.Time    `json:"runs"`               // of a calendar or cron timer
	Relative string         `json:"relative,omitempty"` // when the runs depend on the boot or on the last run
	Backends []nextDivision `json:"backends"`
}

// nextDivision is how one backend treats the timer.
type nextDivision struct {
	Target string   `json:"target"`
	Level  string   `json:"level"`
	Notes  []string `json:"notes"`
}

func (a *app) next(args []string, targets []generators.Target, from time.Time, n int) error {
	files, err := inputs(args)
	if err != nil {
		return err
	}
	var timers []nextTimer
	var all diag.List
	for _, file := range files {
		doc, err := a.read(file)
		if err != nil {
			return err
		}
		a.keep(doc, doc.diags)
		a.report(doc.diags)
		all = append(all, doc.diags...)
		if doc.diags.HasErrors() {
			continue
		}
		for _, d := range doc.daemons {
			for i := range d.Timers {
				timers = append(timers, comingRuns(d, i, targets, from, n))
			}
		}
	}
	if a.output == "json" {
		if err := a.printJSON(struct {
			Version     int         `json:"version"`
			From        time.Time   `json:"from"`
			Timers      []nextTimer `json:"timers"`
			Diagnostics diag.List   `json:"diagnostics"`
		}{1, from, nonNil(timers), nonNil(all)}); err != nil {
			return err
		}
		return verdict(all)
	}
	var out bytes.Buffer
	for i, t := range timers {
		if i > 0 {
			out.WriteByte('\n')
		}
		fmt.Fprintf(&out, "%s, timer %s: %s\n", t.Daemon, t.Timer, t.Trigger)
		for _, run := range t.Runs {
			fmt.Fprintf(&out, "  %s  %s\n", run.Format("Mon 2006-01-02 15:04:05 MST"), until(run.Sub(from)))
		}
		if t.Relative != "" {
			fmt.Fprintf(&out, "  %s\n", t.Relative)
		}
		for _, b := range t.Backends {
			fmt.Fprintf(&out, "  %s: %s\n", b.Target, b.Level)
			for _, note := range b.Notes {
				fmt.Fprintf(&out, "%s\n", wrap(note, "    ", 72))
			}
		}
	}
	if len(timers) == 0 && !all.HasErrors() {
		out.WriteString("no timers\n")
	}
	if _, err := a.Stdout.Write(out.Bytes()); err != nil {
		return err
	}
	return verdict(all)
}

func comingRuns(d *spec.Daemon, i int, targets []generators.Target, from time.Time, n int) nextTimer {
	t := &d.Timers[i]
	next := nextTimer{Daemon: d.Name, Timer: t.Name, Runs: []time.Time{}, Backends: []nextDivision{}}
	trigger := field.TimersOnBoot
	switch {
	case t.Calendar != "":
		next.Trigger, trigger = "calendar "+t.Calendar, field.TimersCalendar
	case t.Cron != "":
		next.Trigger, trigger = "cron "+t.Cron, field.TimersCron
	case t.Every != 0:
		next.Trigger, trigger = "every "+t.Every.String(), field.TimersEvery
		next.Relative = "first " + t.Every.String() + " after the timer starts, then " + t.Every.String() + " after the " + t.Anchor + " of each run"
	default:
		next.Trigger = "on boot"
		next.Relative = t.OnBoot.String() + " after boot"
	}
	if t.Timezone != "" {
		next.Trigger += " in " + t.Timezone
	}
	if len(t.Schedule) > 0 {
		next.Runs = t.Schedule.Upcoming(from, n, from.Location())
	}
	path := fmt.Sprintf("timers[%d]", i)
	for _, target := range targets {
		g, _ := daemonize.Backend(target.Backend)
		s := g.Support().At(trigger, target)
		b := nextDivision{Target: target.String(), Level: s.Level.String(), Notes: []string{}}
		if s.Via != "" {
			b.Level += " (" + s.Via + ")"
		}
		_, diags := generators.Render(g, d, target, generators.Policy{Allow: []string{"sandboxing"}})
		for _, found := range diags {
			if found.Path == path || len(found.Path) > len(path) && found.Path[:len(path)+1] == path+"." {
				note := found.Summary
				if found.Detail != "" {
					note += ": " + found.Detail
				}
				b.Notes = append(b.Notes, note)
				if found.Severity == diag.Error {
					b.Level = "refused"
				}
			}
		}
		next.Backends = append(next.Backends, b)
	}
	return next
}

// until writes a wait in the two largest units.
func until(d time.Duration) string {
	d = d.Truncate(time.Second)
	days := int(d / (24 * time.Hour))
	d -= time.Duration(days) * 24 * time.Hour
	hours, minutes, seconds := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case days > 0:
		return fmt.Sprintf("in %dd %dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("in %dh %dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("in %dm %ds", minutes, seconds)
	}
	return fmt.Sprintf("in %ds", seconds)
}
