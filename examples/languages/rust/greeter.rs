// greeter says a line to whoever connects: a daemon in Rust, see ../README.md.
// It needs the standard library only: rustc -O greeter.rs
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::raw::{c_char, c_int, c_long, c_uint};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::io::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicI32, Ordering};
use std::{env, io, process};

// What the standard library does not have, from libc.
#[repr(C)]
struct Passwd { name: *const c_char, passwd: *const c_char, uid: c_uint, gid: c_uint }
#[repr(C)]
struct PollFd { fd: c_int, events: i16, revents: i16 }
extern "C" {
    fn fork() -> c_int;
    fn setsid() -> c_int;
    fn flock(fd: c_int, how: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn pipe2(fds: *mut c_int, flags: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: c_long, timeout: c_int) -> c_int;
    fn write(fd: c_int, data: *const u8, len: usize) -> isize;
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn getpwnam(name: *const c_char) -> *const Passwd;
    fn initgroups(name: *const c_char, gid: c_uint) -> c_int;
    fn setgid(gid: c_uint) -> c_int;
    fn setuid(uid: c_uint) -> c_int;
}
const HUP: u8 = 1;
const CLOEXEC: c_int = 0o2000000;
const NONBLOCK: c_int = 0o4000;
const NOFOLLOW: c_int = 0o400000;

/// Levels are those of syslog; the journal reads them from the prefix <N>.
fn say(level: u8, text: &str) {
    let word = if env::var_os("JOURNAL_STREAM").is_some() {
        format!("<{level}>")
    } else if level <= 3 { "error: ".into() } else { "info: ".into() };
    eprintln!("{word}{text}");
}

fn die(what: &str, error: io::Error) -> ! {
    say(3, &format!("cannot {what}: {error}"));
    process::exit(1)
}

/// Turns the -1 of libc into an error.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Sends a message to the manager, if it wants any (sd_notify(3)).
fn tell(message: &str) {
    let Ok(path) = env::var("NOTIFY_SOCKET") else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    if path.starts_with('@') {
        use std::os::linux::net::SocketAddrExt;
        if let Ok(to) = std::os::unix::net::SocketAddr::from_abstract_name(&path[1..]) {
            let _ = socket.send_to_addr(message.as_bytes(), &to);
        }
    } else {
        let _ = socket.send_to(message.as_bytes(), path);
    }
}

/// Takes the socket that the manager opened (sd_listen_fds(3)), else opens one.
fn listen(port: u16) -> io::Result<TcpListener> {
    let own = env::var("LISTEN_PID").map_or(false, |pid| pid == process::id().to_string());
    if own && env::var_os("LISTEN_FDS").is_some() {
        return Ok(unsafe { TcpListener::from_raw_fd(3) });
    }
    TcpListener::bind(("127.0.0.1", port)) // with SO_REUSEADDR
}

/// Keeps a second instance out: the lock ends with the process, whatever it dies
/// of, so a stale file does no harm. The file must stay open.
fn lock(path: &str) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).mode(0o644).custom_flags(NOFOLLOW).open(path)?;
    check(unsafe { flock(file.as_raw_fd(), 2 | 4) })?; // LOCK_EX | LOCK_NB
    Ok(file)
}

fn pipe(flags: c_int) -> io::Result<(RawFd, RawFd)> {
    let mut fds = [0; 2];
    check(unsafe { pipe2(fds.as_mut_ptr(), flags) })?;
    Ok((fds[0], fds[1]))
}

/// For managers that want a program to put itself into the background; the
/// parent ends when the daemon is ready.
fn daemonise() -> io::Result<File> {
    let (ready, up) = pipe(CLOEXEC)?;
    let (mut ready, up) = unsafe { (File::from_raw_fd(ready), File::from_raw_fd(up)) };
    if check(unsafe { fork() })? != 0 {
        drop(up);
        process::exit(if ready.read_exact(&mut [0]).is_ok() { 0 } else { 1 });
    }
    unsafe { setsid() };
    if check(unsafe { fork() })? != 0 {
        process::exit(0); // the daemon is no session leader and never gets a terminal
    }
    env::set_current_dir("/")?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    check(unsafe { dup2(null.as_raw_fd(), 0) })?;
    check(unsafe { dup2(null.as_raw_fd(), 1) })?;
    Ok(up)
}

