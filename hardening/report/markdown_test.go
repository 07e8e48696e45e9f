package report_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
)

// TestMarkdown reads the report as GitHub would: whatever a unit is called,
// there are the elements that were meant and no others, and the names and
// messages can be read in them.
func TestMarkdown(t *testing.T) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	var page bytes.Buffer
	if err := md.Convert(write(t, "markdown", report.Options{}, results(t)), &page); err != nil {
		t.Fatal(err)
	}
	doc, err := nethtml.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	var text strings.Builder
	for n := range doc.Descendants() {
		switch n.Type {
		case nethtml.ElementNode:
			count[n.Data]++
			if n.Data == "tr" {
				cells := 0
				for c := range n.ChildNodes() {
					if c.Type == nethtml.ElementNode {
						cells++
					}
				}
				if cells != 5 {
					t.Errorf("a row has %d cells", cells)
				}
			}
		case nethtml.TextNode:
			text.WriteString(n.Data)
		default:
		}
	}
	for _, forbidden := range []string{"script", "a", "img"} {
		if count[forbidden] > 0 {
			t.Errorf("there are %d elements %s", count[forbidden], forbidden)
		}
	}
	if n := len(results(t)); count["tr"] != n+1 || count["details"] != n || count["summary"] != n {
		t.Errorf("%d units have %d rows, %d details, %d summaries", n, count["tr"], count["details"], count["summary"])
	}
	printable := strings.NewReplacer("\x1b", `\x1b`, "\u202e", `\u202e`, "\n", `\n`, "\xff", `\xff`).Replace(hostile)
	// Twice as a name in table and summary, once as a path, and in the finding.
	if n := strings.Count(text.String(), printable); n < 12 {
		t.Errorf("the hostile name is there %d times in\n%s", n, text.String())
	}
	t.Logf("elements: %v", count)
}

// TestMarkdownOfMany stays below the limit of GitHub.
func TestMarkdownOfMany(t *testing.T) {
	rs := append(fleet(t, 1000), hardening.Failed("broken.service", "broken.service", 257, errors.New("there is no `ExecStart=`")))
	text := write(t, "markdown", report.Options{}, rs)
	if len(text) > 512<<10 {
		t.Errorf("1000 units take %d bytes", len(text))
	}
	if !bytes.Contains(text, []byte("and 901 more units that are no worse")) || !bytes.Contains(text, []byte("do not fit here")) {
		t.Error("what is left out is not counted")
	}
	if n := bytes.Count(text, []byte("** H001 the service runs as root\n")); n != 20 || !bytes.Contains(text, []byte("- and ")) {
		t.Errorf("%d grave findings of units without a row", n)
	}
	rs = rs[len(rs)-101:]
	for i := range rs {
		rs[i].Findings = nil
	}
	if text := write(t, "markdown", report.Options{}, rs); !bytes.Contains(text, []byte("- `broken.service` was not audited: there is no \\`ExecStart=\\`\n")) {
		t.Errorf("an error is not shown:\n%s", text)
	}
}
