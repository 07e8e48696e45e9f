// Package chain is what the backends without native support for a setting
// put before the program: exec prefixes of util-linux and coreutils, as an
// argument vector ([Prefix]), and, where that is not enough, one POSIX sh
// script that ends in exec ([Script]).
//
// The prefixes are ordered so that each still has the right to do its work:
// namespaces, scheduling and resource limits first, then the root directory,
// and last setpriv, which gives up privileges and sets the labels that take
// effect at the next exec. Every one of them replaces itself, so the process
// ID that the manager knows is the program's (timeout, which implements
// max_runtime, is the one exception).
//
// Values become shell source in one way only: quoted by package shell.
package chain
