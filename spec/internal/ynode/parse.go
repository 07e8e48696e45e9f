package ynode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/daemonize/daemonize/spec/diag"
)

// Limits of a document. A daemon spec is a page of text; the limits are far
// above any real one and keep hostile files from costing time or memory.
const (
	maxSize     = 4 << 20 // bytes in a file
	maxDepth    = 32      // nested lists and mappings
	maxExpanded = 10_000  // nodes that aliases stand for, per document
	maxDiags    = 500     // diagnostics for a file
	maxListed   = 20      // control characters, or unknown anchors, reported singly
)

// Parse reads the documents of a file and returns the root of each, together
// with everything wrong with them. It never panics. A document whose syntax is
// broken is left out; one with any other problem is returned as far as it could
// be understood, so that a decoder can look for more. Empty documents are left
// out too, and reported only if the file has nothing else.
//
// The file name is only used in the diagnostics, which are sorted.
func Parse(file string, src []byte) ([]*Node, diag.List) {
	p := parser{file: file}
	p.parse(src)
	if len(p.diags) > 1 {
		p.diags.Sort()
	}
	return p.roots, p.diags
}

type parser struct {
	file    string
	src     []byte // the text without byte order mark; control characters masked
	roots   []*Node
	diags   diag.List
	dropped bool // there were more than maxDiags
}

func (p *parser) parse(src []byte) {
	if len(src) > maxSize {
		p.report(diag.TooLarge, diag.Span{}, fmt.Sprintf("the file has %d bytes, more than the %d allowed", len(src), maxSize),
			"A spec describes one daemon or a few; a file of this size is something else.",
			"Check that this is the right file.")
		return
	}
	if !p.checkEncoding(src) {
		return
	}
	p.src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	segments := p.scan()
	for _, s := range segments {
		p.document(s)
	}
	if len(p.roots) == 0 && !p.diags.HasErrors() {
		start := diag.Pos{Line: 1, Column: 1}
		p.report(diag.EmptyDocument, diag.Span{Start: start, End: start}, "the file holds no daemon",
			"There is nothing in it besides comments and blank lines.",
			"Write a daemon, or start from `daemonize init`.")
	}
}

// report adds a diagnostic and returns it, so that more can be said. What goes
// beyond maxDiags is dropped: nobody reads it, and a hostile file could have
// millions.
func (p *parser) report(code diag.Code, span diag.Span, summary, detail, fix string) *diag.Diagnostic {
	if len(p.diags) == maxDiags {
		if !p.dropped {
			p.dropped = true
			p.diags[maxDiags-1].Detail += " There are more problems in the file, which are not listed."
		}
		return new(diag.Diagnostic)
	}
	p.diags = append(p.diags, diag.Diagnostic{
		Code: code, Severity: diag.Error, File: p.file, Span: span,
		Summary: summary, Detail: detail, Fix: fix,
	})
	return &p.diags[len(p.diags)-1]
}

// checkEncoding reports text that is not UTF-8 and returns whether it is.
// YAML 1.2.2 section 5.2 allows UTF-16 and UTF-32 as well, but the native files
// are bytes that the managers take for UTF-8.
func (p *parser) checkEncoding(src []byte) bool {
	const detail = "Specs are UTF-8 text, because the native files made from them are."
	first := diag.Span{Start: diag.Pos{Line: 1, Column: 1}}
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		p.report(diag.Encoding, first, "the file is UTF-16, not UTF-8", detail,
			"Convert it: iconv -f UTF-16 -t UTF-8.")
		return false
	}
	if !utf8.Valid(src) {
		off := 0
		for {
			r, w := utf8.DecodeRune(src[off:])
			if r == utf8.RuneError && w == 1 {
				break
			}
			off += w
		}
		pos := position(src, off)
		p.report(diag.Encoding, diag.Span{Start: pos, End: diag.Pos{Line: pos.Line, Column: pos.Column + 1}},
			fmt.Sprintf("byte 0x%02x is not UTF-8", src[off]), detail,
			"Convert the file, for example with iconv -f LATIN1 -t UTF-8.")
		return false
	}
	if off := bytes.IndexByte(src, 0); off >= 0 {
		pos := position(src, off)
		p.report(diag.Encoding, diag.Span{Start: pos, End: diag.Pos{Line: pos.Line, Column: pos.Column + 1}},
			"the file contains a NUL byte", detail,
			"If the file is UTF-16, convert it: iconv -f UTF-16LE -t UTF-8. Otherwise check that it is text.")
		return false
	}
	return true
}

// position counts lines and characters up to a byte offset. A byte order mark
// has no column.
func position(src []byte, off int) diag.Pos {
	before := bytes.TrimPrefix(src[:off], []byte("\uFEFF"))
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return diag.Pos{Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(line)}
}

// segment is the text of one document with its directives and markers.
type segment struct {
	start, end int // in parser.src
	line       int // of start, from 1
}

