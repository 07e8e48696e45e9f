#!/usr/bin/python3
"""greeter says a line to whoever connects: a daemon in Python, see ../README.md."""

import argparse
import fcntl
import os
import pwd
import select
import signal
import socket
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--config", default="/etc/greeter.conf", help="file with the greeting")
parser.add_argument("--port", type=int, default=7100, help="where to listen on 127.0.0.1")
parser.add_argument("--user", help="whom to become once the port is open")
parser.add_argument("--ready-fd", type=int, help="descriptor that gets a newline when ready")
parser.add_argument("--daemon", action="store_true", help="go into the background")
parser.add_argument("--pid-file", help="where to write the process ID")


def say(level, text):
    """Levels are those of syslog; the journal reads them from the prefix <N>."""
    word = "error: " if level <= 3 else "info: "
    if os.environ.get("JOURNAL_STREAM"):
        word = f"<{level}>"
    print(word + text, file=sys.stderr, flush=True)


def tell(message):
    """Send a message to the manager, if it wants any (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            try:
                s.sendto(message.encode(), "\0" + path[1:] if path[0] == "@" else path)
            except OSError:
                pass


def listen(port):
    """Take the socket that the manager opened (sd_listen_fds(3)), else open one."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS"):
        return socket.socket(fileno=3)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(64)
    return s


def lock(path):
    """Keep a second instance out: the lock ends with the process, whatever it
    dies of, so a stale file does no harm. The descriptor must stay open."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def daemonise():
    """For managers that want a program to put itself into the background; the
    parent ends when the daemon is ready."""
    ready, up = os.pipe()
    if os.fork():
        os.close(up)
        os._exit(0 if os.read(ready, 1) else 1)
    os.setsid()
    if os.fork():
        os._exit(0)  # the daemon is no session leader and never gets a terminal
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    return up


def drop_privileges(name):
    p = pwd.getpwnam(name)
    os.initgroups(name, p.pw_gid)
    os.setgid(p.pw_gid)
    os.setuid(p.pw_uid)


def load(path):
    with open(path, encoding="utf-8") as f:
        return f.readline().encode()


def main():
    args = parser.parse_args()
    # Asked before anything is opened, which could get the number.
    if args.ready_fd is not None and not os.path.exists(f"/proc/self/fd/{args.ready_fd}"):
        args.ready_fd = None
    try:
        greeting = load(args.config)
    except OSError as e:
        say(3, f"cannot read the configuration: {e}")
        return 78  # EX_CONFIG
    server = listen(args.port)
    pid_fd = lock(args.pid_file) if args.pid_file else None
    up = daemonise() if args.daemon else None
    if pid_fd is not None:
        os.truncate(pid_fd, 0)
        os.write(pid_fd, f"{os.getpid()}\n".encode())
    if args.user:
        drop_privileges(args.user)

    # Signals come as bytes in a pipe, so they are handled between two
    # connections and not in the middle of something.
    wake, alarm = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    usec = int(os.environ.get("WATCHDOG_USEC", 0))
    timeout = usec / 2e6 if usec else None

    say(6, f"ready, process {os.getpid()}")
    tell("READY=1")
    if args.ready_fd is not None:
        os.write(args.ready_fd, b"\n")
        os.close(args.ready_fd)
    if up is not None:
        os.write(up, b"\n")
    while True:
        readable, _, _ = select.select([server, wake], [], [], timeout)
        tell("WATCHDOG=1")  # said by the loop that does the work, or it proves nothing
        if wake in readable:
            for number in os.read(wake, 64):
                if number == signal.SIGHUP:
                    tell("RELOADING=1")
                    try:
                        greeting = load(args.config)
                        say(6, "configuration read again")
                    except OSError as e:
                        say(3, f"cannot read the configuration: {e}")
                    tell("READY=1")
                    continue
                tell("STOPPING=1")
                if args.pid_file:
                    os.unlink(args.pid_file)
                say(6, "stopped")
                return 0
        if server in readable:
            peer, _ = server.accept()
            with peer:
                try:
                    peer.sendall(greeting)
                except OSError:
                    pass  # gone again


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        say(3, str(error))
        sys.exit(1)
