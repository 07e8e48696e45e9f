package chain

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to see that privileges are really dropped")
	}
}

func decode(t testing.TB, doc string) *spec.Daemon {
	t.Helper()
	ds, diags := spec.Decode("test.yaml", []byte("version: 1\n"+doc))
	if diags.HasErrors() || len(ds) != 1 {
		t.Fatalf("%v\n%s", diags, doc)
	}
	return ds[0]
}

// run executes an argument vector and returns what the probe at its end says.
func run(t testing.TB, argv []string, env ...string) *report.Report {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v %s", argv, err, stderr.String())
	}
	r, err := report.Parse(out)
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	if r.PID != cmd.Process.Pid && argv[0] != "/usr/bin/timeout" {
		t.Errorf("the program is process %d, not the %d that was started", r.PID, cmd.Process.Pid)
	}
	return r
}

// otherIPC returns the IPC namespace of a process with one of its own, as long
// as the test runs.
func otherIPC(t testing.TB) string {
	t.Helper()
	// cat says that it runs, and ends with its input.
	cmd := exec.Command("unshare", "--ipc", "sh", "-c", "echo; exec cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("cannot make an IPC namespace: %v", err)
	}
	return "/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/ipc"
}

// TestPrefixes looks at a process behind each prefix.
func TestPrefixes(t *testing.T) {
	needRoot(t)
	probe := lab.Probe(t)
	ownIPC, _ := os.Readlink("/proc/self/ns/ipc")
	ownMnt, _ := os.Readlink("/proc/self/ns/mnt")
	other := otherIPC(t)
	status := func(key, want string) func(r *report.Report) string {
		return func(r *report.Report) string {
			if r.Status[key] != want {
				return key + " is " + r.Status[key] + ", want " + want
			}
			return ""
		}
	}
	number := func(what string, got func(r *report.Report) int, want int) func(r *report.Report) string {
		return func(r *report.Report) string {
			if g := got(r); g != want {
				return fmt.Sprintf("%s is %d, want %d", what, g, want)
			}
			return ""
		}
	}
	limit := func(name, want string) func(r *report.Report) string {
		return func(r *report.Report) string {
			if r.Rlimits[name] != want {
				return name + " is " + r.Rlimits[name] + ", want " + want
			}
			return ""
		}
	}
	policy := func(r *report.Report) int { return r.Policy }
	for _, c := range []struct {
		doc  string
		want func(*report.Report) string
	}{
		{"scheduling: {nice: 5}", number("nice", func(r *report.Report) int { return r.Nice }, 5)},
		{"scheduling: {nice: -5}", number("nice", func(r *report.Report) int { return r.Nice }, -5)},
		{"scheduling: {policy: batch}", number("policy", policy, 3)},
		{"scheduling: {policy: batch, reset_on_fork: true}", number("policy", policy, 3|0x40000000)},
		{"scheduling: {policy: idle}", number("policy", policy, 5)},
		{"scheduling: {policy: rr, priority: 10}", number("policy", policy, 2)},
		{"scheduling: {policy: fifo, priority: 1}", number("policy", policy, 1)},
		{"scheduling: {io_class: best-effort, io_priority: 6}", number("ioprio", func(r *report.Report) int { return r.IOPrio }, 2<<13|6)},
		{"scheduling: {io_class: idle}", number("ioprio class", func(r *report.Report) int { return r.IOPrio >> 13 }, 3)},
		{"scheduling: {io_priority: 2}", number("ioprio", func(r *report.Report) int { return r.IOPrio }, 2<<13|2)},
		{"scheduling: {cpu_affinity: [0]}", status("Cpus_allowed_list", "0")},
		{"scheduling: {oom_score_adjust: 500}", number("oom_score_adj", func(r *report.Report) int { return r.OOM }, 500)},
		{"limits: {nofile: 512}", limit("Max open files", "512:512")},
		{"limits: {core: 0}", limit("Max core file size", "0:0")},
		{"limits: {sigpending: {soft: 100, hard: 200}}", limit("Max pending signals", "100:200")},
		{"limits: {memlock: 64K}", limit("Max locked memory", "65536:65536")},
		{"limits: {cpu: 3600}", limit("Max cpu time", "3600:3600")},
		{"limits: {fsize: 1G}", limit("Max file size", "1073741824:1073741824")},
		{"limits: {as: 8G}", limit("Max address space", "8589934592:8589934592")},
		{"limits: {data: 8G}", limit("Max data size", "8589934592:8589934592")},
		{"limits: {stack: {soft: 4M, hard: infinity}}", limit("Max stack size", "4194304:unlimited")},
		{"limits: {rss: 1G}", limit("Max resident set", "1073741824:1073741824")},
		{"limits: {nproc: 512}", limit("Max processes", "512:512")},
		{"limits: {locks: 7}", limit("Max file locks", "7:7")},
		{"limits: {msgqueue: 4K}", limit("Max msgqueue size", "4096:4096")},
		{"limits: {nice: 0}", limit("Max nice priority", "0:0")},
		{"limits: {rtprio: 0}", limit("Max realtime priority", "0:0")},
		{"limits: {rttime: 200000}", limit("Max realtime timeout", "200000:200000")},
		{"sandboxing: {no_new_privileges: true}", status("NoNewPrivs", "1")},
		{"sandboxing: {capabilities: {bounding: [CAP_NET_BIND_SERVICE]}}", status("CapBnd", "0000000000000400")},
		{"sandboxing: {capabilities: {bounding: [CAP_NET_BIND_SERVICE]}}", status("CapEff", "0000000000000400")},
		{"sandboxing: {capabilities: {bounding: []}}", status("CapPrm", "0000000000000000")},
		{"sandboxing: {capabilities: {bounding: [~CAP_CHOWN, ~CAP_KILL]}}", func(r *report.Report) string {
			n, err := strconv.ParseUint(r.Status["CapBnd"], 16, 64)
			if err != nil || n&(1<<0|1<<5) != 0 || n&(1<<1) == 0 {
				return "CapBnd is " + r.Status["CapBnd"]
			}
			return ""
		}},
		{"sandboxing: {secure_bits: [noroot, noroot-locked]}", status("CapEff", "0000000000000000")},
		{"sandboxing: {private_ipc: true}", func(r *report.Report) string {
			if r.NS["ipc"] == ownIPC {
				return "the IPC namespace is the host's"
			}
			return ""
		}},
		{"sandboxing: {private_mounts: true}", func(r *report.Report) string {
			if r.NS["mnt"] == ownMnt {
				return "the mount namespace is the host's"
			}
			return ""
		}},
		{"sandboxing: {ipc_namespace_path: " + other + "}", func(r *report.Report) string {
			if want, _ := os.Readlink(other); r.NS["ipc"] != want || want == ownIPC {
				return "the IPC namespace is " + r.NS["ipc"]
			}
			return ""
		}},
		{"unset_environment: [GONE]", func(r *report.Report) string {
			if _, ok := r.Env["GONE"]; ok || r.Env["KEPT"] != "1" {
				return fmt.Sprint(r.Env)
			}
			return ""
		}},
		{"max_runtime: 12h", func(r *report.Report) string { return "" }},
	} {
		t.Run(c.doc, func(t *testing.T) {
			d := decode(t, "name: probe\ncommand: ["+probe+", 'a b']\n"+c.doc)
			if NeedsScript(d, Options{Output: true}) {
				t.Fatal("needs a script")
			}
			prefix := Prefix(d, Options{Output: true})
			if len(prefix) == 0 {
				t.Fatal("no prefix")
			}
			r := run(t, append(prefix, Argv(d)...), "GONE=1", "KEPT=1")
			if problem := c.want(r); problem != "" {
				t.Error(problem)
			}
			if !slices.Equal(r.Argv, []string{probe, "a b"}) {
				t.Errorf("arguments %q", r.Argv)
			}
		})
	}
}

