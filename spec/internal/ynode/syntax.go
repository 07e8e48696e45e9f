package ynode

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec/diag"
)

// The position of a syntax error.
//
// yaml.v3 v3.0.1 keeps two marks for an error, the problem and its context (the
// quote, bracket or mapping it is in), but prints one line number and no
// column: that of the context if the context is not on the first line of the
// file, otherwise that of the problem, otherwise none (decode.go, parser.fail).
// For errors of the scanner the number counts from 1, for errors of the parser
// from 0. So the document is parsed again, with two changes that make this
// sound:
//
//   - Newlines before it, so that no mark is on the first line.
//   - A reader that hands out one byte at a time and counts. The scanner reads
//     a known number of characters ahead of its mark, so the count is the place
//     of the problem.
//
// For errors of the parser, which runs some tokens behind the scanner, the
// token at fault is found by parsing the text up to each of the last tokens.

// syntaxError is what there is to know about the failure of one document.
type syntaxError struct {
	text   []byte
	msg    string // of the parser, without position
	line   int    // start of the line it named, as an offset into text; -1 without
	mark   int    // how far the scanner had read
	padded []byte
	tokens []token
}

// padding surrounds the text when it is parsed again, with more characters than
// the scanner looks ahead.
const padding = "\n\n\n\n\n\n\n\n"

// trickle is a reader of single bytes.
type trickle struct {
	text []byte
	n    int // bytes handed out
}

func (t *trickle) Read(b []byte) (int, error) {
	if t.n == len(t.text) {
		return 0, io.EOF
	}
	b[0] = t.text[t.n]
	t.n++
	return 1, nil
}

func splitMessage(err error) (line int, msg string) {
	msg = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if number, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, text
			}
		}
	}
	return 0, msg
}

// byParser reports the messages of parserc.go, whose line counts from 0.
func byParser(msg string) bool {
	switch msg {
	case "did not find expected <stream-start>", "did not find expected <document start>",
		"found undefined tag handle", "did not find expected node content",
		"did not find expected '-' indicator", "did not find expected key",
		"did not find expected ',' or ']'", "did not find expected ',' or '}'",
		"found duplicate %YAML directive", "found incompatible YAML document",
		"found duplicate %TAG directive":
		return true
	}
	return false
}

func investigate(text []byte, cause error) *syntaxError {
	e := &syntaxError{text: text, line: -1}
	e.padded = append(append([]byte(padding), text...), padding...)
	reader := &trickle{text: e.padded}
	if _, err := decode(reader); err != nil {
		cause = err
	}
	n, msg := splitMessage(cause)
	e.msg = msg
	e.mark = reader.n
	if n > 0 {
		n -= len(padding)
		if !byParser(msg) {
			n--
		}
		e.line = 0
		for ; n > 0; n-- {
			next := lineEnd(text, e.line) + 1
			if next >= len(text) {
				break
			}
			e.line = next
		}
	}
	// What is far behind the error cannot explain it.
	e.tokens = lex(text[:min(len(text), reader.n+64<<10)])
	return e
}

// back returns the offset of the character n before the reader's position.
func (e *syntaxError) back(n int) int {
	off := e.mark
	for ; n > 0 && off > 0; n-- {
		_, w := utf8.DecodeLastRune(e.padded[:off])
		off -= w
	}
	return min(max(off-len(padding), 0), len(e.text))
}

// onLine returns the first token of the given kinds that begins on the line
// the parser named and satisfies the condition, or -1.
func (e *syntaxError) onLine(kinds string, ok func(token) bool) int {
	if e.line < 0 {
		return -1
	}
	end := lineEnd(e.text, e.line)
	for i, t := range e.tokens {
		if t.start >= e.line && t.start <= end && strings.IndexByte(kinds, t.kind) >= 0 && (ok == nil || ok(t)) {
			return i
		}
	}
	return -1
}

// lineText returns the offset of the first character of a line that is not
// blank.
func (e *syntaxError) lineText(off int) int {
	start := bytes.LastIndexByte(e.text[:off], '\n') + 1
	for start < len(e.text) && isBlank(e.text[start]) {
		start++
	}
	return start
}

