//go:build unix

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/daemonize/daemonize/generators"
)

func owner(info fs.FileInfo) (uid, gid int) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), int(s.Gid)
	}
	return -1, -1
}

// directoryService asks the system's own lookup, which a static binary has in
// the form of os/user only.
func directoryService(kind, name string) (int, bool) {
	var id string
	if kind == "user" {
		u, err := user.Lookup(name)
		if err != nil {
			return 0, false
		}
		id = u.Uid
	} else {
		g, err := user.LookupGroup(name)
		if err != nil {
			return 0, false
		}
		id = g.Gid
	}
	n, err := strconv.Atoi(id)
	return n, err == nil
}

// Lock implements [Host]. It waits while another run holds the lock; the
// kernel lets go of it when its holder dies.
func (t *Tree) Lock(scope generators.Scope) (func(), error) {
	var f *os.File
	var err error
	switch {
	case !t.Live():
		f, err = t.root.Open(".") // leaves nothing in the tree
	case scope == generators.System:
		// 0600: an open file is all it takes to hold a lock.
		f, err = os.OpenFile("/run/daemonize.lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = os.OpenFile("/var/run/daemonize.lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		}
	default:
		u, uerr := user.Current()
		if uerr != nil {
			return nil, fmt.Errorf("cannot lock: %w", uerr)
		}
		f, err = os.Open(u.HomeDir)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// exitCode gives a program that died of a signal the code that a shell would.
func exitCode(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}
