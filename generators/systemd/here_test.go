//go:build linux

package systemd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// TestParserHere has the systemd of this machine read hostile arguments, by
// its test mode, which needs neither root nor a running manager.
func TestParserHere(t *testing.T) {
	const systemd = "/usr/lib/systemd/systemd"
	out, err := exec.Command("systemctl", "--version").Output()
	version, ok := parseVersion(string(out))
	if err != nil || !ok || version < 252*generators.Major {
		t.Skip("needs systemd 252 or later")
	}
	if _, err := os.Stat(systemd); err != nil {
		t.Skip("needs " + systemd)
	}
	dir, err := os.MkdirTemp("/tmp", "units")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var wants []string
	var text []byte
	text = append(text, "[Unit]\n"...)
	for i, arg := range gentest.Hostile() {
		d := &spec.Daemon{Name: "x", Command: spec.Command{"/bin/x", arg, "end"}}
		d.Mark(field.Command)
		b, diags := New().Generate(d, generators.Target{Backend: "systemd", Version: version})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		name := "rt" + strconv.Itoa(i) + ".service"
		write(t, filepath.Join(dir, name), b.Artifacts[0].Content)
		text = append(text, "Wants="+name+"\n"...)
		wants = append(wants, arg)
	}
	write(t, filepath.Join(dir, "rt.target"), text)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(systemd, "--test", "--system", "--no-pager", "--unit=rt.target")
	cmd.Env = []string{"HOME=/nonexistent", "SYSTEMD_UNIT_PATH=" + dir + ":"}
	if os.Geteuid() == 0 { // it refuses to test as root
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	dump, err := cmd.Output()
	if err != nil {
		t.Skipf("systemd --test does not run here: %v\n%s", err, stderr.Bytes())
	}
	got := map[string][]string{}
	unit := ""
	for l := range strings.Lines(string(dump)) {
		l = strings.TrimSpace(l)
		if u, ok := strings.CutPrefix(l, "-> Unit "); ok {
			unit = strings.TrimSuffix(u, ":")
		}
		if line, ok := strings.CutPrefix(l, "Command Line: "); ok && strings.HasPrefix(unit, "rt") {
			got[unit] = dumped(t, line)
		}
	}
	for i, arg := range wants {
		if argv := got["rt"+strconv.Itoa(i)+".service"]; !slices.Equal(argv, []string{"/bin/x", arg, "end"}) {
			t.Errorf("%q was read as %q", arg, argv)
		}
	}
	t.Logf("%d arguments read back", len(wants))
}

// dumped reads a command line as systemd prints it (quote_command_line,
// src/basic/escape.c), and expands $$ as it does at execution.
func dumped(t *testing.T, line string) []string {
	t.Helper()
	// In its double quotes, \$ and \` stand beside the C escapes, and control
	// characters are octal.
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' || i+1 == len(line) {
			b.WriteByte(line[i])
			continue
		}
		i++
		switch c := line[i]; {
		case c == '$' || c == '`':
			b.WriteByte(c)
		case '0' <= c && c <= '7' && i+2 < len(line):
			n, err := strconv.ParseUint(line[i:i+3], 8, 8)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(`\x` + strconv.FormatUint(n>>4, 16) + strconv.FormatUint(n&15, 16))
			i += 2
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	words, ok := splitWords(b.String(), true)
	if !ok {
		t.Fatalf("cannot read %s", line)
	}
	var argv []string
	for _, w := range words {
		s, ok := variables(w.text)
		if !ok {
			t.Fatalf("%s would be expanded", line)
		}
		argv = append(argv, s)
	}
	return argv
}

// The health script is POSIX sh.
func TestHealthScript(t *testing.T) {
	name := filepath.Join(t.TempDir(), "health")
	write(t, name, []byte(healthScript))
	tried := false
	for _, argv := range [][]string{{"dash", "-n"}, {"bash", "--posix", "-n"}, {"busybox", "sh", "-n"}, {"shellcheck", "-s", "sh"}} {
		if _, err := exec.LookPath(argv[0]); err != nil {
			continue
		}
		tried = true
		if out, err := exec.Command(argv[0], append(argv[1:], name)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell.Join(argv), err, out)
		}
	}
	if !tried {
		t.Skip("no shell here")
	}
}
