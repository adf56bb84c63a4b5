package remote

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// shortAddress returns a path of the socket through a descriptor of its folder.
func shortAddress(dir, name string) (string, func(), error) {
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("remote: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), name), func() { f.Close() }, nil
}

// checkPeer returns the process at the other end, and an error if it may not connect.
func checkPeer(c net.Conn) (pid int, err error) {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	if e := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); e != nil {
		return 0, e
	}
	if err != nil {
		return 0, fmt.Errorf("cannot tell who is at the other end: %w", err)
	}
	return int(cred.Pid), allowed(cred.Uid)
}

// allowed returns an error if processes of user uid may not connect.
func allowed(uid uint32) error {
	if uid == 0 || int(uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("%w: its user id is %d", ErrStranger, uid)
}
