// Package systemd renders daemons as systemd units.
//
// A daemon becomes NAME.service, with NAME.socket, NAME.timer and NAME.path
// where the spec asks for them, files for systemd-sysusers and
// systemd-tmpfiles, and a second service and timer for a health check. What
// systemd lets a spec say, and since which version, is in the capability table
// and in the directive table, which is generated from the parsers of all
// released versions: a directive newer than the target is never written.
//
// Every value goes through the encoder of its directive, chosen by how
// systemd parses it (systemd.syntax(7), load-fragment.c): command lines and
// word lists are quoted, settings that take the rest of the line only have
// their percent signs doubled, and what a setting cannot carry is refused.
package systemd

import (
	"slices"
	"strconv"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// Generator renders daemons for systemd. It is also the
// [generators.Controller] of systemd.
type Generator struct{}

// New returns the systemd backend.
func New() generators.Generator { return Generator{} }

// Info describes the backend.
func (Generator) Info() generators.Info {
	return generators.Info{
		Name:      "systemd",
		Title:     "systemd",
		Platforms: []string{"linux"},
		Docs:      "https://www.freedesktop.org/software/systemd/man/latest/",
		Default:   247 * generators.Major,
		Oldest:    219 * generators.Major,
		Newest:    262 * generators.Major,
		UserScope: true,
	}
}

// Support returns the capability table.
func (Generator) Support() *generators.Table { return &table }

// Generate renders d for t.
func (Generator) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	r := &renderer{doc: d, t: t, version: int(t.Version / generators.Major), user: t.Scope == generators.User}
	r.buf = make([]byte, 0, 2048)
	r.resolve()
	r.service()
	r.sockets()
	r.timers()
	r.paths()
	r.health()
	r.accounts()
	r.tmpfiles()
	r.rotation()
	r.jobs()
	return r.b, r.diags
}

// renderer renders one daemon for one target.
type renderer struct {
	doc     *spec.Daemon // as decoded, for positions and what is set
	d       *spec.Daemon // with the references that have no native form replaced
	t       generators.Target
	version int
	user    bool
	accept  bool // a socket starts one instance per connection

	b     generators.Bundle
	diags diag.List
	buf   []byte // values of the unit being written
	lines []line // of the unit being written

	triggers []string // sockets, timers and paths that start the service
}

// set reports whether the document gives the field.
func (r *renderer) set(id field.ID) bool { return r.doc.IsSet(id) }

// at reports whether the target is at least the version.
func (r *renderer) at(version int) bool { return r.version >= version }

// template reports whether the service is a template: one that has instances,
// or of which a socket starts one per connection.
func (r *renderer) template() bool { return len(r.d.Instances) > 0 || r.accept }

// lose reports that the value at path is not honoured.
func (r *renderer) lose(id field.ID, path string, level generators.Level, why string) {
	r.report(generators.Lose(r.doc, r.t, id, path, level, why))
}

// report adds a diagnostic unless it is there: the health check repeats some
// settings of the service.
func (r *renderer) report(g diag.Diagnostic) {
	if !slices.ContainsFunc(r.diags, func(o diag.Diagnostic) bool { return o.Code == g.Code && o.Path == g.Path && o.Detail == g.Detail }) {
		r.diags = append(r.diags, g)
	}
}

// place is the path of a value: prefix[index]suffix, or without the index. It is put
// together only when there is something to report.
type place struct {
	prefix string
	index  int // -1: none
	suffix string
}

func at(id field.ID) place { return place{id.String(), -1, ""} }

func item(list string, i int, suffix string) place { return place{list, i, suffix} }

func (p place) String() string {
	if p.index < 0 {
		return p.prefix + p.suffix
	}
	return p.prefix + "[" + strconv.Itoa(p.index) + "]" + p.suffix
}

// refuse reports that the value at p cannot be written.
func (r *renderer) refuse(p place, why, fix string) {
	r.report(generators.Refuse(r.doc, r.t, p.String(), why, fix))
}

