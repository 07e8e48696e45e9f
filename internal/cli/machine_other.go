//go:build !windows

package cli

import "github.com/spf13/cobra"

// adapt leaves the commands as they are: managers are found when they run.
func (a *app) adapt([]*cobra.Command) {}
