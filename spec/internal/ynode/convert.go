package ynode

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/daemonize/daemonize/spec/diag"
)

// converter builds the tree of one document.
type converter struct {
	cursor
	p    *parser
	base int // lines above the segment

	// Slabs cut to size beforehand: a spec has some hundred nodes.
	nodes []Node
	pairs []Pair
	items []*Node

	anchors  map[*yaml.Node]anchored
	expanded int  // nodes that aliases have stood for so far
	exceeded bool // the budget has been reported
	steps    []step
}

// anchored is the result for a node that aliases may refer to; node is nil
// while it is still being built, which makes an alias to it a cycle.
type anchored struct {
	node *Node
	measure
}

// measure is the extent of a node with its aliases written out.
type measure struct {
	size   int // nodes
	height int // nested collections, 0 for a scalar
}

// step is one element of the path to the current node.
type step struct {
	key   string
	index int // -1: a key
}

func (c *converter) convert(root *yaml.Node) *Node {
	nodes, pairs, items := count(root)
	c.nodes = make([]Node, nodes)
	c.pairs = make([]Pair, pairs)
	c.items = make([]*Node, items)
	var steps [maxDepth]step
	c.steps = steps[:0]
	n, _ := c.node(root, 1)
	return n
}

// count returns how many values, mapping entries and list elements a tree has.
// Trees that are too deep come out short, and are cut at the same depth later;
// the slabs grow if need be.
func count(n *yaml.Node) (nodes, pairs, items int) {
	nodes = 1
	switch n.Kind {
	case yaml.MappingNode:
		pairs = len(n.Content) / 2
		for i := 1; i < len(n.Content); i += 2 {
			a, b, d := count(n.Content[i])
			nodes, pairs, items = nodes+a, pairs+b, items+d
		}
	case yaml.SequenceNode:
		items = len(n.Content)
		for _, e := range n.Content {
			a, b, d := count(e)
			nodes, pairs, items = nodes+a, pairs+b, items+d
		}
	}
	return nodes, pairs, items
}

func (c *converter) newNode() *Node {
	if len(c.nodes) == 0 {
		return new(Node)
	}
	n := &c.nodes[0]
	c.nodes = c.nodes[1:]
	return n
}

// report adds a diagnostic with the current path.
func (c *converter) report(code diag.Code, span diag.Span, summary, detail, fix string) *diag.Diagnostic {
	path := ""
	for _, s := range c.steps {
		if s.index >= 0 {
			path = JoinIndex(path, s.index)
		} else {
			path = JoinKey(path, s.key)
		}
	}
	d := c.p.report(code, span, summary, detail, fix)
	d.Path = path
	return d
}

// node converts a value. The depth is the level it has if it is a collection.
func (c *converter) node(n *yaml.Node, depth int) (*Node, measure) {
	c.seek(n.Line+c.base, n.Column)
	if n.Kind == yaml.AliasNode {
		return c.alias(n, depth)
	}
	if n.Anchor != "" {
		if c.anchors == nil {
			c.anchors = make(map[*yaml.Node]anchored)
		}
		c.anchors[n] = anchored{}
	}
	out := c.newNode()
	m := measure{size: 1}
	switch {
	case n.Kind == yaml.ScalarNode:
		c.scalar(n, out)
	case depth > maxDepth:
		c.tooDeep(diag.Span{Start: c.pos()})
	default:
		m = c.collection(n, out, depth)
	}
	if n.Anchor != "" {
		c.anchors[n] = anchored{out, m}
	}
	return out, m
}

func (c *converter) tooDeep(span diag.Span) {
	c.report(diag.TooDeep, span, fmt.Sprintf("nested more than %d levels deep", maxDepth),
		"No field of a spec nests nearly as deep.", "Check the indentation and the brackets.")
}

