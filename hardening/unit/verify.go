package unit

// finish applies what settings imply for others and refuses what the manager
// refuses after reading.
func (p *parser) finish() *LoadError {
	p.imply()
	reason := ""
	switch p.unit.Type() {
	case "service":
		reason = p.verifyService()
	case "socket":
		reason = p.verifySocket()
	case "mount", "swap":
		reason = p.verifyMount()
	}
	if reason == "" && p.unit.HasSandbox() {
		reason = p.verifySandbox()
	}
	if reason != "" {
		return &LoadError{Name: p.unit.Name, Kind: BadSetting, Reason: reason, Origin: Origin{File: p.unit.Path}}
	}
	return nil
}

// imply does what unit_patch_contexts of core/unit.c does before the unit is
// used.
func (p *parser) imply() {
	s := &p.unit.Settings
	bounding := &s.CapabilityBoundingSet
	drop := func(by string, caps CapabilitySet) {
		if bounding.Value&caps != 0 {
			bounding.imply(bounding.Value&^caps, by)
		}
	}
	if s.PrivateDevices.Value {
		drop("PrivateDevices", CapMknod|CapSysRawio)
	}
	if s.ProtectKernelModules.Value {
		drop("ProtectKernelModules", CapSysModule)
	}
	if s.ProtectKernelLogs.Value {
		drop("ProtectKernelLogs", CapSyslog)
	}
	if s.ProtectClock.Value {
		drop("ProtectClock", CapSysTime|CapWakeAlarm)
	}
	if s.DynamicUser.Value {
		const by = "DynamicUser"
		if s.User.Value == "" {
			prefix, _, _, _ := splitName(p.unit.Name)
			s.User.imply(prefix, by)
		}
		for _, b := range []*Setting[bool]{&s.RemoveIPC, &s.NoNewPrivileges, &s.RestrictSUIDSGID} {
			if !b.Value {
				b.imply(true, by)
			}
		}
		if s.PrivateTmp.Value == "no" {
			s.PrivateTmp.imply("connected", by)
		}
		if s.ProtectSystem.Value != "strict" {
			s.ProtectSystem.imply("strict", by)
		}
		if s.ProtectHome.Value == "no" {
			s.ProtectHome.imply("read-only", by)
		}
	}
	if s.PrivateDevices.Value && s.DevicePolicy.Value == "auto" {
		s.DevicePolicy.imply("closed", "PrivateDevices")
	}
	if s.DevicePolicy.Value == "auto" && len(s.DeviceAllow.Value) == 0 {
		return
	}
	p.unit.addDevices(func(by string, devices ...string) {
		s.DeviceAllow.imply(append(devices, s.DeviceAllow.Value...), by)
	})
}

// addDevices calls add with the entries that other settings add to
// DeviceAllow= when a device policy is in force.
func (u *Unit) addDevices(add func(by string, devices ...string)) {
	s := &u.Settings
	if s.RootImage.Value != "" || s.MountImages.Value > 0 || s.RootMStack.Value != "" {
		by := "RootImage"
		if s.RootImage.Value == "" {
			by = "MountImages"
			if s.MountImages.Value == 0 {
				by = "RootMStack"
			}
		}
		add(by, "/dev/loop-control rw", "/dev/mapper/control rw", "block-loop rwm", "block-blkext rwm", "block-device-mapper rwm")
	}
	if s.ProtectClock.Value {
		add("ProtectClock", "char-rtc r")
	}
	if u.Version < 258 {
		for _, list := range s.credentials {
			for _, c := range list {
				if c.encrypted {
					add("LoadCredentialEncrypted", "char-tpm rw")
					return
				}
			}
		}
	}
}

// DeviceEntries counts the entries of DeviceAllow=: those that the unit lists,
// and those that settings other than ProtectClock= add, or would add if a
// device policy were in force.
func (u *Unit) DeviceEntries() (listed, added int) {
	s := &u.Settings
	all := 0
	u.addDevices(func(by string, devices ...string) {
		all += len(devices)
		if by != "ProtectClock" {
			added += len(devices)
		}
	})
	listed = len(s.DeviceAllow.Value)
	if listed > 0 || s.DevicePolicy.Value != "auto" { // in force, so they are in the list
		listed -= all
	}
	return listed, added
}

