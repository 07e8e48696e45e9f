// Command labd is a daemon for tests: it says what it does, tells a manager
// that it is ready, and ends when it is told to.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("labd started:", strings.Join(os.Args[1:], " "))
	tell("READY=1")
	for s := range signals {
		if s != syscall.SIGHUP {
			fmt.Println("labd stopping")
			return
		}
		fmt.Println("labd reloaded")
	}
}

// tell speaks sd_notify(3).
func tell(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		fmt.Fprintln(os.Stderr, "labd:", err)
		return
	}
	defer c.Close()
	fmt.Fprint(c, state)
}
