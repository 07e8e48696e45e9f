package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/advice"
	"github.com/daemonize/daemonize/hardening/trace"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/edit"
)

type hardenFlags struct {
	profile string
	kinds   []string
	target  string
	risk    string
	traces  []string
	root    string
	out     string
	scope   string
	write   bool
	dryRun  bool
}

func (a *app) hardenCmd() *cobra.Command {
	var f hardenFlags
	cmd := &cobra.Command{
		Use:   "harden FILE|UNIT...",
		Short: "Advise on the sandbox of a service, and write it",
		Long: `Advise on the sandbox of services. FILE is a daemon spec, or a systemd unit;
UNIT is the name of a unit that the system below --root has.

Each proposal comes with what it gains (the exposure of systemd-analyze
security falls by so much if only this is changed), its risk, the fact that
decides the risk, and how to check that the service still works. Facts come
from the unit or spec, from the programs it runs (they are looked at, not run)
and from tables of what is known about daemons and runtimes. The risks:

  none        what is known says that the service is not affected
  knowledge   somebody must know, or try, whether it is
  likely      what is known says that the service needs what is taken away

--risk is the highest that is accepted; proposals above it are shown as
withheld. Nothing newer than the target's systemd is proposed.

The profiles, each with the ones before it: baseline takes away what hardly
any service uses; standard fits services that keep to their own files and the
network; strict takes away all that is not known to be needed. Kinds of
services, guessed if not given: web, worker, network-client, timer-job and
jit-runtime.

A trace of the running service decides better than any table:

  strace -f -y -tt -s 256 -o web.trace /usr/bin/web ...

made anywhere while the service does all its work; under systemd, in a drop-in
that is removed again: ExecStart= and ExecStart=/usr/bin/strace -D -f -y -tt
-s 256 -o /run/web.trace /usr/bin/web ..., with the sandbox settings taken off.
What the trace shows to be needed is kept, and a proposal that it contradicts
is dropped, with the line that says so.

Without --write, the changes are shown as a diff. With it, specs are edited in
place: comments, order and quoting of everything else stay as they are, and
the result is a valid spec before it is written. For a unit, a drop-in
50-daemonize-hardening.conf is written: below --out, else below /etc/systemd of
the --root for units of the system, else next to the unit. Removing the file
undoes it. Run ` + "`systemctl daemon-reload`" + ` and restart the service then.

Exit status: 0 advised or written, 1 a file cannot be read or written, 3
invalid spec or unit.`,
		Example: `  daemonize harden web.daemon.yaml
  daemonize harden web.daemon.yaml --target systemd@252 --risk none --write
  daemonize harden nginx.service --profile strict
  daemonize harden nginx.service --root /srv/image --out drop-ins --write
  daemonize harden web.daemon.yaml --trace web.trace`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("harden takes a spec, a unit file or the name of a unit")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.harden(args, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.profile, "profile", "standard", "how far to go: baseline, standard or strict")
	fl.StringSliceVar(&f.kinds, "kind", nil, "what the service does: web, worker, network-client, timer-job, jit-runtime (default: guessed)")
	fl.StringVar(&f.risk, "risk", "knowledge", "highest risk of the changes that are made: none, knowledge or likely")
	fl.StringVar(&f.target, "target", "", "systemd@VERSION that runs the service (default: that of the system below --root; for specs else the oldest that render writes for, for units the newest)")
	fl.StringArrayVar(&f.traces, "trace", nil, "output of strace -f of the service; may be given several times")
	fl.StringVar(&f.root, "root", "", "the system that the service runs on, for its programs and units (default: this one)")
	fl.StringVar(&f.out, "out", "", "write drop-ins for units below this directory")
	fl.StringVar(&f.scope, "scope", "system", "system or user services")
	fl.BoolVar(&f.write, "write", false, "make the changes")
	fl.BoolVar(&f.dryRun, "dry-run", false, "show the changes only (the default)")
	return cmd
}

// hardener is a run of the command.
type hardener struct {
	*app
	flags   hardenFlags
	in      advice.Input // what is the same for all services
	version int          // from --target or the system; 0: neither says
	user    generators.Scope
}

// hardened is what came of one service, and its JSON form.
type hardened struct {
	*advice.Plan
	File    string   `json:"file"`    // the spec; empty for units
	Edits   []string `json:"-"`       // fields
	Target  string   `json:"target"`  // the file that the changes are for
	Diff    string   `json:"diff"`    // of that file
	Written bool     `json:"written"` // whether it was changed
}

func (a *app) harden(args []string, f hardenFlags) error {
	h := hardener{app: a, flags: f}
	if err := h.parse(); err != nil {
		return err
	}
	root := f.root
	if root == "" {
		root = string(filepath.Separator)
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return fmt.Errorf("cannot open the system: %w", err)
	}
	defer dir.Close()
	h.in.Tree = dir.FS()
	if h.version == 0 {
		h.version = advice.SystemdVersion(h.in.Tree)
	}
	for _, name := range f.traces {
		if err := h.trace(name); err != nil {
			return err
		}
	}
	results := []hardened{}
	var failed error
	for _, arg := range args {
		var list []hardened
		var err error
		if isUnit(arg) {
			list, err = h.unit(arg)
		} else {
			list, err = h.spec(arg)
		}
		results = append(results, list...)
		if err != nil {
			failed = worse(failed, err)
			if exit, ok := errors.AsType[*exitError](err); !ok || exit.text != "" {
				fmt.Fprintln(a.Stderr, "daemonize:", err)
			}
		}
	}
	if a.output == "json" {
		if err := a.printJSON(struct {
			Version  int        `json:"version"`
			Services []hardened `json:"services"`
		}{1, results}); err != nil {
			return err
		}
	} else {
		var out bytes.Buffer
		for i := range results {
			if i > 0 {
				out.WriteByte('\n')
			}
			results[i].text(&out, f.risk)
		}
		if _, err := a.Stdout.Write(out.Bytes()); err != nil {
			return err
		}
	}
	return failed
}

// worse returns the error that a run with both ends with: what the user can
// mend in a document before what the machine does not do.
func worse(a, b error) error {
	if exit, ok := errors.AsType[*exitError](b); ok {
		return &exitError{code: exit.code}
	}
	if a != nil {
		return a
	}
	return &exitError{code: exitFailure}
}

func (h *hardener) parse() error {
	profile := slices.Index(advice.Profiles(), h.flags.profile)
	risk := slices.Index(advice.Risks(), h.flags.risk)
	switch {
	case profile < 0:
		return usagef("unknown --profile %q: %s", h.flags.profile, strings.Join(advice.Profiles(), ", "))
	case risk < 0:
		return usagef("unknown --risk %q: %s", h.flags.risk, strings.Join(advice.Risks(), ", "))
	case h.flags.write && h.flags.dryRun:
		return usagef("--write and --dry-run exclude each other")
	}
	h.in.Profile, h.in.Risk = advice.Profile(profile), advice.Risk(risk)
	for _, k := range h.flags.kinds {
		i := slices.Index(advice.Kinds(), k)
		if i < 0 {
			return usagef("unknown --kind %q: %s", k, strings.Join(advice.Kinds(), ", "))
		}
		h.in.Kinds = append(h.in.Kinds, advice.Kind(i))
	}
	var err error
	if h.user, err = parseScope(h.flags.scope); err != nil {
		return err
	}
	if h.flags.target != "" {
		t, err := daemonize.ParseTarget(h.flags.target, h.user)
		if err != nil {
			return &exitError{exitUsage, err.Error()}
		}
		if t.Backend != "systemd" {
			return usagef("cannot advise for %s: only systemd has a sandbox to advise on", t.Backend)
		}
		h.version = int(t.Version / generators.Major)
	}
	return nil
}

func (h *hardener) trace(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("cannot open trace: %w", err)
	}
	defer file.Close()
	if h.in.Trace == nil {
		h.in.Trace = &trace.Facts{}
	}
	calls := h.in.Trace.Calls
	if err := h.in.Trace.Read(name, file); err != nil {
		return err
	}
	if h.in.Trace.Calls == calls {
		return fmt.Errorf("cannot use trace %s: no line of it is a system call as strace prints them", name)
	}
	return nil
}

