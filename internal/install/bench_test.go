//go:build linux

package install_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkLabInstall compares installing 1 and 100 services on systemd 252
// with what people type: cp, systemctl daemon-reload, systemctl enable --now
// of each. Both are measured in turn, so that what disturbs one disturbs the
// other, and the median counts. The metric ratio is the time of daemonize in
// units of the other.
func BenchmarkLabInstall(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) { compareInstall(b, n) })
	}
}

func compareInstall(b *testing.B, n int) {
	m := boot(b)
	var specs, loop, units []string
	for i := range n {
		name := fmt.Sprintf("bench%03d", i)
		file := "/tmp/specs/" + name + ".daemon.yaml"
		m.WriteFile(file, "version: 1\nname: "+name+"\ncommand: [/usr/bin/sleep, infinity]\n", 0o644)
		specs, units = append(specs, name), append(units, name+".service")
		loop = append(loop, "cp /tmp/units/etc/systemd/system/"+name+".service /etc/systemd/system/ && systemctl daemon-reload && systemctl enable --now --quiet "+name+".service")
	}
	m.MustRun("daemonize", "render", "--backend", "systemd@252", "--out", "/tmp/units", "/tmp/specs")
	if out := strings.TrimSpace(m.MustRun("ls", "/tmp/units")); out != "etc" { // by backend
		m.MustRun("sh", "-c", "mv /tmp/units/* /tmp/one && mv /tmp/one/* /tmp/units/")
	}
	script := strings.Join(loop, " &&\n")
	remove := "systemctl disable --now --quiet " + strings.Join(units, " ") + " && rm /etc/systemd/system/bench* && systemctl daemon-reload"
	timed := func(argv ...string) time.Duration {
		start := time.Now()
		m.MustRun(argv...)
		return time.Since(start)
	}
	rounds := max(3, 15/n)
	b.ResetTimer()
	var ours, theirs []time.Duration
	for range b.N {
		for range rounds {
			theirs = append(theirs, timed("sh", "-c", script))
			m.MustRun("sh", "-c", remove)
			ours = append(ours, timed("daemonize", "install", "/tmp/specs"))
			m.MustRun(append([]string{"daemonize", "uninstall"}, specs...)...)
		}
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	us, them := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(us.Seconds()*1000, "daemonize-ms")
	b.ReportMetric(them.Seconds()*1000, "by-hand-ms")
	b.ReportMetric(us.Seconds()/them.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}
