//go:build linux

package testmachine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Container is a booted systemd container with an address of its own. It is
// reached over ssh at port 22, and by Exec without it.
type Container struct {
	*Root
	sshHost
	group   string // its cgroup's directory
	console *os.File

	mu    sync.Mutex
	boots int
	ended chan struct{} // closed when it has been powered off or killed
}

// BootContainer makes a root directory and boots its systemd, which takes
// well below a second; WaitSSH and WaitBooted tell when it is up. The end of
// ctx kills the container; Close must be called in any case. A reboot from inside works.
func BootContainer(ctx context.Context, options RootOptions) (*Container, error) {
	root, err := MountRoot(ctx, options)
	if err != nil {
		return nil, err
	}
	c := &Container{Root: root, ended: make(chan struct{})}
	if err := c.boot(ctx, options); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Container) boot(ctx context.Context, options RootOptions) error {
	if err := raiseSettings(); err != nil {
		return err
	}
	netns, err := c.slot.makeNetwork(ctx)
	if err != nil {
		return err
	}
	for _, address := range options.Loopback {
		if err := host(ctx, "ip", "-n", c.slot.name(), "addr", "add", address, "dev", "lo"); err != nil {
			return err
		}
	}
	if err := c.writeIdentity(options.Name); err != nil {
		return err
	}
	if c.group, err = c.slot.makeCgroup(); err != nil {
		return err
	}
	if c.console, err = os.Create(c.ConsoleLog()); err != nil {
		return err
	}
	c.sshHost = sshHost{
		addr: net.JoinHostPort(c.Addr(), "22"), signer: c.key.Signer, dead: c.ended,
		console: func() string { return tail(c.ConsoleLog()) },
	}
	c.info.SSH, c.info.Key = c.addr, c.key.PrivatePath
	if err := c.slot.publish(c.info); err != nil {
		return err
	}
	argv := nspawnArgs(c.RootDir(), options.Name, netns, options.Seed != nil)
	init, err := startInit(ctx, argv, c.group, c.console)
	if err != nil {
		return err
	}
	c.boots = 1
	go c.supervise(ctx, init, argv)
	return nil
}

// Addr is the container's IPv4 address.
func (c *Container) Addr() string { return c.slot.inner().String() }

// NetNS is the path of the container's network namespace, for nsenter(1): a
// server of the test's that runs in it is the container's neighbour.
func (c *Container) NetNS() string { return c.slot.netnsPath() }

// ConsoleLog is the file with all that the container wrote to its console. Close removes it.
func (c *Container) ConsoleLog() string { return filepath.Join(c.info.Work, "console.log") }

// Boots counts how often the container has been started, 1 after the first boot.
func (c *Container) Boots() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.boots
}

// Exec runs a program as root inside the container's namespaces, without ssh:
// for looking at its state whatever that is.
func (c *Container) Exec(ctx context.Context, argv ...string) (Result, error) {
	pid, err := guestInit(c.group)
	if err != nil {
		return Result{}, err
	}
	cmd, err := hostCommand(ctx, "nsenter", nsenterArgs(pid, argv)...)
	if err != nil {
		return Result{}, err
	}
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb"}
	return resultOf(cmd)
}

// WaitBooted waits until systemd has no job left. A degraded system is up as well.
func (c *Container) WaitBooted(ctx context.Context) error {
	return waitBooted(ctx, c, c.ended)
}

// Reboot reboots from inside and waits until the container has been started again.
func (c *Container) Reboot(ctx context.Context) error {
	before := c.Boots()
	if _, err := c.Exec(ctx, "systemctl", "reboot"); err != nil && c.Boots() == before {
		say("systemctl reboot in %s: %v", c.info.Name, err) // it may be cut off by the reboot itself
	}
	for c.Boots() == before {
		select {
		case <-c.ended:
			return fmt.Errorf("%s ended instead of rebooting; it wrote last:\n%s", c.info.Name, tail(c.ConsoleLog()))
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to reboot: %w", c.info.Name, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// PowerOff shuts down in order and waits for the end. RootDir stays, so it can be looked at and committed.
func (c *Container) PowerOff(ctx context.Context) error {
	if _, err := c.Exec(ctx, "systemctl", "poweroff"); err != nil {
		say("systemctl poweroff in %s: %v", c.info.Name, err) // as in Reboot
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s to power off: %w; it wrote last:\n%s", c.info.Name, ctx.Err(), tail(c.ConsoleLog()))
	}
}

// Kill ends the container as a power cut would. RootDir stays.
func (c *Container) Kill(ctx context.Context) error {
	err := c.slot.removeCgroup(ctx)
	<-c.ended
	return err
}

// Close kills the container and removes all that it used on this machine. It may be called twice.
func (c *Container) Close() error {
	err := c.Root.Close()
	if c.console != nil {
		err = errors.Join(err, c.console.Close())
		c.console = nil
	}
	return err
}
