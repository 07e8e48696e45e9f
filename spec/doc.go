// Package spec defines the daemon spec: the one neutral description of a
// service from which every backend's native files are rendered.
//
// [Decode] reads YAML strictly: unknown keys, wrong types, unknown words and
// contradictions are all reported at once, each with its position, as a
// [diag.List]; it never panics and never stops at the first mistake. Sugar (a
// string for a list, a scalar for a mapping) is normalised, so that a [Daemon]
// has one form only. Whether a field was given, and where, is asked with
// [Daemon.IsSet] and [Daemon.Places].
//
// Values are literal. Only references such as ${instance} are substituted,
// per target, by [Daemon.Resolve].
package spec
