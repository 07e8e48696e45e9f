package audit

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
)

// maxFile is the largest file that is read. No service is described in more.
const maxFile = 16 << 20

var (
	errLarge     = errors.New("the file is larger than 16 MiB")
	errIrregular = errors.New("not a regular file")
)

// guard is a file tree in which reading always ends: devices and pipes are not
// opened, and large files are refused.
type guard struct {
	fs.FS

	// The last directory that was listed: the walk and the loader of units ask
	// for the same one.
	listed  string
	entries []fs.DirEntry
}

// ReadFile implements fs.ReadFileFS.
func (g *guard) ReadFile(name string) ([]byte, error) {
	info, err := fs.Stat(g.FS, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errIrregular}
	case info.Size() > maxFile:
		return nil, &fs.PathError{Op: "read", Path: name, Err: errLarge}
	}
	return g.read(name, info, maxFile)
}

// head reads the beginning of a regular file.
func (g *guard) head(name string, n int64) ([]byte, error) {
	info, err := fs.Stat(g.FS, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errIrregular}
	}
	return g.read(name, info, n)
}

func (g *guard) read(name string, info fs.FileInfo, n int64) ([]byte, error) {
	f, err := g.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Of a file that grows meanwhile no more than this is read.
	buf := make([]byte, 0, min(info.Size(), n)+1)
	for int64(len(buf)) < n {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		read, err := f.Read(buf[len(buf):min(cap(buf), int(n))])
		buf = buf[:len(buf)+read]
		if errors.Is(err, io.EOF) || err == nil && read > 0 && int64(len(buf)) == info.Size() {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// Lstat and ReadLink implement fs.ReadLinkFS.
func (g *guard) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(g.FS, name) }

// ReadLink returns where a link leads.
func (g *guard) ReadLink(name string) (string, error) { return fs.ReadLink(g.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (g *guard) ReadDir(name string) ([]fs.DirEntry, error) {
	if g.entries != nil && g.listed == name {
		return g.entries, nil
	}
	entries, err := fs.ReadDir(g.FS, name)
	if err == nil {
		g.listed, g.entries = name, entries
	}
	return entries, err
}

// Stat implements fs.StatFS.
func (g *guard) Stat(name string) (fs.FileInfo, error) { return fs.Stat(g.FS, name) }

func itoa(n int) string { return strconv.Itoa(n) }
