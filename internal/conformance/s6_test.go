package conformance

import (
	"errors"

	"github.com/daemonize/daemonize/generators"
)

func s6() manager {
	return manager{
		root: "sysvinit", backend: "s6", title: "s6 2.11.3",
		// The variables are those of all services.
		boot: `mkdir -p /etc/s6/service
CONF_PASSED=yes CONF_SET=1 setsid s6-svscan /etc/s6/service </dev/null >/dev/null 2>&1 &
until s6-svscanctl /etc/s6/service 2>/dev/null; do sleep 0.1; done`,
		startAll: `cd /etc/s6/sv
for s in c-*; do : >"$s/down"; done
for s; do rm "$s/down"; done
for s in c-*; do ln -s "/etc/s6/sv/$s" "/etc/s6/service/$s"; done
s6-svscanctl -a /etc/s6/service
for s in c-*; do until s6-svok "$s"; do sleep 0.1; done; done`,
		abrupt: "Debian's package has no init script that would end s6-svscan, so SysVinit signals all processes at once",
		cases:  s6Cases,
	}
}

func s6Cases() []*group {
	return []*group{
		{name: "passed", doc: "pass_environment: [CONF_PASSED]\n", checks: []check{
			{field: "pass_environment", what: "a variable of s6-svscan", see: environ("CONF_PASSED"), want: "yes"},
		}},
		{name: "neverkill", doc: "stop: {send_sigkill: false, timeout: 1s}\n", run: says("test -d /etc/s6/sv/$name && ! test -e /etc/s6/sv/$name/timeout-kill && echo none", "none"), checks: []check{
			{field: "stop.send_sigkill", what: "that there is no file timeout-kill, as it waits for ever", test: done},
		}},
		{name: "readyfd", doc: "command: [/bin/sh, -c, '/usr/bin/probe --do note=early; sleep 1; /usr/bin/probe --do note=up; echo >&3; exec 3>&-; exec /usr/bin/probe --do wait']\noverrides: {s6: {notification-fd: '3'}}\n", run: func(d *daemon) error {
			if err := d.start(); err != nil {
				return err
			}
			if n := d.count("up"); n != 1 {
				return errors.New("the start did not wait until it was ready")
			}
			return d.becomes(generators.Active)
		}, checks: []check{{field: "overrides", what: "a start waits for a newline on notification-fd", test: done}}},
		{name: "unreadyfd", doc: "start: {timeout: 1s}\noverrides: {s6: {notification-fd: '3'}}\n", do: "note=up wait", run: func(d *daemon) error {
			if d.start() == nil {
				return errors.New("it was started")
			}
			return first(func() error { return d.ends(1) }, func() error { return d.becomes(generators.Failed) })
		}},
		{name: "rotate-log", doc: "logging: {stdout: journal, rotate: {size: 4K, keep: 2}}\n", do: "flood=300 sleep=300ms flood=300 sleep=300ms flood=300 sleep=300ms flood=300 wait", run: func(d *daemon) error {
			return first(d.start, func() error {
				return await("two rotated logs", func() bool { return says("ls /var/log/s6/$name | grep -c '^@'", "2")(d) == nil })
			})
		}},
		{name: "after-dep", run: nothing, doc: "command: [/bin/sh, -c, 'sleep 1; /usr/bin/probe --do note=up; echo >&3; exec /usr/bin/probe --do wait']\noverrides: {s6: {notification-fd: '3'}}\n"},
		{name: "after", do: "note=up wait", doc: "depends_on: {after: [c-after-dep]}\n", run: func(d *daemon) error {
			dep := d.daemons["after-dep"]
			if _, err := d.sh("s6-svc -u /etc/s6/service/" + dep.name + " && s6-svwait -u /etc/s6/service/" + dep.name); err != nil {
				return err
			}
			return first(d.start, func() error { return d.up(1) }, func() error {
				if dep.count("up") != 1 {
					return errors.New("it did not wait for the other")
				}
				return nil
			})
		}, checks: []check{{field: "depends_on.after", what: "waits until the other, which is starting, is ready", test: done}}},
		{name: "online-rc", run: nothing, doc: "depends_on: {network_online: true}\n", checks: []check{
			{field: "depends_on.network_online", what: "the installed file", file: "/network:/proc/net/route", hidden: "the container has no network"},
		}},
	}
}
