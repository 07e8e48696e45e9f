package initscript

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/supervise"
)

// ParseStatus reads what the control script says (initBody, status) and its exit
// code, which for scripts of others is all there is (LSB 3.1, 20.2).
func ParseStatus(s *generators.Status, r generators.Result) {
	text := strings.TrimSpace(r.Stdout)
	if own, ok := strings.CutPrefix(text, s.Job+": "); ok {
		text = own
	}
	s.Detail, _, _ = strings.Cut(text, "\n")
	switch r.Code {
	case 0:
		s.State = generators.Active
		if strings.HasPrefix(text, "is starting") {
			s.State = generators.Starting
		}
	case 1, 2:
		s.State = generators.Failed
		if _, reason, ok := strings.Cut(s.Detail, "has failed: "); ok {
			s.Reason = reason
		}
	case 3:
		s.State = generators.Inactive
		switch {
		case strings.HasPrefix(text, "is waiting"):
			s.State = generators.Starting
			_, s.Reason, _ = strings.Cut(s.Detail, "again: ")
		case strings.HasPrefix(text, "is starting or stopping"):
			s.State = generators.Starting
		}
	}
	if _, after, ok := strings.Cut(text, ", process "); ok {
		digits := after
		if i := strings.IndexFunc(after, func(c rune) bool { return c < '0' || c > '9' }); i >= 0 {
			digits = after[:i]
		}
		s.PID, _ = strconv.Atoi(digits)
	}
}

// Sources returns where the output of a job can be read, also of one whose
// script is somebody else's.
func Sources(h generators.Host, job string) []generators.Source {
	var sources []generators.Source
	tags := []string{job}
	for _, script := range supervise.RunScripts(job) {
		content, err := h.ReadFile(script)
		if err != nil {
			continue
		}
		files, tag := chain.Streams(content)
		for _, f := range files {
			sources = append(sources, generators.Source{Path: f})
		}
		if tag != "" && tag != job {
			tags = append(tags, tag)
		}
		break
	}
	if len(sources) == 0 && !h.Exists("/run/daemonize/"+job) {
		for _, f := range [...]string{"/var/log/" + job + ".log", "/var/log/" + job + "/" + job + ".log"} {
			if h.Exists(f) {
				sources = append(sources, generators.Source{Path: f})
			}
		}
	}
	for _, tag := range tags { // the supervisor's messages are marked with the job
		sources = append(sources, generators.Source{Tag: tag})
	}
	return sources
}
