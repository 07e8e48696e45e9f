package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/audit"
	"github.com/daemonize/daemonize/hardening/report"
	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/host"
)

type auditFlags struct {
	root          string
	systemd       int
	scope         string
	backends      []string
	policy        string
	threshold     string
	failOn        string
	baseline      string
	writeBaseline string
	all           bool
}

func (a *app) auditCmd() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit [PATH...]",
		Short: "Tell how exposed services are, and what is wrong with them",
		Long: `Tell how exposed services are, and what is wrong with them, without systemd
and on any system. PATH is a file, or a directory that is searched: systemd
units (with their drop-ins), daemonize specs, launchd plists, supervisord
configurations and LSB init scripts. Systemd units get the score that
systemd-analyze security gives them. The other managers have no such score;
findings apply to all. A spec is judged for each target: what it asks for, and
what the target does not enforce.

With --root the paths are inside a directory that holds the root of a host or
an image, unit names are looked up in its unit search path, and without PATH
everything in it is audited. Only with --root do the rules look at the files
that services use; nothing is ever asked of the machine that runs the audit.

A finding is suppressed, with its reason shown, by the comment
  # daemonize: ignore H012 REASON
before the line (before a section: for the whole unit), by audit.ignore in a
spec, or by --baseline, which leaves only what is new.

Exit status: 0 nothing above the limits, 1 something could not be read or
loaded (before 5: the audit is not complete), 2 usage, 5 an exposure above
--threshold, or a finding of at least the severity of --fail-on.`,
		Example: `  daemonize audit deploy/
  daemonize audit --root / --systemd 252
  daemonize audit --root /mnt/image nginx.service --output html > nginx.html
  daemonize audit web.daemon.yaml --backend systemd@252,launchd
  daemonize audit . --fail-on high --baseline audit-baseline.json`,
		Annotations: map[string]string{formats: strings.Join(report.Formats(), " ")},
		RunE:        func(_ *cobra.Command, args []string) error { return a.audit(args, &f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.root, "root", "", "audit the host or image below this directory")
	fl.IntVar(&f.systemd, "systemd", 0, fmt.Sprintf("version of systemd, %d to %d (default the newest, with --root the installed one)", unit.Oldest, unit.Newest))
	fl.StringVar(&f.scope, "scope", "system", "system or user services")
	fl.StringSliceVarP(&f.backends, "backend", "b", []string{"all"}, "for specs: backends, each as NAME or NAME@VERSION, or all")
	fl.StringVar(&f.policy, "security-policy", "", "file with other weights, as for systemd-analyze security (default that of --root, if it has one)")
	fl.StringVar(&f.threshold, "threshold", "", "highest exposure allowed: 0 to 100, or as printed, such as 5.5")
	fl.StringVar(&f.failOn, "fail-on", "", "least severity that fails the audit: info, low, medium, high or critical")
	fl.StringVar(&f.baseline, "baseline", "", "file of an earlier --write-baseline: what it holds does not count")
	fl.StringVar(&f.writeBaseline, "write-baseline", "", "write what is found to this file")
	fl.BoolVar(&f.all, "all", false, "text: show every unit in full")
	return cmd
}

// auditRun is an audit under way.
type auditRun struct {
	flags     *auditFlags
	opts      audit.Options
	threshold *hardening.Exposure
	baseline  *audit.Baseline
	recorder  *audit.Recorder
	out       report.Writer

	failed bool // something could not be read
	over   bool // something is above the limits
	units  int
	trees  map[string]*auditTree
}

type auditTree struct {
	root    *host.ReadFS
	auditor *audit.Auditor
}

