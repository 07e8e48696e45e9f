package spec

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daemonize/daemonize/internal/argv"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
)

// eachCommand calls visit for every command of the daemon. A privileged hook
// runs as root and outside the sandbox.
func (c *checker) eachCommand(visit func(path string, cmd Command, privileged bool)) {
	one := func(path string, cmd Command) {
		if len(cmd) > 0 {
			visit(path, cmd, false)
		}
	}
	one("command", c.Command)
	one("stop.command", c.Stop.Command)
	one("reload.command", c.Reload.Command)
	for _, l := range [...]struct {
		path  string
		hooks []Hook
	}{{"hooks.pre_start", c.Hooks.PreStart}, {"hooks.post_start", c.Hooks.PostStart}, {"hooks.pre_stop", c.Hooks.PreStop}, {"hooks.post_stop", c.Hooks.PostStop}} {
		for i := range l.hooks {
			if len(l.hooks[i].Command) > 0 {
				visit(item(l.path, i)+".command", l.hooks[i].Command, l.hooks[i].Privileged)
			}
		}
	}
	one("healthcheck.test", c.Healthcheck.Test)
}

// commands checks what is written in argument vectors.
func (c *checker) commands() {
	c.eachCommand(func(path string, cmd Command, privileged bool) {
		c.shellSyntax(path, cmd)
		c.pinned(path, cmd)
		c.secretArguments(path, cmd)
		if dir := argv.Temporary(cmd[0]); dir != "" && c.Sandboxing.RootDirectory == "" && c.Sandboxing.RootImage == "" {
			c.warn(diag.TemporaryProgram, arg(path, 0), "the program lies below "+dir, "the directory is emptied at boot, and anybody can write to it",
				"install the program below /usr/local or /opt")
		}
		// sudo(8) and su(1) are set-user-ID root; see no_new_privs in prctl(2).
		if base := baseName(cmd[0]); c.Sandboxing.NoNewPrivileges && !c.isRoot() && !privileged && argv.NeedsSetuid(base) {
			c.fail(diag.SetuidProgram, arg(path, 0), base+" cannot work with no_new_privileges", "its set-user-ID bit has no power",
				"run the service as the wanted user, use a hook with privileged: true, or "+c.lift(field.SandboxingNoNewPrivileges, "false"),
				c.by(field.SandboxingNoNewPrivileges))
		}
	})
}

// arg is the path of an argument.
func arg(path string, i int) string { return item(path, i) }

const shells = "sh bash dash ash zsh ksh mksh busybox fish csh tcsh"

// takesCode reports whether the program is given code or a pattern language
// of its own, in which shell characters mean something else.
func takesCode(cmd Command) bool {
	base := baseName(cmd[0])
	if oneOfWords(shells+" awk gawk mawk sed expr test [ find jq yq ssh tmux screen watch expect psql sqlite3 mysql", base) {
		return true
	}
	interpreter := strings.TrimRight(base, "0123456789.")
	return oneOfWords("perl python pypy ruby php node nodejs deno bun lua luajit tclsh Rscript guile", interpreter) &&
		slices.ContainsFunc(cmd[1:], func(a string) bool {
			return oneOfWords("-c -e -E -r -p -n --eval --exec", a) || strings.HasPrefix(a, "-e") && len(a) > 2
		})
}

// shellOperators are words that only a shell understands.
const shellOperators = "| || && ; & > >> < << 1> 1>> 2> 2>> &> &>> 2>&1 1>&2 >&2 |&"

func (c *checker) shellSyntax(path string, cmd Command) {
	if takesCode(cmd) {
		return
	}
	for i, a := range cmd {
		if i > 0 && oneOfWords(shells, baseName(a)) && i+1 < len(cmd) {
			return // env, nice, flock and others that run a shell
		}
		what, fix := shellWord(a)
		if what == "" || i == 0 && what == "a glob" {
			continue
		}
		at := arg(path, i)
		if what == "a variable" {
			// $$ in the document says that the dollar sign is meant.
			if n, _ := c.root.Find(at); n != nil && strings.Contains(n.Value, "$$") {
				continue
			}
			if path == "reload.command" && strings.Contains(a, "$MAINPID") {
				fix = "use reload: {signal: SIGHUP}"
			}
		}
		if what == "a glob" {
			c.report(diag.ShellSyntax, diag.Note, at, "the argument "+strconv.Quote(Display(a))+" reaches the program as it is",
				"no shell expands it", "name the files, or use shell: for a script, if the program does not expand it itself")
			return
		}
		c.warn(diag.ShellSyntax, at, "the argument "+strconv.Quote(Display(a))+" is "+what+" only in a shell",
			"commands do not pass through a shell, so the program is given it as it is", fix)
		return
	}
}

