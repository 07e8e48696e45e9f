package chain

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
)

// HealthTest returns the command of the health check, nil if there is none.
// Values are arguments of scripts, never part of them.
func HealthTest(h *spec.Healthcheck) spec.Command {
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

// HealthLoop returns a script that tests a job for ever and restarts it when
// it is not well, for managers that run the script as a second job. check is
// the script of the test, running a command that succeeds while the job is
// up, restart the one that restarts it.
func HealthLoop(job string, h *spec.Healthcheck, check string, running, restart []string) []byte {
	sleep := func(t spec.Duration) string { return "/bin/sleep " + seconds(t) + "\n" }
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Tests " + job + " and restarts it when it is not well. Written by daemonize; changes are lost at the next install.\nfailures=0\n")
	if h.StartPeriod > 0 {
		b.WriteString(sleep(h.StartPeriod))
	}
	b.WriteString("while :; do\n\t" + sleep(h.Interval) + "\tif ")
	if h.Timeout > 0 && h.Timeout != spec.Infinity {
		b.WriteString("/usr/bin/timeout --kill-after=5 " + seconds(h.Timeout) + " ")
	}
	b.WriteString(shell.Quote(check) + " </dev/null; then\n\t\tfailures=0\n\t\tcontinue\n\tfi\n" +
		// What is stopped, starting or given up is not ours to start.
		"\tif ! " + shell.Join(running) + " >/dev/null; then\n\t\tfailures=0\n\t\tcontinue\n\tfi\n" +
		"\tfailures=$((failures + 1))\n" +
		"\t[ \"$failures\" -ge " + strconv.Itoa(h.Retries) + " ] || continue\n" +
		"\techo '" + job + " failed its test '\"$failures\"' times: restarting it'\n" +
		"\t" + shell.Join(restart) + "\n\tfailures=0\n")
	if h.StartPeriod > 0 {
		b.WriteString("\t" + sleep(h.StartPeriod))
	}
	b.WriteString("done\n")
	return []byte(b.String())
}
