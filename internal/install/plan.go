package install

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// Verbs of steps that no controller makes.
const (
	makeDir   generators.Verb = "mkdir"
	removeDir generators.Verb = "rmdir"
	purgePath generators.Verb = "purge"          // remove data
	purgeUser generators.Verb = "remove-account" // Job is its name
)

// Change is what a step does to its file.
type Change string

// The changes.
const (
	Create    Change = "create"
	Update    Change = "update"
	Unchanged Change = "unchanged"
	Delete    Change = "delete"
	Adopt     Change = "adopt" // a file that was not ours becomes so; its old content is kept
)

// Item is a bundle with what must be known to start its jobs.
type Item struct {
	Bundle generators.Bundle
	// Timeout is how long the jobs may take to come up.
	Timeout time.Duration
	// Settle is how long a job must stay up before it is believed to be:
	// zero where the job itself says that it is ready.
	Settle time.Duration
	// MayEnd accepts a job that has ended well, such as a oneshot, or was not
	// started because a condition does not hold.
	MayEnd bool
	// After and Before are names of daemons, perhaps of other items.
	After, Before []string
	// Data are the directories that the daemon keeps data in.
	Data []string
}

// daemonNames are those of the daemons that references to units mean.
func daemonNames(units []string) []string {
	var names []string
	for _, u := range units {
		names = append(names, strings.TrimSuffix(u, ".service"))
	}
	return names
}

