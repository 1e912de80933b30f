package catalog

import (
	"net"

	"golang.org/x/sys/unix"
)

// boundBuffers has the kernel give up what it could not deliver within the time that a lease is good for, instead of
// delivering it when the network is back.
func (l *lead) boundBuffers(conn net.Conn) {
	l.mu.Lock()
	limit := l.valid
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
