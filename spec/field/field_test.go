package field_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/spec/field"
)

func TestIndex(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range field.All() {
		info := id.Info()
		if seen[info.Name] {
			t.Errorf("%s is there twice", info.Name)
		}
		seen[info.Name] = true
		for _, part := range strings.Split(info.Name, ".") {
			if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				t.Errorf("%s is not snake_case", info.Name)
			}
		}
		if got, ok := field.Lookup(info.Name); !ok || got != id {
			t.Errorf("Lookup(%q) = %v, %t", info.Name, got, ok)
		}
		if !strings.HasSuffix(info.Doc, ".") || strings.Contains(info.Doc, "  ") {
			t.Errorf("%s: the documentation is not a sentence: %q", info.Name, info.Doc)
		}
		if strings.HasSuffix(string(info.Kind), "word") && len(info.Enum) == 0 {
			t.Errorf("%s has no words", info.Name)
		}
	}
	for _, m := range field.Mappings() {
		if len(field.Keys(m.Name)) == 0 || m.Doc == "" {
			t.Errorf("mapping %s has no keys or no documentation", m.Name)
		}
		if m.Sugar != "" {
			if _, ok := field.Lookup(m.Name + "." + m.Sugar); !ok {
				t.Errorf("mapping %s: no field %s for its sugar", m.Name, m.Sugar)
			}
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		id    field.ID
		group string
		want  bool
	}{
		{field.LimitsMemory, "limits", true},
		{field.LimitsMemory, "limits.memory", true},
		{field.LimitsMemoryHigh, "limits.memory", false},
		{field.SandboxingSystemCallsFilter, "sandboxing.system_calls", true},
		{field.Stdin, "st", false},
	} {
		if got := tt.id.Within(tt.group); got != tt.want {
			t.Errorf("%s within %s: %t", tt.id, tt.group, got)
		}
	}
}

func TestOfPath(t *testing.T) {
	for path, want := range map[string]string{
		"stop.timeout": "stop.timeout", "timers[0].cron": "timers.cron", "sockets[12].listen[3]": "sockets.listen", "": "", "a[": "a", "x[1][2].y": "x.y",
	} {
		if got := field.OfPath(path); got != want {
			t.Errorf("OfPath(%q) = %q, want %q", path, got, want)
		}
	}
}

func ExampleLookup() {
	id, ok := field.Lookup("stop.timeout")
	fmt.Println(id, ok, id.Key(), id.Info().Default, id.Security())
	// Output: stop.timeout true timeout 90s false
}
