package launchd

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"howett.net/plist"
)

// parsed is what a parser reads of the plists that were given to it.
type parsed []map[string]any

// howett reads plists with the library that wrote them.
func howett(t *testing.T, contents [][]byte) parsed {
	t.Helper()
	out := make(parsed, len(contents))
	for i, c := range contents {
		if _, err := plist.Unmarshal(c, &out[i]); err != nil {
			t.Fatalf("howett.net/plist cannot read plist %d: %v\n%s", i, err, c)
		}
	}
	return out
}

// python reads plists with plistlib, which is strict about XML.
func python(t *testing.T, contents [][]byte) parsed {
	t.Helper()
	bin, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, so plistlib cannot read the plists")
	}
	dir := files(t, contents)
	const script = `import json,plistlib,sys
for i in range(int(sys.argv[2])):
    with open(f"{sys.argv[1]}/{i}.plist", "rb") as f:
        print(json.dumps(plistlib.load(f)))
`
	cmd := exec.Command(bin, "-c", script, dir, strconv.Itoa(len(contents)))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("plistlib cannot read a plist: %v\n%s", err, stderr.String())
	}
	out := make(parsed, len(contents))
	d := json.NewDecoder(bytes.NewReader(stdout))
	for i := range out {
		if err := d.Decode(&out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// libplist converts plists to the binary format with plistutil, whose exit
// status says nothing: it is 0 for a file that is not well-formed.
func libplist(t *testing.T, contents [][]byte) parsed {
	t.Helper()
	bin, err := exec.LookPath("plistutil")
	if err != nil {
		t.Skip("plistutil (libplist-utils) is not installed, so libplist cannot read the plists")
	}
	dir := files(t, contents)
	binaries := make([][]byte, len(contents))
	for i := range contents {
		name := filepath.Join(dir, strconv.Itoa(i))
		out, err := exec.Command(bin, "-i", name+".plist", "-f", "bin", "-o", name+".bin").CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("plistutil: %v %s", err, out)
		}
		binaries[i], err = os.ReadFile(name + ".bin")
		if err != nil || !bytes.HasPrefix(binaries[i], []byte("bplist00")) {
			t.Fatalf("plistutil wrote no binary plist for\n%s", contents[i])
		}
	}
	return howett(t, binaries)
}

func files(t *testing.T, contents [][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for i, c := range contents {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".plist"), c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Neither may the parsers accept everything.
func TestParsersRefuse(t *testing.T) {
	bad := []byte("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>a</key><string>a & b</string></dict></plist>")
	var m map[string]any
	if _, err := plist.Unmarshal(bad, &m); err == nil {
		t.Error("howett.net/plist reads what is not well-formed")
	}
	if bin, err := exec.LookPath("python3"); err != nil {
		t.Log("python3 is not installed")
	} else if err := exec.Command(bin, "-c", "import plistlib,sys; plistlib.load(open(sys.argv[1],'rb'))", filepath.Join(files(t, [][]byte{bad}), "0.plist")).Run(); err == nil {
		t.Error("plistlib reads what is not well-formed")
	}
}

// plists returns the contents of the plists of a bundle.
func plists(b generators.Bundle) [][]byte {
	var out [][]byte
	for _, a := range b.Artifacts {
		if strings.HasSuffix(a.Path, ".plist") {
			out = append(out, a.Content)
		}
	}
	return out
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, e := range list {
		out[i], _ = e.(string)
	}
	return out
}
