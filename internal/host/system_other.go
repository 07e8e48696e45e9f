//go:build !unix

package host

import (
	"io/fs"
	"os"

	"github.com/daemonize/daemonize/generators"
)

// Owner tells to whom a file belongs: that is not known here.
func Owner(fs.FileInfo) (uid, gid uint32, known bool) { return 0, 0, false }

func owner(fs.FileInfo) (uid, gid int) { return -1, -1 }

func directoryService(string, string) (int, bool) { return 0, false }

// Lock implements [Host]. There is nothing to lock yet: only --root works here.
func (t *Tree) Lock(generators.Scope) (func(), error) { return func() {}, nil }

// Busy reports whether another run holds the lock.
func (t *Tree) Busy(generators.Scope) bool { return false }

func exitCode(s *os.ProcessState) int { return s.ExitCode() }
