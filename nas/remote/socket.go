//go:build unix

package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// SocketName is the name of the socket in the run's folder.
const SocketName = "nasnet.sock"

// listen creates the socket of a run. It replaces an existing one, whose owner must have died, because the caller holds
// the run's lock.
func listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketName)
	fresh := SocketName + ".new"
	if err := os.Remove(filepath.Join(dir, fresh)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remote: %w", err)
	}
	addr, done, err := address(dir, fresh)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: addr, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	l.SetUnlinkOnClose(false) // the socket is renamed below
	if err = os.Chmod(filepath.Join(dir, fresh), 0o600); err == nil {
		err = os.Rename(filepath.Join(dir, fresh), path) // so the final name never has another mode
	}
	if err != nil {
		l.Close()
		os.Remove(filepath.Join(dir, fresh))
		return nil, fmt.Errorf("remote: %w", err)
	}
	return l, nil
}

// connect opens a connection to the program that runs the run in dir.
func connect(ctx context.Context, dir string) (net.Conn, error) {
	addr, done, err := address(dir, SocketName)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", dir, ErrNotRunning)
		}
		return nil, err
	}
	defer done()
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(ctx, "unix", addr)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK),
		errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%s: %w", dir, ErrNotRunning)
	case err != nil:
		return nil, fmt.Errorf("remote: %s: %w", filepath.Join(dir, SocketName), err)
	}
	if _, err := checkPeer(c); err != nil {
		c.Close()
		return nil, fmt.Errorf("remote: %s: %w", filepath.Join(dir, SocketName), err)
	}
	return c, nil
}

// sunPath is the largest number of bytes in a socket's path, including the final zero.
const sunPath = len(syscall.RawSockaddrUnix{}.Path)

// address returns a path of the socket that is short enough for the system, and a function to call after use. A path
// that is too long is replaced by one through an open descriptor of the folder.
func address(dir, name string) (addr string, done func(), err error) {
	path := filepath.Join(dir, name)
	if len(path) < sunPath {
		return path, func() {}, nil
	}
	return shortAddress(dir, name)
}
