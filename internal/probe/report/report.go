// Package report is what the probe (internal/probe) says about the process that
// it runs in, for the probe and for the tests that compare it.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Report is what the probe prints, as one line of JSON.
type Report struct {
	Argv    []string
	Env     map[string]string
	Cwd     string
	PID     int
	UID     int // effective
	GID     int // effective
	Groups  []int
	Umask   string            // octal, four digits
	Rlimits map[string]string // by the name in /proc/self/limits, soft:hard
	Nice    int
	Policy  int // SCHED_*, with 0x40000000 for reset-on-fork
	IOPrio  int // class<<13 | priority
	OOM     int // oom_score_adj
	Slack   int64
	Status  map[string]string // Cap*, NoNewPrivs, Seccomp, Cpus_allowed_list of /proc/self/status
	Streams [3]string         // what descriptors 0 to 2 link to in /proc/self/fd
	NS      map[string]string // links in /proc/self/ns
	Files   map[string]string // modes and contents in $CREDENTIALS_DIRECTORY

	Machine     string            // of uname(2)
	Personality int               // of personality(2)
	SecureBits  int               // of capabilities(7)
	MemPolicy   int               // of get_mempolicy(2), -1 if it cannot be asked
	Stdin       string            // the first line of it, where it is a file
	Sockets     []Socket          // that were passed, by sd_listen_fds(3)
	Paths       map[string]string // what may be done with paths; after the order look only
	Calls       map[string]string // system calls and what came of them; likewise
	Processes   int               // of others, in /proc; likewise
}

// Socket is a descriptor that the manager opened.
type Socket struct {
	Name    string // of LISTEN_FDNAMES
	Kind    string // stream, dgram, seqpacket or fifo
	Address string
	Options map[string]int // of getsockopt(2), where it can be asked
}

// Parse returns the last whole report among the lines of text: a log may hold
// other lines, reports of earlier runs, and the beginning of one that is being
// written.
func Parse(text []byte) (*Report, error) {
	err := errors.New("there is none")
	var last *Report
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("{")) || !bytes.HasSuffix(line, []byte("}\n")) {
			continue
		}
		r := new(Report)
		if err = json.Unmarshal(line, r); err == nil {
			last = r
		}
	}
	if last == nil {
		return nil, fmt.Errorf("cannot read the probe's report: %w", err)
	}
	return last, nil
}
