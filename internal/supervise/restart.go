package supervise

import (
	"math"
	"strconv"

	"github.com/daemonize/daemonize/spec"
)

// Judge returns the body of a function that sets outcome to clean, code, signal
// or timeout by status, as sh has it, and verdict. What is clean is what
// systemd.service(5) says under SuccessExitStatus=.
func Judge(d *spec.Daemon) []string {
	clean := []int{0}
	if d.Type != "oneshot" {
		clean = append(clean, 129, 130, 141, 143) // SIGHUP, SIGINT, SIGPIPE, SIGTERM
	}
	return []string{
		"outcome=code",
		"case $verdict in",
		"'') ;;",
		"post_start*)",
		"\tended=$verdict",
		"\treturn",
		"\t;;",
		"*)",
		"\tended=\"it was ended: $verdict\"",
		"\toutcome=timeout",
		"\treturn",
		"\t;;",
		"esac",
		"case $status in",
		StatusPattern(d.Restart.SuccessExit, clean...) + ") outcome=clean ;;",
		"*)",
		"\tif [ \"$status\" -gt 128 ] && [ \"$status\" -le 192 ]; then",
		"\t\toutcome=signal",
		"\tfi",
		"\t;;",
		"esac",
	}
}

// Again returns the body that decides on a restart, in the order of systemd's
// service_shall_restart().
func Again(r *spec.Restart) []string {
	body := []string{`[ "$verdict" != unhealthy ] || return 0`}
	if p := StatusPattern(r.PreventExit); p != "" {
		body = append(body, "case $status in", p+") return 1 ;;", "esac")
	}
	if p := StatusPattern(r.ForceExit); p != "" {
		body = append(body, "case $status in", p+") return 0 ;;", "esac")
	}
	switch r.Policy {
	case "always", "unless-stopped":
		return append(body, "return 0")
	case "on-success":
		return append(body, `[ "$outcome" = clean ]`)
	case "on-failure":
		return append(body, `[ "$outcome" != clean ]`)
	case "on-abnormal":
		return append(body, `[ "$outcome" = signal ] || [ "$outcome" = timeout ]`)
	case "on-abort":
		return append(body, `[ "$outcome" = signal ]`)
	}
	return append(body, "return 1") // no, and on-watchdog, as there is none
}

// MaxSteps bounds the list of delays.
const MaxSteps = 1000

// Delays returns the body that sets delay for the restart of number restarts.
// It grows as in systemd's service_restart_usec_next(): geometrically from
// delay to max_delay.
func Delays(r *spec.Restart) []string {
	if r.Steps <= 0 || r.Steps > MaxSteps || r.MaxDelay == 0 || r.MaxDelay == spec.Infinity || r.MaxDelay <= r.Delay {
		first := Centiseconds(r.Delay)
		if first == "" {
			first = Centiseconds(365 * 24 * 60 * spec.Minute) // infinity: it stays down until told otherwise
		}
		return []string{"delay=" + first}
	}
	body := []string{"case $restarts in"}
	low := max(r.Delay, spec.Microsecond)
	for n := range r.Steps {
		v := float64(low) * math.Pow(float64(r.MaxDelay)/float64(low), float64(n)/float64(r.Steps))
		body = append(body, strconv.Itoa(n+1)+") delay="+Centiseconds(spec.Duration(math.Round(v)))+" ;;")
	}
	return append(body, "*) delay="+Centiseconds(r.MaxDelay)+" ;;", "esac")
}
