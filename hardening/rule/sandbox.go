package rule

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/internal/argv"
)

// get returns the last effective assignment of a key in the unit's own
// section.
func (c *check) get(key string) (unit.Assignment, bool) {
	own := section(c.Unit)
	for i := len(c.Unit.Assignments) - 1; i >= 0; i-- {
		if a := &c.Unit.Assignments[i]; a.Key == key && a.Section == own && a.Skipped == "" {
			return *a, a.Value != ""
		}
	}
	return unit.Assignment{}, false
}

// enabled reports whether a written value turns a setting on.
func enabled(value string) bool {
	return !isOneOf("no false off 0 n f none default all inherit", strings.ToLower(value))
}

// namespaceKeys need a mount or user namespace, which the manager of a user
// cannot make by itself.
var namespaceKeys = [...]string{
	"PrivateTmp", "PrivateDevices", "PrivateNetwork", "PrivateMounts", "PrivateIPC", "ProtectSystem", "ProtectHome",
	"ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectHostname", "ProtectClock",
	"ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "BindPaths", "BindReadOnlyPaths",
	"TemporaryFileSystem", "RootDirectory", "RootImage",
}

// userNamespaces: until 253 the manager of a user silently ignored settings
// that need a namespace unless PrivateUsers=yes was set too (NEWS of 254).
func userNamespaces(c *check) {
	if c.Unit == nil || c.Unit.Scope != unit.User || c.Unit.Version >= 254 || c.Unit.Settings.PrivateUsers.Value != "no" {
		return
	}
	for _, key := range namespaceKeys {
		if a, ok := c.get(key); ok && enabled(a.Value) {
			c.hit(a.Origin, key, key+"= has no effect in a user unit without PrivateUsers=yes")
		}
	}
}

// systemOnly settings need rights that the manager of a user does not have.
var systemOnly = [...]string{
	"User", "Group", "SupplementaryGroups", "AmbientCapabilities", "ProtectProc", "ProcSubset", "IPAddressAllow", "IPAddressDeny",
	"DeviceAllow", "DevicePolicy", "SocketBindAllow", "SocketBindDeny", "RestrictNetworkInterfaces", "RestrictFileSystems",
}

func systemScopeOnly(c *check) {
	if c.Unit == nil || c.Unit.Scope != unit.User {
		return
	}
	for _, key := range systemOnly {
		if a, ok := c.get(key); ok && enabled(a.Value) && !strings.HasPrefix(a.Value, "%") {
			c.hit(a.Origin, key, key+"= has no effect in a user unit")
		}
	}
}

func earlyUnit(c *check) {
	if c.Unit == nil || c.Unit.Settings.DefaultDependencies.Value {
		return
	}
	var keys []string
	var first unit.Assignment
	for _, key := range [...]string{"PrivateTmp", "ProtectHome", "ProtectSystem", "RootDirectory", "RootImage"} {
		if a, ok := c.get(key); ok && enabled(a.Value) {
			if keys == nil {
				first = a
			}
			keys = append(keys, key+"=")
		}
	}
	if keys != nil {
		c.hit(first.Origin, first.Key, "with DefaultDependencies=no the score does not count "+strings.Join(keys, ", ")+", and the file systems may not be mounted yet")
	}
}

// visibleProcesses: ProtectProc hides processes only from those who have
// neither root's uid with CAP_SYS_PTRACE nor that capability (proc(5)).
func visibleProcesses(c *check) {
	if c.Unit == nil || c.Unit.Scope == unit.User {
		return
	}
	s := &c.Unit.Settings
	a, ok := c.get("ProtectProc")
	if !ok || a.Value == "default" {
		return
	}
	switch {
	case c.Facts.Root && s.CapabilityBoundingSet.Value&unit.CapSysPtrace != 0:
		c.hit(a.Origin, "ProtectProc", "ProtectProc="+a.Value+" hides nothing from root with CAP_SYS_PTRACE")
	case !c.Facts.Root && s.AmbientCapabilities.Value&unit.CapSysPtrace != 0:
		c.hit(a.Origin, "ProtectProc", "ProtectProc="+a.Value+" hides nothing from a service with CAP_SYS_PTRACE")
	}
}

func undoneProtection(c *check) {
	if c.Unit == nil {
		return
	}
	s := &c.Unit.Settings
	if s.ProtectSystem.Value == "no" && s.ProtectHome.Value == "no" {
		return
	}
	for _, a := range c.Unit.Get(section(c.Unit), "ReadWritePaths") {
		for _, word := range unit.SplitWords(a.Value) {
			path := strings.TrimRight(strings.TrimLeft(word, "-+"), "/")
			if s.ProtectSystem.Value != "no" && isOneOf("/usr /etc /boot /usr/bin /usr/lib /usr/sbin /bin /sbin /lib", path) || path == "" {
				c.hit(a.Origin, a.Key, "ReadWritePaths="+word+" undoes ProtectSystem="+s.ProtectSystem.Value)
			}
		}
	}
}

