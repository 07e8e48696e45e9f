// Package schedule is the one model of calendar timers: cron and calendar
// expressions are parsed into a union of AND-rules, the coming runs are
// computed from those rules, and the rules are translated into what a
// backend can express.
//
// Semantics, the same whatever the expression was written in:
//
//   - A rule is due in every second whose local date and time lie in all of
//     its sets; a schedule is due whenever one of its rules is.
//   - Local time means the zone of the host, or the zone of the rule.
//   - A time that a change of the clocks skips does not occur; one that it
//     repeats occurs once, the first time. This is what systemd does from one
//     elapse to the next. (Asked in the middle of the repeated hour, systemd
//     goes on with the second one; Next does not.)
//   - Years run from [MinYear] to [MaxYear], as in systemd.
//
// The package is pure: no clock, no environment. Only [Schedule.Next] and
// what builds on it read zone data, through [time.LoadLocation], and only for
// rules that name a zone.
package schedule

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"
)

// Rule is an AND of sets. A moment is due when every field holds. An empty
// set is never satisfied, so start from [Every] and restrict; the parsers
// leave no set empty but FromEnd.
type Rule struct {
	Years    YearSet // zero means any
	Months   Set     // 1 to 12
	Days     Set     // 1 to 31, ignored when FromEnd is not empty
	FromEnd  Set     // 1 to 28: 1 is the last day of the month; empty means unused
	Weekdays Set     // 0 to 6, 0 is Sunday
	Hours    Set     // 0 to 23
	Minutes  Set     // 0 to 59
	Seconds  Set     // 0 to 59
	Zone     string  // see [ValidZone]; empty means the local time of the host
}

// Every returns the rule that restricts nothing: due every second.
func Every() Rule {
	return Rule{Months: AllMonths, Days: AllDays, Weekdays: AllWeekdays,
		Hours: AllHours, Minutes: AllMinutes, Seconds: AllSeconds}
}

// Schedule is the OR of its rules. The empty Schedule is never due.
type Schedule []Rule

// In returns the schedule with the zone set in all rules that have none.
// The zone is not checked; see [CheckZone].
func (s Schedule) In(zone string) Schedule {
	out := slices.Clone(s)
	for i := range out {
		if out[i].Zone == "" {
			out[i].Zone = zone
		}
	}
	return out
}

// anyDay reports whether the rule does not restrict the day of the month.
func (r *Rule) anyDay() bool { return r.FromEnd == 0 && r.Days.Full(1, 31) }

func (r *Rule) anyMonth() bool   { return r.Months.Full(1, 12) }
func (r *Rule) anyWeekday() bool { return r.Weekdays.Full(0, 6) }
func (r *Rule) anyTime() bool    { return r.Hours.Full(0, 23) && r.Minutes.Full(0, 59) }

