package report

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/spec/diag"
)

// Markdown returns a writer of GitHub-flavored Markdown for the summary of a
// CI job: a short table, the worst unit first, and the details folded. It
// stays well below the 1 MiB that GitHub takes: units that do not fit are
// counted.
func Markdown(w io.Writer, o Options) Writer {
	return &markdown{w: w, o: o, worst: podium{size: maxTable}}
}

// What is kept: rows of the table, grave findings of other units, and bytes of
// details.
const (
	maxTable   = 100
	maxExtra   = 20
	maxDetails = 300 << 10
)

type markdown struct {
	w     io.Writer
	o     Options
	tally tally
	worst podium
	units []markdownUnit
}

type markdownUnit struct {
	rank

	row, details string   // empty if others were worse when it came
	extra        []string // what must be said even if there is no row
}

func (m *markdown) Unit(r *hardening.Result) error {
	m.tally.add(r, &m.o)
	u := markdownUnit{rank: rankOf(r)}
	if m.worst.admit(u.rank) {
		best := r.Best(3)
		u.row, u.details = m.row(r, best), m.details(r, best)
	}
	if unaudited(r) {
		u.extra = append(u.extra, "- "+code(r.Unit)+" was not audited: "+escapeMarkdown(noScore(r))+"\n")
	}
	for _, f := range gravest(r.Findings) {
		if f.Suppressed == "" && hardening.SeverityRank(f.Severity) >= hardening.SeverityRank(hardening.SeverityHigh) {
			u.extra = append(u.extra, "- "+code(r.Unit)+" **"+f.Severity+"** "+escapeMarkdown(f.ID)+" "+escapeMarkdown(f.Message)+"\n")
		}
	}
	m.units = append(m.units, u)
	return nil
}

func (m *markdown) Close() error {
	slices.SortStableFunc(m.units, func(a, b markdownUnit) int { return worse(a.rank, b.rank) })
	var b strings.Builder
	b.WriteString("## daemonize audit\n\n")
	switch {
	case m.tally.units == 0:
		b.WriteString("Nothing to audit.\n")
	default:
		b.WriteString("**" + plural(m.tally.units, "unit", "units") + "**: " + m.tally.byRating() + ".  \n")
		findings := "**No findings**"
		if n := m.tally.count(); n > 0 {
			findings = "**" + plural(n, "finding", "findings") + "**: " + m.tally.bySeverity()
		}
		if m.tally.suppressed > 0 {
			findings += "; " + strconv.Itoa(m.tally.suppressed) + " suppressed"
		}
		b.WriteString(findings + ".\n")
	}
	for _, s := range m.tally.verdict(&m.o) {
		b.WriteString("\n> ❌ " + sentence(s) + "\n")
	}
	if m.tally.units > 0 {
		b.WriteString("\n| | exposure | unit | findings | best next change |\n|---|--:|---|---|---|\n")
	}
	for i := range m.units {
		if i == maxTable {
			b.WriteString("| | | and " + plural(len(m.units)-i, "more unit that is", "more units that are") + " no worse | | |\n")
			break
		}
		b.WriteString(m.units[i].row)
	}
	b.WriteByte('\n')
	m.extras(&b)
	shown := 0
	for _, u := range m.units[:min(len(m.units), maxTable)] {
		if b.Len()+len(u.details) > maxDetails {
			break
		}
		b.WriteString(u.details)
		shown++
	}
	if n := len(m.units) - shown; n > 0 {
		b.WriteString("The details of " + plural(n, "more unit", "more units") + " do not fit here.\n")
	}
	_, err := io.WriteString(m.w, b.String())
	return err
}

