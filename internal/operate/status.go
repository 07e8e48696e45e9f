package operate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
	"github.com/daemonize/daemonize/internal/install"
)

// Report is the condition of a daemon.
type Report struct {
	Daemon string `json:"daemon"`
	Target string `json:"target"`
	Scope  string `json:"scope"`
	// Installed says that daemonize installed it.
	Installed bool `json:"installed"`
	// Waits says that none of the jobs is started by itself: cron or an operator does it.
	Waits bool `json:"waits,omitempty"`
	// State sums up the jobs: what is worst about those that should be up.
	State generators.State    `json:"state"`
	Jobs  []generators.Status `json:"jobs"`
	// Drift lists files that are not as they were installed.
	Drift []Drift `json:"drift"`
	// Log holds the last messages.
	Log []Line `json:"log,omitempty"`
}

// Drift is a file that is not as it was installed.
type Drift struct {
	Path string `json:"path"`
	What string `json:"what"` // such as content changed
}

// Status asks the manager about all jobs and compares all files.
func (d *Daemon) Status(ctx context.Context) (Report, error) {
	r := Report{Daemon: d.Name, Target: d.Target.String(), Scope: d.Target.Scope.String(), Installed: d.Manifest != nil,
		Jobs: []generators.Status{}, Drift: []Drift{}}
	for _, j := range d.Bundle.Jobs {
		s, err := d.ctl.Inspect(ctx, d.h, d.Target, j.Name)
		if err != nil {
			return r, err
		}
		r.Jobs = append(r.Jobs, s)
	}
	r.Waits = d.Manifest != nil && !slices.ContainsFunc(d.Bundle.Jobs, func(j generators.Job) bool { return j.Start || j.Enable })
	r.State = sumUp(d.Bundle.Startable(), r.Jobs)
	if d.Manifest != nil {
		r.Drift = append(r.Drift, drift(d.h, d.Manifest)...)
	}
	return r, nil
}

// sumUp finds the state that describes the daemon. A failure counts anywhere;
// apart from it a service that waits for its timer is as it should be.
func sumUp(startable []generators.Job, jobs []generators.Status) generators.State {
	rank := func(s generators.State) int {
		for i, r := range [...]generators.State{generators.Active, generators.Inactive, generators.Starting, generators.Stopping, generators.Unknown, generators.Failed} {
			if s == r {
				return i
			}
		}
		return -1
	}
	worst := generators.State("")
	for _, s := range jobs {
		matters := s.State == generators.Failed
		for _, j := range startable {
			matters = matters || j.Name == s.Job
		}
		if matters && (worst == "" || rank(s.State) > rank(worst)) {
			worst = s.State
		}
	}
	if worst == "" {
		return generators.Unknown
	}
	return worst
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// drift compares the files of a manifest with those that are there.
func drift(h host.Host, m *install.Manifest) []Drift {
	var found []Drift
	for _, f := range m.Files {
		now, err := h.Stat(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// Links come and go with enable and disable; status shows that as enabled.
			if f.Link == "" {
				found = append(found, Drift{f.Path, "missing"})
			}
		case err != nil:
			found = append(found, Drift{f.Path, err.Error()})
		default:
			for _, what := range differences(h, f, now) {
				found = append(found, Drift{f.Path, what})
			}
		}
	}
	return found
}

func differences(h host.Host, f install.File, now host.File) []string {
	if f.Link != "" {
		if now.Mode.Type() != fs.ModeSymlink {
			return []string{"no symbolic link any more"}
		}
		return nil // where it leads is the manager's
	}
	if !now.Mode.IsRegular() {
		return []string{"no regular file any more"}
	}
	var what []string
	if sum(now.Content) != f.SHA256 {
		what = append(what, "content changed")
	}
	if want, err := strconv.ParseUint(f.Mode, 8, 12); err == nil {
		bits := uint64(now.Mode.Perm())
		for i, special := range [...]fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
			if now.Mode&special != 0 {
				bits |= 0o1000 << i
			}
		}
		if bits != want {
			what = append(what, fmt.Sprintf("mode changed from %04o to %04o", want, bits))
		}
	}
	if m := (accounts{h}); now.UID >= 0 && !m.is("user", f.Owner, now.UID) {
		what = append(what, "owner changed to "+strconv.Itoa(now.UID))
	} else if now.GID >= 0 && f.Group != "" && !m.is("group", f.Group, now.GID) {
		what = append(what, "group changed to "+strconv.Itoa(now.GID))
	}
	return what
}

type accounts struct{ h host.Host }

// is reports whether an account has a number. Without a name the file belongs to
// root, or in the user scope to the user, who could not give it away.
func (a accounts) is(kind, name string, id int) bool {
	if name == "" {
		return id == 0 || !a.h.Privileged()
	}
	lookup := a.h.UserID
	if kind == "group" {
		lookup = a.h.GroupID
	}
	n, err := lookup(name)
	return err != nil || n == id
}

// Words describes the state of a job on one line.
func Words(s generators.Status) string {
	var b strings.Builder
	b.WriteString(string(s.State))
	if s.Detail != "" && s.Detail != string(s.State) {
		b.WriteString(" (" + s.Detail + ")")
	}
	if s.PID > 0 {
		b.WriteString(", pid " + strconv.Itoa(s.PID))
	}
	return b.String()
}
