package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/golden"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// group is one daemon and what is looked at in it.
type group struct {
	name string
	doc  string // the spec without what document adds; <N> is the daemon's name
	do   string // the orders of the probe
	env  string // more entries of the environment, ", K: V"
	// only lists the backends that the group is for, see applies, and refused
	// one that must refuse to render it.
	only, refused string
	// shows is the line of the table of behaviour that the run proves, and
	// about the field that has to be supported for it, by default the first
	// check's.
	shows, about string
	// run is what to do before the checks; without it the daemon is started
	// with the others and its report waited for.
	run    func(d *daemon) error
	checks []check
}

// check looks at one field.
type check struct {
	field string
	what  string // what is looked at
	on    string // the backends it is for, see applies

	// One of them: see is a part of the report, which has to be want and, so
	// that this proves anything, something else in a daemon without the field;
	// test is anything else.
	see  func(r *report.Report) string
	want string
	test func(d *daemon) error

	// property of systemd, or a part of an installed file, that shows that
	// the manager has been told, where see and test cannot tell; NAME=VALUE or
	// SUFFIX:TEXT, where the suffix is of the file's path and may be empty.
	property string
	file     string
	// hidden says why the effect is not observable here.
	hidden string
}

// applies reports whether a backend is in a list: of names, or of names with an
// exclamation mark for all but those. Nothing is for all.
func applies(list, backend string) bool {
	words := strings.Fields(list)
	if strings.HasPrefix(list, "!") {
		return !slices.Contains(words, "!"+backend)
	}
	return list == "" || slices.Contains(words, backend)
}

func (g *group) wanted(h *host) bool {
	if !applies(g.only, h.target.Backend) {
		return false
	}
	if g.run == nil {
		return true
	}
	if g.about != "" && !supported(h.support(g.about)) {
		return false
	}
	// What is done is in vain where nothing of it is supported.
	for _, c := range g.checks {
		if applies(c.on, h.target.Backend) && supported(h.support(c.field)) {
			return true
		}
	}
	return len(g.checks) == 0
}

func supported(s generators.Support) bool {
	return s.Level != generators.Unsupported && s.Level != generators.NotApplicable
}

// support is what the table says about a field.
func (h *host) support(name string) generators.Support {
	return h.gen.Support().At(lookup(name), h.target)
}

func lookup(name string) field.ID {
	id, ok := field.Lookup(name)
	if !ok {
		panic("no field " + name)
	}
	return id
}

// cell is one entry of the document.
type cell struct{ what, result string }

// judge compares what was observed with the declaration and with the table.
func (h *host) judge(d *daemon, base *report.Report, c *check) (result string, err error) {
	s := h.support(c.field)
	suffix := ""
	switch s.Level {
	case generators.NotApplicable:
		if s.Why == "" {
			return "not applicable", nil
		}
		return "not applicable: " + s.Why, nil
	case generators.Unsupported:
		if c.see == nil || d == nil || d.group.run != nil {
			return "unsupported: " + s.Why, nil
		}
		r, err := d.look()
		if err != nil {
			return "", err
		}
		if got := c.see(r); got == c.want && c.see(base) != c.want {
			return "", fmt.Errorf("is in effect (%s), although the table says unsupported: %s", got, s.Why)
		}
		return "unsupported, and no effect seen: " + s.Why, nil
	case generators.Approximate:
		suffix = " (approximate: " + s.Why + ")"
	case generators.Native, generators.Emulated:
	}
	if d == nil {
		return "", fmt.Errorf("is %s but the case was not installed", s.Level)
	}
	if d.err != nil {
		return "", d.err
	}
	hidden := c.hidden
	switch {
	case c.hidden != "":
	case c.see != nil:
		r, err := d.look()
		if err != nil {
			return "", err
		}
		got, without := c.see(r), c.see(base)
		if got != c.want && c.property == "" {
			return "", fmt.Errorf("%s is %q, want %q", c.what, got, c.want)
		}
		if got == c.want && without != c.want {
			return "observed" + suffix, nil
		}
		if got != c.want {
			return "", fmt.Errorf("%s is %q (without it %q), want %q", c.what, got, without, c.want)
		}
		hidden = "in this container it is so without the setting"
	case c.test != nil:
		if err := c.test(d); err != nil {
			return "", err
		}
		return "observed" + suffix, nil
	}
	switch {
	case c.property != "" && h.is("systemd"):
		unit := d.job()
		name, want, _ := strings.Cut(c.property, "=")
		if u, p, ok := strings.Cut(name, " "); ok {
			unit, name = d.name+u, p
		}
		if got := d.property(unit, name); !strings.Contains(got, want) || got == "" {
			return "", fmt.Errorf("property %s is %q, want %q", name, got, want)
		}
		result = "property " + name + suffix
	case c.file != "":
		path, want, _ := strings.Cut(c.file, ":")
		if got := d.file(path); !strings.Contains(got, want) {
			return "", fmt.Errorf("%q is not in %s of %d bytes", want, path, len(got))
		}
		result = "in the file" + suffix
	default:
		return "", fmt.Errorf("nothing shows it (%s)", hidden)
	}
	if hidden != "" {
		result += "; not observable here: " + hidden
	}
	return result, nil
}

