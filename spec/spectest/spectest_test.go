package spectest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/spectest"
)

func ExampleDocument() {
	base, with := spectest.Document(field.TimersJitter)
	fmt.Print(base, "---\n", with)
	// Output:
	// version: 1
	// name: sample
	// command: [/usr/bin/sample]
	// timers: [{calendar: daily}]
	// ---
	// version: 1
	// name: sample
	// command: [/usr/bin/sample]
	// timers: [{calendar: daily, jitter: 5m}]
}

// decode fails for any diagnostic at least as serious as worst.
func decode(t *testing.T, src string, worst diag.Severity) *spec.Daemon {
	t.Helper()
	daemons, diags := spec.Decode("sample.yaml", []byte(src))
	for _, g := range diags {
		if g.Severity <= worst {
			t.Errorf("%s\n%s", g.String(), src)
		}
	}
	if len(daemons) != 1 {
		t.Fatalf("%d daemons\n%s", len(daemons), src)
	}
	return daemons[0]
}

// TestDocument proves that every field's sample is valid in its context, with
// no error and no warning, and that it sets that field and nothing else. The
// document without it may draw a warning, as the context alone can be odd.
func TestDocument(t *testing.T) {
	for _, id := range field.All() {
		t.Run(id.String(), func(t *testing.T) {
			base, with := spectest.Document(id)
			before, after := decode(t, base, diag.Error), decode(t, with, diag.Warning)
			want := slices.Collect(before.Fields())
			if !slices.Contains(want, id) {
				want = append(want, id)
			}
			switch id {
			case field.Version, field.Name, field.Command, field.BusName, field.SchedulingPriority, field.SchedulingNUMAMask:
			case field.Shell:
				want = slices.DeleteFunc(want, func(f field.ID) bool { return f == field.Command })
			default:
				if before.IsSet(id) {
					t.Errorf("the base sets the field:\n%s", base)
				}
			}
			slices.Sort(want)
			got := slices.DeleteFunc(slices.Collect(after.Fields()), after.FromProfile)
			if !slices.Equal(got, want) {
				t.Errorf("fields set: %v\nwant:       %v\n%s", got, want, with)
			}
			if len(after.Places(id)) == 0 {
				t.Errorf("no place\n%s", with)
			}
		})
	}
}
