package runit

// The fixed parts of the scripts. They hold no values: those are assigned to
// variables before them, quoted by internal/shell.

// runBegin is what run begins with: at once, and before any signal to all
// processes of the service can be meant, it begins a session of its own.
const runBegin = `
if [ "${1-}" != leader ]@OR@; then
	exec /usr/bin/env -i "PATH=$PATH" @PASS@/usr/bin/chpst -P ./run leader
fi
`

// runHead follows in all modes. The name of the script, which proc(5) has in
// field 2 of stat, holds no space; field 6 is the session, 22 the start time.
const runHead = `
# note writes down the process that this is.
note() {
	read -r _ _ _ _ _ session _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ born _ </proc/self/stat
	printf '%s %s %s\n' "$$" "$born" "$session" >"$dir/$1"
}

# quit WORD TEXT ends the start. finish, which follows, knows what to do.
quit() {
	printf '%s: %s\n' "$name" "$2"
	printf '%s\n' "$*" >"$dir/verdict"
	exit 1
}
`

// runStart is the beginning of a start.
const runStart = `
mkdir -p "$dir" && rm -f "$dir/ready" "$dir/main" "$dir/verdict" "$dir/asked" "$dir/stopping" || exit 1
read -r now _ </proc/uptime
printf '%s\n' "$((${now%.*} * 100 + 1${now#*.} - 100))" >>"$dir/starts"
`

// waiting follows runStart where the service waits for others. need NAME has
// another service run, settled NAME waits until it has come up if it is to run.
const waiting = `
need() {
	tries=0
	until /usr/bin/sv -w 5 start "$services/$1" >/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 18 ] || quit failed "$1 does not run"
		sleep 1
	done
}

settled() {
	[ ! -e "$services/$1" ] || /usr/bin/sv -w 90 check "$services/$1" >/dev/null || :
}
`

// say speaks to the log service.
const say = `
say() {
	printf '%s: %s\n' "$name" "$*"
}
`

// finishBody is the rest of finish. Its arguments are the exit code of run, or -1
// if a signal ended it, and the signal (runsv(8)).
const finishBody = `
# unwanted reports whether runsv was told to take the service down (or to exit).
unwanted() {
	stat=
	{ read -r stat <supervise/stat; } 2>/dev/null
	case $stat in
	*want*) return 0 ;;
	*) return 1 ;;
	esac
}

set_state() {
	printf '%s\n' "$*" >"$dir/state.new" && mv -f "$dir/state.new" "$dir/state"
}

# finish WORD TEXT: the service is not started again. runsv may see the end of
# this script before what it was told, so it must have taken notice.
finish() {
	rm -f "$dir/main" "$dir/ready" "$dir/verdict" "$dir/asked" "$dir/stopping" "$dir/starts"
	forget
	case $1 in
	stopped) rm -f "$dir/state" "$dir/last" ;;
	*) set_state "$*" ;;
	esac
	[ "$1" != failed ] || say "$2; not starting again"
	consequences "$1"
	until unwanted; do
		/usr/bin/sv down . || nap
	done
	exit 0
}

mkdir -p "$dir"
status=$1
if [ "$1" -lt 0 ]; then
	status=$((128 + $2))
fi
describe "$status"
# Told to end it was if it is to stay down, or to be started again by order. (The
# watcher asks as well, but for a reason that is in verdict.)
stopping=
if [ -f "$dir/asked" ] && [ ! -f "$dir/verdict" ]; then
	stopping=1
fi
leftovers
rm -f "$dir/ready"
verdict=
if [ -f "$dir/verdict" ]; then
	read -r verdict <"$dir/verdict"
fi
judge
after_stop
if [ -n "$stopping" ]; then
	if unwanted; then
		finish stopped
	fi
	rm -f "$dir/starts" "$dir/last" "$dir/state" "$dir/main" "$dir/asked"
	exit 0
fi
case $verdict in
skipped*) finish ended "${verdict#* }" ;;
failed*) finish failed "${verdict#* }" ;;
esac
# Unwanted without having been told: sv once started it.
if unwanted || ! again; then
	[ "$outcome" = clean ] || finish failed "$ended"
	finish ended "$ended"
fi
: >>"$dir/starts"
clock
count=0
recent=
while read -r at; do
	if [ "$at" -gt $((now - window)) ]; then
		recent="$recent $at"
		count=$((count + 1))
	fi
done <"$dir/starts"
if [ "$burst" -gt 0 ] && [ "$window" -gt 0 ] && [ "$count" -ge "$burst" ]; then
	finish failed "$ended, too often to be started again"
fi
# shellcheck disable=SC2086
printf '%s\n' $recent >"$dir/starts"
restarts=0
if [ -f "$dir/last" ]; then
	read -r restarts _ <"$dir/last"
fi
restarts=$((restarts + 1))
printf '%s %s\n' "$restarts" "$ended" >"$dir/last"
set_state waiting "$ended"
say "$ended; starting again"
next_delay
clock
until=$((now + delay))
while [ "$now" -lt "$until" ]; do
	if unwanted; then
		finish stopped
	fi
	if [ $((until - now)) -gt 100 ]; then
		sleep 1
	else
		nap
	fi
	clock
done
rm -f "$dir/main" "$dir/state"
exit 0
`

