//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// bootLimit bounds the start of a machine, which takes half a second on
	// an idle machine and several on a busy one.
	bootLimit = 3 * time.Minute
	// runLimit bounds one command in a machine, and one wait, generously: it
	// is there for what never ends.
	runLimit = 2 * time.Minute
	// pollEvery is how often a condition is looked at.
	pollEvery = 20 * time.Millisecond
)

// Root returns the directory of the root file system called name, one of those
// that .ci/lab-roots builds. It skips t, with the reason, unless the process is
// root and has systemd-nspawn, cgroup v2 and that root. With
// DAEMONIZE_LAB_BUILD=1 in the environment it has .ci/lab-roots build the root
// where it is missing or outdated, and fails t where that is not possible. With
// DAEMONIZE_LAB_ALL=1 it fails t instead of skipping it.
//
// The root is shared: nothing may write to it. It is not replaced by a rebuild
// before t ends.
func Root(t testing.TB, name string) string {
	t.Helper()
	skip := t.Skipf
	if all() {
		skip = t.Fatalf
	}
	if os.Geteuid() != 0 {
		skip("lab: needs root")
	}
	if _, err := exec.LookPath("systemd-nspawn"); err != nil {
		skip("lab: needs systemd-nspawn (Debian: systemd-container)")
	}
	if unifiedCgroup(cgroupMounts(t)) == "" {
		skip("lab: needs a mounted cgroup v2 hierarchy")
	}
	base := os.Getenv("DAEMONIZE_LAB")
	if base == "" {
		base = "/var/cache/daemonize-lab"
	}
	if os.Getenv("DAEMONIZE_LAB_BUILD") == "1" {
		out, err := exec.Command(buildScript(t), name).CombinedOutput()
		if err != nil {
			t.Fatalf("lab: cannot build root %s: %v\n%s", name, err, out)
		}
	}
	dir := filepath.Join(base, name)
	// The builder takes this lock exclusively before it replaces a root.
	lock, err := os.Open(dir + ".lock")
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_SH)
		t.Cleanup(func() { lock.Close() })
	}
	if err == nil {
		_, err = os.Stat(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		skip("lab: no root %s in %s: run .ci/lab-roots %s, or set DAEMONIZE_LAB_BUILD=1", name, base, name)
	}
	if err != nil {
		t.Fatalf("lab: cannot use root %s: %v", name, err)
	}
	return dir
}

