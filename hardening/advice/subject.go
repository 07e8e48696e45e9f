package advice

import (
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening/trace"
	"github.com/daemonize/daemonize/hardening/unit"
)

// subject is what is known of the service under advice.
type subject struct {
	unit     *unit.Unit
	programs []Program // of the main commands first
	known    *daemon
	trace    *trace.Facts
	profile  Profile
	kinds    []Kind
	version  int // of the target, which may be older than what can be scored

	root     bool   // the main process starts as root
	user     string // the account, for texts
	home     string // its home directory, if that is known
	jit      string // why its memory has to be writable and executable
	helper   string // a program with privileges of its own that it runs
	sessions string // why its children can be anything
	ports    []port
	paths    []pathUse
	declared []string // writable by declaration: directories of the unit
}

// port is a port that the service listens on.
type port struct {
	number int
	local  bool // bound to the loopback address
	why    string
}

// pathUse is an absolute path that the unit mentions.
type pathUse struct{ path, why string }

func newSubject(in *Input, u *unit.Unit) *subject {
	s := &subject{unit: u, trace: in.Trace, profile: in.Profile, version: in.Systemd}
	st := &u.Settings
	s.user = st.User.Value
	switch {
	case u.Scope == unit.User:
		s.user = "the user"
	case st.DynamicUser.Value:
		s.user = "a user of its own"
	case s.user == "" || s.user == "root" || s.user == "0":
		s.root, s.user = true, "root"
	default:
		s.home = homeOf(in.Tree, s.user)
	}
	s.commands(in)
	s.directories()
	s.runtimes()
	for _, p := range s.programs {
		if p.daemon != nil {
			s.known = p.daemon
			s.sessions = p.daemon.sessions
			break
		}
	}
	s.kinds = in.Kinds
	if len(s.kinds) == 0 {
		s.kinds = s.guess()
	}
	return s
}

// commands looks at every command of the unit, the main ones first.
func (s *subject) commands(in *Input) {
	commands := slices.Clone(s.unit.Commands)
	slices.SortStableFunc(commands, func(a, b unit.Command) int {
		return strings.Compare(strings.TrimPrefix(a.Key, "ExecStart"), strings.TrimPrefix(b.Key, "ExecStart"))
	})
	for i := range commands {
		c := &commands[i]
		if c.Privileged() {
			continue // outside of the sandbox
		}
		args := c.Args
		if len(args) > 0 {
			args = args[1:]
		}
		name := "" // helpers of a daemon are not the daemon
		if c.Key == "ExecStart" {
			name = s.unit.Name
		}
		tree := in.Tree
		if tree == nil {
			tree = Files{}
		}
		s.programs = append(s.programs, Inspect(tree, c.Path, args, name))
		s.mention(c.Path, c.Key)
		if base := path.Base(c.Path); s.helper == "" && slices.Contains(setIDPrograms[:], base) {
			s.helper = c.Key + "= runs " + base
		}
		s.arguments(args, c.Key)
	}
	for _, a := range s.unit.Get("Service", "Environment") {
		for word := range strings.FieldsSeq(a.Value) {
			name, value, ok := strings.Cut(strings.Trim(word, `"'`), "=")
			if ok && (name == "PORT" || strings.HasSuffix(name, "_PORT") && !strings.Contains(name, "DB") || strings.Contains(name, "LISTEN")) {
				s.listen(value, "Environment="+name, true)
			}
			if ok {
				s.mention(value, "Environment="+name)
			}
		}
	}
	if dir := s.unit.Settings.WorkingDirectory.Value; dir != "" {
		s.mention(dir, "WorkingDirectory")
	}
	// Shell scripts say what they run; so do wrappers.
	for i := range s.programs {
		p := &s.programs[i]
		if p.Runtime == "shell" && s.helper == "" {
			if name := helperIn(p.text); name != "" {
				s.helper = p.Script + " runs " + name
			}
		}
		if p.SetID && s.helper == "" {
			s.helper = p.Path + " has a set-user-ID or set-group-ID bit"
		}
	}
	if s.trace != nil {
		for _, p := range s.trace.Ports {
			s.ports = append(s.ports, port{number: p.Port, why: "the trace binds port " + strconv.Itoa(p.Port) + " at " + p.Place.String()})
		}
	}
}

