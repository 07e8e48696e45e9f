package supervisord

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// This is a reading of the file that shares nothing with the encoders:
// Python's RawConfigParser as supervisord sets it up, its % operator, and
// shlex. The tests hold it against the real ones.

type line struct{ section, key, value string }

// parseINI is RawConfigParser._read with inline_comment_prefixes ; and #.
func parseINI(content string) ([]line, error) {
	var out []line
	section := ""
	for n, raw := range strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(content), "\n") {
		text := raw
		cut := len(text)
		space := false
		for i, r := range text {
			if (r == ';' || r == '#') && (i == 0 || space) {
				cut = i
				break
			}
			space = pythonSpace(r)
		}
		text = text[:cut]
		indented := text != "" && strings.TrimLeftFunc(text, pythonSpace) != text
		text = strings.TrimFunc(text, pythonSpace)
		switch {
		case text == "":
		case indented && len(out) > 0:
			out[len(out)-1].value += "\n" + text
		case strings.HasPrefix(text, "["):
			end := strings.IndexByte(text, ']')
			if end < 0 {
				return nil, fmt.Errorf("line %d: %q", n+1, raw)
			}
			section = text[1:end]
		default:
			i := strings.IndexAny(text, "=:")
			if i < 0 || section == "" {
				return nil, fmt.Errorf("line %d: %q", n+1, raw)
			}
			out = append(out, line{section, strings.ToLower(strings.TrimFunc(text[:i], pythonSpace)), strings.TrimFunc(text[i+1:], pythonSpace)})
		}
	}
	return out, nil
}

func pythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// expandPercent is expand_here and Python's % with a mapping that only knows here.
func expandPercent(s string) (string, error) {
	s = strings.ReplaceAll(s, "%(here)s", "/HERE")
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) || s[i] != '%' {
			return "", fmt.Errorf("badly formatted: %q", s)
		}
		b.WriteByte('%')
	}
	return b.String(), nil
}

// splitPOSIX is shlex.split(s).
func splitPOSIX(s string) ([]string, error) {
	var out []string
	var b strings.Builder
	started := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n':
			if started {
				out = append(out, b.String())
				b.Reset()
				started = false
			}
		case '\'', '"':
			started = true
			for i++; i < len(s) && s[i] != c; i++ {
				if c == '"' && s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
					i++
				}
				b.WriteByte(s[i])
			}
			if i == len(s) {
				return nil, errors.New("no closing quotation")
			}
		case '\\':
			if i++; i == len(s) {
				return nil, errors.New("no escaped character")
			}
			started = true
			b.WriteByte(s[i])
		default:
			started = true
			b.WriteByte(c)
		}
	}
	if started {
		out = append(out, b.String())
	}
	return out, nil
}

// splitEnvironment reads environment= as supervisord up to 4.3 does (legacy
// shlex, quotes stripped) or, with posix, as 4.4 does.
func splitEnvironment(s string, posix bool) (map[string]string, error) {
	env := map[string]string{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || rest == "" || rest[0] != '\'' && rest[0] != '"' {
			return nil, fmt.Errorf("unexpected end of key/value pairs: %q", s)
		}
		quote := rest[0]
		var b strings.Builder
		i := 1
		for ; i < len(rest) && rest[i] != quote; i++ {
			if posix && quote == '"' && rest[i] == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\') {
				i++
			}
			b.WriteByte(rest[i])
		}
		if i >= len(rest) {
			return nil, errors.New("no closing quotation")
		}
		value := b.String()
		if !posix {
			value = strings.Trim(value, `'"`)
		}
		env[name] = value
		s = rest[i+1:]
		if s != "" {
			if s[0] != ',' {
				return nil, fmt.Errorf("no comma: %q", s)
			}
			s = s[1:]
		}
	}
	return env, nil
}
