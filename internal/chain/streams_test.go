package chain_test

import (
	"slices"
	"testing"

	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/spec"
)

// TestStreams reads from scripts where their output goes, whatever the names.
func TestStreams(t *testing.T) {
	for doc, want := range map[string]struct {
		files []string
		tag   string
	}{
		"logging: {stdout: 'append:/var/log/a b''s.log'}":                   {[]string{"/var/log/a b's.log"}, ""},
		"logging: {stdout: 'append:/var/log/o', stderr: 'file:/var/log/e'}": {[]string{"/var/log/o", "/var/log/e"}, ""},
		"logging: {stdout: 'file:/var/log/o', stderr: journal}":             {[]string{"/var/log/o"}, "web"},
		"logging: {identifier: it-is}":                                      {nil, "it-is"},
		"logging: {stdout: 'null'}":                                         {nil, ""},
		"environment: {A: \"x\\nexec >>/etc/shadow || exit 1\\n\"}\nstdin: 'file:/dev/zero'\nlogging: {stdout: 'append:/o', stderr: 'append:/e'}": {[]string{"/o", "/e"}, ""},
	} {
		daemons, diags := spec.Decode("x.yaml", []byte("version: 1\nname: web\ncommand: [/usr/bin/web]\n"+doc+"\n"))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		files, tag := chain.Streams(chain.Script(daemons[0], chain.Options{Job: "web", Environment: true, Syslog: true}))
		if !slices.Equal(files, want.files) || tag != want.tag {
			t.Errorf("%s: %q %q", doc, files, tag)
		}
	}
}
