package hardening

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening/unit"
)

// TestTotals has the totals that the real program prints.
func TestTotals(t *testing.T) {
	for lines, want := range map[string][3]string{ // 252, 257, 262
		"":                                 {"9.6", "9.4", "9.4"},
		"CapabilityBoundingSet=\n":         {"7.1", "6.9", "6.9"},
		"DynamicUser=yes\n":                {"8.4", "8.2", "8.2"},
		"User=x\n":                         {"9.2", "9.0", "9.0"},
		"PrivateDevices=yes\n":             {"9.0", "8.8", "8.8"},
		"PrivateNetwork=yes\n":             {"9.1", "9.0", "9.0"},
		"RestrictNamespaces=yes\n":         {"8.8", "8.7", "8.7"},
		"SystemCallFilter=x\n":             {"8.0", "7.8", "7.8"},
		"RestrictAddressFamilies=none\n":   {"8.9", "8.7", "8.7"},
		"[Unit]\nDefaultDependencies=no\n": {"9.5", "9.4", "9.4"},
		"SystemCallArchitectures=native\n": {"9.4", "9.2", "9.2"},
		"PrivateMounts=no\n":               {"9.6", "9.6", "9.6"},
	} {
		for i, version := range []int{252, 257, 262} {
			a := Assess(service(t, version, lines), Options{})
			if got := a.Exposure.String(); got != want[i] {
				t.Errorf("systemd %d, %q: %s, real %s", version, lines, got, want[i])
			}
		}
	}
}

// TestBadness has the checks that are more than a boolean.
func TestBadness(t *testing.T) {
	for _, tt := range []struct {
		lines, field string
		want         uint64
	}{
		{"User=nobody\n", "UserOrDynamicUser", 9},
		{"User=nobody\nDynamicUser=yes\n", "UserOrDynamicUser", 9},
		{"User=root\nDynamicUser=yes\n", "UserOrDynamicUser", 10},
		{"User=0\n", "UserOrDynamicUser", 10},
		{"User=1000\n", "UserOrDynamicUser", 0},
		{"ProtectHome=tmpfs\n", "ProtectHome", 1},
		{"ProtectHome=read-only\n", "ProtectHome", 5},
		{"ProtectSystem=full\n", "ProtectSystem", 3},
		{"ProtectSystem=yes\n", "ProtectSystem", 5},
		{"UMask=0000\n", "UMask", 10},
		{"UMask=0002\n", "UMask", 5},
		{"UMask=0006\n", "UMask", 2},
		{"UMask=0026\n", "UMask", 1},
		{"UMask=0066\n", "UMask", 0},
		{"", "UMask", 5},
		{"", "KeyringMode", 0},
		{"KeyringMode=inherit\n", "KeyringMode", 1},
		{"ProtectProc=noaccess\n", "ProtectProc", 1},
		{"", "ProtectProc", 3},
		{"NotifyAccess=all\n", "NotifyAccess", 1},
		{"SystemCallArchitectures=native native\n", "SystemCallArchitectures", 0},
		{"SystemCallArchitectures=x86-64\n", "SystemCallArchitectures", 8},
		{"SystemCallFilter=@system-service\n", "SystemCallFilter_resources", 9},
		{"SystemCallFilter=~@mount\n", "SystemCallFilter_mount", 0},
		{"SystemCallFilter=~mount\n", "SystemCallFilter_mount", 10},
		{"SystemCallFilter=~@obsolete\n", "SystemCallFilter_obsolete", 0},
		{"RestrictAddressFamilies=~AF_INET\n", "RestrictAddressFamilies_AF_INET_INET6", 0},
		{"RestrictAddressFamilies=~AF_VSOCK\n", "RestrictAddressFamilies_OTHER", 0},
		{"RestrictAddressFamilies=AF_VSOCK\n", "RestrictAddressFamilies_OTHER", 1},
		{"IPAddressDeny=0.0.0.0/0\n", "IPAddressDeny", 10},
		{"IPAddressDeny=0.0.0.0/0 ::/0\n", "IPAddressDeny", 0},
		{"IPAddressDeny=any\nIPAddressAllow=localhost\n", "IPAddressDeny", 2},
		{"IPAddressDeny=any\nIPAddressAllow=localhost 10.0.0.1\n", "IPAddressDeny", 5},
		{"IPIngressFilterPath=/sys/fs/bpf/x\n", "IPAddressDeny", 0},
		{"DeviceAllow=/dev/null\n", "DeviceAllow", 10},
		{"DevicePolicy=closed\nDeviceAllow=/dev/null\n", "DeviceAllow", 5},
		{"DevicePolicy=strict\n", "DeviceAllow", 0},
		{"PrivateDevices=yes\nProtectClock=yes\n", "DeviceAllow", 5},
		{"RootDirectory=/\n", "RootDirectoryOrRootImage", 1},
		{"RootImage=/x\n", "RootDirectoryOrRootImage", 0},
		{"Delegate=\n", "Delegate", 1},
		{"AmbientCapabilities=CAP_KILL\n", "AmbientCapabilities", 1},
	} {
		a := Assess(service(t, 262, tt.lines), Options{})
		if r := a.Row(tt.field); r == nil || !r.Applies || r.Badness != tt.want {
			t.Errorf("%q: %s is %+v, want badness %d", tt.lines, tt.field, r, tt.want)
		}
	}
}

