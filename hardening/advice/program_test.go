package advice

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// elfFile makes machine code that is linked with libraries and imports
// functions, as far as headers go.
func elfFile(class elf.Class, interpreter string, libraries, functions []string, sections ...string) []byte {
	if class == elf.ELFCLASS32 {
		h := elf.Header32{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_386), Version: 1, Ehsize: 52}
		copy(h.Ident[:], "\x7fELF\x01\x01\x01")
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, h)
		return append(b.Bytes(), make([]byte, 32)...)
	}
	dynstr := []byte{0}
	intern := func(s string) uint32 {
		at := len(dynstr)
		dynstr = append(append(dynstr, s...), 0)
		return uint32(at)
	}
	var dynamic, dynsym bytes.Buffer
	for _, l := range libraries {
		binary.Write(&dynamic, binary.LittleEndian, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: uint64(intern(l))})
	}
	binary.Write(&dynamic, binary.LittleEndian, elf.Dyn64{Tag: int64(elf.DT_NULL)})
	binary.Write(&dynsym, binary.LittleEndian, elf.Sym64{})
	for _, f := range functions {
		binary.Write(&dynsym, binary.LittleEndian, elf.Sym64{Name: intern(f), Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC)})
	}
	shstr := []byte{0}
	type section struct {
		h    elf.Section64
		data []byte
	}
	list := []section{{}}
	add := func(name string, kind elf.SectionType, data []byte, link, size uint32) {
		list = append(list, section{elf.Section64{Name: uint32(len(shstr)), Type: uint32(kind), Link: link, Entsize: uint64(size)}, data})
		shstr = append(append(shstr, name...), 0)
	}
	add(".dynstr", elf.SHT_STRTAB, dynstr, 0, 0)
	add(".dynsym", elf.SHT_DYNSYM, dynsym.Bytes(), 1, elf.Sym64Size)
	add(".dynamic", elf.SHT_DYNAMIC, dynamic.Bytes(), 1, 16)
	for _, s := range sections {
		add(s, elf.SHT_PROGBITS, []byte("x"), 0, 0)
	}
	list = append(list, section{elf.Section64{Name: uint32(len(shstr)), Type: uint32(elf.SHT_STRTAB)}, nil})
	shstr = append(shstr, ".shstrtab\x00"...)
	list[len(list)-1].data = shstr

	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: 64, Phentsize: 56, Shentsize: 64, Shnum: uint16(len(list)), Shstrndx: uint16(len(list) - 1)}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	offset := uint64(64)
	var progs, body bytes.Buffer
	if interpreter != "" {
		h.Phnum, h.Phoff = 1, 64
		offset += 56
		binary.Write(&progs, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: offset, Filesz: uint64(len(interpreter) + 1)})
		body.WriteString(interpreter + "\x00")
	}
	for i := range list {
		list[i].h.Off = offset + uint64(body.Len())
		list[i].h.Size = uint64(len(list[i].data))
		body.Write(list[i].data)
	}
	h.Shoff = offset + uint64(body.Len())
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	b.Write(progs.Bytes())
	b.Write(body.Bytes())
	for i := range list {
		binary.Write(&b, binary.LittleEndian, list[i].h)
	}
	return b.Bytes()
}

const ld = "/lib64/ld-linux-x86-64.so.2"

func program(data []byte) *fstest.MapFile { return &fstest.MapFile{Data: data, Mode: 0o755} }

