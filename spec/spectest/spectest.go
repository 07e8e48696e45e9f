// Package spectest composes spec documents for tests that go over the whole
// vocabulary: for every field a document with it and one without.
package spectest

import (
	"strings"

	"github.com/daemonize/daemonize/spec/field"
)

// Document returns two specs that differ in one field only: with sets it to
// its sample, base is the same document without it. Both hold what the field
// needs beside it (field.Info.With). For fields that cannot be left out base
// has another value instead, and for shell it has a command.
func Document(id field.ID) (base, with string) {
	base, with = compose(id, id.Info().Sample)
	switch id { // what the context cannot do without
	case field.BusName:
		base = DocumentWith(id, "org.example.Other")
	case field.SchedulingPriority:
		base = DocumentWith(id, "1")
	case field.SchedulingNUMAMask:
		base = DocumentWith(id, "'1'")
	}
	return base, with
}

// DocumentWith is the second document of [Document] with another value, in
// YAML, in the place of the sample.
func DocumentWith(id field.ID, value string) string {
	_, with := compose(id, value)
	return with
}

func compose(id field.ID, value string) (base, with string) {
	info := id.Info()
	head := []string{"version: 1", "name: sample", "command: [/usr/bin/sample]"}
	switch id {
	case field.Version:
		text := strings.Join(head, "\n") + "\n"
		return text, text
	case field.Name, field.Command, field.Shell:
		base = strings.Join(head, "\n") + "\n"
		i := 1
		if id != field.Name {
			i = 2
		}
		head[i] = info.Name + ": " + value
		return base, strings.Join(head, "\n") + "\n"
	}
	var without, given []string
	if info.With != "" {
		for line := range strings.SplitSeq(info.With, "\n") {
			given = append(given, line)
		}
	}
	without = append(without, given...)
	if i := place(given, info.Name); i >= 0 {
		without[i] = remove(given[i])
		given[i] = insert(given[i], id.Key()+": "+value)
	} else {
		given = append(given, nested(info.Name, value))
	}
	return document(head, without), document(head, given)
}

// place returns the line of the context that the field belongs into, -1 if
// there is none.
func place(lines []string, name string) int {
	top, _, isNested := strings.Cut(name, ".")
	for i, line := range lines {
		if isNested && strings.HasPrefix(line, top+":") {
			return i
		}
	}
	return -1
}

// mark is how the place of a field in a context ends; a bare @ may be part of
// a value, such as @system-service.
const mark = "@}"

// insert puts an entry at the mark of a line, or at the end of its mapping.
func insert(line, entry string) string {
	if strings.Contains(line, mark) {
		return strings.Replace(line, mark, entry+"}", 1)
	}
	return strings.TrimSuffix(line, "}") + ", " + entry + "}"
}

// remove takes the mark out of a line. A list item of which nothing is left
// would not be valid, so the whole line goes with it.
func remove(line string) string {
	line = strings.Replace(line, ", "+mark, "}", 1)
	line = strings.Replace(line, mark, "}", 1)
	if strings.Contains(line, "[{}]") {
		return ""
	}
	return line
}

// nested writes a.b.c as a: {b: {c: value}}.
func nested(name, value string) string {
	keys := strings.Split(name, ".")
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteString("{")
		}
		b.WriteString(key + ": ")
	}
	b.WriteString(value + strings.Repeat("}", len(keys)-1))
	return b.String()
}

func document(head, lines []string) string {
	var b strings.Builder
	for _, line := range append(head[:len(head):len(head)], lines...) {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
