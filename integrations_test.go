package daemonize_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// program builds the command and returns the directory it is in.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "daemonize"), "./cmd/daemonize").CombinedOutput()
	if err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	return dir
}

// repository is a git repository with a service that nobody should run so, and
// one that is fine.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"deploy/bad.service":          "[Unit]\nDescription=Bad\n[Service]\nExecStart=/tmp/bad --password=hunter2\n",
		"deploy/with space/b.service": "[Service]\nExecStart=/usr/bin/x\nUser=x\n",
		"other/good.service":          "[Service]\nExecStart=/usr/bin/x\nDynamicUser=yes\nMemoryMax=1G\n",
		"README.md":                   "nothing to audit\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "x"}} {
		git(t, dir, args...)
	}
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// run runs a script in dir and returns its output and status.
func run(t *testing.T, dir string, env map[string]string, argv ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, k+"="+env[k])
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// decode reads YAML strictly: every key must be one that the system knows.
func decode(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// shellcheck checks a script, where shellcheck is installed.
func shellcheck(t *testing.T, shell, script string) {
	t.Helper()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Log("shellcheck is not installed")
		return
	}
	cmd := exec.Command("shellcheck", "-s", shell, "-e", "SC2086", "-") // words are split on purpose, in GitLab's
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %s", out)
	}
}

// action is the metadata of a composite action, with the keys of
// https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
// that such an action may have.
type action struct {
	Name, Description, Author string
	Branding                  struct{ Icon, Color string }
	Inputs                    map[string]struct {
		Description, Default string
		Required             bool
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []actionStep
	}
}

type actionStep struct {
	Name, ID, If, Shell, Run, Uses string
	Env, With                      map[string]string
}

