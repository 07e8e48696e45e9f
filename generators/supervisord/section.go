package supervisord

import (
	"strconv"
	"strings"
)

// section is one section of the file.
type section struct {
	name string
	keys []key
}

// key is one line. Its value is encoded.
type key struct{ name, value string }

// set adds a key, or replaces it in place.
func (s *section) set(name, value string) {
	for i := range s.keys {
		if s.keys[i].name == name {
			s.keys[i].value = value
			return
		}
	}
	s.keys = append(s.keys, key{name, value})
}

func (s *section) number(name string, n int64) { s.set(name, strconv.FormatInt(n, 10)) }

func (s *section) yes(name string, on bool) { s.set(name, strconv.FormatBool(on)) }

func (s *section) remove(name string) {
	for i := range s.keys {
		if s.keys[i].name == name {
			s.keys = append(s.keys[:i], s.keys[i+1:]...)
			return
		}
	}
}

func (s *section) append(b *strings.Builder) {
	b.WriteString("\n[" + s.name + "]\n")
	for _, k := range s.keys {
		b.WriteString(k.name + "=" + k.value + "\n")
	}
}
