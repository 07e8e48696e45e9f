package spec

import (
	"errors"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
	"github.com/daemonize/daemonize/spec/schedule"
)

// One method per kind of value, named by the kind: textValue reads kind text.
// Each returns the zero value after reporting a problem.

// scalar returns the text of a scalar, false after reporting anything else.
func (d *decoder) scalar(n *ynode.Node) (string, bool) {
	if n.Kind != ynode.Scalar || n.Tag == "!!null" {
		d.wrongType(n, "a single value")
		return "", false
	}
	return n.Value, true
}

// list returns the items of a list of scalars; a single scalar counts as one.
func (d *decoder) list(n *ynode.Node) []*ynode.Node {
	if n.Kind == ynode.Scalar && n.Tag != "!!null" {
		return []*ynode.Node{n}
	}
	if n.Kind != ynode.Sequence {
		d.wrongType(n, "a list")
		return nil
	}
	return n.Items
}

// each reads a list of scalars, each by read.
func each[T any](d *decoder, n *ynode.Node, id field.ID, read func(*ynode.Node, field.ID) T) []T {
	items := d.list(n)
	out := make([]T, 0, len(items))
	for _, item := range items {
		out = append(out, read(item, id))
	}
	return out
}

func (d *decoder) bad(n *ynode.Node, code diag.Code, what, fix string) {
	d.report(n, code, d.pathOf(n)+": "+what, fix)
}

// literal returns a scalar in which references have become marks. Newlines
// and tabs are left to the caller; all other control characters were refused
// when the document was parsed.
func (d *decoder) literal(n *ynode.Node) (string, bool) {
	s, ok := d.scalar(n)
	if !ok {
		return "", false
	}
	out, bad := parseRefs(s, func(r Ref) { d.refs |= refBit(r) })
	if bad != "" {
		d.bad(n, diag.BadReference, "unknown reference "+bad,
			"values are not expanded by a shell; known are ${instance}, ${name}, ${runtime_dir}, ${state_dir}, ${cache_dir}, ${logs_dir}, ${config_dir}; a literal $ before { is written $$")
	}
	return out, bad == ""
}

// line is a literal without newlines and tabs.
func (d *decoder) line(n *ynode.Node) (string, bool) {
	s, ok := d.literal(n)
	if ok && strings.ContainsAny(s, "\n\t") {
		d.bad(n, diag.ControlChar, "the value holds a newline or tab", "write it on one line")
		return "", false
	}
	return s, ok
}

// filled is a line that is not empty.
func (d *decoder) filled(n *ynode.Node) (string, bool) {
	s, ok := d.line(n)
	if ok && strings.TrimSpace(s) == "" {
		d.bad(n, diag.BadValue, "the value is empty", "give it a value or remove the key")
		return "", false
	}
	if ok && s != strings.TrimSpace(s) {
		d.bad(n, diag.BadValue, "the value begins or ends with a space", "remove the space")
		return "", false
	}
	return s, ok
}

func (d *decoder) textValue(n *ynode.Node, _ field.ID) string {
	s, _ := d.filled(n)
	return s
}

func (d *decoder) versionValue(n *ynode.Node, _ field.ID) int {
	if s, ok := d.scalar(n); ok && s != "1" {
		d.bad(n, diag.BadValue, "this daemonize reads version 1, not "+strconv.Quote(s), "write `version: 1`")
	}
	return 1
}

func (d *decoder) boolValue(n *ynode.Node, _ field.ID) bool {
	s, ok := d.scalar(n)
	if !ok {
		return false
	}
	if !n.Quoted {
		switch s {
		case "true", "True", "TRUE", "yes", "on":
			return true
		case "false", "False", "FALSE", "no", "off":
			return false
		}
	}
	d.bad(n, diag.WrongType, "must be true or false, not "+strconv.Quote(s), "")
	return false
}

func (d *decoder) wordValue(n *ynode.Node, id field.ID) string {
	s, ok := d.scalar(n)
	if !ok {
		return ""
	}
	return d.oneOf(n, s, id.Info().Enum)
}

// boolwordValue reads fields whose words include yes and no (or for
// ipv6_only both and ipv6-only), for which YAML booleans stand as well.
func (d *decoder) boolwordValue(n *ynode.Node, id field.ID) string {
	s, ok := d.scalar(n)
	if !ok {
		return ""
	}
	enum := id.Info().Enum
	no, yes := "no", "yes"
	if id == field.SocketsIPv6Only {
		no, yes = "both", "ipv6-only"
	}
	switch s {
	case "true", "True", "TRUE", "yes", "on":
		return yes
	case "false", "False", "FALSE", "no", "off":
		return no
	}
	return d.oneOf(n, s, enum)
}

func (d *decoder) oneOf(n *ynode.Node, s string, words []string) string {
	if slices.Contains(words, s) {
		return s
	}
	fix := "one of " + strings.Join(words, ", ")
	if near := Nearest(s, words); near != "" {
		fix = "did you mean " + near + "? The words are " + strings.Join(words, ", ")
	}
	d.bad(n, diag.UnknownWord, "unknown word "+strconv.Quote(s), fix)
	return ""
}

