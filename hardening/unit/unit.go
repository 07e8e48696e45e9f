package unit

import (
	"fmt"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
)

// The supported versions of systemd. The offline analysis, with which the
// results are compared, exists since 250.
const (
	Oldest = 250
	Newest = 262
)

// Scope says which manager runs a unit.
type Scope uint8

// The managers. The zero value is the system manager.
const (
	System Scope = iota // PID 1
	User                // systemd --user
)

// String returns system or user.
func (s Scope) String() string {
	if s == User {
		return "user"
	}
	return "system"
}

// Origin is the place of an assignment: the file as the tree names it, and
// line and column of the key.
type Origin struct {
	File string `json:"file"`
	diag.Pos
}

// String formats file:line.
func (o Origin) String() string { return fmt.Sprintf("%s:%d", o.File, o.Line) }

// Assignment is one KEY=VALUE line.
type Assignment struct {
	Section, Key string
	Value        string // blanks at both ends removed, continuation lines joined
	Origin       Origin
	// Skipped is the reason for which the whole line has no effect; empty when
	// it was taken. Lines of which only words were dropped are taken.
	Skipped string
}

// Remark is a comment that speaks to daemonize: the text after "daemonize:".
type Remark struct {
	Text string
	At   Origin
	// Next is the number of the line that follows in the file, comments and
	// empty lines left out; 0 at the end of the file. Header says that this line
	// begins a section.
	Next   int
	Header bool
}

// Skip is a piece of a unit that has no effect.
type Skip struct {
	Origin Origin
	Text   string // the line, KEY=VALUE or what stands there instead
	Word   string // the dropped word when the rest of the line was taken
	Reason string // lower case, no full stop
}

// Setting is a value after loading.
type Setting[T any] struct {
	Value T
	// From lists the lines that made the value, in the order in which they
	// were read; empty for a default.
	From []Origin
	// Implied names the setting that set or changed the value without a line
	// of its own, for example DynamicUser; empty otherwise.
	Implied string
}

func (s *Setting[T]) set(v T, o Origin) { s.Value, s.From, s.Implied = v, append(s.From[:0:0], o), "" }

func (s *Setting[T]) add(v T, o Origin) { s.Value, s.From = v, append(s.From, o) }

func (s *Setting[T]) clear() { *s = Setting[T]{} }

// imply replaces the value because of another setting.
func (s *Setting[T]) imply(v T, by string) { s.Value, s.Implied = v, by }

// Command is one command of an Exec line.
type Command struct {
	Key    string   // ExecStart, ExecStopPost, ...
	Prefix string   // the characters before the program: -, @, :, +, !, |
	Path   string   // program, specifiers resolved
	Args   []string // argv, the zeroth included
	Origin Origin
}

// Privileged reports whether the command runs outside the sandbox of the
// unit or of its user: prefixes +, ! and !!.
func (c *Command) Privileged() bool { return strings.ContainsAny(c.Prefix, "+!") }

// Unit is a loaded unit.
type Unit struct {
	Name    string   // the name the manager knows it by, for example web@a.service
	Aliases []string // its other names, sorted
	Path    string   // the unit file
	DropIns []string // the drop-ins that were read, in that order
	Version int      // the systemd version it was read for
	Scope   Scope

	Assignments []Assignment
	Skips       []Skip
	Commands    []Command
	Remarks     []Remark
	Settings    Settings

	opts Options // for Expand
}

// Get returns the assignments that make the effective value of a setting, in
// the order in which they were read: the last one taken, or for a list all
// since its last reset. An empty result means that the default is in effect.
func (u *Unit) Get(section, key string) []Assignment {
	list := false
	if d := lookupDirective(section, key); d != nil {
		list = d.list
	}
	var out []Assignment
	for _, a := range u.Assignments {
		if a.Section != section || a.Key != key || a.Skipped != "" {
			continue
		}
		if !list || a.Value == "" {
			out = nil
		}
		if a.Value != "" {
			out = append(out, a)
		}
	}
	return out
}

// Type returns the suffix of the name: service, socket, timer, ...
func (u *Unit) Type() string { return typeOf(u.Name) }

// HasSandbox reports whether the unit starts processes, so that sandbox
// settings and the exposure mean something: services, sockets, mounts, swaps.
func (u *Unit) HasSandbox() bool { return execSection(u.Type()) != "" }

// Kind is the way in which a unit cannot be loaded.
type Kind uint8

// Why a unit has no result.
const (
	BadSetting Kind = iota + 1 // the manager refuses it
	Masked                     // a link to /dev/null or an empty file
	NotFound                   // no file, a dangling link, an alias that does not fit
	BadName                    // not a unit name
	Unreadable                 // the file cannot be read
)

// LoadError says why a unit cannot be loaded.
type LoadError struct {
	Name   string
	Kind   Kind
	Reason string // lower case, no full stop
	Origin Origin // zero when no single line is to blame
	Err    error  // the error of the file system, for Unreadable
}

// Error formats the reason with its place.
func (e *LoadError) Error() string {
	if e.Origin.File != "" {
		return fmt.Sprintf("cannot load %s: %s: %s", e.Name, e.Origin, e.Reason)
	}
	return fmt.Sprintf("cannot load %s: %s", e.Name, e.Reason)
}

// Unwrap returns the error of the file system, if that was the reason.
func (e *LoadError) Unwrap() error { return e.Err }

