package schedule

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// verdict is what systemd-analyze says of one expression.
type verdict struct {
	accepted   bool
	lost       bool // it was accepted, but systemd got lost in computing the times
	normalized string
	elapses    []time.Time
}

// systemdCalendar asks systemd-analyze about many expressions at once. TZ is
// the zone of the host.
func systemdCalendar(t *testing.T, tz string, base time.Time, n int, exprs []string) map[string]verdict {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: calendar expressions are not compared with systemd")
	}
	out := map[string]verdict{}
	for batch := range slices.Chunk(exprs, 200) {
		askSystemd(t, tz, base, n, batch, out)
	}
	return out
}

func askSystemd(t *testing.T, tz string, base time.Time, n int, batch []string, out map[string]verdict) {
	t.Helper()
	args := append([]string{"calendar", "--base-time=" + base.UTC().Format("2006-01-02 15:04:05") + " UTC",
		fmt.Sprintf("--iterations=%d", n), "--"}, batch...)
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = []string{"LC_ALL=C", "TZ=" + tz, "PATH=/usr/bin:/bin", "SYSTEMD_COLORS=0"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run() // fails when one expression does
	if stdout.Len() == 0 && stderr.Len() == 0 {
		t.Fatalf("systemd-analyze said nothing: %v", err)
	}
	refused := map[string]bool{}
	for line := range strings.Lines(stderr.String()) {
		if strings.HasPrefix(line, "Hint: ") { // it would be a timestamp
			continue
		}
		if strings.HasPrefix(line, "Infinite loop in calendar calculation") {
			// A bug of systemd; it does not say which expression it was.
			if len(batch) == 1 {
				out[batch[0]] = verdict{accepted: true, lost: true}
				return
			}
			askSystemd(t, tz, base, n, batch[:len(batch)/2], out)
			askSystemd(t, tz, base, n, batch[len(batch)/2:], out)
			return
		}
		rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "Failed to parse calendar specification '")
		if !ok {
			t.Fatalf("systemd-analyze: %s", line)
		}
		expr, _, _ := cutLast(rest, "': ")
		refused[expr] = true
	}
	var blocks []verdict
	var pending time.Time
	flush := func() {
		if !pending.IsZero() {
			b := &blocks[len(blocks)-1]
			b.elapses = append(b.elapses, pending)
		}
		pending = time.Time{}
	}
	for line := range strings.Lines(stdout.String()) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "Normalized form":
			flush()
			blocks = append(blocks, verdict{accepted: true, normalized: value})
		case key == "Next elapse" || strings.HasPrefix(key, "Iter."):
			flush()
			if value != "never" {
				pending = parseElapse(t, value)
			}
		case key == "(in UTC)":
			pending = parseElapse(t, value)
		}
	}
	flush()
	for _, expr := range batch {
		if refused[expr] {
			out[expr] = verdict{}
			continue
		}
		if len(blocks) == 0 {
			t.Fatalf("systemd-analyze did not answer for %q", expr)
		}
		out[expr], blocks = blocks[0], blocks[1:]
	}
	if len(blocks) != 0 {
		t.Fatalf("systemd-analyze answered %d times too often", len(blocks))
	}
}

// parseElapse reads "Sun 2026-11-01 05:30:00 UTC"; a local time is replaced by
// the line in UTC that follows it.
func parseElapse(t *testing.T, s string) time.Time {
	t.Helper()
	f := strings.Fields(s)
	if len(f) != 4 {
		t.Fatalf("unexpected time %q", s)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", f[1]+" "+f[2], time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no zone data for %s: %v", name, err)
	}
	return loc
}

func utc(s string) time.Time {
	at, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		panic(err)
	}
	return at
}

