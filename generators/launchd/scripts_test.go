package launchd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
)

// lint shows all scripts to shellcheck.
func lint(t *testing.T, bundles []generators.Bundle) {
	t.Helper()
	bin, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed")
	}
	dir := t.TempDir()
	seen := map[string]bool{}
	// Values in single quotes are meant as they are.
	args := []string{"-s", "sh", "-e", "SC1003,SC2016"}
	for _, b := range bundles {
		for _, a := range b.Artifacts {
			if strings.HasSuffix(a.Path, ".plist") || seen[string(a.Content)] {
				continue
			}
			seen[string(a.Content)] = true
			f, err := os.CreateTemp(dir, filepath.Base(a.Path)+"-*")
			if err != nil {
				t.Fatal(err)
			}
			f.Write(a.Content)
			f.Close()
			args = append(args, f.Name())
		}
	}
	if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
	t.Logf("%d different scripts", len(seen))
}

// shells returns the shells that stand in for /bin/sh of macOS, which is bash
// in its POSIX mode unless the administrator chose dash.
func shells(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, argv := range [][]string{{"dash"}, {"busybox", "sh"}, {"bash", "--posix"}} {
		if bin, err := exec.LookPath(argv[0]); err == nil {
			found[argv[0]] = append([]string{bin}, argv[1:]...)
		} else {
			t.Logf("%s is not installed", argv[0])
		}
	}
	if len(found) == 0 {
		t.Skip("no shell is installed that could run the wrappers")
	}
	return found
}

type outcome struct {
	code   int
	stdout string
	stderr string
}

// run runs a script as launchd would: no arguments, the environment given,
// and nothing else.
func run(t *testing.T, sh []string, script string, env ...string) outcome {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sh[0], append(slices.Clone(sh[1:]), file)...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func each(t *testing.T, f func(t *testing.T, sh []string)) {
	t.Helper()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) { f(t, sh) })
	}
}

// wrapper renders a spec and returns its wrapper.
func wrapper(t *testing.T, more string) string {
	t.Helper()
	b, _ := render(t, more)
	return script(t, b, "web/run")
}

// dump prints its arguments, each ended by NUL.
func dump(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "dump")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nfor a do printf '%s\\0' \"$a\"; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func yaml(s string) string {
	b, _ := json.Marshal(s)
	return strings.ReplaceAll(string(b), "$", "$$")
}

// Every string reaches the program through the wrapper unchanged.
func TestWrapperArguments(t *testing.T) {
	program := dump(t)
	args := gentest.Hostile()
	doc := "unset_environment: [X]\ncommand: [" + program
	for _, a := range args {
		doc += ", " + yaml(a)
	}
	b, _ := render(t, doc+"]\n")
	lint(t, []generators.Bundle{b})
	text := script(t, b, "web/run")
	each(t, func(t *testing.T, sh []string) {
		got := run(t, sh, text)
		if want := strings.Join(args, "\x00") + "\x00"; got.stdout != want || got.code != 0 || got.stderr != "" {
			t.Errorf("%d %s\n got %q\nwant %q", got.code, got.stderr, got.stdout, want)
		}
	})
}

