package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/shell"
)

func (a *app) recoverCmd() *cobra.Command {
	var f hostFlags
	var forget bool
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Finish an installation or removal that was interrupted",
		Long: `Finish what daemonize was doing when it was killed or the machine stopped. What
was begun is taken back: files, what the manager knows of them, and what ran
before. Only a removal with --purge that has begun to remove data is completed
instead. Every command that changes something does so first; this one does only
that.

A file that somebody has changed meanwhile is left alone and reported; --force
puts the old one back nevertheless, --forget leaves everything as it is.

Exit status: 0 nothing is left to do, 1 not everything could be put back.`,
		Example: `  sudo daemonize recover
  daemonize recover --dry-run --output json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.recover(f, forget) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.root, "root", "", "work on the system below this directory, which is not running")
	fl.StringVar(&f.scope, "scope", "system", "system or user services")
	fl.BoolVarP(&f.dryRun, "dry-run", "n", false, "print what was interrupted and do nothing")
	fl.BoolVar(&f.force, "force", false, "put files back although somebody has changed them since")
	fl.BoolVar(&forget, "forget", false, "leave everything as it is and forget about it")
	return cmd
}

// recovery is the JSON form of what was found and done.
type recovery struct {
	Version int    `json:"version"`
	Root    string `json:"root,omitempty"`
	DryRun  bool   `json:"dry_run"`
	install.Recovery
	Failure string `json:"failure,omitempty"`
}

func (a *app) recover(f hostFlags, forget bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	h, scope, release, err := a.machine(f)
	if err != nil {
		return err
	}
	defer release()
	home, err := a.home(scope)
	if err != nil {
		return err
	}
	t := generators.Target{Scope: scope, Home: home}
	var found *install.Recovery
	if f.dryRun {
		found, err = install.Pending(h, controller, t)
	} else {
		found, err = install.Recover(ctx, h, controller, t, install.SystemClock{}, install.RecoverOptions{Force: f.force, Forget: forget})
	}
	r := recovery{Version: 1, Root: f.root, DryRun: f.dryRun}
	if found == nil {
		found = &install.Recovery{Daemons: []string{}, Action: install.NothingDone, Restored: []string{}, Commands: [][]string{}, Errors: []string{}}
	}
	r.Recovery = *found
	if err != nil {
		r.Failure = err.Error()
	}
	if a.output == "json" {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		var out bytes.Buffer
		r.print(&out, err == nil)
		if _, err := a.Stdout.Write(out.Bytes()); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("%w (see daemonize recover --help for --force and --forget)", err)
	}
	if len(found.Errors) > 0 {
		return &exitError{code: exitFailure}
	}
	return nil
}

func (r *recovery) print(out *bytes.Buffer, done bool) {
	if r.Begun == nil && r.Action == install.NothingDone {
		fmt.Fprintln(out, "nothing was interrupted")
		return
	}
	if r.Begun != nil {
		fmt.Fprintf(out, "%s of %s, begun %s, was interrupted\n", r.Operation, strings.Join(r.Daemons, ", "), r.Begun.Format(time.RFC3339))
	}
	for _, p := range r.Restored {
		if r.Action == install.Undone {
			fmt.Fprintf(out, "  put back %s\n", p)
		} else {
			fmt.Fprintf(out, "  removed %s\n", p)
		}
	}
	for _, argv := range r.Commands {
		fmt.Fprintf(out, "  ran %s\n", shell.Join(argv))
	}
	for _, e := range r.Errors {
		fmt.Fprintf(out, "  error: %s\n", printable(e))
	}
	word := map[install.Action]string{
		install.Undone: "everything was put back", install.Completed: "it was completed",
		install.Forgotten: "everything was left as it is", install.Tidied: "what it left was removed",
	}[r.Action]
	switch {
	case r.DryRun && r.Action == install.Undone:
		word = "it would be undone"
	case r.DryRun:
		word = "it would be completed"
	case !done:
		return
	case len(r.Errors) > 0:
		word = "all files were put back, but not everything that ran"
	}
	fmt.Fprintln(out, word)
}

// interruption is the JSON form of an operation that was not finished.
type interruption struct {
	Operation string   `json:"operation,omitempty"` // empty if this user may not know
	Daemons   []string `json:"daemons,omitempty"`
}

// interrupted tells of an operation that was not finished, on standard error and
// as a value, for commands that change nothing. What goes on now is none.
func (a *app) interrupted(h *host.Tree, t generators.Target) *interruption {
	if h.Busy(t.Scope) {
		return nil
	}
	found, err := install.Pending(h, controller, t)
	switch {
	case errors.Is(err, fs.ErrPermission):
		fmt.Fprintln(a.Stderr, "daemonize: something is being installed or removed, or that was interrupted (sudo daemonize recover finishes it)")
		return &interruption{}
	case err != nil:
		fmt.Fprintln(a.Stderr, "daemonize:", printable(err.Error()))
		return &interruption{}
	case found == nil || h.Busy(t.Scope): // it has begun just now
		return nil
	}
	fmt.Fprintf(a.Stderr, "daemonize: %s of %s was interrupted: what is shown may be neither the old nor the new state until daemonize recover has finished it\n",
		found.Operation, strings.Join(found.Daemons, ", "))
	return &interruption{found.Operation, found.Daemons}
}

// recoverFirst finishes what an earlier run left, if it was interrupted.
func (a *app) recoverFirst(ctx context.Context, h host.Host, f hostFlags, t generators.Target) error {
	if f.dryRun {
		found, err := install.Pending(h, controller, t)
		if err == nil && found != nil {
			err = fmt.Errorf("cannot plan: %s of %s was interrupted; run daemonize recover first", found.Operation, strings.Join(found.Daemons, ", "))
		}
		return err
	}
	found, err := install.Recover(ctx, h, controller, t, install.SystemClock{}, install.RecoverOptions{Force: f.force})
	if err != nil {
		return fmt.Errorf("%w; nothing else was done (see daemonize recover --help)", err)
	}
	if found.Operation == "" {
		return nil
	}
	fmt.Fprintf(a.Stderr, "daemonize: %s of %s was interrupted; it was %s first\n", found.Operation, strings.Join(found.Daemons, ", "), found.Action)
	for _, e := range found.Errors {
		fmt.Fprintln(a.Stderr, "daemonize:", printable(e))
	}
	return nil
}