// TestConformance runs all cases on all managers and compares the result with
// docs/conformance.md.
func TestConformance(t *testing.T) {
	lab.Long(t)
	managers := managers()
	for _, m := range managers {
		lab.Root(t, m.root) // skips, with the reason
	}
	probe := lab.Probe(t)
	columns := make([]column, len(managers))
	// They wait for most of their time, so this is not left to -parallel.
	var wg sync.WaitGroup
	for i, m := range managers {
		wg.Go(func() {
			t.Run(m.root+"-"+m.backend, func(t *testing.T) {
				groups := allGroups()
				if m.cases != nil {
					for _, g := range m.cases() {
						g.only = m.backend
						groups = append(groups, g)
					}
				}
				var rebooted []cell
				// In a machine of its own, which has nothing else to start.
				t.Run("reboot", func(t *testing.T) { rebooted = boot(t, m, probe).reboot(t) })
				h := boot(t, m, probe)
				columns[i] = column{title: m.title, fields: h.run(t, groups)}
				columns[i].behaviour = slices.Concat(h.behaviour(groups), rebooted)
			})
		})
	}
	wg.Wait()
	for _, c := range columns {
		if t.Failed() || c.title == "" {
			return // incomplete, and told above
		}
	}
	golden.Compare(t, "../../docs/conformance.md", page(columns))
}

// column is what was seen on one manager.
type column struct {
	title     string
	fields    map[field.ID]cell
	behaviour []cell // in the order of the cases
}

// run carries out all groups and returns a cell for every field.
func (h *host) run(t *testing.T, groups []*group) map[field.ID]cell {
	t.Helper()
	h.install(t, groups)
	h.startAll(t)

	var daemons []*daemon
	for _, g := range groups {
		if d := h.daemons[g.name]; d != nil && g.run != nil && d.lost() == "" {
			daemons = append(daemons, d)
		}
	}
	each(daemons, func(d *daemon) {
		if d.err = d.group.run(d); d.err != nil {
			d.err = fmt.Errorf("%w\n%s", d.err, d.story())
		}
	})

	base, err := h.daemons["base"].look()
	if err != nil {
		t.Fatal(err)
	}
	cells := map[field.ID]cell{}
	for _, g := range groups {
		d := h.daemons[g.name]
		if d != nil && d.err != nil && d.reported(diag.Approximate) == "" && (len(g.checks) == 0 || g.shows != "") {
			t.Errorf("%s: %v", g.name, d.err)
		}
		for i := range g.checks {
			c := &g.checks[i]
			if !applies(c.on, h.target.Backend) || !applies(g.only, h.target.Backend) {
				continue
			}
			id := lookup(c.field)
			if _, twice := cells[id]; twice {
				t.Errorf("%s is looked at twice", id)
			}
			result, err := h.judge(d, base, c)
			if err != nil {
				t.Errorf("%s (%s): %v", id, g.name, err)
			}
			cells[id] = cell{c.what, result}
		}
	}
	for _, id := range field.All() {
		if _, ok := cells[id]; ok {
			continue
		}
		s := h.gen.Support().At(id, h.target)
		switch s.Level {
		case generators.NotApplicable:
			cells[id] = cell{"", strings.TrimSuffix("not applicable: "+s.Why, ": ")}
		case generators.Unsupported:
			cells[id] = cell{"", "unsupported: " + s.Why}
		default:
			t.Errorf("%s is %s but has no case", id, s.Level)
		}
	}
	return cells
}
