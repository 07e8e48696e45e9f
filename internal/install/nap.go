package install

import (
	"encoding/binary"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/daemonize/daemonize/internal/host"
)

// shortNap is a pause that somebody makes between two things that belong to a
// start, such as attempts to reach a server. Who sleeps longer serves a purpose.
const shortNap = 5 * time.Second

// naps reports whether a thread only pauses: it is in nanosleep(2) or
// clock_nanosleep(2) for a short time, or for one that cannot be found out. The
// numbers and arguments of system calls are in proc_pid_syscall(5).
func naps(h host.Host, task string) bool {
	nanosleep, clockNanosleep := "101", "115" // asm-generic/unistd.h
	if runtime.GOARCH == "amd64" {
		nanosleep, clockNanosleep = "35", "230" // arch/x86/entry/syscalls/syscall_64.tbl
	}
	line, err := h.ReadFile(path.Join(task, "syscall"))
	f := strings.Fields(string(line))
	if err != nil || len(f) == 0 {
		return true
	}
	arg := 0
	switch {
	case f[0] == clockNanosleep && len(f) > 3:
		if f[2] != "0x0" {
			return true // until a time of day
		}
		arg = 3
	case f[0] == nanosleep && len(f) > 1:
		arg = 1
	default:
		return false
	}
	address, err := strconv.ParseInt(f[arg], 0, 64)
	m, ok := h.(interface {
		ReadAt(name string, b []byte, offset int64) error
	})
	var timespec [16]byte
	if err != nil || !ok || m.ReadAt(path.Join(task, "mem"), timespec[:], address) != nil {
		return true
	}
	seconds := binary.NativeEndian.Uint64(timespec[:])
	return seconds < uint64(shortNap/time.Second)
}
