package operate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/install"
)

// Line is one message.
type Line struct {
	// Time is zero where the log does not tell it.
	Time    time.Time `json:"time,omitzero"`
	Job     string    `json:"job"`
	Source  string    `json:"source"` // journal, syslog, supervisor or a file
	Message string    `json:"message"`
}

// Streamer runs programs whose output has no end, as host.Programs does.
type Streamer interface {
	Stream(ctx context.Context, argv []string, w io.Writer) error
}

// source is a place to read, with the job that it was found for.
type source struct {
	generators.Source
	job string
}

// name is what the lines are said to come from.
func (s *source) name() string {
	switch {
	case s.Journal:
		return "journal"
	case s.Tag != "":
		return "syslog"
	case s.Path != "":
		return s.Path
	}
	return "supervisor"
}

// sources collects where the daemon's jobs log, each place once.
func (d *Daemon) sources(ctx context.Context, q generators.Query) ([]source, error) {
	var all []source
	for _, j := range d.Bundle.Jobs {
		found, err := d.ctl.Sources(ctx, d.h, d.Target, j.Name, q)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if !slices.ContainsFunc(all, func(s source) bool {
				return s.Path == f.Path && s.Tag == f.Tag && slices.Equal(s.Argv, f.Argv)
			}) {
				all = append(all, source{f, j.Name})
			}
		}
	}
	return all, nil
}

// Log returns what the jobs have logged, as far as q selects it. With several
// places the messages are in the order of time if all tell it, else place after
// place. Notes say what could not be read or selected.
func (d *Daemon) Log(ctx context.Context, st Streamer, q generators.Query) (lines []Line, notes []string, err error) {
	q.Follow = false
	sources, err := d.sources(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	readable := 0
	for i := range sources {
		s := &sources[i]
		got, note, err := s.read(ctx, st, q)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				notes = append(notes, err.Error())
			}
			continue
		}
		readable++
		if note != "" {
			notes = append(notes, note)
		}
		lines = append(lines, got...)
	}
	if readable == 0 && len(notes) == 0 {
		notes = append(notes, d.nowhere(sources))
	}
	if !slices.ContainsFunc(lines, func(l Line) bool { return l.Time.IsZero() }) {
		slices.SortStableFunc(lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
	}
	if q.Lines > 0 && len(lines) > q.Lines {
		lines = lines[len(lines)-q.Lines:]
	}
	return lines, notes, nil
}

