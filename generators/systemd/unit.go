package systemd

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec"
)

// line is one assignment of a unit: a key and its encoded value in
// renderer.buf.
type line struct {
	section    section
	key        string
	start, end int
}

// value returns the encoded value of a line.
func (r *renderer) value(l line) string { return string(r.buf[l.start:l.end]) }

// begin starts a value. It reports false for a directive that the target does
// not have: the capability table reports the loss.
func (r *renderer) begin(d directive) (start int, ok bool) {
	return len(r.buf), directives[d].known(r.version)
}

// maxLine is the longest line that old versions read: until some version
// between 232 and 239 the parser read into a buffer of LINE_MAX bytes and took
// what was left for the next line, which would make directives of values.
const maxLine = 2047

// maxAny is LONG_LINE_MAX of src/basic/fileio.h, beyond which the whole file
// is refused.
const maxAny = 1 << 20

// end adds the value from start on as a line.
func (r *renderer) end(d directive, start int, p place) {
	i := &directives[d]
	n := len(i.name) + 1 + len(r.buf) - start
	if n > maxLine && !r.at(239) || n >= maxAny {
		r.refuse(p, "the line would be "+strconv.Itoa(n)+" bytes long, more than this version of systemd reads", "move the value into a file")
		r.buf = r.buf[:start]
		return
	}
	r.lines = append(r.lines, line{i.section, i.name, start, len(r.buf)})
}

// plain writes a word that needs no encoding: a number, an enumeration.
func (r *renderer) plain(d directive, word string) {
	if start, ok := r.begin(d); ok {
		r.buf = append(r.buf, word...)
		r.end(d, start, place{index: -1})
	}
}

// flag writes a boolean.
func (r *renderer) flag(d directive, v bool) {
	if v {
		r.plain(d, "yes")
	} else {
		r.plain(d, "no")
	}
}

// number writes an integer.
func (r *renderer) number(d directive, n int) {
	if start, ok := r.begin(d); ok {
		r.buf = strconv.AppendInt(r.buf, int64(n), 10)
		r.end(d, start, place{index: -1})
	}
}

// count writes an integer or infinity.
func (r *renderer) count(d directive, n int) {
	if n == spec.Unlimited {
		r.plain(d, "infinity")
	} else {
		r.number(d, n)
	}
}

// duration writes a time span (systemd.time(7)), rounded up to the
// microseconds that systemd keeps.
func (r *renderer) duration(d directive, v spec.Duration) {
	if v != spec.Infinity && v%spec.Microsecond != 0 {
		v += spec.Microsecond - v%spec.Microsecond
	}
	r.plain(d, v.String())
}

// size writes a number of bytes; the suffixes K, M, G are to the base 1024 in
// both (systemd.resource-control(5)).
func (r *renderer) size(d directive, v spec.Size) { r.plain(d, v.String()) }

// mode writes permission bits.
func (r *renderer) mode(d directive, m spec.Mode) { r.plain(d, m.String()) }

// text writes a value that takes the rest of the line. Only % is special; the
// parser strips blanks at both ends and takes a backslash at the end for a
// continued line, so neither can be written.
func (r *renderer) text(d directive, p place, s string) {
	start, ok := r.begin(d)
	if ok && r.checkText(p, s) {
		r.buf = r.escape(r.buf, s, textEscapes)
		r.end(d, start, p)
	}
}

// prefixed is text after a prefix that is already native.
func (r *renderer) prefixed(d directive, p place, prefix, s string) {
	start, ok := r.begin(d)
	if ok && r.checkText(p, s) {
		r.buf = append(r.buf, prefix...)
		r.buf = r.escape(r.buf, s, textEscapes)
		r.end(d, start, p)
	}
}

