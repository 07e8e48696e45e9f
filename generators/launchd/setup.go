package launchd

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// accountFunction creates a user and a group that nobody can log in to, with
// an ID below 500, where macOS hides accounts (dscl(1)).
const accountFunction = `account() {
	/usr/bin/id -u "$1" >/dev/null 2>&1 && return
	id=300
	while [ -n "$(/usr/bin/dscl . -search /Users UniqueID "$id")" ] || [ -n "$(/usr/bin/dscl . -search /Groups PrimaryGroupID "$id")" ]; do
		id=$((id + 1))
		[ "$id" -lt 500 ] || return 1
	done
	if ! gid=$(/usr/bin/dscl . -read "/Groups/$2" PrimaryGroupID 2>/dev/null); then
		/usr/bin/dscl . -create "/Groups/$2" PrimaryGroupID "$id" || return 1
		/usr/bin/dscl . -create "/Groups/$2" Password '*' || return 1
		gid=$id
	fi
	/usr/bin/dscl . -create "/Users/$1" UniqueID "$id" || return 1
	/usr/bin/dscl . -create "/Users/$1" PrimaryGroupID "${gid##* }" || return 1
	/usr/bin/dscl . -create "/Users/$1" UserShell /usr/bin/false || return 1
	/usr/bin/dscl . -create "/Users/$1" NFSHomeDirectory /var/empty || return 1
	/usr/bin/dscl . -create "/Users/$1" Password '*' || return 1
	/usr/bin/dscl . -create "/Users/$1" IsHidden 1
}
`

// directories makes the directories of the service in the setup job, for the
// job itself has dropped to its user before its wrapper runs.
func (u *unit) directories() {
	d := &u.d.Directories
	owner := u.owner()
	make := func(key, parent, name string, mode spec.Mode, owner string) {
		if name != "" {
			path := u.text(parent+"/"+name, "directories."+key+".name")
			u.directory("directories", path, mode, owner)
			u.await1(path, mode)
		}
	}
	make("runtime", u.at.runtime, d.Runtime.Name, d.Runtime.Mode, owner)
	make("state", u.at.state, d.State.Name, d.State.Mode, owner)
	make("cache", u.at.cache, d.Cache.Name, d.Cache.Mode, owner)
	make("logs", u.at.logs, d.Logs.Name, d.Logs.Mode, owner)
	make("config", u.at.config, d.Config.Name, d.Config.Mode, "")
	if d.Runtime.Name != "" && (d.Runtime.Preserve == "" || d.Runtime.Preserve == "no") {
		u.lose(field.DirectoriesRuntimePreserve, "directories.runtime.preserve", generators.Approximate, "launchd runs nothing at a stop that could remove the directory; it goes at the next boot")
	}
	u.credentials()
}

// directory adds the making of one directory to the setup job. Parents are
// made for root, so nobody else can put a link in the place of the last part.
func (u *unit) directory(field, path string, mode spec.Mode, owner string) {
	q := shell.Quote(path)
	u.setup.add(field, "/bin/mkdir -p "+q+" || exit 1")
	u.chown(q, owner, "")
	u.setup.add(field, "/bin/chmod "+mode.String()+" "+q+" || exit 1")
}

// chown gives a quoted path to the service's user and group.
func (u *unit) chown(quoted, owner, flags string) {
	if owner == "" {
		return
	}
	group := "\"$(/usr/bin/id -gn " + shell.Quote(owner) + ")\""
	if u.d.Group != "" {
		group = shell.Quote(u.d.Group)
	}
	u.setup.add("user", "/usr/sbin/chown "+flags+shell.Quote(owner)+":"+group+" "+quoted+" || exit 1")
}

// await1 makes the wrapper wait for a directory, until it has its owner where
// that can be seen.
func (u *unit) await1(path string, mode spec.Mode) {
	test := "-d"
	if mode&0o200 != 0 && u.owner() != "" && !strings.HasPrefix(path, u.at.config+"/") {
		test = "-w"
	}
	u.awaited = append(u.awaited, "[ "+test+" "+shell.Quote(path)+" ]")
}

// await waits for the setup job, which launchd starts at the same time.
func (u *unit) await() {
	if len(u.awaited) == 0 {
		return
	}
	u.before.add("directories", "# The setup job makes these.", "(",
		"\ttries=0",
		"\tuntil "+strings.Join(u.awaited, " && ")+"; do",
		"\t\ttries=$((tries + 1))",
		"\t\tif [ \"$tries\" -ge 60 ]; then echo 'the setup job did not make the directories' >&2; exit 1; fi",
		"\t\t/bin/sleep 1",
		"\tdone",
		") || exit 1")
}

