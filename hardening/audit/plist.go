package audit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"howett.net/plist"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// value is a value of a property list and where it stands. Binary lists have
// no places.
type value struct {
	at     diag.Pos
	text   string // of scalars; numbers in decimal, booleans as true and false
	kind   byte   // s, i, b, a, d; 0 for anything else
	items  []value
	keys   []string // of a dictionary
	keysAt []diag.Pos
}

// get returns the value of a key, nil when there is none.
func (v *value) get(key string) *value {
	if v == nil || v.kind != 'd' {
		return nil
	}
	if i := slices.Index(v.keys, key); i >= 0 {
		return &v.items[i]
	}
	return nil
}

func (v *value) string() string {
	if v == nil || v.kind != 's' {
		return ""
	}
	return v.text
}

func (v *value) isTrue() bool { return v != nil && v.kind == 'b' && v.text == "true" }

const maxNesting = 64

var errNesting = errors.New("the property list is nested too deeply")

// parsePlist reads a property list: XML with places, anything else without.
func parsePlist(src []byte) (value, error) {
	head := bytes.TrimLeft(src, "\ufeff \t\r\n")
	if !bytes.HasPrefix(head, []byte("<")) {
		var v any
		if _, err := plist.Unmarshal(src, &v); err != nil {
			return value{}, fmt.Errorf("not a property list: %w", err)
		}
		return generic(v, 0)
	}
	dec := xml.NewDecoder(bytes.NewReader(src))
	dec.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") {
			return r, nil
		}
		return nil, fmt.Errorf("the encoding %s is not read: use UTF-8", strconv.Quote(charset))
	}
	p := plistReader{dec: dec}
	for {
		t, err := p.next()
		if err != nil {
			return value{}, fmt.Errorf("not a property list: %w", err)
		}
		if start, ok := t.(xml.StartElement); ok {
			if start.Name.Local == "plist" {
				continue
			}
			v, err := p.value(start, 0)
			if err != nil {
				return value{}, fmt.Errorf("not a property list: %w", err)
			}
			return v, nil
		}
	}
}

// generic converts what package plist reads.
func generic(v any, depth int) (value, error) {
	if depth > maxNesting {
		return value{}, errNesting
	}
	switch v := v.(type) {
	case string:
		return value{kind: 's', text: v}, nil
	case bool:
		return value{kind: 'b', text: strconv.FormatBool(v)}, nil
	case uint64:
		return value{kind: 'i', text: strconv.FormatUint(v, 10)}, nil
	case int64:
		return value{kind: 'i', text: strconv.FormatInt(v, 10)}, nil
	case []any:
		out := value{kind: 'a'}
		for _, item := range v {
			i, err := generic(item, depth+1)
			if err != nil {
				return out, err
			}
			out.items = append(out.items, i)
		}
		return out, nil
	case map[string]any:
		out := value{kind: 'd'}
		for k := range v {
			out.keys = append(out.keys, k)
		}
		slices.Sort(out.keys)
		for _, k := range out.keys {
			i, err := generic(v[k], depth+1)
			if err != nil {
				return out, err
			}
			out.items, out.keysAt = append(out.items, i), append(out.keysAt, diag.Pos{})
		}
		return out, nil
	}
	return value{}, nil
}

type plistReader struct {
	dec *xml.Decoder
	at  diag.Pos // where the last token began
}

func (p *plistReader) next() (xml.Token, error) {
	line, column := p.dec.InputPos()
	t, err := p.dec.Token()
	p.at = diag.Pos{Line: line, Column: column}
	return t, err
}

// inner returns the text up to the end of the element.
func (p *plistReader) inner() (string, error) {
	var b strings.Builder
	for {
		t, err := p.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return b.String(), nil
		case xml.StartElement:
			return "", fmt.Errorf("line %d: <%s> inside of text", p.at.Line, t.Name.Local)
		}
	}
}

func (p *plistReader) value(start xml.StartElement, depth int) (value, error) {
	v := value{at: p.at}
	if depth > maxNesting {
		return v, errNesting
	}
	switch start.Name.Local {
	case "dict", "array":
		v.kind = 'a'
		if start.Name.Local == "dict" {
			v.kind = 'd'
		}
		return v, p.items(&v, depth)
	case "true", "false":
		v.kind, v.text = 'b', start.Name.Local
		_, err := p.inner()
		return v, err
	case "string":
		v.kind = 's'
	case "integer":
		v.kind = 'i'
	}
	var err error
	v.text, err = p.inner()
	if v.kind == 'i' {
		v.text = strings.TrimSpace(v.text)
	}
	return v, err
}

