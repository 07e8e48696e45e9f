package unit

import (
	"testing"
	"testing/fstest"
)

func TestFiles(t *testing.T) {
	f := Files{"etc/systemd/system/web.service": "[Service]\n", "etc/systemd/system/web.service.d/a.conf": "", "etc/fstab": "x"}
	if err := fstest.TestFS(f, "etc/systemd/system/web.service", "etc/systemd/system/web.service.d/a.conf", "etc/fstab"); err != nil {
		t.Error(err)
	}
	if err := fstest.TestFS(Files{}); err != nil {
		t.Error(err)
	}
}

func TestWith(t *testing.T) {
	f := Files{
		"web.service":           "[Service]\nExecStart=/bin/true\nUMask=0022\n",
		"web.service.d/50.conf": "[Service]\nUMask=0027\n",
		"web.service.d/90.conf": "[Service]\nPrivateTmp=yes\n",
	}
	for _, c := range []struct {
		name, text string
		mask       uint32
		tmp        string
	}{
		{"50.conf", "", 0o022, "connected"}, // in the place of the file
		{"60.conf", "[Service]\nUMask=0077\n", 0o077, "connected"},
		{"60.conf", "[Service]\nPrivateTmp=no\n", 0o027, "connected"},
		{"95.conf", "[Service]\nPrivateTmp=no\n", 0o027, "no"},
	} {
		u, err := NewLoader(f, Options{}).With(c.name, c.text).LoadFile("web.service")
		if err != nil {
			t.Fatal(err)
		}
		if u.Settings.UMask.Value != c.mask || u.Settings.PrivateTmp.Value != c.tmp {
			t.Errorf("%+v: UMask %o, PrivateTmp %s", c, u.Settings.UMask.Value, u.Settings.PrivateTmp.Value)
		}
	}
}
