//go:build linux

package install_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/systemd"
	"github.com/daemonize/daemonize/spec"
)

// TestLinksAreThoseOfSystemctl compares the links that are planned with those
// that the real systemctl makes, for every example and golden case.
func TestLinksAreThoseOfSystemctl(t *testing.T) {
	systemctl, err := exec.LookPath("systemctl")
	if err != nil {
		t.Skip("needs systemctl")
	}
	specs, _ := filepath.Glob("../../testdata/golden/*/daemon.yaml")
	examples, _ := filepath.Glob("../../examples/*.daemon.yaml")
	specs = append(append(specs, examples...), "testdata/links.daemon.yaml")
	compared := 0
	for _, file := range specs {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		daemons, diags := spec.Decode(file, src)
		if diags.HasErrors() {
			t.Errorf("%s: %v", file, diags)
			continue
		}
		for _, d := range daemons {
			target := generators.Target{Backend: "systemd", Version: 252 * generators.Major}
			b, diags := generators.Render(systemd.New(), d, target, generators.Policy{Allow: []string{"sandboxing"}})
			if diags.HasErrors() {
				continue // the spec is of the user scope
			}
			root := t.TempDir()
			for _, a := range b.Artifacts {
				name := filepath.Join(root, a.Path)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, a.Content, a.Mode); err != nil {
					t.Fatal(err)
				}
			}
			argv := []string{"--root=" + root, "enable", "--"}
			for _, j := range b.Jobs {
				if j.Enable {
					argv = append(argv, j.Name)
				}
			}
			if len(argv) > 3 {
				if out, err := exec.Command(systemctl, argv...).CombinedOutput(); err != nil {
					t.Fatalf("%s: systemctl %q: %v\n%s", file, argv, err, out)
				}
			}
			var want []string
			err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
				if err == nil && e.Type() == fs.ModeSymlink {
					to, _ := os.Readlink(name)
					at := strings.TrimPrefix(name, root)
					if !filepath.IsAbs(to) { // systemd 253 and later
						to = filepath.Join(filepath.Dir(at), to)
					}
					want = append(want, at+" -> "+to)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range systemd.Generator.Links(systemd.Generator{}, b) {
				got = append(got, l.Path+" -> "+string(l.Content))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s:\n%s\nbut systemctl makes\n%s", file, d.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			compared += len(want)
		}
	}
	if compared < 20 {
		t.Errorf("only %d links were compared", compared)
	}
	t.Logf("%d links of %d specs compared", compared, len(specs))
}
