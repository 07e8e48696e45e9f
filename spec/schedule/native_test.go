package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// minutes is a set of minutes since start.
type minutes []uint64

var (
	yearsStart = utc("2026-01-01 00:00:00")
	yearsEnd   = utc("2029-01-01 00:00:00") // with a leap year
)

func newMinutes() minutes {
	return make(minutes, int(yearsEnd.Sub(yearsStart)/time.Minute)/64+1)
}

func (m minutes) add(t time.Time) {
	if i := int(t.Sub(yearsStart) / time.Minute); i >= 0 && t.Before(yearsEnd) {
		m[i/64] |= 1 << (i % 64)
	}
}

func (m minutes) has(t time.Time) bool {
	i := int(t.Sub(yearsStart) / time.Minute)
	return m[i/64]>>(i%64)&1 == 1
}

// dueMinutes are those Next gives.
func dueMinutes(s Schedule, loc *time.Location) minutes {
	m := newMinutes()
	for t := range s.Runs(yearsStart.Add(-time.Second), loc) {
		if !t.Before(yearsEnd) {
			break
		}
		m.add(t)
	}
	return m
}

// holding is [Guard.Holds] with the zones loaded once.
func holding(t testing.TB, rules Schedule, loc *time.Location) func(time.Time) bool {
	var zones []*time.Location
	for i := range rules {
		zone, err := rules[i].location(loc)
		if err != nil {
			t.Skip("no zone data for " + rules[i].Zone)
		}
		zones = append(zones, zone)
	}
	return func(at time.Time) bool {
		for i := range rules {
			if rules[i].holds(at.In(zones[i])) {
				return true
			}
		}
		return len(rules) == 0
	}
}

// firing computes what a native timer does: fires says whether it fires at a
// minute of the wall clock of the host, which must not change its clocks.
func firing(t testing.TB, loc *time.Location, onDay func(local time.Time) func(h, m int) bool, guard Guard, into minutes) {
	_, offset := yearsStart.In(loc).Zone()
	holds := holding(t, guard.rules, loc)
	first := yearsStart.Add(-time.Duration(offset) * time.Second) // local midnight
	for day := first.AddDate(0, 0, -1); day.Before(yearsEnd.AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
		fires := onDay(day.In(loc))
		if fires == nil {
			continue
		}
		for i := range 24 * 60 {
			if t := day.Add(time.Duration(i) * time.Minute); fires(i/60, i%60) && holds(t) {
				into.add(t)
			}
		}
	}
}

// launchdFires is the meaning of the dictionaries, spilling included.
func launchdFires(t *testing.T, intervals []Interval, loc *time.Location, guard Guard) minutes {
	out := newMinutes()
	for _, i := range intervals {
		if i.Day >= 0 && i.Weekday >= 0 {
			t.Errorf("%+v has day and weekday", i)
		}
		if i.Day >= 29 && i.Month < 0 {
			t.Errorf("%+v spills", i)
		}
		if i.EveryMinute() && len(intervals) > 1 {
			t.Errorf("%+v is empty", i)
		}
	}
	firing(t, loc, func(local time.Time) func(h, m int) bool {
		var matching []Interval
		y, month, d := local.Date()
		for _, i := range intervals {
			im, id := i.Month, i.Day
			if im > 0 && id > daysIn(y, im) {
				im, id = im+1, id-daysIn(y, im)
			}
			if (im < 0 || im == int(month)) && (id < 0 || id == d) && (i.Weekday < 0 || i.Weekday == int(local.Weekday())) {
				matching = append(matching, i)
			}
		}
		if matching == nil {
			return nil
		}
		var times [24 * 60]bool
		for _, i := range matching {
			for h := range 24 {
				if i.Hour >= 0 && i.Hour != h {
					continue
				}
				for m := range 60 {
					times[h*60+m] = times[h*60+m] || i.Minute < 0 || i.Minute == m
				}
			}
		}
		return func(h, m int) bool { return times[h*60+m] }
	}, guard, out)
	return out
}

