package upstart

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parsed is a job as init reads it.
type parsed struct {
	words  map[string][][]string // the arguments of each stanza, dequoted
	exec   map[string]string     // main, pre-start and so on: the command, as it was written
	script map[string]string
}

// parse is a strict reader of init(5), after the rules of libnih's
// nih_config_token, nih_config_parse_command and nih_config_parse_block and of
// Upstart's parse_job.c. What init reports as an error, and would drop the job
// for, is an error here.
func parse(src string) (*parsed, error) {
	p := &parsed{words: map[string][][]string{}, exec: map[string]string{}, script: map[string]string{}}
	for src != "" {
		line, rest, err := logicalLine(src)
		if err != nil {
			return nil, err
		}
		src = rest
		words, raw, err := split(line)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if len(words) == 0 {
			continue
		}
		if src, err = p.stanza(words, raw, src); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	return p, nil
}

// logicalLine cuts what ends at a newline outside of quotes that no backslash
// precedes.
func logicalLine(s string) (line, rest string, err error) {
	var quote byte
	comment := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n' && (quote == 0 || comment):
			return s[:i], s[i+1:], nil
		case comment:
		case c == '\\':
			if i++; i == len(s) {
				return "", "", errors.New("trailing slash")
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			comment = true
		}
	}
	if quote != 0 {
		return "", "", errors.New("unterminated quoted string")
	}
	return s, "", nil
}

// split returns the arguments of a line, dequoted, and for each the text of
// the line from there on, without the comment.
func split(line string) (words, raw []string, err error) {
	i := 0
	for {
		for i < len(line) && strings.IndexByte(" \t\r", line[i]) >= 0 {
			i++
		}
		if i == len(line) || line[i] == '#' {
			return words, raw, nil
		}
		start := i
		var b strings.Builder
		var quote byte
	word:
		for ; i < len(line); i++ {
			c := line[i]
			switch {
			case c == '\\':
				i++
				switch {
				case i == len(line):
					return nil, nil, errors.New("trailing slash")
				case line[i] == '\\' || line[i] == ' ' || line[i] == '\t':
					b.WriteByte(line[i])
				case line[i] == '\n':
					b.WriteByte(' ')
				default:
					// Versions of libnih differ on these.
					return nil, nil, fmt.Errorf("the escape \\%c is not read alike everywhere", line[i])
				}
			case quote != 0 && c == quote:
				quote = 0
			case quote != 0 && c == '\n':
				return nil, nil, errors.New("a newline in quotes becomes a blank")
			case quote != 0:
				b.WriteByte(c)
			case c == '"' || c == '\'':
				quote = c
			case strings.IndexByte(" \t\r#", c) >= 0:
				break word
			default:
				b.WriteByte(c)
			}
		}
		words = append(words, b.String())
		raw = append(raw, strings.TrimRight(uncomment(line[start:]), " \t"))
	}
}

// uncomment cuts a comment.
func uncomment(s string) string {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			return s[:i]
		}
	}
	return s
}

