package host

import (
	"context"
	"errors"
	"io/fs"

	"github.com/daemonize/daemonize/generators"
)

// Host is a machine, or a directory that becomes one. All paths are absolute
// paths on that machine.
type Host interface {
	generators.Host

	// Live reports whether this is the running machine and not a directory
	// that is being prepared: only then may its manager be spoken to.
	Live() bool
	// Privileged reports whether files can be given to other users.
	Privileged() bool
	// Stat describes a path without following a final symbolic link. The
	// error satisfies errors.Is(err, fs.ErrNotExist) where there is nothing.
	Stat(path string) (File, error)
	// Names lists a directory in order.
	Names(dir string) ([]string, error)
	// Write puts a file or symbolic link at path, replacing a file or link
	// that is there. Others see the old one or the complete new one, after
	// a crash as well. The directory must exist.
	Write(path string, f File) error
	// Mkdir makes one directory with exactly that mode.
	Mkdir(path string, mode fs.FileMode) error
	// Remove removes a file, a link or an empty directory.
	Remove(path string) error
	// RemoveAll removes a path and everything below it, without following
	// symbolic links; that there is nothing is no error.
	RemoveAll(path string) error
	// UserID and GroupID look an account up in the machine's own databases.
	UserID(name string) (int, error)
	GroupID(name string) (int, error)
	// Lock keeps other runs of daemonize away from this host (for a user:
	// from the user's part of it) until release is called.
	Lock(scope generators.Scope) (release func(), err error)
}

// File is what is at a path.
type File struct {
	Mode     fs.FileMode // type, permission, setuid, setgid and sticky bits
	UID, GID int         // -1 leaves the owner as it comes
	Content  []byte      // of a regular file; the target of a symbolic link
}

// ErrUnknownAccount is the error for a user or group that does not exist.
var ErrUnknownAccount = errors.New("no such account")

var errNoCommand = errors.New("cannot run an empty command")

// Runner runs programs.
type Runner interface {
	Run(ctx context.Context, argv []string) (generators.Result, error)
}