// culprit returns the index of the token that the parser (not the scanner)
// refused, or -1 if that is the end of the text. It is the first token up to
// which the text fails in the same way.
func (e *syntaxError) culprit() int {
	last := len(e.tokens) - 1
	for last >= 0 && e.tokens[last].start >= e.back(0) {
		last--
	}
	found := -1
	// Each probe is a parse; the scanner is only a few tokens ahead, and a
	// large text is not worth the time.
	for tries := min(16, 1+(4<<20)/(len(e.text)+1)); last >= 0 && tries > 0; last, tries = last-1, tries-1 {
		end := e.tokens[last].end
		if last+1 < len(e.tokens) && e.tokens[last+1].kind == ':' {
			end = e.tokens[last+1].end
		}
		probe := bytes.NewBuffer(nil)
		probe.Write(e.text[:end])
		// Close what is open, lest its lack be taken for the problem.
		for o := e.openAfter(last); o >= 0; o = e.tokens[o].outer {
			if probe.Len() == end {
				probe.WriteByte('\n')
				probe.WriteByte(' ')
			}
			probe.WriteByte(e.tokens[o].kind + 2)
		}
		_, err := decode(probe)
		if err != nil {
			if _, msg := splitMessage(err); msg == e.msg {
				found = last
				continue
			}
		}
		if found >= 0 {
			break
		}
	}
	return found
}

// openAfter returns the innermost bracket that is open after a token, or -1.
func (e *syntaxError) openAfter(i int) int {
	if i+1 < len(e.tokens) {
		return e.tokens[i+1].outer
	}
	t := e.tokens[i]
	switch {
	case t.kind == '[' || t.kind == '{':
		return i
	case (t.kind == ']' || t.kind == '}') && t.match >= 0:
		return e.tokens[t.match].outer
	}
	return t.outer
}

// verdict is a diagnostic in offsets.
type verdict struct {
	code                 diag.Code
	start, end           int // end 0: unknown
	summary, detail, fix string
	related              int // offset, -1 without
	relatedText          string
}

// syntax reports why a segment could not be parsed.
func (p *parser) syntax(s segment, cause error) {
	e := investigate(p.src[s.start:s.end], cause)
	for _, v := range e.explain() {
		at := func(off int) diag.Pos {
			pos := position(e.text, min(off, len(e.text)))
			pos.Line += s.line - 1
			return pos
		}
		span := diag.Span{Start: at(v.start)}
		if v.end > v.start {
			span.End = at(v.end)
		}
		d := p.report(v.code, span, v.summary, v.detail, v.fix)
		if v.related >= 0 {
			d.Related = []diag.Related{{Span: diag.Span{Start: at(v.related)}, Message: v.relatedText}}
		}
	}
}

