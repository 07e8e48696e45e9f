package crond

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
)

func decode(t testing.TB, doc string) *spec.Daemon {
	t.Helper()
	ds, diags := spec.Decode("test.yaml", []byte("version: 1\nname: web\ncommand: [/usr/bin/web]\n"+doc))
	if diags.HasErrors() || len(ds) != 1 {
		t.Fatalf("%v\n%s", diags, doc)
	}
	return ds[0]
}

var target = generators.Target{Backend: "supervisord", Version: 4*generators.Major + 2}

func render(t testing.TB, doc string, jobs ...Job) (generators.Bundle, string, int) {
	t.Helper()
	if len(jobs) == 0 {
		jobs = []Job{{"web", []string{"/bin/start", "web"}}}
	}
	var b generators.Bundle
	losses := Render(decode(t, doc), target, &b, jobs)
	for _, a := range b.Artifacts {
		if a.Path == "/etc/cron.d/web" {
			return b, string(a.Content), len(losses)
		}
	}
	t.Fatal("no file")
	return b, "", 0
}

// entry is a line of cron.d as crontab(5) and cron's entry.c describe it.
type entry struct{ time, user, command, stdin string }

// parse is an own reading of the file: environment settings, then entries.
func parse(t testing.TB, content string) []entry {
	t.Helper()
	if !strings.HasSuffix(content, "\n") {
		t.Error("the last line has no newline: cron ignores it")
	}
	var out []entry
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); ok && !strings.ContainsAny(name, " */@") {
			continue
		}
		fields := 5
		if line[0] == '@' {
			fields = 1
		}
		var e entry
		rest := line
		for i := range fields + 1 {
			word, after, ok := strings.Cut(rest, " ")
			if !ok {
				t.Fatalf("too few fields: %q", line)
			}
			rest = after
			if i < fields {
				e.time = strings.TrimSpace(e.time + " " + word)
			} else {
				e.user = word
			}
		}
		// cron.c, child_process: the first bare % ends the command, \% is %.
		var b strings.Builder
		for i := 0; i < len(rest); i++ {
			switch {
			case rest[i] == '\\' && i+1 < len(rest) && rest[i+1] == '%':
				b.WriteByte('%')
				i++
			case rest[i] == '%':
				e.stdin = rest[i+1:]
				i = len(rest)
			default:
				b.WriteByte(rest[i])
			}
		}
		e.command = b.String()
		out = append(out, e)
	}
	return out
}

func TestLines(t *testing.T) {
	const plain = "/usr/bin/flock --nonblock /run/daemonize-web.lock /bin/start web"
	for _, c := range []struct {
		timer, time, script string
		lines               int
	}{
		{"{cron: '0 3 * * *'}", "0 3 * * *", "", 1},
		{"{cron: '*/5 8-18 * * 1-5'}", "*/5 8-18 * * 1-5", "", 1},
		{"{cron: '30 4 1,15 * 5'}", "30 4 1,15 * 5", "", 1},
		{"{calendar: '*-*-* 02:30:00'}", "30 2 * * *", "", 1},
		{"{calendar: 'Mon *-*-13 00:00:00'}", "0 0 13 * *", "/usr/lib/daemonize/web/timer-1", 1},
		{"{every: 15m}", "*/15 * * * *", "", 1},
		{"{every: 1d}", "0 0 * * *", "", 1},
		{"{every: 7m}", "* * * * *", "/usr/lib/daemonize/web/timer-1", 1},
		{"{on_boot: 2m}", "@reboot", "/usr/lib/daemonize/web/timer-1", 1},
		{"{cron: '0 3 * * *', jitter: 5m}", "0 3 * * *", "/usr/lib/daemonize/web/timer-1", 1},
		{"{cron: '0 3 * * *', timezone: Europe/Berlin}", "0,15,30,45 * * * *", "/usr/lib/daemonize/web/timer-1", 1},
	} {
		t.Run(c.timer, func(t *testing.T) {
			b, content, losses := render(t, "timers: ["+c.timer+"]")
			if losses > 0 {
				t.Errorf("%d losses", losses)
			}
			entries := parse(t, content)
			if len(entries) != c.lines {
				t.Fatalf("%d lines\n%s", len(entries), content)
			}
			want := plain
			if c.script != "" {
				want = c.script + " web " + plain
				if len(b.Artifacts) != 1+c.lines {
					t.Errorf("%d files", len(b.Artifacts))
				}
			}
			if e := entries[0]; c.time != "0,15,30,45 * * * *" && c.lines == 1 && e.time != c.time || e.user != "root" || e.command != want || e.stdin != "" {
				t.Errorf("%+v\nwant %s %s", e, c.time, want)
			}
		})
	}
}

