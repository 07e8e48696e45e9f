//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notes is where the order note writes to.
func note(text string) {
	f, err := os.OpenFile(os.Getenv("PROBE_NOTES"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	check(err)
	defer f.Close()
	var now unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_BOOTTIME, &now))
	_, err = fmt.Fprintf(f, "%d %s\n", now.Nano(), text)
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(99)
	}
}

// act carries out orders, one after the other:
//
//	report           print what the process looks like
//	look             likewise, with what it may do with paths and system calls
//	note=TEXT        append a line to $PROBE_NOTES: nanoseconds since boot, TEXT;
//	                 @uid, @pid and @mainpid in it are replaced
//	out=TEXT         print a line; err=TEXT prints it to standard error
//	flood=N          print N lines
//	on=SIGNAL        note the signal, and stay; on=SIGNAL:N exits with N after it
//	notify=TEXT      send TEXT to $NOTIFY_SOCKET, sd_notify(3)
//	beat=DURATION    send WATCHDOG=1 again and again
//	child=A+B+C      have a child process carry out the orders A B C
//	pidfile=PATH     write the process ID
//	shm=N            make a System V shared memory segment with key N
//	syslog=PATH      receive datagrams of syslog(3) at PATH, and note them
//	serve=ADDRESS,N  answer N HTTP requests with 200 and note them
//	accept           accept one connection on descriptor 3, and note it
//	file=PATH        wait until PATH exists
//	sleep=DURATION   wait
//	wait             wait for ever
//	exit=N           end with status N; kill=SIGNAL ends by that signal
func act(orders []string) {
	for _, order := range orders {
		verb, arg, _ := strings.Cut(order, "=")
		switch verb {
		case "report", "look":
			print(verb == "look")
		case "note":
			note(strings.NewReplacer("@uid", strconv.Itoa(os.Geteuid()), "@pid", strconv.Itoa(os.Getpid()), "@mainpid", os.Getenv("MAINPID")).Replace(arg))
		case "out":
			fmt.Println(arg)
		case "err":
			fmt.Fprintln(os.Stderr, arg)
		case "flood":
			n, err := strconv.Atoi(arg)
			check(err)
			w := bufio.NewWriter(os.Stdout)
			for i := range n {
				fmt.Fprintln(w, "flood", i)
			}
			check(w.Flush())
		case "on":
			on(arg)
		case "notify":
			notify(arg)
		case "beat":
			d, err := time.ParseDuration(arg)
			check(err)
			go func() {
				for {
					notify("WATCHDOG=1")
					time.Sleep(d)
				}
			}()
		case "child":
			self, err := os.Executable()
			check(err)
			c := exec.Command(self, "--do", strings.ReplaceAll(arg, "+", " "))
			c.Stdout, c.Stderr = os.Stdout, os.Stderr
			check(c.Start())
			go c.Wait()
		case "pidfile":
			check(os.WriteFile(arg+".new", []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644))
			check(os.Rename(arg+".new", arg))
		case "shm":
			key, err := strconv.Atoi(arg)
			check(err)
			_, err = unix.SysvShmGet(key, 4096, unix.IPC_CREAT|0o600)
			check(err)
		case "syslog":
			syslog(arg)
		case "serve":
			serve(arg)
		case "accept":
			fd, _, err := unix.Accept(3)
			check(err)
			unix.Close(fd)
			note("accepted")
		case "file":
			for {
				if _, err := os.Stat(arg); err == nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
		case "sleep":
			d, err := time.ParseDuration(arg)
			check(err)
			time.Sleep(d)
		case "wait":
			for {
				time.Sleep(time.Hour)
			}
		case "exit":
			n, err := strconv.Atoi(arg)
			check(err)
			os.Exit(n)
		case "kill":
			check(unix.Kill(os.Getpid(), unix.SignalNum(arg)))
			time.Sleep(time.Hour)
		default:
			check(fmt.Errorf("unknown order %q", order))
		}
	}
}

func print(around bool) {
	r, err := look()
	check(err)
	if around {
		lookAround(r)
	}
	text, err := json.Marshal(r)
	check(err)
	text = append(text, '\n')
	if out := os.Getenv("PROBE_OUT"); out != "" {
		check(os.WriteFile(out+".new", text, 0o666))
		check(os.Rename(out+".new", out))
		return
	}
	_, err = os.Stdout.Write(text)
	check(err)
}

func on(arg string) {
	name, code, ends := strings.Cut(arg, ":")
	c := make(chan os.Signal, 8)
	signal.Notify(c, unix.SignalNum(name))
	go func() {
		for range c {
			note(name)
			if ends {
				n, err := strconv.Atoi(code)
				check(err)
				os.Exit(n)
			}
		}
	}()
}

func notify(text string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	defer unix.Close(fd)
	to := &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}
	check(unix.Sendto(fd, []byte(strings.ReplaceAll(text, ",", "\n")), 0, to))
	// With a barrier the manager has looked at who sent it before this
	// process can end (sd_notify_barrier(3)).
	r, w, err := os.Pipe()
	check(err)
	check(unix.Sendmsg(fd, []byte("BARRIER=1"), unix.UnixRights(int(w.Fd())), to, 0))
	w.Close()
	check(r.SetReadDeadline(time.Now().Add(5 * time.Second)))
	r.Read(make([]byte, 1))
	r.Close()
}

func syslog(path string) {
	os.Remove(path)
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	check(err)
	check(os.Chmod(path, 0o666))
	go func() {
		buf := make([]byte, 8192)
		for {
			n, _, err := c.ReadFrom(buf)
			check(err)
			note(strings.TrimRight(strings.ReplaceAll(string(buf[:n]), "\n", " "), " \x00"))
		}
	}()
}

func serve(arg string) {
	address, times, _ := strings.Cut(arg, ",")
	n, err := strconv.Atoi(times)
	check(err)
	l, err := net.Listen("tcp", address)
	check(err)
	go func() {
		defer l.Close()
		for range n {
			c, err := l.Accept()
			check(err)
			c.SetDeadline(time.Now().Add(5 * time.Second))
			c.Read(make([]byte, 1024))
			c.Write([]byte("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"))
			c.Close()
			note("served")
		}
	}()
}

// get stands in for wget(1) in systems without it: status 0 for an answer
// below 400.
func get(url string) int {
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	c, err := net.DialTimeout("tcp", host, 5*time.Second)
	check(err)
	defer c.Close()
	_, err = fmt.Fprintf(c, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host)
	check(err)
	line, err := bufio.NewReader(c).ReadString('\n')
	check(err)
	f := strings.Fields(line)
	if len(f) < 2 || f[1] >= "400" {
		return 8
	}
	return 0
}
