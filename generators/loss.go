package generators

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// Policy says how losses are judged.
type Policy struct {
	// Strict makes every loss an error, not only those of security settings.
	Strict bool
	// Allow lists fields and groups that may be lost, besides the spec's accept_loss.
	Allow []string
}

// Render renders d for t. When the list holds errors nothing was rendered and
// the bundle is empty; otherwise every field that d sets is in the bundle or
// in the list.
func Render(g Generator, d *spec.Daemon, t Target, p Policy) (Bundle, diag.List) {
	losses := tableLosses(g, d, t)
	b, found := g.Generate(d, t)
	losses = append(losses, found...)
	losses = judge(losses, d, t, p)
	losses = append(losses, staleConsents(d, t, losses)...)
	losses = append(losses, scopeProblems(d, t, losses)...)
	losses = append(losses, overrideNotes(d, t)...)
	losses.Sort()
	if losses.HasErrors() {
		return Bundle{}, losses
	}
	slices.SortFunc(b.Artifacts, func(a, b Artifact) int { return strings.Compare(a.Path, b.Path) })
	b.Daemon, b.Target = d.Name, t
	return b, losses
}

// scopeProblems reports what contradicts the user scope, unless the table has
// said so already.
func scopeProblems(d *spec.Daemon, t Target, losses diag.List) diag.List {
	return slices.DeleteFunc(spec.CheckScope(d, t.Scope == User), func(g diag.Diagnostic) bool {
		return slices.ContainsFunc(losses, func(l diag.Diagnostic) bool { return l.Path == g.Path })
	})
}

// tableLosses reports what the capability table says about the fields set.
func tableLosses(g Generator, d *spec.Daemon, t Target) diag.List {
	var list diag.List
	table := g.Support()
	var lost, vague []string // fields of the profile, reported together where the profile is named
	for id := range d.Fields() {
		s := table.At(id, t)
		if s.Level != Approximate && s.Level != Unsupported || d.Neutral(id) || id == field.SandboxingProfile {
			continue // the profile is judged by the settings that it fills in
		}
		if d.FromProfile(id) {
			name := strings.TrimPrefix(id.String(), "sandboxing.")
			if s.Level == Unsupported {
				lost = append(lost, name)
			} else {
				vague = append(vague, name)
			}
			continue
		}
		for _, place := range places(d, id) {
			list = append(list, loss(d, t, id, place, s.Level, s.Why))
		}
	}
	profile := func(level Level, verdict string, fields []string) {
		if len(fields) == 0 {
			return
		}
		for _, place := range places(d, field.SandboxingProfile) {
			g := loss(d, t, field.SandboxingProfile, place, level, table.At(field.SandboxingProfile, t).Why)
			g.Summary = "sandboxing.profile " + d.Sandboxing.Profile + verdict + t.String() + ": " + strings.Join(fields, ", ")
			list = append(list, g)
		}
	}
	profile(Unsupported, " is not enforced by ", lost)
	profile(Approximate, " is only approximate on ", vague)
	return list
}

// places never returns nothing: a Daemon built in Go has no positions.
func places(d *spec.Daemon, id field.ID) []spec.Place {
	if p := d.Places(id); len(p) > 0 {
		return p
	}
	return []spec.Place{{Path: id.String()}}
}

func loss(d *spec.Daemon, t Target, id field.ID, place spec.Place, level Level, why string) diag.Diagnostic {
	g := diag.Diagnostic{File: d.File(), Span: place.Span, Path: place.Path, Backend: t.String(), Severity: diag.Warning, Detail: why}
	switch {
	case level == Approximate:
		g.Code = diag.Approximate
		g.Summary = id.String() + " is only approximate on " + t.String()
	case id.Security():
		g.Code, g.Severity = diag.SecurityLoss, diag.Error
		g.Summary = id.String() + " has no effect on " + t.String()
		g.Fix = "choose a backend that enforces it, or consent with accept_loss: {" + t.Backend + ": [" + id.String() + "]}"
	default:
		g.Code = diag.Loss
		g.Summary = id.String() + " has no effect on " + t.String()
	}
	return g
}

// Lose reports that the value at path of the field id, which the target
// otherwise honours, is not honoured. level is Approximate or Unsupported;
// why completes "because" without a full stop.
func Lose(d *spec.Daemon, t Target, id field.ID, path string, level Level, why string) diag.Diagnostic {
	return loss(d, t, id, spec.Place{Path: path, Span: d.Span(path)}, level, why)
}

// Refuse reports that the target's format cannot carry the value at path.
func Refuse(d *spec.Daemon, t Target, path, why, fix string) diag.Diagnostic {
	g := d.Diagnostic(diag.ValueRefused, diag.Error, path, path+" cannot be written for "+t.String())
	g.Backend, g.Detail, g.Fix = t.String(), why, fix
	return g
}

// judge applies the consents and the policy.
func judge(list diag.List, d *spec.Daemon, t Target, p Policy) diag.List {
	for i := range list {
		g := &list[i]
		if g.Code != diag.SecurityLoss && g.Code != diag.Loss && g.Code != diag.Approximate {
			continue
		}
		switch {
		case accepted(d, t, p, g.Path):
			g.Code, g.Severity, g.Fix = diag.AcceptedLoss, diag.Note, ""
			g.Summary += ", as accepted"
		case p.Strict:
			g.Severity = diag.Error
		}
	}
	return list
}

// accepted reports whether the author or the caller consented to losing what
// is at path.
func accepted(d *spec.Daemon, t Target, p Policy, path string) bool {
	name := field.OfPath(path)
	return slices.ContainsFunc(p.Allow, func(group string) bool { return covers(group, name) }) ||
		slices.ContainsFunc(d.AcceptLoss, func(c spec.Consent) bool {
			return (c.Backend == t.Backend || c.Backend == "*") && covers(c.Field, name)
		})
}

// staleConsents notes entries of accept_loss for this backend under which
// nothing is lost.
func staleConsents(d *spec.Daemon, t Target, losses diag.List) diag.List {
	var list diag.List
	n := 0
	for _, c := range d.AcceptLoss {
		if c.Backend != t.Backend {
			continue
		}
		used := slices.ContainsFunc(losses, func(g diag.Diagnostic) bool {
			return g.Code == diag.AcceptedLoss && covers(c.Field, field.OfPath(g.Path))
		})
		if !used {
			path := "accept_loss." + c.Backend + "[" + strconv.Itoa(n) + "]"
			g := d.Diagnostic(diag.StaleConsent, diag.Note, path, "accept_loss of "+c.Field+" has no effect: "+t.String()+" loses nothing of it")
			g.Backend, g.Fix = t.String(), "remove the entry"
			list = append(list, g)
		}
		n++
	}
	return list
}

// covers reports whether a field is group or belongs to it.
func covers(group, name string) bool {
	rest, ok := strings.CutPrefix(name, group)
	return ok && (rest == "" || rest[0] == '.')
}

// overrideNotes lists the native keys that the spec adds for this backend.
func overrideNotes(d *spec.Daemon, t Target) diag.List {
	var list diag.List
	for _, o := range d.Overrides {
		if o.Backend != t.Backend {
			continue
		}
		path := "overrides." + o.Backend + "." + strings.Join(o.Keys, ".")
		g := d.Diagnostic(diag.Override, diag.Note, path, "native "+strings.Join(o.Keys, ".")+" is written unchecked for "+t.String())
		g.Backend = t.String()
		list = append(list, g)
	}
	return list
}
