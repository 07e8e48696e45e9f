package sysvinit_test

import (
	"os"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/sysvinit"
	"github.com/daemonize/daemonize/spec"
)

// stager is the part of the backend that is tested here.
type stager interface {
	StagedLinks(b generators.Bundle) []generators.Artifact
	StagedEdits(b generators.Bundle, op generators.Op, read func(string) ([]byte, bool)) []generators.Artifact
}

func staged(t *testing.T, family generators.Family, more string) (stager, generators.Bundle) {
	t.Helper()
	daemons, diags := spec.Decode("web.yaml", []byte("version: 1\nname: web\ncommand: [/usr/bin/web]\n"+more))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	g := sysvinit.New()
	b, diags := generators.Render(g, daemons[0], generators.Target{Backend: "sysvinit", Version: g.Info().Default, Family: family}, generators.Policy{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	s, ok := g.(stager)
	if !ok {
		t.Fatal("the backend makes no links")
	}
	return s, b
}

func TestStagedLinks(t *testing.T) {
	for name, c := range map[string]struct {
		family generators.Family
		more   string
		want   string
	}{
		"default":    {want: "/etc/rc2.d/S20web /etc/rc3.d/S20web /etc/rc4.d/S20web /etc/rc5.d/S20web /etc/rc0.d/K01web /etc/rc1.d/K01web /etc/rc6.d/K01web"},
		"disabled":   {more: "install: {enable: false}\n", want: "/etc/rc2.d/K01web /etc/rc3.d/K01web /etc/rc4.d/K01web /etc/rc5.d/K01web /etc/rc0.d/K01web /etc/rc1.d/K01web /etc/rc6.d/K01web"},
		"early":      {more: "install: {runlevels: [S]}\n", want: "/etc/rcS.d/S20web /etc/rc0.d/K01web /etc/rc6.d/K01web"},
		"of a timer": {more: "type: oneshot\ntimers: [{name: main, calendar: daily}]\n", want: ""},
	} {
		s, b := staged(t, c.family, c.more)
		var got []string
		for _, a := range s.StagedLinks(b) {
			if a.Mode.Type() != os.ModeSymlink || string(a.Content) != "../init.d/web" {
				t.Errorf("%s: %s is %v %q", name, a.Path, a.Mode, a.Content)
			}
			got = append(got, a.Path)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: links = %q, want %s", name, got, c.want)
		}
	}
	s, b := staged(t, generators.RedHat, "")
	links := s.StagedLinks(b)
	if len(links) != 7 || !strings.HasPrefix(links[0].Path, "/etc/rc.d/rc2.d/S") {
		t.Errorf("links = %v", links)
	}
}

func TestStagedEdits(t *testing.T) {
	s, b := staged(t, generators.Debian, "")
	before := map[string]string{
		"/etc/init.d/.depend.start": "TARGETS = single rc.local\nINTERACTIVE =\nrc.local: single\n",
		"/etc/init.d/.depend.stop":  "TARGETS = cron sendsigs halt\nsendsigs: cron\nhalt: sendsigs\n",
		"/etc/init.d/.depend.boot":  "TARGETS = hostname.sh\nINTERACTIVE =\n",
	}
	want := map[string]string{
		"/etc/init.d/.depend.start": "TARGETS = single rc.local web\nINTERACTIVE =\nrc.local: single\nweb: single rc.local\n",
		"/etc/init.d/.depend.stop":  "TARGETS = cron sendsigs halt web\nsendsigs: cron web\nhalt: sendsigs web\n",
	}
	reads := func(files map[string]string) func(string) ([]byte, bool) {
		return func(name string) ([]byte, bool) { c, ok := files[name]; return []byte(c), ok }
	}
	edits := func(files map[string]string, op generators.Op) map[string]string {
		got := map[string]string{}
		for _, a := range s.StagedEdits(b, op, reads(files)) {
			got[a.Path] = string(a.Content)
		}
		return got
	}
	got := edits(before, generators.Install)
	for _, name := range []string{"/etc/init.d/.depend.start", "/etc/init.d/.depend.stop"} {
		if got[name] != want[name] {
			t.Errorf("%s:\n%s\nwant\n%s", name, got[name], want[name])
		}
		if again := edits(got, generators.Install); again[name] != want[name] {
			t.Errorf("again, %s:\n%s", name, again[name])
		}
		if back := edits(got, generators.Uninstall); back[name] != before[name] {
			t.Errorf("back, %s:\n%s", name, back[name])
		}
	}
	if len(got) != 2 {
		t.Errorf("edits %d files", len(got))
	}
	if none := edits(nil, generators.Install); len(none) > 0 {
		t.Errorf("edits what is not there: %v", none)
	}
}
