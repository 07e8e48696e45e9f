package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"os/user"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/operate"
	"github.com/daemonize/daemonize/internal/preflight"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// hostFlags choose the machine that a command works on.
type hostFlags struct {
	root   string
	scope  string
	dryRun bool
	force  bool
}

func (f *hostFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.root, "root", "", "work on the system below this directory, which is not running")
	fl.StringVar(&f.scope, "scope", "system", "system or user services")
	fl.BoolVarP(&f.dryRun, "dry-run", "n", false, "print what would be done and do nothing")
	fl.BoolVar(&f.force, "force", false, "replace or remove files of ours although they were edited")
}

type installFlags struct {
	hostFlags
	renderFlags renderFlags // for the policy
	backend     string
	family      string
	linger      bool
	skip        []string // codes of checks
	options     install.Options
}

func (a *app) installCmd() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use:   "install FILE...",
		Short: "Install daemons, start them and wait until they are up",
		Long: `Install daemons on this machine: write their native files, have the service
manager read them, enable and start the daemons, and wait until they are up. If
anything fails, everything is put back and the reason is shown. Installing the
same spec again changes nothing; a changed spec restarts what it concerns, and
only if it runs.

First the machine is checked, as doctor FILE does: programs, accounts,
directories and files that are missing, and files that others can change and root
would run. An error stops the installation before anything is changed; a check
that is wrong can be left out with --skip-checks. With --no-start or --root, where
nothing is started yet, what is missing is a warning.

All specs are installed together or not at all: with one reload of the manager,
and started at the same time as far as their dependencies allow.

Files that daemonize did not install are never overwritten, unless with --adopt,
which keeps what they held and has uninstall put it back. What it did install is
listed in /var/lib/daemonize/NAME.json (of a user: in ~/.local/state/daemonize).
If daemonize is killed the next run first puts everything back; so does recover.

Services of a user (--scope user) end with the last session of the user and do
not start at boot, unless the user lingers: --linger turns that on, and the last
daemon to be uninstalled turns it off again, unless it was on before.

With --root DIR the system below DIR is prepared, and no running service manager
is touched.

Exit status: 0 installed, 1 the machine is not ready, or it failed and was put
back, 3 invalid spec, 4 a loss was
refused, 6 a file was edited since it was installed.`,
		Example: `  sudo daemonize install web.daemon.yaml
  daemonize install --dry-run web.daemon.yaml
  daemonize install --scope user --linger sync.daemon.yaml
  daemonize install --root image --backend systemd@252 services/`,
		Args: atLeastOneFile,
		RunE: func(_ *cobra.Command, args []string) error { return a.install(args, f) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.backend, "backend", "b", "", "service manager, as NAME or NAME@VERSION (default: the one that runs)")
	f.hostFlags.add(fl)
	f.renderFlags.addPolicy(fl)
	fl.BoolVar(&f.linger, "linger", false, "with --scope user: have the user's services run from boot to shutdown, until the last one is uninstalled")
	fl.StringSliceVar(&f.skip, "skip-checks", nil, "go on although these checks of the machine fail, such as P001,P007, or all")
	fl.StringVar(&f.family, "family", "", "file layout of the distribution: debian, redhat, void or s6-rc (default: that of the machine)")
	fl.BoolVar(&f.options.Adopt, "adopt", false, "take over files that are in the way or were edited, and keep copies of them")
	fl.BoolVar(&f.options.NoEnable, "no-enable", false, "leave alone whether the daemons start at boot")
	fl.BoolVar(&f.options.Shadow, "shadow", false, "install although a packaged unit of the same name loses its effect")
	fl.BoolVar(&f.options.NoStart, "no-start", false, "leave alone whether the daemons run")
	return cmd
}

// machine opens the host that the flags choose, and locks it unless the run
// is dry.
func (a *app) machine(f hostFlags) (h *host.Tree, scope generators.Scope, release func(), err error) {
	if scope, err = parseScope(f.scope); err != nil {
		return nil, 0, nil, err
	}
	if f.root == "" {
		h, err = host.This(&host.Bus{})
	} else {
		h, err = host.Open(f.root, host.Programs{})
	}
	if err != nil {
		return nil, 0, nil, err
	}
	if f.dryRun {
		return h, scope, func() { h.Close() }, nil
	}
	if h.Live() && scope == generators.System && !h.Privileged() {
		h.Close()
		return nil, 0, nil, errors.New("cannot change services of the system: that needs root (sudo), or take --scope user, --root DIR or --dry-run")
	}
	unlock, err := h.Lock(scope)
	if err != nil {
		h.Close()
		return nil, 0, nil, err
	}
	return h, scope, func() { unlock(); h.Close() }, nil
}

