package winsvc

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
	"unicode/utf16"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"github.com/daemonize/daemonize/generators"
)

// Detect returns the target of this machine. kardianos/service is asked here
// and nowhere else: on Linux it takes a program named rpm-ostree or systemctl for
// a sign of systemd and runs initctl from an init function, where
// /run/systemd/system decides (sd_booted(3)); on macOS it always says yes. So no
// other system links it.
func Detect() (generators.Target, bool) {
	t := Target()
	v := windows.RtlGetVersion()
	t.Version = generators.Version(v.MajorVersion)*generators.Major + generators.Version(v.MinorVersion)
	return t, service.Platform() == "windows-service"
}

// Drive returns the drive of the system, such as C:.
func Drive() string { return cmp.Or(os.Getenv("SystemDrive"), "C:") }

// Local returns the service control manager of this machine.
func Local() Manager { return local{} }

type local struct{}

// The values that daemonize keeps in the registry key of a service, which goes
// with the service.
const (
	recordValue = "Daemonize"            // the service as it was installed, JSON
	sourceValue = "DaemonizeEventSource" // present: the event source was made with it
)

const (
	servicesKey = `SYSTEM\CurrentControlSet\Services`
	sourcesKey  = `SYSTEM\CurrentControlSet\Services\EventLog\Application`
)

func (local) ProgramExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// open opens a service with no more rights than are needed, so that everybody
// can ask for a status.
func open(name string, manager, access uint32) (*mgr.Service, error) {
	m, err := windows.OpenSCManager(nil, nil, manager)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the service control manager: %w", err)
	}
	defer func() { _ = windows.CloseServiceHandle(m) }() // only read
	p, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	h, err := windows.OpenService(m, p, access)
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST):
		return nil, ErrNotInstalled
	case err != nil:
		return nil, fmt.Errorf("cannot open service %s: %w", name, err)
	}
	return &mgr.Service{Name: name, Handle: h}, nil
}

func (local) Query(name string) (Installed, error) {
	var i Installed
	s, err := open(name, windows.SC_MANAGER_CONNECT, windows.SERVICE_QUERY_CONFIG|windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return i, err
	}
	defer s.Close()
	if err := i.read(s); err != nil {
		return i, fmt.Errorf("cannot query service %s: %w", name, err)
	}
	return i, nil
}

func (i *Installed) read(s *mgr.Service) error {
	c, err := s.Config()
	if err != nil {
		return err
	}
	i.Service = Service{
		Name: s.Name, DisplayName: c.DisplayName, Description: c.Description, CommandLine: c.BinaryPathName,
		Account: c.ServiceStartName, Boot: c.StartType == mgr.StartAutomatic, Delayed: c.DelayedAutoStart,
	}
	if len(c.Dependencies) > 0 {
		i.Dependencies = c.Dependencies
	}
	actions, err := s.RecoveryActions()
	if err != nil {
		return err
	}
	i.Forever = len(actions) > 0
	for _, a := range actions {
		if a.Type != mgr.ServiceRestart { // also what others may have set: it is not ours then
			i.Forever = false
			break
		}
		i.Restarts = append(i.Restarts, a.Delay)
	}
	if len(actions) > 0 {
		seconds, err := s.ResetPeriod()
		if err != nil {
			return err
		}
		i.Reset = time.Duration(seconds) * time.Second
		if i.Stopped, err = s.RecoveryActionsOnNonCrashFailures(); err != nil {
			return err
		}
	}
	status, err := s.Query()
	if err != nil {
		return err
	}
	i.State = stateOf(status)
	return i.values()
}

