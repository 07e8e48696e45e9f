package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Only what is understood completely is not left to systemctl.
func TestParseCall(t *testing.T) {
	for _, tt := range []struct {
		argv []string
		want string
	}{
		{[]string{"systemctl", "start", "a.service"}, "{false start [] [a.service]}"},
		{[]string{"systemctl", "--user", "restart", "a.service", "b.timer"}, "{true restart [] [a.service b.timer]}"},
		{[]string{"systemctl", "show", "--property=A,B", "--timestamp=utc", "a@x.service"}, "{false show [A B] [a@x.service]}"},
		{[]string{"systemctl", "show", "a.service"}, ""},
		{[]string{"systemctl", "show", "--property=Version"}, ""},
		{[]string{"systemctl", "start", "--no-block", "a.service"}, ""},
		{[]string{"systemctl", "start", "a"}, ""}, // a is a.service to systemctl
		{[]string{"systemctl", "stop", "a@*.service"}, ""},
		{[]string{"systemctl", "--root=/x", "enable", "a.service"}, ""},
		{[]string{"systemctl", "enable", "a.service"}, ""},
		{[]string{"systemctl", "start"}, ""},
		{[]string{"systemctl"}, ""},
		{[]string{"service", "start", "a.service"}, ""},
	} {
		c, ok := parseCall(tt.argv)
		if got := fmt.Sprint(c); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%q: %s %t", tt.argv, got, ok)
		}
	}
}

func TestShow(t *testing.T) {
	got := show(map[string]any{
		"ActiveState": "active", "MainPID": uint32(7), "ExecMainCode": int32(1), "NeedDaemonReload": false,
		"StateChangeTimestamp": uint64(1795319344000000), "ActiveExitTimestamp": uint64(0), "StateChangeTimestampMonotonic": uint64(5), "Names": []string{"a"},
	}, []string{"ActiveState", "MainPID", "ExecMainCode", "NeedDaemonReload", "NRestarts", "Names", "StateChangeTimestamp", "ActiveExitTimestamp", "StateChangeTimestampMonotonic"})
	want := "ActiveState=active\nMainPID=7\nExecMainCode=1\nNeedDaemonReload=no\nStateChangeTimestamp=Sun 2026-11-22 03:49:04 UTC\nActiveExitTimestamp=\nStateChangeTimestampMonotonic=5\n"
	if got != want {
		t.Errorf("%s", got)
	}
}

// Without a manager systemctl is run.
func TestBusWithout(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("XDG_RUNTIME_DIR", dir)
	b := &Bus{}
	for range 2 {
		r, err := b.Run(context.Background(), []string{"systemctl", "--user", "start", "a.service"})
		if err != nil || r.Code != 0 || r.Stdout != "--user start a.service\n" {
			t.Errorf("%+v %v", r, err)
		}
	}
}
