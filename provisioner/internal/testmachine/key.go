//go:build linux

package testmachine

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// Key is the key pair that every base image lets its build user in with. It
// is made once for each cache, so no secret is in the tree.
type Key struct {
	// PrivatePath is the private key's file, OpenSSH format, 0600.
	PrivatePath string
	// Authorized is the public key as one line of authorized_keys, with its newline.
	Authorized string
	// Signer proves the key to a server.
	Signer ssh.Signer
}

// BuildKey returns the cache's key pair and makes it when there is none.
func BuildKey(ctx context.Context) (*Key, error) {
	dir, err := cached(ctx, "ssh", makeKey)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "id_ed25519")
	private, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return nil, err
	}
	return &Key{PrivatePath: path, Authorized: string(ssh.MarshalAuthorizedKey(signer.PublicKey())), Signer: signer}, nil
}

func makeKey(_ context.Context, dir string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "test machines")
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "id_ed25519"), pem.EncodeToMemory(block), 0o600)
}
