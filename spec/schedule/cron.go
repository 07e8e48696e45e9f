package schedule

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// cronField describes one of the five fields.
type cronField struct {
	name   string
	lo, hi int
	names  []string // for lo, lo+1, …
}

var cronFields = [...]cronField{
	{name: "minute", lo: 0, hi: 59},
	{name: "hour", lo: 0, hi: 23},
	{name: "day of month", lo: 1, hi: 31},
	{name: "month", lo: 1, hi: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	// 7 is Sunday too, so that ranges can end in it (crontab(5)).
	{name: "day of week", lo: 0, hi: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

const (
	cronDay     = 2
	cronWeekday = 4
)

// ParseCron parses the five fields of crontab(5) (Vixie cron): numbers, names
// of months and weekdays in any case, ranges a-b, lists, steps a-b/n and */n;
// or one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly and
// @annually. Seconds are 0.
//
// When day of month and day of week are both restricted, either is enough,
// which makes two rules. A field counts as restricted unless it begins with
// `*`. That is why `*/n` in one of the two while the other is restricted is
// refused: Vixie cron then wants both, other crons want either. A step that
// is larger than its range and dates that never come are refused as well.
//
// The error is a [*SyntaxError].
func ParseCron(expr string) (Schedule, error) {
	trimmed := strings.Trim(expr, " \t")
	if strings.HasPrefix(trimmed, "@") {
		return parseCronMacro(expr, trimmed)
	}
	var fields [5]string
	var offsets [5]int
	n := 0
	for pos := 0; ; n++ {
		for pos < len(expr) && (expr[pos] == ' ' || expr[pos] == '\t') {
			pos++
		}
		if pos == len(expr) {
			break
		}
		end := pos
		for end < len(expr) && expr[end] != ' ' && expr[end] != '\t' {
			end++
		}
		if n == len(fields) {
			return nil, &SyntaxError{expr, pos, "a cron expression has 5 fields, this one has more",
				"write minute, hour, day of month, month and day of week; no seconds, user or command"}
		}
		fields[n], offsets[n] = expr[pos:end], pos
		pos = end
	}
	if n > 0 && strings.Contains(fields[0], "=") {
		return nil, &SyntaxError{expr, offsets[0], "a variable has no place in a cron expression", "set the zone with the timezone of the timer"}
	}
	if n < len(fields) {
		return nil, &SyntaxError{expr, len(expr), fmt.Sprintf("a cron expression has 5 fields, this one has %d", n),
			"write minute, hour, day of month, month and day of week"}
	}
	var sets [5]Set
	for i, text := range fields {
		set, err := parseCronField(expr, offsets[i], i, text)
		if err != nil {
			return nil, err
		}
		sets[i] = set
	}

	base := Every()
	base.Minutes, base.Hours, base.Months, base.Seconds = sets[0], sets[1], sets[3], SetOf(0)
	days, weekdays := sets[cronDay], sets[cronWeekday]
	dayStar, weekdayStar := fields[cronDay][0] == '*', fields[cronWeekday][0] == '*'
	anyDay, anyWeekday := dayStar && days.Full(1, 31), weekdayStar && weekdays.Full(0, 6)
	var s Schedule
	switch {
	case anyDay, anyWeekday:
		base.Days, base.Weekdays = days, weekdays
		s = Schedule{base}
	case dayStar || weekdayStar:
		i, other, all := cronDay, cronWeekday, "1-31"
		if !dayStar {
			i, other, all = cronWeekday, cronDay, "0-6"
		}
		return nil, &SyntaxError{expr, offsets[i],
			fmt.Sprintf("field %d (%s): %s together with a restricted %s means both in Vixie cron and either in others",
				i+1, cronFields[i].name, fields[i], cronFields[other].name),
			fmt.Sprintf("write %s for either, or a calendar expression for both", strings.Replace(fields[i], "*", all, 1))}
	case days.Full(1, 31) || weekdays.Full(0, 6): // restricted to all: either always holds
		s = Schedule{base}
	default:
		onDay, onWeekday := base, base
		onDay.Days, onWeekday.Weekdays = days, weekdays
		s = Schedule{onDay, onWeekday}
		if !onDay.possible() { // "30 February or Monday" is just Monday
			s = s[1:]
		}
	}
	if s.Impossible() != nil {
		return nil, &SyntaxError{expr, offsets[cronDay], fmt.Sprintf("field 3 (day of month): no month of field 4 (%s) has day %s", fields[3], fields[cronDay]), ""}
	}
	return s, nil
}

func parseCronMacro(expr, macro string) (Schedule, error) {
	r := Every()
	zero := SetOf(0)
	r.Seconds, r.Minutes = zero, zero
	switch strings.ToLower(macro) {
	case "@hourly":
	case "@daily", "@midnight":
		r.Hours = zero
	case "@weekly":
		r.Hours, r.Weekdays = zero, zero
	case "@monthly":
		r.Hours, r.Days = zero, SetOf(1)
	case "@yearly", "@annually":
		r.Hours, r.Days, r.Months = zero, SetOf(1), SetOf(1)
	case "@reboot":
		return nil, &SyntaxError{expr, strings.IndexByte(expr, '@'), "@reboot is not a time", "use on_boot"}
	default:
		e := &SyntaxError{expr, strings.IndexByte(expr, '@'), fmt.Sprintf("unknown shorthand %q", macro),
			"use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually"}
		if strings.HasPrefix(strings.ToLower(macro), "@every") {
			e.Fix = "use every for an interval"
		}
		return nil, e
	}
	return Schedule{r}, nil
}

// parseCronField parses one field, which begins at the given offset.
func parseCronField(expr string, offset, index int, text string) (Set, error) {
	f := &cronFields[index]
	p := cronParser{expr: expr, index: index, field: f, text: text, offset: offset}
	var set Set
	for {
		lo, hi, step, err := p.item()
		if err != nil {
			return 0, err
		}
		for v := lo; v <= hi; v += step {
			if index == cronWeekday {
				set = set.With(v % 7)
			} else {
				set = set.With(v)
			}
		}
		if p.pos == len(text) {
			return set, nil
		}
		if text[p.pos] != ',' {
			return 0, p.unexpected()
		}
		p.pos++
	}
}

type cronParser struct {
	expr   string
	index  int
	field  *cronField
	text   string // the field
	offset int    // of the field in expr
	pos    int    // in text
}

func (p *cronParser) fail(pos int, fix, format string, args ...any) error {
	return &SyntaxError{p.expr, p.offset + pos,
		fmt.Sprintf("field %d (%s): ", p.index+1, p.field.name) + fmt.Sprintf(format, args...), fix}
}

// unexpected reports what stands at pos, with a hint for the extensions of
// other schedulers.
func (p *cronParser) unexpected() error {
	if p.pos == len(p.text) {
		return p.fail(p.pos, "", "a value is missing at the end of %q", p.text)
	}
	fix := ""
	switch p.text[p.pos] {
	case '?':
		fix = "write *"
	case 'L', 'W', '#', 'l', 'w':
		fix = "a calendar expression can count from the end of the month, for example *-*~01"
	case 'H', 'h':
		fix = "choose a time, and spread the load with jitter"
	case '.':
		fix = "write ranges as a-b"
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return p.fail(p.pos, fix, "unexpected %q in %q", r, p.text)
}

// item parses `*`, `a`, `a-b`, each but `a` with an optional `/step`.
func (p *cronParser) item() (lo, hi, step int, err error) {
	start, ranged := p.pos, true
	if p.at('*') {
		p.pos++
		lo, hi = p.field.lo, p.field.hi
		if p.index == cronWeekday {
			hi = 6
		}
	} else {
		if lo, err = p.value(); err != nil {
			return
		}
		hi = lo
		if ranged = p.at('-'); ranged {
			p.pos++
			if hi, err = p.value(); err != nil {
				return
			}
			if hi < lo {
				err = p.fail(start, "split it in two: a range ends at or after its start", "%s runs backwards", p.text[start:p.pos])
				return
			}
		}
	}
	step = 1
	if !p.at('/') {
		return
	}
	if !ranged {
		// crontab(5) knows steps only after ranges and *; what a/n means
		// differs from cron to cron.
		err = p.fail(start, fmt.Sprintf("write %d-%d%s", lo, p.field.hi, p.text[p.pos:]), "a step needs a range or *")
		return
	}
	p.pos++
	at := p.pos
	if step, err = p.number(); err != nil {
		return
	}
	if step == 0 {
		err = p.fail(at, "", "the step is 0")
	} else if step > p.field.hi-p.field.lo {
		err = p.fail(at, "", "the step %s is larger than the field", p.text[at:p.pos])
	} else if step > max(1, hi-lo) {
		err = p.fail(at, "", "the step %d is larger than the range %d-%d", step, lo, hi)
	}
	return
}

func (p *cronParser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// value parses a number within bounds or a name.
func (p *cronParser) value() (int, error) {
	start := p.pos
	if end := start + 3; end <= len(p.text) && (end == len(p.text) || !isAlnum(p.text[end])) {
		for i, name := range p.field.names {
			if strings.EqualFold(p.text[start:end], name) {
				p.pos = end
				return p.field.lo + i, nil
			}
		}
	}
	v, err := p.number()
	if err != nil {
		return 0, err
	}
	if v < p.field.lo {
		return 0, p.fail(start, "", "%s is below %d", p.text[start:p.pos], p.field.lo)
	}
	if v > p.field.hi {
		return 0, p.fail(start, "", "%s is above %d", p.text[start:p.pos], p.field.hi)
	}
	return v, nil
}

func (p *cronParser) number() (int, error) {
	v, n := leadingNumber(p.text[p.pos:])
	if n == 0 {
		return 0, p.unexpected()
	}
	p.pos += n
	return v, nil
}

// leadingNumber reads decimal digits and returns how many there were. Values
// above a million are all the same: too large for everything.
func leadingNumber(s string) (v, n int) {
	for n < len(s) && isDigit(s[n]) {
		if v <= tooLarge {
			v = v*10 + int(s[n]-'0')
		}
		n++
	}
	return v, n
}

const tooLarge = 1_000_000

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }
