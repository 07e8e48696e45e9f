package advice

import (
	"io/fs"
	"strconv"
	"strings"
)

// SystemdVersion finds out which version of systemd a host or an image has, by
// the name of its private library. It returns 0 if there is none.
func SystemdVersion(tree fs.FS) int {
	dirs := []string{"usr/lib/systemd", "lib/systemd", "usr/lib64/systemd"}
	if entries, err := fs.ReadDir(tree, "usr/lib"); err == nil {
		for _, e := range entries {
			if strings.Contains(e.Name(), "-linux-") { // Debian keeps it by architecture
				dirs = append(dirs, "usr/lib/"+e.Name()+"/systemd")
			}
		}
	}
	for _, dir := range dirs {
		entries, err := fs.ReadDir(tree, dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if rest, ok := strings.CutPrefix(e.Name(), "libsystemd-shared-"); ok {
				n := 0
				for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
					n++
				}
				if v, err := strconv.Atoi(rest[:n]); err == nil {
					return v
				}
			}
		}
	}
	return 0
}
