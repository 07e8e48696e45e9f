package spec

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
)

// check runs the rules that look at several fields of a decoded daemon. They
// are silent about anything that can make sense: a rule that cries wolf gets
// all of them ignored. Errors are reserved for what cannot work.
func check(d *Daemon, diags *diag.List) {
	c := checker{d, diags}
	c.lifecycle()
	c.restart()
	c.healthcheck()
	c.timers()
	c.sockets()
	c.watches()
	c.relations()
	c.instances()
	c.logging()
	c.commands()
	c.environment()
	c.identity()
	c.capabilities()
	c.files()
	c.network()
	c.sandbox()
	c.resources()
}

type checker struct {
	*Daemon
	diags *diag.List
}

// also is a second place of a finding.
type also struct{ path, message string }

func (c *checker) report(code diag.Code, sev diag.Severity, path, summary, detail, fix string, related ...also) {
	g := c.Diagnostic(code, sev, path, summary)
	g.Detail, g.Fix = detail, fix
	if span, ok := c.word(path); ok {
		g.Span = span
	}
	for _, r := range related {
		// A missing field has no place of its own to show.
		if span := c.Span(r.path); span != g.Span && c.given(r.path) {
			g.Related = append(g.Related, diag.Related{Span: span, Message: r.message})
		}
	}
	*c.diags = append(*c.diags, g)
}

// word finds an argument inside a command that is written as a string.
func (c *checker) word(path string) (diag.Span, bool) {
	i := strings.LastIndexByte(path, '[')
	if i < 0 {
		return diag.Span{}, false
	}
	id, ok := field.Lookup(field.OfPath(path[:i]))
	if !ok || id.Info().Kind != "command" {
		return diag.Span{}, false
	}
	n, _ := c.root.Find(path[:i])
	index, err := strconv.Atoi(path[i+1 : len(path)-1])
	words, splitErr := SplitCommand(n.Value)
	if n.Kind != ynode.Scalar || n.Quoted || err != nil || splitErr != nil || index >= len(words) || n.Span.Start.Line != n.Span.End.Line {
		return diag.Span{}, false
	}
	// Only where the string shows every argument before as it is, its place is certain.
	at := 0
	for k, w := range words[:index+1] {
		j := strings.Index(n.Value[at:], w)
		if j < 0 || strings.TrimLeft(n.Value[at:at+j], " ") != "" {
			return diag.Span{}, false
		}
		at += j
		if k < index {
			at += len(w)
		}
	}
	span := n.Span
	span.Start.Column += utf8.RuneCountInString(n.Value[:at])
	span.End.Column = span.Start.Column + utf8.RuneCountInString(words[index])
	return span, true
}

// given reports whether a path is in the document, itself or through sugar.
func (c *checker) given(path string) bool {
	id, ok := field.Lookup(field.OfPath(path))
	return !ok || c.present.has(id)
}

func (c *checker) warn(code diag.Code, path, summary, detail, fix string, related ...also) {
	c.report(code, diag.Warning, path, summary, detail, fix, related...)
}

func (c *checker) fail(code diag.Code, path, summary, detail, fix string, related ...also) {
	c.report(code, diag.Error, path, summary, detail, fix, related...)
}

// by is where a sandboxing field gets its value, which may be the profile.
func (c *checker) by(id field.ID) also {
	if c.FromProfile(id) {
		return also{"sandboxing.profile", "the profile " + c.Sandboxing.Profile + " sets " + id.String()}
	}
	return also{id.String(), id.String() + " is given here"}
}

// lift says how to undo a sandboxing field.
func (c *checker) lift(id field.ID, value string) string {
	if c.FromProfile(id) {
		return "set " + id.String() + ": " + value + " beside the profile"
	}
	return "set " + id.String() + ": " + value
}

// isRoot reports whether the service runs as root.
func (d *Daemon) isRoot() bool {
	return !d.Sandboxing.DynamicUser && (d.User == "" || d.User == "root" || d.User == "0")
}

// within reports whether the path is dir or below it.
func within(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(dir, "/"))
}

// baseName is the last component of a path.
func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// strip removes the prefixes of mount paths.
func strip(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "-"), "+")
}

// oneOfWords reports whether the space-separated words include w.
func oneOfWords(words, w string) bool {
	if w == "" || strings.Contains(w, " ") {
		return false
	}
	for i := 0; ; i++ {
		j := strings.Index(words[i:], w)
		if j < 0 {
			return false
		}
		i += j
		end := i + len(w)
		if (i == 0 || words[i-1] == ' ') && (end == len(words) || words[end] == ' ') {
			return true
		}
	}
}
