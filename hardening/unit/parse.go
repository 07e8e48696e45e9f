package unit

import (
	"encoding/base64"
	"slices"
	"strings"
)

// parser reads the files of one unit into it.
type parser struct {
	unit  *Unit
	opts  *Options
	calls func() *callTable
	name  string // the unit's name, for specifiers
	path  string
	now   Assignment // the line being read
	text  string     // the same as text, once a word of it is skipped
}

func newParser(u *Unit, l *Loader) *parser {
	p := &parser{unit: u, opts: &l.opts, calls: l.calls, name: u.Name, path: u.Path}
	s := &u.Settings
	s.DefaultDependencies.Value = true
	s.PrivateTmp.Value, s.PrivateUsers.Value, s.ProtectControlGroups.Value = "no", "no", "no"
	s.ProtectHome.Value, s.ProtectHostname.Value, s.ProtectSystem.Value = "no", "no", "no"
	s.ProtectProc.Value, s.ProcSubset.Value = "default", "all"
	s.UMask.Value = 0o022
	if l.opts.Version < 254 {
		// Unset was not yet a state of its own.
		s.PrivateMounts.Value = No
	}
	s.KeyringMode.Value = "private"
	if l.opts.Scope == User || u.Type() != "service" {
		s.KeyringMode.Value = "inherit"
	}
	s.NotifyAccess.Value, s.DevicePolicy.Value = "none", "auto"
	s.CapabilityBoundingSet.Value = AllCapabilities
	s.RestrictNamespaces.Value = NoRestriction
	s.Restart.Value, s.ExitType.Value, s.KillMode.Value, s.SuccessAction.Value = "no", "main", "control-group", "none"
	return p
}

// lookupDirective finds a setting of a section.
func lookupDirective(section, name string) *directive {
	// Written out: this is asked several times for every line of a unit.
	low, high := 0, len(directives)
	for low < high {
		i := int(uint(low+high) >> 1)
		d := &directives[i]
		switch {
		case d.section < section || d.section == section && d.name < name:
			low = i + 1
		case d.section == section && d.name == name:
			return d
		default:
			high = i
		}
	}
	return nil
}

// Known reports whether a version of systemd has a setting, and whether it
// still has an effect there.
func Known(section, key string, version int) (known, effective bool) {
	d := lookupDirective(section, key)
	if d == nil || !d.in(version) {
		return false, false
	}
	return true, d.ignored == 0 || int(d.ignored) > version
}

// Directives returns the names of the settings that a section has in a version
// of systemd, those without effect included, in order.
func Directives(section string, version int) []string {
	var out []string
	for i := range directives {
		if d := &directives[i]; d.section == section && d.in(version) {
			out = append(out, d.name)
		}
	}
	return out
}

func (d *directive) in(version int) bool {
	return int(d.since) <= version && (d.until == 0 || version <= int(d.until))
}

// file reads one file; an error means that reading stopped there.
func (p *parser) file(name, src string) *LoadError {
	lex := lexer{file: name, src: src}
	defer func() { p.unit.Remarks = append(p.unit.Remarks, lex.remarks...) }()
	section, ignored := "", false
	own := ownSection(p.unit.Type())
	p.unit.Assignments = slices.Grow(p.unit.Assignments, strings.Count(src, "="))
	refuse := func(o Origin, reason string) *LoadError {
		return &LoadError{Name: p.unit.Name, Kind: BadSetting, Reason: reason, Origin: o}
	}
	for {
		line, ok, reason := lex.next()
		if reason != "" {
			return refuse(line.origin, reason)
		}
		if !ok {
			return nil
		}
		text, at := line.text, line.origin
		if !validUTF8(text) {
			return refuse(at, "the line is not valid UTF-8")
		}
		if text[0] == '[' {
			if text[len(text)-1] != ']' {
				return refuse(at, "the section header has no closing bracket")
			}
			inner := text[1:]
			if inner != "" {
				inner = inner[:len(inner)-1]
			}
			if !safeString(inner) || inner == "" && p.opts.Version >= strictStrings {
				return refuse(at, "the section header has characters that are not permitted")
			}
			ignored = inner != "Unit" && inner != "Install" && (own == "" || inner != own)
			if section = inner; ignored && !strings.HasPrefix(inner, "X-") {
				p.unit.Skips = append(p.unit.Skips, Skip{Origin: at, Text: text, Reason: "unknown section for this type of unit"})
			}
			continue
		}
		key, value, found := strings.Cut(text, "=")
		key, value = strings.TrimRight(key, blanks), strings.TrimLeft(value, blanks)
		switch {
		case ignored:
			p.line(Assignment{Section: section, Key: key, Value: value, Origin: at, Skipped: "the section is ignored"})
		case section == "":
			p.unit.Skips = append(p.unit.Skips, Skip{Origin: at, Text: text, Reason: "the line stands before any section"})
		case !found:
			p.unit.Skips = append(p.unit.Skips, Skip{Origin: at, Text: text, Reason: `the line has no "="`})
		default:
			if reason := p.assign(Assignment{Section: section, Key: key, Value: value, Origin: at}); reason != "" {
				return refuse(at, reason)
			}
		}
	}
}

