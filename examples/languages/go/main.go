//go:build linux

// Greeter says a line to whoever connects: a daemon in Go, see ../README.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// say writes a line with a level of syslog; the journal reads it from the
// prefix <N>.
func say(level int, format string, args ...any) {
	word := map[bool]string{true: "error: ", false: "info: "}[level <= 3]
	if os.Getenv("JOURNAL_STREAM") != "" {
		word = fmt.Sprintf("<%d>", level)
	}
	fmt.Fprintf(os.Stderr, word+format+"\n", args...)
}

func die(err error) {
	say(3, "%v", err)
	os.Exit(1)
}

// tell sends a message to the manager, if it wants any (sd_notify(3)).
func tell(message string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}); err == nil {
		c.Write([]byte(message))
		c.Close()
	}
}

// listen takes the socket that the manager opened (sd_listen_fds(3)), else it
// opens one.
func listen(port int) (net.Listener, error) {
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) && os.Getenv("LISTEN_FDS") != "" {
		return net.FileListener(os.NewFile(3, "listen"))
	}
	return net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
}

// lockPID keeps a second instance out: the lock ends with the process, whatever
// it dies of, so a stale file does no harm. The file must stay open.
func lockPID(path string) *os.File {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		_, err = fmt.Fprintf(f, "%-10d\n", os.Getpid()) // longer than any before
	}
	if err != nil {
		die(fmt.Errorf("cannot lock the process ID file: %w", err))
	}
	return f
}

// detach is for managers that want a program to put itself into the background.
// A Go program has threads before main and cannot fork, so it starts itself
// again, and ends when that is ready.
func detach() {
	ready, up, err := os.Pipe()
	if err != nil {
		die(err)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), "GREETER_DETACHED=1")
	cmd.Args = append(cmd.Args, "--ready-fd", "3")
	cmd.Stderr, cmd.Dir, cmd.ExtraFiles = os.Stderr, "/", []*os.File{up}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		die(err)
	}
	up.Close()
	n, _ := ready.Read(make([]byte, 1))
	os.Exit(1 - n)
}

// dropPrivileges becomes the user; Go does it in all threads.
func dropPrivileges(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	ids, err := u.GroupIds()
	if err != nil {
		return err
	}
	groups := make([]int, len(ids))
	for i, id := range ids {
		groups[i], _ = strconv.Atoi(id)
	}
	uid, _ := strconv.Atoi(u.Uid) // numbers, on Linux
	gid, _ := strconv.Atoi(u.Gid)
	return errors.Join(syscall.Setgroups(groups), syscall.Setgid(gid), syscall.Setuid(uid))
}

func main() {
	config := flag.String("config", "/etc/greeter.conf", "`file` with the greeting")
	port := flag.Int("port", 7100, "where to listen on 127.0.0.1")
	name := flag.String("user", "", "whom to become once the port is open")
	readyFD := flag.Int("ready-fd", -1, "descriptor that gets a newline when ready")
	background := flag.Bool("daemon", false, "go into the background")
	pidFile := flag.String("pid-file", "", "where to write the process ID")
	flag.Parse()
	// Asked before anything is opened, which could get the number.
	if _, err := os.Stat(fmt.Sprintf("/proc/self/fd/%d", *readyFD)); err != nil {
		*readyFD = -1
	}

	var greeting atomic.Pointer[string]
	load := func() bool {
		text, err := os.ReadFile(*config)
		if err != nil {
			say(3, "cannot read the configuration: %v", err)
			return false
		}
		line := strings.SplitAfter(string(text), "\n")[0]
		greeting.Store(&line)
		return true
	}
	if !load() {
		os.Exit(78) // EX_CONFIG
	}
	if *background && os.Getenv("GREETER_DETACHED") == "" {
		detach()
	}
	if *pidFile != "" {
		defer lockPID(*pidFile).Close()
	}
	l, err := listen(*port)
	if err == nil && *name != "" {
		err = dropPrivileges(*name)
	}
	if err != nil {
		die(err)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			io.WriteString(c, *greeting.Load())
			c.Close()
		}
	}()
	var ping <-chan time.Time
	if usec, err := strconv.Atoi(os.Getenv("WATCHDOG_USEC")); err == nil && usec > 1 {
		ping = time.Tick(time.Duration(usec) * time.Microsecond / 2)
	}
	say(6, "ready, process %d", os.Getpid())
	tell("READY=1")
	if *readyFD >= 0 {
		f := os.NewFile(uintptr(*readyFD), "ready")
		io.WriteString(f, "\n")
		f.Close()
	}
	for {
		select {
		case <-ping:
			tell("WATCHDOG=1")
		case s := <-signals:
			if s == syscall.SIGHUP {
				tell("RELOADING=1")
				if load() {
					say(6, "configuration read again")
				}
				tell("READY=1")
				continue
			}
			tell("STOPPING=1")
			l.Close()
			os.Remove(*pidFile)
			say(6, "stopped")
			return
		}
	}
}
