// Package gentest is the conformance suite of backends. A backend's test
// calls [Suite.Run] and so proves that
//
//   - Totality: every field of the vocabulary has an entry in the table, with
//     its mechanism or its reason;
//   - Sensitivity: the entry is true: what is native or emulated changes the
//     output, what is approximate changes it and warns, what is unsupported
//     changes nothing and is reported once, at the field;
//   - Determinism: equal input gives equal bytes;
//   - Injection: no value, however hostile, adds or removes a directive;
//   - RoundTrip: what the real parser reads back equals the spec, or the value
//     was refused;
//   - Confirm: the real tool accepts every file without complaint.
package gentest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/spectest"
)

// Suite says how to test one backend.
type Suite struct {
	Generator generators.Generator

	// Targets are tested for Sensitivity, each. Default: the default version
	// in the system scope.
	Targets []generators.Target

	// Structure lists what a bundle configures, without the values: for
	// example "web.service Service ExecStart". It must be an own reading of
	// the files, not of the generator's state.
	Structure func(b generators.Bundle) ([]string, error)

	// ReadBack returns, for each bundle, the process that the real manager (or
	// its real parser) would start. Nil, or a t.Skip inside, where it cannot run.
	ReadBack func(t *testing.T, bundles []generators.Bundle) []Process

	// Confirm fails t if the real tool finds fault with a bundle.
	Confirm func(t *testing.T, bundles []generators.Bundle)
}

// Process is what a manager would start.
type Process struct {
	Argv []string
	// Env holds at least the variables of the spec.
	Env map[string]string
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	if len(s.Targets) == 0 {
		info := s.Generator.Info()
		s.Targets = []generators.Target{{Backend: info.Name, Version: info.Default}}
	}
	t.Run("Totality", s.totality)
	for _, target := range s.Targets {
		t.Run("Sensitivity/"+target.String(), func(t *testing.T) { s.sensitivity(t, target) })
	}
	t.Run("Determinism", s.determinism)
	t.Run("Injection", s.injection)
	t.Run("RoundTrip", s.roundTrip)
	t.Run("Confirm", s.confirm)
}

func (s Suite) totality(t *testing.T) {
	table := s.Generator.Support()
	for _, id := range field.All() {
		e := table[id]
		for _, p := range Problems(e) {
			t.Errorf("%s: %s", id, p)
		}
	}
}

// Problems returns what is missing from an entry.
func Problems(e generators.Support) []string {
	var p []string
	check := func(l generators.Level, why, where string) {
		switch l {
		case generators.Native, generators.Emulated, generators.NotApplicable:
		case generators.Approximate, generators.Unsupported:
			if why == "" {
				p = append(p, where+l.String()+" without a reason")
			}
		default:
			p = append(p, where+"no entry")
		}
		if l != generators.Unsupported && l != generators.NotApplicable && l != 0 && e.Via == "" {
			p = append(p, where+l.String()+" without saying through what")
		}
	}
	check(e.Level, e.Why, "")
	if e.User != 0 {
		check(e.User, cmp.Or(e.UserWhy, e.Why), "user scope: ")
	}
	if e.Below != 0 {
		check(e.Below, e.BelowWhy, "older versions: ")
	}
	for _, why := range []string{e.Why, e.UserWhy, e.BelowWhy} {
		if strings.HasSuffix(why, ".") {
			p = append(p, "the reason ends in a full stop")
		}
	}
	return p
}