// integer reads a whole number in lo..hi.
func (d *decoder) integer(n *ynode.Node, lo, hi int) int {
	s, ok := d.scalar(n)
	if !ok {
		return 0
	}
	i, err := strconv.Atoi(s)
	if err != nil {
		d.bad(n, diag.WrongType, "must be a whole number, not "+strconv.Quote(s), "")
		return 0
	}
	if i < lo || i > hi {
		d.bad(n, diag.OutOfRange, strconv.Itoa(i)+" is not between "+strconv.Itoa(lo)+" and "+strconv.Itoa(hi), "")
		return 0
	}
	return i
}

// Unlimited is the count written infinity.
const Unlimited = -1

func (d *decoder) countValue(n *ynode.Node, _ field.ID) int {
	if n.Kind == ynode.Scalar && n.Value == "infinity" {
		return Unlimited
	}
	return d.integer(n, 0, math.MaxInt32)
}

func (d *decoder) positiveValue(n *ynode.Node, _ field.ID) int { return d.integer(n, 1, math.MaxInt32) }
func (d *decoder) weightValue(n *ynode.Node, _ field.ID) int   { return d.integer(n, 1, 10000) }
func (d *decoder) niceValue(n *ynode.Node, _ field.ID) int     { return d.integer(n, -20, 19) }
func (d *decoder) rtprioValue(n *ynode.Node, _ field.ID) int   { return d.integer(n, 1, 99) }
func (d *decoder) ioprioValue(n *ynode.Node, _ field.ID) int   { return d.integer(n, 0, 7) }
func (d *decoder) oomadjValue(n *ynode.Node, _ field.ID) int   { return d.integer(n, -1000, 1000) }

func (d *decoder) cpusValue(n *ynode.Node, _ field.ID) float64 {
	s, ok := d.scalar(n)
	if !ok {
		return 0
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsNaN(f):
		d.bad(n, diag.WrongType, "must be a number of processors such as 1.5, not "+strconv.Quote(s), "")
		return 0
	case f < 0.01 || f > 8192:
		d.bad(n, diag.OutOfRange, s+" is not between 0.01 and 8192", "")
		return 0
	}
	return f
}

func (d *decoder) durationValue(n *ynode.Node, _ field.ID) Duration {
	s, ok := d.scalar(n)
	if !ok {
		return 0
	}
	v, ok := ParseDuration(s)
	if !ok {
		fix := "write a number with a unit, such as 30s, 5m, 1h30m or 250ms, or infinity"
		if _, err := strconv.Atoi(s); err == nil && s[0] != '-' {
			fix = "did you mean " + s + "s?"
		}
		d.bad(n, diag.BadDuration, strconv.Quote(s)+" is not a duration", fix)
	}
	return v
}

func (d *decoder) sizeValue(n *ynode.Node, _ field.ID) Size {
	s, ok := d.scalar(n)
	if !ok {
		return 0
	}
	v, ok := ParseSize(s)
	if !ok {
		fix := "write bytes or a number with K, M, G or T, such as 512M, or infinity"
		short := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(strings.ReplaceAll(s, " ", "")), "B"), "I")
		if _, ok := ParseSize(short); ok {
			fix = "did you mean " + short + "?"
		}
		d.bad(n, diag.BadSize, strconv.Quote(s)+" is not a size", fix)
	}
	return v
}

func (d *decoder) modeValue(n *ynode.Node, _ field.ID) Mode {
	s, ok := d.scalar(n)
	if !ok {
		return 0
	}
	m, err := strconv.ParseUint(s, 8, 32)
	switch {
	case err != nil || m > 0o7777 || len(s) < 3:
		d.bad(n, diag.BadValue, strconv.Quote(s)+" is not an octal mode", "write three or four octal digits in quotes, such as \"0750\"")
	case !n.Quoted && s[0] != '0':
		// 750 without a leading zero is a decimal number to YAML and to half of its readers.
		d.bad(n, diag.BadValue, s+" is a decimal number", "write the mode in quotes: \"0"+strings.TrimLeft(s, "0")+"\"")
	}
	return Mode(m)
}

func (d *decoder) nameValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.scalar(n)
	if ok && !ValidName(s) {
		d.bad(n, diag.BadName, strconv.Quote(s)+" cannot be a name", "use a lower-case letter or underscore, then up to 30 lower-case letters, digits, `_` or `-`")
		return ""
	}
	return s
}

