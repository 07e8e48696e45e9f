package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening/unit"
)

// parseColumn gives the version and the scope of a column such as 257-user.
func parseColumn(t *testing.T, name string) (int, bool) {
	t.Helper()
	var version int
	var scope string
	if _, err := fmt.Sscanf(name, "%d-%s", &version, &scope); err != nil {
		t.Fatalf("column %q: %v", name, err)
	}
	return version, scope == "user"
}

// TestGenerated makes the units of the golden table again and compares with
// what the real programs said of them.
func TestGenerated(t *testing.T) {
	src, err := os.ReadFile("testdata/generated.tsv")
	if err != nil {
		t.Fatal(err)
	}
	golden := readTable(src)
	if len(golden.rows) < 2000 || len(golden.columns) < 6 {
		t.Fatalf("the table has %d units and the columns %q", len(golden.rows), golden.columns)
	}
	g := newGenerator(1)
	equal, refused := 0, 0
	for _, want := range golden.rows {
		c := g.next()
		if c.hash() != want[0] {
			t.Fatalf("%s: the generator makes other units than those of the table: write it again with -golden", c.name)
		}
		tree := fstest.MapFS{}
		for name, content := range c.files {
			file := &fstest.MapFile{Data: []byte(content), Mode: 0o644}
			if to, link := strings.CutPrefix(content, "-> "); link {
				file = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
			}
			// Deep enough for links that climb to /dev/null.
			tree[path.Join("tmp/units", name)] = file
		}
		for i, col := range golden.columns {
			version, user := parseColumn(t, col)
			scope := unit.System
			if user {
				scope = unit.User
			}
			loader := unit.NewLoader(tree, unit.Options{Version: version, Scope: scope, Host: realHost(user)})
			_, got := assess(loader, path.Join("tmp/units", c.name))
			switch d := got.digest(); {
			case d != want[i+1]:
				t.Errorf("%s on %s: %s (%s), real %s", c.name, col, d, got.message, want[i+1])
			case got.refused:
				refused++
			default:
				equal++
			}
		}
	}
	t.Logf("%d units: %d results equal in all rows and total, %d refused by both", len(golden.rows), equal, refused)
}

// TestCorpus compares with the real programs' results on the units of Debian
// packages. The units carry their packages' licences, so only hashes and
// results are kept here; corpus.sh fetches them.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("DAEMONIZE_CORPUS")
	if corpus == "" {
		t.Skip("DAEMONIZE_CORPUS names no directory made by internal/parity/corpus.sh")
	}
	for _, dir := range []string{"units", "user-units"} {
		src, err := os.ReadFile(filepath.Join("testdata", dir+".tsv"))
		if err != nil {
			t.Fatal(err)
		}
		golden := readTable(src)
		compared, changed := 0, 0
		jobs, hashes := corpusJobs(corpus, dir)
		at := map[string]job{}
		for i, h := range hashes {
			at[h] = jobs[i]
		}
		for _, want := range golden.rows {
			j, ok := at[want[0]]
			if !ok {
				changed++
				continue
			}
			for i, col := range golden.columns {
				version, user := parseColumn(t, col)
				scope := unit.System
				if user {
					scope = unit.User
				}
				loader := unit.NewLoader(os.DirFS("/"), unit.Options{Version: version, Scope: scope, Host: realHost(user)})
				_, got := assess(loader, strings.TrimPrefix(j.file, "/"))
				if d := got.digest(); d != want[i+1] {
					t.Errorf("%s on %s: %s (%s), real %s", want[0], col, d, got.message, want[i+1])
				}
				compared++
			}
		}
		t.Logf("%s: %d results compared; %d units are not there or have changed since the table was written", dir, compared, changed)
		if compared == 0 {
			t.Errorf("%s: nothing to compare", dir)
		}
	}
}

// TestLive runs the real program where there is one.
func TestLive(t *testing.T) {
	if testing.Short() {
		t.Skip("short: starts the real systemd-analyze")
	}
	programs := findPrograms("/nonexistent")
	if len(programs) == 0 {
		t.Skip("no systemd-analyze that knows --offline on this machine")
	}
	dir := t.TempDir()
	jobs, _, err := writeCases(dir, newGenerator(7).many(200))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if n := compare("generated, seed 7", p, false, jobs, 10, nil); n > 0 {
			t.Errorf("%d results differ", n)
		}
	}
}
