package rule

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec"
)

var sections = [...]string{"Unit", "Install", "Service", "Socket", "Timer", "Path", "Mount", "Swap", "Automount", "Slice", "Scope"}

// unknownSkip is how package unit says that it does not know a key at all.
const unknownSkip = "unknown setting"

// since returns the first version that knows a setting, 0 if none does.
func since(section, key string) int {
	for v := unit.Oldest; v <= unit.Newest; v++ {
		if known, _ := unit.Known(section, key, v); known {
			return v
		}
	}
	return 0
}

// eachUnknown calls visit for the lines whose key the section does not have.
func (c *check) eachUnknown(visit func(a *unit.Assignment, elsewhere string)) {
	if c.Unit == nil {
		return
	}
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		if a.Skipped != unknownSkip || strings.HasPrefix(a.Key, "X-") {
			continue
		}
		elsewhere := ""
		for _, s := range sections {
			if known, _ := unit.Known(s, a.Key, c.Unit.Version); known && s != a.Section {
				elsewhere = s
				break
			}
		}
		visit(a, elsewhere)
	}
}

// maxGuesses bounds the work for a file of nothing but unknown settings.
const maxGuesses = 100

func misspelt(c *check) {
	guesses := 0
	c.eachUnknown(func(a *unit.Assignment, elsewhere string) {
		if elsewhere != "" || retired(a.Key) != "" {
			return
		}
		fix := ""
		if guesses++; guesses > maxGuesses {
			c.hit(a.Origin, a.Key, clip(a.Key)+"= is no setting of ["+clip(a.Section)+"] and has no effect")
			return
		}
		if near := spec.Nearest(a.Key, unit.Directives(a.Section, c.Unit.Version)); near != "" {
			fix = "write " + near + "="
		}
		c.mend(a.Origin, a.Key, clip(a.Key)+"= is no setting of ["+clip(a.Section)+"] and has no effect", fix)
	})
}

func misplaced(c *check) {
	c.eachUnknown(func(a *unit.Assignment, elsewhere string) {
		if elsewhere != "" {
			c.mend(a.Origin, a.Key, a.Key+"= belongs into ["+elsewhere+"] and has no effect in ["+a.Section+"]", "move it to ["+elsewhere+"]")
		}
	})
}

func tooNew(c *check) {
	if c.Unit == nil {
		return
	}
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		if a.Skipped == "" || a.Skipped == unknownSkip {
			continue
		}
		if known, _ := unit.Known(a.Section, a.Key, c.Unit.Version); known {
			continue
		}
		if v := since(a.Section, a.Key); v > c.Unit.Version {
			c.hit(a.Origin, a.Key, a.Key+"= came with systemd "+strconv.Itoa(v)+" and has no effect in "+strconv.Itoa(c.Unit.Version))
		}
	}
}

// retired returns what to use instead of a setting that is deprecated, with or
// without effect; "" for all others.
func retired(key string) string {
	switch key {
	case "MemoryLimit":
		return "MemoryMax="
	case "CPUShares":
		return "CPUWeight="
	case "StartupCPUShares":
		return "StartupCPUWeight="
	case "BlockIOWeight":
		return "IOWeight="
	case "StartupBlockIOWeight":
		return "StartupIOWeight="
	case "BlockIODeviceWeight":
		return "IODeviceWeight="
	case "BlockIOReadBandwidth":
		return "IOReadBandwidthMax="
	case "BlockIOWriteBandwidth":
		return "IOWriteBandwidthMax="
	case "BlockIOAccounting":
		return "IOAccounting="
	case "CPUAccounting":
		return "nothing: it is always on"
	case "PermissionsStartOnly":
		return "ExecStartPre=+"
	case "Capabilities":
		return "CapabilityBoundingSet= and AmbientCapabilities="
	case "InaccessibleDirectories":
		return "InaccessiblePaths="
	case "ReadOnlyDirectories":
		return "ReadOnlyPaths="
	case "ReadWriteDirectories":
		return "ReadWritePaths="
	case "StartLimitInterval":
		return "StartLimitIntervalSec= in [Unit]"
	case "SysVStartPriority":
		return "Before= and After="
	case "BusPolicy":
		return "nothing"
	case "NetClass":
		return "nothing"
	case "OnFailureIsolate":
		return "OnFailureJobMode="
	case "BindTo":
		return "BindsTo="
	case "PropagateReloadTo":
		return "PropagatesReloadTo="
	case "PropagateReloadFrom":
		return "ReloadPropagatedFrom="
	case "RequiresOverridable":
		return "Requires="
	case "RequisiteOverridable":
		return "Requisite="
	case "TCPWrapName":
		return "nothing"
	case "PAMAccess":
		return "nothing"
	case "FsckPassNo":
		return "nothing"
	case "SyslogLevelPrefixed":
		return "SyslogLevelPrefix="
	}
	return ""
}

