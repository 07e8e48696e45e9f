package systemd

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
)

// host answers commands by their words.
type host map[string]generators.Result

func (h host) ReadFile(string) ([]byte, error) { return nil, fs.ErrNotExist }
func (h host) Exists(path string) bool         { _, ok := h[path]; return ok }
func (h host) Run(_ context.Context, argv []string) (generators.Result, error) {
	r, ok := h[strings.Join(argv, " ")]
	if !ok {
		return r, errors.New("no such program")
	}
	return r, nil
}

func TestDetect(t *testing.T) {
	version := func(s string) host {
		return host{"/run/systemd/system": {}, "systemctl --version": {Stdout: s}, "systemctl --user show --property=Version": {}}
	}
	for out, want := range map[string]generators.Version{
		"systemd 252 (252.39-1~deb12u2)\n+PAM": 252, "systemd 219\n": 219, "systemd 258~rc1 (258~rc1-1)\n": 258, "systemd 257.1": 257,
		"": 0, "sysvinit 3": 0, "systemd v": 0,
	} {
		for _, scope := range []generators.Scope{generators.System, generators.User} {
			target, ok := Generator{}.Detect(t.Context(), version(out), scope)
			if ok != (want != 0) || target.Version != want*generators.Major || target.Scope != scope {
				t.Errorf("%q: %v %t", out, target, ok)
			}
		}
	}
	// T66: the program without the manager, as in containers.
	if _, ok := (Generator{}).Detect(t.Context(), host{"systemctl --version": {Stdout: "systemd 252"}}, generators.System); ok {
		t.Error("detected by the binary alone")
	}
	if _, ok := (Generator{}).Detect(t.Context(), host{"/run/systemd/system": {}, "systemctl --version": {Stdout: "systemd 252"}}, generators.User); ok {
		t.Error("detected a user manager that does not answer")
	}
}

func TestStatus(t *testing.T) {
	for show, want := range map[string]generators.Status{
		"ActiveState=active\nSubState=running\nMainPID=7\nUnitFileState=enabled\nNRestarts=2\nLoadState=loaded\nResult=success\n": {State: generators.Active, Detail: "running", PID: 7, Enabled: true, Restarts: 2},
		"ActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=203\nUnitFileState=disabled\n":                     {State: generators.Failed, Detail: "failed", Reason: "the program cannot be executed"},
		"ActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=3\n":                                               {State: generators.Failed, Detail: "failed", Reason: "exited with code 3"},
		"ActiveState=activating\nSubState=auto-restart\nResult=signal\nExecMainStatus=9\n":                                        {State: generators.Starting, Detail: "auto-restart", Reason: "ended by signal 9"},
		"LoadState=not-found\nActiveState=inactive\nSubState=dead\n":                                                              {State: generators.Inactive, Detail: "not-found"},
		"ActiveState=deactivating\nSubState=stop-sigterm\n":                                                                       {State: generators.Stopping, Detail: "stop-sigterm"},
		"": {State: generators.Unknown},
	} {
		want.Job = "x.service"
		h := host{"systemctl show --property=" + properties + " x.service": {Stdout: show}}
		got, err := Generator{}.Status(t.Context(), h, generators.Target{}, "x.service")
		if err != nil || got != want {
			t.Errorf("%q\n got %+v %v\nwant %+v", show, got, err, want)
		}
	}
	if _, err := (Generator{}).Status(t.Context(), host{}, generators.Target{}, "x.service"); err == nil {
		t.Error("no error without systemctl")
	}
}

func TestSteps(t *testing.T) {
	_, b, _ := files(t, head+"user: u\ncreate_user: true\ntimers: [{calendar: daily, persistent: true}]\n", on(252))
	lines := func(op generators.Op) []string {
		var out []string
		for _, s := range (Generator{}).Steps(b, op) {
			out = append(out, strings.TrimSpace(string(s.Verb)+" "+s.Path+strings.Join(s.Argv, " ")))
		}
		return out
	}
	for op, want := range map[generators.Op][]string{
		generators.Install: {
			"write /etc/systemd/system/x.service", "write /etc/systemd/system/x.timer", "write /etc/sysusers.d/x.conf",
			"account systemd-sysusers x.conf", "reload systemctl daemon-reload", "enable systemctl enable x.timer",
			"start systemctl start x.timer", "verify systemctl is-active --quiet x.timer",
		},
		generators.Uninstall: {
			"disable systemctl disable x.timer", "stop systemctl stop x.timer", "disable systemctl disable x.service", "stop systemctl stop x.service",
			"clean systemctl clean --what=state x.timer",
			"remove /etc/systemd/system/x.service", "remove /etc/systemd/system/x.timer", "remove /etc/sysusers.d/x.conf",
			"reload systemctl daemon-reload", "clean systemctl reset-failed x.timer", "clean systemctl reset-failed x.service",
		},
	} {
		if got := lines(op); !slices.Equal(got, want) {
			t.Errorf("op %d:\n%s\nwant\n%s", op, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	b.Target.Scope = generators.User
	if got := strings.Join(lines(generators.Install), "\n"); !strings.Contains(got, "systemctl --user enable x.timer") {
		t.Error(got)
	}
	_, b, _ = files(t, head+"sockets: [{listen: 'tcp://:80', accept: true}]\n", on(252))
	if got := strings.Join(lines(generators.Uninstall), "\n"); !strings.Contains(got, "stop systemctl stop x@*.service") {
		t.Error(got)
	}
}
