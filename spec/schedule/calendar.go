package schedule

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ParseCalendar parses a calendar event expression of systemd.time(7):
//
//	[WEEKDAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]] [ZONE]
//
// or one of the shorthands minutely, hourly, daily, weekly, monthly,
// quarterly, semiannually, yearly and annually, in any case. Each field is
// `*` or a list of a, a..b, a/n and a..b/n; `~` before the day counts from
// the end of the month, where ~01 is the last day and ~07/2 goes towards it.
// A missing time is midnight, missing seconds are 0. Date and weekday must
// both hold.
//
// What systemd 252 refuses is refused; what is accepted means what it means
// there. The one exception are longer lists of days from the end, for which
// systemd has a needless limit that [Rule.Calendar] works around. Refused although systemd takes it, because it would depend on the
// host or cannot be kept elsewhere: fractions of seconds, @TIMESTAMP, zones
// that are no IANA names or are abbreviations ([CheckZone]), and dates that
// never come.
//
// The error is a [*SyntaxError].
func ParseCalendar(expr string) (Schedule, error) {
	p := calendarParser{expr: expr, end: len(expr), rule: Every()}
	if err := p.zone(); err != nil {
		return nil, err
	}
	if p.end == 0 {
		return nil, p.fail(0, "write for example Mon..Fri 02:30", "the calendar expression is empty")
	}
	if !p.shorthand() {
		if err := p.parse(); err != nil {
			return nil, err
		}
	}
	p.rule.Years = p.rule.Years.normal()
	if _, ok := appendFromEnd(nil, p.rule.FromEnd); !ok {
		return nil, p.fail(strings.IndexByte(expr, '~')+1, "use a range, or split it into several timers", "day from the end: systemd cannot express such a list")
	}
	if !p.rule.possible() {
		return nil, p.fail(0, "", "no such date ever comes: %s", p.rule.Calendar())
	}
	return Schedule{p.rule}, nil
}

// calendarParser reads expr[pos:end] into rule.
type calendarParser struct {
	expr     string
	pos, end int
	rule     Rule
}

func (p *calendarParser) fail(pos int, fix, format string, args ...any) error {
	return &SyntaxError{p.expr, pos, fmt.Sprintf(format, args...), fix}
}

// zone takes the time zone off the end. As in systemd it is looked for first,
// and UTC in any case.
func (p *calendarParser) zone() error {
	if n := len(p.expr) - len(" UTC"); n >= 0 && strings.EqualFold(p.expr[n:], " UTC") {
		p.rule.Zone, p.end = "UTC", n
		return nil
	}
	i := strings.LastIndexByte(p.expr, ' ')
	name := p.expr[i+1:]
	if i < 0 {
		return nil
	}
	if knownZone(name) {
		if err := CheckZone(name); err != nil {
			return p.fail(i+1, "", "%s", err)
		}
		p.rule.Zone, p.end = name, i
	}
	return nil
}

// rest reports what stands where the expression should have ended.
func (p *calendarParser) rest() error {
	text := p.expr[p.pos:p.end]
	word := strings.TrimLeft(text, " ")
	at := p.end - len(word)
	switch {
	case word == "":
		return p.fail(p.pos, "", "a space stands at the end")
	case text != word && !isDigit(word[0]) && isAlnum(word[0]) && !strings.ContainsAny(word, " :"):
		if err := CheckZone(word); err != nil {
			return p.fail(at, "", "%s", err)
		}
		return p.fail(at, "", "there are two time zones")
	}
	r, _ := utf8.DecodeRuneInString(word)
	return p.fail(at, "", "unexpected %q", r)
}

func (p *calendarParser) shorthand() bool {
	r := &p.rule
	zero, one := SetOf(0), SetOf(1)
	months, days, weekdays, hours, minutes := r.Months, r.Days, r.Weekdays, zero, zero
	switch strings.ToLower(p.expr[:p.end]) {
	case "minutely":
		hours, minutes = r.Hours, r.Minutes
	case "hourly":
		hours = r.Hours
	case "daily":
	case "weekly":
		weekdays = one
	case "monthly":
		days = one
	case "quarterly":
		months, days = SetOf(1, 4, 7, 10), one
	// The misspelling and the synonyms are systemd's.
	case "semiannually", "semi-annually", "biannually", "bi-annually":
		months, days = SetOf(1, 7), one
	case "yearly", "annually", "anually":
		months, days = one, one
	default:
		return false
	}
	r.Months, r.Days, r.Weekdays, r.Hours, r.Minutes, r.Seconds = months, days, weekdays, hours, minutes, zero
	return true
}

func (p *calendarParser) parse() error {
	if err := p.weekdays(); err != nil {
		return err
	}
	if p.peek() == ' ' {
		return p.fail(p.pos, "", "a space stands at the start")
	}
	if p.pos < p.end {
		word := p.expr[p.pos:p.end]
		word, _, _ = strings.Cut(word, " ")
		if !strings.Contains(word, ":") {
			if err := p.date(word); err != nil {
				return err
			}
		}
	}
	if p.pos == p.end {
		p.rule.Hours, p.rule.Minutes, p.rule.Seconds = SetOf(0), SetOf(0), SetOf(0)
		return nil
	}
	return p.time()
}