// TestGitHubAction reads the action as GitHub would and runs its steps.
func TestGitHubAction(t *testing.T) {
	var a action
	decode(t, "integrations/github/action.yml", &a)
	if a.Name == "" || a.Description == "" || a.Runs.Using != "composite" || len(a.Runs.Steps) != 4 {
		t.Fatalf("the action lacks something: %+v", a)
	}
	expression := regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)
	used := map[string]bool{}
	ids := map[string]bool{}
	look := func(text string) {
		for _, m := range expression.FindAllStringSubmatch(text, -1) {
			for _, word := range regexp.MustCompile(`[a-z]+(\.[a-z-]+)+`).FindAllString(m[1], -1) {
				switch parts := strings.Split(word, "."); {
				case parts[0] == "inputs" && len(parts) == 2:
					if _, ok := a.Inputs[parts[1]]; !ok {
						t.Errorf("there is no input %s", parts[1])
					}
					used[parts[1]] = true
				case parts[0] == "steps" && len(parts) == 4 && ids[parts[1]] && parts[2] == "outputs":
				default:
					t.Errorf("%s is not known", word)
				}
			}
		}
	}
	for _, s := range a.Runs.Steps {
		switch {
		case (s.Run == "") == (s.Uses == ""):
			t.Errorf("%s: it needs either run or uses", s.Name)
		case s.Run != "" && s.Shell != "bash":
			t.Errorf("%s: a step of a composite action names its shell", s.Name)
		case strings.Contains(s.Run, "${{"):
			t.Errorf("%s: an expression in a script is an injection", s.Name)
		case s.Uses != "" && !regexp.MustCompile(`^[\w-]+/[\w-]+(/[\w-]+)*@v\d+$`).MatchString(s.Uses):
			t.Errorf("%s: uses %q", s.Name, s.Uses)
		}
		look(s.If)
		for _, v := range s.Env {
			look(v)
		}
		for _, v := range s.With {
			look(v)
		}
		if s.ID != "" {
			ids[s.ID] = true
		}
		if s.Run != "" {
			shellcheck(t, "bash", s.Run)
		}
	}
	for name, o := range a.Outputs {
		if o.Description == "" || o.Value == "" {
			t.Errorf("output %s lacks something", name)
		}
		look(o.Value)
	}
	for name, in := range a.Inputs {
		if in.Description == "" || !used[name] {
			t.Errorf("input %s: described %q, used %v", name, in.Description, used[name])
		}
	}

	bin := program(t)
	for _, tt := range []struct {
		name   string
		inputs map[string]string
		status int
		rules  []string // what the report has to have
		units  int
	}{
		{"default", nil, 5, []string{"H012", "H041"}, 3},
		{"no limit", map[string]string{"fail-on": ""}, 0, []string{"H012"}, 3},
		{"threshold", map[string]string{"fail-on": "", "threshold": "5.0", "paths": "other"}, 5, nil, 1},
		{"several paths", map[string]string{"fail-on": "", "paths": "other\n\ndeploy/with space\n"}, 0, nil, 2},
		{"missing path", map[string]string{"fail-on": "", "paths": "nowhere"}, 1, nil, 1},
		{"hostile path", map[string]string{"paths": "$(touch pwned)\n`touch pwned`\n; touch pwned\n--help"}, 1, nil, 4},
		{"mistake", map[string]string{"fail-on": "worst"}, 2, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			repo, temp := repository(t), t.TempDir()
			outputs := filepath.Join(temp, "output")
			summary := filepath.Join(temp, "summary")
			env := map[string]string{
				"PATH": bin + ":" + os.Getenv("PATH"), "RUNNER_TEMP": temp, "GITHUB_OUTPUT": outputs,
				"GITHUB_STEP_SUMMARY": summary, "GITHUB_PATH": filepath.Join(temp, "path"),
			}
			var step string // outputs of the audit
			value := func(text string) string {
				return expression.ReplaceAllStringFunc(text, func(e string) string {
					name := expression.FindStringSubmatch(e)[1]
					if in, ok := strings.CutPrefix(name, "inputs."); ok {
						if v, ok := tt.inputs[in]; ok {
							return v
						}
						return a.Inputs[in].Default
					}
					_, name, _ = strings.Cut(name, ".outputs.")
					_, after, _ := strings.Cut("\n"+step, "\n"+name+"=")
					after, _, _ = strings.Cut(after, "\n")
					return after
				})
			}
			status := 0
			for _, s := range a.Runs.Steps[1:] { // the first has a test of its own
				if s.Run == "" || status != 0 {
					continue
				}
				stepEnv := maps.Clone(env)
				for k, v := range s.Env {
					stepEnv[k] = value(v)
				}
				var out string
				// As the runner calls bash.
				out, status = run(t, repo, stepEnv, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
				t.Logf("%s: %d\n%s", s.Name, status, out)
				text, err := os.ReadFile(outputs)
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
				step = string(text)
			}
			if status != tt.status {
				t.Errorf("it ends with %d, want %d", status, tt.status)
			}
			if _, err := os.Stat(filepath.Join(repo, "pwned")); err == nil {
				t.Error("a path was run as a command")
			}
			if tt.units == 0 {
				if step != "" {
					t.Errorf("it has outputs: %s", step)
				}
				return
			}
			sarifUnits(t, repo, value("${{ steps.audit.outputs.sarif }}"), tt.units, tt.rules)
			text, err := os.ReadFile(summary)
			if err != nil || !bytes.HasPrefix(text, []byte("## daemonize audit\n")) {
				t.Errorf("the summary is %q, %v", text, err)
			}
			page, err := os.ReadFile(value("${{ steps.audit.outputs.html }}"))
			if err != nil || !bytes.HasPrefix(page, []byte("<!DOCTYPE html>")) {
				t.Errorf("the page is %.20q, %v", page, err)
			}
		})
	}
}

// sarifUnits checks what code scanning gets: files of the repository.
func sarifUnits(t *testing.T, repo, path string, units int, ids []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID    string
				RuleIndex *int
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI, URIBaseID string }
					}
				}
			}
			Properties struct{ Units []any }
		}
	}
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range log.Runs[0].Results {
		seen[r.RuleID] = true
		at := r.Locations[0].PhysicalLocation.ArtifactLocation
		file, err := url.PathUnescape(at.URI)
		if err != nil || at.URIBaseID != "%SRCROOT%" {
			t.Errorf("%s is at %+v, %v", r.RuleID, at, err)
		}
		if _, err := os.Stat(filepath.Join(repo, file)); err != nil {
			t.Errorf("%s is in a file that is not there: %v", r.RuleID, err)
		}
		if r.RuleIndex == nil {
			t.Errorf("%s is not described", r.RuleID)
		}
	}
	for _, id := range ids {
		if !seen[id] {
			t.Errorf("%s was not found", id)
		}
	}
	if n := len(log.Runs[0].Properties.Units); n != units {
		t.Errorf("%d units, want %d", n, units)
	}
}

