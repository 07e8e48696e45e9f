package spec

import "github.com/daemonize/daemonize/spec/schedule"

// The types below are the spec vocabulary, once: internal/gen reads their doc
// comments and tags and writes the field index (spec/field), the decoder and
// the walker from them. The tags:
//
//	yaml     key in the document (required)
//	kind     how the value is written and checked, where the Go type does not say it
//	enum     the words that the field takes
//	default  the value when the field is absent (spec syntax); without it, absent means "not set"
//	sample   a value in YAML, used by the schema, the reference and the tests
//	with     YAML that the sample needs beside it to make sense; in a list item, `@` marks the place of the field
//	sugar    the key that a scalar (or, for commands, a list) stands for when given instead of a mapping

// Daemon is one service: what it runs, as whom, when, within which limits.
// A Daemon comes from [Decode] or [Load]; its strings are literal values in
// which references such as ${instance} are kept as [Ref] marks until
// [Daemon.Resolve] replaces them.
type Daemon struct {
	// Version of the spec format. The only version is 1.
	Version int `yaml:"version" kind:"version" sample:"1"`
	// Name of the service: unit name, job label suffix and script name, so it must be valid as all of them: a lower-case letter or underscore, then up to 30 lower-case letters, digits, `_` or `-`.
	Name string `yaml:"name" kind:"name" sample:"web"`
	// Description is one line for people.
	Description string `yaml:"description" kind:"text" sample:"Example web service"`
	// Documentation lists http(s), file, info and man URIs.
	Documentation []string `yaml:"documentation" kind:"uris" sample:"[https://example.org/docs, 'man:web(8)']"`
	// Command is the program and its arguments. A list is the argument vector as it is; a string is split by the quoting rules of POSIX sh without any expansion. It never passes through a shell.
	Command Command `yaml:"command" kind:"command" sample:"[/usr/bin/web, --listen, ':8080']"`
	// Shell is a POSIX sh script to run instead of a command. It is run as it stands (${...} in it belongs to the shell) by /bin/sh.
	Shell string `yaml:"shell" kind:"script" sample:"'exec /usr/bin/web --workers \"$(nproc)\"'"`
	// Type says when the service counts as started: at once (simple), after exec succeeded (exec), when it says so (notify, notify-reload), when the parent exits (forking), when the process is done (oneshot), when it owns its bus name (dbus), or after other jobs (idle).
	Type string `yaml:"type" kind:"word" enum:"simple exec notify notify-reload forking oneshot dbus idle" default:"simple" sample:"exec"`
	// BusName is the D-Bus name that a service of type dbus takes.
	BusName string `yaml:"bus_name" kind:"text" sample:"org.example.Web" with:"type: dbus"`
	// RemainAfterExit keeps a service active after its process has ended well.
	RemainAfterExit bool `yaml:"remain_after_exit" sample:"true" with:"type: oneshot"`
	// NotifyAccess says whose readiness messages are accepted.
	NotifyAccess string `yaml:"notify_access" kind:"word" enum:"none main exec all" sample:"all" with:"type: notify"`
	// WorkingDir is the directory the process starts in. Default: / (the home directory in the user scope).
	WorkingDir string `yaml:"working_dir" kind:"path" sample:"/srv/web"`
	// User is the account the process runs as, a name or a number. Default: root in the system scope.
	User string `yaml:"user" kind:"user" sample:"web"`
	// Group is the primary group. Default: the user's own.
	Group string `yaml:"group" kind:"user" sample:"web"`
	// SupplementaryGroups are added to the user's groups.
	SupplementaryGroups []string `yaml:"supplementary_groups" kind:"users" sample:"[ssl-cert]" with:"user: web"`
	// CreateUser creates the user (and group) as a locked system account when absent.
	CreateUser bool `yaml:"create_user" sample:"true" with:"user: web"`
	// Umask is the file mode creation mask, an octal string.
	Umask Mode `yaml:"umask" kind:"mode" default:"0022" sample:"'0027'"`
	// Stdin is where standard input comes from: null or file:/path.
	Stdin string `yaml:"stdin" kind:"stdin" default:"null" sample:"'file:/etc/web/input'"`
	// Environment variables, a map or a list of K=V. Readable by every local user on some managers: keep secrets out.
	Environment Environment `yaml:"environment" kind:"environment" sample:"{LANG: C.UTF-8}"`
	// EnvFile lists files of K=V lines read at each start.
	EnvFile []EnvFile `yaml:"env_file" sugar:"path"`
	// PassEnvironment names variables of the manager that are passed on.
	PassEnvironment []string `yaml:"pass_environment" kind:"vars" sample:"[HTTP_PROXY]"`
	// UnsetEnvironment names variables removed last.
	UnsetEnvironment []string `yaml:"unset_environment" kind:"vars" sample:"[LD_PRELOAD]"`
	// Credentials maps a credential name to the file it is read from; the process finds them below $CREDENTIALS_DIRECTORY, readable by it alone.
	Credentials []Credential `yaml:"credentials" kind:"credentials" sample:"{db_password: /etc/web/db.key}"`

	Restart Restart `yaml:"restart" sugar:"policy"`
	Start   Start   `yaml:"start"`
	Stop    Stop    `yaml:"stop"`
	Reload  Reload  `yaml:"reload"`
	Hooks   Hooks   `yaml:"hooks"`
	// PidFile is where a forking service writes its process ID.
	PidFile string `yaml:"pid_file" kind:"path" sample:"/run/web/web.pid" with:"type: forking"`
	// Watchdog is the longest time between two keep-alive messages (WATCHDOG=1) of a notify service; a silent service is killed and treated as failed.
	Watchdog Duration `yaml:"watchdog" sample:"30s" with:"type: notify"`
	// MaxRuntime ends the service after this time and counts it as failed.
	MaxRuntime  Duration    `yaml:"max_runtime" sample:"12h"`
	Healthcheck Healthcheck `yaml:"healthcheck"`
	DependsOn   DependsOn   `yaml:"depends_on" sugar:"requires"`
	Conditions  Conditions  `yaml:"conditions"`
	// Timers start the service on a schedule instead of at boot.
	Timers []Timer `yaml:"timers"`
	// Sockets are opened by the manager and passed to the service.
	Sockets []Socket `yaml:"sockets" sugar:"listen"`
	// Paths start the service when something happens in the file system.
	Paths       []Watch     `yaml:"paths"`
	Limits      Limits      `yaml:"limits"`
	Scheduling  Scheduling  `yaml:"scheduling"`
	Directories Directories `yaml:"directories"`
	Logging     Logging     `yaml:"logging"`
	Sandboxing  Sandboxing  `yaml:"sandboxing"`
	Install     Install     `yaml:"install"`
	Audit       Audit       `yaml:"audit"`
	// Instances makes the daemon a template: one copy each, with ${instance} replaced in every value.
	Instances []string `yaml:"instances" kind:"instances" sample:"[a, b]"`
	// Overrides are native keys per backend, written last and unchecked: the escape hatch, listed in every audit.
	Overrides []Override `yaml:"overrides" kind:"overrides" sample:"{systemd: {Service: {Slice: web.slice}}, launchd: {ProcessType: Background}, supervisord: {program: {stdout_events_enabled: 'true'}}, sysvinit: {header: {X-Interactive: 'true'}}}"`
	// AcceptLoss records the author's consent that a backend does not honour a field; a group such as `sandboxing` covers all its fields. Shown in every report.
	AcceptLoss []Consent `yaml:"accept_loss" kind:"consents" sample:"{launchd: [sandboxing, limits.memory]}"`

	state
}

