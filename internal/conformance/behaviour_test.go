package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
)

// done is the test of a check whose run has shown everything.
func done(*daemon) error { return nil }

// nothing is the run of a group whose files are looked at, or of a daemon that
// others refer to.
func nothing(*daemon) error { return nil }

// up waits until the probe has noted that it is up for the nth time and the
// manager says so as well.
func (d *daemon) up(n int) error {
	if err := d.noted("up", n); err != nil {
		return err
	}
	return d.becomes(generators.Active)
}

// running starts the daemon and waits until it is up.
func (d *daemon) running() error {
	if err := d.start(); err != nil {
		return err
	}
	return d.up(1)
}

// try starts a daemon whose process may have ended when the manager looks.
func (d *daemon) try() error {
	d.do(generators.Start)
	return nil
}

// kill sends a signal to the main process.
func (d *daemon) kill(signal string) error {
	_, err := d.sh("kill -s " + signal + " " + strconv.Itoa(d.status().PID))
	return err
}

// ends waits until the daemon neither runs nor will, then wants so many starts.
func (d *daemon) ends(starts int) error {
	if err := await("", func() bool {
		s := d.status().State
		return d.count("up") > starts || d.count("up") > 0 && (s == generators.Inactive || s == generators.Failed)
	}); err != nil {
		return fmt.Errorf("does not end: %+v", d.status())
	}
	if n := d.count("up"); n != starts {
		return fmt.Errorf("was started %d times, want %d", n, starts)
	}
	return nil
}

// gap is the time in nanoseconds between two starts, or other notes.
func (d *daemon) gap(note string, from, to int) int64 {
	var at []int64
	texts, times := d.notes()
	for i, t := range texts {
		if t == note {
			at = append(at, times[i])
		}
	}
	if to >= len(at) {
		return -1
	}
	return at[to] - at[from]
}

// policyGroup has a process end in three ways, and stopped. Where it is not
// started again the next way needs a start.
func policyGroup(policy string, success, failure, killed bool, checks ...check) *group {
	say := "restart policy " + policy + ": "
	var again, not []string
	for _, way := range []struct {
		name string
		yes  bool
	}{{"exit 0", success}, {"exit 1", failure}, {"SIGKILL", killed}, {"a stop", false}} {
		if way.yes {
			again = append(again, way.name)
		} else {
			not = append(not, way.name)
		}
	}
	if len(again) > 0 {
		say += "started again after " + strings.Join(again, ", ") + "; not after "
	} else {
		say += "not started again after "
	}
	say += strings.Join(not, ", ")
	return &group{name: "policy-" + policy, shows: say, about: "restart.policy", do: "on=SIGUSR1:1 on=SIGUSR2:0 note=up wait", doc: "restart: {policy: " + policy + ", delay: 100ms, max_attempts: infinity}\n", run: func(d *daemon) error {
		n := 0
		started := func() error {
			n++
			return d.up(n)
		}
		if err := first(d.try, started); err != nil {
			return err
		}
		for _, way := range []struct {
			signal string
			again  bool
		}{{"USR1", failure}, {"KILL", killed}, {"USR2", success}} {
			if err := d.kill(way.signal); err != nil {
				return err
			}
			if !way.again {
				if err := d.ends(n); err != nil {
					return fmt.Errorf("after %s: %w", way.signal, err)
				}
				d.do(generators.Start)
			}
			if err := started(); err != nil {
				return fmt.Errorf("after %s: %w", way.signal, err)
			}
		}
		return first(d.stop, func() error { return d.ends(n) })
	}, checks: checks}
}

// first runs steps until one fails.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

const second = int64(1e9)

// atLeast wants a gap between starts. Only the lower bound is certain on a
// machine that does other things as well; a centisecond is what shells measure.
func (d *daemon) atLeast(want int64, note string, from, to int) error {
	if got := d.gap(note, from, to); got < want-second/50 {
		return fmt.Errorf("%q came after %d ms, want %d", note, got/1e6, want/1e6)
	}
	return nil
}