// items reads the inside of a dictionary or an array.
func (p *plistReader) items(v *value, depth int) error {
	for {
		t, err := p.next()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if len(v.keys) > len(v.items) {
				return fmt.Errorf("line %d: the key %s has no value", p.at.Line, strconv.Quote(v.keys[len(v.items)]))
			}
			return nil
		case xml.StartElement:
			if v.kind == 'd' && t.Name.Local == "key" {
				at := p.at
				key, err := p.inner()
				if err != nil {
					return err
				}
				if len(v.keys) > len(v.items) {
					return fmt.Errorf("line %d: the key %s has no value", at.Line, strconv.Quote(v.keys[len(v.items)]))
				}
				v.keys, v.keysAt = append(v.keys, key), append(v.keysAt, at)
				continue
			}
			if v.kind == 'd' && len(v.keys) != len(v.items)+1 {
				return fmt.Errorf("line %d: a value without a key", p.at.Line)
			}
			item, err := p.value(t, depth+1)
			if err != nil {
				return err
			}
			v.items = append(v.items, item)
		}
	}
}

// launchdKeys are the keys of a job (launchd.plist(5) of macOS 15).
var launchdKeys = [...]string{
	"AbandonProcessGroup", "AssociatedBundleIdentifiers", "BundleProgram", "CFBundleIdentifier", "Conclave", "Cryptex", "Disabled", "EnableGlobbing",
	"EnablePressuredExit", "EnableTransactions", "EnvironmentVariables", "ExitTimeOut", "GroupName", "HardResourceLimits", "InitGroups",
	"JetsamProperties", "KeepAlive", "Label", "LaunchEvents", "LaunchOnlyOnce", "LegacyTimers", "LimitLoadFromBootMode", "LimitLoadFromHosts",
	"LimitLoadFromVariant", "LimitLoadToBootMode", "LimitLoadToHardware", "LimitLoadFromHardware", "LimitLoadToHosts", "LimitLoadToSessionType", "LimitLoadToVariant",
	"LowPriorityBackgroundIO", "LowPriorityIO", "MachServices", "MaterializeDatalessFiles", "Nice", "POSIXSpawnType", "ProcessType", "Program", "ProgramArguments",
	"QueueDirectories", "RootDirectory", "RunAtLoad", "SandboxProfile", "SessionCreate", "SoftResourceLimits", "Sockets", "SpawnConstraint", "StandardErrorPath",
	"StandardInPath", "StandardOutPath", "StartCalendarInterval", "StartInterval", "StartOnMount", "ThrottleInterval", "TimeOut", "Umask",
	"UserName", "WaitForDebugger", "WatchPaths", "WorkingDirectory", "inetdCompatibility", "Debug",
}

// launchdRetired are keys without effect, with what to use instead.
var launchdRetired = [...][2]string{
	{"OnDemand", "use KeepAlive"}, {"ServiceIPC", "remove it"}, {"HopefullyExitsFirst", "remove it"}, {"HopefullyExitsLast", "remove it"},
	{"ForceEnableTransactions", "use EnableTransactions"}, {"LowPriorityBackground", "use ProcessType"},
}

func (a *Auditor) plist(name string, yield Yield) error {
	src, err := a.tree.ReadFile(name)
	if err != nil {
		return yield(a.failed(name, "launchd", err))
	}
	v, err := parsePlist(src)
	if err == nil && v.kind != 'd' {
		err = errors.New("the property list is no dictionary")
	}
	if err != nil {
		return yield(a.failed(name, "launchd", err))
	}
	label := v.get("Label").string()
	s := rule.Subject{Name: label, Backend: "launchd", At: unit.Origin{File: name, Pos: v.at}, Tree: a.files, Facts: plistFacts(name, &v)}
	if label == "" {
		s.Name = strings.TrimSuffix(baseName(name), ".plist")
	}
	r := a.unscored(&s, "launchd")
	marks := comments(name, string(src), []string{"<!--"}, func(line string) bool { return strings.HasPrefix(line, "<dict>") || strings.HasPrefix(line, "<plist") })
	a.judge(r, &s, marks)
	return yield(r)
}

// unscored is the result for a manager that has no score.
func (a *Auditor) unscored(s *rule.Subject, title string) *hardening.Result {
	return &hardening.Result{
		Unit: s.Name, Path: a.place(s.At.File), Backend: s.Backend, Scope: a.opts.Scope, Rows: []hardening.Row{}, Findings: []hardening.Finding{},
		Note: title + " has no exposure score, because it has none of the settings that are scored",
	}
}

