package supervise

import (
	"strings"

	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/spec"
)

// FitsEnvDir reports whether a variable can be a file of a directory that
// envdir(8) or chpst(8) reads: they cut blanks at the end of a value; and what
// the script that starts the program sets, or keeps from root's tools, must come
// from that script.
func FitsEnvDir(v spec.Var) bool {
	switch v.Name {
	case "HOME", "USER", "LOGNAME", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY":
		return false
	}
	return !chain.Loader(v.Name) && strings.TrimRight(v.Value, " \t") == v.Value
}

// EnvFile returns the file of a value. Newlines are NUL bytes there, and a file
// without a byte would remove the variable (envdir(8)).
func EnvFile(value string) []byte { return []byte(strings.ReplaceAll(value, "\n", "\x00") + "\n") }
