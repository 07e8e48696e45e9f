//go:build linux

package systemd

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/golden"
)

// TestGoldenVerify shows every golden case to systemd-analyze verify, in a
// root that holds the units of this machine and a dummy for each program, and
// every calendar expression to systemd-analyze calendar. Any line of output is
// a failure, for verify exits with 0 on unknown keys.
func TestGoldenVerify(t *testing.T) {
	out, err := exec.Command("systemctl", "--version").Output()
	here, ok := parseVersion(string(out))
	if _, missing := exec.LookPath("systemd-analyze"); err != nil || !ok || missing != nil {
		t.Skip("needs systemd-analyze")
	}
	dirs, err := filepath.Glob("../../testdata/golden/*/systemd*/*") // etc, or ~ in the user scope
	if err != nil || len(dirs) < 14 {
		t.Fatalf("found %d cases: %v", len(dirs), err)
	}
	units, timers := 0, []string{"calendar"}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	for _, dir := range slices.Compact(dirs) {
		name := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			if golden.Updating() {
				t.Skip("the cases are being updated")
			}
			_, version, _ := strings.Cut(filepath.Base(dir), "@")
			if v, ok := parseVersion("systemd " + version); ok && v > here {
				t.Skipf("this machine has systemd %s", here)
			}
			root := verifyRoot(t)
			var names []string
			err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() || !isUnit(path.Base(p)) {
					return err
				}
				content, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				for l := range strings.Lines(string(content)) {
					key, value, _ := strings.Cut(strings.TrimSpace(l), "=")
					switch {
					case strings.HasPrefix(key, "Exec") && key != "ExecSearchPath":
						dummy(t, root, program(t, value))
					case key == "OnCalendar":
						timers = append(timers, value)
					case key == "Requires" || key == "Requisite" || key == "BindsTo":
						for n := range strings.FieldsSeq(value) {
							plant(t, filepath.Join(root, "etc/systemd/system", n), []byte("[Service]\nExecStart=/bin/true\n"), 0o644)
						}
					}
				}
				names = append(names, strings.Replace(path.Base(p), "@.", "@a.", 1))
				// Those of users too: verify has no root directory for them.
				plant(t, filepath.Join(root, "etc/systemd/system", path.Base(p)), content, 0o644)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			units += len(names)
			cmd := exec.Command("systemd-analyze", append([]string{"verify", "--man=no", "--root=" + root}, names...)...)
			cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=notice")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Error(err)
			}
			for l := range strings.Lines(string(out)) {
				// The words that old versions need are what new ones warn of.
				if v, ok := parseVersion("systemd " + version); ok && v < 231*generators.Major && strings.Contains(l, "; please use ") {
					continue
				}
				if l = strings.TrimSpace(l); l != "" && !ofThisMachine(l) {
					t.Error(l)
				}
			}
		})
	}
	if out, err := exec.Command("systemd-analyze", timers...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d units, %d calendar expressions", units, len(timers)-1)
}

// TestVerifyComplains proves that the check above can fail.
func TestVerifyComplains(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze")
	}
	for _, bad := range []string{"[Service]\nExecStart=/bin/true\nBadKey=1\n", "[Service]\nExecStart=/bin/missing\n"} {
		root := verifyRoot(t)
		dummy(t, root, "/bin/true")
		plant(t, root+"/etc/systemd/system/bad.service", []byte(bad), 0o644)
		out, _ := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+root, "bad.service").CombinedOutput()
		if len(out) == 0 {
			t.Errorf("no complaint about\n%s", bad)
		}
	}
}

// verifyRoot is a root directory with the units that systemd ships.
func verifyRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"usr/lib/systemd/system", "usr/lib/systemd/user"} {
		units, err := filepath.Glob("/" + dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range units {
			content, err := os.ReadFile(u)
			if err == nil && (strings.HasSuffix(u, ".target") || strings.HasSuffix(u, ".slice") || strings.HasSuffix(u, ".socket")) {
				plant(t, filepath.Join(root, u), content, 0o644)
			}
		}
	}
	// Services of type dbus need it, also where no bus is installed.
	plant(t, root+"/etc/systemd/system/dbus.socket", []byte("[Socket]\nListenStream=/run/dbus/system_bus_socket\n"), 0o644)
	plant(t, root+"/etc/systemd/system/dbus.service", []byte("[Service]\nExecStart=/bin/true\n"), 0o644)
	dummy(t, root, "/bin/true")
	return root
}

// program returns the program of an Exec line as systemd reads it.
func program(t *testing.T, line string) string {
	t.Helper()
	words, ok := splitWords(strings.TrimLeft(line, "@-:+!"), true)
	if !ok || len(words) == 0 {
		t.Fatalf("cannot read %s", line)
	}
	return strings.ReplaceAll(words[0].text, "%%", "%")
}

func dummy(t *testing.T, root, program string) {
	t.Helper()
	plant(t, filepath.Join(root, strings.ReplaceAll(program, "%h", os.Getenv("HOME"))), []byte("#!/bin/sh\n"), 0o755)
}

func plant(t *testing.T, name string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, mode); err != nil {
		t.Fatal(err)
	}
}
