package unit

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// parseBool accepts the spellings of yes and no in any case.
func parseBool(s string) (value, ok bool) {
	switch len(s) {
	case 1:
		switch s[0] {
		case '1', 'y', 'Y', 't', 'T':
			return true, true
		case '0', 'n', 'N', 'f', 'F':
			return false, true
		}
	case 2:
		if strings.EqualFold(s, "on") {
			return true, true
		}
		return false, strings.EqualFold(s, "no")
	case 3:
		if strings.EqualFold(s, "yes") {
			return true, true
		}
		return false, strings.EqualFold(s, "off")
	case 4:
		return true, strings.EqualFold(s, "true")
	case 5:
		return false, strings.EqualFold(s, "false")
	}
	return false, false
}

// parseInt reads an integer as C does with base 0: 0x, 0b, 0o and 0 prefixes,
// a sign, blanks in front.
func parseInt(s string) (int, bool) {
	s = strings.TrimLeft(s, blanks)
	neg := false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		neg, s = s[0] == '-', s[1:]
	}
	base := 10
	if len(s) > 1 && s[0] == '0' {
		switch s[1] | 0x20 {
		case 'x':
			base, s = 16, s[2:]
		case 'b':
			base, s = 2, s[2:]
		case 'o':
			base, s = 8, s[2:]
		default:
			base, s = 8, s[1:]
		}
	}
	v, err := strconv.ParseInt(s, base, 64)
	if err != nil || s == "" || s[0] == '+' || s[0] == '-' || v > math.MaxInt32 {
		return 0, false
	}
	if neg {
		v = -v
	}
	return int(v), true
}

// parseMode reads octal permission bits up to 7777.
func parseMode(s string) (uint32, bool) {
	if s == "" || strings.Trim(s, "01234567") != "" {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 8, 32)
	return uint32(v), err == nil && v <= 0o7777
}

// Prefix is an address range of IPAddressAllow or IPAddressDeny, masked.
type Prefix = netip.Prefix

// addressWords are the words that stand for address ranges.
func addressWord(s string) []Prefix {
	switch s {
	case "any":
		return []Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	case "localhost":
		return []Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8), netip.PrefixFrom(netip.IPv6Loopback(), 128)}
	case "link-local":
		return []Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254}), 16), netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 64)}
	case "multicast":
		return []Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{224}), 4), netip.PrefixFrom(netip.AddrFrom16([16]byte{0xff}), 8)}
	}
	address, bits, ranged := strings.Cut(s, "/")
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		return nil
	}
	n := a.BitLen()
	if ranged {
		v, ok := parseInt(bits)
		if !ok || v < 0 || v > n || bits == "" {
			return nil
		}
		n = v
	}
	p, err := a.Prefix(n)
	if err != nil {
		return nil
	}
	return []Prefix{p}
}

// FamilyFilter is a RestrictAddressFamilies after loading.
type FamilyFilter struct {
	Allow    bool     // only the listed families are permitted; otherwise the listed ones are forbidden
	Families []string // AF_INET, AF_UNIX, ...
	set      bool
}

// Active reports whether the filter restricts anything.
func (f *FamilyFilter) Active() bool { return f.Allow || len(f.Families) > 0 }

// family returns the canonical name of an address family.
func family(word string) (string, bool) {
	w := strings.ToUpper(word)
	short, ok := strings.CutPrefix(w, "AF_")
	if !ok {
		return "", false
	}
	if _, ok = slices.BinarySearch(familyNames[:], short); !ok {
		return "", false
	}
	switch short {
	case "LOCAL", "FILE":
		return "AF_UNIX", true
	case "ROUTE":
		return "AF_NETLINK", true
	}
	return w, true
}

// capability returns the number of a capability given by name or number.
func capability(word string, version int) (int, bool) {
	if len(word) > 4 && word[3] == '_' {
		// A name, which is what nearly every unit has.
	} else if v, ok := parseInt(word); ok {
		limit := 63
		if version >= 254 {
			limit = 62
		}
		return v, v >= 0 && v <= limit
	}
	if len(word) < 4 || !strings.EqualFold(word[:4], "cap_") {
		return 0, false
	}
	for i, n := range &capabilityNames {
		if strings.EqualFold(word[4:], n) {
			return i, true
		}
	}
	return 0, false
}

// namespaces is the order of the bits of NamespaceSet.
var namespaces = [...]string{"cgroup", "ipc", "net", "mnt", "pid", "user", "uts", "time"}

