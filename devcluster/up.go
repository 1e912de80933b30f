package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"k8s.io/klog/v2"
)

type settings struct {
	dir           string // absolute
	port          int    // 0: as last time, or any
	nodes         int
	exitWithStdin bool
	discard       bool
	audit         bool
}

const (
	readyWithin = 3 * time.Minute // generous: a busy two-core machine needs about 20 s
	stopWithin  = 4 * time.Second // per component; the data are safe whenever we are killed
)

// up runs a cluster in s.dir until ctx ends. It prints one line when the cluster is usable.
//
// The port is opened first of all, so that no other devcluster can take it meanwhile; and the
// controllers start only when the API server answers, or each would wait out its own retries.
func up(ctx context.Context, s settings, t terminal) (err error) {
	if err := checkLinked(); err != nil {
		return err
	}
	home, err := openHome(s.dir)
	if err != nil {
		return err
	}
	defer func() { home.close(s.discard && err == nil) }() // after a failure somebody wants the log
	if err := home.redirectOutput(); err != nil {
		return err
	}
	defer func() {
		if errors.Is(err, errStopped) {
			err = nil // being told to stop is no failure, however early
		}
		if err != nil {
			klog.ErrorS(err, "devcluster ends")
			err = fmt.Errorf("%w\n  log: %s", err, home.path("devcluster.log"))
		}
	}()
	klog.OsExit = func(code int) {
		if ctx.Err() != nil {
			// Stopped in the middle of its start, the API server ends the process by itself.
			home.close(s.discard)
			os.Exit(0)
		}
		fmt.Fprintf(t.err, "devcluster: a Kubernetes component gave up; the reason is at the end of %s\n", home.path("devcluster.log"))
		os.Exit(code)
	}
	_ = debug.SetCrashOutput(t.err, debug.CrashOptions{})

	listener, err := listen(home, s.port)
	if err != nil {
		return err
	}
	keys, err := loadKeys(home)
	if err != nil {
		return err
	}
	server := "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))

	var parts parts
	defer parts.stopAll(stopWithin)

	database, err := startEtcd(home, keys)
	if err != nil {
		return err
	}
	parts.add("etcd", database.stop)
	if err := prepareGlobals(); err != nil {
		return err
	}
	api := apiServer{listener: listener, database: database, keys: keys}
	if s.audit {
		if api.audit, err = auditLog(home); err != nil {
			return err
		}
	}
	parts.run("kube-apiserver", api.run)

	if err := home.write("pki/controller-manager.kubeconfig", keys.kubeconfig(server, keys.controllerManager)); err != nil {
		return err
	}
	if err := home.write("pki/scheduler.kubeconfig", keys.kubeconfig(server, keys.scheduler)); err != nil {
		return err
	}
	client, err := clientFor(keys, server, "kubelet")
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := parts.wait(starting, "the API server", healthy(client)); err != nil {
		return err
	}
	parts.run("kube-controller-manager", controllerManager{keys, home.path("pki/controller-manager.kubeconfig")}.run)
	parts.run("kube-scheduler", podScheduler{home.path("pki/scheduler.kubeconfig")}.run)
	ask, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	parts.run("nodes", nodes{client: client, count: s.nodes, port: ask.Addr().(*net.TCPAddr).Port}.run)
	kubelet := newKubelet(client, s.nodes)
	parts.run("kubelet", kubelet.run)
	parts.run("streams", streams{kubelet: kubelet, listener: ask, keys: keys}.run)
	parts.run("addresses", addresses{client: client}.run)
	parts.run("volumes", volumes{client: client, root: home.path("volumes")}.run)
	if err := parts.wait(starting, "the cluster", usable(client)); err != nil {
		return err
	}
	if err := home.write("kubeconfig", keys.kubeconfig(server, keys.admin)); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "devcluster ready: kubeconfig %s, server %s\n", home.path("kubeconfig"), server)

	return parts.untilStopped(ctx)
}