// EnvFile is a file of environment variables.
type EnvFile struct {
	// Path of the file, in the dialect that systemd and POSIX sh read alike: K="V".
	Path string `yaml:"path" kind:"path" sample:"/etc/web/env" with:"env_file: [{@}]"`
	// Required makes a missing file a start failure.
	Required bool `yaml:"required" default:"true" sample:"false" with:"env_file: [{path: /etc/web/env, @}]"`
}

// Restart says what happens when the process ends by itself.
type Restart struct {
	// Policy decides which endings lead to a restart. A manual stop never does; unless-stopped is always, as every manager here remembers a disabled service.
	Policy string `yaml:"policy" kind:"word" enum:"no on-success on-failure on-abnormal on-watchdog on-abort always unless-stopped" default:"no" sample:"on-failure"`
	// Delay before a restart.
	Delay Duration `yaml:"delay" default:"100ms" sample:"2s" with:"restart: {policy: on-failure}"`
	// MaxDelay is what the delay grows to when steps is set.
	MaxDelay Duration `yaml:"max_delay" sample:"1m" with:"restart: {policy: on-failure, delay: 1s, steps: 5, @}"`
	// Steps in which the delay grows to max_delay.
	Steps int `yaml:"steps" kind:"count" sample:"5" with:"restart: {policy: on-failure, delay: 1s, max_delay: 1m, @}"`
	// MaxAttempts is how many starts within the window are allowed before the manager gives up; infinity never gives up.
	MaxAttempts int `yaml:"max_attempts" kind:"count" default:"5" sample:"4" with:"restart: {policy: on-failure}"`
	// Window is the time over which attempts are counted.
	Window Duration `yaml:"window" default:"10s" sample:"5m" with:"restart: {policy: on-failure}"`
	// SuccessExit lists exit codes and signals that count as success besides 0, SIGHUP, SIGINT, SIGTERM and SIGPIPE.
	SuccessExit []string `yaml:"success_exit" kind:"statuses" sample:"[3, SIGUSR1]"`
	// PreventExit lists exit codes and signals that never lead to a restart.
	PreventExit []string `yaml:"prevent_exit" kind:"statuses" sample:"[78]" with:"restart: {policy: on-failure}"`
	// ForceExit lists exit codes and signals that always lead to a restart.
	ForceExit []string `yaml:"force_exit" kind:"statuses" sample:"[75]"`
}

