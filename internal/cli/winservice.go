package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/operate"
	"github.com/daemonize/daemonize/internal/winsvc"
	"github.com/daemonize/daemonize/spec/diag"
)

// windows is the service control manager in the place of the managers with
// files: the same commands, flags, exit codes and JSON.
type windows struct {
	*app
	m      winsvc.Manager
	clock  install.Clock
	drive  string
	target string
}

// take has the commands about this machine work on Windows services. With
// --root they prepare a system of another kind, as everywhere.
func (w *windows) take(cmds []*cobra.Command) {
	for _, cmd := range cmds {
		usual, run := cmd.RunE, w.command(cmd.Name())
		if run == nil {
			continue
		}
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			fl := cmd.Flags()
			if f := fl.Lookup("root"); f != nil && f.Value.String() != "" {
				return usual(cmd, args)
			}
			if f := fl.Lookup("scope"); f != nil && f.Value.String() != "system" {
				return usagef("Windows has no services of users: --scope system is all there is")
			}
			if f := fl.Lookup("backend"); f != nil && f.Value.String() != "" && f.Value.String() != "windows" {
				return fmt.Errorf("cannot work on %s: this machine has Windows services", f.Value.String())
			}
			ctx, stop := interruptible()
			defer stop()
			return run(ctx, cmd, args)
		}
	}
}

type windowsRun = func(ctx context.Context, cmd *cobra.Command, args []string) error

func (w *windows) command(name string) windowsRun {
	switch name {
	case "install", "diff":
		return w.install
	case "uninstall":
		return w.uninstall
	case "status":
		return func(_ context.Context, _ *cobra.Command, args []string) error {
			names, err := w.jobNames(args)
			if err != nil {
				return err
			}
			return w.show(names, true)
		}
	case "list":
		return func(context.Context, *cobra.Command, []string) error {
			names, err := w.m.Names()
			if err != nil {
				return err
			}
			return w.show(names, false)
		}
	case "logs":
		return func(context.Context, *cobra.Command, []string) error {
			return errors.New("cannot show logs: the service control manager keeps no output of services (the event log holds what they write to it)")
		}
	case "recover":
		return func(context.Context, *cobra.Command, []string) error {
			_, err := fmt.Fprintln(w.Stdout, "nothing to recover: an interrupted install is completed by repeating it")
			return err
		}
	}
	for i := range verbs {
		if verbs[i].name == name {
			return func(ctx context.Context, cmd *cobra.Command, args []string) error {
				return w.operate(ctx, cmd, args, verbs[i].verb, verbs[i].done)
			}
		}
	}
	return nil
}

// boolFlag reports a flag that the command may not have.
func boolFlag(cmd *cobra.Command, name string) bool {
	f := cmd.Flags().Lookup(name)
	return f != nil && f.Value.String() == "true"
}

