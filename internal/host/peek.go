package host

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// Peek describes what a path leads to, following symbolic links, with only the
// first n bytes of a regular file. real is the path without links.
func (t *Tree) Peek(name string, n int) (real string, f File, err error) {
	at, err := t.resolve(name, true)
	if err != nil {
		return "", f, err
	}
	info, err := t.root.Lstat(at)
	if err != nil {
		return "", f, err
	}
	f.Mode = info.Mode()
	f.UID, f.GID = owner(info)
	real = "/" + at
	if at == "." {
		real = "/"
	}
	if n <= 0 || !f.Mode.IsRegular() {
		return real, f, nil
	}
	file, err := t.root.OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return real, f, err
	}
	defer file.Close()
	f.Content = make([]byte, n)
	got, err := io.ReadFull(file, f.Content)
	f.Content = f.Content[:got]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return real, f, err
}