// calendarCorpus makes expressions that are mostly near the edge of validity.
func calendarCorpus(rng *rand.Rand, n int) []string {
	pick := func(s ...string) string { return s[rng.IntN(len(s))] }
	number := func(lo, hi int) string {
		v := lo + rng.IntN(hi-lo+1)
		switch rng.IntN(50) {
		case 0:
			v = lo - 1
		case 1:
			v = hi + 1
		case 2, 3, 4:
			v = hi
		case 5, 6, 7:
			v = lo
		}
		if v < 0 {
			return "-1"
		}
		return fmt.Sprintf(pick("%d", "%02d", "%02d", "%02d", "%03d"), v)
	}
	item := func(lo, hi int) string {
		switch rng.IntN(6) {
		case 0:
			return number(lo, hi) + ".." + number(lo, hi)
		case 1:
			return number(lo, hi) + "/" + number(1, (hi-lo)/2)
		case 2:
			return number(lo, hi) + ".." + number(lo, hi) + "/" + number(1, 9)
		}
		return number(lo, hi)
	}
	chain := func(lo, hi int) string {
		if rng.IntN(3) == 0 {
			return "*"
		}
		items := []string{item(lo, hi)}
		for rng.IntN(3) == 0 {
			items = append(items, item(lo, hi))
		}
		return strings.Join(items, ",")
	}
	day := func() string {
		return pick("Mon", "Tue", "wed", "THU", "Friday", "Saturday", "Sun", "Wednesday")
	}
	weekdays := func() string {
		s := day()
		for rng.IntN(2) == 0 {
			s += pick(",", ",", "..", "-", ".") + day()
		}
		return s + pick("", "", "", ",", "..")
	}
	date := func() string {
		s := ""
		if rng.IntN(2) == 0 {
			s = chain(pick2(rng, 1970, 2024), pick2(rng, 2035, 2199)) + "-"
			if rng.IntN(5) == 0 {
				s = chain(0, 99) + "-"
			}
		}
		if rng.IntN(4) == 0 {
			return s + chain(1, 12) + "~" + chain(1, 28)
		}
		return s + chain(1, 12) + "-" + chain(1, 31)
	}
	clock := func() string {
		s := chain(0, 23) + ":" + chain(0, 59)
		if rng.IntN(2) == 0 {
			s += ":" + chain(0, 59)
		}
		return s
	}
	var out []string
	for len(out) < n {
		var words []string
		if rng.IntN(3) == 0 {
			words = append(words, weekdays())
		}
		if rng.IntN(3) != 0 {
			words = append(words, date())
		}
		if rng.IntN(3) != 0 {
			words = append(words, clock())
		}
		if rng.IntN(12) == 0 {
			words = []string{pick("minutely", "HOURLY", "daily", "weekly", "monthly", "quarterly", "Semiannually", "yearly", "annually", "anually", "bi-annually", "fortnightly")}
		}
		if rng.IntN(5) == 0 {
			words = append(words, pick("UTC", "utc", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "europe/berlin", "Nowhere/City", "UTC UTC"))
		}
		s := strings.Join(words, pick(" ", " ", " ", " ", "  "))
		if len(s) > 0 && rng.IntN(12) == 0 { // break it
			i := rng.IntN(len(s))
			s = s[:i] + pick("", " ", "*", "/", "..", ",", "-", "~", ":", "0", "a") + s[i+rng.IntN(2):]
		}
		if s == "" || strings.HasPrefix(s, "-") || slices.Contains(out, s) {
			continue
		}
		out = append(out, s)
	}
	return out
}

func pick2(rng *rand.Rand, a, b int) int {
	if rng.IntN(2) == 0 {
		return a
	}
	return b
}

// stricter reports whether ParseCalendar refuses an expression on purpose.
func stricter(err error) bool {
	return strings.Contains(err.Error(), "no such date ever comes") ||
		strings.Contains(err.Error(), "fractions are not supported")
}

// TestCalendarAgainstSystemd holds the parser against the real thing: the
// same expressions are accepted, and those elapse at the same times.
func TestCalendarAgainstSystemd(t *testing.T) {
	const runs = 5
	base := utc("2026-02-26 12:34:56")
	accepted, refused, compared := 0, 0, 0
	corpus := corpus()
	verdicts := systemdCalendar(t, "UTC", base, runs, corpus)
	for _, expr := range corpus {
		v := verdicts[expr]
		s, err := ParseCalendar(expr)
		switch {
		case err != nil && v.accepted && !stricter(err):
			t.Errorf("%q: refused (%v), systemd reads %s", expr, err, v.normalized)
		case err == nil && !v.accepted && s[0].FromEnd != 0 && s[0].FromEnd.Len() > 1:
			// systemd's limit on lists; TestCanonicalAgainstSystemd shows
			// that it takes our spelling.
		case err == nil && !v.accepted:
			t.Errorf("%q: read as %s, systemd refuses it", expr, s[0])
		case err == nil:
			accepted++
			got := s.Upcoming(base, runs, nil)
			if !v.lost && !slices.EqualFunc(got, v.elapses, time.Time.Equal) {
				t.Errorf("%q (%s):\n got %v\nwant %v", expr, v.normalized, got, v.elapses)
			}
			compared += len(got)
		default:
			refused++
		}
	}
	t.Logf("%d accepted, %d refused, %d elapses equal", accepted, refused, compared)
	if accepted < 1000 || refused < 500 || compared < 5000 {
		t.Errorf("the corpus is one-sided: %d accepted, %d refused, %d elapses", accepted, refused, compared)
	}
}

