package advice

// runtime is what executes a program's code.
type runtime struct {
	name string // node, java, ...
	// names are the programs, by base name; a version may follow (python3.11).
	names []string
	// libraries are shared libraries that make a program one of these, by the
	// beginning of their name.
	libraries []string
	// jit says why memory has to be writable and executable, empty if it has not.
	jit string
	// calls are system calls beyond @system-service.
	calls []string
	// measured runtimes were run with @system-service without @privileged and
	// @resources, and worked.
	measured bool
	ref      string
}

// What is said here was measured on Debian 12 with the equivalent filter, or
// is documented where ref points.
var runtimes = [...]runtime{
	{
		name: "node", names: []string{"node", "nodejs", "electron"}, libraries: []string{"libnode.so", "libv8.so"},
		jit:   "V8 compiles JavaScript to machine code at run time and dies at start (SIGTRAP) when it may not (node 18 and 20)",
		calls: []string{"@pkey"}, measured: true,
		ref: "https://nodejs.org/api/cli.html#--jitless",
	},
	{
		name: "java", names: []string{"java", "jsvc"}, libraries: []string{"libjvm.so"},
		jit:      "the JVM does not start without memory that is writable and executable, with -Xint neither (OpenJDK 17 and 21)",
		measured: true, ref: "https://openjdk.org/groups/hotspot/",
	},
	{name: "php", names: []string{"php", "php-fpm", "php-cgi"}, measured: true, ref: "https://www.php.net/manual/en/opcache.configuration.php#ini.opcache.jit"},
	{name: "python", names: []string{"python", "gunicorn", "uwsgi", "celery", "uvicorn"}, libraries: []string{"libpython"}, measured: true, ref: "https://docs.python.org/3/library/ctypes.html"},
	{name: "pypy", names: []string{"pypy"}, libraries: []string{"libpypy"}, jit: "PyPy compiles Python to machine code at run time", ref: "https://doc.pypy.org/"},
	{name: "ruby", names: []string{"ruby", "puma", "unicorn", "rackup"}, libraries: []string{"libruby"}, measured: true, ref: "https://docs.ruby-lang.org/en/master/yjit/yjit_md.html"},
	{name: "perl", names: []string{"perl"}, libraries: []string{"libperl.so"}, measured: true, ref: "man:perl(1)"},
	{name: "luajit", names: []string{"luajit"}, libraries: []string{"libluajit"}, jit: "LuaJIT compiles to machine code at run time (it works with -joff)", ref: "https://luajit.org/running.html"},
	{name: "lua", names: []string{"lua", "lua5.1", "lua5.3", "lua5.4"}, libraries: []string{"liblua"}, ref: "man:lua(1)"},
	{name: "erlang", names: []string{"beam.smp", "erl", "elixir", "rabbitmq-server"}, jit: "the Erlang VM compiles to machine code when it loads modules (OTP 24 and later)", ref: "https://www.erlang.org/doc/apps/erts/beamasm.html"},
	{name: "dotnet", names: []string{"dotnet", "mono", "mono-sgen"}, libraries: []string{"libcoreclr.so", "libmonosgen"}, jit: ".NET compiles to machine code at run time", ref: "https://learn.microsoft.com/dotnet/core/runtime-config/"},
	{name: "julia", names: []string{"julia"}, libraries: []string{"libjulia"}, jit: "Julia compiles to machine code at run time", ref: "https://docs.julialang.org/"},
	{name: "qemu", names: []string{"qemu-system-", "qemu-"}, jit: "QEMU translates machine code at run time", ref: "https://www.qemu.org/docs/master/devel/tcg.html"},
	{name: "browser", names: []string{"chromium", "chrome", "firefox"}, libraries: []string{"libmozjs", "libjavascriptcoregtk", "libwebkit"}, jit: "browsers compile JavaScript to machine code at run time", ref: "https://v8.dev/docs"},
	{name: "wine", names: []string{"wine", "wine64", "wineserver"}, jit: "Wine loads programs of Windows, which it makes executable in place", ref: "https://wiki.winehq.org/"},
	{name: "shell", names: []string{"sh", "dash", "bash", "ksh", "zsh", "busybox"}, measured: true, ref: "man:sh(1)"},
}

// setIDPrograms gain privileges when they are executed, by set-user-ID bits,
// set-group-ID bits or file capabilities, which no_new_privileges prevents.
var setIDPrograms = [...]string{
	"at", "chage", "chfn", "chsh", "crontab", "doas", "dumpcap", "exim4", "fping", "fusermount", "fusermount3", "gpasswd",
	"mail", "maildrop", "mailq", "mount", "newgidmap", "newgrp", "newuidmap", "passwd", "ping", "ping4", "ping6", "pkexec",
	"postdrop", "sendmail", "ssh-agent", "su", "sudo", "sudoedit", "umount", "unix_chkpwd", "wall", "write",
}

// deviceLibraries are libraries that talk to devices, by the beginning of
// their name.
var deviceLibraries = [...]struct{ library, device string }{
	{"libEGL", "the graphics card"}, {"libGL.so", "the graphics card"}, {"libdrm", "the graphics card"}, {"libva.so", "the graphics card"},
	{"libvulkan", "the graphics card"}, {"libcuda", "the graphics card"}, {"libOpenCL", "the graphics card"},
	{"libasound", "the sound card"}, {"libusb", "USB devices"}, {"libfuse", "/dev/fuse"}, {"libgpiod", "the GPIO pins"},
	{"libpcsclite", "smart cards"}, {"libbluetooth", "Bluetooth devices"}, {"libudev", "devices that come and go"},
	{"libdevmapper", "/dev/mapper"}, {"libblkid", "block devices"},
}
