package systemd

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
)

// structure lists the directives of all units, as go-systemd reads them.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		name := path.Base(a.Path)
		if !isUnit(name) {
			if !strings.Contains(a.Path, "/daemonize/") {
				for l := range strings.Lines(string(a.Content)) {
					first, _, _ := strings.Cut(strings.TrimSpace(l), " ")
					out = append(out, a.Path+" "+first)
				}
			}
			continue
		}
		options, err := unit.DeserializeOptions(bytes.NewReader(a.Content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", name, err, a.Content)
		}
		for _, o := range options {
			out = append(out, name+" "+o.Section+" "+o.Name)
		}
	}
	return out, nil
}

func isUnit(name string) bool {
	switch path.Ext(name) {
	case ".service", ".socket", ".timer", ".path":
		return true
	}
	return false
}

func decode(t testing.TB, doc string) *spec.Daemon {
	t.Helper()
	daemons, diags := spec.Decode("test.yaml", []byte(doc))
	if diags.HasErrors() || len(daemons) != 1 {
		t.Fatalf("cannot decode: %v\n%s", diags, doc)
	}
	return daemons[0]
}
