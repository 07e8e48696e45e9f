package winsvc

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// Target is what daemons are rendered for. The version is that of the interface
// that is used: Windows 6.1 brought virtual accounts, and failure actions for
// services that report an error (6.0).
func Target() generators.Target { return generators.Target{Backend: "windows", Version: oldest} }

const oldest = 6*generators.Major + 1

// Services maps a daemon to services, one for each instance. What they do not
// honour is in the list, judged as for every backend; if it holds errors there
// are no services. drive is that of the system, such as C:.
func Services(d *spec.Daemon, drive string, p generators.Policy) ([]Wanted, diag.List) {
	var services []Wanted
	_, diags := generators.Render(backend{drive, &services}, d, Target(), p)
	for i := range services {
		w := &services[i]
		if len(d.Command) == 0 {
			diags = append(diags, generators.Refuse(d, Target(), "shell", "Windows has no POSIX shell, and none is a service", "give a command"))
		}
		if !passwordless(w.Account) {
			diags = append(diags, generators.Refuse(d, Target(), "user", "the account "+w.Account+" has a password, which a spec cannot hold",
				"use LocalService, NetworkService or "+w.Name+" (the virtual account of the service), or a managed account in overrides: {windows: {account: 'DOMAIN\\name$'}}"))
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return services, diags
}

// passwordless reports whether the manager can log an account on by itself: the
// three of the system, virtual ones, and those whose passwords Active Directory
// manages, which end in a dollar sign.
func passwordless(account string) bool {
	return account == "LocalSystem" || strings.HasPrefix(account, `NT AUTHORITY\`) || strings.HasPrefix(account, `NT SERVICE\`) || strings.HasSuffix(account, "$")
}

// backend is the generator by which the common code finds losses. Its artifacts
// are the services in JSON, which are never written; services receives them.
type backend struct {
	drive    string
	services *[]Wanted
}

func (backend) Info() generators.Info {
	return generators.Info{
		Name: "windows", Title: "Windows services", Platforms: []string{"windows"},
		Docs:    "https://learn.microsoft.com/en-us/windows/win32/services/service-control-manager",
		Default: oldest, Oldest: oldest, Newest: 10 * generators.Major,
	}
}

func (backend) Support() *generators.Table { return support() }

func (g backend) Generate(d *spec.Daemon, t generators.Target) (generators.Bundle, diag.List) {
	r := renderer{d: d, t: t, drive: g.drive, services: g.services}
	if len(d.Instances) == 0 {
		r.service("")
	}
	for _, instance := range d.Instances {
		r.service(instance)
	}
	r.values()
	return r.bundle, r.diags
}

type renderer struct {
	d      *spec.Daemon
	t      generators.Target
	drive  string
	bundle generators.Bundle
	diags  diag.List

	services *[]Wanted
}

func (r *renderer) refuse(path, why, fix string) {
	if !slices.ContainsFunc(r.diags, func(g diag.Diagnostic) bool { return g.Path == path && g.Detail == why }) {
		r.diags = append(r.diags, generators.Refuse(r.d, r.t, path, why, fix))
	}
}

func (r *renderer) lose(id field.ID, path string, level generators.Level, why string) {
	r.diags = append(r.diags, generators.Lose(r.d, r.t, id, path, level, why))
}

// service adds the service of the daemon, or of one of its instances.
func (r *renderer) service(instance string) {
	d := r.d.Resolve(func(ref spec.Ref) string {
		switch ref {
		case spec.RefInstance:
			return instance
		case spec.RefName:
			return r.d.Name
		}
		return ""
	})
	name := d.Name
	if instance != "" {
		name += "-" + instance
	}
	w := Wanted{
		Service: Service{Name: name, DisplayName: name, Description: d.Description, Account: account(d.User, d.Name, name), Boot: d.Install.Enable},
		Start:   d.Install.Start, StartIn: wait(d.Start.Timeout), StopIn: wait(d.Stop.Timeout),
	}
	r.command(d, &w)
	r.environment(d, &w)
	r.restart(d, &w)
	w.Dependencies = r.dependencies(d)
	r.overrides(d, &w)
	content, err := json.Marshal(w)
	if err != nil {
		r.refuse("name", err.Error(), "report this as a bug")
		return
	}
	*r.services = append(*r.services, w)
	r.bundle.Add("/"+name, 0o600, content)
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: name, Enable: w.Boot, Start: w.Start})
}

// wait is a time to wait for something, a day at most.
func wait(d spec.Duration) time.Duration {
	const day = 24 * time.Hour
	if d == spec.Infinity {
		return day
	}
	return min(time.Duration(d.Seconds())*time.Second, day)
}

// account returns the account that a user means. Only the daemon's own name
// stands for a virtual account, which bears the name of the service.
func account(user, daemon, service string) string {
	switch strings.ToLower(user) {
	case "", "root", "0", "localsystem":
		return "LocalSystem"
	case "localservice":
		return `NT AUTHORITY\LocalService`
	case "networkservice":
		return `NT AUTHORITY\NetworkService`
	case daemon, service:
		return `NT SERVICE\` + service
	}
	return `.\` + user
}

func (r *renderer) command(d *spec.Daemon, w *Wanted) {
	if len(d.Command) == 0 {
		return // Services refuses it
	}
	for _, ref := range [...]spec.Ref{spec.RefRuntimeDir, spec.RefStateDir, spec.RefCacheDir, spec.RefLogsDir, spec.RefConfigDir} {
		if r.d.HasRef(ref) {
			r.refuse("command", "no directories are made on Windows that "+ref.String()+" could stand for", "write the path itself")
		}
	}
	program, why := programPath(d.Command[0], r.drive)
	if why != "" {
		r.refuse("command[0]", why, "rename the program")
		return
	}
	argv := append([]string{program}, d.Command[1:]...)
	w.Program, w.CommandLine = program, commandLine(argv)
	if expands(w.CommandLine) {
		at := "command"
		if i := slices.IndexFunc(d.Command, func(a string) bool { return strings.Contains(a, "%") }); i >= 0 {
			at += "[" + strconv.Itoa(i) + "]"
		}
		r.refuse(at, "the service control manager expands %NAME%, and percent signs cannot be escaped", "have at most one % in the command")
	}
	if tooLong(w.CommandLine) {
		r.refuse("command", "a command line has at most 32766 characters on Windows", "use a configuration file")
	}
}

func (r *renderer) environment(d *spec.Daemon, w *Wanted) {
	for i, v := range d.Environment {
		// Names differ by more than case on Windows, and the list has no order.
		if slices.ContainsFunc(d.Environment[:i], func(o spec.Var) bool { return strings.EqualFold(o.Name, v.Name) }) {
			r.refuse("environment."+v.Name, "Windows does not tell variables apart by case", "rename one of them")
		}
		w.Environment = append(w.Environment, v.Name+"="+v.Value)
	}
}

// restart translates the policy into failure actions. A failure is the end of
// the process without SERVICE_STOPPED being reported and, with the flag for
// "non-crash failures", a report with an error.
func (r *renderer) restart(d *spec.Daemon, w *Wanted) {
	p := &d.Restart
	switch p.Policy {
	case "no":
		return
	case "on-failure":
		w.Stopped = true
	case "on-abnormal": // a crash, as the manager calls it
	case "on-abort", "on-watchdog":
		r.lose(field.RestartPolicy, "restart.policy", generators.Approximate, "the service is restarted whenever its process ends without having stopped")
	default: // always, unless-stopped, on-success
		w.Stopped = true
		r.lose(field.RestartPolicy, "restart.policy", generators.Approximate, "a service that reports that it has stopped well is not restarted")
	}
	const most = 64
	delay := func(n int) time.Duration {
		d := float64(p.Delay)
		if p.Steps > 0 && p.MaxDelay > p.Delay && p.Delay > 0 && p.MaxDelay != spec.Infinity {
			// As systemd: the steps are factors (service_restart_usec_next).
			d *= math.Pow(float64(p.MaxDelay)/d, float64(min(n, p.Steps))/float64(p.Steps))
		}
		return min(time.Duration(d), math.MaxUint32*time.Millisecond).Round(time.Millisecond)
	}
	attempts := p.MaxAttempts
	switch {
	case attempts == spec.Unlimited || attempts == 0 || p.Window == 0: // never gives up
		w.Forever, attempts = true, p.Steps+1
	}
	if attempts > most {
		if !w.Forever {
			r.lose(field.RestartMaxAttempts, "restart.max_attempts", generators.Approximate, "more than "+strconv.Itoa(most)+" attempts are attempts without limit")
		}
		w.Forever, attempts = true, most
	}
	if !w.Forever {
		attempts-- // the first start is no restart
	}
	for n := range attempts {
		w.Restarts = append(w.Restarts, delay(n))
	}
	switch {
	case len(w.Restarts) == 0: // as with no
		w.Stopped = false
	case p.Window == spec.Infinity:
		w.Reset = never
	default:
		w.Reset = min(time.Duration(p.Window.Seconds())*time.Second, never)
	}
}

// never is dwResetPeriod for failures that are not forgotten (INFINITE).
const never = math.MaxUint32 * time.Second

// dependencies returns the services that must run first.
func (r *renderer) dependencies(d *spec.Daemon) []string {
	var all []string
	for _, l := range [...]struct {
		id    field.ID
		names []string
	}{{field.DependsOnRequires, d.DependsOn.Requires}, {field.DependsOnBindsTo, d.DependsOn.BindsTo}, {field.DependsOnRequisite, d.DependsOn.Requisite}} {
		for i, unit := range l.names {
			name := strings.TrimSuffix(unit, ".service")
			if strings.ContainsAny(name, ".@/\\") {
				r.lose(l.id, l.id.String()+"["+strconv.Itoa(i)+"]", generators.Unsupported, unit+" is no service of Windows")
				continue
			}
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

func (r *renderer) overrides(d *spec.Daemon, w *Wanted) {
	for i := range d.Overrides {
		o := &d.Overrides[i]
		if o.Backend != r.t.Backend {
			continue
		}
		key, value := strings.Join(o.Keys, "."), strings.Join(o.Values, ",")
		switch {
		case key == "account" && o.Type == "str" && value != "":
			w.Account = value
		case key == "display_name" && o.Type == "str" && value != "":
			w.DisplayName = value
		case key == "delayed_start" && o.Type == "bool":
			w.Delayed = value == "true" && w.Boot
		default:
			r.refuse("overrides.windows."+key, "the keys are account, display_name (texts) and delayed_start (a boolean)", "remove it")
		}
	}
}

// values reports what depends on the values of fields.
func (r *renderer) values() {
	switch r.d.Type {
	case "forking", "oneshot", "dbus":
		r.lose(field.Type, "type", generators.Unsupported, "a service of Windows is one process that runs and reports to the service control manager")
	}
}
