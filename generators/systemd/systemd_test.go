package systemd

import (
	"bytes"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/spectest"
)

const head = "version: 1\nname: x\ncommand: [/bin/x]\n"

// files renders a document and returns its files by base name.
func files(t testing.TB, doc string, target generators.Target) (map[string]string, generators.Bundle, diag.List) {
	t.Helper()
	target.Backend = "systemd"
	d := decode(t, doc)
	b, diags := New().Generate(d, target)
	b.Daemon, b.Target = d.Name, target
	m := map[string]string{}
	for _, a := range b.Artifacts {
		m[path.Base(a.Path)] = string(a.Content)
	}
	return m, b, diags
}

func on(version generators.Version) generators.Target {
	return generators.Target{Version: version * generators.Major}
}

// TestTraps has one case for each way of writing units wrong that is known to
// have happened; the number is that of the trap.
func TestTraps(t *testing.T) {
	cases := []struct {
		trap    string
		version generators.Version
		doc     string
		file    string // default x.service
		want    []string
		not     []string
		refused bool
	}{
		{trap: "T01 encoder", doc: "version: 1\nname: x\ncommand: [/bin/x, \"a b\", \"q\\\"\", \"\\\\\", \"t\\tn\\n\", naïve, a=b@c, \"\"]\n",
			want: []string{`ExecStart=/bin/x "a b" "q\"" "\\" "t\tn\n" "naïve" a=b@c ""`}},
		{trap: "T02 variable as a word", doc: "version: 1\nname: x\ncommand: [/bin/x, '$ecret!']\n", want: []string{`ExecStart=/bin/x "$$ecret!"`}},
		{trap: "T03 variable in a word", doc: "version: 1\nname: x\ncommand: [/bin/x, 'x$FOO', '$${FOO}']\n", want: []string{`"x$$FOO" "$${FOO}"`}},
		{trap: "T04 dollar in the path", doc: "version: 1\nname: x\ncommand: ['/opt/a$$$$b%/bin']\n", want: []string{`ExecStart=@"/opt/a$$b%%/bin" "/opt/a$$$$b%%/bin"`}},
		{trap: "T05 blank in the path", doc: "version: 1\nname: x\ncommand: ['/opt/my app/bin', a]\n", want: []string{`ExecStart="/opt/my app/bin" a`}},
		{trap: "T05 blank in the path, old", version: 219, doc: "version: 1\nname: x\ncommand: ['/opt/my app/bin', a]\n", want: []string{`ExecStart=/opt/my\x20app/bin a`}},
		{trap: "T05 quote in the path", doc: "version: 1\nname: x\ncommand: [\"/opt/it's/bin\"]\n", refused: true},
		{trap: "T06 lone semicolon", doc: "version: 1\nname: x\ncommand: [/bin/x, ';', y]\n", want: []string{`ExecStart=/bin/x ";" y`}},
		{trap: "T07 both quotes", doc: "version: 1\nname: x\ncommand: [/bin/x, \"it's \\\"x\\\"\"]\n", want: []string{`"it's \"x\""`}},
		{trap: "T08 backslash", doc: "version: 1\nname: x\ncommand: [/bin/x, 'C:\\new', 'a\\']\n", want: []string{`"C:\\new" "a\\"`}},
		{trap: "T09 trailing backslash", doc: head + "environment: {A: 'c:\\'}\nsandboxing: {no_new_privileges: true}\n",
			want: []string{"Environment=\"A=c:\\\\\"\n", "\nNoNewPrivileges=yes\n"}},
		{trap: "T09 trailing backslash, raw", doc: head + "description: 'c:\\'\n", refused: true},
		{trap: "T11 percent", doc: "version: 1\nname: x\ncommand: [/bin/x, '50%Z', '%h']\n", want: []string{`ExecStart=/bin/x 50%%Z %%h`}},
		{trap: "T12 shell", doc: "version: 1\nname: x\nshell: 'exec x | y \"$$HOME\" > /z'\n", want: []string{`ExecStart=/bin/sh -c "exec x | y \"$$$$HOME\" > /z"`}},
		{trap: "T13 oneshot restart, old", version: 243, doc: head + "type: oneshot\nrestart: on-failure\n", want: []string{"Restart=no\n"}},
		{trap: "T14 environment", doc: head + "environment: {A: 'x y', B: \"it's \\\"hi\\\"\", C: '$HOME'}\n",
			want: []string{`Environment="A=x y"` + "\n" + `Environment="B=it's \"hi\""` + "\n" + `Environment="C=$HOME"` + "\n"}},
		{trap: "T15 percent in a variable", doc: head + "environment: {U: 'http://x/a%20b'}\n", want: []string{`Environment="U=http://x/a%%20b"`}},
		{trap: "T17 raw paths", doc: head + "working_dir: '/a b%\"c'\nenv_file: '/e f'\nlogging: {stdout: 'append:/l o.g'}\nsandboxing: {read_write_paths: ['/a b', \"/it's\"]}\n",
			want: []string{"WorkingDirectory=/a b%%\"c\n", "EnvironmentFile=/e f\n", "StandardOutput=append:/l o.g\n", "ReadWritePaths=\"/a b\" \"/it's\"\n"}},
		{trap: "T18 percent in the description", doc: head + "description: '100% ready %z'\n", want: []string{"Description=100%% ready %%z\n"}},
		{trap: "T21 infinity", version: 228, doc: head + "stop: {timeout: infinity}\nstart: {timeout: infinity}\n", want: []string{"TimeoutStopSec=0\n", "TimeoutStartSec=0\n"}},
		{trap: "T21 infinity", version: 229, doc: head + "stop: {timeout: infinity}\n", want: []string{"TimeoutStopSec=infinity\n"}},
		{trap: "T21 file output", version: 247, doc: head + "logging: {stdout: 'file:/l'}\n", want: []string{"StandardOutput=append:/l\n"}},
		{trap: "T21 file output, 239", version: 239, doc: head + "logging: {stdout: 'append:/l'}\n", want: []string{"StandardOutput=file:/l\n"}},
		{trap: "T21 file output, 232", version: 232, doc: head + "logging: {stdout: 'append:/l'}\n", not: []string{"StandardOutput"}},
		{trap: "T21 privileged, 219", version: 219, doc: head + "user: u\nhooks: {pre_start: [{command: [/bin/y], privileged: true}]}\n", want: []string{"PermissionsStartOnly=yes\n", "ExecStartPre=/bin/y\n"}},
		{trap: "T21 privileged", doc: head + "user: u\nhooks: {pre_start: [{command: [/bin/y], privileged: true, ignore_failure: true}]}\n", want: []string{"ExecStartPre=-+/bin/y\n"}},
		{trap: "T21 directories, 219", version: 219, doc: head + "sandboxing: {read_only_paths: [/a]}\nlimits: {memory: 1M, cpu_weight: 50, io_weight: 50}\n",
			want: []string{"ReadOnlyDirectories=/a\n", "MemoryLimit=1M\n", "CPUShares=512\n", "BlockIOWeight=250\n"}},
		{trap: "T21 state directory, 219", version: 219, doc: head + "user: u\ndirectories: {state: {name: s, mode: '0750'}}\n", file: "x.conf", want: []string{"d /var/lib/s 0750 u u -\n"}},
		{trap: "T21 notify-reload", version: 252, doc: head + "type: notify-reload\n", want: []string{"Type=notify\n", "ExecReload=/bin/kill -s HUP $MAINPID\n"}},
		{trap: "T21 notify-reload", version: 253, doc: head + "type: notify-reload\nreload: {signal: SIGUSR1}\n", want: []string{"Type=notify-reload\n", "ReloadSignal=SIGUSR1\n"}, not: []string{"ExecReload"}},
		{trap: "T22 start limit", doc: head + "restart: {policy: always, max_attempts: 3, window: 1m}\n", want: []string{"Description=x\nStartLimitIntervalSec=1m\nStartLimitBurst=3\n\n[Service]"}},
		{trap: "T22 start limit, old", version: 229, doc: head + "restart: {policy: always, max_attempts: 3, window: 1m}\n", want: []string{"[Service]\nStartLimitInterval=1m\nStartLimitBurst=3\n"}},
		{trap: "T22 never give up", doc: head + "restart: {policy: always, max_attempts: infinity}\n", want: []string{"StartLimitIntervalSec=0\n"}},
		{trap: "T25 no PIDFile unless asked for", doc: head, not: []string{"PIDFile"}},
		{trap: "T40 interval", doc: head + "timers: [{every: 5m}]\n", file: "x.timer", want: []string{"OnActiveSec=5m\nOnUnitActiveSec=5m\n"}},
		{trap: "T40 interval after the end", doc: head + "timers: [{every: 5m, anchor: finish}]\n", file: "x.timer", want: []string{"OnActiveSec=5m\nOnUnitInactiveSec=5m\n"}},
		{trap: "T39 day or weekday", doc: head + "timers: [{cron: '0 0 13 * 1'}]\n", file: "x.timer", want: []string{"OnCalendar=*-*-13 00:00:00\nOnCalendar=Mon *-*-* 00:00:00\n"}},
		{trap: "T42 weekday 7", doc: head + "timers: [{cron: '0 0 * * 7'}]\n", file: "x.timer", want: []string{"OnCalendar=Sun *-*-* 00:00:00\n", "AccuracySec=1s\n"}},
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.trap, " ", "_"), func(t *testing.T) {
			if c.version == 0 {
				c.version = 252
			}
			if c.file == "" {
				c.file = "x.service"
			}
			f, _, diags := files(t, c.doc, on(c.version))
			if c.refused != diags.HasErrors() && c.refused {
				t.Errorf("not refused: %v\n%s", diags, f[c.file])
			}
			for _, w := range c.want {
				if !strings.Contains(f[c.file], w) {
					t.Errorf("no %q in\n%s", w, f[c.file])
				}
			}
			for _, w := range c.not {
				if strings.Contains(f[c.file], w) {
					t.Errorf("%q in\n%s", w, f[c.file])
				}
			}
		})
	}
}

