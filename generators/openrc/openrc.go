package openrc

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/crond"
	"github.com/daemonize/daemonize/internal/initscript"
	"github.com/daemonize/daemonize/internal/logrotate"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// New returns the backend. It is a [generators.Operator], too.
func New() generators.Generator { return backend{} }

type backend struct{}

// Info describes OpenRC 0.40 (2018, Alpine 3.9) to 0.62.
func (backend) Info() generators.Info {
	return generators.Info{
		Name: "openrc", Title: "OpenRC", Platforms: []string{"linux"}, Docs: "https://github.com/OpenRC/openrc/blob/master/service-script-guide.md",
		Default: 0*generators.Major + 45, Oldest: 0*generators.Major + 40, Newest: 0*generators.Major + 62,
	}
}

// Support returns the capability table.
func (backend) Support() *generators.Table { return &table }

func script(job string) string { return "/etc/init.d/" + job }

func confd(job string) string { return "/etc/conf.d/" + job }

// system says what package initscript's files are called here. zap resets a
// service to stopped without running anything (openrc-run(8)).
var system = initscript.System{
	Script:      script,
	Environment: func(job string) string { return confd(job) + ".env" },
	Other:       other,
	Ended:       func(job string) []string { return []string{"rc-service", "--quiet", job, "zap"} },
}

// Generate implements [generators.Generator].
func (backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	r := &renderer{d: d, t: t, diags: append(initscript.Problems(d, t), chain.Problems(d, t)...)}
	if t.Scope == generators.User {
		r.refuse("name", "services of users came with OpenRC 0.60, and have neither users nor limits to set", "render for the system scope and set user")
	}
	instances := d.Instances
	if len(instances) == 0 {
		instances = []string{""}
	}
	var timers []crond.Job
	var logs []string
	for _, instance := range instances {
		w := initscript.New(d, instance, &system)
		r.job(w)
		timers = append(timers, crond.Job{Name: w.Name, Argv: []string{"/sbin/rc-service", "--quiet", w.Name, "start"}})
		logs = append(logs, supervise.LogFiles(w.Daemon)...)
		supervise.AddAccount(&r.bundle, w.Daemon)
	}
	if d.Install.Enable { // a file in cron.d is what is enabled about a timer
		r.diags = append(r.diags, crond.Render(chain.Resolve(d, ""), t, &r.bundle, timers)...)
	}
	if len(logs) > 0 && d.Logging.Rotate.Size > 0 {
		slices.Sort(logs)
		snippet, err := logrotate.Snippet(slices.Compact(logs), d.Logging.Rotate)
		if err != nil {
			r.refuse("logging.rotate", err.Error(), "rename the log file, or remove rotate")
		}
		r.bundle.Add(logrotate.Path(d.Name), 0o644, snippet)
	}
	return r.bundle, r.diags
}

// renderer renders one daemon.
type renderer struct {
	d      *spec.Daemon // with references
	t      generators.Target
	bundle generators.Bundle
	diags  diag.List
}

func (r *renderer) add(g diag.Diagnostic) {
	// Instances have the same problems.
	if !slices.ContainsFunc(r.diags, func(o diag.Diagnostic) bool { return o.Path == g.Path && o.Detail == g.Detail }) {
		r.diags = append(r.diags, g)
	}
}

func (r *renderer) refuse(path, why, fix string) {
	r.add(generators.Refuse(r.d, r.t, path, why, fix))
}

// job adds one copy of the daemon.
func (r *renderer) job(w *initscript.Job) {
	control, others := w.Scripts("#!/bin/sh\n# Starts, stops and looks after " + w.Name + ", for " + script(w.Name) + ".\n")
	r.bundle.Add(w.Lib("control"), 0o755, control)
	r.bundle.Artifacts = append(r.bundle.Artifacts, others...)
	r.bundle.Add(script(w.Name), 0o755, r.service(w))
	var variables string
	if limits := cgroup(w.Daemon); limits != "" {
		variables = "rc_cgroup_settings=\"" + limits + "\"\n"
	}
	if variables += r.overrides(); variables != "" {
		r.bundle.Add(confd(w.Name), 0o644, []byte("# Variables of "+script(w.Name)+". Written by daemonize; changes are lost at the next install.\n"+variables))
	}
	atBoot := len(w.Daemon.Timers) == 0
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: w.Name, Enable: w.Daemon.Install.Enable && atBoot, Start: w.Daemon.Install.Start && atBoot})
}

