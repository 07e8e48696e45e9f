package host

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// ReadFS is a directory to read from. As with os.Root nothing leaves it, not
// even by links. It keeps the last directory open, because files are read
// directory by directory, and looking up a path part by part is most of the
// cost of reading a small file. It is not safe for use by several goroutines
// at once.
type ReadFS struct {
	root *os.Root
	dir  string   // the directory that is kept open
	sub  *os.Root // nil for none
}

// OpenRead opens a directory to read from.
func OpenRead(dir string) (*ReadFS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &ReadFS{root: root}, nil
}

// Close closes the directory.
func (r *ReadFS) Close() error {
	if r.sub != nil {
		r.sub.Close()
	}
	return r.root.Close()
}

// in returns the root in which a path has one part, or the top.
func (r *ReadFS) in(name string) (*os.Root, string) {
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if dir == "" {
		return r.root, name
	}
	if r.sub == nil || r.dir != dir {
		sub, err := r.root.OpenRoot(dir)
		if err != nil {
			return r.root, name
		}
		if r.sub != nil {
			r.sub.Close()
		}
		r.dir, r.sub = dir, sub
	}
	return r.sub, base
}

// near does something in the directory of a file, and if that fails from the
// top: a link may lead out of the directory and stay inside the root.
func near[T any](r *ReadFS, name string, do func(*os.Root, string) (T, error)) (T, error) {
	if !fs.ValidPath(name) {
		var none T
		return none, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	root, base := r.in(name)
	v, err := do(root, base)
	if err != nil && root != r.root {
		return do(r.root, name)
	}
	return v, err
}

// Open implements fs.FS.
func (r *ReadFS) Open(name string) (fs.File, error) {
	return near(r, name, func(root *os.Root, name string) (fs.File, error) {
		f, err := root.Open(name)
		if err != nil {
			return nil, err // no *os.File in the interface
		}
		return f, nil
	})
}

// Stat implements fs.StatFS.
func (r *ReadFS) Stat(name string) (fs.FileInfo, error) { return near(r, name, (*os.Root).Stat) }

// Lstat implements fs.ReadLinkFS.
func (r *ReadFS) Lstat(name string) (fs.FileInfo, error) { return near(r, name, (*os.Root).Lstat) }

// ReadLink implements fs.ReadLinkFS.
func (r *ReadFS) ReadLink(name string) (string, error) { return near(r, name, (*os.Root).Readlink) }

// ReadDir implements fs.ReadDirFS.
func (r *ReadFS) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := near(r, name, (*os.Root).Open)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}