// system is a tree with programs of all sorts.
func system() fstest.MapFS {
	python := program(elfFile(elf.ELFCLASS64, ld, []string{"libexpat.so.1", "libc.so.6"}, []string{"setuid", "execve", "chroot"}))
	sh := program(elfFile(elf.ELFCLASS64, ld, []string{"libc.so.6"}, []string{"execve", "fork"}))
	return fstest.MapFS{
		"usr/bin/python3":       {Data: []byte("python3.11"), Mode: fs.ModeSymlink | 0o777},
		"usr/bin/python3.11":    python,
		"usr/bin/node":          program(elfFile(elf.ELFCLASS64, ld, []string{"libnode.so.108"}, nil)),
		"usr/bin/dash":          sh,
		"bin":                   {Data: []byte("/usr/bin"), Mode: fs.ModeSymlink | 0o777},
		"usr/bin/sh":            {Data: []byte("dash"), Mode: fs.ModeSymlink | 0o777},
		"usr/bin/java":          {Data: []byte("/etc/alternatives/java"), Mode: fs.ModeSymlink | 0o777},
		"etc/alternatives/java": {Data: []byte("/usr/lib/jvm/bin/java"), Mode: fs.ModeSymlink | 0o777},
		"usr/lib/jvm/bin/java":  program(elfFile(elf.ELFCLASS64, ld, []string{"libjli.so"}, nil)),
		"usr/bin/quiet":         program(elfFile(elf.ELFCLASS64, ld, []string{"libc.so.6"}, []string{"bind", "read", "write"})),
		"usr/bin/drops":         program(elfFile(elf.ELFCLASS64, ld, []string{"libc.so.6"}, []string{"bind", "setuid", "setgroups", "getifaddrs", "chroot", "setrlimit"})),
		"usr/bin/embeds":        program(elfFile(elf.ELFCLASS64, ld, []string{"libluajit-5.1.so.2"}, []string{"bind"})),
		"usr/bin/static":        program(elfFile(elf.ELFCLASS64, "", nil, nil)),
		"usr/bin/golang":        program(append(elfFile(elf.ELFCLASS64, "", nil, nil, ".go.buildinfo"), "\x00net.Interfaces\x00"...)),
		"usr/bin/i386":          program(elfFile(elf.ELFCLASS32, "", nil, nil)),
		"usr/bin/broken":        program([]byte("\x7fELF\x02\x01\x01garbage")),
		"usr/bin/text":          program([]byte("hello")),
		"usr/bin/camera":        program(elfFile(elf.ELFCLASS64, ld, []string{"libudev.so.1"}, []string{"read"})),
		"usr/bin/setid":         {Data: elfFile(elf.ELFCLASS64, ld, []string{"libc.so.6"}, []string{"setuid"}), Mode: fs.ModeSetuid | 0o755},
		"usr/bin/app":           program([]byte("#!/usr/bin/env python3 -u\nprint(1)\n")),
		"usr/bin/wrapper":       program([]byte("#! /bin/sh -e\n# sudo in a comment\nif true; then exec sudo -u web /usr/bin/quiet; fi\n")),
		"usr/bin/harmless":      program([]byte("#!/bin/sh\necho sudo\nexec /usr/bin/quiet\n")),
		"usr/bin/nested":        program([]byte("#!/usr/bin/app\n")),
		"usr/bin/loop":          program([]byte("#!/usr/bin/loop\n")),
		"usr/bin/lost":          program([]byte("#!/opt/none/ruby3.1\n")),
		"usr/bin/nothing":       program([]byte("#!\n")),
		"usr/sbin/nginx":        program(elfFile(elf.ELFCLASS64, ld, []string{"libc.so.6"}, []string{"bind", "setuid", "setgid", "initgroups", "chown"})),
		"usr/share/x/helper":    program([]byte("#!/bin/sh\nexec dnsmasq\n")),
		"etc/passwd":            {Data: []byte("root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv/web:/bin/false\nkim:x:1000:1000::/home/kim:/bin/bash\n")},
		"srv/escape":            {Data: []byte("../../../../usr/bin/quiet"), Mode: fs.ModeSymlink | 0o777},
		"usr/lib/systemd/x":     {Data: []byte("")},
		"usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so": {Data: []byte("")},
	}
}