// service returns the service script. Words in it are those of depend, which
// other checks, and the description.
func (r *renderer) service(w *initscript.Job) []byte {
	d := w.Daemon
	control := shell.Quote(w.Lib("control"))
	var b supervise.Writer
	b.Line("#!/sbin/openrc-run", "# Written by daemonize; changes are lost at the next install.")
	for _, uri := range d.Documentation {
		b.Line("# See " + spec.Display(uri))
	}
	b.Line("")
	text := d.Description
	if text == "" {
		text = w.Name
	}
	b.Assign("description", text)
	reloads := d.Reload.Signal != "" || len(d.Reload.Command) > 0 || d.Type == "notify-reload"
	if reloads {
		b.Line("extra_started_commands=reload", "description_reload='Reads its configuration again'")
	}
	b.Function("depend", r.depend(d))
	b.Function("start", []string{
		control + " start || return",
		"if ! " + control + " status >/dev/null; then",
		// It is done, or a condition does not hold. openrc-run marks as started
		// whatever start returned well from (openrc-run.c, svc_start_real), so
		// that has to be waited for.
		`	setsid sh -c 'n=0; until [ -e "$1" ] || [ $((n += 1)) -gt 600 ]; do sleep 0.1; done; exec rc-service --quiet "$2" zap' sh "$RC_SVCDIR/started/$RC_SVCNAME" "$RC_SVCNAME" </dev/null >/dev/null 2>&1 &`,
		"fi",
	})
	b.Function("stop", []string{control + " stop"})
	b.Function("status", []string{control + " status"})
	if reloads {
		b.Function("reload", []string{control + " reload"})
	}
	return b.Bytes()
}

// facility returns the name by which OpenRC knows a unit: a virtual service for
// the well-known targets, else the script's own name. It is empty for what it has not.
func facility(unit string) string {
	switch unit {
	case "network.target", "network-online.target", "network-pre.target":
		return "net"
	case "local-fs.target":
		return "localmount"
	case "remote-fs.target":
		return "netmount"
	case "nss-lookup.target":
		return "dns"
	case "time-sync.target":
		return "clock"
	case "syslog.target", "syslog.socket", "syslog.service":
		return "logger"
	}
	return other(unit)
}

// other returns the name of the script of a unit.
func other(unit string) string {
	name := strings.TrimSuffix(unit, ".service")
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '+' {
			return ""
		}
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		switch name[i+1:] {
		case "target", "socket", "mount", "automount", "swap", "timer", "path", "device", "slice", "scope":
			return ""
		}
	}
	return name
}

// names returns what OpenRC calls the units and reports those that it has not.
func (r *renderer) names(id field.ID, units []string, known func(string) string) []string {
	var out []string
	for i, u := range units {
		name := known(u)
		switch path := id.String() + "[" + strconv.Itoa(i) + "]"; {
		case name != "":
			out = append(out, name)
		case strings.ContainsAny(u, `:\@`):
			r.refuse(path, "the names of service scripts here have only letters, digits, -, _, + and .", "name the script, without instance")
		default:
			r.add(generators.Lose(r.d, r.t, id, path, generators.Unsupported, "OpenRC has service scripts only, and none for "+strconv.Quote(u)))
		}
	}
	return out
}

