package spec

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
)

// item is the path of a list item.
func item(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// has reports whether the document gives the key in a list item; defaults and
// zero values cannot tell.
func (c *checker) has(path, key string) bool {
	n, _ := c.root.Find(path)
	return n != nil && n.Kind == ynode.Mapping && n.Get(key) != nil
}

func (c *checker) timers() {
	recurring := -1
	for i := range c.Timers {
		t := &c.Timers[i]
		path := item("timers", i)
		scheduled := t.Calendar != "" || t.Cron != ""
		if t.OnBoot == 0 && recurring < 0 {
			recurring = i
		}
		// systemd.timer(5): Persistent= and time zones are about OnCalendar= only.
		unused := func(key, why string) {
			c.warn(diag.TimerUnused, path+"."+key, key+" has no effect", why, "remove it")
		}
		switch {
		case scheduled:
		case t.Persistent:
			unused("persistent", "only runs of calendar and cron can be caught up on")
		case t.Timezone != "":
			unused("timezone", "an interval does not depend on the time of day")
		}
		if t.Every == 0 && c.has(path, "anchor") {
			unused("anchor", "it says from where an interval (every) counts")
		}
		if t.FixedJitter && t.Jitter == 0 {
			unused("fixed_jitter", "there is no jitter to keep")
		}
		if t.Every > 0 && t.Jitter >= t.Every {
			c.warn(diag.TimerJitter, path+".jitter", "jitter "+t.Jitter.String()+" is as long as the interval "+t.Every.String(),
				"the runs would lose their rhythm", "make jitter a fraction of the interval", also{path + ".every", "the interval is given here"})
		}
	}
	if recurring < 0 {
		return
	}
	// A delayed start (on_boot) of a service that stays up makes sense; a
	// schedule does not, as systemd starts only what is not active.
	timer := also{item("timers", recurring), "the timer is given here"}
	const why = "a timer starts only a service that is not running"
	switch {
	case again(c.Restart.Policy) && c.Type != "oneshot":
		c.fail(diag.TimerNeverAgain, "restart.policy", "restart: "+c.Restart.Policy+" with a timer", why,
			"use type: oneshot with restart: no or on-failure", timer)
	case c.RemainAfterExit:
		c.fail(diag.TimerNeverAgain, "remain_after_exit", "remain_after_exit with a timer", why, "remove remain_after_exit", timer)
	case c.notifies(), c.Type == "forking", c.Type == "dbus":
		c.warn(diag.TimerNeverAgain, "type", "a timer starts a service of type "+c.Type, why+", and services of this type stay up",
			"use type: oneshot", timer)
	}
}

func (c *checker) sockets() {
	type place struct {
		addr  Address
		path  string
		reuse bool
	}
	var seen []place
	for i := range c.Sockets {
		s := &c.Sockets[i]
		path := item("sockets", i)
		var tcp, ip, v6, unix, stream, datagram, file bool
		for j, a := range s.Listen {
			tcp = tcp || a.Network == TCP
			ip = ip || a.IP()
			unix = unix || !a.IP() && a.Network != FIFO
			v6 = v6 || a.IP() && (a.Host == "" || strings.Contains(a.Host, ":"))
			if a.Network == UDP || a.Network == UnixDatagram || a.Network == FIFO {
				datagram = true
			} else {
				stream = true
			}
			file = file || !a.IP() && a.Path[0] != '@'

			at := place{a, path + ".listen", s.ReusePort}
			if len(s.Listen) > 1 {
				at.path = item(at.path, j)
			}
			if k := slices.IndexFunc(seen, func(p place) bool { return sameAddress(p.addr, a) && !(p.reuse && s.ReusePort) }); k >= 0 {
				c.fail(diag.DuplicateListen, at.path, Display(a.String())+" is listened on twice", "the second socket could not be opened",
					"remove one", also{seen[k].path, "first given here"})
				continue
			}
			seen = append(seen, at)
			c.runtimeSocket(a, at.path)
		}

		unused := func(applies bool, key, to string) {
			if !applies && c.has(path, key) {
				c.warn(diag.SocketUnused, path+"."+key, key+" has no effect on this socket", "it applies to "+to, "remove it",
					also{path + ".listen", "the address is given here"})
			}
		}
		for _, key := range []string{"mode", "user", "group", "directory_mode", "symlinks", "remove_on_stop"} {
			unused(file, key, "sockets in the file system")
		}
		unused(unix, "pass_credentials", "Unix sockets")
		unused(ip, "reuse_port", "IP sockets")
		unused(ip, "free_bind", "IP sockets")
		unused(ip, "bind_to_device", "IP sockets")
		unused(v6, "ipv6_only", "IPv6 sockets")
		unused(tcp, "keep_alive", "TCP")
		unused(tcp, "no_delay", "TCP")
		unused(stream, "backlog", "sockets that accept connections")
		unused(s.Accept, "max_connections", "accept")

		// src/core/socket.c, socket_verify: one non-accepting socket is enough to refuse the unit.
		switch {
		case s.Accept && datagram:
			c.fail(diag.SocketAccept, path+".accept", "accept with a socket that has no connections", "",
				"use tcp, unix or unix-seqpacket, or remove accept", also{path + ".listen", "the address is given here"})
		case s.Accept && len(c.Instances) > 0:
			c.fail(diag.SocketAccept, path+".accept", "accept and instances exclude each other",
				"each connection is an instance already", "keep one of them", also{"instances", "instances are given here"})
		}
	}
}

// sameAddress reports whether two sockets cannot be open at once. An empty
// host is all addresses.
func sameAddress(a, b Address) bool {
	if a == b {
		return true
	}
	if a.Network != b.Network || !a.IP() || a.Port != b.Port {
		return false
	}
	wild := func(h string) bool { return h == "0.0.0.0" || h == "::" }
	return a.Host == "" && wild(b.Host) || b.Host == "" && wild(a.Host)
}

// runtimeSocket finds socket files that the manager would remove with the
// runtime directory (systemd.exec(5), RuntimeDirectory=).
func (c *checker) runtimeSocket(a Address, path string) {
	dir := &c.Directories.Runtime
	if a.IP() || dir.Name == "" || dir.Preserve == "yes" {
		return
	}
	if within(a.Path, RefRuntimeDir.Mark()) || within(a.Path, "/run/"+dir.Name) || within(a.Path, "/var/run/"+dir.Name) {
		c.warn(diag.SocketInRuntime, path, "the socket file is removed when the service stops",
			"the manager removes the runtime directory, and nothing can start the service by the socket again",
			"put the socket beside the directory, such as /run/"+Display(dir.Name)+".sock, or set directories.runtime.preserve",
			also{"directories.runtime.name", "the runtime directory is given here"})
	}
}

func (c *checker) watches() {
	keys := [...]string{"exists", "exists_glob", "changed", "modified", "directory_not_empty"}
	for i := range c.Paths {
		w := &c.Paths[i]
		path := item("paths", i)
		var given []string
		for k, v := range [...]string{w.Exists, w.ExistsGlob, w.Changed, w.Modified, w.DirectoryNotEmpty} {
			if v != "" {
				given = append(given, path+"."+keys[k])
			}
		}
		switch {
		case len(given) == 0:
			c.fail(diag.Required, path, path+" watches nothing", "", "give it one of "+strings.Join(keys[:], ", "))
		case len(given) > 1:
			c.fail(diag.Exclusive, given[1], given[1]+" and "+given[0]+" exclude each other", "", "make them two items of paths",
				also{given[0], given[0] + " is given here"})
		}
		if !w.MakeDirectory && c.has(path, "directory_mode") {
			c.warn(diag.WatchUnused, path+".directory_mode", "directory_mode has no effect", "it is the mode of a directory that make_directory creates",
				"add make_directory: true, or remove it")
		}
	}
}

// relations checks dependencies, conditions, install and consents.
func (c *checker) relations() {
	type list struct {
		id    field.ID
		names []string
	}
	d := &c.DependsOn
	lists := [...]list{
		{field.DependsOnRequires, d.Requires}, {field.DependsOnRequisite, d.Requisite}, {field.DependsOnWants, d.Wants},
		{field.DependsOnBindsTo, d.BindsTo}, {field.DependsOnUpholds, d.Upholds}, {field.DependsOnPartOf, d.PartOf},
		{field.DependsOnAfter, d.After}, {field.DependsOnBefore, d.Before}, {field.DependsOnConflicts, d.Conflicts},
		{field.DependsOnOnFailure, d.OnFailure}, {field.DependsOnOnSuccess, d.OnSuccess},
		{field.InstallRequiredBy, c.Install.RequiredBy}, {field.InstallAlias, c.Install.Alias},
	}
	at := func(l list, i int) string {
		if len(l.names) == 1 {
			return l.id.String()
		}
		return item(l.id.String(), i)
	}
	for _, l := range lists {
		for i, name := range l.names {
			name = service(name)
			if name == c.Name && len(c.Instances) == 0 {
				c.fail(diag.DependsOnSelf, item(l.id.String(), i), c.Name+" names itself in "+l.id.String(), "", "remove the entry",
					also{"name", "the name is given here"})
			}
			if oneOfWords(targetNames, name) {
				c.warn(diag.TargetName, item(l.id.String(), i), strconv.Quote(name)+" names the service "+name+", not the target",
					"names without a suffix are services", "did you mean "+name+".target?")
			}
		}
	}
	conflicts := lists[8]
	for _, l := range lists[:5] {
		for i, name := range l.names {
			if j := indexService(conflicts.names, name); j >= 0 {
				c.fail(diag.DependsConflict, at(conflicts, j), service(name)+" is both needed and excluded",
					"starting one stops the other", "remove it from one of the lists", also{at(l, i), "needed here"})
			}
		}
	}
	for i, name := range d.After {
		if j := indexService(d.Before, name); j >= 0 {
			c.fail(diag.OrderCycle, at(lists[7], j), c.Name+" is ordered both before and after "+service(name), "", "keep one of the entries",
				also{at(lists[6], i), "ordered after it here"})
		}
	}

	conds := &c.Conditions
	for _, l := range [...]list{
		{field.ConditionsPathExists, conds.PathExists}, {field.ConditionsPathExistsGlob, conds.PathExistsGlob},
		{field.ConditionsPathIsDirectory, conds.PathIsDirectory}, {field.ConditionsPathIsMountPoint, conds.PathIsMountPoint},
		{field.ConditionsDirectoryNotEmpty, conds.DirectoryNotEmpty}, {field.ConditionsFileNotEmpty, conds.FileNotEmpty},
		{field.ConditionsVirtualization, conds.Virtualization}, {field.ConditionsHost, conds.Host},
		{field.ConditionsKernelCommandLine, conds.KernelCommandLine}, {field.ConditionsSecurity, conds.Security},
	} {
		for i, s := range l.names {
			if j := slices.Index(l.names, "!"+s); j >= 0 {
				c.warn(diag.ConditionNever, item(l.id.String(), max(i, j)), strconv.Quote(Display(s))+" must both hold and not hold",
					"all conditions must hold, so the service never starts", "remove one", also{item(l.id.String(), min(i, j)), "the opposite is given here"})
			}
		}
	}

	if c.IsSet(field.InstallRunlevels) {
		for i, level := range c.Install.Runlevels {
			if level == "0" || level == "1" || level == "6" {
				c.warn(diag.Runlevels, item("install.runlevels", i), "runlevel "+level+" is for halt, reboot or rescue", "", "services run in 2, 3, 4 and 5")
			}
		}
	}
	for _, consent := range c.AcceptLoss {
		if consent.Backend != "*" {
			continue
		}
		if id, ok := field.Lookup(consent.Field); ok && id.Security() || consent.Field == "sandboxing" || strings.HasPrefix(consent.Field, "sandboxing.") {
			c.report(diag.BroadConsent, diag.Note, `accept_loss["*"]`, "the loss of "+consent.Field+" is accepted on every backend",
				"that includes backends that nobody has thought of yet", "name the backends")
			break
		}
	}
}

// targetNames are the targets of systemd.special(7) that services are
// commonly ordered against; none of them is also the name of a common service.
const targetNames = "basic cryptsetup default getty graphical local-fs local-fs-pre multi-user network-online " +
	"network-pre nss-lookup nss-user-lookup paths remote-fs remote-fs-pre sockets sysinit time-set time-sync timers"

// service removes the suffix that names without a suffix stand for.
func service(name string) string { return strings.TrimSuffix(name, ".service") }

func indexService(names []string, name string) int {
	return slices.IndexFunc(names, func(n string) bool { return service(n) == service(name) })
}

// instances checks that the copies of a template can live side by side.
func (c *checker) instances() {
	if len(c.Instances) == 0 {
		return
	}
	if !c.HasRef(RefInstance) {
		// A pool of equal workers is a sound design, so this is no more than a hint.
		c.report(diag.InstanceUnused, diag.Note, "instances", "all instances are the same", "no value uses ${instance}",
			"use ${instance} where they should differ, for example in an argument")
		return
	}
	if len(c.Instances) < 2 {
		return
	}
	at := also{"instances", "the instances are given here"}
	const fix = "put ${instance} into the value"
	// A directory reference is shared unless the directory's name differs.
	differs := func(s string) bool {
		s = replaceRefs(s, func(r Ref) string {
			switch r {
			case RefRuntimeDir:
				return c.Directories.Runtime.Name
			case RefStateDir:
				return c.Directories.State.Name
			case RefLogsDir:
				return c.Directories.Logs.Name
			case RefCacheDir:
				return c.Directories.Cache.Name
			}
			return r.Mark()
		})
		return strings.Contains(s, RefInstance.Mark())
	}
	if c.PidFile != "" && !differs(c.PidFile) {
		c.fail(diag.InstanceClash, "pid_file", "all instances have the same pid_file", "they would overwrite each other's", fix, at)
	}
	for i := range c.Sockets {
		s := &c.Sockets[i]
		if len(s.Listen) > 0 && !s.ReusePort && !s.Accept && !differs(s.Listen[0].Path) {
			c.fail(diag.InstanceClash, item("sockets", i)+".listen", "all instances listen on the same address", "only one of them could open it",
				"use a Unix socket with ${instance} in its path, or reuse_port", at)
		}
	}
	if r := &c.Directories.Runtime; r.Name != "" && (r.Preserve == "" || r.Preserve == "no") && !differs(r.Name) {
		c.warn(diag.InstanceClash, "directories.runtime.name", "all instances share the runtime directory",
			"it is removed when the first of them stops", fix+", or set preserve", at)
	}
	for _, out := range [...]struct {
		id    field.ID
		value string
	}{{field.LoggingStdout, c.Logging.Stdout}, {field.LoggingStderr, c.Logging.Stderr}} {
		if path, ok := strings.CutPrefix(out.value, "file:"); ok && !differs(path) {
			c.warn(diag.InstanceClash, out.id.String(), "all instances overwrite the same log file", "", fix+", or use append:", at)
		}
	}
}

func (c *checker) logging() {
	l := &c.Logging
	stderr := l.Stderr
	if stderr == "" {
		stderr = l.Stdout
	}
	toFile := func(s string) bool { return strings.HasPrefix(s, "file:") || strings.HasPrefix(s, "append:") }
	if c.IsSet(field.LoggingRotateSize) || c.IsSet(field.LoggingRotateKeep) {
		switch {
		case !toFile(l.Stdout) && !toFile(stderr):
			c.warn(diag.RotateNothing, "logging.rotate", "there is no log file to rotate", "journal and syslog bound their files themselves",
				"write to a file, for example stdout: append:/var/log/"+c.Name+".log, or remove rotate", also{"logging.stdout", "the output is given here"})
		case !c.IsSet(field.LoggingRotateSize):
			c.warn(diag.RotateNothing, "logging.rotate.keep", "logging.rotate.keep without logging.rotate.size", "nothing says when to rotate", "add a size")
		}
	}
	toLog := func(s string) bool { return s == "journal" || s == "syslog" || s == "inherit" }
	if !toLog(l.Stdout) && !toLog(stderr) {
		for _, id := range []field.ID{field.LoggingIdentifier, field.LoggingFacility, field.LoggingLevel, field.LoggingMaxLevel,
			field.LoggingRateInterval, field.LoggingRateBurst, field.LoggingNamespace} {
			if c.IsSet(id) {
				c.warn(diag.LogUnused, id.String(), id.String()+" has no effect", "no output goes to journal or syslog", "remove it",
					also{"logging.stdout", "the output is given here"})
				break
			}
		}
		return
	}
	levels := field.LoggingLevel.Info().Enum
	if l.Level != "" && l.MaxLevel != "" && slices.Index(levels, l.Level) > slices.Index(levels, l.MaxLevel) {
		c.warn(diag.LogDropped, "logging.level", "lines of level "+l.Level+" are dropped by max_level "+l.MaxLevel,
			"lines without a level of their own would never be stored", "make max_level "+l.Level, also{"logging.max_level", "max_level is given here"})
	}
}
