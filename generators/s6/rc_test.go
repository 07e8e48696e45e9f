package s6

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/spectest"
)

// A source definition as s6-rc-compile reads it (s6-rc-compile.html, "Source
// format"), which Debian 12 does not have: this is a reading of our own, and
// strict about files that s6-rc would ignore.
type definition struct {
	kind  string
	files map[string]string
}

func compile(b generators.Bundle) (map[string]*definition, error) {
	defs := map[string]*definition{}
	for _, a := range b.Artifacts {
		rest, ok := strings.CutPrefix(a.Path, source)
		if !ok {
			if strings.HasPrefix(a.Path, "/etc/s6/") {
				return nil, fmt.Errorf("%s is not for s6-rc", a.Path)
			}
			continue
		}
		name, file, _ := strings.Cut(rest, "/")
		if defs[name] == nil {
			defs[name] = &definition{files: map[string]string{}}
		}
		defs[name].files[file] = string(a.Content)
	}
	number := regexp.MustCompile(`^[0-9]+\n$`)
	for name, d := range defs {
		if strings.HasPrefix(name, "s6rc-") || strings.HasPrefix(name, "s6-rc-") {
			return nil, fmt.Errorf("%s is reserved", name)
		}
		d.kind = strings.TrimSuffix(d.files["type"], "\n")
		word := func(file string) string {
			text, ok := strings.CutSuffix(d.files[file], "\n")
			if !ok || text == "" || strings.ContainsAny(text, " \n\t") {
				return ""
			}
			return text
		}
		for file := range d.files {
			top, below, _ := strings.Cut(file, "/")
			known := map[string][]string{
				"bundle":  {"type", "contents.d"},
				"oneshot": {"type", "up", "down", "timeout-up", "timeout-down", "dependencies.d"},
				"longrun": {"type", "run", "finish", "notification-fd", "timeout-kill", "timeout-finish", "max-death-tally", "down-signal", "producer-for",
					"consumer-for", "pipeline-name", "timeout-up", "timeout-down", "dependencies.d", "env", "data"},
			}[d.kind]
			if !slices.Contains(known, top) {
				return nil, fmt.Errorf("%s/%s is nothing in a %s", name, file, d.kind)
			}
			switch top {
			case "timeout-up", "timeout-kill", "timeout-finish", "max-death-tally", "notification-fd":
				if !number.MatchString(d.files[file]) {
					return nil, fmt.Errorf("%s/%s is no number: %q", name, file, d.files[file])
				}
			case "contents.d":
				if defs[below] == nil {
					return nil, fmt.Errorf("%s contains %s, which is not defined", name, below)
				}
			case "dependencies.d":
				if below == name || below == "" {
					return nil, fmt.Errorf("%s depends on %q", name, below)
				}
			case "producer-for":
				if c := defs[word(file)]; c == nil || c.files["consumer-for"] != name+"\n" {
					return nil, fmt.Errorf("%s produces for %q, which does not consume", name, d.files[file])
				}
			case "consumer-for":
				if c := defs[word(file)]; c == nil || c.files["producer-for"] != name+"\n" {
					return nil, fmt.Errorf("%s consumes %q, which does not produce", name, d.files[file])
				}
			case "pipeline-name":
				if p := word(file); p == "" || defs[p] != nil {
					return nil, fmt.Errorf("%s has the pipeline %q", name, d.files[file])
				}
			}
		}
		if d.kind == "longrun" && d.files["run"] == "" || d.kind == "oneshot" && d.files["up"] == "" {
			return nil, fmt.Errorf("%s cannot be started", name)
		}
		if d.kind == "oneshot" {
			if words, err := lex(d.files["up"]); err != nil || len(words) != 1 {
				return nil, fmt.Errorf("%s runs %q: %w", name, words, err)
			}
		}
	}
	return defs, nil
}

func renderRC(t *testing.T, doc string) (generators.Bundle, map[string]*definition) {
	t.Helper()
	ds, diags := spec.Decode("test.yaml", []byte(doc))
	if diags.HasErrors() || len(ds) != 1 {
		t.Fatalf("%v\n%s", diags, doc)
	}
	b, _ := New().Generate(ds[0], rcTarget)
	b.Daemon, b.Target = ds[0].Name, rcTarget
	defs, err := compile(b)
	if err != nil {
		t.Errorf("%v\n%s", err, doc)
	}
	return b, defs
}

