// Package shell writes words for POSIX sh. It is the one place where values
// become shell source.
package shell

import "strings"

// Quote returns s as one word that POSIX sh reads back as s, in single quotes
// unless every character is plain. Single quotes suspend all expansion (XCU
// 2.2.2); a single quote itself is written '\” . The only string that cannot
// be written is one with a NUL byte, which no argument can hold either.
func Quote(s string) string {
	if plain(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Join quotes words and joins them with spaces.
func Join(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(Quote(w))
	}
	return b.String()
}

// plain reports whether s needs no quotes wherever a word may stand: no
// operators, no expansion, no tilde, no assignment, no reserved word.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && strings.IndexByte("/._-:,+@%", c) < 0 {
			return false
		}
	}
	switch s {
	case "", "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in":
		return false
	}
	return true
}
