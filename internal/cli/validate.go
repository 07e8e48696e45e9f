package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/spec/diag"
)

func (a *app) validateCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check specs and report everything that is wrong with them",
		Long: `Check specs and report everything that is wrong with them, each problem with
its position, the reason and the fix. FILE may be - for standard input, or a
directory, in which *.daemon.yaml and *.daemon.yml are found.

Exit status: 0 valid (perhaps with warnings), 3 invalid.`,
		Args: atLeastOneFile,
		RunE: func(_ *cobra.Command, args []string) error { return a.validate(args) },
	}
}

func atLeastOneFile(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("no spec given: name a file, a directory, or - for standard input")
	}
	return nil
}

// checked is the outcome for one file.
type checked struct {
	document
	err error
}

func (a *app) validate(args []string) error {
	files, err := inputs(args)
	if err != nil {
		return err
	}
	var all diag.List
	var firstErr error
	daemons := 0
	inOrder(files, func(file string) checked {
		doc, err := a.read(file)
		return checked{doc, err}
	}, func(c checked) {
		if c.err != nil {
			fmt.Fprintln(a.Stderr, "daemonize:", c.err)
			if firstErr == nil {
				firstErr = &exitError{code: exitFailure}
			}
			return
		}
		daemons += len(c.daemons)
		a.keep(c.document, c.diags)
		a.report(c.diags)
		all = append(all, c.diags...)
	})
	if a.output == "json" {
		if err := a.printJSON(struct {
			Version     int       `json:"version"`
			Files       int       `json:"files"`
			Daemons     int       `json:"daemons"`
			Diagnostics diag.List `json:"diagnostics"`
		}{1, len(files), daemons, nonNil(all)}); err != nil {
			return err
		}
	} else if firstErr == nil && !all.HasErrors() {
		fmt.Fprintf(a.Stdout, "%s in %s valid%s\n", count(daemons, "daemon"), count(len(files), "file"), tally(all))
	}
	if firstErr != nil {
		return firstErr
	}
	return verdict(all)
}

// nonNil makes an empty list [] in JSON.
func nonNil[S ~[]E, E any](s S) S {
	if s == nil {
		return S{}
	}
	return s
}

// tally counts warnings and notes: ", 2 warnings".
func tally(list diag.List) string {
	var warnings, notes int
	for _, g := range list {
		switch g.Severity {
		case diag.Warning:
			warnings++
		case diag.Note:
			notes++
		case diag.Error: // not counted: they end the command
		}
	}
	s := ""
	if warnings > 0 {
		s += ", " + count(warnings, "warning")
	}
	if notes > 0 {
		s += ", " + count(notes, "note")
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	return nil
}
