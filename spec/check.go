package spec

import "github.com/daemonize/daemonize/spec/diag"

// check runs the rules that look at several fields of a decoded daemon.
func check(d *Daemon, diags *diag.List) {
	_, _ = d, diags
}
