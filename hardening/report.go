package hardening

import (
	"encoding/json"
	"math"
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
// null exposure and rating, and the error says why.
type Result struct {
	Unit     string    `json:"unit"`
	Path     string    `json:"path"`
	Backend  string    `json:"backend"`  // systemd, launchd, supervisord, sysvinit
	Systemd  int       `json:"systemd"`  // the version whose rules were applied; 0 for other backends
	Exposure *Exposure `json:"exposure"` // 9.6
	Rating   *string   `json:"rating"`
	Error    *string   `json:"error"`
	Rows     []Row     `json:"rows"`
	Findings []Finding `json:"findings"`
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
}

// Result returns the JSON form of an assessment.
func (a *Assessment) Result() Result {
	rating := a.Rating()
	return Result{Unit: a.Unit, Path: a.Path, Backend: "systemd", Systemd: a.Systemd,
		Exposure: &a.Exposure, Rating: &rating, Rows: a.Rows, Findings: []Finding{}}
}

// Failed returns the JSON form of a unit that has no score.
func Failed(name, path string, systemd int, err error) Result {
	text := err.Error()
	return Result{Unit: name, Path: path, Backend: "systemd", Systemd: systemd, Error: &text, Rows: []Row{}, Findings: []Finding{}}
}

// MarshalJSON writes the score as a number with one decimal.
func (e Exposure) MarshalJSON() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Exposure) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*e = Exposure(math.Round(f * 10))
	return nil
}

// rowJSON has the keys of the real program. As there, set and exposure are
// null where the check does not apply, exposure is null for a passed check,
// and a string otherwise. Its badness is 2^64-1 where a check does not apply;
// here it is null, because most readers of JSON cannot hold that number.
type rowJSON struct {
	Name     string  `json:"name"`
	Field    string  `json:"json_field"`
	Set      *bool   `json:"set"`
	Weight   uint64  `json:"weight"`
	Badness  *uint64 `json:"badness"`
	Range    uint64  `json:"range"`
	Exposure *string `json:"exposure"`
}

// MarshalJSON writes the row with the keys of the real program.
func (r Row) MarshalJSON() ([]byte, error) {
	out := rowJSON{Name: r.Name, Field: r.JSONField, Weight: r.Weight, Range: r.Range}
	if r.Applies {
		set := r.Set()
		out.Set, out.Badness = &set, &r.Badness
		if r.Badness > 0 {
			s := r.Exposure.String()
			out.Exposure = &s
		}
	}
	return json.Marshal(out)
}
