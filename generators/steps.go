package generators

import (
	"context"
	"strconv"
	"time"
)

// Op is what a plan is for.
type Op uint8

// The operations.
const (
	_ Op = iota
	Install
	Upgrade // of a bundle whose jobs run: Restart instead of Start
	Uninstall
)

// Verb is the kind of a step.
type Verb string

// The verbs. Those on files carry an Artifact or a Path, all others the Argv
// that performs them.
const (
	WriteFile  Verb = "write"
	RemoveFile Verb = "remove"
	MakeUser   Verb = "account" // create users and directories
	Reload     Verb = "reload"  // make the manager read its files
	Enable     Verb = "enable"
	Disable    Verb = "disable"
	Start      Verb = "start"
	Restart    Verb = "restart" // of a job that runs, to have it use what changed
	Stop       Verb = "stop"
	Verify     Verb = "verify" // wait until the job is up
	Clean      Verb = "clean"  // remove what the manager keeps about the job
	Refresh    Verb = "reread" // make the job itself read its configuration
)

// Step is one change of a host. Steps are data: a plan can be printed,
// compared, applied, undone and recorded by the same code.
type Step struct {
	Verb     Verb      `json:"verb"`
	Job      string    `json:"job,omitempty"`
	Path     string    `json:"path,omitempty"`
	Artifact *Artifact `json:"-"`
	Argv     []string  `json:"argv,omitempty"` // never a shell string
	// Optional steps may fail without failing the plan.
	Optional bool `json:"optional,omitempty"`
	// Live steps need the running manager and are left out with --root.
	Live bool `json:"live,omitempty"`
}

// Host is what a controller may ask of a machine. The implementations (real,
// rooted, dry-run, recording) are in internal/host.
type Host interface {
	// ReadFile returns a file's content; errors satisfy errors.Is(err, fs.ErrNotExist) as usual.
	ReadFile(path string) ([]byte, error)
	// Exists reports whether a path exists, without following a final symlink.
	Exists(path string) bool
	// Run runs a program and returns what it printed. A program that ran but
	// failed is not an error: look at Result.Code.
	Run(ctx context.Context, argv []string) (Result, error)
}

// Result is how a program ended.
type Result struct {
	Code           int // exit code; 128+n for signal n
	Stdout, Stderr string
}

// State is what a job does, in the same words on every manager.
type State string

// The states.
const (
	Active   State = "active"   // running, or done and counted as up
	Starting State = "starting" // not ready yet
	Stopping State = "stopping"
	Inactive State = "inactive" // not running, and not supposed to
	Failed   State = "failed"   // not running, and supposed to
	Unknown  State = "unknown"
)

// Status is the observed condition of a job.
type Status struct {
	Job    string `json:"job"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // the manager's own word, such as auto-restart
	Reason string `json:"reason,omitempty"` // why it failed, in words
	PID    int    `json:"pid,omitempty"`
	// Restarts counts how often the manager restarted the job by itself
	// since it was last started by order.
	Restarts int  `json:"restarts,omitempty"`
	Enabled  bool `json:"enabled"`
	// Missing says that the manager has no such job.
	Missing bool `json:"missing,omitempty"`
	// Since is when the job entered the state, Exit how its last process
	// ended. Only Inspect tells them.
	Since time.Time `json:"since,omitzero"`
	Exit  Exit      `json:"exit,omitzero"`
}

// Exit is how a process ended. The zero value is for one that has not ended, or
// of which that is not known.
type Exit struct {
	Code   int    `json:"code"`             // exit code, if Signal is empty
	Signal string `json:"signal,omitempty"` // such as SIGKILL
	Words  string `json:"words"`            // for people
}

// Controller operates a manager. It is optional: a backend without one can be
// rendered but not installed.
type Controller interface {
	// Detect reports whether the manager runs on the host, and which version.
	Detect(ctx context.Context, h Host, scope Scope) (Target, bool)
	// Steps returns the change that op needs. It is pure. For Uninstall, b is
	// the bundle as it was installed.
	Steps(b Bundle, op Op) []Step
	// Status asks the manager about a job of the bundle.
	Status(ctx context.Context, h Host, t Target, job string) (Status, error)
}

// Query selects what a job has logged.
type Query struct {
	Lines  int       // the last ones; zero for all since Since
	Since  time.Time // zero for no limit
	Follow bool      // go on with what comes
}

// Source is a place where the output of a job can be read. One of Argv, Path
// and Tag is set.
type Source struct {
	// Argv prints what the query asks for; in the format of journalctl
	// --output=json if Journal is set, else as it is.
	Argv    []string
	Journal bool
	Path    string // a file that the output is appended to
	Tag     string // of messages to syslog
}

// Operator is a controller whose jobs can be operated after they are installed,
// by daemonize or by others.
type Operator interface {
	Controller
	// Operate returns what verb needs: Start, Stop, Restart, Refresh, Enable or
	// Disable. A job that is as it should be is left alone. The bundle is the
	// one that was installed, or has a single job and no artifacts: a job of
	// others. The error says that the manager has nothing like the verb.
	Operate(b Bundle, verb Verb) ([]Step, error)
	// Inspect is Status with all that can be found out.
	Inspect(ctx context.Context, h Host, t Target, job string) (Status, error)
	// Sources returns where the output of a job can be read.
	Sources(ctx context.Context, h Host, t Target, job string, q Query) ([]Source, error)
	// Native returns what the manager calls a job that people call name.
	Native(t Target, name string) string
}

// Startable returns the jobs by which a daemon is started: those that install
// would start, else those that start at boot, else all.
func (b *Bundle) Startable() []Job {
	for _, want := range []func(Job) bool{func(j Job) bool { return j.Start }, func(j Job) bool { return j.Enable }} {
		var jobs []Job
		for _, j := range b.Jobs {
			if want(j) {
				jobs = append(jobs, j)
			}
		}
		if len(jobs) > 0 {
			return jobs
		}
	}
	return b.Jobs
}

// signals are the names of the signals that have the same number everywhere on
// Linux but on mips, alpha and sparc, in signal(7)'s order.
var signals = [...]string{
	"", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
	"SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
	"SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

// Exited describes a process that ended by itself.
func Exited(code int) Exit {
	return Exit{Code: code, Words: "exited with code " + strconv.Itoa(code)}
}

// Killed describes a process that a signal ended.
func Killed(signal int) Exit {
	name := strconv.Itoa(signal)
	if signal > 0 && signal < len(signals) {
		name = signals[signal]
	}
	return Exit{Signal: name, Words: "ended by signal " + strconv.Itoa(signal) + " (" + name + ")"}
}
