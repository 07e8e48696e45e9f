package launchd

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec"
	"howett.net/plist"
)

// dict is a property list dictionary. Its values are string, bool, int64,
// float64, []string, []dict, []any, dict and environment maps; the encoder
// sorts the keys, so equal dicts give equal bytes.
type dict map[string]any

// encode writes an XML property list with a comment for people.
func encode(keys dict, comment string) ([]byte, error) {
	var b bytes.Buffer
	e := plist.NewEncoder(&b)
	e.Indent("\t")
	if err := e.Encode(map[string]any(keys)); err != nil {
		return nil, err
	}
	text := b.Bytes()
	root := bytes.Index(text, []byte("<plist"))
	out := make([]byte, 0, len(text)+len(comment)+16)
	out = append(out, text[:root]...)
	out = append(out, "<!--\n"...)
	// XML 1.0 section 2.5: no -- within a comment.
	for i := range len(comment) {
		if comment[i] == '-' && i > 0 && comment[i-1] == '-' {
			out = append(out, ' ')
		}
		out = append(out, comment[i])
	}
	out = append(out, "-->\n"...)
	out = append(out, text[root:]...)
	return append(out, '\n'), nil
}

// representable reports whether s can be written in XML 1.0 (section 2.2,
// Char). The encoder would write U+FFFD for anything else and say nothing.
func representable(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
			return false
		}
		i += size
	}
	return true
}

const unrepresentable = "property lists are XML, which has no way to write control characters, U+FFFE, U+FFFF or bytes that are not UTF-8"

// text returns s, the value at path, after checking that it can be written.
func (r *renderer) text(s, path string) string {
	if !representable(s) {
		r.refuse(path, unrepresentable, "remove the character")
		return ""
	}
	return s
}

// texts is text for a list; the diagnostics have the index.
func (r *renderer) texts(list []string, path string) []string {
	for i, s := range list {
		if !representable(s) {
			r.refuse(path+"["+strconv.Itoa(i)+"]", unrepresentable, "remove the character")
		}
	}
	return list
}

// override writes the native keys of the spec over those rendered.
func (r *renderer) override(keys dict, d *spec.Daemon) {
	for i := range d.Overrides {
		o := &d.Overrides[i]
		if o.Backend != "launchd" || len(o.Keys) == 1 && o.Keys[0] == "Label" {
			continue
		}
		path := "overrides.launchd." + strings.Join(o.Keys, ".")
		at := keys
		for _, k := range o.Keys[:len(o.Keys)-1] {
			next, ok := at[r.text(k, path)].(dict)
			if !ok {
				next = dict{}
				at[k] = next
			}
			at = next
		}
		last := r.text(o.Keys[len(o.Keys)-1], path)
		switch {
		case o.List:
			list := make([]any, len(o.Values))
			for j, v := range o.Values {
				list[j] = r.scalar(v, o.Type, path)
			}
			at[last] = list
		case o.Type == "null":
			delete(at, last)
		default:
			at[last] = r.scalar(o.Values[0], o.Type, path)
		}
	}
}

// scalar types a native value as YAML typed it.
func (r *renderer) scalar(s, yamlType, path string) any {
	switch yamlType {
	case "bool":
		return s[0] == 't' || s[0] == 'T'
	case "int":
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != s {
			r.refuse(path, "integers are decimal in property lists, and readers differ about "+strconv.Quote(s), "write a decimal number, or quote a string")
		}
		return n
	case "float":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			r.refuse(path, "it is not a number that property lists can hold", "quote a string")
		}
		return f
	}
	return r.text(s, path)
}
