package supervisord

import (
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/spec"
)

// health adds the program that tests the service and restarts it through
// supervisorctl, and the script with the test.
func (r *renderer) health(d *spec.Daemon, o chain.Options, instance, full string) {
	h := &d.Healthcheck
	test := chain.HealthTest(h)
	if test == nil {
		return
	}
	check, loop := helper(d.Name, "check", instance), helper(d.Name, "health", instance)
	r.bundle.Add(check, 0o755, r.asDaemon(d, o, test))
	r.bundle.Add(loop, 0o755, chain.HealthLoop(full, h, check, []string{supervisorctl, "status", full}, []string{supervisorctl, "restart", full}))
	job := d.Name + "-health"
	if instance != "" {
		job = d.Name + "-" + instance + "-health"
	}
	line, _ := encodeCommand([]string{loop})
	enable := d.Install.Enable && len(d.Timers) == 0
	s := section{name: "program:" + job}
	s.set("command", line)
	s.set("directory", "/")
	s.yes("autostart", enable)
	s.yes("autorestart", true)
	s.yes("stopasgroup", true)
	s.yes("killasgroup", true)
	s.yes("redirect_stderr", true)
	r.sections = append(r.sections, s)
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: job, Enable: enable, Start: d.Install.Start && len(d.Timers) == 0})
}
