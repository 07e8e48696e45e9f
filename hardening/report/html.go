package report

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/spec/diag"
)

// HTML returns a writer of one page that needs nothing but itself: its content
// security policy permits the style and the scripts that are in it, by hash,
// and no request at all. It sorts, filters and searches, prints, follows the
// theme of the system, and is a readable page without scripts.
func HTML(w io.Writer, o Options) Writer {
	return &page{w: w, o: o, changes: map[string]*fleetChange{}, rules: map[string]*fleetRule{}}
}

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// pageFlag tells the style, before anything is drawn, that there are scripts.
const pageFlag = `document.documentElement.classList.add('js')`

type page struct {
	w     io.Writer
	o     Options
	tally tally
	units []pageUnit

	sum, sumAfter int // of the scores, now and with the best three changes
	changes       map[string]*fleetChange
	rules         map[string]*fleetRule
}

type pageUnit struct {
	rank

	row, detail string
}

// fleetChange is a change that helps several units.
type fleetChange struct {
	line        string
	units, gain int
}

// fleetRule is a finding that several units have.
type fleetRule struct {
	id, severity, title string
	units               int
}

// markup is text of ours. Only constants are of this type without a
// conversion, so nothing gets into the page unescaped by accident.
type markup string

// doc is the page as it is written.
type doc struct{ b strings.Builder }

func (d *doc) add(m markup) *doc { d.b.WriteString(string(m)); return d }

// text adds what others wrote. What cannot be seen is spelled out.
func (d *doc) text(s string) *doc { d.b.WriteString(escapeHTML(diag.Printable(s))); return d }

func (d *doc) number(n int) *doc { d.b.WriteString(strconv.Itoa(n)); return d }

func (p *page) Unit(r *hardening.Result) error {
	p.tally.add(r, &p.o)
	changes, best := r.Changes(), r.Best(3)
	if r.Exposure != nil {
		after := *r.Exposure
		if len(best) > 0 {
			after = best[len(best)-1].Exposure
		}
		p.sum += int(*r.Exposure)
		p.sumAfter += int(after)
	}
	for i := range changes {
		c := &changes[i]
		if c.Gain == 0 {
			continue
		}
		line := strings.Join(c.Lines, " ; ")
		if p.changes[line] == nil {
			p.changes[line] = &fleetChange{line: headline(c)}
		}
		p.changes[line].units++
		p.changes[line].gain += int(c.Gain)
	}
	p.count(r.Findings)
	k := rankOf(r)
	p.units = append(p.units, pageUnit{k, p.row(r, k, best), p.detail(r, changes, best)})
	return nil
}

// count adds the findings of one unit to those of all.
func (p *page) count(findings []hardening.Finding) {
	seen := map[string]bool{}
	for i := range findings {
		f := &findings[i]
		if f.Suppressed != "" || seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		rule := p.rules[f.ID]
		if rule == nil {
			rule = &fleetRule{id: f.ID, severity: f.Severity, title: f.Message}
			if known := p.rule(f.ID); known != nil {
				rule.title, rule.severity = known.Title, known.Severity
			}
			p.rules[f.ID] = rule
		}
		rule.units++
	}
}

func (p *page) rule(id string) *Rule {
	if i := slices.IndexFunc(p.o.Rules, func(r Rule) bool { return r.ID == id }); i >= 0 {
		return &p.o.Rules[i]
	}
	return nil
}

func (p *page) Close() error {
	slices.SortStableFunc(p.units, func(a, b pageUnit) int { return worse(a.rank, b.rank) })
	var d doc
	p.head(&d)
	p.summary(&d)
	p.tools(&d)
	p.table(&d)
	p.glossary(&d)
	d.add("</main>\n<footer>Made by daemonize")
	if p.o.Version != "" {
		d.add(" ").text(p.o.Version)
	}
	d.add(". The score is that of <code>systemd-analyze security</code>: 0.0 is best, 10.0 is worst. It counts settings; it does not measure safety.</footer>\n<script>")
	d.add(markup(pageScript)).add("</script>\n</body>\n</html>\n")
	_, err := io.WriteString(p.w, d.b.String())
	return err
}