// ValidName reports whether s can be the name of a daemon on every backend.
func ValidName(s string) bool {
	if s == "" || len(s) > 31 || s[0] != '_' && (s[0] < 'a' || s[0] > 'z') {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// instancesValue accepts what is literal in unit names, file names and
// supervisord process names alike.
func (d *decoder) instancesValue(n *ynode.Node, _ field.ID) []string {
	items := d.list(n)
	if n.Kind == ynode.Sequence && len(items) == 0 {
		d.bad(n, diag.BadValue, "the list of instances is empty", "name at least one, or remove the key")
	}
	out := make([]string, 0, len(items))
	seen := map[string]bool{}
	for _, item := range items {
		s, ok := d.scalar(item)
		if !ok {
			continue
		}
		valid := s != "" && len(s) <= 31 && isAlnum(s[0])
		for i := range len(s) {
			valid = valid && (isAlnum(s[i]) || s[i] == '_' || s[i] == '.')
		}
		switch {
		case !valid:
			d.bad(item, diag.BadName, strconv.Quote(s)+" cannot be an instance", "use letters, digits, `_` and `.`, beginning with a letter or digit")
		case seen[s]:
			d.bad(item, diag.DuplicateName, "instance "+strconv.Quote(s)+" is given twice", "remove one")
		default:
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func (d *decoder) userValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.line(n)
	if ok && !validUser(s) {
		d.bad(n, diag.BadName, strconv.Quote(Display(s))+" cannot be a user or group", "use a name of letters, digits, `_`, `-` and `.`, or a number")
		return ""
	}
	return s
}

// validUser is what systemd calls a strict user name (src/basic/user-util.c,
// valid_user_group_name), or a numeric ID other than the reserved -1.
func validUser(s string) bool {
	if len(s) == 0 || len(s) > 31 {
		return false
	}
	if s[0] >= '0' && s[0] <= '9' {
		n, err := strconv.ParseUint(s, 10, 32)
		return err == nil && n < math.MaxUint32 && n != math.MaxUint16
	}
	for i := 0; i < len(s); i++ {
		if s[i] == RefMark { // a reference such as ${instance}: its value is checked where it is given
			i++
			continue
		}
		if !isAlnum(s[i]) && s[i] != '_' && (i == 0 || s[i] != '-' && s[i] != '.') {
			return false
		}
	}
	return true
}

func (d *decoder) usersValue(n *ynode.Node, id field.ID) []string { return each(d, n, id, d.userValue) }

// pathValue accepts absolute, clean paths.
func (d *decoder) pathValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.line(n)
	if ok && !d.checkPath(n, s) {
		return ""
	}
	return s
}

func (d *decoder) checkPath(n *ynode.Node, s string) bool {
	// A directory reference stands for an absolute path.
	abs := strings.HasPrefix(s, "/") || len(s) > 1 && s[0] == RefMark && s[1] != byte(RefInstance) && s[1] != byte(RefName)
	switch {
	case !abs:
		fix := "write the whole path from /"
		if strings.HasPrefix(s, "~") {
			fix = "~ is expanded by shells only; " + fix
		}
		d.bad(n, diag.BadPath, strconv.Quote(Display(s))+" is not an absolute path", fix)
		return false
	case len(s) > 4095:
		d.bad(n, diag.BadPath, "the path is longer than 4095 bytes", "")
		return false
	case s != "/" && strings.HasSuffix(s, "/"):
		d.bad(n, diag.BadPath, strconv.Quote(Display(s))+" ends in a slash", "remove the slash")
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." || part == "." {
			d.bad(n, diag.BadPath, strconv.Quote(Display(s))+" has a "+strconv.Quote(part)+" component", "write the path without it")
			return false
		}
	}
	if strings.Contains(s, "//") {
		d.bad(n, diag.BadPath, strconv.Quote(Display(s))+" has an empty component", "write single slashes")
		return false
	}
	if s != strings.TrimRight(s, " ") {
		d.bad(n, diag.BadPath, strconv.Quote(Display(s))+" ends in a space", "native formats drop trailing spaces; rename the file")
		return false
	}
	return true
}

func (d *decoder) pathsValue(n *ynode.Node, id field.ID) []string { return each(d, n, id, d.pathValue) }

// subdirValue is a relative, clean path.
func (d *decoder) subdirValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.filled(n)
	if !ok {
		return ""
	}
	valid := s[0] != '/' && !strings.HasSuffix(s, "/") && !strings.ContainsAny(s, ": \"'\\")
	for part := range strings.SplitSeq(s, "/") {
		valid = valid && part != "" && part != "." && part != ".."
	}
	if !valid {
		d.bad(n, diag.BadPath, strconv.Quote(Display(s))+" is not a name below the base directory", "write a relative name such as web or web/data, without spaces, quotes or colons; for a directory elsewhere use hooks or your package")
		return ""
	}
	return s
}

// commandValue reads an argument vector or a string that is split.
func (d *decoder) commandValue(n *ynode.Node, _ field.ID) Command {
	var args Command
	switch {
	case n.Kind == ynode.Sequence:
		for _, item := range n.Items {
			if s, ok := d.literal(item); ok {
				args = append(args, s)
			}
		}
		if len(args) < len(n.Items) {
			return nil
		}
	default:
		s, ok := d.scalar(n)
		if !ok {
			return nil
		}
		split, err := SplitCommand(s)
		if err != nil {
			d.bad(n, diag.BadCommand, err.Error(), "write the command as a list, one item per argument")
			return nil
		}
		for _, arg := range split {
			v, bad := parseRefs(arg, func(r Ref) { d.refs |= refBit(r) })
			if bad != "" {
				d.bad(n, diag.BadReference, "unknown reference "+bad, "values are not expanded by a shell; a literal $ before { is written $$")
				return nil
			}
			args = append(args, v)
		}
	}
	if len(args) == 0 || args[0] == "" {
		d.bad(n, diag.BadCommand, "the command is empty", "name the program to run")
		return nil
	}
	prog := args[0]
	switch {
	case !strings.HasPrefix(prog, "/") && !(len(prog) > 1 && prog[0] == RefMark):
		d.bad(n, diag.BadCommand, "the program "+strconv.Quote(Display(prog))+" is not an absolute path", "managers differ in where they search for programs; write the whole path, for example /usr/bin/"+Display(prog[strings.LastIndexByte(prog, '/')+1:]))
		return nil
	case strings.ContainsAny(prog, "\n\t"):
		d.bad(n, diag.ControlChar, "the program's path holds a newline or tab", "rename the program")
		return nil
	case !d.checkPath(n, prog):
		return nil
	}
	return args
}

// scriptValue is a POSIX sh script; ${...} in it belongs to the shell.
func (d *decoder) scriptValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.scalar(n)
	if ok && strings.TrimSpace(s) == "" {
		d.bad(n, diag.BadCommand, "the script is empty", "")
		return ""
	}
	return s
}

