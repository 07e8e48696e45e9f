package launchd

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/generators/gentest"
	"howett.net/plist"
)

func TestConformance(t *testing.T) {
	gentest.Suite{
		Generator: New(),
		Targets: []generators.Target{
			{Backend: "launchd", Version: 13 * generators.Major},
			{Backend: "launchd", Version: 13 * generators.Major, Scope: generators.User, Home: "/Users/jo"},
		},
		Structure: structure,
		ReadBack:  readBack,
		Confirm: func(t *testing.T, bundles []generators.Bundle) {
			var contents [][]byte
			for _, b := range bundles {
				for _, a := range b.Artifacts {
					if strings.HasSuffix(a.Path, ".plist") {
						for _, p := range check(a.Path, a.Content) {
							t.Errorf("%s\n%s", p, a.Content)
						}
						contents = append(contents, a.Content)
					}
				}
			}
			python(t, contents)
			libplist(t, contents)
			lint(t, bundles)
		},
	}.Run(t)
}

// structure lists the keys of all plists and the names of all scripts.
func structure(b generators.Bundle) ([]string, error) {
	var out []string
	for _, a := range b.Artifacts {
		if !strings.HasSuffix(a.Path, ".plist") {
			out = append(out, "script "+path.Base(a.Path))
			continue
		}
		var keys map[string]any
		if _, err := plist.Unmarshal(a.Content, &keys); err != nil {
			return nil, err
		}
		list("", keys, &out)
	}
	slices.Sort(out)
	return out, nil
}

func list(at string, v any, out *[]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if at == ".EnvironmentVariables" {
				k = "*" // the names are the spec's
			}
			list(at+"."+k, e, out)
		}
	case []any:
		var items []string
		for _, e := range v {
			list(at+"[]", e, &items)
		}
		*out = append(*out, slices.Compact(items)...) // the length is the spec's
	default:
		*out = append(*out, at)
	}
}

// readBack asks all parsers and requires that they agree.
func readBack(t *testing.T, bundles []generators.Bundle) []gentest.Process {
	var contents [][]byte
	for _, b := range bundles {
		contents = append(contents, plists(b)...)
	}
	out := processes(howett(t, contents))
	for name, read := range map[string]func(*testing.T, [][]byte) parsed{"plistlib": python, "libplist": libplist} {
		t.Run(name, func(t *testing.T) {
			for i, p := range processes(read(t, contents)) {
				if !slices.Equal(p.Argv, out[i].Argv) {
					t.Errorf("%s reads %q, howett.net/plist %q", name, p.Argv, out[i].Argv)
				}
				for k, v := range out[i].Env {
					if p.Env[k] != v {
						t.Errorf("%s reads %s=%q, howett.net/plist %q", name, k, p.Env[k], v)
					}
				}
			}
		})
	}
	return out
}

func processes(all parsed) []gentest.Process {
	var out []gentest.Process
	for _, keys := range all {
		p := gentest.Process{Argv: texts(keys["ProgramArguments"]), Env: map[string]string{}}
		env, _ := keys["EnvironmentVariables"].(map[string]any)
		for k, v := range env {
			p.Env[k], _ = v.(string)
		}
		out = append(out, p)
	}
	return out
}
