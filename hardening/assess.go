package hardening

import (
	"slices"
	"strconv"

	"github.com/daemonize/daemonize/hardening/unit"
)

// Options says how the score is computed.
type Options struct {
	// Policy changes weights and ranges; nil keeps the built-in ones.
	Policy *Policy
	// NobodyUser is the name that the build of systemd gives to the overflow
	// user; default nobody.
	NobodyUser string
	// Rows is memory for the rows of the result; nil takes new memory.
	Rows []Row
}

// Row is one check. Its JSON form has the keys of the real program.
type Row struct {
	Name      string // for example CapabilityBoundingSet=~CAP_SYS_ADMIN
	JSONField string // for example CapabilityBoundingSet_CAP_SYS_ADMIN
	// Applies is false when the check has no meaning for this unit; it then
	// counts neither for nor against it.
	Applies  bool
	Weight   uint64
	Badness  uint64 // 0 is good, Range is worst; also kept where the check does not apply
	Range    uint64
	Exposure Exposure // share of the total; 0 when the check is passed
	// Setting is the setting the check looks at, From the lines that made its
	// value (none: the default), Implied the setting that implied it.
	Setting string
	From    []unit.Origin
	Implied string

	// listed and added say for DeviceAllow whether there are entries, and
	// whether settings other than ProtectClock add some once a policy is in
	// force: what [Result.Changes] cannot see in the badness.
	listed, added bool
}

// Set reports whether the check is passed.
func (r *Row) Set() bool { return r.Applies && r.Badness == 0 }

// Exposure is a score from 0 to 100, printed with one decimal from 0.0 to
// 10.0.
type Exposure uint64

// String prints the score as the real program does: 96 is "9.6".
func (e Exposure) String() string {
	return strconv.FormatUint(uint64(e/10), 10) + "." + strconv.FormatUint(uint64(e%10), 10)
}

// Rating returns the word for a total score.
func (e Exposure) Rating() string {
	switch {
	case e >= 100:
		return "DANGEROUS"
	case e >= 90:
		return "UNSAFE"
	case e >= 75:
		return "EXPOSED"
	case e >= 50:
		return "MEDIUM"
	case e >= 10:
		return "OK"
	case e >= 1:
		return "SAFE"
	}
	return "PERFECT"
}

// Assessment is the score of one unit.
type Assessment struct {
	Unit     string     // name of the unit
	Path     string     // its file
	Systemd  int        // the version whose rules were applied
	Scope    unit.Scope // the manager
	Rows     []Row      // in the order of the real program's table
	Exposure Exposure   // the total
}

// Rating returns the word for the total.
func (a *Assessment) Rating() string { return a.Exposure.Rating() }

// Row returns the row with that JSON field, or nil.
func (a *Assessment) Row(field string) *Row {
	if i := slices.IndexFunc(a.Rows, func(r Row) bool { return r.JSONField == field }); i >= 0 {
		return &a.Rows[i]
	}
	return nil
}

// Assess computes the score of a unit for the version and the scope it was
// loaded for. Only units that start processes have one: check
// [unit.Unit.HasSandbox] before.
func Assess(u *unit.Unit, opts Options) Assessment {
	if opts.NobodyUser == "" {
		opts.NobodyUser = "nobody"
	}
	a := Assessment{Unit: u.Name, Path: u.Path, Systemd: u.Version, Scope: u.Scope, Rows: opts.Rows[:0]}
	if cap(a.Rows) < len(checks) {
		a.Rows = make([]Row, 0, len(checks))
	}
	var bad, weights uint64
	for i := range checks {
		c := &checks[i]
		if c.since > u.Version {
			continue
		}
		row := Row{Name: c.name, JSONField: c.key, Weight: c.weight, Range: c.rng, Setting: c.setting}
		if opts.Policy != nil {
			opts.Policy.apply(&row)
		}
		v := evaluate(c, u, &opts)
		row.From, row.Implied = v.from, v.implied
		// A policy may narrow a range; the badness stays within it.
		row.Badness = min(v.badness, row.Range)
		if c.judge == judgeDevices {
			listed, added := u.DeviceEntries()
			row.listed, row.added = listed > 0, added > 0
		}
		if row.Applies = !v.notApplicable && row.Weight > 0; row.Applies {
			bad += divUp(row.Badness*row.Weight, row.Range)
			weights += row.Weight
		}
		a.Rows = append(a.Rows, row)
	}
	if weights == 0 {
		return a
	}
	for i := range a.Rows {
		if r := &a.Rows[i]; r.Applies && r.Badness > 0 {
			r.Exposure = Exposure(divUp(divUp(r.Badness*r.Weight*100, r.Range), weights))
		}
	}
	a.Exposure = Exposure(divUp(bad*100, weights))
	return a
}