// Start bounds the start of the service.
type Start struct {
	// Timeout is how long starting (until ready) may take.
	Timeout Duration `yaml:"timeout" default:"90s" sample:"30s"`
}

// Stop says how the service is asked, and then made, to end.
type Stop struct {
	// Signal that asks the process to end.
	Signal string `yaml:"signal" kind:"signal" default:"SIGTERM" sample:"SIGINT"`
	// Timeout is how long the process may take before the final signal.
	Timeout Duration `yaml:"timeout" default:"90s" sample:"30s"`
	// KillMode says who gets the signals: every process of the service (control-group), the main process first and the rest at the end (mixed), only the main process (process), or nobody (none).
	KillMode string `yaml:"kill_mode" kind:"word" enum:"control-group mixed process none" default:"control-group" sample:"mixed"`
	// Command asks the service to end, instead of only the signal. It must wait until the service has ended.
	Command Command `yaml:"command" kind:"command" sample:"[/usr/bin/web, --quit]"`
	// FinalSignal ends what is still there after the timeout.
	FinalSignal string `yaml:"final_signal" kind:"signal" default:"SIGKILL" sample:"SIGABRT"`
	// SendSighup sends SIGHUP right after the stop signal (for shells).
	SendSighup bool `yaml:"send_sighup" sample:"true"`
	// SendSigkill sends the final signal after the timeout; false waits for ever.
	SendSigkill bool `yaml:"send_sigkill" default:"true" sample:"false"`
}

// Reload says how the service is told to read its configuration again.
type Reload struct {
	// Signal sent to the main process.
	Signal string `yaml:"signal" kind:"signal" sample:"SIGHUP"`
	// Command run for a reload; it should return when the reload is complete.
	Command Command `yaml:"command" kind:"command" sample:"[/usr/bin/web, --reload]"`
}

// Hooks are commands run around start and stop, as the service's user.
type Hooks struct {
	// PreStart runs before the service; a failure prevents the start.
	PreStart []Hook `yaml:"pre_start" sugar:"command"`
	// PostStart runs once the service has started.
	PostStart []Hook `yaml:"post_start" sugar:"command"`
	// PreStop runs before the service is asked to stop.
	PreStop []Hook `yaml:"pre_stop" sugar:"command"`
	// PostStop runs after the service has ended, however it ended.
	PostStop []Hook `yaml:"post_stop" sugar:"command"`
}

// Hook is one command of a hook.
type Hook struct {
	// Command to run, a list of arguments or a string.
	Command Command `yaml:"command" kind:"command" sample:"[/usr/bin/web, --hook]" with:"hooks: {%: [{@}]}"`
	// IgnoreFailure goes on when the command fails.
	IgnoreFailure bool `yaml:"ignore_failure" sample:"true" with:"hooks: {%: [{command: [/usr/bin/web, --hook], @}]}"`
	// Privileged runs the command as root and outside the sandbox.
	Privileged bool `yaml:"privileged" sample:"true" with:"user: web\nhooks: {%: [{command: [/usr/bin/web, --hook], @}]}"`
}

// Healthcheck is a periodic test; the service is restarted after retries failures in a row.
type Healthcheck struct {
	// Test is a command that exits 0 while the service is well.
	Test Command `yaml:"test" kind:"command" sample:"[/usr/bin/web, --check]"`
	// HTTP is a URL that must answer with a status below 400 (needs curl or wget on the host).
	HTTP string `yaml:"http" kind:"httpurl" sample:"'http://127.0.0.1:8080/health'"`
	// TCP is host:port that must accept a connection (needs nc or bash on the host).
	TCP string `yaml:"tcp" kind:"hostport" sample:"'127.0.0.1:8080'"`
	// Interval between two tests.
	Interval Duration `yaml:"interval" default:"30s" sample:"1m" with:"healthcheck: {test: [/usr/bin/web, --check], @}"`
	// Timeout of one test.
	Timeout Duration `yaml:"timeout" default:"30s" sample:"5s" with:"healthcheck: {test: [/usr/bin/web, --check], @}"`
	// Retries is how many failures in a row make the service unhealthy.
	Retries int `yaml:"retries" kind:"positive" default:"3" sample:"2" with:"healthcheck: {test: [/usr/bin/web, --check], @}"`
	// StartPeriod is the time after a start in which failures do not count.
	StartPeriod Duration `yaml:"start_period" sample:"10s" with:"healthcheck: {test: [/usr/bin/web, --check], @}"`
}

