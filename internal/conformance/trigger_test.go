package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/generators"
)

// conditionGroups has a daemon with all conditions as they are met, and for
// each one another where it is not.
func conditionGroups() []*group {
	conditions := []struct{ key, met, unmet string }{
		{"path_exists", "[/srv/web/marker]", "[/nonexistent]"},
		{"path_exists_glob", "['/srv/web/mark*']", "['/srv/none*']"},
		{"path_is_directory", "[/srv/web]", "[/srv/input]"},
		{"path_is_symbolic_link", "[/srv/link]", "[/srv/web]"},
		{"path_is_mount_point", "[/proc]", "[/srv/web]"},
		{"path_is_read_write", "[/srv]", "[/usr/bin/probe]"},
		{"directory_not_empty", "[/srv/web]", "[/srv/rw]"},
		{"file_not_empty", "[/srv/input]", "[/nonexistent]"},
		{"file_is_executable", "[/srv/prog]", "[/srv/input]"},
		{"architecture", "[x86-64]", "[arm64]"},
		{"virtualization", "[container]", "['!container']"},
		{"host", "['lab-*']", "['nosuch*']"},
		{"kernel_command_line", "['!conf-nosuch']", "[conf-nosuch]"},
		{"kernel_version", "['>=3.0']", "['<3.0']"},
		{"security", "['!smack']", "[smack]"},
		{"capability", "[CAP_CHOWN]", "['!CAP_CHOWN']"},
		{"environment", "[CONF_SET]", "[CONF_NOSUCH]"},
		{"memory", "['>=1M']", "['<1M']"},
		{"cpus", "['>=1']", "['<1']"},
	}
	met := &group{name: "met", do: "note=up wait", run: func(d *daemon) error { return d.running() }}
	var all []string
	groups := []*group{met}
	skipped := func(d *daemon) error {
		d.do(generators.Start) // whether a skipped start succeeds is each manager's own
		if err := await("the skip", func() bool {
			s := d.status().State
			return s == generators.Inactive || s == generators.Failed
		}); err != nil {
			return err
		}
		if d.count("up") > 0 {
			return errors.New("the process ran")
		}
		return nil
	}
	for _, c := range conditions {
		all = append(all, c.key+": "+c.met)
		groups = append(groups, &group{name: "unmet-" + strings.ReplaceAll(c.key, "_", ""), do: "note=up wait", doc: "conditions: {" + c.key + ": " + c.unmet + "}\n", run: skipped,
			checks: []check{{field: "conditions." + c.key, what: "skipped where it does not hold, and started where it does", test: func(d *daemon) error {
				if d.daemons["met"].count("up") == 0 {
					return errors.New("the daemon with all conditions met did not start")
				}
				return nil
			}}}})
	}
	// There is no other state that the machine could be in.
	const mains = "the machine is on mains"
	groups = append(groups,
		&group{name: "acpower", run: nothing, doc: "conditions: {ac_power: true}\n", checks: []check{
			{field: "conditions.ac_power", what: "the installed file", on: "systemd", file: ".service:ConditionACPower=true", hidden: mains},
			{field: "conditions.ac_power", what: "the installed file", on: "!systemd", file: ":/sys/class/power_supply", hidden: mains}}},
		&group{name: "firstboot", do: "note=up wait", doc: "conditions: {first_boot: true}\n", run: skipped, checks: []check{
			{field: "conditions.first_boot", what: "skipped, as it is not the first boot", test: done}}})
	all = append(all, "ac_power: true")
	met.doc = "conditions: {" + strings.Join(all, ", ") + "}\n"
	return append(groups, &group{name: "assert", do: "note=up wait", doc: "conditions: {path_exists: [/nonexistent], assert: true}\n", run: func(d *daemon) error {
		if d.is("supervisord") { // what supervisorctl says is the same as for a skip
			d.do(generators.Start)
			return await("", func() bool {
				return d.m.Run("grep", "-F", d.name+" (exit status 1; not expected)", "/var/log/supervisor/supervisord.log").Code == 0
			})
		}
		if d.start() == nil { // it did not wait for that
			return d.becomes(generators.Failed)
		}
		return nil
	}, checks: []check{{field: "conditions.assert", what: "start fails (supervisord: the exit status is not expected)", test: func(d *daemon) error {
		if d.count("up") > 0 {
			return errors.New("the process ran")
		}
		return nil
	}}}})
}

