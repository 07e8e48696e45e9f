package diag_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec/diag"
)

func ExampleRender() {
	src := "version: 1\nname: web\ntype: oneshot\nrestart: always\n"
	list := diag.List{{
		Code: diag.Exclusive, Severity: diag.Error, File: "web.daemon.yaml", Path: "restart",
		Span:    diag.Span{Start: diag.Pos{Line: 4, Column: 10}, End: diag.Pos{Line: 4, Column: 16}},
		Summary: "a oneshot cannot be restarted always",
		Detail:  "it has done its work when it ends",
		Fix:     "use on-failure",
		Related: []diag.Related{{
			Span:    diag.Span{Start: diag.Pos{Line: 3, Column: 7}, End: diag.Pos{Line: 3, Column: 14}},
			Message: "the type is given here",
		}},
	}}
	source := func(string) []byte { return []byte(src) }
	if err := diag.Render(os.Stdout, list, source, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// web.daemon.yaml:4:10: error: a oneshot cannot be restarted always [D030]
	//  4 | restart: always
	//    |          ^^^^^^
	// web.daemon.yaml:3:7: the type is given here
	//  3 | type: oneshot
	//    |       ^^^^^^^
	//   why: it has done its work when it ends
	//   fix: use on-failure
}

func ExampleLookup() {
	info, ok := diag.Lookup(diag.BadDuration)
	fmt.Println(ok, info.Title)
	// Output: true malformed duration
}

func at(line, col, endLine, endCol int) diag.Span {
	return diag.Span{Start: diag.Pos{Line: line, Column: col}, End: diag.Pos{Line: endLine, Column: endCol}}
}

func TestRenderSnippet(t *testing.T) {
	long := strings.Repeat("x", 300) + "HERE" + strings.Repeat("y", 300)
	tests := []struct {
		name, src string
		span      diag.Span
		want      string // what follows the first line
	}{
		{"tab", "a:\tb\tc\n", at(1, 6, 1, 7), " 1 | a:  b   c\n   |         ^\n"},
		{"tab before", "\tab\n", at(1, 2, 1, 4), " 1 |     ab\n   |     ^^\n"},
		{"wide", "名: 前x\n", at(1, 4, 1, 6), " 1 | 名: 前x\n   |     ^^^\n"},
		{"combining", "e\u0301: x\n", at(1, 5, 1, 6), " 1 | e\u0301: x\n   |    ^\n"},
		{"no end", "abc\n", at(1, 2, 0, 0), " 1 | abc\n   |  ^\n"},
		{"behind the line", "abc\n", at(1, 9, 0, 0), " 1 | abc\n   |    ^\n"},
		{"two lines", "abc\ndef\n", at(1, 2, 2, 2), " 1 | abc\n   |  ^^\n"},
		{"CRLF", "abc\r\ndef\r\n", at(1, 1, 1, 4), " 1 | abc\n   | ^^^\n"},
		{"no such line", "abc\n", at(7, 1, 7, 2), ""},
		{"no position", "abc\n", diag.Span{}, ""},
		{"escape", "a: \x1b[31mred\x07\n", at(1, 4, 1, 5), ` 1 | a: \x1b[31mred\x07` + "\n   |    ^^^^\n"},
		{"direction", "a: \u202eb\n", at(1, 5, 1, 6), ` 1 | a: \u202eb` + "\n   |          ^\n"},
		{"not UTF-8", "a: \xffb\n", at(1, 5, 1, 6), ` 1 | a: \xffb` + "\n   |        ^\n"},
		{"long", long, at(1, 301, 1, 305), " 1 | ..." + strings.Repeat("x", 40) + "HERE" + strings.Repeat("y", 76) + "...\n" +
			"   | " + strings.Repeat(" ", 43) + "^^^^\n"},
		{"end of a long line", long, at(1, 604, 1, 605), " 1 | ..." + strings.Repeat("y", 41) + "\n" +
			"   | " + strings.Repeat(" ", 43) + "^\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			list := diag.List{{Code: diag.BadValue, Severity: diag.Error, Span: tt.span, Summary: "s"}}
			if err := diag.Render(&b, list, func(string) []byte { return []byte(tt.src) }, false); err != nil {
				t.Fatal(err)
			}
			_, got, _ := strings.Cut(b.String(), "\n")
			if got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestRenderWithoutSource(t *testing.T) {
	list := diag.List{
		{Code: "X1", Severity: diag.Warning, File: "a\x1b]0;b", Span: at(3, 1, 3, 2), Summary: "two\nlines", Detail: "one\ntwo", Related: []diag.Related{{Span: at(1, 1, 1, 2), Message: "there"}}},
		{Code: "X2", Severity: diag.Note, Summary: "nowhere"},
	}
	var b strings.Builder
	if err := diag.Render(&b, list, nil, false); err != nil {
		t.Fatal(err)
	}
	want := `a\x1b]0;b:3:1: warning: two\nlines [X1]` + "\n" + `a\x1b]0;b:1:1: there` + "\n  why: one\n       two\n\nnote: nowhere [X2]\n"
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestRenderColor(t *testing.T) {
	list := diag.List{{Code: "X1", Severity: diag.Error, File: "f", Span: at(1, 1, 1, 2), Summary: "s", Fix: "x"}}
	render := func(color bool) string {
		var b strings.Builder
		if err := diag.Render(&b, list, func(string) []byte { return []byte("abc") }, color); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	plain, colored := render(false), render(true)
	if !strings.Contains(colored, "\x1b[1;31merror:\x1b[0m") {
		t.Errorf("the severity has no color: %q", colored)
	}
	var stripped strings.Builder
	for s := colored; s != ""; {
		if strings.HasPrefix(s, "\x1b[") {
			_, s, _ = strings.Cut(s, "m")
			continue
		}
		stripped.WriteByte(s[0])
		s = s[1:]
	}
	if stripped.String() != plain {
		t.Errorf("colors change the text:\n%s\n%s", stripped.String(), plain)
	}
}

// FuzzRender proves that no document can reach the terminal with anything but
// printable text.
func FuzzRender(f *testing.F) {
	f.Add("name: x\x1b[2J", "a\tb\x00\u202e", 1, 3, 9)
	f.Add("\ufeffname: \u200bx\r", "\xff", 1, 1, 0)
	f.Add(strings.Repeat("名", 200), "", 1, 150, 180)
	f.Fuzz(func(t *testing.T, src, text string, line, col, end int) {
		list := diag.List{{
			Code: "X", Severity: diag.Error, File: text, Span: at(line, col, line, end), Summary: text, Detail: text, Fix: text,
			Related: []diag.Related{{Span: at(end, line, col, line), Message: text}},
		}}
		var b strings.Builder
		if err := diag.Render(&b, list, func(string) []byte { return []byte(src) }, false); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		if !utf8.ValidString(out) {
			t.Errorf("broken UTF-8: %q", out)
		}
		for _, c := range out {
			if c != '\n' && c != '\u200d' && (unicode.Is(unicode.Cc, c) || unicode.Is(unicode.Cf, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c)) {
				t.Errorf("%U in %q", c, out)
			}
		}
	})
}

// TestCodes keeps the tables honest: unique, ordered within their group, documented.
func TestCodes(t *testing.T) {
	seen := map[diag.Code]bool{}
	for _, c := range diag.Codes() {
		switch {
		case seen[c.Code]:
			t.Errorf("%s is listed twice", c.Code)
		case c.Title == "" || c.Help == "":
			t.Errorf("%s is not documented", c.Code)
		case strings.HasSuffix(c.Title, ".") || !strings.HasSuffix(c.Help, "."):
			t.Errorf("%s: a title is a phrase, a help text has sentences: %q, %q", c.Code, c.Title, c.Help)
		}
		seen[c.Code] = true
	}
}

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "日本": 4, "→ 9.4": 5, "\x1b": 4, "\xff": 4, "\u202e": 6} {
		if got := diag.Width(s); got != want {
			t.Errorf("%q takes %d columns, want %d", s, got, want)
		}
		if p := diag.Printable(s); diag.Width(p) != want {
			t.Errorf("%q as %q takes %d columns, want %d", s, p, diag.Width(p), want)
		}
	}
}
