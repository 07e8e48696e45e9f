package hardening

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening/unit"
)

// settings are lines that the changes have to get along with.
var settings = []string{
	"User=web", "User=root", "User=nobody", "DynamicUser=yes", "SupplementaryGroups=adm", "RemoveIPC=yes",
	"PrivateDevices=yes", "ProtectClock=yes", "DevicePolicy=closed", "DevicePolicy=strict", "DeviceAllow=/dev/null rw",
	"RootImage=/x.raw", "LoadCredentialEncrypted=a:/b", "MountImages=/a:/b",
	"PrivateNetwork=yes", "PrivateMounts=no", "PrivateTmp=yes", "PrivateUsers=yes",
	"ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectHome=read-only", "ProtectHome=tmpfs", "ProtectSystem=full",
	"CapabilityBoundingSet=CAP_MKNOD CAP_SYS_ADMIN CAP_WAKE_ALARM", "CapabilityBoundingSet=~CAP_SYS_TIME", "AmbientCapabilities=CAP_KILL",
	"NoNewPrivileges=yes", "UMask=0002", "UMask=0027", "KeyringMode=inherit", "ProtectProc=noaccess", "NotifyAccess=all", "Delegate=yes",
	"RestrictNamespaces=net", "RestrictNamespaces=~user", "RestrictAddressFamilies=AF_UNIX AF_NETLINK", "RestrictAddressFamilies=AF_INET AF_UNIX",
	"RestrictAddressFamilies=~AF_PACKET AF_INET6", "RestrictAddressFamilies=AF_INET", "SystemCallFilter=@system-service", "SystemCallFilter=~@mount",
	"SystemCallArchitectures=x86-64", "IPAddressDeny=any", "IPAddressAllow=localhost", "IPAddressAllow=10.0.0.0/8", "IPIngressFilterPath=/sys/fs/bpf/x",
	"RootDirectory=/srv/x", "[Unit]\nDefaultDependencies=no\n[Service]",
}

// TestChanges proves every total that a change promises: the unit is loaded
// again with its lines in a drop-in, and assessed. So are pairs and triples.
func TestChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	weight0, weight9 := uint64(0), uint64(9000)
	policy := &Policy{rules: map[string]rule{"RemoveIPC": {Weight: &weight9}, "PrivateNetwork": {Weight: &weight0}}}
	promises := 0
	for range 150 {
		src := "[Service]\nExecStart=/bin/true\n"
		for _, i := range rng.Perm(len(settings))[:rng.IntN(12)] {
			src += settings[i] + "\n"
		}
		version := []int{250, 252, 257, 262}[rng.IntN(4)]
		opts := Options{}
		if rng.IntN(4) == 0 {
			opts.Policy = policy
		}
		scope := unit.System
		if rng.IntN(8) == 0 {
			scope = unit.User
		}
		score := func(lines ...string) (Assessment, error) {
			tree := fstest.MapFS{"web.service": {Data: []byte(src)}}
			if len(lines) > 0 {
				tree["web.service.d/change.conf"] = &fstest.MapFile{Data: []byte("[Service]\n" + strings.Join(lines, "\n") + "\n")}
			}
			u, err := unit.NewLoader(tree, unit.Options{Version: version, Scope: scope}).LoadFile("web.service")
			if err != nil {
				return Assessment{}, err
			}
			return Assess(u, opts), nil
		}
		before, err := score()
		if err != nil {
			continue // DynamicUser= in a user unit
		}
		r := before.Result()
		changes := r.Changes()
		if len(changes) == 0 {
			t.Fatalf("systemd %d, %q: no changes", version, src)
		}
		check := func(want Exposure, cs ...Change) {
			var lines []string
			for _, c := range cs {
				lines = append(lines, c.Lines...)
			}
			after, err := score(lines...)
			if err != nil {
				t.Fatalf("systemd %d, %q\nwith %q: %v", version, src, lines, err)
			}
			if promises++; after.Exposure != want {
				t.Fatalf("systemd %d, %q is %s\nwith %q: %s promised, %s is true", version, src, before.Exposure, lines, want, after.Exposure)
			}
			if len(cs) > 1 {
				return
			}
			for i, row := range after.Rows {
				passes := row.Set() && r.Rows[i].Applies && !r.Rows[i].Set()
				if passes != slices.Contains(cs[0].Fixes, i) {
					t.Fatalf("systemd %d, %q\nwith %q: %s passes: %v, promised otherwise", version, src, lines, row.Name, passes)
				}
			}
		}
		for i, c := range changes {
			check(c.Exposure, c)
			if before.Exposure > c.Exposure && c.Gain != before.Exposure-c.Exposure {
				t.Fatalf("%+v is not a gain from %s", c, before.Exposure)
			}
			if i > 0 && changes[i-1].Exposure > c.Exposure {
				t.Fatalf("%s comes after %s", c.Setting, changes[i-1].Setting)
			}
			if b := changes[rng.IntN(len(changes))]; !alternatives(b, c) {
				check(r.With(b, c), b, c)
			}
		}
		if top := changes[:min(3, len(changes))]; !slices.ContainsFunc(top, func(c Change) bool { return alternatives(c, top[0]) && c.Setting != top[0].Setting }) {
			check(r.With(top...), top...)
		}
		check(r.With(r.Best(3)...), r.Best(3)...)
		if best := r.Best(100); best[len(best)-1].Exposure != r.With(best...) {
			t.Fatalf("the best changes promise %s and come to %s", best[len(best)-1].Exposure, r.With(best...))
		} else {
			check(r.With(best...), best...)
		}
	}
	t.Logf("%d promises are true", promises)
	if promises < 5000 {
		t.Errorf("only %d promises were looked at", promises)
	}
}

