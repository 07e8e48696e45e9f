package install

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// Difference is how something on the host is not what a plan makes of it.
type Difference struct {
	Daemon string `json:"daemon"`
	Path   string `json:"path,omitempty"` // of a file
	Job    string `json:"job,omitempty"`  // where it is not about files
	Change Change `json:"change"`
	// Edited says that somebody has changed the file since it was installed.
	Edited bool `json:"edited"`
	// Text says it for people: a unified diff of a file, else a sentence.
	Text string `json:"text"`
}

// Differences lists what the plan would change: files, links that enable jobs,
// and whether jobs start at boot and run. The manifests are left out.
func (p *Plan) Differences() []Difference {
	var all []Difference
	for i := range p.Steps {
		s := &p.Steps[i]
		d := Difference{Daemon: s.Daemon, Path: s.Path, Job: s.Job, Change: s.Change, Edited: s.Edited}
		state := StateDir(s.target)
		switch {
		case s.Change == Unchanged, s.Path != "" && (s.Path == state || path.Dir(s.Path) == state || isBelow(s.Path, path.Join(state, "backup"))):
			continue
		case s.Verb == generators.WriteFile:
			after := host.File{Mode: s.file.Mode, Content: s.file.Content}
			d.Text = compare(s.Path, s.before, &after) + s.ownership()
		case s.Verb == generators.RemoveFile:
			d.Text = compare(s.Path, s.before, nil)
		case s.Verb == makeDir || s.Verb == removeDir:
			continue // follow from the files
		case slices.Contains([]generators.Verb{generators.Enable, generators.Disable, generators.Start, generators.Restart, generators.Stop}, s.Verb) && s.Job != "":
			d.Change, d.Text = Update, "would "+string(s.Verb)+" "+s.Job+"\n"
		default:
			continue
		}
		all = append(all, d)
	}
	return all
}

func isBelow(name, dir string) bool {
	return len(name) > len(dir) && name[:len(dir)] == dir && name[len(dir)] == '/'
}

// ownership says whose the file becomes, where it does not become root's.
func (s *Step) ownership() string {
	if s.before != nil || s.file.Owner == "" && s.file.Group == "" {
		return ""
	}
	return fmt.Sprintf("new owner %s:%s\n", s.file.Owner, s.file.Group)
}

// compare writes a diff in the manner of git. What not everybody may read is
// not shown, for it may hold secrets.
func compare(name string, before, after *host.File) string {
	head := ""
	text := func(f *host.File) []byte {
		switch {
		case f == nil:
			return nil
		case f.Mode.Type() == fs.ModeSymlink:
			return append([]byte("-> "), append(f.Content, '\n')...)
		case !f.Mode.IsRegular():
			return []byte("(" + f.Mode.Type().String() + ")\n")
		}
		return f.Content
	}
	from, to := "a"+name, "b"+name
	switch {
	case before == nil:
		head += "new file mode " + octal(after.Mode) + "\n"
		from = "/dev/null"
	case after == nil:
		head += "deleted file mode " + octal(before.Mode) + "\n"
		to = "/dev/null"
	case octal(before.Mode) != octal(after.Mode):
		head += "old mode " + octal(before.Mode) + "\nnew mode " + octal(after.Mode) + "\n"
	}
	for _, f := range []*host.File{before, after} {
		if f != nil && f.Mode.IsRegular() && f.Mode.Perm()&0o004 == 0 {
			head = "diff a" + name + " b" + name + "\n" + head
			if before == nil || after == nil || string(before.Content) != string(after.Content) {
				head += "content differs (it is not shown, as not everybody may read it)\n"
			}
			return head
		}
	}
	if changes := diff.Diff(from, text(before), to, text(after)); len(changes) > 0 {
		first, rest, _ := strings.Cut(string(changes), "\n")
		return first + "\n" + head + rest
	}
	return "diff a" + name + " b" + name + "\n" + head
}