// TestSeveral: each line of a timer has its own condition.
func TestSeveral(t *testing.T) {
	b, content, _ := render(t, "timers: [{calendar: '*-*~01 00:00:00', name: last}]")
	entries := parse(t, content)
	if len(entries) != 3 || entries[0].time != "0 0 31 1,3,5,7,8,10,12 *" || !strings.HasPrefix(entries[0].command, "/usr/bin/flock ") {
		t.Fatalf("%+v", entries)
	}
	if e := entries[2]; !strings.HasPrefix(e.command, "/usr/lib/daemonize/web/timer-last.") || len(b.Artifacts) != 2 || !strings.HasPrefix(e.command, b.Artifacts[0].Path+" ") {
		t.Errorf("%+v\n%s", entries, content)
	}
}

func TestLosses(t *testing.T) {
	for _, timer := range []string{"{every: 90s}", "{calendar: '*-*-* 00:00:30'}"} {
		_, content, losses := render(t, "timers: ["+timer+"]")
		if losses != 1 || len(parse(t, content)) != 0 {
			t.Errorf("%s: %d losses\n%s", timer, losses, content)
		}
	}
}

// TestAccepted asks cron itself about each line, without the user, which only
// cron.d has.
func TestAccepted(t *testing.T) {
	flag := "-T" // cronie
	if out, _ := exec.Command("crontab", "-h").CombinedOutput(); strings.Contains(string(out), "-n\t") || strings.Contains(string(out), "-n ") {
		flag = "-n" // Debian
	}
	good := filepath.Join(t.TempDir(), "good")
	if err := os.WriteFile(good, []byte("0 3 * * * true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("crontab", flag, good).CombinedOutput(); err != nil {
		t.Skipf("crontab cannot test files here: %v %s", err, out)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("0 33 * * * true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("crontab", flag, bad).Run(); err == nil {
		t.Skip("crontab finds no fault with anything")
	}
	_, content, _ := render(t, "timers: [{cron: '*/7 3 1-5 1,2 1'}, {every: 2h, name: two}, {on_boot: 1m, name: boot}, {calendar: 'Sat *-*~03 12:00:00', name: x}]",
		Job{"web", []string{"/bin/start", "50%", "it's"}})
	file := filepath.Join(t.TempDir(), "crontab")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(content, " root ", " ")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("crontab", flag, file).CombinedOutput(); err != nil {
		t.Errorf("%v %s\n%s", err, out, content)
	}
}

// TestCommand runs what cron would hand to the shell.
func TestCommand(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for the lock in /run")
	}
	job := "crontest" + strconv.Itoa(os.Getpid())
	t.Cleanup(func() { os.Remove("/run/daemonize-" + job + ".lock") })
	var want []string
	argv := []string{"/usr/bin/printf", "%s\\0"}
	for _, h := range gentest.Hostile() {
		if !strings.Contains(h, "\n") {
			want = append(want, h)
			argv = append(argv, h)
		}
	}
	_, content, _ := render(t, "timers: [{cron: '0 3 * * *'}]", Job{job, argv})
	e := parse(t, content)[0]
	if e.stdin != "" {
		t.Fatalf("cron cuts the command: %q", e.stdin)
	}
	out, err := exec.Command("/bin/sh", "-c", e.command).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(want, "\x00") + "\x00"; string(out) != got {
		t.Errorf("got %q\nwant %q", out, got)
	}
}

// TestOverlap: while a run lasts no other begins.
func TestOverlap(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for the lock in /run")
	}
	job := "crontest" + strconv.Itoa(os.Getpid())
	t.Cleanup(func() { os.Remove("/run/daemonize-" + job + ".lock") })
	_, content, _ := render(t, "timers: [{cron: '0 3 * * *'}]", Job{job, []string{"/bin/sh", "-c", "echo begun; cat"}})
	e := parse(t, content)[0]
	first := exec.Command("/bin/sh", "-c", e.command)
	in, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if second, err := exec.Command("/bin/sh", "-c", e.command).Output(); err == nil || len(second) > 0 {
		t.Errorf("a second run began: %v %q", err, second)
	}
	in.Close()
	first.Wait()
}

