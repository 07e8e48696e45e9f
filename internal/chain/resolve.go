package chain

import "github.com/daemonize/daemonize/spec"

// Resolve replaces the references of d for one instance, empty for a daemon
// without. Directories are those of the system scope. Names of directories may
// hold references themselves, so those to directories come second.
func Resolve(d *spec.Daemon, instance string) *spec.Daemon {
	d = d.Resolve(func(r spec.Ref) string {
		switch r {
		case spec.RefInstance:
			return instance
		case spec.RefName:
			return d.Name
		}
		return r.Mark()
	})
	dir := func(base, name string) string {
		if name == "" {
			name = d.Name
		}
		return base + name
	}
	dirs := &d.Directories
	return d.Resolve(func(r spec.Ref) string {
		switch r {
		case spec.RefRuntimeDir:
			return dir("/run/", dirs.Runtime.Name)
		case spec.RefStateDir:
			return dir("/var/lib/", dirs.State.Name)
		case spec.RefCacheDir:
			return dir("/var/cache/", dirs.Cache.Name)
		case spec.RefLogsDir:
			return dir("/var/log/", dirs.Logs.Name)
		case spec.RefConfigDir:
			return dir("/etc/", dirs.Config.Name)
		}
		return ""
	})
}
