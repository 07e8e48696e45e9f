// Package runit renders daemons for runit: a service directory for runsv(8),
// and what runit itself does not do in the scripts that it runs.
//
// For a daemon NAME, or each NAME-INSTANCE of a template:
//
//	/etc/sv/NAME/run                   prepares the process and becomes it
//	/etc/sv/NAME/finish                what follows each end: leftovers, hooks, restart policy
//	/etc/sv/NAME/check                 whether the service is up, for sv start and sv check
//	/etc/sv/NAME/control/t             stops: signal, timeout, final signal, to all processes
//	/etc/sv/NAME/env/                  the environment, one file for each variable (chpst -e)
//	/etc/sv/NAME/log/run, log/config   svlogd, which keeps and rotates /var/log/runit/NAME
//	/usr/lib/daemonize/NAME/...        what these call: hooks, reload, healthcheck, users and so on
//	/etc/cron.d/NAME                   timers
//	/etc/logrotate.d/NAME              rotation of log files that the spec names
//
// The service becomes known to runsvdir(8) by a link in /etc/service, as
// Debian has it, or in /var/service, as Void has it (generators.Void). It is
// linked whether it is enabled or not: a file down in its directory keeps it from
// starting by itself, as it does where timers start it.
//
// runsv runs control/t instead of sending SIGTERM, and waits for it
// (runsv(8), CUSTOM CONTROL), so control/t leaves the work to a process of its
// own. With it every sv stop ends the service: runit by itself never sends
// SIGKILL. runsv waits for finish without limit and starts run again after it, so
// the delay of a restart is there, and no restart means that finish has runsv
// take the service down.
//
// /run/daemonize/NAME holds what the scripts know of each other. Services of
// users are refused: runit has them only in a runsvdir of the user's own.
package runit
