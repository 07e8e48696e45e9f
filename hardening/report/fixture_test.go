package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
	"github.com/daemonize/daemonize/hardening/unit"
)

// hostile is what a name or message may hold that breaks out of a format.
const hostile = "<script>alert(1)</script>\"'`|\x1b[31m\u202e[x](https://example.org)</details>\n| a | --> \\ \xff &amp; ${{ x }} </script><!--"

// assess scores a unit with these lines.
func assess(t testing.TB, name string, version int, scope unit.Scope, lines string) hardening.Result {
	t.Helper()
	tree := fstest.MapFS{"units/" + name: {Data: []byte("[Service]\nExecStart=/usr/bin/x\n" + lines)}}
	u, err := unit.NewLoader(tree, unit.Options{Version: version, Scope: scope}).LoadFile("units/" + name)
	if err != nil {
		t.Fatal(err)
	}
	a := hardening.Assess(u, hardening.Options{})
	return a.Result()
}

const hardened = `User=api
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectSystem=strict
ProtectHome=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
CapabilityBoundingSet=
RemoveIPC=yes
UMask=0077
`

// rules are like those of the audit.
var rules = []report.Rule{
	{"H001", hardening.SeverityHigh, "the service runs as root", "A process of root that is taken over owns the machine.", "Give it a user of its own with `User=`, or `DynamicUser=yes`.", "https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#User="},
	{"H010", hardening.SeverityCritical, "the program can be replaced by the user it runs as", "Who can write the program decides what the next start runs.", "Let root own it, with mode 0755.", "systemd.exec(5); CWE-732, CWE-426"},
	{"H020", hardening.SeverityMedium, "a secret is in the environment", "Every process of the user can read it in /proc.", "Use `LoadCredential=`.", "https://systemd.io/CREDENTIALS/"},
	{"H030", hardening.SeverityLow, "restarts without a limit", "A service that cannot start keeps the machine busy.", "Set `StartLimitBurst=`.", "systemd.unit(5)"},
	{"H040", hardening.SeverityInfo, "a good setting that the score does not see", "The score knows a part of what systemd can do.", "Nothing.", ""},
}

