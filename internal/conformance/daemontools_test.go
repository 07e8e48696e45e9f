package conformance

func daemontools() manager {
	return manager{
		root: "sysvinit", backend: "daemontools", title: "daemontools 0.76",
		// The variables are those of all services.
		boot: `CONF_PASSED=yes CONF_SET=1 setsid svscan /etc/service </dev/null >/dev/null 2>&1 &
until [ "$(cat /proc/[0-9]*/comm | grep -c '^svscan$')" = 1 ]; do sleep 0.1; done`,
		startAll: `cd /etc/daemontools
for s in c-*; do : >"$s/down"; done
for s; do rm "$s/down"; done
for s in c-*; do ln -s "/etc/daemontools/$s" "/etc/service/$s"; done
for s in c-*; do until svok "/etc/daemontools/$s"; do sleep 0.1; done; done`,
		abrupt: "svscan and supervise have no end of their own; the init of the machine sends SIGTERM to everything at once",
		cases:  daemontoolsCases,
	}
}

func daemontoolsCases() []*group {
	return []*group{
		{name: "passed", doc: "pass_environment: [CONF_PASSED]\n", checks: []check{
			{field: "pass_environment", what: "a variable of svscan", see: environ("CONF_PASSED"), want: "yes"},
		}},
		{name: "neverkill", run: nothing, doc: "stop: {send_sigkill: false, timeout: 1s}\n", checks: []check{
			{field: "stop.send_sigkill", what: "the installed file", file: "/control:stop_timeout=\n", hidden: "it waits for ever"},
		}},
		{name: "online-rc", run: nothing, doc: "depends_on: {network_online: true}\n", checks: []check{
			{field: "depends_on.network_online", what: "the installed file", file: "/control:/proc/net/route", hidden: "the container has no network"},
		}},
	}
}
