package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"time"
)

func (s *session) uploadBytes(ctx context.Context, to string, data []byte) error {
	return s.upload(ctx, to, bytes.NewReader(data), int64(len(data)))
}

func (s *session) uploadFile(ctx context.Context, to, from string) error {
	f, size, err := openArchive(from)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it is only read from
	return s.upload(ctx, to, f, size)
}

func openArchive(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("archive: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("archive %s: %w", name, errors.Join(err, f.Close()))
	}
	return f, info.Size(), nil
}

// upload streams size bytes to a new file with mode 0600.
func (s *session) upload(ctx context.Context, to string, from io.Reader, size int64) error {
	source := &source{ctx: ctx, from: from}
	var info os.FileInfo = privateFile{name: path.Base(to), size: size}
	s.uploaded = append(s.uploaded, to)
	err := s.call(ctx, func() error { return s.comm.Upload(to, source, &info) })
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if err == nil {
		err = source.complete(size)
	}
	if err != nil {
		return fmt.Errorf("upload to %s on the host: %w. Is the folder there and writable for the build's user, and is there room on its disk? Set remote_folder for another one", to, err)
	}
	return nil
}

// source ends an upload early when ctx ends, and remembers how it ended: over
// Packer's RPC a read error reaches the other side as a plain end of file, and
// sftp takes that for success. The RPC may still read when Upload has returned.
type source struct {
	ctx  context.Context
	from io.Reader

	mu   sync.Mutex
	read int64
	err  error
}

func (r *source) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		r.err = context.Cause(r.ctx)
		return 0, r.err
	}
	n, err := r.from.Read(p)
	r.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && r.err == nil {
		r.err = err
	}
	return n, err
}

// complete tells what kept the upload from being all of the file.
func (r *source) complete(size int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == size {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	return fmt.Errorf("%d of %d bytes were taken", r.read, size)
}

// privateFile makes a communicator create the file with mode 0600 and spares it
// a temporary copy to learn the size.
type privateFile struct {
	name string
	size int64
}

func (f privateFile) Name() string     { return f.name }
func (f privateFile) Size() int64      { return f.size }
func (privateFile) Mode() os.FileMode  { return 0o600 }
func (privateFile) ModTime() time.Time { return time.Time{} }
func (privateFile) IsDir() bool        { return false }
func (privateFile) Sys() any           { return nil }