// stopBody is the rest of what control/t starts. The service is what runsv runs:
// the program itself, or the script run, which waits for it.
const stopBody = `
# running reports whether the process that runsv runs still does.
running() {
	stat_of "$top" && [ "$born" = "$top_born" ]
}

# target sets pid and group to whom the signals are for, and signal to what asks
# it to end: a script that waits beside the program does not know other signals.
target() {
	pid='' since='' signal=$stop_signal
	if { read -r pid since _ <"$dir/main"; } 2>/dev/null && stat_of "$pid" && [ "$born" = "$since" ]; then
		group=$session
	elif running; then
		pid=$top since=$top_born group=$session signal=TERM
	else
		return 1
	fi
	# It has begun no session yet: this one is that of runsv.
	[ "$group" = "$pid" ] || [ "$pid" != "$top" ] || group=none
}

top=
{ read -r top <supervise/pid; } 2>/dev/null
stat_of "$top" || exit 0
top_born=$born
target || exit 0
told=
{ read -r told <"$dir/stopping"; } 2>/dev/null
[ "$told" != "$top $top_born" ] || exit 0
printf '%s\n' "$top $top_born" >"$dir/stopping"
export MAINPID="$pid"
on_stop
unset MAINPID
clock
deadline=
if [ -n "$stop_timeout" ]; then
	deadline=$((now + stop_timeout))
fi
asked=
while running && target; do
	if [ "$asked" != "$pid $since" ]; then
		asked="$pid $since"
		ask "$signal" "$pid" "$group"
		if [ "$group" = none ]; then
			kill -s TERM "$pid" 2>/dev/null
		fi
		if [ -n "$send_sighup" ]; then
			ask HUP "$pid" "$group"
		fi
		# A stopped process cannot act on the signal.
		ask CONT "$pid" "$group"
	fi
	clock
	if [ -n "$deadline" ] && [ "$now" -gt "$deadline" ]; then
		force "$final_signal" "$pid" "$group"
		if [ "$group" = none ]; then
			kill -s KILL "$pid" 2>/dev/null
		fi
		deadline=$((now + 100))
	fi
	nap
done
`

// ctlBody is the rest of the script ctl, which starts, restarts and stops the
// service for daemonize and for people. sv itself gives up waiting, and does not
// say why a service is down.
const ctlBody = `
fail() {
	printf '%s: %s\n' "$name" "$*" >&2
	exit 1
}

# running sets id to the process that has come up.
running() {
	id='' stat=''
	{ read -r stat <supervise/stat; } 2>/dev/null
	case $stat in
	run*) ./check && read -r id <"$dir/ready" && [ "$id" != "$old" ] ;;
	*) return 1 ;;
	esac
}

# known reports whether there is a runsv.
known() {
	case $(/usr/bin/sv status . 2>/dev/null) in
	run:* | down:* | finish:*) return 0 ;;
	*) return 1 ;;
	esac
}

# idle reports whether runsv runs nothing, and is not to.
idle() {
	stat=
	{ read -r stat <supervise/stat; } 2>/dev/null
	[ "$stat" = down ]
}

stop() {
	if ! known; then
		say 'is not running'
		exit 0
	fi
	/usr/bin/sv down . || exit 1
	clock
	limit=
	if [ -n "$stop_timeout" ]; then
		limit=$((now + stop_timeout))
	fi
	until idle; do
		clock
		if [ -n "$limit" ] && [ "$now" -gt "$limit" ]; then
			# A hook that does not end, or final_signal was not enough.
			/usr/bin/sv kill .
			limit=$((now + 500))
			[ -z "${killed-}" ] || fail 'cannot be stopped'
			killed=1
		fi
		nap
	done
	rm -f "$dir/state" "$dir/last"
	say 'has stopped'
	exit 0
}

action=${1-}
case $action in
start | restart) ;;
stop) stop ;;
*)
	echo "Usage: $0 {start|restart|stop}" >&2
	exit 2
	;;
esac
known || fail 'runsvdir does not run it'
old=
if [ "$action" = restart ]; then
	{ read -r old <"$dir/ready"; } 2>/dev/null
	/usr/bin/sv term . || exit 1
elif running; then
	say "is already running, process ${id% *}"
	exit 0
fi
rm -f "$dir/state"
/usr/bin/sv up . || exit 1
clock
if [ -n "$start_timeout" ]; then
	limit=$((now + start_timeout))
fi
while :; do
	state=
	{ read -r state <"$dir/state"; } 2>/dev/null
	case $state in
	ended*)
		say "${state#* }"
		exit 0
		;;
	failed* | waiting*) fail "did not start: ${state#* }" ;;
	esac
	if running; then
		say "is running, process ${id% *}"
		exit 0
	fi
	clock
	if [ -n "$start_timeout" ] && [ "$now" -gt "$limit" ]; then
		fail 'did not start in time'
	fi
	nap
done
`

// logBody is the rest of log/run. Debian has a user for svlogd; elsewhere it is
// root, who owns the directory in both cases.
const logBody = `
mkdir -p "$logs" && chmod 0750 "$logs" && ln -sfn "$PWD/config" "$logs/config" || exit 1
if getent passwd _runit-log >/dev/null; then
	chown -h _runit-log:adm "$logs" || exit 1
	exec chpst -u _runit-log:adm svlogd -tt "$logs"
fi
exec svlogd -tt "$logs"
`