// T10: no value of any kind may hold a line break; the conformance suite tries
// every field, this the one that has been used for it.
func TestTrap10Newline(t *testing.T) {
	d := decode(t, head)
	d.Description = "foo\n[Service]\nExecStartPre=+/bin/touch /tmp/x"
	d.Mark(field.Description)
	b, diags := generators.Render(New(), d, generators.Target{Backend: "systemd", Version: 252 * generators.Major}, generators.Policy{})
	if !diags.HasErrors() || len(b.Artifacts) > 0 {
		t.Errorf("rendered: %v", diags)
	}
}

// T23: what a user manager does not have.
func TestTrap23UserScope(t *testing.T) {
	target := on(252)
	target.Scope = generators.User
	doc := head + "user: u\ndepends_on: {network_online: true}\ndirectories: {state: s}\nenvironment: {D: '${state_dir}/x'}\nsandboxing: {protect_system: strict}\ntimers: [{on_boot: 2m}]\n"
	f, b, diags := files(t, doc, target)
	unit := f["x.service"]
	for _, not := range []string{"User=", "network-online", "multi-user"} {
		if strings.Contains(unit, not) {
			t.Errorf("%s in\n%s", not, unit)
		}
	}
	for _, want := range []string{`Environment="D=%S/s/x"`, "ProtectSystem=strict", "PrivateUsers=yes"} {
		if !strings.Contains(unit, want) {
			t.Errorf("no %s in\n%s", want, unit)
		}
	}
	if !strings.Contains(f["x.timer"], "OnStartupSec=2m") {
		t.Errorf("timer:\n%s", f["x.timer"])
	}
	if b.Artifacts[0].Path != "~/.config/systemd/user/x.service" {
		t.Errorf("path %s", b.Artifacts[0].Path)
	}
	if diags.HasErrors() {
		t.Error(diags)
	}
	target.Version = 245 * generators.Major
	if _, _, diags := files(t, doc, target); !diags.HasErrors() {
		t.Error("a sandbox that the user manager ignores was rendered")
	}
}

