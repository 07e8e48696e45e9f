// Package ynode turns YAML text into a small tree in which every key and
// value knows its place in the file, so that whatever is found wrong later can
// be shown where it was written. It is the only importer of the YAML parser.
//
// The parser is used for one thing: its node tree. Decoding into Go structs is
// avoided throughout, because that path silently drops duplicate information,
// coerces types and can panic on hostile merge keys. Everything the parser
// leaves open is settled here: duplicate keys, merge keys, alias bombs, custom
// tags, control characters, and the true position of syntax errors, which the
// parser reports without a column and often with the line of something else.
package ynode

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
)

// Kind tells the three sorts of node apart.
type Kind uint8

// The kinds. Invalid, the zero value, stands in for a value that could not be
// represented (an alias to itself, a value nested too deeply); a diagnostic
// about it has already been made, so a decoder passes over it in silence.
const (
	Invalid Kind = iota
	Scalar
	Sequence
	Mapping
)

// String returns the word used in messages.
func (k Kind) String() string {
	switch k {
	case Scalar:
		return "scalar"
	case Sequence:
		return "list"
	case Mapping:
		return "mapping"
	}
	return "invalid"
}

// Node is one value of the document. Nodes are read-only: aliases share the
// children of the node they refer to.
type Node struct {
	Kind Kind
	// Tag is the resolved short tag: !!str, !!int, !!float, !!bool, !!null,
	// !!timestamp, !!seq or !!map. Only the words of YAML 1.2 resolve, so yes,
	// no, on and off are !!str.
	Tag string
	// Value is the text of a scalar, unquoted and unfolded.
	Value string
	// Quoted is set if the author made the scalar a string explicitly: by
	// quotes, as a block scalar or with the tag !!str.
	Quoted bool
	// Span is where the value is written, without anchor and tag. Its end is
	// exact for plain and quoted scalars and for [] and {}; for block scalars
	// and block collections it is the end of the last line or child. The node
	// of an alias has the span of the alias; its children have their own.
	Span  diag.Span
	Items []*Node // elements of a Sequence
	Pairs []Pair  // entries of a Mapping, see Pair
}

// Pair is one entry of a mapping. The entries are in document order; those of
// a merge key stand in its place. Keys are unique: of duplicates, which are
// reported, the first stays.
type Pair struct {
	Key     string
	KeySpan diag.Span
	Value   *Node // never nil
}

// Get returns the entry of a mapping, or nil.
func (n *Node) Get(key string) *Pair {
	if n == nil {
		return nil
	}
	for i := range n.Pairs {
		if n.Pairs[i].Key == key {
			return &n.Pairs[i]
		}
	}
	return nil
}

// Find follows a field path such as timers[0].cron or environment["a.b"] (see
// [JoinKey]) and returns the value with its span. If the path leads nowhere, it
// returns the deepest value on the way that exists, with the span of its key:
// that is the place to say that something below it is missing. List elements
// and the root have no key, so their own span is returned.
func (n *Node) Find(path string) (*Node, diag.Span) {
	if n == nil {
		return nil, diag.Span{}
	}
	fallback := n.Span
	for path != "" {
		key, index, rest, ok := cutPath(path)
		switch {
		case !ok:
			return n, fallback
		case index >= 0:
			if index >= len(n.Items) {
				return n, fallback
			}
			n = n.Items[index]
			fallback = n.Span
		default:
			p := n.Get(key)
			if p == nil {
				return n, fallback
			}
			n, fallback = p.Value, p.KeySpan
		}
		path = rest
	}
	return n, n.Span
}

// cutPath takes the first step off a path: a key, or an index if that is not
// negative.
func cutPath(path string) (key string, index int, rest string, ok bool) {
	index = -1
	switch {
	case strings.HasPrefix(path, `["`):
		quoted, err := strconv.QuotedPrefix(path[1:])
		if err != nil {
			return "", -1, "", false
		}
		if key, err = strconv.Unquote(quoted); err != nil {
			return "", -1, "", false
		}
		rest, ok = strings.CutPrefix(path[1+len(quoted):], "]")
	case path[0] == '[':
		var digits string
		digits, rest, ok = strings.Cut(path[1:], "]")
		i, err := strconv.ParseUint(digits, 10, 31)
		ok = ok && err == nil
		index = int(i)
	default:
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		key, rest, ok = path[:end], path[end:], end > 0
	}
	// A dot joins to a further key only; after it something must follow.
	if after, dot := strings.CutPrefix(rest, "."); dot {
		if after == "" || after[0] == '[' || after[0] == '.' {
			return "", -1, "", false
		}
		rest = after
	} else if rest != "" && rest[0] != '[' {
		return "", -1, "", false
	}
	return key, index, rest, ok
}

// JoinKey extends a path by a mapping key: parent.key, or parent["key"] if the
// key has characters that the path syntax needs itself.
func JoinKey(path, key string) string {
	if !plainKey(key) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// JoinIndex extends a path by a list index, counted from 0.
func JoinIndex(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

func plainKey(key string) bool {
	for _, r := range key {
		if r <= ' ' || r == '.' || r == '[' || r == ']' || r == '"' || r == '\'' || r == '\\' || !strconv.IsPrint(r) {
			return false
		}
	}
	return key != ""
}
