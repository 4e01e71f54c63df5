package boot

import (
	"os"
	"path/filepath"
	"testing"
)

const dmiDir = "/sys/class/dmi/id/"

// machineWith makes a root directory with what firmware and hypervisor say.
func machineWith(tb testing.TB, facts map[string]string) func(string) string {
	tb.Helper()
	dir := tb.TempDir()
	root := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range facts {
		if err := os.MkdirAll(filepath.Dir(root(name)), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(root(name), []byte(text+"\n"), 0o400); err != nil {
			tb.Fatal(err)
		}
	}
	return root
}

// nitro is an instance of today.
var nitro = map[string]string{
	dmiDir + "sys_vendor": "Amazon EC2", dmiDir + "product_name": "t3.small", dmiDir + "product_version": "",
	dmiDir + "product_uuid": "ec2a1b2c-0000-1111-2222-333344445555", dmiDir + "product_serial": "ec2a1b2c-0000-1111-2222-333344445555",
}

func TestOnEC2(t *testing.T) {
	t.Parallel()
	const uuid = "EC2A1B2C-0000-1111-2222-333344445555"
	for name, tc := range map[string]struct {
		facts map[string]string
		want  bool
	}{
		"nothing is told": {nil, false},
		"Nitro":           {nitro, true},
		"arm64":           {map[string]string{dmiDir + "sys_vendor": "Amazon EC2"}, true},
		"Xen with firmware": {map[string]string{
			dmiDir + "sys_vendor": "Xen", dmiDir + "product_version": "4.11.amazon", dmiDir + "product_uuid": uuid,
		}, true},
		"Xen without firmware":          {map[string]string{"/sys/hypervisor/uuid": "ec2a1b2c-0000-1111-2222-333344445555"}, true},
		"uuid and serial":               {map[string]string{dmiDir + "product_uuid": uuid, dmiDir + "product_serial": "ec2A1b2c-0000-1111-2222-333344445555"}, true},
		"a uuid by chance":              {map[string]string{dmiDir + "product_uuid": uuid, dmiDir + "product_serial": "CZ3051"}, false},
		"a Xen host of somebody":        {map[string]string{dmiDir + "sys_vendor": "Xen", dmiDir + "product_version": "4.11"}, false},
		"a clone":                       {map[string]string{dmiDir + "sys_vendor": "e24cloud"}, false},
		"Amazon, but no EC2":            {map[string]string{dmiDir + "sys_vendor": "Amazon EC2 of ours"}, false},
		"QEMU":                          {map[string]string{dmiDir + "sys_vendor": "QEMU", dmiDir + "product_version": "pc-i440fx"}, false},
		"a container on such a machine": {map[string]string{dmiDir + "sys_vendor": "Amazon EC2", "/run/systemd/container": "systemd-nspawn"}, false},
	} {
		if got := onEC2(machineWith(t, tc.facts)); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// BenchmarkOnEC2 is about a machine that has to be asked everything.
func BenchmarkOnEC2(b *testing.B) {
	root := machineWith(b, map[string]string{
		dmiDir + "sys_vendor": "QEMU", dmiDir + "product_version": "pc", dmiDir + "product_uuid": "x", dmiDir + "product_serial": "y",
		"/sys/hypervisor/uuid": "z",
	})
	for b.Loop() {
		if onEC2(root) {
			b.Fatal("this is not EC2")
		}
	}
}

// BenchmarkOnEC2Here reads this machine's real /sys.
func BenchmarkOnEC2Here(b *testing.B) {
	for b.Loop() {
		onEC2(func(name string) string { return name })
	}
}
