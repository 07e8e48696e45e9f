package spec

import (
	"iter"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
)

// set is a bit set of fields.
type set [(field.Count + 63) / 64]uint64

func (s *set) add(id field.ID)      { s[id/64] |= 1 << (id % 64) }
func (s *set) has(id field.ID) bool { return s[id/64]&(1<<(id%64)) != 0 }

// state is what a Daemon knows about its document besides the values.
type state struct {
	present set // given in the document or by the profile
	profile set // given by sandboxing.profile only
	refs    uint8
	file    string
	root    *ynode.Node
}

// IsSet reports whether the field was given, in the document or through
// sandboxing.profile. For a field of list items: in any item.
func (d *Daemon) IsSet(id field.ID) bool { return d.present.has(id) }

// FromProfile reports whether the field was filled in by sandboxing.profile.
func (d *Daemon) FromProfile(id field.ID) bool { return d.profile.has(id) }

// Mark says that fields of a Daemon built in Go, rather than decoded, are set.
func (d *Daemon) Mark(ids ...field.ID) {
	for _, id := range ids {
		d.present.add(id)
	}
}

// Fields returns the fields that are set, in the order of the vocabulary.
func (d *Daemon) Fields() iter.Seq[field.ID] {
	return func(yield func(field.ID) bool) {
		for id := range field.ID(field.Count) {
			if d.present.has(id) && !yield(id) {
				return
			}
		}
	}
}

// File returns the name of the document's file as given to [Decode].
func (d *Daemon) File() string { return d.file }

// Place is where a field is given.
type Place struct {
	Path string // such as timers[0].cron
	Span diag.Span
}

// Places returns where the field is given, once for each list item that has
// it. A field that the profile filled in is where the profile is named.
func (d *Daemon) Places(id field.ID) []Place {
	if d.FromProfile(id) {
		id = field.SandboxingProfile
	}
	var places []Place
	collect(d.root, "", strings.Split(id.String(), "."), &places)
	return places
}

func collect(n *ynode.Node, path string, keys []string, places *[]Place) {
	switch {
	case n == nil:
	case len(keys) == 0:
		*places = append(*places, Place{path, n.Span})
	case n.Kind == ynode.Sequence:
		for i, item := range n.Items {
			at := path + "[" + strconv.Itoa(i) + "]"
			if item.Kind == ynode.Sequence { // sugar: the list is a command
				*places = append(*places, Place{at + "." + keys[0], item.Span})
				continue
			}
			collect(item, at, keys, places)
		}
	case n.Kind == ynode.Mapping:
		if p := n.Get(keys[0]); p != nil {
			if path != "" {
				path += "."
			}
			collect(p.Value, path+keys[0], keys[1:], places)
		}
	default: // sugar: the scalar stands for its group's main field
		*places = append(*places, Place{path + "." + strings.Join(keys, "."), n.Span})
	}
}

// Span returns the position of a field path such as timers[0].cron, or of the
// nearest mapping that would hold it.
func (d *Daemon) Span(path string) diag.Span {
	if d.root == nil {
		return diag.Span{}
	}
	n, span := d.root.Find(path)
	if n.Kind != ynode.Mapping {
		return n.Span // the path's end, or sugar that stands for the rest of it
	}
	return span
}

// Diagnostic starts a diagnostic about the value at a field path.
func (d *Daemon) Diagnostic(code diag.Code, sev diag.Severity, path, summary string) diag.Diagnostic {
	return diag.Diagnostic{Code: code, Severity: sev, File: d.file, Span: d.Span(path), Path: path, Summary: summary}
}
