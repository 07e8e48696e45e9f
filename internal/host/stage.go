package host

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/daemonize/daemonize/generators"
)

// Stage writes bundles below a directory, for packagers and for looking.
// Nothing outside the directory can be written, whatever symbolic links it
// holds ([os.Root]). What replaces a file appears complete or not at all; files
// are not synced to disk, because a staged tree that is lost in a crash is simply
// made again.
type Stage struct {
	mu   sync.Mutex
	root *os.Root
	// open holds directories in use, so that thousands of files in a handful
	// of directories do not walk the path from the root each time.
	open map[string]*stageDir
	seq  uint64
	// umask holds the bits that the system takes from the mode of new files.
	umask fs.FileMode
}

// stageDir is an open directory. One that was made in this run, by the parent's
// descriptor, has a descriptor only, for nothing is in it that could lead
// elsewhere or be replaced; root is opened when that turns out to be wrong.
type stageDir struct {
	root  *os.Root
	fd    int // only if fresh
	fresh bool
	users int
	used  int // how often
}

func (d *stageDir) close() error {
	var err error
	if d.root != nil {
		err = d.root.Close()
	}
	if d.fresh {
		err = errors.Join(err, closeDir(d.fd))
	}
	return err
}

// maxOpenDirs bounds the directories kept open.
const maxOpenDirs = 256

// OpenStage opens dir, creating it if needed.
func OpenStage(dir string) (*Stage, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot create output directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open output directory: %w", err)
	}
	s := &Stage{root: root, open: map[string]*stageDir{}}
	if s.umask, err = umaskOf(root); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot write to output directory: %w", err), root.Close())
	}
	return s, nil
}

// umaskOf learns the umask, which cannot be asked without setting it, from a
// file made for the purpose.
func umaskOf(root *os.Root) (fs.FileMode, error) {
	probe := ".daemonize-umask-" + strconv.Itoa(os.Getpid())
	if err := ignoreMissing(root.Remove(probe)); err != nil {
		return 0, err
	}
	f, err := root.OpenFile(probe, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.ModePerm)
	if err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close(), root.Remove(probe)); err != nil {
		return 0, err
	}
	return ^info.Mode() & fs.ModePerm, nil
}

// Close releases the directories.
func (s *Stage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.root.Close()
	for _, d := range s.open {
		err = errors.Join(err, d.close())
	}
	s.open = nil
	return err
}

// Write writes artifacts below prefix at their target paths. It may be called
// by several goroutines for different paths.
func (s *Stage) Write(prefix string, files []generators.Artifact) error {
	for i := range files {
		name := path.Join(prefix, strings.TrimPrefix(files[i].Path, "/"))
		if err := s.write(name, &files[i]); err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
	}
	return nil
}

func (s *Stage) write(name string, a *generators.Artifact) (err error) {
	dir, seq, err := s.enter(path.Dir(name))
	if err != nil {
		return err
	}
	defer s.leave(dir)
	if dir.fresh && a.Mode&s.umask == 0 {
		// With its name at once, which must be new: nobody else's file or link
		// is opened. A file that cannot be written completely is removed.
		err := create(dir.fd, path.Base(name), a.Mode.Perm(), a.Content)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := s.openRoot(dir, path.Dir(name)); err != nil {
		return err
	}
	// The temporary name is in the same directory, so that rename is atomic,
	// and new (O_EXCL), so that nobody else's file or link is opened.
	tmp := ".daemonize-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatUint(seq, 36)
	f, err := dir.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, a.Mode.Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(dir.root.Remove(tmp)))
		}
	}()
	if a.Mode&s.umask != 0 {
		err = f.Chmod(a.Mode.Perm())
	}
	if err := errors.Join(err, writeAll(f, a.Content), f.Close()); err != nil {
		return err
	}
	return dir.root.Rename(tmp, path.Base(name))
}

// enter opens a directory, creating it if needed, and returns a number that
// is new for this stage.
func (s *Stage) enter(name string) (*stageDir, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxOpenDirs {
		s.evict()
	}
	d, err := s.dir(name)
	if err != nil {
		return nil, 0, err
	}
	d.users++
	d.used++
	s.seq++
	return d, s.seq, nil
}

// dir returns an open directory; it walks from the nearest one that is open.
func (s *Stage) dir(name string) (*stageDir, error) {
	if d := s.open[name]; d != nil {
		return d, nil
	}
	base, parent := path.Base(name), s.root
	if up := path.Dir(name); up != "." {
		d, err := s.dir(up)
		if err != nil {
			return nil, err
		}
		if d.fresh {
			if fd, err := makeDir(d.fd, base); err == nil {
				d := &stageDir{fd: fd, fresh: true}
				s.open[name] = d
				return d, nil
			} else if !errors.Is(err, fs.ErrExist) {
				return nil, err
			}
			if d.root == nil {
				if d.root, err = s.root.OpenRoot(up); err != nil {
					return nil, err
				}
			}
		}
		parent = d.root
	}
	made := parent.Mkdir(base, 0o755)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return nil, made
	}
	root, err := parent.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	d := &stageDir{root: root}
	if made == nil {
		d.fd, d.fresh, err = descriptor(root)
		if err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	s.open[name] = d
	return d, nil
}

// openRoot opens what writing needs to a directory in which something may be.
func (s *Stage) openRoot(d *stageDir, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if d.root == nil {
		d.root, err = s.root.OpenRoot(name)
	}
	return err
}

func (s *Stage) leave(d *stageDir) {
	s.mu.Lock()
	d.users--
	s.mu.Unlock()
}

// evict closes the directories that nobody is writing to: those of one daemon
// first, which are never needed again.
func (s *Stage) evict() {
	for _, most := range [...]int{sharedUse, math.MaxInt} {
		for name, d := range s.open {
			if d.users == 0 && d.used <= most {
				_ = d.close() // only read from: nothing to lose
				delete(s.open, name)
			}
		}
		if len(s.open) < maxOpenDirs/2 {
			return
		}
	}
}

// sharedUse is more often than the directory of one daemon is written to.
const sharedUse = 32

func writeAll(f *os.File, content []byte) error {
	_, err := f.Write(content)
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
