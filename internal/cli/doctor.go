package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
	"github.com/daemonize/daemonize/internal/preflight"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

func (a *app) doctorCmd() *cobra.Command {
	var f operateFlags
	cmd := &cobra.Command{
		Use:   "doctor [FILE...]",
		Short: "Check this machine, or whether it is ready for daemons",
		Long: `Check this machine: which service managers run, whether services of users outlive
a logout, cgroups and SELinux, and whether everything that daemonize installed is
as it was.

With specs, check whether the machine is ready for their daemons: programs that
do not exist, cannot be executed or are for another processor, missing accounts,
directories and files, files that others could change and root would run,
addresses in use. Nothing is changed.

Install makes the same checks first.

Exit status: 0 all is well, 1 something is wrong with the machine, or a daemon of
the specs could not run on it or would be unsafe, 3 invalid spec.`,
		Example: `  daemonize doctor
  daemonize doctor web.daemon.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.preflight(args, f)
			}
			return a.doctor(f)
		},
	}
	f.add(cmd.Flags())
	return cmd
}

// preflight checks the daemons of specs.
func (a *app) preflight(args []string, f operateFlags) error {
	files, err := inputs(args)
	if err != nil {
		return err
	}
	h, t, release, err := a.look(f)
	if err != nil {
		return err
	}
	defer release()
	var docs []document
	var together []*spec.Daemon
	for _, file := range files {
		doc, err := a.read(file)
		if err != nil {
			return err
		}
		docs = append(docs, doc)
		if !doc.diags.HasErrors() {
			together = append(together, doc.daemons...)
		}
	}
	var all diag.List
	for _, doc := range docs {
		diags := doc.diags
		if !diags.HasErrors() {
			for _, d := range doc.daemons {
				diags = append(diags, preflight.Check(d, together, h, t.Scope)...)
			}
		}
		a.keep(doc, diags)
		a.report(diags)
		all = append(all, diags...)
	}
	if a.output == "json" {
		if err := a.printJSON(struct {
			Version     int       `json:"version"`
			Diagnostics diag.List `json:"diagnostics"`
		}{1, nonNil(all)}); err != nil {
			return err
		}
		return verdict(all)
	}
	if !all.HasErrors() {
		if _, err := fmt.Fprintf(a.Stdout, "this machine is ready for %s%s\n", count(len(together), "daemon"), tally(all)); err != nil {
			return err
		}
	}
	return verdict(all)
}

// finding is one line of what doctor has found.
type finding struct {
	Check   string `json:"check"`
	Level   string `json:"level"` // ok, note, warning or error
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// findings collects them.
type findings []finding

func (l *findings) add(check, level, message, fix string) {
	*l = append(*l, finding{check, level, message, fix})
}

func (a *app) doctor(f operateFlags) error {
	ctx, stop := interruptible()
	defer stop()
	h, t, release, err := a.look(f)
	if err != nil {
		return err
	}
	defer release()
	l := findings{}
	l.add("machine", "ok", fmt.Sprintf("%s/%s, %s scope", runtime.GOOS, runtime.GOARCH, t.Scope), "")
	if t.Scope == generators.System && !h.Privileged() {
		l.add("machine", "note", "not run as root: installing needs it, and not everything can be seen", "sudo daemonize doctor")
	}
	managers(ctx, &l, h, t.Scope)
	if t.Scope == generators.User {
		a.userManager(&l, h)
	}
	kernel(&l, h)
	a.installed(ctx, &l, h, t)

	failed := false
	var out bytes.Buffer
	for _, x := range l {
		failed = failed || x.Level == "error"
		fmt.Fprintf(&out, "%-8s %s: %s\n", x.Level, x.Check, printable(x.Message))
		if x.Fix != "" {
			fmt.Fprintf(&out, "         try: %s\n", x.Fix)
		}
	}
	if a.output == "json" {
		err = a.printJSON(struct {
			Version  int      `json:"version"`
			Findings findings `json:"findings"`
		}{1, l})
	} else {
		_, err = a.Stdout.Write(out.Bytes())
	}
	if err == nil && failed {
		err = &exitError{code: exitFailure}
	}
	return err
}

// managers asks every backend whether its manager runs.
func managers(ctx context.Context, l *findings, h host.Host, scope generators.Scope) {
	running := 0
	var absent []string
	for _, g := range daemonize.Backends() {
		info := g.Info()
		c, ok := g.(generators.Controller)
		if !ok {
			continue
		}
		t, ok := c.Detect(ctx, h, scope)
		switch {
		case !ok:
			absent = append(absent, info.Title)
		case t.Version < info.Oldest:
			running++
			l.add("manager", "warning", fmt.Sprintf("%s runs, older than %s, for which files can be rendered", t, info.Oldest), "")
		default:
			running++
			l.add("manager", "ok", t.String()+" runs", "")
		}
	}
	if len(absent) > 0 {
		l.add("manager", "note", "not running: "+strings.Join(absent, ", "), "")
	}
	if running == 0 {
		l.add("manager", "error", "no service manager runs for the "+scope.String()+" scope", "daemonize install --root DIR prepares a system that does not run")
	}
}

// userManager checks what services of users need.
func (a *app) userManager(l *findings, h host.Host) {
	if runtime.GOOS != "linux" {
		return
	}
	if a.Getenv("XDG_RUNTIME_DIR") == "" {
		l.add("user", "error", "XDG_RUNTIME_DIR is not set, so the user's service manager cannot be found (su and sudo do not set it)", "log in as the user, or XDG_RUNTIME_DIR=/run/user/$(id -u)")
	}
	u, err := user.Current()
	switch {
	case err != nil:
		l.add("user", "warning", "the user cannot be found out: "+err.Error(), "")
	case install.Lingers(h, u.Username):
		l.add("linger", "ok", "services of "+u.Username+" run from boot to shutdown", "")
	default:
		l.add("linger", "warning", "services of "+u.Username+" end with the last session and do not start at boot", "loginctl enable-linger "+u.Username)
	}
}

// kernel tells what limits and sandboxes depend on.
func kernel(l *findings, h host.Host) {
	if runtime.GOOS != "linux" {
		return
	}
	switch c, err := h.ReadFile("/sys/fs/cgroup/cgroup.controllers"); {
	case err == nil && strings.TrimSpace(string(c)) == "":
		l.add("cgroup", "warning", "version 2 without controllers: limits of memory, processor time and tasks have no effect", "")
	case err == nil:
		l.add("cgroup", "ok", "version 2 with "+strings.TrimSpace(string(c)), "")
	default:
		l.add("cgroup", "warning", "version 1 or none: limits of memory, processor time and tasks are those of an older kernel interface", "boot with systemd.unified_cgroup_hierarchy=1")
	}
	switch e, err := h.ReadFile("/sys/fs/selinux/enforce"); {
	case err != nil:
		l.add("selinux", "ok", "not active", "")
	case strings.TrimSpace(string(e)) == "1":
		l.add("selinux", "note", "enforcing: programs of services must not be in home directories or /tmp, and need their labels", "restorecon -Rv /usr/local")
		label(l, h)
	default:
		l.add("selinux", "ok", "permissive", "")
	}
}

// label checks the labels of what daemonize has written: moved files keep those
// of where they were made.
func label(l *findings, h host.Host) {
	for _, dir := range [...]string{"/etc/systemd/system", "/usr/lib/daemonize"} {
		if !h.Exists(dir) {
			continue
		}
		r, err := h.Run(context.Background(), []string{"restorecon", "-Rnv", dir})
		if err == nil && r.Code == 0 && strings.TrimSpace(r.Stdout) != "" {
			l.add("selinux", "warning", "files in "+dir+" have other labels than they should: "+strings.ReplaceAll(strings.TrimSpace(r.Stdout), "\n", "; "), "restorecon -Rv "+dir)
		}
	}
}

// installed checks what daemonize has installed, and what it may have left.
func (a *app) installed(ctx context.Context, l *findings, h host.Host, t generators.Target) {
	pending(l, h, t)
	manifests, err := install.Manifests(h, t)
	if err != nil {
		l.add("installed", "error", err.Error(), "")
		return
	}
	find := finder{ctx, h, t, map[string]generators.Target{}}
	well := 0
	for _, m := range manifests {
		r, err := a.statusOne(find, m.Daemon, "", 0)
		if err != nil {
			l.add("installed", "error", err.Error(), "")
			continue
		}
		before := len(*l)
		if r.State == generators.Failed {
			l.add("installed", "error", m.Daemon+" has failed", "daemonize status "+m.Daemon)
		}
		for _, d := range r.Drift {
			l.add("installed", "warning", fmt.Sprintf("%s of %s: %s since it was installed", d.Path, m.Daemon, d.What), "daemonize install --force with its spec")
		}
		for _, s := range r.Jobs {
			if s.Missing {
				l.add("installed", "error", fmt.Sprintf("%s does not know %s of %s", r.Target, s.Job, m.Daemon), "daemonize install its spec again")
			}
		}
		if len(*l) == before {
			well++
		}
	}
	l.add("installed", "ok", fmt.Sprintf("%d of %d daemons are as they were installed and have not failed", well, len(manifests)), "")
	leftovers(l, h, manifests)
}

// pending tells of an operation that was interrupted.
func pending(l *findings, h host.Host, t generators.Target) {
	r, err := install.Pending(h, controller, t)
	switch {
	case err != nil:
		l.add("journal", "error", err.Error(), "daemonize recover")
	case r != nil:
		l.add("journal", "error", fmt.Sprintf("%s of %s was interrupted", r.Operation, strings.Join(r.Daemons, ", ")), "daemonize recover")
	default:
		l.add("journal", "ok", "no operation was interrupted", "")
	}
}

// leftovers looks for files of runs that were killed.
func leftovers(l *findings, h host.Host, manifests []*install.Manifest) {
	seen := map[string]bool{}
	for _, m := range manifests {
		for _, file := range m.Files {
			dir := file.Path[:strings.LastIndexByte(file.Path, '/')+1]
			if seen[dir] {
				continue
			}
			seen[dir] = true
			names, err := h.Names(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				continue
			}
			for _, n := range names {
				if strings.HasPrefix(n, ".daemonize-") {
					l.add("leftovers", "warning", dir+n+" was left by a run that was killed", "daemonize recover, or remove it")
				}
			}
		}
	}
}
