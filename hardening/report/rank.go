package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening"
)

// rank is what decides the place of a unit among others.
type rank struct {
	exposure   int // -1 without a score
	severity   int // of its worst finding that counts
	findings   int // that count
	unit, path string
	backend    string
}

func rankOf(r *hardening.Result) rank {
	k := rank{exposure: -1, unit: r.Unit, path: r.Path, backend: r.Backend}
	if r.Exposure != nil {
		k.exposure = int(*r.Exposure)
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Suppressed == "" {
			k.severity = max(k.severity, hardening.SeverityRank(f.Severity))
			k.findings++
		}
	}
	return k
}

// worse puts the highest score first; units without a score come last, those
// with the gravest findings first.
func worse(a, b rank) int {
	return cmp.Or(
		cmp.Compare(b.exposure, a.exposure),
		cmp.Compare(b.severity, a.severity),
		cmp.Compare(b.findings, a.findings),
		cmp.Compare(a.unit, b.unit),
		cmp.Compare(a.path, b.path),
		cmp.Compare(a.backend, b.backend),
	)
}

// podium holds the worst units so far. What is shown of the worst only need
// not be made for the others.
type podium struct {
	size int
	kept []rank
}

// admit reports whether a unit is among the worst so far.
func (p *podium) admit(k rank) bool {
	at, _ := slices.BinarySearchFunc(p.kept, k, worse)
	if at >= p.size {
		return false
	}
	p.kept = slices.Insert(p.kept, at, k)
	p.kept = p.kept[:min(len(p.kept), p.size)]
	return true
}

// gravest sorts findings: those that count before those that are suppressed,
// the worst first, then by place.
func gravest(fs []hardening.Finding) []*hardening.Finding {
	list := make([]*hardening.Finding, len(fs))
	for i := range fs {
		list[i] = &fs[i]
	}
	slices.SortStableFunc(list, func(a, b *hardening.Finding) int {
		return cmp.Or(
			cmp.Compare(min(len(a.Suppressed), 1), min(len(b.Suppressed), 1)),
			cmp.Compare(hardening.SeverityRank(b.Severity), hardening.SeverityRank(a.Severity)),
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return list
}

// ratings and severities, worst first.
var (
	ratings    = [...]string{"DANGEROUS", "UNSAFE", "EXPOSED", "MEDIUM", "OK", "SAFE", "PERFECT"}
	severities = [...]string{hardening.SeverityCritical, hardening.SeverityHigh, hardening.SeverityMedium, hardening.SeverityLow, hardening.SeverityInfo}
)

// tally is what the summary of a report counts.
type tally struct {
	units, unscored, failed int
	ratings                 [len(ratings)]int
	findings                [len(severities)]int // that count
	other                   int                  // findings of no known severity
	suppressed              int
	over                    int // units above the threshold
	grave                   int // findings that fail the audit
}

func (t *tally) add(r *hardening.Result, o *Options) {
	t.units++
	switch {
	case r.Exposure != nil:
		t.ratings[slices.Index(ratings[:], r.Exposure.Rating())]++
		if o.Threshold != nil && *r.Exposure > *o.Threshold {
			t.over++
		}
	case unaudited(r):
		t.failed++
	default:
		t.unscored++
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Suppressed != "" {
			t.suppressed++
			continue
		}
		if at := slices.Index(severities[:], f.Severity); at >= 0 {
			t.findings[at]++
		} else {
			t.other++
		}
		if fails(f, o) {
			t.grave++
		}
	}
}

// fails reports whether the finding alone fails the audit.
func fails(f *hardening.Finding, o *Options) bool {
	return o.FailOn != "" && f.Suppressed == "" && hardening.SeverityRank(f.Severity) >= hardening.SeverityRank(o.FailOn)
}

// unaudited reports whether the unit could not be read or loaded. What has no
// score by its nature is no failure.
func unaudited(r *hardening.Result) bool { return r.Exposure == nil && r.Error != nil }

// noScore says why there is no score.
func noScore(r *hardening.Result) string {
	switch {
	case r.Error != nil && *r.Error != "":
		return *r.Error
	case r.Note != "":
		return r.Note
	case r.Backend == "systemd":
		return "the score is for units that start processes"
	}
	return "the score of systemd does not apply to " + r.Backend
}

func (t *tally) count() int {
	n := t.other
	for _, c := range t.findings {
		n += c
	}
	return n
}

// byRating says how many units have which rating: "2 UNSAFE, 1 OK".
func (t *tally) byRating() string {
	var parts []string
	for i, n := range t.ratings {
		if n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+ratings[i])
		}
	}
	if t.unscored > 0 {
		parts = append(parts, strconv.Itoa(t.unscored)+" without a score")
	}
	if t.failed > 0 {
		parts = append(parts, strconv.Itoa(t.failed)+" not audited")
	}
	return strings.Join(parts, ", ")
}

// bySeverity says how many findings there are: "1 critical, 3 low".
func (t *tally) bySeverity() string {
	var parts []string
	for i, n := range t.findings {
		if n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+severities[i])
		}
	}
	if t.other > 0 {
		parts = append(parts, strconv.Itoa(t.other)+" other")
	}
	return strings.Join(parts, ", ")
}

// verdict says which limits were passed, one sentence for each.
func (t *tally) verdict(o *Options) []string {
	var out []string
	if t.over > 0 {
		out = append(out, plural(t.over, "unit is", "units are")+" above the threshold of "+o.Threshold.String())
	}
	if t.grave > 0 {
		out = append(out, plural(t.grave, "finding is", "findings are")+" "+o.FailOn+orWorse(o.FailOn))
	}
	return out
}

func orWorse(severity string) string {
	if severity == hardening.SeverityCritical {
		return ""
	}
	return " or worse"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// place is where a finding is, as a file and a position that editors and
// terminals follow.
func place(r *hardening.Result, f *hardening.Finding) string {
	s := file(r, f)
	if f.Line > 0 {
		s += ":" + strconv.Itoa(f.Line)
		if f.Column > 0 {
			s += ":" + strconv.Itoa(f.Column)
		}
	}
	return s
}

// manager says by which rules the unit was judged.
func manager(r *hardening.Result) string {
	if r.Systemd > 0 {
		return r.Backend + " " + strconv.Itoa(r.Systemd)
	}
	return cmp.Or(r.Backend, "unknown manager")
}

// cwes returns the numbers of the weaknesses (https://cwe.mitre.org) that a
// reference names: "systemd.exec(5); CWE-250".
func cwes(reference string) []string {
	var out []string
	for {
		_, after, ok := strings.Cut(reference, "CWE-")
		if !ok {
			return out
		}
		n := 0
		for n < len(after) && '0' <= after[n] && after[n] <= '9' {
			n++
		}
		if n > 0 {
			out = append(out, after[:n])
		}
		reference = after[n:]
	}
}

// headline is the line of a change that says most: the first that is more
// than a reset.
func headline(c *hardening.Change) string {
	for _, line := range c.Lines {
		if !strings.HasSuffix(line, "=") {
			return line
		}
	}
	return c.Lines[0]
}