// explain turns the parser's message into the place and words for the user.
func (e *syntaxError) explain() []verdict {
	v := verdict{code: diag.Syntax, related: -1}
	switch {
	case strings.HasPrefix(e.msg, "unknown anchor "):
		return e.unknownAnchors()

	case strings.HasPrefix(e.msg, "exceeded max depth"):
		v.code = diag.TooDeep
		v.start = e.back(4)
		level := 0
		for _, t := range e.tokens {
			if t.kind == '[' || t.kind == '{' {
				if level++; level > maxDepth {
					v.start = t.start
					break
				}
			} else if t.match >= 0 {
				level--
			}
		}
		v.summary = fmt.Sprintf("nested more than %d levels deep", maxDepth)
		v.detail = "No field of a spec nests nearly as deep."
		v.fix = "Check the indentation and the brackets."

	case e.msg == "mapping values are not allowed in this context":
		e.colon(&v)

	case e.msg == "block sequence entries are not allowed in this context":
		v.start = e.back(4)
		v.end = v.start + 1
		v.summary = "a list item cannot begin here"
		v.detail = "A dash with a space begins a list item, and list items begin their own lines."
		v.fix = "Put every item on its own line below the key, or write the list as [a, b], or quote the value if the dash belongs to it."

	case e.msg == "mapping keys are not allowed in this context":
		v.start = e.back(4)
		v.end = v.start + 1
		v.summary = "a question mark cannot stand here"
		v.detail = "A question mark with a space after it begins a complex key."
		v.fix = "Quote the value if the question mark belongs to it."

	case e.msg == "could not find expected ':'":
		v.start = max(e.line, 0)
		v.start = e.lineText(v.start)
		e.noColon(&v)

	case e.msg == "found character that cannot start any token":
		v.start = e.back(4)
		v.end = v.start + 1
		e.badStart(&v)

	case strings.HasPrefix(e.msg, "found a tab character"):
		// One or two characters have been read ahead.
		v.start = e.back(1)
		for n := 2; n <= 4 && (v.start == len(e.text) || e.text[v.start] != '\t'); n++ {
			v.start = e.back(n)
		}
		e.tab(&v)

	case e.msg == "found unexpected end of stream", e.msg == "found unexpected document indicator":
		v.start = max(e.line, 0)
		v.summary = "this quote is never closed"
		if i := e.onLine(`"'`, func(t token) bool { return !t.closed }); i >= 0 {
			v.start = e.tokens[i].start
			v.end = v.start + 1
		}
		v.detail = "Everything up to the end of the document would belong to the quoted text."
		v.fix = "Add the closing quote. Inside '...' a quote is written twice, inside \"...\" it is written \\\"."

	case e.msg == "found unknown escape character", e.msg == "did not find expected hexdecimal number",
		e.msg == "found invalid Unicode character escape code":
		e.badEscape(&v)

	case e.msg == "did not find expected alphabetic or numeric character":
		v.start = e.back(1)
		if i := e.onLine("*&", func(t token) bool { return t.end == t.start+1 || t.end < len(e.text) && !isSpace(e.text[t.end]) }); i >= 0 {
			v.start = e.tokens[i].start
		}
		v.end = v.start + 1
		if v.start < len(e.text) && e.text[v.start] == '&' {
			v.summary = "a value that begins with & must be quoted"
			v.detail = "An ampersand at the beginning is an anchor, which needs a name of letters and digits."
		} else {
			v.summary = "a value that begins with * must be quoted"
			v.detail = "An asterisk at the beginning is an alias, which needs a name of letters and digits."
		}
		v.fix = `Put the whole value in quotes, for example cron: "*/5 * * * *".`

	case e.msg == "found an indentation indicator equal to 0", e.msg == "did not find expected comment or line break":
		v.start = max(e.line, 0)
		if i := e.onLine("|%", nil); i >= 0 {
			v.start = e.tokens[i].start
		}
		v.end = v.start + 1
		if v.start < len(e.text) && e.text[v.start] == '%' {
			e.directive(&v)
			break
		}
		v.summary = "text follows the beginning of a block of text"
		v.detail = "A value that begins with | or > is a block of text, which begins on the next line; only +, - and a digit from 1 to 9 may follow."
		v.fix = "Quote the value if the character belongs to it, or begin the text on the next line."

	case e.msg == "found undefined tag handle", strings.HasPrefix(e.msg, "did not find expected tag"), e.msg == "did not find expected whitespace or line break",
		e.msg == "did not find URI escaped octet", e.msg == "did not find expected '!'", e.msg == "did not find the expected '>'",
		strings.HasPrefix(e.msg, "found an incorrect "):
		v.start = max(e.line, 0)
		if i := e.onLine("!%", nil); i >= 0 {
			v.start, v.end = e.tokens[i].start, e.tokens[i].end
		}
		if v.start < len(e.text) && e.text[v.start] == '%' {
			e.directive(&v)
			break
		}
		v.summary = "a value that begins with ! must be quoted"
		v.detail = "An exclamation mark at the beginning is a tag, and this one is malformed or unknown; a spec needs no tags."
		v.fix = "Quote the value, or remove the tag."

	case strings.Contains(e.msg, "directive") || strings.Contains(e.msg, "version number") ||
		e.msg == "found unexpected non-alphabetical character" || strings.HasPrefix(e.msg, "did not find expected digit") ||
		e.msg == "did not find expected whitespace" || e.msg == "found incompatible YAML document":
		v.start = max(e.line, 0)
		if i := e.onLine("%", nil); i >= 0 {
			v.start, v.end = e.tokens[i].start, e.tokens[i].end
		}
		e.directive(&v)

	case byParser(e.msg):
		e.misplaced(&v)

	default:
		// A panic or a message we have never met.
		v.start = e.lineText(e.back(1))
		v.summary = "the YAML cannot be parsed"
		v.detail = "The parser stopped near here and said: " + strconv.Quote(e.msg) + "."
		v.fix = "Simplify this part of the file: write one key per line and quote unusual values."
	}
	return []verdict{v}
}

