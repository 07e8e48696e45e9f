package launchd

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec/field"
)

// anyFunction reports whether one of its arguments, a pattern that the shell
// has expanded, exists; a pattern without matches stays as it is.
const anyFunction = `any() (
	for f do
		if [ -e "$f" ] || [ -L "$f" ]; then exit 0; fi
	done
	exit 1
)
`

// conditions tests paths in the wrapper, and waits for the network and mounts.
func (u *unit) conditions() {
	d, c := u.d, &u.d.Conditions
	if d.DependsOn.NetworkOnline {
		u.before.add("depends_on.network_online", "/usr/sbin/ipconfig waitall || :")
	}
	for _, p := range u.texts(d.DependsOn.Mounts, "depends_on.mounts") {
		u.before.add("depends_on.mounts", "/bin/wait4path "+shell.Quote(p)+" || exit 1")
	}
	unmet := "exit 0"
	if c.Assert {
		unmet = "exit 1"
	}
	tests := 0
	test := func(paths []string, name string, expr func(p string) string) {
		for i, p := range u.texts(paths, "conditions."+name) {
			p, negated := strings.CutPrefix(p, "!")
			line := expr(p)
			if line == "" {
				u.refuse("conditions."+name+"["+strconv.Itoa(i)+"]", noBraces, "write one pattern for each alternative, or another one")
				continue
			}
			if negated {
				line = "! " + line
			}
			u.before.add("conditions."+name, line+" || "+unmet)
			tests++
		}
	}
	operator := func(op string) func(string) string {
		return func(p string) string { return "[ " + op + " " + shell.Quote(p) + " ]" }
	}
	test(c.PathExists, "path_exists", operator("-e"))
	test(c.PathExistsGlob, "path_exists_glob", func(p string) string {
		if strings.ContainsAny(p, "{}") {
			return ""
		}
		return u.anyOf(p)
	})
	test(c.PathIsDirectory, "path_is_directory", operator("-d"))
	test(c.PathIsSymbolicLink, "path_is_symbolic_link", operator("-L"))
	test(c.PathIsMountPoint, "path_is_mount_point", func(p string) string {
		q := shell.Quote(p)
		return "[ \"$(/bin/df -P " + q + " 2>/dev/null | /usr/bin/sed -n '2s/^.*% *//p')\" = " + q + " ]"
	})
	test(c.PathIsReadWrite, "path_is_read_write", operator("-w"))
	test(c.DirectoryNotEmpty, "directory_not_empty", func(p string) string {
		q := shell.Quote(p)
		return "{ [ -d " + q + " ] && [ -n \"$(/bin/ls -A " + q + ")\" ]; }"
	})
	test(c.FileNotEmpty, "file_not_empty", func(p string) string {
		q := shell.Quote(p)
		return "{ [ -f " + q + " ] && [ -s " + q + " ]; }"
	})
	test(c.FileIsExecutable, "file_is_executable", func(p string) string {
		q := shell.Quote(p)
		return "{ [ -f " + q + " ] && [ -x " + q + " ]; }"
	})
	if restart, _ := u.keys["KeepAlive"].(bool); tests > 0 && len(d.Timers) == 0 && (restart || c.Assert && u.keys["KeepAlive"] != nil) {
		u.lose(field.RestartPolicy, "restart.policy", generators.Approximate,
			"the wrapper tests the conditions, and to launchd it is the service: it will start it again and again while they are not met")
	}
}

const noBraces = "a POSIX shell has no braces in patterns"

// anyOf returns a command that reports whether a pattern matches something.
func (u *unit) anyOf(pattern string) string {
	if !strings.Contains(u.before.String(), anyFunction) {
		u.before.WriteString(anyFunction)
	}
	return "any " + globWord(pattern)
}

// globWord writes a pattern of glob(7) as a word of sh: what has a meaning in
// patterns stays bare, all else is quoted.
func globWord(p string) string {
	var b strings.Builder
	literal := 0
	flush := func(end int) {
		if literal < end {
			b.WriteString(shell.Quote(p[literal:end]))
		}
	}
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '*', '?', '[', ']', '!', '-', '^':
			flush(i)
			b.WriteByte(p[i])
			literal = i + 1
		case '\\': // the next character is literal, as it is when quoted
			flush(i)
			literal = i + 1
			i++
		}
	}
	flush(len(p))
	return b.String()
}
