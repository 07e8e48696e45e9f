package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/daemonize/daemonize/generators"
)

// Tree is the [Host] that is a directory: that of the running machine, or one
// that becomes the root directory of another. Nothing
// outside the directory can be reached, whatever symbolic links it holds:
// absolute links are resolved inside it, as they will be when it is the root,
// and the file system calls go through [os.Root], which refuses what escapes
// even if links are swapped meanwhile.
type Tree struct {
	root *os.Root
	dir  string
	run  Runner
	live bool
	euid int
}

// Open opens the system below dir, which is not running even if dir is / (as
// in the build of a container image). Programs are run by r, and only those
// that can be told to work on another root directory.
func Open(dir string, r Runner) (*Tree, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open root directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open root directory: %w", err)
	}
	return &Tree{root: root, dir: dir, run: r, euid: os.Geteuid()}, nil
}

// This opens the running machine.
func This(r Runner) (*Tree, error) {
	t, err := Open("/", r)
	if err == nil {
		t.live = true
	}
	return t, err
}

// Close releases the directory.
func (t *Tree) Close() error { return t.root.Close() }

// Live implements [Host].
func (t *Tree) Live() bool { return t.live }

// Privileged implements [Host].
func (t *Tree) Privileged() bool { return t.euid == 0 }

// offline are the programs that can be told to work on another root. Any
// other would act on the machine that prepares it.
var offline = [...]string{"systemctl", "systemd-sysusers", "systemd-tmpfiles"}

// Run implements [Host].
func (t *Tree) Run(ctx context.Context, argv []string) (generators.Result, error) {
	if len(argv) == 0 {
		return generators.Result{}, errNoCommand
	}
	if !t.Live() {
		if !slices.Contains(offline[:], path.Base(argv[0])) {
			return generators.Result{}, fmt.Errorf("cannot run %s for the system below %s", argv[0], t.dir)
		}
		argv = slices.Insert(slices.Clone(argv), 1, "--root="+t.dir)
	}
	return t.run.Run(ctx, argv)
}

const maxLinks = 40 // as the kernel, path_resolution(7)

// resolve returns the path below the root at which name really is, free of
// symbolic links except, without follow, a final one. What does not exist is
// left as it is.
func (t *Tree) resolve(name string, follow bool) (string, error) {
	if !path.IsAbs(name) || strings.IndexByte(name, 0) >= 0 {
		return "", &fs.PathError{Op: "resolve", Path: name, Err: fs.ErrInvalid}
	}
	rest := strings.Split(path.Clean(name), "/")
	at, links := ".", 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at) // the parent of the root is the root
			continue
		}
		next := path.Join(at, part)
		if len(rest) == 0 && !follow {
			return next, nil
		}
		info, err := t.root.Lstat(next)
		if errors.Is(err, fs.ErrNotExist) {
			return path.Join(next, path.Join(rest...)), nil
		}
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "resolve", Path: name, Err: errors.New("too many levels of symbolic links")}
		}
		// Root must not be led somewhere else by a user who can make links
		// on the way, compare protected_symlinks in proc_sys_fs(5). Below
		// another root os.Root takes care of that.
		if uid, _ := owner(info); t.dir == "/" && uid > 0 && uid != t.euid {
			return "", &fs.PathError{Op: "resolve", Path: name, Err: fmt.Errorf("/%s is a symbolic link of user %d, which is not followed", next, uid)}
		}
		target, err := t.root.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			at = "."
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}

// ReadFile implements [Host].
func (t *Tree) ReadFile(name string) ([]byte, error) {
	at, err := t.resolve(name, true)
	if err != nil {
		return nil, err
	}
	return t.root.ReadFile(at)
}

// Exists implements [Host].
func (t *Tree) Exists(name string) bool {
	at, err := t.resolve(name, false)
	if err != nil {
		return false
	}
	_, err = t.root.Lstat(at)
	return err == nil
}

// Stat implements [Host].
func (t *Tree) Stat(name string) (File, error) {
	at, err := t.resolve(name, false)
	if err != nil {
		return File{}, err
	}
	info, err := t.root.Lstat(at)
	if err != nil {
		return File{}, err
	}
	f := File{Mode: info.Mode()}
	f.UID, f.GID = owner(info)
	switch f.Mode.Type() {
	case 0:
		f.Content, err = t.root.ReadFile(at)
	case fs.ModeSymlink:
		var target string
		target, err = t.root.Readlink(at)
		f.Content = []byte(target)
	}
	return f, err
}