// cronFires reads the fields with another implementation of cron.
func cronFires(t *testing.T, lines []CronLine, loc *time.Location) minutes {
	out := newMinutes()
	for _, l := range lines {
		parsed, err := cron.ParseStandard(l.Fields())
		if err != nil {
			t.Fatalf("%s: %v", l.Fields(), err)
		}
		spec := parsed.(*cron.SpecSchedule)
		const star = 1 << 63
		firing(t, loc, func(local time.Time) func(h, m int) bool {
			dom, dow := spec.Dom>>local.Day()&1 == 1, spec.Dow>>local.Weekday()&1 == 1
			day := dom || dow
			if spec.Dom&star != 0 || spec.Dow&star != 0 {
				day = dom && dow
			}
			if spec.Month>>local.Month()&1 == 0 || !day {
				return nil
			}
			return func(h, m int) bool { return spec.Hour>>h&1 == 1 && spec.Minute>>m&1 == 1 }
		}, l.Guard, out)
	}
	return out
}

var nativeCases = []struct {
	expr    string // cron if it has five fields or an @
	launchd int    // number of intervals, -1 if too many
	guarded bool   // launchd
	cron    string // lines, joined by |; ! marks a guard
}{
	{"* * * * *", 1, false, "* * * * *"},
	{"*/5 * * * *", 12, false, "*/5 * * * *"},
	{"*/7 3 * * *", 9, false, "0,7,14,21,28,35,42,49,56 3 * * *"},
	{"15 10,14 * * 1-5", 10, false, "15 10,14 * * 1-5"},
	{"30 4 1,15 * 5", 3, false, "30 4 1,15 * 5"},
	{"0 0 13 * 5", 2, false, "0 0 13 * 5"},
	{"0 9 * 1 1", 1, true, "0 9 * 1 1"},
	{"0 9 * 1 *", 1, false, "0 9 * 1 *"},
	{"0 0 31 * *", 7, false, "0 0 31 * *"},
	{"0 12 29 2 *", 1, true, "0 12 29 2 *"},
	{"0 0 30 2 1", 1, true, "0 0 * 2 1"},
	{"59 23 28-31 * *", 31, true, "59 23 28-31 * *"}, // day 28 and 30 with months
	{"7 */6 1-7 3,9 *", 56, false, "7 */6 1-7 3,9 *"},
	{"0 0 1 */3 7", 5, true, "0 0 1 1,4,7,10 0"},
	{"*/5 8-18 * * 1-5", 660, false, "*/5 8-18 * * 1-5"},
	{"* 8-18 * * *", 11, false, "* 8-18 * * *"},
	{"0 0 1-31 * 1", 1, false, "0 0 * * *"},
	{"@weekly", 1, false, "0 0 * * 0"},
	{"@yearly", 1, false, "0 0 1 1 *"},
	{"* * * 2 1-5", 5, true, "* * * 2 1-5"},
	{"1-59/2 1-2,22-23 1-28/3 * *", -1, false, "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33,35,37,39,41,43,45,47,49,51,53,55,57,59 1,2,22,23 1,4,7,10,13,16,19,22,25,28 * *"},
	{"Mon *-*-01..07 05:30", 1, true, "30 5 * * 1!"},
	{"Mon,Thu *-*-02..31 05:30", 2, true, "30 5 * * 1,4!"},
	{"Fri *-02,10-13 13:13", 1, true, "13 13 13 2,10 *!"},
	{"*-*~01 23:59", 13, true, "59 23 31 1,3,5,7,8,10,12 *|59 23 30 4,6,9,11 *|59 23 28,29 2 *!"},
	{"*-01,03~01..03 06:00", 6, false, "0 6 29-31 1,3 *"},
	{"*-*~28 00:00", 13, true, "0 0 4 1,3,5,7,8,10,12 *|0 0 3 4,6,9,11 *|0 0 1,2 2 *!"},
	{"Fri *-*~01..07 18:00", 1, true, "0 18 * * 5!"},
	{"2027-*-* 12:00", 1, true, "0 12 * * *!"},
	{"2026,2028-02-29 12:00", 1, true, "0 12 29 2 *!"},
	{"2026/2-*-* *:*", 60, true, "* * * * *!"},
	{"Sat 2028-*~02/1 *:00/20", 3, true, "*/20 * * * 6!"},
	{"*-*-* 02:30 America/New_York", 4, true, "*/15 * * * *!"},
	{"Sun *-*-* 01:07 America/New_York", 4, true, "7,22,37,52 * * * *!"},
	{"Mon *-*~01 23:59 Asia/Kathmandu", 4, true, "14,29,44,59 * * * *!"},
	{"*-*-* *:00,30 Australia/Lord_Howe", 4, true, "*/15 * * * *!"},
	{"*-01-01 00:00/1 UTC", 60, true, "* * * * *!"},
	{"*:* UTC", 1, false, "* * * * *"},
}

