package daemontools

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/spec"
)

// machine is a container with a running svscan and the probe in /usr/bin/probe.
type machine struct {
	*lab.Machine
	t *testing.T
}

func boot(t *testing.T) machine {
	t.Helper()
	m := machine{lab.Boot(t, "sysvinit", lab.Bind(lab.Probe(t), "/usr/bin/probe")), t}
	if target, ok := (backend{}).Detect(t.Context(), m, generators.System); ok {
		t.Errorf("detected where it is only installed: %v", target)
	}
	m.MustRun("sh", "-c", "setsid svscan /etc/service </dev/null >/dev/null 2>&1 &")
	m.WaitFor("svscan to be detected", func() bool {
		target, ok := backend{}.Detect(t.Context(), m, generators.System)
		return ok && target.Family == generators.Debian
	})
	return m
}

func (m machine) ReadFile(path string) ([]byte, error) {
	r := m.Machine.Run("cat", path)
	if r.Code != 0 {
		return nil, fs.ErrNotExist
	}
	return []byte(r.Stdout), nil
}

func (m machine) Exists(path string) bool {
	return m.Machine.Run("test", "-e", path, "-o", "-L", path).Code == 0
}

func (m machine) Run(ctx context.Context, argv []string) (generators.Result, error) {
	r := m.RunContext(ctx, nil, argv...)
	return generators.Result{Code: r.Code, Stdout: r.Stdout, Stderr: r.Stderr}, r.Err
}

func render(t *testing.T, doc string) generators.Bundle {
	t.Helper()
	daemons, diags := spec.Decode("test.yaml", []byte("version: 1\n"+doc))
	if diags.HasErrors() || len(daemons) != 1 {
		t.Fatalf("cannot decode: %v\n%s", diags, doc)
	}
	b, diags := generators.Render(New(), daemons[0], generators.Target{Backend: "daemontools", Version: New().Info().Default}, generators.Policy{})
	if diags.HasErrors() {
		t.Fatalf("cannot render: %v\n%s", diags, doc)
	}
	return b
}

// carry carries out the steps of an operation and returns what failed.
func (m machine) carry(b generators.Bundle, op generators.Op) string {
	m.t.Helper()
	for _, s := range (backend{}).Steps(b, op) {
		switch s.Verb {
		case generators.WriteFile:
			m.WriteFile(s.Path, string(s.Artifact.Content), s.Artifact.Mode)
		case generators.RemoveFile:
			m.MustRun("rm", "-f", s.Path)
		default:
			if r := m.Machine.Run(s.Argv...); r.Code != 0 && !s.Optional {
				return r.Stderr + r.Stdout
			}
		}
	}
	return ""
}

func (m machine) install(doc string) generators.Bundle {
	m.t.Helper()
	b := render(m.t, doc)
	if failed := m.carry(b, generators.Install); failed != "" {
		m.t.Fatalf("cannot install: %s\n%s", failed, doc)
	}
	return b
}

