//go:build linux

package systemd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/spectest"
)

// roots are the versions of systemd that the lab has.
var roots = []struct {
	name    string
	version generators.Version
}{{"systemd247", 247}, {"systemd252", 252}, {"systemd257", 257}, {"systemd262", 262}}

// readBack starts each bundle's service under a real systemd, in each version
// of the lab, and returns what the processes saw of themselves.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	probe := lab.Probe(t)
	var first []gentest.Process
	for _, root := range roots {
		t.Run(root.name, func(t *testing.T) {
			units, out := t.TempDir(), t.TempDir()
			names := make([]string, len(bundles))
			for i, b := range bundles {
				names[i] = fmt.Sprintf("rt-%d.service", i)
				write(t, filepath.Join(units, names[i]), b.Artifacts[0].Content)
			}
			// A drop-in for all units whose name begins with rt- (systemd.unit(5)).
			if err := os.Mkdir(filepath.Join(units, "rt-.service.d"), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(units, "rt-.service.d", "probe.conf"), []byte("[Service]\nType=oneshot\nEnvironment=PROBE_OUT=/out/%n\n"))
			m := lab.Boot(t, root.name, lab.Bind(units, "/units"), lab.ReadWriteBind(out, "/out"), lab.Bind(probe, "/usr/bin/sample"))
			m.MustRun("cp", "-r", "/units/.", "/etc/systemd/system/")
			m.MustRun("systemctl", "daemon-reload")
			for batch := range slices.Chunk(names, 50) {
				m.MustRun(append([]string{"systemctl", "start"}, batch...)...)
			}
			got := make([]gentest.Process, len(bundles))
			for i, n := range names {
				src, err := os.ReadFile(filepath.Join(out, n))
				if err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(src, &got[i]); err != nil {
					t.Fatalf("%s: %v\n%s", n, err, src)
				}
				delete(got[i].Env, "INVOCATION_ID")
				delete(got[i].Env, "SYSTEMD_EXEC_PID")
				for k := range got[i].Env { // what this version of systemd or the container adds
					if !strings.HasPrefix(k, "V") {
						delete(got[i].Env, k)
					}
				}
			}
			if first == nil {
				first = got
				return
			}
			for i := range got {
				if !slices.Equal(got[i].Argv, first[i].Argv) || fmt.Sprint(got[i].Env) != fmt.Sprint(first[i].Env) {
					t.Errorf("%s reads %s differently:\n%q\n%q", root.name, bundles[i].Artifacts[0].Content, got[i], first[i])
				}
			}
		})
	}
	if first == nil {
		t.Skip("no systemd of the lab runs here")
	}
	return first
}

func write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// stage writes the units of many bundles into one directory, each under names
// of its own, with programs that exist, and the units that they need. It
// returns the names of the units.
func stage(t *testing.T, dir string, bundles []generators.Bundle) []string {
	t.Helper()
	var names []string
	needed := map[string]bool{}
	for i, b := range bundles {
		stem := fmt.Sprintf("s%d", i)
		r := strings.NewReplacer(
			"/usr/lib/daemonize/"+b.Daemon+"/health", "/bin/true", "%h/.local/lib/daemonize/"+b.Daemon+"/health", "/bin/true",
			"/usr/bin/sample", "/bin/true", "/usr/bin/web", "/bin/true",
			b.Daemon+".service", stem+".service", b.Daemon+".socket", stem+".socket", b.Daemon+".timer", stem+".timer",
			b.Daemon+"-", stem+"-", b.Daemon+"@", stem+"@")
		for _, a := range b.Artifacts {
			if !isUnit(path.Base(a.Path)) {
				continue
			}
			name := stem + strings.TrimPrefix(path.Base(a.Path), b.Daemon)
			text := r.Replace(string(a.Content))
			write(t, filepath.Join(dir, name), []byte(text))
			names = append(names, name)
			for l := range strings.Lines(text) {
				key, value, _ := strings.Cut(strings.TrimSpace(l), "=")
				switch key {
				case "Requires", "Requisite", "BindsTo", "Upholds", "Wants":
					for _, n := range strings.Fields(value) {
						needed[n] = true
					}
				}
			}
		}
	}
	for n := range needed {
		if _, err := os.Stat(filepath.Join(dir, n)); err != nil && strings.HasSuffix(n, ".service") && !strings.Contains(n, "@") {
			write(t, filepath.Join(dir, n), []byte("[Service]\nExecStart=/bin/true\n"))
		}
	}
	// Proof that a complaint would be seen.
	write(t, filepath.Join(dir, badUnit), []byte("[Service]\nExecStart=/bin/true\nBadKey=1\n"))
	return append(names, badUnit)
}

