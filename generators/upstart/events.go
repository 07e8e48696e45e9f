package upstart

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec/field"
)

// event returns the event by which a unit is known to have started, and the
// name of the job if it is one. Both are empty for what Upstart has not.
func event(unit string) (started, job string) {
	switch unit {
	case "network.target", "network-online.target", "network-pre.target":
		return "static-network-up", ""
	case "local-fs.target":
		return "local-filesystems", ""
	case "remote-fs.target":
		return "remote-filesystems", ""
	}
	name := strings.TrimSuffix(unit, ".service")
	if !plain(name) || strings.ContainsAny(name, "@:=%,+/") {
		return "", ""
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		switch name[i+1:] {
		case "target", "socket", "mount", "automount", "swap", "timer", "path", "device", "slice", "scope":
			return "", ""
		}
	}
	return "started " + name, name
}

// jobs returns the names of those units that are jobs and reports the rest.
func (r *renderer) jobs(id field.ID, units []string) []string {
	var names []string
	for i, u := range units {
		if _, job := event(u); job != "" {
			names = append(names, job)
		} else {
			r.noJob(id, i, u)
		}
	}
	return names
}

func (r *renderer) noJob(id field.ID, i int, unit string) {
	path := id.String() + "[" + strconv.Itoa(i) + "]"
	if !plain(unit) || strings.ContainsAny(unit, `@:\`) {
		r.refuse(path, "the names of jobs in events have only letters, digits, -, _ and .", "name the job, without instance")
		return
	}
	r.lose(id, path, generators.Unsupported, "Upstart has jobs only, and none for "+strconv.Quote(unit))
}

// events writes start on and stop on.
func (r *renderer) events(c *conf, j *job) {
	d := j.d
	dep := &d.DependsOn
	var each []string
	for _, l := range d.Install.Runlevels {
		if l == "S" {
			r.lose(field.InstallRunlevels, "install.runlevels", generators.Approximate, "Upstart has no runlevel S; the job starts in the others only")
			continue
		}
		each = append(each, l)
	}
	levels := strings.Join(each, "")
	var all []string // must all have come
	if levels != "" {
		all = append(all, "runlevel ["+levels+"]")
	}
	stop := []string{"runlevel [!" + levels + "]"}
	if levels == "" {
		stop[0] = "runlevel [016]"
	}
	need := func(id field.ID, units []string, follow bool) {
		for i, u := range units {
			started, name := event(u)
			if started == "" {
				r.noJob(id, i, u)
				continue
			}
			if !slices.Contains(all, started) {
				all = append(all, started)
			}
			if name != "" && follow && !slices.Contains(stop, "stopping "+name) {
				stop = append(stop, "stopping "+name)
			}
		}
	}
	need(field.DependsOnRequires, dep.Requires, true)
	need(field.DependsOnBindsTo, dep.BindsTo, true)
	if dep.NetworkOnline && !slices.Contains(all, "static-network-up") {
		all = append(all, "static-network-up")
	}
	for _, name := range r.jobs(field.DependsOnPartOf, dep.PartOf) {
		stop = append(stop, "stopping "+name)
	}
	for _, name := range r.jobs(field.DependsOnConflicts, dep.Conflicts) {
		stop = append(stop, "starting "+name)
	}
	start := strings.Join(all, " and ")
	var any []string
	for _, name := range r.jobs(field.DependsOnBefore, dep.Before) {
		any = append(any, "starting "+name)
	}
	any = append(any, r.watches(j)...)
	if start != "" && len(any) > 0 && len(all) > 1 {
		start = "(" + start + ")"
	}
	if start != "" {
		any = append([]string{start}, any...)
	}
	if j.atBoot() && len(any) > 0 {
		c.add("start on", strings.Join(any, " or "))
	}
	c.add("stop on", strings.Join(stop, " or "))
}

// watches returns the events of the file bridge, file-event(7). A value is a
// pattern of fnmatch(3), in which variables are expanded.
func (r *renderer) watches(j *job) []string {
	var events []string
	add := func(i int, key, path, kind string, pattern bool) {
		if path == "" {
			return
		}
		text := path
		if pattern {
			text = strings.NewReplacer("*", "", "?", "", "[", "", "]", "").Replace(path)
		}
		if !plain(text) || strings.Contains(text, "=") {
			r.refuse("paths["+strconv.Itoa(i)+"]."+key, "events cannot carry the path as it is", "use a path of letters, digits and /._-+")
			return
		}
		events = append(events, "file FILE="+path+" EVENT="+kind)
	}
	for i, w := range j.d.Paths {
		add(i, "exists", w.Exists, "create", false)
		add(i, "exists_glob", w.ExistsGlob, "create", true)
		add(i, "changed", w.Changed, "modify", false)
		add(i, "modified", w.Modified, "modify", false)
	}
	return events
}
