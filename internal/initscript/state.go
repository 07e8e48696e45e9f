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

// Inspect adds what the files of the scripts tell.
func Inspect(h generators.Host, s *generators.Status) {
	dir := supervise.Dir(s.Job) + "/"
	if last, err := h.ReadFile(dir + "last"); err == nil {
		count, text, _ := strings.Cut(strings.TrimSpace(string(last)), " ")
		s.Restarts, _ = strconv.Atoi(count)
		s.Exit = ended(text)
	}
	if state, err := h.ReadFile(dir + "state"); err == nil {
		if _, text, ok := strings.Cut(strings.TrimSpace(string(state)), " "); ok {
			if e := ended(text); e.Words != "" {
				s.Exit = e
			}
		}
	}
	if s.PID > 0 {
		s.Since, _ = generators.Process(h, s.PID)
	}
}

// ended reads the words of the supervisor (describe in superviseHead).
func ended(text string) generators.Exit {
	number := func(after string) (int, bool) {
		_, rest, ok := strings.Cut(text, after)
		digits := strings.IndexFunc(rest+" ", func(r rune) bool { return r < '0' || r > '9' })
		n, err := strconv.Atoi(rest[:digits])
		return n, ok && err == nil
	}
	if n, ok := number("ended by signal "); ok {
		return generators.Killed(n)
	}
	if n, ok := number("ended with status "); ok {
		return generators.Exited(n)
	}
	if n, ok := number("could not be run (status "); ok {
		e := generators.Exited(n)
		e.Words += ": the program does not exist or cannot be executed"
		return e
	}
	return generators.Exit{}
}

// Sources returns where the output of a job can be read, also of one whose
// script is somebody else's.
func Sources(h generators.Host, job string) []generators.Source {
	var sources []generators.Source
	tags := []string{job}
	for _, script := range runScripts(job) {
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

// runScripts are where the script that starts a job can be: that of NAME-INSTANCE
// is among those of NAME, and a name may hold hyphens.
func runScripts(job string) []string {
	paths := []string{chain.Dir(job) + "/run"}
	for i := len(job) - 1; i > 0; i-- {
		if job[i] == '-' {
			paths = append(paths, chain.Dir(job[:i])+"/run-"+job[i+1:])
		}
	}
	return paths
}
