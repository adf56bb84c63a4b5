package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Status of a file.
const (
	StatusOK       = "ok"
	StatusMissing  = "missing"
	StatusSize     = "wrong size"
	StatusChecksum = "wrong checksum"
	StatusBroken   = "unreadable"
)

// FileStatus is what [Check] found.
type FileStatus struct {
	Name   string `json:"name"`
	Path   string `json:"path,omitempty"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"` // what was found and what was wanted
}

// Check reads the files of a data set in dir, or in the first of [Places] that has any, and compares them with the
// published sizes and checksums. A file is ok as published, unpacked, or recompressed. A wrong file is a status; an
// error means that the check could not be made.
func Check(ctx context.Context, name, dir string) ([]FileStatus, error) {
	s, err := Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if s.Name == fashion10kInfo.Name {
		_, err := loadFashion10k(ctx, Options{})
		return []FileStatus{statusOf(fashion10kFile.Name, "", err)}, ctx.Err()
	}
	if dir == "" && len(s.Files) > 0 {
		places := Places(name)
		dir = places[0]
		for _, p := range places {
			if len(filesIn(s.Info, p)) > 0 {
				dir = p
				break
			}
		}
	}
	var out []FileStatus
	files := filesIn(s.Info, dir)
	if len(files) == 0 {
		for _, f := range s.Files {
			out = append(out, FileStatus{Name: f.Name, Path: filepath.Join(dir, f.Name), Status: StatusMissing})
		}
	}
	for _, f := range files {
		st := statusOf(f.Name, f.path, verify(ctx, f.path, f.File))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out = append(out, st)
	}
	return out, nil
}

func statusOf(name, path string, err error) FileStatus {
	st := FileStatus{Name: name, Path: path, Status: StatusOK}
	var size *sizeError
	var sum *sumError
	switch {
	case err == nil:
		return st
	case errors.Is(err, os.ErrNotExist):
		st.Status = StatusMissing
	case errors.As(err, &size):
		st.Status = StatusSize
	case errors.As(err, &sum):
		st.Status = StatusChecksum
	default:
		st.Status = StatusBroken
	}
	st.Detail = err.Error()
	return st
}

// placedFile is a published file, or an unpacked member of one, and where it should be.
type placedFile struct {
	File
	path string
}

// filesIn lists the files that make up the data set in dir, including missing ones; none if the folder has nothing of
// it.
func filesIn(info Info, dir string) (files []placedFile) {
	for _, c := range []*cifar{&cifar10, &cifar100} {
		if c.info.Name != info.Name {
			continue
		}
		archive, folder, err := c.find(dir)
		switch {
		case err != nil:
			return nil
		case archive != "":
			return []placedFile{{c.info.Files[0], archive}}
		}
		for _, m := range c.members() {
			files = append(files, placedFile{m, filepath.Join(folder, m.Name)})
		}
		return files
	}
	any := false
	for _, f := range info.Files {
		path := filepath.Join(dir, f.Name)
		if p, ok := findIDX(dir, strings.TrimSuffix(f.Name, ".gz")); ok {
			path = p
		}
		if _, err := os.Stat(path); err == nil {
			any = true
		}
		files = append(files, placedFile{f, path})
	}
	if !any {
		return nil
	}
	return files
}

// verify returns nil if the file is the published one, byte for byte or by its content.
func verify(ctx context.Context, path string, want File) error {
	f, st, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sameSize := st.Size() == want.Size
	if sameSize {
		got, err := hashFile(ctx, f)
		if err != nil {
			return err
		}
		if got == want.SHA256 {
			return nil
		}
		if want.ContentSHA256 == "" {
			return &sumError{got, want.SHA256}
		}
	}
	if want.ContentSHA256 == "" {
		return &sizeError{st.Size(), want.Size}
	}
	if err := verifyContent(ctx, path, want); err != nil {
		if !sameSize {
			return fmt.Errorf("%w (as a .gz: %w)", err, &sizeError{st.Size(), want.Size})
		}
		return err
	}
	return nil
}

func verifyContent(ctx context.Context, path string, want File) error {
	r, closeFile, err := openContent(ctx, path, want.ContentSize, want.ContentSize)
	if err != nil {
		return err
	}
	defer closeFile()
	if _, err := io.CopyN(io.Discard, r, want.ContentSize); err != nil {
		return fmt.Errorf("content ends after %d of %d bytes: %w", r.n, want.ContentSize, err)
	}
	c, err := r.end(want.Name)
	if err != nil {
		return err
	}
	return c.matches(want)
}

// hashFile returns the SHA-256 of the rest of r, in hex.
func hashFile(ctx context.Context, r io.Reader) (string, error) {
	h := sha256.New()
	buf := make([]byte, 1<<18)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
