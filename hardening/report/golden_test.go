package report_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
	"github.com/daemonize/daemonize/internal/golden"
)

// TestGolden has every format of one of everything.
func TestGolden(t *testing.T) {
	threshold := hardening.Exposure(90)
	limits := report.Options{Threshold: &threshold, FailOn: hardening.SeverityHigh}
	for name, f := range map[string]struct {
		format string
		o      report.Options
	}{
		"plain.txt":    {"text", report.Options{}},
		"limits.txt":   {"text", limits},
		"narrow.txt":   {"text", report.Options{Width: 50}},
		"all.txt":      {"text", report.Options{Width: 120, All: true}},
		"color.txt":    {"text", report.Options{Color: true}},
		"report.json":  {"json", limits},
		"report.sarif": {"sarif", limits},
		"report.md":    {"markdown", limits},
		"gitlab.json":  {"gitlab", limits},
		"report.html":  {"html", limits},
	} {
		t.Run(name, func(t *testing.T) {
			got := write(t, f.format, f.o, results(t))
			if f.format == "html" { // style and script are files of their own
				got = without(without(got, "<style>", "</style>"), "<script>'use strict'", "</script>")
			}
			golden.Compare(t, "testdata/"+name, got)
		})
	}
}

// TestOrder: what is sorted does not depend on the order in which units come.
func TestOrder(t *testing.T) {
	for _, format := range []string{"text", "markdown", "html"} {
		rs := append(results(t), fleet(t, 40)...)
		first := write(t, format, report.Options{}, rs)
		slices.Reverse(rs)
		if !bytes.Equal(first, write(t, format, report.Options{}, rs)) {
			t.Errorf("%s: another order of units gives another report", format)
		}
	}
}

// without leaves out what stands between two tags.
func without(page []byte, from, to string) []byte {
	before, after, _ := bytes.Cut(page, []byte(from))
	_, after, _ = bytes.Cut(after, []byte(to))
	return slices.Concat(before, []byte(from+"..."+to), after)
}

func TestFormats(t *testing.T) {
	for _, f := range report.Formats() {
		if _, err := report.New(f, nil, report.Options{}); err != nil {
			t.Error(err)
		}
	}
	if _, err := report.New("pdf", nil, report.Options{}); err == nil || !strings.Contains(err.Error(), "text, json, sarif") {
		t.Errorf("pdf: %v", err)
	}
}

// TestWriteErrors: a full disk is noticed.
func TestWriteErrors(t *testing.T) {
	for _, f := range report.Formats() {
		w, err := report.New(f, full{}, report.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results(t) {
			if err = w.Unit(&r); err != nil && i == 0 {
				break
			}
		}
		if closed := w.Close(); err == nil && closed == nil {
			t.Errorf("%s: nobody notices that nothing was written", f)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, bytes.ErrTooLarge }

// BenchmarkWriters measures the cost of a unit in each format.
func BenchmarkWriters(b *testing.B) {
	rs := fleet(b, 200)
	for _, format := range report.Formats() {
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				write(b, format, report.Options{}, rs)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(rs)), "µs/unit")
		})
	}
}
