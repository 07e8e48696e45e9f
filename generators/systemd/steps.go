package systemd

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
)

var _ generators.Controller = Generator{}

// Detect reports whether systemd runs as the service manager, by the test of
// sd_booted(3): a systemctl binary alone says nothing (containers, chroots,
// WSL). In the user scope it reports whether the user's manager answers.
func (Generator) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "systemd", Scope: scope}
	if !h.Exists("/run/systemd/system") {
		return t, false
	}
	out, err := h.Run(ctx, []string{"systemctl", "--version"})
	if err != nil || out.Code != 0 {
		return t, false
	}
	version, ok := parseVersion(out.Stdout)
	if !ok {
		return t, false
	}
	t.Version = version
	if scope == generators.User {
		out, err := h.Run(ctx, []string{"systemctl", "--user", "show", "--property=Version"})
		if err != nil || out.Code != 0 {
			return t, false
		}
	}
	if h.Exists("/etc/redhat-release") {
		t.Family = generators.RedHat
	}
	return t, true
}

// parseVersion reads the first line of systemctl --version, such as
// "systemd 252 (252.39-1~deb12u2)", "systemd 257.1" or "systemd 258~rc1".
func parseVersion(out string) (generators.Version, bool) {
	rest, ok := strings.CutPrefix(out, "systemd ")
	n := 0
	for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
		n++
	}
	major, err := strconv.ParseUint(rest[:n], 10, 16)
	if !ok || err != nil || major == 0 {
		return 0, false
	}
	return generators.Version(major) * generators.Major, true
}

// systemctl is the command line of a verb.
func systemctl(t generators.Target, args ...string) []string {
	argv := make([]string, 0, len(args)+2)
	argv = append(argv, "systemctl")
	if t.Scope == generators.User {
		argv = append(argv, "--user")
	}
	return append(argv, args...)
}

// Steps returns the change that op needs. Enabling and starting are separate
// steps: enable --now is only of 220, and of the two one may be unwanted.
func (Generator) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	if op == generators.Uninstall {
		return uninstallSteps(b)
	}
	var steps []generators.Step
	for i := range b.Artifacts {
		a := &b.Artifacts[i]
		steps = append(steps, generators.Step{Verb: generators.WriteFile, Path: a.Path, Artifact: a})
	}
	// The files are named without directory, so that the tools find them below
	// --root as well.
	for _, a := range b.Artifacts {
		switch path.Dir(a.Path) {
		case "/etc/sysusers.d":
			steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: []string{"systemd-sysusers", path.Base(a.Path)}})
		case "/etc/tmpfiles.d":
			steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: []string{"systemd-tmpfiles", "--create", path.Base(a.Path)}})
		}
	}
	steps = append(steps, generators.Step{Verb: generators.Reload, Argv: systemctl(b.Target, "daemon-reload"), Live: true})
	for _, j := range b.Jobs {
		if j.Enable {
			steps = append(steps, generators.Step{Verb: generators.Enable, Job: j.Name, Argv: systemctl(b.Target, "enable", j.Name)})
		}
	}
	for _, j := range b.Jobs {
		if op == generators.Upgrade {
			// A service that only its socket or timer starts is left to them.
			steps = append(steps,
				generators.Step{Verb: generators.Restart, Job: j.Name, Argv: systemctl(b.Target, "try-restart", j.Name), Live: true})
		}
		if j.Start && op == generators.Install {
			steps = append(steps, generators.Step{Verb: generators.Start, Job: j.Name, Argv: systemctl(b.Target, "start", j.Name), Live: true})
		}
		if j.Start {
			steps = append(steps, generators.Step{Verb: generators.Verify, Job: j.Name, Argv: systemctl(b.Target, "is-active", "--quiet", j.Name), Live: true})
		}
	}
	return steps
}

// uninstallSteps ends the jobs in the order in which nothing can start them
// again: what triggers the service first.
func uninstallSteps(b generators.Bundle) []generators.Step {
	var steps []generators.Step
	for _, j := range b.Jobs {
		steps = append(steps,
			generators.Step{Verb: generators.Disable, Job: j.Name, Argv: systemctl(b.Target, "disable", j.Name), Optional: true},
			generators.Step{Verb: generators.Stop, Job: j.Name, Argv: systemctl(b.Target, "stop", j.Name), Live: true})
	}
	if unit, ok := connections(b); ok {
		steps = append(steps, generators.Step{Verb: generators.Stop, Argv: systemctl(b.Target, "stop", unit), Live: true, Optional: true})
	}
	for _, j := range b.Jobs {
		// The stamp of Persistent= outlives the unit; only a known unit can be
		// cleaned (systemd.timer(5)). clean is of 243, for timers of 247.
		if path.Ext(j.Name) == ".timer" && b.Target.Version >= 247*generators.Major {
			steps = append(steps, generators.Step{Verb: generators.Clean, Job: j.Name, Argv: systemctl(b.Target, "clean", "--what=state", j.Name), Optional: true, Live: true})
		}
	}
	for _, a := range b.Artifacts {
		steps = append(steps, generators.Step{Verb: generators.RemoveFile, Path: a.Path})
	}
	steps = append(steps, generators.Step{Verb: generators.Reload, Argv: systemctl(b.Target, "daemon-reload"), Live: true})
	for _, j := range b.Jobs {
		// Fails for a unit that is not loaded any more, which is what is wanted.
		steps = append(steps, generators.Step{Verb: generators.Clean, Job: j.Name, Argv: systemctl(b.Target, "reset-failed", j.Name), Optional: true, Live: true})
	}
	for _, a := range b.Artifacts {
		// A health check that the stop interrupted has failed; nobody starts it
		// by name, so it is no job. The pattern is for instances.
		if unit, ok := strings.CutSuffix(path.Base(a.Path), ".service"); ok && strings.HasSuffix(strings.TrimSuffix(unit, "@"), "-health") {
			if strings.HasSuffix(unit, "@") {
				unit += "*"
			}
			steps = append(steps, generators.Step{Verb: generators.Clean, Argv: systemctl(b.Target, "reset-failed", unit+".service"), Optional: true, Live: true})
		}
	}
	return steps
}

