package audit

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// spec audits the daemons of a spec for every target: what is asked, and what
// the target really enforces. For systemd the unit is rendered in memory and
// loaded as any other; no other manager has a score.
func (a *Auditor) spec(name string, yield Yield) error {
	src, err := a.tree.ReadFile(name)
	if err != nil {
		return yield(a.failed(name, "", err))
	}
	daemons, diags := spec.Decode(name, src)
	if diags.HasErrors() {
		return yield(a.failed(name, "", invalid(a.place(name), diags)))
	}
	if len(daemons) == 0 {
		return yield(a.failed(name, "", errors.New("there is no daemon in the spec")))
	}
	for _, d := range daemons {
		for i := range a.opts.Targets {
			if err := a.target(d, &a.opts.Targets[i], i == 0, yield); err != nil {
				return err
			}
		}
	}
	return nil
}

// invalid says what is wrong with a spec in one line.
func invalid(file string, diags diag.List) error {
	var first *diag.Diagnostic
	n := 0
	for i := range diags {
		if g := &diags[i]; g.Severity == diag.Error {
			if n++; first == nil {
				first = g
			}
		}
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf(", and %d more: see daemonize validate", n-1)
	}
	return fmt.Errorf("%s:%d:%d: %s [%s]%s", file, first.Span.Start.Line, first.Span.Start.Column, first.Summary, first.Code, more)
}

// general are the rules that need the spec only: they are asked once, and not
// about the unit that it is rendered to.
const general = "H006 H007 H009 H011 H012 H013 H014 H015 H020 H021 H022 H023 H024 H025 H026 H028 H029 H031 H040 H041 H044 H045 H090 H091 H092 H094 H095 H096 H097 H098 H099"

func (a *Auditor) target(d *spec.Daemon, t *Target, first bool, yield Yield) error {
	asked := rule.Spec{Daemon: d, Target: t.Target.String(), Security: func(p string) bool {
		id, ok := field.Lookup(field.OfPath(p))
		return ok && id.Security()
	}}
	_, asked.Losses = generators.Render(t.Generator, d, t.Target, generators.Policy{})
	if refused := slices.IndexFunc(asked.Losses, refusal); refused >= 0 {
		r := a.failed(d.File(), t.Target.Backend, invalid(a.place(d.File()), asked.Losses[refused:refused+1]))
		r.Unit = d.Name
		return yield(r)
	}
	// Rendered although protection may be lost: that is what is reported.
	bundle, _ := t.Generator.Generate(d, t.Target)

	s := rule.Subject{Name: d.Name, Backend: t.Target.Backend, Spec: &asked, Facts: specFacts(d, t), Tree: a.files}
	s.At = unit.Origin{File: d.File(), Pos: d.Span("name").Start}
	r := hardening.Result{Unit: d.Name, Path: a.place(d.File()), Backend: t.Target.Backend, Rows: []hardening.Row{}, Findings: []hardening.Finding{}}
	if t.Target.Scope == generators.User {
		r.Scope = unit.User
	}
	systemd := t.Target.Backend == "systemd"
	hits := slices.DeleteFunc(rule.Check(&s), func(h rule.Hit) bool {
		fromSpec := h.Rule.ID >= "H120" && h.Rule.ID < "H129"
		isGeneral := strings.Contains(general, h.Rule.ID)
		return !fromSpec && (!first || systemd && !isGeneral)
	})
	if systemd {
		more, err := a.rendered(d, t, bundle, &r)
		if err != nil {
			failed := a.failed(d.File(), "systemd", a.explain(err))
			failed.Unit = d.Name
			return yield(failed)
		}
		hits = append(hits, more...)
	} else {
		r.Note = t.Generator.Info().Title + " has no exposure score: see the findings for what it does not enforce"
	}
	ignores := make([]ignore, 0, len(d.Audit.Ignore))
	for _, i := range d.Audit.Ignore {
		g := ignore{id: i.Rule, reason: i.Reason, at: unit.Origin{File: d.File(), Pos: d.Span("audit.ignore." + i.Rule).Start}}
		if _, known := rule.Lookup(i.Rule); !known {
			g.bad = "there is no rule " + i.Rule + " to ignore"
		}
		ignores = append(ignores, g)
	}
	// What one target does not show another may: only what is plainly wrong is
	// reported, and once.
	if first {
		only := rule.Subject{Name: s.Name, Backend: s.Backend, At: s.At}
		for _, g := range ignores {
			if g.bad != "" {
				only.Facts.Suppressions = append(only.Facts.Suppressions, rule.Text{Value: g.bad, At: g.at})
			}
		}
		hits = append(hits, rule.Check(&only)...)
	}
	rule.Sort(hits)
	for i := range hits {
		f := a.finding(&hits[i])
		if f.Suppressed == "" {
			f.Suppressed = suppressed(ignores, &hits[i], &s)
		}
		r.Findings = append(r.Findings, f)
	}
	return yield(&r)
}