// scan goes over the text once. It divides it into documents, and it reports
// control characters and masks them, so that one of them does not hide the
// other problems of the file.
//
// Documents are divided here rather than by the parser because an error would
// otherwise end the parse for all later ones, and because the parser lets an
// anchor of one document leak into the next. A line that begins with "---" or
// "..." is a marker wherever it stands, even inside quotes (YAML 1.2.2 section
// 9.1.2, c-forbidden), so no other context is needed.
func (p *parser) scan() []segment {
	src := p.src
	var segments []segment
	seg := segment{line: 1}
	content, directive := false, false
	masked, controls := false, 0

	line := 1
	for i := 0; i < len(src); {
		if i == 0 || src[i-1] == '\n' {
			switch rest := src[i:]; {
			case isMarker(rest, "---"):
				if content {
					seg.end = i
					segments = append(segments, seg)
					seg = segment{start: i, line: line}
				}
				content, directive = true, false
			case isMarker(rest, "..."):
				// The document ends with this line.
				next := len(src)
				if n := bytes.IndexByte(rest, '\n'); n >= 0 {
					next = i + n + 1
				}
				seg.end = next
				segments = append(segments, seg)
				seg = segment{start: next, line: line + 1}
				content, directive = false, false
			case content:
			case rest[0] == '%':
				directive = true
				// yaml.v3 refuses every version but 1.1, although it
				// reads YAML 1.2 text; the directive changes nothing.
				if bytes.HasPrefix(rest, []byte("%YAML 1.")) && len(rest) > 8 && rest[8] >= '0' && rest[8] <= '9' && rest[8] != '1' {
					if !masked {
						src, masked = slices.Clone(src), true
					}
					src[i+8] = '1'
				}
			default:
				text := bytes.TrimLeft(rest, " \t")
				content = len(text) > 0 && text[0] != '#' && text[0] != '\n' && text[0] != '\r'
			}
		}

		// The bulk of the text: printable ASCII.
		for i < len(src) && src[i]-' ' < 0x7f-' ' {
			i++
		}
		if i == len(src) {
			break
		}
		switch c := src[i]; {
		case c == '\n':
			line++
			i++
			continue
		case c == '\t', c == '\r' && i+1 < len(src) && src[i+1] == '\n':
			i++
			continue
		}
		r, w := utf8.DecodeRune(src[i:])
		// U+FFFE and U+FFFF are not characters at all (YAML 1.2.2 c-printable).
		if isControl(r) || r == 0xFFFE || r == 0xFFFF {
			if controls++; controls <= maxListed {
				pos := position(src, i)
				p.report(diag.ControlChar, diag.Span{Start: pos, End: diag.Pos{Line: pos.Line, Column: pos.Column + 1}},
					describeControl(r)+" in the file",
					"It is invisible in an editor and could end a line of a native file or disguise what the file says.",
					controlFix(r))
			}
			if !masked {
				src, masked = slices.Clone(src), true
			}
			// A mask of the same width keeps all offsets.
			copy(src[i:i+w], [...]string{"?", "¿", "\uFFFD"}[w-1])
		}
		i += w
	}
	if controls > maxListed {
		p.diags[len(p.diags)-1].Detail += fmt.Sprintf(" There are %d more in the file.", controls-maxListed)
	}
	if content || directive {
		seg.end = len(src)
		segments = append(segments, seg)
	}
	p.src = src
	return segments
}

func isMarker(line []byte, marker string) bool {
	if len(line) < 3 || string(line[:3]) != marker {
		return false
	}
	return len(line) == 3 || isSpace(line[3])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// isControl reports the characters that no value of a spec may contain, apart
// from tab and newline, which are the caller's to judge: the C0 and C1
// controls; the separators that some programs take for a line end; the byte
// order mark; and the bidirectional controls that make text read differently
// from what it is (CVE-2021-42574).
func isControl(r rune) bool {
	switch {
	case r < 0x20:
		return r != '\n' && r != '\t'
	case r < 0x7f:
		return false
	case r < 0xa0, r == 0x2028, r == 0x2029, r == 0xFEFF:
		return true
	}
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func describeControl(r rune) string {
	switch {
	case r == '\r':
		return "carriage return"
	case r == 0x2028 || r == 0x2029:
		return fmt.Sprintf("line separator U+%04X", r)
	case r == 0xFEFF:
		return "byte order mark U+FEFF"
	case r >= 0x202A && r <= 0x2069:
		return fmt.Sprintf("bidirectional control U+%04X", r)
	case r >= 0xFFFE:
		return fmt.Sprintf("noncharacter U+%04X", r)
	}
	return fmt.Sprintf("control character U+%04X", r)
}

func controlFix(r rune) string {
	switch r {
	case '\r':
		return `End lines with \n (or \r\n); a carriage return cannot stand alone.`
	case 0xFEFF:
		return "Remove it; a byte order mark is allowed only as the first character of the file."
	}
	return "Remove it."
}

// document parses one segment.
func (p *parser) document(s segment) {
	docs, err := decode(bytes.NewReader(p.src[s.start:s.end]))
	if err != nil {
		if !p.dropped { // finding the place takes time
			p.syntax(s, err)
		}
		return
	}
	for i := range docs {
		root := docs[i]
		if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
			root = root.Content[0]
		}
		if root.Kind == yaml.ScalarNode && root.Value == "" && root.Style == 0 && root.Anchor == "" {
			continue // an empty document
		}
		c := converter{p: p, cursor: cursor{src: p.src[:s.end], off: s.start, line: s.line, col: 1, first: s.line}, base: s.line - 1}
		p.roots = append(p.roots, c.convert(root))
	}
}

// decode runs the YAML parser over one segment. A segment is one document, but
// the parser must be asked once more to notice what follows it.
func decode(r io.Reader) (docs []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			docs, err = nil, fmt.Errorf("yaml: panic: %v", r)
		}
	}()
	dec := yaml.NewDecoder(r)
	for {
		n := new(yaml.Node)
		if err := dec.Decode(n); err != nil {
			if errors.Is(err, io.EOF) {
				return docs, nil
			}
			return nil, err
		}
		docs = append(docs, n)
	}
}
