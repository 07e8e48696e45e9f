package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Probe builds internal/probe, the program that tells how it was started (see
// internal/probe/report), and returns its path until t ends. Every user may run
// it, in every root: it is linked statically.
func Probe(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the probe looks at Linux only")
	}
	// Not below t.TempDir, which is for the user of the test alone.
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "probe")
	build := exec.Command("go", "build", "-o", bin, "github.com/daemonize/daemonize/internal/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the probe: %v\n%s", err, out)
	}
	return bin
}