// alternatives are two ways to set the same thing.
func alternatives(a, b Change) bool {
	user := func(c Change) bool { return c.Setting == "User" || c.Setting == "DynamicUser" }
	return user(a) && user(b)
}

// TestProposals: each check can be passed by a proposal, and each proposal
// exists for a check.
func TestProposals(t *testing.T) {
	for _, version := range []int{250, 262} {
		// Everything that is wrong by default or on demand.
		a := Assess(service(t, version, "PrivateMounts=no\nKeyringMode=inherit\nNotifyAccess=all\nDelegate=yes\nAmbientCapabilities=CAP_KILL\nUser=nobody\nSupplementaryGroups=adm\n"), Options{})
		r := a.Result()
		fixed := map[int]bool{}
		for _, c := range r.Changes() {
			for _, i := range c.Fixes {
				fixed[i] = true
			}
			if c.Note == "" || len(c.Lines) == 0 || c.Setting == "" {
				t.Errorf("%+v says too little", c)
			}
		}
		// These two need the stronger of two ways.
		all := r.With(r.Changes()...)
		for i, row := range r.Rows {
			if row.Applies && !row.Set() && !fixed[i] && !strings.HasPrefix(row.JSONField, "RestrictAddressFamilies_AF_") {
				t.Errorf("systemd %d: nothing fixes %s", version, row.Name)
			}
			if text := row.Risk(); !row.Set() && (text == "" || strings.HasSuffix(text, ".")) {
				t.Errorf("%s: risk %q", row.Name, text)
			}
		}
		if all > 5 {
			t.Errorf("systemd %d: with every change the score is %s", version, all)
		}
	}
}

func ExampleResult_Changes() {
	tree := fstest.MapFS{"web.service": {Data: []byte("[Service]\nExecStart=/usr/bin/web\nUser=web\n")}}
	u, err := unit.NewLoader(tree, unit.Options{Version: 257}).LoadFile("web.service")
	if err != nil {
		fmt.Println(err)
		return
	}
	a := Assess(u, Options{})
	r := a.Result()
	best := r.Best(3)
	for _, c := range best {
		fmt.Println(c.Gain, strings.Join(c.Lines, "; "))
	}
	fmt.Println(r.Exposure, "to", r.With(best...))
	// Output:
	// 2.5 CapabilityBoundingSet=
	// 1.5 SystemCallFilter=@system-service; SystemCallFilter=~@privileged @resources; SystemCallErrorNumber=EPERM
	// 0.9 User=; DynamicUser=yes
	// 9.0 to 4.1
}

func BenchmarkBest(b *testing.B) {
	a := Assess(service(b, 257, ""), Options{})
	r := a.Result()
	for b.Loop() {
		r.Best(3)
	}
}