// buildScript finds .ci/lab-roots above the directory of the package under
// test, which is where go test starts a test.
func buildScript(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		script := filepath.Join(dir, ".ci", "lab-roots")
		if _, err := os.Stat(script); err == nil {
			return script
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("lab: no .ci/lab-roots above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// An Option changes how a machine is set up.
type Option func(args []string) []string

// Bind shows the host's file or directory at the absolute path inside,
// read-only.
func Bind(host, inside string) Option { return bind("--bind-ro=", host, inside) }

// ReadWriteBind shows the host's file or directory at the absolute path inside.
// What the machine writes there stays.
func ReadWriteBind(host, inside string) Option { return bind("--bind=", host, inside) }

func bind(flag, host, inside string) Option {
	// systemd-nspawn(1), --bind=: a literal colon is written "\:".
	escape := strings.NewReplacer(`\`, `\\`, ":", `\:`)
	return func(args []string) []string {
		return append(args, flag+escape.Replace(host)+":"+escape.Replace(inside))
	}
}

// A Machine is a running container. Its methods that do not return an error
// end the test where they fail, so they belong to the test's own goroutine.
type Machine struct {
	t       testing.TB
	name    string
	systemd bool     // is booted and has systemd as PID 1
	console *os.File // what the container printed
	// The PID of each PID 1 that it has in turn, when that is ready. Closed
	// when systemd-nspawn has ended.
	leaders chan string
	cgroup  string    // where cgroup v2 is mounted
	inside  io.Closer // what follows
	root    *os.Root  // its file system
	procs   *os.File  // cgroup.procs of its PID 1's cgroup, for writing
	// Its namespaces in the order of namespaces. Open files, for a PID may
	// come to mean another process.
	ns []*os.File
	// Closed when systemd-nspawn has ended; nil before it is started.
	exited chan struct{}
}

// namespaces are the files in /proc/PID/ns that make up a container, with the
// option of nsenter(1) to enter each.
var namespaces = [...]struct{ file, option string }{
	{"mnt", "--mount="}, {"uts", "--uts="}, {"ipc", "--ipc="},
	{"net", "--net="}, {"pid", "--pid="}, {"cgroup", "--cgroup="},
}

// environment is that of a command inside. TERM and the rest keep output plain.
var environment = [...]string{
	"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=dumb", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",
}

// join makes a command that entered a machine a sibling of PID 1: it puts itself
// into that cgroup, then runs without the descriptors it was given for the
// purpose. The cgroup was opened outside, because from inside the kernel may
// refuse to move what came from outside (nsdelegate in cgroups(7)). Only the
// command goes there, not nsenter, which the machine sees as process 0 and its
// systemctl cannot cope with.
const join = `echo 0 >&3 || exit 125; exec "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-`

// machines numbers the machines of this process.
var machines atomic.Int64

// Boot starts a machine from the root called name (see [Root], which may skip
// t), and returns when its service manager has started everything: systemd is
// then "running" or "degraded", SysVinit has entered runlevel 2. The machine
// and everything it changed is gone when t ends.
func Boot(t testing.TB, name string, opts ...Option) *Machine {
	t.Helper()
	root := Root(t, name)
	_, err := os.Lstat(filepath.Join(root, "lib/systemd/systemd"))
	m := start(t, root, err == nil, []string{"--boot"}, opts)
	m.booted()
	return m
}

// booted returns when everything has been started.
func (m *Machine) booted() {
	m.t.Helper()
	if m.systemd {
		// It says that it is ready when the initial transaction is done, but
		// jobs may have been added meanwhile. The exit status is that of the
		// state.
		state := m.Run("systemctl", "is-system-running", "--wait")
		switch strings.TrimSpace(state.Stdout) {
		case "running", "degraded":
		default:
			m.t.Fatalf("lab: %s did not come up: %v\n%s", m.name, state, m.Log())
		}
		return
	}
	// .ci/lab-roots has init make this file after the last rc script.
	m.WaitFor("the rc scripts to end", func() bool {
		_, err := m.root.Stat("run/lab-booted")
		return err == nil
	})
}

// Reboot shuts a machine down that was booted, in the regular way, and returns
// when it has started everything again. What is in its file system stays, but
// for /run, /tmp and the like. Processes, and commands that [Machine.Run] still
// runs, are gone.
func (m *Machine) Reboot() {
	m.t.Helper()
	// Neither can be relied on to return before it is ended itself.
	if m.systemd {
		m.Run("systemctl", "--no-block", "reboot")
	} else {
		m.Run("shutdown", "-r", "now")
	}
	m.inside.Close()
	m.enter()
	m.booted()
}

// Chroot starts a machine from the root called name with no service manager in
// it, to run tools of that system. See [Root], which may skip t.
func Chroot(t testing.TB, name string, opts ...Option) *Machine {
	t.Helper()
	return start(t, Root(t, name), false, []string{"--as-pid2"}, opts, "sleep", "infinity")
}

// keeper runs the rest of its arguments, which are systemd-nspawn, in the cgroup
// $1, with the directory $2/root in which changes to the root $3 go to a file
// system in memory. It is not seen outside of this process and its children, and
// is gone with them. systemd-nspawn's own --volatile=overlay does not outlive a
// reboot. With --keep-unit a reboot ends systemd-nspawn with status 133, for the
// manager of its unit to start it again (systemd-nspawn@.service).
//
// A cgroup with children must have no process of its own if controllers are
// enabled for the children (cgroups(7)), so the keeper is not in $1 itself.
const keeper = `set -e
cgroup=$1 dir=$2 root=$3
shift 3
mkdir "$cgroup/keeper"
echo $$ >"$cgroup/keeper/cgroup.procs"
mount -t tmpfs -o mode=0755 lab "$dir"
mkdir "$dir/upper" "$dir/work" "$dir/root"
mount -t overlay -o "lowerdir=$root,upperdir=$dir/upper,workdir=$dir/work" lab "$dir/root"
status=133
while [ "$status" = 133 ]; do
	for controller in $(cat "$cgroup/cgroup.subtree_control"); do
		echo "-$controller" >"$cgroup/cgroup.subtree_control"
	done
	status=0
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cgroup" "$@" || status=$?
done
exit "$status"`

// start runs systemd-nspawn on root until t ends. With systemd it waits for the
// container's PID 1 to say that it is ready, else only for it to run.
func start(t testing.TB, root string, systemd bool, args []string, opts []Option, command ...string) *Machine {
	t.Helper()
	m := &Machine{t: t, name: fmt.Sprintf("lab-%d-%d", os.Getpid(), machines.Add(1)), systemd: systemd}
	var err error
	if m.console, err = os.CreateTemp(t.TempDir(), "console"); err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() { m.console.Close() })

	mounts := cgroupMounts(t)
	cgroup := m.reapAtEnd(mounts)
	defer cgroup.Close()

	m.cgroup = unifiedCgroup(mounts)
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@" + m.name, Net: "unixgram"})
	if err != nil {
		t.Fatalf("lab: cannot listen for systemd-nspawn: %v", err)
	}

	scratch := t.TempDir()
	args = append(args, "--directory="+filepath.Join(scratch, "root"), "--machine="+m.name,
		"--register=no", "--keep-unit", "--console=pipe", "--private-network",
		"--notify-ready="+map[bool]string{true: "yes", false: "no"}[systemd])
	for _, o := range opts {
		args = o(args)
	}
	args = slices.Concat([]string{"--mount", "--propagation", "private", "--", "sh", "-c", keeper, "keeper", filepath.Join(m.cgroup, m.name), scratch, root, "systemd-nspawn"}, args, []string{"--"}, command)
	cmd := exec.Command("unshare", args...)
	// systemd 258 and later refuse the legacy hierarchy which a host with
	// both would give them.
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "NOTIFY_SOCKET=@"+m.name)
	cmd.Stdout, cmd.Stderr = m.console, m.console
	// With --keep-unit the container's cgroup is made below that of
	// systemd-nspawn, by a fixed name. Machines must not share it: the
	// managers would take each other's processes for their own.
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd())}
	if err := cmd.Start(); err != nil {
		notify.Close()
		t.Fatalf("lab: cannot start systemd-nspawn: %v", err)
	}
	m.exited = make(chan struct{})
	m.leaders = make(chan string, 1)
	go m.listen(notify)
	go func() {
		cmd.Wait()
		notify.Close()
		close(m.exited)
	}()
	m.enter()
	return m
}

// listen reads what systemd-nspawn tells, by the protocol of sd_notify(3), as
// long as it lives: newer versions of systemd wait until it has been told that
// they are reloaded.
func (m *Machine) listen(notify *net.UnixConn) {
	defer close(m.leaders)
	var leader string
	buf := make([]byte, 4096)
	for {
		n, err := notify.Read(buf)
		if err != nil {
			return
		}
		ready := !m.systemd
		for line := range strings.Lines(string(buf[:n])) {
			line = strings.TrimSuffix(line, "\n")
			if pid, ok := strings.CutPrefix(line, "X_NSPAWN_LEADER_PID="); ok {
				leader = pid
			}
			ready = ready || line == "READY=1"
		}
		if leader != "" && ready { // for the first time
			m.leaders <- leader
			leader = ""
		}
	}
}

// enter waits until the container runs, and opens what is needed to act inside.
func (m *Machine) enter() {
	m.t.Helper()
	var leader string
	select {
	case leader = <-m.leaders:
	case <-time.After(bootLimit):
	}
	if leader == "" {
		m.t.Fatalf("lab: %s did not come up\n%s", m.name, m.Log())
	}
	proc := filepath.Join("/proc", leader)
	var files closers
	m.t.Cleanup(func() { files.Close() })
	m.inside = &files
	var err error
	if m.root, err = os.OpenRoot(filepath.Join(proc, "root")); err != nil {
		m.t.Fatalf("lab: cannot enter %s: %v", m.name, err)
	}
	files = append(files, m.root)
	own, err := os.ReadFile(filepath.Join(proc, "cgroup"))
	if err != nil {
		m.t.Fatalf("lab: cannot enter %s: %v", m.name, err)
	}
	var inside string
	for line := range strings.Lines(string(own)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok { // cgroups(7)
			inside = strings.TrimSuffix(path, "\n")
		}
	}
	open := func(path string, flag int) *os.File {
		f, err := os.OpenFile(path, flag, 0)
		if err != nil {
			m.t.Fatalf("lab: cannot enter %s: %v", m.name, err)
		}
		files = append(files, f)
		return f
	}
	m.procs = open(filepath.Join(m.cgroup, inside, "cgroup.procs"), os.O_WRONLY)
	m.ns = nil
	for _, n := range namespaces {
		m.ns = append(m.ns, open(filepath.Join(proc, "ns", n.file), os.O_RDONLY))
	}
}

// closers are closed together, any number of times.
type closers []io.Closer

func (c *closers) Close() error {
	for _, f := range *c {
		f.Close()
	}
	*c = nil
	return nil
}

// reaper waits until its input ends, which is when the test closes it or is
// dead, then ends the machine and removes what is left of it. The payload goes
// first, for systemd-nspawn then clears up and ends by itself. It does not take
// the container along if it is killed first.
const reaper = `
read -r _
cgroup=$1
if [ -e "$cgroup/payload" ]; then
	echo 1 >"$cgroup/payload/cgroup.kill"
fi
tries=0
while grep -q '^populated 1' "$cgroup/cgroup.events"; do
	tries=$((tries + 1))
	case $tries in
	200) echo 1 >"$cgroup/cgroup.kill" ;;
	1000) exit 1 ;;
	esac
	sleep 0.02
done
for dir; do
	if [ -e "$dir" ]; then
		find "$dir" -depth -type d -exec rmdir {} \;
	fi
done
`

// reapAtEnd makes the cgroup of m, and has everything in it end with the test,
// whichever way that ends. The returned file is for the caller to close.
func (m *Machine) reapAtEnd(mounts []cgroupMount) *os.File {
	m.t.Helper()
	// systemd-nspawn makes a cgroup by the same path in the hierarchy of
	// systemd where that is not the unified one.
	dirs := []string{filepath.Join(unifiedCgroup(mounts), m.name)}
	for _, c := range mounts {
		if !c.unified {
			dirs = append(dirs, filepath.Join(c.dir, m.name))
		}
	}
	propagate := filepath.Join("/run/systemd/nspawn/propagate", m.name)
	dirs = append(dirs, propagate)

	if err := os.Mkdir(dirs[0], 0o755); err != nil {
		m.t.Fatalf("lab: cannot make a cgroup: %v", err)
	}
	reap := exec.Command("sh", slices.Concat([]string{"-c", reaper, "reaper"}, dirs)...)
	var out bytes.Buffer
	reap.Stdout, reap.Stderr = &out, &out
	reap.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is not for it
	input, err := reap.StdinPipe()
	if err == nil {
		err = reap.Start()
	}
	if err != nil {
		os.Remove(dirs[0])
		m.t.Fatalf("lab: cannot start the reaper: %v", err)
	}
	m.t.Cleanup(func() {
		input.Close()
		if err := reap.Wait(); err != nil || out.Len() > 0 {
			m.t.Errorf("lab: cannot end %s: %v\n%s", m.name, err, &out)
			return
		}
		if m.exited != nil {
			<-m.exited
		}
		for _, dir := range dirs {
			if _, err := os.Lstat(dir); err == nil {
				m.t.Errorf("lab: %s left %s behind", m.name, dir)
			}
		}
		mounted, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil || bytes.Contains(mounted, []byte(m.name)) {
			m.t.Errorf("lab: %s left mounts behind (%v):\n%s", m.name, err, mounted)
		}
	})
	cgroup, err := os.Open(dirs[0])
	if err != nil {
		m.t.Fatalf("lab: cannot open a cgroup: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dirs[0], "cgroup.kill")); err != nil {
		m.t.Skip("lab: needs cgroup.kill (Linux 5.14)")
	}
	return cgroup
}

type cgroupMount struct {
	dir     string
	unified bool
}

// cgroupMounts lists the mounted cgroup hierarchies.
func cgroupMounts(t testing.TB) []cgroupMount {
	t.Helper()
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	var mounts []cgroupMount
	for line := range strings.Lines(string(info)) {
		// proc_pid_mountinfo(5): optional fields end with " - ".
		before, after, _ := strings.Cut(line, " - ")
		kind, _, _ := strings.Cut(after, " ")
		if f := strings.Fields(before); len(f) > 4 && (kind == "cgroup" || kind == "cgroup2") {
			mounts = append(mounts, cgroupMount{dir: f[4], unified: kind == "cgroup2"})
		}
	}
	return mounts
}

// unifiedCgroup returns where cgroup v2 is mounted, or "".
func unifiedCgroup(mounts []cgroupMount) string {
	for _, c := range mounts {
		if c.unified {
			return c.dir
		}
	}
	return ""
}

// A Result is what came of a command.
type Result struct {
	Stdout, Stderr string
	// Code is the exit status, or -1 if the command did not exit by itself.
	Code int
	// Err is nil if the command ran and exited, with whichever status.
	Err error
}

// String tells all of r, for failure messages.
func (r Result) String() string {
	return fmt.Sprintf("exit status %d, error %v\nstdout: %s\nstderr: %s", r.Code, r.Err, r.Stdout, r.Stderr)
}

// Run runs a command as root inside, in /, with a plain environment, no input
// and a limit of two minutes. It may leave processes behind: daemons started by
// an init script keep running.
func (m *Machine) Run(cmd ...string) Result {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	return m.RunContext(ctx, nil, cmd...)
}

// RunContext is [Machine.Run] with input, which may be nil, and a limit of the
// caller's: at the end of ctx the command is killed.
func (m *Machine) RunContext(ctx context.Context, stdin io.Reader, cmd ...string) Result {
	if len(cmd) == 0 {
		return Result{Code: -1, Err: errors.New("lab: no command")}
	}
	var args []string
	for i, n := range namespaces {
		// os/exec passes ExtraFiles from descriptor 3 on.
		args = append(args, n.option+"/proc/self/fd/"+strconv.Itoa(4+i))
	}
	args = append(append(args, "--", "/bin/sh", "-c", join, "join"), cmd...)
	c := exec.CommandContext(ctx, "nsenter", args...)
	c.Env = environment[:]
	c.Stdin = stdin
	c.ExtraFiles = slices.Concat([]*os.File{m.procs}, m.ns)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// nsenter forks to enter the PID namespace, so its child has to be
	// killed too.
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second

	// Files, not pipes: a daemon left behind may keep them open for ever.
	stdout, err := os.CreateTemp("", "lab-stdout")
	if err != nil {
		return Result{Code: -1, Err: err}
	}
	defer stdout.Close()
	os.Remove(stdout.Name())
	stderr, err := os.CreateTemp("", "lab-stderr")
	if err != nil {
		return Result{Code: -1, Err: err}
	}
	defer stderr.Close()
	os.Remove(stderr.Name())
	c.Stdout, c.Stderr = stdout, stderr

	r := Result{Err: c.Run(), Code: c.ProcessState.ExitCode()}
	if exit, ok := errors.AsType[*exec.ExitError](r.Err); ok && exit.Exited() {
		r.Err = nil
	}
	if err := ctx.Err(); err != nil && r.Code < 0 {
		r.Err = fmt.Errorf("lab: %q was ended: %w", cmd, err)
	}
	r.Stdout = contents(stdout)
	r.Stderr = contents(stderr)
	return r
}

// contents returns all of a file, wherever its position is.
func contents(f *os.File) string {
	var b strings.Builder
	// A file that was just written is not expected to fail to be read.
	if _, err := io.Copy(&b, io.NewSectionReader(f, 0, 1<<62)); err != nil {
		return err.Error()
	}
	return b.String()
}

// MustRun is [Machine.Run] for a command that has to succeed, else the test
// ends. It returns its standard output.
func (m *Machine) MustRun(cmd ...string) string {
	m.t.Helper()
	r := m.Run(cmd...)
	if r.Err != nil || r.Code != 0 {
		m.t.Fatalf("lab: %q failed: %v", cmd, r)
	}
	return r.Stdout
}

// WriteFile writes content to the file at an absolute path inside, owned by
// root and with exactly that mode. It makes missing directories (0755), and
// replaces what is there, a symbolic link too.
func (m *Machine) WriteFile(path, content string, mode fs.FileMode) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	// Inside, because only there do absolute symbolic links on the way to
	// the file (/var/run) lead where they should.
	r := m.RunContext(ctx, strings.NewReader(content),
		"install", "-D", "-m", fmt.Sprintf("%04o", unixMode(mode)), "--", "/dev/stdin", path)
	if r.Err != nil || r.Code != 0 {
		m.t.Fatalf("lab: cannot write %s: %v", path, r)
	}
}

// WaitFor returns when cond is true. If that is not so within two minutes the test
// ends, telling what it waited for and what the machine logged last.
func (m *Machine) WaitFor(what string, cond func() bool) {
	m.t.Helper()
	deadline := time.Now().Add(runLimit)
	for !cond() {
		if time.Now().After(deadline) {
			m.t.Fatalf("lab: waited in vain for %s\n%s", what, m.Log())
		}
		time.Sleep(pollEvery)
	}
}

// Log returns the end of what the machine logged: the journal, where there is
// one, and the console.
func (m *Machine) Log() string {
	console := contents(m.console)
	const most = 8 << 10
	if len(console) > most {
		console = "..." + console[len(console)-most:]
	}
	if !m.systemd {
		return "console:\n" + console
	}
	journal := m.Run("journalctl", "--no-pager", "--lines=60", "--output=short-monotonic")
	return "journal:\n" + journal.Stdout + journal.Stderr + "console:\n" + console
}
