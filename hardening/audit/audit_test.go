package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"howett.net/plist"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/audit"
	"github.com/daemonize/daemonize/hardening/report"
	"github.com/daemonize/daemonize/internal/golden"
)

// walk audits a tree and returns the results.
func walk(t testing.TB, tree fs.FS, o audit.Options) []hardening.Result {
	t.Helper()
	var out []hardening.Result
	collect := func(r *hardening.Result) error {
		kept := *r
		kept.Rows = slices.Clone(r.Rows)
		out = append(out, kept)
		return nil
	}
	a := audit.New(tree, o)
	do := func() error { return a.Walk(".", collect) }
	if o.Root {
		do = func() error { return a.Host(collect) }
	}
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return out
}

// lines shows results in a few words.
func lines(rs []hardening.Result) string {
	var b strings.Builder
	for i := range rs {
		r := &rs[i]
		fmt.Fprintf(&b, "%s %s", r.Path, r.Backend)
		if r.Exposure != nil {
			fmt.Fprintf(&b, " %s", *r.Exposure)
		}
		if r.Error != nil {
			fmt.Fprintf(&b, " error: %s", *r.Error)
		}
		b.WriteByte('\n')
		for j := range r.Findings {
			f := &r.Findings[j]
			if f.Severity == hardening.SeverityInfo && f.Suppressed == "" {
				continue
			}
			fmt.Fprintf(&b, "  %s:%d:%d %s", strings.TrimPrefix(f.File, r.Path), f.Line, f.Column, f.ID)
			if f.Suppressed != "" {
				fmt.Fprintf(&b, " (%s)", f.Suppressed)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func targets(t testing.TB, names ...string) []audit.Target {
	t.Helper()
	var out []audit.Target
	for _, name := range names {
		target, err := daemonize.ParseTarget(name, generators.System)
		if err != nil {
			t.Fatal(err)
		}
		g, _ := daemonize.Backend(target.Backend)
		out = append(out, audit.Target{Generator: g, Target: target})
	}
	return out
}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), Mode: 0o644} }

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSuppressions(t *testing.T) {
	rs := walk(t, fstest.MapFS{
		"a.service": text("# daemonize: ignore H041 rotated every hour\n[Service]\n# daemonize: ignore H080 its slice\nExecStart=/usr/bin/a --token=abc12345\nEnvironment=API_KEY=abc12345\n"),
		"b.service": text("[Service]\n# daemonize: ignore H040 this one\n; another comment\n\nEnvironment=API_KEY=abc12345\nEnvironment=DB_PASSWORD=abc12345\nExecStart=/usr/bin/b\n# daemonize: ignore\n# daemonize: ignoring is fine\n# daemonize: ignore H040\n"),
		"c.conf":    text("; daemonize: ignore H014 known\n[program:one]\ncommand=one\n[program:two]\ncommand=two\n"),
		"d.plist":   text("<plist>\n<!-- daemonize: ignore H133 loaded by hand -->\n<dict>\n<key>Program</key><string>/usr/bin/d</string>\n</dict></plist>"),
		"e.daemon.yaml": text("version: 1\nname: e\ncommand: [/opt/e/e]\nenvironment: {API_KEY: abc12345}\naudit: {ignore: {H040: for tests only}}\n" +
			"sandboxing: {protect_system: strict}\naccept_loss: {launchd: [sandboxing]}\n"),
		"e.service.d/x.conf": text("garbage"),
	}, audit.Options{Targets: targets(t, "launchd")})
	same(t, lines(rs), `a.service systemd 9.4
  :4:1 H041 (rotated every hour)
  :4:1 H080 (its slice)
  :5:1 H040
b.service systemd 9.4
  :5:1 H040 (this one)
  :6:1 H040
  :8:1 H129
  :10:1 H129
c.conf supervisord
  :3:1 H014 (known)
c.conf supervisord
  :5:1 H014
d.plist launchd
  :3:1 H133 (loaded by hand)
e.daemon.yaml launchd
  :3:10 H001
  :4:24 H040 (for tests only)
  :6:30 H124 (accepted by accept_loss)
`)
}

// TestSpec shows that what is found in a rendered unit is reported where the
// spec asks for it, and once for all targets what does not depend on them.
func TestSpec(t *testing.T) {
	spec := `version: 1
name: shop
command: [/opt/shop/bin/shop, --db-password=abc12345]
sandboxing:
  protect_system: strict
  read_write_paths: [/etc]
overrides:
  systemd:
    Service:
      NoNewPrivileges: "no"
      Colour: blue
limits: {memory: 1G}
`
	rs := walk(t, fstest.MapFS{"shop.daemon.yaml": text(spec)}, audit.Options{Targets: targets(t, "systemd@257", "supervisord", "launchd")})
	got := map[string][]string{}
	for i := range rs {
		for _, f := range rs[i].Findings {
			got[rs[i].Backend] = append(got[rs[i].Backend], fmt.Sprintf("%s@%d", f.ID, f.Line))
		}
	}
	for _, want := range []string{"H001@3", "H041@3", "H054@6", "H064@5", "H070@11", "H120@10", "H120@11", "H121@10", "H110@12"} {
		if !slices.Contains(got["systemd"], want) {
			t.Errorf("systemd: %s is not in %v", want, got["systemd"])
		}
	}
	for _, backend := range []string{"supervisord", "launchd"} {
		for _, want := range []string{"H124@5", "H125@12"} {
			if !slices.Contains(got[backend], want) {
				t.Errorf("%s: %s is not in %v", backend, want, got[backend])
			}
		}
		if slices.Contains(got[backend], "H041@3") {
			t.Errorf("%s repeats what is wrong on every target: %v", backend, got[backend])
		}
	}
	for i := range rs {
		if scored := rs[i].Exposure != nil; scored != (rs[i].Backend == "systemd") || !scored && rs[i].Note == "" {
			t.Errorf("%s: exposure %v, note %q", rs[i].Backend, rs[i].Exposure, rs[i].Note)
		}
	}
}

// TestSpecScore compares the score of a spec with that of the files that it
// is rendered to.
func TestSpecScore(t *testing.T) {
	src := "version: 1\nname: web\ncommand: [/usr/bin/web]\nuser: web\nsandboxing: {profile: standard}\n"
	tt := targets(t, "systemd@257")
	rs := walk(t, fstest.MapFS{"web.daemon.yaml": text(src)}, audit.Options{Targets: tt})
	daemons, diags, err := daemonize.Load(strings.NewReader(src), "web.daemon.yaml")
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	b, diags, err := daemonize.Render(daemons[0], tt[0].Target, generators.Policy{})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	tree := fstest.MapFS{}
	for _, a := range b.Artifacts {
		tree[strings.TrimPrefix(a.Path, "/")] = &fstest.MapFile{Data: a.Content, Mode: a.Mode}
	}
	native := walk(t, tree, audit.Options{Systemd: 257, Root: true})
	if len(native) != 1 || *native[0].Exposure != *rs[0].Exposure || rs[0].Systemd != 257 {
		t.Errorf("spec %s, rendered %s", lines(rs), lines(native))
	}
}

// TestHost audits a root: search path, drop-ins, aliases, templates, masks,
// and the services of other managers.
func TestHost(t *testing.T) {
	link := func(to string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
	}
	tree := disk(fstest.MapFS{
		"usr/lib/systemd/system/x.service":                          file(0o644, 0, "[Service]\nExecStart=/usr/bin/x\nMemoryMax=1G\n"),
		"etc/systemd/system/x.service.d/a.conf":                     file(0o644, 0, "[Service]\nUser=app\n"),
		"etc/systemd/system/alias.service":                          link("/usr/lib/systemd/system/x.service"),
		"etc/systemd/system/multi-user.target.wants/x.service":      link("/usr/lib/systemd/system/x.service"),
		"etc/systemd/system/masked.service":                         link("/dev/null"),
		"usr/lib/systemd/system/t@.service":                         file(0o644, 0, "[Service]\nExecStart=/usr/bin/x %i\nMemoryMax=1G\n"),
		"usr/lib/systemd/system/bad.service":                        file(0o644, 0, "[Service]\nExecStart=x/y\n"),
		"usr/lib/systemd/system/x.timer":                            file(0o644, 0, "[Timer]\nOnCalendar=daily\n"),
		"usr/lib/systemd/system/y.timer":                            file(0o644, 0, "[Timer]\nOnCalender=daily\n"),
		"etc/init.d/x":                                              file(0o755, 0, "#!/bin/sh\n"),
		"etc/init.d/old":                                            file(0o755, 0, "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: old\n### END INIT INFO\nchmod 777 /run/old\n"),
		"etc/supervisor/conf.d/p.conf":                              file(0o644, 0, "[program:p]\ncommand=/opt/p\nuser=app\n"),
		"usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so": file(0o644, 0, ""),
	})
	if v := audit.Version(tree); v != 257 {
		t.Errorf("the version of the root is %d", v)
	}
	same(t, lines(walk(t, tree, audit.Options{Systemd: 257, Root: true, Owner: owner, Prefix: "/mnt"})), `/mnt/usr/lib/systemd/system/bad.service systemd error: /mnt/usr/lib/systemd/system/bad.service:2: ExecStart=: the program is neither a file name nor an absolute path
/mnt/usr/lib/systemd/system/t@.service systemd 9.4
/mnt/usr/lib/systemd/system/x.service systemd 9.0
/mnt/usr/lib/systemd/system/y.timer systemd
  :2:1 H070
/mnt/etc/init.d/old sysvinit
  :5:1 H098
/mnt/etc/supervisor/conf.d/p.conf supervisord
  :2:1 H028
`)
}

func TestBaseline(t *testing.T) {
	before := "[Service]\nExecStart=/usr/bin/a\nEnvironment=API_KEY=abc12345\nMemoryMax=1G\n"
	var w audit.Recorder
	for _, r := range walk(t, fstest.MapFS{"a.service": text(before)}, audit.Options{}) {
		w.Add(&r)
	}
	var file bytes.Buffer
	if err := w.Write(&file); err != nil {
		t.Fatal(err)
	}
	b, err := audit.ReadBaseline(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	// Moved by two lines and into another directory, with another secret and a
	// new finding.
	after := strings.Replace(before, "[Service]\n", "[Service]\n# one\n# two\n", 1) + "Environment=DB_PASSWORD=abc12345\nTasksMax=infinity\n"
	rs := walk(t, fstest.MapFS{"sub/a.service": text(after)}, audit.Options{})
	if !b.Covers(&rs[0]) {
		t.Error("the same exposure is not covered")
	}
	b.Apply(&rs[0])
	same(t, lines(rs), `sub/a.service systemd 9.4
  :5:1 H040 (in the baseline)
  :6:1 H110 (in the baseline)
  :7:1 H040
  :8:1 H081
`)
	worse := hardening.Exposure(99)
	rs[0].Exposure = &worse
	if b.Covers(&rs[0]) {
		t.Error("a higher exposure is covered")
	}
	for _, bad := range []string{"", "[]", `{"version": 2}`, `{"version": 1, "findings": 3}`} {
		if _, err := audit.ReadBaseline([]byte(bad)); err == nil {
			t.Errorf("%q is read as a baseline", bad)
		}
	}
}

// onDisk writes a tree to a real directory: package fstest cannot follow links
// in a circle.
func onDisk(t *testing.T, tree fstest.MapFS) fs.FS {
	t.Helper()
	dir := t.TempDir()
	for name, f := range tree {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if f.Mode&fs.ModeSymlink != 0 {
			err = os.Symlink(string(f.Data), at)
		} else {
			err = os.WriteFile(at, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root.FS()
}

// TestBadInput: each file gives a result that says what is wrong, and the
// others are audited all the same.
func TestBadInput(t *testing.T) {
	link := func(to string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
	}
	tree := fstest.MapFS{
		"binary.service":     text("\x7fELF\x02\x01\x01\x00\xff\xfe\x00[Service\nExecStart"),
		"long.service":       text("[Service]\nExecStart=/usr/bin/x\nDescription=" + strings.Repeat("x", 10<<20) + "\n"),
		"huge.service":       text(strings.Repeat("#\n", 9<<20)),
		"empty.service":      text(""),
		"refused.service":    text("[Service]\nUser=a:b\nExecStart=/usr/bin/x\n"),
		"loop1.service":      link("loop2.service"),
		"loop2.service":      link("loop1.service"),
		"dangling.service":   link("gone.service"),
		"binary.plist":       text("bplist00\xff\xff\xff\xffgarbage ProgramArguments"),
		"broken.plist":       text("<plist><dict><key>ProgramArguments</key></dict>"),
		"deep.plist":         text("<plist><dict><key>Label</key>" + strings.Repeat("<array>", 60000)),
		"number.plist":       text("<plist><integer>1</integer><key>Label</key></plist>"),
		"broken.conf":        text("[program:x]\ncommand\n"),
		"nul.conf":           text("[program:x]\ncommand=\x00\n"),
		"broken.daemon.yaml": text("name: [\n"),
		"bomb.daemon.yaml":   text("a: &a [x,x]\nb: &b [*a,*a]\n"),
		"nul.sh":             text("#!/bin/sh\n### BEGIN INIT INFO\n\x00"),
		"good.service":       text("[Service]\nExecStart=/usr/bin/x\nMemoryMax=1G\n"),
		"README":             text("no service"),
		"Info.plist":         text("<plist><dict><key>CFBundleName</key><string>x</string></dict></plist>"),
		"app.conf":           text("key: value"),
	}
	dir := onDisk(t, tree)
	rs := walk(t, dir, audit.Options{Targets: targets(t, "systemd@257")})
	got := map[string]string{}
	for i := range rs {
		r := &rs[i]
		why := ""
		if r.Error != nil {
			why = *r.Error
		}
		got[r.Path] = why
		if r.Exposure != nil && (*r.Exposure > 100 || r.Error != nil) {
			t.Errorf("%s has the exposure %s and the error %q", r.Path, *r.Exposure, why)
		}
	}
	for name, want := range map[string]string{
		"binary.service":     "not valid UTF-8",
		"long.service":       "longer than 1 MiB",
		"huge.service":       "larger than 16 MiB",
		"refused.service":    "refused.service:2: User=: not a valid user or group name",
		"loop1.service":      "circle",
		"dangling.service":   "leads nowhere",
		"binary.plist":       "not a property list",
		"broken.plist":       "has no value",
		"deep.plist":         "nested too deeply",
		"number.plist":       "no dictionary",
		"broken.conf":        "line 2: neither a section nor a key with a value",
		"nul.conf":           "NUL",
		"broken.daemon.yaml": "D0",
		"bomb.daemon.yaml":   "D0",
		"nul.sh":             "NUL",
	} {
		if !strings.Contains(got[name], want) || got[name] == "" {
			t.Errorf("%s: %q does not say %q", name, got[name], want)
		}
	}
	if why, ok := got["good.service"]; !ok || why != "" {
		t.Errorf("good.service: %q", why)
	}
	for _, name := range []string{"README", "Info.plist", "app.conf", "empty.service"} {
		if why, ok := got[name]; ok {
			t.Errorf("%s is no service, but has a result: %q", name, why)
		}
	}
	// Asked for by name, nothing is passed over.
	pipe := fstest.MapFS{"pipe.service": {Mode: fs.ModeNamedPipe | 0o644}}
	for _, name := range []string{"README", "empty.service", "pipe.service", "gone.service", "app.conf", "loop1.service"} {
		n := 0
		asked := dir
		if name == "pipe.service" {
			asked = pipe
		}
		err := audit.New(asked, audit.Options{}).File(name, func(r *hardening.Result) error {
			if n++; r.Error == nil || r.Exposure != nil {
				t.Errorf("%s has no error", name)
			}
			return nil
		})
		if err != nil || n != 1 {
			t.Errorf("%s: %d results, error %v", name, n, err)
		}
	}
}

// unreadable is a tree in which some files cannot be opened.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "secret") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

func (u unreadable) ReadFile(name string) ([]byte, error) {
	return fs.ReadFile(struct{ fs.FS }{u}, name)
}

func TestUnreadable(t *testing.T) {
	rs := walk(t, unreadable{fstest.MapFS{
		"secret.service": text("x"),
		"z.service":      text("[Service]\nExecStart=/usr/bin/x\nMemoryMax=1G\n"),
	}}, audit.Options{})
	if len(rs) != 2 || rs[0].Error == nil || !strings.Contains(*rs[0].Error, "permission denied") || rs[1].Exposure == nil {
		t.Errorf("%s", lines(rs))
	}
}

// TestYield: an error of the report ends the audit.
func TestYield(t *testing.T) {
	full := errors.New("disk full")
	err := audit.New(fstest.MapFS{"a.service": text("[Service]\nExecStart=/usr/bin/x\n")}, audit.Options{}).Walk(".", func(*hardening.Result) error { return full })
	if !errors.Is(err, full) {
		t.Error(err)
	}
}

// TestPlistForms: XML with and without places, binary.
func TestPlistForms(t *testing.T) {
	keys := map[string]any{"Label": "x", "ProgramArguments": []string{"/opt/x", "--token=abc12345"}, "KeepAlive": true}
	tree := fstest.MapFS{}
	for name, format := range map[string]int{"xml.plist": plist.XMLFormat, "bin.plist": plist.BinaryFormat} {
		b, err := plist.MarshalIndent(keys, format, " ")
		if err != nil {
			t.Fatal(err)
		}
		tree[name] = text(string(b))
	}
	for _, r := range walk(t, tree, audit.Options{}) {
		var ids []string
		for _, f := range r.Findings {
			ids = append(ids, f.ID)
			if r.Path == "xml.plist" && f.Line < 5 {
				t.Errorf("%s is at line %d", f.ID, f.Line)
			}
		}
		if !slices.Equal(ids, []string{"H001", "H041"}) {
			t.Errorf("%s: %v", r.Path, ids)
		}
	}
}

// goldenTree has one of everything.
func goldenTree() fstest.MapFS {
	return disk(fstest.MapFS{
		"etc/systemd/system/shop.service":    file(0o644, 0, "[Unit]\nDescription=Shop\n\n[Service]\nExecStart=/srv/app/shop --listen 0.0.0.0:8080 --token=abc12345\nEnvironmentFile=/etc/x.env\nProtectSytem=strict\nPrivateTmp=yes\nRestart=always\n"),
		"etc/systemd/system/worker@.service": file(0o666, 0, "[Service]\nExecStart=/usr/bin/x %i\nDynamicUser=yes\n# daemonize: ignore H003 creates a directory only\nExecStartPre=+/bin/x\nSystemCallFilter=@system-service\nMemoryMax=1G\n"),
		"etc/systemd/system/broken.service":  file(0o644, 0, "[Service]\nExecStart=relative/path\n"),
		"srv/app/shop":                       file(0o755, 1000, "\x7fELF"),
		"etc/init.d/legacy":                  file(0o755, 0, "#!/bin/sh\nDAEMON=/opt/legacy\nstart-stop-daemon --start --chuid app --pidfile /run/app/l.pid --exec $DAEMON\n"),
		"etc/supervisor/supervisord.conf":    file(0o644, 0, "[inet_http_server]\nport=0.0.0.0:9001\n[program:web]\ncommand=gunicorn app:app\n"),
		"Library/LaunchDaemons/com.x.plist":  file(0o644, 0, "<?xml version=\"1.0\"?>\n<plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>com.x</string>\n  <key>KeepAlive</key>\n  <true/>\n  <key>ProgramArguments</key>\n  <array>\n    <string>/usr/local/bin/x</string>\n  </array>\n  <key>StandardOutPath</key>\n  <string>/tmp/x.log</string>\n</dict>\n</plist>\n"),
		"usr/local/bin/x":                    file(0o755, 0, ""),
	})
}

// TestGolden holds what an audit of everything prints. The files are the same
// on every system, and systemd is not asked: PATH is empty.
func TestGolden(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := exec.LookPath("systemd-analyze"); err == nil {
		t.Fatal("systemd-analyze is still in PATH")
	}
	rs := walk(t, goldenTree(), audit.Options{Systemd: 257, Root: true, Owner: owner})
	specs := fstest.MapFS{"web.daemon.yaml": text("version: 1\nname: web\ncommand: [/usr/bin/web]\nuser: web\nsandboxing: {profile: standard}\naccept_loss: {launchd: [sandboxing]}\nlimits: {memory: 1G}\n")}
	rs = append(rs, walk(t, specs, audit.Options{Targets: targets(t, "systemd@257", "launchd", "sysvinit", "supervisord")})...)
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		w, err := report.New(format, &out, report.Options{All: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range rs {
			if err := w.Unit(&rs[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got := out.Bytes()
		if format == "json" {
			valid(t, got)
			got = bytes.ReplaceAll(got, []byte(`},{"unit"`), []byte("},\n{\"unit\""))
		}
		golden.Compare(t, "testdata/golden."+format, got)
	}
}

// TestPure: nothing here depends on the platform or looks at the machine, so
// that an audit prints the same everywhere.
func TestPure(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-f", "{{.ImportPath}}{{range .Imports}} {{.}}{{end}}{{range .IgnoredGoFiles}} ignored:{{.}}{{end}}", "github.com/daemonize/daemonize/hardening/...")
		cmd.Env = append(cmd.Environ(), "GOOS="+goos, "GOARCH="+runtime.GOARCH)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			words := strings.Fields(line)
			for _, w := range words[1:] {
				switch {
				case slices.Contains([]string{"os", "os/exec", "os/user", "syscall", "runtime", "path/filepath", "net", "time"}, w) && !(w == "time" && (strings.HasSuffix(words[0], "/audit") || strings.HasSuffix(words[0], "/advice"))),
					strings.HasPrefix(w, "golang.org/x/sys"), strings.HasPrefix(w, "ignored:") && !strings.HasSuffix(w, "_test.go"), strings.HasSuffix(w, "/internal/host"):
					t.Errorf("%s for %s: %s", words[0], goos, w)
				}
			}
		}
	}
}

// TestHostileSize: what is large is not slow. A quadratic rule takes minutes
// here.
func TestHostileSize(t *testing.T) {
	many := func(line string, n int) string { return strings.Repeat(line, n) }
	tree := fstest.MapFS{
		"commands.service": text("[Service]\n" + many("ExecStartPre=-/bin/sh -c 'sudo %i'\n", 30000) + "ExecStart=/usr/bin/x\n"),
		"unknown.service":  text("[Service]\nExecStart=/usr/bin/x\n" + many("ProtectSytem=1\n", 60000)),
		"ignores.service":  text("[Service]\nExecStart=/usr/bin/x\n" + many("# daemonize: ignore H070 x\nFoo=1\n", 30000)),
		"words.service":    text("[Service]\nExecStart=/usr/bin/x\nSystemCallFilter=" + many("foo ", 60000) + "\n"),
		"init.d/grow":      text("#!/bin/sh\nA=x\n" + many("A=$A$A$A\n", 30000)),
		"many.conf":        text(many("[program:x]\ncommand=x\n", 2000)),
		"keys.plist":       text("<plist><dict><key>Label</key><string>x</string>" + many("<key>KeepAliv</key><true/>", 2000) + "</dict></plist>"),
	}
	if rs := walk(t, tree, audit.Options{}); len(rs) != 6+2000 {
		t.Errorf("%d results", len(rs))
	}
}

// valid checks a report against the schema that is published.
func valid(t *testing.T, text []byte) {
	t.Helper()
	src, err := os.Open("../../docs/audit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	doc, err := jsonschema.UnmarshalJSON(src)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("audit.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("audit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(report); err != nil {
		t.Error(err)
	}
}
