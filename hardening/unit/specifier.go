package unit

import (
	"path"
	"strings"
)

// Host holds what specifiers say about the machine that runs the unit. The
// zero value is a Debian machine about which nothing is known: fixed words
// stand in, so that results do not depend on where the audit runs.
type Host struct {
	Hostname  string // %H, %q; default localhost
	MachineID string // %m; default 32 zeros
	BootID    string // %b; default 32 zeros
	Kernel    string // %v; default 6.1.0
	Arch      string // %a; default x86-64
	OSRelease map[string]string
	UserName  string // %u; default root, in user scope user
	UserID    string // %U; default 0, in user scope 1000
	Home      string // %h; default /root, in user scope /home/user
}

// expand replaces the specifiers of s. A letter or digit that is no specifier
// is an error, any other character after % stays (specifier_printf).
func (p *parser) expand(s string) (string, bool) {
	at := strings.IndexByte(s, '%')
	if at < 0 {
		return s, true
	}
	var b strings.Builder
	for {
		b.WriteString(s[:at])
		s = s[at+1:]
		if s == "" {
			b.WriteByte('%')
			return b.String(), true
		}
		v, known, ok := p.specifier(s[0])
		switch {
		case known && !ok:
			return "", false
		case known:
			b.WriteString(v)
		case isAlnum(s[0]):
			return "", false
		default:
			b.WriteByte('%')
			b.WriteByte(s[0])
		}
		s = s[1:]
		if at = strings.IndexByte(s, '%'); at < 0 {
			b.WriteString(s)
			return b.String(), true
		}
	}
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *parser) specifier(c byte) (value string, known, ok bool) {
	h := &p.opts.Host
	user := p.opts.Scope == User
	or := func(v, system, session string) (string, bool, bool) {
		if v != "" {
			return v, true, true
		}
		if user {
			return session, true, true
		}
		return system, true, true
	}
	prefix, instance, suffix, _ := splitName(p.name)
	unescaped := func(s string) (string, bool, bool) {
		v, ok := unescapeName(s)
		return v, true, ok
	}
	last := prefix[strings.LastIndexByte(prefix, '-')+1:]
	switch c {
	case '%':
		return "%", true, true
	case 'n':
		return p.name, true, true
	case 'N':
		return strings.TrimSuffix(p.name, suffix), true, true
	case 'p':
		return prefix, true, true
	case 'P':
		return unescaped(prefix)
	case 'i':
		return instance, true, true
	case 'I':
		return unescaped(instance)
	case 'j':
		return last, true, true
	case 'J':
		return unescaped(last)
	case 'f':
		from := prefix
		if instance != "" {
			from = instance
		}
		v, ok := unescapePath(from)
		return v, true, ok
	case 'y':
		return "/" + p.path, true, true
	case 'Y':
		return "/" + path.Dir(p.path), true, true
	case 'c':
		return or("", "/system.slice/"+p.name, "/user.slice/"+p.name)
	case 'r':
		return or("", "/system.slice", "/user.slice")
	case 'R':
		return "/", true, true
	case 't':
		return or("", "/run", "/run/user/"+first(h.UserID, "1000"))
	case 'S':
		return or("", "/var/lib", p.home()+"/.local/state")
	case 'C':
		return or("", "/var/cache", p.home()+"/.cache")
	case 'L':
		return or("", "/var/log", p.home()+"/.local/state/log")
	case 'E':
		return or("", "/etc", p.home()+"/.config")
	case 'D':
		// 255 and later.
		if p.opts.Version < 255 {
			return "", false, false
		}
		return or("", "/usr/share", p.home()+"/.local/share")
	case 'd':
		return or("", "/run/credentials/"+p.name, "/run/user/"+first(h.UserID, "1000")+"/credentials/"+p.name)
	case 'u', 'g':
		return or(h.UserName, "root", "user")
	case 'U', 'G':
		return or(h.UserID, "0", "1000")
	case 'h':
		return p.home(), true, true
	case 's':
		return or("", "/bin/sh", "/bin/bash")
	case 'T':
		return "/tmp", true, true
	case 'V':
		return "/var/tmp", true, true
	case 'H', 'q':
		return first(h.Hostname, "localhost"), true, true
	case 'l':
		short, _, _ := strings.Cut(first(h.Hostname, "localhost"), ".")
		return short, true, true
	case 'm':
		return first(h.MachineID, strings.Repeat("0", 32)), true, true
	case 'b':
		return first(h.BootID, strings.Repeat("0", 32)), true, true
	case 'v':
		return first(h.Kernel, "6.1.0"), true, true
	case 'a':
		return first(h.Arch, "x86-64"), true, true
	case 'o':
		return h.release("ID", "debian"), true, true
	case 'w':
		return h.release("VERSION_ID", ""), true, true
	case 'W':
		return h.release("VARIANT_ID", ""), true, true
	case 'B':
		return h.release("BUILD_ID", ""), true, true
	case 'A':
		return h.release("IMAGE_VERSION", ""), true, true
	case 'M':
		return h.release("IMAGE_ID", ""), true, true
	}
	return "", false, false
}

func (p *parser) home() string {
	if p.opts.Scope == User {
		return first(p.opts.Host.Home, "/home/user")
	}
	return first(p.opts.Host.Home, "/root")
}

func (h *Host) release(key, missing string) string {
	if v, ok := h.OSRelease[key]; ok || h.OSRelease != nil {
		return v
	}
	return missing
}

func first(v, fallback string) string {
	if v != "" {
		return v
	}
	return fallback
}
