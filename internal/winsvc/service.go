package winsvc

import (
	"slices"
	"time"
)

// Service is what the service control manager keeps about a service, as far as
// daemonize sets it.
type Service struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	Description string `json:"description,omitempty"`
	// CommandLine is the program and its arguments, quoted.
	CommandLine string `json:"command_line"`
	// Account that the service runs as, one that needs no password.
	Account string `json:"account"`
	Boot    bool   `json:"boot"` // starts at boot, else on demand
	Delayed bool   `json:"delayed,omitempty"`
	// Dependencies are services that must run; the manager starts them first.
	Dependencies []string `json:"dependencies,omitempty"`
	// Environment holds K=V strings that are added to those of the system.
	Environment []string `json:"environment,omitempty"`
	// Restarts are the delays before a restart after the first failure, the
	// second and so on; empty for none. After the last one of them the
	// service is left alone, or with Forever the last one holds for all.
	Restarts []time.Duration `json:"restarts_ns,omitempty"`
	Forever  bool            `json:"forever,omitempty"`
	// Stopped makes a service that reports an exit code other than 0 a failure,
	// not only one whose process ends without a report.
	Stopped bool `json:"restart_after_error,omitempty"`
	// Reset is the time without failures after which they are counted anew.
	Reset time.Duration `json:"reset_ns,omitempty"`
}

// Wanted is a service and what it takes to have it up. These are not kept by
// the manager.
type Wanted struct {
	Service
	Program string        `json:"program"` // its path alone
	Start   bool          `json:"start"`   // after it is installed
	StartIn time.Duration `json:"start_within_ns"`
	StopIn  time.Duration `json:"stop_within_ns"`
}

func (s *Service) equal(o *Service) bool {
	return s.Name == o.Name && s.DisplayName == o.DisplayName && s.Description == o.Description &&
		s.CommandLine == o.CommandLine && s.Account == o.Account && s.Boot == o.Boot && s.Delayed == o.Delayed &&
		slices.Equal(s.Dependencies, o.Dependencies) && slices.Equal(s.Environment, o.Environment) &&
		slices.Equal(s.Restarts, o.Restarts) && s.Forever == o.Forever && s.Stopped == o.Stopped && s.Reset == o.Reset
}

// differences names what of a service is not as it should be. When it starts may
// be changed by an operator.
func (s *Service) differences(o *Service) []string {
	var names []string
	add := func(name string, same bool) {
		if !same {
			names = append(names, name)
		}
	}
	add("display name", s.DisplayName == o.DisplayName)
	add("description", s.Description == o.Description)
	add("command line", s.CommandLine == o.CommandLine)
	add("account", s.Account == o.Account)
	add("dependencies", slices.Equal(s.Dependencies, o.Dependencies))
	add("environment", slices.Equal(s.Environment, o.Environment))
	add("recovery", slices.Equal(s.Restarts, o.Restarts) && s.Forever == o.Forever && s.Stopped == o.Stopped && s.Reset == o.Reset)
	return names
}
