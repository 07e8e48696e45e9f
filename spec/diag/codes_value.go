package diag

// Value codes.
const (
	WrongType     Code = "D020"
	BadValue      Code = "D021"
	Required      Code = "D022"
	BadDuration   Code = "D023"
	BadSize       Code = "D024"
	BadReference  Code = "D025"
	UnknownWord   Code = "D026"
	BadSchedule   Code = "D027"
	OutOfRange    Code = "D028"
	DuplicateName Code = "D029"
	Exclusive     Code = "D030"
	BadPath       Code = "D031"
	BadName       Code = "D032"
	BadCommand    Code = "D033"
	BadListen     Code = "D034"
)

var valueCodes = []CodeInfo{
	{WrongType, "wrong type of value", "The field takes another kind of value; `daemonize explain FIELD` shows its form."},
	{BadValue, "malformed value", "The value does not have the form that the field takes."},
	{Required, "a required field is missing", "Every daemon needs at least `version`, `name` and `command` (or `shell`)."},
	{BadDuration, "malformed duration", "Durations carry a unit: 30s, 5m, 1h30m, 250ms, 2d, or infinity. A bare number would mean seconds to one manager and milliseconds to another."},
	{BadSize, "malformed size", "Sizes are bytes with an optional suffix to the base 1024: 512M, 1G, or infinity."},
	{BadReference, "unknown ${...} reference", "Values are literal except for ${instance}, ${name}, ${runtime_dir}, ${state_dir}, ${cache_dir}, ${logs_dir} and ${config_dir}. Write $$ for a literal $ before a brace."},
	{UnknownWord, "unknown word", "The field takes one of a fixed set of words, checked so that a misspelling cannot silently do nothing."},
	{BadSchedule, "malformed or impossible schedule", "The calendar, cron or interval expression cannot be parsed or can never be due."},
	{OutOfRange, "value out of range", "The number lies outside what the kernel or the managers accept."},
	{DuplicateName, "a name is used twice", "Daemons of one file, and the timers, sockets and instances of one daemon, need different names."},
	{Exclusive, "fields that exclude each other", "Only one of the two fields can be given."},
	{BadPath, "malformed path", "Paths are absolute, without `..` and without a trailing slash."},
	{BadName, "malformed name", "Names must be valid as a unit name, a job label and a script name at once."},
	{BadCommand, "malformed command", "A command is a list of arguments, or a string split by the quoting rules of POSIX sh without any expansion."},
	{BadListen, "malformed listen address", "Listen addresses are URLs: tcp://0.0.0.0:8080, tcp://[::1]:80, udp://:53, unix:///run/web.sock, unix-dgram:///..., unix-seqpacket:///..., fifo:///..."},
}
