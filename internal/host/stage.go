package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/daemonize/daemonize/generators"
)

// Stage writes bundles below a directory, for packagers and for looking.
// Nothing outside the directory can be written, whatever symbolic links it
// holds ([os.Root]). Files appear complete or not at all; they are not synced
// to disk, because a staged tree that is lost in a crash is simply made again.
type Stage struct {
	root *os.Root
	made knownDirs
	seq  atomic.Uint64
}

// OpenStage opens dir, creating it if needed.
func OpenStage(dir string) (*Stage, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot create output directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open output directory: %w", err)
	}
	return &Stage{root: root}, nil
}

// Close releases the directory.
func (s *Stage) Close() error { return s.root.Close() }

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
	dir := path.Dir(name)
	if !s.made.has(dir) {
		if err := s.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		s.made.add(dir)
	}
	// The temporary name is in the same directory, so that rename is atomic,
	// and new (O_EXCL), so that nobody else's file or link is opened.
	tmp := path.Join(dir, ".daemonize-"+strconv.Itoa(os.Getpid())+"-"+strconv.FormatUint(s.seq.Add(1), 36))
	f, err := s.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, a.Mode.Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(s.root.Remove(tmp)))
		}
	}()
	// The umask may have taken bits away.
	if err := errors.Join(f.Chmod(a.Mode.Perm()), writeAll(f, a.Content), f.Close()); err != nil {
		return err
	}
	return s.root.Rename(tmp, name)
}

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