// helperIn finds a set-user-ID program at the start of a command of a script.
func helperIn(script string) string {
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(";|&(){}`$", r) }) {
			words := strings.Fields(part)
			for len(words) > 1 && (words[0] == "exec" || words[0] == "if" || words[0] == "then" || words[0] == "!" || words[0] == "do" || words[0] == "else") {
				words = words[1:]
			}
			if len(words) > 1 && slices.Contains(setIDPrograms[:], path.Base(words[0])) {
				return path.Base(words[0])
			}
		}
	}
	return ""
}

// mention keeps an absolute path of the unit.
func (s *subject) mention(text, why string) {
	if _, value, ok := strings.Cut(text, "="); ok && !strings.HasPrefix(text, "/") {
		text = value
	}
	if strings.HasPrefix(text, "/") && len(text) > 1 {
		s.paths = append(s.paths, pathUse{path.Clean(text), why})
	}
}

// arguments looks for ports, paths and programs among the arguments.
func (s *subject) arguments(args []string, key string) {
	for i, a := range args {
		s.mention(a, key)
		if i == 0 || !strings.HasPrefix(a, "-") {
			before := ""
			if i > 0 {
				before = args[i-1]
			}
			s.listen(a, key, listens(before))
		}
		if name, value, ok := strings.Cut(a, "="); ok {
			s.listen(value, key, listens(name))
		}
		// sh -c 'sudo ...'
		if s.helper == "" && strings.ContainsAny(a, " \n") {
			if name := helperIn(a); name != "" {
				s.helper = key + "= runs " + name
			}
		}
		if s.helper == "" && slices.Contains(setIDPrograms[:], path.Base(a)) && strings.HasPrefix(a, "/") {
			s.helper = key + "= names " + a
		}
	}
}

// listens reports whether an option is about what a server listens on.
func listens(option string) bool {
	if !strings.HasPrefix(option, "-") {
		return false
	}
	option = strings.ToLower(strings.TrimLeft(option, "-"))
	return option == "p" || option == "l" || strings.Contains(option, "port") || strings.Contains(option, "listen") || strings.Contains(option, "bind")
}

// listen reads HOST:PORT, :PORT or, after an option about it, PORT.
func (s *subject) listen(text, why string, asked bool) {
	add := func(number string, local bool) {
		if n, err := strconv.ParseUint(number, 10, 16); err == nil && n > 0 {
			s.ports = append(s.ports, port{int(n), local, why + "= names port " + number})
		}
	}
	if after, ok := strings.CutPrefix(text, ":"); ok {
		add(after, false)
		return
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		// To another address it connects.
		if ap.Addr().IsUnspecified() || asked {
			add(strconv.Itoa(int(ap.Port())), ap.Addr().IsLoopback())
		}
		return
	}
	if host, number, ok := strings.Cut(text, ":"); ok && asked {
		add(number, host == "localhost")
		return
	}
	if asked {
		add(text, false)
	}
}

// lowPort returns a port for which CAP_NET_BIND_SERVICE is needed. Ports of
// sockets that the manager opens are not among those.
func (s *subject) lowPort() (port, bool) {
	for _, p := range s.ports {
		if p.number < 1024 {
			return p, true
		}
	}
	return port{}, false
}

// directories collects what the unit declares as writable.
func (s *subject) directories() {
	for _, d := range [...]struct{ key, base string }{
		{"StateDirectory", "/var/lib/"}, {"CacheDirectory", "/var/cache/"}, {"LogsDirectory", "/var/log/"}, {"RuntimeDirectory", "/run/"},
		{"ConfigurationDirectory", "/etc/"}, {"ReadWritePaths", ""}, {"ReadWriteDirectories", ""}, {"BindPaths", ""},
	} {
		for _, a := range s.unit.Get("Service", d.key) {
			for word := range strings.FieldsSeq(a.Value) {
				word, _, _ = strings.Cut(strings.TrimLeft(word, "-+"), ":")
				s.declared = append(s.declared, d.base+word)
			}
		}
	}
}

// runtimes finds out whether memory must be writable and executable.
func (s *subject) runtimes() {
	for i := range s.programs {
		p := &s.programs[i]
		r := runtimeNamed(p.Runtime)
		if r == nil {
			continue
		}
		args := s.unit.Commands
		switch {
		case p.Runtime == "node" && mentions(args, "--jitless"), p.Runtime == "luajit" && mentions(args, "-joff"):
			continue
		case r.jit != "" && s.jit == "":
			s.jit = p.Path + " runs " + r.name + ": " + r.jit
		case p.Runtime == "ruby" && (mentions(args, "--yjit") || mentions(args, "--jit") || s.environment("RUBY_YJIT_ENABLE")):
			s.jit = "YJIT is turned on, which compiles Ruby to machine code at run time"
		case p.Runtime == "php" && mentions(args, "opcache.jit"):
			s.jit = "opcache.jit is turned on, which compiles PHP to machine code at run time"
		}
	}
}

