package rule

import (
	"bytes"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/argv"
)

func temporaryProgram(c *check) {
	if c.Unit != nil && (c.Unit.Settings.RootDirectory.Value != "" || c.Unit.Settings.RootImage.Value != "") {
		return
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		if dir := argv.Temporary(cmd.Args[0]); dir != "" {
			c.hit(cmd.At, cmd.Key, "the program "+cmd.Args[0]+" lies below "+dir+", where everybody can put files")
		}
	}
}

// homeProgram: a home directory belongs to somebody who is not the service.
func homeProgram(c *check) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		rest, ok := strings.CutPrefix(cmd.Args[0], "/home/")
		if !ok {
			rest, ok = strings.CutPrefix(cmd.Args[0], "/Users/")
		}
		owner, _, deeper := strings.Cut(rest, "/")
		if ok && deeper && (c.Facts.Root || cmd.Elevated) && owner != "linuxbrew" && owner != "Shared" {
			c.hit(cmd.At, cmd.Key, "root runs "+cmd.Args[0]+", which "+owner+" can change")
		}
	}
}

// relativeProgram: systemd looks in a fixed path, the other managers in that
// of whoever started them.
func relativeProgram(c *check) {
	if c.Unit != nil || !c.Facts.Root {
		return
	}
	for i := range c.Facts.Commands {
		if cmd := &c.Facts.Commands[i]; !strings.HasPrefix(cmd.Args[0], "/") && c.Backend != "sysvinit" && !strings.ContainsAny(cmd.Args[0], "%$") {
			c.hit(cmd.At, cmd.Key, "the program "+cmd.Args[0]+" is looked up in the PATH of whoever started the manager")
		}
	}
}

func searchPaths(c *check) {
	for i := range c.Facts.Environment {
		v := &c.Facts.Environment[i]
		if !isOneOf("PATH LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH DYLD_INSERT_LIBRARIES PYTHONPATH PERL5LIB RUBYLIB NODE_PATH GEM_PATH", v.Name) {
			continue
		}
		for dir := range strings.SplitSeq(v.Value, ":") {
			switch {
			case argv.Temporary(dir) != "":
				c.hit(v.At, v.Key, v.Name+" leads to "+dir+", where everybody can put files")
			case dir == "" && v.Value != "" && v.Name != "LD_PRELOAD" && v.Name != "PYTHONPATH", dir == ".", strings.HasPrefix(dir, "./"), strings.HasPrefix(dir, "../"):
				c.hit(v.At, v.Key, v.Name+" leads to the working directory of the process")
			}
		}
	}
}

// account is the number of the account of the service.
func (c *check) account() (uint32, bool) {
	if c.Facts.Root || c.Facts.User.Value == "" {
		return 0, false
	}
	return c.Tree.uid(c.Facts.User.Value)
}

// eachProgram calls visit for the program of each command, and for the script
// that an interpreter is given.
func (c *check) eachProgram(visit func(cmd *Command, path string)) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		args := unwrapped(cmd.Args)
		if strings.HasPrefix(args[0], "/") {
			visit(cmd, args[0])
		}
		if interpreter(args[0]) == "" && !isOneOf("sh bash dash", base(args[0])) {
			continue
		}
		for _, a := range args[1:] {
			if strings.HasPrefix(a, "/") {
				visit(cmd, a)
			}
			if !strings.HasPrefix(a, "-") {
				break
			}
		}
	}
}

// changeableProgram: whoever can change what root runs is root, and whoever
// can change what another account runs is that account.
func changeableProgram(c *check) {
	if c.Tree == nil || c.hidden() {
		return
	}
	own, isOwn := c.account()
	c.eachProgram(func(cmd *Command, path string) {
		everybody, uid, somebody, through := c.Tree.changers(path)
		switch {
		case everybody:
			c.hit(cmd.At, cmd.Key, "everybody can change "+path+through_(path, through))
		case somebody && !(isOwn && uid == own):
			c.hit(cmd.At, cmd.Key, c.Tree.user(uid)+" can change "+path+through_(path, through)+", which runs as another account")
		case somebody && cmd.Elevated:
			c.hit(cmd.At, cmd.Key, "the service can change "+path+through_(path, through)+", which runs as root")
		}
	})
}

func through_(path, through string) string {
	if through == path || through == "" {
		return ""
	}
	return " through " + through
}

