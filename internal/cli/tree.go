package cli

import "github.com/spf13/cobra"

// Root returns the tree of commands for the generator of docs/cli.md; it is
// not meant to be run.
func Root() *cobra.Command { return (&app{}).root() }
