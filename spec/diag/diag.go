// Package diag describes what is wrong with a user's document.
//
// A [Diagnostic] speaks of the document (what, where, why, and how to mend
// it); an error speaks of the world (a file that cannot be read). A [List]
// is deliberately not an error, so that a typed nil can never be mistaken
// for a failure: [List.Err] makes one.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says what a diagnostic does to the outcome. The zero value is
// invalid, so that a forgotten severity is noticed.
type Severity uint8

// The severities, most serious first.
const (
	_       Severity = iota
	Error            // the document is refused
	Warning          // accepted, but probably not what was meant
	Note             // worth knowing
)

// String returns the word printed in messages: error, warning or note.
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Note:
		return "note"
	}
	return "invalid"
}

// MarshalText makes JSON show the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Pos is a place in a file. Line and Column count from 1, Column in
// characters (not bytes); the zero Pos is "nowhere".
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// IsZero reports whether the position is unknown.
func (p Pos) IsZero() bool { return p.Line == 0 }

// Span is a stretch of a file; End is exclusive and may be zero when only the
// start is known.
type Span struct {
	Start Pos `json:"start"`
	End   Pos `json:"end"`
}

// Related is a second place that belongs to the same problem: the other half
// of a conflict, the first of two duplicate keys.
type Related struct {
	Span    Span   `json:"span"`
	Message string `json:"message"`
}

// Diagnostic is one finding about a document.
type Diagnostic struct {
	Code     Code      `json:"code"`     // stable identifier, see Codes
	Severity Severity  `json:"severity"` // never zero
	File     string    `json:"file,omitempty"`
	Span     Span      `json:"span"`
	Path     string    `json:"path,omitempty"`    // field path, for example timers[0].cron
	Backend  string    `json:"backend,omitempty"` // set for losses: which backend, for example systemd@247
	Summary  string    `json:"summary"`           // what is wrong, lower case, no full stop
	Detail   string    `json:"detail,omitempty"`  // why it matters
	Fix      string    `json:"fix,omitempty"`     // what to do about it
	Related  []Related `json:"related,omitempty"`
}

// String formats the first line: file:line:col: severity: summary [CODE].
func (d *Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.File)
		b.WriteByte(':')
	}
	if !d.Span.Start.IsZero() {
		fmt.Fprintf(&b, "%d:%d:", d.Span.Start.Line, d.Span.Start.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(d.Severity.String())
	b.WriteString(": ")
	b.WriteString(d.Summary)
	b.WriteString(" [")
	b.WriteString(string(d.Code))
	b.WriteByte(']')
	return b.String()
}

// List is any number of diagnostics. It is not an error; see [List.Err].
type List []Diagnostic

// Sort puts the list in its one total order (file, position, severity, code,
// backend, path, summary) and drops exact repeats, so that output never depends on the
// order in which checks ran.
func (l *List) Sort() {
	s := *l
	slices.SortStableFunc(s, compare)
	*l = slices.CompactFunc(s, func(a, b Diagnostic) bool { return compare(a, b) == 0 })
}

func compare(a, b Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Span.Start.Line, b.Span.Start.Line),
		cmp.Compare(a.Span.Start.Column, b.Span.Start.Column),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Backend, b.Backend),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Summary, b.Summary),
	)
}

// HasErrors reports whether any entry has severity [Error].
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err returns nil if the list holds no errors, otherwise an error whose text
// is the first line of each of them.
func (l List) Err() error {
	if !l.HasErrors() {
		return nil
	}
	return &listError{l}
}

type listError struct{ list List }

func (e *listError) Error() string {
	var b strings.Builder
	for i := range e.list {
		if e.list[i].Severity != Error {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.list[i].String())
	}
	return b.String()
}