// hash is the source expression of a content security policy for an inline
// style or script.
func hash(s string) markup {
	sum := sha256.Sum256([]byte(s))
	return markup("'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
}

func (p *page) head(d *doc) {
	d.add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	d.add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src ").add(hash(pageStyle))
	d.add("; script-src ").add(hash(pageFlag)).add(" ").add(hash(pageScript))
	d.add("; img-src data:; base-uri 'none'; form-action 'none'\">\n")
	d.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n")
	// Else a browser asks for /favicon.ico.
	d.add("<link rel=\"icon\" href=\"data:,\">\n<title>").number(p.tally.units).add(" units, daemonize audit</title>\n")
	d.add("<style>").add(markup(pageStyle)).add("</style>\n<script>").add(pageFlag).add("</script>\n</head>\n<body>\n")
	d.add("<a class=\"skip\" href=\"#units\">To the units</a>\n<header><div><h1>Service audit</h1><p class=\"muted\">")
	d.text(plural(p.tally.units, "unit", "units") + ", " + plural(p.tally.count(), "finding", "findings"))
	d.add(", worst first</p></div><button type=\"button\" class=\"plain js-only\" id=\"theme\">Theme</button></header>\n<main>\n")
}

func (p *page) summary(d *doc) {
	t := &p.tally
	if verdict := t.verdict(&p.o); len(verdict) > 0 {
		d.add("<div class=\"fail\">")
		for _, s := range verdict {
			d.add("<p>").text(sentence(s)).add("</p>")
		}
		d.add("</div>\n")
	}
	if t.units == 0 {
		d.add("<p class=\"empty\">Nothing to audit.</p>\n")
		return
	}
	scored := t.units - t.unscored - t.failed
	d.add("<section class=\"cards\" aria-label=\"Summary\">\n<div class=\"card\"><h3>Units</h3><p class=\"big num\">").number(t.units).add("</p><p>").number(scored).add(" with a score")
	if t.unscored > 0 {
		d.add(", ").number(t.unscored).add(" without")
	}
	if t.failed > 0 {
		d.add(", <strong>").number(t.failed).add(" not audited</strong>")
	}
	d.add("</p></div>\n")
	if scored > 0 {
		worst := p.units[0]
		e := hardening.Exposure(worst.exposure)
		d.add("<div class=\"card\"><h3>Worst exposure</h3><p class=\"big num ").add(markup(e.Rating())).add("\">").text(e.String()).add("</p><p>").text(worst.unit).add("</p></div>\n")
		d.add("<div class=\"card\"><h3>Average exposure</h3><p class=\"big num\">").text(average(p.sum, scored).String())
		d.add(" <small>→ ").text(average(p.sumAfter, scored).String()).add("</small></p><p>with the best three changes of each unit</p></div>\n")
	}
	d.add("<div class=\"card\"><h3>Findings</h3><p class=\"big num\">").number(t.count()).add("</p><p>").text(t.bySeverity())
	if t.suppressed > 0 {
		if t.count() > 0 {
			d.add("; ")
		}
		d.number(t.suppressed).add(" suppressed")
	}
	d.add("</p></div>\n</section>\n")
	if scored > 0 {
		p.stack(d)
	}
	d.add("<div class=\"pair\">")
	p.topChanges(d)
	p.topRules(d)
	d.add("</div>\n")
}

func average(sum, n int) hardening.Exposure { return hardening.Exposure((sum + n/2) / n) }

// stack is a bar of all units by their rating.
func (p *page) stack(d *doc) {
	t := &p.tally
	d.add("<section class=\"card wide\"><h3>Ratings</h3>\n<svg class=\"stack\" viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"").text(t.byRating()).add("\">")
	all, x := 0, 0
	for _, n := range t.ratings {
		all += n
	}
	for i, n := range t.ratings {
		if n > 0 {
			next := x + n
			d.add("<rect class=\"").add(markup(ratings[i])).add("\" x=\"").number(x * 1000 / all).add("\" width=\"").number((next-x)*1000/all + 1).add("\" height=\"14\"/>")
			x = next
		}
	}
	d.add("</svg>\n<ul class=\"legend\">")
	for i, n := range t.ratings {
		if n > 0 {
			d.add("<li class=\"").add(markup(ratings[i])).add("\">").number(n).add(" ").text(ratings[i]).add("</li>")
		}
	}
	d.add("</ul></section>\n")
}

// Tables of the summary have this many lines.
const topLines = 6

func (p *page) topChanges(d *doc) {
	list := make([]*fleetChange, 0, len(p.changes))
	for _, c := range p.changes {
		list = append(list, c)
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b *fleetChange) int {
		return cmp.Or(cmp.Compare(b.gain, a.gain), cmp.Compare(b.units, a.units), cmp.Compare(a.line, b.line))
	})
	d.add("<section class=\"card\"><h2>Changes that help most</h2><table class=\"top\" aria-label=\"Changes that help most\">")
	for _, c := range list[:min(len(list), topLines)] {
		d.add("<tr><td><code>").text(c.line).add("</code></td><td class=\"num\">").text(plural(c.units, "unit", "units"))
		d.add("</td><td class=\"num\">−").text(average(c.gain, c.units).String()).add(" each</td></tr>")
	}
	d.add("</table></section>\n")
}

