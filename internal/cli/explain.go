package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/schema"
)

func (a *app) explainCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "explain FIELD|GROUP|CODE|RULE",
		Short: "Explain a field, a group of fields, a diagnostic code or a rule of audit",
		Example: `  daemonize explain stop.timeout
  daemonize explain timers
  daemonize explain R012
  daemonize explain H012`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("explain takes one field, group, code or rule")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.explain(args[0]) },
	}
}

type explainedCode struct {
	Code  diag.Code `json:"code"`
	Title string    `json:"title"`
	Help  string    `json:"help"`
}

type explainedField struct {
	Field   string                 `json:"field"`
	Kind    string                 `json:"kind"`
	Form    string                 `json:"form"`
	Words   []string               `json:"words,omitempty"`
	Doc     string                 `json:"doc"`
	Default string                 `json:"default,omitempty"`
	Sample  string                 `json:"sample"`
	Targets map[string]matrixEntry `json:"targets"`
}

func (a *app) explain(name string) error {
	if c, ok := diag.Lookup(diag.Code(strings.ToUpper(name))); ok {
		if a.output == "json" {
			return a.printJSON(explainedCode(c))
		}
		fmt.Fprintf(a.Stdout, "%s: %s\n\n%s\n", c.Code, c.Title, wrap(c.Help, "  ", 76))
		return nil
	}
	if r, ok := rule.Lookup(name); ok {
		return a.explainRule(&r)
	}
	if id, ok := field.Lookup(name); ok {
		return a.explainField(id)
	}
	for _, m := range field.Mappings() {
		if m.Name == name {
			return a.explainGroup(m)
		}
	}
	return usagef("unknown field, code or rule %q%s", name, didYouMean(name))
}

type explainedRule struct {
	ID        string `json:"id"`
	Severity  string `json:"severity"`
	Title     string `json:"title"`
	Reason    string `json:"reason"`
	Fix       string `json:"fix"`
	Reference string `json:"reference"`
}

func (a *app) explainRule(r *rule.Rule) error {
	if a.output == "json" {
		return a.printJSON(explainedRule{r.ID, r.Severity, r.Title, r.Reason, r.Fix, r.Reference})
	}
	_, err := fmt.Fprintf(a.Stdout, "%s: %s (%s)\n\n%s\n\n%s\n\n  See %s.\n", r.ID, r.Title, r.Severity, wrap(r.Reason, "  ", 76), wrap("Fix: "+r.Fix, "  ", 76), r.Reference)
	return err
}

func didYouMean(name string) string {
	var names []string
	for _, m := range field.Mappings() {
		names = append(names, m.Name)
	}
	for _, id := range field.All() {
		names = append(names, id.String())
		if id.Key() == name {
			return ": did you mean " + id.String() + "?"
		}
	}
	if near := spec.Nearest(name, names); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

func (a *app) explainField(id field.ID) error {
	info := id.Info()
	if a.output == "json" {
		e := explainedField{
			Field: info.Name, Kind: string(info.Kind), Form: schema.Form(info), Words: info.Enum, Doc: info.Doc,
			Default: info.Default, Sample: info.Sample, Targets: map[string]matrixEntry{},
		}
		for _, g := range daemonize.Backends() {
			t := generators.Target{Backend: g.Info().Name, Version: g.Info().Default}
			s := g.Support().At(id, t)
			e.Targets[t.String()] = matrixEntry{s.Level, s.Via, s.Why}
		}
		return a.printJSON(e)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s: %s\n\n%s\n\n", info.Name, schema.Form(info), wrap(info.Doc, "  ", 76))
	if info.Default != "" {
		fmt.Fprintf(&out, "  default  %s\n", info.Default)
	}
	fmt.Fprintf(&out, "  example  %s: %s\n\n", id.Key(), info.Sample)
	width := 0
	for _, g := range daemonize.Backends() {
		width = max(width, len(generators.Target{Backend: g.Info().Name, Version: g.Info().Default}.String()))
	}
	for _, g := range daemonize.Backends() {
		t := generators.Target{Backend: g.Info().Name, Version: g.Info().Default}
		s := g.Support().At(id, t)
		fmt.Fprintf(&out, "  %-*s  %-11s  %s\n", width, t, short(s.Level), reason(s))
	}
	_, err := a.Stdout.Write(out.Bytes())
	return err
}

func (a *app) explainGroup(m field.Mapping) error {
	if a.output == "json" {
		return a.printJSON(struct {
			Group  string   `json:"group"`
			Doc    string   `json:"doc"`
			List   bool     `json:"list"`
			Sugar  string   `json:"sugar,omitempty"`
			Fields []string `json:"fields"`
		}{m.Name, m.Doc, m.Repeated, m.Sugar, field.Keys(m.Name)})
	}
	var out bytes.Buffer
	form := "a mapping"
	if m.Repeated {
		form = "a list of mappings"
	}
	fmt.Fprintf(&out, "%s: %s\n\n%s\n", m.Name, form, wrap(m.Doc, "  ", 76))
	if m.Sugar != "" {
		fmt.Fprintf(&out, "\n  A plain value stands for %s.\n", m.Sugar)
	}
	out.WriteByte('\n')
	for _, id := range field.All() {
		if id.Within(m.Name) {
			fmt.Fprintf(&out, "  %s\n%s\n", id, wrap(id.Info().Doc, "      ", 72))
		}
	}
	_, err := a.Stdout.Write(out.Bytes())
	return err
}
