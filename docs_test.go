package daemonize_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/internal/cli"
	"github.com/daemonize/daemonize/internal/golden"
	"github.com/daemonize/daemonize/spec"
)

// handWritten lists the pages that people write; those that docsgen writes
// are compared with what it would write in its own test.
func handWritten(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		docs, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, docs...)
	}
	pages = slices.DeleteFunc(pages, func(page string) bool {
		return strings.HasPrefix(readPage(t, page), "<!-- Generated")
	})
	for _, want := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md"} {
		if !slices.Contains(pages, want) {
			t.Errorf("%s is missing", want)
		}
	}
	return pages
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fence is a fenced block of a page.
type fence struct {
	info       string // what follows the opening ```
	start, end int    // of its text in the page
	line       int    // of its first line of text
}

func fences(t *testing.T, page, text string) []fence {
	t.Helper()
	var list []fence
	var open *fence
	offset, line := 0, 0
	for l := range strings.Lines(text) {
		line++
		if info, ok := strings.CutPrefix(strings.TrimSpace(l), "```"); ok {
			if open == nil {
				open = &fence{info: info, start: offset + len(l), line: line + 1}
			} else {
				open.end = offset
				list = append(list, *open)
				open = nil
			}
		}
		offset += len(l)
	}
	if open != nil {
		t.Fatalf("%s:%d: the block is never closed", page, open.line-1)
	}
	return list
}

// baseline is what a `yaml fragment` is added to.
const baseline = "version: 1\nname: web\ncommand: [/usr/bin/web]\n"

// TestDocsYAML decodes every YAML block of the documentation, without any
// diagnostic. The first line of a block says what it is: yaml is a whole
// spec, `yaml NAME` one that the commands of the page can use under that name,
// `yaml warns NAME` one that may have warnings, `yaml fragment` fields of a
// spec.
func TestDocsYAML(t *testing.T) {
	for _, page := range handWritten(t) {
		text := readPage(t, page)
		for _, f := range fences(t, page, text) {
			words := strings.Fields(f.info)
			if len(words) == 0 {
				t.Errorf("%s:%d: the block does not say what it is, for example `text`", page, f.line-1)
				continue
			}
			if words[0] != "yaml" {
				continue
			}
			src := text[f.start:f.end]
			if slices.Contains(words, "fragment") {
				src = baseline + src
			}
			_, diags := spec.Decode(fmt.Sprintf("%s:%d", page, f.line), []byte(src))
			if diags.HasErrors() || len(diags) > 0 && !slices.Contains(words, "warns") {
				t.Errorf("%s:%d: %s", page, f.line, reportText(diags, []byte(src)))
			}
		}
	}
}

