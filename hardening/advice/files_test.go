package advice

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