// allNamespaces are the types there are.
const allNamespaces = NoRestriction - 1

func parseNamespaces(s string) (NamespaceSet, bool) {
	var out NamespaceSet
	for {
		word, ok, bad := nextWord(&s, blanks, 0)
		if bad {
			return 0, false
		}
		if !ok {
			return out, true
		}
		i := slices.Index(namespaces[:], word)
		if i < 0 {
			return 0, false
		}
		out |= 1 << i
	}
}

// validExitStatus reports whether a word is an exit status or a signal.
func validExitStatus(s string) bool {
	if _, ok := slices.BinarySearch(exitStatusNames[:], s); ok {
		return true
	}
	if v, ok := parseInt(s); ok {
		return v >= 0 && v <= 255
	}
	return validSignal(s)
}

// validSignal reports whether a word names a signal.
func validSignal(s string) bool {
	if v, ok := parseInt(s); ok {
		return v > 0 && v <= 64
	}
	s = strings.TrimPrefix(s, "SIG")
	if _, ok := slices.BinarySearch(signalNames[:], s); ok {
		return true
	}
	for _, rt := range []string{"RTMIN+", "RTMAX-"} {
		if s == rt[:5] {
			return true
		}
		if rest, ok := strings.CutPrefix(s, rt); ok {
			v, ok := parseInt(rest)
			return ok && v >= 0 && v <= 30
		}
	}
	return false
}

// validSpan reports whether s is a time span: numbers with units, added up.
func validSpan(s string) bool {
	if s == "infinity" {
		return true
	}
	s = strings.Trim(s, blanks)
	if s == "" {
		return false
	}
	for s != "" {
		n := 0
		for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
			n++
		}
		if n == 0 || s[:n] == "." || strings.Count(s[:n], ".") > 1 {
			return false
		}
		s = strings.TrimLeft(s[n:], blanks)
		n = 0
		for n < len(s) && (s[n] < '0' || s[n] > '9') && strings.IndexByte(blanks, s[n]) < 0 {
			n++
		}
		switch s[:n] {
		case "", "seconds", "second", "sec", "s", "minutes", "minute", "min", "months", "month", "M", "msec", "ms", "m",
			"hours", "hour", "hr", "h", "days", "day", "d", "weeks", "week", "w", "years", "year", "y", "usec", "us", "µs", "μs", "nsec", "ns":
		default:
			return false
		}
		s = strings.TrimLeft(s[n:], blanks)
	}
	return true
}

// validImagePolicy reports whether s is an image policy: designator=flags
// joined by colons, or one of the three short forms.
func validImagePolicy(s string, version int) bool {
	switch s {
	case "", "*", "-", "~":
		return true
	}
	seen := map[string]bool{}
	for rule := range strings.SplitSeq(s, ":") {
		designator, flags, ok := strings.Cut(rule, "=")
		designator = strings.Trim(designator, blanks)
		if !ok {
			return false
		}
		if seen[designator] {
			return false
		}
		seen[designator] = true
		if version >= 258 {
			// Words of later versions are passed over since 258.
			continue
		}
		switch designator {
		case "", "root", "usr", "home", "srv", "esp", "xbootldr", "swap", "root-verity", "usr-verity",
			"root-verity-sig", "usr-verity-sig", "tmp", "var":
		default:
			return false
		}
		for flag := range strings.SplitSeq(flags, "+") {
			switch strings.Trim(flag, blanks) {
			case "", "open", "ignore", "verity", "signed", "encrypted", "unprotected", "unused", "absent",
				"read-only-off", "read-only-on", "growfs-off", "growfs-on":
			default:
				return false
			}
		}
	}
	return true
}

// validListen is an address of ListenStream and its kin: a path, an abstract
// name, a port, address:port or vsock:cid:port.
func validListen(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '/' || s[0] == '@' {
		return len(s) <= 108
	}
	port := func(v string) bool {
		n, err := strconv.ParseUint(v, 10, 16)
		return err == nil && n > 0
	}
	if rest, ok := strings.CutPrefix(s, "vsock:"); ok {
		_, last, ok := strings.Cut(rest, ":")
		_, err := strconv.ParseUint(last, 10, 32)
		return ok && err == nil
	}
	if port(s) {
		return true
	}
	a, err := netip.ParseAddrPort(s)
	return err == nil && a.Port() > 0
}