// extras says what the table leaves out and must not.
func (m *markdown) extras(b *strings.Builder) {
	var lines []string
	for i := range m.units[min(len(m.units), maxTable):] {
		lines = append(lines, m.units[maxTable+i].extra...)
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("Among the units that are not in the table:\n\n")
	for _, line := range lines[:min(len(lines), maxExtra)] {
		b.WriteString(line)
	}
	if n := len(lines) - maxExtra; n > 0 {
		b.WriteString("- and " + strconv.Itoa(n) + " more\n")
	}
	b.WriteByte('\n')
}

// row is the line of the table.
func (m *markdown) row(r *hardening.Result, best []hardening.Change) string {
	cells := [...]string{"⚪", "n/a", tableCode(r.Unit), "", ""}
	if r.Backend != "systemd" && r.Backend != "" {
		cells[2] += " " + escapeMarkdown(r.Backend)
	}
	switch {
	case r.Exposure != nil:
		rating := r.Exposure.Rating()
		cells[0], cells[1] = ratingMark(rating)+" "+rating, "**"+r.Exposure.String()+"**"
	case unaudited(r):
		cells[0], cells[1] = "❗ not audited", ""
	}
	var one tally
	one.add(r, &m.o)
	cells[3] = one.bySeverity()
	if len(best) > 0 {
		cells[4] = tableCode(headline(&best[0])) + " → " + best[0].Exposure.String()
	}
	return "| " + strings.Join(cells[:], " | ") + " |\n"
}

// details is the folded part about one unit; empty if there is nothing to say.
func (m *markdown) details(r *hardening.Result, best []hardening.Change) string {
	var b strings.Builder
	b.WriteString("<details><summary><code>" + escapeHTML(diag.Printable(r.Unit)) + "</code>")
	if r.Exposure != nil {
		b.WriteString(" " + r.Exposure.String() + " " + r.Exposure.Rating())
	}
	b.WriteString("</summary>\n\n")
	if r.Path != "" {
		b.WriteString(code(r.Path) + ", ")
	}
	b.WriteString(escapeMarkdown(manager(r)) + "\n")
	if r.Exposure == nil {
		b.WriteString("\nNo score: " + escapeMarkdown(noScore(r)) + "\n")
	}
	if reasons := r.Reasons(); len(reasons) > 0 {
		b.WriteString("\n**Why**\n\n")
		for _, reason := range reasons[:min(len(reasons), 4)] {
			b.WriteString("- " + reason.Share.String() + " " + escapeMarkdown(reason.Text) + "\n")
		}
	}
	if len(best) > 0 {
		b.WriteString("\n**Next**\n\n")
		for i := range best {
			c := &best[i]
			codes := make([]string, len(c.Lines))
			for j, line := range c.Lines {
				codes[j] = code(line)
			}
			b.WriteString(strconv.Itoa(i+1) + ". " + strings.Join(codes, " ") + " → **" + c.Exposure.String() + "**: " + escapeMarkdown(c.Note) + "\n")
		}
	}
	if len(r.Findings) > 0 {
		b.WriteString("\n**Findings**\n\n")
	}
	for _, f := range gravest(r.Findings) {
		// No emphasis around what others wrote: it ends where they want.
		severity := code(f.Severity)
		if hardening.SeverityRank(f.Severity) > 0 {
			severity = "**" + f.Severity + "**"
		}
		line := "- " + severity + " " + escapeMarkdown(f.ID) + " " + escapeMarkdown(f.Message)
		if at := place(r, f); at != "" {
			line += " (" + code(at) + ")"
		}
		switch {
		case f.Suppressed != "":
			line += "  \n  Suppressed: " + escapeMarkdown(f.Suppressed)
		case f.Fix != "":
			line += "  \n  Fix: " + escapeMarkdown(f.Fix)
		}
		b.WriteString(line + "\n")
	}
	b.WriteString("\n</details>\n\n")
	return b.String()
}

func ratingMark(rating string) string {
	switch rating {
	case "DANGEROUS", "UNSAFE":
		return "🔴"
	case "EXPOSED", "MEDIUM":
		return "🟡"
	}
	return "🟢"
}

// escapeMarkdown makes text literal, on one line: no markup, HTML, table,
// mathematics or links.
func escapeMarkdown(s string) string {
	s = diag.Printable(s)
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		switch c := s[i]; c {
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '&':
			b = append(b, "&amp;"...)
		case '@': // no address; as a reference even where the reader looks for one
			b = append(b, "&#64;"...)
		case '|': // not even in a table
			b = append(b, "&#124;"...)
		case '\\', '`', '*', '_', '{', '}', '[', ']', '~', '$', '#', '!', '(', ')':
			b = append(b, '\\', c)
		case ':', '.': // links are made of https:// and www.
			if c == ':' && strings.HasPrefix(s[i:], "://") || c == '.' && strings.HasSuffix(strings.ToLower(s[:i]), "www") {
				b = append(b, '\\')
			}
			b = append(b, c)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// code writes text as inline code: between more backticks than it has in a
// row.
func code(s string) string {
	s = diag.Printable(s)
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || strings.HasPrefix(s, " ") || s == "" {
		s = " " + s + " "
	}
	return fence + s + fence
}

// tableCode is code in a table, whose cells are cut at bars before anything
// else is looked at.
func tableCode(s string) string {
	if strings.Contains(s, "|") {
		return "<code>" + escapeMarkdown(s) + "</code>"
	}
	return code(s)
}
