package daemonize

import (
	"fmt"
	"io"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/daemontools"
	"github.com/daemonize/daemonize/generators/launchd"
	"github.com/daemonize/daemonize/generators/openrc"
	"github.com/daemonize/daemonize/generators/runit"
	"github.com/daemonize/daemonize/generators/s6"
	"github.com/daemonize/daemonize/generators/supervisord"
	"github.com/daemonize/daemonize/generators/systemd"
	"github.com/daemonize/daemonize/generators/sysvinit"
	"github.com/daemonize/daemonize/generators/upstart"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// Backends returns every backend, in the order in which they are listed and
// rendered. A new backend is a folder below generators and a line here.
func Backends() []generators.Generator {
	return []generators.Generator{
		systemd.New(),
		launchd.New(),
		sysvinit.New(),
		supervisord.New(),
		upstart.New(),
		runit.New(),
		s6.New(),
		openrc.New(),
		daemontools.New(),
	}
}

// Backend returns the backend of that name.
func Backend(name string) (generators.Generator, bool) {
	for _, g := range Backends() {
		if g.Info().Name == name {
			return g, true
		}
	}
	return nil, false
}

// maxSpec is the largest document read, one byte more than what is accepted,
// so that the decoder can say that it is too large.
const maxSpec = 4<<20 + 1

// Load reads all documents of a spec. name is used in diagnostics. The error
// is about reading; what is wrong with the document is in the list.
func Load(r io.Reader, name string) ([]*spec.Daemon, diag.List, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxSpec))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	daemons, diags := spec.Decode(name, src)
	return daemons, diags, nil
}

// Render renders d for t. If the list holds errors the bundle is empty.
func Render(d *spec.Daemon, t generators.Target, p generators.Policy) (generators.Bundle, diag.List, error) {
	g, ok := Backend(t.Backend)
	if !ok {
		return generators.Bundle{}, nil, unknownBackend(t.Backend)
	}
	b, diags := generators.Render(g, d, t, p)
	return b, diags, nil
}

// ParseTarget reads a backend with an optional version, such as systemd or
// systemd@247 or supervisord@4.2. Without a version it is the backend's
// default.
func ParseTarget(s string, scope generators.Scope) (generators.Target, error) {
	name, version, hasVersion := strings.Cut(s, "@")
	g, ok := Backend(name)
	if !ok {
		return generators.Target{}, unknownBackend(name)
	}
	info := g.Info()
	t := generators.Target{Backend: name, Version: info.Default, Scope: scope}
	if hasVersion {
		v, ok := generators.ParseVersion(version)
		if !ok {
			return t, fmt.Errorf("cannot read the version in %q", s)
		}
		t.Version = v
	}
	if t.Version < info.Oldest {
		return t, fmt.Errorf("cannot render for %s: the oldest supported version is %s", s, info.Oldest)
	}
	if scope == generators.User && !info.UserScope {
		return t, fmt.Errorf("cannot render for %s in the user scope: %s has no services of users", s, info.Title)
	}
	return t, nil
}

func unknownBackend(name string) error {
	var names []string
	for _, g := range Backends() {
		names = append(names, g.Info().Name)
	}
	return fmt.Errorf("unknown backend %q: known are %s", name, strings.Join(names, ", "))
}
