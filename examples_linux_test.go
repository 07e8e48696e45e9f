package daemonize_test

import (
	"path"
	"strings"
	"testing"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
)

// TestExamplesOnSystemd has a real systemd 252 read the units of every
// example without complaint, and runs two of them with their real programs.
func TestExamplesOnSystemd(t *testing.T) {
	m := lab.Boot(t, "systemd252")
	target, err := daemonize.ParseTarget("systemd@252", generators.System)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range exampleFiles(t) {
		if strings.Contains(file, "starters") {
			continue // all are called example
		}
		for _, d := range decodeExample(t, file) {
			b, diags, err := daemonize.Render(d, target, generators.Policy{})
			if err != nil || diags.HasErrors() {
				t.Fatalf("%s: %v %v", file, err, diags)
			}
			// Programs that this machine does not have.
			m.MustRun("sh", "-c", `test -e "$1" || install -D /bin/true "$1"`, "sh", d.Command[0])
			verify := []string{"systemd-analyze", "verify", "--man=no"}
			for _, a := range b.Artifacts {
				m.WriteFile(a.Path, string(a.Content), a.Mode)
				if path.Dir(a.Path) == "/etc/systemd/system" {
					verify = append(verify, a.Path)
				}
			}
			if r := m.Run(verify...); r.Code != 0 || r.Stderr != "" {
				t.Errorf("%s: %v", file, r)
			}
		}
	}
	m.MustRun("systemctl", "daemon-reload")

	m.MustRun("systemctl", "start", "nginx", "redis-server")
	answers := func() bool {
		r := m.Run("bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3`)
		return strings.HasPrefix(r.Stdout, "HTTP/1.1 200 ")
	}
	m.WaitFor("nginx answers", answers)
	m.MustRun("systemctl", "reload", "nginx")
	m.WaitFor("nginx answers after a reload", answers)
	redis := func(want string, args ...string) {
		t.Helper()
		if got := strings.TrimSpace(m.MustRun(append([]string{"redis-cli"}, args...)...)); got != want {
			t.Errorf("redis-cli %v says %q, want %q", args, got, want)
		}
	}
	redis("OK", "set", "key", "value")
	redis("OK", "config", "rewrite") // writes to /etc/redis
	redis("OK", "save")              // writes to /var/lib/redis
	m.MustRun("systemctl", "restart", "redis-server")
	redis("value", "get", "key")
	m.MustRun("systemctl", "stop", "nginx", "redis-server")
	for _, unit := range []string{"nginx", "redis-server"} {
		if got := m.MustRun("systemctl", "show", "--property=Result", "--value", unit); got != "success\n" {
			t.Errorf("%s ended with %s", unit, got)
		}
	}
}
