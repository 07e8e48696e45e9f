package conformance

func runit() manager {
	return manager{
		root: "sysvinit", backend: "runit", title: "runit 2.1.2",
		// The variables are those of all services.
		boot: `CONF_PASSED=yes CONF_SET=1 setsid runsvdir -P /etc/service </dev/null >/dev/null 2>&1 &
until [ "$(cat /proc/[0-9]*/comm | grep -c '^runsvdir$')" = 1 ]; do sleep 0.1; done`,
		startAll: `cd /etc/sv
for s in c-*; do : >"$s/down"; done
for s; do rm "$s/down"; done
for s in c-*; do ln -s "/etc/sv/$s" "/etc/service/$s"; done
for s in c-*; do until sv status "/etc/sv/$s" >/dev/null 2>&1; do sleep 0.1; done; done`,
		abrupt: "the init of the machine sends SIGTERM to everything at once; where runit is init its stage 3 has sv stop the services",
		cases:  runitCases,
	}
}

func runitCases() []*group {
	return []*group{
		{name: "passed", doc: "pass_environment: [CONF_PASSED]\n", checks: []check{
			{field: "pass_environment", what: "a variable of runsvdir", see: environ("CONF_PASSED"), want: "yes"},
		}},
		{name: "override-runit", doc: "overrides: {runit: {log: {N: '3'}}}\nlogging: {stdout: journal}\n", run: nothing, checks: []check{
			{field: "overrides", what: "a native line in the file", file: "/log/config:N3\n", hidden: "svlogd keeps at least three files only when the disk is full"},
		}},
		{name: "neverkill", run: nothing, doc: "stop: {send_sigkill: false, timeout: 1s}\n", checks: []check{
			{field: "stop.send_sigkill", what: "the installed file", file: "/stop:stop_timeout=\n", hidden: "it waits for ever"},
		}},
		{name: "online-rc", run: nothing, doc: "depends_on: {network_online: true}\n", checks: []check{
			{field: "depends_on.network_online", what: "the installed file", file: "/run:/proc/net/route", hidden: "the container has no network"},
		}},
		{name: "sv-dep", run: nothing, do: "note=up wait", doc: "hooks: {pre_start: [[/bin/sleep, '1']]}\n"},
		{name: "sv-after", do: "note=up wait", doc: "depends_on: {after: [c-sv-dep]}\n", run: func(d *daemon) error {
			_, err := d.sh("sv up /etc/sv/c-sv-dep; sv up /etc/sv/c-sv-after")
			return first(func() error { return err }, func() error { return d.up(1) },
				func() error { return says("[ /out/c-sv-dep.notes -ot /out/c-sv-after.notes ]; echo $?", "0")(d) })
		}, checks: []check{{field: "depends_on.after", what: "the order of two that are started at once", test: done}}},
		{name: "sv-bound", run: nothing, do: "note=up wait"},
		{name: "sv-binds", do: "note=up wait", doc: "depends_on: {binds_to: [c-sv-bound]}\n", run: func(d *daemon) error {
			return first(d.start, func() error { return d.daemons["sv-bound"].noted("up", 1) }, func() error { return d.up(1) })
		}, checks: []check{{field: "depends_on.binds_to", what: "the other is started", test: done}}},
	}
}
