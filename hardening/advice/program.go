package advice

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
)

// Program is what can be told of a program by looking at its file.
type Program struct {
	Path string `json:"path"` // as the unit names it
	// Real is the file that is executed in the end: without links, and for a
	// script the interpreter's.
	Real string `json:"real,omitempty"`
	// Format is elf, script or other; empty if the file cannot be read.
	Format string `json:"format,omitempty"`
	// Problem says why the file could not be looked at.
	Problem string `json:"problem,omitempty"`
	// Runtime is what executes the code: node, java, php, python, ruby, perl,
	// shell and others, go for programs written in Go, native for other machine
	// code; empty if that is not known.
	Runtime string `json:"runtime,omitempty"`
	// Script is the script that the runtime executes, if the file is one.
	Script string `json:"script,omitempty"`
	// Static is set for machine code that needs no shared library.
	Static bool `json:"static,omitempty"`
	// Foreign is set for machine code of another architecture than most of the
	// system: 32 bits.
	Foreign bool `json:"foreign,omitempty"`
	// SetID is set for a file with set-user-ID or set-group-ID bit.
	SetID bool `json:"set_id,omitempty"`
	// Daemon is the name under which the tables know the program.
	Daemon string `json:"daemon,omitempty"`

	imports   []string // functions of shared libraries, sorted
	libraries []string
	daemon    *daemon
	text      string // of a script
	netList   bool   // a Go program that lists the network interfaces
}

// Imports reports whether the program asks shared libraries for one of the
// functions, and which. It knows only what a dynamically linked program says.
func (p *Program) Imports(names ...string) (string, bool) {
	for _, n := range names {
		if _, ok := slices.BinarySearch(p.imports, n); ok {
			return n, true
		}
	}
	return "", false
}

// Analyzable reports whether the functions that the program imports are known,
// so that the lack of one means something.
func (p *Program) Analyzable() bool { return p.Runtime == "native" && len(p.imports) > 0 }

// maxProgram bounds how much of a program is searched for names.
const maxProgram = 64 << 20

// Inspect looks at a program in a file tree, the root of a host or of an image.
// args are its arguments without the zeroth; unitName is the unit that runs it,
// which tells what a wrapper script starts. It never fails: what cannot be
// found out is left empty, and Problem says why.
func Inspect(tree fs.FS, file string, args []string, unitName string) Program {
	p := Program{Path: file}
	name := strings.TrimPrefix(path.Clean("/"+file), "/")
	if !strings.Contains(file, "/") {
		found, ok := lookPath(tree, file)
		if !ok {
			p.Problem = file + " is in none of the usual directories"
		}
		name = found
	}
	base := path.Base(file)
	p.daemon = lookupDaemon(base, unitName)
	if p.Problem == "" {
		p.look(tree, name, 0)
	}
	if p.Runtime == "" || p.Runtime == "native" {
		// The name is a clue where the file is out of reach, and for wrappers.
		if r := lookupRuntime(base); r != nil {
			p.Runtime = r.name
		}
	}
	if p.Script == "" && p.Runtime != "native" && p.Runtime != "go" {
		p.Script = scriptOf(p.Runtime, args)
	}
	if p.daemon == nil && p.Real != "" {
		p.daemon = lookupDaemon(path.Base(p.Real), unitName)
	}
	if p.daemon != nil {
		p.Daemon = p.daemon.names[0]
	}
	return p
}

// searchPath is what systemd searches for a program without a slash
// (systemd.service(5)).
var searchPath = [...]string{"usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"}

func lookPath(tree fs.FS, name string) (string, bool) {
	for _, dir := range searchPath {
		file := path.Join(dir, name)
		if real, err := unit.Resolve(tree, file); err == nil {
			if info, err := fs.Stat(tree, real); err == nil && info.Mode().IsRegular() {
				return file, true
			}
		}
	}
	return "", false
}

