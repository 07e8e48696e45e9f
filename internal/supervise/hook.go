package supervise

import (
	"strings"

	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/spec"
)

// Hook returns the script of a command that runs as the daemon, or, if the hook
// is privileged, as root with all its rights, but with the environment; with
// the output of the daemon, whose log files are appended to, whatever the daemon
// does. name is what its messages begin with, after the job's. d is the daemon
// as package chain is to see it.
func Hook(d *spec.Daemon, o chain.Options, hook spec.Hook, name string) []byte {
	if hook.Privileged {
		d = &spec.Daemon{Name: d.Name, Umask: d.Umask, WorkingDir: d.WorkingDir,
			Environment: d.Environment, EnvFile: d.EnvFile, Logging: d.Logging, Stdin: "null"}
	}
	h := *d
	h.Command, h.Shell = hook.Command, ""
	h.Hooks = spec.Hooks{}
	h.Directories.Runtime.Name, h.Directories.State.Name, h.Directories.Cache.Name = "", "", ""
	h.Directories.Logs.Name, h.Directories.Config.Name = "", ""
	h.Credentials = nil
	h.Logging.Stdout, h.Logging.Stderr = appended(h.Logging.Stdout), appended(h.Logging.Stderr)
	o.Job += "." + name
	return chain.Script(&h, o)
}

func appended(stream string) string {
	if path, ok := strings.CutPrefix(stream, "file:"); ok {
		return "append:" + path
	}
	return stream
}
