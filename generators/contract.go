package generators

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// Generator renders daemons for one backend. Implementations are pure: no
// I/O, clock, environment or randomness, so equal input gives equal bytes.
type Generator interface {
	Info() Info
	// Support returns the capability table. It must not be modified.
	Support() *Table
	// Generate renders d for t. The diagnostics are only about values (see
	// Lose and Refuse); what the table says is reported by Render. Values
	// that the format cannot carry are refused, never changed.
	Generate(d *spec.Daemon, t Target) (Bundle, diag.List)
}

// Info describes a backend.
type Info struct {
	Name      string   // systemd
	Title     string   // systemd
	Platforms []string // GOOS values where the manager runs
	Docs      string   // URL of the manager's documentation
	Default   Version  // rendered for when no host and no version is given
	Oldest    Version  // older targets are refused
	Newest    Version  // the newest version the table was checked against
	UserScope bool     // the manager has services of users
}

// Scope says whose service it is.
type Scope uint8

// The scopes.
const (
	System Scope = iota
	User
)

// String returns system or user.
func (s Scope) String() string {
	if s == User {
		return "user"
	}
	return "system"
}

// Family selects among the file layouts that distributions chose for the same
// manager, for example /etc/default or /etc/sysconfig. A backend for which two
// families are the same ignores the difference.
type Family uint8

// The families.
const (
	Debian Family = iota
	RedHat
	Void // runit as init: /etc/sv with links in /var/service
	S6RC // s6-rc: source definitions, compiled into a database of services
)

var families = [...]string{Debian: "debian", RedHat: "redhat", Void: "void", S6RC: "s6-rc"}

// Families returns the names of all families.
func Families() []string { return slices.Clone(families[:]) }

// String returns debian, redhat and so on.
func (f Family) String() string { return families[f] }

// ParseFamily reads what String writes.
func ParseFamily(s string) (Family, error) {
	if i := slices.Index(families[:], s); i >= 0 {
		return Family(i), nil
	}
	return 0, fmt.Errorf("unknown family %q: known are %s", s, strings.Join(families[:], ", "))
}

// Target is what a bundle is rendered for.
type Target struct {
	Backend string
	Version Version
	Scope   Scope
	Family  Family
	// Home is the user's home directory in the user scope. Empty renders
	// paths that begin with ~, to be resolved when installing.
	Home string
}

// String returns the target as the user writes it, for example systemd@247.
func (t Target) String() string {
	s := t.Backend + "@" + t.Version.String()
	if t.Scope == User {
		s += " (user)"
	}
	return s
}

// HomeDir returns Home, or ~ when it is not known.
func (t Target) HomeDir() string {
	if t.Home == "" {
		return "~"
	}
	return t.Home
}

// String writes 254 or 4.2.
func (v Version) String() string {
	s := strconv.Itoa(int(v / Major))
	if minor := v % Major; minor != 0 {
		s += "." + strconv.Itoa(int(minor))
	}
	return s
}

// ParseVersion reads 254 or 4.2 (further parts are ignored).
func ParseVersion(s string) (Version, bool) {
	major, rest, hasMinor := strings.Cut(s, ".")
	n, err := strconv.ParseUint(major, 10, 16)
	if err != nil {
		return 0, false
	}
	v := Version(n) * Major
	if hasMinor {
		minor, _, _ := strings.Cut(rest, ".")
		m, err := strconv.ParseUint(minor, 10, 16)
		if err != nil || m >= uint64(Major) {
			return 0, false
		}
		v += Version(m)
	}
	return v, true
}

// Artifact is one native file.
type Artifact struct {
	Path    string      // absolute path on the target
	Mode    fs.FileMode // permission bits
	Owner   string      // user name, empty for root (the user in the user scope)
	Group   string
	Content []byte
}

// Job is something that the manager starts: a unit, a job label, a script.
type Job struct {
	Name   string
	Enable bool // starts by itself at boot
	Start  bool // started when installed
}

// Account is a system user that must exist.
type Account struct {
	User, Group string
	Home        string
	Groups      []string
}

// Bundle is everything that one daemon is on one target.
type Bundle struct {
	Daemon    string
	Target    Target
	Artifacts []Artifact // in order of Path
	Jobs      []Job      // in the order in which they are started
	Accounts  []Account
}

// Add appends an artifact.
func (b *Bundle) Add(path string, mode fs.FileMode, content []byte) {
	b.Artifacts = append(b.Artifacts, Artifact{Path: path, Mode: mode, Content: content})
}
