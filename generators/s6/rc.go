package s6

import (
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/spec/field"
)

// oneshot writes a service of s6-rc that is up once its command has ended well.
// s6rc-oneshot-runner runs it as root with an environment of its own.
func (c *copyOf) oneshot() {
	c.dir.value("type", "oneshot")
	o := chain.Options{Job: c.job, KeepRuntimeDir: true, Output: !c.log.files, Skip: 0}
	path := chain.ScriptPath(c.d.Name, c.instance)
	c.bundle.Add(path, 0o755, chain.Script(c.d, o))
	c.dir.value("up", path)
	c.timeouts()
	if c.log.pipe && (c.log.out == "syslog" || c.log.err == "syslog") {
		c.lose(field.LoggingStdout, "logging.stdout", generators.Approximate, "the output of a oneshot goes to the log of s6-rc")
	}
	if !c.d.RemainAfterExit {
		c.lose(field.Type, "type", generators.Approximate, "for s6-rc a oneshot is up until it is told to go down")
	}
	if len(c.d.Hooks.PostStop) > 0 || len(c.d.Hooks.PostStart) > 0 {
		c.lose(field.HooksPostStopCommand, "hooks", generators.Unsupported, "s6-rc runs nothing after the command of a oneshot")
	}
}

// dependencies writes what s6-rc starts first. Its dependencies are hard, and
// there is no order without one.
func (c *copyOf) dependencies() {
	dep := &c.d.DependsOn
	if len(dep.BindsTo) > 0 {
		c.lose(field.DependsOnBindsTo, "depends_on.binds_to", generators.Approximate, "s6-rc stops the service before the others, but not when they end by themselves")
	}
	for _, l := range [...]struct {
		id    field.ID
		units []string
		why   string
	}{
		{field.DependsOnRequires, dep.Requires, ""},
		{field.DependsOnBindsTo, dep.BindsTo, ""},
		{field.DependsOnRequisite, dep.Requisite, "s6-rc would start it"},
		{field.DependsOnWants, dep.Wants, "for s6-rc a service that depends on another cannot be without it"},
		{field.DependsOnAfter, dep.After, "s6-rc orders a service only behind those that it depends on"},
	} {
		for i, unit := range l.units {
			if l.why != "" {
				c.lose(l.id, l.id.String(), generators.Unsupported, l.why)
				continue
			}
			if name := c.service(l.id, i, unit); name != "" && !strings.HasPrefix(name, "s6rc-") && !strings.HasPrefix(name, "s6-rc-") {
				c.dir.add("dependencies.d/"+name, 0o644, nil)
			}
		}
	}
}
