package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// home is the directory of one cluster, locked while the cluster runs.
//
//	kubeconfig  port  devcluster.log  lock   for people
//	etcd/  pki/                              what makes the next start continue this cluster
type home struct {
	dir  string
	lock *os.File
}

const biggestLog = 32 << 20 // bytes; a log beyond this is put aside at the next start

func openHome(dir string) (*home, error) {
	// 0700: the certificates inside are the keys to the cluster.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cluster's directory: %w; choose another --dir", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the cluster's lock: %w; choose another --dir", err)
	}
	// The kernel drops the lock with the process, so a kill -9 leaves nothing to clean up.
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(lock.Name())
		lock.Close()
		return nil, fmt.Errorf("%s is in use by another devcluster (process %s): stop that one, or choose another --dir",
			dir, strings.TrimSpace(string(owner)))
	}
	_ = lock.Truncate(0)
	_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return &home{dir: dir, lock: lock}, nil
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// write replaces a file in one step, so that a reader or a kill -9 never meets half of it.
func (h *home) write(name string, data []byte) error {
	path := h.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// close gives the directory free. With discard it deletes what a cluster keeps there, and the
// directory if nothing else is in it; other people's files stay.
func (h *home) close(discard bool) {
	if discard {
		for _, name := range []string{"kubeconfig", "port", "etcd", "pki", "devcluster.log", "devcluster.log.old", "lock"} {
			_ = os.RemoveAll(h.path(name))
		}
		_ = os.Remove(h.dir)
	}
	h.lock.Close()
}

// terminal is what the process was given as its own output and error. Everything that people must
// read goes there; file descriptors 1 and 2 become the log.
type terminal struct{ out, err *os.File }

func keepTerminal() (terminal, error) {
	t := terminal{os.Stdout, os.Stderr}
	for fd, kept := range map[int]**os.File{1: &t.out, 2: &t.err} {
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return t, fmt.Errorf("keep file descriptor %d: %w", fd, err)
		}
		*kept = os.NewFile(uintptr(n), fmt.Sprintf("terminal-%d", fd))
	}
	return t, nil
}

// redirectOutput sends everything that components print to DIR/devcluster.log, to the end of the
// process: a component that is slow to stop goes on talking. It replaces the file descriptors and not
// only Go's variables, because loggers keep os.Stderr from their own start.
func (h *home) redirectOutput() error {
	path := h.path("devcluster.log")
	if info, err := os.Stat(path); err == nil && info.Size() > biggestLog {
		_ = os.Rename(path, path+".old")
	}
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	fmt.Fprintf(log, "\n==== devcluster starts, process %d, %s ====\n", os.Getpid(), time.Now().Format(time.RFC3339))
	for _, fd := range []int{1, 2} {
		if err := unix.Dup2(int(log.Fd()), fd); err != nil {
			return fmt.Errorf("redirect file descriptor %d to the log: %w", fd, err)
		}
	}
	return nil
}

// listen opens the API server's port: the wanted one, else the one of the last run, else any.
// Whoever kept a kubeconfig from before can go on using it when the old port is free.
func listen(h *home, wanted int) (net.Listener, error) {
	l, err := openPort(h, wanted)
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return l, h.write("port", []byte(strconv.Itoa(port)+"\n"))
}

func openPort(h *home, wanted int) (net.Listener, error) {
	if wanted != 0 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", wanted))
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("port %d is taken by another program: choose another --port, or leave it out for a free one", wanted)
		case err != nil:
			return nil, fmt.Errorf("listen on port %d: %w; choose another --port, or leave it out for a free one", wanted, err)
		}
		return l, nil
	}
	last, err := os.ReadFile(h.path("port"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if port := strings.TrimSpace(string(last)); port != "" {
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}
