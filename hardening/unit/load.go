package unit

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// Options says how units are read. The zero value is the system manager of
// the newest version.
type Options struct {
	Version  int    // systemd version, default Newest
	Scope    Scope  // default System
	Instance string // instance for templates given without one; default as systemd-analyze: "i", from 257 "test_instance"
	Host     Host   // what specifiers say about the machine
	// Dirs is the unit search path inside the tree, the most important
	// directory first, without leading slash; default SearchPath(Scope) for
	// Load and nothing for LoadFile.
	Dirs []string
}

// SearchPath is the unit search path of a manager, as paths for a tree that is
// the root of a host or of an image.
func SearchPath(s Scope) []string {
	if s == User {
		return []string{
			"etc/systemd/user", "run/systemd/user", "usr/local/share/systemd/user", "usr/share/systemd/user",
			"usr/local/lib/systemd/user", "usr/lib/systemd/user",
		}
	}
	return []string{
		"etc/systemd/system.control", "run/systemd/system.control", "run/systemd/transient", "run/systemd/generator.early",
		"etc/systemd/system", "etc/systemd/system.attached", "run/systemd/system", "run/systemd/system.attached",
		"run/systemd/generator", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system",
		"run/systemd/generator.late",
	}
}

// Loader finds and reads the units of one file tree. It remembers the
// directories it has listed, so that loading many units costs little. It is
// not safe for use by several goroutines at once.
type Loader struct {
	tree    fs.FS
	extra   dropIn
	opts    Options
	dirs    map[string]*directory
	indexes map[string]*index
	calls   func() *callTable // made when the first unit has a filter
}

// NewLoader returns a loader for the tree.
func NewLoader(tree fs.FS, opts Options) *Loader {
	if opts.Version == 0 {
		opts.Version = Newest
	}
	opts.Version = min(max(opts.Version, Oldest), Newest)
	if opts.Instance == "" {
		opts.Instance = "test_instance"
		if opts.Version < 257 {
			opts.Instance = "i"
		}
	}
	return &Loader{tree: tree, opts: opts, dirs: map[string]*directory{}, indexes: map[string]*index{}, calls: sync.OnceValue(func() *callTable { return newCallTable(opts.Version) })}
}

// dropIn is a drop-in that is in no file.
type dropIn struct{ name, text string }

// With returns a loader that reads every unit as if a directory NAME.d of the
// most important kind held a drop-in of that name, such as 50-limits.conf, with
// that text: to see what a change would do. It shares what l remembers.
func (l *Loader) With(name, text string) *Loader {
	with := *l
	with.extra = dropIn{name, text}
	return &with
}

// directory is a listed directory.
type directory struct {
	real    string // its path without links
	entries map[string]fs.FileMode
	names   []string // in order
}

// index is what the manager knows of a search path: which name is which file.
type index struct {
	dirs    []*directory
	ids     map[string]target
	byFile  map[string][]string // fragment path: names that lead there
	refused map[string]string   // links that are not followed, with the reason
}

// target is where a name leads: to a file or to another name.
type target struct {
	file   string // path of the fragment, if it is one
	alias  string // the other name otherwise
	masked bool
}

// Load reads the unit with that name from the search path.
func (l *Loader) Load(name string) (*Unit, error) {
	dirs := l.opts.Dirs
	if dirs == nil {
		dirs = SearchPath(l.opts.Scope)
	}
	return l.load(l.index(dirs), name)
}

// LoadFile reads one unit file as `systemd-analyze security --offline=yes
// FILE` does: the directory of the file is the search path, followed by
// Options.Dirs.
func (l *Loader) LoadFile(file string) (*Unit, error) {
	file = path.Clean(file)
	return l.load(l.index(append([]string{path.Dir(file)}, l.opts.Dirs...)), path.Base(file))
}

