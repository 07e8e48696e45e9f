"""Reads configuration files with supervisord's own parser and prints, as JSON,
what supervisord would execute: one line per file named on standard input."""
import io
import json
import shlex
import sys
from supervisor.options import ServerOptions

for name in sys.stdin.read().split("\n"):
    if not name:
        continue
    options = ServerOptions()
    stderr, sys.stderr = sys.stderr, io.StringIO()
    answer = {"programs": []}
    try:
        options.realize(["-n", "-c", name])
        answer["warnings"] = [w for w in options.parse_warnings + options.parse_infos if "Included" not in w]
        for group in options.process_group_configs:
            for p in group.process_configs:
                answer["programs"].append({
                    "group": group.name, "name": p.name, "argv": shlex.split(p.command), "env": p.environment or {},
                    "uid": p.uid, "directory": p.directory, "umask": p.umask, "autostart": p.autostart,
                    "autorestart": getattr(p.autorestart, "__name__", p.autorestart), "startsecs": p.startsecs, "startretries": p.startretries,
                    "exitcodes": list(p.exitcodes), "stopsignal": int(p.stopsignal), "stopwaitsecs": p.stopwaitsecs,
                    "stopasgroup": p.stopasgroup, "killasgroup": p.killasgroup, "redirect_stderr": p.redirect_stderr,
                    "stdout": str(p.stdout_logfile), "stderr": str(p.stderr_logfile),
                    "stdout_syslog": p.stdout_syslog, "maxbytes": p.stdout_logfile_maxbytes, "backups": p.stdout_logfile_backups,
                })
    except SystemExit:
        answer["error"] = sys.stderr.getvalue()
    except Exception as e:
        answer["error"] = repr(e)
    sys.stderr = stderr
    print(json.dumps(answer), flush=True)
