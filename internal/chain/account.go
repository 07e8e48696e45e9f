package chain

import "github.com/daemonize/daemonize/generators"

// accountScript makes what is missing. The options are those that shadow's
// useradd has everywhere. The values
// are parameters, never part of the script.
const accountScript = `user=$1 group=$2 home=$3
shift 3
getent group "$group" >/dev/null || groupadd --system "$group" || exit 1
getent passwd "$user" >/dev/null ||
	useradd --system --gid "$group" --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$user" || exit 1
for group; do
	usermod --append --groups "$group" "$user" || exit 1
done`

// MakeAccount returns the program that makes a system account, and does
// nothing if it exists.
func MakeAccount(a generators.Account) []string {
	group := a.Group
	if group == "" {
		group = a.User
	}
	return append([]string{"/bin/sh", "-c", accountScript, "sh", a.User, group, a.Home}, a.Groups...)
}
