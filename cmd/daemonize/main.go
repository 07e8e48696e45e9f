// Command daemonize renders, installs and removes daemons on any service
// manager from one YAML spec.
package main

import (
	"os"

	"github.com/daemonize/daemonize/internal/cli"
)

func main() {
	os.Exit(cli.Main(cli.Process()))
}
