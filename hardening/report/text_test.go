package report_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
	"github.com/daemonize/daemonize/spec/diag"
)

// TestText: no line but a place or a word that cannot be broken is wider than
// the terminal, colors change nothing but the color, and nothing that a
// terminal obeys comes through.
func TestText(t *testing.T) {
	for _, width := range []int{0, 40, 72, 200} {
		for _, all := range []bool{false, true} {
			plain := string(write(t, "text", report.Options{Width: width, All: all}, results(t)))
			colored := string(write(t, "text", report.Options{Width: width, All: all, Color: true}, results(t)))
			if uncolored(colored) != plain {
				t.Errorf("width %d: with colors it is\n%s\nwithout\n%s", width, colored, plain)
			}
			if !strings.Contains(colored, "\x1b[1;31m10.0") && !strings.Contains(colored, "\x1b[1;31m 10.0") {
				t.Errorf("width %d: the worst score is not red", width)
			}
			for line := range strings.Lines(plain) {
				line = strings.TrimSuffix(line, "\n")
				if diag.Printable(line) != line {
					t.Errorf("%q is not fit for a terminal", line)
				}
				if wide := diag.Width(line); wide > max(width, 80) && !strings.Contains(line, "script") && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("width %d: %d columns: %q", width, wide, line)
				}
			}
		}
	}
}

// uncolored removes what paint adds.
func uncolored(s string) string {
	for {
		before, after, ok := strings.Cut(s, "\x1b[")
		if !ok {
			return s
		}
		_, after, _ = strings.Cut(after, "m")
		s = before + after
	}
}

// TestTextOfMany: a few hundred units are a screen or two, the worst in full,
// and nothing that counts is missing.
func TestTextOfMany(t *testing.T) {
	threshold := hardening.Exposure(50)
	o := report.Options{Threshold: &threshold, FailOn: hardening.SeverityMedium}
	rs := fleet(t, 300)
	// What must not be lost among many: a grave finding of a good unit, an error.
	for i := range rs {
		if rs[i].Exposure.Rating() == "OK" {
			rs[i].Findings = append(rs[i].Findings, hardening.Finding{ID: "H010", Severity: "critical", Message: "anybody can write /opt/x", File: rs[i].Path, Line: 3, Column: 1})
			break
		}
	}
	rs = append(rs, hardening.Failed("broken.service", "broken.service", 257, errors.New("the service has no ExecStart=")))
	short := string(write(t, "text", o, rs))
	if n := strings.Count(short, "\n"); n > 170 {
		t.Errorf("301 units take %d lines", n)
	}
	for _, want := range []string{
		"301 units: 120 UNSAFE, 60 EXPOSED, 60 MEDIUM, 60 OK, 1 not audited",
		"176 findings: 1 critical, 100 high, 75 low",
		"critical  H010  anybody can write /opt/x",
		"broken.service  the service has no ExecStart=",
		"failed: 240 units are above the threshold of 5.0",
		"failed: 101 findings are medium or worse",
		"  100  H001  the service runs as root",
		"and 258 more units that are no worse",
	} {
		if !strings.Contains(short, want) {
			t.Errorf("%q is missing in\n%s", want, short)
		}
	}
	o.All = true
	all := string(write(t, "text", o, rs))
	for i := range rs {
		if strings.Count(all, " "+rs[i].Unit+"\n") != 1 {
			t.Fatalf("%s is not there once", rs[i].Unit)
		}
	}
}

func TestTextOfNothing(t *testing.T) {
	if got := string(write(t, "text", report.Options{}, nil)); got != "nothing to audit\n" {
		t.Errorf("%q", got)
	}
}
