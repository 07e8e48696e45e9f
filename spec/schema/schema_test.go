package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
	"github.com/daemonize/daemonize/spec/schema"
	"github.com/daemonize/daemonize/spec/spectest"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	src, err := schema.Generate()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schema.ID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schema.ID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance is the document as an editor's YAML 1.2 reader sees it.
func instance(n *ynode.Node) any {
	switch n.Kind {
	case ynode.Mapping:
		m := map[string]any{}
		for _, p := range n.Pairs {
			m[p.Key] = instance(p.Value)
		}
		return m
	case ynode.Sequence:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = instance(item)
		}
		return list
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return json.Number(n.Value)
		}
	}
	return n.Value
}

func validate(t *testing.T, s *jsonschema.Schema, name, doc string) error {
	t.Helper()
	roots, diags := ynode.Parse(name, []byte(doc))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	for _, root := range roots {
		// Numbers such as 0077 and 1K are not JSON; text stands for them.
		raw, err := json.Marshal(instance(root))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			return err
		}
	}
	return nil
}

// TestAcceptsWhatDecodes shows the schema every field's sample and every
// golden case.
func TestAcceptsWhatDecodes(t *testing.T) {
	s := compile(t)
	for _, id := range field.All() {
		_, doc := spectest.Document(id)
		if err := validate(t, s, id.String(), doc); err != nil {
			t.Errorf("%s: %v\n%s", id, err, doc)
		}
	}
	cases, _ := filepath.Glob("../../testdata/golden/*/daemon.yaml")
	if len(cases) == 0 {
		t.Fatal("no golden cases")
	}
	for _, path := range cases {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, path, string(src)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestRefuses shows the schema mistakes that an editor should underline.
func TestRefuses(t *testing.T) {
	s := compile(t)
	const head = "version: 1\nname: x\ncommand: [/bin/x]\n"
	for _, doc := range []string{
		"name: x\ncommand: [/bin/x]\n",
		"version: 1\nname: x\n",
		"version: 2\nname: x\ncommand: [/bin/x]\n",
		"version: 1\nname: X\ncommand: [/bin/x]\n",
		"version: 1\nname: x\ncommand: [/bin/x]\nshell: x\n",
		head + "usr: web\n",
		head + "stop: {timeout: 30}\n",
		head + "stop: {timout: 30s}\n",
		head + "restart: sometimes\n",
		head + "scheduling: {nice: 40}\n",
		head + "limits: {memory: lots}\n",
		head + "limits: {nofile: {soft: 1}}\n",
		head + "umask: '99'\n",
		head + "sandboxing: {protect_system: maybe}\n",
		head + "timers: [{calender: daily}]\n",
		head + "environment: [A]\n",
	} {
		if err := validate(t, s, "bad.yaml", doc); err == nil {
			t.Errorf("accepted:\n%s", doc)
		}
		if _, diags := spec.Decode("bad.yaml", []byte(doc)); !diags.HasErrors() {
			t.Errorf("the decoder accepts:\n%s", doc)
		}
	}
}

// TestForms keeps the list of forms complete.
func TestForms(t *testing.T) {
	for _, id := range field.All() {
		if info := id.Info(); schema.Form(info) == "text" {
			t.Errorf("kind %s (%s) has no form", info.Kind, info.Name)
		}
	}
}

func ExampleForm() {
	id, _ := field.Lookup("stop.timeout")
	fmt.Println(schema.Form(id.Info()))
	// Output: a duration such as 30s, 5m, 1h30m, or infinity
}
