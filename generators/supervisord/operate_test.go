package supervisord

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
)

// answers is a host that runs commands by their words.
type answers struct{ runs, files map[string]string }

func (a answers) ReadFile(path string) ([]byte, error) {
	if s, ok := a.files[path]; ok {
		return []byte(s), nil
	}
	return nil, fs.ErrNotExist
}
func (a answers) Exists(path string) bool { _, ok := a.files[path]; return ok }
func (a answers) Run(_ context.Context, argv []string) (generators.Result, error) {
	return generators.Result{Stdout: a.runs[strings.Join(argv[1:], " ")]}, nil
}

func TestOperate(t *testing.T) {
	b, _ := render(t, "command: [/usr/bin/web]\nreload: {signal: SIGHUP}")
	name := b.Daemon
	ctl := New().(generators.Operator)
	for verb, want := range map[generators.Verb]string{
		generators.Start:   supervisorctl + " start " + name,
		generators.Stop:    supervisorctl + " stop " + name,
		generators.Restart: supervisorctl + " restart " + name,
		generators.Refresh: "/usr/lib/daemonize/" + name + "/reload",
	} {
		steps, err := ctl.Operate(b, verb)
		if err != nil || len(steps) != 1 || strings.Join(steps[0].Argv, " ") != want {
			t.Errorf("%s: %+v %v", verb, steps, err)
		}
	}
	// autostart is in the file, and the same bytes come back.
	off, err := ctl.Operate(b, generators.Disable)
	if err != nil || len(off) != 1 || off[0].Verb != generators.WriteFile || autostart(string(off[0].Artifact.Content), name) || !autostart(string(b.Artifacts[0].Content), name) {
		t.Fatalf("disable: %+v %v", off, err)
	}
	disabled := b
	disabled.Artifacts = []generators.Artifact{*off[0].Artifact}
	on, err := ctl.Operate(disabled, generators.Enable)
	if err != nil || string(on[0].Artifact.Content) != string(b.Artifacts[0].Content) {
		t.Errorf("enable: %+v %v", on, err)
	}
	alien := generators.Bundle{Daemon: "other", Jobs: []generators.Job{{Name: "other"}}}
	for _, verb := range []generators.Verb{generators.Enable, generators.Refresh, generators.Clean} {
		if _, err := ctl.Operate(alien, verb); err == nil {
			t.Errorf("%s of a program of others", verb)
		}
	}
}

func TestInspect(t *testing.T) {
	const log = `2026-11-22 03:49:01,001 INFO spawned: 'web' with pid 7
2026-11-22 03:49:02,001 INFO success: web entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
2026-11-22 03:49:02,002 INFO exited: web2 (exit status 9; not expected)
`
	for name, tt := range map[string]struct {
		status, log string
		want        generators.Status
	}{
		"runs":      {"web RUNNING pid 7, uptime 0:00:05", log, generators.Status{State: generators.Active, Detail: "RUNNING", PID: 7}},
		"restarted": {"web RUNNING pid 9, uptime 0:00:05", log + "x y WARN exited: web (terminated by SIGKILL; not expected)\nx y INFO spawned: 'web' with pid 9\n", generators.Status{State: generators.Active, Detail: "RUNNING", PID: 9, Restarts: 1, Exit: generators.Exit{Signal: "SIGKILL", Words: "ended by signal SIGKILL"}}},
		"by order":  {"web RUNNING pid 9, uptime 0:00:05", log + "x y WARN exited: web (exit status 1; not expected)\nx y INFO spawned: 'web' with pid 8\nx y INFO stopped: web (exit status 0)\nx y INFO spawned: 'web' with pid 9\n", generators.Status{State: generators.Active, Detail: "RUNNING", PID: 9, Exit: generators.Exited(0)}},
		// supervisorctl exits with 3 for both and says EXITED for both.
		"done":    {"web EXITED Nov 22 03:00 AM", log + "x y INFO exited: web (exit status 0; expected)\n", generators.Status{State: generators.Inactive, Detail: "EXITED", Exit: generators.Exited(0)}},
		"died":    {"web EXITED Nov 22 03:00 AM", log + "x y WARN exited: web (exit status 3; not expected)\n", generators.Status{State: generators.Failed, Detail: "EXITED", Reason: "exited with code 3", Exit: generators.Exited(3)}},
		"no log":  {"web EXITED Nov 22 03:00 AM", "", generators.Status{State: generators.Inactive, Detail: "EXITED"}},
		"missing": {"web: ERROR (no such process)", log, generators.Status{State: generators.Inactive, Detail: "no such process", Missing: true}},
	} {
		tt.want.Job = "web"
		h := answers{runs: map[string]string{"status web": tt.status + "\n", "maintail -65536": tt.log}}
		got, err := New().(generators.Operator).Inspect(t.Context(), h, target, "web")
		if err != nil || got != tt.want {
			t.Errorf("%s:\n got %+v %v\nwant %+v", name, got, err, tt.want)
		}
	}
}

func TestSources(t *testing.T) {
	for doc, want := range map[string]string{
		"command: [/usr/bin/web]": "[tail -10000 NAME stdout]",
		"command: [/usr/bin/web]\nlogging: {stdout: 'append:/var/log/web.log', stderr: 'append:/var/log/web.err'}": "/var/log/web.log /var/log/web.err",
		"command: [/usr/bin/web]\nlogging: {stdout: 'append:/var/log/50%.log', rotate: {size: 1M, keep: 3}}":       "/var/log/50%.log",
	} {
		b, _ := render(t, doc)
		files := map[string]string{}
		for _, a := range b.Artifacts {
			files[a.Path] = string(a.Content)
		}
		sources, err := New().(generators.Operator).Sources(t.Context(), answers{files: files}, target, b.Daemon, generators.Query{Lines: 20})
		var got []string
		for _, s := range sources {
			if s.Path != "" {
				got = append(got, s.Path)
			} else {
				got = append(got, "["+strings.Replace(strings.Join(s.Argv[1:], " "), b.Daemon, "NAME", 1)+"]")
			}
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q %v", doc, got, err)
		}
	}
}