// dataOf lists the directories that d keeps data in on t.
func dataOf(d *spec.Daemon, t generators.Target) []string {
	bases := func(system string, user ...string) []string {
		if t.Scope == generators.System {
			return []string{system}
		}
		for i := range user {
			user[i] = path.Join(t.HomeDir(), user[i])
		}
		return user
	}
	var dirs []string
	for i := range max(1, len(d.Instances)) {
		one := d.Resolve(func(ref spec.Ref) string {
			if ref == spec.RefInstance && i < len(d.Instances) {
				return d.Instances[i]
			}
			return ref.Mark()
		})
		for _, dir := range []struct {
			name  string
			bases []string
		}{
			// Of users: before and since systemd 254, see systemd.exec(5).
			{one.Directories.State.Name, bases("/var/lib", ".config", ".local/state")},
			{one.Directories.Cache.Name, bases("/var/cache", ".cache")},
			{one.Directories.Logs.Name, bases("/var/log", ".config/log", ".local/state/log")},
			{one.Directories.Config.Name, bases("/etc", ".config")},
		} {
			if dir.name == "" || strings.IndexByte(dir.name, 0) >= 0 {
				continue
			}
			for _, base := range dir.bases {
				dirs = append(dirs, path.Join(base, dir.name))
				if d.Sandboxing.DynamicUser && t.Scope == generators.System && base != "/etc" {
					dirs = append(dirs, path.Join(base, "private", dir.name))
				}
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// settle is how long a job that cannot say that it is ready has to stay up: most
// that die of their configuration do it sooner.
const settle = 500 * time.Millisecond

// ItemOf returns the item of a daemon that was rendered to b.
func ItemOf(d *spec.Daemon, b generators.Bundle) Item {
	it := Item{Bundle: b, MayEnd: d.Type == "oneshot" || conditional(d), Data: dataOf(d, b.Target)}
	for _, units := range [][]string{d.DependsOn.Requires, d.DependsOn.Wants, d.DependsOn.BindsTo, d.DependsOn.After} {
		it.After = append(it.After, daemonNames(units)...)
	}
	it.Before = daemonNames(d.DependsOn.Before)
	if d.Start.Timeout != spec.Infinity {
		it.Timeout = time.Duration(d.Start.Timeout.Seconds()) * time.Second
	}
	// The others have told, by a message, a bus name, a pid file or their
	// end. What only waits for an event has nothing to die of.
	if slices.Contains([]string{"simple", "exec", "idle"}, d.Type) && len(d.Timers)+len(d.Sockets)+len(d.Paths) == 0 {
		it.Settle = settle
	}
	return it
}

// conditional reports whether a start of d may be skipped.
func conditional(d *spec.Daemon) bool {
	for id := range d.Fields() {
		if id.Within("conditions") && id != field.ConditionsAssert && !d.Conditions.Assert {
			return true
		}
	}
	return false
}

// Options change what is planned.
type Options struct {
	NoEnable bool // leave alone whether jobs start at boot
	NoStart  bool // leave alone whether jobs run
	Shadow   bool // install although packaged files of the same name lose their effect
	Force    bool // overwrite or remove our files although they were edited
	Adopt    bool // replace files that are not ours, and edited ones, keeping what they held
	Purge    bool // remove data and accounts as well
	// Linger is the user of the user scope whose services are to outlive its
	// sessions; empty leaves that alone.
	Linger string
}

// Manager finds the controller of a backend, or nil where it has none.
type Manager func(backend string) generators.Controller

// linker is a controller whose manager keeps what starts at boot as symbolic
// links. They are planned, recorded and undone like any other file, which
// works the same on the running machine and in a directory, and needs neither
// the manager nor its tools.
type linker interface {
	// Links returns the links that enable the jobs of b, as artifacts with
	// fs.ModeSymlink in Mode and the target in Content.
	Links(b generators.Bundle) []generators.Artifact
}

// stager is a controller whose manager's tools keep links, which have to be
// made without them below another root.
type stager interface {
	// StagedLinks is as Links of a linker.
	StagedLinks(b generators.Bundle) []generators.Artifact
}

// linksOf returns the links to plan. Those of a stager that were made before
// the system came to run are left to its tools.
func (p *planner) linksOf(b generators.Bundle) (links []generators.Artifact, ok bool) {
	if l, ok := p.c.(linker); ok {
		return l.Links(b), true
	}
	if s, ok := p.c.(stager); ok && !p.h.Live() {
		return s.StagedLinks(b), true
	}
	return nil, false
}

// shadower is a controller whose manager prefers our files to those of others.
type shadower interface {
	// Shadows returns paths of files that would no longer have an effect
	// when b is installed.
	Shadows(b generators.Bundle) []string
}

// Step is one step of a plan.
type Step struct {
	generators.Step
	Daemon string `json:"daemon"`
	Change Change `json:"change,omitempty"`

	// Edited says that the file is ours and was changed by somebody else.
	Edited bool `json:"edited,omitempty"`

	file   generators.Artifact // to be there afterwards
	after  *File               // file, as it is recognized
	owner  *host.File          // has the owner, where that is known by number
	before *host.File          // what was there; nil for nothing
	undo   []undoStep          // of the manager
	item   *Item
	target generators.Target
	phase  phase
	level  int // of start: after all of lower levels
}

// undoStep is part of undoing a step: before the files are back (phase retire)
// or in a later phase.
type undoStep struct {
	generators.Step
	phase phase
}

func undoing(ph phase, steps []generators.Step) []undoStep {
	var u []undoStep
	for _, s := range steps {
		u = append(u, undoStep{s, ph})
	}
	return u
}

// phase orders the steps of all daemons of a plan: one reload serves all.
type phase uint8

const (
	announce phase = iota // directories of the manifest
	retire                // stop jobs that are no longer wanted
	files                 // of root
	accounts              // may be defined by those files
	owned                 // files of accounts
	links                 // enable by link
	removal               // of files that are no longer wanted
	reload                // the manager reads what changed
	enable                // enable by program
	start
	verify
	cleanup // what the manager remembers of what is gone
	finish  // the manifest
	purge   // of data; cannot be undone
)

// Conflict is a file that must not be touched.
type Conflict struct {
	Daemon, Path, Why string
	// Drift says that the file is ours and was changed by somebody else.
	Drift bool
	// Removal says that it was to be removed and not replaced.
	Removal bool
}

// Error says what is in the way and what to do about it.
func (c *Conflict) Error() string {
	if c.Drift && c.Removal {
		return fmt.Sprintf("cannot remove %s of %s: %s (--force loses the change)", c.Path, c.Daemon, c.Why)
	}
	if c.Drift {
		return fmt.Sprintf("cannot replace %s of %s: %s (see daemonize diff; --adopt keeps a copy, --force loses the change)", c.Path, c.Daemon, c.Why)
	}
	return fmt.Sprintf("cannot install %s: %s %s", c.Daemon, c.Path, c.Why)
}

// Outcome is what a plan means for one daemon.
type Outcome struct {
	Daemon string            `json:"daemon"`
	Target generators.Target `json:"-"`
	Change Change            `json:"change"`
	Jobs   []generators.Job  `json:"-"`
	Notes  []string          `json:"notes,omitempty"`
}

// Plan is what has to be done.
type Plan struct {
	Op       generators.Op
	Steps    []Step
	Outcomes []Outcome
	// Messages, if not nil, returns the last n lines that a job has logged, for
	// the report of a failure. They are read before anything is put back.
	Messages func(ctx context.Context, t generators.Target, job string, n int) []string

	h   host.Host
	ctl Manager
}

// Changes reports whether applying the plan would do anything.
func (p *Plan) Changes() bool {
	return slices.ContainsFunc(p.Outcomes, func(o Outcome) bool { return o.Change != Unchanged })
}

// planner makes the part of a plan that is about one daemon.
type planner struct {
	*Plan
	ctx     context.Context
	o       Options
	made    map[string]bool // directories that the plan makes
	gone    map[string]bool // paths that the plan removes
	written map[string]string
	known   map[string][]*Manifest       // by directory
	asked   map[string]generators.Status // by backend and job
	levels  map[string]int               // of daemons
	edits   map[string]int               // steps that edit files of several, by path
	others  []*Manifest
	errs    []error

	// About the daemon:
	item     *Item
	b        generators.Bundle
	c        generators.Controller
	old      *Manifest
	next     *Manifest
	outcome  *Outcome
	changed  []string // paths
	statuses map[string]generators.Status
	left     bool // an operator disabled it, and it is left so
}

func newPlanner(ctx context.Context, h host.Host, ctl Manager, op generators.Op, o Options) *planner {
	return &planner{Plan: &Plan{Op: op, h: h, ctl: ctl}, ctx: ctx, o: o,
		made: map[string]bool{}, gone: map[string]bool{}, written: map[string]string{},
		known: map[string][]*Manifest{}, asked: map[string]generators.Status{}, edits: map[string]int{}}
}

// done puts the steps of all daemons into order.
func (p *planner) done() (*Plan, error) {
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return cmp.Or(cmp.Compare(a.phase, b.phase), cmp.Compare(a.level, b.level)) })
	// One reload is enough for all daemons, and so is one run of anything
	// that is the same.
	var seen [][]string
	p.Steps = slices.DeleteFunc(p.Steps, func(s Step) bool {
		if s.Verb != generators.Reload && s.Verb != generators.MakeUser {
			return false
		}
		if slices.ContainsFunc(seen, func(argv []string) bool { return slices.Equal(argv, s.Argv) }) {
			return true
		}
		seen = append(seen, s.Argv)
		return false
	})
	return p.Plan, nil
}

// Install plans the installation of items. Errors that are Conflicts (there
// may be several, joined) name files that are in the way.
func Install(ctx context.Context, h host.Host, ctl Manager, items []Item, o Options) (*Plan, error) {
	p := newPlanner(ctx, h, ctl, generators.Install, o)
	p.levels = levels(items)
	p.ask(items)
	for i := range items {
		p.install(&items[i])
	}
	return p.done()
}

// ask asks about all jobs of managers that can be asked at once.
func (p *planner) ask(items []Item) {
	if !p.h.Live() {
		return
	}
	jobs := map[generators.Target][]string{}
	for _, it := range items {
		for _, j := range it.Bundle.Jobs {
			jobs[it.Bundle.Target] = append(jobs[it.Bundle.Target], j.Name)
		}
	}
	for t, names := range jobs {
		c, ok := p.ctl(t.Backend).(surveyor)
		if !ok {
			continue
		}
		all, err := statuses(p.ctx, p.h, c.(generators.Controller), t, names)
		if err != nil {
			continue // each is asked about, and the error told
		}
		for i, st := range all {
			p.asked[t.Backend+" "+names[i]] = st
		}
	}
}

// levels tells after how many others each daemon starts: one more than the
// latest of those that it comes after. What is in a circle is started anyhow.
func levels(items []Item) map[string]int {
	after := map[string][]string{}
	for _, it := range items {
		after[it.Bundle.Daemon] = append(after[it.Bundle.Daemon], it.After...)
		for _, other := range it.Before {
			after[other] = append(after[other], it.Bundle.Daemon)
		}
	}
	level := map[string]int{}
	var find func(name string) int
	find = func(name string) int {
		if l, ok := level[name]; ok {
			return l
		}
		level[name] = 0
		l := 0
		for _, other := range after[name] {
			if _, ours := after[other]; ours && other != name {
				l = max(l, find(other)+1)
			}
		}
		level[name] = l
		return l
	}
	for _, it := range items {
		find(it.Bundle.Daemon)
	}
	return level
}

func (p *planner) begin(daemon string, t generators.Target) bool {
	p.changed, p.statuses, p.left = nil, map[string]generators.Status{}, false
	p.c = p.ctl(t.Backend)
	if p.c == nil {
		p.errs = append(p.errs, fmt.Errorf("cannot install for %s: daemonize renders its files but does not operate it yet", t.Backend))
		return false
	}
	others, read := p.known[StateDir(t)]
	if !read {
		var err error
		if others, err = Manifests(p.h, t); err != nil {
			p.errs = append(p.errs, err)
			return false
		}
		p.known[StateDir(t)] = others
	}
	p.others, p.old = others, nil
	for _, m := range others {
		if m.Daemon == daemon {
			p.old = m
		}
	}
	p.Outcomes = append(p.Outcomes, Outcome{Daemon: daemon, Target: t, Change: Unchanged})
	p.outcome = &p.Outcomes[len(p.Outcomes)-1]
	return true
}

func (p *planner) install(item *Item) {
	b := item.Bundle
	p.item, p.b = item, b
	if !p.begin(b.Daemon, b.Target) {
		return
	}
	p.outcome.Jobs = b.Jobs
	if p.old != nil && p.old.Backend != b.Target.Backend {
		p.errs = append(p.errs, fmt.Errorf("cannot install %s for %s: it is installed for %s; uninstall it first", b.Daemon, b.Target.Backend, p.old.Backend))
		return
	}
	fresh := p.old == nil
	p.next = &Manifest{Version: 1, Daemon: b.Daemon, Backend: b.Target.Backend, Manager: b.Target.Version.String(),
		Scope: b.Target.Scope.String(), Home: b.Target.Home, Files: []File{}, Jobs: []Job{}}
	for _, j := range b.Jobs {
		p.next.Jobs = append(p.next.Jobs, jobOf(j))
	}
	b = p.kept(b)
	p.b = b
	p.refuseShadows()

	// The directory of the manifest comes first: it is needed first.
	manifest := manifestPath(b.Target, b.Daemon)
	at := len(p.Steps)
	p.directories(manifest, announce)
	for _, a := range b.Artifacts {
		ph := files
		if a.Owner != "" || a.Group != "" {
			ph = owned
		}
		p.file(a, ph)
	}
	p.links()
	p.stale()
	p.registered()
	p.accounts()
	p.data()
	p.linger()
	p.jobs(fresh)

	p.next.Directories = p.ourDirectories(at, manifest)
	if fresh {
		p.outcome.Change = Create
	} else if slices.ContainsFunc(p.Steps[at:], func(s Step) bool { return s.Change != Unchanged }) {
		p.outcome.Change = Update
	}
	p.manifest(manifest)
}

// manifest adds the steps that write the manifest, if there is anything new.
func (p *planner) manifest(name string) {
	var before *host.File
	if f, err := p.h.Stat(name); err == nil {
		before = &f
	}
	a := generators.Artifact{Path: name, Mode: 0o644, Content: p.next.encode()}
	change := Update
	switch {
	case before == nil:
		change = Create
	case bytes.Equal(before.Content, a.Content):
		return
	}
	p.add(Step{Step: generators.Step{Verb: generators.WriteFile, Path: name}, Change: change, file: a, before: before, phase: finish})
	if p.outcome.Change == Unchanged {
		p.outcome.Change = Update
	}
}

func (p *planner) add(s Step) {
	s.Daemon, s.item, s.target = p.outcome.Daemon, p.item, p.outcome.Target
	if s.Verb == generators.WriteFile {
		after := record(s.file)
		s.after = &after
	}
	// A manager that is given all jobs at once knows their order itself.
	if _, ok := p.c.(together); s.phase == start && !ok {
		s.level = p.levels[s.Daemon]
	}
	p.Steps = append(p.Steps, s)
}

func (p *planner) conflict(name, why string, drift bool) {
	p.errs = append(p.errs, &Conflict{Daemon: p.outcome.Daemon, Path: name, Why: why, Drift: drift, Removal: p.Op == generators.Uninstall})
}

func (p *planner) refuseShadows() {
	s, ok := p.c.(shadower)
	if !ok || p.old != nil || p.o.Shadow {
		return
	}
	told := map[string]bool{} // /lib may be /usr/lib
	for _, name := range s.Shadows(p.b) {
		if !told[path.Base(name)] && p.h.Exists(name) {
			told[path.Base(name)] = true
			p.conflict(name, "was not installed by daemonize and would lose its effect: choose another name for the daemon, or agree with --shadow", false)
		}
	}
}

// file plans one file or link.
func (p *planner) file(a generators.Artifact, ph phase) {
	if other, taken := p.written[a.Path]; taken {
		p.errs = append(p.errs, fmt.Errorf("cannot install %s: %s wants to write %s as well", p.outcome.Daemon, other, a.Path))
		return
	}
	p.written[a.Path] = p.outcome.Daemon
	for _, m := range p.others {
		if m.Daemon != p.outcome.Daemon && m.file(a.Path) != nil {
			p.conflict(a.Path, "belongs to "+m.Daemon, false)
			return
		}
	}
	now, err := p.h.Stat(a.Path)
	if err == nil && p.o.Shadow && a.Mode.Type() == fs.ModeSymlink && now.Mode.Type() == fs.ModeSymlink &&
		p.old.file(a.Path) == nil && path.Base(string(now.Content)) == path.Base(string(a.Content)) {
		return // what is shadowed is enabled: by its name, so ours is as well
	}
	p.next.Files = append(p.next.Files, record(a))
	kept := &p.next.Files[len(p.next.Files)-1]
	s := Step{Step: generators.Step{Verb: generators.WriteFile, Path: a.Path, Artifact: &a}, file: a, phase: ph}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Change = Create
		p.directories(a.Path, ph)
	case err != nil:
		p.errs = append(p.errs, fmt.Errorf("cannot look at %s: %w", a.Path, err))
		return
	default:
		s.before = &now
		s.Change = Update
		old := p.old.file(a.Path)
		switch {
		case now.Mode.IsDir():
			p.conflict(a.Path, "is a directory", false)
			return
		case old == nil && !p.o.Adopt:
			p.conflict(a.Path, "exists and was not installed by daemonize; move it away, choose another name, or take it over with --adopt", false)
			return
		case old == nil && !now.Mode.IsRegular() && now.Mode.Type() != fs.ModeSymlink:
			p.conflict(a.Path, "is neither a file nor a link", false)
			return
		case old == nil:
			s.Change = Adopt
			kept.Backup = p.backup(a.Path, now)
		case p.same(a, now):
			s.Change = Unchanged
		case !old.matches(now):
			s.Edited = true
			if !p.o.Force && !p.o.Adopt {
				p.conflict(a.Path, "it was changed since it was installed", true)
				return
			}
			if p.o.Adopt {
				p.note("%s was edited: what it held is kept as %s", a.Path, p.backup(a.Path+".edited", now))
			}
		}
		if old != nil {
			kept.Backup = old.Backup
		}
	}
	if s.Change != Unchanged {
		p.changed = append(p.changed, a.Path)
	}
	p.add(s)
}

// backup plans a copy of a file that is to be replaced and returns its path.
func (p *planner) backup(name string, now host.File) string {
	to := path.Join(backupDir(p.outcome.Target, p.outcome.Daemon), name)
	s := Step{Step: generators.Step{Verb: generators.WriteFile, Path: to}, Change: Create, phase: announce,
		file: generators.Artifact{Path: to, Mode: now.Mode, Content: now.Content}, owner: &now}
	if old, err := p.h.Stat(to); err == nil {
		s.Change, s.before = Update, &old
	}
	p.directories(to, announce)
	p.add(s)
	return to
}

// same reports whether a file is already as it should be.
func (p *planner) same(a generators.Artifact, now host.File) bool {
	want := record(a)
	if !want.matches(now) {
		return false
	}
	if want.Link != "" || !p.h.Privileged() {
		return true
	}
	uid, gid, err := ids(p.h, p.b.Target.Scope, a)
	return err == nil && (uid < 0 || uid == now.UID) && (gid < 0 || gid == now.GID)
}

// ids are the numbers of a file's owner and group, -1 where they are left as
// they come.
func ids(h host.Host, scope generators.Scope, a generators.Artifact) (uid, gid int, err error) {
	if !h.Privileged() || scope == generators.User {
		return -1, -1, nil
	}
	if a.Owner != "" {
		if uid, err = h.UserID(a.Owner); err != nil {
			return 0, 0, err
		}
	}
	if a.Group != "" {
		if gid, err = h.GroupID(a.Group); err != nil {
			return 0, 0, err
		}
	}
	return uid, gid, nil
}

// directories plans the missing parents of a path.
func (p *planner) directories(name string, ph phase) {
	var missing []string
	for dir := path.Dir(name); !p.made[dir] && !p.h.Exists(dir); dir = path.Dir(dir) {
		p.made[dir] = true
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		mode := dirMode(p.outcome.Target.Scope)
		p.add(Step{Step: generators.Step{Verb: makeDir, Path: dir}, Change: Create, file: generators.Artifact{Path: dir, Mode: mode}, phase: ph})
	}
}

// ourDirectories lists those that exist only because of daemonize and that
// this daemon needs: made now, before, or for another daemon. The last one to
// leave removes them.
func (p *planner) ourDirectories(from int, manifest string) []string {
	ours := map[string]bool{}
	for _, s := range p.Steps {
		if s.Verb == makeDir {
			ours[s.Path] = true
		}
	}
	for _, m := range p.others {
		for _, dir := range m.Directories {
			ours[dir] = true
		}
	}
	var dirs []string
	for _, name := range append(p.next.paths(), manifest) {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if ours[dir] && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	if p.old != nil { // what was made for files that have gone since is still ours
		dirs = append(dirs, p.old.Directories...)
	}
	slices.Sort(dirs) // parents before children
	return slices.Compact(dirs)
}

// inFile is a controller whose manager reads from a daemon's file whether it
// starts at boot.
type inFile interface {
	// WithEnabled returns b as it is with its jobs enabled, or not.
	WithEnabled(b generators.Bundle, on bool) generators.Bundle
}

// kept returns the bundle with what was decided since about starting at boot,
// by daemonize or the manager's own tools: that stays until the spec changes its
// mind, for installing it again is no order to enable it.
func (p *planner) kept(b generators.Bundle) generators.Bundle {
	on := func(j generators.Job) bool { return j.Enable }
	declared := slices.ContainsFunc(b.Jobs, on)
	if p.old == nil || p.o.NoEnable || declared != slices.ContainsFunc(p.old.Jobs, func(j Job) bool { return j.Enable }) {
		return b
	}
	enabled := func(j generators.Job) bool { return p.old.job(j.Name) != nil && p.status(j.Name).Enabled }
	if _, linked := p.c.(linker); linked {
		link := func(f File) bool { return f.Link != "" }
		if !declared || !slices.ContainsFunc(p.old.Files, link) {
			return b // links of others are left alone anyway
		}
		enabled = func(generators.Job) bool {
			return slices.ContainsFunc(p.old.Files, func(f File) bool { return link(f) && p.h.Exists(f.Path) })
		}
	} else if !p.h.Live() {
		return b
	}
	now := slices.ContainsFunc(b.Jobs, enabled)
	if now == declared {
		return b
	}
	b.Jobs = slices.Clone(b.Jobs)
	for i := range b.Jobs {
		b.Jobs[i].Enable = enabled(b.Jobs[i])
	}
	if f, ok := p.c.(inFile); ok {
		b = f.WithEnabled(b, now)
	}
	if p.left = !now; p.left {
		p.note("%s is disabled and was left so (daemonize enable %s)", b.Daemon, b.Daemon)
	} else {
		p.note("%s is enabled and was left so (daemonize disable %s)", b.Daemon, b.Daemon)
	}
	return b
}

func (p *planner) links() {
	found, ok := p.linksOf(p.b)
	if !ok {
		return
	}
	if p.o.NoEnable || p.left {
		// Whatever there is stays, and stays ours.
		if p.old != nil {
			for _, f := range p.old.Files {
				if f.Link != "" && (p.left || p.h.Exists(f.Path)) {
					p.next.Files = append(p.next.Files, f)
				}
			}
		}
		return
	}
	for _, a := range found {
		p.file(a, links)
	}
	p.editShared(p.b, generators.Install, links)
}

// stale plans the removal of files and jobs that the old installation had and
// the new one has not.
func (p *planner) stale() {
	if p.old == nil {
		return
	}
	was := p.old.bundle(p.h)
	var leaving []string
	for _, j := range p.old.Jobs {
		if !slices.ContainsFunc(p.b.Jobs, func(n generators.Job) bool { return n.Name == j.Name }) {
			leaving = append(leaving, j.Name)
		}
	}
	p.retire(was, func(job string) bool { return slices.Contains(leaving, job) })
	for _, f := range p.old.Files {
		if p.next.file(f.Path) == nil {
			p.remove(f)
		}
	}
}

// registrar is a controller whose tools register the scripts of jobs beside them.
type registrar interface {
	// Registered reports whether a job is registered, to start at boot or not to.
	Registered(ctx context.Context, h generators.Host, job string) (bool, error)
}

// registered records how jobs were registered whose scripts are taken over.
func (p *planner) registered() {
	reg, ok := p.c.(registrar)
	if !ok || !p.h.Live() {
		return
	}
	for i := range p.next.Jobs {
		j := &p.next.Jobs[i]
		if old := p.old.job(j.Name); old != nil {
			j.Before = old.Before
			continue
		}
		if !slices.ContainsFunc(p.next.Files, func(f File) bool { return f.Backup != "" && concerns(f.Path, j.Name) }) {
			continue
		}
		known, err := reg.Registered(p.ctx, p.h, j.Name)
		switch {
		case err != nil:
			p.errs = append(p.errs, err)
		case !known:
		case p.status(j.Name).Enabled:
			j.Before = "enabled"
		default:
			j.Before = "disabled"
		}
	}
}

// register plans that jobs are registered as before, once their scripts are back.
func (p *planner) register(m *Manifest) {
	for _, j := range m.Jobs {
		if j.Before == "" || !p.h.Live() {
			continue
		}
		was := generators.Bundle{Daemon: m.Daemon, Target: p.b.Target, Jobs: []generators.Job{{Name: j.Name, Enable: j.Before == "enabled"}}}
		for _, s := range p.c.Steps(was, generators.Install) {
			if s.Verb == generators.Enable || s.Verb == generators.Disable {
				p.add(Step{Step: s, phase: cleanup})
			}
		}
	}
}

// ending returns the steps that end jobs, each with its phase: some tools want
// to be told before the files are gone, others (update-rc.d) afterwards.
func (p *planner) ending(was generators.Bundle) []undoStep {
	var steps []undoStep
	ph := retire
	for _, s := range p.c.Steps(was, generators.Uninstall) {
		switch {
		case s.Verb == generators.Reload || s.Verb == generators.RemoveFile:
			ph = cleanup
		case s.Live && !p.h.Live():
		default:
			steps = append(steps, undoStep{s, ph})
		}
	}
	return steps
}

// endingOf returns those of ending that have one of the verbs and the job.
func (p *planner) endingOf(job string, verbs ...generators.Verb) []undoStep {
	return slices.DeleteFunc(p.ending(p.b), func(s undoStep) bool { return s.Job != job || !slices.Contains(verbs, s.Verb) })
}

// retire plans the end of jobs, and of what belongs to no job of its own.
func (p *planner) retire(was generators.Bundle, which func(job string) bool) {
	_, linked := p.c.(linker)
	for _, s := range p.ending(was) {
		if !which(s.Job) {
			continue
		}
		step := Step{Step: s.Step, phase: s.phase}
		switch s.Verb {
		case generators.Stop:
			if s.Job != "" && isRunning(p.status(s.Job)) {
				step.undo = undoing(start, p.managerSteps(was, generators.Install, generators.Start, s.Job))
			}
		case generators.Disable:
			if linked {
				continue // its links are files of the plan
			}
			if p.status(s.Job).Enabled {
				step.undo = undoing(enable, p.managerSteps(was, generators.Install, generators.Enable, s.Job))
			}
		case generators.Clean:
		default:
			continue
		}
		p.add(step)
	}
}

// remove plans the removal of a file of ours.
func (p *planner) remove(f File) {
	now, err := p.h.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("cannot look at %s: %w", f.Path, err))
		return
	}
	if now.Mode.IsDir() || !f.matches(now) && !p.o.Force {
		p.conflict(f.Path, "it was changed since it was installed", true)
		return
	}
	p.changed = append(p.changed, f.Path)
	if f.Backup != "" {
		// What was there before us returns.
		if was, err := p.h.Stat(f.Backup); err == nil {
			p.add(Step{Step: generators.Step{Verb: generators.WriteFile, Path: f.Path}, Change: Update, before: &now, phase: removal,
				file: generators.Artifact{Path: f.Path, Mode: was.Mode, Content: was.Content}, owner: &was})
			p.gone[f.Backup] = true
			p.add(Step{Step: generators.Step{Verb: generators.RemoveFile, Path: f.Backup}, Change: Delete, before: &was, phase: removal})
			return
		}
	}
	p.gone[f.Path] = true
	p.add(Step{Step: generators.Step{Verb: generators.RemoveFile, Path: f.Path}, Change: Delete, before: &now, phase: removal})
}

