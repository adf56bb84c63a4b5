package dataset

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// content is what was read from a file, after gunzip.
type content struct {
	name   string // of the file without folder and .gz
	size   int64
	sha256 string
}

// contentReader reads a file's content, plain or gzip depending on its first two bytes, and counts and hashes it on the
// way. It returns at most limit bytes, so a small file cannot become a large one.
type contentReader struct {
	ctx   context.Context
	r     io.Reader
	sum   hash.Hash
	n     int64
	limit int64
}

// Limits for unpacking an unknown file, which we chose: images compress to a tenth, sorted labels to nothing.
const (
	maxRatio   = 200      // times its size
	freeUnpack = 64 << 20 // bytes that any file may unpack to
)

// openContent opens a regular file. If plainSize is not 0, the content must have that size: a plain file is checked at
// once. Without it a small file may not unpack to a very large one.
func openContent(ctx context.Context, path string, plainSize, limit int64) (*contentReader, func() error, error) {
	f, st, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	if plainSize == 0 {
		limit = min(limit, max(freeUnpack, maxRatio*st.Size()))
	}
	c, err := fileContent(ctx, f, st.Size(), plainSize, limit)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return c, f.Close, nil
}

// openRegular opens a regular file. It checks before opening, because opening a pipe would wait for a writer.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	f, err := os.Open(path)
	return f, st, err
}

var errNotRegular = errors.New("not a regular file")

func fileContent(ctx context.Context, f *os.File, size, plainSize, limit int64) (*contentReader, error) {
	b := bufio.NewReaderSize(f, 1<<16)
	if magic, _ := b.Peek(2); plainSize > 0 && string(magic) != gzipMagic && size != plainSize {
		return nil, &sizeError{size, plainSize}
	}
	return newContentReader(ctx, b, limit)
}

const gzipMagic = "\x1f\x8b"

func newContentReader(ctx context.Context, b *bufio.Reader, limit int64) (*contentReader, error) {
	c := &contentReader{ctx: ctx, r: b, sum: sha256.New(), limit: limit}
	if magic, _ := b.Peek(2); string(magic) == gzipMagic {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		c.r = z
	}
	return c, nil
}

func (c *contentReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if int64(len(p)) > c.limit-c.n+1 {
		p = p[:c.limit-c.n+1]
	}
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	c.n += int64(n)
	if c.n > c.limit {
		return 0, fmt.Errorf("content has more than %d bytes", c.limit)
	}
	return n, err
}

// end checks that nothing follows and returns what was read.
func (c *contentReader) end(name string) (content, error) {
	switch n, err := io.Copy(io.Discard, c); {
	case err != nil:
		return content{}, err
	case n > 0:
		return content{}, fmt.Errorf("%d extra bytes after the %d wanted", n, c.n-n)
	}
	return content{name, c.n, hex.EncodeToString(c.sum.Sum(nil))}, nil
}

// sizeError and sumError describe a file that differs from the published one; [Check] turns them into a status.
type sizeError struct{ got, want int64 }

func (e *sizeError) Error() string { return fmt.Sprintf("%d bytes, want %d", e.got, e.want) }

type sumError struct{ got, want string }

func (e *sumError) Error() string { return fmt.Sprintf("sha256 %s, want %s", e.got, e.want) }

// readGrowing reads exactly n bytes. Memory grows as bytes arrive, so a header that lies about n costs nothing.
func readGrowing(r io.Reader, n int64) ([]byte, error) {
	buf := make([]byte, min(n, 1<<20))
	for done := 0; ; {
		k, err := io.ReadFull(r, buf[done:])
		done += k
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = fmt.Errorf("ends after %d of %d bytes: %w", done, n, io.ErrUnexpectedEOF)
			}
			return nil, err
		}
		if int64(done) == n {
			return buf, nil
		}
		grown := make([]byte, min(n, int64(2*len(buf))))
		copy(grown, buf)
		buf = grown
	}
}