// weekdayNames are systemd's, Monday first as it prints them (systemd.time(7)).
var weekdayNames = [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// String is [Rule.Calendar].
func (r Rule) String() string { return r.Calendar() }

// Calendar returns the rule as one OnCalendar= value (systemd.time(7)):
// explicit lists, `*` for sets that restrict nothing, the zone at the end if
// there is one. Explicit lists matter: in systemd 252 open repetitions such
// as 0,19/3 skip times in zones that have an offset. [ParseCalendar] reads
// the text back to the same rule. (Some irregular sets in FromEnd cannot be
// written for systemd; ParseCalendar refuses them.)
func (r Rule) Calendar() string {
	b := make([]byte, 0, 64)
	if !r.anyWeekday() {
		first := true
		for i, name := range weekdayNames {
			if r.Weekdays.Has((i + 1) % 7) {
				if !first {
					b = append(b, ',')
				}
				first = false
				b = append(b, name...)
			}
		}
		b = append(b, ' ')
	}
	field := func(s Set, lo, hi int) {
		if s.Full(lo, hi) {
			b = append(b, '*')
		} else {
			b = s.appendList(b, 2, ',')
		}
	}
	b = r.Years.appendCalendar(b)
	b = append(b, '-')
	field(r.Months, 1, 12)
	if r.FromEnd != 0 {
		b = append(b, '~')
		b, _ = appendFromEnd(b, r.FromEnd)
	} else {
		b = append(b, '-')
		field(r.Days, 1, 31)
	}
	b = append(b, ' ')
	field(r.Hours, 0, 23)
	b = append(b, ':')
	field(r.Minutes, 0, 59)
	b = append(b, ':')
	field(r.Seconds, 0, 59)
	if r.Zone != "" {
		b = append(b, ' ')
		b = append(b, r.Zone...)
	}
	return string(b)
}

// progression is the numbers first, first+step, … to last.
type progression struct{ first, last, step int }

// appendFromEnd writes days from the end and reports whether systemd takes
// them: it allows 28 for the first item of the sorted list, but 3 less for
// each further one (calendarspec.c, chain_valid, subtracts in the recursion).
// Long lists are hence written as progressions, and if that is not enough the
// high days are tied to the low ones as ranges of two.
func appendFromEnd(b []byte, days Set) ([]byte, bool) {
	for _, items := range [...][]progression{singles(days), runs(days), pairs(days)} {
		valid := true
		for i, p := range items {
			limit := 28 - 3*i
			valid = valid && p.first >= 1 && p.last <= limit && p.step < limit
		}
		if !valid {
			continue
		}
		for i, p := range items {
			if i > 0 {
				b = append(b, ',')
			}
			b = SetOf(p.first).appendList(b, 2, ',')
			if p.last > p.first {
				b = append(b, ".."...)
				b = SetOf(p.last).appendList(b, 2, ',')
			}
			if p.step > 1 {
				b = append(b, '/')
				b = strconv.AppendInt(b, int64(p.step), 10)
			}
		}
		return b, true
	}
	return days.appendList(b, 2, ','), false
}

func singles(s Set) []progression {
	var out []progression
	for v := range s.All() {
		out = append(out, progression{v, v, 1})
	}
	return out
}

// runs takes the longest progression from the lowest number left.
func runs(s Set) []progression {
	var out []progression
	for s != 0 {
		first := s.Min()
		best := progression{first, first, 1}
		bestSet := SetOf(first)
		for second := range (s &^ bestSet).All() {
			step := second - first
			set, last := SetOf(first), first
			for s.Has(last + step) {
				last += step
				set = set.With(last)
			}
			if set.Len() > bestSet.Len() {
				best, bestSet = progression{first, last, step}, set
			}
		}
		out = append(out, best)
		s &^= bestSet
	}
	return out
}

func pairs(s Set) []progression {
	var out []progression
	for s != 0 {
		first, last := s.Min(), s.Max()
		out = append(out, progression{first, last, max(1, last-first)})
		s &^= SetOf(first, last)
	}
	return out
}

// Impossible returns an error if no date of any year satisfies a rule of the
// schedule, such as 30 February or a Monday that is a Tuesday. Whether the
// dates lie in the past is not asked. The parsers have checked it already.
func (s Schedule) Impossible() error {
	for i := range s {
		if !s[i].possible() {
			return fmt.Errorf("no such date ever comes: %s", s[i].Calendar())
		}
	}
	if len(s) == 0 {
		return errors.New("the schedule has no rules")
	}
	return nil
}

func (r *Rule) possible() bool {
	if r.Hours == 0 || r.Minutes == 0 || r.Seconds == 0 {
		return false
	}
	for y := MinYear; y <= MaxYear; y++ {
		if !r.Years.Has(y) {
			continue
		}
		for m := range r.Months.All() {
			for d := 1; d <= daysIn(y, m); d++ {
				if r.onDate(y, m, d) {
					return true
				}
			}
		}
	}
	return false
}

// onDate reports whether the day and weekday fields hold on a date.
func (r *Rule) onDate(y, m, d int) bool {
	if r.FromEnd != 0 {
		if !r.FromEnd.Has(daysIn(y, m) - d + 1) {
			return false
		}
	} else if !r.Days.Has(d) {
		return false
	}
	return r.anyWeekday() || r.Weekdays.Has(weekday(y, m, d))
}

func daysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// weekday is Sakamoto's method: 0 is Sunday.
func weekday(y, m, d int) int {
	shift := [...]int{0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4}
	if m < 3 {
		y--
	}
	return (y + y/4 - y/100 + y/400 + shift[m-1] + d) % 7
}

// CheckZones returns an error if a rule names a zone whose data this machine
// does not have, in which case [Schedule.Next] would pass that rule over.
func (s Schedule) CheckZones() error {
	for i := range s {
		if _, err := s[i].location(time.UTC); err != nil {
			return fmt.Errorf("cannot load time zone %s: %w", s[i].Zone, err)
		}
	}
	return nil
}

func (r *Rule) location(local *time.Location) (*time.Location, error) {
	if r.Zone == "" {
		return local, nil
	}
	return time.LoadLocation(r.Zone)
}

// Next returns the first moment strictly after the given one at which the
// schedule is due, in loc, and false if there is none before the end of
// [MaxYear]. loc is the local time of rules without a zone; nil means UTC.
func (s Schedule) Next(after time.Time, loc *time.Location) (time.Time, bool) {
	for t := range s.Runs(after, loc) {
		return t, true
	}
	return time.Time{}, false
}

// Upcoming returns the next n moments strictly after the given one, fewer if
// the schedule ends before that. See [Schedule.Next].
func (s Schedule) Upcoming(after time.Time, n int, loc *time.Location) []time.Time {
	var out []time.Time
	if n <= 0 {
		return nil
	}
	for t := range s.Runs(after, loc) {
		if out = append(out, t); len(out) == n {
			break
		}
	}
	return out
}

// Runs yields all moments after the given one, in order and each once.
// See [Schedule.Next].
func (s Schedule) Runs(after time.Time, loc *time.Location) iter.Seq[time.Time] {
	if loc == nil {
		loc = time.UTC
	}
	return func(yield func(time.Time) bool) {
		type source struct {
			rule *Rule
			loc  *time.Location
			next time.Time
		}
		var sources []source
		for i := range s {
			zone, err := s[i].location(loc)
			if err != nil {
				continue // CheckZones reports it
			}
			if t, ok := s[i].next(after, zone); ok {
				sources = append(sources, source{&s[i], zone, t})
			}
		}
		for len(sources) > 0 {
			first := sources[0].next
			for _, src := range sources[1:] {
				if src.next.Before(first) {
					first = src.next
				}
			}
			if !yield(first.In(loc)) {
				return
			}
			for i := range sources {
				if src := &sources[i]; src.next.Equal(first) {
					t, ok := src.rule.next(first, src.loc)
					if !ok {
						src.rule = nil
					}
					src.next = t
				}
			}
			sources = slices.DeleteFunc(sources, func(src source) bool { return src.rule == nil })
		}
	}
}

// next finds the first due moment after the given one. The wall clock of
// later first occurrences is later too, so one pass in the order of the wall
// clock, beginning at that of after, is enough.
func (r *Rule) next(after time.Time, loc *time.Location) (time.Time, bool) {
	local := after.In(loc)
	y, month, d := local.Date()
	m, from := int(month), local.Hour()*3600+local.Minute()*60+local.Second()
	if y < MinYear {
		y, m, d, from = MinYear, 1, 1, 0
	}
	for ; y <= MaxYear; y, m, d, from = y+1, 1, 1, 0 {
		if !r.Years.Has(y) {
			continue
		}
		for ; m <= 12; m, d, from = m+1, 1, 0 {
			if !r.Months.Has(m) {
				continue
			}
			for last := daysIn(y, m); d <= last; d, from = d+1, 0 {
				if !r.onDate(y, m, d) {
					continue
				}
				if t, ok := r.nextOn(y, m, d, from, after, loc); ok {
					return t, true
				}
			}
		}
	}
	return time.Time{}, false
}

// nextOn looks at the times of one day from the given second of the day on.
func (r *Rule) nextOn(y, mo, d, from int, after time.Time, loc *time.Location) (time.Time, bool) {
	fromH, fromM, fromS := from/3600, from/60%60, from%60
	for h := r.Hours.next(fromH); h >= 0; h = r.Hours.next(h + 1) {
		if h > fromH {
			fromM, fromS = 0, 0
		}
		for m := r.Minutes.next(fromM); m >= 0; m = r.Minutes.next(m + 1) {
			if h > fromH || m > fromM {
				fromS = 0
			}
			for s := r.Seconds.next(fromS); s >= 0; s = r.Seconds.next(s + 1) {
				if t, ok := firstOccurrence(y, mo, d, h, m, s, loc); ok && t.After(after) {
					return t, true
				}
			}
		}
	}
	return time.Time{}, false
}

// firstOccurrence turns a wall clock into the moment at which it first shows
// that time, or reports that it never does. time.Date promises neither which
// of two moments it takes nor to fail in a gap.
func firstOccurrence(y, mo, d, h, m, s int, loc *time.Location) (time.Time, bool) {
	t := time.Date(y, time.Month(mo), d, h, m, s, 0, loc)
	if hh, mm, ss := t.Clock(); hh != h || mm != m || ss != s || t.Day() != d {
		return time.Time{}, false
	}
	start, _ := t.ZoneBounds()
	if start.IsZero() {
		return t, true
	}
	_, now := t.Zone()
	_, before := start.Add(-time.Second).Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); earlier.Before(start) && before > now {
		return earlier, true
	}
	return t, true
}
