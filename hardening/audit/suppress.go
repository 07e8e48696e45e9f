package audit

import (
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
)

// ignore is one suppression: `daemonize: ignore H012 REASON` in a comment, or
// an entry of audit.ignore in a spec. A comment is about the next line; before
// the header of a section, or at the end of the file, it is about the service.
type ignore struct {
	id, reason string
	at         unit.Origin
	line       int    // 0: the whole service
	bad        string // why it has no effect
}

// maxIgnores bounds the suppressions of one file.
const maxIgnores = 200

// remarks reads the comments of a unit.
func remarks(list []unit.Remark) []ignore {
	var out []ignore
	for _, r := range list[:min(len(list), maxIgnores)] {
		i, ok := parseIgnore(r.Text)
		if !ok {
			continue
		}
		if i.at = r.At; !r.Header {
			i.line = r.Next
		}
		out = append(out, i)
	}
	return out
}

// parseIgnore reads the text after "daemonize:". Other verbs are not ours.
func parseIgnore(text string) (ignore, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "ignore")
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return ignore{}, false
	}
	id, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
	i := ignore{id: strings.ToUpper(id), reason: strings.TrimSpace(reason)}
	if _, known := rule.Lookup(id); !known {
		i.bad = "there is no rule " + strings.ToValidUTF8(id[:min(len(id), 20)], "?") + " to ignore"
		if id == "" {
			i.bad = "the comment names no rule to ignore"
		}
	} else if i.reason == "" {
		i.bad = "the reason for ignoring " + i.id + " is missing, so it is not ignored"
	}
	return i, true
}

// suppressed returns the reason for which a hit does not count.
func suppressed(list []ignore, h *rule.Hit, s *rule.Subject) string {
	i := slices.IndexFunc(list, func(i ignore) bool { return i.covers(h, s) })
	if i < 0 {
		return ""
	}
	return list[i].reason
}

func (i *ignore) covers(h *rule.Hit, _ *rule.Subject) bool {
	return i.bad == "" && i.id == h.Rule.ID && (i.line == 0 || i.at.File == h.At.File && i.line == h.At.Line)
}

// unused are the suppressions that do nothing, with the reason.
func unused(list []ignore, hits []rule.Hit, s *rule.Subject) []rule.Text {
	var out []rule.Text
	for i := range list {
		i := &list[i]
		switch {
		case i.bad != "":
			out = append(out, rule.Text{Value: i.bad, At: i.at})
		case !slices.ContainsFunc(hits, func(h rule.Hit) bool { return i.covers(&h, s) }):
			where := ""
			if i.line > 0 {
				where = " in the next line"
			}
			out = append(out, rule.Text{Value: "nothing of " + i.id + " is found" + where + ", so nothing is ignored", At: i.at})
		}
	}
	return out
}

// comments reads the suppressions in a file whose comments begin with one of
// the marks. header tells the lines that begin a section.
func comments(file, src string, marks []string, header func(line string) bool) []ignore {
	if !strings.Contains(src, "daemonize:") {
		return nil
	}
	var out []ignore
	waiting := 0
	n := 0
	for line := range strings.Lines(src) {
		n++
		line = strings.TrimSpace(line)
		mark := slices.IndexFunc(marks, func(m string) bool { return strings.HasPrefix(line, m) })
		switch {
		case line == "":
		case mark >= 0:
			_, text, ok := strings.Cut(line, "daemonize:")
			if !ok {
				continue
			}
			if i, ok := parseIgnore(strings.TrimSuffix(strings.TrimSpace(text), "-->")); ok && len(out) < maxIgnores {
				i.at = unit.Origin{File: file}
				i.at.Line, i.at.Column = n, 1
				out = append(out, i)
				waiting++
			}
		default:
			for ; waiting > 0; waiting-- {
				if !header(line) {
					out[len(out)-waiting].line = n
				}
			}
		}
	}
	return out
}
