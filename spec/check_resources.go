package spec

import (
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// resources checks limits and scheduling.
func (c *checker) resources() {
	l := &c.Limits
	type level struct {
		id   field.ID
		size Size
	}
	levels := [...]level{
		{field.LimitsMemoryMin, l.MemoryMin}, {field.LimitsMemoryLow, l.MemoryLow},
		{field.LimitsMemoryHigh, l.MemoryHigh}, {field.LimitsMemory, l.Memory},
	}
	// Each is compared with the next one that is given, so that one mistake is reported once.
	last := -1
	for i, lv := range levels {
		if !c.IsSet(lv.id) {
			continue
		}
		// min above low is pointless but harmless, and so common that it is left alone.
		if last >= 0 && levels[last].size > lv.size && i > 1 {
			low, high := levels[last], lv
			c.warn(diag.MemoryOrder, low.id.String(), low.id.String()+" "+low.size.String()+" is above "+high.id.String()+" "+high.size.String(),
				"the lower limit is never reached or never met", "make it the smaller one", also{high.id.String(), high.id.String() + " is given here"})
		}
		last = i
	}

	s := &c.Scheduling
	realtime := s.Policy == "fifo" || s.Policy == "rr"
	policy := also{"scheduling.policy", "the policy is given here"}
	switch {
	case realtime && s.Priority == 0:
		c.fail(diag.RealtimePriority, "scheduling.policy", "policy "+s.Policy+" without priority", "the kernel refuses priority 0 for it (sched(7))", "add priority: 1 (lowest) to 99")
	case !realtime && s.Priority != 0:
		c.fail(diag.RealtimePriority, "scheduling.priority", "priority without a realtime policy", "the kernel refuses a priority for any other (sched(7))",
			"use nice, or set policy: rr", policy)
	}
	if c.IsSet(field.SchedulingIOPriority) && (s.IOClass == "idle" || s.IOClass == "none") {
		c.warn(diag.SchedulingUnused, "scheduling.io_priority", "io_priority has no effect in class "+s.IOClass, "only realtime and best-effort have priorities (ioprio_set(2))",
			"remove it, or use io_class: best-effort", also{"scheduling.io_class", "the class is given here"})
	}
	if realtime && c.IsSet(field.SchedulingNice) {
		c.warn(diag.SchedulingUnused, "scheduling.nice", "nice has no effect under policy "+s.Policy, "realtime policies go by priority (sched(7))", "remove it", policy)
	}
	numa := also{"scheduling.numa_policy", "the policy is given here"}
	switch {
	case (s.NUMAPolicy == "bind" || s.NUMAPolicy == "interleave") && s.NUMAMask == "":
		c.fail(diag.NUMANodes, "scheduling.numa_policy", "numa_policy "+s.NUMAPolicy+" without numa_mask", "the kernel refuses it without nodes (set_mempolicy(2))", "add numa_mask")
	case (s.NUMAPolicy == "default" || s.NUMAPolicy == "local") && s.NUMAMask != "":
		c.warn(diag.SchedulingUnused, "scheduling.numa_mask", "numa_mask has no effect under numa_policy "+s.NUMAPolicy, "", "remove it", numa)
	}
}
