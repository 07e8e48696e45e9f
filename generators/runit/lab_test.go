package runit

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/spec"
)

// machine is a container with a running runsvdir and the probe in /usr/bin/probe.
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
	m.MustRun("sh", "-c", "setsid runsvdir -P /etc/service </dev/null >/dev/null 2>&1 &")
	m.WaitFor("runsvdir to be detected", func() bool {
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
	b, diags := generators.Render(New(), daemons[0], generators.Target{Backend: "runit", Version: New().Info().Default}, generators.Policy{})
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
	s, err := backend{}.Inspect(m.t.Context(), m, generators.Target{Backend: "runit"}, job)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// A service that ignores SIGTERM, and its child, end with a plain sv stop, which
// runit by itself never makes so.
func TestStopEnds(t *testing.T) {
	m := boot(t)
	m.WriteFile("/usr/bin/stubborn", "#!/bin/sh\ntrap '' TERM INT\nsleep 4711 &\nwhile :; do sleep 1; done\n", 0o755)
	b := m.install("name: stubborn\ncommand: [/usr/bin/stubborn]\nstop: {timeout: 1s}\n")
	if s := m.inspect("stubborn"); s.State != generators.Active || s.PID == 0 || !s.Enabled {
		t.Errorf("%+v", s)
	}
	m.MustRun("sv", "-w", "30", "stop", "stubborn")
	m.MustRun("sh", "-c", "! pgrep -f 'sleep 471[1]|/usr/bin/stubbor[n]'")
	if s := m.inspect("stubborn"); s.State != generators.Inactive || s.PID != 0 {
		t.Errorf("%+v", s)
	}
	// runsvdir has its own end stop everything, too.
	m.MustRun("sv", "start", "stubborn")
	if failed := m.carry(b, generators.Uninstall); failed != "" {
		t.Error(failed)
	}
	m.MustRun("sh", "-c", "! pgrep -f 'sleep 471[1]|stubbor[n]$'; test ! -e /etc/sv/stubborn && test ! -e /etc/service/stubborn && ! ls /run /run/daemonize | grep stubborn")
}

// A start that fails says why, and is not repeated without end.
func TestFailedStarts(t *testing.T) {
	m := boot(t)
	for _, tt := range []struct{ name, doc, want string }{
		{"absent", "command: [/usr/bin/absent]\n", "could not be run (status 127)"},
		{"nouser", "command: [/usr/bin/probe]\nuser: nobodyhere\n", "its user does not exist"},
		{"exits", "shell: exit 3\n", "it ended with status 3"},
		{"unmet", "command: [/usr/bin/probe]\nconditions: {assert: true, path_exists: [/no/such]}\n", "a condition does not hold"},
	} {
		if failed := m.carry(render(t, "name: "+tt.name+"\n"+tt.doc), generators.Install); !strings.Contains(failed, tt.want) {
			t.Errorf("%s: %q does not say %q", tt.name, failed, tt.want)
		}
		if s := m.inspect(tt.name); s.State != generators.Failed || !strings.Contains(s.Reason, tt.want) {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
	m.carry(render(t, "name: loops\nshell: exit 4\nrestart: {policy: on-failure, delay: 100ms, max_attempts: 3, window: 60s}\n"), generators.Install)
	m.WaitFor("runit to give up", func() bool { return m.inspect("loops").State == generators.Failed })
	if s := m.inspect("loops"); s.Restarts != 2 || s.Exit.Code != 4 || !strings.Contains(s.Reason, "too often") {
		t.Errorf("%+v", s)
	}
	// An administrator starts it again, and the count begins anew.
	m.Machine.Run("/usr/lib/daemonize/loops/ctl", "start")
	m.WaitFor("runit to give up again", func() bool { return m.inspect("loops").State == generators.Failed })
}

// svlogd keeps the output, under a user of its own, and rotates it.
func TestLogService(t *testing.T) {
	m := boot(t)
	m.install("name: chatty\nshell: 'i=0; while [ $i -lt 400 ]; do echo line $i of the log; i=$((i+1)); done; exec sleep 1000'\n" +
		"logging: {rotate: {size: 4K, keep: 2}, identifier: chat}\n")
	m.WaitFor("the last line", func() bool {
		return strings.Contains(m.Machine.Run("cat", "/var/log/runit/chatty/current").Stdout, " chat: line 399 of the log\n")
	})
	if n := strings.TrimSpace(m.MustRun("sh", "-c", "ls /var/log/runit/chatty | grep -c '^@'")); n != "2" {
		t.Errorf("%s rotated files", n)
	}
	if owner := strings.TrimSpace(m.MustRun("stat", "-c", "%U:%G %a", "/var/log/runit/chatty")); owner != "_runit-log:adm 750" {
		t.Errorf("the directory belongs to %s", owner)
	}
	if sources, err := (backend{}).Sources(t.Context(), m, generators.Target{}, "chatty", generators.Query{}); err != nil || len(sources) != 1 || sources[0].Path != "/var/log/runit/chatty/current" {
		t.Errorf("%v %v", sources, err)
	}
	// An upgrade that takes the log service away, and gives it back.
	for _, to := range []string{"append:/var/log/chatty.log", "journal"} {
		b := render(t, "name: chatty\nshell: 'echo hello; exec sleep 1000'\nlogging: {stdout: '"+to+"'}\n")
		m.MustRun("rm", "-f", "/etc/sv/chatty/log/run", "/etc/sv/chatty/log/config")
		if failed := m.carry(b, generators.Upgrade); failed != "" {
			t.Fatal(failed)
		}
		_, log, _ := strings.Cut(m.MustRun("sv", "status", "chatty"), "; ")
		if (log != "") != (to == "journal") || m.inspect("chatty").State != generators.Active {
			t.Errorf("%s: log service %q, %+v", to, log, m.inspect("chatty"))
		}
	}
}

// A forking service is known by its process ID file.
func TestForking(t *testing.T) {
	m := boot(t)
	m.WriteFile("/usr/bin/forks", "#!/bin/sh\nsetsid sleep 4712 >/dev/null 2>&1 &\necho $! >/run/forks.pid\n", 0o755)
	m.install("name: forks\ncommand: [/usr/bin/forks]\ntype: forking\npid_file: /run/forks.pid\nrestart: {policy: always}\n")
	pid := m.MustRun("cat", "/run/forks.pid")
	if s := m.inspect("forks"); s.State != generators.Active || s.PID == 0 || fmt.Sprintln(s.PID) != pid {
		t.Errorf("%+v, the file has %s", s, pid)
	}
	was := m.inspect("forks").PID
	m.MustRun("kill", "-KILL", strings.TrimSpace(pid))
	m.WaitFor("a restart", func() bool { s := m.inspect("forks"); return s.State == generators.Active && s.PID != was })
	m.MustRun("sv", "-w", "30", "stop", "forks")
	m.MustRun("sh", "-c", "! pgrep -f 'sleep 471[2]'")
}
