package systemd

import (
	"slices"
	"strings"
)

//go:generate go run ../../internal/gen/systemdgen ../..

// directive names one directive of one section. A directive that systemd does
// not have does not compile.
type directive uint16

// section is a section of a unit file, in the order in which they are written.
type section uint8

const (
	inUnit section = iota
	inService
	inSocket
	inTimer
	inPath
	inInstall
	sectionCount
)

var sectionNames = [sectionCount]string{"Unit", "Service", "Socket", "Timer", "Path", "Install"}

// kind says how systemd reads the value of a directive, which decides how it
// must be written.
type kind uint8

const (
	kindPlain     kind = iota // an enumeration, limit or the like: no quoting, no specifiers
	kindText                  // the rest of the line, raw, with specifiers: only % is special
	kindWords                 // words with quoting and specifiers
	kindFirstWord             // one such word, then the rest of the line
	kindExec                  // a command line
	kindEnviron               // an assignment, quoted, with specifiers
	kindBool
	kindNumber
	kindTime
	kindSize
	kindMode
)

// info describes a directive. Since is the first systemd version that knows
// it (0: older than every target), last the last one that honours it (0: still
// does).
type info struct {
	section section
	name    string
	kind    kind
	since   uint16
	last    uint16
}

// known reports whether the systemd version honours the directive.
func (i *info) known(version int) bool {
	return version >= int(i.since) && (i.last == 0 || version <= int(i.last))
}

// lookup finds a directive by section and name.
func lookup(sec section, name string) (*info, bool) {
	i, ok := slices.BinarySearchFunc(directives[:], name, func(i info, name string) int {
		if i.section != sec {
			return int(i.section) - int(sec)
		}
		return strings.Compare(i.name, name)
	})
	if !ok {
		return nil, false
	}
	return &directives[i], true
}