// isUnit reports whether an argument is a unit rather than a spec.
func isUnit(arg string) bool {
	switch path.Ext(arg) {
	case ".service", ".socket", ".mount", ".swap":
		return true
	}
	return false
}

func (h *hardener) loader(tree fs.FS, version int) *unit.Loader {
	scope := unit.System
	if h.user == generators.User {
		scope = unit.User
	}
	return unit.NewLoader(tree, unit.Options{Version: version, Scope: scope})
}

// unit advises on a unit of the system, or in a file anywhere.
func (h *hardener) unit(arg string) ([]hardened, error) {
	in := h.in
	in.Systemd = h.version
	if in.Systemd == 0 {
		in.Systemd = unit.Newest
	}
	in.Loader = h.loader(in.Tree, in.Systemd)
	scope, search := "system", unit.SearchPath(unit.System)
	if h.user == generators.User {
		scope, search = "user", unit.SearchPath(unit.User)
	}
	// Below --root arguments are names or paths of that system.
	file := arg
	if h.flags.root == "" && strings.ContainsRune(filepath.ToSlash(arg), '/') {
		abs, err := filepath.Abs(arg)
		if err != nil {
			return nil, fmt.Errorf("cannot find unit: %w", err)
		}
		file = filepath.ToSlash(abs)
	} else if h.flags.root == "" {
		if abs, err := filepath.Abs(arg); err == nil {
			if _, err := os.Stat(abs); err == nil {
				file = filepath.ToSlash(abs) // a file here goes before a unit of the system
			}
		}
	}
	dropIn := ""
	name := strings.TrimPrefix(file, "/")
	if dir := path.Dir(name); file == arg && !strings.Contains(arg, "/") || slices.Contains(search, dir) {
		in.Load = func(l *unit.Loader) (*unit.Unit, error) { return l.Load(path.Base(name)) }
		dropIn = "/etc/systemd/" + scope
	} else {
		in.Load = func(l *unit.Loader) (*unit.Unit, error) { return l.LoadFile(name) }
		dropIn = "/" + dir
	}
	plan, err := advice.Advise(&in)
	if err != nil {
		if load, ok := errors.AsType[*unit.LoadError](err); ok && load.Kind != unit.Unreadable && load.Kind != unit.NotFound {
			return nil, &exitError{exitInvalid, err.Error()}
		}
		return nil, err
	}
	base := path.Base(plan.Path) + ".d"
	root := h.flags.root
	if h.flags.out != "" {
		root, dropIn = h.flags.out, "/"
	} else if root == "" {
		root = string(filepath.Separator)
	}
	r := hardened{Plan: plan, Target: filepath.Join(root, filepath.FromSlash(dropIn), base, advice.DropIn)}
	before, err := os.ReadFile(r.Target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read drop-in: %w", err)
	}
	if len(plan.Changes) == 0 {
		return []hardened{r}, nil
	}
	after := []byte(advice.DropInText(plan.Changes))
	r.Diff = difference(r.Target, before, after)
	if h.flags.write && r.Diff != "" {
		if h.flags.out != "" {
			if err := os.MkdirAll(h.flags.out, 0o755); err != nil {
				return nil, fmt.Errorf("cannot make directory: %w", err)
			}
		}
		if err := writeDropIn(root, path.Join(dropIn, base), after); err != nil {
			return nil, fmt.Errorf("cannot write drop-in %s: %w", r.Target, err)
		}
		r.Written = true
	}
	return []hardened{r}, nil
}

