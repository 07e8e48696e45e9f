//go:build unix

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daemonize/daemonize/generators"
)

// Owner tells to whom a file belongs; known is false where that is not known.
func Owner(info fs.FileInfo) (uid, gid uint32, known bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return s.Uid, s.Gid, true
}

func owner(info fs.FileInfo) (uid, gid int) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), int(s.Gid)
	}
	return -1, -1
}

// directoryService asks the system's own lookup. A static binary has only files
// in os/user; getent(1) asks what nsswitch.conf(5) names.
func directoryService(kind, name string) (int, bool) {
	var id string
	if kind == "user" {
		if u, err := user.Lookup(name); err == nil {
			id = u.Uid
		}
	} else if g, err := user.LookupGroup(name); err == nil {
		id = g.Gid
	}
	if id == "" && name != "" && name[0] != '-' {
		database := map[string]string{"user": "passwd", "group": "group"}[kind]
		ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
		defer cancel()
		r, err := Programs{}.Run(ctx, []string{"getent", database, name})
		if f := strings.Split(r.Stdout, ":"); err == nil && r.Code == 0 && len(f) > 2 {
			id = f[2] // as in passwd(5) and group(5)
		}
	}
	n, err := strconv.Atoi(id)
	return n, err == nil
}

// lookupLimit bounds the wait for a directory that may be away.
const lookupLimit = 10 * time.Second

// Busy reports whether another run holds the lock, as far as this user can
// find out.
func (t *Tree) Busy(scope generators.Scope) bool {
	f, err := t.lockFile(scope, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// lockFile opens what the lock is on.
func (t *Tree) lockFile(scope generators.Scope, flags int) (f *os.File, err error) {
	switch {
	case !t.Live():
		f, err = t.root.Open(".") // leaves nothing in the tree
	case scope == generators.System:
		// 0600: an open file is all it takes to hold a lock.
		f, err = os.OpenFile("/run/daemonize.lock", flags|syscall.O_NOFOLLOW, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = os.OpenFile("/var/run/daemonize.lock", flags|syscall.O_NOFOLLOW, 0o600)
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
	return f, nil
}

// Lock implements [Host]. It waits while another run holds the lock; the
// kernel lets go of it when its holder dies.
func (t *Tree) Lock(scope generators.Scope) (func(), error) {
	f, err := t.lockFile(scope, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
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
