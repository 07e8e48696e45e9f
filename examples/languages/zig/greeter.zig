//! greeter says a line to whoever connects: a daemon in Zig, see ../README.md.
//! It needs no libc: zig build-exe -O ReleaseSafe greeter.zig (Zig 0.11)
const std = @import("std");
const os = std.os;
const linux = os.linux;
const allocator = std.heap.page_allocator;

const Options = struct {
    config: []const u8 = "/etc/greeter.conf",
    port: u16 = 7100,
    user: ?[]const u8 = null,
    ready_fd: ?os.fd_t = null,
    daemon: bool = false,
    pid_file: ?[]const u8 = null,
};

/// Levels are those of syslog; the journal reads them from the prefix <N>.
fn say(level: u8, comptime format: []const u8, args: anytype) void {
    var buffer: [512]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, format, args) catch return;
    const out = std.io.getStdErr().writer();
    if (os.getenv("JOURNAL_STREAM") != null)
        return out.print("<{d}>{s}\n", .{ level, text }) catch {};
    out.print("{s}: {s}\n", .{ if (level <= 3) "error" else "info", text }) catch {};
}

/// Sends a message to the manager, if it wants any (sd_notify(3)).
fn tell(message: []const u8) void {
    const path = os.getenv("NOTIFY_SOCKET") orelse return;
    var to = linux.sockaddr.un{ .path = undefined };
    if (path.len >= to.path.len) return;
    @memset(&to.path, 0);
    @memcpy(to.path[0..path.len], path);
    if (path[0] == '@') to.path[0] = 0;
    const fd = os.socket(os.AF.UNIX, os.SOCK.DGRAM | os.SOCK.CLOEXEC, 0) catch return;
    defer os.close(fd);
    const size = @offsetOf(linux.sockaddr.un, "path") + path.len;
    _ = os.sendto(fd, message, os.MSG.NOSIGNAL, @ptrCast(&to), @intCast(size)) catch {};
}

/// Takes the socket that the manager opened (sd_listen_fds(3)), else opens one.
fn listen(port: u16) !os.fd_t {
    if (os.getenv("LISTEN_PID")) |pid| {
        const mine = try std.fmt.parseInt(os.pid_t, pid, 10) == linux.getpid();
        if (mine and os.getenv("LISTEN_FDS") != null) return 3;
    }
    const fd = try os.socket(os.AF.INET, os.SOCK.STREAM | os.SOCK.CLOEXEC, 0);
    try os.setsockopt(fd, os.SOL.SOCKET, os.SO.REUSEADDR, &std.mem.toBytes(@as(c_int, 1)));
    const to = std.net.Address.initIp4(.{ 127, 0, 0, 1 }, port);
    try os.bind(fd, &to.any, to.getOsSockLen());
    try os.listen(fd, 64);
    return fd;
}

/// Keeps a second instance out: the lock ends with the process, whatever it dies
/// of, so a stale file does no harm. The descriptor must stay open.
fn lock(path: []const u8) !os.fd_t {
    const fd = try os.open(path, os.O.RDWR | os.O.CREAT | os.O.CLOEXEC | os.O.NOFOLLOW, 0o644);
    try os.flock(fd, os.LOCK.EX | os.LOCK.NB);
    return fd;
}

/// For managers that want a program to put itself into the background; the
/// parent ends when the daemon is ready.
fn daemonise() !os.fd_t {
    const pipe = try os.pipe2(os.O.CLOEXEC);
    if (try os.fork() != 0) {
        os.close(pipe[1]);
        var byte: [1]u8 = undefined;
        os.exit(if (try os.read(pipe[0], &byte) == 1) 0 else 1);
    }
    _ = linux.syscall0(.setsid);
    if (try os.fork() != 0) os.exit(0); // the daemon is no session leader and never gets a terminal
    try os.chdir("/");
    for ([_]os.fd_t{ 0, 1 }) |fd| try os.dup2(try os.open("/dev/null", os.O.RDWR, 0), fd);
    return pipe[1];
}

/// Returns the field of a line of /etc/passwd or /etc/group.
fn column(line: []const u8, n: usize) []const u8 {
    var fields = std.mem.splitScalar(u8, line, ':');
    for (0..n) |_| _ = fields.next();
    return fields.next() orelse "";
}

/// Becomes the user with all groups. Without libc the files are read here.
fn dropPrivileges(name: []const u8) !void {
    const group = try std.fs.cwd().readFileAlloc(allocator, "/etc/group", 1 << 20);
    var users = std.mem.splitScalar(u8, try std.fs.cwd().readFileAlloc(allocator, "/etc/passwd", 1 << 20), '\n');
    while (users.next()) |line| {
        if (!std.mem.eql(u8, column(line, 0), name)) continue;
        const uid = try std.fmt.parseInt(os.uid_t, column(line, 2), 10);
        const gid = try std.fmt.parseInt(os.gid_t, column(line, 3), 10);
        var gids: [64]os.gid_t = undefined;
        gids[0] = gid;
        var count: usize = 1;
        var groups = std.mem.splitScalar(u8, group, '\n');
        while (groups.next()) |g| {
            var members = std.mem.splitScalar(u8, column(g, 3), ',');
            while (members.next()) |member| {
                if (!std.mem.eql(u8, member, name) or count == gids.len) continue;
                gids[count] = try std.fmt.parseInt(os.gid_t, column(g, 2), 10);
                count += 1;
            }
        }
        if (linux.getErrno(linux.setgroups(count, &gids)) != .SUCCESS) return error.PermissionDenied;
        try os.setgid(gid);
        return os.setuid(uid);
    }
    return error.NoSuchUser;
}

