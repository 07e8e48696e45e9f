package conformance

import (
	"errors"
	"strings"

	"github.com/daemonize/daemonize/generators"
)

func sysvinit() manager {
	return manager{
		root: "sysvinit", backend: "sysvinit", title: "SysVinit 3.06",
		// service(8) would clear the environment of the script's caller.
		startAll: `export CONF_PASSED=yes
printf '%s\n' "$@" | xargs -P 8 -n 1 sh -c '/etc/init.d/$1 start || true' start`,
		cases: sysvinitCases,
	}
}

func sysvinitCases() []*group {
	groups := []*group{
		{name: "override-sysvinit", doc: "overrides: {sysvinit: {header: {X-Interactive: 'true'}}}\n", checks: []check{
			{field: "overrides", what: "a native key in the file", file: "/init.d/c-override-sysvinit:X-Interactive:     true", hidden: "nothing is interactive at boot"},
		}},
		{name: "passed", doc: "pass_environment: [CONF_PASSED]\n", checks: []check{
			{field: "pass_environment", what: "a variable of the caller of the init script", see: environ("CONF_PASSED"), want: "yes"},
		}},
		{name: "neverkill", run: nothing, doc: "stop: {send_sigkill: false, timeout: 1s}\n", checks: []check{
			{field: "stop.send_sigkill", what: "the installed file", file: "/init.d/c-neverkill:stop_timeout=\n", hidden: "it waits for ever"},
		}},
		{name: "online-rc", run: nothing, doc: "depends_on: {network_online: true}\n", checks: []check{
			{field: "depends_on.network_online", what: "the installed file", file: "/init.d/c-online-rc:$network", hidden: "the container has no network"},
		}},
		{name: "inst-levels", doc: "install: {runlevels: [3, 5]}\n", run: func(d *daemon) error {
			return first(func() error { return d.steps(generators.Enable) }, func() error {
				return says("cd /etc; ls -d rc?.d/S*$name | tr -d '0-9' ; ls -d rc?.d/S*$name | cut -c3", "rc.d/Sc-inst-levels\nrc.d/Sc-inst-levels\n3\n5")(d)
			})
		}, checks: []check{{field: "install.runlevels", what: "the links of the runlevels", test: done}}},
		// The order at boot is that of the links, which insserv computes.
		{name: "rc-main", do: "note=up wait", doc: "depends_on: {requires: [c-rc-requires], wants: [c-rc-wants], binds_to: [c-rc-binds], after: [c-rc-after], before: [c-rc-before]}\n", run: func(d *daemon) error {
			d.serial.Lock()
			defer d.serial.Unlock()
			_, err := d.sh("for s in c-rc-requires c-rc-wants c-rc-binds c-rc-after c-rc-before c-rc-main; do update-rc.d $s defaults || exit 1; done")
			return err
		}, checks: []check{
			{field: "depends_on.requires", what: "the order of the links for boot", test: linked("c-rc-requires", "c-rc-main")},
			{field: "depends_on.wants", what: "the order of the links for boot", test: linked("c-rc-wants", "c-rc-main")},
			{field: "depends_on.binds_to", what: "the order of the links for boot", test: linked("c-rc-binds", "c-rc-main")},
			{field: "depends_on.after", what: "the order of the links for boot", test: linked("c-rc-after", "c-rc-main")},
			{field: "depends_on.before", what: "the order of the links for boot", test: linked("c-rc-main", "c-rc-before")},
		}},
	}
	for _, s := range []string{"requires", "wants", "binds", "after", "before"} {
		groups = append(groups, &group{name: "rc-" + s, run: nothing})
	}
	return groups
}

// linked compares the numbers of two links in the directory of a runlevel.
func linked(earlier, later string) func(d *daemon) error {
	return func(d *daemon) error {
		out, err := d.sh("cd /etc/rc2.d && echo S??" + earlier + " S??" + later)
		if a, b, _ := strings.Cut(out, " "); err == nil && (strings.Contains(out, "?") || a[:3] >= b[:3]) {
			err = errors.New("the links are " + out)
		}
		return err
	}
}
