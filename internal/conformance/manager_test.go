package conformance

// manager is a column of the document. The end of doc.go says how to add one.
type manager struct {
	root    string // of the lab
	backend string // the name of the generator, which is a generators.Operator
	title   string // of the column
	// boot is a script that has the manager run in a machine that has just
	// booted, and returns when it does; none where process 1 sees to that.
	boot string
	// startAll is a script that has the manager read what was installed, and
	// start the jobs that are its arguments. It may do so in the background,
	// and some may fail. Without it the steps of an installation are carried
	// out for one after the other.
	startAll string
	// rotated is a script that prints how many rotated logs of the daemon
	// $name there are; without it those of logrotate are counted.
	rotated string
	// abrupt says why daemons do not get their stop.signal when the machine is
	// shut down, if they do not.
	abrupt string
	// cases are those for this manager alone, beside allGroups.
	cases func() []*group
}

// managers are the columns in their order.
func managers() []manager {
	return []manager{
		systemd("247"), systemd("252"), systemd("257"), systemd("262"),
		sysvinit(), openrc(), supervisord(), runit(), s6(), daemontools(),
	}
}
