package systemd

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
)

// This is an own reading of how systemd splits and unquotes, from
// systemd.syntax(7) and extract_first_word() with EXTRACT_UNQUOTE and, for
// cunescape, EXTRACT_CUNESCAPE. ok is false where systemd would refuse the
// line or warn and keep going.

type decodedWord struct {
	text   string
	quoted bool
}

func splitWords(line string, cunescape bool) (words []decodedWord, ok bool) {
	i := 0
	for {
		for i < len(line) && strings.IndexByte(" \t\n\r", line[i]) >= 0 {
			i++
		}
		if i == len(line) {
			return words, true
		}
		var w []byte
		quoted := false
		quote := byte(0)
		for ; i < len(line); i++ {
			c := line[i]
			switch {
			case c == '\\':
				i++
				if i == len(line) {
					return nil, false
				}
				if !cunescape {
					w = append(w, line[i])
					continue
				}
				n, used := unescape(line[i:])
				if used == 0 {
					return nil, false
				}
				w = append(w, n...)
				i += used - 1
			case quote != 0 && c == quote:
				quote = 0
			case quote != 0:
				w = append(w, c)
			case c == '"' || c == '\'':
				quote, quoted = c, true
			case strings.IndexByte(" \t\n\r", c) >= 0:
				goto done
			default:
				w = append(w, c)
			}
		}
		if quote != 0 {
			return nil, false
		}
	done:
		words = append(words, decodedWord{string(w), quoted})
	}
}

// unescape reads one escape without its backslash.
func unescape(s string) (string, int) {
	switch s[0] {
	case 'a':
		return "\a", 1
	case 'b':
		return "\b", 1
	case 'f':
		return "\f", 1
	case 'n':
		return "\n", 1
	case 'r':
		return "\r", 1
	case 't':
		return "\t", 1
	case 'v':
		return "\v", 1
	case '\\', '"', '\'':
		return s[:1], 1
	case 's':
		return " ", 1
	case 'x':
		if len(s) < 3 {
			return "", 0
		}
		n, err := strconv.ParseUint(s[1:3], 16, 8)
		if err != nil || n == 0 {
			return "", 0
		}
		return string([]byte{byte(n)}), 3
	}
	return "", 0
}

