package ynode

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/daemonize/daemonize/spec/diag"
)

// FuzzParse checks that parsing ends without a panic, that every place is
// within the file, that the tree stays small and obeys its invariants, and that
// what the YAML parser refuses is refused here.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		benchSpec, bomb(40), "a: &a [*a]", "<<: *x", "x: &x {a: 1}\ny: {<<: [*x, {b: 2}], a: 3}",
		"a: b: c", "a: \"x\nb: y", "- [a\n- {b: c", "a:\n\t- b", "a: \"\\e\\q\"", "%YAML 1.2\n---\na\n...\n---\n", "? a\n: b\n? [c]\n",
		"a: |2-\n   x\n  y\n# c\nb: >\n\n  z\n", "\uFEFFa: \u2028\r\n\rb", "a: !!int &x 5\n*x : *x\n! b: !<t> c\n", "a: [b: c, {d}, ]\n", "a: */5 * *\n", "a: #\n  b\n #c\nd: 'x''\n y'\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		roots, diags := Parse("f", src)

		lines := bytes.Split(bytes.TrimPrefix(src, []byte("\uFEFF")), []byte("\n"))
		within := func(what string, s diag.Span) {
			for _, p := range []diag.Pos{s.Start, s.End} {
				if p.IsZero() {
					continue
				}
				if p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCount(lines[p.Line-1])+1 {
					// One past a character at the end of a line is fine.
					t.Fatalf("%s: %d:%d is outside the file", what, p.Line, p.Column)
				}
			}
			if !s.End.IsZero() && (s.End.Line < s.Start.Line || s.End.Line == s.Start.Line && s.End.Column < s.Start.Column) {
				t.Fatalf("%s: span %s ends before it begins", what, place(s))
			}
		}
		for _, d := range diags {
			if d.Severity != diag.Error || d.Summary == "" || d.Detail == "" || d.Fix == "" {
				t.Fatalf("incomplete diagnostic %+v", d)
			}
			if strings.Contains(d.Detail, "panic") {
				t.Logf("the YAML parser panicked: %s", d.Detail)
			}
			within(d.Summary, d.Span)
			for _, r := range d.Related {
				within(d.Summary+": related", r.Span)
			}
		}
		if len(roots) == 0 && len(diags) == 0 {
			t.Fatal("no document and no diagnostic")
		}

		count := 0
		var walk func(n *Node, depth int)
		walk = func(n *Node, depth int) {
			// maxExpanded for each document.
			if count++; count > len(roots)*maxExpanded+len(src)+100 {
				t.Fatal("the tree is too large")
			}
			if depth > maxDepth+1 {
				t.Fatal("the tree is too deep")
			}
			within("node", n.Span)
			switch n.Kind {
			case Scalar:
				if !coreTag(n.Tag) || n.Items != nil || n.Pairs != nil {
					t.Fatalf("bad scalar %+v", n)
				}
				if i := strings.IndexFunc(n.Value, isControl); i >= 0 && !diags.HasErrors() {
					t.Fatalf("control character in %q", n.Value)
				}
			case Sequence:
				for _, i := range n.Items {
					walk(i, depth+1)
				}
			case Mapping:
				seen := map[string]bool{}
				for _, p := range n.Pairs {
					if seen[p.Key] {
						t.Fatalf("duplicate key %q", p.Key)
					}
					seen[p.Key] = true
					within("key", p.KeySpan)
					walk(p.Value, depth+1)
				}
			case Invalid:
				if !diags.HasErrors() {
					t.Fatal("invalid node without a diagnostic")
				}
			}
		}
		for _, r := range roots {
			walk(r, 1)
		}

		// The whole file in one go, as others would read it. We are laxer
		// about the version directive, and about a document after "...",
		// which YAML 1.2 lets begin without a marker.
		if !diags.HasErrors() && !bytes.Contains(src, []byte("%")) && !bytes.Contains(src, []byte("...")) {
			dec := yaml.NewDecoder(bytes.NewReader(src))
			for {
				var n yaml.Node
				err := dec.Decode(&n)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("accepted, but the YAML parser says: %v", err)
				}
			}
		}
	})
}
