package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/hardening"
)

// SARIF returns a writer of the Static Analysis Results Interchange Format,
// version 2.1.0 with errata 01, with what GitHub code scanning asks for beyond
// it: https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
// It streams: only the scores are kept, for the properties at the end.
func SARIF(w io.Writer, o Options) Writer { return &sarif{w: w, o: o} }

// The names are those of SARIF. Its objects are far larger; this is what is
// filled in.
type (
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifRule struct {
		ID            string         `json:"id"`
		Short         sarifText      `json:"shortDescription"`
		Full          sarifText      `json:"fullDescription"`
		Help          sarifText      `json:"help"`
		HelpURI       string         `json:"helpUri,omitempty"`
		Configuration sarifLevel     `json:"defaultConfiguration"`
		Properties    sarifRuleExtra `json:"properties"`
	}
	sarifRuleExtra struct {
		Tags []string `json:"tags"`
		// Precision, the levels of problem.severity and the scores of
		// security-severity are GitHub's.
		Precision        string `json:"precision"`
		Problem          string `json:"problem.severity"`
		SecuritySeverity string `json:"security-severity,omitempty"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    *int               `json:"ruleIndex,omitempty"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   sarifResultExtra   `json:"properties"`
	}
	sarifResultExtra struct {
		Severity string              `json:"severity"`
		Backend  string              `json:"backend"`
		Exposure *hardening.Exposure `json:"exposure"`
		Rating   *string             `json:"rating"`
		Fix      string              `json:"fix,omitempty"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifUnit struct {
		Unit     string              `json:"unit"`
		Path     string              `json:"path"`
		Backend  string              `json:"backend"`
		Systemd  int                 `json:"systemd,omitempty"`
		Exposure *hardening.Exposure `json:"exposure"`
		Rating   *string             `json:"rating"`
		Error    *string             `json:"error"`
	}
)

const (
	srcRoot       = "%SRCROOT%" // the name that code scanning gives to the repository
	fingerprint   = "daemonizeFinding/v1"
	sarifSchema   = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	informationAt = "https://github.com/daemonize/daemonize"
)

type sarif struct {
	w       io.Writer
	o       Options
	began   bool
	results int
	// Written at the end, encoded and each but the first preceded by a comma.
	notifications, units []byte
}

func (s *sarif) start() ([]byte, error) {
	if s.began {
		return nil, nil
	}
	s.began = true
	rules := make([]sarifRule, len(s.o.Rules))
	for i, r := range s.o.Rules {
		rules[i] = describe(r)
	}
	b, err := json.Marshal(rules)
	if err != nil {
		return nil, fmt.Errorf("cannot write the rules: %w", err)
	}
	driver := `"name":"daemonize","informationUri":"` + informationAt + `"`
	if s.o.Version != "" {
		v, err := json.Marshal(s.o.Version)
		if err != nil {
			return nil, fmt.Errorf("cannot write the version: %w", err)
		}
		driver += `,"version":` + string(v)
	}
	// Columns count characters (diag.Pos).
	return fmt.Appendf(nil, `{"$schema":%q,"version":"2.1.0","runs":[{"tool":{"driver":{%s,"rules":%s}},`+
		`"automationDetails":{"id":"daemonize-audit/"},"columnKind":"unicodeCodePoints",`+
		`"originalUriBaseIds":{%q:{"description":{"text":"The directory in which the audit was run: the root of the repository."}}},`+
		`"results":[`, sarifSchema, driver, b, srcRoot), nil
}

func describe(r Rule) sarifRule {
	d := sarifRule{
		ID: r.ID, Short: sarifText{Text: sentence(r.Title)}, Full: sarifText{Text: r.Reason},
		Help:          sarifText{Text: r.Reason + "\n\n" + r.Fix},
		Configuration: sarifLevel{level(r.Severity)},
		Properties: sarifRuleExtra{
			Tags: []string{"security", "daemon"}, Precision: "high",
			Problem: problem(r.Severity), SecuritySeverity: securitySeverity(r.Severity),
		},
	}
	d.Help.Markdown = escapeMarkdown(r.Reason) + "\n\n**Fix:** " + escapeMarkdown(r.Fix)
	if r.Reference != "" {
		d.Help.Text += "\n\nSee " + r.Reference
		d.Help.Markdown += "\n\n**See:** " + escapeMarkdown(r.Reference)
	}
	for _, n := range cwes(r.Reference) { // as CodeQL does, which code scanning shows
		d.Properties.Tags = append(d.Properties.Tags, "external/cwe/cwe-"+n)
	}
	if isURL(r.Reference) {
		d.HelpURI = r.Reference
	}
	return d
}

func (s *sarif) Unit(r *hardening.Result) error {
	out, err := s.start()
	if err != nil {
		return err
	}
	ids := identities{}
	for i := range r.Findings {
		f := &r.Findings[i]
		result := sarifResult{
			RuleID: f.ID, Level: level(f.Severity), Message: sarifText{Text: linkless(message(f))},
			Locations:    []sarifLocation{locate(r, file(r, f), f.Line, f.Column)},
			Fingerprints: map[string]string{fingerprint: ids.of(r, f)},
			Properties:   sarifResultExtra{f.Severity, r.Backend, r.Exposure, r.Rating, f.Fix},
		}
		if at := slices.IndexFunc(s.o.Rules, func(rule Rule) bool { return rule.ID == f.ID }); at >= 0 {
			result.RuleIndex = &at
		}
		if f.Suppressed != "" {
			kind := "inSource"
			if f.Suppressed == hardening.InBaseline {
				kind = "external"
			}
			result.Suppressions = []sarifSuppression{{kind, f.Suppressed}}
		}
		if out, err = appendJSON(out, s.results > 0, result); err != nil {
			return err
		}
		s.results++
	}
	if unaudited(r) {
		note := sarifNotification{"warning", sarifText{Text: linkless(r.Unit + " was not audited: " + *r.Error)}, []sarifLocation{locate(r, r.Path, 0, 0)}}
		if s.notifications, err = appendJSON(s.notifications, s.notifications != nil, note); err != nil {
			return err
		}
	}
	if s.units, err = appendJSON(s.units, s.units != nil, sarifUnit{r.Unit, r.Path, r.Backend, r.Systemd, r.Exposure, r.Rating, r.Error}); err != nil {
		return err
	}
	_, err = s.w.Write(out)
	return err
}

// appendJSON puts every object on a line of its own.
func appendJSON(to []byte, comma bool, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot write a result: %w", err)
	}
	if comma {
		to = append(to, ',')
	}
	return append(append(to, '\n'), b...), nil
}

func (s *sarif) Close() error {
	out, err := s.start()
	if err != nil {
		return err
	}
	out = append(out, "\n],\"invocations\":[{\"executionSuccessful\":true,\"toolExecutionNotifications\":["...)
	out = append(out, s.notifications...)
	out = append(out, "\n]}],\"properties\":{\"units\":["...)
	out = append(out, s.units...)
	out = append(out, "\n]}}]}\n"...)
	_, err = s.w.Write(out)
	return err
}

// locate says where something is. A finding without a line is about the whole
// file; code scanning takes no location without a line, so it gets the first.
func locate(r *hardening.Result, file string, line, column int) sarifLocation {
	l := sarifLocation{Logical: []sarifLogical{{r.Unit, "module"}}}
	if file != "" {
		l.Physical = &sarifPhysical{artifact(file), sarifRegion{max(line, 1), max(column, 0)}}
	}
	return l
}

// artifact is the address of a file: relative ones start at the root of the
// repository.
func artifact(file string) sarifArtifact {
	if strings.HasPrefix(file, "/") {
		return sarifArtifact{URI: "file://" + escapePath(file)}
	}
	return sarifArtifact{escapePath(strings.TrimPrefix(file, "./")), srcRoot}
}

// escapePath keeps of a path what RFC 3986 calls unreserved, and slashes.
// Everything else is escaped by byte, so any name of a file comes through.
func escapePath(path string) string {
	const hexDigits = "0123456789ABCDEF"
	out := make([]byte, 0, len(path))
	for i := range len(path) {
		switch c := path[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			out = append(out, c)
		default:
			out = append(out, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(out)
}

// identities gives the findings of one unit names that do not depend on their
// lines, so that a finding stays the same when lines are added above it. Equal
// findings are counted.
type identities map[string]int

func (ids identities) of(r *hardening.Result, f *hardening.Finding) string {
	h := sha256.New()
	for _, s := range []string{f.ID, r.Backend, r.Unit, file(r, f), f.Message} {
		// With its length, so that no two lists of strings are the same.
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	id := hex.EncodeToString(h.Sum(nil)[:8])
	ids[id]++
	return id + ":" + strconv.Itoa(ids[id])
}

// file is where a finding is: in the file of the unit unless it says otherwise.
func file(r *hardening.Result, f *hardening.Finding) string {
	if f.File == "" {
		return r.Path
	}
	return f.File
}

// message is a finding as one text.
func message(f *hardening.Finding) string {
	text := sentence(cmp.Or(f.Message, f.ID))
	if f.Fix != "" {
		text += "\nFix: " + sentence(f.Fix)
	}
	return text
}

// sentence starts with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	if c := s[0]; 'a' <= c && c <= 'z' && !strings.ContainsAny(firstWord(s), "_./=:") {
		s = string(c-'a'+'A') + s[1:]
	}
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "!") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// firstWord may be the name of a file or a key, which keeps its case.
func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// linkless keeps a message from being read as a link, [text](target), which is
// the one piece of markup in a plain text of SARIF (3.11.6).
func linkless(s string) string {
	if !strings.Contains(s, "](") {
		return s
	}
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`).Replace(s)
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") && !strings.ContainsAny(s, " \"<>\\^`{|}")
}

// level is how SARIF calls a severity.
func level(severity string) string {
	switch severity {
	case hardening.SeverityCritical, hardening.SeverityHigh:
		return "error"
	case hardening.SeverityMedium:
		return "warning"
	}
	return "note"
}

func problem(severity string) string {
	if l := level(severity); l != "note" {
		return l
	}
	return "recommendation"
}

// securitySeverity lies within the bands that GitHub shows as critical (above
// 9.0), high (7.0), medium (4.0) and low.
func securitySeverity(severity string) string {
	switch severity {
	case hardening.SeverityCritical:
		return "9.5"
	case hardening.SeverityHigh:
		return "8.0"
	case hardening.SeverityMedium:
		return "5.5"
	case hardening.SeverityLow:
		return "2.0"
	}
	return ""
}
