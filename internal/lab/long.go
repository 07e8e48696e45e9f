package lab

import (
	"os"
	"testing"
)

// Long skips t unless DAEMONIZE_LAB_ALL=1 is in the environment, as `make lab`
// puts it there: for tests that take minutes on every service manager, or that
// measure time and so need a machine of their own.
func Long(t testing.TB) {
	t.Helper()
	if os.Getenv("DAEMONIZE_LAB_ALL") != "1" {
		t.Skip("this takes minutes and a quiet machine: `make lab` runs it")
	}
}
