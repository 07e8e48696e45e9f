/* greeter says a line to whoever connects: a daemon in C, see ../README.md. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *config = "/etc/greeter.conf", *user, *pid_file;
static int port = 7100, ready_fd = -1, detach, wake[2];
static char greeting[256];

/* Levels are those of syslog; the journal reads them from the prefix <N>. */
static void say(int level, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (getenv("JOURNAL_STREAM"))
		dprintf(2, "<%d>%s\n", level, text);
	else
		dprintf(2, "%s: %s\n", level <= 3 ? "error" : "info", text);
}

static void die(const char *what)
{
	exit((say(3, "cannot %s: %s", what, strerror(errno)), 1));
}

static int load(void)
{
	FILE *f = fopen(config, "re");
	char line[sizeof greeting];
	int ok = f && fgets(line, sizeof line, f);
	ok ? (void)strcpy(greeting, line) : say(3, "cannot read %s", config);
	if (f)
		fclose(f);
	return ok;
}

/* tell sends a message to the manager, if it wants any (sd_notify(3)). */
static void tell(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;
	if (!path || strlen(path) >= sizeof to.sun_path)
		return;
	strcpy(to.sun_path, path);
	if (path[0] == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&to, offsetof(struct sockaddr_un, sun_path) + strlen(path));
	close(fd);
}

/* passed returns the socket that the manager opened (sd_listen_fds(3)), or -1. */
static int passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	if (!pid || !count || atoi(pid) != getpid() || atoi(count) < 1)
		return -1;
	fcntl(3, F_SETFD, FD_CLOEXEC);
	return 3;
}

static int bind_port(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&to, sizeof to) || listen(fd, 64))
		die("listen");
	return fd;
}

/* lock_pid keeps a second instance out: the lock ends with the process,
 * whatever it dies of, so a stale file does no harm. */
static int lock_pid(void)
{
	int fd = open(pid_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		die("lock the process ID file");
	return fd;
}

/* daemonise is for managers that want a program to put itself into the
 * background; the parent ends when the daemon is ready. */
static int daemonise(void)
{
	int up[2], null;
	char c;
	if (pipe2(up, O_CLOEXEC))
		die("make a pipe");
	if (fork() != 0) {
		close(up[1]);
		_exit(read(up[0], &c, 1) == 1 ? 0 : 1);
	}
	setsid();
	if (fork() != 0)
		_exit(0); /* the daemon is no session leader and never gets a terminal */
	if (chdir("/") || (null = open("/dev/null", O_RDWR)) < 0)
		die("prepare the background");
	dup2(dup2(null, 0), 1);
	return up[1];
}

static void drop_privileges(void)
{
	struct passwd *p = getpwnam(user);
	if (!p || initgroups(user, p->pw_gid) || setgid(p->pw_gid) || setuid(p->pw_uid))
		die("become the user");
}

static void on_signal(int number)
{
	(void)!write(wake[1], &(char){(char)number}, 1);
}

int main(int argc, char **argv)
{
	int pid_fd = -1, up = -1, fd;
	const char *watchdog = getenv("WATCHDOG_USEC");
	int timeout = watchdog ? (int)(atoll(watchdog) / 2000) : -1;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--daemon")) { detach = 1; continue; }
		if (!strcmp(argv[i], "--config")) config = value;
		else if (!strcmp(argv[i], "--port")) port = atoi(value);
		else if (!strcmp(argv[i], "--user")) user = value;
		else if (!strcmp(argv[i], "--pid-file")) pid_file = value;
		else if (!strcmp(argv[i], "--ready-fd")) ready_fd = atoi(value);
		else { say(3, "unknown option %s", argv[i]); return 2; }
		i++;
	}
	if (fcntl(ready_fd, F_GETFD) < 0)
		ready_fd = -1; /* asked before anything is opened, which could get the number */
	if (!load())
		return 78; /* EX_CONFIG */
	if ((fd = passed()) < 0)
		fd = bind_port();
	if (pid_file)
		pid_fd = lock_pid();
	if (detach)
		up = daemonise();
	if (pid_fd >= 0 && (ftruncate(pid_fd, 0) || dprintf(pid_fd, "%d\n", getpid()) < 0))
		die("write the process ID file");
	if (user)
		drop_privileges();
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK))
		die("make a pipe");
	struct sigaction act = {.sa_handler = on_signal};
	for (const int *s = (const int[]){SIGTERM, SIGINT, SIGHUP, 0}; *s; s++)
		sigaction(*s, &act, NULL);
	say(6, "ready, process %d", getpid());
	tell("READY=1");
	if (ready_fd >= 0 && write(ready_fd, "\n", 1) == 1)
		close(ready_fd);
	if (up >= 0)
		(void)!write(up, "\n", 1);
	for (;;) {
		struct pollfd polls[] = {{.fd = fd, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
		char number;
		poll(polls, 2, timeout);
		tell("WATCHDOG=1"); /* said by the loop that does the work, or it proves nothing */
		while (read(wake[0], &number, 1) == 1) {
			if (number == SIGHUP) {
				tell("RELOADING=1");
				if (load())
					say(6, "configuration read again");
				tell("READY=1");
				continue;
			}
			tell("STOPPING=1");
			say(6, "stopped");
			return pid_file ? unlink(pid_file), 0 : 0;
		}
		if (polls[0].revents) {
			int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
			if (peer >= 0) {
				(void)!send(peer, greeting, strlen(greeting), MSG_NOSIGNAL);
				close(peer);
			}
		}
	}
}