func (p *planner) accounts() {
	for _, a := range p.b.Accounts {
		if a.User != "" {
			if _, err := p.h.UserID(a.User); errors.Is(err, host.ErrUnknownAccount) {
				p.next.Accounts = append(p.next.Accounts, a.User)
			}
		}
	}
	missing := slices.Clone(p.next.Accounts)
	if p.old != nil {
		for _, name := range p.old.Accounts {
			if !slices.Contains(p.next.Accounts, name) {
				p.next.Accounts = append(p.next.Accounts, name)
			}
		}
	}
	if len(missing) == 0 && len(p.changed) == 0 {
		return
	}
	if !p.h.Live() {
		// Some systems make accounts and directories themselves when they boot.
		for _, a := range p.b.Accounts {
			p.account(a)
		}
		return
	}
	for _, s := range p.c.Steps(p.b, generators.Install) {
		if s.Verb != generators.MakeUser {
			continue
		}
		step := Step{Step: s, phase: accounts}
		for _, name := range missing {
			step.undo = append(step.undo, undoStep{removeUser(name), cleanup})
		}
		missing = nil
		p.add(step)
	}
}

// removeUser removes an account that was made for a daemon. Its group goes
// with it (userdel(8), USERGROUPS_ENAB).
func removeUser(name string) generators.Step {
	return generators.Step{Verb: purgeUser, Job: name, Argv: []string{"userdel", name}, Live: true}
}

