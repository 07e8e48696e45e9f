// Package report writes what an audit found: as text for a terminal, as JSON,
// as SARIF 2.1.0 for code scanning, as Markdown for the summary of a CI job,
// as one self-contained HTML page, and for the merge requests of GitLab.
//
// A [Writer] takes one unit at a time. JSON, SARIF and GitLab need the memory
// of one unit; the others put the worst unit first, so they keep what they will
// print. The same units give the same bytes: nothing depends on the clock, the
// machine or the order of a map. Names, paths and messages may be hostile;
// every format escapes them.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening"
)

// Writer writes a report. After an error it is of no more use.
type Writer interface {
	// Unit adds one audited unit. The result is not changed and not kept.
	Unit(*hardening.Result) error
	// Close writes what is left; it does not close the underlying writer.
	Close() error
}

// Rule describes what a finding's ID stands for.
type Rule struct {
	ID        string // for example H001
	Severity  string // one of the severities of package hardening
	Title     string // lower case, no full stop: "the service runs as root"
	Reason    string // why it matters, in sentences
	Fix       string // what to do, in sentences
	Reference string // URL or manual page
}

// Options says how a report looks. The zero value is right for a file.
type Options struct {
	// Rules are those that may have findings, in the order of their IDs; SARIF
	// and HTML explain findings with them.
	Rules []Rule
	// Version is the version of daemonize, for SARIF and HTML.
	Version string
	// Threshold marks units with a higher exposure as failed; nil marks none.
	Threshold *hardening.Exposure
	// FailOn is the least severity that fails the audit; empty is none.
	FailOn string

	// Color and Width are those of the terminal; width 0 is 80. Text only.
	Color bool
	Width int
	// All prints every unit in full, not only the worst. Text only.
	All bool
}

// Formats returns the names that [New] takes.
func Formats() []string { return slices.Clone(formats[:]) }

var formats = [...]string{"text", "json", "sarif", "markdown", "html", "gitlab"}

// New returns a writer of the named format.
func New(format string, w io.Writer, o Options) (Writer, error) {
	switch format {
	case "text":
		return Text(w, o), nil
	case "json":
		return JSON(w), nil
	case "sarif":
		return SARIF(w, o), nil
	case "markdown":
		return Markdown(w, o), nil
	case "html":
		return HTML(w, o), nil
	case "gitlab":
		return GitLab(w), nil
	}
	return nil, fmt.Errorf("unknown format %q: one of %s", format, strings.Join(formats[:], ", "))
}

// JSON returns a writer of [hardening.Report]. It streams.
func JSON(w io.Writer) Writer { return jsonWriter{hardening.NewEncoder(w)} }

type jsonWriter struct{ *hardening.Encoder }

func (j jsonWriter) Unit(r *hardening.Result) error { return j.Encode(r) }
