package schedule

import (
	"slices"
	"strings"
	"time"
)

// Guard is a condition on the date and time that a wrapper script checks
// before it runs the job, because the native timer fires more often than the
// schedule is due. The zero Guard always holds.
//
// It looks at the minute in which the script runs, not at the one the timer
// was meant for: a firing that is made up for later (after sleep) or delayed
// past the minute is judged by the later time. Only the fields that the
// native timer does not see to itself are part of the guard.
//
// With a zone, the time that the end of summer time repeats holds twice,
// whereas [Schedule.Next] has it once: a script cannot tell the two apart.
type Guard struct {
	rules Schedule // full sets are not tested; seconds never are
}

// Empty reports whether there is nothing to check.
func (g Guard) Empty() bool { return len(g.rules) == 0 }

// Rules returns a copy of the rules of which at least one must hold, in which
// full sets and the seconds mean "not checked".
func (g Guard) Rules() Schedule { return slices.Clone(g.rules) }

// newGuard drops a guard that one of its rules makes pointless.
func newGuard(rules Schedule) Guard {
	var kept Schedule
	for _, r := range rules {
		r.Seconds = AllSeconds
		if r.Years.Any() && r.anyMonth() && r.anyDay() && r.anyWeekday() && r.anyTime() {
			return Guard{}
		}
		if !slices.Contains(kept, r) {
			kept = append(kept, r)
		}
	}
	return Guard{kept}
}

// Holds reports whether the guard lets the job run at t; loc is the local
// time of the host, nil means UTC. Without the data of a zone it does not hold.
func (g Guard) Holds(t time.Time, loc *time.Location) bool {
	if g.Empty() {
		return true
	}
	if loc == nil {
		loc = time.UTC
	}
	for i := range g.rules {
		r := &g.rules[i]
		zone, err := r.location(loc)
		if err != nil {
			continue
		}
		if r.holds(t.In(zone)) {
			return true
		}
	}
	return false
}

// holds tests everything but the seconds.
func (r *Rule) holds(local time.Time) bool {
	y, m, d := local.Date()
	return r.Years.Has(y) && r.Months.Has(int(m)) && r.onDate(y, int(m), d) &&
		r.Hours.Has(local.Hour()) && r.Minutes.Has(local.Minute())
}

// guardField is a field of the date that a guard may need: its format in
// date(1) and its shell variable.
type guardField struct{ format, variable string }

const (
	fieldYear = iota
	fieldMonth
	fieldDay
	fieldWeekday
	fieldHour
	fieldMinute
	fieldCount
)

// The formats are those of POSIX date; %w is 0 for Sunday.
var guardFields = [fieldCount]guardField{
	{"%Y", "guard_year"}, {"%m", "guard_month"}, {"%d", "guard_day"},
	{"%w", "guard_weekday"}, {"%H", "guard_hour"}, {"%M", "guard_minute"},
}

// Shell returns lines of POSIX sh that leave the script with status 0 when
// the guard does not hold, with status 1 when the time zone is not installed
// or date fails, and go on otherwise. It is the empty string for an empty
// guard. The lines use only date with a format, work under set -eu, and set
// variables that begin with guard_.
func (g Guard) Shell() string {
	if g.Empty() {
		return ""
	}
	var b strings.Builder
	b.WriteString("guard_due=\n")
	var zones []string
	for i := range g.rules {
		if zone := g.rules[i].Zone; !slices.Contains(zones, zone) {
			zones = append(zones, zone)
			g.writeZone(&b, zone)
		}
	}
	b.WriteString("[ -n \"$guard_due\" ] || exit 0\n")
	return b.String()
}

