package dataset

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// cifar is a data set in CIFAR's binary layout: files of records, each one or two label bytes followed by the red,
// green and blue planes of a 32x32 image. It is read from a folder with those files or straight from the archive, which
// is never unpacked.
type cifar struct {
	info       Info
	folder     string // of the members in the archive
	labelBytes int    // the last one is the class
	train      []File // members, by base name
	test       []File
}

const (
	cifarSide  = 32
	cifarPlane = cifarSide * cifarSide
	cifarURL   = "https://www.cs.toronto.edu/~kriz/"
)

// maxEntries and maxExtra limit what an archive may have besides the members: the real ones have 8 entries and a few
// extra kilobytes.
const (
	maxEntries = 64
	maxExtra   = 1 << 20
)

// in reports whether a folder looks like this data set.
func (c *cifar) in(dir string) bool {
	_, _, err := c.find(dir)
	return err == nil
}

// find returns the archive, or the folder with the first training file.
func (c *cifar) find(dir string) (archive, folder string, err error) {
	if st, err := os.Stat(dir); err == nil && st.Mode().IsRegular() {
		return dir, "", nil
	}
	for _, d := range []string{dir, filepath.Join(dir, c.folder)} {
		if st, err := os.Stat(filepath.Join(d, c.train[0].Name)); err == nil && !st.IsDir() {
			return "", d, nil
		}
	}
	archive = filepath.Join(dir, c.info.Files[0].Name)
	if st, err := os.Stat(archive); err == nil && !st.IsDir() {
		return archive, "", nil
	}
	return "", "", fmt.Errorf("%w: %s or %s in %s\n%s", ErrMissing, c.info.Files[0].Name, c.train[0].Name, dir,
		hint(c.info))
}

func (c *cifar) load(ctx context.Context, o Options) (*Data, error) {
	dir, err := locate(c.info, o.Dir, c.in)
	if err != nil {
		return nil, err
	}
	archive, folder, err := c.find(dir)
	if err != nil {
		return nil, err
	}
	rd, err := c.reader()
	if err != nil {
		return nil, err
	}
	if archive != "" {
		err = rd.archive(ctx, archive)
	} else {
		err = rd.folder(ctx, folder)
	}
	if err != nil {
		return nil, err
	}
	return finish(ctx, rd.data, o, rd.contents)
}

// cifarReader collects the images of the members, which may come in any order.
type cifarReader struct {
	*cifar
	data     *Data
	contents []content // in the order of members; name "" = not read yet
}

func (c *cifar) reader() (*cifarReader, error) {
	rd := &cifarReader{cifar: c, data: &Data{Info: c.info}, contents: make([]content, len(c.train)+len(c.test))}
	for _, p := range []struct {
		part  *Images
		files []File
	}{{&rd.data.Train, c.train}, {&rd.data.Test, c.test}} {
		n := 0
		for _, f := range p.files {
			n += c.records(f)
		}
		im, err := newImages(n, cifarSide, cifarSide, 3)
		if err != nil {
			return nil, err
		}
		*p.part = im
	}
	return rd, nil
}

func (c *cifar) record() int64 { return int64(c.labelBytes + 3*cifarPlane) }

func (c *cifar) records(f File) int { return int(f.Size / c.record()) }

func (c *cifar) members() []File { return append(c.train[:len(c.train):len(c.train)], c.test...) }

func (rd *cifarReader) folder(ctx context.Context, dir string) error {
	for i, m := range rd.members() {
		if err := rd.file(ctx, filepath.Join(dir, m.Name), i); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, m.Name), err)
		}
	}
	return nil
}

func (rd *cifarReader) file(ctx context.Context, path string, i int) error {
	f, st, err := openRegular(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w\n%s", ErrMissing, hint(rd.info))
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if want := rd.members()[i].Size; st.Size() != want {
		return &sizeError{st.Size(), want}
	}
	return rd.member(ctx, f, i)
}

func (rd *cifarReader) archive(ctx context.Context, name string) error {
	f, st, err := openRegular(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := rd.tar(ctx, f); err != nil {
		want := rd.info.Files[0]
		if st.Size() != want.Size {
			err = fmt.Errorf("%w\n%w; sha256 %s", err, &sizeError{st.Size(), want.Size}, want.SHA256)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tar reads an archive, compressed or not, and skips entries that the data set does not use. It refuses an entry whose
// name leads out of the archive, and a member that is not a regular file: nothing is unpacked, but either makes the
// archive suspect.
func (rd *cifarReader) tar(ctx context.Context, r io.Reader) error {
	members := rd.members()
	limit := int64(maxExtra)
	for _, m := range members {
		limit += m.Size
	}
	content, err := newContentReader(ctx, bufio.NewReaderSize(r, 1<<16), limit)
	if err != nil {
		return err
	}
	t := tar.NewReader(content)
	for entries := 0; ; entries++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if entries == maxEntries {
			return fmt.Errorf("the archive has more than %d entries", maxEntries)
		}
		if !filepath.IsLocal(strings.TrimSuffix(h.Name, "/")) {
			return fmt.Errorf("entry %q leads out of the archive", h.Name)
		}
		for i, m := range members {
			if path.Base(h.Name) != m.Name {
				continue
			}
			switch {
			case h.Typeflag != tar.TypeReg:
				return fmt.Errorf("%s: not a regular file", h.Name)
			case rd.contents[i].name != "":
				return fmt.Errorf("%s: occurs twice", h.Name)
			case h.Size != m.Size:
				return fmt.Errorf("%s: %w", h.Name, &sizeError{h.Size, m.Size})
			}
			if err := rd.member(ctx, t, i); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
	for i, m := range members {
		if rd.contents[i].name == "" {
			return fmt.Errorf("%s is not in the archive", m.Name)
		}
	}
	_, err = io.Copy(io.Discard, content) // to the end, for gzip's own checksum
	return err
}

// member reads the records of member i, whose size is already checked.
func (rd *cifarReader) member(ctx context.Context, r io.Reader, i int) error {
	m := rd.members()[i]
	part, first := &rd.data.Train, 0
	for j := range i {
		if j+1 == len(rd.train) {
			part, first = &rd.data.Test, 0
		} else {
			first += rd.records(rd.members()[j])
		}
	}
	sum := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(r, sum), 1<<16)
	rec := make([]byte, rd.record())
	for n := first; n < first+rd.records(m); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(in, rec); err != nil {
			return fmt.Errorf("record %d: %w", n-first, err)
		}
		label := rec[rd.labelBytes-1]
		if int(label) >= len(rd.info.Classes) {
			return fmt.Errorf("record %d has label %d, want 0 to %d", n-first, label, len(rd.info.Classes)-1)
		}
		part.Labels[n] = int32(label)
		interleave(part.Pixels[n*3*cifarPlane:(n+1)*3*cifarPlane], rec[rd.labelBytes:])
	}
	got := content{m.Name, m.Size, hex.EncodeToString(sum.Sum(nil))}
	if got.sha256 != m.SHA256 {
		rd.data.Warnings = append(rd.data.Warnings,
			fmt.Sprintf("%s is not the published file (%v); it is used as a different edition", m.Name,
				&sumError{got.sha256, m.SHA256}))
	}
	rd.contents[i] = got
	return nil
}

// interleave turns three planes into pixels.
func interleave(dst, planes []byte) {
	r, g, b := planes[:cifarPlane], planes[cifarPlane:2*cifarPlane], planes[2*cifarPlane:3*cifarPlane]
	for i := range cifarPlane {
		p := dst[3*i : 3*i+3]
		p[0], p[1], p[2] = r[i], g[i], b[i]
	}
}
