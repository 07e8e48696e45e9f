package rule

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
)

// staysUp reports whether a unit is a service that runs for long.
func (c *check) staysUp() bool {
	return c.Unit != nil && c.Unit.Type() == "service" && !c.Facts.Oneshot && c.Facts.Main() != nil
}

func noMemoryLimit(c *check) {
	if !c.staysUp() {
		return
	}
	for _, key := range [...]string{"MemoryMax", "MemoryHigh", "MemoryLimit", "LimitAS", "Slice"} {
		if _, ok := c.get(key); ok {
			return
		}
	}
	if cmd := c.Facts.Main(); cmd != nil {
		c.hit(cmd.At, cmd.Key, "nothing bounds the memory of the service")
	}
}

func noTaskLimit(c *check) {
	if c.Unit == nil {
		return
	}
	if a, ok := c.get("TasksMax"); ok && a.Value == "infinity" {
		c.hit(a.Origin, a.Key, "TasksMax=infinity lets the service use up the process numbers of the machine")
	}
}

func coreDumps(c *check) {
	if c.Unit == nil {
		return
	}
	if a, ok := c.get("LimitCORE"); ok && strings.HasPrefix(a.Value, "infinity") {
		c.hit(a.Origin, a.Key, "LimitCORE=infinity writes the whole memory to disk when the service crashes, secrets included")
	}
}

// seconds reads a time span as systemd does; numbers without a unit are
// seconds.
func seconds(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "infinity" {
		return 1e18, true
	}
	total := 0.0
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if n < 0 {
			n = len(s)
		}
		v, err := strconv.ParseFloat(s[:n], 64)
		if err != nil {
			return 0, false
		}
		s = strings.TrimLeft(s[n:], " ")
		end := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' || r == ' ' })
		if end < 0 {
			end = len(s)
		}
		i := slices.IndexFunc(spans[:], func(u span) bool { return u.name == s[:end] })
		if i < 0 {
			return 0, false
		}
		total += v * spans[i].seconds
		s = strings.TrimLeft(s[end:], " ")
	}
	return total, true
}

type span struct {
	name    string
	seconds float64
}

var spans = [...]span{
	{"", 1}, {"s", 1}, {"sec", 1}, {"second", 1}, {"seconds", 1}, {"ms", 1e-3}, {"msec", 1e-3}, {"us", 1e-6}, {"usec", 1e-6},
	{"m", 60}, {"min", 60}, {"minute", 60}, {"minutes", 60}, {"h", 3600}, {"hr", 3600}, {"hour", 3600}, {"hours", 3600},
	{"d", 86400}, {"day", 86400}, {"days", 86400}, {"w", 604800}, {"week", 604800}, {"weeks", 604800},
}

// restarts describes how a service is restarted.
type restarts struct {
	at                     unit.Assignment
	delay, interval, burst float64
	steps                  bool
}

func (c *check) restarts() (r restarts, ok bool) {
	if c.Unit == nil || c.Unit.Type() != "service" {
		return r, false
	}
	r.at, ok = c.get("Restart")
	if !ok || !isOneOf("always on-failure on-abnormal on-abort on-watchdog on-success", r.at.Value) {
		return r, false
	}
	r.delay, r.interval, r.burst = 0.1, 10, 5 // system.conf(5)
	if a, ok := c.get("RestartSec"); ok {
		r.delay, _ = seconds(a.Value)
	}
	_, r.steps = c.get("RestartSteps")
	for i := range c.Unit.Assignments {
		a := &c.Unit.Assignments[i]
		if a.Skipped != "" || a.Section != "Unit" && a.Section != "Service" {
			continue
		}
		switch a.Key {
		case "StartLimitIntervalSec", "StartLimitInterval":
			if v, ok := seconds(a.Value); ok && a.Value != "" {
				r.interval = v
			}
		case "StartLimitBurst":
			if v, err := strconv.ParseFloat(a.Value, 64); err == nil {
				r.burst = v
			}
		}
	}
	return r, true
}

func restartLoop(c *check) {
	r, ok := c.restarts()
	if ok && (r.interval == 0 || r.burst == 0) && r.delay < 1 && !r.steps {
		c.hit(r.at.Origin, r.at.Key, "a service that fails at once is restarted for ever, "+strconv.FormatFloat(max(1, min(1/max(r.delay, 0.001), 1000)), 'f', 0, 64)+" times a second")
	}
	if f := c.Facts.Loop; f.Value != "" {
		c.hit(f.At, f.Key, f.Value)
	}
}

func limitNeverTrips(c *check) {
	r, ok := c.restarts()
	if !ok || r.interval == 0 || r.burst == 0 || r.delay < 1 || r.steps || r.interval == 10 && r.burst == 5 {
		return // the defaults with a delay are what most units have, on purpose
	}
	if r.delay*r.burst >= r.interval && r.interval < 1e17 {
		c.hit(r.at.Origin, r.at.Key, "the start limit is never reached, because "+strconv.FormatFloat(r.burst, 'f', 0, 64)+
			" restarts take longer than the interval in which they count")
	}
}

func leftBehind(c *check) {
	if c.Unit == nil {
		return
	}
	if a, ok := c.get("KillMode"); ok && a.Value == "none" {
		c.hit(a.Origin, a.Key, "KillMode=none leaves processes of the service running without supervision")
	}
	if a, ok := c.get("SendSIGKILL"); ok && !enabled(a.Value) {
		c.hit(a.Origin, a.Key, "SendSIGKILL=no lets processes that ignore the stop signal run on")
	}
}

func neverKilled(c *check) {
	if c.Unit == nil {
		return
	}
	a, ok := c.get("OOMScoreAdjust")
	if !ok || a.Value != "-1000" {
		return
	}
	for _, key := range [...]string{"MemoryMax", "MemoryLimit"} {
		if _, ok := c.get(key); ok {
			return
		}
	}
	c.hit(a.Origin, a.Key, "the kernel never kills the service for lack of memory, and nothing bounds what it takes")
}
