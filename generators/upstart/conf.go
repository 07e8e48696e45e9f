package upstart

import (
	"strconv"
	"strings"
)

// stanza is one setting of a job. A block (script ... end script) has its
// lines in value.
type stanza struct {
	key   string // one or two words, such as kill timeout
	value string // as written behind the key
	block bool
}

// conf is a job configuration.
type conf struct {
	comments []string
	stanzas  []stanza
}

// add appends a stanza whose value is encoded.
func (c *conf) add(key, value string) {
	c.stanzas = append(c.stanzas, stanza{key: key, value: value})
}

func (c *conf) number(key string, n int64) { c.add(key, strconv.FormatInt(n, 10)) }

// remove drops all stanzas with a key.
func (c *conf) remove(key string) {
	kept := c.stanzas[:0]
	for _, s := range c.stanzas {
		if s.key != key {
			kept = append(kept, s)
		}
	}
	c.stanzas = kept
}

// bytes writes the configuration.
func (c *conf) bytes() []byte {
	var b strings.Builder
	for _, line := range c.comments {
		b.WriteString("# " + line + "\n")
	}
	group := ""
	for _, s := range c.stanzas {
		// A blank line between groups, for the reader.
		if g := groupOf(s.key); g != group {
			group = g
			b.WriteByte('\n')
		}
		b.WriteString(s.key)
		if s.block {
			b.WriteString("\n    " + s.value + "\nend script\n")
			continue
		}
		if s.value != "" {
			b.WriteString(" " + s.value)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func groupOf(key string) string {
	switch key {
	case "start on", "stop on":
		return "events"
	case "description", "author", "version":
		return "text"
	case "exec", "script", "pre-start exec", "post-start exec", "pre-stop exec", "post-stop exec":
		return "processes"
	case "respawn", "respawn limit", "normal exit", "task", "expect", "kill signal", "kill timeout", "reload signal":
		return "life"
	}
	return "environment"
}

// plain reports whether a word means itself everywhere in a configuration: to
// the parser, to the shell that exec goes through when the line holds special
// characters, and where Upstart expands variables. The list is short on purpose.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/._-+,:@%=", rune(c)) {
			return false
		}
	}
	return s != ""
}

// quote writes a value as one argument of a stanza. Inside quotes everything
// but the quote itself and the backslash is literal; a backslash is doubled,
// which every version of libnih reads alike, and a quote is put into quotes of
// the other kind, because the versions differ on \" (nih/config.c,
// nih_config_token). Newlines cannot be written: they become a blank.
func quote(s string) (string, bool) {
	if strings.ContainsAny(s, "\n\r") {
		return "", false
	}
	if plain(s) {
		return s, true
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch s[i] {
		case '"':
			b.WriteString(`"'"'"`)
		case '\\':
			b.WriteString(`\\`)
		default:
			b.WriteByte(s[i])
		}
	}
	b.WriteByte('"')
	return b.String(), true
}
