package cli

import (
	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/winsvc"
)

// adapt has the commands about this machine work on Windows services.
func (a *app) adapt(cmds []*cobra.Command) {
	if t, ok := winsvc.Detect(); ok {
		w := windows{app: a, m: winsvc.Local(), clock: install.SystemClock{}, drive: winsvc.Drive(), target: t.String()}
		w.take(cmds)
	}
}
