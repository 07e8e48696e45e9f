package upstart

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

func head(does string) string {
	return "#!/bin/sh\n# " + does + " Written by daemonize; changes are lost at the next install.\n"
}

// skipped is the status of the conditions when one does not hold.
const skipped = 9

// before returns the script of pre-start, nil if there is nothing to check.
func (r *renderer) before(j *job) []byte {
	d := j.d
	var b strings.Builder
	for _, name := range r.jobs(field.DependsOnRequisite, d.DependsOn.Requisite) {
		b.WriteString("case $(" + initctl + " status " + name + ") in\n*\" start/running\"*) ;;\n*)\n\techo '" + j.name + ": " + name + " does not run' >&2\n\texit 1\n\t;;\nesac\n")
	}
	if conditions := chain.Conditions(d, chain.Options{Job: j.name, Skip: skipped}); len(conditions) > 0 {
		b.WriteString("(\n" + string(conditions) + ")\ncase $? in\n0) ;;\n" + strconv.Itoa(skipped) + ")\n" +
			// Without a name initctl takes the job it is called from, and does
			// not wait for it (Upstart Cookbook, 11.13).
			"\t" + initctl + " stop\n\texit 0\n\t;;\n*) exit 1 ;;\nesac\n")
	}
	if b.Len() == 0 {
		return nil
	}
	return []byte(head("Checks what "+j.name+" depends on.") + b.String() + "exit 0\n")
}

// after returns the script of post-stop, which also runs before Upstart starts
// the job again; nil if there is nothing to do.
func (r *renderer) after(j *job) []byte {
	d := j.d
	var b strings.Builder
	for i, h := range d.Hooks.PostStop {
		b.WriteString(j.lib("post-stop-"+strconv.Itoa(i+1)) + onFailure(h, "exit 1"))
	}
	again := "case $(" + initctl + " status " + j.name + ") in\n*\" start/\"*) "
	if dir := &d.Directories.Runtime; dir.Name != "" && dir.Preserve != "yes" {
		remove := "/bin/rm -rf " + shell.Quote("/run/"+dir.Name)
		if dir.Preserve == "restart" {
			b.WriteString(again + ";;\n*) " + remove + " ;;\nesac\n")
		} else {
			b.WriteString(remove + "\n")
		}
	}
	if d.IsSet(field.RestartDelay) && d.Restart.Delay > 0 && d.Restart.Policy != "no" {
		// Upstart Cookbook, 11.21: delay respawn of a job.
		b.WriteString(again + "/bin/sleep " + seconds(d.Restart.Delay) + " ;;\nesac\n")
	}
	if b.Len() == 0 {
		return nil
	}
	return []byte(head("Cleans up after "+j.name+".") + b.String() + "exit 0\n")
}

// seconds writes a duration for sleep(1), which takes fractions.
func seconds(d spec.Duration) string {
	if d.Whole() {
		return strconv.FormatInt(int64(d/spec.Second), 10)
	}
	return strconv.FormatFloat(float64(d)/float64(spec.Second), 'f', -1, 64)
}

func onFailure(h spec.Hook, then string) string {
	if h.IgnoreFailure {
		return " || :\n"
	}
	return " || " + then + "\n"
}

// hook writes the script of a hook and returns its path.
func (r *renderer) hook(j *job, own *spec.Daemon, o chain.Options, kind string, i int, h spec.Hook) string {
	path := j.lib(kind + "-" + strconv.Itoa(i+1))
	d := own
	if h.Privileged { // as root with all its rights, but with the environment
		d = &spec.Daemon{Name: own.Name, Umask: own.Umask, WorkingDir: own.WorkingDir, Environment: own.Environment, EnvFile: own.EnvFile, Logging: own.Logging}
	}
	r.bundle.Add(path, 0o755, chain.Command(d, beside(o), h.Command))
	return path
}

// postStart returns the script of post-start. Upstart goes on when it fails,
// so it stops the job itself.
func (r *renderer) postStart(j *job, own *spec.Daemon, o chain.Options) []byte {
	var b strings.Builder
	for i, h := range j.d.Hooks.PostStart {
		b.WriteString(r.hook(j, own, o, "post-start", i, h) + onFailure(h, "{ "+initctl+" stop --no-wait "+j.name+"; exit 1; }"))
	}
	return []byte(head("Runs when "+j.name+" has started.") + b.String() + "exit 0\n")
}

