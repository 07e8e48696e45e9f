package hardening

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/daemonize/daemonize/hardening/unit"
)

// ReportVersion is the version of the JSON form of [Report]. It changes only
// when a key changes its meaning or goes away.
const ReportVersion = 1

// Report is the JSON form of an audit.
type Report struct {
	Version int      `json:"version"` // ReportVersion
	Units   []Result `json:"units"`
}

// Result is the JSON form of one audited unit. A unit without a score has a
// null exposure and rating; the error says why it could not be read, or the
// note why there is none.
type Result struct {
	Unit     string    `json:"unit"`
	Path     string    `json:"path"`
	Backend  string    `json:"backend"`  // systemd, launchd, supervisord, sysvinit
	Systemd  int       `json:"systemd"`  // the version whose rules were applied; 0 for other backends
	Exposure *Exposure `json:"exposure"` // 9.6
	Rating   *string   `json:"rating"`
	Error    *string   `json:"error"`
	// Note says why a unit that was read has no score: no score exists for its
	// manager, or it starts no processes. Empty otherwise.
	Note     string    `json:"note,omitempty"`
	Rows     []Row     `json:"rows"`
	Findings []Finding `json:"findings"`

	// Scope is the manager; it is not part of the JSON form.
	Scope unit.Scope `json:"-"`
}

// Finding is one problem that a rule reports.
type Finding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Fix      string `json:"fix"`
	// Suppressed is the reason for which the finding does not count; empty when
	// it does. What a baseline holds has the reason [InBaseline].
	Suppressed string `json:"suppressed,omitempty"`
}

// InBaseline is the reason of findings that are suppressed because the
// baseline has them.
const InBaseline = "in the baseline"

// The severities of findings.
const (
	SeverityInfo     = "info"     // good to know
	SeverityLow      = "low"      // untidy, or defence in depth
	SeverityMedium   = "medium"   // makes an attack worse
	SeverityHigh     = "high"     // gives an attacker a step
	SeverityCritical = "critical" // gives an attacker the machine
)

// SeverityRank orders severities: 1 is info, 5 is critical, 0 is none of
// them.
func SeverityRank(s string) int { return slices.Index(severities[:], s) + 1 }

var severities = [...]string{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}

// Result returns the JSON form of an assessment.
func (a *Assessment) Result() Result {
	rating := a.Rating()
	return Result{Unit: a.Unit, Path: a.Path, Backend: "systemd", Systemd: a.Systemd,
		Exposure: &a.Exposure, Rating: &rating, Rows: a.Rows, Findings: []Finding{}, Scope: a.Scope}
}

// Failed returns the JSON form of a unit that has no score.
func Failed(name, path string, systemd int, err error) Result {
	text := err.Error()
	return Result{Unit: name, Path: path, Backend: "systemd", Systemd: systemd, Error: &text, Rows: []Row{}, Findings: []Finding{}}
}

// MarshalJSON writes the score as a number with one decimal.
func (e Exposure) MarshalJSON() ([]byte, error) { return e.append(nil), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Exposure) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*e = Exposure(math.Round(f * 10))
	return nil
}

// MarshalJSON writes the row with the keys of the real program. As there, set
// and exposure are null where the check does not apply, exposure is null for a
// passed check and a string otherwise. Its badness is 2^64-1 where a check
// does not apply; here it is null, because most readers of JSON cannot hold
// that number.
func (r Row) MarshalJSON() ([]byte, error) { return r.append(nil), nil }

// append writes the row. Names and keys come from the table of checks and
// need no escaping.
func (r *Row) append(b []byte) []byte {
	b = append(b, `{"name":"`...)
	b = append(b, r.Name...)
	b = append(b, `","json_field":"`...)
	b = append(b, r.JSONField...)
	b = append(b, `","set":`...)
	if r.Applies {
		b = strconv.AppendBool(b, r.Set())
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"weight":`...)
	b = strconv.AppendUint(b, r.Weight, 10)
	b = append(b, `,"badness":`...)
	if r.Applies {
		b = strconv.AppendUint(b, r.Badness, 10)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"range":`...)
	b = strconv.AppendUint(b, r.Range, 10)
	b = append(b, `,"exposure":`...)
	if r.Applies && r.Badness > 0 {
		b = append(b, '"')
		b = r.Exposure.append(b)
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	return append(b, '}')
}

func (e Exposure) append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(e/10), 10)
	b = append(b, '.')
	return strconv.AppendUint(b, uint64(e%10), 10)
}

// Encoder writes a [Report] unit by unit, so that an audit of any size needs
// the memory of one unit. The bytes are those of json.Marshal.
type Encoder struct {
	w     io.Writer
	buf   []byte
	begun bool
}

// NewEncoder returns an encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w} }

// Encode writes one unit.
func (e *Encoder) Encode(r *Result) error {
	e.start()
	// Everything but the rows is small enough for the general encoder.
	head := *r
	head.Rows = nil
	b, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("cannot write the result of %s: %w", r.Unit, err)
	}
	const hole = `"rows":null,"findings":`
	at := bytes.LastIndex(b, []byte(hole))
	if r.Rows == nil || at < 0 {
		e.buf = append(e.buf, b...)
	} else {
		e.buf = append(e.buf, b[:at]...)
		e.buf = append(e.buf, `"rows":[`...)
		for i := range r.Rows {
			if i > 0 {
				e.buf = append(e.buf, ',')
			}
			e.buf = r.Rows[i].append(e.buf)
		}
		e.buf = append(e.buf, `],`...)
		e.buf = append(e.buf, b[at+len(`"rows":null,`):]...)
	}
	return e.flush()
}

// Close writes the end of the report.
func (e *Encoder) Close() error {
	if !e.begun {
		e.start()
	}
	e.buf = append(e.buf, "]}\n"...)
	return e.flush()
}

func (e *Encoder) start() {
	if e.begun {
		e.buf = append(e.buf, ',')
		return
	}
	e.begun = true
	e.buf = append(e.buf, `{"version":`...)
	e.buf = strconv.AppendInt(e.buf, ReportVersion, 10)
	e.buf = append(e.buf, `,"units":[`...)
}

func (e *Encoder) flush() error {
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	return err
}