// DependsOn orders the service against others. Names without a suffix are services.
type DependsOn struct {
	// Requires are started with this service, before it, and stop it when they fail to start.
	Requires []string `yaml:"requires" kind:"units" sample:"[postgresql]"`
	// Requisite must already run, or the start fails.
	Requisite []string `yaml:"requisite" kind:"units" sample:"[postgresql]"`
	// Wants are started with this service if they can be.
	Wants []string `yaml:"wants" kind:"units" sample:"[redis-server]"`
	// BindsTo is requires, and this service stops whenever they stop.
	BindsTo []string `yaml:"binds_to" kind:"units" sample:"[postgresql]"`
	// PartOf are services whose stop and restart include this one.
	PartOf []string `yaml:"part_of" kind:"units" sample:"[frontend]"`
	// Upholds are kept running while this service runs.
	Upholds []string `yaml:"upholds" kind:"units" sample:"[helper]"`
	// After orders this service behind others without starting them.
	After []string `yaml:"after" kind:"units" sample:"[postgresql]"`
	// Before orders this service ahead of others.
	Before []string `yaml:"before" kind:"units" sample:"[nginx]"`
	// Conflicts cannot run at the same time.
	Conflicts []string `yaml:"conflicts" kind:"units" sample:"[apache2]"`
	// OnFailure are started when this service fails.
	OnFailure []string `yaml:"on_failure" kind:"units" sample:"[alert]"`
	// OnSuccess are started when this service ends well.
	OnSuccess []string `yaml:"on_success" kind:"units" sample:"[publish]"`
	// Mounts are paths whose mounts must be there.
	Mounts []string `yaml:"mounts" kind:"paths" sample:"[/srv/web]"`
	// NetworkOnline waits until the network is up, not merely configured.
	NetworkOnline bool `yaml:"network_online" sample:"true"`
}

// Conditions must hold at start, or the start is skipped without failing. A leading ! negates, a list means all of them.
type Conditions struct {
	// Assert makes an unmet condition a failure instead of a skip.
	Assert bool `yaml:"assert" sample:"true" with:"conditions: {path_exists: [/etc/web/web.yaml], @}"`
	// PathExists tests for a file or directory.
	PathExists []string `yaml:"path_exists" kind:"condpaths" sample:"[/etc/web/web.yaml]"`
	// PathExistsGlob tests that a pattern matches something.
	PathExistsGlob []string `yaml:"path_exists_glob" kind:"condpaths" sample:"['/etc/web/*.yaml']"`
	// PathIsDirectory tests for a directory.
	PathIsDirectory []string `yaml:"path_is_directory" kind:"condpaths" sample:"[/srv/web]"`
	// PathIsSymbolicLink tests for a symbolic link.
	PathIsSymbolicLink []string `yaml:"path_is_symbolic_link" kind:"condpaths" sample:"[/srv/web/current]"`
	// PathIsMountPoint tests for a mount point.
	PathIsMountPoint []string `yaml:"path_is_mount_point" kind:"condpaths" sample:"[/srv/web]"`
	// PathIsReadWrite tests for a file system mounted read-write.
	PathIsReadWrite []string `yaml:"path_is_read_write" kind:"condpaths" sample:"[/srv/web]"`
	// DirectoryNotEmpty tests for a directory with something in it.
	DirectoryNotEmpty []string `yaml:"directory_not_empty" kind:"condpaths" sample:"[/srv/web/spool]"`
	// FileNotEmpty tests for a regular file with something in it.
	FileNotEmpty []string `yaml:"file_not_empty" kind:"condpaths" sample:"[/etc/web/web.yaml]"`
	// FileIsExecutable tests for an executable regular file.
	FileIsExecutable []string `yaml:"file_is_executable" kind:"condpaths" sample:"[/usr/bin/web]"`
	// Architecture is a machine type as systemd names it.
	Architecture []string `yaml:"architecture" kind:"condwords" sample:"[x86-64]"`
	// Virtualization is vm, container, a technology, or a boolean.
	Virtualization []string `yaml:"virtualization" kind:"condwords" sample:"['!container']"`
	// Host is a host name (pattern) or machine ID.
	Host []string `yaml:"host" kind:"condwords" sample:"['web*']"`
	// KernelCommandLine is a word or assignment on the kernel command line.
	KernelCommandLine []string `yaml:"kernel_command_line" kind:"condwords" sample:"['!single']"`
	// KernelVersion compares the kernel release.
	KernelVersion []string `yaml:"kernel_version" kind:"condwords" sample:"['>=5.10']"`
	// Security is a security technology that must be active.
	Security []string `yaml:"security" kind:"condwords" sample:"[apparmor]"`
	// Capability must be in the manager's bounding set.
	Capability []string `yaml:"capability" kind:"condwords" sample:"[CAP_NET_ADMIN]"`
	// Environment is a variable (or assignment) in the manager's environment.
	Environment []string `yaml:"environment" kind:"condwords" sample:"[container]"`
	// Memory compares the physical memory.
	Memory []string `yaml:"memory" kind:"condwords" sample:"['>=1G']"`
	// CPUs compares the number of usable processors.
	CPUs []string `yaml:"cpus" kind:"condwords" sample:"['>=2']"`
	// ACPower tests whether the machine runs on mains.
	ACPower bool `yaml:"ac_power" sample:"true"`
	// FirstBoot tests for the first boot of the machine.
	FirstBoot bool `yaml:"first_boot" sample:"true"`
}

