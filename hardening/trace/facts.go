package trace

import (
	"cmp"
	"maps"
	pathpkg "path"
	"slices"
	"strconv"
	"strings"
)

// Place is a line of a trace.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"` // the line, shortened
}

// String formats file:line.
func (p Place) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Use is something that happened, with the first line that shows it.
type Use struct {
	Name  string // what: a capability, a family, a call
	Place Place
}

// Mode says what was done with a path.
type Mode uint8

// The modes; a path can have several.
const (
	Read    Mode = 1 << iota // opened for reading
	Write                    // opened for writing, made, changed, removed
	Exec                     // executed
	Connect                  // a Unix socket that was connected to
	Listen                   // a Unix socket that was made

	modes = 5
)

// Access is a path with what was done to it.
type Access struct {
	Path   string
	Mode   Mode
	places [modes]Place
}

// Place returns the first line that shows one mode.
func (a *Access) Place(m Mode) Place {
	for i := range a.places {
		if m == 1<<i {
			return a.places[i]
		}
	}
	return Place{}
}

// Port is a bound port other than 0.
type Port struct {
	Family string // AF_INET or AF_INET6
	Port   int
	Place  Place
}

// Facts is what traces say. The zero value is ready for [Facts.Read].
type Facts struct {
	Lines     int // lines read
	Calls     int // complete calls
	Skipped   int // lines that are not of strace
	Processes int // different process numbers; 0 where the lines have none

	Families     []Use  // AF_INET, ... of the sockets that were made, in order of appearance
	Ports        []Port // in order of appearance
	Capabilities []Use  // CAP_CHOWN, ...: what the calls ask for
	Namespaces   []Use  // as in RestrictNamespaces=: user, mnt, ...

	// The following have an empty name where they did not happen.

	WriteExec   Use // memory that is writable and executable, or was made executable
	Realtime    Use // a realtime scheduling policy
	Personality Use // another execution domain
	SetID       Use // a set-user-ID or set-group-ID bit
	Memfd       Use // an anonymous file in memory
	SetUser     Use // a change of user or group
	Foreign     Use // a call of another architecture

	calls map[string]Place
	files map[string]*Access
	procs map[string]*process
	limit map[string]uint64 // resource to the largest hard limit known
	kill  Use               // a signal to another process
}

// Syscalls lists the system calls that were used, sorted by name. Calls that
// only ever failed for want of permission or of the call are not among them.
func (f *Facts) Syscalls() []Use {
	out := make([]Use, 0, len(f.calls))
	for name, place := range f.calls {
		out = append(out, Use{name, place})
	}
	slices.SortFunc(out, func(a, b Use) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Call returns the first use of one of the calls.
func (f *Facts) Call(names ...string) (Use, bool) {
	for _, name := range names {
		if place, ok := f.calls[name]; ok {
			return Use{name, place}, true
		}
	}
	return Use{}, false
}

// Capability returns the first need of a capability.
func (f *Facts) Capability(name string) (Use, bool) { return find(f.Capabilities, name) }

// Family returns the first socket of a family.
func (f *Facts) Family(name string) (Use, bool) { return find(f.Families, name) }

func find(list []Use, name string) (Use, bool) {
	if i := slices.IndexFunc(list, func(u Use) bool { return u.Name == name }); i >= 0 {
		return list[i], true
	}
	return Use{}, false
}

// Files lists the paths, sorted.
func (f *Facts) Files() []*Access {
	return slices.SortedFunc(maps.Values(f.files), func(a, b *Access) int { return strings.Compare(a.Path, b.Path) })
}

// maxFiles bounds the memory that a trace can claim.
const maxFiles = 1 << 17

func (f *Facts) file(path string, m Mode, at Place) {
	if path == "" || path[0] != '/' {
		return // relative to a directory that the trace does not tell
	}
	path = pathpkg.Clean(path)
	a := f.files[path]
	if a == nil {
		if len(f.files) >= maxFiles {
			return
		}
		if f.files == nil {
			f.files = map[string]*Access{}
		}
		path = strings.Clone(path)
		a = &Access{Path: path}
		f.files[path] = a
	}
	for i := range a.places {
		if m&(1<<i) != 0 && a.Mode&(1<<i) == 0 {
			a.places[i] = at
		}
	}
	a.Mode |= m
}

func (f *Facts) capability(name string, at Place) { f.Capabilities = add(f.Capabilities, name, at) }

func add(list []Use, name string, at Place) []Use {
	if _, known := find(list, name); known {
		return list
	}
	return append(list, Use{strings.Clone(name), at})
}

func note(u *Use, name string, at Place) {
	if u.Name == "" {
		*u = Use{strings.Clone(name), at}
	}
}

// File returns what was done with a path, or nil.
func (f *Facts) File(path string) *Access { return f.files[path] }