// connections returns a pattern for the instances that an accepting socket
// started, which are no jobs of the bundle.
func connections(b generators.Bundle) (string, bool) {
	template := b.Daemon + "@.service"
	found := false
	for _, a := range b.Artifacts {
		found = found || path.Base(a.Path) == template
	}
	for _, j := range b.Jobs {
		if strings.HasPrefix(j.Name, b.Daemon+"@") {
			return "", false
		}
	}
	return b.Daemon + "@*.service", found
}

// properties are what Status asks for, in one call.
const properties = "LoadState,ActiveState,SubState,Result,MainPID,ExecMainStatus,NRestarts,UnitFileState"

// Status asks systemd about a unit. An unknown unit is inactive.
func (Generator) Status(ctx context.Context, h generators.Host, t generators.Target, job string) (generators.Status, error) {
	out, err := h.Run(ctx, systemctl(t, "show", "--property="+properties, job))
	if err != nil {
		return generators.Status{}, fmt.Errorf("cannot ask systemd about %s: %w", job, err)
	}
	if out.Code != 0 {
		return generators.Status{}, fmt.Errorf("cannot ask systemd about %s: %s", job, strings.TrimSpace(out.Stderr))
	}
	return parseStatus(job, out.Stdout), nil
}

// parseStatus reads KEY=VALUE lines, which come in any order.
func parseStatus(job, show string) generators.Status {
	var load, active, sub, result, status string
	s := generators.Status{Job: job, State: generators.Unknown}
	for l := range strings.Lines(show) {
		key, value, _ := strings.Cut(strings.TrimRight(l, "\n"), "=")
		switch key {
		case "LoadState":
			load = value
		case "ActiveState":
			active = value
		case "SubState":
			sub = value
		case "Result":
			result = value
		case "ExecMainStatus":
			status = value
		case "MainPID":
			s.PID, _ = strconv.Atoi(value)
		case "NRestarts":
			s.Restarts, _ = strconv.Atoi(value)
		case "UnitFileState":
			s.Enabled = value == "enabled" || value == "enabled-runtime" || value == "alias"
		}
	}
	s.Detail = sub
	switch active {
	case "active", "reloading", "refreshing":
		s.State = generators.Active
	case "activating":
		s.State = generators.Starting
		if sub == "auto-restart" || sub == "auto-restart-queued" {
			s.Reason = reason(result, status)
		}
	case "deactivating":
		s.State = generators.Stopping
	case "inactive":
		s.State = generators.Inactive
		if load == "not-found" {
			s.Detail = load
		}
	case "failed":
		s.State = generators.Failed
		s.Reason = reason(result, status)
	}
	return s
}

// reason puts Result= (systemd.exec(5), $SERVICE_RESULT) into words.
func reason(result, status string) string {
	switch result {
	case "", "success":
		return ""
	case "exit-code":
		if n, err := strconv.Atoi(status); err == nil {
			if why := exitReason(n); why != "" {
				return why
			}
		}
		if status == "" || status == "0" { // of the main process
			return "a command before or after the program failed"
		}
		return "exited with code " + status
	case "signal":
		return "ended by signal " + status
	case "core-dump":
		return "dumped core on signal " + status
	case "timeout":
		return "took longer than its time limit"
	case "watchdog":
		return "sent no keep-alive message in time"
	case "start-limit-hit":
		return "was started too often"
	case "resources":
		return "systemd lacked a resource to start it"
	case "protocol":
		return "did not do what its type promises"
	case "oom-kill":
		return "was killed for lack of memory"
	case "exec-condition":
		return "was skipped by a condition"
	}
	return result
}

// exitReason names the codes with which systemd itself ends a process that it
// could not set up (systemd.exec(5), "Process Exit Codes").
func exitReason(code int) string {
	switch code {
	case 200:
		return "the working directory cannot be entered"
	case 203:
		return "the program cannot be executed"
	case 208, 209, 222:
		return "an input or output cannot be set up"
	case 216:
		return "the group cannot be taken on"
	case 217:
		return "the user cannot be taken on"
	case 218:
		return "the capabilities cannot be set"
	case 224:
		return "the PAM session cannot be set up"
	case 225, 226:
		return "the namespaces cannot be set up"
	case 227:
		return "no_new_privileges cannot be set"
	case 228:
		return "the system call filter cannot be set"
	case 229:
		return "the SELinux context cannot be set"
	case 231:
		return "the AppArmor profile cannot be set"
	case 233, 238, 239, 240, 241:
		return "a directory of the service cannot be made"
	case 243:
		return "the credentials cannot be set up"
	}
	return ""
}