// Timer starts the service on a schedule; exactly one of calendar, cron, every and on_boot.
type Timer struct {
	// Name tells the timers of a daemon apart. Default: the number of the timer.
	Name string `yaml:"name" kind:"name" sample:"nightly" with:"timers: [{calendar: daily, @}]"`
	// Calendar is an expression of systemd.time(7), in which day and weekday must both hold.
	Calendar string `yaml:"calendar" kind:"calendar" sample:"'*-*-* 03:00:00'" with:"timers: [{@}]"`
	// Cron is a five-field crontab expression, in which day or weekday must hold when both are given.
	Cron string `yaml:"cron" kind:"cron" sample:"'0 3 * * *'" with:"timers: [{@}]"`
	// Every is an interval, first due one interval after the timer starts.
	Every Duration `yaml:"every" sample:"15m" with:"timers: [{@}]"`
	// OnBoot is a delay after boot.
	OnBoot Duration `yaml:"on_boot" sample:"2m" with:"timers: [{@}]"`
	// Anchor says from which end of the last run an interval counts.
	Anchor string `yaml:"anchor" kind:"word" enum:"start finish" default:"start" sample:"finish" with:"timers: [{every: 15m, @}]"`
	// Persistent catches up once after the machine was off.
	Persistent bool `yaml:"persistent" sample:"true" with:"timers: [{calendar: daily, @}]"`
	// Jitter delays each run by a random time up to this.
	Jitter Duration `yaml:"jitter" sample:"5m" with:"timers: [{calendar: daily, @}]"`
	// FixedJitter uses the same random delay on every run of this host.
	FixedJitter bool `yaml:"fixed_jitter" sample:"true" with:"timers: [{calendar: daily, jitter: 5m, @}]"`
	// Accuracy within which the manager may move a run to save power.
	Accuracy Duration `yaml:"accuracy" default:"1s" sample:"1m" with:"timers: [{calendar: daily, @}]"`
	// Timezone is an IANA zone in which the expression is read. Default: the host's.
	Timezone string `yaml:"timezone" kind:"timezone" sample:"Europe/Berlin" with:"timers: [{calendar: daily, @}]"`
	// Wake wakes the machine from sleep.
	Wake bool `yaml:"wake" sample:"true" with:"timers: [{calendar: daily, @}]"`

	// Schedule is calendar or cron as parsed, in Timezone.
	Schedule schedule.Schedule `yaml:"-"`
}

// Socket is one listening socket.
type Socket struct {
	// Name under which the service finds the descriptor (LISTEN_FDNAMES). Default: the daemon's name.
	Name string `yaml:"name" kind:"fdname" sample:"http" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// Listen is a URL: tcp://host:port, udp://host:port, unix:///path, unix-dgram:///path, unix-seqpacket:///path, fifo:///path. An empty host means all addresses.
	Listen []Address `yaml:"listen" kind:"listen" sample:"'tcp://127.0.0.1:8080'" with:"sockets: [{@}]"`
	// Backlog of connections not yet accepted.
	Backlog int `yaml:"backlog" kind:"positive" sample:"128" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// Mode of a socket file or fifo, an octal string.
	Mode Mode `yaml:"mode" kind:"mode" default:"0666" sample:"'0660'" with:"sockets: [{listen: 'unix:///run/web.sock', @}]"`
	// User who owns the socket file.
	User string `yaml:"user" kind:"user" sample:"web" with:"sockets: [{listen: 'unix:///run/web.sock', @}]"`
	// Group that owns the socket file.
	Group string `yaml:"group" kind:"user" sample:"web" with:"sockets: [{listen: 'unix:///run/web.sock', @}]"`
	// DirectoryMode of directories made for the socket file.
	DirectoryMode Mode `yaml:"directory_mode" kind:"mode" default:"0755" sample:"'0750'" with:"sockets: [{listen: 'unix:///run/web/web.sock', @}]"`
	// Accept starts one instance of the service for each connection.
	Accept bool `yaml:"accept" sample:"true" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// MaxConnections limits the instances of accept.
	MaxConnections int `yaml:"max_connections" kind:"positive" sample:"32" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', accept: true, @}]"`
	// ReusePort lets several sockets share the address.
	ReusePort bool `yaml:"reuse_port" sample:"true" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// IPv6Only says whether an IPv6 socket also takes IPv4.
	IPv6Only string `yaml:"ipv6_only" kind:"boolword" enum:"default both ipv6-only" sample:"ipv6-only" with:"sockets: [{listen: 'tcp://[::]:8080', @}]"`
	// FreeBind allows an address that the host does not have yet.
	FreeBind bool `yaml:"free_bind" sample:"true" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// KeepAlive turns TCP keep-alive on.
	KeepAlive bool `yaml:"keep_alive" sample:"true" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// NoDelay turns Nagle's algorithm off.
	NoDelay bool `yaml:"no_delay" sample:"true" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// BindToDevice restricts the socket to a network interface.
	BindToDevice string `yaml:"bind_to_device" kind:"text" sample:"eth0" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// ReceiveBuffer is the size of the kernel's receive buffer.
	ReceiveBuffer Size `yaml:"receive_buffer" sample:"1M" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// SendBuffer is the size of the kernel's send buffer.
	SendBuffer Size `yaml:"send_buffer" sample:"1M" with:"sockets: [{listen: 'tcp://127.0.0.1:8080', @}]"`
	// PassCredentials lets the service see the peer's credentials.
	PassCredentials bool `yaml:"pass_credentials" sample:"true" with:"sockets: [{listen: 'unix:///run/web.sock', @}]"`
	// RemoveOnStop removes the socket file when the socket is stopped.
	RemoveOnStop bool `yaml:"remove_on_stop" sample:"true" with:"sockets: [{listen: 'unix:///run/web.sock', @}]"`
	// Symlinks to the socket file.
	Symlinks []string `yaml:"symlinks" kind:"paths" sample:"[/run/web-link.sock]" with:"sockets: [{listen: 'unix:///run/web.sock', @}]"`
}

