// Package initscript writes the scripts of a daemon for systems whose init only
// calls a script with a verb, SysVinit and OpenRC: what start, stop, restart,
// reload and status do, and the supervisor that looks after the process.
//
//	control    the verbs; an init script, or called by one
//	supervise  starts the process, and again by its restart policy
//	run        prepares the process and becomes it (package chain)
//	...        hooks, reload, stop and healthcheck, where the spec has them
//
// The control script starts supervise with an empty environment in a session of
// its own, and waits until the program has been executed and has lived for half
// a second; only then is the service up. Supervise waits for the process in the
// foreground, and so learns how it ended. The scripts know of each other by the
// files of package supervise in /run/daemonize/NAME.
package initscript
