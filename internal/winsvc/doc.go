// Package winsvc installs and operates Windows services: it maps a daemon to
// what the service control manager keeps about a service, and changes that in
// one transaction.
//
// It is used by the program on Windows only, but all of it except for the
// calls of the system (manager_windows.go) is pure and tested everywhere.
//
// It is not a backend among [github.com/daemonize/daemonize.Backends], although
// it has the same complete capability table and reports losses by the same
// code: Windows services have no files. Their configuration lives in a database
// that only the service control manager may write (CreateServiceW, "Remarks"),
// so there is nothing that `render` could put below a directory, nothing that
// could be installed from or for another system, and "all backends" of a matrix
// or of a rendering on Linux would gain a column of reasons why not.
//
// What runs has to be a Windows service, a program that calls
// StartServiceCtrlDispatcher: the manager ends any other after 30 seconds with
// error 1053. No process of daemonize stays between the manager and the service.
//
// None of it has been run on Windows by its authors.
package winsvc
