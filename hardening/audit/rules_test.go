package audit_test

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/audit"
	"github.com/daemonize/daemonize/hardening/rule"
	"github.com/daemonize/daemonize/hardening/unit"
)

// sys is what the files of these trees say of their owner.
type sys struct{ uid uint32 }

func owner(i fs.FileInfo) (uid, gid uint32, known bool) {
	s, ok := i.Sys().(sys)
	return s.uid, s.uid, ok
}

func file(mode fs.FileMode, uid uint32, text string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(text), Mode: mode, Sys: sys{uid}}
}

func dir(mode fs.FileMode, uid uint32) *fstest.MapFile {
	return &fstest.MapFile{Mode: fs.ModeDir | mode, Sys: sys{uid}}
}

// disk is a root in which root owns everything but what a case changes.
func disk(changes fstest.MapFS) fstest.MapFS {
	tree := fstest.MapFS{
		".":                dir(0o755, 0),
		"usr":              dir(0o755, 0),
		"usr/bin":          dir(0o755, 0),
		"usr/bin/x":        file(0o755, 0, "\x7fELF"),
		"usr/bin/python3":  file(0o755, 0, "\x7fELF"),
		"bin":              {Mode: fs.ModeSymlink | 0o777, Data: []byte("usr/bin")},
		"etc":              dir(0o755, 0),
		"etc/passwd":       file(0o644, 0, "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/false\nother:x:1001:1001::/:/bin/false\n"),
		"etc/x.conf":       file(0o644, 0, ""),
		"etc/x.env":        file(0o600, 0, "DB_PASSWORD=hunter22\n"),
		"srv":              dir(0o755, 0),
		"srv/app":          dir(0o755, 0),
		"tmp":              dir(fs.ModeSticky|0o777, 0),
		"run":              dir(0o755, 0),
		"opt":              dir(0o755, 0),
		"opt/app.py":       file(0o755, 0, "#!/usr/bin/python3\n"),
		"etc/systemd":      dir(0o755, 0),
		"etc/systemd/user": dir(0o755, 0),
	}
	maps.Copy(tree, changes)
	return tree
}

// ruleCase is a description in which a rule finds something, and one like it
// in which it must not. Without a header the text is a [Service] section.
type ruleCase struct {
	id, bad, good string
	name          string       // of the file, default x.service
	version       int          // of systemd
	scope         unit.Scope   //
	tree          fstest.MapFS // changes of the disk; nil for no disk
	goodTree      fstest.MapFS
}

const (
	x       = "ExecStart=/usr/bin/x\n"
	job     = `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>Label</key><string>x</string>`
	program = "[program:x]\ncommand=/usr/bin/x\n"
	script  = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: x\n### END INIT INFO\n"
	yaml    = "version: 1\nname: x\ncommand: [/usr/bin/x]\n"
	spec    = "x.daemon.yaml"
)