// TestSourceDefinitions reads the definitions of all fields and golden cases.
func TestSourceDefinitions(t *testing.T) {
	var bundles []generators.Bundle
	for _, id := range field.All() {
		_, with := spectest.Document(id)
		b, _ := renderRC(t, with)
		bundles = append(bundles, b)
	}
	cases, err := filepath.Glob("../../testdata/golden/*/daemon.yaml")
	if err != nil || len(cases) < 14 {
		t.Fatalf("found %d cases: %v", len(cases), err)
	}
	for _, path := range cases {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ds, _ := spec.Decode(path, src)
		for _, d := range ds {
			b, diags := generators.Render(New(), d, rcTarget, generators.Policy{})
			if diags.HasErrors() {
				continue
			}
			if _, err := compile(b); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			bundles = append(bundles, b)
		}
	}
	confirm(t, bundles)
}

// TestPipeline looks at a daemon with all that s6-rc has a word for.
func TestPipeline(t *testing.T) {
	_, defs := renderRC(t, "version: 1\nname: web\ncommand: [/usr/bin/web]\ninstances: [a, b]\ndepends_on: {requires: [postgresql.service], binds_to: [vault]}\nstart: {timeout: 5s}\nhealthcheck: {tcp: 'localhost:80'}\nenvironment: {A: b}\n")
	var names []string
	for name := range defs {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"web", "web-a", "web-a-health", "web-a-log", "web-b", "web-b-health", "web-b-log"}; !slices.Equal(names, want) {
		t.Fatalf("%q", names)
	}
	for file, want := range map[string]string{"type": "longrun\n", "producer-for": "web-a-log\n", "pipeline-name": "web-a-pipeline\n", "timeout-up": "5000\n", "env/A": "b\n",
		"dependencies.d/postgresql": "", "dependencies.d/vault": ""} {
		if got, ok := defs["web-a"].files[file]; !ok || got != want {
			t.Errorf("%s is %q (%t)", file, got, ok)
		}
	}
	if defs["web"].kind != "bundle" || len(defs["web"].files) != 3 {
		t.Errorf("%+v", defs["web"])
	}
	if _, ok := defs["web-a-health"].files["dependencies.d/web-a"]; !ok {
		t.Errorf("%+v", defs["web-a-health"])
	}
	if strings.Contains(defs["web-a"].files["run"], "s6-svc") {
		t.Errorf("s6-rc starts what it depends on, run must not:\n%s", defs["web-a"].files["run"])
	}
}

func TestOneshot(t *testing.T) {
	b, defs := renderRC(t, "version: 1\nname: setup\ntype: oneshot\nremain_after_exit: true\ncommand: [/usr/bin/setup, 'a b']\n")
	if d := defs["setup"]; d.kind != "oneshot" || d.files["up"] != "/usr/lib/daemonize/setup/run\n" || len(defs) != 1 {
		t.Errorf("%+v", defs)
	}
	if !slices.ContainsFunc(b.Artifacts, func(a generators.Artifact) bool {
		return a.Path == "/usr/lib/daemonize/setup/run" && strings.Contains(string(a.Content), "exec /usr/bin/setup 'a b'\n")
	}) {
		t.Errorf("%+v", b.Artifacts)
	}
}

// TestLossesOfRC names what s6-rc cannot do though s6 alone can.
func TestLossesOfRC(t *testing.T) {
	ds, _ := spec.Decode("test.yaml", []byte("version: 1\nname: web\ncommand: [/usr/bin/web]\ndepends_on: {wants: [a], after: [b], requisite: [c]}\n"))
	_, diags := generators.Render(New(), ds[0], rcTarget, generators.Policy{})
	for _, path := range []string{"depends_on.wants", "depends_on.requisite"} {
		found := false
		for _, g := range diags {
			found = found || g.Path == path
		}
		if !found {
			t.Errorf("the loss of %s is not reported: %v", path, diags)
		}
	}
}

// TestRoundTripRC has execlineb start the hostile strings from a definition.
func TestRoundTripRC(t *testing.T) {
	args := slices.DeleteFunc(gentest.Hostile(), func(s string) bool { return strings.Contains(s, "\x00") })
	var doc strings.Builder
	doc.WriteString("version: 1\nname: sample\ncommand: [/usr/bin/sample")
	for _, a := range args {
		doc.WriteString(", " + yamlString(a))
	}
	doc.WriteString("]\nenvironment:\n")
	for i, a := range args {
		fmt.Fprintf(&doc, "  V%d: %s\n", i, yamlString(a))
	}
	b, _ := renderRC(t, doc.String())
	p := readBack(t, []generators.Bundle{b})[0]
	if want := append([]string{"/usr/bin/sample"}, args...); !slices.Equal(p.Argv, want) {
		t.Errorf("got %q\nwant %q", p.Argv, want)
	}
	for i, a := range args {
		if p.Env[fmt.Sprint("V", i)] != a {
			t.Errorf("V%d is %q, want %q", i, p.Env[fmt.Sprint("V", i)], a)
		}
	}
}
