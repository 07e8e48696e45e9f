package spec

import (
	"errors"
	"strings"
)

// SplitCommand splits a string into arguments by the quoting rules of POSIX
// sh (XCU 2.2: backslash, single quotes, double quotes) without any
// expansion: no variables, globs, substitutions or operators.
func SplitCommand(s string) (Command, error) {
	var args Command
	var b strings.Builder
	started := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n':
			if started {
				args = append(args, b.String())
				b.Reset()
				started = false
			}
		case '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("the single quote is never closed")
			}
			b.WriteString(s[i+1 : i+1+end])
			i += end + 1
			started = true
		case '"':
			started = true
			i++
			for ; i < len(s) && s[i] != '"'; i++ {
				// Inside double quotes a backslash is special only before these.
				if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
					i++
					if s[i] == '\n' {
						continue
					}
				}
				b.WriteByte(s[i])
			}
			if i == len(s) {
				return nil, errors.New("the double quote is never closed")
			}
		case '\\':
			i++
			if i == len(s) {
				return nil, errors.New("the backslash at the end quotes nothing")
			}
			if s[i] != '\n' {
				b.WriteByte(s[i])
				started = true
			}
		default:
			b.WriteByte(c)
			started = true
		}
	}
	if started {
		args = append(args, b.String())
	}
	return args, nil
}
