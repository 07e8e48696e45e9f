package diag

// Rule codes are declared in this file together with their documentation:
// R001-R029 life cycle, R030-R049 activation, relations and output, R050-R069
// commands and secrets, R070-R099 sandboxing, resources and identity.
const (
	OneshotRestart    Code = "R001"
	ForkingPidFile    Code = "R002"
	PidFileUnused     Code = "R003"
	WatchdogType      Code = "R004"
	NotifyMismatch    Code = "R005"
	BusName           Code = "R006"
	RestartUnused     Code = "R007"
	RestartSteps      Code = "R008"
	RestartMaxDelay   Code = "R009"
	LimitNeverTrips   Code = "R010"
	ExitOverlap       Code = "R011"
	ZeroTimeout       Code = "R012"
	KillNobody        Code = "R013"
	FinalSignalUnused Code = "R014"
	OneshotRuntime    Code = "R015"
	HealthcheckUnused Code = "R016"
	HealthcheckSlow   Code = "R017"

	TimerNeverAgain Code = "R030"
	TimerUnused     Code = "R031"
	TimerJitter     Code = "R032"
	DuplicateListen Code = "R033"
	SocketUnused    Code = "R034"
	SocketAccept    Code = "R035"
	SocketInRuntime Code = "R036"
	WatchUnused     Code = "R037"
	DependsOnSelf   Code = "R038"
	DependsConflict Code = "R039"
	OrderCycle      Code = "R040"
	TargetName      Code = "R041"
	InstanceUnused  Code = "R042"
	InstanceClash   Code = "R043"
	Runlevels       Code = "R044"
	ConditionNever  Code = "R045"
	RotateNothing   Code = "R046"
	LogUnused       Code = "R047"
	LogDropped      Code = "R048"
	BroadConsent    Code = "R049"

	ShellSyntax      Code = "R050"
	PinnedVersion    Code = "R051"
	SecretArgument   Code = "R052"
	SecretVariable   Code = "R053"
	PrivilegedPort   Code = "R054"
	TemporaryProgram Code = "R055"
	UnsetVariable    Code = "R056"

	HiddenPath        Code = "R070"
	ReadOnlyPath      Code = "R071"
	NotExecutable     Code = "R072"
	NetworkClosed     Code = "R073"
	JITMemory         Code = "R074"
	SyscallsNeeded    Code = "R075"
	FamilyNeeded      Code = "R076"
	SetuidProgram     Code = "R077"
	AmbientBounding   Code = "R078"
	AmbientUseless    Code = "R079"
	DynamicUser       Code = "R080"
	CreateUser        Code = "R081"
	UserCannotWrite   Code = "R082"
	NobodyUser        Code = "R083"
	HiddenDevice      Code = "R084"
	ClockProtected    Code = "R085"
	ForkingNamespace  Code = "R086"
	SandboxUnused     Code = "R087"
	WorldWritable     Code = "R088"
	MemoryOrder       Code = "R089"
	RealtimePriority  Code = "R090"
	SchedulingUnused  Code = "R091"
	NUMANodes         Code = "R092"
	UserScopeIdentity Code = "R093"
	UserScopeUnused   Code = "R094"
)