// TestUneven: an interval that cron does not have is measured by the script.
func TestUneven(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for the stamp in /run")
	}
	job := "crontest" + strconv.Itoa(os.Getpid())
	stamp := "/run/daemonize-" + job + ".odd.stamp"
	t.Cleanup(func() { os.Remove(stamp) })
	b, _, _ := render(t, "timers: [{every: 7m, name: odd}]")
	path := filepath.Join(t.TempDir(), "timer")
	if err := os.WriteFile(path, b.Artifacts[0].Content, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sh := range [][]string{{"dash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(sh[0]); err != nil {
			t.Logf("not run: %v", err)
			continue
		}
		os.Remove(stamp)
		run := func() string {
			out, err := exec.Command(sh[0], append(sh[1:], path, job, "/bin/echo", "ran it")...).CombinedOutput()
			if err != nil {
				t.Errorf("%v %s", err, out)
			}
			return string(out)
		}
		if out := run(); out != "" {
			t.Errorf("ran at once: %q", out)
		}
		if out := run(); out != "" {
			t.Errorf("ran too early: %q", out)
		}
		now, _ := os.ReadFile(stamp)
		begun, err := strconv.Atoi(strings.TrimSpace(string(now)))
		if err != nil || begun%60 != 0 {
			t.Fatalf("stamp %q", now)
		}
		if err := os.WriteFile(stamp, []byte(strconv.Itoa(begun-7*60)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if out := run(); out != "ran it\n" {
			t.Errorf("did not run: %q", out)
		}
		if out := run(); out != "" {
			t.Errorf("ran twice: %q", out)
		}
	}
}

// TestJitter: random within the bound, and the same each time when fixed.
func TestJitter(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		b, _, _ := render(t, "timers: [{cron: '0 3 * * *', jitter: 1h, fixed_jitter: "+strconv.FormatBool(fixed)+"}]")
		// Say how long instead of sleeping.
		source := strings.Replace(string(b.Artifacts[0].Content), "\nsleep ", "\necho ", 1)
		path := filepath.Join(t.TempDir(), "timer")
		if err := os.WriteFile(path, []byte(source), 0o755); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for range 4 {
			out, err := exec.Command("/bin/sh", path, "web", "/bin/true").Output()
			n, parseErr := strconv.Atoi(strings.TrimSpace(string(out)))
			if err != nil || parseErr != nil || n < 0 || n > 3600 {
				t.Fatalf("%v %q", err, out)
			}
			seen[string(out)] = true
		}
		if fixed && len(seen) != 1 {
			t.Errorf("fixed: %v", seen)
		}
		if !fixed && len(seen) < 2 {
			t.Errorf("random: %v", seen) // the same four times in a row: once in 46 thousand million
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, h := range gentest.Hostile() {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\x00\n") {
			return // no line can hold it
		}
		line := "* * * * * root " + escape(shell.Join([]string{"/bin/x", s})) + "\n"
		e := parse(t, line)
		if len(e) != 1 || e[0].stdin != "" || e[0].command != shell.Join([]string{"/bin/x", s}) {
			t.Errorf("%q: %+v", line, e)
		}
	})
}
