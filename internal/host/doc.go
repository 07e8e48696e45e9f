// Package host is where daemonize touches a machine: it alone writes files
// outside its working directory and runs programs. Everything above it deals
// in data (generators.Step), so that a dry run, a staged root and a real
// installation are the same code with another host.
package host
