package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/operate"
)

// operateFlags choose the daemons of a running manager.
type operateFlags struct {
	scope   string
	backend string
	dryRun  bool
	timeout time.Duration
}

func (f *operateFlags) add(fl *pflag.FlagSet) {
	fl.StringVarP(&f.backend, "backend", "b", "", "service manager (default: the one that the daemon was installed for, else the one that runs)")
	fl.StringVar(&f.scope, "scope", "system", "system or user services")
}

// nameHelp ends the help of the commands that take names.
const nameHelp = `

NAME is a daemon that daemonize installed, or else any job of the service
manager; a spec stands for the daemons that it defines.`

// verbs are the commands that change what runs or what starts at boot.
var verbs = [...]struct {
	name        string
	verb        generators.Verb
	done        string
	short, long string
}{
	{"start", generators.Start, "started", "Start daemons and wait until they are up",
		"Start daemons and wait until they are up. What runs is left alone. A daemon with\ntimers or sockets starts to wait for them."},
	{"stop", generators.Stop, "stopped", "Stop daemons until they are started or the machine boots",
		"Stop daemons, and what would start them again: timers, sockets, watched paths.\nThey start again at the next boot unless they are disabled."},
	{"restart", generators.Restart, "restarted", "Stop and start daemons and wait until they are up",
		"Stop and start daemons and wait until they are up."},
	{"reload", generators.Refresh, "reloaded", "Have daemons read their configuration again",
		"Have running daemons read their configuration again, in the way that their spec\ndeclares (reload.signal, reload.command). Files of daemonize itself are not read\nagain: that is what install does."},
	{"enable", generators.Enable, "enabled", "Have daemons start at boot",
		"Have daemons start at boot. Whether they run now is left alone."},
	{"disable", generators.Disable, "disabled", "Have daemons not start at boot",
		"Have daemons not start at boot. Whether they run now is left alone."},
}

func (a *app) verbCmds() []*cobra.Command {
	var cmds []*cobra.Command
	for i := range verbs {
		var f operateFlags
		v := &verbs[i]
		cmd := &cobra.Command{
			Use:     v.name + " NAME|FILE...",
			Short:   v.short,
			Long:    v.long + nameHelp + "\n\nAn installation that was interrupted is undone first, as daemonize recover does.\n\nExit status: 0 done, 1 failed, 6 a file was edited since it was installed.",
			Example: "  sudo daemonize " + v.name + " web\n  daemonize " + v.name + " --scope user sync",
			Args:    atLeastOneName,
			RunE: func(_ *cobra.Command, args []string) error {
				if f.timeout <= 0 {
					return usagef("--timeout must be positive")
				}
				return a.operate(args, f, v.verb, v.done)
			},
		}
		f.add(cmd.Flags())
		cmd.Flags().BoolVarP(&f.dryRun, "dry-run", "n", false, "print what would be done and do nothing")
		cmd.Flags().DurationVar(&f.timeout, "timeout", 90*time.Second, "how long a daemon may take to come up")
		cmds = append(cmds, cmd)
	}
	return cmds
}

func atLeastOneName(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("no daemon given: name one, or a spec that defines it")
	}
	return nil
}

// interruptible is a context that ends with Ctrl-C.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// jobNames resolves arguments: files that define daemons, or names, also those
// that only a manager knows (com.example.web, cron.service).
func (a *app) jobNames(args []string) ([]string, error) {
	var names []string
	for _, arg := range args {
		if arg == "-" || strings.Contains(arg, "/") || strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".yml") {
			found, err := a.daemonNames([]string{arg})
			if err != nil {
				return nil, err
			}
			names = append(names, found...)
			continue
		}
		// It becomes an argument of programs and part of paths.
		if arg == "" || arg[0] == '-' || arg[0] == '.' || strings.ContainsFunc(arg, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '*' || r == '?' || r == '[' }) {
			return nil, usagef("%q is not the name of a daemon", arg)
		}
		if !slices.Contains(names, arg) {
			names = append(names, arg)
		}
	}
	return names, nil
}

// look opens this machine for commands that change nothing.
func (a *app) look(f operateFlags) (*host.Tree, generators.Target, func(), error) {
	h, scope, release, err := a.machine(hostFlags{scope: f.scope, dryRun: true})
	if err != nil {
		return nil, generators.Target{}, nil, err
	}
	home, err := a.home(scope)
	if err != nil {
		release()
		return nil, generators.Target{}, nil, err
	}
	return h, generators.Target{Scope: scope, Home: home}, release, nil
}

// finder finds daemons by name and remembers which managers run.
type finder struct {
	ctx   context.Context
	h     host.Host
	t     generators.Target // scope and home
	found map[string]generators.Target
}

