package unit

import (
	"strings"
	"unicode/utf8"
)

// wordFlags chooses how nextWord reads (extract_first_word of
// basic/extract-word.c).
type wordFlags uint8

const (
	unquote        wordFlags = 1 << iota // quotes group and vanish
	cunescape                            // C escapes are decoded, unknown ones are an error
	unescapeRelax                        // unknown escapes stay as they are
	retainEscape                         // backslashes are ordinary characters
	dontCoalesce                         // every separator ends a word
	unescapeColons                       // a backslash protects separators only
	relax                                // open quotes and a lone backslash at the end are fine
)

// nextWord cuts the first word off *p. ok is false when there is none; bad
// means unbalanced quotes or a bad escape, which ends the reading of the line.
func nextWord(p *string, separators string, flags wordFlags) (word string, ok, bad bool) {
	s := *p
	if flags&dontCoalesce == 0 {
		s = strings.TrimLeft(s, separators)
	}
	if s == "" {
		*p = ""
		return "", false, false
	}
	// Nearly every word is plain text.
	end := 0
	for end < len(s) && strings.IndexByte(separators, s[end]) < 0 {
		if c := s[end]; c == '\\' && flags&retainEscape == 0 || flags&unquote != 0 && (c == '"' || c == '\'') {
			return slowWord(p, s, separators, flags)
		}
		end++
	}
	*p = afterSeparators(s[end:], separators, flags)
	return s[:end], true, false
}

func afterSeparators(s, separators string, flags wordFlags) string {
	if flags&dontCoalesce != 0 {
		if s != "" {
			return s[1:]
		}
		return s
	}
	return strings.TrimLeft(s, separators)
}

func slowWord(p *string, s, separators string, flags wordFlags) (string, bool, bool) {
	var b strings.Builder
	var quote byte
	i := 0
	for i < len(s) {
		c := s[i]
		switch {
		case c == '\\' && flags&retainEscape == 0:
			n, valid := unescapeWord(&b, s[i:], separators, quote, flags)
			if !valid {
				return "", false, true
			}
			i += n
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				b.WriteByte(c)
			}
			i++
		case flags&unquote != 0 && (c == '"' || c == '\''):
			quote = c
			i++
		case strings.IndexByte(separators, c) >= 0:
			*p = afterSeparators(s[i:], separators, flags)
			return b.String(), true, false
		default:
			b.WriteByte(c)
			i++
		}
	}
	if quote != 0 && flags&relax == 0 {
		return "", false, true
	}
	*p = ""
	return b.String(), true, false
}

// unescapeWord reads the escape at the start of s and returns its length.
func unescapeWord(b *strings.Builder, s, separators string, quote byte, flags wordFlags) (int, bool) {
	if len(s) == 1 {
		if flags&unescapeRelax != 0 && quote == 0 {
			b.WriteByte('\\')
			return 1, true
		}
		return 1, flags&relax != 0
	}
	c := s[1]
	if flags&(cunescape|unescapeColons) == 0 {
		b.WriteByte(c)
		return 2, true
	}
	if flags&cunescape != 0 {
		if r, n, eightBit := cEscape(s[1:]); n > 0 {
			if eightBit {
				b.WriteByte(byte(r))
			} else {
				b.WriteRune(r)
			}
			return n + 1, true
		}
	}
	switch {
	case flags&unescapeColons != 0 && (c == '\\' || strings.IndexByte(separators, c) >= 0):
		b.WriteByte(c)
	case flags&unescapeRelax != 0:
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		return 0, false
	}
	return 2, true
}

// cEscape decodes one C escape without its backslash; n is 0 when there is
// none (cunescape_one of basic/escape.c). NUL is refused.
func cEscape(s string) (r rune, n int, eightBit bool) {
	switch s[0] {
	case 'a':
		return '\a', 1, false
	case 'b':
		return '\b', 1, false
	case 'f':
		return '\f', 1, false
	case 'n':
		return '\n', 1, false
	case 'r':
		return '\r', 1, false
	case 't':
		return '\t', 1, false
	case 'v':
		return '\v', 1, false
	case '\\', '"', '\'':
		return rune(s[0]), 1, false
	case 's':
		return ' ', 1, false
	case 'x':
		if v, good := digits(s[1:], 2, 16); good && v != 0 {
			return v, 3, true
		}
	case 'u':
		if v, good := digits(s[1:], 4, 16); good && validRune(v) {
			return v, 5, false
		}
	case 'U':
		if v, good := digits(s[1:], 8, 16); good && validRune(v) {
			return v, 9, false
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		if v, good := digits(s, 3, 8); good && v != 0 && v <= 255 {
			return v, 3, true
		}
	}
	return 0, 0, false
}

func validRune(r rune) bool {
	return r != 0 && utf8.ValidRune(r) && (r < 0xfdd0 || r > 0xfdef) && r&0xfffe != 0xfffe
}

// digits reads exactly n digits.
func digits(s string, n int, base rune) (rune, bool) {
	if len(s) < n {
		return 0, false
	}
	var v int64
	for i := range n {
		d := int64(-1)
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			d = int64(c - '0')
		case c >= 'a' && c <= 'f':
			d = int64(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = int64(c-'A') + 10
		}
		if d < 0 || d >= int64(base) {
			return 0, false
		}
		v = v*int64(base) + d
	}
	if v > utf8.MaxRune {
		return 0, false
	}
	return rune(v), true
}
