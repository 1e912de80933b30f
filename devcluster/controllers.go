package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// prepareGlobals does what the components expect to be done once per process, before the first of
// them is built. The registry of feature gates is shared by all.
//
// Names matter too: Kubernetes records who wrote a field under the client's name, client-go takes
// that from os.Args[0], and Hawser tells people's changes from controllers' by it. The API server
// builds its own clients out of our sight, so the process is called as it wants to be called; the
// other components get their names by calledAs.
func prepareGlobals() error {
	os.Args[0] = "kube-apiserver"
	return compatibility.DefaultComponentGlobalsRegistry.Set()
}

// controllerManager runs the upstream controller-manager with all its controllers.
type controllerManager struct {
	keys       *keys
	kubeconfig string // path
}

func (m controllerManager) run(ctx context.Context) error {
	o, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	all, off, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	flags := o.Flags(all, off, aliases)
	o.ParsedFlags = &flags
	err = parseFlags(flags, []string{
		"--kubeconfig=" + m.kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--root-ca-file=" + m.keys.caFile,
		"--service-account-private-key-file=" + m.keys.saKeyFile,
		"--use-service-account-credentials=false",
		// The default of 20 requests a second makes a hundred replicas take a minute.
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		// A laptop that slept, or a machine full of tests, must not evict the pods.
		"--node-monitor-grace-period=10m",
	})
	if err != nil {
		return err
	}
	config, err := o.Config(ctx, all, off, aliases)
	if err != nil {
		return fmt.Errorf("configure the controller-manager: %w", err)
	}
	config.Kubeconfig.Wrap(calledAs("kube-controller-manager"))
	if config.Client, err = kubernetes.NewForConfig(config.Kubeconfig); err != nil {
		return err
	}
	return app.Run(ctx, config.Complete())
}

// calledAs replaces the first word of the user agent, which is the name that managedFields show.
func calledAs(name string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			_, rest, _ := strings.Cut(r.UserAgent(), "/")
			r = r.Clone(r.Context()) // a RoundTripper may not change its request
			r.Header.Set("User-Agent", name+"/"+rest)
			return next.RoundTrip(r)
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// clientFor is a client for our own parts of the cluster, without a limit on its requests.
func clientFor(k *keys, server, name string) (kubernetes.Interface, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(k.kubeconfig(server, k.kubelet))
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.UserAgent = name + "/" + kubernetesVersion()
	config.ContentConfig = rest.ContentConfig{ContentType: "application/vnd.kubernetes.protobuf", AcceptContentTypes: "application/vnd.kubernetes.protobuf,application/json"}
	return kubernetes.NewForConfig(config)
}