// operator returns the running manager of a name, or with an empty name the one
// that runs.
func (d *finder) operator(backend string) (generators.Operator, generators.Target, error) {
	t, known := d.found[backend]
	if !known {
		found, err := detect(d.ctx, d.h, d.t.Scope, backend)
		if err != nil {
			return nil, t, err
		}
		t = found
		t.Scope, t.Home = d.t.Scope, d.t.Home
		d.found[backend] = t
	}
	c, ok := controller(t.Backend).(generators.Operator)
	if !ok {
		return nil, t, fmt.Errorf("cannot operate %s: daemonize only renders its files", t.Backend)
	}
	return c, t, nil
}

func (d *finder) find(name, backend string) (*operate.Daemon, error) {
	m, err := install.ReadManifest(d.h, d.t, name)
	switch {
	case err == nil && (backend == "" || backend == m.Backend):
		c, t, err := d.operator(m.Backend)
		if err != nil {
			return nil, fmt.Errorf("cannot operate %s: %w", name, err)
		}
		return operate.Installed(d.h, c, t, m), nil
	case err != nil && !errors.Is(err, install.ErrNotInstalled):
		return nil, err
	}
	c, t, err := d.operator(backend)
	if err != nil {
		return nil, err
	}
	return operate.Native(d.ctx, d.h, c, t, name)
}

// operation is the JSON form of what a verb did.
type operation struct {
	Version int               `json:"version"`
	Verb    string            `json:"verb"`
	DryRun  bool              `json:"dry_run"`
	Daemons []operate.Outcome `json:"daemons"`
}

// operate applies a verb to all daemons, also after one of them failed.
func (a *app) operate(args []string, f operateFlags, verb generators.Verb, done string) error {
	ctx, stop := interruptible()
	defer stop()
	names, err := a.jobNames(args)
	if err != nil {
		return err
	}
	h, scope, release, err := a.machine(hostFlags{scope: f.scope, dryRun: f.dryRun})
	if err != nil {
		return err
	}
	defer release()
	home, err := a.home(scope)
	if err != nil {
		return err
	}
	t := generators.Target{Scope: scope, Home: home}
	if err := a.recoverFirst(ctx, h, hostFlags{scope: f.scope, dryRun: f.dryRun}, t); err != nil {
		return err
	}
	find := finder{ctx, h, t, map[string]generators.Target{}}
	word := string(verb)
	if verb == generators.Refresh {
		word = "reload"
	}
	r := operation{Version: 1, Verb: word, DryRun: f.dryRun, Daemons: []operate.Outcome{}}
	code := exitOK
	var out bytes.Buffer
	for _, name := range names {
		if ctx.Err() != nil {
			code = exitFailure
			break
		}
		o, err := a.operateOne(find, name, f, verb)
		if err != nil {
			if _, drift := errors.AsType[*operate.DriftError](err); drift && code == exitOK {
				code = exitDrift
			} else {
				code = exitFailure
			}
			o.Daemon, o.Error = name, err.Error()
			fmt.Fprintln(a.Stderr, "daemonize:", printable(o.Error))
			if len(o.Log) > 0 {
				fmt.Fprintf(a.Stderr, "last messages of %s:\n", name)
				for _, line := range o.Log {
					fmt.Fprintln(a.Stderr, "  "+printable(line))
				}
			}
		}
		o.Steps, o.Jobs = nonNil(o.Steps), nonNil(o.Jobs)
		r.Daemons = append(r.Daemons, o)
		if err != nil {
			continue
		}
		if f.dryRun {
			fmt.Fprintf(&out, "%s (%s) would be %s\n", name, o.Target, done)
			for _, s := range o.Steps {
				out.WriteString(operationLine(s))
			}
			continue
		}
		fmt.Fprintf(&out, "%s (%s) %s\n", name, o.Target, done)
		for _, s := range o.Jobs {
			fmt.Fprintf(&out, "  %s: %s\n", s.Job, printable(statusWords(s)))
		}
	}
	if a.output == "json" {
		err = a.printJSON(r)
	} else {
		_, err = a.Stdout.Write(out.Bytes())
	}
	if err != nil {
		return err
	}
	if code != exitOK {
		return &exitError{code: code}
	}
	return nil
}

func (a *app) operateOne(find finder, name string, f operateFlags, verb generators.Verb) (operate.Outcome, error) {
	d, err := find.find(name, f.backend)
	if err != nil {
		return operate.Outcome{}, err
	}
	if f.dryRun {
		steps, err := d.Plan(verb)
		return operate.Outcome{Daemon: name, Target: d.Target.String(), Steps: steps}, err
	}
	o, err := d.Do(find.ctx, install.SystemClock{}, verb, f.timeout)
	if err != nil && (verb == generators.Start || verb == generators.Restart) && find.ctx.Err() == nil {
		lines, _, logErr := d.Log(find.ctx, host.Programs{}, generators.Query{Lines: 10})
		if logErr == nil { // the log is an extra
			for _, l := range lines {
				o.Log = append(o.Log, l.Message)
			}
		}
	}
	return o, err
}

// operationLine is what a step of a dry run looks like.
func operationLine(s generators.Step) string {
	if s.Verb == generators.WriteFile {
		return "  ~ " + s.Path + "\n"
	}
	return stepLine(install.Step{Step: s})
}