// refusal reports errors about values: they are no losses.
func refusal(g diag.Diagnostic) bool {
	return g.Severity == diag.Error && g.Code != diag.SecurityLoss && g.Code != diag.Loss && g.Code != diag.Approximate
}

// rendered loads the service unit of a bundle and adds its score to the
// result. The hits of the rules have the places of the spec.
func (*Auditor) rendered(d *spec.Daemon, t *Target, b generators.Bundle, r *hardening.Result) ([]rule.Hit, error) {
	tree := newMemory(b.Artifacts)
	o := unit.Options{Version: int(t.Target.Version / generators.Major)}
	if t.Target.Scope == generators.User {
		o.Scope = unit.User
	}
	loader := unit.NewLoader(tree, o)
	file := ""
	for i := range b.Artifacts {
		p := b.Artifacts[i].Path
		if base := path.Base(p); base == d.Name+".service" || base == d.Name+"@.service" {
			file = strings.TrimPrefix(path.Clean(p), "/")
		}
	}
	if file == "" {
		r.Note = "the spec is rendered to no service"
		return nil, nil
	}
	u, err := loader.LoadFile(file)
	if err != nil {
		return nil, err
	}
	assessed := hardening.Assess(u, hardening.Options{})
	rated := assessed.Result()
	r.Systemd, r.Exposure, r.Rating, r.Rows = u.Version, rated.Exposure, rated.Rating, rated.Rows
	s := rule.Subject{Name: d.Name, Backend: "systemd", Unit: u, Facts: rule.FromUnit(u)}
	hits := slices.DeleteFunc(rule.Check(&s), func(h rule.Hit) bool { return strings.Contains(general, h.Rule.ID) })
	for i := range hits {
		hits[i].At = specPlace(d, t, hits[i].Key)
	}
	return hits, nil
}

// specPlace finds where a spec asks for a native setting: in its overrides, or
// in the field that the table says is rendered to it.
func specPlace(d *spec.Daemon, t *Target, key string) unit.Origin {
	at := unit.Origin{File: d.File(), Pos: d.Span("name").Start}
	if key == "" {
		return at
	}
	for i := range d.Overrides {
		o := &d.Overrides[i]
		if o.Backend == t.Target.Backend && len(o.Keys) > 0 && o.Keys[len(o.Keys)-1] == key {
			at.Pos = d.Span("overrides." + o.Backend + "." + strings.Join(o.Keys, ".")).Start
			return at
		}
	}
	if key == "ExecStart" {
		for _, p := range [...]string{"command", "shell"} {
			if id, ok := field.Lookup(p); ok && d.IsSet(id) {
				at.Pos = d.Span(p).Start
				return at
			}
		}
	}
	table := t.Generator.Support()
	for id := range d.Fields() {
		via := table[id].Via
		for word := range strings.FieldsSeq(via) {
			if name, _, ok := strings.Cut(word, "="); ok && name == key {
				if places := d.Places(id); len(places) > 0 {
					at.Pos = places[0].Span.Start
					return at
				}
			}
		}
	}
	return at
}