var limitNames = []string{"as", "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "sigpending", "stack"}

// stanza reads one stanza; a block is taken from rest.
func (p *parsed) stanza(words, raw []string, rest string) (string, error) {
	key := words[0]
	second := func(allowed ...string) error {
		if len(words) < 2 || !slices.Contains(allowed, words[1]) {
			return errors.New("unknown stanza")
		}
		key += " " + words[1]
		words, raw = words[1:], raw[1:]
		return nil
	}
	process := "main"
	switch key {
	case "pre-start", "post-start", "pre-stop", "post-stop":
		process = key
		if err := second("exec", "script"); err != nil {
			return "", err
		}
	case "start", "stop":
		if err := second("on"); err != nil {
			return "", err
		}
	case "kill":
		if err := second("signal", "timeout"); err != nil {
			return "", err
		}
	case "reload":
		if err := second("signal"); err != nil {
			return "", err
		}
	case "normal":
		if err := second("exit"); err != nil {
			return "", err
		}
	case "oom":
		if err := second("score"); err != nil {
			return "", err
		}
	case "respawn":
		if len(words) > 1 {
			if err := second("limit"); err != nil {
				return "", err
			}
		}
	}
	args := words[1:]
	count := func(n int) error {
		if len(args) != n {
			return fmt.Errorf("%d arguments, not %d", len(args), n)
		}
		return nil
	}
	number := func(s string, base, low, high int64) error {
		if n, err := strconv.ParseInt(s, int(base), 64); err != nil || n < low || n > high {
			return fmt.Errorf("illegal value %q", s)
		}
		return nil
	}
	signalName := func(s string) bool {
		return slices.Contains(signals[:], s) || s == "STOP" || s == "CONT" || s == "WINCH"
	}
	var err error
	switch key {
	case "exec", "pre-start exec", "post-start exec", "pre-stop exec", "post-stop exec":
		if len(args) == 0 {
			return "", errors.New("expected token")
		}
		if _, twice := p.exec[process]; twice || p.script[process] != "" {
			return "", errors.New("a second process")
		}
		p.exec[process] = raw[1]
	case "script", "pre-start script", "post-start script", "pre-stop script", "post-stop script":
		if err := count(0); err != nil {
			return "", err
		}
		if _, twice := p.script[process]; twice || p.exec[process] != "" {
			return "", errors.New("a second process")
		}
		body, after, err := block(rest)
		if err != nil {
			return "", err
		}
		p.script[process] = body
		return after, nil
	case "start on", "stop on":
		if len(raw) < 2 {
			return "", errors.New("expected event")
		}
		err = events(raw[1])
	case "description", "author", "version", "usage", "chdir", "chroot", "setuid", "setgid", "instance":
		err = count(1)
	case "env":
		if err = count(1); err == nil && strings.HasPrefix(args[0], "=") {
			err = errors.New("a variable without a name")
		}
	case "task", "respawn", "manual":
		err = count(0)
	case "expect":
		if err = count(1); err == nil && !slices.Contains([]string{"stop", "daemon", "fork", "none"}, args[0]) {
			err = errors.New("unknown stanza")
		}
	case "console":
		if err = count(1); err == nil && !slices.Contains([]string{"none", "output", "owner", "log"}, args[0]) {
			err = errors.New("unknown stanza")
		}
	case "kill signal", "reload signal":
		if err = count(1); err == nil && !signalName(args[0]) {
			err = errors.New("illegal signal")
		}
	case "kill timeout":
		if err = count(1); err == nil {
			err = number(args[0], 10, 0, 1<<31-1)
		}
	case "umask":
		if err = count(1); err == nil {
			err = number(args[0], 8, 0, 0o777)
		}
	case "nice":
		if err = count(1); err == nil {
			err = number(args[0], 10, -20, 19)
		}
	case "oom score":
		if err = count(1); err == nil && args[0] != "never" {
			err = number(args[0], 10, -1000, 1000)
		}
	case "respawn limit":
		if len(args) == 1 && args[0] == "unlimited" {
			break
		}
		if err = count(2); err == nil {
			err = errors.Join(number(args[0], 10, 0, 1<<31-1), number(args[1], 10, 0, 1<<31-1))
		}
	case "normal exit":
		for _, a := range args {
			if !signalName(a) {
				err = errors.Join(err, number(a, 10, 0, 255))
			}
		}
		if len(args) == 0 {
			err = errors.New("expected token")
		}
	case "limit":
		if err = count(3); err == nil {
			if !slices.Contains(limitNames, args[0]) {
				err = errors.New("unknown stanza")
			}
			for _, a := range args[1:] {
				if a != "unlimited" {
					if _, bad := strconv.ParseUint(a, 10, 64); bad != nil {
						err = errors.Join(err, bad)
					}
				}
			}
		}
	default:
		err = errors.New("unknown stanza")
	}
	p.words[key] = append(p.words[key], args)
	return rest, err
}

// block reads up to a line that says end script.
func block(s string) (body, rest string, err error) {
	for s != "" {
		line, after, _ := strings.Cut(s, "\n")
		s = after
		if slices.Equal(strings.Fields(line), []string{"end", "script"}) {
			return body, s, nil
		}
		body += strings.TrimLeft(line, " \t") + "\n" // the common indentation is cut; ours is one line
	}
	return "", "", errors.New("unterminated block")
}

// events checks an expression: events with arguments, and, or, parentheses.
func events(s string) error {
	tokens := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s))
	depth, operand, named := 0, false, false
	for _, t := range tokens {
		switch t {
		case "(":
			if operand {
				return errors.New("expected operator")
			}
			depth++
		case ")":
			if depth--; depth < 0 || !operand {
				return errors.New("mismatched parentheses")
			}
		case "and", "or":
			if !operand {
				return errors.New("expected event")
			}
			operand, named = false, false
		default:
			if operand { // an argument
				if strings.Contains(t, "=") {
					named = true
				} else if named {
					return errors.New("expected variable name before value")
				}
				continue
			}
			operand = true
		}
	}
	if depth != 0 || !operand {
		return errors.New("mismatched parentheses or expected event")
	}
	return nil
}
