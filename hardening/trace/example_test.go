package trace_test

import (
	"fmt"
	"strings"

	"github.com/daemonize/daemonize/hardening/trace"
)

func Example() {
	var f trace.Facts
	err := f.Read("web.trace", strings.NewReader(`
812 10:00:00.000101 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3
812 10:00:00.000120 bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16) = 0
812 10:00:00.000300 openat(AT_FDCWD, "/var/log/web.log", O_WRONLY|O_CREAT|O_APPEND, 0644) = 4
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range f.Capabilities {
		fmt.Println(c.Name, c.Place)
	}
	for _, a := range f.Files() {
		fmt.Println(a.Path, a.Mode&trace.Write != 0)
	}
	// Output:
	// CAP_NET_BIND_SERVICE web.trace:3
	// /var/log/web.log true
}
