package trace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line that is looked at; strace shortens strings, so
// real lines are far below it. The rest of a longer line is passed over.
const maxLine = 64 << 10

// process is what is known of a traced process.
type process struct {
	cwd        string // empty: not known
	unfinished string // a call that was interrupted by another process
}

// Read adds a trace; name is the file name used in places. The error is one of
// reading: a line that is not understood is none.
func (f *Facts) Read(name string, r io.Reader) error {
	in := bufio.NewReaderSize(r, maxLine)
	// A file of strace -ff is about one process that its lines do not name.
	own := f.process(name)
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			f.Lines++
			text := strings.TrimRight(string(line), "\r\n")
			f.line(own, Place{name, number, shorten(text)}, text)
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err == io.EOF {
			f.finish()
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read trace %s: %w", name, err)
		}
	}
}

// shorten makes a line fit to be quoted.
func shorten(s string) string {
	const most = 160
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0x7f {
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	return s
}

// finish draws the conclusions that need the whole trace.
func (f *Facts) finish() {
	// Signals between processes of one user need nothing; a service that
	// changes users has processes of several.
	if f.kill.Name != "" && f.SetUser.Name != "" {
		f.capability("CAP_KILL", f.kill.Place)
	}
}

// maxProcesses bounds the memory that a trace can claim.
const maxProcesses = 1 << 16

func (f *Facts) process(id string) *process {
	p := f.procs[id]
	if p == nil {
		p = &process{}
		if len(f.procs) >= maxProcesses {
			return p
		}
		if f.procs == nil {
			f.procs = map[string]*process{}
		}
		f.procs[strings.Clone(id)] = p
	}
	return p
}

// line reads one line.
func (f *Facts) line(p *process, at Place, s string) {
	s = strings.TrimLeft(s, " \t")
	if pid, rest, ok := cutPID(s); ok {
		known := len(f.procs)
		p = f.process(pid)
		if len(f.procs) > known {
			f.Processes++
		}
		s = rest
	}
	s = cutPrefixes(s)
	switch {
	case s == "":
		return
	case strings.HasPrefix(s, "+++ "), strings.HasPrefix(s, "--- "), strings.HasPrefix(s, "strace: "),
		strings.HasPrefix(s, "> "), strings.HasPrefix(s, "<detached"): // ends, signals, stacks
		return
	case strings.HasPrefix(s, "[ Process PID="):
		if strings.Contains(s, "32 bit mode") || strings.Contains(s, "x32 mode") {
			note(&f.Foreign, "a call of another architecture", at)
		}
		return
	case strings.HasPrefix(s, "<... "):
		_, rest, ok := strings.Cut(s, " resumed>")
		if !ok || p.unfinished == "" {
			f.Skipped++
			return
		}
		s = p.unfinished + strings.TrimPrefix(rest, " ")
		p.unfinished = ""
		at.Text = shorten(s) // the end of a call alone says little
	}
	if head, ok := cutUnfinished(s); ok {
		if len(head) < maxLine {
			p.unfinished = strings.Clone(head)
		}
		return
	}
	c, ok := parseCall(s)
	if !ok {
		f.Skipped++
		return
	}
	f.Calls++
	f.call(p, &c, at)
}

func cutUnfinished(s string) (string, bool) {
	s = strings.TrimRight(s, " ")
	// strace -T and older versions put a blank before it.
	return strings.CutSuffix(s, "<unfinished ...>")
}

// cutPID takes a process number off a line: "[pid 12] ", "12 ", and the forms
// with the program's name that -Y gives.
func cutPID(s string) (pid, rest string, ok bool) {
	if after, bracket := strings.CutPrefix(s, "[pid"); bracket {
		pid, rest, ok = strings.Cut(after, "]")
		pid = digitsOf(strings.TrimLeft(pid, " "))
		return pid, strings.TrimLeft(rest, " "), ok && pid != ""
	}
	pid = digitsOf(s)
	rest = s[len(pid):]
	if strings.HasPrefix(rest, "<") { // -Y: 12<nginx>
		end := strings.Index(rest, "> ")
		if end < 0 {
			return "", s, false
		}
		rest = rest[end+1:]
	}
	if pid == "" || len(pid) > 10 || !strings.HasPrefix(rest, " ") {
		return "", s, false
	}
	return pid, strings.TrimLeft(rest, " "), true
}

func digitsOf(s string) string {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[:n]
}

// cutPrefixes takes off what -t, -r, -i and -n put before a call: times, times
// since the last call, instruction pointers and call numbers.
func cutPrefixes(s string) string {
	for {
		s = strings.TrimLeft(s, " ")
		if strings.HasPrefix(s, "[") && !strings.HasPrefix(s, "[ Process") {
			end := strings.IndexByte(s, ']')
			if end < 0 || strings.Trim(s[1:end], " 0123456789abcdef?") != "" {
				return s
			}
			s = s[end+1:]
			continue
		}
		if strings.HasPrefix(s, "(+") { // -r with an absolute time
			end := strings.IndexByte(s, ')')
			if end < 0 {
				return s
			}
			s = s[end+1:]
			continue
		}
		// 12:34:56, 12:34:56.123456, 1700000000.123456, 0.000123, also with a
		// sign of -r.
		n := 0
		for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == ':' || s[n] == '.' || n == 0 && s[n] == '+') {
			n++
		}
		if n == 0 || n == len(s) || s[n] != ' ' {
			return s
		}
		s = s[n:]
	}
}

