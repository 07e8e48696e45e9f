package rule

import (
	"strings"

	"github.com/daemonize/daemonize/hardening/unit"
)

// Text is a value with its place.
type Text struct {
	Value string
	At    unit.Origin
	Key   string // the native setting
}

// Command is one command that the manager runs.
type Command struct {
	Key  string   // the native setting, such as ExecStart
	Args []string // the program first
	At   unit.Origin
	Main bool // the service itself, not a helper around it
	// Elevated commands run as root whatever the account of the service is.
	Elevated bool
	// Optional commands may fail.
	Optional bool
}

// Variable is one variable of the environment.
type Variable struct {
	Name, Value string
	At          unit.Origin
	Key         string
}

// Facts are what the services of all managers have in common. Absent facts
// are empty.
type Facts struct {
	Root        bool // starts as root
	User        Text // the account; empty for that of the manager
	Group       Text
	UserScope   bool // started by the manager of a user
	Oneshot     bool // does its work and ends
	Commands    []Command
	Environment []Variable
	EnvFiles    []Text
	WorkingDir  Text
	PidFiles    []Text
	Outputs     []Text // files that standard output and error go to
	Listens     []Text // addresses that the manager opens: port, host:port, path
	UMask       Text   // octal digits
	Modes       []Text // of directories and sockets that the manager makes, octal digits
	Sources     []Text // files that the manager hands over as secrets
	Loop        Text   // says that the service is restarted without limit or pause
	Unknown     []Text // keys that the manager does not know; Value is what was probably meant
	Retired     []Text // keys that the manager no longer honours; Value is what to use instead
	Control     []Text // control interfaces of the manager itself that anybody may use; Value says how
	Broken      []Text // what the manager needs in the description and does not find
	// Suppressions that are not right; Value says why.
	Suppressions []Text
}

// Main returns the first command of the service itself, nil when there is
// none.
func (f *Facts) Main() *Command {
	for i := range f.Commands {
		if f.Commands[i].Main {
			return &f.Commands[i]
		}
	}
	return nil
}

// FromUnit makes the facts of a loaded unit.
func FromUnit(u *unit.Unit) Facts {
	s := &u.Settings
	f := Facts{UserScope: u.Scope == unit.User, Oneshot: s.Type.Value == "oneshot"}
	f.Root = !f.UserScope && !s.DynamicUser.Value && isRoot(s.User.Value)
	if s.User.Value != "" && len(s.User.From) > 0 {
		f.User = Text{s.User.Value, last(s.User.From), "User"}
	}
	if s.Group.Value != "" && len(s.Group.From) > 0 {
		f.Group = Text{s.Group.Value, last(s.Group.From), "Group"}
	}
	if len(u.Commands) > 0 {
		f.Commands = make([]Command, 0, len(u.Commands))
	}
	for i := range u.Commands {
		c := &u.Commands[i]
		args := c.Args
		if len(args) == 0 || args[0] != c.Path {
			args = append([]string{c.Path}, args[min(1, len(args)):]...) // @: the program has another zeroth argument
		}
		f.Commands = append(f.Commands, Command{Key: c.Key, Args: args, At: c.Origin, Main: c.Key == "ExecStart", Elevated: strings.Contains(c.Prefix, "+"), Optional: strings.Contains(c.Prefix, "-")})
	}
	own := section(u)
	for i := range u.Assignments {
		a := &u.Assignments[i]
		if a.Section != own || a.Skipped != "" {
			continue
		}
		text := func() Text { return Text{u.Expand(a.Value), a.Origin, a.Key} }
		set := func(list *[]Text) {
			if a.Value == "" {
				*list = nil
				return
			}
			*list = append(*list, text())
		}
		switch a.Key {
		case "Environment":
			if a.Value == "" {
				f.Environment = nil
			}
			for _, word := range unit.SplitWords(a.Value) {
				if name, value, ok := strings.Cut(word, "="); ok {
					f.Environment = append(f.Environment, Variable{name, value, a.Origin, a.Key})
				}
			}
		case "EnvironmentFile":
			set(&f.EnvFiles)
			if n := len(f.EnvFiles); n > 0 {
				f.EnvFiles[n-1].Value = strings.TrimPrefix(f.EnvFiles[n-1].Value, "-")
			}
		case "WorkingDirectory":
			f.WorkingDir = text()
			f.WorkingDir.Value = strings.TrimPrefix(f.WorkingDir.Value, "-")
		case "PIDFile":
			f.PidFiles = nil
			set(&f.PidFiles)
			if len(f.PidFiles) > 0 && !strings.HasPrefix(f.PidFiles[0].Value, "/") {
				f.PidFiles[0].Value = "/run/" + f.PidFiles[0].Value
			}
		case "StandardOutput", "StandardError":
			for _, scheme := range [...]string{"file:", "append:", "truncate:"} {
				if path, ok := strings.CutPrefix(a.Value, scheme); ok {
					f.Outputs = append(f.Outputs, Text{u.Expand(path), a.Origin, a.Key})
				}
			}
		case "ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO":
			set(&f.Listens)
		case "UMask":
			f.UMask = text()
		case "RuntimeDirectoryMode", "StateDirectoryMode", "CacheDirectoryMode", "LogsDirectoryMode", "ConfigurationDirectoryMode", "DirectoryMode":
			f.Modes = append(f.Modes, text())
		case "LoadCredential":
			if _, path, ok := strings.Cut(a.Value, ":"); ok && strings.HasPrefix(path, "/") {
				f.Sources = append(f.Sources, Text{u.Expand(path), a.Origin, a.Key})
			}
		}
	}
	return f
}

func last(from []unit.Origin) unit.Origin {
	if len(from) == 0 {
		return unit.Origin{}
	}
	return from[len(from)-1]
}

func isRoot(user string) bool { return user == "" || user == "root" || user == "0" }

// section is the section of a unit's own settings, "" when it starts nothing.
func section(u *unit.Unit) string {
	switch u.Type() {
	case "service":
		return "Service"
	case "socket":
		return "Socket"
	case "mount":
		return "Mount"
	case "swap":
		return "Swap"
	case "timer":
		return "Timer"
	case "path":
		return "Path"
	}
	return ""
}
