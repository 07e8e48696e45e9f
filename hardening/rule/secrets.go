package rule

import (
	"bytes"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/argv"
)

// variableOnly reports whether a value only names a variable.
func variableOnly(v string) bool { return strings.HasPrefix(v, "$") || strings.HasPrefix(v, "%") }

func secretVariable(c *check) {
	for i := range c.Facts.Environment {
		v := &c.Facts.Environment[i]
		if argv.SecretVariable(v.Name, v.Value) && !variableOnly(v.Value) {
			c.hit(v.At, v.Key, "the variable "+v.Name+" holds a secret that every local user can read")
		}
	}
}

func secretArgument(c *check) {
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		if n, flag := argv.Secret(cmd.Args); n > 0 {
			c.hit(cmd.At, cmd.Key, "the argument "+flag+" of "+base(cmd.Args[0])+" holds a secret that every local user can read")
		}
	}
}

func secretCredential(c *check) {
	if c.Unit == nil {
		return
	}
	for _, a := range c.Unit.Get(section(c.Unit), "SetCredential") {
		if id, value, ok := strings.Cut(a.Value, ":"); ok && value != "" && argv.SecretName(strings.ReplaceAll(id, ".", "_")) {
			c.hit(a.Origin, a.Key, "the credential "+id+" stands in the unit, which every local user can read")
		}
	}
}

func passedSecret(c *check) {
	if c.Unit == nil {
		return
	}
	for _, a := range c.Unit.Get(section(c.Unit), "PassEnvironment") {
		for _, name := range unit.SplitWords(a.Value) {
			if argv.SecretName(name) {
				c.hit(a.Origin, a.Key, name+" is taken from the manager, whose environment every service can have")
			}
		}
	}
}

// secretFile: the names in an environment file say whether it holds secrets.
func secretFile(c *check) {
	if c.Tree == nil {
		return
	}
	for _, f := range c.Facts.EnvFiles {
		e := c.Tree.find(f.Value, nil)
		if e.err != nil || e.mode&0o004 == 0 {
			continue
		}
		for line := range bytes.Lines(c.Tree.head(f.Value, 1<<16)) {
			text := strings.TrimSpace(string(line))
			if text == "" || text[0] == '#' || text[0] == ';' {
				continue
			}
			name, value, ok := strings.Cut(strings.TrimPrefix(text, "export "), "=")
			if ok && argv.SecretVariable(strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"'`)) {
				c.hit(f.At, f.Key, "every local user can read "+f.Value+", which holds the secret "+strings.TrimSpace(name))
				break
			}
		}
	}
}

func openSource(c *check) {
	if c.Tree == nil {
		return
	}
	look := func(path string, at unit.Origin, key string, sure bool) {
		e := c.Tree.find(path, nil)
		if e.err != nil || !e.mode.IsRegular() || e.mode&0o004 == 0 {
			return
		}
		head := c.Tree.head(path, 512)
		if sure && len(head) > 0 && !bytes.Contains(head, []byte("BEGIN CERTIFICATE")) || bytes.Contains(head, []byte("PRIVATE KEY-----")) {
			c.hit(at, key, "every local user can read "+path+", which holds a secret")
		}
	}
	for _, s := range c.Facts.Sources {
		look(s.Value, s.At, s.Key, true)
	}
	for i := range c.Facts.Commands {
		cmd := &c.Facts.Commands[i]
		for _, a := range cmd.Args[1:] {
			if _, v, ok := strings.Cut(a, "="); ok {
				a = v
			}
			if strings.HasPrefix(a, "/") && (strings.HasSuffix(a, ".key") || strings.HasSuffix(a, ".pem")) {
				look(a, cmd.At, cmd.Key, false)
			}
		}
	}
}
