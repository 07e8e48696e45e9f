// Package schema writes the JSON Schema (2020-12) of the daemon spec, for
// editors (yaml-language-server) and other tools, from the field index. It
// accepts every document that the decoder accepts; the decoder checks more
// (paths, references, schedules, rules between fields).
package schema

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/field"
)

// ID is the canonical address of the schema.
const ID = "https://daemonize.github.io/schema/v1.json"

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	key   string
	value any // object, []any, or a plain value
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(m.key))
		b.WriteByte(':')
		var v bytes.Buffer
		enc := json.NewEncoder(&v)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
		b.Write(bytes.TrimSpace(v.Bytes()))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Generate returns the schema as indented JSON.
func Generate() ([]byte, error) {
	root := append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", ID},
		{"title", "daemonize daemon spec"},
		{"description", "One service, rendered for any service manager by daemonize."},
	}, mapping("")...)
	root = append(root, member{"required", []any{"version", "name"}},
		member{"oneOf", []any{object{{"required", []any{"command"}}}, object{{"required", []any{"shell"}}}}})
	raw, err := root.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// mapping is the schema of the mapping name, "" for the document.
func mapping(name string) object {
	var props object
	for _, key := range field.Keys(name) {
		full := key
		if name != "" {
			full = name + "." + key
		}
		if id, ok := field.Lookup(full); ok {
			props = append(props, member{key, leaf(id.Info())})
			continue
		}
		props = append(props, member{key, group(full)})
	}
	return object{{"type", "object"}, {"additionalProperties", false}, {"properties", props}}
}

// group is the schema of a group of fields with its shorter forms.
func group(name string) object {
	var m field.Mapping
	for _, g := range field.Mappings() {
		if g.Name == name {
			m = g
		}
	}
	s := mapping(name)
	if m.Sugar != "" {
		id, _ := field.Lookup(name + "." + m.Sugar)
		s = object{{"anyOf", []any{value(id.Info()), s}}}
	}
	if m.Repeated {
		item := s
		s = object{{"anyOf", []any{object{{"type", "array"}, {"items", item}}, item}}}
	}
	return append(object{{"description", m.Doc}}, s...)
}

func leaf(info *field.Info) object {
	s := object{{"description", info.Doc}}
	if info.Default != "" {
		s = append(s, member{"default", plain(info.Default)})
	}
	return append(s, value(info)...)
}

// plain reads a default the way YAML would.
func plain(s string) any {
	switch s {
	case "true":
		return true
	case "false":
		return false
	}
	if n, err := strconv.Atoi(s); err == nil && (s == "0" || s[0] != '0') {
		return n
	}
	if strings.Contains(s, ",") {
		var list []any
		for part := range strings.SplitSeq(s, ",") {
			list = append(list, plain(part))
		}
		return list
	}
	return s
}

var (
	text      = object{{"type", "string"}}
	scalar    = object{{"type", []any{"string", "number", "boolean"}}}
	number    = object{{"type", []any{"string", "integer"}}} // a quoted number is a number, too
	path      = object{{"type", "string"}, {"pattern", `^(/|\$\{)`}}
	texts     = oneOrMore(scalar)
	paths     = oneOrMore(object{{"type", "string"}})
	stringMap = object{{"type", "object"}, {"additionalProperties", scalar}}
)

func oneOrMore(item object) object {
	return object{{"anyOf", []any{item, object{{"type", "array"}, {"items", item}}}}}
}

func integer(lo, hi int) object {
	return object{{"anyOf", []any{object{{"type", "integer"}, {"minimum", lo}, {"maximum", hi}}, object{{"type", "string"}, {"pattern", `^-?[0-9]+$`}}}}}
}

func orInfinity(o object) object {
	return object{{"anyOf", []any{object{{"const", "infinity"}}, o}}}
}

