package advice

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// executable is what the headers of machine code say (elf(5)). They are read
// here, not by debug/elf: that unpacks compressed sections, so that a small
// file of a hostile image could claim all memory.
type executable struct {
	bits32    bool
	static    bool     // asks for no interpreter, so for no shared library
	libraries []string // DT_NEEDED
	imports   []string // functions of shared libraries, sorted
	sections  []string // their names
}

// Constants of elf(5).
const (
	ptInterp      = 3
	shtDynamic    = 6
	shtDynsym     = 11
	shfCompressed = 0x800
	dtNeeded      = 1
	stbGlobal     = 1
)

// parseELF reads the headers; ok is false if they are broken. Of 32 bits only
// that is told.
func parseELF(b []byte) (x executable, ok bool) {
	if len(b) < 64 {
		return x, false
	}
	x.bits32 = b[4] == 1
	if x.bits32 {
		return x, true
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[5] == 2 {
		order = binary.BigEndian
	}
	x.static = true
	for i := range uint64(order.Uint16(b[56:])) {
		h := part(b, order.Uint64(b[32:]), i*uint64(order.Uint16(b[54:])), 56)
		if h == nil {
			return x, false
		}
		if order.Uint32(h) == ptInterp {
			x.static = false
		}
	}
	count := uint64(order.Uint16(b[60:]))
	section := func(i uint64) (header, data []byte) {
		if i >= count {
			return nil, nil
		}
		h := part(b, order.Uint64(b[40:]), i*uint64(order.Uint16(b[58:])), 64)
		if h == nil || order.Uint64(h[8:])&shfCompressed != 0 {
			return h, nil
		}
		return h, part(b, order.Uint64(h[24:]), 0, order.Uint64(h[32:]))
	}
	_, names := section(uint64(order.Uint16(b[62:])))
	for i := range count {
		h, data := section(i)
		if h == nil {
			return x, false
		}
		x.sections = append(x.sections, text(names, order.Uint32(h)))
		switch order.Uint32(h[4:]) {
		case shtDynsym:
			_, strings := section(uint64(order.Uint32(h[40:])))
			for s := range slices.Chunk(data, 24) {
				if len(s) == 24 && s[4]>>4 == stbGlobal && order.Uint16(s[6:]) == 0 {
					x.imports = append(x.imports, text(strings, order.Uint32(s)))
				}
			}
		case shtDynamic:
			_, strings := section(uint64(order.Uint32(h[40:])))
			for d := range slices.Chunk(data, 16) {
				if len(d) == 16 && order.Uint64(d) == dtNeeded {
					x.libraries = append(x.libraries, text(strings, uint32(min(order.Uint64(d[8:]), 1<<32-1))))
				}
			}
		}
	}
	slices.Sort(x.imports)
	return x, true
}

// part returns size bytes at offset+skip, nil if they are not all there.
func part(b []byte, offset, skip, size uint64) []byte {
	length := uint64(len(b))
	if offset > length || skip > length-offset || size > length-offset-skip {
		return nil
	}
	return b[offset+skip:][:size]
}

// text returns the string at an offset of a string table.
func text(table []byte, at uint32) string {
	if uint64(at) >= uint64(len(table)) {
		return ""
	}
	s, _, _ := bytes.Cut(table[at:], []byte{0})
	return strings.Clone(string(s))
}