func deprecated(c *check) {
	if c.Unit == nil {
		return
	}
	var said map[[2]string]bool // once for each file and setting
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		next := retired(a.Key)
		if next == "" && a.Skipped == "" || a.Value == "" || !slices.Contains(sections[:], a.Section) {
			continue
		}
		known, effective := unit.Known(a.Section, a.Key, c.Unit.Version)
		// In [Service] the old name of the limit is what old versions read.
		if next == "" && effective || known && effective && a.Key == "StartLimitInterval" {
			continue
		}
		if next == "" && (!known || effective) {
			continue
		}
		if !known && since(a.Section, a.Key) > 0 && next == "" {
			continue
		}
		message := a.Key + "= is deprecated"
		if !known || !effective {
			message = a.Key + "= no longer has an effect in systemd " + strconv.Itoa(c.Unit.Version)
		}
		if said[[2]string{a.Origin.File, a.Key}] {
			continue
		}
		if said == nil {
			said = map[[2]string]bool{}
		}
		said[[2]string{a.Origin.File, a.Key}] = true
		fix := "remove it"
		if next != "" {
			fix = "use " + next
		}
		c.mend(a.Origin, a.Key, message, fix)
	}
}

// protective reports whether a setting is there to protect.
func protective(key string) bool {
	if unseen(key) || slices.Contains(namespaceKeys[:], key) {
		return true
	}
	return isOneOf(`User Group DynamicUser SupplementaryGroups NoNewPrivileges PrivateUsers ProtectProc ProcSubset LockPersonality
MemoryDenyWriteExecute RestrictRealtime RestrictSUIDSGID RestrictNamespaces RestrictAddressFamilies SystemCallFilter
SystemCallArchitectures CapabilityBoundingSet AmbientCapabilities IPAddressAllow IPAddressDeny DevicePolicy DeviceAllow UMask
KeyringMode RemoveIPC NotifyAccess Delegate`, key)
}

// invalid visits the lines that a known setting skips because of their value.
func (c *check) invalid(visit func(a *unit.Assignment)) {
	if c.Unit == nil {
		return
	}
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		if a.Skipped == "" || a.Skipped == unknownSkip {
			continue
		}
		if known, effective := unit.Known(a.Section, a.Key, c.Unit.Version); known && effective && slices.Contains(sections[:], a.Section) && a.Skipped != "the section is ignored" {
			visit(a)
		}
	}
}

func invalidProtection(c *check) {
	c.invalid(func(a *unit.Assignment) {
		if protective(a.Key) {
			c.hit(a.Origin, a.Key, a.Key+"="+clip(a.Value)+" is ignored, so it protects nothing: "+a.Skipped)
		}
	})
}

func invalidValue(c *check) {
	c.invalid(func(a *unit.Assignment) {
		if !protective(a.Key) {
			c.hit(a.Origin, a.Key, a.Key+"="+clip(a.Value)+" is ignored: "+a.Skipped)
		}
	})
}

// clip shortens a value for a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

func unreadLines(c *check) {
	if c.Unit == nil {
		return
	}
	for i := range c.Unit.Skips {
		s := &c.Unit.Skips[i]
		switch {
		case s.Word != "":
		case strings.HasPrefix(s.Reason, "unknown section"):
			c.hit(s.Origin, "", clip(s.Text)+" is no section of a "+c.Unit.Type()+" unit, so nothing in it has an effect")
		case strings.HasPrefix(s.Reason, "the line "), strings.Contains(s.Reason, "drop-in"):
			c.hit(s.Origin, "", clip(s.Text)+" has no effect: "+s.Reason)
		}
	}
}

func droppedWords(c *check) {
	if c.Unit == nil {
		return
	}
	for i := range c.Unit.Skips {
		if s := &c.Unit.Skips[i]; s.Word != "" {
			key, _, _ := strings.Cut(s.Text, "=")
			c.hit(s.Origin, key, clip(s.Word)+" in "+key+"= has no effect: "+s.Reason)
		}
	}
}

// oldWords are values that are deprecated.
func oldWords(c *check) {
	if c.Unit == nil {
		return
	}
	for _, key := range [...]string{"StandardOutput", "StandardError"} {
		if a, ok := c.get(key); ok && isOneOf("syslog syslog+console", a.Value) {
			c.mend(a.Origin, key, key+"="+a.Value+" is an old name of journal", "remove it, or use "+key+"=journal")
		}
	}
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		if a.Skipped == "" && isOneOf("PIDFile ListenStream ListenDatagram ListenSequentialPacket ListenFIFO", a.Key) && within(a.Value, "/var/run") {
			c.mend(a.Origin, a.Key, a.Key+"="+a.Value+" uses the old name of /run", "write /run"+strings.TrimPrefix(a.Value, "/var/run"))
		}
	}
}
