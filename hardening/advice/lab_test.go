//go:build linux

package advice_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/hardening/advice"
	"github.com/daemonize/daemonize/internal/lab"
)

// program is a real program of the lab.
type program struct {
	name string
	spec string // a spec below testdata/lab, or
	unit string // a unit of Debian's, as an argument of harden
	run  string // the unit that is started, if not that
	// prepare makes what the program needs; work makes it do its job over its
	// own protocol.
	prepare, work string
	// above says why its exposure stays above 3.0.
	above string
	// likely are proposals whose risk is likely, and which really break it.
	likely []string
}

var programs = [...]program{
	{name: "nginx", unit: "nginx.service", work: "python3 /srv/lab/client.py http 80 nginx", likely: []string{"SystemCallFilter=~@privileged", "PrivateUsers", "DynamicUser"}},
	{name: "redis", unit: "redis-server.service", work: "python3 /srv/lab/client.py redis"},
	{
		name: "postgresql", unit: "postgresql@.service", run: "postgresql@VERSION-main.service",
		work:   `runuser -u postgres -- psql -c 'CREATE TABLE IF NOT EXISTS t (n int)' -c 'INSERT INTO t VALUES (42)' -c 'SELECT n, count(*) FROM t GROUP BY n' | grep -q ' 42 '`,
		likely: []string{"SystemCallFilter=~@privileged", "PrivateUsers"},
	},
	{
		name: "openssh", unit: "ssh.service",
		prepare: `useradd -m lab && install -d -m 700 -o lab /home/lab/.ssh && ssh-keygen -q -N '' -f /root/lab-key && install -m 600 -o lab /root/lab-key.pub /home/lab/.ssh/authorized_keys`,
		work:    `test "$(ssh -i /root/lab-key -o StrictHostKeyChecking=no -o BatchMode=yes -o ConnectTimeout=10 lab@127.0.0.1 'echo written > ~/file; id -un; cat ~/file' | tr '\n' ' ')" = 'lab written '`,
		above:   "logins inherit the sandbox",
		likely:  []string{"ProtectHome", "CapabilityBoundingSet", "SystemCallFilter=~@privileged"},
	},
	{name: "memcached", unit: "memcached.service", work: "python3 /srv/lab/client.py memcached", likely: []string{"SystemCallFilter=~@privileged"}},
	{
		name: "dnsmasq", unit: "dnsmasq.service",
		prepare: `printf 'address=/host.lab/10.11.12.13\nno-resolv\nlisten-address=127.0.0.1\nbind-interfaces\n' >/etc/dnsmasq.d/lab.conf`,
		work:    "python3 /srv/lab/client.py dns host.lab 10.11.12.13", likely: []string{"SystemCallFilter=~@privileged"},
	},
	{name: "node", spec: "node.daemon.yaml", run: "lab-node.service", work: "python3 /srv/lab/client.py http 8081 lab-node", likely: []string{"MemoryDenyWriteExecute"}},
	{name: "java", spec: "java.daemon.yaml", run: "lab-java.service", work: "python3 /srv/lab/client.py http 8082 lab-java", likely: []string{"MemoryDenyWriteExecute"}},
	{name: "python", spec: "python.daemon.yaml", run: "lab-python.service", work: "python3 /srv/lab/client.py http 8083 lab-python"},
	{name: "ruby", spec: "ruby.daemon.yaml", run: "lab-ruby.service", work: "python3 /srv/lab/client.py http 8084 lab-ruby"},
}

// daemonizeBinary builds the program as it is released.
func daemonizeBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "daemonize")
	cmd := exec.Command("go", "build", "-o", bin, "../../cmd/daemonize")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	return bin
}

// service is a program in a machine.
type service struct {
	*program
	*lab.Machine
	t       testing.TB
	version string // of systemd
}

func boot(t *testing.T, bin, version string, p *program) *service {
	t.Helper()
	data, err := filepath.Abs("testdata/lab")
	if err != nil {
		t.Fatal(err)
	}
	m := lab.Boot(t, "harden"+version, lab.Bind(bin, "/usr/bin/daemonize"), lab.Bind(data, "/srv/lab"))
	return &service{program: p, Machine: m, t: t, version: version}
}

func (s *service) unitName() string {
	if s.run == "" {
		return s.unit
	}
	return strings.Replace(s.run, "VERSION", map[string]string{"252": "15", "257": "17"}[s.version], 1)
}

// sh runs a script and returns what it prints, and whether it succeeded.
func (s *service) sh(script string) (string, bool) {
	r := s.Run("/bin/sh", "-c", script)
	return r.Stdout + r.Stderr, r.Err == nil && r.Code == 0
}

func (s *service) must(script string) string {
	s.t.Helper()
	out, ok := s.sh(script)
	if !ok {
		s.t.Fatalf("%s: %s: %s", s.name, script, out)
	}
	return out
}

