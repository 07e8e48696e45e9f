package advice

import (
	"slices"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/edit"
	"github.com/daemonize/daemonize/spec/field"
)

// Fields returns the selected changes as edits of the spec that the unit was
// rendered from.
func (p *Plan) Fields(d *spec.Daemon) []edit.Field {
	var fields []edit.Field
	for i := range p.Changes {
		for _, a := range p.Changes[i].Set {
			f := edit.Field{Path: a.Field, Items: a.Items, List: a.List, Append: a.Append}
			// All namespaces are written as true, as where there is only yes and no.
			if a.Bool || a.Field == field.SandboxingRestrictNamespaces.String() && a.Value() == "yes" {
				f.Items, f.List, f.Plain = []string{"true"}, false, true
			}
			first := !slices.ContainsFunc(fields, func(o edit.Field) bool { return o.Path == f.Path })
			// A list that the profile of the spec fills in is not in the text, and
			// would be gone as soon as there is one.
			if a.Append && first && a.Field == field.SandboxingSystemCallsFilter.String() && d.FromProfile(field.SandboxingSystemCallsFilter) {
				f.Items, f.Append = slices.Concat(d.Sandboxing.SystemCalls.Filter, f.Items), false
			}
			fields = append(fields, f)
		}
	}
	return fields
}
