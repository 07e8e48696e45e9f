package supervise

import "strings"

// The fixed parts hold no values: those are assigned to variables before them.
// All of it is POSIX sh for dash, busybox ash and bash, with a /proc.

// Shared tells processes apart and signals them. It wants $kill_mode.
//
// A process is known by its number and its start time (field 22 of proc(5)'s
// stat), so that a number used again never leads to a stranger. A service's
// processes are those of its session (field 6), which setsid gave it: unlike
// the process group, a shell with job control does not leave it.
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

// Members has the functions members and signal_all. It wants Processes.
const Members = `
# members SESSION sets members to the processes of a session.
members() {
	members=
	for proc in /proc/[0-9]*; do
		stat_of "${proc#/proc/}" && [ "$session" = "$1" ] && members="$members ${proc#/proc/}"
	done
}

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
ask() {
	case $kill_mode in
	control-group) signal_all "$1" "$3" ;;
	mixed | process) kill -s "$1" "$2" 2>/dev/null ;;
	esac
}

force() {
	case $kill_mode in
	control-group | mixed) signal_all "$1" "$3" ;;
	process) kill -s "$1" "$2" 2>/dev/null ;;
	esac
}
`

// Leftovers ends what a process left behind, and says how it ended. It wants
// Shared, $dir, $stop_signal, $final_signal, $stop_timeout and $stopping.
const Leftovers = `
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

# leftovers ends what the process left behind, as systemd.kill(5) has it.
leftovers() {
	[ -f "$dir/main" ] && read -r _ _ rest <"$dir/main" || return
	case $kill_mode in
	control-group) first=$stop_signal ;;
	mixed) first=$final_signal ;;
	*) return ;;
	esac
	members "$rest"
	[ -n "$members" ] || return
	printf '%s\n' "$rest" >"$dir/rest"
	# When the service was told to stop, they were told already.
	if [ -z "$stopping" ] || [ "$kill_mode" = mixed ] || [ -n "${unasked-}" ]; then
		signal_all "$first" "$rest"
		signal_all CONT "$rest"
	fi
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
	rm -f "$dir/rest"
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