// Settings is what the checks look at, after loading: defaults filled in,
// lists merged, implied settings applied.
type Settings struct {
	DefaultDependencies Setting[bool]

	User                Setting[string]
	Group               Setting[string]
	DynamicUser         Setting[bool]
	SupplementaryGroups Setting[[]string]

	PrivateDevices        Setting[bool]
	PrivateMounts         Setting[Tristate] // before 254 the default is No
	PrivateNetwork        Setting[bool]
	PrivateTmp            Setting[string] // no, connected, disconnected
	PrivateUsers          Setting[string] // no, self, identity, full, managed
	PrivatePIDs           Setting[bool]
	PrivateIPC            Setting[bool]
	ProtectControlGroups  Setting[string] // no, yes, private, strict
	ProtectKernelModules  Setting[bool]
	ProtectKernelTunables Setting[bool]
	ProtectKernelLogs     Setting[bool]
	ProtectClock          Setting[bool]
	ProtectHome           Setting[string] // no, yes, read-only, tmpfs
	ProtectHostname       Setting[string] // no, yes, private
	ProtectSystem         Setting[string] // no, yes, full, strict
	ProtectProc           Setting[string] // default, noaccess, invisible, ptraceable
	ProcSubset            Setting[string] // all, pid
	RootDirectory         Setting[string]
	RootImage             Setting[string]
	RootMStack            Setting[string]
	MountImages           Setting[int] // how many
	WorkingDirectory      Setting[string]

	LockPersonality        Setting[bool]
	MemoryDenyWriteExecute Setting[bool]
	NoNewPrivileges        Setting[bool]
	RestrictRealtime       Setting[bool]
	RestrictSUIDSGID       Setting[bool]
	RemoveIPC              Setting[bool]
	UMask                  Setting[uint32]
	KeyringMode            Setting[string]
	NotifyAccess           Setting[string]
	Delegate               Setting[bool]

	CapabilityBoundingSet   Setting[CapabilitySet]
	AmbientCapabilities     Setting[CapabilitySet]
	RestrictNamespaces      Setting[NamespaceSet] // the permitted types
	RestrictAddressFamilies Setting[FamilyFilter]
	SystemCallArchitectures Setting[[]string]
	SystemCallFilter        Setting[SyscallFilter]

	IPAddressAllow      Setting[[]Prefix]
	IPAddressDeny       Setting[[]Prefix]
	IPIngressFilterPath Setting[[]string]
	IPEgressFilterPath  Setting[[]string]
	DevicePolicy        Setting[string] // auto, closed, strict
	DeviceAllow         Setting[[]string]

	Type                   Setting[string] // empty: chosen by the manager
	Restart                Setting[string]
	ExitType               Setting[string]
	BusName                Setting[string]
	PAMName                Setting[string]
	KillMode               Setting[string]
	RemainAfterExit        Setting[bool]
	SuccessAction          Setting[string]
	RestartForceExitStatus Setting[[]string]

	credentials    [2][]credential // loaded, set
	imports        int             // imported credentials
	extraNamespace bool            // another setting that needs a mount namespace
	workingHome    bool            // WorkingDirectory=~
	listeners      int             // Listen lines of a socket
	silent         int             // those that cannot accept connections
	accept         bool
	service        string // Service= of a socket
	what, where    string // of a mount or swap
}

// credential is a LoadCredential or SetCredential entry.
type credential struct {
	id        string
	encrypted bool
	from      Origin
}

// Tristate is a boolean that may be left to the manager.
type Tristate int8

// The states. The zero value is unset.
const (
	Unset Tristate = iota
	No
	Yes
)

// CapabilitySet is a bit set of capability numbers.
type CapabilitySet uint64

// The capabilities of Linux, in the order of their numbers (capabilities(7)).
const (
	CapChown CapabilitySet = 1 << iota
	CapDacOverride
	CapDacReadSearch
	CapFowner
	CapFsetid
	CapKill
	CapSetgid
	CapSetuid
	CapSetpcap
	CapLinuxImmutable
	CapNetBindService
	CapNetBroadcast
	CapNetAdmin
	CapNetRaw
	CapIpcLock
	CapIpcOwner
	CapSysModule
	CapSysRawio
	CapSysChroot
	CapSysPtrace
	CapSysPacct
	CapSysAdmin
	CapSysBoot
	CapSysNice
	CapSysResource
	CapSysTime
	CapSysTtyConfig
	CapMknod
	CapLease
	CapAuditWrite
	CapAuditControl
	CapSetfcap
	CapMacOverride
	CapMacAdmin
	CapSyslog
	CapWakeAlarm
	CapBlockSuspend
	CapAuditRead
	CapPerfmon
	CapBpf
	CapCheckpointRestore
)

// AllCapabilities is the bounding set of a unit that does not mention it.
const AllCapabilities CapabilitySet = 1<<63 - 1

// Names lists the capabilities of the set, for example CAP_KILL. Numbers that
// have no name are left out.
func (c CapabilitySet) Names() []string {
	var out []string
	for i, n := range &capabilityNames {
		if c>>i&1 != 0 {
			out = append(out, "CAP_"+strings.ToUpper(n))
		}
	}
	return out
}

// NamespaceSet is the set of namespace types a service may create.
type NamespaceSet uint16

// The namespace types. NoRestriction means that the setting is unset.
const (
	NamespaceCgroup NamespaceSet = 1 << iota
	NamespaceIPC
	NamespaceNet
	NamespaceMount
	NamespacePID
	NamespaceUser
	NamespaceUTS
	NamespaceTime
	NoRestriction
)