func TestNotApplicable(t *testing.T) {
	fields := func(a Assessment) (out []string) {
		for _, r := range a.Rows {
			if !r.Applies {
				out = append(out, r.JSONField)
			}
		}
		slices.Sort(out)
		return out
	}
	src := map[string]string{"a.service": "[Service]\nExecStart=/bin/true\n"}
	for _, tt := range []struct {
		opts unit.Options
		src  string
		want string
	}{
		{unit.Options{}, "", "RemoveIPC SupplementaryGroups"},
		{unit.Options{}, "User=x\n", ""},
		{unit.Options{}, "User=x\n[Unit]\nDefaultDependencies=no\n", "PrivateTmp ProtectHome ProtectSystem RootDirectoryOrRootImage"},
		{unit.Options{Scope: unit.User, Version: 261}, "", "RemoveIPC SupplementaryGroups"},
		{unit.Options{Scope: unit.User}, "", "RemoveIPC"},
	} {
		a := Assess(load(t, tt.opts, map[string]string{"a.service": src["a.service"] + tt.src}), Options{})
		if got := strings.Join(fields(a), " "); got != tt.want {
			t.Errorf("%+v %q: %q, want %q", tt.opts.Scope, tt.src, got, tt.want)
		}
	}
}

// TestWeights: the sum of all weights is that of the real program.
func TestWeights(t *testing.T) {
	for version, want := range map[int]uint64{250: 56435, 251: 56435, 252: 56460, 262: 56460} {
		var sum uint64
		seen := map[string]bool{}
		for _, r := range Assess(service(t, version, ""), Options{}).Rows {
			sum += r.Weight
			if seen[r.Name] {
				t.Errorf("two rows are called %s", r.Name)
			}
			seen[r.Name] = true
		}
		if sum != want {
			t.Errorf("systemd %d: weights add up to %d, want %d", version, sum, want)
		}
	}
}

func TestRatings(t *testing.T) {
	for e, want := range map[Exposure]string{0: "PERFECT", 1: "SAFE", 9: "SAFE", 10: "OK", 49: "OK", 50: "MEDIUM", 74: "MEDIUM", 75: "EXPOSED", 89: "EXPOSED", 90: "UNSAFE", 99: "UNSAFE", 100: "DANGEROUS"} {
		if got := e.Rating(); got != want {
			t.Errorf("%s is %s, want %s", e, got, want)
		}
	}
	if got := fmt.Sprint(Exposure(96), Exposure(5), Exposure(100)); got != "9.6 0.5 10.0" {
		t.Errorf("printed %s", got)
	}
}

