package sysvinit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// header is the LSB block: keys in the order in which they are written.
type header []headerLine

type headerLine struct{ key, value string }

func (h *header) set(key, value string) {
	for i := range *h {
		if strings.EqualFold((*h)[i].key, key) {
			(*h)[i].value = value
			return
		}
	}
	*h = append(*h, headerLine{key, value})
}

func (h *header) remove(key string) {
	*h = slices.DeleteFunc(*h, func(l headerLine) bool { return strings.EqualFold(l.key, key) })
}

// write writes the block. Only Description may go on in further lines, which
// LSB 20.7 marks by two spaces or a tab.
func (h header) write(b *strings.Builder) {
	b.WriteString("### BEGIN INIT INFO\n")
	for _, l := range h {
		b.WriteString("# " + l.key + ":")
		column := len(l.key) + 3
		if pad := 20 - column; pad > 0 && l.value != "" {
			b.WriteString(strings.Repeat(" ", pad))
			column = 20
		}
		if l.key != "Description" {
			if l.value != "" {
				b.WriteString(" " + l.value)
			}
			b.WriteByte('\n')
			continue
		}
		for i, word := range strings.Fields(l.value) {
			if i > 0 && column+1+len(word) > 78 {
				b.WriteString("\n# ")
				column = 2
			}
			b.WriteString(" " + word)
			column += 1 + len(word)
		}
		b.WriteByte('\n')
	}
	b.WriteString("### END INIT INFO\n")
}

// facility returns the name by which the boot order knows a unit: a system
// facility (LSB 20.3) for the well-known targets, else the script's own. It
// is empty for what SysVinit has not.
func facility(unit string) string {
	switch unit {
	case "network.target", "network-online.target", "network-pre.target":
		return "$network"
	case "local-fs.target":
		return "$local_fs"
	case "remote-fs.target":
		return "$remote_fs"
	case "nss-lookup.target":
		return "$named"
	case "rpcbind.target":
		return "$portmap"
	case "time-sync.target":
		return "$time"
	case "syslog.target", "syslog.socket", "syslog.service":
		return "$syslog"
	}
	name := strings.TrimSuffix(unit, ".service")
	if strings.ContainsAny(name, `:\@`) {
		return ""
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		switch name[i+1:] {
		case "target", "socket", "mount", "automount", "swap", "timer", "path", "device", "slice", "scope":
			return ""
		}
	}
	return name
}

// scriptOf is facility for what must be a script.
func scriptOf(unit string) string {
	if name := facility(unit); !strings.HasPrefix(name, "$") {
		return name
	}
	return ""
}

// noScript reports the unit at index i of the field id, which is no script:
// a name that no script can have is refused, another kind of unit is lost.
func noScript(d *spec.Daemon, t generators.Target, id field.ID, i int, unit string) diag.Diagnostic {
	path := id.String() + "[" + strconv.Itoa(i) + "]"
	if strings.ContainsAny(unit, `:\@`) {
		return generators.Refuse(d, t, path, "the names of init scripts have only letters, digits, -, _ and .", "name the script, without instance")
	}
	return generators.Lose(d, t, id, path, generators.Unsupported, "SysVinit has scripts only, and none for "+strconv.Quote(unit))
}

// lsbHeader composes the block of a job and reports the units that the boot
// order cannot name.
func lsbHeader(d *spec.Daemon, t generators.Target, job string) (header, diag.List) {
	var list diag.List
	names := func(id field.ID, units []string) []string {
		var out []string
		for i, u := range units {
			name := facility(u)
			if name == "" {
				list = append(list, noScript(d, t, id, i, u))
				continue
			}
			out = append(out, name)
		}
		return out
	}
	dep := &d.DependsOn
	required := []string{"$remote_fs", "$syslog", "$network"}
	required = append(required, names(field.DependsOnRequires, dep.Requires)...)
	required = append(required, names(field.DependsOnRequisite, dep.Requisite)...)
	required = append(required, names(field.DependsOnBindsTo, dep.BindsTo)...)
	if dep.NetworkOnline {
		required = append(required, "$named")
	}
	should := append(names(field.DependsOnWants, dep.Wants), names(field.DependsOnAfter, dep.After)...)
	before := names(field.DependsOnBefore, dep.Before)

	h := make(header, 0, 12)
	h.set("Provides", job)
	h.set("Required-Start", unique(required))
	h.set("Required-Stop", unique(required))
	if len(should) > 0 {
		h.set("Should-Start", unique(should))
		h.set("Should-Stop", unique(should))
	}
	if len(before) > 0 {
		h.set("X-Start-Before", unique(before))
		h.set("X-Stop-After", unique(before))
	}
	start, stop := runlevels(d)
	h.set("Default-Start", start)
	h.set("Default-Stop", stop)
	text := d.Description
	if text == "" {
		text = job
	}
	// Readers of the header look for these anywhere in a line.
	if strings.Contains(text, "END INIT INFO") || strings.Contains(text, "BEGIN INIT INFO") {
		list = append(list, generators.Refuse(d, t, "description", "it would be taken for the end of the LSB header", "write the description without INIT INFO"))
	}
	h.set("Short-Description", text)
	h.set("Description", text)
	for i := range d.Overrides {
		o := &d.Overrides[i]
		if o.Backend != t.Backend {
			continue
		}
		path := "overrides." + o.Backend + "." + strings.Join(o.Keys, ".")
		switch {
		case len(o.Keys) != 2 || o.Keys[0] != "header" || !headerKey(o.Keys[1]):
			list = append(list, generators.Refuse(d, t, path, "the only native keys of SysVinit are those of the LSB header", "write overrides: {sysvinit: {header: {X-Key: value}}}"))
		case o.Type == "null":
			h.remove(o.Keys[1])
		case strings.ContainsAny(strings.Join(o.Values, ""), "\n\t") || strings.Contains(strings.Join(o.Values, ""), "INIT INFO"):
			list = append(list, generators.Refuse(d, t, path, "a header line cannot hold a newline, a tab or the mark of its end", "write it on one line"))
		default:
			h.set(o.Keys[1], strings.Join(o.Values, " "))
		}
	}
	return h, list
}

func headerKey(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if s[i] != '-' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}

// unique joins words, each once.
func unique(words []string) string {
	var out []string
	for _, w := range words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// runlevels returns Default-Start and, for all other levels, Default-Stop.
// What starts in S runs before any level and ends at halt and reboot only.
// Timers start a service instead of the boot.
func runlevels(d *spec.Daemon) (start, stop string) {
	var up, down []string
	for _, l := range []string{"0", "1", "2", "3", "4", "5", "6", "S"} {
		switch {
		case slices.Contains(d.Install.Runlevels, l) && len(d.Timers) == 0:
			up = append(up, l)
		case l != "S" && !slices.Contains(up, l):
			down = append(down, l)
		}
	}
	if slices.Contains(up, "S") {
		down = []string{"0", "6"}
	}
	if len(d.Timers) > 0 {
		down = []string{"0", "1", "6"}
	}
	return strings.Join(up, " "), strings.Join(down, " ")
}
