package schedule

import (
	"fmt"
	"strings"
)

//go:generate go run gen_zones.go

// ValidZone reports whether name may stand in [Rule.Zone]: an IANA time zone
// name such as Europe/Berlin or UTC, spelled exactly. [CheckZone] tells why not.
func ValidZone(name string) bool { return CheckZone(name) == nil }

// CheckZone returns nil for the names [ValidZone] accepts and otherwise an
// error that says what is wrong with the name.
//
// Eight IANA names are refused because they are also abbreviations: systemd
// compares the last word of OnCalendar= with tzname[] of the host before it
// looks for a zone of that name (systemd.time(7), calendarspec.c), so that
// "12:00 CET" on a host in Berlin never elapses in summer.
func CheckZone(name string) error {
	if use := abbreviation(name); use != "" {
		return fmt.Errorf("%s is also the abbreviation of a local time and means different things on different hosts; write %s", name, use)
	}
	if knownZone(name) {
		return nil
	}
	if name == "" {
		return fmt.Errorf("the time zone is empty; leave it out for the local time of the host")
	}
	if near := sameZone(name); near != "" {
		return fmt.Errorf("unknown time zone %q; did you mean %s?", name, near)
	}
	return fmt.Errorf("unknown time zone %q; use an IANA name such as Europe/Berlin, America/New_York or UTC", name)
}

// abbreviation returns what to write instead of an ambiguous zone name.
func abbreviation(name string) string {
	switch name {
	case "GMT":
		return "UTC"
	case "EST":
		return "Etc/GMT+5 or a place such as America/New_York"
	case "MST":
		return "Etc/GMT+7 or a place such as America/Denver"
	case "HST":
		return "Pacific/Honolulu"
	case "CET", "MET":
		return "a place such as Europe/Berlin"
	case "EET":
		return "a place such as Europe/Athens"
	case "WET":
		return "a place such as Europe/Lisbon"
	}
	return ""
}

// knownZone searches the newline-separated list itself: a slice or map of the
// names would have to be built when the program starts.
func knownZone(name string) bool {
	if name == "" || strings.ContainsRune(name, '\n') {
		return false
	}
	lo, hi := 0, len(zoneNames) // always at the start of a line
	for lo < hi {
		mid := (lo + hi) / 2
		start := lo
		if i := strings.LastIndexByte(zoneNames[lo:mid], '\n'); i >= 0 {
			start = lo + i + 1
		}
		end := start + strings.IndexByte(zoneNames[start:], '\n')
		switch line := zoneNames[start:end]; {
		case line == name:
			return true
		case line < name:
			lo = end + 1
		default:
			hi = start
		}
	}
	return false
}

// sameZone finds the zone that differs from name only in case. It is for
// error messages, hence linear.
func sameZone(name string) string {
	for line := range strings.Lines(zoneNames) {
		if line = line[:len(line)-1]; strings.EqualFold(line, name) {
			return line
		}
	}
	return ""
}
