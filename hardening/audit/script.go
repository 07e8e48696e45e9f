package audit

import (
	"errors"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec/diag"
)

func (a *Auditor) script(name string, yield Yield) error {
	src, err := a.tree.ReadFile(name)
	if err != nil {
		return yield(a.failed(name, "sysvinit", err))
	}
	if slices.Contains(src, 0) {
		return yield(a.failed(name, "sysvinit", errors.New("the file is no script: it holds NUL bytes")))
	}
	s := rule.Subject{Name: baseName(name), Backend: "sysvinit", At: unit.Origin{File: name, Pos: diag.Pos{Line: 1, Column: 1}}, Tree: a.files, Facts: scriptFacts(name, string(src))}
	r := a.unscored(&s, "An init script")
	a.judge(r, &s, comments(name, string(src), []string{"#"}, func(string) bool { return false }))
	return yield(r)
}

// shell is a script being read: assignments that stand by themselves are
// remembered, so that $DAEMON is known when it is used. It is not run: what
// depends on a condition is taken as it is written.
type shell struct {
	file  string
	vars  map[string]string
	facts rule.Facts
}

// The bounds of what is remembered. Longer lines hold no commands.
const (
	maxScriptLine = 1 << 16
	maxVariables  = 1000
	maxValue      = 1 << 10
)

