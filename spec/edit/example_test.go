package edit_test

import (
	"fmt"

	"github.com/daemonize/daemonize/spec/edit"
)

func Example() {
	src := `version: 1
name: web
command: [/usr/bin/web]   # from our package
sandboxing:
  private_tmp: no         # still shared with the old job
`
	out, err := edit.Set("web.daemon.yaml", []byte(src), 0, []edit.Field{
		{Path: "sandboxing.private_tmp", Items: []string{"yes"}},
		{Path: "sandboxing.capabilities.bounding", List: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(out))
	// Output:
	// version: 1
	// name: web
	// command: [/usr/bin/web]   # from our package
	// sandboxing:
	//   private_tmp: 'yes'         # still shared with the old job
	//   capabilities:
	//     bounding: []
}
