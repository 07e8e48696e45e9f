// Package install brings a host to what bundles say, and back.
//
// A [Plan] is the difference between the host and the bundles as data: it can
// be printed (dry run) or applied, and what has been done of it can be undone.
// [Install] and [Uninstall] make plans, [Plan.Apply] carries them out, waits
// until the jobs are really up, and on any failure puts everything back.
//
// What belongs to daemonize is known from the [Manifest] of each daemon and
// from nothing else: a file that is not listed is never overwritten unless it
// is adopted, a listed file that somebody has edited only by force, and
// uninstalling removes what is listed.
//
// A plan is a transaction. Before its first change the whole of it is on disk
// in the journal, with what was at every path; removing the journal commits it.
// A process that is killed in between leaves the journal, from which [Recover]
// leads back to the old state. Plans that remove data are committed before
// that, and then completed.
//
// Jobs of one plan are started together and watched together. One that says
// itself when it is ready is believed; another must stay up for half a second,
// or until all its processes have been asleep for a moment without having been
// on a processor, and not in a short pause: then they have done what they do at
// their start.
package install