func undoneAddressFilter(c *check) {
	if c.Unit == nil {
		return
	}
	s := &c.Unit.Settings
	if len(s.IPAddressDeny.Value) == 0 || len(s.IPAddressAllow.Value) == 0 {
		return
	}
	all := func(p netip.Prefix) bool { return p.Bits() == 0 }
	if slices.ContainsFunc(s.IPAddressAllow.Value, all) && slices.ContainsFunc(s.IPAddressDeny.Value, all) {
		c.hit(last(s.IPAddressAllow.From), "IPAddressAllow", "IPAddressAllow= permits every address, so IPAddressDeny= denies none")
	}
}

// otherArchitectures: filters of calls hold for the native table of calls
// only, unless the others are closed (systemd.exec(5)).
func otherArchitectures(c *check) {
	if c.Unit == nil || len(c.Unit.Settings.SystemCallArchitectures.Value) > 0 {
		return
	}
	for _, key := range [...]string{"SystemCallFilter", "RestrictAddressFamilies", "MemoryDenyWriteExecute"} {
		if a, ok := c.get(key); ok && enabled(a.Value) {
			c.hit(a.Origin, key, key+"= can be bypassed through the calls of another architecture, because SystemCallArchitectures=native is missing")
			return
		}
	}
}

func impliedByDynamicUser(c *check) {
	if c.Unit == nil || !c.Unit.Settings.DynamicUser.Value {
		return
	}
	for _, key := range [...]string{"PrivateTmp", "ProtectSystem", "ProtectHome", "NoNewPrivileges", "RemoveIPC", "RestrictSUIDSGID"} {
		if a, ok := c.get(key); ok && !enabled(a.Value) {
			c.hit(a.Origin, key, key+"="+a.Value+" has no effect, because DynamicUser=yes turns it on")
		}
	}
}

func capabilitiesInNamespace(c *check) {
	if c.Unit == nil {
		return
	}
	s := &c.Unit.Settings
	if s.PrivateUsers.Value != "no" && s.AmbientCapabilities.Value != 0 {
		c.hit(last(s.AmbientCapabilities.From), "AmbientCapabilities", strings.Join(s.AmbientCapabilities.Value.Names(), ", ")+" is worth nothing outside the service, because PrivateUsers= gives it a user namespace of its own")
	}
}

func hiddenProgram(c *check) {
	if c.Unit == nil {
		return
	}
	s := &c.Unit.Settings
	if s.ProtectHome.Value != "yes" && s.ProtectHome.Value != "tmpfs" || s.RootDirectory.Value != "" || s.RootImage.Value != "" {
		return
	}
	home := func(path string) bool {
		return within(path, "/home") || within(path, "/root") || within(path, "/run/user")
	}
	bound := func(path string) bool {
		for _, key := range [...]string{"BindPaths", "BindReadOnlyPaths"} {
			for _, a := range c.Unit.Get(section(c.Unit), key) {
				for _, word := range unit.SplitWords(a.Value) {
					_, inside, ok := strings.Cut(strings.TrimLeft(word, "-+"), ":")
					if !ok {
						inside = strings.TrimLeft(word, "-+")
					}
					inside, _, _ = strings.Cut(inside, ":")
					if within(path, inside) {
						return true
					}
				}
			}
		}
		return false
	}
	for i := range c.Facts.Commands {
		if cmd := &c.Facts.Commands[i]; !cmd.Elevated && home(cmd.Args[0]) && !bound(cmd.Args[0]) {
			c.hit(cmd.At, cmd.Key, "ProtectHome="+s.ProtectHome.Value+" hides the program "+cmd.Args[0]+", so the service cannot start")
		}
	}
	if w, ok := c.get("WorkingDirectory"); ok && home(w.Value) && !bound(w.Value) {
		c.hit(w.Origin, w.Key, "ProtectHome="+s.ProtectHome.Value+" hides the working directory "+w.Value+", so the service cannot start")
	}
}

// pseudoDevices are those that PrivateDevices leaves in /dev.
const pseudoDevices = "null zero full random urandom tty ptmx pts shm"

func hiddenDevices(c *check) {
	if c.Unit == nil || !c.Unit.Settings.PrivateDevices.Value {
		return
	}
	for _, a := range c.Unit.Get(section(c.Unit), "DeviceAllow") {
		device, _, _ := strings.Cut(a.Value, " ")
		if name, ok := strings.CutPrefix(device, "/dev/"); ok && !isOneOf(pseudoDevices, name) {
			c.hit(a.Origin, a.Key, "DeviceAllow="+device+" has no effect, because PrivateDevices=yes leaves no such device in /dev")
		}
	}
}