func baseName(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

func plistFacts(name string, v *value) rule.Facts {
	at := func(key string) unit.Origin {
		o := unit.Origin{File: name, Pos: v.at}
		if i := slices.Index(v.keys, key); i >= 0 {
			o.Pos = v.keysAt[i]
		}
		return o
	}
	text := func(key string) rule.Text {
		t := v.get(key).string()
		if t == "" {
			return rule.Text{}
		}
		return rule.Text{Value: t, At: at(key), Key: key}
	}
	// An agent is started by the user who logs in.
	f := rule.Facts{User: text("UserName"), Group: text("GroupName"), WorkingDir: text("WorkingDirectory"), UserScope: strings.Contains(name, "LaunchAgents")}
	f.Root = !f.UserScope && (f.User.Value == "" || f.User.Value == "root")
	f.Oneshot = v.get("KeepAlive") == nil && v.get("Sockets") == nil
	if user := v.get("UserName"); user == nil && f.UserScope {
		f.Root = false
	}
	command := rule.Command{Key: "ProgramArguments", At: at("ProgramArguments"), Main: true}
	if args := v.get("ProgramArguments"); args != nil && args.kind == 'a' {
		for i := range args.items {
			command.Args = append(command.Args, args.items[i].string())
		}
	}
	if program := v.get("Program").string(); program != "" {
		if len(command.Args) == 0 {
			command.Args, command.Key, command.At = []string{program}, "Program", at("Program")
		} else {
			command.Args[0] = program
		}
	}
	switch {
	case len(command.Args) > 0 && command.Args[0] != "":
		f.Commands = []rule.Command{command}
	case v.get("BundleProgram") == nil:
		f.Broken = append(f.Broken, rule.Text{Value: "the job names no program: neither ProgramArguments nor Program", At: unit.Origin{File: name, Pos: v.at}})
	}
	if v.get("Label").string() == "" {
		f.Broken = append(f.Broken, rule.Text{Value: "the job has no Label, so launchd does not load it", At: unit.Origin{File: name, Pos: v.at}})
	}
	if env := v.get("EnvironmentVariables"); env != nil && env.kind == 'd' {
		for i, key := range env.keys {
			f.Environment = append(f.Environment, rule.Variable{Name: key, Value: env.items[i].string(), At: unit.Origin{File: name, Pos: env.keysAt[i]}, Key: "EnvironmentVariables"})
		}
	}
	for _, key := range [...]string{"StandardOutPath", "StandardErrorPath"} {
		if t := text(key); t.Value != "" && t.Value != "/dev/null" {
			f.Outputs = append(f.Outputs, t)
		}
	}
	if mask := v.get("Umask"); mask != nil {
		switch mask.kind {
		case 'i': // decimal
			if n, err := strconv.ParseUint(mask.text, 10, 12); err == nil {
				f.UMask = rule.Text{Value: fmt.Sprintf("%04o", n), At: at("Umask"), Key: "Umask"}
			}
		case 's':
			f.UMask = text("Umask")
		}
	}
	if t := v.get("ThrottleInterval"); t != nil && t.text == "0" && v.get("KeepAlive").isTrue() {
		f.Loop = rule.Text{Value: "a job that fails at once is started again for ever, without a pause", At: at("ThrottleInterval"), Key: "ThrottleInterval"}
	}
	plistSockets(name, v, &f)
	for i, key := range v.keys {
		o := unit.Origin{File: name, Pos: v.keysAt[i]}
		if j := slices.IndexFunc(launchdRetired[:], func(r [2]string) bool { return r[0] == key }); j >= 0 {
			f.Retired = append(f.Retired, rule.Text{Value: launchdRetired[j][1], At: o, Key: key})
		} else if !slices.Contains(launchdKeys[:], key) {
			f.Unknown = append(f.Unknown, rule.Text{Value: spec.Nearest(key, launchdKeys[:]), At: o, Key: key})
		}
	}
	return f
}

// plistSockets lists what launchd listens on for the job: without a node name
// on every address.
func plistSockets(name string, v *value, f *rule.Facts) {
	sockets := v.get("Sockets")
	if sockets == nil || sockets.kind != 'd' {
		return
	}
	for i := range sockets.items {
		list := []value{sockets.items[i]}
		if list[0].kind == 'a' {
			list = list[0].items
		}
		for j := range list {
			s := &list[j]
			at := unit.Origin{File: name, Pos: s.at}
			if p := s.get("SockPathName").string(); p != "" {
				f.Listens = append(f.Listens, rule.Text{Value: p, At: at, Key: "Sockets"})
				continue
			}
			port := s.get("SockServiceName")
			if port == nil || s.get("SockPassive") != nil && !s.get("SockPassive").isTrue() {
				continue
			}
			host := s.get("SockNodeName").string()
			if host == "" {
				host = "*"
			}
			number := port.text
			if strings.Trim(number, "0123456789") != "" {
				number = servicePort(number)
			}
			f.Listens = append(f.Listens, rule.Text{Value: host + ":" + number, At: at, Key: "Sockets"})
		}
	}
}

// servicePort knows the names of services(5) that jobs use.
func servicePort(name string) string {
	switch name {
	case "ssh":
		return "22"
	case "http":
		return "80"
	case "https":
		return "443"
	case "domain":
		return "53"
	}
	return name
}
