// Package supervise holds what backends write into POSIX sh where their manager
// does not do it itself: telling the processes of a service apart and
// signalling them, bringing a service up and watching over it, ending what it
// left behind, and deciding whether and when it starts again. The decisions are
// systemd's.
//
// The fixed parts ([Shared], [Leftovers], [Watch]) are functions that work on
// variables set before them and on files in the directory $dir of the job
// ([Dir]):
//
//	main     process ID, start time and session of the process
//	ready    process ID and start time of the process that has come up
//	verdict  why the scripts ended the process themselves
//	rest     the session whose processes are being ended
//
// Values become shell source in one way only: quoted by package shell.
package supervise