func (a *app) audit(args []string, f *auditFlags) error {
	if len(args) == 0 && f.root == "" {
		return usagef("nothing to audit: name a file or a directory, or use --root")
	}
	run := auditRun{flags: f, trees: map[string]*auditTree{}}
	if err := run.prepare(); err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.Stdout, 1<<16)
	o := report.Options{
		Rules: reportRules(), Version: programVersion(), Threshold: run.threshold, FailOn: f.failOn, Color: a.useColorOn(os.Stdout), Width: a.width(), All: f.all,
	}
	// What is found of a unit is garbage as soon as it is written, as in render.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	var err error
	if run.out, err = report.New(a.output, out, o); err != nil {
		return usagef("%v", err)
	}
	if f.root != "" {
		err = run.rooted(args)
	} else {
		err = run.paths(args)
	}
	for _, t := range run.trees {
		t.root.Close()
	}
	if err == nil {
		err = run.out.Close()
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	if run.recorder != nil {
		var text bytes.Buffer
		if err := run.recorder.Write(&text); err != nil {
			return err
		}
		if err := os.WriteFile(f.writeBaseline, text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("cannot write the baseline: %w", err)
		}
	}
	switch {
	case run.failed:
		return &exitError{code: exitFailure}
	case run.units == 0:
		return &exitError{exitFailure, "there is nothing to audit: no unit, spec, plist, supervisord configuration or init script was found"}
	case run.over:
		return &exitError{code: exitAudit}
	}
	return nil
}

// prepare checks the flags and reads the files that they name.
func (r *auditRun) prepare() error {
	f := r.flags
	scope, err := parseScope(f.scope)
	if err != nil {
		return err
	}
	if f.systemd != 0 && (f.systemd < unit.Oldest || f.systemd > unit.Newest) {
		return usagef("cannot audit for systemd %d: the supported versions are %d to %d", f.systemd, unit.Oldest, unit.Newest)
	}
	if f.failOn != "" && hardening.SeverityRank(f.failOn) == 0 {
		return usagef("unknown --fail-on %q: info, low, medium, high or critical", f.failOn)
	}
	if f.threshold != "" {
		if r.threshold, err = parseThreshold(f.threshold); err != nil {
			return err
		}
	}
	r.opts = audit.Options{Systemd: f.systemd, Owner: host.Owner}
	if scope == generators.User {
		r.opts.Scope = unit.User
	}
	if f.policy != "" {
		src, err := os.ReadFile(f.policy)
		if err != nil {
			return fmt.Errorf("cannot open the security policy: %w", err)
		}
		if r.opts.Policy, err = hardening.ParsePolicy(src); err != nil {
			return err
		}
	}
	if f.baseline != "" {
		src, err := os.ReadFile(f.baseline)
		if err != nil {
			return fmt.Errorf("cannot open the baseline: %w", err)
		}
		if r.baseline, err = audit.ReadBaseline(src); err != nil {
			return err
		}
	}
	if f.writeBaseline != "" {
		r.recorder = &audit.Recorder{}
	}
	if r.opts.Targets, err = f.targets(scope); err != nil {
		return err
	}
	return nil
}

func parseThreshold(s string) (*hardening.Exposure, error) {
	v, err := strconv.ParseFloat(s, 64)
	if strings.Contains(s, ".") {
		v *= 10
	}
	if err != nil || !(v >= 0 && v <= 100) {
		return nil, usagef("cannot read --threshold %q: a number from 0 to 100, or from 0.0 to 10.0", s)
	}
	e := hardening.Exposure(v + 0.5)
	return &e, nil
}

// targets are those for which specs are judged. Without a version systemd is
// that of --systemd, as for native units.
func (f *auditFlags) targets(scope generators.Scope) ([]audit.Target, error) {
	names := renderFlags{backends: f.backends, scope: f.scope, family: "debian"}
	list, err := names.targets()
	if err != nil {
		return nil, err
	}
	var out []audit.Target
	for _, t := range list {
		g, _ := daemonize.Backend(t.Backend)
		if t.Backend == "systemd" && !slices.ContainsFunc(f.backends, func(b string) bool { return strings.HasPrefix(b, "systemd@") }) {
			t.Version = unit.Newest * generators.Major
			if f.systemd != 0 {
				t.Version = generators.Version(f.systemd) * generators.Major
			}
		}
		out = append(out, audit.Target{Generator: g, Target: t})
	}
	return out, nil
}

// unit takes a result: what it means for the exit code, then into the report.
func (r *auditRun) unit(res *hardening.Result) error {
	r.units++
	if res.Error != nil {
		r.failed = true
	}
	if r.baseline != nil {
		r.baseline.Apply(res)
	}
	if r.recorder != nil {
		r.recorder.Add(res)
	}
	if r.threshold != nil && res.Exposure != nil && *res.Exposure > *r.threshold && (r.baseline == nil || !r.baseline.Covers(res)) {
		r.over = true
	}
	if least := hardening.SeverityRank(r.flags.failOn); least > 0 {
		r.over = r.over || slices.ContainsFunc(res.Findings, func(f hardening.Finding) bool {
			return f.Suppressed == "" && hardening.SeverityRank(f.Severity) >= least
		})
	}
	return r.out.Unit(res)
}