// shellWord says what an argument would be to a shell, "" if nothing special.
func shellWord(a string) (what, fix string) {
	const script = "use shell: for a script"
	switch {
	case a == "":
		return "", ""
	case oneOfWords(shellOperators, a):
		if strings.ContainsAny(a, "<>") {
			return "a redirection", "use logging.stdout, logging.stderr and stdin for files, or " + script
		}
		return "an operator", script
	case strings.HasPrefix(a, ">/"), strings.HasPrefix(a, ">>/"), strings.HasPrefix(a, "2>/"), strings.HasPrefix(a, "2>>/"), strings.HasPrefix(a, "</"):
		return "a redirection", "use logging.stdout, logging.stderr and stdin for files, or " + script
	case a == "~" || strings.HasPrefix(a, "~/"):
		return "a home directory", "write the whole path"
	case strings.ContainsAny(a, " \t\n"):
		return "", "" // text, quoted deliberately
	case strings.Contains(a, "$("), strings.Count(a, "`") == 2:
		return "a command substitution", script
	case hasVariable(a):
		return "a variable", "write the value, or $$ for a $ that is meant literally"
	case a[0] == '/' && strings.Contains(a, "*"):
		return "a glob", ""
	}
	return "", ""
}

// hasVariable finds $NAME in capitals at the start of the argument or of a
// value in it; anything else with a $ is more likely a pattern.
func hasVariable(a string) bool {
	for i := 0; i+1 < len(a); i++ {
		if a[i] == '$' && (i == 0 || strings.IndexByte("=:/@,", a[i-1]) >= 0) && (a[i+1] == '_' || 'A' <= a[i+1] && a[i+1] <= 'Z') {
			return true
		}
	}
	return false
}

// pinned finds paths that belong to one installed version.
func (c *checker) pinned(path string, cmd Command) {
	for i, a := range cmd {
		if !strings.HasPrefix(a, "/") {
			continue
		}
		if dir := argv.PinnedDir(a); dir != "" {
			c.warn(diag.PinnedVersion, arg(path, i), "the path names the version "+strconv.Quote(dir),
				"the next upgrade removes it, and the service no longer starts", "use the path that the package manager keeps stable, such as a link in its bin directory")
			return
		}
	}
}

func (c *checker) secretArguments(path string, cmd Command) {
	i, flag := argv.Secret(cmd)
	if i == 0 {
		return
	}
	c.secret(diag.SecretArgument, arg(path, i), c.part(arg(path, i), flag), "the argument "+Display(flag)+" holds a secret",
		"arguments can be read by every local user", "pass a file instead, for example by credentials, or use env_file")
}

func (c *checker) environment() {
	for i := range c.Environment {
		v := &c.Environment[i]
		if argv.SecretVariable(v.Name, v.Value) {
			path := ynode.JoinKey("environment", v.Name)
			var at diag.Span
			if n, _ := c.root.Find("environment"); n.Kind == ynode.Sequence {
				path = item("environment", i)
				at = c.part(path, v.Name)
			} else {
				at = n.Get(v.Name).KeySpan
			}
			c.secret(diag.SecretVariable, path, at, "the variable "+v.Name+" holds a secret",
				"variables in a unit file can be read by every local user", "use env_file with mode 0600, or credentials")
		}
		if j := slices.Index(c.UnsetEnvironment, v.Name); j >= 0 {
			c.warn(diag.UnsetVariable, item("unset_environment", j), "the variable "+v.Name+" is both set and unset", "it never reaches the service",
				"remove one", also{ynode.JoinKey("environment", v.Name), "set here"})
		}
	}
}

// secret reports a place that holds a secret by its name only, so that the
// secret is not repeated in logs; see diag.Code.Secret.
func (c *checker) secret(code diag.Code, path string, at diag.Span, summary, detail, fix string) {
	g := c.Diagnostic(code, diag.Warning, path, summary)
	g.Span, g.Detail, g.Fix = at, detail, fix
	*c.diags = append(*c.diags, g)
}

// part is the span of a part of a scalar, or of its start if the part cannot
// be found in it.
func (c *checker) part(path, part string) diag.Span {
	n, span := c.root.Find(path)
	if n.Kind == ynode.Scalar {
		span = n.Span
	}
	i := strings.Index(n.Value, part)
	if i < 0 || span.Start.Line != span.End.Line {
		return diag.Span{Start: span.Start}
	}
	span.Start.Column += utf8.RuneCountInString(n.Value[:i])
	if n.Quoted {
		span.Start.Column++ // the quote; escapes before the part would only move the span a little
	}
	span.End.Column = span.Start.Column + utf8.RuneCountInString(part)
	return span
}