// data records the directories that hold the daemon's data and nobody else's:
// those that are not there before it.
func (p *planner) data() {
	for _, dir := range p.item.Data {
		if p.old != nil && slices.Contains(p.old.Data, dir) || !p.h.Exists(dir) {
			p.next.Data = append(p.next.Data, dir)
		}
	}
	if p.old != nil {
		for _, dir := range p.old.Data {
			if !slices.Contains(p.next.Data, dir) {
				p.next.Data = append(p.next.Data, dir)
			}
		}
	}
}

// jobs plans what the manager has to do.
func (p *planner) jobs(fresh bool) {
	_, linked := p.c.(linker)
	steps := p.c.Steps(p.b, generators.Install)
	changed := len(p.changed) > 0
	if fresh || changed {
		for _, s := range steps {
			if s.Verb == generators.Reload && (p.h.Live() || !s.Live) {
				back := undoing(reload, []generators.Step{s})
				if fresh { // then the manager has nothing to read, and may say so
					back = undoing(reload, p.managerSteps(p.b, generators.Uninstall, generators.Reload, s.Job))
				}
				p.add(Step{Step: s, phase: reload, undo: back})
			}
		}
	}
	for _, j := range p.b.Jobs {
		if !p.o.NoEnable && !linked && (fresh || changed || p.status(j.Name).Enabled != j.Enable) {
			back := p.reenable(j.Name)
			for _, s := range steps {
				if s.Job != j.Name || s.Verb != generators.Enable && s.Verb != generators.Disable || s.Live && !p.h.Live() {
					continue
				}
				p.add(Step{Step: s, phase: enable, undo: back})
				back = nil // it undoes all of them
			}
		}
		if p.h.Live() {
			p.startJob(j, fresh)
		}
	}
}

