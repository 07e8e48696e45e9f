package cli

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/operate"
)

func (a *app) statusCmd() *cobra.Command {
	var f operateFlags
	var n int
	cmd := &cobra.Command{
		Use:   "status NAME|FILE...",
		Short: "Show how daemons are doing",
		Long: `Show how daemons are doing: state, process, since when, how the last process
ended, how often it was restarted, whether it starts at boot, files that are not
as they were installed, and the last messages. What is shown is what was
observed: exit statuses of init scripts and of supervisorctl are not relied on.` + nameHelp + `

Exit status: 0 all are up (or wait for their timer, socket or path), 1 one is not
or is unknown, 6 all are up but a file was edited since it was installed.`,
		Example: `  daemonize status web
  daemonize status -o json web | jq -r '.daemons[].state'`,
		Args: atLeastOneName,
		RunE: func(_ *cobra.Command, args []string) error {
			if n < 0 {
				return usagef("-n must not be negative")
			}
			return a.status(args, f, n)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVarP(&n, "lines", "n", 10, "how many of the last messages to show")
	return cmd
}

// condition is the JSON form of status and list.
type condition struct {
	Version     int              `json:"version"`
	Interrupted *interruption    `json:"interrupted,omitempty"`
	Daemons     []operate.Report `json:"daemons"`
	Errors      []string         `json:"errors"`
}

func (a *app) status(args []string, f operateFlags, n int) error {
	ctx, stop := interruptible()
	defer stop()
	names, err := a.jobNames(args)
	if err != nil {
		return err
	}
	h, t, release, err := a.look(f)
	if err != nil {
		return err
	}
	defer release()
	find := finder{ctx, h, t, map[string]generators.Target{}}
	r := condition{Version: 1, Interrupted: a.interrupted(h, t), Daemons: []operate.Report{}, Errors: []string{}}
	failed, drifted := false, false
	now := time.Now()
	var out bytes.Buffer
	for i, name := range names {
		report, err := a.statusOne(find, name, f.backend, n)
		if err != nil {
			failed = true
			r.Errors = append(r.Errors, err.Error())
			fmt.Fprintln(a.Stderr, "daemonize:", printable(err.Error()))
			continue
		}
		failed = failed || !up(report)
		drifted = drifted || len(report.Drift) > 0
		r.Daemons = append(r.Daemons, report)
		if i > 0 {
			out.WriteByte('\n')
		}
		writeReport(&out, report, now)
	}
	if a.output == "json" {
		err = a.printJSON(r)
	} else {
		_, err = a.Stdout.Write(out.Bytes())
	}
	switch {
	case err != nil:
		return err
	case failed:
		return &exitError{code: exitFailure}
	case drifted:
		return &exitError{code: exitDrift}
	}
	return nil
}

func (a *app) statusOne(find finder, name, backend string, n int) (operate.Report, error) {
	d, err := find.find(name, backend)
	if err != nil {
		return operate.Report{}, err
	}
	report, err := d.Status(find.ctx)
	if err != nil || n == 0 {
		return report, err
	}
	lines, _, err := d.Log(find.ctx, host.Programs{}, generators.Query{Lines: n})
	if err == nil { // the log is an extra
		report.Log = lines
	}
	return report, nil
}

// up reports whether a daemon is as it should be. One of which nothing is to be
// started, such as a timed one of a manager with cron, only must not have failed.
func up(r operate.Report) bool {
	return r.State == generators.Active || r.State == generators.Inactive && r.Waits
}

// writeReport shows one daemon.
func writeReport(out *bytes.Buffer, r operate.Report, now time.Time) {
	by := "not installed by daemonize"
	if r.Installed {
		by = "installed by daemonize"
	}
	fmt.Fprintf(out, "%s (%s): %s, %s\n", printable(r.Daemon), r.Target, r.State, by)
	for _, s := range r.Jobs {
		fmt.Fprintf(out, "  %s: %s\n", s.Job, printable(statusWords(s)))
		if !s.Since.IsZero() {
			fmt.Fprintf(out, "    since %s, for %s\n", s.Since.Local().Format("2006-01-02 15:04:05 MST"), age(now.Sub(s.Since)))
		}
		if s.Exit.Words != "" {
			fmt.Fprintf(out, "    the process before %s\n", s.Exit.Words)
		}
		if s.Restarts > 0 {
			fmt.Fprintf(out, "    restarted %d times by itself\n", s.Restarts)
		}
	}
	for _, d := range r.Drift {
		fmt.Fprintf(out, "  changed since it was installed: %s: %s\n", d.Path, d.What)
	}
	if len(r.Log) > 0 {
		out.WriteString("  last messages:\n")
		for _, l := range r.Log {
			fmt.Fprintf(out, "    %s\n", logLine(l))
		}
	}
}

// statusWords describes a job on one line.
func statusWords(s generators.Status) string {
	words := operate.Words(s)
	if s.Enabled {
		words += ", enabled"
	} else {
		words += ", not enabled"
	}
	if s.Reason != "" && s.State != generators.Active {
		words += ": " + s.Reason
	}
	return words
}

// age writes a time in its two largest units.
func age(d time.Duration) string {
	return strings.TrimPrefix(until(max(d, 0)), "in ")
}
