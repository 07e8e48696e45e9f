package initscript

// The fixed parts of the scripts. They hold no values: those are assigned to
// variables before them, quoted by internal/shell. All of it is POSIX sh for
// dash, busybox ash and bash, with setsid, flock (util-linux or busybox),
// mkfifo, logger, and a /proc.

// initBody is the rest of the init script. Its exit codes are those of LSB
// 3.1, 20.2 ("Init Script Actions").
const initBody = `
say() {
	printf '%s: %s\n' "$name" "$*"
}

fail() {
	printf '%s: %s\n' "$name" "$*" >&2
}

# lock keeps two calls from starting or stopping the service at once.
lock() {
	if [ "$(id -u)" -ne 0 ]; then
		fail 'only root can do this'
		exit 4
	fi
	mkdir -p "$dir" || exit 1
	exec 9>"$dir/lock"
	flock 9 || exit 1
}

# alive FILE reports whether the very process that FILE names is running, and sets pid, since and group.
# The group is that of now: a forking program may begin a session of its own after it was found.
alive() {
	pid='' since='' group=''
	{ read -r pid since _ <"$1"; } 2>/dev/null && stat_of "$pid" && [ "$born" = "$since" ] && group=$session
}

# get_state sets state to what the supervisor said last.
get_state() {
	state=
	{ read -r state <"$dir/state"; } 2>/dev/null
}

# ready reports whether the process that is running has come up.
ready() {
	alive "$dir/main" && { read -r id <"$dir/ready"; } 2>/dev/null && [ "$id" = "$pid $since" ]
}

# settling reports whether the process has ended and its supervisor has yet to
# say what follows.
settling() {
	get_state
	if ! alive "$dir/loop" || alive "$dir/main"; then
		return 1
	fi
	case $state in
	waiting*) return 1 ;;
	*) [ -f "$dir/main" ] ;;
	esac
}

start() {
	while settling; do
		nap
	done
	if alive "$dir/main" || alive "$dir/loop" || [ "$state" = exited ]; then
		say 'is already running'
		return 0
	fi
	if [ ! -x "$program" ]; then
		fail "$program is not installed"
		return 5
	fi
	check
	case $? in
	0) ;;
	9) return 0 ;; # a condition does not hold: skipped
	6) return 6 ;;
	*) return 1 ;;
	esac
	rm -f "$dir/state" "$dir/ready" "$dir/main" "$dir/verdict" "$dir/last" "$pidfile"
	launch || return 1
	clock
	if [ -n "$start_timeout" ]; then
		deadline=$((now + start_timeout))
	fi
	launched=$now
	while :; do
		# The supervisor says what it is before it says what it does: it is gone
		# only if it had said something before.
		gone=
		get_state
		said=$state
		alive "$dir/loop" || gone=1
		get_state
		case $state in
		exited)
			say 'has run'
			break
			;;
		ended*)
			say "${state#* }"
			break
			;;
		failed* | waiting*)
			fail "did not start: ${state#* }"
			return 1
			;;
		esac
		if ready; then
			say "is running, process $pid"
			break
		fi
		clock
		if [ -n "$gone" ] && { [ -n "$said" ] || [ "$now" -gt $((launched + 1000)) ]; }; then
			fail 'did not start: its supervisor has ended'
			return 1
		fi
		if [ -n "$start_timeout" ] && [ "$now" -gt "$deadline" ]; then
			fail 'did not start in time'
			stop >/dev/null
			echo 'failed did not start in time' >"$dir/state"
			return 1
		fi
		nap
	done
	if [ -d /var/lock/subsys ]; then
		: >"/var/lock/subsys/$name"
	fi
}

# launch runs the supervisor in a session of its own. The second setsid leads
# a process group already and so forks, which "&" must not do: a process
# started by it ignores SIGINT and SIGQUIT for ever (POSIX, XCU 2.12).
launch() {
	env -i "PATH=$PATH" @PASS@setsid setsid "$lib/supervise" </dev/null >/dev/null 2>&1 9>&-
}

stop() {
	get_state
	if ! alive "$dir/main" && ! alive "$dir/loop"; then
		if [ "$state" = exited ]; then
			on_stop
			after_stop
		fi
		# What it had started may run on, if its supervisor was killed.
		stopping=1
		leftovers
		disband
		say 'is not running'
		tidy
		return 0
	fi
	alive "$dir/loop" && kill -s TERM "$pid"
	if alive "$dir/main"; then
		export MAINPID="$pid"
		on_stop
		unset MAINPID
	fi
	clock
	deadline=
	if [ -n "$stop_timeout" ]; then
		deadline=$((now + stop_timeout))
	fi
	asked='' forced=''
	while :; do
		busy=
		if alive "$dir/main"; then
			# Without signals nothing more can be done here.
			[ "$kill_mode" = none ] || busy=1
			if [ "$asked" != "$pid $since" ]; then
				asked="$pid $since"
				ask "$stop_signal" "$pid" "$group"
				if [ -n "$send_sighup" ]; then
					ask HUP "$pid" "$group"
				fi
				# A stopped process cannot act on the signal.
				ask CONT "$pid" "$group"
			fi
		fi
		if alive "$dir/loop"; then
			if [ -z "$busy" ] && [ "$kill_mode" = none ]; then
				kill -s KILL "$pid"
			fi
			busy=1
			kill -s TERM "$pid" 2>/dev/null
		fi
		[ -n "$busy" ] || break
		clock
		if [ -n "$deadline" ] && [ "$now" -gt "$deadline" ]; then
			if [ -n "$forced" ]; then
				fail 'cannot be stopped'
				return 1
			fi
			forced=1
			deadline=$((now + stop_timeout + 500))
			if alive "$dir/main"; then
				force "$final_signal" "$pid" "$group"
			elif alive "$dir/loop"; then
				# It is busy with a hook, or with the rest of the processes.
				rest=
				if [ -f "$dir/rest" ]; then
					read -r rest <"$dir/rest"
				fi
				if [ -f "$dir/rest" ]; then
					signal_all "$final_signal" "$rest"
				else
					signal_all KILL "$group"
				fi
			fi
		fi
		nap
	done
	# Its supervisor has seen to the rest, unless it was killed.
	stopping=1
	leftovers
	disband
	tidy
	say 'has stopped'
}

tidy() {
	rm -f "$dir/state" "$dir/ready" "$dir/main" "$dir/loop" "$dir/rest" "$dir/verdict" "$dir/last" "$pidfile" "/var/lock/subsys/$name"
}

status() {
	get_state
	if alive "$dir/main"; then
		if alive "$dir/loop"; then
			alive "$dir/main"
			if ready; then
				say "is running, process $pid"
			else
				say "is starting, process $pid"
			fi
		else
			alive "$dir/main"
			say "is running, process $pid, without its supervisor"
		fi
		return 0
	fi
	if alive "$dir/loop"; then
		case $state in
		waiting*) say "is waiting to be started again: ${state#* }" ;;
		*) say 'is starting or stopping' ;;
		esac
		return 3
	fi
	case $state in
	exited)
		say 'is active, its process has ended'
		return 0
		;;
	failed*)
		say "has failed: ${state#* }"
		return 1
		;;
	esac
	if [ -f "$pidfile" ]; then
		say 'is dead, but its process ID file exists'
		return 1
	fi
	say 'is not running'
	return 3
}

case ${1-} in
start)
	lock
	start
	;;
stop)
	lock
	stop
	;;
restart)
	lock
	restart
	;;
try-restart | condrestart)
	if status >/dev/null; then
		lock
		restart
	fi
	;;
reload)
	reload
	;;
force-reload)
	force_reload
	;;
status)
	status
	;;
*)
	echo "Usage: $0 {start|stop|restart|try-restart|condrestart|reload|force-reload|status}" >&2
	exit 2
	;;
esac
`

