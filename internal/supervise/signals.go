package supervise

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec"
)

// linuxSignals are the names of signal(7) by number, from 1. They are those
// of the target, so package syscall, which knows the machine that renders, is
// no help.
var linuxSignals = [...]string{
	"HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
	"STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
}

// SignalNumber returns the number of a signal as glibc counts the realtime
// signals: 34 to 64.
func SignalNumber(name string) int {
	name = strings.TrimPrefix(name, "SIG")
	for i, s := range linuxSignals {
		if s == name {
			return i + 1
		}
	}
	if off, ok := strings.CutPrefix(name, "RTMIN"); ok {
		n, _ := strconv.Atoi(off)
		return 34 + n
	}
	off := strings.TrimPrefix(name, "RTMAX")
	n, _ := strconv.Atoi(off)
	return 64 + n
}

// SignalWord returns a signal as every kill(1) takes it: by name where POSIX
// has it, else by number.
func SignalWord(name string) string {
	switch n := SignalNumber(name); n {
	case 16, 28, 29, 30:
		return strconv.Itoa(n)
	default:
		if n > 31 {
			return strconv.Itoa(n)
		}
		return linuxSignals[n-1]
	}
}

// StatusPattern returns the statuses that sh gives to exit codes and signals
// (128 and the number, XCU 2.8.2) as the pattern of a case.
func StatusPattern(statuses []string, more ...int) string {
	words := make([]string, 0, len(statuses)+len(more))
	for _, n := range more {
		words = append(words, strconv.Itoa(n))
	}
	for _, s := range statuses {
		if s == "" {
			continue
		}
		if s[0] < '0' || s[0] > '9' {
			s = strconv.Itoa(128 + SignalNumber(s))
		}
		words = append(words, s)
	}
	return strings.Join(words, " | ")
}

// Centiseconds writes a duration, nothing for infinity. It rounds up, so that no time becomes shorter or none.
func Centiseconds(d spec.Duration) string {
	if d == spec.Infinity {
		return ""
	}
	const unit = 10 * spec.Millisecond
	n := d / unit
	if d%unit != 0 {
		n++
	}
	return strconv.FormatInt(int64(n), 10)
}
