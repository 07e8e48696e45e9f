package s6

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/supervise"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// The sizes that s6-log takes (s6-log.html, "Rotations").
const (
	smallestLog spec.Size = 4096
	largestLog  spec.Size = 268435455
)

// logger is what becomes of the output.
type logger struct {
	out, err string
	pipe     bool // to the service's logger
	files    bool // at least one stream is a file or null
	opens    bool // execline can open them
}

// logging decides what becomes of the output.
func (c *copyOf) logging() logger {
	l := logger{out: c.d.Logging.Stdout, err: c.d.Logging.Stderr}
	if l.err == "" {
		l.err = l.out
	}
	l.pipe = piped(l.out) || piped(l.err)
	l.opens = true
	for _, to := range [...]string{l.out, l.err} {
		if !piped(to) && to != "inherit" {
			l.files = true
		}
		if strings.HasPrefix(to, "file:") { // nothing of execline makes a file without truncating it
			l.opens = false
		}
	}
	for _, f := range supervise.LogFiles(c.d) {
		if !slices.Contains(c.logs, f) {
			c.renderer.logs = append(c.renderer.logs, f)
		}
	}
	if piped(l.out) && piped(l.err) && l.out != l.err {
		c.lose(field.LoggingStderr, "logging.stderr", generators.Approximate, "both streams go to the one logger of the service, and so to the log directory and to syslog")
	}
	return l
}

func piped(stream string) bool { return stream == "journal" || stream == "syslog" }

// connect connects the descriptors to the logger. s6-supervise gives run the
// pipe as standard output, and its own standard error.
func (l *logger) connect(s *script) {
	switch {
	case l.pipe && l.out == "inherit":
		s.line("fdswap", "1", "2")
	case l.pipe && piped(l.err):
		s.line("fdmove", "-c", "2", "1")
	}
}

// open opens files as execline does.
func (l *logger) open(s *script) {
	one := func(fd, to string) {
		switch path, file := strings.CutPrefix(to, "append:"); {
		case file:
			s.line("redirfd", "-a", fd, path)
		case to == "null":
			s.line("redirfd", "-w", fd, "/dev/null")
		}
	}
	one("1", l.out)
	if l.err == l.out && l.files {
		s.line("fdmove", "-c", "2", "1")
		return
	}
	one("2", l.err)
}

// syslogScript goes on reading where there is no syslog, as a service whose
// logger ends would wait for ever once the pipe is full.
const syslogScript = bin + `logger "$@" || exec /bin/cat >/dev/null`

// logService writes the service that logs: s6-log, and logger for what goes to
// syslog.
func (c *copyOf) logService() {
	if !c.log.pipe {
		return
	}
	l := &c.d.Logging
	journal := c.log.out == "journal" || c.log.err == "journal"
	syslog := c.log.out == "syslog" || c.log.err == "syslog" || l.Identifier != "" || l.Facility != "" || l.Level != ""
	s := execline("-P", "Logs "+c.job)
	var send []string
	if syslog {
		tag, facility, level := l.Identifier, l.Facility, l.Level
		if tag == "" {
			tag = c.job
		}
		if facility == "" {
			facility = "daemon"
		}
		if level == "" {
			level = "info"
		}
		send = []string{"/bin/sh", "-c", syslogScript, "sh", "-t", tag, "-p", facility + "." + level}
	}
	if journal {
		keep, size := 10, spec.Size(1<<20)
		if l.Rotate.Size > 0 {
			keep, size = l.Rotate.Keep, min(max(l.Rotate.Size, smallestLog), largestLog)
		}
		log := []string{bin + "s6-log"}
		if syslog {
			s.block([]string{"pipeline", "-w"}, send...)
			log = append(log, "1") // copies the lines to its output
		}
		s.block([]string{"if"}, "/bin/mkdir", "-p", "-m", "0755", strings.TrimSuffix(logs, "/"))
		s.line(append(log, "n"+strconv.Itoa(keep), "s"+strconv.FormatInt(int64(size), 10), "T", logs+c.job)...)
	} else {
		s.line(send...)
	}
	if !c.rc {
		c.dir.add("log/run", 0o755, s.bytes())
		return
	}
	name := c.job + "-log"
	dir := directory{job: name}
	dir.value("type", "longrun")
	dir.add("run", 0o755, s.bytes())
	dir.value("consumer-for", c.job)
	c.dir.value("producer-for", name)
	c.dir.value("pipeline-name", c.job+"-pipeline")
	c.dirs = append(c.dirs, dir)
}
