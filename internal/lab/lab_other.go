//go:build !linux

package lab

import (
	"context"
	"io"
	"io/fs"
	"testing"
)

// Root, like all that needs it, skips t: containers are Linux's.
func Root(t testing.TB, _ string) string {
	t.Helper()
	t.Skip("lab: needs Linux")
	return ""
}

// An Option changes how a machine is set up.
type Option struct{}

// Bind shows a file or directory of the host, read-only.
func Bind(_, _ string) Option { return Option{} }

// ReadWriteBind shows a file or directory of the host.
func ReadWriteBind(_, _ string) Option { return Option{} }

// A Machine is a running container, of which there are none here: as [Boot] and
// [Chroot] skip, its methods are never called.
type Machine struct{}

// Boot skips t.
func Boot(t testing.TB, name string, _ ...Option) *Machine {
	t.Helper()
	Root(t, name)
	return nil
}

// Chroot skips t.
func Chroot(t testing.TB, name string, _ ...Option) *Machine {
	t.Helper()
	Root(t, name)
	return nil
}

// A Result is what came of a command.
type Result struct {
	Stdout, Stderr string
	Code           int
	Err            error
}

// The methods of a machine on Linux.

func (r Result) String() string                                          { panic("lab: needs Linux") }
func (*Machine) Run(...string) Result                                    { panic("lab: needs Linux") }
func (*Machine) RunContext(context.Context, io.Reader, ...string) Result { panic("lab: needs Linux") }
func (*Machine) MustRun(...string) string                                { panic("lab: needs Linux") }
func (*Machine) WriteFile(_, _ string, _ fs.FileMode)                    { panic("lab: needs Linux") }
func (*Machine) WaitFor(string, func() bool)                             { panic("lab: needs Linux") }
func (*Machine) Reboot()                                                 { panic("lab: needs Linux") }
func (*Machine) Log() string                                             { panic("lab: needs Linux") }
func (*Machine) Snapshot(...string) map[string]string                    { panic("lab: needs Linux") }

// Diff compares two snapshots.
func Diff(_, _ map[string]string) []string { panic("lab: needs Linux") }
