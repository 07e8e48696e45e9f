package generators

import (
	"strconv"
	"strings"
	"time"
)

// Booted returns when a Linux machine was booted, to the second (btime in
// proc(5)); the zero time where that cannot be found out.
func Booted(h Host) time.Time {
	stat, err := h.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for l := range strings.Lines(string(stat)) {
		if seconds, ok := strings.CutPrefix(l, "btime "); ok {
			if boot, err := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64); err == nil {
				return time.Unix(boot, 0).UTC()
			}
		}
	}
	return time.Time{}
}

// Process reports whether a process of a Linux machine lives, which a zombie
// does not, and since when (proc(5), fields 3 and 22 of stat; the latter is in
// hundredths of a second since the boot).
func Process(h Host, pid int) (since time.Time, alive bool) {
	stat, err := h.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return time.Time{}, false
	}
	// The name of the program, in parentheses, can hold anything.
	text := string(stat)
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return time.Time{}, false
	}
	ticks, err := strconv.ParseInt(f[19], 10, 64)
	boot := Booted(h)
	if err != nil || boot.IsZero() {
		return time.Time{}, true
	}
	return boot.Add(time.Duration(ticks/100) * time.Second), true
}
