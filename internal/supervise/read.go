package supervise

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
)

// Inspect adds what the files of the scripts tell.
func Inspect(h generators.Host, s *generators.Status) {
	dir := Dir(s.Job) + "/"
	if last, err := h.ReadFile(dir + "last"); err == nil {
		count, text, _ := strings.Cut(strings.TrimSpace(string(last)), " ")
		s.Restarts, _ = strconv.Atoi(count)
		s.Exit = Ended(text)
	}
	if state, err := h.ReadFile(dir + "state"); err == nil {
		if _, text, ok := strings.Cut(strings.TrimSpace(string(state)), " "); ok {
			if e := Ended(text); e.Words != "" {
				s.Exit = e
			}
		}
	}
	if s.PID > 0 {
		s.Since, _ = generators.Process(h, s.PID)
	}
}

// Ended reads how a process ended from the words of describe in [Leftovers].
func Ended(text string) generators.Exit {
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

// RunScripts are where the script that starts a job can be: that of NAME-INSTANCE
// is among those of NAME, and a name may hold hyphens.
func RunScripts(job string) []string {
	paths := []string{chain.Dir(job) + "/run"}
	for i := len(job) - 1; i > 0; i-- {
		if job[i] == '-' {
			paths = append(paths, chain.Dir(job[:i])+"/run-"+job[i+1:])
		}
	}
	return paths
}
