package schedule

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guardOf returns the guard of the launchd translation or, where there is
// none, one that tests every field.
func guardOf(t *testing.T, s Schedule) Guard {
	t.Helper()
	_, g, err := LaunchdIntervals(s)
	if err != nil {
		t.Fatal(err)
	}
	if g.Empty() {
		g = newGuard(s)
	}
	return g
}

var guardCases = [][]string{
	{"Mon *-*-01..07 05:30"},
	{"*-02-29 12:00"},
	{"*-*~01 00:00"},
	{"*-02~01..03 00:00"},
	{"*-*~28 00:00"},
	{"2027,2030..2199/3-*-* 12:00"},
	{"2026,2028-02~01 12:00"},
	{"*-*-* 02:30 America/New_York"},
	{"Sun *-*~01..07 *:00/5 Asia/Kathmandu"},
	{"*-*-08,09 08,09:08,09 Etc/GMT-14"},
	{"*-*-31 *:* UTC"},
	{"Fri 04:30", "Mon *-01-01 05:00"},
	{"Fri *-*~02 04:30", "Mon *-01,12-08 04:30"},
	{"Sat 04:*", "*-*-* *:00,17 Australia/Lord_Howe", "*-*~01 23:59 America/New_York"},
}

// TestGuardShell runs the fragments in real shells, with a date that shows
// any moment and refuses whatever is not POSIX.
func TestGuardShell(t *testing.T) {
	dir := t.TempDir()
	for name, date := range map[string]string{"gnu": "/bin/date", "busybox": "busybox date"} {
		fake := "#!/bin/sh\ncase $#$1 in 1+*) ;; *) echo \"date: not portable: $*\" >&2; exit 1 ;; esac\nexec " + date + " -d \"@$FAKE\" \"$1\"\n"
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "date"), []byte(fake), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, shell := range [][]string{{"gnu", "dash"}, {"gnu", "bash"}, {"busybox", "busybox", "sh"}} {
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell[1]); err != nil {
				t.Skipf("%s is not installed", shell[1])
			}
			if exec.Command("date", "-d", "@0").Run() != nil {
				t.Skip("the date command cannot be made to show another time here")
			}
			host := location(t, "Europe/Berlin")
			for _, exprs := range guardCases {
				var s Schedule
				for _, e := range exprs {
					s = append(s, parseAny(t, e)...)
				}
				g := guardOf(t, s)
				var instants []time.Time
				for _, r := range g.rules {
					// Around what is due, and the same moment some days off.
					r.Seconds = SetOf(0)
					for _, at := range (Schedule{r}).Upcoming(utc("2026-02-25 00:00:00"), 3, host) {
						for _, off := range []time.Duration{0, -time.Minute, 59 * time.Second, time.Minute, time.Hour, -24 * time.Hour, 24 * time.Hour, 31 * 24 * time.Hour} {
							instants = append(instants, at.Add(off))
						}
					}
				}
				for at := utc("2027-12-25 08:08:00"); at.Before(utc("2028-03-04 00:00:00")); at = at.Add(53*time.Hour + 13*time.Minute) {
					instants = append(instants, at)
				}
				instants = append(instants, utc("2028-02-28 22:59:00"), utc("2028-02-29 11:00:00"), utc("2100-02-28 11:00:00"), utc("2100-03-01 11:00:00"), utc("2028-01-08 09:09:00"))
				var script strings.Builder
				script.WriteString("set -eu\n")
				for _, at := range instants {
					fmt.Fprintf(&script, "(export FAKE=%d\n%secho $FAKE\n)\n", at.Unix(), g.Shell())
				}
				cmd := exec.Command(shell[1], append(shell[2:len(shell):len(shell)], "-s")...)
				cmd.Env = []string{"TZ=Europe/Berlin", "LC_ALL=C.UTF-8", "PATH=" + filepath.Join(dir, shell[0]) + ":/usr/bin:/bin"}
				cmd.Stdin = strings.NewReader(script.String())
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %v\n%s", exprs, err, out)
				}
				passed := map[string]bool{}
				for line := range strings.Lines(string(out)) {
					passed[strings.TrimSpace(line)] = true
				}
				held := 0
				for _, at := range instants {
					want := g.Holds(at, host)
					if want {
						held++
					}
					if passed[fmt.Sprint(at.Unix())] != want {
						t.Errorf("%v at %s: the script says %v\n%s", exprs, at.In(host), !want, g.Shell())
					}
				}
				if held == 0 || held == len(instants) {
					t.Errorf("%v: holds %d times of %d: nothing is tested", exprs, held, len(instants))
				}
			}
		})
	}
}

func TestGuardShellFailures(t *testing.T) {
	run := func(fragment string, env ...string) (string, error) {
		cmd := exec.Command("/bin/sh", "-euc", fragment+"echo went on")
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if (Guard{}).Shell() != "" {
		t.Error("an empty guard has a script")
	}
	zoned := guardOf(t, parseAny(t, "12:00 Asia/Tokyo")).Shell()
	missing := strings.ReplaceAll(zoned, "Asia/Tokyo", "Asia/Atlantis")
	if out, err := run(missing, "PATH=/usr/bin:/bin"); err == nil || out != "time zone Asia/Atlantis is not installed\n" {
		t.Errorf("missing zone: %v, %q", err, out)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "date"), []byte("#!/bin/sh\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	daily := guardOf(t, parseAny(t, "Mon *-*-01 12:00")).Shell()
	if out, err := run(daily, "PATH="+dir); err == nil || out != "" {
		t.Errorf("failing date: %v, %q", err, out)
	}
	if cmd, err := exec.LookPath("shellcheck"); err != nil {
		t.Log("shellcheck is not installed: the fragments are not linted")
	} else {
		for _, exprs := range guardCases {
			var s Schedule
			for _, e := range exprs {
				s = append(s, parseAny(t, e)...)
			}
			check := exec.Command(cmd, "-s", "sh", "-")
			check.Stdin = strings.NewReader("#!/bin/sh\n" + guardOf(t, s).Shell())
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", exprs, out)
			}
		}
	}
}
