//go:build linux

package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"syscall"
)

// noise holds patterns of path.Match for what changes in a machine that is left
// to itself or booted again, and what does not outlive a boot.
var noise = [...]string{
	"/dev", "/proc", "/run", "/sys", "/tmp", "/var/tmp",
	"/etc/machine-id",
	"/etc/.pwd.lock", // lckpwdf(3), made by whoever looks at the users first
	"/etc/adjtime",
	"/usr/lib/rc/cache", // of OpenRC, written when it shuts down
	"/var/cache",
	"/var/lib/initscripts",
	"/var/lib/logrotate",
	"/var/lib/systemd/catalog",
	"/var/lib/systemd/random-seed",
	"/var/lib/systemd/timers", // time stamps of Persistent= timers
	"/var/lib/systemd/timesync",
	"/var/lib/urandom",
	"/var/log/btmp",
	"/var/log/dmesg*",
	"/var/log/faillog",
	"/var/log/fsck",
	"/var/log/journal",
	"/var/log/lastlog",
	"/var/log/wtmp",
}

// Snapshot describes every file in the given directories, by default in all of
// the machine: its path gives its type, mode, owner and group, and the SHA-256
// of its content, the target of a symbolic link or the number of a device. Time
// stamps do not count. Caches, logs of logins, temporary and virtual file systems
// and the like are left out, unless dirs names them or something in them. A
// directory that does not exist gives nothing. See [Diff].
func (m *Machine) Snapshot(dirs ...string) map[string]string {
	m.t.Helper()
	if len(dirs) == 0 {
		dirs = []string{"/"}
	}
	files := make(map[string]string)
	for _, dir := range dirs {
		if err := m.describe(path.Clean("/"+dir), files); err != nil {
			m.t.Fatalf("lab: cannot take a snapshot of %s: %v", dir, err)
		}
	}
	return files
}

// describe adds the file at name, and all below it, to files.
func (m *Machine) describe(name string, files map[string]string) error {
	inside := "." + name // os.Root wants a relative path
	info, err := m.root.Lstat(inside)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // never was, or vanished since its directory was read
	}
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	about := fmt.Sprintf("%04o %d %d", unixMode(info.Mode()), stat.Uid, stat.Gid)
	switch info.Mode().Type() {
	case 0:
		sum, err := m.sum(inside)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		files[name] = "file " + about + " " + sum
	case fs.ModeSymlink:
		target, err := m.root.Readlink(inside)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		files[name] = "symlink " + about + " " + target
	case fs.ModeDir:
		files[name] = "directory " + about
		return m.describeAll(name, files)
	case fs.ModeNamedPipe:
		files[name] = "pipe " + about
	case fs.ModeSocket:
		files[name] = "socket " + about
	default:
		files[name] = fmt.Sprintf("device %s %v %#x", about, info.Mode().Type(), stat.Rdev)
	}
	return nil
}

// describeAll adds what is in the directory name to files, except for noise.
func (m *Machine) describeAll(name string, files map[string]string) error {
	dir, err := m.root.Open("." + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, n := range names {
		n = path.Join(name, n)
		if slices.ContainsFunc(noise[:], func(pattern string) bool {
			match, _ := path.Match(pattern, n)
			return match
		}) {
			continue
		}
		if err := m.describe(n, files); err != nil {
			return err
		}
	}
	return nil
}

// sum returns the SHA-256 of a regular file. O_NONBLOCK is for the case that it
// has become a pipe.
func (m *Machine) sum(inside string) (string, error) {
	f, err := m.root.OpenFile(inside, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// unixMode returns the bits of chmod(2) of a mode.
func unixMode(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= syscall.S_ISUID
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= syscall.S_ISGID
	}
	if mode&fs.ModeSticky != 0 {
		bits |= syscall.S_ISVTX
	}
	return bits
}

// Diff compares two snapshots. It returns a line for each file that was added
// ("+ PATH: now"), removed ("- PATH: before") or changed ("~ PATH: before =>
// now"), ordered by path.
func Diff(before, after map[string]string) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !had:
			lines = append(lines, "+ "+name+": "+is)
		case !has:
			lines = append(lines, "- "+name+": "+was)
		case was != is:
			lines = append(lines, "~ "+name+": "+was+" => "+is)
		}
	}
	return lines
}
