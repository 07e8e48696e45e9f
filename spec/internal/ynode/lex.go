package ynode

import (
	"bytes"
	"strconv"
)

// token is a piece of the text as seen by [lex].
type token struct {
	kind       byte // the indicator, or one of the kinds below
	start, end int
	closed     bool // quotes, brackets: the end is there
	match      int  // brackets: index of the other one, -1 without
	outer      int  // index of the innermost bracket open before the token, -1 outside
}

// Kinds of token that are not named by their first character.
const (
	plainToken = 'p'
	blockToken = '|' // either sort of block scalar
)

// lex divides a document into tokens, to find out where a syntax error comes
// from once the parser has refused it. It never fails; where the text is not
// YAML it goes on as well as it can, and its result only ever chooses the place
// and the words of a diagnostic.
func lex(text []byte) []token {
	var tokens []token
	open := -1 // innermost open bracket
	lineStart, keyCol := 0, 0
	add := func(kind byte, start, end int) *token {
		tokens = append(tokens, token{kind: kind, start: start, end: end, match: -1, outer: open})
		return &tokens[len(tokens)-1]
	}
	spaceAt := func(i int) bool { return i >= len(text) || isSpace(text[i]) }

	for i := 0; i < len(text); {
		b := text[i]
		lineBegin := i == lineStart
		switch {
		case b == '\n':
			i++
			lineStart = i
		case isSpace(b):
			i++
		case b == '#' && (i == 0 || isSpace(text[i-1])):
			i = lineEnd(text, i)
		case lineBegin && (isMarker(text[i:], "---") || isMarker(text[i:], "...")):
			add('D', i, i+3)
			i += 3
		case lineBegin && b == '%':
			end := lineEnd(text, i)
			add('%', i, i+len(bytes.TrimRight(text[i:end], " \t\r")))
			i = end
		case b == '[' || b == '{':
			add(b, i, i+1)
			open = len(tokens) - 1
			i++
		case b == ']' || b == '}':
			t := add(b, i, i+1)
			if open >= 0 {
				t.match = open
				o := &tokens[open]
				o.match, o.closed = len(tokens)-1, true
				t.closed = o.kind+2 == b
				open = o.outer
			}
			i++
		case b == ',' && open >= 0,
			b == ':' && (open >= 0 || spaceAt(i+1)),
			(b == '-' || b == '?') && spaceAt(i+1):
			if b == ':' && len(tokens) > 0 {
				// The key before the colon sets the indentation that a
				// block scalar has to exceed.
				if k := tokens[len(tokens)-1]; k.start >= lineStart {
					keyCol = k.start - lineStart
				}
			} else if b == '-' || b == '?' {
				keyCol = i - lineStart
			}
			add(b, i, i+1)
			i++
		case b == '"' || b == '\'':
			end, closed := quotedEnd(text, i)
			add(b, i, end).closed = closed
			if n := bytes.LastIndexByte(text[i:end], '\n'); n >= 0 {
				lineStart = i + n + 1
			}
			i = end
		case b == '*' || b == '&':
			end := i + 1
			for end < len(text) && isWordByte(text[end]) {
				end++
			}
			add(b, i, end)
			i = end
		case b == '!':
			end := i
			for !spaceAt(end) {
				end++
			}
			add(b, i, end)
			i = end
		case (b == '|' || b == '>') && open < 0:
			end := blockEnd(text, i, keyCol)
			add(blockToken, i, end)
			i = end
		default:
			end := plainEnd(text, i, open >= 0)
			add(plainToken, i, end)
			i = end
		}
	}
	return tokens
}

// isWordByte reports the bytes that yaml.v3 takes in an anchor name.
func isWordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b == '_' || b == '-'
}

// lineEnd returns the offset of the end of the line, without its newline.
func lineEnd(text []byte, i int) int {
	if n := bytes.IndexByte(text[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(text)
}

func quotedEnd(text []byte, start int) (end int, closed bool) {
	quote := text[start]
	for i := start + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1, true
		}
	}
	return len(text), false
}

// plainEnd returns the end of a plain scalar on its line, without blanks.
func plainEnd(text []byte, start int, flow bool) int {
	i := start
	for i++; i < len(text); i++ {
		b := text[i]
		if b == '\n' || b == '#' && isBlank(text[i-1]) ||
			b == ':' && (i+1 == len(text) || isSpace(text[i+1]) || flow && bytes.IndexByte([]byte(",[]{}"), text[i+1]) >= 0) ||
			flow && bytes.IndexByte([]byte(",[]{}"), b) >= 0 {
			break
		}
	}
	for i > start+1 && isSpace(text[i-1]) {
		i--
	}
	return i
}

// blockEnd returns the end of a block scalar: the lines that are blank or
// indented at least as far as its first, which is deeper than its key.
func blockEnd(text []byte, start, keyCol int) int {
	end := lineEnd(text, start)
	least := keyCol + 1
	for next, first := end, true; next < len(text); {
		line := text[next+1 : lineEnd(text, next+1)]
		indent := len(line) - len(bytes.TrimLeft(line, " "))
		if len(bytes.TrimSpace(line)) > 0 {
			if indent < least {
				break
			}
			if first {
				least, first = indent, false
			}
			end = next + 1 + len(line)
		}
		next += 1 + len(line)
	}
	return end
}

// escape reads an escape sequence of a double-quoted scalar (YAML 1.2.2 section
// 5.7, as far as yaml.v3 knows it) and returns its length, 0 if it is unknown,
// and its character, 0 if that does not matter.
func escape(text []byte) (length int, r rune) {
	if len(text) < 2 {
		return 0, 0
	}
	digits := 0
	switch text[1] {
	case 't', '\t', 'n', ' ', '"', '\'', '\\', '_', '\n', '\r':
		return 2, '\n'
	case '0', 'a', 'b', 'v', 'f', 'r', 'e', 'N':
		return 2, '\x01' // some control character or other
	case 'L', 'P':
		return 2, '\u2028'
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		return 0, 0
	}
	if len(text) < 2+digits {
		return 0, 0
	}
	n, err := strconv.ParseUint(string(text[2:2+digits]), 16, 32)
	if err != nil || n > 0x10FFFF || n >= 0xD800 && n <= 0xDFFF {
		return 0, 0
	}
	return 2 + digits, rune(n)
}
