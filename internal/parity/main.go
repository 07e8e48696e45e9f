// Command parity compares package hardening with the real systemd-analyze:
// every row and the total, on real units and on generated hostile ones,
// refusals included. It prints the figures and fails on any difference.
//
//	go run ./internal/parity -corpus DIR -generate 2000
//
// DIR is what corpus.sh fetched. The programs compared with are that of this
// machine and those of the root trees below -roots.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/unit"
)

func main() {
	corpus := flag.String("corpus", "", "directory made by corpus.sh")
	generate := flag.Int("generate", 0, "number of hostile units to generate")
	sweeping := flag.Bool("sweep", false, "compare one unit for each setting and each of a list of values as well")
	seed := flag.Uint64("seed", 1, "seed of the generator")
	roots := flag.String("roots", "/var/cache/daemonize-lab", "directory of root trees with other versions")
	golden := flag.String("golden", "", "write the golden tables to this directory (generated.tsv, corpus.tsv)")
	keep := flag.String("keep", "", "write the generated units to this directory and keep them")
	show := flag.Int("show", 10, "differences to print for each comparison")
	flag.Parse()
	if err := run(*corpus, *generate, *sweeping, *seed, *roots, *golden, *keep, *show); err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

// job is one unit to compare: a file in a directory on disk.
type job struct {
	file  string
	batch string // jobs of one batch share a process of the real program
}

func run(corpus string, generate int, sweeping bool, seed uint64, roots, golden, keep string, show int) error {
	programs := findPrograms(roots)
	if len(programs) == 0 {
		return fmt.Errorf("cannot find a systemd-analyze that knows --offline")
	}
	different := 0
	if corpus != "" {
		for _, set := range []struct {
			dir  string
			user bool
		}{{"units", false}, {"user-units", true}} {
			jobs, hashes := corpusJobs(corpus, set.dir)
			table := newTable(jobs, hashes)
			for _, p := range programs {
				different += compare("corpus "+set.dir, p, set.user, jobs, show, table)
			}
			if golden != "" {
				head := "what the real systemd-analyze says of the units of the packages in packages.txt: go run ./internal/parity -corpus DIR -golden internal/parity/testdata"
				if err := os.WriteFile(filepath.Join(golden, set.dir+".tsv"), table.bytes(head), 0o644); err != nil {
					return err
				}
			}
		}
	}
	if sweeping {
		dir, err := os.MkdirTemp("", "parity-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		jobs, _, err := writeCases(dir, sweep())
		if err != nil {
			return err
		}
		for _, p := range programs {
			for _, user := range []bool{false, true} {
				different += compare("every setting", p, user, jobs, show, nil)
			}
		}
	}
	if generate > 0 {
		dir := keep
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "parity-"); err != nil {
				return err
			}
			defer os.RemoveAll(dir)
		}
		dir, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		jobs, hashes, err := writeCases(dir, newGenerator(seed).many(generate))
		if err != nil {
			return err
		}
		table := newTable(jobs, hashes)
		for _, p := range programs {
			for _, user := range []bool{false, true} {
				different += compare(fmt.Sprintf("generated, seed %d", seed), p, user, jobs, show, table)
			}
		}
		if golden != "" {
			head := fmt.Sprintf("what the real systemd-analyze says of generated units: go run ./internal/parity -generate %d -seed %d -golden internal/parity/testdata", generate, seed)
			if err := os.WriteFile(filepath.Join(golden, "generated.tsv"), table.bytes(head), 0o644); err != nil {
				return err
			}
		}
	}
	if different > 0 {
		return fmt.Errorf("%d results differ", different)
	}
	return nil
}

// corpusJobs lists the units with a sandbox below one directory of the corpus, each
// for a process of its own, with a hash and the path inside the corpus.
func corpusJobs(corpus, dir string) (jobs []job, hashes []string) {
	root, err := filepath.Abs(corpus)
	if err != nil {
		return nil, nil
	}
	_ = filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !slices.Contains([]string{".service", ".socket", ".mount", ".swap"}, filepath.Ext(path)) {
			return nil //nolint:nilerr // what cannot be read is no unit
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		src, _ := os.ReadFile(path) // a link to /dev/null, a dangling one: nothing to hash
		sum := sha256.Sum256(src)
		jobs = append(jobs, job{path, path})
		hashes = append(hashes, rel+":"+hex.EncodeToString(sum[:])[:12])
		return nil
	})
	return jobs, hashes
}

// writeCases writes units to disk, a hundred of the simple ones to a
// directory.
func writeCases(dir string, cases []testCase) ([]job, []string, error) {
	var jobs []job
	var hashes []string
	for i, c := range cases {
		at := filepath.Join(dir, fmt.Sprintf("b%03d", i/100))
		if c.alone {
			at = filepath.Join(dir, fmt.Sprintf("c%05d", i))
		}
		for name, content := range c.files {
			path := filepath.Join(at, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return nil, nil, err
			}
			var err error
			if to, link := strings.CutPrefix(content, "-> "); link {
				err = os.Symlink(to, path)
			} else {
				err = os.WriteFile(path, []byte(content), 0o644)
			}
			if err != nil {
				return nil, nil, err
			}
		}
		jobs = append(jobs, job{filepath.Join(at, c.name), at})
		hashes = append(hashes, c.hash())
	}
	return jobs, hashes, nil
}