// reenable returns the steps that have a job start at boot or not, as before. Some
// tools need several commands for that, between which it is neither.
func (p *planner) reenable(job string) []undoStep {
	if !p.h.Live() {
		return nil
	}
	enabled, fresh := p.status(job).Enabled, p.old.job(job) == nil
	if before := p.next.job(job).Before; fresh && before == "" {
		if enabled {
			return nil
		}
		return p.endingOf(job, generators.Disable)
	} else if fresh {
		enabled = before == "enabled"
	}
	was := p.b
	was.Jobs = []generators.Job{{Name: job, Enable: enabled}}
	return undoing(enable, append(p.managerSteps(was, generators.Install, generators.Disable, job), p.managerSteps(was, generators.Install, generators.Enable, job)...))
}

func (p *planner) startJob(j generators.Job, fresh bool) {
	st := p.status(j.Name)
	running := isRunning(st)
	switch {
	case running && (p.affected(j.Name) || fresh): // somebody else's of that name
		if p.o.NoStart {
			p.note("%s still runs as before: restart it", j.Name)
			return
		}
		steps := p.managerSteps(p.b, generators.Upgrade, generators.Restart, j.Name)
		if len(steps) == 0 {
			steps = append(p.managerSteps(p.b, generators.Uninstall, generators.Stop, j.Name),
				p.managerSteps(p.b, generators.Install, generators.Start, j.Name)...)
		}
		for i, s := range steps {
			step := Step{Step: s, phase: start}
			if i == 0 {
				// The new version may run or not. Having failed too often must
				// not keep the old one from starting; but what the manager knows
				// of a job may be how it finds its process, so that ends before.
				for _, u := range p.endingOf(j.Name, generators.Stop, generators.Clean) {
					if u.Verb == generators.Stop || u.phase == cleanup {
						step.undo = append(step.undo, undoStep{u.Step, start})
					}
				}
				step.undo = append(step.undo, undoing(start, steps)...)
				step.undo = append(step.undo, undoing(start, p.managerSteps(p.b, generators.Install, generators.Start, j.Name))...)
			}
			p.add(step)
		}
	case running || !j.Start || p.o.NoStart:
		return
	case !fresh && p.old.job(j.Name) != nil && st.State != generators.Failed:
		// Somebody stopped it, and installing is no order to run it.
		p.note("%s is stopped and was left so", j.Name)
		return
	default:
		for _, s := range p.managerSteps(p.b, generators.Install, generators.Start, j.Name) {
			p.add(Step{Step: s, phase: start, undo: p.endingOf(j.Name, generators.Stop, generators.Clean)})
		}
	}
	p.add(Step{Step: generators.Step{Verb: generators.Verify, Job: j.Name, Live: true}, phase: verify})
}