// unknownAnchors lists all aliases without an anchor above them: the parser
// stops at the first.
func (e *syntaxError) unknownAnchors() []verdict {
	var list []verdict
	known := make(map[string]bool)
	for _, t := range e.tokens {
		if t.kind != '&' && t.kind != '*' {
			continue
		}
		name := string(e.text[t.start+1 : t.end])
		if t.kind == '&' {
			known[name] = true
			continue
		}
		if name == "" || known[name] {
			continue
		}
		v := verdict{code: diag.UnknownAnchor, start: t.start, end: t.end, related: -1,
			summary: fmt.Sprintf("alias *%s has no anchor", name),
			detail:  fmt.Sprintf("No value above it in this document is marked &%s.", name),
			fix:     fmt.Sprintf("Mark a value above with &%s, or quote the value if the asterisk belongs to it.", name),
		}
		if list = append(list, v); len(list) == maxListed {
			break // as many as one wants to read
		}
	}
	if len(list) == 0 {
		list = append(list, verdict{code: diag.UnknownAnchor, start: e.lineText(e.back(1)), related: -1,
			summary: e.msg, detail: "No value above it in this document has this anchor.",
			fix: "Add the anchor above, or quote the value if the asterisk belongs to it."})
	}
	return list
}

// colon explains a ": " where no key can be.
func (e *syntaxError) colon(v *verdict) {
	v.start = e.back(4)
	v.end = v.start + 1
	at := -1
	for i, t := range e.tokens {
		if t.start == v.start && t.kind == ':' {
			at = i
		}
	}
	first := e.lineText(v.start)
	i := at - 1
	for ; i >= 0 && e.tokens[i].start >= first; i-- {
		if e.tokens[i].kind == ':' {
			v.summary = "a value with a colon and a space in it must be quoted"
			v.detail = "A colon followed by a space separates a key from its value, and this line has one already."
			v.fix = `Put the whole value in quotes: key: "text: more text".`
			return
		}
	}
	if utf8.RuneCount(e.text[first:v.start]) > 1024 {
		v.start, v.end = first, first+1
		v.summary = "a key is longer than 1024 characters"
		v.detail = "YAML allows no longer key on one line."
		v.fix = "Quote the line if the colon belongs to the text."
		return
	}
	// A key on this line is taken for more of the text above.
	prev := i
	if prev >= 0 {
		above := e.lineText(e.tokens[prev].start)
		colonAbove := false
		for ; i >= 0 && e.tokens[i].start >= above; i-- {
			colonAbove = colonAbove || e.tokens[i].kind == ':'
		}
		if !colonAbove && e.tokens[prev].kind == plainToken && column(e.text, above) >= column(e.text, first) {
			v.related, v.relatedText = v.start, "noticed here"
			v.start = above
			e.noColon(v)
			return
		}
		v.related, v.relatedText = above, "this line is taken to go on"
	}
	v.start, v.end = first, v.end-1
	v.summary = "this line is indented too far"
	v.detail = "It is deeper than the line above, which has a value already, so it cannot be a key of its own."
	v.fix = "Align it with the keys it belongs to, or remove the value of the key above."
}

func column(text []byte, off int) int {
	return off - (bytes.LastIndexByte(text[:off], '\n') + 1)
}

// noColon explains a line that should be "key: value"; v.start is set.
func (e *syntaxError) noColon(v *verdict) {
	v.end = lineEnd(e.text, v.start)
	line := e.text[v.start:v.end]
	if i := bytes.Index(line, []byte(" #")); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t\r")
	v.end = v.start + len(line)
	if len(line) > 1 && line[0] == '-' && line[1] != '-' {
		v.end = v.start + 1
		v.summary = "a space is missing after the dash"
		v.detail = "Without the space the dash belongs to the text, so the line is not a list item."
		v.fix = fmt.Sprintf("Write - %s.", clip(line[1:]))
		return
	}
	if i := bytes.IndexByte(line, ':'); i > 0 {
		v.summary = "a space is missing after the colon"
		v.detail = "Without the space the colon belongs to the text, so the line has no key."
		v.fix = fmt.Sprintf("Write %s: %s.", clip(line[:i]), clip(line[i+1:]))
		return
	}
	v.summary = "a colon is missing on this line"
	v.detail = "The lines around it are keys with values, so this one has to be one as well."
	v.fix = "Write key: value; if the line belongs to the value above, indent it deeper."
}

