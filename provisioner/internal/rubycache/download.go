package rubycache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// downloadLimit is for the whole of a file of some ten megabytes over a slow line.
const downloadLimit = 15 * time.Minute

// Download gives the path of a file with this checksum, from the directory or
// else from the URL, and keeps it in the directory.
func Download(ctx context.Context, dir, url, sum string) (path string, err error) {
	path = filepath.Join(dir, "archive-"+sum+".tar.gz")
	if have, err := sumOf(path); err == nil && have == sum {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	temp, err := os.CreateTemp(dir, ".download-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone when it was renamed
	ctx, cancel := context.WithTimeout(ctx, downloadLimit)
	defer cancel()
	err = errors.Join(get(ctx, url, temp), temp.Close())
	if err != nil {
		return "", fmt.Errorf("ruby.archive: %s could not be downloaded: %w: look at the URL and at this machine's network, or name a file", url, err)
	}
	have, err := sumOf(temp.Name())
	if err != nil {
		return "", err
	}
	if have != sum {
		return "", fmt.Errorf("ruby.sha256: what %s gives has the SHA-256 %s, not %s, so it is damaged or another one, and it is not used: correct the URL or the checksum", url, have, sum)
	}
	return path, os.Rename(temp.Name(), path)
}

func get(ctx context.Context, url string, to io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	_, err = io.Copy(to, response.Body)
	return err
}

func sumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
