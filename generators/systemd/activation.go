package systemd

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/field"
)

// A single socket, timer or set of watched paths has the daemon's name, which
// is how systemd finds the service it starts. Several are NAME-STEM.

// head writes what is common to the units that start the service.
func (r *renderer) head(description string) {
	r.open()
	r.text(unitDescription, at(field.Description), description)
}

// finish writes [Install], the overrides and the file, and remembers the unit.
func (r *renderer) finish(sec section, stem, suffix, target string) {
	r.plain(installWantedBy, target)
	r.overrides(sec)
	template := len(r.d.Instances) > 0
	name := r.fileName(stem, suffix, template)
	r.close(name)
	r.triggers = append(r.triggers, name)
}

// instanceRef is reference for units that stand beside a service which an
// accepting socket makes a template: they are none themselves.
func (r *renderer) instanceRef(stem, suffix string) string {
	if len(r.d.Instances) > 0 {
		return r.reference(stem, suffix)
	}
	return r.fileName(stem, suffix, false)
}

// socketStem tells sockets apart by their names, or else their numbers.
func (r *renderer) socketStem(i int) string {
	sockets := r.d.Sockets
	if len(sockets) == 1 {
		return ""
	}
	name := sockets[i].Name
	same := func(s spec.Socket) bool { return s.Name == name }
	if name == "" || slices.ContainsFunc(sockets[:i], same) || slices.ContainsFunc(sockets[i+1:], same) {
		return strconv.Itoa(i + 1)
	}
	return name
}

// socketUnits returns the names of the socket units.
func (r *renderer) socketUnits() []string {
	names := make([]string, len(r.d.Sockets))
	for i := range names {
		names[i] = r.instanceRef(r.socketStem(i), ".socket")
	}
	return names
}

// sockets writes the .socket units (systemd.socket(5)).
func (r *renderer) sockets() {
	if r.accept && len(r.d.Sockets) > 1 {
		r.refuse(at(field.SocketsAccept), "systemd finds the template of a connection by the socket's name, so a daemon that accepts has one socket", "give one socket several listen addresses")
		return
	}
	for i := range r.d.Sockets {
		s := &r.d.Sockets[i]
		p := func(key string) place { return item("sockets", i, key) }
		stem := r.socketStem(i)
		if stem == "" {
			r.head("Socket of " + r.d.Name)
		} else {
			r.head("Socket " + stem + " of " + r.d.Name)
		}
		for n, a := range s.Listen {
			r.listen(item("sockets", i, ".listen["+strconv.Itoa(n)+"]"), a)
		}
		name := s.Name
		if name == "" {
			name = r.d.Name // the spec's default; systemd's is the name of the unit
		}
		r.text(socketFileDescriptorName, p(".name"), name)
		if s.Backlog != 0 {
			r.number(socketBacklog, s.Backlog)
		}
		if s.Mode != 0o666 {
			r.mode(socketSocketMode, s.Mode)
		}
		if s.User != "" && !r.user {
			r.text(socketSocketUser, p(".user"), s.User)
		}
		if s.Group != "" && !r.user {
			r.text(socketSocketGroup, p(".group"), s.Group)
		}
		if s.DirectoryMode != 0o755 {
			r.mode(socketDirectoryMode, s.DirectoryMode)
		}
		r.flagIf(socketAccept, field.SocketsAccept, s.Accept)
		if s.MaxConnections != 0 {
			r.number(socketMaxConnections, s.MaxConnections)
		}
		r.flagIf(socketReusePort, field.SocketsReusePort, s.ReusePort)
		if s.IPv6Only != "" {
			r.plain(socketBindIPv6Only, s.IPv6Only)
		}
		r.flagIf(socketFreeBind, field.SocketsFreeBind, s.FreeBind)
		r.flagIf(socketKeepAlive, field.SocketsKeepAlive, s.KeepAlive)
		r.flagIf(socketNoDelay, field.SocketsNoDelay, s.NoDelay)
		if s.BindToDevice != "" {
			r.text(socketBindToDevice, p(".bind_to_device"), s.BindToDevice)
		}
		if s.ReceiveBuffer != 0 {
			r.size(socketReceiveBuffer, s.ReceiveBuffer)
		}
		if s.SendBuffer != 0 {
			r.size(socketSendBuffer, s.SendBuffer)
		}
		r.flagIf(socketPassCredentials, field.SocketsPassCredentials, s.PassCredentials)
		r.flagIf(socketRemoveOnStop, field.SocketsRemoveOnStop, s.RemoveOnStop)
		r.words(socketSymlinks, p(".symlinks"), s.Symlinks)
		if stem != "" {
			r.text(socketService, p(""), r.reference("", ".service"))
		}
		r.finish(inSocket, stem, ".socket", "sockets.target")
	}
}