// writeDropIn writes a drop-in below a root, making its directories.
func writeDropIn(root, dir string, text []byte) error {
	tree, err := host.Open(root, host.Programs{})
	if err != nil {
		return err
	}
	defer tree.Close()
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		at = path.Join(at, part)
		if !tree.Exists(at) {
			if err := tree.Mkdir(at, 0o755); err != nil {
				return err
			}
		}
	}
	return tree.Write(path.Join(at, advice.DropIn), host.File{Mode: 0o644, UID: -1, GID: -1, Content: text})
}

// difference is a unified diff, empty if there is none.
func difference(name string, before, after []byte) string {
	from := "a/" + strings.TrimPrefix(filepath.ToSlash(name), "/")
	if before == nil {
		from = "/dev/null"
	}
	text := string(diff.Diff(from, before, "b/"+strings.TrimPrefix(filepath.ToSlash(name), "/"), after))
	_, rest, _ := strings.Cut(text, "\n") // a line for git
	return rest
}

// spec advises on the daemons of a spec.
func (h *hardener) spec(arg string) ([]hardened, error) {
	doc, err := h.read(arg)
	if err != nil {
		return nil, err
	}
	h.keep(doc, doc.diags)
	h.report(doc.diags)
	if err := verdict(doc.diags); err != nil {
		return nil, err
	}
	if arg == "-" && h.flags.write {
		return nil, usagef("cannot write to standard input: give a file")
	}
	var results []hardened
	text := doc.src
	for i, d := range doc.daemons {
		r, out, err := h.daemon(doc.file, text, i, d)
		if err != nil {
			return results, err
		}
		r.File, r.Target = doc.file, doc.file
		r.Diff = difference(doc.file, text, out)
		results = append(results, r)
		text = out
	}
	if !h.flags.write || bytes.Equal(text, doc.src) {
		return results, nil
	}
	if err := replaceFile(arg, doc.src, text); err != nil {
		return results, fmt.Errorf("cannot write spec: %w", err)
	}
	for i := range results {
		results[i].Written = results[i].Diff != ""
	}
	return results, nil
}

