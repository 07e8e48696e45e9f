// Package preflight looks for what a machine lacks to run a daemon, before
// anything is changed: programs that do not exist, are for another processor or
// can be replaced by others, accounts, directories, addresses in use.
//
// It reports only what it is sure of. A path that the service manager will make,
// such as one in ${runtime_dir}, is not looked for, nor are accounts and
// directories that a daemon of the same installation brings.
package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// Host is what is asked of a machine; *host.Tree has it.
type Host interface {
	ReadFile(path string) ([]byte, error)
	Exists(path string) bool
	// Live reports whether the machine runs: only then are addresses in use.
	Live() bool
	Peek(name string, n int) (real string, f host.File, err error)
	// Privileged reports whether files below another root have the owners that
	// they are going to have.
	Privileged() bool
	UserID(name string) (int, error)
	GroupID(name string) (int, error)
}

// Check compares the machine with what d needs in a scope. with are the daemons
// that are installed together, d among them or not.
func Check(d *spec.Daemon, with []*spec.Daemon, h Host, scope generators.Scope) diag.List {
	c := checker{d: d, with: append(slices.Clone(with), d), h: h, scope: scope, uid: -1, gid: -1}
	c.accounts()
	// Paths within another root directory are those of that root.
	if d.Sandboxing.RootDirectory == "" && d.Sandboxing.RootImage == "" {
		c.commands()
		c.files()
	}
	c.addresses()
	c.found.Sort()
	return c.found
}

type checker struct {
	d        *spec.Daemon
	with     []*spec.Daemon
	h        Host
	scope    generators.Scope
	uid, gid int // of the service; -1 if not known
	found    diag.List
}

func (c *checker) report(code diag.Code, sev diag.Severity, path, summary, detail, fix string) {
	g := c.d.Diagnostic(code, sev, path, summary)
	g.Detail, g.Fix = detail, fix
	c.found = append(c.found, g)
}

// here is how the machine is called.
func (c *checker) here() string {
	if c.h.Live() {
		return " on this machine"
	}
	return " below --root"
}

// absent reports something that is not there. What is on a file system that the
// manager mounts before it starts the daemon may only not be mounted.
func (c *checker) absent(code diag.Code, sev diag.Severity, at, name, detail, fix string) {
	for _, m := range c.d.DependsOn.Mounts {
		if within(name, m) && sev == diag.Error {
			sev, detail = diag.Warning, "it may be on "+m+", which is mounted before the daemon starts"
		}
	}
	c.report(code, sev, at, name+" does not exist"+c.here(), detail, fix)
}

func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// brought reports whether a directory is one that a daemon of the installation
// declares.
func (c *checker) brought(dir string) bool {
	for _, d := range c.with {
		for _, x := range [...]struct{ base, name string }{
			{"/run", d.Directories.Runtime.Name}, {"/var/lib", d.Directories.State.Name}, {"/var/cache", d.Directories.Cache.Name},
			{"/var/log", d.Directories.Logs.Name}, {"/etc", d.Directories.Config.Name},
		} {
			if x.name != "" && !made(x.name) && path.Clean(dir) == path.Join(x.base, x.name) {
				return true
			}
		}
	}
	return false
}

// created reports whether an account is made with a daemon of the installation.
func (c *checker) created(name string, group bool) bool {
	return slices.ContainsFunc(c.with, func(d *spec.Daemon) bool {
		// A user comes with a group of the same name unless the spec names another.
		return d.CreateUser && (!group && d.User == name || group && (d.Group == name || d.Group == "" && d.User == name))
	})
}

// made reports whether a value depends on the instance or on a directory that
// the manager makes.
func made(s string) bool { return strings.IndexByte(s, 0) >= 0 }

// root reports whether the service runs as root.
func (c *checker) root() bool {
	return c.scope == generators.System && !c.d.Sandboxing.DynamicUser && (c.d.User == "" || c.d.User == "root" || c.d.User == "0")
}

func (c *checker) accounts() {
	d := c.d
	if c.scope == generators.User || d.Sandboxing.DynamicUser {
		return
	}
	look := func(field, name string, find func(string) (int, error), group bool) int {
		if name == "" || made(name) {
			return -1
		}
		if n, err := strconv.Atoi(name); err == nil {
			return n
		}
		id, err := find(name)
		switch {
		case err == nil:
			return id
		case c.created(name, group):
		case errors.Is(err, host.ErrUnknownAccount):
			fix := "make it (useradd --system, groupadd --system)"
			if strings.HasPrefix(field, "user") || field == "group" {
				fix += ", or write create_user: true"
			}
			kind, _, _ := strings.Cut(field, "[")
			c.report(diag.UnknownAccount, diag.Error, field, strings.TrimSuffix(strings.TrimPrefix(kind, "supplementary_"), "s")+" "+name+" does not exist"+c.here(), "", fix)
		}
		return -1
	}
	if d.User == "" {
		c.uid, c.gid = 0, 0
	} else {
		c.uid = look("user", d.User, c.h.UserID, false)
	}
	if gid := look("group", d.Group, c.h.GroupID, true); d.Group != "" {
		c.gid = gid
	}
	for i, g := range d.SupplementaryGroups {
		look(fmt.Sprintf("supplementary_groups[%d]", i), g, c.h.GroupID, true)
	}
}

