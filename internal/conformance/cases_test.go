package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/probe/report"
)

// prepare makes the machine what the cases expect.
const prepare = `set -e
groupadd -g 991 web
useradd -u 991 -g web -M -d /srv/web -s /usr/sbin/nologin web
groupadd -g 992 ssl-cert
mkdir -p /srv/web /srv/rw /srv/ro /srv/secret /srv/jail/usr/bin /srv/jail/proc /srv/jail/dev /srv/jail2/usr/bin /srv/jail2/proc /srv/jail2/sys /srv/jail2/dev /srv/jail2/run /srv/jail2/tmp /srv/jail2/var/tmp /srv/jail2/etc /data /data2 /srv/full /run/netns /run/ipcns /run/userns /usr/lib/modules /srv/ext/usr/share /srv/ext/usr/lib/extension-release.d
chown web:web /srv/web
for f in /srv/web/marker /srv/secret/marker /tmp/marker /dev/marker /home/marker /var/marker /srv/full/marker /usr/lib/modules/marker /srv/ext/usr/share/ext-marker; do echo marker >$f; done
chmod 644 /tmp/marker
echo 'line of input' >/srv/input
printf 'FROM_FILE="it'"'"'s \\$x"\nGONE=1\n' >/srv/env
printf secret >/srv/key
chmod 600 /srv/key
ln -s /srv/web /srv/link
cp /usr/bin/probe /srv/jail/usr/bin/probe
cp /usr/bin/probe /srv/probe
useradd -u 994 -M -s /usr/sbin/nologin webipc
cp /usr/bin/probe /srv/jail2/usr/bin/probe
cp /bin/true /srv/prog
mkdir -p /srv/noexec /srv/noexec/yes
cp /bin/true /srv/noexec/prog
cp /bin/true /srv/noexec/yes/prog
echo 'ID=_any' >/srv/ext/usr/lib/extension-release.d/extension-release.ext
mount --bind /proc /srv/jail/proc
for tool in setpriv env; do
	for f in $(command -v $tool) $(ldd $(command -v $tool) | tr ' ' '\n' | grep ^/); do
		mkdir -p /srv/jail$(dirname $f)
		cp -L $f /srv/jail$f
	done
done
touch /run/netns/web /run/ipcns/web /run/userns/web
unshare --net=/run/netns/web true
unshare --ipc=/run/ipcns/web true
printf 'auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_env.so conffile=/srv/pam.conf user_readenv=0\n' >/etc/pam.d/conformance
echo 'CONF_PAM DEFAULT=session' >/srv/pam.conf
if [ -d /run/systemd/system ]; then
	mkdir -p /var/lib/systemd/timers
	touch -d '3 years ago' /var/lib/systemd/timers/stamp-c-persistent.timer
else
	PROBE_NOTES=/out/syslog.notes setsid probe --do 'syslog=/dev/log wait' </dev/null >/dev/null 2>&1 &
fi
`

func allGroups() []*group {
	return slices.Concat(plainGroups(), sandboxGroups(), conditionGroups(), behaviourGroups(), triggerGroups())
}

// rlimit reads a limit by its name in proc_pid_limits(5).
func rlimit(name string) func(*report.Report) string {
	return func(r *report.Report) string { return r.Rlimits[name] }
}

func environ(name string) func(*report.Report) string {
	return func(r *report.Report) string { return r.Env[name] }
}

func nice(r *report.Report) string { return strconv.Itoa(r.Nice) }

func status(name string) func(*report.Report) string {
	return func(r *report.Report) string { return r.Status[name] }
}

// says runs a script in the machine, with $name, and wants it to print this.
func says(script, want string) func(d *daemon) error {
	return func(d *daemon) error {
		got, err := d.sh("name=" + d.name + "\n" + script)
		if err == nil && got != want {
			err = fmt.Errorf("%s prints %q, want %q", script, got, want)
		}
		return err
	}
}

const noRaise = "the container may not raise limits"

const noControllers = "the cgroup controllers are not delegated to the container"

