package cli

import (
	"bytes"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/operate"
)

func (a *app) listCmd() *cobra.Command {
	var f operateFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the daemons that daemonize installed",
		Long: `List the daemons that daemonize installed on this machine, with their state.
` + "`daemonize status NAME`" + ` tells more about one.`,
		Example: `  daemonize list
  daemonize list -o json | jq -r '.daemons[] | select(.state == "failed").daemon'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("list takes no arguments: daemonize status NAME shows one daemon")
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return a.list(f) },
	}
	f.add(cmd.Flags())
	return cmd
}

func (a *app) list(f operateFlags) error {
	ctx, stop := interruptible()
	defer stop()
	h, t, release, err := a.look(f)
	if err != nil {
		return err
	}
	defer release()
	manifests, err := install.Manifests(h, t)
	if err != nil {
		return err
	}
	find := finder{ctx, h, t, map[string]generators.Target{}}
	r := condition{Version: 1, Interrupted: a.interrupted(h, t), Daemons: []operate.Report{}, Errors: []string{}}
	for _, m := range manifests {
		if f.backend != "" && f.backend != m.Backend {
			continue
		}
		report, err := a.statusOne(find, m.Daemon, "", 0)
		if err != nil {
			// It is listed all the same: its manager may only not run.
			r.Errors = append(r.Errors, err.Error())
			report = operate.Report{Daemon: m.Daemon, Target: m.Backend + "@" + m.Manager, Scope: m.Scope, Installed: true,
				State: generators.Unknown, Jobs: []generators.Status{}, Drift: []operate.Drift{}}
		}
		r.Daemons = append(r.Daemons, report)
	}
	if a.output == "json" {
		return a.printJSON(r)
	}
	for _, e := range r.Errors {
		fmt.Fprintln(a.Stderr, "daemonize:", printable(e))
	}
	if len(r.Daemons) == 0 {
		_, err := fmt.Fprintf(a.Stdout, "no daemons of the %s scope were installed by daemonize\n", t.Scope)
		return err
	}
	var out bytes.Buffer
	now := time.Now()
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DAEMON\tMANAGER\tSTATE\tENABLED\tPID\tFOR\tRESTARTS\tFILES")
	for _, d := range r.Daemons {
		enabled, pid, since, restarts, files := "no", "-", "-", 0, "as installed"
		for _, s := range d.Jobs {
			if s.Enabled {
				enabled = "yes"
			}
			switch {
			case s.PID > 0 && pid != "-":
				pid = "several"
			case s.PID > 0:
				pid = strconv.Itoa(s.PID)
			}
			if !s.Since.IsZero() {
				since = age(now.Sub(s.Since))
			}
			restarts += s.Restarts
		}
		if len(d.Drift) > 0 {
			files = "changed"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", d.Daemon, d.Target, d.State, enabled, pid, since, restarts, files)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	_, err = a.Stdout.Write(out.Bytes())
	return err
}
