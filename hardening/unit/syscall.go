package unit

import (
	"slices"
	"strings"
)

// callSet is a set of indexes into syscallNames.
type callSet [len(syscallNames)/64 + 1]uint64

func (c *callSet) put(i int)      { c[i/64] |= 1 << (i % 64) }
func (c *callSet) has(i int) bool { return c[i/64]>>(i%64)&1 != 0 }

// callTable holds the call groups of one version, nested groups resolved.
type callTable struct {
	groups map[string]callSet
	native callSet
}

func newCallTable(version int) *callTable {
	t := &callTable{groups: make(map[string]callSet, len(syscallGroups))}
	var known callSet
	for i := range syscallNames {
		if c := &syscallNames[i]; int(c.since) <= version {
			if !c.unlisted {
				known.put(i)
			}
			if !c.foreign {
				t.native.put(i)
			}
		}
	}
	t.groups["@known"] = known
	for _, g := range &syscallGroups {
		calls := SyscallGroup(g.name, version, false)
		if calls == nil {
			continue
		}
		var set callSet
		for _, c := range calls {
			i, _ := findSyscall(c)
			set.put(i)
		}
		t.groups[g.name] = set
	}
	return t
}

// SyscallFilter is a SystemCallFilter after loading.
type SyscallFilter struct {
	Set   bool // some assignment was made
	Allow bool // the listed calls are the permitted ones; otherwise the forbidden ones
	calls callSet
	table *callTable
}

// Permits reports whether the filter lets a call pass. Without a filter every
// call passes.
func (f *SyscallFilter) Permits(call string) bool {
	if !f.Set {
		return true
	}
	i, known := findSyscall(call)
	return (known && f.calls.has(i)) == f.Allow
}

// PermitsAny reports whether the filter lets some call of a group such as
// @mount pass; calls that x86-64 has not are not looked at.
func (f *SyscallFilter) PermitsAny(group string) bool {
	if !f.Set {
		return true
	}
	set := f.table.groups[group]
	for i, bits := range set {
		bits &= f.table.native[i]
		if f.Allow {
			bits &= f.calls[i]
		} else {
			bits &^= f.calls[i]
		}
		if bits != 0 {
			return true
		}
	}
	return false
}

// Calls returns the listed calls in order.
func (f *SyscallFilter) Calls() []string {
	var out []string
	for i := range syscallNames {
		if f.calls.has(i) {
			out = append(out, syscallNames[i].name)
		}
	}
	return out
}

func findSyscall(name string) (int, bool) {
	return slices.BinarySearchFunc(syscallNames[:], name, func(s syscallInfo, n string) int { return strings.Compare(s.name, n) })
}

func lookupGroup(name string) *syscallGroup {
	i, ok := slices.BinarySearchFunc(syscallGroups[:], name, func(s syscallGroup, n string) int { return strings.Compare(s.name, n) })
	if !ok {
		return nil
	}
	return &syscallGroups[i]
}

// SyscallGroup returns the calls of a group such as @mount in a version of
// systemd, nested groups resolved. Only calls that x86-64 has are returned
// when native is set. It returns nil for a group the version has not.
func SyscallGroup(name string, version int, native bool) []string {
	var out []string
	if name == "@known" {
		for i := range syscallNames {
			if c := &syscallNames[i]; int(c.since) <= version && !c.unlisted && (!native || !c.foreign) {
				out = append(out, c.name)
			}
		}
		return out
	}
	g := lookupGroup(name)
	if g == nil || int(g.since) > version {
		return nil
	}
	var walk func(g *syscallGroup)
	walk = func(g *syscallGroup) {
		for _, m := range g.members {
			if int(m.since) > version || m.until != 0 && int(m.until) <= version {
				continue
			}
			if m.name[0] == '@' {
				if sub := lookupGroup(m.name); sub != nil {
					walk(sub)
				}
				continue
			}
			i, known := findSyscall(m.name)
			if !known || int(syscallNames[i].since) > version || native && syscallNames[i].foreign {
				continue
			}
			out = append(out, m.name)
		}
	}
	walk(g)
	return out
}

// syscallFilter applies one SystemCallFilter assignment.
func (p *parser) syscallFilter(value string, o Origin) {
	s := &p.unit.Settings.SystemCallFilter
	if value == "" {
		s.clear()
		return
	}
	value, invert := strings.CutPrefix(value, "~")
	f := s.Value
	if !f.Set {
		f = SyscallFilter{Set: true, Allow: !invert, table: p.calls()}
		if f.Allow {
			f.calls = p.calls().groups["@default"]
		}
	}
	for rest := value; ; {
		word, ok, bad := nextWord(&rest, blanks, 0)
		if bad {
			p.skipWord(rest, "broken escape: the rest of the line is not read")
			break
		}
		if !ok {
			break
		}
		name, errno, hasErrno := strings.Cut(word, ":")
		switch {
		case name == "" || hasErrno && !validErrno(errno):
			p.skipWord(word, "not a system call, group or error number")
			continue
		case hasErrno && !invert:
			p.skipWord(word, "a permitted system call takes no error number")
			continue
		}
		var set callSet
		if name[0] == '@' {
			var known bool
			if set, known = p.calls().groups[name]; !known {
				p.skipWord(word, "unknown system call group")
				continue
			}
		} else if i, known := findSyscall(name); known && int(syscallNames[i].since) <= p.opts.Version {
			set.put(i)
		} else {
			p.skipWord(word, "unknown system call")
			continue
		}
		for i, bits := range set {
			if invert != f.Allow {
				f.calls[i] |= bits
			} else {
				f.calls[i] &^= bits
			}
		}
	}
	s.add(f, o)
}

// validErrno accepts what may follow the colon of a system call: kill, the
// name of an error in any case or a number up to 4095.
func validErrno(s string) bool {
	if s == "kill" {
		return true
	}
	if v, ok := parseInt(s); ok {
		return v >= 0 && v <= 4095
	}
	_, ok := slices.BinarySearch(errnoNames[:], strings.ToUpper(s))
	return ok
}
