package chain

import (
	"strconv"
	"strings"

	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// Problems returns a refusal for each value of d that the chain cannot
// express. A backend that uses the chain adds them to its own.
func Problems(d *spec.Daemon, t generators.Target) diag.List {
	var list diag.List
	refuse := func(path, why, fix string) { list = append(list, generators.Refuse(d, t, path, why, fix)) }
	item := func(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
	for i, b := range d.Sandboxing.SecureBits {
		if b == "keep-caps" {
			refuse(item("sandboxing.secure_bits", i), "setpriv(1) does not set keep-caps, which is cleared at every exec", "remove it; capabilities.ambient passes capabilities on")
		}
	}
	for _, label := range [...]struct{ path, value string }{
		{"sandboxing.selinux_context", d.Sandboxing.SELinuxContext}, {"sandboxing.apparmor_profile", d.Sandboxing.AppArmorProfile},
	} {
		if strings.HasPrefix(label.value, "-") {
			refuse(label.path, "setpriv(1) cannot ignore that a label is missing", "remove the leading -")
		}
	}
	for i, p := range d.Conditions.PathExistsGlob {
		if strings.Contains(p, "{") {
			refuse(item("conditions.path_exists_glob", i), "the shell that tests it has no braces in patterns", "write one pattern without braces")
		}
	}
	for i, v := range d.Conditions.Architecture {
		if machine(strings.TrimPrefix(v, "!")) == "" {
			refuse(item("conditions.architecture", i), "the architecture is not known by this name", "write a name of ConditionArchitecture= in systemd.unit(5)")
		}
	}
	for i, v := range d.Conditions.Capability {
		if capabilityNumber(strings.TrimPrefix(v, "!")) < 0 {
			refuse(item("conditions.capability", i), "the capability is not known", "write a name of capabilities(7)")
		}
	}
	for _, c := range [...]struct {
		path   string
		values []string
	}{{"conditions.memory", d.Conditions.Memory}, {"conditions.cpus", d.Conditions.CPUs}} {
		for i, v := range c.values {
			if _, _, ok := comparison(strings.TrimPrefix(v, "!")); !ok {
				refuse(item(c.path, i), "it is not an operator and a number", "write for example >=2")
			}
		}
	}
	for _, v := range d.Environment {
		if strings.HasPrefix(v.Name, "daemonize_") {
			refuse("environment."+v.Name, "names that begin with daemonize_ belong to the script that starts the program", "rename the variable")
		}
	}
	return list
}