// controller returns the controller of a backend, or nil.
func controller(backend string) generators.Controller {
	if g, ok := daemonize.Backend(backend); ok {
		if c, ok := g.(generators.Controller); ok {
			return c
		}
	}
	return nil
}

// home is the home directory of the user, for the user scope.
func (a *app) home(scope generators.Scope) (string, error) {
	if scope == generators.System {
		return "", nil
	}
	home := a.Getenv("HOME")
	if !path.IsAbs(home) {
		return "", fmt.Errorf("cannot find the home directory: HOME is %q", home)
	}
	return path.Clean(home), nil
}

// target finds out what to install for.
func (a *app) target(ctx context.Context, h *host.Tree, scope generators.Scope, f installFlags) (generators.Target, error) {
	home, err := a.home(scope)
	if err != nil {
		return generators.Target{}, err
	}
	var t generators.Target
	if f.backend != "" {
		if t, err = daemonize.ParseTarget(f.backend, scope); err != nil {
			return t, &exitError{exitUsage, err.Error()}
		}
	}
	switch {
	case !h.Live() && f.backend == "":
		return t, usagef("nothing runs below --root that could be found: name the service manager, such as --backend systemd@252")
	case h.Live():
		found, err := detect(ctx, h, scope, t.Backend)
		if err != nil {
			return t, err
		}
		if strings.Contains(f.backend, "@") {
			if t.Version > found.Version {
				return t, fmt.Errorf("cannot install for %s: this machine has %s", t, found)
			}
			found.Version = t.Version
		}
		t = found
	}
	t.Scope, t.Home = scope, home
	if f.family != "" {
		if t.Family, err = parseFamily(f.family); err != nil {
			return t, err
		}
	} else if !h.Live() && h.Exists("/etc/redhat-release") {
		t.Family = generators.RedHat // on a live machine the manager was asked
	}
	return t, nil
}

// detect finds the service manager that runs; only that one if it is named.
func detect(ctx context.Context, h host.Host, scope generators.Scope, backend string) (generators.Target, error) {
	var asked []string
	for _, g := range daemonize.Backends() {
		name := g.Info().Name
		if backend != "" && name != backend {
			continue
		}
		c, ok := g.(generators.Controller)
		if !ok {
			if backend != "" {
				return generators.Target{}, fmt.Errorf("cannot install for %s: daemonize renders its files (render --out DIR) but does not operate it yet", name)
			}
			continue
		}
		if t, ok := c.Detect(ctx, h, scope); ok {
			return t, nil
		}
		asked = append(asked, name)
	}
	hint := "use --root DIR to prepare a system that is not running (--root / for this one)"
	if scope == generators.User {
		hint = "a user has one while logged in, or always after loginctl enable-linger; it is found by XDG_RUNTIME_DIR, which su and sudo do not set"
	}
	return generators.Target{}, fmt.Errorf("cannot find a running service manager for %s services (looked for %s): %s", scope, strings.Join(asked, ", "), hint)
}

// wanted is what the arguments of a command want of a machine.
type wanted struct {
	h      *host.Tree
	target generators.Target
	docs   []document
	items  []install.Item
	diags  diag.List
	// release is to be called at the end.
	release func()
}

// wanted opens the machine, after finishing what was interrupted there, and
// renders for it what the arguments name.
func (a *app) wanted(ctx context.Context, args []string, f installFlags) (w *wanted, err error) {
	files, err := inputs(args)
	if err != nil {
		return nil, err
	}
	h, scope, release, err := a.machine(f.hostFlags)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	home, err := a.home(scope)
	if err != nil {
		return nil, err
	}
	if err := a.recoverFirst(ctx, h, f.hostFlags, generators.Target{Scope: scope, Home: home}); err != nil {
		return nil, err
	}
	w = &wanted{h: h, release: release}
	if w.target, err = a.target(ctx, h, scope, f); err != nil {
		return nil, err
	}
	return w, a.prepare(w, files, f.renderFlags.policy)
}

