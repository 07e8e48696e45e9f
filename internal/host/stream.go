package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Stream runs argv without input and writes what it prints to w as it comes,
// however much that is. That ctx is done ends the program and is no error; that
// it fails is one, with what it said on standard error.
func (Programs) Stream(ctx context.Context, argv []string, w io.Writer) error {
	if len(argv) == 0 {
		return errNoCommand
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), plain[:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Second
	var stderr capped
	cmd.Stdout, cmd.Stderr = w, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the caller has seen enough: that is how following ends
	}
	if err == nil {
		return nil
	}
	if exit, ran := errors.AsType[*exec.ExitError](err); ran {
		said := strings.TrimSpace(stderr.String())
		return fmt.Errorf("cannot finish %s: it ended with exit code %d: %s", strings.Join(argv, " "), exitCode(exit.ProcessState), said)
	}
	return fmt.Errorf("cannot run %s: %w", argv[0], err)
}
