package daemonize_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/schema"
)

// exampleFiles are the specs that users start from.
func exampleFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for pattern, least := range map[string]int{"examples/*.daemon.yaml": 13, "examples/languages/*/*.daemon.yaml": 5, "internal/cli/starters/*.yaml": 4} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) < least {
			t.Fatalf("%s: found %d files, want at least %d: %v", pattern, len(found), least, err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return files
}

// TestExamplesValidate wants nothing to be said about any example.
func TestExamplesValidate(t *testing.T) {
	for _, file := range exampleFiles(t) {
		decodeExample(t, file)
	}
}

// decodeExample reads a spec that has no diagnostics.
func decodeExample(t *testing.T, file string) []*spec.Daemon {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	daemons, diags := spec.Decode(file, src)
	if len(diags) > 0 || len(daemons) == 0 {
		t.Fatalf("%d daemons in %s:\n%s", len(daemons), file, reportText(diags, src))
	}
	return daemons
}

func reportText(list diag.List, src []byte) string {
	var text bytes.Buffer
	diag.Render(&text, list, func(string) []byte { return src }, false)
	return text.String()
}

// TestExamplesRender renders every example for every backend, in the default
// version and in the newest.
func TestExamplesRender(t *testing.T) {
	for _, file := range exampleFiles(t) {
		for _, d := range decodeExample(t, file) {
			for _, g := range daemonize.Backends() {
				info := g.Info()
				for _, v := range []generators.Version{info.Default, info.Newest} {
					target := generators.Target{Backend: info.Name, Version: v}
					b, diags, err := daemonize.Render(d, target, generators.Policy{})
					if err != nil {
						t.Fatal(err)
					}
					if diags.HasErrors() || len(b.Artifacts) == 0 || len(b.Jobs) == 0 {
						t.Errorf("%s for %s: %d files, %d jobs\n%s", file, target, len(b.Artifacts), len(b.Jobs), reportText(diags, nil))
					}
				}
			}
		}
	}
}

// coming are backends that the examples have consents for and that are being
// written.
var coming []string

// TestExamplesConsent keeps accept_loss minimal: without any one of its
// entries something is lost that nobody consented to, and no entry covers a
// field that the spec names and the backend honours.
func TestExamplesConsent(t *testing.T) {
	for _, file := range exampleFiles(t) {
		for _, d := range decodeExample(t, file) {
			for i, c := range d.AcceptLoss {
				if slices.Contains(coming, c.Backend) {
					if _, ok := daemonize.Backend(c.Backend); ok {
						t.Errorf("%s is a backend now: remove it from coming", c.Backend)
					}
					continue
				}
				without := *d
				without.AcceptLoss = slices.Delete(slices.Clone(d.AcceptLoss), i, i+1)
				if !needed(t, &without, c) {
					t.Errorf("%s: accept_loss: {%s: [%s]} accepts nothing", file, c.Backend, c.Field)
				}
				g, ok := daemonize.Backend(c.Backend)
				if !ok {
					t.Errorf("%s: accept_loss names %q, which is not a backend", file, c.Backend)
					continue
				}
				for id := range d.Fields() {
					if !id.Within(c.Field) || id == field.SandboxingProfile || d.FromProfile(id) || d.Neutral(id) {
						continue
					}
					target := generators.Target{Backend: c.Backend, Version: g.Info().Default}
					if l := g.Support().At(id, target).Level; l == generators.Native || l == generators.Emulated {
						t.Errorf("%s: accept_loss: {%s: [%s]} covers %s, which is not lost", file, c.Backend, c.Field, id)
					}
				}
			}
		}
	}
}

// needed reports whether d, which lacks the consent, has a loss that the
// consent would have covered.
func needed(t *testing.T, d *spec.Daemon, c spec.Consent) bool {
	t.Helper()
	for _, g := range daemonize.Backends() {
		info := g.Info()
		if c.Backend != "*" && c.Backend != info.Name {
			continue
		}
		_, diags, err := daemonize.Render(d, generators.Target{Backend: info.Name, Version: info.Default}, generators.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range diags {
			// All losses of a profile are at sandboxing.profile.
			if found.Code == diag.SecurityLoss && (found.Path == c.Field || strings.HasPrefix(found.Path, c.Field)) {
				return true
			}
		}
	}
	return false
}

// TestExamplesSchema has another implementation of JSON Schema accept every
// example.
func TestExamplesSchema(t *testing.T) {
	sch := compileSchema(t)
	for _, file := range exampleFiles(t) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := sch.Validate(yamlValue(t, src)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	// The schema is no rubber stamp.
	for _, bad := range []string{
		"name: web\ncommand: /usr/bin/web\n",                                     // no version
		"version: 1\nname: web\n",                                                // nothing to run
		"version: 1\nname: Web\ncommand: /usr/bin/web\n",                         // not a name
		"version: 1\nname: web\ncommand: /usr/bin/web\nrestrat: always\n",        // misspelt key
		"version: 1\nname: web\ncommand: /usr/bin/web\nstart: {timeout: soon}\n", // not a duration
	} {
		if sch.Validate(yamlValue(t, []byte(bad))) == nil {
			t.Errorf("the schema accepts\n%s", bad)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := schema.Generate()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource(schema.ID, doc); err != nil {
		t.Fatal(err)
	}
	sch, err := c.Compile(schema.ID)
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

func yamlValue(t *testing.T, src []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
