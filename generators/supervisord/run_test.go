//go:build linux

package supervisord

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
	"github.com/daemonize/daemonize/spec"
)

// real is a supervisord that runs on rendered daemons. It is the Host of the
// controller, too.
type real struct {
	t    *testing.T
	dir  string
	conf string
}

// startReal starts a supervisord on the documents, in which @DIR@ stands for a
// directory that everybody can write to and @PROBE@ for the probe. The scripts
// are put below that directory instead of /usr/lib/daemonize.
func startReal(t *testing.T, docs ...string) *real {
	t.Helper()
	python(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root to switch users as supervisord does")
	}
	for _, tool := range []string{"/usr/bin/supervisord", supervisorctl} {
		if _, err := os.Stat(tool); err != nil {
			t.Skip(err)
		}
	}
	dir, err := os.MkdirTemp("/tmp", "supervisord")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	probe := filepath.Join(dir, "probe")
	if out, err := exec.Command("cp", lab.Probe(t), probe).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	r := &real{t: t, dir: dir, conf: dir + "/supervisord.conf"}
	for _, doc := range docs {
		doc = strings.NewReplacer("@DIR@", dir, "@PROBE@", probe).Replace(doc)
		ds, diags := spec.Decode("test.yaml", []byte("version: 1\n"+doc))
		if diags.HasErrors() || len(ds) != 1 {
			t.Fatalf("%v\n%s", diags, doc)
		}
		b, diags := generators.Render(New(), ds[0], generators.Target{Backend: "supervisord", Version: New().Info().Default}, generators.Policy{})
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, doc)
		}
		for _, a := range b.Artifacts {
			content := []byte(strings.ReplaceAll(string(a.Content), "/usr/lib/daemonize/", dir+"/lib/"))
			path := dir + a.Path
			if rest, ok := strings.CutPrefix(a.Path, "/usr/lib/daemonize/"); ok {
				path = dir + "/lib/" + rest
			}
			write(t, path, content, a.Mode)
		}
	}
	write(t, r.conf, []byte("[unix_http_server]\nfile="+dir+"/sock\n[supervisord]\nlogfile="+dir+"/log\npidfile="+dir+"/pid\nchildlogdir="+dir+
		"\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\nserverurl=unix://"+dir+"/sock\n[include]\nfiles="+dir+"/etc/supervisor/conf.d/*.conf\n"), 0o644)
	cmd := exec.Command("/usr/bin/supervisord", "-n", "-c", r.conf)
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/root", "FROM_SUPERVISORD=1"}
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(dir + "/log")
			t.Logf("supervisord says:\n%s", log)
		}
	})
	r.wait("the socket", func() bool { _, err := os.Stat(dir + "/sock"); return err == nil })
	return r
}

// wait polls until cond holds.
func (r *real) wait(what string, cond func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if cond() {
			return
		}
	}
	log, _ := os.ReadFile(r.dir + "/log")
	r.t.Fatalf("waited in vain for %s\n%s", what, log)
}

// probe waits for what the probe writes.
func (r *real) probe(name string) (p *report.Report) {
	r.t.Helper()
	r.wait(name, func() bool {
		content, err := os.ReadFile(r.dir + "/" + name)
		if err == nil {
			p, err = report.Parse(content)
		}
		return err == nil
	})
	return p
}

func (r *real) ReadFile(path string) ([]byte, error) { return os.ReadFile(r.dir + path) }
func (r *real) Exists(path string) bool {
	return path == "/run/supervisor.sock" || path == "/etc/supervisor/conf.d"
}
func (r *real) Run(ctx context.Context, argv []string) (generators.Result, error) {
	argv = slices.Insert(slices.Clone(argv), 1, "-c", r.conf)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		err = nil
	}
	return generators.Result{Code: cmd.ProcessState.ExitCode(), Stdout: out.String(), Stderr: errs.String()}, err
}

func (r *real) ctl(args ...string) string {
	r.t.Helper()
	res, err := r.Run(context.Background(), append([]string{supervisorctl}, args...))
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Stdout
}

func (r *real) status(job string) generators.Status {
	r.t.Helper()
	s, err := New().(generators.Controller).Status(context.Background(), r, generators.Target{}, job)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *real) state(job string, want generators.State, detail string) generators.Status {
	r.t.Helper()
	var s generators.Status
	r.wait(job+" to be "+detail, func() bool { s = r.status(job); return s.State == want && s.Detail == detail })
	return s
}

