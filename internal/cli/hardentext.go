package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/daemonize/daemonize/hardening/advice"
)

// text writes a plan for people.
func (r *hardened) text(out *bytes.Buffer, risk string) {
	p := r.Plan
	where := p.Path
	if r.File == "" {
		where = "/" + p.Path
	}
	fmt.Fprintf(out, "%s: %s, systemd %d, %s scope\n", p.Unit, where, p.Systemd, p.Scope)
	for i := range p.Programs {
		fmt.Fprintf(out, "  %s\n", describeProgram(&p.Programs[i]))
	}
	kinds := make([]string, len(p.Kinds))
	for i, k := range p.Kinds {
		kinds[i] = k.String()
	}
	fmt.Fprintf(out, "  starts as %s; kind %s; profile %s, risk up to %s\n\n", p.User, strings.Join(kinds, ", "), p.Profile, risk)
	if len(p.Changes) == 0 {
		fmt.Fprintf(out, "exposure %s %s: nothing to change\n", p.Before, p.Before.Rating())
	} else {
		fmt.Fprintf(out, "exposure %s %s -> %s %s with %s\n\n", p.Before, p.Before.Rating(), p.After, p.After.Rating(), count(len(p.Changes), "change"))
		r.changes(out, p.Changes)
	}
	if len(p.Withheld) > 0 {
		fmt.Fprintf(out, "\nwithheld, because they risk more:\n\n")
		r.changes(out, p.Withheld)
	}
	if len(p.Dropped) > 0 {
		fmt.Fprintf(out, "\ndropped, because the trace shows that they do not fit:\n\n")
		r.changes(out, p.Dropped)
	}
	if len(p.Doubts) > 0 {
		fmt.Fprintf(out, "\nin place, but doubtful:\n\n")
		for _, d := range p.Doubts {
			place := ""
			if r.File == "" {
				place = " (" + d.Origin.String() + ")"
			}
			fmt.Fprintf(out, "  %s%s\n%s\n", d.Directive, place, wrap(d.Fact, "        ", 72))
		}
	}
	switch {
	case r.Written:
		fmt.Fprintf(out, "\nwritten to %s\n", r.Target)
	case r.Diff != "":
		fmt.Fprintf(out, "\n%s", r.Diff)
	case len(p.Changes) > 0:
		fmt.Fprintf(out, "\n%s has these changes already\n", r.Target)
	}
}

func describeProgram(p *advice.Program) string {
	var facts []string
	switch {
	case p.Problem != "":
		facts = append(facts, strings.TrimPrefix(p.Problem, p.Path+" "))
	case p.Format == "script":
		facts = append(facts, "a script")
	case p.Static:
		facts = append(facts, "static")
	}
	switch p.Runtime {
	case "":
	case "native":
		facts = append(facts, "machine code")
	case "go":
		facts = append(facts, "written in Go")
	default:
		facts = append(facts, "runs "+p.Runtime)
	}
	if p.Daemon != "" {
		facts = append(facts, "known as "+p.Daemon)
	}
	return p.Path + ": " + strings.Join(facts, ", ")
}

func (r *hardened) changes(out *bytes.Buffer, list []advice.Change) {
	fmt.Fprintf(out, "  gain  risk       setting\n")
	for i := range list {
		c := &list[i]
		gain := c.Gain.String()
		if !c.Scored {
			gain = "-"
		}
		for j := range c.Set {
			text := c.Set[j].Line()
			if r.File != "" {
				text = c.Set[j].Spec()
			}
			if j == 0 {
				fmt.Fprintf(out, "%6s  %-9s  %s\n", gain, c.Risk, text)
			} else {
				fmt.Fprintf(out, "%19s%s\n", "", text)
			}
		}
		fact := c.Fact
		if c.Contradicted != nil {
			fact += " (" + c.Contradicted.String() + ": " + c.Contradicted.Text + ")"
		}
		out.WriteString(wrap(fact, "                     ", 56) + "\n")
		if c.Contradicted == nil {
			out.WriteString(wrap("check: "+c.Check, "                     ", 56) + "\n")
		}
	}
}
