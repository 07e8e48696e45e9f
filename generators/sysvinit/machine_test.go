package sysvinit

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
	"github.com/daemonize/daemonize/spec"
)

// machine is a SysVinit container with the probe in /usr/bin/probe.
type machine struct {
	*lab.Machine
	t *testing.T
}

func boot(t *testing.T, opts ...lab.Option) machine {
	t.Helper()
	return machine{lab.Boot(t, "sysvinit", append(opts, lab.Bind(lab.Probe(t), "/usr/bin/probe"))...), t}
}

// on returns the machine for a subtest.
func (m machine) on(t *testing.T) machine { m.t = t; return m }

func render(t *testing.T, doc string) generators.Bundle {
	t.Helper()
	daemons, diags := spec.Decode("test.yaml", []byte("version: 1\n"+doc))
	if diags.HasErrors() || len(daemons) != 1 {
		t.Fatalf("cannot decode: %v\n%s", diags, doc)
	}
	info := New().Info()
	b, diags := generators.Render(New(), daemons[0], generators.Target{Backend: info.Name, Version: info.Default}, generators.Policy{})
	if diags.HasErrors() {
		t.Fatalf("cannot render: %v\n%s", diags, doc)
	}
	return b
}

// install writes the files of a document.
func (m machine) install(doc string) generators.Bundle {
	m.t.Helper()
	b := render(m.t, doc)
	m.write(b)
	return b
}

func (m machine) write(b generators.Bundle) {
	m.t.Helper()
	for _, a := range b.Artifacts {
		m.WriteFile(a.Path, string(a.Content), a.Mode)
	}
}

// call runs a verb of an init script and wants an exit code.
func (m machine) call(name, verb string, want int) string {
	m.t.Helper()
	r := m.Run("/etc/init.d/"+name, verb)
	if r.Err != nil || r.Code != want {
		m.t.Fatalf("%s %s: want exit code %d: %v\n%s", name, verb, want, r, m.Run("sh", "-c", "ps axo pid,ppid,sid,stat,args; head -50 /run/daemonize/"+name+"/*").Stdout)
	}
	return r.Stdout + r.Stderr
}

// pid returns the process that the script knows.
func (m machine) pid(name string) int {
	m.t.Helper()
	s := strings.TrimSpace(m.MustRun("cat", "/run/"+name+".pid"))
	pid, err := strconv.Atoi(s)
	if err != nil {
		m.t.Fatalf("the process ID file of %s holds %q", name, s)
	}
	return pid
}

func (m machine) alive(pid int) bool {
	r := m.Run("cat", fmt.Sprintf("/proc/%d/stat", pid))
	return r.Code == 0 && !strings.Contains(r.Stdout, ") Z ")
}

func (m machine) report(path string) *report.Report {
	m.t.Helper()
	r, err := report.Parse([]byte(m.MustRun("cat", path)))
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

// shells are run as /bin/sh of the machine, side by side: the tests wait for most
// of their time.
func shells(t *testing.T, test func(t *testing.T, m machine)) {
	t.Parallel()
	t.Run("dash", func(t *testing.T) {
		t.Parallel()
		m := boot(t)
		if s := m.MustRun("readlink", "-f", "/bin/sh"); !strings.HasSuffix(s, "dash\n") {
			t.Fatalf("/bin/sh is %q", s)
		}
		test(t, m)
	})
	t.Run("bash", func(t *testing.T) {
		t.Parallel()
		m := boot(t)
		m.MustRun("ln", "-sf", "bash", "/bin/sh")
		test(t, m)
	})
	t.Run("busybox", func(t *testing.T) {
		t.Parallel()
		busybox, err := exec.LookPath("busybox")
		if err != nil {
			t.Skip("busybox is not installed")
		}
		m := boot(t, lab.Bind(busybox, "/usr/bin/busybox"))
		// Not only the shell: the tools that the scripts rely on as well.
		for _, tool := range []string{"sh", "setsid", "sleep", "logger", "timeout", "mv", "rm", "mkdir", "cat", "id"} {
			path := "/bin/" + tool
			if r := m.Run("which", tool); r.Code == 0 {
				path = strings.TrimSpace(r.Stdout)
			}
			m.MustRun("/usr/bin/busybox", "ln", "-sf", "/usr/bin/busybox", path)
		}
		test(t, m)
	})
}

func TestVerbs(t *testing.T) {
	shells(t, func(t *testing.T, m machine) {
		m.install(`name: web
command: [/usr/bin/probe, "it's", "$$x"]
environment: {PROBE_OUT: /tmp/web.json, PROBE_WAIT: '1', V: "a'b\"c"}
reload: {signal: SIGHUP}
`)
		m.call("web", "status", 3)
		m.call("web", "stop", 0)
		m.call("web", "try-restart", 0)
		m.call("web", "status", 3)
		m.call("web", "reload", 7)
		m.call("web", "start", 0)
		first := m.pid("web")
		if out := m.call("web", "status", 0); out != fmt.Sprintf("web: is running, process %d\n", first) {
			t.Errorf("status says %q", out)
		}
		m.call("web", "start", 0)
		if again := m.pid("web"); again != first {
			t.Errorf("a second start made process %d of %d", again, first)
		}
		r := m.report("/tmp/web.json")
		if !slices.Equal(r.Argv, []string{"/usr/bin/probe", "it's", "$x"}) || r.Env["V"] != `a'b"c` || r.PID != first || r.Cwd != "/" {
			t.Errorf("the process is not what was declared: %+v", r)
		}
		m.call("web", "restart", 0)
		second := m.pid("web")
		if second == first || m.alive(first) {
			t.Errorf("restart kept process %d", first)
		}
		m.call("web", "try-restart", 0)
		third := m.pid("web")
		if third == second || m.alive(second) {
			t.Errorf("try-restart kept process %d", second)
		}
		m.call("web", "nonsense", 2)
		if r := m.Run("/etc/init.d/web"); r.Code != 2 || !strings.Contains(r.Stderr, "Usage:") {
			t.Errorf("no verb: %v", r)
		}
		m.call("web", "stop", 0)
		if m.alive(third) {
			t.Error("stop left the process")
		}
		m.call("web", "stop", 0)
		m.call("web", "status", 3)
		if left := m.MustRun("sh", "-c", "ls /run/daemonize/web; pgrep -x supervise || :"); left != "lock\n" {
			t.Errorf("left behind: %q", left)
		}
	})
}
