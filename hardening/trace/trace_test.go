package trace

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, lines ...string) *Facts {
	t.Helper()
	var f Facts
	if err := f.Read("t", strings.NewReader(strings.Join(lines, "\n")+"\n")); err != nil {
		t.Fatal(err)
	}
	return &f
}

// TestForms reads one call as different options of strace print it.
func TestForms(t *testing.T) {
	const call = `openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3`
	for _, line := range []string{
		call,
		"1234  " + call,
		"[pid  1234] " + call,
		"12:34:56 " + call,
		"12:34:56.123456 " + call,
		"1700000000.123456 " + call,
		"     0.000123 " + call,
		"1234 12:34:56.123456 (+     0.000042) " + call,
		"1234 12:34:56 [00007f0a1b2c3d4e] " + call,
		"1234 [ 257] " + call,
		"[pid 1234<nginx>] " + call,
		"1234<nginx> " + call,
		"1234<my prog> 12:34:56 " + call,
		call + " <0.000012>",
		strings.Replace(call, "= 3", "= 3</etc/passwd>", 1),
		strings.Replace(call, "AT_FDCWD", "AT_FDCWD</srv>", 1),
		strings.Replace(call, " = 3", "             = 3", 1),
		`openat(AT_FDCWD, "\x2f\x65\x74\x63\x2f\x70\x61\x73\x73\x77\x64", O_RDONLY|O_CLOEXEC) = 3`,
		`openat(AT_FDCWD, "/etc/pass\167d", O_RDONLY|O_CLOEXEC) = 3`,
		`open("/etc/./passwd", O_RDONLY) = 3`,
		`openat2(AT_FDCWD, "/etc/passwd", {flags=O_RDONLY, resolve=0}, 24) = 3`,
		"\t" + call + "\r",
	} {
		f := read(t, line)
		a := f.File("/etc/passwd")
		if a == nil || a.Mode != Read || f.Calls != 1 || f.Skipped != 0 {
			t.Errorf("%s: %+v, %d calls, %d skipped", line, a, f.Calls, f.Skipped)
			continue
		}
		if p := a.Place(Read); p.Line != 1 || p.File != "t" || p.Text == "" {
			t.Errorf("%s: place %+v", line, p)
		}
	}
}

// TestNoCalls reads what stands between the calls.
func TestNoCalls(t *testing.T) {
	f := read(t,
		`strace: Process 12 attached`, `12 +++ exited with 0 +++`, `12 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=13} ---`,
		`--- stopped by SIGTSTP ---`, `12 <detached ...>`, ` > /usr/lib/x86_64-linux-gnu/libc.so.6(__read+0x17) [0x10]`, ``)
	if f.Calls != 0 || f.Skipped != 0 || f.Lines != 7 {
		t.Errorf("%d calls, %d skipped of %d lines", f.Calls, f.Skipped, f.Lines)
	}
	f = read(t, "hello", "foo(", "foo(1", `foo("`, "foo(1) 3", "<... read resumed>) = 1", "= 3", "(1) = 2", "1x(1) = 2")
	if f.Calls != 0 || f.Skipped != 9 {
		t.Errorf("%d calls, %d skipped", f.Calls, f.Skipped)
	}
}

func TestUnfinished(t *testing.T) {
	f := read(t,
		`10 openat(AT_FDCWD, "/a",  <unfinished ...>`,
		`11 openat(AT_FDCWD, "/b", O_RDONLY <unfinished ...>`,
		`10 <... openat resumed>O_WRONLY|O_CREAT, 0666) = 3`,
		`11 <... openat resumed>)             = 4`,
		`[pid 12] 10:00:00 accept4(5, <unfinished ...>`,
		`[pid 12] 10:00:01 <... accept4 resumed> {sa_family=AF_INET, sin_port=htons(1)}, [16], 0) = 7`,
	)
	if f.Calls != 3 || f.Processes != 3 || f.File("/a").Mode != Write || f.File("/b").Mode != Read {
		t.Errorf("%+v", f)
	}
	if p := f.File("/a").Place(Write); p.Line != 3 {
		t.Errorf("the call is shown at line %d", p.Line)
	}
}

