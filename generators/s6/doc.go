// Package s6 renders daemons for s6, from 2.11 on, and for s6-rc.
//
// A daemon is a service directory: run and finish in execline, the files that
// s6-supervise reads (notification-fd, timeout-kill and so on), the environment
// as files for s6-envdir, and log with an s6-log that rotates. What root has to
// prepare is done by a script (see internal/chain), what remains after the end
// of the program is cleaned up by another (see internal/supervise).
//
// s6 prescribes no places. For s6-svscan alone (the family debian; Debian's
// package ships neither a scan directory nor anything that starts s6-svscan)
// service directories are in /etc/s6/sv and the scan directory is
// /etc/s6/service, which holds links to them. Whatever starts the machine's
// services has to run s6-svscan on it, for example in /etc/inittab:
//
//	S6:2345:respawn:/usr/bin/s6-svscan /etc/s6/service
//
// s6-supervise keeps its own files in the service directories, so /etc must be
// writable. A service that does not start at boot has a file down. For s6-rc the
// directories are source definitions in /etc/s6-rc/source, compiled into
// /etc/s6-rc/compiled; what starts at boot is in the bundle default.
//
// Readiness is a newline on a descriptor (notification-fd). What sends
// NOTIFY_SOCKET messages instead needs s6-notify-fd-from-socket, which is not in
// 2.11. A program that can write to a descriptor is told of it by the
// override notification-fd.
package s6