fn drop_privileges(user: &str) -> io::Result<()> {
    let name = CString::new(user)?;
    unsafe {
        let entry = getpwnam(name.as_ptr()).as_ref().ok_or(io::ErrorKind::NotFound)?;
        let (uid, gid) = (entry.uid, entry.gid);
        check(initgroups(name.as_ptr(), gid))?;
        check(setgid(gid))?;
        check(setuid(uid))?;
    }
    Ok(())
}

fn load(path: &str) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text.lines().next().unwrap_or("").to_owned() + "\n"),
        Err(e) => { say(3, &format!("cannot read {path}: {e}")); None }
    }
}

static ALARM: AtomicI32 = AtomicI32::new(-1);
extern "C" fn on_signal(number: c_int) {
    unsafe { write(ALARM.load(Ordering::Relaxed), &(number as u8), 1) };
}

fn main() {
    let (mut config, mut port, mut ready_fd) = ("/etc/greeter.conf".to_string(), 7100, -1);
    let (mut user, mut pid_file, mut detach) = (None, None, false);
    let mut args = env::args().skip(1);
    while let Some(option) = args.next() {
        if option == "--daemon" { detach = true; continue; }
        let value = args.next().unwrap_or_default();
        match option.as_str() {
            "--config" => config = value,
            "--port" => port = value.parse().unwrap_or(0),
            "--user" => user = Some(value),
            "--pid-file" => pid_file = Some(value),
            "--ready-fd" => ready_fd = value.parse().unwrap_or(-1),
            _ => { say(3, &format!("unknown option {option}")); process::exit(2) }
        }
    }
    if fs::metadata(format!("/proc/self/fd/{ready_fd}")).is_err() {
        ready_fd = -1; // asked before anything is opened, which could get the number
    }
    let Some(mut greeting) = load(&config) else { process::exit(78) }; // EX_CONFIG
    let server = listen(port).unwrap_or_else(|e| die("listen", e));
    let pid = pid_file.as_ref().map(|p| lock(p).unwrap_or_else(|e| die("lock the process ID file", e)));
    let mut up = detach.then(|| daemonise().unwrap_or_else(|e| die("go into the background", e)));
    if let Some(mut file) = pid.as_ref() {
        file.set_len(0).and_then(|_| writeln!(file, "{}", process::id())).unwrap_or_else(|e| die("write the process ID file", e));
    }
    if let Some(name) = &user { drop_privileges(name).unwrap_or_else(|e| die("become the user", e)); }
    let (wake, alarm) = pipe(CLOEXEC | NONBLOCK).unwrap_or_else(|e| die("make a pipe", e));
    let mut wake = unsafe { File::from_raw_fd(wake) };
    ALARM.store(alarm, Ordering::Relaxed);
    for number in [1, 2, 15] { unsafe { signal(number, on_signal) }; }
    let timeout = env::var("WATCHDOG_USEC").ok().and_then(|u| u.parse::<i64>().ok()).map_or(-1, |u| (u / 2000) as c_int);
    say(6, &format!("ready, process {}", process::id()));
    tell("READY=1");
    if ready_fd >= 0 { let _ = unsafe { File::from_raw_fd(ready_fd) }.write_all(b"\n"); }
    if let Some(mut up) = up.take() { let _ = up.write_all(b"\n"); }
    loop {
        let mut fds = [PollFd { fd: server.as_raw_fd(), events: 1, revents: 0 }, PollFd { fd: wake.as_raw_fd(), events: 1, revents: 0 }];
        unsafe { poll(fds.as_mut_ptr(), 2, timeout) };
        tell("WATCHDOG=1"); // said by the loop that does the work, or it proves nothing
        let mut number = [0];
        while wake.read_exact(&mut number).is_ok() {
            if number[0] == HUP {
                tell("RELOADING=1");
                if let Some(text) = load(&config) { greeting = text; say(6, "configuration read again"); }
                tell("READY=1");
                continue;
            }
            tell("STOPPING=1");
            if let Some(path) = &pid_file { let _ = fs::remove_file(path); }
            say(6, "stopped");
            return;
        }
        if fds[0].revents != 0 {
            if let Ok((mut peer, _)) = server.accept() { let _ = peer.write_all(greeting.as_bytes()); }
        }
    }
}
