package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
)

// TestSchema: what is written is what docs/audit.schema.json says, and the
// schema refuses what is not.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile("../../docs/audit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	schema := compile(t, "audit.schema.json", text)
	rs := results(t)
	for i := range rs {
		for j := range rs[i].Findings {
			if f := &rs[i].Findings[j]; f.Severity == hostile { // rules have none such
				f.Severity = "low"
			}
		}
	}
	for name, list := range map[string][]hardening.Result{"nothing": nil, "everything": rs, "many": fleet(t, 30)} {
		if err := validate(schema, write(t, "json", report.Options{}, list)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := string(write(t, "json", report.Options{}, rs))
	for _, change := range [][2]string{
		{`"version":1`, `"version":2`},
		{`"exposure":9.4`, `"exposure":9.41`},
		{`"exposure":9.4`, `"exposure":"9.4"`},
		{`"exposure":9.4`, `"exposure":94`},
		{`"exposure":9.4`, `"exposure":null`},
		{`"rating":"UNSAFE"`, `"rating":"BAD"`},
		{`"rating":"UNSAFE"`, `"rating":null`},
		{`"set":true`, `"set":"yes"`},
		{`"exposure":"0.3"`, `"exposure":"0.30"`},
		{`"severity":"low"`, `"severity":"lowest"`},
		{`"line":9`, `"line":-9`},
		{`"json_field"`, `"field"`},
		{`"error":null,`, ``},
		{`"fix":`, `"remedy":`},
		{`"suppressed":"in the baseline"`, `"suppressed":""`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s is nowhere", change[0])
		} else if validate(schema, []byte(bad)) == nil {
			t.Errorf("the schema accepts %s", change[1])
		}
	}

	// Every key says what it means.
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	keys := 0
	var visit func(name string, v any)
	visit = func(name string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if props, ok := m["properties"].(map[string]any); ok && m["type"] == "object" {
			for key, p := range props {
				keys++
				if d, _ := p.(map[string]any)["description"].(string); d == "" {
					t.Errorf("%s.%s has no description", name, key)
				}
			}
		}
		for key, p := range m {
			visit(name+"."+key, p)
		}
	}
	visit("", doc)
	if keys < 20 {
		t.Errorf("the schema has %d keys", keys)
	}
	page, err := os.ReadFile("../../docs/audit-json.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := bytes.Cut(page, []byte("```json\n"))
	example, _, _ = bytes.Cut(example, []byte("```\n"))
	if err := validate(schema, example); err != nil {
		t.Errorf("the example of docs/audit-json.md: %v", err)
	}
}
