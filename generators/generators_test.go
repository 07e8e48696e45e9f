package generators_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// toy is a backend that can run a command and little else.
type toy struct{ table generators.Table }

func newToy() *toy {
	t := &toy{}
	for _, id := range field.All() {
		t.table[id] = generators.Support{Level: generators.Unsupported, Why: "a toy"}
	}
	for _, id := range []field.ID{field.Version, field.Name, field.Command, field.AcceptLoss, field.Overrides} {
		t.table[id] = generators.Support{Level: generators.Native, Via: "the file"}
	}
	t.table[field.StopTimeout] = generators.Support{Level: generators.Approximate, Via: "wait", Why: "rounded up to minutes"}
	t.table[field.Watchdog] = generators.Support{Level: generators.Native, Via: "watch", Since: 3 * generators.Major}
	t.table[field.User] = generators.Support{Level: generators.Native, Via: "user", User: generators.Unsupported, UserWhy: "it is the user's own manager"}
	return t
}

func (*toy) Info() generators.Info {
	return generators.Info{Name: "toy", Title: "Toy", Default: 2 * generators.Major}
}

func (t *toy) Support() *generators.Table { return &t.table }

func (*toy) Generate(d *spec.Daemon, _ generators.Target) (generators.Bundle, diag.List) {
	var b generators.Bundle
	b.Add("/etc/toy/"+d.Name, 0o644, []byte(strings.Join(d.Command, "\n")))
	return b, nil
}

func render(t *testing.T, doc string, target generators.Target, p generators.Policy) (generators.Bundle, []string) {
	t.Helper()
	daemons, diags := spec.Decode("toy.yaml", []byte("version: 1\nname: x\ncommand: [/bin/x]\n"+doc))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	b, found := generators.Render(newToy(), daemons[0], target, p)
	var lines []string
	for _, g := range found {
		lines = append(lines, g.String())
	}
	return b, lines
}

