package unit

import (
	"strings"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec/diag"
)

const (
	blanks = " \t\n\r"
	// maxLine is the longest line and the longest joined line
	// (LONG_LINE_MAX of basic/def.h).
	maxLine = 1 << 20
)

// lexer splits a unit file into logical lines.
type lexer struct {
	file string
	src  string
	line int // number of the last physical line read
	bom  bool

	remarks []Remark
	pending int // how many of them wait for the next line
}

// remark keeps a comment that speaks to daemonize.
func (l *lexer) remark(comment string) {
	if _, text, ok := strings.Cut(comment, "daemonize:"); ok {
		at := Origin{File: l.file, Pos: diag.Pos{Line: l.line, Column: 1}}
		l.remarks = append(l.remarks, Remark{Text: strings.Trim(text, blanks), At: at})
		l.pending++
	}
}

// settle tells the remarks before a line about it.
func (l *lexer) settle(line logicalLine) {
	for ; l.pending > 0; l.pending-- {
		r := &l.remarks[len(l.remarks)-l.pending]
		r.Next, r.Header = line.origin.Line, line.text[0] == '['
	}
}

// logicalLine is a line after joining; text has no blanks at its ends.
type logicalLine struct {
	text   string
	origin Origin
}

// next returns the next line that is neither empty nor a comment. ok is false
// at the end; a non-empty reason means that the file is refused there.
func (l *lexer) next() (out logicalLine, ok bool, reason string) {
	var joined strings.Builder
	continued := false
	for {
		line, more := l.physical()
		if !more {
			break
		}
		if len(line) >= maxLine {
			return l.at(line, out, continued), false, "the line is longer than 1 MiB"
		}
		// Comments are dropped also inside a continuation, and a comment's own
		// backslash means nothing; an empty line ends it (conf-parser.c).
		if rest := strings.TrimLeft(line, blanks); rest != "" && (rest[0] == '#' || rest[0] == ';') {
			l.remark(rest)
			continue
		}
		if !l.bom {
			// The mark is dropped once, at the start of whichever line has it first.
			if s, found := strings.CutPrefix(line, "\ufeff"); found {
				l.bom, line = true, s
			}
		}
		if !continued {
			out = l.at(line, out, false)
		}
		if continued && joined.Len()+len(line) > maxLine {
			return out, false, "the joined line is longer than 1 MiB"
		}
		if trailingEscape(line) {
			joined.WriteString(line[:len(line)-1])
			joined.WriteByte(' ')
			continued = true
			continue
		}
		if continued {
			joined.WriteString(line)
			line = joined.String()
		}
		joined.Reset()
		continued = false
		if out.text = strings.Trim(line, blanks); out.text != "" {
			l.settle(out)
			return out, true, ""
		}
	}
	if continued {
		if out.text = strings.Trim(joined.String(), blanks); out.text != "" {
			l.settle(out)
			return out, true, ""
		}
	}
	return logicalLine{}, false, ""
}

// at gives the place of a line: of its first one when it is joined.
func (l *lexer) at(line string, first logicalLine, continued bool) logicalLine {
	if continued {
		return first
	}
	column := 1 + len(line) - len(strings.TrimLeft(line, blanks))
	return logicalLine{origin: Origin{File: l.file, Pos: diag.Pos{Line: l.line, Column: column}}}
}

// physical returns the next line without its end. NUL, LF and CR all end a
// line; a run of different ones counts as one end, and NUL closes the run
// (read_line_full of basic/fileio.c).
func (l *lexer) physical() (string, bool) {
	if l.src == "" {
		return "", false
	}
	l.line++
	i := 0
	for i < len(l.src) && l.src[i] != '\n' && l.src[i] != '\r' && l.src[i] != 0 {
		i++
	}
	line := l.src[:i]
	var lf, cr bool
	for i < len(l.src) {
		c := l.src[i]
		if c == 0 {
			i++
			break
		}
		if c == '\n' && !lf {
			lf = true
		} else if c == '\r' && !cr {
			cr = true
		} else {
			break
		}
		i++
	}
	l.src = l.src[i:]
	return line, true
}

// trailingEscape reports whether a backslash that is not itself escaped ends
// the line.
func trailingEscape(line string) bool {
	n := len(line)
	for n > 0 && line[n-1] == '\\' {
		n--
	}
	return (len(line)-n)%2 == 1
}

// validUTF8 is stricter than Go: noncharacters are refused as well
// (unichar_is_valid of basic/utf8.c).
func validUTF8(s string) bool {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return true
	}
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
			return false
		}
	}
	return true
}

// hasControl reports whether s has an ASCII control character.
func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// safeString is what section names and programs must be: no control
// characters, quotes or backslashes.
func safeString(s string) bool { return !hasControl(s) && !strings.ContainsAny(s, `"'\`) }