func (d *decoder) environmentValue(n *ynode.Node, _ field.ID) Environment {
	var env Environment
	seen := map[string]bool{}
	add := func(at *ynode.Node, name, value string) {
		switch {
		case !validVar(name):
			d.bad(at, diag.BadName, strconv.Quote(name)+" cannot be the name of a variable", "use letters, digits and `_`, not beginning with a digit")
		case seen[name]:
			d.bad(at, diag.DuplicateKey, "variable "+name+" is given twice", "keep one")
		default:
			seen[name] = true
			env = append(env, Var{name, value})
		}
	}
	switch n.Kind {
	case ynode.Mapping:
		env = make(Environment, 0, len(n.Pairs))
		for i := range n.Pairs {
			if v, ok := d.literal(n.Pairs[i].Value); ok {
				add(n.Pairs[i].Value, n.Pairs[i].Key, v)
			}
		}
	case ynode.Sequence:
		for _, item := range n.Items {
			s, ok := d.literal(item)
			if !ok {
				continue
			}
			name, value, found := strings.Cut(s, "=")
			if !found {
				d.bad(item, diag.BadValue, strconv.Quote(Display(s))+" is not of the form K=V", "to pass a variable of the manager on use pass_environment")
				continue
			}
			add(item, name, value)
		}
	default:
		d.wrongType(n, "a mapping or a list of K=V")
	}
	return env
}

// validVar is the intersection of what systemd, POSIX sh and supervisord take.
func validVar(s string) bool {
	for i := range len(s) {
		if s[i] != '_' && !isAlnum(s[i]) || i == 0 && '0' <= s[0] && s[0] <= '9' {
			return false
		}
	}
	return s != ""
}

func (d *decoder) varsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.scalar(n)
		if ok && !validVar(s) {
			d.bad(n, diag.BadName, strconv.Quote(s)+" cannot be the name of a variable", "use letters, digits and `_`, not beginning with a digit")
		}
		return s
	})
}

func (d *decoder) credentialsValue(n *ynode.Node, id field.ID) []Credential {
	pairs := d.pairs(n)
	out := make([]Credential, 0, len(pairs))
	for i := range pairs {
		p := &pairs[i]
		if strings.ContainsAny(p.Key, "/: \t\n%$") || p.Key == "" || p.Key == "." || p.Key == ".." || len(p.Key) > 255 {
			d.bad(p.Value, diag.BadName, strconv.Quote(p.Key)+" cannot be the name of a credential", "it becomes a file name: use letters, digits, `_`, `-` and `.`")
			continue
		}
		out = append(out, Credential{p.Key, d.pathValue(p.Value, id)})
	}
	return out
}

// ignoresValue reads rules of audits. Which rules there are is known to the
// audit only.
func (d *decoder) ignoresValue(n *ynode.Node, _ field.ID) []Ignore {
	pairs := d.pairs(n)
	out := make([]Ignore, 0, len(pairs))
	for i := range pairs {
		p := &pairs[i]
		if len(p.Key) != 4 || p.Key[0] != 'H' || strings.Trim(p.Key[1:], "0123456789") != "" {
			d.bad(p.Value, diag.BadName, strconv.Quote(p.Key)+" is not the ID of a rule", "write it as audit prints it, such as H080")
			continue
		}
		reason, ok := d.scalar(p.Value)
		if reason = strings.TrimSpace(reason); ok && reason == "" {
			d.bad(p.Value, diag.BadValue, "the reason is missing", "say why the findings of "+p.Key+" do not count")
			continue
		}
		out = append(out, Ignore{p.Key, reason})
	}
	return out
}