// specFacts are the facts of a daemon, with the places of the spec.
func specFacts(d *spec.Daemon, t *Target) rule.Facts {
	at := func(p string) unit.Origin { return unit.Origin{File: d.File(), Pos: d.Span(p).Start} }
	text := func(v, p string) rule.Text {
		if v == "" {
			return rule.Text{}
		}
		return rule.Text{Value: spec.Display(v), At: at(p), Key: p}
	}
	f := rule.Facts{
		UserScope: t.Target.Scope == generators.User, Oneshot: d.Type == "oneshot",
		User: text(d.User, "user"), Group: text(d.Group, "group"), WorkingDir: text(d.WorkingDir, "working_dir"),
	}
	f.Root = !f.UserScope && !d.Sandboxing.DynamicUser && (d.User == "" || d.User == "root" || d.User == "0")
	command := func(c spec.Command, p string, main, elevated bool) {
		if len(c) == 0 {
			return
		}
		args := make([]string, len(c))
		for i := range c {
			args[i] = spec.Display(c[i])
		}
		f.Commands = append(f.Commands, rule.Command{Key: p, Args: args, At: at(p), Main: main, Elevated: elevated})
	}
	command(d.Command, "command", true, false)
	if d.Shell != "" {
		f.Commands = append(f.Commands, rule.Command{Key: "shell", Args: []string{"/bin/sh", "-c", d.Shell}, At: at("shell"), Main: true})
	}
	command(d.Stop.Command, "stop.command", false, false)
	command(d.Reload.Command, "reload.command", false, false)
	command(d.Healthcheck.Test, "healthcheck.test", false, false)
	for _, l := range [...]struct {
		path  string
		hooks []spec.Hook
	}{{"hooks.pre_start", d.Hooks.PreStart}, {"hooks.post_start", d.Hooks.PostStart}, {"hooks.pre_stop", d.Hooks.PreStop}, {"hooks.post_stop", d.Hooks.PostStop}} {
		for i := range l.hooks {
			command(l.hooks[i].Command, l.path+"["+strconv.Itoa(i)+"].command", false, l.hooks[i].Privileged)
		}
	}
	for i, v := range d.Environment {
		p := "environment." + v.Name
		if d.Span(p) == d.Span("environment") {
			p = "environment[" + strconv.Itoa(i) + "]"
		}
		f.Environment = append(f.Environment, rule.Variable{Name: v.Name, Value: spec.Display(v.Value), At: at(p), Key: "environment"})
	}
	for i := range d.EnvFile {
		f.EnvFiles = append(f.EnvFiles, text(d.EnvFile[i].Path, "env_file["+strconv.Itoa(i)+"].path"))
	}
	if d.PidFile != "" {
		f.PidFiles = append(f.PidFiles, text(d.PidFile, "pid_file"))
	}
	for _, l := range [...][2]string{{"logging.stdout", d.Logging.Stdout}, {"logging.stderr", d.Logging.Stderr}} {
		for _, scheme := range [...]string{"file:", "append:"} {
			if file, ok := strings.CutPrefix(l[1], scheme); ok {
				f.Outputs = append(f.Outputs, text(file, l[0]))
			}
		}
	}
	for i := range d.Sockets {
		for j := range d.Sockets[i].Listen {
			l := &d.Sockets[i].Listen[j]
			p := "sockets[" + strconv.Itoa(i) + "].listen"
			value := l.Path
			if l.IP() {
				host := l.Host
				if strings.Contains(host, ":") {
					host = "[" + host + "]"
				}
				if host == "" {
					host = "*"
				}
				value = host + ":" + strconv.Itoa(l.Port)
			}
			f.Listens = append(f.Listens, text(value, p))
		}
	}
	for i := range d.Credentials {
		f.Sources = append(f.Sources, text(d.Credentials[i].Path, "credentials."+d.Credentials[i].Name))
	}
	if id, ok := field.Lookup("umask"); ok && d.IsSet(id) {
		f.UMask = text(fmt.Sprintf("%04o", uint32(d.Umask)), "umask")
	}
	for _, l := range [...]struct {
		path string
		mode spec.Mode
	}{
		{"directories.runtime", d.Directories.Runtime.Mode}, {"directories.state", d.Directories.State.Mode},
		{"directories.cache", d.Directories.Cache.Mode}, {"directories.logs", d.Directories.Logs.Mode}, {"directories.config", d.Directories.Config.Mode},
	} {
		if l.mode != 0 {
			f.Modes = append(f.Modes, text(fmt.Sprintf("%04o", uint32(l.mode)), l.path+".mode"))
		}
	}
	return f
}