func (w *windows) install(ctx context.Context, cmd *cobra.Command, args []string) error {
	var policy generators.Policy
	policy.Strict = boolFlag(cmd, "strict")
	policy.Allow, _ = cmd.Flags().GetStringSlice("allow-loss") // no command is without it
	files, err := inputs(args)
	if err != nil {
		return err
	}
	f := hostFlags{dryRun: cmd.Name() == "diff" || boolFlag(cmd, "dry-run")}
	var services []winsvc.Wanted
	var diags diag.List
	for _, file := range files {
		doc, err := w.read(file)
		if err != nil {
			return err
		}
		found := doc.diags
		for _, d := range doc.daemons {
			if doc.diags.HasErrors() {
				break
			}
			s, losses := winsvc.Services(d, w.drive, policy)
			services, found = append(services, s...), append(found, losses...)
		}
		w.keep(doc, found)
		w.report(found)
		diags = append(diags, found...)
	}
	r := newInstallation(nil, f, diags)
	if diags.HasErrors() {
		return errors.Join(w.finish(r, nil), verdict(diags))
	}
	for i := range services {
		s := &services[i]
		for j := range i {
			if services[j].Name == s.Name {
				return fmt.Errorf("cannot install service %q twice", s.Name)
			}
		}
		s.Start = s.Start && !boolFlag(cmd, "no-start")
		if boolFlag(cmd, "no-enable") {
			now, err := w.m.Query(s.Name)
			s.Boot = err == nil && now.Boot
		}
	}
	plan, err := winsvc.Plan(w.m, services, boolFlag(cmd, "force"))
	if err != nil {
		return w.refused(err, f, diags)
	}
	var out bytes.Buffer
	for i := range plan {
		p := &plan[i]
		r.add(&out, w, p.Name, install.Change(p.Change)) // the words are the same
		if p.Change != winsvc.Unchanged {
			fmt.Fprintf(&out, "  %s as %s\n", printable(p.CommandLine), printable(p.Account))
		}
	}
	if f.dryRun {
		return w.finish(r, &out)
	}
	if err := winsvc.Apply(ctx, w.m, w.clock, plan); err != nil {
		return w.failure(r, err)
	}
	for i := range plan {
		r.Jobs = append(r.Jobs, w.status(plan[i].Name))
		fmt.Fprintf(&out, "  %s: %s\n", plan[i].Name, printable(jobWords(r.Jobs[i])))
	}
	return w.finish(r, &out)
}

// add reports what becomes of a daemon.
func (r *installation) add(out *bytes.Buffer, w *windows, name string, change install.Change) {
	r.Daemons = append(r.Daemons, installedDaemon{install.Outcome{Daemon: name, Change: change}, w.target})
	for _, d := range deeds {
		if d.change == change && r.DryRun {
			fmt.Fprintf(out, "%s (%s) %s\n", name, w.target, d.planned)
		} else if d.change == change {
			fmt.Fprintf(out, "%s (%s) %s\n", name, w.target, d.done)
		}
	}
}

func (w *windows) finish(r installation, out *bytes.Buffer) error {
	if w.output == "json" {
		return w.printJSON(r)
	}
	if out == nil {
		return nil
	}
	if r.DryRun {
		fmt.Fprintln(out, "dry run: nothing was changed")
	}
	_, err := w.Stdout.Write(out.Bytes())
	return err
}

// failure tells what failed and what of it could not be put back.
func (w *windows) failure(r installation, err error) error {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(w.Stderr, "daemonize:", printable(strings.TrimSuffix(line, "\n")))
	}
	undone := !strings.Contains(err.Error(), winsvc.NotUndone)
	if undone {
		fmt.Fprintln(w.Stderr, "daemonize: everything was put back")
	}
	r.Daemons, r.Failure = []installedDaemon{}, &installFailure{Message: err.Error(), RolledBack: undone}
	return errors.Join(w.finish(r, nil), &exitError{code: exitFailure})
}

func (w *windows) uninstall(ctx context.Context, cmd *cobra.Command, args []string) error {
	names, err := w.daemonNames(args)
	if err != nil {
		return err
	}
	r := newInstallation(nil, hostFlags{dryRun: boolFlag(cmd, "dry-run")}, nil)
	var out bytes.Buffer
	for _, name := range names {
		r.add(&out, w, name, install.Delete)
	}
	if r.DryRun {
		return w.finish(r, &out)
	}
	const stopIn = 90 * time.Second // the default of stop.timeout
	if err := winsvc.Uninstall(ctx, w.m, w.clock, names, stopIn, boolFlag(cmd, "force")); err != nil {
		if refused, ok := errors.AsType[*winsvc.Refused](err); ok && refused.Drift {
			return w.refused(err, hostFlags{}, nil)
		}
		return w.failure(r, err)
	}
	return w.finish(r, &out)
}