func (d *decoder) devlimitsValue(n *ynode.Node, id field.ID) []DeviceLimit {
	pairs := d.pairs(n)
	out := make([]DeviceLimit, 0, len(pairs))
	for i := range pairs {
		p := &pairs[i]
		if !strings.HasPrefix(p.Key, "/") || strings.ContainsAny(p.Key, " \t\n\"'\\") {
			d.bad(p.Value, diag.BadPath, strconv.Quote(p.Key)+" is not an absolute path", "name a device such as /dev/sda, or a path on it")
			continue
		}
		out = append(out, DeviceLimit{p.Key, d.sizeValue(p.Value, id)})
	}
	return out
}

func (d *decoder) rlimitValue(n *ynode.Node, _ field.ID) Rlimit {
	return d.rlimit(n, func(s string) (uint64, bool) {
		v, err := strconv.ParseUint(s, 10, 63)
		return v, err == nil
	}, "a whole number or infinity")
}

func (d *decoder) rsizeValue(n *ynode.Node, _ field.ID) Rlimit {
	return d.rlimit(n, func(s string) (uint64, bool) {
		v, ok := ParseSize(s)
		return uint64(v), ok
	}, "a size such as 512M, or infinity")
}

func (d *decoder) rlimit(n *ynode.Node, parse func(string) (uint64, bool), form string) Rlimit {
	one := func(n *ynode.Node) uint64 {
		s, ok := d.scalar(n)
		if !ok {
			return 0
		}
		if s == "infinity" {
			return RlimInfinity
		}
		v, ok := parse(s)
		if !ok {
			d.bad(n, diag.BadValue, strconv.Quote(s)+" is not a limit", "write "+form)
		}
		return v
	}
	if n.Kind != ynode.Mapping {
		v := one(n)
		return Rlimit{v, v}
	}
	var l Rlimit
	soft, hard := n.Get("soft"), n.Get("hard")
	for i := range n.Pairs {
		if p := &n.Pairs[i]; p.Key != "soft" && p.Key != "hard" {
			d.add(diag.Diagnostic{
				Code: diag.UnknownKey, Severity: diag.Error, File: d.file, Span: p.KeySpan, Path: d.pathOf(p.Value),
				Summary: "unknown key " + strconv.Quote(p.Key) + " in " + d.pathOf(n), Fix: "a limit is a value, or {soft: value, hard: value}",
			})
			return l
		}
	}
	if soft == nil || hard == nil {
		d.bad(n, diag.Required, "a limit with parts needs both soft and hard", "write {soft: value, hard: value}")
		return l
	}
	reported := len(*d.diags)
	l = Rlimit{one(soft.Value), one(hard.Value)}
	if l.Soft > l.Hard && len(*d.diags) == reported {
		d.bad(n, diag.OutOfRange, "the soft limit is above the hard limit", "swap them or raise the hard limit")
	}
	return l
}

func (d *decoder) statusesValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, id field.ID) string {
		s, ok := d.scalar(n)
		if !ok {
			return ""
		}
		if i, err := strconv.Atoi(s); err == nil {
			if i < 0 || i > 255 {
				d.bad(n, diag.OutOfRange, s+" is not an exit code", "exit codes are 0 to 255; write signals by name")
			}
			return strconv.Itoa(i)
		}
		return d.signalValue(n, id)
	})
}

// networks

func (d *decoder) listenValue(n *ynode.Node, _ field.ID) []Address {
	items := d.list(n)
	if n.Kind == ynode.Sequence && len(items) == 0 {
		d.bad(n, diag.BadListen, "the list of addresses is empty", "")
	}
	out := make([]Address, 0, len(items))
	for _, item := range items {
		s, ok := d.line(item)
		if !ok {
			continue
		}
		a, problem := parseAddress(s)
		if problem != "" {
			d.bad(item, diag.BadListen, strconv.Quote(Display(s))+" "+problem, "write a URL such as tcp://0.0.0.0:8080, tcp://[::1]:80, udp://:53, unix:///run/web.sock or fifo:///run/web.fifo")
			continue
		}
		if !a.IP() && a.Path[0] != '@' && !d.checkPath(item, a.Path) {
			continue
		}
		if a.Path != "" && len(a.Path) > 107 && a.Network != FIFO {
			d.bad(item, diag.BadListen, "the socket path is longer than 107 bytes", "unix(7) has no room for more; use a shorter path")
			continue
		}
		out = append(out, a)
	}
	return out
}

