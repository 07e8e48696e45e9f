package hardening_test

import (
	"fmt"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/unit"
)

func Example() {
	tree := fstest.MapFS{
		"units/web.service":             {Data: []byte("[Service]\nExecStart=/usr/bin/web\nUser=web\n")},
		"units/web.service.d/10-a.conf": {Data: []byte("[Service]\nPrivateTmp=yes\nCapabilityBoundingSet=\n")},
	}
	loader := unit.NewLoader(tree, unit.Options{Version: 257})
	u, err := loader.LoadFile("units/web.service")
	if err != nil {
		fmt.Println(err)
		return
	}
	a := hardening.Assess(u, hardening.Options{})
	fmt.Println(a.Unit, a.Exposure, a.Rating())
	row := a.Row("PrivateTmp")
	fmt.Println(row.Name, row.Set(), row.From[0])
	// Output:
	// web.service 6.4 MEDIUM
	// PrivateTmp= true units/web.service.d/10-a.conf:2
}

func ExampleParsePolicy() {
	policy, err := hardening.ParsePolicy([]byte(`{"PrivateNetwork": {"weight": 0}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	tree := fstest.MapFS{"web.service": {Data: []byte("[Service]\nExecStart=/usr/bin/web\n")}}
	u, err := unit.NewLoader(tree, unit.Options{}).LoadFile("web.service")
	if err != nil {
		fmt.Println(err)
		return
	}
	a := hardening.Assess(u, hardening.Options{Policy: policy})
	fmt.Println(a.Row("PrivateNetwork").Applies)
	// Output: false
}
