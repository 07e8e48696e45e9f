package audit

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
)

// memory is a file tree of rendered files.
type memory map[string]*generators.Artifact

func newMemory(artifacts []generators.Artifact) memory {
	m := memory{}
	for i := range artifacts {
		// In the user scope a path may begin with ~.
		m[strings.TrimPrefix(path.Clean(artifacts[i].Path), "/")] = &artifacts[i]
	}
	return m
}

// Open implements fs.FS.
func (m memory) Open(name string) (fs.File, error) {
	if a := m[name]; a != nil {
		return &memoryFile{Reader: bytes.NewReader(a.Content), info: memoryInfo{path.Base(name), a}}, nil
	}
	if m.isDir(name) {
		return &memoryFile{Reader: bytes.NewReader(nil), info: memoryInfo{name: path.Base(name)}}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (m memory) isDir(name string) bool {
	if name == "." {
		return true
	}
	for file := range m {
		if strings.HasPrefix(file, name+"/") {
			return true
		}
	}
	return false
}

// Lstat implements fs.ReadLinkFS.
func (m memory) Lstat(name string) (fs.FileInfo, error) { return fs.Stat(m, name) }

// ReadLink implements fs.ReadLinkFS. There are no links.
func (memory) ReadLink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFS.
func (m memory) ReadDir(dir string) ([]fs.DirEntry, error) {
	var out []fs.DirEntry
	for file, a := range m {
		rest, ok := strings.CutPrefix(file, dir+"/")
		if dir == "." {
			rest, ok = file, true
		}
		if !ok {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		info := memoryInfo{name, a}
		if deeper {
			info.artifact = nil
		}
		if !slices.ContainsFunc(out, func(e fs.DirEntry) bool { return e.Name() == name }) {
			out = append(out, fs.FileInfoToDirEntry(info))
		}
	}
	if out == nil && !m.isDir(dir) {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

type memoryFile struct {
	io.Reader
	info memoryInfo
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (*memoryFile) Close() error                 { return nil }

// memoryInfo is a rendered file, or a directory when there is none.
type memoryInfo struct {
	name     string
	artifact *generators.Artifact
}

func (i memoryInfo) Name() string { return i.name }
func (i memoryInfo) Size() int64 {
	if i.artifact == nil {
		return 0
	}
	return int64(len(i.artifact.Content))
}

func (i memoryInfo) Mode() fs.FileMode {
	if i.artifact == nil {
		return fs.ModeDir | 0o755
	}
	return i.artifact.Mode.Perm()
}
func (memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool      { return i.artifact == nil }
func (memoryInfo) Sys() any           { return nil }