// Watch starts the service on an event in the file system; exactly one of the path fields.
type Watch struct {
	// Exists starts the service whenever the path exists.
	Exists string `yaml:"exists" kind:"path" sample:"/etc/web/web.yaml" with:"paths: [{@}]"`
	// ExistsGlob starts the service whenever the pattern matches.
	ExistsGlob string `yaml:"exists_glob" kind:"path" sample:"'/etc/web/*.yaml'" with:"paths: [{@}]"`
	// Changed starts the service when a writer closes the file.
	Changed string `yaml:"changed" kind:"path" sample:"/etc/web/web.yaml" with:"paths: [{@}]"`
	// Modified starts the service at every write.
	Modified string `yaml:"modified" kind:"path" sample:"/etc/web/web.yaml" with:"paths: [{@}]"`
	// DirectoryNotEmpty starts the service while the directory has entries.
	DirectoryNotEmpty string `yaml:"directory_not_empty" kind:"path" sample:"/srv/web/spool" with:"paths: [{@}]"`
	// MakeDirectory creates the watched directory.
	MakeDirectory bool `yaml:"make_directory" sample:"true" with:"paths: [{directory_not_empty: /srv/web/spool, @}]"`
	// DirectoryMode of a directory made so.
	DirectoryMode Mode `yaml:"directory_mode" kind:"mode" default:"0755" sample:"'0750'" with:"paths: [{directory_not_empty: /srv/web/spool, make_directory: true, @}]"`
}

