package s6

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"github.com/daemonize/daemonize/internal/lab"
	"github.com/daemonize/daemonize/internal/probe/report"
)

func TestConformance(t *testing.T) {
	gentest.Suite{
		Generator: New(),
		Structure: structure,
		ReadBack:  readBack,
		Confirm:   confirm,
	}.Run(t)
}

var rcTarget = generators.Target{Backend: "s6", Version: New().Info().Default, Family: generators.S6RC}

// lex is an own reading of an execline script: words, with { and } of blocks as
// the words "{" and "}" of kind block.
func lex(text string) (words []string, err error) {
	depth := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		default:
			var b strings.Builder
			quoted := false
			for i < len(text) && text[i] != ' ' && text[i] != '\t' && text[i] != '\n' {
				if text[i] != '"' {
					if text[i] == '\\' {
						return nil, fmt.Errorf("backslash outside quotes at %d", i)
					}
					b.WriteByte(text[i])
					i++
					continue
				}
				quoted = true
				for i++; ; i++ {
					if i >= len(text) {
						return nil, fmt.Errorf("unclosed quote")
					}
					if text[i] == '"' {
						i++
						break
					}
					if text[i] == '\\' {
						i++
						b.WriteByte(map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', '"': '"'}[text[i]])
						continue
					}
					b.WriteByte(text[i])
				}
			}
			w := b.String()
			if !quoted && (w == "{" || w == "}") {
				depth += map[string]int{"{": 1, "}": -1}[w]
				if depth < 0 {
					return nil, fmt.Errorf("block ends that has not begun")
				}
				words = append(words, "block "+w)
				continue
			}
			words = append(words, w)
		}
	}
	if depth != 0 {
		return nil, fmt.Errorf("block without end")
	}
	return words, nil
}

// programs are those that our scripts begin lines with, without those that a
// script of package chain replaces where a value needs one.
var programs = []string{"foreground", "background", "if", "ifelse", "case", "exit", "backtick", "homeof", "pipeline", "/usr/bin/s6-envdir", "/usr/bin/s6-setuidgid", "/usr/bin/s6-log", "/usr/bin/s6-svc", "/usr/bin/s6-svwait", "/usr/bin/s6-permafailon"}

// structure is the files of service directories, and in their scripts the
// blocks and execline's programs.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		rest, ok := strings.CutPrefix(a.Path, definitions)
		if !ok {
			if strings.HasPrefix(a.Path, "/etc/cron.d/") {
				out = append(out, fmt.Sprint("cron ", strings.Count(string(a.Content), "\n")))
			}
			continue
		}
		if job, _, ok := strings.Cut(rest, "/env/"); ok { // names of variables are values
			rest = job + "/env/"
		}
		out = append(out, rest)
		text, ok := strings.CutPrefix(string(a.Content), "#!/usr/bin/execlineb")
		if !ok {
			if strings.HasSuffix(rest, "/run") || strings.HasSuffix(rest, "/finish") {
				return nil, fmt.Errorf("%s is not for execlineb", a.Path)
			}
			if strings.Contains(rest, "/env/") {
				if strings.Count(string(a.Content), "\n") != 1 || !strings.HasSuffix(string(a.Content), "\n") {
					return nil, fmt.Errorf("%s is not one line: %q", a.Path, a.Content)
				}
				continue
			}
			out = append(out, fmt.Sprint(rest, " ", strings.Count(string(a.Content), "\n")))
			continue
		}
		words, err := lex(strings.TrimLeft(text, " -PS2"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Path, err)
		}
		for _, w := range words {
			if strings.HasPrefix(w, "block ") || slices.Contains(programs, w) {
				out = append(out, rest+" "+w)
			}
		}
	}
	return out, nil
}

