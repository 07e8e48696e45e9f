// Package audit reads services of every kind and tells how exposed they are:
// systemd units, daemonize specs, launchd jobs, supervisord programs and LSB
// init scripts, one at a time, so that an audit of any size needs the memory
// of one unit.
//
// An [Auditor] looks into one file tree and nowhere else: nothing here asks
// the machine, runs a program or depends on the platform. A file that cannot
// be read or understood gives a result that says so, and the audit goes on.
package audit

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
)

// Options says how services are judged. The zero value is the system manager
// of the newest version of systemd.
type Options struct {
	Systemd int        // version of systemd, default unit.Newest
	Scope   unit.Scope // the manager
	Policy  *hardening.Policy
	// Prefix is put before the names of files in results: the path of the tree.
	Prefix string
	// Targets are those for which daemonize specs are judged.
	Targets []Target
	// Root says that the tree is the root of a host or of an image: its unit
	// search path is used, and the rules may look at all its files.
	Root bool
	// Owner tells to whom files belong; nil if that is not known.
	Owner rule.Owner
}

// Target is a service manager for which a spec is judged.
type Target struct {
	Generator generators.Generator
	Target    generators.Target
}

// Auditor audits the services of one file tree. It is not safe for use by
// several goroutines at once.
type Auditor struct {
	opts   Options
	tree   *guard
	loader *unit.Loader
	files  *rule.Tree
	rows   []hardening.Row // memory for the rows of the next unit
}

// New returns an auditor for the tree.
func New(tree fs.FS, opts Options) *Auditor {
	if opts.Systemd == 0 {
		opts.Systemd = unit.Newest
	}
	a := &Auditor{opts: opts, tree: &guard{FS: tree}}
	a.loader = unit.NewLoader(a.tree, unit.Options{Version: opts.Systemd, Scope: opts.Scope})
	if opts.Root {
		a.files = rule.NewTree(a.tree, opts.Owner)
	}
	return a
}

// Yield takes a result, which is valid until it returns: the memory is used
// again for the next one.
type Yield func(*hardening.Result) error

// The bounds of a walk. A repository has a thousandth of it.
const (
	maxDepth = 32
	maxFiles = 1 << 20
	sniffed  = 64 << 10 // how much of a file tells its kind
)

// File audits one file, whatever it is.
func (a *Auditor) File(name string, yield Yield) error {
	return a.file(name, a.kindOf(name, true), true, yield)
}

// Unit audits the unit of that name, found in the unit search path.
func (a *Auditor) Unit(name string, yield Yield) error {
	u, err := a.loader.Load(name)
	return a.unit(name, name, u, err, true, yield)
}

// Walk audits every service below a directory. Links are not followed, except
// by the rules of systemd for units.
func (a *Auditor) Walk(dir string, yield Yield) error {
	seen := 0
	return fs.WalkDir(a.tree, dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			if e != nil && !e.IsDir() || name == dir {
				return yield(a.failed(name, "", err))
			}
			if err := yield(a.failed(name, "", err)); err != nil {
				return err
			}
			return fs.SkipDir
		}
		if seen++; seen > maxFiles {
			return yield(a.failed(dir, "", errors.New("more than a million files: audit parts of it")))
		}
		if e.IsDir() {
			if strings.Count(name, "/") > maxDepth || skipDir(e.Name()) && name != dir {
				return fs.SkipDir
			}
			return nil
		}
		if e.Type()&fs.ModeSymlink != 0 {
			return a.link(name, yield)
		}
		if !e.Type().IsRegular() {
			return nil
		}
		if k := a.kindOf(name, false); k != kindNone {
			return a.file(name, k, false, yield)
		}
		return nil
	})
}

