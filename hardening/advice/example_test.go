package advice_test

import (
	"fmt"

	"github.com/daemonize/daemonize/hardening/advice"
	"github.com/daemonize/daemonize/hardening/unit"
)

func Example() {
	tree := advice.Files{
		"web.service":  "[Service]\nUser=web\nExecStart=/usr/bin/node /srv/web.js\n",
		"usr/bin/node": "\x7fELF",
	}
	plan, err := advice.Advise(&advice.Input{
		Loader:  unit.NewLoader(tree, unit.Options{Version: 257}),
		Load:    func(l *unit.Loader) (*unit.Unit, error) { return l.LoadFile("web.service") },
		Tree:    tree,
		Profile: advice.Strict,
		Risk:    advice.None,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Before, "->", plan.After)
	for _, c := range plan.Changes {
		if c.Gain >= 5 { // half a point
			fmt.Println(c.Set[0].Line(), c.Gain)
		}
	}
	for _, c := range plan.Withheld {
		if c.Risk == advice.Likely {
			fmt.Println("not", c.Set[0].Line())
		}
	}
	// Output:
	// 9.0 -> 2.3
	// PrivateDevices=yes 0.6
	// CapabilityBoundingSet= 2.5
	// RestrictNamespaces=yes 0.7
	// SystemCallFilter=@system-service @pkey 1.3
	// not MemoryDenyWriteExecute=yes
}
