// Package conformance proves that what runs is what was declared: for every
// field of the vocabulary it installs a daemon that sets the field on six real
// service managers, and compares what a probe (internal/probe) sees of itself,
// or what the manager does, with the declaration. The result is
// docs/conformance.md.
//
//	go test ./internal/conformance            # as root, with the roots of .ci/lab-roots
//	go test ./internal/conformance -update    # write docs/conformance.md anew
//
// The cases are the groups in cases_test.go, sandbox_test.go and
// behaviour_test.go; host_test.go runs them.
package conformance