func plainGroups() []*group {
	groups := []*group{
		{name: "base", doc: "", do: "look wait"},
		{name: "plain", doc: `description: Conformance of <N>
documentation: ['man:probe(8)']
command: [/usr/bin/probe, --do, 'report wait', "it's $$HOME", 'a  "b"']
working_dir: /srv/web
user: web
group: games
supplementary_groups: [ssl-cert]
umask: '0027'
stdin: 'file:/srv/input'
environment: {CONF_A: "q\"' $$x %n"}
env_file: [/srv/env]
unset_environment: [GONE]
pass_environment: [container]
credentials: {key: /srv/key}
`, checks: []check{
			{field: "name", what: "the name under which the manager runs it", test: func(d *daemon) error {
				r, err := d.look()
				if s := d.status(); err == nil && s.PID != r.PID {
					err = fmt.Errorf("%s is %+v, the process is %d", d.job(), s, r.PID)
				}
				return err
			}},
			{field: "description", what: "what the manager shows", on: "systemd", test: func(d *daemon) error {
				if got := d.property(d.job(), "Description"); got != "Conformance of c-plain" {
					return fmt.Errorf("%q", got)
				}
				return nil
			}},
			{field: "description", what: "the installed file", on: "!systemd", file: ":Conformance of c-plain", hidden: "it is for people, and shown nowhere"},
			{field: "documentation", what: "what the manager shows", on: "systemd", property: "Documentation=man:probe(8)", hidden: "it is for people"},
			{field: "documentation", what: "the installed file", on: "!systemd", file: ":man:probe(8)", hidden: "it is for people"},
			{field: "command", what: "arguments", want: `"it's $HOME" "a  \"b\""`, see: func(r *report.Report) string {
				s := fmt.Sprintf("%q", r.Argv[min(len(r.Argv), 3):])
				return s[1 : len(s)-1]
			}},
			{field: "working_dir", what: "working directory", see: func(r *report.Report) string { return r.Cwd }, want: "/srv/web"},
			{field: "user", what: "effective user", see: func(r *report.Report) string { return strconv.Itoa(r.UID) }, want: "991"},
			{field: "group", what: "effective group", see: func(r *report.Report) string { return strconv.Itoa(r.GID) }, want: "60"},
			{field: "supplementary_groups", what: "groups", see: func(r *report.Report) string { return strconv.FormatBool(slices.Contains(r.Groups, 992)) }, want: "true"},
			{field: "umask", what: "umask", see: func(r *report.Report) string { return r.Umask }, want: "0027"},
			{field: "stdin", what: "standard input and its first line", see: func(r *report.Report) string { return r.Streams[0] + " " + r.Stdin }, want: "/srv/input line of input\n"},
			{field: "environment", what: "environment", see: environ("CONF_A"), want: `q"' $x %n`},
			{field: "env_file.path", what: "environment", see: environ("FROM_FILE"), want: "it's $x"},
			{field: "unset_environment", what: "a variable of env_file is gone", test: func(d *daemon) error {
				r, err := d.look()
				if _, there := r.Env["GONE"]; err == nil && there {
					err = fmt.Errorf("GONE is %q", r.Env["GONE"])
				}
				return err
			}},
			{field: "pass_environment", what: "a variable of process 1", on: "systemd", see: environ("container"), want: "systemd-nspawn"},
			{field: "credentials", what: "content of the file in $CREDENTIALS_DIRECTORY, and that others cannot read it", want: "--- secret", see: func(r *report.Report) string {
				// systemd 256 and later grant it to the user by an ACL, which shows as the group's bit.
				return strings.TrimPrefix(strings.TrimPrefix(r.Files["key"], "-r-----"), "-r--r--")
			}},
		}},
		{name: "shell", doc: "shell: 'exec /usr/bin/probe --do \"report wait\" \"$((20+3))\"'\n", checks: []check{
			{field: "shell", what: "an argument that the shell computed", want: "23", see: func(r *report.Report) string { return r.Argv[len(r.Argv)-1] }},
		}},
		{name: "account", doc: "user: confmade\ncreate_user: true\n", checks: []check{
			{field: "create_user", what: "the account that was made, and the process's user", test: func(d *daemon) error {
				r, err := d.look()
				if err != nil {
					return err
				}
				uid, err := d.sh("id -u confmade")
				if err == nil && uid != strconv.Itoa(r.UID) {
					err = fmt.Errorf("confmade is %s, the process runs as %d", uid, r.UID)
				}
				return err
			}},
		}},
		{name: "limits", doc: "limits: {cpu: 3600, fsize: 1G, data: 2G, stack: 16M, core: {soft: 0, hard: 1M}, rss: 1G, nofile: 4321, as: 8G, nproc: 5120, memlock: 4M, locks: 1024, sigpending: 1024, msgqueue: 512K, rttime: 200000}\n", checks: []check{
			{field: "limits.cpu", what: "RLIMIT_CPU", see: rlimit("Max cpu time"), want: "3600:3600"},
			{field: "limits.fsize", what: "RLIMIT_FSIZE", see: rlimit("Max file size"), want: "1073741824:1073741824"},
			{field: "limits.data", what: "RLIMIT_DATA", see: rlimit("Max data size"), want: "2147483648:2147483648"},
			{field: "limits.stack", what: "RLIMIT_STACK", see: rlimit("Max stack size"), want: "16777216:16777216"},
			{field: "limits.core", what: "RLIMIT_CORE, soft and hard", see: rlimit("Max core file size"), want: "0:1048576"},
			{field: "limits.rss", what: "RLIMIT_RSS", see: rlimit("Max resident set"), want: "1073741824:1073741824"},
			{field: "limits.nofile", what: "RLIMIT_NOFILE", see: rlimit("Max open files"), want: "4321:4321"},
			{field: "limits.as", what: "RLIMIT_AS", see: rlimit("Max address space"), want: "8589934592:8589934592"},
			{field: "limits.nproc", what: "RLIMIT_NPROC", see: rlimit("Max processes"), want: "5120:5120"},
			{field: "limits.memlock", what: "RLIMIT_MEMLOCK", see: rlimit("Max locked memory"), want: "4194304:4194304"},
			{field: "limits.locks", what: "RLIMIT_LOCKS", see: rlimit("Max file locks"), want: "1024:1024"},
			{field: "limits.sigpending", what: "RLIMIT_SIGPENDING", see: rlimit("Max pending signals"), want: "1024:1024"},
			{field: "limits.msgqueue", what: "RLIMIT_MSGQUEUE", see: rlimit("Max msgqueue size"), want: "524288:524288"},
			{field: "limits.rttime", what: "RLIMIT_RTTIME", see: rlimit("Max realtime timeout"), want: "200000:200000"},
		}},
		// Both are 0 at most in the container, and would have to be raised.
		{name: "raise", run: nothing, doc: "limits: {nice: 20, rtprio: 10}\n", checks: []check{
			{field: "limits.nice", what: "what the manager took", on: "systemd", property: "LimitNICE=20", hidden: noRaise},
			{field: "limits.rtprio", what: "what the manager took", on: "systemd", property: "LimitRTPRIO=10", hidden: noRaise},
			{field: "limits.nice", what: "the script that starts the program", on: "!systemd", file: "/run:--nice=20", hidden: noRaise},
			{field: "limits.rtprio", what: "the script that starts the program", on: "!systemd", file: "/run:--rtprio=10", hidden: noRaise},
		}},
		{name: "cgroup", only: "systemd", doc: "limits: {memory: 512M, memory_high: 400M, memory_low: 64M, memory_min: 32M, swap: 0, zswap: 64M, cpus: 1.5, cpu_weight: 50, cpuset: '0-1', memory_nodes: '0', pids: 256, io_weight: 50, io_read_bandwidth: {/dev/null: 10M}, io_write_bandwidth: {/dev/null: 10M}, io_read_iops: {/dev/null: 1K}, io_write_iops: {/dev/null: 1K}}\n", checks: []check{
			{field: "limits.memory", what: "what the manager took", property: "MemoryMax=536870912", hidden: noControllers},
			{field: "limits.memory_high", what: "what the manager took", property: "MemoryHigh=419430400", hidden: noControllers},
			{field: "limits.memory_low", what: "what the manager took", property: "MemoryLow=67108864", hidden: noControllers},
			{field: "limits.memory_min", what: "what the manager took", property: "MemoryMin=33554432", hidden: noControllers},
			{field: "limits.swap", what: "what the manager took", property: "MemorySwapMax=0", hidden: noControllers},
			{field: "limits.zswap", what: "what the manager took", property: "MemoryZSwapMax=67108864", hidden: noControllers},
			{field: "limits.cpus", what: "what the manager took", property: "CPUQuotaPerSecUSec=1.5", hidden: noControllers},
			{field: "limits.cpu_weight", what: "what the manager took", property: "CPUWeight=50", hidden: noControllers},
			{field: "limits.cpuset", what: "what the manager took", property: "AllowedCPUs=0-1", hidden: noControllers},
			{field: "limits.memory_nodes", what: "what the manager took", property: "AllowedMemoryNodes=0", hidden: noControllers},
			{field: "limits.pids", what: "what the manager took", property: "TasksMax=256", hidden: noControllers},
			{field: "limits.io_weight", what: "what the manager took", property: "IOWeight=50", hidden: noControllers},
			{field: "limits.io_read_bandwidth", what: "what the manager took", property: "IOReadBandwidthMax=/dev/null 10485760", hidden: noControllers},
			{field: "limits.io_write_bandwidth", what: "what the manager took", property: "IOWriteBandwidthMax=/dev/null 10485760", hidden: noControllers},
			{field: "limits.io_read_iops", what: "what the manager took", property: "IOReadIOPSMax=/dev/null 1024", hidden: noControllers},
			{field: "limits.io_write_iops", what: "what the manager took", property: "IOWriteIOPSMax=/dev/null 1024", hidden: noControllers},
		}},
		{name: "sched", doc: "scheduling: {nice: 5, policy: batch, reset_on_fork: true, io_class: best-effort, io_priority: 6, cpu_affinity: [0], oom_score_adjust: 500, oom_policy: continue, timer_slack: 1ms}\n", checks: []check{
			{field: "scheduling.nice", what: "nice value", see: nice, want: "5"},
			{field: "scheduling.policy", what: "scheduling policy", see: func(r *report.Report) string { return strconv.Itoa(r.Policy & 0xff) }, want: "3"},
			{field: "scheduling.reset_on_fork", what: "SCHED_RESET_ON_FORK", see: func(r *report.Report) string { return strconv.FormatBool(r.Policy&0x40000000 != 0) }, want: "true"},
			{field: "scheduling.io_class", what: "class of ioprio_get", see: func(r *report.Report) string { return strconv.Itoa(r.IOPrio >> 13) }, want: "2"},
			{field: "scheduling.io_priority", what: "priority of ioprio_get", see: func(r *report.Report) string { return strconv.Itoa(r.IOPrio & 7) }, want: "6"},
			{field: "scheduling.cpu_affinity", what: "CPU affinity", see: status("Cpus_allowed_list"), want: "0"},
			{field: "scheduling.oom_score_adjust", what: "oom_score_adj", see: func(r *report.Report) string { return strconv.Itoa(r.OOM) }, want: "500"},
			{field: "scheduling.oom_policy", what: "what the manager took", property: "OOMPolicy=continue", hidden: noControllers},
			{field: "scheduling.timer_slack", what: "timer slack in ns", see: func(r *report.Report) string { return strconv.FormatInt(r.Slack, 10) }, want: "1000000"},
		}},
		{name: "sched-rr", doc: "scheduling: {policy: rr, priority: 10}\n", do: "report wait", checks: []check{
			{field: "scheduling.priority", what: "policy and priority in /proc/PID/stat", test: func(d *daemon) error {
				r, err := d.look()
				if err != nil {
					return err
				}
				// chrt(1) is util-linux's, in every root.
				return says("chrt -p "+strconv.Itoa(r.PID)+" | sed 's/.*: //' | tr '\\n' ' '", "SCHED_RR 10")(d)
			}},
		}},
		{name: "numa", only: "systemd", doc: "scheduling: {numa_policy: preferred, numa_mask: '0'}\n", checks: []check{
			{field: "scheduling.numa_policy", what: "get_mempolicy(2)", see: func(r *report.Report) string { return strconv.Itoa(r.MemPolicy) }, want: "1"},
			{field: "scheduling.numa_mask", what: "what the manager took", property: "NUMAMask=0", hidden: "the machine has one node"},
		}},
		{name: "dirs", doc: `user: web
directories: {runtime: {name: conf-run, mode: '0710'}, state: {name: conf-state, mode: '0711'}, cache: {name: conf-cache, mode: '0712'}, logs: {name: conf-logs, mode: '0713'}, config: {name: conf-config, mode: '0714'}}
`, checks: []check{
			{field: "directories.runtime.name", what: "owner, and $RUNTIME_DIRECTORY", test: directory("RUNTIME_DIRECTORY", "/run/conf-run", "web")},
			{field: "directories.runtime.mode", what: "mode", test: mode("/run/conf-run", "710")},
			{field: "directories.state.name", what: "owner, and $STATE_DIRECTORY", test: directory("STATE_DIRECTORY", "/var/lib/conf-state", "web")},
			{field: "directories.state.mode", what: "mode", test: mode("/var/lib/conf-state", "711")},
			{field: "directories.cache.name", what: "owner, and $CACHE_DIRECTORY", test: directory("CACHE_DIRECTORY", "/var/cache/conf-cache", "web")},
			{field: "directories.cache.mode", what: "mode", test: mode("/var/cache/conf-cache", "712")},
			{field: "directories.logs.name", what: "owner, and $LOGS_DIRECTORY", test: directory("LOGS_DIRECTORY", "/var/log/conf-logs", "web")},
			{field: "directories.logs.mode", what: "mode", test: mode("/var/log/conf-logs", "713")},
			{field: "directories.config.name", what: "owner, and $CONFIGURATION_DIRECTORY", test: directory("CONFIGURATION_DIRECTORY", "/etc/conf-config", "root")},
			{field: "directories.config.mode", what: "mode", test: mode("/etc/conf-config", "714")},
		}},
		{name: "instances", shows: "instances: each has its own argument, and is stopped alone", doc: "instances: [a, b]\ncommand: [/usr/bin/probe, --do, 'report wait', '${instance}']\nlogging: {stdout: 'append:/out/<N>-${instance}.json'}\ninstall: {start: true}\n",
			run: func(d *daemon) error {
				for _, job := range d.bundle.Jobs {
					if r := d.doJob(generators.Start, job.Name); r.Code != 0 {
						return fmt.Errorf("%s: %v", job.Name, r)
					}
				}
				if len(d.bundle.Jobs) != 2 {
					return fmt.Errorf("jobs %+v", d.bundle.Jobs)
				}
				for _, instance := range []string{"a", "b"} {
					if err := await("instance "+instance, func() bool {
						r := d.m.Run("grep", "-F", `"`+instance+`"],"Env"`, "/out/"+d.name+"-"+instance+".json")
						return r.Code == 0
					}); err != nil {
						return err
					}
				}
				a, b := d.bundle.Jobs[0].Name, d.bundle.Jobs[1].Name
				if r := d.doJob(generators.Stop, a); r.Code != 0 {
					return fmt.Errorf("%s: %v", a, r)
				}
				return first(func() error { return d.jobBecomes(a, generators.Inactive) }, func() error { return d.jobBecomes(b, generators.Active) })
			}, checks: []check{
				{field: "instances", what: "an argument of each instance", test: done},
			}},
	}
	return groups
}

// directory checks who owns a directory that was made for the service, and
// that the process was told.
func directory(variable, path, owner string) func(d *daemon) error {
	return func(d *daemon) error {
		r, err := d.look()
		if err != nil {
			return err
		}
		if got := r.Env[variable]; got != path {
			return fmt.Errorf("$%s is %q", variable, got)
		}
		return says("stat -L -c '%F %U' "+path, "directory "+owner)(d)
	}
}

func mode(path, want string) func(d *daemon) error {
	return func(d *daemon) error {
		if _, err := d.look(); err != nil {
			return err
		}
		return says("stat -L -c %a "+path, want)(d)
	}
}