func (w *windows) operate(ctx context.Context, cmd *cobra.Command, args []string, verb generators.Verb, done string) error {
	names, err := w.jobNames(args)
	if err != nil {
		return err
	}
	timeout, err := cmd.Flags().GetDuration("timeout")
	if err != nil {
		return err
	}
	if timeout <= 0 {
		return usagef("--timeout must be positive")
	}
	r := operation{Version: 1, Verb: cmd.Name(), DryRun: boolFlag(cmd, "dry-run"), Daemons: []operate.Outcome{}}
	var out bytes.Buffer
	failed := false
	for _, name := range names {
		o := operate.Outcome{Daemon: name, Target: w.target, Steps: []generators.Step{}, Jobs: []generators.Status{}}
		if r.DryRun {
			fmt.Fprintf(&out, "%s (%s) would be %s\n", name, w.target, done)
		} else if err := w.verb(ctx, verb, name, timeout); err != nil {
			failed, o.Error = true, err.Error()
			fmt.Fprintln(w.Stderr, "daemonize:", printable(o.Error))
		} else {
			o.Jobs = append(o.Jobs, w.status(name))
			fmt.Fprintf(&out, "%s (%s) %s\n  %s: %s\n", name, w.target, done, name, printable(statusWords(o.Jobs[0])))
		}
		r.Daemons = append(r.Daemons, o)
	}
	if w.output == "json" {
		err = w.printJSON(r)
	} else {
		_, err = w.Stdout.Write(out.Bytes())
	}
	if err == nil && failed {
		return &exitError{code: exitFailure}
	}
	return err
}

func (w *windows) verb(ctx context.Context, verb generators.Verb, name string, timeout time.Duration) error {
	switch verb {
	case generators.Start:
		return winsvc.Start(ctx, w.m, w.clock, name, timeout)
	case generators.Stop:
		return winsvc.Stop(ctx, w.m, w.clock, name, timeout)
	case generators.Restart:
		if err := winsvc.Stop(ctx, w.m, w.clock, name, timeout); err != nil {
			return err
		}
		return winsvc.Start(ctx, w.m, w.clock, name, timeout)
	case generators.Enable, generators.Disable:
		return winsvc.Enable(w.m, name, verb == generators.Enable)
	}
	return fmt.Errorf("cannot reload %s: Windows has no such operation (restart does it)", name)
}

// status is the condition of a service in the words of all managers.
func (w *windows) status(name string) generators.Status {
	s, err := w.m.Query(name)
	if err != nil {
		return generators.Status{Job: name, State: generators.Unknown, Missing: errors.Is(err, winsvc.ErrNotInstalled), Reason: err.Error()}
	}
	st := generators.Status{Job: name, State: s.State.State, PID: s.State.PID, Enabled: s.Boot}
	if st.State == generators.Failed {
		st.Reason = s.State.Reason()
	}
	return st
}

// show reports services, as status or as list.
func (w *windows) show(names []string, judge bool) error {
	r := condition{Version: 1, Daemons: []operate.Report{}, Errors: []string{}}
	var out bytes.Buffer
	failed, drifted := false, false
	for _, name := range names {
		s, err := w.m.Query(name)
		if err != nil {
			failed = true
			r.Errors = append(r.Errors, fmt.Sprintf("cannot show %s: %v", name, err))
			fmt.Fprintln(w.Stderr, "daemonize:", printable(r.Errors[len(r.Errors)-1]))
			continue
		}
		report := operate.Report{Daemon: name, Target: w.target, Scope: "system", Installed: s.Record != nil,
			State: s.State.State, Jobs: []generators.Status{w.status(name)}, Drift: []operate.Drift{}}
		for _, what := range s.Drift() {
			report.Drift = append(report.Drift, operate.Drift{Path: name, What: what + " was changed"})
		}
		failed = failed || !up(report)
		drifted = drifted || len(report.Drift) > 0
		r.Daemons = append(r.Daemons, report)
		writeReport(&out, report, time.Time{})
	}
	var err error
	if w.output == "json" {
		err = w.printJSON(r)
	} else {
		_, err = w.Stdout.Write(out.Bytes())
	}
	switch {
	case err != nil || !judge:
		return err
	case failed:
		return &exitError{code: exitFailure}
	case drifted:
		return &exitError{code: exitDrift}
	}
	return nil
}
