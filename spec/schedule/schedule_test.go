package schedule

import (
	"archive/zip"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

func TestParseCron(t *testing.T) {
	for expr, want := range map[string]string{
		"*/15 * * * *":                          "*-*-* *:00,15,30,45:00",
		" 0\t9  * * mon-FRI ":                   "Mon,Tue,Wed,Thu,Fri *-*-* 09:00:00",
		"0 9 * * 5-7":                           "Fri,Sat,Sun *-*-* 09:00:00",
		"0 9 * * 7":                             "Sun *-*-* 09:00:00",
		"0 9 * * 0-7":                           "*-*-* 09:00:00",
		"0 0 13 * 0-6":                          "*-*-* 00:00:00", // restricted to all: either holds
		"0 0 1-31 * 1":                          "*-*-* 00:00:00",
		"0 0 */2 * *":                           "*-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00",
		"0 0 */1 * 1":                           "Mon *-*-* 00:00:00",
		"0 0 * * */2":                           "Tue,Thu,Sat,Sun *-*-* 00:00:00",
		"0 0 *,5 * 1":                           "Mon *-*-* 00:00:00", // begins with a star
		"30 4 1,15 * 5":                         "*-*-01,15 04:30:00 | Fri *-*-* 04:30:00",
		"0 0 1-31/2 * 1":                        "*-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00 | Mon *-*-* 00:00:00",
		"0 0 30 feb mon":                        "Mon *-02-* 00:00:00",
		"0 0 1 jan,mar-MAY/2,12 *":              "*-01,03,05,12-01 00:00:00",
		"10-20/5,30 0 * * *":                    "*-*-* 00:10,15,20,30:00",
		"@hourly":                               "*-*-* *:00:00",
		"@daily":                                "*-*-* 00:00:00",
		"@Midnight":                             "*-*-* 00:00:00",
		" @weekly ":                             "Sun *-*-* 00:00:00",
		"@monthly":                              "*-*-01 00:00:00",
		"@yearly":                               "*-01-01 00:00:00",
		"@annually":                             "*-01-01 00:00:00",
		"000 007 01 001 *":                      "*-01-01 07:00:00",
		"5-5/1,1,1 * * * *":                     "*-*-* *:01,05:00",
		"0 0 29 2 *":                            "*-02-29 00:00:00",
		strings.Repeat("1,", 999) + "1 * * * *": "*-*-* *:01:00",
	} {
		s, err := ParseCron(expr)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		var got []string
		for _, r := range s {
			got = append(got, r.String())
		}
		if got := strings.Join(got, " | "); got != want {
			t.Errorf("%q: got %s, want %s", expr, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	type refusal struct {
		expr   string
		offset int
		want   string
	}
	check := func(parse func(string) (Schedule, error), cases []refusal) {
		t.Helper()
		for _, c := range cases {
			s, err := parse(c.expr)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("%q: %v, %v", c.expr, s, err)
				continue
			}
			if err.Error() != c.want || syntax.Offset != c.offset || syntax.Expr != c.expr || s != nil {
				t.Errorf("%q at %d: %s\nwant %d: %s", c.expr, syntax.Offset, err, c.offset, c.want)
			}
		}
	}
	check(ParseCron, []refusal{
		{"0 0 32 * *", 4, "field 3 (day of month): 32 is above 31"},
		{"0 0 0 * *", 4, "field 3 (day of month): 0 is below 1"},
		{"1,60 * * * *", 2, "field 1 (minute): 60 is above 59"},
		{"* 22-2 * * *", 2, "field 2 (hour): 22-2 runs backwards; split it in two: a range ends at or after its start"},
		{"*/0 * * * *", 2, "field 1 (minute): the step is 0"},
		{"*/90 * * * *", 2, "field 1 (minute): the step 90 is larger than the field"},
		{"10-12/5 * * * *", 6, "field 1 (minute): the step 5 is larger than the range 10-12"},
		{"5/10 * * * *", 0, "field 1 (minute): a step needs a range or *; write 5-59/10"},
		{"5, * * * *", 2, `field 1 (minute): a value is missing at the end of "5,"`},
		{"5- * * * *", 2, `field 1 (minute): a value is missing at the end of "5-"`},
		{"* * ? * *", 4, `field 3 (day of month): unexpected '?' in "?"; write *`},
		{"* * L * *", 4, `field 3 (day of month): unexpected 'L' in "L"; a calendar expression can count from the end of the month, for example *-*~01`},
		{"H * * * *", 0, `field 1 (minute): unexpected 'H' in "H"; choose a time, and spread the load with jitter`},
		{"* * * juni *", 6, `field 4 (month): unexpected 'j' in "juni"`},
		{"* * * * möb", 8, `field 5 (day of week): unexpected 'm' in "möb"`},
		{"* * * * 8", 8, "field 5 (day of week): 8 is above 7"},
		{"* * * *", 7, "a cron expression has 5 fields, this one has 4; write minute, hour, day of month, month and day of week"},
		{"", 0, "a cron expression has 5 fields, this one has 0; write minute, hour, day of month, month and day of week"},
		{"0 * * * * *", 10, "a cron expression has 5 fields, this one has more; write minute, hour, day of month, month and day of week; no seconds, user or command"},
		{"TZ=UTC 0 0 * * *", 13 + 2, "a cron expression has 5 fields, this one has more; write minute, hour, day of month, month and day of week; no seconds, user or command"},
		{"TZ=UTC 0 * * *", 0, "a variable has no place in a cron expression; set the zone with the timezone of the timer"},
		{" @reboot", 1, "@reboot is not a time; use on_boot"},
		{"@every 5m", 0, `unknown shorthand "@every 5m"; use every for an interval`},
		{"@noon", 0, `unknown shorthand "@noon"; use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually`},
		{"0 0 30 2 *", 4, "field 3 (day of month): no month of field 4 (2) has day 30"},
		{"0 0 31 4,6 *", 4, "field 3 (day of month): no month of field 4 (4,6) has day 31"},
		{"0 0 */2 * 1", 4, "field 3 (day of month): */2 together with a restricted day of week means both in Vixie cron and either in others; write 1-31/2 for either, or a calendar expression for both"},
		{"0 0 1 * */2", 8, "field 5 (day of week): */2 together with a restricted day of month means both in Vixie cron and either in others; write 0-6/2 for either, or a calendar expression for both"},
		{"99999999999999999999 * * * *", 0, "field 1 (minute): 99999999999999999999 is above 59"},
		{"-1 * * * *", 0, `field 1 (minute): unexpected '-' in "-1"`},
		{"* * * * * # x", 10, "a cron expression has 5 fields, this one has more; write minute, hour, day of month, month and day of week; no seconds, user or command"},
	})
	check(ParseCalendar, []refusal{
		{"", 0, "the calendar expression is empty; write for example Mon..Fri 02:30"},
		{"Mon..Fri 25:00", 9, "hour: 25 is above 23"},
		{"*-13-01", 2, "month: 13 is above 12"},
		{"*-*-0", 4, "day: 0 is below 1"},
		{"*-*~29", 4, "day from the end: 29 is above 28"},
		{"2200-01-01", 0, "year: 2200 is above 2199"},
		{"*:*/5", 2, "minute: a repetition needs a start; write 0/5"},
		{"*/2:00", 0, "hour: a repetition needs a start; write 0/2"},
		{"22..2:00", 0, "hour: 22..2 runs backwards; split it in two: a range ends after its start"},
		{"Sat..Tue 12:00", 0, "Sat..Tue runs backwards; split it in two: the week begins on Monday"},
		{"Mon..Wed..Fri", 0, "a range has two ends"},
		{"Mon.Fri", 3, "unexpected '.'; write ranges as Mon..Fri"},
		{"Mon..", 5, "a weekday is missing; use Mon, Tue, Wed, Thu, Fri, Sat or Sun"},
		{"Monda 12:00", 0, "unknown weekday; use Mon, Tue, Wed, Thu, Fri, Sat or Sun"},
		{"12:00:00.5", 8, "second: fractions are not supported"},
		{"12:00:60", 6, "second: 60 is above 59"},
		{"12", 0, `"12" is neither a date nor a time; write a date as 2026-12-24 or *-12-24 and a time as 02:30`},
		{"12:", 3, "minute: a number is missing"},
		{"*-*-* 12", 8, "the minutes are missing; write the time as 02:30"},
		{"@1700000000", 0, "a timestamp is not a calendar expression; write the date and UTC"},
		{"*-*-* 12:00 Europe/Atlantis", 12, `unknown time zone "Europe/Atlantis"; use an IANA name such as Europe/Berlin, America/New_York or UTC`},
		{"12:00 europe/berlin", 6, `unknown time zone "europe/berlin"; did you mean Europe/Berlin?`},
		{"12:00 CET", 6, "CET is also the abbreviation of a local time and means different things on different hosts; write a place such as Europe/Berlin"},
		{"12:00 GMT", 6, "GMT is also the abbreviation of a local time and means different things on different hosts; write UTC"},
		{"12:00 UTC UTC", 6, "there are two time zones"},
		{"12:00 ", 5, "a space stands at the end"},
		{" 12:00", 0, "a space stands at the start"},
		{"*-02-30", 0, "no such date ever comes: *-02-30 00:00:00"},
		{"Mon 2026-01-06", 0, "no such date ever comes: Mon 2026-01-06 00:00:00"},
		{"2026,2027-02-29", 0, "no such date ever comes: 2026..2027-02-29 00:00:00"},
		{"*~1-1", 3, "~ belongs before the day, nothing but the day comes after it"},
		{"1-2-3-4", 0, `"1-2-3-4" is not a date; write it as 2026-12-24 or *-12-24`},
		{"*:0/0", 4, "minute: the repetition is 0"},
		{"*:50/10", 2, "minute: 50/10 repeats not even once"},
		{"*:0/60", 4, "minute: the repetition 60 is too large"},
		{"*:10..99", 2, "minute: 10..99 ends above 59"},
		{"*-*-1,*", 6, "unexpected '*'"},
		{"*:*:5..5", 4, "second: systemd refuses a range of one second; write 5"},
		{"99999999999:00", 0, "hour: the number is too large"},
		{"*-*~1,3,4,8,9,11,14,16,17,19,20,22,23,25,26,28", 4, "day from the end: systemd cannot express such a list; use a range, or split it into several timers"},
		{"12:00\n", 5, `unexpected '\n'`},
		{"12:00 \xff", 6, `unexpected '�'`},
	})
}

// TestCronAgainstRobfig compares with another implementation where they agree.
func TestCronAgainstRobfig(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	item := func(lo, hi int) string {
		a, b := lo+rng.IntN(hi-lo+1), lo+rng.IntN(hi-lo+1)
		a, b = min(a, b), max(a, b)
		switch {
		case rng.IntN(3) == 0 && b-a > 1:
			return strconv.Itoa(a) + "-" + strconv.Itoa(b) + "/" + strconv.Itoa(1+rng.IntN(b-a))
		case rng.IntN(3) == 0:
			return strconv.Itoa(a) + "-" + strconv.Itoa(b)
		}
		return strconv.Itoa(a)
	}
	field := func(lo, hi int, steps bool) string {
		switch rng.IntN(5) {
		case 0, 1:
			return "*"
		case 2:
			if steps {
				return "*/" + strconv.Itoa(1+rng.IntN((hi-lo)/2))
			}
		}
		s := item(lo, hi)
		for rng.IntN(2) == 0 {
			s += "," + item(lo, hi)
		}
		return s
	}
	compared := 0
	for range 3000 {
		expr := strings.Join([]string{field(0, 59, true), field(0, 23, true), field(1, 31, false), field(1, 12, true), field(0, 6, false)}, " ")
		s, err := ParseCron(expr)
		if err != nil {
			if !strings.Contains(err.Error(), "no month of field 4") {
				t.Errorf("%s: %v", expr, err)
			}
			continue
		}
		other, err := cron.ParseStandard(expr)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		at := utc("2026-02-27 23:58:00").Add(time.Duration(rng.IntN(1e9)) * time.Second)
		for range 10 {
			want := other.Next(at)
			got, ok := s.Next(at, time.UTC)
			if want.IsZero() { // it gives up after five years
				break
			}
			if !ok || !got.Equal(want) {
				t.Fatalf("%s after %s: got %s, want %s", expr, at, got, want)
			}
			at = want
			compared++
		}
	}
	t.Logf("%d runs equal", compared)
	if compared < 20000 {
		t.Error("too few")
	}
}

func TestNext(t *testing.T) {
	ny := location(t, "America/New_York")
	next := func(expr string, after string, loc *time.Location) string {
		t.Helper()
		got, ok := parseAny(t, expr).Next(utc(after), loc)
		if !ok {
			return "never"
		}
		if got.Location() != loc && loc != nil {
			t.Errorf("%s: in %s", expr, got.Location())
		}
		return got.UTC().Format("2006-01-02 15:04:05")
	}
	for _, c := range []struct {
		expr, after string
		loc         *time.Location
		want        string
	}{
		{"02:30", "2026-03-08 05:00:00", ny, "2026-03-09 06:30:00"}, // skipped by the clocks
		{"01:30", "2026-11-01 05:00:00", ny, "2026-11-01 05:30:00"}, // the first of two
		{"01:30", "2026-11-01 05:30:00", ny, "2026-11-02 06:30:00"}, // and not the second
		{"01:30", "2026-11-01 06:10:00", ny, "2026-11-02 06:30:00"}, // even if asked in between
		{"*:*", "2026-11-01 05:59:00", ny, "2026-11-01 07:00:00"},   // the repeated hour is passed over
		{"*:*:*", "2026-11-01 06:00:00", ny, "2026-11-01 07:00:00"}, //
		{"00:00 America/New_York", "2026-06-01 00:00:00", nil, "2026-06-01 04:00:00"},
		{"12:00", "2026-06-01 12:00:00", nil, "2026-06-02 12:00:00"},   // strictly after
		{"*-02-29", "2096-03-01 00:00:00", nil, "2104-02-29 00:00:00"}, // 2100 is no leap year
		{"2026-01-01", "2026-01-01 00:00:00", nil, "never"},
		{"*-*-*", "2199-12-31 00:00:00", nil, "never"},
		{"*-*-*", "1900-12-31 00:00:00", nil, "1970-01-01 00:00:00"},
		{"30 4 1,15 * 5", "2026-05-01 04:29:59", nil, "2026-05-01 04:30:00"},
		{"30 4 1,15 * 5", "2026-05-01 04:30:00", nil, "2026-05-08 04:30:00"}, // a Friday that is the 1st counts once
		{"*-*~01", "2028-02-01 00:00:00", nil, "2028-02-29 00:00:00"},
	} {
		if got := next(c.expr, c.after, c.loc); got != c.want {
			t.Errorf("%s after %s: got %s, want %s", c.expr, c.after, got, c.want)
		}
	}
	// A day that a zone never had: Samoa went from the 29th to the 31st.
	apia := location(t, "Pacific/Apia")
	got, _ := parseAny(t, "*-*-* *:*:*").Next(time.Date(2011, 12, 29, 23, 59, 59, 0, apia), apia)
	if want := time.Date(2011, 12, 31, 0, 0, 0, 0, apia); !got.Equal(want) {
		t.Errorf("Apia: %s", got)
	}
	fraction, _ := parseAny(t, "*:*:*").Next(utc("2026-01-01 00:00:00").Add(time.Millisecond), nil)
	if want := utc("2026-01-01 00:00:01"); !fraction.Equal(want) {
		t.Errorf("fraction: %s", fraction)
	}
	if _, ok := (Schedule{}).Next(utc("2026-01-01 00:00:00"), nil); ok {
		t.Error("an empty schedule is due")
	}
	lost := Schedule{Every()}.In("No/Where")
	if _, ok := lost.Next(utc("2026-01-01 00:00:00"), nil); ok || lost.CheckZones() == nil {
		t.Error("a zone without data is due")
	}
	if err := parseAny(t, "12:00 Asia/Tokyo").CheckZones(); err != nil {
		t.Error(err)
	}
	if got := parseAny(t, "12:00 UTC").Upcoming(utc("2026-01-01 00:00:00"), 0, nil); got != nil {
		t.Errorf("%v", got)
	}
}

func TestSet(t *testing.T) {
	s := SetOf(0, 5, 63, 64, -1)
	if got := slices.Collect(s.All()); !slices.Equal(got, []int{0, 5, 63}) || s.Len() != 3 || s.Min() != 0 || s.Max() != 63 {
		t.Errorf("%v %d %d %d", got, s.Len(), s.Min(), s.Max())
	}
	if s.Has(-1) || s.Has(64) || !s.Has(63) || s.Has(6) {
		t.Error("Has")
	}
	if Set(0).Min() != -1 || Set(0).Max() != -1 {
		t.Error("empty")
	}
	for _, c := range []struct {
		s      Set
		lo, hi int
	}{{AllMonths, 1, 12}, {AllDays, 1, 31}, {AllWeekdays, 0, 6}, {AllHours, 0, 23}, {AllMinutes, 0, 59}, {AllSeconds, 0, 59}} {
		if !c.s.Full(c.lo, c.hi) || c.s.Len() != c.hi-c.lo+1 || c.s.Full(c.lo, c.hi+1) {
			t.Errorf("%d..%d", c.lo, c.hi)
		}
		for v := range c.s.All() {
			if (c.s &^ SetOf(v)).Full(c.lo, c.hi) {
				t.Errorf("%d..%d without %d is full", c.lo, c.hi, v)
			}
		}
	}
	for years, want := range map[YearSet]string{
		{}:                                  "*",
		Years(2026):                         "2026",
		Years(2026, 2027):                   "2026..2027",
		Years(2026, 2028):                   "2026,2028",
		Years(2026, 2028, 2030, 2031, 2032): "2026..2030/2,2031..2032",
		Years(1969, 1970, 2199, 2200):       "1970,2199",
		Years(slices.Collect(YearSet{}.All())...): "*",
	} {
		if got := string(years.appendCalendar(nil)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestFromEnd shows that what appendFromEnd writes for systemd is the set.
func TestFromEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	written := 0
	for range 5000 {
		var s Set
		for range 1 + rng.IntN(8) {
			s = s.With(1 + rng.IntN(28))
		}
		text, ok := appendFromEnd(nil, s)
		if !ok {
			continue
		}
		written++
		got, err := ParseCalendar("*-*~" + string(text))
		if err != nil || got[0].FromEnd != s {
			t.Fatalf("%v: %s: %v", slices.Collect(s.All()), text, err)
		}
	}
	if written < 4000 {
		t.Errorf("only %d of 5000 sets can be written", written)
	}
}

func TestZones(t *testing.T) {
	for _, name := range []string{"UTC", "Africa/Abidjan", "Zulu", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"} {
		if err := CheckZone(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "\n", "UTC\n", "Europe", "Europe/", "europe/berlin", "Europe/Berlin\nEurope/Bratislava", "Berlin", "Zzz", "A",
		"CET", "GMT", "EST", "MST", "HST", "EET", "WET", "MET", "localtime", "Factory", "../UTC", "posix/UTC", " UTC"} {
		if ValidZone(name) {
			t.Errorf("%q is valid", name)
		}
	}
	lines := slices.Collect(strings.Lines(zoneNames))
	if !slices.IsSorted(lines) || len(slices.Compact(lines)) < 400 {
		t.Errorf("%d names, sorted %v", len(lines), slices.IsSorted(lines))
	}
	for _, line := range lines {
		name := strings.TrimSuffix(line, "\n")
		if !knownZone(name) || knownZone(name+"x") || knownZone(name[:len(name)-1]+"\x01") {
			t.Errorf("%s is not found", name)
		}
		if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") != "" {
			t.Errorf("%q needs quoting", name)
		}
	}
	archive, err := zip.OpenReader(filepath.Join(runtime.GOROOT(), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Skipf("the list is not compared with the toolchain's: %v", err)
	}
	defer archive.Close()
	for _, f := range archive.File {
		if !strings.HasSuffix(f.Name, "/") && f.Name != "Factory" && !knownZone(f.Name) {
			t.Errorf("%s is missing: run go generate", f.Name)
		}
	}
}

// TestOffsetsAreQuarters is what everyQuarter rests on.
func TestOffsetsAreQuarters(t *testing.T) {
	for line := range strings.Lines(zoneNames) {
		name := strings.TrimSuffix(line, "\n")
		loc, err := time.LoadLocation(name)
		if err != nil {
			continue // not installed here
		}
		for at := utc("2000-01-01 00:00:00"); at.Year() < 2040; at = at.AddDate(0, 0, 7) {
			if _, offset := at.In(loc).Zone(); offset%900 != 0 {
				t.Errorf("%s: offset %d", name, offset)
				break
			}
		}
	}
}

func FuzzParseCron(f *testing.F) {
	for _, s := range []string{"*/5 * * * *", "30 4 1,15 * 5", "0 0 1 jan-mar/2 7", "@daily", "0 0 */2 * 1", "0 0 30 2 1", "1-59/2 , * * *", "* * * * \xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) { roundTrip(t, ParseCron, expr) })
}

func FuzzParseCalendar(f *testing.F) {
	for _, s := range calendarEdges {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) { roundTrip(t, ParseCalendar, expr) })
}

func roundTrip(t *testing.T, parse func(string) (Schedule, error), expr string) {
	s, err := parse(expr)
	if err != nil {
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(expr) || syntax.Problem == "" || s != nil {
			t.Errorf("%q: %#v", expr, err)
		}
		return
	}
	if err := s.Impossible(); err != nil {
		t.Errorf("%q: %v", expr, err)
	}
	for _, r := range s {
		again, err := ParseCalendar(r.Calendar())
		if err != nil || len(again) != 1 || again[0] != r {
			t.Errorf("%q: %s: %v, %v", expr, r, again, err)
		}
	}
	if at, ok := s.Next(utc("2000-01-01 00:00:00"), nil); ok && !at.After(utc("2000-01-01 00:00:00")) {
		t.Errorf("%q: next is %s", expr, at)
	}
	intervals, guard, err := LaunchdIntervals(s)
	if err == nil && (len(intervals) == 0 || len(intervals) > maxIntervals || guard.Empty() != (guard.Shell() == "")) {
		t.Errorf("%q: %d intervals", expr, len(intervals))
	}
	lines, err := CronLines(s)
	for _, l := range lines {
		if _, bad := ParseCron(l.Fields()); err != nil || bad != nil {
			t.Errorf("%q: %s: %v", expr, l.Fields(), bad)
		}
	}
}

func BenchmarkParseCalendar(b *testing.B) {
	for b.Loop() {
		if _, err := ParseCalendar("Mon..Fri *-*-01..15 02,14:00/15:00 Europe/Berlin"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseCron(b *testing.B) {
	for b.Loop() {
		if _, err := ParseCron("*/5 8-18 * jan-jun 1-5"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	s, err := ParseCron("30 4 1,15 * 5")
	if err != nil {
		b.Fatal(err)
	}
	at := utc("2026-01-01 00:00:00")
	for b.Loop() {
		s.Next(at, nil)
	}
}