// parseAddress reads a listen URL; problem says what is wrong with it.
func parseAddress(s string) (a Address, problem string) {
	network, rest, ok := strings.Cut(s, "://")
	if !ok {
		return a, "is not a listen address"
	}
	a.Network = network
	switch network {
	case TCP, UDP:
		i := strings.LastIndexByte(rest, ':')
		if i < 0 {
			return a, "has no port"
		}
		port, err := strconv.ParseUint(rest[i+1:], 10, 16)
		if err != nil || port == 0 {
			return a, "has no port between 1 and 65535"
		}
		a.Port = int(port)
		host := rest[:i]
		if h, ok := strings.CutPrefix(host, "["); ok {
			host, ok = strings.CutSuffix(h, "]")
			if !ok {
				return a, "has an unclosed ["
			}
			ip, err := netip.ParseAddr(host)
			if err != nil || !ip.Is6() || strings.ContainsAny(ip.Zone(), " ]%/\"'\\") {
				return a, "has no valid IPv6 address in brackets"
			}
		} else if host != "" && host != "*" {
			ip, err := netip.ParseAddr(host)
			if err != nil {
				return a, "has a host that is not an IP address (managers do not resolve names)"
			}
			if ip.Is6() {
				return a, "has an IPv6 address without brackets"
			}
		}
		if host == "*" {
			host = ""
		}
		a.Host = host
	case Unix, UnixDatagram, UnixSeq, FIFO:
		if rest == "" || rest[0] != '/' && rest[0] != RefMark && (rest[0] != '@' || len(rest) == 1 || network == FIFO) {
			return a, "has no absolute path"
		}
		a.Path = rest
	default:
		return a, "has an unknown scheme " + strconv.Quote(network)
	}
	return a, ""
}

func (d *decoder) hostportValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.filled(n)
	if !ok {
		return ""
	}
	i := strings.LastIndexByte(s, ':')
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if i < 1 || err != nil || port == 0 || !validHost(s[:i]) {
		d.bad(n, diag.BadValue, strconv.Quote(Display(s))+" is not host:port", "for example 127.0.0.1:8080 or [::1]:8080")
		return ""
	}
	return s
}

func validHost(h string) bool {
	if ip, ok := strings.CutPrefix(h, "["); ok {
		ip, ok = strings.CutSuffix(ip, "]")
		_, err := netip.ParseAddr(ip)
		return ok && err == nil
	}
	for i := range len(h) {
		if !isAlnum(h[i]) && h[i] != '.' && h[i] != '-' && h[i] != '_' {
			return false
		}
	}
	return h != "" && h[0] != '-'
}

func (d *decoder) httpurlValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.filled(n)
	if !ok {
		return ""
	}
	rest, isHTTP := strings.CutPrefix(s, "http://")
	if !isHTTP {
		rest, isHTTP = strings.CutPrefix(s, "https://")
	}
	if !isHTTP || rest == "" || rest[0] == '/' || strings.ContainsAny(s, " \"'\\<>`") {
		d.bad(n, diag.BadValue, strconv.Quote(Display(s))+" is not an http or https URL", "for example http://127.0.0.1:8080/health")
		return ""
	}
	return s
}

func (d *decoder) networksValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.scalar(n)
		if !ok {
			return ""
		}
		switch s {
		case "any", "localhost", "link-local", "multicast":
			return s
		}
		if _, err := netip.ParseAddr(s); err == nil {
			return s
		}
		if _, err := netip.ParsePrefix(s); err != nil {
			d.bad(n, diag.BadValue, strconv.Quote(s)+" is not an address or network", "write 10.0.0.0/8, ::1, any, localhost, link-local or multicast")
		}
		return s
	})
}

// units and conditions

// unitsValue reads names of services or units: what systemd allows in a unit
// name (unit_name_is_valid, src/basic/unit-name.c), which no other manager
// gives a meaning.
func (d *decoder) unitsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.line(n)
		if !ok {
			return ""
		}
		valid := s != "" && len(s) < 256
		for i := 0; i < len(s); i++ {
			if s[i] == RefMark {
				i++
				continue
			}
			valid = valid && (isAlnum(s[i]) || strings.IndexByte(":-_.\\@", s[i]) >= 0)
		}
		if !valid {
			d.bad(n, diag.BadName, strconv.Quote(Display(s))+" cannot be the name of a service or unit", "use letters, digits and :-_.@")
			return ""
		}
		return s
	})
}

func (d *decoder) targetsValue(n *ynode.Node, id field.ID) []string { return d.unitsValue(n, id) }

func (d *decoder) runlevelsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.scalar(n)
		if ok && (len(s) != 1 || !strings.Contains("0123456S", s)) {
			d.bad(n, diag.OutOfRange, strconv.Quote(s)+" is not a runlevel", "runlevels are 0 to 6 and S; services usually run in 2, 3, 4 and 5")
		}
		return s
	})
}

func (d *decoder) condpathsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.line(n)
		if !ok {
			return ""
		}
		if !d.checkPath(n, strings.TrimPrefix(s, "!")) {
			return ""
		}
		return s
	})
}

func (d *decoder) condwordsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.filled(n)
		if ok && (s == "!" || strings.HasPrefix(s, "|")) {
			d.bad(n, diag.BadValue, strconv.Quote(s)+" is not a condition", "a condition is a word, with ! before it to negate")
			return ""
		}
		return s
	})
}

// mounts

// mountpathsValue reads paths with the prefix - (may be missing) of
// systemd.exec(5); its + (relative to the root directory) goes with it.
func (d *decoder) mountpathsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.line(n)
		if !ok || !d.checkPath(n, strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")) {
			return ""
		}
		return s
	})
}

// bindsValue reads source, source:target or source:target:options.
func (d *decoder) bindsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.line(n)
		if !ok {
			return ""
		}
		parts := strings.SplitN(strings.TrimPrefix(s, "-"), ":", 3)
		for i, p := range parts {
			if i < 2 && !d.checkPath(n, p) {
				return ""
			}
		}
		return s
	})
}

