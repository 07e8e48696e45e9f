// Package supervisord renders daemons for supervisord, from 4.0 on.
//
// A daemon is one file of [program:x] sections. What supervisord has a key
// for is written natively; what a prefix of util-linux can do goes before the
// command; for the rest the command is a script (see internal/chain). Timers
// become a file for cron, health checks a second program.
//
// The file must mean the same to every version. The differences that matter:
// up to 4.3 the value of environment is split by a shlex without escapes, from
// 4.4 on by the one that POSIX prescribes, so only values that both read alike
// are written there; the others go through env(1). supervisord reads its files
// with Python's ConfigParser, which knows no escapes at all: see encode.go.
package supervisord
