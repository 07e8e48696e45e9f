package unit

import "strings"

// exec reads the value of an Exec line (config_parse_exec). fatal says that
// the unit is refused.
func (p *parser) exec(key, value string, o Origin) (reason string, fatal bool) {
	if value == "" {
		p.dropCommands(key)
		return "", false
	}
	for more := true; more; {
		more = false
		rest := value
		word, ok, bad := wordAndWarn(&rest)
		if bad {
			return "unbalanced quotes or a broken escape before the program", false
		}
		if !ok {
			return "", false
		}
		if word == ";" {
			value, more = rest, true
			continue
		}
		c := Command{Key: key, Origin: o}
		program := p.prefixes(&c, word)
		ignore := strings.Contains(c.Prefix, "-")
		separate := strings.Contains(c.Prefix, "@")
		shell := strings.Contains(c.Prefix, "|")
		if shell {
			if program != "" {
				// The word after | belongs to the command line, not to the prefix.
				rest = strings.TrimLeft(value[strings.IndexByte(value, '|')+1:], blanks)
			}
			if rest == "" {
				if separate {
					c.Path, c.Args = "/bin/sh", []string{"-sh"}
				} else {
					c.Path, c.Args = "/bin/sh", []string{"sh"}
				}
				p.unit.Commands = append(p.unit.Commands, c)
				return "", false
			}
			program, separate = "/bin/sh", false
		}
		path, why := p.program(program)
		if why != "" {
			return why, !ignore
		}
		c.Path = simplifyPath(path)
		if !separate {
			c.Args = append(c.Args, path)
		}
		for rest != "" {
			if rest[0] == ';' && (len(rest) == 1 || strings.IndexByte(blanks, rest[1]) >= 0) {
				rest = strings.TrimLeft(rest[1:], blanks)
				more = true
				break
			}
			if strings.HasPrefix(rest, `\;`) && (len(rest) == 2 || strings.IndexByte(blanks, rest[2]) >= 0) {
				rest = strings.TrimLeft(rest[2:], blanks)
				c.Args = append(c.Args, ";")
				continue
			}
			word, ok, bad := wordAndWarn(&rest)
			if bad {
				return "unbalanced quotes or a broken escape in the command line", !ignore
			}
			if !ok {
				break
			}
			arg, good := p.expand(word)
			if !good {
				return "unknown specifier in " + word, !ignore
			}
			c.Args = append(c.Args, arg)
		}
		if len(c.Args) == 0 || c.Args[0] == "" {
			return "the zeroth argument is missing", !ignore
		}
		p.unit.Commands = append(p.unit.Commands, c)
		value = rest
	}
	return "", false
}

// prefixes takes the special characters off the first word.
func (p *parser) prefixes(c *Command, word string) string {
	i := 0
	has := func(chars string) bool { return strings.ContainsAny(word[:i], chars) }
loop:
	for i < len(word) {
		switch word[i] {
		case '-', '@', ':':
			if has(word[i : i+1]) {
				break loop
			}
		case '|':
			if p.opts.Version < 258 || has("|") {
				break loop
			}
		case '+':
			if has("+!") {
				break loop
			}
		case '!':
			if has("+") || strings.Count(word[:i], "!") == 2 {
				break loop
			}
		default:
			break loop
		}
		i++
	}
	c.Prefix = word[:i]
	return word[i:]
}

// program resolves and checks the program of a command.
func (p *parser) program(word string) (path, reason string) {
	path, ok := p.expand(word)
	switch {
	case !ok:
		return "", "unknown specifier in " + word
	case path == "":
		return "", "the command line has no program"
	case !safeString(path) || p.opts.Version >= strictStrings && strings.ContainsAny(path, "*?["):
		return "", "the program has a control character, a quote, a backslash or a wildcard in its name"
	case strings.HasSuffix(path, "/") || p.opts.Version >= 254 && (lastPart(path) == "." || lastPart(path) == ".."):
		return "", "the program is a directory"
	case path[0] == '/' && !validPath(path) || path[0] != '/' && !validFileName(path):
		return "", "the program is neither a file name nor an absolute path"
	}
	return path, ""
}

func lastPart(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

// wordAndWarn is how commands and most lists are split: quotes group, escapes
// are decoded, and when that fails unknown escapes stay as they are.
func wordAndWarn(rest *string) (string, bool, bool) {
	saved := *rest
	word, ok, bad := nextWord(rest, blanks, unquote|cunescape)
	if bad {
		*rest = saved
		return nextWord(rest, blanks, unquote|cunescape|unescapeRelax)
	}
	return word, ok, false
}

func (p *parser) dropCommands(key string) {
	kept := p.unit.Commands[:0]
	for _, c := range p.unit.Commands {
		if c.Key != key {
			kept = append(kept, c)
		}
	}
	p.unit.Commands = kept
}

// count returns the number of commands of one key.
func (p *parser) count(key string) int {
	n := 0
	for i := range p.unit.Commands {
		if p.unit.Commands[i].Key == key {
			n++
		}
	}
	return n
}
