package s6

import (
	"strings"

	"github.com/daemonize/daemonize/spec"
)

// How execlineb reads a script (execlineb(1), "Syntax of scripts", and what
// 2.9.3 does): words are separated by white space; # at the start of a word
// begins a comment; { and } alone and not quoted are the ends of a block; in
// double quotes a backslash protects the next character, and n, t and r after
// one are a newline, a tab and a carriage return. Single quotes mean nothing,
// and neither does a $ unless a program such as define, or execlineb -S,
// substitutes it. Scripts with values of the spec therefore have no such
// program, and begin with execlineb -P.

// script writes an execline script.
type script struct {
	b     strings.Builder
	depth int
}

// execline begins a script. options are those of execlineb.
func execline(options, what string) *script {
	s := &script{}
	s.b.WriteString("#!/usr/bin/execlineb " + options + "\n# " + what + ". Written by daemonize; changes are lost at the next install.\n")
	return s
}

// comment writes a line for people, if there is anything to say.
func (s *script) comment(text string) {
	if text != "" {
		s.b.WriteString("# " + spec.Display(text) + "\n")
	}
}

// line writes words, which are a program with its arguments.
func (s *script) line(words ...string) {
	s.words(words)
	s.b.WriteByte('\n')
}

// open writes words and begins a block.
func (s *script) open(words ...string) {
	s.words(words)
	s.b.WriteString(" {\n")
	s.depth++
}

// end ends a block.
func (s *script) end() {
	s.depth--
	s.words(nil)
	s.b.WriteString("}\n")
}

// then ends a block and begins another.
func (s *script) then() {
	s.depth--
	s.words(nil)
	s.b.WriteString("} {\n")
	s.depth++
}

// block writes a program with a block of one line.
func (s *script) block(program []string, words ...string) {
	s.words(program)
	s.b.WriteString(" { ")
	appendWords(&s.b, words)
	s.b.WriteString(" }\n")
}

func (s *script) words(words []string) {
	for range s.depth {
		s.b.WriteByte('\t')
	}
	appendWords(&s.b, words)
}

func (s *script) bytes() []byte { return []byte(s.b.String()) }

func appendWords(b *strings.Builder, words []string) {
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		appendWord(b, w)
	}
}

// appendWord writes one word, which may hold anything but NUL.
func appendWord(b *strings.Builder, w string) {
	if plain(w) {
		b.WriteString(w)
		return
	}
	b.WriteByte('"')
	for i := range len(w) {
		switch c := w[i]; c {
		case '\\', '"':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		case '\r':
			b.WriteString(`\r`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}

// plain reports whether a word needs no quotes.
func plain(w string) bool {
	for i := range len(w) {
		c := w[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') && strings.IndexByte("/._-:,+@%=", c) < 0 {
			return false
		}
	}
	return w != ""
}

// envFile writes a variable as the content of a file for s6-envdir -nL: a
// newline is written as a NUL byte, the last one is cut off, and an empty file
// would remove the variable.
func envFile(value string) []byte {
	return []byte(strings.ReplaceAll(value, "\n", "\x00") + "\n")
}
