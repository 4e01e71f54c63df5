//go:build linux

package testmachine

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// qmp gives QEMU one command over its QMP socket: greeting, capabilities, command.
func qmp(ctx context.Context, socket, command string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("QEMU does not answer: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	answers := json.NewDecoder(conn)
	var greeting json.RawMessage
	if err := answers.Decode(&greeting); err != nil {
		return fmt.Errorf("QEMU's greeting: %w", err)
	}
	for _, execute := range []string{"qmp_capabilities", command} {
		if err := qmpExecute(conn, answers, execute); err != nil {
			return err
		}
	}
	return nil
}

// qmpExecute sends a command and reads up to its answer, past the events before it.
func qmpExecute(conn net.Conn, answers *json.Decoder, command string) error {
	if err := json.NewEncoder(conn).Encode(map[string]string{"execute": command}); err != nil {
		return err
	}
	for {
		var answer struct {
			Return json.RawMessage `json:"return"`
			Error  *struct {
				Desc string `json:"desc"`
			} `json:"error"`
		}
		if err := answers.Decode(&answer); err != nil {
			return fmt.Errorf("QEMU's answer to %s: %w", command, err)
		}
		if answer.Error != nil {
			return fmt.Errorf("QEMU refused %s: %s", command, answer.Error.Desc)
		}
		if answer.Return != nil {
			return nil
		}
	}
}
