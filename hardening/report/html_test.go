package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	mdhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
	"github.com/daemonize/daemonize/spec/diag"
)

// TestPage: the page is made of what it should be made of, and its policy
// permits its own style and scripts and nothing else.
func TestPage(t *testing.T) {
	page := write(t, "html", report.Options{}, results(t))
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	policy := ""
	var inline []string
	ids := map[string]bool{}
	var targets []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]string{"img", "iframe", "object", "embed", "form", "base", "audio", "video", "source"}, n.Data) {
			t.Errorf("there is a %s", n.Data)
		}
		if n.Data == "script" || n.Data == "style" {
			sum := sha256.Sum256([]byte(n.FirstChild.Data))
			inline = append(inline, n.Data+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:]))
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "content" && strings.HasPrefix(a.Val, "default-src"):
				policy = a.Val
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "srcset", a.Key == "action":
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("two elements are called %s", a.Val)
				}
				ids[a.Val] = true
			case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
				targets = append(targets, a.Val[1:])
			case a.Key == "href" && n.Data == "link" && a.Val != "data:,",
				a.Key == "href" && n.Data == "a" && !strings.HasPrefix(a.Val, "https://"):
				t.Errorf("<%s href=%q>", n.Data, a.Val)
			}
		}
	}
	for _, target := range targets {
		if !ids[target] {
			t.Errorf("a link leads to #%s, which is not there", target)
		}
	}
	if len(inline) != 3 {
		t.Errorf("there are %d styles and scripts", len(inline))
	}
	for _, want := range append(inline, "default-src 'none'", "base-uri 'none'", "form-action 'none'") {
		kind, source, _ := strings.Cut(want, " ")
		_, directive, _ := strings.Cut(policy, kind)
		directive, _, _ = strings.Cut(directive, ";")
		if !strings.Contains(directive, source) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy is %s", policy)
	}
	if n := strings.Count(text(doc), diag.Printable(hostile)); n < 12 {
		t.Errorf("the hostile text can be read %d times", n)
	}
}

// text is what can be read.
func text(doc *html.Node) string {
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return b.String()
}

// named is a report in which every text that others choose is s.
func named(t testing.TB, format, s string) []byte {
	scored := assess(t, "a.service", 257, 0, "User=b\n")
	scored.Unit, scored.Path, scored.Backend = s, s, s
	scored.Findings = []hardening.Finding{
		{ID: s, Severity: s, Message: s, File: s, Line: 1, Column: 1, Fix: s},
		{ID: s, Severity: s, Message: s, File: s, Line: 1, Column: 1, Fix: s, Suppressed: s},
	}
	failed := hardening.Failed(s, s, 257, errors.New(s))
	return write(t, format, report.Options{}, []hardening.Result{scored, failed})
}

// structure is the elements of a page with their attributes.
func structure(t testing.TB, format, s string) []string {
	page := named(t, format, s)
	if format == "markdown" {
		md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(mdhtml.WithUnsafe()))
		var b bytes.Buffer
		if err := md.Convert(page, &b); err != nil {
			t.Fatal(err)
		}
		page = b.Bytes()
	}
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			tag := n.Data
			for _, a := range n.Attr {
				tag += " " + a.Key
			}
			out = append(out, tag)
		} else if n.Type == html.CommentNode {
			out = append(out, "comment")
		}
	}
	return out
}

// FuzzNames: whatever things are called, a page has the same elements with the
// same attributes, and a terminal is sent nothing that it obeys.
func FuzzNames(f *testing.F) {
	for _, s := range []string{
		hostile, `"><script>alert(1)</script>`, `' onmouseover='alert(1)`, "</script>", "</pre></td>", "<!--", "]]>", "a|b", `a\|b`, "``", "`", " a ", "*a*", "_a_", "__a__",
		"[a](b)", "![a](b)", "<a@b.c>", "a@b.cc", "www.example.org", "https://example.org/", "http://x.y", "ftp://x.y", "mailto:a@b.cc", "&lt;", "# a", "- a", "1. a", "a\n\nb", "a\r\nb", "\t\t", "~~a~~", "$x$", "\\", "\\\\", "\x00\xff",
		"a  \nb", "</details>", "</summary>", "```", "[^1]", "[x]", "[ ] x", ":smile:", "\u202e", "{{x}}", "${{ x }}",
	} {
		f.Add(s)
	}
	plain := map[string][]string{"html": structure(f, "html", "x"), "markdown": structure(f, "markdown", "x")}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || slices.Contains([]string{"systemd", "info", "low", "medium", "high", "critical", hardening.InBaseline, "H001", "H010", "H020", "H030", "H040"}, s) {
			t.Skip("it means something")
		}
		for _, format := range []string{"html", "markdown"} {
			if got := structure(t, format, s); !slices.Equal(got, plain[format]) {
				t.Errorf("%s: %q makes\n%q\ninstead of\n%q", format, s, got, plain[format])
			}
		}
		for line := range strings.Lines(string(named(t, "text", s))) {
			if line = strings.TrimSuffix(line, "\n"); diag.Printable(line) != line {
				t.Errorf("text: %q makes %q", s, line)
			}
		}
	})
}
