package sysvinit

import (
	"context"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/daemonize/daemonize/generators"
)

// scripted is a host with files, on which every script says the same.
type scripted struct {
	files map[string]string
	r     generators.Result
}

func (s scripted) ReadFile(path string) ([]byte, error) {
	if c, ok := s.files[path]; ok {
		return []byte(c), nil
	}
	return nil, fs.ErrNotExist
}
func (s scripted) Exists(path string) bool { _, ok := s.files[path]; return ok }
func (s scripted) Run(_ context.Context, argv []string) (generators.Result, error) {
	if argv[0] == "find" {
		return generators.Result{Stdout: "/etc/rc2.d/S01web\n"}, nil
	}
	return s.r, nil
}

func TestOperate(t *testing.T) {
	for _, tt := range []struct {
		family generators.Family
		verb   generators.Verb
		want   string
	}{
		{generators.Debian, generators.Start, "service web start"},
		{generators.Debian, generators.Stop, "service web stop"},
		{generators.Debian, generators.Restart, "service web restart"},
		{generators.Debian, generators.Refresh, "service web reload"},
		{generators.Debian, generators.Enable, "update-rc.d web defaults, update-rc.d web enable"},
		{generators.Debian, generators.Disable, "update-rc.d web disable"},
		{generators.RedHat, generators.Enable, "chkconfig --add web, chkconfig web on"},
		{generators.RedHat, generators.Disable, "chkconfig web off"},
	} {
		b := generators.Bundle{Daemon: "web", Target: generators.Target{Family: tt.family}, Jobs: []generators.Job{{Name: "web", Enable: true, Start: true}}}
		steps, err := backend{}.Operate(b, tt.verb)
		var got []string
		for _, s := range steps {
			got = append(got, strings.Join(s.Argv, " "))
		}
		if err != nil || strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %q, %v", tt.verb, got, err)
		}
	}
}

// Scripts of others are not believed where their process ID file says otherwise.
func TestInspect(t *testing.T) {
	const alive = "7 (a) b) S 1 7 7 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 0 12300 1 1\n"
	boot := time.Unix(1000, 0).UTC()
	base := map[string]string{"/etc/init.d/web": "", "/proc/stat": "btime 1000\n"}
	with := func(more ...string) map[string]string {
		m := maps.Clone(base)
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for name, tt := range map[string]struct {
		h    scripted
		want generators.Status
	}{
		"says running, is": {scripted{with("/run/web.pid", "7\n", "/proc/7/stat", alive), generators.Result{Stdout: "web is running."}},
			generators.Status{State: generators.Active, Detail: "web is running.", PID: 7, Since: boot.Add(123 * time.Second)}},
		"says running, is dead": {scripted{with("/run/web.pid", "7\n"), generators.Result{Stdout: "web is running."}},
			generators.Status{State: generators.Failed, Detail: "web is running.", Reason: "its script says that it runs, but process 7 of /run/web.pid does not exist"}},
		"says running, is a zombie": {scripted{with("/run/web.pid", "7\n", "/proc/7/stat", strings.Replace(alive, ") S", ") Z", 1)), generators.Result{Stdout: "ok"}},
			generators.Status{State: generators.Failed, Detail: "ok", Reason: "its script says that it runs, but process 7 of /run/web.pid does not exist"}},
		"says stopped, runs": {scripted{with("/run/web.pid", "7\n", "/proc/7/stat", alive), generators.Result{Code: 3, Stdout: "stopped"}},
			generators.Status{State: generators.Active, Detail: "stopped", PID: 7, Since: boot.Add(123 * time.Second)}},
		"has no status": {scripted{with(), generators.Result{Stdout: "Usage: web {start|stop}"}},
			generators.Status{State: generators.Unknown, Detail: "its script has no status"}},
		"has no status, runs": {scripted{with("/run/web.pid", "7\n", "/proc/7/stat", alive), generators.Result{Code: 2, Stdout: "Usage: web {start|stop}"}},
			generators.Status{State: generators.Active, Detail: "Usage: web {start|stop}", PID: 7, Since: boot.Add(123 * time.Second)}},
		"ours, restarted": {scripted{with("/usr/lib/daemonize/web", "", "/run/daemonize/web/last", "3 it was ended by signal 9\n", "/proc/7/stat", alive), generators.Result{Stdout: "web: is running, process 7"}},
			generators.Status{State: generators.Active, Detail: "is running, process 7", PID: 7, Restarts: 3, Exit: generators.Exit{Signal: "SIGKILL", Words: "ended by signal 9 (SIGKILL)"}, Since: boot.Add(123 * time.Second)}},
		"ours, failed": {scripted{with("/usr/lib/daemonize/web", "", "/run/daemonize/web/last", "1 it ended with status 3\n", "/run/daemonize/web/state", "failed it could not be run (status 127), too often to be started again\n"), generators.Result{Code: 1, Stdout: "web: has failed: it could not be run (status 127)"}},
			generators.Status{State: generators.Failed, Detail: "has failed: it could not be run (status 127)", Reason: "it could not be run (status 127)", Restarts: 1,
				Exit: generators.Exit{Code: 127, Words: "exited with code 127: the program does not exist or cannot be executed"}}},
	} {
		tt.want.Job, tt.want.Enabled = "web", true
		got, err := backend{}.Inspect(t.Context(), tt.h, generators.Target{}, "web")
		if err != nil || got != tt.want {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, tt.want)
		}
	}
	if got, err := (backend{}).Inspect(t.Context(), scripted{}, generators.Target{}, "web"); err != nil || !got.Missing {
		t.Errorf("%+v %v", got, err)
	}
}

func TestSources(t *testing.T) {
	run := "#!/bin/sh\nexec </dev/null\nexec >>/var/log/web/out.log || exit 1\nexec 2>&1\n"
	for name, tt := range map[string]struct {
		job   string
		files map[string]string
		want  string
	}{
		"syslog":   {"web", map[string]string{"/run/daemonize/web": ""}, "tag web"},
		"file":     {"web", map[string]string{"/usr/lib/daemonize/web/run": run}, "/var/log/web/out.log, tag web"},
		"instance": {"my-web-a", map[string]string{"/usr/lib/daemonize/my-web/run-a": run}, "/var/log/web/out.log, tag my-web-a"},
		"others":   {"cron", map[string]string{"/var/log/cron.log": ""}, "/var/log/cron.log, tag cron"},
	} {
		sources, err := backend{}.Sources(t.Context(), scripted{files: tt.files}, generators.Target{}, tt.job, generators.Query{})
		var got []string
		for _, s := range sources {
			if s.Tag != "" {
				s.Path = "tag " + s.Tag
			}
			got = append(got, s.Path)
		}
		if err != nil || strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}
