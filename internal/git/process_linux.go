package git

import "syscall"

// attributes put a child in its own process group and let the kernel end it with us, kill -9 included.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
