package rule

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Owner tells to whom a file belongs; known is false where that is not known.
// It depends on the platform, so the caller has it.
type Owner func(fs.FileInfo) (uid, gid uint32, known bool)

// Tree is the file system that a service will find: the root of a host, of an
// image or of a package. Links are followed inside it; nothing leaves it. It
// is not safe for use by several goroutines at once.
type Tree struct {
	fsys  fs.FS
	owner Owner
	root  uint32 // who owns the top: root, or who unpacked the tree
	users map[string]uint32
	names map[uint32]string
	dirs  map[string]entry // what was asked before; only directories, so that it stays small
}

// entry is a file or directory with everything about it that matters here.
type entry struct {
	path  string // without links
	mode  fs.FileMode
	uid   uint32
	gid   uint32
	known bool // uid and gid are
	err   error
}

// NewTree returns a tree. owner may be nil: then nothing is known of owners.
func NewTree(fsys fs.FS, owner Owner) *Tree {
	t := &Tree{fsys: fsys, owner: owner, dirs: map[string]entry{}}
	if info, err := fs.Stat(fsys, "."); err == nil && owner != nil {
		t.root, _, _ = owner(info)
	}
	return t
}

const maxLinks = 40 // as Linux

// maxRemembered bounds what a Tree keeps of directories.
const maxRemembered = 4096

// find follows a path. along, if not nil, is called with every directory on
// the way.
func (t *Tree) find(name string, along func(entry)) entry {
	at := entry{path: "."}
	rest := strings.Trim(path.Clean("/"+name), "/")
	for links := 0; rest != ""; {
		part, tail, _ := strings.Cut(rest, "/")
		rest = tail
		switch part {
		case "", ".":
			continue
		case "..":
			at = t.lstat(path.Dir(at.path))
			continue
		}
		next := t.lstat(path.Join(at.path, part))
		if next.err != nil {
			return next
		}
		if next.mode&fs.ModeSymlink == 0 {
			at = next
			if along != nil && rest != "" {
				along(at)
			}
			continue
		}
		if links++; links > maxLinks {
			return entry{err: errors.New("too many links")}
		}
		to, err := fs.ReadLink(t.fsys, next.path)
		if err != nil {
			return entry{err: err}
		}
		if path.IsAbs(to) {
			at = entry{path: "."}
		}
		rest = strings.Trim(to+"/"+rest, "/")
	}
	return at
}

func (t *Tree) lstat(name string) entry {
	if e, ok := t.dirs[name]; ok {
		return e
	}
	info, err := fs.Lstat(t.fsys, name)
	if err != nil {
		return entry{path: name, err: err}
	}
	e := entry{path: name, mode: info.Mode()}
	if t.owner != nil {
		e.uid, e.gid, e.known = t.owner(info)
	}
	if info.IsDir() {
		if len(t.dirs) >= maxRemembered {
			clear(t.dirs)
		}
		t.dirs[name] = e
	}
	return e
}

// missing reports whether a path is surely not there: what cannot be looked
// at may be.
func (t *Tree) missing(name string) bool { return errors.Is(t.find(name, nil).err, fs.ErrNotExist) }

// writers says who besides root can change a file: everybody, or the owner.
func (t *Tree) writers(e entry) (everybody bool, uid uint32, somebody bool) {
	if e.err != nil || e.mode&fs.ModeSymlink != 0 {
		return false, 0, false
	}
	if e.mode&0o002 != 0 && (!e.mode.IsDir() || e.mode&fs.ModeSticky == 0) {
		everybody = true
	}
	if e.known && e.uid != t.root && e.uid != 0 {
		uid, somebody = e.uid, true // an owner can give himself the right to write
	}
	return everybody, uid, somebody
}

// changers says who besides root can change a file or put another in its
// place, the first on the way, and through which path.
func (t *Tree) changers(name string) (everybody bool, uid uint32, somebody bool, through string) {
	look := func(e entry) {
		if everybody || somebody {
			return
		}
		if everybody, uid, somebody = t.writers(e); everybody || somebody {
			through = "/" + e.path
		}
	}
	e := t.find(name, look)
	if e.err != nil {
		return false, 0, false, ""
	}
	look(e)
	return everybody, uid, somebody, through
}

// uid returns the number of an account: a number itself, or by etc/passwd.
func (t *Tree) uid(user string) (uint32, bool) {
	if n, err := strconv.ParseUint(user, 10, 32); err == nil {
		return uint32(n), true
	}
	t.accounts()
	n, ok := t.users[user]
	return n, ok
}

// user names an account for people.
func (t *Tree) user(uid uint32) string {
	t.accounts()
	if name := t.names[uid]; name != "" {
		return "user " + name
	}
	return "user " + strconv.FormatUint(uint64(uid), 10)
}

func (t *Tree) accounts() {
	if t.users != nil {
		return
	}
	t.users, t.names = map[string]uint32{}, map[uint32]string{}
	for line := range strings.Lines(string(t.head("etc/passwd", 1<<20))) {
		fields := strings.SplitN(line, ":", 4)
		if len(fields) < 4 {
			continue
		}
		if n, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			t.users[fields[0]] = uint32(n)
			if t.names[uint32(n)] == "" {
				t.names[uint32(n)] = fields[0]
			}
		}
	}
}

// head reads the beginning of a regular file; nil when it cannot be read.
func (t *Tree) head(name string, n int64) []byte {
	e := t.find(name, nil)
	if e.err != nil || !e.mode.IsRegular() {
		return nil // a device or a pipe might block
	}
	f, err := t.fsys.Open(e.path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(f, n)); err != nil {
		return nil
	}
	return b.Bytes()
}