func (c *checker) commands() {
	d := c.d
	c.program("command", d.Command, false, c.root())
	for _, h := range [...]struct {
		field string
		hooks []spec.Hook
	}{{"hooks.pre_start", d.Hooks.PreStart}, {"hooks.post_start", d.Hooks.PostStart}, {"hooks.pre_stop", d.Hooks.PreStop}, {"hooks.post_stop", d.Hooks.PostStop}} {
		for i, hook := range h.hooks {
			c.program(fmt.Sprintf("%s[%d].command", h.field, i), hook.Command, hook.IgnoreFailure, c.root() || hook.Privileged && c.scope == generators.System)
		}
	}
	c.program("reload.command", d.Reload.Command, false, c.root())
	c.program("stop.command", d.Stop.Command, false, c.root())
	c.program("healthcheck.test", d.Healthcheck.Test, false, c.root())
}

// peeked is how much of a program is read: its headers.
const peeked = 4096

// program checks what a command executes. optional is for one that may fail.
func (c *checker) program(field string, cmd spec.Command, optional, asRoot bool) {
	if len(cmd) == 0 || made(cmd[0]) || !path.IsAbs(cmd[0]) {
		return
	}
	name, at := cmd[0], field+"[0]"
	sev := diag.Error
	if optional {
		sev = diag.Warning
	}
	real, f, err := c.h.Peek(name, peeked)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.absent(diag.ProgramMissing, sev, at, name, "", "install it, or correct the path")
		return
	case err != nil && f.Mode == 0:
		return // nothing is known, for example for lack of permission
	case !f.Mode.IsRegular():
		c.report(diag.ProgramExecutable, sev, at, name+" is no regular file", "it leads to "+real+", which is "+kind(f.Mode), "name the program itself")
		return
	case f.Mode.Perm()&0o111 == 0:
		c.report(diag.ProgramExecutable, sev, at, name+" is not executable", fmt.Sprintf("its mode is %04o", f.Mode.Perm()), "chmod +x "+real)
		return
	case !asRoot && c.uid > 0 && f.UID != c.uid && f.Mode.Perm()&0o011 == 0, !asRoot && c.uid > 0 && f.UID == c.uid && f.Mode.Perm()&0o100 == 0:
		c.report(diag.ProgramExecutable, sev, at, c.d.User+" may not execute "+name, fmt.Sprintf("its mode is %04o and it belongs to user %d", f.Mode.Perm(), f.UID), "chmod o+x "+real)
	}
	if asRoot {
		c.unsafe(at, name, real)
	}
	if err == nil {
		c.format(at, name, f.Content, sev, asRoot)
	}
	c.selinux(at, real)
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "no regular file"
}

// unsafe reports what others than root can change about a file: the file, and
// every directory above it, in which it could be replaced.
func (c *checker) unsafe(at, name, real string) {
	if !c.h.Live() && !c.h.Privileged() {
		return // all of it belongs to whoever prepares it
	}
	for p := real; ; p = path.Dir(p) {
		_, f, err := c.h.Peek(p, 0)
		if err != nil {
			return
		}
		what := p
		if p == real {
			what = name
		}
		writable := f.Mode.Perm()&0o002 != 0 && !(f.Mode.IsDir() && f.Mode&fs.ModeSticky != 0)
		// A group that may write is taken for one of administrators only if it is root's.
		group := f.Mode.Perm()&0o020 != 0 && f.GID > 0 && !(f.Mode.IsDir() && f.Mode&fs.ModeSticky != 0)
		switch {
		case f.UID > 0:
			c.report(diag.UnsafeFile, diag.Error, at, what+", which root runs, belongs to user "+strconv.Itoa(f.UID), "who can change it is root", "chown root:root "+p)
			return
		case writable:
			c.report(diag.UnsafeFile, diag.Error, at, what+", which root runs, can be written by everybody", fmt.Sprintf("its mode is %04o: who can change it is root", f.Mode.Perm()), "chmod o-w "+p)
			return
		case group:
			c.report(diag.UnsafeFile, diag.Error, at, what+", which root runs, can be written by group "+strconv.Itoa(f.GID), fmt.Sprintf("its mode is %04o: who can change it is root", f.Mode.Perm()), "chmod g-w "+p)
			return
		}
		if p == "/" {
			return
		}
	}
}

