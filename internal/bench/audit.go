//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// audits compares the audit of real units with the program whose score it
// gives, both in one process, and measures the cost of a unit as their number
// grows.
func audits(dir, bin, corpus string) error {
	sources := realUnits(corpus)
	if len(sources) == 0 {
		fmt.Println("audit: no units found: give -corpus DIR, made by internal/parity/corpus.sh")
		return nil
	}
	const compared = 500
	top := filepath.Join(dir, "units")
	units, err := plantUnits(top, sources, compared)
	if err != nil {
		return err
	}
	own, err := fastest(3, bin, "audit", "--output", "json", "--systemd", "252", top)
	if err != nil {
		return err
	}
	if analyze, err := exec.LookPath("systemd-analyze"); err != nil {
		fmt.Println("audit: systemd-analyze is not installed: nothing to compare with")
	} else {
		args := append([]string{"security", "--offline=yes", "--no-pager", "--json=short"}, units...)
		real, err := fastest(3, analyze, args...)
		if err != nil {
			return err
		}
		fmt.Printf("audit of %d units (%d different): %.0f ms; systemd-analyze security %.0f ms; ratio %.3f (at most 0.1)\n",
			compared, len(sources), ms(own.cpu), ms(real.cpu), float64(own.cpu)/float64(real.cpu))
	}
	var cost [2]float64
	var rss [2]int64
	for i, n := range []int{100, 10000} {
		top := filepath.Join(dir, fmt.Sprintf("units-%d", n))
		units, err := plantUnits(top, sources, n)
		if err != nil {
			return err
		}
		// The cost of starting is not that of a unit: an audit of one unit is
		// taken off.
		start, err := fastest(10, bin, "audit", "--output", "json", units[0])
		if err != nil {
			return err
		}
		m, err := fastest(10-9*i, bin, "audit", "--output", "json", top)
		if err != nil {
			return err
		}
		cost[i], rss[i] = float64((m.cpu-start.cpu).Microseconds())/float64(n), m.rss
	}
	fmt.Printf("audit: %.0f µs a unit at 100, %.0f µs at 10000, ratio %.2f (at most 1.2); memory %d MiB and %d MiB\n", cost[0], cost[1], cost[1]/cost[0], rss[0]>>20, rss[1]>>20)
	return nil
}

// realUnits are the services of a corpus, or else those of this machine.
func realUnits(corpus string) []string {
	for _, pattern := range []string{filepath.Join(corpus, "units", "*", "*.service"), "/usr/lib/systemd/system/*.service"} {
		var files []string
		matches, _ := filepath.Glob(pattern)
		for _, m := range matches {
			if info, err := os.Lstat(m); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
				files = append(files, m)
			}
		}
		if len(files) > 0 {
			return files
		}
	}
	return nil
}

// plantUnits copies units, those of a package in a directory of their own as
// in a repository, and all again until there are n.
func plantUnits(dir string, sources []string, n int) ([]string, error) {
	var out []string
	for i := range n {
		source := sources[i%len(sources)]
		src, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		name := filepath.Join(dir, strconv.Itoa(i/len(sources)), filepath.Base(filepath.Dir(source)), filepath.Base(source))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, src, 0o644); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, nil
}

type spent struct {
	cpu time.Duration // of the processors, which other programs disturb least
	rss int64         // bytes
}

// fastest runs a program and returns the best of n, which what else the
// machine does disturbs least. Both programs say by their status what they
// found, so a status is no failure.
func fastest(n int, program string, args ...string) (spent, error) {
	var best spent
	for range n {
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH=")
		var out, msg bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &msg
		err := cmd.Run()
		if out.Len() == 0 {
			return best, fmt.Errorf("%s printed nothing: %w: %s", filepath.Base(program), err, strings.TrimSpace(msg.String()))
		}
		if took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); best.cpu == 0 || took < best.cpu {
			best.cpu = took
		}
		if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			best.rss = max(best.rss, u.Maxrss<<10)
		}
	}
	return best, nil
}