// TestDocsConsole runs every `$ daemonize` line of the console blocks and
// compares what it prints. A line `...` stands for any lines; `$ echo $?`
// shows the exit status of the command before it. Blocks without `...` are
// rewritten by -update.
func TestDocsConsole(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, page := range handWritten(t) {
		text := readPage(t, page)
		list := fences(t, page, text)
		dir := t.TempDir()
		if err := os.Symlink(filepath.Join(root, "examples"), filepath.Join(dir, "examples")); err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			words := strings.Fields(f.info)
			if len(words) < 2 {
				continue
			}
			// `text NAME` is another file that the commands can use.
			if words[0] == "yaml" && strings.HasSuffix(words[len(words)-1], ".yaml") || words[0] == "text" {
				if err := os.WriteFile(filepath.Join(dir, words[len(words)-1]), []byte(text[f.start:f.end]), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Chdir(dir)
		var out strings.Builder
		last := 0
		for _, f := range list {
			if f.info != "console" {
				continue
			}
			want := text[f.start:f.end]
			got, n := session(t, want)
			ran += n
			if !matches(want, got) && !golden.Updating() {
				t.Errorf("%s:%d: the block says\n%s\nbut it is\n%s", page, f.line, want, got)
			}
			out.WriteString(text[last:f.start])
			if strings.Contains(want, "\n...\n") {
				got = want
			}
			out.WriteString(got)
			last = f.end
		}
		t.Chdir(root)
		if updated := out.String() + text[last:]; golden.Updating() && updated != text {
			if err := os.WriteFile(page, []byte(updated), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ran < 3 {
		t.Errorf("the documentation shows %d commands with their output, want at least 3", ran)
	}
}

// session replays a block: its commands, each followed by what it prints now.
// What other programs print is kept.
func session(t *testing.T, block string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	ran, status := 0, 0
	keep := false
	for line := range strings.Lines(block) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		command = strings.TrimSpace(command)
		switch {
		case !isCommand && keep:
			out.WriteString(line)
		case isCommand:
			out.WriteString(line)
			args, err := spec.SplitCommand(command)
			if err != nil {
				t.Fatalf("cannot read %q: %v", command, err)
			}
			keep = false
			switch {
			case args[0] == "daemonize":
				ran++
				status = cli.Main(cli.Env{
					Args: args[1:], Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out,
					Getenv: func(string) string { return "" }, Terminal: func() bool { return false },
				})
			case command == "echo $?":
				fmt.Fprintln(&out, status)
			default:
				keep = true
			}
		}
	}
	return out.String(), ran
}

// matches compares texts; a line `...` in want stands for any lines.
func matches(want, got string) bool {
	parts := strings.Split("\n"+want, "\n...\n")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`^` + strings.Join(parts, `\n(?s:.*\n)?`) + `$`).MatchString("\n" + got)
}

// TestDocsMatch keeps the comparison of the console blocks one that can fail.
func TestDocsMatch(t *testing.T) {
	const ok = "$ daemonize validate web.yaml\n1 daemon in 1 file valid\nthe end\n"
	for want, matched := range map[string]bool{
		ok:                                true,
		"$ daemonize validate web.yaml\n": false, // the output is missing
		strings.Replace(ok, "1", "2", 1):  false,
		strings.Replace(ok, ".", "X", 1):  false, // no regular expressions
		ok + "more\n":                     false,
		"$ daemonize validate web.yaml\n...\nthe end\n": true,
		"$ daemonize validate web.yaml\n...\n":          true,
		"$ daemonize validate web.yaml\n...\nno end\n":  false,
		"...\nthe end\n":                  true,
		"...\n1 daemon in 2 files\n...\n": false,
	} {
		if matches(want, ok) != matched {
			t.Errorf("matches(%q, %q) = %t", want, ok, !matched)
		}
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("web.yaml", []byte(baseline), 0o644); err != nil {
		t.Fatal(err)
	}
	const wrong = "$ daemonize validate web.yaml\n7 daemons in 1 file valid\n$ echo $?\n3\n"
	if got, ran := session(t, wrong); ran != 1 || got != "$ daemonize validate web.yaml\n1 daemon in 1 file valid\n$ echo $?\n0\n" || matches(wrong, got) {
		t.Errorf("a block with wrong output passes: ran %d commands, got %q", ran, got)
	}
}

// TestDocsLinks follows the links of every page, also those that docsgen writes,
// to files of the repository and to headings in them.
func TestDocsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]*))?\)`)
	followed := 0
	for _, page := range pages(t) {
		text := prose(readPage(t, page))
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			followed++
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if m[2] != "" && strings.HasSuffix(target, ".md") && !slices.Contains(headings(prose(readPage(t, target))), m[2]) {
				t.Errorf("%s links to %s#%s, which is no heading", page, m[1], m[2])
			}
		}
	}
	if followed < 50 {
		t.Errorf("there are %d links in the documentation, want at least 50", followed)
	}
}

// pages lists all pages of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var list []string
	if err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path == "dist" || path == "testdata" || strings.HasPrefix(path, ".") && path != "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			list = append(list, path)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// prose is a page without its blocks of code.
func prose(text string) string {
	var b strings.Builder
	code := false
	for l := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(l), "```") {
			code = !code
		} else if !code {
			b.WriteString(l)
		}
	}
	return b.String()
}

// headings lists the names under which the headings of a page are linked to.
func headings(text string) []string {
	var list []string
	punctuation := regexp.MustCompile(`[^\pL\pN _-]`)
	for l := range strings.Lines(text) {
		level, title, ok := strings.Cut(strings.TrimSpace(l), " ")
		if ok && strings.Trim(level, "#") == "" && level != "" {
			list = append(list, strings.ReplaceAll(punctuation.ReplaceAllString(strings.ToLower(title), ""), " ", "-"))
		}
	}
	return list
}

// TestReadmeIsCI keeps the promise that what README tells people to run for
// the tests is what CI runs.
func TestReadmeIsCI(t *testing.T) {
	readme := readPage(t, "README.md")
	ci, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, f := range fences(t, "README.md", readme) {
		if f.info == "sh" {
			blocks = append(blocks, strings.TrimSpace(readme[f.start:f.end]))
		}
	}
	if len(blocks) < 2 || !strings.Contains(blocks[0], "daemonize render examples/") && !strings.Contains(blocks[0], "./cmd/daemonize render examples/") {
		t.Fatalf("README's first two sh blocks must render an example and run the tests: %q", blocks)
	}
	if !strings.Contains(string(ci), "\n"+blocks[1]+" |") {
		t.Errorf(".ci/run does not run README's command for the tests, %q", blocks[1])
	}
}

// TestReadmeBackends keeps README's versions those that the backends name.
func TestReadmeBackends(t *testing.T) {
	readme := readPage(t, "README.md")
	for _, g := range daemonize.Backends() {
		info := g.Info()
		versions := info.Oldest.String()
		if info.Newest != info.Oldest {
			versions += " to " + info.Newest.String()
		}
		if row := fmt.Sprintf("| %s | %s |", info.Title, versions); !strings.Contains(readme, row) {
			t.Errorf("README.md lacks the row %q", row)
		}
	}
}