func behaviourGroups() []*group {
	groups := []*group{
		policyGroup("no", false, false, false),
		policyGroup("on-success", true, false, false),
		policyGroup("on-failure", false, true, true, check{field: "restart.policy", what: "on-failure: started again after exit 1 and SIGKILL, not after exit 0 and a stop", test: done}),
		policyGroup("on-abnormal", false, false, true),
		policyGroup("on-abort", false, false, true),
		policyGroup("always", true, true, true),
		policyGroup("unless-stopped", true, true, true),
		{name: "delay", shows: "restart delay: no start before it is over", do: "note=up exit=1", doc: "restart: {policy: on-failure, delay: 1s, max_attempts: infinity}\n", run: func(d *daemon) error {
			d.do(generators.Start) // its process has ended before some managers call it started
			return first(func() error { return d.noted("up", 3) }, d.stop,
				func() error { return d.atLeast(second, "up", 0, 1) }, func() error { return d.atLeast(second, "up", 1, 2) })
		}, checks: []check{{field: "restart.delay", what: "the time between starts", test: done}}},
		{name: "steps", shows: "restart steps and max_delay: the delay grows", do: "note=up exit=1", doc: "restart: {policy: on-failure, delay: 100ms, max_delay: 1500ms, steps: 2, max_attempts: infinity}\n", run: func(d *daemon) error {
			d.do(generators.Start)
			return first(func() error { return d.noted("up", 5) }, d.stop, func() error { return d.atLeast(second*3/2, "up", 3, 4) })
		}, checks: []check{
			{field: "restart.max_delay", what: "the time before the fifth start", test: done},
			{field: "restart.steps", what: "the fifth start waits for max_delay, the second for less", test: func(d *daemon) error {
				if d.gap("up", 0, 1) >= d.gap("up", 3, 4) {
					return errors.New("the delay does not grow")
				}
				return nil
			}},
		}},
		// supervisord takes an end within startsecs for a failed start, which on a
		// busy machine must not depend on how long the process takes.
		{name: "burst", shows: "burst limit: given up after max_attempts starts", do: "note=up exit=1", doc: "restart: {policy: always, delay: 10ms, max_attempts: 3, window: 1m}\noverrides: {supervisord: {program: {startsecs: 30}}}\n", run: func(d *daemon) error {
			d.do(generators.Start)
			return first(func() error { return d.becomes(generators.Failed) }, func() error { return d.ends(3) })
		}, checks: []check{{field: "restart.max_attempts", what: "the number of starts before it is given up", test: done}}},
		{name: "window", shows: "burst limit: starts that are further apart than the window go on", do: "note=up exit=1", doc: "restart: {policy: always, delay: 300ms, max_attempts: 3, window: 500ms}\n", run: func(d *daemon) error {
			d.do(generators.Start)
			return first(func() error { return d.noted("up", 6) }, d.stop)
		}, checks: []check{{field: "restart.window", what: "more starts than max_attempts, in more time", test: done}}},
		{name: "success", shows: "restart success_exit: neither started again nor failed", do: "note=up sleep=1500ms exit=3", doc: "restart: {policy: on-failure, success_exit: [3]}\n", run: func(d *daemon) error {
			return first(d.try, func() error { return d.ends(1) }, func() error { return d.becomes(generators.Inactive) })
		}, checks: []check{{field: "restart.success_exit", what: "not started again under on-failure, and not failed", test: done}}},
		{name: "prevent", shows: "restart prevent_exit: not started again under on-failure", do: "note=up sleep=1500ms exit=78", doc: "restart: {policy: on-failure, prevent_exit: [78]}\n", run: func(d *daemon) error {
			return first(d.try, func() error { return d.ends(1) })
		}, checks: []check{{field: "restart.prevent_exit", what: "not started again under on-failure", test: done}}},
		{name: "force", shows: "restart force_exit: started again under no", do: "note=up sleep=1500ms exit=75", doc: "restart: {policy: 'no', force_exit: [75]}\n", run: func(d *daemon) error {
			return first(d.try, func() error { return d.noted("up", 2) }, d.stop)
		}, checks: []check{{field: "restart.force_exit", what: "started again under no", test: done}}},
		{name: "starttime", do: "note=up wait", doc: "type: oneshot\nstart: {timeout: 1s}\n", run: func(d *daemon) error {
			if d.start() == nil {
				return errors.New("it was started")
			}
			return d.becomes(generators.Failed)
		}, checks: []check{{field: "start.timeout", what: "a oneshot that does not end: start fails", test: done}}},
		{name: "type", do: "sleep=500ms note=up", doc: "type: oneshot\n", run: func(d *daemon) error {
			if err := d.start(); err != nil {
				return err
			}
			return d.ends(1)
		}, checks: []check{{field: "type", what: "start of a oneshot returns when its process is done", test: done}}},
		{name: "remain", do: "note=up", doc: "type: oneshot\nremain_after_exit: true\n", run: func(d *daemon) error {
			if err := d.running(); err != nil {
				return err
			}
			if s := d.status(); s.PID != 0 {
				return fmt.Errorf("%+v", s)
			}
			return nil
		}, checks: []check{{field: "remain_after_exit", what: "active without a process", test: done}}},
		{name: "notify", do: "child=notify=READY=1+wait note=up wait", doc: "type: notify\nnotify_access: all\nstart: {timeout: 20s}\n", run: func(d *daemon) error { return d.running() },
			checks: []check{{field: "notify_access", what: "all: ready by a message of a child", test: done}}},
		{name: "dbus", only: "systemd", run: nothing, doc: "type: dbus\nbus_name: org.example.Web\n",
			checks: []check{{field: "bus_name", what: "what the manager took", property: "BusName=org.example.Web", hidden: "the probe does not speak D-Bus"}}},
		{name: "watchdog", shows: "watchdog: a process that sends no keep-alive fails", do: "notify=READY=1 note=up wait", doc: "type: notify\nwatchdog: 1s\n", run: func(d *daemon) error {
			return first(d.start, func() error { return d.becomes(generators.Failed) }, func() error {
				if r := d.property(d.job(), "Result"); r != "watchdog" {
					return errors.New("result " + r)
				}
				return nil
			})
		}, checks: []check{{field: "watchdog", what: "a process that sends no keep-alive fails", test: done}}},
		{name: "beat", only: "systemd", do: "notify=READY=1 beat=1s note=up sleep=7s notify=STOPPING=1 exit=0", doc: "type: notify\nwatchdog: 5s\n", run: func(d *daemon) error {
			return first(d.start, func() error { return d.ends(1) }, func() error { return d.becomes(generators.Inactive) })
		}},
		{name: "maxtime", shows: "max_runtime: a process that does not end by itself is ended", do: "note=up wait", doc: "max_runtime: 20s\n", run: func(d *daemon) error {
			return first(d.start, func() error { return d.noted("up", 1) }, func() error { return d.ends(1) })
		}, checks: []check{{field: "max_runtime", what: "a process that does not end by itself", test: done}}},
		{name: "pidfile", do: "child=pidfile=/run/c-pidfile.pid+note=up+wait file=/run/c-pidfile.pid exit=0", doc: "type: forking\npid_file: /run/c-pidfile.pid\n", run: func(d *daemon) error {
			return first(d.running, func() error {
				return says("cat /run/c-pidfile.pid 2>/dev/null || cat /run/c-pidfile.pid", strconv.Itoa(d.status().PID))(d)
			}, d.stop)
		}, checks: []check{{field: "pid_file", what: "the main process of a forking service", test: done}}},
		{name: "envmissing", do: "note=up wait", doc: "env_file: [{path: /srv/absent, required: true}]\n", run: func(d *daemon) error {
			d.do(generators.Start)
			return await("the end", func() bool {
				s := d.status().State
				return s == generators.Failed || s == generators.Inactive
			})
		}},
		{name: "envoptional", shows: "env file: a start without a required one fails, without another it does not", do: "note=up wait", doc: "env_file: [{path: /srv/absent, required: false}]\n", run: func(d *daemon) error { return d.running() }, checks: []check{
			{field: "env_file.required", what: "a missing file: started with false, not started with true", test: func(d *daemon) error {
				if n := d.daemons["envmissing"].count("up"); n != 0 {
					return errors.New("started without the required file")
				}
				return nil
			}},
		}},
		{name: "envagain", shows: "env file: read at every start", about: "env_file.path", do: "note=up report wait", doc: "env_file: [/out/<N>.env]\n", run: func(d *daemon) error {
			write := func(value string) func() error {
				return func() error { _, err := d.sh("echo SAME=" + value + " >/out/" + d.name + ".env"); return err }
			}
			sees := func(value string) func() error {
				return func() error {
					return await("the report with "+value, func() bool {
						r, err := d.read()
						return err == nil && r.Env["SAME"] == value
					})
				}
			}
			return first(write("one"), d.running, sees("one"), d.stop, write("two"), d.start, sees("two"))
		}},
		{name: "preserve", do: "note=up wait", doc: "directories: {runtime: {name: conf-keep, preserve: 'yes'}}\n", run: func(d *daemon) error {
			return first(d.running, func() error { return says("touch /run/conf-keep/file; echo", "")(d) }, d.stop,
				func() error { return says("test -d /run/conf-keep && echo kept", "kept")(d) })
		}, checks: []check{{field: "directories.runtime.preserve", what: "the directory after a stop", test: done}}},

		// stop
		{name: "stopsignal", shows: "stop: the process gets stop.signal", do: "on=SIGINT:0 note=up wait", doc: "stop: {signal: SIGINT, timeout: 20s}\n", run: func(d *daemon) error {
			return first(d.running, d.stop, func() error { return d.noted("SIGINT", 1) })
		}, checks: []check{{field: "stop.signal", what: "the signal that the process gets", test: done}}},
		{name: "stoptime", shows: "stop: a process that ignores it is killed after stop.timeout", do: "on=SIGTERM note=up wait", doc: "stop: {timeout: 3s}\n", run: func(d *daemon) error {
			return first(d.running, func() error { d.do(generators.Stop); return d.noted("SIGTERM", 1) }, func() error { return d.ends(1) })
		}, checks: []check{{field: "stop.timeout", what: "a process that ignores SIGTERM ends", test: done}}},
		{name: "final", shows: "stop: stop.final_signal comes in the place of SIGKILL", do: "on=SIGTERM on=SIGABRT:0 note=up wait", doc: "stop: {timeout: 1s, final_signal: SIGABRT}\n", run: func(d *daemon) error {
			return first(d.running, func() error { d.do(generators.Stop); return d.noted("SIGABRT", 1) })
		}, checks: []check{{field: "stop.final_signal", what: "the second signal that the process gets", test: done}}},
		{name: "sighup", do: "on=SIGTERM on=SIGHUP:0 note=up wait", doc: "stop: {send_sighup: true, timeout: 20s}\n", run: func(d *daemon) error {
			return first(d.running, d.stop, func() error { return d.noted("SIGHUP", 1) })
		}, checks: []check{{field: "stop.send_sighup", what: "SIGHUP besides SIGTERM", test: done}}},
		{name: "nokill", only: "systemd", do: "on=SIGTERM on=SIGUSR1:0 note=up wait", doc: "stop: {send_sigkill: false, timeout: 1s}\n", run: func(d *daemon) error {
			var pid int
			return first(d.running, func() error { pid = d.status().PID; d.do(generators.Stop); return d.becomes(generators.Failed) },
				func() error { _, err := d.sh("kill -s USR1 " + strconv.Itoa(pid)); return err },
				func() error { return d.noted("SIGUSR1", 1) })
		}, checks: []check{
			{field: "stop.send_sigkill", what: "a process that ignores SIGTERM is there after the timeout", test: done},
		}},
		{name: "killmode", shows: "stop: kill_mode process leaves children alone", do: "child=note=child+on=SIGTERM+on=SIGUSR1:0+pidfile=/out/c-killmode.pid+wait file=/out/c-killmode.pid note=up wait", doc: "stop: {kill_mode: process, timeout: 2s}\n", run: func(d *daemon) error {
			return first(d.running, d.stop,
				func() error { _, err := d.sh("kill -s USR1 $(cat /out/c-killmode.pid)"); return err },
				func() error { return d.noted("SIGUSR1", 1) },
				func() error {
					if d.count("SIGTERM") > 0 {
						return errors.New("the child got the signal")
					}
					return nil
				})
		}, checks: []check{{field: "stop.kill_mode", what: "process: a child gets no signal and is there after the stop", test: done}}},
		{name: "stopcommand", shows: "stop: stop.command runs, and has the PID", do: "note=up wait", doc: "stop: {command: [/usr/bin/probe, --do, 'note=stop-@mainpid'], timeout: 5s}\n", run: func(d *daemon) error {
			var pid int
			return first(d.running, func() error { pid = d.status().PID; return d.stop() }, func() error { return d.noted("stop-"+strconv.Itoa(pid), 1) })
		}, checks: []check{{field: "stop.command", what: "what it notes, with $MAINPID", test: done}}},
		{name: "reload", shows: "reload: the process gets reload.signal, and stays", do: "on=SIGHUP note=up wait", doc: "reload: {signal: SIGHUP}\n", run: func(d *daemon) error {
			return first(d.running, func() error { d.do(generators.Refresh); return d.noted("SIGHUP", 1) }, func() error { return d.up(1) })
		}, checks: []check{{field: "reload.signal", what: "the signal that the process gets", test: done}}},
		{name: "reloadcommand", shows: "reload: reload.command runs", do: "note=up wait", doc: "reload: {command: [/usr/bin/probe, --do, note=reloaded]}\n", run: func(d *daemon) error {
			return first(d.running, func() error { d.do(generators.Refresh); return d.noted("reloaded", 1) })
		}, checks: []check{{field: "reload.command", what: "what it notes", test: done}}},

		healthGroup("health", "test: [/usr/bin/probe, --do, 'note=check exit=1'], retries: 2", "note=up wait", func(d *daemon) error {
			texts, _ := d.notes()
			if i := slices.Index(texts[1:], "up"); texts[0] != "up" || i != 2 {
				return fmt.Errorf("noted %q", texts)
			}
			return nil
		},
			check{field: "healthcheck.test", what: "restarted after it failed", test: done},
			check{field: "healthcheck.retries", what: "the number of failures before the restart", test: done},
			check{field: "healthcheck.interval", what: "the time between two tests", test: func(d *daemon) error { return d.atLeast(second/2, "check", 0, 1) }}),
		healthGroup("health-time", "test: [/usr/bin/probe, --do, 'note=check wait'], retries: 1, timeout: 1s", "note=up wait", done,
			check{field: "healthcheck.timeout", what: "restarted after a test that does not end", test: done}),
		healthGroup("health-period", "test: [/usr/bin/probe, --do, 'note=check exit=1'], retries: 1, start_period: 3s", "note=up wait", done,
			check{field: "healthcheck.start_period", what: "the time before the restart", test: func(d *daemon) error { return d.atLeast(2*second, "up", 0, 1) }}),
		healthGroup("health-tcp", "tcp: '127.0.0.1:7711', retries: 1", "serve=127.0.0.1:7711,3 note=up wait", served,
			check{field: "healthcheck.tcp", what: "three tests pass, then the port is closed and it is restarted", test: done}),
		healthGroup("health-http", "http: 'http://127.0.0.1:7712/', retries: 1", "serve=127.0.0.1:7712,3 note=up wait", served,
			check{field: "healthcheck.http", what: "three tests pass, then the port is closed and it is restarted (where the root has no curl or wget, with a stand-in)", test: done}),
		hooksGroup(),
	}
	return append(groups, relationGroups()...)
}

