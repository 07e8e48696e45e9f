package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening"
)

// Baseline is what an earlier audit found, so that only what is new counts.
type Baseline struct {
	scores map[string]hardening.Exposure
	known  map[string]bool
}

// BaselineVersion is the version of the file format.
const BaselineVersion = 1

type baselineFile struct {
	Version  int               `json:"version"`
	Units    []baselineUnit    `json:"units"`
	Findings []baselineFinding `json:"findings"`
}

type baselineUnit struct {
	Unit     string             `json:"unit"`
	Backend  string             `json:"backend"`
	Exposure hardening.Exposure `json:"exposure"`
}

type baselineFinding struct {
	Fingerprint string `json:"fingerprint"`
	ID          string `json:"id"`
	Unit        string `json:"unit"`
	Message     string `json:"message"` // for people; the fingerprint counts
}

// ReadBaseline reads a baseline.
func ReadBaseline(src []byte) (*Baseline, error) {
	var f baselineFile
	if err := json.Unmarshal(src, &f); err != nil {
		return nil, fmt.Errorf("cannot read the baseline: %w", err)
	}
	if f.Version != BaselineVersion {
		return nil, errors.New("cannot read the baseline: its version is " + strconv.Itoa(f.Version) + ", not " + strconv.Itoa(BaselineVersion))
	}
	b := &Baseline{scores: map[string]hardening.Exposure{}, known: map[string]bool{}}
	for _, u := range f.Units {
		b.scores[u.Backend+"\x00"+u.Unit] = u.Exposure
	}
	for _, g := range f.Findings {
		b.known[g.Fingerprint] = true
	}
	return b, nil
}

// Apply marks the findings that the baseline has.
func (b *Baseline) Apply(r *hardening.Result) {
	for i, id := range fingerprints(r) {
		if f := &r.Findings[i]; f.Suppressed == "" && b.known[id] {
			f.Suppressed = hardening.InBaseline
		}
	}
}

// Covers reports whether the baseline has the unit with this exposure or a
// higher one.
func (b *Baseline) Covers(r *hardening.Result) bool {
	had, ok := b.scores[r.Backend+"\x00"+r.Unit]
	return ok && r.Exposure != nil && *r.Exposure <= had
}

// fingerprints name the findings of a result by what they say and where, but
// not by their lines or the directory of the file: they stay when lines are
// added above, and on another machine. Equal findings are counted.
func fingerprints(r *hardening.Result) []string {
	seen := map[string]int{}
	out := make([]string, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		h := sha256.New()
		for _, s := range [...]string{f.ID, r.Backend, r.Unit, path.Base(f.File), f.Message} {
			h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
		}
		id := hex.EncodeToString(h.Sum(nil)[:8])
		if seen[id]++; seen[id] > 1 {
			id += "#" + strconv.Itoa(seen[id])
		}
		out[i] = id
	}
	return out
}

// Recorder collects a baseline. Of each finding it keeps one line.
type Recorder struct{ file baselineFile }

// Add records the score and the findings of a result that are not suppressed
// for a reason of their own.
func (w *Recorder) Add(r *hardening.Result) {
	if r.Exposure != nil {
		w.file.Units = append(w.file.Units, baselineUnit{r.Unit, r.Backend, *r.Exposure})
	}
	for i, id := range fingerprints(r) {
		if f := &r.Findings[i]; f.Suppressed == "" || f.Suppressed == hardening.InBaseline {
			w.file.Findings = append(w.file.Findings, baselineFinding{id, f.ID, r.Unit, f.Message})
		}
	}
}

// Write writes the baseline in an order that depends on nothing but what it
// holds, so that its changes can be reviewed.
func (w *Recorder) Write(out io.Writer) error {
	f := baselineFile{Version: BaselineVersion, Units: slices.Clone(w.file.Units), Findings: slices.Clone(w.file.Findings)}
	slices.SortFunc(f.Units, func(a, b baselineUnit) int {
		return cmp.Or(strings.Compare(a.Unit, b.Unit), strings.Compare(a.Backend, b.Backend), cmp.Compare(b.Exposure, a.Exposure))
	})
	f.Units = slices.CompactFunc(f.Units, func(a, b baselineUnit) bool { return a.Unit == b.Unit && a.Backend == b.Backend })
	slices.SortFunc(f.Findings, func(a, b baselineFinding) int {
		return cmp.Or(strings.Compare(a.Unit, b.Unit), strings.Compare(a.ID, b.ID), strings.Compare(a.Message, b.Message), strings.Compare(a.Fingerprint, b.Fingerprint))
	})
	f.Findings = slices.Compact(f.Findings)
	if f.Units == nil {
		f.Units = []baselineUnit{}
	}
	if f.Findings == nil {
		f.Findings = []baselineFinding{}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return fmt.Errorf("cannot write the baseline: %w", err)
	}
	return nil
}
