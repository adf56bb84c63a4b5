package checkpoints

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	blobsName  = "blobs"
	blobSuffix = ".safetensors"
	tempPrefix = ".tmp-"
)

// WriteBlob stores bytes under their SHA-256 and returns it as 64 hex digits. The kind (weights, policy, child …) is
// for people. Equal bytes are stored once.
func (s *Store) WriteBlob(kind string, b []byte) (sha string, err error) {
	err = s.changeWithBlob(kind, b, nil, func(tx *sql.Tx, name string) error { sha = name; return nil })
	return sha, err
}

// changeWithBlob makes a blob's file durable and then carries out the change that names it.
func (s *Store) changeWithBlob(kind string, b []byte, events []Event, f func(tx *sql.Tx, sha string) error) error {
	sha, err := s.writeBlobFile(b)
	if err != nil {
		return err
	}
	return s.change(events, func(tx *sql.Tx) error {
		if err := insertBlob(tx, sha, kind, len(b)); err != nil {
			return err
		}
		return f(tx, sha)
	})
}

// writeBlobFile makes a blob's file durable; the caller must add the row that names it.
func (s *Store) writeBlobFile(b []byte) (sha string, err error) {
	if s.readOnly {
		return "", fmt.Errorf("checkpoints: %s: %w", s.dir, ErrReadOnly)
	}
	if sha, err = writeBlobFile(s.dir, b); err != nil {
		return "", fmt.Errorf("checkpoints: blob: %w", full(wrap(err), s.dir, len(b)+changeSize))
	}
	return sha, nil
}

// releasedBlob is the kind of a blob whose file was given up; its name still identifies the content.
const releasedBlob = "released"

func insertBlob(tx *sql.Tx, sha, kind string, size int) error {
	_, err := tx.Exec("INSERT INTO blob(sha256, kind, bytes, created_ns) VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET "+
		"kind = excluded.kind", sha, kind, size, time.Now().UnixNano())
	return err
}

// unnamedBlob is the condition that nothing names a blob.
const unnamedBlob = `NOT EXISTS (SELECT 1 FROM trial WHERE weights_sha256 = sha256)
	AND NOT EXISTS (SELECT 1 FROM trial WHERE checkpoint_sha256 = sha256)
	AND NOT EXISTS (SELECT 1 FROM policy WHERE state_sha256 = sha256)`

// writeBlobFile writes, syncs, renames and syncs the folder. If the file already exists, it stays if sound and is
// replaced if damaged.
func writeBlobFile(dir string, b []byte) (sha string, err error) {
	sum := sha256.Sum256(b)
	sha = hex.EncodeToString(sum[:])
	path := blobPath(dir, sha)
	if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() && st.Size() == int64(len(b)) {
		if _, err := readBlobFile(dir, sha, st.Size()); err == nil {
			return sha, nil
		}
	}
	sub := filepath.Dir(path)
	if st, err := os.Lstat(sub); err == nil && !st.IsDir() {
		return "", notPlain(sub, st.Mode(), "a folder")
	} else if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return "", err
		}
		for _, d := range []string{filepath.Dir(sub), dir} {
			if err := syncDir(d); err != nil {
				return "", err
			}
		}
	}
	f, err := os.CreateTemp(sub, tempPrefix+"*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return sha, syncDir(sub)
}

// ReadBlob returns the bytes of a blob of this run, checked against their hash: ErrNotFound for a hash that this run
// does not name, ErrMissing if the file is missing, ErrDamaged if its content has changed.
func (s *Store) ReadBlob(sha string) (b []byte, err error) {
	err = s.read(func(db *sql.DB) error {
		b, err = readBlob(db, s.dir, sha)
		return err
	})
	return b, err
}

// OrphanBlob returns the bytes of a blob's file, checked against their hash, even if this run does not name it.
func OrphanBlob(dir, sha string) ([]byte, error) {
	if !isHash(sha) {
		return nil, fmt.Errorf("checkpoints: blob %.64q: %w: not a hash", sha, ErrDamaged)
	}
	st, err := os.Lstat(blobPath(dir, sha))
	if err != nil {
		return nil, fmt.Errorf("checkpoints: blob %s: %w", sha, ErrMissing)
	}
	return readBlobFile(dir, sha, st.Size())
}

