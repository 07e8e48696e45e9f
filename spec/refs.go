package spec

import "strings"

// Ref is a reference that a value may hold. In a decoded [Daemon] a reference
// is the two bytes RefMark and the Ref; as NUL is refused in documents, a mark
// can never come from the user.
type Ref byte

// The references.
const (
	RefInstance   Ref = 'i'
	RefName       Ref = 'n'
	RefRuntimeDir Ref = 'r'
	RefStateDir   Ref = 's'
	RefCacheDir   Ref = 'c'
	RefLogsDir    Ref = 'l'
	RefConfigDir  Ref = 'e'
)

// RefMark introduces a reference in a decoded string.
const RefMark = '\x00'

var refNames = [...]struct {
	name string
	ref  Ref
}{
	{"instance", RefInstance}, {"name", RefName}, {"runtime_dir", RefRuntimeDir}, {"state_dir", RefStateDir},
	{"cache_dir", RefCacheDir}, {"logs_dir", RefLogsDir}, {"config_dir", RefConfigDir},
}

// String returns the reference as it is written, for example ${instance}.
func (r Ref) String() string {
	for _, n := range refNames {
		if n.ref == r {
			return "${" + n.name + "}"
		}
	}
	return "${?}"
}

// Mark returns the reference as it stands in a decoded string. A backend
// whose format has a native form of a reference resolves to the mark and
// writes the native form when it meets it.
func (r Ref) Mark() string { return string([]byte{RefMark, byte(r)}) }

// parseRefs replaces ${name} by marks and $$ by $. Any other ${x} is returned
// as bad; a $ before anything else is literal.
func parseRefs(s string, used func(Ref)) (out, bad string) {
	if !strings.Contains(s, "$") {
		return s, ""
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i == len(s)-1 {
			b.WriteString(s)
			return b.String(), bad
		}
		b.WriteString(s[:i])
		switch s[i+1] {
		case '$':
			b.WriteByte('$')
			s = s[i+2:]
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return b.String(), s[i:]
			}
			name := s[i+2 : i+end]
			s0 := s[i : i+end+1]
			s = s[i+end+1:]
			ref := refByName(name)
			if ref == 0 {
				if bad == "" {
					bad = s0
				}
				continue
			}
			used(ref)
			b.WriteString(ref.Mark())
		default:
			b.WriteByte('$')
			s = s[i+1:]
		}
	}
}

func refByName(name string) Ref {
	for _, n := range refNames {
		if n.name == name {
			return n.ref
		}
	}
	return 0
}

// Resolve returns a copy of the daemon in which every reference has been
// replaced by what value returns for it. A daemon without references is
// returned as it is.
func (d *Daemon) Resolve(value func(Ref) string) *Daemon {
	if d.refs == 0 {
		return d
	}
	c := d.mapped(func(s string) string { return replaceRefs(s, value) })
	return &c
}

// HasRef reports whether any value holds the reference.
func (d *Daemon) HasRef(r Ref) bool { return d.refs&refBit(r) != 0 }

func refBit(r Ref) uint8 {
	for i, n := range refNames {
		if n.ref == r {
			return 1 << i
		}
	}
	return 0
}

func replaceRefs(s string, value func(Ref) string) string {
	i := strings.IndexByte(s, RefMark)
	if i < 0 {
		return s
	}
	var b strings.Builder
	for ; i >= 0 && i+1 < len(s); i = strings.IndexByte(s, RefMark) {
		b.WriteString(s[:i])
		b.WriteString(value(Ref(s[i+1])))
		s = s[i+2:]
	}
	b.WriteString(s)
	return b.String()
}

// Display writes a decoded string for people, with references as they were
// written.
func Display(s string) string { return replaceRefs(s, Ref.String) }