func (a *app) install(args []string, f installFlags) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := f.check(); err != nil {
		return err
	}
	w, err := a.wanted(ctx, args, f)
	if err != nil {
		return err
	}
	defer w.release()
	if w.diags.HasErrors() {
		if a.output == "json" {
			if err := a.printJSON(newInstallation(nil, f.hostFlags, w.diags)); err != nil {
				return err
			}
		}
		return verdict(w.diags)
	}
	f.options.Force = f.force
	login, err := a.login(w, f.linger)
	if err != nil {
		return err
	}
	if f.linger {
		f.options.Linger = login
	}
	plan, err := install.Install(ctx, w.h, controller, w.items, f.options)
	// What is in the way and what is missing is told together.
	found := a.ready(w, plan, f)
	w.diags = append(w.diags, found...)
	if found.HasErrors() {
		err = errors.Join(err, unready(found))
	}
	if err != nil {
		return a.refused(err, f.hostFlags, w.diags)
	}
	var notes []string
	if login != "" && !f.linger && plan.Changes() && !install.Lingers(w.h, login) {
		notes = append(notes, login+" does not linger, so this ends with the last session of "+login+" and does not start at boot; install it with --linger to change that")
	}
	return a.apply(ctx, w.h, plan, f.hostFlags, w.diags, notes)
}

// check refuses flags that make no sense.
func (f *installFlags) check() error {
	for i, code := range f.skip {
		f.skip[i] = strings.ToUpper(code)
		if f.skip[i] != allChecks && !diag.Code(f.skip[i]).Preflight() {
			return usagef("unknown --skip-checks %q: name checks by their code, such as P007, or all", code)
		}
	}
	if f.linger && (f.scope != generators.User.String() || f.root != "") {
		return usagef("--linger is about services of a user of this machine: it takes --scope user and no --root")
	}
	return nil
}

// login is the name of the user where it matters whether the user lingers: for
// user services of systemd on this machine.
func (a *app) login(w *wanted, linger bool) (string, error) {
	if w.target.Scope != generators.User || w.target.Backend != "systemd" || !w.h.Live() {
		if linger {
			return "", fmt.Errorf("cannot have services outlive a session: %s has no such setting", w.target)
		}
		return "", nil
	}
	u, err := user.Current()
	if err != nil {
		if linger {
			return "", fmt.Errorf("cannot find out who is to linger: %w", err)
		}
		return "", nil
	}
	return u.Username, nil
}

// allChecks stands for all codes in --skip-checks.
const allChecks = "ALL"

// ready checks the machine for daemons that the plan changes, or without a plan
// for all, and reports what is missing.
func (a *app) ready(w *wanted, plan *install.Plan, f installFlags) diag.List {
	if slices.Contains(f.skip, allChecks) || !w.h.Live() && !w.h.Exists("/bin/sh") {
		return nil // a directory that holds no system yet is no use to look at
	}
	changes := map[string]install.Change{}
	if plan != nil {
		for _, o := range plan.Outcomes {
			changes[o.Daemon] = o.Change
		}
	}
	var together []*spec.Daemon
	for _, doc := range w.docs {
		together = append(together, doc.daemons...)
	}
	var all diag.List
	for _, doc := range w.docs {
		var found diag.List
		for _, d := range doc.daemons {
			change := changes[d.Name]
			if change == install.Unchanged {
				continue
			}
			for _, g := range preflight.Check(d, together, w.h, w.target.Scope) {
				switch {
				case slices.Contains(f.skip, string(g.Code)), g.Code == diag.PortInUse && change == install.Update: // by itself
					continue
				case !w.h.Live(), f.options.NoStart && g.Code != diag.UnsafeFile:
					g.Severity = max(g.Severity, diag.Warning)
				}
				found = append(found, g)
			}
		}
		a.keep(doc, found)
		a.report(found)
		all = append(all, found...)
	}
	return all
}

// unready is the error that ends an installation on a machine that is not ready
// for it.
func unready(found diag.List) error {
	var codes []string
	errs := 0
	for _, g := range found {
		if g.Severity == diag.Error {
			errs++
			codes = append(codes, string(g.Code))
		}
	}
	slices.Sort(codes)
	return fmt.Errorf("this machine is not ready: %s (should a check be wrong: --skip-checks %s)", count(errs, "error"), strings.Join(slices.Compact(codes), ","))
}

// prepare reads and renders all specs: all of them, or nothing is installed.
func (a *app) prepare(w *wanted, files []string, policy generators.Policy) error {
	from := map[string]string{}
	for _, file := range files {
		doc, err := a.read(file)
		if err != nil {
			return err
		}
		diags := doc.diags
		if !diags.HasErrors() {
			for _, d := range doc.daemons {
				if other, taken := from[d.Name]; taken {
					return fmt.Errorf("cannot install daemon %q of %s: %s defines a daemon of the same name", d.Name, doc.file, other)
				}
				from[d.Name] = doc.file
				b, found, err := daemonize.Render(d, w.target, policy)
				if err != nil {
					return err
				}
				diags = append(diags, found...)
				w.items = append(w.items, install.ItemOf(d, b))
			}
		}
		a.keep(doc, diags)
		a.report(diags)
		w.docs = append(w.docs, doc)
		w.diags = append(w.diags, diags...)
	}
	return nil
}