// nowhere tells why there is nothing to read.
func (d *Daemon) nowhere(sources []source) string {
	var places []string
	for i := range sources {
		place := sources[i].Path
		if sources[i].Tag != "" {
			place = "a file of syslog in /var/log"
		}
		if place != "" && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 0 {
		return "the output of " + d.Name + " is not kept"
	}
	return "there is no log of " + d.Name + " yet: looked for " + strings.Join(places, ", ")
}

// Follow hands on the last messages and then every new one, until ctx is done or
// emit fails.
func (d *Daemon) Follow(ctx context.Context, clock install.Clock, st Streamer, q generators.Query, emit func(Line) error) error {
	q.Follow = true
	sources, err := d.sources(ctx, q)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return errors.New("cannot follow " + d.Name + ": its output is not kept")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines, done := make(chan Line), make(chan error, len(sources))
	for i := range sources {
		go func() { done <- sources[i].follow(ctx, clock, st, q, lines) }()
	}
	var failed error
	for left := len(sources); left > 0; {
		select {
		case l := <-lines:
			if err := emit(l); err != nil && failed == nil {
				failed = err
				cancel()
			}
		case err := <-done:
			left--
			if failed == nil && err != nil && ctx.Err() == nil {
				failed = err
				cancel()
			}
		}
	}
	return failed
}

// read returns the lines that q selects.
func (s *source) read(ctx context.Context, st Streamer, q generators.Query) ([]Line, string, error) {
	if len(s.Argv) > 0 {
		var lines []Line
		w := &splitter{line: func(b []byte) { lines = append(lines, s.parse(b)) }}
		if err := st.Stream(ctx, s.Argv, w); err != nil {
			return nil, "", err
		}
		w.flush()
		return s.selected(lines, q)
	}
	paths := []string{s.Path}
	if s.Tag != "" {
		paths = syslogFiles()
	}
	var lines []Line
	found := false
	for _, p := range paths {
		f, err := openLog(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		found = true
		n := q.Lines
		if !q.Since.IsZero() {
			n = 0
		}
		texts, err := lastLines(f, n, s.wants)
		f.Close()
		if err != nil {
			return nil, "", fmt.Errorf("cannot read %s: %w", p, err)
		}
		for _, t := range texts {
			lines = append(lines, s.parse([]byte(t)))
		}
	}
	if !found {
		return nil, "", fs.ErrNotExist
	}
	return s.selected(lines, q)
}

// selected leaves out what is older than q wants. A line without a time is as
// old as the one before.
func (s *source) selected(lines []Line, q generators.Query) ([]Line, string, error) {
	if q.Since.IsZero() || s.Journal {
		return tail(lines, q.Lines), "", nil
	}
	if !slices.ContainsFunc(lines, func(l Line) bool { return !l.Time.IsZero() }) {
		if len(lines) == 0 {
			return nil, "", nil
		}
		return tail(lines, q.Lines), "the lines of " + s.name() + " carry no time that is understood, so --since does not select them", nil
	}
	keep, at := lines[:0:0], time.Time{}
	for _, l := range lines {
		if !l.Time.IsZero() {
			at = l.Time
		}
		if !at.Before(q.Since) {
			keep = append(keep, l)
		}
	}
	return tail(keep, q.Lines), "", nil
}

func tail(lines []Line, n int) []Line {
	if n > 0 && len(lines) > n {
		return lines[len(lines)-n:]
	}
	return lines
}

// wants reports whether a line of syslog is marked with the tag.
func (s *source) wants(line string) bool {
	if s.Tag == "" {
		return true
	}
	// <date> <host> tag[pid]: message; the tag is before the first ": ".
	head, _, _ := strings.Cut(line, ": ")
	word := head[strings.LastIndexByte(head, ' ')+1:]
	word, _, _ = strings.Cut(word, "[")
	return strings.TrimSuffix(word, ":") == s.Tag
}

// syslogFiles are the files of the usual configurations: all messages, or those
// of daemons.
func syslogFiles() []string {
	for _, p := range [...]string{"/var/log/syslog", "/var/log/messages"} {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return []string{p}
		}
	}
	return []string{"/var/log/daemon.log", "/var/log/user.log"}
}

// openLog opens a regular file; a pipe would wait for a writer.
func openLog(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("cannot read %s: it is no regular file", name)
	}
	return f, nil
}

const (
	block   = 64 << 10
	maxLine = 1 << 20 // a longer line is cut
)

// lastLines returns the last n lines (0: all) that keep wants, reading from the
// end. An incomplete last line counts.
func lastLines(f *os.File, n int, keep func(string) bool) ([]string, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var lines []string // the last first
	var rest []byte    // the beginning of a line whose start is not read yet
	take := func(l []byte) {
		if t := string(l); keep(t) {
			lines = append(lines, t)
		}
	}
	at := info.Size()
	first := true
	for at > 0 && (n == 0 || len(lines) < n) {
		size := min(block, at)
		at -= size
		buf := make([]byte, size, int(size)+len(rest))
		if _, err := io.ReadFull(io.NewSectionReader(f, at, size), buf); err != nil {
			return nil, err
		}
		buf = append(buf, rest...)
		if first {
			buf, first = bytes.TrimSuffix(buf, []byte("\n")), false
		}
		for n == 0 || len(lines) < n {
			i := bytes.LastIndexByte(buf, '\n')
			if i < 0 {
				break
			}
			take(buf[i+1:])
			buf = buf[:i]
		}
		if rest = buf; len(rest) > maxLine {
			rest = rest[:maxLine]
		}
	}
	if at == 0 && !first && (n == 0 || len(lines) < n) {
		take(rest)
	}
	slices.Reverse(lines)
	return lines, nil
}

// parse makes a message of a line.
func (s *source) parse(text []byte) Line {
	l := Line{Job: s.job, Source: s.name(), Message: strings.ToValidUTF8(strings.TrimSuffix(string(text), "\r"), "\uFFFD")}
	if !s.Journal {
		l.Time = lineTime(l.Message, time.Now())
		return l
	}
	// https://systemd.io/JOURNAL_EXPORT_FORMATS/: what is no UTF-8 is a list of
	// bytes, what is too large is null.
	var e struct {
		Time    string          `json:"__REALTIME_TIMESTAMP"`
		Message json.RawMessage `json:"MESSAGE"`
	}
	if json.Unmarshal(text, &e) != nil {
		return l
	}
	if micro, err := strconv.ParseInt(e.Time, 10, 64); err == nil {
		l.Time = time.UnixMicro(micro).UTC()
	}
	var raw []int
	l.Message = ""
	if json.Unmarshal(e.Message, &l.Message) != nil && json.Unmarshal(e.Message, &raw) == nil {
		b := make([]byte, len(raw))
		for i, c := range raw {
			b[i] = byte(c)
		}
		l.Message = strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return l
}

// stamps are the forms of time that lines of logs begin with.
var stamps = [...]string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006/01/02 15:04:05", time.Stamp,
}