// selinux warns of places whose files a system service may not execute.
func (c *checker) selinux(at, real string) {
	if c.scope != generators.System || !c.h.Live() {
		return
	}
	for _, dir := range [...]string{"/home/", "/root/", "/tmp/", "/var/tmp/"} {
		if !strings.HasPrefix(real, dir) {
			continue
		}
		if enforce, err := c.h.ReadFile("/sys/fs/selinux/enforce"); err == nil && strings.TrimSpace(string(enforce)) == "1" {
			c.report(diag.SELinuxLabel, diag.Warning, at, "SELinux may not let "+real+" be executed", "programs below "+dir+" have a type that services may not execute",
				"install the program below /usr/local, and run restorecon on it")
		}
	}
}

func (c *checker) files() {
	d := c.d
	for i, e := range d.EnvFile {
		at := fmt.Sprintf("env_file[%d].path", i)
		if made(e.Path) {
			continue
		}
		real, f, err := c.h.Peek(e.Path, 0)
		switch {
		case errors.Is(err, fs.ErrNotExist) && e.Required:
			c.absent(diag.InputMissing, diag.Error, at, e.Path, "", "make the file, or write required: false")
		case err != nil:
		case !f.Mode.IsRegular():
			c.report(diag.InputMissing, diag.Error, at, e.Path+" is "+kind(f.Mode), "", "name a file")
		case c.root():
			c.unsafe(at, e.Path, real)
		}
	}
	for i, cr := range d.Credentials {
		if !made(cr.Path) && path.IsAbs(cr.Path) && c.missing(cr.Path) {
			c.absent(diag.InputMissing, diag.Error, fmt.Sprintf("credentials[%d]", i), cr.Path, "", "make the file")
		}
	}
	if in, ok := strings.CutPrefix(d.Stdin, "file:"); ok && !made(in) && c.missing(in) {
		c.absent(diag.InputMissing, diag.Error, "stdin", in, "", "make the file")
	}
	if dir := d.WorkingDir; dir != "" && !made(dir) && path.IsAbs(dir) {
		if _, f, err := c.h.Peek(dir, 0); errors.Is(err, fs.ErrNotExist) && !c.brought(dir) {
			c.absent(diag.DirectoryMissing, diag.Error, "working_dir", dir, "", "make the directory, or declare it under directories")
		} else if err == nil && !f.Mode.IsDir() {
			c.report(diag.DirectoryMissing, diag.Error, "working_dir", dir+" is no directory", "", "name a directory")
		}
	}
	for _, s := range [...]struct{ field, to string }{{"logging.stdout", d.Logging.Stdout}, {"logging.stderr", d.Logging.Stderr}} {
		kind, file, ok := strings.Cut(s.to, ":")
		if ok && (kind == "file" || kind == "append") && !made(file) && c.missing(path.Dir(file)) && !c.brought(path.Dir(file)) {
			c.absent(diag.DirectoryMissing, diag.Error, s.field, path.Dir(file), "no manager makes the directory of a log file",
				"make the directory, or declare directories.logs and use ${logs_dir}")
		}
	}
}

func (c *checker) missing(name string) bool {
	_, _, err := c.h.Peek(name, 0)
	return errors.Is(err, fs.ErrNotExist)
}

// addresses looks for sockets of the spec that somebody has open (proc_net(5)).
func (c *checker) addresses() {
	if !c.h.Live() {
		return
	}
	tables := map[string][]listener{}
	for i := range c.d.Sockets {
		for k, a := range c.d.Sockets[i].Listen {
			if !a.IP() || c.d.Sockets[i].ReusePort {
				continue
			}
			if tables[a.Network] == nil {
				for _, family := range [...]string{"", "6"} {
					text, err := c.h.ReadFile("/proc/net/" + a.Network + family)
					if err == nil {
						tables[a.Network] = append(tables[a.Network], listeners(string(text), a.Network)...)
					}
				}
			}
			if j := slices.IndexFunc(tables[a.Network], func(l listener) bool { return l.conflicts(a) }); j >= 0 {
				c.report(diag.PortInUse, diag.Warning, fmt.Sprintf("sockets[%d].listen[%d]", i, k), a.String()+" is in use",
					"a process of user "+strconv.Itoa(tables[a.Network][j].uid)+" has it open; that is right if it is this daemon", "end the other process, or choose another address")
			}
		}
	}
}
