package spec

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time in nanoseconds, as [time.Duration], with
// [Infinity] for "no limit".
type Duration int64

// Units of Duration.
const (
	Microsecond          = Duration(time.Microsecond)
	Millisecond          = Duration(time.Millisecond)
	Second               = Duration(time.Second)
	Minute               = Duration(time.Minute)
	Infinity    Duration = math.MaxInt64
)

// Seconds returns the duration in seconds, rounded up so that a limit never
// becomes stricter and a positive duration never zero. It is meaningless for
// [Infinity].
func (d Duration) Seconds() int64 { return int64((d + Second - 1) / Second) }

// Whole reports whether the duration is a whole number of seconds.
func (d Duration) Whole() bool { return d%Second == 0 }

// String writes the duration in spec syntax, for example 1h30m.
func (d Duration) String() string {
	switch d {
	case Infinity:
		return "infinity"
	case 0:
		return "0"
	}
	var b []byte
	for _, u := range durationUnits {
		if n := d / u.size; n > 0 {
			b = strconv.AppendInt(b, int64(n), 10)
			b = append(b, u.name...)
			d -= n * u.size
		}
	}
	return string(b)
}

// durationUnits are the spellings of units that systemd.time(7) and Go share
// or that cannot be misread, largest first.
var durationUnits = [...]struct {
	name string
	size Duration
}{
	{"w", 7 * 24 * 60 * Minute}, {"d", 24 * 60 * Minute}, {"h", 60 * Minute}, {"m", Minute},
	{"s", Second}, {"ms", Millisecond}, {"us", Microsecond},
}

// ParseDuration reads a duration such as 30s, 1h30m, 250ms, 2d or infinity.
// A bare number other than 0 has no unit and is refused.
func ParseDuration(s string) (Duration, bool) {
	switch s {
	case "infinity":
		return Infinity, true
	case "0":
		return 0, true
	case "":
		return 0, false
	}
	var total Duration
	for s != "" {
		i := 0
		for i < len(s) && ('0' <= s[i] && s[i] <= '9' || s[i] == '.') {
			i++
		}
		num := s[:i]
		s = s[i:]
		i = 0
		for i < len(s) && 'a' <= s[i] && s[i] <= 'z' {
			i++
		}
		unit, ok := durationUnit(s[:i])
		s = strings.TrimLeft(s[i:], " ")
		if !ok {
			return 0, false
		}
		part, ok := scale(num, int64(unit))
		if !ok || int64(total) > math.MaxInt64-1-part {
			return 0, false
		}
		total += Duration(part)
	}
	return total, true
}

func durationUnit(name string) (Duration, bool) {
	switch name { // the longer spellings of systemd.time(7)
	case "sec", "second", "seconds":
		name = "s"
	case "min", "minute", "minutes":
		name = "m"
	case "hr", "hour", "hours":
		name = "h"
	case "day", "days":
		name = "d"
	case "week", "weeks":
		name = "w"
	}
	for _, u := range durationUnits {
		if u.name == name {
			return u.size, true
		}
	}
	return 0, false
}

// scale multiplies a decimal number by unit, exactly where the number is
// whole, and refuses what does not fit.
func scale(num string, unit int64) (int64, bool) {
	whole, frac, dotted := strings.Cut(num, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, false
	}
	n *= unit
	if dotted {
		if frac == "" || len(frac) > 9 {
			return 0, false
		}
		f, err := strconv.ParseUint(frac, 10, 63)
		if err != nil {
			return 0, false
		}
		part := float64(f) / math.Pow10(len(frac)) * float64(unit)
		if float64(n)+part >= math.MaxInt64 {
			return 0, false
		}
		n += int64(math.Round(part))
	}
	return n, true
}

// Size is a number of bytes, or [NoSize] for no limit.
type Size int64

// NoSize is the size written infinity.
const NoSize Size = math.MaxInt64

// sizeSuffixes are to the base 1024, as in systemd.resource-control(5).
const sizeSuffixes = "KMGTPE"

// ParseSize reads a size such as 512M, 1.5G, 4096 or infinity.
func ParseSize(s string) (Size, bool) {
	if s == "infinity" {
		return NoSize, true
	}
	unit := int64(1)
	if s != "" {
		if i := strings.IndexByte(sizeSuffixes, s[len(s)-1]); i >= 0 {
			unit = 1 << (10 * (i + 1))
			s = s[:len(s)-1]
		}
	}
	n, ok := scale(s, unit)
	return Size(n), ok && n < math.MaxInt64
}