// refused tells why there is no plan. Nothing was changed.
func (a *app) refused(err error, f hostFlags, diags diag.List) error {
	code := exitDrift
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
			return
		}
		if c, ok := errors.AsType[*install.Conflict](err); !ok || !c.Drift {
			code = exitFailure
		}
		fmt.Fprintln(a.Stderr, "daemonize:", err)
	}
	walk(err)
	fmt.Fprintln(a.Stderr, "daemonize: nothing was changed")
	if a.output == "json" {
		r := newInstallation(nil, f, diags)
		r.Failure = &installFailure{Message: err.Error(), RolledBack: true}
		if err := a.printJSON(r); err != nil {
			return err
		}
	}
	return &exitError{code: code}
}

// installation is the JSON form of a plan and what came of it.
type installation struct {
	Version     int                 `json:"version"`
	Root        string              `json:"root,omitempty"`
	DryRun      bool                `json:"dry_run"`
	Daemons     []installedDaemon   `json:"daemons"`
	Steps       []install.Step      `json:"steps"`
	Jobs        []generators.Status `json:"jobs"`
	Notes       []string            `json:"notes"`
	Failure     *installFailure     `json:"failure,omitempty"`
	Diagnostics diag.List           `json:"diagnostics"`
}

type installedDaemon struct {
	install.Outcome
	Target string `json:"target"`
}

type installFailure struct {
	Daemon     string   `json:"daemon,omitempty"`
	Message    string   `json:"message"`
	Log        []string `json:"log,omitempty"`
	RolledBack bool     `json:"rolled_back"`
	Undo       string   `json:"undo_error,omitempty"`
}

func newInstallation(p *install.Plan, f hostFlags, diags diag.List) installation {
	r := installation{Version: 1, Root: f.root, DryRun: f.dryRun, Diagnostics: nonNil(diags),
		Daemons: []installedDaemon{}, Steps: []install.Step{}, Jobs: []generators.Status{}, Notes: []string{}}
	if p != nil {
		r.Steps = nonNil(p.Steps)
		for _, o := range p.Outcomes {
			r.Daemons = append(r.Daemons, installedDaemon{o, o.Target.String()})
		}
	}
	return r
}

// apply carries a plan out, unless the run is dry, and reports.
func (a *app) apply(ctx context.Context, h host.Host, p *install.Plan, f hostFlags, diags diag.List, notes []string) error {
	r := newInstallation(p, f, diags)
	r.Notes = append(r.Notes, notes...)
	var failure error
	if !f.dryRun {
		p.Messages = operate.Messages(h, host.Programs{}, controller)
		result, err := p.Apply(ctx, install.SystemClock{}, nil)
		if err != nil {
			r.Failure = a.failed(err)
			failure = &exitError{code: exitFailure}
		} else {
			r.Jobs, r.Notes = nonNil(result.Jobs), slices.Concat(result.Notes, r.Notes)
		}
	}
	if a.output == "json" {
		if err := a.printJSON(r); err != nil {
			return err
		}
		return failure
	}
	if failure != nil {
		return failure
	}
	var out bytes.Buffer
	for _, o := range p.Outcomes {
		r.daemon(&out, p, o, h.Live())
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&out, "note: %s\n", note)
	}
	if f.dryRun {
		fmt.Fprintln(&out, "dry run: nothing was changed")
	}
	_, err := a.Stdout.Write(out.Bytes())
	return err
}

// failed tells why a plan was not carried out and what state that leaves.
func (a *app) failed(err error) *installFailure {
	f, ok := errors.AsType[*install.Failure](err)
	if !ok {
		fmt.Fprintln(a.Stderr, "daemonize:", err)
		return &installFailure{Message: err.Error()}
	}
	fmt.Fprintln(a.Stderr, "daemonize:", f)
	if len(f.Log) > 0 {
		fmt.Fprintf(a.Stderr, "last messages of %s:\n", f.Step.Job)
		for _, line := range f.Log {
			fmt.Fprintln(a.Stderr, "  "+printable(line))
		}
	}
	j := &installFailure{Daemon: f.Daemon, Message: f.Error(), Log: f.Log, RolledBack: f.Undo == nil}
	if f.Undo == nil {
		fmt.Fprintln(a.Stderr, "daemonize: everything was put back")
	} else {
		j.Undo = f.Undo.Error()
		for line := range strings.Lines(j.Undo) {
			fmt.Fprintln(a.Stderr, "daemonize:", strings.TrimSuffix(line, "\n"))
		}
		fmt.Fprintln(a.Stderr, "daemonize: not everything could be put back; once what is in the way is mended, run daemonize recover")
	}
	return j
}