// Limits bound what the service may use: per process (rlimits, a value or {soft, hard}) and for all its processes together (cgroup).
type Limits struct {
	// CPU time of a process in seconds (RLIMIT_CPU).
	CPU Rlimit `yaml:"cpu" kind:"rlimit" sample:"3600"`
	// Fsize is the largest file a process may write (RLIMIT_FSIZE).
	Fsize Rlimit `yaml:"fsize" kind:"rsize" sample:"1G"`
	// Data segment size (RLIMIT_DATA).
	Data Rlimit `yaml:"data" kind:"rsize" sample:"1G"`
	// Stack size (RLIMIT_STACK).
	Stack Rlimit `yaml:"stack" kind:"rsize" sample:"16M"`
	// Core file size (RLIMIT_CORE); 0 writes none.
	Core Rlimit `yaml:"core" kind:"rsize" sample:"0"`
	// RSS is the resident set size (RLIMIT_RSS), ignored by current kernels.
	RSS Rlimit `yaml:"rss" kind:"rsize" sample:"1G"`
	// Nofile is the number of open files (RLIMIT_NOFILE).
	Nofile Rlimit `yaml:"nofile" kind:"rlimit" sample:"65536"`
	// AS is the address space (RLIMIT_AS).
	AS Rlimit `yaml:"as" kind:"rsize" sample:"4G"`
	// Nproc is the number of processes of the user (RLIMIT_NPROC).
	Nproc Rlimit `yaml:"nproc" kind:"rlimit" sample:"512"`
	// Memlock is the memory that may be locked (RLIMIT_MEMLOCK).
	Memlock Rlimit `yaml:"memlock" kind:"rsize" sample:"infinity"`
	// Locks is the number of file locks (RLIMIT_LOCKS), ignored by current kernels.
	Locks Rlimit `yaml:"locks" kind:"rlimit" sample:"1024"`
	// Sigpending is the number of queued signals (RLIMIT_SIGPENDING).
	Sigpending Rlimit `yaml:"sigpending" kind:"rlimit" sample:"1024"`
	// Msgqueue is the size of POSIX message queues (RLIMIT_MSGQUEUE).
	Msgqueue Rlimit `yaml:"msgqueue" kind:"rsize" sample:"1M"`
	// Nice is 20 minus the lowest nice value that may be taken (RLIMIT_NICE).
	Nice Rlimit `yaml:"nice" kind:"rlimit" sample:"20"`
	// Rtprio is the highest realtime priority (RLIMIT_RTPRIO).
	Rtprio Rlimit `yaml:"rtprio" kind:"rlimit" sample:"10"`
	// Rttime is the realtime CPU time without a blocking call, in microseconds (RLIMIT_RTTIME).
	Rttime Rlimit `yaml:"rttime" kind:"rlimit" sample:"200000"`

	// Memory is the hard limit; beyond it the kernel kills.
	Memory Size `yaml:"memory" sample:"512M"`
	// MemoryHigh throttles above this.
	MemoryHigh Size `yaml:"memory_high" sample:"400M"`
	// MemoryLow is protected from reclaim if possible.
	MemoryLow Size `yaml:"memory_low" sample:"64M"`
	// MemoryMin is never reclaimed.
	MemoryMin Size `yaml:"memory_min" sample:"32M"`
	// Swap is the hard limit of swap.
	Swap Size `yaml:"swap" sample:"0"`
	// Zswap is the hard limit of compressed swap.
	Zswap Size `yaml:"zswap" sample:"64M"`
	// CPUs is the processor time as a number of processors.
	CPUs float64 `yaml:"cpus" kind:"cpus" sample:"1.5"`
	// CPUWeight is the share under contention, 1 to 10000, default 100.
	CPUWeight int `yaml:"cpu_weight" kind:"weight" sample:"50"`
	// Cpuset lists the processors that may be used, such as 0-3,6.
	Cpuset string `yaml:"cpuset" kind:"cpuset" sample:"'0-1'"`
	// MemoryNodes lists the NUMA nodes that may be used.
	MemoryNodes string `yaml:"memory_nodes" kind:"cpuset" sample:"'0'"`
	// Pids is the number of processes and threads.
	Pids int `yaml:"pids" kind:"count" sample:"256"`
	// IOWeight is the share of disk bandwidth under contention, 1 to 10000, default 100.
	IOWeight int `yaml:"io_weight" kind:"weight" sample:"50"`
	// IOReadBandwidth limits bytes per second by device or path.
	IOReadBandwidth []DeviceLimit `yaml:"io_read_bandwidth" kind:"devlimits" sample:"{/dev/sda: 10M}"`
	// IOWriteBandwidth limits bytes per second by device or path.
	IOWriteBandwidth []DeviceLimit `yaml:"io_write_bandwidth" kind:"devlimits" sample:"{/dev/sda: 10M}"`
	// IOReadIOPS limits operations per second by device or path.
	IOReadIOPS []DeviceLimit `yaml:"io_read_iops" kind:"devlimits" sample:"{/dev/sda: 1K}"`
	// IOWriteIOPS limits operations per second by device or path.
	IOWriteIOPS []DeviceLimit `yaml:"io_write_iops" kind:"devlimits" sample:"{/dev/sda: 1K}"`
}

// Scheduling places the service among others.
type Scheduling struct {
	// Nice is the CPU priority, -20 (first) to 19 (last).
	Nice int `yaml:"nice" kind:"nice" sample:"5"`
	// Policy is the CPU scheduling policy.
	Policy string `yaml:"policy" kind:"word" enum:"other batch idle fifo rr" sample:"batch"`
	// Priority under fifo and rr, 1 to 99.
	Priority int `yaml:"priority" kind:"rtprio" sample:"10" with:"scheduling: {policy: rr, @}"`
	// ResetOnFork gives children the default policy.
	ResetOnFork bool `yaml:"reset_on_fork" sample:"true" with:"scheduling: {policy: batch, @}"`
	// IOClass is the disk scheduling class.
	IOClass string `yaml:"io_class" kind:"word" enum:"none realtime best-effort idle" sample:"best-effort"`
	// IOPriority within the class, 0 (first) to 7 (last).
	IOPriority int `yaml:"io_priority" kind:"ioprio" default:"4" sample:"6" with:"scheduling: {io_class: best-effort, @}"`
	// CPUAffinity lists the processors the process is bound to.
	CPUAffinity []int `yaml:"cpu_affinity" kind:"cpulist" sample:"[0, 1]"`
	// NUMAPolicy is the memory policy.
	NUMAPolicy string `yaml:"numa_policy" kind:"word" enum:"default preferred bind interleave local" sample:"preferred" with:"scheduling: {numa_mask: '0', @}"`
	// NUMAMask lists the nodes of the policy.
	NUMAMask string `yaml:"numa_mask" kind:"cpuset" sample:"'0'" with:"scheduling: {numa_policy: bind, @}"`
	// OOMScoreAdjust shifts the kernel's choice of a victim, -1000 (never) to 1000 (first).
	OOMScoreAdjust int `yaml:"oom_score_adjust" kind:"oomadj" sample:"-500"`
	// OOMPolicy says what happens when a process of the service is killed for lack of memory.
	OOMPolicy string `yaml:"oom_policy" kind:"word" enum:"continue stop kill" sample:"continue"`
	// TimerSlack is how far the kernel may delay timers to save power.
	TimerSlack Duration `yaml:"timer_slack" sample:"1ms"`
}

