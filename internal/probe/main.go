//go:build linux

// Command probe prints, as JSON, what the process that runs it looks like:
// arguments, environment, identity, limits, scheduling and open streams. Tests
// run it through generated configuration and compare.
//
// With PROBE_OUT in the environment it writes to that file instead of
// standard output, and with PROBE_WAIT=1 it then stays until it is told to
// end. `probe --do ORDERS`, or PROBE_DO=ORDERS in the environment, has it look
// further and misbehave, see [act].
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/daemonize/daemonize/internal/probe/report"
)

func main() {
	switch {
	case filepath.Base(os.Args[0]) == "wget":
		os.Exit(get(os.Args[len(os.Args)-1]))
	case len(os.Args) > 2 && os.Args[1] == "--do":
		act(strings.Fields(os.Args[2]))
		return
	case os.Getenv("PROBE_DO") != "":
		act(strings.Fields(os.Getenv("PROBE_DO")))
		return
	}
	r, err := look()
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	text, err := json.Marshal(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	text = append(text, '\n')
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if out := os.Getenv("PROBE_OUT"); out != "" {
		// A reader that waits for the file must never see half of it.
		if err = os.WriteFile(out+".new", text, 0o666); err == nil {
			err = os.Rename(out+".new", out)
		}
	} else {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	if os.Getenv("PROBE_WAIT") != "" {
		<-stop
	}
	if code, err := strconv.Atoi(os.Getenv("PROBE_EXIT")); err == nil {
		os.Exit(code)
	}
}

func look() (*report.Report, error) {
	r := &report.Report{Argv: os.Args, Env: map[string]string{}, PID: os.Getpid(), UID: os.Geteuid(), GID: os.Getegid(),
		Rlimits: map[string]string{}, Status: map[string]string{}, NS: map[string]string{}, Files: map[string]string{}}
	for _, e := range os.Environ() {
		k, v, _ := strings.Cut(e, "=")
		r.Env[k] = v
	}
	var err error
	if r.Cwd, err = os.Getwd(); err != nil {
		return nil, err
	}
	if r.Groups, err = os.Getgroups(); err != nil {
		return nil, err
	}
	old := syscall.Umask(0)
	syscall.Umask(old)
	r.Umask = fmt.Sprintf("%04o", old)
	// The Go runtime raises the soft limit of files for itself; the kernel's
	// answer would be that.
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(limits)) {
		if len(line) < 60 || strings.HasPrefix(line, "Limit ") {
			continue
		}
		f := strings.Fields(line[25:])
		r.Rlimits[strings.TrimSpace(line[:25])] = f[0] + ":" + f[1]
	}
	// getpriority(2) as a raw call gives 20 minus the nice value.
	prio, _, errno := syscall.Syscall(syscall.SYS_GETPRIORITY, 0, 0, 0)
	if errno != 0 {
		return nil, errno
	}
	r.Nice = 20 - int(prio)
	policy, _, errno := syscall.Syscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	if errno != 0 {
		return nil, errno
	}
	r.Policy = int(policy)
	io, _, errno := syscall.Syscall(syscall.SYS_IOPRIO_GET, 1, 0, 0)
	if errno != 0 {
		return nil, errno
	}
	r.IOPrio = int(io)
	r.OOM = number("/proc/self/oom_score_adj")
	r.Slack = int64(number("/proc/self/timerslack_ns"))
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	s := bufio.NewScanner(bytes.NewReader(status))
	for s.Scan() {
		k, v, _ := strings.Cut(s.Text(), ":")
		if strings.HasPrefix(k, "Cap") || k == "NoNewPrivs" || k == "Cpus_allowed_list" || k == "Seccomp" {
			r.Status[k] = strings.TrimSpace(v)
		}
	}
	for i := range r.Streams {
		r.Streams[i], _ = os.Readlink("/proc/self/fd/" + strconv.Itoa(i))
	}
	for _, ns := range []string{"ipc", "mnt", "net", "pid", "user", "uts", "cgroup"} {
		r.NS[ns], _ = os.Readlink("/proc/self/ns/" + ns)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			content, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				return nil, err
			}
			info, _ := e.Info()
			r.Files[e.Name()] = info.Mode().String() + " " + string(content)
		}
	}
	return r, lookFurther(r)
}

func number(path string) int {
	b, _ := os.ReadFile(path)
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}