// verifyService is service_verify of core/service.c.
func (p *parser) verifyService() string {
	s := &p.unit.Settings
	starts := p.count("ExecStart")
	action := s.SuccessAction.Value != "none"
	kind := s.Type.Value
	if kind == "" {
		switch {
		case s.BusName.Value != "":
			kind = "dbus"
		case p.opts.Version >= 257 && (len(s.credentials[0])+len(s.credentials[1]) > 0 || s.imports > 0):
			// Also without ExecStart=, which is then missed below.
			kind = "exec"
		case starts > 0:
			kind = "simple"
		default:
			kind = "oneshot"
		}
	}
	oneshot := kind == "oneshot"
	switch {
	case starts == 0 && p.count("ExecStop") == 0 && !action:
		return "the service has no ExecStart=, ExecStop= or SuccessAction="
	case starts == 0 && !oneshot:
		return "the service has no ExecStart= and is not Type=oneshot"
	case starts == 0 && !s.RemainAfterExit.Value && !action:
		return "the service has no ExecStart= and not RemainAfterExit=yes"
	case starts > 1 && !oneshot:
		return "more than one ExecStart= is for Type=oneshot only"
	case oneshot && (s.Restart.Value == "always" || s.Restart.Value == "on-success"):
		return "Restart=" + s.Restart.Value + " does not go with Type=oneshot"
	case oneshot && len(s.RestartForceExitStatus.Value) > 0 && p.opts.Version < 254:
		return "RestartForceExitStatus= does not go with Type=oneshot"
	case oneshot && s.ExitType.Value == "cgroup":
		return "ExitType=cgroup does not go with Type=oneshot"
	case kind == "dbus" && s.BusName.Value == "":
		return "Type=dbus needs BusName="
	case p.opts.Version >= 257 && kind == "forking" && s.PrivatePIDs.Value:
		return "PrivatePIDs= does not go with Type=forking"
	}
	return ""
}

// verifySocket is socket_verify of core/socket.c.
func (p *parser) verifySocket() string {
	s := &p.unit.Settings
	switch {
	case s.listeners == 0:
		return "the socket listens nowhere"
	case s.accept && s.silent > 0:
		return "Accept=yes, but not every socket can accept connections"
	case s.accept && s.service != "":
		return "Accept=yes does not go with Service="
	}
	return ""
}

// verifyMount checks that a mount or swap is named after its path, which is
// where an unset path comes from.
func (p *parser) verifyMount() string {
	s := &p.unit.Settings
	prefix, _, suffix, _ := splitName(p.unit.Name)
	path, key := s.where, "Where="
	if suffix == ".swap" {
		path, key = s.what, "What="
	}
	if path != "" && escapePath(path) != prefix {
		return key + " does not match the name of the unit"
	}
	if path == "" {
		path, _ = unescapePath(prefix)
	}
	switch {
	case suffix == ".mount" && (path == "/proc" || path == "/sys" || path == "/dev" || path == "/run" || path == "/dev/shm" || path == "/dev/pts" || path == "/sys/fs/cgroup"):
		return "this mount belongs to the manager"
	case s.what == "" && suffix == ".mount":
		return "What= is missing"
	}
	return ""
}

// verifySandbox holds the checks that all units with processes share; most
// came with unit_verify_contexts in 256.
func (p *parser) verifySandbox() string {
	s := &p.unit.Settings
	if s.PAMName.Value != "" && s.KillMode.Value != "control-group" && s.KillMode.Value != "mixed" {
		return "PAMName= needs KillMode=control-group or mixed"
	}
	if p.opts.Version < 256 {
		return ""
	}
	switch {
	case p.opts.Scope == User && s.DynamicUser.Value:
		return "DynamicUser= is not for user units"
	case s.DynamicUser.Value && s.workingHome:
		return "WorkingDirectory=~ does not go with DynamicUser="
	case underAPI(s.WorkingDirectory.Value) && p.needsMountNamespace():
		return "WorkingDirectory= cannot lie in /proc, /sys or /dev together with settings that need a mount namespace"
	case p.opts.Version >= 258 && s.PrivatePIDs.Value && s.PAMName.Value != "":
		return "PAMName= does not go with PrivatePIDs="
	case s.PrivateUsers.Value == "managed" && (s.User.Value != "" || s.Group.Value != "" || s.DynamicUser.Value || s.PAMName.Value != ""):
		return "PrivateUsers=managed does not go with User=, Group=, DynamicUser= or PAMName="
	case p.opts.Version >= 257 && s.PrivatePIDs.Value && p.unit.Type() != "service":
		return "PrivatePIDs= is for services only"
	}
	return ""
}

// needsMountNamespace is exec_needs_mount_namespace of core/execute.c.
func (p *parser) needsMountNamespace() bool {
	s := &p.unit.Settings
	return s.RootImage.Value != "" || s.RootMStack.Value != "" || s.RootDirectory.Value != "" || s.MountImages.Value > 0 || s.extraNamespace ||
		s.PrivateTmp.Value != "no" || s.PrivateDevices.Value || s.PrivateMounts.Value == Yes ||
		s.PrivateMounts.Value == Unset && s.PrivateNetwork.Value ||
		s.ProtectSystem.Value != "no" || s.ProtectHome.Value != "no" || s.ProtectKernelTunables.Value ||
		s.ProtectKernelModules.Value || s.ProtectKernelLogs.Value || s.ProtectControlGroups.Value != "no" ||
		s.ProtectProc.Value != "default" || s.ProcSubset.Value != "all" || s.PrivateIPC.Value || s.PrivatePIDs.Value
}