// tmpfsValue reads path or path:options.
func (d *decoder) tmpfsValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.line(n)
		path, _, _ := strings.Cut(s, ":")
		if !ok || !d.checkPath(n, path) {
			return ""
		}
		return s
	})
}

func (d *decoder) devicesValue(n *ynode.Node, id field.ID) []string {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) string {
		s, ok := d.filled(n)
		if !ok {
			return ""
		}
		dev, perm, found := strings.Cut(s, " ")
		class := strings.HasPrefix(dev, "char-") || strings.HasPrefix(dev, "block-")
		if !class && !strings.HasPrefix(dev, "/dev/") || found && (perm == "" || strings.Trim(perm, "rwm") != "") {
			d.bad(n, diag.BadValue, strconv.Quote(Display(s))+" is not a device", "write a node and its rights, such as /dev/null rw, or a class such as char-pts rw")
			return ""
		}
		return s
	})
}

func (d *decoder) cpusetValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.scalar(n)
	if !ok {
		return ""
	}
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, isRange := strings.Cut(part, "-")
		l, err := strconv.ParseUint(lo, 10, 13)
		h, err2 := l, error(nil)
		if isRange {
			h, err2 = strconv.ParseUint(hi, 10, 13)
		}
		if err != nil || err2 != nil || h < l {
			d.bad(n, diag.BadValue, strconv.Quote(s)+" is not a list of numbers", "write numbers and ranges, such as 0-3,6")
			return ""
		}
	}
	return s
}

func (d *decoder) cpulistValue(n *ynode.Node, id field.ID) []int {
	return each(d, n, id, func(n *ynode.Node, _ field.ID) int { return d.integer(n, 0, 8191) })
}

// logging

func (d *decoder) outputValue(n *ynode.Node, _ field.ID) string {
	return d.stream(n, []string{"journal", "syslog", "null", "inherit"}, []string{"file:", "append:"})
}

func (d *decoder) stdinValue(n *ynode.Node, _ field.ID) string {
	if n.Kind == ynode.Scalar && n.Tag == "!!null" && n.Value == "null" {
		return "null" // the word, which YAML takes for its null
	}
	return d.stream(n, []string{"null"}, []string{"file:"})
}

func (d *decoder) stream(n *ynode.Node, words, files []string) string {
	if n.Kind == ynode.Scalar && n.Tag == "!!null" && n.Value == "null" {
		return "null"
	}
	s, ok := d.line(n)
	if !ok {
		return ""
	}
	if slices.Contains(words, s) {
		return s
	}
	for _, f := range files {
		if path, ok := strings.CutPrefix(s, f); ok {
			if d.checkPath(n, path) {
				return s
			}
			return ""
		}
	}
	forms := append([]string(nil), words...)
	for _, f := range files {
		forms = append(forms, f+"/path")
	}
	d.bad(n, diag.UnknownWord, "unknown stream "+strconv.Quote(Display(s)), "one of "+strings.Join(forms, ", "))
	return ""
}

// schedules

func (d *decoder) calendarValue(n *ynode.Node, _ field.ID) string {
	return d.scheduleText(n, schedule.ParseCalendar)
}

func (d *decoder) cronValue(n *ynode.Node, _ field.ID) string {
	return d.scheduleText(n, schedule.ParseCron)
}

func (d *decoder) scheduleText(n *ynode.Node, parse func(string) (schedule.Schedule, error)) string {
	s, ok := d.scalar(n)
	if !ok {
		return ""
	}
	if _, err := parse(s); err != nil {
		var syntax *schedule.SyntaxError
		if !errors.As(err, &syntax) {
			d.bad(n, diag.BadSchedule, err.Error(), "")
			return ""
		}
		at := *n
		if n.Span.Start.Line == n.Span.End.Line && n.Span.End.Column-n.Span.Start.Column == len(s)+2*quoteWidth(n) {
			// Plain ASCII on one line: point into the expression.
			at.Span.Start.Column += quoteWidth(n) + min(syntax.Offset, len(s)-1)
			at.Span.End.Column = 0
			at.Span.End.Line = 0
		}
		d.add(diag.Diagnostic{
			Code: diag.BadSchedule, Severity: diag.Error, File: d.file, Span: at.Span, Path: d.pathOf(n),
			Summary: d.pathOf(n) + ": " + syntax.Problem, Fix: syntax.Fix,
		})
		return ""
	}
	return s
}

// quoteWidth is how far the text of a scalar lies behind its start.
func quoteWidth(n *ynode.Node) int {
	if n.Quoted {
		return 1
	}
	return 0
}

func (d *decoder) timezoneValue(n *ynode.Node, _ field.ID) string {
	s, ok := d.scalar(n)
	if !ok {
		return ""
	}
	if err := schedule.CheckZone(s); err != nil {
		problem, fix, _ := strings.Cut(err.Error(), "; ")
		d.bad(n, diag.UnknownWord, problem, fix)
		return ""
	}
	return s
}