// weekdayOf returns the index in weekdayNames of the name that s begins with,
// short or long, and its length.
func weekdayOf(s string) (index, length int) {
	for i, long := range [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
		for _, n := range [...]int{len(long), 3} {
			if len(s) >= n && strings.EqualFold(s[:n], long[:n]) {
				return i, n
			}
		}
	}
	return -1, 0
}

// weekdays parses names, lists and ranges a..b (or, as in old versions of
// systemd, a-b). The week begins on Monday: Sat..Tue is refused there too.
func (p *calendarParser) weekdays() error {
	var set Set
	open, openAt := -1, 0 // the start of a range whose end is awaited
	for first := true; ; first = false {
		at := p.pos
		day, n := weekdayOf(p.expr[at:p.end])
		if day < 0 {
			if first {
				return nil
			}
			return p.fail(at, "use Mon, Tue, Wed, Thu, Fri, Sat or Sun", "a weekday is missing")
		}
		p.pos += n
		next := p.peek()
		if next != 0 && strings.IndexByte("-., ", next) < 0 {
			return p.fail(at, "use Mon, Tue, Wed, Thu, Fri, Sat or Sun", "unknown weekday")
		}
		from := day
		if open >= 0 {
			if from = open; from > day {
				return p.fail(openAt, "split it in two: the week begins on Monday", "%s runs backwards", p.expr[openAt:p.pos])
			}
		}
		for d := from; d <= day; d++ {
			set = set.With((d + 1) % 7)
		}
		switch {
		case next == 0 || next == ' ':
			p.rule.Weekdays = set
			p.spaces()
			return nil
		case next == ',':
			open = -1
			p.pos++
			if c := p.peek(); c == 0 || c == ' ' { // systemd allows a comma at the end
				p.rule.Weekdays = set
				p.spaces()
				return nil
			}
		case open >= 0:
			return p.fail(openAt, "", "a range has two ends")
		case next == '-':
			open, openAt = day, at
			p.pos++
		case strings.HasPrefix(p.expr[p.pos:p.end], ".."):
			open, openAt = day, at
			p.pos += 2
		default:
			return p.fail(p.pos, "write ranges as Mon..Fri", "unexpected %q", next)
		}
	}
}

// peek returns the byte at pos, 0 at the end.
func (p *calendarParser) peek() byte {
	if p.pos < p.end {
		return p.expr[p.pos]
	}
	return 0
}

func (p *calendarParser) spaces() {
	for p.peek() == ' ' {
		p.pos++
	}
}

// date parses [YEAR-]MONTH-DAY with ~ instead of the last dash for days from
// the end. word is the text up to the next space; it has no colon.
func (p *calendarParser) date(word string) error {
	at := p.pos
	separators := 0
	fromEnd := false
	for i := range len(word) {
		switch word[i] {
		case '-', '~':
			if fromEnd {
				return p.fail(at+i, "", "~ belongs before the day, nothing but the day comes after it")
			}
			separators++
			fromEnd = word[i] == '~'
		case '@':
			return p.fail(at+i, "write the date and UTC", "a timestamp is not a calendar expression")
		}
	}
	switch separators {
	case 0:
		return p.fail(at, "write a date as 2026-12-24 or *-12-24 and a time as 02:30", "%q is neither a date nor a time", word)
	case 1, 2:
	default:
		return p.fail(at, "write it as 2026-12-24 or *-12-24", "%q is not a date", word)
	}
	if separators == 2 {
		year := component{name: "year", lo: MinYear, hi: MaxYear, years: &p.rule.Years}
		if err := p.chain(year); err != nil {
			return err
		}
		p.pos++
	}
	if err := p.chain(component{name: "month", lo: 1, hi: 12, set: &p.rule.Months}); err != nil {
		return err
	}
	p.pos++
	day := component{name: "day", lo: 1, hi: 31, set: &p.rule.Days}
	if fromEnd {
		// 28 is the most: every month has that many days (calendarspec.c).
		day = component{name: "day from the end", lo: 1, hi: 28, set: &p.rule.FromEnd, down: true}
	}
	if err := p.chain(day); err != nil {
		return err
	}
	if c := p.peek(); c != 0 && c != ' ' {
		return p.rest()
	}
	p.spaces()
	return nil
}

// time parses HOUR:MINUTE[:SECOND].
func (p *calendarParser) time() error {
	if err := p.chain(component{name: "hour", lo: 0, hi: 23, set: &p.rule.Hours}); err != nil {
		return err
	}
	if p.peek() != ':' {
		if p.pos == p.end {
			return p.fail(p.pos, "write the time as 02:30", "the minutes are missing")
		}
		return p.rest()
	}
	p.pos++
	if err := p.chain(component{name: "minute", lo: 0, hi: 59, set: &p.rule.Minutes}); err != nil {
		return err
	}
	p.rule.Seconds = SetOf(0)
	if p.peek() == ':' {
		p.pos++
		p.rule.Seconds = AllSeconds
		if err := p.chain(component{name: "second", lo: 0, hi: 59, set: &p.rule.Seconds, second: true}); err != nil {
			return err
		}
	}
	if p.pos < p.end {
		return p.rest()
	}
	return nil
}