// works restarts the service and makes it work. The client waits for a program
// that listens only a while after its start.
func (s *service) works() (string, bool) {
	s.must("systemctl daemon-reload")
	s.sh("systemctl stop " + s.unitName() + "; systemctl reset-failed " + s.unitName())
	if out, ok := s.sh("systemctl start " + s.unitName()); !ok {
		return out, false
	}
	return s.sh(s.work)
}

func (s *service) install() {
	s.t.Helper()
	if s.prepare != "" {
		s.must(s.prepare)
	}
	if s.spec != "" {
		s.must("cp /srv/lab/" + s.spec + " /root/" + s.spec)
		s.must("daemonize install --backend systemd@" + s.version + " /root/" + s.spec)
	}
	if out, ok := s.works(); !ok {
		s.t.Fatalf("%s does not work as it comes: %s\n%s", s.name, out, s.Log())
	}
}

// plan is what --output json says, as far as it is looked at.
type plan struct {
	Before, After float64
	Changes       []proposal
	Withheld      []proposal
	Dropped       []proposal
	Diff          string
	Written       bool
}

type proposal struct {
	Directive    string
	Set          []advice.Assign
	Gain         float64
	Risk, Fact   string
	Contradicted *struct {
		File string
		Line int
		Text string
	}
}

func (p *proposal) change() advice.Change { return advice.Change{Set: p.Set} }

func (s *service) harden(flags string) plan {
	s.t.Helper()
	file := s.unit
	if s.spec != "" {
		file = "/root/" + s.spec
	}
	out := s.must("daemonize harden --output json --target systemd@" + s.version + " " + flags + " " + file)
	var r struct{ Services []plan }
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Services) != 1 {
		s.t.Fatalf("%s: %v: %s", s.name, err, out)
	}
	return r.Services[0]
}

// dropIn puts changes into a drop-in; none removes it.
func (s *service) dropIn(changes ...advice.Change) {
	dir := "/etc/systemd/system/" + s.unitName() + ".d"
	if len(changes) == 0 {
		s.must("rm -f " + dir + "/50-test.conf")
		return
	}
	// What breaks should not take minutes to do so.
	s.WriteFile(dir+"/50-test.conf", advice.DropInText(changes)+"TimeoutStartSec=20\nTimeoutStopSec=5\nRestart=no\n", 0o644)
}

func (s *service) journal() string {
	return s.must("journalctl --no-pager -n 30 -u " + s.unitName())
}

// realExposure asks the real program, about the files: of a unit that is loaded
// it says something else about PrivateMounts=.
func (s *service) realExposure() string {
	s.t.Helper()
	out := s.must(`set -e
rm -rf /tmp/offline
mkdir /tmp/offline
file=$(systemctl show -p FragmentPath --value ` + s.unitName() + `)
cp "$file" /tmp/offline/
for dropin in $(systemctl show -p DropInPaths --value ` + s.unitName() + `); do
	dir=/tmp/offline/$(basename "$(dirname "$dropin")")
	mkdir -p "$dir"
	cp "$dropin" "$dir/"
done
SYSTEMD_UNIT_PATH= systemd-analyze security --offline=yes --no-pager "/tmp/offline/$(basename "$file")"`)
	_, rest, ok := strings.Cut(out, "Overall exposure level for ")
	if !ok {
		s.t.Fatalf("%s has no exposure: %s", s.name, out)
	}
	_, rest, _ = strings.Cut(rest, ": ")
	score, _, _ := strings.Cut(rest, " ")
	return score
}

func exposure(f float64) string { return fmt.Sprintf("%.1f", f) }

// TestLabStandard applies the standard profile to ten real programs, each of
// which then starts and does its work over its own protocol. Then the strict
// profile, without the changes that are predicted to break something; and then
// some of those, each alone, which really break it.
func TestLabStandard(t *testing.T) {
	lab.Long(t)
	for _, version := range []string{"252", "257"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			lab.Root(t, "harden"+version) // may skip, before anything is built
			bin := daemonizeBinary(t)
			var table strings.Builder
			working := 0
			for i := range programs {
				p := &programs[i]
				t.Run(p.name, func(t *testing.T) {
					s := boot(t, bin, version, p)
					s.install()
					row, ok := s.standard()
					if ok {
						working++
						row += s.strict()
					}
					table.WriteString(row + "\n")
				})
			}
			t.Logf("systemd %s: %d of %d work with the standard profile\n%-12s %6s %6s %6s  %s\n%s", version, working, len(programs),
				"program", "before", "after", "strict", "withheld: needs (k)nowledge, (l)ikely to break it; ! tried, and it broke", &table)
		})
	}
}

