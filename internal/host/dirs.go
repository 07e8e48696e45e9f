package host

import "sync"

// knownDirs remembers which directories exist, so that thousands of files in
// a handful of directories cost one look each. It is bounded by the number of
// distinct directories that are few in practice, and forgets all beyond that.
type knownDirs struct {
	mu   sync.Mutex
	dirs map[string]struct{}
}

const maxKnownDirs = 1024

func (k *knownDirs) has(dir string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.dirs[dir]
	return ok
}

func (k *knownDirs) add(dir string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dirs == nil || len(k.dirs) >= maxKnownDirs {
		k.dirs = map[string]struct{}{}
	}
	k.dirs[dir] = struct{}{}
}
