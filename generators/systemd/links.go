package systemd

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
)

// Links returns the symbolic links by which systemctl enable would enable the
// jobs of b, as artifacts whose content is the target. systemd finds them by
// their names alone (systemd.unit(5), "[Install] Section Options"), so an
// installer can make them as it makes the units, and a directory that is not a
// running system needs no systemctl.
func (Generator) Links(b generators.Bundle) []generators.Artifact {
	var links []generators.Artifact
	add := func(link, target string) {
		same := func(a generators.Artifact) bool { return a.Path == link }
		if link != target && !slices.ContainsFunc(links, same) {
			// Absolute, as systemctl writes them up to 252; later ones are
			// relative and mean the same.
			links = append(links, generators.Artifact{Path: link, Mode: fs.ModeSymlink | 0o777, Content: []byte(target)})
		}
	}
	for _, j := range b.Jobs {
		if !j.Enable {
			continue
		}
		prefix, instance, suffix := splitUnit(j.Name)
		file := j.Name
		if instance != "" {
			file = prefix + "@" + suffix
		}
		for _, a := range b.Artifacts {
			if path.Base(a.Path) != file {
				continue
			}
			dir := path.Dir(a.Path)
			for key, value := range installSection(a.Content) {
				for word := range strings.FieldsSeq(value) {
					name, ok := expandUnit(strings.Trim(word, `"'`), j.Name, prefix, instance)
					if !ok {
						continue
					}
					switch key {
					case "WantedBy":
						add(path.Join(dir, name+".wants", j.Name), a.Path)
					case "RequiredBy":
						add(path.Join(dir, name+".requires", j.Name), a.Path)
					case "Alias":
						// The alias of a template, for an instance of it.
						if p, i, s := splitUnit(name); instance != "" && i == "" && strings.Contains(name, "@") {
							name = p + "@" + instance + s
						}
						add(path.Join(dir, name), a.Path)
					}
				}
			}
		}
	}
	return links
}

// splitUnit divides web@a.service into web, a and .service.
func splitUnit(name string) (prefix, instance, suffix string) {
	suffix = path.Ext(name)
	prefix, instance, _ = strings.Cut(strings.TrimSuffix(name, suffix), "@")
	return prefix, instance, suffix
}

// installSection yields the settings of the [Install] sections of a unit that
// this package has written: one per line, without continuation.
func installSection(unit []byte) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		in := false
		for line := range strings.Lines(string(unit)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") {
				in = line == "[Install]"
				continue
			}
			key, value, ok := strings.Cut(line, "=")
			if in && ok && !strings.HasPrefix(line, "#") && !yield(strings.TrimSpace(key), value) {
				return
			}
		}
	}
}

// expandUnit replaces the specifiers that [Install] allows and that depend on
// the unit's name. Others depend on the machine: such a name is left out.
func expandUnit(s, unit, prefix, instance string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, s != "" && strings.IndexByte(s, '/') < 0
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", false
		}
		switch s[i] {
		case '%':
			out.WriteByte('%')
		case 'i':
			out.WriteString(instance)
		case 'p':
			out.WriteString(prefix)
		case 'n':
			out.WriteString(unit)
		case 'N':
			out.WriteString(strings.TrimSuffix(unit, path.Ext(unit)))
		default:
			return "", false
		}
	}
	name := out.String()
	return name, name != "" && strings.IndexByte(name, '/') < 0
}

// Shadows returns the paths of units and scripts that lose their effect when b
// is installed: those of the same name in directories that systemd searches
// later (systemd.unit(5), "Unit File Load Path"), and init scripts, which it
// ignores where there is a unit (systemd-sysv-generator(8)).
func (Generator) Shadows(b generators.Bundle) []string {
	dirs := []string{"/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}
	if b.Target.Scope == generators.User {
		dirs = []string{"/etc/systemd/user", "/run/systemd/user", b.Target.HomeDir() + "/.local/share/systemd/user",
			"/usr/local/share/systemd/user", "/usr/share/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"}
	}
	var paths []string
	for _, a := range b.Artifacts {
		if dir := path.Dir(a.Path); dir != "/etc/systemd/system" && !strings.HasSuffix(dir, "/.config/systemd/user") {
			continue
		}
		base := path.Base(a.Path)
		for _, dir := range dirs {
			paths = append(paths, path.Join(dir, base))
		}
		if name, ok := strings.CutSuffix(base, ".service"); ok && b.Target.Scope == generators.System {
			paths = append(paths, "/etc/init.d/"+name)
		}
	}
	return paths
}
