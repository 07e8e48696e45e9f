package conformance

func supervisord() manager {
	return manager{
		root: "sysvinit", backend: "supervisord", title: "supervisord 4.2.5",
		boot: `update-rc.d supervisor enable
service supervisor status || service supervisor start
until supervisorctl version >/dev/null; do sleep 0.1; done`,
		startAll: "supervisorctl update",
		abrupt:   "Debian's init script does not wait for supervisord to end its programs, and the next script signals all processes",
		cases:    supervisordCases,
	}
}

func supervisordCases() []*group {
	return []*group{
		{name: "override-supervisord", doc: "overrides: {supervisord: {program: {serverurl: 'unix:///conf'}}}\n", checks: []check{
			{field: "overrides", what: "the effect of a native key", see: environ("SUPERVISOR_SERVER_URL"), want: "unix:///conf"},
		}},
		{name: "neverkill", run: nothing, doc: "stop: {send_sigkill: false, timeout: 1s}\n", checks: []check{
			{field: "stop.send_sigkill", what: "the installed file", file: ".conf:stopwaitsecs=1000000000", hidden: "it waits for ever"},
		}},
	}
}
