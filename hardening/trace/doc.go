// Package trace reads what strace(1) wrote about a service and turns it into
// facts: the files that were read, written and executed, the families and ports
// of sockets, the capabilities and system calls that were used, and the other
// things that a sandbox can forbid. Each fact knows the line it comes from.
//
// The trace may have been made anywhere and with most options of strace: -f
// (process numbers, or [pid N]), -ff (one file for each process), -t, -tt, -ttt
// and -r (times), -T (durations), -i and -n, -y, -yy and -Y (descriptors and
// processes decoded), -k (stacks), calls that another process interrupted
// (unfinished and resumed). Lines that are none of this are counted and passed
// over; no input makes the reader fail.
//
// Only what succeeded counts: a program that asked for something, was refused
// and went on does not need it.
package trace
