package chain

import (
	"bytes"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// Path is the default search path of programs, systemd's (systemd.exec(5)).
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// NeedsScript reports whether d asks for more than [Prefix] can do.
func NeedsScript(d *spec.Daemon, o Options) bool {
	dirs := &d.Directories
	switch {
	case switchesUser(d, &o), o.Clean,
		!o.Umask && d.IsSet(field.Umask),
		!o.Dir && d.WorkingDir != "" && d.Sandboxing.RootDirectory == "",
		!o.Environment && len(d.Environment) > 0,
		len(d.EnvFile) > 0, len(d.Credentials) > 0, len(d.Hooks.PreStart) > 0, d.IsSet(field.Stdin),
		dirs.Runtime.Name != "", dirs.State.Name != "", dirs.Cache.Name != "", dirs.Logs.Name != "", dirs.Config.Name != "",
		d.IsSet(field.SchedulingTimerSlack), HasConditions(d):
		return true
	}
	return !o.Output && (redirected(d.Logging.Stdout, &o) || redirected(stderr(d), &o))
}

// Script returns the POSIX sh script that prepares what no exec prefix can
// (directories, credentials, environment files, conditions, pre_start hooks,
// redirections) and ends in exec of [Prefix] and [Argv]. It must be started as
// root when it switches users, makes directories or sets limits; the prefix
// drops privileges. Its own work uses absolute paths and variables whose
// names begin with daemonize_, so no environment file can get in its way.
func Script(d *spec.Daemon, o Options) []byte {
	return script(d, &o, "Starts")
}

func script(d *spec.Daemon, o *Options, does string) []byte {
	w := &writer{d: d, o: o, job: o.job(d)}
	w.line("#!/bin/sh", "# "+does+" "+w.job+". Written by daemonize; changes are lost at the next install.")
	w.clean()
	w.line("daemonize_fail() {", "\tprintf '%s: %s\\n' "+shell.Quote(w.job)+` "$1" >&2`, `	exit "${2-1}"`, "}")
	w.b.Write(Conditions(d, *o))
	w.line("umask 022")
	w.identity()
	if !o.beside {
		w.directories() // may hold the log files
	}
	w.streams()
	if w.o.Enter != "" {
		w.line(w.o.Enter)
	}
	w.environment()
	if !o.beside {
		w.credentials()
	}
	if d.IsSet(field.SchedulingTimerSlack) {
		// Inherited over exec and setuid (prctl(2), PR_SET_TIMERSLACK).
		w.line("printf '%s\\n' " + itoa(int64(d.Scheduling.TimerSlack)) + " >\"/proc/$$/timerslack_ns\" || exit 1")
	}
	w.line("umask " + d.Umask.String()) // also where the manager has set it: the script has changed it
	if d.Sandboxing.RootDirectory == "" && (!o.Dir || len(d.Hooks.PreStart) > 0) {
		dir := d.WorkingDir
		if dir == "" {
			dir = "/"
		}
		w.line("cd " + shell.Quote(dir) + " || exit 1")
	}
	for _, h := range d.Hooks.PreStart {
		w.hook(h)
	}
	w.line("exec " + source(prefix(d, o, true)) + shell.Join(Argv(d)))
	return w.b.Bytes()
}

// Command returns a script that runs a command beside the daemon the way the
// daemon itself runs: as its user, in its directory, with its environment and
// limits, but without preparing anything: directories and credentials are
// there, streams are the caller's. Backends use it for reload, stop and health
// checks.
func Command(d *spec.Daemon, o Options, command spec.Command) []byte {
	c := *d
	c.Command, c.Shell = command, ""
	c.Hooks.PreStart = nil
	c.Conditions = spec.Conditions{}
	c.Stdin = ""
	c.MaxRuntime = 0
	o.Output, o.beside = true, true
	return script(&c, &o, "Runs a command as")
}

// loggerScript opens the pipe only when it is in its session, for which the
// program waits, and goes on reading where there is no syslog daemon, so that
// the program is not killed by SIGPIPE.
const loggerScript = `exec <"$1" || exit 1; shift; /usr/bin/logger "$@" || exec /bin/cat >/dev/null`

func itoa(n int64) string { return seconds(spec.Duration(n) * spec.Second) }

type writer struct {
	b   bytes.Buffer
	d   *spec.Daemon
	o   *Options
	job string
}

func (w *writer) line(lines ...string) {
	for _, l := range lines {
		w.b.WriteString(l)
		w.b.WriteByte('\n')
	}
}

// clean starts the script again without the caller's environment, which
// under SysVinit is whatever the administrator's shell happened to hold.
func (w *writer) clean() {
	if !w.o.Clean {
		return
	}
	w.b.WriteString("[ \"${1-}\" = clean ] || exec /usr/bin/env -i PATH=" + Path)
	for _, v := range w.d.PassEnvironment {
		w.b.WriteString(" ${" + v + "+\"" + v + "=$" + v + "\"}")
	}
	if w.o.beside {
		w.b.WriteString(` ${MAINPID+"MAINPID=$MAINPID"}`)
	}
	if len(w.o.EnvDir) > 0 {
		w.b.WriteString(" " + shell.Join(w.o.EnvDir))
	}
	w.line(` "$0" clean`)
}

// streams redirects standard input and output. Files are opened before
// privileges are given up, as the managers do it.
func (w *writer) streams() {
	if path, ok := strings.CutPrefix(w.d.Stdin, "file:"); ok {
		w.line("exec <" + shell.Quote(path) + " || exit 1")
	} else {
		w.line("exec </dev/null")
	}
	if w.o.Output {
		return
	}
	out, err := w.d.Logging.Stdout, stderr(w.d)
	w.stream("", out)
	if err == out {
		if redirected(out, w.o) {
			w.line("exec 2>&1")
		}
		return
	}
	w.stream("2", err)
}

// stderr returns where standard error goes: by default where output goes.
func stderr(d *spec.Daemon) string {
	if d.Logging.Stderr == "" {
		return d.Logging.Stdout
	}
	return d.Logging.Stderr
}

func redirected(stream string, o *Options) bool {
	switch stream {
	case "inherit", "":
		return false
	case "journal", "syslog":
		return o.Syslog
	}
	return true
}

func (w *writer) stream(fd, to string) {
	if !redirected(to, w.o) {
		return
	}
	if path, ok := strings.CutPrefix(to, "append:"); ok {
		w.line("exec " + fd + ">>" + shell.Quote(path) + " || exit 1")
		return
	}
	if path, ok := strings.CutPrefix(to, "file:"); ok {
		// Neither truncated nor appended to, as StandardOutput=file: in
		// systemd.exec(5): <> opens for reading and writing.
		if fd == "" {
			fd = "1"
		}
		w.line("exec " + fd + "<>" + shell.Quote(path) + " || exit 1")
		return
	}
	if to == "null" {
		w.line("exec " + fd + ">/dev/null")
		return
	}
	// The logger is a grandchild, so that it is not the program's child, in a
	// session of its own, so that a signal to all processes of the service does
	// not reach it, and ends when the last writer closes the pipe.
	pipe := shell.Quote("/run/daemonize-" + w.job + ".pipe" + fd)
	l := &w.d.Logging
	tag, facility, level := l.Identifier, l.Facility, l.Level
	if tag == "" {
		tag = w.job
	}
	if facility == "" {
		facility = "daemon"
	}
	if level == "" {
		level = "info"
	}
	w.line("/bin/rm -f "+pipe+" && /usr/bin/mkfifo -m 0600 "+pipe+" || exit 1",
		"# shellcheck disable=SC2016", // the logger's shell expands it
		"( /usr/bin/setsid /bin/sh -c "+shell.Quote(loggerScript)+" logger "+pipe+" -t "+shell.Quote(tag)+" -p "+facility+"."+level+" </dev/null >/dev/null 2>&1 & )",
		"exec "+fd+">"+pipe+" || exit 1", // waits for the reader
		"/bin/rm -f "+pipe)
}

// identity looks up the numbers of user and groups.
func (w *writer) identity() {
	d := w.d
	if !switchesUser(d, w.o) {
		return
	}
	if d.User == "" {
		w.line("daemonize_gid=0 daemonize_groups=")
	} else {
		user := shell.Quote(d.User)
		lookup := "daemonize_user=$(/usr/bin/getent passwd " + user + ") || "
		if numeric(d.User) {
			// A number needs no entry. getent finds one if there is.
			w.line(lookup + "daemonize_user=" + user + ":x:" + user + ":" + user + "::/:")
		} else {
			w.line(lookup + "daemonize_fail " + shell.Quote("there is no user "+d.User) + " 217") // as systemd's (systemd.exec(5))
		}
		w.line("daemonize_uid=${daemonize_user#*:*:} daemonize_uid=${daemonize_uid%%:*}",
			"daemonize_gid=${daemonize_user#*:*:*:} daemonize_gid=${daemonize_gid%%:*}",
			"daemonize_groups=$(/usr/bin/id -G "+user+" 2>/dev/null | /usr/bin/tr ' ' ,)",
			// id names the primary group first; what is left begins with a comma.
			`daemonize_groups=${daemonize_groups#"$daemonize_gid"}`)
	}
	if d.Group != "" || len(d.SupplementaryGroups) > 0 {
		w.line("daemonize_group() {",
			"\tdaemonize_entry=$(/usr/bin/getent group \"$1\") || daemonize_fail \"there is no group $1\" 216",
			"\tdaemonize_entry=${daemonize_entry#*:*:}",
			"\tprintf '%s\\n' \"${daemonize_entry%%:*}\"",
			"}")
	}
	id := func(group string) {
		if numeric(group) {
			w.line("daemonize_id=" + group)
		} else {
			w.line("daemonize_id=$(daemonize_group " + shell.Quote(group) + ") || exit")
		}
	}
	if d.Group != "" {
		id(d.Group)
		w.line("daemonize_gid=$daemonize_id")
	}
	w.line("daemonize_groups=$daemonize_gid$daemonize_groups")
	for _, g := range d.SupplementaryGroups {
		id(g)
		w.line("daemonize_groups=$daemonize_groups,$daemonize_id")
	}
}

func numeric(name string) bool { return name != "" && name[0] >= '0' && name[0] <= '9' }

// directories makes the directories of the service.
func (w *writer) directories() {
	dirs := &w.d.Directories
	any := false
	one := func(base, name string, mode spec.Mode, owned bool) {
		if name == "" {
			return
		}
		if !any {
			any = true
			// Owner and mode are set on the directory that was entered and
			// checked, so that a symbolic link planted by the service in a
			// directory of its own cannot divert them.
			w.line("daemonize_directory() {",
				`	/bin/mkdir -p "$1/$2" || exit 1`,
				"\t(",
				`		daemonize_base=$(cd -P "$1" && pwd -P) && cd -P "$1/$2" && [ "$(pwd -P)" = "$daemonize_base/$2" ] &&`,
				`			/bin/chown "$3" . && /bin/chmod "$4" .`,
				`	) || daemonize_fail "cannot prepare the directory $1/$2"`,
				"}")
		}
		owner := "0:0"
		if owned {
			owner = w.owner()
		}
		w.line("daemonize_directory " + base + " " + shell.Quote(name) + " " + owner + " " + mode.String())
	}
	if r := &dirs.Runtime; r.Name != "" && r.Preserve != "yes" && r.Preserve != "restart" && !w.o.KeepRuntimeDir {
		w.line(RemoveRuntimeDir(r.Name)...)
	}
	one("/run", dirs.Runtime.Name, dirs.Runtime.Mode, true)
	one("/var/lib", dirs.State.Name, dirs.State.Mode, true)
	one("/var/cache", dirs.Cache.Name, dirs.Cache.Mode, true)
	one("/var/log", dirs.Logs.Name, dirs.Logs.Mode, true)
	one("/etc", dirs.Config.Name, dirs.Config.Mode, false)
}

// RemoveRuntimeDir returns lines that remove a directory of the service below
// /run.
func RemoveRuntimeDir(name string) []string {
	parent, leaf, nested := cutLast(name)
	if !nested {
		return []string{"/bin/rm -rf " + shell.Quote("/run/"+name)}
	}
	// The parent may belong to the service, which must not lead us elsewhere.
	return []string{"(", "	daemonize_base=$(cd -P /run && pwd -P) && cd -P " + shell.Quote("/run/"+parent) + " 2>/dev/null && [ \"$(pwd -P)\" = \"$daemonize_base\"/" + shell.Quote(parent) + " ] &&",
		"\t\t/bin/rm -rf ./" + shell.Quote(leaf), ") || :"}
}

func cutLast(name string) (parent, leaf string, nested bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// owner is the shell word user:group of the service.
func (w *writer) owner() string {
	switch {
	case !switchesUser(w.d, w.o):
		return "0:0"
	case w.d.User == "":
		return `"0:$daemonize_gid"`
	}
	return `"$daemonize_uid:$daemonize_gid"`
}

// environment exports the variables in systemd's order: what the manager
// gives, environment, files (systemd.exec(5)).
func (w *writer) environment() {
	d := w.d
	export := func(name, value string) { w.line("export " + name + "=" + shell.Quote(value)) }
	if d.User != "" && switchesUser(d, w.o) {
		w.line("daemonize_home=${daemonize_user%:*}",
			`export HOME="${daemonize_home##*:}" USER="${daemonize_user%%:*}" LOGNAME="${daemonize_user%%:*}"`)
		if w.o.Environment { // these came before
			for _, v := range d.Environment {
				if v.Name == "HOME" || v.Name == "USER" || v.Name == "LOGNAME" {
					export(v.Name, v.Value)
				}
			}
		}
	}
	dirs := &d.Directories
	for _, dir := range [...]struct{ variable, base, name string }{
		{"RUNTIME_DIRECTORY", "/run/", dirs.Runtime.Name}, {"STATE_DIRECTORY", "/var/lib/", dirs.State.Name},
		{"CACHE_DIRECTORY", "/var/cache/", dirs.Cache.Name}, {"LOGS_DIRECTORY", "/var/log/", dirs.Logs.Name},
		{"CONFIGURATION_DIRECTORY", "/etc/", dirs.Config.Name},
	} {
		if dir.name != "" {
			export(dir.variable, dir.base+dir.name)
		}
	}
	if len(d.Credentials) > 0 {
		export("CREDENTIALS_DIRECTORY", w.credentialsDir())
	}
	late := d.User != "" && switchesUser(d, w.o)
	if !w.o.Environment {
		for _, v := range d.Environment {
			switch {
			case !late || !Loader(v.Name):
				export(v.Name, v.Value)
			case len(d.EnvFile) > 0 && slices.Contains(loaders[:], v.Name) && !slices.Contains(d.UnsetEnvironment, v.Name):
				w.line("daemonize_" + v.Name + "=" + shell.Quote(v.Value)) // a file may replace it
			}
		}
	}
	for _, f := range d.EnvFile {
		path := shell.Quote(f.Path)
		if f.Required {
			w.line("[ -r " + path + " ] || daemonize_fail " + shell.Quote("cannot read "+f.Path))
		} else {
			w.line("if [ -r " + path + " ]; then")
		}
		// The shell executes the file with the rights of this script, so
		// nobody else may be able to write to it, or to put another in its
		// place between the two looks: hence the descriptor.
		w.line("exec 3<"+path,
			"if [ -n \"$(/usr/bin/find -L /dev/fd/3 -prune \\( ! -user 0 -o -perm -020 -o -perm -002 \\))\" ]; then",
			"\tdaemonize_fail "+shell.Quote(f.Path+" must belong to root and be writable by root only"),
			"fi",
			"set -a",
			// shellcheck wants to follow the file, which is not there yet.
			"# shellcheck disable=SC1090,SC1091",
			". /dev/fd/3",
			"set +a",
			"exec 3<&-")
		if !f.Required {
			w.line("fi")
		}
	}
	if late && len(d.EnvFile) > 0 {
		for _, name := range loaders {
			w.line("# shellcheck disable=SC2034") // not used when unset_environment names it
			if slices.Contains(d.UnsetEnvironment, name) {
				w.line("unset " + name)
				continue
			}
			w.line("if [ -n \"${" + name + "+x}\" ]; then daemonize_" + name + "=$" + name + "; unset " + name + "; fi")
		}
	}
}

func (w *writer) credentialsDir() string { return "/run/daemonize-" + w.job + ".credentials" }

// credentials copies secret files to where only the service can read them.
func (w *writer) credentials() {
	if len(w.d.Credentials) == 0 {
		return
	}
	dir := shell.Quote(w.credentialsDir())
	// Root keeps the directory until everything is in it.
	w.line("/bin/rm -rf "+dir+" && (umask 077 && /bin/mkdir "+dir+") || exit 1",
		"daemonize_credential() {",
		`	if ! { (umask 077 && /bin/cat "$1" >"$2") && /bin/chown `+w.owner()+` "$2" && /bin/chmod 0400 "$2"; }; then`,
		`		daemonize_fail "cannot pass on the credential $1"`,
		"\tfi",
		"}")
	for _, c := range w.d.Credentials {
		w.line("daemonize_credential " + shell.Quote(c.Path) + " " + shell.Quote(w.credentialsDir()+"/"+c.Name))
	}
	w.line("/bin/chown " + w.owner() + " " + dir + " && /bin/chmod 0500 " + dir + " || exit 1")
}

// hook runs a command before the program, as the service unless privileged.
func (w *writer) hook(h spec.Hook) {
	if !h.Privileged {
		w.b.WriteString(source(prefix(w.d, w.o, false)))
	}
	w.b.WriteString(shell.Join(h.Command))
	if h.IgnoreFailure {
		w.line(" || :")
	} else {
		w.line(" || exit 1")
	}
}