// install writes the script of a daemon where every user can read it.
func install(t testing.TB, content []byte) string {
	t.Helper()
	f, err := os.CreateTemp("/tmp", "chain-*.sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(f.Name()) })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Chmod(0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// TestIdentity drops to users and groups and looks.
func TestIdentity(t *testing.T) {
	needRoot(t)
	probe := lab.Probe(t)
	id := func(kind, name string) int {
		out, err := exec.Command("getent", kind, name).Output()
		f := strings.Split(string(out), ":")
		if err != nil || len(f) < 3 {
			t.Skipf("there is no %s %s", kind, name)
		}
		n, _ := strconv.Atoi(f[2])
		return n
	}
	nobody, nogroup := id("passwd", "nobody"), id("group", "nogroup")
	games, daemon, mail := id("group", "games"), id("group", "daemon"), id("group", "mail")
	for _, c := range []struct {
		doc      string
		uid, gid int
		groups   []int
	}{
		{"user: nobody", nobody, nogroup, []int{nogroup}},
		{"user: '" + strconv.Itoa(nobody) + "'", nobody, nogroup, []int{nogroup}},
		{"user: nobody\ngroup: games", nobody, games, []int{games}},
		{"user: nobody\nsupplementary_groups: [daemon, mail]", nobody, nogroup, []int{nogroup, daemon, mail}},
		{"user: nobody\ngroup: games\nsupplementary_groups: [daemon, '12345']", nobody, games, []int{games, daemon, 12345}},
		{"user: '54321'", 54321, 54321, []int{54321}},
		{"group: games", 0, games, []int{games}},
		{"supplementary_groups: [mail]\nuser: root", 0, 0, []int{0, mail}},
	} {
		t.Run(c.doc, func(t *testing.T) {
			d := decode(t, "name: probe\ncommand: ["+probe+"]\n"+c.doc)
			r := run(t, []string{install(t, Script(d, Options{}))}, "HOME=/elsewhere")
			slices.Sort(r.Groups)
			slices.Sort(c.groups)
			if r.UID != c.uid || r.GID != c.gid || !slices.Equal(r.Groups, c.groups) {
				t.Errorf("runs as %d:%d %v, want %d:%d %v", r.UID, r.GID, r.Groups, c.uid, c.gid, c.groups)
			}
			if c.uid != 0 && r.Status["CapEff"] != "0000000000000000" {
				t.Errorf("keeps capabilities %s", r.Status["CapEff"])
			}
			if d.User == "nobody" && (r.Env["USER"] != "nobody" || r.Env["LOGNAME"] != "nobody" || r.Env["HOME"] != "/nonexistent") {
				t.Errorf("environment %v", r.Env)
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		d := decode(t, "name: probe\ncommand: ["+probe+"]\nuser: no-such-user-here")
		out, err := exec.Command(install(t, Script(d, Options{}))).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "there is no user no-such-user-here") {
			t.Errorf("%v %s", err, out)
		}
	})
	t.Run("ambient", func(t *testing.T) {
		d := decode(t, "name: probe\ncommand: ["+probe+"]\nuser: nobody\nsandboxing: {no_new_privileges: true, capabilities: {bounding: [CAP_NET_BIND_SERVICE, CAP_CHOWN], ambient: [CAP_NET_BIND_SERVICE]}}")
		r := run(t, []string{install(t, Script(d, Options{}))})
		for key, want := range map[string]string{"CapAmb": "0000000000000400", "CapEff": "0000000000000400", "CapPrm": "0000000000000400", "CapInh": "0000000000000400", "CapBnd": "0000000000000401", "NoNewPrivs": "1"} {
			if r.Status[key] != want {
				t.Errorf("%s is %s, want %s", key, r.Status[key], want)
			}
		}
		if r.UID != nobody {
			t.Errorf("runs as %d", r.UID)
		}
	})
}

// TestScript runs a script that does everything, in every shell there is.
func TestScript(t *testing.T) {
	needRoot(t)
	probe := lab.Probe(t)
	dir := filepath.Dir(probe)
	name := "chaintest" + strconv.Itoa(os.Getpid())
	file := func(base, content string, mode os.FileMode) string {
		path := filepath.Join(dir, base)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := file("secret", "hush", 0o600)
	env := file("env", "FROM_FILE=\"a \\\"b\\\" \\$c\nd\"\nOVER=\"file\"\n", 0o600)
	input := file("in put", "", 0o600)
	if err := os.Mkdir(dir+"/w ork", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, base := range []string{"/run/", "/var/lib/", "/var/cache/", "/var/log/", "/etc/"} {
			os.RemoveAll(base + name)
		}
		os.RemoveAll("/run/daemonize-" + name + ".credentials")
	})
	doc := "name: " + name + "\ncommand: [" + probe + "]\n" + `
user: nobody
umask: '0027'
working_dir: '` + dir + `/w ork'
stdin: 'file:` + input + `'
environment: {A: "it's $x %i \"q\"\n", OVER: spec, GONE: x}
unset_environment: [GONE]
pass_environment: [PASSED, MISSING]
env_file: ['` + env + `', {path: /nonexistent/env, required: false}]
credentials: {key: '` + secret + `'}
directories: {runtime: ` + name + `, state: {name: ` + name + `/deep, mode: '0750'}, cache: ` + name + `, logs: ` + name + `, config: ` + name + `}
hooks: {pre_start: [[/bin/sh, -c, 'id -u >/run/` + name + `/hook; pwd >>/run/` + name + `/hook; umask >>/run/` + name + `/hook'], {command: [/bin/sh, -c, 'id -u >` + dir + `/root'], privileged: true}, {command: [/bin/false], ignore_failure: true}]}
scheduling: {timer_slack: 1ms, nice: 3}
conditions: {path_exists: [/etc, '!/nonexistent'], path_exists_glob: ['/etc/pass*', '!/nonexistent/*'], path_is_directory: [/etc], path_is_symbolic_link: ['!/etc'], path_is_mount_point: [/proc], path_is_read_write: [/tmp], directory_not_empty: [/etc], file_not_empty: [/etc/passwd], file_is_executable: [/bin/sh, '!/etc/passwd'], host: ['*', '!no-such-host'], kernel_command_line: ['!no_such_word'], capability: [CAP_CHOWN], memory: ['>=1M'], cpus: ['>=1', '<100000'], architecture: [native]}
logging: {stdout: inherit, stderr: 'append:/var/log/` + name + `/err or.log'}
`
	d := decode(t, doc)
	content := Script(d, Options{Clean: true})
	for _, sh := range [][]string{nil, {"dash"}, {"busybox", "sh"}, {"bash", "--posix"}} {
		t.Run(strings.Join(append(sh, "script"), " "), func(t *testing.T) {
			if len(sh) > 0 {
				if _, err := exec.LookPath(sh[0]); err != nil {
					t.Skip(err)
				}
			}
			script := string(content)
			if len(sh) > 0 { // it starts itself again
				script = strings.Replace(script, ` "$0" clean`, " /usr/bin/env "+strings.Join(sh, " ")+` "$0" clean`, 1)
			}
			path := install(t, []byte(script))
			if err := os.MkdirAll("/run/"+name, 0o755); err != nil {
				t.Fatal(err)
			}
			stale := "/run/" + name + "/stale"
			if err := os.WriteFile(stale, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			argv := append(slices.Clone(sh), path)
			argv[0], _ = exec.LookPath(argv[0])
			r := run(t, argv, "LEAK=1", "PASSED=yes it's")
			want := map[string]string{"A": "it's $x %i \"q\"\n", "OVER": "file", "FROM_FILE": "a \"b\" $c\nd", "PASSED": "yes it's", "HOME": "/nonexistent", "USER": "nobody",
				"PATH": Path, "RUNTIME_DIRECTORY": "/run/" + name, "STATE_DIRECTORY": "/var/lib/" + name + "/deep", "CREDENTIALS_DIRECTORY": "/run/daemonize-" + name + ".credentials"}
			for k, v := range want {
				if r.Env[k] != v {
					t.Errorf("%s is %q, want %q", k, r.Env[k], v)
				}
			}
			for _, k := range []string{"LEAK", "GONE", "MISSING"} {
				if v, ok := r.Env[k]; ok {
					t.Errorf("%s is %q", k, v)
				}
			}
			for k := range r.Env {
				if strings.HasPrefix(k, "daemonize_") {
					t.Errorf("the script leaks %s", k)
				}
			}
			if r.Umask != "0027" || r.Cwd != dir+"/w ork" || r.Nice != 3 || r.Slack != 1000000 {
				t.Errorf("umask %s, cwd %s, nice %d, slack %d", r.Umask, r.Cwd, r.Nice, r.Slack)
			}
			if r.Streams[0] != input || r.Streams[2] != "/var/log/"+name+"/err or.log" {
				t.Errorf("streams %q", r.Streams)
			}
			if r.Files["key"] != "-r-------- hush" {
				t.Errorf("credentials %q", r.Files)
			}
			if _, err := os.Stat(stale); err == nil {
				t.Error("the runtime directory was not emptied")
			}
			uid := strconv.Itoa(r.UID)
			if b, _ := os.ReadFile("/run/" + name + "/hook"); string(b) != uid+"\n"+dir+"/w ork\n0027\n" {
				t.Errorf("the hook saw %q", b)
			}
			if b, _ := os.ReadFile(dir + "/root"); string(b) != "0\n" {
				t.Errorf("the privileged hook ran as %q", b)
			}
			beside := run(t, []string{install(t, Command(d, Options{}, spec.Command{probe, "it's"}))})
			if beside.Env["CREDENTIALS_DIRECTORY"] != r.Env["CREDENTIALS_DIRECTORY"] || beside.Env["A"] != r.Env["A"] || beside.UID != r.UID || beside.Files["key"] != "-r-------- hush" ||
				!slices.Equal(beside.Argv, []string{probe, "it's"}) || beside.Streams[2] == r.Streams[2] {
				t.Errorf("beside it: %+v", beside)
			}
			if _, err := os.Stat("/run/" + name + "/hook"); err != nil {
				t.Error("the command beside it empties the runtime directory")
			}
			for path, want := range map[string]string{"/run/" + name: uid + " 755", "/var/lib/" + name + "/deep": uid + " 750", "/var/lib/" + name: "0 755",
				"/var/cache/" + name: uid + " 755", "/etc/" + name: "0 755", "/run/daemonize-" + name + ".credentials": uid + " 500"} {
				if out, err := exec.Command("stat", "-c", "%u %a", path).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
					t.Errorf("%s: %s, want %s", path, out, want)
				}
			}
		})
	}
}

// TestSymlink: a directory that the service could have replaced by a link.
func TestSymlink(t *testing.T) {
	needRoot(t)
	name := "chaintest" + strconv.Itoa(os.Getpid())
	victim := t.TempDir()
	if err := os.Mkdir("/run/"+name, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/run/" + name) })
	if err := os.Symlink(victim, "/run/"+name+"/data"); err != nil {
		t.Fatal(err)
	}
	d := decode(t, "name: "+name+"\ncommand: [/bin/true]\nuser: nobody\ndirectories: {runtime: {name: "+name+"/data, preserve: 'yes'}}")
	out, err := exec.Command(install(t, Script(d, Options{}))).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cannot prepare the directory") {
		t.Errorf("%v %s", err, out)
	}
	if out, _ := exec.Command("stat", "-c", "%u", victim).Output(); string(out) != "0\n" {
		t.Errorf("the link was followed: owner %s", out)
	}
}

// TestLoader: what could make root's tools load the service's code comes after
// them.
func TestLoader(t *testing.T) {
	needRoot(t)
	probe := lab.Probe(t)
	dir := filepath.Dir(probe)
	// The loader complains about a library that is not there, once for each
	// program that sees it. The probe is static.
	env := filepath.Join(dir, "env")
	if err := os.WriteFile(env, []byte("LD_PRELOAD=\"/nonexistent/file.so\"\nB=\"1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ doc, want string }{
		{"environment: {LD_PRELOAD: /nonexistent/x.so, LD_DEBUG_OUTPUT: \"/a b\"}", "/nonexistent/x.so"},
		{"environment: {LD_PRELOAD: /nonexistent/x.so}\nenv_file: ['" + env + "']", "/nonexistent/file.so"},
		{"environment: {LD_PRELOAD: /nonexistent/x.so}\nunset_environment: [LD_PRELOAD]", ""},
		{"env_file: ['" + env + "']\nunset_environment: [LD_PRELOAD]", ""},
	} {
		d := decode(t, "name: probe\ncommand: ["+probe+"]\nuser: nobody\nlimits: {core: 0}\n"+c.doc)
		cmd := exec.Command(install(t, Script(d, Options{})))
		var out, errs strings.Builder
		cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, []string{"PATH=/bin"}
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v %s", err, errs.String())
		}
		r, err := report.Parse([]byte(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		// env(1) itself runs as the user and without the variable.
		if r.Env["LD_PRELOAD"] != c.want || strings.Contains(errs.String(), "nonexistent") {
			t.Errorf("%s: %q, said %q", c.doc, r.Env["LD_PRELOAD"], errs.String())
		}
	}
}

// TestRefusals are starts that must fail or be skipped.
func TestRefusals(t *testing.T) {
	needRoot(t)
	env := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(env, []byte("A=1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(env, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		doc  string
		code int
		says string
	}{
		{"env_file: [" + env + "]", 1, "must belong to root"},
		{"env_file: [/nonexistent/env]", 1, "cannot read /nonexistent/env"},
		{"working_dir: /nonexistent", 2, ""},
		{"hooks: {pre_start: [[/bin/false]]}", 1, ""},
		{"credentials: {a: /nonexistent/key}", 1, "cannot pass on the credential"},
		{"conditions: {path_exists: [/nonexistent]}", 7, "condition path_exists /nonexistent"},
		{"conditions: {path_exists: ['!/etc']}", 7, "condition path_exists !/etc"},
		{"conditions: {path_exists_glob: ['/etc/no such*']}", 7, ""},
		{"conditions: {host: [nohost]}", 7, ""},
		{"conditions: {kernel_command_line: [no_such_word]}", 7, ""},
		{"conditions: {capability: [CAP_SYS_ADMIN, '!CAP_CHOWN']}", 7, "!CAP_CHOWN"},
		{"conditions: {memory: ['<1M']}", 7, ""},
		{"conditions: {cpus: ['=100000']}", 7, ""},
		{"conditions: {architecture: [s390]}", 7, ""},
		{"conditions: {directory_not_empty: [/nonexistent]}", 7, ""},
		{"conditions: {assert: true, path_exists: [/nonexistent]}", 1, "condition path_exists"},
		{"conditions: {path_exists: [/etc]}", 42, ""},
	} {
		t.Run(c.doc, func(t *testing.T) {
			d := decode(t, "name: probe\ncommand: [/bin/sh, -c, 'exit 42']\n"+c.doc)
			cmd := exec.Command(install(t, Script(d, Options{Skip: 7, Output: true})))
			out, err := cmd.CombinedOutput()
			// The shells differ in the status of a failed cd inside || exit 1.
			if code := cmd.ProcessState.ExitCode(); code != c.code && (c.code != 2 || code == 0 || code == 42) || !strings.Contains(string(out), c.says) {
				t.Errorf("exit %d (%v), want %d\n%s", code, err, c.code, out)
			}
		})
	}
}

// TestHostileArguments runs every hostile string through the script.
func TestHostileArguments(t *testing.T) {
	probe := lab.Probe(t)
	d := decode(t, "name: probe\ncommand: ["+probe+"]\nstdin: 'null'")
	d.Command = append(d.Command, gentest.Hostile()...)
	for i, h := range gentest.Hostile() {
		d.Environment = append(d.Environment, spec.Var{Name: "V" + strconv.Itoa(i), Value: h})
	}
	path := install(t, Script(d, Options{Output: true}))
	for _, sh := range []string{"dash", "busybox", "bash"} {
		full, err := exec.LookPath(sh)
		if err != nil {
			t.Logf("not run: %v", err)
			continue
		}
		argv := []string{full, path}
		if sh == "busybox" {
			argv = []string{full, "sh", path}
		}
		r := run(t, argv)
		if !slices.Equal(r.Argv, d.Command) {
			t.Errorf("%s: arguments\n got %q\nwant %q", sh, r.Argv, d.Command)
		}
		for _, v := range d.Environment {
			if r.Env[v.Name] != v.Value {
				t.Errorf("%s: %s is %q, want %q", sh, v.Name, r.Env[v.Name], v.Value)
			}
		}
	}
}

func FuzzGlob(f *testing.F) {
	for _, h := range gentest.Hostile() {
		f.Add(h)
	}
	f.Add(`a\\ ;id`)
	f.Add(`\`)
	f.Add(`[!a]*`)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\x00\n") || s == "" {
			return // no such pattern is decoded
		}
		// In the word nothing but pattern characters may stand unquoted.
		word := glob(s)
		if word == shell.Quote(s) {
			return
		}
		for i := 0; i < len(word); i++ {
			c := word[i]
			if c == '\\' {
				i++
				if i == len(word) {
					t.Fatalf("%q ends in a quote", word)
				}
				continue
			}
			if !isPlain(c) && c < 0x80 && !strings.ContainsRune("*?[]/.-_!", rune(c)) {
				t.Fatalf("%q is bare in %q", c, word)
			}
		}
	})
}

func BenchmarkScript(b *testing.B) {
	d := decode(b, "name: web\ncommand: [/usr/bin/web, \"it's\"]\nuser: web\nlimits: {nofile: 65536}\ndirectories: {runtime: web, state: web}\nsandboxing: {no_new_privileges: true}")
	b.ReportAllocs()
	for b.Loop() {
		Script(d, Options{})
	}
}