func isRunning(st generators.Status) bool {
	return st.State == generators.Active || st.State == generators.Starting
}

func (p *planner) note(format string, args ...any) {
	p.outcome.Notes = append(p.outcome.Notes, fmt.Sprintf(format, args...))
}

// affected reports whether a change of files concerns a running job. A file
// that is named after a job concerns only that job; any other concerns all.
func (p *planner) affected(job string) bool {
	return slices.ContainsFunc(p.changed, func(name string) bool {
		if f := p.next.file(name); f != nil && f.Link != "" {
			return false // when it is started has changed, not how it runs
		}
		of := func(j generators.Job) bool { return concerns(name, j.Name) }
		return concerns(name, job) || !slices.ContainsFunc(p.b.Jobs, of)
	})
}

// concerns reports whether a file is that of a job: web.service or a file in
// web.service.d for web.service, web@.service for web@a.service.
func concerns(file, job string) bool {
	base, dir := path.Base(file), path.Base(path.Dir(file))
	if base == job || dir == job+".d" {
		return true
	}
	before, rest, ok := strings.Cut(job, "@")
	if !ok {
		return false
	}
	template := before + "@" + path.Ext(rest)
	return base == template || dir == template+".d"
}

// managerSteps returns the steps of a verb on a job.
func (p *planner) managerSteps(b generators.Bundle, op generators.Op, verb generators.Verb, job string) []generators.Step {
	var found []generators.Step
	for _, s := range p.c.Steps(b, op) {
		if s.Verb == verb && s.Job == job && (p.h.Live() || !s.Live) {
			found = append(found, s)
		}
	}
	return found
}

