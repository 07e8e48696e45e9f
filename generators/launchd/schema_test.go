package launchd

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"

	"howett.net/plist"
)

// The schema of launchd.plist(5): what a key holds. It is written apart from
// the generator and knows keys that the generator never writes.
//
//	S string, P absolute path, B bool, I integer, A list of strings, L list of paths,
//	D dict of strings, R dict of limits; others are checked by name below
var schema = map[string]string{
	"Label": "S", "Disabled": "B", "UserName": "S", "GroupName": "S", "inetdCompatibility": "inetd",
	"LimitLoadToSessionType": "S", "Program": "P", "ProgramArguments": "A", "EnableGlobbing": "B",
	"EnableTransactions": "B", "EnablePressuredExit": "B", "KeepAlive": "keepalive", "RunAtLoad": "B", "RootDirectory": "P",
	"WorkingDirectory": "P", "EnvironmentVariables": "D", "Umask": "I 0 511", "TimeOut": "I 0 2147483647",
	"ExitTimeOut": "I 0 2147483647", "ThrottleInterval": "I 0 2147483647", "InitGroups": "B", "WatchPaths": "L",
	"QueueDirectories": "L", "StartOnMount": "B", "StartInterval": "I 1 2147483647", "StartCalendarInterval": "calendar",
	"StandardInPath": "P", "StandardOutPath": "P", "StandardErrorPath": "P", "Debug": "B", "WaitForDebugger": "B",
	"SoftResourceLimits": "R", "HardResourceLimits": "R", "Nice": "I -20 20", "ProcessType": "S", "AbandonProcessGroup": "B",
	"LowPriorityIO": "B", "LowPriorityBackgroundIO": "B", "LaunchOnlyOnce": "B", "SessionCreate": "B", "LegacyTimers": "B",
	"Sockets": "sockets",
}

// check returns what is wrong with a plist according to the schema.
func check(name string, content []byte) []string {
	var keys map[string]any
	if _, err := plist.Unmarshal(content, &keys); err != nil {
		return []string{err.Error()}
	}
	c := checker{keys: keys}
	for k, v := range keys {
		kind, ok := schema[k]
		if !ok {
			c.bad("unknown key %s", k)
			continue
		}
		c.value(k, kind, v)
	}
	label, _ := keys["Label"].(string)
	if path.Base(name) != label+".plist" {
		c.bad("label %q in %s", label, name)
	}
	argv, _ := keys["ProgramArguments"].([]any)
	if len(argv) == 0 && keys["Program"] == nil {
		c.bad("nothing to run")
	}
	if len(argv) > 0 && !strings.HasPrefix(fmt.Sprint(argv[0]), "/") {
		c.bad("relative program %v", argv[0])
	}
	// Exclusive and pointless pairs.
	keep := keys["KeepAlive"]
	for _, k := range []string{"StartInterval", "StartCalendarInterval", "WatchPaths", "QueueDirectories", "Sockets"} {
		if keep != nil && keys[k] != nil {
			c.bad("KeepAlive beside %s", k)
		}
	}
	if keys["inetdCompatibility"] != nil && (keys["Sockets"] == nil || keys["StandardOutPath"] != nil) {
		c.bad("inetdCompatibility without sockets or with an output file")
	}
	for _, k := range []string{"EnableGlobbing", "OnDemand", "ServiceIPC", "Debug", "WaitForDebugger"} {
		if keys[k] != nil {
			c.bad("%s is deprecated or dangerous", k)
		}
	}
	if n := strings.Count(string(content), "<key>Label</key>"); n != 1 {
		c.bad("%d labels", n) // parsers take the last of duplicates and say nothing
	}
	sort.Strings(c.problems)
	return c.problems
}

type checker struct {
	keys     map[string]any
	problems []string
}

func (c *checker) bad(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) integer(k string, v any, lo, hi int64) {
	var n int64
	switch v := v.(type) {
	case uint64:
		n = int64(min(v, math.MaxInt64))
	case int64:
		n = v
	default:
		c.bad("%s is %T, not an integer", k, v)
		return
	}
	if n < lo || n > hi {
		c.bad("%s %d is not in %d..%d", k, n, lo, hi)
	}
}

func (c *checker) dict(k string, v any, each func(k string, v any)) {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		c.bad("%s is %T, not a filled dictionary", k, v)
		return
	}
	for k, v := range m {
		each(k, v)
	}
}

