package conformance

func openrc() manager {
	return manager{
		root: "openrc", backend: "openrc", title: "OpenRC 0.45",
		// A variable that openrc-run lets through.
		boot: `grep -q CONF_PASSED /etc/rc.conf || echo 'rc_env_allow="CONF_PASSED"' >>/etc/rc.conf`,
		startAll: `export CONF_PASSED=yes
printf '%s\n' "$@" | xargs -P 8 -n 1 sh -c 'rc-service $1 start || true' start`,
		cases: openrcCases,
	}
}

func openrcCases() []*group {
	const noGroups = "OpenRC makes no control groups in a container"
	limit := func(key, setting string) check {
		return check{field: "limits." + key, what: "the installed file", file: "/conf.d/c-cgroup-rc:\n" + setting + "\n", hidden: noGroups}
	}
	known := func(line string) func(d *daemon) error {
		return says("rc-update --update >/dev/null 2>&1; grep -q \"^depinfo_.*"+line+"\" /run/openrc/deptree && echo known", "known")
	}
	return []*group{
		{name: "override-openrc", doc: "overrides: {openrc: {rc_ulimit: '-n 1234'}}\n", checks: []check{
			{field: "overrides", what: "the effect of a native variable", see: rlimit("Max open files"), want: "1234:1234"},
		}},
		{name: "passed", doc: "pass_environment: [CONF_PASSED]\n", checks: []check{
			{field: "pass_environment", what: "a variable that rc_env_allow lets through", see: environ("CONF_PASSED"), want: "yes"},
		}},
		{name: "neverkill", run: nothing, doc: "stop: {send_sigkill: false, timeout: 1s}\n", checks: []check{
			{field: "stop.send_sigkill", what: "the installed file", file: "/control:stop_timeout=\n", hidden: "it waits for ever"},
		}},
		{name: "online-rc", run: nothing, doc: "depends_on: {network_online: true}\n", checks: []check{
			{field: "depends_on.network_online", what: "the installed file", file: "/init.d/c-online-rc: dns ", hidden: "the container has no network"},
		}},
		{name: "rc-binds", do: "note=up wait", doc: "depends_on: {binds_to: [c-rc-binds-dep]}\n", run: func(d *daemon) error {
			dep := d.daemons["rc-binds-dep"]
			return first(d.running, dep.running, dep.stop, func() error { return d.ends(1) })
		}, checks: []check{{field: "depends_on.binds_to", what: "stopped with the other", test: done}}},
		{name: "rc-binds-dep", do: "note=up wait", run: nothing},
		{name: "rc-after", run: nothing, doc: "depends_on: {after: [c-rc-first]}\n", checks: []check{
			{field: "depends_on.after", what: "the order that OpenRC has computed", test: known("_iafter_.*='c-rc-first'")},
		}},
		{name: "rc-before", run: nothing, doc: "depends_on: {before: [c-rc-last]}\n", checks: []check{
			{field: "depends_on.before", what: "the order that OpenRC has computed", test: known("_ibefore_.*='c-rc-last'")},
		}},
		{name: "rc-first", run: nothing}, {name: "rc-last", run: nothing},
		{name: "cgroup-rc", run: nothing, doc: "limits: {memory: 512M, memory_high: 400M, memory_low: 64M, memory_min: 32M, swap: 0, zswap: 64M, cpus: 1.5, cpu_weight: 50, cpuset: '0-1', memory_nodes: '0', pids: 256, io_weight: 50}\n", checks: []check{
			limit("memory", "memory.max 536870912"), limit("memory_high", "memory.high 419430400"), limit("memory_low", "memory.low 67108864"),
			limit("memory_min", "memory.min 33554432"), limit("swap", "memory.swap.max 0"), limit("zswap", "memory.zswap.max 67108864"),
			limit("cpus", "cpu.max 150000 100000"), limit("cpu_weight", "cpu.weight 50"), limit("cpuset", "cpuset.cpus 0-1"),
			limit("memory_nodes", "cpuset.mems 0"), limit("pids", "pids.max 256"), limit("io_weight", "io.weight 50"),
		}},
	}
}
