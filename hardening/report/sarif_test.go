package report_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gosarif "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
)

// sarifSchema compiles the official schema, which go-sarif has as a constant
// of its source.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	src, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	ast.Inspect(src, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err = strconv.Unquote(lit.Value)
		}
		return true
	})
	if err != nil || !strings.Contains(text, "Static Analysis Results Format (SARIF) Version 2.1.0") {
		t.Fatalf("there is no schema in go-sarif: %v", err)
	}
	return compile(t, "sarif.json", []byte(text))
}

func compile(t *testing.T, name string, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks a document against a schema.
func validate(s *jsonschema.Schema, text []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

// TestSARIF: the schema accepts it, go-sarif reads it, and it says what was
// found.
func TestSARIF(t *testing.T) {
	schema := sarifSchema(t)
	for name, rs := range map[string][]hardening.Result{"nothing": nil, "everything": results(t), "many": fleet(t, 50)} {
		for _, o := range []report.Options{{}, {Rules: []report.Rule{}}} {
			if err := validate(schema, write(t, "sarif", o, rs)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	text := write(t, "sarif", report.Options{}, results(t))
	if err := validate(schema, bytes.Replace(text, []byte(`"level":"error"`), []byte(`"level":"bad"`), 1)); err == nil {
		t.Error("the schema accepts anything")
	}

	log, err := gosarif.FromBytes(text)
	if err != nil {
		t.Fatalf("go-sarif does not read it: %v", err)
	}
	run := log.Runs[0]
	if *run.ColumnKind != "unicodeCodePoints" || *run.Tool.Driver.Version != "1.2.3" || len(run.Tool.Driver.Rules) != len(rules) {
		t.Errorf("columns %s, version %s, %d rules", *run.ColumnKind, *run.Tool.Driver.Version, len(run.Tool.Driver.Rules))
	}
	if _, ok := run.OriginalUriBaseIds["%SRCROOT%"]; !ok {
		t.Error("there is no %SRCROOT%")
	}
	at := 0
	for _, unit := range results(t) {
		for _, f := range unit.Findings {
			got := run.Results[at]
			at++
			if f.Message != hostile && f.ID != hostile && (*got.RuleID != f.ID || !strings.Contains(*got.Message.Text, f.Message[1:])) {
				t.Errorf("%q is %s: %q", f.Message, *got.RuleID, *got.Message.Text)
			}
			if f.ID != hostile && *run.Tool.Driver.Rules[got.RuleIndex].ID != f.ID {
				t.Errorf("%s refers to rule %d", f.ID, got.RuleIndex)
			}
			want := f.File
			if want == "" {
				want = unit.Path
			}
			loc := got.Locations[0].PhysicalLocation
			if path, err := url.PathUnescape(strings.TrimPrefix(*loc.ArtifactLocation.URI, "file://")); err != nil || path != want {
				t.Errorf("%q is at %q (%v)", want, *loc.ArtifactLocation.URI, err)
			}
			if relative := loc.ArtifactLocation.URIBaseID != nil; relative == strings.HasPrefix(want, "/") {
				t.Errorf("%q: relative %v", want, relative)
			}
			if *loc.Region.StartLine != max(f.Line, 1) {
				t.Errorf("%q is in line %d", f.Message, *loc.Region.StartLine)
			}
			switch {
			case f.Suppressed == "":
				if len(got.Suppressions) > 0 {
					t.Errorf("%q is suppressed", f.Message)
				}
			case len(got.Suppressions) != 1 || *got.Suppressions[0].Justification != strings.ToValidUTF8(f.Suppressed, "\ufffd") ||
				(*got.Suppressions[0].Kind == "external") != (f.Suppressed == hardening.InBaseline):
				t.Errorf("%q is not suppressed: %+v", f.Message, got.Suppressions)
			}
		}
	}
	if at != len(run.Results) {
		t.Errorf("%d results for %d findings", len(run.Results), at)
	}
	if n := len(run.Invocations[0].ToolExecutionNotifications); n != 2 {
		t.Errorf("%d notes about units that were not audited, want 2", n)
	}
	var raw struct {
		Runs []struct {
			Properties struct {
				Units []struct {
					Unit     string
					Exposure *hardening.Exposure
				}
			}
		}
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	if u := raw.Runs[0].Properties.Units; len(u) != len(results(t)) || u[2].Unit != "nginx.service" || u[2].Exposure.String() != "9.4" || u[3].Exposure != nil {
		t.Errorf("scores: %+v", u)
	}
}

// TestCodeScanning has what GitHub asks for beyond the schema, from its page
// about SARIF support.
func TestCodeScanning(t *testing.T) {
	var log struct {
		Schema string `json:"$schema"`
		Runs   []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID                                string
						ShortDescription, FullDescription struct{ Text string }
						Help                              struct{ Text, Markdown string }
						DefaultConfiguration              struct{ Level string }
						Properties                        map[string]any
					}
				}
			}
			Results []struct {
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct{ Region struct{ StartLine int } }
				}
				PartialFingerprints map[string]string
			}
		}
	}
	if err := json.Unmarshal(write(t, "sarif", report.Options{}, results(t)), &log); err != nil {
		t.Fatal(err)
	}
	for i, r := range log.Runs[0].Tool.Driver.Rules {
		if r.ID == "" || r.ShortDescription.Text == "" || len(r.ShortDescription.Text) > 1024 || r.FullDescription.Text == "" || r.Help.Text == "" || r.Help.Markdown == "" {
			t.Errorf("rule %s lacks something: %+v", r.ID, r)
		}
		if !slices.Contains([]string{"error", "warning", "note"}, r.DefaultConfiguration.Level) || !slices.Contains([]string{"error", "warning", "recommendation"}, r.Properties["problem.severity"].(string)) {
			t.Errorf("rule %s has level %q", r.ID, r.DefaultConfiguration.Level)
		}
		// The bands of security-severity have the names of our severities.
		if rules[i].Severity == hardening.SeverityInfo {
			if r.Properties["security-severity"] != nil {
				t.Errorf("rule %s is of severity %v", r.ID, r.Properties["security-severity"])
			}
			continue
		}
		score, err := strconv.ParseFloat(r.Properties["security-severity"].(string), 64)
		band := "low"
		switch {
		case score > 9:
			band = "critical"
		case score >= 7:
			band = "high"
		case score >= 4:
			band = "medium"
		}
		if err != nil || band != rules[i].Severity {
			t.Errorf("rule %s is %s, shown as %s", r.ID, rules[i].Severity, band)
		}
	}
	seen := map[string]bool{}
	for _, r := range log.Runs[0].Results {
		if len(r.Locations) != 1 || r.Locations[0].PhysicalLocation.Region.StartLine < 1 {
			t.Errorf("%q has no line", r.Message.Text)
		}
		f := r.PartialFingerprints["daemonizeFinding/v1"]
		if f == "" || seen[f] {
			t.Errorf("%q has the fingerprint %q", r.Message.Text, f)
		}
		seen[f] = true
	}
}

// fingerprints are those of the findings, in their order.
func fingerprints(t *testing.T, rs []hardening.Result) (out []string) {
	t.Helper()
	log, err := gosarif.FromBytes(write(t, "sarif", report.Options{}, rs))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Runs[0].Results {
		out = append(out, r.PartialFingerprints["daemonizeFinding/v1"])
	}
	return out
}

// TestFingerprints: a finding keeps its fingerprint when lines move, and gets
// another when anything else about it changes.
func TestFingerprints(t *testing.T) {
	before := fingerprints(t, results(t))
	moved := results(t)
	for i := range moved {
		for j := range moved[i].Findings {
			moved[i].Findings[j].Line += 17
			moved[i].Findings[j].Column++
			moved[i].Findings[j].Fix = "another advice"
			moved[i].Findings[j].Severity = "low"
		}
	}
	if after := fingerprints(t, moved); !slices.Equal(before, after) {
		t.Errorf("lines moved, fingerprints changed from\n%q to\n%q", before, after)
	}
	one := func(change func(*hardening.Result)) string {
		r := hardening.Result{Unit: "a.service", Path: "a", Backend: "systemd", Findings: []hardening.Finding{{ID: "A", Message: "m", File: "f"}}}
		change(&r)
		return fingerprints(t, []hardening.Result{r})[0]
	}
	seen := map[string]bool{}
	for _, change := range []func(*hardening.Result){
		func(*hardening.Result) {},
		func(r *hardening.Result) { r.Unit = "b.service" },
		func(r *hardening.Result) { r.Backend = "launchd" },
		func(r *hardening.Result) { r.Findings[0].ID = "B" },
		func(r *hardening.Result) { r.Findings[0].Message = "n" },
		func(r *hardening.Result) { r.Findings[0].File = "g" },
		func(r *hardening.Result) { r.Findings[0].File, r.Findings[0].Message = "fm", "" },
	} {
		f := one(change)
		if seen[f] {
			t.Errorf("%s is not unique", f)
		}
		seen[f] = true
	}
}

// TestGitLab: the fields that the page about Code Quality asks for, unique
// fingerprints, and nothing suppressed.
func TestGitLab(t *testing.T) {
	var issues []struct {
		Description, Fingerprint, Severity string
		CheckName                          string `json:"check_name"`
		Location                           struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal(write(t, "gitlab", report.Options{}, results(t)), &issues); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, i := range issues {
		if i.Description == "" || i.CheckName == "" || i.Location.Path == "" || i.Location.Lines.Begin < 1 || i.Fingerprint == "" || seen[i.Fingerprint] ||
			!slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, i.Severity) {
			t.Errorf("%+v is not complete", i)
		}
		seen[i.Fingerprint] = true
	}
	if len(issues) != 8 {
		t.Errorf("%d issues, want the 8 findings that count", len(issues))
	}
	if got := string(write(t, "gitlab", report.Options{}, nil)); got != "[\n]\n" {
		t.Errorf("without findings: %q", got)
	}
}