func (p *page) topRules(d *doc) {
	list := make([]*fleetRule, 0, len(p.rules))
	for _, r := range p.rules {
		list = append(list, r)
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b *fleetRule) int {
		return cmp.Or(cmp.Compare(hardening.SeverityRank(b.severity), hardening.SeverityRank(a.severity)), cmp.Compare(b.units, a.units), cmp.Compare(a.id, b.id))
	})
	d.add("<section class=\"card\"><h2>Gravest findings</h2><table class=\"top\" aria-label=\"Gravest findings\">")
	for _, r := range list[:min(len(list), topLines)] {
		d.add("<tr><td>")
		severity(d, r.severity, r.severity)
		d.add("</td><td>")
		p.id(d, r.id)
		d.add(" ").text(r.title).add("</td><td class=\"num\">").text(plural(r.units, "unit", "units")).add("</td></tr>")
	}
	d.add("</table></section>\n")
}

// severity writes a text in the color of a severity.
func severity(d *doc, severity, text string) {
	class := markup("other")
	if hardening.SeverityRank(severity) > 0 {
		class = markup(severity)
	}
	d.add("<span class=\"sev ").add(class).add("\">").text(text).add("</span>")
}

// id writes the ID of a finding, as a link if the page explains it.
func (p *page) id(d *doc, id string) {
	if p.rule(id) == nil {
		d.add("<code>").text(id).add("</code>")
		return
	}
	d.add("<a href=\"#rule-").add(markup(escapePath(id))).add("\"><code>").text(id).add("</code></a>")
}

func (p *page) tools(d *doc) {
	if p.tally.units == 0 {
		return
	}
	d.add("<section class=\"tools\" aria-label=\"Search and filters\">\n<input type=\"search\" id=\"search\" aria-label=\"Search units, paths and findings\" placeholder=\"Search units, paths, findings\" autocomplete=\"off\" spellcheck=\"false\" aria-keyshortcuts=\"/\">\n")
	group := func(name, legend markup, values []chip) {
		if len(values) < 2 {
			return
		}
		d.add("<fieldset><legend>").add(legend).add("</legend>")
		for _, v := range values {
			d.add("<label class=\"chip ").add(v.class).add("\"><input type=\"checkbox\" name=\"").add(name).add("\" value=\"").text(v.value).add("\"><b>").text(v.label).add("</b> ").number(v.n).add("</label>")
		}
		d.add("</fieldset>\n")
	}
	var byRating, bySeverity, byBackend []chip
	for i, n := range p.tally.ratings {
		if n > 0 {
			byRating = append(byRating, chip{ratings[i], ratings[i], markup(ratings[i]), n})
		}
	}
	if n := p.tally.unscored + p.tally.failed; n > 0 {
		byRating = append(byRating, chip{"NONE", "no score", "NONE", n})
	}
	for i, n := range p.tally.findings {
		if n > 0 {
			bySeverity = append(bySeverity, chip{severities[i], severities[i], markup(severities[i]), n})
		}
	}
	for _, u := range p.units {
		if i := slices.IndexFunc(byBackend, func(c chip) bool { return c.value == u.backend }); i >= 0 {
			byBackend[i].n++
		} else {
			byBackend = append(byBackend, chip{u.backend, u.backend, "", 1})
		}
	}
	slices.SortFunc(byBackend, func(a, b chip) int { return cmp.Compare(a.value, b.value) })
	group("rating", "Rating", byRating)
	group("severity", "Findings", bySeverity)
	group("backend", "Manager", byBackend)
	d.add("<div class=\"bar-end\"><span id=\"count\" role=\"status\"></span><button type=\"button\" class=\"plain\" id=\"all\" aria-pressed=\"false\">Open all</button></div>\n</section>\n")
}

// chip is one mark of a filter.
type chip struct {
	value, label string
	class        markup
	n            int
}

