package edit

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/spec"
)

func flag(path string) Field { return Field{Path: path, Items: []string{"true"}, Plain: true} }

func word(path, w string) Field { return Field{Path: path, Items: []string{w}} }

func list(path string, items ...string) Field { return Field{Path: path, Items: items, List: true} }

func more(path string, items ...string) Field {
	return Field{Path: path, Items: items, List: true, Append: true}
}

const head = "version: 1\nname: web\ncommand: [/usr/bin/web]\n"

func TestSet(t *testing.T) {
	for _, c := range []struct {
		name, src, want string
		doc             int
		fields          []Field
	}{
		{"new mapping", head, head + "sandboxing:\n  private_tmp: 'yes'\n", 0, []Field{word("sandboxing.private_tmp", "yes")}},
		{
			"several", head, head + "sandboxing:\n  private_tmp: 'yes'\n  no_new_privileges: true\n  system_calls:\n    filter: ['@system-service', '~@privileged']\n    error: EPERM\numask: '0027'\n", 0,
			[]Field{word("sandboxing.private_tmp", "yes"), flag("sandboxing.no_new_privileges"), list("sandboxing.system_calls.filter", "@system-service", "~@privileged"), word("sandboxing.system_calls.error", "EPERM"), word("umask", "0027")},
		},
		{
			"comments stay", head + "# why\nsandboxing: # here\n  # first\n  private_tmp:   no # for now\n\n  # last\nuser: web # end\n",
			head + "# why\nsandboxing: # here\n  # first\n  private_tmp:   'yes' # for now\n  no_new_privileges: true\n\n  # last\nuser: web # end\n", 0,
			[]Field{word("sandboxing.private_tmp", "yes"), flag("sandboxing.no_new_privileges")},
		},
		{"other indentation", head + "limits:\n    memory: 5M\n", head + "limits:\n    memory: 5M\nsandboxing:\n    capabilities:\n        bounding: []\n", 0, []Field{list("sandboxing.capabilities.bounding")}},
		{"carriage returns", strings.ReplaceAll(head, "\n", "\r\n"), strings.ReplaceAll(head+"sandboxing:\n  private_devices: true\n", "\n", "\r\n"), 0, []Field{flag("sandboxing.private_devices")}},
		{"no line end", strings.TrimSuffix(head, "\n"), head + "sandboxing:\n  private_devices: true", 0, []Field{flag("sandboxing.private_devices")}},
		{"byte order mark", "\uFEFF" + head, "\uFEFF" + head + "umask: '0077'\n", 0, []Field{word("umask", "0077")}},
		{"flow", head + "sandboxing: {private_tmp: no} # x\n", head + "sandboxing: {private_tmp: no, no_new_privileges: true} # x\n", 0, []Field{flag("sandboxing.no_new_privileges")}},
		{"flow, nested", head + "sandboxing: {private_tmp: no,}\n", head + "sandboxing: {private_tmp: no, capabilities: {bounding: [CAP_KILL]}}\n", 0, []Field{list("sandboxing.capabilities.bounding", "CAP_KILL")}},
		{"flow, empty", head + "sandboxing: {}\n", head + "sandboxing: {protect_home: 'yes'}\n", 0, []Field{word("sandboxing.protect_home", "yes")}},
		{"all in braces", "{version: 1, name: web, command: /usr/bin/web}\n", "{version: 1, name: web, command: /usr/bin/web, sandboxing: {private_devices: true}}\n", 0, []Field{flag("sandboxing.private_devices")}},
		{"short form", head + "sandboxing:\n  system_calls: ['@system-service'] # c\n", head + "sandboxing:\n  system_calls: {filter: ['@system-service'], error: EPERM} # c\n", 0, []Field{word("sandboxing.system_calls.error", "EPERM")}},
		{
			"short form in lines", head + "sandboxing:\n  system_calls:\n    # why\n    - '@system-service'\n    - mount # x\n  private_tmp: true\n",
			head + "sandboxing:\n  system_calls:\n    filter:\n      # why\n      - '@system-service'\n      - mount # x\n    error: EPERM\n  private_tmp: true\n", 0,
			[]Field{word("sandboxing.system_calls.error", "EPERM")},
		},
		{"append to short form", head + "sandboxing:\n  system_calls: ['@system-service']\n", head + "sandboxing:\n  system_calls: ['@system-service', '~@resources']\n", 0, []Field{more("sandboxing.system_calls.filter", "~@resources")}},
		{
			"append in lines", head + "sandboxing:\n  read_write_paths:\n  - /srv/a # a\n  # b\n  - /srv/b\n  private_tmp: true\n",
			head + "sandboxing:\n  read_write_paths:\n  - /srv/a # a\n  # b\n  - /srv/b\n  - '-/srv/c'\n  private_tmp: true\n", 0, []Field{more("sandboxing.read_write_paths", "-/srv/c")},
		},
		{"append to nothing", head, head + "sandboxing:\n  read_write_paths: [/run]\n", 0, []Field{more("sandboxing.read_write_paths", "/run")}},
		{"replace a list in lines", head + "sandboxing:\n  address_families:\n    - AF_INET\n    - AF_UNIX\numask: '0022'\n", head + "sandboxing:\n  address_families: [AF_UNIX]\numask: '0027'\n", 0, []Field{list("sandboxing.address_families", "AF_UNIX"), word("umask", "0027")}},
		{"second document", head + "---\n" + strings.Replace(head, "web", "db", 1) + "...\n", head + "---\n" + strings.Replace(head, "web", "db", 1) + "umask: '0077'\n...\n", 1, []Field{word("umask", "0077")}},
		{"first document", head + "# end\n---\n" + strings.Replace(head, "web", "db", 1), head + "umask: '0077'\n# end\n---\n" + strings.Replace(head, "web", "db", 1), 0, []Field{word("umask", "0077")}},
		{"behind a block scalar", "version: 1\nname: web\nshell: |\n  exec web\n  # no comment\n\nuser: web\n", "version: 1\nname: web\nshell: |\n  exec web\n  # no comment\n\nuser: web\numask: '0077'\n", 0, []Field{word("umask", "0077")}},
		{"at the end of a block scalar", "version: 1\nname: web\nshell: |\n  exec web\n", "version: 1\nname: web\nshell: |\n  exec web\numask: '0077'\n", 0, []Field{word("umask", "0077")}},
		{"merge key above", head + "sandboxing:\n  <<: {private_tmp: no}\n  private_devices: true\n", head + "sandboxing:\n  <<: {private_tmp: no}\n  private_devices: true\n  no_new_privileges: true\n", 0, []Field{flag("sandboxing.no_new_privileges")}},
		{"unicode", head + "description: \"äöü ☃\"\nsandboxing: {private_tmp: \"no\"} # ☃\n", head + "description: \"äöü ☃\"\nsandboxing: {private_tmp: \"no\", private_devices: true} # ☃\n", 0, []Field{flag("sandboxing.private_devices")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, diags := spec.Decode("a.yaml", []byte(c.src)); diags.HasErrors() {
				t.Fatalf("the case is no spec: %v", diags)
			}
			got, err := Set("a.yaml", []byte(c.src), c.doc, c.fields)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	for _, c := range []struct {
		name, src string
		field     Field
		want      string
		shared    bool
	}{
		{"alias", "version: 1\nname: web\ncommand: /usr/bin/web\ninstances: &i [a]\nsandboxing: &s {private_tmp: no}\n---\nversion: 1\nname: db\ncommand: /usr/bin/db\n", Field{Path: "sandboxing.none", Items: []string{"x"}}, "no valid spec", false},
		{"comment at the bracket", head + "sandboxing: {\n  private_tmp: no # c\n  }\n", flag("sandboxing.private_devices"), "comment", false},
		{"comments in a list", head + "sandboxing:\n  address_families:\n    - AF_INET # c\n    - AF_UNIX\n", list("sandboxing.address_families", "AF_UNIX"), "comments", false},
		{"control characters", head, word("description", "a\nb"), "control", false},
		{"wrong value", head, word("sandboxing.protect_home", "maybe"), "no valid spec", false},
		{"not YAML", "a: [", flag("sandboxing.private_devices"), "cannot edit", false},
		{"no mapping", "- a\n", flag("sandboxing.private_devices"), "not a mapping", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := []byte(c.src)
			got, err := Set("a.yaml", src, 0, []Field{c.field})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v and\n%s", err, got)
			}
			if string(src) != c.src {
				t.Error("the source was changed")
			}
		})
	}
	aliased := "version: 1\nname: web\ncommand: /usr/bin/web\nhealthcheck: &h {tcp: '127.0.0.1:80'}\nsandboxing: *h\n"
	if _, err := Set("a.yaml", []byte(aliased), 0, []Field{flag("sandboxing.private_devices")}); !errors.Is(err, ErrShared) {
		t.Errorf("an alias: %v", err)
	}
	merged := head + "limits: &l\n  memory: 5M\nsandboxing:\n  <<: *l\n  private_tmp: no\n"
	if _, err := Set("a.yaml", []byte(merged), 0, []Field{{Path: "sandboxing.memory", Items: []string{"6"}, Plain: true}}); !errors.Is(err, ErrShared) {
		t.Errorf("a merge key: %v", err)
	}
	if _, err := Set("a.yaml", []byte(head), 1, []Field{flag("sandboxing.private_devices")}); err == nil {
		t.Error("a document that is not there was edited")
	}
}

// FuzzSet checks that an edit ends without a panic, that its result is a valid
// spec that has the fields, and that nothing is lost of the text: every line
// that was not a line of a changed value is still there.
func FuzzSet(f *testing.F) {
	for _, s := range []string{
		head, head + "sandboxing: {private_tmp: no}", head + "sandboxing:\n  system_calls: [a]\n", head + "sandboxing:\n", "{version: 1, name: a, command: b}",
		head + "sandboxing: &a\n  system_calls:\n  - read\nlimits:\n  <<: *a\n", head + "\r\n# x\r\n---\r\n" + head, "? version\n: 1\n? name\n: web\n? command\n: /usr/bin/web\n",
		head + "shell: |+\n  a\n\n\n", head + "sandboxing: ~\n", head + "sandboxing: # c\n  # d\n",
	} {
		f.Add([]byte(s), uint8(0))
	}
	f.Fuzz(func(t *testing.T, src []byte, doc uint8) {
		fields := []Field{
			flag("sandboxing.no_new_privileges"), word("sandboxing.private_tmp", "yes"), more("sandboxing.system_calls.filter", "~@resources"),
			word("sandboxing.system_calls.error", "EPERM"), list("sandboxing.capabilities.bounding"), word("umask", "0027"),
		}
		keep := bytes.Clone(src)
		out, err := Set("f", src, int(doc), fields)
		if !bytes.Equal(src, keep) {
			t.Fatal("the source was changed")
		}
		if err != nil {
			return
		}
		daemons, diags := spec.Decode("f", out)
		if diags.HasErrors() {
			t.Fatalf("not valid: %v\n%s", diags, out)
		}
		d := daemons[doc]
		if s := d.Sandboxing; !s.NoNewPrivileges || s.PrivateTmp != "yes" || s.SystemCalls.Error != "EPERM" || len(s.Capabilities.Bounding) != 0 || d.Umask != 0o027 {
			t.Fatalf("the fields are not set: %+v\n%s", s, out)
		}
		again, err := Set("f", out, int(doc), fields[:2])
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("setting the same again is not the same: %v\n%s\n%s", err, out, again)
		}
		// Comments and texts stay: removing what was added gives the source,
		// except for the values that were replaced and short forms.
		for line := range strings.Lines(string(src)) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") && !strings.Contains(string(out), strings.TrimRight(strings.TrimLeft(line, " "), "\r\n")) {
				t.Fatalf("the comment %q is lost:\n%s", line, out)
			}
		}
	})
}