// results is one of everything.
func results(t testing.TB) []hardening.Result {
	plain := assess(t, "nginx.service", 257, unit.System, "")
	plain.Path = "etc/systemd/system/nginx.service"
	plain.Findings = []hardening.Finding{
		{ID: "H030", Severity: "low", Message: "restarts without a limit", File: plain.Path, Line: 9, Column: 1, Fix: "set StartLimitBurst=5"},
		{ID: "H001", Severity: "high", Message: "nginx runs as root and binds port 80", File: plain.Path, Line: 2, Column: 1, Fix: "set User=www-data and AmbientCapabilities=CAP_NET_BIND_SERVICE"},
		{ID: "H010", Severity: "critical", Message: "/srv/nginx/nginx can be written by www-data, who runs it", File: "etc/systemd/system/nginx.service.d/10-local path.conf", Line: 3, Column: 11, Fix: "chown root: /srv/nginx/nginx"},
		{ID: "H020", Severity: "medium", Message: "TOKEN is a secret in the environment", File: plain.Path, Line: 7, Column: 13, Fix: "use LoadCredential=", Suppressed: "the token is public, see README"},
		{ID: "H020", Severity: "medium", Message: "PASSWORD is a secret in the environment", File: plain.Path, Line: 8, Column: 13, Fix: "use LoadCredential=", Suppressed: hardening.InBaseline},
	}
	dangerous := assess(t, "legacy@.service", 252, unit.System, "PrivateMounts=no\nKeyringMode=inherit\nNotifyAccess=all\nDelegate=yes\nAmbientCapabilities=CAP_SYS_ADMIN\nUMask=0000\n")
	medium := assess(t, "worker.service", 257, unit.System, "User=worker\nCapabilityBoundingSet=CAP_SYS_ADMIN CAP_NET_BIND_SERVICE CAP_KILL CAP_CHOWN\nProtectSystem=full\nProtectHome=read-only\nSystemCallFilter=~@mount @clock @swap\nIPAddressDeny=any\nIPAddressAllow=localhost 10.0.0.0/8\nPrivateTmp=yes\n")
	// Two that are equal but for their lines.
	medium.Findings = []hardening.Finding{
		{ID: "H020", Severity: "medium", Message: "a secret is in the environment", File: medium.Path, Line: 4, Column: 1},
		{ID: "H020", Severity: "medium", Message: "a secret is in the environment", File: medium.Path, Line: 5, Column: 1},
	}
	ok := assess(t, "api.service", 262, unit.System, hardened)
	ok.Findings = []hardening.Finding{{ID: "H040", Severity: "info", Message: "PrivateIPC= is set", File: ok.Path, Line: 30, Column: 1}}
	user := assess(t, "sync.service", 262, unit.User, "PrivateTmp=yes\n")
	launchd := hardening.Result{Unit: "org.example.agent", Path: "Library/LaunchDaemons/org.example.agent.plist", Backend: "launchd", Rows: []hardening.Row{},
		Findings: []hardening.Finding{{ID: "H001", Severity: "high", Message: "the job runs as root", File: "Library/LaunchDaemons/org.example.agent.plist", Fix: "set UserName"}}}
	supervisord := hardening.Result{Unit: "queue", Path: "etc/supervisor/conf.d/queue.conf", Backend: "supervisord", Rows: []hardening.Row{}, Findings: []hardening.Finding{}}
	masked := hardening.Failed("broken.service", "etc/systemd/system/broken.service", 257, errors.New("the service has no ExecStart=, ExecStop= or SuccessAction="))
	timer := hardening.Result{Unit: "nightly.timer", Path: "etc/systemd/system/nightly.timer", Backend: "systemd", Systemd: 257, Rows: []hardening.Row{}, Findings: []hardening.Finding{}}
	nasty := assess(t, "nasty.service", 257, unit.System, "User=nobody\n")
	nasty.Unit, nasty.Path = hostile+".service", "/srv/"+hostile
	nasty.Findings = []hardening.Finding{
		{ID: "H001", Severity: "high", Message: hostile, File: hostile, Line: 1, Column: 2, Fix: hostile},
		{ID: hostile, Severity: hostile, Message: "", File: "", Fix: hostile, Suppressed: hostile},
	}
	nastyError := hardening.Failed(hostile, hostile, 257, errors.New(hostile))
	return []hardening.Result{ok, launchd, plain, masked, medium, nasty, supervisord, dangerous, nastyError, user, timer}
}

// fleet is n services, made of a few kinds.
func fleet(t testing.TB, n int) []hardening.Result {
	t.Helper()
	kinds := []string{"", "User=a\n", "DynamicUser=yes\n", "User=a\nCapabilityBoundingSet=\nSystemCallFilter=@system-service\n", hardened}
	out := make([]hardening.Result, 0, n)
	for i := range n {
		r := assess(t, fmt.Sprintf("service%04d.service", i*7919%10007), 257, unit.System, kinds[i%len(kinds)])
		if i%3 == 0 {
			r.Findings = []hardening.Finding{{ID: "H001", Severity: "high", Message: "the service runs as root", File: r.Path, Line: 2, Column: 1, Fix: "set User="}}
		}
		if i%4 == 0 {
			r.Findings = append(r.Findings, hardening.Finding{ID: "H030", Severity: "low", Message: "restarts without a limit", File: r.Path, Line: 3, Column: 1})
		}
		out = append(out, r)
	}
	return out
}

// write returns the report of results in a format.
func write(t testing.TB, format string, o report.Options, rs []hardening.Result) []byte {
	t.Helper()
	if o.Rules == nil {
		o.Rules = rules
	}
	if o.Version == "" {
		o.Version = "1.2.3"
	}
	var b bytes.Buffer
	w, err := report.New(format, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rs {
		if err := w.Unit(&rs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
