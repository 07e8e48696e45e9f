package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize/spec/schema"
)

func (a *app) schemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of specs, for editors",
		Long: `Print the JSON Schema (2020-12) of specs. Editors with yaml-language-server
use it when a spec begins with the line

  # yaml-language-server: $schema=daemon.schema.json`,
		Example: `  daemonize schema > daemon.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := schema.Generate()
			if err != nil {
				return fmt.Errorf("cannot generate schema: %w", err)
			}
			_, err = a.Stdout.Write(s)
			return err
		},
	}
}
