package winsvc

import (
	"strings"
	"unicode/utf16"
)

// maxCommandLine is what CreateProcessW takes, in UTF-16 code units with the
// final NUL.
const maxCommandLine = 32767

// commandLine joins a program and its arguments so that CommandLineToArgvW, and
// the C runtime, which differs from it only in what is never written here (two
// quotes inside of quotes), take them apart again.
//
// The program is always quoted: without quotes `C:\Program Files\x.exe` would
// first be tried as `C:\Program.exe` (CWE-428). Its rules are others than those
// of arguments, as a backslash means nothing there; a quote cannot be in it.
func commandLine(argv []string) string {
	var b strings.Builder
	b.WriteString(`"` + argv[0] + `"`)
	for _, arg := range argv[1:] {
		b.WriteByte(' ')
		quote(&b, arg)
	}
	return b.String()
}

// quote appends an argument. Backslashes count only before a quote, where each
// has to be doubled ("Parsing C++ command-line arguments", Microsoft C++ docs).
func quote(b *strings.Builder, arg string) {
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool { return r <= ' ' || r == '"' }) {
		b.WriteString(arg)
		return
	}
	b.WriteByte('"')
	backslashes := 0
	for i := range len(arg) {
		switch c := arg[i]; c {
		case '\\':
			backslashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*backslashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, backslashes))
		}
		backslashes = 0
		b.WriteByte(arg[i])
	}
	b.WriteString(strings.Repeat(`\`, 2*backslashes))
	b.WriteByte('"')
}

// expands reports whether the manager could change a command line: it expands
// variables in it (ImagePath is a REG_EXPAND_SZ), and a percent sign cannot be
// escaped. A single one is left alone (ExpandEnvironmentStringsW).
func expands(line string) bool {
	first := strings.IndexByte(line, '%')
	return first >= 0 && strings.IndexByte(line[first+1:], '%') >= 0
}

func tooLong(line string) bool { return len(utf16.Encode([]rune(line))) >= maxCommandLine }

// programPath turns the path of a program in a spec, which has one form on all
// systems, into one of Windows: /c/Program Files/web.exe is on drive C:, as in
// MSYS and Git for Windows, and /Program Files/web.exe on the drive of the
// system. why says what Windows does not take (Naming Files, Paths, and
// Namespaces, Win32 docs).
func programPath(path, systemDrive string) (native, why string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	drive := systemDrive
	if p := parts[0]; len(p) == 1 && len(parts) > 1 && (p[0]|0x20 >= 'a' && p[0]|0x20 <= 'z') {
		drive, parts = strings.ToUpper(p)+":", parts[1:]
	}
	for _, p := range parts {
		stem, _, _ := strings.Cut(p, ".")
		switch {
		case strings.ContainsAny(p, `<>:"|?*\`) || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' }):
			return "", `a path cannot hold < > : " | ? * \ or control characters on Windows`
		case strings.TrimRight(p, " .") != p:
			return "", "Windows drops dots and blanks at the end of a name"
		case device(stem):
			return "", stem + " is a device on Windows"
		}
	}
	return drive + `\` + strings.Join(parts, `\`), ""
}

// device reports whether a name without its extension is that of a device.
func device(stem string) bool {
	s := strings.ToUpper(strings.TrimRight(stem, " "))
	switch s {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(s) == 4 && (s[:3] == "COM" || s[:3] == "LPT") && s[3] >= '0' && s[3] <= '9'
}
