package user

import (
	_ "embed"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

//go:embed templates/sshd.conf
var sshdConf string

//go:embed templates/journald.conf
var journaldConf string

const (
	systemKeys = "/etc/ssh/authorized_keys.d"
	journald   = "/etc/systemd/journald.conf.d"
)

// Entries are lingering, a journal that the user can read, and the keys. The
// account itself is made by the host tool, from Blueprint.
func (u User) Entries() []blueprint.Entry {
	// logind reads the directory when it starts; an empty file is a lingering
	// user (systemd-logind.service(8), loginctl enable-linger does the same).
	entries := []blueprint.Entry{
		{Path: blueprint.LingerDir, Kind: blueprint.Dir, Owner: blueprint.Root, Mode: 0o755},
		{Path: blueprint.LingerDir + "/" + string(u.Name), Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644},
		{Path: journald, Kind: blueprint.Dir, Owner: blueprint.Root, Mode: 0o755},
		{Path: journald + "/50-deployhost.conf", Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644, Content: journaldConf},
	}
	if len(u.Keys) == 0 {
		return entries
	}
	if u.KeysIn == KeysInSystem {
		return append(entries,
			blueprint.Entry{Path: systemKeys, Kind: blueprint.Dir, Owner: blueprint.Root, Mode: 0o755},
			blueprint.Entry{Path: systemKeys + "/" + string(u.Name), Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644, Content: u.authorizedKeys()},
			blueprint.Entry{Path: "/etc/ssh/sshd_config.d", Kind: blueprint.Dir, Owner: blueprint.Root, Mode: 0o755},
			blueprint.Entry{Path: "/etc/ssh/sshd_config.d/50-deployhost.conf", Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644, Content: sshdConf})
	}
	dotSSH := string(u.Home) + "/.ssh"
	return append(entries,
		blueprint.Entry{Path: dotSSH, Kind: blueprint.Dir, Owner: blueprint.DeployUser, Mode: 0o700},
		blueprint.Entry{Path: dotSSH + "/authorized_keys", Kind: blueprint.File, Owner: blueprint.DeployUser, Mode: 0o600, Content: u.authorizedKeys()})
}

func (u User) authorizedKeys() string {
	var out strings.Builder
	for _, k := range u.Keys {
		out.WriteString(string(k) + "\n")
	}
	return out.String()
}