// finishTimers checks that each timer has one trigger and parses schedules.
func (d *decoder) finishTimers() {
	names := map[string]int{}
	for i := range d.Timers {
		t := &d.Timers[i]
		path := "timers[" + strconv.Itoa(i) + "]"
		n, _ := d.root.Find(path)
		if n == nil || n.Kind != ynode.Mapping {
			continue
		}
		var given []string
		for _, key := range []string{"calendar", "cron", "every", "on_boot"} {
			if n.Get(key) != nil {
				given = append(given, key)
			}
		}
		switch len(given) {
		case 0:
			if hasUnknownKey(n, "timers") {
				break // most likely the trigger, misspelled
			}
			d.report(n, diag.Required, path+" has no trigger", "give it one of calendar, cron, every and on_boot")
		case 1:
		default:
			d.exclusive(path+"."+given[0], path+"."+given[1])
		}
		if p := n.Get("every"); p != nil && (t.Every == Infinity || t.Every < Second) && p.Value.Kind == ynode.Scalar {
			if _, ok := ParseDuration(p.Value.Value); ok {
				d.report(p.Value, diag.OutOfRange, path+".every must be between one second and a finite time", "")
			}
		}
		if t.Name == "" {
			t.Name = strconv.Itoa(i + 1)
		}
		if first, dup := names[t.Name]; dup {
			g := d.Diagnostic(diag.DuplicateName, diag.Error, path, "timer "+strconv.Quote(t.Name)+" is defined twice")
			g.Related = []diag.Related{{Span: d.Span("timers[" + strconv.Itoa(first) + "]"), Message: "first defined here"}}
			g.Fix = "give each timer a name of its own"
			d.add(g)
		}
		names[t.Name] = i
		switch {
		case t.Calendar != "":
			t.Schedule, _ = schedule.ParseCalendar(t.Calendar)
		case t.Cron != "":
			t.Schedule, _ = schedule.ParseCron(t.Cron)
		}
		if t.Timezone == "" {
			continue
		}
		for j := range t.Schedule {
			if zone := t.Schedule[j].Zone; zone != "" && zone != t.Timezone {
				d.exclusive(path+".calendar", path+".timezone")
				break
			}
			t.Schedule[j].Zone = t.Timezone
		}
	}
}

// hasUnknownKey reports whether a mapping of the vocabulary holds a key that
// is not part of it, which has been reported.
func hasUnknownKey(n *ynode.Node, name string) bool {
	keys := field.Keys(name)
	return slices.ContainsFunc(n.Pairs, func(p ynode.Pair) bool { return !slices.Contains(keys, p.Key) })
}

// escape hatches

func (d *decoder) overridesValue(n *ynode.Node, _ field.ID) []Override {
	var out []Override
	for _, backend := range d.pairs(n) {
		if !ValidName(backend.Key) {
			d.bad(backend.Value, diag.BadName, strconv.Quote(backend.Key)+" is not a backend", "")
			continue
		}
		d.override(backend.Value, Override{Backend: backend.Key}, &out)
	}
	return out
}

func (d *decoder) override(n *ynode.Node, o Override, out *[]Override) {
	switch n.Kind {
	case ynode.Mapping:
		for _, p := range n.Pairs {
			c := o
			c.Keys = append(append([]string(nil), o.Keys...), p.Key)
			d.override(p.Value, c, out)
		}
		return
	case ynode.Sequence:
		o.List = true
		for _, item := range n.Items {
			if item.Kind != ynode.Scalar {
				d.report(item, diag.WrongType, d.pathOf(item)+" must be a single value, not "+describe(item), "lists of native values hold scalars only")
				return
			}
			o.Type = strings.TrimPrefix(item.Tag, "!!")
			if v, ok := d.literal(item); ok {
				o.Values = append(o.Values, v)
			}
		}
	default:
		o.Type = strings.TrimPrefix(n.Tag, "!!")
		if o.Type != "null" {
			v, ok := d.literal(n)
			if !ok {
				return
			}
			o.Values = []string{v}
		}
	}
	if len(o.Keys) == 0 {
		d.report(n, diag.WrongType, d.pathOf(n)+" must be a mapping of native keys, not "+describe(n), "")
		return
	}
	*out = append(*out, o)
}

func (d *decoder) consentsValue(n *ynode.Node, _ field.ID) []Consent {
	var out []Consent
	for _, p := range d.pairs(n) {
		if p.Key != "*" && !ValidName(p.Key) {
			d.bad(p.Value, diag.BadName, strconv.Quote(p.Key)+" is not a backend", "name a backend, or * for all")
			continue
		}
		for _, item := range d.list(p.Value) {
			s, ok := d.scalar(item)
			if !ok {
				continue
			}
			if !knownField(s) {
				d.bad(item, diag.UnknownWord, strconv.Quote(s)+" is neither a field nor a group of fields", "docs/reference.md lists them")
				continue
			}
			out = append(out, Consent{p.Key, s})
		}
	}
	return out
}

func knownField(name string) bool {
	for _, id := range field.All() {
		if id.Within(name) {
			return true
		}
	}
	return false
}
