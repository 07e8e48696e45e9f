package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/spec/diag"
)

func (a *app) diffCmd() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use:   "diff FILE...",
		Short: "Show what installing would change, as unified diffs",
		Long: `Show how this machine differs from what install would make of it: files, links,
whether daemons start at boot, and what would be started or restarted. Files
that somebody has edited since they were installed are marked; install refuses
to replace them (--adopt keeps a copy, --force does not). The content of files
that not everybody may read is not shown. Nothing is changed.

Exit status: 0 nothing differs, 6 something does, 1 that could not be found out,
3 invalid spec, 4 a loss was refused.`,
		Example: `  daemonize diff web.daemon.yaml
  daemonize diff --output json services/`,
		Args: atLeastOneFile,
		RunE: func(_ *cobra.Command, args []string) error { return a.diff(args, f) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.backend, "backend", "b", "", "service manager, as NAME or NAME@VERSION (default: the one that runs)")
	fl.StringVar(&f.root, "root", "", "look at the system below this directory, which is not running")
	fl.StringVar(&f.scope, "scope", "system", "system or user services")
	f.renderFlags.addPolicy(fl)
	fl.StringVar(&f.family, "family", "", "file layout of the distribution: debian, redhat, void or s6-rc (default: that of the machine)")
	fl.BoolVar(&f.options.NoEnable, "no-enable", false, "leave alone whether the daemons start at boot")
	fl.BoolVar(&f.options.NoStart, "no-start", false, "leave alone whether the daemons run")
	return cmd
}

// differences is the JSON form of a comparison.
type differences struct {
	Version     int                  `json:"version"`
	Root        string               `json:"root,omitempty"`
	Equal       bool                 `json:"equal"`
	Differences []install.Difference `json:"differences"`
	Diagnostics diag.List            `json:"diagnostics"`
}

func (a *app) diff(args []string, f installFlags) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f.dryRun = true
	w, err := a.wanted(ctx, args, f)
	if err != nil {
		return err
	}
	defer w.release()
	r := differences{Version: 1, Root: f.root, Differences: []install.Difference{}, Diagnostics: nonNil(w.diags)}
	if !w.diags.HasErrors() {
		// What is in the way is a difference like any other.
		f.options.Adopt, f.options.Shadow = true, true
		plan, err := install.Install(ctx, w.h, controller, w.items, f.options)
		if err != nil {
			return a.refused(err, f.hostFlags, w.diags)
		}
		r.Differences = append(r.Differences, plan.Differences()...)
		r.Equal = len(r.Differences) == 0
	}
	if a.output == "json" {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		var out bytes.Buffer
		for _, d := range r.Differences {
			switch {
			case d.Edited:
				fmt.Fprintf(&out, "# %s: edited since it was installed\n", d.Daemon)
			case d.Change == install.Adopt:
				fmt.Fprintf(&out, "# %s: not installed by daemonize\n", d.Daemon)
			}
			out.WriteString(d.Text)
			if !strings.HasSuffix(d.Text, "\n") {
				out.WriteByte('\n')
			}
		}
		if _, err := a.Stdout.Write(out.Bytes()); err != nil {
			return err
		}
	}
	if err := verdict(w.diags); err != nil || r.Equal {
		return err
	}
	return &exitError{code: exitDrift}
}
