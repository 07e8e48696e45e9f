package audit

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
)

// Version returns the version of systemd that is installed in the root of a
// host or of an image, by the name of its shared library; 0 when there is
// none, or one that is not supported.
func Version(root fs.FS) int {
	for _, pattern := range [...]string{"usr/lib/systemd", "usr/lib64/systemd", "lib/systemd", "usr/lib/*/systemd"} {
		names, err := fs.Glob(root, pattern+"/libsystemd-shared-*.so")
		if err != nil {
			continue
		}
		for _, name := range names {
			_, v, _ := strings.Cut(name, "libsystemd-shared-")
			end := strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' })
			if n, err := strconv.Atoi(v[:max(end, 0)]); err == nil && n >= unit.Oldest && n <= unit.Newest {
				return n
			}
		}
	}
	return 0
}
