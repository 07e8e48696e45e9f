package audit

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// iniSection is a section of a supervisord configuration.
type iniSection struct {
	name string
	at   diag.Pos
	keys []iniKey
}

type iniKey struct {
	name, value string
	at          diag.Pos
}

func (s *iniSection) get(name string) (iniKey, bool) {
	for _, k := range slices.Backward(s.keys) { // the last one holds (strict=False)
		if k.name == name {
			return k, true
		}
	}
	return iniKey{}, false
}

// parseINI reads the dialect of supervisord, that of Python's configparser
// with inline comments: = or : between key and value, indented lines go on
// with the value, # and ; begin a comment at the start of a line and ; behind
// a blank.
func parseINI(src string) ([]iniSection, error) {
	var out []iniSection
	n := 0
	open := false // a value that an indented line may continue
	for line := range strings.Lines(src) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.IndexByte(line, 0) >= 0 {
			return nil, errors.New("line " + strconv.Itoa(n) + ": a NUL byte")
		}
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
			continue
		}
		for i := 1; i < len(trimmed); i++ {
			if trimmed[i] == ';' && (trimmed[i-1] == ' ' || trimmed[i-1] == '\t') {
				trimmed = strings.TrimSpace(trimmed[:i])
				break
			}
		}
		indented := line[0] == ' ' || line[0] == '\t'
		at := diag.Pos{Line: n, Column: 1 + len(line) - len(strings.TrimLeft(line, " \t"))}
		switch {
		case indented && open:
			s := &out[len(out)-1]
			k := &s.keys[len(s.keys)-1]
			k.value += "\n" + trimmed
		case trimmed[0] == '[':
			name, _, ok := strings.Cut(trimmed[1:], "]")
			if !ok {
				return nil, errors.New("line " + strconv.Itoa(n) + ": the section header has no closing bracket")
			}
			out = append(out, iniSection{name: name, at: at})
			open = false
		case len(out) == 0:
			return nil, errors.New("line " + strconv.Itoa(n) + ": a line before any section")
		default:
			i := strings.IndexAny(trimmed, "=:")
			if i < 0 {
				return nil, errors.New("line " + strconv.Itoa(n) + ": neither a section nor a key with a value")
			}
			s := &out[len(out)-1]
			s.keys = append(s.keys, iniKey{strings.ToLower(strings.TrimSpace(trimmed[:i])), strings.TrimSpace(trimmed[i+1:]), at})
			open = true
		}
	}
	return out, nil
}

// programKeys are the keys of [program:x] and its kin up to supervisor 4.4.
var programKeys = [...]string{
	"autorestart", "autostart", "buffer_size", "command", "directory", "environment", "events", "exitcodes", "killasgroup", "loglevel", "numprocs",
	"numprocs_start", "priority", "process_name", "redirect_stderr", "result_handler", "serverurl", "socket", "socket_backlog", "socket_mode",
	"socket_owner", "startretries", "startsecs", "stderr_capture_maxbytes", "stderr_events_enabled", "stderr_logfile", "stderr_logfile_backups",
	"stderr_logfile_maxbytes", "stderr_syslog", "stdout_capture_maxbytes", "stdout_events_enabled", "stdout_logfile", "stdout_logfile_backups",
	"stdout_logfile_maxbytes", "stdout_syslog", "stopasgroup", "stopsignal", "stopwaitsecs", "syslog_priority", "syslog_facility", "umask", "user",
}

