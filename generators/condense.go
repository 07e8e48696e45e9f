package generators

import (
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// Condense returns the list for people: losses of fields of the same mapping,
// for the same reason on the same target, become one entry where the first of
// them is. The list itself stays the complete record.
func Condense(list diag.List) diag.List {
	type key struct {
		file, backend, group, rest, why string
		code                            diag.Code
	}
	out := make(diag.List, 0, len(list))
	first := map[key]int{} // index in out
	fields := map[int][]string{}
	for _, g := range list {
		name := field.OfPath(g.Path)
		rest, ok := strings.CutPrefix(g.Summary, name+" ")
		dot := strings.LastIndexByte(g.Path, '.')
		if !ok || dot < 0 || g.Severity == diag.Error || g.Backend == "" {
			out = append(out, g)
			continue
		}
		k := key{g.File, g.Backend, g.Path[:dot], rest, g.Detail, g.Code}
		if i, seen := first[k]; seen {
			fields[i] = append(fields[i], name[strings.LastIndexByte(name, '.')+1:])
			continue
		}
		first[k] = len(out)
		fields[len(out)] = []string{name}
		out = append(out, g)
	}
	for i, names := range fields {
		if len(names) == 1 {
			continue
		}
		g := &out[i]
		rest := strings.TrimPrefix(g.Summary, names[0]+" ")
		rest = strings.Replace(strings.Replace(rest, "has no ", "have no ", 1), "is only ", "are only ", 1)
		last := len(names) - 1
		g.Summary = strings.Join(names[:last], ", ") + " and " + names[last] + " " + rest
	}
	return out
}