var ruleCases = []ruleCase{
	{id: "H001", bad: "ExecStart=/opt/app/bin/server\n", good: "ExecStart=/opt/app/bin/server\nUser=app\n"},
	{id: "H001", bad: "ExecStart=/usr/bin/node /srv/app/index.js\n", good: "ExecStart=/usr/bin/python3 /usr/bin/fail2ban-server\n"},
	{id: "H001", bad: "ExecStart=/usr/bin/gunicorn app:app -b 127.0.0.1:8000\n", good: "ExecStart=/usr/bin/gunicorn app:app -b 127.0.0.1:80\n"},
	{id: "H001", bad: "[program:x]\ncommand=/opt/x/run\n", good: "[program:x]\ncommand=/opt/x/run\nuser=app\n", name: "x.conf"},
	{id: "H001", bad: job + "<key>KeepAlive</key><true/><key>ProgramArguments</key><array><string>/usr/local/bin/x</string></array></dict></plist>",
		good: job + "<key>KeepAlive</key><true/><key>UserName</key><string>_x</string><key>ProgramArguments</key><array><string>/usr/local/bin/x</string></array></dict></plist>", name: "x.plist"},
	{id: "H001", bad: script + "DAEMON=/opt/x/x\nstart-stop-daemon --start --exec $DAEMON\n", good: script + "DAEMON=/opt/x/x\nstart-stop-daemon --start --chuid app --exec $DAEMON\n", name: "init.d/x"},
	{id: "H002", bad: x + "CapabilityBoundingSet=\n", good: x + "CapabilityBoundingSet=CAP_NET_ADMIN\n"},
	{id: "H003", bad: x + "User=app\nExecStartPre=+/bin/mkdir /x\n", good: x + "User=app\nExecStartPre=/bin/mkdir /x\nExecReload=+/bin/kill -HUP $MAINPID\n"},
	{id: "H003", bad: x + "PrivateTmp=yes\nExecStartPre=+/bin/mkdir /x\n", good: x + "ExecStartPre=+/bin/mkdir /x\n"},
	{id: "H004", bad: x + "User=app\nExecStartPre=!/bin/mkdir /x\n", good: x + "User=app\nExecStartPre=!!/bin/mkdir /x\n"},
	{id: "H005", bad: x + "User=app\nAmbientCapabilities=CAP_SYS_ADMIN\n", good: x + "User=app\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"},
	{id: "H006", bad: x + "User=nobody\n", good: x + "User=app\n"},
	{id: "H007", bad: x + "User=app\nSupplementaryGroups=docker\n", good: x + "User=app\nSupplementaryGroups=ssl-cert\n"},
	{id: "H007", bad: yaml + "user: app\ngroup: disk\n", good: yaml + "user: app\ngroup: app\n", name: spec},
	{id: "H008", bad: x + "BindPaths=/run/docker.sock\n", good: x + "BindPaths=/run/postgresql\n"},
	{id: "H008", bad: "ExecStart=/usr/bin/docker run -v /var/run/docker.sock:/var/run/docker.sock img\n", good: "ExecStart=/usr/bin/docker run -v /srv:/srv img\n"},
	{id: "H009", bad: "ExecStart=/usr/bin/sudo -u app /usr/bin/x\n", good: "ExecStart=/usr/bin/x --sudo\n"},
	{id: "H009", bad: "ExecStart=/bin/sh -c 'cd /srv && su app -c x'\n", good: "ExecStart=/bin/sh -c 'echo su app'\n"},
	{id: "H010", bad: "ExecStart=/bin/sh -c 'x --name %i'\n", good: "ExecStart=/bin/sh -c 'x --name \"$1\"' sh\n", name: "x@.service"},
	{id: "H011", bad: "ExecStartPre=/bin/sh -c 'curl -s https://x.example/i | sh'\n" + x, good: "ExecStartPre=/bin/sh -c 'curl -s https://x.example/i | wc'\n" + x},
	{id: "H012", bad: "ExecStart=/tmp/x\n", good: "ExecStart=/opt/tmp/x\n"},
	{id: "H013", bad: "ExecStart=/home/alice/bin/x\n", good: "ExecStart=/home/alice/bin/x\nUser=alice\n"},
	{id: "H014", bad: "[program:x]\ncommand=x --run\n", good: "[program:x]\ncommand=x --run\nuser=app\n", name: "x.conf"},
	{id: "H015", bad: x + "Environment=PATH=/usr/bin:\n", good: x + "Environment=PATH=/usr/bin:/bin\n"},
	{id: "H015", bad: x + "Environment=LD_LIBRARY_PATH=/tmp/lib\n", good: x + "Environment=LD_LIBRARY_PATH=/opt/lib\n"},

	{id: "H020", bad: x, good: x, tree: fstest.MapFS{"usr/bin/x": file(0o777, 0, "")}, goodTree: fstest.MapFS{}},
	{id: "H020", bad: x, good: x + "User=app\n", tree: fstest.MapFS{"usr/bin": dir(0o755, 1000)}, goodTree: fstest.MapFS{"usr/bin": dir(0o755, 1000)}},
	{id: "H020", bad: "ExecStart=/usr/bin/python3 /opt/app.py\n", good: "ExecStart=/usr/bin/python3 /opt/app.py\n", tree: fstest.MapFS{"opt/app.py": file(0o755, 1001, "")}, goodTree: fstest.MapFS{}},
	{id: "H021", bad: x + "User=app\n", good: x + "User=app\nProtectSystem=yes\n", tree: fstest.MapFS{"usr/bin/x": file(0o755, 1000, "")}, goodTree: fstest.MapFS{"usr/bin/x": file(0o755, 1000, "")}},
	{id: "H022", bad: "ExecStart=/usr/bin/x --config=/etc/x.conf\n", good: "ExecStart=/usr/bin/x --config=/etc/x.conf\n", tree: fstest.MapFS{"etc/x.conf": file(0o666, 0, "")}, goodTree: fstest.MapFS{}},
	{id: "H023", bad: "ExecStart=/usr/bin/x /etc/x.conf\nUser=app\n", good: "ExecStart=/usr/bin/x /etc/x.conf\nUser=app\nProtectSystem=full\n", tree: fstest.MapFS{"etc/x.conf": file(0o644, 1000, "")}, goodTree: fstest.MapFS{"etc/x.conf": file(0o644, 1000, "")}},
	{id: "H024", bad: x + "EnvironmentFile=/etc/x.env\n", good: x + "EnvironmentFile=-/etc/x.env\n", tree: fstest.MapFS{"etc/x.env": file(0o644, 1001, "")}, goodTree: fstest.MapFS{}},
	{id: "H025", bad: x + "WorkingDirectory=/tmp\n", good: x + "WorkingDirectory=/tmp\nPrivateTmp=yes\n"},
	{id: "H025", bad: x + "WorkingDirectory=/srv/app\n", good: x + "WorkingDirectory=/srv/app\n", tree: fstest.MapFS{"srv/app": dir(0o777, 0)}, goodTree: fstest.MapFS{}},
	{id: "H026", bad: "ExecStart=/usr/bin/python3 -m app\nUser=app\nWorkingDirectory=/srv/app\n", good: "ExecStart=/usr/bin/python3 -m app\nUser=app\nWorkingDirectory=/srv/app\n", tree: fstest.MapFS{"srv/app": dir(0o755, 1000)}, goodTree: fstest.MapFS{}},
	{id: "H027", bad: x, good: x, tree: fstest.MapFS{"etc/systemd/system/x.service": file(0o666, 0, "[Service]\n"+x)}, goodTree: fstest.MapFS{}},
	{id: "H028", bad: "ExecStart=/usr/bin/gone\n", good: "ExecStart=/bin/x\nExecStartPre=-/usr/bin/gone\n", tree: fstest.MapFS{}, goodTree: fstest.MapFS{}},
	{id: "H029", bad: "ExecStart=/opt/app.py\n", good: "ExecStart=/opt/app.py\n", tree: fstest.MapFS{"opt/app.py": file(0o755, 0, "#!/usr/bin/python9\n")}, goodTree: fstest.MapFS{}},
	{id: "H031", bad: "ExecStart=/usr/bin/python3.11 /usr/share/x\n", good: "ExecStart=/usr/bin/python3 /usr/share/x\n"},
	{id: "H031", bad: "ExecStart=/home/a/.nvm/versions/node/v18.1.0/bin/node x\n", good: "ExecStart=/opt/node/bin/node x\n"},

	{id: "H040", bad: x + "Environment=DB_PASSWORD=hunter22\n", good: x + "Environment=DB_PASSWORD_FILE=/run/secrets/db\n"},
	{id: "H040", bad: yaml + "environment: {API_KEY: s3cr3t-value}\n", good: yaml + "environment: {API_URL: 'https://x.example'}\n", name: spec},
	{id: "H040", bad: script + "export DB_PASSWORD=hunter22\n", good: script + "DB_PASSWORD_FILE=/etc/x\n", name: "init.d/x"},
	{id: "H040", bad: "[program:x]\ncommand=/usr/bin/x\nenvironment=LANG=\"C\",DB_PASSWORD=\"a,b-c\"\n", good: program, name: "x.conf"},
	{id: "H041", bad: "ExecStart=/usr/bin/x --api-key=s3cr3t-value\n", good: "ExecStart=/usr/bin/x --api-key-file=/etc/x\n"},
	{id: "H041", bad: "ExecStart=/usr/bin/x postgres://u:hunter22@db/x\n", good: "ExecStart=/usr/bin/x postgres://u@db/x\n"},
	{id: "H042", bad: x + "SetCredential=db.password:hunter22\n", good: x + "SetCredential=greeting:hello\n"},
	{id: "H043", bad: x + "PassEnvironment=DB_PASSWORD\n", good: x + "PassEnvironment=HTTP_PROXY\n"},
	{id: "H044", bad: x + "EnvironmentFile=/etc/x.env\n", good: x + "EnvironmentFile=/etc/x.env\n", tree: fstest.MapFS{"etc/x.env": file(0o644, 0, "# x\nDB_PASSWORD='hunter22'\n")}, goodTree: fstest.MapFS{"etc/x.env": file(0o644, 0, "LANG=C\n")}},
	{id: "H045", bad: x + "LoadCredential=db:/etc/x.key\n", good: x + "LoadCredential=db:/etc/x.key\n", tree: fstest.MapFS{"etc/x.key": file(0o644, 0, "hunter22")}, goodTree: fstest.MapFS{"etc/x.key": file(0o600, 0, "hunter22")}},
	{id: "H045", bad: "ExecStart=/usr/bin/x --tls-key=/etc/x.pem\n", good: "ExecStart=/usr/bin/x --tls-cert=/etc/x.pem\n",
		tree: fstest.MapFS{"etc/x.pem": file(0o644, 0, "-----BEGIN EC PRIVATE KEY-----\n")}, goodTree: fstest.MapFS{"etc/x.pem": file(0o644, 0, "-----BEGIN CERTIFICATE-----\n")}},

	{id: "H050", bad: x + "PrivateTmp=yes\n", good: x + "PrivateTmp=yes\nPrivateUsers=yes\n", version: 252, scope: unit.User},
	{id: "H051", bad: x + "ProtectProc=invisible\n", good: x + "NoNewPrivileges=yes\n", scope: unit.User},
	{id: "H052", bad: "[Unit]\nDefaultDependencies=no\n[Service]\n" + x + "PrivateTmp=yes\n", good: x + "PrivateTmp=yes\n"},
	{id: "H053", bad: x + "ProtectProc=invisible\n", good: x + "ProtectProc=invisible\nUser=app\n"},
	{id: "H054", bad: x + "ProtectSystem=strict\nReadWritePaths=/etc\n", good: x + "ProtectSystem=strict\nReadWritePaths=/etc/x\n"},
	{id: "H055", bad: x + "IPAddressDeny=any\nIPAddressAllow=any\n", good: x + "IPAddressDeny=any\nIPAddressAllow=localhost\n"},
	{id: "H056", bad: x + "SystemCallFilter=@system-service\n", good: x + "SystemCallFilter=@system-service\nSystemCallArchitectures=native\n"},
	{id: "H057", bad: x + "DynamicUser=yes\nPrivateTmp=no\n", good: x + "DynamicUser=yes\nPrivateTmp=yes\n"},
	{id: "H058", bad: x + "User=app\nPrivateUsers=yes\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n", good: x + "User=app\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"},
	{id: "H059", bad: "ExecStart=/home/a/x\nUser=a\nProtectHome=yes\n", good: "ExecStart=/home/a/x\nUser=a\nProtectHome=tmpfs\nBindReadOnlyPaths=/home/a\n"},
	{id: "H060", bad: x + "PrivateDevices=yes\nDeviceAllow=/dev/dri/card0 rw\n", good: x + "PrivateDevices=yes\nDeviceAllow=/dev/null rw\n"},
	{id: "H061", bad: x + "ProtectClock=yes\nCapabilityBoundingSet=CAP_SYS_TIME\n", good: x + "ProtectClock=yes\nCapabilityBoundingSet=~CAP_SYS_TIME\n"},
	{id: "H062", bad: x + "User=app\nCapabilityBoundingSet=CAP_KILL\nAmbientCapabilities=CAP_NET_RAW\n", good: x + "User=app\nCapabilityBoundingSet=CAP_NET_RAW\nAmbientCapabilities=CAP_NET_RAW\n"},
	{id: "H063", bad: x + "PrivateNetwork=yes\nIPAddressAllow=10.0.0.0/8\n", good: x + "IPAddressAllow=10.0.0.0/8\n"},
	{id: "H064", bad: x + "ProtectSystem=strict\n", good: x + "ProtectSystem=strict\nSystemCallFilter=~@mount\n"},
	{id: "H065", bad: "ExecStart=/bin/sh -c 'sudo x'\nUser=app\nNoNewPrivileges=yes\n", good: "ExecStart=/bin/sh -c 'sudo x'\nUser=app\n"},
	{id: "H066", bad: x + "User=app\nNoNewPrivileges=yes\n", good: x + "User=app\n", tree: fstest.MapFS{"usr/bin/x": file(fs.ModeSetuid|0o755, 0, "")}, goodTree: fstest.MapFS{"usr/bin/x": file(fs.ModeSetuid|0o755, 0, "")}},

	{id: "H070", bad: x + "ProtectSytem=strict\n", good: x + "X-Mine=strict\n"},
	{id: "H071", bad: x + "Description=x\n", good: "[Unit]\nDescription=x\n[Service]\n" + x},
	{id: "H072", bad: x + "PrivatePIDs=yes\n", good: x + "PrivateIPC=yes\n", version: 252},
	{id: "H073", bad: x + "MemoryLimit=1G\n", good: x + "MemoryMax=1G\n"},
	{id: "H074", bad: x + "PrivateTmp=disconnected\n", good: x + "PrivateTmp=yes\n", version: 252},
	{id: "H075", bad: x + "TimeoutStopSec=soon\n", good: x + "TimeoutStopSec=5min 20s\n"},
	{id: "H076", bad: x + "SystemCallFilter=read frobnicate\n", good: x + "SystemCallFilter=read write\n"},
	{id: "H077", bad: "[Service]\n" + x + "[Sandbox]\nA=b\n", good: "[Service]\n" + x + "[X-Sandbox]\nA=b\n"},
	{id: "H078", bad: x + "StandardOutput=syslog\n", good: x + "StandardOutput=journal\n"},
	{id: "H078", bad: x + "Type=forking\nPIDFile=/var/run/x.pid\n", good: x + "Type=forking\nPIDFile=/run/x.pid\n"},

	{id: "H080", bad: x, good: x + "MemoryMax=1G\n"},
	{id: "H081", bad: x + "TasksMax=infinity\n", good: x + "TasksMax=100\n"},
	{id: "H082", bad: x + "LimitCORE=infinity\n", good: x + "LimitCORE=0\n"},
	{id: "H083", bad: "[Unit]\nStartLimitIntervalSec=0\n[Service]\n" + x + "Restart=always\n", good: "[Unit]\nStartLimitIntervalSec=0\n[Service]\n" + x + "Restart=always\nRestartSec=5\n"},
	{id: "H083", bad: program + "autorestart=true\nstartsecs=0\n", good: program + "autorestart=true\n", name: "x.conf"},
	{id: "H083", bad: job + "<key>Program</key><string>/usr/bin/x</string><key>KeepAlive</key><true/><key>ThrottleInterval</key><integer>0</integer></dict></plist>",
		good: job + "<key>Program</key><string>/usr/bin/x</string><key>KeepAlive</key><true/></dict></plist>", name: "x.plist"},
	{id: "H084", bad: "[Unit]\nStartLimitIntervalSec=20\nStartLimitBurst=3\n[Service]\n" + x + "Restart=always\nRestartSec=10\n", good: "[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=3\n[Service]\n" + x + "Restart=always\nRestartSec=10\n"},
	{id: "H085", bad: x + "KillMode=none\n", good: x + "KillMode=mixed\n"},
	{id: "H086", bad: x + "OOMScoreAdjust=-1000\n", good: x + "OOMScoreAdjust=-1000\nMemoryMax=1G\n"},

	{id: "H090", bad: x + "PIDFile=/tmp/x.pid\n", good: x + "PIDFile=/run/x.pid\n"},
	{id: "H090", bad: script + "start-stop-daemon --start --chuid app --pidfile /run/app/x.pid --exec /usr/bin/x\n", good: script + "start-stop-daemon --start --chuid app --pidfile /run/x.pid --exec /usr/bin/x\n", name: "init.d/x"},
	{id: "H090", bad: x + "PIDFile=/srv/app/x.pid\n", good: x + "PIDFile=/srv/app/x.pid\n", tree: fstest.MapFS{"srv/app": dir(0o755, 1000)}, goodTree: fstest.MapFS{}},
	{id: "H091", bad: x + "StandardOutput=append:/tmp/x.log\n", good: x + "StandardOutput=append:/var/log/x.log\n"},
	{id: "H091", bad: program + "stdout_logfile=/tmp/x.log\n", good: program + "stdout_logfile=/dev/stdout\n", name: "x.conf"},
	{id: "H092", bad: "[Socket]\nListenStream=/tmp/x.sock\n", good: "[Socket]\nListenStream=/run/x.sock\n", name: "x.socket"},
	{id: "H093", bad: "ExecStart=/usr/bin/x --bind 0.0.0.0:8080\n", good: "ExecStart=/usr/bin/x --bind 127.0.0.1:8080\n"},
	{id: "H093", bad: "ExecStart=/usr/bin/x --bind=[::]:8080\n", good: "ExecStart=/usr/bin/x --bind=[::]:8080\nUser=app\n"},
	{id: "H094", bad: "ExecStart=/usr/bin/java -agentlib:jdwp=transport=dt_socket,server=y,address=*:5005 -jar x\n", good: "ExecStart=/usr/bin/java -agentlib:jdwp=transport=dt_socket,server=y,address=127.0.0.1:5005 -jar x\n"},
	{id: "H094", bad: x + "Environment=NODE_OPTIONS=--inspect=0.0.0.0:9229\n", good: x + "Environment=NODE_OPTIONS=--max-old-space-size=100\n"},
	{id: "H095", bad: x + "Environment=FLASK_DEBUG=1\n", good: x + "Environment=FLASK_DEBUG=0\n"},
	{id: "H095", bad: "ExecStart=/usr/bin/python3 /srv/app/manage.py runserver\n", good: "ExecStart=/usr/bin/python3 /srv/app/manage.py qcluster\n"},
	{id: "H096", bad: x + "Environment=NODE_TLS_REJECT_UNAUTHORIZED=0\n", good: x + "Environment=NODE_TLS_REJECT_UNAUTHORIZED=1\n"},
	{id: "H096", bad: "ExecStart=/usr/bin/curl -k https://x.example\n", good: "ExecStart=/usr/bin/curl https://x.example\n"},
	{id: "H097", bad: x + "UMask=0000\n", good: x + "UMask=0027\n"},
	{id: "H097", bad: job + "<key>Program</key><string>/usr/bin/x</string><key>Umask</key><integer>0</integer></dict></plist>",
		good: job + "<key>Program</key><string>/usr/bin/x</string><key>Umask</key><integer>18</integer></dict></plist>", name: "x.plist"},
	{id: "H098", bad: x + "ExecStartPre=/bin/chmod 777 /run/x\n", good: x + "ExecStartPre=/bin/chmod 770 /run/x\n"},
	{id: "H098", bad: script + "case x in start) chmod 0777 /run/x ;; esac\nchmod 0777 /run/x\n", good: script + "chmod 0755 /run/x\n", name: "init.d/x"},
	{id: "H099", bad: x + "RuntimeDirectory=x\nRuntimeDirectoryMode=0777\n", good: x + "RuntimeDirectory=x\nRuntimeDirectoryMode=1777\n"},

	{id: "H110", bad: x + "NoExecPaths=/\n", good: x + "ProtectSystem=strict\n"},

	{id: "H120", bad: yaml + "overrides: {systemd: {Service: {Slice: web.slice}}}\n", good: yaml + "overrides: {launchd: {ProcessType: Background}}\n", name: spec},
	{id: "H121", bad: yaml + "overrides: {systemd: {Service: {NoNewPrivileges: 'no'}}}\n", good: yaml + "overrides: {systemd: {Service: {NoNewPrivileges: 'yes'}}}\n", name: spec},
	{id: "H122", bad: yaml + "accept_loss: {systemd: [restart]}\n", good: yaml + "accept_loss: {launchd: [restart]}\n", name: spec},
	{id: "H124", bad: yaml + "sandboxing: {protect_system: strict}\n", good: yaml + "user: app\n", name: "launchd/" + spec},
	{id: "H125", bad: yaml + "limits: {memory: 1G}\n", good: yaml + "user: app\n", name: "launchd/" + spec},
	{id: "H126", bad: yaml + "restart: {policy: on-abort}\n", good: yaml + "user: app\n", name: "supervisord/" + spec},
	{id: "H129", bad: "# daemonize: ignore H001\n" + x, good: "# daemonize: ignore H080 bounded elsewhere\n" + x},
	{id: "H129", bad: yaml + "audit: {ignore: {H999: why}}\n", good: yaml + "audit: {ignore: {H080: why}}\n", name: spec},

	{id: "H130", bad: program + "autorestrat=true\n", good: program + "autorestart=true\n", name: "x.conf"},
	{id: "H130", bad: job + "<key>Program</key><string>/usr/bin/x</string><key>KeepAliv</key><true/></dict></plist>",
		good: job + "<key>Program</key><string>/usr/bin/x</string><key>KeepAlive</key><true/></dict></plist>", name: "x.plist"},
	{id: "H131", bad: job + "<key>Program</key><string>/usr/bin/x</string><key>OnDemand</key><true/></dict></plist>",
		good: job + "<key>Program</key><string>/usr/bin/x</string></dict></plist>", name: "x.plist"},
	{id: "H132", bad: "[inet_http_server]\nport=*:9001\n" + program, good: "[inet_http_server]\nport=127.0.0.1:9001\nusername=a\npassword={SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d\n" + program, name: "x.conf"},
	{id: "H133", bad: "[program:x]\nautostart=true\n", good: program, name: "x.conf"},
	{id: "H133", bad: "#!/bin/sh\nexit 0\n", good: script, name: "init.d/x"},
}

