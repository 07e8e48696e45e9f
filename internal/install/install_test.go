package install_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/spec"
)

// same compares what is on the host and what runs.
func same(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] != before[name] {
			t.Errorf("%s: %s was %q and is %q", what, name, before[name], after[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, had := before[name]; !had {
			t.Errorf("%s: %s: %q was left behind", what, name, after[name])
		}
	}
}

func TestInstallAndUninstall(t *testing.T) {
	h := newMachine(t)
	before := h.snapshot(t)
	mustInstall(t, h, install.Options{}, item("web", "v1"), item("db", "v1"))
	if want := []string{"reload", "start web.service db.service"}; !slices.Equal(h.m.calls, want) {
		t.Errorf("commands = %q, want %q", h.m.calls, want)
	}
	if link, err := os.Readlink(h.path("etc/fake/boot.wants/web.service")); err != nil || link != "/etc/fake/web.service" {
		t.Errorf("link = %q, %v", link, err)
	}

	h.m.calls = nil
	installed := h.snapshot(t)
	p := mustInstall(t, h, install.Options{}, item("web", "v1"), item("db", "v1"))
	if p.Changes() || len(h.m.calls) > 0 {
		t.Errorf("installing again changes something: %q", h.m.calls)
	}
	same(t, "installing again", installed, h.snapshot(t))

	// The directories belong to both: the last one removes them.
	if err := uninstall(h, install.Options{}, "web"); err != nil {
		t.Fatal(err)
	}
	if err := uninstall(h, install.Options{}, "db"); err != nil {
		t.Fatal(err)
	}
	same(t, "uninstalling", before, h.snapshot(t))
	if len(h.m.state) > 0 {
		t.Errorf("still known to the manager: %v", h.m.running())
	}
	if err := uninstall(h, install.Options{}, "web"); !errors.Is(err, install.ErrNotInstalled) {
		t.Errorf("uninstalling again: %v", err)
	}
}

func TestUpgradeRestartsWhatChangedAndRuns(t *testing.T) {
	h := newMachine(t)
	mustInstall(t, h, install.Options{}, item("web", "v1", "web.timer"), item("db", "v1"))
	h.m.calls = nil
	changed := item("web", "v1", "web.timer")
	for i := range changed.Bundle.Artifacts {
		if a := &changed.Bundle.Artifacts[i]; strings.HasSuffix(a.Path, ".timer") {
			a.Content = []byte("v2")
		}
	}
	mustInstall(t, h, install.Options{}, changed, item("db", "v1"))
	if want := []string{"reload", "restart web.timer"}; !slices.Equal(h.m.calls, want) {
		t.Errorf("commands = %q, want %q", h.m.calls, want)
	}

	// A file that belongs to no job concerns all.
	h.m.calls = nil
	changed.Bundle.Artifacts[0].Content = []byte("A=2")
	mustInstall(t, h, install.Options{}, changed)
	if want := []string{"reload", "restart web.service", "restart web.timer"}; !slices.Equal(h.m.calls, want) {
		t.Errorf("commands = %q, want %q", h.m.calls, want)
	}

	// What somebody stopped stays stopped.
	if _, err := h.m.Run(context.Background(), []string{"mgr", "stop", "db.service"}); err != nil {
		t.Fatal(err)
	}
	h.m.calls = nil
	p := mustInstall(t, h, install.Options{}, item("db", "v2"))
	if want := []string{"reload"}; !slices.Equal(h.m.calls, want) {
		t.Errorf("commands = %q, want %q", h.m.calls, want)
	}
	if notes := p.Outcomes[0].Notes; len(notes) != 1 || !strings.Contains(notes[0], "is stopped") {
		t.Errorf("notes = %q", notes)
	}

	// A job that is no longer wanted ends, and its files go.
	mustInstall(t, h, install.Options{}, item("web", "v3"))
	if _, err := os.Lstat(h.path("etc/fake/web.timer")); err == nil || h.m.state["web.timer"] != nil {
		t.Error("web.timer is still there")
	}
}

func TestOptions(t *testing.T) {
	h := newMachine(t)
	mustInstall(t, h, install.Options{NoEnable: true, NoStart: true}, item("web", "v1"))
	if want := []string{"reload"}; !slices.Equal(h.m.calls, want) {
		t.Errorf("commands = %q, want %q", h.m.calls, want)
	}
	if _, err := os.Lstat(h.path("etc/fake/boot.wants")); err == nil {
		t.Error("enabled in spite of NoEnable")
	}
	// An existing link is neither removed nor forgotten.
	mustInstall(t, h, install.Options{}, item("web", "v1"))
	mustInstall(t, h, install.Options{NoEnable: true}, item("web", "v2"))
	if _, err := os.Lstat(h.path("etc/fake/boot.wants/web.service")); err != nil {
		t.Error(err)
	}
	if err := uninstall(h, install.Options{}, "web"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(h.path("etc/fake/boot.wants/web.service")); err == nil {
		t.Error("the link was forgotten")
	}
}

// What was disabled since stays so, whether that is a link or known to the
// manager only, until the spec itself says something else than before.
func TestDisabledStaysSo(t *testing.T) {
	for _, backend := range []string{"fake", "plain"} {
		t.Run(backend, func(t *testing.T) {
			h := newMachine(t)
			before := h.snapshot(t)
			items := func(content string, enable bool) []install.Item {
				it := on(backend, item("web", content))
				for i := range it[0].Bundle.Jobs {
					it[0].Bundle.Jobs[i].Enable = enable
				}
				return it
			}
			link := h.path("etc/fake/boot.wants/web.service")
			enabled := func() bool {
				_, err := os.Lstat(link)
				return err == nil || h.m.on["web.service"]
			}
			mustInstall(t, h, install.Options{}, items("v1", true)...)
			if !enabled() {
				t.Fatal("not enabled")
			}
			if backend == "fake" {
				if err := os.Remove(link); err != nil {
					t.Fatal(err)
				}
			}
			delete(h.m.on, "web.service")
			for range 2 {
				p := mustInstall(t, h, install.Options{}, items("v1", true)...)
				if notes := p.Outcomes[0].Notes; p.Changes() || enabled() || len(notes) != 1 || notes[0] != "web is disabled and was left so (daemonize enable web)" {
					t.Errorf("installing again: changes %t, enabled %t, notes %q", p.Changes(), enabled(), notes)
				}
			}
			if mustInstall(t, h, install.Options{}, items("v2", true)...); enabled() {
				t.Error("an upgrade enabled it")
			}
			mustInstall(t, h, install.Options{}, items("v2", false)...)
			if mustInstall(t, h, install.Options{}, items("v2", true)...); !enabled() {
				t.Error("the spec was not obeyed")
			}
			if err := uninstall(h, install.Options{}, "web"); err != nil {
				t.Fatal(err)
			}
			same(t, "uninstalling", before, h.snapshot(t))
		})
	}
}

// conflicts lists the conflicts in an error.
func conflicts(err error) (all []*install.Conflict) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			all = append(all, conflicts(e)...)
		}
		return all
	}
	if c, ok := errors.AsType[*install.Conflict](err); ok {
		all = append(all, c)
	}
	return all
}

