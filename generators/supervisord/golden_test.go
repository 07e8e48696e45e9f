package supervisord

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/chain"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// TestGolden has supervisord's own parser read every golden case: each program
// ends in the argument vector of the spec and has its environment, either as
// supervisord passes them or as the script does, read by another shell.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("../../testdata/golden/*/daemon.yaml")
	if err != nil || len(cases) < 14 {
		t.Fatalf("found %d cases: %v", len(cases), err)
	}
	target := generators.Target{Backend: "supervisord", Version: 4*generators.Major + 2}
	var names []string
	var daemons []*spec.Daemon
	var bundles []generators.Bundle
	for _, path := range cases {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found, diags := spec.Decode(path, src)
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		for _, d := range found {
			if b, losses := generators.Render(New(), d, target, generators.Policy{}); !losses.HasErrors() {
				names, daemons, bundles = append(names, path), append(daemons, d), append(bundles, b)
			}
		}
	}
	checked := 0
	for i, programs := range readReal(t, bundles) {
		d := daemons[i]
		for _, p := range programs {
			if strings.HasSuffix(p.Name, "-health") {
				continue
			}
			instance := strings.TrimPrefix(strings.TrimPrefix(p.Name, d.Name), "-")
			want := d.Resolve(func(r spec.Ref) string { return reference(d, r, instance) })
			argv, env := p.Argv, p.Env
			for _, a := range bundles[i].Artifacts {
				if a.Path == p.Argv[0] {
					argv, env = runs(t, string(a.Content), env)
				}
			}
			wanted := chain.Argv(want)
			if len(argv) < len(wanted) || !slices.Equal(argv[len(argv)-len(wanted):], wanted) {
				t.Errorf("%s: argv\n got %q\nwant %q at its end", names[i], argv, wanted)
			}
			for _, v := range want.Environment {
				if got, ok := env[v.Name]; (!ok || got != v.Value) && !slices.Contains(argv, v.Name+"="+v.Value) {
					t.Errorf("%s: variable %s is %q (set: %t), want %q", names[i], v.Name, got, ok, v.Value)
				}
			}
			if want.IsSet(field.WorkingDir) && p.Directory != want.WorkingDir && len(argv) == len(p.Argv) {
				t.Errorf("%s: directory %q, want %q", names[i], p.Directory, want.WorkingDir)
			}
			checked++
		}
	}
	if checked < 14 {
		t.Errorf("only %d programs were checked", checked)
	}
	t.Logf("%d programs of %d cases", checked, len(bundles))
}

// runs reads a script: the words of its last exec, and what it exports.
func runs(t *testing.T, script string, env map[string]string) ([]string, map[string]string) {
	t.Helper()
	f, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "")
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	all := maps.Clone(env)
	cfg := &expand.Config{Env: expand.FuncEnviron(func(string) string { return "?" })} // numbers of users, looked up at run time
	var argv []string
	syntax.Walk(f, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		words, err := expand.Fields(cfg, call.Args[1:]...)
		if err != nil {
			return true // a command substitution: not what is looked for
		}
		switch call.Args[0].Lit() {
		case "exec":
			argv = words
		case "export":
			for _, w := range words {
				name, value, _ := strings.Cut(w, "=")
				all[name] = value
			}
		}
		return true
	})
	return argv, all
}
