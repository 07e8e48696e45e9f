package supervise

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
)

// Dir returns where the scripts of a job keep their state.
func Dir(job string) string { return "/run/daemonize/" + job }

// Writer collects lines of a script.
type Writer struct{ bytes.Buffer }

// Line writes lines.
func (w *Writer) Line(lines ...string) {
	for _, l := range lines {
		w.WriteString(l)
		w.WriteByte('\n')
	}
}

// Assign writes a variable.
func (w *Writer) Assign(name, value string) {
	if value == "" {
		w.Line(name + "=")
		return
	}
	w.Line(name + "=" + shell.Quote(value))
}

// Fill writes text with some marks, in the order of the text, replaced.
func (w *Writer) Fill(text string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		before, after, _ := strings.Cut(text, pairs[i])
		w.WriteString(before)
		w.WriteString(pairs[i+1])
		text = after
	}
	w.WriteString(text)
}

// Function writes a function. An empty one succeeds.
func (w *Writer) Function(name string, body []string) {
	if len(body) == 0 {
		body = []string{":"}
	}
	w.Line("", name+"() {")
	for _, l := range body {
		w.Line("\t" + l)
	}
	w.Line("}")
}

// LogFiles returns the files that output goes to.
func LogFiles(d *spec.Daemon) []string {
	var files []string
	for _, stream := range []string{d.Logging.Stdout, d.Logging.Stderr} {
		for _, kind := range []string{"file:", "append:"} {
			if path, ok := strings.CutPrefix(stream, kind); ok && !slices.Contains(files, path) {
				files = append(files, path)
			}
		}
	}
	return files
}

// OnFailure is what follows the command of a hook: the failure of one keeps
// those after it from running (systemd.service(5), ExecStartPre=).
func OnFailure(h spec.Hook) string {
	if h.IgnoreFailure {
		return " || :"
	}
	return " || return 1"
}

// Prelude is the pattern of the names that a process has (proc(5), comm) before
// its program is executed in it: those of the scripts given and of the tools
// that may come between. A program of the same name is taken for itself.
func Prelude(d *spec.Daemon, scripts ...string) string {
	comm := func(path string) string {
		path = path[strings.LastIndexByte(path, '/')+1:]
		return path[:min(len(path), 15)]
	}
	program := comm(chain.Argv(d)[0])
	var words []string
	for _, tool := range append(scripts, "sh", "nsenter", "unshare", "nice", "ionice", "chrt", "taskset", "choom", "prlimit", "env", "chroot", "setpriv") {
		if c := comm(tool); c != program && !slices.Contains(words, c) {
			words = append(words, shell.Quote(c))
		}
	}
	return strings.Join(words, " | ")
}

// Seconds writes a duration for timeout(1), where 0 is no limit.
func Seconds(d spec.Duration) string {
	if d == spec.Infinity {
		return "0"
	}
	return strconv.FormatInt(d.Seconds(), 10)
}

// AddAccount adds the account that create_user wants, if it is not there yet.
func AddAccount(b *generators.Bundle, d *spec.Daemon) {
	if !d.CreateUser || d.User == "" {
		return
	}
	a := generators.Account{User: d.User, Group: d.Group, Groups: d.SupplementaryGroups, Home: "/nonexistent"}
	if d.Directories.State.Name != "" {
		a.Home = "/var/lib/" + d.Directories.State.Name
	}
	if !slices.ContainsFunc(b.Accounts, func(o generators.Account) bool { return o.User == a.User }) {
		b.Accounts = append(b.Accounts, a)
	}
}

// NetworkOnline returns lines that wait half a minute for a default route, of
// IPv4 or IPv6 (proc(5), /proc/net/route).
func NetworkOnline() []string {
	return []string{
		"for tries in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do",
		`	[ "$tries" -eq 0 ] || sleep 1`,
		"	{",
		"		while read -r device destination gateway _; do",
		`			[ "$destination" = 00000000 ] && [ "$gateway" != 00000000 ] && break 2`,
		"		done </proc/net/route",
		"		while read -r destination length _ _ _ _ _ _ _ device; do",
		`			[ "$destination$length" = 0000000000000000000000000000000000 ] && [ "$device" != lo ] && break 2`,
		"		done </proc/net/ipv6_route",
		"	} 2>/dev/null",
		"done",
	}
}
