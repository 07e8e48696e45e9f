package schedule

import (
	"cmp"
	"fmt"
	"slices"
)

// Interval is one dictionary of launchd's StartCalendarInterval
// (launchd.plist(5)). -1 stands for a key that is left out and so matches
// everything. Weekday 0 is Sunday.
type Interval struct {
	Month, Day, Weekday, Hour, Minute int
}

// EveryMinute reports whether all keys are left out. Write StartInterval 60
// then: an empty dictionary is easily taken for a mistake.
func (i Interval) EveryMinute() bool { return i == anyMinute }

var anyMinute = Interval{-1, -1, -1, -1, -1}

// maxIntervals bounds the dictionaries of one job; launchd documents no
// limit, but keeps a timer for each in a sorted list.
const maxIntervals = 1000

// LaunchdIntervals returns the dictionaries that make launchd fire in every
// minute in which the schedule is due, and the guard that must hold for a
// firing to count; it is empty when they fire in no other minute.
//
// The rules that keep launchd's own meaning out of the way:
//
//   - Day and Weekday never share a dictionary: launchd.plist(5) does not say
//     that both must hold, and its versions differ.
//   - Day 29 to 31 comes with Month, in months that have it; launchd would
//     spill into the next month. 29 February is guarded.
//   - Weekday stands alone; months, days and years beside it are guarded.
//   - A rule with a zone fires at its minutes, moved by every quarter of an
//     hour since the offset of the host is not known, in every hour, and the
//     guard does the rest.
//
// When the schedule is due every minute and needs no guard there is a single
// interval, for which [Interval.EveryMinute] holds. It is an error if a rule
// has seconds other than 0, if more than 1000 dictionaries were needed, or if
// the schedule is impossible or names an invalid zone.
func LaunchdIntervals(s Schedule) ([]Interval, Guard, error) {
	if err := s.wholeMinutes("launchd"); err != nil {
		return nil, Guard{}, err
	}
	var out []Interval
	guards := make(Schedule, len(s))
	guarded := false
	for i := range s {
		r := &s[i]
		dates, guard := r.launchdDates()
		hours, minutes := orAny(r.Hours, 23), orAny(r.Minutes, 59)
		if r.Zone != "" {
			hours, minutes = []int{-1}, orAny(everyQuarter(r.Minutes), 59)
		}
		if len(dates)*len(hours)*len(minutes) > maxIntervals {
			return nil, Guard{}, tooManyIntervals(len(dates) * len(hours) * len(minutes))
		}
		for _, date := range dates {
			for _, h := range hours {
				for _, m := range minutes {
					date.Hour, date.Minute = h, m
					out = append(out, date)
				}
			}
		}
		guards[i] = guard
		guarded = guarded || !newGuard(Schedule{guard}).Empty()
	}
	slices.SortFunc(out, func(a, b Interval) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Weekday, b.Weekday),
			cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Minute, b.Minute))
	})
	out = slices.Compact(out)
	every := slices.Contains(out, anyMinute)
	switch {
	case every && !guarded:
		return []Interval{anyMinute}, Guard{}, nil
	case every:
		// StartInterval counts from the loading of the job and drifts: a
		// guard on the minute could miss one.
		out = nil
		for m := range 60 {
			out = append(out, Interval{-1, -1, -1, -1, m})
		}
	case len(out) > maxIntervals:
		return nil, Guard{}, tooManyIntervals(len(out))
	}
	switch {
	case !guarded:
		return out, Guard{}, nil
	case len(s) == 1:
		return out, newGuard(guards), nil
	}
	// All dictionaries start the same job: which rule one belongs to is only
	// to be seen from the date and, unless it is the same for all, the time.
	guards = slices.Clone(s)
	sameTime := !slices.ContainsFunc(s, func(r Rule) bool {
		return r.Zone != "" || r.Hours != s[0].Hours || r.Minutes != s[0].Minutes
	})
	if sameTime {
		for i := range guards {
			guards[i].Hours, guards[i].Minutes = AllHours, AllMinutes
		}
	}
	return out, newGuard(guards), nil
}

func tooManyIntervals(n int) error {
	return fmt.Errorf("launchd would need %d calendar intervals, more than %d; use fewer times or an interval (every)", n, maxIntervals)
}

// wholeMinutes checks what all targets without seconds require.
func (s Schedule) wholeMinutes(target string) error {
	if err := s.Impossible(); err != nil {
		return err
	}
	for i := range s {
		if s[i].Seconds != SetOf(0) {
			return fmt.Errorf("%s has no seconds: %s is not at the start of a minute", target, s[i].Calendar())
		}
		if s[i].Zone != "" {
			if err := CheckZone(s[i].Zone); err != nil {
				return err
			}
		}
	}
	return nil
}

// launchdDates returns the dates as intervals without times, and what they do
// not make sure of as a rule.
func (r *Rule) launchdDates() ([]Interval, Rule) {
	guard := Every()
	guard.Years = r.Years
	if r.Zone != "" {
		return []Interval{anyMinute}, *r
	}
	var dates []Interval
	switch {
	case !r.anyWeekday():
		for w := range r.Weekdays.All() {
			dates = append(dates, Interval{-1, -1, w, -1, -1})
		}
		guard.Months, guard.Days, guard.FromEnd = r.Months, r.Days, r.FromEnd
	case r.anyDay():
		for _, m := range orAny(r.Months&^1, 12) {
			dates = append(dates, Interval{m, -1, -1, -1, -1})
		}
	default:
		everyMonth := Set(0) // days that all months have
		if r.anyMonth() && r.FromEnd == 0 {
			everyMonth = r.Days & (1<<29 - 1)
		}
		for d := range everyMonth.All() {
			dates = append(dates, Interval{-1, d, -1, -1, -1})
		}
		for m := range r.Months.All() {
			days := r.daysOf(m) &^ everyMonth
			for d := range days.All() {
				dates = append(dates, Interval{m, d, -1, -1, -1})
			}
			if m == 2 && (days.Has(29) || r.FromEnd != 0) {
				guard.Months, guard.Days, guard.FromEnd = r.Months, r.Days, r.FromEnd
			}
		}
	}
	return dates, guard
}

// daysOf returns the days of a month that satisfy Days or FromEnd, in
// February those of either length.
func (r *Rule) daysOf(m int) Set {
	last := daysIn(2000, m)
	if r.FromEnd == 0 {
		return r.Days & (1<<(last+1) - 1)
	}
	var days Set
	for e := range r.FromEnd.All() {
		days = days.With(last + 1 - e)
		if m == 2 {
			days = days.With(last - e)
		}
	}
	return days &^ 1 // the 28th last day of a February of 28 days has no 0th
}

// orAny lists a set, or -1 if it holds everything up to hi.
func orAny(s Set, hi int) []int {
	lo := 0
	if hi == 12 {
		lo = 1
	}
	if s.Full(lo, hi) {
		return []int{-1}
	}
	return slices.Collect(s.All())
}

// everyQuarter moves minutes by 0, 15, 30 and 45: since 1972 the offsets of
// all zones differ by multiples of a quarter of an hour.
func everyQuarter(minutes Set) Set {
	var out Set
	for m := range minutes.All() {
		for shift := 0; shift < 60; shift += 15 {
			out = out.With((m + shift) % 60)
		}
	}
	return out
}
