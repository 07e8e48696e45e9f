package install

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/host"
)

// Action is what a recovery did.
type Action string

// The actions.
const (
	NothingDone Action = "none"      // there was nothing to do
	Undone      Action = "undone"    // everything is as before the operation
	Completed   Action = "completed" // everything is as after the operation
	Forgotten   Action = "forgotten" // everything was left as it is
	Tidied      Action = "tidied"    // nothing but traces without meaning were left
)

// Recovery is what a recovery found and did.
type Recovery struct {
	// Operation that was interrupted: install or uninstall; empty for none.
	Operation string     `json:"operation,omitempty"`
	Begun     *time.Time `json:"begun,omitempty"`
	Daemons   []string   `json:"daemons"`
	Action    Action     `json:"action"`
	Restored  []string   `json:"restored"` // paths that were put back or removed
	Commands  [][]string `json:"commands"` // that were run
	// Errors of commands; the files are as Action says nevertheless.
	Errors []string `json:"errors"`
}

// RecoverOptions change how Recover works.
type RecoverOptions struct {
	Force  bool // put files back even if somebody changed them since
	Forget bool // leave everything as it is, and forget about it
}

// Pending returns what [Recover] would find: nil for nothing. It changes nothing.
func Pending(h host.Host, ctl Manager, t generators.Target) (*Recovery, error) {
	p, j, committed, err := readJournal(h, ctl, t)
	if p == nil || err != nil {
		return nil, err
	}
	r := found(j)
	r.Action = Undone
	if committed {
		r.Action = Completed
	}
	return r, nil
}

func found(j *journal) *Recovery {
	r := &Recovery{Daemons: []string{}, Action: NothingDone, Restored: []string{}, Commands: [][]string{}, Errors: []string{}}
	if j != nil {
		r.Operation, r.Begun, r.Daemons = j.Operation, &j.Begun, append(r.Daemons, j.Daemons...)
	}
	return r
}

// Recover finishes an operation that was interrupted: it is undone, or
// completed if only what cannot be undone is left of it. The caller holds the
// lock. With an error the journal is kept, and Recover can be tried again.
func Recover(ctx context.Context, h host.Host, ctl Manager, t generators.Target, clock Clock, o RecoverOptions) (*Recovery, error) {
	p, j, committed, err := readJournal(h, ctl, t)
	if o.Forget && (p != nil || err != nil) {
		rec := found(j)
		rec.Action = Forgotten
		p = &Plan{h: h, Outcomes: []Outcome{{Target: t}}}
		return rec, p.end([]string{StateDir(t)})
	}
	if err != nil {
		return nil, err
	}
	rec := found(j)
	if p == nil {
		err := tidy(h, t, rec)
		return rec, err
	}
	r := &runner{Plan: p, clock: clock, result: &Result{}, last: map[string]generators.Status{}, force: o.Force, recovering: true}
	ctx, cancel := context.WithTimeout(ctx, undoLimit)
	defer cancel()
	if committed {
		rec.Action = Completed
		err = r.purge(ctx, p.Steps)
	} else {
		rec.Action = Undone
		err = r.undo(ctx, p.Steps)
		if m, ok := errors.AsType[managerErrors](err); ok { // the files are back: trying again would not help
			for _, e := range m {
				rec.Errors = append(rec.Errors, e.Error())
			}
			err = nil
		}
	}
	rec.Restored, rec.Commands = append(rec.Restored, r.restored...), append(rec.Commands, r.ran...)
	if err != nil {
		return rec, fmt.Errorf("cannot recover from the interrupted %s of %s: %w", j.Operation, strings.Join(j.Daemons, ", "), err)
	}
	if err := p.end(append(p.around(!committed), StateDir(t))); err != nil {
		return rec, err
	}
	return rec, tidy(h, t, &Recovery{})
}

// tidy removes what an operation leaves that was killed before its journal was
// complete, or after it was removed.
func tidy(h host.Host, t generators.Target, rec *Recovery) error {
	for _, dir := range []string{journalDir(t), StateDir(t)} {
		names, err := h.Names(dir)
		if err != nil {
			continue
		}
		left := len(names)
		for _, n := range names {
			if strings.HasPrefix(n, host.TemporaryPrefix) || dir == journalDir(t) && n == commitFile {
				if err := h.Remove(path.Join(dir, n)); err != nil {
					return fmt.Errorf("cannot remove what an interrupted operation left: %w", err)
				}
				rec.Action, rec.Restored = Tidied, append(rec.Restored, path.Join(dir, n))
				left--
			}
		}
		// An empty directory is not worth an error: it may be a mount point.
		if left == 0 && h.Remove(dir) == nil {
			rec.Action, rec.Restored = Tidied, append(rec.Restored, dir)
		}
	}
	return nil
}
