package unit

// errnoNames are the error names of Linux in order.
var errnoNames = [...]string{
	"E2BIG", "EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EADV", "EAFNOSUPPORT", "EAGAIN", "EALREADY", "EBADE",
	"EBADF", "EBADFD", "EBADMSG", "EBADR", "EBADRQC", "EBADSLT", "EBFONT", "EBUSY", "ECANCELED", "ECHILD",
	"ECHRNG", "ECOMM", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EDEADLOCK", "EDESTADDRREQ", "EDOM",
	"EDOTDOT", "EDQUOT", "EEXIST", "EFAULT", "EFBIG", "EHOSTDOWN", "EHOSTUNREACH", "EHWPOISON", "EIDRM",
	"EILSEQ", "EINPROGRESS", "EINTR", "EINVAL", "EIO", "EISCONN", "EISDIR", "EISNAM", "EKEYEXPIRED",
	"EKEYREJECTED", "EKEYREVOKED", "EL2HLT", "EL2NSYNC", "EL3HLT", "EL3RST", "ELIBACC", "ELIBBAD", "ELIBEXEC",
	"ELIBMAX", "ELIBSCN", "ELNRNG", "ELOOP", "EMEDIUMTYPE", "EMFILE", "EMLINK", "EMSGSIZE", "EMULTIHOP",
	"ENAMETOOLONG", "ENAVAIL", "ENETDOWN", "ENETRESET", "ENETUNREACH", "ENFILE", "ENOANO", "ENOBUFS", "ENOCSI",
	"ENODATA", "ENODEV", "ENOENT", "ENOEXEC", "ENOKEY", "ENOLCK", "ENOLINK", "ENOMEDIUM", "ENOMEM", "ENOMSG",
	"ENONET", "ENOPKG", "ENOPROTOOPT", "ENOSPC", "ENOSR", "ENOSTR", "ENOSYS", "ENOTBLK", "ENOTCONN", "ENOTDIR",
	"ENOTEMPTY", "ENOTNAM", "ENOTRECOVERABLE", "ENOTSOCK", "ENOTSUP", "ENOTTY", "ENOTUNIQ", "ENXIO",
	"EOPNOTSUPP", "EOVERFLOW", "EOWNERDEAD", "EPERM", "EPFNOSUPPORT", "EPIPE", "EPROTO", "EPROTONOSUPPORT",
	"EPROTOTYPE", "ERANGE", "EREMCHG", "EREMOTE", "EREMOTEIO", "ERESTART", "ERFKILL", "EROFS", "ESHUTDOWN",
	"ESOCKTNOSUPPORT", "ESPIPE", "ESRCH", "ESRMNT", "ESTALE", "ESTRPIPE", "ETIME", "ETIMEDOUT", "ETOOMANYREFS",
	"ETXTBSY", "EUCLEAN", "EUNATCH", "EUSERS", "EWOULDBLOCK", "EXDEV", "EXFULL",
}

// capabilityNames are the capabilities by number, without cap_.
var capabilityNames = [...]string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
	"linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
	"sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
	"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
	"mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
	"checkpoint_restore",
}

// exitStatusNames are the exit codes that have names.
var exitStatusNames = [...]string{
	"ADDRESS_FAMILIES", "APPARMOR", "BPF", "CACHE_DIRECTORY", "CANTCREAT", "CAPABILITIES", "CGROUP", "CHDIR",
	"CHOWN", "CHROOT", "CONFIG", "CONFIGURATION_DIRECTORY", "CONFIRM", "CPUAFFINITY", "CREDENTIALS", "DATAERR",
	"EXCEPTION", "EXEC", "FAILURE", "FDS", "GROUP", "INVALIDARGUMENT", "IOERR", "IOPRIO", "KEYRING", "KSM",
	"LIMITS", "LOGS_DIRECTORY", "MEMORY", "MEMORY_THP", "NAMESPACE", "NETWORK", "NICE", "NOHOST", "NOINPUT",
	"NOPERM", "NOPERMISSION", "NOTCONFIGURED", "NOTIMPLEMENTED", "NOTINSTALLED", "NOTRUNNING", "NOUSER",
	"NO_NEW_PRIVILEGES", "NUMA_POLICY", "OOM_ADJUST", "OSERR", "OSFILE", "PAM", "PERSONALITY", "PROTOCOL",
	"RUNTIME_DIRECTORY", "SECCOMP", "SECUREBITS", "SELINUX_CONTEXT", "SETSCHEDULER", "SETSID", "SIGNAL_MASK",
	"SMACK_PROCESS_LABEL", "SOFTWARE", "STATE_DIRECTORY", "STDERR", "STDIN", "STDOUT", "SUCCESS", "TEMPFAIL",
	"TIMERSLACK", "UNAVAILABLE", "USAGE", "USER",
}

// signalNames are the signals without SIG.
var signalNames = [...]string{
	"ABRT", "ALRM", "BUS", "CHLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "KILL", "PIPE", "PROF", "PWR",
	"QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2",
	"VTALRM", "WINCH", "XCPU", "XFSZ",
}

// familyNames are the address families without AF_, aliases included.
var familyNames = [...]string{
	"ALG", "APPLETALK", "ASH", "ATMPVC", "ATMSVC", "AX25", "BLUETOOTH", "BRIDGE", "CAIF", "CAN", "DECNET",
	"ECONET", "FILE", "IB", "IEEE802154", "INET", "INET6", "IPX", "IRDA", "ISDN", "IUCV", "KCM", "KEY", "LLC",
	"LOCAL", "MCTP", "MPLS", "NETBEUI", "NETLINK", "NETROM", "NFC", "PACKET", "PHONET", "PPPOX", "QIPCRTR",
	"RDS", "ROSE", "ROUTE", "RXRPC", "SECURITY", "SMC", "SNA", "TIPC", "UNIX", "VSOCK", "WANPIPE", "X25", "XDP",
}

// architectureNames are the words of SystemCallArchitectures.
var architectureNames = [...]string{
	"arm", "arm64", "loongarch64", "mips", "mips-le", "mips64", "mips64-le", "mips64-le-n32", "mips64-n32",
	"native", "parisc", "parisc64", "ppc", "ppc64", "ppc64-le", "riscv64", "s390", "s390x", "x32", "x86",
	"x86-64",
}
