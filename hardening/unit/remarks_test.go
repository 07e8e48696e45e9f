package unit

import (
	"slices"
	"testing"
	"testing/fstest"
)

// TestRemarks: comments that speak to daemonize know the line that they are
// about; files without them cost nothing.
func TestRemarks(t *testing.T) {
	u, err := NewLoader(fstest.MapFS{
		"x@.service":          {Data: []byte("# daemonize: ignore H001 a\n\n[Service]\n; other\n ; daemonize: ignore H002 b\n# more\nExecStart=/bin/x \\\n # daemonize: ignore H003 c\n  y\n#daemonize: last\n")},
		"x@.service.d/a.conf": {Data: []byte("[Service]\n# daemonize: ignore H004 d\nUser=a\n")},
	}, Options{Instance: "i"}).LoadFile("x@.service")
	if err != nil {
		t.Fatal(err)
	}
	type remark struct {
		file, text string
		line, next int
		header     bool
	}
	var got []remark
	for _, r := range u.Remarks {
		got = append(got, remark{r.At.File, r.Text, r.At.Line, r.Next, r.Header})
	}
	want := []remark{
		{"x@.service", "ignore H001 a", 1, 3, true}, {"x@.service", "ignore H002 b", 5, 7, false},
		{"x@.service", "ignore H003 c", 8, 7, false}, {"x@.service", "last", 10, 0, false},
		{"x@.service.d/a.conf", "ignore H004 d", 2, 3, false},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := u.Expand("%i %n %% %t"); got != "i x@i.service % /run" {
		t.Errorf("expanded to %q", got)
	}
	if got := u.Expand("%!"); got != "%!" {
		t.Errorf("an unknown specifier became %q", got)
	}
	if got := SplitWords(`a "b c" d\x20e 'f`); !slices.Equal(got, []string{"a", "b c", "d e"}) {
		t.Errorf("split into %q", got)
	}
}