// value is the schema of the field's value by kind.
func value(info *field.Info) object {
	switch info.Kind {
	case "version":
		return object{{"const", 1}}
	case "bool":
		return object{{"anyOf", []any{object{{"type", "boolean"}}, object{{"enum", []any{"yes", "no", "on", "off"}}}}}}
	case "word":
		return object{{"enum", words(info.Enum)}}
	case "boolword":
		return object{{"enum", append(words(info.Enum), true, false, "on", "off")}}
	case "duration":
		return object{{"anyOf", []any{object{{"type", "string"}, {"pattern", `^(0|infinity|([0-9]+(\.[0-9]+)?(us|ms|s|sec|seconds?|m|min|minutes?|h|hr|hours?|d|days?|w|weeks?) *)+)$`}}, object{{"const", 0}}}}}
	case "size":
		return object{{"anyOf", []any{object{{"type", "integer"}, {"minimum", 0}}, object{{"type", "string"}, {"pattern", `^(infinity|[0-9]+(\.[0-9]+)?[KMGTPE]?)$`}}}}}
	case "mode":
		return object{{"type", []any{"string", "integer"}}, {"pattern", `^[0-7]{3,4}$`}}
	case "count":
		return orInfinity(integer(0, 1<<31-1))
	case "positive":
		return integer(1, 1<<31-1)
	case "weight":
		return integer(1, 10000)
	case "nice":
		return integer(-20, 19)
	case "rtprio":
		return integer(1, 99)
	case "ioprio":
		return integer(0, 7)
	case "oomadj":
		return integer(-1000, 1000)
	case "cpus":
		return object{{"type", []any{"number", "string"}}}
	case "rlimit", "rsize":
		return object{{"anyOf", []any{number, object{{"type", "object"}, {"additionalProperties", false}, {"required", []any{"soft", "hard"}}, {"properties", object{{"soft", number}, {"hard", number}}}}}}}
	case "name":
		return object{{"type", "string"}, {"pattern", `^[a-z_][a-z0-9_-]{0,30}$`}}
	case "path":
		return path
	case "paths", "condpaths", "mountpaths", "binds", "tmpfs":
		return paths
	case "command":
		return object{{"anyOf", []any{object{{"type", "string"}}, object{{"type", "array"}, {"items", scalar}, {"minItems", 1}}}}}
	case "environment":
		return object{{"anyOf", []any{stringMap, object{{"type", "array"}, {"items", object{{"type", "string"}, {"pattern", "^[A-Za-z_][A-Za-z0-9_]*="}}}}}}}
	case "credentials":
		return object{{"type", "object"}, {"additionalProperties", path}}
	case "ignores":
		return object{{"type", "object"}, {"additionalProperties", false}, {"patternProperties", object{{"^H[0-9]{3}$", object{{"type", "string"}, {"minLength", 1}}}}}}
	case "devlimits":
		return object{{"type", "object"}, {"additionalProperties", number}}
	case "namespaces":
		return object{{"anyOf", []any{object{{"type", "boolean"}}, text, object{{"type", "array"}, {"items", text}}}}}
	case "overrides":
		return object{{"type", "object"}, {"additionalProperties", object{{"type", "object"}}}}
	case "consents":
		return object{{"type", "object"}, {"additionalProperties", oneOrMore(text)}}
	case "stdin", "output":
		return object{{"type", []any{"string", "null"}}} // the word null is YAML's null
	case "user", "signal", "cpuset":
		return number
	case "cpulist":
		return oneOrMore(number)
	case "script", "text", "fdname", "calendar", "cron", "timezone", "httpurl", "hostport", "subdir", "errno":
		return scalar
	}
	return texts // all other kinds are lists of words
}

func words(enum []string) []any {
	list := make([]any, len(enum))
	for i, w := range enum {
		list[i] = w
	}
	return list
}

// Form describes for people how the value of a field is written.
func Form(info *field.Info) string {
	switch info.Kind {
	case "word":
		return "one of " + strings.Join(info.Enum, ", ")
	case "boolword":
		return "one of " + strings.Join(info.Enum, ", ") + "; or true, false"
	}
	for _, f := range forms {
		if f.kind == info.Kind {
			return f.form
		}
	}
	return "text"
}

