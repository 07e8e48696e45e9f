// Package conformance proves that what runs is what was declared: for every
// field of the vocabulary it installs a daemon that sets the field on real
// service managers, and compares what a probe (internal/probe) sees of itself,
// or what the manager does, with the declaration. The result is
// docs/conformance.md.
//
//	go test ./internal/conformance            # as root, with the roots of .ci/lab-roots
//	go test ./internal/conformance -update    # write docs/conformance.md anew
//	go test ./internal/conformance -run /sysvinit    # one or two managers
//
// Each manager runs in a container of its own, all at the same time, with all
// daemons side by side: nearly all of the time is spent waiting, above all for
// cron. So nothing here may depend on how long something takes. A run waits for
// conditions (noted, becomes, ends), and a time is compared only with a lower
// bound that the manager has promised.
//
// # Cases
//
// The cases are the groups in cases_test.go (fields that the process can see),
// sandbox_test.go, behaviour_test.go (restarts, stops, hooks, relations) and
// trigger_test.go (conditions, timers, sockets, logs, installing). A group is
// one daemon, and its checks are about one field each. Where the backend's table
// says that none of the fields is supported the group is left out, and the
// table's reason stands in the document. For what backends do in their own way
// there are lists of names, in only for a group and in on for a check ("!systemd"
// is all but systemd), and groups in the managers' own files.
//
// A group with shows is a line in the table of behaviour.
//
// # Adding a manager
//
//  1. Its backend has a generators.Operator, as operate and install need it, too:
//     jobs are started, stopped, reloaded and enabled by its steps, and its
//     Status is what cases wait for.
//  2. A root of .ci/lab-roots has the manager.
//  3. A file NAME_test.go here with a function that returns its [manager], and
//     that in the list in manager_test.go. The root and the three names are
//     all that a manager needs which is process 1, or started by it; one that is
//     not says in boot how it is started, supervisord_test.go for instance.
//  4. go test ./internal/conformance -run /ROOT-BACKEND fails for each field that
//     the table says is supported and that no case looks at, or that is not so.
//     The cases for it go into cases of its manager, as in sysvinit_test.go: the
//     fields install and overrides are likely ones, and whatever an "only" or
//     "on" has left out. Mend the backend or its table where they are wrong.
//     Prefer what the process sees (see, test) to what a file says.
//  5. go test ./internal/conformance -update, without -run, and read the diff.
package conformance
