//go:build linux

package testmachine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// VMOptions say what a virtual machine boots.
type VMOptions struct {
	// Name is for people.
	Name string
	// Disk is not written to: the machine's changes go to an overlay that Close removes.
	Disk Disk
	// Seed becomes a drive that cloud-init finds; nil for none.
	Seed *Seed
	// Forward are the guest's TCP ports to be reached besides 22; see VM.Forwarded.
	Forward []int
	// MemoryMB is 1024 and CPUs 2 unless told otherwise.
	MemoryMB int
	CPUs     int
}

// VM is a running QEMU machine, reached through ports on this machine's loopback.
type VM struct {
	sshHost
	slot  *slot
	info  *MachineInfo
	ports map[int]int
	ended chan struct{} // closed when QEMU has ended
}

// BootVM starts a virtual machine, under KVM when that works. The end of ctx
// kills it; Close must be called in any case.
func BootVM(ctx context.Context, options VMOptions) (*VM, error) {
	if err := RequireRoot(); err != nil {
		return nil, err
	}
	if runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("virtual machines are made for amd64 only, this is %s; containers work here", runtime.GOARCH)
	}
	key, err := BuildKey(ctx)
	if err != nil {
		return nil, err
	}
	kvm := KVMWorks(ctx)
	s, info, err := takeSlot(ctx, options.Name)
	if err != nil {
		return nil, err
	}
	vm := &VM{slot: s, info: info, ended: make(chan struct{})}
	vm.sshHost = sshHost{signer: key.Signer, dead: vm.ended, console: func() string { return tail(vm.ConsoleLog()) }}
	info.Key = key.PrivatePath
	if err := vm.boot(ctx, options, kvm); err != nil {
		return nil, errors.Join(err, vm.Close())
	}
	return vm, nil
}

func (vm *VM) boot(ctx context.Context, options VMOptions, kvm bool) error {
	m := qemuMachine{
		name: options.Name, kvm: kvm, disk: options.Disk,
		memoryMB: orDefault(options.MemoryMB, 1024), cpus: orDefault(options.CPUs, 2),
		overlay: filepath.Join(vm.info.Work, "overlay.qcow2"),
		serial:  vm.ConsoleLog(), qmp: vm.qmpPath(),
	}
	if err := host(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-b", options.Disk.Image, "-F", "qcow2", m.overlay); err != nil {
		return err
	}
	if options.Seed != nil {
		m.seedISO = filepath.Join(vm.info.Work, "seed.iso")
		if err := options.Seed.WriteISO(ctx, m.seedISO); err != nil {
			return err
		}
	}
	var err error
	if m.ports, err = freePorts(append([]int{22}, options.Forward...)); err != nil {
		return err
	}
	vm.ports = m.ports
	vm.addr = vm.Forwarded(22)
	vm.info.SSH = vm.addr
	if err := vm.slot.publish(vm.info); err != nil {
		return err
	}
	return vm.start(ctx, m.args())
}

// start runs QEMU in the slot's cgroup, where a later run finds it if this one is killed.
func (vm *VM) start(ctx context.Context, args []string) error {
	group, err := vm.slot.makeCgroup()
	if err != nil {
		return err
	}
	dir, err := os.Open(group)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	cmd, err := hostCommand(ctx, "qemu-system-x86_64", args...)
	if err != nil {
		return err
	}
	var complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &complaints, &complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting QEMU: %w", err)
	}
	go func() {
		defer close(vm.ended)
		var exit *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &exit) && exit.Exited() {
			say("QEMU of %s ended: %v: %s", vm.info.Name, err, complaints.String())
		}
	}()
	return nil
}

// Forwarded is host:port on this machine for one of the guest's ports; "" when it is not forwarded.
func (vm *VM) Forwarded(guestPort int) string {
	port, ok := vm.ports[guestPort]
	if !ok {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// ConsoleLog is the file with all that the guest wrote to its serial console. Close removes it.
func (vm *VM) ConsoleLog() string { return filepath.Join(vm.info.Work, "console.log") }

// Exec runs a program as root, by sudo over the build user's ssh login.
func (vm *VM) Exec(ctx context.Context, argv ...string) (Result, error) {
	command, err := quote(append([]string{"sudo", "-n", "--"}, argv...))
	if err != nil {
		return Result{}, err
	}
	return vm.Run(ctx, BuildUser, command)
}

// WaitBooted waits until systemd has no job left. A degraded system is up as well.
func (vm *VM) WaitBooted(ctx context.Context) error {
	if err := vm.WaitSSH(ctx, BuildUser); err != nil {
		return err
	}
	return waitBooted(ctx, vm, vm.ended)
}

// Kill ends the machine as a power cut would.
func (vm *VM) Kill(ctx context.Context) error {
	err := vm.slot.removeCgroup(ctx)
	<-vm.ended
	return err
}

// Close kills the machine and removes all that it used on this machine. It may be called twice.
func (vm *VM) Close() error {
	if vm.slot == nil {
		return nil
	}
	s := vm.slot
	vm.slot = nil
	return s.release(context.Background())
}

// PowerOff presses the power button and waits for the end.
func (vm *VM) PowerOff(ctx context.Context) error {
	if err := qmp(ctx, vm.qmpPath(), "system_powerdown"); err != nil {
		return err
	}
	select {
	case <-vm.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s to power off: %w; it wrote last:\n%s", vm.info.Name, ctx.Err(), tail(vm.ConsoleLog()))
	}
}

// Reboot reboots from inside and waits until the build user can log in to the new boot.
func (vm *VM) Reboot(ctx context.Context) error {
	before, err := vm.bootID(ctx)
	if err != nil {
		return err
	}
	var cut *ssh.ExitMissingError // the reboot itself may cut the connection
	if _, err := vm.Exec(ctx, "systemctl", "reboot"); err != nil && !errors.As(err, &cut) {
		return err
	}
	for {
		if err := vm.WaitSSH(ctx, BuildUser); err != nil {
			return err
		}
		if now, err := vm.bootID(ctx); err == nil && now != before {
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (vm *VM) bootID(ctx context.Context) (string, error) {
	result, err := vm.Run(ctx, BuildUser, "cat /proc/sys/kernel/random/boot_id")
	return result.Stdout, errors.Join(err, result.Check())
}

// qmpPath is short: a unix socket's path has at most 107 bytes.
func (vm *VM) qmpPath() string { return filepath.Join(vm.slot.dir(), "qmp") }

// freePorts finds a free port on the loopback for each of the guest's. They
// are held open together, so that no two are the same.
func freePorts(guest []int) (map[int]int, error) {
	ports, listeners := map[int]int{}, []net.Listener{}
	var failed error
	for _, port := range guest {
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			failed = fmt.Errorf("finding a free port on the loopback: %w", err)
			break
		}
		listeners = append(listeners, listener)
		ports[port] = int(netip.MustParseAddrPort(listener.Addr().String()).Port())
	}
	for _, listener := range listeners {
		failed = errors.Join(failed, listener.Close())
	}
	return ports, failed
}

func orDefault(value, standard int) int {
	if value == 0 {
		return standard
	}
	return value
}