// skipDir leaves out what holds no services of its own: metadata of version
// control, dependencies, links that enable units, and drop-ins, which are read
// with their units.
func skipDir(name string) bool {
	switch name {
	case ".git", ".hg", ".svn", "node_modules":
		return true
	}
	for _, suffix := range [...]string{".wants", ".requires", ".upholds"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	stem, ok := strings.CutSuffix(name, ".d")
	return ok && isUnit(stem)
}

// link looks at a link in a walk. What it leads to is audited where it lies;
// only a link that leads nowhere, or in a circle, is worth a word.
func (a *Auditor) link(name string, yield Yield) error {
	if !isUnit(path.Base(name)) {
		return nil
	}
	to, err := fs.ReadLink(a.tree, name)
	if err != nil {
		return yield(a.failed(name, "systemd", err))
	}
	if path.IsAbs(to) {
		return nil // into a file system that is not here
	}
	if _, err := fs.Stat(a.tree, name); err != nil {
		reason := "the link leads nowhere"
		if !errors.Is(err, fs.ErrNotExist) {
			reason = "the link cannot be followed: it leads in a circle or out of the directory"
		}
		return yield(a.failed(name, "systemd", errors.New(reason)))
	}
	return nil
}

// Host audits everything that the tree starts as a host: the units of the unit
// search path, init scripts without a unit, and the services of supervisord
// and launchd.
func (a *Auditor) Host(yield Yield) error {
	names := a.loader.Names()
	for _, name := range names {
		u, err := a.loader.Load(name)
		if err == nil && path.Base(u.Path) != name && slices.Contains(names, path.Base(u.Path)) {
			continue // an alias
		}
		if err := a.unit(name, name, u, err, false, yield); err != nil {
			return err
		}
	}
	for _, dir := range [...]string{"etc/init.d", "etc/supervisor", "etc/supervisord.d", "Library/LaunchDaemons", "Library/LaunchAgents"} {
		if info, err := fs.Stat(a.tree, dir); err != nil || !info.IsDir() {
			continue
		}
		err := a.Walk(dir, func(r *hardening.Result) error {
			if _, native := slices.BinarySearch(names, r.Unit+".service"); native && r.Backend == "sysvinit" {
				return nil // systemd prefers the unit
			}
			return yield(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

type kind uint8

const (
	kindNone kind = iota
	kindUnknown
	kindUnit
	kindSpec
	kindPlist
	kindSupervisor
	kindScript
)

var unitSuffixes = [...]string{".service", ".socket", ".mount", ".swap", ".timer", ".path", ".target", ".slice", ".scope", ".automount"}

func isUnit(name string) bool {
	return slices.ContainsFunc(unitSuffixes[:], func(s string) bool { return len(name) > len(s) && strings.HasSuffix(name, s) })
}

// kindOf recognises a file by its name, and where names do not tell by its
// beginning. asked files are something, even if it cannot be told what.
func (a *Auditor) kindOf(name string, asked bool) kind {
	base := path.Base(name)
	ext := path.Ext(base)
	none := kindNone
	if asked {
		none = kindUnknown
	}
	switch {
	case isUnit(base):
		return kindUnit
	case strings.HasSuffix(base, ".daemon.yaml"), strings.HasSuffix(base, ".daemon.yml"), asked && (ext == ".yaml" || ext == ".yml"):
		return kindSpec
	case ext == ".plist":
		if asked || a.has(name, "ProgramArguments", "<key>Program</key>", "<key>Label</key>", "bplist00") {
			return kindPlist
		}
	case ext == ".conf", ext == ".ini":
		if a.has(name, "[program:", "[fcgi-program:", "[eventlistener:", "[supervisord]", "[inet_http_server]", "[unix_http_server]") {
			return kindSupervisor
		}
	case ext == "", ext == ".sh", ext == ".init", path.Base(path.Dir(name)) == "init.d":
		if path.Base(path.Dir(name)) == "init.d" && a.has(name, "#!/") || a.has(name, "### BEGIN INIT INFO") {
			return kindScript
		}
	}
	return none
}

// has reports whether the beginning of a file holds one of the texts.
func (a *Auditor) has(name string, texts ...string) bool {
	head, err := a.tree.head(name, sniffed)
	return err == nil && slices.ContainsFunc(texts, func(t string) bool { return bytes.Contains(head, []byte(t)) })
}

func (a *Auditor) file(name string, k kind, asked bool, yield Yield) error {
	switch k {
	case kindUnit:
		u, err := a.loader.LoadFile(name)
		return a.unit(path.Base(name), name, u, err, asked, yield)
	case kindSpec:
		return a.spec(name, yield)
	case kindPlist:
		return a.plist(name, yield)
	case kindSupervisor:
		return a.supervisor(name, yield)
	case kindScript:
		return a.script(name, yield)
	case kindUnknown, kindNone:
	}
	if _, err := fs.Stat(a.tree, name); err != nil {
		return yield(a.failed(name, "", err))
	}
	return yield(a.failed(name, "", errors.New("not a systemd unit, a *.daemon.yaml spec, a launchd plist, a supervisord configuration or an LSB init script")))
}

// place names a file as results show it.
func (a *Auditor) place(name string) string {
	if a.opts.Prefix == "" {
		return name
	}
	return path.Join(a.opts.Prefix, name)
}

// failed is the result for a file that cannot be judged.
func (a *Auditor) failed(name, backend string, err error) *hardening.Result {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err // the path is in the result
	}
	r := hardening.Failed(path.Base(name), a.place(name), 0, err)
	r.Backend, r.Scope = backend, a.opts.Scope
	return &r
}

// unit makes the result of a loaded unit. asked units have a score even where
// the real program gives one of little sense, as for sockets.
func (a *Auditor) unit(name, file string, u *unit.Unit, err error, asked bool, yield Yield) error {
	if err != nil {
		var refused *unit.LoadError
		if errors.As(err, &refused) && refused.Kind == unit.Masked && !asked {
			return nil
		}
		if refused != nil && refused.Origin.File != "" {
			file = refused.Origin.File
		}
		r := hardening.Failed(name, a.place(file), a.opts.Systemd, a.explain(err))
		r.Scope = a.opts.Scope
		return yield(&r)
	}
	r := hardening.Result{
		Unit: u.Name, Path: a.place(u.Path), Backend: "systemd", Systemd: u.Version, Scope: u.Scope,
		Rows: []hardening.Row{}, Findings: []hardening.Finding{},
	}
	scored := u.HasSandbox() && (asked || u.Type() == "service")
	if scored {
		assessed := hardening.Assess(u, hardening.Options{Policy: a.opts.Policy, Rows: a.rows})
		a.rows = assessed.Rows
		r = assessed.Result()
		r.Path = a.place(u.Path)
	} else {
		r.Note = "a " + u.Type() + " unit has no score of its own"
	}
	s := rule.Subject{
		Name: u.Name, Backend: "systemd", At: unit.Origin{File: u.Path}, Facts: rule.FromUnit(u), Unit: u, Tree: a.files,
		Related: func(name string) *unit.Unit {
			load := a.loader.Load
			if !a.opts.Root {
				load = func(name string) (*unit.Unit, error) { return a.loader.LoadFile(path.Join(path.Dir(u.Path), name)) }
			}
			if other, err := load(name); err == nil {
				return other
			}
			return nil
		},
	}
	s.At.Line, s.At.Column = 1, 1
	a.judge(&r, &s, remarks(u.Remarks))
	if !scored && !asked && !slices.ContainsFunc(r.Findings, func(f hardening.Finding) bool { return f.Severity != hardening.SeverityInfo }) {
		return nil
	}
	return yield(&r)
}

// explain drops what the result says already: the name of the unit.
func (a *Auditor) explain(err error) error {
	var refused *unit.LoadError
	if !errors.As(err, &refused) {
		return err
	}
	text := refused.Reason
	if refused.Err != nil {
		cause := refused.Err
		if p, ok := errors.AsType[*fs.PathError](cause); ok {
			cause = p.Err
		}
		text += ": " + cause.Error()
	}
	if refused.Origin.Line > 0 {
		text = a.place(refused.Origin.File) + ":" + itoa(refused.Origin.Line) + ": " + text
	}
	return errors.New(text)
}

// judge adds the findings of the rules to a result.
func (a *Auditor) judge(r *hardening.Result, s *rule.Subject, ignores []ignore) {
	hits := rule.Check(s)
	s.Facts.Suppressions = unused(ignores, hits, s)
	if len(s.Facts.Suppressions) > 0 {
		hits = rule.Check(s)
	}
	for i := range hits {
		f := a.finding(&hits[i])
		if f.Suppressed == "" {
			f.Suppressed = suppressed(ignores, &hits[i], s)
		}
		r.Findings = append(r.Findings, f)
	}
}

func (a *Auditor) finding(h *rule.Hit) hardening.Finding {
	f := hardening.Finding{
		ID: h.Rule.ID, Severity: h.Rule.Severity, Message: h.Message, File: a.place(h.At.File), Line: h.At.Line, Column: h.At.Column,
		Fix: h.Fix, Suppressed: h.Suppressed,
	}
	if f.Fix == "" {
		f.Fix = h.Rule.Fix
	}
	return f
}
