package launchd

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/shell"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
	"github.com/daemonize/daemonize/spec/schedule"
)

func timerPath(i int, key string) string { return "timers[" + strconv.Itoa(i) + "]." + key }

// timers writes the schedule. A job has one StartInterval and one list of
// StartCalendarInterval, and is not told which of them started it.
func (u *unit) timers() {
	timers := u.d.Timers
	every := -1
	var calendar schedule.Schedule
	var calendars []int
	jitter, jittered := spec.Duration(0), -1
	for i := range timers {
		t := &timers[i]
		switch {
		case t.Every != 0 && t.Anchor == "finish" && len(timers) > 1:
			u.lose(field.TimersEvery, timerPath(i, "every"), generators.Unsupported, "launchd can count from the end of a run only if the job has no other timer")
		case t.Every != 0 && t.Anchor == "finish":
			u.afterFinish(t.Every)
		case t.Every != 0 && every >= 0:
			u.lose(field.TimersEvery, timerPath(i, "every"), generators.Unsupported, "a job of launchd has one interval, which "+timerPath(every, "every")+" is already")
		case t.Every != 0:
			every = i
			if !t.Every.Whole() {
				u.lose(field.TimersEvery, timerPath(i, "every"), generators.Approximate, "launchd counts whole seconds; it is rounded up")
			}
			u.keys["StartInterval"] = t.Every.Seconds()
		case t.Schedule != nil:
			calendar = append(calendar, t.Schedule...)
			calendars = append(calendars, i)
		default:
			u.onBoot(i)
		}
		if t.Jitter > jitter && t.Jitter != spec.Infinity {
			jitter, jittered = t.Jitter, i
		}
	}
	if len(calendars) > 0 {
		u.calendar(calendar, calendars, every >= 0)
	}
	if jittered >= 0 {
		u.jitter(jitter, jittered)
	}
}

// afterFinish repeats a job some time after it has ended. KeepAlive starts it
// again at once, so the wrapper does the waiting; the first run comes after
// one interval too.
func (u *unit) afterFinish(every spec.Duration) {
	u.keys["KeepAlive"] = true
	if every < 10*spec.Second { // the default distance of two starts
		u.keys["ThrottleInterval"] = every.Seconds()
	}
	u.before.add("timers.anchor", "/bin/sleep "+itoa(every.Seconds()))
}

// calendar writes all calendar timers as one union.
func (u *unit) calendar(s schedule.Schedule, from []int, hasInterval bool) {
	intervals, guard, err := schedule.LaunchdIntervals(s)
	if err != nil {
		i, cause := from[0], err
		for _, j := range from {
			if _, _, err := schedule.LaunchdIntervals(u.d.Timers[j].Schedule); err != nil {
				i, cause = j, err
				break
			}
		}
		key := "cron"
		if u.d.Timers[i].Calendar != "" {
			key = "calendar"
		}
		u.refuse(timerPath(i, key), cause.Error(), "choose times that are whole minutes, and fewer of them")
		return
	}
	if len(intervals) == 1 && intervals[0].EveryMinute() {
		// {} means every minute, but is easily taken for a mistake.
		if !hasInterval {
			u.keys["StartInterval"] = int64(60)
			return
		}
		intervals = nil
		for m := range 60 {
			intervals = append(intervals, schedule.Interval{Month: -1, Day: -1, Weekday: -1, Hour: -1, Minute: m})
		}
	}
	list := make([]dict, len(intervals))
	for i, v := range intervals {
		at := dict{}
		set := func(key string, n int) {
			if n >= 0 {
				at[key] = int64(n)
			}
		}
		set("Month", v.Month)
		set("Day", v.Day)
		set("Weekday", v.Weekday)
		set("Hour", v.Hour)
		set("Minute", v.Minute)
		list[i] = at
	}
	u.keys["StartCalendarInterval"] = list
	if guard.Empty() {
		return
	}
	if len(u.d.Timers) > len(from) || len(u.d.Sockets)+len(u.d.Paths) > 0 {
		// The guard would hold back what something else started.
		u.refuse(timerPath(from[0], "calendar"), "launchd starts the job more often than this schedule is due and does not say what started it, so other triggers could not be told apart",
			"make it a daemon of its own, or choose a schedule of plain days and times")
		return
	}
	// In a subshell: the lines set variables and need programs, and launchd
	// reads calendars in the zone of the machine, not in the service's TZ; the
	// service's environment must keep its own.
	u.before.add("timers", "# launchd starts this more often than it is due.", "(", "PATH=/usr/bin:/bin", "unset TZ")
	u.before.WriteString(guard.Shell())
	u.before.add("timers", "exit 75", ")", "case $? in", "75) ;;", "0) exit 0 ;;", "*) exit 1 ;;", "esac")
}

