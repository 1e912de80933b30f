package catalog

import (
	"net"

	"golang.org/x/sys/unix"
)

// boundBuffers has the kernel give up what it could not deliver before the lease of the last renewal is over, instead of
// delivering it when the network is back: bytes leave for two thirds of a lease, and have the last third to arrive.
func (l *lead) boundBuffers(conn net.Conn) {
	l.mu.Lock()
	limit := l.valid / 2
	l.mu.Unlock()
	tcp, ok := conn.(*net.TCPConn)
	if !ok || limit <= 0 {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // an old kernel does without
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
	})
}
