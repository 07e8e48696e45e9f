package ynode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/spec/diag"
)

// place writes a span as line:column-line:column.
func place(s diag.Span) string {
	return fmt.Sprintf("%d:%d-%d:%d", s.Start.Line, s.Start.Column, s.End.Line, s.End.Column)
}

// TestProblems checks the code, exact place and words of every problem. A want
// line is "CODE start-end summary"; an end of 0:0 is unknown.
func TestProblems(t *testing.T) {
	tests := []struct {
		name, src string
		roots     int
		want      []string
	}{
		// Scanner errors.
		{"colon in value", "a: 1\nb: c: d\n", 0, []string{"D001 2:5-2:6 a value with a colon and a space in it must be quoted"}},
		{"colon in value after UTF-8", "é: ü: x\n", 0, []string{"D001 1:5-1:6 a value with a colon and a space in it must be quoted"}},
		{"indented too far", "a: 1\n  b: 2\n", 0, []string{"D001 2:3-2:4 this line is indented too far"}},
		{"indented too far in list", "- a\n- b: 1\n   c: 2\n", 0, []string{"D001 3:4-3:5 this line is indented too far"}},
		{"long key", strings.Repeat("é", 1025) + ": 1\n", 0, []string{"D001 1:1-1:2 a key is longer than 1024 characters"}},
		{"no colon first", "foo\nbar: 1\n", 0, []string{"D001 1:1-1:4 a colon is missing on this line"}},
		{"no colon", "a: 1\nfoo # x\nbar: 1\n", 0, []string{"D001 2:1-2:4 a colon is missing on this line"}},
		{"no colon nested", "a:\n  b: 1\n  foo\n  bar: 1\n", 0, []string{"D001 3:3-3:6 a colon is missing on this line"}},
		{"no space after colon", "a: 1\nuser:root\nbar: 1\n", 0, []string{"D001 2:1-2:10 a space is missing after the colon"}},
		{"no space after dash", "a:\n  - b\n  -c\n", 0, []string{"D001 3:3-3:4 a space is missing after the dash"}},
		{"double quote", "a: 1\nx: \"abc\ny: 1\n", 0, []string{"D001 2:4-2:5 this quote is never closed"}},
		{"single quote", "x: ['a', 'abc]\ny: 1\n", 0, []string{"D001 1:10-1:11 this quote is never closed"}},
		{"quote at end", "x: \"", 0, []string{"D001 1:4-1:5 this quote is never closed"}},
		{"escape", "b: [\"c:\\\\ok\", \"é \\q\"]\n", 0, []string{`D001 1:18-1:20 unknown escape sequence \q`}},
		{"hex escape", "a: 1\nb: \"\\xZZ\"\n", 0, []string{`D001 2:5-2:7 unknown escape sequence \x`}},
		{"surrogate escape", "b: \"\\ud800\"\n", 0, []string{`D001 1:5-1:7 unknown escape sequence \u`}},
		{"tab after mapping", "x:\n\ta: 1\n", 0, []string{"D001 2:1-2:2 a tab is used for indentation"}},
		{"tab after value", "x:\n  a: 1\n\tb: 1\n", 0, []string{"D001 3:1-3:2 a tab is used for indentation"}},
		{"tab in block", "a: |\n \tx\n\ty\n", 0, []string{"D001 2:2-2:3 a tab is used for indentation"}},
		{"cron", "é:\n  cron: */5 * * * *\n", 0, []string{"D001 2:9-2:10 a value that begins with * must be quoted"}},
		{"daily", "x: 1\ncron: @daily\n", 0, []string{"D001 2:7-2:8 a value that begins with @ must be quoted"}},
		{"percent", "a: %x\n", 0, []string{"D001 1:4-1:5 a value that begins with % must be quoted"}},
		{"ampersand", "a: &é x\n", 0, []string{"D001 1:4-1:5 a value that begins with & must be quoted"}},
		{"tag", "a: 1\nb: !e!foo x\n", 0, []string{"D001 2:4-2:10 a value that begins with ! must be quoted"}},
		{"block header", "a: 1\nb: |x\n", 0, []string{"D001 2:4-2:5 text follows the beginning of a block of text"}},
		{"block indentation", "a: >0\n", 0, []string{"D001 1:4-1:5 text follows the beginning of a block of text"}},
		{"dash on line", "a: - b\n", 0, []string{"D001 1:4-1:5 a list item cannot begin here"}},
		{"question mark", "a: ? b\n", 0, []string{"D001 1:4-1:5 a question mark cannot stand here"}},
		{"directive", "%FOO bar\n---\na: 1\n", 0, []string{"D001 1:1-1:9 a line that begins with % is not a valid directive"}},
		{"directive in the middle", "a: 1\n%x\n", 0, []string{"D001 2:1-2:3 a line that begins with % is not a valid directive"}},
		{"too many brackets", strings.Repeat("[", 10_001), 0, []string{"D008 1:33-0:0 nested more than 32 levels deep"}},

		// Parser errors.
		{"bracket", "y: 1\nx: [a, b\ny: 1\nz: [c]\n", 0, []string{"D001 2:4-2:5 [ is never closed"}},
		{"bracket at end", "x: [a, b", 0, []string{"D001 1:4-1:5 [ is never closed"}},
		{"bracket closed by another", "x: [a, b\ny: 1\nz: 2]\n", 0, []string{"D001 1:4-1:5 [ is never closed"}},
		{"brace", "x: {a: 1\ny: 2\n", 0, []string{"D001 1:4-1:5 { is never closed"}},
		{"wrong bracket", "\n\na: {b: [c, d}\n", 0, []string{"D001 3:13-3:14 } cannot close ["}},
		{"two commas", "x: [a, , c]\n", 0, []string{"D001 1:8-1:9 a value is missing before ,"}},
		{"no comma", "x: [\"a\" \"b\"]\n", 0, []string{"D001 1:9-1:12 a comma or ] is missing before this"}},
		{"dash in brackets", "x: [\n  - a\n]\n", 0, []string{"D001 2:3-2:4 a list item with a dash cannot stand inside brackets"}},
		{"closes nothing", "a: ]\n", 0, []string{"D001 1:4-1:5 ] closes nothing"}},
		{"closes twice", "a: [1, 2]]\n", 0, []string{"D001 1:10-1:11 ] closes nothing"}},
		{"dedent", "x:\n    a: 1\n  b: 2\n", 0, []string{"D001 3:3-3:4 the indentation fits none of the lines above"}},
		{"dedent at root", "  a: 1\n b: 2\n", 0, []string{"D001 2:2-2:3 the indentation fits none of the lines above"}},
		{"dedent in block", "x: |\n  a\n b\n", 0, []string{"D001 3:2-3:3 the indentation fits none of the lines above"}},
		{"key in list", "x:\n  - a\n  b: 1\n", 0, []string{"D001 3:3-3:4 a key stands where a list item is expected"}},
		{"item in mapping", "a: 1\n- b\n", 0, []string{"D001 2:1-2:2 a list item stands where a key is expected"}},
		{"after quote", "é: \"v\" w\n", 0, []string{"D001 1:8-1:9 text follows the end of a value"}},
		{"apostrophe", "key: 'it's'\n", 0, []string{"D001 1:10-1:12 text follows the end of a value"}},
		{"quote closed late", "a: \"root\nb: \"x\"\n", 0, []string{"D001 1:4-1:5 this quote is not closed on its line"}},

		// Anchors and aliases.
		{"unknown anchors", "# *no\na: [*x, *y]\nb: \"*z\"\nc: &x 1\nd: *x\n", 0, []string{"D011 2:5-2:7 alias *x has no anchor", "D011 2:9-2:11 alias *y has no anchor"}},
		{"anchor of other document", "a: &x 1\n---\nb: *x\n", 1, []string{"D011 3:4-3:6 alias *x has no anchor"}},
		{"cycle", "a: &a [b, *a]\n", 1, []string{"D005 1:11-1:13 alias *a is inside the value it stands for"}},

		// Keys.
		{"duplicates", "a: 1\nb: 2\na: 3\n\"a\": 4\n", 1, []string{`D003 3:1-3:2 key "a" is given twice`, `D003 4:1-4:4 key "a" is given twice`}},
		{"list as key", "? [a]\n: 1\nb: {c: 1, c: 2}\n", 1, []string{"D007 1:3-0:0 a list or mapping is used as a key", `D003 3:11-3:12 key "c" is given twice`}},
		{"alias of list as key", "a: &x [1]\n*x : 2\n", 1, []string{"D007 2:1-2:3 a list or mapping is used as a key"}},
		{"null key", "~: 1\n", 1, []string{"D007 1:1-1:2 a key is empty"}},
		{"merge scalar", "<<: 3\n", 1, []string{"D006 1:5-1:6 a scalar cannot be merged into a mapping"}},
		{"merge list of scalars", "<<: [{a: 1}, 2, [3]]\n", 1, []string{"D006 1:14-1:15 a scalar cannot be merged into a mapping", "D006 1:17-1:20 a list cannot be merged into a mapping"}},
		{"two merges", "x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", 1, []string{`D003 4:3-4:5 key "<<" is given twice`}},

		// Tags.
		{"custom tag", "a: &b !foo x\n", 1, []string{"D020 1:7-1:11 tag !foo is not supported"}},
		{"custom tag of mapping", "a: !foo {b: 1}\n", 1, []string{"D020 1:4-1:8 tag !foo is not supported"}},
		{"binary", "a: !!binary aGk=\n", 1, []string{"D020 1:4-1:12 tag !!binary is not supported"}},
		{"wrong tag", "a: !!int foo\n", 1, []string{`D020 1:10-1:13 "foo" is not what the tag !!int says`}},

		// Encoding and characters.
		{"latin1", "a: x\nb: \xe9\n", 0, []string{"D002 2:4-2:5 byte 0xe9 is not UTF-8"}},
		{"UTF-16", "\xff\xfea\x00", 0, []string{"D002 1:1-0:0 the file is UTF-16, not UTF-8"}},
		{"NUL", "a: 1\nbé: \x00\n", 0, []string{"D002 2:5-2:6 the file contains a NUL byte"}},
		{"BOM", "\uFEFFa: 1\nb: 2\n", 1, nil},
		{"BOM inside", "a: 1\n\uFEFFb: 2\n", 1, []string{"D010 2:1-2:2 byte order mark U+FEFF in the file"}},
		{"raw controls", "a: x\x07y\nb: \x7f\u0085\u2028 # \u202e\u2066\n", 1, []string{
			"D010 1:5-1:6 control character U+0007 in the file",
			"D010 2:4-2:5 control character U+007F in the file",
			"D010 2:5-2:6 control character U+0085 in the file",
			"D010 2:6-2:7 line separator U+2028 in the file",
			"D010 2:10-2:11 bidirectional control U+202E in the file",
			"D010 2:11-2:12 bidirectional control U+2066 in the file"}},
		{"lone carriage return", "a: x\rb: y\r\n", 0, []string{"D001 1:7-1:8 a value with a colon and a space in it must be quoted", "D010 1:5-1:6 carriage return in the file"}},
		{"escaped control", "a:\n  - \"é\\ty\\e[0m\"\n", 1, []string{"D010 2:10-2:12 control character U+001B in a value"}},
		{"escaped NUL in key", "\"\\0\": 1\n", 1, []string{"D010 1:2-1:4 control character U+0000 in a value"}},
		{"escaped separator", "a: \"\\L\"\n", 1, []string{"D010 1:5-1:7 line separator U+2028 in a value"}},
		{"escaped bidi", "a: \"\\u202E\"\n", 1, []string{"D010 1:5-1:11 bidirectional control U+202E in a value"}},
		{"tab and newline", "a: \"x\\ty\\n\"\nb: |\n  x\ty\n", 1, nil},

		// Whole file.
		{"empty", "", 0, []string{"D009 1:1-1:1 the file holds no daemon"}},
		{"comments", "# x\n\n  # y\n", 0, []string{"D009 1:1-1:1 the file holds no daemon"}},
		{"markers", "---\n---\n...\n", 0, []string{"D009 1:1-1:1 the file holds no daemon"}},
		{"too large", strings.Repeat("#", 4<<20+1), 0, []string{"D012 0:0-0:0 the file has 4194305 bytes, more than the 4194304 allowed"}},
		{"large enough", strings.Repeat("#", 4<<20-5) + "\na: 1", 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The position has to be the same further down the file and
			// with the other sort of line end.
			for _, v := range []struct {
				name  string
				src   string
				lines int
				roots int
			}{
				{"alone", tt.src, 0, 0},
				{"in document 2", "first: 1\n---\n" + tt.src, 2, 1},
				{"CRLF", strings.ReplaceAll(tt.src, "\n", "\r\n"), 0, 0},
			} {
				// What concerns the file as a whole is not a matter of documents.
				if v.lines > 0 && (len(tt.src) > 1<<20 || strings.HasPrefix(tt.src, "%") || strings.HasPrefix(tt.src, "\uFEFF") ||
					len(tt.want) > 0 && (strings.HasPrefix(tt.want[0], "D009") || strings.HasPrefix(tt.want[0], "D002"))) {
					continue
				}
				if v.name == "CRLF" && (strings.Contains(tt.src, "\r") || len(tt.src) > 1<<20) {
					continue
				}
				roots, diags := Parse("f.yaml", []byte(v.src))
				if len(roots) != tt.roots+v.roots {
					t.Errorf("%s: %d documents, want %d", v.name, len(roots), tt.roots+v.roots)
				}
				var got []string
				for _, d := range diags {
					s := d.Span
					if s.Start.Line > 0 {
						s.Start.Line -= v.lines
					}
					if s.End.Line > 0 {
						s.End.Line -= v.lines
					}
					got = append(got, fmt.Sprintf("%s %s %s", d.Code, place(s), d.Summary))
					if d.Severity != diag.Error || d.File != "f.yaml" || d.Detail == "" || d.Fix == "" {
						t.Errorf("%s: incomplete diagnostic %+v", v.name, d)
					}
				}
				want := slices.Clone(tt.want)
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s: %.200q\n got %q\nwant %q", v.name, v.src, got, want)
				}
			}
		})
	}
}

