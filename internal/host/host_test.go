package host_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// recorder notes the programs it is asked to run.
type recorder struct{ ran [][]string }

func (r *recorder) Run(_ context.Context, argv []string) (generators.Result, error) {
	r.ran = append(r.ran, argv)
	return generators.Result{}, nil
}

// open returns a host below a root directory, which has a directory beside it
// that nothing must touch.
func open(t *testing.T) (h *host.Tree, root, outside string, programs *recorder) {
	t.Helper()
	dir := t.TempDir()
	root, outside = filepath.Join(dir, "root"), filepath.Join(dir, "outside")
	for _, d := range []string{filepath.Join(root, "etc"), outside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	programs = &recorder{}
	h, err := host.Open(root, programs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	t.Cleanup(func() {
		entries, err := os.ReadDir(outside)
		content, _ := os.ReadFile(filepath.Join(outside, "secret"))
		if err != nil || len(entries) != 1 || string(content) != "untouched" {
			t.Errorf("outside of the root: %v, %v, %q", entries, err, content)
		}
	})
	return h, root, outside, programs
}

func TestWrite(t *testing.T) {
	h, root, _, _ := open(t)
	for _, mode := range []fs.FileMode{0o644, 0o600, 0o755, 0o755 | fs.ModeSetuid} {
		content := fmt.Sprintf("mode %v", mode)
		if err := h.Write("/etc/file", host.File{Mode: mode, UID: -1, GID: -1, Content: []byte(content)}); err != nil {
			t.Fatal(err)
		}
		f, err := h.Stat("/etc/file")
		if err != nil || f.Mode != mode || string(f.Content) != content {
			t.Errorf("wrote %v, is %v %q, %v", mode, f.Mode, f.Content, err)
		}
	}
	if err := h.Write("/etc/link", host.File{Mode: fs.ModeSymlink | 0o777, UID: -1, GID: -1, Content: []byte("file")}); err != nil {
		t.Fatal(err)
	}
	if f, err := h.Stat("/etc/link"); err != nil || f.Mode.Type() != fs.ModeSymlink || string(f.Content) != "file" {
		t.Errorf("link is %+v, %v", f, err)
	}
	// What a run that was killed has left is no obstacle, even if it is a
	// link to somewhere.
	if err := os.Symlink("../etc/file", filepath.Join(root, "etc/.daemonize-other")); err != nil {
		t.Fatal(err)
	}
	if err := h.Write("/etc/other", host.File{Mode: 0o644, UID: -1, GID: -1, Content: []byte("new")}); err != nil {
		t.Fatal(err)
	}
	if b, _ := h.ReadFile("/etc/file"); strings.Contains(string(b), "new") {
		t.Error("wrote through a link that was left")
	}
	names, err := h.Names("/etc")
	if want := []string{"file", "link", "other"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("names = %q, %v, want %q", names, err, want)
	}
	if err := h.Write("/missing/file", host.File{Mode: 0o644}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("writing into a missing directory: %v", err)
	}
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	h, _, _, _ := open(t)
	if err := h.Write("/etc/file", host.File{Mode: 0o640, UID: 12345, GID: 23456, Content: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if f, err := h.Stat("/etc/file"); err != nil || f.UID != 12345 || f.GID != 23456 || f.Mode != 0o640 {
		t.Errorf("file = %+v, %v", f, err)
	}
}

// TestLinksCannotEscape plants links of every kind on the way to a file and in
// its place.
func TestLinksCannotEscape(t *testing.T) {
	for name, link := range map[string]func(outside string) string{
		"absolute": func(outside string) string { return outside },
		"relative": func(string) string { return "../../outside" },
		"many": func(string) string {
			return "../../../../../../../../../../../../" + strings.Repeat("../", 20) + "outside"
		},
		"winding": func(outside string) string { return "/etc/../.." + outside },
	} {
		t.Run(name, func(t *testing.T) {
			h, root, outside, _ := open(t)
			target := link(outside)
			for _, at := range []string{"etc/dir", "etc/file"} {
				to := target
				if at == "etc/file" {
					to += "/secret"
				}
				if err := os.Symlink(to, filepath.Join(root, at)); err != nil {
					t.Fatal(err)
				}
			}
			file := host.File{Mode: 0o644, UID: -1, GID: -1, Content: []byte("attack")}
			if b, err := h.ReadFile("/etc/file"); err == nil {
				t.Errorf("read %q", b)
			}
			if b, err := h.ReadFile("/etc/dir/secret"); err == nil {
				t.Errorf("read %q", b)
			}
			// In its place: the link is replaced, never followed.
			if err := h.Write("/etc/file", file); err != nil {
				t.Error(err)
			}
			if info, err := os.Lstat(filepath.Join(root, "etc/file")); err != nil || !info.Mode().IsRegular() {
				t.Errorf("the link is still there: %v, %v", info, err)
			}
			// On the way: there is nothing inside where it leads.
			for what, err := range map[string]error{
				"write":  h.Write("/etc/dir/secret", file),
				"remove": h.Remove("/etc/dir/secret"),
				"mkdir":  h.Mkdir("/etc/dir/sub", 0o755),
			} {
				if err == nil {
					t.Errorf("%s beyond the link succeeded", what)
				}
			}
			if h.Exists("/etc/dir/secret") {
				t.Error("sees what is outside")
			}
			if _, err := h.Names("/etc/dir"); err == nil {
				t.Error("lists what is outside")
			}
		})
	}
}

func TestLinksAreResolvedInside(t *testing.T) {
	h, root, _, _ := open(t)
	// As in many images: /var/run is an absolute link, here through another.
	for _, d := range []string{"run", "var"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for at, to := range map[string]string{"var/run": "/run", "alias": "var/run/../run", "loop": "/loop", "etc/deep": "../../../../run"} {
		if err := os.Symlink(to, filepath.Join(root, at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/var/run/a", "/alias/b", "/etc/deep/c"} {
		if err := h.Write(name, host.File{Mode: 0o644, UID: -1, GID: -1, Content: []byte(name)}); err != nil {
			t.Error(err)
		}
		if b, err := os.ReadFile(filepath.Join(root, "run", filepath.Base(name))); err != nil || string(b) != name {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if err := h.Write("/loop/file", host.File{Mode: 0o644}); err == nil {
		t.Error("wrote through a loop")
	}
	for _, name := range []string{"relative", "", "/etc/\x00"} {
		if err := h.Write(name, host.File{Mode: 0o644}); err == nil {
			t.Errorf("wrote %q", name)
		}
	}
}

func TestAccountsAreThoseOfTheRoot(t *testing.T) {
	h, root, _, _ := open(t)
	for file, content := range map[string]string{
		"etc/passwd": "root:x:0:0::/root:/bin/sh\nbroken\nweb:x:4711:4712::/:/bin/false\n",
		"etc/group":  "root:x:0:\nwebs:x:4712:web\n",
	} {
		if err := os.WriteFile(filepath.Join(root, file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if id, err := h.UserID("web"); err != nil || id != 4711 {
		t.Errorf("web = %d, %v", id, err)
	}
	if id, err := h.GroupID("webs"); err != nil || id != 4712 {
		t.Errorf("webs = %d, %v", id, err)
	}
	if id, err := h.UserID("99"); err != nil || id != 99 {
		t.Errorf("99 = %d, %v", id, err)
	}
	// Every machine has bin or daemon, but this root has not.
	for _, name := range []string{"daemon", "bin", "broken", "x"} {
		if id, err := h.UserID(name); !errors.Is(err, host.ErrUnknownAccount) {
			t.Errorf("%s = %d, %v", name, id, err)
		}
	}
}

func TestRunBelowARoot(t *testing.T) {
	h, root, _, programs := open(t)
	if _, err := h.Run(context.Background(), []string{"systemd-sysusers", "web.conf"}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"systemd-sysusers", "--root=" + root, "web.conf"}; len(programs.ran) != 1 || !slices.Equal(programs.ran[0], want) {
		t.Errorf("ran %q, want %q", programs.ran, want)
	}
	for _, argv := range [][]string{{"service", "web", "start"}, {}} {
		if _, err := h.Run(context.Background(), argv); err == nil {
			t.Errorf("%q was run", argv)
		}
	}
	if h.Live() {
		t.Error("a directory is live")
	}
}

func TestPrograms(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh")
	}
	p := host.Programs{}
	r, err := p.Run(context.Background(), []string{"/bin/sh", "-c", "echo $LC_ALL; echo oops >&2; exit 3"})
	if err != nil || r.Code != 3 || r.Stdout != "C\n" || r.Stderr != "oops\n" {
		t.Errorf("result = %+v, %v", r, err)
	}
	if r, err := p.Run(context.Background(), []string{"/bin/sh", "-c", "kill -9 $$"}); err != nil || r.Code != 137 {
		t.Errorf("killed: %+v, %v", r, err)
	}
	if _, err := p.Run(context.Background(), []string{"/nonexistent/program"}); err == nil {
		t.Error("ran a program that does not exist")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Run(ctx, []string{"/bin/sh", "-c", "while :; do :; done"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// A flood is neither kept nor fatal to the program.
	if r, err := p.Run(context.Background(), []string{"/bin/sh", "-c", "head -c 3000000 /dev/zero"}); err != nil || r.Code != 0 || len(r.Stdout) != 1<<20 {
		t.Errorf("flood: %d bytes, code %d, %v", len(r.Stdout), r.Code, err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	h, err := host.Open(dir, host.Programs{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	if err := h.Mkdir("/etc", 0o755); err != nil {
		fmt.Println(err)
		return
	}
	err = h.Write("/etc/motd", host.File{Mode: 0o644, UID: -1, GID: -1, Content: []byte("welcome\n")})
	f, _ := h.Stat("/etc/motd")
	fmt.Printf("%v %q %v\n", f.Mode, f.Content, err)
	// Output: -rw-r--r-- "welcome\n" <nil>
}

// TestRemoveAll removes a tree with links out of it, and a link.
func TestRemoveAll(t *testing.T) {
	h, root, outside, _ := open(t)
	for _, d := range []string{"srv/data/deep", "srv/other"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"srv/data/deep/absolute": outside, "srv/data/relative": "../../../outside", "srv/data/inside": "../other", "srv/link": outside} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/srv/data", "/srv/link", "/srv/nothing"} {
		if err := h.RemoveAll(name); err != nil {
			t.Errorf("removing %s: %v", name, err)
		}
	}
	if names, err := h.Names("/srv"); err != nil || !slices.Equal(names, []string{"other"}) {
		t.Errorf("left: %q, %v", names, err)
	}
	for _, name := range []string{"/", "/srv/..", "relative", ""} {
		if err := h.RemoveAll(name); err == nil {
			t.Errorf("removed %q", name)
		}
	}
}