// The floors of the capability table are those of the directives.
func TestFloors(t *testing.T) {
	sections := []section{inUnit, inService, inSocket, inTimer, inPath, inInstall}
	for _, id := range field.All() {
		s := table[id]
		name, rest, ok := strings.Cut(s.Via, "=")
		if !ok || rest != "" || id.Within("timers.timezone") {
			continue // several directives: the version tests below see to them
		}
		if id.Within("sockets") || id.Within("paths") || id.Within("timers") {
			sections = []section{inSocket, inTimer, inPath}
		}
		found := false
		for _, sec := range sections {
			i, ok := lookup(sec, name)
			if !ok {
				continue
			}
			found = true
			since := generators.Version(i.since) * generators.Major
			if since <= New().Info().Oldest {
				since = 0
			}
			if s.Since != since {
				t.Errorf("%s: table says %s, %s= is of %s", id, s.Since, name, since)
			}
			break
		}
		if !found {
			t.Errorf("%s: no directive %s=", id, name)
		}
		sections = []section{inUnit, inService, inSocket, inTimer, inPath, inInstall}
	}
}

// At every version, what is written is known to that version, and what is not
// written is reported.
func TestEveryVersion(t *testing.T) {
	for _, scope := range []generators.Scope{generators.System, generators.User} {
		for v := generators.Version(219); v <= 262; v++ {
			target := generators.Target{Backend: "systemd", Version: v * generators.Major, Scope: scope}
			for _, id := range field.All() {
				base, with := spectest.Document(id)
				f, b, _ := files(t, with, target)
				for name, text := range f {
					if isUnit(name) {
						checkKnown(t, target, name, text)
					}
				}
				if id == field.Version || id == field.SandboxingProfile {
					continue
				}
				before, _, _ := files(t, base, target)
				d := decode(t, with)
				_, diags := generators.Render(New(), d, target, generators.Policy{})
				lost := slices.ContainsFunc(diags, func(g diag.Diagnostic) bool {
					return g.Code == diag.Loss || g.Code == diag.SecurityLoss || g.Code == diag.ValueRefused
				})
				level := table.At(id, target).Level
				if !lost && level != generators.NotApplicable && fmt.Sprint(before) == fmt.Sprint(f) && id != field.InstallEnable && id != field.InstallStart {
					t.Errorf("%s: %s (%s) is neither written nor reported", target, id, level)
				}
				if level == generators.Unsupported && fmt.Sprint(before) != fmt.Sprint(f) {
					t.Errorf("%s: %s is called unsupported, but changes the output", target, id)
				}
				_ = b
			}
		}
	}
}