func (p *page) table(d *doc) {
	if p.tally.units == 0 {
		return
	}
	d.add("<table class=\"units\" id=\"units\"><caption class=\"hush\">Units</caption>\n<thead><tr>")
	for i, c := range [...]struct{ key, title markup }{
		{"exposure", "Exposure"}, {"rating", "Rating"}, {"name", "Unit"}, {"backend", "Manager"}, {"findings", "Findings"}, {"gain", "Best next change"},
	} {
		d.add("<th scope=\"col\" class=\"c").number(i + 1).add("\" data-key=\"").add(c.key).add("\"")
		if i == 0 {
			d.add(" aria-sort=\"descending\"")
		}
		d.add("><span>").add(c.title).add("</span><button type=\"button\">").add(c.title).add("</button></th>")
	}
	d.add("</tr></thead>\n")
	for i, u := range p.units {
		d.add(markup(u.row)).add("<tr class=\"detail\" id=\"d").number(i).add("\"><td colspan=\"6\">").add(markup(u.detail)).add("</td></tr></tbody>\n")
	}
	d.add("</table>\n<p class=\"empty\" id=\"nothing\" hidden>No unit fits.</p>\n")
}

// row is the line of a unit, with the body of the table that begins there.
func (p *page) row(r *hardening.Result, k rank, best []hardening.Change) string {
	var d doc
	rating, gain := markup("NONE"), 0
	if r.Exposure != nil {
		rating = markup(r.Exposure.Rating())
	}
	if len(best) > 0 {
		gain = int(best[0].Gain)
	}
	var one tally
	one.add(r, &p.o)
	d.add("<tbody class=\"unit\" data-e=\"").number(k.exposure).add("\" data-r=\"").add(rating).add("\" data-b=\"").text(r.Backend)
	d.add("\" data-s=\"").number(k.severity).add("\" data-n=\"").number(k.findings).add("\" data-g=\"").number(gain).add("\" data-f=\"")
	for i, n := range one.findings {
		if n > 0 {
			d.text(severities[i]).add(" ")
		}
	}
	d.add("\"><tr class=\"row ").add(rating).add("\"><td>")
	switch {
	case r.Exposure != nil:
		d.add("<span class=\"score\"><span>").text(r.Exposure.String()).add("</span><svg class=\"meter\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"").number(k.exposure).add("\" height=\"6\"/></svg></span></td><td><span class=\"badge\">").add(rating).add("</span>")
		if one.over > 0 {
			d.add("<div class=\"over\">above ").text(p.o.Threshold.String()).add("</div>")
		}
	case unaudited(r):
		d.add("<span class=\"score\"><span>?</span></span></td><td><span class=\"badge UNSAFE\">NOT AUDITED</span>")
	default:
		d.add("<span class=\"score\"><span>n/a</span></span></td><td><span class=\"badge\">NO SCORE</span>")
	}
	d.add("</td><th scope=\"row\"><span class=\"name\">").text(r.Unit).add("</span><div class=\"path\">").text(r.Path).add("</div></th><td class=\"by\">").text(manager(r)).add("</td><td>")
	for i, n := range one.findings {
		if n > 0 {
			severity(&d, severities[i], strconv.Itoa(n)+" "+severities[i])
			d.add(" ")
		}
	}
	if one.other > 0 {
		severity(&d, "", strconv.Itoa(one.other)+" other")
	}
	d.add("</td><td class=\"gain\">")
	if len(best) > 0 {
		d.add("<code>").text(headline(&best[0])).add("</code> → ").text(best[0].Exposure.String())
	}
	d.add("</td></tr>\n")
	return d.b.String()
}

// detail is all that is known of a unit.
func (p *page) detail(r *hardening.Result, changes, best []hardening.Change) string {
	var d doc
	if r.Exposure == nil {
		d.add("<p class=\"error part\">No score: ").text(noScore(r)).add("</p>")
	}
	p.findings(&d, r)
	if reasons := r.Reasons(); len(reasons) > 0 {
		d.add("<div class=\"halves\"><section><h3>What the score is made of</h3><ul class=\"why\">")
		for _, reason := range reasons[:min(len(reasons), 6)] {
			d.add("<li><b>").text(reason.Share.String()).add("</b><span>").text(reason.Text).add("</span></li>")
		}
		d.add("</ul>")
		if n := len(reasons) - 6; n > 0 {
			d.add("<p class=\"path\">and ").number(n).add(" more</p>")
		}
		d.add("</section>")
		if len(best) > 0 {
			d.add("<section><h3>Best next changes, one after the other</h3><ol class=\"next\">")
			for i := range best {
				c := &best[i]
				d.add("<li class=\"").add(markup(c.Exposure.Rating())).add("\"><b>→ ").text(c.Exposure.String()).add("</b><div>")
				for _, line := range c.Lines {
					d.add("<code>").text(line).add("</code>")
				}
				d.add("<span class=\"muted\">").text(c.Note).add("</span></div></li>")
			}
			d.add("</ol></section>")
		}
		d.add("</div>")
	}
	if len(changes) > 0 {
		d.add("<section class=\"part\"><h3>Every change, by itself</h3><pre data-title=\"Every change\" data-head=\"Then|Gain|Change|Checks|Mind\" data-code=\"2\">")
		for i := range changes {
			c := &changes[i]
			d.text(c.Exposure.String()).add("\t−").text(c.Gain.String()).add("\t").text(pad(strings.Join(c.Lines, " ; "), 32)).add("\t").number(len(c.Fixes)).add("\t").text(c.Note).add("\n")
		}
		d.add("</pre></section>")
	}
	checks(&d, r)
	return d.b.String()
}