// removedBy says which setting takes a capability away.
var removedBy = [...]struct {
	set, name string
	key       string
}{
	{"PrivateDevices", "cap_mknod", ""}, {"PrivateDevices", "cap_sys_rawio", ""},
	{"ProtectKernelModules", "cap_sys_module", ""}, {"ProtectKernelLogs", "cap_syslog", ""},
	{"ProtectClock", "cap_sys_time", ""}, {"ProtectClock", "cap_wake_alarm", ""},
}

func contradictedCapability(c *check) {
	if c.Unit == nil {
		return
	}
	for _, key := range [...]string{"CapabilityBoundingSet", "AmbientCapabilities"} {
		for _, a := range c.Unit.Get(section(c.Unit), key) {
			if strings.HasPrefix(a.Value, "~") {
				continue
			}
			for word := range strings.FieldsSeq(a.Value) {
				for _, r := range removedBy {
					if !strings.EqualFold(word, r.name) {
						continue
					}
					if by, ok := c.get(r.set); ok && enabled(by.Value) {
						c.hit(a.Origin, key, key+"="+word+" has no effect, because "+r.set+"= takes it away")
					}
				}
			}
		}
	}
}

func unboundedAmbient(c *check) {
	if c.Unit == nil {
		return
	}
	s := &c.Unit.Settings
	if len(s.CapabilityBoundingSet.From) == 0 {
		return
	}
	if lost := s.AmbientCapabilities.Value &^ s.CapabilityBoundingSet.Value; lost != 0 {
		c.hit(last(s.AmbientCapabilities.From), "AmbientCapabilities", strings.Join(lost.Names(), ", ")+" is not in CapabilityBoundingSet=, so the service does not get it")
	}
}

func unreachableNetwork(c *check) {
	if c.Unit == nil || !c.Unit.Settings.PrivateNetwork.Value || len(c.Unit.Get("Unit", "JoinsNamespaceOf")) > 0 {
		return
	}
	for _, key := range [...]string{"IPAddressAllow", "RestrictNetworkInterfaces", "SocketBindAllow"} {
		if a, ok := c.get(key); ok {
			c.hit(a.Origin, key, key+"= has no effect, because PrivateNetwork=yes leaves the service a loopback device of its own only")
		}
	}
}

// weakRoot: a service that can mount or load modules leaves its sandbox.
func escapableSandbox(c *check) {
	if c.Unit == nil || !c.Facts.Root {
		return
	}
	s := &c.Unit.Settings
	if s.ProtectSystem.Value != "strict" && s.ProtectSystem.Value != "full" || s.CapabilityBoundingSet.Value&unit.CapSysAdmin == 0 || s.PrivateUsers.Value != "no" {
		return
	}
	if !s.SystemCallFilter.Value.PermitsAny("@mount") {
		return
	}
	c.hit(last(s.ProtectSystem.From), "ProtectSystem", "root with CAP_SYS_ADMIN can mount the file systems writable again, so ProtectSystem="+s.ProtectSystem.Value+" only prevents accidents")
}

// unseen reports whether a setting protects, but is not among the checks of
// the score.
func unseen(key string) bool {
	switch key {
	case "RestrictFileSystems", "SocketBindAllow", "SocketBindDeny", "RestrictNetworkInterfaces", "NoExecPaths", "ExecPaths", "InaccessiblePaths",
		"TemporaryFileSystem", "BindReadOnlyPaths", "ReadOnlyPaths", "PrivateIPC", "PrivatePIDs", "PrivateBPF", "SystemCallLog", "LoadCredential",
		"LoadCredentialEncrypted", "SetCredentialEncrypted", "ImportCredential", "SecureBits", "CoredumpFilter", "TasksMax", "MemoryMax",
		"AppArmorProfile", "SELinuxContext", "SmackProcessLabel", "NFTSet", "BindLogSockets":
		return true
	}
	return false
}

func unseenSettings(c *check) {
	if c.Unit == nil || !c.Unit.HasSandbox() {
		return
	}
	var found []string
	var first unit.Assignment
	own := section(c.Unit)
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		if !unseen(a.Key) || a.Section != own || a.Skipped != "" || a.Value == "" || !enabled(a.Value) || a.Value == "infinity" {
			continue
		}
		if found == nil {
			first = *a
		}
		if !slices.Contains(found, a.Key+"=") {
			found = append(found, a.Key+"=")
		}
	}
	if found != nil {
		c.hit(first.Origin, first.Key, "the score does not see "+strings.Join(found, ", "))
	}
}

func setuidService(c *check) {
	if c.Tree == nil || c.Unit == nil || c.hidden() || !c.Unit.Settings.NoNewPrivileges.Value || c.Facts.Root {
		return
	}
	c.eachProgram(func(cmd *Command, path string) {
		// The programs that are known by name have a rule of their own.
		if e := c.Tree.find(path, nil); e.err == nil && e.mode&(1<<23) != 0 && !argv.NeedsSetuid(base(path)) && !cmd.Elevated {
			c.hit(cmd.At, cmd.Key, "the set-user-ID bit of "+path+" has no power with NoNewPrivileges=yes")
		}
	})
}