// preStop returns the script of pre-stop: the hooks and the stop command, which
// learn the process from initctl.
func (r *renderer) preStop(j *job, own *spec.Daemon, o chain.Options) []byte {
	var b strings.Builder
	b.WriteString("MAINPID=$(" + initctl + " status " + j.name + " | /bin/sed -n '1s/.*process \\([0-9]*\\).*/\\1/p')\nexport MAINPID\n")
	for i, h := range j.d.Hooks.PreStop {
		b.WriteString(r.hook(j, own, o, "pre-stop", i, h) + onFailure(h, "exit 0"))
	}
	if len(j.d.Stop.Command) > 0 {
		path := j.lib("stop")
		r.bundle.Add(path, 0o755, chain.Command(own, beside(o), j.d.Stop.Command))
		b.WriteString(path + "\n")
	}
	return []byte(head("Runs before "+j.name+" is stopped.") + b.String() + "exit 0\n")
}

// health adds the job that tests the daemon.
func (r *renderer) health(j *job, o chain.Options) {
	test := chain.HealthTest(&j.d.Healthcheck)
	if test == nil {
		return
	}
	check, loop := j.lib("check"), j.lib("health")
	r.bundle.Add(check, 0o755, chain.Command(j.d, beside(o), test))
	running := []string{"/bin/sh", "-c", initctl + ` status "$1" | /bin/grep -q " start/running"`, "running", j.name}
	// restart(8) does not read the configuration again, which nobody asks for here.
	r.bundle.Add(loop, 0o755, chain.HealthLoop(j.name, &j.d.Healthcheck, check, running, []string{initctl, "restart", "--no-wait", j.name}))
	name := j.name + "-health"
	c := &conf{comments: []string{"Written by daemonize; changes are lost at the next install."}}
	c.add("description", `"Tests `+j.name+`"`)
	c.add("start on", "started "+j.name)
	c.add("stop on", "stopped "+j.name)
	c.add("respawn", "")
	c.add("console", "log")
	c.add("exec", loop)
	r.bundle.Add(Path(name), 0o644, c.bytes())
	// Events start and stop it with the daemon.
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: name})
}

// consequences adds a task that starts other jobs when this one has ended.
func (r *renderer) consequences(j *job, kind, result string, id field.ID, units []string) {
	names := r.jobs(id, units)
	for i, other := range names {
		name := j.name + "-" + kind
		if i > 0 {
			name += "-" + strconv.Itoa(i+1)
		}
		c := &conf{comments: []string{"Written by daemonize; changes are lost at the next install."}}
		c.add("start on", "stopped "+j.name+" RESULT="+result)
		c.add("task", "")
		c.add("exec", initctl+" start --no-wait "+other)
		r.bundle.Add(Path(name), 0o644, c.bytes())
	}
}

// overrides writes the native stanzas of the spec: a key is one stanza, with
// the rest of the line as its value, and replaces ours. A list is several
// lines, null removes the stanza.
func (r *renderer) overrides(c *conf, j *job) {
	for i := range r.raw.Overrides {
		o := &r.raw.Overrides[i]
		if o.Backend != "upstart" {
			continue
		}
		path := "overrides.upstart." + strings.Join(o.Keys, ".")
		if len(o.Keys) != 1 || !stanzaKey(o.Keys[0]) {
			r.refuse(path, "a job has stanzas", "write overrides: {upstart: {STANZA: VALUE}}, such as {expect: fork}")
			continue
		}
		key := o.Keys[0]
		if o.Type == "null" || !slices.Contains([]string{"env", "export", "emits", "limit"}, key) { // those may stand several times
			c.remove(key)
		}
		if o.Type == "null" {
			continue
		}
		for _, v := range o.Values {
			v = strings.NewReplacer(spec.RefName.Mark(), r.raw.Name, spec.RefInstance.Mark(), strings.TrimPrefix(j.suffix, "-")).Replace(v)
			if strings.ContainsAny(v, "\n\r\x00") || strings.HasSuffix(v, "\\") {
				r.refuse(path, "a stanza is one line", "write it on one line")
				break
			}
			c.add(key, v)
		}
	}
}

// stanzaKey reports whether a key is one or two words.
func stanzaKey(s string) bool {
	first, second, two := strings.Cut(s, " ")
	return word(first) && (!two || word(second))
}

func word(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}
