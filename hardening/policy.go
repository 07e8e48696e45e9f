package hardening

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Policy is a security policy: weights and ranges that differ from the
// built-in ones, by the JSON field of the check.
type Policy struct {
	rules map[string]rule
}

type rule struct {
	Weight *uint64 `json:"weight"`
	Range  *uint64 `json:"range"`
}

// policyPaths is the list of PolicyPaths.
var policyPaths = [...]string{
	"etc/systemd/systemd-analyze-security.policy",
	"run/systemd/systemd-analyze-security.policy",
	"usr/local/lib/systemd/systemd-analyze-security.policy",
	"usr/lib/systemd/systemd-analyze-security.policy",
}

// PolicyPaths returns the places where the real program looks for a policy
// when none is given, the most important first, as paths of a root tree.
func PolicyPaths() []string { return slices.Clone(policyPaths[:]) }

// ParsePolicy reads a policy: a JSON object whose keys are JSON fields of
// checks and whose values have weight and range. A range of 0, or one below a
// badness that the check can have, makes the real program abort, so it is an
// error here. Unknown checks are an error too: they would have no effect.
func ParsePolicy(src []byte) (*Policy, error) {
	p := &Policy{}
	if err := json.Unmarshal(src, &p.rules); err != nil {
		return nil, fmt.Errorf("cannot read the security policy: %w", err)
	}
	keys := make([]string, 0, len(p.rules))
	for k := range p.rules {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		i := slices.IndexFunc(checks[:], func(c check) bool { return c.key == k })
		if i < 0 {
			return nil, fmt.Errorf("cannot use the security policy: there is no check %q", k)
		}
		r := p.rules[k]
		if r.Range != nil && *r.Range < checks[i].rng {
			return nil, fmt.Errorf("cannot use the security policy: the range of %q is %d, but its badness goes up to %d", k, *r.Range, checks[i].rng)
		}
		// Keeps every product of the formula within 64 bits.
		if r.Weight != nil && *r.Weight > math.MaxInt32 || r.Range != nil && *r.Range > math.MaxInt32 {
			return nil, fmt.Errorf("cannot use the security policy: a number of %q is too large", k)
		}
	}
	return p, nil
}

func (p *Policy) apply(r *Row) {
	rule, ok := p.rules[r.JSONField]
	if !ok {
		return
	}
	if rule.Weight != nil {
		r.Weight = *rule.Weight
	}
	if rule.Range != nil {
		r.Range = *rule.Range
	}
}
