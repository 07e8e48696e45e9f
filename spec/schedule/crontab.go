package schedule

import (
	"strconv"
	"time"
)

// CronLine is the time of one line of a crontab: the five fields as numbers,
// with 0 for Sunday, that mean the same to all crons, and what must hold
// besides. Only Minute and Hour ever begin with `*/`.
type CronLine struct {
	Minute, Hour, Day, Month, Weekday string
	Guard                             Guard
}

// Fields returns the five fields separated by spaces.
func (l CronLine) Fields() string {
	return l.Minute + " " + l.Hour + " " + l.Day + " " + l.Month + " " + l.Weekday
}

// CronLines returns lines that make cron fire in every minute in which the
// schedule is due. The guard of a line is for what cron cannot express: date
// and weekday at once, days from the end of a February, years, and zones,
// which Debian's cron does not have. A rule with a zone fires at its minutes,
// moved by every quarter of an hour since the offset of the host is not known,
// in every hour, and the guard does the rest.
//
// "Day of month or weekday" is one line. Other rules of one schedule that are
// due in the same minute may be on two lines, which both fire; the parsers
// make no such schedules. When clocks change, cron has rules of its own.
//
// It is an error if a rule has seconds other than 0, or if the schedule is
// impossible or names an invalid zone.
func CronLines(s Schedule) ([]CronLine, error) {
	if err := s.wholeMinutes("cron"); err != nil {
		return nil, err
	}
	var out []CronLine
	add := func(minutes, hours, days, months, weekdays Set, guard Rule) {
		line := CronLine{cronSteps(minutes, 60), cronSteps(hours, 24), cronList(days, 1, 31),
			cronList(months, 1, 12), cronList(weekdays, 0, 6), newGuard(Schedule{guard})}
		for i := range out {
			if o := &out[i]; o.Fields() == line.Fields() {
				if o.Guard.Empty() || line.Guard.Empty() {
					o.Guard = Guard{}
				} else {
					o.Guard = newGuard(append(o.Guard.Rules(), guard))
				}
				return
			}
		}
		out = append(out, line)
	}
	done := make([]bool, len(s))
	for i := range s {
		if done[i] {
			continue
		}
		r := s[i]
		guard := Every()
		guard.Years = r.Years
		either := false
		for j := i + 1; j < len(s); j++ {
			if !done[j] && r.eitherDay(&s[j]) {
				done[j], either = true, true
				r.Days, r.Weekdays = r.Days&s[j].Days, r.Weekdays&s[j].Weekdays
				break
			}
		}
		switch {
		case r.Zone != "":
			add(everyQuarter(r.Minutes), AllHours, AllDays, AllMonths, AllWeekdays, r)
		case either || r.anyWeekday() && r.FromEnd == 0:
			add(r.Minutes, r.Hours, r.Days, r.Months, r.Weekdays, guard)
		case r.FromEnd != 0 && r.anyWeekday():
			for _, months := range [...]Set{SetOf(1, 3, 5, 7, 8, 10, 12), SetOf(4, 6, 9, 11), SetOf(2)} {
				if months &= r.Months; months == 0 {
					continue
				}
				if months.Has(2) {
					guard.FromEnd = r.FromEnd
				}
				add(r.Minutes, r.Hours, r.daysOf(months.Min()), months, AllWeekdays, guard)
			}
		case r.FromEnd == 0 && r.Days.Len()*7 <= r.Weekdays.Len()*31: // the rarer one in cron
			guard.Weekdays = r.Weekdays
			add(r.Minutes, r.Hours, r.Days, r.Months, AllWeekdays, guard)
		default:
			guard.Days, guard.FromEnd = r.Days, r.FromEnd
			add(r.Minutes, r.Hours, AllDays, r.Months, r.Weekdays, guard)
		}
	}
	return out, nil
}

// eitherDay reports whether two rules are the halves of "day of month or
// weekday", which cron can say in one line.
func (r *Rule) eitherDay(o *Rule) bool {
	a, b := *r, *o
	a.Days, a.Weekdays, b.Days, b.Weekdays = 0, 0, 0, 0
	if a != b || r.Zone != "" || r.FromEnd != 0 {
		return false
	}
	return r.anyDay() && !r.anyWeekday() && o.anyWeekday() && !o.anyDay() ||
		o.anyDay() && !o.anyWeekday() && r.anyWeekday() && !r.anyDay()
}

// cronSteps writes minutes or hours: `*/n` when that is exact, which it is if
// n divides the limit; otherwise as cronList.
func cronSteps(s Set, limit int) string {
	for n := 2; n <= limit/2; n++ {
		if limit%n == 0 && s == every(n, limit) {
			return "*/" + itoa(n)
		}
	}
	return cronList(s, 0, limit-1)
}

// every returns 0, n, 2n, … below limit.
func every(n, limit int) Set {
	var s Set
	for v := 0; v < limit; v += n {
		s = s.With(v)
	}
	return s
}

// cronList writes `*` for a full set, otherwise numbers and ranges a-b.
func cronList(s Set, lo, hi int) string {
	if s.Full(lo, hi) {
		return "*"
	}
	var b []byte
	for v := s.Min(); v >= 0; {
		end := v
		for s.Has(end + 1) {
			end++
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(v), 10)
		if end == v+1 {
			end = v // 1,2 reads better than 1-2
		} else if end > v {
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(end), 10)
		}
		v = s.next(end + 1)
	}
	return string(b)
}

// CronEvery returns the line that fires at equal distances d all day long,
// beginning at midnight: minutes that divide an hour, hours that divide a
// day, or a day. Other intervals have a short step at the end of the hour or
// day, for which ok is false.
func CronEvery(d time.Duration) (line CronLine, ok bool) {
	line = CronLine{"0", "*", "*", "*", "*", Guard{}}
	switch minutes := int64(d / time.Minute); {
	case d <= 0 || d%time.Minute != 0 || minutes > 24*60:
		return CronLine{}, false
	case minutes == 1:
		line.Minute = "*"
	case minutes < 60 && 60%minutes == 0:
		line.Minute = "*/" + strconv.FormatInt(minutes, 10)
	case minutes == 60:
	case minutes == 24*60:
		line.Hour = "0"
	case minutes%60 == 0 && 24*60%minutes == 0:
		line.Hour = "*/" + strconv.FormatInt(minutes/60, 10)
	default:
		return CronLine{}, false
	}
	return line, true
}

func itoa(n int) string { return strconv.Itoa(n) }