// printable keeps what a service logs from acting on the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// deeds are the words for what became of a daemon: planned and done.
var deeds = [...]struct {
	change        install.Change
	planned, done string
}{
	{install.Create, "would be installed", "installed"},
	{install.Update, "would be updated", "updated"},
	{install.Unchanged, "is up to date", "is up to date"},
	{install.Adopt, "would be taken over", "taken over"},
	{install.Delete, "would be removed", "removed"},
}

// daemon reports about one daemon: every file, every command, and what next.
func (r *installation) daemon(out *bytes.Buffer, p *install.Plan, o install.Outcome, live bool) {
	word := ""
	for _, d := range deeds {
		if d.change == o.Change {
			word = d.done
			if r.DryRun {
				word = d.planned
			}
		}
	}
	fmt.Fprintf(out, "%s (%s) %s\n", o.Daemon, o.Target, word)
	for _, s := range p.Steps {
		if s.Daemon != o.Daemon || s.Change == install.Unchanged || s.Verb == generators.Verify && !r.DryRun {
			continue
		}
		out.WriteString(stepLine(s))
	}
	for _, note := range o.Notes {
		fmt.Fprintf(out, "  note: %s\n", note)
	}
	if r.DryRun || o.Change == install.Delete {
		return
	}
	for _, st := range r.Jobs {
		if slices.ContainsFunc(o.Jobs, func(j generators.Job) bool { return j.Name == st.Job }) {
			fmt.Fprintf(out, "  %s: %s\n", st.Job, jobWords(st))
		}
	}
	if o.Change == install.Unchanged {
		return
	}
	remove := []string{"daemonize", "uninstall", o.Daemon}
	if o.Target.Scope == generators.User {
		remove = append(remove, "--scope", "user")
	}
	if !live {
		remove = append(remove, "--root", r.Root)
		fmt.Fprintf(out, "  starts when the system below %s boots, if enabled\n", r.Root)
	}
	fmt.Fprintf(out, "  remove it with: %s\n", shell.Join(remove))
}

// stepLine describes a step.
func stepLine(s install.Step) string {
	sign := map[install.Change]string{install.Create: "+", install.Update: "~", install.Adopt: "~", install.Delete: "-"}[s.Change]
	switch {
	case s.Change != "" && s.Artifact != nil && s.Artifact.Mode.Type() == fs.ModeSymlink:
		return fmt.Sprintf("  %s %s -> %s\n", sign, s.Path, s.Artifact.Content)
	case s.Change != "" && s.Artifact != nil:
		return fmt.Sprintf("  %s %s (%04o%s)\n", sign, s.Path, s.Artifact.Mode.Perm(), owner(*s.Artifact))
	case s.Change != "" && strings.HasSuffix(string(s.Verb), "dir"):
		return fmt.Sprintf("  %s %s/\n", sign, s.Path)
	case s.Change != "":
		return fmt.Sprintf("  %s %s\n", sign, s.Path)
	case s.Verb == generators.Verify:
		return fmt.Sprintf("  wait until %s is up\n", s.Job)
	}
	return fmt.Sprintf("  run %s\n", shell.Join(s.Argv))
}

func jobWords(st generators.Status) string {
	words := string(st.State)
	if st.Detail != "" {
		words += " (" + st.Detail + ")"
	}
	if st.PID > 0 {
		words += fmt.Sprintf(", pid %d", st.PID)
	}
	if st.Enabled {
		words += ", enabled"
	} else {
		words += ", not enabled"
	}
	if st.Reason != "" {
		words += ": " + st.Reason
	}
	return words
}

// daemonNames resolves the arguments of a command about installed daemons:
// names, or specs that define them.
func (a *app) daemonNames(args []string) ([]string, error) {
	var names []string
	for _, arg := range args {
		if spec.ValidName(arg) {
			names = append(names, arg)
			continue
		}
		files, err := inputs([]string{arg})
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			doc, err := a.read(file)
			if err != nil {
				return nil, err
			}
			if doc.diags.HasErrors() {
				a.keep(doc, doc.diags)
				a.report(doc.diags)
				return nil, verdict(doc.diags)
			}
			for _, d := range doc.daemons {
				names = append(names, d.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