var ruleCodes = []CodeInfo{
	{OneshotRestart, "a oneshot is restarted after success", "A oneshot has done its work when it ends, so restarting it then would repeat it without end; systemd refuses such a unit. Use restart: on-failure, a timer, or a type that stays running."},
	{ForkingPidFile, "a forking service without pid_file", "When the parent exits, the manager has to guess which process is the service, and guesses wrong with more than one child. Better: run the program in the foreground with type simple, exec or notify."},
	{PidFileUnused, "pid_file has no effect", "Only for type forking does the manager read a PID file; every other type knows its process from the start."},
	{WatchdogType, "watchdog for a service that may never send keep-alives", "A watchdog kills the service unless it sends WATCHDOG=1 (sd_notify(3)) in time. Programs that do so are normally of type notify; for another type set notify_access to say that it is meant."},
	{NotifyMismatch, "notify_access and type do not fit", "Readiness messages are awaited for type notify and notify-reload and for a watchdog, and then must be accepted; otherwise they have nothing to say."},
	{BusName, "type dbus and bus_name belong together", "A service of type dbus counts as started when it owns its bus name, so the manager must know the name; a bus name alone does not make the manager wait for it."},
	{RestartUnused, "a restart setting has no effect", "With restart policy no (the default) the service is never restarted, so how and when does not matter."},
	{RestartSteps, "restart.steps and restart.max_delay belong together", "The delay grows from delay to max_delay in steps; systemd ignores either one without the other."},
	{RestartMaxDelay, "restart.max_delay is below restart.delay", "The delay grows to max_delay, so it must be the longer of the two."},
	{LimitNeverTrips, "the restart limit can never be reached", "max_attempts starts, delay apart, take at least as long as window, so the count is reset before it is full and the service is restarted for ever. Lengthen window, or write max_attempts: infinity if that is meant."},
	{ExitOverlap, "an exit status both prevents and forces a restart", "prevent_exit and force_exit contradict each other for the status."},
	{ZeroTimeout, "a time limit of 0", "0 means no limit to one manager and no time at all to another. Write infinity, or a time of at least a second."},
	{KillNobody, "kill_mode none leaves processes behind", "Nothing is signalled at stop, so processes outlive the service unsupervised; systemd warns that it will drop this mode. Use mixed or process."},
	{FinalSignalUnused, "stop.final_signal is never sent", "send_sigkill: false says that no final signal is sent."},
	{OneshotRuntime, "max_runtime does not bound a oneshot", "A oneshot runs while it is starting, so start.timeout is its limit; systemd ignores RuntimeMaxSec= for it."},
	{HealthcheckUnused, "a health check of a service that does not stay running", "A oneshot has ended when the first test would run."},
	{HealthcheckSlow, "a health check that may outlast its interval", "A test that takes longer than the interval delays the next one, so failures are noticed later than the interval says."},

	{TimerNeverAgain, "a timer that can start the service only once", "A timer starts a service that is not running; one that stays up, is restarted at once or remains active never stops, so the timer finds nothing to do. Scheduled work is of type oneshot, with restart: no or on-failure."},
	{TimerUnused, "a timer setting has no effect", "persistent and timezone belong to calendar and cron, anchor to every, and fixed_jitter to jitter."},
	{TimerJitter, "jitter is as long as the interval", "Runs that are delayed by up to a whole interval no longer have a rhythm."},
	{DuplicateListen, "an address is listened on twice", "The second socket could not be opened: the address is in use."},
	{SocketUnused, "a socket setting has no effect", "The setting does not apply to sockets of this kind."},
	{SocketAccept, "accept does not fit", "One instance per connection needs sockets that accept connections (tcp, unix, unix-seqpacket), and takes the instance for itself."},
	{SocketInRuntime, "a socket file inside the service's own runtime directory", "The manager removes the runtime directory when the service stops, and with it the socket file that should start the service again."},
	{WatchUnused, "a path setting has no effect", "directory_mode is the mode of a directory that make_directory creates."},
	{DependsOnSelf, "a service depends on itself", "No manager can start a service before itself, or without it."},
	{DependsConflict, "a service is both needed and excluded", "Starting one of them stops the other, so they can never run together as required."},
	{OrderCycle, "a service is ordered both before and after another", "The order has no solution; systemd breaks such a cycle by dropping a job at random."},
	{TargetName, "a target is named without its suffix", "Names without a suffix are services, so the well-known target is not what the entry names. Write .target."},
	{InstanceUnused, "all instances are the same", "No value uses ${instance}, so every instance does the same with the same files. That is right for a pool of equal workers and wrong for anything else."},
	{InstanceClash, "instances share what only one can have", "All instances would listen on the same address or write the same file. Put ${instance} into the value."},
	{Runlevels, "a service runs in a runlevel for halt, reboot or rescue", "Runlevel 0 halts, 6 reboots and 1 is for rescue; services belong in 2 to 5."},
	{ConditionNever, "conditions that contradict each other", "All conditions must hold, so one that is also negated means that the service never starts."},
	{RotateNothing, "nothing to rotate", "Log rotation applies to output to files (file: or append:); journal and syslog bound their files themselves."},
	{LogUnused, "a logging setting has no effect", "Identifier, facility, level and rate belong to journal and syslog, and no output goes there."},
	{LogDropped, "output without a level is dropped", "Lines without a level of their own get logging.level, which is beyond logging.max_level, so they are never stored."},
	{BroadConsent, "consent to security losses on every backend", "An entry for * also covers backends that are used or added later, so a loss that nobody has thought of would be accepted."},

	{ShellSyntax, "shell syntax in a command", "Commands do not pass through a shell: operators, redirections, ~, globs and variables reach the program as they are. Use shell: for a script, env_file and logging for files, or write $$ for a $ that is meant literally."},
	{PinnedVersion, "a program path names one version", "The path belongs to one installed version, so the next upgrade removes it and the service no longer starts. Use the stable link of the package manager."},
	{SecretArgument, "a secret on the command line", "Arguments can be read by every local user (ps, /proc) and are kept in unit files and logs. Pass the name of a file, for example by credentials, or use env_file."},
	{SecretVariable, "a secret in environment", "Variables in a unit file can be read by every local user, and the spec itself is often under version control. Use env_file with mode 0600, or credentials."},
	{PrivilegedPort, "a port below 1024 without the right to open it", "Only root or a process with CAP_NET_BIND_SERVICE may open ports below 1024 (ip(7)). Let the manager open it (sockets), or add NET_BIND_SERVICE to sandboxing.capabilities.ambient."},
	{TemporaryProgram, "a program in a directory for temporary files", "The directory is emptied at boot and anybody can write to it, so another user can have the service run a program of his own."},
	{UnsetVariable, "a variable is both set and unset", "unset_environment is applied last, so the variable never reaches the service."},

	{HiddenPath, "the sandbox hides a path that the service needs", "The path is not visible to the service, so that it cannot start or work. Move the path, or lift the setting that hides it."},
	{ReadOnlyPath, "the sandbox makes a path read-only that the service writes", "With protect_system strict (which dynamic_user implies) only declared directories and sandboxing.read_write_paths are writable."},
	{NotExecutable, "the program may not be executed", "no_exec_paths covers the program and exec_paths does not."},
	{NetworkClosed, "the sandbox closes the network that the service uses", "Without a network or IP address families nobody can reach an address that the service opens itself. Sockets that the manager opens (sockets) keep working."},
	{JITMemory, "the runtime needs writable and executable memory", "Just-in-time compilers write code and then run it, which memory_deny_write_execute refuses: the program dies at start. The gain is small; set it to false for such programs."},
	{SyscallsNeeded, "the system call filter refuses what the program needs", "The program would be killed or fail at start."},
	{FamilyNeeded, "address_families lacks AF_UNIX", "Readiness messages, D-Bus and syslog go through Unix sockets."},
	{SetuidProgram, "a set-user-ID program under no_new_privileges", "Programs such as sudo get their power from the set-user-ID bit, which no_new_privileges makes powerless. Run the service as the wanted user, or use a hook with privileged: true."},
	{AmbientBounding, "an ambient capability outside the bounding set", "A process cannot be given a capability that its bounding set excludes; the service would fail to start."},
	{AmbientUseless, "ambient capabilities without effect", "root has its capabilities anyway, and in a user namespace (private_users) capabilities have no power over the host."},
	{DynamicUser, "dynamic_user with a fixed identity", "A dynamic user exists only while the service runs, so it cannot be root, a number or an account that is created."},
	{CreateUser, "create_user without a name to create", "The account must have a name, which is not root or a number."},
	{UserCannotWrite, "the user cannot write there", "The directory belongs to root, and the service runs as another user."},
	{NobodyUser, "the service runs as nobody", "The account is shared with NFS, user namespaces and other services, which could all interfere with each other. Use an account of the service's own or sandboxing.dynamic_user."},
	{HiddenDevice, "private_devices hides a device that the service uses", "Only pseudo devices such as /dev/null exist in the service's /dev. Use device_policy: closed with device_allow instead."},
	{ClockProtected, "protect_clock for a program that sets the clock", "Setting the clock, and even reading its state by adjtimex(2), is refused."},
	{ForkingNamespace, "private_pids with type forking", "The manager cannot follow a fork into another process namespace; systemd refuses the unit."},
	{SandboxUnused, "a sandboxing setting has no effect", "The setting refines another one that is not given."},
	{WorldWritable, "everybody may write", "Files or directories of the service could be changed by every local user."},
	{MemoryOrder, "memory limits in the wrong order", "memory_min, memory_low, memory_high and memory are steps of rising pressure; a lower one above a higher one is never reached or never met."},
	{RealtimePriority, "a realtime policy and its priority belong together", "fifo and rr need a priority from 1 to 99, and the other policies have none; the kernel refuses both."},
	{SchedulingUnused, "a scheduling setting has no effect", "The setting does not apply to the policy or class."},
	{NUMANodes, "a NUMA policy without nodes", "bind and interleave need numa_mask; the kernel refuses them without."},
	{UserScopeIdentity, "the user scope cannot change identity", "A user's own manager has no right to run anything as somebody else. Remove the field, or use the system scope."},
	{UserScopeUnused, "not available in the user scope", "A user's own manager does not have this or may not do it."},
}

// Secret reports whether the place of such a diagnostic is the name of a
// secret whose value follows, which must not be repeated in logs.
func (c Code) Secret() bool { return c == SecretArgument || c == SecretVariable }
