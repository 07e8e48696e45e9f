package conformance

func systemd(version string) manager {
	return manager{
		root: "systemd" + version, backend: "systemd", title: "systemd " + version,
		startAll: `systemctl set-environment CONF_SET=1 && systemctl daemon-reload && systemctl start --no-block "$@"`,
		cases:    systemdCases,
	}
}

func systemdCases() []*group {
	return []*group{
		{name: "override-systemd", doc: "overrides: {systemd: {Service: {Nice: '7'}}}\n", checks: []check{
			{field: "overrides", what: "the effect of a native key", see: nice, want: "7"},
		}},
	}
}