func TestInspect(t *testing.T) {
	tree := system()
	for _, c := range []struct {
		path, args string
		want       Program
		imports    string
	}{
		{"/usr/bin/python3", "/srv/app.py --x", Program{Real: "/usr/bin/python3.11", Format: "elf", Runtime: "python", Script: "/srv/app.py"}, "chroot"},
		{"/usr/bin/python3", "-m http.server", Program{Real: "/usr/bin/python3.11", Format: "elf", Runtime: "python"}, ""},
		{"/usr/bin/node", "--max-old-space-size=64 srv.js", Program{Real: "/usr/bin/node", Format: "elf", Runtime: "node", Script: "srv.js"}, ""},
		{"/bin/sh", "", Program{Real: "/usr/bin/dash", Format: "elf", Runtime: "shell"}, "fork"},
		{"/usr/bin/java", "-jar /srv/a.jar", Program{Real: "/usr/lib/jvm/bin/java", Format: "elf", Runtime: "java", Script: "/srv/a.jar"}, ""},
		{"/usr/bin/quiet", "", Program{Real: "/usr/bin/quiet", Format: "elf", Runtime: "native"}, "bind"},
		{"/srv/escape", "", Program{Real: "/usr/bin/quiet", Format: "elf", Runtime: "native"}, "bind"},
		{"quiet", "", Program{Real: "/usr/bin/quiet", Format: "elf", Runtime: "native"}, "bind"},
		{"/usr/bin/embeds", "", Program{Real: "/usr/bin/embeds", Format: "elf", Runtime: "luajit"}, "bind"},
		{"/usr/bin/static", "", Program{Real: "/usr/bin/static", Format: "elf", Runtime: "native", Static: true}, ""},
		{"/usr/bin/golang", "", Program{Real: "/usr/bin/golang", Format: "elf", Runtime: "go", Static: true}, ""},
		{"/usr/bin/i386", "", Program{Real: "/usr/bin/i386", Format: "elf", Runtime: "native", Foreign: true}, ""},
		{"/usr/bin/broken", "", Program{Real: "/usr/bin/broken", Format: "elf", Runtime: "native", Problem: "the headers of broken cannot be read"}, ""},
		{"/usr/bin/text", "", Program{Real: "/usr/bin/text", Format: "other"}, ""},
		{"/usr/bin/setid", "", Program{Real: "/usr/bin/setid", Format: "elf", Runtime: "native", SetID: true}, "setuid"},
		{"/usr/bin/app", "", Program{Real: "/usr/bin/python3.11", Format: "script", Runtime: "python", Script: "/usr/bin/app"}, "chroot"},
		{"/usr/bin/wrapper", "", Program{Real: "/usr/bin/dash", Format: "script", Runtime: "shell", Script: "/usr/bin/wrapper"}, "fork"},
		{"/usr/bin/nested", "", Program{Real: "/usr/bin/python3.11", Format: "script", Runtime: "python", Script: "/usr/bin/nested"}, ""},
		{"/usr/bin/loop", "", Program{Real: "/usr/bin/loop", Format: "script", Script: "/usr/bin/loop", Problem: "the first line of /usr/bin/loop names no interpreter"}, ""},
		{"/usr/bin/lost", "", Program{Real: "/usr/bin/lost", Format: "script", Runtime: "ruby", Script: "/usr/bin/lost", Problem: "/opt/none/ruby3.1 is not there"}, ""},
		{"/usr/bin/nothing", "", Program{Real: "/usr/bin/nothing", Format: "script", Script: "/usr/bin/nothing", Problem: "the first line of /usr/bin/nothing names no interpreter"}, ""},
		{"/usr/bin", "", Program{Problem: "/usr/bin is not a file"}, ""},
		{"/opt/php8.2", "", Program{Problem: "/opt/php8.2 is not there", Runtime: "php"}, ""},
		{"unknown", "", Program{Problem: "unknown is in none of the usual directories"}, ""},
		{"/usr/sbin/nginx", "-g x", Program{Real: "/usr/sbin/nginx", Format: "elf", Runtime: "native", Daemon: "nginx"}, "initgroups"},
	} {
		p := Inspect(tree, c.path, strings.Fields(c.args), "a.service")
		if c.imports != "" {
			if _, ok := p.Imports(c.imports); !ok {
				t.Errorf("%s does not import %s: %v", c.path, c.imports, p.imports)
			}
		}
		netList := p.netList
		if netList != (c.path == "/usr/bin/golang") {
			t.Errorf("%s lists interfaces: %v", c.path, netList)
		}
		c.want.Path = c.path
		got := Program{
			Path: p.Path, Real: p.Real, Format: p.Format, Problem: p.Problem, Runtime: p.Runtime, Script: p.Script,
			Static: p.Static, Foreign: p.Foreign, SetID: p.SetID, Daemon: p.Daemon,
		}
		if !slices.Equal([]any{got.Path, got.Real, got.Format, got.Problem, got.Runtime, got.Script, got.Static, got.Foreign, got.SetID, got.Daemon},
			[]any{c.want.Path, c.want.Real, c.want.Format, c.want.Problem, c.want.Runtime, c.want.Script, c.want.Static, c.want.Foreign, c.want.SetID, c.want.Daemon}) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.path, got, c.want)
		}
	}
	if p := Inspect(tree, "/usr/share/x/helper", nil, "dnsmasq@eth0.service"); p.Daemon != "dnsmasq" {
		t.Errorf("the wrapper is %+v", p)
	}
	if p := Inspect(tree, "/usr/share/x/helper", nil, "dnsmasq-dhcp.service"); p.Daemon != "" {
		t.Errorf("the wrapper of another unit is %+v", p)
	}
}