// Names lists the names of all units of the search path in order, aliases and
// templates included, masked units not.
func (l *Loader) Names() []string {
	dirs := l.opts.Dirs
	if dirs == nil {
		dirs = SearchPath(l.opts.Scope)
	}
	ix := l.index(dirs)
	var out []string
	for name := range ix.ids {
		if t, ok := ix.follow(name); ok && !t.masked {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// dir lists a directory once; nil when there is none.
func (l *Loader) dir(name string) *directory {
	if d, ok := l.dirs[name]; ok {
		return d
	}
	var d *directory
	if real, err := l.resolve(name); err == nil {
		if entries, err := fs.ReadDir(l.tree, real); err == nil {
			d = &directory{real: real, entries: make(map[string]fs.FileMode, len(entries)), names: make([]string, 0, len(entries))}
			for _, e := range entries {
				d.entries[e.Name()] = e.Type()
				d.names = append(d.names, e.Name())
			}
		}
	}
	l.dirs[name] = d
	return d
}

var errLinks = errors.New("too many links")

func (l *Loader) resolve(name string) (string, error) { return Resolve(l.tree, name) }

// Resolve follows the links of a path inside a tree, which is the root of a
// host or of an image: an absolute link starts at the root of the tree and
// nothing leaves it.
func Resolve(tree fs.FS, name string) (string, error) {
	done := "."
	rest := path.Clean(name)
	for links := 0; rest != ""; {
		part, tail, _ := strings.Cut(rest, "/")
		rest = tail
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		info, err := fs.Lstat(tree, next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if links++; links > 40 {
			return "", &fs.PathError{Op: "open", Path: name, Err: errLinks}
		}
		to, err := fs.ReadLink(tree, next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(to) {
			done = "."
		}
		rest = strings.Trim(to+"/"+rest, "/")
	}
	return done, nil
}

// linkTarget returns where a link leads, as a path of the tree.
func (l *Loader) linkTarget(d *directory, name string) (string, bool) {
	to, err := fs.ReadLink(l.tree, path.Join(d.real, name))
	if err != nil {
		return "", false
	}
	if path.IsAbs(to) {
		return strings.TrimPrefix(path.Clean(to), "/"), true
	}
	out := path.Clean(path.Join("/", d.real, to))
	return strings.TrimPrefix(out, "/"), true
}

// index builds the name map of a search path (unit_file_build_name_map).
func (l *Loader) index(names []string) *index {
	key := strings.Join(names, "\x00")
	if ix := l.indexes[key]; ix != nil {
		return ix
	}
	ix := &index{ids: map[string]target{}, byFile: map[string][]string{}, refused: map[string]string{}}
	for _, name := range names {
		if d := l.dir(path.Clean(name)); d != nil && !slices.ContainsFunc(ix.dirs, func(o *directory) bool { return o.real == d.real }) {
			ix.dirs = append(ix.dirs, d)
		}
	}
	for _, d := range ix.dirs {
		for _, name := range d.names {
			if _, known := ix.ids[name]; known {
				continue
			}
			mode := d.entries[name]
			if !mode.IsRegular() && mode&fs.ModeSymlink == 0 {
				continue
			}
			if _, _, _, kind := splitName(name); kind == invalidName {
				continue
			}
			if mode.IsRegular() {
				ix.ids[name] = target{file: path.Join(d.real, name)}
				continue
			}
			if t, ok := l.link(ix, d, name); ok {
				ix.ids[name] = t
			}
		}
	}
	for name := range ix.ids {
		if t, ok := ix.follow(name); ok && !t.masked {
			ix.byFile[t.file] = append(ix.byFile[t.file], name)
		}
	}
	l.indexes[key] = ix
	return ix
}

// link decides what a link in a unit directory is: a mask, an alias, or a unit
// that lies elsewhere.
func (l *Loader) link(ix *index, d *directory, name string) (target, bool) {
	to, ok := l.linkTarget(d, name)
	if !ok {
		return target{}, false
	}
	if to == "dev/null" {
		return target{masked: true}, true
	}
	for _, other := range ix.dirs {
		if dir := path.Dir(to); dir != other.real {
			if real := l.dir(dir); real == nil || real.real != other.real {
				continue
			}
		}
		alias := path.Base(to)
		if !aliasFits(name, alias) {
			ix.refused[name] = "the link leads to " + alias + ", which is another kind of unit"
			return target{}, false
		}
		return target{alias: alias}, true
	}
	real, err := l.resolve(to)
	if err != nil {
		return target{}, false
	}
	if real == "dev/null" {
		return target{masked: true}, true
	}
	return target{file: real}, true
}

// aliasFits reports whether a link from one name to another makes an alias:
// the types are equal, and so are the forms, except that an instance may lead
// to its template (unit_validate_alias_symlink_or_warn).
func aliasFits(from, to string) bool {
	_, fromInstance, fromType, fromKind := splitName(from)
	_, toInstance, toType, toKind := splitName(to)
	if toKind == invalidName || fromType != toType {
		return false
	}
	if fromKind == instanceName {
		return toKind == templateName || toKind == instanceName && fromInstance == toInstance
	}
	return fromKind == toKind
}

// follow resolves a name to a file.
func (ix *index) follow(name string) (target, bool) {
	for range 16 {
		t, ok := ix.ids[name]
		if !ok {
			// An alias of an instance may mean its template.
			prefix, _, suffix, kind := splitName(name)
			if kind != instanceName {
				return target{}, false
			}
			if t, ok = ix.ids[prefix+"@"+suffix]; !ok {
				return target{}, false
			}
		}
		if t.alias == "" {
			return t, true
		}
		name = t.alias
	}
	return target{}, false
}

func (l *Loader) load(ix *index, name string) (*Unit, error) {
	prefix, instance, suffix, kind := splitName(name)
	if kind == invalidName {
		return nil, &LoadError{Name: name, Kind: BadName, Reason: "this is not a unit name"}
	}
	if kind == templateName {
		instance = l.opts.Instance
		name = prefix + "@" + instance + suffix
		if _, _, _, k := splitName(name); k != instanceName {
			return nil, &LoadError{Name: name, Kind: BadName, Reason: "the instance makes no valid unit name"}
		}
	}
	t, ok := ix.follow(name)
	if !ok {
		reason := "there is no such unit file"
		if why := ix.refused[name]; why != "" {
			reason = why
		}
		return nil, &LoadError{Name: name, Kind: NotFound, Reason: reason}
	}
	if t.masked {
		return nil, &LoadError{Name: name, Kind: Masked, Reason: "the unit is masked by a link to /dev/null"}
	}
	src, err := l.read(t.file)
	if err != nil {
		return nil, &LoadError{Name: name, Kind: Unreadable, Reason: "the file cannot be read", Origin: Origin{File: t.file}, Err: err}
	}
	if src == "" {
		return nil, &LoadError{Name: name, Kind: Masked, Reason: "the unit is masked by an empty file", Origin: Origin{File: t.file}}
	}
	u := &Unit{Name: name, Path: t.file, Version: l.opts.Version, Scope: l.opts.Scope, opts: l.opts}
	ix.identify(u, instance)
	p := newParser(u, l)
	if err := p.file(u.Path, src); err != nil {
		return nil, err
	}
	files := l.dropIns(ix, u)
	if l.extra.name != "" {
		at, same := slices.BinarySearchFunc(files, l.extra.name, func(file, name string) int { return strings.Compare(path.Base(file), name) })
		if same {
			files = slices.Delete(files, at, at+1)
		}
		files = slices.Insert(files, at, l.extra.name)
	}
	for _, file := range files {
		src, err := l.extra.text, error(nil)
		if file != l.extra.name {
			src, err = l.read(file)
		}
		if err != nil {
			u.Skips = append(u.Skips, Skip{Origin: Origin{File: file}, Text: file, Reason: "the drop-in cannot be read"})
			continue
		}
		u.DropIns = append(u.DropIns, file)
		// A drop-in that would make a unit file fail only ends there: the
		// manager does not look at the result (load-dropin.c).
		if err := p.file(file, src); err != nil {
			u.Skips = append(u.Skips, Skip{Origin: err.Origin, Text: file, Reason: "the rest of the drop-in is not read: " + err.Reason})
		}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return u, nil
}

func (l *Loader) read(file string) (string, error) {
	b, err := fs.ReadFile(l.tree, file)
	return string(b), err
}

// identify sets the name under which the manager keeps the unit, that of its
// file, and its aliases.
func (ix *index) identify(u *Unit, instance string) {
	asked := u.Name
	own := path.Base(u.Path)
	names := ix.byFile[u.Path]
	if !slices.Contains(names, own) {
		// A unit file elsewhere is known by the name of the link.
		own = asked
	}
	fill := func(name string) string {
		if prefix, _, suffix, kind := splitName(name); kind == templateName {
			return prefix + "@" + instance + suffix
		}
		return name
	}
	u.Name = fill(own)
	for _, n := range append(names, asked) {
		if _, i, _, kind := splitName(n); kind == instanceName && i != instance {
			continue
		}
		if n = fill(n); n != u.Name && !slices.Contains(u.Aliases, n) {
			u.Aliases = append(u.Aliases, n)
		}
	}
	slices.Sort(u.Aliases)
}

// dropIns returns the drop-in files in the order in which they are read: by
// file name; of several with one name the one of the most specific directory
// counts, and a link to /dev/null masks.
func (l *Loader) dropIns(ix *index, u *Unit) []string {
	var dirs []*directory
	var consider func(in *directory, name string)
	consider = func(in *directory, name string) {
		if _, there := in.entries[name+".d"]; there {
			if d := l.dir(path.Join(in.real, name+".d")); d != nil {
				dirs = append(dirs, d)
			}
		}
		prefix, instance, suffix, kind := splitName(name)
		if kind == invalidName {
			return
		}
		if kind == instanceName {
			consider(in, prefix+"@"+suffix)
		}
		// foo-bar-baz.service also reads foo-bar-.service.d and foo-.service.d; an
		// instance keeps its instance, a template loses its @.
		dash := strings.LastIndexByte(strings.TrimSuffix(prefix, "-"), '-')
		if dash <= 0 {
			return
		}
		short := prefix[:dash+1]
		if kind == instanceName {
			short += "@" + instance
		}
		consider(in, short+suffix)
	}
	for _, name := range append([]string{u.Name}, u.Aliases...) {
		for _, in := range ix.dirs {
			consider(in, name)
		}
	}
	for _, in := range ix.dirs {
		if _, there := in.entries[u.Type()+".d"]; there {
			if d := l.dir(path.Join(in.real, u.Type()+".d")); d != nil {
				dirs = append(dirs, d)
			}
		}
	}
	if dirs == nil {
		return nil
	}
	found := map[string]string{}
	var names []string
	for _, d := range dirs {
		for _, name := range d.names {
			if _, known := found[name]; known || !strings.HasSuffix(name, ".conf") || name[0] == '.' {
				continue
			}
			file := path.Join(d.real, name)
			switch mode := d.entries[name]; {
			case mode&fs.ModeSymlink != 0:
				to, _ := l.linkTarget(d, name)
				if to == "dev/null" {
					file = ""
					break
				}
				real, err := l.resolve(file)
				if err != nil {
					continue
				}
				if file = real; real == "dev/null" {
					file = ""
				}
			case !mode.IsRegular():
				continue
			}
			found[name] = file
			names = append(names, name)
		}
	}
	slices.Sort(names)
	out := make([]string, 0, len(names))
	for _, name := range names {
		if found[name] != "" {
			out = append(out, found[name])
		}
	}
	return out
}
