package preflight_test

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/preflight"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// machine is a host in memory: files by their paths, directories are made of
// them and belong to root.
type machine map[string]host.File

func (machine) Live() bool       { return true }
func (machine) Privileged() bool { return true }
func (m machine) Exists(p string) bool {
	_, _, err := m.Peek(p, 0)
	return err == nil
}
func (m machine) ReadFile(p string) ([]byte, error) {
	_, f, err := m.Peek(p, 0)
	return f.Content, err
}
func (m machine) Peek(p string, _ int) (string, host.File, error) {
	if f, ok := m[p]; ok {
		if f.Mode&fs.ModeSymlink != 0 {
			return m.Peek(string(f.Content), 0)
		}
		return p, f, nil
	}
	for name := range m {
		if p == "/" || strings.HasPrefix(name, p+"/") {
			return p, host.File{Mode: fs.ModeDir | 0o755}, nil
		}
	}
	return "", host.File{}, &fs.PathError{Op: "peek", Path: p, Err: fs.ErrNotExist}
}
func (m machine) UserID(name string) (int, error) {
	if name == "web" {
		return 100, nil
	}
	return 0, fmt.Errorf("cannot find user %s: %w", name, host.ErrUnknownAccount)
}
func (m machine) GroupID(name string) (int, error) { return m.UserID(name) }