// The supervisor speaks to syslog, or to where the output goes.
const (
	sayLog = `logger -t "$name" -p daemon.notice -- "$*" 2>/dev/null`
	sayOut = `printf '%s: %s\n' "$name" "$*"`
)

// superviseHead follows shared in the supervisor. What is between it and
// superviseBody depends on the daemon: one_run, judge, again, next_delay,
// open_log and the hooks.
const superviseHead = `
set_state() {
	printf '%s\n' "$*" >"$dir/state.new" && mv -f "$dir/state.new" "$dir/state"
}

say() {
	logger -t "$name" -p daemon.notice -- "$*" 2>/dev/null
}

# pause CENTISECONDS ends early when the service is told to stop.
pause() {
	sleep "$(($1 / 100)).$(($1 % 100 / 10))$(($1 % 10))" &
	wait "$!"
	if [ -n "$stopping" ]; then
		kill "$!" 2>/dev/null
	fi
}

`

// superviseFinish follows supervise.Leftovers.
const superviseFinish = `# finish WORD TEXT ends supervision.
finish() {
	rm -f "$dir/main" "$dir/ready" "$dir/verdict"
	forget
	case $1 in
	stopped) rm -f "$dir/state" "$pidfile" ;;
	failed)
		say "$2; not starting again"
		set_state "$*"
		;;
	*)
		rm -f "$pidfile"
		set_state "$*"
		;;
	esac
	rm -f "$dir/loop"
	consequences "$1"
	exit 0
}
`

