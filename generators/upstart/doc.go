// Package upstart renders daemons for Upstart: a job configuration as init(5)
// describes it, and scripts for what Upstart itself does not do.
//
// For a daemon NAME, or each NAME-INSTANCE of a template:
//
//	/etc/init/NAME.conf                  the job
//	/etc/init/NAME-health.conf           a job that tests it, and restarts it through initctl
//	/etc/init/NAME-on-failure.conf       a task that starts others when it has failed
//	/usr/lib/daemonize/NAME/run          prepares the process and becomes it (package chain)
//	/usr/lib/daemonize/NAME/pre-start    and post-start, pre-stop, post-stop, reload, health, check
//	/etc/cron.d/NAME                     timers
//	/etc/logrotate.d/NAME                rotation of log files
//
// Only what is needed is written. A job whose values mean themselves in the
// configuration needs no script: environment, user, directory, limits and the
// command are stanzas then.
//
// The instances of a template are jobs of their own and not instances of one
// job (the stanza instance), because most stanzas do not expand variables: a
// user or a limit could not differ, and nothing would start the instances at
// boot.
//
// Upstart runs on no system that is still made, and no package of it can be had:
// the files were not run under it. What reads them in the tests is a strict
// parser of our own, written after init(5) and the rules of libnih's
// configuration files, and dash for the parts that are shell.
package upstart
