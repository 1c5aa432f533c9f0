package app

import (
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// peer is the user of the operating system at the other end of a Unix socket, as
// the kernel knows it; empty when it does not say.
func peer(c net.Conn) string {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ""
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ""
	}
	name := ""
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil { //#nosec G115 -- a file descriptor
			name = "uid " + strconv.FormatUint(uint64(cred.Uid), 10)
		}
	})
	if err != nil {
		return ""
	}
	return name
}
