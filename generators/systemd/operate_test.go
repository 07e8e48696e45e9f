package systemd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemonize/daemonize/generators"
)

func TestOperate(t *testing.T) {
	service, timer, socket := generators.Job{Name: "x.service", Enable: true, Start: true}, generators.Job{Name: "x.timer", Enable: true, Start: true}, generators.Job{Name: "x.socket", Enable: true, Start: true}
	idle := generators.Job{Name: "x.service"}
	for _, tt := range []struct {
		jobs []generators.Job
		verb generators.Verb
		want string
	}{
		{[]generators.Job{service}, generators.Start, "start x.service"},
		{[]generators.Job{service}, generators.Restart, "restart x.service"},
		{[]generators.Job{service}, generators.Refresh, "reload x.service"},
		{[]generators.Job{timer, idle}, generators.Start, "start x.timer"},
		// Not started and not enabled: the timer, for it starts the service.
		{[]generators.Job{{Name: "x.timer"}, idle}, generators.Start, "start x.timer"},
		{[]generators.Job{timer, idle}, generators.Stop, "stop x.timer, stop x.service"},
		{[]generators.Job{timer, idle}, generators.Restart, "restart x.timer, try-restart x.service"},
		{[]generators.Job{timer, idle}, generators.Refresh, "reload x.service"},
		{[]generators.Job{socket, idle}, generators.Restart, "start x.socket, try-restart x.service"},
		{[]generators.Job{timer, idle}, generators.Enable, "enable x.timer"},
		{[]generators.Job{timer, idle}, generators.Disable, "disable x.timer, disable x.service"},
		{[]generators.Job{{Name: "cron.timer"}}, generators.Refresh, "reload cron.timer"},
	} {
		b := generators.Bundle{Daemon: "x", Target: on(252), Jobs: tt.jobs}
		steps, err := Generator{}.Operate(b, tt.verb)
		var got []string
		for _, s := range steps {
			got = append(got, strings.Join(s.Argv[1:], " "))
		}
		if err != nil || strings.Join(got, ", ") != tt.want {
			t.Errorf("%s of %v: %q, %v", tt.verb, tt.jobs, got, err)
		}
	}
	if _, err := (Generator{}).Operate(generators.Bundle{}, generators.Clean); err == nil {
		t.Error("cleans")
	}
}

// hostWithFiles is a host that has files as well.
type hostWithFiles struct {
	host
	files map[string]string
}

func (m hostWithFiles) ReadFile(name string) ([]byte, error) {
	if s, ok := m.files[name]; ok {
		return []byte(s), nil
	}
	return m.host.ReadFile(name)
}

func TestInspect(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 49, 4, 0, time.UTC)
	for show, want := range map[string]generators.Status{
		"ActiveState=active\nSubState=running\nMainPID=7\nExecMainCode=0\nExecMainStatus=0\nStateChangeTimestamp=Sun 2026-11-22 03:49:04 UTC\nStateChangeTimestampMonotonic=1\n": {State: generators.Active, Detail: "running", PID: 7, Since: at},
		"ActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainCode=1\nExecMainStatus=203\nStateChangeTimestamp=So 2026-11-22 04:49:04 CET\nStateChangeTimestampMonotonic=44000000\n": {
			State: generators.Failed, Detail: "failed", Reason: "the program cannot be executed", Since: at,
			Exit: generators.Exit{Code: 203, Words: "exited with code 203: the program cannot be executed"}},
		"ActiveState=inactive\nSubState=dead\nExecMainCode=2\nExecMainStatus=9\nStateChangeTimestamp=\n": {
			State: generators.Inactive, Detail: "dead", Exit: generators.Exit{Signal: "SIGKILL", Words: "ended by signal 9 (SIGKILL)"}},
		"LoadState=not-found\nActiveState=inactive\nSubState=dead\n": {State: generators.Inactive, Detail: "not-found", Missing: true},
	} {
		want.Job = "x.service"
		argv := "systemctl show --property=" + inspected + " --timestamp=utc x.service"
		h := hostWithFiles{host{argv: {Stdout: show}}, map[string]string{"/proc/stat": "cpu 1\nbtime 1795319300\n"}}
		got, err := Generator{}.Inspect(t.Context(), h, on(252), "x.service")
		if err != nil || got != want {
			t.Errorf("%q\n got %+v %v\nwant %+v", show, got, err, want)
		}
	}
	// systemctl of 247 does not know the option.
	if _, err := (Generator{}).Inspect(t.Context(), host{"systemctl show --property=" + inspected + " x.service": {}}, on(247), "x.service"); err != nil {
		t.Error(err)
	}
}

func TestSources(t *testing.T) {
	for unit, want := range map[string][]string{
		"[Service]\nExecStart=/bin/x\n":                                                                                        nil,
		"StandardOutput=append:/var/log/x.log\nStandardError=append:/var/log/x.log\n":                                          {"/var/log/x.log"},
		"StandardOutput=file:/var/log/50%%.log\nStandardError=append:/var/log/%i.err\n":                                        {"/var/log/50%.log", "/var/log/a.err"},
		"StandardOutput=append:/old\n# /etc/systemd/system/x@a.service.d/y.conf\nStandardOutput=journal\nStandardError=null\n": nil,
		"StandardOutput=append:%h/x.log\n":                                                                                     nil,
	} {
		h := host{"systemctl cat x@a.service": {Stdout: unit}}
		sources, err := Generator{}.Sources(t.Context(), h, on(252), "x@a.service", generators.Query{Lines: 5, Since: time.Unix(100, 0), Follow: true})
		if err != nil || len(sources) == 0 || !sources[0].Journal || strings.Join(sources[0].Argv, " ") != "journalctl --quiet --no-pager --output=json --lines=5 --since=@100 --follow --unit=x@a.service" {
			t.Fatalf("%+v %v", sources, err)
		}
		var files []string
		for _, s := range sources[1:] {
			files = append(files, s.Path)
		}
		if !slices.Equal(files, want) {
			t.Errorf("%q: %q, want %q", unit, files, want)
		}
	}
	user := generators.Target{Scope: generators.User}
	sources, err := Generator{}.Sources(t.Context(), host{"systemctl --user cat x.service": {}}, user, "x.service", generators.Query{})
	if err != nil || strings.Join(sources[0].Argv, " ") != "journalctl --quiet --no-pager --output=json --no-tail --user --user-unit=x.service" {
		t.Errorf("%+v %v", sources, err)
	}
}