// lineTime reads the time at the beginning of a line, or returns zero. That of
// syslog (RFC 3164) has no year: it is not in the future.
func lineTime(line string, now time.Time) time.Time {
	for _, layout := range stamps {
		words := strings.Count(layout, " ") + 1
		if layout == time.Stamp {
			words = 3
		}
		end := 0
		for range words {
			for end < len(line) && line[end] == ' ' {
				end++
			}
			for end < len(line) && line[end] != ' ' {
				end++
			}
		}
		text := strings.Trim(line[:end], "[]")
		text, _, _ = strings.Cut(text, ",") // milliseconds, as Python writes them
		at, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if at.Year() == 0 {
			at = at.AddDate(now.Year(), 0, 0)
			if at.After(now.AddDate(0, 0, 1)) {
				at = at.AddDate(-1, 0, 0)
			}
		}
		return at
	}
	return time.Time{}
}

// splitter is a writer that hands on complete lines.
type splitter struct {
	line func([]byte)
	rest []byte
}

// Write implements io.Writer.
func (w *splitter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.line(append(w.rest, p[:i]...))
		w.rest, p = nil, p[i+1:]
	}
	if w.rest = append(w.rest, p...); len(w.rest) > maxLine {
		w.flush()
	}
	return n, nil
}

func (w *splitter) flush() {
	if len(w.rest) > 0 {
		w.line(w.rest)
		w.rest = nil
	}
}

// followPoll is how often a file is looked at.
const followPoll = 200 * time.Millisecond

func (s *source) follow(ctx context.Context, clock install.Clock, st Streamer, q generators.Query, lines chan<- Line) error {
	send := func(l Line) {
		select {
		case lines <- l:
		case <-ctx.Done():
		}
	}
	if len(s.Argv) > 0 {
		w := &splitter{line: func(b []byte) { send(s.parse(b)) }}
		return st.Stream(ctx, s.Argv, w)
	}
	path := s.Path
	if s.Tag != "" {
		path = syslogFiles()[0]
	}
	q.Follow = false
	// Where the file ends is found out before it is read, so that nothing is lost.
	f, err := openLog(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		got, _, err := s.read(ctx, st, q)
		if err != nil {
			f.Close()
			return err
		}
		for _, l := range got {
			send(l)
		}
		if _, err := f.Seek(0, io.SeekEnd); err != nil {
			f.Close()
			return fmt.Errorf("cannot read %s: %w", path, err)
		}
	}
	var r *bufio.Reader
	var partial []byte
	drain := func() {
		if f == nil {
			return
		}
		if r == nil {
			r = bufio.NewReader(f)
		}
		for {
			part, err := r.ReadBytes('\n')
			partial = append(partial, part...)
			if err != nil {
				return
			}
			if text := string(bytes.TrimSuffix(partial, []byte("\n"))); s.wants(text) {
				send(s.parse([]byte(text)))
			}
			partial = nil
		}
	}
	for {
		drain()
		if err := clock.Sleep(ctx, followPoll); err != nil {
			if f != nil {
				f.Close()
			}
			return nil
		}
		switch now, change := changed(path, f); change {
		case truncated:
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("cannot read %s: %w", path, err)
			}
			r, partial = nil, nil
		case replaced:
			drain() // what was written before the rotation
			if f != nil {
				f.Close()
			}
			f, r, partial = now, nil, nil
		}
	}
}

// What can have happened to a file that is followed.
const (
	same = iota
	truncated
	replaced
)

// changed finds out whether there is another file at path, which it opens, or f
// was cut.
func changed(path string, f *os.File) (*os.File, int) {
	now, err := os.Stat(path)
	if err != nil {
		return nil, same
	}
	if f != nil {
		old, err := f.Stat()
		at, seekErr := f.Seek(0, io.SeekCurrent)
		if err == nil && seekErr == nil && os.SameFile(old, now) {
			if now.Size() < at {
				return nil, truncated
			}
			return nil, same
		}
	}
	next, err := openLog(path)
	if err != nil {
		return nil, same
	}
	return next, replaced
}
