package supervise

import "strings"

// The fixed parts hold no values: those are assigned to variables before them.
// All of it is POSIX sh for dash, busybox ash and bash, with a /proc.

// Shared tells processes apart and signals them. It wants $kill_mode and $dir.
//
// A process is known by its number and its start time (field 22 of proc(5)'s
// stat), so that a number used again never leads to a stranger. A service's
// processes are those of its session (field 6), which setsid gave it: unlike
// the process group, a shell with job control does not leave it. With [Kin] in
// the place of [Members] those that leave the session, as daemons that fork do,
// are known as well.
const Shared = Clock + Processes + Members + Ask

// Clock has the functions clock and nap.
const Clock = `
# clock sets now to the centiseconds since boot: setting the time moves no timeout.
clock() {
	read -r now _ </proc/uptime
	now=$((${now%.*} * 100 + 1${now#*.} - 100))
}

nap() {
	sleep 0.1 2>/dev/null || sleep 1
}
`

// Processes has the function stat_of. A process that ends between the opening and
// the reading of its file is a read error (ESRCH), after which shells leave the
// variable as it was: it is emptied first, or the loop would not end.
const Processes = `
# stat_of PID sets session and born (the start time) of a process that is no zombie.
stat_of() {
	[ -n "$1" ] || return 1
	stat=
	{
		while line='' && IFS= read -r line || [ -n "$line" ]; do
			stat=$stat$line
		done <"/proc/$1/stat"
	} 2>/dev/null
	stat=${stat##*") "}
	# shellcheck disable=SC2086
	set -- $stat
	[ $# -ge 20 ] || return 1
	case $1 in
	Z | X) return 1 ;;
	esac
	session=$4
	shift 19
	born=$1
}
`

// Members has the functions members and signal_all, for the processes of a
// session. It wants Processes.
const Members = `
# members SESSION sets members to the processes of a session.
members() {
	members=
	for proc in /proc/[0-9]*; do
		stat_of "${proc#/proc/}" && [ "$session" = "$1" ] && members="$members ${proc#/proc/}"
	done
}
` + signalAll

// Kin has the functions members and signal_all, for the processes of a service:
// those that are known by what [Enter] has written to $dir/kin, a control group or
// the word "environ" for a variable. It wants Processes, $dir and $name.
const Kin = `
# marked PID reports whether a process has inherited the variable that names the
# service. read leaves the NULs out.
marked() {
	{
		while IFS= read -r line || [ -n "$line" ]; do
			case $line in
			*"DAEMONIZE_JOB=$name/"*) return 0 ;;
			esac
		done <"/proc/$1/environ"
	} 2>/dev/null
	return 1
}

# members SESSION sets members to the processes of the service. (cgroups may be
# below that of the service: its processes can make some.)
members() {
	members='' kin=''
	{ read -r kin <"$dir/kin"; } 2>/dev/null
	case $kin in
	/*)
		for procs in "$kin/cgroup.procs" "$kin"/*/cgroup.procs "$kin"/*/*/cgroup.procs; do
			while read -r member; do
				stat_of "$member" && members="$members $member"
			done <"$procs"
		done 2>/dev/null
		return
		;;
	esac
	for proc in /proc/[0-9]*; do
		member=${proc#/proc/}
		stat_of "$member" || continue
		if [ "$session" = "$1" ] || [ -n "$kin" ] && marked "$member"; then
			members="$members $member"
		fi
	done
}
` + signalAll

const signalAll = `
# signal_all SIGNAL SESSION
signal_all() {
	members "$2"
	for member in $members; do
		kill -s "$1" "$member" 2>/dev/null
	done
	[ -n "$members" ]
}
`

