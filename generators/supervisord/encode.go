package supervisord

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec"
)

// How supervisord reads a value (options.py, datatypes.py of 4.2.5 and 4.4):
//
//  1. The file is split at newlines, each line stripped.
//  2. The line is cut at the first `;` or `#` that follows white space, even
//     inside quotes: inline_comment_prefixes of ConfigParser, which has no
//     escape.
//  3. The text %(here)s is replaced wherever it stands, even in %%(here)s
//     (expand_here).
//  4. Python's % operator expands the value; %% is a percent sign.
//  5. command is split by shlex in POSIX mode, environment as in
//     encodeEnvironment.

// encodeCommand writes an argument vector. It reports false when an argument
// holds a character that ends the line.
func encodeCommand(argv []string) (string, bool) {
	var b strings.Builder
	for i, arg := range argv {
		if !oneLine(arg) {
			return "", false
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		appendArg(&b, arg)
	}
	return b.String(), true
}

// appendArg writes one argument in single quotes. Between two quotes that
// close and open again nothing is read, which separates what must not touch.
func appendArg(b *strings.Builder, arg string) {
	if plainArg(arg) {
		b.WriteString(strings.ReplaceAll(arg, "%", "%%"))
		return
	}
	b.WriteByte('\'')
	space := false
	for i, r := range arg {
		switch {
		case r == '\'':
			b.WriteString(`'"'"'`)
		case r == '%':
			b.WriteString("%%")
			if strings.HasPrefix(arg[i+1:], "(here)s") {
				b.WriteString("''")
			}
		case (r == ';' || r == '#') && space:
			b.WriteString("''")
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		space = unicode.IsSpace(r)
	}
	b.WriteByte('\'')
}

// plainArg reports whether shlex reads s as one word without quotes.
func plainArg(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') && strings.IndexByte("/._-:,+@=%", c) < 0 {
			return false
		}
	}
	return s != ""
}

// oneLine reports whether s is UTF-8 without anything that any version of
// Python takes for the end of a line (str.splitlines).
func oneLine(s string) bool {
	for _, r := range s {
		switch {
		case r == utf8.RuneError, r < ' ' && r != '\t', r == 0x7f, r == 0x85, r == 0x2028, r == 0x2029:
			return false
		}
	}
	return true
}

// uncut reports whether s stands in a value as it is: on one line, without
// the comments and the text that nothing protects.
func uncut(s string) bool {
	if !oneLine(s) || strings.Contains(s, "%(here)s") {
		return false
	}
	space := false
	for _, r := range s {
		if space && (r == ';' || r == '#') {
			return false
		}
		space = unicode.IsSpace(r)
	}
	return true
}

// encodePath writes a path that is neither split nor unquoted, such as
// directory. ConfigParser strips white space at the end.
func encodePath(s string) (string, bool) {
	if !uncut(s) || s != strings.TrimSpace(s) {
		return "", false
	}
	return strings.ReplaceAll(s, "%", "%%"), true
}

// encodeEnvironment writes the variables whose values mean the same to the
// splitters of all versions, and returns the others. Up to 4.3
// (dict_of_key_value_pairs) quotes cannot be escaped and all quotes of either
// kind are stripped from both ends of a value; from 4.4 on a backslash escapes
// in double quotes.
func encodeEnvironment(env spec.Environment) (string, spec.Environment) {
	var b strings.Builder
	var rest spec.Environment
	for _, v := range env {
		quote := byte('\'')
		if strings.Contains(v.Value, "'") {
			quote = '"'
		}
		if !uncut(v.Value) || strings.Trim(v.Value, `'"`) != v.Value || quote == '"' && strings.ContainsAny(v.Value, `"\`) {
			rest = append(rest, v)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(v.Name)
		b.WriteByte('=')
		b.WriteByte(quote)
		b.WriteString(strings.ReplaceAll(v.Value, "%", "%%"))
		b.WriteByte(quote)
	}
	return b.String(), rest
}