// status asks once per job.
func (p *planner) status(job string) generators.Status {
	st, asked := p.statuses[job]
	if asked || !p.h.Live() {
		return st
	}
	if st, asked = p.asked[p.outcome.Target.Backend+" "+job]; asked {
		return st
	}
	st, err := p.c.Status(p.ctx, p.h, p.outcome.Target, job)
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("cannot ask about %s: %w", job, err))
	}
	p.statuses[job] = st
	return st
}

// Uninstall plans the removal of daemons of t's scope and home, whichever
// backend they are installed for.
func Uninstall(ctx context.Context, h host.Host, ctl Manager, t generators.Target, daemons []string, o Options) (*Plan, error) {
	p := newPlanner(ctx, h, ctl, generators.Uninstall, o)
	var removed []*Manifest
	for _, d := range daemons {
		m, err := ReadManifest(h, t, d)
		if err != nil {
			p.errs = append(p.errs, fmt.Errorf("cannot uninstall %s: %w", d, err))
			continue
		}
		p.uninstall(m)
		removed = append(removed, m)
	}
	remaining := slices.DeleteFunc(slices.Clone(p.known[StateDir(t)]), func(m *Manifest) bool { return slices.Contains(daemons, m.Daemon) })
	p.endLinger(removed, remaining)
	return p.done()
}

