package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
)

func (a *app) uninstallCmd() *cobra.Command {
	var f hostFlags
	var purge bool
	cmd := &cobra.Command{
		Use:   "uninstall NAME|FILE...",
		Short: "Stop daemons and remove what install made for them",
		Long: `Stop daemons and remove exactly what install wrote for them: files, links, and
directories that nothing else uses. What install has replaced with --adopt comes
back. Data of the daemons and accounts are kept; with --purge they are removed at
the end, unless they were there before the daemon. If anything fails before that,
everything is put back and the daemons are started again.

Exit status: 0 removed, 1 failed or not installed, 6 a file was edited since it
was installed (--force removes it nevertheless).`,
		Example: `  sudo daemonize uninstall web
  daemonize uninstall --root image web.daemon.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no daemon given: name one, or a spec that defines it")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.uninstall(args, f, purge) },
	}
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the daemons' data directories and accounts as well, if they were made for them")
	return cmd
}

func (a *app) uninstall(args []string, f hostFlags, purge bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	names, err := a.daemonNames(args)
	if err != nil {
		return err
	}
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
	if err := a.recoverFirst(ctx, h, f, t); err != nil {
		return err
	}
	if err := running(ctx, h, t, names); err != nil {
		return err
	}
	plan, err := install.Uninstall(ctx, h, controller, t, names, install.Options{Force: f.force, Purge: purge})
	if err != nil {
		return a.refused(err, f, nil)
	}
	return a.apply(ctx, h, plan, f, nil, nil)
}

// running refuses to remove daemons of a manager that does not run: it could
// not be told, and would find the files gone.
func running(ctx context.Context, h host.Host, t generators.Target, names []string) error {
	if !h.Live() {
		return nil
	}
	asked := map[string]bool{}
	for _, name := range names {
		m, err := install.ReadManifest(h, t, name)
		if err != nil {
			if errors.Is(err, install.ErrNotInstalled) {
				continue // reported with all others by the plan
			}
			return err
		}
		if asked[m.Backend] {
			continue
		}
		asked[m.Backend] = true
		if _, err := detect(ctx, h, t.Scope, m.Backend); err != nil {
			return fmt.Errorf("cannot uninstall %s: %w", name, err)
		}
	}
	return nil
}
