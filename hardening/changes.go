package hardening

import (
	"cmp"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
)

// Change is one directive, and what the score would be with it.
type Change struct {
	// Setting is the directive: CapabilityBoundingSet.
	Setting string
	// Lines are the assignments to add to the unit, or to a drop-in, in this
	// order. They replace what was there before. NAME and /DIR stand for what
	// only the owner of the service knows.
	Lines []string
	// Fixes are the checks that it makes pass: indices of [Result.Rows].
	Fixes []int
	// Note says what to look at before.
	Note string
	// Exposure is the total with this change alone, Gain how much lower that
	// is. Both are rounded as the program prints them, so a change that helps
	// may have a gain of 0.
	Exposure, Gain Exposure

	proposal int // its index
}

// how is what a change does to the rows.
type how uint8

const (
	fixRow       how = iota // the row of that name passes
	fixRows                 // all rows of the setting pass
	fixUser                 // an unprivileged user
	fixDynamic              // and what DynamicUser= implies
	fixDevices              // PrivateDevices=
	fixPolicy               // DevicePolicy=
	fixClock                // ProtectClock=
	fixRowAndCap            // and the row of one capability, named by cap
	fixFamilies             // all address families but those of common programs
)

// proposal is a directive that makes checks pass. The lines reset lists before
// they set them, because assignments to a list add up.
type proposal struct {
	how     how
	setting string // also the JSON field of its row, where it has one row
	lines   []string
	cap     string // fixRowAndCap
	note    string
}

const onlyThese = "only what it needs; everything else fails with an error in its log"

