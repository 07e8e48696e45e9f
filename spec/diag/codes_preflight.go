package diag

import "slices"

// Preflight codes: the document is right, but this machine is not ready for it.
const (
	ProgramMissing     Code = "P001"
	ProgramExecutable  Code = "P002"
	ProgramFormat      Code = "P003"
	InterpreterMissing Code = "P004"
	UnknownAccount     Code = "P005"
	DirectoryMissing   Code = "P006"
	UnsafeFile         Code = "P007"
	InputMissing       Code = "P008"
	PortInUse          Code = "P009"
	LingerOff          Code = "P010"
	SELinuxLabel       Code = "P011"
	UserManager        Code = "P012"
)

// Preflight reports whether the code speaks of the machine and not of the document.
func (c Code) Preflight() bool {
	return slices.ContainsFunc(preflightCodes, func(i CodeInfo) bool { return i.Code == c })
}

var preflightCodes = []CodeInfo{
	{ProgramMissing, "a program does not exist on this machine", "The service manager could not execute it. Install the program, or correct the path."},
	{ProgramExecutable, "a program cannot be executed", "The path leads to something that is no regular file, or the account of the service has no right to execute it."},
	{ProgramFormat, "a program is not for this machine", "The kernel refuses to execute the file: it was built for another processor, or is neither a binary nor a script that begins with #!."},
	{InterpreterMissing, "the interpreter of a program does not exist", "The kernel executes the interpreter that a script's first line or a binary's dynamic linker names; without it the program fails with a misleading \"no such file\"."},
	{UnknownAccount, "a user or group does not exist on this machine", "Make the account, or have it made with create_user: true."},
	{DirectoryMissing, "a directory does not exist on this machine", "The service could not enter it or write there. Make it, or declare it under directories."},
	{UnsafeFile, "others can change what root runs", "Whoever can write the file, or a directory above it, can have root run anything. Give it to root and take the right to write from others."},
	{InputMissing, "a file that the service needs does not exist", "The service would not start without it. Make the file, or for env_file write required: false."},
	{PortInUse, "an address is in use", "Another process has the address open, so the socket could not be opened. If it is the running version of this daemon, all is well."},
	{LingerOff, "the user's services end with the last session", "Without lingering a user's service manager is started at login and ended at logout: the daemon does not start at boot and dies at logout. Allow it with loginctl enable-linger."},
	{SELinuxLabel, "SELinux may not let the manager run the program", "SELinux is enforcing, and programs in home directories and directories for temporary files have a type that a system service may not execute (203/EXEC). Install the program below /usr/local or /opt and run restorecon on it, or run the daemon in the user scope."},
	{UserManager, "the user's service manager cannot be reached", "A user's service manager is found by XDG_RUNTIME_DIR, which su and sudo do not set. Log in as the user, or set it to /run/user/UID."},
}
