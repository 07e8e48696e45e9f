// Package openrc renders daemons for OpenRC: a service script as
// openrc-run(8) describes it, and the scripts of package initscript.
//
// For a daemon NAME, or each NAME-INSTANCE of a template:
//
//	/etc/init.d/NAME                   the service script: description, depend(), and the verbs
//	/etc/conf.d/NAME                   limits of the control group
//	/etc/conf.d/NAME.env               the environment; openrc-run does not read it
//	/usr/lib/daemonize/NAME/control    what the verbs do (package initscript)
//	/usr/lib/daemonize/NAME/supervise  starts the process, and again by its restart policy
//	/usr/lib/daemonize/NAME/run        prepares the process and becomes it (package chain)
//	/usr/lib/daemonize/NAME/...        hooks, reload, stop and healthcheck, where the spec has them
//	/etc/cron.d/NAME                   timers
//	/etc/logrotate.d/NAME              rotation of log files
//
// OpenRC's own supervise-daemon is not used: it starts a program again after
// every end, whatever the status, so that neither the policy no nor on-failure
// can be had from it; it counts restarts for ever unless a period is set, knows
// no growing delays, and reaches the one process only when it stops. Nor is
// start-stop-daemon, which in Debian is dpkg's and takes other options. The
// supervisor of package initscript does all of it, and is known to do it on
// SysVinit, too. Directories are made by package chain and not by checkpath,
// which follows symbolic links that the service may have planted in a
// directory of its own (CVE-2018-21269).
//
// What OpenRC believes of a service is kept true: when the supervisor gives up,
// and when a start was skipped by a condition or is done already, the service is
// reset to stopped (zap).
package openrc
