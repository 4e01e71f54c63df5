package lint

import (
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

// wantedByKind is the target that starts a kind of unit in a user manager.
var wantedByKind = map[string]string{"socket": "sockets.target", "timer": "timers.target", "path": "paths.target"}

// wantedBy reports installation into targets that this manager never reaches.
// Without knowing the app's target, only those of the system are wrong.
func wantedBy(u unit) []hit {
	var out []hit
	for _, key := range []string{"WantedBy", "RequiredBy", "UpheldBy"} {
		for _, a := range u.List("Install", key) {
			for _, target := range strings.Fields(a.Value) {
				if target == "default.target" || target == wantedByKind[u.kind()] || target == u.facts.Target ||
					u.facts.Target == "" && !onlySystem(target) {
					continue
				}
				out = append(out, hitf(a.Line, "%s=%s", key, target))
			}
		}
	}
	return out
}

// systemUnits exist in the system's manager only (systemd.special(7)), or are
// daemons that people order after.
var systemUnits = strings.Fields(`
	cloud-config.target cloud-final.service cloud-init.service cloud-init.target cryptsetup.target deployhost-instance.service
	emergency.target getty.target graphical.target initrd.target local-fs.target local-fs-pre.target machines.target
	multi-user.target network.target network-online.target network-pre.target nss-lookup.target nss-user-lookup.target
	remote-fs.target remote-fs-pre.target rescue.target rpcbind.target runlevel3.target runlevel5.target sysinit.target
	syslog.target syslog.service system-update.target time-set.target time-sync.target user.slice system.slice
	NetworkManager.service NetworkManager-wait-online.service apache2.service cron.service docker.service mariadb.service
	memcached.service monit.service mysql.service mysqld.service nginx.service postgresql.service redis.service
	redis-server.service rsyslog.service ssh.service sshd.service systemd-networkd.service
	systemd-networkd-wait-online.service systemd-resolved.service systemd-user-sessions.service`)

func onlySystem(name string) bool {
	return slices.Contains(systemUnits, name) || strings.HasPrefix(name, "user@") || strings.HasPrefix(name, "postgresql@")
}

var (
	// wishes do nothing for a unit that is not there; needs fail.
	wishes = []string{"After", "Before", "Wants", "Upholds", "PartOf", "Conflicts"}
	needs  = []string{"Requires", "Requisite", "BindsTo"}
)

// names are the units that some keys of [Unit] name, with their assignments.
func (u unit) names(keys []string, each func(a unitfile.Assignment, name string)) {
	for _, key := range keys {
		for _, a := range u.List("Unit", key) {
			for _, name := range strings.Fields(a.Value) {
				each(a, name)
			}
		}
	}
}

// systemOrder reports order and wishes that name units of the system's manager.
func systemOrder(u unit) []hit { return u.onSystem(wishes) }

// systemRequires reports needs that name units of the system's manager.
func systemRequires(u unit) []hit { return u.onSystem(needs) }

func (u unit) onSystem(keys []string) []hit {
	var out []hit
	u.names(keys, func(a unitfile.Assignment, name string) {
		if onlySystem(name) {
			out = append(out, hitf(a.Line, "%s=%s", a.Key, name))
		}
	})
	return out
}

// lateCloudInit reports order after cloud-init's last stage.
func lateCloudInit(u unit) []hit {
	var out []hit
	u.names([]string{"After", "Requires", "Wants", "BindsTo", "Requisite"}, func(a unitfile.Assignment, name string) {
		if name == "cloud-final.service" || name == "cloud-init.target" {
			out = append(out, hitf(a.Line, "%s=%s", a.Key, name))
		}
	})
	u.names([]string{"Before"}, func(a unitfile.Assignment, name string) {
		if name == "systemd-user-sessions.service" {
			out = append(out, hitf(a.Line, "Before=%s", name))
		}
	})
	return out
}

// managerRequires reports a user's manager that cannot start without something else.
func managerRequires(u unit) []hit {
	var out []hit
	if !strings.HasPrefix(u.name, "user@") {
		return nil
	}
	u.names(needs, func(a unitfile.Assignment, name string) {
		// These two are what user@.service itself has.
		if name != "user-runtime-dir@%i.service" && name != "systemd-logind.service" {
			out = append(out, hitf(a.Line, "%s=%s for %s", a.Key, name, u.name))
		}
	})
	return out
}