func (c *converter) alias(n *yaml.Node, depth int) (*Node, measure) {
	span := diag.Span{Start: c.pos()}
	c.advance(min(1+len(n.Value), len(c.src)-c.off))
	span.End = c.pos()
	out := c.newNode()
	out.Span = span

	target, ok := c.anchors[n.Alias]
	switch {
	case !ok:
		// The anchor is in a part that was left out and reported.
	case target.node == nil:
		c.report(diag.AliasBudget, span, fmt.Sprintf("alias *%s is inside the value it stands for", n.Value),
			"Written out, the value would never end.", "Write the value out as far as it is needed.")
	case c.expanded+target.size > maxExpanded:
		// From here on nothing would fit, so once is enough.
		if !c.exceeded {
			c.report(diag.AliasBudget, span, fmt.Sprintf("the aliases of this document expand to more than %d nodes", maxExpanded),
				"A small file can grow without bounds this way, so there is a limit.", "Write the values out, or use fewer aliases inside aliases.")
		}
		c.exceeded = true
	case target.height > 0 && depth+target.height-1 > maxDepth:
		c.tooDeep(span)
	default:
		// The children are shared: whoever walks the tree meets at most
		// maxExpanded nodes more than there are in the file.
		c.expanded += target.size
		*out = *target.node
		out.Span = span
		return out, target.measure
	}
	return out, measure{size: 1}
}

// scalar fills in a scalar and leaves the cursor at its end.
func (c *converter) scalar(n *yaml.Node, out *Node) {
	out.Kind = Scalar
	out.Value = n.Value
	out.Tag = n.Tag
	if out.Tag == "!!merge" {
		out.Tag = "!!str" // << means something only as a key
	}
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle
	const block = yaml.LiteralStyle | yaml.FoldedStyle
	out.Quoted = n.Style&(quoted|block) != 0

	start := c.pos()
	b := c.peek()
	empty := n.Value == "" && !out.Quoted
	for b == '&' || b == '!' {
		if bang := c.property(); bang && n.Style&yaml.TaggedStyle == 0 {
			out.Tag, out.Quoted = "!!str", true
		}
		end := c.cursor
		c.skipSpace()
		b = c.peek()
		if empty && b != '&' && b != '!' {
			c.cursor = end
			b = 0
		}
		if !empty {
			start = c.pos()
		}
	}
	body := c.cursor
	switch {
	case n.Style&quoted != 0:
		c.quoted()
	case n.Style&block != 0:
		c.block(n.Value)
	default:
		c.plain(n.Value)
	}
	out.Span = diag.Span{Start: start, End: c.pos()}

	if n.Style&yaml.TaggedStyle != 0 {
		c.scalarTag(n, out)
	}
	// Raw control characters have been reported and masked; what is left
	// comes from the escapes of a double-quoted scalar.
	if n.Style&yaml.DoubleQuotedStyle != 0 {
		if i := strings.IndexFunc(n.Value, isControl); i >= 0 {
			r := []rune(n.Value[i:])[0]
			c.report(diag.ControlChar, escapeSpan(body), describeControl(r)+" in a value",
				"A control character could end a line of a native file and smuggle a directive into it.",
				`Remove it; only \n and \t are allowed, and only in arguments and environment values.`)
		}
	}
}

// escapeSpan finds the escape sequence that makes the first control character
// of the double-quoted scalar at the cursor.
func escapeSpan(c cursor) diag.Span {
	c.step()
	for c.off < len(c.src) && c.src[c.off] != '"' {
		if c.src[c.off] != '\\' {
			c.step()
			continue
		}
		start := c.pos()
		n, r := escape(c.src[c.off:])
		c.advance(max(n, 1))
		if isControl(r) {
			return diag.Span{Start: start, End: c.pos()}
		}
	}
	return diag.Span{Start: c.pos()}
}

// coreTag reports the tags that a document may spell out.
func coreTag(tag string) bool {
	switch tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp":
		return true
	}
	return false
}

func (c *converter) scalarTag(n *yaml.Node, out *Node) {
	// Ask for the type that the text has by itself.
	implicit := (&yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}).ShortTag()
	switch {
	case !coreTag(n.Tag):
		c.badTag(n)
		out.Tag = "!!str"
	case n.Tag == "!!str":
		out.Quoted = true
	case n.Tag == implicit, n.Tag == "!!float" && implicit == "!!int":
		out.Quoted = false
	default:
		c.report(diag.WrongType, out.Span, fmt.Sprintf("%q is not what the tag %s says", n.Value, n.Tag),
			"The tag promises another type than the text has.", "Remove the tag.")
		out.Tag = implicit
	}
}

