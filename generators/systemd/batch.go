package systemd

import (
	"context"
	"fmt"
	"strings"

	"github.com/daemonize/daemonize/generators"
)

// Together reports whether systemctl takes several units for a verb: it queues
// all of them as one, and the manager starts in parallel what no ordering
// forbids (systemctl(1), "start PATTERN...").
func (Generator) Together(v generators.Verb) bool {
	return v == generators.Start || v == generators.Restart || v == generators.Stop
}

// Statuses is Status of several units with one call. systemctl prints their
// properties in the order of the arguments, apart by an empty line.
func (Generator) Statuses(ctx context.Context, h generators.Host, t generators.Target, jobs []string) ([]generators.Status, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	out, err := h.Run(ctx, systemctl(t, append([]string{"show", "--property=" + properties}, jobs...)...))
	if err != nil {
		return nil, fmt.Errorf("cannot ask systemd about %s: %w", strings.Join(jobs, ", "), err)
	}
	blocks := strings.Split(strings.TrimSpace(out.Stdout), "\n\n")
	if out.Code != 0 || len(blocks) != len(jobs) {
		return nil, fmt.Errorf("cannot ask systemd about %s: %s", strings.Join(jobs, ", "), strings.TrimSpace(out.Stderr))
	}
	all := make([]generators.Status, len(jobs))
	for i, b := range blocks {
		all[i] = parseStatus(jobs[i], b)
	}
	return all, nil
}
