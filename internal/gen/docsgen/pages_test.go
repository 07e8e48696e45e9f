package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

const docs = "../../../docs"

// TestCurrent fails when a generated page is not what docsgen writes, or is
// left over.
func TestCurrent(t *testing.T) {
	pages, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	again, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, p := range pages {
		names = append(names, p.name)
		if !bytes.Equal(p.text, again[i].text) {
			t.Errorf("%s differs from run to run", p.name)
		}
		have, err := os.ReadFile(filepath.Join(docs, p.name))
		if err != nil {
			t.Errorf("cannot read page (make it with `make generate`): %v", err)
			continue
		}
		if !bytes.Equal(have, p.text) {
			t.Errorf("docs/%s is stale: run `make generate`", p.name)
		}
	}
	files, err := filepath.Glob(docs + "/*.*") // pages, not folders
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(text, []byte(header)) && !slices.Contains(names, filepath.Base(file)) {
			t.Errorf("%s is no longer generated: remove it", file)
		}
	}
}

// TestComplete looks for every field and every code in the pages that list
// them, and for a target of every link within them.
func TestComplete(t *testing.T) {
	pages, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for _, p := range pages {
		text[p.name] = string(p.text)
	}
	for _, id := range field.All() {
		if !strings.Contains(text["reference.md"], "\n### "+id.String()+"\n") {
			t.Errorf("reference.md lacks %s", id)
		}
		if !strings.Contains(text["support-matrix.md"], "\n| ["+id.String()+"](") {
			t.Errorf("support-matrix.md lacks %s", id)
		}
	}
	for _, c := range diag.Codes() {
		if !strings.Contains(text["diagnostics.md"], "\n### "+string(c.Code)+": ") {
			t.Errorf("diagnostics.md lacks %s", c.Code)
		}
	}
	heading := regexp.MustCompile(`(?m)^##+ (.*)$`)
	link := regexp.MustCompile(`\]\(([a-z.-]*)(#[^)]*)\)`)
	anchors := map[string][]string{}
	for name, page := range text {
		for _, m := range heading.FindAllStringSubmatch(page, -1) {
			anchors[name] = append(anchors[name], anchor(m[1]))
		}
	}
	for name, page := range text {
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			target := m[1]
			if target == "" {
				target = name
			}
			if !slices.Contains(anchors[target], m[2]) {
				t.Errorf("%s links to %s%s, which is nowhere", name, target, m[2])
			}
		}
	}
}

// TestProfileScores asks systemd 252 for the scores that the reference quotes.
func TestProfileScores(t *testing.T) {
	version, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil {
		t.Skip("systemd-analyze is not installed: the scores of profiles are not checked")
	}
	if !bytes.HasPrefix(version, []byte("systemd 252 ")) {
		t.Skipf("the scores are those of systemd 252, and this is %q", strings.SplitN(string(version), "\n", 2)[0])
	}
	overall := regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+) `)
	for _, s := range scores {
		unit, err := profileUnit(s.profile)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "sample.service")
		if err := os.WriteFile(file, unit, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", file).CombinedOutput()
		if err != nil {
			t.Fatalf("systemd-analyze: %v\n%s", err, out)
		}
		m := overall.FindSubmatch(out)
		if m == nil {
			t.Fatalf("no score in\n%s", out)
		}
		if string(m[1]) != s.score {
			t.Errorf("profile %s scores %s, the reference says %s", s.profile, m[1], s.score)
		}
	}
}

// TestRules looks for every rule of the audit in its page.
func TestRules(t *testing.T) {
	page := string(rules())
	for _, r := range rule.Rules() {
		if !strings.Contains(page, "\n### "+r.ID+": ") {
			t.Errorf("docs/rules.md lacks %s", r.ID)
		}
	}
	if n := strings.Count(page, "\n## "); n != 11 {
		t.Errorf("docs/rules.md has %d sections", n)
	}
}