// badTag reports a tag that has no meaning in a spec.
func (c *converter) badTag(n *yaml.Node) {
	at := c.cursor
	at.seek(n.Line+c.base, n.Column)
	if at.peek() == '&' {
		at.property()
		at.skipSpace()
	}
	span := diag.Span{Start: at.pos()}
	if at.peek() == '!' {
		at.property()
		span.End = at.pos()
	}
	c.report(diag.WrongType, span, fmt.Sprintf("tag %s is not supported", n.Tag),
		"Tags make a YAML library build objects of its own; a spec has only text, numbers, lists and mappings.",
		"Remove the tag, or quote the value if the exclamation mark belongs to it.")
}

// collection does what lists and mappings have in common.
func (c *converter) collection(n *yaml.Node, out *Node, depth int) (m measure) {
	start := c.pos()
	list := n.Kind == yaml.SequenceNode
	open := byte(0)
	if n.Style&yaml.FlowStyle != 0 {
		for b := c.peek(); b == '&' || b == '!'; b = c.peek() {
			c.property()
			c.skipSpace()
			start = c.pos()
		}
		// A single pair inside [] is a mapping without braces.
		if b := c.peek(); b == '[' && list || b == '{' && !list {
			open = b
			c.step()
		}
	}
	if list && n.Tag != "!!seq" || !list && n.Tag != "!!map" {
		c.badTag(n)
	}
	if list {
		m = c.sequence(n, out, depth)
	} else {
		m = c.mapping(n, out, depth)
	}
	m.height++
	m.size++
	if open != 0 {
		end := c.cursor
		for end.skipSpace(); end.peek() == ','; end.skipSpace() {
			end.step()
		}
		if b := end.peek(); b == open+2 { // ] and } are two after [ and { in ASCII
			end.step()
			c.cursor = end
		}
	}
	out.Span = diag.Span{Start: start, End: c.pos()}
	return m
}

func (c *converter) sequence(n *yaml.Node, out *Node, depth int) (m measure) {
	out.Kind, out.Tag = Sequence, "!!seq"
	if k := len(n.Content); k <= len(c.items) {
		out.Items, c.items = c.items[:0:k], c.items[k:]
	}
	c.steps = append(c.steps, step{})
	for i, e := range n.Content {
		c.steps[len(c.steps)-1].index = i
		child, cm := c.node(e, depth+1)
		out.Items = append(out.Items, child)
		m.size += cm.size
		m.height = max(m.height, cm.height)
	}
	c.steps = c.steps[:len(c.steps)-1]
	return m
}

func (c *converter) mapping(n *yaml.Node, out *Node, depth int) (m measure) {
	out.Kind, out.Tag = Mapping, "!!map"
	k := len(n.Content) / 2
	if k <= len(c.pairs) {
		out.Pairs, c.pairs = c.pairs[:0:k], c.pairs[k:]
	}
	var seen map[string]int // key to index in out.Pairs; small mappings are searched instead
	if k > 32 {
		seen = make(map[string]int, k)
	}
	var merge *Node // value of <<
	var mergeSpan diag.Span
	mergeAt := 0

	c.steps = append(c.steps, step{index: -1})
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, span, sort := c.key(n.Content[i])
		c.steps[len(c.steps)-1].key = key
		value, cm := c.node(n.Content[i+1], depth+1)
		m.size += cm.size
		m.height = max(m.height, cm.height)

		switch sort {
		case badKey:
			continue
		case mergeKey:
			if merge == nil {
				merge, mergeSpan, mergeAt = value, span, len(out.Pairs)
			} else {
				c.duplicate("<<", span, mergeSpan, "Merge several mappings with one key: <<: [*a, *b].")
			}
			continue
		}
		first := -1
		if seen == nil {
			for j := range out.Pairs {
				if out.Pairs[j].Key == key {
					first = j
					break
				}
			}
		} else if j, dup := seen[key]; dup {
			first = j
		} else {
			seen[key] = len(out.Pairs)
		}
		if first >= 0 {
			c.duplicate(key, span, out.Pairs[first].KeySpan, "Keep one of them.")
			continue
		}
		out.Pairs = append(out.Pairs, Pair{Key: key, KeySpan: span, Value: value})
	}
	if merge != nil {
		c.steps[len(c.steps)-1].key = "<<"
		c.merge(out, merge, mergeAt)
	}
	c.steps = c.steps[:len(c.steps)-1]
	return m
}

