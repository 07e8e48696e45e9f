package install

import (
	"path"
	"slices"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// A user's service manager ends with the last session of the user, and starts
// with the first, unless the user lingers (loginctl(1)). That is a setting of
// the user and not of a daemon, so it is changed only when asked for, and taken
// back only by who changed it: the manifests of all daemons that were installed
// while it is in force because of us name the user, and the last of them to
// leave ends it.
const (
	lingerOn  generators.Verb = "linger" // Job is the user
	lingerOff generators.Verb = "end-linger"
)

// Lingers reports whether services of a user outlive its sessions. That is where
// systemd-logind(8) keeps it, for everybody to see.
func Lingers(h interface{ Exists(path string) bool }, login string) bool {
	return h.Exists(path.Join("/var/lib/systemd/linger", login))
}

func lingerStep(verb generators.Verb, login string) generators.Step {
	command := map[generators.Verb]string{lingerOn: "enable-linger", lingerOff: "disable-linger"}[verb]
	return generators.Step{Verb: verb, Job: login, Argv: []string{"loginctl", command, login}, Live: true}
}

// linger plans that the user lingers, if that is wanted, and records whether it
// is because of us.
func (p *planner) linger() {
	of := func(m *Manifest) bool { return m.Linger != "" }
	if at := slices.IndexFunc(p.others, of); at >= 0 && Lingers(p.h, p.others[at].Linger) {
		p.next.Linger = p.others[at].Linger
	}
	login := p.o.Linger
	if login == "" || Lingers(p.h, login) {
		return
	}
	p.next.Linger = login
	if slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Verb == lingerOn }) {
		return
	}
	p.add(Step{Step: lingerStep(lingerOn, login), phase: announce, undo: undoing(cleanup, []generators.Step{lingerStep(lingerOff, login)})})
}

// endLinger plans the end of lingering after the last daemon that has it from us.
func (p *planner) endLinger(removed []*Manifest, remaining []*Manifest) {
	for _, m := range removed {
		if m.Linger == "" || !Lingers(p.h, m.Linger) || slices.ContainsFunc(remaining, func(o *Manifest) bool { return o.Linger == m.Linger }) {
			continue
		}
		// It is the last step, for it may end the manager of the user.
		p.add(Step{Step: lingerStep(lingerOff, m.Linger), phase: finish, undo: undoing(retire, []generators.Step{lingerStep(lingerOn, m.Linger)})})
		return
	}
}

// lingers reports whether undoing a step would change nothing.
func (s *Step) lingers(h host.Host) bool {
	return s.Verb == lingerOff && !Lingers(h, s.Job) || s.Verb == lingerOn && Lingers(h, s.Job)
}