func checkKnown(t *testing.T, target generators.Target, name, text string) {
	t.Helper()
	sec := section(0)
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			sec = section(slices.Index(sectionNames[:], strings.Trim(l, "[]")))
			continue
		}
		key, _, ok := strings.Cut(l, "=")
		if !ok || l[0] == '#' {
			continue
		}
		i, ok := lookup(sec, key)
		if !ok {
			t.Errorf("%s: no directive [%s] %s=", name, sectionNames[sec], key)
		} else if !i.known(int(target.Version / generators.Major)) {
			t.Errorf("%s: %s= in %s", target, key, name)
		}
	}
}

// systemd-analyze reads every calendar expression.
func TestCalendars(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze")
	}
	args := []string{"calendar"}
	for _, timer := range []string{
		"cron: '*/5 * * * *'", "cron: '15 10,14 * * 1-5'", "cron: '30 4 1,15 * 5'", "cron: '0 0 1 */3 7'", "cron: '0 12 29 2 *'",
		"cron: '59 23 28-31 * *'", "cron: '@weekly'", "calendar: daily", "calendar: 'Mon..Fri *-*-* 02:30:00'", "calendar: '*-*~01 00:00:00'",
		"{calendar: '*-*-* 03:00:00', timezone: Europe/Berlin}", "calendar: '2030-01-01 00:00:10'",
	} {
		if timer[0] != '{' {
			timer = "{" + timer + "}"
		}
		f, _, _ := files(t, head+"timers: ["+timer+"]\n", on(252))
		for l := range strings.Lines(f["x.timer"]) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(l), "OnCalendar="); ok {
				args = append(args, v)
			}
		}
	}
	if len(args) < 14 {
		t.Fatalf("only %d expressions", len(args))
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if bytes.Count(out, []byte("Normalized form:")) != len(args)-1 {
		t.Errorf("not all were read:\n%s", out)
	}
}

