package conformance

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// patience bounds every wait; cron needs up to a minute, and the machine may be
// busy.
const patience = 150 * time.Second

// host is a service manager in a machine of the lab.
type host struct {
	manager manager
	m       *lab.Machine
	gen     generators.Generator
	control generators.Operator
	target  generators.Target
	out     string // a directory of this machine, /out in the container
	daemons map[string]*daemon
	ns      map[string]string // namespaces of the manager
	started string            // what starting said
	serial  sync.Mutex        // insserv cannot run twice at once
}

// daemon is an installed daemon.
type daemon struct {
	*host
	name   string
	group  *group
	bundle generators.Bundle
	losses diag.List // what the backend says about the values
	err    error     // of its run

	once   sync.Once
	report *report.Report
	repErr error
}

// Read, Exists and Run make the host one that a controller can ask.

func (h *host) ReadFile(path string) ([]byte, error) {
	r := h.m.Run("cat", "--", path)
	if r.Code != 0 {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	return []byte(r.Stdout), nil
}

func (h *host) Exists(path string) bool { return h.m.Run("test", "-e", path).Code == 0 }

func (h *host) Run(_ context.Context, argv []string) (generators.Result, error) {
	r := h.m.Run(argv...)
	return generators.Result{Code: r.Code, Stdout: r.Stdout, Stderr: r.Stderr}, nil
}

// sh runs a script in the machine and returns what it printed.
func (h *host) sh(script string) (string, error) {
	r := h.m.Run("sh", "-c", script)
	if r.Code != 0 || r.Err != nil {
		return r.Stdout, fmt.Errorf("%q: %v", script, r)
	}
	return strings.TrimSpace(r.Stdout), nil
}

// is reports whether the host's backend is name.
func (h *host) is(name string) bool { return h.target.Backend == name }

// boot starts a machine with a manager.
func boot(t *testing.T, m manager, probe string) *host {
	t.Helper()
	out, err := os.MkdirTemp("/var/tmp", "conformance") // open for all users, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(out) })
	if err := os.Chmod(out, 0o777); err != nil {
		t.Fatal(err)
	}
	h := &host{manager: m, out: out, daemons: map[string]*daemon{}}
	h.m = lab.Boot(t, m.root, lab.Bind(probe, "/usr/bin/probe"), lab.Bind(probe, "/usr/bin/wget"), lab.ReadWriteBind(out, "/out"))
	if text, err := h.sh(prepare); err != nil {
		t.Fatalf("cannot prepare: %v %s", err, text)
	}
	if err := h.up(); err != nil {
		t.Fatal(err)
	}
	gen, ok := daemonize.Backend(m.backend)
	if !ok {
		t.Fatalf("no backend %s", m.backend)
	}
	h.gen, h.control = gen, gen.(generators.Operator)
	if h.target, ok = h.control.Detect(t.Context(), h, generators.System); !ok {
		t.Fatalf("%s is not detected", m.backend)
	}
	h.ns = map[string]string{}
	for _, ns := range []string{"ipc", "mnt", "net", "pid", "user", "uts", "cgroup"} {
		h.ns[ns] = strings.TrimSpace(h.m.MustRun("readlink", "/proc/1/ns/"+ns))
	}
	return h
}

// up has the manager run in a machine that has just booted.
func (h *host) up() error {
	if h.manager.boot == "" {
		return nil
	}
	_, err := h.sh(h.manager.boot)
	return err
}

// everything is the consent to lose what the table says is lost: what is lost
// is looked at here, not refused.
func everything() generators.Policy {
	var p generators.Policy
	for _, id := range field.All() {
		p.Allow = append(p.Allow, id.String())
	}
	return p
}

// document is the spec of a group, with what every probe needs.
func (g *group) document() string {
	name := "c-" + g.name
	var b strings.Builder
	b.WriteString("version: 1\nname: " + name + "\n")
	has := func(key string) bool {
		return strings.HasPrefix(g.doc, key+":") || strings.Contains(g.doc, "\n"+key+":")
	}
	if !has("command") && !has("shell") {
		b.WriteString("command: [/usr/bin/probe, --do, '" + g.orders() + "']\n")
	}
	if !has("logging") {
		b.WriteString("logging: {stdout: 'append:/out/" + name + ".json'}\n")
	}
	if !has("environment") {
		b.WriteString("environment: {PROBE_NOTES: /out/" + name + ".notes" + g.env + "}\n")
	}
	if g.run != nil && !has("install") {
		b.WriteString("install: {enable: false, start: false}\n")
	}
	if !has("stop") {
		b.WriteString("stop: {timeout: 5s}\n")
	}
	b.WriteString(strings.ReplaceAll(g.doc, "<N>", name))
	return b.String()
}

func (g *group) orders() string {
	if g.do == "" {
		return "report wait"
	}
	return g.do
}

// install renders the groups and puts their files into the machine.
func (h *host) install(t *testing.T, groups []*group) {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	seen := map[string]bool{}
	policy := everything()
	var accounts [][]string
	for _, g := range groups {
		if !g.wanted(h) {
			continue
		}
		doc := g.document()
		daemons, diags := spec.Decode(g.name+".yaml", []byte(doc))
		if diags.HasErrors() || len(daemons) != 1 {
			t.Fatalf("%s: %v\n%s", g.name, diags, doc)
		}
		b, diags := generators.Render(h.gen, daemons[0], h.target, policy)
		if diags.HasErrors() {
			if g.refused != "" && h.is(g.refused) {
				continue
			}
			t.Errorf("%s on %s: %v", g.name, h.target, diags)
			continue
		}
		_, losses := h.gen.Generate(daemons[0], h.target) // Render leaves out those consented to
		h.daemons[g.name] = &daemon{host: h, name: "c-" + g.name, group: g, bundle: b, losses: losses}
		for _, a := range b.Artifacts {
			for dir := filepath.Dir(a.Path); !seen[dir] && dir != "/"; dir = filepath.Dir(dir) {
				seen[dir] = true
			}
			err := w.WriteHeader(&tar.Header{Name: a.Path[1:], Mode: int64(a.Mode.Perm()), Size: int64(len(a.Content)), ModTime: time.Unix(1, 0)})
			if err == nil {
				_, err = w.Write(a.Content)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range h.control.Steps(b, generators.Install) {
			if s.Verb == generators.MakeUser {
				accounts = append(accounts, s.Argv)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := h.m.RunContext(t.Context(), &archive, "tar", "-x", "-C", "/", "--no-overwrite-dir")
	if r.Code != 0 || r.Err != nil {
		t.Fatal(r)
	}
	for _, argv := range accounts {
		if r := h.m.Run(argv...); r.Code != 0 {
			t.Fatalf("%q: %v", argv, r)
		}
	}
}

// startAll has the manager read the files and start the daemons that are only
// looked at. What cannot start is found by its group.
func (h *host) startAll(t *testing.T) {
	t.Helper()
	var daemons []*daemon
	var jobs []string
	for _, d := range h.daemons {
		if d.group.run == nil {
			daemons, jobs = append(daemons, d), append(jobs, d.job())
		}
	}
	if h.manager.startAll != "" {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		r := h.m.RunContext(ctx, nil, append([]string{"sh", "-c", h.manager.startAll, "sh"}, jobs...)...)
		if r.Err != nil {
			t.Fatal(r)
		}
		h.started = r.Stdout + r.Stderr
	} else {
		each(daemons, func(d *daemon) { d.err = d.steps(generators.Reload, generators.Enable, generators.Start) })
	}
	if !h.is("systemd") {
		h.m.MustRun("/etc/init.d/cron", "start")
	}
}

// each does the same with many daemons, several at a time: they wait for most
// of their time.
func each(daemons []*daemon, do func(d *daemon)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 10)
	for _, d := range daemons {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			do(d)
		})
	}
	wg.Wait()
}

// await polls until cond holds.
func await(what string, cond func() bool) error {
	deadline := time.Now().Add(patience)
	for step := 10 * time.Millisecond; !cond(); time.Sleep(step) {
		if time.Now().After(deadline) {
			return errors.New("waited in vain for " + what)
		}
		step = min(step*2, 200*time.Millisecond)
	}
	return nil
}

// job is the name under which the manager knows the daemon itself.
func (d *daemon) job() string { return d.control.Native(d.target, d.name) }

// do has the manager carry out a verb, as `daemonize VERB` does.
func (d *daemon) do(verb generators.Verb) lab.Result { return d.doJob(verb, d.job()) }

func (d *daemon) doJob(verb generators.Verb, job string) lab.Result {
	one := d.bundle
	one.Jobs = slices.DeleteFunc(slices.Clone(one.Jobs), func(j generators.Job) bool { return j.Name != job })
	steps, err := d.control.Operate(one, verb)
	if err != nil {
		return lab.Result{Code: -1, Err: err}
	}
	return d.apply(steps)
}

// apply carries out steps until one fails, and returns what came of the last.
func (h *host) apply(steps []generators.Step) lab.Result {
	var last lab.Result
	for _, s := range steps {
		switch {
		case s.Verb == generators.WriteFile:
			h.m.WriteFile(s.Path, string(s.Artifact.Content), s.Artifact.Mode)
			continue
		case s.Verb == generators.RemoveFile:
			last = h.m.Run("rm", "-f", "--", s.Path)
		default:
			last = h.m.Run(s.Argv...)
		}
		if (last.Code != 0 || last.Err != nil) && !s.Optional {
			last.Stderr = fmt.Sprintf("%q: ", s.Argv) + last.Stderr
			return last
		}
	}
	return last
}

func (d *daemon) start() error {
	if r := d.do(generators.Start); r.Code != 0 || r.Err != nil {
		return fmt.Errorf("start: %v", r)
	}
	return nil
}

func (d *daemon) stop() error {
	if r := d.do(generators.Stop); r.Code != 0 || r.Err != nil {
		return fmt.Errorf("stop: %v", r)
	}
	return nil
}

func (d *daemon) status() generators.Status { return d.jobStatus(d.job()) }

func (d *daemon) jobStatus(job string) generators.Status {
	s, err := d.control.Status(context.Background(), d.host, d.target, job)
	if err != nil {
		s.Reason = err.Error()
	}
	return s
}

// becomes waits for a state.
func (d *daemon) becomes(want generators.State) error { return d.jobBecomes(d.job(), want) }

func (d *daemon) jobBecomes(job string, want generators.State) error {
	var s generators.Status
	err := await("", func() bool { s = d.jobStatus(job); return s.State == want })
	if err != nil {
		return fmt.Errorf("is %+v, want %s", s, want)
	}
	return nil
}

// notes returns what the probe noted, with the times in nanoseconds.
func (d *daemon) notes() (texts []string, times []int64) {
	content, err := os.ReadFile(filepath.Join(d.out, d.name+".notes"))
	if err != nil {
		return nil, nil
	}
	for line := range strings.Lines(string(content)) {
		at, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseInt(at, 10, 64)
		texts, times = append(texts, text), append(times, n)
	}
	return texts, times
}

// count returns how often a note was made.
func (d *daemon) count(note string) int {
	n := 0
	texts, _ := d.notes()
	for _, t := range texts {
		if t == note {
			n++
		}
	}
	return n
}

// noted waits until a note was made n times.
func (d *daemon) noted(note string, n int) error {
	if err := await("", func() bool { return d.count(note) >= n }); err != nil {
		texts, _ := d.notes()
		return fmt.Errorf("noted %q, want %d times %q", texts, n, note)
	}
	return nil
}

// read returns the last report.
func (d *daemon) read() (*report.Report, error) {
	content, err := os.ReadFile(filepath.Join(d.out, d.name+".json"))
	if err != nil {
		return nil, err
	}
	return report.Parse(content)
}

// look waits for the report.
func (d *daemon) look() (*report.Report, error) {
	d.once.Do(func() {
		d.repErr = await("", func() bool {
			r, err := d.read()
			d.report = r
			return err == nil
		})
		if d.repErr != nil {
			d.repErr = fmt.Errorf("no report: %s", d.story())
		}
	})
	return d.report, d.repErr
}

// story tells what is known about a daemon that does not do what it should.
func (d *daemon) story() string {
	s := fmt.Sprintf("%+v\n", d.status())
	if d.is("systemd") { // the others keep no record of a job
		s += d.m.Run("journalctl", "--no-pager", "--output=cat", "--unit="+d.job(), "--lines=15").Stdout
	}
	for line := range strings.Lines(d.started) {
		if strings.Contains(line, d.name+":") {
			s += line
		}
	}
	content, _ := os.ReadFile(filepath.Join(d.out, d.name+".json"))
	return s + string(content)
}

// property asks systemd what it took.
func (d *daemon) property(unit, name string) string {
	return strings.TrimSpace(d.m.Run("systemctl", "show", "--value", "--property="+name, unit).Stdout)
}

// file returns the installed files whose paths end so, as they are in the
// machine.
func (d *daemon) file(suffix string) string {
	var text []byte
	for _, a := range d.bundle.Artifacts {
		if strings.HasSuffix(a.Path, suffix) {
			content, err := d.ReadFile(a.Path)
			if err != nil {
				return err.Error()
			}
			text = append(text, content...)
		}
	}
	return string(text)
}