// clip shortens a piece of the document for a message.
func clip(b []byte) string {
	r := []rune(string(bytes.TrimSpace(b)))
	if len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return string(r)
}

func (e *syntaxError) tab(v *verdict) {
	v.end = v.start + 1
	v.summary = "a tab is used for indentation"
	v.detail = "YAML indents with spaces only, because tabs have no fixed width."
	v.fix = "Replace the tab by spaces."
}

// badStart explains a character that no value can begin with.
func (e *syntaxError) badStart(v *verdict) {
	if v.start == len(e.text) {
		v.summary = "the document ends where a value is expected"
		v.detail = "Something was begun on the last lines and not finished."
		v.fix = "Check the last lines."
		return
	}
	r, w := utf8.DecodeRune(e.text[v.start:])
	if r == '\t' {
		e.tab(v)
		return
	}
	v.end = v.start + w
	v.summary = fmt.Sprintf("a value that begins with %c must be quoted", r)
	v.detail = "YAML reserves the character for other uses at this place."
	v.fix = "Put the whole value in quotes."
}

// badEscape finds the escape sequence that the parser refused.
func (e *syntaxError) badEscape(v *verdict) {
	v.start = e.back(2)
	bad := func(t token) int {
		for i := t.start + 1; i < t.end; i++ {
			if e.text[i] != '\\' {
				continue
			}
			n, _ := escape(e.text[i:t.end])
			if n == 0 {
				return i
			}
			i += n - 1
		}
		return -1
	}
	if i := e.onLine(`"`, func(t token) bool { return bad(t) >= 0 }); i >= 0 {
		v.start = bad(e.tokens[i])
		_, w := utf8.DecodeRune(e.text[min(v.start+1, len(e.text)):])
		v.end = v.start + 1 + w
	}
	v.summary = "unknown escape sequence"
	if v.end > v.start {
		v.summary += " " + string(e.text[v.start:v.end])
	}
	v.detail = `In double quotes a backslash begins an escape sequence, such as \n, \t, \\, \" or \u00e9.`
	v.fix = `Write \\ for a backslash, or use single quotes, in which it has no meaning.`
}

func (e *syntaxError) directive(v *verdict) {
	v.summary = "a line that begins with % is not a valid directive"
	v.detail = "A percent sign at the beginning of a line stands for an instruction to the YAML parser, of which a spec needs none."
	v.fix = "Remove the line, or quote and indent the value if the percent sign belongs to it."
}