// resolve replaces the references that have no native form. ${instance} stays
// a mark, which the encoders write as %i. In the system scope the directories
// are where systemd.exec(5) says, at any version; in the user scope they
// depend on the user's environment and stay marks for %t, %S and so on.
func (r *renderer) resolve() {
	d := r.doc
	name := func(s string) string { // directory names may hold references themselves
		return replaceName(s, d.Name)
	}
	r.d = d.Resolve(func(ref spec.Ref) string {
		switch ref {
		case spec.RefName:
			return d.Name
		case spec.RefInstance:
			return ref.Mark()
		}
		if r.user {
			return ref.Mark()
		}
		switch ref {
		case spec.RefRuntimeDir:
			return "/run/" + name(d.Directories.Runtime.Name)
		case spec.RefStateDir:
			return "/var/lib/" + name(d.Directories.State.Name)
		case spec.RefCacheDir:
			return "/var/cache/" + name(d.Directories.Cache.Name)
		case spec.RefLogsDir:
			return "/var/log/" + name(d.Directories.Logs.Name)
		case spec.RefConfigDir:
			return "/etc/" + name(d.Directories.Config.Name)
		}
		return ref.Mark()
	})
	for i := range r.d.Sockets {
		r.accept = r.accept || r.d.Sockets[i].Accept
	}
}

// replaceName replaces the mark of ${name} in a directory name and keeps that
// of ${instance}; a directory cannot refer to another.
func replaceName(s, name string) string {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] != spec.RefMark || i+1 == len(s) {
			if out != nil {
				out = append(out, s[i])
			}
			continue
		}
		if out == nil {
			out = append(make([]byte, 0, len(s)+len(name)), s[:i]...)
		}
		i++
		switch spec.Ref(s[i]) {
		case spec.RefName:
			out = append(out, name...)
		case spec.RefInstance:
			out = append(out, spec.RefInstance.Mark()...)
		}
	}
	if out == nil {
		return s
	}
	return string(out)
}

// dirSpecifier returns how the user manager spells the base directory of a
// reference (systemd.unit(5), "Specifiers"), and the name below it.
func (r *renderer) dirSpecifier(ref spec.Ref) (base, name string) {
	switch dirs := &r.d.Directories; ref {
	case spec.RefRuntimeDir:
		return "%t/", dirs.Runtime.Name
	case spec.RefStateDir:
		return "%S/", dirs.State.Name
	case spec.RefCacheDir:
		return "%C/", dirs.Cache.Name
	case spec.RefLogsDir:
		return "%L/", dirs.Logs.Name
	case spec.RefConfigDir:
		return "%E/", dirs.Config.Name
	}
	return "", ""
}

// unitDir is where units belong.
func (r *renderer) unitDir() string {
	if r.user {
		return r.t.HomeDir() + "/.config/systemd/user/"
	}
	return "/etc/systemd/system/"
}

// libDir is where the scripts of the daemon belong: as a path, and as it is
// written in a unit.
func (r *renderer) libDir() (path, inUnit string) {
	if r.user {
		return r.t.HomeDir() + "/.local/lib/daemonize/" + r.d.Name + "/", "%h/.local/lib/daemonize/" + r.d.Name + "/"
	}
	dir := "/usr/lib/daemonize/" + r.d.Name + "/"
	return dir, dir
}

// fileName is the name of a unit's file: the daemon's name, stem after a dash
// if not empty, @ if it is a template, and the suffix.
func (r *renderer) fileName(stem, suffix string, template bool) string {
	name := r.d.Name
	if stem != "" {
		name += "-" + stem
	}
	if template {
		name += "@"
	}
	return name + suffix
}

// reference is how the units of the daemon name each other.
func (r *renderer) reference(stem, suffix string) string {
	name := r.d.Name
	if stem != "" {
		name += "-" + stem
	}
	if r.template() {
		name += "@" + spec.RefInstance.Mark()
	}
	return name + suffix
}
