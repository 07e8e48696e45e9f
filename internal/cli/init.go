package cli

import (
	"embed"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/spec"
)

//go:embed starters/*.yaml
var starters embed.FS

var starterKinds = []string{"service", "worker", "timer", "socket"}

func (a *app) initCmd() *cobra.Command {
	var kind, name, out string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Print a commented spec to start from",
		Long: `Print a commented, valid spec to start from: a network service, a background
worker, a job on a schedule (timer), or a service started by its socket.`,
		Example: `  daemonize init > web.daemon.yaml
  daemonize init --kind timer --name backup --file backup.daemon.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			src, err := starters.ReadFile("starters/" + kind + ".yaml")
			if err != nil {
				return usagef("unknown --kind %q: %s", kind, strings.Join(starterKinds, ", "))
			}
			text := string(src)
			if name != "" {
				if !spec.ValidName(name) {
					return usagef("%q cannot be a name: use a lower-case letter or `_`, then up to 30 lower-case letters, digits, `_` or `-`", name)
				}
				text = strings.NewReplacer("example.org", "example.org", "example", name).Replace(text)
			}
			if out == "" {
				_, err = io.WriteString(a.Stdout, text)
				return err
			}
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // never over a file that exists
			if err != nil {
				return fmt.Errorf("cannot create spec: %w", err)
			}
			defer f.Close()
			if _, err := io.WriteString(f, text); err != nil {
				return fmt.Errorf("cannot write spec: %w", err)
			}
			if err := f.Close(); err != nil {
				return fmt.Errorf("cannot write spec: %w", err)
			}
			fmt.Fprintf(a.Stdout, "%s written; next: daemonize validate %s\n", out, out)
			return nil
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "service", "what to start from: "+strings.Join(starterKinds, ", "))
	cmd.Flags().StringVar(&name, "name", "", "name of the daemon")
	cmd.Flags().StringVar(&out, "file", "", "write to this new file instead of standard output")
	return cmd
}
