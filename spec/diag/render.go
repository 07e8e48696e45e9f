package diag

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Render writes the list for people: for each diagnostic its first line (as
// [Diagnostic.String]), the source line with the place underlined, the related
// places, the reason and the fix. A note is its first line only: it asks for
// nothing. source returns the content of a file, nil
// if it is not at hand; then, as for diagnostics without a position, the
// source line is left out. A nil source is none for every file.
//
// Whatever comes from the document is made harmless for terminals: control
// characters, invisible and direction-changing ones and broken UTF-8 are
// written as escapes.
func Render(w io.Writer, list List, source func(file string) []byte, color bool) error {
	r := renderer{source: source, color: color, files: map[string]lines{}}
	for i := range list {
		if i > 0 && (list[i].Severity != Note || list[i-1].Severity != Note) {
			r.out.WriteByte('\n')
		}
		r.diagnostic(&list[i])
	}
	_, err := w.Write(r.out.Bytes())
	return err
}

// lines are the lines of a file without their ends.
type lines [][]byte

type renderer struct {
	out    bytes.Buffer
	source func(string) []byte
	color  bool
	files  map[string]lines
	cells  []cell // of the line before, to be used again
}

// The SGR sequences of ECMA-48 that are used.
const (
	sgrReset  = "\x1b[0m"
	sgrBold   = "\x1b[1m"
	sgrRed    = "\x1b[1;31m"
	sgrYellow = "\x1b[1;33m"
	sgrCyan   = "\x1b[1;36m"
	sgrBlue   = "\x1b[34m"
	sgrGreen  = "\x1b[32m"
)

func (r *renderer) paint(sgr, s string) {
	if !r.color || s == "" {
		r.out.WriteString(s)
		return
	}
	r.out.WriteString(sgr + s + sgrReset)
}

func (s Severity) sgr() string {
	switch s {
	case Error:
		return sgrRed
	case Warning:
		return sgrYellow
	case Note:
		return sgrCyan
	}
	return ""
}

func (r *renderer) diagnostic(d *Diagnostic) {
	if at := place(d.File, d.Span.Start); at != "" {
		r.paint(sgrBold, at)
		r.out.WriteByte(' ')
	}
	r.paint(d.Severity.sgr(), d.Severity.String()+":")
	r.out.WriteByte(' ')
	r.paint(sgrBold, Printable(d.Summary))
	r.out.WriteString(" [" + Printable(string(d.Code)) + "]\n")
	if d.Severity == Note {
		return
	}

	// All gutters of one diagnostic have the width of its largest line number.
	last := d.Span.Start.Line
	for i := range d.Related {
		last = max(last, d.Related[i].Span.Start.Line)
	}
	gutter := len(strconv.Itoa(last))
	r.snippet(d.File, d.Span, gutter, d.Severity.sgr(), d.Code.Secret())
	for i := range d.Related {
		rel := &d.Related[i]
		if at := place(d.File, rel.Span.Start); at != "" {
			r.out.WriteString(at + " ")
		}
		r.out.WriteString(Printable(rel.Message) + "\n")
		r.snippet(d.File, rel.Span, gutter, sgrBlue, d.Code.Secret())
	}
	r.text("why", d.Detail, sgrBlue)
	r.text("fix", d.Fix, sgrGreen)
}

// place formats file:line:col:, as much of it as is known.
func place(file string, p Pos) string {
	s := ""
	if file != "" {
		s = Printable(file) + ":"
	}
	if !p.IsZero() {
		s += strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) + ":"
	}
	return s
}

func (r *renderer) text(label, s, sgr string) {
	if s == "" {
		return
	}
	for line := range strings.SplitSeq(s, "\n") {
		r.out.WriteString("  ")
		r.paint(sgr, label)
		if label != "" {
			r.out.WriteString(": ")
		} else {
			r.out.WriteString("     ")
		}
		r.out.WriteString(Printable(line) + "\n")
		label = ""
	}
}

// lines returns the lines of a file, read once.
func (r *renderer) lines(file string) lines {
	if r.source == nil {
		return nil
	}
	l, ok := r.files[file]
	if !ok {
		l = bytes.Split(r.source(file), []byte("\n"))
		r.files[file] = l
	}
	return l
}

// cell is a character as it is shown.
type cell struct {
	text  string
	width int // columns of the terminal
}

// Of longer lines a window of maxShown characters is shown, which begins lead
// characters before the place.
const (
	maxShown = 120
	lead     = 40
	tabStop  = 4
)

// snippet writes the source line of a place and underlines it. What follows a
// secret's name on the line is not shown.
func (r *renderer) snippet(file string, span Span, gutter int, sgr string, secret bool) {
	all := r.lines(file)
	if span.Start.Line < 1 || span.Start.Line > len(all) {
		return
	}
	line := bytes.TrimSuffix(all[span.Start.Line-1], []byte("\r"))
	length := utf8.RuneCount(line)
	start := min(max(span.Start.Column-1, 0), length)
	end := min(max(span.End.Column-1, start), length)
	if secret {
		line = line[:runes(line, end)]
		length = end
	}
	if span.End.Line > span.Start.Line {
		end = length // goes on in the next line
	}

	before, after := "", ""
	if secret {
		after = "..."
	}
	if length > maxShown {
		if start > maxShown/2 {
			before = "..."
			line = line[runes(line, start-lead):]
			start, end, length = lead, end-start+lead, length-start+lead
		}
		if length > maxShown {
			after = "..."
		}
	}
	r.cells = split(r.cells[:0], line, maxShown)
	cells := r.cells
	end = min(end, len(cells))

	number := strconv.Itoa(span.Start.Line)
	r.paint(sgrBlue, " "+strings.Repeat(" ", gutter-len(number))+number+" | ")
	r.out.WriteString(before)
	for _, c := range cells {
		r.out.WriteString(c.text)
	}
	r.out.WriteString(after + "\n")

	r.paint(sgrBlue, " "+strings.Repeat(" ", gutter)+" | ")
	r.out.WriteString(strings.Repeat(" ", len(before)+width(cells[:start])))
	r.paint(sgr, strings.Repeat("^", max(width(cells[start:max(start, end)]), 1)))
	r.out.WriteByte('\n')
}