// depend returns the body of depend(). It runs when the cache of dependencies
// is made, so it holds words only (openrc-run(8)).
func (r *renderer) depend(d *spec.Daemon) []string {
	dep := &d.DependsOn
	// What is not in depend is checked here, too.
	r.names(field.DependsOnConflicts, dep.Conflicts, other)
	r.names(field.DependsOnOnFailure, dep.OnFailure, other)
	r.names(field.DependsOnOnSuccess, dep.OnSuccess, other)
	var body []string
	line := func(word string, names ...string) {
		slices.Sort(names)
		if names = slices.Compact(names); len(names) > 0 {
			body = append(body, word+" "+shell.Join(names))
		}
	}
	need := r.names(field.DependsOnRequires, dep.Requires, facility)
	line("need", append(need, r.names(field.DependsOnBindsTo, dep.BindsTo, facility)...)...)
	line("want", r.names(field.DependsOnWants, dep.Wants, facility)...)
	after := []string{"bootmisc", "logger", "net", "netmount"}
	if dep.NetworkOnline {
		after = append(after, "dns")
	}
	after = append(after, r.names(field.DependsOnAfter, dep.After, facility)...)
	line("after", append(after, r.names(field.DependsOnRequisite, dep.Requisite, facility)...)...)
	line("before", r.names(field.DependsOnBefore, dep.Before, facility)...)
	return body
}

// cgroup returns the settings of cgroup v2 (rc.conf, rc_cgroup_settings): a
// file of the group and its value on each line.
func cgroup(d *spec.Daemon) string {
	l := &d.Limits
	var b strings.Builder
	set := func(id field.ID, file, value string) {
		if d.IsSet(id) {
			b.WriteString("\n" + file + " " + value)
		}
	}
	size := func(id field.ID, file string, s spec.Size) {
		if s == spec.NoSize {
			set(id, file, "max")
		} else {
			set(id, file, strconv.FormatInt(int64(s), 10))
		}
	}
	size(field.LimitsMemory, "memory.max", l.Memory)
	size(field.LimitsMemoryHigh, "memory.high", l.MemoryHigh)
	size(field.LimitsMemoryLow, "memory.low", l.MemoryLow)
	size(field.LimitsMemoryMin, "memory.min", l.MemoryMin)
	size(field.LimitsSwap, "memory.swap.max", l.Swap)
	size(field.LimitsZswap, "memory.zswap.max", l.Zswap)
	// Microseconds of processor time in each period of a tenth of a second.
	set(field.LimitsCPUs, "cpu.max", strconv.FormatInt(max(int64(math.Round(l.CPUs*100_000)), 1000), 10)+" 100000")
	set(field.LimitsCPUWeight, "cpu.weight", strconv.Itoa(l.CPUWeight))
	set(field.LimitsCpuset, "cpuset.cpus", l.Cpuset)
	set(field.LimitsMemoryNodes, "cpuset.mems", l.MemoryNodes)
	if l.Pids == spec.Unlimited {
		set(field.LimitsPids, "pids.max", "max")
	} else {
		set(field.LimitsPids, "pids.max", strconv.Itoa(l.Pids))
	}
	set(field.LimitsIOWeight, "io.weight", strconv.Itoa(l.IOWeight))
	if b.Len() == 0 {
		return ""
	}
	b.WriteByte('\n')
	return b.String()
}

// overrides returns the native variables of the spec, for the end of the file
// in conf.d. A list is one value with blanks between.
func (r *renderer) overrides() string {
	var b supervise.Writer
	for i := range r.d.Overrides {
		o := &r.d.Overrides[i]
		if o.Backend != "openrc" {
			continue
		}
		path := "overrides.openrc." + strings.Join(o.Keys, ".")
		if len(o.Keys) != 1 || !variable(o.Keys[0]) {
			r.refuse(path, "openrc-run has variables", "write overrides: {openrc: {rc_cgroup_memory: VALUE}}, or another variable")
			continue
		}
		if o.Type == "null" {
			b.Line("unset " + o.Keys[0])
			continue
		}
		b.Assign(o.Keys[0], strings.Join(o.Values, " "))
	}
	return b.String()
}

func variable(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
