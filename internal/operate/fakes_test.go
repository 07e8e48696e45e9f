//go:build linux

package operate_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/internal/lab"
)

// fakeSystemctl is as much of systemctl as is needed where D-Bus cannot be
// reached: what was started runs. Every call that changes something is written
// down.
const fakeSystemctl = `#!/bin/sh
state=/tmp/systemd
mkdir -p "$state"
case "$*" in
*show* | --version) ;;
*) echo "systemctl $*" >>/tmp/calls ;;
esac
[ "$1" = --user ] && shift
verb=$1
shift
case $verb in
--version) echo 'systemd 252 (252.1)' ;;
show)
	for unit; do
		case $unit in
		--*) continue ;;
		esac
		active=inactive sub=dead pid=0 file=disabled
		[ -e "$state/$unit" ] && active=active sub=running pid=$(cat "$state/$unit")
		for link in /etc/systemd/system/*.wants/"$unit" /home/*/.config/systemd/user/*.wants/"$unit" /root/.config/systemd/user/*.wants/"$unit"; do
			[ -L "$link" ] && file=enabled
		done
		printf 'LoadState=loaded\nActiveState=%s\nSubState=%s\nResult=success\nMainPID=%s\nExecMainStatus=0\nNRestarts=0\nUnitFileState=%s\n\n' "$active" "$sub" "$pid" "$file"
	done
	;;
start | restart | try-restart)
	for unit; do
		n=$(cat /tmp/pids 2>/dev/null || echo 100)
		[ "$verb" = start ] && [ -e "$state/$unit" ] && continue
		echo $((n + 1)) >/tmp/pids
		echo $((n + 1)) >"$state/$unit"
	done
	;;
stop) for unit; do rm -f "$state/$unit"; done ;;
esac
exit 0
`

// fakeSupervisorctl does the same for supervisord, whose programs are groups.
const fakeSupervisorctl = `#!/bin/sh
state=/tmp/supervisord
mkdir -p "$state"
verb=$1
case $verb in
status | version | maintail) ;;
*) echo "supervisorctl $*" >>/tmp/calls ;;
esac
shift
run() {
	n=$(cat /tmp/pids 2>/dev/null || echo 100)
	echo $((n + 1)) >/tmp/pids
	echo $((n + 1)) >"$state/$1"
}
case $verb in
version) echo 4.2.5 ;;
update)
	for program; do
		file=/etc/supervisor/conf.d/$program.conf
		rm -f "$state/$program"
		[ -f "$file" ] && grep -q '^autostart=true$' "$file" && run "$program"
	done
	;;
start) [ -e "$state/$1" ] || run "$1" ;;
restart) run "$1" ;;
stop) rm -f "$state/$1" ;;
status)
	if [ -e "$state/$1" ]; then
		echo "$1 RUNNING pid $(cat "$state/$1"), uptime 0:00:05"
	elif [ -f "/etc/supervisor/conf.d/$1.conf" ]; then
		echo "$1 STOPPED Nov 22 03:00 AM"
	else
		echo "$1: ERROR (no such process)"
		exit 4
	fi
	;;
esac
exit 0
`

// TestLabFakes records what is asked of systemctl, where D-Bus cannot be
// reached, and of supervisorctl, from the install to the uninstall.
func TestLabFakes(t *testing.T) {
	const one, two = "version: 1\nname: web\ncommand: [/usr/bin/labd, one]\n", "version: 1\nname: web\ncommand: [/usr/bin/labd, two]\n"
	type call struct {
		args []string
		want string
	}
	for _, tt := range []struct {
		name, backend string
		scope         []string
		calls         []call
	}{
		{"systemctl", "systemd", nil, []call{
			{[]string{"install", "/tmp/s.yaml"}, "systemctl daemon-reload, systemctl start web.service"},
			{[]string{"install", "/tmp/s.yaml"}, ""},
			{[]string{"install", "/tmp/two.yaml"}, "systemctl daemon-reload, systemctl try-restart web.service"},
			{[]string{"stop", "web"}, "systemctl stop web.service"},
			{[]string{"start", "web"}, "systemctl start web.service"},
			{[]string{"restart", "web"}, "systemctl restart web.service"},
			{[]string{"uninstall", "web"}, "systemctl stop web.service, systemctl daemon-reload, systemctl reset-failed web.service"},
		}},
		{"systemctl --user", "systemd", []string{"--scope", "user"}, []call{
			{[]string{"install", "/tmp/s.yaml"}, "systemctl --user daemon-reload, systemctl --user start web.service"},
			{[]string{"install", "/tmp/two.yaml"}, "systemctl --user daemon-reload, systemctl --user try-restart web.service"},
			{[]string{"stop", "web"}, "systemctl --user stop web.service"},
			{[]string{"uninstall", "web"}, "systemctl --user stop web.service, systemctl --user daemon-reload, systemctl --user reset-failed web.service"},
		}},
		{"supervisorctl", "supervisord", nil, []call{
			{[]string{"install", "/tmp/s.yaml"}, "supervisorctl update web, supervisorctl start web"},
			{[]string{"install", "/tmp/s.yaml"}, ""},
			{[]string{"install", "/tmp/two.yaml"}, "supervisorctl update web, supervisorctl restart web"},
			{[]string{"disable", "web"}, ""},
			{[]string{"install", "/tmp/two.yaml"}, ""},
			{[]string{"enable", "web"}, ""},
			{[]string{"restart", "web"}, "supervisorctl restart web"},
			{[]string{"stop", "web"}, "supervisorctl stop web"},
			{[]string{"start", "web"}, "supervisorctl start web"},
			{[]string{"uninstall", "web"}, "supervisorctl stop web, supervisorctl update web"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lab.Root(t, "systemd252") // may skip, before anything is built
			dir := programs(t)
			m := &machine{t: t, backend: tt.backend, Machine: lab.Chroot(t, "systemd252",
				lab.Bind(filepath.Join(dir, "daemonize"), "/usr/bin/daemonize"), lab.Bind(filepath.Join(dir, "labd"), "/usr/bin/labd"))}
			m.MustRun("mkdir", "-p", "/run")
			if tt.backend == "systemd" {
				m.MustRun("mkdir", "-p", "/run/systemd/system")
				m.WriteFile("/bin/systemctl", fakeSystemctl, 0o755)
			} else {
				m.MustRun("mkdir", "-p", "/etc/supervisor/conf.d")
				m.write("/run/supervisor.sock", "")
				m.WriteFile("/usr/bin/supervisorctl", fakeSupervisorctl, 0o755)
			}
			m.write("/tmp/s.yaml", one)
			m.write("/tmp/two.yaml", two)
			for _, c := range tt.calls {
				m.MustRun("rm", "-f", "/tmp/calls")
				argv := append(append([]string{"env", "HOME=/root", "daemonize"}, c.args...), tt.scope...)
				r := m.Run(argv...)
				if r.Code != 0 {
					t.Fatalf("%q: %v", c.args, r)
				}
				var got []string
				for line := range strings.Lines(m.Run("cat", "/tmp/calls").Stdout) {
					got = append(got, strings.TrimSpace(line))
				}
				if s := strings.Join(got, ", "); s != c.want {
					t.Errorf("%q:\n got %s\nwant %s", c.args, s, c.want)
				}
			}
		})
	}
}
