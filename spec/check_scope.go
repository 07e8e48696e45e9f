package spec

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/spec/diag"
	"github.com/daemonize/daemonize/spec/field"
)

// CheckScope reports what a daemon cannot have in the scope that it is
// rendered for. Nothing is refused in the system scope; a user's own manager
// can neither change identity nor reach the units of the system.
func CheckScope(d *Daemon, userScope bool) diag.List {
	if !userScope {
		return nil
	}
	var diags diag.List
	c := checker{d, &diags}
	for _, id := range []field.ID{field.User, field.Group, field.SupplementaryGroups, field.CreateUser, field.SandboxingDynamicUser, field.SandboxingCapabilitiesAmbient} {
		if d.IsSet(id) && (id != field.CreateUser || d.CreateUser) && (id != field.SandboxingDynamicUser || d.Sandboxing.DynamicUser) {
			c.fail(diag.UserScopeIdentity, id.String(), id.String()+" in the user scope", "a user's own manager has no right to change identity or to grant capabilities",
				"remove it, or use the system scope")
		}
	}
	for i, name := range d.Install.WantedBy {
		if name = strings.TrimSuffix(name, ".target"); oneOfWords("multi-user graphical network-online rescue", name) {
			c.warn(diag.UserScopeUnused, item("install.wanted_by", i), "the target "+name+" does not start services of the user scope",
				"a user's own manager has targets of its own", "use default, or remove it")
		}
	}
	// systemd.special(7) lists it for the system manager only.
	if d.DependsOn.NetworkOnline {
		c.warn(diag.UserScopeUnused, "depends_on.network_online", "network_online has no effect in the user scope", "a user's own manager does not know the state of the network",
			"let the program try again until the network is there")
	}
	for i := range d.Sockets {
		s := &d.Sockets[i]
		path := item("sockets", i)
		if s.User != "" || s.Group != "" {
			key := ".user"
			if s.User == "" {
				key = ".group"
			}
			c.fail(diag.UserScopeIdentity, path+key, "a socket of another user in the user scope", "a user's own manager cannot give files away", "remove it, or use the system scope")
		}
		if j := slices.IndexFunc(s.Listen, func(a Address) bool { return a.IP() && a.Port < 1024 }); j >= 0 {
			c.warn(diag.PrivilegedPort, path+".listen", "the user's manager may not open port "+strconv.Itoa(s.Listen[j].Port), "ports below 1024 are for root (ip(7))",
				"use a port from 1024, or the system scope")
		}
	}
	diags.Sort()
	return diags
}