// proposals is in the order of the table of checks, which decides between
// equals.
var proposals = [...]proposal{
	{fixUser, "User", []string{"User=NAME"}, "", "a user of its own; it must own what the service writes"},
	{fixDynamic, "DynamicUser", []string{"User=", "DynamicUser=yes"}, "", "data must be in StateDirectory=, CacheDirectory= or LogsDirectory="},
	{fixRow, "SupplementaryGroups", []string{"SupplementaryGroups="}, "", "unless it reads files of these groups"},
	{fixDevices, "PrivateDevices", []string{"PrivateDevices=yes"}, "", "unless it uses a device: GPU, serial line, /dev/kvm, /dev/net/tun"},
	{fixRow, "PrivateMounts", []string{"PrivateMounts=yes"}, "", "unless its mounts are for others"},
	{fixRow, "PrivateNetwork", []string{"PrivateNetwork=yes"}, "", "only when it needs no network at all, not even localhost"},
	{fixRow, "PrivateTmp", []string{"PrivateTmp=yes"}, "", "unless it hands over files or sockets in /tmp"},
	{fixRow, "PrivateUsers", []string{"PrivateUsers=yes"}, "", "only with User= and without capabilities"},
	{fixRow, "ProtectControlGroups", []string{"ProtectControlGroups=yes"}, "", "unless it manages containers"},
	{fixRowAndCap, "ProtectKernelModules", []string{"ProtectKernelModules=yes"}, "CapabilityBoundingSet_CAP_SYS_MODULE", "unless it loads kernel modules"},
	{fixRow, "ProtectKernelTunables", []string{"ProtectKernelTunables=yes"}, "", "unless it writes to /proc/sys or /sys"},
	{fixRowAndCap, "ProtectKernelLogs", []string{"ProtectKernelLogs=yes"}, "CapabilityBoundingSet_CAP_SYSLOG", "unless it reads the kernel log"},
	{fixClock, "ProtectClock", []string{"ProtectClock=yes"}, "", "unless it sets the time"},
	{fixRow, "ProtectHome", []string{"ProtectHome=yes"}, "", "unless it needs /home, /root or /run/user"},
	{fixRow, "ProtectHostname", []string{"ProtectHostname=yes"}, "", "unless it sets or follows the host name"},
	{fixRow, "ProtectSystem", []string{"ProtectSystem=strict"}, "", "with StateDirectory= or ReadWritePaths= for what it writes"},
	{fixRow, "RootDirectoryOrRootImage", []string{"RootDirectory=/DIR"}, "", "needs a root file system of its own"},
	{fixRow, "LockPersonality", []string{"LockPersonality=yes"}, "", "unless it runs programs of another system"},
	{fixRow, "MemoryDenyWriteExecute", []string{"MemoryDenyWriteExecute=yes"}, "", "breaks programs that compile at run time: node, java, luajit, .NET"},
	{fixRow, "NoNewPrivileges", []string{"NoNewPrivileges=yes"}, "", "unless it calls sudo, sendmail or another setuid program"},
	{fixRows, "CapabilityBoundingSet", []string{"CapabilityBoundingSet="}, "", onlyThese},
	{fixRow, "UMask", []string{"UMask=0077"}, "", "unless others read its files or sockets"},
	{fixRow, "KeyringMode", []string{"KeyringMode=private"}, "", "unless it shares a keyring: Kerberos, cifs"},
	{fixRow, "ProtectProc", []string{"ProtectProc=invisible"}, "", "unless it watches processes of others"},
	{fixRow, "ProcSubset", []string{"ProcSubset=pid"}, "", "hides /proc/meminfo, cpuinfo and sys; seldom worth it"},
	{fixRow, "NotifyAccess", []string{"NotifyAccess=main"}, "", "unless a child reports that it is ready"},
	{fixRow, "RemoveIPC", []string{"RemoveIPC=yes"}, "", "unless the user is shared with another service"},
	{fixRow, "Delegate", []string{"Delegate=no"}, "", "unless it manages control groups"},
	{fixRow, "RestrictRealtime", []string{"RestrictRealtime=yes"}, "", "unless it needs real-time scheduling"},
	{fixRow, "RestrictSUIDSGID", []string{"RestrictSUIDSGID=yes"}, "", "unless it sets setuid or setgid bits"},
	{fixRows, "RestrictNamespaces", []string{"RestrictNamespaces=yes"}, "", "unless it makes containers or sandboxes: browsers, podman, bwrap"},
	{fixFamilies, "RestrictAddressFamilies", nil, "", "add AF_NETLINK when it lists network interfaces"},
	{fixRows, "RestrictAddressFamilies", []string{"RestrictAddressFamilies=", "RestrictAddressFamilies=none"}, "", "only when it opens no socket, not even to the system log"},
	{fixRow, "SystemCallArchitectures", []string{"SystemCallArchitectures=", "SystemCallArchitectures=native"}, "", "unless it runs 32-bit programs"},
	{fixRows, "SystemCallFilter", []string{"SystemCallFilter=", "SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources", "SystemCallErrorNumber=EPERM"}, "",
		"with User=; keep @privileged for programs that drop root themselves, @resources for databases"},
	{fixRow, "IPAddressDeny", []string{"IPAddressAllow=", "IPAddressDeny=any"}, "", "list its peers with IPAddressAllow=; that scores less"},
	{fixPolicy, "DevicePolicy", []string{"DevicePolicy=closed", "DeviceAllow="}, "", "list the devices it needs with DeviceAllow=; that scores less"},
	{fixRow, "AmbientCapabilities", []string{"AmbientCapabilities="}, "", "unless it needs them: CAP_NET_BIND_SERVICE for a port below 1024"},
}

// standing is the part of the rows that changes act on.
type standing struct {
	rows    []Row // as they were
	badness []uint64
	applies []bool
}

func (r *Result) standing() standing {
	s := standing{r.Rows, make([]uint64, len(r.Rows)), make([]bool, len(r.Rows))}
	for i := range r.Rows {
		s.badness[i], s.applies[i] = r.Rows[i].Badness, r.Rows[i].Applies
	}
	return s
}

// score returns the two sums of the total.
func (s *standing) score() (bad, weights uint64) {
	for i := range s.rows {
		if r := &s.rows[i]; s.applies[i] {
			bad += divUp(s.badness[i]*r.Weight, r.Range)
			weights += r.Weight
		}
	}
	return bad, weights
}

func total(bad, weights uint64) Exposure {
	if weights == 0 {
		return 0
	}
	return Exposure(divUp(bad*100, weights))
}

