// Package daemontools renders daemons for daemontools 0.76: a service directory
// for supervise(8), and what daemontools does not do in scripts of our own.
//
// For a daemon NAME, or each NAME-INSTANCE of a template:
//
//	/etc/daemontools/NAME/run            starts the service by control, waits, and stops it when it gets SIGTERM
//	/etc/daemontools/NAME/env/           the environment, one file for each variable (envdir)
//	/etc/daemontools/NAME/log/run        multilog, which keeps and rotates /var/log/daemontools/NAME
//	/usr/lib/daemonize/NAME/control      start, stop, reload, status (package initscript)
//	/usr/lib/daemonize/NAME/ctl          svc with waiting, and with a reason for what failed
//	/usr/lib/daemonize/NAME/...          what these call
//	/etc/cron.d/NAME                     timers
//	/etc/logrotate.d/NAME                rotation of log files that the spec names
//
// The service becomes known to svscan(8) by a link in /etc/service, as Debian has
// it, or in /service, as its author has it (all other families). It is linked
// whether it is enabled or not: a file down in its directory keeps it from
// starting by itself.
//
// supervise by itself runs a program again a second after each end, whatever its
// exit status, stops it by SIGTERM only, never sends SIGKILL, and knows neither
// hooks nor process groups. So the process that it runs is the script run, and
// the program is looked after by the supervisor of package initscript, in a
// session of its own. svc -d and svc -t mean what they always do: run gets
// SIGTERM, and stops the program with all that the spec says about a stop. svc
// -h, -a, -i and the like reach the script, not the program (reload does), and
// svc -k ends the script only, which finds the program again.
//
// Services of users are refused: they have only an svscan of their own.
package daemontools