// TestFiles: what is done to paths.
func TestFiles(t *testing.T) {
	for _, c := range []struct {
		lines []string
		path  string
		mode  Mode
	}{
		{[]string{`openat(AT_FDCWD, "/f", O_RDWR) = 3`}, "/f", Read | Write},
		{[]string{`openat(AT_FDCWD, "/f", O_RDONLY|O_CREAT, 0600) = 3`}, "/f", Write},
		{[]string{`openat(AT_FDCWD, "/f", O_RDONLY) = -1 ENOENT (No such file or directory)`}, "/f", 0},
		{[]string{`openat(AT_FDCWD, "/f", O_RDONLY|O_PATH) = 3`}, "/f", 0},
		{[]string{`openat(5</var/lib>, "f", O_WRONLY) = 3`}, "/var/lib/f", Write},
		{[]string{`openat(5, "f", O_WRONLY) = 3`}, "/f", 0},
		{[]string{`openat(AT_FDCWD, "f"..., O_WRONLY) = 3`}, "/f", 0},
		{[]string{`chdir("/srv") = 0`, `open("f", O_WRONLY) = 3`}, "/srv/f", Write},
		{[]string{`1 chdir("/srv") = 0`, `1 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 2`, `2 open("f", O_WRONLY) = 3`}, "/srv/f", Write},
		{[]string{`chdir("/srv") = 0`, `chdir("x"...) = 0`, `open("f", O_WRONLY) = 3`}, "/srv/f", 0},
		{[]string{`fchdir(4</opt>) = 0`, `unlink("f") = 0`}, "/opt/f", Write},
		{[]string{`rename("/a", "/f") = 0`}, "/f", Write},
		{[]string{`renameat2(AT_FDCWD, "/f", AT_FDCWD, "/b", RENAME_NOREPLACE) = 0`}, "/f", Write},
		{[]string{`symlink("/target", "/f") = 0`}, "/f", Write},
		{[]string{`symlink("/f", "/x") = 0`}, "/f", 0},
		{[]string{`mkdirat(AT_FDCWD, "/f", 0755) = 0`}, "/f", Write},
		{[]string{`fchmod(3</f>, 0644) = 0`}, "/f", Write},
		{[]string{`ftruncate(3</with \"quotes\">, 0) = 0`}, `/with "quotes"`, Write},
		{[]string{`execve("/f", ["f", "-c", "a(b, c)"], 0x7ffd /* 12 vars */) = 0`}, "/f", Exec},
		{[]string{`execve("/f", ["f"], NULL) = -1 EACCES (Permission denied)`}, "/f", 0},
		{[]string{`connect(3, {sa_family=AF_UNIX, sun_path="/run/f"}, 110) = 0`}, "/run/f", Connect},
		{[]string{`connect(3, {sa_family=AF_UNIX, sun_path=@"/run/f"}, 110) = 0`}, "/run/f", 0},
		{[]string{`bind(3, {sa_family=AF_UNIX, sun_path="/run/f"}, 110) = 0`}, "/run/f", Listen | Write},
		{[]string{`sendto(3, "x", 1, 0, {sa_family=AF_UNIX, sun_path="/dev/log"}, 110) = 1`}, "/dev/log", Connect},
	} {
		f := read(t, c.lines...)
		var got Mode
		if a := f.File(c.path); a != nil {
			got = a.Mode
		}
		if got != c.mode {
			t.Errorf("%s: mode %b, want %b", strings.Join(c.lines, "; "), got, c.mode)
		}
	}
}

