package install

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// Manifest is what daemonize knows about a daemon that it installed: the only
// evidence of what is ours, so nothing else is ever overwritten or removed. It
// holds no content of files and no secrets, and may be read by everybody.
type Manifest struct {
	Version int    `json:"version"` // of this format, 1
	Daemon  string `json:"daemon"`
	Backend string `json:"backend"`
	Manager string `json:"manager"` // version of the manager that the files are for
	Scope   string `json:"scope"`
	Home    string `json:"home,omitempty"`
	Files   []File `json:"files"`
	// Directories that were made for the files, parents first.
	Directories []string `json:"directories,omitempty"`
	// Accounts that did not exist before.
	Accounts []string `json:"accounts,omitempty"`
	// Data are directories of the daemon's data that did not exist before.
	Data []string `json:"data,omitempty"`
	// Linger is the user who lingers because of this daemon or another of ours.
	Linger string `json:"linger,omitempty"`
	Jobs   []Job  `json:"jobs"`
}

// File is one file of a manifest.
type File struct {
	Path   string `json:"path"`
	Mode   string `json:"mode,omitempty"` // octal
	Owner  string `json:"owner,omitempty"`
	Group  string `json:"group,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Link   string `json:"link,omitempty"` // target of a symbolic link, which has none of the above
	// Backup is where the file is that was here before us.
	Backup string `json:"backup,omitempty"`
}

// Job is one job of a manifest.
type Job struct {
	Name   string `json:"name"`
	Enable bool   `json:"enable"`
	Start  bool   `json:"start"`
	// Before tells whether the manager knew a job of this name before, which uninstall
	// then leaves as it was: enabled, disabled or, for unknown, empty.
	Before string `json:"before,omitempty"`
}

func jobOf(j generators.Job) Job { return Job{Name: j.Name, Enable: j.Enable, Start: j.Start} }
func (j Job) job() generators.Job {
	return generators.Job{Name: j.Name, Enable: j.Enable, Start: j.Start}
}

// ErrNotInstalled is the error for a daemon without a manifest.
var ErrNotInstalled = errors.New("not installed by daemonize")

// StateDir is where the manifests of a target are.
func StateDir(t generators.Target) string {
	if t.Scope == generators.User {
		return path.Join(t.HomeDir(), ".local/state/daemonize")
	}
	return "/var/lib/daemonize"
}

func manifestPath(t generators.Target, daemon string) string {
	return path.Join(StateDir(t), daemon+".json")
}

// backupDir is where files are kept that a daemon's files have replaced.
func backupDir(t generators.Target, daemon string) string {
	return path.Join(StateDir(t), "backup", daemon)
}

// maxManifest bounds what is read; the largest real ones have a few hundred files.
const maxManifest = 8 << 20

// ReadManifest reads the manifest of a daemon of t's scope and home. Without
// one the error satisfies errors.Is(err, ErrNotInstalled).
func ReadManifest(h host.Host, t generators.Target, daemon string) (*Manifest, error) {
	name := manifestPath(t, daemon)
	f, err := h.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s", ErrNotInstalled, name)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read manifest: %w", err)
	}
	// Who can write the manifest can have root remove any file.
	if h.Live() && t.Scope == generators.System && (f.UID > 0 || f.Mode.Perm()&0o022 != 0) || !f.Mode.IsRegular() || len(f.Content) > maxManifest {
		return nil, fmt.Errorf("cannot trust manifest %s: it must be a regular file that only root can write", name)
	}
	m := &Manifest{}
	if err := json.Unmarshal(f.Content, m); err != nil {
		return nil, fmt.Errorf("cannot read manifest %s: %w", name, err)
	}
	if m.Version != 1 {
		return nil, fmt.Errorf("cannot read manifest %s: its version is %d, and this daemonize knows only 1", name, m.Version)
	}
	if m.Daemon != daemon {
		return nil, fmt.Errorf("cannot read manifest %s: it is of daemon %q", name, m.Daemon)
	}
	for _, p := range slices.Concat(m.Directories, m.Data, m.paths()) {
		if !path.IsAbs(p) || path.Clean(p) != p {
			return nil, fmt.Errorf("cannot read manifest %s: %q is not a clean absolute path", name, p)
		}
	}
	return m, nil
}

// Manifests reads those of all daemons of t's scope and home, by name.
func Manifests(h host.Host, t generators.Target) ([]*Manifest, error) {
	names, err := h.Names(StateDir(t))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list what is installed: %w", err)
	}
	var all []*Manifest
	for _, n := range names {
		daemon, ok := strings.CutSuffix(n, ".json")
		if !ok || strings.HasPrefix(n, ".") {
			continue
		}
		m, err := ReadManifest(h, t, daemon)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (m *Manifest) encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	// Strings, booleans and lists of them: there is no error to be had.
	_ = enc.Encode(m)
	return b.Bytes()
}

func (m *Manifest) paths() []string {
	var p []string
	for _, f := range m.Files {
		p = append(p, f.Path)
		if f.Backup != "" {
			p = append(p, f.Backup)
		}
	}
	return p
}

func (m *Manifest) file(name string) *File {
	if m == nil {
		return nil
	}
	if i := slices.IndexFunc(m.Files, func(f File) bool { return f.Path == name }); i >= 0 {
		return &m.Files[i]
	}
	return nil
}

func (m *Manifest) job(name string) *Job {
	if m == nil {
		return nil
	}
	if i := slices.IndexFunc(m.Jobs, func(j Job) bool { return j.Name == name }); i >= 0 {
		return &m.Jobs[i]
	}
	return nil
}

// target is what the manifest's files were rendered for.
func (m *Manifest) target() generators.Target {
	t := generators.Target{Backend: m.Backend, Home: m.Home}
	t.Version, _ = generators.ParseVersion(m.Manager)
	if m.Scope == generators.User.String() {
		t.Scope = generators.User
	}
	return t
}

// bundle is the bundle as it was installed, with the content that is there now.
func (m *Manifest) bundle(h host.Host) generators.Bundle {
	b := generators.Bundle{Daemon: m.Daemon, Target: m.target()}
	for _, f := range m.Files {
		if f.Link != "" {
			continue
		}
		a := generators.Artifact{Path: f.Path, Owner: f.Owner, Group: f.Group, Mode: f.mode()}
		if now, err := h.Stat(f.Path); err == nil && now.Mode.IsRegular() {
			a.Content = now.Content
		}
		b.Artifacts = append(b.Artifacts, a)
	}
	for _, j := range m.Jobs {
		b.Jobs = append(b.Jobs, j.job())
	}
	return b
}

// record describes an artifact.
func record(a generators.Artifact) File {
	if a.Mode.Type() == fs.ModeSymlink {
		return File{Path: a.Path, Link: string(a.Content)}
	}
	sum := sha256.Sum256(a.Content)
	return File{Path: a.Path, Mode: octal(a.Mode), Owner: a.Owner, Group: a.Group, SHA256: hex.EncodeToString(sum[:])}
}

// matches reports whether what is on the host is what the record says.
func (f *File) matches(now host.File) bool {
	if f.Link != "" {
		// systemd writes links absolute up to 252 and relative later; an
		// operator's disable and enable must not look like an edit.
		return now.Mode.Type() == fs.ModeSymlink && sameLink(f.Path, f.Link, string(now.Content))
	}
	sum := sha256.Sum256(now.Content)
	return now.Mode.IsRegular() && octal(now.Mode) == f.Mode && hex.EncodeToString(sum[:]) == f.SHA256
}

func sameLink(name, a, b string) bool {
	at := func(target string) string {
		if path.IsAbs(target) {
			return path.Clean(target)
		}
		return path.Join(path.Dir(name), target)
	}
	return at(a) == at(b)
}

// octal writes the bits of chmod(2).
func octal(m fs.FileMode) string {
	bits := uint64(m.Perm())
	for i, special := range [...]fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if m&special != 0 {
			bits |= 0o1000 << i
		}
	}
	return fmt.Sprintf("%04o", bits)
}

func (f *File) mode() fs.FileMode {
	bits, _ := strconv.ParseUint(f.Mode, 8, 12)
	m := fs.FileMode(bits & 0o777)
	for i, special := range [...]fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if bits&(0o1000<<i) != 0 {
			m |= special
		}
	}
	return m
}
