package winsvc

import (
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec/field"
)

// reasons are why whole groups of fields have no effect, by prefix.
var reasons = [...]struct{ prefix, why string }{
	{"restart.", "the service control manager counts failures only, whatever the exit code"},
	{"stop.", "Windows has no signals: a service is sent the control code STOP and ends itself"},
	{"reload.", "Windows has no signals, and the service control manager runs no commands of a service"},
	{"hooks.", "the service control manager runs nothing around a start or stop"},
	{"healthcheck.", "the service control manager only sees whether the process lives"},
	{"depends_on.", "the service control manager knows one kind of dependency: a service that must run"},
	{"conditions.", "the service control manager starts services without conditions"},
	{"timers.", "the service control manager starts nothing on a schedule: that is the Task Scheduler's, which starts no services"},
	{"sockets.", "the service control manager opens no sockets"},
	{"paths.", "the service control manager does not watch files"},
	{"limits.", "the service control manager puts no limits on processes"},
	{"scheduling.", "the service control manager starts all services with the same priority"},
	{"directories.", "the service control manager makes no directories"},
	{"logging.", "the service control manager gives services no output: they write to files or the event log themselves"},
	{"sandboxing.", "Windows has none of the mechanisms: a service is confined by its account only"},
	{"install.", "the service control manager has no targets or aliases"},
	{"env_file.", "the service control manager reads no files of a service"},
}

// support returns the capability table. What is not named has no effect: a
// field that is new to the vocabulary is reported as lost until somebody has
// made it true.
func support() *generators.Table {
	var t generators.Table
	for _, id := range field.All() {
		why := "the service control manager has nothing like it"
		for _, r := range reasons {
			if strings.HasPrefix(id.String(), r.prefix) {
				why = r.why
			}
		}
		t[id] = generators.Support{Level: generators.Unsupported, Why: why}
	}
	set := func(level generators.Level, via, why string, ids ...field.ID) {
		for _, id := range ids {
			t[id] = generators.Support{Level: level, Via: via, Why: why}
		}
	}
	native, approximate, nothing := generators.Native, generators.Approximate, generators.NotApplicable
	set(nothing, "", "", field.Version, field.AcceptLoss, field.InstallWantedBy, field.InstallRunlevels)
	set(nothing, "", "every program reports to the service control manager itself when it is up; types that promise something else are reported", field.Type)
	set(nothing, "", "the accounts that are taken exist", field.CreateUser)
	set(nothing, "", "the environment of the system is passed on", field.PassEnvironment)
	set(native, "the service's name", "", field.Name)
	set(native, "lpDescription", "", field.Description)
	set(native, "ImagePath", "", field.Command)
	set(approximate, "nothing", "Windows has no POSIX shell: a daemon without a command is refused", field.Shell)
	set(native, "Environment below the service's key in the registry", "", field.Environment)
	set(approximate, "lpServiceStartName", "accounts of Windows are meant: root is LocalSystem, the name of the service its virtual account NT SERVICE\\NAME", field.User)
	set(native, "SERVICE_CONFIG_FAILURE_ACTIONS", "", field.RestartPolicy, field.RestartDelay)
	set(native, "the delays of SERVICE_CONFIG_FAILURE_ACTIONS", "", field.RestartSteps, field.RestartMaxDelay)
	set(native, "the number of SERVICE_CONFIG_FAILURE_ACTIONS", "", field.RestartMaxAttempts)
	set(approximate, "dwResetPeriod", "failures are counted anew after this time without one", field.RestartWindow)
	set(native, "the time for which install and start wait", "", field.StartTimeout)
	set(approximate, "the time for which daemonize waits", "at a shutdown Windows waits as long as WaitToKillServiceTimeout says", field.StopTimeout)
	set(native, "lpDependencies", "", field.DependsOnRequires)
	set(approximate, "lpDependencies", "the service is stopped with them, but not when they end by themselves", field.DependsOnBindsTo)
	set(approximate, "lpDependencies", "they are started instead of only looked for", field.DependsOnRequisite)
	set(native, "dwStartType", "", field.InstallEnable)
	set(native, "StartServiceW", "", field.InstallStart)
	set(native, "one service for each", "", field.Instances)
	set(native, "the keys account, display_name and delayed_start", "", field.Overrides)
	return &t
}
