package report

import (
	"io"

	"github.com/daemonize/daemonize/hardening"
)

// GitLab returns a writer of the Code Quality report of GitLab CI
// (https://docs.gitlab.com/ci/testing/code_quality/), which merge requests
// show. Suppressed findings are left out: it has no word for them. It streams.
func GitLab(w io.Writer) Writer { return &gitlab{w: w} }

type (
	gitlabIssue struct {
		Description string         `json:"description"`
		Check       string         `json:"check_name"`
		Fingerprint string         `json:"fingerprint"`
		Severity    string         `json:"severity"`
		Location    gitlabLocation `json:"location"`
	}
	gitlabLocation struct {
		Path  string      `json:"path"`
		Lines gitlabLines `json:"lines"`
	}
	gitlabLines struct {
		Begin int `json:"begin"`
	}
)

type gitlab struct {
	w      io.Writer
	began  bool
	issues int
}

func (g *gitlab) start() []byte {
	if g.began {
		return nil
	}
	g.began = true
	return []byte("[")
}

func (g *gitlab) Unit(r *hardening.Result) error {
	out := g.start()
	ids := identities{}
	for i := range r.Findings {
		f := &r.Findings[i]
		id := ids.of(r, f)
		if f.Suppressed != "" {
			continue
		}
		issue := gitlabIssue{message(f), f.ID, id, gitlabSeverity(f.Severity), gitlabLocation{file(r, f), gitlabLines{max(f.Line, 1)}}}
		var err error
		if out, err = appendJSON(out, g.issues > 0, issue); err != nil {
			return err
		}
		g.issues++
	}
	_, err := g.w.Write(out)
	return err
}

func (g *gitlab) Close() error {
	_, err := g.w.Write(append(g.start(), "\n]\n"...))
	return err
}

func gitlabSeverity(severity string) string {
	switch severity {
	case hardening.SeverityCritical:
		return "blocker"
	case hardening.SeverityHigh:
		return "critical"
	case hardening.SeverityMedium:
		return "major"
	case hardening.SeverityLow:
		return "minor"
	}
	return "info"
}
