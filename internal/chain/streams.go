package chain

import "strings"

// Streams reads back from a script that [Script] wrote where it sends the
// output: to files, and to syslog with a tag.
func Streams(script []byte) (files []string, tag string) {
	for line := range strings.Lines(string(script)) {
		line = strings.TrimSuffix(line, "\n")
		if _, rest, ok := strings.Cut(line, " logger /run/daemonize-"); ok && strings.HasPrefix(line, "( /usr/bin/setsid ") {
			if _, after, ok := strings.Cut(rest, " -t "); ok && tag == "" {
				word, _, _ := strings.Cut(after, " -p ")
				tag = Unquote(word)
			}
			continue
		}
		to, ok := strings.CutPrefix(line, "exec ")
		to, end := strings.CutSuffix(to, " || exit 1")
		if !ok || !end || len(files) == 2 {
			continue
		}
		for _, redirection := range [...]string{">>", "2>>", "1<>", "2<>"} {
			if word, ok := strings.CutPrefix(to, redirection); ok {
				files = append(files, Unquote(word))
			}
		}
	}
	return files, tag
}

// Unquote reads a word that shell.Quote wrote.
func Unquote(word string) string {
	if inner, ok := strings.CutPrefix(word, "'"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "'"), `'\''`, "'")
	}
	return word
}