// misplaced explains a token that the parser did not expect.
func (e *syntaxError) misplaced(v *verdict) {
	i := e.culprit()
	if i < 0 {
		// It is the end of the document that the parser did not expect.
		if len(e.tokens) > 0 {
			if o := e.openAfter(len(e.tokens) - 1); o >= 0 {
				e.unclosed(v, o, -1)
				return
			}
		}
		v.start = len(bytes.TrimRight(e.text, " \t\r\n"))
		if e.msg == "did not find expected <document start>" {
			v.start = e.lineText(e.back(1))
		}
		v.summary = "the document ends where more is expected"
		v.detail = "The parser said: " + strconv.Quote(e.msg) + "."
		v.fix = "Check the last lines."
		return
	}
	t := e.tokens[i]
	v.start, v.end = t.start, t.end
	if n := bytes.IndexByte(e.text[t.start:t.end], '\n'); n >= 0 {
		v.end = t.start + n
	}
	first := e.lineText(t.start) == t.start

	if t.outer >= 0 {
		e.inBrackets(v, i)
		return
	}
	if t.kind == ']' || t.kind == '}' {
		v.summary = fmt.Sprintf("%c closes nothing", t.kind)
		v.detail = "There is no opening bracket for it."
		v.fix = "Remove it, add the opening bracket, or quote the value."
		return
	}
	if i > 0 {
		prev := e.tokens[i-1]
		if quote := prev.kind == '"' || prev.kind == '\''; quote && bytes.IndexByte(e.text[prev.start:prev.end], '\n') >= 0 && !first {
			v.related, v.relatedText = t.start, "the quoted text ends just before this"
			v.start, v.end = prev.start, prev.start+1
			v.summary = "this quote is not closed on its line"
			v.detail = "The next quote, some lines below, ends the text instead, and what follows that cannot be understood."
			v.fix = "Add the closing quote."
			return
		}
	}
	switch {
	case !first && t.kind != ':':
		v.summary = "text follows the end of a value"
		v.detail = "A quoted text, an alias or a bracketed list is a complete value; nothing may follow it on the line but a comment."
		v.fix = "Put quotes around the whole value, or put # and a space before a comment."
	case t.kind == '-':
		v.summary = "a list item stands where a key is expected"
		v.detail = "The lines around it are keys of a mapping, and a mapping cannot have list items between its keys."
		v.fix = "Put the items below their key, indented at least as far as the key, and give the key no other value."
	case t.kind == ':':
		v.summary = "a colon without a key"
		v.detail = "A colon with a space after it separates a key from its value, but there is no key before it."
		v.fix = "Write the key before the colon, on the same line."
	case e.msg == "did not find expected '-' indicator":
		v.summary = "a key stands where a list item is expected"
		v.detail = "The lines above are items of a list, and a list cannot have keys between its items."
		v.fix = "Indent it like the keys it belongs to, or begin the line with a dash."
	default:
		v.summary = "the indentation fits none of the lines above"
		v.detail = "A line that is less indented than the one before has to align with a line further up."
		v.fix = "Align it with the keys it belongs to."
	}
}

// inBrackets explains an unexpected token inside [] or {}.
func (e *syntaxError) inBrackets(v *verdict, i int) {
	t := e.tokens[i]
	o := t.outer
	open := e.tokens[o]
	if (t.kind == ']' || t.kind == '}') && open.kind+2 != t.kind {
		v.related, v.relatedText = open.start, "opened here"
		v.summary = fmt.Sprintf("%c cannot close %c", t.kind, open.kind)
		v.detail = "Lists are written [a, b], mappings {key: value}."
		v.fix = fmt.Sprintf("Use %c, or close what was opened in between.", open.kind+2)
		return
	}
	// Whoever writes a bracket over several lines indents them; a line that
	// is not indented was not meant to be inside, even if some later bracket
	// happens to fit.
	first := e.lineText(t.start)
	if open.match < 0 || first > open.start && column(e.text, first) <= column(e.text, e.lineText(open.start)) {
		e.unclosed(v, o, t.start)
		return
	}
	if t.kind == ',' || t.kind == ']' || t.kind == '}' || t.kind == '-' && e.msg == "did not find expected node content" {
		v.summary = fmt.Sprintf("a value is missing before %c", t.kind)
		v.detail = "Two commas in a row, or a comma at the beginning, leave an element without a value."
		if t.kind == '-' {
			v.summary = "a list item with a dash cannot stand inside brackets"
			v.detail = "Inside brackets the elements are separated by commas and have no dashes."
		}
		v.fix = `Remove the character, or write "" for an empty text.`
		return
	}
	v.related, v.relatedText = open.start, "the bracket was opened here"
	v.summary = fmt.Sprintf("a comma or %c is missing before this", open.kind+2)
	v.detail = "The elements between brackets are separated by commas."
	v.fix = "Add the comma or the closing bracket, or quote the value if it is one text."
}

func (e *syntaxError) unclosed(v *verdict, o, noticed int) {
	open := e.tokens[o]
	v.start, v.end = open.start, open.end
	if noticed >= 0 {
		v.related, v.relatedText = noticed, "this cannot be inside the bracket"
	}
	v.summary = fmt.Sprintf("%c is never closed", open.kind)
	v.detail = "Everything after it would belong to the bracket."
	v.fix = fmt.Sprintf("Add %c at the end of the value, or quote the value if the bracket belongs to it.", open.kind+2)
}
