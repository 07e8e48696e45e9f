#!/bin/sh
# Fetch real units for the comparison with systemd-analyze.
#
#   internal/parity/corpus.sh OUTDIR [PACKAGES]
#
# Each package of the list is downloaded with apt-get and only its units are
# unpacked: OUTDIR/units/PACKAGE and OUTDIR/user-units/PACKAGE. Nothing is
# installed and no script of a package runs. Packages that are there already
# are not fetched again. Needs apt-get (after apt-get update) and dpkg-deb.
set -eu

out=${1:?usage: corpus.sh OUTDIR [PACKAGES]}
list=${2:-$(dirname "$0")/packages.txt}
mkdir -p "$out/units" "$out/user-units" "$out/debs"
out=$(cd "$out" && pwd)
list=$(cd "$(dirname "$list")" && pwd)/$(basename "$list")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Links between units of one package must stay links to neighbours; others
# would point into the machine that runs the comparison.
localise() {
	find "$1" -type l | while read -r link; do
		target=$(readlink "$link")
		[ "$target" = /dev/null ] && continue
		name=${target##*/}
		if [ -e "$1/$name" ] && [ "$(dirname "$link")" = "$1" ] && [ "$name" != "${link##*/}" ]; then
			ln -sfn "$name" "$link"
		elif [ ! -e "$link" ]; then
			rm -f "$link"
		fi
	done
}

missing=0
while read -r package; do
	case $package in '' | \#*) continue ;; esac
	[ -d "$out/units/$package" ] && continue
	if ! (cd "$out/debs" && apt-get download -qq "$package" >/dev/null 2>&1); then
		echo "not in the archive: $package" >&2
		missing=$((missing + 1))
		continue
	fi
	rm -rf "$work/x"
	mkdir "$work/x"
	for deb in "$out/debs/${package}_"*.deb; do
		dpkg-deb -x "$deb" "$work/x"
		rm -f "$deb"
	done
	mkdir -p "$out/units/$package"
	for dir in lib usr/lib etc; do
		if [ -d "$work/x/$dir/systemd/system" ]; then
			cp -a "$work/x/$dir/systemd/system/." "$out/units/$package/"
		fi
		if [ -d "$work/x/$dir/systemd/user" ]; then
			mkdir -p "$out/user-units/$package"
			cp -a "$work/x/$dir/systemd/user/." "$out/user-units/$package/"
		fi
	done
	localise "$out/units/$package"
	if [ -d "$out/user-units/$package" ]; then
		localise "$out/user-units/$package"
	fi
done <"$list"

echo "units: $(find "$out/units" -name '*.service' | wc -l), user units: $(find "$out/user-units" -name '*.service' | wc -l), packages not found: $missing"
