//go:build linux

// Command bench measures what daemonize promises about speed and prints it;
// it judges nothing, because a clock on a shared machine proves nothing.
//
//	go run ./internal/bench [-specs 10000] [-starts 200] [-corpus dist/corpus] [-only audit]
//
// Cold start is compared with a Go program that prints one line, measured in
// the same run. Throughput is `daemonize render` of many specs to a memory
// file system on one processor and on all. Audits are compared with
// systemd-analyze security on the same units.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const hello = `package main

import "os"

func main() { os.Stdout.WriteString("hello, world\n") }
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	specs := flag.Int("specs", 10000, "how many specs to render")
	starts := flag.Int("starts", 200, "how many cold starts to measure")
	corpus := flag.String("corpus", "dist/corpus", "real units, fetched by internal/parity/corpus.sh; without them those of this machine")
	only := flag.String("only", "", "measure only this: render or audit")
	flag.Parse()
	if err := run(*specs, *starts, *corpus, *only); err != nil {
		log.Fatal(err)
	}
}

func run(specs, starts int, corpus, only string) error {
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = ""
		fmt.Println("no /dev/shm: writing to the temporary directory, which may be a disk")
	}
	dir, err := os.MkdirTemp(base, "daemonize-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, hi := filepath.Join(dir, "daemonize"), filepath.Join(dir, "hello")
	if err := os.WriteFile(filepath.Join(dir, "hello.go"), []byte(hello), 0o644); err != nil {
		return err
	}
	for out, src := range map[string]string{bin: "./cmd/daemonize", hi: filepath.Join(dir, "hello.go")} {
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, src)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if msg, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build %s: %w\n%s", src, err, msg)
		}
	}
	if only != "audit" {
		if err := renders(dir, bin, hi, specs, starts); err != nil {
			return err
		}
	}
	if only == "render" {
		return nil
	}
	return audits(dir, bin, corpus)
}

// renders measures cold start and throughput of rendering.
func renders(dir, bin, hi string, specs, starts int) error {
	sources, err := sourceSpecs()
	if err != nil {
		return err
	}
	one := filepath.Join(dir, "one.daemon.yaml")
	if err := os.WriteFile(one, rename(sources[0], "one"), 0o644); err != nil {
		return err
	}
	a, b := coldStarts(starts, []string{hi}, []string{bin, "render", one})
	fmt.Printf("cold start: hello %.2f ms, render of one spec for all backends %.2f ms, ratio %.2f (at most 4)\n", ms(a), ms(b), float64(b)/float64(a))

	small, err := throughput(dir, bin, sources, 100, 1, 20)
	if err != nil {
		return err
	}
	large, err := throughput(dir, bin, sources, specs, 1, 1)
	if err != nil {
		return err
	}
	all, err := throughput(dir, bin, sources, specs, runtime.NumCPU(), 1)
	if err != nil {
		return err
	}
	fmt.Printf("throughput per core, all backends, to memory: %.0f specs/s at %d specs (at least 3000), %.0f specs/s at 100\n", large.rate, specs, small.rate)
	fmt.Printf("cost per spec at %d against 100: %.2f (at most 1.2)\n", specs, small.rate/large.rate)
	fmt.Printf("memory: %d MiB at %d specs, %d MiB at 100\n", large.rss>>20, specs, small.rss>>20)
	fmt.Printf("throughput on %d processors: %.0f specs/s, %d files\n", runtime.NumCPU(), all.rate, all.files)
	return nil
}

// sourceSpecs are real specs: the examples, or the starters without them.
func sourceSpecs() ([][]byte, error) {
	paths, _ := filepath.Glob("examples/*.daemon.yaml")
	if len(paths) == 0 {
		paths, _ = filepath.Glob("internal/cli/starters/*.yaml")
	}
	var sources [][]byte
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		sources = append(sources, src)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("cannot find specs: run from the root of the repository")
	}
	return sources, nil
}

// rename gives the daemons of a spec other names.
func rename(src []byte, name string) []byte {
	lines := strings.SplitAfter(string(src), "\n")
	daemons := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "name: ") {
			daemons++
			lines[i] = fmt.Sprintf("name: %s-%d\n", name, daemons)
		}
	}
	return []byte(strings.Join(lines, ""))
}

// coldStarts measures two commands in turn and returns the median of each, so
// that what disturbs the machine disturbs both.
func coldStarts(n int, a, b []string) (time.Duration, time.Duration) {
	measure := func(argv []string) time.Duration {
		cmd := exec.Command(argv[0], argv[1:]...)
		start := time.Now()
		if err := cmd.Run(); err != nil {
			log.Fatalf("%v: %v", argv, err)
		}
		return time.Since(start)
	}
	var as, bs []time.Duration
	for range n {
		as, bs = append(as, measure(a)), append(bs, measure(b))
	}
	slices.Sort(as)
	slices.Sort(bs)
	return as[n/2], bs[n/2]
}

type measured struct {
	rate  float64
	rss   int64
	files int
}

// throughput renders n specs with procs processors, repeat times, and returns
// the best run.
func throughput(dir, bin string, sources [][]byte, n, procs, repeat int) (measured, error) {
	var best measured
	in := filepath.Join(dir, "in")
	if err := os.MkdirAll(in, 0o755); err != nil {
		return best, err
	}
	defer os.RemoveAll(in)
	// A file may hold several specs.
	for i, written := 0, 0; written < n; i++ {
		name := fmt.Sprintf("bench-%06d", i)
		src := rename(sources[i%len(sources)], name)
		written += bytes.Count(src, []byte("\nname: "))
		if err := os.WriteFile(filepath.Join(in, name+".daemon.yaml"), src, 0o644); err != nil {
			return best, err
		}
	}
	for range repeat {
		out := filepath.Join(dir, "out")
		cmd := exec.Command(bin, "render", "--out", out, in)
		cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", procs))
		if procs == 1 {
			if taskset, err := exec.LookPath("taskset"); err == nil {
				cmd = exec.Command(taskset, append([]string{"-c", "0"}, cmd.Args...)...)
			}
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		start := time.Now()
		if err := cmd.Run(); err != nil {
			return best, fmt.Errorf("cannot render %d specs: %w\n%.2000s", n, err, stderr.String())
		}
		spent := time.Since(start)
		if procs == 1 {
			spent = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		m := measured{rate: float64(n) / spent.Seconds(), rss: cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10}
		err := filepath.WalkDir(out, func(_ string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				m.files++
			}
			return err
		})
		if err := os.RemoveAll(out); err != nil {
			return best, err
		}
		if err != nil {
			return best, err
		}
		if m.rate > best.rate {
			best = m
		}
	}
	return best, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