// Ask has the functions ask and force. It wants Members and $kill_mode.
const Ask = `
# ask SIGNAL PID SESSION sends what asks the service to end, force what makes it.
# Who was asked is written down, for others may come to light.
ask() {
	case $kill_mode in
	control-group)
		signal_all "$1" "$3"
		case "$members " in
		*" $2 "*) ;;
		*) kill -s "$1" "$2" 2>/dev/null ;; # not a child of ours, as a process ID file may say
		esac
		[ "$1" != "$stop_signal" ] || printf '%s\n' "$members" >"$dir/asked"
		;;
	mixed | process) kill -s "$1" "$2" 2>/dev/null ;;
	esac
}

force() {
	case $kill_mode in
	control-group | mixed)
		signal_all "$1" "$3"
		kill -s "$1" "$2" 2>/dev/null
		;;
	process) kill -s "$1" "$2" 2>/dev/null ;;
	esac
}
`

// Enter is for the process that becomes the service: what it starts afterwards
// is known as the service's, whatever sessions and process groups it makes. It
// wants $name and $dir.
//
// A control group does that best: of version 2, or of version 1 in a hierarchy
// whose groups do nothing by themselves (cgroups(7)). Where none can be made a
// variable is inherited, which only a program that starts another with a new
// environment gets rid of.
const Enter = `
# enter PID fails where the process itself has to inherit a variable.
enter() {
	for root in @ROOTS@; do
		if [ -f "$root/cgroup.procs" ] && mkdir -p "$root/daemonize-$name" && echo "$1" >"$root/daemonize-$name/cgroup.procs"; then
			printf '%s\n' "$root/daemonize-$name" >"$dir/kin"
			return
		fi
	done 2>/dev/null
	echo environ >"$dir/kin"
	return 1
}

# depart is for the supervisor: it may have been started by a process of another
# service, with which it must not end.
depart() {
	for root in @ROOTS@; do
		if [ -f "$root/cgroup.procs" ] && mkdir -p "$root/daemonize" && echo "$$" >"$root/daemonize/cgroup.procs"; then
			return
		fi
	done 2>/dev/null
}
`

// Roots are where control groups are made, the first that takes them.
const Roots = "/sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids /sys/fs/cgroup/freezer"

// Disband removes the control group of a service that has ended.
const Disband = `
disband() {
	kin=
	{ read -r kin <"$dir/kin"; } 2>/dev/null
	case $kin in
	/*) rmdir "$kin"/*/* "$kin"/* "$kin" 2>/dev/null ;;
	esac
	rm -f "$dir/kin" "$dir/asked"
}
`

// Leftovers is [Sweep], and says how a process ended.
const Leftovers = describe + Sweep

const describe = `
# describe STATUS sets ended to how the process ended.
describe() {
	case $1 in
	126 | 127) ended="it could not be run (status $1)" ;;
	216) ended='its group does not exist (status 216)' ;;
	217) ended='its user does not exist (status 217)' ;;
	129 | 1[3-8]? | 19[0-2]) ended="it was ended by signal $(($1 - 128))" ;;
	*) ended="it ended with status $1" ;;
	esac
	if [ ! -f "$dir/main" ]; then
		ended='its input or output could not be opened'
	fi
}

`

// Sweep ends what a process left behind. It wants Shared, $stop_signal,
// $final_signal, $stop_timeout and $stopping.
const Sweep = `# leftovers ends what the process left behind, as systemd.kill(5) has it.
leftovers() {
	rest=
	{ read -r _ _ rest <"$dir/main"; } 2>/dev/null || [ -f "$dir/kin" ] || return
	case $kill_mode in
	control-group) first=$stop_signal ;;
	mixed) first=$final_signal ;;
	*) return ;;
	esac
	members "$rest"
	[ -n "$members" ] || return
	printf '%s\n' "$rest" >"$dir/rest"
	# When the service was told to stop, they were told already, but for those
	# that it was still starting.
	asked=
	if [ -n "$stopping" ] && [ "$kill_mode" = control-group ]; then
		{ read -r asked <"$dir/asked"; } 2>/dev/null
	fi
	for member in $members; do
		case " $asked " in
		*" $member "*) ;;
		*)
			kill -s "$first" "$member" 2>/dev/null
			kill -s CONT "$member" 2>/dev/null
			;;
		esac
	done
	clock
	deadline=
	if [ -n "$stop_timeout" ]; then
		deadline=$((now + stop_timeout))
	fi
	while
		members "$rest"
		[ -n "$members" ]
	do
		clock
		if [ -n "$deadline" ] && [ "$now" -gt "$deadline" ]; then
			signal_all "$final_signal" "$rest"
			deadline=$((now + 100))
		fi
		nap
	done
	rm -f "$dir/rest" "$dir/asked"
}

`