// jobs starts all jobs of the daemon; a timer, socket or path is one of them.
func (d *daemon) jobs(verb generators.Verb) error {
	for _, j := range d.bundle.Jobs {
		if j.Name == d.job() && len(d.bundle.Jobs) > 1 {
			continue
		}
		if r := d.doJob(verb, j.Name); r.Code != 0 {
			return fmt.Errorf("%s %s: %v", verb, j.Name, r)
		}
	}
	return nil
}

func triggerGroups() []*group {
	const here = "install: {enable: true, start: true}\n" // cron needs nobody to start it
	timer := func(name, entry, only string, ticks int, checks ...check) *group {
		return &group{name: name, shows: "timers: " + checks[0].field[len("timers."):] + " fires", do: "note=tick", only: only, doc: here + "type: oneshot\ntimers: [{" + entry + "}]\n", run: func(d *daemon) error {
			if d.is("systemd") {
				if err := d.jobs(generators.Start); err != nil {
					return err
				}
			}
			err := d.noted("tick", ticks)
			if d.is("systemd") {
				d.jobs(generators.Stop)
			}
			return err
		}, checks: checks}
	}
	setting := func(name, entry string, c ...check) *group {
		return &group{name: name, only: "systemd", do: "note=tick", doc: "timers: [{" + entry + "}]\n", run: func(d *daemon) error { return d.jobs(generators.Start) }, checks: c}
	}
	cronned := func(name, entry, what, text, hidden, field string) *group {
		return &group{name: name, only: "!systemd", do: "note=tick", doc: here + "timers: [{" + entry + "}]\n", run: nothing,
			checks: []check{{field: field, what: what, file: text, hidden: hidden}}}
	}
	const daily = "an entry of cron is due at most once a minute"
	socket := func(do, doc string, run func(d *daemon) error, name string, checks ...check) *group {
		g := &group{name: name, only: "systemd", do: do, doc: doc, run: run, checks: checks}
		switch name {
		case "sock-start":
			g.shows = "socket activation: a connection starts it, and it has the socket"
		case "sock-accept":
			g.shows = "socket activation: accept starts an instance for each connection"
		}
		return g
	}
	option := func(i int, name string, want int) func(d *daemon) error {
		return func(d *daemon) error {
			r, err := d.look()
			if err == nil && (len(r.Sockets) <= i || r.Sockets[i].Options[name] != want) {
				err = fmt.Errorf("sockets %+v", r.Sockets)
			}
			return err
		}
	}
	watch := func(name, entry, trigger, key, what string) *group {
		return &group{name: name, shows: "paths: " + key[len("paths."):] + " starts it", only: "systemd", do: "note=up", doc: "type: oneshot\npaths: [{" + entry + "}]\n", run: func(d *daemon) error {
			if err := d.jobs(generators.Start); err != nil {
				return err
			}
			if d.count("up") > 0 {
				return errors.New("started too early")
			}
			return first(func() error { _, err := d.sh(trigger); return err }, func() error { return d.noted("up", 1) }, func() error { return d.jobs(generators.Stop) })
		}, checks: []check{{field: key, what: what, test: done}}}
	}
	return []*group{
		timer("every", "every: 1s", "systemd", 3, check{field: "timers.every", what: "runs", test: done}),
		timer("every-cron", "every: 1m", "!systemd", 1, check{field: "timers.every", what: "a run", test: done}),
		timer("calendar", "calendar: '*:*:0/2'", "systemd", 2, check{field: "timers.calendar", what: "runs", test: done}),
		timer("calendar-cron", "calendar: '*:*'", "!systemd", 1, check{field: "timers.calendar", what: "a run", test: done}),
		timer("cron", "cron: '* * * * *'", "", 1, check{field: "timers.cron", what: "a run", test: done}),
		timer("onboot", "on_boot: 1s", "systemd", 1, check{field: "timers.on_boot", what: "a run", test: done}),
		timer("onboot-cron", "on_boot: 0", "!systemd", 1, check{field: "timers.on_boot", what: "a run at cron's first start", test: done}),
		timer("persistent", "calendar: yearly, persistent: true", "systemd", 1, check{field: "timers.persistent", what: "a run at once, for one that was missed", test: done}),
		setting("timer-set", "name: nightly, calendar: daily, jitter: 5m, fixed_jitter: true, accuracy: 1m}, {name: weekly, calendar: weekly",
			check{field: "timers.name", what: "the name of the unit", test: func(d *daemon) error {
				if got := d.property(d.name+"-nightly.timer", "LoadState"); got != "loaded" {
					return errors.New(got)
				}
				return nil
			}},
			check{field: "timers.jitter", what: "what the manager took", property: "-nightly.timer RandomizedDelayUSec=5min", hidden: "chance cannot be observed"},
			check{field: "timers.fixed_jitter", what: "what the manager took", property: "-nightly.timer FixedRandomDelay=yes", hidden: "chance cannot be observed"},
			check{field: "timers.accuracy", what: "what the manager took", property: "-nightly.timer AccuracyUSec=1min", hidden: "it only allows the manager to be late"}),
		// Starting it needs a clock that the container may not use.
		{name: "timer-wake", only: "systemd", run: nothing, doc: "timers: [{calendar: daily, wake: true}]\n", checks: []check{
			{field: "timers.wake", what: "what the manager took", property: ".timer WakeSystem=yes", hidden: "the container cannot sleep"}}},
		setting("timer-anchor", "every: 1h, anchor: finish", check{field: "timers.anchor", what: "what the manager took", property: ".timer TimersMonotonic=OnUnitInactiveUSec", hidden: "the process would have to run for long"}),
		setting("timer-zone", "calendar: '*-*-* 03:00:00', timezone: Asia/Tokyo", check{field: "timers.timezone", what: "the time of the next run, in UTC", test: func(d *daemon) error {
			if got := d.property(d.name+".timer", "NextElapseUSecRealtime"); !strings.Contains(got, "18:00:00 UTC") {
				return errors.New(got)
			}
			return nil
		}}),
		cronned("cron-name", "name: nightly, cron: '0 3 * * *'", "the entry in /etc/cron.d", "cron.d/c-cron-name:nightly", daily, "timers.name"),
		cronned("cron-jitter", "cron: '0 3 * * *', jitter: 5m", "the script that cron runs", "/usr/lib/daemonize/c-cron-jitter/timer-1:% 301", daily, "timers.jitter"),
		cronned("cron-fixed", "cron: '0 3 * * *', jitter: 5m, fixed_jitter: true", "the script that cron runs", "/usr/lib/daemonize/c-cron-fixed/timer-1:machine-id", daily, "timers.fixed_jitter"),
		cronned("cron-zone", "cron: '0 3 * * *', timezone: Asia/Tokyo", "the script that cron runs", "/usr/lib/daemonize/c-cron-zone/timer-1:Asia/Tokyo", daily, "timers.timezone"),

		socket("report wait", `sockets:
  - {name: http, listen: 'tcp://127.0.0.1:7101', backlog: 128, reuse_port: true, free_bind: true, keep_alive: true, no_delay: true, receive_buffer: 64K, send_buffer: 64K, bind_to_device: lo}
`, func(d *daemon) error { return first(func() error { return d.jobs(generators.Start) }, d.start) }, "sock-tcp",
			check{field: "sockets.name", what: "LISTEN_FDNAMES", test: func(d *daemon) error {
				r, err := d.look()
				if err == nil && (len(r.Sockets) != 1 || r.Sockets[0].Name != "http") {
					err = fmt.Errorf("%+v", r.Sockets)
				}
				return err
			}},
			check{field: "sockets.reuse_port", what: "SO_REUSEPORT", test: option(0, "reuseport", 1)},
			check{field: "sockets.free_bind", what: "IP_FREEBIND", test: option(0, "freebind", 1)},
			check{field: "sockets.keep_alive", what: "SO_KEEPALIVE", test: option(0, "keepalive", 1)},
			check{field: "sockets.no_delay", what: "TCP_NODELAY", test: option(0, "nodelay", 1)},
			// The kernel doubles them (socket(7)).
			check{field: "sockets.receive_buffer", what: "SO_RCVBUF", test: option(0, "rcvbuf", 2*65536)},
			check{field: "sockets.send_buffer", what: "SO_SNDBUF", test: option(0, "sndbuf", 2*65536)},
			check{field: "sockets.bind_to_device", what: "SO_BINDTODEVICE", test: option(0, "device lo", 1)},
			check{field: "sockets.backlog", what: "what the manager took", property: ".socket Backlog=128", hidden: "no socket option tells it"}),
		socket("report wait", "sockets: [{listen: 'tcp://[::1]:7102', ipv6_only: ipv6-only}]\n", func(d *daemon) error { return first(func() error { return d.jobs(generators.Start) }, d.start) }, "sock-six",
			check{field: "sockets.ipv6_only", what: "IPV6_V6ONLY", test: option(0, "v6only", 1)}),
		socket("report wait", "sockets: [{listen: 'unix:///run/conf-dir/local.sock', mode: '0660', user: web, group: ssl-cert, directory_mode: '0750', pass_credentials: true, symlinks: [/run/conf-link.sock], remove_on_stop: true}]\n", func(d *daemon) error {
			return first(func() error { return d.jobs(generators.Start) }, d.start, func() error {
				if _, err := d.look(); err != nil {
					return err
				}
				return says("stat -c '%a %U %G' /run/conf-dir/local.sock; stat -c %a /run/conf-dir; readlink /run/conf-link.sock", "660 web ssl-cert\n750\n/run/conf-dir/local.sock")(d)
			}, d.stop, func() error { return d.jobs(generators.Stop) }, func() error {
				return says("test -e /run/conf-dir/local.sock && echo there || echo gone", "gone")(d)
			})
		}, "sock-unix",
			check{field: "sockets.mode", what: "mode of the file", test: done},
			check{field: "sockets.user", what: "owner of the file", test: done},
			check{field: "sockets.group", what: "group of the file", test: done},
			check{field: "sockets.directory_mode", what: "mode of its directory", test: done},
			check{field: "sockets.symlinks", what: "the link", test: done},
			check{field: "sockets.remove_on_stop", what: "the file after a stop", test: done},
			check{field: "sockets.pass_credentials", what: "SO_PASSCRED", test: option(0, "passcred", 1)}),
		socket("note=up accept wait", "sockets: [{listen: 'tcp://127.0.0.1:7103'}]\n", func(d *daemon) error {
			return first(func() error { return d.jobs(generators.Start) }, func() error {
				if d.count("up") > 0 {
					return errors.New("started before anybody connected")
				}
				_, err := d.sh("bash -c 'echo >/dev/tcp/127.0.0.1/7103'")
				return err
			}, func() error { return d.noted("accepted", 1) })
		}, "sock-start", check{field: "sockets.listen", what: "a connection starts the service, which accepts it", test: done}),
		socket("note=up sleep=1h", "sockets: [{listen: 'tcp://127.0.0.1:7104', accept: true, max_connections: 2}]\n", func(d *daemon) error {
			return first(func() error { return d.jobs(generators.Start) }, func() error {
				_, err := d.sh("bash -c 'exec 3<>/dev/tcp/127.0.0.1/7104 4<>/dev/tcp/127.0.0.1/7104 5<>/dev/tcp/127.0.0.1/7104; cat <&5'")
				return err // cat ends when the third is closed
			}, func() error { return d.noted("up", 2) }, func() error {
				if n := d.count("up"); n != 2 {
					return fmt.Errorf("%d instances", n)
				}
				return d.jobs(generators.Stop)
			})
		}, "sock-accept",
			check{field: "sockets.accept", what: "an instance for each connection", test: done},
			check{field: "sockets.max_connections", what: "a third connection is closed", test: done}),

		watch("path-exists", "exists: /run/conf-e", "touch /run/conf-e", "paths.exists", "a run when the file appears"),
		watch("path-glob", "exists_glob: '/run/conf-g*'", "touch /run/conf-g1", "paths.exists_glob", "a run when a file appears"),
		watch("path-changed", "changed: /run/conf-changed", "echo x >/run/conf-changed", "paths.changed", "a run when the file is written"),
		watch("path-modified", "modified: /run/conf-modified", "echo x >/run/conf-modified", "paths.modified", "a run when the file is written"),
		watch("path-notempty", "directory_not_empty: /run/conf-d", "mkdir -p /run/conf-d && touch /run/conf-d/x", "paths.directory_not_empty", "a run when the directory has an entry"),
		{name: "path-make", only: "systemd", doc: "paths: [{directory_not_empty: /run/conf-made, make_directory: true, directory_mode: '0750'}]\n", run: func(d *daemon) error {
			return first(func() error { return d.jobs(generators.Start) }, func() error { return says("stat -c '%F %a' /run/conf-made", "directory 750")(d) })
		}, checks: []check{
			{field: "paths.make_directory", what: "the directory", test: done},
			{field: "paths.directory_mode", what: "its mode", test: done}}},

		// logging
		{name: "logfiles", shows: "log destination: both streams in files", do: "out=to-out err=to-err wait", doc: "logging: {stdout: 'append:/out/<N>.out', stderr: 'append:/out/<N>.err'}\n", run: func(d *daemon) error {
			return first(d.start, func() error {
				return await("the lines", func() bool {
					out, _ := d.sh("cat /out/c-logfiles.out /out/c-logfiles.err")
					return out == "to-out\nto-err"
				})
			})
		}, checks: []check{
			{field: "logging.stdout", what: "a line in the file", test: done},
			{field: "logging.stderr", what: "a line in the file", test: done}}},
		{name: "logtags", shows: "log destination: journal or syslog, with identifier, facility and level", do: "out=conf-tagged wait", doc: "logging: {identifier: conf-id, facility: local3, level: notice}\n", run: func(d *daemon) error {
			if err := d.start(); err != nil {
				return err
			}
			return await("the tagged line", func() bool {
				if d.is("systemd") {
					out, _ := d.sh("journalctl -o json -u c-logtags | grep conf-tagged")
					return strings.Contains(out, `"SYSLOG_IDENTIFIER":"conf-id"`) && strings.Contains(out, `"SYSLOG_FACILITY":"19"`) && strings.Contains(out, `"PRIORITY":"5"`)
				}
				out, _ := d.sh("grep conf-tagged /out/syslog.notes")
				return strings.Contains(out, " <157>") && strings.Contains(out, " conf-id: conf-tagged") // 19 * 8 + 5
			})
		}, checks: []check{
			{field: "logging.identifier", what: "the line in the journal, or what the syslog daemon gets", test: done},
			{field: "logging.facility", what: "the line in the journal, or what the syslog daemon gets", test: done},
			{field: "logging.level", what: "the line in the journal, or what the syslog daemon gets", test: done}}},
		{name: "logmax", only: "systemd", do: "out=<7>conf-dropped out=<3>conf-kept wait", doc: "logging: {max_level: info}\n", run: func(d *daemon) error {
			if err := d.start(); err != nil {
				return err
			}
			var out string
			if err := await("the line", func() bool {
				out, _ = d.sh("journalctl -o cat -u c-logmax")
				return strings.Contains(out, "conf-kept")
			}); err != nil {
				return err
			}
			if strings.Contains(out, "conf-dropped") {
				return errors.New("a line of level debug is in the journal")
			}
			return nil
		}, checks: []check{{field: "logging.max_level", what: "a line of level debug is dropped, one of level err is not", test: done}}},
		{name: "lograte", shows: "log: what is more than rate_burst is dropped", only: "systemd", do: "flood=2000 wait", doc: "logging: {rate_interval: 1h, rate_burst: 10}\n", run: func(d *daemon) error {
			if err := d.start(); err != nil {
				return err
			}
			var out string
			if err := await("lines", func() bool {
				out, _ = d.sh("journalctl --sync; journalctl -o cat -u c-lograte")
				return strings.Contains(out, "flood 0")
			}); err != nil {
				return err
			}
			// The journal allows more where there is room for more.
			if n := strings.Count(out, "flood"); n > 200 {
				return fmt.Errorf("%d lines", n)
			}
			return nil
		}, checks: []check{
			{field: "logging.rate_burst", what: "the journal drops most of 2000 lines", test: done},
			{field: "logging.rate_interval", what: "what the manager took", property: "LogRateLimitIntervalUSec=1h", hidden: "it is an hour"}}},
		{name: "logspace", only: "systemd", do: "out=conf-spaced wait", doc: "logging: {namespace: conf}\n", run: func(d *daemon) error {
			return first(d.start, func() error {
				return await("the line", func() bool {
					out, _ := d.sh("journalctl --namespace=conf -o cat")
					return strings.Contains(out, "conf-spaced")
				})
			})
		}, checks: []check{{field: "logging.namespace", what: "a line in that journal", test: done}}},
		rotateGroup(),

		// install
		installGroup("inst-start", "install: {enable: true, start: false}\n", check{field: "install.start", what: "not started by installing with false, and started without", test: done}, generators.Inactive, true),
		installGroup("inst-enable", "install: {enable: false, start: true}\n", check{field: "install.enable", what: "not enabled with false, and enabled without", test: func(d *daemon) error {
			if s := d.daemons["inst-start"].status(); !s.Enabled {
				return fmt.Errorf("%+v", s)
			}
			return nil
		}}, generators.Active, false),
		{name: "inst-links", only: "systemd", doc: "install: {wanted_by: [graphical], required_by: [c-frontend], alias: [c-www]}\n", run: func(d *daemon) error {
			return first(func() error { return d.steps(generators.Enable) }, func() error {
				return says("cd /etc/systemd/system; ls -d graphical.target.wants/$name.service c-frontend.service.requires/$name.service c-www.service", "c-frontend.service.requires/c-inst-links.service\nc-www.service\ngraphical.target.wants/c-inst-links.service")(d)
			})
		}, checks: []check{
			{field: "install.wanted_by", what: "the link after enabling", test: done},
			{field: "install.required_by", what: "the link after enabling", test: done},
			{field: "install.alias", what: "the link after enabling", test: done}}},
	}
}

