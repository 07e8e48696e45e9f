package daemonize_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/golden"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// TestGolden renders every testdata/golden/CASE/daemon.yaml for all backends,
// or for the targets that CASE/targets lists, and compares the files, at their
// real target paths, and the report with what is kept there.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/golden/*/daemon.yaml")
	if err != nil || len(cases) < 14 {
		t.Fatalf("found %d golden cases: %v", len(cases), err)
	}
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{"daemon.yaml": src}
			daemons, found := spec.Decode("daemon.yaml", src)
			if found.HasErrors() || len(daemons) == 0 {
				t.Fatalf("invalid case: %v", found)
			}
			targets, list := goldenTargets(t, dir)
			if list != nil {
				files["targets"] = list
			}
			for _, target := range targets {
				report := append(diag.List(nil), found...)
				for _, d := range daemons {
					b, diags, err := daemonize.Render(d, target, generators.Policy{})
					if err != nil {
						t.Fatal(err)
					}
					report = append(report, diags...)
					for _, a := range b.Artifacts {
						files[goldenDir(target)+"/"+strings.TrimPrefix(a.Path, "/")] = a.Content
					}
					for _, a := range b.Artifacts {
						if a.Mode != 0o644 || a.Owner != "" || a.Group != "" {
							report = append(report, diag.Diagnostic{Code: "mode", Severity: diag.Note, Summary: fmt.Sprintf("%s has mode %04o %s", a.Path, a.Mode, strings.Trim(a.Owner+":"+a.Group, ":"))})
						}
					}
				}
				report.Sort()
				var text bytes.Buffer
				diag.Render(&text, generators.Condense(report), func(string) []byte { return src }, false)
				files[goldenDir(target)+".report"] = text.Bytes()
			}
			golden.Tree(t, dir, files)
		})
	}
}

// TestEveryField keeps the case every-field complete.
func TestEveryField(t *testing.T) {
	src, err := os.ReadFile("testdata/golden/every-field/daemon.yaml")
	if err != nil {
		t.Fatal(err)
	}
	daemons, diags := spec.Decode("daemon.yaml", src)
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	for _, id := range field.All() {
		if !slices.ContainsFunc(daemons, func(d *spec.Daemon) bool { return d.IsSet(id) && !d.FromProfile(id) }) {
			t.Errorf("%s is not in the case", id)
		}
	}
}

// goldenTargets reads CASE/targets: one target a line, with " (user)" behind
// those in the user scope.
func goldenTargets(t *testing.T, dir string) ([]generators.Target, []byte) {
	t.Helper()
	var targets []generators.Target
	list, err := os.ReadFile(filepath.Join(dir, "targets"))
	if err != nil {
		for _, g := range daemonize.Backends() {
			targets = append(targets, generators.Target{Backend: g.Info().Name, Version: g.Info().Default})
		}
		return targets, nil
	}
	for line := range strings.Lines(string(list)) {
		name, user := strings.CutSuffix(strings.TrimSpace(line), " (user)")
		scope := generators.System
		if user {
			scope = generators.User
		}
		target, err := daemonize.ParseTarget(name, scope)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	return targets, list
}

// goldenDir is the backend, with the version where a case names targets of
// one backend in several.
func goldenDir(t generators.Target) string {
	if g, _ := daemonize.Backend(t.Backend); t.Version == g.Info().Default {
		return t.Backend
	}
	return t.Backend + "@" + t.Version.String()
}
