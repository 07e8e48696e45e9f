// Package edit changes fields of a daemon spec in its text. Everything else
// stays as its author wrote it, byte for byte: comments, order, quoting,
// indentation, line ends. The result is read again before it is returned, and
// must differ from the document in the wanted fields only.
package edit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/internal/ynode"
)

// Field is a new value for a field.
type Field struct {
	// Path names it, as in sandboxing.system_calls.filter. Lists of mappings
	// cannot be entered.
	Path string
	// Items is the value: one item, or those of a list.
	Items []string
	List  bool
	// Plain is set for a value that is no string: true, false, a number.
	Plain bool
	// Append adds the items to those of the list that is there.
	Append bool
}

// ErrShared says that a value is written elsewhere in the document, through an
// alias or a merge key, so that a change would have effects elsewhere too.
var ErrShared = errors.New("it is shared through an alias")

// Set sets fields of one of the documents of a spec, counted from 0, and
// returns the new text. A field that is there gets the new value in its place;
// others are added at the end of the mapping they belong to, which is made if
// need be. The error says what could not be changed, or that the result would
// be no valid spec; the text is not changed then.
func Set(file string, src []byte, document int, fields []Field) ([]byte, error) {
	out := src
	for _, f := range fields {
		roots, diags := ynode.Parse(file, out)
		if diags.HasErrors() {
			return nil, fmt.Errorf("cannot edit %s: %s", file, diags[0].String())
		}
		if document < 0 || document >= len(roots) {
			return nil, fmt.Errorf("cannot edit %s: it has %d documents, not %d", file, len(roots), document+1)
		}
		e := &editor{src: out, eol: eolOf(out)}
		if err := e.set(roots[document], strings.Split(f.Path, "."), &f); err != nil {
			return nil, fmt.Errorf("cannot set %s in %s: %w", f.Path, file, err)
		}
		out = e.src
	}
	if err := verify(file, src, out, document, fields); err != nil {
		return nil, fmt.Errorf("cannot edit %s: %w", file, err)
	}
	return out, nil
}

