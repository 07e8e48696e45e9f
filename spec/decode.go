package spec

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/internal/ynode"
)

// Decode reads every document of a file. file is the name used in
// diagnostics. The daemons that could be read are returned even when there
// are errors; use them only if the list has none (see [diag.List.HasErrors]).
func Decode(file string, src []byte) ([]*Daemon, diag.List) {
	roots, diags := ynode.Parse(file, src)
	daemons := make([]*Daemon, 0, len(roots))
	for _, root := range roots {
		d := &decoder{Daemon: &Daemon{state: state{file: file, root: root}}, diags: &diags}
		d.document()
		daemons = append(daemons, d.Daemon)
	}
	seen := map[string]*Daemon{}
	for _, d := range daemons {
		if d.Name == "" {
			continue
		}
		if first := seen[d.Name]; first != nil {
			g := d.Diagnostic(diag.DuplicateName, diag.Error, "name", "daemon "+strconv.Quote(d.Name)+" is defined twice in this file")
			g.Related = []diag.Related{{Span: first.Span("name"), Message: "first defined here"}}
			g.Fix = "give each daemon a name of its own"
			diags = append(diags, g)
			continue
		}
		seen[d.Name] = d
	}
	diags.Sort()
	return daemons, diags
}

// decoder walks one document. The methods that read mappings are generated
// (decode_gen.go); those that read values are in kinds.go.
type decoder struct {
	*Daemon
	diags  *diag.List
	broken bool // the document has an error, so rules that look at several fields would only repeat it
}

func (d *decoder) document() {
	v := d.Daemon
	v.defaults()
	if d.root.Kind != ynode.Mapping {
		d.report(d.root, diag.WrongType, "a daemon spec is a mapping of fields, not "+describe(d.root),
			"start from the output of `daemonize init`")
		return
	}
	d.decodeDaemon(d.root, v, 0)
	d.require()
	d.finishTimers()
	d.applyProfile()
	d.checkRefs()
	if !d.broken {
		check(v, d.diags)
	}
}

// require checks what every document needs.
func (d *decoder) require() {
	missing := func(key, fix string) {
		g := d.Diagnostic(diag.Required, diag.Error, "", "missing field "+key)
		g.Span = diag.Span{Start: d.root.Span.Start}
		g.Fix = fix
		d.add(g)
	}
	if !d.IsSet(field.Version) {
		missing("version", "add `version: 1`")
	}
	if !d.IsSet(field.Name) {
		missing("name", "add a name, for example `name: web`")
	}
	switch {
	case !d.IsSet(field.Command) && !d.IsSet(field.Shell):
		missing("command", "add the program to run, for example `command: [/usr/bin/web]`")
	case d.IsSet(field.Command) && d.IsSet(field.Shell):
		d.exclusive("command", "shell")
	}
}

// exclusive reports two fields of which only one may be given.
func (d *decoder) exclusive(a, b string) {
	g := d.Diagnostic(diag.Exclusive, diag.Error, b, b+" and "+a+" exclude each other")
	g.Related = []diag.Related{{Span: d.Span(a), Message: a + " is given here"}}
	g.Fix = "keep one of them"
	d.add(g)
}

func (d *decoder) set(id field.ID) { d.present.add(id) }

func (d *decoder) add(g diag.Diagnostic) {
	if g.Severity == diag.Error {
		d.broken = true
	}
	*d.diags = append(*d.diags, g)
}

// report adds an error about a node.
func (d *decoder) report(n *ynode.Node, code diag.Code, summary, fix string) {
	d.add(diag.Diagnostic{
		Code: code, Severity: diag.Error, File: d.file, Span: n.Span, Path: d.pathOf(n), Summary: summary, Fix: fix,
	})
}

// pathOf finds the path of a node by search: it is only needed for
// diagnostics, so that decoding valid documents costs nothing.
func (d *decoder) pathOf(n *ynode.Node) string {
	var find func(at *ynode.Node, path string) (string, bool)
	find = func(at *ynode.Node, path string) (string, bool) {
		if at == n {
			return path, true
		}
		for i, item := range at.Items {
			if p, ok := find(item, path+"["+strconv.Itoa(i)+"]"); ok {
				return p, true
			}
		}
		for i := range at.Pairs {
			p := &at.Pairs[i]
			key := p.Key
			if strings.ContainsAny(key, ".[]\"") {
				key = "[" + strconv.Quote(key) + "]"
			} else if path != "" {
				key = "." + key
			}
			if p, ok := find(p.Value, path+key); ok {
				return p, true
			}
		}
		return "", false
	}
	path, _ := find(d.root, "")
	return path
}

// pairs returns the entries of a mapping to range over, none after reporting
// that the node is something else.
func (d *decoder) pairs(n *ynode.Node) []ynode.Pair {
	if n.Kind != ynode.Mapping {
		d.wrongType(n, "a mapping")
		return nil
	}
	return n.Pairs
}