func TestRelated(t *testing.T) {
	tests := []struct{ src, want string }{
		{"a: 1\nb: 2\na: 3\n", "1:1-1:2 first given here"},
		{"x: [a, b\ny: 1\n", "2:1-0:0 this cannot be inside the bracket"},
		{"a: \"root\nb: \"x\"\n", "2:5-0:0 the quoted text ends just before this"},
		{"---\na: 1\n  b: 2\n", "2:1-0:0 this line is taken to go on"},
	}
	for _, tt := range tests {
		_, diags := Parse("", []byte(tt.src))
		if len(diags) != 1 || len(diags[0].Related) != 1 {
			t.Errorf("%q: got %v, want one diagnostic with one related place", tt.src, diags)
			continue
		}
		r := diags[0].Related[0]
		if got := place(r.Span) + " " + r.Message; got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.src, got, tt.want)
		}
	}
}

func TestDiagnosticPath(t *testing.T) {
	_, diags := Parse("", []byte("a:\n  - b.c: {d: 1, d: 2}\n"))
	if len(diags) != 1 || diags[0].Path != `a[0]["b.c"].d` {
		t.Errorf("got %+v", diags)
	}
}

// dump writes a tree with all places, one node a line.
func dump(n *Node) string {
	var b strings.Builder
	var walk func(n *Node, indent string)
	walk = func(n *Node, indent string) {
		switch n.Kind {
		case Scalar:
			quoted := ""
			if n.Quoted {
				quoted = " quoted"
			}
			fmt.Fprintf(&b, "%s%s %s %q%s\n", indent, place(n.Span), n.Tag, n.Value, quoted)
		default:
			fmt.Fprintf(&b, "%s%s %s\n", indent, place(n.Span), n.Kind)
		}
		for _, i := range n.Items {
			walk(i, indent+"  ")
		}
		for _, p := range n.Pairs {
			fmt.Fprintf(&b, "%s %s %s:\n", indent, place(p.KeySpan), p.Key)
			walk(p.Value, indent+"  ")
		}
	}
	walk(n, "")
	return b.String()
}

