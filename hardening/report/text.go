package report

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/spec/diag"
)

// Text returns a writer for people: the worst unit first, each with what its
// score is made of, the changes that help most and its findings. Of more than
// twelve units the worst three are shown in full and the others on a line each,
// unless Options.All is set. Control characters and the like in names and
// messages are escaped.
func Text(w io.Writer, o Options) Writer {
	if o.Width <= 0 {
		o.Width = 80
	}
	o.Width = max(o.Width, 40)
	return &text{w: w, o: o, worst: podium{size: full}, ids: map[string]int{}}
}

// Up to full units are shown in full. Of more, the worst are, and at most
// listed others get a line each.
const (
	full   = 12
	worst  = 3
	listed = 40
)

type text struct {
	w     io.Writer
	o     Options
	tally tally
	units []textUnit
	worst podium
	ids   map[string]int // in how many units a finding occurs
}

type textUnit struct {
	rank

	line  string
	block string         // empty if others were worse when it came
	grave []graveFinding // for the short form
	err   string         // why it was not audited
}

// graveFinding is a finding of severity high or critical, as it is shown.
type graveFinding struct {
	severity int
	text     string
}

func (t *text) Unit(r *hardening.Result) error {
	t.tally.add(r, &t.o)
	u := textUnit{rank: rankOf(r), line: t.line(r)}
	if !t.o.All {
		t.short(&u, r)
	}
	// The block of a unit is made only if it may be needed.
	if t.o.All || t.worst.admit(u.rank) {
		u.block = t.block(r)
	}
	t.units = append(t.units, u)
	seen := map[string]bool{}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Suppressed == "" && !seen[f.ID] {
			seen[f.ID] = true
			t.ids[f.ID]++
		}
	}
	return nil
}

func (t *text) Close() error {
	slices.SortStableFunc(t.units, func(a, b textUnit) int { return worse(a.rank, b.rank) })
	shown := len(t.units)
	if !t.o.All && shown > full {
		shown = worst
	}
	var b strings.Builder
	for _, u := range t.units[:shown] {
		b.WriteString(u.block)
		b.WriteByte('\n')
	}
	if rest := t.units[shown:]; len(rest) > 0 {
		for _, u := range rest[:min(len(rest), listed)] {
			b.WriteString(u.line)
		}
		if n := len(rest) - listed; n > 0 {
			b.WriteString(t.paint(sgrDim, "      and "+plural(n, "more unit that is", "more units that are")+" no worse") + "\n")
		}
		b.WriteByte('\n')
		t.hidden(&b, rest)
		t.frequent(&b)
	}
	t.summary(&b, shown)
	_, err := io.WriteString(t.w, b.String())
	return err
}

// short keeps what must be said of a unit even if it is not shown in full.
func (t *text) short(u *textUnit, r *hardening.Result) {
	var b strings.Builder
	for _, f := range gravest(r.Findings) {
		if rank := hardening.SeverityRank(f.Severity); f.Suppressed == "" && rank >= hardening.SeverityRank(hardening.SeverityHigh) {
			b.Reset()
			t.finding(&b, r, f)
			u.grave = append(u.grave, graveFinding{rank, b.String()})
		}
	}
	if unaudited(r) {
		b.Reset()
		t.wrap(&b, "      "+t.paint(sgrBold, diag.Printable(r.Unit))+"  ", diag.Printable(noScore(r)), "")
		u.err = b.String()
	}
}

// most is how many grave findings and errors of units on a line are shown.
const most = 10

// hidden shows what one line does not: grave findings and errors.
func (t *text) hidden(b *strings.Builder, units []textUnit) {
	var all []graveFinding
	var errs []string
	for _, u := range units {
		all = append(all, u.grave...)
		if u.err != "" {
			errs = append(errs, u.err)
		}
	}
	slices.SortStableFunc(all, func(a, b graveFinding) int { return b.severity - a.severity })
	grave := make([]string, len(all))
	for i := range all {
		grave[i] = all[i].text
	}
	for _, list := range [...]struct {
		title string
		items []string
	}{{"Grave findings in these units", grave}, {"Not audited", errs}} {
		if len(list.items) == 0 {
			continue
		}
		b.WriteString(t.paint(sgrBold, list.title) + "\n")
		for _, s := range list.items[:min(len(list.items), most)] {
			b.WriteString(s)
		}
		if n := len(list.items) - most; n > 0 {
			b.WriteString("      " + t.paint(sgrDim, "and "+strconv.Itoa(n)+" more") + "\n")
		}
		b.WriteByte('\n')
	}
}