// audited returns the findings of one description.
func (c *ruleCase) audited(t *testing.T, text string, changes fstest.MapFS) []hardening.Finding {
	t.Helper()
	backend, name, ok := strings.Cut(c.name, "/")
	if !ok || backend == "init.d" {
		backend, name = "systemd", c.name
	}
	if name == "" {
		name = "x.service"
	}
	if strings.HasSuffix(name, ".service") && !strings.HasPrefix(text, "[") {
		text = "[Service]\n" + text
	}
	o := audit.Options{Systemd: c.version, Scope: c.scope}
	g, _ := daemonize.Backend(backend)
	target, err := daemonize.ParseTarget(backend, generators.System)
	if err != nil {
		t.Fatal(err)
	}
	if backend == "systemd" {
		target.Version = 257 * generators.Major
	}
	o.Targets = []audit.Target{{Generator: g, Target: target}}
	tree := fstest.MapFS{}
	if changes != nil {
		tree, o.Root, o.Owner = disk(changes), true, owner
		name = "etc/systemd/system/" + name
	}
	if tree[name] == nil {
		tree[name] = file(0o644, 0, text)
	}
	var findings []hardening.Finding
	err = audit.New(tree, o).File(name, func(r *hardening.Result) error {
		if r.Error != nil {
			t.Errorf("%s: %s\n%s", c.id, *r.Error, text)
		}
		findings = append(findings, r.Findings...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func TestRules(t *testing.T) {
	tested := map[string]bool{}
	for i := range ruleCases {
		c := &ruleCases[i]
		tested[c.id] = true
		count := func(fs []hardening.Finding) (n int) {
			for _, f := range fs {
				if f.ID == c.id {
					n++
				}
				if f.File == "" || f.Line == 0 || f.Column == 0 || f.Message == "" || f.Fix == "" || hardening.SeverityRank(f.Severity) == 0 {
					t.Errorf("%s: a finding lacks something: %+v", c.id, f)
				}
				if strings.Contains(f.Message, "hunter22") || strings.Contains(f.Message, "s3cr3t-value") {
					t.Errorf("%s: the message holds the secret: %s", c.id, f.Message)
				}
			}
			return n
		}
		if bad := c.audited(t, c.bad, c.tree); count(bad) == 0 {
			t.Errorf("%s finds nothing in\n%s%v", c.id, c.bad, bad)
		}
		if good := c.audited(t, c.good, c.goodTree); count(good) != 0 {
			t.Errorf("%s finds something in\n%s%v", c.id, c.good, good)
		}
	}
	for _, r := range rule.Rules() {
		if !tested[r.ID] {
			t.Errorf("%s has no case", r.ID)
		}
	}
	if n := len(rule.Rules()); n < 40 {
		t.Errorf("there are %d rules", n)
	}
}

// TestTable keeps the table of rules complete and in order.
func TestTable(t *testing.T) {
	last := ""
	for _, r := range rule.Rules() {
		if r.ID <= last || len(r.ID) != 4 || r.ID[0] != 'H' {
			t.Errorf("%s follows %s", r.ID, last)
		}
		last = r.ID
		if hardening.SeverityRank(r.Severity) == 0 || r.Title == "" || r.Reference == "" || !strings.HasSuffix(r.Reason, ".") || !strings.HasSuffix(r.Fix, ".") {
			t.Errorf("%s is not complete: %+v", r.ID, r)
		}
		if first := r.Title[:1]; first != strings.ToLower(first) && !strings.HasPrefix(r.Title, "Protect") || strings.HasSuffix(r.Title, ".") {
			t.Errorf("the title of %s is not lower case without a full stop: %s", r.ID, r.Title)
		}
	}
}
