package audit_test

import (
	"fmt"
	"io"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/audit"
)

// BenchmarkWalk audits a directory of units to JSON; the cost of a unit must
// not depend on their number.
func BenchmarkWalk(b *testing.B) {
	const src = "[Unit]\nDescription=Unit\nDocumentation=man:x(8)\nAfter=network.target\n\n[Service]\nType=notify\nExecStartPre=/usr/bin/x -t\nExecStart=/usr/bin/x -g 'daemon on;'\n" +
		"ExecReload=/bin/kill -HUP $MAINPID\nUser=app\nEnvironment=A=b C=d\nPrivateTmp=yes\nProtectSystem=strict\nProtectHome=yes\nNoNewPrivileges=yes\nReadWritePaths=/srv\n" +
		"CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID\nSystemCallFilter=@system-service\nSystemCallArchitectures=native\nRestrictAddressFamilies=AF_UNIX AF_INET\nRestart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n"
	for _, n := range []int{100, 10000} {
		tree := fstest.MapFS{}
		for i := range n {
			tree[fmt.Sprintf("u%05d.service", i)] = text(src)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				enc := hardening.NewEncoder(io.Discard)
				if err := audit.New(tree, audit.Options{}).Walk(".", enc.Encode); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/unit")
		})
	}
}