// frequent lists the findings that many units have.
func (t *text) frequent(b *strings.Builder) {
	ids := make([]string, 0, len(t.ids))
	for id := range t.ids {
		if t.ids[id] > 1 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y string) int {
		if d := t.ids[y] - t.ids[x]; d != 0 {
			return d
		}
		return strings.Compare(x, y)
	})
	for i, id := range ids[:min(len(ids), 5)] {
		if i == 0 {
			b.WriteString(t.paint(sgrBold, "Findings that several units have") + "\n")
		}
		title := ""
		for _, rule := range t.o.Rules {
			if rule.ID == id {
				title = rule.Title
			}
		}
		t.wrap(b, pad(strconv.Itoa(t.ids[id]), -5)+"  "+diag.Printable(id)+"  ", diag.Printable(title), "")
	}
	if len(ids) > 0 {
		b.WriteByte('\n')
	}
}

func (t *text) summary(b *strings.Builder, shown int) {
	if t.tally.units == 0 {
		b.WriteString("nothing to audit\n")
		return
	}
	line := plural(t.tally.units, "unit", "units") + ": " + t.tally.byRating()
	t.wrap(b, "", line, sgrBold)
	findings := "no findings"
	if n := t.tally.count(); n > 0 {
		findings = plural(n, "finding", "findings") + ": " + t.tally.bySeverity()
	}
	if t.tally.suppressed > 0 {
		findings += "; " + strconv.Itoa(t.tally.suppressed) + " suppressed"
	}
	t.wrap(b, "", findings, sgrBold)
	for _, s := range t.tally.verdict(&t.o) {
		t.wrap(b, "", "failed: "+s, sgrBold+";"+sgrRed)
	}
	if shown < t.tally.units {
		t.wrap(b, "", "--all shows every unit in full", sgrDim)
	}
}

// line is a unit on one line.
func (t *text) line(r *hardening.Result) string {
	var b strings.Builder
	t.score(&b, r)
	b.WriteString(diag.Printable(r.Unit))
	if r.Backend != "systemd" && r.Backend != "" {
		b.WriteString(t.paint(sgrDim, " ("+diag.Printable(r.Backend)+")"))
	}
	var one tally
	one.add(r, &t.o)
	if s := one.bySeverity(); s != "" {
		b.WriteString("  " + t.paint(sgrDim, s))
	}
	b.WriteByte('\n')
	return b.String()
}

// score writes the columns before the name of a unit.
func (t *text) score(b *strings.Builder, r *hardening.Result) {
	number, rating, sgr, cells := "n/a", "", sgrDim, 0
	if unaudited(r) {
		number, sgr = "?", sgrRed
	}
	if r.Exposure != nil {
		number, rating = r.Exposure.String(), r.Exposure.Rating()
		sgr = ratingColor(rating)
		cells = int(*r.Exposure)
	}
	b.WriteString(t.paint(sgrBold+";"+sgr, pad(number, -5)) + " " + t.paint(sgr, pad(rating, 10)))
	if t.o.Width >= 72 {
		const bar = 20
		n := (cells*bar + 99) / 100
		if r.Exposure == nil {
			b.WriteString(strings.Repeat(" ", bar))
		} else {
			b.WriteString(t.paint(sgr, strings.Repeat("█", n)) + t.paint(sgrDim, strings.Repeat("░", bar-n)))
		}
		b.WriteString("  ")
	}
}

// block is a unit in full.
func (t *text) block(r *hardening.Result) string {
	var b strings.Builder
	t.score(&b, r)
	b.WriteString(t.paint(sgrBold, diag.Printable(r.Unit)) + "\n")
	where := diag.Printable(r.Path)
	if where != "" {
		where += ", "
	}
	t.wrap(&b, "      ", where+diag.Printable(manager(r)), sgrDim)
	if r.Exposure == nil {
		t.wrap(&b, "      no score: ", diag.Printable(noScore(r)), "")
	}

	reasons := r.Reasons()
	t.list(&b, "why", min(len(reasons), 4), len(reasons), func(i int) {
		t.wrap(&b, "      "+t.paint(sgrBold, pad(reasons[i].Share.String(), -4))+"  ", reasons[i].Text, "")
	})
	best := 3
	if t.o.All {
		best = 100
	}
	changes := r.Best(best)
	before := r.Exposure
	t.list(&b, "next", len(changes), len(changes), func(i int) {
		c := &changes[i]
		lead := "      " + pad(before.String(), -4) + " → " + t.paint(ratingColor(c.Exposure.Rating()), pad(c.Exposure.String(), -4)) + "  "
		for _, line := range c.Lines {
			b.WriteString(lead + t.paint(sgrBold, line) + "\n") // to be copied
			lead = strings.Repeat(" ", visible(lead))
		}
		t.wrap(&b, lead, c.Note, "")
		before = &c.Exposure
	})
	findings := gravest(r.Findings)
	t.list(&b, "findings", len(findings), len(findings), func(i int) { t.finding(&b, r, findings[i]) })
	if t.o.All {
		t.rows(&b, r)
	}
	return b.String()
}

