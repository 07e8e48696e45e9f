package systemd

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// overrides applies overrides.systemd to the sections of the unit being
// written: a value replaces what daemonize would write, a list several lines,
// null removes the key. Values are in native syntax; only references are
// replaced, and what would break out of its line is refused.
func (r *renderer) overrides(sections ...section) {
	for i := range r.d.Overrides {
		o := &r.d.Overrides[i]
		if o.Backend != "systemd" {
			continue
		}
		sec, ok := overrideSection(o)
		if !ok {
			if sections[0] == inUnit { // report once
				r.refuse(overridePlace(o), "an override of systemd is a directive in one of the sections Unit, Service, Socket, Timer, Path and Install", "write for example systemd: {Service: {Slice: web.slice}}")
			}
			continue
		}
		if slices.Contains(sections, sec) {
			r.override(sec, o)
		}
	}
	if sections[0] == inUnit {
		r.unusedOverrides()
	}
}

func overridePlace(o *spec.Override) place {
	return place{"overrides.", -1, o.Backend + "." + strings.Join(o.Keys, ".")}
}

func overrideSection(o *spec.Override) (section, bool) {
	if len(o.Keys) != 2 {
		return 0, false
	}
	i := slices.Index(sectionNames[:], o.Keys[0])
	return section(max(i, 0)), i >= 0
}

func (r *renderer) override(sec section, o *spec.Override) {
	key := o.Keys[1]
	p := overridePlace(o)
	if !validKey(key) {
		r.refuse(p, "the name of a directive consists of letters, digits and dashes", "")
		return
	}
	r.checkNative(sec, key, p)
	r.lines = slices.DeleteFunc(r.lines, func(l line) bool { return l.section == sec && l.key == key })
	if o.Type == "null" {
		return
	}
	for _, v := range o.Values {
		if hasControl(v) || (len(v)-len(strings.TrimRight(v, `\`)))%2 == 1 {
			r.refuse(p, "the value would not end with its line", "remove control characters and the backslash at the end")
			return
		}
		start := len(r.buf)
		for i := 0; i < len(v); i++ { // native text: percent signs are the author's
			if v[i] == spec.RefMark && i+1 < len(v) {
				i++
				r.buf = r.appendRef(r.buf, spec.Ref(v[i]), textEscapes)
			} else {
				r.buf = append(r.buf, v[i])
			}
		}
		r.lines = append(r.lines, line{sec, key, start, len(r.buf)})
	}
}

func validKey(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// checkNative warns of a directive that the target ignores; systemd itself
// only logs it. Names that begin with X- are ignored on purpose.
func (r *renderer) checkNative(sec section, key string, p place) {
	if strings.HasPrefix(key, "X-") {
		return
	}
	i, ok := lookup(sec, key)
	what := ""
	switch {
	case !ok:
		what = "systemd has no directive " + key + "= in [" + sectionNames[sec] + "]"
	case r.version < int(i.since):
		what = key + "= needs systemd " + strconv.Itoa(int(i.since)) + " or later"
	case !i.known(r.version):
		what = key + "= has no effect since systemd " + strconv.Itoa(int(i.last)+1)
	default:
		return
	}
	g := r.doc.Diagnostic(diag.UnknownNative, diag.Warning, p.String(), what)
	g.Backend = r.t.String()
	r.diags = append(r.diags, g)
}

// unusedOverrides warns of overrides of units that the daemon does not have.
func (r *renderer) unusedOverrides() {
	for i := range r.d.Overrides {
		o := &r.d.Overrides[i]
		sec, ok := overrideSection(o)
		if !ok || o.Backend != "systemd" {
			continue
		}
		if sec == inSocket && len(r.d.Sockets) == 0 || sec == inTimer && len(r.d.Timers) == 0 || sec == inPath && len(r.d.Paths) == 0 {
			p := overridePlace(o)
			g := r.doc.Diagnostic(diag.UnknownNative, diag.Warning, p.String(), "the daemon has no unit with a ["+o.Keys[0]+"] section")
			g.Backend = r.t.String()
			r.diags = append(r.diags, g)
		}
	}
}
