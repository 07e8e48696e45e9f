package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// table is a golden table: for each unit the hash of its files and, for each
// version and scope, what the real program said of it. It lets the comparison
// run where no systemd is.
type table struct {
	jobs    []job
	hashes  []string
	columns []string
	cells   map[string]map[string]string // file, column: total/hash of the rows, or "refused"
}

func newTable(jobs []job, hashes []string) *table {
	return &table{jobs: jobs, hashes: hashes, cells: map[string]map[string]string{}}
}

func column(version int, user bool) string {
	if user {
		return fmt.Sprintf("%d-user", version)
	}
	return fmt.Sprintf("%d-system", version)
}

func (t *table) add(j job, version int, user bool, r result) {
	c := column(version, user)
	if !slices.Contains(t.columns, c) {
		t.columns = append(t.columns, c)
	}
	if t.cells[j.file] == nil {
		t.cells[j.file] = map[string]string{}
	}
	t.cells[j.file][c] = r.digest()
}

// digest is the total and a hash of all rows.
func (r *result) digest() string {
	if r.refused {
		return "refused"
	}
	names := make([]string, 0, len(r.rows))
	for n := range r.rows {
		names = append(names, n)
	}
	slices.Sort(names)
	h := sha256.New()
	for _, n := range names {
		x := r.rows[n]
		if x.Set == nil {
			fmt.Fprintf(h, "%s n/a %d %d\n", n, x.Weight, x.Range)
			continue
		}
		e := "-"
		if x.Exposure != nil {
			e = *x.Exposure
		}
		fmt.Fprintf(h, "%s %v %d %d %d %s\n", n, *x.Set, x.Weight, x.Badness, x.Range, e)
	}
	return r.total + "/" + hex.EncodeToString(h.Sum(nil))[:8]
}

// bytes formats the table; head lines come first, as comments.
func (t *table) bytes(head string) []byte {
	slices.Sort(t.columns)
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", head)
	fmt.Fprint(&b, "files")
	for _, c := range t.columns {
		fmt.Fprint(&b, "\t", c)
	}
	fmt.Fprintln(&b)
	for i, j := range t.jobs {
		fmt.Fprint(&b, t.hashes[i])
		for _, c := range t.columns {
			fmt.Fprint(&b, "\t", cmp.Or(t.cells[j.file][c], "-"))
		}
		fmt.Fprintln(&b)
	}
	return b.Bytes()
}

// goldenTable is a table read back.
type goldenTable struct {
	columns []string
	rows    [][]string // hash, cells
}

func readTable(src []byte) goldenTable {
	var t goldenTable
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSuffix(line, "\n")
		cells := strings.Split(line, "\t")
		switch {
		case strings.HasPrefix(line, "#"):
		case cells[0] == "files":
			t.columns = cells[1:]
		default:
			t.rows = append(t.rows, cells)
		}
	}
	return t
}
