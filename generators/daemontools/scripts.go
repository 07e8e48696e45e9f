package daemontools

// runBody is the rest of run: supervise(8) sends it SIGTERM for svc -d and -t, and
// starts it again a second after its end, unless the service is to be down. A
// program that ended for good has had svc -d called (System.Ended of package
// initscript).
const runBody = `
# looked_after reports whether the supervisor of the service runs.
looked_after() {
	{ read -r pid since _ <"$dir/loop"; } 2>/dev/null && stat_of "$pid" && [ "$born" = "$since" ] && [ -n "$session" ]
}

# end stops the service, unless it has ended: then its state stays for those who ask.
end() {
	state=
	{ read -r state <"$dir/state"; } 2>/dev/null
	case $state in
	failed* | ended*) looked_after || exit 0 ;;
	esac
	"$control" stop
	exit 0
}

told=
trap 'told=1' TERM
mkdir -p "$dir" && : >"$dir/starting" || exit 1
if "$control" start; then
	started=1
else
	started=
fi
rm -f "$dir/starting"
if [ -z "$started" ] && ! looked_after; then
	state=
	{ read -r state <"$dir/state"; } 2>/dev/null
	case $state in
	failed*) ;;
	*) echo 'failed it could not be started' >"$dir/state" ;;
	esac
	svc -d .
fi
# A condition that does not hold: skipped.
if [ -n "$started" ] && ! looked_after && [ ! -f "$dir/state" ]; then
	echo 'ended a condition does not hold' >"$dir/state"
	svc -d .
fi
while [ -z "$told" ]; do
	sleep 5 &
	wait "$!"
	state=
	{ read -r state <"$dir/state"; } 2>/dev/null
	case $state in
	exited) ;; # its process has ended, the service has not
	failed* | ended*) looked_after || svc -d . ;;
	*) looked_after || exit 1 ;;
	esac
done
kill "$!" 2>/dev/null
end
`

// ctlBody is the rest of ctl. svc itself waits for nothing.
const ctlBody = `
say() {
	printf '%s: %s\n' "$name" "$*"
}

fail() {
	say "$@" >&2
	exit 1
}

nap() {
	sleep 0.1 2>/dev/null || sleep 1
}

# pid_of sets pid to the script run of the service, empty if it is down.
pid_of() {
	pid=
	case $(svstat "$service") in
	*': up (pid '*)
		pid=$(svstat "$service")
		pid=${pid#*'(pid '}
		pid=${pid%%)*}
		;;
	esac
}

stop() {
	svc -d "$service" || exit 1
	while
		pid_of
		[ -n "$pid" ]
	do
		nap
	done
	rm -f "$dir/state" "$dir/last"
}

start() {
	rm -f "$dir/state"
	svc -u "$service" || exit 1
	tries=0
	while [ "$tries" -lt 300 ]; do
		nap
		# While that is there, run starts the service, and knows how long that may take.
		[ ! -e "$dir/starting" ] || continue
		state=
		{ read -r state <"$dir/state"; } 2>/dev/null
		case $state in
		ended*)
			say "${state#* }"
			return
			;;
		failed* | waiting*) fail "did not start: ${state#* }" ;;
		esac
		if "$control" status >/dev/null; then
			"$control" status
			return
		fi
		tries=$((tries + 1))
	done
	fail 'did not start'
}

case ${1-} in
start)
	svok "$service" || fail 'svscan does not run it'
	pid_of
	if [ -z "$pid" ] || [ -e "$dir/starting" ] || ! "$control" status; then
		start
	fi
	;;
restart)
	svok "$service" || fail 'svscan does not run it'
	mkdir -p "$dir" && : >"$dir/keep" && stop
	start
	rm -f "$dir/keep"
	;;
stop)
	if svok "$service"; then
		stop
		say 'has stopped'
	else
		say 'is not running'
	fi
	;;
*)
	echo "Usage: $0 {start|restart|stop}" >&2
	exit 2
	;;
esac
`