func (s Suite) sensitivity(t *testing.T, target generators.Target) {
	table := s.Generator.Support()
	for _, id := range field.All() {
		t.Run(id.String(), func(t *testing.T) {
			if id == field.Version {
				return // the same in every document
			}
			base, with := spectest.Document(id)
			without, _ := s.render(t, base, target)
			bundle, diags := s.render(t, with, target)
			changed := !bytes.Equal(flat(without), flat(bundle))
			var mine diag.List
			for _, g := range diags {
				isLoss := g.Code == diag.SecurityLoss || g.Code == diag.Loss || g.Code == diag.Approximate || g.Code == diag.AcceptedLoss || g.Code == diag.ValueRefused
				if isLoss && field.OfPath(g.Path) == id.String() {
					mine = append(mine, g)
				}
			}
			for _, g := range mine {
				if g.Span.Start.IsZero() {
					t.Errorf("loss without a position: %s", g.String())
				}
			}
			level := table.At(id, target).Level
			wantChange, wantLoss := true, 0
			switch level {
			case generators.Native, generators.Emulated:
			case generators.Approximate:
				wantLoss = 1
			case generators.Unsupported:
				wantChange, wantLoss = false, 1
			case generators.NotApplicable:
				wantChange = false
			}
			if id == field.Overrides {
				wantChange = slices.ContainsFunc(mustDecode(t, with).Overrides, func(o spec.Override) bool { return o.Backend == target.Backend })
			}
			if changed != wantChange {
				t.Errorf("declared %s, but output changed: %t\n%s", level, changed, with)
			}
			if len(mine) != wantLoss {
				t.Errorf("declared %s, want %d losses at the field, have %d: %v", level, wantLoss, len(mine), mine)
			}
		})
	}
}

func mustDecode(t *testing.T, doc string) *spec.Daemon {
	t.Helper()
	daemons, diags := spec.Decode("test.yaml", []byte(doc))
	if diags.HasErrors() || len(daemons) != 1 {
		t.Fatalf("cannot decode the document of a field: %v\n%s", diags, doc)
	}
	return daemons[0]
}

// render renders with every loss accepted by policy-independent means: it
// calls the generator itself, so that an unsupported security field still
// yields output to compare, and returns the diagnostics of Render.
func (s Suite) render(t *testing.T, doc string, target generators.Target) (generators.Bundle, diag.List) {
	t.Helper()
	d := mustDecode(t, doc)
	_, diags := generators.Render(s.Generator, d, target, generators.Policy{})
	b, _ := s.Generator.Generate(d, target)
	slices.SortFunc(b.Artifacts, func(a, b generators.Artifact) int { return strings.Compare(a.Path, b.Path) })
	return b, diags
}

// flat is everything of a bundle that a host would notice.
func flat(b generators.Bundle) []byte {
	var out bytes.Buffer
	for _, a := range b.Artifacts {
		fmt.Fprintf(&out, "== %s %o %s %s\n%s\n", a.Path, a.Mode, a.Owner, a.Group, a.Content)
	}
	fmt.Fprintf(&out, "%v %v", b.Jobs, b.Accounts)
	return out.Bytes()
}

func (s Suite) determinism(t *testing.T) {
	for _, id := range field.All() {
		_, with := spectest.Document(id)
		first, _ := s.render(t, with, s.Targets[0])
		for range 3 {
			again, _ := s.render(t, with, s.Targets[0])
			if !bytes.Equal(flat(first), flat(again)) {
				t.Errorf("%s: two renderings differ", id)
			}
		}
	}
}

// Hostile are strings that have broken generators: quoting, expansion,
// comments, separators, encodings.
func Hostile() []string {
	return []string{
		"", " ", "plain", "two words", " leading", "trailing ", "tab\there", "line\nbreak", "\n", "trailing newline\n", "a\n\nb",
		"'", "\"", "it's", "say \"hi\"", "both ' and \"", "'quoted'", "\"quoted\"", "\\", "\\\\", "a\\b", "trailing\\", "C:\\new\\table", "\\n", "\\x41 \\u263a \\101 \\s",
		"$", "$$", "$HOME", "x$HOME/y", "$1", "$(id)", "`id`", "a$b$c", "100%", "%", "%%", "%i", "%h%%", "50%Z", "%(ENV_HOME)s", "%(program_name)s", "%n%u",
		";", "a ; b", "a;b", " ;x", "x ;y", "\\;", "#", "a #b", "#start", "x #", "!", "!!", "@x", "-x", "+x", ":x", "|", "a|b", "&", "a && b", ">", "2>&1", "<x>", "*", "?", "[x]", "{a,b}", "~", "~root", "=", "A=B", "a=b c",
		"[Service]\nExecStartPre=+/bin/false", "\n[program:x]\ncommand=/bin/false", "'\n/bin/false\n'", "x\n# y", "### END INIT INFO",
		"naïve ☃ 𝄞", "日本語", "a\u00a0b", "e\u0301", "&amp;", "<&>", "]]>", "<!-- x -->", "a,b,c", ",", "key: value", "- item", "\\\n", "a\\\nb", "\"; rm -rf /; \"", "'; rm -rf /; '", "$(printf x)'\"`\\", strings.Repeat("long ", 60), "a\tb\tc ", "-n", "--", "-e \\c", "%d %s", "EOF", "exec", "if",
	}
}