// served wants that the tests passed while the probe answered.
func served(d *daemon) error {
	texts, _ := d.notes()
	if n := slices.Index(texts[1:], "up"); n < 3 {
		return fmt.Errorf("noted %q", texts)
	}
	return nil
}

func healthGroup(name, health, do string, then func(d *daemon) error, checks ...check) *group {
	interval := "interval: 1s, "
	return &group{name: name, do: do, doc: "healthcheck: {" + interval + health + "}\n", run: func(d *daemon) error {
		for _, j := range d.bundle.Jobs {
			if r := d.doJob(generators.Start, j.Name); r.Code != 0 {
				return fmt.Errorf("start %s: %v", j.Name, r)
			}
		}
		return first(func() error { return d.noted("up", 2) }, func() error { return then(d) }, func() error {
			for _, j := range slices.Backward(d.bundle.Jobs) {
				d.doJob(generators.Stop, j.Name)
			}
			return nil
		})
	}, checks: checks}
}

var hookKinds = [...]string{"pre_start", "post_start", "pre_stop", "post_stop"}

// hooksGroup has every kind of hook in every way.
func hooksGroup() *group {
	g := &group{name: "hooks", shows: "hooks: in their order, as their users; failures that may be ignored are", do: "note=up wait", doc: "user: web\nhooks:\n"}
	for _, kind := range hookKinds {
		g.doc += "  " + kind + ":\n" +
			"    - [/usr/bin/probe, --do, 'note=" + kind + "-@uid']\n" +
			"    - {command: [/bin/false], ignore_failure: true}\n" +
			"    - {command: [/usr/bin/probe, --do, 'note=" + kind + "-@uid'], privileged: true}\n"
		g.checks = append(g.checks,
			check{field: "hooks." + kind + ".command", what: "what it notes: the user, and the order of all hooks", test: done},
			check{field: "hooks." + kind + ".ignore_failure", what: "the next hook runs after one that fails", test: done},
			check{field: "hooks." + kind + ".privileged", what: "the user", test: done})
	}
	g.run = func(d *daemon) error {
		var wanted []string
		last := ""
		for _, kind := range hookKinds {
			if supported(d.support("hooks." + kind + ".command")) {
				wanted = append(wanted, kind+"-991", kind+"-0")
				if strings.HasSuffix(kind, "start") {
					last = kind + "-0"
				}
			}
		}
		if err := first(d.running, func() error { return d.noted(last, 1) }); err != nil {
			return err
		}
		if err := d.stop(); err != nil {
			return err
		}
		if err := d.noted(wanted[len(wanted)-1], 1); err != nil {
			return err
		}
		texts, _ := d.notes()
		texts = slices.DeleteFunc(texts, func(s string) bool { return s == "up" })
		if !slices.Equal(texts, wanted) {
			return fmt.Errorf("hooks noted %q, want %q", texts, wanted)
		}
		return nil
	}
	return g
}