func TestUnits(t *testing.T) {
	cases := []struct {
		name, doc string
		files     []string
		jobs      string
		want      map[string]string // file: what it holds
	}{
		{"plain", head, []string{"x.service"}, "[{x.service true true}]", map[string]string{"x.service": "WantedBy=multi-user.target"}},
		{"disabled", head + "install: {enable: false}\n", []string{"x.service"}, "[{x.service false true}]", nil},
		{"instances", head + "instances: [a, b]\nworking_dir: '/srv/${instance}'\n", []string{"x@.service"}, "[{x@a.service true true} {x@b.service true true}]", map[string]string{"x@.service": "WorkingDirectory=/srv/%i\n"}},
		{"timer", head + "timers: [{calendar: daily}]\n", []string{"x.service", "x.timer"}, "[{x.timer true true} {x.service false false}]", map[string]string{"x.timer": "WantedBy=timers.target"}},
		{"timers", head + "timers: [{calendar: daily, name: one}, {every: 1h}]\n", []string{"x-2.timer", "x-one.timer", "x.service"}, "[{x-one.timer true true} {x-2.timer true true} {x.service false false}]", map[string]string{"x-one.timer": "Unit=x.service\n"}},
		{"timer of a template", head + "instances: [a]\ntimers: [{calendar: daily}]\n", []string{"x@.service", "x@.timer"}, "[{x@a.timer true true} {x@a.service false false}]", nil},
		{"socket", head + "sockets: ['tcp://:80']\n", []string{"x.service", "x.socket"}, "[{x.socket true true} {x.service false false}]", map[string]string{"x.socket": "ListenStream=80\nFileDescriptorName=x\n"}},
		{"sockets", head + "sockets: [{listen: 'tcp://:80', name: http}, {listen: 'udp://[::1]:53'}]\n", []string{"x-2.socket", "x-http.socket", "x.service"}, "[{x-http.socket true true} {x-2.socket true true} {x.service false false}]",
			map[string]string{"x-2.socket": "ListenDatagram=[::1]:53\n", "x-http.socket": "Service=x.service\n", "x.service": "Sockets=x-http.socket x-2.socket\n"}},
		{"accept", head + "sockets: [{listen: 'tcp://:80', accept: true}]\n", []string{"x.socket", "x@.service"}, "[{x.socket true true}]", map[string]string{"x.socket": "Accept=yes\n"}},
		{"path", head + "paths: [{exists: /a}, {changed: /b}]\n", []string{"x.path", "x.service"}, "[{x.path true true} {x.service false false}]", map[string]string{"x.path": "PathExists=/a\nPathChanged=/b\n"}},
		{"paths", head + "paths: [{exists: /a}, {directory_not_empty: /b, make_directory: true}]\n", []string{"x-path1.path", "x-path2.path", "x.service"}, "[{x-path1.path true true} {x-path2.path true true} {x.service false false}]", nil},
		{"both", head + "timers: [{calendar: daily}]\ninstall: {wanted_by: [graphical]}\n", []string{"x.service", "x.timer"}, "[{x.timer true true} {x.service true true}]", map[string]string{"x.service": "WantedBy=graphical.target"}},
		{"health", head + "healthcheck: {test: [/bin/y, z]}\n", []string{"health", "x-health.service", "x-health.timer", "x.service"}, "[{x.service true true}]",
			map[string]string{"x.service": "Wants=x-health.timer\n", "x-health.timer": "BindsTo=x.service\nAfter=x.service\n", "x-health.service": "ExecStopPost=+/usr/lib/daemonize/x/health count x.service 3 0\n"}},
		{"account", head + "user: u\ngroup: g\nsupplementary_groups: [ssl-cert]\ncreate_user: true\ndirectories: {state: s}\n", []string{"x.conf", "x.service"}, "[{x.service true true}]",
			map[string]string{"x.conf": "u u - \"Daemon x\" /var/lib/s /usr/sbin/nologin\nm u g\nm u ssl-cert\n"}},
		{"needs", head + "depends_on: {requires: [a], wants: [b.socket], network_online: true}\n", []string{"x.service"}, "[{x.service true true}]",
			map[string]string{"x.service": "Requires=a.service\nWants=b.socket network-online.target\nAfter=a.service network-online.target\n"}},
		{"override", head + "description: d\nuser: u\noverrides: {systemd: {Service: {User: v%i, Slice: a.slice, ExecStartPre: [/a, '-/b ${name}']}, Unit: {Description: null}}}\n", []string{"x.service"}, "[{x.service true true}]",
			map[string]string{"x.service": "[Service]\nExecStart=/bin/x\nUser=v%i\nSlice=a.slice\nExecStartPre=/a\nExecStartPre=-/b x\n"}},
		{"filters", head + "sandboxing: {system_calls: ['@system-service', '~@privileged', '~@mount:EPERM'], capabilities: {bounding: []}}\n", []string{"x.service"}, "[{x.service true true}]",
			map[string]string{"x.service": "SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @mount:EPERM\nCapabilityBoundingSet=\n"}},
		{"binds", head + "sandboxing: {bind_paths: ['/a b:/c:rbind'], device_allow: ['/dev/null rw']}\n", []string{"x.service"}, "[{x.service true true}]",
			map[string]string{"x.service": "BindPaths=\"/a b\":/c:rbind\nDeviceAllow=/dev/null rw\n"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, b, diags := files(t, c.doc, on(252))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			var names []string
			for n := range f {
				names = append(names, n)
			}
			slices.Sort(names)
			if !slices.Equal(names, c.files) {
				t.Errorf("files %q, want %q", names, c.files)
			}
			if got := fmt.Sprint(b.Jobs); got != c.jobs {
				t.Errorf("jobs %s, want %s", got, c.jobs)
			}
			for n, want := range c.want {
				if !strings.Contains(f[n], want) {
					t.Errorf("no %q in %s:\n%s", want, n, f[n])
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, doc := range []string{
		head + "sockets: [{listen: 'tcp://:80', accept: true}, {listen: 'tcp://:81'}]\n",
		head + "healthcheck: {test: [/bin/y]}\ntimers: [{calendar: daily, name: health}, {every: 1h}]\n",
		head + "overrides: {systemd: {Servic: {Slice: a}}}\n",
		head + "overrides: {systemd: {Service: {'A=b': a}}}\n",
		head + "overrides: {systemd: {Service: {Slice: 'a\\'}}}\n",
		head + "overrides: {systemd: {Service: {Slice: \"a\\nb\"}}}\n",
		head + "logging: {rate_burst: 0}\n",
		head + "logging: {stdout: 'append:/a*b', rotate: {size: 1M}}\n",
		head + "sandboxing: {temporary_file_system: ['/a\\b']}\n",
	} {
		if _, _, diags := files(t, doc, on(252)); !diags.HasErrors() {
			t.Errorf("not refused:\n%s", doc)
		}
	}
	long := "version: 1\nname: x\ncommand: [/bin/x, '" + strings.Repeat("a", 3000) + "']\n"
	if _, _, diags := files(t, long, on(219)); !diags.HasErrors() {
		t.Error("a line too long for 219 was not refused")
	}
	if _, _, diags := files(t, long, on(252)); diags.HasErrors() {
		t.Error(diags)
	}
}

func TestReportedOnce(t *testing.T) {
	doc := head + "working_dir: 'c:\\'\nhealthcheck: {test: [/bin/y]}\nsandboxing: {private_tmp: disconnected}\n"
	doc = strings.Replace(doc, "working_dir: 'c:\\'", "working_dir: '/c\\'", 1)
	_, _, diags := files(t, doc, on(252))
	if len(diags) != 2 {
		t.Errorf("want one refusal and one loss: %v", diags)
	}
}

func TestUnknownOverride(t *testing.T) {
	for key, want := range map[string]bool{"Service: {Bogus: x}": true, "Service: {RestartSteps: '3'}": true, "Service: {MemoryLimit: 1M}": false,
		"Service: {X-Mine: y}": false, "Service: {Slice: a.slice}": false, "Socket: {Backlog: '3'}": true} {
		_, _, diags := files(t, head+"overrides: {systemd: {"+key+"}}\n", on(247))
		got := slices.ContainsFunc(diags, func(g diag.Diagnostic) bool { return g.Code == diag.UnknownNative && g.Severity == diag.Warning })
		if got != want {
			t.Errorf("%s: warned %t, want %t", key, got, want)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	d := decode(b, `
version: 1
name: web
description: Web
command: [/usr/bin/web, --listen, ':8080', "a b"]
type: notify
user: web
environment: {LANG: C.UTF-8, A: "x y"}
restart: {policy: on-failure, delay: 2s}
depends_on: {requires: [postgresql], network_online: true}
directories: {state: web}
limits: {memory: 512M, nofile: 65536}
sandboxing: {profile: strict}
sockets: ['tcp://:8080']
`)
	target := generators.Target{Backend: "systemd", Version: 252 * generators.Major}
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := New().Generate(d, target); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