func (c *converter) duplicate(key string, span, first diag.Span, fix string) {
	d := c.report(diag.DuplicateKey, span, fmt.Sprintf("key %q is given twice", key),
		"YAML does not say which of two equal keys counts, and programs differ.", fix)
	d.Related = []diag.Related{{Span: first, Message: "first given here"}}
}

// merge adds the entries of the value of a merge key in its place. What the
// mapping says itself goes before what is merged, and an earlier mapping of a
// list before a later one (https://yaml.org/type/merge.html).
func (c *converter) merge(out, value *Node, at int) {
	sources := []*Node{value}
	if value.Kind == Sequence {
		sources = value.Items
	}
	seen := make(map[string]bool, len(out.Pairs))
	for i := range out.Pairs {
		seen[out.Pairs[i].Key] = true
	}
	var merged []Pair
	for _, s := range sources {
		switch s.Kind {
		case Invalid: // reported
		case Mapping:
			for _, p := range s.Pairs {
				if !seen[p.Key] {
					seen[p.Key] = true
					merged = append(merged, p)
				}
			}
		default:
			c.report(diag.MergeKey, s.Span, fmt.Sprintf("a %s cannot be merged into a mapping", s.Kind),
				"The key << takes over the entries of another mapping.",
				"Give an alias of a mapping, <<: *name, or a list of such aliases; quote the key if it is meant literally.")
		}
	}
	if len(merged) == 0 {
		return
	}
	pairs := make([]Pair, 0, len(out.Pairs)+len(merged))
	pairs = append(pairs, out.Pairs[:at]...)
	pairs = append(pairs, merged...)
	out.Pairs = append(pairs, out.Pairs[at:]...)
}

type keySort uint8

const (
	badKey keySort = iota
	textKey
	mergeKey
)

// key reads a mapping key. A plain key is its text whatever type that might
// have, so that on: and 80: are what they look like.
func (c *converter) key(n *yaml.Node) (string, diag.Span, keySort) {
	c.seek(n.Line+c.base, n.Column)
	var k Node
	switch {
	case n.Kind == yaml.AliasNode:
		target, _ := c.alias(n, 1)
		if target.Kind == Invalid {
			return "", target.Span, badKey
		}
		k = *target
	case n.Kind == yaml.ScalarNode:
		c.scalar(n, &k)
		if n.Anchor != "" {
			if c.anchors == nil {
				c.anchors = make(map[*yaml.Node]anchored)
			}
			keep := k
			c.anchors[n] = anchored{&keep, measure{size: 1}}
		}
		if n.Tag == "!!merge" && n.Style == 0 && !k.Quoted {
			return "<<", k.Span, mergeKey
		}
	default:
		start := c.pos()
		c.badKey(diag.Span{Start: start}, "a list or mapping is used as a key")
		return "", diag.Span{Start: start}, badKey
	}
	if k.Kind != Scalar {
		c.badKey(k.Span, "a list or mapping is used as a key")
		return "", k.Span, badKey
	}
	if k.Tag == "!!null" {
		c.badKey(k.Span, "a key is empty")
		return "", k.Span, badKey
	}
	return k.Value, k.Span, textKey
}

func (c *converter) badKey(span diag.Span, summary string) {
	// The path is that of the mapping: this entry has no name.
	last := c.steps[len(c.steps)-1]
	c.steps = c.steps[:len(c.steps)-1]
	c.report(diag.KeyType, span, summary, "Keys are names, so they must be plain text.",
		"Write key: value, with the key on the same line as its colon; quote it if it begins with a special character.")
	c.steps = append(c.steps, last)
}
