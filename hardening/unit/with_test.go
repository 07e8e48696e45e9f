package unit

import (
	"testing"
	"testing/fstest"
)

func TestWith(t *testing.T) {
	f := fstest.MapFS{
		"web.service":           {Data: []byte("[Service]\nExecStart=/bin/true\nUMask=0022\n")},
		"web.service.d/50.conf": {Data: []byte("[Service]\nUMask=0027\n")},
		"web.service.d/90.conf": {Data: []byte("[Service]\nPrivateTmp=yes\n")},
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