func TestForeignFilesAreRefused(t *testing.T) {
	for name, prepare := range map[string]func(h *machine) error{
		"file":           func(h *machine) error { return os.WriteFile(h.path("etc/fake/web.service"), []byte("mine"), 0o644) },
		"equal file":     func(h *machine) error { return os.WriteFile(h.path("etc/fake/web.service"), []byte("v1"), 0o644) },
		"link":           func(h *machine) error { return os.Symlink("/dev/null", h.path("etc/fake/web.service")) },
		"dangling link":  func(h *machine) error { return os.Symlink("nowhere", h.path("etc/fake/web.service")) },
		"directory":      func(h *machine) error { return os.Mkdir(h.path("etc/fake/web.service"), 0o755) },
		"shadowed file":  func(h *machine) error { return os.WriteFile(h.path("usr/lib/fake/web"), nil, 0o644) },
		"link to enable": func(h *machine) error { return os.MkdirAll(h.path("etc/fake/boot.wants/web.service"), 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newMachine(t)
			if err := os.Mkdir(h.path("etc/fake"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := prepare(h); err != nil {
				t.Fatal(err)
			}
			before := h.snapshot(t)
			_, err := plan(h, install.Options{}, item("web", "v1"))
			if c := conflicts(err); len(c) != 1 || c[0].Drift {
				t.Errorf("error = %v", err)
			}
			same(t, "a refusal", before, h.snapshot(t))
		})
	}
}

func TestFilesOfOtherDaemonsAreRefused(t *testing.T) {
	h := newMachine(t)
	mustInstall(t, h, install.Options{}, item("web", "v1"))
	thief := item("thief", "v1")
	thief.Bundle.Add("/etc/fake/web.service", 0o644, []byte("v2"))
	if _, err := plan(h, install.Options{Force: true}, thief); len(conflicts(err)) != 1 || !strings.Contains(err.Error(), "belongs to web") {
		t.Errorf("error = %v", err)
	}
}

func TestEditedFilesAreKept(t *testing.T) {
	h := newMachine(t)
	mustInstall(t, h, install.Options{}, item("web", "v1"))
	edited := h.path("etc/fake/web.service")
	for what, edit := range map[string]func() error{
		"content": func() error { return os.WriteFile(edited, []byte("edited"), 0o644) },
		"mode":    func() error { return errors.Join(os.WriteFile(edited, []byte("v1"), 0o644), os.Chmod(edited, 0o600)) },
	} {
		if err := edit(); err != nil {
			t.Fatal(err)
		}
		before := h.snapshot(t)
		_, err := plan(h, install.Options{}, item("web", "v2"))
		if c := conflicts(err); len(c) != 1 || !c[0].Drift || c[0].Path != "/etc/fake/web.service" {
			t.Errorf("%s: installing: %v", what, err)
		}
		err = uninstall(h, install.Options{}, "web")
		if c := conflicts(err); len(c) != 1 || !c[0].Drift {
			t.Errorf("%s: uninstalling: %v", what, err)
		}
		same(t, "a refusal", before, h.snapshot(t))
	}
	mustInstall(t, h, install.Options{Force: true}, item("web", "v2"))
	if content, err := os.ReadFile(edited); err != nil || string(content) != "v2" {
		t.Errorf("with force: %q, %v", content, err)
	}
	if err := os.WriteFile(edited, []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := uninstall(h, install.Options{Force: true}, "web"); err != nil {
		t.Error(err)
	}
}

func TestServiceThatDoesNotComeUp(t *testing.T) {
	for content, want := range map[string]string{
		"refuse": "start of web.service failed: the program could not be executed",
		"fail":   "it has failed: the program could not be executed",
		"crash":  "it keeps ending and being restarted",
		"end":    "it ended by itself",
		"slow":   "it is not up after 1m0s, but starting",
	} {
		t.Run(content, func(t *testing.T) {
			h := newMachine(t)
			before := h.snapshot(t)
			try := func() {
				t.Helper()
				p, err := plan(h, install.Options{}, item("db", "v1"), item("web", content))
				if err != nil {
					t.Fatal(err)
				}
				p.Messages = func(_ context.Context, _ generators.Target, job string, _ int) []string {
					return []string{"first words", "last words of " + job}
				}
				_, err = p.Apply(context.Background(), &clock{}, nil)
				f, ok := errors.AsType[*install.Failure](err)
				if !ok || !strings.Contains(f.Error(), want) {
					t.Fatalf("error = %v, want %q", err, want)
				}
				if f.Undo != nil || f.Daemon != "web" || f.Step.Job != "web.service" {
					t.Errorf("failure = %+v", f)
				}
				if len(f.Log) != 2 || f.Log[1] != "last words of web.service" {
					t.Errorf("log = %q", f.Log)
				}
			}
			try()
			same(t, "a failed installation", before, h.snapshot(t))
			if len(h.m.state) > 0 {
				t.Errorf("still known to the manager: %v", h.m.running())
			}

			// An upgrade that fails has the old version run again.
			mustInstall(t, h, install.Options{}, item("web", "v1"))
			before = h.snapshot(t)
			try()
			same(t, "a failed upgrade", before, h.snapshot(t))
			same(t, "a failed upgrade", map[string]string{"web.service": "active v1"}, h.m.running())
		})
	}
	h := newMachine(t)
	it := item("job", "end")
	it.MayEnd = true
	mustInstall(t, h, install.Options{}, it)
}

// TestMayEnd: only what is done, or may be skipped, counts as started when it
// does not run.
func TestMayEnd(t *testing.T) {
	for doc, want := range map[string]bool{
		"": false, "type: oneshot\n": true, "conditions: {path_exists: [/etc/web]}\n": true, "conditions: {path_exists: [/etc/web], assert: true}\n": false,
	} {
		daemons, diags := spec.Decode("web.yaml", []byte("version: 1\nname: web\ncommand: /usr/bin/web\n"+doc))
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		if it := install.ItemOf(daemons[0], generators.Bundle{}); it.MayEnd != want {
			t.Errorf("%q: %t", doc, it.MayEnd)
		}
	}
}

func TestCancellationPutsEverythingBack(t *testing.T) {
	h := newMachine(t)
	before := h.snapshot(t)
	p, err := plan(h, install.Options{}, item("web", "slow"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = p.Apply(ctx, &clock{}, func(s install.Step) {
		if s.Verb == generators.Verify {
			cancel()
		}
	})
	f, ok := errors.AsType[*install.Failure](err)
	if !ok || f.Undo != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	same(t, "a cancelled installation", before, h.snapshot(t))
	if len(h.m.state) > 0 {
		t.Errorf("still known to the manager: %v", h.m.running())
	}
}

// TestEveryStepMayFail makes each change of each operation fail in turn, once
// before and once after it takes effect, and looks for the old state.
func TestEveryStepMayFail(t *testing.T) {
	for _, backend := range []string{"fake", "plain"} {
		t.Run(backend, func(t *testing.T) { everyStepMayFail(t, backend) })
	}
}

func everyStepMayFail(t *testing.T, backend string) {
	old := on(backend, item("web", "v1", "web.timer"), item("db", "v1"))
	for name, op := range map[string]struct {
		prepare []install.Item
		do      func(h *machine) error
	}{
		"install": {nil, func(h *machine) error { return try(h, old...) }},
		"upgrade": {old, func(h *machine) error {
			return try(h, on(backend, item("web", "v2"), item("db", "v2", "db.timer"))...)
		}},
		"uninstall": {old, func(h *machine) error { return uninstall(h, install.Options{}, "web", "db") }},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/late=%v", name, late), func(t *testing.T) {
				survived := 0
				for n := 1; ; n++ {
					h := newMachine(t)
					if op.prepare != nil {
						mustInstall(t, h, install.Options{}, op.prepare...)
					}
					files, running := h.snapshot(t), h.m.running()
					h.changes, h.failAt, h.late = 0, n, late
					err := op.do(h)
					if h.changes < n {
						if err != nil {
							t.Fatalf("without a failure: %v", err)
						}
						break
					}
					if err == nil {
						continue // an optional step
					}
					f, ok := errors.AsType[*install.Failure](err)
					if !ok || f.Undo != nil || !errors.Is(err, errInjected) {
						t.Fatalf("change %d: %v (undo: %+v)", n, err, f)
					}
					what := fmt.Sprintf("change %d (%s %s%s) failed", n, f.Step.Verb, f.Step.Path, f.Step.Job)
					same(t, what, files, h.snapshot(t))
					same(t, what, running, h.m.running())
					survived++
				}
				if survived < 10 {
					t.Errorf("only %d failures were made", survived)
				}
				t.Logf("%d of %d failures survived", survived, survived)
			})
		}
	}
}

// TestDeadDisk has all changes of files fail from one on, with each of the
// errors of a bad disk, and then work again: recovering leads to the old state.
func TestDeadDisk(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EACCES, syscall.EROFS, syscall.EIO} {
		t.Run(errno.Error(), func(t *testing.T) {
			old := []install.Item{item("web", "v1", "web.timer"), item("db", "v1")}
			survived := 0
			for name, op := range map[string]struct {
				prepare []install.Item
				do      func(h *machine) error
			}{
				"install":   {nil, func(h *machine) error { return try(h, old...) }},
				"upgrade":   {old, func(h *machine) error { return try(h, item("web", "v2"), item("db", "v2", "db.timer")) }},
				"uninstall": {old, func(h *machine) error { return uninstall(h, install.Options{}, "web", "db") }},
			} {
				for n := 1; ; n++ {
					h := newMachine(t)
					if op.prepare != nil {
						mustInstall(t, h, install.Options{}, op.prepare...)
					}
					files, running := h.snapshot(t), h.m.running()
					h.writes, h.deadFrom, h.errno = 0, n, errno
					err := op.do(h)
					if h.writes < n {
						if err != nil {
							t.Fatalf("%s without a failure: %v", name, err)
						}
						break
					}
					h.deadFrom = 0
					what := fmt.Sprintf("%s: write %d and later ones failed", name, n)
					if _, recErr := install.Recover(context.Background(), h, operate, generators.Target{}, &clock{}, install.RecoverOptions{}); recErr != nil {
						t.Fatalf("%s: cannot recover: %v", what, recErr)
					}
					if err == nil { // only the removal of what is empty has failed
						continue
					}
					if !errors.Is(err, errno) {
						t.Fatalf("%s: %v", what, err)
					}
					same(t, what, files, h.snapshot(t))
					same(t, what, running, h.m.running())
					survived++
				}
			}
			if survived < 40 {
				t.Errorf("only %d failures were made", survived)
			}
			t.Logf("%d of %d failures survived", survived, survived)
		})
	}
}

func try(h host.Host, items ...install.Item) error {
	p, err := plan(h, install.Options{}, items...)
	if err == nil {
		_, err = p.Apply(context.Background(), &clock{}, nil)
	}
	return err
}

func TestOtherBackendIsRefused(t *testing.T) {
	h := newMachine(t)
	mustInstall(t, h, install.Options{}, item("web", "v1"))
	other := item("web", "v1")
	other.Bundle.Target.Backend = "other"
	if _, err := plan(h, install.Options{}, other); err == nil || !strings.Contains(err.Error(), "it is installed for fake; uninstall it first") {
		t.Errorf("error = %v", err)
	}
	if _, err := install.Install(context.Background(), h, func(string) generators.Controller { return nil }, []install.Item{other}, install.Options{}); err == nil {
		t.Error("installed without a controller")
	}
}

func TestManifestIsNotTrustedBlindly(t *testing.T) {
	for _, content := range []string{
		"", "{", `{"version":2,"daemon":"web"}`, `{"version":1,"daemon":"other"}`,
		`{"version":1,"daemon":"web","files":[{"path":"/etc/../../shadow"}]}`,
		`{"version":1,"daemon":"web","directories":["relative"]}`,
	} {
		h := newMachine(t)
		if err := os.MkdirAll(h.path("var/lib/daemonize"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.path("var/lib/daemonize/web.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := uninstall(h, install.Options{}, "web"); err == nil {
			t.Errorf("manifest %q was believed", content)
		}
	}
}

func TestDifferencesHideSecrets(t *testing.T) {
	h := newMachine(t)
	mustInstall(t, h, install.Options{}, item("web", "v1"))
	changed := item("web", "v2")
	changed.Bundle.Artifacts[0].Content = []byte("A=hidden") // mode 0600
	p, err := plan(h, install.Options{}, changed)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, d := range p.Differences() {
		text += d.Text
	}
	if strings.Contains(text, "hidden") || !strings.Contains(text, "it is not shown") || !strings.Contains(text, "+v2") || !strings.Contains(text, "would restart web.service") {
		t.Errorf("differences:\n%s", text)
	}
	p, err = plan(h, install.Options{}, item("web", "v1"))
	if err != nil || len(p.Differences()) > 0 {
		t.Errorf("of the same: %v, %v", p.Differences(), err)
	}
}

func TestAdoptedFilesReturn(t *testing.T) {
	h := newMachine(t)
	if err := os.MkdirAll(h.path("etc/fake"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path("etc/fake/web.service"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := h.snapshot(t)
	p := mustInstall(t, h, install.Options{Adopt: true}, item("web", "v1"))
	if !slices.ContainsFunc(p.Steps, func(s install.Step) bool {
		return s.Change == install.Adopt && s.Path == "/etc/fake/web.service"
	}) {
		t.Errorf("steps = %+v", p.Steps)
	}
	mustInstall(t, h, install.Options{}, item("web", "v2"))
	if err := uninstall(h, install.Options{}, "web"); err != nil {
		t.Fatal(err)
	}
	same(t, "adopting, upgrading and uninstalling", before, h.snapshot(t))
}

// TestRecoverLeavesLaterChanges has somebody change a file between an
// interruption and the recovery.
func TestRecoverLeavesLaterChanges(t *testing.T) {
	h := newMachine(t)
	mustInstall(t, h, install.Options{}, item("web", "v1"))
	h.deadFrom, h.errno = 4, syscall.EIO // after the unit was written
	h.writes = 0
	if err := try(h, item("web", "v2")); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	h.deadFrom = 0
	recover := func(o install.RecoverOptions) (*install.Recovery, error) {
		return install.Recover(context.Background(), h, operate, generators.Target{}, &clock{}, o)
	}
	if found, err := install.Pending(h, operate, generators.Target{}); err != nil || found == nil || found.Operation != "install" || !slices.Equal(found.Daemons, []string{"web"}) {
		t.Fatalf("pending: %+v, %v", found, err)
	}
	unit := h.path("etc/fake/web.service")
	if err := os.WriteFile(unit, []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := recover(install.RecoverOptions{}); err == nil || !strings.Contains(err.Error(), "/etc/fake/web.service: somebody else has changed it since") {
		t.Errorf("error = %v", err)
	}
	if content, _ := os.ReadFile(unit); string(content) != "theirs" {
		t.Errorf("unit = %q", content)
	}
	if r, err := recover(install.RecoverOptions{Force: true}); err != nil || r.Action != install.Undone || !slices.Contains(r.Restored, "/etc/fake/web.service") {
		t.Errorf("by force: %+v, %v", r, err)
	}
	if content, _ := os.ReadFile(unit); string(content) != "v1" {
		t.Errorf("unit = %q", content)
	}
	if r, err := recover(install.RecoverOptions{}); err != nil || r.Action != install.NothingDone {
		t.Errorf("again: %+v, %v", r, err)
	}
}

func TestJournalIsNotTrustedBlindly(t *testing.T) {
	for content, mode := range map[string]fs.FileMode{
		"": 0o600, "{": 0o600, `{"version":2,"operation":"install"}`: 0o600, `{"version":1,"operation":"rm"}`: 0o600,
		`{"version":1,"operation":"install","steps":[{"verb":"write","path":"/etc/../x","backend":"fake"}]}`: 0o600,
		`{"version":1,"operation":"install","steps":[]}`:                                                     0o644,
	} {
		h := newMachine(t)
		dir := h.path("var/lib/daemonize/journal")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/transaction.json", []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if _, err := install.Recover(context.Background(), h, operate, generators.Target{}, &clock{}, install.RecoverOptions{}); err == nil {
			t.Errorf("journal %q was believed", content)
		}
		r, err := install.Recover(context.Background(), h, operate, generators.Target{}, &clock{}, install.RecoverOptions{Forget: true})
		if err != nil || r.Action != install.Forgotten {
			t.Errorf("forgetting %q: %+v, %v", content, r, err)
		}
	}
}

// TestOrderOfStarts has a manager that takes one job at a time start what others
// need before those, whatever the order of the specs.
func TestOrderOfStarts(t *testing.T) {
	web, api, db, a, b := item("web", "v1"), item("api", "v1"), item("db", "v1"), item("a", "v1"), item("b", "v1")
	web.After = []string{"api", "elsewhere"}
	db.Before = []string{"api"}
	a.After, b.After = []string{"b"}, []string{"a"} // a circle is no reason to hang
	h := newMachine(t)
	mustInstall(t, h, install.Options{}, on("plain", web, api, db, a, b)...)
	at := func(job string) int { return slices.Index(h.m.calls, "start "+job+".service") }
	if !(at("db") >= 0 && at("db") < at("api") && at("api") < at("web")) || at("a") < 0 || at("b") < 0 {
		t.Errorf("commands = %q", h.m.calls)
	}

	// One that takes several gets all, and sorts them itself.
	h = newMachine(t)
	mustInstall(t, h, install.Options{}, on("fake", web, api, db)...)
	if want := []string{"reload", "start web.service api.service db.service"}; !slices.Equal(h.m.calls, want) {
		t.Errorf("commands = %q", h.m.calls)
	}
}
