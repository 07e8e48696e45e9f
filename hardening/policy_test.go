package hardening

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening/unit"
)

func load(t testing.TB, opts unit.Options, files map[string]string) *unit.Unit {
	t.Helper()
	tree := fstest.MapFS{}
	name := ""
	for f, src := range files {
		tree[f] = &fstest.MapFile{Data: []byte(src)}
		if !strings.Contains(f, "/") {
			name = f
		}
	}
	u, err := unit.NewLoader(tree, opts).LoadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// service loads one service with these lines after its ExecStart.
func service(t testing.TB, version int, lines string) *unit.Unit {
	t.Helper()
	return load(t, unit.Options{Version: version}, map[string]string{"a.service": "[Service]\nExecStart=/bin/true\n" + lines})
}

// TestPolicy repeats what systemd-analyze 252, 257 and 262 say with this
// policy.
func TestPolicy(t *testing.T) {
	p, err := ParsePolicy([]byte(`{"PrivateNetwork": {"weight": 0}, "UserOrDynamicUser": {"weight": 5000, "range": 20}, "UMask": {"range": 50},
		"CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)": {"weight": 77, "description_good": "x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[int]string{252: "9.1", 257: "8.9", 262: "8.9"} {
		a := Assess(service(t, version, ""), Options{Policy: p})
		if got := a.Exposure.String(); got != want {
			t.Errorf("systemd %d: total %s, real %s", version, got, want)
		}
		if r := a.Row("PrivateNetwork"); r.Applies {
			t.Error("a check of weight 0 applies")
		}
		if r := a.Row("UserOrDynamicUser"); r.Weight != 5000 || r.Range != 20 || r.Badness != 10 || r.Exposure.String() != "0.5" {
			t.Errorf("User= is %+v", r)
		}
		if r := a.Row("CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)"); r.Weight != 77 {
			t.Errorf("the field with the bracket is %+v", r)
		}
	}
}

func TestPolicyRefused(t *testing.T) {
	for src, want := range map[string]string{
		`{`:                                      "cannot read the security policy",
		`{"Bogus": {"weight": 1}}`:               `no check "Bogus"`,
		`{"UMask": {"range": 0}}`:                `the range of "UMask" is 0`,
		`{"UMask": {"range": 9}}`:                "goes up to 10",
		`{"UMask": {"weight": -1}}`:              "cannot read",
		`{"UMask": {"weight": 123456789012345}}`: "too large",
	} {
		if _, err := ParsePolicy([]byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", src, err, want)
		}
	}
}
