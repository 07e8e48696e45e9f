package s6

import (
	"io/fs"
	"strings"

	"github.com/daemonize/daemonize/spec"
)

// overrides writes the native files of the spec into the service directories of
// the daemon: notification-fd for example, or run below log. A null removes the
// file.
func (r *renderer) overrides() {
	for i := range r.raw.Overrides {
		o := &r.raw.Overrides[i]
		if o.Backend != "s6" {
			continue
		}
		path := "overrides.s6." + strings.Join(o.Keys, ".")
		bad := false
		for _, key := range o.Keys {
			bad = bad || !plain(key) || key[0] == '.' || strings.Contains(key, "/")
		}
		if bad || len(o.Keys) > 2 {
			r.refuse(path, "it is no file of a service directory", "write {s6: {FILE: VALUE}} or {s6: {DIRECTORY: {FILE: VALUE}}}")
			continue
		}
		file := strings.Join(o.Keys, "/")
		for j := range r.dirs {
			dir := &r.dirs[j]
			if !dir.copy {
				continue
			}
			if o.Type == "null" {
				dir.remove(file)
				continue
			}
			value := strings.Join(o.Values, "\n")
			if strings.IndexByte(value, spec.RefMark) >= 0 || strings.IndexByte(value, 0) >= 0 {
				r.refuse(path, "references are not replaced in files of a service directory", "write the value without a reference")
				break
			}
			mode := fs.FileMode(0o644)
			if name := o.Keys[len(o.Keys)-1]; name == "run" || name == "finish" {
				mode = 0o755
			}
			dir.remove(file)
			dir.add(file, mode, []byte(value+"\n"))
		}
	}
}
