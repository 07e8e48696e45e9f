//go:build linux

package main

import (
	"bufio"
	"errors"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/daemonize/daemonize/internal/probe/report"
)

// lookFurther adds what does not depend on the sandbox.
func lookFurther(r *report.Report) error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return err
	}
	r.Machine = unix.ByteSliceToString(uts.Machine[:])
	// 0xffffffff asks without setting (personality(2)).
	if v, _, errno := unix.Syscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0); errno == 0 {
		r.Personality = int(v)
	}
	if v, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0); err == nil {
		r.SecureBits = v
	}
	var policy int32
	if _, _, errno := unix.Syscall6(unix.SYS_GET_MEMPOLICY, uintptr(unsafe.Pointer(&policy)), 0, 0, 0, 0, 0); errno != 0 {
		policy = -1
	}
	r.MemPolicy = int(policy)
	if info, err := os.Stdin.Stat(); err == nil && info.Mode().IsRegular() {
		r.Stdin, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	}
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
		names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
		for i := range n {
			s := socket(3 + i)
			if i < len(names) {
				s.Name = names[i]
			}
			r.Sockets = append(r.Sockets, s)
		}
	}
	return nil
}

func socket(fd int) report.Socket {
	s := report.Socket{Options: map[string]int{}}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		s.Kind = "fifo"
		s.Address, _ = os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		return s
	}
	s.Kind = map[int]string{unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "dgram", unix.SOCK_SEQPACKET: "seqpacket"}[kind]
	if addr, err := unix.Getsockname(fd); err == nil {
		switch a := addr.(type) {
		case *unix.SockaddrInet4:
			s.Address = net.JoinHostPort(net.IP(a.Addr[:]).String(), strconv.Itoa(a.Port))
		case *unix.SockaddrInet6:
			s.Address = net.JoinHostPort(net.IP(a.Addr[:]).String(), strconv.Itoa(a.Port))
		case *unix.SockaddrUnix:
			s.Address = a.Name
		}
	}
	for _, o := range []struct {
		name       string
		level, opt int
	}{
		{"rcvbuf", unix.SOL_SOCKET, unix.SO_RCVBUF}, {"sndbuf", unix.SOL_SOCKET, unix.SO_SNDBUF},
		{"keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE}, {"reuseport", unix.SOL_SOCKET, unix.SO_REUSEPORT},
		{"passcred", unix.SOL_SOCKET, unix.SO_PASSCRED}, {"nodelay", unix.IPPROTO_TCP, unix.TCP_NODELAY},
		{"freebind", unix.IPPROTO_IP, unix.IP_FREEBIND}, {"v6only", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY},
	} {
		if v, err := unix.GetsockoptInt(fd, o.level, o.opt); err == nil {
			s.Options[o.name] = v
		}
	}
	if dev, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE); err == nil && dev != "" {
		s.Options["device "+dev] = 1
	}
	return s
}

// lookAround adds what a sandbox changes: what the process may do with paths
// and which system calls it is refused. Nothing of the system is changed by it.
func lookAround(r *report.Report) {
	r.Paths = map[string]string{}
	paths := []string{
		"/", "/usr", "/boot", "/etc", "/home", "/root", "/run/user", "/tmp", "/var/tmp", "/var", "/srv", "/dev", "/proc", "/sys", "/sys/fs/cgroup",
		"/dev/null", "/dev/kmsg", "/dev/log", "/run/systemd/journal/socket",
		"/proc/1", "/proc/kcore", "/proc/kmsg", "/proc/uptime", "/proc/sysrq-trigger", "/usr/lib/modules", "/usr/bin/probe",
	}
	paths = append(paths, strings.Fields(os.Getenv("PROBE_PATHS"))...)
	for _, path := range paths {
		r.Paths[path] = access(path)
	}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n != os.Getpid() {
			r.Processes++
		}
	}
	r.Calls = map[string]string{}
	for _, c := range calls {
		done := make(chan error)
		go func() {
			// Never unlocked: the thread, with what the call made of it,
			// ends with the goroutine.
			runtime.LockOSThread()
			done <- c.try()
		}()
		r.Calls[c.name] = errnoName(<-done)
	}
}

// access says what may be done with a path, r, w and x, why it may not be
// written, and for a directory whether anything is in it.
func access(path string) string {
	if err := unix.Access(path, unix.F_OK); err != nil {
		return errnoName(err)
	}
	var b strings.Builder
	var why error
	for _, m := range []struct {
		bit  uint32
		char byte
	}{{unix.R_OK, 'r'}, {unix.W_OK, 'w'}, {unix.X_OK, 'x'}} {
		err := unix.Access(path, m.bit)
		if err != nil {
			m.char = '-'
		}
		if m.bit == unix.W_OK {
			why = err
		}
		b.WriteByte(m.char)
	}
	if why != nil {
		b.WriteString(" " + errnoName(why))
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		if entries, err := os.ReadDir(path); err != nil || len(entries) == 0 {
			b.WriteString(" empty")
		}
	}
	return b.String()
}

func errnoName(err error) string {
	if err == nil {
		return "ok"
	}
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
	}
	return err.Error()
}

// calls are made so that they change nothing where they are allowed: an
// argument is missing or the value is the present one. What they return then
// tells that the kernel has got to look at the arguments.
var calls = [...]struct {
	name string
	try  func() error
}{
	{"mount", func() error { return unix.Mount("none", "/nonexistent/probe", "tmpfs", 0, "") }},
	{"unshare-mnt", func() error { return unix.Unshare(unix.CLONE_NEWNS) }},
	{"unshare-uts", func() error { return unix.Unshare(unix.CLONE_NEWUTS) }},
	{"unshare-net", func() error { return unix.Unshare(unix.CLONE_NEWNET) }},
	{"socket-inet", func() error { return socketOf(unix.AF_INET, unix.SOCK_STREAM) }},
	{"socket-inet6", func() error { return socketOf(unix.AF_INET6, unix.SOCK_STREAM) }},
	{"socket-unix", func() error { return socketOf(unix.AF_UNIX, unix.SOCK_STREAM) }},
	{"socket-netlink", func() error { return socketOf(unix.AF_NETLINK, unix.SOCK_RAW) }},
	{"socket-packet", func() error { return socketOf(unix.AF_PACKET, unix.SOCK_RAW) }},
	{"mmap-wx", func() error {
		m, err := unix.Mmap(-1, 0, 4096, unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err == nil {
			err = unix.Munmap(m)
		}
		return err
	}},
	{"sethostname", func() error {
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		return unix.Sethostname([]byte(name))
	}},
	{"clock_settime", func() error {
		// Looked at before the capability is: EINVAL where it gets there.
		return unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Nsec: -1})
	}},
	{"init_module", func() error { return unix.InitModule(nil, "") }},
	{"syslog", func() error { _, err := unix.Klogctl(10, nil); return err }}, // the size of the buffer
	{"personality", func() error {
		_, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, 8, 0, 0) // PER_LINUX32
		return nonzero(errno)
	}},
	{"sched_fifo", func() error {
		param := int32(1)
		_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, 1, uintptr(unsafe.Pointer(&param)))
		return nonzero(errno)
	}},
	{"chmod-suid", func() error {
		fd, err := unix.MemfdCreate("probe", 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Fchmod(fd, unix.S_ISUID|0o755)
	}},
}

func nonzero(errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

func socketOf(family, kind int) error {
	fd, err := unix.Socket(family, kind, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}