// call is one complete call.
type call struct {
	name string
	args []string
	ret  string // the value, with what -y shows about it
	err  string // ENOENT, ...
}

// parseCall takes NAME(ARGS) = RESULT apart.
func parseCall(s string) (call, bool) {
	open := strings.IndexByte(s, '(')
	if open <= 0 || !isName(s[:open]) {
		return call{}, false
	}
	c := call{name: s[:open]}
	rest := s[open+1:]
	end := -1
	start := 0
	depth := 0
scan:
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			i = skipString(rest, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth == 0 && rest[i] == ')' {
				end = i
				break scan
			}
			depth = max(depth-1, 0)
		case '<':
			// -y: 3</path>, AT_FDCWD</dir>, 3<socket:[5]>; but 1<<CAP_KILL.
			if i > 0 && (isDigit(rest[i-1]) || rest[i-1] == 'D') && !strings.HasPrefix(rest[i:], "<<") {
				i = skipAngle(rest, i)
			}
		case '/':
			if strings.HasPrefix(rest[i:], "/*") { // a comment such as /* 3 vars */
				if n := strings.Index(rest[i:], "*/"); n >= 0 {
					i += n + 1
				}
			}
		case ',':
			if depth == 0 {
				c.args = append(c.args, strings.TrimSpace(rest[start:i]))
				start = i + 1
			}
		}
	}
	if end < 0 {
		return call{}, false
	}
	if last := strings.TrimSpace(rest[start:end]); last != "" || len(c.args) > 0 {
		c.args = append(c.args, last)
	}
	result, ok := strings.CutPrefix(strings.TrimLeft(rest[end+1:], " \t"), "= ")
	if !ok {
		return call{}, false
	}
	c.ret, result, _ = strings.Cut(result, " ")
	if strings.HasPrefix(c.ret, "-1") || c.ret == "?" {
		word, _, _ := strings.Cut(result, " ")
		if isErrno(word) {
			c.err = word
		}
	}
	return c, c.ret != ""
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return !isDigit(s[0])
}

func isErrno(s string) bool {
	if len(s) < 2 || s[0] != 'E' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && c != '_' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// skipString returns the index of the closing quote.
func skipString(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(s)
}

// skipAngle returns the index of the closing >; strace escapes those within.
func skipAngle(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '<':
			depth++
		case '>':
			if s[i-1] == '-' { // TCP:[127.0.0.1:80->127.0.0.1:4711]
				continue
			}
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// unquote returns the text of a string argument; ok is false for one that was
// shortened or is no string.
func unquote(arg string) (string, bool) {
	if len(arg) < 2 || arg[0] != '"' || arg[len(arg)-1] != '"' {
		return "", false
	}
	arg = arg[1 : len(arg)-1]
	if !strings.Contains(arg, `\`) {
		return arg, true
	}
	out := make([]byte, 0, len(arg))
	for i := 0; i < len(arg); i++ {
		if arg[i] != '\\' || i+1 == len(arg) {
			out = append(out, arg[i])
			continue
		}
		i++
		switch c := arg[i]; c {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'v':
			out = append(out, '\v')
		case 'f':
			out = append(out, '\f')
		case 'x':
			v, n := 0, 0
			for n < 2 && i+1 < len(arg) && strings.IndexByte("0123456789abcdef", arg[i+1]) >= 0 {
				v = v<<4 | strings.IndexByte("0123456789abcdef", arg[i+1])
				i++
				n++
			}
			out = append(out, byte(v))
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v := int(c - '0')
			for n := 1; n < 3 && i+1 < len(arg) && arg[i+1] >= '0' && arg[i+1] <= '7'; n++ {
				i++
				v = v<<3 | int(arg[i]-'0')
			}
			out = append(out, byte(v))
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}