// replaceFile gives a file a new content, complete or not at all, with the mode
// and owner it has. It refuses if somebody has changed it meanwhile.
func replaceFile(name string, before, after []byte) error {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	tree, err := host.Open(filepath.Dir(real), host.Programs{})
	if err != nil {
		return err
	}
	defer tree.Close()
	at := "/" + filepath.Base(real)
	f, err := tree.Stat(at)
	if err != nil {
		return err
	}
	if !bytes.Equal(f.Content, before) {
		return fmt.Errorf("%s was changed while it was read", name)
	}
	f.Content = after
	return tree.Write(at, f)
}

// daemon advises on one daemon of a spec and returns the new text of the spec.
func (h *hardener) daemon(file string, text []byte, i int, d *spec.Daemon) (hardened, []byte, error) {
	in := h.in
	target, err := daemonize.ParseTarget("systemd", h.user)
	if err != nil {
		return hardened{}, nil, err
	}
	if h.version > 0 {
		target.Version = generators.Version(h.version) * generators.Major
	}
	in.Systemd = int(target.Version / generators.Major)
	if err := h.rendered(&in, d, target); err != nil {
		return hardened{}, nil, err
	}
	plan, err := advice.Advise(&in)
	if err != nil {
		return hardened{}, nil, fmt.Errorf("cannot advise on %s: %w", d.Name, err)
	}
	plan.Path = file
	out, err := edit.Set(file, text, i, plan.Fields(d))
	if err != nil {
		return hardened{}, nil, err
	}
	// What was promised is scored once more, as it came out.
	daemons, _ := spec.Decode(file, out)
	if err := h.rendered(&in, daemons[i], target); err != nil {
		return hardened{}, nil, err
	}
	u, err := in.Load(in.Loader)
	if err != nil {
		return hardened{}, nil, err
	}
	after := hardening.Assess(u, hardening.Options{})
	plan.After = after.Exposure
	return hardened{Plan: plan}, out, nil
}

// rendered renders a daemon and loads its service from there.
func (h *hardener) rendered(in *advice.Input, d *spec.Daemon, t generators.Target) error {
	g, _ := daemonize.Backend(t.Backend)
	bundle, diags := g.Generate(d, t)
	files := advice.Files{}
	for _, a := range bundle.Artifacts {
		files[strings.TrimPrefix(a.Path, "/")] = string(a.Content)
		if base := path.Base(a.Path); base == d.Name+".service" || base == d.Name+"@.service" {
			in.Load = func(l *unit.Loader) (*unit.Unit, error) { return l.LoadFile(strings.TrimPrefix(a.Path, "/")) }
		}
	}
	if in.Load == nil {
		h.report(diags)
		return fmt.Errorf("cannot advise on %s: it cannot be rendered for %s", d.Name, t)
	}
	in.Loader = h.loader(files, in.Systemd)
	return nil
}
