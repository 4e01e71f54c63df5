package lint

// unitRules judge one unit by itself.
var unitRules = []unitRule{
	{Rule{
		ID: "unit-syntax", Severity: Error,
		What:    "A line that is neither a section, an assignment nor a comment, or a section that units do not have.",
		Why:     "systemd ignores it with a line in the journal, or refuses the whole unit.",
		Instead: "Write Key=value below a [Section] of systemd.unit(5); names that begin with X- are yours.",
	}, anyManager, syntax},
	{Rule{
		ID: "unknown-directive", Severity: Warning,
		What:    "A directive that systemd does not have in this section.",
		Why:     "systemd ignores it: mostly it is a typing mistake, or belongs into another section.",
		Instead: "Look the name up in systemd.directives(7).",
	}, anyManager, unknownDirective},
	{Rule{
		ID: "open-quote", Severity: Error,
		What:    "A command or variable with a quote, or a backslash, that does not end.",
		Why:     "systemd drops the whole line.",
		Instead: "Close the quote, or write the character as \\\" or \\\\.",
	}, anyManager, openQuote},
	{Rule{
		ID: "relative-path", Severity: Error,
		What:    "A path that is not absolute, in a directive that wants one.",
		Why:     "systemd ignores the line, or refuses the unit: a manager has no working directory of yours.",
		Instead: "Write the path from /, or begin it with %h for the home directory.",
	}, anyManager, relativePath},
	{Rule{
		ID: "user-identity", Severity: Error,
		What:    "User=, Group= or SupplementaryGroups= in a unit of the user's manager.",
		Why:     "Only root can become somebody else: the service ends with 216/GROUP, again and again.",
		Instead: "Leave it out: the service runs as the deploy user; add groups with user { groups = [...] }.",
	}, userManager, identity},
	{Rule{
		ID: "wanted-by", Severity: Error,
		What:    "WantedBy=, RequiredBy= or UpheldBy= with a target that the user's manager never reaches.",
		Why:     "A user's manager has no multi-user.target: the unit counts as enabled and never starts.",
		Instead: "Write default.target or the app's target; for sockets, timers and paths also sockets.target, timers.target and paths.target.",
	}, userManager, wantedBy},
	{Rule{
		ID: "system-order", Severity: Warning,
		What:    "After=, Before=, Wants= and the like with a unit of the system's manager.",
		Why:     "A user's manager does not see those units, so the line does nothing, and nothing says so.",
		Instead: "Leave it out: the user's manager starts after the network and the first-boot hook; wait for a database in the app.",
	}, userManager, systemOrder},
	{Rule{
		ID: "system-requires", Severity: Error,
		What:    "Requires=, Requisite= or BindsTo= with a unit of the system's manager.",
		Why:     "A user's manager does not see it, and refuses to start this one: \"Unit not found\".",
		Instead: "Leave it out, and let the app wait for what it needs.",
	}, userManager, systemRequires},
	{Rule{
		ID: "exec-assignment", Severity: Error,
		What:    "A command that begins with VAR=value.",
		Why:     "systemd runs no shell: it takes that word for the program, and the service cannot start.",
		Instead: "Set the variable with Environment=\"VAR=value\".",
	}, anyManager, execAssignment},
	{Rule{
		ID: "exec-relative", Severity: Error,
		What:    "A command whose program is not named by an absolute path.",
		Why:     "systemd refuses a path such as bin/puma, and looks a bare name up in its own directories, where rbenv is not.",
		Instead: "Write the whole path, for example /usr/local/rbenv/bin/rbenv exec bundle exec puma.",
	}, anyManager, execRelative},
	{Rule{
		ID: "exec-env", Severity: Warning,
		What:    "A command that sets variables through env.",
		Why:     "They win over Environment= and over the instance's values, and everybody can read them in the list of processes.",
		Instead: "Set them with Environment=, or as the app's env.",
	}, anyManager, execEnv},
	{Rule{
		ID: "exec-operator", Severity: Error,
		What:    "A command with |, >, && and the like among its arguments.",
		Why:     "systemd runs no shell: the program gets them as arguments.",
		Instead: "Use StandardOutput= for output, several ExecStartPre= lines for steps, or /bin/sh -c '…' with exec before the last command.",
	}, anyManager, execOperator},
	{Rule{
		ID: "exec-shell", Severity: Warning,
		What:    "ExecStart= runs a shell that does not exec the service.",
		Why:     "The shell becomes the main process: signals, reloads and Type=notify reach it, and not the service.",
		Instead: "Run the program without a shell, or put exec before the last command.",
	}, anyManager, execShell},
	{Rule{
		ID: "percent-unknown", Severity: Error,
		What:    "% before a letter or digit that is no specifier.",
		Why:     "systemd drops the assignment: a password with %40 in it is simply not set.",
		Instead: "Double it: %%.",
	}, anyManager, percentUnknown},
	{Rule{
		ID: "percent-stray", Severity: Warning,
		What:    "% at the end or before a character that is neither letter nor digit.",
		Why:     "systemd keeps it today, but the character after it decides, and that changes with the text.",
		Instead: "Double it: %%.",
	}, anyManager, percentStray},
	{Rule{
		ID: "percent-specifier", Severity: Warning,
		What:    "A specifier in Environment=.",
		Why:     "systemd puts something else in its place: 50%done begins with 50 and a directory.",
		Instead: "Double it: %%; or ignore this rule where the specifier is meant.",
	}, anyManager, percentSpecifier},
	{Rule{
		ID: "environment-word", Severity: Error,
		What:    "A word of Environment= that is no NAME=value.",
		Why:     "Without quotes a value ends at its first space, and systemd drops the rest.",
		Instead: "Quote the whole assignment: Environment=\"NAME=some value\".",
	}, anyManager, environmentWords},
	{Rule{
		ID: "secret", Severity: Error,
		What:    "A variable, an argument or a credential that looks like a secret.",
		Why:     "It would be baked into an image that many can read, and systemd shows it to every process of the user.",
		Instead: "Let each instance fill it in at boot, with instance { value { … sensitive = true } }.",
	}, anyManager, secret},
	{Rule{
		ID: "optional-file", Severity: Error,
		What:    "EnvironmentFile=- for the file with the instance's required values.",
		Why:     "With the - the app starts without any of them when the file is missing, cannot be read or is refused.",
		Instead: "Leave the - out: then the app waits until the first-boot hook has written the file.",
	}, userManager, optionalFile},
	{Rule{
		ID: "watchdog", Severity: Error,
		What:    "WatchdogSec= without Type=notify.",
		Why:     "Nothing sends the keep-alives, so systemd kills the service each time the interval is over.",
		Instead: "Write Type=notify, for a puma of 6.1 or a Sidekiq of 6.0.6 at least; or leave WatchdogSec= out.",
	}, anyManager, watchdog},
	{Rule{
		ID: "notify-puma", Severity: Error,
		What:    "Type=notify with a puma before 5.1.",
		Why:     "It never says that it is ready: systemd kills it after TimeoutStartSec.",
		Instead: "Write Type=simple, or use puma 6.1 or newer.",
	}, userManager, notifyPuma},
	{Rule{
		ID: "notify-puma-gem", Severity: Warning,
		What:    "Type=notify with a puma from 5.1 to 6.0.",
		Why:     "That one tells systemd only when the bundle has the sd_notify gem; without it systemd kills it after TimeoutStartSec.",
		Instead: "Add sd_notify to the Gemfile, write Type=simple, or use puma 6.1 or newer.",
	}, userManager, notifyPumaGem},
	{Rule{
		ID: "notify-sidekiq", Severity: Error,
		What:    "Type=notify with a Sidekiq before 6.0.6.",
		Why:     "It never says that it is ready: systemd kills it after TimeoutStartSec.",
		Instead: "Write Type=simple, or use Sidekiq 6.0.6 or newer.",
	}, userManager, notifySidekiq},
	{Rule{
		ID: "stop-signal", Severity: Warning,
		What:    "ExecStop= only sends a signal.",
		Why:     "It returns at once, and systemd sends SIGTERM right after it: the first signal has no time to work.",
		Instead: "Leave it out and set TimeoutStopSec=; KillSignal= changes which signal is sent.",
	}, anyManager, stopSignal},
	{Rule{
		ID: "reload-quiet", Severity: Warning,
		What:    "ExecReload= sends TSTP.",
		Why:     "A Sidekiq that was quieted takes no jobs until it is restarted: after a reload nothing works, and nothing has failed.",
		Instead: "Quiet a Sidekiq before it stops, and leave ExecReload= out.",
	}, anyManager, reloadQuiet},
	{Rule{
		ID: "sandbox", Severity: Warning,
		What:    "Sandboxing that needs a mount or another namespace.",
		Why:     "A user's manager must make a user namespace for it, which some systems refuse (AppArmor on Ubuntu 24.04): the service ends with 226/NAMESPACE. Debian 11 and 12 do not even try.",
		Instead: "Use what works without: NoNewPrivileges, RestrictAddressFamilies, LockPersonality, RestrictRealtime, SystemCallArchitectures.",
	}, userManager, sandbox},
	{Rule{
		ID: "executable-memory", Severity: Warning,
		What:    "MemoryDenyWriteExecute= for Ruby.",
		Why:     "YJIT and the ffi gem make memory executable at run time, and fail.",
		Instead: "Leave it out.",
	}, anyManager, executableMemory},
	{Rule{
		ID: "pid-file", Severity: Warning,
		What:    "A service that does not write the pid file which monit watches.",
		Why:     "To monit it is never there, so it says so in each round, and sees nothing else of it.",
		Instead: "Write the pid in ExecStartPost= and remove it in ExecStopPost=, as the built-in unit does.",
	}, userManager, pidFile},
	{Rule{
		ID: "service-gate", Severity: Warning,
		What:    "A service that nothing holds back before the first deploy.",
		Why:     "There is nothing to run yet: it fails, is restarted and hits the start limit; a condition that is not met is no failure.",
		Instead: "Add ConditionPathExists= with the app's current link to [Unit].",
	}, userManager, serviceGate},
	{Rule{
		ID: "socket-gate", Severity: Error,
		What:    "A socket that nothing holds back before the first deploy.",
		Why:     "The first connection starts a service that cannot start yet, and the socket ends with trigger-limit-hit, for good.",
		Instead: "Give it the same ConditionPathExists= as its service.",
	}, userManager, socketGate},
	{Rule{
		ID: "socket-listen", Severity: Error,
		What:    "A socket unit without ListenStream=.",
		Why:     "systemd refuses to load a socket that listens nowhere.",
		Instead: "Add ListenStream= with the address that puma binds to.",
	}, anyManager, socketListen},
	{Rule{
		ID: "path-service", Severity: Warning,
		What:    "A path unit that starts a service.",
		Why:     "It starts a stopped service again at once, and fails for good when the service cannot start.",
		Instead: "Let it start a target that wants the service: the target stays active.",
	}, userManager, pathService},
	{Rule{
		ID: "late-cloud-init", Severity: Error,
		What:    "A system unit ordered after cloud-init's last stage, or before people may log in.",
		Why:     "The last stage comes after multi-user.target, which waits for this unit: systemd breaks the cycle by leaving some unit out.",
		Instead: "Write After=cloud-config.target cloud-init-network.service cloud-init.service.",
	}, systemManager, lateCloudInit},
	{Rule{
		ID: "manager-requires", Severity: Error,
		What:    "A user's manager that requires another unit.",
		Why:     "When that one fails there is no systemctl --user either, and nobody can look what happened.",
		Instead: "Write After= alone, and have multi-user.target want the other unit.",
	}, systemManager, managerRequires},
}

// setRules judge a unit among all of the user's units.
var setRules = []setRule{
	{Rule{
		ID: "socket-service", Severity: Error,
		What:    "A socket without its service.",
		Why:     "systemd refuses to start a socket whose service does not exist.",
		Instead: "Name the service in Service=, or give both units the same name.",
	}, socketService},
	{Rule{
		ID: "socket-requires", Severity: Error,
		What:    "A service that does not require the socket which listens for it.",
		Why:     "Started by itself, it would bind the address on its own, and the next restart would refuse connections.",
		Instead: "Add Requires= and After= with the socket to [Unit].",
	}, socketRequires},
	{Rule{
		ID: "unknown-unit", Severity: Warning,
		What:    "A dependency on a unit that the user does not have.",
		Why:     "Order and wishes do nothing then; Requires= keeps the unit from starting.",
		Instead: "Correct the name, or leave the line out.",
	}, unknownUnit},
}
