package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tree makes a file tree; a content "-> TARGET" is a link.
func tree(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range files {
		if to, ok := strings.CutPrefix(content, "-> "); ok {
			out[name] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		out[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	return out
}

const start = "[Service]\nExecStart=/bin/true\n"

// value formats a setting by the name of its field.
func value(t *testing.T, u *Unit, key string) string {
	t.Helper()
	f := reflect.ValueOf(u.Settings).FieldByName(key)
	if !f.IsValid() {
		t.Fatalf("there is no setting %s", key)
	}
	return fmt.Sprint(f.Field(0).Interface())
}

// TestTraps has one case for each trap of lexing and of merging; every one was
// measured with the real program.
func TestTraps(t *testing.T) {
	tests := []struct {
		name, src, key, want string
		version              int // default Newest
	}{
		{name: "comment inside a continuation", src: "User=a\\\n# no \\\n; nor this\nb\n", key: "User", want: "a b"},
		{name: "empty line ends a continuation", src: "PrivateDevices=yes\\\n \nUser=x\n", key: "PrivateDevices", want: "true"},
		{name: "even backslashes do not continue", src: "User=x\nUser=a\\\\\nPrivateDevices=yes\n", key: "PrivateDevices", want: "true"},
		{name: "the next line keeps its leading blanks", src: "User=a\\\n  b\n", key: "User", want: "a   b"},
		{name: "continuation at the end of the file", src: "User=a\\", key: "User", want: "a"},
		{name: "comment after a value is part of it", src: "PrivateDevices=yes # really\n", key: "PrivateDevices", want: "false"},
		{name: "commented assignment does not continue", src: "#User=a\\\nUser=b\n", key: "User", want: "b"},
		{name: "CRLF", src: "User=a\r\nPrivateDevices=yes\r\n", key: "User", want: "a"},
		{name: "CR alone ends a line", src: "User=a\rPrivateDevices=yes\n", key: "PrivateDevices", want: "true"},
		{name: "NUL ends a line", src: "User=a\x00PrivateDevices=yes\n", key: "PrivateDevices", want: "true"},
		{name: "byte order mark inside the file", src: "\ufeffPrivateDevices=yes\n", key: "PrivateDevices", want: "true"},
		{name: "blanks around key and value", src: " \tUser \t= \ta \t\n", key: "User", want: "a"},
		{name: "no newline at the end", src: "User=a", key: "User", want: "a"},
		{name: "names are case sensitive", src: "privatedevices=yes\n", key: "PrivateDevices", want: "false"},
		{name: "sections are case sensitive", src: "[service]\nUser=a\n", key: "User", want: ""},
		{name: "X- section", src: "[X-Foo]\nUser=a\n", key: "User", want: ""},
		{name: "wrong section", src: "[Install]\nUser=a\n", key: "User", want: ""},
		{name: "section with a comment is refused as unknown text", src: "User=a\n[Service] \nUser=b\n", key: "User", want: "b"},

		{name: "invalid boolean keeps the earlier value", src: "PrivateDevices=yes\nPrivateDevices=perhaps\n", key: "PrivateDevices", want: "true"},
		{name: "empty boolean keeps the earlier value", src: "PrivateDevices=yes\nPrivateDevices=\n", key: "PrivateDevices", want: "true"},
		{name: "empty tristate before 254", src: "PrivateMounts=yes\nPrivateMounts=\n", key: "PrivateMounts", want: fmt.Sprint(Yes), version: 253},
		{name: "empty tristate resets from 254", src: "PrivateMounts=no\nPrivateMounts=\n", key: "PrivateMounts", want: fmt.Sprint(Unset)},
		{name: "words are case sensitive", src: "ProtectSystem=Strict\n", key: "ProtectSystem", want: "no"},
		{name: "words of a later version", src: "PrivateTmp=disconnected\n", key: "PrivateTmp", want: "no", version: 256},
		{name: "the same word then", src: "PrivateTmp=disconnected\n", key: "PrivateTmp", want: "disconnected", version: 257},
		{name: "host name and private", src: "ProtectHostname=private:box\n", key: "ProtectHostname", want: "private", version: 258},
		{name: "bad host name", src: "ProtectHostname=yes:bad_box\n", key: "ProtectHostname", want: "no", version: 258},
		{name: "no host name before 258", src: "ProtectHostname=yes:box\n", key: "ProtectHostname", want: "no", version: 257},
		{name: "mode above 7777", src: "UMask=0077\nUMask=10000\n", key: "UMask", want: fmt.Sprint(0o077)},

		{name: "first capabilities replace all", src: "CapabilityBoundingSet=CAP_KILL\n", key: "CapabilityBoundingSet", want: "32"},
		{name: "later ones add", src: "CapabilityBoundingSet=CAP_KILL\nCapabilityBoundingSet=cap_chown\n", key: "CapabilityBoundingSet", want: "33"},
		{name: "tilde removes", src: "CapabilityBoundingSet=CAP_KILL CAP_CHOWN\nCapabilityBoundingSet=~CAP_KILL\n", key: "CapabilityBoundingSet", want: "1"},
		{name: "unknown words only empty the set", src: "CapabilityBoundingSet=CAP_KILL\nCapabilityBoundingSet=BOGUS\n", key: "CapabilityBoundingSet", want: "0"},
		{name: "capability by number", src: "CapabilityBoundingSet=0x5\n", key: "CapabilityBoundingSet", want: "32"},
		{name: "number 63 before 254", src: "CapabilityBoundingSet=63\n", key: "CapabilityBoundingSet", want: fmt.Sprint(uint64(1) << 63), version: 253},
		{name: "number 63 from 254", src: "CapabilityBoundingSet=63\n", key: "CapabilityBoundingSet", want: "0", version: 254},
		{name: "tilde alone before 259", src: "CapabilityBoundingSet=~\nCapabilityBoundingSet=CAP_CHOWN\n", key: "CapabilityBoundingSet", want: "1", version: 258},
		{name: "tilde alone from 259", src: "CapabilityBoundingSet=~\nCapabilityBoundingSet=CAP_CHOWN\n", key: "CapabilityBoundingSet", want: fmt.Sprint(uint64(1)<<41 - 1), version: 259},
		{name: "open quote before 254", src: "CapabilityBoundingSet=\"CAP_KILL\n", key: "CapabilityBoundingSet", want: "0", version: 253},
		{name: "open quote from 254", src: "CapabilityBoundingSet=\"CAP_KILL\n", key: "CapabilityBoundingSet", want: "32", version: 254},
		{name: "backslash inside a word", src: "CapabilityBoundingSet=CAP_\\KILL\n", key: "CapabilityBoundingSet", want: "32"},

		{name: "namespaces: one unknown word voids the line", src: "RestrictNamespaces=user\nRestrictNamespaces=ipc bogus\n", key: "RestrictNamespaces", want: fmt.Sprint(NamespaceUser)},
		{name: "namespaces add up", src: "RestrictNamespaces=user\nRestrictNamespaces=ipc\n", key: "RestrictNamespaces", want: fmt.Sprint(NamespaceUser | NamespaceIPC)},
		{name: "namespaces: yes permits none", src: "RestrictNamespaces=yes\n", key: "RestrictNamespaces", want: "0"},
		{name: "namespaces: empty resets", src: "RestrictNamespaces=yes\nRestrictNamespaces=\n", key: "RestrictNamespaces", want: fmt.Sprint(NoRestriction)},
		{name: "families: none", src: "RestrictAddressFamilies=none\n", key: "RestrictAddressFamilies", want: "{true [] false}"},
		{name: "families: none and one", src: "RestrictAddressFamilies=none\nRestrictAddressFamilies=~AF_INET\n", key: "RestrictAddressFamilies", want: "{false [AF_INET] true}"},
		{name: "families: other sign removes", src: "RestrictAddressFamilies=AF_INET AF_UNIX\nRestrictAddressFamilies=~AF_INET\n", key: "RestrictAddressFamilies", want: "{true [AF_UNIX] true}"},
		{name: "families: aliases in any case", src: "RestrictAddressFamilies=af_local AF_Route AF_UNSPEC\n", key: "RestrictAddressFamilies", want: "{true [AF_UNIX AF_NETLINK] true}", version: 260},
		{name: "families: unknown word goes on before 261", src: "RestrictAddressFamilies=AF_INET BOGUS AF_UNIX\n", key: "RestrictAddressFamilies", want: "{true [AF_INET AF_UNIX] true}", version: 260},
		{name: "families: unknown word ends the line from 261", src: "RestrictAddressFamilies=AF_INET BOGUS AF_UNIX\n", key: "RestrictAddressFamilies", want: "{true [AF_INET] true}", version: 261},
		{name: "architectures add up", src: "SystemCallArchitectures=x86\nSystemCallArchitectures=native bogus\n", key: "SystemCallArchitectures", want: "[x86 native]"},
		{name: "devices: newest first", src: "DeviceAllow=/dev/a r\nDeviceAllow=/dev/b rw\n", key: "DeviceAllow", want: "[/dev/b rw /dev/a r]"},
		{name: "devices: not below /dev", src: "DeviceAllow=/tmp/x\nDeviceAllow=/dev/x q\n", key: "DeviceAllow", want: "[]"},
		{name: "addresses are masked", src: "IPAddressAllow=127.0.0.1/4 ::/129 x\n", key: "IPAddressAllow", want: "[112.0.0.0/4]"},
		{name: "delegate: a list delegates", src: "Delegate=bogus\n", key: "Delegate", want: "true"},
		{name: "delegate: empty delegates", src: "Delegate=\n", key: "Delegate", want: "true"},
		{name: "delegate: open quote", src: "Delegate=\"cpu\n", key: "Delegate", want: "false"},
		{name: "parent of the root", src: "RootDirectory=/../x\n", key: "RootDirectory", want: "/x", version: 257},

		{name: "dynamic user overrides no", src: "DynamicUser=yes\nPrivateTmp=no\n", key: "PrivateTmp", want: "connected"},
		{name: "dynamic user and home", src: "DynamicUser=yes\nProtectHome=tmpfs\n", key: "ProtectHome", want: "tmpfs"},
		{name: "dynamic user has a name", src: "DynamicUser=yes\n", key: "User", want: "a"},
		{name: "private devices close the policy", src: "PrivateDevices=yes\n", key: "DevicePolicy", want: "closed"},
		{name: "private devices drop capabilities", src: "PrivateDevices=yes\nCapabilityBoundingSet=CAP_MKNOD CAP_KILL\n", key: "CapabilityBoundingSet", want: "32"},
		{name: "clock adds a device to a policy", src: "PrivateDevices=yes\nProtectClock=yes\n", key: "DeviceAllow", want: "[char-rtc r]"},
		{name: "clock adds none without a policy", src: "ProtectClock=yes\n", key: "DeviceAllow", want: "[]"},
		{name: "encrypted credential adds a device", src: "DevicePolicy=closed\nSetCredentialEncrypted=x:aGk=\n", key: "DeviceAllow", want: "[char-tpm rw]", version: 257},
		{name: "not from 258", src: "DevicePolicy=closed\nSetCredentialEncrypted=x:aGk=\n", key: "DeviceAllow", want: "[]", version: 258},
		{name: "image adds devices", src: "DevicePolicy=closed\nRootImage=/x.raw\nDeviceAllow=/dev/y\n", key: "DeviceAllow",
			want: "[/dev/loop-control rw /dev/mapper/control rw block-loop rwm block-blkext rwm block-device-mapper rwm /dev/y]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := NewLoader(tree(map[string]string{"a.service": start + tt.src}), Options{Version: tt.version}).LoadFile("a.service")
			if err != nil {
				t.Fatal(err)
			}
			if got := value(t, u, tt.key); got != tt.want {
				t.Errorf("%s is %s, want %s", tt.key, got, tt.want)
			}
		})
	}
}

func TestSyscallFilter(t *testing.T) {
	tests := []struct {
		name, src            string
		permitted, forbidden []string
		version              int
	}{
		{name: "no filter", permitted: []string{"mount"}},
		{name: "allow list holds the default calls", src: "SystemCallFilter=mount\n", permitted: []string{"mount", "exit_group", "mmap"}, forbidden: []string{"reboot"}},
		{name: "an unknown word makes an allow list", src: "SystemCallFilter=bogus\n", permitted: []string{"exit_group"}, forbidden: []string{"mount"}},
		{name: "tilde removes from an allow list", src: "SystemCallFilter=@mount\nSystemCallFilter=~chroot\n", permitted: []string{"mount"}, forbidden: []string{"chroot"}},
		{name: "error number in a positive word", src: "SystemCallFilter=mount:EPERM chroot\n", permitted: []string{"chroot"}, forbidden: []string{"mount"}},
		{name: "error number in a deny list", src: "SystemCallFilter=~mount:EPERM chroot:kill reboot:4096 swapon:EBOGUS acct:-1\n", permitted: []string{"reboot", "swapon", "acct"}, forbidden: []string{"mount", "chroot"}},
		{name: "error names in any case, numbers in C forms, kill as it is", src: "SystemCallFilter=~mount:ePerm chroot:0x10 acct:EWOULDBLOCK reboot:KILL\n", permitted: []string{"reboot"}, forbidden: []string{"mount", "chroot", "acct"}},
		{name: "removed and denied with a number", src: "SystemCallFilter=@mount\nSystemCallFilter=~mount:EPERM\n", forbidden: []string{"mount"}},
		{name: "empty resets", src: "SystemCallFilter=@mount\nSystemCallFilter=\nSystemCallFilter=~mount\n", permitted: []string{"reboot"}, forbidden: []string{"mount"}},
		{name: "quotes are letters", src: "SystemCallFilter=\"mount\" chroot\n", permitted: []string{"chroot"}, forbidden: []string{"mount"}},
		{name: "a broken escape ends the line", src: "SystemCallFilter=chroot mount\\\\\\\nUser=x\n", permitted: []string{"chroot"}, forbidden: []string{"mount"}},
		{name: "groups change with the version", src: "SystemCallFilter=~@mount\n", version: 257, permitted: []string{"open_tree_attr"}, forbidden: []string{"mount"}},
		{name: "later", src: "SystemCallFilter=~@mount\n", version: 258, forbidden: []string{"open_tree_attr"}},
		{name: "known is all but what nobody should use", src: "SystemCallFilter=~@known\n", permitted: []string{"nfsservctl"}, forbidden: []string{"mount", "uselib"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := NewLoader(tree(map[string]string{"a.service": start + tt.src}), Options{Version: tt.version}).LoadFile("a.service")
			if err != nil {
				t.Fatal(err)
			}
			f := &u.Settings.SystemCallFilter.Value
			for _, c := range tt.permitted {
				if !f.Permits(c) {
					t.Errorf("%s is forbidden", c)
				}
			}
			for _, c := range tt.forbidden {
				if f.Permits(c) {
					t.Errorf("%s is permitted", c)
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		src, want string
		line      int
		version   int
		scope     Scope
	}{
		{src: start + "User=a\xff\n", want: "not valid UTF-8", line: 3},
		{src: start + "Description=\ufffe\n", want: "not valid UTF-8", line: 3},
		{src: "[Service\nExecStart=/bin/true\n", want: "no closing bracket", line: 1},
		{src: "[Ser\"vice]\n", want: "not permitted", line: 1},
		{src: start + "[]\n", want: "not permitted", line: 3},
		{src: start + "DynamicUser=perhaps\n", want: "DynamicUser=", line: 3},
		{src: start + "DynamicUser=\n", want: "DynamicUser=", line: 3},
		{src: start + "User=4294967295\n", want: "not a valid user", line: 3},
		{src: start + "User=00\n", want: "not a valid user", line: 3},
		{src: start + "User=65535\n", want: "not a valid user", line: 3},
		{src: start + "User=a:b\n", want: "not a valid user", line: 3},
		{src: start + "User=%i\n", want: "not a valid user", line: 3},
		{src: start + "User=%Q\n", want: "unknown specifier", line: 3},
		{src: start + "SupplementaryGroups=a -1\n", want: "not a valid group", line: 3},
		{src: start + "RootDirectory=srv\n", want: "not absolute", line: 3},
		{src: start + "RootDirectory=/a/../b\n", want: `".."`, line: 3},
		{src: start + "RootDirectory=/..\n", want: `".."`, line: 3, version: 252},
		{src: start + "RootImage=/" + strings.Repeat("a", 256) + "\n", want: "too long", line: 3},
		{src: start + "WorkingDirectory=srv\n", want: "not absolute", line: 3},
		{src: start + "PIDFile=/a/../b\n", want: `".."`, line: 3},
		{src: start + "PIDFile=/proc/x\n", want: "/proc", line: 3, version: 257},
		{src: start + "RootImagePolicy=root=bogus\n", want: "image policy", line: 3, version: 257},
		{src: start + "AppArmorProfile=%Q\n", want: "unknown specifier", line: 3},
		{src: "[Service]\nExecStart=bin/true\n", want: "neither a file name", line: 2},
		{src: "[Service]\nExecStart=/bin/\n", want: "directory", line: 2},
		{src: "[Service]\nExecStart=/bin/..\n", want: "directory", line: 2, version: 257},
		{src: "[Service]\nExecStart=/bin/tru?\n", want: "wildcard", line: 2},
		{src: "[Service]\nExecStart=/bin/true \"x\n", want: "unbalanced", line: 2},
		{src: "[Service]\nExecStart=/bin/true %Q\n", want: "unknown specifier", line: 2},
		{src: "[Service]\nExecStart=@/bin/true\n", want: "zeroth", line: 2},
		{src: "[Service]\nExecStart=-\n[Service]\nExecStart=+\n", want: "no program", line: 4},
		{src: "[Service]\nExecStart=\"/bin/true\n", want: "no ExecStart=, ExecStop="},
		{src: "[Service]\nType=simple\nExecStop=/bin/true\n", want: "not Type=oneshot"},
		{src: "[Service]\nExecStop=/bin/true\n", want: "RemainAfterExit"},
		{src: start + "ExecStart=/bin/false\n", want: "more than one ExecStart="},
		{src: "[Service]\nExecStart=/bin/true ; /bin/false\n", want: "more than one ExecStart="},
		{src: start + "Type=dbus\n", want: "BusName="},
		{src: start + "Type=oneshot\nRestart=always\n", want: "Restart=always"},
		{src: start + "Type=oneshot\nRestartForceExitStatus=1\n", want: "RestartForceExitStatus=", version: 252},
		{src: start + "Type=oneshot\nExitType=cgroup\n", want: "ExitType="},
		{src: start + "PAMName=x\nKillMode=process\n", want: "PAMName="},
		{src: start + "PAMName=x\nPrivatePIDs=yes\n", want: "PrivatePIDs="},
		{src: start + "Type=forking\nPrivatePIDs=yes\n", want: "forking"},
		{src: start + "PrivateUsers=managed\nGroup=x\n", want: "managed"},
		{src: start + "WorkingDirectory=/proc/1\nPrivateTmp=yes\n", want: "mount namespace"},
		{src: start + "WorkingDirectory=~\nDynamicUser=yes\n", want: "WorkingDirectory=~"},
		{src: start + "DynamicUser=yes\n", want: "user units", scope: User},
		{src: "[Service]\nExecStop=/bin/true\nRemainAfterExit=yes\nSetCredential=a:b\n", want: "not Type=oneshot"},
		{src: start + "User=" + strings.Repeat("a", maxLine) + "\n", want: "longer than 1 MiB", line: 3},
	}
	for _, tt := range tests {
		_, err := NewLoader(tree(map[string]string{"a.service": tt.src}), Options{Version: tt.version, Scope: tt.scope}).LoadFile("a.service")
		var le *LoadError
		if !errors.As(err, &le) || le.Kind != BadSetting || !strings.Contains(le.Reason, tt.want) || le.Origin.Line != tt.line {
			t.Errorf("%.60q: error %v, want %q in line %d", tt.src, err, tt.want, tt.line)
		}
	}
}

// TestOtherUnits: sockets, mounts and swaps have sandboxes too.
func TestOtherUnits(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"a.socket", "[Socket]\nListenStream=80\nUser=x\n", ""},
		{"a.socket", "[Socket]\nListenStream=[::1]:80\nAccept=yes\n", ""},
		{"a.socket", "[Socket]\n", "listens nowhere"},
		{"a.socket", "[Socket]\nListenStream=80\nListenStream=\n", "listens nowhere"},
		{"a.socket", "[Socket]\nListenStream=bogus\n", "listens nowhere"},
		{"a.socket", "[Socket]\nListenFIFO=/run/x\nAccept=yes\n", "accept connections"},
		{"a.socket", "[Socket]\nListenStream=80\nAccept=yes\nService=x.service\n", "Service="},
		{"a.socket", "[Socket]\nListenStream=80\nExecStartPre=bin/x\n", "neither a file name"},
		{"x-y.mount", "[Mount]\nWhat=/dev/a\nWhere=/x//y/\n", ""},
		{"x.mount", "[Mount]\nWhat=/dev/a\n", ""},
		{"x.mount", "[Mount]\nWhat=/dev/a\nWhere=/y\n", "does not match"},
		{"x.mount", "[Mount]\nWhere=/x\n", "What= is missing"},
		{"dev-sda1.swap", "[Swap]\nWhat=/dev/sda1\n", ""},
		{"a.swap", "[Swap]\nWhat=/dev/sda1\n", "does not match"},
	} {
		u, err := NewLoader(tree(map[string]string{tt.name: tt.src}), Options{}).LoadFile(tt.name)
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s %q: error %v, want %q", tt.name, tt.src, err, tt.want)
		case err == nil && (u.Settings.KeyringMode.Value != "inherit" || !u.HasSandbox()):
			t.Errorf("%s has the keyring mode %s", tt.name, u.Settings.KeyringMode.Value)
		}
	}
	u, err := NewLoader(tree(map[string]string{"a.timer": "[Timer]\nOnCalendar=daily\n"}), Options{}).LoadFile("a.timer")
	if err != nil || u.HasSandbox() {
		t.Errorf("a timer has a sandbox (%v)", err)
	}
}

// TestAccepted has what looks wrong and is not.
func TestAccepted(t *testing.T) {
	for _, src := range []string{
		"[Service]\nExecStop=/bin/true\nRemainAfterExit=yes\n",
		"[Unit]\nSuccessAction=reboot\n",
		"[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/bin/false\n",
		"[Service]\nExecStart=/bin/false\nExecStart=\nExecStart=/bin/true\n",
		"[Service]\nExecStart=-bin/true\nExecStart=/bin/true\n",
		"[Service]\nExecStart=/bin/true\\x20x\n",
		"[Service]\nExecStart=-@+/bin/true a\n",
		"[Service]\nExecStart=|echo hi\n",
		start + "User=a b\n", start + "User=foo@bar\n", start + "User=%n\n", start + "User=100%\n", start + "Environment=A=\"\n",
		start + "WorkingDirectory=-srv\n", start + "WorkingDirectory=/proc/1\n",
		start + "[Bogus]\nx\n", "x=1\n" + start, start + "novalue\n=\n==\n",
	} {
		if _, err := NewLoader(tree(map[string]string{"a.service": src}), Options{}).LoadFile("a.service"); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestDropIns(t *testing.T) {
	set := func(user string) string { return "[Service]\nUser=" + user + "\n" }
	tests := []struct {
		name  string
		files map[string]string
		load  string // default a-b-c.service
		want  []string
	}{
		{name: "by file name, not by directory", files: map[string]string{
			"a-b-c.service.d/20.conf": set("x"), "service.d/30.conf": set("x"), "a-b-.service.d/10.conf": set("x"), "a-.service.d/05.conf": set("x")},
			want: []string{"a-.service.d/05.conf", "a-b-.service.d/10.conf", "a-b-c.service.d/20.conf", "service.d/30.conf"}},
		{name: "a name counts once, the most specific directory wins", files: map[string]string{
			"a-b-c.service.d/x.conf": set("x"), "a-b-.service.d/x.conf": set("y"), "service.d/x.conf": set("z")},
			want: []string{"a-b-c.service.d/x.conf"}},
		{name: "a link to /dev/null masks", files: map[string]string{"a-b-c.service.d/x.conf": "-> /dev/null", "service.d/x.conf": set("z")}},
		{name: "hidden files and other suffixes", files: map[string]string{
			"a-b-c.service.d/.x.conf": set("x"), "a-b-c.service.d/x.conf~": set("x"), "a-b-c.service.d/x": set("x"), "a-b-c.service.d/dir.conf/y": "",
			"socket.d/x.conf": set("x")}},
		{name: "template, instance, prefixes", load: "a-b@.service", files: map[string]string{
			"a-b@.service": start, "a-b@.service.d/1.conf": "", "a-b@test_instance.service.d/2.conf": "", "a-@.service.d/3.conf": "",
			"a-@test_instance.service.d/4.conf": "", "a-.service.d/5.conf": "", "a-b.service.d/6.conf": "", "b@.service.d/7.conf": ""},
			want: []string{"a-b@.service.d/1.conf", "a-b@test_instance.service.d/2.conf", "a-@.service.d/3.conf", "a-@test_instance.service.d/4.conf", "a-.service.d/5.conf"}},
		{name: "doubled dash", load: "a--b.service", files: map[string]string{"a--b.service": start, "a--.service.d/1.conf": "", "a-.service.d/2.conf": ""},
			want: []string{"a--.service.d/1.conf", "a-.service.d/2.conf"}},
		{name: "of an alias", load: "alias.service", files: map[string]string{"alias.service": "-> a-b-c.service", "alias.service.d/1.conf": "", "a-b-c.service.d/2.conf": ""},
			want: []string{"alias.service.d/1.conf", "a-b-c.service.d/2.conf"}},
		{name: "the directory is a link", files: map[string]string{"a-b-c.service.d": "-> other", "other/1.conf": ""}, want: []string{"other/1.conf"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.load == "" {
				tt.load = "a-b-c.service"
			}
			if tt.files["a-b-c.service"] == "" {
				tt.files["a-b-c.service"] = start
			}
			u, err := NewLoader(tree(tt.files), Options{}).LoadFile(tt.load)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(u.DropIns, tt.want) {
				t.Errorf("drop-ins %q, want %q", u.DropIns, tt.want)
			}
		})
	}
}

// TestBrokenDropIn: what refuses a unit in its own file only ends a drop-in.
func TestBrokenDropIn(t *testing.T) {
	u, err := NewLoader(tree(map[string]string{
		"a.service":          start + "User=x\n",
		"a.service.d/1.conf": "[Service]\nPrivateTmp=yes\nSupplementaryGroups=g a:b\nPrivateDevices=yes\n",
		"a.service.d/2.conf": "[Service]\nRestrictRealtime=yes\n",
	}), Options{}).LoadFile("a.service")
	if err != nil {
		t.Fatal(err)
	}
	s := &u.Settings
	if s.PrivateTmp.Value != "connected" || s.PrivateDevices.Value || !s.RestrictRealtime.Value || !slices.Equal(s.SupplementaryGroups.Value, []string{"g"}) {
		t.Errorf("settings: tmp %s, devices %v, realtime %v, groups %q", s.PrivateTmp.Value, s.PrivateDevices.Value, s.RestrictRealtime.Value, s.SupplementaryGroups.Value)
	}
	if len(u.Skips) != 1 || u.Skips[0].Origin.String() != "a.service.d/1.conf:3" {
		t.Errorf("skips %v", u.Skips)
	}
}

func TestNames(t *testing.T) {
	files := tree(map[string]string{
		"u/real.service": start + "User=%p\n", "u/alias.service": "-> real.service", "u/alias2.service": "-> ../u/alias.service",
		"u/t@.service": start + "User=%i\n", "u/inst@zz.service": "-> t@.service", "u/al@.service": "-> t@.service", "u/plain.service": "-> t@x.service",
		"u/null.service": "-> /dev/null", "u/null2.service": "-> ../../dev/null", "u/empty.service": "",
		"u/dangling.service": "-> nowhere.service", "u/bad.service": "-> real.socket", "u/real.socket": "[Socket]\nListenStream=/run/x\n",
		"u/l1.service": "-> l2.service", "u/l2.service": "-> l1.service", "opt/out.service": start + "User=%p\n", "u/linked.service": "-> /opt/out.service",
		"u/bad name.service": start, "u/dir.service/x": "",
	})
	for name, want := range map[string]string{
		"real": "real.service real", "alias": "real.service real", "alias2": "real.service real",
		"t@": "t@test_instance.service test_instance", "t@root": "t@root.service root", "inst@zz": "t@zz.service zz", "al@": "t@test_instance.service test_instance",
		"linked": "linked.service linked",
		"plain":  "kind 3", "null": "kind 2", "null2": "kind 2", "empty": "kind 2", "dangling": "kind 3", "bad": "kind 3", "l1": "kind 3",
		"bad name": "kind 4", "missing": "kind 3", "dir": "kind 3",
	} {
		u, err := NewLoader(files, Options{}).LoadFile("u/" + name + ".service")
		got := ""
		if le, ok := errors.AsType[*LoadError](err); ok {
			got = fmt.Sprint("kind ", le.Kind)
		} else {
			got = u.Name + " " + u.Settings.User.Value
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", name, got, want, err)
		}
	}
	l := NewLoader(files, Options{Dirs: []string{"u"}})
	u, err := l.Load("alias2.service")
	if err != nil || u.Path != "u/real.service" || !slices.Equal(u.Aliases, []string{"alias.service", "alias2.service"}) {
		t.Errorf("by name: %+v, %v", u, err)
	}
	if got := l.Names(); !slices.Contains(got, "alias.service") || slices.Contains(got, "null.service") || slices.Contains(got, "dir.service") {
		t.Errorf("names %q", got)
	}
}

// TestRoot loads from the search path of a root tree: a unit of the
// administrator hides that of the package, links stay inside the tree.
func TestRoot(t *testing.T) {
	files := tree(map[string]string{
		"lib": "-> usr/lib", "usr/lib/systemd/system/web.service": start, "usr/lib/systemd/system/db.service": start,
		"etc/systemd/system/db.service":                "-> /dev/null",
		"etc/systemd/system/web.service.d/10.conf":     "[Service]\nUser=etc\n",
		"usr/lib/systemd/system/web.service.d/10.conf": "[Service]\nUser=usr\n",
		"run/systemd/system/web.service.d/20.conf":     "[Service]\nGroup=run\n",
		"etc/systemd/system/httpd.service":             "-> /lib/systemd/system/web.service",
	})
	l := NewLoader(files, Options{})
	u, err := l.Load("httpd.service")
	if err != nil {
		t.Fatal(err)
	}
	if u.Name != "web.service" || u.Settings.User.Value != "etc" || u.Settings.Group.Value != "run" || u.Path != "usr/lib/systemd/system/web.service" {
		t.Errorf("%s from %s as %s:%s", u.Name, u.Path, u.Settings.User.Value, u.Settings.Group.Value)
	}
	if _, err := l.Load("db.service"); err == nil || !strings.Contains(err.Error(), "masked") {
		t.Errorf("masked unit: %v", err)
	}
	if got := l.Names(); !slices.Equal(got, []string{"httpd.service", "web.service"}) {
		t.Errorf("names %q", got)
	}
}

// TestSearchPath has the precedence between directories of a search path, as
// 252, 257 and 262 have it: for each name all its directories in the order of
// the path, so a prefix drop-in of a better directory beats an exact one.
func TestSearchPath(t *testing.T) {
	l := NewLoader(tree(map[string]string{
		"A/q-a.service": start, "C/q-a.service": start + "User=c\n",
		"A/q-.service.d/10.conf": "", "B/q-a.service.d/10.conf": "", "B/q-a.service.d/20.conf": "", "A/service.d/20.conf": "",
		"C/q-a.service.d/30.conf": "", "B/q-a.service.d/30.conf": "", "A/ali.service.d/30.conf": "", "B/ali.service.d/40.conf": "",
		"B/ali.service": "-> q-a.service", "C/ali3.service": "-> ../A/q-a.service", "C/ali3.service.d/50.conf": "",
		"B/q-a.service.d/60.conf": "-> /dev/null", "C/q-a.service.d/60.conf": "",
	}), Options{Dirs: []string{"A", "B", "C"}})
	u, err := l.Load("q-a.service")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"A/q-.service.d/10.conf", "B/q-a.service.d/20.conf", "B/q-a.service.d/30.conf", "B/ali.service.d/40.conf", "C/ali3.service.d/50.conf"}
	if !slices.Equal(u.DropIns, want) || !slices.Equal(u.Aliases, []string{"ali.service", "ali3.service"}) || u.Settings.User.Value != "" {
		t.Errorf("drop-ins %q of %q", u.DropIns, u.Aliases)
	}
}

// TestOrigins: each value knows its lines, each line without effect its reason.
func TestOrigins(t *testing.T) {
	u, err := NewLoader(tree(map[string]string{
		"a.service":          start + "  PrivateTmp=maybe\nSystemCallFilter=@mount\\\n bogus_call\nBogus=1\nCPUShares=5\nTimeoutSec=soon\nPrivatePIDs=yes\nnothing\n[Socket]\nUser=x\n[X-Mine]\ny=1\n",
		"a.service.d/1.conf": "[Service]\nSystemCallFilter=chown\nDynamicUser=yes\n",
	}), Options{Version: 256}).LoadFile("a.service")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range u.Skips {
		got = append(got, fmt.Sprintf("%s:%d %s %q: %s", s.Origin, s.Origin.Column, s.Text, s.Word, s.Reason))
	}
	want := []string{
		`a.service:3:3 PrivateTmp=maybe "": not a word that this version knows; the earlier value stays`,
		`a.service:4:1 SystemCallFilter=@mount  bogus_call "bogus_call": unknown system call`,
		`a.service:6:1 Bogus=1 "": unknown setting`,
		`a.service:8:1 TimeoutSec=soon "": not a time span`,
		`a.service:9:1 PrivatePIDs=yes "": systemd 256 does not know this setting`,
		`a.service:10:1 nothing "": the line has no "="`,
		`a.service:11:1 [Socket] "": unknown section for this type of unit`,
		`a.service:12:1 User=x "": the section is ignored`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("skips:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if f := u.Settings.SystemCallFilter.From; len(f) != 2 || f[0].String() != "a.service:4" || f[1].String() != "a.service.d/1.conf:2" {
		t.Errorf("the filter comes from %v", f)
	}
	if s := u.Settings.NoNewPrivileges; !s.Value || s.Implied != "DynamicUser" || s.From != nil {
		t.Errorf("NoNewPrivileges is %+v", s)
	}
	if a := u.Get("Service", "SystemCallFilter"); len(a) != 2 || a[1].Value != "chown" {
		t.Errorf("Get returns %v", a)
	}
	if known, effective := Known("Service", "CPUShares", 258); !known || effective {
		t.Error("CPUShares has an effect in 258")
	}
}

// TestTables keeps the tables sorted, which the look-ups rely on.
func TestTables(t *testing.T) {
	if !slices.IsSortedFunc(directives[:], func(a, b directive) int { return strings.Compare(a.section+"\x00"+a.name, b.section+"\x00"+b.name) }) {
		t.Error("the directives are not sorted")
	}
	if !slices.IsSortedFunc(syscallNames[:], func(a, b syscallInfo) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the system calls are not sorted")
	}
	if !slices.IsSortedFunc(syscallGroups[:], func(a, b syscallGroup) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the call groups are not sorted")
	}
	for _, list := range [][]string{errnoNames[:], exitStatusNames[:], signalNames[:], familyNames[:], architectureNames[:]} {
		if !slices.IsSorted(list) {
			t.Errorf("the list from %s is not sorted", list[0])
		}
	}
	for _, g := range &syscallGroups {
		for _, m := range g.members {
			if _, known := findSyscall(m.name); !known && lookupGroup(m.name) == nil {
				t.Errorf("group %s has the unknown member %s", g.name, m.name)
			}
		}
	}
}

// FuzzLoad: nothing in a file makes the loader panic, and every line it
// reports is in the file.
func FuzzLoad(f *testing.F) {
	f.Add(start+"User=%i\\\n#\nSystemCallFilter=~@mount:EPERM\n", "[Service]\nUser=x\n")
	f.Add("\ufeff[Service]\r\nExecStart=-@\"/bin/t\\x41\" ; x\x00", "[Unit]\nDefaultDependencies=no\n")
	f.Add(start+"RootImagePolicy=root=verity:\nDeviceAllow=\"/dev/x\nProtectHostname=yes:a.b\nMountImages=a:b\n", "")
	f.Fuzz(func(t *testing.T, src, dropIn string) {
		files := tree(map[string]string{"a.service": "", "a.service.d/x.conf": ""})
		files["a.service"].Data, files["a.service.d/x.conf"].Data = []byte(src), []byte(dropIn)
		for _, version := range []int{Oldest, 257, Newest} {
			u, err := NewLoader(files, Options{Version: version}).LoadFile("a.service")
			if err != nil {
				continue
			}
			lines := map[string]int{"a.service": 1 + strings.Count(src, "\n") + strings.Count(src, "\r") + strings.Count(src, "\x00"),
				"a.service.d/x.conf": 1 + strings.Count(dropIn, "\n") + strings.Count(dropIn, "\r") + strings.Count(dropIn, "\x00")}
			for _, a := range u.Assignments {
				if a.Origin.Line < 1 || a.Origin.Line > lines[a.Origin.File] {
					t.Fatalf("%s=%s comes from %s", a.Key, a.Value, a.Origin)
				}
			}
		}
	})
}