// The environment passes the wrapper: what launchd sets stays, the file wins
// over it, unset_environment wins over both.
func TestWrapperEnvironment(t *testing.T) {
	if _, err := exec.LookPath("/usr/bin/env"); err != nil {
		t.Skip("there is no /usr/bin/env to print the environment")
	}
	file := filepath.Join(t.TempDir(), "it's env")
	content := `A="from file"
B="\"q\" \$HOME \` + "`id\\`" + ` \\ %i # ; ' é
second line"
GONE="x"
`
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	text := wrapper(t, "command: [/usr/bin/env, '-0']\nenv_file: "+yaml(file)+"\nunset_environment: [GONE, ALSO]\n")
	names := []string{"HOME", "USER", "LANG", "TERM", "ENV", "BASH_ENV", "TMPDIR", "TZ", "CDPATH", "MAIL", "MAILPATH", "HISTFILE", "PROMPT_COMMAND", "PS3", "tries", "any", "f", "up", "guard_now", "wait", "IGNOREEOF", "COLUMNS", "LINES", "status", "path"}
	for _, name := range names {
		if strings.Contains(shellNames, " "+name+" ") {
			t.Errorf("%s is on the list of the shell's names", name)
		}
	}
	each(t, func(t *testing.T, sh []string) {
		env := []string{"A=from launchd", "ALSO=x", "KEPT=a b\nc 'd' \"e\" $f \\"}
		for _, n := range names {
			env = append(env, n+"=/nowhere/"+n)
		}
		got := run(t, sh, text, env...)
		if got.code != 0 || got.stderr != "" {
			t.Fatalf("%d %s", got.code, got.stderr)
		}
		vars := map[string]string{}
		for kv := range strings.SplitSeq(got.stdout, "\x00") {
			k, v, _ := strings.Cut(kv, "=")
			vars[k] = v
		}
		want := map[string]string{"A": "from file", "B": "\"q\" $HOME `id` \\ %i # ; ' é\nsecond line", "KEPT": "a b\nc 'd' \"e\" $f \\"}
		for _, n := range names {
			want[n] = "/nowhere/" + n
		}
		for k, v := range want {
			if vars[k] != v {
				t.Errorf("%s\n got %q\nwant %q", k, vars[k], v)
			}
		}
		for _, k := range []string{"GONE", "ALSO"} {
			if v, ok := vars[k]; ok {
				t.Errorf("%s is %q", k, v)
			}
		}
	})
	missing := filepath.Join(t.TempDir(), "missing")
	each(t, func(t *testing.T, sh []string) {
		if got := run(t, sh, wrapper(t, "command: [/bin/echo, ran]\nenv_file: "+missing)); got.code != 1 || got.stdout != "" || got.stderr != "cannot read "+missing+"\n" {
			t.Errorf("required: %+v", got)
		}
		if got := run(t, sh, wrapper(t, "command: [/bin/echo, ran]\nenv_file: [{path: "+missing+", required: false}]")); got.code != 0 || got.stdout != "ran\n" {
			t.Errorf("optional: %+v", got)
		}
	})
}

func TestWrapperConditions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b'c$d")
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(dir+"/empty", 0o700))
	must(os.WriteFile(dir+"/file", []byte("x"), 0o600))
	must(os.WriteFile(dir+"/run[1]", []byte("x"), 0o700))
	must(os.WriteFile(dir+"/nothing", nil, 0o600))
	must(os.Symlink("nowhere", dir+"/link"))
	for _, tt := range []struct {
		field, path string
		holds       bool
	}{
		{"path_exists", "/file", true}, {"path_exists", "/no", false}, {"path_exists", "/link", false},
		{"path_exists_glob", "/f*e", true}, {"path_exists_glob", "/z*", false}, {"path_exists_glob", "/l?nk", true},
		{"path_exists_glob", "/[!a-e]ile", true}, {"path_exists_glob", "/[!f]ile", false}, {"path_exists_glob", "/run[[]1]", true}, {"path_exists_glob", `/run\[1\]`, true}, {"path_exists_glob", `/f\*e`, false}, {"path_exists_glob", `/f\ile`, true},
		{"path_is_directory", "/empty", true}, {"path_is_directory", "/file", false},
		{"path_is_symbolic_link", "/link", true}, {"path_is_symbolic_link", "/file", false},
		{"path_is_read_write", "/file", true}, {"path_is_read_write", "/no", false},
		{"directory_not_empty", "", true}, {"directory_not_empty", "/empty", false}, {"directory_not_empty", "/file", false},
		{"file_not_empty", "/file", true}, {"file_not_empty", "/nothing", false}, {"file_not_empty", "/empty", false},
		{"file_is_executable", "/run[1]", true}, {"file_is_executable", "/file", false}, {"file_is_executable", "/empty", false},
		{"path_is_mount_point", "/empty", false},
	} {
		path := dir + tt.path
		for _, not := range []string{"", "!"} {
			for _, assert := range []string{"false", "true"} {
				text := wrapper(t, "command: [/bin/echo, ran]\nconditions: {"+tt.field+": ["+yaml(not+path)+"], assert: "+assert+"}")
				each(t, func(t *testing.T, sh []string) {
					want := outcome{stdout: "ran\n"}
					if tt.holds == (not == "!") {
						want = outcome{}
						if assert == "true" {
							want.code = 1
						}
					}
					if got := run(t, sh, text); got != want {
						t.Errorf("%s %s%s assert %s\n got %+v\nwant %+v\n%s", tt.field, not, tt.path, assert, got, want, text)
					}
				})
			}
		}
	}
	each(t, func(t *testing.T, sh []string) {
		if got := run(t, sh, wrapper(t, "command: [/bin/echo, ran]\nconditions: {path_is_mount_point: [/, '!/usr/bin/env']}")); got.stdout != "ran\n" {
			t.Errorf("mount point: %+v", got)
		}
	})
}

func TestWrapperHooks(t *testing.T) {
	each(t, func(t *testing.T, sh []string) {
		for _, tt := range []struct {
			hooks string
			want  outcome
		}{
			{"[[/bin/echo, \"it's $$x\"], [/bin/echo, two]]", outcome{stdout: "it's $x\ntwo\nran\n"}},
			{"[[/bin/sh, -c, exit 7], [/bin/echo, two]]", outcome{code: 7}},
			{"[{command: [/bin/sh, -c, exit 7], ignore_failure: true}]", outcome{stdout: "ran\n"}},
		} {
			if got := run(t, sh, wrapper(t, "command: [/bin/echo, ran]\nhooks: {pre_start: "+tt.hooks+"}")); got != tt.want {
				t.Errorf("%s\n got %+v\nwant %+v", tt.hooks, got, tt.want)
			}
		}
	})
}

// program writes an executable script and returns its path.
func program(t *testing.T, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// The guard lets the program run only when date says so.
func TestWrapperGuard(t *testing.T) {
	text := wrapper(t, "command: [/usr/bin/env, '-0']\ntimers: [{calendar: 'Fri *-*-13 00:00'}]")
	bin := t.TempDir()
	text = strings.Replace(text, "PATH=/usr/bin:/bin\n", "PATH="+bin+":/usr/bin:/bin\n", 1)
	each(t, func(t *testing.T, sh []string) {
		for date, runs := range map[string]bool{"13": true, "12": false, "20": false} {
			// It knows the date only in the zone of the machine.
			if err := os.WriteFile(filepath.Join(bin, "date"), []byte("#!/bin/sh\n[ -z \"${TZ+set}\" ] && echo "+date+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			got := run(t, sh, text, "TZ=Asia/Tokyo")
			if runs && !strings.Contains(got.stdout, "TZ=Asia/Tokyo\x00") {
				t.Errorf("the program lost its zone: %q", got.stdout)
			}
			if got.code != 0 || got.stderr != "" || (got.stdout != "") != runs {
				t.Errorf("the %s: %+v", date, got)
			}
			if strings.Contains(got.stdout, bin) || strings.Contains(got.stdout, "guard_") {
				t.Errorf("the guard leaves traces in the environment: %q", got.stdout)
			}
		}
		if err := os.WriteFile(filepath.Join(bin, "date"), []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if got := run(t, sh, text); got.code != 1 || got.stdout != "" {
			t.Errorf("a failing date: %+v", got)
		}
	})
}

func TestWrapperWaits(t *testing.T) {
	sleep := program(t, "echo sleep \"$1\"")
	seconds := func(t *testing.T, sh []string, text string) int {
		t.Helper()
		got := run(t, sh, strings.ReplaceAll(text, "/bin/sleep", sleep))
		if got.code != 0 || got.stderr != "" || !strings.HasSuffix(got.stdout, "ran\n") {
			t.Fatalf("%+v", got)
		}
		first, _, _ := strings.Cut(got.stdout, "\n")
		if first == "ran" {
			return -1
		}
		n, err := strconv.Atoi(strings.TrimPrefix(first, "sleep "))
		if err != nil {
			t.Fatalf("%v: %+v", err, got)
		}
		return n
	}
	each(t, func(t *testing.T, sh []string) {
		// A random time within the jitter: twenty equal ones of 301 do not happen.
		text := wrapper(t, "command: [/bin/echo, ran]\ntimers: [{calendar: daily, jitter: 5m}]")
		seen := map[int]bool{}
		for range 20 {
			n := seconds(t, sh, text)
			if n < 0 || n > 300 {
				t.Errorf("slept %d s", n)
			}
			seen[n] = true
		}
		if len(seen) < 2 {
			t.Errorf("not random: %v", seen)
		}
		// The same on one machine, another one on another.
		text = wrapper(t, "command: [/bin/echo, ran]\ntimers: [{calendar: daily, jitter: 10h, fixed_jitter: true}]")
		at := func(uuid string) int {
			return seconds(t, sh, strings.ReplaceAll(text, "/usr/sbin/ioreg", program(t, "echo '  \"IOPlatformUUID\" = \""+uuid+"\"'; echo '  \"Other\" = '$$")))
		}
		if a, b, c := at("A"), at("A"), at("B"); a != b || a == c || a < 0 || a > 36000 {
			t.Errorf("fixed: %d %d %d", a, b, c)
		}
		// 120 seconds after boot, of which 50 have passed; then more than that.
		text = wrapper(t, "command: [/bin/echo, ran]\ntimers: [{on_boot: 2m}]")
		text = strings.ReplaceAll(text, "/bin/date", program(t, "echo 1700000050"))
		for boot, want := range map[string]int{"1700000000": 70, "1600000000": -1} {
			sysctl := program(t, "[ \"$*\" = '-n kern.boottime' ] || exit 1\necho '{ sec = "+boot+", usec = 123 } Tue Nov 14 22:13:20 2023'")
			if n := seconds(t, sh, strings.ReplaceAll(text, "/usr/sbin/sysctl", sysctl)); n != want {
				t.Errorf("booted at %s: slept %d, want %d", boot, n, want)
			}
		}
		if n := seconds(t, sh, wrapper(t, "command: [/bin/echo, ran]\ntimers: [{every: 15m, anchor: finish}]")); n != 900 {
			t.Errorf("anchor finish: slept %d", n)
		}
	})
}

// The setup job makes what the wrapper waits for.
func TestSetupAndWait(t *testing.T) {
	root := t.TempDir()
	relocate := func(s string) string { return strings.ReplaceAll(s, "/var/db/", root+"/") }
	b, _ := render(t, "command: [/bin/echo, ran]\ndirectories: {state: {name: \"data/x\", mode: '0750'}}")
	lint(t, []generators.Bundle{b})
	setup, start := relocate(script(t, b, "web/setup")), relocate(script(t, b, "web/run"))
	each(t, func(t *testing.T, sh []string) {
		defer os.RemoveAll(root + "/data")
		// It never comes: give up, without a real wait.
		if got := run(t, sh, strings.ReplaceAll(start, "/bin/sleep 1", ":")); got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "setup job") {
			t.Errorf("without the directory: %+v", got)
		}
		// It comes while the wrapper waits.
		if got := run(t, sh, strings.ReplaceAll(start, "/bin/sleep 1", "/bin/mkdir -p "+root+"/data/x")); got != (outcome{stdout: "ran\n"}) {
			t.Errorf("with a late directory: %+v", got)
		}
		for range 2 { // a second boot changes nothing
			if got := run(t, sh, setup); got != (outcome{}) {
				t.Errorf("setup: %+v", got)
			}
		}
		if st, err := os.Stat(root + "/data/x"); err != nil || st.Mode().Perm() != 0o750 {
			t.Errorf("%v %v", st, err)
		}
		if got := run(t, sh, start); got != (outcome{stdout: "ran\n"}) {
			t.Errorf("with the directory: %+v", got)
		}
	})
}

// Owners need root; everything else about them is shown by the text.
func TestSetupOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	root := t.TempDir()
	if err := os.Mkdir(root+"/log", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/secret", []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, _ := render(t, "user: nobody\ndirectories: {state: web}\ncredentials: {key: "+root+"/secret}\nlogging: {stdout: 'append:"+root+"/log/web.log', stderr: 'append:/var/db/web/err.log'}")
	lint(t, []generators.Bundle{b})
	text := strings.NewReplacer("/var/db/", root+"/db/", "/var/run/", root+"/run/", "/usr/sbin/chown", "/usr/bin/chown").Replace(script(t, b, "web/setup"))
	each(t, func(t *testing.T, sh []string) {
		for range 2 {
			if got := run(t, sh, text); got != (outcome{}) {
				t.Fatalf("%+v\n%s", got, text)
			}
		}
		for path, mode := range map[string]os.FileMode{"/db/web": 0o755, "/log/web.log": 0o644, "/run/daemonize/web.credentials": 0o700, "/run/daemonize/web.credentials/key": 0o400} {
			st, err := os.Lstat(root + path)
			if err != nil {
				t.Error(err)
				continue
			}
			listed, err := exec.Command("ls", "-nd", root+path).Output()
			if f := strings.Fields(string(listed)); err != nil || len(f) < 3 || f[2] == "0" || st.Mode().Perm() != mode {
				t.Errorf("%s: %s %v, mode %o", path, listed, err, st.Mode().Perm())
			}
		}
		if got, err := os.ReadFile(root + "/run/daemonize/web.credentials/key"); string(got) != "s3cret" {
			t.Errorf("%q %v", got, err)
		}
		// Root leaves alone what the user can put links into.
		if _, err := os.Lstat(root + "/db/web/err.log"); err == nil {
			t.Error("root made a file in the user's directory")
		}
	})
	run := script(t, b, "web/run")
	if !strings.Contains(run, "\nCREDENTIALS_DIRECTORY=/var/run/daemonize/web.credentials\nexport CREDENTIALS_DIRECTORY\n") {
		t.Errorf("no CREDENTIALS_DIRECTORY:\n%s", run)
	}
}

// The account is made once, with a free ID.
func TestSetupAccount(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	dscl := program(t, `case "$2 $3" in
"-search "*) case $5 in 300|301) echo "taken UniqueID = ($5)" ;; esac ;;
"-read "*) exit 56 ;;
"-create "*) echo "$*" >>`+log+` ;;
esac`)
	b, _ := render(t, "user: _web\ngroup: _www\ncreate_user: true\nlogging: {stdout: 'null'}")
	lint(t, []generators.Bundle{b})
	if want := (generators.Account{User: "_web", Group: "_www", Home: "/var/empty"}); len(b.Accounts) != 1 || b.Accounts[0].User != want.User || b.Accounts[0].Group != want.Group {
		t.Errorf("accounts %v", b.Accounts)
	}
	text := strings.ReplaceAll(script(t, b, "web/setup"), "/usr/bin/dscl", dscl)
	each(t, func(t *testing.T, sh []string) {
		os.Remove(log)
		if got := run(t, sh, strings.ReplaceAll(text, "/usr/bin/id", "/bin/true")); got != (outcome{}) {
			t.Errorf("existing: %+v", got)
		}
		if _, err := os.Stat(log); err == nil {
			t.Error("an existing account was changed")
		}
		if got := run(t, sh, strings.ReplaceAll(text, "/usr/bin/id", "/bin/false")); got != (outcome{}) {
			t.Errorf("missing: %+v", got)
		}
		got, _ := os.ReadFile(log)
		want := `. -create /Groups/_www PrimaryGroupID 302