var forms = [...]struct {
	kind field.Kind
	form string
}{
	{"version", "the number 1"},
	{"name", "a name: a lower-case letter or `_`, then up to 30 lower-case letters, digits, `_` or `-`"},
	{"text", "text on one line"},
	{"uris", "a list of URIs"},
	{"command", "a list of arguments, or a string split by the quoting rules of sh"},
	{"script", "a POSIX sh script"},
	{"bool", "true or false"},
	{"path", "an absolute path"},
	{"paths", "a list of absolute paths"},
	{"condpaths", "a list of absolute paths, each with ! before it to negate"},
	{"condwords", "a list of words, each with ! before it to negate"},
	{"mountpaths", "a list of absolute paths, each with - before it if it may be missing"},
	{"binds", "a list of source, source:target or source:target:options"},
	{"tmpfs", "a list of path or path:options"},
	{"subdir", "a relative path"},
	{"user", "a name or a number"},
	{"users", "a list of names or numbers"},
	{"mode", "an octal mode in quotes, such as \"0750\""},
	{"environment", "a mapping of names to values, or a list of K=V"},
	{"vars", "a list of names of variables"},
	{"credentials", "a mapping of names to paths"},
	{"duration", "a duration such as 30s, 5m, 1h30m, or infinity"},
	{"size", "a size such as 512M, or infinity"},
	{"count", "a whole number, or infinity"},
	{"positive", "a whole number above 0"},
	{"signal", "a signal such as SIGTERM"},
	{"statuses", "a list of exit codes and signals"},
	{"units", "a list of services or units"},
	{"targets", "a list of targets"},
	{"runlevels", "a list of runlevels"},
	{"calendar", "a calendar expression of systemd.time(7)"},
	{"cron", "a five-field cron expression"},
	{"timezone", "an IANA time zone"},
	{"fdname", "letters, digits, `-`, `_` and `.`"},
	{"listen", "one or more URLs such as tcp://127.0.0.1:8080 or unix:///run/web.sock"},
	{"rlimit", "a number or infinity, or {soft, hard}"},
	{"rsize", "a size or infinity, or {soft, hard}"},
	{"cpus", "a number such as 1.5"},
	{"weight", "a number from 1 to 10000"},
	{"cpuset", "numbers and ranges such as 0-3,6"},
	{"cpulist", "a list of processor numbers"},
	{"devlimits", "a mapping of devices or paths to limits"},
	{"ignores", "a mapping of rules to reasons"},
	{"nice", "a number from -20 to 19"},
	{"rtprio", "a number from 1 to 99"},
	{"ioprio", "a number from 0 to 7"},
	{"oomadj", "a number from -1000 to 1000"},
	{"output", "journal, syslog, null, inherit, file:/path or append:/path"},
	{"stdin", "null or file:/path"},
	{"httpurl", "an http or https URL"},
	{"hostport", "host:port"},
	{"instances", "a list of names"},
	{"namespaces", "true, false, or a list of cgroup, ipc, net, mnt, pid, user, uts, time, each with ~ before it to refuse"},
	{"families", "a list of families such as AF_INET, each with ~ before it to refuse, or none"},
	{"syscalls", "a list of system calls and @groups, each with ~ before it to refuse"},
	{"errno", "an error such as EPERM, or kill"},
	{"archs", "a list of architectures"},
	{"capabilities", "a list of capabilities, each with ~ before it for all but these"},
	{"securebits", "a list of flags"},
	{"networks", "a list of addresses and networks, any, localhost, link-local, multicast"},
	{"words", "a list of words, each with ~ before it to refuse"},
	{"devices", "a list of devices with their rights"},
	{"overrides", "a mapping of backends to native keys"},
	{"consents", "a mapping of backends to lists of fields"},
}