// String writes the size in spec syntax with the largest exact suffix.
func (s Size) String() string {
	if s == NoSize {
		return "infinity"
	}
	suffix := ""
	for i := range sizeSuffixes {
		if s == 0 || s%1024 != 0 {
			break
		}
		s /= 1024
		suffix = sizeSuffixes[i : i+1]
	}
	return strconv.FormatInt(int64(s), 10) + suffix
}

// Mode is a set of permission bits.
type Mode uint32

// String writes the mode as four octal digits.
func (m Mode) String() string {
	s := strconv.FormatUint(uint64(m), 8)
	return "0000"[min(len(s), 4):] + s
}

// RlimInfinity is a resource limit without bound.
const RlimInfinity = math.MaxUint64

// Rlimit is a resource limit in the unit of setrlimit(2).
type Rlimit struct{ Soft, Hard uint64 }

// String writes soft:hard as prlimit(1) and systemd.exec(5) take it, or one
// number when both are equal.
func (r Rlimit) String() string {
	if r.Soft == r.Hard {
		return rlimitString(r.Soft)
	}
	return rlimitString(r.Soft) + ":" + rlimitString(r.Hard)
}

func rlimitString(n uint64) string {
	if n == RlimInfinity {
		return "infinity"
	}
	return strconv.FormatUint(n, 10)
}

// Command is an argument vector; the first element is the program.
type Command []string

// Environment is a list of variables in the order of the document.
type Environment []Var

// Var is one environment variable.
type Var struct{ Name, Value string }

// Credential is a secret file passed under a name.
type Credential struct{ Name, Path string }

// Ignore is a rule of an audit whose findings do not count, with the reason.
type Ignore struct{ Rule, Reason string }

// DeviceLimit is a limit on one device.
type DeviceLimit struct {
	Device string // a device node, or a path on the file system it holds
	Limit  Size
}

// Consent is the author's agreement that a backend ("*" for all) loses a
// field or a group of fields.
type Consent struct{ Backend, Field string }

// Networks of [Address].
const (
	TCP          = "tcp"
	UDP          = "udp"
	Unix         = "unix"
	UnixDatagram = "unix-dgram"
	UnixSeq      = "unix-seqpacket"
	FIFO         = "fifo"
)

// Address is what a socket listens on.
type Address struct {
	Network string // one of the constants above
	Host    string // tcp, udp: an IP address, or empty for all
	Port    int    // tcp, udp
	Path    string // the others: an absolute path, or @name for an abstract socket
}

// IP reports whether the address is an IP address and a port.
func (a Address) IP() bool { return a.Network == TCP || a.Network == UDP }

// String writes the address as a URL.
func (a Address) String() string {
	if !a.IP() {
		return a.Network + "://" + a.Path
	}
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return a.Network + "://" + host + ":" + strconv.Itoa(a.Port)
}

// Override is a native key for one backend: a tree of maps that ends in
// scalars or lists of scalars.
type Override struct {
	Backend string
	Keys    []string // from the outermost mapping to the key, for example Service, Slice
	Type    string   // YAML type of the values: str, int, bool, float, or null to remove the key
	List    bool     // the value was a list
	Values  []string
}

func (v Var) mapped(f func(string) string) Var { v.Value = f(v.Value); return v }

func (c Credential) mapped(f func(string) string) Credential { c.Path = f(c.Path); return c }

func (i Ignore) mapped(func(string) string) Ignore { return i }

func (l DeviceLimit) mapped(f func(string) string) DeviceLimit { l.Device = f(l.Device); return l }

func (a Address) mapped(f func(string) string) Address { a.Path = f(a.Path); return a }

func (o Override) mapped(f func(string) string) Override {
	o.Values = mapStrings(o.Values, f)
	return o
}

func mapStrings[S ~[]string](s S, f func(string) string) S {
	if s == nil {
		return nil
	}
	out := make(S, len(s))
	for i, v := range s {
		out[i] = f(v)
	}
	return out
}

func mapEach[S ~[]E, E interface {
	mapped(f func(string) string) E
}](s S, f func(string) string) S {
	if s == nil {
		return nil
	}
	out := make(S, len(s))
	for i, v := range s {
		out[i] = v.mapped(f)
	}
	return out
}