// TestJSON fixes the form of the report.
func TestJSON(t *testing.T) {
	a := Assess(service(t, 257, "PrivateTmp=yes\n"), Options{})
	r := a.Result()
	r.Rows = []Row{*a.Row("PrivateTmp"), *a.Row("PrivateNetwork"), *a.Row("RemoveIPC")}
	r.Findings = nil
	tricky := r
	tricky.Findings = []Finding{{ID: "X", Message: "\"rows\":null,\"findings\": <&>"}}
	report := Report{Version: ReportVersion, Units: []Result{r, tricky, Failed("b.service", "b.service", 257, os.ErrNotExist)}}
	for i := range report.Units {
		if report.Units[i].Findings == nil {
			report.Units[i].Findings = []Finding{}
		}
	}
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var streamed bytes.Buffer
	enc := NewEncoder(&streamed)
	for i := range report.Units {
		if err := enc.Encode(&report.Units[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil || streamed.String() != string(b)+"\n" {
		t.Errorf("streamed (%v)\n%s\nwant\n%s", err, streamed.String(), b)
	}
	report.Units = slices.Delete(report.Units, 1, 2)
	if b, err = json.Marshal(report); err != nil {
		t.Fatal(err)
	}
	want := `{"version":1,"units":[{"unit":"a.service","path":"a.service","backend":"systemd","systemd":257,"exposure":9.2,"rating":"UNSAFE","error":null,"rows":[` +
		`{"name":"PrivateTmp=","json_field":"PrivateTmp","set":true,"weight":1000,"badness":0,"range":1,"exposure":null},` +
		`{"name":"PrivateNetwork=","json_field":"PrivateNetwork","set":false,"weight":2500,"badness":1,"range":1,"exposure":"0.5"},` +
		`{"name":"RemoveIPC=","json_field":"RemoveIPC","set":null,"weight":100,"badness":null,"range":1,"exposure":null}],"findings":[]},` +
		`{"unit":"b.service","path":"b.service","backend":"systemd","systemd":257,"exposure":null,"rating":null,"error":"file does not exist","rows":[],"findings":[]}]}`
	if string(b) != want {
		t.Errorf("JSON is\n%s\nwant\n%s", b, want)
	}
	var back Exposure
	if err := json.Unmarshal([]byte("9.6"), &back); err != nil || back != 96 {
		t.Errorf("read back %v, %v", back, err)
	}
}

// FuzzAssess: a score is 0 to 100 whatever the unit says, rows stay within
// their ranges, and one more good setting at the end never makes a unit worse.
func FuzzAssess(f *testing.F) {
	f.Add("[Service]\nExecStart=/bin/true\nSystemCallFilter=~@mount\nIPAddressDeny=any\n", uint8(0), uint8(3))
	f.Add("[Service]\nExecStart=/bin/true\nUser=%i\nProtectClock=yes\nPrivateDevices=yes\n", uint8(1), uint8(9))
	good := []string{"PrivateTmp=yes", "PrivateNetwork=yes", "NoNewPrivileges=yes", "CapabilityBoundingSet=\nCapabilityBoundingSet=", "ProtectSystem=strict",
		"RestrictNamespaces=yes", "RestrictAddressFamilies=none", "SystemCallFilter=\nSystemCallFilter=bogus", "UMask=0077", "ProtectProc=invisible",
		"LockPersonality=yes", "PrivateUsers=yes"}
	f.Fuzz(func(t *testing.T, src string, scope, which uint8) {
		for _, version := range []int{unit.Oldest, 257, unit.Newest} {
			score := func(src string) (Exposure, bool) {
				tree := fstest.MapFS{"a.service": {Data: []byte(src)}}
				u, err := unit.NewLoader(tree, unit.Options{Version: version, Scope: unit.Scope(scope % 2)}).LoadFile("a.service")
				if err != nil {
					return 0, false
				}
				a := Assess(u, Options{})
				if a.Exposure > 100 {
					t.Fatalf("exposure %d", a.Exposure)
				}
				for _, r := range a.Rows {
					if r.Badness > r.Range || r.Exposure > a.Exposure {
						t.Fatalf("row %+v of %s", r, a.Exposure)
					}
				}
				return a.Exposure, true
			}
			before, ok := score(src)
			if !ok {
				continue
			}
			line := good[int(which)%len(good)]
			after, ok := score(src + "\n\n[Service]\n" + line + "\n")
			if ok && after > before {
				t.Fatalf("%q raises the score from %s to %s", line, before, after)
			}
		}
	})
}

// fleet writes n different services into one directory.
func fleet(n int) fstest.MapFS {
	tree := fstest.MapFS{}
	for i := range n {
		tree[fmt.Sprintf("units/s%05d.service", i)] = &fstest.MapFile{Mode: 0o644, Data: fmt.Appendf(nil, `# service %d
[Unit]
Description=Service %d of the fleet
Documentation=man:s(8)
After=network-online.target
[Service]
Type=notify
ExecStartPre=/usr/bin/s --check
ExecStart=/usr/bin/s --foreground --config /etc/s/%%i.conf
Restart=on-failure
User=s%d
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=yes
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_KILL
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallArchitectures=native
[Install]
WantedBy=multi-user.target
`, i, i, i)}
	}
	return tree
}

// BenchmarkFleet loads, scores and prints all units of one directory; the
// cost of one unit must not depend on their number.
func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{100, 500, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			if err := os.CopyFS(dir, fleet(n)); err != nil {
				b.Fatal(err)
			}
			tree := os.DirFS(dir)
			b.ReportAllocs()
			for b.Loop() {
				loader := unit.NewLoader(tree, unit.Options{Dirs: []string{"units"}})
				out := NewEncoder(io.Discard)
				for _, name := range loader.Names() {
					u, err := loader.Load(name)
					if err != nil {
						b.Fatal(err)
					}
					a := Assess(u, Options{})
					r := a.Result()
					if err := out.Encode(&r); err != nil {
						b.Fatal(err)
					}
				}
				if err := out.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/unit")
		})
	}
}