func divUp(x, y uint64) uint64 {
	if x%y != 0 {
		return x/y + 1
	}
	return x / y
}

// verdict is what a check finds.
type verdict struct {
	badness       uint64
	notApplicable bool
	from          []unit.Origin
	implied       string
}

// about fills in where a value comes from.
func about[T any](v *verdict, s *unit.Setting[T]) {
	if v.from == nil {
		v.from = s.From[:len(s.From):len(s.From)]
	} else {
		v.from = append(v.from, s.From...)
	}
	if s.Implied != "" {
		v.implied = s.Implied
	}
}

func evaluate(c *check, u *unit.Unit, opts *Options) (v verdict) {
	s := &u.Settings
	if c.needsDefaults && !s.DefaultDependencies.Value {
		// Such units run before the file systems are there, so the real program
		// does not ask them to be protected.
		v.notApplicable = true
		about(&v, &s.DefaultDependencies)
		return v
	}
	bad := func(b bool, badness uint64) {
		if b {
			v.badness = badness
		}
	}
	switch c.judge {
	case judgeUser:
		about(&v, &s.User)
		about(&v, &s.DynamicUser)
		v.badness = userBadness(u, opts.NobodyUser)
	case judgeGroups:
		about(&v, &s.SupplementaryGroups)
		v.notApplicable = privileged(u)
		bad(len(s.SupplementaryGroups.Value) > 0, 1)
	case judgeBool:
		b := boolSetting(s, c.setting)
		about(&v, b)
		// Delegate is the one setting that is bad when it is on.
		bad(b.Value == (c.setting == "Delegate"), 1)
	case judgeWord:
		w := wordSetting(s, c.setting)
		about(&v, w)
		v.badness = wordBadness(c.setting, w.Value)
	case judgePrivateMounts:
		about(&v, &s.PrivateMounts)
		// Unset is -1 in the real program, which reads as true.
		bad(s.PrivateMounts.Value == unit.No, 1)
	case judgeRoot:
		about(&v, &s.RootDirectory)
		about(&v, &s.RootImage)
		outside := func(p string) bool { return p != "" && p != "/" }
		bad(!outside(s.RootDirectory.Value) && !outside(s.RootImage.Value), 1)
	case judgeCapability:
		about(&v, &s.CapabilityBoundingSet)
		bad(s.CapabilityBoundingSet.Value&c.caps != 0, 1)
	case judgeUMask:
		about(&v, &s.UMask)
		v.badness = umaskBadness(s.UMask.Value)
	case judgeRemoveIPC:
		about(&v, &s.RemoveIPC)
		v.notApplicable = privileged(u) || userManager262(u)
		bad(!s.RemoveIPC.Value, 1)
	case judgeNamespace:
		about(&v, &s.RestrictNamespaces)
		bad(s.RestrictNamespaces.Value == unit.NoRestriction || s.RestrictNamespaces.Value&namespaceBit(c.args[0]) != 0, 1)
	case judgeFamily:
		about(&v, &s.RestrictAddressFamilies)
		bad(familyBad(&s.RestrictAddressFamilies.Value, c.args), 1)
	case judgeArchitectures:
		about(&v, &s.SystemCallArchitectures)
		switch l := s.SystemCallArchitectures.Value; {
		case len(l) == 0:
			v.badness = 10
		case len(l) > 1 || l[0] != "native":
			v.badness = 8
		}
	case judgeSyscalls:
		about(&v, &s.SystemCallFilter)
		f := &s.SystemCallFilter.Value
		if f.PermitsAny(c.args[0]) {
			v.badness = 10
			if f.Set && f.Allow {
				v.badness = 9
			}
		}
	case judgeAddresses:
		v.badness = addressBadness(s, &v)
	case judgeDevices:
		about(&v, &s.DevicePolicy)
		about(&v, &s.DeviceAllow)
		switch {
		case s.DevicePolicy.Value == "auto":
			v.badness = 10
		case len(s.DeviceAllow.Value) > 0:
			v.badness = 5
		}
	case judgeAmbient:
		about(&v, &s.AmbientCapabilities)
		bad(s.AmbientCapabilities.Value != 0, 1)
	}
	return v
}

// privileged reports whether the unit's processes start as root.
func privileged(u *unit.Unit) bool {
	if userManager262(u) {
		return false
	}
	s := &u.Settings
	return isRoot(s.User.Value) || s.User.Value == "" && !s.DynamicUser.Value
}

// userManager262: until 261 every unit of the user manager was judged as if it
// ran as root.
func userManager262(u *unit.Unit) bool { return u.Scope == unit.User && u.Version >= 262 }

func isRoot(user string) bool { return user == "root" || user == "0" }

