package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/internal/winsvc"
)

// MainWithServices is Main as it is on Windows, with a service control manager
// in a file.
func MainWithServices(env Env, file string) int {
	a := &app{Env: env, sources: map[string][]byte{}}
	root := a.root()
	w := windows{app: a, m: services(file), clock: &now{}, drive: "C:", target: "windows@10"}
	w.take(root.Commands())
	return a.execute(root)
}

// services keeps services in a JSON file. They start and stop at once, but for
// those whose command line holds "fail".
type services string

func (f services) read() map[string]*winsvc.Installed {
	all := map[string]*winsvc.Installed{}
	text, err := os.ReadFile(string(f))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	return all
}

func (f services) update(name string, change func(s *winsvc.Installed)) error {
	all := f.read()
	if all[name] == nil {
		return winsvc.ErrNotInstalled
	}
	change(all[name])
	return f.write(all)
}

func (f services) write(all map[string]*winsvc.Installed) error {
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(string(f), text, 0o644)
}

func (f services) Query(name string) (winsvc.Installed, error) {
	if s := f.read()[name]; s != nil {
		return *s, nil
	}
	return winsvc.Installed{}, winsvc.ErrNotInstalled
}

func (f services) Create(s winsvc.Service) error {
	all := f.read()
	all[s.Name] = &winsvc.Installed{Service: s, Record: &s, State: winsvc.State{State: generators.Inactive, Never: true}}
	return f.write(all)
}

func (f services) Change(s, record winsvc.Service) error {
	return f.update(s.Name, func(i *winsvc.Installed) { i.Service, i.Record = s, &record })
}

func (f services) Delete(s winsvc.Service) error {
	all := f.read()
	if all[s.Name].State.State == generators.Active {
		return fmt.Errorf("%s runs", s.Name)
	}
	delete(all, s.Name)
	return f.write(all)
}

func (f services) Start(name string) error {
	return f.update(name, func(i *winsvc.Installed) {
		i.State = winsvc.State{State: generators.Active, PID: 42}
		if strings.Contains(i.CommandLine, "fail") {
			i.State = winsvc.State{State: generators.Failed, Exit: 1067}
		}
	})
}

func (f services) Stop(name string) error {
	return f.update(name, func(i *winsvc.Installed) { i.State = winsvc.State{State: generators.Inactive} })
}

func (f services) Names() ([]string, error)     { return slices.Sorted(maps.Keys(f.read())), nil }
func (services) ProgramExists(path string) bool { return !strings.Contains(path, "missing") }

// now is a clock that waits for nothing.
type now struct{ time time.Time }

func (n *now) Now() time.Time { return n.time }

func (n *now) Sleep(ctx context.Context, d time.Duration) error {
	n.time = n.time.Add(d)
	return ctx.Err()
}
