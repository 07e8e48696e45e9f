// Package sysvinit renders daemons for SysVinit: an init script as the Linux
// Standard Base describes it (LSB 3.1, chapter 20), and what SysVinit itself
// does not do in scripts of our own.
//
// For a daemon NAME, or each NAME-INSTANCE of a template:
//
//	/etc/init.d/NAME                   the LSB header and the verbs
//	/etc/default/NAME                  the environment (/etc/sysconfig/NAME on Red Hat)
//	/usr/lib/daemonize/NAME/supervise  starts the process, and again by its restart policy
//	/usr/lib/daemonize/NAME/run        prepares the process and becomes it (package chain)
//	/usr/lib/daemonize/NAME/...        hooks, reload, stop and healthcheck, where the spec has them
//	/etc/cron.d/NAME                   timers
//	/etc/logrotate.d/NAME              rotation of log files
//
// The scripts are POSIX sh and do not use start-stop-daemon, which Red Hat
// does not have and which cannot tell that the program died at once. Instead
// the init script starts supervise with an empty environment in a session of
// its own, and waits until the program has been executed and has lived for
// half a second; only then is the service up. Supervise waits for the process
// in the foreground, and so learns how it ended.
//
// /run/daemonize/NAME holds what the scripts know of each other: processes by
// number and start time, so that a number used again is never signalled, and
// the state. /run/NAME.pid is for other programs.
//
// A service with timers is not started at boot. Services of users are
// refused: SysVinit has none.
package sysvinit