// component says what the values of a field may be and where they go.
type component struct {
	name   string
	lo, hi int
	set    *Set
	years  *YearSet // instead of set
	down   bool     // repetitions without an end go down: they approach the end of the month
	second bool
}

// maxComponents bounds a list as systemd does (CALENDARSPEC_COMPONENTS_MAX).
const maxComponents = 241

// chain parses `*` or a list and stops at the first byte that is not of it.
func (p *calendarParser) chain(c component) error {
	if p.peek() == '*' {
		if p.pos++; p.peek() == '/' {
			return p.fail(p.pos-1, fmt.Sprintf("write %d%s", c.lo, p.upTo("-~: ")), "%s: a repetition needs a start", c.name)
		}
		return nil
	}
	var set Set
	var years YearSet
	for n := 1; ; n++ {
		if n > maxComponents {
			return p.fail(p.pos, "", "%s: the list is longer than %d", c.name, maxComponents)
		}
		first, last, step, err := p.item(c)
		if err != nil {
			return err
		}
		for v := first; v <= last; v += step {
			if c.years != nil {
				years.add(v)
			} else {
				set = set.With(v)
			}
		}
		switch p.peek() {
		case ',':
			p.pos++
		case 0, ' ', '-', '~', ':':
			if c.years != nil {
				*c.years = years
			} else {
				*c.set = set
			}
			return nil
		default:
			if c.second && p.peek() == '.' {
				return p.fail(p.pos, "", "%s: fractions are not supported", c.name)
			}
			return p.rest()
		}
	}
}

func (p *calendarParser) upTo(stop string) string {
	text := p.expr[p.pos:p.end]
	if i := strings.IndexAny(text, stop); i >= 0 {
		text = text[:i]
	}
	return text
}

// item parses a, a..b, a/n or a..b/n into first, last and step. The checks
// are those of systemd 252 (normalize_chain and chain_valid): a range is cut
// to whole repetitions first and checked then, one without any is its start.
func (p *calendarParser) item(c component) (first, last, step int, err error) {
	at := p.pos
	if first, err = p.number(c); err != nil {
		return
	}
	ranged := strings.HasPrefix(p.expr[p.pos:p.end], "..")
	if ranged {
		p.pos += 2
		if last, err = p.number(c); err != nil {
			return
		}
		step = 1
	}
	repeated := p.peek() == '/'
	stepAt := p.pos + 1
	if repeated {
		p.pos++
		if step, err = p.plain(c); err != nil {
			return
		}
		if step == 0 {
			err = p.fail(stepAt, "", "%s: the repetition is 0", c.name)
			return
		}
	}
	if c.second && ranged && !repeated && last == first {
		err = p.fail(at, fmt.Sprintf("write %d", first), "%s: systemd refuses a range of one second", c.name)
		return
	}
	if ranged && last > first {
		last -= (last - first) % step
	}
	switch single := !ranged && !repeated; {
	case first < c.lo:
		err = p.fail(at, "", "%s: %d is below %d", c.name, first, c.lo)
	case first > c.hi:
		err = p.fail(at, "", "%s: %d is above %d", c.name, first, c.hi)
	case single, ranged && last == first:
		last, step = first, 1
	case ranged && last < first:
		err = p.fail(at, "split it in two: a range ends after its start", "%s: %s runs backwards", c.name, p.expr[at:p.pos])
	case step > c.hi-c.lo:
		err = p.fail(stepAt, "", "%s: the repetition %s is too large", c.name, p.expr[stepAt:p.pos])
	case ranged && last > c.hi:
		err = p.fail(at, "", "%s: %s ends above %d", c.name, p.expr[at:p.pos], c.hi)
	case ranged:
	case c.down:
		if first-step < c.lo {
			err = p.fail(at, "", "%s: %s repeats not even once", c.name, p.expr[at:p.pos])
			return
		}
		first, last = (first-c.lo)%step+c.lo, first
	default:
		if first+step > c.hi {
			err = p.fail(at, "", "%s: %s repeats not even once", c.name, p.expr[at:p.pos])
			return
		}
		last = c.hi
	}
	return
}

// number parses a value of the field; years of two digits are completed as
// systemd does, 70 to 99 being of the last century.
func (p *calendarParser) number(c component) (int, error) {
	v, err := p.plain(c)
	if c.years != nil && err == nil {
		switch {
		case v < 70:
			v += 2000
		case v < 100:
			v += 1900
		}
	}
	return v, err
}

func (p *calendarParser) plain(c component) (int, error) {
	v, n := leadingNumber(p.expr[p.pos:p.end])
	if n == 0 {
		if p.pos < p.end && strings.IndexByte(" -~:", p.expr[p.pos]) < 0 {
			return 0, p.rest()
		}
		return 0, p.fail(p.pos, "", "%s: a number is missing", c.name)
	}
	p.pos += n
	if v > tooLarge {
		return 0, p.fail(p.pos-n, "", "%s: the number is too large", c.name)
	}
	return v, nil
}