func (m machine) inspect(job string) generators.Status {
	m.t.Helper()
	s, err := backend{}.Inspect(m.t.Context(), m, generators.Target{Backend: "daemontools"}, job)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// A service that ignores SIGTERM, and its child, end with a plain svc -d, which
// daemontools by itself never makes so.
func TestStopEnds(t *testing.T) {
	m := boot(t)
	m.WriteFile("/usr/bin/stubborn", "#!/bin/sh\ntrap '' TERM INT\nsleep 4711 &\nwhile :; do sleep 1; done\n", 0o755)
	b := m.install("name: stubborn\ncommand: [/usr/bin/stubborn]\nstop: {timeout: 1s}\nrestart: {policy: always}\n")
	s := m.inspect("stubborn")
	if s.State != generators.Active || s.PID == 0 || !s.Enabled {
		t.Errorf("%+v", s)
	}
	// svc -t is a restart.
	m.MustRun("svc", "-t", "/etc/service/stubborn")
	m.WaitFor("a restart", func() bool { now := m.inspect("stubborn"); return now.State == generators.Active && now.PID != s.PID })
	m.MustRun("svc", "-d", "/etc/service/stubborn")
	m.WaitFor("the end", func() bool { return m.inspect("stubborn").State == generators.Inactive })
	m.MustRun("sh", "-c", "! pgrep -f 'sleep 471[1]|/usr/bin/stubbor[n]'")
	m.MustRun("svc", "-u", "/etc/service/stubborn")
	m.WaitFor("a start", func() bool { return m.inspect("stubborn").State == generators.Active })
	if failed := m.carry(b, generators.Uninstall); failed != "" {
		t.Error(failed)
	}
	m.MustRun("sh", "-c", "! pgrep -f 'sleep 471[1]|stubbor[n]$'; test ! -e /etc/daemontools && test ! -e /etc/service/stubborn && ! ls /run /run/daemonize | grep stubborn")
}

// A start that fails says why, and is not repeated without end.
func TestFailedStarts(t *testing.T) {
	m := boot(t)
	for _, tt := range []struct{ name, doc, want string }{
		{"nouser", "command: [/usr/bin/probe]\nuser: nobodyhere\n", "its user does not exist"},
		{"exits", "shell: exit 3\n", "it ended with status 3"},
		{"unmet", "command: [/usr/bin/probe]\nconditions: {assert: true, path_exists: [/no/such]}\n", "it could not be started"},
	} {
		if failed := m.carry(render(t, "name: "+tt.name+"\n"+tt.doc), generators.Install); !strings.Contains(failed, tt.want) {
			t.Errorf("%s: %q does not say %q", tt.name, failed, tt.want)
		}
		if s := m.inspect(tt.name); s.State != generators.Failed || !strings.Contains(s.Reason, tt.want) {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
	m.carry(render(t, "name: loops\nshell: exit 4\nrestart: {policy: on-failure, delay: 100ms, max_attempts: 3, window: 60s}\n"), generators.Install)
	m.WaitFor("the supervisor to give up", func() bool { return m.inspect("loops").State == generators.Failed })
	if s := m.inspect("loops"); s.Restarts < 2 || s.Exit.Code != 4 || !strings.Contains(s.Reason, "too often") {
		t.Errorf("%+v", s)
	}
}

// multilog keeps the output and rotates it; a log service can come and go.
func TestLogService(t *testing.T) {
	m := boot(t)
	m.install("name: chatty\nshell: 'i=0; while [ $i -lt 400 ]; do echo line $i of the log; i=$((i+1)); done; exec sleep 1000'\n" +
		"logging: {rotate: {size: 4K, keep: 2}}\n")
	m.WaitFor("the last line", func() bool {
		return strings.Contains(m.Machine.Run("cat", "/var/log/daemontools/chatty/current").Stdout, " line 399 of the log\n")
	})
	if n := strings.TrimSpace(m.MustRun("sh", "-c", "ls /var/log/daemontools/chatty | grep -c '^@'")); n != "2" {
		t.Errorf("%s rotated files", n)
	}
	if sources, err := (backend{}).Sources(t.Context(), m, generators.Target{}, "chatty", generators.Query{}); err != nil || len(sources) != 1 || sources[0].Path != "/var/log/daemontools/chatty/current" {
		t.Errorf("%v %v", sources, err)
	}
	for _, to := range []string{"append:/var/log/chatty.log", "journal"} {
		b := render(t, "name: chatty\nshell: 'echo hello; exec sleep 1000'\nlogging: {stdout: '"+to+"'}\n")
		m.MustRun("rm", "-f", "/etc/daemontools/chatty/log/run")
		if failed := m.carry(b, generators.Upgrade); failed != "" {
			t.Fatal(failed)
		}
		if logged := m.Machine.Run("svok", "/etc/service/chatty/log").Code == 0; logged != (to == "journal") || m.inspect("chatty").State != generators.Active {
			t.Errorf("%s: log service %t, %+v", to, logged, m.inspect("chatty"))
		}
	}
	m.WaitFor("the log of the new service", func() bool {
		return strings.Contains(m.MustRun("cat", "/var/log/daemontools/chatty/current"), " hello\n")
	})
}
