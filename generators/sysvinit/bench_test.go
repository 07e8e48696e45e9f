package sysvinit

import (
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
)

func BenchmarkGenerate(b *testing.B) {
	daemons, diags := spec.Decode("bench.yaml", []byte("version: 1\nname: web\ncommand: [/usr/bin/web, --listen, ':8080']\nuser: web\nrestart: on-failure\nenvironment: {A: b, C: d}\nlimits: {nofile: 1000}\ndirectories: {runtime: web}\n"))
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	g := New()
	t := generators.Target{Backend: "sysvinit", Version: g.Info().Default}
	b.ReportAllocs()
	for b.Loop() {
		g.Generate(daemons[0], t)
	}
}
