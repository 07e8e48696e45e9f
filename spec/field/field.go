// Package field is the index of everything a daemon spec can say: one [ID]
// for every leaf of the vocabulary, with its documentation, kind, default and
// sample. The JSON Schema, the reference, `daemonize explain`, the support
// matrix, every backend's capability table and the tests are driven by it.
//
// The index is generated from the struct definitions in package spec, so a
// field exists exactly once. IDs are small integers: a capability table is an
// array indexed by them, complete or visibly not, and a stale entry does not
// compile.
package field

import "strings"

// ID identifies a leaf field of the spec vocabulary. IDs are only stable
// within one build; the stable form is the dotted name that [ID.String]
// returns, such as stop.timeout.
type ID uint16

// Kind names how a value is written, for example duration; see docs/reference.md.
type Kind string

// Info describes one field.
type Info struct {
	Name     string   // dotted name, list items without index: timers.cron
	Kind     Kind     // how the value is written
	Enum     []string // the words of kinds word and boolword
	Doc      string   // what the field means, one paragraph
	Default  string   // value when absent, in spec syntax; empty: not set
	Sample   string   // an example value in YAML
	With     string   // YAML that Sample needs beside it; `@` marks the place of the field inside a list item
	Repeated bool     // the field is part of a list item, such as a timer
}

// Mapping describes a mapping that holds fields, such as stop or timers.
type Mapping struct {
	Name     string // dotted name
	Doc      string
	Sugar    string // the key that a scalar stands for, if any
	Repeated bool   // a list of such mappings
}

// String returns the dotted name, for example stop.timeout.
func (id ID) String() string {
	if int(id) < len(index) {
		return index[id].Name
	}
	return "invalid"
}

// Info returns the field's entry in the index.
func (id ID) Info() *Info { return &index[id] }

// Key returns the last part of the name.
func (id ID) Key() string {
	name := id.String()
	return name[strings.LastIndexByte(name, '.')+1:]
}

// Security reports whether losing the field would let the daemon run with
// more privilege than declared, which makes the loss an error.
func (id ID) Security() bool {
	switch id {
	case User, Group, SupplementaryGroups, Umask, Credentials:
		return true
	}
	return strings.HasPrefix(id.String(), "sandboxing.")
}

// All returns every field in the order of the vocabulary.
func All() []ID {
	ids := make([]ID, Count)
	for i := range ids {
		ids[i] = ID(i)
	}
	return ids
}

// Mappings returns every mapping in the order of the vocabulary.
func Mappings() []Mapping { return mappings[:] }

// Lookup finds a field by its dotted name.
func Lookup(name string) (ID, bool) {
	for i := range index {
		if index[i].Name == name {
			return ID(i), true
		}
	}
	return 0, false
}

// Within reports whether the field is name or belongs to the group name, as
// limits.memory belongs to limits.
func (id ID) Within(name string) bool {
	rest, ok := strings.CutPrefix(id.String(), name)
	return ok && (rest == "" || rest[0] == '.')
}

// Keys returns the keys that the mapping name may hold ("" for the document),
// in the order of the vocabulary.
func Keys(name string) []string {
	prefix := name
	if prefix != "" {
		prefix += "."
	}
	var keys []string
	for i := range index {
		rest, ok := strings.CutPrefix(index[i].Name, prefix)
		if !ok {
			continue
		}
		key, _, _ := strings.Cut(rest, ".")
		if len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	return keys
}

// OfPath returns the dotted name of the field or mapping at a path of a
// document, which is the path without list indexes: timers[0].cron is
// timers.cron.
func OfPath(path string) string {
	for {
		before, rest, found := strings.Cut(path, "[")
		if !found {
			return path
		}
		_, after, _ := strings.Cut(rest, "]")
		path = before + after
	}
}