func (a *Auditor) supervisor(name string, yield Yield) error {
	src, err := a.tree.ReadFile(name)
	if err != nil {
		return yield(a.failed(name, "supervisord", err))
	}
	sections, err := parseINI(string(src))
	if err != nil {
		return yield(a.failed(name, "supervisord", err))
	}
	ignores := comments(name, string(src), []string{";", "#"}, func(line string) bool { return line[0] == '[' })
	root := true // supervisord itself, unless it says otherwise
	for i := range sections {
		if s := &sections[i]; s.name == "supervisord" {
			if user, ok := s.get("user"); ok && user.value != "root" && user.value != "0" {
				root = false
			}
		}
	}
	var quiet *hardening.Result // a section of which there is nothing to say
	found := false
	for i := range sections {
		s := &sections[i]
		subject := rule.Subject{Name: s.name, Backend: "supervisord", At: unit.Origin{File: name, Pos: s.at}, Tree: a.files}
		kind, _, isProgram := strings.Cut(s.name, ":")
		switch {
		case isProgram && (kind == "program" || kind == "fcgi-program" || kind == "eventlistener"):
			subject.Facts = programFacts(name, s, root)
		case s.name == "inet_http_server" || s.name == "unix_http_server" || s.name == "supervisord":
			subject.Facts = serverFacts(name, s)
		default:
			continue
		}
		end := 1 << 30
		if i+1 < len(sections) {
			end = sections[i+1].at.Line
		}
		// A comment before the header of a section is about that section, one on
		// top of the file about all.
		own := slices.DeleteFunc(slices.Clone(ignores), func(g ignore) bool {
			start := 0
			if i > 0 {
				start = sections[i-1].at.Line
			}
			if g.line == 0 {
				return g.at.Line < start || g.at.Line > s.at.Line
			}
			return g.line < s.at.Line || g.line >= end
		})
		r := a.unscored(&subject, "supervisord")
		a.judge(r, &subject, own)
		if !isProgram && len(r.Findings) == 0 {
			quiet = r
			continue
		}
		found = true
		if err := yield(r); err != nil {
			return err
		}
	}
	if !found && quiet != nil {
		return yield(quiet)
	}
	if !found {
		return yield(a.failed(name, "supervisord", errors.New("there is no program in the file")))
	}
	return nil
}

func programFacts(name string, s *iniSection, root bool) rule.Facts {
	text := func(key string) rule.Text {
		k, ok := s.get(key)
		if !ok || k.value == "" {
			return rule.Text{}
		}
		return rule.Text{Value: k.value, At: unit.Origin{File: name, Pos: k.at}, Key: key}
	}
	f := rule.Facts{User: text("user"), WorkingDir: text("directory"), UMask: text("umask")}
	f.Root = root && (f.User.Value == "" || f.User.Value == "root" || f.User.Value == "0")
	restart := text("autorestart").Value
	f.Oneshot = strings.EqualFold(restart, "false")
	if c := text("command"); c.Value != "" {
		if args := shellWords(c.Value); len(args) > 0 {
			f.Commands = []rule.Command{{Key: "command", Args: args, At: c.At, Main: true}}
		}
	}
	if len(f.Commands) == 0 {
		f.Broken = append(f.Broken, rule.Text{Value: "the program has no command", At: unit.Origin{File: name, Pos: s.at}})
	}
	env := text("environment")
	for _, pair := range environment(env.Value) {
		f.Environment = append(f.Environment, rule.Variable{Name: pair[0], Value: pair[1], At: env.At, Key: "environment"})
	}
	for _, key := range [...]string{"stdout_logfile", "stderr_logfile"} {
		if t := text(key); strings.HasPrefix(t.Value, "/") && !strings.HasPrefix(t.Value, "/dev/") {
			f.Outputs = append(f.Outputs, t)
		}
	}
	if socket := text("socket"); socket.Value != "" {
		socket.Value = strings.TrimPrefix(strings.TrimPrefix(socket.Value, "tcp://"), "unix://")
		f.Listens = append(f.Listens, socket)
	}
	if m := text("socket_mode"); m.Value != "" {
		f.Modes = append(f.Modes, m)
	}
	// With startsecs=0 a program counts as started at once, so early deaths are
	// not counted and nothing slows the restarts down.
	if start := text("startsecs"); start.Value == "0" && strings.EqualFold(restart, "true") {
		f.Loop = rule.Text{Value: "a program that fails at once is started again for ever: with startsecs=0 no start counts as failed", At: start.At, Key: "startsecs"}
	}
	for i := range s.keys {
		if k := &s.keys[i]; !slices.Contains(programKeys[:], k.name) {
			f.Unknown = append(f.Unknown, rule.Text{Value: spec.Nearest(k.name, programKeys[:]), At: unit.Origin{File: name, Pos: k.at}, Key: k.name})
		}
	}
	return f
}