// expand turns the sugar form of a group into a mapping with one entry.
func (d *decoder) expand(n *ynode.Node, key string) *ynode.Node {
	if key == "" || n.Kind == ynode.Mapping {
		return n
	}
	return &ynode.Node{Kind: ynode.Mapping, Span: n.Span, Pairs: []ynode.Pair{{Key: key, KeySpan: n.Span, Value: n}}}
}

// items returns the items of a list; where sugar allows, a single item may
// stand without a list.
func (d *decoder) items(n *ynode.Node, sugar string) []*ynode.Node {
	if n.Kind == ynode.Sequence {
		return n.Items
	}
	if n.Kind == ynode.Mapping || sugar != "" && n.Kind == ynode.Scalar && n.Tag != "!!null" {
		return []*ynode.Node{n}
	}
	d.wrongType(n, "a list")
	return nil
}

// wrongType reports a node that is not what the field takes.
func (d *decoder) wrongType(n *ynode.Node, want string) {
	switch {
	case n.Kind == ynode.Invalid: // reported when the document was parsed
		d.broken = true
	case n.Kind == ynode.Scalar && n.Tag == "!!null":
		d.report(n, diag.WrongType, d.pathOf(n)+" has no value", "give it one (empty text is written \"\"), or remove the key")
	default:
		d.report(n, diag.WrongType, d.pathOf(n)+" must be "+want+", not "+describe(n), "")
	}
}

// unknown reports a key that the vocabulary does not have.
func (d *decoder) unknown(parent *ynode.Node, p *ynode.Pair) {
	name := field.OfPath(d.pathOf(parent))
	keys := field.Keys(name)
	where := "at the top level"
	if name != "" {
		where = "in " + name
	}
	g := diag.Diagnostic{
		Code: diag.UnknownKey, Severity: diag.Error, File: d.file, Span: p.KeySpan, Path: d.pathOf(p.Value),
		Summary: "unknown key " + strconv.Quote(p.Key) + " " + where,
	}
	key := snakeCase(p.Key)
	if s := Nearest(key, keys); s != "" {
		g.Fix = "did you mean " + strconv.Quote(s) + "?"
	} else if at := elsewhere(key); at != "" {
		g.Fix = "did you mean " + at + "?"
	} else if len(keys) > 20 {
		g.Fix = "`daemonize explain` lists the known fields"
	} else {
		g.Fix = "known keys: " + strings.Join(keys, ", ")
	}
	d.add(g)
}

// snakeCase writes the keys of native formats, such as WorkingDirectory, as
// those of a spec are written.
func snakeCase(key string) string {
	b := make([]byte, 0, len(key)+4)
	for i := range len(key) {
		c := key[i]
		if 'A' <= c && c <= 'Z' {
			if i > 0 && key[i-1] != '_' && (key[i-1] < 'A' || key[i-1] > 'Z') {
				b = append(b, '_')
			}
			c += 'a' - 'A'
		}
		if c == '-' {
			c = '_'
		}
		b = append(b, c)
	}
	return string(b)
}

// foreign are the keys of systemd, launchd and Compose whose name here has
// nothing in common with them.
var foreign = [...]struct{ key, name string }{
	{"exec_start", "command"}, {"entrypoint", "command"}, {"exec", "command"}, {"args", "command"}, {"program", "command"},
	{"program_arguments", "command"}, {"script", "shell"}, {"label", "name"}, {"working_directory", "working_dir"},
	{"exec_start_pre", "hooks.pre_start"}, {"exec_start_post", "hooks.post_start"}, {"exec_stop", "stop.command"},
	{"exec_stop_post", "hooks.post_stop"}, {"exec_reload", "reload.command"}, {"restart_sec", "restart.delay"},
	{"keep_alive", "restart"}, {"throttle_interval", "restart.delay"}, {"timeout_start_sec", "start.timeout"},
	{"timeout_stop_sec", "stop.timeout"}, {"exit_time_out", "stop.timeout"}, {"stop_grace_period", "stop.timeout"},
	{"kill_signal", "stop.signal"}, {"stop_signal", "stop.signal"}, {"runtime_max_sec", "max_runtime"}, {"watchdog_sec", "watchdog"},
	{"environment_variables", "environment"}, {"env", "environment"}, {"environment_file", "env_file"},
	{"load_credential", "credentials"}, {"secrets", "credentials"}, {"on_calendar", "timers.calendar"}, {"schedule", "timers"},
	{"start_calendar_interval", "timers"}, {"start_interval", "timers.every"}, {"listen_stream", "sockets"}, {"ports", "sockets"},
	{"ulimits", "limits"}, {"mem_limit", "limits.memory"}, {"memory_max", "limits.memory"}, {"cpu_quota", "limits.cpus"},
	{"tasks_max", "limits.pids"}, {"pids_limit", "limits.pids"}, {"limit_nofile", "limits.nofile"}, {"cap_add", "sandboxing.capabilities.ambient"},
	{"cap_drop", "sandboxing.capabilities.bounding"}, {"capability_bounding_set", "sandboxing.capabilities.bounding"},
	{"ambient_capabilities", "sandboxing.capabilities.ambient"}, {"system_call_filter", "sandboxing.system_calls.filter"},
	{"restrict_address_families", "sandboxing.address_families"}, {"security", "sandboxing"}, {"runtime_directory", "directories.runtime"},
	{"state_directory", "directories.state"}, {"cache_directory", "directories.cache"}, {"logs_directory", "directories.logs"},
	{"configuration_directory", "directories.config"}, {"standard_output", "logging.stdout"}, {"standard_out_path", "logging.stdout"},
	{"standard_error", "logging.stderr"}, {"standard_error_path", "logging.stderr"}, {"syslog_identifier", "logging.identifier"},
	{"replicas", "instances"}, {"scale", "instances"}, {"numprocs", "instances"}, {"autostart", "install.enable"}, {"run_at_load", "install.enable"},
}

