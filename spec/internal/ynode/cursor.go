package ynode

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec/diag"
)

// cursor is a place in the text, known as offset and as line and column. The
// parser gives nodes in document order and with their start only, so one
// cursor that moves forward finds every end without an index of the lines.
type cursor struct {
	src   []byte
	off   int
	line  int // from 1
	col   int // from 1, in characters
	first int // line of the segment, no cursor goes above it
}

func (c *cursor) pos() diag.Pos { return diag.Pos{Line: c.line, Column: c.col} }

// peek returns the byte under the cursor, 0 at the end.
func (c *cursor) peek() byte {
	if c.off < len(c.src) {
		return c.src[c.off]
	}
	return 0
}

// seek moves to a line and column, or the end of that line.
func (c *cursor) seek(line, col int) {
	if line < c.line || line == c.line && col < c.col {
		// Rare: go back to the start of the line wanted.
		c.off = bytes.LastIndexByte(c.src[:c.off], '\n') + 1
		for c.line > max(line, c.first) {
			c.off = bytes.LastIndexByte(c.src[:c.off-1], '\n') + 1
			c.line--
		}
		c.col = 1
	}
	for c.line < line {
		i := bytes.IndexByte(c.src[c.off:], '\n')
		if i < 0 {
			c.advance(len(c.src) - c.off)
			return
		}
		c.off += i + 1
		c.line++
		c.col = 1
	}
	for c.col < col && c.off < len(c.src) && c.src[c.off] != '\n' {
		c.step()
	}
}

// step moves over one character.
func (c *cursor) step() {
	b := c.src[c.off]
	switch {
	case b == '\n':
		c.off++
		c.line++
		c.col = 1
	case b < utf8.RuneSelf:
		c.off++
		c.col++
	default:
		_, w := utf8.DecodeRune(c.src[c.off:])
		c.off += w
		c.col++
	}
}

// advance moves over n bytes.
func (c *cursor) advance(n int) {
	for end := c.off + n; c.off < end; {
		c.step()
	}
}

// skipSpace moves over blanks, line ends and comments.
func (c *cursor) skipSpace() {
	for c.off < len(c.src) {
		switch b := c.src[c.off]; {
		case isSpace(b):
			c.step()
		case b == '#' && (c.off == 0 || isSpace(c.src[c.off-1])):
			c.toLineEnd()
		default:
			return
		}
	}
}

func (c *cursor) toLineEnd() {
	n := bytes.IndexByte(c.src[c.off:], '\n')
	if n < 0 {
		n = len(c.src) - c.off
	}
	if n > 0 && c.src[c.off+n-1] == '\r' {
		n--
	}
	c.advance(n)
}

// property moves over one anchor or tag, and returns whether it was the tag
// "!", which makes any scalar a string (YAML 1.2.2 section 6.9.1) but leaves no
// trace in the parser's tree.
func (c *cursor) property() (bang bool) {
	start := c.off
	for c.off < len(c.src) {
		b := c.src[c.off]
		if isSpace(b) || c.src[start] == '&' && strings.IndexByte(",[]{}", b) >= 0 {
			break
		}
		c.step()
	}
	return string(c.src[start:c.off]) == "!"
}

// plain moves over a plain scalar. On one line it is its value letter by
// letter; over several lines only the blanks differ.
func (c *cursor) plain(value string) {
	if len(c.src)-c.off >= len(value) && string(c.src[c.off:c.off+len(value)]) == value {
		// No plain scalar on one line contains a line end.
		c.off += len(value)
		c.col += utf8.RuneCountInString(value)
		return
	}
	start := *c
	for i := 0; i < len(value); {
		if isSpace(value[i]) {
			i++
			continue
		}
		for c.off < len(c.src) && isSpace(c.src[c.off]) {
			c.step()
		}
		if c.peek() != value[i] {
			*c = start // not the text we expect: keep to the start
			return
		}
		from := c.off
		c.step()
		i += c.off - from
	}
}

// quoted moves over a quoted scalar.
func (c *cursor) quoted() {
	quote := c.peek()
	if quote != '"' && quote != '\'' {
		return
	}
	c.step()
	for c.off < len(c.src) {
		b := c.src[c.off]
		c.step()
		switch {
		case b == '\\' && quote == '"' && c.off < len(c.src):
			c.step()
		case b == quote && quote == '\'' && c.peek() == '\'':
			c.step()
		case b == quote:
			return
		}
	}
}

// block moves over a block scalar, to the end of its last line with text. The
// indentation is that of the first such line, which is right unless the author
// gave an indentation indicator and began with a deeper line.
func (c *cursor) block(value string) {
	c.toLineEnd()
	if strings.Trim(value, " \n") == "" {
		return
	}
	end, indent := *c, -1
	for c.off < len(c.src) {
		for c.off < len(c.src) && (c.src[c.off] == '\n' || c.src[c.off] == '\r') {
			c.step()
		}
		n := 0
		for c.peek() == ' ' {
			c.step()
			n++
		}
		if b := c.peek(); b == '\n' || b == '\r' {
			continue
		}
		if c.off == len(c.src) || indent >= 0 && n < indent {
			break
		}
		if indent < 0 {
			indent = n
		}
		c.toLineEnd()
		end = *c
	}
	*c = end
}