// serverFacts are those of the control interface and of supervisord itself.
func serverFacts(name string, s *iniSection) rule.Facts {
	var f rule.Facts
	o := func(k iniKey) unit.Origin { return unit.Origin{File: name, Pos: k.at} }
	_, user := s.get("username")
	password, has := s.get("password")
	if has && password.value != "" && !strings.HasPrefix(password.value, "%(ENV_") && !strings.HasPrefix(password.value, "{SHA}") {
		f.Environment = append(f.Environment, rule.Variable{Name: "password", Value: password.value, At: o(password), Key: "password"})
	}
	switch s.name {
	case "inet_http_server":
		port, _ := s.get("port")
		switch local := strings.HasPrefix(port.value, "127.") || strings.HasPrefix(port.value, "localhost:") || strings.HasPrefix(port.value, "[::1]"); {
		case !user && local:
			f.Control = append(f.Control, rule.Text{Value: "every local user can control supervisord through " + port.value + ", because there is no password", At: o(port), Key: "port"})
		case !user:
			f.Control = append(f.Control, rule.Text{Value: "everybody who reaches " + port.value + " can control supervisord, because there is no password", At: o(port), Key: "port"})
		}
	case "unix_http_server":
		if m, ok := s.get("chmod"); ok && !user && len(m.value) > 0 && strings.Trim(m.value, "01234567") == "" && (m.value[len(m.value)-1]-'0')&2 != 0 {
			f.Control = append(f.Control, rule.Text{Value: "with chmod=" + m.value + " every local user can control supervisord", At: o(m), Key: "chmod"})
		}
		if file, ok := s.get("file"); ok {
			f.Listens = append(f.Listens, rule.Text{Value: file.value, At: o(file), Key: "file"})
		}
	case "supervisord":
		if pid, ok := s.get("pidfile"); ok {
			f.PidFiles = append(f.PidFiles, rule.Text{Value: pid.value, At: o(pid), Key: "pidfile"})
		}
		if log, ok := s.get("logfile"); ok && strings.HasPrefix(log.value, "/") && !strings.HasPrefix(log.value, "/dev/") {
			f.Outputs = append(f.Outputs, rule.Text{Value: log.value, At: o(log), Key: "logfile"})
		}
		if mask, ok := s.get("umask"); ok {
			f.UMask = rule.Text{Value: mask.value, At: o(mask), Key: "umask"}
		}
	}
	return f
}

// shellWords splits a command as shlex of Python does: quotes group and
// vanish, a backslash protects the next character.
func shellWords(s string) []string {
	var words []string
	var b strings.Builder
	started := false
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == '\'' && c != quote, quote == '"' && c != quote && c != '\\':
			b.WriteByte(c)
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\':
			if i+1 < len(s) {
				i++
				if s[i] != '\n' {
					b.WriteByte(s[i])
				}
			}
			started = true
		case c == '\'' || c == '"':
			quote, started = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if started {
				words = append(words, b.String())
				b.Reset()
				started = false
			}
		default:
			b.WriteByte(c)
			started = true
		}
	}
	if started {
		words = append(words, b.String())
	}
	return words
}

// environment reads KEY="value",KEY2=value.
func environment(s string) [][2]string {
	var out [][2]string
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return out
		}
		name = strings.Trim(name, " \t\n,")
		rest = strings.TrimLeft(rest, " \t")
		var value string
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			end := strings.IndexByte(rest[1:], rest[0])
			if end < 0 {
				return append(out, [2]string{name, rest[1:]})
			}
			value, s = rest[1:1+end], rest[2+end:]
		} else {
			value, s, _ = strings.Cut(rest, ",")
			value = strings.TrimSpace(value)
		}
		out = append(out, [2]string{name, value})
		s = strings.TrimLeft(s, " \t\n,")
	}
	return out
}