// specifiers undoes %%; any other specifier is a failure here, as none is
// written for literal text.
func specifiers(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			i++
			if i == len(s) || s[i] != '%' {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// variables undoes $$; any other $ might be expanded.
func variables(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '$' {
			i++
			if i == len(s) || s[i] != '$' {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// decodeExec reads a command line: path is what is executed, argv what the
// program sees.
func decodeExec(line string) (prog string, argv []string, ok bool) {
	words, ok := splitWords(line, true)
	if !ok || len(words) == 0 {
		return "", nil, false
	}
	separate := false
	first := words[0].text
	for first != "" && strings.IndexByte("@-:+!", first[0]) >= 0 {
		separate = separate || first[0] == '@'
		first = first[1:]
	}
	if prog, ok = specifiers(first); !ok || strings.ContainsAny(prog, `"'\`) || hasControl(prog) {
		return "", nil, false
	}
	if !separate {
		if strings.Contains(prog, "$") {
			return "", nil, false // the first argument would be expanded
		}
		argv = append(argv, prog)
	}
	for _, w := range words[1:] {
		if !w.quoted && (w.text == ";" || w.text == "") {
			return "", nil, false
		}
		s, ok := specifiers(w.text)
		if ok {
			s, ok = variables(s)
		}
		if !ok {
			return "", nil, false
		}
		argv = append(argv, s)
	}
	return prog, argv, true
}

// assigned returns the value of the only line of what write writes, read as
// systemd reads lines, or reports that it was refused.
func assigned(t *testing.T, version int, write func(r *renderer)) (value string, refused bool) {
	t.Helper()
	d := &spec.Daemon{Name: "x"}
	r := &renderer{doc: d, d: d, t: generators.Target{Backend: "systemd", Version: generators.Version(version) * generators.Major}, version: version}
	write(r)
	if r.diags.HasErrors() {
		if len(r.lines) > 0 {
			t.Fatal("refused and written")
		}
		return "", true
	}
	if len(r.lines) != 1 {
		t.Fatalf("%d lines", len(r.lines))
	}
	value = r.value(r.lines[0])
	if strings.ContainsAny(value, "\x00\n\r") {
		t.Fatalf("not one line: %q", value)
	}
	// config_parse strips blanks around the value and continues a line after an
	// unescaped backslash.
	if strings.Trim(value, " \t") != value {
		t.Fatalf("blanks at the ends: %q", value)
	}
	escaped := false
	for i := range len(value) {
		escaped = !escaped && value[i] == '\\'
	}
	if escaped {
		t.Fatalf("the next line would be part of %q", value)
	}
	return value, false
}

func literal(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

var seeds = []string{
	"", " ", "plain", "two words", "'", `"`, `\`, `a\`, `C:\new`, "$HOME", "${HOME}", "$$", "100%", "%i", "50%Z", ";", `\;`,
	"a\nb", "\t", "\x01\x7f", "naïve ☃ 𝄞", "@x", "-x", "+", "!", ":", "#x", "x # y", "~", "=", "a=b c", `"; rm -rf /; "`, "x\n[Service]\nExecStart=/bin/false",
}

func FuzzExec(f *testing.F) {
	for _, s := range seeds {
		f.Add("/bin/x", s, s)
		f.Add("/opt/"+s, "a", s)
	}
	f.Fuzz(func(t *testing.T, prog, a, b string) {
		if !strings.HasPrefix(prog, "/") || strings.HasSuffix(prog, " ") || !literal(prog+a+b) {
			t.Skip("not a command that the spec lets through")
		}
		value, refused := assigned(t, 252, func(r *renderer) { r.exec(serviceExecStart, place{}, "", []string{prog, a, b}) })
		if refused {
			if strings.ContainsAny(prog, `"'\`) || hasControl(prog) || len(prog+a+b) > 1000 {
				return
			}
			t.Fatalf("refused %q", prog)
		}
		gotProg, argv, ok := decodeExec(value)
		if !ok || gotProg != prog || !slices.Equal(argv, []string{prog, a, b}) {
			t.Fatalf("%q %q %q became %q %q (%t)\n%s", prog, a, b, gotProg, argv, ok, value)
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if !literal(v) {
			t.Skip("not a value that the spec lets through")
		}
		value, refused := assigned(t, 252, func(r *renderer) { r.environ(serviceEnvironment, place{}, "A", v) })
		if refused {
			if len(v) > 1000 {
				return
			}
			t.Fatalf("refused %q", v)
		}
		words, ok := splitWords(value, true)
		if !ok || len(words) != 1 {
			t.Fatalf("%q is %d words: %s", v, len(words), value)
		}
		if got, ok := specifiers(words[0].text); !ok || got != "A="+v {
			t.Fatalf("%q became %q", v, got)
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !literal(a + b) {
			t.Skip("not a value that the spec lets through")
		}
		value, refused := assigned(t, 252, func(r *renderer) { r.words(serviceReadWritePaths, place{}, []string{a, b}) })
		if refused {
			if !hasControl(a+b) && len(a+b) < 1000 {
				t.Fatalf("refused %q %q", a, b)
			}
			return
		}
		// Some lists read C escapes, some do not: both must give the same.
		for _, c := range []bool{true, false} {
			words, ok := splitWords(value, c)
			if !ok || len(words) != 2 {
				t.Fatalf("%q %q is %d words: %s", a, b, len(words), value)
			}
			for i, want := range []string{a, b} {
				if got, ok := specifiers(words[i].text); !ok || got != want {
					t.Fatalf("%q became %q", want, got)
				}
			}
		}
	})
}

func FuzzRaw(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if !literal(v) {
			t.Skip("not a value that the spec lets through")
		}
		value, refused := assigned(t, 252, func(r *renderer) { r.text(unitDescription, place{}, v) })
		if refused {
			odd := (len(v)-len(strings.TrimRight(v, `\`)))%2 == 1
			if v != "" && !hasControl(v) && strings.Trim(v, " ") == v && !odd && len(v) < 1000 {
				t.Fatalf("refused %q", v)
			}
			return
		}
		if got, ok := specifiers(value); !ok || got != v {
			t.Fatalf("%q became %q", v, got)
		}
	})
}
