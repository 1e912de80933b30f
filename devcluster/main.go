// Devcluster runs a real Kubernetes control plane in one process, for Hawser's demo and tests.
//
// The kube-apiserver, the controller-manager, the scheduler and etcd are the upstream ones, linked
// from their Go modules. Only the machines are pretended: a small kubelet of our own (kubelet.go)
// reports pods as running, so that Deployments become available and Jobs complete without a
// container ever starting. Because it is ours, it can also be told to fail (see README.md).
//
// Read [up] first: it is the whole life of a cluster on one page. What a pod does over time is
// decided in package podlife, which is pure.
//
// The upstream kubectl is linked in too (kubectl.go), for machines that have none.
//
// It refuses to be a cluster for real work: nothing runs in the pods, there is no network between
// them, and it listens on 127.0.0.1 only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
)

const usage = `devcluster: real Kubernetes in one process, with simulated nodes

Usage:
  devcluster up --dir DIR [flags]   start a cluster, or continue the one in DIR; stays in the foreground
  devcluster kubectl ARGS...        the real kubectl, for clusters on this machine; also when called through a link named kubectl
  devcluster version                print the versions of what is inside

Flags of up:
  --dir DIR            where the cluster lives: kubeconfig, data, certificates, devcluster.log (required)
  --port N             port of the API server on 127.0.0.1 (default: as last time if free, else any)
  --nodes N            number of simulated nodes (default 3)
  --exit-with-stdin    stop when standard input ends, so that a crashed parent leaves nothing behind
  --discard            delete DIR's contents when stopping
  --audit              write what changes the cluster, and who does it, to DIR/audit.log

One line is printed on standard output when the cluster is ready; then: devcluster kubectl --kubeconfig DIR/kubeconfig get nodes
Ctrl-C or SIGTERM stops it, and the same command continues it with all its data (also after kill -9).
`

func main() {
	if args, ok := asKubectl(os.Args); ok {
		if err := kubectl(args); err != nil {
			fmt.Fprintln(os.Stderr, "devcluster:", err)
			os.Exit(1)
		}
		return
	}
	t, err := keepTerminal()
	if err == nil {
		err = run(os.Args[1:], os.Stdin, t)
	}
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(t.out, usage)
	default:
		fmt.Fprintln(t.err, "devcluster:", err)
		var wrong usageError
		if errors.As(err, &wrong) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// usageError is a mistake on the command line; it exits 2, as getopt programs do.
type usageError string

func (e usageError) Error() string { return string(e) + " (devcluster --help shows the usage)" }

func run(args []string, in io.Reader, t terminal) error {
	if len(args) == 0 {
		return usageError("no command given")
	}
	switch args[0] {
	case "up":
		s, err := parseUp(args[1:])
		if err != nil {
			return err
		}
		return up(stopContext(s, in), s, t)
	case "version":
		fmt.Fprintln(t.out, versionLine())
		return nil
	case "help", "--help", "-h", "-help":
		return flag.ErrHelp
	}
	return usageError(fmt.Sprintf("unknown command %q", args[0]))
}

func parseUp(args []string) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("up", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&s.dir, "dir", "", "")
	fs.IntVar(&s.port, "port", 0, "")
	fs.IntVar(&s.nodes, "nodes", 3, "")
	fs.BoolVar(&s.exitWithStdin, "exit-with-stdin", false, "")
	fs.BoolVar(&s.discard, "discard", false, "")
	fs.BoolVar(&s.audit, "audit", false, "")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return s, err
	} else if err != nil {
		return s, usageError(err.Error())
	}
	switch {
	case fs.NArg() > 0:
		return s, usageError(fmt.Sprintf("unexpected argument %q", fs.Arg(0)))
	case s.dir == "":
		return s, usageError("--dir is required: the directory where the cluster keeps its data")
	case s.port < 0 || s.port > 65535:
		return s, usageError(fmt.Sprintf("--port %d is no port: use 1 to 65535, or leave it out for a free one", s.port))
	case s.nodes < 1 || s.nodes > 1000:
		return s, usageError(fmt.Sprintf("--nodes %d: use 1 to 1000", s.nodes))
	}
	var err error
	s.dir, err = filepath.Abs(s.dir)
	return s, err
}

// stopContext ends with the first SIGTERM, SIGINT, or (if asked) end of standard input.
// The signals get back their default effect then, so that a second one kills.
func stopContext(s settings, in io.Reader) context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if s.exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, in)
			stop()
		}()
	}
	return ctx
}

// versionLine names the upstream modules linked in; they are the truth about what runs.
func versionLine() string {
	kubernetes, etcd := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "k8s.io/kubernetes":
				kubernetes = m.Version
			case "go.etcd.io/etcd/server/v3":
				etcd = m.Version
			}
		}
	}
	return strings.Join([]string{"devcluster: kubernetes", kubernetes + ",", "etcd", etcd}, " ")
}
