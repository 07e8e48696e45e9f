package supervise

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestStatOfReadError has reading fail, as it does for a process that ends
// meanwhile: /proc/self/mem cannot be read at 0.
func TestStatOfReadError(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	dir := t.TempDir()
	if err := os.Symlink("/proc/self/mem", filepath.Join(dir, "stat")); err != nil {
		t.Fatal(err)
	}
	script := Processes + "line=before\nstat_of .." + dir + " && echo found\nstat_of $$ && echo \"session $session\"\n"
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(shell[0], func(t *testing.T) {
			if _, err := exec.LookPath(shell[0]); err != nil {
				t.Skip(shell[0] + " is not installed")
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a loop that does not end
			defer cancel()
			cmd := exec.CommandContext(ctx, shell[0], append(shell[1:], "-c", script)...)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), "session ") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
