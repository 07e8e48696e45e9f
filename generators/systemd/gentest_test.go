//go:build linux

package systemd

import (
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
)

func TestSuite(t *testing.T) {
	var targets []generators.Target
	for _, v := range []generators.Version{247, 252, 257, 262} {
		targets = append(targets, generators.Target{Backend: "systemd", Version: v * generators.Major})
	}
	gentest.Suite{
		Generator: New(),
		Targets:   targets,
		Structure: structure,
		ReadBack:  readBack,
	}.Run(t)
}
