package gentest

import (
	"fmt"
	"strings"
)

// Skeleton splits a script into words with everything quoted removed, and
// keeps those that are operators, assignments or come first in a line.
func Skeleton(text string) ([]string, error) {
	var out []string
	var line strings.Builder
	flush := func() {
		first := true
		for _, w := range strings.Fields(line.String()) {
			if first || strings.ContainsAny(w, ";|&<>(){}`$") {
				out = append(out, shape(w, first))
			}
			first = false
		}
		line.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\\':
			i++
			line.WriteByte('Q')
		case '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return nil, fmt.Errorf("unclosed single quote")
			}
			i += end + 1
			line.WriteByte('Q')
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if i >= len(text) {
				return nil, fmt.Errorf("unclosed double quote")
			}
			line.WriteByte('Q')
		case '#':
			if i == 0 || strings.IndexByte(" \t\n;", text[i-1]) >= 0 {
				end := strings.IndexByte(text[i:], '\n')
				if end < 0 {
					return nil, fmt.Errorf("no newline at the end")
				}
				i += end - 1
				continue
			}
			line.WriteByte(c)
		case '\n':
			flush()
		default:
			line.WriteByte(c)
		}
	}
	if line.Len() > 0 {
		return nil, fmt.Errorf("no newline at the end")
	}
	return out, nil
}

// shape reduces a word to what the shell makes of it: the name of an
// assignment or command, else the operators. Values may be quoted or plain.
func shape(w string, first bool) string {
	name, _, assigned := strings.Cut(w, "=")
	switch {
	case assigned && !strings.ContainsAny(w, ";|&<>(){}`$"):
		return name + "="
	case first && !strings.HasPrefix(w, "/") && !strings.HasPrefix(w, "Q"):
		return w
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(";|&<>(){}`$", r) {
			return r
		}
		return -1
	}, w)
}
