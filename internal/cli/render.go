package cli

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/spec/diag"
)

type renderFlags struct {
	backends []string
	out      string
	scope    string
	family   string
	policy   generators.Policy
}

func (a *app) renderCmd() *cobra.Command {
	var f renderFlags
	cmd := &cobra.Command{
		Use:   "render FILE...",
		Short: "Write the native files of specs",
		Long: `Write the native files of specs to standard output, or below --out as
DIR/BACKEND/PATH with the paths that they have on a host. The output is the
same on every run and machine.

A daemon that is invalid, or would lose a security setting, is not rendered
at all: none of its files is written.

Exit status: 0 rendered, 3 invalid spec, 4 a loss was refused.`,
		Example: `  daemonize render web.daemon.yaml
  daemonize render web.daemon.yaml --backend systemd@252,launchd
  daemonize render services/ --out stage --allow-loss sandboxing`,
		Args: atLeastOneFile,
		RunE: func(_ *cobra.Command, args []string) error { return a.render(args, f) },
	}
	fl := cmd.Flags()
	f.addTarget(fl, "backends, each as NAME or NAME@VERSION, or all")
	f.addPolicy(fl)
	fl.StringVar(&f.out, "out", "", "write files below this directory instead of standard output")
	return cmd
}

func (f *renderFlags) targets() ([]generators.Target, error) {
	scope, err := parseScope(f.scope)
	if err != nil {
		return nil, err
	}
	names := f.backends
	if slices.Contains(names, "all") || len(names) == 0 {
		names = nil
		for _, g := range daemonize.Backends() {
			// "all" means all that have the scope; naming one that has not is an error.
			if scope == generators.System || g.Info().UserScope {
				names = append(names, g.Info().Name)
			}
		}
	}
	family, err := parseFamily(f.family)
	if err != nil {
		return nil, err
	}
	var targets []generators.Target
	for _, name := range names {
		t, err := daemonize.ParseTarget(name, scope)
		if err != nil {
			return nil, &exitError{exitUsage, err.Error()}
		}
		t.Family = family
		targets = append(targets, t)
	}
	return targets, nil
}

func parseFamily(s string) (generators.Family, error) {
	f, err := generators.ParseFamily(s)
	if err != nil {
		return 0, usagef("cannot use --family: %v", err)
	}
	return f, nil
}

func parseScope(s string) (generators.Scope, error) {
	switch s {
	case "system":
		return generators.System, nil
	case "user":
		return generators.User, nil
	}
	return 0, usagef("unknown --scope %q: system or user", s)
}

// rendered is the outcome for one file.
type rendered struct {
	document
	bundles []generators.Bundle
	diags   diag.List
	err     error
}

// Memory of the Go runtime while rendering, in bytes.
const (
	renderMemory = 32 << 20
	perSpec      = 512 // for what is remembered of each: its file and its daemons' names
)

func (a *app) render(args []string, f renderFlags) error {
	targets, err := f.targets()
	if err != nil {
		return err
	}
	files, err := inputs(args)
	if err != nil {
		return err
	}
	generatorsOf := make([]generators.Generator, len(targets))
	for i, t := range targets {
		generatorsOf[i], _ = daemonize.Backend(t.Backend)
	}
	// What is rendered is garbage as soon as it is written, and next to nothing
	// else is kept: it is collected when there is so much of it, however many
	// specs there are, rather than in proportion to what is kept.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(renderMemory + perSpec*int64(len(files))))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var stage *host.Stage
	if f.out != "" {
		if stage, err = host.OpenStage(f.out); err != nil {
			return err
		}
		defer stage.Close()
	}
	var all diag.List
	var failed error
	var result jsonBundles
	written := 0
	owners := newOwners()
	inOrder(files, func(file string) rendered {
		doc, err := a.read(file)
		r := rendered{document: doc, diags: doc.diags, err: err}
		if err != nil || doc.diags.HasErrors() {
			return r
		}
		for _, d := range doc.daemons {
			var bundles []generators.Bundle
			ok := true
			for i, t := range targets {
				b, diags := generators.Render(generatorsOf[i], d, t, f.policy)
				r.diags = append(r.diags, diags...)
				ok = ok && !diags.HasErrors()
				bundles = append(bundles, b)
			}
			if ok { // all targets or none: half a set of files helps nobody
				r.bundles = append(r.bundles, bundles...)
			}
		}
		if stage == nil {
			return r
		}
		if r.err = owners.claim(r.file, r.bundles); r.err != nil {
			return r
		}
		for _, b := range r.bundles {
			if r.err = stage.Write(b.Target.Backend, b.Artifacts); r.err != nil {
				return r
			}
		}
		return r
	}, func(r rendered) {
		if r.err != nil {
			fmt.Fprintln(a.Stderr, "daemonize:", r.err)
			failed = &exitError{code: exitFailure}
			return
		}
		a.keep(r.document, r.diags)
		a.report(r.diags)
		delete(a.sources, r.file)
		if a.output == "json" || r.diags.HasErrors() {
			all = append(all, r.diags...)
		}
		for _, b := range r.bundles {
			written += len(b.Artifacts)
			switch {
			case a.output == "json":
				result.add(b, stage == nil)
			case stage == nil && failed == nil:
				failed = a.printBundle(b)
			}
		}
	})
	if a.output == "json" {
		result.Version, result.Diagnostics = 1, nonNil(all)
		if err := a.printJSON(result); err != nil {
			return err
		}
	} else if stage != nil && (written > 0 || failed == nil && !all.HasErrors()) {
		fmt.Fprintf(a.Stdout, "%s written below %s\n", count(written, "file"), f.out)
	}
	if failed != nil {
		return failed
	}
	return verdict(all)
}