// hash identifies the files of a case.
func (c *testCase) hash() string {
	h := sha256.New()
	names := make([]string, 0, len(c.files))
	for n := range c.files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Fprintf(h, "%q %q\n", n, c.files[n])
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// compare prints one line of figures and returns the number of differences.
func compare(title string, p program, user bool, jobs []job, show int, table *table) int {
	batches := map[string][]job{}
	var order []string
	for _, j := range jobs {
		if batches[j.batch] == nil {
			order = append(order, j.batch)
		}
		batches[j.batch] = append(batches[j.batch], j)
	}
	scope := unit.System
	if user {
		scope = unit.User
	}
	var mu sync.Mutex
	equalUnits, refused, different := 0, 0, 0
	var work []func()
	for _, key := range order {
		batch := batches[key]
		work = append(work, func() {
			files := make([]string, len(batch))
			for i, j := range batch {
				files[i] = j.file
			}
			real, message := p.run(user, files)
			loader := unit.NewLoader(os.DirFS("/"), unit.Options{Version: p.version, Scope: scope, Host: realHost(user)})
			for _, j := range batch {
				name, own := assess(loader, strings.TrimPrefix(j.file, "/"))
				want, ok := real[name]
				if !ok {
					want = result{refused: true, message: messageFor(message, name)}
					// One unit in the process: whatever it is called, this is its result.
					if len(batch) == 1 && len(real) == 1 {
						for other, r := range real {
							want, own.message = r, "the name is "+name+", real "+other
						}
					}
				}
				why := difference(own, want)
				mu.Lock()
				if table != nil {
					table.add(j, p.version, user, want)
				}
				switch {
				case why == "" && want.refused:
					refused++
				case why == "":
					equalUnits++
				default:
					if different++; different <= show {
						fmt.Printf("  DIFFERENT systemd %d %s %s: %s\n", p.version, scope, j.file, why)
					}
				}
				mu.Unlock()
			}
		})
	}
	parallel(work)
	total := equalUnits + refused + different
	percent := 100.0
	if total > 0 {
		percent = 100 * float64(equalUnits+refused) / float64(total)
	}
	fmt.Printf("%-28s systemd %d %-6s %5d units: %5d equal in all rows and total, %4d refused by both, %d different: %.2f %%\n",
		title, p.version, scope, total, equalUnits, refused, different, percent)
	return different
}

// realHost is what specifiers give to the real program as run here.
func realHost(user bool) unit.Host {
	host, _ := os.Hostname()
	h := unit.Host{Hostname: host}
	if user {
		h.UserName, h.UserID, h.Home = "root", "0", "/root"
	}
	return h
}

// assess is our side of the comparison.
func assess(l *unit.Loader, file string) (string, result) {
	u, err := l.LoadFile(file)
	if err != nil {
		name := filepath.Base(file)
		if le, ok := errors.AsType[*unit.LoadError](err); ok {
			name = le.Name
		}
		return name, result{refused: true, message: err.Error()}
	}
	a := hardening.Assess(u, hardening.Options{})
	r := result{total: a.Exposure.String(), rows: map[string]row{}}
	for i := range a.Rows {
		x := &a.Rows[i]
		out := row{Name: x.Name, Weight: x.Weight, Badness: x.Badness, Range: x.Range}
		if x.Applies {
			set := x.Set()
			out.Set = &set
			if x.Badness > 0 {
				s := x.Exposure.String()
				out.Exposure = &s
			}
		}
		r.rows[x.Name] = out
	}
	return u.Name, r
}

func messageFor(all, name string) string {
	for line := range strings.Lines(all) {
		if strings.Contains(line, name) {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(all)
}

func difference(own, real result) string {
	switch {
	case own.refused && real.refused:
		return ""
	case own.refused:
		return "refused here (" + own.message + "), real " + real.total
	case real.refused:
		return "total " + own.total + ", refused by the real program (" + real.message + ")"
	}
	var out []string
	for name, want := range real.rows {
		got, ok := own.rows[name]
		if !ok {
			out = append(out, name+" is missing")
		} else if why := equal(got, want); why != "" {
			out = append(out, name+": "+why)
		}
	}
	if len(own.rows) != len(real.rows) {
		out = append(out, fmt.Sprintf("%d rows, real %d", len(own.rows), len(real.rows)))
	}
	if own.total != real.total {
		out = append(out, "total "+own.total+", real "+real.total)
	}
	if out != nil && own.message != "" {
		out = append(out, own.message)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
