package lint

// monitRules judge one control file.
var monitRules = []monitRule{
	{Rule{
		ID: "monit-string", Severity: Error,
		What:    "A string that does not end, or a command in single quotes.",
		Why:     "It is a syntax error, which stops all of monit.",
		Instead: "Put the command in double quotes; single quotes inside of it group words.",
	}, monitString},
	{Rule{
		ID: "monit-escape", Severity: Error,
		What:    "\\\" inside a string.",
		Why:     "monit leaves the backslash in, so the program gets other arguments than those you see.",
		Instead: "Use single quotes inside the double ones.",
	}, monitEscape},
	{Rule{
		ID: "monit-duplicate", Severity: Error,
		What:    "Two checks of the same name, in whatever case.",
		Why:     "It is a syntax error, which stops all of monit.",
		Instead: "Name each check after its unit.",
	}, monitDuplicate},
	{Rule{
		ID: "monit-depends", Severity: Error,
		What:    "depends on a check that does not exist.",
		Why:     "It is a syntax error, which stops all of monit.",
		Instead: "Name a check that monit reads together with this one.",
	}, monitDepends},
	{Rule{
		ID: "monit-user", Severity: Error,
		What:    "as uid or gid with a name or number that the host does not have.",
		Why:     "It is a syntax error, which stops all of monit.",
		Instead: "Write the deploy user's name and group.",
	}, monitUser},
	{Rule{
		ID: "monit-arguments", Severity: Error,
		What:    "A command with more than 62 arguments.",
		Why:     "It is a syntax error, which stops all of monit.",
		Instead: "Put the command into a script, or group words: /bin/bash -c '…'.",
	}, monitArguments},
	{Rule{
		ID: "monit-cycles", Severity: Error,
		What:    "A condition that takes more than 64 cycles.",
		Why:     "It is a syntax error, which stops all of monit.",
		Instead: "Write fewer cycles, and a longer interval in set daemon if the time is needed.",
	}, monitCycles},
	{Rule{
		ID: "monit-runtime-dir", Severity: Error,
		What:    "systemctl --user without XDG_RUNTIME_DIR.",
		Why:     "as uid does not set it, and systemctl ends with \"Failed to connect to bus\".",
		Instead: "Write /bin/bash -c 'export XDG_RUNTIME_DIR=/run/user/$(id -u); exec systemctl --user …'.",
	}, monitRuntimeDir},
	{Rule{
		ID: "monit-as-root", Severity: Error,
		What:    "systemctl --user without as uid.",
		Why:     "monit is root's: the command reaches root's own manager, which does not know the unit.",
		Instead: "Add as uid and gid with the deploy user.",
	}, monitAsRoot},
	{Rule{
		ID: "monit-blocks", Severity: Warning,
		What:    "systemctl start, stop or restart without --no-block.",
		Why:     "monit does one thing at a time: a start that waits delays the checks of every other app.",
		Instead: "Write systemctl --user --no-block ….",
	}, monitBlocks},
	{Rule{
		ID: "monit-repair", Severity: Warning,
		What:    "A check that starts or restarts before systemd has had its time.",
		Why:     "Both then repair the same service at once, and each takes the other's work for a failure.",
		Instead: "Write for N cycles, with N times the interval above RestartSec + TimeoutStartSec.",
	}, monitRepair},
}