// network checks addresses that a command evidently listens on.
func (c *checker) network() {
	s := &c.Sandboxing
	path, port := c.listens()
	closed := s.PrivateNetwork || s.NetworkNamespacePath != ""
	if s.PrivateNetwork && s.NetworkNamespacePath != "" {
		c.fail(diag.Exclusive, "sandboxing.network_namespace_path", "network_namespace_path and private_network exclude each other", "",
			"keep one of them", c.by(field.SandboxingPrivateNetwork))
	}
	if s.PrivateNetwork && s.NetworkNamespacePath == "" {
		open := func(id string, what string) {
			c.warn(diag.NetworkClosed, id, what, "with private_network the service has a loopback device of its own only",
				"let the manager open the address (sockets), or "+c.lift(field.SandboxingPrivateNetwork, "false"), c.by(field.SandboxingPrivateNetwork))
		}
		switch {
		case c.DependsOn.NetworkOnline:
			c.warn(diag.NetworkClosed, "depends_on.network_online", "the service waits for a network that it cannot use", "private_network gives it none",
				"remove it, or "+c.lift(field.SandboxingPrivateNetwork, "false"), c.by(field.SandboxingPrivateNetwork))
		case path != "" && len(c.Sockets) == 0:
			open(path, "nobody can reach port "+strconv.Itoa(port)+" of the service")
		case len(c.Sockets) == 0 && c.Healthcheck.HTTP != "":
			open("healthcheck.http", "the health check cannot reach the service")
		case len(c.Sockets) == 0 && c.Healthcheck.TCP != "":
			open("healthcheck.tcp", "the health check cannot reach the service")
		}
	}
	if path != "" && len(c.Sockets) == 0 && !closed && len(s.AddressFamilies) > 0 && !c.family("AF_INET") && !c.family("AF_INET6") {
		c.warn(diag.NetworkClosed, path, "the service may not open port "+strconv.Itoa(port), "address_families has neither AF_INET nor AF_INET6",
			"add AF_INET and AF_INET6, or let the manager open the address (sockets)", c.by(field.SandboxingAddressFamilies))
	}

	// ip(7), sysctl ip_unprivileged_port_start.
	if path == "" || port >= 1024 || slices.ContainsFunc(c.Sockets, func(s Socket) bool {
		return slices.ContainsFunc(s.Listen, func(a Address) bool { return a.IP() && a.Port == port })
	}) {
		return
	}
	const bind = "CAP_NET_BIND_SERVICE"
	detail := ""
	switch {
	case c.isRoot() && c.IsSet(field.SandboxingCapabilitiesBounding) && !inSet(s.Capabilities.Bounding, bind):
		detail = "the bounding set lacks " + bind
	case !c.isRoot() && !slices.Contains(s.Capabilities.Ambient, bind):
		detail = "only root or a process with " + bind + " may open ports below 1024"
	default:
		return
	}
	related := also{"user", "the user is given here"}
	if c.isRoot() {
		related = c.by(field.SandboxingCapabilitiesBounding)
	}
	fix := "let the manager open it: `sockets: ['tcp://:" + strconv.Itoa(port) + "']`, or add `sandboxing: {capabilities: {ambient: [NET_BIND_SERVICE]}}`"
	if c.isRoot() {
		fix = "add NET_BIND_SERVICE to sandboxing.capabilities.bounding, or let the manager open the port (sockets)"
	}
	c.warn(diag.PrivilegedPort, path, "the service may not open port "+strconv.Itoa(port), detail, fix, related)
}

// listens returns the first argument of the command that evidently names an
// address to listen on.
func (c *checker) listens() (path string, port int) {
	for i := 1; i < len(c.Command); i++ {
		a := c.Command[i]
		flag, value, joined := strings.Cut(a, "=")
		name := strings.TrimLeft(flag, "-")
		switch {
		case len(name) < len(flag) && oneOfWords(listenFlags, name):
			if !joined {
				if i+1 == len(c.Command) {
					continue
				}
				value = c.Command[i+1]
				i++
			}
			if j := strings.LastIndexByte(value, ':'); j >= 0 && !strings.Contains(value, "/") {
				value = value[j+1:]
			}
		case strings.HasPrefix(a, ":"), strings.HasPrefix(a, "0.0.0.0:"), strings.HasPrefix(a, "[::]:"), strings.HasPrefix(a, "*:"):
			value = a[strings.LastIndexByte(a, ':')+1:]
		default:
			continue
		}
		if n, err := strconv.ParseUint(value, 10, 16); err == nil && n > 0 {
			return arg("command", i), int(n)
		}
	}
	return "", 0
}

// listenFlags are options of which the value is an address or port of the
// program's own.
const listenFlags = "port http-port https-port listen listen-addr listen-address listen-port bind bind-addr bind-address " +
	"http-address https-address http-addr https-addr web.listen-address server.port"

// inSet reports whether a list of words (of which a first ~ makes all of them
// exceptions) includes w, as CapabilityBoundingSet= and others read it.
func inSet(list []string, w string) bool {
	if len(list) > 0 && strings.HasPrefix(list[0], "~") {
		return !slices.ContainsFunc(list, func(s string) bool { return strings.TrimPrefix(s, "~") == w })
	}
	return slices.Contains(list, w)
}

// family reports whether address_families lets the family be used.
func (c *checker) family(name string) bool {
	list := c.Sandboxing.AddressFamilies
	return len(list) == 0 || inSet(list, name)
}