func hostileDoc(args []string, env []string) string {
	var b strings.Builder
	b.WriteString("version: 1\nname: sample\ncommand: [/usr/bin/sample")
	for _, a := range args {
		b.WriteString(", " + yamlString(a))
	}
	b.WriteString("]\n")
	if len(env) > 0 {
		b.WriteString("environment:\n")
		for i, v := range env {
			fmt.Fprintf(&b, "  V%d: %s\n", i, yamlString(v))
		}
	}
	return b.String()
}

// yamlString writes s as a YAML double-quoted scalar, in which a $ that the
// spec would read is doubled.
func yamlString(s string) string {
	s = strings.ReplaceAll(s, "$", "$$")
	j, _ := json.Marshal(s)
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(j))
}

// roundTrip renders each hostile string as an argument and as a variable,
// and all that are not refused together.
func (s Suite) roundTrip(t *testing.T) {
	if s.ReadBack == nil {
		t.Skip("no real parser of this backend runs here")
	}
	var bundles []generators.Bundle
	var want []Process
	refused := 0
	add := func(args, env []string) bool {
		d := mustDecode(t, hostileDoc(args, env))
		b, diags := generators.Render(s.Generator, d, s.Targets[0], generators.Policy{})
		if diags.HasErrors() {
			if !slices.ContainsFunc(diags, func(g diag.Diagnostic) bool { return g.Code == diag.ValueRefused }) {
				t.Errorf("%q %q: refused without saying that the value is at fault: %v", args, env, diags)
			}
			refused++
			return false
		}
		p := Process{Argv: append([]string{"/usr/bin/sample"}, args...), Env: map[string]string{}}
		for i, v := range env {
			p.Env[fmt.Sprintf("V%d", i)] = v
		}
		bundles, want = append(bundles, b), append(want, p)
		return true
	}
	var args, env []string
	for _, h := range Hostile() {
		if add([]string{h}, nil) {
			args = append(args, h)
		}
		if add(nil, []string{h}) {
			env = append(env, h)
		}
	}
	add(args, env)
	got := s.ReadBack(t, bundles)
	if len(got) != len(want) {
		t.Fatalf("read back %d of %d bundles", len(got), len(want))
	}
	for i := range want {
		if !slices.Equal(got[i].Argv, want[i].Argv) {
			t.Errorf("argv\n got %q\nwant %q", got[i].Argv, want[i].Argv)
		}
		for k, v := range want[i].Env {
			if g, ok := got[i].Env[k]; !ok || g != v {
				t.Errorf("variable %s\n got %q (set: %t)\nwant %q", k, g, ok, v)
			}
		}
	}
	t.Logf("%d of %d hostile bundles equal, %d refused with a diagnostic", len(want), len(want)+refused, refused)
}

// hostileValues returns documents of a field with hostile values in the place
// of its sample, or nothing where the kind admits none.
func hostileValues(id field.ID) []string {
	evil := []string{
		"x\n[Service]\nExecStartPre=/bin/false", "a\"b'c\\d%e$f;g #h [x] =y", "z\\", "%n $(id) `id`", "*/ --> ]]> <key>x</key>", "a ;b #c", "'\n'", "--x=\"y", "]", "### END INIT INFO",
	}
	in := func(format string) []string {
		var out []string
		for _, e := range evil {
			out = append(out, fmt.Sprintf(format, yamlString(e)))
		}
		return out
	}
	path := func(format string) []string {
		var out []string
		for _, e := range evil {
			out = append(out, fmt.Sprintf(format, yamlString("/x/"+strings.ReplaceAll(e, "/", "_"))))
		}
		return out
	}
	switch id.Info().Kind {
	case "text", "script", "user", "fdname", "name":
		return in("%s")
	case "command":
		return append(in("[/usr/bin/x, %s]"), path("[%s, a]")...)
	case "environment":
		return in("{A: %s}")
	case "credentials":
		return path("{a: %s}")
	case "path", "subdir":
		return path("%s")
	case "paths", "condpaths", "mountpaths", "binds", "tmpfs":
		return path("[%s]")
	case "condwords", "words", "uris", "units", "targets", "users", "devices":
		return in("[%s]")
	case "output", "stdin":
		return path("%s")
	}
	return nil
}

