// Package languages holds small daemons in five languages, each with a spec; the
// test of this package runs them under every service manager of the lab.
package languages
