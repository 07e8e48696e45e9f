package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/operate"
	"github.com/daemonize/daemonize/spec"
)

func (a *app) logsCmd() *cobra.Command {
	var f operateFlags
	var n int
	var since string
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs NAME|FILE",
		Short: "Show what a daemon has logged",
		Long: `Show what a daemon has logged, wherever its manager keeps that: the journal, the
files that its output goes to, syslog, or what supervisord keeps.` + nameHelp + `

With --output json --follow each message is an object on a line of its own.`,
		Example: `  daemonize logs web
  daemonize logs -f web
  daemonize logs --since 15m -n 0 web`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("logs takes one daemon")
			}
			return atLeastOneName(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q := generators.Query{Lines: n, Follow: follow}
			if n < 0 {
				return usagef("-n must not be negative")
			}
			if since != "" {
				at, ok := readSince(since, time.Now())
				if !ok {
					return usagef("cannot read --since %q: write a time ago (15m, 2h, 3d) or a time (2027-02-26 08:00:00, 2027-02-26T08:00:00Z)", since)
				}
				q.Since = at
				if !cmd.Flags().Changed("lines") {
					q.Lines = 0
				}
			}
			return a.logs(args, f, q)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVarP(&n, "lines", "n", 50, "how many of the last messages to show; 0 for all (the default with --since)")
	cmd.Flags().StringVar(&since, "since", "", "show messages since this time, or since this time ago, such as 15m")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new messages until interrupted")
	return cmd
}

// readSince reads a time, or how long ago it was.
func readSince(s string, now time.Time) (time.Time, bool) {
	if d, ok := spec.ParseDuration(s); ok && d != spec.Infinity {
		return now.Add(-time.Duration(d.Seconds()) * time.Second), true
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func (a *app) logs(args []string, f operateFlags, q generators.Query) error {
	ctx, stop := interruptible()
	defer stop()
	names, err := a.jobNames(args)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return usagef("%s defines %d daemons: name one", args[0], len(names))
	}
	h, t, release, err := a.look(f)
	if err != nil {
		return err
	}
	defer release()
	find := finder{ctx, h, t, map[string]generators.Target{}}
	d, err := find.find(names[0], f.backend)
	if err != nil {
		return err
	}
	if q.Follow {
		err := d.Follow(ctx, install.SystemClock{}, host.Programs{}, q, a.emit)
		if errors.Is(err, syscall.EPIPE) { // as after head(1)
			return nil
		}
		return err
	}
	lines, notes, err := d.Log(ctx, host.Programs{}, q)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(struct {
			Version int            `json:"version"`
			Daemon  string         `json:"daemon"`
			Lines   []operate.Line `json:"lines"`
			Notes   []string       `json:"notes"`
		}{1, d.Name, nonNil(lines), nonNil(notes)})
	}
	for _, n := range notes {
		fmt.Fprintln(a.Stderr, "daemonize: note:", printable(n))
	}
	var out bytes.Buffer
	for _, l := range lines {
		out.WriteString(logLine(l) + "\n")
	}
	_, err = a.Stdout.Write(out.Bytes())
	return err
}

// emit prints one message at once.
func (a *app) emit(l operate.Line) error {
	if a.output == "json" {
		text, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("cannot write message: %w", err)
		}
		_, err = a.Stdout.Write(append(text, '\n'))
		return err
	}
	_, err := fmt.Fprintln(a.Stdout, logLine(l))
	return err
}

// logLine shows a message. Lines of files begin with their own time, if any.
func logLine(l operate.Line) string {
	text := printable(l.Message)
	if l.Source == "journal" && !l.Time.IsZero() {
		text = l.Time.Local().Format("2006-01-02T15:04:05Z07:00") + " " + text
	}
	return text
}
