package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// program is one real systemd-analyze.
type program struct {
	version int
	argv    []string
}

// row is what both sides are compared by.
type row struct {
	Name     string  `json:"name"`
	Set      *bool   `json:"set"`
	Weight   uint64  `json:"weight"`
	Badness  uint64  `json:"badness"`
	Range    uint64  `json:"range"`
	Exposure *string `json:"exposure"`
}

// result is the score of one unit; refused when it could not be loaded.
type result struct {
	refused bool
	total   string
	rows    map[string]row
	message string
}

// findPrograms returns the programs of this machine and of the root trees
// below dir (one for each of systemd252, systemd257, ...). A root's program
// runs with the root's own C library, so nothing has to be entered or mounted.
func findPrograms(dir string) []program {
	var out []program
	have := map[int]bool{}
	add := func(argv ...string) {
		b, err := exec.Command(argv[0], append(argv[1:], "--version")...).Output()
		if err != nil {
			return
		}
		fields := strings.Fields(string(b))
		if len(fields) < 2 {
			return
		}
		digits := strings.FieldsFunc(fields[1], func(r rune) bool { return r < '0' || r > '9' })
		v, err := strconv.Atoi(digits[0])
		if err != nil || v < 250 || have[v] {
			return
		}
		have[v] = true
		out = append(out, program{v, argv})
	}
	add("systemd-analyze")
	roots, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, root := range roots {
		loaders, _ := filepath.Glob(filepath.Join(root, "lib64", "ld-linux-*"))
		libs, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu"))
		if len(loaders) == 0 || len(libs) == 0 {
			continue
		}
		add(loaders[0], "--library-path", libs[0]+":"+filepath.Join(libs[0], "systemd"), filepath.Join(root, "usr/bin/systemd-analyze"))
	}
	return out
}

var totalLine = regexp.MustCompile(`Overall exposure level for (\S+): (\d+\.\d) `)

// run analyses files in one process and returns the results by unit name.
// Results come in the order of the files without those refused; the text
// output has names and totals, the JSON output the rows.
func (p program) run(user bool, files []string) (map[string]result, string) {
	call := func(extra ...string) (string, string) {
		argv := append([]string{}, p.argv[1:]...)
		if user {
			argv = append(argv, "--user")
		}
		argv = append(argv, "security", "--offline=yes", "--no-pager")
		argv = append(append(argv, extra...), files...)
		cmd := exec.Command(p.argv[0], argv...)
		cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH=", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", "SYSTEMD_URLIFY=0", "LC_ALL=C.UTF-8", "HOME=/root", "XDG_RUNTIME_DIR=/tmp")
		if len(extra) > 0 {
			cmd.Env = append(cmd.Env, "SYSTEMD_ANALYZE_DEBUG=1")
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // refusals make the status 1; missing results say it all
		return stdout.String(), stderr.String()
	}
	text, message := call()
	rows, _ := call("--json=short")
	names := totalLine.FindAllStringSubmatch(text, -1)
	out := map[string]result{}
	dec := json.NewDecoder(strings.NewReader(rows))
	for _, n := range names {
		r := result{total: n[2], rows: map[string]row{}}
		var list []row
		if err := dec.Decode(&list); err != nil {
			message += "\nthe JSON output has fewer units than the text output"
			break
		}
		for _, x := range list {
			r.rows[x.Name] = x
		}
		out[n[1]] = r
	}
	return out, message
}

// parallel runs jobs on all processors.
func parallel(jobs []func()) {
	var wg sync.WaitGroup
	next := make(chan func())
	for range runtime.NumCPU() {
		wg.Go(func() {
			for f := range next {
				f()
			}
		})
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
	wg.Wait()
}

func equal(a, b row) string {
	switch {
	case (a.Set == nil) != (b.Set == nil) || a.Set != nil && *a.Set != *b.Set:
		return "set"
	case a.Weight != b.Weight:
		return "weight"
	case a.Range != b.Range:
		return "range"
	case a.Set != nil && a.Badness != b.Badness:
		return fmt.Sprintf("badness %d, real %d", a.Badness, b.Badness)
	case (a.Exposure == nil) != (b.Exposure == nil) || a.Exposure != nil && *a.Exposure != *b.Exposure:
		return "exposure"
	}
	return ""
}