// owners notices when two daemons of one run would write the same file.
type owners struct {
	mu sync.Mutex
	of map[string]string
}

func newOwners() *owners { return &owners{of: map[string]string{}} }

func (o *owners) claim(file string, bundles []generators.Bundle) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, b := range bundles {
		if i > 0 && b.Daemon == bundles[i-1].Daemon {
			continue // the same daemon for the next target
		}
		if other, taken := o.of[b.Daemon]; taken {
			return fmt.Errorf("cannot render daemon %q of %s: %s defines a daemon of the same name", b.Daemon, file, other)
		}
		o.of[strings.Clone(b.Daemon)] = file // not a part of the document, which would stay in memory
	}
	return nil
}

// printBundle writes files to standard output, each below a header.
func (a *app) printBundle(b generators.Bundle) error {
	var out bytes.Buffer
	for _, f := range b.Artifacts {
		fmt.Fprintf(&out, "==> %s: %s (%04o%s) <==\n", b.Target, f.Path, f.Mode, owner(f))
		out.Write(f.Content)
		if !bytes.HasSuffix(f.Content, []byte("\n")) {
			out.WriteByte('\n')
		}
		out.WriteByte('\n')
	}
	_, err := a.Stdout.Write(out.Bytes())
	if err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	return nil
}

func owner(f generators.Artifact) string {
	if f.Owner == "" && f.Group == "" {
		return ""
	}
	return " " + strings.Trim(f.Owner+":"+f.Group, ":")
}

// jsonBundles is the JSON form of a rendering.
type jsonBundles struct {
	Version     int          `json:"version"`
	Bundles     []jsonBundle `json:"bundles"`
	Diagnostics diag.List    `json:"diagnostics"`
}

type jsonBundle struct {
	Daemon string     `json:"daemon"`
	Target string     `json:"target"`
	Files  []jsonFile `json:"files"`
	Jobs   []jsonJob  `json:"jobs"`
}

type jsonFile struct {
	Path    string `json:"path"`
	Mode    string `json:"mode"`
	Owner   string `json:"owner,omitempty"`
	Group   string `json:"group,omitempty"`
	Content string `json:"content,omitempty"`
}

type jsonJob struct {
	Name   string `json:"name"`
	Enable bool   `json:"enable"`
	Start  bool   `json:"start"`
}

func (r *jsonBundles) add(b generators.Bundle, content bool) {
	j := jsonBundle{Daemon: b.Daemon, Target: b.Target.String(), Files: []jsonFile{}, Jobs: []jsonJob{}}
	for _, f := range b.Artifacts {
		jf := jsonFile{Path: f.Path, Mode: fmt.Sprintf("%04o", f.Mode), Owner: f.Owner, Group: f.Group}
		if content {
			jf.Content = string(f.Content)
		}
		j.Files = append(j.Files, jf)
	}
	for _, job := range b.Jobs {
		j.Jobs = append(j.Jobs, jsonJob(job))
	}
	r.Bundles = append(r.Bundles, j)
}