// line records an assignment.
func (p *parser) line(a Assignment) {
	if a.Skipped != "" && !strings.HasPrefix(a.Section, "X-") && !strings.HasPrefix(a.Key, "X-") {
		p.unit.Skips = append(p.unit.Skips, Skip{Origin: a.Origin, Text: a.Key + "=" + a.Value, Reason: a.Skipped})
	}
	p.unit.Assignments = append(p.unit.Assignments, a)
}

// skipWord records a word that has no effect on a line that has one.
func (p *parser) skipWord(word, reason string) {
	a := &p.now
	if p.text == "" {
		// Once for the line: a line may have a hundred thousand such words.
		p.text = a.Key + "=" + a.Value
	}
	p.unit.Skips = append(p.unit.Skips, Skip{Origin: a.Origin, Text: p.text, Word: word, Reason: reason})
}

// assign applies one assignment. It returns the reason for which the unit is
// refused, if it is.
func (p *parser) assign(a Assignment) string {
	d := lookupDirective(a.Section, a.Key)
	version := p.opts.Version
	switch {
	case d == nil:
		a.Skipped = "unknown setting"
	case !d.in(version):
		a.Skipped = "systemd " + itoa(version) + " does not know this setting"
	case d.ignored != 0 && int(d.ignored) <= version:
		a.Skipped = "this setting no longer has an effect"
	}
	if a.Skipped != "" {
		p.line(a)
		return ""
	}
	p.now, p.text = a, ""
	skipped, fatal := p.apply(d, a.Section, a.Key, a.Value, a.Origin)
	if fatal {
		return a.Key + "=: " + skipped
	}
	a.Skipped = skipped
	p.line(a)
	return ""
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// strictStrings is the version whose check of safe strings also refuses empty
// section names and wildcards in programs. Measured with 257 and 262.
const strictStrings = 261

// The reasons that several settings share.
const (
	notBoolean   = "not a boolean; the earlier value stays"
	notWord      = "not a word that this version knows; the earlier value stays"
	badSpecifier = "unknown specifier"
)

// apply changes the settings. It returns why the line is skipped; fatal makes
// that a refusal of the unit.
func (p *parser) apply(d *directive, section, key, value string, o Origin) (skipped string, fatal bool) {
	s := &p.unit.Settings
	switch section {
	case "Unit":
		switch key {
		case "DefaultDependencies":
			return boolean(&s.DefaultDependencies, value, o), false
		case "SuccessAction":
			if !p.knowsAction(value) {
				return "not an action that this manager has; the earlier value stays", false
			}
			s.SuccessAction.set(value, o)
			return "", false
		}
		return p.generic(d, value), false
	case "Install", "Timer", "Path", "Automount", "Slice", "Scope":
		return p.generic(d, value), false
	}
	switch key {
	case "ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPre", "ExecStopPost", "ExecReload", "ExecReloadPost", "ExecCondition":
		return p.exec(key, value, o)
	case "User", "Group":
		v := value
		if v != "" {
			var ok bool
			if v, ok = p.expand(value); !ok {
				return badSpecifier, true
			}
			if badUser(v) {
				return "not a valid user or group name", true
			}
		}
		if key == "User" {
			s.User.set(v, o)
		} else {
			s.Group.set(v, o)
		}
	case "SupplementaryGroups":
		return p.groups(value, o)
	case "DynamicUser":
		v, ok := parseBool(value)
		if !ok {
			return "not a boolean", true
		}
		s.DynamicUser.set(v, o)
	case "RootDirectory":
		return p.rootPath(&s.RootDirectory, value, o)
	case "RootImage":
		return p.rootPath(&s.RootImage, value, o)
	case "RootMStack":
		return p.rootPath(&s.RootMStack, value, o)
	case "RootVerity":
		return p.rootPath(new(Setting[string]), value, o)
	case "PIDFile":
		return p.pidFile(value)
	case "WorkingDirectory":
		return p.workingDirectory(value, o)
	case "AppArmorProfile", "SELinuxContext", "SmackProcessLabel":
		rest, ignore := strings.CutPrefix(value, "-")
		if _, ok := p.expand(rest); !ok {
			return badSpecifier, !ignore
		}
	case "RootImagePolicy", "MountImagePolicy", "ExtensionImagePolicy":
		if !validImagePolicy(value, p.opts.Version) {
			return "not an image policy", true
		}
	case "PrivateDevices":
		return boolean(&s.PrivateDevices, value, o), false
	case "PrivateNetwork":
		return boolean(&s.PrivateNetwork, value, o), false
	case "PrivateIPC":
		return boolean(&s.PrivateIPC, value, o), false
	case "PrivatePIDs":
		return boolean(&s.PrivatePIDs, value, o), false
	case "ProtectKernelModules":
		return boolean(&s.ProtectKernelModules, value, o), false
	case "ProtectKernelTunables":
		return boolean(&s.ProtectKernelTunables, value, o), false
	case "ProtectKernelLogs":
		return boolean(&s.ProtectKernelLogs, value, o), false
	case "ProtectClock":
		return boolean(&s.ProtectClock, value, o), false
	case "LockPersonality":
		return boolean(&s.LockPersonality, value, o), false
	case "MemoryDenyWriteExecute":
		return boolean(&s.MemoryDenyWriteExecute, value, o), false
	case "NoNewPrivileges":
		return boolean(&s.NoNewPrivileges, value, o), false
	case "RestrictRealtime":
		return boolean(&s.RestrictRealtime, value, o), false
	case "RestrictSUIDSGID":
		return boolean(&s.RestrictSUIDSGID, value, o), false
	case "RemoveIPC":
		return boolean(&s.RemoveIPC, value, o), false
	case "RemainAfterExit":
		return boolean(&s.RemainAfterExit, value, o), false
	case "PrivateMounts":
		if value == "" && p.opts.Version >= 254 {
			s.PrivateMounts.clear()
			return "", false
		}
		v, ok := parseBool(value)
		if !ok {
			return notBoolean, false
		}
		s.PrivateMounts.set(No, o)
		if v {
			s.PrivateMounts.Value = Yes
		}
	case "PrivateTmp":
		return p.word(d, &s.PrivateTmp, "connected", value, o), false
	case "PrivateUsers":
		return p.word(d, &s.PrivateUsers, "self", value, o), false
	case "ProtectControlGroups":
		return p.word(d, &s.ProtectControlGroups, "yes", value, o), false
	case "ProtectHome":
		return p.word(d, &s.ProtectHome, "yes", value, o), false
	case "ProtectSystem":
		return p.word(d, &s.ProtectSystem, "yes", value, o), false
	case "ProtectHostname":
		return p.protectHostname(d, value, o), false
	case "ProtectProc":
		return p.word(d, &s.ProtectProc, "", value, o), false
	case "ProcSubset":
		return p.word(d, &s.ProcSubset, "", value, o), false
	case "KeyringMode":
		return p.word(d, &s.KeyringMode, "", value, o), false
	case "NotifyAccess":
		return p.word(d, &s.NotifyAccess, "", value, o), false
	case "DevicePolicy":
		return p.word(d, &s.DevicePolicy, "", value, o), false
	case "Type":
		if section != "Service" {
			return p.generic(d, value), false // of a file system
		}
		return p.word(d, &s.Type, "", value, o), false
	case "Restart":
		return p.word(d, &s.Restart, "", value, o), false
	case "ExitType":
		return p.word(d, &s.ExitType, "", value, o), false
	case "KillMode":
		return p.word(d, &s.KillMode, "", value, o), false
	case "UMask":
		v, ok := parseMode(value)
		if !ok {
			return "not a file mode; the earlier value stays", false
		}
		s.UMask.set(v, o)
	case "CapabilityBoundingSet":
		p.capabilities(&s.CapabilityBoundingSet, AllCapabilities, value, o)
	case "AmbientCapabilities":
		p.capabilities(&s.AmbientCapabilities, 0, value, o)
	case "RestrictNamespaces":
		return p.restrictNamespaces(value, o), false
	case "RestrictAddressFamilies":
		p.restrictFamilies(value, o)
	case "SystemCallFilter":
		p.syscallFilter(value, o)
	case "SystemCallArchitectures":
		p.architectures(value, o)
	case "IPAddressAllow":
		p.addresses(&s.IPAddressAllow, value, o)
	case "IPAddressDeny":
		p.addresses(&s.IPAddressDeny, value, o)
	case "IPIngressFilterPath":
		return p.filterPath(&s.IPIngressFilterPath, value, o), false
	case "IPEgressFilterPath":
		return p.filterPath(&s.IPEgressFilterPath, value, o), false
	case "DeviceAllow":
		return p.deviceAllow(value, o), false
	case "Delegate":
		if section != "Service" {
			return "only services can delegate", false
		}
		// A list of controllers and the empty value delegate too.
		v, ok := parseBool(value)
		if !ok {
			for rest := value; rest != ""; {
				if _, _, bad := nextWord(&rest, blanks, unquote); bad {
					return "unbalanced quotes", false
				}
			}
		}
		s.Delegate.set(v || !ok, o)
	case "MountImages":
		p.mountImages(value, o)
	case "LoadCredential", "LoadCredentialEncrypted":
		return p.loadCredential(key == "LoadCredentialEncrypted", value, o), false
	case "SetCredential", "SetCredentialEncrypted":
		return p.setCredential(key == "SetCredentialEncrypted", value, o), false
	case "ImportCredential":
		if value == "" {
			s.imports = 0
			return "", false
		}
		v, ok := p.expand(value)
		if !ok {
			return badSpecifier, false
		}
		// From 257 a new name may follow a colon.
		v, _, _ = strings.Cut(v, ":")
		if stem := strings.TrimSuffix(v, "*"); strings.Contains(stem, "*") || stem != "" && !validCredential(stem) {
			return "not a credential name", false
		}
		s.imports++
	case "BusName":
		v, ok := p.expand(value)
		switch {
		case value == "":
			s.BusName.clear()
		case !ok:
			return badSpecifier, false
		case !validBusName(v):
			return "not a bus name", false
		default:
			s.BusName.set(v, o)
		}
	case "PAMName":
		v, ok := p.expand(value)
		switch {
		case value == "":
			s.PAMName.clear()
		case !ok:
			return badSpecifier, false
		default:
			s.PAMName.set(v, o)
		}
	case "RestartForceExitStatus":
		if value == "" {
			s.RestartForceExitStatus.clear()
			return "", false
		}
		words := s.RestartForceExitStatus.Value
		for rest := value; ; {
			word, ok, _ := nextWord(&rest, blanks, unquote)
			if !ok {
				break
			}
			if !validExitStatus(word) {
				p.skipWord(word, "neither an exit status nor a signal")
				continue
			}
			words = append(words, word)
		}
		s.RestartForceExitStatus.add(words, o)
	case "BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem", "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths",
		"ExecPaths", "NoExecPaths", "ExtensionImages", "ExtensionDirectories":
		s.extraNamespace = s.extraNamespace || value != ""
	case "ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO", "ListenSpecial", "ListenNetlink",
		"ListenMessageQueue", "ListenUSBFunction":
		if value == "" {
			s.listeners, s.silent = 0, 0
			return "", false
		}
		switch key {
		case "ListenStream", "ListenDatagram", "ListenSequentialPacket":
			v, ok := p.expand(value)
			local := v != "" && (v[0] == '/' || v[0] == '@')
			if !ok || !validListen(v) || key == "ListenSequentialPacket" && !local {
				return "not a socket address", false
			}
		case "ListenFIFO", "ListenSpecial":
			v, ok := p.expand(value)
			if !ok {
				return badSpecifier, false
			}
			if _, why := p.checkPath(v); why != "" {
				return why, false
			}
		}
		s.listeners++
		if key != "ListenStream" && key != "ListenSequentialPacket" {
			s.silent++
		}
	case "Accept":
		v, ok := parseBool(value)
		if !ok {
			return notBoolean, false
		}
		s.accept = v
	case "Service":
		s.service = value
	case "What", "Where":
		v, ok := p.expand(value)
		if !ok {
			return badSpecifier, false
		}
		if key == "Where" || section == "Swap" {
			var why string
			if v, why = p.checkPath(v); why != "" && value != "" {
				return why, false
			}
		}
		if key == "What" {
			s.what = v
		} else {
			s.where = v
		}
	default:
		return p.generic(d, value), false
	}
	return "", false
}

// generic checks the values of settings that nothing here looks at, so that
// lines without effect are known.
func (p *parser) generic(d *directive, value string) string {
	ok := true
	reason := ""
	switch d.kind {
	case kindBool:
		_, ok = parseBool(value)
		reason = notBoolean
	case kindTristate:
		if value != "" {
			_, ok = parseBool(value)
		}
		reason = notBoolean
	case kindSec:
		ok, reason = value == "" || validSpan(value), "not a time span"
	case kindUnsigned:
		v, isInt := parseInt(value)
		ok, reason = value == "" || isInt && v >= 0, "not a number"
	case kindMode:
		_, ok = parseMode(value)
		ok, reason = ok || value == "", "not a file mode"
	case kindSignal:
		ok, reason = value == "" || validSignal(value), "not a signal"
	case kindEnum:
		_, ok = p.enumValue(d, "yes", value)
		ok, reason = ok || value == "", notWord
	case kindOther: // anything goes
	}
	if ok {
		return ""
	}
	return reason
}

func boolean(s *Setting[bool], value string, o Origin) string {
	v, ok := parseBool(value)
	if !ok {
		return notBoolean
	}
	s.set(v, o)
	return ""
}

// enumValue reads a word of an enumeration; yes is what a true boolean means.
func (p *parser) enumValue(d *directive, yes, value string) (string, bool) {
	version := p.opts.Version
	if d.enum == 0 || version < int(d.enumSince) {
		v, ok := parseBool(value)
		if v {
			return yes, ok
		}
		return "no", ok
	}
	e := &enums[d.enum-1]
	for _, w := range e.words {
		if w.word == value {
			return value, int(w.since) <= version
		}
	}
	if e.booleanToo {
		if v, ok := parseBool(value); ok && v {
			return yes, true
		} else if ok {
			return "no", true
		}
	}
	return "", false
}

func (p *parser) word(d *directive, s *Setting[string], yes, value string, o Origin) string {
	v, ok := p.enumValue(d, yes, value)
	if !ok {
		return notWord
	}
	s.set(v, o)
	return ""
}

// protectHostname takes a boolean, from 258 also private, both with a host
// name after a colon; the empty value resets from then on.
func (p *parser) protectHostname(d *directive, value string, o Origin) string {
	s := &p.unit.Settings.ProtectHostname
	if p.opts.Version >= 258 {
		if value == "" {
			*s = Setting[string]{Value: "no"}
			return ""
		}
		mode, host, named := strings.Cut(value, ":")
		if named {
			h, ok := p.expand(host)
			if !ok || !validHostname(h) {
				return "not a host name"
			}
			value = mode
			if v, ok := parseBool(mode); ok && !v {
				return "a host name needs yes or private"
			}
		}
	}
	return p.word(d, s, "yes", value, o)
}

func validHostname(h string) bool {
	if h == "" || len(h) > 64 {
		return false
	}
	for label := range strings.SplitSeq(h, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlnum(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func (p *parser) groups(value string, o Origin) (string, bool) {
	s := &p.unit.Settings.SupplementaryGroups
	if value == "" {
		s.clear()
		return "", false
	}
	groups := s.Value
	for rest := value; ; {
		word, ok, bad := nextWord(&rest, blanks, 0)
		if bad {
			s.add(groups, o)
			return "broken escape", true
		}
		if !ok {
			break
		}
		g, ok := p.expand(word)
		if !ok {
			s.add(groups, o)
			return badSpecifier, true
		}
		if badUser(g) {
			// In a drop-in the unit goes on with the groups read so far.
			s.add(groups, o)
			return "not a valid group name", true
		}
		groups = append(groups, g)
	}
	s.add(groups, o)
	return "", false
}

func (p *parser) rootPath(s *Setting[string], value string, o Origin) (string, bool) {
	if value == "" {
		s.clear()
		return "", false
	}
	v, ok := p.expand(value)
	switch {
	case !ok:
		return badSpecifier, true
	case v == "":
		s.clear()
		return "", false
	}
	v, why := p.checkPath(v)
	if why != "" {
		return why, true
	}
	s.set(v, o)
	return "", false
}

func (p *parser) pidFile(value string) (string, bool) {
	if value == "" {
		return "", false
	}
	v, ok := p.expand(value)
	if !ok {
		return badSpecifier, false
	}
	if !strings.HasPrefix(v, "/") {
		dir, _, _ := p.specifier('t')
		v = dir + "/" + v
	}
	v, why := p.checkPath(v)
	if why == "" && p.opts.Version >= 256 && underAPI(v) {
		why = "the file cannot lie in /proc, /sys or /dev"
	}
	return why, why != ""
}

func (p *parser) workingDirectory(value string, o Origin) (string, bool) {
	s := &p.unit.Settings
	if value == "" {
		s.WorkingDirectory.clear()
		s.workingHome = false
		return "", false
	}
	v, missingOK := strings.CutPrefix(value, "-")
	if v == "~" {
		s.WorkingDirectory.set("~", o)
		s.workingHome = true
		return "", false
	}
	v, ok := p.expand(v)
	if !ok {
		return badSpecifier, !missingOK
	}
	v, why := p.checkPath(v)
	if why != "" {
		return why, !missingOK
	}
	s.WorkingDirectory.set(v, o)
	s.workingHome = false
	return "", false
}

// capabilities applies a list to a set whose untouched value is initial: the
// first list replaces it, later ones add or remove (config_parse_capability_set).
func (p *parser) capabilities(s *Setting[CapabilitySet], initial CapabilitySet, value string, o Origin) {
	rest, invert := strings.CutPrefix(value, "~")
	all := AllCapabilities
	if p.opts.Version >= 259 {
		// From 259 the complement is that of the capabilities the kernel has.
		all = 1<<len(capabilityNames) - 1
	} else if p.opts.Version < 254 {
		all = ^CapabilitySet(0)
		if initial != 0 {
			initial = all
		}
	}
	flags := unquote
	if p.opts.Version >= 254 {
		flags |= relax
	}
	var sum CapabilitySet
	for {
		word, ok, _ := nextWord(&rest, blanks, flags)
		if !ok {
			break
		}
		n, ok := capability(word, p.opts.Version)
		if !ok {
			p.skipWord(word, "unknown capability")
			continue
		}
		sum |= 1 << n
	}
	cur := s.Value
	if cur == AllCapabilities && initial != 0 && len(s.From) == 0 {
		cur = initial
	}
	if sum == 0 || cur == initial {
		if invert {
			sum = all &^ sum
		}
		s.set(sum, o)
		return
	}
	if invert {
		s.add(cur&^sum, o)
	} else {
		s.add(cur|sum, o)
	}
}

func (p *parser) restrictNamespaces(value string, o Origin) string {
	s := &p.unit.Settings.RestrictNamespaces
	if value == "" {
		*s = Setting[NamespaceSet]{Value: NoRestriction}
		return ""
	}
	const all = allNamespaces
	if v, ok := parseBool(value); ok {
		s.set(all, o)
		if v {
			s.Value = 0
		}
		return ""
	}
	value, invert := strings.CutPrefix(value, "~")
	flags, ok := parseNamespaces(value)
	switch {
	case !ok:
		return "the list has an unknown namespace type, so none of it counts"
	case s.Value == NoRestriction && invert:
		s.set(all&^flags, o)
	case s.Value == NoRestriction:
		s.set(flags, o)
	case invert:
		s.add(s.Value&^flags, o)
	default:
		s.add(s.Value|flags, o)
	}
	return ""
}

func (p *parser) restrictFamilies(value string, o Origin) {
	s := &p.unit.Settings.RestrictAddressFamilies
	switch value {
	case "":
		s.clear()
		return
	case "none":
		s.set(FamilyFilter{Allow: true}, o)
		return
	}
	value, invert := strings.CutPrefix(value, "~")
	f := s.Value
	if !f.set {
		f = FamilyFilter{Allow: !invert, set: true}
	}
	f.Families = slices.Clone(f.Families)
	for rest := value; ; {
		word, ok, bad := nextWord(&rest, blanks, unquote)
		if bad {
			p.skipWord(rest, "unbalanced quotes: the rest of the line is not read")
			break
		}
		if !ok {
			break
		}
		name, ok := family(word)
		if !ok {
			p.skipWord(word, "unknown address family")
			if p.opts.Version >= 261 {
				break
			}
			continue
		}
		i := slices.Index(f.Families, name)
		switch {
		case invert != f.Allow && i < 0:
			f.Families = append(f.Families, name)
		case invert == f.Allow && i >= 0:
			f.Families = slices.Delete(f.Families, i, i+1)
		}
	}
	s.add(f, o)
}

func (p *parser) architectures(value string, o Origin) {
	s := &p.unit.Settings.SystemCallArchitectures
	if value == "" {
		s.clear()
		return
	}
	list := s.Value
	for rest := value; ; {
		word, ok, bad := nextWord(&rest, blanks, unquote)
		if bad {
			p.skipWord(rest, "unbalanced quotes: the rest of the line is not read")
			break
		}
		if !ok {
			break
		}
		// libseccomp 2.6 brought loongarch64.
		if _, known := slices.BinarySearch(architectureNames[:], word); !known || word == "loongarch64" && p.opts.Version < 257 {
			p.skipWord(word, "unknown architecture")
			continue
		}
		if !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	s.add(list, o)
}

func (p *parser) addresses(s *Setting[[]Prefix], value string, o Origin) {
	if value == "" {
		s.clear()
		return
	}
	list := s.Value
	for rest := value; ; {
		word, ok, bad := nextWord(&rest, blanks, 0)
		if bad {
			p.skipWord(rest, "broken escape: the rest of the line is not read")
			break
		}
		if !ok {
			break
		}
		got := addressWord(word)
		if got == nil {
			p.skipWord(word, "not an address range")
		}
		list = append(list, got...)
	}
	s.add(list, o)
}

func (p *parser) filterPath(s *Setting[[]string], value string, o Origin) string {
	if value == "" {
		s.clear()
		return ""
	}
	v, ok := p.expand(value)
	if !ok {
		return badSpecifier
	}
	v, why := p.checkPath(v)
	if why == "" {
		s.add(append(s.Value, v), o)
	}
	return why
}

func (p *parser) deviceAllow(value string, o Origin) string {
	s := &p.unit.Settings.DeviceAllow
	if value == "" {
		s.clear()
		return ""
	}
	rest := value
	word, ok, bad := nextWord(&rest, blanks, unquote)
	if bad || !ok {
		return "no device"
	}
	device, ok := p.expand(word)
	if !ok {
		return badSpecifier
	}
	if !strings.HasPrefix(device, "block-") && !strings.HasPrefix(device, "char-") {
		v, why := p.checkPath(device)
		if why != "" {
			return why
		}
		if v != "/dev" && !strings.HasPrefix(v, "/dev/") && !strings.HasPrefix(v, "/run/systemd/inaccessible/") {
			return "the path is not below /dev"
		}
		device = v
	}
	if rest != "" && strings.Trim(rest, "rwm") != "" {
		return "the rights are letters of r, w and m"
	}
	// The newest entry comes first.
	s.add(append([]string{strings.TrimRight(device+" "+rest, " ")}, s.Value...), o)
	return ""
}

func (p *parser) mountImages(value string, o Origin) {
	s := &p.unit.Settings.MountImages
	if value == "" {
		s.clear()
		return
	}
	n := s.Value
	for rest := value; ; {
		tuple, ok, _ := nextWord(&rest, blanks, unquote|retainEscape)
		if !ok {
			break
		}
		parts := tuple
		source, _, _ := nextWord(&parts, ":", unquote|unescapeColons|dontCoalesce)
		dest, _, _ := nextWord(&parts, ":", unquote|unescapeColons|dontCoalesce)
		source = strings.TrimPrefix(source, "-")
		from, ok1 := p.expand(source)
		to, ok2 := p.expand(dest)
		_, why1 := p.checkPath(from)
		_, why2 := p.checkPath(to)
		if !ok1 || !ok2 || why1 != "" || why2 != "" {
			p.skipWord(tuple, "not an image and a mount point")
			continue
		}
		n++
	}
	s.add(n, o)
}

func validCredential(id string) bool {
	return validFileName(id) && validUTF8(id) && !hasControl(id) && strings.IndexFunc(id, func(r rune) bool { return r > 0x7f }) < 0 && !strings.Contains(id, ":")
}

func (p *parser) putCredential(kind int, c credential) {
	list := &p.unit.Settings.credentials[kind]
	for i := range *list {
		if (*list)[i].id == c.id {
			(*list)[i] = c
			return
		}
	}
	*list = append(*list, c)
}

func (p *parser) loadCredential(encrypted bool, value string, o Origin) string {
	s := &p.unit.Settings
	if value == "" {
		s.credentials[0] = nil
		return ""
	}
	rest := value
	word, _, bad := nextWord(&rest, ":", dontCoalesce)
	if bad || word == "" {
		return "the credential has no name"
	}
	id, ok := p.expand(word)
	if !ok || !validCredential(id) {
		return "not a credential name"
	}
	if rest != "" {
		from, ok := p.expand(rest)
		if !ok {
			return badSpecifier
		}
		if strings.HasPrefix(from, "/") && !normalized(from) || !strings.HasPrefix(from, "/") && !validCredential(from) {
			return "neither an absolute path nor a credential name"
		}
	}
	p.putCredential(0, credential{id, encrypted, o})
	return ""
}

func (p *parser) setCredential(encrypted bool, value string, o Origin) string {
	s := &p.unit.Settings
	if value == "" {
		s.credentials[1] = nil
		return ""
	}
	rest := value
	word, _, bad := nextWord(&rest, ":", dontCoalesce)
	if bad || word == "" || rest == "" {
		return "the credential has no name or no data"
	}
	id, ok := p.expand(word)
	if !ok || !validCredential(id) {
		return "not a credential name"
	}
	if encrypted {
		data := strings.NewReplacer(" ", "", "\t", "").Replace(rest)
		if _, err := base64.StdEncoding.DecodeString(data); err != nil {
			return "the data is not base64"
		}
	}
	p.putCredential(1, credential{id, encrypted, o})
	return ""
}

// validBusName is a D-Bus name, well-known or unique.
func validBusName(s string) bool {
	s, unique := strings.CutPrefix(s, ":")
	if len(s) > nameMax || !strings.Contains(s, ".") {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || !unique && part[0] >= '0' && part[0] <= '9' {
			return false
		}
		for i := range len(part) {
			if c := part[i]; !isAlnum(c) && c != '_' && c != '-' {
				return false
			}
		}
	}
	return true
}

// knowsAction reports whether a manager has an emergency action.
func (p *parser) knowsAction(word string) bool {
	switch word {
	case "none", "exit", "exit-force":
		return true
	case "reboot", "reboot-force", "reboot-immediate", "poweroff", "poweroff-force", "poweroff-immediate":
		return p.opts.Scope == System || p.opts.Version < 254
	case "soft-reboot", "soft-reboot-force", "kexec", "kexec-force", "halt", "halt-force", "halt-immediate":
		return p.opts.Scope == System && p.opts.Version >= 254
	}
	return false
}
