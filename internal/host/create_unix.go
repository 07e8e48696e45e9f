//go:build unix

package host

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// create writes a file that must not exist in a directory, in three calls of the
// system. One that cannot be written completely is removed.
func create(at int, name string, mode fs.FileMode, content []byte) error {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(at, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(mode.Perm()))
		return err
	})
	if err != nil {
		return &fs.PathError{Op: "openat", Path: name, Err: err}
	}
	for err == nil && len(content) > 0 {
		var n int
		err = again(func() (err error) {
			n, err = unix.Write(fd, content)
			return err
		})
		content = content[max(n, 0):]
	}
	// After EINTR the descriptor is closed all the same (close(2), on Linux).
	if cerr := unix.Close(fd); !errors.Is(cerr, syscall.EINTR) {
		err = errors.Join(err, cerr)
	}
	if err != nil {
		return errors.Join(&fs.PathError{Op: "write", Path: name, Err: err}, unix.Unlinkat(at, name, 0))
	}
	return nil
}

// again repeats a call that a signal has interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// makeDir makes a directory that must not exist, and opens it.
func makeDir(at int, name string) (fd int, err error) {
	if err := again(func() error { return unix.Mkdirat(at, name, 0o755) }); err != nil {
		return -1, &fs.PathError{Op: "mkdirat", Path: name, Err: err}
	}
	err = again(func() (err error) {
		fd, err = unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, &fs.PathError{Op: "openat", Path: name, Err: err}
	}
	return fd, nil
}

// descriptor returns a descriptor of a directory that outlives root.
func descriptor(root *os.Root) (fd int, ok bool, err error) {
	f, err := root.Open(".")
	if err != nil {
		return -1, false, err
	}
	defer f.Close()
	fd, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	return fd, err == nil, err
}

func closeDir(fd int) error { return unix.Close(fd) }