// TestGitLabCI reads the job as GitLab would and runs its script.
func TestGitLabCI(t *testing.T) {
	// The keys of https://docs.gitlab.com/ci/yaml/ that the job uses.
	var file map[string]struct {
		Stage, Image string
		Variables    map[string]string
		Script       []string
		Artifacts    struct {
			When     string
			ExposeAs string `yaml:"expose_as"`
			Paths    []string
			Reports  struct{ Codequality string }
		}
	}
	decode(t, "integrations/gitlab/audit.gitlab-ci.yml", &file)
	job, ok := file["daemonize-audit"]
	if !ok || len(file) != 1 || len(job.Script) != 2 || job.Artifacts.When != "always" {
		t.Fatalf("the file has %+v", file)
	}
	shellcheck(t, "sh", "#!/bin/sh\n"+strings.Join(job.Script, "\n"))
	bin := program(t)
	for _, tt := range []struct {
		name      string
		variables map[string]string
		status    int
		checks    []string
	}{
		{"default", nil, 5, []string{"H012", "H041"}},
		{"no limit", map[string]string{"AUDIT_FAIL_ON": ""}, 0, []string{"H012"}},
		{"threshold", map[string]string{"AUDIT_FAIL_ON": "", "AUDIT_THRESHOLD": "5.0", "AUDIT_PATHS": "other"}, 5, nil},
		{"several paths", map[string]string{"AUDIT_FAIL_ON": "", "AUDIT_PATHS": "other\ndeploy/with space\n"}, 0, nil},
		{"missing path", map[string]string{"AUDIT_PATHS": "nowhere"}, 1, nil},
		{"hostile path", map[string]string{"AUDIT_PATHS": "$(touch pwned)\n`touch pwned`\n; touch pwned\n*"}, 1, nil},
	} {
		for _, shell := range []string{"bash", "dash"} {
			t.Run(tt.name+" "+shell, func(t *testing.T) {
				if _, err := exec.LookPath(shell); err != nil {
					t.Skipf("%s is not installed", shell)
				}
				repo := repository(t)
				env := maps.Clone(job.Variables)
				maps.Copy(env, tt.variables)
				env["DAEMONIZE_VERSION"] = ""
				env["PATH"] = bin + ":" + os.Getenv("PATH")
				// As the runner joins the script.
				out, status := run(t, repo, env, shell, "-e", "-c", strings.Join(job.Script, "\n"))
				if status != tt.status {
					t.Errorf("it ends with %d, want %d:\n%s", status, tt.status, out)
				}
				if _, err := os.Stat(filepath.Join(repo, "pwned")); err == nil {
					t.Error("a path was run as a command")
				}
				for _, path := range append(job.Artifacts.Paths, job.Artifacts.Reports.Codequality) {
					if info, err := os.Stat(filepath.Join(repo, path)); err != nil || info.Size() == 0 {
						t.Errorf("artifact: %v", err)
					}
				}
				text, err := os.ReadFile(filepath.Join(repo, job.Artifacts.Reports.Codequality))
				if err != nil {
					t.Fatal(err)
				}
				var issues []struct {
					CheckName string `json:"check_name"`
					Location  struct{ Path string }
				}
				if err := json.Unmarshal(text, &issues); err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				for _, i := range issues {
					if _, err := os.Stat(filepath.Join(repo, i.Location.Path)); err != nil {
						t.Errorf("%s: %v", i.CheckName, err)
					}
				}
				for _, check := range tt.checks {
					if !strings.Contains(string(text), `"check_name":"`+check+`"`) {
						t.Errorf("%s is not reported", check)
					}
				}
			})
		}
	}
}

