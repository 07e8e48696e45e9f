package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// The journal is written, and synced to disk, before the first change: the
// steps, what was at every path that they change, and how to have the manager
// follow. As long as it exists the transaction has not happened, and whoever
// finds it can take all of it back without having to know how far it came:
// every part of undoing does nothing where there is nothing to undo. Removing
// it is the moment of the commit. Only a transaction with steps that cannot
// be undone (purging data) is marked as committed first, and completed by who
// finds it.

// transactionFile and commitFile are the names in the journal's directory.
const (
	transactionFile = "transaction.json"
	commitFile      = "committed"
)

func journalDir(t generators.Target) string { return path.Join(StateDir(t), "journal") }

// journal is the JSON form of a plan, as far as undoing and completing it go.
type journal struct {
	Version   int       `json:"version"` // of this format, 1
	Operation string    `json:"operation"`
	Begun     time.Time `json:"begun"`
	Live      bool      `json:"live"` // the manager was told, too
	Daemons   []string  `json:"daemons"`
	Steps     []entry   `json:"steps"`
}

// entry is a step with all that it takes to undo it.
type entry struct {
	generators.Step
	Daemon  string        `json:"daemon"`
	Change  Change        `json:"change,omitempty"`
	Phase   phase         `json:"phase"`
	Backend string        `json:"backend"`
	Manager string        `json:"manager"`
	Scope   string        `json:"scope"`
	Home    string        `json:"home,omitempty"`
	Before  *saved        `json:"before,omitempty"`
	After   *File         `json:"after,omitempty"`
	Undo    []undoEntry   `json:"undo,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // nanoseconds, as the next
	Settle  time.Duration `json:"settle,omitempty"`
	MayEnd  bool          `json:"may_end,omitempty"`
}

// saved is what was at a path.
type saved struct {
	Mode    fs.FileMode `json:"mode"` // in Go's bits: it is read by nobody else
	UID     int         `json:"uid"`
	GID     int         `json:"gid"`
	Content []byte      `json:"content,omitempty"`
}

type undoEntry struct {
	generators.Step
	Phase phase `json:"phase"`
}

// opNames are the names of operations in the journal.
var opNames = [...]string{generators.Install: "install", generators.Upgrade: "upgrade", generators.Uninstall: "uninstall"}

func (p *Plan) journal(begun time.Time) ([]byte, error) {
	j := journal{Version: 1, Operation: opNames[p.Op], Begun: begun.UTC(), Live: p.h.Live()}
	for _, o := range p.Outcomes {
		if o.Change != Unchanged {
			j.Daemons = append(j.Daemons, o.Daemon)
		}
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Change == Unchanged {
			continue
		}
		e := entry{Step: s.Step, Daemon: s.Daemon, Change: s.Change, Phase: s.phase, Backend: s.target.Backend,
			Manager: s.target.Version.String(), Scope: s.target.Scope.String(), Home: s.target.Home, After: s.after}
		if s.item != nil {
			e.Timeout, e.Settle, e.MayEnd = s.item.Timeout, s.item.Settle, s.item.MayEnd
		}
		if b := s.before; b != nil {
			e.Before = &saved{b.Mode, b.UID, b.GID, b.Content}
		}
		for _, u := range s.undo {
			e.Undo = append(e.Undo, undoEntry{u.Step, u.phase})
		}
		j.Steps = append(j.Steps, e)
	}
	return json.Marshal(j)
}

// begin writes the journal. If that fails nothing has changed.
func (p *Plan) begin(begun time.Time) error {
	content, err := p.journal(begun)
	if err != nil {
		return fmt.Errorf("cannot write journal: %w", err)
	}
	t := p.Outcomes[0].Target
	dir := journalDir(t)
	var missing []string
	for d := dir; !p.h.Exists(d); d = path.Dir(d) {
		missing = append(missing, d)
	}
	for _, d := range slices.Backward(missing) {
		mode := dirMode(t.Scope)
		if d == dir {
			mode = 0o700
		}
		if err = p.h.Mkdir(d, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			break
		}
		err = nil
	}
	// A mark that was left would commit this transaction, too.
	if commit := path.Join(dir, commitFile); err == nil && p.h.Exists(commit) {
		err = p.h.Remove(commit)
	}
	if err == nil {
		err = p.h.Write(path.Join(dir, transactionFile), host.File{Mode: 0o600, UID: -1, GID: -1, Content: content})
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot write journal: %w", err), p.end(missing))
	}
	return nil
}

// end removes the journal, which commits what it is about or confirms that it
// was undone, and then directories that have become empty.
func (p *Plan) end(dirs []string) error {
	dir := journalDir(p.Outcomes[0].Target)
	for _, name := range []string{transactionFile, commitFile} { // in this order: see begin
		if name = path.Join(dir, name); p.h.Exists(name) {
			if err := p.h.Remove(name); err != nil {
				return fmt.Errorf("cannot remove journal: %w", err)
			}
		}
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Compare(b, a) }) // children first
	for _, d := range append([]string{dir}, dirs...) {
		if names, err := p.h.Names(d); err == nil && len(names) == 0 {
			_ = p.h.Remove(d) // empty, and looked for by Recover
		}
	}
	return nil
}

// around lists the directories that hold the journal and that a finished
// operation does not need: with undone, those it made, else those it leaves.
func (p *Plan) around(undone bool) []string {
	verb := removeDir
	if undone {
		verb = makeDir
	}
	var dirs []string
	for _, s := range p.Steps {
		if s.Verb == verb && (s.Path == "/" || strings.HasPrefix(journalDir(s.target)+"/", s.Path+"/")) {
			dirs = append(dirs, s.Path)
		}
	}
	return dirs
}

// commit marks the transaction as one to be completed.
func (p *Plan) commit() error {
	name := path.Join(journalDir(p.Outcomes[0].Target), commitFile)
	if err := p.h.Write(name, host.File{Mode: 0o600, UID: -1, GID: -1}); err != nil {
		return fmt.Errorf("cannot write journal: %w", err)
	}
	return nil
}

func dirMode(scope generators.Scope) fs.FileMode {
	if scope == generators.User {
		return 0o700 // as the XDG base directory specification says
	}
	return 0o755
}

// maxJournal bounds what is read: a plan for thousands of daemons has some MB.
const maxJournal = 256 << 20

// readJournal returns the plan in the journal, or nil where there is none, and
// whether it is committed.
func readJournal(h host.Host, ctl Manager, t generators.Target) (p *Plan, j *journal, committed bool, err error) {
	name := path.Join(journalDir(t), transactionFile)
	f, err := h.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("cannot read journal: %w", err)
	}
	// Who can write the journal can have root write any file.
	if h.Live() && t.Scope == generators.System && (f.UID > 0 || f.Mode.Perm()&0o077 != 0) || !f.Mode.IsRegular() || len(f.Content) > maxJournal {
		return nil, nil, false, fmt.Errorf("cannot trust journal %s: it must be a regular file that only root can access", name)
	}
	j = &journal{}
	if err := json.Unmarshal(f.Content, j); err != nil {
		return nil, nil, false, fmt.Errorf("cannot read journal %s: %w", name, err)
	}
	op := slices.Index(opNames[:], j.Operation)
	if j.Version != 1 || op <= 0 {
		return nil, nil, false, fmt.Errorf("cannot read journal %s: version %d, operation %q: it was written by another version of daemonize, which can recover it", name, j.Version, j.Operation)
	}
	p = &Plan{Op: generators.Op(op), h: h, ctl: ctl}
	for _, d := range j.Daemons {
		p.Outcomes = append(p.Outcomes, Outcome{Daemon: d, Target: t, Change: Update})
	}
	for _, e := range j.Steps {
		if e.Path != "" && (!path.IsAbs(e.Path) || path.Clean(e.Path) != e.Path) {
			return nil, nil, false, fmt.Errorf("cannot read journal %s: %q is not a clean absolute path", name, e.Path)
		}
		m := Manifest{Backend: e.Backend, Manager: e.Manager, Scope: e.Scope, Home: e.Home}
		s := Step{Step: e.Step, Daemon: e.Daemon, Change: e.Change, phase: e.Phase, target: m.target(), after: e.After,
			item: &Item{Timeout: e.Timeout, Settle: e.Settle, MayEnd: e.MayEnd}}
		if ctl(e.Backend) == nil {
			return nil, nil, false, fmt.Errorf("cannot read journal %s: unknown backend %q", name, e.Backend)
		}
		if b := e.Before; b != nil {
			s.before = &host.File{Mode: b.Mode, UID: b.UID, GID: b.GID, Content: b.Content}
		}
		for _, u := range e.Undo {
			s.undo = append(s.undo, undoStep{u.Step, u.Phase})
		}
		p.Steps = append(p.Steps, s)
	}
	if len(p.Outcomes) == 0 {
		p.Outcomes = []Outcome{{Target: t}} // what end and around ask for
	}
	return p, j, h.Exists(path.Join(journalDir(t), commitFile)), nil
}