func (r *renderer) checkText(p place, s string) bool {
	switch {
	case s == "":
		r.refuse(p, "an empty value resets the setting instead", "remove the key")
	case hasControl(s):
		r.refuse(p, "systemd has no way to write control characters in this setting", "write it without them")
	case s[0] == ' ' || s[len(s)-1] == ' ':
		r.refuse(p, "systemd drops blanks at the ends of the value", "remove them")
	case (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1:
		r.refuse(p, "a backslash at the end continues the value on the next line", "remove it")
	default:
		return true
	}
	return false
}

// hasControl reports whether s holds control characters other than the marks
// of references.
func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == spec.RefMark && i+1 < len(s) {
			i++
		} else if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// words writes a list in one line, each word quoted where needed. The parsers
// of lists differ in whether they read C escapes, but all take \\ and \" in
// double quotes; there is no common form for control characters.
func (r *renderer) words(d directive, p place, words []string) {
	if len(words) == 0 {
		return
	}
	start, ok := r.begin(d)
	if !ok {
		return
	}
	for i, w := range words {
		if hasControl(w) {
			r.refuse(p, "systemd has no way to write control characters in this setting", "write it without them")
			r.buf = r.buf[:start]
			return
		}
		if i > 0 {
			r.buf = append(r.buf, ' ')
		}
		r.buf = r.word(r.buf, w)
	}
	r.end(d, start, p)
}

// word appends one word of a list.
func (r *renderer) word(dst []byte, w string) []byte {
	if isPlain(w) {
		return r.escape(dst, w, textEscapes)
	}
	dst = append(dst, '"')
	dst = r.escape(dst, w, wordEscapes)
	return append(dst, '"')
}

// signed writes a list in which ~ inverts. Systemd takes ~ only at the
// beginning of a line and for all of it, so each run of words with the same
// sign has its own line. A list without words is written as one empty line.
func (r *renderer) signed(d directive, p place, words []string, empty bool) {
	if len(words) == 0 && empty {
		r.plain(d, "")
		return
	}
	for i := 0; i < len(words); {
		start, ok := r.begin(d)
		if !ok {
			return
		}
		inverted := strings.HasPrefix(words[i], "~")
		if inverted {
			r.buf = append(r.buf, '~')
		}
		for first := i; i < len(words) && strings.HasPrefix(words[i], "~") == inverted; i++ {
			if i > first {
				r.buf = append(r.buf, ' ')
			}
			r.buf = r.word(r.buf, strings.TrimPrefix(words[i], "~"))
		}
		r.end(d, start, p)
	}
}

// environ writes one variable. Specifiers are expanded, $ is not
// (systemd.exec(5), Environment=).
func (r *renderer) environ(d directive, p place, name, value string) {
	start, ok := r.begin(d)
	if !ok {
		return
	}
	r.buf = append(r.buf, '"')
	r.buf = append(r.buf, name...)
	r.buf = append(r.buf, '=')
	r.buf = r.escape(r.buf, value, cEscapes)
	r.buf = append(r.buf, '"')
	r.end(d, start, p)
}

// exec writes a command line (systemd.service(5), "Command lines").
func (r *renderer) exec(d directive, p place, prefix string, argv []string) {
	start, ok := r.begin(d)
	if !ok || len(argv) == 0 {
		return
	}
	prog := argv[0]
	switch {
	case hasControl(prog):
		r.refuse(p, "systemd refuses programs with control characters in the path", "rename the program")
		return
	case strings.ContainsAny(prog, `"'\`):
		// string_is_safe() in config_parse_exec, src/core/load-fragment.c
		r.refuse(p, "systemd refuses programs with a quote or backslash in the path", "rename the program, or start it through a symbolic link")
		return
	}
	r.buf = append(r.buf, prefix...)
	// $ is literal in the path itself, but the path is also the first argument,
	// in which it is expanded as in all others (exec_child, src/core/execute.c):
	// @ gives that argument apart, where $ can be doubled.
	dollar := strings.IndexByte(prog, '$') >= 0
	if dollar {
		r.buf = append(r.buf, '@')
	}
	switch {
	case isPlain(prog):
		r.buf = r.escape(r.buf, prog, textEscapes)
	case r.at(222):
		r.buf = append(r.buf, '"')
		r.buf = r.escape(r.buf, prog, textEscapes)
		r.buf = append(r.buf, '"')
	default: // older versions do not unquote the first word, but read its escapes
		for i, part := range strings.Split(prog, " ") {
			if i > 0 {
				r.buf = append(r.buf, `\x20`...)
			}
			r.buf = r.escape(r.buf, part, textEscapes)
		}
	}
	if dollar {
		r.buf = append(r.buf, ' ')
		r.buf = r.argument(r.buf, prog)
	}
	for _, arg := range argv[1:] {
		r.buf = append(r.buf, ' ')
		r.buf = r.argument(r.buf, arg)
	}
	r.end(d, start, p)
}

// argument appends one argument of a command line.
func (r *renderer) argument(dst []byte, arg string) []byte {
	if isPlain(arg) {
		return r.escape(dst, arg, textEscapes)
	}
	dst = append(dst, '"')
	dst = r.escape(dst, arg, cEscapes|dollarEscapes)
	return append(dst, '"')
}

// native writes a value that is in native syntax already.
func (r *renderer) native(d directive, s string) { r.plain(d, s) }

// isPlain reports whether a word means itself without quotes in every list
// and command line of systemd: no blanks, quotes, backslashes, no $ and no
// lone ; that would end a command.
func isPlain(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == spec.RefMark && i+1 < len(s):
			i++
		case strings.IndexByte("/.-_:=,@%+~", c) < 0:
			return false
		}
	}
	return true
}

// escapes selects what escape replaces besides % and references.
type escapes uint8

const (
	textEscapes   escapes = 0
	wordEscapes   escapes = 1 << iota // \ and "
	controls                          // C escapes for control characters
	dollarEscapes                     // $$ for $
	cEscapes      = wordEscapes | controls
)

// escape appends s with % doubled, references in their native form, and what
// esc says.
func (r *renderer) escape(dst []byte, s string, esc escapes) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == spec.RefMark && i+1 < len(s):
			i++
			dst = r.appendRef(dst, spec.Ref(s[i]), esc)
		case c == '%':
			dst = append(dst, '%', '%')
		case esc&wordEscapes != 0 && (c == '"' || c == '\\'):
			dst = append(dst, '\\', c)
		case esc&dollarEscapes != 0 && c == '$':
			dst = append(dst, '$', '$')
		case esc&controls != 0 && (c < ' ' || c == 0x7f):
			dst = appendControl(dst, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendControl appends a C escape (unescape_one, src/basic/escape.c).
func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '\n':
		return append(dst, `\n`...)
	case '\t':
		return append(dst, `\t`...)
	case '\r':
		return append(dst, `\r`...)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'x', hex[c>>4], hex[c&15])
}

// appendRef appends the native form of a reference (systemd.unit(5),
// "Specifiers"). Instances consist of characters that %i does not escape.
func (r *renderer) appendRef(dst []byte, ref spec.Ref, esc escapes) []byte {
	switch ref {
	case spec.RefInstance:
		return append(dst, "%i"...)
	case spec.RefName:
		return append(dst, r.d.Name...)
	}
	base, name := r.dirSpecifier(ref)
	dst = append(dst, base...)
	return r.escape(dst, replaceName(name, r.d.Name), esc)
}

// open begins a unit.
func (r *renderer) open() { r.buf, r.lines = r.buf[:0], r.lines[:0] }

// close adds the unit as a file. The comment depends on nothing but the
// daemon, so that equal input gives equal bytes.
func (r *renderer) close(name string) {
	scope := ""
	if r.user {
		scope = " --user"
	}
	n := 200
	for _, l := range r.lines {
		n += len(l.key) + 2 + l.end - l.start
	}
	out := make([]byte, 0, n)
	out = append(out, "# Part of the daemon "...)
	out = append(out, r.d.Name...)
	out = append(out, ", generated by daemonize. Changes here are overwritten;\n# extend it with: systemctl"...)
	out = append(out, scope...)
	out = append(out, " edit "...)
	out = append(out, name...)
	out = append(out, '\n')
	for sec := range sectionCount {
		header := false
		for _, l := range r.lines {
			if l.section != sec {
				continue
			}
			if !header {
				header = true
				out = append(out, "\n["...)
				out = append(out, sectionNames[sec]...)
				out = append(out, "]\n"...)
			}
			out = append(out, l.key...)
			out = append(out, '=')
			out = append(out, r.buf[l.start:l.end]...)
			out = append(out, '\n')
		}
	}
	r.b.Add(r.unitDir()+name, 0o644, out)
}
