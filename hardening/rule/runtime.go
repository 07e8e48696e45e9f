package rule

import (
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/argv"
)

func openPidFile(c *check) {
	own, isOwn := uint32(0), false
	if c.Tree != nil {
		own, isOwn = c.account()
	}
	for _, f := range c.Facts.PidFiles {
		dir := f.Value[:max(strings.LastIndexByte(f.Value, '/'), 0)]
		if tmp := argv.Temporary(f.Value); tmp != "" {
			c.hit(f.At, f.Key, "the PID file "+f.Value+" lies below "+tmp+", where everybody can put one that names another process")
			continue
		}
		// systemd reads a PID file of another account only if the process is of
		// the service (service.c, 237 and later); an init script kills what it
		// finds there.
		if c.Backend != "systemd" && !isRoot(c.Facts.User.Value) && dir != "" && base(dir) == c.Facts.User.Value {
			c.hit(f.At, f.Key, "the service can write the PID file "+f.Value+", so it decides which process root kills")
			continue
		}
		if c.Tree == nil || dir == "" {
			continue
		}
		everybody, uid, somebody, _ := c.Tree.changers(dir)
		switch {
		case everybody:
			c.hit(f.At, f.Key, "everybody can replace the PID file "+f.Value)
		case somebody && (c.Backend != "systemd" || !isOwn || uid != own):
			c.hit(f.At, f.Key, c.Tree.user(uid)+" can replace the PID file "+f.Value)
		}
	}
}

func openOutput(c *check) {
	for _, f := range c.Facts.Outputs {
		if tmp := argv.Temporary(f.Value); tmp != "" && (c.Unit == nil || c.Unit.Settings.PrivateTmp.Value == "no") {
			c.hit(f.At, f.Key, "output goes to "+f.Value+", a name that everybody can take first, with a link to another file")
			continue
		}
		if c.Tree == nil {
			continue
		}
		if everybody, _, _, _ := c.Tree.changers(f.Value[:max(strings.LastIndexByte(f.Value, '/'), 0)]); everybody {
			c.hit(f.At, f.Key, "output goes to "+f.Value+", which everybody can replace by a link to another file")
		}
	}
}

func openSocket(c *check) {
	for _, l := range c.Facts.Listens {
		if argv.Temporary(l.Value) != "" {
			c.hit(l.At, l.Key, "the socket "+l.Value+" has a name that everybody can take first")
		}
	}
}

// wildcard reports whether an address stands for all addresses of the machine.
func wildcard(address string) bool {
	host, port, ok := address, "", false
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		host, port, ok = address[:i], address[i+1:], true
	}
	if !ok {
		return false
	}
	port, _, _ = strings.Cut(port, "/")
	return isOneOf("0.0.0.0 [::] * ::", host) && port != "" && strings.Trim(port, "0123456789") == ""
}

// started is the service that a socket unit starts.
func (c *check) started() *unit.Unit {
	if c.Related == nil {
		return nil
	}
	name := strings.TrimSuffix(c.Unit.Name, ".socket") + ".service"
	if a, ok := c.get("Service"); ok {
		name = a.Value
	} else if a, ok := c.get("Accept"); ok && enabled(a.Value) {
		name = strings.TrimSuffix(c.Unit.Name, ".socket") + "@0.service"
	}
	return c.Related(name)
}

func openToAll(c *check) {
	const opens = " opens an address to every network, and what answers runs as root"
	if c.Unit != nil && c.Unit.Type() == "socket" {
		if _, bound := c.get("BindToDevice"); bound || len(c.Facts.Listens) == 0 || c.Unit.Scope == unit.User || c.denies(c.Unit) {
			return
		}
		service := c.started()
		if service == nil || !FromUnit(service).Root || c.denies(service) {
			return
		}
		for _, l := range c.Facts.Listens {
			if strings.Trim(l.Value, "0123456789") == "" || wildcard(l.Value) {
				c.hit(l.At, l.Key, l.Key+"="+l.Value+opens)
			}
		}
		return
	}
	if !c.Facts.Root {
		return
	}
	for _, l := range c.Facts.Listens {
		if wildcard(l.Value) {
			c.hit(l.At, l.Key, l.Value+opens)
		}
	}
	if c.Unit != nil && (c.denies(c.Unit) || c.Unit.Settings.PrivateNetwork.Value) {
		return
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		if !cmd.Main {
			continue
		}
		for j, a := range cmd.Args[1:] {
			_, value, joined := strings.Cut(a, "=")
			if !joined {
				value = a
			}
			value = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(value, "http://"), "tcp://"), "https://")
			named := joined || j > 0 && strings.HasPrefix(cmd.Args[j], "-")
			if wildcard(value) || named && isOneOf("0.0.0.0 [::] ::", value) {
				c.hit(cmd.At, cmd.Key, "the argument "+a+opens)
			}
		}
	}
}

// denies reports whether a unit filters addresses.
func (*check) denies(u *unit.Unit) bool { return len(u.Settings.IPAddressDeny.Value) > 0 }

func local(address string) bool {
	return address == "" || strings.HasPrefix(address, "127.") || strings.HasPrefix(address, "localhost") || strings.HasPrefix(address, "[::1]")
}

