// Package hardening gives a systemd unit the score that `systemd-analyze
// security` gives it, on any system and without systemd: the same rows, the
// same weights and the same integer arithmetic, for the versions 250 to 262,
// for the system and the user manager, and under a policy file.
//
// [Assess] takes a unit loaded by package unit. The result carries, beyond
// what the real program prints, the lines that made each value.
//
// The score is a sum of weighted checks, not a measure of safety: it does not
// see every good setting, and a command with the prefix + runs outside the
// sandbox without changing it.
package hardening