func readBlob(db *sql.DB, dir, sha string) ([]byte, error) {
	var size int64
	var kind string
	err := db.QueryRow("SELECT bytes, kind FROM blob WHERE sha256 = ?", sha).Scan(&size, &kind)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("blob %.64q: %w", sha, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if kind == releasedBlob {
		return nil, fmt.Errorf("blob %s: %w", sha, ErrReleased)
	}
	return readBlobFile(dir, sha, size)
}

func readBlobFile(dir, sha string, size int64) ([]byte, error) {
	if !isHash(sha) { // a name from a hostile database must not become a path
		return nil, fmt.Errorf("blob %.64q: %w: not a hash", sha, ErrDamaged)
	}
	path := blobPath(dir, sha)
	if st, err := os.Lstat(filepath.Dir(path)); err == nil && !st.IsDir() {
		return nil, fmt.Errorf("blob %s: %w: %w", sha, ErrDamaged, notPlain(filepath.Dir(path), st.Mode(), "a folder"))
	}
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("blob %s: %w", sha, ErrMissing)
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("blob %s: %w: not a regular file", sha, ErrDamaged)
	case st.Size() != size:
		return nil, fmt.Errorf("blob %s: %w: it has %d bytes, want %d", sha, ErrDamaged, st.Size(), size)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sha {
		return nil, fmt.Errorf("blob %s: %w: its content has another hash", sha, ErrDamaged)
	}
	return b, nil
}

// SweepBlobs removes blobs that are older than grace and that no trial and no policy names, and returns how many files
// it removed.
func (s *Store) SweepBlobs(grace time.Duration) (removed int, err error) {
	before := time.Now().Add(-grace)
	kept := map[string]bool{}
	err = s.change(nil, func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM blob WHERE created_ns < ? AND "+unnamedBlob, before.UnixNano())
		if err != nil {
			return err
		}
		rows, err := tx.Query("SELECT sha256 FROM blob WHERE kind <> ?", releasedBlob)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var sha string
			if err := rows.Scan(&sha); err != nil {
				return err
			}
			kept[sha] = true
		}
		return rows.Err()
	})
	if err != nil {
		return 0, err
	}
	// After the commit: a crash in between leaves orphans for the next sweep.
	err = walkBlobs(s.dir, func(path, name string, d fs.DirEntry) error {
		sha, ok := strings.CutSuffix(name, blobSuffix)
		if !ok || !isHash(sha) || kept[sha] {
			return nil
		}
		st, err := d.Info()
		if err != nil || st.ModTime().After(before) {
			return err
		}
		removed++
		return os.Remove(path)
	})
	if err != nil {
		return removed, fmt.Errorf("checkpoints: sweep: %w", err)
	}
	return removed, nil
}

// sweepTemp removes files that a killed writer left half-written. The caller must hold the lock.
func sweepTemp(dir string) error {
	for _, pattern := range []string{dbName + ".tmp*", dbName + ".v*.tmp*"} {
		names, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := os.RemoveAll(name); err != nil { // of a recovery it is a folder
				return err
			}
		}
	}
	return walkBlobs(dir, func(path, name string, d fs.DirEntry) error {
		if strings.HasPrefix(name, tempPrefix) {
			return os.Remove(path)
		}
		return nil
	})
}

// walkBlobs calls f for each file in the blob folders.
func walkBlobs(dir string, f func(path, name string, d fs.DirEntry) error) error {
	root := filepath.Join(dir, blobsName)
	subs, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if !sub.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(root, sub.Name()))
		if err != nil {
			return err
		}
		for _, d := range files {
			if err := f(filepath.Join(root, sub.Name(), d.Name()), d.Name(), d); err != nil {
				return err
			}
		}
	}
	return nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

func blobPath(dir, sha string) string { return filepath.Join(dir, blobsName, sha[:2], sha+blobSuffix) }

func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
