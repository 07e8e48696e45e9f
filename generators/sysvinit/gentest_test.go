package sysvinit

import (
	"testing"

	"github.com/daemonize/daemonize/generators/gentest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	gentest.Suite{
		Generator: New(),
		Structure: structure,
		ReadBack:  readBack,
		Confirm:   confirm,
	}.Run(t)
}
