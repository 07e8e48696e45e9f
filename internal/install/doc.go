// Package install brings a host to what bundles say, and back.
//
// A [Plan] is the difference between the host and the bundles as data: it can
// be printed (dry run) or applied, and what has been done of it can be undone.
// [Install] and [Uninstall] make plans, [Plan.Apply] carries them out, waits
// until the jobs are really up, and on any failure puts everything back.
//
// What belongs to daemonize is known from the [Manifest] of each daemon and
// from nothing else: a file that is not listed is never overwritten, a listed
// file that somebody has edited only by force, and uninstalling removes what
// is listed. A manifest is written before the first change and completed after
// the last one, so that an installation that was killed can be repeated.
package install
