package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/golden"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
	"github.com/daemonize/daemonize/spec/field"
)

// group is one daemon and what is looked at in it.
type group struct {
	name string
	doc  string // the spec without what document adds; <N> is the daemon's name
	do   string // the orders of the probe
	env  string // more entries of the environment, ", K: V"
	// only lists the backends that the group is for, and refused one that
	// must refuse to render it.
	only, refused string
	// run is what to do before the checks; without it the daemon is started
	// with the others and its report waited for.
	run    func(d *daemon) error
	checks []check
}

// check looks at one field.
type check struct {
	field string
	what  string // what is looked at
	on    string // the backends it is for; all without it

	// One of them: see is a part of the report, which has to be want and, so
	// that this proves anything, something else in a daemon without the field;
	// test is anything else.
	see  func(r *report.Report) string
	want string
	test func(d *daemon) error

	// property of systemd, or a part of a file, that shows that the manager
	// has been told, where see and test cannot tell; NAME=VALUE or SUFFIX:TEXT.
	property string
	file     string
	// hidden says why the effect is not observable here.
	hidden string
}

// has reports whether a list of words holds one.
func has(list, word string) bool { return slices.Contains(strings.Fields(list), word) }

func (g *group) wanted(h *host) bool {
	if g.only != "" && !has(g.only, h.target.Backend) {
		return false
	}
	if g.run == nil {
		return true
	}
	// What is done is in vain where nothing of it is supported.
	for _, c := range g.checks {
		if c.on != "" && !has(c.on, h.target.Backend) {
			continue
		}
		switch h.gen.Support().At(c.id(), h.target).Level {
		case generators.Unsupported, generators.NotApplicable:
		default:
			return true
		}
	}
	return len(g.checks) == 0
}

func (c *check) id() field.ID {
	id, ok := field.Lookup(c.field)
	if !ok {
		panic("no field " + c.field)
	}
	return id
}

// cell is one entry of the document.
type cell struct{ what, result string }

// judge compares what was observed with the declaration and with the table.
func (h *host) judge(d *daemon, base *report.Report, c *check) (result string, err error) {
	s := h.gen.Support().At(c.id(), h.target)
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

// managers are the columns.
var managers = [...]struct{ root, backend string }{
	{"systemd247", "systemd"}, {"systemd252", "systemd"}, {"systemd257", "systemd"}, {"systemd262", "systemd"},
	{"sysvinit", "sysvinit"}, {"sysvinit", "supervisord"},
}

// TestConformance runs all cases on all managers and compares the result with
// docs/conformance.md.
func TestConformance(t *testing.T) {
	lab.Long(t)
	for _, m := range managers {
		lab.Root(t, m.root) // skips, with the reason
	}
	probe := lab.Probe(t)
	groups := allGroups()
	var mutex sync.Mutex
	columns := make([]string, len(managers))
	results := make([]map[field.ID]cell, len(managers))
	t.Run("managers", func(t *testing.T) {
		for i, m := range managers {
			t.Run(m.root+"-"+m.backend, func(t *testing.T) {
				t.Parallel()
				h := boot(t, m.root, m.backend, probe)
				cells := h.run(t, groups)
				mutex.Lock()
				defer mutex.Unlock()
				columns[i], results[i] = h.column(m.root), cells
			})
		}
	})
	if t.Failed() || slices.Contains(columns, "") {
		return // incomplete, and told above
	}
	golden.Compare(t, "../../docs/conformance.md", page(columns, results))
}

// run carries out all groups and returns a cell for every field.
func (h *host) run(t *testing.T, groups []*group) map[field.ID]cell {
	t.Helper()
	h.install(t, groups)
	h.startAll(t)

	// They wait for most of their time.
	var wg sync.WaitGroup
	slots := make(chan struct{}, 10)
	for _, g := range groups {
		d := h.daemons[g.name]
		if d == nil || g.run == nil {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if d.err = g.run(d); d.err != nil {
				d.err = fmt.Errorf("%w\n%s", d.err, d.story())
			}
		})
	}
	wg.Wait()

	base, err := h.daemons["base"].look()
	if err != nil {
		t.Fatal(err)
	}
	cells := map[field.ID]cell{}
	for _, g := range groups {
		d := h.daemons[g.name]
		if d != nil && d.err != nil && len(g.checks) == 0 {
			t.Errorf("%s: %v", g.name, d.err)
		}
		for i := range g.checks {
			c := &g.checks[i]
			if c.on != "" && !has(c.on, h.target.Backend) || g.only != "" && !has(g.only, h.target.Backend) {
				continue
			}
			id := c.id()
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

// page writes the document.
func page(columns []string, results []map[field.ID]cell) []byte {
	var b bytes.Buffer
	b.WriteString(`<!-- Generated by internal/conformance; DO NOT EDIT. -->

# Conformance

What was seen when daemons that declare each field ran under real service
managers, in the containers of internal/lab. The test that runs them compares
what it sees with this page; ` + "`go test ./internal/conformance -update`" + ` writes it.

| word | meaning |
|---|---|
| observed | seen in the running process, or in what the manager did; and not so in a daemon without the field |
| property | the manager says that it has taken the value; its effect was not looked at, for the reason given |
| in the file | the installed file says so; its effect was not looked at, for the reason given |
| unsupported | the backend does not honour the field and rendering says so; "no effect seen": the process was looked at |
| not applicable | means nothing there, and loses nothing |

`)
	fmt.Fprintf(&b, "| cells |")
	for _, c := range columns {
		b.WriteString(" " + c + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, word := range []string{"observed", "property", "in the file", "unsupported", "not applicable"} {
		b.WriteString("| " + word + " |")
		for _, r := range results {
			n := 0
			for _, c := range r {
				if strings.HasPrefix(c.result, word) {
					n++
				}
			}
			fmt.Fprintf(&b, " %d |", n)
		}
		b.WriteString("\n")
	}
	var sections []string
	sectionOf := func(id field.ID) string {
		top, _, nested := strings.Cut(id.String(), ".")
		if !nested {
			return ""
		}
		return top
	}
	for _, id := range field.All() {
		if s := sectionOf(id); !slices.Contains(sections, s) {
			sections = append(sections, s)
		}
	}
	for _, section := range sections {
		title := "Top level"
		if section != "" {
			title = "`" + section + "`"
		}
		b.WriteString("\n## " + title + "\n\n| field | what was looked at |")
		for _, c := range columns {
			b.WriteString(" " + c + " |")
		}
		b.WriteString("\n|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
		for _, id := range field.All() {
			if sectionOf(id) == section {
				row(&b, id, results)
			}
		}
	}
	return b.Bytes()
}

// row writes the line of a field.
func row(b *bytes.Buffer, id field.ID, results []map[field.ID]cell) {
	name := id.String()
	var whats []string
	for _, r := range results {
		if w := r[id].what; w != "" && !slices.Contains(whats, w) {
			whats = append(whats, w)
		}
	}
	b.WriteString("| [" + name + "](reference.md#" + strings.NewReplacer(".", "").Replace(name) + ") | " + escape(strings.Join(whats, "; ")) + " |")
	for _, r := range results {
		b.WriteString(" " + escape(r[id].result) + " |")
	}
	b.WriteString("\n")
}

// escape keeps text from being Markdown.
func escape(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`).Replace(s)
}