// place writes a bundle below dir with the probe as /usr/bin/sample, and
// everything that the files refer to below dir as well. It returns the service
// directory.
func place(t *testing.T, dir, probe string, b generators.Bundle) string {
	t.Helper()
	replace := strings.NewReplacer("/usr/bin/sample", probe, "/usr/lib/daemonize/", dir+"/lib/", "/run/daemonize/", dir+"/run/")
	for _, a := range b.Artifacts {
		path := dir + a.Path
		if rest, ok := strings.CutPrefix(a.Path, "/usr/lib/daemonize/"); ok {
			path = dir + "/lib/" + rest
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(replace.Replace(string(a.Content))), a.Mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir + Dir(b.Daemon, b.Target.Family)
}

// readBack has execlineb and s6-envdir start the program, as s6-supervise would.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	needExecline(t)
	probe := lab.Probe(t)
	var out []gentest.Process
	for i, b := range bundles {
		dir := filepath.Join(t.TempDir(), strconv.Itoa(i))
		cmd := exec.Command("./run", "sample")
		cmd.Dir = place(t, dir, probe, b)
		cmd.Env = []string{"PATH=/usr/bin:/bin"}
		cmd.Stderr = os.Stderr
		text, err := cmd.Output()
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			out = append(out, gentest.Process{})
			continue
		}
		var r report.Report
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if r.Env["PATH"] != "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" {
			t.Errorf("PATH is %s", r.Env["PATH"])
		}
		r.Argv[0] = "/usr/bin/sample"
		out = append(out, gentest.Process{Argv: r.Argv, Env: r.Env})
	}
	return out
}

// confirm has execlineb read every script (nothing of it is run, as the words
// are arguments of true), the numbers as s6 reads them, and shells and linters
// the scripts in sh.
func confirm(t *testing.T, bundles []generators.Bundle) {
	needExecline(t)
	dir := t.TempDir()
	seen := map[string]bool{}
	var scripts []string
	read := 0
	for _, b := range bundles {
		for _, a := range b.Artifacts {
			content := string(a.Content)
			if seen[content] {
				continue
			}
			seen[content] = true
			path := filepath.Join(dir, strconv.Itoa(len(seen)))
			if strings.HasPrefix(content, "#!/bin/sh\n") {
				if err := os.WriteFile(path, a.Content, 0o755); err != nil {
					t.Fatal(err)
				}
				scripts = append(scripts, path)
			}
			rest, ok := strings.CutPrefix(content, "#!/usr/bin/execlineb ")
			if !ok {
				continue
			}
			read++
			_, rest, _ = strings.Cut(rest, "\n")
			if err := os.WriteFile(path, []byte("/bin/true\n"+rest), 0o755); err != nil {
				t.Fatal(err)
			}
			if o, err := exec.Command(execlineb, "-P", path).CombinedOutput(); err != nil || len(o) > 0 {
				t.Errorf("execlineb: %v %s\n%s", err, o, content)
			}
		}
	}
	for _, check := range [][]string{{"dash", "-n"}, {"busybox", "sh", "-n"}} {
		if _, err := exec.LookPath(check[0]); err != nil {
			t.Logf("not checked: %v", err)
			continue
		}
		for _, s := range scripts {
			if o, err := exec.Command(check[0], append(slices.Clone(check[1:]), s)...).CombinedOutput(); err != nil || len(o) > 0 {
				content, _ := os.ReadFile(s)
				t.Errorf("%q: %v %s\n%s", check, err, o, content)
			}
		}
	}
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Logf("not checked: %v", err)
	} else if o, err := exec.Command("shellcheck", append([]string{"-s", "sh",
		// Values are literal; not every script uses all that the shared functions set.
		"--exclude=SC2016,SC1003,SC2034"}, scripts...)...).CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%.6000s", err, o)
	}
	t.Logf("%d scripts for execlineb, %d for sh", read, len(scripts))
}

// yamlString writes a string for YAML, in which the spec reads references.
func yamlString(s string) string {
	b, _ := json.Marshal(strings.ReplaceAll(s, "$", "$$"))
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}