// paths audits files and directories, each as a tree of its own, so that
// nothing around it is looked at.
func (r *auditRun) paths(args []string) error {
	for _, arg := range args {
		arg = filepath.Clean(arg)
		info, err := os.Stat(arg)
		if err == nil && info.IsDir() {
			var t *auditTree
			if t, err = r.tree(arg, false); err == nil {
				if err := t.auditor.Walk(".", r.unit); err != nil {
					return err
				}
				continue
			}
		}
		if err == nil {
			var t *auditTree
			if t, err = r.tree(filepath.Dir(arg), false); err == nil {
				if err := t.auditor.File(filepath.Base(arg), r.unit); err != nil {
					return err
				}
				continue
			}
		}
		if err := r.unreadable(arg, err); err != nil {
			return err
		}
	}
	return nil
}

func (r *auditRun) unreadable(arg string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	res := hardening.Failed(filepath.Base(arg), filepath.ToSlash(arg), 0, err)
	res.Backend = ""
	return r.unit(&res)
}

// maxTrees is how many directories are kept open.
const maxTrees = 64

// tree opens a directory; the units of one directory share what is known of
// it.
func (r *auditRun) tree(dir string, root bool) (*auditTree, error) {
	if t := r.trees[dir]; t != nil {
		return t, nil
	}
	if len(r.trees) >= maxTrees {
		for name, t := range r.trees {
			t.root.Close()
			delete(r.trees, name)
		}
	}
	top, err := host.OpenRead(dir)
	if err != nil {
		return nil, err
	}
	o := r.opts
	o.Root = root
	if dir != "." {
		o.Prefix = filepath.ToSlash(dir)
	}
	if root {
		if o.Systemd == 0 {
			o.Systemd = audit.Version(top)
		}
		if o.Policy == nil {
			if o.Policy, err = rootPolicy(top); err != nil {
				top.Close()
				return nil, err
			}
		}
	}
	t := &auditTree{top, audit.New(top, o)}
	r.trees[dir] = t
	return t, nil
}

// rootPolicy reads the policy that the real program would use on that host.
func rootPolicy(top fs.FS) (*hardening.Policy, error) {
	for _, name := range hardening.PolicyPaths() {
		src, err := fs.ReadFile(top, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot open the security policy: %w", err)
		}
		return hardening.ParsePolicy(src)
	}
	return nil, nil
}

// rooted audits a root: everything, or units and paths inside it.
func (r *auditRun) rooted(args []string) error {
	t, err := r.tree(filepath.Clean(r.flags.root), true)
	if err != nil {
		return fmt.Errorf("cannot open the root: %w", err)
	}
	if len(args) == 0 {
		return t.auditor.Host(r.unit)
	}
	for _, arg := range args {
		if !strings.Contains(arg, "/") {
			if !strings.Contains(arg, ".") {
				arg += ".service"
			}
			if err := t.auditor.Unit(arg, r.unit); err != nil {
				return err
			}
			continue
		}
		name := strings.TrimPrefix(filepath.ToSlash(filepath.Clean("/"+arg)), "/")
		if name == "" {
			name = "."
		}
		do := t.auditor.File
		if info, err := t.root.Stat(name); err == nil && info.IsDir() {
			do = t.auditor.Walk
		}
		if err := do(name, r.unit); err != nil {
			return err
		}
	}
	return nil
}

func reportRules() []report.Rule {
	var out []report.Rule
	for _, r := range rule.Rules() {
		out = append(out, report.Rule{ID: r.ID, Severity: r.Severity, Title: r.Title, Reason: r.Reason, Fix: r.Fix, Reference: r.Reference})
	}
	return out
}

// useColorOn follows the same rules as messages, for results.
func (a *app) useColorOn(f *os.File) bool {
	if a.color != "auto" {
		return a.color == "always"
	}
	return a.Stdout == f && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// width is that of the terminal, 0 if there is none.
func (a *app) width() int {
	f, ok := a.Stdout.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}