// runes returns the length in bytes of the first n characters.
func runes(line []byte, n int) int {
	size := 0
	for range n {
		_, w := utf8.DecodeRune(line[size:])
		size += w
	}
	return size
}

func width(cells []cell) int {
	w := 0
	for _, c := range cells {
		w += c.width
	}
	return w
}

// split cuts a line into at most limit characters.
func split(cells []cell, line []byte, limit int) []cell {
	column := 0
	for len(line) > 0 && len(cells) < limit {
		c, n := cut(line)
		if line[0] == '\t' {
			c.width = tabStop - column%tabStop
			c.text = strings.Repeat(" ", c.width)
		}
		column += c.width
		cells = append(cells, c)
		line = line[n:]
	}
	return cells
}

// cut returns the first character as it is shown, and its length in bytes.
func cut(b []byte) (cell, int) {
	if ' ' <= b[0] && b[0] <= '~' {
		return cell{string(b[:1]), 1}, 1
	}
	c, n := utf8.DecodeRune(b)
	switch {
	case c == utf8.RuneError && n <= 1:
		return escaped(`\x`, uint64(b[0]), 2), 1
	case c < 0x20 || c == 0x7f:
		return escaped(`\x`, uint64(c), 2), n
	case hidden(c) && c <= 0xffff:
		return escaped(`\u`, uint64(c), 4), n
	case hidden(c):
		return escaped(`\U`, uint64(c), 8), n
	case unicode.In(c, unicode.Mn, unicode.Me):
		return cell{string(c), 0}, n
	case wide(c):
		return cell{string(c), 2}, n
	}
	return cell{string(c), 1}, n
}

func escaped(prefix string, c uint64, digits int) cell {
	hex := strconv.FormatUint(c, 16)
	s := prefix + strings.Repeat("0", digits-len(hex)) + hex
	return cell{s, len(s)}
}

// Width returns the columns that printable text takes on a terminal.
func Width(s string) int {
	w := 0
	for len(s) > 0 {
		if ' ' <= s[0] && s[0] <= '~' {
			w++
			s = s[1:]
			continue
		}
		c, n := cut([]byte(s[:min(len(s), utf8.UTFMax)]))
		w += c.width
		s = s[n:]
	}
	return w
}

// hidden reports characters that a terminal obeys or does not show: the C1
// controls, everything of category Cf (direction overrides, zero-width
// characters, tags), line and paragraph separators, private use. Emoji
// sequences keep their joiner.
func hidden(c rune) bool {
	if c == 0x200d {
		return false
	}
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

// wide reports characters of two columns: the blocks that East Asian Width
// (UAX 11) calls W or F, as ranges that are coarse where nothing is assigned.
func wide(c rune) bool {
	return c >= 0x1100 && (c <= 0x115f || // Hangul Jamo
		c >= 0x2e80 && c <= 0x303e || // CJK radicals, punctuation
		c >= 0x3041 && c <= 0x33ff || // kana, Bopomofo, CJK symbols
		c >= 0x3400 && c <= 0x4dbf ||
		c >= 0x4e00 && c <= 0xa4cf || // CJK, Yi
		c >= 0xa960 && c <= 0xa97f ||
		c >= 0xac00 && c <= 0xd7a3 || // Hangul
		c >= 0xf900 && c <= 0xfaff ||
		c >= 0xfe30 && c <= 0xfe6f || // compatibility forms
		c >= 0xff00 && c <= 0xff60 || // full-width forms
		c >= 0xffe0 && c <= 0xffe6 ||
		c >= 0x1f300 && c <= 0x1f64f || // emoji
		c >= 0x1f680 && c <= 0x1f6ff ||
		c >= 0x1f900 && c <= 0x1f9ff ||
		c >= 0x20000 && c <= 0x3fffd)
}

// Printable makes text harmless for a terminal: control characters, direction
// overrides and the like, and bytes that are not UTF-8 become \x1b, \u202e,
// \xff; tabs and newlines become \t and \n.
func Printable(s string) string {
	clean := true
	for _, c := range s {
		if c < 0x20 || c == 0x7f || c == utf8.RuneError || c >= 0x80 && hidden(c) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var out strings.Builder
	for b := []byte(s); len(b) > 0; {
		switch b[0] {
		case '\n':
			out.WriteString(`\n`)
			b = b[1:]
		case '\t':
			out.WriteString(`\t`)
			b = b[1:]
		default:
			c, n := cut(b)
			out.WriteString(c.text)
			b = b[n:]
		}
	}
	return out.String()
}