func mentions(commands []unit.Command, text string) bool {
	return slices.ContainsFunc(commands, func(c unit.Command) bool {
		return slices.ContainsFunc(c.Args, func(a string) bool { return strings.Contains(a, text) })
	})
}

func (s *subject) environment(name string) bool {
	return slices.ContainsFunc(s.unit.Get("Service", "Environment"), func(a unit.Assignment) bool { return strings.Contains(a.Value, name+"=") })
}

// guess finds the kinds of a service.
func (s *subject) guess() []Kind {
	var kinds []Kind
	switch {
	case s.known != nil:
		kinds = append(kinds, s.known.kind)
	case s.unit.Settings.Type.Value == "oneshot":
		kinds = append(kinds, TimerJob)
	case len(s.ports) > 0:
		kinds = append(kinds, Web)
	default:
		kinds = append(kinds, Worker)
	}
	if s.jit != "" {
		kinds = append(kinds, JITRuntime)
	}
	return kinds
}

func (s *subject) is(k Kind) bool { return slices.Contains(s.kinds, k) }

// imports returns a program of the unit that imports one of the functions.
// Interpreters do not count: they import everything, and what is used of it
// depends on the script.
func (s *subject) imports(names ...string) (string, bool) {
	for i := range s.programs {
		if !s.programs[i].Analyzable() {
			continue
		}
		if n, ok := s.programs[i].Imports(names...); ok {
			return s.programs[i].Path + " imports " + n, true
		}
	}
	return "", false
}

// analyzable reports whether all programs are machine code that says what it
// imports, so that what is not imported is not done.
func (s *subject) analyzable() bool {
	for i := range s.programs {
		if !s.programs[i].Analyzable() {
			return false
		}
	}
	return len(s.programs) > 0
}

// starts reports whether the service may start programs that nobody has looked
// at.
func (s *subject) starts() (string, bool) {
	for i := range s.programs {
		switch p := &s.programs[i]; {
		case p.Format == "":
			return "nothing is known of " + p.Path, true
		case p.Runtime == "shell":
			return p.Path + " is a shell script", true
		case !p.Analyzable():
			return p.Path + " runs code (" + p.Runtime + ") that may start other programs", true
		default:
			if n, ok := p.Imports("system", "popen", "execv", "execve", "execvp", "execvpe", "execl", "execlp", "execle", "posix_spawn", "posix_spawnp", "fexecve"); ok {
				return p.Path + " imports " + n + ", so it may start other programs", true
			}
		}
	}
	return "", false
}

// breaks returns why the tables say that the service does not work with a
// setting.
func (s *subject) breaks(directive string) (string, bool) {
	if s.known != nil {
		for _, b := range s.known.breaks {
			if b.directive == directive {
				return s.known.names[0] + ": " + b.why, true
			}
		}
	}
	return "", false
}

// drops reports whether the service starts as root and then changes to another
// user by itself, and how that is known.
func (s *subject) drops() (string, bool) {
	if !s.root {
		return "", false
	}
	if s.known != nil && s.known.drops {
		return s.known.names[0] + " changes to another user by itself", true
	}
	if why, ok := s.imports("setuid", "setresuid", "setreuid", "initgroups", "setgroups"); ok {
		return why, true
	}
	if s.trace != nil && s.trace.SetUser.Name != "" {
		return "the trace changes the user at " + s.trace.SetUser.Place.String(), true
	}
	return "", false
}

// below returns a path that the unit mentions below one of the directories.
func (s *subject) below(dirs ...string) (pathUse, bool) {
	for _, p := range s.paths {
		for _, d := range dirs {
			if p.path == d || strings.HasPrefix(p.path, d+"/") {
				return p, true
			}
		}
	}
	return pathUse{}, false
}

// name is how texts call the service's program.
func (s *subject) name() string {
	if s.known != nil {
		return s.known.names[0]
	}
	if len(s.programs) > 0 {
		return path.Base(s.programs[0].Path)
	}
	return s.unit.Name
}

// homeOf looks up the home directory of an account of the tree (passwd(5)).
func homeOf(tree fs.FS, user string) string {
	if tree == nil {
		return ""
	}
	name, err := unit.Resolve(tree, "etc/passwd")
	if err != nil {
		return ""
	}
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) == 7 && (f[0] == user || f[2] == user) {
			return f[5]
		}
	}
	return ""
}