// standard hardens the service and makes it work; it returns a line for the
// table.
func (s *service) standard() (row string, ok bool) {
	s.t.Helper()
	before := s.realExposure()
	s.harden("--write")
	if s.spec != "" {
		s.must("daemonize install --backend systemd@" + s.version + " /root/" + s.spec)
	}
	if why, ok := s.works(); !ok {
		s.t.Errorf("it does not work with the standard profile: %s\n%s", why, s.journal())
		return fmt.Sprintf("%-12s %6s broken", s.name, before), false
	}
	// What systemd does not take it complains about, with file and line.
	if out, found := s.sh("journalctl --boot --no-pager | grep -F " + advice.DropIn + ":"); found {
		s.t.Errorf("systemd complains: %s", out)
	}
	after := s.realExposure()
	if p := s.harden(""); exposure(p.After) != after {
		s.t.Errorf("the promised exposure is %s, systemd says %s", exposure(p.After), after)
	}
	if after > "3.0" && s.above == "" {
		s.t.Errorf("the exposure stays at %s, and nobody says why", after)
	}
	return fmt.Sprintf("%-12s %6s %6s", s.name, before, after), true
}

// strict goes on with what the strict profile adds without risk, and then
// tries each of the risks that the table of programs names.
func (s *service) strict() string {
	s.t.Helper()
	p := s.harden("--profile strict --risk none")
	var changes []advice.Change
	for _, c := range p.Changes {
		changes = append(changes, c.change())
	}
	s.dropIn(changes...)
	if why, ok := s.works(); !ok {
		s.t.Errorf("it does not work with the strict profile without risks: %s\n%s", why, s.journal())
	}
	row := fmt.Sprintf(" %6s ", s.realExposure())
	if s.above != "" {
		row += " [" + s.above + "]"
	}
	for _, c := range p.Withheld {
		row += " " + c.Directive + "(" + c.Risk[:1] + ")"
		if !slices.Contains(s.likely, c.Directive) {
			continue
		}
		s.dropIn(append(slices.Clone(changes), c.change())...)
		if _, ok := s.works(); ok {
			s.t.Errorf("%s, which is predicted to break it, does not", c.Directive)
		} else {
			row += "!"
		}
	}
	for _, l := range s.likely {
		if !slices.ContainsFunc(p.Withheld, func(c proposal) bool { return c.Directive == l && c.Risk == "likely" }) {
			s.t.Errorf("nothing predicts that %s breaks it", l)
		}
	}
	return row
}

// TestLabTrace makes a trace of programs at work, without any sandbox, and
// lets it decide about the strict profile with every risk: what is left after
// the trace has had its say does not break them.
func TestLabTrace(t *testing.T) {
	lab.Long(t)
	t.Parallel()
	const version = "252"
	lab.Root(t, "harden"+version) // may skip, before anything is built
	bin := daemonizeBinary(t)
	for _, c := range []struct {
		name    string
		command string   // what strace runs
		dropped []string // proposals that the trace contradicts
	}{
		{"nginx", `/usr/sbin/nginx -g 'daemon on; master_process on;'`, []string{"SystemCallFilter=~@privileged", "PrivateUsers", "DynamicUser"}},
		{"node", `/usr/bin/node /srv/lab/node.js /var/lib/lab-node`, []string{"MemoryDenyWriteExecute"}},
		{"python", `/usr/bin/python3 /srv/lab/app.py /var/lib/lab-python`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := slices.IndexFunc(programs[:], func(p program) bool { return p.name == c.name })
			s := boot(t, bin, version, &programs[i])
			s.install()
			const file = "/tmp/lab.trace"
			dir := "/etc/systemd/system/" + s.unitName() + ".d"
			// Debian's units make a private /tmp, in which the trace would be gone.
			s.WriteFile(dir+"/90-trace.conf", "[Service]\nPrivateTmp=no\nExecStart=\nExecStart=/usr/bin/strace -D -f -y -tt -s 256 -o "+file+" "+c.command+"\n", 0o644)
			if why, ok := s.works(); !ok {
				t.Fatalf("it does not work under strace: %s\n%s", why, s.journal())
			}
			s.must("systemctl stop " + s.unitName())
			s.must("rm -r " + dir)

			p := s.harden("--profile strict --risk likely --write --trace " + file)
			if len(p.Changes) < 15 || !p.Written {
				t.Errorf("only %d changes, written: %v", len(p.Changes), p.Written)
			}
			for _, d := range p.Dropped {
				if d.Contradicted == nil || d.Contradicted.File != file || d.Contradicted.Line == 0 || d.Contradicted.Text == "" {
					t.Errorf("%s is dropped without a line of the trace", d.Directive)
					continue
				}
				t.Logf("dropped: %s: %s (%s:%d: %s)", d.Directive, d.Fact, d.Contradicted.File, d.Contradicted.Line, d.Contradicted.Text)
			}
			for _, want := range c.dropped {
				if !slices.ContainsFunc(p.Dropped, func(d proposal) bool { return d.Directive == want }) {
					t.Errorf("%s is not dropped", want)
				}
			}
			if s.spec != "" {
				s.must("daemonize install --backend systemd@" + version + " /root/" + s.spec)
			}
			if why, ok := s.works(); !ok {
				t.Errorf("it does not work with what the trace leaves: %s\n%s\n%s", why, p.Diff, s.journal())
			}
			t.Logf("%s: %d changes, exposure %s", c.name, len(p.Changes), s.realExposure())
		})
	}
}