// steps carries out those steps of an installation.
func (d *daemon) steps(verbs ...generators.Verb) error {
	all := d.control.Steps(d.bundle, generators.Install)
	all = slices.DeleteFunc(all, func(s generators.Step) bool {
		return !slices.Contains(verbs, s.Verb)
	})
	if slices.Contains(verbs, generators.Enable) || slices.Contains(verbs, generators.Disable) {
		d.serial.Lock() // insserv(8) has no lock of its own
		defer d.serial.Unlock()
	}
	if r := d.apply(all); r.Code != 0 || r.Err != nil {
		return fmt.Errorf("%v", r)
	}
	return nil
}

// rotateGroup has more logged than is kept. What logrotate does is the same
// wherever its configuration is installed.
func rotateGroup() *group {
	return &group{name: "rotate", shows: "log rotation: by size, and so many are kept", do: "flood=300 sleep=300ms flood=300 sleep=300ms flood=300 sleep=300ms flood=300 wait", doc: "logging: {stdout: 'file:/var/log/<N>.log', rotate: {size: 1K, keep: 2}}\n", run: func(d *daemon) error {
		count := d.manager.rotated
		if count == "" {
			count = "ls /var/log/$name.log.[0-9]* | wc -l"
		}
		logrotate := ":"
		if d.file("/etc/logrotate.d/"+d.name) != "" {
			logrotate = "logrotate -s /run/rotate /etc/logrotate.d/$name"
		}
		kept := func() error { return says(count, "2")(d) }
		return first(d.start, func() error {
			return await("a rotated log", func() bool {
				d.sh("name=" + d.name + "\n" + logrotate)
				return says(count, "0")(d) != nil && says("test -s /var/log/$name.log.1; echo $?", "0")(d) == nil
			})
		}, func() error {
			if logrotate == ":" {
				return await("two rotated logs", func() bool { return kept() == nil })
			}
			_, err := d.sh("name=" + d.name + "\nfor i in 1 2 3 4; do echo more >>/var/log/$name.log; " + strings.Replace(logrotate, "-s", "-f -s", 1) + " || exit 1; done")
			return err
		}, kept)
	}, checks: []check{
		{field: "logging.rotate.size", what: "a rotated log", test: done},
		{field: "logging.rotate.keep", what: "the number of rotated logs", test: done}}}
}

func installGroup(name, doc string, c check, state generators.State, enabled bool) *group {
	return &group{name: name, doc: doc, do: "note=up wait", run: func(d *daemon) error {
		return first(func() error {
			return d.steps(generators.Enable, generators.Disable, generators.Start, generators.Stop)
		}, func() error { return d.becomes(state) }, func() error {
			if s := d.status(); s.Enabled != enabled {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	}, checks: []check{c}}
}
