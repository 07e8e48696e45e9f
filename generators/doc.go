// Package generators is the contract between a daemon spec and the backends
// that render it: [Generator] and its total capability [Table], the [Bundle]
// of files that comes out, and the [Step]s that would bring a host there.
//
// [Render] is the only way to call a generator. It reports from the table
// what the target cannot do, so that no backend can forget a loss, and it
// renders nothing when a security setting would be lost without consent.
package generators