func (p *page) findings(d *doc, r *hardening.Result) {
	if len(r.Findings) == 0 {
		return
	}
	d.add("<section class=\"part\"><h3>Findings</h3><ul class=\"finds\">")
	for _, f := range gravest(r.Findings) {
		if f.Suppressed != "" {
			d.add("<li class=\"quiet\">")
		} else {
			d.add("<li>")
		}
		severity(d, f.Severity, f.Severity)
		p.id(d, f.ID)
		d.add(" ").text(f.Message)
		if at := place(r, f); at != "" {
			d.add("<p><code>").text(at).add("</code></p>")
		}
		switch {
		case f.Suppressed != "":
			d.add("<p>Suppressed: ").text(f.Suppressed).add("</p>")
		case f.Fix != "":
			d.add("<p>Fix: ").text(f.Fix).add("</p>")
		}
		d.add("</li>")
	}
	d.add("</ul></section>")
}

// checks lists every row, as columns of text: a thousand units have more than
// eighty thousand.
func checks(d *doc, r *hardening.Result) {
	if len(r.Rows) == 0 {
		return
	}
	var passed, failed, off int
	for i := range r.Rows {
		switch row := &r.Rows[i]; {
		case !row.Applies:
			off++
		case row.Badness > 0:
			failed++
		default:
			passed++
		}
	}
	d.add("<details class=\"part\"><summary>All ").number(len(r.Rows)).add(" checks: ").number(passed).add(" passed, ").number(failed).add(" not")
	if off > 0 {
		d.add(", ").number(off).add(" without meaning here")
	}
	d.add("</summary><pre data-title=\"All checks\" data-head=\"|Share|Check|Now|From\" data-code=\"2\">")
	for i := range r.Rows {
		row := &r.Rows[i]
		mark, share := markup("✓"), ""
		switch {
		case !row.Applies:
			mark = "-"
		case row.Badness > 0:
			mark, share = "✗", row.Exposure.String()
		}
		d.add(mark).add("\t").text(pad(share, 3)).add("\t").text(row.Name).add("\t").text(row.Risk()).add("\t")
		switch {
		case row.Implied != "":
			d.text(row.Implied + "=")
		case len(row.From) > 0:
			d.text(row.From[len(row.From)-1].String())
		}
		d.add("\n")
	}
	d.add("</pre></details>")
}

// glossary explains the rules that have findings.
func (p *page) glossary(d *doc) {
	first := true
	for i := range p.o.Rules {
		r := &p.o.Rules[i]
		if p.rules[r.ID] == nil && !slices.ContainsFunc(p.units, func(u pageUnit) bool { return strings.Contains(u.detail, "#rule-"+escapePath(r.ID)+`"`) }) {
			continue
		}
		if first {
			d.add("<section class=\"rules\"><h2>What the findings mean</h2><dl>\n")
			first = false
		}
		d.add("<dt id=\"rule-").add(markup(escapePath(r.ID))).add("\">")
		severity(d, r.Severity, r.Severity)
		d.add("<code>").text(r.ID).add("</code> ").text(r.Title).add("</dt><dd>").text(r.Reason).add("</dd><dd>").text(r.Fix).add("</dd>")
		switch {
		case isURL(r.Reference):
			d.add("<dd><a rel=\"noopener noreferrer\" href=\"").text(r.Reference).add("\">").text(r.Reference).add("</a></dd>\n")
		case r.Reference != "":
			d.add("<dd>").text(r.Reference)
			for _, n := range cwes(r.Reference) {
				d.add(" <a rel=\"noopener noreferrer\" href=\"https://cwe.mitre.org/data/definitions/").text(n).add(".html\">CWE-").text(n).add("</a>")
			}
			d.add("</dd>\n")
		}
	}
	if !first {
		d.add("</dl></section>\n")
	}
}

// escapeHTML makes text literal as content and within a quoted attribute.
func escapeHTML(s string) string {
	if !strings.ContainsAny(s, "&<>\"'") {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '"':
			b = append(b, "&#34;"...)
		case '\'':
			b = append(b, "&#39;"...)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}
