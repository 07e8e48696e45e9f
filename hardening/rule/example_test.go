package rule_test

import (
	"fmt"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
)

func ExampleCheck() {
	tree := fstest.MapFS{"shop.service": {Data: []byte("[Service]\nExecStart=/opt/shop/bin/shop --db-password=hunter22\nMemoryMax=1G\n")}}
	u, err := unit.NewLoader(tree, unit.Options{}).LoadFile("shop.service")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range rule.Check(&rule.Subject{Name: u.Name, Backend: "systemd", Unit: u, Facts: rule.FromUnit(u)}) {
		fmt.Println(h.At, h.Rule.ID, h.Message)
	}
	// Output:
	// shop.service:2 H001 the application /opt/shop/bin/shop runs as root, and nothing in its description needs root
	// shop.service:2 H041 the argument --db-password of shop holds a secret that every local user can read
	// shop.service:3 H110 the score does not see MemoryMax=
}

func ExampleLookup() {
	r, ok := rule.Lookup("h041")
	fmt.Println(ok, r.ID, r.Severity, r.Title)
	// Output: true H041 high a secret in the arguments
}
