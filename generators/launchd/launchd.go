package launchd

import (
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// LabelPrefix precedes the daemon's name in the label of its job.
const LabelPrefix = "io.github.daemonize."

// Jobs beside the service have a prefix of their own, as any suffix could be
// the name of an instance or of another daemon.
const (
	setupPrefix  = "io.github.daemonize-setup."
	rotatePrefix = "io.github.daemonize-rotate."
)

type backend struct{}

// New returns the backend. It implements [generators.Operator].
func New() generators.Generator { return backend{} }

func (backend) Info() generators.Info {
	return generators.Info{
		Name:      "launchd",
		Title:     "launchd",
		Platforms: []string{"darwin"},
		Docs:      "https://developer.apple.com/library/archive/documentation/MacOSX/Conceptual/BPSystemStartup/",
		Default:   13 * generators.Major,
		Oldest:    10*generators.Major + 10, // the first with launchctl bootstrap
		Newest:    26 * generators.Major,
		UserScope: true,
	}
}

func (backend) Support() *generators.Table { return &table }

// Generate implements [generators.Generator].
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	r := renderer{raw: d, target: t}
	if len(d.Instances) == 0 {
		r.service("")
	}
	for _, instance := range d.Instances {
		r.service(instance)
	}
	return r.bundle, r.diags
}

// renderer collects the bundle of a daemon.
type renderer struct {
	raw    *spec.Daemon // with reference marks
	target generators.Target
	bundle generators.Bundle
	diags  diag.List
}

func (r *renderer) lose(id field.ID, path string, level generators.Level, why string) {
	r.diags = append(r.diags, generators.Lose(r.raw, r.target, id, path, level, why))
}

func (r *renderer) refuse(path, why, fix string) {
	r.diags = append(r.diags, generators.Refuse(r.raw, r.target, path, why, fix))
}

// places are the directories of a scope.
type places struct {
	plists, scripts                     string
	runtime, state, cache, logs, config string // parents of directories.*
}

// places follows hier(7). In the user scope everything is below the home
// directory, where macOS keeps it below Library.
func (r *renderer) places() places {
	if r.target.Scope == generators.System {
		return places{
			plists: "/Library/LaunchDaemons", scripts: "/usr/local/libexec/daemonize",
			runtime: "/var/run", state: "/var/db", cache: "/Library/Caches", logs: "/var/log", config: "/etc",
		}
	}
	library := r.target.HomeDir() + "/Library"
	return places{
		plists: library + "/LaunchAgents", scripts: library + "/Application Support/daemonize",
		runtime: library + "/Caches/run", state: library + "/Application Support", cache: library + "/Caches",
		logs: library + "/Logs", config: library + "/Preferences",
	}
}

// resolve replaces the references. The names of directories may refer to the
// instance, so they are resolved first.
func (r *renderer) resolve(at places, instance string) *spec.Daemon {
	simple := func(ref spec.Ref) string {
		switch ref {
		case spec.RefInstance:
			return instance
		case spec.RefName:
			return r.raw.Name
		}
		return ref.Mark()
	}
	d := r.raw.Resolve(simple)
	below := func(parent, name string) string {
		if name == "" {
			name = d.Name
		}
		return parent + "/" + name
	}
	dirs := &d.Directories
	return d.Resolve(func(ref spec.Ref) string {
		switch ref {
		case spec.RefRuntimeDir:
			return below(at.runtime, dirs.Runtime.Name)
		case spec.RefStateDir:
			return below(at.state, dirs.State.Name)
		case spec.RefCacheDir:
			return below(at.cache, dirs.Cache.Name)
		case spec.RefLogsDir:
			return below(at.logs, dirs.Logs.Name)
		case spec.RefConfigDir:
			return below(at.config, dirs.Config.Name)
		}
		return simple(ref)
	})
}

// label returns the job's label, which names the plist too: launchd does not
// ask for that, but launchctl(1) and every other tool expect it.
func (r *renderer) label(d *spec.Daemon, id, instance string) string {
	for i := range d.Overrides {
		o := &d.Overrides[i]
		if o.Backend != "launchd" || len(o.Keys) != 1 || o.Keys[0] != "Label" || len(o.Values) != 1 {
			continue
		}
		label := o.Values[0]
		if !validLabel(label) {
			r.refuse("overrides.launchd.Label", "the label names the file too", "use letters, digits, `.`, `-` and `_`")
			break
		}
		if instance != "" && !strings.Contains(r.raw.Overrides[i].Values[0], spec.RefInstance.Mark()) {
			label += "." + instance
		}
		return label
	}
	return LabelPrefix + id
}

func validLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("._-", c) < 0 {
			return false
		}
	}
	return s != "" && s[0] != '.' && len(s) < 200
}

// job adds a job and its plist.
func (r *renderer) job(at places, label string, keys dict, comment string) {
	content, err := encode(keys, comment)
	if err != nil {
		r.refuse("overrides", err.Error(), "")
		return
	}
	r.bundle.Add(at.plists+"/"+label+".plist", 0o644, content)
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: label, Enable: r.raw.Install.Enable, Start: r.raw.Install.Start})
}