func (c *checker) value(k, kind string, v any) {
	switch {
	case kind == "S" || kind == "P":
		s, ok := v.(string)
		if !ok || s == "" || kind == "P" && s[0] != '/' && s[0] != '~' {
			c.bad("%s: %v", k, v)
		}
	case kind == "B":
		if _, ok := v.(bool); !ok {
			c.bad("%s is %T, not a bool", k, v)
		}
	case kind[0] == 'I':
		var lo, hi int64
		fmt.Sscanf(kind, "I %d %d", &lo, &hi)
		c.integer(k, v, lo, hi)
	case kind == "A" || kind == "L":
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			c.bad("%s is %T, not a filled array", k, v)
		}
		for _, e := range list {
			s, ok := e.(string)
			if !ok || kind == "L" && !strings.HasPrefix(s, "/") {
				c.bad("%s holds %v", k, e)
			}
		}
	case kind == "D":
		c.dict(k, v, func(k string, v any) {
			if _, ok := v.(string); !ok {
				c.bad("variable %s is %T", k, v)
			}
		})
	case kind == "R":
		names := []string{"Core", "CPU", "Data", "FileSize", "MemoryLock", "NumberOfFiles", "NumberOfProcesses", "ResidentSetSize", "Stack"}
		c.dict(k, v, func(k string, v any) {
			if !slices.Contains(names, k) {
				c.bad("unknown limit %s", k)
			}
			c.integer(k, v, 0, math.MaxInt64)
		})
	case kind == "keepalive":
		if _, ok := v.(bool); ok {
			return
		}
		c.dict(k, v, func(k string, v any) {
			if k != "SuccessfulExit" && k != "Crashed" {
				c.bad("unknown key KeepAlive.%s", k)
			}
			c.value(k, "B", v)
		})
	case kind == "inetd":
		c.dict(k, v, func(k string, v any) {
			switch k {
			case "Wait":
				c.value(k, "B", v)
			case "Instances":
				c.integer(k, v, 1, math.MaxInt32)
			default:
				c.bad("unknown key inetdCompatibility.%s", k)
			}
		})
	case kind == "calendar":
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		ranges := map[string][2]int64{"Minute": {0, 59}, "Hour": {0, 23}, "Day": {1, 31}, "Weekday": {0, 7}, "Month": {1, 12}}
		for _, e := range list {
			m, _ := e.(map[string]any)
			c.dict(k, e, func(k string, v any) {
				r, ok := ranges[k]
				if !ok {
					c.bad("unknown key StartCalendarInterval.%s", k)
				}
				c.integer(k, v, r[0], r[1])
			})
			if m["Day"] != nil && m["Weekday"] != nil {
				c.bad("Day and Weekday in one dictionary mean either of them")
			}
			if m["Weekday"] != nil && m["Month"] != nil {
				c.bad("Month is ignored beside Weekday")
			}
			if n, _ := m["Day"].(uint64); n > 28 && m["Month"] == nil {
				c.bad("Day %d spills over without Month", n)
			}
		}
	case kind == "sockets":
		c.dict(k, v, func(name string, v any) {
			list, ok := v.([]any)
			if !ok {
				list = []any{v}
			}
			for _, e := range list {
				m, _ := e.(map[string]any)
				if (m["SockServiceName"] == nil) == (m["SockPathName"] == nil) {
					c.bad("socket %s has no address, or two", name)
				}
				words := map[string][]string{
					"SockType": {"stream", "dgram", "seqpacket"}, "SockFamily": {"IPv4", "IPv6", "IPv4v6", "Unix"}, "SockProtocol": {"TCP", "UDP"},
				}
				c.dict(name, e, func(k string, v any) {
					switch k {
					case "SockPathMode":
						c.integer(k, v, 0, 0o777)
					case "SockNodeName", "SockServiceName":
						c.value(k, "S", v)
					case "SockPathName":
						c.value(k, "P", v)
					default:
						if s, _ := v.(string); !slices.Contains(words[k], s) {
							c.bad("socket %s: %s %v", name, k, v)
						}
					}
				})
			}
		})
	default:
		c.bad("the schema has no kind %s", kind)
	}
}

// A validator that finds nothing proves nothing.
func TestSchemaFindsMistakes(t *testing.T) {
	good := dict{"Label": "x", "ProgramArguments": []string{"/bin/x"}}
	for _, tt := range []struct {
		key   string
		value any
	}{
		{"Label", "y"}, {"ProgramArguments", []string{}}, {"ProgramArguments", []string{"x"}}, {"KeepAlive", "yes"},
		{"KeepAlive", dict{"PathState": "/x"}}, {"Umask", "027"}, {"Umask", int64(1000)}, {"StartCalendarInterval", dict{}},
		{"StartCalendarInterval", dict{"Hour": int64(24)}}, {"StartCalendarInterval", dict{"Day": int64(13), "Weekday": int64(5)}},
		{"StartCalendarInterval", []dict{{"Day": int64(31)}}}, {"StartCalendarInterval", dict{"Weekday": int64(1), "Month": int64(1)}},
		{"Sockets", dict{"a": dict{"SockType": "stream"}}}, {"Sockets", dict{"a": dict{"SockServiceName": "80", "SockType": "tcp"}}},
		{"StartInterval", int64(0)}, {"RunAtLoad", "true"}, {"EnvironmentVariables", dict{"A": int64(1)}}, {"Nice", int64(21)},
		{"HardResourceLimits", dict{"NumberOfThreads": int64(1)}}, {"StandardOutPath", "log"}, {"RestartDelay", int64(1)}, {"inetdCompatibility", dict{"Wait": false}},
	} {
		keys := maps.Clone(good)
		keys[tt.key] = tt.value
		content, err := encode(keys, "")
		if err != nil {
			t.Fatal(err)
		}
		if problems := check("/x/x.plist", content); len(problems) == 0 {
			t.Errorf("%s %v: no problem found", tt.key, tt.value)
		}
	}
	content, _ := encode(good, "")
	if problems := check("/x/x.plist", content); len(problems) > 0 {
		t.Errorf("good plist: %v", problems)
	}
}