// at returns the index of the row with that JSON field, or -1.
func (s *standing) at(field string) int {
	return slices.IndexFunc(s.rows, func(r Row) bool { return r.JSONField == field })
}

// put gives a row that badness.
func (s *standing) put(field string, badness uint64) {
	if i := s.at(field); i >= 0 {
		s.badness[i] = min(badness, s.rows[i].Range)
	}
}

func (s *standing) passes(field string) bool {
	i := s.at(field)
	return i >= 0 && s.badness[i] == 0
}

// unprivileged makes the checks apply that are not for root (privileged).
func (s *standing) unprivileged() {
	s.put("UserOrDynamicUser", 0)
	for _, field := range []string{"SupplementaryGroups", "RemoveIPC"} {
		if i := s.at(field); i >= 0 {
			s.applies[i] = s.rows[i].Weight > 0
		}
	}
}

// enforce puts a device policy in force that permits nothing but the listed
// entries and those that other settings add.
func (s *standing) enforce(keepListed bool) {
	i := s.at("DeviceAllow")
	if i < 0 {
		return
	}
	switch row := &s.rows[i]; {
	case row.added, row.listed && keepListed, s.passes("ProtectClock"):
		s.put("DeviceAllow", 5)
	default:
		s.put("DeviceAllow", 0)
	}
}

// families are those that a usual server may keep, in the order in which they
// are written.
var families = [...]struct{ field, words string }{
	{"RestrictAddressFamilies_AF_UNIX", "AF_UNIX"},
	{"RestrictAddressFamilies_AF_INET_INET6", "AF_INET AF_INET6"},
}

// apply does to the rows what the directive would do.
func (s *standing) apply(p *proposal) {
	switch p.how {
	case fixRow:
		s.put(p.setting, 0)
	case fixRows, fixFamilies:
		for i := range s.rows {
			keep := p.how == fixFamilies && (s.rows[i].JSONField == families[0].field || s.rows[i].JSONField == families[1].field)
			if s.rows[i].Setting == p.setting && !keep {
				s.badness[i] = 0
			}
		}
	case fixUser:
		s.unprivileged()
	case fixDynamic:
		s.unprivileged()
		for _, field := range []string{"RemoveIPC", "NoNewPrivileges", "RestrictSUIDSGID", "PrivateTmp", "ProtectSystem"} {
			s.put(field, 0)
		}
		if i := s.at("ProtectHome"); i >= 0 {
			s.put("ProtectHome", min(s.badness[i], 5)) // read-only
		}
	case fixDevices:
		s.put("PrivateDevices", 0)
		s.put("CapabilityBoundingSet_CAP_MKNOD", 0)
		s.put("CapabilityBoundingSet_CAP_SYS_RAWIO", 0)
		if i := s.at("DeviceAllow"); i >= 0 && s.badness[i] > 5 { // auto becomes closed
			s.enforce(true)
		}
	case fixPolicy:
		s.enforce(false)
	case fixClock:
		s.put("ProtectClock", 0)
		s.put("CapabilityBoundingSet_CAP_SYS_TIME", 0)
		s.put("CapabilityBoundingSet_CAP_WAKE_ALARM", 0)
		// The clock is a device: it is added to a list in force.
		if s.passes("DeviceAllow") {
			s.put("DeviceAllow", 5)
		}
	case fixRowAndCap:
		s.put(p.setting, 0)
		s.put(p.cap, 0)
	}
}