// TestCanonicalAgainstSystemd shows that systemd takes what Rule.Calendar
// writes and elapses when Next says, also where the clocks change. (The
// original expressions are no measure here: see Rule.Calendar.)
func TestCanonicalAgainstSystemd(t *testing.T) {
	const runs = 5
	var canonical []string
	for _, expr := range corpus() {
		if s, err := ParseCalendar(expr); err == nil {
			canonical = append(canonical, s[0].Calendar())
		}
	}
	slices.Sort(canonical)
	canonical = slices.Compact(canonical)
	for _, c := range []struct {
		tz   string
		base time.Time
	}{
		{"UTC", utc("2026-02-26 12:34:56")},
		{"America/New_York", utc("2026-03-07 20:00:00")}, // clocks go forward on 8 March
		{"America/New_York", utc("2026-10-31 22:30:00")}, // and back on 1 November
		{"America/New_York", utc("2026-03-08 06:58:30")},
		{"America/New_York", utc("2026-11-01 05:58:30")},
		{"Australia/Lord_Howe", utc("2026-04-03 20:00:00")}, // back by half an hour
		{"Australia/Lord_Howe", utc("2026-10-02 20:00:00")}, // forward by half an hour
		{"Africa/Cairo", utc("2026-04-22 20:00:00")},        // forward at midnight
		{"Asia/Kathmandu", utc("2027-12-30 20:00:00")},
	} {
		t.Run(strings.ReplaceAll(c.tz, "/", "_")+c.base.Format("_2006-01-02"), func(t *testing.T) {
			loc := location(t, c.tz)
			compared, lost := 0, 0
			for expr, v := range systemdCalendar(t, c.tz, c.base, runs, canonical) {
				if !v.accepted {
					t.Errorf("systemd refuses our own %q", expr)
					continue
				}
				if v.lost {
					lost++
					continue
				}
				s, err := ParseCalendar(expr)
				if err != nil {
					t.Fatal(err)
				}
				got := s.Upcoming(c.base, runs, loc)
				if !slices.EqualFunc(got, v.elapses, time.Time.Equal) {
					t.Errorf("%q (%s):\n got %v\nwant %v", expr, v.normalized, got, v.elapses)
				}
				compared += len(got)
			}
			t.Logf("%d expressions, %d elapses equal, systemd lost in %d", len(canonical), compared, lost)
			if compared < 4000 || lost > 0 {
				t.Errorf("only %d elapses compared, systemd lost in %d", compared, lost)
			}
		})
	}
}

func corpus() []string {
	corpus := append(calendarCorpus(rand.New(rand.NewPCG(1, 2)), 4000), calendarEdges...)
	slices.Sort(corpus)
	return slices.Compact(corpus)
}

// calendarEdges are expressions on whose meaning versions and readers differ.
var calendarEdges = []string{
	"*-*-1..3/5", "*:50/10", "*:5..5/2", "*:5..5", "*:*:5..5", "*:*:5..5/1", "*-*~28", "*-*~29", "*-*~7/2", "*-*~1..5/3",
	"*-*~5..1", "26..28-*-*", "2200-1-1", "*-*~*", "*~1", "*~1..1", "*-02~1/2", "*-*~3/3", "12:00:30/30",
	"12:00:29/30", "12:00:59/1", "12:00:0/60", "12:00:0/59", "Mon-Fri", "mon,", "Mon,, 12:00", "Mon..Fri,", "Sun..Mon",
	"Mon..Mon", "*", "*-*", "5-5", "12:00 ", " 12:00", "*-*-* ", "5", "5:", "Mon12:00", "Mon  12:00", "99..01-*-*",
	"2026/200-*-*", "0-1-1", "Mon..Wed..Fri", "Mon-Wed-Fri", "*-*-*T12:00", "24:00", "12:60", "12:00:60", "+5:00", "005:000",
	"*:*:*", "0,19/3:00", "1,20/6-1 00:00", "*-1,20/6", "*-1-1,20/6", "*:2,50/7", "12:00  UTC", "daily utc", " UTC", "UTC",
	"*-*-01..99/31", "*-*-5..99/100", "*/2:00", "*-*/2-*", "*,5:00", "5,*:00", "*-02-29", "Mon *-02-29", "*-*-31 02:30",
	"02:30", "01:30", "*:0/15", "*:*", "00:00", "00:30", "Sun 02:15", "*-*-* 02:00,15,30,45", "2026..2199/7-*-*", "2196/3-02-29",
	"1970..2199-*-*", "1970/1-*-*", "12:00 America/New_York", "*:00,30 America/New_York", "02:30 America/New_York", "12:00 Etc/GMT+5",
	"Fri *-*-13 13:13:13", "*-*~01 23:59:59", "2024..2028-02~1 12:00", "Mon *-05~07/1",
	strings.Repeat("1,", 240) + "1:00", strings.Repeat("1,", 241) + "1:00",
}
