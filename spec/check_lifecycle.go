package spec

import (
	"slices"
	"strconv"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

func (c *checker) notifies() bool { return c.Type == "notify" || c.Type == "notify-reload" }

// lifecycle checks type, readiness, stop and time limits.
func (c *checker) lifecycle() {
	given := also{"type", "type " + c.Type + " is given here"}

	// systemd.service(5), PIDFile=: "usage recommended for forking".
	switch forking := c.Type == "forking"; {
	case forking && c.PidFile == "":
		c.warn(diag.ForkingPidFile, "type", "a forking service without pid_file",
			"the manager has to guess which process is the service when the parent exits",
			"run the program in the foreground with type simple, or name its pid_file")
	case !forking && c.PidFile != "":
		c.warn(diag.PidFileUnused, "pid_file", "pid_file has no effect for type "+c.Type,
			"only a forking service needs a PID file to be found", "remove it, or set type: forking if the program forks", given)
	}

	// Setting notify_access says that the program speaks the protocol whatever its type (sd_notify(3)).
	accepts := c.IsSet(field.NotifyAccess) && c.NotifyAccess != "none"
	watched := c.Watchdog > 0 && c.Watchdog != Infinity
	switch {
	case watched && !c.notifies() && !accepts:
		c.warn(diag.WatchdogType, "watchdog", "a watchdog for a service of type "+c.Type,
			"it is killed unless it sends WATCHDOG=1 in time, which is what notify services do",
			"set type: notify if the program sends readiness messages, or remove the watchdog", given)
	case c.NotifyAccess == "none" && (watched || c.notifies()):
		c.fail(diag.NotifyMismatch, "notify_access", "the messages that the service must send are not accepted",
			"the service would never count as started, or be killed by its watchdog", "set notify_access: main, or remove it", given)
	case accepts && !watched && !c.notifies() && !c.IsSet(field.Type):
		c.warn(diag.NotifyMismatch, "notify_access", "notify_access without type notify",
			"nothing waits for the messages", "set type: notify")
	}

	// systemd.service(5), BusName=: mandatory for dbus, fine with any other type that is chosen deliberately.
	switch {
	case c.Type == "dbus" && c.BusName == "":
		c.fail(diag.BusName, "type", "type dbus without bus_name",
			"the service counts as started when it owns its bus name", "add bus_name")
	case c.BusName != "" && !c.IsSet(field.Type):
		c.warn(diag.BusName, "bus_name", "bus_name without type dbus",
			"nothing waits until the name is taken", "set type: dbus")
	}

	if c.IsSet(field.ReloadSignal) && c.IsSet(field.ReloadCommand) {
		c.fail(diag.Exclusive, "reload.command", "reload.command and reload.signal exclude each other", "", "keep one of them",
			also{"reload.signal", "reload.signal is given here"})
	}

	if c.Stop.KillMode == "none" {
		c.warn(diag.KillNobody, "stop.kill_mode", "kill_mode none leaves processes behind",
			"nothing is signalled at stop, so the service's processes go on unsupervised", "use mixed or process")
	}
	if !c.Stop.SendSigkill && c.IsSet(field.StopFinalSignal) {
		c.warn(diag.FinalSignalUnused, "stop.final_signal", "stop.final_signal is never sent", "",
			"remove it or send_sigkill: false", also{"stop.send_sigkill", "no final signal is sent because of this"})
	}

	c.zero(field.StartTimeout, c.Start.Timeout)
	c.zero(field.StopTimeout, c.Stop.Timeout)
	c.zero(field.MaxRuntime, c.MaxRuntime)
	c.zero(field.Watchdog, c.Watchdog)
	// systemd.service(5), RuntimeMaxSec=.
	if c.Type == "oneshot" && c.IsSet(field.MaxRuntime) {
		c.warn(diag.OneshotRuntime, "max_runtime", "max_runtime does not bound a oneshot",
			"a oneshot runs while it is starting", "use start: {timeout: "+c.MaxRuntime.String()+"}", given)
	}
}

func (c *checker) zero(id field.ID, v Duration) {
	if v == 0 && c.IsSet(id) {
		c.fail(diag.ZeroTimeout, id.String(), id.String()+" is 0",
			"0 means no limit to one manager and no time at all to another", "write infinity for no limit, or a time such as 1s")
	}
}

func (c *checker) restart() {
	r := &c.Restart
	policy := also{"restart.policy", "the policy is given here"}
	if c.Type == "oneshot" && again(r.Policy) {
		c.fail(diag.OneshotRestart, "restart.policy", "a oneshot cannot have restart: "+r.Policy,
			"it has done its work when it ends, and would repeat it without end",
			"use restart: on-failure, a timer, or a type that stays running", also{"type", "type oneshot is given here"})
	}

	if r.Policy == "no" && len(r.ForceExit) == 0 && !c.hasHealthcheck() {
		for _, id := range []field.ID{field.RestartDelay, field.RestartMaxDelay, field.RestartSteps, field.RestartPreventExit} {
			if c.IsSet(id) {
				c.warn(diag.RestartUnused, id.String(), id.String()+" has no effect",
					"the policy is no, so the service is never restarted", "add a policy, for example on-failure", policy)
				return
			}
		}
		return
	}

	steps, maxDelay := c.IsSet(field.RestartSteps), c.IsSet(field.RestartMaxDelay)
	switch {
	case steps && !maxDelay:
		c.warn(diag.RestartSteps, "restart.steps", "restart.steps without restart.max_delay",
			"the delay has nothing to grow to and stays as it is", "add max_delay")
	case maxDelay && !steps:
		c.warn(diag.RestartSteps, "restart.max_delay", "restart.max_delay without restart.steps",
			"without a number of steps the delay does not grow", "add steps")
	case maxDelay && r.MaxDelay < r.Delay:
		c.fail(diag.RestartMaxDelay, "restart.max_delay", "restart.max_delay "+r.MaxDelay.String()+" is below restart.delay "+r.Delay.String(),
			"the delay grows to max_delay", "make max_delay the longer one", also{"restart.delay", "the delay is given here"})
	}

	// Only if the author has asked for a limit: with the defaults, a delay of
	// some seconds means restarting for ever, which is what most want.
	n, window := Duration(r.MaxAttempts), r.Window
	if (c.IsSet(field.RestartMaxAttempts) || c.IsSet(field.RestartWindow)) && n > 0 && window > 0 && window != Infinity && r.Delay >= (window+n-1)/n {
		path, other := "restart.max_attempts", "restart.window"
		if !c.IsSet(field.RestartMaxAttempts) {
			path, other = other, path
		}
		fix := "write max_attempts: infinity if it should be restarted for ever"
		if r.Delay < Infinity/(2*n) {
			fix = "lengthen window to more than " + (r.Delay * n).String() + ", or " + fix
		}
		c.warn(diag.LimitNeverTrips, path, "the restart limit can never be reached",
			strconv.Itoa(r.MaxAttempts)+" starts, "+r.Delay.String()+" apart, do not fit into "+window.String(), fix,
			also{other, other + " is given here"}, also{"restart.delay", "the delay is given here"})
	}

	for i, s := range r.PreventExit {
		if j := slices.Index(r.ForceExit, s); j >= 0 {
			c.fail(diag.ExitOverlap, "restart.prevent_exit["+strconv.Itoa(i)+"]", s+" both prevents and forces a restart", "",
				"remove it from one of the lists", also{"restart.force_exit[" + strconv.Itoa(j) + "]", "forced here"})
		}
	}
}

// again reports policies that restart after success.
func again(policy string) bool {
	return policy == "always" || policy == "unless-stopped" || policy == "on-success"
}

func (c *checker) hasHealthcheck() bool {
	return c.IsSet(field.HealthcheckTest) || c.IsSet(field.HealthcheckHTTP) || c.IsSet(field.HealthcheckTCP)
}

func (c *checker) healthcheck() {
	var forms []string
	for _, id := range []field.ID{field.HealthcheckTest, field.HealthcheckHTTP, field.HealthcheckTCP} {
		if c.IsSet(id) {
			forms = append(forms, id.String())
		}
	}
	rest := c.IsSet(field.HealthcheckInterval) || c.IsSet(field.HealthcheckTimeout) || c.IsSet(field.HealthcheckRetries) || c.IsSet(field.HealthcheckStartPeriod)
	switch {
	case len(forms) == 0 && !rest:
		return
	case len(forms) == 0:
		c.fail(diag.Required, "healthcheck", "the health check has no test", "", "give it one of test, http and tcp")
		return
	case len(forms) > 1:
		c.fail(diag.Exclusive, forms[1], forms[1]+" and "+forms[0]+" exclude each other", "", "keep one of them; a test command can check several things",
			also{forms[0], forms[0] + " is given here"})
	}
	c.zero(field.HealthcheckInterval, c.Healthcheck.Interval)
	c.zero(field.HealthcheckTimeout, c.Healthcheck.Timeout)
	if c.Type == "oneshot" && !c.RemainAfterExit {
		c.warn(diag.HealthcheckUnused, forms[0], "a health check of a oneshot",
			"the service has ended when the first test would run", "remove the health check", also{"type", "type oneshot is given here"})
	}
	if h := &c.Healthcheck; c.IsSet(field.HealthcheckTimeout) && h.Timeout > h.Interval {
		c.warn(diag.HealthcheckSlow, "healthcheck.timeout", "a test may take longer than the interval of "+h.Interval.String(),
			"failures are noticed later than the interval says", "shorten the timeout or lengthen the interval", also{"healthcheck.interval", "the interval is given here"})
	}
}
