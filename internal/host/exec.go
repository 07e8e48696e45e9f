package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
)

// Programs runs programs of this machine.
type Programs struct{}

// maxOutput is how much of a program's output is kept, of each stream.
const maxOutput = 1 << 20

// plain makes programs print text that can be read by programs: in English,
// without color, and not through a pager.
var plain = [...]string{"LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=", "SYSTEMD_URLIFY=0", "PAGER=cat", "TERM=dumb"}

// Run runs argv without input and returns how it ended. The error says that it
// could not be run, or was ended because ctx was done.
func (Programs) Run(ctx context.Context, argv []string) (generators.Result, error) {
	if len(argv) == 0 {
		return generators.Result{}, errNoCommand
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), plain[:]...)
	// A daemon that inherited the output must not keep us waiting.
	cmd.WaitDelay = time.Second
	var stdout, stderr capped
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := generators.Result{Stdout: stdout.String(), Stderr: stderr.String()}
	if ctx.Err() != nil {
		return r, fmt.Errorf("cannot finish %s: %w", strings.Join(argv, " "), context.Cause(ctx))
	}
	exit, ran := errors.AsType[*exec.ExitError](err)
	if err != nil && !ran && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
	if ran {
		r.Code = exitCode(exit.ProcessState)
	}
	return r, nil
}

// capped does not embed its buffer: io.Copy would find the buffer's ReadFrom.
type capped struct{ buf bytes.Buffer }

func (c *capped) String() string { return c.buf.String() }

// Write keeps the first maxOutput bytes and takes the rest without a word, for
// a program must not die of our lack of interest.
func (c *capped) Write(p []byte) (int, error) {
	if room := maxOutput - c.buf.Len(); room > 0 {
		c.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
