package advice

import (
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/systemd"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/edit"
)

// rendered makes an input of a spec.
func rendered(t *testing.T, src string, version int) (*Input, *spec.Daemon) {
	t.Helper()
	daemons, diags := spec.Decode("a.yaml", []byte(src))
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, src)
	}
	target := generators.Target{Backend: "systemd", Version: generators.Version(version) * generators.Major}
	bundle, _ := systemd.New().Generate(daemons[0], target)
	files := Files{}
	for _, a := range bundle.Artifacts {
		files[strings.TrimPrefix(a.Path, "/")] = string(a.Content)
	}
	return &Input{
		Loader: unit.NewLoader(files, unit.Options{Version: version}),
		Load:   func(l *unit.Loader) (*unit.Unit, error) { return l.LoadFile("etc/systemd/system/web.service") },
		Tree:   system(), Systemd: version, Profile: Strict, Risk: Likely,
	}, daemons[0]
}

// TestFields: the exposure that is promised for a spec, which was computed with
// a drop-in, is that of the edited spec, and nothing is proposed again.
func TestFields(t *testing.T) {
	const head = "version: 1\nname: web\ncommand: [/usr/bin/quiet]\n"
	for _, rest := range []string{
		"", "user: web\n", "user: web\nsandboxing: {profile: baseline}\n", "user: web\nsandboxing: {profile: standard}\n", "sandboxing: {profile: strict}\n",
		"user: web\nsandboxing: {profile: standard, system_calls: ['@system-service']}\n", "user: web\nsandboxing:\n  system_calls:\n    - ~@mount\n",
		"user: web\nsandboxing: {capabilities: {ambient: [CAP_NET_BIND_SERVICE]}}\n", "user: web\ndirectories: {state: web, logs: web}\nsandboxing: {read_write_paths: [/srv/a]}\n",
		"user: web\numask: '0077'\nsandboxing: {address_families: [none]}\n",
	} {
		for _, version := range []int{250, 252, 257, 262} {
			in, d := rendered(t, head+rest, version)
			p := advise(t, in)
			out, err := edit.Set("a.yaml", []byte(head+rest), 0, p.Fields(d))
			if err != nil {
				t.Errorf("%q: %v", rest, err)
				continue
			}
			in, _ = rendered(t, string(out), version)
			u, err := in.Load(in.Loader)
			if err != nil {
				t.Fatal(err)
			}
			if a := hardening.Assess(u, hardening.Options{}); a.Exposure != p.After {
				t.Errorf("systemd %d: promised %s, the edited spec has %s:\n%s", version, p.After, a.Exposure, out)
			}
			// Without root, which a first change may take away, there can be more.
			if again := advise(t, in); len(again.Changes) > 0 && d.User != "" {
				t.Errorf("systemd %d: proposed again: %s for\n%s", version, DropInText(again.Changes), out)
			}
		}
	}
}