func userBadness(u *unit.Unit, nobody string) uint64 {
	s := &u.Settings
	name := s.User.Value
	switch {
	case name == nobody:
		return 9
	case userManager262(u), s.DynamicUser.Value && !isRoot(name), name != "" && !isRoot(name):
		return 0
	}
	return 10
}

func boolSetting(s *unit.Settings, name string) *unit.Setting[bool] {
	switch name {
	case "PrivateDevices":
		return &s.PrivateDevices
	case "PrivateNetwork":
		return &s.PrivateNetwork
	case "ProtectKernelModules":
		return &s.ProtectKernelModules
	case "ProtectKernelTunables":
		return &s.ProtectKernelTunables
	case "ProtectKernelLogs":
		return &s.ProtectKernelLogs
	case "ProtectClock":
		return &s.ProtectClock
	case "LockPersonality":
		return &s.LockPersonality
	case "MemoryDenyWriteExecute":
		return &s.MemoryDenyWriteExecute
	case "NoNewPrivileges":
		return &s.NoNewPrivileges
	case "Delegate":
		return &s.Delegate
	case "RestrictRealtime":
		return &s.RestrictRealtime
	}
	return &s.RestrictSUIDSGID
}

func wordSetting(s *unit.Settings, name string) *unit.Setting[string] {
	switch name {
	case "PrivateTmp":
		return &s.PrivateTmp
	case "PrivateUsers":
		return &s.PrivateUsers
	case "ProtectControlGroups":
		return &s.ProtectControlGroups
	case "ProtectHome":
		return &s.ProtectHome
	case "ProtectHostname":
		return &s.ProtectHostname
	case "ProtectSystem":
		return &s.ProtectSystem
	case "KeyringMode":
		return &s.KeyringMode
	case "ProtectProc":
		return &s.ProtectProc
	case "ProcSubset":
		return &s.ProcSubset
	}
	return &s.NotifyAccess
}

func wordBadness(setting, value string) uint64 {
	switch setting + "=" + value {
	case "ProtectHome=no", "ProtectSystem=no":
		return 10
	case "ProtectHome=read-only", "ProtectSystem=yes":
		return 5
	case "ProtectSystem=full", "ProtectProc=default":
		return 3
	case "ProtectHome=tmpfs", "ProtectProc=noaccess", "ProcSubset=all", "NotifyAccess=all",
		"PrivateTmp=no", "PrivateUsers=no", "ProtectControlGroups=no", "ProtectHostname=no",
		"KeyringMode=inherit", "KeyringMode=shared":
		return 1
	}
	return 0
}

// umaskBadness judges the worst permission that new files may get.
func umaskBadness(mask uint32) uint64 {
	switch {
	case mask&0o002 == 0:
		return 10
	case mask&0o004 == 0:
		return 5
	case mask&0o020 == 0:
		return 2
	case mask&0o040 == 0:
		return 1
	}
	return 0
}

func namespaceBit(name string) unit.NamespaceSet {
	switch name {
	case "user":
		return unit.NamespaceUser
	case "mnt":
		return unit.NamespaceMount
	case "ipc":
		return unit.NamespaceIPC
	case "pid":
		return unit.NamespacePID
	case "cgroup":
		return unit.NamespaceCgroup
	case "net":
		return unit.NamespaceNet
	}
	return unit.NamespaceUTS
}

// familyBad judges one bucket of address families; no families means all that
// have no bucket. Denying one family of a bucket counts as denying it.
func familyBad(f *unit.FamilyFilter, families []string) bool {
	listed := slices.ContainsFunc(f.Families, func(name string) bool {
		if families != nil {
			return slices.Contains(families, name)
		}
		switch name {
		case "AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET":
			return false
		}
		return true
	})
	return listed == f.Allow
}

// addressBadness judges the address filters of the unit.
func addressBadness(s *unit.Settings, v *verdict) uint64 {
	about(v, &s.IPAddressDeny)
	about(v, &s.IPAddressAllow)
	about(v, &s.IPIngressFilterPath)
	about(v, &s.IPEgressFilterPath)
	if len(s.IPIngressFilterPath.Value) > 0 || len(s.IPEgressFilterPath.Value) > 0 {
		return 0
	}
	var any4, any6 bool
	for _, p := range s.IPAddressDeny.Value {
		if p.Bits() == 0 {
			any4 = any4 || p.Addr().Is4()
			any6 = any6 || p.Addr().Is6()
		}
	}
	if !any4 || !any6 {
		return 10
	}
	var badness uint64
	for _, p := range s.IPAddressAllow.Value {
		if !p.Addr().IsLoopback() {
			return 5
		}
		badness = 2
	}
	return badness
}