// relationGroups has a daemon for each relation, and another for it to refer to.
func relationGroups() []*group {
	var groups []*group
	// dep is the other daemon, which is not looked at by itself.
	add := func(name, doc, do, depDo, depDoc string, run func(d, dep *daemon) error, c check) {
		groups = append(groups,
			&group{name: name + "-dep", doc: depDoc, do: depDo, run: nothing},
			&group{name: name, doc: doc, do: do, only: c.on, run: func(d *daemon) error { return run(d, d.daemons[name+"-dep"]) }, checks: []check{c}})
	}
	one := func(key, what, on, do string, run func(d, dep *daemon) error) {
		name := "rel-" + strings.ReplaceAll(key, "_", "")
		add(name, "depends_on: {"+key+": [c-"+name+"-dep]}\n", do, "note=up wait", "", run,
			check{field: "depends_on." + key, what: what, on: on, test: done})
	}
	const stays, fails = "note=up wait", "note=up sleep=1200ms exit=1"
	started := func(d, dep *daemon) error {
		return first(d.start, func() error { return dep.noted("up", 1) }, func() error { return d.up(1) })
	}
	one("requires", "the other is started", "!sysvinit", stays, started)
	one("wants", "the other is started", "!sysvinit", stays, started)
	one("requisite", "not started before the other runs", "", stays, func(d, dep *daemon) error {
		if d.start() == nil && d.is("systemd") || d.count("up") > 0 {
			return errors.New("started without the other")
		}
		return first(dep.running, d.running)
	})
	one("binds_to", "stopped when the other dies", "!sysvinit !openrc !runit", stays, func(d, dep *daemon) error {
		return first(d.running, func() error { return dep.up(1) }, func() error { return dep.kill("KILL") }, func() error { return d.ends(1) })
	})
	one("part_of", "stopped with the other", "!sysvinit", stays, func(d, dep *daemon) error {
		return first(dep.running, d.running, dep.stop, func() error { return d.ends(1) })
	})
	one("upholds", "the other is started, and again when it dies", "!sysvinit", stays, func(d, dep *daemon) error {
		return first(d.running, func() error { return dep.up(1) }, func() error { return dep.kill("KILL") }, func() error { return dep.noted("up", 2) })
	})
	one("conflicts", "the other is stopped", "", stays, func(d, dep *daemon) error {
		return first(dep.running, d.running, func() error { return dep.ends(1) })
	})
	one("on_failure", "the other is started after exit 1", "", fails, func(d, dep *daemon) error {
		return first(d.try, func() error { return dep.noted("up", 1) })
	})
	one("on_success", "the other is started after exit 0", "", "note=up sleep=1200ms exit=0", func(d, dep *daemon) error {
		return first(d.try, func() error { return dep.noted("up", 1) })
	})
	// A oneshot counts as started when it is done.
	order := func(key string, firstDo, secondDo string, earlier func(d, dep *daemon) (e, l *daemon)) {
		name := "rel-" + key
		docs := [2]string{"", "type: oneshot\n"}
		if key == "before" {
			docs = [2]string{"type: oneshot\n", ""}
		}
		add(name, docs[0]+"depends_on: {"+key+": [c-"+name+"-dep]}\n", firstDo, secondDo, docs[1], func(d, dep *daemon) error {
			e, l := earlier(d, dep)
			// The second job comes while the first runs.
			if _, err := d.sh("systemctl start --no-block " + e.job() + " && systemctl start " + l.job()); err != nil {
				return err
			}
			return first(func() error { return l.noted("up", 1) }, func() error {
				_, a := e.notes()
				_, b := l.notes()
				if len(a) == 0 || a[0] > b[0] {
					return fmt.Errorf("%s came at %v, %s at %v", e.name, a, l.name, b)
				}
				return nil
			})
		}, check{field: "depends_on." + key, what: "the order of two that are started at once", on: "systemd", test: done})
	}
	order("after", stays, "sleep=400ms note=up", func(d, dep *daemon) (*daemon, *daemon) { return dep, d })
	order("before", "sleep=400ms note=up", stays, func(d, dep *daemon) (*daemon, *daemon) { return d, dep })
	groups = append(groups,
		&group{name: "mounts", only: "systemd", run: nothing, doc: "depends_on: {mounts: [/srv/web]}\n", checks: []check{
			{field: "depends_on.mounts", what: "what the manager took", property: "RequiresMountsFor=/srv/web", hidden: "nothing is to be mounted in the container"}}},
		&group{name: "online", only: "systemd", run: nothing, doc: "depends_on: {network_online: true}\n", checks: []check{
			{field: "depends_on.network_online", what: "what the manager took", property: "After=network-online.target", hidden: "the container has no network"}}})
	return groups
}
