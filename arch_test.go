package daemonize_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/internal/golden"
)

const module = "github.com/daemonize/daemonize"

type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	Doc        string
	Standard   bool
	Imports    []string
	GoFiles    []string
}

// goList asks the go command about packages.
func goList(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Name,Dir,Doc,Standard,Imports,GoFiles"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot list packages: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// TestImports keeps the dependencies pointing one way (docs/architecture.md).
func TestImports(t *testing.T) {
	// layer is the rank of a package: it may import lower ranks only.
	layer := func(path string) int {
		rel := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		switch {
		case rel == "spec/diag":
			return 0
		case rel == "spec/internal/ynode", rel == "spec/schedule", rel == "spec/field", rel == "internal/shell", rel == "internal/argv":
			return 1
		case rel == "spec":
			return 2
		case rel == "spec/schema", rel == "spec/edit":
			return 3
		case rel == "generators":
			return 3
		case rel == "internal/chain", rel == "internal/crond", rel == "internal/initscript", rel == "internal/logrotate", rel == "internal/supervise":
			return 4
		case strings.HasPrefix(rel, "generators/"):
			return 5
		case rel == "hardening/report", rel == "hardening/rule", rel == "hardening/advice":
			return 6
		case rel == "hardening/audit":
			return 7
		case strings.HasPrefix(rel, "hardening/"):
			return 4
		case rel == "hardening":
			return 5
		case rel == "internal/host":
			return 6
		case rel == "internal/install", rel == "internal/preflight":
			return 7
		case rel == "", rel == "internal/operate", rel == "internal/winsvc":
			return 8
		case rel == "internal/cli":
			return 9
		case strings.HasPrefix(rel, "cmd/"), rel == "examples/languages/go", strings.HasPrefix(rel, "internal/gen/"), rel == "internal/bench", rel == "internal/parity":
			return 10
		}
		return -1
	}
	testOnly := []string{"examples/languages", "generators/gentest", "spec/spectest", "internal/conformance", "internal/golden", "internal/lab", "internal/probe", "internal/probe/report"}
	for _, p := range goList(t, "./...") {
		rel := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if slices.Contains(testOnly, rel) {
			continue
		}
		from := layer(p.ImportPath)
		if from < 0 {
			t.Errorf("%s has no place in the layers", rel)
			continue
		}
		for _, imp := range p.Imports {
			own := strings.HasPrefix(imp, module)
			isGenerator := strings.HasPrefix(rel, "generators/")
			switch {
			case own && slices.Contains(testOnly, strings.TrimPrefix(imp, module+"/")):
				t.Errorf("%s imports %s, which is for tests only", rel, imp)
			case own && isGenerator && strings.HasPrefix(imp, module+"/generators/"):
				t.Errorf("backend %s imports backend %s", rel, imp)
			case (rel == "internal/crond" || rel == "internal/supervise" || rel == "internal/initscript") && imp == module+"/internal/chain", // of the same layer
				rel == "internal/initscript" && imp == module+"/internal/supervise":
			case own && layer(imp) >= from:
				t.Errorf("%s imports %s, which is not below it", rel, imp)
			case imp == "gopkg.in/yaml.v3" && rel != "spec/internal/ynode":
				t.Errorf("%s imports yaml.v3: only spec/internal/ynode may", rel)
			case imp == "os/exec" && rel != "internal/host" && from < 10:
				t.Errorf("%s imports os/exec: only internal/host may", rel)
			case isGenerator && slices.Contains([]string{"os", "net", "io/ioutil", "text/template", "math/rand", "math/rand/v2", "regexp", "path/filepath"}, imp):
				t.Errorf("backend %s imports %s: generators are pure", rel, imp)
			case imp == "text/template" || imp == "html/template" || imp == "net/http" || imp == "regexp":
				if from < 10 {
					t.Errorf("%s imports %s", rel, imp)
				}
			}
		}
	}
}

// TestSource checks what every package promises: a doc comment, no init, no
// clock in generators.
func TestSource(t *testing.T) {
	for _, p := range goList(t, "./...") {
		rel := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if p.Doc == "" {
			t.Errorf("package %s has no doc comment", p.ImportPath)
		}
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s/%s has an init function", rel, name)
				}
			}
			for _, imp := range f.Imports {
				if imp.Name != nil && imp.Name.Name == "_" && imp.Path.Value != `"embed"` {
					t.Errorf("%s/%s has a blank import of %s", rel, name, imp.Path.Value)
				}
			}
			if strings.HasPrefix(rel, "generators") || strings.HasPrefix(rel, "spec") {
				ast.Inspect(f, func(n ast.Node) bool {
					if sel, ok := n.(*ast.SelectorExpr); ok {
						if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && sel.Sel.Name == "Now" {
							t.Errorf("%s/%s asks the clock", rel, name)
						}
					}
					return true
				})
			}
		}
	}
}

// TestExamplesOfPackages keeps a runnable example in every package that
// others import.
func TestExamplesOfPackages(t *testing.T) {
	for _, p := range goList(t, "./...") {
		rel := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if p.Name == "main" || rel == "examples/languages" || strings.HasPrefix(rel, "internal/") && rel != "internal/shell" || strings.Contains(rel, "test") {
			continue
		}
		found := false
		files, _ := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(src, []byte("\nfunc Example"))
		}
		if !found {
			t.Errorf("package %s has no runnable Example", p.ImportPath)
		}
	}
}

// maxBinary bounds the stripped, static binary.
const maxBinary = 12 << 20

// TestBinary builds the program as it is released and checks its size and the
// packages linked into it. A new package in the list is a decision: accept it
// with -update.
func TestBinary(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "daemonize")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, "./cmd/daemonize")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	info, err := os.Stat(bin)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the binary has %.1f MiB of at most %d", float64(info.Size())/(1<<20), maxBinary>>20)
	if info.Size() > maxBinary {
		t.Errorf("the binary has %d bytes, at most %d are allowed", info.Size(), maxBinary)
	}
	cmd = exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd/daemonize")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	slices.Sort(linked)
	golden.Compare(t, "testdata/linked-packages.txt", []byte(strings.Join(linked, "\n")+"\n"))
	std, err := exec.Command("go", "list", "-deps", "./cmd/daemonize").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"net/http", "text/template", "html/template", "testing", "crypto/tls", "plugin"} {
		if slices.Contains(strings.Fields(string(std)), forbidden) && forbidden != "text/template" {
			t.Errorf("%s is linked into the program", forbidden)
		}
	}
	// cobra imports text/template; it must stay unused so that the linker drops it.
	syms, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(syms, []byte("text/template/parse.(*Tree).parse")) {
		t.Error("text/template is linked into the program")
	}
}

// TestTreeIsClean keeps packages named for nothing out of the tree.
func TestTreeIsClean(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		switch e.Name() {
		case ".git", "node_modules":
			return filepath.SkipDir
		case "util", "utils", "common", "helper", "helpers", "misc":
			t.Errorf("%s: name the package for what it holds", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