// onBoot waits until the machine has been up for a time. A job that is loaded
// later runs at once, like a timer of systemd whose time has passed.
func (u *unit) onBoot(i int) {
	t := &u.d.Timers[i]
	u.keys["RunAtLoad"] = true
	if t.OnBoot == 0 {
		return
	}
	if t.OnBoot == spec.Infinity {
		u.refuse(timerPath(i, "on_boot"), "the time never comes", "write a finite delay")
		return
	}
	if len(u.d.Timers) > 1 {
		u.lose(field.TimersOnBoot, timerPath(i, "on_boot"), generators.Approximate, "until then the runs of the other timers wait as well")
	}
	// kern.boottime prints { sec = 1700000000, usec = 0 } and the date.
	u.before.add("timers.on_boot", "(",
		"\tup=$(/usr/sbin/sysctl -n kern.boottime) || exit 0",
		"\tup=${up#*sec = }",
		"\tup=${up%%,*}",
		"\twait=$((up + "+itoa(t.OnBoot.Seconds())+" - $(/bin/date +%s)))",
		"\t[ \"$wait\" -le 0 ] || /bin/sleep \"$wait\"",
		")")
}

// jitter waits for a random time; sh has no $RANDOM.
func (u *unit) jitter(most spec.Duration, from int) {
	for i := range u.d.Timers {
		if u.d.Timers[i].Jitter != most {
			u.lose(field.TimersJitter, timerPath(from, "jitter"), generators.Approximate, "launchd does not say which timer started the job, so the delay applies to all of them")
			break
		}
	}
	random := "/usr/bin/od -An -N4 -tu4 /dev/urandom"
	if u.d.Timers[from].FixedJitter {
		// The hardware's UUID and the name of the service, as systemd does it
		// with the machine ID.
		random = "{ echo " + u.id + "; /usr/sbin/ioreg -rd1 -c IOPlatformExpertDevice | /usr/bin/grep IOPlatformUUID; } | /usr/bin/cksum | /usr/bin/cut -d' ' -f1"
	}
	u.before.add("timers.jitter", "/bin/sleep $(($("+random+") % "+itoa(most.Seconds()+1)+"))")
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// watch writes the paths.
func (u *unit) watch() {
	var changes, queues, exists []string
	for i := range u.d.Paths {
		w := &u.d.Paths[i]
		path := func(key, s string) string { return u.text(s, "paths["+strconv.Itoa(i)+"]."+key) }
		switch {
		case w.Changed != "":
			changes = append(changes, path("changed", w.Changed))
		case w.Modified != "":
			changes = append(changes, path("modified", w.Modified))
		case w.DirectoryNotEmpty != "":
			queues = append(queues, path("directory_not_empty", w.DirectoryNotEmpty))
		case w.Exists != "":
			exists = append(exists, "[ -e "+shell.Quote(path("exists", w.Exists))+" ]")
			changes = append(changes, w.Exists)
		case w.ExistsGlob != "":
			pattern := path("exists_glob", w.ExistsGlob)
			if strings.ContainsAny(pattern, "{}") {
				u.refuse("paths["+strconv.Itoa(i)+"].exists_glob", noBraces, "write one pattern for each alternative")
				continue
			}
			exists = append(exists, u.anyOf(pattern))
			changes = append(changes, literalParent(pattern))
		}
		if dir := watched(w); w.MakeDirectory && dir != "" {
			u.directory("paths", dir, w.DirectoryMode, "")
		}
	}
	if len(changes) > 0 {
		u.keys["WatchPaths"] = changes
	}
	if len(queues) > 0 {
		u.keys["QueueDirectories"] = queues
	}
	// WatchPaths starts the job when the path goes as well; only if nothing
	// else starts it can the wrapper undo that.
	if len(exists) == 0 || len(exists) < len(u.d.Paths) || len(u.d.Timers)+len(u.d.Sockets) > 0 {
		return
	}
	u.keys["RunAtLoad"] = true
	u.before.add("paths.exists", strings.Join(exists, " || ")+" || exit 0")
}

// literalParent returns the directory above the first part of a path that is
// a pattern.
func literalParent(pattern string) string {
	i := strings.IndexAny(pattern, `*?[\`)
	if i < 0 {
		return pattern
	}
	return max(pattern[:strings.LastIndexByte(pattern[:i], '/')], "/")
}

// watched returns the directory that make_directory makes: the path itself,
// as systemd.path(5) has it, which makes sense for directories only.
func watched(w *spec.Watch) string {
	for _, p := range [...]string{w.DirectoryNotEmpty, w.Changed, w.Modified, w.Exists} {
		if p != "" {
			return p
		}
	}
	return ""
}

// sockets writes Sockets. The key of each is the name by which the service
// asks for the descriptors.
func (u *unit) sockets() {
	accept := 0
	all := dict{}
	for i := range u.d.Sockets {
		s := &u.d.Sockets[i]
		path := "sockets[" + strconv.Itoa(i) + "]"
		if s.Accept {
			accept++
		}
		name := s.Name
		if name == "" {
			name = u.d.Name
		}
		list, _ := all[u.text(name, path+".name")].([]dict)
		for j, a := range s.Listen {
			if k := u.address(a, s, path+".listen["+strconv.Itoa(j)+"]"); k != nil {
				list = append(list, k)
			}
		}
		all[name] = list
	}
	if len(all) == 0 {
		return
	}
	for name, v := range all {
		if list := v.([]dict); len(list) == 1 {
			all[name] = list[0]
		}
	}
	u.keys["Sockets"] = all
	switch accept {
	case 0:
		return
	case len(u.d.Sockets):
	default:
		i := slices.IndexFunc(u.d.Sockets, func(s spec.Socket) bool { return s.Accept })
		u.refuse("sockets["+strconv.Itoa(i)+"].accept", "inetdCompatibility holds for all sockets of a job", "make it a daemon of its own")
	}
	inetd := dict{"Wait": false}
	most := 0
	for i := range u.d.Sockets {
		most = max(most, u.d.Sockets[i].MaxConnections)
	}
	if most > 0 {
		inetd["Instances"] = int64(most)
	}
	u.keys["inetdCompatibility"] = inetd
}

// address returns the dictionary of one socket, nil if there can be none.
func (u *unit) address(a spec.Address, s *spec.Socket, path string) dict {
	if a.IP() {
		k := dict{"SockServiceName": strconv.Itoa(a.Port), "SockType": "stream", "SockProtocol": "TCP"}
		if a.Network == spec.UDP {
			k["SockType"], k["SockProtocol"] = "dgram", "UDP"
		}
		v6 := slices.Contains([]byte(a.Host), ':')
		switch {
		case a.Host == "" || v6 && a.Host == "::":
			// Both families on one socket, unless the spec says otherwise.
			k["SockFamily"] = "IPv4v6"
			if s.IPv6Only == "ipv6-only" {
				k["SockFamily"] = "IPv6"
			}
		case v6:
			k["SockFamily"] = "IPv6"
		default:
			k["SockFamily"] = "IPv4"
		}
		if a.Host != "" && k["SockFamily"] != "IPv4v6" {
			k["SockNodeName"] = a.Host
		}
		return k
	}
	if a.Network == spec.FIFO || a.Path[0] == '@' {
		u.refuse(path, "macOS has no abstract sockets and launchd no fifos", "listen on a path with unix://, unix-dgram:// or unix-seqpacket://")
		return nil
	}
	k := dict{"SockFamily": "Unix", "SockType": "stream", "SockPathName": u.text(a.Path, path), "SockPathMode": int64(s.Mode)}
	switch a.Network {
	case spec.UnixDatagram:
		k["SockType"] = "dgram"
	case spec.UnixSeq:
		k["SockType"] = "seqpacket"
	}
	return k
}
