// Package launchd renders daemons as property lists for launchd, the service
// manager of macOS (launchd.plist(5), launchctl(1)).
//
// A daemon becomes one job, labelled io.github.daemonize.NAME unless
// overrides.launchd.Label says otherwise, in LABEL.plist below
// /Library/LaunchDaemons or ~/Library/LaunchAgents; an instance has
// .INSTANCE after the label. What launchd cannot do itself is done by scripts
// in POSIX sh below /usr/local/libexec/daemonize/NAME (user scope:
// ~/Library/Application Support/daemonize/NAME):
//
//   - run, the wrapper: waits, tests conditions, reads environment files, runs
//     hooks, and becomes the program by exec, so that launchd supervises the
//     program itself. It exists only where something needs it.
//   - setup, a job of its own (io.github.daemonize-setup.NAME) that runs as
//     root at boot, and before the service when installing: accounts,
//     directories, credentials and log files that the service's user could
//     not make. The wrapper waits for it.
//   - rotate, a job of its own (io.github.daemonize-rotate.NAME) that copies
//     and truncates log files: launchd never reopens them, so that the
//     renaming of newsyslog(8) would silently end logging.
//
// launchd itself writes no log, so that logging.stdout: journal becomes
// /var/log/NAME.log or ~/Library/Logs/NAME.log. A restart comes at the
// earliest 10 seconds after the last start unless restart.delay is given.
//
// Plists are encoded from typed values and read back by three independent
// parsers in the tests; scripts are run by real shells. None of it has been
// run on macOS: what is said about launchd is from its manual pages and the
// source of launchd-842.92.1, the last that Apple published.
package launchd