func parseAny(t testing.TB, expr string) Schedule {
	t.Helper()
	parse := ParseCalendar
	if strings.HasPrefix(expr, "@") || len(strings.Fields(expr)) == 5 {
		parse = ParseCron
	}
	s, err := parse(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return s
}

// secondTime reports whether t repeats a time of the wall clock of its zone.
func secondTime(t time.Time, loc *time.Location) bool {
	local := t.In(loc)
	y, m, d := local.Date()
	first, ok := firstOccurrence(y, int(m), d, local.Hour(), local.Minute(), 0, loc)
	return ok && first.Before(t)
}

// TestNativeMinuteByMinute compares the translations and Next itself with the
// plain meaning of the rules, in every minute of three years.
func TestNativeMinuteByMinute(t *testing.T) {
	for _, c := range nativeCases {
		t.Run(c.expr, func(t *testing.T) {
			t.Parallel()
			s := parseAny(t, c.expr)
			host := time.UTC
			if s[0].Zone != "" {
				location(t, s[0].Zone)
				host = time.FixedZone("host", 5*3600+1800) // like India: no whole hours
			}
			due := dueMinutes(s, host)

			meaning, holds := newMinutes(), holding(t, s, host)
			for at := yearsStart; at.Before(yearsEnd); at = at.Add(time.Minute) {
				if holds(at) {
					meaning.add(at)
				}
			}
			same(t, "Next against the rules", s, due, meaning)

			intervals, guard, err := LaunchdIntervals(s)
			switch {
			case c.launchd < 0:
				if err == nil {
					t.Errorf("launchd: no error for %d intervals", len(intervals))
				}
			case err != nil:
				t.Error(err)
			default:
				if len(intervals) != c.launchd || guard.Empty() == c.guarded {
					t.Errorf("launchd: %d intervals, guarded %v; want %d, %v", len(intervals), !guard.Empty(), c.launchd, c.guarded)
				}
				same(t, "launchd", s, due, launchdFires(t, intervals, host, guard))
			}

			lines, err := CronLines(s)
			if err != nil {
				t.Fatal(err)
			}
			var text []string
			for _, l := range lines {
				f := l.Fields()
				if !l.Guard.Empty() {
					f += "!"
				}
				text = append(text, f)
			}
			if got := strings.Join(text, "|"); got != c.cron {
				t.Errorf("cron lines\n got %s\nwant %s", got, c.cron)
			}
			same(t, "cron", s, due, cronFires(t, lines, host))
		})
	}
}

// same requires equal sets; with a zone a time that comes twice may be in got
// twice, see Guard.
func same(t *testing.T, what string, s Schedule, want, got minutes) {
	t.Helper()
	zone, _ := s[0].location(time.UTC)
	n, twice := 0, 0
	for at := yearsStart; at.Before(yearsEnd); at = at.Add(time.Minute) {
		w, g := want.has(at), got.has(at)
		if w {
			n++
		}
		if w == g {
			continue
		}
		if g && s[0].Zone != "" && secondTime(at, zone) {
			twice++
			continue
		}
		t.Errorf("%s: %s is due %v, fires %v", what, at.Format(time.RFC3339), w, g)
		return
	}
	if n == 0 {
		t.Errorf("%s: nothing is due", what)
	}
	if twice > 3*60 {
		t.Errorf("%s: fires %d times too often", what, twice)
	}
}

// TestNativeUnion covers schedules of rules that no parser makes.
func TestNativeUnion(t *testing.T) {
	union := func(exprs ...string) (s Schedule) {
		for _, e := range exprs {
			s = append(s, parseAny(t, e)...)
		}
		return s
	}
	for name, s := range map[string]Schedule{
		"different times, one guarded": union("Fri 04:30", "Mon *-01-01 05:00"),
		"same times, one guarded":      union("Fri 04:30", "Mon *-01-01..20 04:30"),
		"zone and local":               union("Fri 04:30", "04:30 Asia/Kathmandu"),
		"two zones":                    union("12:00 Asia/Kathmandu", "12:00 Asia/Tokyo"),
		"cron in a zone":               union("30 4 1,15 * 5").In("Asia/Tokyo"),
		"leap day or every minute":     union("*-02-29 12:00", "*:*"),
		"same line, guarded or not":    union("Mon *-*-01 12:00", "*-*-01 12:00"),
		"either day, twice":            union("0 0 13 * 5", "0 0 1 * 1"),
	} {
		t.Run(name, func(t *testing.T) {
			host := time.FixedZone("host", -3*3600)
			due := dueMinutes(s, host)
			intervals, guard, err := LaunchdIntervals(s)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "launchd", s, due, launchdFires(t, intervals, host, guard))
			lines, err := CronLines(s)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "cron", s, due, cronFires(t, lines, host))
		})
	}
}

func TestNativeRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		s    Schedule
		want string
	}{
		"seconds":   {parseAny(t, "12:00:30"), "has no seconds: *-*-* 12:00:30 is not at the start of a minute"},
		"every":     {Schedule{Every()}, "has no seconds"},
		"empty":     {nil, "the schedule has no rules"},
		"bad zone":  {parseAny(t, "12:00").In("x'; rm -rf /"), "unknown time zone"},
		"ambiguous": {parseAny(t, "12:00").In("CET"), "abbreviation"},
		"no hours":  {Schedule{{Months: AllMonths, Days: AllDays, Weekdays: AllWeekdays, Seconds: SetOf(0)}}, "no such date"},
	} {
		_, _, err := LaunchdIntervals(c.s)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: launchd: %v", name, err)
		}
		lines, err := CronLines(c.s)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: cron: %v, %v", name, lines, err)
		}
	}
	if _, _, err := LaunchdIntervals(parseAny(t, "*/1 1-22 2-28 * *").In("")); err != nil {
		t.Error(err) // hours times days, the minutes are left out
	}
	if _, _, err := LaunchdIntervals(parseAny(t, "0-58 1-22 2-28 * *")); err == nil || !strings.Contains(err.Error(), "would need 35046 calendar intervals") {
		t.Error(err)
	}
}

func TestCronEvery(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Minute: "* * * * *", 5 * time.Minute: "*/5 * * * *", 30 * time.Minute: "*/30 * * * *",
		time.Hour: "0 * * * *", 6 * time.Hour: "0 */6 * * *", 24 * time.Hour: "0 0 * * *",
		0: "", -time.Minute: "", 7 * time.Minute: "", 90 * time.Minute: "", 5 * time.Hour: "", 48 * time.Hour: "",
		30 * time.Second: "", 61 * time.Second: "", 45 * time.Minute: "",
	} {
		line, ok := CronEvery(d)
		if ok != (want != "") || ok && line.Fields() != want {
			t.Errorf("%s: %q, %v; want %q", d, line.Fields(), ok, want)
		}
		if !ok {
			continue
		}
		s, err := ParseCron(line.Fields())
		if err != nil {
			t.Fatal(err)
		}
		last := yearsStart
		for _, at := range s.Upcoming(last, 100, nil) {
			if at.Sub(last) != d {
				t.Errorf("%s: %s after %s", d, at.Sub(last), last)
			}
			last = at
		}
	}
}
