package generators

import (
	"github.com/daemonize/daemonize/spec/field"
)

// Level is what a backend does with a field.
type Level uint8

// The levels. The zero Level is invalid: an array indexed by field shows a
// forgotten entry by it.
const (
	_             Level = iota
	Native              // the manager has a setting that means the same
	Emulated            // the same effect by other means (a wrapper, an exec prefix, a second artifact)
	Approximate         // a similar effect; the difference is reported
	Unsupported         // no effect; reported as a loss
	NotApplicable       // means nothing on this backend and loses nothing, such as runlevels on systemd
)

// String returns the word used in tables and reports.
func (l Level) String() string {
	switch l {
	case Native:
		return "native"
	case Emulated:
		return "emulated"
	case Approximate:
		return "approximate"
	case Unsupported:
		return "unsupported"
	case NotApplicable:
		return "not applicable"
	}
	return "invalid"
}

// MarshalText makes JSON show the word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Version is a manager's version, major*Major + minor, so that versions
// compare as numbers and capability tables are static data: systemd 254 is
// 254*Major, supervisord 4.2 is 4*Major+2.
type Version int

// Major is the unit of a major version.
const Major Version = 1000

// Support says what a backend does with one field.
type Support struct {
	Level Level
	Via   string // through what: a native key such as TimeoutStopSec=, or the tool that emulates it
	Why   string // approximate: how the effect differs; unsupported: why there is none. A clause without full stop

	// Since is the first version that has the level; older targets have
	// Below instead, by default Unsupported ("needs NAME N or later").
	Since    Version
	Below    Level
	BelowWhy string

	// User replaces Level in the user scope when not zero, with UserWhy.
	User    Level
	UserWhy string
}

// Table is a backend's complete answer: one Support for every field of the
// vocabulary, written as an array literal indexed by field.
type Table [field.Count]Support

// At returns the support of a field on a target, with the conditions on
// version and scope resolved: only Level, Via and Why of the result count.
func (t *Table) At(id field.ID, target Target) Support {
	s := t[id]
	if s.User != 0 && target.Scope == User {
		s.Level = s.User
		if s.UserWhy != "" {
			s.Why = s.UserWhy
		}
	}
	if target.Version < s.Since && s.Level != NotApplicable && s.Level != Unsupported {
		s.Level, s.Why = s.Below, s.BelowWhy
		if s.Level == 0 {
			s.Level = Unsupported
		}
		if s.Why == "" {
			s.Why = "needs " + target.Backend + " " + s.Since.String() + " or later"
		}
	}
	return s
}