fn load(path: []const u8) ?[]const u8 {
    const text = std.fs.cwd().readFileAlloc(allocator, path, 1 << 16) catch |e| {
        say(3, "cannot read {s}: {s}", .{ path, @errorName(e) });
        return null;
    };
    const end = std.mem.indexOfScalar(u8, text, '\n') orelse return text;
    return text[0 .. end + 1];
}

var alarm: os.fd_t = -1;

fn onSignal(number: c_int) callconv(.C) void {
    _ = linux.write(alarm, @ptrCast(&@as(u8, @intCast(number))), 1);
}

fn parse() !Options {
    var o = Options{};
    var args = std.process.args();
    _ = args.next();
    while (args.next()) |option| {
        o.daemon = o.daemon or std.mem.eql(u8, option, "--daemon");
        if (std.mem.eql(u8, option, "--daemon")) continue;
        const value = args.next() orelse return error.MissingValue;
        if (std.mem.eql(u8, option, "--config")) o.config = value //
        else if (std.mem.eql(u8, option, "--port")) o.port = try std.fmt.parseInt(u16, value, 10) //
        else if (std.mem.eql(u8, option, "--user")) o.user = value //
        else if (std.mem.eql(u8, option, "--ready-fd")) o.ready_fd = try std.fmt.parseInt(os.fd_t, value, 10) //
        else if (std.mem.eql(u8, option, "--pid-file")) o.pid_file = value //
        else return error.UnknownOption;
    }
    return o;
}

fn run(o: Options) !u8 {
    // Asked before anything is opened, which could get the number.
    const ready = if (o.ready_fd) |fd| linux.getErrno(linux.fcntl(fd, os.F.GETFD, 0)) == .SUCCESS else false;
    var greeting = load(o.config) orelse return 78; // EX_CONFIG
    const server = try listen(o.port);
    const pid = if (o.pid_file) |path| try lock(path) else null;
    const up = if (o.daemon) try daemonise() else null;
    if (pid) |fd| {
        try os.ftruncate(fd, 0);
        try (std.fs.File{ .handle = fd }).writer().print("{d}\n", .{linux.getpid()});
    }
    if (o.user) |name| try dropPrivileges(name);
    const wake = try os.pipe2(os.O.CLOEXEC | os.O.NONBLOCK);
    alarm = wake[1];
    const act = os.Sigaction{ .handler = .{ .handler = onSignal }, .mask = os.empty_sigset, .flags = 0 };
    for ([_]u6{ os.SIG.TERM, os.SIG.INT, os.SIG.HUP }) |number| try os.sigaction(number, &act, null);
    const usec = try std.fmt.parseInt(i64, os.getenv("WATCHDOG_USEC") orelse "-2000", 10);
    say(6, "ready, process {d}", .{linux.getpid()});
    tell("READY=1");
    if (ready) _ = .{ linux.write(o.ready_fd.?, "\n", 1), linux.close(o.ready_fd.?) };
    if (up) |fd| _ = try os.write(fd, "\n");
    while (true) {
        var fds = [_]os.pollfd{ .{ .fd = server, .events = os.POLL.IN, .revents = 0 }, .{ .fd = wake[0], .events = os.POLL.IN, .revents = 0 } };
        _ = linux.poll(&fds, 2, if (usec < 0) -1 else @intCast(@divTrunc(usec, 2000)));
        tell("WATCHDOG=1"); // said by the loop that does the work, or it proves nothing
        var number: [1]u8 = undefined;
        while (linux.read(wake[0], &number, 1) == 1) {
            if (number[0] == os.SIG.HUP) {
                tell("RELOADING=1");
                if (load(o.config)) |text| {
                    greeting = text;
                    say(6, "configuration read again", .{});
                }
                tell("READY=1");
                continue;
            }
            tell("STOPPING=1");
            if (o.pid_file) |path| os.unlink(path) catch {};
            say(6, "stopped", .{});
            return 0;
        }
        if (fds[0].revents == 0) continue;
        const peer = os.accept(server, null, null, os.SOCK.CLOEXEC) catch continue;
        _ = os.sendto(peer, greeting, os.MSG.NOSIGNAL, null, 0) catch {};
        os.close(peer);
    }
}

pub fn main() u8 {
    return run(parse() catch return 2) catch |e| {
        say(3, "cannot go on: {s}", .{@errorName(e)});
        return 1;
    };
}