// hidden reports whether the service sees other files than the tree has.
func (c *check) hidden() bool {
	return c.Unit != nil && (c.Unit.Settings.RootDirectory.Value != "" || c.Unit.Settings.RootImage.Value != "")
}

func ownProgram(c *check) {
	if c.Tree == nil || c.hidden() {
		return
	}
	own, isOwn := c.account()
	if !isOwn {
		return
	}
	c.eachProgram(func(cmd *Command, path string) {
		if everybody, uid, somebody, through := c.Tree.changers(path); !everybody && somebody && uid == own && !cmd.Elevated && !c.readOnly(path) {
			c.hit(cmd.At, cmd.Key, "the service can change its own program "+path+through_(path, through))
		}
	})
}

// readOnly reports whether the sandbox keeps the service from writing a path.
func (c *check) readOnly(path string) bool {
	if c.Unit == nil {
		return false
	}
	switch s := &c.Unit.Settings; s.ProtectSystem.Value {
	case "strict":
		return !c.writable(path)
	case "full":
		return within(path, "/usr") || within(path, "/boot") || within(path, "/etc")
	case "yes":
		return within(path, "/usr") || within(path, "/boot")
	}
	return false
}

// writable reports whether ReadWritePaths opens a path again.
func (c *check) writable(path string) bool {
	for _, a := range c.Unit.Get(section(c.Unit), "ReadWritePaths") {
		for _, word := range unit.SplitWords(a.Value) {
			if within(path, strings.TrimLeft(c.Unit.Expand(word), "-+")) {
				return true
			}
		}
	}
	return false
}

// configFiles calls visit for each argument that names a file below /etc.
func (c *check) configFiles(visit func(cmd *Command, path string)) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		for _, a := range cmd.Args[1:] {
			if _, v, ok := strings.Cut(a, "="); ok {
				a = v
			}
			if within(a, "/etc") || within(a, "/usr/local/etc") {
				visit(cmd, a)
			}
		}
	}
}

func changeableConfig(c *check) {
	if c.Tree == nil || c.hidden() {
		return
	}
	own, isOwn := c.account()
	c.configFiles(func(cmd *Command, path string) {
		everybody, uid, somebody, through := c.Tree.changers(path)
		switch {
		case everybody:
			c.hit(cmd.At, cmd.Key, "everybody can change the configuration "+path+through_(path, through))
		case somebody && !(isOwn && uid == own):
			c.hit(cmd.At, cmd.Key, c.Tree.user(uid)+" can change the configuration "+path+through_(path, through))
		}
	})
}

func ownConfig(c *check) {
	if c.Tree == nil || c.hidden() {
		return
	}
	own, isOwn := c.account()
	if !isOwn {
		return
	}
	c.configFiles(func(cmd *Command, path string) {
		if everybody, uid, somebody, through := c.Tree.changers(path); !everybody && somebody && uid == own && !c.readOnly(path) {
			c.hit(cmd.At, cmd.Key, "the service can change its own configuration "+path+through_(path, through))
		}
	})
}

func changeableEnv(c *check) {
	if c.Tree == nil {
		return
	}
	for _, f := range c.Facts.EnvFiles {
		switch everybody, uid, somebody, through := c.Tree.changers(f.Value); {
		case everybody:
			c.hit(f.At, f.Key, "everybody can change "+f.Value+through_(f.Value, through)+", from which the environment is read")
		case somebody:
			c.hit(f.At, f.Key, c.Tree.user(uid)+" can change "+f.Value+through_(f.Value, through)+", from which the environment is read")
		}
	}
}

func openWorkingDir(c *check) {
	f := &c.Facts
	if f.WorkingDir.Value == "" {
		return
	}
	if dir := argv.Temporary(f.WorkingDir.Value); dir == f.WorkingDir.Value && (c.Unit == nil || c.Unit.Settings.PrivateTmp.Value == "no") {
		c.hit(f.WorkingDir.At, f.WorkingDir.Key, "the working directory is "+dir+", where everybody can put files")
		return
	}
	if c.Tree == nil || c.hidden() {
		return
	}
	if e := c.Tree.find(f.WorkingDir.Value, nil); e.err == nil && e.mode.IsDir() && e.mode&0o002 != 0 {
		c.hit(f.WorkingDir.At, f.WorkingDir.Key, "everybody can put files into the working directory "+f.WorkingDir.Value)
	}
}