// values reads the environment and the record.
func (i *Installed) values() error {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, servicesKey+`\`+i.Name, registry.QUERY_VALUE)
	if err != nil {
		return err
	}
	defer k.Close()
	env, _, err := k.GetStringsValue("Environment")
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	if len(env) > 0 {
		i.Environment = env
	}
	text, _, err := k.GetStringValue(recordValue)
	switch {
	case errors.Is(err, registry.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	i.Record = &Service{}
	if err := json.Unmarshal([]byte(text), i.Record); err != nil {
		return fmt.Errorf("cannot read the record of daemonize: %w", err)
	}
	return nil
}

func stateOf(s svc.Status) State {
	out := State{State: generators.Unknown, PID: int(s.ProcessId), Exit: s.Win32ExitCode}
	switch s.State {
	case svc.StartPending:
		out.State = generators.Starting
	case svc.Running, svc.ContinuePending, svc.PausePending, svc.Paused:
		out.State = generators.Active
	case svc.StopPending:
		out.State = generators.Stopping
	case svc.Stopped:
		out.State = generators.Inactive
		switch windows.Errno(s.Win32ExitCode) {
		case windows.ERROR_SUCCESS:
		case windows.ERROR_SERVICE_NEVER_STARTED:
			out.Never = true
		case windows.ERROR_SERVICE_SPECIFIC_ERROR:
			out.Exit, out.Specific, out.State = s.ServiceSpecificExitCode, true, generators.Failed
		default:
			out.State = generators.Failed
		}
	}
	return out
}

// Create makes the service by kardianos/service, which also registers the
// source under which it can write to the event log. What it cannot say (when a
// failure is one, an environment in order, a program that is always quoted) is
// set afterwards.
func (l local) Create(s Service) error {
	source := sourceExists(s.Name)
	k, err := kardianos(s)
	if err == nil {
		err = k.Install()
	}
	if err != nil {
		return fmt.Errorf("cannot create service %s: %w", s.Name, err)
	}
	if !source {
		err = setValue(s.Name, func(k registry.Key) error { return k.SetDWordValue(sourceValue, 1) })
	}
	if err == nil {
		err = l.Change(s, s)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot create service %s: %w", s.Name, err), l.Delete(s))
	}
	return nil
}

func kardianos(s Service) (service.Service, error) {
	start := service.ServiceStartManual
	if s.Boot {
		start = service.ServiceStartAutomatic
	}
	// The program is set by Change: this is a place that nobody can write to, so
	// that nothing of others is started in between.
	return service.New(nil, &service.Config{
		Name: s.Name, DisplayName: s.DisplayName, Description: s.Description, UserName: s.Account, Dependencies: s.Dependencies,
		Executable: Drive() + `\Windows\System32\svchost.exe`,
		Option:     service.KeyValue{service.StartType: start, "DelayedAutoStart": s.Delayed},
	})
}

func sourceExists(name string) bool {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, sourcesKey+`\`+name, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	k.Close()
	return true
}

func setValue(name string, set func(registry.Key) error) error {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, servicesKey+`\`+name, registry.SET_VALUE)
	if err != nil {
		return err
	}
	return errors.Join(set(k), k.Close())
}

// Change sets everything, for what is left out is kept by the manager. mgr's own
// UpdateConfig cannot remove the last dependency or a description: for an empty
// one it passes NULL, which means "as it was" (ChangeServiceConfigW).
func (local) Change(s, kept Service) error {
	h, err := open(s.Name, windows.SC_MANAGER_CONNECT, windows.SERVICE_ALL_ACCESS)
	if err != nil {
		return err
	}
	defer h.Close()
	start := uint32(mgr.StartManual)
	if s.Boot {
		start = mgr.StartAutomatic
	}
	var texts [4]*uint16
	for i, text := range [...]string{s.CommandLine, s.Account, s.DisplayName, s.Description} {
		if texts[i], err = syscall.UTF16PtrFromString(text); err != nil {
			return fmt.Errorf("cannot change service %s: %w", s.Name, err)
		}
	}
	err = windows.ChangeServiceConfig(h.Handle, windows.SERVICE_WIN32_OWN_PROCESS, start, mgr.ErrorNormal, texts[0], nil, nil, block(s.Dependencies), texts[1], nil, texts[2])
	if err == nil {
		err = change2(h, windows.SERVICE_CONFIG_DESCRIPTION, &windows.SERVICE_DESCRIPTION{Description: texts[3]})
	}
	if err == nil {
		delayed := windows.SERVICE_DELAYED_AUTO_START_INFO{}
		if s.Delayed {
			delayed.IsDelayedAutoStartUp = 1
		}
		err = change2(h, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed)
	}
	if err == nil {
		err = recovery(h, &s)
	}
	if err == nil {
		err = setValue(s.Name, func(k registry.Key) error { return record(k, s.Environment, &kept) })
	}
	if err != nil {
		return fmt.Errorf("cannot change service %s: %w", s.Name, err)
	}
	return nil
}

// block is a list of strings as ChangeServiceConfigW takes it: each ends in a
// NUL, and the list in another one.
func block(list []string) *uint16 {
	var b []uint16
	for _, s := range list {
		b = append(append(b, utf16.Encode([]rune(s))...), 0)
	}
	if len(b) == 0 {
		b = append(b, 0)
	}
	return &append(b, 0)[0]
}

func recovery(h *mgr.Service, s *Service) error {
	if len(s.Restarts) == 0 {
		return errors.Join(h.ResetRecoveryActions(), h.SetRecoveryActionsOnNonCrashFailures(false))
	}
	var actions []mgr.RecoveryAction
	for _, d := range s.Restarts {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: d})
	}
	if !s.Forever { // the last action holds for all failures after it
		actions = append(actions, mgr.RecoveryAction{Type: mgr.NoAction})
	}
	if err := h.SetRecoveryActions(actions, uint32(s.Reset/time.Second)); err != nil {
		return err
	}
	return h.SetRecoveryActionsOnNonCrashFailures(s.Stopped)
}

// record writes what the manager does not keep itself. The record is last: a
// service is ours, and as it was installed, when it is there.
func record(k registry.Key, environment []string, s *Service) error {
	var err error
	if len(environment) > 0 {
		err = k.SetStringsValue("Environment", environment)
	} else if err = k.DeleteValue("Environment"); errors.Is(err, registry.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return k.SetStringValue(recordValue, string(text))
}

// Delete removes the service, and its event source if that was made with it.
func (local) Delete(s Service) error {
	h, err := open(s.Name, windows.SC_MANAGER_CONNECT, windows.DELETE)
	if err != nil {
		return err
	}
	ours := setValue(s.Name, func(k registry.Key) error { return k.DeleteValue(sourceValue) }) == nil
	if ours {
		k, err := kardianos(s)
		if err = errors.Join(err, h.Close()); err == nil {
			err = k.Uninstall()
		}
		if err != nil {
			return fmt.Errorf("cannot delete service %s: %w", s.Name, err)
		}
		return nil
	}
	if err := errors.Join(h.Delete(), h.Close()); err != nil {
		if errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE) {
			return fmt.Errorf("cannot delete service %s: it goes once every window and program that shows services is closed: %w", s.Name, err)
		}
		return fmt.Errorf("cannot delete service %s: %w", s.Name, err)
	}
	return nil
}

// Start starts the service by kardianos/service.
func (local) Start(name string) error {
	k, err := service.New(nil, &service.Config{Name: name})
	if err != nil {
		return err
	}
	return k.Start()
}

// Stop only asks: that of kardianos/service waits, and for ever when the
// service hangs.
func (local) Stop(name string) error {
	h, err := open(name, windows.SC_MANAGER_CONNECT, windows.SERVICE_STOP)
	if err != nil {
		return err
	}
	_, err = h.Control(svc.Stop)
	err = errors.Join(err, h.Close())
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE):
		return nil
	case errors.Is(err, windows.ERROR_DEPENDENT_SERVICES_RUNNING):
		return fmt.Errorf("other services that depend on it run: %w", err)
	}
	return err
}

func (local) Names() ([]string, error) {
	root, err := registry.OpenKey(registry.LOCAL_MACHINE, servicesKey, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return nil, fmt.Errorf("cannot list services: %w", err)
	}
	defer root.Close()
	all, err := root.ReadSubKeyNames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot list services: %w", err)
	}
	names := slices.DeleteFunc(all, func(name string) bool {
		k, err := registry.OpenKey(root, name, registry.QUERY_VALUE)
		if err != nil {
			return true // one that we may not look into is not ours
		}
		defer k.Close()
		_, _, err = k.GetStringValue(recordValue)
		return err != nil
	})
	slices.Sort(names)
	return names, nil
}
