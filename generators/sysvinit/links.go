package sysvinit

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
)

// StagedLinks returns the links that have the scripts of b run at boot and at
// shutdown, for a system that does not run: update-rc.d(8) and chkconfig(8)
// act on the one they run on. On a running system they are asked, as they know
// the order; here what is ours starts after and stops before everything of the
// distribution, which insserv(8) numbers from 01 on by dependencies. chkconfig
// has its numbers in the header.
func (backend) StagedLinks(b generators.Bundle) []generators.Artifact {
	var links []generators.Artifact
	for _, j := range b.Jobs {
		var start, stop []string
		dir, first, last := "/etc", "S20", "K01"
		for _, a := range b.Artifacts {
			if a.Path != "/etc/init.d/"+j.Name {
				continue
			}
			for l := range strings.Lines(string(a.Content)) {
				l = strings.TrimSuffix(l, "\n")
				if levels, ok := strings.CutPrefix(l, "# Default-Start:"); ok {
					start = strings.Fields(levels)
				}
				if levels, ok := strings.CutPrefix(l, "# Default-Stop:"); ok {
					stop = strings.Fields(levels)
				}
				if numbers, ok := strings.CutPrefix(l, "# chkconfig:"); ok && b.Target.Family == generators.RedHat {
					if f := strings.Fields(numbers); len(f) == 3 {
						dir, first, last = "/etc/rc.d", "S"+f[1], "K"+f[2]
					}
				}
				if strings.HasPrefix(l, "### END INIT INFO") {
					break
				}
			}
		}
		if !j.Enable {
			// As update-rc.d defaults-disabled: nothing starts, and what was
			// started by hand ends.
			first = last
		}
		add := func(levels []string, prefix string) {
			for _, level := range levels {
				links = append(links, generators.Artifact{Path: dir + "/rc" + level + ".d/" + prefix + j.Name, Mode: fs.ModeSymlink | 0o777, Content: []byte("../init.d/" + j.Name)})
			}
		}
		if len(start) > 0 {
			add(start, first)
			add(stop, last)
		}
	}
	return links
}

// The files in which insserv(8) keeps, in the form of make, which scripts
// startpar(8) runs and after which others. It runs no script that is not listed.
const (
	dependStart = "/etc/init.d/.depend.start"
	dependBoot  = "/etc/init.d/.depend.boot"
	dependStop  = "/etc/init.d/.depend.stop"
)

// StagedEdits returns what files that belong to several become, for a system
// that does not run: insserv's lists of scripts with those of b, or without
// them if op is Uninstall. Insserv writes them anew whenever it is run there.
func (backend) StagedEdits(b generators.Bundle, op generators.Op, read func(path string) ([]byte, bool)) []generators.Artifact {
	levels := map[string][]string{} // of each file, the jobs
	for _, a := range (backend{}).StagedLinks(b) {
		dir, link := a.Path[:strings.LastIndexByte(a.Path, '/')], a.Path[strings.LastIndexByte(a.Path, '/')+1:]
		file := dependStart
		switch {
		case link[0] == 'K':
			file = dependStop
		case strings.HasSuffix(dir, "/rcS.d"):
			file = dependBoot
		}
		if job := link[3:]; !slices.Contains(levels[file], job) {
			levels[file] = append(levels[file], job)
		}
	}
	var edits []generators.Artifact
	for _, file := range []string{dependBoot, dependStart, dependStop} {
		content, exists := read(file)
		if !exists || len(levels[file]) == 0 {
			continue
		}
		text := string(content)
		for _, job := range levels[file] {
			switch {
			case op == generators.Uninstall:
				text = without(text, job)
			case without(text, job) == text: // else it is where insserv wants it
				text = with(text, job, file == dependStop)
			}
		}
		edits = append(edits, generators.Artifact{Path: file, Content: []byte(text)})
	}
	return edits
}

// without removes a script from a list of insserv.
func without(text, job string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		head, rest, ok := cutRule(line)
		if !ok {
			out.WriteString(line)
			continue
		}
		if head == job+":" {
			continue
		}
		words := strings.Fields(rest)
		left := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == job })
		if len(left) == len(words) {
			out.WriteString(line)
			continue
		}
		out.WriteString(strings.Join(append([]string{head}, left...), " ") + "\n")
	}
	return out.String()
}

// with adds a script to a list of insserv: after all others or, with stop,
// before those that others wait for already.
func with(text, job string, stop bool) string {
	var out strings.Builder
	var others string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		head, rest, _ := cutRule(line)
		switch {
		case head == "TARGETS =":
			others = strings.TrimSpace(rest)
			line = strings.TrimRight(line, " ") + " " + job
		case stop && head != "" && strings.HasSuffix(head, ":"):
			line += " " + job
		}
		out.WriteString(line + "\n")
	}
	if !stop && others != "" {
		out.WriteString(job + ": " + others + "\n")
	}
	return out.String()
}

// cutRule divides "TARGETS = a b" and "a: b c".
func cutRule(line string) (head, rest string, ok bool) {
	line = strings.TrimSuffix(line, "\n")
	if head, rest, ok = strings.Cut(line, " = "); ok {
		return head + " =", rest, true
	}
	if head, ok = strings.CutSuffix(strings.TrimRight(line, " "), " ="); ok {
		return head + " =", "", true
	}
	if head, rest, ok = strings.Cut(line, ":"); ok {
		return head + ":", rest, true
	}
	return "", "", false
}