// Changes returns, best first, the directives that would lower the score, each
// with the total that the program would print with it. They are alternatives:
// two of them may fix the same check; [Result.With] says what several do
// together. Units without a score have none.
//
// Whether a service still works with a change is not known here. A manager may
// refuse DynamicUser= in a unit with WorkingDirectory=~ or PrivateUsers=managed.
func (r *Result) Changes() []Change {
	if r.Exposure == nil {
		return nil
	}
	type ranked struct {
		Change

		bad, weights uint64
	}
	before := r.standing()
	bad, weights := before.score()
	var found []ranked
	for i := range proposals {
		p := &proposals[i]
		if r.Scope == unit.User && (p.how == fixUser || p.how == fixDynamic) {
			continue // a user's manager cannot change the user
		}
		after := r.standing()
		after.apply(p)
		b, w := after.score()
		if b*weights >= bad*w {
			continue
		}
		c := Change{Setting: p.setting, Lines: p.lines, Note: p.note, Exposure: total(b, w), proposal: i}
		switch p.how {
		case fixFamilies:
			c.Lines = after.familyLines()
		case fixDynamic:
			// The name of the unit becomes the name of the user.
			if name := prefix(r.Unit); name == "root" || name == "nobody" {
				continue
			}
		case fixRow: // RootDirectoryOrRootImage
			c.Setting, _, _ = strings.Cut(p.lines[len(p.lines)-1], "=")
		default:
		}
		c.Lines = needed(c.Lines, r.Rows, c.Setting)
		// Of two ways to use a setting the weaker one comes first; the stronger
		// one is for those who have taken it.
		if slices.ContainsFunc(found, func(f ranked) bool { return f.Setting == c.Setting }) {
			continue
		}
		for j := range r.Rows {
			if before.applies[j] && before.badness[j] > after.badness[j] && after.badness[j] == 0 {
				c.Fixes = append(c.Fixes, j)
			}
		}
		c.Gain = *r.Exposure - min(*r.Exposure, c.Exposure)
		found = append(found, ranked{c, b, w})
	}
	slices.SortStableFunc(found, func(a, b ranked) int { return cmp.Compare(a.bad*b.weights, b.bad*a.weights) })
	changes := make([]Change, len(found))
	for i := range found {
		changes[i] = found[i].Change
	}
	return changes
}

// Best returns the n changes that lower the score most when they are made one
// after the other. Exposure and Gain count from the change before, so each
// Exposure is the total with all changes up to here. There are fewer than n
// when nothing else helps.
func (r *Result) Best(n int) []Change {
	changes := r.Changes()
	var chosen []Change
	for len(chosen) < n && len(changes) > 0 {
		bad, weights := r.with(chosen)
		at, leastBad, itsWeights := -1, bad, weights
		for i := range changes {
			if b, w := r.with(append(chosen, changes[i])); b*itsWeights < leastBad*w {
				at, leastBad, itsWeights = i, b, w
			}
		}
		if at < 0 {
			break
		}
		c, before := changes[at], total(bad, weights)
		c.Exposure = total(leastBad, itsWeights)
		c.Gain = before - min(before, c.Exposure)
		chosen = append(chosen, c)
		changes = slices.Delete(changes, at, at+1)
	}
	return chosen
}

// needed leaves out lines that reset what no line of the unit has set. A reset
// that is the change itself stays.
func needed(lines []string, rows []Row, setting string) []string {
	if setting == "IPAddressDeny" {
		setting = "IPAddressAllow" // its row goes by that name
	}
	isSet := slices.ContainsFunc(rows, func(r Row) bool {
		return (r.Setting == setting || r.Setting == "User" && setting == "DynamicUser") && len(r.From) > 0
	})
	if isSet || len(lines) == 1 {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasSuffix(l, "=") })
}

// With returns the total with all of these changes, which are some of
// [Result.Changes]; 0 for a unit without a score.
func (r *Result) With(changes ...Change) Exposure { return total(r.with(changes)) }

func (r *Result) with(changes []Change) (bad, weights uint64) {
	s := r.standing()
	// Devices last: what they come to depends on the clock.
	for _, devices := range []bool{false, true} {
		for _, c := range changes {
			if p := &proposals[c.proposal]; devices == (p.how == fixDevices || p.how == fixPolicy) {
				s.apply(p)
			}
		}
	}
	return s.score()
}

// familyLines permits the usual families as far as they were permitted.
func (s *standing) familyLines() []string {
	var words []string
	for _, f := range families {
		if !s.passes(f.field) {
			words = append(words, f.words)
		}
	}
	if words == nil {
		words = []string{"none"}
	}
	const key = "RestrictAddressFamilies="
	return []string{key, key + strings.Join(words, " ")}
}

// prefix is the name of a unit up to the instance or the suffix.
func prefix(name string) string {
	if before, _, ok := strings.Cut(name, "@"); ok {
		return before
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i]
	}
	return name
}
