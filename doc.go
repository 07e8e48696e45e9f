// Package daemonize turns one YAML daemon spec into the native configuration
// of service managers: systemd, launchd, SysVinit, supervisord and others.
//
// [Load] reads specs, [Render] makes the files of one daemon for one target,
// [Backends] lists what there is to render for. What a manager cannot do is
// reported as a diagnostic with the position of the field, and a lost
// security setting is an error: nothing is dropped in silence.
//
// The command daemonize (cmd/daemonize) is a thin layer over this package.
package daemonize