// debugPort: who reaches such a port runs code in the process.
func debugPort(c *check) {
	look := func(text string, at unit.Origin, key string) {
		for word := range strings.FieldsSeq(text) {
			switch {
			case strings.Contains(word, "jdwp"):
				_, address, ok := strings.Cut(word, "address=")
				address, _, _ = strings.Cut(address, ",")
				if ok && strings.Contains(address, ":") && !local(address) {
					c.hit(at, key, "the Java debugger at "+address+" lets everybody who reaches it run code")
				}
			case strings.HasPrefix(word, "--inspect"):
				_, address, ok := strings.Cut(word, "=")
				if ok && strings.ContainsAny(address, ".:[") && !local(address) {
					c.hit(at, key, "the Node.js inspector at "+address+" lets everybody who reaches it run code")
				}
			case word == "-Dcom.sun.management.jmxremote.authenticate=false":
				c.hit(at, key, "JMX without authentication lets everybody who reaches it run code")
			}
		}
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		for _, a := range cmd.Args[1:] {
			if len(a) > 9 {
				look(a, cmd.At, cmd.Key)
			}
		}
	}
	for i := range c.Facts.Environment {
		if v := &c.Facts.Environment[i]; isOneOf("JAVA_OPTS JAVA_TOOL_OPTIONS _JAVA_OPTIONS CATALINA_OPTS NODE_OPTIONS JVM_OPTS", v.Name) {
			look(v.Value, v.At, v.Key)
		}
	}
}

func developmentMode(c *check) {
	for i := range c.Facts.Environment {
		v := &c.Facts.Environment[i]
		switch value := strings.ToLower(v.Value); {
		case isOneOf("FLASK_DEBUG DJANGO_DEBUG WERKZEUG_DEBUG APP_DEBUG", v.Name) && isOneOf("1 true yes on", value),
			isOneOf("FLASK_ENV NODE_ENV RAILS_ENV RACK_ENV DJANGO_ENV APP_ENV ASPNETCORE_ENVIRONMENT", v.Name) && isOneOf("development dev debug", value):
			c.hit(v.At, v.Key, v.Name+"="+clip(v.Value)+" runs the service in development mode")
		}
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		args := unwrapped(cmd.Args)
		has := func(word string) bool { return slices.Contains(args[1:], word) }
		what := ""
		switch name := base(args[0]); {
		case name == "flask" && has("run"), slices.Contains(args, "-m") && has("flask") && has("run"):
			what = "flask run"
		case slices.ContainsFunc(args, func(a string) bool { return base(a) == "manage.py" }) && has("runserver"):
			what = "manage.py runserver"
		case interpreter(args[0]) == "php" && has("-S"):
			what = "php -S"
		case interpreter(args[0]) == "python" && has("http.server"):
			what = "python -m http.server"
		case name == "uvicorn" && has("--reload"):
			what = "uvicorn --reload"
		case name == "webpack-dev-server" || name == "vite":
			what = name
		default:
			continue
		}
		c.hit(cmd.At, cmd.Key, what+" is a server for development")
	}
}

func uncheckedPeers(c *check) {
	for i := range c.Facts.Environment {
		v := &c.Facts.Environment[i]
		if v.Name == "NODE_TLS_REJECT_UNAUTHORIZED" && v.Value == "0" || v.Name == "PYTHONHTTPSVERIFY" && v.Value == "0" ||
			v.Name == "GIT_SSL_NO_VERIFY" && enabled(v.Value) || v.Name == "SSL_VERIFY" && !enabled(v.Value) {
			c.hit(v.At, v.Key, v.Name+"="+v.Value+" accepts every certificate")
		}
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		programs(cmd.Args, func(words []string) {
			name := base(words[0])
			if name == "curl" && (slices.Contains(words, "-k") || slices.Contains(words, "--insecure")) ||
				name == "wget" && slices.Contains(words, "--no-check-certificate") {
				c.hit(cmd.At, cmd.Key, name+" accepts every certificate")
			}
		})
	}
}

func openUMask(c *check) {
	u := c.Facts.UMask
	if u.Value == "" || len(u.Value) > 5 || strings.Trim(u.Value, "01234567") != "" {
		return
	}
	if (u.Value[len(u.Value)-1]-'0')&2 == 0 {
		c.hit(u.At, u.Key, "with the mask "+u.Value+" everybody can write the files that the service makes")
	}
}

func opensFiles(c *check) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		programs(cmd.Args, func(words []string) {
			if base(words[0]) != "chmod" {
				return
			}
			for _, w := range words[1:] {
				if isOneOf("777 0777 666 0666 a+w o+w a+rw a+rwx o+rw o+rwx ugo+w +w a=rwx a=rw", w) && w != "+w" {
					c.hit(cmd.At, cmd.Key, "chmod "+w+" lets everybody change the file")
					return
				}
			}
		})
	}
}

func openDirectory(c *check) {
	for _, m := range c.Facts.Modes {
		mode := strings.TrimSpace(m.Value)
		if mode == "" || strings.Trim(mode, "01234567") != "" || (mode[len(mode)-1]-'0')&2 == 0 {
			continue
		}
		if len(mode) == 4 && (mode[0]-'0')&1 != 0 {
			continue // sticky, as /tmp
		}
		c.hit(m.At, m.Key, m.Key+"="+mode+" lets everybody put files there, or take them away")
	}
}