// TestPreCommit has pre-commit itself install and run the hooks, from this
// tree.
func TestPreCommit(t *testing.T) {
	var hooks []struct {
		ID, Name, Description, Entry, Language, Files, Exclude string
	}
	decode(t, ".pre-commit-hooks.yaml", &hooks)
	for _, h := range hooks {
		if h.ID == "" || h.Name == "" || h.Entry == "" || h.Language != "golang" {
			t.Errorf("hook %+v lacks something", h)
		}
	}
	files := regexp.MustCompile(hooks[0].Files)
	for path, want := range map[string]bool{
		"a/b.service": true, "b.socket": true, "x.mount": true, "web.daemon.yaml": true, "web.daemon.yml": true, "a/LaunchDaemons/x.plist": true,
		"Library/LaunchAgents/org.x.plist": true, "etc/supervisord.conf": true, "etc/supervisor/conf.d/a.conf": true, "etc/init.d/a": true, "init.d/a": true,
		"a.service.md": false, "README.md": false, "Info.plist": false, "nginx.conf": false, "web.yaml": false, "init.d/a/b": false, "b.timer": false,
	} {
		if files.MatchString(path) != want {
			t.Errorf("the hook takes %s: %v", path, !want)
		}
	}
	if _, err := exec.LookPath("pre-commit"); err != nil {
		t.Skip("pre-commit is not installed")
	}
	if out, err := exec.Command("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml").CombinedOutput(); err != nil {
		t.Errorf("pre-commit does not accept the hooks: %v\n%s", err, out)
	}
	source, repo := tree(t), repository(t)
	env := goEnv(t)
	env["PRE_COMMIT_HOME"] = t.TempDir()
	env["GIT_CONFIG_GLOBAL"], env["GIT_CONFIG_SYSTEM"] = "/dev/null", "/dev/null"
	config := fmt.Sprintf("repos:\n  - repo: %s\n    rev: %s\n    hooks:\n      - id: daemonize-validate\n      - id: daemonize-audit\n", source, strings.TrimSpace(git(t, source, "rev-parse", "HEAD")))
	if err := os.WriteFile(filepath.Join(repo, ".pre-commit-config.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, repo, "add", "-A")
	out, status := run(t, repo, env, "pre-commit", "run", "--all-files", "--verbose")
	if status != 1 || !strings.Contains(out, "bad.service") || !strings.Contains(out, "H012") || !strings.Contains(out, "exit code: 5") || strings.Contains(out, "README.md") {
		t.Errorf("pre-commit ends with %d:\n%s", status, out)
	}
	if err := os.Remove(filepath.Join(repo, "deploy/bad.service")); err != nil {
		t.Fatal(err)
	}
	git(t, repo, "add", "-A")
	if out, status := run(t, repo, env, "pre-commit", "run", "--all-files"); status != 0 {
		t.Errorf("without the bad service pre-commit ends with %d:\n%s", status, out)
	}
}

// goEnv is what the go command needs to use the caches of this machine.
func goEnv(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{}
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN", "GOFLAGS").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	// Packages are found in the cache wherever their sources are.
	env["GOFLAGS"] += " -trimpath"
	return env
}

// tree is a git repository with the files of this tree, as they are now.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range sources(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "x"}} {
		git(t, dir, args...)
	}
	return dir
}

// sources are the files that belong to the module.
func sources(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").Output()
	if err != nil {
		t.Skipf("this is not a clone: %v", err)
	}
	var names []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	return names
}

// TestInstallStep runs the step of the action that installs daemonize, with a
// module proxy that has this tree as a version.
func TestInstallStep(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the step is for bash")
	}
	const version = "v1.2.3"
	proxy := t.TempDir()
	at := filepath.Join(proxy, "github.com/daemonize/daemonize/@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range sources(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.Create("github.com/daemonize/daemonize@" + version + "/" + name)
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"list": []byte(version + "\n"), version + ".info": []byte(`{"Version":"` + version + `","Time":"2026-01-01T00:00:00Z"}`), version + ".mod": mod, version + ".zip": archive.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(at, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := goEnv(t)
	// What is downloaded is thrown away with the test; the rest comes from the
	// cache of this machine.
	cache := env["GOMODCACHE"]
	env["GOMODCACHE"] = t.TempDir()
	env["GOFLAGS"] += " -modcacherw"
	env["GOPROXY"] = "file://" + proxy + ",file://" + cache + "/cache/download"
	env["GONOSUMDB"], env["GOSUMDB"] = "*", "off"
	env["RUNNER_TEMP"] = t.TempDir()
	env["GITHUB_PATH"] = filepath.Join(env["RUNNER_TEMP"], "path")

	var a action
	decode(t, "integrations/github/action.yml", &a)
	env["VERSION"] = a.Inputs["version"].Default
	out, status := run(t, t.TempDir(), env, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", a.Runs.Steps[0].Run)
	if status != 0 {
		t.Fatalf("the step ends with %d:\n%s", status, out)
	}
	added, err := os.ReadFile(env["GITHUB_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	out, status = run(t, t.TempDir(), nil, filepath.Join(strings.TrimSpace(string(added)), "daemonize"), "version")
	if status != 0 || !strings.Contains(out, strings.TrimPrefix(version, "v")) {
		t.Errorf("the installed program says %q, %d", out, status)
	}
}
