package unit

import (
	"strings"
)

// unitTypes are the suffixes of unit names.
var unitTypes = [...]string{"service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"}

// nameKind is the form of a unit name.
type nameKind uint8

const (
	invalidName nameKind = iota
	plainName
	instanceName // foo@bar.service
	templateName // foo@.service
)

const nameMax = 255

// splitName takes a unit name apart. For a plain name at is -1.
func splitName(name string) (prefix, instance, suffix string, kind nameKind) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || len(name) > nameMax || !isType(name[dot+1:]) {
		return "", "", "", invalidName
	}
	for i := range dot {
		if !nameByte(name[i]) && name[i] != '@' {
			return "", "", "", invalidName
		}
	}
	at := strings.IndexByte(name[:dot], '@')
	switch {
	case at == 0:
		return "", "", "", invalidName
	case at < 0:
		return name[:dot], "", name[dot:], plainName
	case at+1 == dot:
		return name[:at], "", name[dot:], templateName
	}
	return name[:at], name[at+1 : dot], name[dot:], instanceName
}

func nameByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(`:-_.\`, c) >= 0
}

func isType(s string) bool {
	for _, t := range unitTypes {
		if s == t {
			return true
		}
	}
	return false
}

// typeOf returns the suffix of a name without its dot.
func typeOf(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// execSection is the section with the sandbox of a unit type, empty for types
// that start no process.
func execSection(typ string) string {
	switch typ {
	case "service":
		return "Service"
	case "socket":
		return "Socket"
	case "mount":
		return "Mount"
	case "swap":
		return "Swap"
	}
	return ""
}

// ownSection is the section that only this type of unit has.
func ownSection(typ string) string {
	switch typ {
	case "timer":
		return "Timer"
	case "path":
		return "Path"
	case "automount":
		return "Automount"
	case "slice":
		return "Slice"
	case "scope":
		return "Scope"
	}
	return execSection(typ)
}

// unescapeName undoes the escaping of unit names: - is a slash, \xNN a byte.
func unescapeName(s string) (string, bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return strings.ReplaceAll(s, "-", "/"), true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '-':
			b.WriteByte('/')
		case '\\':
			if i+4 > len(s) || s[i+1] != 'x' {
				return "", false
			}
			v, ok := digits(s[i+2:], 2, 16)
			if !ok || v == 0 {
				return "", false
			}
			b.WriteByte(byte(v))
			i += 3
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// unescapePath undoes the escaping of a path in a unit name.
func unescapePath(s string) (string, bool) {
	if s == "-" {
		return "/", true
	}
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return "", false
	}
	p, ok := unescapeName(s)
	if !ok || !normalized("/"+p) {
		return "", false
	}
	return "/" + p, true
}

// escapePath makes the part of a unit name that stands for a path.
func escapePath(p string) string {
	p = strings.Trim(simplifyPath(p), "/")
	if p == "" {
		return "-"
	}
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(p) {
		switch c := p[i]; {
		case c == '/':
			b.WriteByte('-')
		case c == '-' || c == '\\' || c == '.' && i == 0 || !nameByte(c):
			b.WriteString(`\x`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// simplifyPath drops doubled slashes, "." parts and a slash at the end.
func simplifyPath(p string) string {
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") && !strings.HasPrefix(p, "./") &&
		(p == "/" || !strings.HasSuffix(p, "/")) && p != "." {
		return p
	}
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	out := strings.Join(parts, "/")
	if strings.HasPrefix(p, "/") {
		return "/" + out
	}
	if out == "" {
		return "."
	}
	return out
}

// validPath bounds the length of a path and of its parts (path_is_valid).
func validPath(p string) bool {
	if p == "" || len(p) >= 4096 {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > nameMax {
			return false
		}
	}
	return true
}

// normalized reports whether a simplified path has no "..".
func normalized(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." || part == "." {
			return false
		}
	}
	return !strings.Contains(p, "//")
}

// checkPath simplifies an absolute path and says why it is not accepted
// (path_simplify_and_warn).
func (p *parser) checkPath(s string) (string, string) {
	if !validUTF8(s) {
		return "", "the path is not UTF-8"
	}
	if !strings.HasPrefix(s, "/") {
		return "", "the path is not absolute"
	}
	s = simplifyPath(s)
	if p.opts.Version >= 256 {
		// The parent of the root is the root.
		for s == "/.." || strings.HasPrefix(s, "/../") {
			s = "/" + strings.TrimPrefix(s[3:], "/")
		}
	}
	if !validPath(s) {
		return "", "the path or one of its parts is too long"
	}
	if !normalized(s) {
		return "", `the path contains ".."`
	}
	return s, ""
}

// validFileName is a single path component.
func validFileName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= nameMax && !strings.Contains(s, "/")
}

// underAPI reports whether a path lies in a file system of the kernel.
func underAPI(p string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}

// badUser says why a user or group name is refused; empty is fine. The rules
// are the relaxed ones (valid_user_group_name of basic/user-util.c).
func badUser(s string) bool {
	if s == "" {
		return true
	}
	if allDigits(s) {
		return !validID(s)
	}
	return s[0] == ' ' || s[len(s)-1] == ' ' || !validUTF8(s) || hasControl(s) || strings.ContainsAny(s, ":/") ||
		s[0] == '-' && allDigits(s[1:]) || s == "." || s == ".."
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// validID is a decimal user number: no leading zero, not the two values that
// mean "none".
func validID(s string) bool {
	if len(s) > 10 || len(s) > 1 && s[0] == '0' {
		return false
	}
	v := uint64(0)
	for i := range len(s) {
		v = v*10 + uint64(s[i]-'0')
	}
	return v < 1<<32-1 && v != 1<<16-1
}