// elsewhere finds a field of that name in another group, or the field that
// does what the key does in another format.
func elsewhere(key string) string {
	for _, f := range foreign {
		if f.key == key {
			return f.name
		}
	}
	found := ""
	for _, id := range field.All() {
		// A condition is the least likely of fields with the same key.
		if id.Key() == key && (found == "" || strings.HasPrefix(found, "conditions.")) {
			found = id.String()
		}
	}
	return found
}

// Nearest returns the candidate closest to word, or "" if none is close
// enough to be a misspelling of it.
func Nearest(word string, candidates []string) string {
	best, bestDist := "", len(word)/3+2
	lower := strings.ToLower(strings.ReplaceAll(word, "-", "_"))
	for _, c := range candidates {
		if dist := editDistance(lower, strings.ToLower(c), bestDist); dist < bestDist {
			best, bestDist = c, dist
		}
	}
	return best
}

// editDistance is the Damerau-Levenshtein distance (adjacent letters may be
// swapped), cut off at limit.
func editDistance(a, b string, limit int) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	var rows [3][65]int
	prev2, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

// checkRefs reports references that mean nothing in this document.
func (d *decoder) checkRefs() {
	if d.refs == 0 {
		return
	}
	for ref, group := range map[Ref]struct {
		needs field.ID
		fix   string
	}{
		RefInstance:   {field.Instances, "list the instances, for example `instances: [a, b]`"},
		RefRuntimeDir: {field.DirectoriesRuntimeName, "declare it, for example `directories: {runtime: " + d.Name + "}`"},
		RefStateDir:   {field.DirectoriesStateName, "declare it, for example `directories: {state: " + d.Name + "}`"},
		RefCacheDir:   {field.DirectoriesCacheName, "declare it, for example `directories: {cache: " + d.Name + "}`"},
		RefLogsDir:    {field.DirectoriesLogsName, "declare it, for example `directories: {logs: " + d.Name + "}`"},
		RefConfigDir:  {field.DirectoriesConfigName, "declare it, for example `directories: {config: " + d.Name + "}`"},
	} {
		if d.HasRef(ref) && !d.IsSet(group.needs) {
			d.report(d.findText(ref.String()), diag.BadReference, ref.String()+" is used, but "+group.needs.String()+" is not given", group.fix)
		}
	}
	if !d.IsSet(field.Instances) {
		return
	}
	for _, id := range []field.ID{field.Name, field.Instances} {
		for _, p := range d.Places(id) {
			if n, _ := d.root.Find(p.Path); n != nil && strings.Contains(n.Value, "${instance}") {
				d.report(n, diag.BadReference, "${instance} cannot be used in "+id.String(), "the manager adds the instance to the name itself")
			}
		}
	}
}

// findText returns the first scalar that contains text, for positions.
func (d *decoder) findText(text string) *ynode.Node {
	var find func(n *ynode.Node) *ynode.Node
	find = func(n *ynode.Node) *ynode.Node {
		if n.Kind == ynode.Scalar && strings.Contains(n.Value, text) {
			return n
		}
		for _, item := range n.Items {
			if f := find(item); f != nil {
				return f
			}
		}
		for i := range n.Pairs {
			if f := find(n.Pairs[i].Value); f != nil {
				return f
			}
		}
		return nil
	}
	if n := find(d.root); n != nil {
		return n
	}
	return d.root
}

// describe names what a node is, for messages.
func describe(n *ynode.Node) string {
	switch n.Kind {
	case ynode.Mapping:
		return "a mapping"
	case ynode.Sequence:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "an empty value"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}
