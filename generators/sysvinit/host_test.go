package sysvinit

import (
	"context"
	"io/fs"

	"github.com/daemonize/daemonize/generators"
)

// host is a machine for the controller.
type host struct{ machine }

func (h host) ReadFile(path string) ([]byte, error) {
	r := h.machine.Run("cat", path)
	if r.Code != 0 {
		return nil, fs.ErrNotExist
	}
	return []byte(r.Stdout), nil
}

func (h host) Exists(path string) bool {
	return h.machine.Run("test", "-e", path, "-o", "-L", path).Code == 0
}

func (h host) Run(ctx context.Context, argv []string) (generators.Result, error) {
	r := h.RunContext(ctx, nil, argv...)
	return generators.Result{Code: r.Code, Stdout: r.Stdout, Stderr: r.Stderr}, r.Err
}