// writeZone writes the call of date for a zone and the rules that are in it.
func (g Guard) writeZone(b *strings.Builder, zone string) {
	var used [fieldCount]bool
	fromEnd := false
	for i := range g.rules {
		r := &g.rules[i]
		if r.Zone != zone {
			continue
		}
		used[fieldYear] = used[fieldYear] || !r.Years.Any()
		used[fieldMonth] = used[fieldMonth] || !r.anyMonth()
		used[fieldDay] = used[fieldDay] || !r.anyDay()
		used[fieldWeekday] = used[fieldWeekday] || !r.anyWeekday()
		used[fieldHour] = used[fieldHour] || !r.Hours.Full(0, 23)
		used[fieldMinute] = used[fieldMinute] || !r.Minutes.Full(0, 59)
		fromEnd = fromEnd || r.FromEnd != 0
	}
	if fromEnd {
		used[fieldYear], used[fieldMonth], used[fieldDay] = true, true, true
	}
	environment := "LC_ALL=C"
	if zone != "" {
		environment += " TZ='" + zone + "'" // IANA names hold no quotes
		if zone != "UTC" {
			// libc takes a zone it cannot find for UTC and says nothing.
			b.WriteString("if [ ! -e \"${TZDIR:-/usr/share/zoneinfo}/" + zone + "\" ] && [ ! -e \"/usr/share/zoneinfo/" + zone +
				"\" ] && [ ! -e \"/etc/zoneinfo/" + zone + "\" ]; then\n\techo 'time zone " + zone + " is not installed' >&2\n\texit 1\nfi\n")
		}
	}
	var formats, assignments []string
	for i, f := range guardFields {
		if used[i] {
			formats = append(formats, f.format)
			assignments = append(assignments, f.variable)
		}
	}
	// One call for all fields: the minute may end between two.
	b.WriteString("guard_now=$(" + environment + " date '+" + strings.Join(formats, " ") + "') || exit 1\n")
	for i, name := range assignments {
		if i == len(assignments)-1 {
			b.WriteString(name + "=$guard_now\n")
		} else {
			b.WriteString(name + "=${guard_now%% *} guard_now=${guard_now#* }\n")
		}
	}
	if fromEnd {
		// date -d and date -v are not portable; a leading zero would make the
		// day octal.
		b.WriteString(`guard_last=31
case $guard_month in
04|06|09|11) guard_last=30 ;;
02)
	guard_last=28
	if [ $((guard_year % 4)) -eq 0 ] && { [ $((guard_year % 100)) -ne 0 ] || [ $((guard_year % 400)) -eq 0 ]; }; then
		guard_last=29
	fi
	;;
esac
guard_from_end=$((guard_last - ${guard_day#0} + 1))
`)
	}
	for i := range g.rules {
		if r := &g.rules[i]; r.Zone == zone {
			r.writeCases(b)
		}
	}
}

// writeCases nests one case per restricted field around the assignment that
// says the rule holds.
func (r *Rule) writeCases(b *strings.Builder) {
	depth := 0
	test := func(variable string, set Set, width int) {
		b.WriteString(strings.Repeat("\t", depth) + "case $" + variable + " in\n" + strings.Repeat("\t", depth))
		b.Write(set.appendList(nil, width, '|'))
		b.WriteString(")\n")
		depth++
	}
	if !r.Years.Any() {
		b.WriteString("case $guard_year in\n")
		sep := ""
		for y := range r.Years.All() {
			b.WriteString(sep + itoa(y))
			sep = "|"
		}
		b.WriteString(")\n")
		depth++
	}
	if !r.anyMonth() {
		test("guard_month", r.Months, 2)
	}
	if r.FromEnd != 0 {
		test("guard_from_end", r.FromEnd, 1)
	} else if !r.anyDay() {
		test("guard_day", r.Days, 2)
	}
	if !r.anyWeekday() {
		test("guard_weekday", r.Weekdays, 1)
	}
	if !r.Hours.Full(0, 23) {
		test("guard_hour", r.Hours, 2)
	}
	if !r.Minutes.Full(0, 59) {
		test("guard_minute", r.Minutes, 2)
	}
	b.WriteString(strings.Repeat("\t", depth) + "guard_due=1\n")
	for depth > 0 {
		b.WriteString(strings.Repeat("\t", depth) + ";;\n")
		depth--
		b.WriteString(strings.Repeat("\t", depth) + "esac\n")
	}
}
