//go:build unix && !linux

package credential

import "syscall"

// attributes give the program a process group.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