// TestRun starts programs with a real supervisord and looks at them.
func TestRun(t *testing.T) {
	var hostile strings.Builder
	var args []string
	for _, h := range gentest.Hostile() {
		if _, ok := encodeCommand([]string{h}); ok {
			args = append(args, h)
			hostile.WriteString(", " + jsonString(h))
		}
	}
	name := "svtest" + strconv.Itoa(os.Getpid())
	t.Cleanup(func() { os.RemoveAll("/run/" + name); os.RemoveAll("/run/daemonize-" + name + ".credentials") })
	r := startReal(t,
		"name: native\ncommand: ['@PROBE@'"+hostile.String()+"]\numask: '0027'\nworking_dir: '@DIR@'\nenvironment: {PROBE_OUT: '@DIR@/native', PROBE_WAIT: 1, A: \"it's \\\"q\\\" ; x\", B: '50% \\ ok'}\nlogging: {stdout: 'append:/tmp/"+name+".log'}",
		"name: "+name+"\ncommand: ['@PROBE@', \"a\\nb\"]\nuser: nobody\nsupplementary_groups: [games]\numask: '0077'\nworking_dir: '@DIR@'\n"+
			"environment: {PROBE_OUT: '@DIR@/script', PROBE_WAIT: 1, A: \"line\\nbreak\"}\nunset_environment: [FROM_SUPERVISORD]\nlimits: {nofile: 512, core: 0}\nscheduling: {nice: 2, oom_score_adjust: 300}\n"+
			"directories: {runtime: "+name+"}\nlogging: {stdout: 'append:@DIR@/script.log'}\nsandboxing: {no_new_privileges: true, capabilities: {bounding: [CAP_CHOWN]}}\naccept_loss: {'*': [directories.runtime]}",
		"name: asuser\ncommand: ['@PROBE@']\nuser: nobody\nenvironment: {PROBE_OUT: '@DIR@/asuser', PROBE_WAIT: 1, HOME: /home/x}\nreload: {signal: SIGHUP}",
		"name: many\ncommand: ['@PROBE@', '${instance}']\nenvironment: {PROBE_OUT: '@DIR@/many-${instance}', PROBE_WAIT: 1}\ninstances: [a, b]",
		"name: group\ncommand: [/bin/sh, -c, 'sleep 98765 & echo $! >@DIR@/child.new; mv @DIR@/child.new @DIR@/child; wait']",
		"name: broken\ncommand: [/bin/false]\nrestart: {policy: on-failure, max_attempts: 1}",
		"name: once\ncommand: [/bin/true]\ntype: oneshot",
		"name: skipped\ncommand: [/bin/sh, -c, 'echo ran >>@DIR@/skipped']\nrestart: always\nconditions: {path_exists: [/nonexistent]}",
		"name: coded\ncommand: [/bin/sh, -c, 'echo ran >>@DIR@/coded; sleep 1.5; exit 78']\nrestart: {policy: always, prevent_exit: [78]}",
		"name: timed\ncommand: [/bin/sh, -c, 'echo ran >>@DIR@/timed']\ntimers: [{cron: '0 3 * * *'}]",
		"name: sick\ncommand: [/bin/sh, -c, 'echo $$ >>@DIR@/sick; exec sleep 9999']\nhealthcheck: {test: [/bin/false], interval: 200ms, retries: 2, timeout: 5s}",
	)
	t.Cleanup(func() { os.Remove("/tmp/" + name + ".log") })

	t.Run("native", func(t *testing.T) {
		p := r.probe("native")
		if want := append([]string{r.dir + "/probe"}, args...); !slices.Equal(p.Argv, want) {
			t.Errorf("arguments\n got %q\nwant %q", p.Argv, want)
		}
		if p.Env["A"] != "it's \"q\" ; x" || p.Env["B"] != `50% \ ok` || p.Umask != "0027" || p.Cwd != r.dir {
			t.Errorf("%q %q %s %s", p.Env["A"], p.Env["B"], p.Umask, p.Cwd)
		}
		s := r.state("native", generators.Active, "RUNNING")
		if s.PID != p.PID || !s.Enabled {
			t.Errorf("%+v, the probe is %d", s, p.PID)
		}
		if _, err := os.Stat("/tmp/" + name + ".log"); err != nil {
			t.Error(err)
		}
		r.ctl("stop", "native")
		r.state("native", generators.Inactive, "STOPPED")
	})
	t.Run("script", func(t *testing.T) {
		p := r.probe("script")
		if !slices.Equal(p.Argv, []string{r.dir + "/probe", "a\nb"}) || p.Env["A"] != "line\nbreak" {
			t.Errorf("%q %q", p.Argv, p.Env["A"])
		}
		if p.UID == 0 || p.GID == 0 || !slices.Contains(p.Groups, 60) || p.Umask != "0077" || p.Cwd != r.dir || p.Nice != 2 || p.OOM != 300 {
			t.Errorf("%+v", p)
		}
		if p.Status["NoNewPrivs"] != "1" || p.Status["CapBnd"] != "0000000000000001" || p.Status["CapEff"] != "0000000000000000" ||
			p.Rlimits["Max open files"] != "512:512" || p.Rlimits["Max core file size"] != "0:0" {
			t.Errorf("%v %v", p.Status, p.Rlimits)
		}
		if p.Env["HOME"] != "/nonexistent" || p.Env["RUNTIME_DIRECTORY"] != "/run/"+name || p.Env["FROM_SUPERVISORD"] != "" {
			t.Errorf("%v", p.Env)
		}
		if p.Streams[0] != "/dev/null" || p.Streams[1] != r.dir+"/script.log" || p.Streams[2] != p.Streams[1] {
			t.Errorf("%q", p.Streams)
		}
		if s := r.state(name, generators.Active, "RUNNING"); s.PID != p.PID {
			t.Errorf("%+v, the probe is %d", s, p.PID)
		}
	})
	t.Run("user", func(t *testing.T) {
		p := r.probe("asuser")
		if p.UID != 65534 || p.Env["HOME"] != "/home/x" || p.Env["USER"] != "nobody" || p.Env["LOGNAME"] != "nobody" || p.Env["FROM_SUPERVISORD"] != "1" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("instances", func(t *testing.T) {
		for _, i := range []string{"a", "b"} {
			p := r.probe("many-" + i)
			if !slices.Equal(p.Argv, []string{r.dir + "/probe", i}) {
				t.Errorf("%q", p.Argv)
			}
			if s := r.state("many:many-"+i, generators.Active, "RUNNING"); s.PID != p.PID || !s.Enabled {
				t.Errorf("%+v", s)
			}
		}
	})
	t.Run("T51 stop reaches children", func(t *testing.T) {
		var pid int
		r.wait("the child", func() bool {
			b, _ := os.ReadFile(r.dir + "/child")
			pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
			return pid > 0
		})
		r.state("group", generators.Active, "RUNNING")
		r.ctl("stop", "group")
		r.wait("the child to end", func() bool {
			stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ")
		})
	})
	t.Run("T50 failed", func(t *testing.T) {
		if s := r.state("broken", generators.Failed, "FATAL"); s.Reason == "" {
			t.Errorf("%+v", s)
		}
	})
	t.Run("T50 oneshot", func(t *testing.T) { r.state("once", generators.Inactive, "EXITED") })
	t.Run("condition", func(t *testing.T) {
		r.state("skipped", generators.Inactive, "EXITED")
		if _, err := os.Stat(r.dir + "/skipped"); err == nil {
			t.Error("it ran")
		}
	})
	t.Run("prevent_exit", func(t *testing.T) {
		r.state("coded", generators.Inactive, "EXITED")
		if b, _ := os.ReadFile(r.dir + "/coded"); string(b) != "ran\n" {
			t.Errorf("%q", b)
		}
	})
	t.Run("timer", func(t *testing.T) {
		if s := r.state("timed", generators.Inactive, "STOPPED"); s.Enabled {
			t.Errorf("%+v", s)
		}
		r.ctl("start", "timed")
		r.state("timed", generators.Inactive, "EXITED")
	})
	t.Run("healthcheck", func(t *testing.T) {
		// The script calls supervisorctl with the default configuration: put ours there.
		if b, _ := os.ReadFile(r.dir + "/lib/sick/health"); !strings.Contains(string(b), supervisorctl+" restart sick\n") {
			t.Fatalf("%s", b)
		}
		content, _ := os.ReadFile(r.dir + "/lib/sick/health")
		write(t, r.dir+"/lib/sick/health", []byte(strings.ReplaceAll(string(content), supervisorctl+" ", supervisorctl+" -c "+r.conf+" ")), 0o755)
		r.ctl("restart", "sick-health")
		r.wait("a restart", func() bool {
			b, _ := os.ReadFile(r.dir + "/sick")
			return strings.Count(string(b), "\n") >= 2
		})
	})
	t.Run("unknown", func(t *testing.T) {
		if s := r.status("nothing"); s.State != generators.Inactive || s.Detail != "no such process" {
			t.Errorf("%+v", s)
		}
	})
	t.Run("detect", func(t *testing.T) {
		target, ok := New().(generators.Controller).Detect(context.Background(), r, generators.System)
		if !ok || target.Version < New().Info().Oldest || target.Version > New().Info().Newest || target.Family != generators.Debian {
			t.Errorf("%v %t", target, ok)
		}
	})
}

// jsonString writes a string for YAML, in which the spec reads references.
func jsonString(s string) string {
	b, _ := json.Marshal(strings.ReplaceAll(s, "$", "$$"))
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}
