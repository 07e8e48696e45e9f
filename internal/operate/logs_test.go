package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemonize/daemonize/generators"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLastLines compares with reading everything, at all sizes around a block.
func TestLastLines(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		var b strings.Builder
		for range rnd.IntN(40) {
			b.WriteString(strings.Repeat("x", rnd.IntN(6000)))
			b.WriteString([]string{"\n", "\n\n", "y\n"}[rnd.IntN(3)])
		}
		if round%3 == 0 {
			b.WriteString("incomplete")
		}
		text := b.String()
		write(t, name, text)
		var want []string
		if text != "" {
			want = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		}
		for _, keep := range []func(string) bool{func(string) bool { return true }, func(l string) bool { return strings.HasSuffix(l, "y") }} {
			kept := slices.DeleteFunc(slices.Clone(want), func(l string) bool { return !keep(l) })
			for _, n := range []int{0, 1, 3, 1000} {
				f, err := openLog(name)
				if err != nil {
					t.Fatal(err)
				}
				got, err := lastLines(f, n, keep)
				f.Close()
				most := kept
				if n > 0 && len(kept) > n {
					most = kept[len(kept)-n:]
				}
				if err != nil || !slices.Equal(got, most) {
					t.Fatalf("round %d, %d lines: %d lines, want %d, %v", round, n, len(got), len(most), err)
				}
			}
		}
	}
}

func TestLineTime(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for line, want := range map[string]time.Time{
		"2025-12-31T23:59:58Z hello":                 time.Date(2025, 12, 31, 23, 59, 58, 0, time.UTC),
		"2025-12-31 23:59:58,123 INFO spawned":       time.Date(2025, 12, 31, 23, 59, 58, 0, time.UTC),
		"2025/12/31 23:59:58 go logs so":             time.Date(2025, 12, 31, 23, 59, 58, 0, time.UTC),
		"[2025-12-31 23:59:58] in brackets":          time.Date(2025, 12, 31, 23, 59, 58, 0, time.UTC),
		"Jan  2 03:00:00 host web[7]: today":         time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC),
		"Dec 31 23:59:58 host web: of the last year": time.Date(2025, 12, 31, 23, 59, 58, 0, time.UTC),
		"no time": {}, "": {}, "2025": {},
	} {
		if got := lineTime(line, now); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

// manager is an operator of which only the sources matter.
type manager struct {
	generators.Operator
	sources []generators.Source
}

func (m manager) Sources(context.Context, generators.Host, generators.Target, string, generators.Query) ([]generators.Source, error) {
	return m.sources, nil
}

// programs answers by the first word.
type programs map[string]string

func (p programs) Stream(_ context.Context, argv []string, w io.Writer) error {
	text, ok := p[argv[0]]
	if !ok {
		return fmt.Errorf("cannot run %s", argv[0])
	}
	_, err := io.WriteString(w, text)
	return err
}

func daemon(sources ...generators.Source) *Daemon {
	return &Daemon{Name: "web", ctl: manager{sources: sources}, Bundle: generators.Bundle{Jobs: []generators.Job{{Name: "web"}, {Name: "web2"}}}}
}

func texts(lines []Line) []string {
	var s []string
	for _, l := range lines {
		s = append(s, l.Message)
	}
	return s
}

func TestLog(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "2026-01-01 00:00:01 one\n2026-01-01 00:00:03 three\n  goes on\n")
	write(t, b, "2026-01-01 00:00:02 two\n")
	st := programs{"journalctl": `{"__REALTIME_TIMESTAMP":"1767225600000000","MESSAGE":"plain"}
{"__REALTIME_TIMESTAMP":"1767225601000000","MESSAGE":[104,105,255]}
{"__REALTIME_TIMESTAMP":"1767225602000000","MESSAGE":null}
`, "supervisorctl": "x\ny"}
	journal, tail := generators.Source{Argv: []string{"journalctl"}, Journal: true}, generators.Source{Argv: []string{"supervisorctl"}}
	for name, tt := range map[string]struct {
		d     *Daemon
		q     generators.Query
		want  []string
		notes int
	}{
		"a file of two jobs once": {daemon(generators.Source{Path: b}), generators.Query{}, []string{"2026-01-01 00:00:02 two"}, 0},
		"place after place":       {daemon(generators.Source{Path: a}, generators.Source{Path: b}), generators.Query{Lines: 2}, []string{"  goes on", "2026-01-01 00:00:02 two"}, 0},
		"since": {daemon(generators.Source{Path: a}), generators.Query{Since: time.Date(2026, 1, 1, 0, 0, 2, 0, time.Local)},
			[]string{"2026-01-01 00:00:03 three", "  goes on"}, 0},
		"journal":          {daemon(journal), generators.Query{}, []string{"plain", "hi\uFFFD", ""}, 0},
		"supervisor":       {daemon(tail), generators.Query{Lines: 1}, []string{"y"}, 0},
		"since, no times":  {daemon(tail), generators.Query{Since: time.Now()}, []string{"x", "y"}, 1},
		"no file yet":      {daemon(generators.Source{Path: filepath.Join(dir, "none")}), generators.Query{}, nil, 1},
		"nowhere":          {daemon(), generators.Query{}, nil, 1},
		"no regular file":  {daemon(generators.Source{Path: dir}, generators.Source{Path: b}), generators.Query{}, []string{"2026-01-01 00:00:02 two"}, 1},
		"a failed program": {daemon(generators.Source{Argv: []string{"nope"}}), generators.Query{}, nil, 1},
	} {
		lines, notes, err := tt.d.Log(t.Context(), st, tt.q)
		if err != nil || !slices.Equal(texts(lines), tt.want) || len(notes) != tt.notes {
			t.Errorf("%s: %q %q %v", name, texts(lines), notes, err)
		}
	}
}