// writableCode: interpreters load modules from the directory of the script or
// from the working directory.
func writableCode(c *check) {
	main := c.Facts.Main()
	if c.Tree == nil || main == nil || c.hidden() || c.Facts.WorkingDir.Value == "" {
		return
	}
	args := unwrapped(main.Args)
	if interpreter(args[0]) == "" || len(args) < 2 {
		return
	}
	relative := args[1] == "-m"
	for _, a := range args[1:] {
		if !strings.HasPrefix(a, "-") {
			relative = relative || !strings.HasPrefix(a, "/")
			break
		}
	}
	own, isOwn := c.account()
	if e := c.Tree.find(c.Facts.WorkingDir.Value, nil); relative && isOwn && e.err == nil && e.known && e.uid == own && !c.readOnly(c.Facts.WorkingDir.Value) {
		c.hit(c.Facts.WorkingDir.At, c.Facts.WorkingDir.Key, base(args[0])+" loads its code from "+c.Facts.WorkingDir.Value+", which the service can change")
	}
}

func changeableUnit(c *check) {
	if c.Tree == nil {
		return
	}
	files := []string{c.At.File}
	if c.Unit != nil {
		files = append([]string{c.Unit.Path}, c.Unit.DropIns...)
	}
	for _, f := range files {
		at := unit.Origin{File: f}
		at.Line, at.Column = 1, 1
		switch everybody, uid, somebody, through := c.Tree.changers(f); {
		case everybody:
			c.hit(at, "", "everybody can change "+f+through_("/"+f, through))
		case somebody && !c.Facts.UserScope:
			c.hit(at, "", c.Tree.user(uid)+" can change "+f+through_("/"+f, through))
		}
	}
}

func missingProgram(c *check) {
	if c.Tree == nil || c.hidden() {
		return
	}
	// A condition on a file is how units say that a package may be missing.
	conditional := c.Unit != nil && slices.ContainsFunc(c.Unit.Assignments, func(a unit.Assignment) bool {
		return a.Section == "Unit" && (strings.HasPrefix(a.Key, "ConditionPath") || strings.HasPrefix(a.Key, "ConditionFile") ||
			strings.HasPrefix(a.Key, "ConditionDirectory") || strings.HasPrefix(a.Key, "AssertPath") || strings.HasPrefix(a.Key, "AssertFile"))
	})
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		if cmd.Optional || conditional || !strings.HasPrefix(cmd.Args[0], "/") || runtimePath(cmd.Args[0]) {
			continue
		}
		if c.Tree.missing(cmd.Args[0]) {
			c.hit(cmd.At, cmd.Key, "there is no program "+cmd.Args[0])
		}
	}
}

// runtimePath reports whether a path is made while the system runs.
func runtimePath(path string) bool {
	return within(path, "/run") || within(path, "/proc") || within(path, "/sys") || within(path, "/dev") || within(path, "/tmp")
}

func missingInterpreter(c *check) {
	if c.Tree == nil || c.hidden() {
		return
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		if !strings.HasPrefix(cmd.Args[0], "/") {
			continue
		}
		first, _, _ := bytes.Cut(c.Tree.head(cmd.Args[0], 256), []byte("\n"))
		line, ok := strings.CutPrefix(string(first), "#!")
		if words := strings.Fields(line); ok && len(words) > 0 && strings.HasPrefix(words[0], "/") && c.Tree.missing(words[0]) {
			c.hit(cmd.At, cmd.Key, cmd.Args[0]+" needs the interpreter "+words[0]+", which is not there")
		}
	}
}

func pinnedPath(c *check) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		for _, a := range cmd.Args {
			if !strings.HasPrefix(a, "/") {
				continue
			}
			if version := argv.PinnedDir(a); version != "" {
				c.hit(cmd.At, cmd.Key, a+" belongs to the version "+version+", which the next upgrade removes")
				break
			}
		}
		// /usr/bin/python3.11 goes away when the distribution moves on.
		if name := base(cmd.Args[0]); interpreter(cmd.Args[0]) != "" && strings.Contains(name, ".") && within(cmd.Args[0], "/usr/bin") {
			c.hit(cmd.At, cmd.Key, cmd.Args[0]+" is one version of the interpreter, which an upgrade of the system removes")
		}
	}
}
