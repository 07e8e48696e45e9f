package host

import (
	"context"
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/daemonize/daemonize/generators"
)

// Bus runs programs, except for those calls of systemctl that have an equal in
// systemd's own D-Bus interface (org.freedesktop.systemd1(5)): these are made
// there, without a process, and give what systemctl would give. systemctl does
// what is left, and everything where systemd cannot be reached.
type Bus struct {
	Programs

	mu       sync.Mutex
	managers [2]*dbus.Conn // of the system, of the user
	tried    [2]bool
}

// Run implements [Runner].
func (b *Bus) Run(ctx context.Context, argv []string) (generators.Result, error) {
	c, ok := parseCall(argv)
	if !ok {
		return b.Programs.Run(ctx, argv)
	}
	conn := b.manager(c.user)
	if conn == nil {
		return b.Programs.Run(ctx, argv)
	}
	r, ok := c.make(ctx, conn)
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	if !ok {
		return b.Programs.Run(ctx, argv)
	}
	return r, nil
}

// manager returns the connection to a manager, nil if it cannot be had.
func (b *Bus) manager(user bool) *dbus.Conn {
	i, socket := 0, "/run/systemd/private"
	if user {
		i, socket = 1, path.Join(os.Getenv("XDG_RUNTIME_DIR"), "systemd/private")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.managers[i] != nil && !b.managers[i].Connected() { // systemd has executed itself again
		b.managers[i].Close()
		b.managers[i], b.tried[i] = nil, false
	}
	if !b.tried[i] && path.IsAbs(socket) {
		b.tried[i] = true
		// The socket without a bus in between is systemctl's own way too.
		conn, err := dbus.NewConnection(func() (*godbus.Conn, error) {
			c, err := godbus.Dial("unix:path=" + godbus.EscapeBusAddressValue(socket))
			if err != nil {
				return nil, err
			}
			if err := c.Auth([]godbus.Auth{godbus.AuthExternal(strconv.Itoa(os.Geteuid()))}); err != nil {
				return nil, errors.Join(err, c.Close())
			}
			return c, nil
		})
		if err == nil {
			b.managers[i] = conn
		}
	}
	return b.managers[i]
}

// call is a command line of systemctl.
type call struct {
	user       bool
	verb       string
	properties []string
	units      []string
}

// parseCall reads the command lines that there is a call for.
func parseCall(argv []string) (c call, ok bool) {
	if len(argv) < 2 || argv[0] != "systemctl" {
		return c, false
	}
	for _, arg := range argv[1:] {
		list, show := strings.CutPrefix(arg, "--property=")
		switch {
		case arg == "--user":
			c.user = true
		case show && c.verb == "show":
			c.properties = strings.Split(list, ",")
		case arg == "--timestamp=utc" && c.verb == "show": // it is so anyway
		case strings.HasPrefix(arg, "-"):
			return c, false
		case c.verb == "":
			c.verb = arg
		case strings.ContainsAny(arg, "*?[\\") || path.Ext(arg) == "":
			return c, false
		default:
			c.units = append(c.units, arg)
		}
	}
	switch c.verb {
	case "show":
		return c, len(c.units) == 1 && len(c.properties) > 0
	case "start", "stop", "restart", "try-restart", "reload":
		return c, len(c.units) > 0
	}
	return c, false
}

// make makes a call. It reports false if systemctl should rather do it.
func (c *call) make(ctx context.Context, conn *dbus.Conn) (generators.Result, bool) {
	if c.verb == "show" {
		p, err := conn.GetAllPropertiesContext(ctx, c.units[0])
		if err != nil {
			return generators.Result{}, false
		}
		return generators.Result{Stdout: show(p, c.properties)}, true
	}
	do := map[string]func(context.Context, string, string, chan<- string) (int, error){
		"start": conn.StartUnitContext, "stop": conn.StopUnitContext, "restart": conn.RestartUnitContext,
		"try-restart": conn.TryRestartUnitContext, "reload": conn.ReloadUnitContext,
	}[c.verb]
	var r generators.Result
	var results []chan string
	for _, unit := range c.units { // all jobs first, as systemctl does: they run at the same time
		done := make(chan string, 1)
		if _, err := do(ctx, unit, "replace", done); err != nil {
			refusal, ok := errors.AsType[godbus.Error](err)
			if !ok {
				return r, false
			}
			r.Code = 1
			r.Stderr += "Failed to " + c.verb + " " + unit + ": " + refusal.Error() + "\n"
			done <- "done"
		}
		results = append(results, done)
	}
	for i, done := range results {
		select {
		case result := <-done:
			if result != "done" && result != "skipped" {
				r.Code = 1
				r.Stderr += "Job for " + c.units[i] + " " + jobWords(result) + "\n"
			}
		case <-ctx.Done():
			return r, true
		}
	}
	return r, true
}

// jobWords puts the result of a job into words (JobRemoved in
// org.freedesktop.systemd1(5)).
func jobWords(result string) string {
	switch result {
	case "canceled":
		return "was canceled"
	case "timeout":
		return "took longer than its time limit"
	case "dependency":
		return "was not started: what it depends on failed"
	}
	return result
}

// show writes properties as systemctl show does, times in UTC.
func show(p map[string]any, names []string) string {
	var b strings.Builder
	for _, name := range names {
		v, ok := p[name]
		if !ok { // as MainPID of a timer
			continue
		}
		var text string
		switch v := v.(type) {
		case string:
			text = v
		case bool:
			text = map[bool]string{true: "yes", false: "no"}[v]
		case int32:
			text = strconv.FormatInt(int64(v), 10)
		case uint32:
			text = strconv.FormatUint(uint64(v), 10)
		case int64:
			text = strconv.FormatInt(v, 10)
		case uint64:
			text = strconv.FormatUint(v, 10)
			if strings.HasSuffix(name, "Timestamp") {
				if text = ""; v > 0 {
					text = time.UnixMicro(int64(v)).UTC().Format("Mon 2006-01-02 15:04:05 UTC")
				}
			}
		default:
			continue
		}
		b.WriteString(name + "=" + text + "\n")
	}
	return b.String()
}
