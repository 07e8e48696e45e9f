package install

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// editor is a controller whose manager keeps what belongs to several daemons
// in the same file. Its tools write it on the running system.
type editor interface {
	// StagedEdits returns what such files become by op on b, for a system
	// that does not run. read gives what they are, also by other daemons of
	// the same plan.
	StagedEdits(b generators.Bundle, op generators.Op, read func(path string) ([]byte, bool)) []generators.Artifact
}

// read returns a file as the plan leaves it.
func (p *planner) read(name string) ([]byte, bool) {
	if i, ok := p.edits[name]; ok {
		return p.Steps[i].file.Content, true
	}
	f, err := p.h.Stat(name)
	return f.Content, err == nil && f.Mode.IsRegular()
}

// edit plans another content for a file that is not ours and stays so.
func (p *planner) edit(name string, content []byte, ph phase) {
	if i, ok := p.edits[name]; ok {
		p.Steps[i].file.Content = content
		after := record(p.Steps[i].file)
		p.Steps[i].after = &after
		return
	}
	now, err := p.h.Stat(name)
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("cannot look at %s: %w", name, err))
		return
	}
	if bytes.Equal(now.Content, content) {
		return
	}
	p.edits[name] = len(p.Steps)
	p.add(Step{Step: generators.Step{Verb: generators.WriteFile, Path: name}, Change: Update, before: &now, owner: &now, phase: ph,
		file: generators.Artifact{Path: name, Mode: now.Mode, Content: content}})
}

// editShared plans the edits of a controller.
func (p *planner) editShared(b generators.Bundle, op generators.Op, ph phase) {
	if e, ok := p.c.(editor); ok && !p.h.Live() {
		for _, a := range e.StagedEdits(b, op, p.read) {
			p.edit(a.Path, a.Content, ph)
		}
	}
}

// account plans an account of a system that does not run: lines of passwd(5), shadow(5), group(5) and gshadow(5).
// The tools for that follow symbolic links out of the directory.
func (p *planner) account(a generators.Account) {
	if _, ok := p.read("/etc/passwd"); !ok {
		if slices.ContainsFunc(p.b.Artifacts, func(a generators.Artifact) bool { return path.Dir(a.Path) == "/etc/sysusers.d" }) {
			return
		}
		p.note("user %s has to be made: there is no /etc/passwd", a.User)
		return
	}
	group := cmp.Or(a.Group, a.User)
	gid, err := p.id("/etc/group", group)
	if err != nil {
		gid = p.freeID()
		p.line("/etc/group", group+":x:"+strconv.Itoa(gid)+":")
		p.line("/etc/gshadow", group+":!::")
	}
	if _, err := p.id("/etc/passwd", a.User); err != nil && a.User != "" {
		home := cmp.Or(a.Home, "/nonexistent")
		uid := gid
		if users, _ := p.read("/etc/passwd"); usesID(users, uid) {
			uid = p.freeID()
		}
		p.line("/etc/passwd", a.User+":x:"+strconv.Itoa(uid)+":"+strconv.Itoa(gid)+"::"+home+":/usr/sbin/nologin")
		p.line("/etc/shadow", a.User+":!:::::::")
	}
	if a.User == "" {
		return
	}
	for _, g := range a.Groups {
		if _, err := p.id("/etc/group", g); err != nil {
			p.errs = append(p.errs, fmt.Errorf("cannot make user %s a member of group %s: %w", a.User, g, err))
			continue
		}
		p.member("/etc/group", g, a.User)
		p.member("/etc/gshadow", g, a.User)
	}
}

// id is UserID and GroupID on what the plan leaves.
func (p *planner) id(file, name string) (int, error) {
	content, _ := p.read(file)
	for line := range bytes.Lines(content) {
		if f := bytes.Split(line, []byte(":")); len(f) > 2 && string(f[0]) == name {
			return strconv.Atoi(string(f[2]))
		}
	}
	return 0, host.ErrUnknownAccount
}

// freeID is the highest number for system accounts that is no user's and no
// group's (useradd(8), SYS_UID_MAX).
func (p *planner) freeID() int {
	users, _ := p.read("/etc/passwd")
	groups, _ := p.read("/etc/group")
	for id := 999; id >= 100; id-- {
		if !usesID(users, id) && !usesID(groups, id) {
			return id
		}
	}
	p.errs = append(p.errs, errors.New("cannot make an account: no number from 100 to 999 is free"))
	return 0
}

func usesID(file []byte, id int) bool {
	for line := range bytes.Lines(file) {
		if f := bytes.Split(line, []byte(":")); len(f) > 2 && string(f[2]) == strconv.Itoa(id) {
			return true
		}
	}
	return false
}

// line appends a line to a file, if there is one.
func (p *planner) line(file, line string) {
	content, ok := p.read(file)
	name, _, _ := strings.Cut(line, ":")
	if !ok || slices.ContainsFunc(bytes.Split(content, []byte("\n")), func(l []byte) bool { return bytes.HasPrefix(l, []byte(name+":")) }) {
		return
	}
	content = slices.Clone(content)
	if len(content) > 0 && content[len(content)-1] != '\n' {
		content = append(content, '\n')
	}
	p.edit(file, append(content, line+"\n"...), accounts)
}

// member adds a user to a group.
func (p *planner) member(file, group, user string) {
	content, ok := p.read(file)
	if !ok {
		return
	}
	var out bytes.Buffer
	for line := range strings.Lines(string(content)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) == 4 && f[0] == group {
			if members := strings.Split(f[3], ","); f[3] == "" {
				f[3] = user
			} else if !slices.Contains(members, user) {
				f[3] += "," + user
			}
			line = strings.Join(f, ":") + "\n"
		}
		out.WriteString(line)
	}
	p.edit(file, out.Bytes(), accounts)
}
