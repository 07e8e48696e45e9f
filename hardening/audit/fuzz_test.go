package audit_test

import (
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/audit"
)

// fuzzFile audits one file of that name, alone and in a root, and checks what
// holds of every result.
func fuzzFile(f *testing.F, name string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	for i := range ruleCases {
		if c := &ruleCases[i]; kind(c.name) == kind(name) {
			f.Add([]byte(c.bad))
			f.Add([]byte(c.good))
		}
	}
	tt := targets(f, "systemd@257", "launchd", "sysvinit", "supervisord")
	f.Fuzz(func(t *testing.T, src []byte) {
		tree := disk(fstest.MapFS{name: {Data: src, Mode: 0o644}})
		for _, o := range []audit.Options{{Systemd: 252, Targets: tt}, {Systemd: 262, Root: true, Owner: owner, Targets: tt[:1]}} {
			results := 0
			err := audit.New(tree, o).File(name, func(r *hardening.Result) error {
				results++
				check(t, r)
				return nil
			})
			if err != nil || results == 0 {
				t.Fatalf("%d results, error %v", results, err)
			}
		}
	})
}

func kind(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' || name[i] == '/' {
			return name[i:]
		}
	}
	return ".service"
}

func check(t *testing.T, r *hardening.Result) {
	t.Helper()
	if r.Exposure != nil && *r.Exposure > 100 {
		t.Fatalf("the exposure is %s", *r.Exposure)
	}
	if r.Error != nil && (*r.Error == "" || r.Exposure != nil || len(r.Findings) > 0) {
		t.Fatalf("an error beside results: %+v", r)
	}
	if r.Unit == "" || r.Path == "" {
		t.Fatalf("a result without a name: %+v", r)
	}
	for _, f := range r.Findings {
		if f.ID == "" || f.Message == "" || f.Fix == "" || f.File == "" || hardening.SeverityRank(f.Severity) == 0 || len(f.Message) > 1<<20 {
			t.Fatalf("a finding lacks something: %+v", f)
		}
	}
}

func FuzzUnit(f *testing.F) {
	fuzzFile(f, "etc/systemd/system/x.service", "[Service]\nExecStart=/bin/sh -c 'a|b' \\\n # x\n c\n", "[Service]\nExecStart=\"\" ''\n", "[Service]\nExecStart=@/usr/bin/x ''\n")
}

func FuzzSocket(f *testing.F) {
	fuzzFile(f, "etc/systemd/system/x.socket", "[Socket]\nListenStream=80\nAccept=yes\nExecStartPre=/bin/x\n")
}

func FuzzPlist(f *testing.F) {
	fuzzFile(f, "x.plist", "bplist00\xd1\x01\x02UHello", "<plist><dict><key>Sockets</key><dict><key>a</key><array><dict><key>SockServiceName</key><string>http</string></dict></array></dict></dict></plist>",
		"{ Label = x; ProgramArguments = (a, b); }", "<plist><dict><key>ProgramArguments</key><array><true/></array></dict></plist>")
}

func FuzzSupervisor(f *testing.F) {
	fuzzFile(f, "x.conf", "[program:x]\ncommand = \"\" ; c\n more\nenvironment=A='b,B=\"\n", "[unix_http_server]\nfile=/tmp/x\nchmod=0777\n[supervisord]\n[program:]\n")
}

func FuzzScript(f *testing.F) {
	fuzzFile(f, "init.d/x", "#!/bin/sh\nA=$A$A\nA=$A$A\nstart-stop-daemon -S -x ${A -- \\\n$B\n", "### BEGIN INIT INFO\n. /etc/default/x\ndaemon --user=x +5 ''\n")
}

func FuzzSpec(f *testing.F) {
	fuzzFile(f, "x.daemon.yaml", "version: 1\nname: x\nshell: 'curl x | sh'\nsockets: ['tcp://:80']\ninstances: [a]\nenvironment: {A: '${instance}'}\n")
}

func FuzzBaseline(f *testing.F) {
	f.Add([]byte(`{"version":1,"units":[{"unit":"a","backend":"systemd","exposure":9.4}],"findings":[{"fingerprint":"00"}]}`))
	f.Fuzz(func(_ *testing.T, src []byte) {
		if b, err := audit.ReadBaseline(src); err == nil {
			b.Apply(&hardening.Result{Findings: []hardening.Finding{{ID: "H001"}}})
		}
	})
}
