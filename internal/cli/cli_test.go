package cli_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/daemonize/daemonize/internal/cli"
	"github.com/daemonize/daemonize/internal/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"daemonize":         func() { os.Exit(cli.Main(cli.Process())) },
		"daemonize-windows": func() { os.Exit(cli.MainWithServices(cli.Process(), "services.json")) },
	})
}

// TestScripts runs testdata/script/*.txtar, each a session of commands with
// the exact output that a user sees.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       golden.Updating(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
