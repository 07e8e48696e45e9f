package preflight

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// header is what matters of an ELF header (elf(5)).
type header struct {
	machine elf.Machine
	wide    bool   // 64 bit
	interp  string // the dynamic linker, if it is named within what was read
}

// readHeader reads the beginning of a program.
func readHeader(b []byte) (h header, ok bool) {
	if len(b) < 52 || string(b[:4]) != elf.ELFMAG {
		return h, false
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if elf.Data(b[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	h.wide = elf.Class(b[elf.EI_CLASS]) == elf.ELFCLASS64
	h.machine = elf.Machine(order.Uint16(b[18:]))
	var table, size, count uint64
	if h.wide {
		if len(b) < 64 {
			return h, true
		}
		table, size, count = order.Uint64(b[32:]), uint64(order.Uint16(b[54:])), uint64(order.Uint16(b[56:]))
	} else {
		table, size, count = uint64(order.Uint32(b[28:])), uint64(order.Uint16(b[42:])), uint64(order.Uint16(b[44:]))
	}
	n := uint64(len(b))
	for i := range count {
		at := table + i*size
		if at > n || n-at < 56 {
			break
		}
		p := b[at:]
		if elf.ProgType(order.Uint32(p)) != elf.PT_INTERP {
			continue
		}
		start, length := uint64(order.Uint32(p[4:])), uint64(order.Uint32(p[16:]))
		if h.wide {
			start, length = order.Uint64(p[8:]), order.Uint64(p[32:])
		}
		if start <= n && length <= n-start {
			h.interp = strings.TrimRight(string(b[start:start+length]), "\x00")
		}
	}
	return h, true
}

// runs reports whether a kernel that executes own also executes other: 32-bit
// programs of the same family.
func runs(own, other elf.Machine) bool {
	switch {
	case own == other:
		return true
	case own == elf.EM_X86_64:
		return other == elf.EM_386
	case own == elf.EM_AARCH64:
		return other == elf.EM_ARM
	case own == elf.EM_PPC64:
		return other == elf.EM_PPC
	}
	return false
}

// format checks that the kernel can execute a file, as execve(2) has it. What
// the machine executes is known from its own shell.
func (c *checker) format(at, name string, b []byte, sev diag.Severity, asRoot bool) {
	_, shell, err := c.h.Peek("/bin/sh", peeked)
	own, known := readHeader(shell.Content)
	if err != nil || !known {
		return // no Linux machine
	}
	if line, ok := bytes.CutPrefix(b, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		c.interpreter(at, name, string(line), sev, asRoot)
		return
	}
	h, ok := readHeader(b)
	switch {
	case !ok:
		c.report(diag.ProgramFormat, sev, at, name+" is neither a binary nor a script", "it begins with "+describe(b), "begin a script with #! and its interpreter, such as #!/bin/sh")
	case !runs(own.machine, h.machine) && !c.emulated(h.machine):
		c.report(diag.ProgramFormat, sev, at, name+" is for another processor", "it is built for "+word(h.machine)+", and this machine is "+word(own.machine), "install the program for "+word(own.machine))
	case h.interp != "" && c.missing(h.interp):
		c.report(diag.InterpreterMissing, sev, at, "the dynamic linker of "+name+" does not exist", h.interp+" is missing: the program is for another C library or another architecture", "install a program built for this system, or a static one")
	}
}

// emulated reports whether binfmt_misc has an interpreter for another processor.
func (c *checker) emulated(m elf.Machine) bool {
	return c.h.Exists("/proc/sys/fs/binfmt_misc/qemu-" + word(m))
}

func word(m elf.Machine) string {
	return strings.ToLower(strings.TrimPrefix(m.String(), "EM_"))
}

func describe(b []byte) string {
	if len(b) == 0 {
		return "nothing: it is empty"
	}
	return hex.EncodeToString(b[:min(len(b), 4)])
}

// interpreter checks the first line of a script.
func (c *checker) interpreter(at, name, line string, sev diag.Severity, asRoot bool) {
	words := strings.Fields(line)
	if strings.HasSuffix(line, "\r") {
		c.report(diag.InterpreterMissing, sev, at, "the first line of "+name+" ends in a carriage return", "the kernel takes it for a part of the interpreter's name", "convert the file to Unix line ends (sed -i 's/\\r$//')")
		return
	}
	if len(words) == 0 {
		c.report(diag.InterpreterMissing, sev, at, "the first line of "+name+" names no interpreter", "", "write it, such as #!/bin/sh")
		return
	}
	if !path.IsAbs(words[0]) || c.missing(words[0]) {
		c.report(diag.InterpreterMissing, sev, at, "the interpreter "+words[0]+" of "+name+" does not exist", "", "install it, or correct the first line")
		return
	}
	if asRoot {
		if real, _, err := c.h.Peek(words[0], 0); err == nil {
			c.unsafe(at, words[0], real)
		}
	}
	if path.Base(words[0]) != "env" {
		return
	}
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "-") || strings.Contains(w, "=") {
			continue
		}
		// The least that managers put into PATH.
		for _, dir := range [...]string{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"} {
			if !c.missing(dir + w) {
				return
			}
		}
		c.report(diag.InterpreterMissing, diag.Warning, at, w+", which "+name+" is run by, is in no directory of the usual PATH", "services do not have the PATH of a login shell", "name the interpreter with its full path, or set PATH in environment")
		return
	}
}

// listener is an open address.
type listener struct {
	ip   netip.Addr
	port int
	uid  int
}

// conflicts reports whether a cannot be opened beside l.
func (l listener) conflicts(a spec.Address) bool {
	if l.port != a.Port {
		return false
	}
	ip, err := netip.ParseAddr(a.Host)
	if a.Host == "" || err != nil || ip.IsUnspecified() || l.ip.IsUnspecified() && (l.ip.Is6() || ip.Is4()) {
		return true
	}
	return ip.Unmap() == l.ip.Unmap()
}

// listeners reads a table of /proc/net: those that listen, for udp all that are
// bound and not connected.
func listeners(table, network string) []listener {
	var all []listener
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 8 || network == spec.TCP && f[3] != "0A" || network == spec.UDP && f[3] != "07" {
			continue
		}
		addr, port, _ := strings.Cut(f[1], ":")
		raw, err := hex.DecodeString(addr)
		n, portErr := strconv.ParseUint(port, 16, 16)
		if err != nil || portErr != nil || len(raw)%4 != 0 {
			continue
		}
		// Words of 32 bits in the byte order of the machine, which is little
		// endian on all but a few.
		for i := 0; i < len(raw); i += 4 {
			binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
		}
		ip, ok := netip.AddrFromSlice(raw)
		uid, uidErr := strconv.Atoi(f[7])
		if ok && uidErr == nil {
			all = append(all, listener{ip, int(n), uid})
		}
	}
	return all
}
