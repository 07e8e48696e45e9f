// Package cli is the command line of daemonize: one file per command. It
// turns flags into calls of the library and results into text, JSON and exit
// codes; it decides nothing else.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec/diag"
)

// Exit codes. They are part of the interface.
const (
	exitOK      = 0
	exitFailure = 1 // the world: a file that cannot be read, a service that does not start
	exitUsage   = 2 // the command line
	exitInvalid = 3 // the spec
	exitLoss    = 4 // a security setting would be lost
	exitAudit   = 5 // exposure above the threshold
	exitDrift   = 6 // a file of ours was changed by somebody else
)

// Env is what a run of the program can see of the process around it.
type Env struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	// Terminal reports whether standard error is a terminal.
	Terminal func() bool
}

// Process returns the environment of this process.
func Process() Env {
	return Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		Terminal: func() bool { return term.IsTerminal(int(os.Stderr.Fd())) },
	}
}

// app is the state of one run.
type app struct {
	Env
	output string // text or json
	color  string // auto, always, never

	sources map[string][]byte // documents with diagnostics, for snippets
}

// formats is the annotation of commands that have more results than text and
// JSON.
const formats = "formats"

// exitError ends a run with a code. Text, if any, is still to be printed.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// Main runs the program and returns its exit code.
func Main(env Env) int {
	a := &app{Env: env, sources: map[string][]byte{}}
	root := a.root()
	a.adapt(root.Commands())
	return a.execute(root)
}

func (a *app) execute(root *cobra.Command) int {
	env := a.Env
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.Execute()
	var exit *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		if exit.text != "" {
			fmt.Fprintln(env.Stderr, "daemonize: "+exit.text)
		}
		if exit.code == exitUsage {
			fmt.Fprintln(env.Stderr, "Run `daemonize help` for the commands and their flags.")
		}
		return exit.code
	default:
		fmt.Fprintln(env.Stderr, "daemonize:", err)
		return exitFailure
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "daemonize",
		Short: "One daemon spec for every service manager",
		Long: `daemonize turns one YAML daemon spec into the native configuration of service
managers (systemd, launchd, SysVinit, supervisord and others, see daemonize matrix)
and says, at file:line:col, what a manager cannot do. Losing a security setting is
an error.`,
		Example: `  daemonize init > web.daemon.yaml
  daemonize validate web.daemon.yaml
  daemonize render web.daemon.yaml --backend systemd@252
  daemonize install web.daemon.yaml`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				text := fmt.Sprintf("unknown command %q", args[0])
				if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
					text += ": did you mean " + strings.Join(s, " or ") + "?"
				}
				return usagef("%s", text)
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			known := []string{"text", "json"}
			if more := cmd.Annotations[formats]; more != "" {
				known = strings.Fields(more)
			}
			if !slices.Contains(known, a.output) {
				return usagef("unknown --output %q: %s", a.output, strings.Join(known, ", "))
			}
			if !slices.Contains([]string{"auto", "always", "never"}, a.color) {
				return usagef("unknown --color %q: auto, always or never", a.color)
			}
			return nil
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	f := root.PersistentFlags()
	f.StringVarP(&a.output, "output", "o", "text", "result as text or json")
	f.StringVar(&a.color, "color", "auto", "color in messages: auto, always or never")
	root.AddCommand(
		a.validateCmd(), a.renderCmd(), a.matrixCmd(), a.explainCmd(), a.nextCmd(), a.schemaCmd(), a.initCmd(), a.versionCmd(),
		a.auditCmd(), a.hardenCmd(), a.installCmd(), a.uninstallCmd(), a.diffCmd(), a.recoverCmd(),
		a.statusCmd(), a.logsCmd(), a.listCmd(), a.doctorCmd(),
	)
	root.AddCommand(a.verbCmds()...)
	return root
}

// useColor follows --color, NO_COLOR (https://no-color.org) and the terminal.
func (a *app) useColor() bool {
	switch a.color {
	case "always":
		return true
	case "never":
		return false
	}
	return a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb" && a.Terminal()
}

// report prints diagnostics for people on standard error.
func (a *app) report(list diag.List) {
	if len(list) > 0 && a.output == "text" {
		diag.Render(a.Stderr, generators.Condense(list), func(file string) []byte { return a.sources[file] }, a.useColor())
	}
}

// verdict is the error that a list of diagnostics ends a command with.
func verdict(list diag.List) error {
	code := exitOK
	for _, g := range list {
		switch {
		case g.Severity != diag.Error:
		case g.Code == diag.SecurityLoss || g.Code == diag.Loss || g.Code == diag.Approximate:
			code = max(code, exitLoss)
		case g.Code.Preflight():
			if code == exitOK {
				code = exitFailure
			}
		default:
			return &exitError{code: exitInvalid}
		}
	}
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}