func TestSyslogTag(t *testing.T) {
	s := source{Source: generators.Source{Tag: "web"}}
	for line, want := range map[string]bool{
		"Jan  2 03:00:00 host web[7]: hello: world":         true,
		"Jan  2 03:00:00 host web: hello":                   true,
		"2026-01-02T03:00:00+00:00 host web[7]: hello":      true,
		"Jan  2 03:00:00 host web2[7]: hello":               false,
		"Jan  2 03:00:00 host kernel: something of web: no": false,
		"":         false,
		"web":      true,
		"not ours": false,
	} {
		if s.wants(line) != want {
			t.Errorf("%q", line)
		}
	}
}

// clock gives the test the moments between two looks at a file.
type clock struct{ steps chan func() }

func (clock) Now() time.Time { return time.Now() }
func (c clock) Sleep(ctx context.Context, _ time.Duration) error {
	select {
	case f, ok := <-c.steps:
		if !ok {
			return context.Canceled
		}
		f()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestFollow goes through appends, half lines, a rotation and a truncation.
func TestFollow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	write(t, name, "old 1\nold 2\n")
	add := func(text string) {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Error(err)
		}
	}
	steps := []func(){
		func() { add("new 1\nhal") },
		func() { add("f\n") },
		func() { add("last\n"); os.Rename(name, name+".1") }, // between two looks
		func() {},
		func() { add("rotated\n") },
		func() {},
		func() { os.Truncate(name, 0) },
		func() { add("cut\n") },
		func() {},
	}
	c := clock{make(chan func())}
	go func() {
		for _, s := range steps {
			c.steps <- s
		}
		close(c.steps)
	}()
	var got []string
	err := daemon(generators.Source{Path: name}).Follow(t.Context(), c, programs{}, generators.Query{Lines: 1}, func(l Line) error {
		got = append(got, l.Message)
		return nil
	})
	if want := []string{"old 2", "new 1", "half", "last", "rotated", "cut"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v", got, err)
	}

	// What cannot be printed ends it.
	err = daemon(generators.Source{Argv: []string{"x"}}).Follow(t.Context(), c, programs{"x": "1\n2\n"}, generators.Query{}, func(Line) error { return io.ErrClosedPipe })
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if err := daemon().Follow(t.Context(), c, programs{}, generators.Query{}, nil); err == nil {
		t.Error("follows nothing")
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add("a\nb", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		var got []string
		w := &splitter{line: func(b []byte) { got = append(got, string(b)) }}
		for part := range slices.Chunk([]byte(text), max(1, size%7)) {
			if n, err := w.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		w.flush()
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	})
}

func TestSumUp(t *testing.T) {
	jobs := func(states ...generators.State) (list []generators.Status) {
		for i, s := range states {
			list = append(list, generators.Status{Job: string(rune('a' + i)), State: s})
		}
		return list
	}
	both, first := []generators.Job{{Name: "a"}, {Name: "b"}}, []generators.Job{{Name: "a"}}
	for i, tt := range []struct {
		startable []generators.Job
		jobs      []generators.Status
		want      generators.State
	}{
		{both, jobs(generators.Active, generators.Active), generators.Active},
		{both, jobs(generators.Active, generators.Inactive), generators.Inactive},
		{first, jobs(generators.Active, generators.Inactive), generators.Active}, // a timer and its service
		{first, jobs(generators.Active, generators.Failed), generators.Failed},
		{both, jobs(generators.Starting, generators.Inactive), generators.Starting},
		{both, nil, generators.Unknown},
	} {
		if got := sumUp(tt.startable, tt.jobs); got != tt.want {
			t.Errorf("%d: %s, want %s", i, got, tt.want)
		}
	}
}
