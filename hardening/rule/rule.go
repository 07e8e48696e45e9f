// Package rule finds what the exposure score does not see: services that run
// as root without need, secrets in plain sight, files that the wrong account
// can change, settings that have no effect.
//
// A [Subject] is one service of any manager, read by package audit. Its
// [Facts] are what all managers have in common (commands, accounts, files,
// addresses), so most rules hold for all of them; the others look at a loaded
// unit, or at a spec and what its target cannot do. A rule fires only on
// evidence that it can name. Rules never look at the machine they run on: what
// lies on disk is known only if the subject has a [Tree].
package rule

import (
	"cmp"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// Rule is one thing that an audit looks for. IDs are never reused.
type Rule struct {
	ID        string // for example H001
	Severity  string // one of the severities of package hardening
	Title     string // lower case, no full stop
	Reason    string // why it matters, in sentences
	Fix       string // what to do, in sentences
	Reference string // manual page or CWE

	check func(*check)
}

// Rules returns all rules in the order of their IDs.
func Rules() []Rule { return slices.Clone(rules[:]) }

// Lookup returns the rule with that ID, in any case.
func Lookup(id string) (Rule, bool) {
	i := slices.IndexFunc(rules[:], func(r Rule) bool { return strings.EqualFold(r.ID, id) })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// Subject is one service of one manager.
type Subject struct {
	Name    string
	Backend string      // systemd, launchd, supervisord, sysvinit
	At      unit.Origin // where its description begins: the place of what is missing in it
	Facts   Facts

	// Unit is the loaded unit; nil for other managers.
	Unit *unit.Unit
	// Related loads another unit of the same tree; nil when there is none.
	Related func(name string) *unit.Unit
	// Spec is the daemon from which the subject was made, and what its target
	// cannot do; nil for native files.
	Spec *Spec
	// Tree is the file system that the service will find; nil when it is not
	// known, and then no rule asks for it.
	Tree *Tree
}

// Spec is a daemon for one target.
type Spec struct {
	Daemon *spec.Daemon
	Target string    // for example launchd@842
	Losses diag.List // what generators.Render reports about the target
	// Security reports whether a field protects.
	Security func(path string) bool
}

// Hit is one finding.
type Hit struct {
	Rule    *Rule
	Message string // lower case, no full stop; never holds a secret
	At      unit.Origin
	Key     string // the native setting it is about, such as ExecStart; may be empty
	Fix     string // what to do here; empty when the rule's own fix says it
	// Suppressed is the reason for which the finding does not count.
	Suppressed string
}

// check is a rule at work on a subject.
type check struct {
	*Subject
	rule *Rule
	hits *[]Hit
}

func (c *check) hit(at unit.Origin, key, message string) { c.mend(at, key, message, "") }

func (c *check) mend(at unit.Origin, key, message, fix string) {
	if at.File == "" {
		at = c.At
	}
	*c.hits = append(*c.hits, Hit{Rule: c.rule, Message: message, At: at, Key: key, Fix: fix})
}

// Check applies all rules to a subject. Hits come in the order of their
// places.
func Check(s *Subject) []Hit {
	var hits []Hit
	c := check{Subject: s, hits: &hits}
	for i := range rules {
		c.rule = &rules[i]
		c.rule.check(&c)
	}
	Sort(hits)
	return slices.CompactFunc(hits, func(a, b Hit) bool { return a == b })
}

// Sort puts hits in the order of their places.
func Sort(hits []Hit) {
	slices.SortStableFunc(hits, func(a, b Hit) int {
		return cmp.Or(
			strings.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column),
			strings.Compare(a.Rule.ID, b.Rule.ID), strings.Compare(a.Message, b.Message),
		)
	})
}

// Short names for the table.
const (
	info     = hardening.SeverityInfo
	low      = hardening.SeverityLow
	medium   = hardening.SeverityMedium
	high     = hardening.SeverityHigh
	critical = hardening.SeverityCritical
)