// Names implements [Host].
func (t *Tree) Names(dir string) ([]string, error) {
	at, err := t.resolve(dir, true)
	if err != nil {
		return nil, err
	}
	f, err := t.root.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// TemporaryPrefix begins the names of files that are being written.
const TemporaryPrefix = ".daemonize-"

// Temporary is the name under which the file at name is written before it
// takes its place: what a run that was killed may have left.
func Temporary(name string) string { return path.Join(path.Dir(name), TemporaryPrefix+path.Base(name)) }

// Write implements [Host].
func (t *Tree) Write(name string, f File) (err error) {
	at, err := t.resolve(name, false)
	if err != nil {
		return err
	}
	// In the same directory, so that rename is atomic, and under a name that
	// follows from that of the file, so that what a killed run has left is
	// found by the next. The leading dot keeps it out of every manager's sight.
	tmp := Temporary(at)
	if err := t.clear(tmp); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.clear(tmp))
		}
	}()
	if f.Mode.Type() == fs.ModeSymlink {
		err = t.root.Symlink(string(f.Content), tmp)
		if err == nil && t.own(f) {
			err = t.root.Lchown(tmp, f.UID, f.GID)
		}
	} else {
		err = t.create(tmp, f)
	}
	if err != nil {
		return err
	}
	if err := t.root.Rename(tmp, at); err != nil {
		return err
	}
	return t.syncDir(path.Dir(at))
}

// clear removes a temporary file if there is one. On a read-only file system
// removing what is not there would fail, and hide why.
func (t *Tree) clear(tmp string) error {
	if _, err := t.root.Lstat(tmp); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return ignoreMissing(t.root.Remove(tmp))
}

func (t *Tree) own(f File) bool { return t.Privileged() && (f.UID >= 0 || f.GID >= 0) }

// create makes a new file (O_EXCL: nobody else's file or link is opened) that
// is readable by its reader only from the first byte on: owner and mode are
// set before there is content. The owner comes first, as changing it clears
// the setuid bit (chown(2)).
func (t *Tree) create(tmp string, f File) error {
	out, err := t.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if t.own(f) {
		err = out.Chown(f.UID, f.GID)
	}
	if err == nil {
		err = out.Chmod(f.Mode)
	}
	if err == nil {
		err = writeAll(out, f.Content)
	}
	if err == nil && f.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		err = out.Chmod(f.Mode) // writing clears them too, unless by root (inode(7))
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// syncDir makes a rename, creation or removal in a directory last (fsync(2):
// syncing a file does not sync its entry in the directory).
func (t *Tree) syncDir(at string) error {
	d, err := t.root.Open(at)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems and systems cannot sync directories, and need not.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// Mkdir implements [Host].
func (t *Tree) Mkdir(name string, mode fs.FileMode) error {
	at, err := t.resolve(name, false)
	if err != nil {
		return err
	}
	if err := t.root.Mkdir(at, mode); err != nil {
		return err
	}
	if err := t.root.Chmod(at, mode); err != nil { // the umask may have taken bits away
		return err
	}
	return t.syncDir(path.Dir(at))
}

// Remove implements [Host].
func (t *Tree) Remove(name string) error {
	at, err := t.resolve(name, false)
	if err != nil {
		return err
	}
	if err := t.root.Remove(at); err != nil {
		return err
	}
	return t.syncDir(path.Dir(at))
}

// RemoveAll implements [Host].
func (t *Tree) RemoveAll(name string) error {
	at, err := t.resolve(name, false)
	if err != nil {
		return err
	}
	if at == "." {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrInvalid}
	}
	if err := t.root.RemoveAll(at); err != nil {
		return err
	}
	return ignoreMissing(t.syncDir(path.Dir(at)))
}

// UserID implements [Host]. Below another root only its /etc/passwd counts,
// never the accounts of the machine that prepares it.
func (t *Tree) UserID(name string) (int, error) { return t.account("/etc/passwd", "user", name) }

// GroupID implements [Host].
func (t *Tree) GroupID(name string) (int, error) { return t.account("/etc/group", "group", name) }

func (t *Tree) account(file, kind, name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	data, err := t.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	// passwd(5) and group(5) agree on the first three fields.
	for line := range bytes.Lines(data) {
		if f := bytes.Split(line, []byte(":")); len(f) > 2 && string(f[0]) == name {
			return strconv.Atoi(string(f[2]))
		}
	}
	if t.Live() {
		// LDAP, systemd-userdb and the like.
		if id, ok := directoryService(kind, name); ok {
			return id, nil
		}
	}
	return 0, fmt.Errorf("cannot find %s %q in %s: %w", kind, name, file, ErrUnknownAccount)
}
