//go:build unix && !linux

package git

import "syscall"

// attributes put a child in its own process group.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