func eolOf(src []byte) string {
	if i := bytes.IndexByte(src, '\n'); i > 0 && src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// editor makes one change.
type editor struct {
	src []byte
	eol string
}

// offset converts a position, which counts characters, to an index.
func (e *editor) offset(p diag.Pos) int {
	off := 0
	if bytes.HasPrefix(e.src, []byte("\uFEFF")) {
		off = len("\uFEFF")
	}
	for range p.Line - 1 {
		i := bytes.IndexByte(e.src[off:], '\n')
		if i < 0 {
			return len(e.src)
		}
		off += i + 1
	}
	for range p.Column - 1 {
		if off >= len(e.src) {
			break
		}
		_, w := utf8.DecodeRune(e.src[off:])
		off += w
	}
	return off
}

// replace puts text in the place of a range.
func (e *editor) replace(from, to int, text string) {
	e.src = slices.Concat(e.src[:from], []byte(text), e.src[to:])
}

// lineEnd returns the index behind the line that holds an index: that of its
// line end, without a carriage return.
func (e *editor) lineEnd(off int) int {
	i := bytes.IndexByte(e.src[off:], '\n')
	if i < 0 {
		return len(e.src)
	}
	end := off + i
	if end > off && e.src[end-1] == '\r' {
		end--
	}
	return end
}

// set walks down to the field and makes what is missing of the way.
func (e *editor) set(root *ynode.Node, keys []string, f *Field) error {
	n := root
	if n.Kind != ynode.Mapping {
		return errors.New("the document is not a mapping")
	}
	for i, key := range keys {
		p := n.Get(key)
		if p == nil {
			return e.insert(n, keys[i:], f)
		}
		if !within(n.Span, p.KeySpan) || e.aliased(p.Value) {
			return ErrShared
		}
		if i == len(keys)-1 {
			return e.change(n, p, f)
		}
		if p.Value.Kind != ynode.Mapping {
			return e.expand(p, keys[i+1:], f)
		}
		n = p.Value
	}
	return nil
}

func within(outer, inner diag.Span) bool {
	return !before(inner.Start, outer.Start) && !before(outer.End, inner.Start)
}

func before(a, b diag.Pos) bool { return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column }

// aliased reports whether a value is an alias.
func (e *editor) aliased(n *ynode.Node) bool {
	off := e.offset(n.Span.Start)
	// No plain scalar and no collection begins with an asterisk.
	return off < len(e.src) && e.src[off] == '*'
}

// isFlow reports whether a collection is written with brackets.
func (e *editor) isFlow(n *ynode.Node) bool {
	off := e.offset(n.Span.Start)
	return off < len(e.src) && (n.Kind == ynode.Mapping && e.src[off] == '{' || n.Kind == ynode.Sequence && e.src[off] == '[')
}

// insert adds a key to a mapping, with mappings for the rest of the path.
func (e *editor) insert(n *ynode.Node, keys []string, f *Field) error {
	if e.isFlow(n) {
		return e.insertFlow(n, nestFlow(keys, f))
	}
	if len(n.Pairs) == 0 {
		return errors.New("the mapping has no entry to stand beside")
	}
	indent := n.Span.Start.Column - 1
	e.insertLines(e.offset(n.Span.End), nestBlock(keys, f, indent, e.step(), e.eol))
	return nil
}

// step is how far the document indents: by two unless its first nested mapping
// shows another habit.
func (e *editor) step() int {
	for line := range bytes.Lines(e.src) {
		trimmed := bytes.TrimLeft(line, " ")
		if n := len(line) - len(trimmed); n > 0 && n <= 8 && len(trimmed) > 0 && trimmed[0] != '#' && trimmed[0] != '-' && trimmed[0] != '\n' && trimmed[0] != '\r' {
			return n
		}
	}
	return 2
}

// insertLines puts lines behind the line that holds an index.
func (e *editor) insertLines(off int, lines string) {
	at := e.lineEnd(off)
	if at == len(e.src) && (at == 0 || e.src[at-1] != '\n') {
		e.replace(at, at, e.eol+strings.TrimSuffix(lines, e.eol))
		return
	}
	// A block scalar that ends the file without a line of its own, or a value
	// that already ends behind its line.
	if off > 0 && off == at && e.src[off-1] == '\n' {
		e.replace(off, off, lines)
		return
	}
	at += len(e.eol)
	e.replace(min(at, len(e.src)), min(at, len(e.src)), lines)
}

// insertFlow adds an entry in front of the closing bracket.
func (e *editor) insertFlow(n *ynode.Node, entry string) error {
	start, end := e.offset(n.Span.Start), e.offset(n.Span.End)
	if end <= start+1 || e.src[end-1] != '}' && e.src[end-1] != ']' {
		return errors.New("the end of the brackets cannot be found")
	}
	last := start + 1 // behind the last entry
	empty := true
	if n.Kind == ynode.Mapping && len(n.Pairs) > 0 {
		empty = false
		last = e.offset(n.Pairs[len(n.Pairs)-1].Value.Span.End)
	}
	if n.Kind == ynode.Sequence && len(n.Items) > 0 {
		empty = false
		last = e.offset(n.Items[len(n.Items)-1].Span.End)
	}
	if last < start+1 || last > end-1 {
		return ErrShared // the last entry came through a merge key
	}
	switch tail := string(e.src[last : end-1]); {
	case strings.Contains(tail, "#"):
		return errors.New("there is a comment in front of the closing bracket")
	case empty:
		e.replace(start+1, end-1, entry)
	case strings.Contains(tail, ","):
		e.replace(last+strings.Index(tail, ",")+1, last+strings.Index(tail, ",")+1, " "+entry)
	default:
		e.replace(last, last, ", "+entry)
	}
	return nil
}

// expand turns a short form (system_calls: [...] for its filter, or nothing)
// into a mapping.
func (e *editor) expand(p *ynode.Pair, keys []string, f *Field) error {
	v := p.Value
	start, end := e.offset(v.Span.Start), e.offset(v.Span.End)
	if v.Kind == ynode.Scalar && v.Tag == "!!null" && !v.Quoted {
		if v.Value != "" {
			e.replace(start, end, "{"+nestFlow(keys, f)+"}")
			return nil
		}
		indent := p.KeySpan.Start.Column - 1
		if e.inFlow(p) {
			return errors.New("the entry has no value")
		}
		step := e.step()
		e.insertLines(e.offset(p.KeySpan.End), nestBlock(keys, f, indent+step, step, e.eol))
		return nil
	}
	main := sugar(p.Key)
	if main == "" || v.Kind == ynode.Invalid {
		return errors.New("it is no mapping")
	}
	if main == keys[0] && len(keys) == 1 {
		return e.change(nil, &ynode.Pair{Key: main, KeySpan: p.KeySpan, Value: v}, f)
	}
	if v.Kind == ynode.Sequence && !e.isFlow(v) {
		// Indent the list below its key.
		step := e.step()
		indent := p.KeySpan.Start.Column - 1
		from := e.lineEnd(e.offset(p.KeySpan.End)) + len(e.eol)
		to := min(e.lineEnd(end)+len(e.eol), len(e.src))
		if to > from && end <= from {
			to = from
		}
		var b strings.Builder
		b.WriteString(spaces(indent+step) + main + ":" + e.eol)
		for line := range bytes.Lines(e.src[from:to]) {
			if len(bytes.TrimSpace(line)) > 0 {
				b.WriteString(spaces(step))
			}
			b.Write(line)
		}
		text := b.String()
		if !strings.HasSuffix(text, "\n") {
			text += e.eol
		}
		text += nestBlock(keys, f, indent+step, step, e.eol)
		if to == len(e.src) && !bytes.HasSuffix(e.src, []byte("\n")) {
			text = strings.TrimSuffix(text, e.eol)
		}
		e.replace(from, to, text)
		return nil
	}
	if bytes.ContainsAny(e.src[start:end], "\n") || e.src[start] == '|' || e.src[start] == '>' {
		return errors.New("its short form takes several lines")
	}
	e.replace(start, end, "{"+main+": "+string(e.src[start:end])+", "+nestFlow(keys, f)+"}")
	return nil
}

// sugar returns the key that the short form of a group stands for.
func sugar(key string) string {
	if key == "system_calls" {
		return "filter"
	}
	return ""
}

func (e *editor) inFlow(p *ynode.Pair) bool {
	line := e.src[:e.offset(p.KeySpan.Start)]
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	return len(bytes.TrimSpace(line)) > 0
}

// change gives a field that is there a new value.
func (e *editor) change(parent *ynode.Node, p *ynode.Pair, f *Field) error {
	v := p.Value
	start, end := e.offset(v.Span.Start), e.offset(v.Span.End)
	if f.Append && v.Kind == ynode.Sequence && len(v.Items) > 0 {
		return e.appendItems(v, f)
	}
	if f.Append && v.Kind == ynode.Scalar && v.Tag != "!!null" {
		// One item without a list.
		old := string(e.src[start:end])
		if strings.Contains(old, "\n") {
			return errors.New("its value takes several lines")
		}
		e.replace(start, end, "["+old+", "+flowItems(f.Items)+"]")
		return nil
	}
	if v.Kind == ynode.Scalar && v.Value == "" && !v.Quoted {
		at := e.offset(p.KeySpan.End)
		colon := bytes.IndexByte(e.src[at:e.lineEnd(at)], ':')
		if colon < 0 {
			return errors.New("the colon of the key cannot be found")
		}
		at += colon + 1
		e.replace(at, at, " "+flowValue(f))
		return nil
	}
	block := v.Kind != ynode.Scalar && !e.isFlow(v) || v.Kind == ynode.Scalar && start < len(e.src) && (e.src[start] == '|' || e.src[start] == '>')
	if !block {
		e.replace(start, end, flowValue(f))
		return nil
	}
	if bytes.Contains(e.src[start:end], []byte("#")) {
		return errors.New("there are comments in the value that is to be replaced")
	}
	// The value begins on a line of its own below the key, or behind it.
	key := e.offset(p.KeySpan.End)
	colon := bytes.IndexByte(e.src[key:], ':')
	if colon < 0 || key+colon >= start && v.Kind != ynode.Scalar {
		return errors.New("the colon of the key cannot be found")
	}
	if parent == nil {
		return errors.New("its short form takes several lines")
	}
	from := key + colon + 1
	if bytes.Contains(e.src[from:start], []byte("#")) {
		return errors.New("there is a comment in front of the value that is to be replaced")
	}
	tail := ""
	if end > 0 && e.src[end-1] == '\n' {
		tail = e.eol
	}
	e.replace(from, end, " "+flowValue(f)+tail)
	return nil
}

// appendItems adds items to a list.
func (e *editor) appendItems(v *ynode.Node, f *Field) error {
	if e.isFlow(v) {
		return e.insertFlow(v, flowItems(f.Items))
	}
	indent := v.Span.Start.Column - 1
	var b strings.Builder
	for _, item := range f.Items {
		b.WriteString(spaces(indent) + "- " + scalar(item) + e.eol)
	}
	e.insertLines(e.offset(v.Span.End), b.String())
	return nil
}

// nestBlock writes the rest of a path as lines.
func nestBlock(keys []string, f *Field, indent, step int, eol string) string {
	var b strings.Builder
	for i, key := range keys {
		b.WriteString(spaces(indent+i*step) + key + ":")
		if i < len(keys)-1 {
			b.WriteString(eol)
			continue
		}
		// Long lists are easier to read, and to review, one item a line.
		if value := flowValue(f); !f.List || indent+i*step+len(key)+len(value) < 100 {
			b.WriteString(" " + value + eol)
			continue
		}
		b.WriteString(eol)
		for _, item := range f.Items {
			b.WriteString(spaces(indent+(i+1)*step) + "- " + scalar(item) + eol)
		}
	}
	return b.String()
}

func spaces(n int) string { return strings.Repeat(" ", n) }

// nestFlow writes the rest of a path for use inside of brackets.
func nestFlow(keys []string, f *Field) string {
	text := keys[len(keys)-1] + ": " + flowValue(f)
	for _, key := range slices.Backward(keys[:len(keys)-1]) {
		text = key + ": {" + text + "}"
	}
	return text
}

func flowValue(f *Field) string {
	switch {
	case f.List:
		return "[" + flowItems(f.Items) + "]"
	case f.Plain:
		return f.Items[0]
	}
	return scalar(f.Items[0])
}

func flowItems(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = scalar(item)
	}
	return strings.Join(quoted, ", ")
}

