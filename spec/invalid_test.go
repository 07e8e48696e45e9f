package spec_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/daemonize/daemonize/internal/golden"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

const invalidDir = "../testdata/invalid"

// TestInvalid decodes what people get wrong. Each case is an archive of
// daemon.yaml and everything that is said about it, as text and as JSON.
func TestInvalid(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(invalidDir, "*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	seen := map[diag.Code]bool{}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "daemon.yaml" })
			if i < 0 {
				t.Fatal("the archive has no daemon.yaml")
			}
			if len(bytes.TrimSpace(archive.Comment)) == 0 {
				t.Error("the archive does not say what it is about")
			}
			src := archive.Files[i].Data
			_, diags := spec.Decode("daemon.yaml", src)
			if len(diags) == 0 {
				t.Error("nothing is said about it")
			}
			for _, g := range diags {
				seen[g.Code] = true
				checkDiagnostic(t, &g)
			}
			// A case is about one mistake unless its name says otherwise.
			if len(diags) > 1 && !strings.HasPrefix(filepath.Base(path), "several-") {
				t.Errorf("one mistake gives %d diagnostics: %v", len(diags), diags)
			}

			var text, data bytes.Buffer
			if err := diag.Render(&text, diags, func(string) []byte { return src }, false); err != nil {
				t.Fatal(err)
			}
			enc := json.NewEncoder(&data)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(diags); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, path, txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: []txtar.File{
				archive.Files[i], {Name: "want.txt", Data: text.Bytes()}, {Name: "want.json", Data: data.Bytes()},
			}}))
		})
	}
	for _, info := range diag.Codes() {
		// Losses and what a machine lacks are found later.
		if !seen[info.Code] && info.Code[0] != 'L' && info.Code[0] != 'P' && !slices.Contains(elsewhere, info.Code) {
			t.Errorf("no case for %s: %s", info.Code, info.Title)
		}
	}
}

// elsewhere are the codes that no document of a readable size can show, or
// that Decode does not report; their tests are TestCheckScope and those of ynode.
var elsewhere = []diag.Code{diag.Encoding, diag.TooDeep, diag.TooLarge, diag.AliasBudget, diag.UserScopeIdentity, diag.UserScopeUnused}

// checkDiagnostic is what holds for every diagnostic.
func checkDiagnostic(t *testing.T, g *diag.Diagnostic) {
	t.Helper()
	if _, ok := diag.Lookup(g.Code); !ok {
		t.Errorf("%s is not documented", g.Code)
	}
	if g.Severity == 0 || g.Summary == "" {
		t.Errorf("incomplete: %+v", *g)
	}
	if g.Span.Start.IsZero() {
		t.Errorf("no position: %s", g.String())
	}
	if strings.HasSuffix(g.Summary, ".") || strings.HasSuffix(g.Summary, "\n") {
		t.Errorf("the summary is not a phrase: %q", g.Summary)
	}
	if strings.ContainsRune(g.Summary+g.Detail+g.Fix, 0) {
		t.Errorf("a reference mark is shown: %q", g.Summary+g.Detail+g.Fix)
	}
	for _, r := range g.Related {
		if r.Span.Start.IsZero() || r.Message == "" {
			t.Errorf("incomplete related place: %+v in %s", r, g.String())
		}
	}
}

// TestSilence proves that no rule speaks up about specs that are in order:
// the examples, and settings that come close to a rule.
func TestSilence(t *testing.T) {
	check := func(t *testing.T, file string, src []byte) {
		t.Helper()
		daemons, diags := spec.Decode(file, src)
		if len(diags) > 0 || len(daemons) == 0 {
			t.Errorf("%d daemons, want one and no diagnostics: %v", len(daemons), diags)
		}
	}
	examples, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(path), func(t *testing.T) { check(t, path, src) })
	}
	archive, err := txtar.ParseFile("testdata/silent.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) { check(t, f.Name, slices.Concat([]byte("version: 1\nname: web\n"), f.Data)) })
	}
}