// TestFacts: everything else.
func TestFacts(t *testing.T) {
	names := func(list []Use) string {
		var out []string
		for _, u := range list {
			out = append(out, u.Name)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ lines, want string }{
		{`socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3`, "AF_INET"},
		{`socket(PF_LOCAL, SOCK_STREAM, 0) = 3`, "AF_UNIX"},
		{`socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0`, ""},
		{`socket(AF_INET6, SOCK_STREAM, 0) = -1 EAFNOSUPPORT (Address family not supported)`, ""},
		{`socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) = 3`, "AF_INET CAP_NET_RAW"},
		{`socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)) = 3`, "AF_PACKET CAP_NET_RAW"},
		{`socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 3<NETLINK:[ROUTE:12]>`, "AF_NETLINK"},
		{`socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT) = 3`, "AF_NETLINK CAP_AUDIT_WRITE"},
		{`bind(3<TCP:[5]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16) = 0`, "80 CAP_NET_BIND_SERVICE"},
		{`bind(3, {sa_family=AF_INET6, sin6_port=htons(8080), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::", &sin6_addr), sin6_scope_id=0}, 28) = 0`, "8080"},
		{`bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0`, ""},
		{`bind(3, {sa_family=AF_INET, sin_port=htons(81), sin_addr=inet_addr("0.0.0.0")}, 16) = -1 EACCES (Permission denied)`, ""},
		{`setuid(33) = 0`, "CAP_SETUID setuser"},
		{`setresgid(-1, -1, -1) = 0`, ""},
		{`setresgid(-1, 33, -1) = 0`, "CAP_SETGID setuser"},
		{`setgroups32(1, [33]) = 0`, "CAP_SETGID setuser"},
		{"setuid(33) = 0\nkill(55, SIGTERM) = 0", "CAP_KILL CAP_SETUID setuser"},
		{"kill(55, SIGTERM) = 0", ""},
		{"setuid(33) = 0\nkill(55, 0) = 0", "CAP_SETUID setuser"},
		{`fchownat(AT_FDCWD, "/x", 33, 33, 0) = 0`, "CAP_CHOWN"},
		{`chown("/x", -1, -1) = 0`, ""},
		{`chroot("/run") = 0`, "CAP_SYS_CHROOT"},
		{`mknodat(AT_FDCWD, "/x", S_IFCHR|0600, makedev(0x1, 0x3)) = 0`, "CAP_MKNOD"},
		{`mknod("/x", S_IFIFO|0600) = 0`, ""},
		{"prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=1024, rlim_max=4*1024}) = 0\nprlimit64(0, RLIMIT_NOFILE, {rlim_cur=65536, rlim_max=65536}, NULL) = 0", "CAP_SYS_RESOURCE"},
		{"prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=1024, rlim_max=4*1024}) = 0\nprlimit64(0, RLIMIT_NOFILE, {rlim_cur=4096, rlim_max=4096}, NULL) = 0", ""},
		{"getrlimit(RLIMIT_CORE, {rlim_cur=0, rlim_max=RLIM64_INFINITY}) = 0\nsetrlimit(RLIMIT_CORE, {rlim_cur=0, rlim_max=RLIM64_INFINITY}) = 0", ""},
		{`sched_setscheduler(0, SCHED_FIFO, [5]) = 0`, "CAP_SYS_NICE realtime"},
		{`sched_setscheduler(0, SCHED_BATCH, [0]) = 0`, ""},
		{`sched_setattr(0, {size=56, sched_policy=SCHED_DEADLINE, sched_flags=0}, 0) = 0`, "CAP_SYS_NICE realtime"},
		{`setpriority(PRIO_PROCESS, 0, -5) = 0`, "CAP_SYS_NICE"},
		{`setpriority(PRIO_PROCESS, 0, 5) = 0`, ""},
		{`mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f`, "wx"},
		{`mmap(0x7f, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED, 3</lib/x.so>, 0) = 0x7f`, ""},
		{`mprotect(0x7f, 4096, PROT_READ|PROT_EXEC) = 0`, "wx"},
		{`mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE, -1, 0) = -1 EPERM (Operation not permitted)`, ""},
		{`unshare(CLONE_NEWNS|CLONE_FS) = 0`, "CAP_SYS_ADMIN mnt"},
		{`clone(child_stack=NULL, flags=CLONE_NEWUSER|CLONE_NEWPID|SIGCHLD) = 5`, "pid user"},
		{`clone3({flags=CLONE_NEWNET|CLONE_VFORK, exit_signal=SIGCHLD}, 88) = 5`, "CAP_SYS_ADMIN net"},
		{`clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS) = 5`, ""},
		{`personality(PER_LINUX32) = 0 (PER_LINUX)`, "personality"},
		{`personality(0xffffffff) = 0 (PER_LINUX)`, ""},
		{`personality(ADDR_NO_RANDOMIZE) = 0 (PER_LINUX)`, "personality"},
		{`ptrace(PTRACE_ATTACH, 5) = 0`, "CAP_SYS_PTRACE"},
		{`ptrace(PTRACE_TRACEME) = 0`, ""},
		{`chmod("/x", 02755) = 0`, "CAP_FSETID setid"},
		{`fchmodat(AT_FDCWD, "/x", 0755) = 0`, ""},
		{`memfd_create("x", MFD_CLOEXEC) = 3`, "memfd"},
		{`adjtimex({modes=0, offset=0}) = 0 (TIME_OK)`, ""},
		{`adjtimex({modes=ADJ_OFFSET, offset=0}) = 0 (TIME_OK)`, "CAP_SYS_TIME"},
		{`clock_settime(CLOCK_REALTIME, {tv_sec=1, tv_nsec=0}) = 0`, "CAP_SYS_TIME"},
		{`setsockopt(3, SOL_SOCKET, SO_BINDTODEVICE, "eth0\0", 5) = 0`, "CAP_NET_RAW"},
		{`ioctl(3, SIOCSIFFLAGS, {ifr_name="tun0"}) = 0`, "CAP_NET_ADMIN"},
		{`ioctl(3, SIOCGIFCONF, {ifc_len=5}) = 0`, ""},
		{`prctl(PR_CAPBSET_DROP, CAP_CHOWN) = 0`, "CAP_SETPCAP"},
		{`capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_KILL, permitted=1<<CAP_CHOWN, inheritable=0}) = 0`, ""},
		{`[ Process PID=12 runs in 32 bit mode. ]`, "foreign"},
		{`setxattr("/x", "security.capability", "\1", 20, 0) = 0`, "CAP_SETFCAP"},
		{`timerfd_create(CLOCK_BOOTTIME_ALARM, 0) = 3`, "CAP_WAKE_ALARM"},
	} {
		f := read(t, strings.Split(c.lines, "\n")...)
		all := slices.Concat(f.Families, f.Capabilities, f.Namespaces)
		for _, p := range f.Ports {
			all = append(all, Use{Name: strings.TrimPrefix(Place{Line: p.Port}.String(), ":")})
		}
		for _, u := range []struct {
			use  Use
			name string
		}{{f.WriteExec, "wx"}, {f.Realtime, "realtime"}, {f.Personality, "personality"}, {f.SetID, "setid"}, {f.Memfd, "memfd"}, {f.SetUser, "setuser"}, {f.Foreign, "foreign"}} {
			if u.use.Name != "" {
				all = append(all, Use{Name: u.name})
			}
		}
		if got := names(all); got != c.want {
			t.Errorf("%s\n\t%q, want %q", c.lines, got, c.want)
		}
		if f.Skipped > 0 {
			t.Errorf("%s: not understood", c.lines)
		}
	}
}

func TestSyscalls(t *testing.T) {
	f := read(t, `read(0, "", 1) = 0`, `acct(NULL) = -1 EPERM (Operation not permitted)`, `epoll_pwait2(3, [], 1, NULL, NULL, 8) = -1 ENOSYS (Function not implemented)`,
		`open("/x", O_RDONLY) = -1 ENOENT (No such file or directory)`, `exit_group(0) = ?`)
	var got []string
	for _, u := range f.Syscalls() {
		got = append(got, u.Name)
	}
	if strings.Join(got, " ") != "exit_group open read" {
		t.Errorf("got %v", got)
	}
	if u, ok := f.Call("acct", "read"); !ok || u.Name != "read" || u.Place.Line != 1 {
		t.Errorf("got %+v", u)
	}
}

// failing fails after a text.
type failing struct{ io.Reader }

func (f failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestReadErrors(t *testing.T) {
	var f Facts
	if err := f.Read("t", failing{strings.NewReader("read(0) = 0\n")}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

// TestLongLines: what is longer than a line can be is passed over.
func TestLongLines(t *testing.T) {
	var f Facts
	long := `write(1, "` + strings.Repeat("x", 1<<20) + `", 1048576) = 1048576`
	if err := f.Read("t", strings.NewReader(long+"\nread(0, \"\", 1) = 0\n")); err != nil {
		t.Fatal(err)
	}
	if f.Lines != 2 || f.Calls != 1 || f.Skipped != 1 {
		t.Errorf("%d lines, %d calls, %d skipped", f.Lines, f.Calls, f.Skipped)
	}
}

// TestRealStrace reads what the installed strace prints, with several sets of
// options.
func TestRealStrace(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed")
	}
	dir := t.TempDir()
	script := `cd ` + dir + ` && echo x >made && exec cat /etc/passwd made`
	for _, options := range []string{"-f", "-f -tt -y", "-f -ttt -T -yy", "-f -r -n", "-f -i -xx", "-f -t -y -v -s 4096"} {
		out := filepath.Join(t.TempDir(), "trace")
		args := append(strings.Fields(options), "-o", out, "/bin/sh", "-c", script)
		if text, err := exec.Command("strace", args...).CombinedOutput(); err != nil {
			t.Skipf("strace does not work here: %v\n%s", err, text)
		}
		text, err := exec.Command("cat", out).Output()
		if err != nil {
			t.Fatal(err)
		}
		var f Facts
		if err := f.Read("trace", bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if f.Skipped > 0 || f.Calls < 20 {
			t.Errorf("%s: %d calls, %d lines not understood", options, f.Calls, f.Skipped)
		}
		for path, mode := range map[string]Mode{"/etc/passwd": Read, dir + "/made": Write} {
			if a := f.File(path); a == nil || a.Mode&mode == 0 {
				t.Errorf("%s: %s is %+v", options, path, a)
			}
		}
	}
}

// FuzzRead: no trace, however broken, makes the reader fail, and what it says
// keeps its promises.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`1 openat(AT_FDCWD</srv>, "a\"b\x2f\057", O_RDWR|O_CREAT, 0600) = 3</srv/a>` + "\n",
		"[pid 5] 10:00:00.1 read(3<TCP:[127.0.0.1:80->127.0.0.1:4]>, <unfinished ...>\n[pid 5] <... read resumed>\"\", 1) = 0 <0.1>\n",
		"bind(3, {sa_family=AF_INET, sin_port=htons(99999)}, 16) = 0\nclone(flags=CLONE_NEWNS) = 7\nprlimit64(0, RLIMIT_X, {rlim_max=9*9*9999999999999999999}, NULL) = 0\n",
		"((((((\n))))\n\"\\\n<<<<>>>>\n= = =\n-1 E\n a(/*b) = c\nx(1<<2) = 3\n", "\x00\xff(\xfe) = \x80\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var facts Facts
		if err := facts.Read("f", bytes.NewReader(src)); err != nil {
			t.Fatal(err)
		}
		if facts.Calls+facts.Skipped > facts.Lines || facts.Lines > bytes.Count(src, []byte("\n"))+1 {
			t.Fatalf("%d calls and %d skipped of %d lines", facts.Calls, facts.Skipped, facts.Lines)
		}
		check := func(p Place) {
			if p.Line < 1 || p.Line > facts.Lines || strings.ContainsAny(p.Text, "\n\r\x1b") || len(p.Text) > 200 {
				t.Fatalf("place %+v", p)
			}
		}
		for _, u := range slices.Concat(facts.Families, facts.Capabilities, facts.Namespaces, facts.Syscalls()) {
			check(u.Place)
		}
		for _, a := range facts.Files() {
			if a.Path == "" || a.Path[0] != '/' || a.Mode == 0 {
				t.Fatalf("%+v", a)
			}
			for m := Read; m <= Listen; m <<= 1 {
				if a.Mode&m != 0 {
					check(a.Place(m))
				}
			}
		}
	})
}