func (p *planner) uninstall(m *Manifest) {
	if !p.begin(m.Daemon, m.target()) {
		return
	}
	p.b, p.item, p.next = m.bundle(p.h), &Item{}, &Manifest{}
	p.outcome.Jobs, p.outcome.Change = p.b.Jobs, Delete
	p.purge(m)
	p.retire(p.b, func(string) bool { return true })
	p.editShared(p.b, generators.Uninstall, removal)
	// Links first: they must not dangle if something goes wrong. Those that an
	// operator made to our files would do so as well.
	if l, ok := p.c.(linker); ok {
		for i := range p.b.Jobs {
			p.b.Jobs[i].Enable = true
		}
		for _, a := range l.Links(p.b) {
			f := record(a)
			if now, err := p.h.Stat(a.Path); err == nil && m.file(a.Path) == nil && f.matches(now) {
				p.remove(f)
			}
		}
	}
	for _, f := range slices.Backward(m.Files) {
		p.remove(f)
	}
	p.register(m)
	for _, s := range p.c.Steps(p.b, generators.Uninstall) {
		if s.Verb == generators.Reload && (p.h.Live() || !s.Live) {
			p.add(Step{Step: s, phase: reload, undo: []undoStep{{s, reload}}})
		}
	}
	name := manifestPath(p.outcome.Target, m.Daemon)
	if now, err := p.h.Stat(name); err == nil {
		p.gone[name] = true
		p.add(Step{Step: generators.Step{Verb: generators.RemoveFile, Path: name}, Change: Delete, before: &now, phase: finish})
	}
	for _, dir := range slices.Backward(m.Directories) {
		if !p.empties(dir) {
			continue
		}
		p.gone[dir] = true
		f, err := p.h.Stat(dir)
		if err == nil {
			p.add(Step{Step: generators.Step{Verb: removeDir, Path: dir, Optional: true}, Change: Delete, before: &f, phase: finish})
		}
	}
}

// purge plans the removal of data and accounts, or tells that they are kept.
func (p *planner) purge(m *Manifest) {
	for _, dir := range m.Data {
		switch {
		case !p.h.Exists(dir):
		case !p.o.Purge:
			p.note("%s holds its data and is kept (--purge removes it)", dir)
		default:
			p.add(Step{Step: generators.Step{Verb: purgePath, Path: dir}, Change: Delete, phase: purge})
		}
	}
	for _, a := range m.Accounts {
		if !p.o.Purge || !p.h.Live() {
			p.note("user %s was made for it and is kept (--purge removes it)", a)
			continue
		}
		p.add(Step{Step: removeUser(a), phase: purge})
	}
	if dir := backupDir(p.outcome.Target, m.Daemon); p.o.Purge && p.h.Exists(dir) {
		p.add(Step{Step: generators.Step{Verb: purgePath, Path: dir}, Change: Delete, phase: purge})
	}
}

// empties reports whether nothing will be left in a directory.
func (p *planner) empties(dir string) bool {
	names, err := p.h.Names(dir)
	return err == nil && !slices.ContainsFunc(names, func(n string) bool { return !p.gone[path.Join(dir, n)] })
}
