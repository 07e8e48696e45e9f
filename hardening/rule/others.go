package rule

import (
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec/diag"
)

func unknownKeys(c *check) {
	for _, k := range c.Facts.Unknown {
		fix := ""
		if k.Value != "" {
			fix = "write " + k.Value
		}
		c.mend(k.At, k.Key, c.Backend+" does not know "+clip(k.Key)+", so it has no effect", fix)
	}
}

func retiredKeys(c *check) {
	for _, k := range c.Facts.Retired {
		c.mend(k.At, k.Key, c.Backend+" no longer honours "+k.Key, k.Value)
	}
}

func openControl(c *check) {
	for _, k := range c.Facts.Control {
		c.hit(k.At, k.Key, k.Value)
	}
}

func brokenDescription(c *check) {
	for _, k := range c.Facts.Broken {
		c.hit(k.At, k.Key, k.Value)
	}
}

// origin is the place of a field of the spec.
func (c *check) origin(path string) unit.Origin {
	d := c.Spec.Daemon
	return unit.Origin{File: d.File(), Pos: d.Span(path).Start}
}

func overrides(c *check) {
	if c.Spec == nil {
		return
	}
	backend, _, _ := strings.Cut(c.Spec.Target, "@")
	for i := range c.Spec.Daemon.Overrides {
		o := &c.Spec.Daemon.Overrides[i]
		if o.Backend == backend {
			c.hit(c.origin("overrides."+o.Backend+"."+strings.Join(o.Keys, ".")), "", "the native setting "+strings.Join(o.Keys, ".")+" is written unchecked for "+c.Spec.Target)
		}
	}
}

func weakeningOverride(c *check) {
	if c.Spec == nil || !strings.HasPrefix(c.Spec.Target, "systemd@") {
		return
	}
	for i := range c.Spec.Daemon.Overrides {
		o := &c.Spec.Daemon.Overrides[i]
		if o.Backend != "systemd" || len(o.Keys) != 2 {
			continue
		}
		key, value := o.Keys[1], strings.Join(o.Values, " ")
		bad := o.Type == "null" || value == "" || !enabled(value)
		switch {
		case isOneOf("User Group", key):
			bad = value == "root" || value == "0"
		case key == "Delegate": // costs little and is needed by container managers
			bad = false
		case isOneOf("AmbientCapabilities IPAddressAllow DeviceAllow SupplementaryGroups", key):
			bad = value != "" && enabled(value) && o.Type != "null"
		case isOneOf("CapabilityBoundingSet RestrictAddressFamilies LoadCredential NotifyAccess", key):
			bad = key == "NotifyAccess" && value == "all" || key == "CapabilityBoundingSet" && strings.HasPrefix(value, "~")
		}
		if bad && protective(key) {
			c.hit(c.origin("overrides.systemd."+strings.Join(o.Keys, ".")), key, "the override "+key+"="+clip(value)+" takes protection away")
		}
	}
}

func consents(c *check) {
	if c.Spec == nil {
		return
	}
	backend, _, _ := strings.Cut(c.Spec.Target, "@")
	n := map[string]int{}
	for _, consent := range c.Spec.Daemon.AcceptLoss {
		at := "accept_loss." + consent.Backend + "[" + itoa(n[consent.Backend]) + "]"
		n[consent.Backend]++
		if consent.Backend == backend || consent.Backend == "*" {
			c.hit(c.origin(at), "", "the author accepts that "+c.Spec.Target+" does not honour "+consent.Field)
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// losses visits what the target does not do as asked.
func (c *check) losses(visit func(g *diag.Diagnostic, security bool)) {
	if c.Spec == nil {
		return
	}
	for i := range c.Spec.Losses {
		g := &c.Spec.Losses[i]
		if isOneOf("L001 L002 L003 L005", string(g.Code)) {
			visit(g, c.Spec.Security(g.Path))
		}
	}
}

func (c *check) loss(g *diag.Diagnostic) {
	message := g.Summary
	if g.Detail != "" {
		message += ": " + g.Detail
	}
	c.mend(unit.Origin{File: g.File, Pos: g.Span.Start}, g.Path, message, g.Fix)
	if g.Code == diag.AcceptedLoss {
		(*c.hits)[len(*c.hits)-1].Suppressed = "accepted by accept_loss"
	}
}

func approximate(g *diag.Diagnostic) bool { return strings.Contains(g.Summary, "approximate") }

func securityNotEnforced(c *check) {
	c.losses(func(g *diag.Diagnostic, security bool) {
		if security && !approximate(g) {
			c.loss(g)
		}
	})
}

func notEnforced(c *check) {
	c.losses(func(g *diag.Diagnostic, security bool) {
		if !security && !approximate(g) {
			c.loss(g)
		}
	})
}

func onlyApproximate(c *check) {
	c.losses(func(g *diag.Diagnostic, _ bool) {
		if approximate(g) {
			c.loss(g)
		}
	})
}

func suppressions(c *check) {
	for _, k := range c.Facts.Suppressions {
		c.hit(k.At, "", k.Value)
	}
}