// superviseBody is the rest of the supervisor. It waits for the process in
// the foreground: then the shell leaves SIGINT and SIGQUIT as they are, and
// its own SIGTERM takes effect when the process has ended, neither earlier
// nor lost.
const superviseBody = `
case ${1-} in
exec)
	# This becomes the daemon: what it is known by is written before.
	stat_of "$$" || exit 1
	printf '%s %s %s\n' "$$" "$born" "$session" >"$dir/main" || exit 1
	printf '%s\n' "$$" >"$pidfile"
	@WATCH@
	exec "$lib/run"
	;;
enter)
	enter "$2"
	exit
	;;
@WATCHER@esac

stopping=
trap 'stopping=1' TERM
# Caught and not ignored: an ignored signal would stay so in the daemon.
for caught in HUP INT QUIT USR1 USR2 ALRM PIPE; do
	trap : "$caught"
done
stat_of "$$" || exit 1
printf '%s %s %s\n' "$$" "$born" "$session" >"$dir/loop" || exit 1
depart

attempts=
restarts=0
while :; do
	clock
	if [ "$burst" -gt 0 ] && [ "$window" -gt 0 ]; then
		recent=
		count=0
		for at in $attempts; do
			if [ "$at" -gt $((now - window)) ]; then
				recent="$recent $at"
				count=$((count + 1))
			fi
		done
		if [ "$count" -ge "$burst" ]; then
			finish failed "${ended:-it ended}, too often to be started again"
		fi
		attempts="$recent $now"
	fi
	rm -f "$dir/ready" "$dir/main" "$dir/verdict"
	set_state starting
	one_run
	leftovers
	rm -f "$dir/ready"
	verdict=
	if [ -f "$dir/verdict" ]; then
		read -r verdict <"$dir/verdict"
	fi
	judge
	after_stop
	[ -z "$stopping" ] || finish stopped
	if ! again; then
		[ "$outcome" = clean ] || finish failed "$ended"
		finish ended "$ended"
	fi
	restarts=$((restarts + 1))
	printf '%s %s\n' "$restarts" "$ended" >"$dir/last"
	set_state waiting "$ended"
	say "$ended; starting again"
	next_delay
	pause "$delay"
	[ -z "$stopping" ] || finish stopped
done
`
