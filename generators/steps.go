package generators

import "context"

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