// look reads a file, and the interpreter of a script up to the kernel's limit
// of nested ones (execve(2)).
func (p *Program) look(tree fs.FS, name string, level int) {
	real, err := unit.Resolve(tree, name)
	var info fs.FileInfo
	if err == nil {
		info, err = fs.Stat(tree, real)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Problem = "/" + name + " is not there"
		return
	case err != nil:
		p.Problem = "/" + name + " cannot be read"
		return
	case !info.Mode().IsRegular():
		p.Problem = "/" + name + " is not a file"
		return
	}
	p.Real = "/" + real
	p.SetID = p.SetID || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0
	content, err := read(tree, real)
	if err != nil {
		p.Problem = "/" + name + " cannot be read"
		return
	}
	switch {
	case bytes.HasPrefix(content, []byte("\x7fELF")):
		if p.Format == "" {
			p.Format = "elf"
		}
		p.elf(content, path.Base(real))
	case bytes.HasPrefix(content, []byte("#!")):
		if level == 0 {
			p.Format = "script"
			p.Script = "/" + real
			p.text = string(content[:min(len(content), 256<<10)])
		}
		interpreter := shebang(content)
		if interpreter == "" || level > 4 {
			p.Problem = "the first line of /" + name + " names no interpreter"
			return
		}
		if r := lookupRuntime(path.Base(interpreter)); r != nil {
			p.Runtime = r.name
		}
		if !strings.HasPrefix(interpreter, "/") {
			found, ok := lookPath(tree, interpreter)
			if !ok {
				p.Problem = interpreter + " is not in the usual directories"
				return
			}
			interpreter = found
		}
		p.look(tree, strings.TrimPrefix(path.Clean(interpreter), "/"), level+1)
	default:
		if p.Format == "" {
			p.Format = "other"
		}
	}
}

func read(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, maxProgram))
}

// shebang returns the interpreter of a script; of env the program it starts.
func shebang(content []byte) string {
	line, _, _ := bytes.Cut(content[2:min(len(content), 256)], []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return ""
	}
	if path.Base(words[0]) != "env" {
		return words[0]
	}
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
			return w
		}
	}
	return words[0]
}

// lookupRuntime finds a runtime by the base name of its program, with which a
// version may stand: python3.11, php-fpm8.2, ruby3.1.
func lookupRuntime(base string) *runtime {
	for i := range runtimes {
		for _, n := range runtimes[i].names {
			rest, ok := strings.CutPrefix(base, n)
			if ok && (strings.Trim(rest, "-.0123456789") == "" || strings.HasSuffix(n, "-")) {
				return &runtimes[i]
			}
		}
	}
	return nil
}

func runtimeNamed(name string) *runtime {
	for i := range runtimes {
		if runtimes[i].name == name {
			return &runtimes[i]
		}
	}
	return nil
}

// scriptOf finds the script among the arguments of a runtime.
func scriptOf(runtime string, args []string) string {
	if runtime == "" {
		return ""
	}
	for i, a := range args {
		switch {
		case a == "-jar" && i+1 < len(args):
			return args[i+1]
		case a == "-m" || a == "-c" || a == "-e":
			return ""
		case !strings.HasPrefix(a, "-"):
			return a
		}
	}
	return ""
}

// elf reads the headers of machine code; what is broken stays unknown.
func (p *Program) elf(content []byte, base string) {
	runtime := lookupRuntime(base)
	if runtime != nil {
		p.Runtime = runtime.name
	} else if p.Runtime == "" {
		p.Runtime = "native"
	}
	x, ok := parseELF(content)
	if !ok {
		if p.Problem == "" {
			p.Problem = "the headers of " + base + " cannot be read"
		}
		return
	}
	p.Foreign = p.Foreign || x.bits32
	p.Static = x.static
	p.libraries, p.imports = x.libraries, x.imports
	if runtime == nil && p.Runtime == "native" {
		p.embedded(x.sections, content)
	}
}

// embedded finds the runtime of machine code that is not named for one.
func (p *Program) embedded(sections []string, content []byte) {
	if slices.Contains(sections, ".go.buildinfo") || slices.Contains(sections, ".note.go.buildid") {
		p.Runtime = "go"
		// The table of function names is kept in stripped programs too.
		p.netList = bytes.Contains(content, []byte("\x00net.Interfaces\x00"))
		return
	}
	for i := range runtimes {
		for _, prefix := range runtimes[i].libraries {
			if slices.ContainsFunc(p.libraries, func(l string) bool { return strings.HasPrefix(l, prefix) }) {
				p.Runtime = runtimes[i].name
				return
			}
		}
	}
}

// usesLibrary returns the first library of the program that begins so.
func (p *Program) usesLibrary(prefix string) (string, bool) {
	for _, l := range p.libraries {
		if strings.HasPrefix(l, prefix) {
			return l, true
		}
	}
	return "", false
}