func scriptFacts(file, src string) rule.Facts {
	sh := shell{file: file, vars: map[string]string{"NAME": baseName(file)}}
	sh.facts.Root = true
	provides, header := false, false
	inHeader := false
	n, first := 0, 0
	joined := ""
	for line := range strings.Lines(src) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if len(line) > maxScriptLine {
			joined = ""
			continue
		}
		if text, ok := strings.CutPrefix(line, "#"); ok && joined == "" {
			switch text = strings.TrimSpace(text); {
			case text == "## BEGIN INIT INFO":
				inHeader, header = true, true
			case text == "## END INIT INFO":
				inHeader = false
			case inHeader && strings.HasPrefix(strings.ToLower(text), "provides:"):
				provides = true
			}
			continue
		}
		if joined == "" {
			first = n
		}
		if rest, ok := strings.CutSuffix(line, `\`); ok {
			if joined += rest + " "; len(joined) > maxScriptLine {
				joined = ""
			}
			continue
		}
		sh.line(joined+line, diag.Pos{Line: first, Column: 1 + len(line) - len(strings.TrimLeft(line, " \t"))})
		joined = ""
	}
	at := unit.Origin{File: file, Pos: diag.Pos{Line: 1, Column: 1}}
	switch {
	case !header:
		sh.facts.Broken = append(sh.facts.Broken, rule.Text{Value: "the script has no LSB header, so insserv cannot order it", At: at})
	case !provides:
		sh.facts.Broken = append(sh.facts.Broken, rule.Text{Value: "the LSB header does not say what the script provides", At: at})
	}
	return sh.facts
}

// expand replaces the variables that are known.
func (sh *shell) expand(s string) string {
	if !strings.Contains(s, "$") || len(s) > maxScriptLine {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		name, end := "", i+1
		if s[end] == '{' {
			if j := strings.IndexByte(s[end:], '}'); j > 0 {
				name, end = s[end+1:end+j], end+j+1
			}
		} else {
			for end < len(s) && (s[end] == '_' || s[end] >= 'a' && s[end] <= 'z' || s[end] >= 'A' && s[end] <= 'Z' || s[end] >= '0' && s[end] <= '9') {
				end++
			}
			name = s[i+1 : end]
		}
		v, ok := sh.vars[name]
		if !ok || b.Len()+len(v) > maxScriptLine {
			b.WriteByte('$')
			continue
		}
		b.WriteString(v)
		i = end - 1
	}
	return b.String()
}

func (sh *shell) line(text string, pos diag.Pos) {
	at := unit.Origin{File: sh.file, Pos: pos}
	for part := range strings.SplitSeq(text, ";") {
		part = strings.TrimSpace(part)
		if i := strings.Index(part, " #"); i >= 0 {
			part = part[:i]
		}
		words := shellWords(part)
		for len(words) > 1 && isWord("then else do if ! && || { exec", words[0]) {
			words = words[1:]
		}
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		exported := words[0] == "export" && len(words) > 1
		if exported {
			words = words[1:]
		}
		if name, value, ok := strings.Cut(words[0], "="); ok && isName(name) && (len(words) == 1 || exported) {
			value = sh.expand(value)
			if len(sh.vars) < maxVariables && len(value) <= maxValue {
				sh.vars[name] = value
			}
			switch {
			case exported:
				sh.facts.Environment = append(sh.facts.Environment, rule.Variable{Name: name, Value: value, At: at, Key: "export"})
			case name == "PIDFILE" || name == "pidfile":
				sh.facts.PidFiles = append(sh.facts.PidFiles, rule.Text{Value: value, At: at, Key: name})
			}
			continue
		}
		for i := range words {
			words[i] = sh.expand(words[i])
		}
		sh.command(words, at)
	}
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return s != ""
}

func isWord(words, w string) bool {
	return slices.Contains(strings.Fields(words), w)
}

func (sh *shell) command(words []string, at unit.Origin) {
	f := &sh.facts
	switch baseName(words[0]) {
	case ".", "source":
		if len(words) > 1 && strings.HasPrefix(words[1], "/etc/") {
			f.EnvFiles = append(f.EnvFiles, rule.Text{Value: words[1], At: at, Key: words[0]})
		}
	case "umask":
		if len(words) > 1 {
			f.UMask = rule.Text{Value: words[1], At: at, Key: "umask"}
		}
	case "start-stop-daemon":
		sh.startStop(words[1:], at)
	case "daemon": // of Red Hat's functions
		args := words[1:]
		for len(args) > 0 && (strings.HasPrefix(args[0], "-") || strings.HasPrefix(args[0], "+")) {
			if user, ok := strings.CutPrefix(args[0], "--user="); ok {
				sh.user(user, at, "--user")
			}
			args = args[1:]
		}
		if len(args) > 0 {
			f.Commands = append(f.Commands, rule.Command{Key: "daemon", Args: args, At: at, Main: true})
		}
	case "chmod", "curl", "wget", "sudo", "runuser", "sh", "bash":
		f.Commands = append(f.Commands, rule.Command{Key: baseName(words[0]), Args: words, At: at})
	}
}

func (sh *shell) user(spec string, at unit.Origin, key string) {
	user, _, _ := strings.Cut(spec, ":")
	if user == "" || strings.Contains(user, "$") {
		sh.facts.Root = false // some account, decided elsewhere
		return
	}
	sh.facts.User = rule.Text{Value: user, At: at, Key: key}
	sh.facts.Root = user == "root" || user == "0"
}

// startStop reads the options of start-stop-daemon(8).
func (sh *shell) startStop(args []string, at unit.Origin) {
	program, starts := "", false
	var rest []string
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		next := func() string {
			if joined {
				return value
			}
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch name {
		case "--start", "-S":
			starts = true
		case "--exec", "-x":
			if v := next(); program == "" {
				program = v
			}
		case "--startas", "-a":
			program = next()
		case "--chuid", "-c", "--user", "-u":
			if v := next(); name == "--chuid" || name == "-c" {
				sh.user(v, at, "--chuid")
			}
		case "--pidfile", "-p":
			pid := rule.Text{Value: next(), At: at, Key: "--pidfile"}
			if !slices.ContainsFunc(sh.facts.PidFiles, func(t rule.Text) bool { return t.Value == pid.Value }) {
				sh.facts.PidFiles = append(sh.facts.PidFiles, pid)
			}
		case "--umask", "-k":
			sh.facts.UMask = rule.Text{Value: next(), At: at, Key: "--umask"}
		case "--chdir", "-d":
			sh.facts.WorkingDir = rule.Text{Value: next(), At: at, Key: "--chdir"}
		case "--output", "-O":
			sh.facts.Outputs = append(sh.facts.Outputs, rule.Text{Value: next(), At: at, Key: "--output"})
		case "--":
			rest, i = args[i+1:], len(args)
		}
	}
	if starts && program != "" {
		sh.facts.Commands = append(sh.facts.Commands, rule.Command{Key: "start-stop-daemon", Args: append([]string{program}, rest...), At: at, Main: true})
	}
}
