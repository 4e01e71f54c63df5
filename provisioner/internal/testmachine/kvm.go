//go:build linux

package testmachine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// kvmProbe is a boot sector that counts 2^28 down, writes 0x10 to
// isa-debug-exit's port and then, should that not end the machine, halts:
//
//	mov ecx,0x10000000; 1: dec ecx; jnz 1b
//	mov dx,0xf4; mov al,0x10; out dx,al; cli; 2: hlt; jmp 2b
//
// The loop takes 0.1 s on a processor. It takes minutes where KVM is there
// but has to emulate each instruction, and no kernel would ever boot.
var kvmProbe = []byte{
	0x66, 0xb9, 0x00, 0x00, 0x00, 0x10, 0x66, 0x49, 0x75, 0xfc,
	0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee, 0xfa, 0xf4, 0xeb, 0xfd,
}

// kvmProbeStatus is what isa-debug-exit makes of the 0x10: value*2+1.
const kvmProbeStatus = 0x10<<1 | 1

var kvmAnswer struct {
	sync.Mutex
	known, works bool
}

// KVMWorks says whether a guest really runs under KVM here, by running one.
// A /dev/kvm can be there and hang for ever, as nested virtualisation does
// that is announced but not provided. The answer is kept for this process.
func KVMWorks(ctx context.Context) bool {
	kvmAnswer.Lock()
	defer kvmAnswer.Unlock()
	if !kvmAnswer.known {
		works, err := probeKVM(ctx)
		if err != nil {
			say("KVM can't be used, QEMU emulates instead: %v", err)
		}
		kvmAnswer.works, kvmAnswer.known = works, ctx.Err() == nil
	}
	return kvmAnswer.works
}

func probeKVM(ctx context.Context) (bool, error) {
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	if err := device.Close(); err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "deployhost-kvm-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	disk := filepath.Join(dir, "probe.img")
	if err := os.WriteFile(disk, bootSector(kvmProbe), 0o600); err != nil {
		return false, err
	}
	// A working one takes 0.1 s; firmware start and a busy machine get their share.
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	cmd, err := hostCommand(ctx, "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-m", "16",
		"-display", "none", "-nodefaults", "-no-reboot",
		"-drive", "file="+disk+",format=raw,if=ide",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=0x04")
	if err != nil {
		return false, err
	}
	result, err := resultOf(cmd)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, errors.New("/dev/kvm is there, but a guest in it does not get anywhere")
	case err != nil && !errors.As(err, &exit):
		return false, err
	case result.Code == kvmProbeStatus:
		return true, nil
	}
	said := fmt.Errorf("QEMU's trial ended with status %d: %s", result.Code, lastLines(result.Stderr, 5))
	return false, errors.Join(said, err)
}

// bootSector pads code to the 512 bytes that a BIOS boots.
func bootSector(code []byte) []byte {
	sector := make([]byte, 512)
	copy(sector, code)
	sector[510], sector[511] = 0x55, 0xaa
	return sector
}
