package advice

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Files is a file tree in memory, for units that are in no file: rendered ones,
// for example. Its keys are paths without leading slash.
type Files map[string]string

// Open implements [fs.FS].
func (f Files) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if text, ok := f[name]; ok {
		return &memoryFile{memoryInfo{path.Base(name), int64(len(text)), 0o644}, strings.NewReader(text), nil}, nil
	}
	d := &memoryFile{info: memoryInfo{path.Base(name), 0, fs.ModeDir | 0o755}, Reader: strings.NewReader("")}
	for p, text := range f {
		rest := p
		if name != "." {
			var ok bool
			if rest, ok = strings.CutPrefix(p, name+"/"); !ok {
				continue
			}
		}
		first, _, below := strings.Cut(rest, "/")
		info := memoryInfo{first, int64(len(text)), 0o644}
		if below {
			info.size, info.mode = 0, fs.ModeDir|0o755
		}
		d.entries = append(d.entries, fs.FileInfoToDirEntry(info))
	}
	if len(d.entries) == 0 && name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	slices.SortFunc(d.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	d.entries = slices.CompactFunc(d.entries, func(a, b fs.DirEntry) bool { return a.Name() == b.Name() })
	return d, nil
}

// memoryFile is an open file or directory of [Files].
type memoryFile struct {
	info memoryInfo
	*strings.Reader
	entries []fs.DirEntry
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memoryFile) Close() error               { return nil }

func (f *memoryFile) ReadDir(n int) ([]fs.DirEntry, error) {
	list := f.entries
	if n > 0 {
		if len(list) == 0 {
			return nil, io.EOF
		}
		list = list[:min(n, len(list))]
	}
	f.entries = f.entries[len(list):]
	return list, nil
}

type memoryInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i memoryInfo) Name() string       { return i.name }
func (i memoryInfo) Size() int64        { return i.size }
func (i memoryInfo) Mode() fs.FileMode  { return i.mode }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memoryInfo) Sys() any           { return nil }
