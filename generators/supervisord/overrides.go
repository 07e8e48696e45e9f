package supervisord

import (
	"strings"

	"github.com/daemonize/daemonize/spec"
)

// overrides writes the native keys of the spec into the sections: program
// stands for the sections of the daemon, group for its group, and any other
// name is that of a section. A null removes the key.
func (r *renderer) overrides() {
	for i := range r.raw.Overrides {
		o := &r.raw.Overrides[i]
		if o.Backend != "supervisord" {
			continue
		}
		path := "overrides.supervisord." + strings.Join(o.Keys, ".")
		if len(o.Keys) != 2 {
			r.refuse(path, "the file has sections with keys", "write {supervisord: {program: {KEY: VALUE}}}")
			continue
		}
		if !word(o.Keys[0], "]") || !word(o.Keys[1], "=:;#[ ") {
			r.refuse(path, "it cannot be the name of a section or key", "write it as in the documentation of supervisord")
			continue
		}
		for j := range r.matching(o.Keys[0]) {
			s := &r.sections[j]
			if o.Type == "null" {
				s.remove(o.Keys[1])
				continue
			}
			value := strings.Join(o.Values, ",")
			if strings.IndexByte(value, spec.RefMark) >= 0 {
				instance := strings.TrimPrefix(strings.TrimPrefix(s.name, "program:"+r.raw.Name), "-")
				value = resolve(value, func(ref spec.Ref) string { return reference(r.raw, ref, instance) })
			}
			if !oneLine(value) {
				r.refuse(path, "a value is one line", "write it on one line")
				break
			}
			s.set(o.Keys[1], value)
		}
	}
}

// matching yields the indexes of the sections that a name stands for, after
// adding the section if there is none.
func (r *renderer) matching(name string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		found := false
		for i := range r.sections {
			s := r.sections[i].name
			if s == name || name == "program" && (s == "program:"+r.raw.Name || strings.HasPrefix(s, "program:"+r.raw.Name+"-") && r.isCopy(s)) ||
				name == "group" && s == "group:"+r.raw.Name {
				found = true
				if !yield(i) {
					return
				}
			}
		}
		if !found && name != "program" {
			if name == "group" {
				name = "group:" + r.raw.Name
			}
			r.sections = append(r.sections, section{name: name})
			yield(len(r.sections) - 1)
		}
	}
}

// isCopy tells the instances from the health checks.
func (r *renderer) isCopy(name string) bool {
	for _, instance := range r.raw.Instances {
		if name == "program:"+r.raw.Name+"-"+instance {
			return true
		}
	}
	return false
}

func word(s, without string) bool {
	return s != "" && oneLine(s) && !strings.ContainsAny(s, without) && s == strings.TrimSpace(s)
}

// resolve replaces references in a single string.
func resolve(s string, value func(spec.Ref) string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, spec.RefMark)
		if i < 0 || i+1 >= len(s) {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		b.WriteString(value(spec.Ref(s[i+1])))
		s = s[i+2:]
	}
}