// The parts of watchBody that not every service needs begin with these lines.
const (
	comeUpMark = "# come_up waits"
	guardMark  = "# guard watches"
)

// Watch returns what brings the process $main, born at $birth, up (come_up) and
// watches over it (guard), for a process beside it. prelude is from [Prelude];
// without it there is no come_up. It wants Shared, say and $start_timeout,
// $settle, $max_runtime, $check, $interval, $check_timeout, $retries and
// $start_period, as far as they are used.
func Watch(prelude string, guarded bool) string {
	text := watchBody
	if !guarded {
		text = text[:strings.Index(text, guardMark)]
	}
	if prelude == "" {
		from := strings.Index(text, comeUpMark)
		return text[:from] + text[strings.Index(text, guardMark):]
	}
	return strings.Replace(text, "@PRELUDE@", prelude, 1)
}

// watchBody brings the process up and watches over it, beside the supervisor.
const watchBody = `
# still reports whether the watched process runs.
still() {
	stat_of "$main" && [ "$born" = "$birth" ]
}

# undo WORD ends the process for a reason that the supervisor learns.
undo() {
	printf '%s\n' "$1" >"$dir/verdict"
	still || return
	rest=$session
	ask "$stop_signal" "$main" "$rest"
	clock
	deadline=
	if [ -n "$stop_timeout" ]; then
		deadline=$((now + stop_timeout))
	fi
	while still; do
		clock
		if [ -n "$deadline" ] && [ "$now" -gt "$deadline" ]; then
			force "$final_signal" "$main" "$rest"
			deadline=$((now + 100))
		fi
		nap
	done
}

# come_up waits until the program has replaced the scripts that prepare for it
# and has lived for a moment after that.
come_up() {
	clock
	limit=
	if [ -n "$start_timeout" ]; then
		limit=$((now + start_timeout))
	fi
	settled=0
	while [ "$settled" -lt "$settle" ]; do
		still || exit 0
		comm=
		[ -r "/proc/$main/comm" ] && read -r comm <"/proc/$main/comm"
		case $comm in
		@PRELUDE@) settled=0 ;;
		*) settled=$((settled + 1)) ;;
		esac
		clock
		if [ -n "$limit" ] && [ "$now" -gt "$limit" ]; then
			undo timeout
			exit 0
		fi
		nap
	done
}

announce() {
	printf '%s %s\n' "$main" "$birth" >"$dir/ready.new" && mv -f "$dir/ready.new" "$dir/ready"
}

# guard watches until the process has ended.
guard() {
	clock
	limit=
	if [ -n "$max_runtime" ]; then
		limit=$((now + max_runtime))
	fi
	check_at=$((now + interval))
	patience=$((now + start_period))
	failures=0
	while still; do
		clock
		if [ -n "$limit" ] && [ "$now" -ge "$limit" ]; then
			say 'it has reached max_runtime'
			undo timeout
			break
		fi
		if [ -n "$check" ] && [ "$now" -ge "$check_at" ]; then
			if timeout -s KILL "$check_timeout" "$check" </dev/null >/dev/null 2>&1; then
				failures=0
			elif [ "$now" -ge "$patience" ]; then
				failures=$((failures + 1))
			fi
			if [ "$failures" -ge "$retries" ]; then
				say "its healthcheck failed $failures times in a row"
				undo unhealthy
				break
			fi
			clock
			check_at=$((now + interval))
		fi
		if [ -n "$limit" ] && [ "$limit" -lt $((now + 100)) ]; then
			nap
		else
			sleep 1
		fi
	done
}
`