func TestTree(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"scalars", "s: é b # c\ni: 8\nn:\nf: 1.5\nb: true\non: yes\nt: 2020-01-02\nm: <<\n", `
1:1-8:6 mapping
 1:1-1:2 s:
  1:4-1:7 !!str "é b"
 2:1-2:2 i:
  2:4-2:5 !!int "8"
 3:1-3:2 n:
  3:3-3:3 !!null ""
 4:1-4:2 f:
  4:4-4:7 !!float "1.5"
 5:1-5:2 b:
  5:4-5:8 !!bool "true"
 6:1-6:3 on:
  6:5-6:8 !!str "yes"
 7:1-7:2 t:
  7:4-7:14 !!timestamp "2020-01-02"
 8:1-8:2 m:
  8:4-8:6 !!str "<<"
`},
		{"quotes", "a: \"é\\\"\" # x\n'it''s':   'x''y'\nm: \"a\n  b\"\np: a\n  b\n  c\nq: 1\n", `
1:1-8:5 mapping
 1:1-1:2 a:
  1:4-1:9 !!str "é\"" quoted
 2:1-2:8 it's:
  2:12-2:18 !!str "x'y" quoted
 3:1-3:2 m:
  3:4-4:5 !!str "a b" quoted
 5:1-5:2 p:
  5:4-7:4 !!str "a b c"
 8:1-8:2 q:
  8:4-8:5 !!int "1"
`},
		{"flow", "c: [a,  \"b\", ]  # x\nm: { k : v, e: }\nx: []\ny: [\n  1, # one\n  {}\n]\n80: [a: b]\n", `
1:1-8:11 mapping
 1:1-1:2 c:
  1:4-1:15 list
    1:5-1:6 !!str "a"
    1:9-1:12 !!str "b" quoted
 2:1-2:2 m:
  2:4-2:17 mapping
   2:6-2:7 k:
    2:10-2:11 !!str "v"
   2:13-2:14 e:
    2:16-2:16 !!null ""
 3:1-3:2 x:
  3:4-3:6 list
 4:1-4:2 y:
  4:4-7:2 list
    5:3-5:4 !!int "1"
    6:3-6:5 mapping
 8:1-8:3 80:
  8:5-8:11 list
    8:6-8:10 mapping
     8:6-8:7 a:
      8:9-8:10 !!str "b"
`},
		{"block", "l: |\n  a\n\n  b\nf: >-\n  a\n   b\n\ne: |\nk:\n- |2\n    x\n- y\n", `
1:1-13:4 mapping
 1:1-1:2 l:
  1:4-4:4 !!str "a\n\nb\n" quoted
 5:1-5:2 f:
  5:4-7:5 !!str "a\n b" quoted
 9:1-9:2 e:
  9:4-9:5 !!str "" quoted
 10:1-10:2 k:
  11:1-13:4 list
    11:3-12:6 !!str "  x\n" quoted
    13:3-13:4 !!str "y"
`},
		{"properties", "a: &x !!str 5\nb: *x\nc: !!int \"5\"\nd: ! 5\ne: &y\nf: !!float 1\n&k g: &l [*x]\n*k : *l\n", `
1:1-8:8 mapping
 1:1-1:2 a:
  1:13-1:14 !!str "5" quoted
 2:1-2:2 b:
  2:4-2:6 !!str "5" quoted
 3:1-3:2 c:
  3:10-3:13 !!int "5"
 4:1-4:2 d:
  4:6-4:7 !!str "5" quoted
 5:1-5:2 e:
  5:4-5:6 !!null ""
 6:1-6:2 f:
  6:12-6:13 !!float "1"
 7:4-7:5 g:
  7:10-7:14 list
    7:11-7:13 !!str "5" quoted
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			roots, diags := Parse("", []byte(tt.src))
			if tt.name == "properties" {
				// *k is the key g again.
				if len(diags) != 1 || diags[0].Code != diag.DuplicateKey {
					t.Errorf("diagnostics %v", diags)
				}
			} else if len(diags) > 0 {
				t.Errorf("diagnostics %v", diags)
			}
			if len(roots) != 1 {
				t.Fatalf("%d documents", len(roots))
			}
			if got, want := dump(roots[0]), strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("%s\ngot\n%s\nwant\n%s", tt.src, got, want)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	src := `
x: &x {a: 1, b: 1}
y: &y {b: 2, c: 2}
z:
  first: 0
  <<: [*x, *y, {d: 3}]
  c: explicit
w:
  <<: *y
  "<<": text
`
	roots, diags := Parse("", []byte(src))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	list := func(path string) string {
		n, _ := roots[0].Find(path)
		var b strings.Builder
		for _, p := range n.Pairs {
			fmt.Fprintf(&b, "%s=%s@%d ", p.Key, p.Value.Value, p.KeySpan.Start.Line)
		}
		return b.String()
	}
	if got, want := list("z"), "first=0@5 a=1@2 b=1@2 d=3@6 c=explicit@7 "; got != want {
		t.Errorf("z: got %s, want %s", got, want)
	}
	if got, want := list("w"), "b=2@3 c=2@3 <<=text@10 "; got != want {
		t.Errorf("w: got %s, want %s", got, want)
	}
}

func TestManyKeys(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "k%d: %d\n", i, i)
	}
	b.WriteString("k7: again\n")
	roots, diags := Parse("", []byte(b.String()))
	if len(roots) != 1 || len(roots[0].Pairs) != 100 || roots[0].Get("k7").Value.Value != "7" {
		t.Errorf("got %d keys", len(roots[0].Pairs))
	}
	if len(diags) != 1 || diags[0].Code != diag.DuplicateKey || diags[0].Span.Start.Line != 101 || diags[0].Related[0].Span.Start.Line != 8 {
		t.Errorf("got %v", diags)
	}
}

func TestDepth(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	if _, diags := Parse("", []byte(nest(32))); len(diags) > 0 {
		t.Error(diags)
	}
	roots, diags := Parse("", []byte(nest(33)))
	if len(roots) != 1 || len(diags) != 1 || diags[0].Code != diag.TooDeep || diags[0].Span.Start.Column != 33 {
		t.Error(diags)
	}
	// By way of an alias: 20 levels below 14.
	_, diags = Parse("", []byte("a: &a "+nest(20)+"\nb: "+strings.Repeat("[", 12)+"*a"+strings.Repeat("]", 12)))
	if len(diags) != 1 || diags[0].Code != diag.TooDeep || diags[0].Span.Start != (diag.Pos{Line: 2, Column: 16}) {
		t.Error(diags)
	}
	_, diags = Parse("", []byte("a: &a "+nest(19)+"\nb: "+strings.Repeat("[", 12)+"*a"+strings.Repeat("]", 12)))
	if len(diags) > 0 {
		t.Error(diags)
	}
}

// bomb doubles a list through aliases as often as told.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	return b.String()
}

func size(n *Node) int {
	total := 1
	for _, i := range n.Items {
		total += size(i)
	}
	for _, p := range n.Pairs {
		total += size(p.Value)
	}
	return total
}

func TestAliasBudget(t *testing.T) {
	for _, src := range []string{
		bomb(30),
		"a: &a {k: 1, l: 2}\nb:\n" + strings.Repeat("  - {<<: *a, m: *a}\n", 4000),
	} {
		roots, diags := Parse("", []byte(src))
		if len(roots) != 1 || len(diags) != 1 || diags[0].Code != diag.AliasBudget {
			t.Fatalf("got %v", diags)
		}
		if n := size(roots[0]); n > 30_000 {
			t.Errorf("the tree has %d nodes", n)
		}
	}
	if _, diags := Parse("", []byte(bomb(9))); len(diags) > 0 {
		t.Error(diags)
	}
}

// TestDocuments checks that documents do not disturb each other.
func TestDocuments(t *testing.T) {
	src := "# head\n%YAML 1.2\n---\nname: a\n---\n# empty\n--- # nothing\nname: [b\n---\nname: \"c\n...\n# between\n---\nname: d\n...\nname: e\n--- f\n---\nx: y: z\n"
	roots, diags := Parse("", []byte(src))
	var names []string
	for _, r := range roots {
		if r.Kind == Scalar {
			names = append(names, r.Value+"@"+place(r.Span))
			continue
		}
		v := r.Get("name").Value
		names = append(names, v.Value+"@"+place(v.Span))
	}
	if got, want := strings.Join(names, " "), "a@4:7-4:8 d@14:7-14:8 e@16:7-16:8 f@17:5-17:6"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var places []string
	for _, d := range diags {
		places = append(places, place(d.Span))
	}
	if got, want := strings.Join(places, " "), "8:7-8:8 10:7-10:8 19:5-19:6"; got != want {
		t.Errorf("errors at %s, want %s: %v", got, want, diags)
	}
}

func TestControlLimit(t *testing.T) {
	_, diags := Parse("", []byte("a: "+strings.Repeat("\x01", 50)))
	if len(diags) != maxListed || !strings.Contains(diags[maxListed-1].Detail, "30 more") {
		t.Errorf("%d diagnostics, last %+v", len(diags), diags[len(diags)-1])
	}
}

func TestFind(t *testing.T) {
	roots, diags := Parse("", []byte(`name: web
timers:
  - cron: "0 3 * * *"
    name: n
environment: {LANG: C, a.b: x, 'q"[': y, "": z}
`))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	tests := []struct{ path, value, span string }{
		{"", "mapping", "1:1-5:48"},
		{"name", "web", "1:7-1:10"},
		{"timers[0].cron", "0 3 * * *", "3:11-3:22"},
		{"timers[0]", "mapping", "3:5-4:12"},
		{"environment.LANG", "C", "5:21-5:22"},
		{`environment["a.b"]`, "x", "5:29-5:30"},
		{`environment["q\"["]`, "y", "5:39-5:40"},
		{`environment[""]`, "z", "5:46-5:47"},
		{`["name"]`, "web", "1:7-1:10"},
		// What does not exist.
		{"user", "mapping", "1:1-5:48"},
		{"environment.PATH", "mapping", "5:1-5:12"},
		{"environment.PATH.x", "mapping", "5:1-5:12"},
		{"timers[1].cron", "list", "2:1-2:7"},
		{"timers[0].every", "mapping", "3:5-4:12"},
		{"name.x", "web", "1:1-1:5"},
		{"name[0]", "web", "1:1-1:5"},
		// Malformed paths get as far as they are formed.
		{"name.", "mapping", "1:1-5:48"},
		{"timers[x]", "list", "2:1-2:7"},
		{"timers[-1]", "list", "2:1-2:7"},
		{"timers[0", "list", "2:1-2:7"},
		{"timers[0]cron", "list", "2:1-2:7"},
		{`environment["a.b`, "mapping", "5:1-5:12"},
		{"..", "mapping", "1:1-5:48"},
	}
	for _, tt := range tests {
		n, span := roots[0].Find(tt.path)
		got := n.Value
		if n.Kind != Scalar {
			got = n.Kind.String()
		}
		if got != tt.value || place(span) != tt.span {
			t.Errorf("Find(%q) = %s %s, want %s %s", tt.path, got, place(span), tt.value, tt.span)
		}
	}
	if n, span := (*Node)(nil).Find("a"); n != nil || !span.Start.IsZero() {
		t.Error("Find on nil")
	}
	if (*Node)(nil).Get("a") != nil {
		t.Error("Get on nil")
	}
}

