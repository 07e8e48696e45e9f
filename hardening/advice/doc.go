// Package advice says which sandbox settings fit a service: what each gains,
// what it may break, which fact decides that, and how to check afterwards.
//
// [Inspect] looks at the programs that a unit runs, through a file tree: an
// fs.FS of the host or of an image, so nothing is executed. [Advise] puts that
// together with the unit, the daemonize spec it comes from, if any, and the
// facts of a trace (package trace), and goes through a table of settings. Each
// one is scored before and after by package hardening, so gains are exact for
// the target's version of systemd.
//
// The score is not the risk: a setting can gain much and break nothing, or gain
// nothing and break the service. [Risk] tells them apart:
//
//   - none: what is known of the program says that it is not affected;
//   - knowledge: somebody must know, or try, what the program does;
//   - likely: what is known of the program says that it needs what is taken away.
//
// What is known of programs, runtimes and settings stands in tables with their
// references: daemons_table.go, runtimes_table.go, rules.go.
package advice