func TestLosses(t *testing.T) {
	v2, v3 := generators.Target{Backend: "toy", Version: 2 * generators.Major}, generators.Target{Backend: "toy", Version: 3 * generators.Major}
	user := v2
	user.Scope = generators.User
	for _, tt := range []struct {
		name     string
		doc      string
		target   generators.Target
		policy   generators.Policy
		want     string // diagnostics, one a line
		rendered bool
	}{
		{"nothing lost", "", v2, generators.Policy{}, "", true},
		{"a loss is a warning", "scheduling: {nice: 5}", v2, generators.Policy{},
			"toy.yaml:4:20: warning: scheduling.nice has no effect on toy@2 [L002]", true},
		{"a security loss is an error", "sandboxing: {no_new_privileges: true}", v2, generators.Policy{},
			"toy.yaml:4:33: error: sandboxing.no_new_privileges has no effect on toy@2 [L001]", false},
		{"umask is security", `umask: "0077"`, v2, generators.Policy{},
			"toy.yaml:4:8: error: umask has no effect on toy@2 [L001]", false},
		{"asking for nothing loses nothing", "sandboxing: {no_new_privileges: false, protect_system: no}\numask: \"0022\"", v2, generators.Policy{}, "", true},
		{"approximate warns", "stop: {timeout: 5s}", v2, generators.Policy{},
			"toy.yaml:4:17: warning: stop.timeout is only approximate on toy@2 [L003]", true},
		{"strict refuses", "stop: {timeout: 5s}", v2, generators.Policy{Strict: true},
			"toy.yaml:4:17: error: stop.timeout is only approximate on toy@2 [L003]", false},
		{"too old", "type: notify\nwatchdog: 5s", v2, generators.Policy{Allow: []string{"type"}},
			"toy.yaml:4:7: note: type has no effect on toy@2, as accepted [L005]\ntoy.yaml:5:11: warning: watchdog has no effect on toy@2 [L002]", true},
		{"new enough", "type: notify\nwatchdog: 5s", v3, generators.Policy{Allow: []string{"type"}},
			"toy.yaml:4:7: note: type has no effect on toy@3, as accepted [L005]", true},
		{"user scope", "user: web", user, generators.Policy{},
			"toy.yaml:4:7: error: user has no effect on toy@2 (user) [L001]", false},
		{"the author consents to a group", "sandboxing: {no_new_privileges: true}\naccept_loss: {toy: [sandboxing]}", v2, generators.Policy{Strict: true},
			"toy.yaml:4:33: note: sandboxing.no_new_privileges has no effect on toy@2, as accepted [L005]", true},
		{"consent for another backend", "sandboxing: {no_new_privileges: true}\naccept_loss: {other: [sandboxing]}", v2, generators.Policy{},
			"toy.yaml:4:33: error: sandboxing.no_new_privileges has no effect on toy@2 [L001]", false},
		{"consent does not cover a longer name", "sandboxing: {no_new_privileges: true}\naccept_loss: {toy: [sandboxing.no_exec_paths]}", v2, generators.Policy{},
			"toy.yaml:4:33: error: sandboxing.no_new_privileges has no effect on toy@2 [L001]\ntoy.yaml:5:21: note: accept_loss of sandboxing.no_exec_paths has no effect: toy@2 loses nothing of it [L006]", false},
		{"a profile is one loss", "sandboxing: {profile: baseline, private_tmp: no}", v2, generators.Policy{},
			"toy.yaml:4:23: error: sandboxing.profile baseline is not enforced by toy@2: no_new_privileges, protect_system, protect_hostname, protect_clock, protect_kernel_tunables, protect_kernel_modules, protect_kernel_logs, protect_control_groups, lock_personality, restrict_realtime, restrict_suid_sgid [L001]", false},
		{"each list item", "timers: [{calendar: daily}, {calendar: weekly}]\ntype: oneshot", v2, generators.Policy{Allow: []string{"type"}},
			"toy.yaml:4:21: warning: timers.calendar has no effect on toy@2 [L002]\ntoy.yaml:4:40: warning: timers.calendar has no effect on toy@2 [L002]\ntoy.yaml:5:7: note: type has no effect on toy@2, as accepted [L005]", true},
		{"overrides are noted", "overrides: {toy: {k: v}, other: {k: v}}", v2, generators.Policy{},
			"toy.yaml:4:22: note: native k is written unchecked for toy@2 [L007]", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, lines := render(t, tt.doc, tt.target, tt.policy)
			if got := strings.Join(lines, "\n"); got != tt.want {
				t.Errorf("diagnostics\n got %s\nwant %s", got, tt.want)
			}
			if rendered := len(b.Artifacts) > 0; rendered != tt.rendered {
				t.Errorf("rendered: %t, want %t", rendered, tt.rendered)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	for s, want := range map[string]generators.Version{"254": 254_000, "4.2": 4002, "4.2.5": 4002, "10.15": 10015} {
		v, ok := generators.ParseVersion(s)
		if !ok || v != want {
			t.Errorf("ParseVersion(%q) = %d, %t", s, v, ok)
		}
	}
	for _, s := range []string{"", "x", "1.x", "-1", "99999999", "1.9999"} {
		if v, ok := generators.ParseVersion(s); ok {
			t.Errorf("ParseVersion(%q) = %d", s, v)
		}
	}
	if s := (4*generators.Major + 2).String(); s != "4.2" {
		t.Errorf("version prints as %q", s)
	}
}

func ExampleRender() {
	daemons, _ := spec.Decode("web.yaml", []byte("version: 1\nname: web\ncommand: [/usr/bin/web]\nscheduling: {nice: 5}\n"))
	target := generators.Target{Backend: "toy", Version: 2 * generators.Major}
	bundle, losses := generators.Render(newToy(), daemons[0], target, generators.Policy{})
	fmt.Println(bundle.Artifacts[0].Path)
	fmt.Println(losses[0].String())
	// Output:
	// /etc/toy/web
	// web.yaml:4:20: warning: scheduling.nice has no effect on toy@2 [L002]
}

func TestCondense(t *testing.T) {
	daemons, diags := spec.Decode("toy.yaml", []byte("version: 1\nname: x\ncommand: [/bin/x]\nhealthcheck: {test: [/bin/y], interval: 1m, retries: 2}\nsandboxing: {no_new_privileges: true, private_tmp: true}\nscheduling: {nice: 5}\n"))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	_, full := generators.Render(newToy(), daemons[0], generators.Target{Backend: "toy", Version: 2 * generators.Major}, generators.Policy{})
	var got []string
	for _, g := range generators.Condense(full) {
		got = append(got, g.String())
	}
	want := []string{
		"toy.yaml:4:21: warning: healthcheck.test, interval and retries have no effect on toy@2 [L002]",
		"toy.yaml:5:33: error: sandboxing.no_new_privileges has no effect on toy@2 [L001]", // each needs a consent of its own
		"toy.yaml:5:52: error: sandboxing.private_tmp has no effect on toy@2 [L001]",
		"toy.yaml:6:20: warning: scheduling.nice has no effect on toy@2 [L002]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if len(full) != 6 {
		t.Errorf("the full list has %d entries", len(full))
	}
}