// TestJoinKey checks that what JoinKey writes, Find reads.
func TestJoinKey(t *testing.T) {
	for _, key := range []string{"a", "a-b", "a.b", "a[0]", `a"b`, "a'b", `a\b`, "a b", "", "é", "0", "a\tb", "\u00a0"} {
		leaf := &Node{Kind: Scalar, Value: "leaf"}
		list := &Node{Kind: Sequence, Items: []*Node{{}, {Kind: Mapping, Pairs: []Pair{{Key: key, Value: leaf}}}}}
		root := &Node{Kind: Mapping, Pairs: []Pair{{Key: key, Value: list}}}
		path := JoinKey(JoinIndex(JoinKey("", key), 1), key)
		if n, _ := root.Find(path); n != leaf {
			t.Errorf("key %q: path %s not found", key, path)
		}
	}
}

func TestDiagnosticLimit(t *testing.T) {
	for _, src := range []string{strings.Repeat("a: 1\n", 2000), strings.Repeat("---\na: b: c\n", 2000)} {
		_, diags := Parse("", []byte(src))
		if len(diags) != maxDiags || !strings.Contains(diags[maxDiags-1].Detail, "more problems") {
			t.Errorf("%d diagnostics, last %+v", len(diags), diags[len(diags)-1])
		}
	}
}

// TestPanic checks that a panic of the YAML parser becomes an error.
func TestPanic(t *testing.T) {
	_, err := decode(panicReader{})
	if err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("got %v", err)
	}
	p := parser{src: []byte("a: 1\nb: 2\n")}
	p.syntax(segment{end: len(p.src), line: 1}, err)
	if len(p.diags) != 1 || p.diags[0].Code != diag.Syntax || p.diags[0].Span.Start.IsZero() || !strings.Contains(p.diags[0].Detail, "boom") {
		t.Errorf("got %+v", p.diags)
	}
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("boom") }
