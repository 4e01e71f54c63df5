// Package instance is the first-boot hook: it reads what an instance is told
// by its cloud and by its machine, checks each value by rule, and writes what
// passes below /run, before the deploy user's manager starts.
//
// The package is both sides' ground: the build machine renders Rules into the
// image, the host tool reads them at every boot.
package instance

import "github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"

// Rules is what the image holds in blueprint.InstanceRulesPath. No secret is in it.
type Rules struct {
	Format int `json:"format"`
	// User must be found on the host exactly as it was baked, or nothing is written.
	User blueprint.User `json:"user"`
	// Cloud is "auto", "cloud-init", "ec2" or "none" (no metadata: only the machine's own sources).
	Cloud string `json:"cloud"`
	// TimeoutSeconds bounds the whole hook, 1 to 60: the deploy user's ssh login waits for it.
	TimeoutSeconds int `json:"timeout_seconds"`
	// Apps that are baked, in the configuration's order.
	Apps []AppRules `json:"apps"`
	// Values in the configuration's order.
	Values []Value `json:"values,omitempty"`
	// Files in the configuration's order.
	Files []File `json:"files,omitempty"`
}

// AppRules is what the hook needs to know of an app.
type AppRules struct {
	Name string `json:"name"`
	// Current is the link that Capistrano makes; without it nothing has been deployed.
	Current string `json:"current"`
	// Target and Units are the app's user units, which a late success starts.
	Target string   `json:"target"`
	Units  []string `json:"units"`
	// Monit says that blueprint.MonitDir/NAME.conf exists and is to be linked.
	Monit bool `json:"monit,omitempty"`
}

// Value is one environment variable that an instance fills in.
type Value struct {
	// Name is an environment variable's name.
	Name string `json:"name"`
	// From is a source: instance_id, region, zone, hostname, private_ip,
	// public_ip, instance_type, cpus, memory_mb, tag:NAME, metadata:PATH,
	// cloud_init:KEY.PATH, file:/PATH or exec:/PROGRAM.
	From string `json:"from"`
	// Default is used when the source has no such value; nil for none.
	Default *string `json:"default,omitempty"`
	// Pattern is a Go regular expression (RE2) which must match; empty for any.
	Pattern string `json:"pattern,omitempty"`
	// Required makes the hook fail, and the app stay down, when there is no value that passes.
	Required bool `json:"required,omitempty"`
	// Sensitive keeps the value out of `deployhost status`; no value is ever logged.
	Sensitive bool `json:"sensitive,omitempty"`
	// Network orders the hook behind network-online.target.
	Network bool `json:"network,omitempty"`
	// Apps that get the value; empty for all.
	Apps []string `json:"apps,omitempty"`
}

// File is a small template that the hook renders, with ${NAME} for values.
type File struct {
	App string `json:"app"`
	// Path is relative to the app's directory in /run and, by a baked link, to its shared/ directory.
	Path string `json:"path"`
	// Template holds ${NAME} wherever a value of the app goes, and $${ for a literal ${.
	Template string `json:"template"`
}

// Format is the version of Rules. The hook refuses any other.
const Format = 1

// Dir is an app's directory for one boot, root:GROUP 0750.
func Dir(app string) string { return blueprint.RunDir + "/" + app }

// EnvFileName is the name of EnvFile within Dir.
const EnvFileName = "env"

// EnvFile is the EnvironmentFile of an app's services, root:GROUP 0640.
func EnvFile(app string) string { return Dir(app) + "/" + EnvFileName }

// RenderedPath is where the hook writes f, root:GROUP 0640.
func (f File) RenderedPath() string { return Dir(f.App) + "/" + f.Path }