// Directories are made before the start and belong to the service's user. Names are relative to the manager's base directory.
type Directories struct {
	// Runtime is below /run and removed at stop; ${runtime_dir} is its path.
	Runtime RuntimeDirectory `yaml:"runtime" sugar:"name"`
	// State is below /var/lib; ${state_dir} is its path.
	State Directory `yaml:"state" sugar:"name"`
	// Cache is below /var/cache; ${cache_dir} is its path.
	Cache Directory `yaml:"cache" sugar:"name"`
	// Logs is below /var/log; ${logs_dir} is its path.
	Logs Directory `yaml:"logs" sugar:"name"`
	// Config is below /etc and belongs to root; ${config_dir} is its path.
	Config Directory `yaml:"config" sugar:"name"`
}

// Directory is one directory of the service.
type Directory struct {
	// Name below the base directory, may hold slashes.
	Name string `yaml:"name" kind:"subdir" sample:"web"`
	// Mode of the directory, an octal string.
	Mode Mode `yaml:"mode" kind:"mode" default:"0755" sample:"'0750'" with:"directories: {%: {name: web, @}}"`
}

// RuntimeDirectory is a [Directory] that does not outlive the service.
type RuntimeDirectory struct {
	// Name below the base directory, may hold slashes.
	Name string `yaml:"name" kind:"subdir" sample:"web"`
	// Mode of the directory, an octal string.
	Mode Mode `yaml:"mode" kind:"mode" default:"0755" sample:"'0750'" with:"directories: {%: {name: web, @}}"`
	// Preserve keeps the directory after a stop (yes) or only over a restart (restart).
	Preserve string `yaml:"preserve" kind:"boolword" enum:"no yes restart" sample:"'yes'" with:"directories: {%: {name: web, @}}"`
}

// Logging says where output goes.
type Logging struct {
	// Stdout is journal (the manager's own log), syslog, null, inherit, file:/path or append:/path.
	Stdout string `yaml:"stdout" kind:"output" default:"journal" sample:"'append:/var/log/web.log'"`
	// Stderr is as stdout. Default: as stdout.
	Stderr string `yaml:"stderr" kind:"output" sample:"'append:/var/log/web.err'"`
	// Identifier is the name that log lines carry. Default: the program's.
	Identifier string `yaml:"identifier" kind:"text" sample:"web-front"`
	// Facility of syslog.
	Facility string `yaml:"facility" kind:"word" enum:"kern user mail daemon auth syslog lpr news uucp cron authpriv ftp local0 local1 local2 local3 local4 local5 local6 local7" sample:"local3"`
	// Level given to lines without a level of their own.
	Level string `yaml:"level" kind:"word" enum:"emerg alert crit err warning notice info debug" sample:"notice"`
	// MaxLevel drops lines that matter less.
	MaxLevel string `yaml:"max_level" kind:"word" enum:"emerg alert crit err warning notice info debug" sample:"info"`
	// RateInterval is the time over which rate_burst lines are allowed.
	RateInterval Duration `yaml:"rate_interval" sample:"30s"`
	// RateBurst is how many lines are allowed within rate_interval.
	RateBurst int `yaml:"rate_burst" kind:"count" sample:"10000"`
	// Namespace is a journal of the service's own.
	Namespace string `yaml:"namespace" kind:"text" sample:"web"`
	// Rotate bounds log files.
	Rotate Rotate `yaml:"rotate"`
}

// Rotate bounds log files by size and number.
type Rotate struct {
	// Size at which a log file is rotated.
	Size Size `yaml:"size" sample:"10M" with:"logging: {stdout: 'file:/var/log/web.log', rotate: {@}}"`
	// Keep is how many old files are kept.
	Keep int `yaml:"keep" kind:"positive" default:"5" sample:"7" with:"logging: {stdout: 'file:/var/log/web.log', rotate: {size: 10M, @}}"`
}

// Install says when the service starts by itself.
type Install struct {
	// Enable makes the service start at boot.
	Enable bool `yaml:"enable" default:"true" sample:"false"`
	// Start makes the service start right after installing.
	Start bool `yaml:"start" default:"true" sample:"false"`
	// WantedBy are the targets that start the service. Default: multi-user (default in the user scope).
	WantedBy []string `yaml:"wanted_by" kind:"targets" sample:"[graphical]"`
	// RequiredBy are units that cannot run without the service.
	RequiredBy []string `yaml:"required_by" kind:"units" sample:"[frontend]"`
	// Alias are further names.
	Alias []string `yaml:"alias" kind:"units" sample:"[www]"`
	// Runlevels in which SysVinit runs the service.
	Runlevels []string `yaml:"runlevels" kind:"runlevels" default:"2,3,4,5" sample:"[3, 5]"`
}

// Audit steers what `daemonize audit` reports about the service; it changes nothing that is rendered.
type Audit struct {
	// Ignore maps the ID of a rule to the reason for which its findings do not count. They stay in every report, with the reason.
	Ignore []Ignore `yaml:"ignore" kind:"ignores" sample:"{H080: bounded by its slice}"`
}
