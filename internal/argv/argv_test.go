package argv

import "testing"

func TestSecret(t *testing.T) {
	for _, tt := range []struct {
		args []string
		at   int
		flag string
	}{
		{[]string{"x", "--password=hunter22"}, 1, "--password"},
		{[]string{"x", "-v", "--api-key", "hunter22"}, 2, "--api-key"},
		{[]string{"x", "postgres://u:hunter22@db/x"}, 1, "postgres"},
		{[]string{"x", "--password-file=/etc/x"}, 0, ""},
		{[]string{"x", "--password=$PASSWORD"}, 0, ""},
		{[]string{"x", "--password", "--verbose"}, 0, ""},
		{[]string{"x", "--public-key=abcdef"}, 0, ""},
		{[]string{"x", "https://db.example/?token"}, 0, ""},
		{[]string{"--password=hunter22"}, 0, ""},
		{nil, 0, ""},
	} {
		if at, flag := Secret(tt.args); at != tt.at || flag != tt.flag {
			t.Errorf("%q: %d %q", tt.args, at, flag)
		}
	}
	for name, want := range map[[2]string]bool{
		{"DB_PASSWORD", "hunter22"}: true, {"DB_PASSWORD", "true"}: false, {"DB_PASSWORD_FILE", "hunter22"}: false,
		{"URL", "amqp://u:hunter22@mq"}: true, {"URL", "amqp://u@mq"}: false, {"TOKEN", "vault:x/y"}: false, {"SECRET_KEY_BASE", "abcdef12"}: true,
	} {
		if got := SecretVariable(name[0], name[1]); got != want {
			t.Errorf("%s=%s: %t", name[0], name[1], got)
		}
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/home/a/.nvm/versions/node/v18.1.0/bin/node": "v18.1.0",
		"/opt/homebrew/Cellar/node/20.1.0/bin/node":   "20.1.0",
		"/opt/python-3.11.4/bin/python":               "python-3.11.4",
		"/usr/lib/jvm/default-java/bin/java":          "",
		"/usr/bin/python3":                            "",
	} {
		if got := PinnedDir(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{"/tmp/x": "/tmp", "/var/tmp/a/b": "/var/tmp", "/tmpfiles/x": "", "/opt/tmp/x": ""} {
		if got := Temporary(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if !NeedsSetuid("sudo") || NeedsSetuid("su do") || NeedsSetuid("") {
		t.Error("programs that need their set-user-ID bit")
	}
}