// injection puts hostile values into every string field: each document is
// refused, or has the structure of the document with the plain sample.
func (s Suite) injection(t *testing.T) {
	if s.Structure == nil {
		t.Fatal("a backend must be able to read its own files back: Structure is nil")
	}
	tried, refused := 0, 0
	for _, id := range field.All() {
		_, with := spectest.Document(id)
		plain, _ := s.render(t, with, s.Targets[0])
		allowed, err := s.Structure(plain)
		if err != nil {
			t.Errorf("%s: cannot read the plain files back: %v", id, err)
			continue
		}
		for _, value := range hostileValues(id) {
			if id.Info().Kind == "output" || id.Info().Kind == "stdin" {
				value = strings.Replace(value, "\"/", "\"file:/", 1)
			}
			doc := spectest.DocumentWith(id, value)
			tried++
			daemons, diags := spec.Decode("hostile.yaml", []byte(doc))
			if diags.HasErrors() || len(daemons) != 1 {
				refused++
				continue
			}
			b, found := s.Generator.Generate(daemons[0], s.Targets[0])
			if found.HasErrors() {
				refused++
				continue
			}
			got, err := s.Structure(b)
			if err != nil {
				t.Errorf("%s: hostile value made a file unreadable: %v\n%s", id, err, doc)
				continue
			}
			if extra := surplus(got, allowed); len(extra) > 0 {
				t.Errorf("%s: hostile value added %q\n%s\n%s", id, extra, doc, flat(b))
			}
			if missing := surplus(allowed, got); len(missing) > 0 {
				t.Errorf("%s: hostile value removed %q\n%s\n%s", id, missing, doc, flat(b))
			}
		}
	}
	t.Logf("%d hostile documents, %d refused, none changed the structure of the output", tried, refused)
}

// surplus returns what a has more often than b. A wrapper that a hostile
// value needs is not a directive of the manager: paths below
// /usr/lib/daemonize are left out by Structure.
func surplus(a, b []string) []string {
	count := map[string]int{}
	for _, x := range b {
		count[x]++
	}
	extra := map[string]bool{}
	for _, x := range a {
		if count[x]--; count[x] < 0 {
			extra[x] = true
		}
	}
	return slices.Sorted(maps.Keys(extra))
}

// golden renders the project's golden cases for the suite's first target, and
// for the targets of the backend that a case names.
func (s Suite) golden(t *testing.T) []generators.Bundle {
	t.Helper()
	cases, err := filepath.Glob("../../testdata/golden/*/daemon.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("cannot find the golden cases: %v", err)
	}
	var bundles []generators.Bundle
	for _, path := range cases {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		daemons, diags := spec.Decode(path, src)
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		for _, d := range daemons {
			b, losses := generators.Render(s.Generator, d, s.Targets[0], generators.Policy{})
			if !losses.HasErrors() { // what is refused is written down in the case
				bundles = append(bundles, b)
			}
		}
	}
	return bundles
}

// confirm shows the real tool the documents of all fields and the golden
// cases.
func (s Suite) confirm(t *testing.T) {
	if s.Confirm == nil {
		t.Skip("no tool that checks this backend's files runs here")
	}
	bundles := s.golden(t)
	t.Logf("%d golden cases", len(bundles))
	for _, id := range field.All() {
		_, with := spectest.Document(id)
		b, _ := s.render(t, with, s.Targets[0])
		b.Daemon, b.Target = "sample", s.Targets[0]
		bundles = append(bundles, b)
	}
	s.Confirm(t, bundles)
}
