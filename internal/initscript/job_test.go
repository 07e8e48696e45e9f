package initscript

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
)

// FuzzEnvironment: what sh reads from the environment file is what was written.
func FuzzEnvironment(f *testing.F) {
	for _, s := range []string{"", "a b", "it's", `"`, `\`, "`id`", "$(id)", "$HOME", "x\ny\n", "☃", "!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsRune(value, 0) {
			t.Skip("no variable holds a NUL byte")
		}
		file := environmentFile("web", spec.Environment{{Name: "V", Value: value}})
		script := string(file) + "printf '%s' \"$V\"; printf '|%s' " + shell.Quote(value)
		out, err := exec.Command("dash", "-c", script).CombinedOutput()
		if want := []byte(value + "|" + value); err != nil || !bytes.Equal(out, want) {
			t.Errorf("sh read %q, want %q (%v)", out, want, err)
		}
	})
}
