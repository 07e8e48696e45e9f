package systemd

import (
	"math"
	"strconv"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// limits writes resource limits: of a process (setrlimit(2)) and of the
// control group (systemd.resource-control(5)).
func (r *renderer) limits() {
	l := &r.d.Limits
	r.rlimit(serviceLimitCPU, field.LimitsCPU, l.CPU)
	r.rlimit(serviceLimitFSIZE, field.LimitsFsize, l.Fsize)
	r.rlimit(serviceLimitDATA, field.LimitsData, l.Data)
	r.rlimit(serviceLimitSTACK, field.LimitsStack, l.Stack)
	r.rlimit(serviceLimitCORE, field.LimitsCore, l.Core)
	r.rlimit(serviceLimitRSS, field.LimitsRSS, l.RSS)
	r.rlimit(serviceLimitNOFILE, field.LimitsNofile, l.Nofile)
	r.rlimit(serviceLimitAS, field.LimitsAS, l.AS)
	r.rlimit(serviceLimitNPROC, field.LimitsNproc, l.Nproc)
	r.rlimit(serviceLimitMEMLOCK, field.LimitsMemlock, l.Memlock)
	r.rlimit(serviceLimitLOCKS, field.LimitsLocks, l.Locks)
	r.rlimit(serviceLimitSIGPENDING, field.LimitsSigpending, l.Sigpending)
	r.rlimit(serviceLimitMSGQUEUE, field.LimitsMsgqueue, l.Msgqueue)
	r.rlimit(serviceLimitNICE, field.LimitsNice, l.Nice)
	r.rlimit(serviceLimitRTPRIO, field.LimitsRtprio, l.Rtprio)
	r.rlimit(serviceLimitRTTIME, field.LimitsRttime, l.Rttime)

	memory := serviceMemoryMax
	if !r.at(231) {
		memory = serviceMemoryLimit // the name in the old hierarchy (NEWS 231)
	}
	r.bytes(memory, field.LimitsMemory, l.Memory)
	r.bytes(serviceMemoryHigh, field.LimitsMemoryHigh, l.MemoryHigh)
	r.bytes(serviceMemoryLow, field.LimitsMemoryLow, l.MemoryLow)
	r.bytes(serviceMemoryMin, field.LimitsMemoryMin, l.MemoryMin)
	r.bytes(serviceMemorySwapMax, field.LimitsSwap, l.Swap)
	r.bytes(serviceMemoryZSwapMax, field.LimitsZswap, l.Zswap)
	if r.set(field.LimitsCPUs) {
		r.cpuQuota(l.CPUs)
	}
	if r.set(field.LimitsCPUWeight) {
		if r.at(232) {
			r.number(serviceCPUWeight, l.CPUWeight)
		} else { // shares of 1024 for weights of 100, as systemd converts them (src/core/cgroup.c)
			r.number(serviceCPUShares, min(max(l.CPUWeight*1024/100, 2), 262144))
		}
	}
	if l.Cpuset != "" {
		r.plain(serviceAllowedCPUs, l.Cpuset)
	}
	if l.MemoryNodes != "" {
		r.plain(serviceAllowedMemoryNodes, l.MemoryNodes)
	}
	if r.set(field.LimitsPids) {
		r.count(serviceTasksMax, l.Pids)
	}
	if r.set(field.LimitsIOWeight) {
		if r.at(230) {
			r.number(serviceIOWeight, l.IOWeight)
		} else { // block I/O weights of 500 for weights of 100, as systemd converts them (src/core/cgroup.c)
			r.number(serviceBlockIOWeight, min(max(l.IOWeight*5, 10), 1000))
		}
	}
	read, write := serviceIOReadBandwidthMax, serviceIOWriteBandwidthMax
	if !r.at(230) {
		read, write = serviceBlockIOReadBandwidth, serviceBlockIOWriteBandwidth
	}
	r.devices(read, field.LimitsIOReadBandwidth, l.IOReadBandwidth)
	r.devices(write, field.LimitsIOWriteBandwidth, l.IOWriteBandwidth)
	r.devices(serviceIOReadIOPSMax, field.LimitsIOReadIOPS, l.IOReadIOPS)
	r.devices(serviceIOWriteIOPSMax, field.LimitsIOWriteIOPS, l.IOWriteIOPS)
}

func (r *renderer) rlimit(d directive, id field.ID, v spec.Rlimit) {
	if !r.set(id) {
		return
	}
	if v.Soft != v.Hard && !r.at(228) {
		r.lose(id, id.String(), generators.Approximate, "before 228 a limit has one value, and the soft one serves as both")
		v.Hard = v.Soft
	}
	r.plain(d, v.String())
}

func (r *renderer) bytes(d directive, id field.ID, v spec.Size) {
	if r.set(id) {
		r.size(d, v)
	}
}

// cpuQuota writes processors as a percentage. It takes fractions of a percent
// only since 248 (parse_permyriad); a smaller one is rounded up to what the
// target can say.
func (r *renderer) cpuQuota(cpus float64) {
	percent := cpus * 100
	if r.at(248) {
		percent = math.Round(percent*100) / 100
	} else {
		percent = math.Max(math.Round(percent), 1)
	}
	r.plain(serviceCPUQuota, strconv.FormatFloat(percent, 'f', -1, 64)+"%")
}

// devices writes limits by device. The suffixes of these values are to the
// base 1000 (systemd.resource-control(5)), so the number is written out.
func (r *renderer) devices(d directive, id field.ID, limits []spec.DeviceLimit) {
	for _, l := range limits {
		start, ok := r.begin(d)
		if !ok {
			return
		}
		p := place{id.String(), -1, ""}
		if hasControl(l.Device) {
			r.refuse(p, "systemd has no way to write control characters in this setting", "write it without them")
			continue
		}
		r.buf = r.word(r.buf, l.Device)
		r.buf = append(r.buf, ' ')
		if l.Limit == spec.NoSize {
			r.buf = append(r.buf, "infinity"...)
		} else {
			r.buf = strconv.AppendInt(r.buf, int64(l.Limit), 10)
		}
		r.end(d, start, p)
	}
}

// scheduling writes the place of the process among others.
func (r *renderer) scheduling() {
	s := &r.d.Scheduling
	if r.set(field.SchedulingNice) {
		r.number(serviceNice, s.Nice)
		if r.user && s.Nice < 0 {
			r.lose(field.SchedulingNice, "scheduling.nice", generators.Approximate, "an unprivileged manager can raise the priority only as far as its own limit (RLIMIT_NICE) allows")
		}
	}
	if s.Policy != "" {
		r.plain(serviceCPUSchedulingPolicy, s.Policy)
		if r.user && (s.Policy == "fifo" || s.Policy == "rr") {
			r.lose(field.SchedulingPolicy, "scheduling.policy", generators.Approximate, "an unprivileged manager gets realtime scheduling only within its own limit (RLIMIT_RTPRIO), and the service fails otherwise")
		}
	}
	if r.set(field.SchedulingPriority) {
		r.number(serviceCPUSchedulingPriority, s.Priority)
	}
	if r.set(field.SchedulingResetOnFork) {
		r.flag(serviceCPUSchedulingResetOnFork, s.ResetOnFork)
	}
	if s.IOClass != "" {
		r.plain(serviceIOSchedulingClass, s.IOClass)
		if r.user && s.IOClass == "realtime" {
			r.lose(field.SchedulingIOClass, "scheduling.io_class", generators.Approximate, "the realtime class needs privileges that an unprivileged manager lacks")
		}
	}
	if r.set(field.SchedulingIOPriority) {
		r.number(serviceIOSchedulingPriority, s.IOPriority)
	}
	if len(s.CPUAffinity) > 0 {
		if start, ok := r.begin(serviceCPUAffinity); ok {
			for i, cpu := range s.CPUAffinity {
				if i > 0 {
					r.buf = append(r.buf, ' ')
				}
				r.buf = strconv.AppendInt(r.buf, int64(cpu), 10)
			}
			r.end(serviceCPUAffinity, start, at(field.SchedulingCPUAffinity))
		}
	}
	if s.NUMAPolicy != "" {
		r.plain(serviceNUMAPolicy, s.NUMAPolicy)
	}
	if s.NUMAMask != "" {
		r.plain(serviceNUMAMask, s.NUMAMask)
	}
	if r.set(field.SchedulingOOMScoreAdjust) {
		r.number(serviceOOMScoreAdjust, s.OOMScoreAdjust)
	}
	if s.OOMPolicy != "" {
		r.plain(serviceOOMPolicy, s.OOMPolicy)
	}
	if r.set(field.SchedulingTimerSlack) {
		r.duration(serviceTimerSlackNSec, s.TimerSlack)
	}
}