// TestInspectReal looks at programs that a compiler made: this test, and what
// the machine has.
func TestInspectReal(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := Inspect(os.DirFS(filepath.Dir(self)), "/"+filepath.Base(self), nil, "")
	if p.Format == "elf" && p.Runtime != "go" {
		t.Errorf("this test is %+v", p)
	}
	if _, err := os.Stat("/bin/mount"); err != nil {
		t.Skip("there is no /bin/mount to look at")
	}
	if p = Inspect(os.DirFS("/"), "/bin/mount", nil, ""); p.Format == "elf" && p.Runtime == "native" && !p.Static {
		if _, ok := p.Imports("setuid", "execl", "execve", "execv", "fork", "open", "open64"); !ok {
			t.Errorf("mount imports %v", p.imports)
		}
	}
}

func TestSystemdVersion(t *testing.T) {
	if v := SystemdVersion(system()); v != 252 {
		t.Errorf("got %d", v)
	}
	if v := SystemdVersion(fstest.MapFS{}); v != 0 {
		t.Errorf("got %d for nothing", v)
	}
}

// TestELFReal compares the headers of real programs with what the standard
// library reads.
func TestELFReal(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range []string{self, "/bin/sh", "/bin/mount", "/usr/bin/perl", "/lib/x86_64-linux-gnu/libc.so.6"} {
		b, err := os.ReadFile(name)
		if err != nil || !bytes.HasPrefix(b, []byte("\x7fELF")) {
			continue
		}
		f, err := elf.NewFile(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		x, ok := parseELF(b)
		if !ok || x.bits32 != (f.Class == elf.ELFCLASS32) || x.bits32 {
			t.Fatalf("%s: %v, 32 bits: %v", name, ok, x.bits32)
		}
		read++
		libraries, _ := f.DynString(elf.DT_NEEDED)
		var imports []string
		symbols, _ := f.ImportedSymbols()
		for _, s := range symbols {
			imports = append(imports, s.Name)
		}
		slices.Sort(imports)
		if !slices.Equal(x.libraries, libraries) || !slices.Equal(x.imports, imports) || len(x.sections) != len(f.Sections) {
			t.Errorf("%s: %v, %d imports, %d sections; want %v, %d, %d", name, x.libraries, len(x.imports), len(x.sections), libraries, len(imports), len(f.Sections))
		}
	}
	if read == 0 {
		t.Skip("there is no program in ELF here")
	}
}

// FuzzInspect: no file makes looking at a program fail.
func FuzzInspect(f *testing.F) {
	for _, file := range system() {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := Inspect(fstest.MapFS{"p": program(data)}, "/p", []string{"a"}, "p.service")
		if p.Format == "" {
			t.Fatalf("%+v", p)
		}
	})
}
