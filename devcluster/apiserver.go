package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	cliflag "k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

const (
	serviceIPs     = "10.96.0.0/16"
	firstServiceIP = "10.96.0.1" // the API server gives it to the Service "kubernetes"
	issuer         = "https://kubernetes.default.svc.cluster.local"
)

type apiServer struct {
	listener net.Listener
	database *etcd
	keys     *keys
	audit    []string // its flags
}

// run serves the Kubernetes API until ctx ends.
//
// It goes through the options and app.Run and not through the cobra command, because the commands of
// all three components install a process-wide signal handler that panics when it is installed twice.
func (a apiServer) run(ctx context.Context) error {
	o := options.NewServerRunOptions()
	err := parseFlags(o.Flags(), append(a.audit,
		"--etcd-servers="+a.database.url,
		"--etcd-cafile="+a.database.caFile,
		"--etcd-certfile="+a.database.keys.cert,
		"--etcd-keyfile="+a.database.keys.key,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--tls-cert-file="+a.keys.apiServer.cert,
		"--tls-private-key-file="+a.keys.apiServer.key,
		"--client-ca-file="+a.keys.caFile,
		// all nodes are on this machine, whatever their InternalIP says; see nodes.go
		"--kubelet-preferred-address-types=ExternalIP",
		"--kubelet-certificate-authority="+a.keys.caFile,
		"--kubelet-client-certificate="+a.keys.kubeletClient.cert,
		"--kubelet-client-key="+a.keys.kubeletClient.key,
		"--anonymous-auth=false",
		"--authorization-mode=RBAC",
		"--allow-privileged=true", // or the API refuses many a system DaemonSet
		"--service-account-issuer="+issuer,
		"--service-account-key-file="+a.keys.saKeyFile,
		"--service-account-signing-key-file="+a.keys.saKeyFile,
		"--service-cluster-ip-range="+serviceIPs,
		// Endpoints of the Service "kubernetes" may not be loopback addresses, so there are none.
		"--endpoint-reconciler-type=none",
		// One user, one machine: fairness between clients only costs memory and start-up time.
		"--enable-priority-and-fairness=false",
		"--max-requests-inflight=2000",
		"--max-mutating-requests-inflight=1000",
		"--profiling=false",
	))
	if err != nil {
		return err
	}
	// A listener that is open already cannot lose its port to somebody else.
	o.SecureServing.Listener = a.listener
	o.SecureServing.BindPort = a.listener.Addr().(*net.TCPAddr).Port
	completed, err := o.Complete(ctx)
	if err != nil {
		return fmt.Errorf("complete the API server's options: %w", err)
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return fmt.Errorf("the API server's options: %w", utilerrors.NewAggregate(errs))
	}
	return apiserver.Run(ctx, completed)
}

// auditPolicy has every change recorded with what was sent; not what the control plane does all day for itself.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, verbs: [get, list, watch]}
- {level: None, resources: [{group: coordination.k8s.io}, {group: events.k8s.io}, {group: "", resources: [events]}]}
- {level: None, users: ["system:apiserver", "system:kube-scheduler", "system:kube-controller-manager", kubelet]}
- {level: None, userGroups: ["system:serviceaccounts:kube-system"]}
- {level: Request}
`

// auditLog returns the flags that have the API server write home's audit.log.
func auditLog(home *home) ([]string, error) {
	if err := home.write("audit-policy.yaml", []byte(auditPolicy)); err != nil {
		return nil, err
	}
	return []string{"--audit-policy-file=" + home.path("audit-policy.yaml"), "--audit-log-path=" + home.path("audit.log"), "--audit-log-mode=blocking", "--audit-log-maxsize=0"}, nil
}

func parseFlags(sets cliflag.NamedFlagSets, args []string) error {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	if err := all.Parse(args); err != nil {
		return err
	}
	if all.NArg() > 0 {
		return errors.New("unexpected argument " + all.Arg(0))
	}
	return nil
}
