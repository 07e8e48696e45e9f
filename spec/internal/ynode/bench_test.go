package ynode

import (
	"testing"

	"gopkg.in/yaml.v3"
)

const benchSpec = `# The web server.
version: 1
name: web
description: "Serves the site"
command: [/usr/bin/web, --listen, "0.0.0.0:8080", --config, /etc/web/web.yaml]
user: www-data
group: www-data
working_dir: /srv/web
environment:
  LANG: C.UTF-8
  GREETING: "it's \"quoted\" $HOME"
  EMPTY: ""
restart:
  policy: on-failure
  delay: 5s
  max: 10
limits:
  files: 65536
  memory: 512M
  tasks: 200
logging: {stdout: journal, stderr: journal}
depends:
  after: [network-online, postgresql]
  wants:
    - redis
    - statsd
security:
  no_new_privileges: true
  private_tmp: true
  protect_system: strict
  capabilities: [net_bind_service]
timers:
  - name: nightly
    cron: "0 3 * * *"
    command: /usr/bin/web-clean --all
  - name: hourly
    every: 1h
    command: [/usr/bin/web-ping, "-q"]
notes: |
  Restart after changing the certificate.
`

func BenchmarkParse(b *testing.B) {
	src := []byte(benchSpec)
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		roots, diags := Parse("web.yaml", src)
		if len(roots) != 1 || len(diags) != 0 {
			b.Fatal(diags)
		}
	}
}

// BenchmarkYAML is what the parser alone needs for the same text.
func BenchmarkYAML(b *testing.B) {
	src := []byte(benchSpec)
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		var n yaml.Node
		if err := yaml.Unmarshal(src, &n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSyntaxError(b *testing.B) {
	src := []byte(benchSpec + "broken: [a, b\nx: y\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := Parse("web.yaml", src); len(diags) != 1 {
			b.Fatal(diags)
		}
	}
}