const badUnit = "zz-bad.service"

// complaints are the lines of systemd-analyze verify about our units. It also
// loads units of the system, one of which needs a machine ID.
func complaints(stderr string) []string {
	var out []string
	seen := false
	for l := range strings.Lines(stderr) {
		if strings.Contains(l, badUnit) {
			seen = seen || strings.Contains(l, "BadKey")
			continue
		}
		if l = strings.TrimSpace(l); l != "" && !ofThisMachine(l) && !strings.Contains(l, "/systemd/system/systemd-") {
			out = append(out, l)
		}
	}
	if !seen {
		out = append(out, "the unknown key in "+badUnit+" was not found: not all units were read")
	}
	return out
}

// ofThisMachine reports lines that are about the machine, not the unit: without
// root BPF looks unsupported.
func ofThisMachine(line string) bool {
	return strings.Contains(line, "the local system does not support BPF") || strings.HasPrefix(line, "Starting this unit will fail! (This warning")
}

// verifyInLab shows the units to systemd-analyze verify of one version. Its
// exit status says little: it is 0 for unknown keys. Any line is a failure.
func verifyInLab(t *testing.T, root string, bundles []generators.Bundle) {
	t.Helper()
	dir := t.TempDir()
	names := stage(t, dir, bundles)
	m := lab.Chroot(t, root, lab.Bind(dir, "/units"))
	// Templates are verified as an instance.
	var args []string
	for _, n := range names {
		args = append(args, "/units/"+strings.Replace(n, "@.", "@a.", 1))
	}
	r := m.Run(append([]string{"env", "SYSTEMD_UNIT_PATH=/units:", "SYSTEMD_LOG_LEVEL=notice", "systemd-analyze", "verify", "--man=no"}, args...)...)
	for _, c := range complaints(r.Stderr + r.Stdout) {
		t.Error(c)
	}
}

// bundlesOf renders the document of every field.
func bundlesOf(t *testing.T, target generators.Target) []generators.Bundle {
	t.Helper()
	var out []generators.Bundle
	for _, id := range field.All() {
		_, with := spectest.Document(id)
		d := decode(t, with)
		b, _ := New().Generate(d, target)
		b.Daemon, b.Target = d.Name, target
		out = append(out, b)
	}
	return out
}

// TestVerify has every version of the lab verify what is rendered for it.
func TestVerify(t *testing.T) {
	for _, root := range roots {
		t.Run(root.name, func(t *testing.T) {
			target := generators.Target{Backend: "systemd", Version: root.version * generators.Major}
			verifyInLab(t, root.name, bundlesOf(t, target))
		})
	}
}

// TestVerifyHere does the same for the systemd of this machine, without root.
func TestVerifyHere(t *testing.T) {
	out, err := exec.Command("systemctl", "--version").Output()
	version, ok := parseVersion(string(out))
	if _, missing := exec.LookPath("systemd-analyze"); err != nil || !ok || missing != nil {
		t.Skip("needs systemd-analyze")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, n := range stage(t, dir, bundlesOf(t, generators.Target{Backend: "systemd", Version: version})) {
		args = append(args, filepath.Join(dir, strings.Replace(n, "@.", "@a.", 1)))
	}
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":", "SYSTEMD_LOG_LEVEL=notice")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil { // it may be a complaint; those are read below
		t.Log(err)
	}
	for _, c := range complaints(stderr.String()) {
		t.Error(c)
	}
}
