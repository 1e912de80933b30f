//go:build !linux

package catalog

import "net"

// boundBuffers does nothing where the system has no such bound.
func (l *lead) boundBuffers(net.Conn) {}
