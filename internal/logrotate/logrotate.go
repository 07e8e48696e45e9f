// Package logrotate writes snippets for /etc/logrotate.d, for log files that
// no manager rotates itself.
package logrotate

import (
	"errors"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec"
)

// Path returns where the snippet of a daemon belongs.
func Path(name string) string { return "/etc/logrotate.d/" + name }

// Snippet returns the configuration that rotates the files by size. The files
// are copied and truncated (copytruncate), because nothing makes a program
// open its standard output again; lines written in between may be lost
// (logrotate.conf(5)). It is an error if a path cannot be written there.
func Snippet(paths []string, rotate spec.Rotate) ([]byte, error) {
	var b strings.Builder
	b.WriteString("# Written by daemonize; changes are lost at the next install.\n")
	for _, p := range paths {
		if err := Check(p); err != nil {
			return nil, err
		}
		b.WriteString("\"" + p + "\" ")
	}
	b.WriteString("{\n\tsize " + strconv.FormatInt(int64(rotate.Size), 10) +
		"\n\trotate " + strconv.Itoa(rotate.Keep) +
		"\n\tmissingok\n\tnotifempty\n\tcopytruncate\n}\n")
	return []byte(b.String()), nil
}

// Check reports why logrotate cannot be told of the file. File names are
// patterns even inside quotes, which have no escape (logrotate's config.c
// hands them to glob(3)).
func Check(path string) error {
	if i := strings.IndexAny(path, "*?[]{}\"'\\\n\t"); i >= 0 {
		return errors.New("logrotate takes " + strconv.Quote(path[i:i+1]) + " in a file name for a pattern or quote")
	}
	return nil
}
