package cli

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec/field"
)

func (a *app) matrixCmd() *cobra.Command {
	var f renderFlags
	var reasons bool
	cmd := &cobra.Command{
		Use:   "matrix [FIELD...]",
		Short: "Show what every backend does with every field",
		Long: `Show what every backend does with every field of the spec: native, emulated,
approximate, unsupported or - (not applicable). FIELD limits the table to
fields and groups. With --reasons every entry says through what, or why not.`,
		Example: `  daemonize matrix
  daemonize matrix sandboxing limits.memory --backend systemd@239,supervisord --reasons`,
		RunE: func(_ *cobra.Command, args []string) error {
			targets, err := f.targets()
			if err != nil {
				return err
			}
			ids, err := fieldsWithin(args)
			if err != nil {
				return err
			}
			return a.matrix(ids, targets, reasons)
		},
	}
	f.addTarget(cmd.Flags(), "backends, each as NAME or NAME@VERSION, or all")
	cmd.Flags().BoolVar(&reasons, "reasons", false, "say through what, or why not")
	return cmd
}

// fieldsWithin lists the fields that names cover, all without names.
func fieldsWithin(names []string) ([]field.ID, error) {
	if len(names) == 0 {
		return field.All(), nil
	}
	var ids []field.ID
	for _, name := range names {
		before := len(ids)
		for _, id := range field.All() {
			if id.Within(name) {
				ids = append(ids, id)
			}
		}
		if len(ids) == before {
			return nil, usagef("unknown field %q%s", name, didYouMean(name))
		}
	}
	return ids, nil
}

type matrixRow struct {
	Field   string                 `json:"field"`
	Targets map[string]matrixEntry `json:"targets"`
}

type matrixEntry struct {
	Level generators.Level `json:"level"`
	Via   string           `json:"via,omitempty"`
	Why   string           `json:"why,omitempty"`
}

func (a *app) matrix(ids []field.ID, targets []generators.Target, reasons bool) error {
	tables := make([]*generators.Table, len(targets))
	for i, t := range targets {
		g, _ := daemonize.Backend(t.Backend)
		tables[i] = g.Support()
	}
	if a.output == "json" {
		rows := make([]matrixRow, 0, len(ids))
		for _, id := range ids {
			row := matrixRow{id.String(), map[string]matrixEntry{}}
			for i, t := range targets {
				s := tables[i].At(id, t)
				row.Targets[t.String()] = matrixEntry{s.Level, s.Via, s.Why}
			}
			rows = append(rows, row)
		}
		return a.printJSON(struct {
			Version int         `json:"version"`
			Fields  []matrixRow `json:"fields"`
		}{1, rows})
	}
	var out bytes.Buffer
	width := len("field")
	for _, id := range ids {
		width = max(width, len(id.String()))
	}
	cell := len("unsupported")
	for _, t := range targets {
		cell = max(cell, len(t.String()))
	}
	if reasons {
		for _, id := range ids {
			fmt.Fprintln(&out, id)
			for i, t := range targets {
				s := tables[i].At(id, t)
				fmt.Fprintf(&out, "  %-*s  %-11s  %s\n", cell, t, short(s.Level), reason(s))
			}
		}
	} else {
		fmt.Fprintf(&out, "%-*s", width, "field")
		for _, t := range targets {
			fmt.Fprintf(&out, "  %-*s", cell, t)
		}
		trimRight(&out)
		counts := make([]map[generators.Level]int, len(targets))
		for _, id := range ids {
			fmt.Fprintf(&out, "%-*s", width, id)
			for i, t := range targets {
				if counts[i] == nil {
					counts[i] = map[generators.Level]int{}
				}
				s := tables[i].At(id, t)
				counts[i][s.Level]++
				fmt.Fprintf(&out, "  %-*s", cell, short(s.Level))
			}
			trimRight(&out)
		}
		fmt.Fprintf(&out, "\n%s:\n", count(len(ids), "field"))
		for i, t := range targets {
			c := counts[i]
			fmt.Fprintf(&out, "  %-*s  %3d native, %3d emulated, %3d approximate, %3d unsupported, %3d not applicable\n", cell, t,
				c[generators.Native], c[generators.Emulated], c[generators.Approximate], c[generators.Unsupported], c[generators.NotApplicable])
		}
	}
	_, err := a.Stdout.Write(out.Bytes())
	return err
}

func short(l generators.Level) string {
	if l == generators.NotApplicable {
		return "-"
	}
	return l.String()
}

// reason joins the mechanism and the limitation of an entry.
func reason(s generators.Support) string {
	switch {
	case s.Level == generators.Unsupported || s.Via == "":
		return s.Why
	case s.Why == "":
		return s.Via
	}
	return s.Via + ": " + s.Why
}

// trimRight ends a line without trailing blanks.
func trimRight(b *bytes.Buffer) {
	text := bytes.TrimRight(b.Bytes(), " ")
	b.Truncate(len(text))
	b.WriteByte('\n')
}

// wrap breaks text into lines of at most width characters, each indented.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	line := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			b.WriteString(indent)
		case line+1+n > width:
			b.WriteString("\n" + indent)
			line = 0
		default:
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += n
	}
	return b.String()
}