// credentials copies secrets to where the service's user alone can read them.
func (u *unit) credentials() {
	if len(u.d.Credentials) == 0 {
		return
	}
	parent := u.at.runtime + "/daemonize"
	if !u.system() {
		parent = u.at.scripts
	}
	dir := parent + "/" + u.id + ".credentials"
	q := shell.Quote(dir)
	u.setup.add("credentials", "/bin/mkdir -p "+q+" || exit 1", "/bin/chmod 0700 "+q+" || exit 1")
	u.chown(q, u.owner(), "")
	owner := ""
	if o := u.owner(); o != "" {
		owner = "-o " + shell.Quote(o) + " "
	}
	for i, c := range u.d.Credentials {
		path := "credentials[" + strconv.Itoa(i) + "]"
		to := dir + "/" + u.text(c.Name, path)
		u.setup.add("credentials", "/usr/bin/install -m 0400 "+owner+shell.Quote(u.text(c.Path, path))+" "+shell.Quote(to)+" || exit 1")
		u.awaited = append(u.awaited, "[ -r "+shell.Quote(to)+" ]")
	}
	u.prepare.add("credentials", "CREDENTIALS_DIRECTORY="+q, "export CREDENTIALS_DIRECTORY")
}

// logFile makes a log file that the service's user may write: launchd opens
// it with the user's rights, and a file it cannot open is a job that does not
// start or one whose output is lost. Below a directory of the service's own
// its user can make it, and root must not: the user could have put a link there.
func (u *unit) logFile(path string) {
	owner := u.owner()
	if owner == "" || owner == "root" || u.own(path) || strings.HasPrefix(path, "/dev/") {
		return
	}
	q := shell.Quote(path)
	u.setup.add("logging", "[ -e "+q+" ] || : >>"+q+" || exit 1")
	u.chown(q, owner, "-h ")
}

// own reports whether a path is below a directory of the service's user.
func (u *unit) own(path string) bool {
	d := &u.d.Directories
	for _, dir := range [...]struct{ parent, name string }{
		{u.at.runtime, d.Runtime.Name}, {u.at.state, d.State.Name}, {u.at.cache, d.Cache.Name}, {u.at.logs, d.Logs.Name},
	} {
		if dir.name != "" && strings.HasPrefix(path, dir.parent+"/"+dir.name+"/") {
			return true
		}
	}
	return false
}

// setupJob adds the helper that runs as root at boot, if there is work for it.
func (u *unit) setupJob() {
	if u.setup.Len() == 0 {
		return
	}
	path := u.at.scripts + "/" + u.id + "/setup"
	u.script(path, "Prepares "+u.id+": accounts, directories and files.", "umask 022\n"+u.setup.String())
	label := setupPrefix + u.id
	keys := dict{"Label": label, "ProgramArguments": []string{path}, "RunAtLoad": true}
	if u.system() {
		keys["StandardErrorPath"] = u.at.logs + "/" + u.id + ".setup.log"
	}
	u.job(u.at, label, keys, "\tWritten by daemonize; changes will be overwritten.\n\tPrepares "+u.label+".\n")
}

// rotateScript copies and truncates: launchd opened the file for appending
// and never opens it again, so writing goes on at the new end.
const rotateScript = `rotate() {
	[ -f "$1" ] || return
	[ "$(/usr/bin/wc -c <"$1")" -ge "$2" ] || return
	n=$3
	while [ "$n" -gt 1 ]; do
		m=$((n - 1))
		[ ! -f "$1.$m" ] || /bin/mv -f "$1.$m" "$1.$n" || return
		n=$m
	done
	/bin/cp -p "$1" "$1.1" && : >"$1"
}
`

// rotateJob adds the helper that bounds the log files.
func (u *unit) rotateJob() {
	r := &u.d.Logging.Rotate
	if r.Size <= 0 || r.Size == spec.NoSize {
		return
	}
	out, _ := u.keys["StandardOutPath"].(string)
	errs, _ := u.keys["StandardErrorPath"].(string)
	var b strings.Builder
	own := false
	b.WriteString(rotateScript)
	for i, path := range [...]string{out, errs} {
		if path == "" || strings.HasPrefix(path, "/dev/") || i == 1 && errs == out {
			continue
		}
		own = own || u.own(path)
		b.WriteString("rotate " + shell.Quote(path) + " " + itoa(int64(r.Size)) + " " + strconv.Itoa(r.Keep) + "\n")
	}
	path := u.at.scripts + "/" + u.id + "/rotate"
	u.script(path, "Rotates the log files of "+u.id+".", b.String())
	label := rotatePrefix + u.id
	keys := dict{"Label": label, "ProgramArguments": []string{path}, "StartInterval": int64(300)}
	if owner := u.owner(); own && owner != "" {
		keys["UserName"] = owner // root must not follow the links of a user
	}
	u.job(u.at, label, keys, "\tWritten by daemonize; changes will be overwritten.\n\tRotates the log files of "+u.label+".\n")
}