// program is the beginning of an ELF file: 64 bit, little endian, with an
// interpreter if it names one (elf(5)).
func program(machine uint16, interp string) string {
	b := make([]byte, 256)
	copy(b, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(b[18:], machine)
	binary.LittleEndian.PutUint64(b[32:], 64) // e_phoff
	binary.LittleEndian.PutUint16(b[54:], 56) // e_phentsize
	if interp != "" {
		binary.LittleEndian.PutUint16(b[56:], 1)
		binary.LittleEndian.PutUint32(b[64:], 3) // PT_INTERP
		binary.LittleEndian.PutUint64(b[72:], 160)
		binary.LittleEndian.PutUint64(b[96:], uint64(len(interp)+1))
		copy(b[160:], interp)
	}
	return string(b)
}

const amd64, i386, arm64, riscv = 62, 3, 183, 243

func file(mode fs.FileMode, uid, gid int, content string) host.File {
	return host.File{Mode: mode, UID: uid, GID: gid, Content: []byte(content)}
}

func base() machine {
	return machine{
		"/bin/sh":           file(0o755, 0, 0, program(amd64, "/lib64/ld.so")),
		"/lib64/ld.so":      file(0o755, 0, 0, program(amd64, "")),
		"/usr/bin/web":      file(0o755, 0, 0, program(amd64, "/lib64/ld.so")),
		"/usr/bin/env":      file(0o755, 0, 0, program(amd64, "")),
		"/usr/bin/python3":  file(fs.ModeSymlink|0o777, 0, 0, "/usr/bin/web"),
		"/etc/web/env":      file(0o600, 0, 0, "A=1\n"),
		"/var/log/x":        file(0o644, 0, 0, ""),
		"/proc/net/tcp":     file(0o444, 0, 0, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n   1: 0100007F:0050 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 1\n"),
		"/proc/net/tcp6":    file(0o444, 0, 0, "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n"),
		"/proc/net/udp":     file(0o444, 0, 0, "   0: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1\n"),
		"/opt/other/script": file(0o755, 0, 0, "#!/usr/bin/python3 -u\n"),
	}
}

func check(t *testing.T, h preflight.Host, doc string, scope generators.Scope) []string {
	t.Helper()
	daemons, diags := spec.Decode("x.yaml", []byte("version: 1\nname: x\n"+doc+"\n"))
	if diags.HasErrors() {
		t.Fatalf("%s: %v", doc, diags)
	}
	var found []string
	for _, g := range preflight.Check(daemons[0], daemons, h, scope) {
		if g.Span.Start.Line < 3 || g.File != "x.yaml" {
			t.Errorf("%s: %v has no place", doc, g)
		}
		found = append(found, string(g.Code)+" "+g.Severity.String()+" "+g.Path)
	}
	return found
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		change    machine
		want      []string
	}{
		{"fine", "command: [/usr/bin/web]", nil, nil},
		{"all that is there", "command: [/usr/bin/web]\nuser: web\ngroup: web\nworking_dir: /etc/web\nenv_file: /etc/web/env\nlogging: {stdout: 'append:/var/log/web.log'}", nil, nil},
		{"no program", "command: [/usr/bin/nope]", nil, []string{"P001 error command[0]"}},
		{"no program of a hook that may fail", "command: [/usr/bin/web]\nhooks: {pre_start: [{command: [/usr/bin/nope], ignore_failure: true}]}", nil, []string{"P001 warning hooks.pre_start[0].command[0]"}},
		{"other commands", "command: [/usr/bin/web]\nreload: {command: [/a]}\nstop: {command: [/b]}\nhealthcheck: {test: [/c]}", nil,
			[]string{"P001 error reload.command[0]", "P001 error stop.command[0]", "P001 error healthcheck.test[0]"}},
		{"made by the manager", "command: ['${state_dir}/web']\ndirectories: {state: x, logs: x}\nlogging: {stdout: 'append:${logs_dir}/x.log'}\nenv_file: '${state_dir}/env'", nil, nil},
		{"a directory", "command: [/etc/web]", nil, []string{"P002 error command[0]"}},
		{"not executable", "command: [/etc/web/env]", nil, []string{"P002 error command[0]"}},
		{"not for the user", "command: [/opt/own]\nuser: web", machine{"/opt/own": file(0o700, 0, 0, program(amd64, ""))}, []string{"P002 error command[0]"}},
		{"for the user", "command: [/opt/own]\nuser: web", machine{"/opt/own": file(0o700, 100, 100, program(amd64, ""))}, nil},
		{"another processor", "command: [/opt/arm]", machine{"/opt/arm": file(0o755, 0, 0, program(arm64, ""))}, []string{"P003 error command[0]"}},
		{"an emulated processor", "command: [/opt/riscv]", machine{"/opt/riscv": file(0o755, 0, 0, program(riscv, "")), "/proc/sys/fs/binfmt_misc/qemu-riscv": file(0o644, 0, 0, "")}, nil},
		{"32 bit", "command: [/opt/old]", machine{"/opt/old": file(0o755, 0, 0, program(i386, ""))}, nil},
		{"no binary", "command: [/opt/text]", machine{"/opt/text": file(0o755, 0, 0, "hello")}, []string{"P003 error command[0]"}},
		{"empty", "command: [/opt/empty]", machine{"/opt/empty": file(0o755, 0, 0, "")}, []string{"P003 error command[0]"}},
		{"no dynamic linker", "command: [/opt/musl]", machine{"/opt/musl": file(0o755, 0, 0, program(amd64, "/lib/ld-musl.so"))}, []string{"P004 error command[0]"}},
		{"headers that lie", "command: [/opt/odd]", machine{"/opt/odd": file(0o755, 0, 0, program(amd64, "")[:56]+"\xff\xff"+program(amd64, "")[58:])}, nil},
		{"a script", "command: [/opt/other/script]", nil, nil},
		{"no interpreter", "command: [/opt/s]", machine{"/opt/s": file(0o755, 0, 0, "#!/usr/bin/ruby\n")}, []string{"P004 error command[0]"}},
		{"interpreter in words", "command: [/opt/s]", machine{"/opt/s": file(0o755, 0, 0, "#!  \n")}, []string{"P004 error command[0]"}},
		{"carriage return", "command: [/opt/s]", machine{"/opt/s": file(0o755, 0, 0, "#!/bin/sh\r\n")}, []string{"P004 error command[0]"}},
		{"env", "command: [/opt/s]", machine{"/opt/s": file(0o755, 0, 0, "#!/usr/bin/env -S A=1 python3 -u\n")}, nil},
		{"env of nothing", "command: [/opt/s]", machine{"/opt/s": file(0o755, 0, 0, "#!/usr/bin/env ruby\n")}, []string{"P004 warning command[0]"}},
		{"no accounts", "command: [/usr/bin/web]\nuser: nope\ngroup: none\nsupplementary_groups: [web, nix]", nil,
			[]string{"P005 error user", "P005 error group", "P005 error supplementary_groups[1]"}},
		{"accounts to be made", "command: [/usr/bin/web]\nuser: nope\ncreate_user: true", nil, nil},
		{"numbers", "command: [/usr/bin/web]\nuser: '4711'\ngroup: '4711'", nil, nil},
		{"no working directory", "command: [/usr/bin/web]\nworking_dir: /nope", nil, []string{"P006 error working_dir"}},
		{"working in a file", "command: [/usr/bin/web]\nworking_dir: /etc/web/env", nil, []string{"P006 error working_dir"}},
		{"no directory for logs", "command: [/usr/bin/web]\nlogging: {stdout: 'append:/nope/x.log', stderr: 'file:/nope/y.log'}", nil, []string{"P006 error logging.stdout", "P006 error logging.stderr"}},
		{"no inputs", "command: [/usr/bin/web]\nenv_file: [/nope, {path: /nor, required: false}]\ncredentials: {key: /nope}\nstdin: 'file:/nope'", nil,
			[]string{"P008 error env_file[0].path", "P008 error credentials[0]", "P008 error stdin"}},
		// What others can change and root runs.
		{"somebody's program", "command: [/opt/w]", machine{"/opt/w": file(0o755, 1000, 0, program(amd64, ""))}, []string{"P007 error command[0]"}},
		{"everybody's program", "command: [/opt/w]", machine{"/opt/w": file(0o777, 0, 0, program(amd64, ""))}, []string{"P007 error command[0]"}},
		{"a group's program", "command: [/opt/w]", machine{"/opt/w": file(0o775, 0, 50, program(amd64, ""))}, []string{"P007 error command[0]"}},
		{"root's group", "command: [/opt/w]", machine{"/opt/w": file(0o775, 0, 0, program(amd64, ""))}, nil},
		{"a directory of others", "command: [/srv/a/b/w]", machine{"/srv/a": file(fs.ModeDir|0o755, 1000, 0, ""), "/srv/a/b/w": file(0o755, 0, 0, program(amd64, ""))}, []string{"P007 error command[0]"}},
		{"a directory for all", "command: [/srv/a/w]", machine{"/srv/a": file(fs.ModeDir|0o777, 0, 0, ""), "/srv/a/w": file(0o755, 0, 0, program(amd64, ""))}, []string{"P007 error command[0]"}},
		{"a sticky directory", "command: [/srv/a/w]", machine{"/srv/a": file(fs.ModeDir|fs.ModeSticky|0o777, 0, 0, ""), "/srv/a/w": file(0o755, 0, 0, program(amd64, ""))}, nil},
		{"a link to somebody's program", "command: [/opt/l]", machine{"/opt/l": file(fs.ModeSymlink|0o777, 0, 0, "/opt/w"), "/opt/w": file(0o755, 1000, 0, program(amd64, ""))}, []string{"P007 error command[0]"}},
		{"somebody's interpreter", "command: [/opt/s]", machine{"/opt/s": file(0o755, 0, 0, "#!/opt/i\n"), "/opt/i": file(0o755, 1000, 0, program(amd64, ""))}, []string{"P007 error command[0]"}},
		{"not run by root", "command: [/opt/w]\nuser: web", machine{"/opt/w": file(0o777, 1000, 0, program(amd64, ""))}, nil},
		{"a hook that root runs", "command: [/usr/bin/web]\nuser: web\nhooks: {pre_start: [{command: [/opt/w], privileged: true}]}", machine{"/opt/w": file(0o777, 0, 0, program(amd64, ""))}, []string{"P007 error hooks.pre_start[0].command[0]"}},
		{"everybody's environment", "command: [/usr/bin/web]\nenv_file: /opt/env", machine{"/opt/env": file(0o666, 0, 0, "")}, []string{"P007 error env_file[0].path"}},
		{"a directory of environment", "command: [/usr/bin/web]\nenv_file: /etc/web", nil, []string{"P008 error env_file[0].path"}},
		// proc_net(5): 127.0.0.1:8080 listens, :80 is a connection, [::]:22 is for all.
		{"port in use", "command: [/usr/bin/web]\nsockets: ['tcp://127.0.0.1:8080']", nil, []string{"P009 warning sockets[0].listen[0]"}},
		{"port in use by one address", "command: [/usr/bin/web]\nsockets: ['tcp://:8080']", nil, []string{"P009 warning sockets[0].listen[0]"}},
		{"another address", "command: [/usr/bin/web]\nsockets: ['tcp://127.0.0.2:8080', 'tcp://127.0.0.1:80', 'unix:///run/x.sock']", nil, nil},
		{"in use for all", "command: [/usr/bin/web]\nsockets: [{listen: ['tcp://:23', 'tcp://10.0.0.1:22']}]", nil, []string{"P009 warning sockets[0].listen[1]"}},
		{"udp", "command: [/usr/bin/web]\nsockets: ['udp://127.0.0.1:53', 'tcp://127.0.0.1:53']", nil, []string{"P009 warning sockets[0].listen[0]"}},
		{"shared", "command: [/usr/bin/web]\nsockets: [{listen: 'tcp://127.0.0.1:8080', reuse_port: true}]", nil, nil},
		{"selinux", "command: [/home/jo/web]\nuser: web", machine{"/home/jo/web": file(0o755, 0, 0, program(amd64, "")), "/sys/fs/selinux/enforce": file(0o644, 0, 0, "1")}, []string{"P011 warning command[0]"}},
		{"selinux permissive", "command: [/home/jo/web]\nuser: web", machine{"/home/jo/web": file(0o755, 0, 0, program(amd64, "")), "/sys/fs/selinux/enforce": file(0o644, 0, 0, "0")}, nil},
	} {
		h := base()
		maps.Copy(h, tt.change)
		got := check(t, h, tt.doc, generators.System)
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// In the user scope nothing is run by root, and there are no other accounts.
func TestCheckUser(t *testing.T) {
	h := base()
	h["/home/jo/bin/w"] = file(0o775, 1000, 1000, program(amd64, ""))
	h["/sys/fs/selinux/enforce"] = file(0o644, 0, 0, "1")
	if got := check(t, h, "command: [/home/jo/bin/w]\nenv_file: [{path: /nope, required: false}]", generators.User); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// Another kernel: nothing is said about the format of programs.
func TestCheckElsewhere(t *testing.T) {
	h := machine{"/bin/sh": file(0o755, 0, 0, "\xca\xfe\xba\xbe"), "/usr/local/bin/web": file(0o755, 0, 0, "\xca\xfe\xba\xbe")}
	if got := check(t, h, "command: [/usr/local/bin/web]", generators.System); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// The programs of this machine are fit for it.
func TestCheckHere(t *testing.T) {
	h, err := host.This(host.Programs{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no /bin/sh")
	}
	if got := check(t, h, "command: [/bin/sh]\nuser: root", generators.System); len(got) > 0 {
		t.Errorf("%q", got)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range check(t, h, "command: ["+self+"]\nuser: '4711'", generators.System) {
		if !strings.HasPrefix(found, string(diag.ProgramExecutable)) && !strings.HasPrefix(found, string(diag.SELinuxLabel)) {
			t.Errorf("this test is %s", found)
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, seed := range []string{program(amd64, "/lib64/ld.so"), "#!/bin/sh\n", "", "\x7fELF", program(amd64, "x")[:60]} {
		f.Add(seed)
	}
	daemons, _ := spec.Decode("x.yaml", []byte("version: 1\nname: x\ncommand: [/opt/x]\n"))
	f.Fuzz(func(t *testing.T, content string) {
		h := base()
		h["/opt/x"] = file(0o755, 0, 0, content)
		for _, g := range preflight.Check(daemons[0], nil, h, generators.System) {
			if g.Code != diag.ProgramFormat && g.Code != diag.InterpreterMissing {
				t.Errorf("%q: %v", content, g)
			}
		}
	})
}
