// Package unit reads systemd unit files the way the service manager does, on
// any system and without it: the lexing, the order of drop-ins, aliases,
// templates, specifiers, implied settings and the reasons for which a unit is
// refused, for every version from 250 to 262.
//
// A [Loader] looks into a file tree (an [io/fs.FS]: a directory, the root of
// an image, a map in a test) and returns a [Unit]: every assignment with its
// place, every line that has no effect with the reason, and the sandbox as it
// is after loading in [Settings]. A unit that the manager would refuse gives a
// [*LoadError].
//
// What the man pages leave open was measured with systemd-analyze 252, 257
// and 262; internal/parity repeats the measurement.
package unit