// listen writes one address. A port alone is every address, IPv6 and IPv4.
func (r *renderer) listen(p place, a spec.Address) {
	d := socketListenStream
	switch a.Network {
	case spec.UDP, spec.UnixDatagram:
		d = socketListenDatagram
	case spec.UnixSeq:
		d = socketListenSequentialPacket
	case spec.FIFO:
		d = socketListenFIFO
	}
	addr := a.Path
	if a.IP() {
		addr = strconv.Itoa(a.Port)
		if strings.Contains(a.Host, ":") {
			addr = "[" + a.Host + "]:" + addr
		} else if a.Host != "" {
			addr = a.Host + ":" + addr
		}
	}
	r.text(d, p, addr)
}

// timers writes the .timer units (systemd.timer(5)).
func (r *renderer) timers() {
	for i := range r.d.Timers {
		t := &r.d.Timers[i]
		p := func(key string) place { return item("timers", i, key) }
		stem := ""
		if len(r.d.Timers) > 1 {
			stem = t.Name
			if stem == "" {
				stem = strconv.Itoa(i + 1)
			}
		}
		if r.set(field.TimersName) && t.Name != "" {
			r.head("Timer " + t.Name + " of " + r.d.Name)
		} else {
			r.head("Timer of " + r.d.Name)
		}
		for _, rule := range t.Schedule {
			switch {
			case rule.FromEnd != 0 && !r.at(233):
				r.refuse(p(".calendar"), "days from the end of the month need systemd 233 or later", "give the days by number")
				continue
			case rule.Zone != "" && rule.Zone != "UTC" && !r.at(236):
				if t.Timezone == "" { // otherwise the capability table reports timers.timezone
					r.lose(field.TimersCalendar, p(".calendar").String(), generators.Unsupported, "time zones need systemd 236 or later; the host's applies")
				}
				rule.Zone = ""
			}
			r.plain(timerOnCalendar, rule.Calendar())
		}
		if t.OnBoot != 0 || r.set(field.TimersOnBoot) && t.Every == 0 && len(t.Schedule) == 0 {
			if r.user { // OnBootSec= is about the machine, which a user's timer has nothing to do with
				r.duration(timerOnStartupSec, t.OnBoot)
			} else {
				r.duration(timerOnBootSec, t.OnBoot)
			}
		}
		if t.Every != 0 {
			// The first run counts from the timer's start: a time relative to the
			// unit alone would never come (systemd#6680).
			r.duration(timerOnActiveSec, t.Every)
			if t.Anchor == "finish" {
				r.duration(timerOnUnitInactiveSec, t.Every)
			} else {
				r.duration(timerOnUnitActiveSec, t.Every)
			}
		}
		r.flagIf(timerPersistent, field.TimersPersistent, t.Persistent)
		if t.Jitter != 0 {
			r.duration(timerRandomizedDelaySec, t.Jitter)
		}
		r.flagIf(timerFixedRandomDelay, field.TimersFixedJitter, t.FixedJitter)
		// The default of a minute would shift every run (systemd.timer(5)).
		r.duration(timerAccuracySec, t.Accuracy)
		if !r.user {
			r.flagIf(timerWakeSystem, field.TimersWake, t.Wake)
		}
		if stem != "" {
			r.text(timerUnit, p(""), r.instanceRef("", ".service"))
		}
		r.finish(inTimer, stem, ".timer", "timers.target")
	}
}

// paths writes the .path units (systemd.path(5)): one for all watched paths,
// or one each if they want their directories made differently.
func (r *renderer) paths() {
	paths := r.d.Paths
	if len(paths) == 0 {
		return
	}
	differ := slices.ContainsFunc(paths[1:], func(w spec.Watch) bool {
		return w.MakeDirectory != paths[0].MakeDirectory || w.DirectoryMode != paths[0].DirectoryMode
	})
	for i := range paths {
		w := &paths[i]
		if i == 0 || differ {
			r.head("Paths that start " + r.d.Name)
		}
		watch := func(d directive, key, path string) {
			if path != "" {
				r.text(d, item("paths", i, key), path)
			}
		}
		watch(pathPathExists, ".exists", w.Exists)
		watch(pathPathExistsGlob, ".exists_glob", w.ExistsGlob)
		watch(pathPathChanged, ".changed", w.Changed)
		watch(pathPathModified, ".modified", w.Modified)
		watch(pathDirectoryNotEmpty, ".directory_not_empty", w.DirectoryNotEmpty)
		if !differ && i < len(paths)-1 {
			continue
		}
		r.flagIf(pathMakeDirectory, field.PathsMakeDirectory, w.MakeDirectory)
		if r.set(field.PathsDirectoryMode) {
			r.mode(pathDirectoryMode, w.DirectoryMode)
		}
		stem := ""
		if differ {
			stem = "path" + strconv.Itoa(i+1)
			r.text(pathUnit, item("paths", i, ""), r.instanceRef("", ".service"))
		}
		r.finish(inPath, stem, ".path", "paths.target")
	}
}
