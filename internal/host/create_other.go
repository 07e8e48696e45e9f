//go:build !unix

package host

import (
	"errors"
	"io/fs"
	"os"
)

// Here there are no descriptors of directories: everything is written in the
// way that works everywhere.

func descriptor(*os.Root) (fd int, ok bool, err error) { return -1, false, nil }

func create(int, string, fs.FileMode, []byte) error { return errors.ErrUnsupported }

func makeDir(int, string) (int, error) { return -1, errors.ErrUnsupported }

func closeDir(int) error { return nil }