. -create /Groups/_www Password *
. -create /Users/_web UniqueID 302
. -create /Users/_web PrimaryGroupID 302
. -create /Users/_web UserShell /usr/bin/false
. -create /Users/_web NFSHomeDirectory /var/empty
. -create /Users/_web Password *
. -create /Users/_web IsHidden 1
`
		if string(got) != want {
			t.Errorf("got\n%s", got)
		}
	})
}

// the writer keeps its descriptor and goes on writing after a rotation.
func TestRotate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log $x")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := dir + "/web.log"
	b, _ := render(t, "logging: {stdout: "+yaml("append:"+log)+", rotate: {size: 10, keep: 2}}")
	lint(t, []generators.Bundle{b})
	keys := job(t, b, "io.github.daemonize-rotate.web")
	if keys["StartInterval"] != uint64(300) || keys["UserName"] != nil {
		t.Errorf("%v", keys)
	}
	text := script(t, b, "web/rotate")
	each(t, func(t *testing.T, sh []string) {
		defer func() {
			for _, f := range []string{"", ".1", ".2", ".3"} {
				os.Remove(log + f)
			}
		}()
		f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, line := range []string{"short\n", "first generation\n", "second generation\n", "third generation\n"} {
			f.WriteString(line)
			if got := run(t, sh, text); got != (outcome{}) && len(line) > 10 {
				t.Errorf("%+v", got)
			}
		}
		f.WriteString("new\n")
		for name, want := range map[string]string{"": "new\n", ".1": "third generation\n", ".2": "second generation\n"} {
			if got, err := os.ReadFile(log + name); string(got) != want {
				t.Errorf("web.log%s: %q, want %q (%v)", name, got, want, err)
			}
		}
		if _, err := os.Stat(log + ".3"); err == nil {
			t.Error("more files than asked for")
		}
	})
	// In a directory of the service's user, root must not follow links.
	b, _ = render(t, "user: web\ndirectories: {logs: web}\nlogging: {stdout: 'append:/var/log/web/o', rotate: {size: 10M}}")
	if keys := job(t, b, "io.github.daemonize-rotate.web"); keys["UserName"] != "web" {
		t.Errorf("rotates as %v", keys["UserName"])
	}
}

// All of it at once is clean for shellcheck and the schema.
func TestKitchenSink(t *testing.T) {
	b, _ := render(t, kitchenSink)
	lint(t, []generators.Bundle{b})
	each(t, func(t *testing.T, sh []string) {
		for _, name := range []string{"web/run", "web/setup", "web/rotate"} {
			file := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(file, []byte(script(t, b, name)), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(sh[0], append(slices.Clone(sh[1:]), "-n", file)...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v %s", name, err, out)
			}
		}
	})
	if !strings.HasSuffix(script(t, b, "web/run"), "\nexec /usr/bin/web --listen :8080\n") {
		t.Errorf("the wrapper does not end in exec:\n%s", script(t, b, "web/run"))
	}
}
