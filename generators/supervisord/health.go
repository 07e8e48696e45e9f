package supervisord

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
)

// health adds the program that tests the service and restarts it through
// supervisorctl, and the script with the test.
func (r *renderer) health(d *spec.Daemon, o chain.Options, instance, full string) {
	h := &d.Healthcheck
	test := healthTest(h)
	if test == nil {
		return
	}
	check, loop := helper(d.Name, "check", instance), helper(d.Name, "health", instance)
	r.bundle.Add(check, 0o755, r.asDaemon(d, o, test))
	sleep := func(t spec.Duration) string { return "/bin/sleep " + fraction(t) + "\n" }
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Tests " + full + " and restarts it when it is not well. Written by daemonize; changes are lost at the next install.\nfailures=0\n")
	if h.StartPeriod > 0 {
		b.WriteString(sleep(h.StartPeriod))
	}
	b.WriteString("while :; do\n\t" + sleep(h.Interval) + "\tif ")
	if h.Timeout > 0 && h.Timeout != spec.Infinity {
		b.WriteString("/usr/bin/timeout --kill-after=5 " + fraction(h.Timeout) + " ")
	}
	b.WriteString(shell.Quote(check) + " </dev/null; then\n\t\tfailures=0\n\t\tcontinue\n\tfi\n" +
		// What is stopped, starting or given up is not ours to start.
		"\tif ! " + supervisorctl + " status " + full + " >/dev/null; then\n\t\tfailures=0\n\t\tcontinue\n\tfi\n" +
		"\tfailures=$((failures + 1))\n" +
		"\t[ \"$failures\" -ge " + strconv.Itoa(h.Retries) + " ] || continue\n" +
		"\techo '" + full + " failed its test '\"$failures\"' times: restarting it'\n" +
		"\t" + supervisorctl + " restart " + full + "\n\tfailures=0\n")
	if h.StartPeriod > 0 {
		b.WriteString("\t" + sleep(h.StartPeriod))
	}
	b.WriteString("done\n")
	r.bundle.Add(loop, 0o755, []byte(b.String()))
	job := d.Name + "-health"
	if instance != "" {
		job = d.Name + "-" + instance + "-health"
	}
	line, _ := encodeCommand([]string{loop})
	enable := d.Install.Enable && len(d.Timers) == 0
	s := section{name: "program:" + job}
	s.set("command", line)
	s.set("directory", "/")
	s.yes("autostart", enable)
	s.yes("autorestart", true)
	s.yes("stopasgroup", true)
	s.yes("killasgroup", true)
	s.yes("redirect_stderr", true)
	r.sections = append(r.sections, s)
	r.bundle.Jobs = append(r.bundle.Jobs, generators.Job{Name: job, Enable: enable, Start: d.Install.Start && len(d.Timers) == 0})
}

// healthTest returns the command of the test. Values are arguments of the
// scripts, never part of them.
func healthTest(h *spec.Healthcheck) spec.Command {
	switch {
	case len(h.Test) > 0:
		return h.Test
	case h.HTTP != "":
		return spec.Command{"/bin/sh", "-c", "if command -v curl >/dev/null; then exec curl --fail --silent --show-error --output /dev/null \"$1\"; fi; exec wget -q -O /dev/null \"$1\"", "check", h.HTTP}
	case h.TCP != "":
		i := strings.LastIndexByte(h.TCP, ':')
		host := strings.Trim(h.TCP[:i], "[]")
		return spec.Command{"/bin/sh", "-c", "if command -v nc >/dev/null; then exec nc -z \"$1\" \"$2\"; fi; exec bash -c 'exec 3<>\"/dev/tcp/$1/$2\"' check \"$1\" \"$2\"", "check", host, h.TCP[i+1:]}
	}
	return nil
}

// fraction writes seconds for sleep(1) and timeout(1), which take decimals.
func fraction(d spec.Duration) string {
	if d.Whole() {
		return strconv.FormatInt(int64(d/spec.Second), 10)
	}
	return strconv.FormatFloat(float64(d)/float64(spec.Second), 'f', -1, 64)
}
