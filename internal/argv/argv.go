// Package argv knows what a command line and its environment give away: secrets,
// paths that belong to one version, programs in directories for temporary
// files. The checks of specs and the rules of audits share it.
package argv

import "strings"

// NeedsSetuid reports whether a program, given by its base name, needs its
// set-user-ID bit for anything it is good for.
func NeedsSetuid(base string) bool {
	return isOneOf("sudo sudoedit su doas pkexec newgrp sg chsh chfn passwd gpasswd", base)
}

// Temporary returns the directory for temporary files that a path lies in, ""
// when it lies in none.
func Temporary(path string) string {
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		if rest, ok := strings.CutPrefix(path, dir); ok && (rest == "" || rest[0] == '/') {
			return dir
		}
	}
	return ""
}

// PinnedDir returns the component of a path that belongs to one installed
// version and changes with the next, "" when there is none.
func PinnedDir(path string) string {
	parts := strings.Split(path, "/")
	for i := 1; i < len(parts)-1; i++ {
		p, before := parts[i], parts[i-1]
		versioned := strings.TrimPrefix(p, "v") != "" && isDigit(strings.TrimPrefix(p, "v")[0])
		switch {
		// Homebrew: /opt/homebrew/Cellar/node/20.1.0/bin
		case i >= 2 && parts[i-2] == "Cellar" && versioned:
			return p
		// nvm, pyenv, rbenv, nodenv: versions/3.11.4, versions/node/v18.1.0
		case versioned && before == "versions" && i >= 2 && strings.HasSuffix(strings.TrimPrefix(parts[i-2], "."), "env"):
			return p
		case versioned && i >= 3 && parts[i-2] == "versions" && parts[i-3] == ".nvm":
			return p
		// asdf and mise: installs/nodejs/18.1.0
		case versioned && i >= 3 && parts[i-2] == "installs" && (parts[i-3] == ".asdf" || parts[i-3] == "mise"):
			return p
		// rvm and SDKMAN
		case before == "rubies" && i >= 2 && (parts[i-2] == ".rvm" || parts[i-2] == "rvm"):
			return p
		case versioned && i >= 2 && parts[i-2] == "candidates":
			return p
		}
		// /opt/python3.11.4/bin, /usr/lib/jvm/jdk-17.0.2/bin
		name := strings.TrimRight(p, "0123456789.")
		if version := p[len(name):]; strings.Count(version, ".") >= 2 &&
			isOneOf("python node nodejs ruby perl php go java jdk jre openjdk", strings.TrimRight(strings.TrimSuffix(name, "v"), "-_")) {
			return p
		}
	}
	return ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// SecretName reports whether a variable or an option of that name holds a
// secret.
func SecretName(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if strings.HasSuffix(name, "public_key") || strings.HasSuffix(name, "pub_key") {
		return false
	}
	if name == "secret_key_base" || name == "pass" { // Ruby on Rails
		return true
	}
	for _, end := range []string{"password", "passwd", "passphrase", "secret", "_token", "_pass", "credential", "credentials",
		"api_key", "apikey", "secret_key", "private_key", "access_key", "encryption_key", "master_key", "signing_key", "auth_key", "account_key"} {
		if strings.HasSuffix(name, end) || name == end[1:] && end[0] == '_' {
			return true
		}
	}
	return false
}

// secretValue reports values that can be a secret themselves: not the place
// of one, a switch or a number. A NUL marks a reference of a spec.
func secretValue(v string) bool {
	if len(v) < 3 || strings.ContainsAny(v[:1], "/@$-~.") || strings.IndexByte(v, 0) >= 0 {
		return false
	}
	switch strings.ToLower(v) {
	case "true", "false", "yes", "none", "null", "off", "prompt", "ask", "stdin", "file", "env", "disabled", "enabled", "required", "optional":
		return false
	}
	if strings.Trim(v, "0123456789") == "" || strings.Trim(v, "*xX") == "" {
		return false
	}
	for _, scheme := range []string{"file:", "env:", "vault:", "exec:", "keyring:", "arn:"} {
		if strings.HasPrefix(v, scheme) {
			return false
		}
	}
	return true
}

// urlSecret reports a password inside a URL: scheme://user:password@host.
func urlSecret(v string) bool {
	_, rest, ok := strings.Cut(v, "://")
	if !ok {
		return false
	}
	if i := strings.IndexAny(rest, "/?# "); i >= 0 {
		rest = rest[:i]
	}
	i := strings.LastIndexByte(rest, '@')
	if i < 0 {
		return false
	}
	_, password, ok := strings.Cut(rest[:i], ":")
	return ok && secretValue(password)
}

// SecretVariable reports whether a variable holds a secret: by its name, or
// because its value is a URL with a password.
func SecretVariable(name, value string) bool {
	return SecretName(name) && secretValue(value) || urlSecret(value)
}

// Secret returns the first argument that holds a secret and the part of it
// that may be shown; 0 when there is none.
func Secret(args []string) (int, string) {
	for i := 1; i < len(args); i++ {
		flag, value, joined := strings.Cut(args[i], "=")
		name := strings.TrimLeft(flag, "-")
		dashed := len(name) < len(flag) && !strings.ContainsAny(name, " /:.")
		switch {
		case dashed && joined && SecretName(name) && secretValue(value):
		case strings.HasPrefix(flag, "--") && dashed && !joined && SecretName(name) && i+1 < len(args) && secretValue(args[i+1]):
		case urlSecret(args[i]):
			flag, _, _ = strings.Cut(args[i], "://")
		default:
			continue
		}
		return i, flag
	}
	return 0, ""
}

func isOneOf(words, w string) bool {
	for word := range strings.FieldsSeq(words) {
		if word == w {
			return true
		}
	}
	return false
}
