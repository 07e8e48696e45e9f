package lab

import (
	"os"
	"testing"
)

// all is set by CI and by `make lab`: every test of the lab runs.
func all() bool { return os.Getenv("DAEMONIZE_LAB_ALL") == "1" }

// Long skips t unless DAEMONIZE_LAB_ALL=1 is in the environment: for tests that
// take minutes, or boot every service manager there is. Like all tests they must
// not count on a machine of their own: they wait for conditions, and compare
// times only with lower bounds.
func Long(t testing.TB) {
	t.Helper()
	if !all() {
		t.Skip("this takes minutes: `make lab` and CI run it, or DAEMONIZE_LAB_ALL=1 go test")
	}
}
