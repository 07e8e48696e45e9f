package sysvinit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/initscript"
)

// Detect implements [generators.Controller]: SysVinit is PID 1 where systemd
// and OpenRC are not, and there are /etc/inittab and /etc/init.d. Programs
// such as update-rc.d say nothing: systemd's hosts have them too.
func (backend) Detect(ctx context.Context, h generators.Host, scope generators.Scope) (generators.Target, bool) {
	t := generators.Target{Backend: "sysvinit", Scope: scope}
	switch {
	case scope != generators.System,
		h.Exists("/run/systemd/system"), h.Exists("/run/openrc"),
		!h.Exists("/etc/inittab"), !h.Exists("/etc/init.d"):
		return t, false
	}
	if comm, err := h.ReadFile("/proc/1/comm"); err == nil && strings.TrimSpace(string(comm)) != "init" {
		return t, false
	}
	if h.Exists("/etc/redhat-release") || h.Exists("/etc/sysconfig") && !h.Exists("/etc/default") {
		t.Family = generators.RedHat
	}
	t.Version = backend{}.Info().Oldest
	// "SysV init version: 3.06"; before 2.89 init knows no such option.
	if r, err := h.Run(ctx, []string{"/sbin/init", "--version"}); err == nil {
		if _, v, ok := strings.Cut(r.Stdout+r.Stderr, "version: "); ok {
			v, _, _ = strings.Cut(v, "\n")
			v, _, _ = strings.Cut(strings.TrimSpace(v), " ")
			if version, ok := generators.ParseVersion(strings.TrimSuffix(v, "-")); ok {
				t.Version = version
			}
		}
	}
	return t, true
}

// Steps implements [generators.Controller].
func (backend) Steps(b generators.Bundle, op generators.Op) []generators.Step {
	redhat := b.Target.Family == generators.RedHat
	var steps []generators.Step
	run := func(verb generators.Verb, job string, optional bool, argv ...string) {
		steps = append(steps, generators.Step{Verb: verb, Job: job, Argv: argv, Optional: optional, Live: true})
	}
	if op == generators.Uninstall {
		for _, j := range slices.Backward(b.Jobs) {
			run(generators.Stop, j.Name, false, "/etc/init.d/"+j.Name, "stop")
			if redhat { // chkconfig needs the script to find the links
				run(generators.Disable, j.Name, false, "chkconfig", "--del", j.Name)
			}
		}
		for i := range b.Artifacts {
			steps = append(steps, generators.Step{Verb: generators.RemoveFile, Path: b.Artifacts[i].Path})
		}
		for _, j := range b.Jobs {
			if !redhat { // update-rc.d refuses while the script is there
				run(generators.Disable, j.Name, false, "update-rc.d", j.Name, "remove")
			}
			run(generators.Clean, j.Name, false, "rm", "-rf", "/run/daemonize/"+j.Name)
		}
		return steps
	}
	for _, a := range b.Accounts {
		steps = append(steps, generators.Step{Verb: generators.MakeUser, Argv: chain.MakeAccount(a)})
	}
	for i := range b.Artifacts {
		steps = append(steps, generators.Step{Verb: generators.WriteFile, Path: b.Artifacts[i].Path, Artifact: &b.Artifacts[i]})
	}
	for _, j := range b.Jobs {
		verb, state := generators.Enable, "on"
		if !j.Enable {
			verb, state = generators.Disable, "off"
		}
		switch {
		case !redhat && !atBoot(b, j.Name):
			// update-rc.d refuses a script without runlevels.
			run(generators.Disable, j.Name, true, "update-rc.d", "-f", j.Name, "remove")
		case redhat:
			run(verb, j.Name, false, "chkconfig", "--add", j.Name)
			run(verb, j.Name, false, "chkconfig", j.Name, state)
		case j.Enable:
			// Links that exist are left as they are, so a changed header needs both.
			run(verb, j.Name, true, "update-rc.d", "-f", j.Name, "remove")
			run(verb, j.Name, false, "update-rc.d", j.Name, "defaults")
		default:
			run(verb, j.Name, true, "update-rc.d", "-f", j.Name, "remove")
			run(verb, j.Name, false, "update-rc.d", j.Name, "defaults-disabled")
		}
	}
	for _, j := range b.Jobs {
		switch {
		case op == generators.Upgrade:
			run(generators.Restart, j.Name, false, "service", j.Name, "restart")
		case j.Start:
			run(generators.Start, j.Name, false, "service", j.Name, "start")
		default:
			continue
		}
		// There is no step to verify: start returns when the service is up.
	}
	return steps
}

// atBoot reports whether the header of a job's script names runlevels to start
// in: that of a job with timers does not.
func atBoot(b generators.Bundle, job string) bool {
	for _, a := range b.Artifacts {
		if a.Path != "/etc/init.d/"+job {
			continue
		}
		for l := range strings.Lines(string(a.Content)) {
			if levels, ok := strings.CutPrefix(l, "# Default-Start:"); ok {
				return strings.TrimSpace(levels) != ""
			}
		}
	}
	return true
}

// Status implements [generators.Controller] by asking the script.
func (backend) Status(ctx context.Context, h generators.Host, _ generators.Target, job string) (generators.Status, error) {
	s := generators.Status{Job: job, State: generators.Unknown}
	script := "/etc/init.d/" + job
	if !h.Exists(script) {
		s.State = generators.Inactive
		return s, nil
	}
	r, err := h.Run(ctx, []string{script, "status"})
	if err != nil {
		return s, fmt.Errorf("cannot ask about %s: %w", job, err)
	}
	initscript.ParseStatus(&s, r)
	links, err := h.Run(ctx, []string{"find", "-H", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d", "/etc/rcS.d", "-name", "S[0-9][0-9]" + job})
	if err != nil {
		return s, fmt.Errorf("cannot look for the links of %s: %w", job, err)
	}
	s.Enabled = strings.TrimSpace(links.Stdout) != ""
	return s, nil
}

// Registered reports whether a script has links in the directories of runlevels,
// be they to start or to stop it.
func (backend) Registered(ctx context.Context, h generators.Host, job string) (bool, error) {
	dirs := []string{"find", "-H"}
	for _, level := range []string{"0", "1", "2", "3", "4", "5", "6", "S"} {
		dirs = append(dirs, "/etc/rc"+level+".d")
	}
	links, err := h.Run(ctx, append(dirs, "-name", "[SK][0-9][0-9]"+job))
	if err != nil {
		return false, fmt.Errorf("cannot look for the links of %s: %w", job, err)
	}
	return strings.TrimSpace(links.Stdout) != "", nil
}
