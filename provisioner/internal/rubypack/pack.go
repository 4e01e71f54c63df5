package rubypack

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// magic begins every pack; the number changes when an older plugin could not read it.
const magic = "deployhost-ruby 1 "

// Header is what a pack says of the Ruby in it.
type Header struct {
	Inputs Inputs `json:"inputs"`
	// Packages are the distribution's packages whose shared libraries the Ruby
	// links against; a restore installs them.
	Packages []string `json:"packages"`
	// Compiler and RubyBuild are the exact versions, for people.
	Compiler  string `json:"compiler"`
	RubyBuild string `json:"ruby_build"`
	// Seconds is how long it took to build.
	Seconds float64 `json:"seconds"`
}

// maxHeader bounds a line that is read into memory; a definition file is some hundred bytes.
const maxHeader = 1 << 20

// Create writes a pack to a new file: a line with the SHA-256 of all that
// follows, a line with the header, and what fill writes. Because the header has
// everything that the key is made from, the checksum covers the key, too.
func Create(path string, h Header, fill func(io.Writer) error) (err error) {
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := file.WriteString(firstLine(sum.Sum(nil))); err != nil {
		return err
	}
	out := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<20)
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := fill(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(firstLine(sum.Sum(nil))), 0)
	return err
}

func firstLine(sum []byte) string { return magic + hex.EncodeToString(sum) + "\n" }

// Pack is a pack that was read to its end and found whole.
type Pack struct {
	Header
	// SHA256 is the checksum in its first line, which covers everything else in it.
	SHA256 string
	// Size is the whole file's, in bytes.
	Size int64

	file *os.File
	at   int64
}

// Open reads all of a file and compares it with its checksum.
func Open(path string) (*Pack, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p, err := check(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return p, nil
}

func check(file *os.File) (*Pack, error) {
	in := bufio.NewReaderSize(file, 1<<20)
	first, err := line(in, len(firstLine(make([]byte, sha256.Size))))
	want, isPack := strings.CutPrefix(strings.TrimSuffix(string(first), "\n"), magic)
	if err != nil || !isPack {
		return nil, errors.New("is no pack of a Ruby, or one of another release of this plugin")
	}
	sum := sha256.New()
	text, err := line(in, maxHeader)
	if err != nil {
		return nil, errors.New("ends within its header: it is cut off")
	}
	_, _ = sum.Write(text) // a hash never fails
	rest, err := io.Copy(sum, in)
	if err != nil {
		return nil, err
	}
	if have := hex.EncodeToString(sum.Sum(nil)); have != want {
		return nil, fmt.Errorf("its content has the SHA-256 %s, but it names %s: it is damaged, cut off or changed", have, want)
	}
	p := &Pack{SHA256: want, file: file, at: int64(len(first) + len(text))}
	p.Size = p.at + rest
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p.Header); err != nil {
		return nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	return p, nil
}

func line(in *bufio.Reader, most int) ([]byte, error) {
	var out []byte
	for len(out) < most {
		b, err := in.ReadByte()
		if err != nil {
			return nil, err
		}
		if out = append(out, b); b == '\n' {
			return out, nil
		}
	}
	return nil, errors.New("line too long")
}

// Content is what fill wrote.
func (p *Pack) Content() io.Reader { return io.NewSectionReader(p.file, p.at, p.Size-p.at) }

// All is the whole pack.
func (p *Pack) All() io.Reader { return io.NewSectionReader(p.file, 0, p.Size) }

// Close closes the file.
func (p *Pack) Close() error { return p.file.Close() }

// Offer is a pack that the build machine has.
type Offer struct {
	Key    string
	SHA256 string
	Size   int64
}

// String is how an offer travels in a command line.
func (o Offer) String() string { return fmt.Sprintf("%s:%s:%d", o.Key, o.SHA256, o.Size) }

// ParseOffers reads offers with spaces between them.
func ParseOffers(text string) ([]Offer, error) {
	var offers []Offer
	for _, word := range strings.Fields(text) {
		fields := strings.Split(word, ":")
		if len(fields) != 3 || len(fields[0]) != 64 || len(fields[1]) != 64 {
			return nil, fmt.Errorf("%q is no offer of a Ruby", word)
		}
		o := Offer{Key: fields[0], SHA256: fields[1]}
		if _, err := fmt.Sscan(fields[2], &o.Size); err != nil {
			return nil, fmt.Errorf("%q is no offer of a Ruby: %w", word, err)
		}
		offers = append(offers, o)
	}
	return offers, nil
}
