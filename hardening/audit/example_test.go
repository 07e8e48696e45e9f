package audit_test

import (
	"fmt"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/audit"
)

func ExampleAuditor_Walk() {
	tree := fstest.MapFS{
		"web.service":       {Data: []byte("[Service]\nExecStart=/usr/bin/web\nDynamicUser=yes\nMemoryMax=1G\nEnvironment=API_KEY=s3cr3t-value\n")},
		"com.example.plist": {Data: []byte("<plist><dict><key>Label</key><string>com.example</string><key>Program</key><string>/usr/bin/x</string></dict></plist>")},
	}
	err := audit.New(tree, audit.Options{Systemd: 257}).Walk(".", func(r *hardening.Result) error {
		if r.Exposure != nil {
			fmt.Println(r.Unit, *r.Exposure, *r.Rating)
		} else {
			fmt.Println(r.Unit, r.Note)
		}
		for _, f := range r.Findings {
			fmt.Printf("  %s:%d %s %s\n", f.File, f.Line, f.ID, f.Message)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// com.example launchd has no exposure score, because it has none of the settings that are scored
	// web.service 8.2 EXPOSED
	//   web.service:4 H110 the score does not see MemoryMax=
	//   web.service:5 H040 the variable API_KEY holds a secret that every local user can read
	// <nil>
}