// list writes a heading and some of its items.
func (t *text) list(b *strings.Builder, title string, show, all int, item func(int)) {
	if all == 0 {
		return
	}
	b.WriteString("   " + t.paint(sgrCyan, title) + "\n")
	if t.o.All {
		show = all
	}
	for i := range show {
		item(i)
	}
	if all > show {
		b.WriteString("      " + t.paint(sgrDim, "and "+strconv.Itoa(all-show)+" more") + "\n")
	}
}

func (t *text) finding(b *strings.Builder, r *hardening.Result, f *hardening.Finding) {
	sgr := severityColor(f.Severity)
	if f.Suppressed != "" {
		sgr = sgrDim
	}
	lead := "      " + t.paint(sgr, pad(diag.Printable(f.Severity), 8)) + "  " + diag.Printable(f.ID) + "  "
	t.wrap(b, lead, diag.Printable(f.Message), "")
	const indent = "                "
	if at := place(r, f); at != "" {
		// Not wrapped: terminals make it a link.
		b.WriteString(indent + t.paint(sgrDim, diag.Printable(at)) + "\n")
	}
	if f.Suppressed != "" {
		t.wrap(b, indent, "suppressed: "+diag.Printable(f.Suppressed), sgrDim)
	} else if f.Fix != "" {
		t.wrap(b, indent, "fix: "+diag.Printable(f.Fix), "")
	}
}

// rows lists every check, the heaviest first.
func (t *text) rows(b *strings.Builder, r *hardening.Result) {
	t.list(b, "checks", len(r.Rows), len(r.Rows), func(i int) {
		row := &r.Rows[i]
		mark, sgr, share := "✓", sgrGreen, ""
		switch {
		case !row.Applies:
			mark, sgr = "-", sgrDim
		case row.Badness > 0:
			mark, sgr, share = "✗", sgrRed, row.Exposure.String()
		}
		about := ""
		switch {
		case row.Implied != "":
			about = "by " + row.Implied + "="
		case len(row.From) > 0:
			about = row.From[len(row.From)-1].String()
		}
		lead := "      " + t.paint(sgr, mark) + pad(share, -5) + "  "
		b.WriteString(lead + row.Name)
		if about = diag.Printable(about); about != "" {
			gap := "  "
			if visible(lead)+len(row.Name)+len(gap)+diag.Width(about) > t.o.Width {
				gap = "\n" + strings.Repeat(" ", visible(lead))
			}
			b.WriteString(gap + t.paint(sgrDim, about))
		}
		b.WriteByte('\n')
	})
}

// wrap writes words after a lead, and indents the lines that follow by its
// width. The lead may be colored.
func (t *text) wrap(b *strings.Builder, lead, s, sgr string) {
	indent := visible(lead)
	if indent > t.o.Width/2 { // a long name
		indent = 12
	}
	room := max(t.o.Width-indent, 20)
	first := true
	for line := range lines(s, room) {
		if first {
			b.WriteString(lead)
			first = false
		} else {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(t.paint(sgr, line) + "\n")
	}
	if first {
		b.WriteString(strings.TrimRight(lead, " ") + "\n")
	}
}

// lines breaks text at blanks into lines of at most room columns. A word that
// is longer stays whole, so that a path can be copied.
func lines(s string, room int) func(func(string) bool) {
	return func(yield func(string) bool) {
		line, width := "", 0
		for word := range strings.FieldsSeq(s) {
			w := diag.Width(word)
			if line != "" && width+1+w > room {
				if !yield(line) {
					return
				}
				line, width = "", 0
			}
			if line != "" {
				line, width = line+" ", width+1
			}
			line, width = line+word, width+w
		}
		if line != "" {
			yield(line)
		}
	}
}

// SGR parameters.
const (
	sgrBold   = "1"
	sgrDim    = "2"
	sgrRed    = "31"
	sgrGreen  = "32"
	sgrYellow = "33"
	sgrCyan   = "36"
)

func (t *text) paint(sgr, s string) string {
	if !t.o.Color || sgr == "" || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// visible is the width of text without the colors that paint gave it.
func visible(s string) int {
	w := 0
	for {
		before, after, ok := strings.Cut(s, "\x1b[")
		w += diag.Width(before)
		if !ok {
			return w
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

// pad fills up with blanks, on the left if the width is negative.
func pad(s string, width int) string {
	blanks := strings.Repeat(" ", max(max(width, -width)-diag.Width(s), 0))
	if width < 0 {
		return blanks + s
	}
	return s + blanks
}

func ratingColor(rating string) string {
	switch rating {
	case "DANGEROUS", "UNSAFE":
		return sgrRed
	case "EXPOSED", "MEDIUM":
		return sgrYellow
	}
	return sgrGreen
}

func severityColor(severity string) string {
	switch severity {
	case hardening.SeverityCritical:
		return sgrBold + ";" + sgrRed
	case hardening.SeverityHigh:
		return sgrRed
	case hardening.SeverityMedium:
		return sgrYellow
	case hardening.SeverityLow:
		return sgrCyan
	}
	return sgrDim
}