// scalar writes a string so that every reader of YAML sees a string: plain
// only where it is a word that means nothing else, in YAML 1.1 neither.
func scalar(s string) string {
	plain := s != ""
	letter := false
	for i, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			letter = true
		case r == '/' && i == 0:
			letter = true
		case '0' <= r && r <= '9', r == '_', r == '.', r == '/' && i > 0, r == '-' && i > 0, r == '+' && i > 0:
		default:
			plain = false
		}
	}
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off", "true", "false", "null", "y", "n":
		plain = false
	}
	if plain && letter && (s[0] == '/' || s[0] >= 'A') {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// verify reads the result and compares it with the original.
func verify(file string, src, out []byte, document int, fields []Field) error {
	for _, f := range fields {
		for _, item := range f.Items {
			if strings.ContainsFunc(item, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				return fmt.Errorf("the value of %s has control characters", f.Path)
			}
		}
	}
	before, _ := ynode.Parse(file, src)
	after, diags := ynode.Parse(file, out)
	if diags.HasErrors() {
		return fmt.Errorf("the result would be no YAML: %s", diags[0].String())
	}
	if len(before) != len(after) {
		return errors.New("the number of documents would change")
	}
	for i := range before {
		var paths []string
		if i == document {
			for _, f := range fields {
				paths = append(paths, f.Path)
			}
		}
		if !equal(before[i], after[i], "", paths) {
			return fmt.Errorf("other fields than the wanted ones would change: %w", ErrShared)
		}
	}
	daemons, diags := spec.Decode(file, out)
	if diags.HasErrors() {
		for _, d := range diags {
			if d.Severity == diag.Error {
				return fmt.Errorf("the result would be no valid spec: %s", d.String())
			}
		}
	}
	if len(daemons) != len(after) {
		return errors.New("the number of daemons would change")
	}
	return nil
}

// equal compares two trees, except for what lies at or below the paths. A
// mapping that is only there to hold such a path counts as absent.
func equal(a, b *ynode.Node, at string, paths []string) bool {
	touched := false
	for _, p := range paths {
		if p == at {
			return true
		}
		touched = touched || at == "" || strings.HasPrefix(p, at+".")
	}
	if touched {
		am, aok := asMapping(a, at)
		bm, bok := asMapping(b, at)
		if !aok || !bok {
			return false
		}
		for _, p := range am {
			other := get(bm, p.Key)
			if other == nil && !slices.ContainsFunc(paths, func(path string) bool {
				return path == join(at, p.Key) || strings.HasPrefix(path, join(at, p.Key)+".")
			}) {
				return false
			}
			if other != nil && !equal(p.Value, other, join(at, p.Key), paths) {
				return false
			}
		}
		for _, p := range bm {
			if get(am, p.Key) == nil && !equal(&ynode.Node{Kind: ynode.Scalar, Tag: "!!null"}, p.Value, join(at, p.Key), paths) {
				return false
			}
		}
		return true
	}
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Quoted != b.Quoted || len(a.Items) != len(b.Items) || len(a.Pairs) != len(b.Pairs) {
		return false
	}
	for i := range a.Items {
		if !equal(a.Items[i], b.Items[i], "", nil) {
			return false
		}
	}
	for i := range a.Pairs {
		if a.Pairs[i].Key != b.Pairs[i].Key || !equal(a.Pairs[i].Value, b.Pairs[i].Value, "", nil) {
			return false
		}
	}
	return true
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func get(pairs []ynode.Pair, key string) *ynode.Node {
	for i := range pairs {
		if pairs[i].Key == key {
			return pairs[i].Value
		}
	}
	return nil
}

// asMapping returns the entries of a value on the way to a changed field: of a
// short form the one it stands for, of nothing none.
func asMapping(n *ynode.Node, at string) ([]ynode.Pair, bool) {
	switch {
	case n.Kind == ynode.Mapping:
		return n.Pairs, true
	case n.Kind == ynode.Scalar && n.Tag == "!!null":
		return nil, true
	}
	main := sugar(at[strings.LastIndexByte(at, '.')+1:])
	return []ynode.Pair{{Key: main, Value: n}}, main != ""
}
